#ifndef AUDITOR_CMD_ACME_H
#define AUDITOR_CMD_ACME_H

#include "acme/pkey.h"
#include "auditor/cmd/cmd.h"
#include "auditor/db/acme_store.h"
#include "auditor/role/acme_talk.h"
#include "base/err.h"

/* What the commands that talk to a CA share. */

/*
 * The account of the configured directory; ${make} 1: registered on first
 * contact, with the terms of service agreed to; 2: also the CA is asked
 * whether it has it, and makes it where it has not.  1 it is there (*made
 * says whether it is new), 0 there is none, -1.
 */
int acme_account(struct cmd_ctx *, struct acme_talk *, int make,
    struct acme_account_row *, int *made, struct err *);

/*
 * Take over what a rollover that was cut off has left: the account's next
 * key when the CA knows that one, and the thumbprint of the key in use.  1
 * taken over, 0 there was nothing, or the CA knows the key in use; -1.
 */
int acme_settle(struct cmd_ctx *, struct acme_talk *,
    struct acme_account_row *, struct err *);

/*
 * Give the account another key, of this kind (PKEY_NONE: as the one in use).
 * One that was begun and cut off is ended, or gone on with; whatever happens,
 * the key that the CA knows is kept.  0 or -1.
 */
int acme_rollover(struct cmd_ctx *, struct acme_talk *,
    struct acme_account_row *, enum pkey_kind, struct err *);

/* What an order is at, for people: ${arg} is the struct cmd_ctx. */
void acme_progress(void *arg, const char *text);

/*
 * The problem of an answer that is no success as one sentence: always -1
 * ERR_HTTP.
 */
int acme_refused(const struct acme_reply *, struct err *);

#endif
