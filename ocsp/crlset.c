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

struct crlset_build {
	uint64_t	 seed[2];
	struct buf	 keys;
	uint32_t	*offs;		/* count + 1 of them */
	size_t		 coffs;
	uint32_t	 count;
	uint64_t	*slots;
	uint32_t	 nslot;
};

uint64_t
crlset_hash(const uint64_t seed[2], struct span key)
{
	uint8_t		w[CRLSET_WORDS] = { 0 };
	uint64_t	h;
	size_t		i, n = key.n < sizeof(w) ? key.n : sizeof(w);

	memcpy(w, key.p, n);
	h = crlset_hash3(seed, crlset_bytes(w), crlset_bytes(w + 8),
	    crlset_bytes(w + 16), key.n);
	for (i = sizeof(w); i < key.n; i += n) {
		memset(w, 0, 8);
		n = key.n - i < 8 ? key.n - i : 8;
		memcpy(w, key.p + i, n);
		h = crlset_fold(h ^ seed[0], crlset_bytes(w) ^ seed[1]);
	}
	return h;
}

static inline uint64_t
slot_make(uint64_t h, uint32_t number)
{
	return h << 32 | (number + 1);
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
	b->offs = mem_grow(NULL, &b->coffs, 1, sizeof(*b->offs));
	b->offs[0] = 0;
	return b;
}

void
crlset_free(struct crlset_build *b)
{
	if (b == NULL)
		return;
	buf_free(&b->keys);
	free(b->offs);
	free(b->slots);
	free(b);
}

static struct span
key_of(const struct crlset_build *b, uint32_t number)
{
	struct span	s;

	s.p = b->keys.p + b->offs[number];
	s.n = b->offs[number + 1] - b->offs[number];
	return s;
}

/* The place of a key: where it is, or where it goes. */
static uint32_t
place(const struct crlset_build *b, uint64_t h, struct span key)
{
	uint32_t	i = (uint32_t)(h >> 32) & (b->nslot - 1), number;
	struct span	k;

	for (; b->slots[i] != 0; i = (i + 1) & (b->nslot - 1)) {
		number = (uint32_t)b->slots[i] - 1;
		if (b->slots[i] != slot_make(h, number))
			continue;
		k = key_of(b, number);
		if (k.n == key.n && memcmp(k.p, key.p, k.n) == 0)
			break;
	}
	return i;
}

static void
grow(struct crlset_build *b)
{
	uint32_t	i;
	uint64_t	h;

	free(b->slots);
	b->nslot *= 2;
	b->slots = mem_array(b->nslot, sizeof(*b->slots));
	for (i = 0; i < b->count; i++) {
		h = crlset_hash(b->seed, key_of(b, i));
		b->slots[place(b, h, key_of(b, i))] = slot_make(h, i);
	}
}

long
crlset_add_int(struct crlset_build *b, struct span integer, struct err *e)
{
	struct span	key = crlset_key(integer);
	uint64_t	h;
	uint32_t	at;

	if (key.n == 0 || key.n > KEY_MAX ||
	    (key.n == KEY_MAX && key.p[0] != 0 && key.p[0] != 0xff))
		return err_set(e, ERR_FORMAT, "a serial number of %zu bytes "
		    "(RFC 5280, 4.1.2.2 allows 20)", key.n);
	h = crlset_hash(b->seed, key);
	at = place(b, h, key);
	if (b->slots[at] != 0)
		return (long)(uint32_t)b->slots[at] - 1;
	if (b->count == LIMIT_CRL_WATCHED)
		return err_set(e, ERR_LIMIT, "more than %u serial numbers of "
		    "one issuer", LIMIT_CRL_WATCHED);
	buf_span(&b->keys, key);
	b->offs = mem_grow(b->offs, &b->coffs, (size_t)b->count + 2,
	    sizeof(*b->offs));
	b->offs[b->count + 1] = (uint32_t)b->keys.n;
	b->slots[at] = slot_make(h, b->count++);
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

/* Zero bytes up to the next multiple of 8 from ${from}. */
static void
pad(struct buf *out, size_t from)
{
	static const uint8_t	zero[8];

	buf_add(out, zero, -(out->n - from) % 8);
}

void
crlset_done(struct crlset_build *b, struct buf *out)
{
	struct crlset_head	h = { CRLSET_MAGIC, b->count, b->nslot, 1,
				    (uint32_t)b->keys.n, { 0, 0 } };
	size_t			from = out->n;
	uint64_t		*filter, v;
	uint32_t		i;

	while (h.nfilter < b->count / SERIALS_A_WORD)
		h.nfilter *= 2;
	memcpy(h.seed, b->seed, sizeof(h.seed));
	filter = mem_array(h.nfilter, sizeof(*filter));
	for (i = 0; i < b->count; i++) {
		v = crlset_hash(b->seed, key_of(b, i));
		filter[crlset_word(h.nfilter, v)] |= crlset_bits(v);
	}
	buf_add(out, &h, sizeof(h));
	buf_add(out, filter, h.nfilter * sizeof(*filter));
	buf_add(out, b->slots, b->nslot * sizeof(*b->slots));
	buf_add(out, b->offs, (b->count + 1) * sizeof(*b->offs));
	pad(out, from);
	buf_add(out, b->keys.p, b->keys.n);
	pad(out, from);
	free(filter);
	crlset_free(b);
}

/* --- reading --- */

static inline uint32_t
load32(const uint8_t *p, size_t i)
{
	uint32_t	v;

	memcpy(&v, p + 4 * i, sizeof(v));
	return v;
}

/* Where the parts are; 0, or -1 when they do not make up the image. */
static int
parts(struct crlset *s, const struct crlset_head *h)
{
	uint64_t	filter = 8ULL * h->nfilter, slots = 8ULL * h->nslot;
	uint64_t	offs = (4ULL * h->count + 4 + 7) / 8 * 8;
	uint64_t	keys = (h->nkeys + 7ULL) / 8 * 8;

	if (sizeof(*h) + filter + slots + offs + keys != s->n)
		return -1;
	s->filter = s->image + sizeof(*h);
	s->slots = s->filter + filter;
	s->offs = s->slots + slots;
	s->keys = s->offs + offs;
	return 0;
}

/* Does each number in a slot, and each offset, stay inside? */
static int
bounded(const struct crlset *s, uint32_t nkeys)
{
	uint32_t	i, at, next, used = 0;
	uint64_t	v;

	for (i = 0; i < s->nslot; i++) {
		v = crlset_load(s->slots + 8 * (size_t)i);
		if ((uint32_t)v > s->count || ((uint32_t)v == 0 && v != 0))
			return 0;
		used += v != 0;
	}
	at = load32(s->offs, 0);
	if (used != s->count || at != 0)
		return 0;
	for (i = 0; i < s->count; i++, at = next) {
		next = load32(s->offs, (size_t)i + 1);
		if (next <= at || next - at > KEY_MAX)
			return 0;
	}
	return at == nkeys;
}

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
	s->image = image;
	s->n = n;
	s->count = h.count;
	s->nslot = h.nslot;
	s->nfilter = h.nfilter;
	memcpy(s->seed, h.seed, sizeof(s->seed));
	if (memcmp(h.magic, CRLSET_MAGIC, sizeof(h.magic)) == 0 &&
	    h.count <= LIMIT_CRL_WATCHED && is_power(h.nslot) &&
	    is_power(h.nfilter) && h.nslot / 2 >= h.count &&
	    parts(s, &h) == 0 && bounded(s, h.nkeys))
		return 0;
bad:
	memset(s, 0, sizeof(*s));
	return err_set(e, ERR_FORMAT, "an image of serial numbers is "
	    "damaged");
}

long
crlset_at(const struct crlset *s, uint64_t h, struct span key)
{
	uint32_t	i = (uint32_t)(h >> 32), at, number;
	uint64_t	v;

	for (;; i++) {
		v = crlset_load(s->slots + 8 * (size_t)(i & (s->nslot - 1)));
		if (v == 0)
			return -1;
		number = (uint32_t)v - 1;
		if (v != slot_make(h, number))
			continue;
		at = load32(s->offs, number);
		if (load32(s->offs, (size_t)number + 1) - at == key.n &&
		    memcmp(s->keys + at, key.p, key.n) == 0)
			return (long)number;
	}
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
