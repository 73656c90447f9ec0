#ifndef AUDITOR_CMD_SIGNER_H
#define AUDITOR_CMD_SIGNER_H

#include "auditor/evidence.h"
#include "base/buf.h"
#include "base/err.h"

/* The instance key for a command: a sign process of its own. */

struct sign_client;

struct signer {
	struct evidence_signer	 signer;
	struct sign_client	*client;
};

/* Start the process that holds the key of a state directory; 0 or -1. */
int signer_open(struct signer *, const char *state_dir, struct err *);
void signer_close(struct signer *);

/*
 * Write evidence: to stdout when ${path} is NULL or "-", else to a file that
 * is complete or not there (mode 0644 less the umask).  0 or -1 ERR_SYS.
 */
int signer_write(const char *path, const struct buf *, struct err *);

#endif
