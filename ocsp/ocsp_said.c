#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "ocsp/certid.h"
#include "ocsp/ocsp_ask.h"
#include "ocsp/resp.h"
#include "ocsp/responder.h"
#include "ocsp/said.h"
#include "pki/der.h"

#define OID_NONCE	"\x2b\x06\x01\x05\x05\x07\x30\x01\x02"
#define OID_SCTS	"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x05"

/* What spoils every answer, and what only a good one. */
#define SPOILS		(OCSP_FAULT_MALFORMED | OCSP_FAULT_OUTER)
#define SPOILS_GOOD	(OCSP_FAULT_NONCE | OCSP_FAULT_RESPONDER_EXPIRED)

/* The gravest first. */
static const struct {
	unsigned	 bit;
	const char	*name;
} faults[] = {
	{ OCSP_FAULT_MALFORMED, "malformed" },
	{ OCSP_FAULT_OUTER, "outer" },
	{ OCSP_FAULT_SIGNATURE, "signature" },
	{ OCSP_FAULT_RESPONDER, "responder" },
	{ OCSP_FAULT_RESPONDER_EXPIRED, "responder_expired" },
	{ OCSP_FAULT_ABSENT, "absent" },
	{ OCSP_FAULT_NONCE, "nonce" },
	{ OCSP_FAULT_STALE, "stale" },
	{ OCSP_FAULT_FUTURE, "future" },
	{ OCSP_FAULT_NO_NEXT, "no_next_update" },
	{ OCSP_FAULT_NO_NOCHECK, "no_nocheck" }
};
#define NFAULTS	(sizeof(faults) / sizeof(faults[0]))

const char *
ocsp_fault_name(unsigned bit)
{
	size_t	i;

	for (i = 0; i < NFAULTS; i++)
		if (faults[i].bit == bit)
			return faults[i].name;
	return "unknown";
}

void
said_fault(struct ocsp_said *s, unsigned bit, const char *fmt, ...)
{
	unsigned	graver = 0;
	va_list		ap;
	size_t		i;

	/* Itself included: of several sentences the first one stays. */
	for (i = 0; i < NFAULTS; i++) {
		graver |= s->faults & faults[i].bit;
		if (faults[i].bit == bit)
			break;
	}
	s->faults |= bit;
	if (graver != 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
}

static int
is(struct span v, const char *oid, size_t n)
{
	return v.n == n && memcmp(v.p, oid, n) == 0;
}

/*
 * An echoed nonce stands in the extension as it was sent: in an OCTET STRING
 * of its own (RFC 9654 2.1), which older responders leave out.
 */
static void
judge_nonce(struct span value, struct span sent, struct ocsp_said *s)
{
	struct span	inner = value;

	if (sent.n == 0)
		return;
	(void)der_only(value, DER_OCTETS, &inner);
	if ((inner.n == sent.n && memcmp(inner.p, sent.p, sent.n) == 0) ||
	    (value.n == sent.n && memcmp(value.p, sent.p, sent.n) == 0)) {
		s->nonce = OCSP_NONCE_MATCH;
		return;
	}
	s->nonce = OCSP_NONCE_OTHER;
	said_fault(s, OCSP_FAULT_NONCE, "the nonce is not the one that was "
	    "sent (RFC 9654 2.1)");
}

/* responseExtensions. */
static void
judge_exts(const struct resp *r, struct span sent, struct ocsp_said *s)
{
	struct cur	c = cur_span(r->exts);
	struct der_extn	x;

	while (cur_left(&c) != 0 && der_extn_next(&c, &x) == 0)
		if (is(x.oid, OID_NONCE, sizeof(OID_NONCE) - 1))
			judge_nonce(x.value, sent, s);
		else if (x.critical)
			said_fault(s, OCSP_FAULT_MALFORMED, "the response has "
			    "a critical extension that is not known "
			    "(RFC 6960 4.4)");
}

/* singleExtensions: all are allowed, few may be critical. */
static void
single_exts(const struct resp_single *one, struct ocsp_said *s)
{
	struct cur	c = cur_span(one->exts);
	struct der_extn	x;
	struct span	list;

	while (cur_left(&c) != 0 && der_extn_next(&c, &x) == 0)
		if (is(x.oid, OID_SCTS, sizeof(OID_SCTS) - 1)) {
			if (s->scts.n == 0 &&
			    der_only(x.value, DER_OCTETS, &list) == 0)
				buf_span(&s->scts, list);
		} else if (x.critical)
			said_fault(s, OCSP_FAULT_MALFORMED, "the answer has a "
			    "critical extension that is not known "
			    "(RFC 6960 4.4)");
}

static enum ocsp_fresh
fresh(const struct resp_single *one, const struct resp *r,
    const struct ocsp_read_in *in)
{
	if (one->this_update > in->now + in->skew ||
	    r->produced_at > in->now + in->skew ||
	    one->this_update > r->produced_at + in->skew)
		return OCSP_FRESH_FUTURE;
	if (one->next_update == INT64_MIN)
		return one->this_update + in->max_age + in->skew < in->now ?
		    OCSP_FRESH_STALE : OCSP_FRESH;
	return one->next_update + in->skew < in->now ||
	    one->next_update < one->this_update ? OCSP_FRESH_STALE :
	    OCSP_FRESH;
}

/* Is ${b} the one that counts?  The worse, then the fresh, then the newer. */
static int
counts_more(const struct resp_single *a, enum ocsp_fresh fa,
    const struct resp_single *b, enum ocsp_fresh fb)
{
	static const int	bad[] = { 0, 1, 3, 2 };

	if (a->says != b->says)
		return bad[b->says] > bad[a->says];
	if ((fa == OCSP_FRESH) != (fb == OCSP_FRESH))
		return fb == OCSP_FRESH;
	return b->this_update > a->this_update;
}

/* What it says about the certificate. */
static void
take(const struct resp_single *one, const struct ocsp_read_in *in,
    struct ocsp_said *s)
{
	s->says = one->says;
	s->this_update = one->this_update;
	s->next_update = one->next_update;
	s->revoked_at = one->revoked_at;
	s->reason = one->reason;
	if (s->fresh == OCSP_FRESH_STALE)
		said_fault(s, OCSP_FAULT_STALE, "the answer is stale: %s "
		    "(RFC 6960 4.2.2.1)", one->next_update == INT64_MIN ?
		    "it has no nextUpdate and is too old" :
		    one->next_update < one->this_update ?
		    "nextUpdate lies before thisUpdate" :
		    "nextUpdate has passed");
	if (s->fresh == OCSP_FRESH_FUTURE)
		said_fault(s, OCSP_FAULT_FUTURE, "the answer is not yet "
		    "valid: %s (RFC 6960 4.2.2.1)",
		    one->this_update > in->now + in->skew ?
		    "thisUpdate lies ahead" : s->produced_at > in->now +
		    in->skew ? "producedAt lies ahead" :
		    "it was signed before thisUpdate");
	if (one->next_update == INT64_MIN)
		said_fault(s, OCSP_FAULT_NO_NEXT, "the answer has no "
		    "nextUpdate (BR 4.9.10)");
}

/* The answers for this certificate; of several, the worst. */
static void
judge_singles(const struct resp *r, const struct certid_ca *ca,
    const struct ocsp_read_in *in, struct ocsp_said *s)
{
	struct cur		c = cur_span(r->singles);
	struct resp_single	one, best;
	struct buf		serial = BUF_INIT;
	enum certid_is		m, most = CERTID_OTHER;
	enum ocsp_fresh		f;
	struct err		e = ERR_INIT;

	memset(&best, 0, sizeof(best));
	if (certid_serial(in->serial, &serial, &e) == -1) {
		said_fault(s, OCSP_FAULT_ABSENT, "%s", e.msg);
		goto out;
	}
	while (cur_left(&c) != 0 && resp_single_next(&c, &one) == 0) {
		m = certid_is(&one.id, ca, buf_bytes(&serial));
		if (m > most)
			most = m;
		if (m != CERTID_SAME)
			continue;
		single_exts(&one, s);
		f = fresh(&one, r, in);
		if (best.says == OCSP_SAYS_NOTHING ||
		    counts_more(&best, s->fresh, &one, f)) {
			best = one;
			s->fresh = f;
		}
	}
	if (most == CERTID_SAME)
		take(&best, in, s);
	else
		said_fault(s, OCSP_FAULT_ABSENT, most == CERTID_SERIAL ?
		    "it speaks of this serial number, but of another issuer "
		    "(RFC 6960 4.1.1)" : "it does not speak of this serial "
		    "number (RFC 6960 3.2)");
out:
	buf_free(&serial);
}

/* A response that was taken apart. */
static void
judge(const struct resp *r, const struct ocsp_read_in *in,
    struct ocsp_said *s)
{
	struct certid_ca	ca;
	struct err		e = ERR_INIT;
	const char		*name = resp_outer_name(r->outer);
	char			*text;

	if (r->outer != 0) {
		said_fault(s, OCSP_FAULT_OUTER, "the responder says %s "
		    "(RFC 6960 4.2.1)", name != NULL ? name :
		    "a status that is not defined");
		return;
	}
	s->produced_at = r->produced_at;
	text = responder_name(r);
	(void)snprintf(s->responder, sizeof(s->responder), "%s", text);
	free(text);
	judge_exts(r, in->nonce, s);
	if (certid_ca(in->issuer, &ca, &e) == -1) {
		said_fault(s, OCSP_FAULT_RESPONDER, "the issuer: %s", e.msg);
		return;
	}
	responder_judge(r, &ca, in, s);
	judge_singles(r, &ca, in, s);
}

void
ocsp_said_read(struct span der, const struct ocsp_read_in *in,
    struct ocsp_said *s)
{
	struct err	e = ERR_INIT;
	struct resp	r;

	memset(s, 0, sizeof(*s));
	s->outer = s->reason = -1;
	s->sig = OCSP_SIG_UNCHECKED;
	s->fresh = OCSP_FRESH_STALE;
	s->this_update = s->next_update = s->produced_at = s->revoked_at =
	    INT64_MIN;
	if (der.n > LIMIT_BODY_OCSP) {
		said_fault(s, OCSP_FAULT_MALFORMED, "an answer of %zu bytes, "
		    "more than %u", der.n, LIMIT_BODY_OCSP);
		return;
	}
	if (resp_read(der, &r, &e) == -1)
		said_fault(s, OCSP_FAULT_MALFORMED, "%s", e.msg);
	s->outer = r.outer;
	if (e.code == ERR_NONE || r.outer > 0)
		judge(&r, in, s);
}

void
ocsp_said_free(struct ocsp_said *s)
{
	buf_free(&s->scts);
	memset(s, 0, sizeof(*s));
}

enum ocsp_says
ocsp_said_counts(const struct ocsp_said *s)
{
	if ((s->faults & SPOILS) != 0 || s->sig != OCSP_SIG_VALID ||
	    s->who == OCSP_WHO_NONE)
		return OCSP_SAYS_NOTHING;
	if (s->says == OCSP_SAYS_GOOD && (s->fresh != OCSP_FRESH ||
	    (s->faults & SPOILS_GOOD) != 0))
		return OCSP_SAYS_NOTHING;
	return s->says;
}
