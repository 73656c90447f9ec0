#ifndef AUDITOR_ROLE_SIGN_ACME_PART_H
#define AUDITOR_ROLE_SIGN_ACME_PART_H

#include <openssl/evp.h>

#include "auditor/role/sign_acme.h"
#include "auditor/role/sign_store.h"

/* What sign_acme.c (requests) and sign_acme_key.c (keys) share. */

struct sign_acme {
	struct sign_store	*store;
	uint8_t			 authority[SIGN_AUTHORITY];
	int			 operator;	/* there is an authority */
	int			 http;
};

/* A key, the caller's; NULL as sign_store_get(). */
EVP_PKEY *sign_acme_key(struct sign_acme *, enum sign_place, const char *id,
    int next, struct err *);

/* Is this the operator's authority?  0, or -1 ERR_PERM; ${what} needs it. */
int sign_acme_may(const struct sign_acme *, struct span authority,
    const char *what, struct err *);

/*
 * Are the URLs (a NULL behind the last) on one of ${hosts} (sign_ask.hosts),
 * and https unless http is allowed?  0, or -1 ERR_VERIFY or ERR_LIMIT.
 */
int sign_acme_pinned(const struct sign_acme *, const char *hosts,
    const char *const *urls, struct err *);

/* Append the inner JWS of a rollover from ${old} to the account's next key. */
int sign_acme_inner(struct sign_acme *, EVP_PKEY *old,
    const struct sign_roll *, struct buf *out, struct err *);

#endif
