#ifndef ACME_NONCE_H
#define ACME_NONCE_H

#include <stddef.h>

#include "base/limit.h"

/*
 * Nonces that a CA gave us (RFC 8555 6.5), to be used once each.  All zero is
 * an empty pool.  Plain memory: nothing to free.
 */
struct nonce {
	char	v[LIMIT_ACME_NONCES][LIMIT_ACME_NONCE + 1];
	size_t	first;		/* the oldest */
	size_t	n;
};

/*
 * Keep a Replay-Nonce; the oldest is dropped when there are
 * LIMIT_ACME_NONCES.  -1 when it is none: NULL, empty, not base64url (RFC
 * 8555 6.5.1: it must be ignored) or longer than LIMIT_ACME_NONCE.
 */
int nonce_put(struct nonce *, const char *);

/*
 * Take the newest, which is the least likely to have expired: written to
 * ${out}.  -1 when there is none: ask newNonce.
 */
int nonce_take(struct nonce *, char out[LIMIT_ACME_NONCE + 1]);

#endif
