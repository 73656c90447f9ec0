/* takes: 9 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/evidence.h"
#include "auditor/evidence_heads.h"
#include "auditor/evidence_verify.h"
#include "auditor/role/sign.h"
#include "base/clk.h"
#include "base/mem.h"
#include "tests/unit/auditor/evidence_signer.h"

/* Heads that contradict each other, as evidence. */

#define OLD	5		/* the smaller tree; its size is no power of 2 */
#define MS	1767225700000ULL

static int
setup(void **state)
{
	(void)state;
	return signer_begin();
}

static int
teardown(void **state)
{
	(void)state;
	return signer_end();
}

/* A file with the log and two heads; the smaller with ${root}. */
static struct evidence *
begun(const uint8_t *root, int n[2])
{
	struct evidence_log	 l = { .log_id = w.log_id,
	    .key = buf_bytes(&w.spki), .description = "test log",
	    .operator = "nobody", .protocol = "rfc6962", .url = LOG_URL,
	    .read_url = LOG_URL };
	struct evidence		*ev = evidence_new(&signer);
	struct buf		 raw = BUF_INIT;
	struct err		 e = ERR_INIT;
	int			 log = evidence_log(ev, &l);

	make_sth(&w, LEAVES, MS + 1000, NULL, &raw);
	n[0] = evidence_head(ev, log, "sth", buf_bytes(&raw), &e);
	buf_reset(&raw);
	make_sth(&w, OLD, MS, root, &raw);
	n[1] = evidence_head(ev, log, "sth", buf_bytes(&raw), &e);
	buf_free(&raw);
	assert_true(n[0] >= 0 && n[1] >= 0);
	return ev;
}

static void
inconsistent(void **state)
{
	struct evidence_contradiction	 c;
	struct evidence			*ev;
	struct buf			 path = BUF_INIT, out = BUF_INIT;
	struct err			 e = ERR_INIT;
	struct flips			 f = { .instance = instance,
	    .judge = judge, .days = 1 };
	uint8_t				 lie[32] = { 1 }, root[32];
	int				 n[2];

	(void)state;
	ev = begun(lie, n);
	mth(&w, 0, OLD, root);
	proof_of(&w, OLD, 0, LEAVES, 1, &path);
	c = (struct evidence_contradiction){ n[0], n[1], root,
	    buf_bytes(&path) };
	assert_true(evidence_inconsistent(ev, &c, &e) >= 0);
	assert_int_equal(evidence_finish(ev, clk_wall(), &out, &e), 0);
	evidence_free(ev);
	assert_int_equal(judge(buf_text(&out), out.n, 0), EVIDENCE_VALID);
	f.root = json_loads(buf_text(&out), 0, NULL);
	for (f.seal = 0; f.seal < 2; f.seal++)
		flip(&f, f.root);
	assert_int_equal(f.missed, 0);
	assert_true(f.n > 500);
	json_decref(f.root);
	buf_free(&path);
	buf_free(&out);
}

/* Nobody is accused by a path that is wrong, or right for both. */
static void
honest(void **state)
{
	struct evidence_contradiction	 c;
	struct evidence			*ev;
	struct buf			 path = BUF_INIT;
	struct err			 e = ERR_INIT;
	uint8_t				 lie[32] = { 1 }, root[32];
	int				 n[2];

	(void)state;
	mth(&w, 0, OLD, root);
	proof_of(&w, OLD, 0, LEAVES, 1, &path);
	ev = begun(NULL, n);
	c = (struct evidence_contradiction){ n[0], n[1], root,
	    buf_bytes(&path) };
	assert_int_equal(evidence_inconsistent(ev, &c, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	evidence_free(ev);
	ev = begun(lie, n);
	path.p[3] ^= 1;
	c = (struct evidence_contradiction){ n[0], n[1], root,
	    buf_bytes(&path) };
	assert_int_equal(evidence_inconsistent(ev, &c, NULL), -1);
	path.p[3] ^= 1;
	/* the other way round, and a head with itself */
	c.head = n[1];
	c.other = n[0];
	assert_int_equal(evidence_inconsistent(ev, &c, NULL), -1);
	c.head = n[0];
	assert_int_equal(evidence_inconsistent(ev, &c, NULL), -1);
	c.other = 7;
	assert_int_equal(evidence_inconsistent(ev, &c, NULL), -1);
	evidence_free(ev);
	buf_free(&path);
}

/* A checkpoint of the same log, with a line of a witness. */
static void
make_note(EVP_PKEY *witness, uint64_t at, struct buf *out)
{
	static const char	 origin[] = "log.example/2026";
	struct buf		 id = BUF_INIT, blob = BUF_INIT, m = BUF_INIT;
	struct sth		 s = { .tree_size = LEAVES, .timestamp = MS };
	uint8_t			 text[STH_SIGNED], h[32], sig[128], pub[32];
	size_t			 n = sizeof(sig), npub = sizeof(pub);
	EVP_MD_CTX		*c = EVP_MD_CTX_new();

	mth(&w, 0, LEAVES, s.root);
	buf_fmt(out, "%s\n%d\n", origin, LEAVES);
	enc_b64(out, s.root, 32);
	buf_str(out, "\n");
	buf_fmt(&m, "cosignature/v1\ntime %llu\n", (unsigned long long)at);
	buf_span(&m, buf_bytes(out));
	sth_signed(&s, text);
	need(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, w.log_key) == 1 &&
	    EVP_DigestSign(c, sig, &n, text, STH_SIGNED) == 1, "note");
	buf_fmt(&id, "%s\n\x05", origin);
	buf_add(&id, w.log_id, 32);
	sha_256(h, id.p, id.n);
	buf_add(&blob, h, 4);
	buf_u64(&blob, s.timestamp);
	buf_u16(&blob, 0x0403);
	buf_u16(&blob, (uint16_t)n);
	buf_add(&blob, sig, n);
	buf_fmt(out, "\n\xe2\x80\x94 %s ", origin);
	enc_b64(out, blob.p, blob.n);
	EVP_MD_CTX_free(c);
	c = EVP_MD_CTX_new();
	n = 64;
	need(EVP_PKEY_get_raw_public_key(witness, pub, &npub) == 1 &&
	    EVP_DigestSignInit(c, NULL, NULL, NULL, witness) == 1 &&
	    EVP_DigestSign(c, sig, &n, m.p, m.n) == 1, "cosignature");
	EVP_MD_CTX_free(c);
	buf_reset(&id);
	buf_str(&id, "w.example\n\x04");
	buf_add(&id, pub, 32);
	sha_256(h, id.p, id.n);
	buf_reset(&blob);
	buf_add(&blob, h, 4);
	buf_u64(&blob, at);
	buf_add(&blob, sig, 64);
	buf_str(out, "\n\xe2\x80\x94 w.example ");
	enc_b64(out, blob.p, blob.n);
	buf_str(out, "\n");
	buf_free(&id);
	buf_free(&blob);
	buf_free(&m);
}

static void
cosigned(void **state)
{
	struct evidence_log	 l = { .log_id = w.log_id,
	    .key = buf_bytes(&w.spki), .description = "test log",
	    .operator = "nobody", .protocol = "static", .url = LOG_URL,
	    .read_url = LOG_URL };
	struct evidence		*ev = evidence_new(&signer);
	EVP_PKEY		*key = EVP_PKEY_Q_keygen(NULL, NULL,
				    "ED25519");
	struct buf		 raw = BUF_INIT, out = BUF_INIT;
	struct err		 e = ERR_INIT;
	struct flips		 f = { .instance = instance, .judge = judge,
	    .days = 1 };
	uint8_t			 pub[32];
	size_t			 n = sizeof(pub);
	int			 head;

	(void)state;
	make_note(key, 1767225701, &raw);
	need(EVP_PKEY_get_raw_public_key(key, pub, &n) == 1, "key");
	head = evidence_head(ev, evidence_log(ev, &l), "checkpoint",
	    buf_bytes(&raw), &e);
	assert_true(head >= 0);
	assert_int_equal(evidence_cosigned(ev, head, "other", pub, NULL), -1);
	assert_int_equal(evidence_cosigned(ev, head + 1, "w.example", pub,
	    NULL), -1);
	assert_true(evidence_cosigned(ev, head, "w.example", pub, &e) > head);
	pub[3] ^= 1;
	assert_int_equal(evidence_cosigned(ev, head, "w.example", pub, NULL),
	    -1);
	assert_int_equal(evidence_finish(ev, clk_wall(), &out, &e), 0);
	evidence_free(ev);
	assert_int_equal(judge(buf_text(&out), out.n, 0), EVIDENCE_VALID);
	f.root = json_loads(buf_text(&out), 0, NULL);
	for (f.seal = 0; f.seal < 2; f.seal++)
		flip(&f, f.root);
	assert_int_equal(f.missed, 0);
	assert_true(f.n > 300);
	json_decref(f.root);
	EVP_PKEY_free(key);
	buf_free(&raw);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inconsistent),
		cmocka_unit_test(honest),
		cmocka_unit_test(cosigned),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
