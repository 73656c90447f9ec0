#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/limit.h"
#include "base/mem.h"
#include "tests/unit/pki/ask.h"

/* The search for paths: what it finds that OpenSSL does not, and its end. */

/* A path of which one CA has two certificates, and one leads nowhere. */
struct fork {
	struct made	root, dead, good, cross, leaf;
};

static void
fork_make(struct fork *f)
{
	f->root = made_cert((struct made_spec){ .cn = "Root", .ca = 1 });
	f->dead = made_cert((struct made_spec){ .cn = "Dead end", .ca = 1 });
	f->good = made_cert((struct made_spec){ .cn = "CA", .ca = 1,
	    .issuer = &f->root, .from = "2026-01-02" });
	f->cross = made_cert((struct made_spec){ .cn = "CA", .ca = 1,
	    .key = &f->good, .issuer = &f->dead, .from = "2026-01-03" });
	f->leaf = made_cert((struct made_spec){ .cn = "www.example.com",
	    .issuer = &f->good });
}

static void
fork_free(struct fork *f)
{
	made_free(&f->root);
	made_free(&f->dead);
	made_free(&f->good);
	made_free(&f->cross);
	made_free(&f->leaf);
}

/*
 * The cross-sign comes first and fits; OpenSSL takes it, finds no root above
 * it, and does not come back.  We do, in either order.
 */
static void
test_backtracks(void **state)
{
	struct fork	f;
	struct ask	a = { .leaf = &f.leaf, .roots = { &f.root } };
	char		why[256];

	(void)state;
	fork_make(&f);
	a.pool[0] = &f.cross;
	a.pool[1] = &f.good;
	assert_false(ask_openssl(&a, 0));
	assert_false(ask_openssl(&a, 1));
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_TRUSTED);
	a.pool[0] = &f.good;
	a.pool[1] = &f.cross;
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_TRUSTED);
	/* With the whole dead end there. */
	a.pool[0] = &f.cross;
	a.pool[1] = &f.dead;
	a.pool[2] = &f.good;
	assert_false(ask_openssl(&a, 0));
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_TRUSTED);
	fork_free(&f);
}

/* A cross-sign that forbids the name, beside one that does not. */
static void
test_backtracks_constraints(void **state)
{
	struct made	r = made_cert((struct made_spec){ .cn = "Root",
			    .ca = 1 });
	struct made	good = made_cert((struct made_spec){ .cn = "CA",
			    .ca = 1, .issuer = &r });
	struct made	other = made_cert((struct made_spec){ .cn = "CA",
			    .ca = 1, .issuer = &r, .key = &good,
			    .to = "2028-01-01",
			    .ext = { { "nameConstraints",
			    "critical,permitted;DNS:example.org",
			    { NULL, 0 }, 0 } } });
	struct made	leaf = made_cert((struct made_spec){
			    .cn = "www.example.com", .issuer = &good });
	struct ask	a = { .leaf = &leaf, .pool = { &other, &good },
			    .roots = { &r } };
	char		why[256];

	(void)state;
	assert_false(ask_openssl(&a, 1));
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_TRUSTED);
	made_free(&r);
	made_free(&good);
	made_free(&other);
	made_free(&leaf);
}

/* The expired root of a cross-sign is in the store beside the good one. */
static void
test_expired_cross(void **state)
{
	struct fork		 f;
	struct made		 old, cross;
	struct ask		 a = { .leaf = &f.leaf };
	struct roots		*r;
	const struct roots	*programs[1];
	struct span		 pool[ASK_MAX];
	struct chain_in		 in;
	struct chain		 c;

	(void)state;
	fork_make(&f);
	old = made_cert((struct made_spec){ .cn = "Old root", .ca = 1,
	    .to = "2026-03-01" });
	cross = made_cert((struct made_spec){ .cn = "Root", .ca = 1,
	    .key = &f.root, .issuer = &old });
	a.pool[0] = &f.good;
	a.pool[1] = &cross;
	a.roots[0] = &old;
	a.roots[1] = &f.root;
	r = ask_roots(a.roots);
	programs[0] = r;
	in = ask_in(&a, programs, pool);
	assert_int_equal(chain_build(&in, &c, NULL), 0);
	assert_int_equal(c.npaths, 2);
	assert_int_equal(c.paths[0].verdict, CHAIN_TRUSTED);
	assert_int_equal(c.paths[0].n, 3);
	assert_int_equal(c.paths[1].verdict, CHAIN_UNTRUSTED);
	assert_int_equal(c.paths[1].n, 4);
	assert_non_null(strstr(c.paths[1].reason, "root: expired"));
	chain_free(&c);
	roots_free(r);
	made_free(&old);
	made_free(&cross);
	fork_free(&f);
}

/* Two CAs that signed each other, a name with two keys that did. */
static void
test_cycles(void **state)
{
	struct made	r = made_cert((struct made_spec){ .cn = "Root",
			    .ca = 1 });
	struct made	a = made_cert((struct made_spec){ .cn = "A",
			    .ca = 1 });
	struct made	b = made_cert((struct made_spec){ .cn = "B",
			    .ca = 1, .issuer = &a });
	struct made	ab = made_cert((struct made_spec){ .cn = "A",
			    .ca = 1, .key = &a, .issuer = &b });
	struct made	a2 = made_cert((struct made_spec){ .cn = "A",
			    .ca = 1, .issuer = &a });
	struct made	aa2 = made_cert((struct made_spec){ .cn = "A",
			    .ca = 1, .key = &a, .issuer = &a2 });
	struct made	leaf = made_cert((struct made_spec){
			    .cn = "www.example.com", .issuer = &a });
	struct made	br = made_cert((struct made_spec){ .cn = "B",
			    .ca = 1, .key = &b, .issuer = &r });
	struct ask	q = { .leaf = &leaf, .pool = { &ab, &b, &a2, &aa2,
			    &a }, .roots = { &r } };
	char		why[256];

	(void)state;
	assert_int_equal(ask_us(&q, why, sizeof(why)), -1);
	assert_string_equal(why, "no path leads to a root");
	/* There is a way out of it. */
	q.pool[5] = &br;
	assert_int_equal(ask_us(&q, why, sizeof(why)), CHAIN_TRUSTED);
	made_free(&r);
	made_free(&a);
	made_free(&b);
	made_free(&ab);
	made_free(&a2);
	made_free(&aa2);
	made_free(&leaf);
	made_free(&br);
}

/* Names that are the same only as RFC 5280, 7.1 compares them. */
static void
test_names(void **state)
{
	struct made	r = made_cert((struct made_spec){ .cn = "Root",
			    .ca = 1 });
	struct made	ca = made_cert((struct made_spec){ .cn = "The  ca",
			    .ca = 1, .issuer = &r });
	struct made	leaf = made_cert((struct made_spec){
			    .cn = "www.example.com", .issuer = &ca,
			    .issuer_cn = " the CA" });
	struct made	bad = made_cert((struct made_spec){
			    .cn = "www.example.com", .issuer = &ca,
			    .issuer_cn = "theCA" });
	struct ask	a = { .leaf = &leaf, .pool = { &ca },
			    .roots = { &r } };
	char		why[256];

	(void)state;
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_TRUSTED);
	a.leaf = &bad;
	assert_int_equal(ask_us(&a, why, sizeof(why)), -1);
	made_free(&r);
	made_free(&ca);
	made_free(&leaf);
	made_free(&bad);
}

/* An authority key identifier that fits nothing is no reason against. */
static void
test_key_identifier(void **state)
{
	static const char	aki[] = "\x30\x06\x80\x04" "none";
	struct made		r = made_cert((struct made_spec){
				    .cn = "Root", .ca = 1 });
	struct made		leaf = made_cert((struct made_spec){
				    .cn = "www.example.com", .issuer = &r,
				    .ext = { { "authorityKeyIdentifier",
				    NULL, { (const uint8_t *)aki, 8 },
				    0 } } });
	struct ask		a = { .leaf = &leaf, .roots = { &r } };
	char			why[256];

	(void)state;
	assert_false(ask_openssl(&a, 0));
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_TRUSTED);
	made_free(&r);
	made_free(&leaf);
}

/* --- budgets: at the limit, and one above --- */

/* What came of a search over a pool. */
struct end {
	size_t	npaths;
	int	exhausted, trusted;
	char	reason[256];
};

static struct end
search(const struct made *leaf, const struct made *pool, size_t n,
    const struct made *root)
{
	struct roots		*r = ask_roots((const struct made *const[]){
				    root, NULL });
	const struct roots	*programs[1] = { r };
	struct ask		 a = { .leaf = leaf };
	struct chain_in		 in = ask_in(&a, programs, NULL);
	struct span		*v = mem_array(n + 1, sizeof(*v));
	struct chain		 c;
	struct end		 e;
	size_t			 i;

	for (i = 0; i < n; i++)
		v[i] = buf_bytes(&pool[i].der);
	in.pool = v;
	in.npool = n;
	assert_int_equal(chain_build(&in, &c, NULL), 0);
	e.npaths = c.npaths;
	e.exhausted = c.exhausted;
	e.trusted = c.npaths != 0 && c.paths[0].verdict == CHAIN_TRUSTED;
	snprintf(e.reason, sizeof(e.reason), "%s", c.reason);
	chain_free(&c);
	roots_free(r);
	free(v);
	return e;
}

/* A good path, and n other certificates with the name of its CA. */
struct crowd {
	struct made	 root, leaf;
	struct made	*pool;		/* the CA is the last */
	size_t		 n;
};

/* They are newer than the CA and so tried first; all with one key, or not. */
static void
crowd_make(struct crowd *c, size_t n, int one_key)
{
	/* No key identifiers: they would put the right one first. */
	const struct made_ext	no_ski = { "subjectKeyIdentifier", NULL,
				    { NULL, 0 }, 0 };
	size_t			i;

	c->n = n + 1;
	c->pool = mem_array(c->n, sizeof(*c->pool));
	c->root = made_cert((struct made_spec){ .cn = "Root", .ca = 1 });
	c->pool[n] = made_cert((struct made_spec){ .cn = "CA", .ca = 1,
	    .issuer = &c->root });
	c->leaf = made_cert((struct made_spec){ .cn = "www.example.com",
	    .issuer = &c->pool[n], .ext = { { "authorityKeyIdentifier",
	    NULL, { NULL, 0 }, 0 } } });
	for (i = 0; i < n; i++)
		c->pool[i] = made_cert((struct made_spec){ .cn = "CA",
		    .ca = 1, .issuer = &c->root, .from = "2026-02-01",
		    .key = one_key && i != 0 ? &c->pool[0] : NULL,
		    .ext = { no_ski } });
}

static void
crowd_free(struct crowd *c)
{
	size_t	i;

	for (i = 0; i < c->n; i++)
		made_free(&c->pool[i]);
	free(c->pool);
	made_free(&c->root);
	made_free(&c->leaf);
}

static void
test_signatures(void **state)
{
	struct crowd	c;
	struct end	e;
	size_t		n;

	(void)state;
	/* Those of the crowd, of the CA and of the root. */
	for (n = LIMIT_CHAIN_SIGS - 2; n < LIMIT_CHAIN_SIGS; n++) {
		crowd_make(&c, n, 0);
		e = search(&c.leaf, c.pool, c.n, &c.root);
		assert_int_equal(e.npaths, n == LIMIT_CHAIN_SIGS - 2);
		assert_int_equal(e.exhausted, n != LIMIT_CHAIN_SIGS - 2);
		crowd_free(&c);
	}
	assert_non_null(strstr(e.reason, "budget"));
}

static void
test_tries(void **state)
{
	struct crowd	c;
	struct end	e;
	size_t		n;

	(void)state;
	/* One key: one signature for all of the crowd.  The root is tried
	   above the CA and again above itself. */
	for (n = LIMIT_CHAIN_TRIES - 3; n < LIMIT_CHAIN_TRIES - 1; n++) {
		crowd_make(&c, n, 1);
		e = search(&c.leaf, c.pool, c.n, &c.root);
		assert_int_equal(e.npaths, 1);
		assert_int_equal(e.exhausted, n != LIMIT_CHAIN_TRIES - 3);
		crowd_free(&c);
	}
	crowd_make(&c, LIMIT_CHAIN_TRIES, 1);
	e = search(&c.leaf, c.pool, c.n, &c.root);
	assert_int_equal(e.npaths, 0);
	assert_int_equal(e.exhausted, 1);
	crowd_free(&c);
}

/* Certificates of one CA that all lead on: each is a path. */
static void
test_paths(void **state)
{
	struct made	root = made_cert((struct made_spec){ .cn = "Root",
			    .ca = 1 });
	struct made	pool[LIMIT_CHAIN_PATHS + 1], leaf;
	struct end	e;
	size_t		i, n;

	(void)state;
	for (i = 0; i <= LIMIT_CHAIN_PATHS; i++)
		pool[i] = made_cert((struct made_spec){ .cn = "CA", .ca = 1,
		    .issuer = &root, .key = i != 0 ? &pool[0] : NULL });
	leaf = made_cert((struct made_spec){ .cn = "www.example.com",
	    .issuer = &pool[0] });
	for (n = LIMIT_CHAIN_PATHS; n <= LIMIT_CHAIN_PATHS + 1; n++) {
		e = search(&leaf, pool, n, &root);
		assert_int_equal(e.npaths, LIMIT_CHAIN_PATHS);
		assert_int_equal(e.exhausted, n != LIMIT_CHAIN_PATHS);
		assert_true(e.trusted);
	}
	for (i = 0; i <= LIMIT_CHAIN_PATHS; i++)
		made_free(&pool[i]);
	made_free(&root);
	made_free(&leaf);
}

static void
test_depth(void **state)
{
	struct made	ca[LIMIT_CHAIN_DEPTH + 2], leaf;
	struct end	e;
	size_t		i, n;
	char		name[8];

	(void)state;
	for (n = LIMIT_CHAIN_DEPTH; n <= LIMIT_CHAIN_DEPTH + 1; n++) {
		for (i = 0; i <= n; i++) {
			snprintf(name, sizeof(name), "CA %zu", i);
			ca[i] = made_cert((struct made_spec){ .cn = name,
			    .ca = 1, .issuer = i == 0 ? NULL :
			    &ca[i - 1] });
		}
		leaf = made_cert((struct made_spec){
		    .cn = "www.example.com", .issuer = &ca[n] });
		e = search(&leaf, ca + 1, n, &ca[0]);
		assert_int_equal(e.npaths, n == LIMIT_CHAIN_DEPTH);
		assert_int_equal(e.exhausted, n != LIMIT_CHAIN_DEPTH);
		if (n == LIMIT_CHAIN_DEPTH)
			assert_true(e.trusted);
		for (i = 0; i <= n; i++)
			made_free(&ca[i]);
		made_free(&leaf);
	}
}

/* Each CA signed by each other, by all of their keys: it just ends. */
static void
test_mesh(void **state)
{
	enum { N = 20 };
	struct made	root = made_cert((struct made_spec){ .cn = "Root",
			    .ca = 1 });
	struct made	ca[N], pool[N * N], leaf;
	struct end	e;
	size_t		i, k, n = 0;
	char		name[8];

	(void)state;
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "CA %zu", i);
		ca[i] = made_cert((struct made_spec){ .cn = name, .ca = 1 });
	}
	for (i = 0; i < N; i++)
		for (k = 0; k < N; k++) {
			snprintf(name, sizeof(name), "CA %zu", i);
			pool[n++] = made_cert((struct made_spec){ .cn = name,
			    .ca = 1, .key = &ca[i], .issuer = &ca[k] });
		}
	leaf = made_cert((struct made_spec){ .cn = "www.example.com",
	    .issuer = &ca[0] });
	e = search(&leaf, pool, n, &root);
	assert_int_equal(e.npaths, 0);
	assert_int_equal(e.exhausted, 1);
	for (i = 0; i < n; i++)
		made_free(&pool[i]);
	for (i = 0; i < N; i++)
		made_free(&ca[i]);
	made_free(&root);
	made_free(&leaf);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_backtracks),
		cmocka_unit_test(test_backtracks_constraints),
		cmocka_unit_test(test_expired_cross),
		cmocka_unit_test(test_cycles),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_key_identifier),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_tries),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_mesh)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
