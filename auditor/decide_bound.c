#include "auditor/decide_bound.h"

#include <arpa/inet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/mem.h"

/* An address as bytes: 4, 16, or 0 when it is none. */
static int
address(const char *s, uint8_t out[16])
{
	if (inet_pton(AF_INET, s, out) == 1)
		return 4;
	if (inet_pton(AF_INET6, s, out) == 1)
		return 16;
	return 0;
}

/* Does "net/len" hold that address? */
static int
in_network(const char *pattern, const char *name)
{
	char		 net[INET6_ADDRSTRLEN];
	uint8_t		 a[16], b[16];
	const char	*slash = strchr(pattern, '/');
	char		*end;
	long		 bits;
	int		 n, i;

	if (slash == NULL || (size_t)(slash - pattern) >= sizeof(net))
		return 0;
	memcpy(net, pattern, (size_t)(slash - pattern));
	net[slash - pattern] = '\0';
	n = address(net, a);
	bits = strtol(slash + 1, &end, 10);
	if (n == 0 || address(name, b) != n || end == slash + 1 ||
	    *end != '\0' || bits < 0 || bits > n * 8)
		return 0;
	for (i = 0; i < n && bits > 0; i++, bits -= 8) {
		uint8_t mask = (uint8_t)(bits >= 8 ? 0xff :
		    0xff << (8 - bits));

		if ((a[i] & mask) != (b[i] & mask))
			return 0;
	}
	return 1;
}

int
decide_bound_name(const char *pattern, const char *name)
{
	uint8_t	a[16], b[16];
	size_t	n = strlen(name), m = strlen(pattern);
	int	k;

	if (strcmp(pattern, ".") == 0 || strcmp(pattern, name) == 0)
		return 1;
	if (pattern[0] == '.') {
		if (strcmp(pattern + 1, name) == 0)
			return 1;
		return n > m && strcmp(name + n - m, pattern) == 0;
	}
	if (in_network(pattern, name))
		return 1;
	k = address(pattern, a);
	return k != 0 && address(name, b) == k &&
	    memcmp(a, b, (size_t)k) == 0;
}

/* Does a bound say anything about the name? */
static int
names_it(const struct decide_bound *b, const char *name)
{
	size_t	i;

	if (b->nnames == 0)
		return 1;
	for (i = 0; i < b->nnames; i++)
		if (decide_bound_name(b->names[i], name))
			return 1;
	return 0;
}

static int
by_issuer(const struct decide_bound *b, const struct decide_subject *s)
{
	return b->issuer_owner == NULL || (s->issuer_owner != NULL &&
	    strcmp(b->issuer_owner, s->issuer_owner) == 0);
}

/*
 * One name against all bounds: 0 allowed, else how near it came: 1 no bound
 * has the name, 2 none of these the issuer, 3 all of these have ended.
 */
static int
one_name(const struct decide_bound *b, size_t n,
    const struct decide_subject *s, const char *name, size_t *nearest)
{
	size_t	i;
	int	far = 1;

	for (i = 0; i < n; i++) {
		if (!names_it(&b[i], name))
			continue;
		if (!by_issuer(&b[i], s)) {
			if (far < 2) {
				far = 2;
				*nearest = i;
			}
			continue;
		}
		if (b[i].until == INT64_MIN || s->at <= b[i].until)
			return 0;
		if (far < 3 || b[i].until > b[*nearest].until) {
			far = 3;
			*nearest = i;
		}
	}
	return far;
}

int
decide_bound_union(const struct decide_bound *b, size_t n,
    const struct decide_subject *s, char *why, size_t cap)
{
	char	end[CLK_TEXT];
	size_t	i, k = 0;

	for (i = 0; i < s->nnames; i++) {
		switch (one_name(b, n, s, s->names[i], &k)) {
		case 0:
			continue;
		case 1:
			snprintf(why, cap, "name %.200s is not one of its "
			    "names", s->names[i]);
			break;
		case 2:
			snprintf(why, cap, "issuer %.80s, but for %.160s it "
			    "is bound to %.80s", s->issuer_owner != NULL ?
			    s->issuer_owner : "not known", s->names[i],
			    b[k].issuer_owner);
			break;
		default:
			snprintf(why, cap, "its bound for %.200s ended %s",
			    s->names[i], clk_text(b[k].until, end));
			break;
		}
		return 0;
	}
	if (s->nnames == 0) {
		snprintf(why, cap, "it has no name");
		return 0;
	}
	return 1;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A sorted copy without doubles; free() it. */
static const char **
sorted(const char *const *v, size_t n, size_t *out)
{
	const char	**w = mem_array(n + 1, sizeof(*w));
	size_t		  i, k = 0;

	for (i = 0; i < n; i++)
		w[i] = v[i];
	qsort(w, n, sizeof(*w), compare);
	for (i = 0; i < n; i++)
		if (k == 0 || strcmp(w[k - 1], w[i]) != 0)
			w[k++] = w[i];
	*out = k;
	return w;
}

int
decide_bound_same(const char *const *a, size_t na, const char *const *b,
    size_t nb)
{
	const char	**x, **y;
	size_t		  i, n, m;
	int		  same;

	x = sorted(a, na, &n);
	y = sorted(b, nb, &m);
	same = n == m;
	for (i = 0; same && i < n; i++)
		same = strcmp(x[i], y[i]) == 0;
	free(x);
	free(y);
	return same;
}

enum conf_action
decide_bound_action(const struct conf_policy *p, const char *issuer_owner)
{
	enum conf_action	act = CONF_PAGE;
	size_t			i;

	for (i = 0; p != NULL && i < p->nissuers; i++) {
		if (issuer_owner != NULL &&
		    strcmp(p->issuers[i].owner, issuer_owner) == 0)
			return p->issuers[i].action;
		if (strcmp(p->issuers[i].owner, "*") == 0)
			act = p->issuers[i].action;
	}
	return act;
}

int
decide_bound_key_type(const struct conf_policy *p, const char *key_type)
{
	size_t	i;

	if (p == NULL || p->key_types.n == 0)
		return 1;
	for (i = 0; i < p->key_types.n; i++)
		if (key_type != NULL &&
		    strcmp(p->key_types.v[i], key_type) == 0)
			return 1;
	return 0;
}
