#include "base/sha.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha_ni.h"

#define LEAF_BATCH	256	/* messages that are paired by length */
#define LEAF_CLASS	64	/* length classes, in blocks; the last is open */

const uint32_t sha_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

/* -1: not known yet; else whether sha_ni_*() may be called. */
static int	ni = -1;

static inline int
fast(void)
{
	if (ni == -1)
		ni = sha_ni_there();
	return ni;
}

void
sha_force_portable(int on)
{
	ni = on ? 0 : sha_ni_there();
}

int
sha_accelerated(void)
{
	return fast();
}

static inline uint32_t
rotr(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static inline uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static inline void
put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* One round: ${d} and ${h} change, the next one takes all one place on. */
static inline void
round1(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e,
    uint32_t f, uint32_t g, uint32_t *h, uint32_t kw)
{
	uint32_t	t;

	t = *h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) +
	    (g ^ (e & (f ^ g))) + kw;
	*d += t;
	*h = t + (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) +
	    ((a & b) | (c & (a | b)));
}

/* FIPS 180-4, 6.2.2: one block. */
static void
block(uint32_t s[8], const uint8_t *p)
{
	uint32_t	w[64] __attribute__((uninitialized)), s0, s1;
	uint32_t	a = s[0], b = s[1], c = s[2], d = s[3];
	uint32_t	e = s[4], f = s[5], g = s[6], h = s[7];
	size_t		i;

	for (i = 0; i < 16; i++)
		w[i] = get32(p + 4 * i);
	for (; i < 64; i++) {
		s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
		s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	for (i = 0; i < 64; i += 8) {
		round1(a, b, c, &d, e, f, g, &h, w[i] + sha_k[i]);
		round1(h, a, b, &c, d, e, f, &g, w[i + 1] + sha_k[i + 1]);
		round1(g, h, a, &b, c, d, e, &f, w[i + 2] + sha_k[i + 2]);
		round1(f, g, h, &a, b, c, d, &e, w[i + 3] + sha_k[i + 3]);
		round1(e, f, g, &h, a, b, c, &d, w[i + 4] + sha_k[i + 4]);
		round1(d, e, f, &g, h, a, b, &c, w[i + 5] + sha_k[i + 5]);
		round1(c, d, e, &f, g, h, a, &b, w[i + 6] + sha_k[i + 6]);
		round1(b, c, d, &e, f, g, h, &a, w[i + 7] + sha_k[i + 7]);
	}
	s[0] += a;
	s[1] += b;
	s[2] += c;
	s[3] += d;
	s[4] += e;
	s[5] += f;
	s[6] += g;
	s[7] += h;
}

static void
blocks(uint32_t h[8], const uint8_t *p, size_t n)
{
	if (fast()) {
		sha_ni_blocks(h, p, n);
		return;
	}
	for (; n != 0; n--, p += 64)
		block(h, p);
}

/*
 * Pad the last ${r} (< 64) bytes, which lie in ${t} already, of a message of
 * ${n} bytes; the number of blocks that makes, 1 or 2.
 */
static size_t
pad(uint8_t t[128], size_t r, uint64_t n)
{
	size_t	b = r < 56 ? 64 : 128;

	t[r] = 0x80;
	memset(t + r + 1, 0, b - r - 9);
	put32(t + b - 8, (uint32_t)(n >> 29));
	put32(t + b - 4, (uint32_t)(n << 3));
	return b / 64;
}

void
sha_init(struct sha_ctx *c)
{
	static const uint32_t	iv[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
	};

	memcpy(c->h, iv, sizeof(iv));
	c->n = 0;
}

void
sha_update(struct sha_ctx *c, const void *data, size_t n)
{
	const uint8_t	*p = data;
	size_t		have = (size_t)(c->n % 64), k;

	if (n == 0)
		return;
	c->n += n;
	if (have != 0) {
		k = n < 64 - have ? n : 64 - have;
		memcpy(c->tail + have, p, k);
		p += k;
		n -= k;
		if (have + k < 64)
			return;
		blocks(c->h, c->tail, 1);
	}
	if (n >= 64)
		blocks(c->h, p, n / 64);
	if (n % 64 != 0)
		memcpy(c->tail, p + n - n % 64, n % 64);
}

/* Hash what fills the block that was begun; the rest stays in ${s}. */
static void
align(struct sha_ctx *c, struct span *s)
{
	size_t	k = (size_t)(-c->n % 64);

	if (k > s->n)
		k = s->n;
	sha_update(c, s->p, k);
	s->p += k;
	s->n -= k;
}

void
sha_steps_begin(struct sha_steps *t, struct sha_ctx *c, struct span in)
{
	align(c, &in);
	t->c = c;
	t->in = in;
	t->p = in.p;
	t->left = fast() ? in.n / 64 : 0;
	if (t->left != 0)
		sha_ni_enter(t->st, c->h);
}

void
sha_step(struct sha_steps *t)
{
	sha_ni_step(t->st, t->p);
	t->p += 64;
	t->left--;
}

void
sha_steps_end(struct sha_steps *t)
{
	size_t	n = (size_t)(t->p - t->in.p);

	if (n != 0)
		sha_ni_leave(t->st, t->c->h);
	t->c->n += n;
	sha_update(t->c, t->p, t->in.n - n);
}

void
sha_final(struct sha_ctx *c, uint8_t out[SHA_LEN])
{
	uint8_t	t[128];
	size_t	r = (size_t)(c->n % 64), i;

	memcpy(t, c->tail, r);
	blocks(c->h, t, pad(t, r, c->n));
	for (i = 0; i < 8; i++)
		put32(out + 4 * i, c->h[i]);
}

void
sha_256(uint8_t out[SHA_LEN], const void *p, size_t n)
{
	struct sha_ctx	c;

	sha_init(&c);
	sha_update(&c, p, n);
	sha_final(&c, out);
}

/*
 * A message with its prefix, cut into blocks; owns the two ends.  Room on both
 * sides lets them be copied 64 bytes at a time.
 */
struct leaf {
	struct sha_msg	msg;
	uint8_t		head[64 + SHA_PREFIX_MAX];
	uint8_t		ends[64 + 128];		/* the tail is at 64 */
};

/* The same for a message of less than one block. */
static void
leaf_set_short(struct leaf *l, const uint8_t *prefix, size_t plen,
    struct span in)
{
	uint8_t	b[64 + SHA_PREFIX_MAX], *tail = l->ends + 64;
	size_t	n = plen + in.n;

	memcpy(b, prefix, plen);
	if (in.n != 0)
		memcpy(b + plen, in.p, in.n);
	l->msg.head = NULL;
	l->msg.body = NULL;
	l->msg.nbody = 0;
	if (n >= 64) {
		memcpy(l->head, b, 64);
		l->msg.head = l->head;
	}
	memcpy(tail, b + n / 64 * 64, n % 64);
	l->msg.tail = tail;
	l->msg.ntail = pad(tail, n % 64, n);
}

static void
leaf_set(struct leaf *l, const uint8_t *prefix, size_t plen, struct span in)
{
	uint8_t	*tail = l->ends + 64;
	size_t	 first = plen == 0 ? 0 : 64 - plen, r;
	uint64_t bits = ((uint64_t)plen + in.n) << 3;

	if (in.n < 64) {
		leaf_set_short(l, prefix, plen, in);
		return;
	}
	l->msg.head = NULL;
	if (plen != 0) {
		memcpy(l->head + plen, in.p, 64);
		memcpy(l->head, prefix, plen);
		l->msg.head = l->head;
	}
	l->msg.body = in.p + first;
	l->msg.nbody = (in.n - first) / 64;
	r = (in.n - first) % 64;
	/* The last 64 bytes, so that ${r} of them are the tail's. */
	memset(tail, 0, 128);
	memcpy(l->ends + r, in.p + in.n - 64, 64);
	tail[r] = 0x80;
	l->msg.tail = tail;
	l->msg.ntail = r < 56 ? 1 : 2;
	put32(tail + 64 * l->msg.ntail - 8, (uint32_t)(bits >> 32));
	put32(tail + 64 * l->msg.ntail - 4, (uint32_t)bits);
}

static void
leaf_pair(uint8_t (*out)[SHA_LEN], const struct span *in, size_t i, size_t j,
    struct span prefix)
{
	struct leaf	a __attribute__((uninitialized));
	struct leaf	b __attribute__((uninitialized));

	leaf_set(&a, prefix.p, prefix.n, in[i]);
	leaf_set(&b, prefix.p, prefix.n, in[j]);
	sha_ni_pair(out[i], &a.msg, out[j], &b.msg);
}

static void
leaf_one(uint8_t out[SHA_LEN], struct span in, struct span prefix)
{
	struct sha_ctx	c;

	sha_init(&c);
	sha_update(&c, prefix.p, prefix.n);
	sha_update(&c, in.p, in.n);
	sha_final(&c, out);
}

/*
 * At most LEAF_BATCH messages: put in order of their length (counting sort,
 * longest first) so that neighbours have nearly the same number of blocks.
 */
static void
leaf_batch(uint8_t (*out)[SHA_LEN], const struct span *in, size_t n,
    struct span prefix)
{
	uint16_t	at[LEAF_CLASS + 1], order[LEAF_BATCH], sum = 0, k;
	uint8_t		class[LEAF_BATCH];
	size_t		i, b;

	memset(at, 0, sizeof(at));
	for (i = 0; i < n; i++) {
		b = (in[i].n + prefix.n + 8) / 64;
		class[i] = (uint8_t)(LEAF_CLASS - 1 -
		    (b < LEAF_CLASS ? b : LEAF_CLASS - 1));
		at[class[i]]++;
	}
	for (i = 0; i < LEAF_CLASS; i++) {
		k = at[i];
		at[i] = sum;
		sum = (uint16_t)(sum + k);
	}
	for (i = 0; i < n; i++)
		order[at[class[i]]++] = (uint16_t)i;
	for (i = 0; i + 1 < n; i += 2)
		leaf_pair(out, in, order[i], order[i + 1], prefix);
	if (i < n)
		leaf_one(out[order[i]], in[order[i]], prefix);
}

void
sha_leaves(uint8_t (*out)[SHA_LEN], const struct span *in, size_t n,
    const uint8_t *prefix, size_t plen)
{
	struct span	pre = { prefix, plen };
	size_t		i, k;

	if (plen > SHA_PREFIX_MAX)
		abort();
	if (!fast()) {
		for (i = 0; i < n; i++)
			leaf_one(out[i], in[i], pre);
		return;
	}
	for (i = 0; i < n; i += k) {
		k = n - i < LEAF_BATCH ? n - i : LEAF_BATCH;
		leaf_batch(out + i, in + i, k, pre);
	}
}

/* The two blocks of a node; the padding of ${b} is there already. */
static void
node_set(uint8_t b[128], const uint8_t *l, const uint8_t *r)
{
	b[0] = 0x01;
	memcpy(b + 1, l, SHA_LEN);
	memcpy(b + 33, r, SHA_LEN);
}

static void
node_init(uint8_t b[128])
{
	memset(b, 0, 128);
	b[65] = 0x80;
	b[126] = 65 * 8 >> 8;
	b[127] = 65 * 8 & 0xff;
}

void
sha_node(uint8_t out[SHA_LEN], const uint8_t l[SHA_LEN],
    const uint8_t r[SHA_LEN])
{
	struct sha_ctx	c;
	uint8_t		b[128];
	size_t		i;

	node_init(b);
	node_set(b, l, r);
	sha_init(&c);
	blocks(c.h, b, 2);
	for (i = 0; i < 8; i++)
		put32(out + 4 * i, c.h[i]);
}

void
sha_nodes(uint8_t (*out)[SHA_LEN], const uint8_t (*in)[SHA_LEN], size_t pairs)
{
	uint8_t		b0[128], b1[128];
	struct sha_msg	m0 = { NULL, NULL, 0, b0, 2 };
	struct sha_msg	m1 = { NULL, NULL, 0, b1, 2 };
	size_t		i = 0;

	if (fast()) {
		node_init(b0);
		node_init(b1);
		for (; i + 1 < pairs; i += 2) {
			node_set(b0, in[2 * i], in[2 * i + 1]);
			node_set(b1, in[2 * i + 2], in[2 * i + 3]);
			sha_ni_pair(out[i], &m0, out[i + 1], &m1);
		}
	}
	for (; i < pairs; i++)
		sha_node(out[i], in[2 * i], in[2 * i + 1]);
}

void
sha_hmac(uint8_t out[SHA_LEN], const void *key, size_t nkey, const void *data,
    size_t n)
{
	struct sha_ctx	c;
	uint8_t		k[64] = { 0 }, x[64], inner[SHA_LEN];
	size_t		i;

	if (nkey > sizeof(k))
		sha_256(k, key, nkey);
	else if (nkey != 0)
		memcpy(k, key, nkey);
	for (i = 0; i < sizeof(k); i++)
		x[i] = k[i] ^ 0x36;
	sha_init(&c);
	sha_update(&c, x, sizeof(x));
	sha_update(&c, data, n);
	sha_final(&c, inner);
	for (i = 0; i < sizeof(k); i++)
		x[i] = k[i] ^ 0x5c;
	sha_init(&c);
	sha_update(&c, x, sizeof(x));
	sha_update(&c, inner, sizeof(inner));
	sha_final(&c, out);
	mem_wipe(k, sizeof(k));
	mem_wipe(x, sizeof(x));
	mem_wipe(inner, sizeof(inner));
	mem_wipe(&c, sizeof(c));
}
