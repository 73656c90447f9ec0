#ifndef AUDITOR_ROLE_AUDIT_CCADB_H
#define AUDITOR_ROLE_AUDIT_CCADB_H

#include <stdint.h>

#include "auditor/role/engine.h"
#include "base/err.h"

/* The CRLs that only CCADB knows, as the configuration's list has them. */
struct audit_ccadb {
	int	known;		/* what follows was stored, or refused */
	int	none;		/* there was no list */
	int64_t	mark[5];	/* which file it was */
	uint8_t	wanted[32];	/* and for which CAs */
};

/*
 * Plan them: reads the list when the file changed, or when other CAs have
 * certificates without CRLDP.  A list that cannot be read leaves what was
 * there.  0, or -1 when the database fails.
 */
int audit_ccadb_plan(struct audit_ccadb *, struct engine *, struct err *);

#endif
