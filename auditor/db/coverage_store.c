#include "auditor/db/coverage_store.h"

int
coverage_store_now(struct db *db, int64_t poll, int all, struct db_res **r,
    struct err *e)
{
	/* behind: what was not seen proven within five polls, or fails */
	return db_query(db, r, e, "with now as (select l.*, "
	    "o.name as operator, h.*, r.size_to, r.size_from, "
	    "greatest(h.caught_up_at, case when r.size_to >= h.head_size "
	    "and h.failing_since is null then h.head_at end) as fresh_at, "
	    "(select encode(sha256, 'hex') from log_list where "
	    "source = l.list_source order by id desc limit 1) as list_sha "
	    "from log l join operator o on o.id = l.operator_id "
	    "left join log_health h on h.log_ref = l.id "
	    "left join lateral (select size_from, size_to from log_range "
	    "where log_ref = l.id order by size_from desc limit 1) r on true "
	    "where $2 or l.watched) "
	    "select log_id, description, operator, protocol, head_size, "
	    "size_to, greatest(0, head_size - coalesce(size_to, 0)), "
	    "case when size_to >= head_size and failing_since is null then 0 "
	    "when coalesce(fresh_at, progress_at, added_at) is not null then "
	    "greatest(0, extract(epoch from now() - "
	    "coalesce(fresh_at, progress_at, added_at)))::bigint end, "
	    "case when head_ms > 0 then (extract(epoch from now()) - "
	    "head_ms / 1000.0)::bigint end, "
	    "entries_per_second, growth_per_second, "
	    "case when size_to >= head_size then 0 "
	    "when entries_per_second > coalesce(growth_per_second, 0) then "
	    "((head_size - coalesce(size_to, 0)) / (entries_per_second - "
	    "coalesce(growth_per_second, 0)))::bigint end, "
	    "last_error, last_error_at, failing_since, fresh_at, state, url, "
	    "read_url, mmd, page_size, rate, throttled_at, listed, added_at, "
	    "list_source || coalesce(' ' || list_sha, ''), size_from, hybrid, "
	    "(failing_since is not null or fresh_at is null or "
	    "fresh_at < now() - make_interval(secs => 5 * $1::bigint)), "
	    "key, interval_from, interval_to, watched, "
	    "extract(epoch from now() - fresh_at)::bigint "
	    "from now order by operator, description, log_id", "iB", poll,
	    all);
}

int
coverage_store_misbehaved(struct db *db, int64_t *n, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select count(*) from finding where "
	    "kind = 'log.misbehaved' and state in ('open', 'acked')", "")
	    == -1)
		return -1;
	*n = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

int
coverage_store_days(struct db *db, int64_t from, int64_t to,
    struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "select l.log_id, l.description, "
	    "d.day::text, d.size_from, d.size_to, d.verified_at, "
	    "d.max_lag_seconds, d.gaps, d.log_list_sha256, "
	    "d.watch_set_sha256 from coverage_day d "
	    "join log l on l.id = d.log_ref where d.day between "
	    "($1::timestamptz at time zone 'UTC')::date and "
	    "($2::timestamptz at time zone 'UTC')::date "
	    "order by d.day, l.description, l.log_id", "tt", from, to);
}

int
coverage_store_counts(struct db *db, struct db_res **r, struct err *e)
{
	return db_query(db, r, e,
	    "select 'delivery', state, channel, count(*) from delivery "
	    "group by 2, 3 "
	    "union all select 'finding', kind, severity, count(*) from "
	    "finding where state in ('open', 'acked') group by 2, 3 "
	    "union all select 'match', e.entry_type, '', count(*) from "
	    "entry_match m join entry e on e.log_ref = m.log_ref and "
	    "e.index = m.index group by 2 "
	    "union all select 'oldest', '', '', coalesce(max(extract(epoch "
	    "from now() - added_at)), 0)::bigint from delivery where "
	    "state in ('pending', 'sending') "
	    "union all select 'watch', '', '', count(*) from watch where "
	    "removed_at is null "
	    "union all select 'worker', '', '', count(*) from worker where "
	    "last_seen > now() - interval '30 seconds' "
	    "order by 1, 2, 3", "");
}
