#ifndef TESTS_UNIT_AUDITOR_EVIDENCE_AUDIT_WORLD_H
#define TESTS_UNIT_AUDITOR_EVIDENCE_AUDIT_WORLD_H

/* Everything that an audit can find, in a database. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/db/evidence_store.h"
#include "auditor/evidence.h"
#include "auditor/evidence_verify.h"
#include "auditor/role/sign.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "tests/unit/auditor/evidence_audit.h"
#include "tests/unit/auditor/evidence_signer.h"
#include "tests/unit/testdb.h"

#define MMD	86400

static struct audited		 a;
static struct db		*db;
static uint8_t			 tbs[32], other_tbs[32];
static char			 tbs_hex[65], other_hex[65], key_hex[65];
static int64_t			 head;

/* --- what is stored --- */

static inline void
put_log(void)
{
	struct err	 e = ERR_INIT;
	struct span	 id = hash(w.log_id), key = buf_bytes(&w.spki);
	struct span	 ca = buf_bytes(&w.ca), sha = hash(a.ca_sha);
	struct span	 k = hash(a.ca_key), b, root;
	struct buf	 raw = BUF_INIT;
	struct db_res	*r = NULL;
	uint8_t		 mine[32];
	uint64_t	 ms = LATE_MS + MMD * 1000ULL;

	must(db_query(db, NULL, &e, "insert into operator (name) values "
	    "('nobody')", ""), &e);
	must(db_query(db, NULL, &e, "insert into log (log_id, operator_id, "
	    "description, protocol, url, read_url, key, mmd, state, "
	    "list_source, first_list) values ($1, 1, 'log 1', 'rfc6962', $2, "
	    "$2, $3, $4, 'usable', 'file', true)", "bsbi", &id, LOG_URL, &key,
	    (int64_t)MMD), &e);
	must(db_query(db, NULL, &e, "insert into issuer (sha256, "
	    "spki_sha256, der) values ($1, $2, $3)", "bbb", &sha, &k, &ca),
	    &e);
	make_sth(&w, LEAVES, ms, NULL, &raw);
	mth(&w, 0, LEAVES, mine);
	root = hash(mine);
	b = buf_bytes(&raw);
	must(db_query(db, &r, &e, "insert into tree_head (log_ref, tree_size, "
	    "root_hash, timestamp_ms, form, raw, verdict, consistency) values "
	    "(1, $1, $2, $3, 'sth', $4, 'valid', 'proved') returning id",
	    "ibib", (int64_t)LEAVES, &root, (int64_t)ms, &b), &e);
	head = db_int(r, 0, 0);
	db_free(r);
	buf_free(&raw);
}

static inline void
put_certificates(void)
{
	struct err	 e = ERR_INIT;
	struct span	 der = buf_bytes(&a.cert), t = hash(tbs), sha, ca;
	struct span	 spki = hash(a.ca_key), lone = buf_bytes(&a.other);
	struct span	 ot = hash(other_tbs), osha;
	struct db_spans	 chain = { &ca, 1 };
	uint8_t		 d[32], o[32];

	ca = hash(a.ca_sha);
	sha_256(d, der.p, der.n);
	sha = hash(d);
	sha_256(o, lone.p, lone.n);
	osha = hash(o);
	must(db_query(db, NULL, &e, "insert into certificate (sha256, "
	    "not_after, tbs_sha256, form, der, chain) values ($1, "
	    "'2027-01-01', $2, 'x509', $3, $4)", "bbbA", &sha, &t, &der,
	    &chain), &e);
	must(db_query(db, NULL, &e, "insert into issuance (tbs_sha256, "
	    "issuer_spki_sha256, serial, spki_sha256, names, not_before, "
	    "not_after) values ($1, $2, $3, $1, '{shop.example}', "
	    "'2026-01-01', '2027-01-01')", "bbs", &t, &spki, SERIAL), &e);
	/* served, and in no log; its issuer is known by a judge */
	must(db_query(db, NULL, &e, "insert into served_certificate (sha256, "
	    "tbs_sha256, der) values ($1, $2, $3)", "bbb", &osha, &ot, &lone),
	    &e);
	must(db_query(db, NULL, &e, "insert into cert_fact (tbs_sha256, "
	    "cert_sha256, form, issuer_sha256) values ($1, $2, 'x509', $3)",
	    "bbb", &ot, &osha, &ca), &e);
	must(db_query(db, NULL, &e, "insert into endpoint (host, port, "
	    "starttls, origin) values ('www.example', 443, '', 'cli'), "
	    "('2001:db8::1', 25, 'smtp', 'cli')", ""), &e);
	must(db_query(db, NULL, &e, "insert into endpoint_observation "
	    "(endpoint_id, addr, cert_sha256, tbs_sha256, chain, "
	    "tls_version) values (1, '192.0.2.1', $1, $2, array[$1, $3], "
	    "'TLSv1.3'), (2, '2001:db8::1', $1, $2, array[$1], 'TLSv1.2')",
	    "bbb", &osha, &ot, &ca), &e);
	must(db_query(db, NULL, &e, "insert into endpoint_observation "
	    "(endpoint_id, addr, error) values (1, '192.0.2.2', "
	    "'nobody there')", ""), &e);
}

static inline void
put_sct(const uint8_t *t32, const struct buf *raw, const char *source,
    const char *status, const char *inclusion)
{
	struct err	 e = ERR_INIT;
	struct span	 t = hash(t32), r = buf_bytes(raw), id, leaf;
	struct entry	 en;
	struct buf	 b = BUF_INIT;
	struct span	 tb;
	uint8_t		 lh[32], zero[32] = { 0 };
	uint64_t	 ms = 0;
	struct cur	 c = cur_span(r);
	int		 odd = strcmp(status, "malformed") == 0;

	(void)cur_skip(&c, 33);
	(void)cur_u64(&c, &ms);
	memset(&en, 0, sizeof(en));
	en.timestamp = ms;
	en.leaf_index = -1;
	en.type = ENTRY_PRECERT;
	memcpy(en.issuer_key_hash, a.ca_key, 32);
	assert_int_equal(der_cert(buf_bytes(&w.cert), &tb, NULL, NULL, NULL),
	    0);
	en.cert = tb;
	entry_put(&b, &en);
	evidence_leaf_hash(buf_bytes(&b), lh);
	leaf = hash(lh);
	id = odd ? hash(zero) : (struct span){ r.p + 1, 32 };
	must(db_query(db, NULL, &e, "insert into sct (tbs_sha256, log_id, "
	    "timestamp_ms, raw, source, status, leaf_hash, inclusion, "
	    "head_id, checked_at, last_error) values ($1, $2, $3, $4, $5, $6, "
	    "$7, $8, $9, now(), 'no such hash')", "bbibssbsi", &t, &id,
	    odd ? (int64_t)0 : (int64_t)ms, &r, source, status, &leaf,
	    inclusion, head), &e);
	buf_free(&b);
}

static inline void
put_scts(void)
{
	put_sct(tbs, &a.sct, "certificate", "valid", "proved");
	put_sct(tbs, &a.late, "certificate", "valid", "violated");
	put_sct(tbs, &a.bad, "certificate", "bad_signature", "none");
	put_sct(tbs, &a.odd, "certificate", "malformed", "none");
	put_sct(tbs, &a.tls, "tls", "valid", "none");
	put_sct(other_tbs, &a.stray, "certificate", "unknown_log", "none");
}

static inline void
put_status(int64_t source, const char *serial, const char *status,
    const char *form, const struct buf *raw)
{
	struct err	e = ERR_INIT;
	struct span	k = hash(a.ca_key), v = { NULL, 0 }, s = { NULL, 0 };
	uint8_t		sha[32];

	if (raw != NULL) {
		v = buf_bytes(raw);
		sha_256(sha, v.p, v.n);
		s = hash(sha);
	}
	must(db_query(db, NULL, &e, "insert into revocation_status "
	    "(issuer_spki_sha256, serial, source_id, status, reason, "
	    "stated_at, form, raw, sha256) values ($1, $2, $3, $4, -1, "
	    "'2026-06-02', $5, $6, $7)", "bsissbb", &k, serial, source,
	    status, form, &v, &s), &e);
}

static inline void
put_revocation(void)
{
	struct err	e = ERR_INIT;
	struct span	k = hash(a.ca_key), sha = hash(a.ca_sha);
	struct buf	junk = BUF_INIT;

	must(db_query(db, NULL, &e, "insert into revocation_source (kind, "
	    "url, issuer_spki_sha256, issuer_sha256, state, fault, why, "
	    "failing_since, checked_at, number, bytes) values "
	    "('crl', $1, $4, $5, 'good', null, null, null, now(), '0123', "
	    "400), ('crl', $2, $4, null, 'faulty', 'stale', 'nextUpdate "
	    "passed', now(), now(), null, null), ('ocsp', $3, $4, $5, "
	    "'good', null, null, null, now(), null, null)", "sssbb", CRL_URL,
	    PARTS_URL, OCSP_URL, &k, &sha), &e);
	put_status(1, SERIAL, "revoked", "crl", &a.crl);
	put_status(1, OTHER_SERIAL, "revoked", "crl", &a.crl);
	put_status(2, SERIAL, "revoked", "crl_parts", &a.parts);
	put_status(3, SERIAL, "good", NULL, NULL);
	put_status(3, SERIAL, "revoked", "ocsp", &a.ocsp);
	/* not authentic: we say it, nobody signed it */
	buf_span(&junk, buf_bytes(&a.ocsp));
	junk.p[junk.n - 1] ^= 1;
	put_status(3, SERIAL, "unknown", "ocsp", &junk);
	buf_free(&junk);
	must(db_query(db, NULL, &e, "insert into revocation "
	    "(issuer_spki_sha256, serial, status, observed_at) values "
	    "($1, $2, 'revoked', now()), ($1, $3, 'revoked', now())", "bss",
	    &k, SERIAL, OTHER_SERIAL), &e);
	must(db_query(db, NULL, &e, "insert into caa_observation (name, "
	    "found_at, records, grants, ttl, ad, resolver) values "
	    "('shop.example', 'example', '[\"0 issue \\\"ca.example\\\"\"]', "
	    "'[]', 300, true, '127.0.0.1'), ('shop.example', 'example', "
	    "'[{\"tag\": \"issue\", \"value\": \";\"}]', "
	    "'[{\"account\": \"x\"}]', 300, false, '127.0.0.1'), "
	    "('one.example', '', '[]', '[{\"account\": \"x\"}]', 300, "
	    "false, '127.0.0.1')", ""), &e);
}

/* --- findings: their numbers are their places here, from 1 --- */

enum { F_REVOKED = 1, F_DISAGREE, F_UNPUBLISHED, F_CAMPAIGN, F_SOURCE, F_SCT,
	F_ABSENT, F_POLICY, F_CHAIN, F_WEAK, F_SERVED, F_SMTP, F_CAA, F_GRANT,
	F_STRAY, F_NOTHING };

static inline void
put_finding(const char *kind, const char *subject)
{
	struct err	 e = ERR_INIT;
	struct buf	 detail = BUF_INIT;

	buf_fmt(&detail, "{\"tbs_sha256\": \"%s\"}", tbs_hex);
	must(db_query(db, NULL, &e, "insert into finding (kind, subject, "
	    "dedupe_key, severity, reason, detail) values ($1, $2, $1 || $2, "
	    "'high', 'why', $3::jsonb)", "sss", kind, subject,
	    buf_text(&detail)), &e);
	buf_free(&detail);
}

static inline void
put_findings(void)
{
	char	*subject = mem_printf("%s:%s", key_hex, SERIAL);

	put_finding("certificate.revoked", subject);
	put_finding("revocation.disagreement", subject);
	put_finding("revocation.not_published", subject);
	put_finding("revocation.campaign", key_hex);
	put_finding("revocation.source_faulty", PARTS_URL);
	put_finding("sct.invalid", tbs_hex);
	put_finding("sct.not_included", tbs_hex);
	put_finding("ct_policy.violated", tbs_hex);
	put_finding("chain.untrusted", tbs_hex);
	put_finding("key.weak", tbs_hex);
	put_finding("endpoint.unlogged_certificate", "www.example:443");
	put_finding("endpoint.expiring", "[2001:db8::1]:25/smtp");
	put_finding("caa.violated", "shop.example");
	put_finding("grant.unexpected", "one.example");
	put_finding("sct.invalid", other_hex);
	put_finding("endpoint.expiring", "nowhere.example:443");
	free(subject);
}

static inline int
setup(void **state)
{
	struct err	e = ERR_INIT;
	struct cert	c;

	(void)state;
	if (signer_begin() == -1)
		return -1;
	audited_make(&w, &a);
	must(cert_read(buf_bytes(&a.cert), &c, &e), &e);
	memcpy(tbs, c.tbs_sha256, 32);
	assert_string_equal(c.serial, SERIAL);
	cert_free(&c);
	must(cert_read(buf_bytes(&a.other), &c, &e), &e);
	memcpy(other_tbs, c.tbs_sha256, 32);
	cert_free(&c);
	(void)enc_hex_to(tbs_hex, tbs, 32);
	(void)enc_hex_to(other_hex, other_tbs, 32);
	(void)enc_hex_to(key_hex, a.ca_key, 32);
	if ((db = testdb_open()) == NULL)
		return 0;
	put_log();
	put_certificates();
	put_scts();
	put_revocation();
	put_findings();
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	testdb_close(db);
	audited_free(&a);
	return signer_end();
}

/* --- files --- */

static inline void
export(int finding, struct buf *out)
{
	struct evidence	*ev = evidence_new(&signer);
	struct err	 e = ERR_INIT;
	char		 what[16];

	(void)snprintf(what, sizeof(what), "%d", finding);
	must(evidence_store_what(db, what, ev, &e), &e);
	must(evidence_finish(ev, clk_wall(), out, &e), &e);
	evidence_free(ev);
}

#endif
