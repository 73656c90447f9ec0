#ifndef AUDITOR_NET_DNSASK_H
#define AUDITOR_NET_DNSASK_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/net/dnsserver.h"
#include "auditor/role/probe.h"

/*
 * One DNS question, asked over UDP and, where the answer was cut, over TCP.
 * Nothing blocks: poll dnsask_fd() for dnsask_events() until dnsask_when(),
 * then dnsask_turn().
 *
 * Each resolver is asked, and once more a second later, then the next; one
 * that stayed silent is asked last for a while, so that a dead one costs its
 * time once; when each has left eight questions and all that came after them
 * without an answer, for that while two questions a second are asked, and the
 * others have no answer at once.  A resolver that says SERVFAIL, REFUSED or the
 * like is not the last word while there are others.  Each resolver gets a socket and an id of its own, both random; what does not
 * come from it, or answers something else, is ignored.
 *
 * The egress policy is not asked: the resolvers are the operator's choice.
 */
struct dnsask;

#define DNSASK_MS	5000u	/* when no time is given */

/*
 * Begin: ${name} as in struct probe_dns (copied), ${timeout_ms} for all of
 * it, ${now} of clk_mono().  Times of dead resolvers are noted in ${servers},
 * which must live longer.  Never NULL: what cannot be asked ends at the
 * first turn.
 */
struct dnsask *dnsask_new(struct dnsservers *, const char *name,
    uint16_t type, uint32_t timeout_ms, int64_t now);
void dnsask_free(struct dnsask *);

int dnsask_fd(const struct dnsask *);		/* -1: none */
short dnsask_events(const struct dnsask *);
int64_t dnsask_when(const struct dnsask *);	/* of clk_mono() */

/* Carry on: 1 when it has ended, 0 not yet.  What is there is read first. */
int dnsask_turn(struct dnsask *, int64_t now);

/* Fill in what was said (but not the id): borrows from the question. */
void dnsask_said(const struct dnsask *, struct probe_said *);

/*
 * The name where the CNAMEs of the answer led, lower case, also of one
 * without records; and the owner of the SOA of a negative answer, "" when
 * there is none.  Borrowed from the question.
 */
const char *dnsask_owner(const struct dnsask *);
const char *dnsask_soa(const struct dnsask *);

#endif
