#ifndef PKI_OWNER_H
#define PKI_OWNER_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"

/*
 * Who owns a CA key.  Owners are named by the CAA identifier of the CA owner
 * (RFC 8659): "letsencrypt.org", "digicert.com".  Names in certificates are
 * never asked: anybody can write them.
 */

/* The owner of a key, or NULL. */
const char *owner_of_key(const uint8_t spki_sha256[32]);

/*
 * The owner of a certificate, from its chain (certs[0] is the end entity):
 * the first issuer's key that is known, going up, where the signature of
 * each link verifies.  NULL when none is.
 */
const char *owner_of_chain(const struct span *certs, size_t n);

/*
 * Add CCADB's AllCertificateRecords CSV: columns "CA Owner" and "SHA-256
 * Fingerprint" are needed, by name in the first line; "Subject Key
 * Identifier"-like columns are not trusted.  Fingerprints that are known add
 * to owner_of_fingerprint(); what was loaded before is replaced.  Returns
 * the number of records, or -1.
 */
long owner_load_csv(const char *text, size_t n, struct err *);

/* The owner of a CA certificate by its SHA-256 from that CSV, or NULL. */
const char *owner_of_fingerprint(const uint8_t cert_sha256[32]);

/*
 * The identifier of an owner's name as CCADB writes it ("Internet Security
 * Research Group"); an owner that is not in the table keeps its name as
 * CCADB has it.  Borrowed from the argument then.
 */
const char *owner_identifier(const char *ccadb_name);

/* Where that CA takes problem reports (an address or URL), or NULL. */
const char *owner_contact(const char *identifier);

/* Is this an identifier of the table: 1 or 0. */
int owner_known(const char *identifier);

/*
 * Does the owner go by this name in CAA records, in whatever case: 1 or 0.
 * Beside their identifier large CAs recognise others, as their CPS say (BR
 * 4.2.2.1 wants them there).
 */
int owner_is(const char *identifier, struct span name);

/* Forget what was loaded. */
void owner_reset(void);

#endif
