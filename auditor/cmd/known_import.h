#ifndef AUDITOR_CMD_KNOWN_IMPORT_H
#define AUDITOR_CMD_KNOWN_IMPORT_H

#include <stddef.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/material.h"
#include "auditor/cmd/opt.h"
#include "auditor/import.h"
#include "base/err.h"

/* What `known import` is asked to do, and what it counted. */
struct known_import {
	const char	*source;	/* who declares it; NULL: we do */
	struct opt_list	 names;		/* --name: bind the keys to these too */
	int		 compromised;	/* mark the keys */
	/* Where it is: a host; what an ACME client calls it; NULL */
	const char	*host, *lineage;
	const struct import *from;	/* of an ACME client, or NULL */

	size_t		 certs, csrs, cas;
	size_t		 next;		/* keys that will be used next */
	size_t		 keys;		/* private ones that were looked at */
	size_t		 certified;	/* requests with a certificate */
	size_t		 accounts, accounts_known;
	size_t		 already;	/* were known before */
	size_t		 no_issuer;	/* issuer not known: no bound by it */
	size_t		 outside;	/* refused: not the source's */
	size_t		 silenced;	/* issuances that are silent now */
	size_t		 renew_same, renew_new, renew_once;
};

/*
 * Import everything of the set in one transaction, and decide again about
 * what is held or open.  0 or -1.
 */
int known_import_all(struct cmd_ctx *, struct known_import *,
    struct material_set *, struct err *);

/*
 * What was read of an ACME client: its certificates, the requests and keys
 * that have none yet, each once, with place and lineage.  Private keys are
 * looked at in a box; what cannot be used goes to the skips.  0 or -1.
 */
int known_from(struct known_import *, struct import *,
    struct material_set *, struct err *);

/* Print what was imported, as text or JSON. */
void known_report(const struct cmd_ctx *, const struct known_import *,
    const struct material_set *);

/*
 * An inventory of crt.sh (its JSON output) as unproven history: pairs of
 * names and issuer owner.  *pairs that are new, *unknown issuers that no
 * table has.  0 or -1.
 */
int known_import_seed(struct cmd_ctx *, const char *json, size_t n,
    const char *place, size_t *pairs, size_t *unknown, struct err *);

#endif
