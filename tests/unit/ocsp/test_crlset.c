/* takes: 8 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ocsp/crlset.h"
#include "pki/cert.h"
#include "pki/der.h"

/* A TBSCertificate with that serial number's content, and little else. */
static void
made_serial(struct span v, struct buf *out)
{
	static const char	rest[] =
	    "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x30\x00"
	    "\x30\x1e\x17\x0d" "260101000000Z" "\x17\x0d" "270101000000Z"
	    "\x30\x00\x30\x03\x02\x01\x01";
	struct buf		b = BUF_INIT;

	der_put(&b, DER_INT, v.n);
	buf_span(&b, v);
	buf_add(&b, rest, sizeof(rest) - 1);
	buf_reset(out);
	der_put(out, DER_SEQ, b.n);
	buf_span(out, buf_bytes(&b));
	buf_free(&b);
}

static uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* The number of hex ${der}, an INTEGER's content. */
static long
find(const struct crlset *s, const char *der)
{
	struct buf	b = BUF_INIT;
	long		r;

	assert_int_equal(enc_unhex(der, strlen(der), &b), 0);
	r = crlset_find(s, buf_bytes(&b));
	buf_free(&b);
	return r;
}

static void
test_numbers(void **state)
{
	static const struct {
		const char	*text;
		long		 number;
	} t[] = {
		{ "0a", 0 }, { "a", 0 }, { "A", 0 }, { "000a", 0 },
		{ "ff", 1 }, { "-1", 2 }, { "-01", 2 }, { "00ff", 1 },
		{ "0", 3 }, { "00", 3 }, { "-0", 3 }, { "80", 4 },
		{ "-80", 5 }, { "-8000", 6 }, { "7fffffffffffffffffffff", 7 },
		{ "03ae51db51155a3c03ae51db51155a3c0102", 8 },
		{ "03ae51db51155a3c03ae51db51155a3c01020304050607080a", 9 },
		{ "03ae51db51155a3c03ae51db51155a3c01020304050607080b", 10 },
		{ "a", 0 },
	};
	static const struct {
		const char	*der;
		long		 number;
	} f[] = {
		{ "0a", 0 }, { "000a", 0 }, { "0000000000000000000a", 0 },
		{ "00ff", 1 }, { "000000ff", 1 },
		{ "ff", 2 }, { "ffffff", 2 },
		{ "00", 3 }, { "0000", 3 },
		{ "0080", 4 }, { "80", 5 }, { "ff80", 5 }, { "8000", 6 },
		{ "ffff8000", 6 }, { "7fffffffffffffffffffff", 7 },
		{ "03ae51db51155a3c03ae51db51155a3c0102", 8 },
		{ "0003ae51db51155a3c03ae51db51155a3c0102", 8 },
		{ "03ae51db51155a3c03ae51db51155a3c01020304050607080a", 9 },
		{ "03ae51db51155a3c03ae51db51155a3c01020304050607080b", 10 },
		{ "03ae51db51155a3c03ae51db51155a3c01020304050607080c", -1 },
		{ "03ae51db51155a3c03ae51db51155a3c0103", -1 },
		{ "ff00", -1 }, { "0a00", -1 }, { "01", -1 }, { "", -1 },
	};
	struct crlset_build	*b = crlset_new();
	struct crlset		 s;
	struct buf		 image = BUF_INIT;
	struct err		 e = ERR_INIT;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(crlset_add(b, t[i].text, &e), t[i].number);
	crlset_done(b, &image);
	assert_int_equal(image.n % 8, 0);
	assert_int_equal(crlset_open(&s, image.p, image.n, &e), 0);
	assert_int_equal(crlset_count(&s), 11);
	for (i = 0; i < sizeof(f) / sizeof(f[0]); i++)
		assert_int_equal(find(&s, f[i].der), f[i].number);
	buf_free(&image);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {
		"", "-", "--1", "g", "0x1", " 1", "1 ", "+1", "1-"
	};
	struct crlset_build	*b = crlset_new();
	struct err		 e;
	char			 text[2 * LIMIT_SERIAL + 3];
	uint8_t			 raw[LIMIT_SERIAL + 3];
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(crlset_add(b, bad[i], &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	/* as long as may be, and one digit more */
	memset(text, 'f', sizeof(text));
	text[2 * LIMIT_SERIAL] = '\0';
	assert_int_equal(crlset_add(b, text, NULL), 0);
	text[2 * LIMIT_SERIAL] = 'f';
	text[2 * LIMIT_SERIAL + 1] = '\0';
	text[0] = '-';
	assert_int_equal(crlset_add(b, text, NULL), 1);
	text[0] = '1';
	err_clear(&e);
	assert_int_equal(crlset_add(b, text, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	/* the same as bytes */
	memset(raw, 0xff, sizeof(raw));
	raw[0] = raw[1] = 0;
	assert_int_equal(crlset_add_int(b, (struct span){ raw,
	    LIMIT_SERIAL + 2 }, NULL), 0);
	raw[0] = 1;
	err_clear(&e);
	assert_int_equal(crlset_add_int(b, (struct span){ raw,
	    LIMIT_SERIAL + 2 }, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(crlset_add_int(b, (struct span){ raw, 0 }, NULL),
	    -1);
	crlset_free(b);
	crlset_free(NULL);
}

/* 100,000 serials of all lengths, each found by its number, no other. */
static void
test_many(void **state)
{
	struct crlset_build	*b = crlset_new();
	struct crlset		 s;
	struct buf		 image = BUF_INIT;
	uint64_t		 seed = 88172645463325252ULL, again = seed;
	uint8_t			 v[40];
	size_t			 i, k, n, round;

	(void)state;
	for (round = 0; round < 3; round++) {
		if (round == 1) {
			buf_str(&image, "8 bytes.");
			crlset_done(b, &image);
			assert_int_equal(crlset_open(&s, image.p + 8,
			    image.n - 8, NULL), 0);
			seed = again;
		}
		for (i = 0; i < 100000; i++) {
			n = 8 + rnd(&seed) % 32;
			for (k = 0; k < n; k++)
				v[k] = (uint8_t)rnd(&seed);
			v[0] = 0x11;
			if (round == 0)
				assert_int_equal(crlset_add_int(b,
				    (struct span){ v, n }, NULL), i);
			else
				assert_int_equal(crlset_find(&s,
				    (struct span){ v, n }),
				    round == 1 ? (long)i : -1);
		}
	}
	buf_free(&image);
}

static void
test_empty(void **state)
{
	struct crlset	s;
	struct buf	image = BUF_INIT;

	(void)state;
	crlset_done(crlset_new(), &image);
	assert_int_equal(crlset_open(&s, image.p, image.n, NULL), 0);
	assert_int_equal(crlset_count(&s), 0);
	assert_int_equal(find(&s, "01"), -1);
	buf_free(&image);
}

/* Cut, or with any byte changed: refused, or at least never out of bounds. */
static void
test_damaged(void **state)
{
	struct crlset_build	*b = crlset_new();
	struct crlset		 s;
	struct buf		 image = BUF_INIT;
	struct err		 e = ERR_INIT;
	size_t			 i, n, refused = 0;
	uint8_t			*copy;
	char			 text[8];

	(void)state;
	for (i = 0; i < 20; i++) {
		(void)snprintf(text, sizeof(text), "%zx", 1000 + i);
		assert_int_equal(crlset_add(b, text, NULL), i);
	}
	crlset_done(b, &image);
	for (n = 0; n < image.n; n++) {
		copy = mem_dup(image.p, n);
		assert_int_equal(crlset_open(&s, copy, n, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		free(copy);
	}
	for (i = 0; i < image.n * 8; i++) {
		copy = malloc(image.n);
		assert_non_null(copy);
		memcpy(copy, image.p, image.n);
		copy[i / 8] ^= (uint8_t)(1u << i % 8);
		if (crlset_open(&s, copy, image.n, NULL) == 0)
			for (n = 0; n < 40; n++) {
				(void)snprintf(text, sizeof(text), "%04zx",
				    990 + n);
				assert_true(find(&s, text) < 20);
			}
		else
			refused++;
		free(copy);
	}
	/* a damaged head is seen at once */
	assert_true(refused > 100);
	buf_free(&image);
}

/* As many as may be, and one more. */
static void
test_limit(void **state)
{
	struct crlset_build	*b = crlset_new();
	struct crlset		 s;
	struct buf		 image = BUF_INIT;
	struct err		 e = ERR_INIT;
	uint8_t			 v[5] = { 1 };
	struct span		 key = { v, sizeof(v) };
	uint32_t		 i;

	(void)state;
	for (i = 0; i <= LIMIT_CRL_WATCHED; i++) {
		memcpy(v + 1, &i, sizeof(i));
		if (crlset_add_int(b, key, &e) != (long)i)
			break;
	}
	assert_int_equal(i, LIMIT_CRL_WATCHED);
	assert_int_equal(e.code, ERR_LIMIT);
	/* one that is there is no more */
	memset(v + 1, 0, 4);
	assert_int_equal(crlset_add_int(b, key, NULL), 0);
	crlset_done(b, &image);
	assert_int_equal(crlset_open(&s, image.p, image.n, NULL), 0);
	assert_int_equal(crlset_count(&s), LIMIT_CRL_WATCHED);
	assert_int_equal(crlset_find(&s, key), 0);
	/* a head that says more */
	i = LIMIT_CRL_WATCHED + 1;
	memcpy(image.p + 8, &i, sizeof(i));
	assert_int_equal(crlset_open(&s, image.p, image.n, NULL), -1);
	buf_free(&image);
}

/*
 * A serial as struct cert has it, and the bytes that a CRL lists it with: each
 * content of one and two octets is found, and nothing else is.
 */
static void
test_as_cert(void **state)
{
	struct crlset_build	*b = crlset_new();
	struct buf		 tbs = BUF_INIT, image = BUF_INIT;
	uint8_t			 v[2];
	struct crlset		 s;
	struct cert		 c;
	long			 number[0x10000];
	uint32_t		 i;

	(void)state;
	for (i = 0; i < 0x10000; i += 3) {
		v[0] = (uint8_t)(i >> 8);
		v[1] = (uint8_t)i;
		made_serial((struct span){ v, 2 }, &tbs);
		assert_int_equal(cert_read_tbs(buf_bytes(&tbs), &c, NULL), 0);
		number[i] = crlset_add(b, c.serial, NULL);
		assert_int_equal(number[i], i / 3);
		cert_free(&c);
	}
	crlset_done(b, &image);
	assert_int_equal(crlset_open(&s, image.p, image.n, NULL), 0);
	for (i = 0; i < 0x10000; i++) {
		v[0] = (uint8_t)(i >> 8);
		v[1] = (uint8_t)i;
		assert_int_equal(crlset_find(&s, (struct span){ v, 2 }),
		    i % 3 == 0 ? number[i] : -1);
	}
	buf_free(&tbs);
	buf_free(&image);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_as_cert),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
