#ifndef AUDITOR_NET_EGRESS_H
#define AUDITOR_NET_EGRESS_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct sockaddr;

/*
 * Which addresses and URLs may be reached.  URLs in certificates and logs are
 * attacker input: the check is made on the resolved address, for each
 * connection.  Pure: no sockets, no resolving.
 */

/* A network: IPv4 as ::ffff:a.b.c.d with bits + 96. */
struct egress_net {
	uint8_t		addr[16];
	unsigned	bits;	/* of 128 */
};

struct egress {
	struct egress_net	*allow_private;	/* owned */
	size_t			 n;
	size_t			 cap;
};

#define EGRESS_INIT { NULL, 0, 0 }

/* Classes of peers: each has its own fetch process. */
enum egress_class {
	EGRESS_LOG,		/* CT logs and log lists: https */
	EGRESS_REVOCATION,	/* OCSP, CRL, AIA: http and https */
	EGRESS_DELIVERY,	/* webhooks: https */
	EGRESS_ACME,		/* CAs: https */
	EGRESS_CLASS_MAX
};

/*
 * Add "127.0.0.0/8", "10.1.2.3" or "fd00::/8" to what is allowed although it
 * is private.  0, or -1 ERR_CONF, also for bits behind the prefix.
 */
int egress_parse_allow(struct egress *, const char *, struct err *);

void egress_free(struct egress *);

/* 1 when the address lies in allow_private. */
int egress_is_allowed_private(const struct egress *, const struct sockaddr *);

/*
 * 0 when a connection to this address is allowed: a public unicast address,
 * or one in allow_private.  -1 ERR_PERM with the reason.
 */
int egress_addr_ok(const struct egress *, const struct sockaddr *,
    struct err *);

/*
 * The same for a connection that speaks plain http (${https} = 0) or https:
 * plain http is allowed to everyone for EGRESS_REVOCATION, and for the other
 * classes only to addresses in allow_private.
 */
int egress_conn_ok(const struct egress *, enum egress_class, int https,
    const struct sockaddr *, struct err *);

/*
 * 0 when the text may be asked for at all: http or https (plain http outside
 * EGRESS_REVOCATION only when allow_private is not empty; the address decides
 * later), no user or password, no control or non-ASCII bytes, blanks or
 * backslashes, a sane port, at most HTTP_URL_MAX - 1 bytes.  -1 ERR_PERM.
 */
int egress_url_ok(const struct egress *, const char *url, enum egress_class,
    struct err *);

/*
 * 1 when what is asked for there can only be on our own network: plain http
 * (which EGRESS_LOG is allowed nowhere else), or https to an address in
 * allow_private that the URL itself has.  A name is what the DNS says today.
 */
int egress_url_own(const struct egress *, const char *url);

#endif
