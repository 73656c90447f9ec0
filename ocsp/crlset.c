#include "ocsp/crlset.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ocsp/crlset_img.h"

/* A key: the largest magnitude and a zero byte for the sign. */
#define KEY_MAX		(LIMIT_SERIAL + 1)
#define LEAST_SLOTS	16u
#define SERIALS_A_WORD	4u	/* 16 bits of the filter for each */

#define REC_KEY		5u	/* where the key of a record begins */

struct crlset_build {
	uint64_t	 seed[2];
	struct buf	 recs;
	uint32_t	 count;
	uint64_t	*slots;
	uint32_t	 nslot;
};

uint64_t
crlset_hash(const uint64_t seed[2], struct span key)
{
	uint8_t		w[8];
	uint64_t	h;
	size_t		i, n;

	if (key.n >= CRLSET_LEAST && key.n <= CRLSET_MOST)
		return crlset_hash3(seed, key.p, key.n);
	h = key.n;
	for (i = 0; i < key.n; i += n) {
		memset(w, 0, sizeof(w));
		n = key.n - i < sizeof(w) ? key.n - i : sizeof(w);
		memcpy(w, key.p + i, n);
		h = crlset_fold(h ^ seed[0], crlset_bytes(w) ^ seed[1]);
	}
	return h;
}

/* A slot for the record ${at} bytes from the first. */
static inline uint64_t
slot_make(uint64_t h, size_t at)
{
	return h << 32 | (at / 4 + 1);
}

static inline size_t
slot_at(uint64_t slot)
{
	return 4 * ((size_t)(uint32_t)slot - 1);
}

static inline uint32_t
load32(const uint8_t *p)
{
	uint32_t	v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The bytes of a record with a key of ${n}. */
static inline size_t
rec_size(size_t n)
{
	return (REC_KEY + n + 3) / 4 * 4;
}

/* --- building --- */

struct crlset_build *
crlset_new(void)
{
	struct crlset_build	*b = mem_zero(sizeof(*b));

	if (getrandom(b->seed, sizeof(b->seed), 0) !=
	    (ssize_t)sizeof(b->seed))
		abort();
	b->nslot = LEAST_SLOTS;
	b->slots = mem_array(b->nslot, sizeof(*b->slots));
	return b;
}

void
crlset_free(struct crlset_build *b)
{
	if (b == NULL)
		return;
	buf_free(&b->recs);
	free(b->slots);
	free(b);
}

static struct span
key_of(const struct crlset_build *b, size_t at)
{
	struct span	s = { b->recs.p + at + REC_KEY, b->recs.p[at + 4] };

	return s;
}

/* The place of a key: where it is, or where it goes. */
static size_t
place(const struct crlset_build *b, uint64_t h, struct span key)
{
	size_t		i = crlset_slot(b->nslot, h), at;
	struct span	k;

	for (; b->slots[i] != 0; i = (i + 1) & (b->nslot - 1)) {
		at = slot_at(b->slots[i]);
		if (b->slots[i] != slot_make(h, at))
			continue;
		k = key_of(b, at);
		if (k.n == key.n && memcmp(k.p, key.p, k.n) == 0)
			break;
	}
	return i;
}

static void
grow(struct crlset_build *b)
{
	size_t		at;
	uint64_t	h;
	struct span	k;

	free(b->slots);
	b->nslot *= 2;
	b->slots = mem_array(b->nslot, sizeof(*b->slots));
	for (at = 0; at < b->recs.n; at += rec_size(k.n)) {
		k = key_of(b, at);
		h = crlset_hash(b->seed, k);
		b->slots[place(b, h, k)] = slot_make(h, at);
	}
}

long
crlset_add_int(struct crlset_build *b, struct span integer, struct err *e)
{
	static const uint8_t	zero[4];
	struct span		key = crlset_key(integer);
	uint64_t		h;
	size_t			i, at;

	if (key.n == 0 || key.n > KEY_MAX ||
	    (key.n == KEY_MAX && key.p[0] != 0 && key.p[0] != 0xff))
		return err_set(e, ERR_FORMAT, "a serial number of %zu bytes "
		    "(RFC 5280, 4.1.2.2 allows 20)", key.n);
	h = crlset_hash(b->seed, key);
	i = place(b, h, key);
	if (b->slots[i] != 0)
		return (long)load32(b->recs.p + slot_at(b->slots[i]));
	if (b->count == LIMIT_CRL_WATCHED)
		return err_set(e, ERR_LIMIT, "more than %u serial numbers of "
		    "one issuer", LIMIT_CRL_WATCHED);
	at = b->recs.n;
	buf_add(&b->recs, &b->count, sizeof(b->count));
	buf_u8(&b->recs, (uint8_t)key.n);
	buf_span(&b->recs, key);
	buf_add(&b->recs, zero, rec_size(key.n) - REC_KEY - key.n);
	b->slots[i] = slot_make(h, at);
	b->count++;
	if (b->count > b->nslot / 2)
		grow(b);
	return (long)b->count - 1;
}

/* The two's complement of ${n} bytes. */
static void
negate(uint8_t *p, size_t n)
{
	unsigned	carry = 1;

	while (n-- > 0) {
		carry += (uint8_t)~p[n];
		p[n] = (uint8_t)carry;
		carry >>= 8;
	}
}

long
crlset_add(struct crlset_build *b, const char *serial, struct err *e)
{
	uint8_t		v[KEY_MAX] = { 0 };
	char		hex[2 * LIMIT_SERIAL];
	const char	*s = serial + (serial[0] == '-');
	size_t		n;

	if (*s != '\0')
		while (s[0] == '0' && s[1] != '\0')
			s++;
	n = strlen(s);
	if (n == 0 || n > sizeof(hex))
		goto bad;
	memset(hex, '0', sizeof(hex));
	memcpy(hex + sizeof(hex) - n, s, n);
	if (enc_unhex_to(v + 1, LIMIT_SERIAL, hex) == -1)
		goto bad;
	if (serial[0] == '-')
		negate(v, sizeof(v));
	return crlset_add_int(b, (struct span){ v, sizeof(v) }, e);
bad:
	return err_set(e, ERR_FORMAT, "\"%.40s\" is no serial number: hex of "
	    "at most %u bytes", serial, LIMIT_SERIAL);
}

void
crlset_done(struct crlset_build *b, struct buf *out)
{
	static const uint8_t	zero[4];
	struct crlset_head	h = { CRLSET_MAGIC, b->count, b->nslot, 1, 0,
				    { 0, 0 } };
	uint64_t		*filter, v;
	struct span		k;
	size_t			at;

	while (h.nfilter < b->count / SERIALS_A_WORD)
		h.nfilter *= 2;
	memcpy(h.seed, b->seed, sizeof(h.seed));
	filter = mem_array(h.nfilter, sizeof(*filter));
	for (at = 0; at < b->recs.n; at += rec_size(k.n)) {
		k = key_of(b, at);
		v = crlset_hash(b->seed, k);
		filter[crlset_word(h.nfilter, v)] |= crlset_bits(v);
	}
	buf_add(&b->recs, zero, b->recs.n % 8);
	h.nrec = (uint32_t)b->recs.n;
	buf_add(out, &h, sizeof(h));
	buf_add(out, filter, h.nfilter * sizeof(*filter));
	buf_add(out, b->slots, b->nslot * sizeof(*b->slots));
	buf_span(out, buf_bytes(&b->recs));
	free(filter);
	crlset_free(b);
}

/* --- reading --- */

static int
is_power(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

int
crlset_open(struct crlset *s, const void *image, size_t n, struct err *e)
{
	struct crlset_head	h;

	memset(s, 0, sizeof(*s));
	if (n < sizeof(h))
		goto bad;
	memcpy(&h, image, sizeof(h));
	if (memcmp(h.magic, CRLSET_MAGIC, sizeof(h.magic)) != 0 ||
	    h.count > LIMIT_CRL_WATCHED || !is_power(h.nslot) ||
	    !is_power(h.nfilter) || h.nslot / 2 < h.count ||
	    n != sizeof(h) + 8ULL * h.nfilter + 8ULL * h.nslot + h.nrec)
		goto bad;
	s->image = image;
	s->n = n;
	s->count = h.count;
	s->nslot = h.nslot;
	s->nfilter = h.nfilter;
	memcpy(s->seed, h.seed, sizeof(s->seed));
	s->filter = s->image + sizeof(h);
	s->slots = s->filter + 8 * (size_t)h.nfilter;
	s->recs = s->slots + 8 * (size_t)h.nslot;
	s->nrec = h.nrec;
	return 0;
bad:
	return err_set(e, ERR_FORMAT, "an image of serial numbers is "
	    "damaged");
}

/* The number of the record at ${at}, if it has this key, or -1. */
static long
number_at(const struct crlset *s, size_t at, struct span key)
{
	const uint8_t	*p;
	uint32_t	 number;

	if (at >= s->nrec || s->nrec - at < REC_KEY + key.n)
		return -1;
	p = s->recs + at;
	if (p[4] != key.n || memcmp(p + REC_KEY, key.p, key.n) != 0)
		return -1;
	number = load32(p);
	return number < s->count ? (long)number : -1;
}

long
crlset_at(const struct crlset *s, uint64_t h, struct span key)
{
	size_t		i = crlset_slot(s->nslot, h), k;
	uint64_t	v;
	long		number;

	for (k = 0; k < s->nslot; k++) {
		v = crlset_load(s->slots + 8 * i);
		if (v == 0)
			return -1;
		if (v >> 32 == (uint32_t)h) {
			number = number_at(s, slot_at(v), key);
			if (number != -1)
				return number;
		}
		i = (i + 1) & (s->nslot - 1);
	}
	return -1;
}

long
crlset_find(const struct crlset *s, struct span integer)
{
	struct span	key = crlset_key(integer);
	uint64_t	h;

	if (key.n == 0 || key.n > KEY_MAX)
		return -1;
	h = crlset_hash(s->seed, key);
	return crlset_maybe(s, h) ? crlset_at(s, h, key) : -1;
}

size_t
crlset_count(const struct crlset *s)
{
	return s->count;
}
