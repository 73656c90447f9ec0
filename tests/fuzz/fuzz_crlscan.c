#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ocsp/crlscan.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/*
 * A CRL, whole and in pieces, which must give the same; a file that begins
 * with 'S' changes bytes of an image of serials (offset of 16 bits, value).
 */
static struct buf	image, ca;
static struct crlset	set;

static void
setup(void)
{
	struct crlset_build	*b = crlset_new();
	EVP_PKEY		*key = EVP_EC_gen("P-256");
	X509			*x = X509_new();
	uint8_t			*der = NULL;
	char			 text[8] = "xx";
	int			 n, i;

	for (i = 0; i < 256; i++) {
		text[0] = "0123456789abcdef"[i >> 4];
		text[1] = "0123456789abcdef"[i & 15];
		(void)crlset_add(b, text, NULL);
	}
	crlset_done(b, &image);
	if (crlset_open(&set, image.p, image.n, NULL) == -1 ||
	    X509_set_pubkey(x, key) != 1 ||
	    ASN1_TIME_set(X509_getm_notBefore(x), 0) == NULL ||
	    ASN1_TIME_set(X509_getm_notAfter(x), 0) == NULL ||
	    X509_sign(x, key, EVP_sha256()) <= 0 ||
	    (n = i2d_X509(x, &der)) <= 0)
		abort();
	buf_add(&ca, der, (size_t)n);
	OPENSSL_free(der);
	X509_free(x);
	EVP_PKEY_free(key);
}

static void
pieces(const struct crlscan_in *in, const uint8_t *p, size_t n,
    struct crlscan_out *o)
{
	struct crlscan	*s = crlscan_new(in);
	size_t		 i, k, step = n % 61 + 1;

	for (i = 0; i < n; i += k) {
		k = n - i < step ? n - i : step;
		(void)crlscan_update(s, p + i, k, NULL);
	}
	crlscan_finish(s, o);
	crlscan_free(s);
}

static void
images(const uint8_t *p, size_t n)
{
	uint8_t		*v = mem_dup(image.p, image.n), key[3] = { 0 };
	struct crlset	 s;
	size_t		 i;

	for (i = 0; i + 3 <= n; i += 3)
		v[((size_t)p[i] << 8 | p[i + 1]) % image.n] = p[i + 2];
	if (crlset_open(&s, v, image.n, NULL) == 0)
		for (i = 0; i < 256; i++) {
			key[1] = (uint8_t)i;
			if (crlset_find(&s, (struct span){ key, 2 }) >=
			    (long)crlset_count(&s))
				__builtin_trap();
		}
	(void)crlset_open(&s, p, n, NULL);
	free(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct crlscan_in	in = { .set = &set, .last_this = INT64_MIN,
				    .now = 1700000000000000, .keep = 4096 };
	struct crlscan_out	a, b;

	if (set.image == NULL)
		setup();
	if (n > 0 && p[0] == 'S') {
		images(p + 1, n - 1);
		return 0;
	}
	in.issuer = buf_bytes(&ca);
	in.url = n % 2 == 0 ? "http://example.com/crl.1.der" : NULL;
	crlscan_bytes(&in, (struct span){ p, n }, &a);
	pieces(&in, p, n, &b);
	if (a.fault != b.fault || a.count != b.count || a.bytes != b.bytes ||
	    a.nhits != b.nhits || a.tail.n != b.tail.n ||
	    a.header.n != b.header.n || strcmp(a.why, b.why) != 0 ||
	    memcmp(a.tbs_sha256, b.tbs_sha256, 32) != 0 ||
	    memcmp(a.tbs_digest, b.tbs_digest, 64) != 0)
		__builtin_trap();
	crlscan_out_free(&a);
	crlscan_out_free(&b);
	return 0;
}
