#include "ocsp/crlscan.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clk.h"
#include "base/mem.h"
#include "ocsp/crlscan_part.h"
#include "pki/der.h"

/* Hashed, then walked: it stays in a cache near by. */
#define CHUNK		((size_t)64 << 10)

/* --- faults --- */

static const char *const names[CRL_FAULT_MAX] = {
	"ok", "malformed", "bad_signature", "wrong_issuer", "unchecked",
	"critical", "indirect", "wrong_scope", "delta", "partial", "future",
	"stale", "rewound", "too_large", "unnumbered"
};

const char *
crl_fault_name(enum crl_fault f)
{
	return (unsigned)f < CRL_FAULT_MAX ? names[f] : "unknown";
}

int
crl_fault_revokes(enum crl_fault f)
{
	return f == CRL_OK || f == CRL_DELTA || f == CRL_PARTIAL ||
	    f == CRL_FUTURE || f == CRL_STALE || f == CRL_REWOUND ||
	    f == CRL_UNNUMBERED;
}

/* The lower the graver. */
static unsigned
rank(enum crl_fault f)
{
	switch (f) {
	case CRL_OK:
		return CRL_FAULT_MAX;
	case CRL_TOO_LARGE:
		return CRL_MALFORMED;
	default:
		return f;
	}
}

void
crlscan_fault(struct crlscan *s, enum crl_fault f, const char *fmt, ...)
{
	va_list	ap;

	if (f == CRL_MALFORMED || f == CRL_TOO_LARGE)
		s->stage = CRLSCAN_BAD;
	if (rank(f) >= rank(s->out.fault))
		return;
	s->out.fault = f;
	va_start(ap, fmt);
	(void)vsnprintf(s->out.why, sizeof(s->out.why), fmt, ap);
	va_end(ap);
}

/* --- the issuer --- */

/* Does keyUsage allow to sign CRLs (RFC 5280 4.2.1.3)? */
static int
signs_crls(const struct der_tbs *t)
{
	struct span	v, bits;
	int		r;

	r = der_ext(t, (const uint8_t *)"\x55\x1d\x0f", 3, &v, NULL);
	if (r != 1)
		return r == 0;
	/* bit 6; the first byte counts the unused ones */
	return der_only(v, DER_BITS, &bits) == 0 && bits.n >= 2 &&
	    (bits.p[1] & 0x02) != 0;
}

static void
issuer(struct crlscan *s)
{
	struct span	tbs;
	struct der_tbs	t;

	if (der_cert(s->in.issuer, &tbs, NULL, NULL, NULL) == -1 ||
	    der_tbs(tbs, &t, NULL) == -1) {
		crlscan_fault(s, CRL_WRONG_ISSUER, "the certificate of the "
		    "issuer cannot be read (RFC 5280 4.1)");
		return;
	}
	s->subject = t.subject;
	s->spki = t.spki;
	if (!signs_crls(&t))
		crlscan_fault(s, CRL_WRONG_ISSUER, "the issuer's key usage "
		    "does not allow to sign CRLs (RFC 5280 6.3.3 f)");
}

struct crlscan *
crlscan_new(const struct crlscan_in *in)
{
	struct crlscan	*s = mem_zero(sizeof(*s));

	s->in = *in;
	s->need = 2;
	s->out.this_update = INT64_MIN;
	s->out.next_update = INT64_MIN;
	if (in->set != NULL)
		s->seen = mem_zero(crlset_count(in->set) / 8 + 1);
	issuer(s);
	return s;
}

void
crlscan_free(struct crlscan *s)
{
	if (s == NULL)
		return;
	crlscan_out_free(&s->out);
	buf_free(&s->head);
	buf_free(&s->carry);
	buf_free(&s->msg);
	EVP_MD_CTX_free(s->md);
	free(s->seen);
	free(s);
}

void
crlscan_out_free(struct crlscan_out *o)
{
	buf_free(&o->header);
	buf_free(&o->tail);
	buf_free(&o->kept);
	buf_free(&o->raws);
	free(o->hits);
	o->hits = NULL;
	o->nhits = 0;
}

/* --- pieces --- */

/* Bytes of what is signed, for another hash than SHA-256. */
static void
hash_tbs(struct crlscan *s, struct span v)
{
	if (s->alg.sign == CRL_EDDSA && s->msg.n <= LIMIT_CRL_KEEP)
		buf_span(&s->msg, v);
	else if (s->md != NULL && EVP_DigestUpdate(s->md, v.p, v.n) != 1)
		crlscan_fault(s, CRL_UNCHECKED, "the hash failed");
}

/*
 * The next bytes of the CRL, before they are counted.  Those of the
 * tbsCertList are hashed, to the end also when it is bad: it has a name then.
 */
static void
hash(struct crlscan *s, const uint8_t *p, size_t n)
{
	struct span	tbs = { p, 0 };

	if (s->hashed && s->out.bytes < s->tbs_end)
		tbs.n = s->tbs_end - s->out.bytes < n ?
		    (size_t)(s->tbs_end - s->out.bytes) : n;
	if (tbs.n != 0) {
		sha_update(&s->tbs, tbs.p, tbs.n);
		if (s->stage != CRLSCAN_BAD)
			hash_tbs(s, tbs);
	}
	s->out.bytes += n;
}

/* The algorithm is known now: what was held of the tbs is hashed. */
static void
begin_tbs(struct crlscan *s)
{
	struct span	v = { s->head.p + s->tbs_from, s->head.n -
			    (size_t)s->tbs_from };
	const EVP_MD	*md = crlscan_md(s->alg.hash);

	if (v.n > s->tbs_end - s->tbs_from)
		v.n = (size_t)(s->tbs_end - s->tbs_from);
	s->hashed = 1;
	sha_init(&s->tbs);
	sha_update(&s->tbs, v.p, v.n);
	if (md != NULL && s->alg.hash != CRL_SHA256) {
		s->md = EVP_MD_CTX_new();
		if (s->md == NULL || EVP_DigestInit_ex(s->md, md, NULL) != 1)
			crlscan_fault(s, CRL_UNCHECKED, "the hash of %s is "
			    "not there", s->alg.name);
	}
	hash_tbs(s, v);
}

/* What was read beyond the head belongs to what follows the entries. */
static void
end_head(struct crlscan *s)
{
	begin_tbs(s);
	if (s->stage != CRLSCAN_TAIL)
		return;
	buf_add(&s->out.tail, s->head.p + s->entries_end,
	    s->head.n - (size_t)s->entries_end);
	s->head.n = (size_t)s->entries_end;
}

static size_t
take_head(struct crlscan *s, const uint8_t *p, size_t n)
{
	if (n > s->need - s->head.n)
		n = s->need - s->head.n;
	buf_add(&s->head, p, n);
	hash(s, p, n);
	if (s->head.n == s->need)
		crlscan_head(s);
	if (s->stage == CRLSCAN_ENTRIES || s->stage == CRLSCAN_TAIL)
		end_head(s);
	return n;
}

static size_t
take_entries(struct crlscan *s, const uint8_t *p, size_t n)
{
	struct span	v = { p, 0 };

	if (n > CHUNK)
		n = CHUNK;
	if (n > s->entries_end - s->out.bytes)
		n = (size_t)(s->entries_end - s->out.bytes);
	v.n = n;
	hash_tbs(s, v);
	sha_steps_begin(&s->steps, &s->tbs, v);
	crlscan_walk(s, p, n);
	sha_steps_end(&s->steps);
	s->out.bytes += n;
	if (s->stage != CRLSCAN_ENTRIES || s->out.bytes != s->entries_end)
		return n;
	if (s->carry.n != 0)
		crlscan_fault(s, CRL_MALFORMED, "its last entry is longer "
		    "than the list of entries (RFC 5280 5.1)");
	else
		s->stage = CRLSCAN_TAIL;
	return n;
}

static size_t
take_tail(struct crlscan *s, const uint8_t *p, size_t n)
{
	if (n > s->end - s->out.bytes)
		n = (size_t)(s->end - s->out.bytes);
	hash(s, p, n);
	buf_add(&s->out.tail, p, n);
	if (s->out.bytes == s->end)
		s->stage = CRLSCAN_END;
	return n;
}

static size_t
take(struct crlscan *s, const uint8_t *p, size_t n)
{
	switch (s->stage) {
	case CRLSCAN_HEAD:
		return take_head(s, p, n);
	case CRLSCAN_ENTRIES:
		return take_entries(s, p, n);
	case CRLSCAN_TAIL:
		return take_tail(s, p, n);
	case CRLSCAN_END:
		crlscan_fault(s, CRL_MALFORMED, "bytes follow its end "
		    "(RFC 5280 5.1)");
		break;
	case CRLSCAN_BAD:
		break;
	}
	hash(s, p, n);
	return n;
}

static void
keep(struct crlscan *s, const uint8_t *p, size_t n)
{
	if (s->unkept || n > s->in.keep - s->out.kept.n) {
		s->unkept = 1;
		buf_free(&s->out.kept);
	} else
		buf_add(&s->out.kept, p, n);
}

int
crlscan_update(struct crlscan *s, const void *data, size_t n, struct err *e)
{
	const uint8_t	*p = data;
	size_t		k;

	if (s->stop || n > LIMIT_CRL - s->out.bytes) {
		s->stop = 1;
		s->out.bytes += n;
		crlscan_fault(s, CRL_TOO_LARGE, "it has more than %u bytes",
		    LIMIT_CRL);
		return err_set(e, ERR_LIMIT, "a CRL of more than %u bytes",
		    LIMIT_CRL);
	}
	if (n != 0)
		keep(s, p, n);
	for (; n != 0; p += k, n -= k)
		k = take(s, p, n);
	if (s->stop)
		return err_set(e, ERR_LIMIT, "a CRL of more than %u bytes",
		    LIMIT_CRL);
	return 0;
}

/* --- the verdict --- */

/* Hex as numbers: <0, 0, >0. */
static int
number_cmp(const char *a, const char *b)
{
	size_t	na, nb;

	a += strspn(a, "0");
	b += strspn(b, "0");
	na = strlen(a);
	nb = strlen(b);
	if (na != nb)
		return na < nb ? -1 : 1;
	return strcasecmp(a, b);
}

static void
check_times(struct crlscan *s)
{
	const struct crlscan_in	*in = &s->in;
	struct crlscan_out	*o = &s->out;
	char			 t[CLK_TEXT];

	if (o->this_update > in->now + CRLSCAN_SKEW)
		crlscan_fault(s, CRL_FUTURE, "thisUpdate %s lies ahead "
		    "(RFC 5280 5.1.2.4)", clk_text(o->this_update, t));
	if (o->next_update == INT64_MIN && in->max_age == 0)
		crlscan_fault(s, CRL_STALE, "it does not say until when it "
		    "is good (RFC 5280 5.1.2.5)");
	else if (o->next_update != INT64_MIN && in->now > o->next_update)
		crlscan_fault(s, CRL_STALE, "nextUpdate %s has passed "
		    "(RFC 5280 5.1.2.5)", clk_text(o->next_update, t));
	if (in->max_age != 0 && o->this_update < in->now - in->max_age)
		crlscan_fault(s, CRL_STALE, "thisUpdate %s is too long ago",
		    clk_text(o->this_update, t));
	if (in->last_this > o->this_update)
		crlscan_fault(s, CRL_REWOUND, "thisUpdate %s is earlier than "
		    "one seen before (RFC 5280 5.1.2.4)",
		    clk_text(o->this_update, t));
	if (in->last_number == NULL || in->last_number[0] == '\0')
		return;
	if (o->number[0] == '\0')
		crlscan_fault(s, CRL_REWOUND, "it has no number, and one "
		    "before it had (RFC 5280 5.2.3)");
	else if (number_cmp(o->number, in->last_number) < 0)
		crlscan_fault(s, CRL_REWOUND, "number %.40s is lower than "
		    "%.40s, seen before (RFC 5280 5.2.3)", o->number,
		    in->last_number);
}

/* crlExtensions, the algorithm and the signature: 0, or what is wrong. */
static const char *
read_tail(struct crlscan *s, struct span *sig)
{
	size_t		n = (size_t)(s->tbs_end - s->entries_end);
	struct cur	c = cur_of(s->out.tail.p, n), x;
	struct der	d, alg;

	if (cur_left(&c) != 0) {
		if (der_next_strict(&c, &d) == -1 || d.tag != 0xa0 ||
		    cur_left(&c) != 0)
			return "what follows the entries (RFC 5280 5.1)";
		if (s->version == 1)
			return "extensions of version 1 (RFC 5280 5.1.2.1)";
		x = cur_span(d.body);
		if (der_next_strict(&x, &d) == -1 || d.tag != DER_SEQ ||
		    cur_left(&x) != 0 || d.body.n == 0)
			return "the extensions (RFC 5280 5.1.2.7)";
		crlscan_exts(s, d.body);
	}
	c = cur_of(s->out.tail.p + n, s->out.tail.n - n);
	if (der_next_strict(&c, &alg) == -1 || alg.tag != DER_SEQ)
		return "the signature algorithm (RFC 5280 5.1.1.2)";
	if (alg.whole.n != s->sigalg.n ||
	    memcmp(alg.whole.p, s->sigalg.p, alg.whole.n) != 0)
		return "two different signature algorithms "
		    "(RFC 5280 5.1.1.2)";
	if (der_next_strict(&c, &d) == -1 || d.tag != DER_BITS ||
	    cur_left(&c) != 0 || d.body.n < 1 || d.body.p[0] != 0)
		return "the signature (RFC 5280 5.1.1.3)";
	sig->p = d.body.p + 1;
	sig->n = d.body.n - 1;
	return NULL;
}

static void
end_tbs(struct crlscan *s)
{
	unsigned	n = 0;

	if (s->alg.hash == CRL_SHA256) {
		memcpy(s->out.tbs_digest, s->out.tbs_sha256, SHA_LEN);
		n = SHA_LEN;
	} else if (s->md != NULL &&
	    EVP_DigestFinal_ex(s->md, s->out.tbs_digest, &n) != 1)
		n = 0;
	s->out.ntbs_digest = n;
}

/* All bytes are there, and were parsed. */
static void
judge(struct crlscan *s)
{
	const char	*bad;
	struct span	 sig = { NULL, 0 };

	end_tbs(s);
	bad = read_tail(s, &sig);
	if (bad != NULL)
		crlscan_fault(s, CRL_MALFORMED, "not to be read: %s", bad);
	if (s->stage == CRLSCAN_BAD)
		return;
	crlscan_verify(s, sig);
	s->out.authentic = rank(s->out.fault) > rank(CRL_UNCHECKED);
	check_times(s);
	if (s->in.profile && s->out.number[0] == '\0')
		crlscan_fault(s, CRL_UNNUMBERED, "it has no number (RFC 5280 "
		    "5.2.3, BR 7.2.2)");
}

/* Hits become what the caller sees, or are forgotten. */
static void
publish(struct crlscan_out *o)
{
	size_t	i, at = 0;

	if (!o->authentic) {
		free(o->hits);
		o->hits = NULL;
		o->nhits = 0;
		buf_free(&o->raws);
	}
	for (i = 0; i < o->nhits; i++) {
		o->hits[i].raw.p = o->raws.p + at;
		at += o->hits[i].raw.n;
	}
}

void
crlscan_finish(struct crlscan *s, struct crlscan_out *out)
{
	struct crlscan_out	*o = &s->out;

	if (s->hashed && !s->stop && o->bytes >= s->tbs_end)
		sha_final(&s->tbs, o->tbs_sha256);
	if (s->stage == CRLSCAN_END)
		judge(s);
	else if (s->stage != CRLSCAN_BAD)
		crlscan_fault(s, CRL_MALFORMED, "it is cut off after %llu "
		    "bytes (RFC 5280 5.1)", (unsigned long long)o->bytes);
	if (s->head.n > s->tbs_from)
		buf_add(&o->header, s->head.p + s->tbs_from,
		    s->head.n - (size_t)s->tbs_from);
	publish(o);
	ERR_clear_error();
	*out = *o;
	memset(o, 0, sizeof(*o));
}

void
crlscan_bytes(const struct crlscan_in *in, struct span crl,
    struct crlscan_out *out)
{
	struct crlscan	*s = crlscan_new(in);

	(void)crlscan_update(s, crl.p, crl.n, NULL);
	crlscan_finish(s, out);
	crlscan_free(s);
}
