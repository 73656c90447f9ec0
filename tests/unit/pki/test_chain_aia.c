#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/pkcs7.h>

#include <stdio.h>

#include "base/enc.h"
#include "base/limit.h"
#include "pki/der.h"
#include "tests/unit/pki/ask.h"

/* caIssuers: what is wanted, and what comes back. */

static struct made	a, b;

static int
setup(void **state)
{
	(void)state;
	a = made_cert((struct made_spec){ .cn = "A", .ca = 1 });
	b = made_cert((struct made_spec){ .cn = "B", .ca = 1 });
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	made_free(&a);
	made_free(&b);
	return 0;
}

/* --- reading --- */

static void
pkcs7(struct buf *out)
{
	PKCS7	*p = PKCS7_new();
	uint8_t	*q;
	int	 n;

	PKCS7_set_type(p, NID_pkcs7_signed);
	PKCS7_content_new(p, NID_pkcs7_data);
	PKCS7_add_certificate(p, a.x);
	PKCS7_add_certificate(p, b.x);
	n = i2d_PKCS7(p, NULL);
	q = buf_room(out, (size_t)n);
	out->n += (size_t)i2d_PKCS7(p, &q);
	PKCS7_free(p);
}

static void
pem(struct buf *out, const char *label, struct span der)
{
	struct buf	t = BUF_INIT;

	enc_b64(&t, der.p, der.n);
	buf_fmt(out, "-----BEGIN %s-----\n%s\n-----END %s-----\n", label,
	    buf_text(&t), label);
	buf_free(&t);
}

static void
assert_same(struct span s, const struct made *m)
{
	assert_int_equal(s.n, m->der.n);
	assert_memory_equal(s.p, m->der.p, s.n);
}

static void
test_read(void **state)
{
	struct buf	body[5] = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT,
			    BUF_INIT }, mem;
	struct span	out[4], inner;
	struct err	e = ERR_INIT;
	size_t		i;

	(void)state;
	buf_span(&body[0], buf_bytes(&a.der));
	pkcs7(&body[1]);
	/* BER as some servers send it: of indefinite length. */
	assert_int_equal(der_only(buf_bytes(&body[1]), DER_SEQ, &inner), 0);
	buf_add(&body[2], "\x30\x80", 2);
	buf_span(&body[2], inner);
	buf_add(&body[2], "\0\0", 2);
	pem(&body[3], "CERTIFICATE", buf_bytes(&a.der));
	pem(&body[3], "CERTIFICATE", buf_bytes(&b.der));
	pem(&body[4], "PKCS7", buf_bytes(&body[1]));
	for (i = 0; i < 5; i++) {
		mem = (struct buf)BUF_INIT;
		assert_int_equal(chain_aia_read(buf_bytes(&body[i]), &mem,
		    out, 4, &e), i == 0 ? 1 : 2);
		assert_same(out[0], &a);
		if (i != 0)
			assert_same(out[1], &b);
		buf_free(&mem);
		/* Not more than there is room for. */
		assert_int_equal(chain_aia_read(buf_bytes(&body[i]), &mem,
		    out, 1, &e), 1);
		assert_same(out[0], &a);
		buf_free(&mem);
	}
	for (i = 0; i < 5; i++)
		buf_free(&body[i]);
}

static void
test_read_bad(void **state)
{
	static const char *const	bad[] = {
		"", "<html>not found</html>", "\x30\x03\x02\x01\x05",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
	};
	struct buf			mem = BUF_INIT, big = BUF_INIT;
	struct span			out[1];
	struct err			e;
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(chain_aia_read(SPAN_STR(bad[i]), &mem, out,
		    1, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	pem(&big, "CERTIFICATE", buf_bytes(&a.der));
	memset(buf_room(&big, LIMIT_BODY_AIA), '\n', LIMIT_BODY_AIA);
	big.n = LIMIT_BODY_AIA;
	assert_int_equal(chain_aia_read(buf_bytes(&big), &mem, out, 1, &e),
	    1);
	err_clear(&e);
	big.n++;
	assert_int_equal(chain_aia_read(buf_bytes(&big), &mem, out, 1, &e),
	    -1);
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&big);
	buf_free(&mem);
}

/* --- wanting --- */

#define AIA(t) { "authorityInfoAccess", t, { NULL, 0 }, 0 }

static void
want(const struct ask *q, struct chain *c)
{
	struct roots		*r = ask_roots(q->roots);
	const struct roots	*programs[1] = { r };
	struct span		 pool[ASK_MAX];
	struct chain_in		 in = ask_in(q, programs, pool);

	assert_int_equal(chain_build(&in, c, NULL), 0);
	roots_free(r);
}

static void
test_want(void **state)
{
	struct made	ca = made_cert((struct made_spec){ .cn = "CA",
			    .ca = 1, .issuer = &a,
			    .ext = { AIA("caIssuers;URI:http://x.example/a") }
			    });
	struct made	leaf = made_cert((struct made_spec){
			    .cn = "www.example.com", .issuer = &ca,
			    .ext = { AIA("OCSP;URI:http://x.example/ocsp,"
			    "caIssuers;URI:http://x.example/ca,"
			    "caIssuers;URI:https://x.example/ca,"
			    "caIssuers;URI:ldap://x.example/ca,"
			    "caIssuers;URI:http://x.example/ca,"
			    "caIssuers;URI:http://x.example/c d") } });
	struct ask	q = { .leaf = &leaf, .roots = { &a } };
	struct chain	c;

	(void)state;
	/* Only http, each once, none with a blank. */
	want(&q, &c);
	assert_int_equal(c.nwant, 1);
	assert_string_equal(c.want[0], "http://x.example/ca");
	chain_free(&c);
	/* What came by it leads on, and its root is there: all is known. */
	q.pool[0] = &ca;
	want(&q, &c);
	assert_int_equal(c.npaths, 1);
	assert_int_equal(c.nwant, 0);
	chain_free(&c);
	/* Without the root the next one is wanted first. */
	q.roots[0] = &b;
	want(&q, &c);
	assert_int_equal(c.nwant, 2);
	assert_string_equal(c.want[0], "http://x.example/a");
	assert_string_equal(c.want[1], "http://x.example/ca");
	chain_free(&c);
	made_free(&ca);
	made_free(&leaf);
}

/* Two CAs that point to each other: the list does not grow. */
static void
test_loop(void **state)
{
	struct made	ca = made_cert((struct made_spec){ .cn = "CA",
			    .ca = 1, .key = &a, .issuer = &b,
			    .ext = { AIA("caIssuers;URI:http://x.example/b") }
			    });
	struct made	cb = made_cert((struct made_spec){ .cn = "B",
			    .ca = 1, .key = &b, .issuer = &ca,
			    .ext = { AIA("caIssuers;URI:http://x.example/a") }
			    });
	struct made	leaf = made_cert((struct made_spec){
			    .cn = "www.example.com", .issuer = &ca,
			    .ext = { AIA("caIssuers;URI:http://x.example/a") }
			    });
	struct made	r = made_cert((struct made_spec){ .cn = "Root",
			    .ca = 1 });
	struct ask	q = { .leaf = &leaf, .pool = { &ca, &cb },
			    .roots = { &r } };
	struct chain	c;

	(void)state;
	want(&q, &c);
	assert_int_equal(c.npaths, 0);
	assert_int_equal(c.nwant, 2);
	chain_free(&c);
	made_free(&ca);
	made_free(&cb);
	made_free(&leaf);
	made_free(&r);
}

/* At the cap of URLs and above; a URL of the longest kind, and longer. */
static void
test_want_limits(void **state)
{
	struct buf	t = BUF_INIT, url = BUF_INIT;
	struct made	leaf;
	struct ask	q = { .leaf = &leaf, .roots = { &b } };
	struct chain	c;
	size_t		i, n;

	(void)state;
	for (n = LIMIT_PTR_URLS; n <= LIMIT_PTR_URLS + 1; n++) {
		buf_reset(&t);
		for (i = 0; i < n; i++)
			buf_fmt(&t, "%scaIssuers;URI:http://x/%zu",
			    i == 0 ? "" : ",", i);
		leaf = made_cert((struct made_spec){ .cn = "words",
		    .issuer = &a, .ext = { AIA(buf_text(&t)) } });
		want(&q, &c);
		assert_int_equal(c.nwant, LIMIT_PTR_URLS);
		chain_free(&c);
		made_free(&leaf);
	}
	for (n = LIMIT_PTR_URL; n <= LIMIT_PTR_URL + 1; n++) {
		buf_reset(&url);
		buf_str(&url, "caIssuers;URI:http://x/");
		for (i = 9; i < n; i++)
			buf_u8(&url, 'a');
		leaf = made_cert((struct made_spec){ .cn = "words",
		    .issuer = &a, .ext = { AIA(buf_text(&url)) } });
		want(&q, &c);
		assert_int_equal(c.nwant, n == LIMIT_PTR_URL);
		chain_free(&c);
		made_free(&leaf);
	}
	buf_free(&t);
	buf_free(&url);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_bad),
		cmocka_unit_test(test_want),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_want_limits)
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
