#ifndef AUDITOR_ALERT_EXEC_H
#define AUDITOR_ALERT_EXEC_H

#include <stdint.h>

#include "auditor/alert/message.h"
#include "base/buf.h"

/*
 * What a program gets that is run for a message: the environment variables of
 * certspotter-script(8), so that its scripts work, and CERTVIGIL_* ones.
 * Pure.
 */

/* What the database has about the certificate of a finding. */
struct exec_cert {
	char		*log_uri;	/* NULL: no entry of it */
	int64_t		 index;
	char		*cert_type;	/* x509, precert */
	char		*leaf_hash;	/* base64 */
	char		*cert_sha256;	/* hex */
	char		*spki_sha256;
	char		*serial;
	int64_t		 not_before;	/* microseconds, INT64_MIN: unknown */
	int64_t		 not_after;
	json_t		*names;		/* array of strings */
	struct buf	 pem;		/* certificate and its chain */
};

#define EXEC_CERT_INIT { NULL, 0, NULL, NULL, NULL, NULL, NULL, INT64_MIN, \
	INT64_MIN, NULL, { NULL, 0, 0 } }

void exec_cert_free(struct exec_cert *);

/* An environment: "NAME=value" strings, the last one NULL; owned. */
struct exec_env {
	char	**v;
	size_t	  n;
	size_t	  cap;
};

/* Add NAME=value; bytes that an environment cannot hold are left out. */
void exec_env_add(struct exec_env *, const char *name, const char *value);
void exec_env_free(struct exec_env *);

/*
 * The variables for the first finding of the message; ${cert} may be NULL.
 * Files (CERT_FILENAME, JSON_FILENAME, TEXT_FILENAME) are added by the
 * caller, who knows their names.
 */
void exec_env_fill(struct exec_env *, const struct message *,
    const struct exec_cert *);

/* certspotter's JSON about a certificate (JSON_FILENAME). */
void exec_json(const struct message *, const struct exec_cert *, struct buf *);

#endif
