#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/watch_build.h"

/* From a builder to an image, and an image opened: pki/watch.h. */

static const char *
build_text(const struct watch_build *b, uint32_t w)
{
	return (const char *)b->text.p + b->off[w] + 2;
}

static int
not_cmp(const void *va, const void *vb)
{
	const struct watch_not	*a = va, *b = vb;

	return a->watch < b->watch ? -1 : a->watch > b->watch;
}

static int
text_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* SHA-256 of a watch that has exclusions. */
static void
sum_nots(const struct watch_build *b, uint32_t w, uint8_t out[SHA_LEN])
{
	const char	**o = mem_array(b->nnot + 1, sizeof(*o));
	struct sha_ctx	  c;
	size_t		  i, n = 0;

	for (i = 0; i < b->nnot; i++)
		if (b->not[i].watch == w)
			o[n++] = (const char *)b->text.p +
			    b->not[i].off + 2;
	qsort(o, n, sizeof(*o), text_cmp);
	sha_init(&c);
	sha_update(&c, build_text(b, w), strlen(build_text(b, w)));
	for (i = 0; i < n; i++) {
		sha_update(&c, " !", 2);
		sha_update(&c, o[i], strlen(o[i]));
	}
	sha_final(&c, out);
	free(o);
}

/* Add a digest to the sum, least significant word first. */
static void
sum_add(uint64_t sum[4], const uint8_t h[SHA_LEN])
{
	unsigned __int128	s = 0;
	uint64_t		v;
	size_t			i;

	for (i = 0; i < 4; i++) {
		memcpy(&v, h + 24 - 8 * i, 8);
		s += (unsigned __int128)sum[i] + be64toh(v);
		sum[i] = (uint64_t)s;
		s >>= 64;
	}
}

#define SUMS	256	/* at a time */

/* Add the watches from ${w} up to ${end} but those of the text. */
static void
sum_range(struct watch_build *b, uint64_t sum[4], uint32_t w, uint32_t end)
{
	struct span	in[SUMS];
	uint8_t		h[SUMS][SHA_LEN];
	uint8_t		*r;
	uint32_t	k, i;

	for (; w < end; w += k) {
		k = end - w < SUMS ? end - w : SUMS;
		for (i = 0; i < k; i++) {
			r = b->text.p + b->off[w + i];
			in[i].p = r + 2;
			in[i].n = r[1];
		}
		sha_leaves(h, in, k, (const uint8_t *)"", 0);
		for (i = 0; i < k; i++) {
			r = b->text.p + b->off[w + i];
			if (*r & WATCH_HAS_NOT)
				sum_nots(b, w + i, h[i]);
			if ((*r & WATCH_IN_TEXT) == 0)
				sum_add(sum, h[i]);
			*r &= (uint8_t)~WATCH_IN_TEXT;
		}
	}
}

static void
set_sum(struct watch_build *b, uint8_t out[SHA_LEN])
{
	static const char	file[] = "file ";
	const struct watch_one	*one = &b->one;
	uint64_t		sum[4] = { 0, 0, 0, 0 }, v;
	uint8_t			h[SHA_LEN];
	struct sha_ctx		c;
	uint32_t		i;

	sum_range(b, sum, 0, one->state == ONE_ENDED ? one->from : b->n);
	if (one->state == ONE_ENDED) {
		sha_init(&c);
		sha_update(&c, file, sizeof(file) - 1);
		sha_update(&c, one->sha256, sizeof(one->sha256));
		sha_final(&c, h);
		sum_add(sum, h);
		sum_range(b, sum, one->to, b->n);
	}
	for (i = 0; i < 4; i++) {
		v = htobe64(sum[3 - i]);
		memcpy(out + 8 * i, &v, 8);
	}
}

static uint32_t
power_of_2(uint64_t least)
{
	uint32_t	n = 64;

	while (n < least)
		n *= 2;
	return n;
}

static void
filters_make(struct watch_build *b)
{
	struct watch_made	*m = &b->made;
	uint32_t		 i;
	uint64_t		 h;

	m->head.nfilter = power_of_2(b->name.used / 4u);
	m->filter = mem_array(m->head.nfilter, sizeof(*m->filter));
	/* what is no name gets its bits, too: there are few of them */
	for (i = 0; i < b->n; i++) {
		h = b->own[i];
		m->filter[h & (m->head.nfilter - 1)] |= watch_bits(h);
	}
	m->head.npfilter = power_of_2(b->up.used / 4u);
	m->pfilter = mem_array(m->head.npfilter, sizeof(*m->pfilter));
	for (i = 0; i < b->up.n; i++)
		if (b->up.slot[i] != 0) {
			h = b->up.hash[i];
			m->pfilter[h & (m->head.npfilter - 1)] |=
			    watch_bits(h);
		}
}

/* Addresses and keys, which are sorted lists. */
static int
ip_sort(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct watch_ip, zero));
}

static int
key_sort(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct watch_key *)NULL)->spki));
}

static void
lists_make(const struct watch_build *b, struct watch_made *m)
{
	size_t			 cap_ip = 0, cap_key = 0;
	struct watch_head	*h = &m->head;
	struct watch_key	*k;
	struct watch_ip		*ip;
	uint32_t		 i, w;

	for (i = 0; i < b->other.n; i++) {
		if (b->other.slot[i] == 0)
			continue;
		w = (b->other.slot[i] & WATCH_SLOT_MASK) - 1;
		switch (*watch_build_rec(b, w) & ~WATCH_HAS_NOT) {
		case WATCH_ALL:
			h->all = w;
			break;
		case WATCH_ADDR:
			m->ip = mem_grow(m->ip, &cap_ip, h->nip + 1u,
			    sizeof(*m->ip));
			ip = &m->ip[h->nip++];
			(void)watch_ip_parse(build_text(b, w), ip);
			ip->watch = w;
			if (ip->v6)
				h->plen6[ip->plen / 64] |=
				    (uint64_t)1 << (ip->plen % 64);
			else
				h->plen4 |= (uint64_t)1 << ip->plen;
			break;
		case WATCH_KEY:
			m->key = mem_grow(m->key, &cap_key, h->nkey + 1u,
			    sizeof(*m->key));
			k = &m->key[h->nkey++];
			(void)enc_unhex_to(k->spki, 32, build_text(b, w) + 5);
			k->watch = w;
			break;
		default:
			break;
		}
	}
	if (h->nip != 0)
		qsort(m->ip, h->nip, sizeof(*m->ip), ip_sort);
	if (h->nkey != 0)
		qsort(m->key, h->nkey, sizeof(*m->key), key_sort);
}

/* A table as a piece, and zero bytes up to a multiple of 8. */
static void
put_table(struct watch_pieces *o, const void *p, size_t n)
{
	static const uint8_t	zero[8];

	o->v[o->n].p = p;
	o->v[o->n++].n = n;
	o->v[o->n].p = zero;
	o->v[o->n++].n = watch_align(n) - n;
}

static uint64_t
image_size(const struct watch_head *h)
{
	return watch_align(sizeof(*h)) +
	    2 * (uint64_t)watch_align((size_t)h->n * 4) +
	    (uint64_t)watch_align((size_t)h->nslot * 4) +
	    (uint64_t)h->nfilter * 8 +
	    (uint64_t)watch_align((size_t)h->npslot * 4) +
	    (uint64_t)h->npfilter * 8 +
	    watch_align((size_t)h->nip * sizeof(struct watch_ip)) +
	    watch_align((size_t)h->nkey * sizeof(struct watch_key)) +
	    watch_align((size_t)h->nnot * sizeof(struct watch_not)) +
	    watch_align((size_t)h->ntext);
}

void
watch_build_end(struct watch_build *b, struct watch_pieces *o)
{
	struct watch_made	*m = &b->made;
	struct watch_head	*h = &m->head;

	memcpy(h->magic, WATCH_MAGIC, sizeof(h->magic));
	h->version = WATCH_VERSION;
	h->all = WATCH_NONE;
	h->n = b->n;
	h->least = b->least;
	h->nslot = b->name.n;
	h->npslot = b->up.n;
	h->ntext = b->text.n;
	h->nnot = (uint32_t)b->nnot;
	memcpy(h->seed, b->seed, sizeof(h->seed));
	set_sum(b, h->sha256);
	filters_make(b);
	lists_make(b, m);
	if (b->nnot != 0)
		qsort(b->not, b->nnot, sizeof(*b->not), not_cmp);
	h->size = image_size(h);
	memset(o, 0, sizeof(*o));
	o->size = (size_t)h->size;
	o->sha256 = h->sha256;
	put_table(o, h, sizeof(*h));
	put_table(o, b->off, (size_t)b->n * 4);
	put_table(o, b->sib, (size_t)b->n * 4);
	put_table(o, b->name.slot, (size_t)h->nslot * 4);
	put_table(o, m->filter, (size_t)h->nfilter * 8);
	put_table(o, b->up.slot, (size_t)h->npslot * 4);
	put_table(o, m->pfilter, (size_t)h->npfilter * 8);
	put_table(o, m->ip, h->nip * sizeof(*m->ip));
	put_table(o, m->key, h->nkey * sizeof(*m->key));
	put_table(o, b->not, b->nnot * sizeof(*b->not));
	put_table(o, b->text.p, b->text.n);
}

void
watch_build_done(struct watch_build *b, struct buf *image)
{
	struct watch_pieces	o;
	size_t			i;

	watch_build_end(b, &o);
	(void)buf_room(image, o.size);
	for (i = 0; i < o.n; i++)
		if (o.v[i].n != 0)
			buf_span(image, o.v[i]);
	watch_build_free(b);
}

/* --- opening --- */

static int
bad_image(struct err *e, const char *what)
{
	return err_set(e, ERR_FORMAT, "watch image: %s is wrong", what);
}

static int
is_power_of_2(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* A text record must lie inside the text. */
static int
check_rec(const struct watch_set *s, uint32_t off)
{
	const uint8_t	*r = s->text + off;

	return (uint64_t)off + WATCH_REC <= s->head->ntext &&
	    (r[0] & ~WATCH_HAS_NOT) < WATCH_KINDS &&
	    (uint64_t)off + WATCH_REC + r[1] <= s->head->ntext &&
	    r[2 + r[1]] == '\0';
}

/*
 * Hash tables hold watches, and have a free place where a search ends;
 * ${mask}: the bits that are the number.
 */
static int
check_slots(const uint32_t *slot, uint32_t nslot, uint32_t n, uint32_t mask)
{
	uint32_t	i, used = 0;

	for (i = 0; i < nslot; i++) {
		if (slot[i] == 0)
			continue;
		if ((slot[i] & mask) == 0 || (slot[i] & mask) > n)
			return 0;
		used++;
	}
	return used < nslot;
}

static int
check_tables(const struct watch_set *s, struct err *e)
{
	const struct watch_head	*h = s->head;
	const char		*t;
	uint32_t		 i;

	for (i = 0; i < h->n; i++) {
		if (!check_rec(s, s->off[i]))
			return bad_image(e, "a pattern");
		/* Chains lead back only, so that they end. */
		if (s->sib[i] != WATCH_NONE && s->sib[i] >= i)
			return bad_image(e, "a chain");
	}
	if (!check_slots(s->slot, h->nslot, h->n, WATCH_SLOT_MASK) ||
	    !check_slots(s->pslot, h->npslot, h->n, UINT32_MAX))
		return bad_image(e, "a hash table");
	for (i = 0; i < h->npslot; i++) {
		if (s->pslot[i] == 0)
			continue;
		t = watch_text(s, s->pslot[i] - 1);
		if (strchr(t + (*t == '.'), '.') == NULL)
			return bad_image(e, "a parent");
	}
	for (i = 0; i < h->nip; i++)
		if (s->ip[i].watch >= h->n)
			return bad_image(e, "an address");
	for (i = 0; i < h->nkey; i++)
		if (s->key[i].watch >= h->n)
			return bad_image(e, "a key");
	for (i = 0; i < h->nnot; i++)
		if (s->not[i].watch >= h->n || !check_rec(s, s->not[i].off))
			return bad_image(e, "an exclusion");
	return 0;
}

int
watch_open_own(struct watch_set *s, const void *image, size_t n, struct err *e)
{
	const struct watch_head	*h = image;
	const uint8_t		*p = image;

	memset(s, 0, sizeof(*s));
	if (n < sizeof(*h) || (uintptr_t)image % 8 != 0 ||
	    memcmp(h->magic, WATCH_MAGIC, sizeof(h->magic)) != 0)
		return bad_image(e, "the head");
	if (h->version != WATCH_VERSION)
		return bad_image(e, "the version");
	if (h->ntext > n || h->size != n || image_size(h) != n ||
	    (h->all != WATCH_NONE && h->all >= h->n))
		return bad_image(e, "a size");
	if (!is_power_of_2(h->nslot) || !is_power_of_2(h->nfilter) ||
	    !is_power_of_2(h->npslot) || !is_power_of_2(h->npfilter))
		return bad_image(e, "a table's size");
	s->head = h;
	p += watch_align(sizeof(*h));
	s->off = (const void *)p;
	p += watch_align((size_t)h->n * 4);
	s->sib = (const void *)p;
	p += watch_align((size_t)h->n * 4);
	s->slot = (const void *)p;
	p += watch_align((size_t)h->nslot * 4);
	s->filter = (const void *)p;
	p += (size_t)h->nfilter * 8;
	s->pslot = (const void *)p;
	p += watch_align((size_t)h->npslot * 4);
	s->pfilter = (const void *)p;
	p += (size_t)h->npfilter * 8;
	s->ip = (const void *)p;
	p += watch_align((size_t)h->nip * sizeof(*s->ip));
	s->key = (const void *)p;
	p += watch_align((size_t)h->nkey * sizeof(*s->key));
	s->not = (const void *)p;
	p += watch_align((size_t)h->nnot * sizeof(*s->not));
	s->text = p;
	return 0;
}

int
watch_open(struct watch_set *s, const void *image, size_t n, struct err *e)
{
	if (watch_open_own(s, image, n, e) == -1)
		return -1;
	return check_tables(s, e);
}
