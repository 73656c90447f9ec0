#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/net/dnsmsg.h"
#include "auditor/net/dnsserver.h"
#include "auditor/net/hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/*
 * An answer to a question whose type the first two bytes choose, and whose id
 * and name are always the same; what is handed out must fit into a message.
 * The same bytes as a hosts file and as a resolv.conf.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct dnsmsg	m;
	static struct probe_said said;
	struct dnsmsg_question	q = { 0x1234, 0, "www.example.com" };
	struct dnsservers	l;
	struct netaddr		a[2];
	struct span		s;
	struct hosts		*h;
	struct buf		b = BUF_INIT;

	if (n < 2)
		return 0;
	q.type = (uint16_t)(p[0] << 8 | p[1]);
	s.p = p + 2;
	s.n = n - 2;
	if (dnsmsg_read(&m, s, &q, NULL) == 1 && m.n != 0) {
		memset(&said, 0, sizeof(said));
		said.id = 1;
		said.ok = 1;
		said.n = m.n;
		memcpy(said.rr, m.rr, m.n * sizeof(m.rr[0]));
		probe_said_pack(&b, &said);
		if (probe_said_read(cur_of(b.p, b.n), &said, NULL) != 0)
			abort();
		buf_free(&b);
	}
	dnsmsg_free(&m);
	h = hosts_new(s, NULL);
	(void)hosts_find(h, "www.example.com", a, 2);
	hosts_free(h);
	memset(&l, 0, sizeof(l));
	dnsserver_conf(&l, s);
	if (l.n == 0)
		abort();
	return 0;
}
