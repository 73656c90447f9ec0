#include "auditor/db/back_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/back_join.h"
#include "auditor/db/lease.h"
#include "base/limit.h"

static struct span
hash(const uint8_t *p)
{
	return (struct span){ p, 32 };
}

/* An open back-fill that holds all of it, or one of what is being found. */
static int
open_one(struct db *db, const struct back_want *w, struct back_ids *ids,
    struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select id from backfill where "
	    "state = 'open' and log_ref = $1 and not again and size_to >= $3 "
	    "and case when $2 >= 0 then size_from <= $2 "
	    "else since is null and size_from = 0 or since <= $4 end "
	    "order by id limit 1", "iiit", (int64_t)w->log_ref, w->from,
	    w->to, w->since) == -1)
		return -1;
	if (db_rows(r) != 0)
		back_ids_add(ids, db_int(r, 0, 0));
	db_free(r);
	return 0;
}

/* Entries of [from, to) that are not proven. */
static int
unread(struct db *db, const struct back_want *w, int64_t *n, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select $3 - $2 - coalesce((select "
	    "sum(least(size_to, $3) - greatest(size_from, $2)) from log_range "
	    "where log_ref = $1 and size_from < $3 and size_to > $2), "
	    "0)::bigint", "iii", (int64_t)w->log_ref, w->from, w->to) == -1)
		return -1;
	*n = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

/* The row of work that looks for where a date begins. */
static int
plan_find(struct db *db, int64_t id, struct err *e)
{
	char	subject[32];

	(void)snprintf(subject, sizeof(subject), "find:%" PRId64, id);
	return lease_add(db, "backfill", subject, e);
}

/* What is read for the first time. */
static int
first(struct db *db, const struct back_want *w, struct back_ids *ids,
    int64_t *n, struct err *e)
{
	if (open_one(db, w, ids, e) == -1)
		return -1;
	return ids->n != 0 || w->from < 0 ? 0 : unread(db, w, n, e);
}

/* What is matched once more: all, unless that was done for every watch. */
static int
again(struct db *db, struct back_want *w, struct back_ids *ids, int64_t *n,
    struct err *e)
{
	int	read = 0;

	if (w->from < 0 && back_join_date(db, w, ids, e) == -1)
		return -1;
	if (ids->n != 0 || w->from < 0 || w->from >= w->to)
		return 0;
	if (back_join_open(db, w, ids, &read, e) == -1)
		return -1;
	*n = read ? 0 : w->to - w->from;
	return 0;
}

/* A new one. */
static int
enter(struct db *db, const struct back_want *w, int64_t n,
    struct back_ids *ids, struct err *e)
{
	struct db_res	*r = NULL;
	int64_t		 id;

	if (db_query(db, &r, e, "insert into backfill (log_ref, since, "
	    "size_from, size_to, again, step, cut, entries, actor) values "
	    "($1, $2, nullif($3, -1), $4, $5, $6, $4, $7, $8) returning id",
	    "itiiBiis", (int64_t)w->log_ref, w->since, w->from, w->to,
	    w->again, w->step, n, w->actor) == -1)
		return -1;
	id = db_int(r, 0, 0);
	db_free(r);
	back_ids_add(ids, id);
	return w->from >= 0 ? 0 : plan_find(db, id, e);
}

int
back_enter(struct db *db, const struct back_want *given, struct back_ids *ids,
    int *fresh, struct err *e)
{
	struct back_want w = *given;
	struct back_ids	 own = { NULL, 0, 0 };
	int64_t		 n = 0;
	size_t		 i;
	int		 rc;

	*fresh = 0;
	/* one at a time: two commands would enter the same twice */
	if (db_query(db, NULL, e, "select pg_advisory_xact_lock(7202613)", "")
	    == -1)
		return -1;
	rc = w.again ? again(db, &w, &own, &n, e) : first(db, &w, &own, &n, e);
	if (rc == 0 && own.n == 0 && w.to > 0 && (w.from < 0 || n > 0)) {
		*fresh = 1;
		if (w.again && w.from >= 0)
			rc = back_join(db, &w, &own, e);
		if (rc == 0 && own.n == 0)
			rc = enter(db, &w, n, &own, e);
	}
	for (i = 0; i < own.n; i++)
		back_ids_add(ids, own.v[i]);
	free(own.v);
	return rc;
}

int
back_load(struct db *db, int64_t id, struct back_range *b, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 s;
	int		 rc = 0;

	memset(b, 0, sizeof(*b));
	/* the highest range is the tail's: its head is the newest proven one */
	if (db_query(db, &r, e, "select r.backfill_id, r.log_ref, "
	    "r.size_from, r.size_to, r.size_done, r.watch_set_sha256, "
	    "b.state <> 'open' or r.size_done >= r.size_to, t.id, "
	    "t.tree_size, t.timestamp_ms, t.root_hash, "
	    "h.head_size > g.size_to, d.frontier from backfill_range r "
	    "join backfill b on b.id = r.backfill_id "
	    "left join lateral (select size_to, head_id from log_range where "
	    "log_ref = r.log_ref order by size_from desc limit 1) g on true "
	    "left join tree_head t on t.id = g.head_id "
	    "left join log_health h on h.log_ref = r.log_ref "
	    "left join lateral (select frontier from log_range where "
	    "log_ref = r.log_ref and size_to = r.size_done limit 1) d on true "
	    "where r.id = $1", "i", id) == -1)
		return -1;
	if (db_rows(r) == 0) {
		db_free(r);
		return err_set(e, ERR_NOENT, "no range %" PRId64, id);
	}
	b->id = id;
	b->backfill = db_int(r, 0, 0);
	b->log_ref = (int)db_int(r, 0, 1);
	b->from = (uint64_t)db_int(r, 0, 2);
	b->to = (uint64_t)db_int(r, 0, 3);
	b->done = (uint64_t)db_int(r, 0, 4);
	if ((s = db_bytes(r, 0, 5)).n == 32)
		memcpy(b->watch_set, s.p, 32);
	b->over = db_bool(r, 0, 6);
	b->head_id = db_int(r, 0, 7);
	b->head_size = (uint64_t)db_int(r, 0, 8);
	b->head_ms = (uint64_t)db_int(r, 0, 9);
	if ((s = db_bytes(r, 0, 10)).n == 32)
		memcpy(b->head_root, s.p, 32);
	else
		b->head_id = 0;
	b->behind = db_bool(r, 0, 11);
	s = db_bytes(r, 0, 12);
	merkle_start(&b->edge, 0);
	b->edge.to = b->done;
	b->edge.n = merkle_count(0, b->done);
	b->have_edge = b->done == 0 || s.p != NULL;
	if (s.p != NULL && s.n != (size_t)b->edge.n * 32)
		rc = err_set(e, ERR_DB, "log %d: frontier of %zu bytes does "
		    "not fit a tree of %" PRIu64, b->log_ref, s.n, b->done);
	else if (s.n != 0)
		memcpy(b->edge.hash, s.p, s.n);
	db_free(r);
	return rc;
}

int
back_store(struct db *db, const struct back_range *b,
    const struct range_in *in, struct err *e)
{
	struct span	root = hash(in->root), watch = hash(in->watch_set);

	if (range_join(db, in, e) == -1)
		return -1;
	return db_push(db, e, "with was as (select size_done from "
	    "backfill_range where id = $1 for update), done as (update "
	    "backfill_range set size_done = $2, root_hash = $3, head_id = $4, "
	    "proof = $5, watch_set_sha256 = $6, verified_at = now(), "
	    "worker = (select w.holder from work w where "
	    "w.kind = 'backfill' and w.subject = $1::text) where id = $1) update backfill set entries_read = entries_read + "
	    "$2 - was.size_done from was where id = $7", "iibibbi", b->id,
	    (int64_t)in->frontier->to, &root, in->head_id, &in->proof, &watch,
	    b->backfill);
}

int
back_find_load(struct db *db, int64_t id, struct back_find *f, struct err *e)
{
	struct db_res	*r = NULL;

	memset(f, 0, sizeof(*f));
	if (db_query(db, &r, e, "select b.log_ref, b.state <> 'open' or "
	    "b.size_from is not null, b.since, b.size_to, h.head_size "
	    "from backfill b left join log_health h on h.log_ref = b.log_ref "
	    "where b.id = $1", "i", id) == -1)
		return -1;
	if (db_rows(r) == 0) {
		db_free(r);
		return err_set(e, ERR_NOENT, "no back-fill %" PRId64, id);
	}
	f->id = id;
	f->log_ref = (int)db_int(r, 0, 0);
	f->over = db_bool(r, 0, 1);
	f->since = db_time(r, 0, 2);
	f->to = (uint64_t)db_int(r, 0, 3);
	f->head_size = (uint64_t)db_int(r, 0, 4);
	db_free(r);
	return 0;
}

int
back_found(struct db *db, int64_t id, uint64_t from, struct err *e)
{
	return db_query(db, NULL, e, "update backfill b set "
	    "size_from = least($2, size_to), entries = greatest(0, size_to - "
	    "$2 - case when again then 0 else coalesce((select "
	    "sum(least(g.size_to, b.size_to) - greatest(g.size_from, $2)) "
	    "from log_range g where g.log_ref = b.log_ref and "
	    "g.size_from < b.size_to and g.size_to > $2), 0) end) "
	    "where id = $1 and size_from is null", "ii", id, (int64_t)from);
}

int
back_left(struct db *db, struct err *e)
{
	struct db_res	*r = NULL;
	int		 any;

	if (db_query(db, &r, e, "select exists (select from work where "
	    "kind = 'backfill' and attempts = 0)", "") == -1)
		return -1;
	any = db_bool(r, 0, 0);
	db_free(r);
	return any;
}

int
back_told(struct db *db, int64_t work, int log_ref, const char *why,
    int *told, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "with said as (select w.last_error as s from "
	    "work w where w.kind = 'backfill' and w.last_error is not null "
	    "and (w.id = $1 or w.subject in (select r.id::text from "
	    "backfill_range r where r.log_ref = $2 and r.size_done < "
	    "r.size_to union all select 'find:' || b.id from backfill b "
	    "where b.log_ref = $2 and b.state = 'open'))) "
	    "select exists (select from said where regexp_replace(s, "
	    "'[0-9]+', '', 'g') = regexp_replace($3, '[0-9]+', '', 'g'))",
	    "iis", work,
	    (int64_t)log_ref, why) == -1)
		return -1;
	*told = db_bool(r, 0, 0);
	db_free(r);
	return 0;
}

int
back_held(struct db *db, const struct lease *l, const char *why,
    int64_t due_in_s, struct err *e)
{
	struct db_res	*r = NULL;
	int64_t		 n;

	/* one that was never tried and has an error: it waits */
	if (db_query(db, &r, e, "update work set holder = null, "
	    "lease_until = null, attempts = 0, last_error = $3, "
	    "due_at = now() + $4 * interval '1 second' where id = $1 and "
	    "token = $2", "iisi", l->id, l->token, why, due_in_s) == -1)
		return -1;
	n = db_changed(r);
	db_free(r);
	return n == 1 ? 0 : err_set(e, ERR_LEASE, "lease on %s %s was lost",
	    l->kind, l->subject);
}

int
back_defer(struct db *db, const struct lease *l, int log_ref, struct err *e)
{
	/*
	 * Nobody waits for us, nor we for who takes one just now.  Another one
	 * is first the next time: it may be ours alone that cannot be had, and
	 * the first of all by its number.
	 */
	return db_query(db, NULL, e, "update work w set "
	    "due_at = greatest(w.due_at, l.due_at - interval '5 seconds'), "
	    "attempts = greatest(w.attempts, 1), "
	    "last_error = coalesce(w.last_error, l.last_error) "
	    "from work l where l.id = $1 and w.id in (select o.id from work o "
	    "where o.kind = 'backfill' and o.id <> $1 and o.holder is null "
	    "and o.subject in (select r.id::text from backfill_range r where "
	    "r.log_ref = $2 and r.size_done < r.size_to union all select "
	    "'find:' || b.id from backfill b where b.log_ref = $2 and "
	    "b.state = 'open') and not exists (select from backfill_range r "
	    "where r.log_ref = $2 and r.verified_at > now() - "
	    "interval '1 minute') order by o.id for update skip locked)",
	    "ii", l->id, (int64_t)log_ref);
}

int
back_put_off(struct db *db, const struct lease *l, int64_t due_in_s,
    struct err *e)
{
	return db_query(db, NULL, e, "update work set holder = null, "
	    "lease_until = null, attempts = attempts - 1, "
	    "due_at = now() + $3 * interval '1 second' where id = $1 and "
	    "token = $2", "iii", l->id, l->token, due_in_s);
}

int
back_workers(struct db *db, struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "select host, pid from worker where "
	    "roles && '{ingest,backfill}' and "
	    "last_seen > now() - $1 * interval '1 second'", "i",
	    (int64_t)LIMIT_WORKER_ALIVE);
}

int
back_logs(struct db *db, struct db_res **r, struct err *e)
{
	/* a minute: until every worker has heard of a watch */
	return db_query(db, r, e, "select l.id, l.log_id, l.description, "
	    "l.url, l.read_url, l.state, l.watched and l.listed, "
	    "l.interval_to, g.size_from, g.size_to, h.head_size, "
	    "h.failing_since, h.last_error, least(g.size_to, "
	    "(select t.tree_size from tree_head t where t.log_ref = l.id and "
	    "t.verdict = 'valid' and t.first_seen >= interval '1 minute' + "
	    "greatest((select max(added_at) from watch where "
	    "removed_at is null), (select max(loaded_at) from watch_file)) "
	    "order by t.first_seen limit 1)) from log l "
	    "left join log_health h on h.log_ref = l.id left join lateral "
	    "(select size_from, size_to from log_range where log_ref = l.id "
	    "order by size_from desc limit 1) g on true "
	    "order by l.description, l.id", "");
}

int
back_covered(struct db *db, int64_t added_at, int64_t *from, int64_t *logs,
    struct err *e)
{
	struct db_res	*r = NULL;

	/*
	 * x: what was there when the watch came, and whether its tail began
	 * behind that at 0.  Back-fills that were entered behind the watch are
	 * read with it (d: what they cover), and so are the entries of later
	 * heads.
	 */
	if (db_query(db, &r, e, "with x as (select l.id, coalesce((select "
	    "t.tree_size from tree_head t where t.log_ref = l.id and "
	    "t.verdict = 'valid' and t.last_seen >= $1 order by t.id "
	    "limit 1), g.size_to) as size, l.added_at > $1 and exists "
	    "(select from (select c.size_from from coverage_day c where "
	    "c.log_ref = l.id order by c.day limit 1) c where "
	    "c.size_from = 0) as whole from log l join lateral (select "
	    "size_to from log_range where log_ref = l.id "
	    "order by size_from desc limit 1) g on true where l.watched and "
	    "l.listed), d as (select x.id, range_agg(int8range(b.size_from, "
	    "b.size_to)) as u from x join backfill b on b.log_ref = x.id "
	    "where b.state = 'done' and b.added_at >= $1 and "
	    "b.size_from < b.size_to group by x.id), "
	    "y as (select case when size = 0 or whole or "
	    "u @> int8range(0, size) then null else coalesce((select "
	    "min(b.since) from backfill b where b.log_ref = x.id and "
	    "b.state = 'done' and b.added_at >= $1 and "
	    "u @> int8range(least(b.size_from, size), size)), $1) end as at "
	    "from x left join d using (id)) "
	    "select case when count(*) = 0 then $1 else max(at) end, "
	    "count(at) from y", "t", added_at) == -1)
		return -1;
	*from = db_time(r, 0, 0);
	*logs = db_int(r, 0, 1);
	db_free(r);
	return 0;
}

int
back_list(struct db *db, int what, struct db_res **r, struct err *e)
{
	/* no error: one that waited, and has its first try since */
	return db_query(db, r, e, "select b.id, b.log_ref, l.log_id, "
	    "l.description, b.size_from, b.size_to, b.since, b.again, "
	    "b.state, b.entries, least(b.entries, case when b.again or "
	    "b.state = 'cancelled' or b.size_from is null then b.entries_read "
	    "else greatest(0, b.entries - (b.size_to - b.size_from) + p.n) "
	    "end), b.added_at, b.ended_at, w.last_error, b.actor, "
	    "case when b.state <> 'open' and $2 then (select count(*) from "
	    "entry_match m where m.log_ref = b.log_ref and "
	    "m.index >= b.size_from and m.index < b.size_to) end, w.waits "
	    "from backfill b "
	    "join log l on l.id = b.log_ref left join lateral (select "
	    "w.last_error, max(w.due_at) filter (where w.attempts = 0 and "
	    "w.due_at > now()) over () as waits "
	    "from work w where w.kind = 'backfill' and "
	    "w.last_error is not null and b.state = 'open' and "
	    "case w.attempts when 0 then w.due_at > now() when 1 then "
	    "w.holder is null else true end and "
	    "(w.subject = 'find:' || b.id or w.subject in (select r.id::text "
	    "from backfill_range r where r.backfill_id = b.id and "
	    "r.size_done < r.size_to)) order by w.attempts = 0, w.id desc "
	    "limit 1) w on true "
	    "cross join lateral (select coalesce(sum(least(g.size_to, "
	    "b.size_to) - greatest(g.size_from, b.size_from)), 0)::bigint as "
	    "n from log_range g where g.log_ref = b.log_ref and "
	    "g.size_from < b.size_to and g.size_to > b.size_from) p "
	    "where $1 or b.state = 'open' order by b.id", "BB",
	    what & BACK_LIST_OVER, what & BACK_LIST_MATCHES);
}

/* A worker that has one of these finds its lease gone. */
static int
unwork(struct db *db, int64_t id, struct err *e)
{
	return db_query(db, NULL, e, "delete from work where "
	    "kind = 'backfill' and (subject = 'find:' || $1 or subject in "
	    "(select r.id::text from backfill_range r where "
	    "r.backfill_id = $1 and r.size_done < r.size_to))", "i", id);
}

int
back_cancel(struct db *db, int64_t id, struct err *e)
{
	struct db_res	*r = NULL;
	int		 rc = 0;

	/* first, as a worker that commits: it holds its row of work */
	if (unwork(db, id, e) == -1 ||
	    db_query(db, &r, e, "select state from backfill where id = $1 "
	    "for update", "i", id) == -1)
		return -1;
	if (db_rows(r) == 0)
		rc = err_set(e, ERR_NOENT, "there is no back-fill %" PRId64
		    "; `certvigil backfill list` names them", id);
	else if (strcmp(db_text(r, 0, 0), "open") != 0)
		rc = err_set(e, ERR_USAGE, "back-fill %" PRId64 " is over: it "
		    "is %s", id, db_text(r, 0, 0));
	db_free(r);
	if (rc == -1)
		return -1;
	/* and of what was cut while we waited */
	return unwork(db, id, e) == -1 ||
	    db_query(db, NULL, e, "delete from backfill_range where "
	    "backfill_id = $1 and size_done = size_from", "i", id) == -1 ||
	    db_query(db, NULL, e, "update backfill_range set "
	    "size_to = size_done where backfill_id = $1 and "
	    "size_done < size_to", "i", id) == -1 ||
	    db_query(db, NULL, e, "update backfill set state = 'cancelled', "
	    "ended_at = now() where id = $1", "i", id) == -1 ? -1 : 0;
}
