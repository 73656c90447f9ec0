#ifndef RIG_BIGADMIN_H
#define RIG_BIGADMIN_H

#include "tests/rig/lib/bigserve.h"

/* What the rig itself asks of a server of large logs: path, query, answer. */
void bigadmin_serve(struct bigserve *, const char *, const char *,
    struct bigres *);

#endif
