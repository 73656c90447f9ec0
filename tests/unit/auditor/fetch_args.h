#ifndef TESTS_UNIT_AUDITOR_FETCH_ARGS_H
#define TESTS_UNIT_AUDITOR_FETCH_ARGS_H

/* What fetch processes are told, to be changed by a test. */

#include <stdint.h>
#include <string.h>

#include "auditor/role/fetch.h"

#define WAIT_MS	20000

/* A reader of logs; ${allow}, unless NULL, is let through. */
static inline void
setup_of(struct fetch_setup *s, const char *allow)
{
	memset(s, 0, sizeof(*s));
	s->user_agent = "certvigil/test (+mailto:a@b.example)";
	s->proxy = "";
	s->class = EGRESS_LOG;
	if (allow != NULL) {
		s->allow[0] = allow;
		s->nallow = 1;
	}
}

/* A GET of at most 600000 bytes. */
static inline void
get_of(struct fetch_get *g, const char *url, uint32_t arena)
{
	memset(g, 0, sizeof(*g));
	g->method = "GET";
	g->url = url;
	g->arena = arena;
	g->cap = 600000;
	g->timeout_ms = 10000;
}

#endif
