#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/limit.h"
#include "pki/chain.h"
#include "pki/chain_nc.h"
#include "pki/chain_nc_name.h"
#include "pki/der.h"
#include "tests/unit/pki/made.h"

/* --- single names --- */

static void
test_within(void **state)
{
	static const struct {
		unsigned	 kind;
		const char	*name, *base;
		int		 within, touches;
	} table[] = {
		{ NC_DNS, "example.com", "example.com", 1, 1 },
		{ NC_DNS, "WWW.example.com", "Example.com", 1, 1 },
		{ NC_DNS, "a.b.example.com", "example.com", 1, 1 },
		{ NC_DNS, "notexample.com", "example.com", 0, 0 },
		{ NC_DNS, "com", "example.com", 0, 0 },
		{ NC_DNS, "anything", "", 1, 1 },
		/* A wildcard is all that it covers. */
		{ NC_DNS, "*.example.com", "example.com", 1, 1 },
		{ NC_DNS, "*.example.com", "foo.example.com", 0, 1 },
		{ NC_DNS, "*.example.com", "a.foo.example.com", 0, 0 },
		{ NC_DNS, "*.example.com", "example.org", 0, 0 },
		{ NC_DNS, "*.example.com", "com", 1, 1 },
		{ NC_DNS, "*", "", 1, 1 },
		{ NC_IP, "\xc0\x00\x02\x01",
		    "\xc0\x00\x02\x00\xff\xff\xff\x00", 1, 1 },
		{ NC_IP, "\xc0\x00\x03\x01",
		    "\xc0\x00\x02\x00\xff\xff\xff\x00", 0, 0 },
		{ NC_MAIL, "a@example.com", "example.com", 1, 1 },
		{ NC_MAIL, "a@EXAMPLE.com", "example.COM", 1, 1 },
		{ NC_MAIL, "a@b.example.com", "example.com", 0, 0 },
		{ NC_MAIL, "a@b.example.com", ".example.com", 1, 1 },
		{ NC_MAIL, "a@example.com", ".example.com", 0, 0 },
		{ NC_MAIL, "a@example.com", "a@example.com", 1, 1 },
		{ NC_MAIL, "A@example.com", "a@example.com", 0, 0 },
		{ NC_MAIL, "b@example.com", "*@example.com", 0, 0 },
		{ NC_URI, "http://example.com/x", "example.com", 1, 1 },
		{ NC_URI, "http://u:p@EXAMPLE.com:80?x", "example.com", 1, 1 },
		{ NC_URI, "http://a.example.com", "example.com", 0, 0 },
		{ NC_URI, "http://a.example.com", ".example.com", 1, 1 },
		{ NC_URI, "http://example.com", ".example.com", 0, 0 }
	};
	struct span	n, b;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		n = SPAN_STR(table[i].name);
		b = SPAN_STR(table[i].base);
		if (table[i].kind == NC_IP) {
			n.n = 4;
			b.n = 8;
		}
		if (nc_within(table[i].kind, n, b) != table[i].within ||
		    nc_touches(table[i].kind, n, b) != table[i].touches)
			fail_msg("%s in %s", table[i].name, table[i].base);
	}
	/* An IPv4 address is in no range of IPv6 ones. */
	n = (struct span){ (const uint8_t *)"\0\0\0\0", 4 };
	b = (struct span){ (const uint8_t *)"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32 };
	assert_false(nc_within(NC_IP, n, b));
}

static void
test_form(void **state)
{
	static const struct {
		unsigned	 kind;
		const char	*s;
		size_t		 n;		/* 0: strlen */
		int		 base, name;
	} table[] = {
		{ NC_DNS, "example.com", 0, 1, 1 },
		{ NC_DNS, "a_b.example.com", 0, 1, 1 },
		{ NC_DNS, "*.example.com", 0, 0, 1 },
		{ NC_DNS, ".example.com", 0, 0, 0 },
		{ NC_DNS, "example.com.", 0, 0, 0 },
		{ NC_DNS, "a..b", 0, 0, 0 },
		{ NC_DNS, "a.*.b", 0, 0, 0 },
		{ NC_DNS, "\xc3\xa4.b", 0, 0, 0 },
		{ NC_IP, "\x0a\0\0\0\xff\0\0\0", 8, 1, 0 },
		{ NC_IP, "\x0a\0\0\0\xff\xfe\0\0", 8, 1, 0 },
		{ NC_IP, "\x0a\0\0\0\0\0\0\0", 8, 1, 0 },
		{ NC_IP, "\x0a\0\0\0\xff\0\xff\0", 8, 0, 0 },
		{ NC_IP, "\x0a\0\0\0\xfd\0\0\0", 8, 0, 0 },
		{ NC_IP, "\x0a\0\0\0\0\x01\0\0", 8, 0, 0 },
		{ NC_IP, "\x0a\0\0\0", 4, 0, 1 },
		{ NC_IP, "\x0a\0\0\0\xff", 5, 0, 0 },
		{ NC_MAIL, "example.com", 0, 1, 0 },
		{ NC_MAIL, ".example.com", 0, 1, 0 },
		{ NC_MAIL, "a@example.com", 0, 1, 1 },
		{ NC_MAIL, "a@b@example.com", 0, 0, 0 },
		{ NC_MAIL, "@example.com", 0, 0, 0 },
		{ NC_MAIL, "a@", 0, 0, 0 },
		{ NC_URI, "example.com", 0, 1, 0 },
		{ NC_URI, ".example.com", 0, 1, 0 },
		{ NC_URI, "http://example.com", 0, 0, 1 },
		{ NC_URI, "http://192.0.2.1/", 0, 0, 0 },
		{ NC_URI, "http://[::1]/", 0, 0, 0 },
		{ NC_URI, "mailto:a@example.com", 0, 0, 0 },
		{ NC_URI, "http:", 0, 0, 0 }, { NC_URI, "://a", 0, 0, 0 }
	};
	struct span	s;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		s = SPAN_STR(table[i].s);
		if (table[i].n != 0)
			s.n = table[i].n;
		if (nc_base_ok(table[i].kind, s) != table[i].base ||
		    nc_name_ok(table[i].kind, s) != table[i].name)
			fail_msg("%zu: %s", i, table[i].s);
	}
	/* An empty dNSName constraint is all DNS names. */
	assert_true(nc_base_ok(NC_DNS, (struct span){ NULL, 0 }));
	assert_false(nc_name_ok(NC_DNS, (struct span){ NULL, 0 }));
}

/* --- paths --- */

/* root <- ca (with constraints) <- leaf. */
/* Within the budget of a search. */
static const char *
nc_of(struct chain_cert *const *path)
{
	size_t	left = LIMIT_CHAIN_NAMES;

	return chain_nc_path(path, 3, &left);
}

struct path {
	struct made		m[3];
	struct chain_cert	c[3];
	struct chain_cert	*p[3];
};

static void
path_make(struct path *t, struct made_ext nc, struct made_ext san)
{
	size_t	i;

	t->m[2] = made_cert((struct made_spec){ .cn = "Root", .ca = 1 });
	t->m[1] = made_cert((struct made_spec){ .cn = "CA", .ca = 1,
	    .issuer = &t->m[2], .ext = { nc } });
	t->m[0] = made_cert((struct made_spec){ .cn = "words",
	    .issuer = &t->m[1], .ext = { san } });
	for (i = 0; i < 3; i++) {
		assert_int_equal(chain_cert_read(buf_bytes(&t->m[i].der),
		    &t->c[i], NULL), 0);
		t->p[i] = &t->c[i];
	}
}

static void
path_free(struct path *t)
{
	size_t	i;

	for (i = 0; i < 3; i++) {
		chain_cert_free(&t->c[i]);
		made_free(&t->m[i]);
	}
}

static void
test_path(void **state)
{
	static const struct {
		const char	*nc, *san;
		int		 good;
	} table[] = {
		{ "permitted;DNS:example.com", "DNS:www.example.com", 1 },
		{ "permitted;DNS:example.com", "DNS:www.example.org", 0 },
		{ "permitted;DNS:example.com",
		    "DNS:www.example.com,DNS:www.example.org", 0 },
		{ "permitted;DNS:example.com", "IP:192.0.2.1", 1 },
		{ "permitted;DNS:example.com,permitted;DNS:example.org",
		    "DNS:www.example.com,DNS:www.example.org", 1 },
		{ "excluded;DNS:example.com", "DNS:www.example.com", 0 },
		{ "excluded;DNS:example.com", "DNS:www.example.org", 1 },
		{ "permitted;DNS:com,excluded;DNS:example.com",
		    "DNS:www.example.com", 0 },
		{ "excluded;DNS:foo.example.com", "DNS:*.example.com", 0 },
		{ "permitted;DNS:foo.example.com", "DNS:*.example.com", 0 },
		{ "excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:0::0/0::0",
		    "DNS:example.com", 1 },
		{ "excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:0::0/0::0",
		    "IP:192.0.2.1", 0 },
		{ "permitted;IP:192.0.2.0/255.255.255.0", "IP:192.0.2.9", 1 },
		{ "permitted;IP:192.0.2.0/255.255.255.0", "IP:2001:db8::1",
		    0 },
		{ "permitted;IP:192.0.2.0/255.255.0.255", "DNS:a.example",
		    0 },
		{ "permitted;DNS:.example.com", "DNS:www.example.com", 0 },
		{ "permitted;DNS:*.example.com", "DNS:www.example.com", 0 },
		{ "permitted;email:example.com", "email:a@example.com", 1 },
		{ "permitted;email:example.com", "email:a@example.org", 0 },
		{ "permitted;URI:.example.com", "URI:http://a.example.com/",
		    1 },
		{ "permitted;URI:.example.com", "URI:urn:x", 0 },
		/* A kind that is not known: only when a name has it. */
		{ "excluded;RID:1.2.3", "RID:1.2.3.4", 0 },
		{ "excluded;RID:1.2.3", "DNS:a.example", 1 },
		{ "excluded;otherName:1.2.3;UTF8:a",
		    "otherName:1.2.3;UTF8:b", 0 }
	};
	struct path	t;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		path_make(&t, (struct made_ext){ "nameConstraints",
		    table[i].nc, { NULL, 0 }, 0 },
		    (struct made_ext){ "subjectAltName", table[i].san,
		    { NULL, 0 }, 0 });
		if ((nc_of(t.p) == NULL) != table[i].good)
			fail_msg("%s: %s", table[i].nc, table[i].san);
		path_free(&t);
	}
}

/* Forms that OpenSSL's text does not make. */
static void
test_syntax(void **state)
{
	static const struct {
		const char	*der;
		size_t		 n;
	} table[] = {
		{ "\x30\x00", 2 },
		{ "\x05\x00", 2 },
		{ "\x30\x02\xa0\x00", 4 },
		{ "\x30\x02\xa1\x00", 4 },
		{ "\x30\x04\xa0\x00\xa1\x00", 6 },
		{ "\x30\x04\xa0\x02\x05\x00", 6 },
		/* The two in the wrong order; one of them twice. */
		{ "\x30\x0e\xa1\x05\x30\x03\x82\x01" "a"
		    "\xa0\x05\x30\x03\x82\x01" "a", 16 },
		{ "\x30\x0e\xa0\x05\x30\x03\x82\x01" "a"
		    "\xa0\x05\x30\x03\x82\x01" "a", 16 },
		/* minimum 1; maximum; a name of tag 9. */
		{ "\x30\x0a\xa0\x08\x30\x06\x82\x01" "a\x80\x01\x01", 12 },
		{ "\x30\x0a\xa0\x08\x30\x06\x82\x01" "a\x81\x01\x01", 12 },
		{ "\x30\x07\xa0\x05\x30\x03\x89\x01" "a", 9 },
		{ "\x30\x07\xa0\x05\x30\x03\xa4\x01\x30", 9 },
		{ "\x30\x06\xa0\x05\x30\x03\x82\x01", 8 }
	};
	struct path	t;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		path_make(&t, (struct made_ext){ "nameConstraints", NULL,
		    { (const uint8_t *)table[i].der, table[i].n }, 1 },
		    (struct made_ext){ "subjectAltName", "DNS:a",
		    { NULL, 0 }, 0 });
		if (nc_of(t.p) == NULL)
			fail_msg("%zu", i);
		path_free(&t);
	}
}

/* --- work --- */

/* n GeneralSubtrees in [0], or n names, each "xNNNNNN.a". */
static void
many(struct buf *out, size_t n, int subtrees)
{
	struct buf	b = BUF_INIT, c = BUF_INIT;
	char		name[32];
	size_t		i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "x%06zu.a", i);
		if (subtrees)
			der_put(&b, DER_SEQ, 11);
		der_put(&b, 0x82, 9);
		buf_add(&b, name, 9);
	}
	if (subtrees) {
		der_put(&c, 0xa1, b.n);
		buf_span(&c, buf_bytes(&b));
		der_put(out, DER_SEQ, c.n);
		buf_span(out, buf_bytes(&c));
	} else {
		der_put(out, DER_SEQ, b.n);
		buf_span(out, buf_bytes(&b));
	}
	buf_free(&b);
	buf_free(&c);
}

/* Excluded names that are none of the leaf's. */
static const char *
excluded(size_t ntrees, size_t nnames, size_t left)
{
	struct buf	nc = BUF_INIT, san = BUF_INIT;
	struct path	t;
	const char	*r;
	uint8_t		*p;

	many(&nc, ntrees, 1);
	many(&san, nnames, 0);
	/* Names begin with y: nothing matches. */
	for (p = san.p; p + 1 < san.p + san.n; p++)
		if (p[0] == 9 && p[1] == 'x')
			p[1] = 'y';
	path_make(&t, (struct made_ext){ "nameConstraints", NULL,
	    buf_bytes(&nc), 1 }, (struct made_ext){ "subjectAltName", NULL,
	    buf_bytes(&san), 0 });
	/* what it costs to read the constraints comes first */
	left += (nc.n + 15) / 16;
	r = chain_nc_path(t.p, 3, &left);
	path_free(&t);
	buf_free(&nc);
	buf_free(&san);
	return r;
}

static void
test_work(void **state)
{
	(void)state;
	assert_null(excluded(1024, 1024, 1 << 20));
	assert_non_null(excluded(1024, 1025, 1 << 20));
	assert_null(excluded(1, LIMIT_CHAIN_SANS, LIMIT_CHAIN_NAMES));
	assert_non_null(excluded(1, LIMIT_CHAIN_SANS + 1,
	    LIMIT_CHAIN_NAMES));
	/* This would be 10^9 comparisons. */
	assert_non_null(excluded(10000, 100000, LIMIT_CHAIN_NAMES));
}

/* A budget is one for all paths: two that it is enough for, not three. */
static void
test_shared(void **state)
{
	static const struct made_ext	dns = { "nameConstraints",
	    "critical,permitted;DNS:example.com", { NULL, 0 }, 0 };
	static const struct made_ext	san = { "subjectAltName",
	    "DNS:www.example.com", { NULL, 0 }, 0 };
	struct path	t;
	size_t		left, cost, i;

	(void)state;
	path_make(&t, dns, san);
	left = 100000;
	assert_null(chain_nc_path(t.p, 3, &left));
	cost = 100000 - left;
	assert_true(cost > 0);
	left = 2 * cost;
	for (i = 0; i < 3; i++)
		assert_int_equal(chain_nc_path(t.p, 3, &left) == NULL, i < 2);
	path_free(&t);
}

/* Self-issued certificates are left out, but for the leaf. */
static void
test_self_issued(void **state)
{
	static const char	san[] = "\x30\x07\x82\x05" "other";
	const struct made_ext	other = { "subjectAltName", NULL,
				    { (const uint8_t *)san, 9 }, 0 };
	const struct made_ext	dns = { "nameConstraints",
				    "critical,permitted;DNS:example.com",
				    { NULL, 0 }, 0 };
	struct chain_cert	c[3], *p[3] = { &c[0], &c[1], &c[2] };
	struct made		m[3];
	size_t			i;

	(void)state;
	m[2] = made_cert((struct made_spec){ .cn = "Root", .ca = 1,
	    .ext = { dns } });
	m[1] = made_cert((struct made_spec){ .cn = "Root", .ca = 1,
	    .issuer = &m[2], .ext = { other } });
	m[0] = made_cert((struct made_spec){ .cn = "words",
	    .issuer = &m[1] });
	for (i = 0; i < 3; i++)
		assert_int_equal(chain_cert_read(buf_bytes(&m[i].der), &c[i],
		    NULL), 0);
	assert_null(nc_of(p));
	made_free(&m[0]);
	m[0] = made_cert((struct made_spec){ .cn = "Root", .issuer = &m[1],
	    .ext = { other } });
	assert_int_equal(chain_cert_read(buf_bytes(&m[0].der), &c[0], NULL),
	    0);
	assert_non_null(nc_of(p));
	for (i = 0; i < 3; i++)
		made_free(&m[i]);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_within),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_work),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_self_issued)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
