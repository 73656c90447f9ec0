#include "auditor/cmd/trust.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "auditor/cmd/opt.h"
#include "base/limit.h"

int
trust_read(struct trust *t, const char *key, const char *list,
    struct err *e)
{
	memset(t, 0, sizeof(*t));
	if (key != NULL && opt_file(key, LIMIT_BODY_ISSUER, &t->pem, e) == -1)
		return err_prefix(e, "--key");
	if (list != NULL && opt_file(list, LIMIT_BODY_LOGLIST, &t->json, e)
	    == -1)
		return err_prefix(e, "--log-list");
	return 0;
}

static int
key_open(struct trust *t, struct err *e)
{
	BIO		*bio = BIO_new_mem_buf(t->pem.p, (int)t->pem.n);
	X509		*x = NULL;
	EVP_PKEY	*k = NULL;
	unsigned char	*p = NULL;
	int		 n;

	if (bio != NULL && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL))
	    != NULL) {
		k = X509_get_pubkey(x);
		n = i2d_X509(x, &p);
		if (n > 0)
			buf_add(&t->cert, p, (size_t)n);
		OPENSSL_free(p);
		p = NULL;
	} else if (bio != NULL && BIO_reset(bio) == 1) {
		k = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	}
	n = k == NULL ? -1 : i2d_PUBKEY(k, &p);
	if (n > 0)
		buf_add(&t->spki, p, (size_t)n);
	OPENSSL_free(p);
	EVP_PKEY_free(k);
	X509_free(x);
	BIO_free(bio);
	ERR_clear_error();
	return n > 0 ? 0 : err_set(e, ERR_FORMAT, "--key: is no PEM of a "
	    "public key or certificate (BEGIN PUBLIC KEY)");
}

int
trust_open(struct trust *t, struct err *e)
{
	if (t->pem.n != 0 && key_open(t, e) == -1)
		return -1;
	if (t->json.n != 0 && loglist_read(buf_bytes(&t->json), &t->list, e)
	    == -1)
		return err_prefix(e, "--log-list");
	return 0;
}

void
trust_free(struct trust *t)
{
	buf_free(&t->pem);
	buf_free(&t->json);
	buf_free(&t->spki);
	buf_free(&t->cert);
	loglist_free(t->list);
	memset(t, 0, sizeof(*t));
}
