#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "pki/watch.h"

/*
 * The DER walk, names, matching and the details of a match, on a certificate
 * or a TBSCertificate.
 */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char	watches[] =
    ".\n.example.com\nexample.org\n.xn--bcher-kva.example\n192.0.2.0/24\n"
    "2001:db8::/32\n"
    "spki:00000000000000000000000000000000000000000000000000000000000000ff\n";

static struct watch_set	set;
static struct buf	image;

static void
setup(void)
{
	struct watch_build	*b = watch_build_new();

	if (watch_build_file(b, watches, sizeof(watches) - 1, "fuzz", NULL)
	    == -1)
		abort();
	watch_build_done(b, &image);
	if (watch_open(&set, image.p, image.n, NULL) == -1)
		abort();
}

static void
walk(struct span tbs)
{
	static struct watch_hit	hits[8];
	struct der_tbs		t;
	struct buf		out = BUF_INIT;
	struct cert		c;
	struct der_tbs		again;

	if (der_tbs(tbs, &t, NULL) == 0) {
		(void)watch_tbs(&set, &t, hits, 8);
		if (der_tbs_without(tbs, DER_OID_ARG(DER_OID_SCTS), &out,
		    NULL) != -1 &&
		    der_tbs(buf_bytes(&out), &again, NULL) == -1)
			abort();
	}
	(void)watch_bytes(&set, tbs, hits, 8);
	(void)cert_read_tbs(tbs, &c, NULL);
	cert_free(&c);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span	s = { p, n }, tbs;
	struct buf	out = BUF_INIT;
	struct cert	c;
	uint8_t		hash[32];

	if (set.head == NULL)
		setup();
	walk(s);
	if (der_cert(s, &tbs, NULL, NULL, NULL) == 0) {
		walk(tbs);
		(void)cert_read(s, &c, NULL);
		cert_free(&c);
		(void)cert_precert_tbs(s, &s, 1, &out, hash, NULL);
		buf_free(&out);
		(void)cert_signed_by(s, s, NULL);
	}
	return 0;
}
