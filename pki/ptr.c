#include "pki/ptr.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/der.h"

#define OID_CRLDP	"\x55\x1d\x1f"
#define OID_AIA		"\x2b\x06\x01\x05\x05\x07\x01\x01"
#define OID_FEATURE	"\x2b\x06\x01\x05\x05\x07\x01\x18"
#define OID_OCSP	"\x2b\x06\x01\x05\x05\x07\x30\x01"
#define OID_CAISSUERS	"\x2b\x06\x01\x05\x05\x07\x30\x02"

#define URI		0x86	/* uniformResourceIdentifier, 4.2.1.6 */
#define STATUS_REQUEST	5	/* RFC 6066, 8 */

/* BR 1.6.1: short-lived from 2024-03-15 on, shorter from 2026-03-15 on. */
#define SHORT_FROM	(1710460800 * CLK_SEC)
#define SHORTER_FROM	(1773532800 * CLK_SEC)
#define DAY		(86400 * CLK_SEC)

static int
is(struct span v, const char *oid, size_t n)
{
	return v.n == n && memcmp(v.p, oid, n) == 0;
}

/* Can this be followed at all? */
static int
plain(struct span v)
{
	size_t	i;

	if (v.n == 0 || v.n > LIMIT_PTR_URL)
		return 0;
	for (i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] >= 0x7f)
			return 0;
	return 1;
}

/* There is room for LIMIT_PTR_URLS and PTR_LOST. */
static void
put(struct span v, char ***list, size_t *n)
{
	if (*list == NULL)
		*list = mem_array(LIMIT_PTR_URLS + 1, sizeof(**list));
	(*list)[(*n)++] = mem_dup(v.p, v.n);
}

/* Keep a URI once; what cannot be kept is counted. */
static void
keep(struct span v, char ***list, size_t *n, size_t *odd)
{
	size_t	i;

	if (!plain(v)) {
		(*odd)++;
		return;
	}
	for (i = 0; i < *n; i++)
		if (strlen((*list)[i]) == v.n &&
		    memcmp((*list)[i], v.p, v.n) == 0)
			return;
	if (*n == LIMIT_PTR_URLS) {
		(*odd)++;
		return;
	}
	put(v, list, n);
}

/* DistributionPointName: only fullName points anywhere. */
static int
read_point_name(struct span body, struct ptr *p)
{
	struct cur	c = cur_span(body), in;
	struct der	d, name;

	if (der_next(&c, &d) == -1 || cur_left(&c) != 0)
		return -1;
	if (d.tag != 0xa0)
		return 0;
	for (in = cur_span(d.body); cur_left(&in) != 0;) {
		if (der_next(&in, &name) == -1)
			return -1;
		if (name.tag == URI)
			keep(name.body, &p->crl, &p->ncrl, &p->odd);
	}
	return 0;
}

/* CRLDistributionPoints, RFC 5280 4.2.1.13. */
static int
read_crldp(struct span value, struct ptr *p)
{
	struct span	body;
	struct cur	c, in;
	struct der	d;
	size_t		odd = p->odd;

	if (der_only(value, DER_SEQ, &body) == -1)
		return -1;
	for (c = cur_span(body); cur_left(&c) != 0;) {
		if (der_want(&c, DER_SEQ, &d) == -1)
			return -1;
		for (in = cur_span(d.body); cur_left(&in) != 0;) {
			if (der_next(&in, &d) == -1)
				return -1;
			if (d.tag == 0xa0) {
				if (read_point_name(d.body, p) == -1)
					return -1;
			} else
				p->crl_partial = 1;
		}
	}
	if (p->ncrl == 0 || p->odd != odd)
		put(SPAN_STR(PTR_LOST), &p->crl, &p->ncrl);
	return 0;
}

/* AuthorityInfoAccess, RFC 5280 4.2.2.1. */
static int
read_aia(struct span value, struct ptr *p)
{
	struct span	body;
	struct cur	c, in;
	struct der	d, method, where;
	int		responder = 0, ocsp;

	if (der_only(value, DER_SEQ, &body) == -1)
		return -1;
	for (c = cur_span(body); cur_left(&c) != 0;) {
		if (der_want(&c, DER_SEQ, &d) == -1)
			return -1;
		in = cur_span(d.body);
		if (der_want(&in, DER_OID, &method) == -1 ||
		    der_next(&in, &where) == -1 || cur_left(&in) != 0)
			return -1;
		ocsp = is(method.body, OID_OCSP, sizeof(OID_OCSP) - 1);
		responder |= ocsp;
		if (where.tag != URI)
			continue;
		if (ocsp)
			keep(where.body, &p->ocsp, &p->nocsp, &p->odd);
		else if (is(method.body, OID_CAISSUERS,
		    sizeof(OID_CAISSUERS) - 1))
			keep(where.body, &p->aia, &p->naia, &p->odd);
	}
	if (responder && p->nocsp == 0)
		put(SPAN_STR(PTR_LOST), &p->ocsp, &p->nocsp);
	return 0;
}

/* TLS features, RFC 7633 4.1. */
static int
read_features(struct span value, struct ptr *p)
{
	struct span	body;
	struct cur	c;
	struct der	d;

	if (der_only(value, DER_SEQ, &body) == -1)
		return -1;
	for (c = cur_span(body); cur_left(&c) != 0;) {
		if (der_want(&c, DER_INT, &d) == -1)
			return -1;
		if (d.body.n == 1 && d.body.p[0] == STATUS_REQUEST)
			p->must_staple = 1;
	}
	return 0;
}

/* The dates of a subscriber certificate; both ends count (BR 1.6.1). */
static int
short_lived(const struct der_tbs *t)
{
	struct span	v, body;
	struct cur	c;
	struct der	d;
	int64_t		from, to;

	if (der_time(t->not_before, &from) == -1 ||
	    der_time(t->not_after, &to) == -1 || from < SHORT_FROM ||
	    to < from)
		return 0;
	if (der_ext(t, DER_OID_ARG(DER_OID_BASIC), &v, NULL) == 1 &&
	    der_only(v, DER_SEQ, &body) == 0) {
		c = cur_span(body);
		if (der_want(&c, DER_BOOL, &d) == 0 && d.body.n == 1 &&
		    d.body.p[0] != 0)
			return 0;
	}
	return to - from + CLK_SEC <= (from < SHORTER_FROM ? 10 : 7) * DAY;
}

int
ptr_read(struct span cert, struct ptr *p, struct err *e)
{
	static const struct {
		const char	*oid;
		size_t		 n;
		int		(*read)(struct span, struct ptr *);
		const char	*name;
	} ext[] = {
		{ OID_CRLDP, sizeof(OID_CRLDP) - 1, read_crldp,
		    "CRL distribution points (RFC 5280, 4.2.1.13)" },
		{ OID_AIA, sizeof(OID_AIA) - 1, read_aia,
		    "authority information access (RFC 5280, 4.2.2.1)" },
		{ OID_FEATURE, sizeof(OID_FEATURE) - 1, read_features,
		    "TLS features (RFC 7633, 4.1)" }
	};
	struct span	tbs, v;
	struct der_tbs	t;
	size_t		i;
	int		r;

	memset(p, 0, sizeof(*p));
	if (der_cert(cert, &tbs, NULL, NULL, e) == -1 ||
	    der_tbs(tbs, &t, e) == -1)
		return -1;
	for (i = 0; i < sizeof(ext) / sizeof(ext[0]); i++) {
		r = der_ext(&t, (const uint8_t *)ext[i].oid, ext[i].n, &v,
		    NULL);
		if (r == -1 || (r == 1 && ext[i].read(v, p) == -1)) {
			ptr_free(p);
			return err_set(e, ERR_FORMAT, "certificate: the "
			    "extension %s cannot be read", ext[i].name);
		}
	}
	p->short_lived = short_lived(&t);
	return 0;
}

static void
drop(char **list, size_t n)
{
	while (n > 0)
		free(list[--n]);
	free(list);
}

void
ptr_free(struct ptr *p)
{
	drop(p->crl, p->ncrl);
	drop(p->ocsp, p->nocsp);
	drop(p->aia, p->naia);
	memset(p, 0, sizeof(*p));
}
