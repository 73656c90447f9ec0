#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/clk.h"
#include "base/limit.h"
#include "ocsp/asn.h"
#include "ocsp/crlscan_part.h"
#include "pki/der.h"
#include "pki/weak_rsa.h"

/* Signatures of CRLs (RFC 5280 5.1.1.2, 5.1.1.3). */

/* 2026-09-15: the first thisUpdate that SHA-1 must not sign (BR, SC-097). */
#define SHA1_END	(1789430400LL * CLK_SEC)
/* Shorter RSA keys prove nothing. */
#define RSA_LEAST	1024

/* --- algorithms --- */

static const struct {
	int		nid;
	enum crl_sign	sign;
	enum crl_hash	hash;
	int		key;
} algs[] = {
	{ NID_ecdsa_with_SHA256, CRL_ECDSA, CRL_SHA256, EVP_PKEY_EC },
	{ NID_ecdsa_with_SHA384, CRL_ECDSA, CRL_SHA384, EVP_PKEY_EC },
	{ NID_ecdsa_with_SHA512, CRL_ECDSA, CRL_SHA512, EVP_PKEY_EC },
	{ NID_sha256WithRSAEncryption, CRL_RSA, CRL_SHA256, EVP_PKEY_RSA },
	{ NID_sha384WithRSAEncryption, CRL_RSA, CRL_SHA384, EVP_PKEY_RSA },
	{ NID_sha512WithRSAEncryption, CRL_RSA, CRL_SHA512, EVP_PKEY_RSA },
	{ NID_rsassaPss, CRL_PSS, CRL_NOHASH, EVP_PKEY_RSA },
	{ NID_ED25519, CRL_EDDSA, CRL_NOHASH, EVP_PKEY_ED25519 },
	{ NID_ED448, CRL_EDDSA, CRL_NOHASH, EVP_PKEY_ED448 },
	{ NID_sha1WithRSAEncryption, CRL_RSA, CRL_SHA1, EVP_PKEY_RSA },
	{ NID_ecdsa_with_SHA1, CRL_ECDSA, CRL_SHA1, EVP_PKEY_EC }
};

static enum crl_hash
hash_of(const X509_ALGOR *a)
{
	const ASN1_OBJECT	*oid = NULL;

	if (a == NULL)
		return CRL_SHA1;
	X509_ALGOR_get0(&oid, NULL, NULL, a);
	switch (OBJ_obj2nid(oid)) {
	case NID_sha1:
		return CRL_SHA1;
	case NID_sha256:
		return CRL_SHA256;
	case NID_sha384:
		return CRL_SHA384;
	case NID_sha512:
		return CRL_SHA512;
	default:
		return CRL_NOHASH;
	}
}

const EVP_MD *
crlscan_md(enum crl_hash h)
{
	switch (h) {
	case CRL_SHA1:
		return EVP_sha1();
	case CRL_SHA256:
		return EVP_sha256();
	case CRL_SHA384:
		return EVP_sha384();
	case CRL_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

/* The hash of MGF1, which must be that of the message (RFC 8017 A.2.3). */
static enum crl_hash
mask_hash(const X509_ALGOR *mgf)
{
	const ASN1_OBJECT	*oid = NULL;
	const void		*v = NULL;
	int			 type = 0;
	X509_ALGOR		*a;
	enum crl_hash		 h;

	if (mgf == NULL)
		return CRL_SHA1;
	X509_ALGOR_get0(&oid, &type, &v, mgf);
	if (OBJ_obj2nid(oid) != NID_mgf1 || type != V_ASN1_SEQUENCE)
		return CRL_NOHASH;
	a = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR),
	    mgf->parameter);
	h = a != NULL ? hash_of(a) : CRL_NOHASH;
	X509_ALGOR_free(a);
	return h;
}

/* RSASSA-PSS-params (RFC 4055 3.1). */
static void
pss(const X509_ALGOR *x, struct crl_alg *alg)
{
	RSA_PSS_PARAMS	*p;
	int64_t		 salt = 20, trailer = 1;

	p = x->parameter == NULL ? NULL : ASN1_TYPE_unpack_sequence(
	    ASN1_ITEM_rptr(RSA_PSS_PARAMS), x->parameter);
	if (p == NULL)
		return;
	if ((p->saltLength == NULL ||
	    ASN1_INTEGER_get_int64(&salt, p->saltLength) == 1) &&
	    (p->trailerField == NULL ||
	    ASN1_INTEGER_get_int64(&trailer, p->trailerField) == 1) &&
	    salt >= 0 && salt <= LIMIT_RSA_BITS / 8 && trailer == 1 &&
	    hash_of(p->hashAlgorithm) == mask_hash(p->maskGenAlgorithm)) {
		alg->hash = hash_of(p->hashAlgorithm);
		alg->salt = (int)salt;
	}
	RSA_PSS_PARAMS_free(p);
}

/* Parameters: NULL or none for RSA (RFC 4055 5), else none. */
static int
plain(const X509_ALGOR *x, enum crl_sign sign)
{
	int	type = V_ASN1_UNDEF;

	X509_ALGOR_get0(NULL, &type, NULL, x);
	return sign == CRL_PSS || type == V_ASN1_UNDEF ||
	    (sign == CRL_RSA && type == V_ASN1_NULL);
}

void
crlscan_alg(struct span der, struct crl_alg *alg)
{
	const uint8_t		*p = der.p;
	const ASN1_OBJECT	*oid = NULL;
	X509_ALGOR		*x = d2i_X509_ALGOR(NULL, &p, (long)der.n);
	size_t			 i;
	int			 nid;

	memset(alg, 0, sizeof(*alg));
	if (x == NULL || p != der.p + der.n)
		goto out;
	asn_algorithm(x, alg->name, sizeof(alg->name));
	X509_ALGOR_get0(&oid, NULL, NULL, x);
	nid = OBJ_obj2nid(oid);
	for (i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		if (algs[i].nid != nid || !plain(x, algs[i].sign))
			continue;
		alg->sign = algs[i].sign;
		alg->hash = algs[i].hash;
		alg->key = algs[i].key;
	}
	if (alg->sign == CRL_PSS) {
		pss(x, alg);
		if (alg->hash == CRL_NOHASH)
			alg->sign = CRL_NOSIGN;
	}
out:
	X509_ALGOR_free(x);
	ERR_clear_error();
}

/* --- keys and signatures --- */

/* Is it a key of the kind that the algorithm needs? */
static int
fits(EVP_PKEY *key, const struct crl_alg *alg)
{
	int	id = EVP_PKEY_get_base_id(key);

	return id == alg->key ||
	    (alg->sign == CRL_PSS && id == EVP_PKEY_RSA_PSS);
}

/* Why we do not judge by this key, or NULL. */
static const char *
unfit(EVP_PKEY *key, struct span spki)
{
	struct weak_rsa	rsa;
	char		group[64] = "";
	int		id = EVP_PKEY_get_base_id(key), bits;

	bits = EVP_PKEY_get_bits(key);
	if ((id == EVP_PKEY_RSA || id == EVP_PKEY_RSA_PSS) &&
	    (bits < RSA_LEAST || bits > LIMIT_RSA_BITS))
		return "an RSA key of another size than 1024 to 8192 bits";
	if (id != EVP_PKEY_EC)
		return weak_rsa_read(spki, &rsa) ? weak_rsa_unfit(&rsa) :
		    NULL;
	if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	    (strcmp(group, SN_X9_62_prime256v1) == 0 ||
	    strcmp(group, SN_secp384r1) == 0 ||
	    strcmp(group, SN_secp521r1) == 0))
		return NULL;
	return "a curve that is not P-256, P-384 or P-521";
}

/* EdDSA needs the message itself. */
static int
verify_msg(EVP_PKEY *key, struct span msg, struct span sig)
{
	EVP_MD_CTX	*c = EVP_MD_CTX_new();
	int		 r;

	r = c != NULL && EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) == 1
	    && EVP_DigestVerify(c, sig.p, sig.n, msg.p, msg.n) == 1;
	EVP_MD_CTX_free(c);
	return r;
}

static int
verify_digest(EVP_PKEY *key, const struct crl_alg *alg, struct span digest,
    struct span sig)
{
	EVP_PKEY_CTX	*c = EVP_PKEY_CTX_new(key, NULL);
	const EVP_MD	*md = crlscan_md(alg->hash);
	int		 r = 0;

	if (c == NULL || EVP_PKEY_verify_init(c) != 1)
		goto out;
	if (alg->sign == CRL_RSA &&
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) != 1)
		goto out;
	if (alg->sign == CRL_PSS &&
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) != 1)
		goto out;
	if (EVP_PKEY_CTX_set_signature_md(c, md) != 1)
		goto out;
	if (alg->sign == CRL_PSS &&
	    (EVP_PKEY_CTX_set_rsa_mgf1_md(c, md) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(c, alg->salt) != 1))
		goto out;
	r = EVP_PKEY_verify(c, sig.p, sig.n, digest.p, digest.n) == 1;
out:
	EVP_PKEY_CTX_free(c);
	return r;
}

/* Why the algorithm cannot be trusted, or NULL. */
static const char *
unchecked(const struct crlscan *s)
{
	if (s->alg.sign == CRL_NOSIGN)
		return "it is not known";
	if (s->alg.hash == CRL_SHA1 && s->out.this_update >= SHA1_END)
		return "SHA-1 ended on 2026-09-15 (BR 7.1.3.2.1)";
	if (s->alg.sign == CRL_EDDSA && s->msg.n > LIMIT_CRL_KEEP)
		return "the CRL is too long for it";
	return NULL;
}

void
crlscan_verify(struct crlscan *s, struct span sig)
{
	struct span	digest = { s->out.tbs_digest, s->out.ntbs_digest };
	const char	*why = unchecked(s);
	EVP_PKEY	*key = NULL;
	int		 ok;

	if (why != NULL || s->spki.p == NULL)
		goto out;
	key = asn_key(s->spki, NULL);
	if (key == NULL) {
		why = "the issuer's key cannot be used";
		goto out;
	}
	if (!fits(key, &s->alg)) {
		crlscan_fault(s, CRL_BAD_SIGNATURE, "the issuer's key is of "
		    "another kind than %s (RFC 5280 6.3.3 g)", s->alg.name);
		goto out;
	}
	why = unfit(key, s->spki);
	if (why != NULL)
		goto out;
	ok = s->alg.sign == CRL_EDDSA ?
	    verify_msg(key, buf_bytes(&s->msg), sig) :
	    verify_digest(key, &s->alg, digest, sig);
	if (!ok)
		crlscan_fault(s, CRL_BAD_SIGNATURE, "its signature is not by "
		    "the issuer's key (RFC 5280 6.3.3 g)");
out:
	if (why != NULL)
		crlscan_fault(s, CRL_UNCHECKED, "its signature, %s, was not "
		    "checked: %s", s->alg.name[0] != '\0' ? s->alg.name :
		    "unknown", why);
	EVP_PKEY_free(key);
	ERR_clear_error();
}
