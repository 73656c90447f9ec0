#include <string.h>

#include "base/limit.h"
#include "ocsp/crlscan_part.h"
#include "pki/der.h"

/*
 * What stands before the entries (RFC 5280 5.1): read anew from the first
 * byte whenever as many bytes are there as the last reading asked for.  It
 * asks for an element's header, then for the element, so that the number of
 * readings does not depend on sizes.
 */
struct head {
	struct crlscan	*s;
	uint64_t	 pos;
	uint64_t	 end;	/* of the element that is read */
};

/* ${n} bytes from pos: 0, or -1 when they are not there yet. */
static int
want(struct head *h, uint64_t n)
{
	struct crlscan	*s = h->s;

	if (h->end - h->pos < n) {
		crlscan_fault(s, CRL_MALFORMED, "an element is longer than "
		    "what it is in (RFC 5280 5.1)");
		return -1;
	}
	if (h->pos + n > LIMIT_CRL_HEADER) {
		crlscan_fault(s, CRL_TOO_LARGE, "more than %u bytes stand "
		    "before its entries", LIMIT_CRL_HEADER);
		return -1;
	}
	if (h->pos + n <= s->head.n)
		return 0;
	s->need = (size_t)(h->pos + n);
	return -1;
}

/* Tag, size of the header, length of the content; 0, or -1. */
static int
header(struct head *h, uint8_t *tag, size_t *size, uint64_t *len)
{
	const uint8_t	*p;
	size_t		 k, i;

	if (want(h, 2) == -1)
		return -1;
	p = h->s->head.p + h->pos;
	k = p[1] < 0x80 ? 0 : p[1] & 0x7f;
	if ((p[0] & 0x1f) == 0x1f || p[1] == 0x80 || k > 4)
		goto bad;
	if (k != 0 && want(h, 2 + k) == -1)
		return -1;
	p = h->s->head.p + h->pos;
	*tag = p[0];
	*size = 2 + k;
	*len = p[1] & 0x7f;
	if (k != 0)
		for (*len = 0, i = 0; i < k; i++)
			*len = *len << 8 | p[2 + i];
	if (k != 0 && (*len < 0x80 || *len >> (8 * (k - 1)) == 0))
		goto bad;
	return 0;
bad:
	crlscan_fault(h->s, CRL_MALFORMED, "it is not in DER "
	    "(RFC 5280 5.1)");
	return -1;
}

/* Go into a SEQUENCE; *end is where it ends. */
static int
enter(struct head *h, uint64_t *end, const char *what)
{
	uint64_t	len;
	size_t		size;
	uint8_t		tag;

	if (header(h, &tag, &size, &len) == -1)
		return -1;
	if (tag != DER_SEQ || len > h->end - h->pos - size) {
		crlscan_fault(h->s, CRL_MALFORMED, "%s is no SEQUENCE that "
		    "fits (RFC 5280 5.1)", what);
		return -1;
	}
	h->pos += size;
	*end = h->pos + len;
	return 0;
}

/* The next element, whole. */
static int
element(struct head *h, struct der *d)
{
	uint64_t	len;
	size_t		size;

	if (header(h, &d->tag, &size, &len) == -1 ||
	    want(h, size + len) == -1)
		return -1;
	d->whole.p = h->s->head.p + h->pos;
	d->whole.n = size + (size_t)len;
	d->body.p = d->whole.p + size;
	d->body.n = (size_t)len;
	h->pos += d->whole.n;
	return 0;
}

/* The SEQUENCE OF everything, which is the first that is known. */
static int
outer(struct head *h)
{
	struct crlscan	*s = h->s;

	/* 2^32 bytes and six of header cannot overflow */
	h->end = UINT64_MAX / 2;
	if (enter(h, &s->end, "the CRL") == -1)
		return -1;
	if (s->end > LIMIT_CRL) {
		s->stop = 1;
		crlscan_fault(s, CRL_TOO_LARGE, "it has %llu bytes, more "
		    "than %u", (unsigned long long)s->end, LIMIT_CRL);
		return -1;
	}
	h->end = s->end;
	s->tbs_from = h->pos;
	if (enter(h, &s->tbs_end, "tbsCertList") == -1)
		return -1;
	h->end = s->tbs_end;
	return 0;
}

/* Version and algorithm. */
static int
first(struct head *h)
{
	struct crlscan	*s = h->s;
	struct der	 d;

	if (element(h, &d) == -1)
		return -1;
	s->version = 1;
	if (d.tag == DER_INT) {
		/* version 1 must not be said */
		if (d.body.n != 1 || d.body.p[0] != 1) {
			crlscan_fault(s, CRL_MALFORMED, "its version is not "
			    "2 (RFC 5280 5.1.2.1)");
			return -1;
		}
		s->version = 2;
		if (element(h, &d) == -1)
			return -1;
	}
	if (d.tag != DER_SEQ) {
		crlscan_fault(s, CRL_MALFORMED, "it has no signature "
		    "algorithm (RFC 5280 5.1.2.2)");
		return -1;
	}
	s->sigalg = d.whole;
	return 0;
}

/* Issuer and times. */
static int
middle(struct head *h, struct span *name)
{
	struct crlscan	*s = h->s;
	struct der	 d;
	uint8_t		 tag;
	uint64_t	 len;
	size_t		 size;

	if (element(h, &d) == -1)
		return -1;
	*name = d.whole;
	if (d.tag != DER_SEQ) {
		crlscan_fault(s, CRL_MALFORMED, "it has no issuer "
		    "(RFC 5280 5.1.2.3)");
		return -1;
	}
	if (element(h, &d) == -1)
		return -1;
	if (der_time(d.whole, &s->out.this_update) == -1) {
		crlscan_fault(s, CRL_MALFORMED, "thisUpdate is no time "
		    "(RFC 5280 5.1.2.4)");
		return -1;
	}
	if (h->pos == h->end)
		return 0;
	if (header(h, &tag, &size, &len) == -1)
		return -1;
	if (tag != DER_UTC && tag != DER_GENTIME)
		return 0;
	if (element(h, &d) == -1)
		return -1;
	if (der_time(d.whole, &s->out.next_update) == -1) {
		crlscan_fault(s, CRL_MALFORMED, "nextUpdate is no time "
		    "(RFC 5280 5.1.2.5)");
		return -1;
	}
	return 0;
}

/* The header of the list of entries, if there is one. */
static int
list(struct head *h, int *there)
{
	struct crlscan	*s = h->s;
	uint64_t	 len;
	size_t		 size;
	uint8_t		 tag;

	*there = 0;
	s->entries_end = h->pos;
	if (h->pos == h->end)
		return 0;
	if (header(h, &tag, &size, &len) == -1)
		return -1;
	if (tag != DER_SEQ)
		return 0;
	if (enter(h, &s->entries_end, "the list of entries") == -1)
		return -1;
	if (len == 0) {
		crlscan_fault(s, CRL_MALFORMED, "its list of entries is "
		    "empty and not left out (RFC 5280 5.1.2.6)");
		return -1;
	}
	*there = 1;
	return 0;
}

void
crlscan_head(struct crlscan *s)
{
	struct head	h = { s, 0, 0 };
	struct span	name;
	int		entries;

	if (outer(&h) == -1 || first(&h) == -1 || middle(&h, &name) == -1 ||
	    list(&h, &entries) == -1)
		return;
	if (s->end - s->entries_end > LIMIT_CRL_TAIL) {
		crlscan_fault(s, CRL_TOO_LARGE, "more than %u bytes follow "
		    "its entries", LIMIT_CRL_TAIL);
		return;
	}
	crlscan_alg(s->sigalg, &s->alg);
	memcpy(s->out.sigalg, s->alg.name, sizeof(s->out.sigalg));
	if (s->subject.p != NULL && !crlscan_same_name(name, s->subject))
		crlscan_fault(s, CRL_WRONG_ISSUER, "its issuer is another "
		    "than the certificate's subject (RFC 5280 6.3.3 f)");
	s->stage = entries ? CRLSCAN_ENTRIES : CRLSCAN_TAIL;
}
