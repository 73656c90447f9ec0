#ifndef OCSP_OCSP_H
#define OCSP_OCSP_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"

/* OCSP responses, RFC 6960. */

struct ocsp_single {
	char	serial[130];		/* hex, without leading zeros */
	char	issuer_key_hash[130];	/* hex */
	char	status[8];		/* good, revoked, unknown */
	int64_t	this_update;		/* microseconds */
	int64_t	next_update;		/* INT64_MIN: none */
	int64_t	revoked_at;		/* INT64_MIN: none */
	int	reason;			/* RFC 5280 5.3.1; -1: none */
};

struct ocsp {
	int			 status;	/* 4.2.1; 0: successful */
	char			 said[24];	/* "successful" and so on */
	char			*responder;	/* name, or key hash in hex */
	char			 sigalg[64];
	int64_t			 produced_at;
	size_t			 ncerts;	/* inside */
	struct ocsp_single	*singles;
	size_t			 nsingles;
};

/*
 * Read a DER OCSPResponse, all of the span.  ocsp_free() it in any case.
 * 0, or -1 ERR_FORMAT.
 */
int ocsp_read(struct span der, struct ocsp *, struct err *);
void ocsp_free(struct ocsp *);

/*
 * Was it signed by the CA's key (SubjectPublicKeyInfo), or by a certificate
 * inside it that this key signed for OCSP (4.2.2.2)?  1 yes; 0 no, -1 it
 * cannot be checked, each with the error.
 */
int ocsp_verify(struct span der, struct span spki, struct err *);

#endif
