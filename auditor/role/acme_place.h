#ifndef AUDITOR_ROLE_ACME_PLACE_H
#define AUDITOR_ROLE_ACME_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "acme/flow.h"
#include "auditor/conf.h"
#include "auditor/role/challenge_msg.h"
#include "base/err.h"

/*
 * Where the answers to challenges are placed, as the configuration says:
 * http-01 by a challenge process or in a web server's folder, tls-alpn-01 by
 * a challenge process, dns-01 and dns-account-01 by updates, acme-dns or a
 * hook program; dns-persist-01 is looked for, and perhaps written.
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
 * user.  Without its port, acme_place_put() refuses a type, so that the next
 * one is tried.  NULL when none of them is left, and why: taken by whom, not
 * allowed; or ERR_CONF, one is not written as it must be.
 */
struct acme_place *acme_place_new(const struct conf *,
    const enum challenge_type *, size_t n, struct err *);
void acme_place_free(struct acme_place *);

/* The URL of the account, borrowed: before the first one is placed. */
void acme_place_as(struct acme_place *, const char *account);

/*
 * Start the process that answers now, so that it is there when it is needed;
 * where it cannot be, acme_place_put() says why.
 */
void acme_place_start(struct acme_place *);

/*
 * The same in two steps, for who keeps a place and not its ports: a process
 * that waits for them is there already, and the ports are opened (those that
 * are not) and closed again.  Closing forgets what is placed there.
 */
struct acme_place *acme_place_idle(const struct conf *, struct err *);
int acme_place_open(struct acme_place *, const enum challenge_type *,
    size_t n, struct err *);
void acme_place_close(struct acme_place *);

/*
 * Place one, of an account with this key; the CA may look when it returns 0.
 * Doing it again is harmless.  -1 and why it cannot be; ERR_TEMP: the process
 * that answers has died, which says nothing about it.
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

/*
 * Is it to be looked for only when the others of its order are placed, too?
 * Then acme_place_put() has not, and this does: 0 it is seen.
 */
int acme_place_later(const struct acme_place *, const struct flow_place *);
int acme_place_look(struct acme_place *, const struct flow_place *,
    const char *thumbprint, struct err *);

/*
 * Does placing such a one take time: until the DNS shows it, or a program
 * ends?  How many may be placed at a time, then: programs of users are not
 * made to run beside each other.
 */
int acme_place_waits(enum challenge_type);
unsigned acme_place_lines(const struct acme_place *);
/* Is one that was placed there still when nobody is here any more? */
int acme_place_outlives(const struct acme_place *, enum challenge_type);
/* How many are; the caller's, for all flows of this place together. */
unsigned *acme_place_busy(struct acme_place *);

/* What to poll for hits; -1: nothing. */
int acme_place_fd(const struct acme_place *);

/*
 * A CA (or somebody) was given an answer: 1 and what, 0, or -1: the process
 * that gives them is gone.
 */
int acme_place_hit(struct acme_place *, struct challenge_hit *,
    struct err *);

#endif
