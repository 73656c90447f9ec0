#include "auditor/db/log_store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
log_row_free(struct log_row *l)
{
	free(l->description);
	free(l->operator);
	free(l->url);
	free(l->read_url);
	buf_free(&l->key);
	memset(l, 0, sizeof(*l));
}

/* Copy a 32-byte value; leaves zeros when it is not one. */
static void
hash_of(uint8_t out[32], struct span s)
{
	memset(out, 0, 32);
	if (s.n == 32)
		memcpy(out, s.p, 32);
}

int
log_load(struct db *db, int id, struct log_row *l, struct err *e)
{
	struct db_res	*r = NULL;

	memset(l, 0, sizeof(*l));
	if (db_query(db, &r, e, "select l.log_id, l.description, o.name, "
	    "l.protocol = 'static', l.url, l.read_url, l.key, l.mmd, "
	    "l.state = 'readonly', l.final_size, l.final_root, l.first_list, "
	    "l.watched, case when l.hybrid or "
	    "l.hybrid_at > now() - interval '1 day' then l.hybrid end, "
	    "h.page_size, h.head_size, h.head_ms, h.failing_since, "
	    "l.interval_from, l.interval_to "
	    "from log l join operator o on o.id = l.operator_id "
	    "left join log_health h on h.log_ref = l.id where l.id = $1",
	    "i", (int64_t)id) == -1)
		return -1;
	if (db_rows(r) == 0) {
		db_free(r);
		return err_set(e, ERR_NOENT, "no log %d", id);
	}
	l->id = id;
	hash_of(l->log_id, db_bytes(r, 0, 0));
	l->description = mem_str(db_text(r, 0, 1));
	l->operator = mem_str(db_text(r, 0, 2));
	l->is_static = db_bool(r, 0, 3);
	l->url = mem_str(db_text(r, 0, 4));
	l->read_url = mem_str(db_text(r, 0, 5));
	buf_span(&l->key, db_bytes(r, 0, 6));
	l->mmd = db_int(r, 0, 7);
	l->readonly = db_bool(r, 0, 8);
	l->has_final = !db_null(r, 0, 9);
	l->final_size = db_int(r, 0, 9);
	hash_of(l->final_root, db_bytes(r, 0, 10));
	l->first_list = db_bool(r, 0, 11);
	l->watched = db_bool(r, 0, 12);
	l->hybrid = db_null(r, 0, 13) ? -1 : db_bool(r, 0, 13);
	l->page_size = (int)db_int(r, 0, 14);
	l->head_size = db_null(r, 0, 15) ? -1 : db_int(r, 0, 15);
	l->head_ms = db_int(r, 0, 16);
	l->failing_since = db_time(r, 0, 17);
	l->interval_from = db_time(r, 0, 18);
	l->interval_to = db_time(r, 0, 19);
	db_free(r);
	return 0;
}

int
head_store(struct db *db, const struct head_in *h, int64_t *id,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 root = { h->root, 32 };

	if (db_query(db, &r, e, "insert into tree_head (log_ref, tree_size, "
	    "root_hash, timestamp_ms, form, raw, verdict) values ($1, $2, $3, "
	    "$4, $5, $6, $7) on conflict (log_ref, tree_size, timestamp_ms, "
	    "root_hash, verdict) do update set last_seen = now() returning id",
	    "iibisbs", (int64_t)h->log_ref, (int64_t)h->tree_size, &root,
	    (int64_t)h->timestamp_ms, h->checkpoint ? "checkpoint" : "sth",
	    &h->raw, h->verdict) == -1)
		return -1;
	if (id != NULL)
		*id = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

int
head_mark(struct db *db, int64_t id, const char *consistency, struct err *e)
{
	return db_query(db, NULL, e, "update tree_head set consistency = $2 "
	    "where id = $1", "is", id, consistency);
}

int
range_load(struct db *db, int log_ref, struct merkle_range *range,
    uint8_t *root, int64_t *from, int *found, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 f;
	int64_t		 to;
	int		 rc = 0;

	*found = 0;
	if (db_query(db, &r, e, "select size_from, size_to, frontier, "
	    "root_hash from log_range where log_ref = $1 "
	    "order by size_from desc limit 1", "i", (int64_t)log_ref) == -1)
		return -1;
	if (db_rows(r) != 0) {
		*from = db_int(r, 0, 0);
		to = db_int(r, 0, 1);
		f = db_bytes(r, 0, 2);
		hash_of(root, db_bytes(r, 0, 3));
		merkle_start(range, 0);
		range->to = (uint64_t)to;
		range->n = merkle_count(0, (uint64_t)to);
		if (f.n != (size_t)range->n * 32)
			rc = err_set(e, ERR_DB, "log %d: frontier of %zu "
			    "bytes does not fit a tree of %" PRId64, log_ref,
			    f.n, to);
		else if (f.n != 0)
			memcpy(range->hash, f.p, f.n);
		*found = 1;
	}
	db_free(r);
	return rc;
}

/*
 * How fast it is read: entries between two commits while there is more to
 * read, pauses that a log asks for included.  The first commit of a backlog is
 * measured from when reading began.  Smoothed over five minutes.  Before the
 * range is stored: it has the old size; its beginning may have moved, where
 * history was joined to it.
 */
static int
speed_store(struct db *db, const struct range_in *in, struct err *e)
{
	return db_push(db, e, "update log_health h set progress_at = now(), "
	    "caught_up_at = case when $2 then now() else caught_up_at end, "
	    "entries_per_second = case when s.rate is null then "
	    "h.entries_per_second when h.entries_per_second is null then "
	    "s.rate else h.entries_per_second + (s.rate - "
	    "h.entries_per_second) * (1 - exp(-s.secs / 300)) end "
	    "from (select d.n / nullif(d.secs, 0) as rate, "
	    "least(d.secs, 3600) as secs "
	    "from (select t.n, case when p.progress_at > "
	    "coalesce(p.caught_up_at, '-infinity') then "
	    "nullif(extract(epoch from now() - p.progress_at)::float8, 0) "
	    "else t.n / nullif($3::float8, 0) end as secs from "
	    "(select ($5::bigint - coalesce((select max(size_to) from "
	    "log_range where log_ref = $1 and size_to between $4 and $5), "
	    "$4))::float8 as n) t left join log_health p on p.log_ref = $1) d) s where h.log_ref = $1",
	    "iBfii", (int64_t)in->log_ref, in->caught_up, in->per_second,
	    in->from, (int64_t)in->frontier->to);
}

/* How the tree goes on to that of the head: kept for entries of it. */
static int
proof_store(struct db *db, const struct range_in *in, struct err *e)
{
	struct span	root = { in->root, 32 };

	if (in->proof.p == NULL || !in->has_entries)
		return 0;
	return db_push(db, e, "insert into consistency (log_ref, size1, "
	    "root_hash, head_id, proof) values ($1, $2, $3, $4, $5) "
	    "on conflict do nothing", "iibib", (int64_t)in->log_ref,
	    (int64_t)in->frontier->to, &root, in->head_id, &in->proof);
}

/*
 * What today has so far.  Lag: what was read now is younger than the newest
 * head that everything was read of before; where there is none, at least as
 * old as its own; where nothing new was read, nothing was late.  Gaps: days on
 * which nothing was proven, since the last with a row; what came then is in
 * this day's range.  Before the range is stored.
 */
static int
day_store(struct db *db, const struct range_in *in, struct err *e)
{
	struct span	root = { in->root, 32 };
	struct span	watch = { in->watch_set, 32 };
	struct span	list = { in->log_list, 32 };

	return db_push(db, e, "insert into coverage_day (log_ref, day, "
	    "size_from, size_to, root_hash, head_id, verified_at, "
	    "max_lag_seconds, log_list_sha256, watch_set_sha256, proof, gaps) "
	    "select $1, n.day, coalesce(c.size_to, $2), $3, $4, $5, now(), "
	    "case when coalesce(s.done, $2) = $3 then 0 else greatest(0, "
	    "extract(epoch from now()) - coalesce(a.timestamp_ms, (select t.timestamp_ms from "
	    "tree_head t where t.id = $5), 0) / 1000)::bigint end, "
	    "$6, $7, $8, coalesce(n.day - c.day - 1, 0) "
	    "from (select (now() at time zone 'UTC')::date as day) n "
	    "left join lateral (select size_to, day from coverage_day where "
	    "log_ref = $1 and day < n.day order by day desc limit 1) c on true "
	    "cross join lateral (select max(size_to) as done from log_range "
	    "where log_ref = $1 and size_to between $2 and $3) s "
	    "left join lateral (select timestamp_ms from tree_head where "
	    "log_ref = $1 and tree_size <= s.done and "
	    "verdict = 'valid' and consistency <> 'conflict' "
	    "order by tree_size desc, timestamp_ms desc limit 1) a on true "
	    "on conflict (log_ref, day) do update set "
	    "size_to = excluded.size_to, root_hash = excluded.root_hash, "
	    "head_id = excluded.head_id, verified_at = excluded.verified_at, "
	    "max_lag_seconds = greatest(coverage_day.max_lag_seconds, "
	    "excluded.max_lag_seconds), "
	    "log_list_sha256 = excluded.log_list_sha256, "
	    "watch_set_sha256 = excluded.watch_set_sha256, "
	    "proof = excluded.proof", "iiibibbb", (int64_t)in->log_ref,
	    in->from, (int64_t)in->frontier->to, &root, in->head_id, &list,
	    &watch, &in->proof);
}

int
range_join(struct db *db, const struct range_in *in, struct err *e)
{
	struct span	f = { in->frontier->n != 0 ?
	    in->frontier->hash[0] : (const uint8_t *)"",
	    (size_t)in->frontier->n * 32 };
	struct span	root = { in->root, 32 };

	if (proof_store(db, in, e) == -1)
		return -1;
	return db_push(db, e, "select range_join($1::int, $2, $3, $4, $5, $6)",
	    "iiibbi", (int64_t)in->log_ref, in->from,
	    (int64_t)in->frontier->to, &f, &root, in->head_id);
}

int
range_store(struct db *db, const struct range_in *in, struct err *e)
{
	if (speed_store(db, in, e) == -1 || day_store(db, in, e) == -1 ||
	    range_join(db, in, e) == -1)
		return -1;
	return 0;
}

int
health_head(struct db *db, const struct log_row *l, uint64_t size,
    uint64_t timestamp_ms, int64_t head_id, struct err *e)
{
	/*
	 * growth: between heads at least a second apart, by their own times,
	 * smoothed over ten minutes whatever the interval
	 */
	return db_query(db, NULL, e, "insert into log_health (log_ref, "
	    "head_id, head_size, head_ms, head_at, first_size, polled_at) "
	    "values ($1, $2, $3, $4, now(), $3, now()) on conflict (log_ref) "
	    "do update set growth_per_second = case when "
	    "$3 >= log_health.head_size and $4 > log_health.head_ms + 1000 "
	    "then coalesce(log_health.growth_per_second, ($3 - "
	    "log_health.head_size) * 1000.0 / ($4 - log_health.head_ms)) + "
	    "(($3 - log_health.head_size) * 1000.0 / ($4 - "
	    "log_health.head_ms) - coalesce(log_health.growth_per_second, "
	    "($3 - log_health.head_size) * 1000.0 / ($4 - "
	    "log_health.head_ms))) * (1 - exp(-least($4 - "
	    "log_health.head_ms, 36000000)::float8 / 600000)) "
	    "else log_health.growth_per_second "
	    "end, head_id = excluded.head_id, head_size = excluded.head_size, "
	    "head_ms = excluded.head_ms, head_at = now(), polled_at = now(), "
	    "first_size = coalesce(log_health.first_size, "
	    "excluded.first_size)", "iiii", (int64_t)l->id, head_id,
	    (int64_t)size, (int64_t)timestamp_ms);
}

int
health_fail(struct db *db, int log_ref, const char *why, struct err *e)
{
	return db_query(db, NULL, e, "insert into log_health (log_ref, "
	    "polled_at, last_error, last_error_at, failing_since) values "
	    "($1, now(), $2, now(), now()) on conflict (log_ref) do update "
	    "set polled_at = now(), last_error = $2, last_error_at = now(), "
	    "failing_since = coalesce(log_health.failing_since, now())", "is",
	    (int64_t)log_ref, why);
}

int
health_note(struct db *db, int log_ref, const char *why, struct err *e)
{
	return db_query(db, NULL, e, "update log_health set last_error = $2, "
	    "last_error_at = now() where log_ref = $1", "is", (int64_t)log_ref,
	    why);
}

int
log_hybrid(struct db *db, int log_ref, int hybrid, struct err *e)
{
	return db_query(db, NULL, e, "update log set hybrid = $2, "
	    "hybrid_at = now() where id = $1", "iB", (int64_t)log_ref, hybrid);
}

int
health_ok(struct db *db, int log_ref, struct err *e)
{
	return db_query(db, NULL, e, "update log_health set "
	    "failing_since = null where log_ref = $1 and failing_since is not "
	    "null", "i", (int64_t)log_ref);
}

int
health_rate(struct db *db, int log_ref, int page_size, double rate,
    int throttled, struct err *e)
{
	return db_query(db, NULL, e, "update log_health set page_size = $2, "
	    "rate = $3, throttled_at = case when $4 then now() else "
	    "throttled_at end where log_ref = $1", "iifB", (int64_t)log_ref,
	    (int64_t)page_size, rate, throttled);
}
