#ifndef AUDITOR_ROLE_ACME_PREFLIGHT_ASK_H
#define AUDITOR_ROLE_ACME_PREFLIGHT_ASK_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/net/dnsserver.h"
#include "auditor/role/probe.h"

/*
 * Questions to the resolvers, side by side, each of which is put once.  At
 * most LIMIT_PREFLIGHT_ASKS are under way.  Nothing blocks.
 */
struct acme_asks;

enum { ACME_ASK_A = 1, ACME_ASK_TXT = 16, ACME_ASK_AAAA = 28,
	ACME_ASK_CAA = 257 };

/* The resolvers are borrowed.  Never NULL. */
struct acme_asks *acme_asks_new(struct dnsservers *);
void acme_asks_free(struct acme_asks *);

/* Ask, unless it has been asked.  The question goes out with the next turn. */
void acme_asks_add(struct acme_asks *, const char *name, uint16_t type);

/*
 * Send and hear what can be; ${until} of clk_mono(): silence ends then.  1:
 * all have ended, 0 not yet.
 */
int acme_asks_turn(struct acme_asks *, int64_t until);

/* What to poll, at most ${max}; and until when (clk_mono()). */
size_t acme_asks_polls(const struct acme_asks *, struct pollfd *, size_t max);
int64_t acme_asks_when(const struct acme_asks *);

/*
 * The answer to a question that was added: 1, 0 it has not ended (*said is
 * "no answer in time" then).  Borrows from the asks.
 */
int acme_asks_said(const struct acme_asks *, const char *name, uint16_t type,
    struct probe_said *);

/* Where there was an answer at all, whatever it said: how many. */
size_t acme_asks_heard(const struct acme_asks *);
size_t acme_asks_count(const struct acme_asks *);

#endif
