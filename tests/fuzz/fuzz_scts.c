#include <stdlib.h>

#include "base/clk.h"
#include "ctlog/policy.h"
#include "pki/der.h"
#include "tests/unit/ctlog/made_sct.h"
#include "tests/unit/pki/forge.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A certificate of ours that is read, for lists that come beside it. */
static struct span
ours(void)
{
	static struct buf	cert;
	struct forge		f = FORGE_INIT;
	struct buf		b = BUF_INIT;

	if (cert.n == 0) {
		forge_dns(&f, "x.example");
		forge_done(&f, &b);
		buf_add(&b, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03"
		    "\x02\x03\x02\0\1", 16);
		forge_tlv(&cert, DER_SEQ, b.p, b.n);
		buf_free(&b);
	}
	return buf_bytes(&cert);
}

/* Judge; nothing can be valid, as no key of the list has signed. */
static void
judge(struct span cert, struct span list, struct made_logs *m)
{
	struct scts_in		in = { cert, &cert, 1, list, list, &m->list,
				    1782000000 * CLK_SEC };
	struct policy_verdict	v;
	struct scts		s;
	size_t			i;

	if (scts_read(&in, &s, NULL) == 0) {
		for (i = 0; i < s.n; i++)
			if (s.v[i].status == SCTS_VALID)
				abort();
		for (i = 0; i < POLICY_PROGRAMS; i++) {
			policy_judge((enum policy_program)i, &s, in.at,
			    in.at + 90 * 86400 * CLK_SEC, in.at, &v);
			if (v.compliant == 1)
				abort();
		}
	}
	scts_free(&s);
}

/*
 * The input as a certificate, and as the lists of TLS and OCSP.  The first
 * SCT of a list is given a log, so that its signature is looked at.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct made_logs	m;
	struct span		in = { p, n };

	if (m.list.nlogs == 0)
		made_logs(&m, 2);
	m.logs[0].protocol = LOGLIST_STATIC;
	if (n >= 5 + 32)
		memcpy(m.logs[0].log_id, p + 5, 32);
	judge(in, (struct span){ NULL, 0 }, &m);
	judge(ours(), in, &m);
	return 0;
}
