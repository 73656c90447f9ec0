#include "auditor/net/hosts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

#define NAME_MAX_TEXT	256

struct host {
	const char	*name;	/* in text */
	size_t		 line;
	struct netaddr	 addr;
};

struct hosts {
	char		*text;	/* owned; lower case, cut into words */
	struct host	*v;	/* by name, then line */
	size_t		 n, cap;
};

static int
cmp_host(const void *a, const void *b)
{
	const struct host	*x = a, *y = b;
	int			 r = strcmp(x->name, y->name);

	if (r != 0)
		return r;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* "ADDRESS NAME...", already without its comment. */
static void
read_line(struct hosts *h, char *line, size_t number)
{
	struct netaddr	 a;
	struct host	*one;
	char		*word, *save = NULL;
	size_t		 n;

	word = strtok_r(line, " \t\r\v\f", &save);
	/* An address with a zone (fe80::1%eth0) is no endpoint's. */
	if (word == NULL || netaddr_parse(&a, word) != 0)
		return;
	while ((word = strtok_r(NULL, " \t\r\v\f", &save)) != NULL) {
		n = strlen(word);
		if (n > 1 && word[n - 1] == '.')
			word[n - 1] = '\0';
		h->v = mem_grow(h->v, &h->cap, h->n + 1, sizeof(*h->v));
		one = &h->v[h->n++];
		one->name = word;
		one->line = number;
		one->addr = a;
	}
}

struct hosts *
hosts_new(struct span text, struct err *e)
{
	struct hosts	*h;
	char		*line, *next;
	size_t		 i, number = 0;

	if (text.n > LIMIT_HOSTS_FILE) {
		(void)err_set(e, ERR_LIMIT, "the hosts file has %zu bytes; "
		    "at most %u are read", text.n, LIMIT_HOSTS_FILE);
		return NULL;
	}
	h = mem_zero(sizeof(*h));
	h->text = mem_dup(text.n != 0 ? text.p : (const uint8_t *)"",
	    text.n);
	for (i = 0; i < text.n; i++)
		h->text[i] = (char)tolower((unsigned char)h->text[i]);
	for (line = h->text; line < h->text + text.n; line = next) {
		next = memchr(line, '\n', text.n - (size_t)(line - h->text));
		if (next == NULL)
			next = h->text + text.n;
		*next++ = '\0';
		line[strcspn(line, "#")] = '\0';
		read_line(h, line, number++);
	}
	if (h->n != 0)
		qsort(h->v, h->n, sizeof(*h->v), cmp_host);
	return h;
}

void
hosts_free(struct hosts *h)
{
	if (h == NULL)
		return;
	free(h->text);
	free(h->v);
	free(h);
}

/* The name in lower case, without a dot at its end; its length, 0: too long. */
static size_t
fold(const char *name, char *out)
{
	size_t	i, n = strlen(name);

	if (n > 1 && name[n - 1] == '.')
		n--;
	if (n >= NAME_MAX_TEXT)
		return 0;
	for (i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)name[i]);
	out[n] = '\0';
	return n;
}

static size_t
loopback(const char *name, size_t n, struct netaddr *out, size_t cap)
{
	static const char *const	addrs[] = { "127.0.0.1", "::1" };
	size_t				i;

	if (strcmp(name, "localhost") != 0 &&
	    (n < 11 || strcmp(name + n - 10, ".localhost") != 0))
		return 0;
	for (i = 0; i < 2 && i < cap; i++)
		(void)netaddr_parse(&out[i], addrs[i]);
	return 2;
}

/* Where names that are not less than ${name} begin. */
static size_t
lower_bound(const struct hosts *h, const char *name)
{
	size_t	lo = 0, hi = h->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (strcmp(h->v[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

size_t
hosts_find(const struct hosts *h, const char *name, struct netaddr *out,
    size_t cap)
{
	char	folded[NAME_MAX_TEXT];
	size_t	n = fold(name, folded), at, found = 0;

	if (n == 0)
		return 0;
	for (at = lower_bound(h, folded); at < h->n &&
	    strcmp(h->v[at].name, folded) == 0; at++) {
		if (found < cap)
			out[found] = h->v[at].addr;
		found++;
	}
	return found != 0 ? found : loopback(folded, n, out, cap);
}
