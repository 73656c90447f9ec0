#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/role/acme_preflight.h"
#include "base/mem.h"

/* The list of what was checked. */

const char *
acme_says_name(enum acme_says s)
{
	return s == ACME_SAYS_OK ? "ok" : s == ACME_SAYS_WRONG ? "wrong" :
	    "cannot tell";
}

struct acme_check *
acme_checks_add(struct acme_checks *c, enum acme_says says, const char *what,
    const char *name, const char *fmt, ...)
{
	struct acme_check	*k;
	char			 text[2048];
	va_list			 ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->v = mem_grow(c->v, &c->cap, c->n + 1, sizeof(*c->v));
	k = &c->v[c->n++];
	*k = (struct acme_check){ says, what, mem_str(name), mem_str(text), 0,
	    0, 0 };
	return k;
}

void
acme_checks_free(struct acme_checks *c)
{
	size_t	i;

	for (i = 0; i < c->n; i++) {
		free(c->v[i].name);
		free(c->v[i].sentence);
	}
	free(c->v);
	memset(c, 0, sizeof(*c));
}
