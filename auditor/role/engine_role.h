#ifndef AUDITOR_ROLE_ENGINE_ROLE_H
#define AUDITOR_ROLE_ENGINE_ROLE_H

#include <stddef.h>

#include "base/err.h"

/* What a worker does: its roles, a set of bits. */
enum engine_role {
	ROLE_INGEST = 1,	/* log lists, logs, history */
	ROLE_AUDIT = 2,		/* certificates, revocation, endpoints */
	ROLE_NOTIFY = 4,	/* deliveries, digest, heartbeat */
	ROLE_SIGN = 8,		/* what needs a key that lies here */
	ROLE_ALL = 15
};
#define ENGINE_ROLES	4

/*
 * Read "ingest,audit" into bits: 0, or -1 ERR_USAGE and which word is none.
 */
int engine_role_read(const char *, unsigned *, struct err *);

/* The names of the roles in ${roles}, in order: how many; all static. */
size_t engine_role_names(unsigned roles, const char *out[ENGINE_ROLES]);

#endif
