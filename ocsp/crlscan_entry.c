#include <string.h>

#include "ocsp/crlscan_part.h"
#include "pki/der.h"

/*
 * One entry of revokedCertificates (RFC 5280 5.1.2.6 and 5.3).  The walk
 * comes here for entries that are not in the usual form, and for those of
 * watched serials.
 */

/* crlEntryExtensions that are read, 2.5.29.x. */
enum { REASON = 21, INVALIDITY = 24, ISSUER = 29 };

/* 5.3.1: 0 to 10, without 7. */
static const char *
reason(struct span v, struct crl_one *o)
{
	struct span	body;

	if (o->reason != -1)
		return "two reasons";
	/* ENUMERATED */
	if (der_only(v, 0x0a, &body) == -1 || body.n != 1 ||
	    body.p[0] > 10 || body.p[0] == 7)
		return "a reason that there is not (RFC 5280 5.3.1)";
	o->reason = body.p[0];
	return NULL;
}

static const char *
extension(const struct der_extn *x, struct crl_one *o)
{
	unsigned	id = 0;

	if (x->oid.n == 3 && x->oid.p[0] == 0x55 && x->oid.p[1] == 0x1d)
		id = x->oid.p[2];
	switch (id) {
	case REASON:
		return reason(x->value, o);
	case INVALIDITY:
		/* GeneralizedTime, but CAs have written UTCTime */
		if (o->invalid_at != INT64_MIN ||
		    der_time(x->value, &o->invalid_at) == -1)
			return "an invalidity date that is no time "
			    "(RFC 5280 5.3.2)";
		return NULL;
	case ISSUER:
		if (o->fault == CRL_OK)
			o->fault = CRL_INDIRECT;
		return NULL;
	default:
		/* the graver one */
		if (x->critical)
			o->fault = CRL_CRITICAL;
		return NULL;
	}
}

static const char *
extensions(struct span body, struct crl_one *o)
{
	struct cur	c = cur_span(body);
	struct der_extn	x;
	const char	*bad;

	/* an empty list must not be, but public CAs have it */
	while (cur_left(&c) != 0) {
		if (der_extn_next(&c, &x) == -1)
			return "extensions that cannot be read "
			    "(RFC 5280 5.3)";
		bad = extension(&x, o);
		if (bad != NULL)
			return bad;
	}
	return NULL;
}

const char *
crlscan_entry(struct span entry, int version, struct crl_one *o)
{
	struct cur	c = cur_span(entry), in;
	struct der	d;

	memset(o, 0, sizeof(*o));
	o->reason = -1;
	o->invalid_at = INT64_MIN;
	if (der_next_strict(&c, &d) == -1 || d.tag != DER_SEQ ||
	    cur_left(&c) != 0)
		return "no SEQUENCE (RFC 5280 5.1)";
	in = cur_span(d.body);
	if (der_next_strict(&in, &d) == -1 || d.tag != DER_INT ||
	    d.body.n == 0)
		return "no serial number (RFC 5280 5.1.2.6)";
	o->serial = d.body;
	if (der_next_strict(&in, &d) == -1 ||
	    der_time(d.whole, &o->at) == -1)
		return "no date (RFC 5280 5.1.2.6)";
	if (cur_left(&in) == 0)
		return NULL;
	if (version == 1)
		return "extensions in version 1 (RFC 5280 5.1.2.1)";
	if (der_next_strict(&in, &d) == -1 || d.tag != DER_SEQ ||
	    cur_left(&in) != 0)
		return "more than extensions (RFC 5280 5.1)";
	return extensions(d.body, o);
}
