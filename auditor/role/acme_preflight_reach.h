#ifndef AUDITOR_ROLE_ACME_PREFLIGHT_REACH_H
#define AUDITOR_ROLE_ACME_PREFLIGHT_REACH_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/net/egress.h"
#include "auditor/net/netaddr.h"

/*
 * One look at an address and port, as the CA would look: is it open, and does
 * it serve what we put there?  Nothing blocks.
 */
struct acme_reach;

enum acme_reached {
	ACME_REACH_OURS,	/* it serves our answer */
	ACME_REACH_OPEN,	/* it is open; nothing was asked */
	ACME_REACH_OTHER,	/* something else answers */
	ACME_REACH_CLOSED,	/* the connection is refused */
	ACME_REACH_SILENT,	/* no route, no answer, or not in time */
	ACME_REACH_BARRED	/* the egress policy does not let us */
};

struct acme_reach_ask {
	struct netaddr	 addr;
	uint16_t	 port;
	const char	*host;		/* of the request; for ${token} */
	const char	*token;		/* of http-01; NULL: is it open? */
	const char	*keyauth;	/* that is to be served */
};

/* Begin; all is copied but for ${egress}, which is not needed later. */
struct acme_reach *acme_reach_new(const struct acme_reach_ask *,
    const struct egress *);
void acme_reach_free(struct acme_reach *);

/* Carry on: 1 it has ended, 0 not yet.  Poll it where *p was filled in. */
int acme_reach_turn(struct acme_reach *);
void acme_reach_poll(const struct acme_reach *, struct pollfd *p);

/* What was found so far (SILENT while it has not ended), and where. */
enum acme_reached acme_reach_result(const struct acme_reach *);
const struct netaddr *acme_reach_addr(const struct acme_reach *);
uint16_t acme_reach_port(const struct acme_reach *);

/* "192.0.2.1 port 80 is closed (connection refused)": what and where. */
void acme_reach_say(const struct acme_reach *, char *out, size_t cap);

#endif
