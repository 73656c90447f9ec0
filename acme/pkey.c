#include "acme/pkey.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <errno.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"

static const struct {
	const char	*name;
	const char	*curve;		/* NULL: RSA */
	unsigned	 bits;
} kinds[] = {
	[PKEY_NONE] = { "none", NULL, 0 },
	[PKEY_P256] = { "p256", "P-256", 0 },
	[PKEY_P384] = { "p384", "P-384", 0 },
	[PKEY_RSA2048] = { "rsa2048", NULL, 2048 },
	[PKEY_RSA3072] = { "rsa3072", NULL, 3072 },
	[PKEY_RSA4096] = { "rsa4096", NULL, 4096 }
};

_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == PKEY_MAX,
    "a kind without its name");

/* OpenSSL failed where only memory or the machine can be the reason. */
static int
fault(struct err *e, const char *what)
{
	ERR_clear_error();
	errno = EIO;
	return err_set(e, ERR_SYS, "OpenSSL cannot %s", what);
}

const char *
pkey_name(enum pkey_kind k)
{
	return (unsigned)k < PKEY_MAX ? kinds[k].name : kinds[0].name;
}

enum pkey_kind
pkey_kind_of(const char *name)
{
	unsigned	i;

	for (i = PKEY_NONE + 1; i < PKEY_MAX; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return (enum pkey_kind)i;
	return PKEY_NONE;
}

EVP_PKEY *
pkey_make(enum pkey_kind k, struct err *e)
{
	EVP_PKEY	*key = NULL;

	if (k > PKEY_NONE && k < PKEY_MAX)
		key = kinds[k].curve != NULL ? EVP_EC_gen(kinds[k].curve) :
		    EVP_RSA_gen(kinds[k].bits);
	if (key == NULL)
		(void)fault(e, "make a key");
	return key;
}

int
pkey_how(EVP_PKEY *key, struct pkey_how *how, struct err *e)
{
	char	group[64];
	size_t	n;
	int	bits;

	memset(how, 0, sizeof(*how));
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		bits = EVP_PKEY_get_bits(key);
		if (bits < 2048 || bits > 4096)
			return err_set(e, ERR_FORMAT, "an RSA key of %d bits; "
			    "CAs take 2048 to 4096", bits);
		how->alg = "RS256";
		how->md = EVP_sha256();
		return 0;
	case EVP_PKEY_EC:
		if (EVP_PKEY_get_group_name(key, group, sizeof(group), &n)
		    != 1)
			break;
		if (strcmp(group, SN_X9_62_prime256v1) == 0) {
			*how = (struct pkey_how){ "ES256", "P-256",
			    EVP_sha256(), 32 };
			return 0;
		}
		if (strcmp(group, SN_secp384r1) == 0) {
			*how = (struct pkey_how){ "ES384", "P-384",
			    EVP_sha384(), 48 };
			return 0;
		}
		break;
	}
	ERR_clear_error();
	return err_set(e, ERR_FORMAT, "a key that is neither P-256, P-384 nor "
	    "RSA; CAs take no other");
}

int
pkey_sign(EVP_PKEY *key, struct span data, struct buf *sig, struct err *e)
{
	struct pkey_how	 how;
	EVP_MD_CTX	*ctx;
	size_t		 n;
	int		 ok;

	if (pkey_how(key, &how, e) == -1)
		return -1;
	ctx = EVP_MD_CTX_new();
	n = (size_t)EVP_PKEY_get_size(key);
	ok = ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, how.md, NULL, key) == 1 &&
	    EVP_DigestSign(ctx, buf_room(sig, n), &n, data.p, data.n) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return fault(e, "sign");
	sig->n += n;
	(void)buf_room(sig, 0);
	return 0;
}

int
pkey_spki(EVP_PKEY *key, struct buf *out, struct err *e)
{
	uint8_t	*der = NULL;
	int	 n = i2d_PUBKEY(key, &der);

	if (n <= 0)
		return fault(e, "write a public key");
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
	return 0;
}

int
pkey_spki_sha256(EVP_PKEY *key, uint8_t out[32], struct err *e)
{
	struct buf	b = BUF_INIT;

	if (pkey_spki(key, &b, e) == -1)
		return -1;
	sha_256(out, b.p, b.n);
	buf_free(&b);
	return 0;
}

/* What the BIO holds, appended; both are ours. */
static int
from_bio(BIO *bio, int ok, struct buf *out, struct err *e)
{
	char	*p = NULL;
	long	 n = 0;

	if (ok)
		n = BIO_get_mem_data(bio, &p);
	if (n > 0)
		buf_add(out, p, (size_t)n);
	BIO_free(bio);	/* wipes it */
	return n > 0 ? 0 : fault(e, "write a private key");
}

int
pkey_der(EVP_PKEY *key, struct buf *out, struct err *e)
{
	BIO	*bio = BIO_new(BIO_s_mem());

	return from_bio(bio, bio != NULL &&
	    i2d_PKCS8PrivateKey_bio(bio, key, NULL, NULL, 0, NULL, NULL) == 1,
	    out, e);
}

int
pkey_pem(EVP_PKEY *key, struct buf *out, struct err *e)
{
	BIO	*bio = BIO_new(BIO_s_mem());

	return from_bio(bio, bio != NULL &&
	    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
	    == 1, out, e);
}

void
pkey_wipe(struct buf *b)
{
	if (b->p != NULL)
		mem_wipe(b->p, b->cap);
	buf_free(b);
}

/* Nobody is there to ask for a password. */
static int
no_password(char *buf, int size, int rw, void *arg)
{
	(void)buf;
	(void)size;
	(void)rw;
	(void)arg;
	return -1;
}

EVP_PKEY *
pkey_read(struct span pem, struct err *e)
{
	EVP_PKEY	*key = NULL;
	BIO		*bio;

	if (pem.n > LIMIT_PKEY_PEM) {
		(void)err_set(e, ERR_LIMIT, "a private key of %zu bytes; at "
		    "most %u are read", pem.n, LIMIT_PKEY_PEM);
		return NULL;
	}
	bio = BIO_new_mem_buf(pem.n != 0 ? (const void *)pem.p : "",
	    (int)pem.n);
	if (bio != NULL)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (key == NULL)
		(void)err_set(e, ERR_FORMAT, "no private key in PEM that can "
		    "be read (RFC 7468, 10); an encrypted one must be "
		    "decrypted before");
	return key;
}
