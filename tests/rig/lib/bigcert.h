#ifndef RIG_BIGCERT_H
#define RIG_BIGCERT_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * The certificates of a large log: 256 of them, one for each place in a data
 * tile, as moulds.  What differs from entry to entry stands in them as marks
 * (bytes that are all alike), which is all that the log has to fill in.
 */

enum {
	BIG_WIDTH = 256,
	BIG_CAS = 4,		/* two with RSA, which can be planted, two with EC */
	BIG_SUFFIX = 200,	/* longest domain, with its dot */
	BIG_SIG = 256		/* RSA-2048 */
};

/* What varies.  Marks are runs of these bytes. */
enum big_field { BIG_LABEL = 1, BIG_SERIAL, BIG_TIME, BIG_INDEX,
	BIG_DOMAIN,		/* planted places: dot and domain */
	BIG_SIGNED };		/* planted places: the signature */

struct bigca {
	EVP_PKEY	*key;
	struct buf	 der;
	struct buf	 name;		/* subject */
	uint8_t		 id[32];	/* SHA-256 of der */
	uint8_t		 key_hash[32];	/* of the SubjectPublicKeyInfo */
};

struct bigmould {
	int		 pre;		/* a precertificate */
	int		 can_plant;
	int		 names;		/* 3 or 4 */
	const struct bigca *ca;
	struct buf	 leaf, extra, tile;	/* with marks */
	struct buf	 domain;	/* of what is not planted, with its dot */
	uint8_t		 sig[BIG_SIG];	/* of what is not planted */
	uint8_t		 serial[8];	/* first half */
	struct buf	 spki;
};

struct bigcerts {
	uint64_t	 seed;
	uint64_t	 time;		/* ms: certificates are valid around it */
	size_t		 ndomain;	/* bytes of dot and domain when planted */
	struct bigca	 root, ca[BIG_CAS];
	struct bigmould	 m[BIG_WIDTH];
};

/* How many bytes a field has. */
size_t bigcert_size(const struct bigcerts *, enum big_field);

/* A small generator that is the same everywhere; one step, a mix of one. */
uint64_t bigcert_next(uint64_t *);
uint64_t bigcert_mix(uint64_t);

/*
 * Read or make the CAs in a folder, and make the moulds out of them, seed,
 * time and ndomain.
 */
int bigcert_open(struct bigcerts *, const char *, struct err *);

#endif
