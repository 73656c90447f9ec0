#ifndef AUDITOR_ROLE_CHILDREN_H
#define AUDITOR_ROLE_CHILDREN_H

#include <stddef.h>

#include "auditor/conf.h"
#include "auditor/role/fetch_client.h"
#include "auditor/role/probe_client.h"
#include "base/err.h"

/*
 * The processes that see the network, set up as the configuration says.
 * NULL and the error when one cannot be started.
 */
struct fetch_client *children_fetch(const struct conf *, enum egress_class,
    struct err *);

/* ${also}: networks that may be reached beside egress.allow_private. */
struct probe_client *children_probe(const struct conf *,
    const char *const *also, size_t nalso, struct err *);

#endif
