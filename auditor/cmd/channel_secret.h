#ifndef AUDITOR_CMD_CHANNEL_SECRET_H
#define AUDITOR_CMD_CHANNEL_SECRET_H

#include "base/err.h"

/*
 * Make a webhook secret: 32 random bytes as "whsec_..." in
 * STATE_DIR/secrets/NAME.secret (0600, synced).  ERR_USAGE when the file is
 * there already.  *path and *secret are freed by the caller, who wipes the
 * latter.
 */
int channel_secret_make(const char *state_dir, const char *name, char **path,
    char **secret, struct err *);

#endif
