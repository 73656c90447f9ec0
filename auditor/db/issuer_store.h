#ifndef AUDITOR_DB_ISSUER_STORE_H
#define AUDITOR_DB_ISSUER_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/cur.h"
#include "base/err.h"

/* An issuer's certificate; all of it borrowed. */
struct issuer_in {
	struct span	 der;
	const uint8_t	*key;		/* hash of its key, 32 bytes */
	const char	*owner;		/* NULL: nobody knows */
};

/*
 * Store some of them, in the caller's transaction, in the order of their
 * hashes: two workers that find the same ones, each in the order of its own
 * chains, would wait for each other.  ${v} is sorted.  0 or -1.
 */
int issuer_store_all(struct db *, struct issuer_in *v, size_t n,
    struct err *);

#endif
