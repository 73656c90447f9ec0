#include "tests/unit/ctlog/data.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/limit.h"
#include "base/sha.h"
#include "ctlog/note.h"

#define ORIGIN "log.example/2026"
#define ROOT "y9LfDu7shl7BGLsTPyjvkbkTEOmpmJUxqN+q3dZI6hM="

static EVP_PKEY		*key;
static struct buf	 spki;

/* One signature line of ours over (size 7, ROOT, ts), type ${type}. */
static void
line(struct buf *b, const char *name, uint8_t type, int wrong)
{
	struct buf	 blob = BUF_INIT, root = BUF_INIT, id = BUF_INIT;
	struct sth	 s = { .tree_size = 7, .timestamp = 1700000000000 };
	EVP_MD_CTX	*c = EVP_MD_CTX_new();
	uint8_t		 text[STH_SIGNED], h[32], sig[128];
	size_t		 n = sizeof(sig);

	assert_int_equal(enc_unb64(ROOT, strlen(ROOT), &root), 0);
	memcpy(s.root, root.p, 32);
	sth_signed(&s, text);
	assert_int_equal(EVP_DigestSignInit_ex(c, NULL, "SHA256", NULL, NULL,
	    key, NULL), 1);
	assert_int_equal(EVP_DigestSign(c, sig, &n, text, sizeof(text)), 1);
	EVP_MD_CTX_free(c);
	sha_256(h, spki.p, spki.n);
	buf_str(&id, name);
	buf_u8(&id, '\n');
	buf_u8(&id, type);
	buf_add(&id, h, 32);
	sha_256(h, id.p, id.n);
	buf_add(&blob, h, 4);
	buf_u64(&blob, s.timestamp + (uint64_t)wrong);
	buf_u16(&blob, 0x0403);
	buf_u16(&blob, (uint16_t)n);
	buf_add(&blob, sig, n);
	buf_fmt(b, "\xe2\x80\x94 %s ", name);
	enc_b64(b, blob.p, blob.n);
	buf_u8(b, '\n');
	buf_free(&blob);
	buf_free(&root);
	buf_free(&id);
}

/* Somebody else's signature line. */
static void
other(struct buf *b, unsigned i, size_t n)
{
	struct buf	blob = BUF_INIT;

	buf_u32(&blob, 0xdeadbe00 + i);
	memset(buf_room(&blob, n), (int)i, n);
	blob.n += n;
	buf_fmt(b, "\xe2\x80\x94 witness%u.example ", i);
	enc_b64(b, blob.p, blob.n);
	buf_u8(b, '\n');
	buf_free(&blob);
}

static int
try(const struct buf *b, const char *origin, struct sth *s, struct err *e)
{
	uint8_t	*p = data_exact(buf_bytes(b));
	int	 rc;

	err_clear(e);
	rc = note_read((struct span){ p, b->n }, origin, buf_bytes(&spki), s,
	    e);
	assert_int_equal(e->code != ERR_NONE, rc == -1);
	free(p);
	return rc;
}

/* The text above the signatures, and whether it may be. */
static const struct {
	const char	*text;
	int		 good;
} heads[] = {
	{ ORIGIN "\n7\n" ROOT "\n\n", 1 },
	{ ORIGIN "\n7\n" ROOT "\nextension\n\n", 0 },
	{ ORIGIN "\n7\n" ROOT "\n", 0 },
	{ ORIGIN "/\n7\n" ROOT "\n\n", 0 },
	{ "https://" ORIGIN "\n7\n" ROOT "\n\n", 0 },
	{ ORIGIN " \n7\n" ROOT "\n\n", 0 },
	{ "\n7\n" ROOT "\n\n", 0 },
	{ ORIGIN "\n07\n" ROOT "\n\n", 0 },
	{ ORIGIN "\n+7\n" ROOT "\n\n", 0 },
	{ ORIGIN "\n7 \n" ROOT "\n\n", 0 },
	{ ORIGIN "\n\n" ROOT "\n\n", 0 },
	{ ORIGIN "\n7\r\n" ROOT "\n\n", 0 },
	{ ORIGIN "\n8\n" ROOT "\n\n", 0 },
	{ ORIGIN "\n9223372036854775808\n" ROOT "\n\n", 0 },
	{ ORIGIN "\n99999999999999999999\n" ROOT "\n\n", 0 },
	{ ORIGIN "\n7\n" ROOT "=\n\n", 0 },
	{ ORIGIN "\n7\ny9LfDu7shl7BGLsTPyjvkbkTEOmpmJUxqN+q3dZI6g==\n\n", 0 },
	{ ORIGIN "\n7\n\n", 0 },
	{ "", 0 },
};

static void
texts(void **state)
{
	struct buf	b = BUF_INIT;
	struct err	e;
	struct sth	s;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		buf_reset(&b);
		buf_str(&b, heads[i].text);
		line(&b, ORIGIN, 5, 0);
		if (try(&b, ORIGIN, &s, &e) != (heads[i].good ? 0 : -1))
			fail_msg("case %zu: %s", i, e.msg);
		if (heads[i].good) {
			assert_int_equal(s.tree_size, 7);
			assert_int_equal(s.timestamp, 1700000000000);
			assert_int_equal(sth_verify(&s, buf_bytes(&spki),
			    NULL), 0);
		}
	}
	buf_free(&b);
}

/* Signature lines behind a good text. */
static void
signatures(void **state)
{
	struct buf	b = BUF_INIT, c = BUF_INIT;
	struct err	e;
	struct sth	s;
	unsigned	i;
	size_t		n;

	(void)state;
	/* 16 must be accepted (static-ct-api); our cap is exact. */
	buf_str(&b, heads[0].text);
	for (i = 0; i < 15; i++)
		other(&b, i, i == 3 ? 2420 : 64);
	line(&b, ORIGIN, 5, 0);
	assert_int_equal(try(&b, ORIGIN, &s, &e), 0);
	for (n = LIMIT_NOTE_SIGS - 1; n <= LIMIT_NOTE_SIGS; n++) {
		buf_reset(&b);
		buf_str(&b, heads[0].text);
		line(&b, ORIGIN, 5, 0);
		for (i = 0; i < n; i++)
			other(&b, i, 64);
		assert_int_equal(try(&b, ORIGIN, &s, &e),
		    n < LIMIT_NOTE_SIGS ? 0 : -1);
		assert_int_equal(e.code, n < LIMIT_NOTE_SIGS ? ERR_NONE :
		    ERR_LIMIT);
	}
	/* None; only others'; our name with another type or key. */
	buf_reset(&b);
	buf_str(&b, heads[0].text);
	assert_int_equal(try(&b, ORIGIN, &s, &e), -1);
	other(&b, 1, 72);
	line(&b, ORIGIN, 1, 0);
	line(&b, "other.example", 5, 0);
	assert_int_equal(try(&b, ORIGIN, &s, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	line(&b, ORIGIN, 5, 0);
	assert_int_equal(try(&b, ORIGIN, &s, &e), 0);
	/* Ours once more; ours that fails refuses all. */
	line(&b, ORIGIN, 5, 0);
	assert_int_equal(try(&b, ORIGIN, &s, &e), 0);
	line(&b, ORIGIN, 5, 1);
	assert_int_equal(try(&b, ORIGIN, &s, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	assert_int_equal(s.tree_size, 0);
	/* Right, under the log's key id, but of another name. */
	buf_reset(&b);
	buf_str(&b, heads[0].text);
	line(&b, ORIGIN, 5, 0);
	memcpy(memmem(b.p + strlen(heads[0].text), b.n -
	    strlen(heads[0].text), ORIGIN, strlen(ORIGIN)), "LOG", 3);
	assert_int_equal(try(&b, ORIGIN, &s, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	/* Lines that are no signatures. */
	static const char *const bad[] = {
		"\n", "x\n", "- " ORIGIN " AAAAAAA=\n",
		"\xe2\x80\x94 " ORIGIN "\n", "\xe2\x80\x94  AAAAAAA=\n",
		"\xe2\x80\x94 " ORIGIN " AAAA\n",
		"\xe2\x80\x94 " ORIGIN " AAAAAAA\n",
		"\xe2\x80\x94 a b AAAAAAA=\n",
	};
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_reset(&b);
		buf_str(&b, heads[0].text);
		line(&b, ORIGIN, 5, 0);
		buf_str(&b, bad[i]);
		if (try(&b, ORIGIN, &s, &e) == 0)
			fail_msg("%s", bad[i]);
	}
	/* Cut at each byte. */
	buf_reset(&b);
	buf_str(&b, heads[0].text);
	line(&b, ORIGIN, 5, 0);
	for (n = 0; n < b.n; n++) {
		buf_reset(&c);
		buf_add(&c, b.p, n);
		assert_int_equal(try(&c, ORIGIN, &s, &e), -1);
	}
	buf_free(&b);
	buf_free(&c);
}

/* The longest body that is read, and one byte more. */
static void
longest(void **state)
{
	struct buf	b = BUF_INIT, sig = BUF_INIT;
	struct err	e;
	struct sth	s;

	(void)state;
	line(&sig, ORIGIN, 5, 0);
	buf_str(&b, heads[0].text);
	buf_str(&b, "\xe2\x80\x94 ");
	while (b.n + sig.n + 10 < LIMIT_BODY_HEAD)
		buf_u8(&b, 'w');
	buf_str(&b, " AAAAAAA=\n");
	buf_add(&b, sig.p, sig.n);
	assert_int_equal(b.n, LIMIT_BODY_HEAD);
	assert_int_equal(try(&b, ORIGIN, &s, &e), 0);
	buf_u8(&b, '\n');
	assert_int_equal(try(&b, ORIGIN, &s, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(note_read(SPAN_STR(heads[0].text), ORIGIN,
	    (struct span){ NULL, 0 }, &s, NULL), -1);
	buf_free(&b);
	buf_free(&sig);
}

static void
names(void **state)
{
	char		out[NOTE_ORIGIN_MAX], in[NOTE_ORIGIN_MAX + 32];
	struct http_req	r;

	(void)state;
	assert_int_equal(note_origin("https://log.example/2026/", out), 0);
	assert_string_equal(out, ORIGIN);
	assert_int_equal(note_origin("http://log.example:80", out), 0);
	assert_string_equal(out, "log.example:80");
	assert_int_equal(note_origin("https:///", out), -1);
	assert_int_equal(note_origin("", out), -1);
	memset(in, 'a', sizeof(in));
	in[NOTE_ORIGIN_MAX - 1] = '\0';
	assert_int_equal(note_origin(in, out), 0);
	in[NOTE_ORIGIN_MAX - 1] = 'a';
	in[NOTE_ORIGIN_MAX] = '\0';
	assert_int_equal(note_origin(in, out), -1);
	assert_int_equal(note_url("https://mon.example/x/", &r), 0);
	assert_string_equal(r.url, "https://mon.example/x/checkpoint");
}

static void
real(void **state)
{
	static const struct {
		const char	*file;
		const char	*json;
		uint64_t	 size;
	} logs[] = {
		{ "static-ct/checkpoints/willow2025h1b_1237717073.checkpoint",
		  "static-ct/checkpoints/willow2025h1b_1237717073.json",
		  1237717073 },
		{ "static-ct/checkpoints/cloudflare_dev2024h2b_5.checkpoint",
		  "static-ct/checkpoints/cloudflare_dev2024h2b_5.json", 5 },
	};
	struct buf	 b = BUF_INIT, c = BUF_INIT;
	struct err	 e;
	struct sth	 s;
	json_t		*o;
	const char	*origin;
	uint64_t	 seed = 5;
	size_t		 i, n = 0, k;

	(void)state;
	for (i = 0; i < 2; i++) {
		buf_reset(&b);
		buf_reset(&spki);
		o = data_json(logs[i].json);
		if (o == NULL || data_read(logs[i].file, &b) == -1) {
			data_skip(1, logs[i].file);
			json_decref(o);
			continue;
		}
		data_b64(o, "key", &spki);
		origin = json_string_value(json_object_get(o, "origin"));
		if (try(&b, origin, &s, &e) == -1)
			fail_msg("%s", e.msg);
		assert_int_equal(s.tree_size, logs[i].size);
		assert_int_equal(try(&b, "other.example", &s, &e), -1);
		for (k = 0; k < 200; k++) {
			data_spoil(&seed, buf_bytes(&b), &c);
			if (c.n > 0 && try(&c, origin, &s, &e) == 0)
				assert_int_equal(s.tree_size, logs[i].size);
		}
		json_decref(o);
		n++;
	}
	printf("%zu real checkpoints, 200 spoiled copies of each\n", n);
	buf_free(&b);
	buf_free(&c);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(signatures),
		cmocka_unit_test(longest),
		cmocka_unit_test(names),
		cmocka_unit_test(real),
	};
	uint8_t	*p = NULL;
	int	 n, rc;

	key = EVP_EC_gen("P-256");
	n = i2d_PUBKEY(key, &p);
	buf_add(&spki, p, (size_t)n);
	OPENSSL_free(p);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	EVP_PKEY_free(key);
	buf_free(&spki);
	return rc;
}
