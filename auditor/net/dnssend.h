#ifndef AUDITOR_NET_DNSSEND_H
#define AUDITOR_NET_DNSSEND_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/net/dnsserver.h"
#include "auditor/net/dnsupdate.h"
#include "auditor/net/tsig.h"

struct err;

/*
 * One update on its way to a server, over TCP: sent once, so that nobody has
 * to guess whether a repeated one came first.  Nothing blocks: poll
 * dnssend_fd() for dnssend_events() until dnssend_when(), then
 * dnssend_turn().
 *
 * When it fails after it was sent, the server may have done it: adding and
 * deleting can be repeated, the end is the same.
 *
 * The egress policy is not asked: the server is the operator's choice.
 */
struct dnssend;

#define DNSSEND_MS	10000u	/* when no time is given */

/*
 * Begin: all that is pointed to is copied.  Signed with clk_wall(); ${now} is
 * of clk_mono().  Never NULL: what cannot be sent ends at the first turn.
 */
struct dnssend *dnssend_new(const struct dnsserver *, const struct tsig_key *,
    const struct dnsupdate *, uint32_t timeout_ms, int64_t now);
void dnssend_free(struct dnssend *);

int dnssend_fd(const struct dnssend *);		/* -1: none */
short dnssend_events(const struct dnssend *);
int64_t dnssend_when(const struct dnssend *);	/* of clk_mono() */

/* Carry on: 1 when it has ended, 0 not yet. */
int dnssend_turn(struct dnssend *, int64_t now);

/*
 * How it ended: 0, the server signed that it was done; -1 and a sentence:
 * ERR_NET (not reached, no answer), and those of tsig_err() and
 * dnsupdate_err().
 */
int dnssend_result(const struct dnssend *, struct err *);

/* The response code, -1 when there was no answer. */
int dnssend_rcode(const struct dnssend *);

#endif
