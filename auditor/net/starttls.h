#ifndef AUDITOR_NET_STARTTLS_H
#define AUDITOR_NET_STARTTLS_H

#include <stddef.h>

#include "auditor/role/probe.h"
#include "base/buf.h"
#include "base/cur.h"

struct err;

/*
 * What is said before TLS: SMTP (RFC 3207) and IMAP (RFC 9051 section
 * 6.2.1).  Pure: bytes in, bytes out.
 */
struct starttls {
	enum probe_starttls	kind;
	const char		*self;	/* borrowed: "[192.0.2.1]", for EHLO */
	int			step;
	int			offered; /* SMTP: STARTTLS was in the list */
	struct buf		line;	/* owned: the one that is read */
};

/* Begin; ${self} is borrowed.  Free what it owns; it can begin again. */
void starttls_begin(struct starttls *, enum probe_starttls,
    const char *self);
void starttls_free(struct starttls *);

/*
 * Take what the server said; what is to be sent is appended to ${out}.  1:
 * TLS begins now; 0: go on; -1 ERR_NET (it does not want to; its words are
 * cleaned), ERR_FORMAT, or ERR_LIMIT for a line over LIMIT_STARTTLS_LINE.
 * For PROBE_PLAIN it is 1 at once.
 */
int starttls_take(struct starttls *, struct span, struct buf *out,
    struct err *);

#endif
