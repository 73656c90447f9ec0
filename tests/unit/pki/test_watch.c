#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "base/enc.h"
#include "pki/watch.h"
#include "pki/watch_img.h"
#include "tests/unit/pki/forge.h"
#include "tests/unit/pki/set.h"

/* Match the forged certificate; the number of hits. */
static int
match(const struct set *t, struct forge *f, struct watch_hit *hits)
{
	struct buf	tbs = BUF_INIT, exact;
	struct der_tbs	d;
	struct err	e = ERR_INIT;
	int		r;

	forge_done(f, &tbs);
	/* Exactly as many bytes as there are, so that ASan sees more. */
	exact.p = malloc(tbs.n);
	memcpy(exact.p, tbs.p, tbs.n);
	if (der_tbs((struct span){ exact.p, tbs.n }, &d, &e) == -1)
		fail_msg("%s", e.msg);
	r = watch_tbs(&t->s, &d, hits, MAX);
	free(exact.p);
	buf_free(&tbs);
	return r;
}

/* The hits as "pattern=name pattern=name", sorted by nothing. */
static const char *
hits_text(const struct set *t, const struct watch_hit *hits, int n)
{
	static char	text[8192];
	size_t		k = 0;
	int		i;

	text[0] = '\0';
	for (i = 0; i < n; i++)
		k += (size_t)snprintf(text + k, sizeof(text) - k, "%s%s=%s",
		    i == 0 ? "" : " ", watch_text(&t->s, hits[i].watch),
		    hits[i].name);
	return text;
}

/* One name in a SAN (or, for cn, in the subject) and whether it matches. */
struct one {
	const char	*kind;
	const char	*name;
	const char	*want;		/* NULL: no hit */
};

static const struct one	sans[] = {
	{ "exact", "acme-watch00.test", ".acme-watch00.test" },
	{ "exact", "a1.test", ".a1.test" },
	{ "exact", "0-9.example", ".0-9.example" },
	{ "exact", LONG63 ".test", "." LONG63 ".test" },
	{ "sub", "www.acme-watch00.test", ".acme-watch00.test" },
	{ "deep", "a.very.deep.label.chain.acme-watch00.test",
	    ".acme-watch00.test" },
	{ "wildcard", "*.acme-watch00.test", ".acme-watch00.test" },
	{ "wildcard-deep", "*.dev.acme-watch00.test", ".acme-watch00.test" },
	{ "mixed-case", "wWW.aCmE-wAtCh00.TEST", ".acme-watch00.test" },
	{ "trailing-dot", "acme-watch00.test.", ".acme-watch00.test" },
	{ "trailing-dots", "acme-watch00.test...", ".acme-watch00.test" },
	{ "underscore", "_acme-challenge.acme-watch00.test",
	    ".acme-watch00.test" },
	{ "a-label", "www.XN--BCHER-KVA.idn40.test",
	    ".xn--bcher-kva.idn40.test" },
	/* odd */
	{ "covering-wildcard", "*.corp30.example", ".vpn.corp30.example" },
	{ "covering-wildcard", "*.eu.corp32.example",
	    ".sso.eu.corp32.example" },
	{ "covering-part", "v*n.corp30.example", ".vpn.corp30.example" },
	{ "http-prefix", "http://www.acme-watch00.test",
	    ".acme-watch00.test" },
	{ "leading-space", " www.acme-watch00.test", ".acme-watch00.test" },
	{ "url-path", "www.acme-watch00.test/login", ".acme-watch00.test" },
	{ "url-all", "https://u:p@acme-watch00.test:443/x y?q#f",
	    ".acme-watch00.test" },
	{ "port", "acme-watch00.test:8443", ".acme-watch00.test" },
	{ "mail", "root@acme-watch00.test", ".acme-watch00.test" },
	{ "list", "x.org,acme-watch00.test", ".acme-watch00.test" },
	{ "san-ulabel-utf8", "b\xc3\xbc" "cher.idn40.test",
	    ".xn--bcher-kva.idn40.test" },
	{ "san-ulabel-upper", "B\xc3\x9c" "CHER.idn40.test",
	    ".xn--bcher-kva.idn40.test" },
	{ "san-ulabel-latin1", "www.b\xfc" "cher.idn40.test",
	    ".xn--bcher-kva.idn40.test" },
	{ "san-ulabel-cn", "\xe4\xb8\xad\xe5\x9b\xbd.idn42.test",
	    ".xn--fiqs8s.idn42.test" },
	{ "wide-dot", "\xe4\xb8\xad\xe5\x9b\xbd\xe3\x80\x82idn42.test",
	    ".xn--fiqs8s.idn42.test" },
	{ "bad-u-label", "\xc3\xbc\xcc\x81\xe2\x80\x8b!.acme-watch00.test",
	    ".acme-watch00.test" },
	{ "wildcard-ulabel", "*.b\xc3\xbc" "cher.idn40.test",
	    ".xn--bcher-kva.idn40.test" },
	/* near */
	{ "no-dot-prefix", "notacme-watch00.test", NULL },
	{ "no-dot-prefix", "www.my-acme-watch00.test", NULL },
	{ "suffix-more", "acme-watch00.test.foo.com", NULL },
	{ "suffix-more", "www.acme-watch00.test.evil.org", NULL },
	{ "suffix-more-latin1", "\xfc.acme-watch00.test.evil.org", NULL },
	{ "tld-longer", "www.acme-watch00.tests", NULL },
	{ "tld-longer", "acme-watch00.test-x", NULL },
	{ "tld-shorter", "www.acme-watch00.tes", NULL },
	{ "typo", "www.acme-vatch00.test", NULL },
	{ "hyphen-for-dot", "acme-watch00-test.com", NULL },
	{ "parent", "corp30.example", NULL },
	{ "sibling", "mail.corp30.example", NULL },
	{ "sibling-wildcard", "*.mail.corp30.example", NULL },
	{ "part-elsewhere", "w*n.corp30.example", NULL },
	{ "wildcard-above", "*.corp32.example", NULL },
	{ "wildcard-no-dot", "*.xacme-watch00.test", NULL },
	{ "partial-label", "www.watch00.test", NULL },
	{ "star", "*", NULL },
	{ "dots", "...", NULL },
	{ "empty", "", NULL },
	{ "tld", "test", NULL }
};

static const struct one	cns[] = {
	{ "cn-only", "acme-watch00.test", ".acme-watch00.test" },
	{ "cn-ulabel", "b\xc3\xbc" "cher.idn40.test",
	    ".xn--bcher-kva.idn40.test" },
	{ "cn-space-around", " acme-watch00.test ", ".acme-watch00.test" },
	{ "cn-url", "http://acme-watch00.test/", ".acme-watch00.test" },
	{ "cn-with-space", "Admin of acme-watch00.test", NULL },
	{ "cn-mail", "admin@acme-watch00.test", NULL }
};

static void
expect(const struct set *t, const struct one *o, struct forge *f)
{
	struct watch_hit	hits[MAX];
	int			n = match(t, f, hits);

	if (n != (o->want != NULL) || (n == 1 &&
	    strcmp(watch_text(&t->s, hits[0].watch), o->want) != 0))
		fail_msg("%s \"%s\": %d hits: %s", o->kind, o->name, n,
		    hits_text(t, hits, n));
}

static void
test_kinds(void **state)
{
	struct set	t = set_of(dotted);
	struct forge	f;
	size_t		i, j;

	(void)state;
	for (j = 0; j < 2; j++) {
		watch_force_portable((int)j);
		for (i = 0; i < sizeof(sans) / sizeof(sans[0]); i++) {
			f = (struct forge)FORGE_INIT;
			forge_dns(&f, sans[i].name);
			expect(&t, &sans[i], &f);
			f = (struct forge)FORGE_INIT;
			forge_cn(&f, DER_UTF8, "x.org");
			forge_dns(&f, "foo.org");
			forge_dns(&f, sans[i].name);
			forge_dns(&f, "www.foo.org");
			expect(&t, &sans[i], &f);
		}
		for (i = 0; i < sizeof(cns) / sizeof(cns[0]); i++) {
			f = (struct forge)FORGE_INIT;
			forge_cn(&f, DER_UTF8, cns[i].name);
			expect(&t, &cns[i], &f);
			f = (struct forge)FORGE_INIT;
			forge_cn(&f, DER_PRINTABLE, cns[i].name);
			forge_dns(&f, "foo.org");
			expect(&t, &cns[i], &f);
		}
	}
	watch_force_portable(0);
	set_free(&t);
}

/* Kinds that need more than one name or another place. */
static void
test_kinds_special(void **state)
{
	static const char	d[] = "acme-watch00.test";
	struct one		yes = { "", "", ".acme-watch00.test" };
	struct one		no = { "", "", NULL };
	struct set		t = set_of(dotted);
	struct watch_hit	hits[MAX];
	struct forge		f = FORGE_INIT;
	struct buf		b = BUF_INIT;
	char			name[64];
	size_t			i;

	(void)state;
	yes.kind = "late-san";
	for (i = 0; i < 99; i++) {
		snprintf(name, sizeof(name), "h%02zu.foo.org", i);
		forge_dns(&f, name);
	}
	forge_dns(&f, "last.acme-watch00.test");
	expect(&t, &yes, &f);

	yes.kind = "with-ip-email-uri";
	f = (struct forge)FORGE_INIT;
	forge_san(&f, 0x87, "\xc0\x00\x02\x07", 4);
	forge_san(&f, 0x81, "hostmaster@foo.org", 18);
	forge_san(&f, 0x86, "https://foo.org/", 16);
	forge_dns(&f, "mail.acme-watch00.test");
	expect(&t, &yes, &f);

	f = (struct forge)FORGE_INIT;
	forge_dns(&f, "m.northwind-watch01.example");
	forge_dns(&f, "m.acme-watch00.test");
	assert_int_equal(match(&t, &f, hits), 2);

	yes.kind = "nul-byte";
	f = (struct forge)FORGE_INIT;
	forge_dns(&f, "foo.org");
	forge_san(&f, 0x82, "www.acme-watch00.test\0.evil.com", 31);
	expect(&t, &yes, &f);

	yes.kind = "cn-bmpstring";
	for (i = 0; i < strlen(d); i++)
		buf_u16(&b, (uint16_t)d[i]);
	f = (struct forge)FORGE_INIT;
	forge_rdn(&f, 3, DER_BMP, b.p, b.n);
	forge_dns(&f, "foo.org");
	assert_int_equal(match(&t, &f, hits), 1);
	assert_string_equal(hits[0].name, d);
	buf_reset(&b);

	yes.kind = "cn-universalstring";
	for (i = 0; i < strlen(d); i++)
		buf_u32(&b, (uint32_t)d[i]);
	f = (struct forge)FORGE_INIT;
	forge_rdn(&f, 3, DER_UNIVERSAL, b.p, b.n);
	expect(&t, &yes, &f);

	/* A common name of 1,001 bytes, and of 1,000. */
	yes.kind = "oversized";
	for (i = LIMIT_NAME_BYTES; i <= LIMIT_NAME_BYTES + 1; i++) {
		buf_reset(&b);
		while (b.n < i - strlen(d) - 1)
			buf_u8(&b, 'a');
		buf_u8(&b, '.');
		buf_str(&b, d);
		assert_int_equal(b.n, i);
		f = (struct forge)FORGE_INIT;
		forge_dns(&f, "foo.org");
		forge_cn(&f, DER_UTF8, buf_text(&b));
		expect(&t, &yes, &f);
	}

	no.kind = "email-san, uri-san, in-organization, in-crldp";
	f = (struct forge)FORGE_INIT;
	forge_cn(&f, DER_UTF8, "foo.org");
	forge_dns(&f, "foo.org");
	forge_san(&f, 0x81, "admin@acme-watch00.test", 23);
	forge_san(&f, 0x86, "https://acme-watch00.test/", 26);
	forge_rdn(&f, 10, DER_UTF8, "www.acme-watch00.test", 21);
	forge_ext(&f.exts, "\x55\x1d\x1f", 3, 0,
	    "http://crl.acme-watch00.test/x.crl", 34);
	expect(&t, &no, &f);
	buf_free(&b);
	set_free(&t);
}

/* Each length of a name, with a watch at its end. */
static void
test_lengths(void **state)
{
	struct set		t = set_of(".w.test\n");
	struct watch_hit	hits[MAX];
	struct forge		f;
	char			name[301];
	size_t			n, i, j;

	(void)state;
	for (j = 0; j < 2; j++) {
		watch_force_portable((int)j);
		for (n = 7; n <= 300; n++) {
			for (i = 0; i < n; i++)
				name[i] = i % 40 == 39 ? '.' : 'A';
			memcpy(name + n - 6, "W.tEst", 7);
			name[n - 7] = '.';
			f = (struct forge)FORGE_INIT;
			forge_dns(&f, name);
			if (match(&t, &f, hits) != 1)
				fail_msg("length %zu", n);
			name[n - 7] = 'x';
			f = (struct forge)FORGE_INIT;
			forge_dns(&f, name);
			if (match(&t, &f, hits) != 0)
				fail_msg("length %zu, near", n);
		}
	}
	watch_force_portable(0);
	set_free(&t);
}

static void
test_patterns(void **state)
{
	struct set	t = set_of("example.com\n.example.com\nwww.example.com\n"
			    "192.0.2.0/24\n192.0.2.7\n2001:db8::/32\n.de\n");
	static const struct {
		const char	*name;
		const char	*want;
	} cases[] = {
		{ "example.com", "example.com=example.com "
		    ".example.com=example.com" },
		{ "EXAMPLE.com", "example.com=EXAMPLE.com "
		    ".example.com=EXAMPLE.com" },
		{ "*.com", ".example.com=*.com example.com=*.com" },
		{ "*.example.com", "www.example.com=*.example.com "
		    ".example.com=*.example.com" },
		{ "a.example.com", ".example.com=a.example.com" },
		{ "a.www.example.com", ".example.com=a.www.example.com" },
		{ "192.0.2.7", "192.0.2.0/24=192.0.2.7 192.0.2.7=192.0.2.7" },
		{ "192.0.3.7", "" },
		{ "2001:db8::1", "2001:db8::/32=2001:db8::1" },
		{ "2001:db9::1", "" },
		{ "de", ".de=de" },
		{ "*.de", ".de=*.de" },
		{ "b\xc3\xbc" "cher.DE", ".de=b\xc3\xbc" "cher.DE" },
		{ "xde", "" }
	};
	struct watch_hit	hits[MAX];
	struct forge		f = FORGE_INIT;
	size_t			i;
	int			n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = watch_name(&t.s, cases[i].name, hits, MAX);
		if (n < 0 || n > MAX)
			fail_msg("%s: %d", cases[i].name, n);
		assert_int_equal(strlen(hits_text(&t, hits, n)),
		    strlen(cases[i].want));
	}
	n = watch_name(&t.s, "example.com", hits, 1);
	assert_int_equal(n, 2);
	assert_int_equal(watch_name(&t.s, "example.com", hits, 2), 2);
	assert_int_equal(watch_name(&t.s, "example.com", NULL, 0), 1);

	forge_san(&f, 0x87, "\xc0\x00\x02\x07", 4);
	assert_int_equal(match(&t, &f, hits), 2);
	assert_string_equal(hits[0].name, "192.0.2.7");
	f = (struct forge)FORGE_INIT;
	forge_san(&f, 0x87, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x08",
	    16);
	assert_int_equal(match(&t, &f, hits), 1);
	f = (struct forge)FORGE_INIT;
	forge_san(&f, 0x87, "\xc0\x00\x02", 3);
	assert_int_equal(match(&t, &f, hits), 0);
	f = (struct forge)FORGE_INIT;
	forge_cn(&f, DER_UTF8, "192.0.2.9");
	assert_int_equal(match(&t, &f, hits), 1);
	/* What cannot be walked says so. */
	f = (struct forge)FORGE_INIT;
	forge_san(&f, 0xa2, "\x16\x01\x61", 3);
	assert_int_equal(match(&t, &f, hits), -1);
	set_free(&t);
}

static void
test_all_and_keys(void **state)
{
	struct watch_build	*b = watch_build_new();
	struct watch_hit	 hits[MAX];
	struct forge		 f = FORGE_INIT;
	struct set		 t;
	uint8_t			 h[32];
	char			 spki[80] = "SPKI:";
	const char		*not[] = { ".quiet.org" };
	struct err		 e = ERR_INIT;

	(void)state;
	sha_256(h, "\x30\x03\x02\x01\x01", 5);
	enc_hex_to(spki + 5, h, 32);
	assert_int_equal(watch_build_add(b, spki, NULL, 0, &e), 0);
	assert_int_equal(watch_build_add(b, ".", not, 1, &e), 0);
	set_open(&t, b);
	forge_dns(&f, "a.org");
	assert_int_equal(match(&t, &f, hits), 2);
	f = (struct forge)FORGE_INIT;
	assert_int_equal(match(&t, &f, hits), 2);
	f = (struct forge)FORGE_INIT;
	forge_dns(&f, "a.quiet.org");
	assert_int_equal(match(&t, &f, hits), 1);
	assert_string_equal(hits[0].name, "a.quiet.org");
	set_free(&t);
}

static void
test_exclude(void **state)
{
	const char		*not[] = { ".dev.a.org", "x.a.org",
				    "b\xc3\xbc.a.org" };
	const char		*fewer[] = { "x.a.org" };
	const char		*wrong[] = { "." };
	struct watch_build	*b = watch_build_new();
	struct watch_hit	 hits[MAX];
	struct forge		 f = FORGE_INIT;
	struct err		 e = ERR_INIT;
	struct set		 t;

	(void)state;
	assert_int_equal(watch_build_add(b, ".a.org", not, 3, &e), 0);
	assert_int_equal(watch_build_add(b, ".b.org", not, 3, &e), 0);
	assert_int_equal(watch_build_add(b, ".b.org", fewer, 1, &e), 0);
	assert_int_equal(watch_build_add(b, ".c.org", wrong, 1, &e), -1);
	assert_int_equal(watch_build_count(b), 2);
	set_open(&t, b);
	assert_int_equal(watch_name(&t.s, "dev.a.org", hits, MAX), 0);
	assert_int_equal(watch_name(&t.s, "*.DEV.a.org", hits, MAX), 0);
	assert_int_equal(watch_name(&t.s, "x.a.org", hits, MAX), 0);
	assert_int_equal(watch_name(&t.s, "y.x.a.org", hits, MAX), 1);
	assert_int_equal(watch_name(&t.s, "xn--b-eha.a.org", hits, MAX), 0);
	assert_int_equal(watch_name(&t.s, "b\xc3\xbc.a.org", hits, MAX), 0);
	/* It covers more than what is excluded. */
	assert_int_equal(watch_name(&t.s, "*.a.org", hits, MAX), 1);
	assert_int_equal(watch_name(&t.s, "notdev.a.org", hits, MAX), 1);
	/* Another name of the certificate still counts. */
	forge_dns(&f, "dev.a.org");
	forge_dns(&f, "www.a.org");
	assert_int_equal(match(&t, &f, hits), 1);
	assert_string_equal(hits[0].name, "www.a.org");
	set_free(&t);
}

static void
test_exclude_fold(void **state)
{
	const char		*not[] = { "dev.b.org", "x.b.org" };
	const char		*fewer[] = { "x.b.org" };
	const char		*many[LIMIT_WATCH_EXCLUDES + 1];
	struct watch_build	*b = watch_build_new();
	struct watch_hit	 hits[MAX];
	struct err		 e = ERR_INIT;
	struct set		 t;
	size_t			 i;

	(void)state;
	for (i = 0; i < LIMIT_WATCH_EXCLUDES + 1; i++)
		many[i] = "y.d.org";
	assert_int_equal(watch_build_add(b, ".b.org", not, 2, &e), 0);
	assert_int_equal(watch_build_add(b, ".b.org", fewer, 1, &e), 0);
	assert_int_equal(watch_build_add(b, "c.b.org", not, 2, &e), 0);
	assert_int_equal(watch_build_file(b, "c.b.org\n", 8, "f", &e), 0);
	assert_int_equal(watch_build_add(b, "d.org", many,
	    LIMIT_WATCH_EXCLUDES, &e), 0);
	assert_int_equal(watch_build_add(b, "e.org", many,
	    LIMIT_WATCH_EXCLUDES + 1, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	set_open(&t, b);
	assert_int_equal(t.s.head->nnot, 2);
	assert_int_equal(watch_name(&t.s, "dev.b.org", hits, MAX), 1);
	assert_int_equal(watch_name(&t.s, "x.b.org", hits, MAX), 0);
	set_free(&t);
}

static void
test_bytes(void **state)
{
	static const struct {
		const char	*in;
		size_t		 n;
		int		 want;
	} cases[] = {
		{ "\x82\x13www.acme-watch00.test0\x0d\x06", 24, 1 },
		{ "\x82\x11" "aCME-watch00.test", 19, 1 },
		{ "\x82\x11" "acme-watch00.test.0", 21, 1 },
		{ "xx notacme-watch00.test yy", 26, 0 },
		{ "acme-watch00.tes", 16, 0 },
		{ "\0w\0w\0w\0.\0a\0" "1\0.\0t\0e\0s\0t", 22, 1 },
		{ "x\0a\0" "1\0.\0t\0e\0s\0t\x30", 16, 1 },
		{ "", 0, 0 },
		{ ".", 1, 0 }
	};
	struct set		t = set_of(dotted);
	struct watch_hit	hits[MAX];
	struct buf		b = BUF_INIT;
	struct span		v;
	size_t			i;
	int			n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v.p = (const uint8_t *)cases[i].in;
		v.n = cases[i].n;
		n = watch_bytes(&t.s, v, hits, MAX);
		if (n != cases[i].want)
			fail_msg("bytes %zu: %d", i, n);
	}
	/* A length byte that is a letter ('E' = 69) in front of the name. */
	buf_str(&b, "\x82" "E" LONG63 ".test0");
	b.p[1] = (uint8_t)(63 + 5);
	n = watch_bytes(&t.s, buf_bytes(&b), hits, MAX);
	assert_int_equal(n, 1);
	buf_free(&b);
	set_free(&t);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_kinds_special),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_all_and_keys),
		cmocka_unit_test(test_exclude),
		cmocka_unit_test(test_exclude_fold),
		cmocka_unit_test(test_bytes)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
