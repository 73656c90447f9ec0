#ifndef RIG_PUB_ADMIN_H
#define RIG_PUB_ADMIN_H

#include "tests/rig/lib/pub.h"
#include "tests/rig/lib/web.h"

/* Answer /_rig/NAME/${verb} (README.md).  The lock is not held. */
void pub_admin(struct pub *, const struct web *, const char *,
    const struct web_req *, struct web_res *);

#endif
