#include "pki/chain_ossl.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "pki/cert.h"
#include "pki/weak_rsa.h"

int
chain_ossl_signed(struct chain_cert *cert, struct chain_cert *issuer)
{
	struct weak_rsa	 rsa;
	EVP_PKEY	*key;
	X509		*c, *i;
	int		 r;

	if (cert_signed_seen(cert->sha256, issuer->key))
		return 1;
	if ((c = chain_cert_x509(cert)) == NULL || (i = chain_cert_x509(issuer)) == NULL)
		return 0;
	if (weak_rsa_read(issuer->t.spki, &rsa) &&
	    weak_rsa_unfit(&rsa) != NULL)
		return 0;
	if ((key = X509_get0_pubkey(i)) == NULL) {
		ERR_clear_error();
		return 0;
	}
	if ((r = X509_verify(c, key) == 1))
		cert_signed_keep(cert->sha256, issuer->key);
	ERR_clear_error();
	return r;
}

/* The path of a store context, so that no other one is found. */
struct fixed {
	struct chain_cert *const	*path;
	size_t				 n;
	int				 precert;
};

/* The issuer of each certificate is the next of the path, and no other. */
static int
check_issued(X509_STORE_CTX *ctx, X509 *x, X509 *issuer)
{
	const struct fixed	*f = X509_STORE_CTX_get_app_data(ctx);
	size_t			 i;

	for (i = 0; i < f->n; i++)
		if (f->path[i]->x == x || X509_cmp(f->path[i]->x, x) == 0)
			break;
	if (i == f->n)
		return 0;
	/* The anchor is asked whether it signed itself. */
	if (i + 1 == f->n)
		return X509_cmp(x, issuer) == 0 &&
		    X509_check_issued(issuer, x) == X509_V_OK;
	return X509_cmp(f->path[i + 1]->x, issuer) == 0;
}

/*
 * Errors that are not OpenSSL's to decide here.  Each has been decided by
 * own checks before, which tests/unit/pki/test_chain.c shows.
 */
static int
on_error(int ok, X509_STORE_CTX *ctx)
{
	const struct fixed	*f = X509_STORE_CTX_get_app_data(ctx);

	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
		/*
		 * The poison of a precertificate that may be one; all other
		 * unknown ones were refused by chain_check.c.
		 */
		return ok || (f->precert &&
		    X509_STORE_CTX_get_error_depth(ctx) == 0);
	default:
		return ok;
	}
}

/*
 * Policies decide only where they are asked for: OpenSSL also refuses a
 * path for policies that are malformed and matter to nobody.
 */
static void
set_policies(X509_VERIFY_PARAM *p, const struct chain_policy *o)
{
	static const char *const	any[] = { "2.5.29.32.0" };
	const char *const		*oids = any;
	unsigned long			flags = X509_V_FLAG_POLICY_CHECK;
	ASN1_OBJECT			*oid;
	size_t				i, n = 1;

	if (o != NULL) {
		if (o->explicit_policy)
			flags |= X509_V_FLAG_EXPLICIT_POLICY;
		if (o->inhibit_mapping)
			flags |= X509_V_FLAG_INHIBIT_MAP;
		if (o->inhibit_any)
			flags |= X509_V_FLAG_INHIBIT_ANY;
	}
	if (o != NULL && o->n != 0) {
		oids = o->oids;
		n = o->n;
	}
	(void)X509_VERIFY_PARAM_set_flags(p, flags);
	for (i = 0; i < n; i++)
		if ((oid = OBJ_txt2obj(oids[i], 1)) != NULL &&
		    X509_VERIFY_PARAM_add0_policy(p, oid) != 1)
			ASN1_OBJECT_free(oid);
}

static void
set_params(X509_VERIFY_PARAM *p, const struct chain_ossl *o, size_t n)
{
	/*
	 * Times are compared in chain_check.c: at the very second of notAfter
	 * OpenSSL says expired, RFC 5280, 4.1.2.5 says that it is not.
	 * PARTIAL_CHAIN: a root of a program is an anchor even when another
	 * CA signed it; there is only this one in the store.
	 */
	(void)X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_NO_CHECK_TIME |
	    X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
	X509_VERIFY_PARAM_set_depth(p, (int)n);
	X509_VERIFY_PARAM_set_auth_level(p, o->permissive ? 0 : 2);
	/*
	 * RFC 5280 alone lets a CA be the end of a path, which OpenSSL's
	 * purpose does not; extended key usage is looked at in chain_check.c.
	 */
	if (!o->any_eku && !o->permissive)
		(void)X509_VERIFY_PARAM_set_purpose(p,
		    X509_PURPOSE_SSL_SERVER);
	X509_VERIFY_PARAM_set_hostflags(p,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (o->policies)
		set_policies(p, o->policy);
	if (o->name != NULL && X509_VERIFY_PARAM_set1_ip_asc(p, o->name) != 1)
		(void)X509_VERIFY_PARAM_set1_host(p, o->name, 0);
}

/* Its own memory is not what OpenSSL means: its tree of policies is full. */
static const char *
reason(int error, const struct chain_ossl *o)
{
	if (error == X509_V_ERR_OUT_OF_MEM && o->policies)
		return "too many policies and policy mappings "
		    "(RFC 5280, 6.1.3 d)";
	return X509_verify_cert_error_string(error);
}

const char *
chain_ossl_path(struct chain_cert *const *path, size_t n,
    const struct chain_ossl *o)
{
	struct fixed	 f = { path, n, o->precert };
	X509_STORE	*store = X509_STORE_new();
	X509_STORE_CTX	*ctx = X509_STORE_CTX_new();
	STACK_OF(X509)	*others = sk_X509_new_null();
	const char	*why = "OpenSSL has no memory";
	size_t		 i;

	if (store == NULL || ctx == NULL || others == NULL ||
	    X509_STORE_add_cert(store, path[n - 1]->x) != 1)
		goto out;
	for (i = 1; i + 1 < n; i++)
		if (sk_X509_push(others, path[i]->x) == 0)
			goto out;
	X509_STORE_set_check_issued(store, check_issued);
	X509_STORE_set_verify_cb(store, on_error);
	if (X509_STORE_CTX_init(ctx, store, path[0]->x, others) != 1)
		goto out;
	X509_STORE_CTX_set_app_data(ctx, &f);
	set_params(X509_STORE_CTX_get0_param(ctx), o, n);
	why = X509_verify_cert(ctx) == 1 ? NULL :
	    reason(X509_STORE_CTX_get_error(ctx), o);
out:
	sk_X509_free(others);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return why;
}
