#ifndef AUDITOR_NET_DNSZONE_H
#define AUDITOR_NET_DNSZONE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/net/dnsserver.h"
#include "base/limit.h"

struct err;

/*
 * Where a record must be written: CNAMEs at the name are followed by asking
 * the resolvers (that is how people delegate _acme-challenge.NAME), then the
 * server is asked for the SOA of that place, and upwards until there is one.
 * Nothing blocks: poll dnszone_fd() for dnszone_events() until
 * dnszone_when(), then dnszone_turn().
 *
 * A resolver may remember for a while that the name does not exist.
 */
struct dnszone;

#define DNSZONE_NAME	256

struct dnszone_place {
	char	name[DNSZONE_NAME];	/* lower case, no trailing dot */
	char	zone[DNSZONE_NAME];	/* it lies in this one */
};

/*
 * Begin: ${lookup} are the resolvers, NULL when CNAMEs are not to be
 * followed; ${at} are asked for the zone.  Both must live longer and may be
 * the same.  Never NULL.
 */
struct dnszone *dnszone_new(struct dnsservers *lookup, struct dnsservers *at,
    const char *name, int64_t now);
void dnszone_free(struct dnszone *);

int dnszone_fd(const struct dnszone *);		/* -1: none */
short dnszone_events(const struct dnszone *);
int64_t dnszone_when(const struct dnszone *);	/* of clk_mono() */

/* Carry on: 1 when it has ended, 0 not yet. */
int dnszone_turn(struct dnszone *, int64_t now);

/*
 * The place: 0, or -1 and a sentence: ERR_NET (nobody answers), ERR_TEMP
 * (SERVFAIL), ERR_CONF (the server has no such zone).
 */
int dnszone_result(const struct dnszone *, struct dnszone_place *,
    struct err *);

/*
 * Zones that were found, by server and name, for ten minutes; the oldest make
 * room for new ones.
 */
struct dnszone_known {
	struct dnszone_entry {
		char			*key;	/* owned: server and name */
		struct dnszone_place	 place;
		int64_t			 until;
	}	v[LIMIT_DNS_ZONES];
	size_t	next;
};

/* The place of a name at a server: 1, or 0 not known (any more). */
int dnszone_recall(const struct dnszone_known *, const char *server,
    const char *name, int64_t now, struct dnszone_place *);

/* Remember it; forget all of them. */
void dnszone_remember(struct dnszone_known *, const char *server,
    const char *name, int64_t now, const struct dnszone_place *);
void dnszone_forget(struct dnszone_known *);

#endif
