#include "auditor/db/acme_store.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/row.h"
#include "base/mem.h"

/* So many tenths of a second: see managed_lock(). */
#define LOCK_TRIES	10

int
acme_account_load(struct db *db, const char *directory,
    struct acme_account_row *a, struct err *e)
{
	struct db_res	*r = NULL;
	int		 there;

	memset(a, 0, sizeof(*a));
	if (db_query(db, &r, e, "select id, url, key_id, thumbprint, contact "
	    "from acme_account where directory = $1 and status = 'valid'",
	    "s", directory) == -1)
		return -1;
	there = db_rows(r) != 0;
	if (there) {
		a->id = db_int(r, 0, 0);
		a->url = mem_str(db_text(r, 0, 1));
		a->key_id = mem_str(db_text(r, 0, 2));
		a->thumbprint = mem_str(db_text(r, 0, 3));
		a->contact = mem_str(db_text(r, 0, 4));
	}
	db_free(r);
	return there;
}

int
acme_account_add(struct db *db, const char *directory,
    struct acme_account_row *a, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "insert into acme_account (directory, url, "
	    "key_id, thumbprint, contact) values ($1, $2, $3, $4, $5) "
	    "on conflict (directory) where status = 'valid' do update set "
	    "url = excluded.url, key_id = excluded.key_id, thumbprint = "
	    "excluded.thumbprint, contact = excluded.contact, changed_at = "
	    "now() returning id", "sssss", directory, a->url, a->key_id,
	    a->thumbprint, a->contact) == -1)
		return -1;
	a->id = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

int
acme_account_closed(struct db *db, int64_t id, struct err *e)
{
	if (db_query(db, NULL, e, "update acme_order set state = 'failed', "
	    "error = 'its account was deactivated', changed_at = now() "
	    "where state = 'open' and account_id = $1", "i", id) == -1)
		return -1;
	return db_query(db, NULL, e, "update acme_account set status = "
	    "'deactivated', changed_at = now() where id = $1", "i", id);
}

int
acme_account_past(struct db *db, const char *directory, int64_t *n,
    struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select count(*) from acme_account where "
	    "directory = $1 and status = 'deactivated'", "s", directory) ==
	    -1)
		return -1;
	*n = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

void
acme_account_free(struct acme_account_row *a)
{
	free(a->url);
	free(a->key_id);
	free(a->thumbprint);
	free(a->contact);
	memset(a, 0, sizeof(*a));
}

/* --- managed certificates ---------------------------------------------------- */

int
managed_lock(struct db *db, const char *name, struct err *e)
{
	struct db_res	*r = NULL;
	int		 tries, got = 0;

	/* who died a moment ago has it until the server notices */
	for (tries = 0; tries < LOCK_TRIES && !got; tries++) {
		if (tries != 0)
			(void)poll(NULL, 0, 100);
		if (db_query(db, &r, e, "select pg_try_advisory_lock(7202612, "
		    "hashtext($1))", "s", name) == -1)
			return -1;
		got = db_bool(r, 0, 0);
		db_free(r);
		r = NULL;
	}
	return got ? 0 : err_set(e, ERR_TEMP, "%s is being ordered by another "
	    "certvigil at this moment; try again when it has ended", name);
}

/* An order that is under way, but not for this: it is not gone on with. */
static int
put_aside(struct db *db, const struct managed_want *w, struct err *e)
{
	return db_query(db, NULL, e, "update acme_order o set state = "
	    "'failed', error = 'another certificate was asked for', "
	    "changed_at = now() from managed_certificate m where m.id = "
	    "o.managed_id and o.state = 'open' and m.removed_at is null and "
	    "m.name = $1 and (m.names, m.challenge, m.key_kind, m.profile, "
	    "m.directory) is distinct from ($2::text[], $3::text, $4::text, "
	    "$5::text, $6::text)", "sassss", w->name, &w->names,
	    w->challenge, w->key_kind, w->profile, w->directory);
}

int
managed_put(struct db *db, const struct managed_want *w, int64_t *id,
    struct err *e)
{
	struct db_res	*r = NULL;

	if (put_aside(db, w, e) == -1)
		return -1;
	if (db_query(db, &r, e, "insert into managed_certificate as m (name, "
	    "names, origin, challenge, key_kind, profile, directory) values "
	    "($1, $2, $3, $4, $5, $6, $7) on conflict (name) where removed_at "
	    "is null do update set names = excluded.names, challenge = "
	    "excluded.challenge, key_kind = excluded.key_kind, profile = "
	    "excluded.profile, directory = excluded.directory, origin = "
	    "case when m.origin = 'config' then m.origin else "
	    "excluded.origin end returning id", "sasssss", w->name, &w->names,
	    w->origin, w->challenge, w->key_kind, w->profile, w->directory)
	    == -1)
		return -1;
	*id = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

int
managed_list(struct db *db, const char *name, struct db_res **r,
    struct err *e)
{
	return db_query(db, r, e, "select json_build_object('name', m.name, "
	    "'names', m.names, 'origin', m.origin, 'challenge', m.challenge, "
	    "'key', m.key_kind, 'profile', m.profile, 'directory', "
	    "m.directory, 'cert_sha256', encode(m.cert_sha256, 'hex'), "
	    "'tbs_sha256', encode(m.tbs_sha256, 'hex'), 'serial', m.serial, "
	    "'not_before', " ROW_RFC3339("m.not_before") ", "
	    "'not_after', " ROW_RFC3339("m.not_after") ", "
	    "'issued_at', " ROW_RFC3339("m.issued_at") ", "
	    "'deployed', m.deployed_to, 'attempts', m.attempts, "
	    "'next_at', " ROW_RFC3339("m.next_at") ", "
	    "'last_error', m.last_error, 'logged', i.logged_at is not null, "
	    "'revocation', (select r.status from revocation r where "
	    "r.issuer_spki_sha256 = m.issuer_spki_sha256 and r.serial = "
	    "m.serial)) from managed_certificate m left join issuance i on "
	    "i.tbs_sha256 = m.tbs_sha256 where m.removed_at is null and "
	    "($1::text is null or m.name = $1) order by m.name", "s", name);
}

int
managed_remove(struct db *db, const char *name, struct err *e)
{
	struct db_res	*r = NULL;
	int		 n;

	if (db_query(db, NULL, e, "update acme_order o set state = 'failed', "
	    "error = 'it is managed no longer', changed_at = now() from "
	    "managed_certificate m where m.id = o.managed_id and o.state = "
	    "'open' and m.removed_at is null and m.name = $1", "s", name) ==
	    -1 || db_query(db, &r, e, "update managed_certificate set "
	    "removed_at = now() where removed_at is null and name = $1", "s",
	    name) == -1)
		return -1;
	n = db_changed(r) != 0;
	db_free(r);
	return n;
}

int
managed_issued(struct db *db, int64_t id, const struct managed_got *g,
    struct err *e)
{
	return db_query(db, NULL, e, "update managed_certificate set key_id = "
	    "$2, cert_sha256 = $3, tbs_sha256 = $4, issuer_spki_sha256 = "
	    "nullif($5, ''::bytea), serial = $6, not_before = $7, not_after "
	    "= $8, deployed_to = $9, issued_at = now(), attempts = 0, next_at "
	    "= null, last_error = null where id = $1", "isbbbstts", id,
	    g->key_id, &g->cert, &g->tbs, &g->issuer_spki, g->serial,
	    g->not_before, g->not_after, g->deployed_to);
}

int
managed_failed(struct db *db, int64_t id, const char *why, int64_t next,
    struct err *e)
{
	return db_query(db, NULL, e, "update managed_certificate set attempts "
	    "= attempts + 1, last_error = $2, next_at = $3 where id = $1",
	    "ist", id, why, next);
}

/* --- orders --------------------------------------------------------------------- */

int
order_open(struct db *db, int64_t managed, struct order_row *o,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 spki;
	int		 there;

	memset(o, 0, sizeof(*o));
	if (db_query(db, &r, e, "select id, case when flow = '{}' then '' "
	    "else flow::text end, key_id, spki_sha256, coalesce(expectation, "
	    "0) from acme_order where managed_id = $1 and state = 'open'",
	    "i", managed) == -1)
		return -1;
	spki = db_rows(r) != 0 ? db_bytes(r, 0, 3) : (struct span){ NULL, 0 };
	there = spki.n == 32;
	if (there) {
		o->id = db_int(r, 0, 0);
		buf_str(&o->flow, db_text(r, 0, 1));
		o->key_id = mem_str(db_text(r, 0, 2));
		memcpy(o->spki, spki.p, 32);
		o->expectation = db_int(r, 0, 4);
	}
	db_free(r);
	return there;
}

void
order_row_free(struct order_row *o)
{
	buf_free(&o->flow);
	free(o->key_id);
	memset(o, 0, sizeof(*o));
}

int
order_add(struct db *db, int64_t managed, int64_t account,
    struct order_row *o, struct err *e)
{
	const struct span	 spki = { o->spki, 32 };
	struct db_res		*r = NULL;

	if (db_query(db, &r, e, "insert into acme_order (managed_id, "
	    "account_id, key_id, spki_sha256) values ($1, $2, $3, $4) "
	    "returning id", "iisb", managed, account, o->key_id, &spki) == -1)
		return -1;
	o->id = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

int
order_save(struct db *db, int64_t id, const struct buf *flow,
    const char *url, struct err *e)
{
	struct buf	text = BUF_INIT;
	int		rc;

	buf_span(&text, buf_bytes(flow));
	rc = db_query(db, NULL, e, "update acme_order set flow = $2::jsonb, "
	    "url = coalesce($3, url), changed_at = now() where id = $1",
	    "iss", id, buf_text(&text), url);
	buf_free(&text);
	return rc;
}

int
order_expect(struct db *db, int64_t id, int64_t expectation, struct err *e)
{
	return db_query(db, NULL, e, "update acme_order set expectation = $2 "
	    "where id = $1", "ii", id, expectation);
}

int
order_end(struct db *db, int64_t id, const char *error, struct err *e)
{
	return db_query(db, NULL, e, "update acme_order set state = case when "
	    "$2 = '' then 'valid' else 'failed' end, error = nullif($2, ''), "
	    "changed_at = now() where id = $1", "is", id, error);
}
