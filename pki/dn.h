#ifndef PKI_DN_H
#define PKI_DN_H

#include "base/buf.h"
#include "base/cur.h"

/*
 * Distinguished names, to be compared as RFC 5280, 7.1 wants it.
 *
 * Append the canonical form of a Name (whole element): strings of any type
 * as UTF-8, ASCII letters in lower case, blanks at the ends removed and those
 * within made one.  Each RDN stands with its length in front, so that two
 * Names are the same when the bytes are, and one lies in the subtree of
 * another when the other's bytes are its beginning.  0, or -1 when it is not
 * a Name (what was appended is then of no use).
 */
int dn_canon(struct span name, struct buf *out);

/*
 * SHA-256 of the canonical form, or of the bytes when it is not a Name: equal
 * for equal names.
 */
void dn_hash(struct span name, uint8_t out[32]);

/* Is it an empty SEQUENCE (or none at all): 1 or 0. */
int dn_empty(struct span name);

/* A walk over the attributes of a Name, one after the other. */
struct dn_walk {
	struct cur	sets;	/* RDNs that are left */
	struct cur	in;	/* what is left of this one */
};

struct dn_attr {
	struct span	oid;	/* body */
	struct span	value;	/* body */
	uint8_t		tag;	/* of the value */
};

/* Begin with a Name (whole element): 0 or -1. */
int dn_begin(struct dn_walk *, struct span name);

/* The next attribute: 1; 0 when there is none; -1: malformed. */
int dn_next(struct dn_walk *, struct dn_attr *);

/* Append its value as UTF-8: 0, or -1 when it is no text. */
int dn_text(const struct dn_attr *, struct buf *out);

#endif
