#ifndef AUDITOR_DB_ENDPOINT_SET_H
#define AUDITOR_DB_ENDPOINT_SET_H

#include <jansson.h>
#include <stddef.h>

#include "auditor/db/db.h"
#include "auditor/hostport.h"
#include "base/err.h"

/* The endpoints that are watched.  Adding and removing run in the caller's
 * transaction. */

/*
 * Add them (strings of ${h}; ${owner} of all, "" nobody's), and make the work
 * of each due now.  Those that are there stay as they are.  *fresh: how many
 * are new.  ERR_LIMIT when that would be more than LIMIT_ENDPOINTS.
 */
int endpoint_set_add(struct db *, const struct hostport *h, size_t n,
    const char *owner, size_t *fresh, struct err *);

/*
 * Watch this host and port no longer, with every kind of STARTTLS: its work
 * goes, and findings about it are resolved.  ERR_NOENT when it is not there;
 * the message has the ports that are.
 */
int endpoint_set_remove(struct db *, const struct hostport *, struct err *);

/*
 * The next ${max} with an id above ${after}, as an array: id, host, port,
 * starttls, owner, origin, added_at, checked_at, ok_at, failing_since,
 * last_error, addresses (list of addr, cert_sha256, tbs_sha256, tls_version,
 * error, first_seen, last_seen: what each serves now).  NULL on error.
 */
json_t *endpoint_set_list(struct db *, int64_t after, size_t max,
    struct err *);

#endif
