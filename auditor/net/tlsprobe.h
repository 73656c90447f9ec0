#ifndef AUDITOR_NET_TLSPROBE_H
#define AUDITOR_NET_TLSPROBE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/net/netaddr.h"
#include "auditor/role/probe.h"

struct err;

/*
 * One connection to one address: connect, STARTTLS where it is asked for, a
 * TLS handshake, and what was served in it.  Nothing blocks: poll
 * tlsprobe_fd() for tlsprobe_events() until tlsprobe_when(), then
 * tlsprobe_turn().
 *
 * Nothing is verified: the object is to see what is served, by old servers
 * too (TLS 1.0 to 1.3, any cipher but those without a certificate).  A
 * handshake with a finite-field group over LIMIT_DH_BITS is given up; so is
 * one in which more than LIMIT_PROBE_BYTES came.  Whether the address may be
 * reached is for the caller to ask (auditor/net/egress.h) before.
 */
struct tlsprobe_ctx;
struct tlsprobe;

#define TLSPROBE_MS	10000u	/* when no time is given */

/* What all connections have in common; NULL and ERR_SYS. */
struct tlsprobe_ctx *tlsprobe_ctx_new(struct err *);
void tlsprobe_ctx_free(struct tlsprobe_ctx *);

/*
 * Begin to connect to the address, with port, starttls, sni and timeout_ms
 * of ${t} (copied); ${now} of clk_mono().  Never NULL: what cannot be begun
 * ends at the first turn.
 */
struct tlsprobe *tlsprobe_new(struct tlsprobe_ctx *, const struct netaddr *,
    const struct probe_tls *, int64_t now);
void tlsprobe_free(struct tlsprobe *);

int tlsprobe_fd(const struct tlsprobe *);	/* -1: none */
short tlsprobe_events(const struct tlsprobe *);
int64_t tlsprobe_when(const struct tlsprobe *);	/* of clk_mono() */

/* Carry on: 1 when it has ended, 0 not yet.  What is there is read first. */
int tlsprobe_turn(struct tlsprobe *, int64_t now);

/* 1 when it ended because its time was up. */
int tlsprobe_late(const struct tlsprobe *);

/* Fill in what was served (but not id, last): borrows from the connection. */
void tlsprobe_served(const struct tlsprobe *, struct probe_served *);

#endif
