#ifndef OCSP_CRLSET_IMG_H
#define OCSP_CRLSET_IMG_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cur.h"
#include "ocsp/crlset.h"

/*
 * The inside of a set, for crlset.c and the walk over entries; nobody else
 * includes this.
 *
 * A key is the content of an INTEGER in its shortest form.  Its hash is keyed
 * with random numbers of the image, so that nobody can choose serials that
 * collide.  A filter of 16 bits a serial says "no" to nearly all entries of a
 * CRL with one load: each serial sets three bits of one word.
 *
 * Image: head, filter words, slots, records.  A slot is the low half of a
 * hash and where its record is, in units of 4 bytes and counted from 1; 0 is
 * empty.  A record is the number (32 bits), the bytes of the key (8 bits), and
 * the key, padded to 4 bytes.
 */

#define CRLSET_MAGIC	"cvcrls1"

/* Bytes of a key that crlset_hash3() takes. */
#define CRLSET_LEAST	8
#define CRLSET_MOST	24

struct crlset_head {
	char		magic[8];
	uint32_t	count;
	uint32_t	nslot;
	uint32_t	nfilter;
	uint32_t	nrec;		/* bytes of records */
	uint64_t	seed[2];
};

static inline uint64_t
crlset_load(const uint8_t *p)
{
	uint64_t	v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Eight bytes, the first one the lowest. */
static inline uint64_t
crlset_bytes(const uint8_t *p)
{
	return le64toh(crlset_load(p));
}

static inline uint64_t
crlset_fold(uint64_t a, uint64_t b)
{
	unsigned __int128	m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/*
 * The hash of a key of 8 to 24 bytes: the first eight, the last eight and
 * eight in the middle, which overlap where there are fewer.
 */
static inline uint64_t
crlset_hash3(const uint64_t seed[2], const uint8_t *p, size_t n)
{
	uint64_t	h;

	h = crlset_fold(crlset_bytes(p) ^ seed[0],
	    crlset_bytes(p + n - 8) ^ seed[1]);
	return crlset_fold(h ^ seed[1] ^ n, crlset_bytes(p + n / 2 - 4) ^
	    seed[0] ^ 0x9e3779b97f4a7c15ULL);
}

/* The shortest form of an INTEGER's content. */
static inline struct span
crlset_key(struct span v)
{
	while (v.n > 1 && ((v.p[0] == 0 && v.p[1] < 0x80) ||
	    (v.p[0] == 0xff && v.p[1] >= 0x80))) {
		v.p++;
		v.n--;
	}
	return v;
}

/* The bits of a hash in its word of the filter, and which word. */
static inline uint64_t
crlset_bits(uint64_t h)
{
	return 1ULL << (h & 63) | 1ULL << (h >> 6 & 63) |
	    1ULL << (h >> 12 & 63);
}

static inline size_t
crlset_word(uint32_t nfilter, uint64_t h)
{
	return (size_t)(h >> 20) & (nfilter - 1);
}

/* Begin to load what crlset_maybe() will look at. */
static inline void
crlset_prefetch(const struct crlset *s, uint64_t h)
{
	__builtin_prefetch(s->filter + 8 * crlset_word(s->nfilter, h));
}

/* 0: certainly not in the set. */
static inline int
crlset_maybe(const struct crlset *s, uint64_t h)
{
	uint64_t	b = crlset_bits(h);

	return (crlset_load(s->filter + 8 * crlset_word(s->nfilter, h)) & b)
	    == b;
}

/* Where the search for a key begins. */
static inline size_t
crlset_slot(uint32_t nslot, uint64_t h)
{
	return (size_t)(h >> 32) & (nslot - 1);
}

/* Begin to load what crlset_at() will look at. */
static inline void
crlset_prefetch_slot(const struct crlset *s, uint64_t h)
{
	__builtin_prefetch(s->slots + 8 * crlset_slot(s->nslot, h));
}

/* The same for the record, once the slot is there. */
static inline void
crlset_prefetch_rec(const struct crlset *s, uint64_t h)
{
	uint64_t	v;
	size_t		at;

	v = crlset_load(s->slots + 8 * crlset_slot(s->nslot, h));
	at = 4 * (size_t)(uint32_t)v;
	if (at < s->nrec)
		__builtin_prefetch(s->recs + at);
}

/* The hash of a key of any length. */
uint64_t crlset_hash(const uint64_t seed[2], struct span key);

/* The number of a key with this hash, or -1. */
long crlset_at(const struct crlset *, uint64_t h, struct span key);

#endif
