#ifndef AUDITOR_ROLE_DEPLOY_HOOK_H
#define AUDITOR_ROLE_DEPLOY_HOOK_H

#include <stdint.h>

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "base/err.h"

/*
 * The program of acme.deploy.hook, run after a certificate was deployed: as
 * auditor/role/dns01.h runs programs, in a process that has no keys.  Besides
 * PATH, HOME, LANG and TZ it gets
 *
 *	CERTVIGIL_NAME		the first name
 *	CERTVIGIL_NAMES		all of them, parted by spaces
 *	CERTVIGIL_DIRECTORY	the folder with the files
 *	CERTVIGIL_SERIAL	hex
 *	CERTVIGIL_NOT_AFTER	RFC 3339
 *	RENEWED_LINEAGE, RENEWED_DOMAINS	the folder and the names as
 *				certbot's deploy hooks have them
 */

/*
 * Run it for the managed certificate ${id} when one is due, and wait for it.
 * 1: it ended well, and the finding deploy.failed is over; 0: none is due,
 * or none is configured any more, and that is over, too;
 * -1: ERR_DB, or ERR_VERIFY: it failed, which is stored, is the finding and
 * is tried again when due_again() says.
 */
int deploy_hook_run(struct db *, const struct conf *, int64_t id,
    struct err *);

#endif
