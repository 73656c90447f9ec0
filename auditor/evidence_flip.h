#ifndef AUDITOR_EVIDENCE_FLIP_H
#define AUDITOR_EVIDENCE_FLIP_H

#include <jansson.h>
#include <stddef.h>

#include "auditor/evidence.h"
#include "auditor/evidence_check.h"
#include "ctlog/flip.h"

/* An entry that is not what the log signed an SCT for, in evidence files. */

/*
 * Statement ${entry} is the leaf that SCT statement ${sct} promises, but for
 * one bit: "flipped", transferable.  -1 ERR_VERIFY when that does not show
 * it.
 */
int evidence_flipped(struct evidence *, int sct, int entry,
    const struct flip *, struct err *);

/* Judge one. */
enum evidence_verdict evidence_check_flipped(struct evidence_file *,
    size_t i, const json_t *, char *why, size_t cap, struct err *);

/*
 * Would both leaves be of one certificate, had nobody changed it: type, time,
 * issuer's key and serial are the same, as far as they can be read.  CAs that
 * count serials up may have two honest ones that differ in a bit.  1 or 0.
 */
int evidence_flip_same(struct span leaf, const struct flip *);

#endif
