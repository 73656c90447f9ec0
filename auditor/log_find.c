#include "auditor/log_find.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "auditor/db/head_store.h"
#include "auditor/evidence_flip.h"
#include "auditor/log_fault.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/log.h"

/* Servers of one log need not have the same clock. */
#define LATE_GRACE_MS	60000

/* ${anew}: not what it was told for before. */
static int
open_finding(struct db *db, const struct log_row *l, const char *severity,
    const char *reason, const json_t *detail, int anew, struct err *e)
{
	const char	*logs[1] = { l->description };
	struct buf	 id = BUF_INIT;
	struct finding	 f = { .kind = "log.misbehaved",
	    .severity = severity, .owner = "", .watch = "",
	    .reason = reason, .proven = 1, .anew = anew,
	    .name = l->description,
	    .issuer_first_seen = INT64_MIN, .logs = { logs, 1 } };
	char		*text = json_dumps(detail, JSON_COMPACT);
	int		 rc, fresh = 0;

	enc_b64(&id, l->log_id, 32);
	f.subject = buf_text(&id);
	f.detail = text;
	rc = finding_open(db, &f, NULL, &fresh, e);
	if (fresh)
		log_error(l->description, "misbehaves: %s", reason);
	buf_free(&id);
	free(text);
	return rc;
}

/*
 * The entries that are known to be wrong: those that the finding of this log
 * names, as the array that it has.  *worse: it is about something else, and
 * keeps the head that shows that.
 */
static int
flips_load(struct db *db, const struct span *id, json_t **out, int *worse,
    struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select coalesce(detail->'flips', case when "
	    "detail ? 'flip' then jsonb_build_array(detail->'flip') else "
	    "'[]' end), severity = 'critical' and state <> 'resolved' and "
	    "coalesce(detail->>'what', '') <> 'flip' from finding where kind "
	    "= 'log.misbehaved' and subject = encode($1, 'base64')", "b", id)
	    == -1)
		return -1;
	*worse = db_rows(r) != 0 && db_bool(r, 0, 1);
	*out = db_rows(r) == 0 ? json_array() :
	    json_loads(db_text(r, 0, 0), 0, NULL);
	db_free(r);
	return *out != NULL ? 0 : err_set(e, ERR_DB, "the flips of a finding "
	    "cannot be read");
}

/* One of them; -1: none. */
static int64_t
flip_index(const json_t *flips, size_t i)
{
	const json_t	*v = json_object_get(json_array_get(flips, i), "index");

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static int
is_known(const json_t *flips, int64_t index)
{
	size_t	i;

	for (i = 0; i < json_array_size(flips); i++)
		if (flip_index(flips, i) == index)
			return 1;
	return 0;
}

enum { C_INDEX, C_LEAF, C_TBS, C_HASH, C_MS, C_HEAD };

/*
 * From entries that cannot be right, which are few, to the promises; but not
 * from those that are known, nor to what is in the tree somewhere else.
 */
static int
candidates(struct db *db, const struct log_row *l, const struct span *id,
    const json_t *known, int64_t from, struct db_res **r, struct err *e)
{
	int64_t	index[LIMIT_LOG_FLIPS];
	size_t	i, n = json_array_size(known);

	for (i = 0; i < n; i++)
		index[i] = flip_index(known, i);
	return db_query(db, r, e, "select e.index, e.leaf, s.tbs_sha256, "
	    "s.leaf_hash, s.timestamp_ms, e.head_id from ((select x.index, "
	    "x.leaf, x.leaf_hash, x.timestamp_ms, x.head_id from issuance i "
	    "join lateral (select * from entry where log_ref = $1 and "
	    "tbs_sha256 = i.tbs_sha256 limit 8) x on true where i.issued = "
	    "'invalid') union all (select index, leaf, leaf_hash, "
	    "timestamp_ms, head_id from entry where log_ref = $1 and "
	    "malformed)) e join lateral (select * from sct where log_id = $2 "
	    "and timestamp_ms = e.timestamp_ms and status in ('valid', "
	    "'not_counted') and length(leaf_hash) = 32 and "
	    "leaf_hash <> e.leaf_hash limit 8) s on true where e.head_id is "
	    "not null and e.index >= $4 and e.index <> all ($3) and "
	    "(s.leaf_index = e.index or "
	    "(s.inclusion <> 'proved' and not exists (select from entry p "
	    "where p.log_ref = $1 and p.tbs_sha256 = s.tbs_sha256 and "
	    "p.leaf_hash = s.leaf_hash))) order by e.index, s.leaf_hash "
	    "limit $5", "ibIii", (int64_t)l->id, id,
	    &(struct db_ints){ index, n }, from, (int64_t)LIMIT_LOG_PAGE);
}

/* What entries showed: rows of the candidates. */
struct found {
	size_t	n;
	struct {
		size_t		row;
		struct flip	flip;
		int		named;
	}	v[LIMIT_LOG_PAGE];
};

static int
search(const struct db_res *r, size_t i, struct found *f)
{
	struct span	leaf = db_bytes(r, i, C_LEAF);
	struct flip	flip;
	enum flip_shows	shows;

	if (f->n == LIMIT_LOG_PAGE ||
	    !flip_find(leaf, db_bytes(r, i, C_HASH).p, &flip))
		return 0;
	shows = evidence_flip_shows(leaf, (uint64_t)db_int(r, i, C_INDEX),
	    &flip);
	if (shows == FLIP_NOTHING)
		return 0;
	f->v[f->n].row = i;
	f->v[f->n].flip = flip;
	f->v[f->n++].named = shows == FLIP_INDEX;
	return 1;
}

/* Was it looked at in vain? */
static int
in_vain(const struct log_look *k, int64_t index, const uint8_t hash[32])
{
	size_t	i;

	for (i = 0; i < LIMIT_LOG_PAGE; i++)
		if (k->seen[i].index == index &&
		    memcmp(k->seen[i].hash, hash, 32) == 0)
			return 1;
	return 0;
}

static void
put_vain(struct log_look *k, int64_t index, const uint8_t hash[32])
{
	k->seen[k->next].index = index;
	memcpy(k->seen[k->next].hash, hash, 32);
	k->next = (k->next + 1) % LIMIT_LOG_PAGE;
}

/*
 * Those of the candidates that are.  Each costs a lot, and who signs wrong
 * things can make many: a few a turn, and the next turn goes on from there.
 */
static void
search_some(const struct db_res *r, struct log_look *k, struct found *f)
{
	const uint8_t	*hash;
	size_t		 i, n = db_rows(r), spent = 0;
	int64_t		 index = 0;

	f->n = 0;
	for (i = 0; i < n && spent < LIMIT_LOG_SEARCH; i++) {
		index = db_int(r, i, C_INDEX);
		hash = db_bytes(r, i, C_HASH).p;
		if (in_vain(k, index, hash))
			continue;
		spent++;
		if (!search(r, i, f))
			put_vain(k, index, hash);
	}
	if (i == n && n < LIMIT_LOG_PAGE)
		k->from = 0;
	else
		/* there may be more of this one */
		k->from = i == n && index == k->from ? index + 1 : index;
}

/* What it is, and the sentence of it. */
static json_t *
flip_say(const struct db_res *r, size_t i, const struct flip *flip,
    int named, char *why, size_t cap)
{
	int64_t	index = db_int(r, i, C_INDEX);
	char	hex[65];

	if (named)
		(void)snprintf(why, cap, "entry %" PRId64 " is not what the "
		    "log signed an SCT for at that index: bit 0x%02x of byte "
		    "%zu of its leaf was changed", index, flip->mask,
		    flip->at);
	else
		(void)snprintf(why, cap, "entry %" PRId64 " cannot be read or "
		    "was not signed by its issuer, and is, but for bit 0x%02x "
		    "of byte %zu of its leaf, what the log signed an SCT for "
		    "at %" PRId64 " ms", index, flip->mask, flip->at,
		    db_int(r, i, C_MS));
	(void)enc_hex_to(hex, db_bytes(r, i, C_TBS).p, 32);
	return json_pack("{sI ss sI sI}", "index", (json_int_t)index,
	    "tbs_sha256", hex, "at", (json_int_t)flip->at, "mask",
	    (json_int_t)flip->mask);
}

/* Those that are not known are added; the first of them is told. */
static int
flips_add(struct db *db, const struct log_row *l, const struct db_res *r,
    const struct found *f, json_t *flips, int worse, int *yes, struct err *e)
{
	json_t	*one, *d = NULL;
	size_t	 i, row;
	int	 rc;
	char	 why[300], more[300];

	for (i = 0; i < f->n; i++) {
		row = f->v[i].row;
		if (json_array_size(flips) >= LIMIT_LOG_FLIPS ||
		    is_known(flips, db_int(r, row, C_INDEX)))
			continue;
		one = flip_say(r, row, &f->v[i].flip, f->v[i].named,
		    d == NULL ? why : more, sizeof(why));
		if (d == NULL)
			d = json_pack("{ss sI sO}", "what", "flip", "head_id",
			    (json_int_t)db_int(r, row, C_HEAD), "flip", one);
		json_array_append_new(flips, one);
	}
	*yes = d != NULL;
	if (d == NULL)
		return 0;
	if (worse) {
		json_object_del(d, "what");
		json_object_del(d, "head_id");
	}
	json_object_set(d, "flips", flips);
	rc = open_finding(db, l, "critical", why, d, 1, e);
	json_decref(d);
	return rc;
}

/* Beside those that another worker may have found since we looked. */
static int
flips_tell(struct db *db, const struct log_row *l, const struct db_res *r,
    const struct found *f, int *yes, struct err *e)
{
	struct span	 id = { l->log_id, 32 };
	json_t		*flips;
	int		 worse, rc;

	if (f->n == 0)
		return 0;
	if (log_fault_lock(db, e) == -1 ||
	    flips_load(db, &id, &flips, &worse, e) == -1)
		return -1;
	rc = flips_add(db, l, r, f, flips, worse, yes, e);
	json_decref(flips);
	return rc;
}

int
log_find_flips(struct db *db, const struct log_row *l, struct log_look *k,
    int *yes, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 id = { l->log_id, 32 };
	struct found	 f;
	json_t		*flips;
	int		 worse, rc = 0;

	*yes = 0;
	if (flips_load(db, &id, &flips, &worse, e) == -1)
		return -1;
	if (json_array_size(flips) < LIMIT_LOG_FLIPS) {
		rc = candidates(db, l, &id, flips, k->from, &r, e);
		if (rc == 0) {
			search_some(r, k, &f);
			rc = flips_tell(db, l, r, &f, yes, e);
		}
		db_free(r);
	}
	json_decref(flips);
	return rc;
}

int
log_find_promised(struct db *db, const struct log_row *l, struct span tbs,
    int *yes, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 id = { l->log_id, 32 };
	struct found	 f = { 0 };
	size_t		 i;
	int		 rc;

	*yes = 0;
	if (db_query(db, &r, e, "select e.index, e.leaf, s.tbs_sha256, "
	    "s.leaf_hash, s.timestamp_ms, e.head_id from sct s join entry e "
	    "on e.log_ref = $1 and e.index = s.leaf_index where "
	    "s.tbs_sha256 = $3 and s.log_id = $2 and s.status in ('valid', "
	    "'not_counted') and length(s.leaf_hash) = 32 and "
	    "s.leaf_hash <> e.leaf_hash and e.head_id is not null "
	    "order by e.index limit $4", "ibbi", (int64_t)l->id, &id, &tbs,
	    (int64_t)LIMIT_LOG_SEARCH) == -1)
		return -1;
	for (i = 0; i < db_rows(r); i++)
		search(r, i, &f);
	rc = flips_tell(db, l, r, &f, yes, e);
	db_free(r);
	return rc;
}

/*
 * What hides nothing, with what shows it: ${d}, which is freed.  Beside what is
 * worse it is kept and not told.
 */
static int
medium(struct db *db, const struct log_row *l, const char *what,
    int64_t head_id, const char *reason, json_t *d, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 id = { l->log_id, 32 };
	int		 worse, rc = -1;

	if (log_fault_lock(db, e) == -1 ||
	    db_query(db, &r, e, "select exists (select from finding where "
	    "kind = 'log.misbehaved' and subject = encode($1, 'base64') and "
	    "severity = 'critical' and state <> 'resolved')", "b", &id) == -1)
		goto out;
	worse = db_bool(r, 0, 0);
	if (!worse) {
		json_object_set_new(d, "what", json_string(what));
		json_object_set_new(d, "head_id", json_integer(head_id));
	}
	rc = open_finding(db, l, "medium", reason, d, 0, e);
out:
	db_free(r);
	json_decref(d);
	return rc;
}

int
log_find_entry(struct db *db, const struct log_row *l,
    const struct log_entry *in, struct err *e)
{
	return medium(db, l, in->what, in->head_id, in->reason,
	    json_pack("{s{sI ss}}", "outside", "index", (json_int_t)in->index,
	    "what", in->what), e);
}

int
log_find_late(struct db *db, const struct log_row *l, uint64_t index,
    uint64_t timestamp_ms, int *yes, struct err *e)
{
	struct log_fault f = { .log_id = l->log_id, .name = l->description };
	struct head_ref	 h;
	json_t		*d;
	int		 rc;
	char		 why[300];

	*yes = 0;
	if (head_without(db, l->id, index, (int64_t)timestamp_ms +
	    l->mmd * 1000 + LATE_GRACE_MS, &h, e) == -1)
		return -1;
	if (h.id == 0)
		return 0;
	*yes = 1;
	(void)snprintf(why, sizeof(why), "entry %" PRIu64 " is dated %" PRIu64
	    " ms, and a head of %" PRIu64 " entries that is younger by the "
	    "MMD of %" PRId64 " s has not got it (RFC 6962 3)", index,
	    timestamp_ms, h.size, l->mmd);
	d = json_pack("{ss sI s{sI}}", "what", "mmd", "head_id",
	    (json_int_t)h.id, "entry", "index", (json_int_t)index);
	f.reason = why;
	f.detail = d;
	log_error(l->description, "misbehaves: %s", why);
	rc = log_fault_open(db, &f, e);
	json_decref(d);
	return rc;
}

int
log_find_unproven(struct db *db, const struct log_row *l, int64_t head_id,
    const char *reason, struct err *e)
{
	struct db_res	*r = NULL;
	int		 due;

	if (db_query(db, &r, e, "select exists (select from tree_head where "
	    "id = $1 and first_seen < now() - interval '1 day')", "i",
	    head_id) == -1)
		return -1;
	due = db_bool(r, 0, 0);
	db_free(r);
	return !due ? 0 : medium(db, l, "unproven", head_id, reason,
	    json_object(), e);
}

int
log_find_proven(struct db *db, const struct log_row *l, int64_t head_id,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 id = { l->log_id, 32 };
	int		 rc = 0;

	if (db_query(db, &r, e, "select subject from finding where kind = "
	    "'log.misbehaved' and subject = encode($1, 'base64') and "
	    "severity = 'medium' and detail->>'what' = 'unproven' and "
	    "detail->'head_id' = to_jsonb($2) and not detail ? 'outside'",
	    "bi", &id, head_id) == -1)
		return -1;
	if (db_rows(r) != 0)
		rc = finding_resolve(db, "log.misbehaved", db_text(r, 0, 0),
		    "", "the log has proven that head", e);
	db_free(r);
	return rc;
}
