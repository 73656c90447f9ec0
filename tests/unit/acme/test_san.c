#include "tests/unit/acme/acme_fixture.h"

#include "base/limit.h"
#include "pki/der.h"
#include "tests/unit/pki/forge.h"

static void
test_canon(void **state)
{
	static const struct {
		const char	*in, *out;	/* NULL: refused */
	} t[] = {
		{ "example.com", "example.com" },
		{ "WWW.Example.COM.", "www.example.com" },
		{ "*.Example.com", "*.example.com" },
		{ "b\xc3\xbc" "cher.example", "xn--bcher-kva.example" },
		{ "*.b\xc3\xbc" "cher.example", "*.xn--bcher-kva.example" },
		{ "192.0.2.1", "192.0.2.1" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "localhost", "localhost" },
		{ "", NULL }, { "*", NULL }, { "*.", NULL },
		{ "*.*.example.com", NULL }, { "w*.example.com", NULL },
		{ "a.*.example.com", NULL }, { ".example.com", NULL },
		{ "a..example.com", NULL }, { "a b.example", NULL },
		{ "a/b.example", NULL }, { "[2001:db8::1]", NULL },
		{ "192.0.2.0/24", NULL }, { "a\n.example", NULL }
	};
	char	out[NAME_TEXT];
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int	r = san_canon(t[i].in, out, NULL);

		if ((r == 0) != (t[i].out != NULL))
			fail_msg("%s: %d", t[i].in, r);
		if (r == 0)
			assert_string_equal(out, t[i].out);
	}
}

/* 253 bytes, the "*." counted. */
static void
test_long(void **state)
{
	char	s[300], out[NAME_TEXT];
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(s); i++)
		s[i] = i % 50 == 49 ? '.' : 'a';
	s[253] = '\0';
	assert_int_equal(san_canon(s, out, NULL), 0);
	assert_string_equal(out, s);
	memcpy(s, "*.", 2);
	assert_int_equal(san_canon(s, out, NULL), 0);
	assert_string_equal(out, s);
	s[253] = 'a';
	s[254] = '\0';
	assert_int_equal(san_canon(s, out, NULL), -1);
	s[0] = s[1] = 'a';
	assert_int_equal(san_canon(s, out, NULL), -1);
}

static void
test_kinds(void **state)
{
	uint8_t	ip[16];

	(void)state;
	assert_int_equal(san_ip("192.0.2.1", ip), 4);
	assert_memory_equal(ip, "\xc0\x00\x02\x01", 4);
	assert_int_equal(san_ip("2001:db8::1", ip), 16);
	assert_memory_equal(ip, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
	    16);
	assert_int_equal(san_ip("example.com", ip), 0);
	assert_int_equal(san_wild("*.example.com"), 1);
	assert_int_equal(san_wild("example.com"), 0);
}

/* Sorted, each once, in whatever way it was written. */
static void
test_of(void **state)
{
	struct san	l = NAMES("b.example", "*.a.example", "B.EXAMPLE",
			    "2001:db8::1", "2001:DB8::0:1", "a.example");
	struct err	e = ERR_INIT;
	const char	*bad[] = { "a.example", "b..example" };

	(void)state;
	assert_int_equal(l.n, 4);
	assert_string_equal(l.v[0], "*.a.example");
	assert_string_equal(l.v[1], "2001:db8::1");
	assert_string_equal(l.v[2], "a.example");
	assert_string_equal(l.v[3], "b.example");
	assert_int_equal(san_has(&l, "a.example"), 1);
	assert_int_equal(san_has(&l, "c.example"), 0);
	san_free(&l);
	assert_int_equal(san_has(&l, "a.example"), 0);
	assert_int_equal(san_of(NULL, 0, &l, &e), -1);
	assert_err(&e, ERR_FORMAT, "no names");
	san_free(&l);
	err_clear(&e);
	assert_int_equal(san_of(bad, 2, &l, &e), -1);
	assert_err(&e, ERR_FORMAT, "b..example: empty label");
	san_free(&l);
}

static void
test_limit(void **state)
{
	static char		names[LIMIT_SAN_NAMES + 1][24];
	const char		*v[LIMIT_SAN_NAMES + 1];
	struct san		l;
	struct err		e = ERR_INIT;
	struct buf		b = BUF_INIT;
	struct span		body;
	size_t			i;

	(void)state;
	for (i = 0; i <= LIMIT_SAN_NAMES; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "n%zu.example", i);
		v[i] = names[i];
	}
	assert_int_equal(san_of(v, LIMIT_SAN_NAMES, &l, NULL), 0);
	assert_int_equal(l.n, LIMIT_SAN_NAMES);
	san_put(&l, &b);
	san_free(&l);
	assert_int_equal(san_of(v, LIMIT_SAN_NAMES + 1, &l, &e), -1);
	assert_err(&e, ERR_LIMIT, "1000 names");
	san_free(&l);
	assert_int_equal(der_only(buf_bytes(&b), DER_SEQ, &body), 0);
	assert_int_equal(san_read(body, &l, NULL), 0);
	assert_int_equal(l.n, LIMIT_SAN_NAMES);
	san_free(&l);
	/* one more behind it */
	forge_tlv(&b, 0x82, "x.example", 9);
	err_clear(&e);
	assert_int_equal(der_only((struct span){ b.p, b.n - 11 }, DER_SEQ,
	    &body), 0);
	body.n += 11;
	assert_int_equal(san_read(body, &l, &e), -1);
	assert_err(&e, ERR_LIMIT, "1000 names");
	san_free(&l);
	buf_free(&b);
}

/* What is written is read again. */
static void
test_put(void **state)
{
	struct san	a = NAMES("x.example", "*.x.example", "192.0.2.1",
			    "2001:db8::1"), b;
	struct buf	der = BUF_INIT;
	struct span	body;

	(void)state;
	san_put(&a, &der);
	assert_int_equal(der_only(buf_bytes(&der), DER_SEQ, &body), 0);
	assert_int_equal(san_read(body, &b, NULL), 0);
	assert_int_equal(san_same(&a, &b, NULL), 0);
	assert_int_equal(b.n, 4);
	san_free(&a);
	san_free(&b);
	buf_free(&der);
}

/* GeneralNames of one element. */
static void
test_read(void **state)
{
	static const struct {
		uint8_t		 tag;
		const char	*p;
		size_t		 n;
		const char	*want;	/* NULL: refused with these words */
		const char	*words;
	} t[] = {
		{ 0x82, "A.Example", 9, "a.example", NULL },
		{ 0x82, "*.A.example", 11, "*.a.example", NULL },
		{ 0x82, "xn--bcher-kva.example", 21, "xn--bcher-kva.example",
		    NULL },
		{ 0x87, "\xc0\0\2\1", 4, "192.0.2.1", NULL },
		{ 0x87, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16,
		    "2001:db8::1", NULL },
		{ 0x82, "", 0, NULL, "dNSName" },
		{ 0x82, "a.example.", 10, NULL, "must be written as" },
		{ 0x82, "a\0.example", 10, NULL, "dNSName that is none" },
		{ 0x82, "b\xc3\xbc.example", 11, NULL, "must be written" },
		{ 0x82, "192.0.2.1", 9, NULL, "iPAddress" },
		{ 0x82, "2001:db8::1", 11, NULL, "iPAddress" },
		{ 0x82, "a b", 3, NULL, "dNSName" },
		{ 0x82, "*", 1, NULL, "dNSName" },
		{ 0x87, "\xc0\0\2", 3, NULL, "iPAddress of 3 octets" },
		{ 0x87, "\xc0\0\2\0\xff\xff\xff\0", 8, NULL, "8 octets" },
		{ 0x81, "a@b.example", 11, NULL, "rfc822Name" },
		{ 0x86, "https://a", 9, NULL, "uniformResourceIdentifier" },
		{ 0xa4, "\x30\x00", 2, NULL, "directoryName" },
		{ 0xa0, "", 0, NULL, "otherName" },
		{ 0x88, "\x2a", 1, NULL, "registeredID" },
		{ 0x0c, "a.example", 9, NULL, "no known kind" },
		{ 0x89, "a.example", 9, NULL, "no known kind" }
	};
	struct buf	b = BUF_INIT;
	struct san	l;
	struct err	e;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		err_clear(&e);
		forge_tlv(&b, t[i].tag, t[i].p, t[i].n);
		if (t[i].want != NULL) {
			assert_int_equal(san_read(buf_bytes(&b), &l, &e), 0);
			assert_int_equal(l.n, 1);
			assert_string_equal(l.v[0], t[i].want);
		} else {
			assert_int_equal(san_read(buf_bytes(&b), &l, &e), -1);
			assert_err(&e, ERR_FORMAT, t[i].words);
		}
		san_free(&l);
	}
	assert_int_equal(san_read((struct span){ b.p, 0 }, &l, NULL), -1);
	san_free(&l);
	assert_int_equal(san_read((struct span){ b.p, b.n - 1 }, &l, NULL),
	    -1);
	san_free(&l);
	buf_free(&b);
}

static void
test_same(void **state)
{
	struct san	a = NAMES("a.example", "b.example");
	struct san	b = NAMES("b.example", "A.example");
	struct san	more = NAMES("a.example", "b.example", "c.example");
	struct san	wild = NAMES("a.example", "*.example");
	struct err	e = ERR_INIT;

	(void)state;
	assert_int_equal(san_same(&a, &b, &e), 0);
	assert_int_equal(san_same(&a, &more, &e), -1);
	assert_err(&e, ERR_VERIFY, "c.example was not ordered");
	err_clear(&e);
	assert_int_equal(san_same(&more, &a, &e), -1);
	assert_err(&e, ERR_VERIFY, "c.example was ordered and is missing");
	/* a wildcard is a name, and covers nothing here */
	err_clear(&e);
	assert_int_equal(san_same(&a, &wild, &e), -1);
	assert_err(&e, ERR_VERIFY, "*.example was not ordered");
	san_free(&a);
	san_free(&b);
	san_free(&more);
	san_free(&wild);
}

/* A Name with one attribute 2.5.4.${type}. */
static struct buf
subject(uint8_t type, const char *s, size_t n)
{
	struct forge	f = FORGE_INIT;
	struct buf	b = BUF_INIT;

	if (s != NULL)
		forge_rdn(&f, type, DER_UTF8, s, n);
	forge_tlv(&b, DER_SEQ, f.subject.p, f.subject.n);
	buf_free(&f.subject);
	return b;
}

static void
test_subject(void **state)
{
	static const struct {
		uint8_t		 type;
		const char	*s;
		size_t		 n;
		int		 want;
	} t[] = {
		{ 3, NULL, 0, 0 }, { 3, "A.example", 9, 0 },
		{ 3, "192.0.2.1", 9, 0 }, { 10, "Some company", 12, 0 },
		{ 3, "b.example", 9, -1 }, { 3, "", 0, -1 },
		{ 3, "Some server", 11, -1 }, { 3, "a.example\0x", 11, -1 },
		{ 3, "a.example\0", 10, -1 }, { 3, "\xff\xff", 2, -1 }
	};
	struct san	l = NAMES("a.example", "192.0.2.1");
	struct buf	b;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		b = subject(t[i].type, t[i].s, t[i].n);
		assert_int_equal(san_subject(&l, buf_bytes(&b), NULL),
		    t[i].want);
		buf_free(&b);
	}
	assert_int_equal(san_subject(&l, SPAN_STR("\x30\x02\x04"), NULL), -1);
	san_free(&l);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_canon),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_of),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_subject),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
