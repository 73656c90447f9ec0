#include "pki/chain_check.h"

#include <string.h>

#include "base/clk.h"
#include "pki/chain_name.h"
#include "pki/chain_nc.h"
#include "pki/chain_ossl.h"
#include "pki/chain_profile.h"
#include "pki/dn.h"
#include "pki/name.h"

/* The sentence: which certificate of the path, and what is wrong. */
static int
refuse(struct buf *why, size_t i, size_t n, const char *what)
{
	if (i == 0)
		buf_str(why, "leaf: ");
	else if (i + 1 == n)
		buf_str(why, "root: ");
	else
		buf_fmt(why, "intermediate %zu: ", i);
	buf_str(why, what);
	return 0;
}

/* What holds for each certificate of a path (RFC 5280, 4.1 and 4.2). */
static const char *
check_cert(struct chain_cert *c, int precert)
{
	const struct chain_exts	*x = chain_cert_exts(c);

	if (x->fault != NULL)
		return x->fault;
	if (x->unknown != NULL)
		return x->unknown;
	if (chain_has(x, CHAIN_EXT_POISON) && !precert)
		return "a precertificate (RFC 6962, 3.1)";
	if (c->t.sigalg.n != c->sigalg.n ||
	    memcmp(c->t.sigalg.p, c->sigalg.p, c->sigalg.n) != 0)
		return "the signature algorithms inside and outside differ "
		    "(RFC 5280, 4.1.1.2)";
	if (dn_empty(c->t.issuer))
		return "the issuer is empty (RFC 5280, 4.1.2.4)";
	if (chain_cert_x509(c) == NULL)
		return "OpenSSL cannot read it";
	return NULL;
}

/* May it issue the certificate below it (RFC 5280, 6.1.4 k to n)? */
static const char *
check_issuer(struct chain_cert *c, size_t below, const struct chain_in *in)
{
	const struct chain_exts	*x = chain_cert_exts(c);

	if (!x->ca)
		return "not a CA (RFC 5280, 6.1.4 k)";
	if (x->path_len != -1 && below > (size_t)x->path_len)
		return "the path below it is longer than its path length "
		    "allows (RFC 5280, 6.1.4 m)";
	if (chain_has(x, CHAIN_EXT_KU) &&
	    (x->ku & CHAIN_KU_CERT_SIGN) == 0)
		return "its key usage has no keyCertSign "
		    "(RFC 5280, 6.1.4 n)";
	if (chain_has(x, CHAIN_EXT_NC) && in->permissive &&
	    !chain_critical(x, CHAIN_EXT_NC))
		return "name constraints are not critical "
		    "(RFC 5280, 4.2.1.10)";
	if (!in->any_eku && chain_has(x, CHAIN_EXT_EKU) && !x->eku_server &&
	    !x->eku_any)
		return "its extended key usage has no serverAuth "
		    "(RFC 5280, 4.2.1.12)";
	return NULL;
}

/* What only the end of a path is asked. */
static const char *
check_leaf(struct chain_cert *c, const struct chain_in *in)
{
	const struct chain_exts	*x = chain_cert_exts(c);

	if (chain_has(x, CHAIN_EXT_NC) && !x->ca)
		return "name constraints, but not a CA "
		    "(RFC 5280, 4.2.1.10)";
	if (!in->any_eku && chain_has(x, CHAIN_EXT_EKU) && !x->eku_server &&
	    !x->eku_any)
		return "its extended key usage has no serverAuth "
		    "(RFC 5280, 4.2.1.12)";
	if (in->name != NULL && !chain_name_covers(c, in->name))
		return "it does not cover the name (RFC 9525, 6)";
	return NULL;
}

/* RFC 5280, 6.1, without times, signatures and policies. */
static int
check_rules(struct chain_cert *const *path, size_t n,
    const struct chain_in *in, size_t *names, struct buf *why)
{
	size_t		 i, below = 0;
	const char	*bad;

	for (i = 0; i < n; i++)
		if ((bad = check_cert(path[i], in->precert && i == 0)) != NULL)
			return refuse(why, i, n, bad);
	for (i = 1; i < n; i++) {
		bad = check_issuer(path[i], below, in);
		if (bad != NULL)
			return refuse(why, i, n, bad);
		below += !chain_self_issued(path[i]);
		/* below counts the anchor in the last round only. */
		if (in->max_depth >= 0 && i + 1 < n &&
		    below > (size_t)in->max_depth)
			return refuse(why, i, n, "the path is longer than "
			    "asked for");
	}
	if ((bad = check_leaf(path[0], in)) != NULL)
		return refuse(why, 0, n, bad);
	if ((bad = chain_nc_path(path, n, names)) != NULL) {
		buf_str(why, bad);
		return 0;
	}
	return 1;
}

static int
check_profile(struct chain_cert *const *path, size_t n, int any_eku,
    struct buf *why)
{
	const char	*bad;
	size_t		 i;

	for (i = 0; i < n; i++) {
		bad = chain_profile(path[i], i == 0 ? CHAIN_LEAF :
		    i + 1 == n ? CHAIN_ROOT : CHAIN_CA, any_eku);
		if (bad != NULL)
			return refuse(why, i, n, bad);
	}
	return 1;
}

/* Does a CA of the path demand policies (RFC 5280, 4.2.1.11)? */
static int
wants_policies(struct chain_cert *const *path, size_t n)
{
	size_t	i;

	for (i = 1; i < n; i++)
		if (chain_has(chain_cert_exts(path[i]), CHAIN_EXT_PC))
			return 1;
	return 0;
}

/*
 * The name as OpenSSL can compare it: without a dot at its end, U-labels as
 * A-labels; NULL for a wildcard, which it cannot.
 */
static const char *
host_of(const char *name, char out[NAME_TEXT])
{
	if (name == NULL || *name == '*')
		return NULL;
	return name_fold(name, strlen(name), out, NAME_TEXT) == -1 ? name :
	    out;
}

int
chain_check_path(struct chain_cert *const *path, size_t n,
    const struct chain_in *in, size_t *names, struct buf *why)
{
	struct chain_ossl	 o;
	char			 name[NAME_TEXT];
	const char		*bad;

	if (!check_rules(path, n, in, names, why))
		return 0;
	if (!in->permissive && !check_profile(path, n, in->any_eku, why))
		return 0;
	o.name = host_of(in->name, name);
	o.any_eku = in->any_eku;
	o.permissive = in->permissive;
	o.precert = in->precert;
	o.policy = in->policy;
	o.policies = in->policy != NULL || wants_policies(path, n);
	if ((bad = chain_ossl_path(path, n, &o)) != NULL) {
		buf_fmt(why, "OpenSSL: %s", bad);
		return 0;
	}
	return 1;
}

int
chain_check_time(struct chain_cert *const *path, size_t n, int64_t at,
    struct buf *why)
{
	int64_t	sec = at / CLK_SEC;
	char	text[CLK_TEXT];
	size_t	i;

	for (i = 0; i < n; i++) {
		if (sec < path[i]->from / CLK_SEC) {
			(void)refuse(why, i, n, "not valid before ");
			buf_fmt(why, "%s (RFC 5280, 4.1.2.5)",
			    clk_text(path[i]->from, text));
			return 0;
		}
		if (sec > path[i]->to / CLK_SEC) {
			(void)refuse(why, i, n, "expired ");
			buf_fmt(why, "%s (RFC 5280, 4.1.2.5)",
			    clk_text(path[i]->to, text));
			return 0;
		}
	}
	return 1;
}
