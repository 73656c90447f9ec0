#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/sha.h"
#include "tests/unit/pki/ask.h"

/* Verdicts: by program, path and time. */

/* root <- ca <- leaf, for most tests. */
static struct made	root, ca, leaf;

static int
setup(void **state)
{
	(void)state;
	root = made_cert((struct made_spec){ .cn = "Root", .ca = 1,
	    .from = "2020-01-01", .to = "2040-01-01" });
	ca = made_cert((struct made_spec){ .cn = "CA", .ca = 1,
	    .issuer = &root, .from = "2024-01-01", .to = "2030-01-01" });
	leaf = made_cert((struct made_spec){ .cn = "www.example.com",
	    .issuer = &ca });
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	made_free(&root);
	made_free(&ca);
	made_free(&leaf);
	return 0;
}

static void
assert_hash(const uint8_t h[32], const struct made *m)
{
	uint8_t	want[32];

	sha_256(want, m->der.p, m->der.n);
	assert_memory_equal(h, want, 32);
}

static void
test_trusted(void **state)
{
	const struct ask	 a = { .leaf = &leaf, .pool = { &ca },
				    .roots = { &root } };
	struct roots		*r = ask_roots(a.roots);
	struct roots		*none = roots_new("none");
	const struct roots	*programs[2] = { r, none };
	struct span		 pool[ASK_MAX];
	struct chain_in		 in = ask_in(&a, programs, pool);
	const struct chain_path	*p;
	struct chain		 c;
	struct err		 e = ERR_INIT;

	(void)state;
	in.nprograms = 2;
	assert_int_equal(chain_build(&in, &c, &e), 0);
	assert_int_equal(c.npaths, 1);
	p = chain_best(&c, r);
	assert_ptr_equal(p, &c.paths[0]);
	assert_null(chain_best(&c, none));
	assert_int_equal(p->verdict, CHAIN_TRUSTED);
	assert_int_equal(p->issued, CHAIN_TRUSTED);
	assert_string_equal(p->reason, "");
	assert_true(p->until == made_day("2027-01-01"));
	assert_int_equal(p->n, 3);
	assert_hash(p->path[0], &leaf);
	assert_hash(p->path[1], &ca);
	assert_hash(p->path[2], &root);
	assert_int_equal(p->der[1].n, ca.der.n);
	assert_memory_equal(p->der[2].p, root.der.p, root.der.n);
	assert_int_equal(c.exhausted, 0);
	/* The other program has no path. */
	assert_string_equal(c.reason, "no path leads to a root");
	chain_free(&c);
	in.nprograms = 1;
	assert_int_equal(chain_build(&in, &c, &e), 0);
	assert_string_equal(c.reason, "");
	p = chain_best(&c, r);
	assert_string_equal(chain_verdict_name(p->verdict), "trusted");
	chain_free(&c);
	roots_free(r);
	roots_free(none);
}

/* Both ends of the validity are in it, to the second; OpenSSL's is not. */
static void
test_time(void **state)
{
	struct ask	a = { .leaf = &leaf, .pool = { &ca },
			    .roots = { &root } };
	char		why[256];

	(void)state;
	a.at = "2026-01-01T00:00:00Z";
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_TRUSTED);
	a.at = "2025-12-31T23:59:59Z";
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_UNTRUSTED);
	assert_non_null(strstr(why, "leaf: not valid before 2026-01-01"));
	a.at = "2027-01-01T00:00:00Z";
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_TRUSTED);
	assert_false(ask_openssl(&a, 1));
	a.at = "2027-01-01T00:00:01Z";
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_UNTRUSTED);
	assert_non_null(strstr(why, "leaf: expired 2027-01-01T00:00:00Z"));
	a.at = "2031-01-01";
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_UNTRUSTED);
	assert_non_null(strstr(why, "expired"));
}

/* Expired now is still what it was when it was issued. */
static void
test_issued(void **state)
{
	const struct ask	 a = { .leaf = &leaf, .pool = { &ca },
				    .roots = { &root },
				    .at = "2028-01-01" };
	struct roots		*r = ask_roots(a.roots);
	const struct roots	*programs[1] = { r };
	struct span		 pool[ASK_MAX];
	struct chain_in		 in = ask_in(&a, programs, pool);
	struct chain		 c;

	(void)state;
	assert_int_equal(chain_build(&in, &c, NULL), 0);
	assert_int_equal(c.paths[0].verdict, CHAIN_UNTRUSTED);
	assert_int_equal(c.paths[0].issued, CHAIN_TRUSTED);
	assert_true(c.paths[0].until == INT64_MIN);
	chain_free(&c);
	roots_free(r);
}

static void
test_name(void **state)
{
	struct ask	a = { .leaf = &leaf, .pool = { &ca },
			    .roots = { &root } };
	char		why[256];

	(void)state;
	a.name = "WWW.EXAMPLE.COM";
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_TRUSTED);
	a.name = "www.example.com.";
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_TRUSTED);
	a.name = "mail.example.com";
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_UNTRUSTED);
	assert_non_null(strstr(why, "name"));
	a.name = "192.0.2.1";
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_UNTRUSTED);
}

/* Wildcards, U-labels, addresses. */
static void
test_other_names(void **state)
{
	static const struct {
		const char	*name;
		int		 want;
	} table[] = {
		{ "*.example.com", CHAIN_TRUSTED },
		{ "a.example.com", CHAIN_TRUSTED },
		{ "b\xc3\xbc" "cher.example.com", CHAIN_TRUSTED },
		{ "*.example.org", CHAIN_UNTRUSTED },
		{ "example.com", CHAIN_UNTRUSTED },
		{ "192.0.2.1", CHAIN_TRUSTED },
		{ "2001:db8::1", CHAIN_TRUSTED },
		{ "2001:DB8:0:0::1", CHAIN_TRUSTED },
		{ "192.0.2.2", CHAIN_UNTRUSTED }
	};
	struct made	m = made_cert((struct made_spec){ .cn = "words",
			    .issuer = &ca, .ext = { { "subjectAltName",
			    "DNS:*.example.com,IP:192.0.2.1,IP:2001:db8::1",
			    { NULL, 0 }, 0 } } });
	struct ask	a = { .leaf = &m, .pool = { &ca },
			    .roots = { &root } };
	char		why[256];
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		a.name = table[i].name;
		if (ask_us(&a, why, sizeof(why)) != table[i].want)
			fail_msg("%s: %s", table[i].name, why);
	}
	made_free(&m);
}

static void
test_no_path(void **state)
{
	struct made	other = made_cert((struct made_spec){
			    .cn = "Other", .ca = 1 });
	struct ask	a = { .leaf = &leaf, .roots = { &root } };
	char		why[256];

	(void)state;
	assert_int_equal(ask_us(&a, why, sizeof(why)), -1);
	assert_string_equal(why, "no certificate of its issuer is known");
	a.pool[0] = &ca;
	a.roots[0] = &other;
	assert_int_equal(ask_us(&a, why, sizeof(why)), -1);
	assert_string_equal(why, "no path leads to a root");
	/* A certificate of the pool is never an anchor. */
	a.pool[1] = &root;
	assert_int_equal(ask_us(&a, why, sizeof(why)), -1);
	made_free(&other);
}

static void
test_unreadable(void **state)
{
	struct roots		*r = roots_new("x");
	const struct roots	*programs[1] = { r };
	const struct span	 bad[2] = { { NULL, 0 },
				    { leaf.der.p, leaf.der.n - 1 } };
	struct chain_in		 in = { .programs = programs,
				    .nprograms = 1, .max_depth = -1,
				    .first_sct = INT64_MIN };
	struct chain		 c;
	struct err		 e;
	size_t			 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		err_clear(&e);
		in.leaf = bad[i];
		assert_int_equal(chain_build(&in, &c, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		chain_free(&c);
	}
	/* In the pool it is only of no use. */
	in.leaf = buf_bytes(&leaf.der);
	in.pool = bad;
	in.npool = 2;
	assert_int_equal(chain_build(&in, &c, NULL), 0);
	assert_int_equal(c.npaths, 0);
	chain_free(&c);
	roots_free(r);
}

/* --- programs --- */

/* A verdict under a date of the root; reason into ${why}. */
static enum chain_verdict
dated(int64_t distrust, int64_t sct_limit, int64_t sct, char *why)
{
	const struct ask	 a = { .leaf = &leaf, .pool = { &ca },
				    .roots = { &root },
				    .at = "2026-12-01" };
	struct roots		*r = ask_roots(a.roots);
	const struct roots	*programs[1] = { r };
	struct span		 pool[ASK_MAX];
	struct chain_in		 in = ask_in(&a, programs, pool);
	struct chain		 c;
	enum chain_verdict	 v;

	r->v[0].distrust_after = distrust;
	r->v[0].sct_not_after = sct_limit;
	in.first_sct = sct;
	assert_int_equal(chain_build(&in, &c, NULL), 0);
	assert_int_equal(c.npaths, 1);
	v = c.paths[0].verdict;
	assert_int_equal(c.paths[0].issued, v);
	snprintf(why, 256, "%s", c.paths[0].reason);
	chain_free(&c);
	roots_free(r);
	return v;
}

/* The leaf is of 2026-01-01; now is 2026-12-01. */
static void
test_distrust(void **state)
{
	const int64_t	none = INT64_MIN, before = made_day("2025-12-31"),
			of = made_day("2026-01-01"),
			after = made_day("2026-02-01");
	char		why[256];

	(void)state;
	assert_int_equal(dated(before, none, none, why), CHAIN_UNTRUSTED);
	assert_non_null(strstr(why, "until 2025-12-31"));
	/* Past now, but not past its issuance. */
	assert_int_equal(dated(of, none, none, why), CHAIN_TRUSTED);
	assert_int_equal(dated(after, none, none, why), CHAIN_TRUSTED);
	assert_int_equal(dated(after, none, of, why), CHAIN_TRUSTED);
	/* A date of birth that its first SCT belies. */
	assert_int_equal(dated(of, none, after, why), CHAIN_UNTRUSTED);
	/* Chrome: one SCT until then. */
	assert_int_equal(dated(none, of, of, why), CHAIN_TRUSTED);
	assert_int_equal(dated(none, of, after, why), CHAIN_UNTRUSTED);
	assert_int_equal(dated(none, of, none, why), CHAIN_UNKNOWN);
	assert_non_null(strstr(why, "SCT"));
	assert_string_equal(chain_verdict_name(CHAIN_UNKNOWN), "unknown");
}

/*
 * A diamond: the CA's key has certificates of two roots, of which each
 * program has one; a third program has both.
 */
static void
test_programs(void **state)
{
	struct made		 root2 = made_cert((struct made_spec){
				    .cn = "Root 2", .ca = 1,
				    .to = "2026-07-01" });
	struct made		 cross = made_cert((struct made_spec){
				    .cn = "CA", .key = &ca, .ca = 1,
				    .issuer = &root2, .to = "2026-07-01" });
	const struct ask	 a = { .leaf = &leaf,
				    .pool = { &cross, &ca },
				    .roots = { &root } },
				 b = { .roots = { &root2 } },
				 both = { .roots = { &root, &root2 } };
	struct roots		*r[3] = { ask_roots(a.roots),
				    ask_roots(b.roots),
				    ask_roots(both.roots) };
	const struct roots	*programs[3] = { r[0], r[1], r[2] };
	struct span		 pool[ASK_MAX];
	struct chain_in		 in = ask_in(&a, programs, pool);
	struct chain		 c;

	(void)state;
	in.nprograms = 3;
	assert_int_equal(chain_build(&in, &c, NULL), 0);
	assert_int_equal(c.npaths, 4);
	assert_hash(chain_best(&c, r[0])->path[2], &root);
	assert_hash(chain_best(&c, r[1])->path[1], &cross);
	/* The best is that which lasts. */
	assert_hash(chain_best(&c, r[2])->path[1], &ca);
	assert_true(chain_best(&c, r[1])->until == made_day("2026-07-01"));
	assert_true(chain_best(&c, r[2])->until == made_day("2027-01-01"));
	chain_free(&c);
	/* Later one of the two is expired, and the other one decides. */
	in.at = made_day("2026-08-01");
	assert_int_equal(chain_build(&in, &c, NULL), 0);
	assert_int_equal(c.npaths, 4);
	assert_int_equal(chain_best(&c, r[0])->verdict, CHAIN_TRUSTED);
	assert_int_equal(chain_best(&c, r[1])->verdict, CHAIN_UNTRUSTED);
	assert_int_equal(chain_best(&c, r[1])->issued, CHAIN_TRUSTED);
	assert_int_equal(chain_best(&c, r[2])->verdict, CHAIN_TRUSTED);
	assert_hash(chain_best(&c, r[2])->path[1], &ca);
	chain_free(&c);
	for (size_t i = 0; i < 3; i++)
		roots_free(r[i]);
	made_free(&root2);
	made_free(&cross);
}

/* A root that is issued by another one is an anchor all the same. */
static void
test_anchor_on_the_way(void **state)
{
	struct ask	a = { .leaf = &leaf, .pool = { &root },
			    .roots = { &ca } };
	char		why[256];

	(void)state;
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_TRUSTED);
	a.roots[1] = &root;
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_TRUSTED);
}

/* A leaf among the roots is no CA; RFC 5280 alone takes it. */
static void
test_leaf_is_root(void **state)
{
	struct made		 self = made_cert((struct made_spec){
				    .cn = "www.example.com" });
	const struct ask	 a = { .leaf = &self, .roots = { &self } };
	struct roots		*r = ask_roots(a.roots);
	const struct roots	*programs[1] = { r };
	struct span		 pool[ASK_MAX];
	struct chain_in		 in = ask_in(&a, programs, pool);
	struct chain		 c;

	(void)state;
	assert_int_equal(chain_build(&in, &c, NULL), 0);
	assert_int_equal(c.npaths, 1);
	assert_int_equal(c.paths[0].n, 1);
	assert_int_equal(c.paths[0].verdict, CHAIN_UNTRUSTED);
	chain_free(&c);
	in.permissive = 1;
	assert_int_equal(chain_build(&in, &c, NULL), 0);
	assert_int_equal(c.paths[0].verdict, CHAIN_TRUSTED);
	chain_free(&c);
	roots_free(r);
	made_free(&self);
}

static void
test_precert(void **state)
{
	static const char	null[] = "\x05\x00";
	struct made		 pre = made_cert((struct made_spec){
				    .cn = "www.example.com", .issuer = &ca,
				    .ext = { { "1.3.6.1.4.1.11129.2.4.3",
				    NULL, { (const uint8_t *)null, 2 },
				    1 } } });
	const struct ask	 a = { .leaf = &pre, .pool = { &ca },
				    .roots = { &root } };
	struct roots		*r = ask_roots(a.roots);
	const struct roots	*programs[1] = { r };
	struct span		 pool[ASK_MAX];
	struct chain_in		 in = ask_in(&a, programs, pool);
	struct chain		 c;

	(void)state;
	assert_int_equal(chain_build(&in, &c, NULL), 0);
	assert_int_equal(c.paths[0].verdict, CHAIN_UNTRUSTED);
	assert_non_null(strstr(c.paths[0].reason, "precertificate"));
	chain_free(&c);
	in.precert = 1;
	assert_int_equal(chain_build(&in, &c, NULL), 0);
	assert_int_equal(c.paths[0].verdict, CHAIN_TRUSTED);
	chain_free(&c);
	roots_free(r);
	made_free(&pre);
}

static void
test_depth(void **state)
{
	const struct ask	 a = { .leaf = &leaf, .pool = { &ca },
				    .roots = { &root } };
	struct roots		*r = ask_roots(a.roots);
	const struct roots	*programs[1] = { r };
	struct span		 pool[ASK_MAX];
	struct chain_in		 in = ask_in(&a, programs, pool);
	struct chain		 c;
	int			 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		in.max_depth = i;
		assert_int_equal(chain_build(&in, &c, NULL), 0);
		assert_int_equal(c.paths[0].verdict, i == 0 ?
		    CHAIN_UNTRUSTED : CHAIN_TRUSTED);
		chain_free(&c);
	}
	roots_free(r);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_trusted),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_issued),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_no_path),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_distrust),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_anchor_on_the_way),
		cmocka_unit_test(test_leaf_is_root),
		cmocka_unit_test(test_precert),
		cmocka_unit_test(test_depth)
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
