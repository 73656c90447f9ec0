#ifndef AUDITOR_ROLE_ACME_ADVICE_H
#define AUDITOR_ROLE_ACME_ADVICE_H

#include "auditor/db/acme_store.h"
#include "auditor/role/acme_talk.h"
#include "base/err.h"

/* When the CA wants a certificate to be renewed (RFC 9773). */

/*
 * Ask the CA about a managed certificate, unless it was asked and said to
 * wait: 1 and the number in the talk, or 0.
 */
int acme_advice_ask(struct acme_talk *, struct managed_row *, uint64_t *id);

/*
 * What it said, which is stored.  A time in the window is chosen once and
 * kept as long as the window stays.  When the CA has moved it into the past,
 * that is a finding, and the certificate is due.  An answer that is none
 * leaves what was, and is asked for again when ari_next of the row says.  0,
 * or -1: the database.
 */
int acme_advice_said(struct db *, struct managed_row *,
    const struct acme_reply *, struct err *);

/*
 * When it is to be renewed: as advised, but never later than by its age;
 * INT64_MIN: at once, also when there is another reason (due_why).
 */
int64_t acme_advice_at(const struct managed_row *);

#endif
