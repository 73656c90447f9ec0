#include "auditor/role/acme_preflight_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/net/dnsask.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

struct one {
	char		*name;
	uint16_t	 type;
	struct dnsask	*ask;		/* NULL: not put yet */
	int		 ended;
};

struct acme_asks {
	struct dnsservers	*servers;
	struct one		*v;
	size_t			 n, cap;
	size_t			 put;		/* of them, in order */
	size_t			 ended;
};

struct acme_asks *
acme_asks_new(struct dnsservers *servers)
{
	struct acme_asks	*a = mem_zero(sizeof(*a));

	a->servers = servers;
	return a;
}

void
acme_asks_free(struct acme_asks *a)
{
	size_t	i;

	if (a == NULL)
		return;
	for (i = 0; i < a->n; i++) {
		dnsask_free(a->v[i].ask);
		free(a->v[i].name);
	}
	free(a->v);
	free(a);
}

static struct one *
find(const struct acme_asks *a, const char *name, uint16_t type)
{
	size_t	i;

	for (i = 0; i < a->n; i++)
		if (a->v[i].type == type && strcmp(a->v[i].name, name) == 0)
			return &a->v[i];
	return NULL;
}

void
acme_asks_add(struct acme_asks *a, const char *name, uint16_t type)
{
	if (find(a, name, type) != NULL)
		return;
	a->v = mem_grow(a->v, &a->cap, a->n + 1, sizeof(*a->v));
	a->v[a->n++] = (struct one){ mem_str(name), type, NULL, 0 };
}

/* Put those that there is room for. */
static void
put(struct acme_asks *a, int64_t now, int64_t until)
{
	struct one	*o;
	int64_t		 ms = (until - now) / 1000;

	while (a->put < a->n && a->put - a->ended < LIMIT_PREFLIGHT_ASKS) {
		o = &a->v[a->put++];
		/* 0 would be the default; the next turn ends it all the same */
		o->ask = dnsask_new(a->servers, o->name, o->type, ms < 1 ? 1 :
		    (uint32_t)ms, now);
	}
}

int
acme_asks_turn(struct acme_asks *a, int64_t until)
{
	int64_t	now = clk_mono();
	size_t	i;

	do {
		put(a, now, until);
		for (i = 0; i < a->put; i++)
			if (!a->v[i].ended && dnsask_turn(a->v[i].ask, now)) {
				a->v[i].ended = 1;
				a->ended++;
			}
	} while (a->put < a->n && a->put - a->ended < LIMIT_PREFLIGHT_ASKS);
	return a->ended == a->n;
}

size_t
acme_asks_polls(const struct acme_asks *a, struct pollfd *p, size_t max)
{
	size_t	i, n = 0;

	for (i = 0; i < a->put && n < max; i++)
		if (!a->v[i].ended && dnsask_fd(a->v[i].ask) != -1)
			p[n++] = (struct pollfd){ dnsask_fd(a->v[i].ask),
			    dnsask_events(a->v[i].ask), 0 };
	return n;
}

int64_t
acme_asks_when(const struct acme_asks *a)
{
	int64_t	when = INT64_MAX, w;
	size_t	i;

	for (i = 0; i < a->put; i++)
		if (!a->v[i].ended && (w = dnsask_when(a->v[i].ask)) < when)
			when = w;
	return when;
}

int
acme_asks_said(const struct acme_asks *a, const char *name, uint16_t type,
    struct probe_said *s)
{
	const struct one	*o = find(a, name, type);

	if (o != NULL && o->ended) {
		dnsask_said(o->ask, s);
		return 1;
	}
	memset(s, 0, offsetof(struct probe_said, rr));
	(void)snprintf(s->message, sizeof(s->message), "no answer in time");
	return 0;
}

size_t
acme_asks_heard(const struct acme_asks *a)
{
	struct probe_said	s;
	size_t			i, n = 0;

	for (i = 0; i < a->put; i++)
		if (a->v[i].ended) {
			dnsask_said(a->v[i].ask, &s);
			n += (size_t)(s.ok != 0);
		}
	return n;
}

size_t
acme_asks_count(const struct acme_asks *a)
{
	return a->n;
}
