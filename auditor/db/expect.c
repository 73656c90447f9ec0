#include "auditor/db/expect.h"

int
expect_add(struct db *db, const struct expect *x, int64_t *id, struct err *e)
{
	struct db_res *r = NULL;

	if (db_query(db, &r, e,
	    "insert into expectation (kind, spki_sha256, names, issuer_owner,"
	    " not_before_ms, not_after_ms, origin, author, reason)"
	    " values ('issuance', $1, $2, $3, $4, $5, $6, $7, $8)"
	    " returning id", "basiisss", &x->spki, &x->names,
	    x->issuer_owner, x->not_before_ms, x->not_after_ms, x->origin,
	    x->author, x->reason) == -1)
		return -1;
	if (id != NULL)
		*id = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

int
expect_use(struct db *db, int64_t id, const struct span *tbs, struct err *e)
{
	struct db_res	*r = NULL;
	int		 used;

	if (db_query(db, &r, e,
	    "update expectation set state = 'fulfilled', tbs_sha256 = $2,"
	    " closed_at = now() where id = $1 and state = 'open'", "ib", id,
	    tbs) == -1)
		return -1;
	used = db_changed(r) == 1;
	db_free(r);
	return used;
}

int
expect_list(struct db *db, int all, struct db_res **r, struct err *e)
{
	return db_query(db, r, e,
	    "select id, case when state = 'open' and kind = 'issuance' and"
	    " late then 'expired' else state end,"
	    " encode(spki_sha256, 'hex'), names, issuer_owner,"
	    " not_before_ms, not_after_ms, encode(tbs_sha256, 'hex'), origin,"
	    " author, reason, added_at, kind,"
	    " encode(issuer_spki_sha256, 'hex'), serial, reason_code,"
	    " state = 'open' and kind = 'revocation' and late"
	    " from expectation, lateral (select not_after_ms <"
	    " extract(epoch from now()) * 1000 as late) l"
	    " where $1 or (state = 'open' and (kind = 'revocation' or not"
	    " late)) order by id", "B", all);
}

int
expect_cancel(struct db *db, int64_t id, struct err *e)
{
	struct db_res	*r = NULL;
	int64_t		 n;

	if (db_query(db, &r, e, "update expectation set state = 'cancelled',"
	    " closed_at = now() where id = $1 and state = 'open'", "i",
	    id) == -1)
		return -1;
	n = db_changed(r);
	db_free(r);
	if (n == 0)
		return err_set(e, ERR_NOENT, "no expectation %lld is open "
		    "(certvigil expect list shows them)", (long long)id);
	return 0;
}

int
expect_sweep(struct db *db, size_t *n, struct err *e)
{
	struct db_res *r = NULL;

	if (db_query(db, &r, e, "update expectation set state = 'expired',"
	    " closed_at = now() where state = 'open' and kind = 'issuance'"
	    " and not_after_ms < extract(epoch from now() - interval"
	    " '7 days') * 1000", "") == -1)
		return -1;
	if (n != NULL)
		*n = (size_t)db_changed(r);
	db_free(r);
	return 0;
}

/*
 * r: each serial number with its issuer, and how many issuers there could be.
 * Parameters: $1 serials, $2 their issuers, $3 the issuer of all others.
 */
#define RESOLVED "with t as (select distinct serial, coalesce(" \
	"nullif(issuer, ''), encode($3::bytea, 'hex')) as issuer from " \
	"unnest($1::text[], $2::text[]) t (serial, issuer)), " \
	"r as materialized (select t.serial, count(distinct k.key) as n, " \
	"min(encode(k.key, 'hex')) as issuer, " \
	"min(i.issuer_owner) as owner from t left join issuance i on " \
	"i.serial = t.serial and (t.issuer is null or " \
	"i.issuer_spki_sha256 = decode(t.issuer, 'hex')) " \
	"cross join lateral (select coalesce(decode(t.issuer, 'hex'), " \
	"i.issuer_spki_sha256) as key) k group by t.serial, t.issuer) "

/* The first serial number whose issuer is not plain. */
static int
check(struct db *db, const struct expect_revocation *x,
    const struct db_strs list[2], struct err *e)
{
	struct db_res	*r = NULL;
	int		 rc = 0;

	if (db_query(db, &r, e, RESOLVED "select serial, n, count(*) over () "
	    "from r where n <> 1 order by serial limit 1", "aab", &list[0],
	    &list[1], &x->issuer) == -1)
		return -1;
	if (db_rows(r) > 0 && db_int(r, 0, 1) == 0)
		rc = err_set(e, ERR_NOENT, "no certificate with serial number "
		    "%.130s is known (and %lld others): name the issuer's key "
		    "with --issuer-spki", db_text(r, 0, 0),
		    (long long)db_int(r, 0, 2) - 1);
	else if (db_rows(r) > 0)
		rc = err_set(e, ERR_USAGE, "serial number %.130s was used by "
		    "%lld issuers: name the one that is meant with "
		    "--issuer-spki", db_text(r, 0, 0),
		    (long long)db_int(r, 0, 1));
	db_free(r);
	return rc;
}

int
expect_revocation_add(struct db *db, const struct expect_revocation *x,
    size_t *added, size_t *changed, struct err *e)
{
	const struct db_strs	 list[2] = {
		{ (const char *const *)x->serials->serial, x->serials->n },
		{ (const char *const *)x->serials->issuer, x->serials->n },
	};
	struct db_res		*r = NULL;

	if (check(db, x, list, e) == -1 || db_query(db, &r, e, RESOLVED
	    ", d as (select distinct on (serial, issuer) * from r), "
	    "u as (update expectation x set not_after_ms = $4, reason_code = "
	    "nullif($5::bigint, -1)::int from d where x.kind = 'revocation' "
	    "and x.state = 'open' and x.serial = d.serial and "
	    "x.issuer_spki_sha256 = decode(d.issuer, 'hex') returning "
	    "x.serial, x.issuer_spki_sha256), "
	    "n as (insert into expectation (kind, issuer_spki_sha256, serial, "
	    "reason_code, names, issuer_owner, not_before_ms, not_after_ms, "
	    "origin, author) select 'revocation', decode(d.issuer, 'hex'), "
	    "d.serial, nullif($5::bigint, -1)::int, coalesce((select "
	    "i.names from issuance i where i.issuer_spki_sha256 = "
	    "decode(d.issuer, 'hex') and i.serial = d.serial limit 1), '{}'), "
	    "d.owner, "
	    "(extract(epoch from now()) * 1000)::bigint, $4, 'cli', $6 from d "
	    "where not exists (select from u where u.serial = d.serial and "
	    "u.issuer_spki_sha256 = decode(d.issuer, 'hex')) returning id) "
	    "select (select count(*) from n), (select count(*) from u)",
	    "aabiis", &list[0], &list[1], &x->issuer, x->by_ms,
	    (int64_t)x->reason_code, x->author) == -1)
		return -1;
	*added = (size_t)db_int(r, 0, 0);
	*changed = (size_t)db_int(r, 0, 1);
	db_free(r);
	return 0;
}
