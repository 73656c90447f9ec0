#include "auditor/db/acme_ledger.h"

#include <stdio.h>
#include <string.h>

/* Columns of each: how many, the oldest, and whose they are. */
static int
take(struct db_res *r, struct acme_count *c)
{
	memset(c, 0, sizeof(*c));
	c->oldest = INT64_MIN;
	if (db_rows(r) != 0) {
		c->n = db_int(r, 0, 0);
		c->oldest = db_time(r, 0, 1);
		(void)snprintf(c->name, sizeof(c->name), "%s",
		    db_text(r, 0, 2));
	}
	db_free(r);
	return 0;
}

int
acme_ledger_orders(struct db *db, int64_t account,
    const struct acme_window *w, struct acme_count *c, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select count(*), min(at), '' from (select "
	    "o.added_at as at from acme_order o where o.account_id = $1 and "
	    "o.added_at > now() - make_interval(secs => $2) and o.url is not "
	    "null and o.flow->'want'->>'replaces' is null and not exists "
	    "(select from acme_order p where p.managed_id = o.managed_id and "
	    "p.state = 'valid' and p.added_at < o.added_at) order by "
	    "o.added_at desc limit $3) q", "ifi", account, (double)w->secs,
	    w->max) == -1)
		return -1;
	return take(r, c);
}

int
acme_ledger_domains(struct db *db, const char *directory,
    const struct db_strs *domains, const struct acme_window *w,
    struct acme_count *c, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select q.n, q.at, d.name from "
	    "unnest($1::text[]) d(name) cross join lateral (select count(*) "
	    "as n, min(at) as at from (select g.received_at as at from "
	    "acme_received g join acme_order o on o.id = g.order_id join "
	    "acme_account a on a.id = o.account_id where a.directory = $2 and "
	    "g.received_at > now() - make_interval(secs => $3) and exists "
	    "(select from unnest(g.names) x where x = d.name or "
	    "right(x, length(d.name) + 1) = '.' || d.name) and not exists "
	    "(select from acme_received h where h.received_at < "
	    "g.received_at and h.names @> g.names and h.names <@ g.names) "
	    "order by g.received_at desc limit $4) s) q order by q.n desc "
	    "limit 1", "asfi", domains, directory, (double)w->secs, w->max)
	    == -1)
		return -1;
	return take(r, c);
}

int
acme_ledger_exact(struct db *db, const char *directory,
    const struct db_strs *names, const struct acme_window *w,
    struct acme_count *c, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select count(*), min(at), '' from (select "
	    "g.received_at as at from acme_received g join acme_order o on "
	    "o.id = g.order_id join acme_account a on a.id = o.account_id "
	    "where a.directory = $2 and g.received_at > now() - "
	    "make_interval(secs => $3) and g.names @> $1::text[] and g.names "
	    "<@ $1::text[] order by g.received_at desc limit $4) q", "asfi",
	    names, directory, (double)w->secs, w->max) == -1)
		return -1;
	return take(r, c);
}

int
acme_ledger_had(struct db *db, const char *directory,
    const struct db_strs *names, struct err *e)
{
	struct db_res	*r = NULL;
	int		 had;

	if (db_query(db, &r, e, "select exists (select from acme_received g "
	    "join acme_order o on o.id = g.order_id join acme_account a on "
	    "a.id = o.account_id where a.directory = $2 and g.names @> "
	    "$1::text[] and g.names <@ $1::text[])", "as", names, directory)
	    == -1)
		return -1;
	had = db_bool(r, 0, 0);
	db_free(r);
	return had;
}

int
acme_ledger_failed(struct db *db, int64_t account,
    const struct db_strs *names, const struct acme_window *w,
    struct acme_count *c, struct err *e)
{
	struct db_res	*r = NULL;

	/* told: the CA was asked to look.  2: it was found valid */
	if (db_query(db, &r, e, "select q.n, q.at, d.name from "
	    "unnest($1::text[]) d(name) cross join lateral (select count(*) "
	    "as n, min(at) as at from (select o.changed_at as at from "
	    "acme_order o where o.account_id = $2 and o.state = 'failed' and "
	    "o.added_at > now() - interval '7 days' and o.changed_at > now() "
	    "- make_interval(secs => $3) and strpos(o.error, "
	    "ltrim(d.name, '*.')) > 0 and exists (select from "
	    "jsonb_array_elements(o.flow->'authorizations') x where "
	    "x->>'name' = d.name and x->>'told' = '1' and x->>'status' <> "
	    "'2') order by o.changed_at desc limit $4) s) q order by q.n desc "
	    "limit 1", "aifi", names, account, (double)w->secs, w->max) == -1)
		return -1;
	return take(r, c);
}

int
acme_ledger_wait(struct db *db, int64_t managed, int64_t *until, char *why,
    size_t cap, struct err *e)
{
	struct db_res	*r = NULL;
	int		 n;

	if (db_query(db, &r, e, "select next_at, last_error from "
	    "managed_certificate where id = $1 and next_at > now() and "
	    "last_error like '%(rateLimited)%'", "i", managed) == -1)
		return -1;
	n = db_rows(r) != 0;
	if (n) {
		*until = db_time(r, 0, 0);
		(void)snprintf(why, cap, "%s", db_text(r, 0, 1));
	}
	db_free(r);
	return n;
}
