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

/* The exclusions of a watch, in bytewise order, into the hash. */
static void
sum_nots(const struct watch_build *b, uint32_t w, struct sha_ctx *c)
{
	struct watch_order	*o = mem_array(b->nnot + 1, sizeof(*o));
	size_t			 i, n = 0;

	for (i = 0; i < b->nnot; i++)
		if (b->not[i].watch == w)
			o[n++].text = (const char *)b->text.p +
			    b->not[i].off + 2;
	watch_sort(o, n);
	for (i = 0; i < n; i++) {
		sha_update(c, " !", 2);
		sha_update(c, o[i].text, strlen(o[i].text));
	}
	free(o);
}

static void
set_sum(const struct watch_build *b, uint8_t out[32])
{
	struct watch_order	*o = mem_array(b->n + 1u, sizeof(*o));
	struct sha_ctx		 c;
	uint32_t		 i;

	for (i = 0; i < b->n; i++) {
		o[i].text = build_text(b, i);
		o[i].watch = i;
	}
	watch_sort(o, b->n);
	sha_init(&c);
	for (i = 0; i < b->n; i++) {
		sha_update(&c, o[i].text,
		    b->text.p[b->off[o[i].watch] + 1]);
		if (b->text.p[b->off[o[i].watch]] & WATCH_HAS_NOT)
			sum_nots(b, o[i].watch, &c);
		sha_update(&c, "\n", 1);
	}
	sha_final(&c, out);
	free(o);
}

/* The tables of the image while it is made. */
struct tables {
	struct watch_head	 h;
	uint32_t		*slot;
	uint64_t		*filter;
	uint32_t		*sib;
	uint32_t		*pslot;
	uint64_t		*pfilter;
	struct watch_ip		*ip;
	struct watch_key	*key;
};

static uint32_t
power_of_2(uint64_t least)
{
	uint32_t	n = 64;

	while (n < least)
		n *= 2;
	return n;
}

/* The name one label above a watch; it has one. */
static const char *
parent_text(const char *t)
{
	return strchr(t + (*t == '.'), '.') + 1;
}

/* Where a parent stands, or would: an index of pslot. */
static uint32_t
parent_slot(const struct watch_build *b, const uint32_t *pslot, uint32_t n,
    uint32_t w)
{
	uint32_t	i = watch_start(b->hash[w].parent, n);
	const char	*p = parent_text(build_text(b, w));

	for (; pslot[i] != 0; i = (i + 1) & (n - 1))
		if (strcmp(parent_text(build_text(b, pslot[i] - 1)), p) == 0)
			break;
	return i;
}

/* Twice the room; the heads of the chains move over. */
static void
parents_grow(const struct watch_build *b, struct tables *t)
{
	uint32_t	*old = t->pslot, n = t->h.npslot, i;

	t->h.npslot *= 2;
	t->pslot = mem_array(t->h.npslot, sizeof(*t->pslot));
	for (i = 0; i < n; i++)
		if (old[i] != 0)
			t->pslot[parent_slot(b, t->pslot, t->h.npslot,
			    old[i] - 1)] = old[i];
	free(old);
}

/* Chain the watches with the same parent, the latest first. */
static void
parents_make(const struct watch_build *b, struct tables *t)
{
	uint32_t	w, i, n = 0;
	uint64_t	h;

	t->sib = mem_array(b->n + 1u, sizeof(*t->sib));
	t->h.npslot = 64;
	t->pslot = mem_array(t->h.npslot, sizeof(*t->pslot));
	for (w = 0; w < b->n; w++) {
		t->sib[w] = WATCH_NONE;
		if (b->hash[w].parent == 0 || (b->text.p[b->off[w]] &
		    ~WATCH_HAS_NOT) > WATCH_DEEP)
			continue;
		if ((n + 1) * 2 > t->h.npslot)
			parents_grow(b, t);
		i = parent_slot(b, t->pslot, t->h.npslot, w);
		if (t->pslot[i] != 0)
			t->sib[w] = t->pslot[i] - 1;
		else
			n++;
		t->pslot[i] = w + 1;
	}
	t->h.npfilter = power_of_2(n / 4u);
	t->pfilter = mem_array(t->h.npfilter, sizeof(*t->pfilter));
	for (i = 0; i < t->h.npslot; i++)
		if (t->pslot[i] != 0) {
			h = b->hash[t->pslot[i] - 1].parent;
			t->pfilter[h & (t->h.npfilter - 1)] |= watch_bits(h);
		}
}

/* The labels of a pattern that is a name. */
static uint32_t
count_labels(const char *t)
{
	uint32_t	n = 1;

	for (t += *t == '.'; *t != '\0'; t++)
		n += *t == '.';
	return n;
}

static void
names_make(const struct watch_build *b, struct tables *t)
{
	uint32_t	w, i, n;
	uint64_t	h;

	t->h.least = UINT32_MAX;
	t->h.nslot = power_of_2(2 * ((uint64_t)b->n + 1));
	t->h.nfilter = power_of_2(b->n / 4u);
	t->slot = mem_array(t->h.nslot, sizeof(*t->slot));
	t->filter = mem_array(t->h.nfilter, sizeof(*t->filter));
	for (w = 0; w < b->n; w++) {
		if ((b->text.p[b->off[w]] & ~WATCH_HAS_NOT) > WATCH_DEEP)
			continue;
		if ((n = count_labels(build_text(b, w))) < t->h.least)
			t->h.least = n;
		h = b->hash[w].own;
		t->filter[h & (t->h.nfilter - 1)] |= watch_bits(h);
		i = watch_start(h, t->h.nslot);
		while (t->slot[i] != 0)
			i = (i + 1) & (t->h.nslot - 1);
		t->slot[i] = w + 1;
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
lists_make(const struct watch_build *b, struct tables *t)
{
	size_t			 cap_ip = 0, cap_key = 0;
	struct watch_key	*k;
	struct watch_ip		*ip;
	uint32_t		 w;

	for (w = 0; w < b->n; w++) {
		switch (b->text.p[b->off[w]] & ~WATCH_HAS_NOT) {
		case WATCH_ALL:
			t->h.all = w;
			break;
		case WATCH_ADDR:
			t->ip = mem_grow(t->ip, &cap_ip, t->h.nip + 1u,
			    sizeof(*t->ip));
			ip = &t->ip[t->h.nip++];
			(void)watch_ip_parse(build_text(b, w), ip);
			ip->watch = w;
			if (ip->v6)
				t->h.plen6[ip->plen / 64] |=
				    (uint64_t)1 << (ip->plen % 64);
			else
				t->h.plen4 |= (uint64_t)1 << ip->plen;
			break;
		case WATCH_KEY:
			t->key = mem_grow(t->key, &cap_key, t->h.nkey + 1u,
			    sizeof(*t->key));
			k = &t->key[t->h.nkey++];
			(void)enc_unhex_to(k->spki, 32, build_text(b, w) + 5);
			k->watch = w;
			break;
		default:
			break;
		}
	}
	if (t->h.nip != 0)
		qsort(t->ip, t->h.nip, sizeof(*t->ip), ip_sort);
	if (t->h.nkey != 0)
		qsort(t->key, t->h.nkey, sizeof(*t->key), key_sort);
}

/* Append a table and zero bytes up to a multiple of 8. */
static void
put_table(struct buf *out, const void *p, size_t n)
{
	static const uint8_t	zero[8];

	if (n != 0)
		buf_add(out, p, n);
	buf_add(out, zero, watch_align(n) - n);
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
watch_build_done(struct watch_build *b, struct buf *image)
{
	struct tables	t;

	memset(&t, 0, sizeof(t));
	memcpy(t.h.magic, WATCH_MAGIC, sizeof(t.h.magic));
	t.h.version = WATCH_VERSION;
	t.h.all = WATCH_NONE;
	t.h.n = b->n;
	t.h.ntext = b->text.n;
	t.h.nnot = (uint32_t)b->nnot;
	memcpy(t.h.seed, b->seed, sizeof(t.h.seed));
	set_sum(b, t.h.sha256);
	names_make(b, &t);
	parents_make(b, &t);
	lists_make(b, &t);
	if (b->nnot != 0)
		qsort(b->not, b->nnot, sizeof(*b->not), not_cmp);
	t.h.size = image_size(&t.h);
	(void)buf_room(image, (size_t)t.h.size);
	put_table(image, &t.h, sizeof(t.h));
	put_table(image, b->off, (size_t)b->n * 4);
	put_table(image, t.sib, (size_t)b->n * 4);
	put_table(image, t.slot, (size_t)t.h.nslot * 4);
	put_table(image, t.filter, (size_t)t.h.nfilter * 8);
	put_table(image, t.pslot, (size_t)t.h.npslot * 4);
	put_table(image, t.pfilter, (size_t)t.h.npfilter * 8);
	put_table(image, t.ip, t.h.nip * sizeof(*t.ip));
	put_table(image, t.key, t.h.nkey * sizeof(*t.key));
	put_table(image, b->not, b->nnot * sizeof(*b->not));
	put_table(image, b->text.p, b->text.n);
	free(t.slot);
	free(t.filter);
	free(t.sib);
	free(t.pslot);
	free(t.pfilter);
	free(t.ip);
	free(t.key);
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
	    r[2 + r[1]] == '\0' && memchr(r + 2, 0, r[1]) == NULL;
}

/* Hash tables hold watches, and have a free place where a search ends. */
static int
check_slots(const uint32_t *slot, uint32_t nslot, uint32_t n)
{
	uint32_t	i, used = 0;

	for (i = 0; i < nslot; i++) {
		if (slot[i] > n)
			return 0;
		used += slot[i] != 0;
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
	if (!check_slots(s->slot, h->nslot, h->n) ||
	    !check_slots(s->pslot, h->npslot, h->n))
		return bad_image(e, "a hash table");
	for (i = 0; i < h->nslot; i++)
		if (s->slot[i] != 0 && (watch_rec(s, s->slot[i] - 1)[0] &
		    ~WATCH_HAS_NOT) > WATCH_DEEP)
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
watch_open(struct watch_set *s, const void *image, size_t n, struct err *e)
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
	return check_tables(s, e);
}
