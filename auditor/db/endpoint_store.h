#ifndef AUDITOR_DB_ENDPOINT_STORE_H
#define AUDITOR_DB_ENDPOINT_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/* Endpoints and what they served: SQL of the job that looks at them. */

struct endpoint_row {
	int64_t	 id;
	char	*host;
	int	 port;
	char	 starttls[8];
	char	*owner;
	char	 subject[300];	/* HOST:PORT, "/smtp" behind; of findings */
};

void endpoint_row_free(struct endpoint_row *);

/* Load one that is watched; ERR_NOENT. */
int endpoint_load(struct db *, int64_t id, struct endpoint_row *,
    struct err *);

/* What an address served; hashes NULL when there was no handshake. */
struct endpoint_seen {
	const char	*addr;
	const uint8_t	*cert_sha256, *tbs_sha256;
	struct db_spans	 chain;		/* hashes, as served */
	const char	*tls_version;
	struct span	 staple, scts;
	const char	*error;		/* "" */
};

/* Note it: a new row of history where another certificate is served. */
int endpoint_seen(struct db *, int64_t id, const struct endpoint_seen *,
    struct err *);

/* Has this address served a certificate when it was looked at last?  1, 0; -1. */
int endpoint_serving(struct db *, int64_t id, const char *addr, struct err *);

/* It was looked at: reached or not, and why not. */
int endpoint_checked(struct db *, int64_t id, int ok, const char *error,
    struct err *);

/* Addresses that it has no more are no longer observed. */
int endpoint_addrs(struct db *, int64_t id, const struct db_strs *addrs,
    struct err *);

/* What is known of a certificate that is served. */
struct endpoint_about {
	int	have;		/* there is an issuance */
	int	logged;		/* a log has shown it, or its SCT is proven */
	int	promised;	/* SCTs of it are not decided yet */
	int	known;		/* declared by somebody */
	int	trusted;	/* by a program, through AIA perhaps */
	int	revoked;
	int	renewed;	/* one for its names is logged for days */
};

int endpoint_about(struct db *, const uint8_t tbs[32],
    struct endpoint_about *, struct err *);

/* Findings about that certificate tell where it is served. */
int endpoint_served_at(struct db *, const uint8_t tbs[32], struct err *);

#endif
