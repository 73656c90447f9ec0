#ifndef AUDITOR_ROLE_HEADS_H
#define AUDITOR_ROLE_HEADS_H

#include "auditor/db/lease.h"
#include "auditor/role/engine.h"

/*
 * Work `heads`: once a day, heads that nothing needs are removed.  Takes the
 * lease (its strings are freed) and ends it.
 */
void heads_sweep(struct engine *, struct lease *);

#endif
