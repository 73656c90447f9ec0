#include "auditor/db/endpoint_set.h"

#include <stdio.h>
#include <stdlib.h>

#include "auditor/db/finding.h"
#include "auditor/db/row.h"
#include "base/limit.h"
#include "base/mem.h"

static const char add_sql[] =
    "with f as (insert into endpoint (host, port, starttls, owner, origin) "
    "select t.host, t.port::int, t.starttls, $4, 'cli' from "
    "unnest($1::text[], $2::text[], $3::text[]) t (host, port, starttls) "
    "on conflict (host, port, starttls) where removed_at is null do nothing "
    "returning id), "
    "w as (insert into work as w (kind, subject) select 'endpoint', id::text "
    "from f on conflict (kind, subject) do update set "
    "due_at = least(w.due_at, now())) select count(*) from f";

int
endpoint_set_add(struct db *db, const struct hostport *h, size_t n,
    const char *owner, size_t *fresh, struct err *e)
{
	struct db_res	*r = NULL;
	const char	**host = mem_array(n + 1, sizeof(*host)),
			**port = mem_array(n + 1, sizeof(*port)),
			**tls = mem_array(n + 1, sizeof(*tls));
	char		(*text)[8] = mem_array(n + 1, sizeof(*text));
	struct db_strs	 hosts = { host, n }, ports = { port, n },
			 kinds = { tls, n };
	size_t		 i;
	int		 rc = -1;

	for (i = 0; i < n; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%d", h[i].port);
		host[i] = h[i].host;
		port[i] = text[i];
		tls[i] = h[i].starttls;
	}
	if (db_query(db, &r, e, add_sql, "aaas", &hosts, &ports, &kinds,
	    owner) == -1)
		goto out;
	*fresh = (size_t)db_int(r, 0, 0);
	db_free(r);
	r = NULL;
	if (db_query(db, &r, e, "select count(*) from endpoint where "
	    "removed_at is null", "") == -1)
		goto out;
	if (db_int(r, 0, 0) > (int64_t)LIMIT_ENDPOINTS)
		err_set(e, ERR_LIMIT, "with these there would be %lld "
		    "endpoints, more than %u", (long long)db_int(r, 0, 0),
		    LIMIT_ENDPOINTS);
	else
		rc = 0;
out:
	db_free(r);
	free(host);
	free(port);
	free(tls);
	free(text);
	return rc;
}

/* It is not there: which ports of that host are? */
static int
not_there(struct db *db, const struct hostport *h, struct err *e)
{
	struct db_res	*r = NULL;
	char		 text[HOSTPORT_TEXT];

	if (db_query(db, &r, e, "select string_agg(port::text, ', ' order by "
	    "port) from endpoint where host = $1 and removed_at is null", "s",
	    h->host) == -1)
		return -1;
	hostport_text(h->host, h->port, text);
	if (db_null(r, 0, 0))
		err_set(e, ERR_NOENT, "%s is not watched (certvigil endpoint "
		    "list shows what is)", text);
	else
		err_set(e, ERR_NOENT, "%s is not watched, but port %.60s of "
		    "that host is", text, db_text(r, 0, 0));
	db_free(r);
	return -1;
}

/*
 * Nobody will ever find that they are gone.  The subject is "host:port", or
 * "host:port/smtp" where STARTTLS is spoken.
 */
static int
resolve(struct db *db, const char *place, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc;

	rc = db_query(db, &r, e, "select kind, owner, subject from finding "
	    "where subject in ($1, $1 || '/smtp', $1 || '/imap') and "
	    "kind like 'endpoint.%' and state in ('open', 'acked') "
	    "order by id", "s", place);
	for (i = 0; rc == 0 && i < db_rows(r); i++)
		rc = finding_resolve(db, db_text(r, i, 0), db_text(r, i, 2),
		    db_text(r, i, 1), "the endpoint is not watched any more",
		    e);
	db_free(r);
	return rc;
}

int
endpoint_set_remove(struct db *db, const struct hostport *h, struct err *e)
{
	struct db_res	*r = NULL;
	char		 text[HOSTPORT_TEXT];
	int64_t		 n;

	if (db_query(db, &r, e, "with g as (update endpoint set "
	    "removed_at = now() where host = $1 and port = $2 and "
	    "removed_at is null returning id), w as (delete from work where "
	    "kind = 'endpoint' and subject in (select id::text from g)) "
	    "select count(*) from g", "si", h->host, (int64_t)h->port) == -1)
		return -1;
	n = db_int(r, 0, 0);
	db_free(r);
	if (n == 0)
		return not_there(db, h, e);
	return resolve(db, hostport_text(h->host, h->port, text), e);
}

static const char list_sql[] = "select json_build_object('id', e.id, "
    "'host', e.host, 'port', e.port, 'starttls', e.starttls, "
    "'owner', e.owner, 'origin', e.origin, "
    "'added_at', " ROW_RFC3339("e.added_at") ", "
    "'checked_at', " ROW_RFC3339("e.checked_at") ", "
    "'ok_at', " ROW_RFC3339("e.ok_at") ", "
    "'failing_since', " ROW_RFC3339("e.failing_since") ", "
    "'last_error', e.last_error, 'addresses', (select coalesce("
    "json_agg(json_build_object('addr', o.addr, "
    "'cert_sha256', encode(o.cert_sha256, 'hex'), "
    "'tbs_sha256', encode(o.tbs_sha256, 'hex'), "
    "'tls_version', o.tls_version, 'error', o.error, "
    "'first_seen', " ROW_RFC3339("o.first_seen") ", "
    "'last_seen', " ROW_RFC3339("o.last_seen") ") order by o.addr), '[]') "
    "from (select distinct on (p.addr) p.* from endpoint_observation p "
    "where p.endpoint_id = e.id order by p.addr, p.id desc) o)) "
    "from endpoint e where e.removed_at is null and e.id > $1 "
    "order by e.id limit $2";

json_t *
endpoint_set_list(struct db *db, int64_t after, size_t max, struct err *e)
{
	struct db_res	*r = NULL;
	json_t		*a;
	size_t		 i;

	if (db_query(db, &r, e, list_sql, "ii", after, (int64_t)max) == -1)
		return NULL;
	a = json_array();
	for (i = 0; i < db_rows(r); i++)
		json_array_append_new(a, row_json(r, i, 0));
	db_free(r);
	return a;
}
