#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/limit.h"
#include "base/mem.h"
#include "pki/watch_build.h"

/* Building a watch image: pki/watch.h has the contract. */

#define LEAST_SLOTS	64

struct watch_build *
watch_build_new(void)
{
	struct watch_build	*b = mem_zero(sizeof(*b));

	if (getrandom(b->seed, sizeof(b->seed), 0) !=
	    (ssize_t)sizeof(b->seed))
		abort();
	b->seed[1] |= 1;
	b->seed[2] |= 1;
	b->least = UINT32_MAX;
	b->name.n = b->other.n = b->up.n = LEAST_SLOTS;
	b->name.slot = mem_array(b->name.n, sizeof(*b->name.slot));
	b->other.slot = mem_array(b->other.n, sizeof(*b->other.slot));
	b->up.slot = mem_array(b->up.n, sizeof(*b->up.slot));
	b->up.hash = mem_array(b->up.n, sizeof(*b->up.hash));
	return b;
}

void
watch_build_free(struct watch_build *b)
{
	if (b == NULL)
		return;
	buf_free(&b->text);
	free(b->off);
	free(b->sib);
	free(b->own);
	free(b->name.slot);
	free(b->other.slot);
	free(b->up.slot);
	free(b->up.hash);
	free(b->not);
	free(b->made.filter);
	free(b->made.pfilter);
	free(b->made.ip);
	free(b->made.key);
	free(b);
}

void
watch_build_text(struct watch_build *b)
{
	b->one.state = ONE_BEGUN;
	b->one.from = b->n;
}

void
watch_build_text_end(struct watch_build *b, const uint8_t sha256[32])
{
	b->one.state = ONE_ENDED;
	b->one.to = b->n;
	memcpy(b->one.sha256, sha256, sizeof(b->one.sha256));
}

size_t
watch_build_count(const struct watch_build *b)
{
	return b->n;
}

/* --- hash tables --- */

/* Make it of at least ${n} places. */
static void
table_grow(const struct watch_build *b, struct watch_table *t, uint64_t n)
{
	uint32_t	*old = t->slot, was = t->n, i, at;
	uint64_t	 h;

	while (t->n < n)
		t->n *= 2;
	if (t->n == was)
		return;
	t->slot = mem_array(t->n, sizeof(*t->slot));
	for (i = 0; i < was; i++) {
		if (old[i] == 0)
			continue;
		h = b->own[(old[i] & WATCH_SLOT_MASK) - 1];
		at = watch_start(h, t->n);
		while (t->slot[at] != 0)
			at = (at + 1) & (t->n - 1);
		t->slot[at] = old[i];
	}
	free(old);
}

static void
parents_grow(struct watch_parents *u)
{
	struct watch_parents	old = *u;
	uint32_t		i, at;

	u->n *= 2;
	u->slot = mem_array(u->n, sizeof(*u->slot));
	u->hash = mem_array(u->n, sizeof(*u->hash));
	for (i = 0; i < old.n; i++) {
		if (old.slot[i] == 0)
			continue;
		at = watch_start(old.hash[i], u->n);
		while (u->slot[at] != 0)
			at = (at + 1) & (u->n - 1);
		u->slot[at] = old.slot[i];
		u->hash[at] = old.hash[i];
	}
	free(old.slot);
	free(old.hash);
}

/* The name one label above a watch that has one. */
static const char *
parent_text(const struct watch_build *b, uint32_t w)
{
	const char	*t = (const char *)watch_build_rec(b, w) + 2;

	return strchr(t + (*t == '.'), '.') + 1;
}

/* Chain the watch to those with the same parent, itself as the first. */
static void
parents_put(struct watch_build *b, uint32_t w, const struct watch_pend *p)
{
	struct watch_parents	*u = &b->up;
	const char		*t;
	uint32_t		 i;

	if ((u->used + 1) * 2 > u->n)
		parents_grow(u);
	t = (const char *)b->text.p + p->at + 2 + p->up;
	for (i = watch_start(p->parent, u->n); u->slot[i] != 0;
	    i = (i + 1) & (u->n - 1))
		if (u->hash[i] == p->parent &&
		    strcmp(parent_text(b, u->slot[i] - 1), t) == 0) {
			b->sib[w] = u->slot[i] - 1;
			u->slot[i] = w + 1;
			return;
		}
	u->used++;
	u->hash[i] = p->parent;
	u->slot[i] = w + 1;
}

/* Room for ${n} watches. */
static void
watches_grow(struct watch_build *b, size_t n)
{
	size_t	c1 = b->cap, c2 = b->cap;

	b->off = mem_grow(b->off, &c1, n, sizeof(*b->off));
	b->sib = mem_grow(b->sib, &c2, n, sizeof(*b->sib));
	b->own = mem_grow(b->own, &b->cap, n, sizeof(*b->own));
}

void
watch_build_expect(struct watch_build *b, size_t n, size_t bytes)
{
	if (n > LIMIT_WATCHES)
		n = LIMIT_WATCHES;
	(void)buf_room(&b->text, bytes + n * WATCH_REC);
	watches_grow(b, b->n + n);
	table_grow(b, &b->name, 2 * ((uint64_t)b->name.used + n + 1));
}

/* --- one pattern --- */

void
watch_build_pend(struct watch_build *b, struct watch_pend *p,
    const struct scan *c, enum watch_kind kind)
{
	size_t		deep = kind == WATCH_DEEP, n = c->n + deep, end, at;
	uint8_t		*r = buf_room(&b->text, n + WATCH_REC);
	uint64_t	d;
	int		q;

	p->at = (uint32_t)b->text.n;
	p->up = 0;
	p->labels = 1;
	p->parent = 0;
	p->own = b->seed[0];
	r[0] = (uint8_t)kind;
	r[1] = (uint8_t)n;
	r[2] = '.';
	memcpy(r + 2 + deep, c->buf, c->n);
	r[2 + n] = '\0';
	b->text.n += n + WATCH_REC;
	/* As match_scan() does it: label by label from the right. */
	for (end = c->n, q = 3; q >= 0; q--)
		for (d = c->dots[q]; d != 0; d &= ~((uint64_t)1 << (at & 63))) {
			at = (size_t)q * 64 + 63 - (size_t)__builtin_clzll(d);
			p->own = watch_label(b->seed, p->own,
			    c->buf + at + 1, end - (at + 1));
			p->parent = p->own;
			p->up = (uint16_t)(at + 1 + deep);
			p->labels++;
			end = at;
		}
	p->own = watch_label(b->seed, p->own, c->buf, end);
}

static struct watch_table *
table_of(struct watch_build *b, const struct watch_pend *p)
{
	return b->text.p[p->at] <= WATCH_DEEP ? &b->name : &b->other;
}

void
watch_build_prefetch(const struct watch_build *b, const struct watch_pend *p)
{
	__builtin_prefetch(&b->name.slot[watch_start(p->own, b->name.n)], 1);
}

uint32_t
watch_build_put(struct watch_build *b, const struct watch_pend *p, int *fresh)
{
	struct watch_table	*t = table_of(b, p);
	const uint8_t		*r, *mine = b->text.p + p->at;
	uint32_t		 i, w;

	if (((uint64_t)t->used + 1) * 2 > t->n)
		table_grow(b, t, ((uint64_t)t->used + 1) * 2);
	*fresh = 0;
	for (i = watch_start(p->own, t->n); t->slot[i] != 0;
	    i = (i + 1) & (t->n - 1)) {
		if (!watch_is_tag(t->slot[i], p->own))
			continue;
		w = (t->slot[i] & WATCH_SLOT_MASK) - 1;
		r = watch_build_rec(b, w);
		if (r[1] == mine[1] && memcmp(r + 2, mine + 2, r[1]) == 0)
			return w;
	}
	if (b->n >= LIMIT_WATCHES)
		return WATCH_NONE;
	*fresh = 1;
	w = b->n++;
	if (b->n > b->cap)
		watches_grow(b, b->n);
	b->off[w] = p->at;
	b->sib[w] = WATCH_NONE;
	b->own[w] = p->own;
	b->nline += mine[1] + 1u;
	t->slot[i] = (w + 1) | watch_tag(p->own);
	t->used++;
	if (mine[0] > WATCH_DEEP)
		return w;
	if (p->labels < b->least)
		b->least = p->labels;
	if (p->up != 0)
		parents_put(b, w, p);
	return w;
}

int
watch_build_too_many(struct err *e)
{
	return err_set(e, ERR_LIMIT, "more than %u watches; one watch "
	    "\".example.com\" stands for all names below", LIMIT_WATCHES);
}

/* --- exclusions --- */

/* Append the record of an exclusion; its offset. */
static uint32_t
put_not(struct watch_build *b, const char *t)
{
	size_t		 n = strlen(t);
	uint32_t	 off = (uint32_t)b->text.n;
	uint8_t		*r = buf_room(&b->text, n + WATCH_REC);

	r[0] = (uint8_t)watch_kind_of(t);
	r[1] = (uint8_t)n;
	memcpy(r + 2, t, n + 1);
	b->text.n += n + WATCH_REC;
	return off;
}

/* Is it among the ${n} canonical texts? */
static int
among(const char *t, char (*list)[WATCH_TEXT], size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (strcmp(list[i], t) == 0)
			return 1;
	return 0;
}

/* Keep only those exclusions of ${w} that the list has, too. */
static void
not_keep(struct watch_build *b, uint32_t w, char (*list)[WATCH_TEXT],
    size_t n)
{
	size_t	i, k = 0, left = 0;

	for (i = 0; i < b->nnot; i++) {
		if (b->not[i].watch == w && !among((const char *)b->text.p +
		    b->not[i].off + 2, list, n))
			continue;
		left += b->not[i].watch == w;
		b->not[k++] = b->not[i];
	}
	b->nnot = k;
	if (left == 0)
		b->text.p[b->off[w]] &= (uint8_t)~WATCH_HAS_NOT;
}

static void
not_add(struct watch_build *b, uint32_t w, char (*list)[WATCH_TEXT], size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++) {
		if (among(list[i], list, i))
			continue;
		b->not = mem_grow(b->not, &b->cap_not, b->nnot + 1,
		    sizeof(*b->not));
		b->not[b->nnot].watch = w;
		b->not[b->nnot++].off = put_not(b, list[i]);
		b->text.p[b->off[w]] |= WATCH_HAS_NOT;
	}
}

/* The pattern of a watch came once more, with these exclusions. */
static void
again(struct watch_build *b, uint32_t w, char (*list)[WATCH_TEXT], size_t n)
{
	uint8_t	*kind = &b->text.p[b->off[w]];

	if (*kind & WATCH_HAS_NOT)
		not_keep(b, w, list, n);
	if (b->one.state == ONE_BEGUN && w < b->one.from)
		*kind |= WATCH_IN_TEXT;
}

/* Canonical exclusions, to be freed; NULL and an error when one is wrong. */
static char (*
canon_list(const char *const *exclude, size_t n, struct err *e))[WATCH_TEXT]
{
	char		(*list)[WATCH_TEXT];
	enum watch_kind	k;
	size_t		i;

	if (n > LIMIT_WATCH_EXCLUDES) {
		err_set(e, ERR_LIMIT, "%zu exclusions; a watch has at most "
		    "%u", n, LIMIT_WATCH_EXCLUDES);
		return NULL;
	}
	list = mem_array(n + 1, sizeof(*list));
	for (i = 0; i < n; i++) {
		if (watch_canon(exclude[i], list[i], e) == -1) {
			err_prefix(e, "exclude");
			goto bad;
		}
		k = watch_kind_of(list[i]);
		if (k == WATCH_ALL || k == WATCH_KEY) {
			err_set(e, ERR_FORMAT, "exclude \"%s\": only names "
			    "and addresses can be excluded", list[i]);
			goto bad;
		}
	}
	return list;
bad:
	free(list);
	return NULL;
}

/* Scan a canonical pattern of any kind. */
static void
scan_canon(struct scan *c, const char *t, enum watch_kind kind)
{
	struct span	in = SPAN_STR(t);

	if (kind == WATCH_DEEP || kind == WATCH_EXACT) {
		in.p += kind == WATCH_DEEP;
		in.n -= kind == WATCH_DEEP;
		scan_name(c, in, in.p + in.n);
		return;
	}
	memset(c, 0, sizeof(*c));
	memcpy(c->buf, in.p, in.n);
	c->n = in.n;
}

int
watch_build_add(struct watch_build *b, const char *pattern,
    const char *const *exclude, size_t nexclude, struct err *e)
{
	char			 canon[WATCH_TEXT], (*list)[WATCH_TEXT];
	struct watch_pend	 p;
	struct scan		 c;
	enum watch_kind		 kind;
	uint32_t		 w;
	int			 fresh;

	if (watch_canon(pattern, canon, e) == -1)
		return -1;
	if ((list = canon_list(exclude, nexclude, e)) == NULL)
		return -1;
	kind = watch_kind_of(canon);
	scan_canon(&c, canon, kind);
	watch_build_pend(b, &p, &c, kind);
	w = watch_build_put(b, &p, &fresh);
	if (!fresh)
		b->text.n = p.at;
	if (w == WATCH_NONE) {
		free(list);
		return watch_build_too_many(e);
	}
	if (fresh)
		not_add(b, w, list, nexclude);
	else
		again(b, w, list, nexclude);
	free(list);
	return 0;
}

void
watch_build_again(struct watch_build *b, uint32_t w)
{
	again(b, w, NULL, 0);
}
