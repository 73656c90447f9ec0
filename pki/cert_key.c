#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "pki/ecdsa.h"
#include "pki/weak_rsa.h"

/* Keys and signatures: pki/cert.h has the contract. */

static int
is_oid(struct span v, const char *oid, size_t n)
{
	return v.n == n && memcmp(v.p, oid, n) == 0;
}

/* The bits of an RSA modulus, or 0. */
static unsigned
rsa_bits(struct span key)
{
	struct span	body;
	struct cur	c;
	struct der	d;
	unsigned	bits;
	uint8_t		top;

	if (key.n < 1 || der_only((struct span){ key.p + 1, key.n - 1 },
	    DER_SEQ, &body) == -1)
		return 0;
	c = cur_span(body);
	if (der_want(&c, DER_INT, &d) == -1)
		return 0;
	while (d.body.n != 0 && d.body.p[0] == 0) {
		d.body.p++;
		d.body.n--;
	}
	if (d.body.n == 0 || d.body.n > 0x10000)
		return 0;
	bits = (unsigned)d.body.n * 8;
	for (top = d.body.p[0]; (top & 0x80) == 0; top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

void
cert_key_type(struct span spki, char *out, size_t cap)
{
	/* Curves (RFC 5480, 2.1.1.1) and keys that need no parameters. */
	static const struct {
		const char	*oid;
		size_t		 n;
		const char	*name;
	} table[] = {
		{ "\x2a\x86\x48\xce\x3d\x03\x01\x07", 8, "p256" },
		{ "\x2b\x81\x04\x00\x22", 5, "p384" },
		{ "\x2b\x81\x04\x00\x23", 5, "p521" },
		{ "\x2b\x81\x04\x00\x21", 5, "p224" },
		{ "\x2b\x81\x04\x00\x0a", 5, "secp256k1" },
		{ "\x2b\x65\x70", 3, "ed25519" },
		{ "\x2b\x65\x71", 3, "ed448" },
		{ "\x2a\x86\x48\xce\x38\x04\x01", 7, "dsa" }
	};
	struct span	body;
	struct cur	c, in;
	struct der	alg, oid, key, param;
	unsigned	bits;
	size_t		i;

	snprintf(out, cap, "unknown");
	if (der_only(spki, DER_SEQ, &body) == -1)
		return;
	c = cur_span(body);
	if (der_want(&c, DER_SEQ, &alg) == -1 ||
	    der_want(&c, DER_BITS, &key) == -1)
		return;
	in = cur_span(alg.body);
	if (der_want(&in, DER_OID, &oid) == -1)
		return;
	if (is_oid(oid.body, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 9) ||
	    is_oid(oid.body, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", 9)) {
		if ((bits = rsa_bits(key.body)) != 0)
			snprintf(out, cap, "rsa%u", bits);
		return;
	}
	if (is_oid(oid.body, "\x2a\x86\x48\xce\x3d\x02\x01", 7)) {
		if (der_want(&in, DER_OID, &param) == -1)
			return;
		oid = param;
	}
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (is_oid(oid.body, table[i].oid, table[i].n))
			snprintf(out, cap, "%s", table[i].name);
}

/*
 * The keys of the latest issuers, by the bytes of their SubjectPublicKeyInfo:
 * a log has few, and reading one costs more than a signature.  The newest is
 * the first.  Each is ready to verify with the digest of the last time, and
 * one that is used often has tables, if it is of a kind that they help.
 */
static struct known_key {
	uint8_t		*spki;
	size_t		 n;
	EVP_PKEY	*key;
	EVP_PKEY_CTX	*ctx;
	int		 md;
	unsigned	 uses;
	struct ecdsa	*tables;
} keys[LIMIT_CERT_KEYS];

/* Tables cost as much as three signatures are dearer without. */
enum { TABLES_AT = 3 };

/* With PSS the parameters say how: that is left to OpenSSL's ASN.1 code. */
static int
verify_pss(const X509_ALGOR *alg, struct span sig, struct span tbs,
    EVP_PKEY *key)
{
	ASN1_BIT_STRING	*bits = ASN1_BIT_STRING_new();
	ASN1_STRING	*raw = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	ASN1_TYPE	*any = ASN1_TYPE_new();
	int		 r = -1;

	if (bits == NULL || raw == NULL || any == NULL ||
	    !ASN1_STRING_set(bits, sig.p, (int)sig.n) ||
	    !ASN1_STRING_set(raw, tbs.p, (int)tbs.n))
		goto out;
	bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
	bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	/* An ASN1_TYPE with an encoded SEQUENCE is written out as it is. */
	ASN1_TYPE_set(any, V_ASN1_SEQUENCE, raw);
	raw = NULL;
	r = ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), alg, bits, any, key);
out:
	ASN1_BIT_STRING_free(bits);
	ASN1_STRING_free(raw);
	ASN1_TYPE_free(any);
	return r;
}

/* Make the newest key ready for a digest. */
static EVP_PKEY_CTX *
ready(struct known_key *k, int md)
{
	if (k->ctx != NULL && k->md == md)
		return k->ctx;
	EVP_PKEY_CTX_free(k->ctx);
	k->ctx = EVP_PKEY_CTX_new(k->key, NULL);
	k->md = md;
	if (k->ctx != NULL && (EVP_PKEY_verify_init(k->ctx) != 1 ||
	    (EVP_PKEY_get_base_id(k->key) == EVP_PKEY_RSA &&
	    EVP_PKEY_CTX_set_rsa_padding(k->ctx, RSA_PKCS1_PADDING) != 1) ||
	    EVP_PKEY_CTX_set_signature_md(k->ctx,
	    EVP_get_digestbynid(md)) != 1)) {
		EVP_PKEY_CTX_free(k->ctx);
		k->ctx = NULL;
	}
	return k->ctx;
}

/* With a digest: RSA (PKCS #1 v1.5), ECDSA, DSA. */
static int
verify_md(struct known_key *k, int md, struct span sig, struct span tbs)
{
	EVP_PKEY_CTX	*ctx;
	uint8_t		 h[EVP_MAX_MD_SIZE];
	unsigned	 n = SHA_LEN;
	int		 r;

	if (md == NID_sha256)
		sha_256(h, tbs.p, tbs.n);
	else if (EVP_Digest(tbs.p, tbs.n, h, &n, EVP_get_digestbynid(md),
	    NULL) != 1)
		return -1;
	if (k->uses < TABLES_AT && ++k->uses == TABLES_AT)
		k->tables = ecdsa_new(k->key);
	if (k->tables != NULL && (r = ecdsa_verify(k->tables, sig, h, n)) != -1)
		return r;
	ctx = ready(k, md);
	return ctx == NULL ? -1 : EVP_PKEY_verify(ctx, sig.p, sig.n, h, n);
}

/* EdDSA, which has no digest of its own and no parameters (RFC 8410, 3). */
static int
verify_whole(EVP_PKEY *key, int params, struct span sig, struct span tbs)
{
	EVP_MD_CTX	*ctx;
	int		 r;

	if (params != V_ASN1_UNDEF)
		return 0;
	if ((ctx = EVP_MD_CTX_new()) == NULL)
		return -1;
	r = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, sig.p, sig.n, tbs.p, tbs.n) == 1;
	EVP_MD_CTX_free(ctx);
	return r;
}

/*
 * Verify ${sig} over the very bytes ${tbs}; the algorithm fits the key, which
 * key_of() has just put first.
 */
static int
verify_raw(const X509_ALGOR *alg, struct span sig, struct span tbs,
    EVP_PKEY *key)
{
	const ASN1_OBJECT	*obj;
	int			 md, pk, params;

	X509_ALGOR_get0(&obj, &params, NULL, alg);
	if (!OBJ_find_sigid_algs(OBJ_obj2nid(obj), &md, &pk))
		return -1;
	if (pk == NID_rsassaPss)
		return verify_pss(alg, sig, tbs, key);
	if (md == NID_undef)
		return verify_whole(key, params, sig, tbs);
	return verify_md(&keys[0], md, sig, tbs);
}

/* Is the algorithm one that a key of that type can have made? */
static int
alg_known(const X509_ALGOR *alg, const EVP_PKEY *key, struct err *e)
{
	const ASN1_OBJECT	*obj;
	char			 name[80];
	int			 md, pk, nid;

	X509_ALGOR_get0(&obj, NULL, NULL, alg);
	nid = OBJ_obj2nid(obj);
	if (nid == NID_undef || !OBJ_find_sigid_algs(nid, &md, &pk)) {
		OBJ_obj2txt(name, sizeof(name), obj, 0);
		return err_set(e, ERR_VERIFY, "signature algorithm %s is "
		    "not known", name);
	}
	if (md != NID_undef && EVP_get_digestbynid(md) == NULL)
		return err_set(e, ERR_VERIFY, "digest %s is not known",
		    OBJ_nid2sn(md));
	if (pk == NID_rsassaPss && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return 1;
	if (pk != EVP_PKEY_get_base_id(key)) {
		(void)err_set(e, ERR_VERIFY, "signature algorithm %s does "
		    "not fit the issuer's key", OBJ_nid2sn(nid));
		return 0;
	}
	return 1;
}

/* The key, borrowed until the next call, or NULL. */
static EVP_PKEY *
key_of(struct span spki)
{
	const uint8_t		*p = spki.p;
	struct known_key	 k = { .key = NULL };
	size_t			 i;

	for (i = 0; i < LIMIT_CERT_KEYS && keys[i].key != NULL; i++)
		if (keys[i].n == spki.n &&
		    memcmp(keys[i].spki, spki.p, spki.n) == 0)
			break;
	if (i < LIMIT_CERT_KEYS && keys[i].key != NULL) {
		k = keys[i];
	} else {
		if ((k.key = d2i_PUBKEY(NULL, &p, (long)spki.n)) == NULL)
			return NULL;
		k.spki = mem_dup(spki.p, spki.n);
		k.n = spki.n;
		if (i == LIMIT_CERT_KEYS) {
			free(keys[--i].spki);
			ecdsa_free(keys[i].tables);
			EVP_PKEY_CTX_free(keys[i].ctx);
			EVP_PKEY_free(keys[i].key);
		}
	}
	memmove(keys + 1, keys, i * sizeof(keys[0]));
	keys[0] = k;
	return k.key;
}

int
cert_verify(struct span alg_der, struct span sig, struct span data,
    struct span spki, struct err *e)
{
	const uint8_t	*p = alg_der.p;
	X509_ALGOR	*alg = NULL;
	struct weak_rsa	 rsa;
	const char	*why;
	EVP_PKEY	*key;
	int		 r = -1;

	if (alg_der.n > INT_MAX || sig.n > INT_MAX || data.n > INT_MAX ||
	    spki.n > INT_MAX) {
		(void)err_set(e, ERR_LIMIT, "certificate too long");
		return -1;
	}
	if (weak_rsa_read(spki, &rsa) && (why = weak_rsa_unfit(&rsa)) != NULL)
		return err_set(e, ERR_VERIFY, "%s", why);
	alg = d2i_X509_ALGOR(NULL, &p, (long)alg_der.n);
	key = key_of(spki);
	if (alg == NULL || key == NULL) {
		(void)err_set(e, ERR_VERIFY, "%s cannot be read",
		    alg == NULL ? "signature algorithm" : "issuer's key");
		goto out;
	}
	if ((r = alg_known(alg, key, e)) != 1)
		goto out;
	/* A signature that is not even well-formed is a wrong one. */
	r = verify_raw(alg, sig, data, key) == 1;
	if (r == 0)
		(void)err_set(e, ERR_VERIFY, "the issuer's signature does "
		    "not verify (RFC 5280, 4.1.1.3)");
out:
	X509_ALGOR_free(alg);
	ERR_clear_error();
	return r;
}
