#ifndef PKI_WATCH_IMG_H
#define PKI_WATCH_IMG_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pki/name.h"
#include "pki/watch.h"

/*
 * The inside of a watch image, for pki/watch*.c only.  The image is the head
 * and then, each 8-byte aligned and in this order: off, sib, slot, filter,
 * pslot, pfilter, ip, key, not, text.  Numbers have the byte order of the
 * machine: an image never leaves it.
 */
#define WATCH_MAGIC	"cvwatch"	/* with its zero byte: 8 bytes */
#define WATCH_VERSION	2

enum watch_kind {
	WATCH_EXACT,	/* example.com */
	WATCH_DEEP,	/* .example.com */
	WATCH_ALL,	/* . */
	WATCH_ADDR,	/* address or CIDR */
	WATCH_KEY,	/* spki: */
	WATCH_KINDS
};
#define WATCH_HAS_NOT	0x80	/* in the kind byte: has exclusions */
#define WATCH_IN_TEXT	0x40	/* while building: see watch_build.h */

struct watch_head {
	char		magic[8];
	uint32_t	version;
	uint32_t	all;		/* the watch ".", or WATCH_NONE */
	uint64_t	size;		/* of the image */
	uint64_t	ntext;		/* bytes of text */
	uint32_t	n;		/* watches */
	uint32_t	nslot;		/* powers of two, all four */
	uint32_t	nfilter;
	uint32_t	npslot;
	uint32_t	npfilter;
	uint32_t	nip;
	uint32_t	nkey;
	uint32_t	nnot;
	uint32_t	least;		/* labels of the shortest name, >= 1 */
	uint32_t	zero;
	uint64_t	seed[3];	/* of the hash */
	uint64_t	plen4;		/* prefix lengths that there are */
	uint64_t	plen6[3];
	uint8_t		sha256[32];
};

/* Sorted bytewise by v6, plen and addr; bits behind plen are zero. */
struct watch_ip {
	uint8_t		v6;
	uint8_t		plen;
	uint8_t		addr[16];
	uint16_t	zero;
	uint32_t	watch;
};

/* Sorted bytewise. */
struct watch_key {
	uint8_t		spki[32];
	uint32_t	watch;
};

/* An exclusion: sorted by watch; off is that of a text record. */
struct watch_not {
	uint32_t	watch;
	uint32_t	off;
};

/* A text record: kind byte, length byte, text, zero byte. */
#define WATCH_REC	3	/* bytes beside the text */

static inline size_t
watch_align(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static inline uint64_t
watch_mix(uint64_t a, uint64_t b)
{
	unsigned __int128	r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/*
 * The hash of a name goes label by label from the right, so that one pass
 * gives that of every suffix; h is that of the labels behind, seed[0] at
 * first.  The seed is random and secret to whoever chooses names.  Up to 8
 * bytes behind the label are read (and do not count).
 */
static inline uint64_t
watch_label(const uint64_t seed[3], uint64_t h, const uint8_t *p, size_t n)
{
	uint64_t	v, len = n;

	while (n > 8) {
		memcpy(&v, p, 8);
		h = watch_mix(h ^ v, seed[1]);
		p += 8;
		n -= 8;
	}
	memcpy(&v, p, 8);
	if (n < 8)
		v &= ((uint64_t)1 << (8 * n)) - 1;
	return watch_mix(h ^ v, seed[2] ^ len);
}
#define WATCH_SLACK	8	/* bytes behind a name that may be read */

/* Where a hash lies in a filter: the word, and its two bits. */
static inline uint64_t
watch_bits(uint64_t h)
{
	return (uint64_t)1 << (h >> 58) | (uint64_t)1 << (h >> 52 & 63);
}

static inline int
watch_maybe(const uint64_t *filter, uint32_t n, uint64_t h)
{
	uint64_t	bits = watch_bits(h);

	return (filter[h & (n - 1)] & bits) == bits;
}

static inline uint32_t
watch_start(uint64_t h, uint32_t n)
{
	return (uint32_t)(h >> 20) & (n - 1);
}

/*
 * A place in the hash table of names: the number of the watch plus one, and
 * above it bits of the hash that nothing else uses, so that a place that is
 * taken by another name is passed without a look at its text.  0 is free.
 */
#define WATCH_SLOT_BITS	23
#define WATCH_SLOT_MASK	(((uint32_t)1 << WATCH_SLOT_BITS) - 1)

static inline uint32_t
watch_tag(uint64_t h)
{
	return (uint32_t)(h >> 43) << WATCH_SLOT_BITS;
}

static inline int
watch_is_tag(uint32_t slot, uint64_t h)
{
	return ((slot ^ watch_tag(h)) & ~WATCH_SLOT_MASK) == 0;
}

static inline const uint8_t *
watch_rec(const struct watch_set *s, uint32_t w)
{
	return s->text + s->off[w];
}

/* An address and prefix length of a pattern: 0 or -1 (not an address). */
int watch_ip_parse(const char *, struct watch_ip *);

/* Is ${ip} inside the other? */
int watch_ip_inside(const struct watch_ip *, const struct watch_ip *);

/* What canonical text is. */
enum watch_kind watch_kind_of(const char *);

/* --- one name, made ready for the lookup: pki/watch_scan.c --- */

#define SCAN_MAX	255

struct scan {
	size_t		n;		/* without trailing dots */
	uint64_t	dots[4];	/* bit i: buf[i] is a dot, i < n */
	int		odd;		/* a byte that asks for a careful look */
	int		wild;		/* begins with "*." */
	uint8_t		buf[SCAN_MAX + 1 + 32 + WATCH_SLACK];	/* lower */
};

/*
 * Lower-case and look for dots; at most SCAN_MAX bytes.  May read up to
 * ${limit} (32 bytes at a time), never from there on.
 */
void scan_name(struct scan *, struct span, const uint8_t *limit);

/* --- matching in progress: pki/watch.c and pki/watch_slow.c --- */

struct match {
	const struct watch_set	*set;
	struct watch_hit	*hits;
	size_t			 max;
	size_t			 n;	/* distinct watches so far */
	int			 spared;	/* "." spared a name */
	struct span		 raw;	/* the name as it stands */
	enum name_code		 code;	/* how raw is to be shown */
	struct span		 first;	/* the certificate's first name */
	struct scan		 scan;
};

/*
 * A watch matches by a canonical name (NULL: by no name that an exclusion
 * could drop): count it, unless it is excluded or was counted.
 */
void match_add(struct match *, uint32_t, const char *);

/* Look up the scanned name; ${cut}: it is only the end of the name. */
void match_scan(struct match *, int cut);

/* Look up an address of 4 or 16 bytes. */
void match_ip(struct match *, const uint8_t *, size_t);

/* Look at a name with odd bytes; ${cn}: it is a common name. */
void match_careful(struct match *, struct span, enum name_code, int cn);

/* Look for watched names among bytes. */
void match_bytes(struct match *, struct span);

#endif
