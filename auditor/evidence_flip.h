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
 * one bit: "flipped", transferable.  -1 ERR_VERIFY when that does not show
 * it.
 */
int evidence_flipped(struct evidence *, int sct, int entry,
    const struct flip *, struct err *);

/* Judge one. */
enum evidence_verdict evidence_check_flipped(struct evidence_file *,
    size_t i, const json_t *, char *why, size_t cap, struct err *);

/*
 * What it shows that ${leaf} is at ${index}, where with the bit changed it is
 * what an SCT promises.
 */
enum flip_shows {
	/* nothing: CAs that count serials up have honest ones that do */
	FLIP_NOTHING = 0,
	/*
	 * Type, time, issuer's key and serial of both are the same, as far as
	 * they can be read: they are of one certificate, had nobody made
	 * twins.  The log is cleared by what was promised at another index.
	 */
	FLIP_TWIN,
	/* what was promised names this index (static-ct-api, leaf_index), and
	   one index has one leaf */
	FLIP_INDEX
};

enum flip_shows evidence_flip_shows(struct span leaf, uint64_t index,
    const struct flip *);

#endif
