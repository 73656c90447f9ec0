#ifndef TESTS_UNIT_AUDITOR_EVIDENCE_WORLD_H
#define TESTS_UNIT_AUDITOR_EVIDENCE_WORLD_H

/*
 * The world of evidence_fixture.h in a database, as `run` would have left it:
 * heads, entries, proofs, findings; and the instance that signs.
 */

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
#include "tests/unit/auditor/evidence_signer.h"
#include "tests/unit/testdb.h"

#define COMMITTED	9	/* entries were proven at this size, */
#define SIZE		LEAVES	/* and signed at this one */

static struct db		*db;
static uint8_t			 tbs[32];
static int64_t			 small, head, fork_head;

static inline int64_t
put_head(size_t size, uint64_t ms, const uint8_t *root, const char *state)
{
	struct buf	 raw = BUF_INIT;
	struct err	 e = ERR_INIT;
	struct db_res	*r = NULL;
	struct span	 b, h;
	uint8_t		 mine[32];
	int64_t		 id;

	make_sth(&w, size, ms, root, &raw);
	mth(&w, 0, size, mine);
	h = hash(root != NULL ? root : mine);
	b = buf_bytes(&raw);
	must(db_query(db, &r, &e, "insert into tree_head (log_ref, tree_size, "
	    "root_hash, timestamp_ms, form, raw, verdict, consistency) values "
	    "(1, $1, $2, $3, 'sth', $4, 'valid', $5) returning id", "ibibs",
	    (int64_t)size, &h, (int64_t)ms, &b, state), &e);
	id = db_int(r, 0, 0);
	db_free(r);
	buf_free(&raw);
	return id;
}

static inline void
put_entry(size_t i, const struct buf *cert, const char *form)
{
	struct buf	path = BUF_INIT;
	struct err	e = ERR_INIT;
	uint8_t		digest[32], ca[32];
	struct span	leaf = buf_bytes(&w.leaf[i]), lh = hash(w.hash[i]);
	struct span	t = hash(tbs), sha = hash(digest), p, der, issuer;
	struct db_spans	chain = { &issuer, 1 };

	der = buf_bytes(cert);
	sha_256(digest, der.p, der.n);
	sha_256(ca, w.ca.p, w.ca.n);
	issuer = hash(ca);
	path_of(&w, i, 0, COMMITTED, &path);
	p = buf_bytes(&path);
	must(db_query(db, NULL, &e, "insert into certificate (sha256, "
	    "not_after, tbs_sha256, form, der, chain) values ($1, "
	    "'2027-01-01', $2, $3, $4, $5)", "bbsbA", &sha, &t, form, &der,
	    &chain), &e);
	must(db_query(db, NULL, &e, "insert into entry (log_ref, index, "
	    "timestamp_ms, entry_type, leaf, leaf_hash, tbs_sha256, "
	    "cert_sha256, proof, proof_size, head_id) values (1, $1, $2, $3, "
	    "$4, $5, $6, $7, $8, $9, $10)", "iisbbbbbii", (int64_t)i,
	    (int64_t)(1767225600000ULL + i), form, &leaf, &lh, &t, &sha, &p,
	    (int64_t)COMMITTED, head), &e);
	buf_free(&path);
}

static inline void
put_log(void)
{
	struct err	 e = ERR_INIT;
	struct span	 id = hash(w.log_id), key = buf_bytes(&w.spki);
	struct span	 ca = buf_bytes(&w.ca), sha, k;
	uint8_t		 digest[32], spki[32];

	sha_256(digest, ca.p, ca.n);
	sha = hash(digest);
	must(cert_key_hash(ca, spki, &e), &e);
	k = hash(spki);
	must(db_query(db, NULL, &e, "insert into operator (name) values "
	    "('nobody')", ""), &e);
	must(db_query(db, NULL, &e, "insert into log_list (source, sha256, "
	    "listed_at, body, signature, verified) values ('chrome', $1, "
	    "now(), 'x', 'y', true)", "b", &sha), &e);
	must(db_query(db, NULL, &e, "insert into log (log_id, operator_id, "
	    "description, protocol, url, read_url, key, mmd, state, "
	    "list_source, first_list) values ($1, 1, 'log \"1\" \\ caf\xc3\xa9',"
	    " 'rfc6962', $2, $2, $3, 86400, 'usable', 'chrome', true)", "bsb",
	    &id, LOG_URL, &key), &e);
	must(db_query(db, NULL, &e, "insert into issuer (sha256, "
	    "spki_sha256, der) values ($1, $2, $3)", "bbb", &sha, &k, &ca),
	    &e);
}

static inline void
put_proof(void)
{
	struct err	e = ERR_INIT;
	struct buf	proof = BUF_INIT;
	struct span	root, p;
	uint8_t		r9[32];

	mth(&w, 0, COMMITTED, r9);
	root = hash(r9);
	proof_of(&w, COMMITTED, 0, SIZE, 1, &proof);
	p = buf_bytes(&proof);
	must(db_query(db, NULL, &e, "insert into consistency values (1, $1, "
	    "$2, $3, $4)", "ibib", (int64_t)COMMITTED, &root, head, &p), &e);
	must(db_query(db, NULL, &e, "insert into coverage_day (log_ref, day, "
	    "size_from, size_to, root_hash, head_id, verified_at, proof) "
	    "values (1, '2026-01-02', 5, $1, $2, $3, '2026-01-02 12:00Z', "
	    "$4)", "ibib",
	    (int64_t)COMMITTED, &root, head, &p), &e);
	buf_free(&proof);
	mth(&w, 0, 5, r9);
	must(db_query(db, NULL, &e, "insert into coverage_day (log_ref, day, "
	    "size_from, size_to, root_hash, head_id, verified_at) "
	    "values (1, '2026-01-01', 0, 5, $1, $2, '2026-01-01 23:59Z')",
	    "bi", &root,
	    small), &e);
}

static inline void
put_findings(void)
{
	struct err	e = ERR_INIT;
	struct buf	id = BUF_INIT, detail = BUF_INIT;
	char		hex[65];

	enc_b64(&id, w.log_id, 32);
	buf_fmt(&detail, "{\"what\":\"fork\",\"head_id\":%lld,"
	    "\"verified_size\":%d}", (long long)fork_head, COMMITTED);
	must(db_query(db, NULL, &e, "insert into finding (kind, subject, "
	    "dedupe_key, severity, reason, detail) values "
	    "('certificate.unexpected', $1, 'a', 'critical', "
	    "E'a \\x01 \\u202e reason', '{\"x\": 1.5}'), "
	    "('log.misbehaved', $2, 'b', 'critical', 'two trees', $3::jsonb),"
	    "('channel.failed', 'soc', 'c', 'high', 'gone', '{}')", "sss",
	    enc_hex_to(hex, tbs, 32), buf_text(&id), buf_text(&detail)), &e);
	buf_free(&id);
	buf_free(&detail);
}

static inline int
setup(void **state)
{
	struct err	e = ERR_INIT;
	struct cert	c;
	uint8_t		lie[32] = { 1 };

	(void)state;
	if (signer_begin() == -1)
		return -1;
	if ((db = testdb_open()) == NULL)
		return 0;
	must(cert_read(buf_bytes(&w.cert), &c, &e), &e);
	memcpy(tbs, c.tbs_sha256, 32);
	cert_free(&c);
	put_log();
	small = put_head(5, 1767225700000ULL, NULL, "proved");
	head = put_head(SIZE, 1767225800000ULL, NULL, "proved");
	fork_head = put_head(SIZE, 1767225900000ULL, lie, "conflict");
	put_entry(PRE_AT, &w.pre, "precert");
	put_entry(CERT_AT, &w.cert, "x509");
	put_proof();
	put_findings();
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	testdb_close(db);
	return signer_end();
}

/*
 * Each field of a file about what was read changed, as it is and sealed again:
 * none is overlooked.
 */
static inline void
flip_both(const struct buf *file, const char *what)
{
	struct flips	f;

	memset(&f, 0, sizeof(f));
	f.root = json_loads(buf_text(file), 0, NULL);
	f.instance = instance;
	f.judge = judge;
	flip(&f, f.root);
	f.seal = f.days = 1;
	flip(&f, f.root);
	(void)printf("%s: %zu changes, %zu not rejected\n", what, f.n,
	    f.missed);
	assert_int_equal(f.missed, 0);
	json_decref(f.root);
}

#endif
