#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/limit.h"
#include "ocsp/crlscan_part.h"
#include "pki/der.h"

/* issuingDistributionPoint (RFC 5280 5.2.5), and names. */

/* Fields of it, by their tags. */
enum { POINT = 0xa0, USER = 0x81, CA = 0x82, REASONS = 0x83, INDIRECT = 0x84,
    ATTRIBUTE = 0x85 };
/* Names (4.2.1.6). */
enum { DIRECTORY = 0xa4, URI = 0x86 };

struct idp {
	struct span	point;		/* DistributionPointName, whole */
	struct span	names;		/* its GeneralNames, if it has them */
	unsigned	set;		/* bits of tag & 7 */
};

static int
has(const struct idp *d, int tag)
{
	return (d->set >> (tag & 7) & 1) != 0;
}

/* --- names --- */

static X509_NAME *
x509_name(struct span v)
{
	const unsigned char	*p = v.p;
	X509_NAME		*n;

	n = v.n <= LIMIT_CRL_HEADER ? d2i_X509_NAME(NULL, &p, (long)v.n) :
	    NULL;
	if (n != NULL && p != v.p + v.n) {
		X509_NAME_free(n);
		n = NULL;
	}
	return n;
}

int
crlscan_same_name(struct span a, struct span b)
{
	X509_NAME	*x, *y;
	int		 r;

	if (a.n == b.n && memcmp(a.p, b.p, a.n) == 0)
		return 1;
	x = x509_name(a);
	y = x509_name(b);
	r = x != NULL && y != NULL && X509_NAME_cmp(x, y) == 0;
	X509_NAME_free(x);
	X509_NAME_free(y);
	ERR_clear_error();
	return r;
}

/* Are two GeneralNames (one element each) the same? */
static int
same_general(const struct der *a, const struct der *b)
{
	if (a->whole.n == b->whole.n &&
	    memcmp(a->whole.p, b->whole.p, a->whole.n) == 0)
		return 1;
	return a->tag == DIRECTORY && b->tag == DIRECTORY &&
	    crlscan_same_name(a->body, b->body);
}

/* The name of the issuer with one more RDN (a SET's body) as a GeneralName. */
static int
relative_name(struct span issuer, struct span rdn, struct buf *out)
{
	struct span	rdns;
	struct buf	set = BUF_INIT, seq = BUF_INIT;

	if (der_only(issuer, DER_SEQ, &rdns) == -1)
		return -1;
	der_put(&set, DER_SET, rdn.n);
	buf_span(&set, rdn);
	der_put(&seq, DER_SEQ, rdns.n + set.n);
	buf_span(&seq, rdns);
	buf_span(&seq, buf_bytes(&set));
	der_put(out, DIRECTORY, seq.n);
	buf_span(out, buf_bytes(&seq));
	buf_free(&set);
	buf_free(&seq);
	return 0;
}

/* Append the GeneralNames of a DistributionPointName (4.2.1.13): 0 or -1. */
static int
full_name(struct span point, struct span issuer, struct buf *out)
{
	struct cur	c = cur_span(point);
	struct der	d;

	if (der_next(&c, &d) == -1 || cur_left(&c) != 0)
		return -1;
	if (d.tag == 0xa1)
		return relative_name(issuer, d.body, out);
	if (d.tag != 0xa0)
		return -1;
	buf_span(out, d.body);
	return 0;
}

/* Is one of these names among those?  Looks at LIMIT_PTR_URLS of each. */
static int
share_name(struct span these, struct span those)
{
	struct cur	a = cur_span(these), b;
	struct der	x, y;
	unsigned	i, k;

	for (i = 0; i < LIMIT_PTR_URLS && der_next(&a, &x) == 0; i++) {
		b = cur_span(those);
		for (k = 0; k < LIMIT_PTR_URLS && der_next(&b, &y) == 0; k++)
			if (same_general(&x, &y))
				return 1;
	}
	return 0;
}

/* Does the distributionPoint of the IDP name the point that is asked for? */
static int
same_point(const struct crlscan *s, struct span point)
{
	struct buf	a = BUF_INIT, b = BUF_INIT;
	int		r;

	r = s->in.point.p != NULL &&
	    full_name(point, s->subject, &a) == 0 &&
	    full_name(s->in.point, s->subject, &b) == 0 &&
	    share_name(buf_bytes(&a), buf_bytes(&b));
	buf_free(&a);
	buf_free(&b);
	return r;
}

/* Is it text that can be shown and compared? */
static int
is_plain(struct span v)
{
	size_t	i;

	for (i = 0; i < v.n && v.p[i] > 0x20 && v.p[i] < 0x7f; i++)
		continue;
	return v.n != 0 && v.n <= LIMIT_PTR_URL && i == v.n;
}

/* The URI that is ${url}; with NULL, the first that is_plain(). */
static int
find_uri(struct span names, const char *url, struct span *uri)
{
	struct cur	c = cur_span(names);
	struct der	d;

	while (der_next(&c, &d) == 0) {
		if (d.tag != URI)
			continue;
		*uri = d.body;
		if (url == NULL ? is_plain(d.body) :
		    d.body.n == strlen(url) &&
		    memcmp(d.body.p, url, d.body.n) == 0)
			return 1;
	}
	return 0;
}

int
crlscan_names(const struct crlscan_out *o, const char *url)
{
	struct span	uri;

	return !o->partitioned || find_uri(o->idp_names, url, &uri);
}

/* --- the extension --- */

/* distributionPoint: [0] or [1], not empty, names that can be read. */
static const char *
read_point(struct span body, struct idp *d)
{
	struct cur	c = cur_span(body), in;
	struct der	x, name;

	if (der_next_strict(&c, &x) == -1 || cur_left(&c) != 0 ||
	    (x.tag != 0xa0 && x.tag != 0xa1) || x.body.n == 0)
		return "distributionPoint cannot be read";
	d->point = x.whole;
	if (x.tag == 0xa1)
		return NULL;
	d->names = x.body;
	for (in = cur_span(x.body); cur_left(&in) != 0;)
		if (der_next_strict(&in, &name) == -1 ||
		    (name.tag & 0xc0) != 0x80)
			return "a name of distributionPoint cannot be read";
	return NULL;
}

/* One field; each is there at most once, in the order of tags. */
static const char *
field(const struct der *x, struct idp *d)
{
	switch (x->tag) {
	case POINT:
		return read_point(x->body, d);
	case REASONS:
		return x->body.n < 1 ? "onlySomeReasons cannot be read" :
		    NULL;
	case USER:
	case CA:
	case INDIRECT:
	case ATTRIBUTE:
		/* FALSE should be left out, but CAs have written it */
		return x->body.n != 1 || (x->body.p[0] != 0xff &&
		    x->body.p[0] != 0) ? "a BOOLEAN is not one of DER" :
		    NULL;
	default:
		return "a field is not known";
	}
}

static const char *
read_idp(struct span value, struct idp *d)
{
	struct cur	c = cur_span(value);
	struct der	x;
	const char	*bad;
	unsigned	bit, seen = 0, kinds;

	memset(d, 0, sizeof(*d));
	if (der_next_strict(&c, &x) == -1 || x.tag != DER_SEQ ||
	    cur_left(&c) != 0)
		return "it is no SEQUENCE";
	for (c = cur_span(x.body); cur_left(&c) != 0; seen |= bit) {
		if (der_next_strict(&c, &x) == -1)
			return "a field cannot be read";
		bad = field(&x, d);
		if (bad != NULL)
			return bad;
		bit = 1u << (x.tag & 7);
		if (seen >= bit)
			return "a field is there twice or out of order";
		/* all others have a content that is not one zero byte */
		if (x.tag == REASONS || x.body.n != 1 || x.body.p[0] != 0)
			d->set |= bit;
	}
	if (d->set == 0)
		return "it is empty";
	kinds = (unsigned)has(d, USER) + (unsigned)has(d, CA) +
	    (unsigned)has(d, ATTRIBUTE);
	return kinds > 1 ? "it is of two kinds of certificates" : NULL;
}

/* Is it about what is watched? */
static void
scope(struct crlscan *s, const struct idp *d)
{
	struct crlscan_out	*o = &s->out;
	struct span		 uri = { NULL, 0 };
	int			 named = 0;

	if (s->in.url != NULL)
		named = find_uri(d->names, s->in.url, &uri);
	else if (s->in.point.p == NULL)
		/* a file: whoever gave it compares */
		named = find_uri(d->names, NULL, &uri);
	if (named || find_uri(d->names, NULL, &uri)) {
		if (is_plain(uri))
			memcpy(o->idp, uri.p, uri.n);
	}
	if (named || same_point(s, d->point))
		return;
	if (s->in.url != NULL)
		crlscan_fault(s, CRL_WRONG_SCOPE, "its distribution point "
		    "is not %.100s (RFC 5280 6.3.3 b 2 i)", s->in.url);
	else
		crlscan_fault(s, CRL_WRONG_SCOPE, "its distribution point "
		    "is %s (RFC 5280 6.3.3 b 2 i)", s->in.point.p != NULL ?
		    "another than the certificate's" : "no URL");
}

void
crlscan_idp(struct crlscan *s, struct span value)
{
	struct idp	d;
	const char	*bad = read_idp(value, &d);

	if (bad != NULL) {
		crlscan_fault(s, CRL_MALFORMED, "issuingDistributionPoint: "
		    "%s (RFC 5280 5.2.5)", bad);
		return;
	}
	if (has(&d, INDIRECT))
		crlscan_fault(s, CRL_INDIRECT, "it is an indirect CRL "
		    "(RFC 5280 5.2.5)");
	if (has(&d, ATTRIBUTE))
		crlscan_fault(s, CRL_WRONG_SCOPE, "it is about attribute "
		    "certificates only (RFC 5280 6.3.3 b 2 iv)");
	if (has(&d, POINT)) {
		s->out.partitioned = 1;
		s->out.idp_names = d.names;
		scope(s, &d);
	}
	if (has(&d, REASONS))
		crlscan_fault(s, CRL_PARTIAL, "it is about some reasons only "
		    "(RFC 5280 5.2.5)");
	if (has(&d, s->in.for_ca ? USER : CA))
		crlscan_fault(s, CRL_PARTIAL, "it is about %s certificates "
		    "only (RFC 5280 6.3.3 b 2)", s->in.for_ca ? "user" :
		    "CA");
}
