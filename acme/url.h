#ifndef ACME_URL_H
#define ACME_URL_H

#include <stddef.h>

#include "base/err.h"

/*
 * URLs of an ACME server.  They are opaque (RFC 8555 7.1) but for where they
 * lead to: a server must not make us ask others.
 */

/* Room for a host: 253 bytes of a name, or an address, and the zero byte. */
#define URL_HOST 256

struct url {
	int		 https;
	char		 host[URL_HOST];	/* lower case; IPv6 without [] */
	unsigned	 port;			/* as written, else 443 or 80 */
	const char	*path;			/* borrowed: "" or "/..." "?..." */
};

/*
 * Take an absolute URL apart: "https" or "http" in lower case, a host name,
 * IPv4 address or IPv6 address in brackets, a port, path and query.  Strict:
 * no user, no fragment, no byte that RFC 3986 does not allow, no name with
 * empty labels, at most LIMIT_ACME_URL bytes.  0 or -1 ERR_FORMAT.
 */
int url_read(const char *, struct url *, struct err *);

/* Where requests may go. */
struct url_pin {
	int			 http;	/* http is allowed, too */
	char			 host[URL_HOST];	/* the directory's */
	const char *const	*hosts;	/* borrowed: others, lower case */
	size_t			 nhosts;
};

/* Pin to the host of the directory's URL.  0 or -1. */
int url_pin(struct url_pin *, const char *directory, int http, struct err *);

/*
 * May this URL be asked?  The scheme must be https (or http where allowed),
 * the host the directory's or a listed one; ports are the server's choice.
 * ${what} names it in the error.  0, or -1 with ERR_FORMAT or ERR_PERM.
 */
int url_check(const struct url_pin *, const char *url, const char *what,
    struct err *);

/*
 * The targets of Link headers (RFC 8288) with the relation "alternate":
 * ${links} has a value a line.  Targets that fail url_check() are left out,
 * and all behind LIMIT_ACME_ALTERNATES of them, and those said twice.  Each
 * is owned: free() it.  Returns how many of ${out} were set.
 */
size_t url_alternates(const struct url_pin *, const char *links, char **out);

#endif
