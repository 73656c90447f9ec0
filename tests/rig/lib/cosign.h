#ifndef RIG_COSIGN_H
#define RIG_COSIGN_H

#include <stdint.h>

#include "base/buf.h"

/*
 * A witness of the rig, "witness.rig", whose Ed25519 key is the SHA-256 of
 * "rig witness" (C2SP tlog-cosignature).  Append its signature line over the
 * text of a note; ${bad}: with one bit changed.
 */
void cosign_line(struct buf *, struct span text, uint64_t seconds, int bad);

#endif
