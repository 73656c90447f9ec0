#ifndef CTLOG_STH_H
#define CTLOG_STH_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"
#include "base/http.h"

/* Tree heads, RFC 6962 section 3.5 and 4.3.  Plain data, no ownership. */

/* A DigitallySigned with an RSA signature of 8,192 bits. */
#define STH_SIG_MAX	(4 + 1024)
/* What is signed: a TreeHeadSignature. */
#define STH_SIGNED	50

struct sth {
	uint64_t	tree_size;
	uint64_t	timestamp;		/* ms */
	uint8_t		root[32];
	uint8_t		sig[STH_SIG_MAX];	/* DigitallySigned */
	size_t		nsig;
};

/* The request; ${base} ends with a slash.  -1 when the URL is too long. */
int sth_url(const char *base, struct http_req *);

/* Read the answer to get-sth.  The signature is not checked. */
int sth_read_json(struct span body, struct sth *, struct err *);

/* The 50 bytes that are signed. */
void sth_signed(const struct sth *, uint8_t out[STH_SIGNED]);

/*
 * Check the signature with the log's key, a DER SubjectPublicKeyInfo: P-256
 * or P-384 ECDSA, or RSA of at least 2,048 bits.  An empty key is an error.
 */
int sth_verify(const struct sth *, struct span spki, struct err *);

#endif
