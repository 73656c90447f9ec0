#include <time.h>

#include "base/clk.h"
#include "base/enc.h"
#include "pki/chain.h"
#include "pki/der.h"
#include "tests/conformance/data.h"

/*
 * The real chains of July 2026: demo sites of CAs, with what they sent as
 * intermediates.  Each must be trusted by Mozilla's roots, under the name of
 * its site, a second after it was issued, in a pool of all public
 * intermediates, too; the leaf alone must not.
 *
 *   conform_real [-v]
 */

/* Intermediates that a site sent. */
#define POOL_MAX	16

struct tally {
	unsigned	right, wrong, empty;
	int64_t		cpu;		/* ns, with what the site sent */
	unsigned	builds;
	int		verbose;
};

struct one {
	const char	*label;
	char		 host[256];
	struct buf	 leaf;
	struct buf	*certs;		/* owned */
	struct span	*pool;		/* owned */
	size_t		 npool;
};

static int64_t
cpu(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Mozilla's roots: DER, one behind the other. */
static struct roots *
read_roots(void)
{
	struct roots	*r = roots_new("mozilla");
	struct buf	 b = BUF_INIT;
	struct cur	 c;
	struct der	 d;

	if (data_read("certs/mozilla-roots-go/bundle.der", &b) == 0)
		for (c = cur_span(buf_bytes(&b)); der_next(&c, &d) == 0;)
			(void)roots_add(r, d.whole, INT64_MIN, NULL);
	roots_done(r);
	buf_free(&b);
	return r;
}

/* All public intermediates, in a program of their own: a list of DER. */
static struct roots *
read_intermediates(void)
{
	struct roots	*r = roots_new("intermediates");
	struct buf	 b = BUF_INIT;

	if (data_read("certs/cfssl_trust/int-bundle.crt", &b) == 0)
		(void)roots_pem(r, buf_bytes(&b), NULL, NULL);
	roots_done(r);
	buf_free(&b);
	return r;
}

static void
b64(const json_t *j, struct buf *out)
{
	const char	*s = json_string_value(j);

	if (s == NULL || enc_unb64(s, strlen(s), out) == -1)
		printf("base64 cannot be read\n");
}

/* 0, or -1 when no chain was recorded. */
static int
one_read(struct one *o, const json_t *site)
{
	const json_t	*detail = json_object_get(site, "detail");
	const json_t	*a = json_object_get(detail, "intermediates");
	size_t		 i;

	memset(o, 0, sizeof(*o));
	o->label = data_text(site, "ca_label");
	(void)sscanf(data_text(site, "test_website_revoked"),
	    "https://%255[^/:]", o->host);
	if (detail == NULL)
		return -1;
	b64(json_object_get(detail, "end_entity_cert"), &o->leaf);
	o->npool = json_array_size(a);
	if (o->npool > POOL_MAX)
		o->npool = POOL_MAX;
	o->certs = mem_array(o->npool + 1, sizeof(*o->certs));
	o->pool = mem_array(o->npool + 1, sizeof(*o->pool));
	for (i = 0; i < o->npool; i++) {
		b64(json_array_get(a, i), &o->certs[i]);
		o->pool[i] = buf_bytes(&o->certs[i]);
	}
	return 0;
}

static void
one_free(struct one *o)
{
	size_t	i;

	for (i = 0; i < o->npool; i++)
		buf_free(&o->certs[i]);
	free(o->certs);
	free(o->pool);
	buf_free(&o->leaf);
}

/* 1 when the verdict is as wanted. */
static int
ask(struct tally *t, const struct one *o, const struct roots *roots,
    const struct span *pool, size_t npool)
{
	const struct roots	*programs[1] = { roots };
	struct chain_in		 in = { .leaf = buf_bytes(&o->leaf),
				    .pool = pool, .npool = npool,
				    .programs = programs, .nprograms = 1,
				    .first_sct = INT64_MIN, .name = o->host,
				    .max_depth = -1 };
	const struct chain_path	*p;
	struct chain		 c;
	struct der_tbs		 d;
	struct span		 tbs;
	int64_t			 began;
	int			 r;

	if (der_cert(in.leaf, &tbs, NULL, NULL, NULL) == -1 ||
	    der_tbs(tbs, &d, NULL) == -1 ||
	    der_time(d.not_before, &in.at) == -1)
		return 0;
	in.at += CLK_SEC;
	began = cpu();
	r = chain_build(&in, &c, NULL) == 0;
	if (pool == o->pool) {
		t->cpu += cpu() - began;
		t->builds++;
	}
	p = r ? chain_best(&c, roots) : NULL;
	if (t->verbose)
		printf("%s, %zu of pool: %s %s\n", o->host, npool,
		    p != NULL ? chain_verdict_name(p->verdict) : "no path",
		    p != NULL ? p->reason : c.reason);
	r = p != NULL && p->verdict == CHAIN_TRUSTED &&
	    p->issued == CHAIN_TRUSTED;
	chain_free(&c);
	return r;
}

static void
count(struct tally *t, int good, const struct one *o, const char *what)
{
	if (good) {
		t->right++;
		return;
	}
	t->wrong++;
	printf("wrong: %s (%s): %s\n", o->host, o->label, what);
}

int
main(int argc, char **argv)
{
	json_t		*root = data_json("sct/upki-revoked-sites/"
			    "test-sites.part1.json");
	const json_t	*sites = json_object_get(root, "sites");
	struct roots	*roots = read_roots(), *all = read_intermediates();
	struct span	*pool = mem_array(all->n + POOL_MAX, sizeof(*pool));
	struct tally	 t;
	struct one	 o;
	size_t		 i;
	int		 r;

	memset(&t, 0, sizeof(t));
	t.verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	for (i = 0; i < all->n; i++)
		pool[i] = (struct span){ all->v[i].der, all->v[i].nder };
	for (i = 0; i < json_array_size(sites) && roots->n != 0; i++) {
		if (one_read(&o, json_array_get(sites, i)) == -1) {
			t.empty++;
			continue;
		}
		count(&t, ask(&t, &o, roots, o.pool, o.npool), &o,
		    "not trusted with what it sent");
		count(&t, !ask(&t, &o, roots, NULL, 0), &o,
		    "trusted without intermediates");
		/* Both pools: a new CA is not in the bundle of May yet. */
		memcpy(pool + all->n, o.pool, o.npool * sizeof(*pool));
		count(&t, ask(&t, &o, roots, pool, all->n + o.npool), &o,
		    "not trusted in the large pool");
		one_free(&o);
	}
	if (i == 0)
		printf("SKIP 1 real chains: no data\n");
	if (t.empty != 0)
		printf("skipped %u: no chain was recorded\n", t.empty);
	printf("real chains: %zu chains, %u of %u verdicts as expected, "
	    "%lld us of CPU each\n", i - t.empty, t.right,
	    t.right + t.wrong, t.builds != 0 ? (long long)(t.cpu / t.builds / 1000) : 0);
	r = data_done(t.right, t.wrong, i == 0 ? 1 : t.empty);
	json_decref(root);
	roots_free(roots);
	roots_free(all);
	free(pool);
	return r;
}
