#include "ocsp/resp.h"

#include <string.h>

#include "pki/der.h"

#define OID_BASIC	"\x2b\x06\x01\x05\x05\x07\x30\x01\x01"

#define ENUMERATED	0x0a
#define CTX(n)		(0xa0 | (n))	/* constructed */
#define CTX_PLAIN(n)	(0x80 | (n))	/* primitive */

const char *
resp_outer_name(int v)
{
	static const char *const name[] = { "successful", "malformedRequest",
	    "internalError", "tryLater", NULL, "sigRequired", "unauthorized" };

	return v >= 0 && v < 7 ? name[v] : NULL;
}

/* The next element in its strict form, with that tag. */
static int
want(struct cur *c, uint8_t tag, struct der *d)
{
	struct cur	save = *c;

	if (der_next_strict(c, d) == -1)
		return -1;
	if (d->tag == tag)
		return 0;
	*c = save;
	return -1;
}

/* The one element of that tag that is all of a content; its content. */
static int
only(struct span in, uint8_t tag, struct span *body)
{
	struct cur	c = cur_span(in);
	struct der	d;

	if (want(&c, tag, &d) == -1 || cur_left(&c) != 0)
		return -1;
	*body = d.body;
	return 0;
}

/* Is the next element one of that tag? */
static int
at(const struct cur *c, uint8_t tag)
{
	return cur_left(c) != 0 && *c->p == tag;
}

static int
gentime(struct cur *c, int64_t *out)
{
	struct der	d;

	return want(c, DER_GENTIME, &d) == -1 ||
	    der_time(d.whole, out) == -1 ? -1 : 0;
}

/* An ENUMERATED of one byte. */
static int
small(struct cur *c, int *out)
{
	struct der	d;

	if (want(c, ENUMERATED, &d) == -1 || d.body.n != 1 ||
	    d.body.p[0] > 0x7f)
		return -1;
	*out = d.body.p[0];
	return 0;
}

/* [n] EXPLICIT Extensions, if it is there; each must be one. */
static int
extensions(struct cur *c, uint8_t tag, struct span *out)
{
	struct cur	in;
	struct der	d;
	struct der_extn	x;

	if (!at(c, tag))
		return 0;
	if (want(c, tag, &d) == -1 || only(d.body, DER_SEQ, out) == -1)
		return -1;
	for (in = cur_span(*out); cur_left(&in) != 0;)
		if (der_extn_next(&in, &x) == -1)
			return -1;
	return 0;
}

/* RevokedInfo. */
static int
revoked(struct span body, struct resp_single *s)
{
	struct cur	c = cur_span(body), in;
	struct der	d;

	if (gentime(&c, &s->revoked_at) == -1)
		return -1;
	if (at(&c, CTX(0))) {
		if (want(&c, CTX(0), &d) == -1)
			return -1;
		in = cur_span(d.body);
		if (small(&in, &s->reason) == -1 || cur_left(&in) != 0)
			return -1;
	}
	return cur_left(&c) == 0 ? 0 : -1;
}

/* CertStatus. */
static int
status(struct cur *c, struct resp_single *s)
{
	struct der	d;

	if (der_next_strict(c, &d) == -1)
		return -1;
	switch (d.tag) {
	case CTX_PLAIN(0):
		s->says = OCSP_SAYS_GOOD;
		return d.body.n == 0 ? 0 : -1;
	case CTX(1):
		s->says = OCSP_SAYS_REVOKED;
		return revoked(d.body, s);
	case CTX_PLAIN(2):
		s->says = OCSP_SAYS_UNKNOWN;
		return d.body.n == 0 ? 0 : -1;
	default:
		return -1;
	}
}

int
resp_single_next(struct cur *c, struct resp_single *s)
{
	struct cur	in, time;
	struct der	d;

	memset(s, 0, sizeof(*s));
	s->next_update = s->revoked_at = INT64_MIN;
	s->reason = -1;
	if (want(c, DER_SEQ, &d) == -1)
		return -1;
	in = cur_span(d.body);
	if (want(&in, DER_SEQ, &d) == -1 ||
	    certid_read(d.body, &s->id) == -1 || status(&in, s) == -1 ||
	    gentime(&in, &s->this_update) == -1)
		return -1;
	if (at(&in, CTX(0))) {
		if (want(&in, CTX(0), &d) == -1)
			return -1;
		time = cur_span(d.body);
		if (gentime(&time, &s->next_update) == -1 ||
		    cur_left(&time) != 0)
			return -1;
	}
	return extensions(&in, CTX(1), &s->exts) == -1 ||
	    cur_left(&in) != 0 ? -1 : 0;
}

/* version [0] EXPLICIT, v1 or absent. */
static const char *
walk_version(struct cur *c)
{
	struct span	v;
	struct der	d;

	if (!at(c, CTX(0)))
		return NULL;
	if (want(c, CTX(0), &d) == -1 || only(d.body, DER_INT, &v) == -1 ||
	    v.n != 1 || v.p[0] != 0)
		return "version, which must be 1,";
	return NULL;
}

static const char *
walk_responder(struct cur *c, struct resp *r)
{
	struct span	in;
	struct der	d;

	if (der_next_strict(c, &d) == -1)
		return "responderID";
	if (d.tag == CTX(1) && only(d.body, DER_SEQ, &in) == 0)
		r->by_name = d.body;
	else if (d.tag == CTX(2) && only(d.body, DER_OCTETS, &in) == 0)
		r->by_key = in;
	else
		return "responderID";
	return NULL;
}

/* tbsResponseData. */
static const char *
walk_data(struct span body, struct resp *r)
{
	struct cur		 c = cur_span(body), in;
	const char		*bad;
	struct resp_single	 s;
	struct der		 d;

	if ((bad = walk_version(&c)) != NULL ||
	    (bad = walk_responder(&c, r)) != NULL)
		return bad;
	if (gentime(&c, &r->produced_at) == -1)
		return "producedAt";
	if (want(&c, DER_SEQ, &d) == -1)
		return "responses";
	r->singles = d.body;
	for (in = cur_span(d.body); cur_left(&in) != 0; r->nsingles++)
		if (r->nsingles > LIMIT_OCSP_SINGLES ||
		    resp_single_next(&in, &s) == -1)
			return "a SingleResponse";
	if (extensions(&c, CTX(1), &r->exts) == -1 || cur_left(&c) != 0)
		return "what follows the responses";
	return NULL;
}

/* certs [0] EXPLICIT, if it is there. */
static const char *
walk_certs(struct cur *c, struct resp *r)
{
	struct span	body;
	struct der	d;
	struct cur	in;

	if (!at(c, CTX(0)))
		return NULL;
	if (want(c, CTX(0), &d) == -1 || only(d.body, DER_SEQ, &body) == -1)
		return "certs";
	for (in = cur_span(body); cur_left(&in) != 0; r->ncerts++) {
		if (want(&in, DER_SEQ, &d) == -1)
			return "a certificate";
		if (r->ncerts < LIMIT_CHAIN)
			r->certs[r->ncerts] = d.whole;
	}
	return NULL;
}

/* BasicOCSPResponse. */
static const char *
walk_basic(struct span der, struct resp *r)
{
	struct span	 body;
	const char	*bad;
	struct cur	 c;
	struct der	 d, alg, sig;

	if (only(der, DER_SEQ, &body) == -1)
		return "BasicOCSPResponse";
	c = cur_span(body);
	if (want(&c, DER_SEQ, &d) == -1)
		return "tbsResponseData";
	r->tbs = d.whole;
	if (want(&c, DER_SEQ, &alg) == -1)
		return "signatureAlgorithm";
	r->sigalg = alg.whole;
	if (want(&c, DER_BITS, &sig) == -1 || sig.body.n < 1 ||
	    sig.body.p[0] != 0)
		return "signature";
	r->sig = (struct span){ sig.body.p + 1, sig.body.n - 1 };
	if ((bad = walk_certs(&c, r)) != NULL ||
	    (bad = walk_data(d.body, r)) != NULL)
		return bad;
	return cur_left(&c) == 0 ? NULL : "what follows the signature";
}

/* [0] EXPLICIT ResponseBytes, which must be all that is left. */
static const char *
walk_bytes(struct cur *c, struct resp *r)
{
	struct span	body;
	struct cur	in;
	struct der	d;

	if (want(c, CTX(0), &d) == -1 || cur_left(c) != 0 ||
	    only(d.body, DER_SEQ, &body) == -1)
		return "responseBytes";
	in = cur_span(body);
	if (want(&in, DER_OID, &d) == -1 ||
	    d.body.n != sizeof(OID_BASIC) - 1 ||
	    memcmp(d.body.p, OID_BASIC, d.body.n) != 0)
		return "responseType, which must be id-pkix-ocsp-basic,";
	if (want(&in, DER_OCTETS, &d) == -1 || cur_left(&in) != 0)
		return "response";
	return walk_basic(d.body, r);
}

int
resp_read(struct span der, struct resp *r, struct err *e)
{
	const char	*bad = NULL;
	struct cur	 all = cur_span(der), c;
	struct der	 d;
	int		 v;

	memset(r, 0, sizeof(*r));
	r->outer = -1;
	if (want(&all, DER_SEQ, &d) == -1)
		return err_set(e, ERR_FORMAT, "is no OCSP response in DER "
		    "(RFC 6960 4.2.1)");
	c = cur_span(d.body);
	if (small(&c, &v) == -1)
		bad = "responseStatus";
	else
		r->outer = v;
	if (bad == NULL && r->outer == 0)
		bad = walk_bytes(&c, r);
	else if (bad == NULL && cur_left(&c) != 0)
		bad = "what follows an error status";
	if (bad == NULL && cur_left(&all) != 0)
		bad = "what follows the response";
	if (r->nsingles > LIMIT_OCSP_SINGLES)
		return err_set(e, ERR_LIMIT, "it answers for more than %d "
		    "certificates", LIMIT_OCSP_SINGLES);
	if (r->ncerts > LIMIT_CHAIN)
		return err_set(e, ERR_LIMIT, "it holds %zu certificates, more "
		    "than %d", r->ncerts, LIMIT_CHAIN);
	if (bad != NULL)
		return err_set(e, ERR_FORMAT, "OCSP response: %s cannot be "
		    "read (RFC 6960 4.2.1)", bad);
	return 0;
}
