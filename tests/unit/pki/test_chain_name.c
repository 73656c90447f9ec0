#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/limit.h"
#include "pki/chain.h"
#include "pki/chain_name.h"
#include "pki/dn.h"
#include "tests/unit/pki/forge.h"

/* A Certificate around a TBSCertificate: nobody looks at the signature. */
static void
wrap(struct forge *f, struct buf *out)
{
	struct buf	b = BUF_INIT;

	forge_done(f, &b);
	buf_add(&b, "\x30\x03\x06\x01\x2a\x03\x02\x00\x00", 9);
	buf_reset(out);
	forge_tlv(out, DER_SEQ, b.p, b.n);
	buf_free(&b);
}

static void
put_ip(struct forge *f, const char *bytes, size_t n)
{
	forge_san(f, 0x87, bytes, n);
}

static void
test_covers(void **state)
{
	static const struct {
		const char	*san, *name;
		int		 want;
	} table[] = {
		{ "example.com", "example.com", 1 },
		{ "example.com", "EXAMPLE.com.", 1 },
		{ "EXAMPLE.COM", "example.com", 1 },
		{ "example.com", "www.example.com", 0 },
		{ "www.example.com", "example.com", 0 },
		{ "*.example.com", "www.example.com", 1 },
		{ "*.example.com", "WWW.Example.com", 1 },
		{ "*.example.com", "example.com", 0 },
		{ "*.example.com", "a.b.example.com", 0 },
		{ "*.example.com", ".example.com", 0 },
		{ "w*.example.com", "www.example.com", 0 },
		{ "*w.example.com", "www.example.com", 0 },
		{ "www.*.com", "www.example.com", 0 },
		{ "*.*.com", "www.example.com", 0 },
		{ "*", "localhost", 0 },
		{ "*.", "localhost", 0 },
		/* What a registry holds is nobody's. */
		{ "*.com", "example.com", 0 },
		{ "*.co.uk", "example.co.uk", 0 },
		{ "*.local", "printer.local", 0 },
		/* But the other section of the list is in use. */
		{ "*.s3.amazonaws.com", "a.s3.amazonaws.com", 1 },
		{ "*.example.co.uk", "a.example.co.uk", 1 },
		{ "xn--bcher-kva.example.com", "b\xc3\xbc" "cher.example.com",
		    1 },
		{ "*.example.com", "xn--bcher-kva.example.com", 1 },
		{ "xn--*-1b3c148a.example.com",
		    "xn--bliss-1b3c148a.example.com", 0 },
		/* An address is no DNS name, in either direction. */
		{ "192.0.2.1", "192.0.2.1", 0 },
		{ "", "example.com", 0 }, { "example.com", "", 0 }
	};
	struct forge	f;
	struct buf	der = BUF_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		f = (struct forge)FORGE_INIT;
		forge_dns(&f, "other.example.net");
		forge_dns(&f, table[i].san);
		wrap(&f, &der);
		if (chain_name_ok(buf_bytes(&der), table[i].name) !=
		    table[i].want)
			fail_msg("%s for %s", table[i].san, table[i].name);
	}
	buf_free(&der);
}

static void
test_covers_ip(void **state)
{
	struct forge	f = FORGE_INIT;
	struct buf	der = BUF_INIT;

	(void)state;
	put_ip(&f, "\xc0\x00\x02\x01", 4);
	put_ip(&f, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	put_ip(&f, "\xc0\x00\x02\x02\xff\xff\xff\xff", 8);
	wrap(&f, &der);
	assert_int_equal(chain_name_ok(buf_bytes(&der), "192.0.2.1"), 1);
	assert_int_equal(chain_name_ok(buf_bytes(&der), "192.0.2.2"), 0);
	assert_int_equal(chain_name_ok(buf_bytes(&der), "2001:db8::1"), 1);
	assert_int_equal(chain_name_ok(buf_bytes(&der), "2001:DB8:0::1"), 1);
	assert_int_equal(chain_name_ok(buf_bytes(&der), "2001:db8::2"), 0);
	assert_int_equal(chain_name_ok(buf_bytes(&der), "::ffff:192.0.2.1"),
	    0);
	/* The common name is never asked. */
	f = (struct forge)FORGE_INIT;
	forge_cn(&f, DER_UTF8, "example.com");
	wrap(&f, &der);
	assert_int_equal(chain_name_ok(buf_bytes(&der), "example.com"), 0);
	assert_int_equal(chain_name_ok((struct span){ der.p, 9 }, "a"), -1);
	/* GeneralNames that end within one. */
	f = (struct forge)FORGE_INIT;
	buf_add(&f.san, "\x82\x05" "a", 3);
	wrap(&f, &der);
	assert_int_equal(chain_name_ok(buf_bytes(&der), "a"), -1);
	buf_free(&der);
}

/* The names of a leaf: what is a fault, and what is none. */

static const char *
fault(struct forge *f, struct buf *der)
{
	struct chain_cert	c;
	const char		*s;

	wrap(f, der);
	assert_int_equal(chain_cert_read(buf_bytes(der), &c, NULL), 0);
	s = chain_name_fault(&c);
	chain_cert_free(&c);
	return s;
}

static void
test_dns_form(void **state)
{
	static const struct {
		const char	*san;
		int		 good;
	} table[] = {
		{ "example.com", 1 }, { "*.example.com", 1 },
		{ "a-b.example", 1 }, { "localhost", 1 }, { "1.example", 1 },
		{ "xn--bcher-kva.example", 1 }, { "foo_bar.example.com", 0 },
		{ ".example.com", 0 }, { "example.com.", 0 },
		{ "a..example", 0 }, { "", 0 }, { "*", 0 }, { "*.", 0 },
		{ "-a.example", 0 }, { "a-.example", 0 },
		{ "a.example-", 0 }, { "w*.example.com", 0 },
		{ "foo.*.example", 0 }, { "8.8.8.8", 0 },
		{ "example.123", 0 }, { "ex ample.com", 0 },
		{ "b\xc3\xbc" "cher.example", 0 }
	};
	struct forge	f;
	struct buf	der = BUF_INIT;
	char		label[66];
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		f = (struct forge)FORGE_INIT;
		forge_cn(&f, DER_UTF8, "words");
		forge_dns(&f, table[i].san);
		if ((fault(&f, &der) == NULL) != table[i].good)
			fail_msg("%s", table[i].san);
	}
	/* RFC 1035, 2.3.4: labels of 63 bytes. */
	memset(label, 'a', sizeof(label));
	for (i = 63; i <= 64; i++) {
		f = (struct forge)FORGE_INIT;
		forge_cn(&f, DER_UTF8, "words");
		forge_san(&f, 0x82, label, i);
		assert_int_equal(fault(&f, &der) == NULL, i == 63);
	}
	f = (struct forge)FORGE_INIT;
	forge_cn(&f, DER_UTF8, "words");
	put_ip(&f, "\xc0\x00\x02\x02\xff\xff\xff\xff", 8);
	assert_non_null(fault(&f, &der));
	/* No name at all; an empty subject beside one that is not critical. */
	f = (struct forge)FORGE_INIT;
	forge_cn(&f, DER_UTF8, "www.example.com");
	assert_non_null(fault(&f, &der));
	f = (struct forge)FORGE_INIT;
	forge_dns(&f, "www.example.com");
	assert_non_null(strstr(fault(&f, &der), "4.2.1.6"));
	buf_free(&der);
}

static void
test_cn(void **state)
{
	static const struct {
		const char	*cn;
		int		 good;
	} table[] = {
		{ "www.example.com", 1 }, { "mail.example.org", 1 },
		{ "192.0.2.1", 1 }, { "2001:db8::1", 1 },
		{ "words of a name", 1 }, { "localhost", 1 },
		/* A domain above one of the names. */
		{ "example.com", 1 },
		{ "notinsan.example.com", 0 }, { "example.net", 0 },
		{ "WWW.example.com", 0 }, { "xn--nxasmq6b.com", 0 },
		{ "t\xc3\xa4st.example.com", 0 },
		{ "192.000.002.001", 0 }, { "0xC0000201", 0 },
		{ "192.0.2.2", 0 }, { "2001:DB8::1", 0 },
		{ "2001:0db8:0:0:0:0:0:1", 0 }
	};
	struct forge	f;
	struct buf	der = BUF_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i <= sizeof(table) / sizeof(table[0]); i++) {
		f = (struct forge)FORGE_INIT;
		if (i == sizeof(table) / sizeof(table[0]))
			/* A zero byte hides the rest from some readers. */
			forge_rdn(&f, 3, DER_UTF8, "www.example.com\0.evil",
			    21);
		else
			forge_cn(&f, DER_UTF8, table[i].cn);
		forge_dns(&f, "www.example.com");
		forge_dns(&f, "mail.example.org");
		put_ip(&f, "\xc0\x00\x02\x01", 4);
		put_ip(&f, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
		if ((fault(&f, &der) == NULL) !=
		    (i < sizeof(table) / sizeof(table[0]) && table[i].good))
			fail_msg("%zu", i);
	}
	buf_free(&der);
}

/* Common names times names: at the cap, and one common name above it. */
static void
test_cn_work(void **state)
{
	struct forge	f;
	struct buf	der = BUF_INIT;
	size_t		i, n;

	(void)state;
	for (n = 1024; n <= 1025; n++) {
		f = (struct forge)FORGE_INIT;
		for (i = 0; i < n; i++)
			forge_cn(&f, DER_UTF8, "words");
		for (i = 0; i < LIMIT_CHAIN_NAMES / 1024; i++)
			forge_dns(&f, "a.example");
		assert_int_equal(fault(&f, &der) == NULL, n == 1024);
	}
	buf_free(&der);
}

/* --- distinguished names --- */

static void
canon(struct forge *f, struct buf *out)
{
	struct buf	name = BUF_INIT;

	buf_reset(out);
	forge_tlv(&name, DER_SEQ, f->subject.p, f->subject.n);
	assert_int_equal(dn_canon(buf_bytes(&name), out), 0);
	buf_free(&name);
	buf_free(&f->subject);
}

static int
same(uint8_t ta, const char *a, uint8_t tb, const char *b)
{
	struct forge	f = FORGE_INIT, g = FORGE_INIT;
	struct buf	x = BUF_INIT, y = BUF_INIT;
	int		r;

	forge_cn(&f, ta, a);
	forge_cn(&g, tb, b);
	canon(&f, &x);
	canon(&g, &y);
	r = x.n == y.n && memcmp(x.p, y.p, x.n) == 0;
	buf_free(&x);
	buf_free(&y);
	return r;
}

static void
test_dn(void **state)
{
	struct forge	f = FORGE_INIT;
	struct buf	x = BUF_INIT, y = BUF_INIT;

	(void)state;
	assert_true(same(DER_UTF8, "A  b", DER_PRINTABLE, " a b "));
	assert_true(same(DER_UTF8, "\xc3\xa4", DER_TELETEX, "\xe4"));
	assert_false(same(DER_UTF8, "ab", DER_UTF8, "a b"));
	assert_false(same(DER_UTF8, "a", DER_UTF8, "b"));
	/* What is no text is compared byte by byte. */
	assert_false(same(DER_OCTETS, "A", DER_OCTETS, "a"));
	assert_false(same(DER_UTF8, "\xff", DER_UTF8, "\xfe"));
	/* A subtree is a beginning, RDN by RDN. */
	forge_cn(&f, DER_UTF8, "a");
	canon(&f, &x);
	f = (struct forge)FORGE_INIT;
	forge_cn(&f, DER_UTF8, "A");
	forge_cn(&f, DER_UTF8, "b");
	canon(&f, &y);
	assert_true(y.n > x.n && memcmp(x.p, y.p, x.n) == 0);
	f = (struct forge)FORGE_INIT;
	forge_cn(&f, DER_UTF8, "ab");
	canon(&f, &y);
	assert_memory_not_equal(x.p, y.p, x.n);
	buf_reset(&x);
	assert_int_equal(dn_canon(SPAN_STR("\x30\x02\x31\x00"), &x), -1);
	assert_int_equal(dn_canon(SPAN_STR("\x31"), &x), -1);
	buf_free(&x);
	buf_free(&y);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_covers_ip),
		cmocka_unit_test(test_dns_form),
		cmocka_unit_test(test_cn),
		cmocka_unit_test(test_cn_work),
		cmocka_unit_test(test_dn)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
