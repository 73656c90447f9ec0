#ifndef PKI_CCADB_H
#define PKI_CCADB_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"

/*
 * The CRLs that CAs tell CCADB of (AllCertificateRecords as CSV).  A CA whose
 * certificates name no CRL lists it there, whole or in partitions that are
 * together one list (Mozilla Root Store Policy 6.1.2, Chrome Root Program).
 */
struct ccadb_ca {
	uint8_t		 sha256[32];	/* of its certificate; asked for */
	int		 listed;	/* there is a record of it */
	/*
	 * What it publishes: absence is proven by all of them only.  URLs as
	 * they are written, http and https, in order and each once; owned.
	 * What cannot be followed (another scheme, longer than LIMIT_PTR_URL,
	 * more than LIMIT_CCADB_CRLS) stands there as "ccadb:...", a URL that
	 * nobody answers, so that the list is not taken for a whole one.
	 */
	char		**crl;
	size_t		 ncrl;
	size_t		 cap;
};

/*
 * Look for ${n} CAs, each there once with its sha256, all else zero.  Columns
 * are found by name: "SHA-256 Fingerprint", "JSON Array of Partitioned CRLs",
 * and "Full CRL Issued By This CA" or "JSON Array of All Full CRL URLs".
 * [""], and the words expired and revoked, name nothing.  Returns how many
 * are listed, or -1 ERR_FORMAT (no such columns, cut off), ERR_LIMIT (more
 * than LIMIT_CCADB bytes); ccadb_free() in any case.
 */
long ccadb_crls(struct span csv, struct ccadb_ca *, size_t n, struct err *);

/* Free what the ${n} own; the array is the caller's. */
void ccadb_free(struct ccadb_ca *, size_t n);

#endif
