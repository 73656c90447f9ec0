#include "auditor/db/coverage_store.h"

/* Heads that are believed. */
#define GOOD	"verdict = 'valid' and consistency <> 'conflict'"

/*
 * The state of each log.  heads: the newest head that everything was read of
 * (a) and the first that shows more (b).  An entry is younger than a head
 * that it is not in; entries between two heads came evenly.  Where reading
 * began with history, no head is that old: what the log grows by tells how
 * long it took to get that far.
 *
 * ended: everything of a log that takes no more was read, and was received
 * after its end.
 *
 * caught: everything in the newest head was read; then what was not seen is
 * younger than when that head was received, or, of a log that shows old heads
 * for longer than it may, than the head itself.
 *
 * is_over: a read-only log that was read to its final head.  It is asked four
 * times a day, may be gone, and is behind nothing.
 *
 * all_size: what there is of a log, by its newest head or its final one.  One
 * that shows less than its final tree is behind by what it does not show, and
 * that is as old as the newest head that it was read to, or as its end.  Of
 * one that never showed a head, what is left is not known: null, not 0.
 */
static const char now_sql[] =
    "with now as (select l.*, o.name as operator, h.*, r.size_to, "
    "r.size_from, greatest(h.caught_up_at, case when r.size_to >= x.all_size "
    "and h.failing_since is null then h.head_at end) as fresh_at, "
    "x.all_size, coalesce(r.size_to, 0) >= x.all_size as caught, "
    "coalesce(l.state = 'readonly' and coalesce(r.size_to, 0) >= "
    "l.final_size, false) as is_over, "
    "(select encode(sha256, 'hex') from log_list where "
    "source = l.list_source order by id desc limit 1) as list_sha "
    "from log l join operator o on o.id = l.operator_id "
    "left join log_health h on h.log_ref = l.id "
    "left join lateral (select size_from, size_to from log_range "
    "where log_ref = l.id order by size_to desc limit 1) r on true "
    "cross join lateral (select greatest(h.head_size, case when l.state = "
    "'readonly' then l.final_size end) as all_size) x "
    "where $2 or l.watched), "
    "aged as (select n.*, a.tree_size as a_size, a.timestamp_ms as a_ms, "
    "b.tree_size as b_size, b.timestamp_ms as b_ms from now n "
    "left join lateral (select tree_size, timestamp_ms from tree_head where "
    "not n.caught and log_ref = n.id and tree_size <= n.size_to and " GOOD
    " order by tree_size desc, timestamp_ms desc limit 1) a on true "
    "left join lateral (select tree_size, timestamp_ms from tree_head where "
    "not n.caught and log_ref = n.id and tree_size > n.size_to and " GOOD
    " order by tree_size, timestamp_ms limit 1) b on true), "
    "old as (select g.*, coalesce(caught and state in ('readonly', "
    "'retired') and state_at <= head_at, false) as ended, case "
    "when caught and (failing_since is not null or head_at < now() - "
    "make_interval(secs => 5 * $1::bigint)) then head_at "
    "when caught and head_ms > 0 and state <> 'readonly' and "
    "(state <> 'retired' or state_at > head_at) and to_timestamp(head_ms / 1000.0) < now() - "
    "make_interval(secs => mmd + 600) then to_timestamp(head_ms / 1000.0) "
    "when caught then null "
    "when size_to is null then added_at "
    "when size_to >= head_size then least(coalesce(state_at, head_at), "
    "coalesce(to_timestamp(a_ms / 1000.0), head_at)) "
    "when b_ms is null then coalesce(progress_at, added_at) "
    "when a_ms is not null then to_timestamp((a_ms + (b_ms - a_ms)::float8 "
    "* (size_to - a_size) / (b_size - a_size)) / 1000.0) "
    "when growth_per_second > 0 then to_timestamp(b_ms / 1000.0) - "
    "make_interval(secs => least((b_size - size_to) / growth_per_second, "
    "3e9)) "
    "else to_timestamp(b_ms / 1000.0) end as oldest_at, "
    /* a speed that was measured before it stopped is none */
    "case when not caught and (failing_since is not null or size_to >= "
    "head_size or progress_at < "
    "now() - make_interval(secs => greatest(5 * $1::bigint, 600))) then 0 "
    "else entries_per_second end as speed, "
    "case when state = 'readonly' then 0 else growth_per_second end as growth "
    "from aged g) "
    "select log_id, description, operator, protocol, head_size, "
    "size_to, case when all_size is not null then greatest(0, all_size - "
    "coalesce(size_to, 0)) end, "
    "case when ended or oldest_at is null then 0 else greatest(0, "
    "extract(epoch from now() - oldest_at))::bigint end, "
    "case when head_ms > 0 then (extract(epoch from now()) - "
    "head_ms / 1000.0)::bigint end, "
    "speed, growth, "
    /* read to a head that is old: who knows what there is by now */
    "case when caught then case when ended or oldest_at is null then 0 "
    "end when speed > coalesce(growth, 0) then ((all_size - "
    "coalesce(size_to, 0)) / (speed - coalesce(growth, 0)))::bigint end, "
    "last_error, last_error_at, failing_since, fresh_at, state, url, "
    "read_url, mmd, page_size, rate, throttled_at, listed, added_at, "
    "list_source || coalesce(' ' || list_sha, ''), size_from, hybrid, "
    "not is_over and (failing_since is not null or fresh_at is null or "
    "fresh_at < now() - make_interval(secs => 5 * $1::bigint)), "
    "key, interval_from, interval_to, watched, "
    "extract(epoch from now() - fresh_at)::bigint, state_at, "
    /*
     * what was there before we looked is history, and what the log showed
     * only since everything was read last is its delay: not blindness.  To
     * one browser a log may have ended that another still counts.
     */
    "case when oldest_at is null then 0 else greatest(0, extract(epoch from "
    "now() - greatest(oldest_at, added_at, case when not caught and "
    "size_to < head_size then caught_up_at end)))::bigint end, "
    "not caught and speed is not null and growth is not null and "
    "speed <= growth "
    "from old order by operator, description, log_id";

int
coverage_store_now(struct db *db, int64_t poll, int all, struct db_res **r,
    struct err *e)
{
	return db_query(db, r, e, now_sql, "iB", poll, all);
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
coverage_store_holes(struct db *db, int64_t from, int64_t to,
    struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "with p as (select "
	    "($1::timestamptz at time zone 'UTC')::date as a, "
	    "least(($2::timestamptz at time zone 'UTC')::date, "
	    "(now() at time zone 'UTC')::date - 1) as b), "
	    /* to the day before it took no more, or no list had it */
	    "l as (select g.description, least(p.b, case when g.state in "
	    "('readonly', 'retired') then (g.state_at at time zone 'UTC')"
	    "::date - 1 end, case when not g.listed then coalesce((u.at at "
	    "time zone 'UTC')::date, p.a) - 1 end) as b, "
	    "case when g.first_list and "
	    "p.a > '1970-01-01' then p.a else greatest(p.a, (g.added_at at "
	    "time zone 'UTC')::date) end as a, c.first, c.last "
	    "from p, log g left join lateral (select min(day) as first, "
	    "max(day) as last from coverage_day where log_ref = g.id and day "
	    "between p.a and p.b + 1) c on true left join lateral (select "
	    "max(checked_at) as at from log_list cross join lateral (select "
	    "convert_from(body, 'UTF8') offset 0) t(t) where not g.listed and source "
	    "= g.list_source and checked_at >= p.a::timestamp at time zone "
	    /* JSON may have it with \/ for each of its / */
	    "'UTC' and (position(encode(g.log_id, 'base64') in t.t) > 0 or "
	    "position(replace(encode(g.log_id, 'base64'), '/', '\\/') in "
	    "t.t) > 0)) u on true where case when "
	    "g.state in ('readonly', 'retired') then g.state_at is not null "
	    "else g.watched end) "
	    "select description, a::text, least(b, coalesce(first, b + 1) - 1)"
	    "::text from l where a <= b and coalesce(first, b + 1) > a "
	    "union all select description, (last + 1)::text, b::text from l "
	    "where last < b order by 1, 2", "tt", from, to);
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
