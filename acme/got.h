#ifndef ACME_GOT_H
#define ACME_GOT_H

#include <stddef.h>
#include <stdint.h>

#include "acme/san.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "pki/cert.h"

/* What a CA sent as the certificate (RFC 8555, 7.4.2), before it is used. */

struct got_want {
	uint8_t			 spki_sha256[32];	/* of our key */
	const struct san	*names;			/* of the order */
	int64_t			 now;			/* microseconds */
};

#define GOT_AKI_MAX 64

struct got {
	struct buf	*der;		/* the leaf first; owned */
	size_t		 n;		/* 1: no issuer came with it */
	struct cert	 leaf;		/* tbs_sha256, serial, validity, ... */
	uint8_t		 aki[GOT_AKI_MAX];	/* keyIdentifier */
	size_t		 naki;		/* 0: none, or a longer one */
	int		 has_scts;	/* carries SCTs; not verified here */
	int		 has_crldp;	/* CRL distribution points */
	int		 short_lived;	/* BR 1.6.1: may have none */
};

/*
 * Read application/pem-certificate-chain (RFC 8555, 9.1) and check it: nothing
 * but blocks CERTIFICATE of RFC 7468; the leaf first, with our key, exactly
 * the names of the order, serverAuth, valid now (it may begin an hour ahead,
 * as clocks differ), neither a CA nor a precertificate; each one signed by the
 * next, which is a CA and not expired.  Roots are not looked at: which are
 * trusted is another question.
 *
 * 0; -1 and a sentence: ERR_LIMIT (LIMIT_GOT, LIMIT_GOT_CERTS), ERR_FORMAT for
 * what cannot be read, ERR_VERIFY for what is not what was ordered.
 * got_free() in any case.
 */
int got_read(struct span pem, const struct got_want *, struct got *,
    struct err *);

/* Append the certificates from number ${from} (0: the leaf) on as PEM of our
   own making: no byte of the CA's text goes into a file. */
void got_pem(const struct got *, size_t from, struct buf *);

/*
 * Has the topmost certificate of a chain, as got_read() takes it but not
 * verified, an issuer or else a subject of this common name (ASCII letters of
 * either case)?  1, or 0, also when it cannot be read.
 */
int got_leads_to(struct span pem, const char *cn);

void got_free(struct got *);

#endif
