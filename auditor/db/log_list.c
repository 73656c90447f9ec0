#include "auditor/db/log_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "auditor/db/lease.h"
#include "base/clk.h"
#include "base/mem.h"
#include "base/sha.h"

/* The newest list of this source: its timestamp and whether it is ours. */
static int
list_newer(struct db *db, const struct log_list_in *in,
    const struct span *sha, int *known, struct err *e)
{
	struct db_res	*r = NULL;
	int		 rc = 0;
	char		 t[CLK_TEXT];

	*known = 0;
	if (db_query(db, &r, e, "select sha256 = $2, listed_at > $3, listed_at "
	    "from log_list where source = $1 "
	    "order by checked_at desc, id desc limit 1", "sbt",
	    in->source, sha, in->list->timestamp) == -1)
		return -1;
	if (db_rows(r) != 0) {
		*known = db_bool(r, 0, 0);
		if (!*known && db_bool(r, 0, 1))
			rc = err_set(e, ERR_VERIFY, "log list is older than "
			    "the one held, of %s", clk_text(db_time(r, 0, 2),
			    t));
	}
	db_free(r);
	return rc;
}

/* A time of a log list, where 0 is none. */
static int64_t
when(int64_t t)
{
	return t == 0 ? INT64_MIN : t;
}

/*
 * What the list says of a log; nothing is written where that is what is known,
 * nor where another list has it.
 */
static int
log_say(struct db *db, const struct log_list_in *in,
    const struct loglist_log *l, int first, int readable, struct err *e)
{
	struct span	id = { l->log_id, 32 }, key = { l->key, l->nkey };
	struct span	root = { l->has_final ? l->final_root : NULL, 32 };

	if (db_query(db, NULL, e, "insert into operator (name) select $1 "
	    "where not exists (select from operator where name = $1) "
	    "on conflict do nothing", "s", l->operator) == -1)
		return -1;
	/* never another key for an id: the id is the key's hash */
	return db_query(db, NULL, e, "insert into log (log_id, operator_id, "
	    "description, protocol, url, read_url, key, mmd, state, state_at, "
	    "interval_from, interval_to, final_size, final_root, list_source, "
	    "first_list, watched) select $1, o.id, $3, $4, $5, $6, $7, $8, $9, "
	    "$10, $11, $12, nullif($13, -1), $14, $15, $16, $17 "
	    "from operator o where o.name = $2 and not exists (select from "
	    "log k where k.log_id = $1 and k.listed and (k.list_source <> $15 "
	    "or ((k.operator_id, k.description, k.url, k.read_url, k.mmd, "
	    "k.state, k.watched) = (o.id, $3, $5, $6, $8, $9, $17) and "
	    "(k.state_at, k.interval_from, k.interval_to, k.final_size, "
	    "k.final_root) is not distinct from ($10, $11, $12, "
	    "nullif($13, -1), $14)))) "
	    "on conflict (log_id) do update set "
	    "operator_id = excluded.operator_id, "
	    "description = excluded.description, url = excluded.url, "
	    "read_url = excluded.read_url, mmd = excluded.mmd, "
	    "state = excluded.state, state_at = excluded.state_at, "
	    "interval_from = excluded.interval_from, "
	    "interval_to = excluded.interval_to, "
	    "final_size = excluded.final_size, "
	    "final_root = excluded.final_root, listed = true, "
	    "watched = excluded.watched, list_source = excluded.list_source "
	    "where log.list_source = excluded.list_source or not log.listed",
	    "bsssssbistttibsBB",
	    &id, l->operator, l->description,
	    loglist_protocol_name(l->protocol), l->submit_url, l->url, &key,
	    (int64_t)l->mmd, loglist_state_name(l->state), when(l->state_at),
	    when(l->start), when(l->end),
	    l->has_final ? (int64_t)l->final_size : (int64_t)-1, &root,
	    in->source, first, readable);
}

static int
log_put(struct db *db, const struct log_list_in *in,
    const struct loglist_log *l, int first, int64_t now, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 id = { l->log_id, 32 };
	char		 ref[24];
	int		 rc = 0, readable = loglist_readable(l, now);

	if (log_say(db, in, l, first, readable, e) == -1 ||
	    db_query(db, &r, e, "select id from log where log_id = $1 and "
	    "list_source = $2", "bs", &id, in->source) == -1)
		return -1;
	if (db_rows(r) == 1 && readable) {
		(void)snprintf(ref, sizeof(ref), "%" PRId64,
		    db_int(r, 0, 0));
		if (db_query(db, NULL, e, "select entry_partition($1::int)",
		    "i", db_int(r, 0, 0)) == -1 ||
		    lease_add(db, "tail", ref, e) == -1)
			rc = -1;
	}
	db_free(r);
	return rc;
}

/*
 * May there be logs that this list, though it did not change, has to say
 * something of?  Those that no list has any more, or one that is not asked for
 * beside this one; beside the list of another browser, those that this one took
 * over; and retired ones whose time is over by ${now}.
 */
static int
unsaid(struct db *db, const char *source, int64_t now, struct err *e)
{
	struct db_res	*r = NULL;
	int		 any;

	if (db_query(db, &r, e, "select exists (select from log where "
	    "not listed and list_source <> $1) or ($1 <> 'file' and "
	    "exists (select from log_list where source not in ($1, 'file')))"
	    " or exists (select from log where listed and "
	    "(list_source = 'file') <> ($1 = 'file'))"
	    " or exists (select from log where list_source = $1 and listed "
	    "and watched and state = 'retired' and interval_to <= $2)",
	    "st", source, now) == -1)
		return -1;
	any = db_bool(r, 0, 0);
	db_free(r);
	return any;
}

/*
 * Do the logs of this list begin where they are (start: now)?  Those of the
 * very first list, and of the first one of the other browser: they are read
 * within the same minute, in any order.
 */
static int
first_list(struct db *db, const char *source, int *first, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select not exists (select from log_list "
	    "where source = $1 or source = 'file' or $1 = 'file')", "s",
	    source) == -1)
		return -1;
	*first = db_bool(r, 0, 0);
	db_free(r);
	return 0;
}

/*
 * What this browser lists no longer, and the other one's list, as it was looked
 * at last, still has: that one goes on with it, and says more of it the next
 * time.  A judge has read it before it was stored.  Nobody asks for a list that
 * has no row of work: it is not configured any more.
 */
static int
hand_over(struct db *db, const char *source, struct err *e)
{
	const char	*other = strcmp(source, "chrome") == 0 ? "apple" :
			    "chrome";

	if (strcmp(source, "file") == 0)
		return 0;
	return db_query(db, NULL, e, "with o as materialized (select "
	    "convert_from(body, 'UTF8')::jsonb as list from log_list where "
	    "source = $2 and checked_at > now() - interval '7 days' "
	    "and exists (select from work where kind = 'loglist' and subject = "
	    "case $2 when 'apple' then 'apple' else 'main' end) "
	    "order by checked_at desc, id desc limit 1) update log l set "
	    "listed = true, list_source = $2 from o where not l.listed and "
	    "l.list_source = $1 and jsonb_path_exists(o.list, "
	    "'$.operators[*].*[*] ? (@.log_id == $id)', jsonb_build_object("
	    "'id', encode(l.log_id, 'base64')))", "ss", source, other);
}

/* One after the other: each locks rows of logs that are the other's. */
static int
lock_lists(struct db *db, struct err *e)
{
	return db_query(db, NULL, e, "select pg_advisory_xact_lock(7202616)",
	    "");
}

/* Nobody reads what is not listed, nor waits for it. */
static int
drop_tails(struct db *db, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = 0;

	if (db_query(db, NULL, e, "delete from work w using log l where "
	    "w.kind = 'tail' and w.subject = l.id::text and "
	    "not (l.watched and l.listed)", "") == -1 ||
	    db_query(db, &r, e, "select f.kind, f.subject from finding f "
	    "join log l on f.subject = encode(l.log_id, 'base64') where "
	    "f.kind in ('log.stale', 'log.unreachable') and f.state in "
	    "('open', 'acked') and not (l.watched and l.listed)", "") == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++)
		rc = finding_resolve(db, db_text(r, i, 0), db_text(r, i, 1),
		    "", "the log is read no longer", e);
	db_free(r);
	return rc;
}

int
log_list_forget(struct db *db, const char *source, struct err *e)
{
	if (lock_lists(db, e) == -1 || db_query(db, NULL, e, "update log set "
	    "listed = false where list_source = $1 and listed", "s", source)
	    == -1 || hand_over(db, source, e) == -1)
		return -1;
	return drop_tails(db, e);
}

/*
 * What this source no longer lists is read no longer, nor what came from
 * sources that are not configured any more.
 */
static int
unlist(struct db *db, const struct log_list_in *in, struct err *e)
{
	size_t		 i, n = in->list->nlogs;
	struct span	*id = mem_array(n, sizeof(*id));
	int		 rc;

	for (i = 0; i < n; i++)
		id[i] = (struct span){ in->list->logs[i].log_id, 32 };
	rc = db_query(db, NULL, e, "update log set listed = false where "
	    "listed and ((list_source = $1 and log_id <> all ($2)) or "
	    "(list_source = 'file') <> ($1 = 'file'))", "sA", in->source,
	    &(struct db_spans){ id, n });
	free(id);
	return rc;
}

/* The list itself: one that is known was seen again. */
static int
list_put(struct db *db, const struct log_list_in *in, const struct span *sha,
    int known, struct err *e)
{
	if (known)
		return db_query(db, NULL, e, "update log_list set "
		    "checked_at = now() where source = $1 and sha256 = $2",
		    "sb", in->source, sha);
	return db_query(db, NULL, e, "insert into log_list (source, sha256, "
	    "version, listed_at, body, signature, verified) values ($1, $2, "
	    "$3, $4, $5, $6, $7) on conflict (source, sha256) do update set "
	    "checked_at = now()", "sbstbbB", in->source, sha,
	    in->list->version, when(in->list->timestamp), &in->body,
	    &in->signature, in->verified);
}

int
log_list_store(struct db *db, const struct log_list_in *in, int64_t now,
    int *changed, struct err *e)
{
	struct span	sha;
	uint8_t		digest[32];
	size_t		i;
	int		known, first, rc;

	*changed = 0;
	sha_256(digest, in->body.p, in->body.n);
	sha = (struct span){ digest, 32 };
	if (lock_lists(db, e) == -1 || list_newer(db, in, &sha, &known, e) == -1)
		return -1;
	if (known && ((rc = unsaid(db, in->source, now, e)) == -1 || rc == 0))
		return rc == -1 ? -1 : list_put(db, in, &sha, known, e);
	if (first_list(db, in->source, &first, e) == -1 ||
	    list_put(db, in, &sha, known, e) == -1 ||
	    unlist(db, in, e) == -1)
		return -1;
	for (i = 0; i < in->list->nlogs; i++)
		if (log_put(db, in, &in->list->logs[i], first, now, e) == -1)
			return -1;
	if (hand_over(db, in->source, e) == -1)
		return -1;
	*changed = !known;
	return drop_tails(db, e);
}

int
log_list_newest(struct db *db, uint8_t out[32], struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 sha;
	int		 none;

	if (db_query(db, &r, e, "select sha256 from log_list "
	    "order by id desc limit 1", "") == -1)
		return -1;
	none = db_rows(r) == 0;
	if (!none) {
		sha = db_bytes(r, 0, 0);
		memset(out, 0, 32);
		memcpy(out, sha.p, sha.n < 32 ? sha.n : 32);
	}
	db_free(r);
	return none;
}
