#include "auditor/db/acme_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/row.h"
#include "base/mem.h"

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
acme_account_rolled(struct db *db, int64_t id, const char *thumbprint,
    struct err *e)
{
	return db_query(db, NULL, e, "update acme_account set thumbprint = "
	    "$2, changed_at = now() where id = $1", "is", id, thumbprint);
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
managed_put(struct db *db, const struct managed_want *w, int64_t *id,
    struct err *e)
{
	struct db_res	*r = NULL;

	/* an order that is under way, but not for this, is not gone on with */
	if (db_query(db, &r, e, "with aside as (update acme_order o set state "
	    "= 'failed', error = 'another certificate was asked for', "
	    "changed_at = now() from managed_certificate m where m.id = "
	    "o.managed_id and o.state = 'open' and m.removed_at is null and "
	    "m.name = $1 and (m.names, m.challenge, m.key_kind, m.profile, "
	    "m.directory) is distinct from ($2::text[], $4::text, $5::text, "
	    "$6::text, $7::text)) "
	    "insert into managed_certificate as m (name, "
	    "names, origin, challenge, key_kind, profile, directory, "
	    "preferred_chain, reuse_key, require_profile) values ($1, $2, $3, "
	    "$4, $5, $6, $7, $8, $9, $10) on conflict (name) where removed_at "
	    "is null do update set names = excluded.names, challenge = "
	    "excluded.challenge, key_kind = excluded.key_kind, profile = "
	    "excluded.profile, directory = excluded.directory, reuse_key = "
	    "excluded.reuse_key, require_profile = excluded.require_profile, "
	    "preferred_chain = case when excluded.origin = 'config' then "
	    "m.preferred_chain else excluded.preferred_chain end, origin = "
	    "case when m.origin = 'config' then m.origin else "
	    "excluded.origin end returning id", "sassssssBB", w->name,
	    &w->names, w->origin, w->challenge, w->key_kind, w->profile,
	    w->directory, w->chain, w->reuse, w->require) == -1)
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
	    "'key', m.key_kind, 'profile', m.profile, "
	    "'reuse_key', m.reuse_key, 'require_profile', m.require_profile, 'chain', "
	    "m.preferred_chain, 'directory', m.directory, 'cert_sha256', encode(m.cert_sha256, 'hex'), "
	    "'tbs_sha256', encode(m.tbs_sha256, 'hex'), 'serial', m.serial, "
	    "'not_before', " ROW_RFC3339("m.not_before") ", "
	    "'not_after', " ROW_RFC3339("m.not_after") ", "
	    "'issued_at', " ROW_RFC3339("m.issued_at") ", "
	    "'deployed', m.deployed_to, 'attempts', m.attempts, "
	    "'next_at', " ROW_RFC3339("m.next_at") ", "
	    "'last_error', m.last_error, 'hook_at', "
	    ROW_RFC3339("m.hook_at") ", 'hook_error', m.hook_error, "
	    "'hook_attempts', m.hook_attempts, 'renewal_advised', "
	    ROW_RFC3339("m.ari_pick") ", 'renewal_why', m.ari_url, "
	    "'renewal_now', m.due_why, 'logged', i.logged_at is not null, "
	    "'ct', (select o.expectation is not null from acme_received a "
	    "join acme_order o on o.id = a.order_id where a.tbs_sha256 = "
	    "m.tbs_sha256), "
	    "'revocation', (select r.status from revocation r where "
	    "r.issuer_spki_sha256 = m.issuer_spki_sha256 and r.serial = "
	    "m.serial)) from managed_certificate m left join issuance i on "
	    "i.tbs_sha256 = m.tbs_sha256 where m.removed_at is null and "
	    "($1::text is null or m.name = $1) order by m.name", "s", name);
}

static char *
text_or_null(const struct db_res *r, size_t i, size_t col)
{
	return db_null(r, i, col) ? NULL : mem_str(db_text(r, i, col));
}

/* The names, a line each, as a list of its own. */
static struct db_strs
lines(const char *text)
{
	char		*copy = mem_str(text), *save = copy, *p;
	const char	**v = mem_array(strlen(text) + 1, sizeof(*v));
	size_t		 n = 0;

	while ((p = strsep(&save, "\n")) != NULL)
		v[n++] = mem_str(p);
	free(copy);
	return (struct db_strs){ v, n };
}

int
managed_load(struct db *db, const char *name, struct managed_row **v,
    size_t *n, struct err *e)
{
	struct db_res		*r = NULL;
	struct managed_row	*m;
	size_t			 i;

	*v = NULL;
	*n = 0;
	if (db_query(db, &r, e, "select id, name, array_to_string(names, "
	    "E'\\n'), challenge, key_kind, profile, directory, not_before, "
	    "not_after, next_at, attempts, origin, ari_id, ari_start, ari_end, "
	    "ari_pick, ari_next, encode(tbs_sha256, 'hex'), "
	    "preferred_chain, due_why, reuse_key, require_profile from "
	    "managed_certificate "
	    "where removed_at is null and ($1::text is null or name = $1) "
	    "order by not_after nulls first, name", "s", name) == -1)
		return -1;
	*n = db_rows(r);
	*v = mem_array(*n, sizeof(**v));
	for (i = 0; i < *n; i++) {
		m = &(*v)[i];
		m->id = db_int(r, i, 0);
		m->want.name = mem_str(db_text(r, i, 1));
		m->want.names = lines(db_text(r, i, 2));
		m->want.challenge = text_or_null(r, i, 3);
		m->want.key_kind = mem_str(db_text(r, i, 4));
		m->want.profile = text_or_null(r, i, 5);
		m->want.directory = mem_str(db_text(r, i, 6));
		m->not_before = db_time(r, i, 7);
		m->not_after = db_time(r, i, 8);
		m->next_at = db_time(r, i, 9);
		m->attempts = (int)db_int(r, i, 10);
		m->want.origin = mem_str(db_text(r, i, 11));
		m->ari_id = text_or_null(r, i, 12);
		m->ari_start = db_time(r, i, 13);
		m->ari_end = db_time(r, i, 14);
		m->ari_pick = db_time(r, i, 15);
		m->ari_next = db_time(r, i, 16);
		m->tbs = text_or_null(r, i, 17);
		m->want.chain = text_or_null(r, i, 18);
		m->due_why = text_or_null(r, i, 19);
		m->want.reuse = db_bool(r, i, 20);
		m->want.require = db_bool(r, i, 21);
	}
	db_free(r);
	return 0;
}

static void
drop(const char *s)
{
	free((void *)(uintptr_t)s);
}

void
managed_rows_free(struct managed_row *v, size_t n)
{
	size_t	i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < v[i].want.names.n; k++)
			drop(v[i].want.names.v[k]);
		free((void *)(uintptr_t)v[i].want.names.v);
		drop(v[i].want.name);
		drop(v[i].want.challenge);
		drop(v[i].want.key_kind);
		drop(v[i].want.profile);
		drop(v[i].want.directory);
		drop(v[i].want.chain);
		drop(v[i].want.origin);
		free(v[i].ari_id);
		free(v[i].tbs);
		free(v[i].due_why);
	}
	free(v);
}

int
managed_ari(struct db *db, const struct managed_row *m, const char *url,
    struct err *e)
{
	return db_query(db, NULL, e, "update managed_certificate set ari_start "
	    "= $2, ari_end = $3, ari_pick = $4, ari_next = $5, ari_url = $6 "
	    "where id = $1", "itttts", m->id, m->ari_start, m->ari_end,
	    m->ari_pick, m->ari_next, url);
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
	    "= null, due_why = null, last_error = null, ari_id = $10, "
	    "ari_start = null, "
	    "ari_end = null, ari_pick = null, ari_next = null, ari_url = null, "
	    "hook_at = case when $11 or hook_at is not null then "
	    "clock_timestamp() end, hook_error = null, hook_attempts = 0 where id = $1", "isbbbsttssB", id, g->key_id, &g->cert, &g->tbs,
	    &g->issuer_spki, g->serial, g->not_before, g->not_after,
	    g->deployed_to, g->ari_id, g->hook);
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

/* Why it could not be taken: it is held, or there is none. */
static int
held(struct db *db, int64_t managed, struct order_row *o, struct err *e)
{
	struct db_res	*r = NULL;
	int		 there;

	if (db_query(db, &r, e, "select holder from acme_order where "
	    "managed_id = $1 and state = 'open'", "i", managed) == -1)
		return -1;
	there = db_rows(r) != 0;
	if (there)
		(void)snprintf(o->holder, sizeof(o->holder), "%s",
		    db_text(r, 0, 0));
	db_free(r);
	return !there ? 0 : err_set(e, ERR_TEMP, "%s is ordering it; try "
	    "again when that is over", o->holder);
}

int
order_open(struct db *db, int64_t managed, const char *holder,
    const char *over, struct order_row *o, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 spki;

	memset(o, 0, sizeof(*o));
	if (db_query(db, &r, e, "update acme_order set holder = $2, held_until "
	    "= now() + " ORDER_HELD " where managed_id = $1 and state = "
	    "'open' and (holder is null or holder in ($2, $3) or held_until < "
	    "now()) returning id, case when flow = '{}' then '' else "
	    "flow::text end, key_id, spki_sha256, coalesce(expectation, 0)",
	    "iss", managed, holder, over) == -1)
		return -1;
	spki = db_rows(r) != 0 ? db_bytes(r, 0, 3) : (struct span){ NULL, 0 };
	if (spki.n != 32) {
		db_free(r);
		return held(db, managed, o, e);
	}
	o->id = db_int(r, 0, 0);
	buf_str(&o->flow, db_text(r, 0, 1));
	o->key_id = mem_str(db_text(r, 0, 2));
	memcpy(o->spki, spki.p, 32);
	o->expectation = db_int(r, 0, 4);
	(void)snprintf(o->holder, sizeof(o->holder), "%s", holder);
	db_free(r);
	return 1;
}

int
order_leave(struct db *db, const struct order_row *o, struct err *e)
{
	return db_query(db, NULL, e, "update acme_order set holder = null "
	    "where id = $1 and holder = $2", "is", o->id, o->holder);
}

void
order_row_free(struct order_row *o)
{
	buf_free(&o->flow);
	free(o->key_id);
	memset(o, 0, sizeof(*o));
}

int
order_reuse(struct db *db, int64_t managed, const char *kind,
    struct order_row *o, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 spki;
	int		 rc;

	if (db_query(db, &r, e, "select o.key_id, o.spki_sha256 from "
	    "managed_certificate m join acme_order o on o.managed_id = m.id "
	    "and o.key_id = m.key_id where m.id = $1 and o.key_kind = $2 and "
	    "o.key_id <> '' and not exists (select from known k where "
	    "k.spki_sha256 = o.spki_sha256 and k.trust = 'compromised' and "
	    "k.removed_at is null) order by o.id desc limit 1", "is", managed,
	    kind) == -1)
		return -1;
	rc = db_rows(r) != 0;
	if (rc == 1) {
		spki = db_bytes(r, 0, 1);
		if (spki.n != 32)
			rc = err_set(e, ERR_DB, "acme_order: a key without "
			    "its hash");
		else
			memcpy(o->spki, spki.p, 32);
		o->key_id = mem_str(db_text(r, 0, 0));
	}
	db_free(r);
	return rc;
}

int
order_add(struct db *db, int64_t managed, int64_t account,
    struct order_row *o, struct err *e)
{
	const struct span	 spki = { o->spki, 32 };
	struct db_res		*r = NULL;

	if (db_query(db, &r, e, "insert into acme_order (managed_id, "
	    "account_id, key_id, spki_sha256, holder, held_until, key_kind) "
	    "values ($1, $2, $3, $4, $5, now() + " ORDER_HELD ", (select "
	    "key_kind from managed_certificate where id = $1)) on conflict "
	    "(managed_id) where state = 'open' do nothing returning id",
	    "iisbs", managed, account, o->key_id, &spki, o->holder) == -1)
		return -1;
	o->id = db_rows(r) != 0 ? db_int(r, 0, 0) : 0;
	db_free(r);
	return o->id != 0 ? 0 : err_set(e, ERR_TEMP, "somebody else began to "
	    "order it; try again when that is over");
}

static int
lost(struct err *e)
{
	return err_set(e, ERR_LEASE, "somebody else goes on with this order");
}

int
order_check(struct db *db, const struct order_row *o, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 n;

	if (db_query(db, &r, e, "select 1 from acme_order where id = $1 and "
	    "holder = $2 and state = 'open' for update", "is", o->id,
	    o->holder) == -1)
		return -1;
	n = db_rows(r);
	db_free(r);
	return n == 1 ? 0 : lost(e);
}

int
order_save(struct db *db, const struct order_row *o, const struct buf *flow,
    const char *url, int durable, struct err *e)
{
	struct db_res	*r = NULL;
	struct buf	 text = BUF_INIT;
	int64_t		 n = 0;
	int		 rc;

	buf_span(&text, buf_bytes(flow));
	rc = db_query(db, &r, e, "update acme_order set flow = $2::jsonb, "
	    "url = coalesce($3, url), changed_at = now(), held_until = now() "
	    "+ " ORDER_HELD " where id = $1 and holder = $4 and "
	    "state = 'open' and ($5 or set_config('synchronous_commit', "
	    "'off', true) = 'off')",
	    "isssB", o->id, buf_text(&text), url, o->holder, durable);
	if (rc == 0)
		n = db_changed(r);
	db_free(r);
	buf_free(&text);
	return rc == -1 ? -1 : n == 1 ? 0 : lost(e);
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
