#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/clk.h"
#include "pki/chain.h"
#include "pki/pem.h"
#include "tests/conformance/crls.h"
#include "tests/conformance/data.h"

/*
 * x509-limbo: each case is a leaf, a pool, roots, a name and a time, and what
 * must come out; some have CRLs.  OpenSSL's X509_verify_cert gets the same
 * cases, as strictly as it can be asked.
 *
 *   conform_limbo [-v] [FILE]...
 *
 * Cases that only RFC 5280 decides (they say that they contradict the Web
 * PKI, or are among rfc5280_only) are judged without the profile of the
 * CA/Browser Forum.
 */

struct count {
	unsigned	cases, right, accepts, rejects;
};

struct tally {
	struct count	 ours, openssl;
	unsigned	 deviations;
	struct buf	 known;		/* deviations.md */
	int		 verbose;
};

/* What one case needs, in memory. */
struct one {
	const json_t	*j;
	const char	*id;
	struct buf	 leaf;
	struct buf	*pool;		/* owned */
	struct span	*spans;		/* owned */
	size_t		 npool;
	struct buf	 list[CRLS_MAX];
	struct crls	 crls;
	struct roots	*roots;
	int64_t		 at;
	const char	*name;
	int		 client;	/* not a TLS server: any usage */
	int		 success;
};

static int
pem_of(const char *text, const char *label, struct buf *out)
{
	struct cur	c = cur_of(text, strlen(text));

	return pem_next(&c, label, out) == 1 ? 0 : -1;
}

static int
pem_one(const char *text, struct buf *out)
{
	return pem_of(text, "CERTIFICATE", out);
}

/* Seconds since 1970 of an ISO time with an offset, in microseconds. */
static int64_t
when(const json_t *j)
{
	const char	*s = data_text(j, "validation_time");
	char		 text[32];
	int64_t		 us;
	const char	*dot;

	if (s == NULL)
		return clk_wall();
	snprintf(text, sizeof(text), "%.19sZ", s);
	if (clk_parse(text, &us) == -1)
		abort();
	if ((dot = strchr(s, '.')) != NULL)
		us += strtol(dot + 1, NULL, 10) * 1000;
	return us;
}

/* The CRLs, and who may sign them: roots and intermediates. */
static int
read_crls(struct one *o)
{
	const json_t	*a = json_object_get(o->j, "crls");
	struct crls	*c = &o->crls;

	for (c->n = 0; c->n < json_array_size(a); c->n++) {
		if (c->n == CRLS_MAX || pem_of(json_string_value(
		    json_array_get(a, c->n)), "X509 CRL", &o->list[c->n])
		    == -1)
			return -1;
		c->crl[c->n] = buf_bytes(&o->list[c->n]);
	}
	c->pool = o->spans;
	c->npool = o->npool;
	c->roots = o->roots;
	c->at = o->at;
	c->profile = 1;
	return 0;
}

static int
one_read(struct one *o, const json_t *j)
{
	const json_t	*a, *peer;
	struct buf	 der = BUF_INIT;
	size_t		 i;
	int		 r = 0;

	memset(o, 0, sizeof(*o));
	o->j = j;
	o->id = data_text(j, "id");
	o->at = when(j);
	o->success = strcmp(data_text(j, "expected_result"), "SUCCESS") == 0;
	o->client = strcmp(data_text(j, "validation_kind"), "SERVER") != 0;
	peer = json_object_get(j, "expected_peer_name");
	o->name = data_text(peer, "value");
	o->roots = roots_new("limbo");
	a = json_object_get(j, "trusted_certs");
	for (i = 0; i < json_array_size(a); i++)
		if (pem_one(json_string_value(json_array_get(a, i)), &der)
		    == 0)
			(void)roots_add(o->roots, buf_bytes(&der), INT64_MIN,
			    NULL);
	roots_done(o->roots);
	a = json_object_get(j, "untrusted_intermediates");
	o->npool = json_array_size(a);
	o->pool = mem_array(o->npool + 1, sizeof(*o->pool));
	o->spans = mem_array(o->npool + 1, sizeof(*o->spans));
	for (i = 0; i < o->npool; i++) {
		if (pem_one(json_string_value(json_array_get(a, i)),
		    &o->pool[i]) == -1)
			r = -1;
		o->spans[i] = buf_bytes(&o->pool[i]);
	}
	if (pem_one(data_text(j, "peer_certificate"), &o->leaf) == -1 ||
	    read_crls(o) == -1)
		r = -1;
	buf_free(&der);
	return r;
}

static void
one_free(struct one *o)
{
	size_t	i;

	for (i = 0; i < o->npool; i++)
		buf_free(&o->pool[i]);
	for (i = 0; i < CRLS_MAX; i++)
		buf_free(&o->list[i]);
	free(o->pool);
	free(o->spans);
	buf_free(&o->leaf);
	roots_free(o->roots);
}

static int
has(const json_t *j, const char *member, const char *value)
{
	const json_t	*a = json_object_get(j, member);
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++)
		if (value == NULL || strcmp(json_string_value(
		    json_array_get(a, i)), value) == 0)
			return 1;
	return 0;
}

/* Does the case ask for RFC 5280 where the Web PKI says otherwise? */
static int
rfc_only(const json_t *j)
{
	static const char *const	ids[] = {
		/* a CA certificate as the leaf */
		"pathlen::validation-ignores-pathlen-in-leaf",
		/* a leaf without extended key usage */
		"rfc5280::eku::ee-without-eku"
	};
	const char			*id = data_text(j, "id");
	size_t				i;

	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (strcmp(id, ids[i]) == 0)
			return 1;
	return has(j, "features", "rfc5280-incompatible-with-webpki") ||
	    (strncmp(id, "rfc5280::", 9) == 0 &&
	    has(j, "conflicts_with", NULL));
}

/* 1: accepted. */
static int
ask_us(struct one *o, char *why, size_t cap)
{
	const struct roots	*programs[1] = { o->roots };
	struct chain_in		 in = { .leaf = buf_bytes(&o->leaf),
				    .pool = o->spans, .npool = o->npool,
				    .programs = programs, .nprograms = 1,
				    .at = o->at, .first_sct = INT64_MIN,
				    .name = o->name, .max_depth = -1 };
	const json_t		*depth = json_object_get(o->j,
				    "max_chain_depth");
	const struct chain_path	*p;
	struct chain		 c;
	struct err		 e = ERR_INIT;
	int			 r = 0;

	if (json_is_integer(depth))
		in.max_depth = (int)json_integer_value(depth);
	in.any_eku = o->client;
	in.permissive = rfc_only(o->j);
	if (chain_build(&in, &c, &e) == -1)
		snprintf(why, cap, "%.200s", e.msg);
	else if ((p = chain_best(&c, o->roots)) == NULL)
		snprintf(why, cap, "%s", c.reason);
	else {
		r = p->verdict == CHAIN_TRUSTED;
		snprintf(why, cap, "%s", p->reason);
	}
	if (r && o->crls.n != 0 && crls_path(&o->crls, p) != REV_GOOD) {
		r = 0;
		snprintf(why, cap, "%s", o->crls.why);
	}
	chain_free(&c);
	return r;
}

static X509 *
x509_of(const struct buf *b)
{
	const uint8_t	*p = b->p;

	return d2i_X509(NULL, &p, (long)b->n);
}

/* OpenSSL as strict as it gets: the flags of the suite's own harness. */
static void
openssl_params(X509_VERIFY_PARAM *p, const struct one *o)
{
	const json_t	*depth = json_object_get(o->j, "max_chain_depth");

	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT |
	    X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_auth_level(p, 2);
	X509_VERIFY_PARAM_set_time(p, o->at / CLK_SEC);
	X509_VERIFY_PARAM_set_purpose(p, o->client ?
	    X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER);
	X509_VERIFY_PARAM_set_hostflags(p,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (json_is_integer(depth))
		X509_VERIFY_PARAM_set_depth(p,
		    (int)json_integer_value(depth));
	if (o->name != NULL && !X509_VERIFY_PARAM_set1_ip_asc(p, o->name))
		X509_VERIFY_PARAM_set1_host(p, o->name, 0);
}

/* The CRLs into the store; with one, each link needs one. */
static void
openssl_crls(X509_STORE *store, const struct one *o)
{
	const uint8_t	*p;
	X509_CRL	*crl;
	size_t		 i;

	for (i = 0; i < o->crls.n; i++) {
		p = o->crls.crl[i].p;
		crl = d2i_X509_CRL(NULL, &p, (long)o->crls.crl[i].n);
		if (crl != NULL)
			X509_STORE_add_crl(store, crl);
		X509_CRL_free(crl);
	}
	if (o->crls.n != 0)
		X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK |
		    X509_V_FLAG_CRL_CHECK_ALL);
}

static int
ask_openssl(const struct one *o)
{
	X509_STORE	*store = X509_STORE_new();
	X509_STORE_CTX	*ctx = X509_STORE_CTX_new();
	STACK_OF(X509)	*pool = sk_X509_new_null();
	const uint8_t	*p;
	X509		*x, *leaf = x509_of(&o->leaf);
	size_t		 i;
	int		 r = 0;

	for (i = 0; i < o->roots->n; i++) {
		p = o->roots->v[i].der;
		x = d2i_X509(NULL, &p, (long)o->roots->v[i].nder);
		if (x != NULL)
			X509_STORE_add_cert(store, x);
		X509_free(x);
	}
	for (i = 0; i < o->npool; i++)
		if ((x = x509_of(&o->pool[i])) != NULL)
			sk_X509_push(pool, x);
	openssl_crls(store, o);
	if (leaf != NULL && X509_STORE_CTX_init(ctx, store, leaf, pool)) {
		openssl_params(X509_STORE_CTX_get0_param(ctx), o);
		r = X509_verify_cert(ctx) == 1;
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_pop_free(pool, X509_free);
	X509_free(leaf);
	return r;
}

static void
add(struct count *c, int success, int accepted)
{
	c->cases++;
	if (success == accepted)
		c->right++;
	else if (accepted)
		c->accepts++;
	else
		c->rejects++;
}

static void
run(const json_t *j, struct tally *t)
{
	struct one	 o;
	char		 why[300];
	int		 got, theirs;

	if (one_read(&o, j) == -1)
		printf("%s: cannot be read\n", o.id);
	got = ask_us(&o, why, sizeof(why));
	theirs = ask_openssl(&o);
	add(&t->openssl, o.success, theirs);
	if (got != o.success && !got &&
	    data_deviates(&t->known, "x509-limbo", o.id)) {
		t->ours.cases++;
		t->deviations++;
		printf("differs on purpose: %s: %s\n", o.id, why);
	} else {
		add(&t->ours, o.success, got);
		if (got != o.success)
			printf("wrong %s: %s: %s\n", got ? "accept" :
			    "reject", o.id, why);
	}
	if (t->verbose)
		printf("%s %s %s: %s%s\n", o.success ? "+" : "-", o.id,
		    got ? "accepted" : "rejected", why,
		    theirs == o.success ? "" : " [OpenSSL wrong]");
	one_free(&o);
}

static void
say(const char *who, const struct count *c, unsigned deviations)
{
	printf("x509-limbo, %s: %u cases, %u right, %u wrong accepts, "
	    "%u wrong rejects", who, c->cases, c->right, c->accepts,
	    c->rejects);
	if (deviations != 0)
		printf(", %u other on purpose (deviations.md)", deviations);
	printf("\n");
}

static unsigned
file(const char *name, struct tally *t)
{
	json_t		*root = data_json(name);
	const json_t	*cases = json_object_get(root, "testcases");
	size_t		 i;

	for (i = 0; i < json_array_size(cases); i++)
		run(json_array_get(cases, i), t);
	json_decref(root);
	return (unsigned)i;
}

int
main(int argc, char **argv)
{
	struct tally	t;
	unsigned	n = 0;
	int		i = 1, r;

	memset(&t, 0, sizeof(t));
	(void)data_read("./tests/conformance/deviations.md", &t.known);
	if (i < argc && strcmp(argv[i], "-v") == 0) {
		t.verbose = 1;
		i++;
	}
	if (i == argc)
		n = file("chain/x509-limbo/limbo.json", &t);
	for (; i < argc; i++)
		n += file(argv[i], &t);
	if (n == 0)
		printf("SKIP 1 x509-limbo: no data\n");
	say("certvigil", &t.ours, t.deviations);
	say("OpenSSL", &t.openssl, 0);
	r = data_done(t.ours.right + t.deviations, t.ours.accepts +
	    t.ours.rejects, n == 0);
	buf_free(&t.known);
	return r;
}
