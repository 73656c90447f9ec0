#ifndef AUDITOR_ROLE_ACME_PLACE_H
#define AUDITOR_ROLE_ACME_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "acme/flow.h"
#include "auditor/conf.h"
#include "base/err.h"

/*
 * Where the answers to challenges are placed, as the configuration says:
 * http-01 by a challenge process or in a web server's folder, tls-alpn-01 by
 * a challenge process, dns-01 by updates or a hook program.
 */
struct acme_place;

/*
 * What can be placed, the best first; ${only}, unless NULL, is the name of
 * the one that is to be used.  ERR_CONF when nothing is left: says which keys
 * to write.
 */
size_t acme_place_types(const struct conf *, const char *only,
    enum challenge_type out[CHALLENGE_MAX], struct err *);

/*
 * Open the ports that these types need; as root before it becomes another
 * user.  NULL and why: taken by whom, not allowed.
 */
struct acme_place *acme_place_new(const struct conf *,
    const enum challenge_type *, size_t n, struct err *);
void acme_place_free(struct acme_place *);

/*
 * Start the process that answers now, so that it is there when it is needed;
 * where it cannot be, acme_place_put() says why.
 */
void acme_place_start(struct acme_place *);

/*
 * Place one, of an account with this key; the CA may look when it returns 0.
 * Doing it again is harmless.  -1 and why it cannot be.
 */
int acme_place_put(struct acme_place *, const struct flow_place *,
    const char *thumbprint, struct err *);

/*
 * Take it away; also one that was never there.  ${failed}: it was not
 * validated.  0, or -1 and why something of ours is still there.
 */
int acme_place_drop(struct acme_place *, const struct flow_place *,
    const char *thumbprint, int failed, struct err *);

/*
 * Would the record of a name be taken (dns-01)?  As acme_dns_may(); 0 also
 * where no record is written.
 */
int acme_place_may(struct acme_place *, const char *ident,
    uint32_t timeout_ms, struct err *);

#endif
