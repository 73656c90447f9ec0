#ifndef AUDITOR_ROLE_PLANT_H
#define AUDITOR_ROLE_PLANT_H

#include <stdint.h>

#include "base/buf.h"
#include "pki/watch.h"

/*
 * A page with one entry for a watched name, made by the engine itself, to see
 * whether a judge still reports what it must.  To the judge it looks like any
 * other page.
 */

/*
 * Choose a name that the set matches; 0, or -1 when it has none that can be
 * planted (only addresses or keys).
 */
int plant_name(const struct watch_set *, char out[WATCH_NAME]);

/*
 * Append the body of a page, as a data tile of one entry or a get-entries
 * answer, whose certificate is for ${name}; ${leaf} gets its leaf hash.
 */
void plant_page(const char *name, int tile, struct buf *body,
    uint8_t leaf[32]);

#endif
