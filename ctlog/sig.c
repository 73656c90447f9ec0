#include "ctlog/sig.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/limit.h"

/* Why the key must not be used with these algorithms; NULL: it may. */
static const char *
unfit(EVP_PKEY *key, uint8_t hash_alg, uint8_t sig_alg)
{
	char	group[64];
	size_t	n;

	if (hash_alg != SIG_SHA256 && hash_alg != SIG_SHA384)
		return "hash algorithm is not sha256(4) (RFC 6962 2.1.4)";
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		if (sig_alg != SIG_RSA)
			return "an RSA key must sign with rsa(1) "
			    "(RFC 6962 2.1.4)";
		if (EVP_PKEY_get_bits(key) < 2048)
			return "the RSA key has fewer than 2048 bits "
			    "(RFC 6962 2.1.4)";
		if (EVP_PKEY_get_bits(key) > LIMIT_RSA_BITS)
			return "the RSA key has more than 8192 bits";
		return NULL;
	case EVP_PKEY_EC:
		if (sig_alg != SIG_ECDSA)
			return "an elliptic curve key must sign with "
			    "ecdsa(3) (RFC 6962 2.1.4)";
		if (EVP_PKEY_get_group_name(key, group, sizeof(group),
		    &n) != 1)
			return "the elliptic curve has no name";
		if (strcmp(group, SN_X9_62_prime256v1) == 0)
			return hash_alg == SIG_SHA256 ? NULL :
			    "a P-256 key must sign with sha256(4) "
			    "(RFC 6962 2.1.4)";
		return strcmp(group, SN_secp384r1) == 0 ? NULL :
		    "the elliptic curve is neither P-256 nor P-384 "
		    "(RFC 6962 2.1.4)";
	default:
		return "the key is neither RSA nor elliptic curve "
		    "(RFC 6962 2.1.4)";
	}
}

/* Whether the key verifies, both being fit for each other. */
static int
check(EVP_PKEY *key, uint8_t hash_alg, struct span sig, struct span data)
{
	EVP_MD_CTX	*ctx;
	int		 ok;

	if ((ctx = EVP_MD_CTX_new()) == NULL)
		return 0;
	ok = EVP_DigestVerifyInit_ex(ctx, NULL,
	    hash_alg == SIG_SHA384 ? "SHA384" : "SHA256", NULL, NULL, key,
	    NULL) == 1 &&
	    EVP_DigestVerify(ctx, sig.p, sig.n, data.p, data.n) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

int
sig_verify(struct span spki, uint8_t hash_alg, uint8_t sig_alg,
    struct span sig, struct span data, struct err *e)
{
	const uint8_t	*p = spki.p;
	const char	*why;
	EVP_PKEY	*key = NULL;
	int		 rc = -1;

	if (spki.n == 0)
		return err_set(e, ERR_FORMAT,
		    "signature: no key to check it with");
	if (spki.n <= LIMIT_SPKI)
		key = d2i_PUBKEY(NULL, &p, (long)spki.n);
	if (key == NULL || p != spki.p + spki.n) {
		(void)err_set(e, ERR_FORMAT, "signature: the key is no DER "
		    "SubjectPublicKeyInfo (RFC 5280 4.1.2.7)");
		goto out;
	}
	why = unfit(key, hash_alg, sig_alg);
	if (why != NULL)
		(void)err_set(e, ERR_FORMAT, "signature: %s", why);
	else if (!check(key, hash_alg, sig, data))
		(void)err_set(e, ERR_VERIFY,
		    "signature: does not verify with the log's key "
		    "(RFC 6962 2.1.4)");
	else
		rc = 0;
out:
	EVP_PKEY_free(key);
	ERR_clear_error();
	return rc;
}

int
sig_read(struct cur *c, uint8_t *hash_alg, uint8_t *sig_alg,
    struct span *sig, struct err *e)
{
	struct cur	d = *c, v;

	if (cur_u8(&d, hash_alg) == -1 || cur_u8(&d, sig_alg) == -1 ||
	    cur_vec16(&d, &v) == -1)
		return err_set(e, ERR_FORMAT,
		    "signature: cut short (RFC 5246 4.7)");
	if (cur_left(&d) != 0)
		return err_set(e, ERR_FORMAT,
		    "signature: %zu bytes too many (RFC 5246 4.7)",
		    cur_left(&d));
	if (cur_left(&v) == 0)
		return err_set(e, ERR_FORMAT,
		    "signature: empty (RFC 5246 4.7)");
	*sig = cur_rest(&v);
	*c = d;
	return 0;
}
