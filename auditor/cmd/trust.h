#ifndef AUDITOR_CMD_TRUST_H
#define AUDITOR_CMD_TRUST_H

#include <stddef.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "ctlog/loglist.h"

/*
 * Keys that a person gives a command: --key PEM (a public key, or a
 * certificate for its key) or --log-list FILE (v3).
 */
struct trust {
	struct buf	 pem;		/* as read; empty: not given */
	struct buf	 json;
	struct buf	 spki;		/* of the PEM, DER */
	struct buf	 cert;		/* the PEM's certificate, if it is one */
	struct loglist	*list;
};

/* Read the files; either may be NULL.  0 or -1 with the file's name. */
int trust_read(struct trust *, const char *key, const char *list,
    struct err *);

/* Take them apart (in the box); 0 or -1. */
int trust_open(struct trust *, struct err *);

void trust_free(struct trust *);

#endif
