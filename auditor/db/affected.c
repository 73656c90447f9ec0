#include "auditor/db/affected.h"

#include "auditor/db/audit_sql.h"

/*
 * a: what is affected.  n: its names, folded; g: each set of names once;
 * c: how many certificates have a name; p: the rarest name of each set, so
 * that the search for a successor looks at few candidates, d; s: the newest
 * successor of each set, declared ones first; v: who serves what now.  Joins
 * and no subqueries per row: lists have 1,000,000 lines.
 */
#define COLUMNS "i.tbs_sha256, i.issuer_spki_sha256, i.serial, " \
	"i.spki_sha256, i.names, i.not_before, i.not_after, " \
	"i.issuer_owner, i.facts::jsonb->'watches' as watches"
#define BOUNDS "i.not_after > now() and ($1::bytea is null or " \
	"i.issuer_spki_sha256 = $1) and ($2::timestamptz is null or " \
	"i.not_before >= $2) and ($3::timestamptz is null or " \
	"i.not_before <= $3)"

static const char by_issuer[] = "a as materialized (select " COLUMNS
    " from issuance i where " BOUNDS "), ";

static const char by_serial[] = "t as materialized (select distinct serial, "
    "issuer from unnest($4::text[], $5::text[]) t (serial, issuer)), "
    "a as materialized (select distinct on (i.tbs_sha256) " COLUMNS
    " from t join issuance i on i.serial = t.serial and (t.issuer = '' or "
    "t.issuer = encode(i.issuer_spki_sha256, 'hex')) where " BOUNDS "), ";

/* What was declared, of an issuance or of its key. */
#define KNOWN "from known where removed_at is null and " \
	"trust in ('issuance', 'key') and "

static const char rest[] =
    "n as materialized (select a.tbs_sha256, array_agg(c.name order by "
    "c.name) as set from a join issuance_name c using (tbs_sha256) "
    "group by 1), "
    "g as materialized (select set, row_number() over () as id from "
    "(select distinct set from n) x), "
    "u as materialized (select g.id, x.name from g, unnest(g.set) x (name)), "
    "c as materialized (select name, count(*) as k from certificate_name "
    "where name in (select name from u) group by 1), "
    "p as materialized (select distinct on (u.id) u.id, u.name from "
    "u join c using (name) order by u.id, c.k, u.name), "
    "v as materialized (select x.tbs_sha256, json_agg(x.place order by "
    "x.place) as places from (select distinct o.tbs_sha256, "
    AUDIT_SQL_HOSTPORT("e") " as place from endpoint_observation o "
    "join endpoint e on e.id = o.endpoint_id where "
    AUDIT_SQL_CURRENT("o", "e") ") x group by 1), "
    "d as materialized (select p.id, j.tbs_sha256, j.not_before, "
    "coalesce(j.decision in ('silent', 'baseline', 'digest', 'hold'), false)"
    " as declared from p join certificate_name x on x.name = p.name "
    "join issuance j on j.tbs_sha256 = x.tbs_sha256 "
    "left join a on a.tbs_sha256 = j.tbs_sha256 "
    "left join revocation r on r.issuer_spki_sha256 = j.issuer_spki_sha256 "
    "and r.serial = j.serial and r.status = 'revoked' where "
    "j.not_after > now() and j.issued <> 'invalid' and "
    "coalesce(j.decision, '') not in ('deny', 'misused', 'malformed') and "
    "a.tbs_sha256 is null and r.serial is null), "
    "m as materialized (select d.id, d.tbs_sha256 from d "
    "join issuance_name x using (tbs_sha256) "
    "join u on u.id = d.id and u.name = x.name "
    "join g on g.id = d.id group by d.id, d.tbs_sha256, g.set "
    "having count(*) = cardinality(g.set)), "
    "s as materialized (select distinct on (d.id) g.set, d.tbs_sha256, "
    "d.not_before, d.declared from d join m using (id, tbs_sha256) "
    "join g on g.id = d.id order by d.id, d.declared desc, "
    "d.not_before desc, d.tbs_sha256), "
    "z as materialized (select a.*, n.set, s.tbs_sha256 as next, "
    "s.not_before as next_at, s.declared, w.places as next_places, "
    "s.tbs_sha256 is not null and (s.declared or w.places is not null) as "
    "replaced from a left join n using (tbs_sha256) "
    "left join s on s.set = n.set and s.not_before > a.not_before "
    "left join v w on w.tbs_sha256 = s.tbs_sha256) "
    "select json_build_object("
    "'tbs_sha256', encode(z.tbs_sha256, 'hex'), "
    "'issuer_spki_sha256', encode(z.issuer_spki_sha256, 'hex'), "
    "'serial', z.serial, 'issuer_owner', z.issuer_owner, 'names', z.names, "
    "'not_before', " ROW_RFC3339("z.not_before") ", "
    "'not_after', " ROW_RFC3339("z.not_after") ", "
    "'owner', coalesce((select string_agg(distinct w->>'owner', ', ') from "
    "jsonb_array_elements(z.watches) w where w->>'owner' <> ''), ''), "
    "'source', case when k.id is null then y.source else k.source end, "
    "'place', case when k.id is null then y.place else k.place end, "
    "'served_at', coalesce(v.places, '[]'), 'status', r.status, "
    "'reason', " AUDIT_SQL_REASON("r.reason") ", "
    "'deadline', " ROW_RFC3339("coalesce(x.by, case when r.status = "
    "'revoked' then r.observed_at + case when coalesce(r.reason, 0) in "
    "(0, 1, 4) then interval '24 hours' else interval '5 days' end end)")
    ", 'successor', encode(z.next, 'hex'), "
    "'successor_not_before', " ROW_RFC3339("z.next_at") ", "
    "'successor_declared', z.declared, "
    "'successor_served_at', coalesce(z.next_places, '[]'), "
    "'replaced', z.replaced) from z "
    "left join v using (tbs_sha256) "
    "left join revocation r on r.issuer_spki_sha256 = z.issuer_spki_sha256 "
    "and r.serial = z.serial "
    "left join (select issuer_spki_sha256, serial, "
    "to_timestamp(min(not_after_ms) / 1000.0) as by from expectation where "
    "kind = 'revocation' and state = 'open' group by 1, 2) x on "
    "x.issuer_spki_sha256 = z.issuer_spki_sha256 and x.serial = z.serial "
    "left join (select distinct on (tbs_sha256) tbs_sha256, id, source, "
    "place " KNOWN "tbs_sha256 is not null order by tbs_sha256, "
    "place is null, id desc) k on k.tbs_sha256 = z.tbs_sha256 "
    "left join (select distinct on (spki_sha256) spki_sha256, source, place "
    KNOWN "spki_sha256 is not null order by spki_sha256, place is null, "
    "id desc) y on y.spki_sha256 = z.spki_sha256 "
    "order by z.replaced, z.set, z.not_after, z.tbs_sha256";

/*
 * Open the cursor, which will be read to its end.  The planner takes each of
 * the steps for one row: it would loop over all of them for each of the rows
 * that there are, and begin with the joins that make most.
 */
static int
declare(struct db *db, const struct affected_ask *q, struct err *e)
{
	struct db_strs	 serials, issuers;
	struct buf	 sql = BUF_INIT;
	int		 rc;
	static const char *const set[] = { "cursor_tuple_fraction = 1",
		"enable_nestloop = off", "join_collapse_limit = 1",
		"work_mem = '64MB'" };
	size_t		 i;

	for (i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
		buf_reset(&sql);
		buf_fmt(&sql, "set local %s", set[i]);
		if (db_query(db, NULL, e, buf_text(&sql), "") == -1) {
			buf_free(&sql);
			return -1;
		}
	}
	buf_reset(&sql);
	buf_fmt(&sql, "declare affected no scroll cursor for with %s%s",
	    q->serials != NULL ? by_serial : by_issuer, rest);
	if (q->serials == NULL)
		rc = db_query(db, NULL, e, buf_text(&sql), "btt", &q->issuer,
		    q->from, q->to);
	else {
		serials.v = (const char *const *)q->serials->serial;
		issuers.v = (const char *const *)q->serials->issuer;
		serials.n = issuers.n = q->serials->n;
		rc = db_query(db, NULL, e, buf_text(&sql), "bttaa",
		    &q->issuer, q->from, q->to, &serials, &issuers);
	}
	buf_free(&sql);
	return rc;
}

int
affected_list(struct db *db, const struct affected_ask *q,
    void (*each)(void *, json_t *), void *arg, struct err *e)
{
	if (db_begin(db, e) == -1)
		return -1;
	if (declare(db, q, e) == -1)
		goto err;
	if (row_each(db, "fetch 1000 from affected", each, arg, e) == -1)
		goto err;
	return db_commit(db, e);
err:
	db_rollback(db);
	return -1;
}
