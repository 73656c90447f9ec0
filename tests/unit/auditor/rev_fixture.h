#ifndef TESTS_UNIT_AUDITOR_REV_FIXTURE_H
#define TESTS_UNIT_AUDITOR_REV_FIXTURE_H

/* Certificates, the sources that they name, and what those say; after sql.h. */

#include "auditor/db/rev_store.h"
#include "auditor/rev_find.h"
#include "base/clk.h"
#include "base/mem.h"
#include "tests/unit/auditor/audit_fixture.h"

/* The issuer key of audit_fixture.h. */
static uint8_t	rev_key[32];
/* Without policies. */
static struct conf	rev_conf;

/*
 * named(T, SERIAL, NAMES, CRLS, OCSPS): a certificate that was seen yesterday
 * and names these sources.  Sources are numbered as they are first named;
 * their CRL is good until tomorrow.
 */
static const char rev_functions[] =
    "create or replace function named(t text, s text, n text[], c text[], "
    "o text[]) returns void language sql as $$ "
    "select cert(t, s, now() - interval '2 days', 90, n); "
    "insert into cert_fact (tbs_sha256, cert_sha256, form, crl, ocsp) values "
    "(hash(t), hash(t), 'x509', c, o); "
    "insert into revocation_source (kind, url, issuer_spki_sha256, state, "
    "ok_at, next_update) select k, u, hash('aa'), 'good', now(), now() + "
    "interval '1 day' from (select 'crl' as k, u from unnest(c) u union all "
    "select 'ocsp', u from unnest(o) u) x where not exists (select from "
    "revocation_source r where r.kind = k and r.url = u) order by k, u; "
    "insert into ocsp_due (source_id, serial) select r.id, s from "
    "revocation_source r where r.kind = 'ocsp' and r.url = any (o) "
    "on conflict do nothing; $$;";

static int
rev_clear(void **state)
{
	(void)state;
	memset(rev_key, 0xaa, sizeof(rev_key));
	sql(audit_functions);
	sql(rev_functions);
	sql(audit_truncate);
	return 0;
}

static inline void
rev_begin(void)
{
	struct err	e = ERR_INIT;

	if (db_begin(db, &e) == -1)
		fail_msg("%s", e.msg);
}

static inline void
rev_commit(void)
{
	struct err	e = ERR_INIT;

	if (db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
}

/* A word: status, reason, stated at and fresh until, seconds from now. */
static inline struct rev_word
rev_word(const char *serial, enum rev_status status, int reason,
    int64_t stated)
{
	return (struct rev_word){ .serial = serial, .status = status,
	    .said = 1, .reason = reason, .stated_at = status == REV_REVOKED ? clk_wall() /
	    CLK_SEC * CLK_SEC + stated * CLK_SEC : INT64_MIN,
	    .refusal = status == REV_UNKNOWN ? "it cannot be read" : "",
	    .fresh_until = INT64_MIN,
	    .form = status == REV_REVOKED ? "crl" : NULL,
	    .raw = SPAN_STR("evidence"), .sha256 = SPAN_STR("hash") };
}

static inline void
rev_put(int64_t source, const struct rev_word *w, size_t n)
{
	struct err	e = ERR_INIT;

	if (rev_words(db, source, rev_key, w, n, NULL, &e) == -1)
		fail_msg("%s", e.msg);
}

/* One word, stored. */
static inline void
rev_say(int64_t source, const char *serial, enum rev_status status,
    int reason)
{
	struct rev_word	w = rev_word(serial, status, reason, -60);

	w.fresh_until = clk_wall() + 86400 * CLK_SEC;
	rev_put(source, &w, 1);
}

/* Merge what ${source} speaks of; the caller frees what changed. */
static inline struct rev_changes
rev_merged(int64_t source)
{
	struct rev_changes	c;
	struct err		e = ERR_INIT;

	if (rev_merge_store(db, rev_key, source, &c, &e) == -1)
		fail_msg("%s", e.msg);
	return c;
}

/* Merge and find, as the jobs do. */
static inline void
rev_found(int64_t source)
{
	struct rev_changes	c;
	struct err		e = ERR_INIT;

	rev_begin();
	c = rev_merged(source);
	if (rev_find(db, &rev_conf, rev_key, &c, &e) == -1)
		fail_msg("%s", e.msg);
	rev_changes_free(&c);
	rev_commit();
}

static inline void
rev_time(void)
{
	struct err	e = ERR_INIT;

	rev_begin();
	if (rev_find_time(db, &e) == -1)
		fail_msg("%s", e.msg);
	rev_commit();
}

#endif
