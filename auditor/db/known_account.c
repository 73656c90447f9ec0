#include "auditor/db/known_account.h"

#include <stdlib.h>

#include "auditor/decide_bound.h"

int
known_account_add(struct db *db, const struct known_account *a,
    struct err *e)
{
	struct db_res	*r = NULL;
	int		 fresh;

	if (db_query(db, &r, e,
	    "insert into known_account (url, client, host, source, place,"
	    " author) values ($1, $2, $3, $4, $5, $6)"
	    " on conflict (url, coalesce(host, ''), coalesce(source, ''))"
	    " where removed_at is null do update set client ="
	    " excluded.client, place = excluded.place returning xmax = 0",
	    "ssssss", a->url, a->client, a->host, a->source, a->place,
	    a->author) == -1)
		return -1;
	fresh = db_bool(r, 0, 0);
	db_free(r);
	return fresh;
}

/*
 * Columns KNOWN_ACCOUNT_FREE and so on.  Without a source it has no bounds; of
 * a source that is gone, no names any more.
 */
#define SCOPES	"select a.source is null, s.names, a.url from" \
	" known_account a left join source s on s.name = a.source and" \
	" (s.until is null or s.until > now()) where a.removed_at is null"

int
known_account_may(const struct db_res *r, size_t i, const char *name)
{
	char	**v;
	size_t	  k, n;
	int	  may = db_bool(r, i, KNOWN_ACCOUNT_FREE);

	v = db_strv(r, i, KNOWN_ACCOUNT_NAMES, &n);
	for (k = 0; k < n && !may; k++)
		may = decide_bound_name(v[k], name);
	free(v);
	return may;
}

int
known_account_is(struct db *db, const char *url, const char *name,
    struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 is = 0;

	if (db_query(db, &r, e, SCOPES " and a.url = $1 union all select"
	    " true, null, url from acme_account where url = $1 and status ="
	    " 'valid'", "s", url) == -1)
		return -1;
	for (i = 0; i < db_rows(r) && !is; i++)
		is = known_account_may(r, i, name);
	db_free(r);
	return is;
}

int
known_account_scopes(struct db *db, struct db_res **r, struct err *e)
{
	return db_query(db, r, e, SCOPES " order by a.url", "");
}

int
known_account_remove(struct db *db, const char *url, struct err *e)
{
	struct db_res	*r = NULL;
	int		 n;

	if (db_query(db, &r, e, "update known_account set removed_at = now()"
	    " where url = $1 and removed_at is null", "s", url) == -1)
		return -1;
	n = (int)db_changed(r);
	db_free(r);
	if (n == 0)
		return err_set(e, ERR_NOENT, "no account %s is known "
		    "(certvigil known list --accounts shows those that are)",
		    url);
	return n;
}

int
known_account_list(struct db *db, struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "select id, url, client, host, source,"
	    " place, author, added_at from known_account where removed_at is"
	    " null order by id", "");
}
