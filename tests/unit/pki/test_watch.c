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

#define MAX	64

/* A set under test with its image. */
struct set {
	struct buf		image;
	struct watch_set	s;
};

static void
set_open(struct set *t, struct watch_build *b)
{
	struct err	e = ERR_INIT;
	struct buf	im = BUF_INIT;

	watch_build_done(b, &im);
	t->image = im;
	if (watch_open(&t->s, im.p, im.n, &e) == -1)
		fail_msg("%s", e.msg);
}

static struct set
set_of(const char *text)
{
	struct watch_build	*b = watch_build_new();
	struct set		 t;
	struct err		 e = ERR_INIT;

	if (watch_build_file(b, text, strlen(text), "test", &e) == -1)
		fail_msg("%s", e.msg);
	set_open(&t, b);
	return t;
}

static void
set_free(struct set *t)
{
	buf_free(&t->image);
}

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

#define LONG63 "lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"

static const char	dotted[] =
    ".acme-watch00.test\n.northwind-watch01.example\n.vpn.corp30.example\n"
    ".sso.eu.corp32.example\n.xn--bcher-kva.idn40.test\n"
    ".xn--mnchen-3ya.idn41.test\n.xn--fiqs8s.idn42.test\n"
    ".xn--caf-dma.idn43.test\n.xn--80aswg.idn44.test\n.a1.test\n"
    ".0-9.example\n.x--y.test\n." LONG63 ".test\n.co.uk.test\n";

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
test_canon(void **state)
{
	static const struct {
		const char	*in;
		const char	*want;		/* NULL: refused */
		const char	*says;
	} cases[] = {
		{ "Example.COM.", "example.com", NULL },
		{ ".Example.com", ".example.com", NULL },
		{ ".", ".", NULL },
		{ "b\xc3\xbc" "cher.example", "xn--bcher-kva.example", NULL },
		{ ".B\xc3\x9c" "CHER.example", ".xn--bcher-kva.example",
		    NULL },
		{ "com", "com", NULL },
		{ "192.0.2.7", "192.0.2.7", NULL },
		{ "192.0.2.0/24", "192.0.2.0/24", NULL },
		{ "192.0.2.7/32", "192.0.2.7", NULL },
		{ "0.0.0.0/0", "0.0.0.0/0", NULL },
		{ "2001:DB8:0:0::/32", "2001:db8::/32", NULL },
		{ "2001:db8::1", "2001:db8::1", NULL },
		{ "192.0.2.7/24", NULL, "192.0.2.0/24" },
		{ "192.0.2.7/33", NULL, "neither" },
		{ "192.0.2.7/", NULL, "neither" },
		{ "192.0.2", NULL, "neither" },
		{ ".192.0.2.7", NULL, "no top-level" },
		{ "spki:00", NULL, "64 hex" },
		{ "*.example.com", NULL, "write \".example.com\"" },
		{ "a..b", NULL, "empty label" },
		{ "..", NULL, "empty label" },
		{ "", NULL, "no name" },
		{ "exa mple.com", NULL, "0x20" },
		{ "a_b.example", "a_b.example", NULL },
		{ LONG63 ".test", LONG63 ".test", NULL },
		{ LONG63 "l.test", NULL, "64 bytes" },
		{ LONG63 "." LONG63 "." LONG63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", LONG63 "." LONG63 "."
		    LONG63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaa", NULL },
		{ LONG63 "." LONG63 "." LONG63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, "253" }
	};
	char			out[WATCH_TEXT];
	struct err		e;
	size_t			i;
	int			r;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err_clear(&e);
		r = watch_canon(cases[i].in, out, &e);
		if (r != (cases[i].want != NULL ? 0 : -1) || (r == 0 &&
		    strcmp(out, cases[i].want) != 0))
			fail_msg("%s: %d %s %s", cases[i].in, r,
			    r == 0 ? out : "", e.msg);
		if (r == -1 && strstr(e.msg, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].in, e.msg);
	}
}

static void
test_file(void **state)
{
	static const char	text[] = "\xef\xbb\xbf# ours\r\n\r\n"
	    "  .Example.com   # main\r\nexample.org\n\nexample.org\n"
	    "192.0.2.7\n.x--y.test";
	struct watch_build	*b = watch_build_new();
	struct err		 e = ERR_INIT;
	struct set		 t, u;

	(void)state;
	assert_int_equal(watch_build_file(b, text, sizeof(text) - 1, "w.txt",
	    &e), 0);
	assert_int_equal(watch_build_count(b), 4);
	assert_int_equal(watch_build_file(b, "a.b\nok.org\nx..y\n", 16,
	    "w.txt", &e), -1);
	assert_non_null(strstr(e.msg, "w.txt:3: "));
	err_clear(&e);
	assert_int_equal(watch_build_file(b, "a\0b\n", 4, "n", &e), -1);
	set_open(&t, b);
	u = set_of("ok.org\na.b\n.x--y.test\nexample.org\n192.0.2.7\n"
	    ".example.com\n");
	assert_int_equal(watch_count(&t.s), 6);
	assert_memory_equal(watch_sha256(&t.s), watch_sha256(&u.s), 32);
	set_free(&t);
	set_free(&u);
	t = set_of("");
	assert_int_equal(watch_count(&t.s), 0);
	assert_int_equal(watch_name(&t.s, "a.b", NULL, 0), 0);
	set_free(&t);
	watch_build_free(NULL);
}

static void
test_sha256(void **state)
{
	static const char	want[] = ".b.org\na.org !x.org !y.org\n";
	const char		*not[] = { "y.org", "x.org", "y.org" };
	struct watch_build	*b = watch_build_new();
	struct set		 t;
	uint8_t			 h[32];

	(void)state;
	assert_int_equal(watch_build_add(b, "a.org", not, 3, NULL), 0);
	assert_int_equal(watch_build_add(b, ".b.org", NULL, 0, NULL), 0);
	set_open(&t, b);
	sha_256(h, want, sizeof(want) - 1);
	assert_memory_equal(watch_sha256(&t.s), h, 32);
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

/* Every byte of a small image changed: opened or refused, never worse. */
static void
test_image(void **state)
{
	struct set		 t = set_of(dotted);
	struct watch_hit	 hits[MAX];
	struct watch_set	 s;
	struct err		 e;
	uint8_t			 old;
	size_t			 i, refused = 0;

	(void)state;
	for (i = 0; i < t.image.n; i++) {
		old = t.image.p[i];
		t.image.p[i] = (uint8_t)~old;
		err_clear(&e);
		if (watch_open(&s, t.image.p, t.image.n, &e) == -1)
			refused++;
		else
			(void)watch_name(&s, "*.www.corp30.example", hits,
			    MAX);
		t.image.p[i] = old;
	}
	assert_true(refused > sizeof(dotted));
	for (i = 0; i < t.image.n; i += 8)
		assert_int_equal(watch_open(&s, t.image.p, i, NULL), -1);
	set_free(&t);
}

static int
text_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The order in which patterns are summed is that of strcmp. */
static void
test_sum_order(void **state)
{
	enum { N = 3000 };
	struct watch_build	*b = watch_build_new();
	struct set		 t;
	struct sha_ctx		 c;
	char			*text[N];
	uint8_t			 h[32];
	unsigned		 i, x = 7;

	(void)state;
	for (i = 0; i < N; i++) {
		x = x * 1664525 + 1013904223;
		text[i] = mem_printf("%s%s%s%u-%u.%s", i % 2 ? "." : "",
		    i % 3 ? "the-same-beginning-for-many" : "",
		    i % 5 ? "x" : "-", x >> (x & 15), i,
		    i % 7 ? "org" : "the.same.end.org");
		assert_int_equal(watch_build_add(b, text[i], NULL, 0, NULL),
		    0);
	}
	set_open(&t, b);
	qsort(text, N, sizeof(text[0]), text_cmp);
	sha_init(&c);
	for (i = 0; i < N; i++) {
		sha_update(&c, text[i], strlen(text[i]));
		sha_update(&c, "\n", 1);
		free(text[i]);
	}
	sha_final(&c, h);
	assert_memory_equal(watch_sha256(&t.s), h, 32);
	set_free(&t);
}

/* 1,000,000 watches: each is found, its neighbours are not. */
static void
test_million(void **state)
{
	struct watch_build	*b = watch_build_new();
	struct buf		 text = BUF_INIT;
	struct watch_hit	 hits[2];
	struct set		 t;
	struct err		 e = ERR_INIT;
	char			 name[64];
	unsigned		 i, n = 1000000;

	(void)state;
	for (i = 0; i < n; i++)
		buf_fmt(&text, "%sd%u-watched.%s\n", i % 2 ? "." : "", i,
		    i % 3 ? "example" : "co.test");
	if (watch_build_file(b, buf_text(&text), text.n, "m", &e) == -1)
		fail_msg("%s", e.msg);
	buf_free(&text);
	set_open(&t, b);
	assert_int_equal(watch_count(&t.s), n);
	for (i = 0; i < n; i += 97) {
		snprintf(name, sizeof(name), "d%u-Watched.%s", i,
		    i % 3 ? "example" : "co.test");
		if (watch_name(&t.s, name, hits, 2) != 1)
			fail_msg("%s", name);
		snprintf(name, sizeof(name), "x.d%u-watched.%s", i,
		    i % 3 ? "example" : "co.test");
		if (watch_name(&t.s, name, hits, 2) != (int)(i % 2))
			fail_msg("%s", name);
		snprintf(name, sizeof(name), "d%u-watched.%s", i,
		    i % 3 ? "co.test" : "example");
		if (watch_name(&t.s, name, hits, 2) != 0)
			fail_msg("%s", name);
	}
	/* A wildcard over hundreds of thousands of them. */
	assert_int_equal(watch_name(&t.s, "*.example", hits, 2), 3);
	printf("image of 1,000,000 watches: %zu bytes\n", t.image.n);
	set_free(&t);
}

static void
test_limit(void **state)
{
	struct watch_build	*b = watch_build_new();
	struct buf		 text = BUF_INIT;
	struct err		 e = ERR_INIT;
	unsigned		 i;

	(void)state;
	for (i = 0; i < LIMIT_WATCHES; i++)
		buf_fmt(&text, "%x.a\n", i);
	assert_int_equal(watch_build_file(b, buf_text(&text), text.n, "m",
	    &e), 0);
	assert_int_equal(watch_build_count(b), LIMIT_WATCHES);
	assert_int_equal(watch_build_file(b, "0.a\nz.a\n", 8, "m", &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_non_null(strstr(e.msg, "m:2: "));
	buf_free(&text);
	watch_build_free(b);
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
		cmocka_unit_test(test_canon),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_sum_order),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_million),
		cmocka_unit_test(test_limit)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
