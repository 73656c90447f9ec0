#ifndef AUDITOR_ROLE_CHALLENGE_STORE_H
#define AUDITOR_ROLE_CHALLENGE_STORE_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"

/*
 * The answers of one kind that are in force, by token or server name.  At
 * most LIMIT_CHALLENGES; each ends by itself.
 */
struct challenge_answer {
	struct challenge_answer	*chain;		/* with the same hash */
	char			*key;		/* owned: token or name */
	char			*keyauth;	/* owned; http-01 */
	X509			*cert;		/* owned; tls-alpn-01 */
	EVP_PKEY		*pkey;		/* owned; tls-alpn-01 */
	int64_t			 end;		/* clk_mono() */
	uint32_t		 hits;
};

#define CHALLENGE_SLOTS	4096u	/* a power of two: chains stay short */

/* All zero is an empty one, but for the seed, which the caller sets. */
struct challenge_store {
	struct challenge_answer	*slots[CHALLENGE_SLOTS];	/* owned */
	size_t			 n;
	uint64_t		 seed;		/* clients choose what is
						   looked up */
};

/*
 * An empty answer for the key, in force until ${end}; one that was there is
 * emptied.  NULL when there are too many even after those that ended are
 * forgotten.
 */
struct challenge_answer *challenge_store_put(struct challenge_store *,
    const char *key, int64_t end, int64_t now);

/* What is in force for the key; NULL: nothing. */
struct challenge_answer *challenge_store_find(struct challenge_store *,
    struct span key, int64_t now);

/* Forget one; those that ended; all. */
void challenge_store_drop(struct challenge_store *, const char *key);
void challenge_store_sweep(struct challenge_store *, int64_t now);
void challenge_store_clear(struct challenge_store *);

#endif
