#ifndef RIG_BOMB_H
#define RIG_BOMB_H

#include "base/buf.h"

/*
 * Append a gzip stream that inflates to the text, then about so many MiB of
 * one byte; 1 MiB takes some 6.5 KB.
 */
void bomb_put(struct buf *, struct span, uint8_t, uint64_t);

#endif
