#ifndef RIG_PUB_WIRE_H
#define RIG_PUB_WIRE_H

#include "tests/rig/lib/pub.h"
#include "tests/rig/lib/web.h"

/*
 * Tell the lies that are about any answer: its status, its body as bytes, its
 * pace (README.md).  ${url} is that of the request.  The lock is held.
 */
void pub_wire(struct pub *, const struct pask *, const char *,
    struct web_res *);

#endif
