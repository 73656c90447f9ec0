#ifndef AUDITOR_DB_CERT_STORE_H
#define AUDITOR_DB_CERT_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"

struct judge_cert;

/* What judges said about certificates: all SQL of cert_fact, sct and verdicts. */

/* Columns of cert_store_due(). */
enum cert_due_col { CERT_DUE_TBS, CERT_DUE_FORM, CERT_DUE_DER, CERT_DUE_CHAIN,
	CERT_DUE_SERIAL };

/* Which certificates are due: of an issuer key, in the order of serials. */
struct cert_ask {
	const uint8_t	*spki;		/* 32 bytes */
	int64_t		 before;	/* judged before then; microseconds */
	const char	*serial;	/* behind this one; "" */
	const uint8_t	*tbs;		/* of that serial; NULL: none */
	size_t		 max;
};

/*
 * Certificates that are to be judged: valid, and new, seen in their final
 * form since, or judged long ago.  *res is freed by the caller.
 */
int cert_store_due(struct db *, const struct cert_ask *, struct db_res **res,
    struct err *);

/*
 * Issuer certificates: those with these fingerprints (row, column CHAIN of
 * the result above), and others of the key.  Columns: sha256, der.
 */
int cert_store_issuers(struct db *, const struct db_res *due, size_t row,
    const uint8_t spki[32], struct db_res **res, struct err *);

/* What was said of one. */
struct cert_in {
	const uint8_t		*tbs_sha256;	/* as the database has it */
	const struct judge_cert	*said;
};

/*
 * Store what was said of ${n} certificates, replacing what was said before;
 * the sources that they name come into revocation_source.  SCTs keep what is
 * known of their inclusion.  In the caller's transaction.
 */
int cert_store_said(struct db *, const struct cert_in *, size_t n,
    struct err *);

/* Only the SCTs, with their sources: of one that was judged otherwise. */
int cert_store_scts(struct db *, const struct cert_in *, size_t n,
    struct err *);

/*
 * A certificate that no judge can read, or that kills judges: it counts as
 * judged, with nothing to say.
 */
int cert_store_refused(struct db *, const uint8_t tbs[32], const char *form,
    struct err *);

/* The same for one that was served: kept, if it is new; der is its bytes. */
int cert_store_served(struct db *, const struct judge_cert *, struct span der,
    struct err *);

/*
 * Is there an issuance of that TBS that a log has shown (1), or that is known
 * otherwise (2)?  0: no; -1.
 */
int cert_store_known(struct db *, const uint8_t tbs[32], struct err *);

/* RSA keys of valid certificates.  Columns: spki_sha256, a certificate. */
int cert_store_keys(struct db *, size_t max, struct db_res **, struct err *);

/*
 * The key has a factor in common with another: its certificates are weak from
 * now on.  Column 0 are those that were not so before.
 */
int cert_store_shared(struct db *, const struct span *spki, const char *why,
    struct db_res **, struct err *);

#endif
