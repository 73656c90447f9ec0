#include "auditor/caa_value.h"

#include <string.h>
#include <strings.h>

static int
is_wsp(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static int
is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

static void
skip_wsp(struct cur *c)
{
	while (c->p < c->end && is_wsp(*c->p))
		c->p++;
}

/* (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT)) */
static int
is_label(const uint8_t *p, size_t n)
{
	size_t	i;

	if (n == 0 || p[0] == '-' || p[n - 1] == '-')
		return 0;
	for (i = 0; i < n; i++)
		if (!is_alnum(p[i]) && p[i] != '-')
			return 0;
	return 1;
}

/* Labels with dots between them. */
static int
is_domain(struct span s)
{
	const uint8_t	*p = s.p, *end = s.p + s.n, *dot;

	for (;; p = dot + 1) {
		dot = memchr(p, '.', (size_t)(end - p));
		if (!is_label(p, (size_t)((dot != NULL ? dot : end) - p)))
			return 0;
		if (dot == NULL)
			return 1;
	}
}

/* What comes before a blank, a semicolon or ${stop}. */
static struct span
word(struct cur *c, uint8_t stop)
{
	struct span	s = { c->p, 0 };

	while (c->p < c->end && !is_wsp(*c->p) && *c->p != ';' &&
	    *c->p != stop)
		c->p++;
	s.n = (size_t)(c->p - s.p);
	return s;
}

int
caa_value_start(struct span in, struct caa_value *v)
{
	struct cur	*c = &v->rest;

	*c = cur_of(in.n != 0 ? (const void *)in.p : "", in.n);
	skip_wsp(c);
	v->issuer = word(c, ';');
	if (v->issuer.n != 0 && !is_domain(v->issuer))
		return -1;
	skip_wsp(c);
	if (c->p == c->end)
		return 0;
	if (*c->p++ != ';')
		return -1;
	skip_wsp(c);
	return 0;
}

int
caa_value_next(struct caa_value *v, struct caa_param *out)
{
	struct cur	*c = &v->rest;
	size_t		 i;

	if (c->p == c->end)
		return 0;
	out->tag = word(c, '=');
	skip_wsp(c);
	if (!is_label(out->tag.p, out->tag.n) || c->p == c->end ||
	    *c->p++ != '=')
		return -1;
	skip_wsp(c);
	out->value = word(c, ';');
	for (i = 0; i < out->value.n; i++)
		if (out->value.p[i] < 0x21 || out->value.p[i] > 0x7e)
			return -1;
	skip_wsp(c);
	if (c->p == c->end)
		return 1;
	if (*c->p++ != ';')
		return -1;
	skip_wsp(c);
	/* A semicolon stands between two parameters, not behind the last. */
	return c->p == c->end ? -1 : 1;
}

int
caa_value_is(struct span s, const char *w)
{
	return s.n == strlen(w) && strncasecmp((const char *)s.p, w,
	    s.n) == 0;
}
