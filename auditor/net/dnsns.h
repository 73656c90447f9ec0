#ifndef AUDITOR_NET_DNSNS_H
#define AUDITOR_NET_DNSNS_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/net/dnsserver.h"
#include "auditor/net/dnszone.h"
#include "auditor/net/netaddr.h"
#include "base/limit.h"

struct err;

/*
 * The name servers of the zone that a name lies in, by asking resolvers: the
 * zone, its NS records, their addresses.  The first LIMIT_DNS_NS names and
 * LIMIT_DNS_NS_ADDRS addresses are taken.  Nothing blocks; as dnszone.h.
 */
struct dnsns;

struct dnsns_server {
	char		name[DNSZONE_NAME];	/* of the NS record */
	struct netaddr	addr;
};

/* Begin; ${lookup} must live longer.  Never NULL. */
struct dnsns *dnsns_new(struct dnsservers *lookup, const char *name,
    int64_t now);
void dnsns_free(struct dnsns *);

int dnsns_fd(const struct dnsns *);		/* -1: none */
short dnsns_events(const struct dnsns *);
int64_t dnsns_when(const struct dnsns *);	/* of clk_mono() */

/* Carry on: 1 when it has ended, 0 not yet. */
int dnsns_turn(struct dnsns *, int64_t now);

/*
 * 0: at least one server is known; -1 and a sentence.  Names of servers that
 * have no address are counted by dnsns_without().
 */
int dnsns_result(const struct dnsns *, struct err *);

/* Where CNAMEs led from the name, and the zone of that. */
const struct dnszone_place *dnsns_place(const struct dnsns *);

/* The ${i}th server, an address each; NULL behind the last. */
const struct dnsns_server *dnsns_server(const struct dnsns *, size_t i);

/* How many names of servers have no address. */
size_t dnsns_without(const struct dnsns *);

#endif
