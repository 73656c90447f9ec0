#include "auditor/role/sign_pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <errno.h>
#include <string.h>


#define SCRYPT_N	16384
#define SCRYPT_R	8
#define SCRYPT_P	1
#define SALT		16

/* What PEM's callback is given, and what it finds out. */
struct asked {
	const char	*passphrase;
	int		 n;
};

static int
ask(char *buf, int size, int writing, void *arg)
{
	struct asked *a;
	size_t n;

	(void)writing;
	a = arg;
	a->n++;
	n = a->passphrase == NULL ? 0 : strlen(a->passphrase);
	if (n == 0 || n > (size_t)size)
		return -1;
	memcpy(buf, a->passphrase, n);
	return (int)n;
}

/* PKCS #8, encrypted as the header says; NULL when OpenSSL cannot. */
static X509_SIG *
encrypt(EVP_PKEY *key, const char *passphrase)
{
	PKCS8_PRIV_KEY_INFO *plain;
	X509_ALGOR *how;
	X509_SIG *sig;
	uint8_t salt[SALT];

	sig = NULL;
	how = NULL;
	plain = EVP_PKEY2PKCS8(key);
	if (plain != NULL && RAND_bytes(salt, sizeof(salt)) == 1)
		how = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt,
		    sizeof(salt), NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
	if (how != NULL)
		sig = PKCS8_set0_pbe(passphrase, (int)strlen(passphrase),
		    plain, how);
	if (sig == NULL)
		X509_ALGOR_free(how);
	PKCS8_PRIV_KEY_INFO_free(plain);
	return sig;
}

int
sign_pem_write(EVP_PKEY *key, const char *passphrase, struct buf *out,
    struct err *e)
{
	X509_SIG *sig;
	char *text;
	BIO *bio;
	long n;
	int ok;

	sig = NULL;
	bio = BIO_new(BIO_s_mem());
	ok = bio != NULL;
	if (ok && passphrase != NULL)
		ok = (sig = encrypt(key, passphrase)) != NULL &&
		    PEM_write_bio_PKCS8(bio, sig) == 1;
	else if (ok)
		ok = PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL,
		    NULL) == 1;
	if (ok) {
		n = BIO_get_mem_data(bio, &text);
		buf_add(out, text, (size_t)n);
		/* BIO_free() wipes its own. */
	}
	X509_SIG_free(sig);
	BIO_free(bio);
	ERR_clear_error();
	errno = EIO;
	if (!ok)
		return err_set(e, ERR_SYS, "OpenSSL cannot write the key as "
		    "PEM");
	return 0;
}

enum pkey_kind
sign_pem_kind(EVP_PKEY *key)
{
	struct pkey_how how;

	if (pkey_how(key, &how, NULL) == -1)
		return PKEY_NONE;
	if (how.width != 0)
		return how.width == 32 ? PKEY_P256 : PKEY_P384;
	switch (EVP_PKEY_get_bits(key)) {
	case 2048:
		return PKEY_RSA2048;
	case 3072:
		return PKEY_RSA3072;
	case 4096:
		return PKEY_RSA4096;
	}
	return PKEY_NONE;
}

EVP_PKEY *
sign_pem_read(struct span text, const char *passphrase, int *encrypted,
    struct err *e)
{
	struct asked a = { passphrase, 0 };
	EVP_PKEY *key;
	BIO *bio;

	key = NULL;
	if (text.n <= INT32_MAX &&
	    (bio = BIO_new_mem_buf(text.p, (int)text.n)) != NULL) {
		key = PEM_read_bio_PrivateKey(bio, NULL, ask, &a);
		BIO_free(bio);
	}
	ERR_clear_error();
	if (encrypted != NULL)
		*encrypted = a.n > 0;
	if (key == NULL && a.n > 0)
		err_set(e, ERR_CONF, passphrase == NULL ? "the key is "
		    "encrypted, and no passphrase is configured: write "
		    "acme.key_passphrase_file" :
		    "the key is encrypted with another passphrase than that "
		    "of acme.key_passphrase_file");
	else if (key == NULL)
		err_set(e, ERR_CONF, "no private key in PEM");
	else if (sign_pem_kind(key) == PKEY_NONE) {
		err_set(e, ERR_CONF, "a private key of a kind that is not "
		    "used: p256, p384, rsa2048, rsa3072, rsa4096 are");
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}
