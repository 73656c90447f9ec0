#include "base/clk.h"
#include "pki/chain.h"
#include "tests/conformance/data.h"

/*
 * NIST PKITS: paths of RFC 5280, with the root first.  Judged without the
 * profile of the CA/Browser Forum.
 *
 *   conform_pkits [-v]
 *
 * Cases that only a CRL refuses are left to ask_crls().
 */

#define CERTS_MAX	8
#define OIDS_MAX	8

struct tally {
	unsigned	cases, right, accepts, rejects, crl, deviations;
	struct buf	known;		/* deviations.md */
	int		verbose;
};

struct one {
	const json_t		*j;
	const char		*number;
	struct buf		 der[CERTS_MAX];
	struct span		 pool[CERTS_MAX];
	size_t			 n;
	struct roots		*roots;
	struct chain_policy	 policy;
	const char		*oids[OIDS_MAX];
	char			 text[OIDS_MAX][40];
	int			 valid;
};

/* What the CRLs of a path say. */
enum crls { CRLS_GOOD, CRLS_REFUSE, CRLS_UNDECIDED };

/*
 * The certificates of an accepted path, leaf first, and the names of the
 * case's CRLs.  CRLs are not read here: what they alone refuse stays open.
 */
static enum crls
ask_crls(const struct chain_path *path, const json_t *crls)
{
	(void)path;
	(void)crls;
	return CRLS_UNDECIDED;
}

/*
 * Is the case about CRLs: the sections of CRLs, and what is refused because
 * it is revoked, or its CA may not sign CRLs.
 */
static int
is_about_crls(const char *number)
{
	static const char *const	others[] = {
		"4.5.2", "4.5.5", "4.5.7", "4.7.4", "4.7.5"
	};
	size_t				i;

	if (strncmp(number, "4.4.", 4) == 0 ||
	    strncmp(number, "4.14.", 5) == 0 ||
	    strncmp(number, "4.15.", 5) == 0)
		return 1;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(number, others[i]) == 0)
			return 1;
	return 0;
}

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

static int
one_read(struct one *o, const json_t *j)
{
	const json_t	*a = json_object_get(j, "certs");
	const json_t	*set = json_object_get(j, "settings");
	char		 name[256];
	size_t		 i;

	memset(o, 0, sizeof(*o));
	o->j = j;
	o->number = data_text(j, "number");
	o->valid = json_is_true(json_object_get(j, "should_validate"));
	o->roots = roots_new("pkits");
	o->n = json_array_size(a);
	for (i = 0; i < o->n && i < CERTS_MAX; i++) {
		snprintf(name, sizeof(name), "chain/nist-pkits/certs/%s.crt",
		    json_string_value(json_array_get(a, i)));
		if (data_read(name, &o->der[i]) == -1)
			return -1;
		o->pool[i] = buf_bytes(&o->der[i]);
	}
	o->policy.oids = o->oids;
	o->policy.explicit_policy = is_true(set, "SetInitialExplicitPolicy");
	o->policy.inhibit_mapping = is_true(set,
	    "SetInitialPolicyMappingInhibit");
	o->policy.inhibit_any = is_true(set, "SetInitialInhibitAnyPolicy");
	read_policies(o, data_text(set, "SetInitialPolicySet"));
	if (i < 2 || roots_add(o->roots, o->pool[0], INT64_MIN, NULL) == -1)
		return -1;
	roots_done(o->roots);
	return 0;
}

static void
one_free(struct one *o)
{
	size_t	i;

	for (i = 0; i < CERTS_MAX; i++)
		buf_free(&o->der[i]);
	roots_free(o->roots);
}

/* 1: valid, 0: not; -1: a CRL would have to say. */
static int
ask_us(const struct one *o, char *why, size_t cap)
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
	(void)clk_parse("2020-01-01T00:00:00Z", &in.at);
	if (chain_build(&in, &c, &e) == -1)
		snprintf(why, cap, "%.200s", e.msg);
	else if ((p = chain_best(&c, o->roots)) == NULL)
		snprintf(why, cap, "%s", c.reason);
	else {
		r = p->verdict == CHAIN_TRUSTED;
		snprintf(why, cap, "%s", p->reason);
	}
	if (r == 1 && is_about_crls(o->number))
		switch (ask_crls(p, json_object_get(o->j, "crls"))) {
		case CRLS_GOOD:
			break;
		case CRLS_REFUSE:
			r = 0;
			break;
		case CRLS_UNDECIDED:
			r = -1;
			break;
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
	/* A path that must be valid has to be so before any CRL is asked. */
	if (got == -1 && o.valid)
		got = 1;
	if (got == -1) {
		t->crl++;
	} else if (got == 0 && o.valid &&
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
	if (t.crl != 0)
		printf("skipped %u: only a CRL refuses them\n", t.crl);
	printf("PKITS: %zu cases, %u as expected, %u wrong accepts, "
	    "%u wrong rejects, %u other on purpose (deviations.md), "
	    "%u skipped\n", i, t.right, t.accepts, t.rejects,
	    t.deviations, t.crl);
	r = data_done(t.right + t.deviations, t.accepts + t.rejects,
	    i == 0 ? 1 : t.crl);
	json_decref(root);
	buf_free(&t.known);
	return r;
}
