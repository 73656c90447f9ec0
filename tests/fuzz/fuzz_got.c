#include <stdlib.h>
#include <string.h>

#include "acme/got.h"
#include "base/limit.h"
#include "pki/der.h"
#include "pki/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* An order that the first certificate fits, as well as it can. */
static int
order_of(struct span pem, struct got_want *w, struct san *names)
{
	struct buf	der = BUF_INIT;
	struct cur	c = cur_span(pem);
	struct span	tbs;
	struct der_tbs	t;
	struct cert	x;
	int		r = -1;

	memset(&x, 0, sizeof(x));
	if (pem_next(&c, "CERTIFICATE", &der) == 1 &&
	    cert_read(buf_bytes(&der), &x, NULL) == 0 &&
	    der_cert(buf_bytes(&der), &tbs, NULL, NULL, NULL) == 0 &&
	    der_tbs(tbs, &t, NULL) == 0 && t.san.p != NULL &&
	    san_read(t.san, names, NULL) == 0) {
		memcpy(w->spki_sha256, x.spki_sha256, 32);
		w->now = x.not_before;
		r = 0;
	}
	cert_free(&x);
	buf_free(&der);
	return r;
}

/* Certificates one behind the other, as PEM: DER can be changed more easily. */
static struct span
as_pem(const uint8_t *p, size_t n, struct buf *out)
{
	struct buf	one[LIMIT_GOT_CERTS];
	struct got	g;
	struct cur	c = cur_of(p, n);
	struct der	d;

	memset(&g, 0, sizeof(g));
	g.der = one;
	while (g.n < LIMIT_GOT_CERTS && der_want(&c, DER_SEQ, &d) == 0)
		one[g.n++] = (struct buf){ (uint8_t *)(uintptr_t)d.whole.p,
		    d.whole.n, 0 };
	got_pem(&g, 0, out);
	return g.n != 0 ? buf_bytes(out) : (struct span){ p, n };
}

/* What is taken is written as PEM that is taken again and is the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct san	names = SAN_INIT;
	struct got_want	w = { { 0 }, &names, 0 };
	struct buf	pem = BUF_INIT, one = BUF_INIT, two = BUF_INIT;
	struct span	in = as_pem(p, n, &pem);
	struct got	g, again;
	int		leads;

	(void)order_of(in, &w, &names);
	leads = got_leads_to(in, "Root");
	if (got_read(in, &w, &g, NULL) == 0) {
		if (names.n == 0 || g.n == 0 || g.n > LIMIT_GOT_CERTS ||
		    g.leaf.is_ca || g.leaf.is_precert)
			abort();
		got_pem(&g, 0, &one);
		if (got_leads_to(buf_bytes(&one), "Root") != leads ||
		    got_read(buf_bytes(&one), &w, &again, NULL) == -1)
			abort();
		got_pem(&again, 0, &two);
		if (one.n != two.n || memcmp(one.p, two.p, one.n) != 0)
			abort();
		got_free(&again);
	}
	got_free(&g);
	san_free(&names);
	buf_free(&pem);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
