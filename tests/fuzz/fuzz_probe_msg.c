#include <stdint.h>
#include <stdlib.h>

#include "auditor/role/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/*
 * What a probe process that was taken over may say, and what a broken engine
 * may ask.  The first byte chooses the reader; what was read is packed and
 * must be read again.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct probe_setup	setup;
	static struct probe_served	served;
	static struct probe_said	said;
	struct probe_tls		tls;
	struct probe_dns		dns;
	struct buf			b = BUF_INIT;
	struct cur			c;
	int				r = 0;

	if (n == 0)
		return 0;
	c = cur_of(p + 1, n - 1);
#define AGAIN(kind) do {						\
	if (probe_##kind##_read(c, &kind, NULL) != 0)			\
		break;							\
	probe_##kind##_pack(&b, &kind);					\
	r = probe_##kind##_read(cur_of(b.p, b.n), &kind, NULL);		\
} while (0)
	switch (p[0] % 5) {
	case 0:	AGAIN(setup); break;
	case 1:	AGAIN(tls); break;
	case 2:	AGAIN(served); break;
	case 3:	AGAIN(dns); break;
	case 4:	AGAIN(said); break;
	}
	if (r != 0)
		abort();
	buf_free(&b);
	return 0;
}
