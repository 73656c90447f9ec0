#include "ocsp/crlscan_parts.h"

#include <string.h>

#include "base/limit.h"
#include "ocsp/crlscan_part.h"
#include "pki/der.h"

/* The header of an element whose content may be elsewhere: 0 or -1. */
static int
header(struct cur *c, uint8_t *tag, uint64_t *len)
{
	uint8_t	b, k;

	if (cur_u8(c, tag) == -1 || cur_u8(c, &b) == -1)
		return -1;
	*len = b;
	if (b < 0x80)
		return 0;
	if (b == 0x80 || b > 0x84)
		return -1;
	for (*len = 0, k = b & 0x7f; k > 0; k--) {
		if (cur_u8(c, &b) == -1)
			return -1;
		*len = *len << 8 | b;
	}
	return 0;
}

/*
 * What stands in the TBS before the list of entries, and how long that list
 * is: 0 when TBS and list have the lengths that they say.
 */
static int
split(const struct crlscan_parts *p, size_t nexts, struct span *front)
{
	struct cur	c = cur_span(p->header), at;
	struct der	d;
	uint64_t	tbs, list = 0;
	uint8_t		tag;

	if (header(&c, &tag, &tbs) == -1 || tag != DER_SEQ)
		return -1;
	*front = cur_rest(&c);
	/* the list's header is all that is there of it */
	for (at = c; cur_left(&c) != 0 && der_next_strict(&c, &d) == 0;
	    at = c)
		;
	front->n -= cur_left(&at);
	if (cur_left(&at) != 0 && (header(&at, &tag, &list) == -1 ||
	    tag != DER_SEQ || cur_left(&at) != 0 || list == 0))
		return -1;
	return tbs == (uint64_t)(p->header.p + p->header.n - front->p) +
	    list + nexts ? 0 : -1;
}

/* How long the extensions of the tail are, and its signature. */
static int
tail(struct span whole, size_t *nexts, struct span *sig)
{
	struct cur	c = cur_span(whole);
	struct der	d;

	*nexts = 0;
	if (der_next_strict(&c, &d) == -1)
		return -1;
	if (d.tag == 0xa0) {
		*nexts = d.whole.n;
		if (der_next_strict(&c, &d) == -1)
			return -1;
	}
	if (d.tag != DER_SEQ || der_next_strict(&c, &d) == -1 ||
	    d.tag != DER_BITS || d.body.n < 1 || d.body.p[0] != 0 ||
	    cur_left(&c) != 0)
		return -1;
	*sig = (struct span){ d.body.p + 1, d.body.n - 1 };
	return 0;
}

/* The same CRL without entries: its header and its tail read by a scan. */
static void
without_entries(struct span front, struct span whole_tail, size_t nexts,
    struct buf *out)
{
	struct buf	tbs = BUF_INIT;

	der_put(&tbs, DER_SEQ, front.n + nexts);
	buf_span(&tbs, front);
	buf_add(&tbs, whole_tail.p, nexts);
	der_put(out, DER_SEQ, tbs.n + whole_tail.n - nexts);
	buf_span(out, buf_bytes(&tbs));
	buf_add(out, whole_tail.p + nexts, whole_tail.n - nexts);
	buf_free(&tbs);
}

/* Did the key of ${s} sign the digest?  What is wrong stays in the fault. */
static void
verify(struct crlscan *s, struct span digest, struct span sig)
{
	const EVP_MD	*md = crlscan_md(s->alg.hash);

	if (md == NULL || (size_t)EVP_MD_get_size(md) != digest.n) {
		crlscan_fault(s, CRL_UNCHECKED, "its signature, %s, has no "
		    "digest of this length", s->alg.name);
		return;
	}
	memcpy(s->out.tbs_digest, digest.p, digest.n);
	s->out.ntbs_digest = digest.n;
	crlscan_verify(s, sig);
}

/* All that a scan says but for signature and age, as if at thisUpdate. */
static void
scan(const struct crlscan_in *in, struct span crl, struct crlscan *v)
{
	struct crlscan		*s = crlscan_new(in);
	struct crlscan_out	*out = &v->out, said;

	/* without a key no signature is looked at */
	s->spki = (struct span){ NULL, 0 };
	(void)crlscan_update(s, crl.p, crl.n, NULL);
	v->alg = s->alg;
	s->in.now = s->out.this_update;
	s->in.max_age = INT64_MAX / 4;
	crlscan_finish(s, &said);
	crlscan_free(s);
	if (said.fault != CRL_OK)
		crlscan_fault(v, said.fault, "%s", said.why);
	memcpy(out->number, said.number, sizeof(out->number));
	memcpy(out->sigalg, said.sigalg, sizeof(out->sigalg));
	memcpy(out->idp, said.idp, sizeof(out->idp));
	out->this_update = said.this_update;
	out->next_update = said.next_update;
	out->partitioned = said.partitioned;
	crlscan_out_free(&said);
}

void
crlscan_parts(const struct crlscan_parts *p, struct crlscan_out *out)
{
	struct crlscan_in	 in;
	struct crlscan		*v;
	struct buf		 crl = BUF_INIT;
	struct span		 front, sig;
	size_t			 nexts;

	memset(&in, 0, sizeof(in));
	in.issuer = p->issuer;
	in.last_this = INT64_MIN;
	v = crlscan_new(&in);
	if (p->header.n > LIMIT_CRL_HEADER || p->tail.n > LIMIT_CRL_TAIL ||
	    tail(p->tail, &nexts, &sig) == -1 ||
	    split(p, nexts, &front) == -1) {
		crlscan_fault(v, CRL_MALFORMED, "its parts do not fit each "
		    "other (RFC 5280 5.1)");
		goto out;
	}
	without_entries(front, p->tail, nexts, &crl);
	scan(&in, buf_bytes(&crl), v);
	verify(v, p->digest, sig);
	v->out.authentic = v->out.fault == CRL_OK ||
	    (v->out.fault > CRL_UNCHECKED && v->out.fault != CRL_TOO_LARGE);
out:
	*out = v->out;
	memset(&v->out, 0, sizeof(v->out));
	crlscan_free(v);
	buf_free(&crl);
}

int
crlscan_parts_entry(struct span raw, const struct crlset *set,
    struct crlscan_hit *hit)
{
	struct crl_one	one;

	if (raw.n > LIMIT_CRL_ENTRY || crlscan_entry(raw, 2, &one) != NULL ||
	    one.fault != CRL_OK)
		return -1;
	hit->number = crlset_find(set, one.serial);
	hit->at = one.at;
	hit->reason = one.reason;
	hit->invalid_at = one.invalid_at;
	hit->raw = raw;
	return hit->number == -1 ? -1 : 0;
}
