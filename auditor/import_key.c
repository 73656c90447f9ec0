#include "auditor/import_key.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/sha.h"

/* Nobody is asked for a passphrase. */
static int
no_passphrase(char *out, int n, int rw, void *asked)
{
	(void)out;
	(void)n;
	(void)rw;
	*(int *)asked = 1;
	return -1;
}

int
import_key_spki(const void *p, size_t n, uint8_t spki[32], const char **why)
{
	EVP_PKEY	*k;
	unsigned char	*der = NULL;
	BIO		*in;
	int		 asked = 0, m, rc = -1;

	if ((in = BIO_new_mem_buf(p, (int)n)) == NULL)
		abort();
	k = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, &asked);
	BIO_free(in);
	*why = asked ? "the key is encrypted" : "there is no private key in "
	    "it (PEM)";
	if (k != NULL && (m = i2d_PUBKEY(k, &der)) > 0) {
		sha_256(spki, der, (size_t)m);
		rc = 0;
	}
	OPENSSL_free(der);
	EVP_PKEY_free(k);
	ERR_clear_error();
	return rc;
}
