#ifndef AUDITOR_ROLE_SIGN_SERVE_H
#define AUDITOR_ROLE_SIGN_SERVE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/* What sign_main.c and sign_serve_acme.c share: reading requests. */

struct sign_acme;

/* One request; all borrowed. */
struct sign_request {
	unsigned	 type;
	struct cur	*body;
	int		 fd;	/* -1: none came */
};

/* The most strings that one request has. */
#define SIGN_TEXTS 6

/*
 * Read ${n} strings, each copied so that it ends with a zero byte, into
 * v[0] ..., which are the caller's to wipe and free: 0 or -1.
 */
int sign_texts(struct cur *, char **v, size_t n);

/* -1 ERR_FORMAT: a request that cannot be read. */
int sign_bad(struct err *);

/*
 * Carry out one request about keys of ACME; ${v} are SIGN_TEXTS pointers,
 * NULL, for its strings, which the caller wipes and frees.
 */
int sign_serve_acme(struct sign_acme *, const struct sign_request *, char **v,
    struct buf *out, struct err *);

#endif
