#ifndef AUDITOR_NET_TLSSERVED_H
#define AUDITOR_NET_TLSSERVED_H

#include <stddef.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/limit.h"

struct err;

/*
 * The certificates of a Certificate message of TLS, byte for byte: also
 * those that OpenSSL cannot read.  Pure.
 */
struct tlsserved {
	struct buf	bytes;		/* owned: the message */
	struct span	v[LIMIT_CHAIN];	/* in bytes */
	size_t		n;
	size_t		total;		/* served; more than n: cut */
};

/*
 * Read the message without its header of 4 bytes (copied), in the form of TLS
 * 1.3 (RFC 8446 section 4.4.2) or of before (RFC 5246 section 7.4.2).  0, or
 * -1 ERR_FORMAT; what stands before the fault is there.
 */
int tlsserved_read(struct tlsserved *, struct span, int is13, struct err *);

void tlsserved_free(struct tlsserved *);

#endif
