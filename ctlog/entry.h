#ifndef CTLOG_ENTRY_H
#define CTLOG_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * One leaf: MerkleTreeLeaf and TimestampedEntry, RFC 6962 section 3.4, with
 * the leaf_index extension of static-ct-api.  Spans point into the input.
 */

enum { ENTRY_X509 = 0, ENTRY_PRECERT = 1 };

struct entry {
	uint64_t	timestamp;		/* ms */
	uint16_t	type;			/* ENTRY_X509, ENTRY_PRECERT */
	uint8_t		issuer_key_hash[32];	/* of a precert, else 0 */
	struct span	cert;	/* x509: certificate; precert: TBS; DER */
	struct span	ext;	/* CtExtensions, without their length */
	int64_t		leaf_index;		/* -1: none */
};

/* Read a MerkleTreeLeaf; strict, nothing may be left. */
int entry_read(struct span leaf, struct entry *, struct err *);

/*
 * Read a TimestampedEntry from the cursor, which moves behind it.  On error
 * the cursor is where it was.
 */
int entry_read_timestamped(struct cur *, struct entry *, struct err *);

/*
 * Read CtExtensions (without their length): the leaf index or -1 for none.
 * Unknown ones are ignored, a type that comes twice is an error.
 */
int entry_extensions(struct span ext, int64_t *leaf_index, struct err *);

/*
 * Append the MerkleTreeLeaf, which is byte for byte what an SCT of this
 * entry signs (RFC 6962 3.2).
 */
void entry_put(struct buf *, const struct entry *);

/*
 * Read extra_data (RFC 6962 4.6) of an entry of ${type}: for a precert the
 * precertificate (else {NULL, 0}), and the chain above it, without the leaf.
 * More than ${max} certificates are ERR_LIMIT.
 */
int entry_extra(struct span extra, uint16_t type, struct span *precert,
    struct span *chain, size_t max, size_t *nchain, struct err *);

#endif
