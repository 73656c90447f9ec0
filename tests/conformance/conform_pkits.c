#include "base/clk.h"
#include "pki/chain.h"
#include "tests/conformance/crls.h"
#include "tests/conformance/data.h"

/*
 * NIST PKITS: paths of RFC 5280, with the root first, and the CRLs of each
 * case.  Judged without the profile of the CA/Browser Forum.
 *
 *   conform_pkits [-v]
 */

#define CERTS_MAX	8
#define OIDS_MAX	8

struct tally {
	unsigned	cases, right, accepts, rejects, deviations;
	struct buf	known;		/* deviations.md */
	int		verbose;
};

struct one {
	const json_t		*j;
	const char		*number;
	struct buf		 der[CERTS_MAX];
	struct span		 pool[CERTS_MAX];
	size_t			 n;
	struct buf		 list[CRLS_MAX];
	struct crls		 crls;
	struct roots		*roots;
	struct chain_policy	 policy;
	const char		*oids[OIDS_MAX];
	char			 text[OIDS_MAX][40];
	int			 valid;
};

/* "NIST-test-policy-1,NIST-test-policy-2", in quotes, as dotted OIDs. */
static void
read_policies(struct one *o, const char *s)
{
	static const char	name[] = "NIST-test-policy-";

	for (; s != NULL && (s = strstr(s, name)) != NULL &&
	    o->policy.n < OIDS_MAX; s++) {
		snprintf(o->text[o->policy.n], sizeof(o->text[0]),
		    "2.16.840.1.101.3.2.1.48.%ld",
		    strtol(s + strlen(name), NULL, 10));
		o->oids[o->policy.n] = o->text[o->policy.n];
		o->policy.n++;
	}
}

static int
is_true(const json_t *o, const char *key)
{
	const char	*s = data_text(o, key);

	return s != NULL && strcmp(s, "true") == 0;
}

/* The files of a member of the case, named alike: how many, or -1. */
static long
read_all(const struct one *o, const char *kind, const char *ext,
    struct buf *out)
{
	const json_t	*a = json_object_get(o->j, kind);
	char		 name[256];
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++) {
		snprintf(name, sizeof(name), "chain/nist-pkits/%s/%s.%s",
		    kind, json_string_value(json_array_get(a, i)), ext);
		if (i == CERTS_MAX || data_read(name, &out[i]) == -1)
			return -1;
	}
	return (long)i;
}

static int
one_read(struct one *o, const json_t *j)
{
	const json_t	*set = json_object_get(j, "settings");
	long		 n, ncrls, i;

	memset(o, 0, sizeof(*o));
	o->j = j;
	o->number = data_text(j, "number");
	o->valid = json_is_true(json_object_get(j, "should_validate"));
	o->roots = roots_new("pkits");
	n = read_all(o, "certs", "crt", o->der);
	ncrls = read_all(o, "crls", "crl", o->list);
	if (n < 2 || ncrls == -1)
		return -1;
	o->n = (size_t)n;
	for (i = 0; i < n; i++)
		o->pool[i] = buf_bytes(&o->der[i]);
	o->crls.n = (size_t)ncrls;
	for (i = 0; i < ncrls; i++)
		o->crls.crl[i] = buf_bytes(&o->list[i]);
	o->crls.pool = o->pool;
	o->crls.npool = o->n - 1;
	o->crls.roots = o->roots;
	(void)clk_parse("2020-01-01T00:00:00Z", &o->crls.at);
	o->policy.oids = o->oids;
	o->policy.explicit_policy = is_true(set, "SetInitialExplicitPolicy");
	o->policy.inhibit_mapping = is_true(set,
	    "SetInitialPolicyMappingInhibit");
	o->policy.inhibit_any = is_true(set, "SetInitialInhibitAnyPolicy");
	read_policies(o, data_text(set, "SetInitialPolicySet"));
	if (roots_add(o->roots, o->pool[0], INT64_MIN, NULL) == -1)
		return -1;
	roots_done(o->roots);
	return 0;
}

static void
one_free(struct one *o)
{
	size_t	i;

	for (i = 0; i < CERTS_MAX; i++) {
		buf_free(&o->der[i]);
		buf_free(&o->list[i]);
	}
	roots_free(o->roots);
}

/* 1: valid, 0: not. */
static int
ask_us(struct one *o, char *why, size_t cap)
{
	const struct roots	*programs[1] = { o->roots };
	struct chain_in		 in = { .programs = programs,
				    .nprograms = 1, .first_sct = INT64_MIN,
				    .max_depth = -1, .any_eku = 1,
				    .permissive = 1 };
	const struct chain_path	*p;
	struct chain		 c;
	struct err		 e = ERR_INIT;
	int			 r = 0;

	in.leaf = o->pool[o->n - 1];
	in.pool = o->pool;
	in.npool = o->n - 1;
	in.policy = &o->policy;
	in.at = o->crls.at;
	if (chain_build(&in, &c, &e) == -1)
		snprintf(why, cap, "%.200s", e.msg);
	else if ((p = chain_best(&c, o->roots)) == NULL)
		snprintf(why, cap, "%s", c.reason);
	else {
		r = p->verdict == CHAIN_TRUSTED;
		snprintf(why, cap, "%s", p->reason);
	}
	if (r == 1 && crls_path(&o->crls, p) != REV_GOOD) {
		r = 0;
		snprintf(why, cap, "%s", o->crls.why);
	}
	chain_free(&c);
	return r;
}

static void
run(const json_t *j, struct tally *t)
{
	const char	*name = data_text(j, "name");
	struct one	 o;
	char		 why[300] = "";
	int		 got = 0;

	if (one_read(&o, j) == -1)
		printf("%s: cannot be read\n", o.number);
	else
		got = ask_us(&o, why, sizeof(why));
	if (got == 0 && o.valid &&
	    data_deviates(&t->known, "NIST PKITS", o.number)) {
		t->deviations++;
		printf("differs on purpose: %s %s: %s\n", o.number, name,
		    why);
	} else {
		t->cases++;
		if (got == o.valid)
			t->right++;
		else if (got == 1)
			t->accepts++;
		else
			t->rejects++;
		if (got != o.valid)
			printf("wrong %s: %s %s: %s\n", got ? "accept" :
			    "reject", o.number, name, why);
	}
	if (t->verbose)
		printf("%s %s %s: %d %s\n", o.valid ? "+" : "-", o.number,
		    name, got, why);
	one_free(&o);
}

int
main(int argc, char **argv)
{
	json_t		*root = data_json("chain/nist-pkits/"
			    "pkits_expected.json");
	const json_t	*tests = json_object_get(root, "tests");
	struct tally	 t;
	size_t		 i;
	int		 r;

	memset(&t, 0, sizeof(t));
	t.verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	(void)data_read("./tests/conformance/deviations.md", &t.known);
	for (i = 0; i < json_array_size(tests); i++)
		run(json_array_get(tests, i), &t);
	if (i == 0)
		printf("SKIP 1 PKITS: no data\n");
	printf("PKITS: %zu cases, %u as expected, %u wrong accepts, "
	    "%u wrong rejects, %u other on purpose (deviations.md)\n", i,
	    t.right, t.accepts, t.rejects, t.deviations);
	r = data_done(t.right + t.deviations, t.accepts + t.rejects,
	    i == 0);
	json_decref(root);
	buf_free(&t.known);
	return r;
}
