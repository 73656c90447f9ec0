#ifndef CTLOG_WITNESS_H
#define CTLOG_WITNESS_H

#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"

/*
 * Witnesses: others who cosign the checkpoints of a log after they have seen
 * that it only grew (C2SP tlog-cosignature, "cosignature/v1", Ed25519).
 * Plain data, no ownership.
 */

#define WITNESS_NAME_MAX	256

struct witness {
	char	name[WITNESS_NAME_MAX];	/* of its key, as in signature lines */
	uint8_t	id[4];			/* key id */
	uint8_t	key[32];		/* Ed25519 */
};

enum witness_verdict {
	WITNESS_NONE,		/* no line of it */
	WITNESS_GOOD,
	WITNESS_BAD		/* a line of it whose signature is wrong */
};

/* Of name and key: the key id is computed.  -1: no name of a key. */
int witness_make(struct witness *, const char *name, const uint8_t key[32],
    struct err *);

/*
 * Read a verifier key, "NAME+HASH+BASE64" with the type 0x04 in front of the
 * key (C2SP signed-note).  ERR_FORMAT.
 */
int witness_read(const char *vkey, struct witness *, struct err *);

/*
 * What a checkpoint that note_read() has taken says of this witness.  *at:
 * when it says that it saw it, in seconds; of good ones only.  A good line
 * counts, whatever else bears its name.
 */
enum witness_verdict witness_check(struct span note, const struct witness *,
    uint64_t *at);

#endif
