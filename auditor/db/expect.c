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
	    "select id, case when state = 'open' and not_after_ms <"
	    " extract(epoch from now()) * 1000 then 'expired' else state end,"
	    " encode(spki_sha256, 'hex'), names, issuer_owner,"
	    " not_before_ms, not_after_ms, encode(tbs_sha256, 'hex'), origin,"
	    " author, reason, added_at from expectation"
	    " where kind = 'issuance' and ($1 or (state = 'open' and"
	    " not_after_ms >= extract(epoch from now()) * 1000))"
	    " order by id", "B", all);
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
