#include <string.h>

#include "base/enc.h"
#include "base/limit.h"
#include "ocsp/crlscan_part.h"
#include "pki/der.h"

/* The extensions of a CRL (RFC 5280 5.2). */

/* 2.5.29.x */
enum { NUMBER = 20, DELTA = 27, IDP = 28, AKI = 35, FRESHEST = 46 };

/* 5.2.3: at most 20 octets, not negative. */
static void
number(struct crlscan *s, struct span value)
{
	struct span	v;

	if (der_only(value, DER_INT, &v) == -1 || v.n == 0) {
		crlscan_fault(s, CRL_MALFORMED, "its number is no INTEGER "
		    "(RFC 5280 5.2.3)");
		return;
	}
	if (v.p[0] >= 0x80) {
		crlscan_fault(s, CRL_MALFORMED, "its number is negative "
		    "(RFC 5280 5.2.3)");
		return;
	}
	while (v.n > 1 && v.p[0] == 0) {
		v.p++;
		v.n--;
	}
	if (v.n > 20) {
		crlscan_fault(s, CRL_MALFORMED, "its number has %zu octets, "
		    "more than 20 (RFC 5280 5.2.3)", v.n);
		return;
	}
	(void)enc_hex_to(s->out.number, v.p, v.n);
}

static void
one(struct crlscan *s, const struct der_extn *x)
{
	unsigned	id = 0;

	if (x->oid.n == 3 && x->oid.p[0] == 0x55 && x->oid.p[1] == 0x1d)
		id = x->oid.p[2];
	switch (id) {
	case NUMBER:
		number(s, x->value);
		if (s->in.profile && x->critical)
			crlscan_fault(s, CRL_UNNUMBERED, "its number is "
			    "critical (RFC 5280 5.2.3)");
		break;
	case DELTA:
		crlscan_fault(s, CRL_DELTA, "it is a delta CRL, which says "
		    "only what changed (RFC 5280 5.2.4)");
		break;
	case IDP:
		crlscan_idp(s, x->value);
		break;
	case AKI:
		/* which key it is, the signature tells */
		break;
	default:
		if (x->critical)
			crlscan_fault(s, CRL_CRITICAL, "it has a critical "
			    "extension that is not known (RFC 5280 5.2)");
	}
}

/* The bit of an extension that may be there once; 0: any other. */
static unsigned
once(const struct der_extn *x)
{
	if (x->oid.n != 3 || x->oid.p[0] != 0x55 || x->oid.p[1] != 0x1d)
		return 0;
	switch (x->oid.p[2]) {
	case NUMBER:
		return 1;
	case DELTA:
		return 2;
	case IDP:
		return 4;
	case AKI:
		return 8;
	case FRESHEST:
		return 16;
	default:
		return 0;
	}
}

void
crlscan_exts(struct crlscan *s, struct span body)
{
	struct cur	c = cur_span(body);
	struct der_extn	x;
	unsigned	seen = 0, bit;

	while (cur_left(&c) != 0 && s->stage != CRLSCAN_BAD) {
		if (der_extn_next(&c, &x) == -1) {
			crlscan_fault(s, CRL_MALFORMED, "its extensions "
			    "cannot be read (RFC 5280 5.2)");
			return;
		}
		bit = once(&x);
		if ((seen & bit) != 0) {
			crlscan_fault(s, CRL_MALFORMED, "an extension is "
			    "there twice (RFC 5280 4.2)");
			return;
		}
		seen |= bit;
		if (x.whole.n > LIMIT_CRL_ENTRY) {
			crlscan_fault(s, CRL_TOO_LARGE, "an extension has "
			    "more than %u bytes", LIMIT_CRL_ENTRY);
			return;
		}
		one(s, &x);
	}
}
