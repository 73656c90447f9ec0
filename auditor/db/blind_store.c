#include "auditor/db/blind_store.h"

#include "base/limit.h"

int
blind_store_estimate(struct db *db, const struct db_spans *logs,
    int64_t days, int64_t lag, struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "with i as materialized (select "
	    "tbs_sha256, issuer_owner from issuance where first_seen > now() "
	    "- make_interval(days => $2::int) and first_seen < now() - "
	    "make_interval(secs => $3::bigint) and issued <> 'invalid' "
	    "order by first_seen desc limit $4), "
	    "w as (select i.issuer_owner, o.there from i cross join lateral "
	    "(select bool_and(x.log_id = any ($1)) as there from (select "
	    "l.log_id from entry n join log l on l.id = n.log_ref where "
	    "n.tbs_sha256 = i.tbs_sha256 union all select s.log_id from sct s "
	    "where s.tbs_sha256 = i.tbs_sha256 and s.source = 'certificate') "
	    "x) o where o.there is not null) "
	    "select issuer_owner, count(*), count(*) filter (where w.there), "
	    "grouping(issuer_owner) from w group by grouping sets ((), "
	    "(issuer_owner)) order by 4 desc, 2 desc, 1 limit 100", "Aiii",
	    logs, days, lag, (int64_t)LIMIT_BLIND_ISSUANCES);
}

int
blind_store_lists(struct db *db, struct db_res **r, struct err *e)
{
	/* they were read by a judge before: it is JSON of that form */
	return db_query(db, r, e, "with s as materialized (select distinct on "
	    "(source) source, body from log_list where case when exists "
	    "(select from log where listed and list_source = 'file') then "
	    "source = 'file' else source <> 'file' and checked_at > now() - "
	    "interval '7 days' end order by source, checked_at desc, id desc), "
	    "o as (select s.source, o.v from s cross join lateral "
	    "jsonb_array_elements(convert_from(s.body, 'UTF8')::jsonb->"
	    "'operators') o(v)) "
	    "select o.source, l.v->>'log_id', o.v->>'name', case when "
	    "l.v->>'log_type' is distinct from 'test' then k.key end, "
	    "k.value->>'timestamp' from o cross join lateral "
	    "(values (o.v->'logs'), (o.v->'tiled_logs')) a(v) "
	    "cross join lateral jsonb_array_elements(case jsonb_typeof(a.v) "
	    "when 'array' then a.v else '[]' end) l(v) "
	    "left join lateral (select * from jsonb_each(case "
	    "jsonb_typeof(l.v->'state') when 'object' then l.v->'state' "
	    "else '{}' end) limit 1) k on true", "");
}

int
blind_store_clock(struct db *db, int64_t *at, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select now()", "") == -1)
		return -1;
	*at = db_time(r, 0, 0);
	db_free(r);
	return 0;
}

int
blind_store_settled(struct db *db, int64_t seconds, int *settled,
    struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select exists (select from worker where "
	    "state = 'working' and last_seen > now() - interval '1 minute' "
	    "and started_at < now() - make_interval(secs => $1::bigint))", "i", seconds) == -1)
		return -1;
	*settled = db_bool(r, 0, 0);
	db_free(r);
	return 0;
}
