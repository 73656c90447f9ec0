#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "base/mem.h"
#include "tests/rig/lib/bigzip.h"

enum { WINDOW = 32768, HASH = 1 << 16, CHAIN = 48, MATCH_MAX = 258,
	LENGTHS = 30, DISTS = 30, BLOCK = 16384, LITERAL_BITS = 9 };

/* A literal (length 0) or a copy. */
struct token {
	uint32_t	 at;
	uint16_t	 length, distance;
};

struct bits {
	struct buf	*b;
	uint64_t	 acc;
	unsigned	 n;
	uint64_t	 total;		/* bits written */
};

/* Codes of one alphabet. */
struct codes {
	uint8_t		 len[320];
	uint16_t	 code[320];
};

static const uint16_t length_base[29] = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15,
	17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
	227, 258 };
static const uint8_t length_extra[29] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1,
	2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
static const uint16_t dist_base[30] = { 1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33,
	49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
	4097, 6145, 8193, 12289, 16385, 24577 };
static const uint8_t dist_extra[30] = { 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5,
	5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13 };

static void
put_bits(struct bits *w, uint32_t v, unsigned n)
{
	w->acc |= (uint64_t)v << w->n;
	w->n += n;
	w->total += n;
	while (w->n >= 8) {
		buf_u8(w->b, (uint8_t)w->acc);
		w->acc >>= 8;
		w->n -= 8;
	}
}

/* The symbol of a base table that ${v} falls to. */
static unsigned
step_of(const uint16_t *base, unsigned n, unsigned v)
{
	unsigned i = n - 1;

	while (base[i] > v)
		i--;
	return i;
}

/* --- which code has how many bits ------------------------------------------ */

/* One try; the longest length. */
static unsigned
huffman_try(const uint32_t *count, unsigned n, uint8_t *len)
{
	uint32_t w[640];
	int parent[640], a, b;
	unsigned i, used = 0, all = n, longest = 0, d;

	for (i = 0; i < n; i++) {
		w[i] = count[i];
		parent[i] = -1;
		used += count[i] != 0;
	}
	for (; used > 1; used--) {
		a = b = -1;
		for (i = 0; i < all; i++) {
			if (w[i] == 0 || parent[i] != -1)
				continue;
			if (a == -1 || w[i] < w[a]) {
				b = a;
				a = (int)i;
			} else if (b == -1 || w[i] < w[b])
				b = (int)i;
		}
		w[all] = w[a] + w[b];
		parent[all] = -1;
		parent[a] = parent[b] = (int)all++;
	}
	for (i = 0; i < n; i++) {
		for (d = 0, a = (int)i; parent[a] != -1; a = parent[a])
			d++;
		len[i] = (uint8_t)(count[i] == 0 ? 0 : d == 0 ? 1 : d);
		if (len[i] > longest)
			longest = len[i];
	}
	return longest;
}

/* Lengths of at most ${limit} bits. */
static void
huffman(const uint32_t *count, unsigned n, unsigned limit, uint8_t *len)
{
	uint32_t c[320];
	unsigned i;

	memcpy(c, count, n * sizeof(*c));
	while (huffman_try(c, n, len) > limit)
		for (i = 0; i < n; i++)
			c[i] = c[i] == 0 ? 0 : c[i] / 2 + 1;
}

/* Canonical codes (RFC 1951, 3.2.2), bits reversed as they are written. */
static void
canonical(struct codes *c, unsigned n)
{
	unsigned i, k, len, code = 0, r;

	for (len = 1; len < 16; len++, code <<= 1)
		for (i = 0; i < n; i++) {
			if (c->len[i] != len)
				continue;
			for (r = 0, k = 0; k < len; k++)
				r |= (code >> k & 1) << (len - 1 - k);
			c->code[i] = (uint16_t)r;
			code++;
		}
}

/* --- copies --------------------------------------------------------------- */

struct finder {
	const uint32_t	*s;
	size_t		 n;
	int32_t		*head, *prev;
};

static size_t
hash3(const uint32_t *s)
{
	uint32_t h = (s[0] & 0xfffffff) * 2654435761u ^
	    (s[1] & 0xfffffff) * 2246822519u ^ (s[2] & 0xfffffff) * 3266489917u;

	return h >> 16;
}

static void
remember(struct finder *f, size_t at)
{
	size_t h;

	if (at + 3 > f->n)
		return;
	h = hash3(f->s + at);
	f->prev[at] = f->head[h];
	f->head[h] = (int32_t)at;
}

static struct token
find(const struct finder *f, size_t at)
{
	struct token t = { (uint32_t)at, 0, 0 };
	size_t max = f->n - at < MATCH_MAX ? f->n - at : MATCH_MAX, k;
	int32_t p;
	int tries = CHAIN;

	if (max < 3)
		return t;
	for (p = f->head[hash3(f->s + at)]; p != -1 && tries-- > 0 &&
	    at - (size_t)p <= WINDOW; p = f->prev[p]) {
		for (k = 0; k < max && f->s[(size_t)p + k] == f->s[at + k];)
			k++;
		if (k >= 3 && k > t.length) {
			t.length = (uint16_t)k;
			t.distance = (uint16_t)(at - (size_t)p);
		}
	}
	/* a far and short copy costs more than the literals */
	if (t.length == 3 && t.distance > 2048)
		t.length = 0;
	return t;
}

static struct token *
tokens(const uint32_t *s, size_t n, size_t *count)
{
	struct finder f = { s, n, mem_array(HASH, sizeof(*f.head)),
	    mem_array(n + 1, sizeof(*f.prev)) };
	struct token *t = mem_array(n + 1, sizeof(*t)), next;
	size_t at, end;

	memset(f.head, 0xff, HASH * sizeof(*f.head));
	*count = 0;
	for (at = 0; at < n;) {
		t[*count] = find(&f, at);
		remember(&f, at);
		if (t[*count].length > 0 && at + 1 < n) {
			next = find(&f, at + 1);
			if (next.length > t[*count].length)
				t[*count].length = 0;
		}
		end = at + (t[*count].length == 0 ? 1 : t[*count].length);
		for (at++; at < end; at++)
			remember(&f, at);
		(*count)++;
	}
	free(f.head);
	free(f.prev);
	return t;
}

/* --- writing ---------------------------------------------------------------- */

static void
add_hole(struct bigzip *z, uint32_t sym, uint32_t at, uint64_t bit)
{
	int rare = (sym & BIGZIP_RARE) != 0;
	struct bigzip_hole *h = z->n[rare] == 0 ? NULL :
	    &z->holes[rare][z->n[rare] - 1];

	if (h != NULL && h->n < BIGZIP_RUN && h->at + h->n == at &&
	    h->bit + h->n * LITERAL_BITS == bit) {
		h->n++;
		return;
	}
	z->holes[rare] = mem_grow(z->holes[rare], &z->cap[rare],
	    z->n[rare] + 1, sizeof(*h));
	z->holes[rare][z->n[rare]++] = (struct bigzip_hole){ at, 1, bit };
}

static void
count_all(const struct token *t, size_t n, uint32_t *lc, uint32_t *dc)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (t[i].length != 0) {
			lc[1 + step_of(length_base, 29, t[i].length)]++;
			dc[step_of(dist_base, DISTS, t[i].distance)]++;
		}
	/* at least two of each, so that the codes are complete */
	lc[0] += 1;
	lc[1] += 1;
	dc[0] += 1;
	dc[1] += 1;
}

/* 256 literals of nine bits take half of the codes, lengths the other. */
static void
make_codes(const struct token *t, size_t n, struct codes *lit,
    struct codes *dist)
{
	uint32_t lc[LENGTHS] = { 0 }, dc[DISTS] = { 0 };
	unsigned i;

	count_all(t, n, lc, dc);
	memset(lit, 0, sizeof(*lit));
	memset(dist, 0, sizeof(*dist));
	memset(lit->len, LITERAL_BITS, 256);
	huffman(lc, LENGTHS, 14, lit->len + 256);
	for (i = 256; i < 286; i++)
		lit->len[i] = (uint8_t)(lit->len[i] + (lit->len[i] != 0));
	huffman(dc, DISTS, 15, dist->len);
	canonical(lit, 286);
	canonical(dist, DISTS);
}

/* Header of a block with codes of its own (3.2.7). */
static void
put_header(struct bits *w, int last, const struct codes *lit,
    const struct codes *dist)
{
	static const uint8_t order[19] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5,
	    11, 4, 12, 3, 13, 2, 14, 1, 15 };
	struct codes c;
	uint8_t all[286 + DISTS];
	uint32_t count[19] = { 0 };
	unsigned i;

	memcpy(all, lit->len, 286);
	memcpy(all + 286, dist->len, DISTS);
	memset(&c, 0, sizeof(c));
	/* the literals: nine, then 42 times six and three of the same */
	count[9] = 1;
	count[16] = 43;
	for (i = 256; i < sizeof(all); i++)
		count[all[i]]++;
	huffman(count, 19, 7, c.len);
	canonical(&c, 19);
	put_bits(w, (uint32_t)last | 2 << 1, 3);
	put_bits(w, 286 - 257, 5);
	put_bits(w, DISTS - 1, 5);
	put_bits(w, 19 - 4, 4);
	for (i = 0; i < 19; i++)
		put_bits(w, c.len[order[i]], 3);
	put_bits(w, c.code[9], c.len[9]);
	for (i = 0; i < 43; i++) {
		put_bits(w, c.code[16], c.len[16]);
		put_bits(w, i < 42 ? 3 : 0, 2);
	}
	for (i = 256; i < sizeof(all); i++)
		put_bits(w, c.code[all[i]], c.len[all[i]]);
}

static void
put_token(struct bigzip *z, struct bits *w, const uint32_t *s,
    const struct token *t, const struct codes *lit, const struct codes *dist)
{
	uint32_t sym = s[t->at];
	unsigned i;

	if (t->length == 0 && sym < BIGZIP_VARY) {
		put_bits(w, lit->code[sym], LITERAL_BITS);
	} else if (t->length == 0) {
		add_hole(z, sym, t->at, w->total);
		put_bits(w, 0, LITERAL_BITS);
	} else {
		i = step_of(length_base, 29, t->length);
		put_bits(w, lit->code[257 + i], lit->len[257 + i]);
		put_bits(w, (uint32_t)(t->length - length_base[i]),
		    length_extra[i]);
		i = step_of(dist_base, DISTS, t->distance);
		put_bits(w, dist->code[i], dist->len[i]);
		put_bits(w, (uint32_t)(t->distance - dist_base[i]),
		    dist_extra[i]);
	}
}

void
bigzip_make(struct bigzip *z, const uint32_t *s, size_t n)
{
	static const uint8_t head[10] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
	struct bits w = { &z->z, 0, 0, 80 };
	struct codes lit, dist;
	struct token *t;
	size_t count, i;

	t = tokens(s, n, &count);
	make_codes(t, count, &lit, &dist);
	buf_add(&z->z, head, sizeof(head));
	for (i = 0; i < count; i++) {
		if (i % BLOCK == 0) {
			if (i > 0)
				put_bits(&w, lit.code[256], lit.len[256]);
			put_header(&w, count - i <= BLOCK, &lit, &dist);
		}
		put_token(z, &w, s, &t[i], &lit, &dist);
	}
	put_bits(&w, lit.code[256], lit.len[256]);
	if (w.n > 0)
		put_bits(&w, 0, 8 - w.n);
	buf_add(&z->z, "\0\0\0\0\0\0\0", 8);
	memcpy(z->code, lit.code, sizeof(z->code));
	free(t);
}

void
bigzip_fill(const struct bigzip *z, const struct bigzip_hole *h, size_t n,
    const uint8_t *text, uint8_t *out)
{
	const uint8_t *p;
	uint64_t v, word, mask;
	unsigned k;

	for (; n > 0; n--, h++) {
		p = text + h->at;
		for (v = 0, k = 0; k < h->n; k++)
			v |= (uint64_t)z->code[p[k]] << (k * LITERAL_BITS);
		mask = ((UINT64_C(1) << (h->n * LITERAL_BITS)) - 1) <<
		    (h->bit & 7);
		memcpy(&word, out + (h->bit >> 3), 8);
		word = (word & ~mask) | v << (h->bit & 7);
		memcpy(out + (h->bit >> 3), &word, 8);
	}
}

void
bigzip_end(const struct bigzip *z, const uint8_t *text, size_t n,
    uint8_t *out)
{
	uint32_t v[2] = { libdeflate_crc32(0, text, n), (uint32_t)n };
	unsigned i;

	for (i = 0; i < 8; i++)
		out[z->z.n - 8 + i] = (uint8_t)(v[i / 4] >> (i % 4 * 8));
}
