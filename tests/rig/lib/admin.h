#ifndef RIG_ADMIN_H
#define RIG_ADMIN_H

#include "tests/rig/lib/rig.h"
#include "tests/rig/lib/web.h"

/* Answer a request to /_rig/${path} (README.md).  No lock is held. */
void admin_serve(struct rig *, const char *, const struct web_req *,
    struct web_res *);

#endif
