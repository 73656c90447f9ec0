#ifndef AUDITOR_EVIDENCE_FLIP_H
#define AUDITOR_EVIDENCE_FLIP_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/evidence.h"
#include "auditor/evidence_check.h"
#include "ctlog/flip.h"

/* An entry that is not what the log signed an SCT for, in evidence files. */

/*
 * Statement ${entry} is the leaf that SCT statement ${sct} promises, but for
 * one bit: "flipped", with the grade that it has.  -1 ERR_VERIFY when that
 * does not show it.
 */
int evidence_flipped(struct evidence *, int sct, int entry,
    const struct flip *, struct err *);

/* Judge one. */
enum evidence_verdict evidence_check_flipped(struct evidence_file *,
    size_t i, const json_t *, char *why, size_t cap, struct err *);

/*
 * What it is worth that ${leaf} is at ${index}, where with the bit changed it
 * is what an SCT promises.  "transferable": what was promised names this
 * index (static-ct-api, leaf_index), and one index has one leaf.  "attested":
 * it does not; but type, time, issuer's key and serial of both are the same,
 * as far as they can be read, so that they are of one certificate, had nobody
 * made twins: a CA may sign two that differ in a bit, and the log have both.
 * NULL: nothing, as CAs that count serials up have honest ones that do.
 */
const char *evidence_flip_grade(struct span leaf, uint64_t index,
    const struct flip *);

#endif
