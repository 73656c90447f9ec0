#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>

#include "auditor/role/challenge_store.h"
#include "auditor/role/challenge_tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct challenge_store	 store;

/* One answer, for www.example.com, with a key of this run. */
static struct challenge_tlsd *
begin(void)
{
	struct challenge_tlsd	*d = challenge_tlsd_new(&store, NULL);
	struct challenge_answer	*a;
	X509			*x = X509_new();
	EVP_PKEY		*k = EVP_EC_gen("P-256");

	if (d == NULL || k == NULL || X509_set_version(x, 2) != 1 ||
	    X509_set_pubkey(x, k) != 1 || X509_sign(x, k, EVP_sha256()) <= 0)
		abort();
	a = challenge_store_put(&store, "www.example.com", 1, 0);
	a->cert = x;
	a->pkey = k;
	return d;
}

/*
 * What anybody may send to port 443.  The first byte says at which byte it is
 * cut in two.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct challenge_tlsd	*d;
	struct challenge_shake		*h;
	struct challenge_answer		*hit;
	struct buf			 out = BUF_INIT;
	struct span			 s;
	size_t				 cut;

	if (d == NULL)
		d = begin();
	if (n < 2)
		return 0;
	cut = 1 + p[0] % (n - 1);
	h = challenge_shake_new(d);
	if (h == NULL)
		abort();
	s.p = p + 1;
	s.n = cut;
	if (!challenge_shake_take(h, s, 0, &out, &hit) && cut < n - 1) {
		s.p += cut;
		s.n = n - 1 - cut;
		(void)challenge_shake_take(h, s, 0, &out, &hit);
	}
	/* Nobody can end a handshake who has not seen our random bytes. */
	if (hit != NULL)
		abort();
	challenge_shake_free(h);
	buf_free(&out);
	return 0;
}
