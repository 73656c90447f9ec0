#ifndef CTLOG_SCT_H
#define CTLOG_SCT_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"
#include "ctlog/entry.h"

/* Signed certificate timestamps, RFC 6962 section 3.2 and 3.3. */

/* Spans point into the input. */
struct sct {
	uint8_t		log_id[32];
	uint64_t	timestamp;	/* ms */
	struct span	ext;		/* CtExtensions, without length */
	int64_t		leaf_index;	/* of static-ct-api; -1: none */
	uint8_t		hash_alg;	/* RFC 5246 7.4.1.4.1 */
	uint8_t		sig_alg;
	struct span	sig;
};

/* Read one SCT of version 1; strict, nothing may be left. */
int sct_read(struct span, struct sct *, struct err *);

/*
 * Split a SignedCertificateTimestampList (u16 length, SCTs with u16 length
 * each) into ${out}; each is then read on its own, so that one bad SCT does
 * not hide the others.  An empty list, an empty SCT and left-over bytes are
 * errors, more than ${max} are ERR_LIMIT.
 */
int sct_list(struct span, struct span *out, size_t max, size_t *n,
    struct err *);

/*
 * The list inside the X.509 extension 1.3.6.1.4.1.11129.2.4.2: ${extnvalue}
 * is the content of extnValue, which is again an OCTET STRING.
 */
int sct_unwrap(struct span extnvalue, struct span *list, struct err *);

/*
 * Check the signature over ${subject} with the log's SubjectPublicKeyInfo.
 * Of ${subject}, type, cert and issuer_key_hash count; timestamp and
 * extensions are those of the SCT.
 */
int sct_verify(const struct sct *, const struct entry *subject,
    struct span spki, struct err *);

#endif
