#ifndef AUDITOR_ROLE_ACME_HOLD_H
#define AUDITOR_ROLE_ACME_HOLD_H

#include <stdint.h>

#include "auditor/db/acme_store.h"
#include "base/err.h"

/* Who drives an order: one process at a time, until it is no more. */

/* This process, "host:pid". */
void acme_hold_me(char out[128]);

/*
 * Take the open order of a managed certificate, also from a process of this
 * host that is no more; when none is open, one that failed and came to
 * something all the same (loop_reopen()).  As order_open(): 1; 0 there is
 * none; -1.
 */
int acme_hold(struct db *, int64_t managed, struct order_row *, struct err *);

#endif
