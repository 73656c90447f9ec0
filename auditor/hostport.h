#ifndef AUDITOR_HOSTPORT_H
#define AUDITOR_HOSTPORT_H

#include "base/err.h"
#include "pki/name.h"

/* An endpoint as people write it: a host, perhaps a port, perhaps STARTTLS. */
struct hostport {
	char	 host[NAME_TEXT];	/* A-labels, lower case, or an address */
	int	 port;
	const char *starttls;		/* "", smtp or imap; static */
};

/*
 * Read "www.example.com", "www.example.com:993", "192.0.2.1:25",
 * "[2001:db8::1]:443" or "2001:db8::1".  Without a port it is 443.  STARTTLS
 * is what is usual for the port (25 and 587 smtp, 143 imap, others none),
 * unless ${starttls} says smtp, imap or none; NULL: not said.  0, or -1
 * ERR_USAGE with what would be right.
 */
int hostport_read(const char *text, const char *starttls, struct hostport *,
    struct err *);

/* "host:port", an IPv6 address in brackets; ${out} has HOSTPORT_TEXT bytes. */
#define HOSTPORT_TEXT (NAME_TEXT + 10)
char *hostport_text(const char *host, int port, char *out);

#endif
