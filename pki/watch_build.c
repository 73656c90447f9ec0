#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/name.h"
#include "pki/watch_build.h"

/* Building a watch image: pki/watch.h has the contract. */

/* A name with room behind it, as watch_label() needs. */
struct line {
	uint8_t		p[WATCH_TEXT + WATCH_SLACK];
	size_t		n;
	uint8_t		dot[WATCH_TEXT];	/* where dots are */
	size_t		ndot;
};

struct watch_build *
watch_build_new(void)
{
	struct watch_build	*b = mem_zero(sizeof(*b));

	if (getrandom(b->seed, sizeof(b->seed), 0) !=
	    (ssize_t)sizeof(b->seed))
		abort();
	b->seed[1] |= 1;
	b->seed[2] |= 1;
	b->nslot = 1024;
	b->slot = mem_array(b->nslot, sizeof(*b->slot));
	return b;
}

void
watch_build_free(struct watch_build *b)
{
	if (b == NULL)
		return;
	buf_free(&b->text);
	free(b->off);
	free(b->hash);
	free(b->slot);
	free(b->not);
	free(b);
}

size_t
watch_build_count(const struct watch_build *b)
{
	return b->n;
}

/* Hash a canonical pattern without its leading dot. */
static struct watch_hash
line_hash(const struct watch_build *b, const struct line *l)
{
	struct watch_hash	h = { b->seed[0], 0 };
	size_t		end = l->n, first = l->n != 0 && l->p[0] == '.';
	size_t		i;

	for (i = l->ndot; i > first; i--) {
		h.own = watch_label(b->seed, h.own, l->p + l->dot[i - 1] + 1,
		    end - l->dot[i - 1] - 1);
		end = l->dot[i - 1];
		h.parent = h.own;
	}
	h.own = watch_label(b->seed, h.own, l->p + first, end - first);
	return h;
}

/* Append a record; its offset. */
static uint32_t
put_record(struct watch_build *b, enum watch_kind kind, const void *p,
    size_t n)
{
	uint32_t	 off = (uint32_t)b->text.n;
	uint8_t		*r = buf_room(&b->text, n + WATCH_REC);

	r[0] = (uint8_t)kind;
	r[1] = (uint8_t)n;
	memcpy(r + 2, p, n);
	r[2 + n] = '\0';
	b->text.n += n + WATCH_REC;
	return off;
}

static void
slot_grow(struct watch_build *b)
{
	uint32_t	w, i;

	free(b->slot);
	b->nslot *= 2;
	b->slot = mem_array(b->nslot, sizeof(*b->slot));
	for (w = 0; w < b->n; w++) {
		i = watch_start(b->hash[w].own, b->nslot);
		while (b->slot[i] != 0)
			i = (i + 1) & (b->nslot - 1);
		b->slot[i] = w + 1;
	}
}

/*
 * Find or add the pattern in ${l}; *fresh says which.  WATCH_NONE when there
 * are too many.
 */
static uint32_t
put_line(struct watch_build *b, const struct line *l, enum watch_kind kind,
    int *fresh)
{
	struct watch_hash	 h = line_hash(b, l);
	const uint8_t	*r;
	uint32_t	 i;

	if ((b->n + 1) * 2 > b->nslot)
		slot_grow(b);
	*fresh = 0;
	for (i = watch_start(h.own, b->nslot); b->slot[i] != 0;
	    i = (i + 1) & (b->nslot - 1)) {
		if (b->hash[b->slot[i] - 1].own != h.own)
			continue;
		r = b->text.p + b->off[b->slot[i] - 1];
		if (r[1] == l->n && memcmp(r + 2, l->p, l->n) == 0)
			return b->slot[i] - 1;
	}
	if (b->n >= LIMIT_WATCHES)
		return WATCH_NONE;
	*fresh = 1;
	b->off = mem_grow(b->off, &b->cap_off, b->n + 1u, sizeof(*b->off));
	b->hash = mem_grow(b->hash, &b->cap_hash, b->n + 1u,
	    sizeof(*b->hash));
	b->off[b->n] = put_record(b, kind, l->p, l->n);
	b->hash[b->n] = h;
	b->slot[i] = ++b->n;
	return b->n - 1;
}

static int
too_many(struct err *e)
{
	return err_set(e, ERR_LIMIT, "more than %u watches; one watch "
	    "\".example.com\" stands for all names below", LIMIT_WATCHES);
}

static void
line_set(struct line *l, const char *text)
{
	size_t	i;

	l->n = strlen(text);
	memset(l->p, 0, sizeof(l->p));
	memcpy(l->p, text, l->n);
	l->ndot = 0;
	for (i = 0; i < l->n; i++)
		if (text[i] == '.')
			l->dot[l->ndot++] = (uint8_t)i;
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
		b->not[b->nnot++].off = put_record(b, watch_kind_of(list[i]),
		    list[i], strlen(list[i]));
		b->text.p[b->off[w]] |= WATCH_HAS_NOT;
	}
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

int
watch_build_add(struct watch_build *b, const char *pattern,
    const char *const *exclude, size_t nexclude, struct err *e)
{
	char		canon[WATCH_TEXT], (*list)[WATCH_TEXT];
	struct line	l;
	uint32_t	w;
	int		fresh;

	if (watch_canon(pattern, canon, e) == -1)
		return -1;
	if ((list = canon_list(exclude, nexclude, e)) == NULL)
		return -1;
	line_set(&l, canon);
	w = put_line(b, &l, watch_kind_of(canon), &fresh);
	if (w == WATCH_NONE) {
		free(list);
		return too_many(e);
	}
	if (fresh)
		not_add(b, w, list, nexclude);
	else if (b->text.p[b->off[w]] & WATCH_HAS_NOT)
		not_keep(b, w, list, nexclude);
	free(list);
	return 0;
}

/*
 * Take a line that is canonical as it stands: small letters, digits, '-' and
 * '_' in labels of 1 to 63 bytes, the last byte a letter.  0 when it is not.
 */
static int
line_plain(struct line *l, const char *s, size_t n)
{
	uint8_t	c;
	size_t	i, run = 0, from = n != 0 && s[0] == '.';

	if (n <= from || n > 253 || s[n - 1] < 'a' || s[n - 1] > 'z')
		return 0;
	l->ndot = 0;
	if (from)
		l->dot[l->ndot++] = 0;
	for (i = from; i < n; i++) {
		c = (uint8_t)s[i];
		if (c == '.') {
			if (run == 0 || run > 63)
				return 0;
			l->dot[l->ndot++] = (uint8_t)i;
			run = 0;
			continue;
		}
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '_'))
			return 0;
		run++;
	}
	if (run > 63)
		return 0;
	memcpy(l->p, s, n);
	l->n = n;
	return 1;
}

/* Cut off the comment, blanks and the CR. */
static size_t
trim(const char **s, size_t n)
{
	const char	*p = *s, *end = memchr(p, '#', n);

	if (end == NULL)
		end = p + n;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (p < end && (end[-1] == ' ' || end[-1] == '\t' ||
	    end[-1] == '\r'))
		end--;
	*s = p;
	return (size_t)(end - p);
}

/* A line that needs a closer look. */
static int
add_careful(struct watch_build *b, const char *s, size_t n, struct err *e)
{
	char	text[4 * WATCH_TEXT];

	if (memchr(s, '\0', n) != NULL)
		return err_set(e, ERR_FORMAT, "a NUL byte");
	if (n >= sizeof(text))
		return err_set(e, ERR_FORMAT, "a pattern of %zu bytes; a name "
		    "has at most 253", n);
	memcpy(text, s, n);
	text[n] = '\0';
	return watch_build_add(b, text, NULL, 0, e);
}

/* One line without its newline. */
static int
add_line(struct watch_build *b, struct line *l, const char *s, size_t n,
    struct err *e)
{
	enum watch_kind	kind;
	uint32_t	w;
	int		fresh;

	if (!line_plain(l, s, n)) {
		n = trim(&s, n);
		if (n == 0)
			return 0;
		if (!line_plain(l, s, n))
			return add_careful(b, s, n, e);
	}
	kind = l->p[0] == '.' ? WATCH_DEEP : WATCH_EXACT;
	w = put_line(b, l, kind, &fresh);
	if (w == WATCH_NONE)
		return too_many(e);
	if (!fresh && (b->text.p[b->off[w]] & WATCH_HAS_NOT))
		not_keep(b, w, NULL, 0);
	return 0;
}

int
watch_build_file(struct watch_build *b, const char *text, size_t n,
    const char *where, struct err *e)
{
	const char	*p = text, *end = text + n, *nl;
	struct line	 l;
	size_t		 no = 1;

	memset(l.p, 0, sizeof(l.p));
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	for (; p < end; p = nl + 1, no++) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		if (add_line(b, &l, p, (size_t)(nl - p), e) == -1)
			return err_prefix(e, "%s:%zu", where, no);
	}
	return 0;
}
