#include "auditor/db/revocation_view.h"

#include "auditor/db/audit_sql.h"

/*
 * w: how many valid certificates name a URL; c: how many of an issuer name
 * none, so that the source that CCADB has for it speaks for them.
 */
static const char sources_sql[] =
    "with w as (select i.issuer_spki_sha256 as k, u.url, "
    "count(distinct i.serial) as n from cert_fact f join issuance i "
    "using (tbs_sha256) cross join lateral unnest(f.crl || f.ocsp) u (url) "
    "where i.not_after > now() group by 1, 2), "
    "c as (select i.issuer_spki_sha256 as k, count(distinct i.serial) as n "
    "from cert_fact f join issuance i using (tbs_sha256) where "
    "i.not_after > now() and f.crl = '{}' group by 1) "
    "select json_build_object('id', s.id, 'kind', s.kind, 'url', s.url, "
    "'issuer_spki_sha256', encode(s.issuer_spki_sha256, 'hex'), "
    "'issuer_owner', (select owner from issuer x where x.spki_sha256 = "
    "s.issuer_spki_sha256 and owner is not null order by first_seen limit "
    "1), 'origin', s.origin, 'state', s.state, 'fault', s.fault, "
    "'why', s.why, 'number', s.number, "
    "'this_update', " ROW_RFC3339("s.this_update") ", "
    "'next_update', " ROW_RFC3339("s.next_update") ", "
    "'age_seconds', extract(epoch from now() - s.this_update)::bigint, "
    "'watched', coalesce(case when s.origin = 'ccadb' then c.n else w.n end,"
    " 0), 'failing_since', " ROW_RFC3339("s.failing_since") ", "
    "'checked_at', " ROW_RFC3339("s.checked_at") ", "
    "'ok_at', " ROW_RFC3339("s.ok_at") ", "
    "'sha256', encode(s.sha256, 'hex'), 'bytes', s.bytes, "
    "'entries', s.entries) from revocation_source s "
    "left join w on w.k = s.issuer_spki_sha256 and w.url = s.url "
    "left join c on c.k = s.issuer_spki_sha256 "
    "where not $1 or s.state <> 'good' "
    "order by s.failing_since nulls last, s.kind, s.url, s.id";

json_t *
revocation_view_sources(struct db *db, int faulty, struct err *e)
{
	struct db_res	*r = NULL;
	json_t		*a;
	size_t		 i;

	if (db_query(db, &r, e, sources_sql, "B", faulty) == -1)
		return NULL;
	a = json_array();
	for (i = 0; i < db_rows(r); i++)
		json_array_append_new(a, row_json(r, i, 0));
	db_free(r);
	return a;
}

/*
 * k: issuer keys and serials that were asked for; o: in which order.  The
 * subquery with a limit keeps that order, and the objects unmade until they
 * are fetched.
 */
static const char status_sql[] = "declare statuses no scroll cursor for "
    "with k as (select i.issuer_spki_sha256, i.serial from issuance i where "
    "case when $3::bytea is not null then i.tbs_sha256 = $3 "
    "when $2::text is not null then i.serial = $2 "
    "when $1::text is not null then $1 = any(i.names) or exists (select "
    "from issuance_name c where c.tbs_sha256 = i.tbs_sha256 and "
    "($1 = '.' or c.name = $1 or c.name = '*' || "
    "substr($1, strpos($1, '.')) or (left($1, 1) = '.' and "
    "(c.name = substr($1, 2) or right(c.name, length($1)) = $1)))) "
    "else i.not_after > now() end "
    "union select r.issuer_spki_sha256, r.serial from revocation r where "
    "$1::text is null and $3::bytea is null and ($2::text is null or "
    "r.serial = $2)), "
    "o as (select k.*, r.status, r.observed_at from k left join revocation r "
    "using (issuer_spki_sha256, serial) order by "
    "(r.status = 'revoked') desc nulls last, r.observed_at desc, k.serial, "
    "k.issuer_spki_sha256) "
    "select json_build_object('tbs_sha256', encode(i.tbs_sha256, 'hex'), "
    "'issuer_spki_sha256', encode(o.issuer_spki_sha256, 'hex'), "
    "'serial', o.serial, 'issuer_owner', i.issuer_owner, "
    "'names', coalesce(i.names, '{}'), "
    "'not_after', " ROW_RFC3339("i.not_after") ", 'revocation', "
    AUDIT_SQL_REVOCATION("o.issuer_spki_sha256", "o.serial") ", "
    "'changes', (select coalesce(json_agg(json_build_object("
    "'at', " ROW_RFC3339("v.first_seen") ", 'kind', z.kind, 'url', z.url, "
    "'status', v.status, 'reason', " AUDIT_SQL_REASON("v.reason") ", "
    "'stated_at', " ROW_RFC3339("v.stated_at") ", 'refusal', v.refusal) "
    "order by v.id), '[]') from revocation_status v join revocation_source "
    "z on z.id = v.source_id where v.issuer_spki_sha256 = "
    "o.issuer_spki_sha256 and v.serial = o.serial)) from o "
    "left join lateral (select * from issuance j where "
    "j.issuer_spki_sha256 = o.issuer_spki_sha256 and j.serial = o.serial "
    "order by j.first_seen limit 1) i on true";

int
revocation_view_status(struct db *db, const struct revocation_view_ask *ask,
    void (*each)(void *, json_t *), void *arg, struct err *e)
{
	if (db_begin(db, e) == -1)
		return -1;
	if (db_query(db, NULL, e, status_sql, "ssb", ask->name, ask->serial,
	    &ask->tbs) == -1)
		goto err;
	if (row_each(db, "fetch 500 from statuses", each, arg, e) == -1)
		goto err;
	return db_commit(db, e);
err:
	db_rollback(db);
	return -1;
}
