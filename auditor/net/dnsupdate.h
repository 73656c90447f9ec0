#ifndef AUDITOR_NET_DNSUPDATE_H
#define AUDITOR_NET_DNSUPDATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"

struct err;

/*
 * Messages of RFC 2136 that change one TXT record of a zone, and what is said
 * to them.  Pure.
 *
 * Only this one record is touched, never the whole set of the name: the
 * values of a name and of its wildcard stand there at the same time.
 */
enum dnsupdate_what {
	DNSUPDATE_ADD,		/* 2.5.1; when it is there, nothing happens */
	DNSUPDATE_DELETE,	/* 2.5.4: this record; none is no error */
	DNSUPDATE_MAY,		/* ask for leave: delete a record that nobody
				   has, so that key, name and type are judged
				   and nothing changes */
	DNSUPDATE_KEY		/* is the key accepted at all: a prerequisite
				   (2.4.1, the zone has an SOA) alone */
};

struct dnsupdate {
	enum dnsupdate_what	 what;
	const char		*zone;	/* no trailing dots */
	const char		*name;	/* not for DNSUPDATE_KEY */
	const char		*value;	/* of ADD and DELETE: printable ASCII,
					   at most LIMIT_DNS_VALUE bytes */
	uint32_t		 ttl;	/* of ADD, seconds */
};

/* What DNSUPDATE_MAY deletes. */
#define DNSUPDATE_NOBODY	"certvigil asks whether it may"

/*
 * The message, unsigned, in place of what is in the buffer.  0, or -1
 * ERR_FORMAT (a name that is none, a name outside the zone), ERR_LIMIT.
 */
int dnsupdate_pack(struct buf *, uint16_t id, const struct dnsupdate *,
    struct err *);

/*
 * The response code of an answer to the update ${id}; -1 ERR_FORMAT when it
 * is none.  The sections behind the header are not read.
 */
int dnsupdate_read(struct span, uint16_t id, struct err *);

/* "REFUSED" for 5 (RFC 1035, RFC 2136); "RCODE 77" in ${out}[16]. */
const char *dnsupdate_rcode(int rcode, char *out);

/*
 * A response code as an error, with what to do about it: 0 for NOERROR, else
 * -1: ERR_PERM, ERR_CONF, ERR_TEMP or ERR_FORMAT.  ${who} is the server,
 * ${key} the name of the TSIG key.
 */
int dnsupdate_err(int rcode, const struct dnsupdate *, const char *who,
    const char *key, struct err *);

/*
 * The value of a TXT record's data (its strings, joined) is ${value}: 1, or 0,
 * also when the data are not well formed.
 */
int dnsupdate_is(struct span rdata, const char *value);

#endif
