#ifndef AUDITOR_ROLE_ACME_PLACE_DNS_H
#define AUDITOR_ROLE_ACME_PLACE_DNS_H

#include <stdint.h>

#include "acme/flow.h"
#include "auditor/conf.h"
#include "base/err.h"

/*
 * The TXT records of dns-01 (RFC 8555, 8.4) and dns-account-01 (the same at
 * another name), as acme.challenges.dns-01 says: written by updates (RFC
 * 2136), by acme-dns or by a hook program, then looked for where a CA would
 * look.  Everything blocks, and has a deadline.
 *
 * Only the record of one challenge is written and taken away, never the whole
 * set: a name and its wildcard have theirs at the same place.
 */
struct acme_dns;

/* Is there a way to write those of dns-01?  1 or 0. */
int acme_dns_is(const struct conf *);

/*
 * As it is configured; ${conf} is borrowed.  The secret is not read yet: that
 * is for the user that it becomes.  NULL and ERR_CONF with the key that is
 * wrong.
 */
struct acme_dns *acme_dns_new(const struct conf *, struct err *);
void acme_dns_free(struct acme_dns *);

/* The URL of our account, borrowed: dns-account-01, dns-persist-01. */
void acme_dns_as(struct acme_dns *, const char *account);

/*
 * Write the record of a challenge with this key authorization (RFC 8555,
 * 8.1); 0 when it is there and seen.  Again is harmless.  -1 and a sentence:
 * it has been taken away as far as that was possible.
 */
int acme_dns_put(struct acme_dns *, const struct flow_place *,
    const char *auth, struct err *);

/*
 * Certbot's hooks may do their work at the last challenge of an order only:
 * acme_dns_put() does not look for those before it (1), which is for
 * acme_dns_look() when the last one is placed.
 */
int acme_dns_later(const struct conf *, const struct flow_place *);
int acme_dns_look(struct acme_dns *, const struct flow_place *,
    const char *auth, struct err *);

/*
 * Take it away, also one that was never there; ${failed} is for the hook: it
 * was not validated.  0, or -1 and a sentence when one that was written by
 * acme_dns_put() is still there.
 */
int acme_dns_drop(struct acme_dns *, const struct flow_place *,
    const char *auth, int failed, struct err *);

/*
 * Would the record of a name be taken?  Nothing changes.  1 yes; 0 nobody can
 * tell (it is a hook); -1 and a sentence.  Silence is waited for so long.
 */
int acme_dns_may(struct acme_dns *, const char *ident, uint32_t timeout_ms,
    struct err *);

#endif
