#ifndef AUDITOR_ROLE_SPACE_H
#define AUDITOR_ROLE_SPACE_H

#include <stddef.h>
#include <stdint.h>

struct engine;

/*
 * Finding database.low_space: the disk of the embedded database is nearly
 * full, or will be within days as fast as it grows.  It resolves when there is
 * room again.  The disk of another database server is not ours to see.
 */
void space_turn(struct engine *, int64_t now);

/*
 * Is so little ${left} (bytes), while so many a day come (0: not known)?  A
 * severity with the sentence in ${why}, or NULL; ${was}: it was so before.
 */
const char *space_judge(double left, double bytes_day, int was, char *why,
    size_t n);

#endif
