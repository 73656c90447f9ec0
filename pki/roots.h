#ifndef PKI_ROOTS_H
#define PKI_ROOTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"

/* Root programs: the roots that one of them trusts for TLS servers, dated. */

struct root {
	uint8_t		*der;		/* owned by the program */
	size_t		 nder;
	uint8_t		 sha256[32];
	uint8_t		 name[32];	/* SHA-256 of the canonical subject */
	uint8_t		 key[32];	/* SHA-256 of the SPKI */
	struct span	 subject;	/* whole Name; into der */
	struct span	 spki;		/* whole SPKI; into der */
	int64_t		 distrust_after; /* leaf notBefore or SCT after it is
					    not trusted; INT64_MIN: none */
	int64_t		 sct_not_after;	/* Chrome: an SCT not after it is needed;
					   INT64_MIN: none */
};

struct roots {
	char		*program;	/* "system", "mozilla", "chrome", ... */
	struct root	*v;		/* sorted by sha256 */
	size_t		 n, cap;
};

/* An empty program; roots_free() takes NULL. */
struct roots *roots_new(const char *program);
void roots_free(struct roots *);

/* Add one certificate (DER, copied); one that is there is fine. */
int roots_add(struct roots *, struct span der, int64_t distrust_after,
    struct err *);

/* Call after adding: sorts. */
void roots_done(struct roots *);

/*
 * Add all certificates of a PEM bundle; returns how many, -1 ERR_FORMAT.
 * Ones that cannot be read are passed over and counted in *bad (or NULL).
 */
long roots_pem(struct roots *, struct span text, size_t *bad, struct err *);

/*
 * Mozilla's certdata.txt (NSS): certificates with CKT_NSS_TRUSTED_DELEGATOR
 * for server auth, CKA_NSS_SERVER_DISTRUST_AFTER as distrust_after.
 */
long roots_certdata(struct roots *, struct span text, struct err *);

/*
 * CCADB's AllCertificateRecords CSV joined with AllCertificatePEMs: of the
 * program ("Mozilla", "Google Chrome", "Apple", "Microsoft") those whose
 * status column says Included; "Distrust for TLS After Date" counts.  Columns
 * by name.
 */
long roots_ccadb(struct roots *, const char *ccadb_program, struct span records,
    struct span pems, struct err *);

/* The root that is this certificate; by subject and key; NULL. */
const struct root *roots_find(const struct roots *, const uint8_t sha256[32]);
const struct root *roots_find_key(const struct roots *, struct span subject,
    struct span spki);

#endif
