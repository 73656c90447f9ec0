#include <stdint.h>

#include "auditor/crlparts.h"
#include "base/cur.h"
#include "ocsp/crlscan_parts.h"
#include "ocsp/crlset.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A certificate with its length in 16 bits, then parts of a CRL as stored. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct crlset	 set;
	static struct buf	 image;
	struct crlset_build	*b;
	struct crlscan_parts	 in;
	struct crlscan_out	 out;
	struct crlscan_hit	 hit;
	struct crlparts		 parts;
	struct buf		 again = BUF_INIT;
	struct cur		 c = cur_of(p, n), issuer;
	struct span		 rest;

	if (image.n == 0) {
		b = crlset_new();
		(void)crlset_add(b, "1267", NULL);
		crlset_done(b, &image);
		(void)crlset_open(&set, image.p, image.n, NULL);
	}
	if (cur_vec16(&c, &issuer) == -1)
		return 0;
	rest = cur_rest(&c);
	if (crlparts_unpack(rest, &parts, NULL) == -1)
		return 0;
	crlparts_pack(&again, &parts);
	if (again.n != rest.n)
		__builtin_trap();
	in = (struct crlscan_parts){ cur_rest(&issuer), parts.header,
	    parts.tail, parts.digest };
	crlscan_parts(&in, &out);
	(void)crlscan_parts_entry(parts.entry, &set, &hit);
	crlscan_out_free(&out);
	buf_free(&again);
	return 0;
}
