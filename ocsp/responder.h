#ifndef OCSP_RESPONDER_H
#define OCSP_RESPONDER_H

#include "base/cur.h"
#include "base/err.h"
#include "ocsp/certid.h"
#include "ocsp/ocsp_ask.h"
#include "ocsp/resp.h"
#include "pki/der.h"

/*
 * Who signed an OCSP answer, and whether they may (RFC 6960 4.2.2.2).
 *
 * Digests that collide prove nothing: MD5 and older never count, SHA-1 not
 * from 2022-06-01 on, when CAs had to stop to sign answers with it (BR
 * 7.1.3.2).  An answer that is judged at an earlier time is judged by the
 * rules of that time.  Such a signature is not bad but unchecked.
 */

/*
 * Fill in sig, who and their faults: RESPONDER, RESPONDER_EXPIRED, SIGNATURE
 * and NO_NOCHECK.  The signer is the one that the ResponderID names: the CA,
 * else a certificate inside.
 */
void responder_judge(const struct resp *, const struct certid_ca *,
    const struct ocsp_read_in *, struct ocsp_said *);

/*
 * May this certificate answer for the CA?  Issued directly by its key and
 * name, for OCSPSigning, with digitalSignature where key usage is limited, no
 * CA, nothing critical that is not known.  Its dates are not looked at.
 * 1; 0 and why not.
 */
int responder_may(const struct certid_ca *who, const struct certid_ca *ca,
    int64_t now, struct err *);

/* The ResponderID: a name on one line, or a key hash in hex; to free(). */
char *responder_name(const struct resp *);

/* What the certificate itself says against it: NULL, or a sentence's end. */
const char *responder_profile(const struct der_tbs *);

/* Does the signature algorithm count at that time?  1; 0 and why not. */
int responder_digest_ok(struct span sigalg, int64_t now, struct err *);

#endif
