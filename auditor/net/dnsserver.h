#ifndef AUDITOR_NET_DNSSERVER_H
#define AUDITOR_NET_DNSSERVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/cur.h"

struct err;

/*
 * The resolvers that are asked.  They are the operator's choice, and most
 * often lie on a private network: the egress policy is not for them.
 */
#define DNSSERVER_MAX	8	/* PROBE_RESOLVERS */

struct dnsserver {
	struct sockaddr_storage	sa;
	socklen_t		len;
	char			text[64];	/* as the operator wrote it */
	int64_t			down;	/* clk_mono(): until then, asked last */
	int64_t			heard;	/* clk_mono(): it answered last */
	unsigned		silent;	/* questions that it left without an
					   answer, as all that came after */
};

struct dnsservers {
	struct dnsserver	v[DNSSERVER_MAX];
	size_t			n;
	int			direct;	/* they are asked what they have
					   themselves: no recursion */
	int64_t			again;	/* clk_mono(): when all are silent, */
	unsigned		asked;	/* ... no more are asked until then */
};

/*
 * Add "192.0.2.1", "127.0.0.1@5353", "2001:db8::1" or "fe80::1%eth0"; the
 * port is 53 unless said.  0, or -1 ERR_CONF, ERR_LIMIT.
 */
int dnsserver_add(struct dnsservers *, const char *, struct err *);

/*
 * Read the address of one server that is to be updated: the forms above, and
 * "192.0.2.1:53" and "[2001:db8::1]:53".  0, or -1 ERR_CONF.
 */
int dnsserver_read(struct dnsserver *, const char *, struct err *);

/*
 * Add those of the text of a resolv.conf(5); lines that cannot be read, and
 * the ninth and later ones, are passed over.  Where there is none it is
 * 127.0.0.1.
 */
void dnsserver_conf(struct dnsservers *, struct span);

#endif
