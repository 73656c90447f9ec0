#ifndef AUDITOR_CMD_REVOKE_H
#define AUDITOR_CMD_REVOKE_H

#include <stdint.h>

#include "auditor/cmd/material.h"
#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"
#include "pki/cert.h"

/* The certificate that `revoke` is about; owns all of it. */
struct revoke_target {
	struct buf	 der;
	struct cert	 cert;
	uint8_t		 issuer[32];	/* SHA-256 of its issuer's key */
	int		 has_issuer;
	int		 no_crl;	/* short-lived, and names none */
	/* when we ordered it; else NULL and 0 */
	char		*key_id;	/* of the sign process */
	char		*directory;
	int64_t		 account;	/* acme_account.id */
	char		*deployed;	/* where it is in use; NULL: nowhere */
};

/*
 * Read ${what} when it is a file, or standard input ("-"), as whoever called;
 * what is no file leaves the set empty.  0; -1 as material_read().
 */
int revoke_file(const char *what, struct material_set *, struct err *);

/*
 * Find the certificate that ${what} names: 64 hex digits of a cert_sha256 or
 * tbs_sha256, the name of a managed certificate, else what revoke_file() has
 * read, in which there must be one certificate that is no CA's.  Its issuer
 * comes from the chain that is with it, else from the database.
 * revoke_target_free() in any case.  ERR_NOENT: not known, or its issuer is
 * not; ERR_USAGE: several.
 */
int revoke_find(struct db *, const char *what, const struct material_set *,
    struct revoke_target *, struct err *);
void revoke_target_free(struct revoke_target *);

#endif
