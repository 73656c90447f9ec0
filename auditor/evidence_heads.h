#ifndef AUDITOR_EVIDENCE_HEADS_H
#define AUDITOR_EVIDENCE_HEADS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/evidence.h"
#include "auditor/evidence_check.h"

/* Heads that contradict each other, in evidence files. */

/*
 * Two heads of one log of which the smaller is no beginning of the larger
 * (RFC 6962 2.1.2).
 */
struct evidence_contradiction {
	int		 head;		/* statement of the larger one */
	int		 other;		/* of the smaller one */
	const uint8_t	*root;		/* 32 bytes: what the larger tree has
					   as its first entries' root */
	struct span	 path;		/* from there to the larger head */
};

/*
 * Add it: "inconsistent", transferable.  Its number, or -1: ERR_VERIFY when
 * the path does not show it.
 */
int evidence_inconsistent(struct evidence *,
    const struct evidence_contradiction *, struct err *);

/*
 * A witness cosigned the checkpoint of statement ${head}: "cosigned",
 * transferable.  ${key} is its Ed25519 key, 32 bytes.  -1 ERR_VERIFY when it
 * did not.
 */
int evidence_cosigned(struct evidence *, int head, const char *witness,
    const uint8_t key[32], struct err *);

/* Judge one. */
enum evidence_verdict evidence_check_inconsistent(struct evidence_file *,
    size_t i, const json_t *, char *why, size_t cap, struct err *);
enum evidence_verdict evidence_check_cosigned(struct evidence_file *,
    size_t i, const json_t *, char *why, size_t cap, struct err *);

#endif
