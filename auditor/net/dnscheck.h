#ifndef AUDITOR_NET_DNSCHECK_H
#define AUDITOR_NET_DNSCHECK_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/net/dnsserver.h"
#include "auditor/net/dnszone.h"
#include "auditor/net/netaddr.h"
#include "base/limit.h"

struct egress;
struct err;

/*
 * Are the TXT values to be seen, where a CA would look?  Asked again after
 * 1, 2, 4, 8 and then every 15 seconds, until all servers show all values or
 * the time is up.  Nothing blocks: poll what dnscheck_polls() fills in until
 * dnscheck_when(), then dnscheck_turn().
 */
enum dnscheck_mode {
	DNSCHECK_AUTHORITATIVE,	/* at each address of each name server of the
				   zone, directly */
	DNSCHECK_RESOLVERS,	/* at the resolvers given */
	DNSCHECK_NONE		/* not at all: ends well at once */
};

#define DNSCHECK_MS	120000u	/* when no time is given */

struct dnscheck_opts {
	enum dnscheck_mode	 mode;
	struct dnsservers	*lookup;	/* find the name servers, follow
						   CNAMEs; borrowed */
	struct dnsservers	*resolvers;	/* of that mode; borrowed */
	const struct egress	*egress;	/* for name servers; borrowed;
						   NULL: no policy */
	uint16_t		 port;		/* of name servers; 0: 53 */
	uint32_t		 timeout_ms;	/* 0: DNSCHECK_MS */
};

enum dnscheck_state {
	DNSCHECK_WAITING,	/* not asked yet */
	DNSCHECK_SHOWN,		/* shows all values */
	DNSCHECK_MISSING,	/* answers, and does not */
	DNSCHECK_SILENT,	/* does not answer */
	DNSCHECK_UNASKED	/* cannot or may not be reached from here */
};

struct dnscheck_server {
	char			who[DNSZONE_NAME + NETADDR_TEXT + 16];
	enum dnscheck_state	state;
	char			sentence[900];	/* who, and what it does */
};

struct dnscheck;

/*
 * Begin: is each of the ${n} values (copied) a TXT record at ${name}?  Never
 * NULL; more than LIMIT_DNS_VALUES end at once, with ERR_LIMIT.
 */
struct dnscheck *dnscheck_new(const struct dnscheck_opts *, const char *name,
    const char *const *values, size_t n, int64_t now);
void dnscheck_free(struct dnscheck *);

/* What to poll: the number, at most ${max}. */
#define DNSCHECK_POLLS	LIMIT_DNS_NS_ADDRS
size_t dnscheck_polls(const struct dnscheck *, struct pollfd *, size_t max);
int64_t dnscheck_when(const struct dnscheck *);	/* of clk_mono() */

/* Carry on: 1 when it has ended, 0 not yet. */
int dnscheck_turn(struct dnscheck *, int64_t now);

/*
 * How it ended: 0, all values are seen at all servers that could be asked,
 * and one at least could be; -1 and a sentence about the first that is in
 * the way, and how many more are: ERR_TEMP (not there yet), ERR_NET, ERR_CONF.
 */
int dnscheck_result(const struct dnscheck *, struct err *);

/* The servers as they were seen last, also on the way; the number. */
size_t dnscheck_servers(const struct dnscheck *,
    const struct dnscheck_server **);

/* How often they were asked. */
unsigned dnscheck_rounds(const struct dnscheck *);

#endif
