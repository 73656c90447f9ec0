#include <string.h>

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
 * with a serial of at most 24 bytes and, in version 2, perhaps a reason.
 * These are checked and hashed without a branch that depends on what is in
 * them; all others, and those that the filter cannot rule out, are read by
 * crlscan_entry().
 */

#define BATCH		32	/* entries whose filter words are loaded */
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

/* A byte in each of eight lanes. */
#define LANES(x)	(0x0101010101010101ULL * (x))

/* ff in the first ${n} (up to 8) bytes of a word. */
static inline uint64_t
first(size_t n)
{
	return n == 0 ? 0 : ~0ULL >> (64 - 8 * n);
}

/* Are these eight bytes digits? */
static inline int
digits(uint64_t v)
{
	return ((v & LANES(0xf0)) ^ LANES(0x30)) == 0 &&
	    ((v + LANES(0x06)) & LANES(0xf0)) == LANES(0x30);
}

/* Digits in pairs as numbers, one in each of four lanes of 16 bits. */
static inline uint64_t
pairs(uint64_t v)
{
	v &= LANES(0x0f);
	return (v * 10 + (v >> 8)) & 0x00ff00ff00ff00ffULL;
}

/* Is each lane of 16 bits at most that of ${most} (all below 2^15)? */
static inline int
at_most(uint64_t v, uint64_t most)
{
	return (((most | 0x8000800080008000ULL) - v) &
	    0x8000800080008000ULL) == 0x8000800080008000ULL;
}

/* A UTCTime that der_time() reads; leap seconds are left to it. */
static inline int
quick_time(const uint8_t *p)
{
	static const uint8_t	days[16] = { 0, 31, 29, 31, 30, 31, 30, 31,
				    31, 30, 31, 30, 31 };
	/* the first and the last eight of the twelve digits */
	uint64_t		a = crlset_bytes(p + 2);
	uint64_t		b = crlset_bytes(p + 6), v;
	unsigned		month, day;

	if (!(p[0] == DER_UTC && p[1] == 13 && p[14] == 'Z' && digits(a) &&
	    digits(b)))
		return 0;
	v = pairs(a);
	month = (unsigned)(v >> 16) & 0xff;
	day = (unsigned)(v >> 32) & 0xff;
	/* b: day, hour, minute, second */
	return month < 16 && day != 0 && day <= days[month & 15] &&
	    at_most(pairs(b), 59ULL << 48 | 59ULL << 32 | 23ULL << 16 | 31);
}

/* crlEntryExtensions with nothing but a reason: 1 or 0. */
static inline unsigned
quick_reason(const uint8_t *p)
{
	/* 30 0c 30 0a 06 03 55 1d; 03 55 1d 15 04 03 0a 01 from the sixth */
	uint64_t	a = crlset_bytes(p) ^ 0x1d5503060a300c30ULL;
	uint64_t	b = crlset_bytes(p + 5) ^ 0x010a0304151d5503ULL;
	unsigned	r = p[13];

	/* 0 to 10, without 7 */
	return ((a | b) == 0) & (r <= 10) & (0x77fu >> (r & 15));
}

/* Bytes of an entry in the usual form, and its hash; 0: look closer. */
static inline size_t
quick(const uint8_t *p, const uint64_t seed[2], int version, uint64_t *hash)
{
	size_t		n = p[3], size = p[1], least = 2 + n + UTC_SIZE;
	const uint8_t	*t = p + 4 + n;
	unsigned	with;

	if (p[0] != DER_SEQ || p[2] != DER_INT || n == 0 ||
	    n > CRLSET_WORDS || !quick_time(t))
		return 0;
	/* one comes after the other at random: no branch */
	with = quick_reason(t + UTC_SIZE) & (version != 1) &
	    (size == least + REASON_SIZE);
	if (((size == least) | with) == 0)
		return 0;
	/* not the shortest form of the number */
	if (n > 1 && ((p[4] == 0 && p[5] < 0x80) ||
	    (p[4] == 0xff && p[5] >= 0x80)))
		return 0;
	*hash = crlset_hash3(seed,
	    crlset_bytes(p + 4) & first(n < 8 ? n : 8),
	    crlset_bytes(p + 12) & first(n < 8 ? 0 : n < 16 ? n - 8 : 8),
	    crlset_bytes(p + 20) & first(n < 16 ? 0 : n - 16), n);
	return 2 + size;
}

/* Entries in the usual form that wait for their filter words. */
struct batch {
	const uint8_t	*at[BATCH];
	uint64_t	 hash[BATCH];
	size_t		 n;
};

static void
probe(struct crlscan *s, struct batch *b)
{
	const struct crlset	*set = s->in.set;
	const uint8_t		*p;
	struct crl_one		 o;
	struct span		 raw, key;
	long			 number;
	size_t			 i;

	for (i = 0; i < b->n; i++) {
		if (!crlset_maybe(set, b->hash[i]))
			continue;
		p = b->at[i];
		key.p = p + 4;
		key.n = p[3];
		number = crlset_at(set, b->hash[i], key);
		if (number == -1)
			continue;
		raw.p = p;
		raw.n = 2 + (size_t)p[1];
		if (crlscan_entry(raw, s->version, &o) == NULL)
			hit(s, number, &o, raw);
	}
	b->n = 0;
}

/* As many entries in the usual form as there are; where they end. */
static const uint8_t *
usual(struct crlscan *s, const uint8_t *p, const uint8_t *end)
{
	static const uint64_t	 none[2];
	const struct crlset	*set = s->in.set;
	const uint64_t		*seed = set != NULL ? set->seed : none;
	struct batch		 b __attribute__((uninitialized));
	size_t			 size, count = 0;

	b.n = 0;
	while ((size_t)(end - p) >= QUICK_ROOM) {
		size = quick(p, seed, s->version, &b.hash[b.n]);
		if (size == 0)
			break;
		count++;
		b.at[b.n] = p;
		p += size;
		if (set == NULL)
			continue;
		crlset_prefetch(set, b.hash[b.n++]);
		if (b.n == BATCH)
			probe(s, &b);
	}
	if (b.n != 0)
		probe(s, &b);
	s->out.count += count;
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
