#include "ctlog/sig.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"

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

/*
 * The latest keys, read and made ready to verify, by what they were asked
 * for: logs are few, and to read a key takes half as long as a signature.
 * The newest is the first.  Only keys that may be used are kept.
 */
static struct ready {
	uint8_t		*spki;
	size_t		 n;
	uint8_t		 hash_alg, sig_alg;
	EVP_PKEY	*key;
	EVP_PKEY_CTX	*ctx;
} ready[LIMIT_SIG_KEYS];

static void
ready_free(struct ready *r)
{
	EVP_PKEY_CTX_free(r->ctx);
	EVP_PKEY_free(r->key);
	free(r->spki);
	memset(r, 0, sizeof(*r));
}

/* Read the key; -1 and the reason when it must not or cannot be used. */
static int
ready_make(struct ready *r, struct span spki, struct err *e)
{
	const uint8_t	*p = spki.p;
	const char	*why;

	if (spki.n == 0)
		return err_set(e, ERR_FORMAT,
		    "signature: no key to check it with");
	if (spki.n <= LIMIT_SPKI)
		r->key = d2i_PUBKEY(NULL, &p, (long)spki.n);
	if (r->key == NULL || p != spki.p + spki.n)
		return err_set(e, ERR_FORMAT, "signature: the key is no DER "
		    "SubjectPublicKeyInfo (RFC 5280 4.1.2.7)");
	if ((why = unfit(r->key, r->hash_alg, r->sig_alg)) != NULL)
		return err_set(e, ERR_FORMAT, "signature: %s", why);
	r->ctx = EVP_PKEY_CTX_new(r->key, NULL);
	if (r->ctx == NULL || EVP_PKEY_verify_init(r->ctx) != 1 ||
	    (r->sig_alg == SIG_RSA && EVP_PKEY_CTX_set_rsa_padding(r->ctx,
	    RSA_PKCS1_PADDING) != 1) ||
	    EVP_PKEY_CTX_set_signature_md(r->ctx, r->hash_alg == SIG_SHA384 ?
	    EVP_sha384() : EVP_sha256()) != 1)
		return err_set(e, ERR_FORMAT,
		    "signature: the key cannot be made ready to verify");
	r->spki = mem_dup(spki.p, spki.n);
	r->n = spki.n;
	return 0;
}

/* The key made ready, borrowed until the next call, or NULL. */
static EVP_PKEY_CTX *
ready_ctx(struct span spki, uint8_t hash_alg, uint8_t sig_alg, struct err *e)
{
	struct ready	r = { NULL, 0, hash_alg, sig_alg, NULL, NULL };
	size_t		i;

	for (i = 0; i < LIMIT_SIG_KEYS && ready[i].ctx != NULL; i++)
		if (ready[i].n == spki.n && ready[i].hash_alg == hash_alg &&
		    ready[i].sig_alg == sig_alg &&
		    memcmp(ready[i].spki, spki.p, spki.n) == 0)
			break;
	if (i < LIMIT_SIG_KEYS && ready[i].ctx != NULL)
		r = ready[i];
	else {
		if (ready_make(&r, spki, e) == -1) {
			ready_free(&r);
			return NULL;
		}
		if (i == LIMIT_SIG_KEYS)
			ready_free(&ready[--i]);
	}
	memmove(ready + 1, ready, i * sizeof(ready[0]));
	ready[0] = r;
	return r.ctx;
}

int
sig_verify(struct span spki, uint8_t hash_alg, uint8_t sig_alg,
    struct span sig, struct span data, struct err *e)
{
	EVP_PKEY_CTX	*ctx;
	uint8_t		 md[EVP_MAX_MD_SIZE];
	unsigned	 n = SHA_LEN;
	int		 rc = -1;

	if ((ctx = ready_ctx(spki, hash_alg, sig_alg, e)) == NULL)
		goto out;
	if (hash_alg == SIG_SHA256)
		sha_256(md, data.p, data.n);
	else if (EVP_Digest(data.p, data.n, md, &n, EVP_sha384(), NULL) != 1)
		n = 0;
	if (n == 0 || EVP_PKEY_verify(ctx, sig.p, sig.n, md, n) != 1)
		(void)err_set(e, ERR_VERIFY,
		    "signature: does not verify with the log's key "
		    "(RFC 6962 2.1.4)");
	else
		rc = 0;
out:
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
