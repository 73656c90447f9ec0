#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/enc.h"
#include "base/sha.h"
#include "tests/unit/auditor/judging.h"

/* Heads, proofs and issuers, as a judge answers about them. */

#define SIZE	7

static EVP_PKEY	*pkey;
static uint8_t	 leaf[SIZE][32], root[SIZE + 1][32];

static void
key_new(void)
{
	unsigned char	*der = NULL;
	int		 n;

	pkey = EVP_EC_gen("P-256");
	n = i2d_PUBKEY(pkey, &der);
	assert_true(n > 0);
	buf_add(&j.key, der, (size_t)n);
	OPENSSL_free(der);
}

/* get-sth of a tree of ${size}, RFC 6962 3.5. */
static void
sth(struct buf *out, uint64_t size, const uint8_t r[32])
{
	EVP_MD_CTX	*x = EVP_MD_CTX_new();
	struct buf	 b = BUF_INIT, s = BUF_INIT;
	uint8_t		 sig[100];
	size_t		 n = sizeof(sig);

	buf_u8(&b, 0);
	buf_u8(&b, 1);
	buf_u64(&b, 1790000000000ULL);
	buf_u64(&b, size);
	buf_add(&b, r, 32);
	assert_int_equal(EVP_DigestSignInit(x, NULL, EVP_sha256(), NULL,
	    pkey), 1);
	assert_int_equal(EVP_DigestSign(x, sig, &n, b.p, b.n), 1);
	buf_u8(&s, 4);
	buf_u8(&s, 3);
	buf_u16(&s, (uint16_t)n);
	buf_add(&s, sig, n);
	buf_fmt(out, "{\"tree_size\":%llu,\"timestamp\":1790000000000,"
	    "\"sha256_root_hash\":\"", (unsigned long long)size);
	enc_b64(out, r, 32);
	buf_str(out, "\",\"tree_head_signature\":\"");
	enc_b64(out, s.p, s.n);
	buf_str(out, "\"}");
	EVP_MD_CTX_free(x);
	buf_free(&b);
	buf_free(&s);
}

static int
setup(void **state)
{
	struct merkle_range	r;
	int			i;

	(void)state;
	judging_open("a.example\n");
	key_new();
	merkle_start(&r, 0);
	(void)merkle_root(&r, root[0], NULL, 0);
	for (i = 0; i < SIZE; i++) {
		memset(leaf[i], i + 1, 32);
		merkle_leaf(&r, leaf[i]);
		(void)merkle_root(&r, root[i + 1], NULL, 0);
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(pkey);
	judging_close();
	return 0;
}

static int
ask_head(const struct buf *body, size_t n, struct err *e)
{
	struct judge_ext	x = judging_body(body->p, n);
	struct buf		q = BUF_INIT;
	struct cur		c;
	int			rc;

	judge_ext_pack(&q, &x);
	c = cur_span(buf_bytes(&q));
	rc = judge_do_head(&j, &c, 4, e);
	buf_free(&q);
	return rc;
}

static void
heads(void **state)
{
	struct judge_head	h;
	struct buf		b = BUF_INIT;
	struct err		e = ERR_INIT;
	struct cur		c, raw;
	size_t			i;

	(void)state;
	sth(&b, SIZE, root[SIZE]);
	assert_int_equal(ask_head(&b, b.n, &e), 0);
	c = judging_answer(4);
	assert_int_equal(judge_head_read(&c, &h), 0);
	assert_true(h.tree_size == SIZE &&
	    h.timestamp_ms == 1790000000000ULL);
	assert_memory_equal(h.root, root[SIZE], 32);
	/* what was verified is what is kept */
	assert_int_equal(cur_vec32(&c, &raw), 0);
	assert_int_equal(cur_left(&raw), b.n);
	assert_memory_equal(raw.p, b.p, b.n);
	for (i = 0; i < b.n; i++)
		if (ask_head(&b, i, &e) == 0)
			fail_msg("%zu bytes are a head", i);
	/* another size: the signature is not of this one */
	b.p[13] = '6';
	err_clear(&e);
	assert_int_equal(ask_head(&b, b.n, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	/* too long a body */
	b.p[13] = '7';
	while (b.n < LIMIT_BODY_HEAD)
		buf_u8(&b, ' ');
	assert_int_equal(ask_head(&b, b.n, &e), 0);
	buf_u8(&b, ' ');
	err_clear(&e);
	assert_int_equal(ask_head(&b, b.n, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&b);
}

static int
ask_proof(struct judge_proof *p, const struct buf *body, struct err *e)
{
	struct buf	q = BUF_INIT;
	struct cur	c;
	int		rc;

	p->n = 1;
	p->ext[0] = judging_body(body->p, body->n);
	judge_proof_pack(&q, p);
	c = cur_span(buf_bytes(&q));
	rc = judge_do_proof(&j, &c, 5, e);
	buf_free(&q);
	return rc;
}

/* It is not a proof of that. */
static void
is_refused(struct judge_proof *p, const struct buf *body)
{
	struct err	e = ERR_INIT;

	assert_int_equal(ask_proof(p, body, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
}

/* RFC 6962 2.1.3: the proof of 3 in 7 is [c, d, g, l]. */
static void
proof_of_three(uint8_t h[4][32], struct buf *body)
{
	int	i;

	memcpy(h[0], leaf[2], 32);
	memcpy(h[1], leaf[3], 32);
	sha_node(h[2], leaf[0], leaf[1]);
	sha_node(h[3], leaf[4], leaf[5]);
	sha_node(h[3], h[3], leaf[6]);
	buf_str(body, "{\"consistency\":[");
	for (i = 0; i < 4; i++) {
		buf_str(body, i == 0 ? "\"" : ",\"");
		enc_b64(body, h[i], 32);
		buf_str(body, "\"");
	}
	buf_str(body, "]}");
}

static void
consistency(void **state)
{
	static struct judge_proof	p;
	struct buf			b = BUF_INIT;
	struct err			e = ERR_INIT;
	struct cur			c, nodes;
	struct judge_reply		reply;
	uint8_t				h[4][32], old[32];

	(void)state;
	proof_of_three(h, &b);
	memset(&p, 0, sizeof(p));
	p.kind = JUDGE_CONSISTENCY;
	p.size1 = 3;
	p.size2 = 7;
	memcpy(p.root1, root[3], 32);
	memcpy(p.root2, root[7], 32);
	if (ask_proof(&p, &b, &e) == -1)
		fail_msg("%s", e.msg);
	c = judging_answer(5);
	assert_int_equal(cur_vec32(&c, &nodes), 0);
	assert_int_equal(cur_left(&nodes), 128);
	assert_memory_equal(nodes.p, h, 128);
	/* another root was signed: what the path gives instead comes along */
	p.root1[5] ^= 1;
	assert_int_equal(ask_proof(&p, &b, &e), 0);
	c = cur_span(buf_bytes(&j.out));
	assert_int_equal(judge_reply_read(&c, &reply), 0);
	assert_true(reply.id == 5 && !reply.ok && reply.code == ERR_VERIFY);
	assert_int_equal(cur_copy(&c, old, 32), 0);
	assert_memory_equal(old, root[3], 32);
	assert_int_equal(cur_vec32(&c, &nodes), 0);
	assert_memory_equal(nodes.p, h, 128);
	p.root1[5] ^= 1;
	/* a path that is wrong for the new root shows nothing */
	p.root2[5] ^= 1;
	is_refused(&p, &b);
	p.root2[5] ^= 1;
	p.size1 = 4;
	is_refused(&p, &b);
	buf_free(&b);
}

/* start: now.  The audit path of the last of 7 entries is [k, i]. */
static void
start(void **state)
{
	static struct judge_proof	p;
	struct merkle_range		r;
	struct buf			b = BUF_INIT;
	struct err			e = ERR_INIT;
	struct cur			c;
	uint8_t				k[32];

	(void)state;
	sha_node(k, leaf[4], leaf[5]);
	buf_str(&b, "{\"leaf_index\":6,\"audit_path\":[\"");
	enc_b64(&b, k, 32);
	buf_str(&b, "\",\"");
	enc_b64(&b, root[4], 32);
	buf_str(&b, "\"]}");
	memset(&p, 0, sizeof(p));
	p.kind = JUDGE_START;
	p.size2 = 7;
	memcpy(p.root1, leaf[6], 32);
	memcpy(p.root2, root[7], 32);
	if (ask_proof(&p, &b, &e) == -1)
		fail_msg("%s", e.msg);
	c = judging_answer(5);
	assert_int_equal(merkle_get(&c, &r), 0);
	assert_true(r.from == 0 && r.to == 7 && r.n == 3);
	(void)merkle_root(&r, k, NULL, 0);
	assert_memory_equal(k, root[7], 32);
	p.root2[0] ^= 1;
	is_refused(&p, &b);
	p.root2[0] ^= 1;
	p.size2 = 8;
	is_refused(&p, &b);
	buf_free(&b);
}

/* History: the frontier of 3 in the same proof is [0, 2), [2, 3). */
static void
edge(void **state)
{
	static struct judge_proof	p;
	struct merkle_range		r;
	struct buf			b = BUF_INIT;
	struct err			e = ERR_INIT;
	struct cur			c;
	uint8_t				h[4][32];

	(void)state;
	proof_of_three(h, &b);
	memset(&p, 0, sizeof(p));
	p.kind = JUDGE_EDGE;
	p.size1 = 3;
	p.size2 = 7;
	memcpy(p.root2, root[7], 32);
	if (ask_proof(&p, &b, &e) == -1)
		fail_msg("%s", e.msg);
	c = judging_answer(5);
	assert_int_equal(merkle_get(&c, &r), 0);
	assert_true(r.from == 0 && r.to == 3 && r.n == 2);
	assert_memory_equal(r.hash[0], h[2], 32);
	assert_memory_equal(r.hash[1], h[0], 32);
	/* of another tree, or where no proof has it */
	p.root2[0] ^= 1;
	is_refused(&p, &b);
	p.root2[0] ^= 1;
	p.size1 = 4;
	is_refused(&p, &b);
	buf_free(&b);
}

/* A body that came as gzip is inflated up to its cap. */
static void
issuers(void **state)
{
	static const uint8_t	bad[] = "no certificate";
	struct judge_ext	x = judging_body(bad, sizeof(bad));
	struct buf		q = BUF_INIT;
	struct err		e = ERR_INIT;
	struct cur		c;
	uint8_t			fp[32];
	int			i;

	(void)state;
	sha_256(fp, bad, sizeof(bad));
	/* another's name; the right name of something else; no gzip */
	for (i = 0; i < 3; i++) {
		static const enum err_code want[] = { ERR_VERIFY, ERR_FORMAT,
		    ERR_FORMAT };

		fp[0] ^= i == 0 || i == 1;
		x.gzip = i == 2;
		buf_reset(&q);
		judge_ext_pack(&q, &x);
		buf_add(&q, fp, 32);
		c = cur_span(buf_bytes(&q));
		err_clear(&e);
		assert_int_equal(judge_do_issuer(&j, &c, 1, &e), -1);
		assert_int_equal(e.code, want[i]);
	}
	buf_free(&q);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(heads),
		cmocka_unit_test(consistency),
		cmocka_unit_test(start),
		cmocka_unit_test(edge),
		cmocka_unit_test(issuers),
	};

	return cmocka_run_group_tests(t, setup, teardown);
}
