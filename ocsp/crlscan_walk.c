#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/limit.h"
#include "base/mem.h"
#include "ocsp/crlscan_part.h"
#include "ocsp/crlset_img.h"
#include "pki/der.h"

/*
 * The entries.  Nearly all of them have one form:
 *
 *   30 L  02 S serial  17 0d YYMMDDhhmmssZ  [30 0c 30 0a 06 03 55 1d 15 04
 *   03 0a 01 R]
 *
 * with a serial of 8 to 24 bytes and, in version 2, perhaps a reason.  All
 * others, and those that the filter cannot rule out, are read by
 * crlscan_entry().
 */

#define BATCH		256	/* entries that are probed together */
#define QUICK_ROOM	64	/* bytes that quick() may look at */
#define UTC_SIZE	15u	/* of a UTCTime */
#define REASON_SIZE	14u	/* of extensions with a reason only */

/* --- one entry --- */

/* A watched serial is listed. */
static void
hit(struct crlscan *s, long number, const struct crl_one *o, struct span raw)
{
	struct crlscan_out	*out = &s->out;
	struct crlscan_hit	*h;
	uint8_t			 bit = (uint8_t)(1u << (number & 7));

	/*
	 * removeFromCRL in a complete CRL: not revoked (RFC 5280 5.3.1,
	 * 6.3.3 k).  Of two entries the first counts, so that memory is
	 * bounded by the set.
	 */
	if (o->reason == 8 || (s->seen[number >> 3] & bit) != 0)
		return;
	s->seen[number >> 3] |= bit;
	out->hits = mem_grow(out->hits, &s->chits, out->nhits + 1,
	    sizeof(*out->hits));
	h = &out->hits[out->nhits++];
	memset(h, 0, sizeof(*h));
	h->number = number;
	h->at = o->at;
	h->reason = o->reason;
	h->invalid_at = o->invalid_at;
	if (raw.n <= LIMIT_CRL_RAW - out->raws.n) {
		h->raw.n = raw.n;
		buf_span(&out->raws, raw);
	}
}

/* An entry, whole, in any form. */
static void
entry(struct crlscan *s, struct span raw)
{
	struct crl_one	 o;
	const char	*bad = crlscan_entry(raw, s->version, &o);
	long		 number;

	if (bad != NULL) {
		crlscan_fault(s, CRL_MALFORMED, "entry %llu: %s",
		    (unsigned long long)s->out.count, bad);
		return;
	}
	if (o.fault == CRL_CRITICAL)
		crlscan_fault(s, o.fault, "entry %llu has a critical "
		    "extension that is not known (RFC 5280 5.3)",
		    (unsigned long long)s->out.count);
	else if (o.fault == CRL_INDIRECT)
		crlscan_fault(s, o.fault, "entry %llu is of another issuer "
		    "(RFC 5280 5.3.3)", (unsigned long long)s->out.count);
	s->out.count++;
	if (s->in.set == NULL)
		return;
	number = crlset_find(s->in.set, o.serial);
	if (number != -1)
		hit(s, number, &o, raw);
}

/* --- the usual form --- */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

/* 16 bytes at once, and the same as eight words. */
typedef uint8_t	v_bytes __attribute__((vector_size(16)));
typedef uint16_t v_words __attribute__((vector_size(16)));
typedef uint64_t v_two __attribute__((vector_size(16)));

static inline v_bytes
load16(const uint8_t *p)
{
	v_bytes	v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Has none of the bytes its highest bit set? */
static inline unsigned
none(v_bytes v)
{
#ifdef __SSE2__
	return _mm_movemask_epi8((__m128i)v) == 0;
#else
	v_two	w = (v_two)v;

	return ((w[0] | w[1]) & 0x8080808080808080ULL) == 0;
#endif
}

/*
 * Is it a UTCTime that der_time() reads, seconds and Z included?  Leap
 * seconds are left to it.  What is more than the most, or less than the
 * least, sets the highest bit when what is missing to it is added.
 */
static inline unsigned
quick_time(const uint8_t *t)
{
	static const uint8_t	days[32] = { 0, 31, 29, 31, 30, 31, 30, 31,
				    31, 30, 31, 30, 31 };
	const v_bytes		form = { 0x17, 0x0d, '0', '0', '0', '0', '0',
				    '0', '0', '0', '0', '0', '0', '0', 'Z' };
	/* the byte behind it may be any */
	const v_bytes		known = { 255, 255, 255, 255, 255, 255, 255,
				    255, 255, 255, 255, 255, 255, 255, 255 };
	/* 127 less what each byte may be: a digit, or nothing else */
	const v_bytes		most = { 127, 127, 118, 118, 118, 118, 118,
				    118, 118, 118, 118, 118, 118, 118, 127 };
	/* year, month, day, hour, minute, second; 32767 less 99, 12, ... */
	const v_words		least = { 0, 0, 1, 1 };
	const v_words		last = { 32767, 32668, 32755, 32736, 32744,
				    32708, 32708, 32767 };
	const v_words		high = { 0x8000, 0x8000, 0x8000, 0x8000,
				    0x8000, 0x8000, 0x8000, 0x8000 };
	v_bytes			a = (load16(t) ^ form) & known;
	v_words			n = ((v_words)a & 255) * 10 +
				    ((v_words)a >> 8);

	return none((a + most) | a | (v_bytes)(((n + last) | (n - least)) &
	    high)) & (n[3] <= days[n[2] & 31]);
}

/*
 * Do, from the last two bytes of a time on, crlEntryExtensions follow with
 * nothing but a reason, 0 to 10 without 7?
 */
static inline unsigned
quick_reason(const uint8_t *p)
{
	const v_bytes	form = { '0', 'Z', 0x30, 0x0c, 0x30, 0x0a, 0x06,
			    0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01,
			    0 };
	const v_bytes	most = { 118, 127, 127, 127, 127, 127, 127, 127, 127,
			    127, 127, 127, 127, 127, 127, 117 };
	v_bytes		x = load16(p) ^ form;

	return none((x + most) | x) & (p[15] != 7);
}

/*
 * Bytes of an entry in the usual form, and its hash; 0: look closer.  What
 * differs from entry to entry at random is no branch.
 */
static inline size_t
quick(const uint8_t *p, const uint64_t seed[2], unsigned v2, uint64_t *hash)
{
	uint32_t	w;
	size_t		n, size, want;
	const uint8_t	*t;
	unsigned	ok;

	memcpy(&w, p, sizeof(w));
	n = w >> 24;
	size = w >> 8 & 0xff;
	t = p + 4 + n;
	if ((w & 0x00ff00ff) != (DER_SEQ | DER_INT << 16) ||
	    n < CRLSET_LEAST || n > CRLSET_MOST)
		return 0;
	want = 2 + n + UTC_SIZE;
	want += REASON_SIZE & -(v2 & quick_reason(t + UTC_SIZE - 2));
	ok = (size == want) & quick_time(t);
	/* the shortest form of the number: not nine equal bits first */
	ok &= (((p[4] << 8 | p[5]) + 0x80) & 0xffff) >= 0x100;
	*hash = crlset_hash3(seed, p + 4, n);
	return ok != 0 ? 2 + size : 0;
}

#else

/* crlscan_entry() reads all of them. */
static inline size_t
quick(const uint8_t *p, const uint64_t seed[2], unsigned v2, uint64_t *hash)
{
	(void)p;
	(void)seed;
	(void)v2;
	(void)hash;
	return 0;
}

#endif

/*
 * Entries in the usual form that wait for what is loaded for them: the first
 * ${found} for their slots, those behind for their words of the filter.
 */
struct batch {
	size_t		 found;
	const uint8_t	*at[BATCH];
	uint64_t	 hash[BATCH];
};

/* Those that the filter does not rule out, of ${n}, are found. */
static void
sift(const struct crlset *set, struct batch *b, size_t n)
{
	size_t	i;

	for (i = b->found; i < n; i++) {
		if (!crlset_maybe(set, b->hash[i]))
			continue;
		crlset_prefetch_slot(set, b->hash[i]);
		b->at[b->found] = b->at[i];
		b->hash[b->found++] = b->hash[i];
	}
}

/* A watched serial in the usual form: only its time is still to be read. */
static void
usual_hit(struct crlscan *s, long number, const uint8_t *p)
{
	struct span	raw = { p, 2 + (size_t)p[1] };
	struct span	t = { p + 4 + p[3], UTC_SIZE };
	struct crl_one	o = { .reason = -1, .invalid_at = INT64_MIN };

	if (t.p + t.n != raw.p + raw.n)
		o.reason = raw.p[raw.n - 1];
	if (der_time(t, &o.at) == 0)
		hit(s, number, &o, raw);
}

/* Look up all that were found. */
static void
probe(struct crlscan *s, const struct crlset *set, struct batch *b)
{
	struct span	key;
	size_t		i;
	long		number;

	for (i = 0; i < b->found; i++)
		crlset_prefetch_rec(set, b->hash[i]);
	for (i = 0; i < b->found; i++) {
		key.p = b->at[i] + 4;
		key.n = key.p[-1];
		number = crlset_at(set, b->hash[i], key);
		if (number != -1)
			usual_hit(s, number, b->at[i]);
	}
	b->found = 0;
}

/*
 * Put entries in the usual form behind those that were found, as many as
 * there are and fit; *p is moved behind them.  How many are in it then.
 */
static size_t
gather(struct crlscan *s, const struct crlset *set, struct batch *b,
    const uint8_t **p, const uint8_t *end)
{
	const struct crlset	c = *set;
	const uint8_t		*at = *p;
	const unsigned		v2 = s->version == 2;
	size_t			n, size;

	for (n = b->found; n < BATCH &&
	    (size_t)(end - at) >= QUICK_ROOM; n++) {
		size = quick(at, c.seed, v2, &b->hash[n]);
		if (size == 0)
			break;
		crlset_prefetch(&c, b->hash[n]);
		b->at[n] = at;
		at += size;
		/* two blocks for three entries: about as many bytes */
		if (n % 3 != 0 && s->steps.left != 0)
			sha_step(&s->steps);
	}
	*p = at;
	return n;
}

/* As many entries in the usual form as there are; where they end. */
static const uint8_t *
usual(struct crlscan *s, const uint8_t *p, const uint8_t *end)
{
	static const uint8_t		nothing[8];
	static const struct crlset	none_watched = { .nfilter = 1,
					    .filter = nothing };
	const struct crlset		*set = s->in.set != NULL ? s->in.set :
					    &none_watched;
	struct batch			b __attribute__((uninitialized));
	size_t				n;

	b.found = 0;
	do {
		n = gather(s, set, &b, &p, end) - b.found;
		s->out.count += n;
		sift(set, &b, b.found + n);
		if (b.found > BATCH / 2)
			probe(s, set, &b);
	} while (n != 0);
	probe(s, set, &b);
	return p;
}

/* --- entries in pieces --- */

/*
 * Bytes of the entry at ${p}, or, when its header is not there, bytes that
 * must be there to know more; 0: it is bad.
 */
static size_t
size_of(struct crlscan *s, const uint8_t *p, size_t n)
{
	size_t	k, len, i;

	if (n < 2)
		return 2;
	if (p[0] != DER_SEQ || p[1] == 0x80 || p[1] > 0x84) {
		crlscan_fault(s, CRL_MALFORMED, "entry %llu: no SEQUENCE "
		    "(RFC 5280 5.1)", (unsigned long long)s->out.count);
		return 0;
	}
	k = p[1] < 0x80 ? 0 : p[1] & 0x7f;
	if (n < 2 + k)
		return 2 + k;
	len = p[1] & 0x7f;
	if (k != 0)
		for (len = 0, i = 0; i < k; i++)
			len = len << 8 | p[2 + i];
	if (len > LIMIT_CRL_ENTRY - 2 - k) {
		crlscan_fault(s, CRL_TOO_LARGE, "entry %llu has more than %u "
		    "bytes", (unsigned long long)s->out.count,
		    LIMIT_CRL_ENTRY);
		return 0;
	}
	return 2 + k + len;
}

/* More of the entry that is carried; the bytes that were taken. */
static size_t
carry(struct crlscan *s, const uint8_t *p, size_t n)
{
	if (n > s->carry_need - s->carry.n)
		n = s->carry_need - s->carry.n;
	buf_add(&s->carry, p, n);
	if (s->carry.n < s->carry_need)
		return n;
	s->carry_need = size_of(s, s->carry.p, s->carry.n);
	if (s->carry.n == s->carry_need) {
		entry(s, buf_bytes(&s->carry));
		buf_reset(&s->carry);
	}
	return n;
}

/* One entry of any form, or the first bytes of one; where it ends. */
static const uint8_t *
unusual(struct crlscan *s, const uint8_t *p, const uint8_t *end)
{
	size_t	left = (size_t)(end - p), n = size_of(s, p, left);

	if (n == 0)
		return end;
	if (n <= left) {
		entry(s, (struct span){ p, n });
		return p + n;
	}
	s->carry_need = n;
	buf_add(&s->carry, p, left);
	return end;
}

void
crlscan_walk(struct crlscan *s, const uint8_t *p, size_t n)
{
	const uint8_t	*end = p + n;

	while (s->carry.n != 0 && p < end && s->stage == CRLSCAN_ENTRIES)
		p += carry(s, p, (size_t)(end - p));
	while (p < end && s->stage == CRLSCAN_ENTRIES) {
		p = usual(s, p, end);
		if (p < end)
			p = unusual(s, p, end);
	}
}
