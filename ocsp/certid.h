#ifndef OCSP_CERTID_H
#define OCSP_CERTID_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "ocsp/ocsp_ask.h"

/*
 * How OCSP names certificates (RFC 6960 4.1.1): hashes of the issuer's name
 * and key, and a serial number.
 */

/* A CA or a responder: what is hashed of it.  Spans into its certificate. */
struct certid_ca {
	struct span	cert;		/* all of it */
	struct span	subject;	/* Name, whole */
	struct span	spki;		/* SubjectPublicKeyInfo, whole */
	struct span	key;		/* content of its BIT STRING, without
					   the count of unused bits */
};

/* Take a certificate apart: 0 or -1 ERR_FORMAT. */
int certid_ca(struct span cert, struct certid_ca *, struct err *);

/* SHA-1 of the key, as a ResponderID has it (4.2.1, KeyHash): 0 or -1. */
int certid_key_hash(const struct certid_ca *, uint8_t out[20]);

/*
 * Append the content of the INTEGER that a serial number is (hex, "-" in
 * front of a negative one): 0 or -1 ERR_FORMAT.
 */
int certid_serial(const char *hex, struct buf *, struct err *);

/* The way back, into ${out}[CERTID_TEXT]: 0, or -1 when it is too long. */
#define CERTID_TEXT	130
int certid_serial_text(struct span integer, char *out);

/* Append a CertID; ${serial} is the content of the INTEGER.  0 or -1. */
int certid_put(const struct certid_ca *, enum ocsp_hash, struct span serial,
    struct buf *);

/* A CertID, taken apart; all are contents. */
struct certid {
	struct span	hash;		/* OID */
	struct span	name;
	struct span	key;
	struct span	serial;
};

/* Read the content of a CertID: 0 or -1. */
int certid_read(struct span body, struct certid *);

enum certid_is {
	CERTID_OTHER,		/* another serial number */
	CERTID_SERIAL,		/* the serial number, but of another issuer or
				   by a hash that is not known */
	CERTID_SAME
};

/*
 * Does it mean this certificate?  The hashes are computed anew in the
 * algorithm that it names (SHA-1 and SHA-2): an answer need not use the one
 * of the question.  A serial counts as a number, not as bytes.
 */
enum certid_is certid_is(const struct certid *, const struct certid_ca *,
    struct span serial);

#endif
