#ifndef AUDITOR_ROLE_ACME_DNS_PART_H
#define AUDITOR_ROLE_ACME_DNS_PART_H

#include <poll.h>

#include "acme/chal.h"
#include "auditor/dns01.h"
#include "auditor/net/dnsask.h"
#include "auditor/net/dnscheck.h"
#include "auditor/net/dnssend.h"
#include "auditor/net/dnszone.h"
#include "auditor/net/egress.h"
#include "auditor/net/tsig.h"
#include "auditor/role/acme_place_dns.h"
#include "base/limit.h"

/* What the ways to write a record share; for acme_dns*.c only. */

struct fetch_client;

/* How records are written. */
enum acme_dns_way { ACME_DNS_NONE, ACME_DNS_UPDATE, ACME_DNS_WEB,
	ACME_DNS_HOOK };

/* A record that we wrote. */
struct written {
	char	*value;		/* owned, as all of these */
	char	*output;	/* what the hook printed */
	char	*place;		/* where the hook was told to write it */
	unsigned remaining;	/* challenges behind it, as it was told */
};

struct acme_dns {
	const struct conf	*conf;
	const char		*account;	/* URL, borrowed; NULL */
	enum acme_dns_way	 way;
	struct dnsservers	 lookup;	/* resolvers */
	struct dnsservers	 look;		/* those of check: [...] */
	struct dnsservers	 at;		/* the primary */
	struct tsig_key		 key;		/* once has_key */
	int			 has_key;
	enum dns01_convention	 convention;
	enum dnscheck_mode	 mode;
	struct egress		 egress;
	struct dnszone_known	 known;
	struct written		*written;
	size_t			 n, cap;
	struct fetch_client	*fetch;		/* to acme-dns; NULL: not yet */
};

/* One challenge, as text. */
struct acme_dns_record {
	const struct flow_place	*place;
	const char		*ident, *token, *auth;
	char			 owner[NAME_TEXT];
	char			 value[LIMIT_DNS_VALUE + 1];
};

/* Wait for ${n} descriptors until ${when} (clk_mono()), a second at most. */
void acme_dns_wait(struct pollfd *, size_t n, int64_t when);

/* What is known of a record that we wrote: NULL; made when it is not there. */
struct written *acme_dns_find(struct acme_dns *, const char *value);
struct written *acme_dns_note(struct acme_dns *, const char *value);

/*
 * Ask the resolvers for TXT records; the question is the caller's, for
 * dnsask_free(), and *said borrows from it.  NULL and ERR_NET: nobody
 * answers, or only that it has failed.
 */
struct dnsask *acme_dns_ask(struct acme_dns *, const char *owner,
    struct probe_said *, struct err *);

/*
 * Where CNAMEs lead from ${owner}: freed by the caller.  When nobody answers,
 * NULL and ERR_NET.
 */
char *acme_dns_follow(struct acme_dns *, const char *owner, struct err *);

/* Wait until the value is seen at the name, as `check` says: 0 or -1. */
int acme_dns_check(struct acme_dns *, const char *owner, const char *value,
    struct err *);

/* By RFC 2136; silence is waited for so long, 0: the usual time. */
int acme_dns_update(struct acme_dns *, enum dnsupdate_what,
    const struct acme_dns_record *, uint32_t timeout_ms, struct err *);

/* By a program. */
int acme_dns_hook(struct acme_dns *, enum dns01_step,
    const struct acme_dns_record *, struct err *);

/* By acme-dns, which forgets by itself: nothing takes it away. */
int acme_dns_web(struct acme_dns *, const struct acme_dns_record *,
    struct err *);

#endif
