#ifndef PKI_PTR_H
#define PKI_PTR_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"

/*
 * Where a certificate points to: what its AIA, CRLDP and TLS feature
 * extensions say (RFC 5280 4.2.1.13 and 4.2.2.1, RFC 7633).  URIs as they are
 * written, byte for byte, of any scheme, each once; those that are empty, hold
 * control bytes, blanks or what is not ASCII, or have more than LIMIT_PTR_URL
 * bytes, and those beyond LIMIT_PTR_URLS of a kind, are left out and counted.
 *
 * A source of revocation that is named and cannot be asked is not none:
 * PTR_LOST, the last of its list, stands for CRLs when a URI was left out or
 * there is none, and for responders when there is no URI of one.
 */
#define PTR_LOST	"(no URL)"

struct ptr {
	char		**crl;		/* fullName URIs; owned */
	size_t		 ncrl;
	char		**ocsp;
	size_t		 nocsp;
	char		**aia;		/* caIssuers */
	size_t		 naia;
	size_t		 odd;		/* left out */
	int		 must_staple;
	int		 short_lived;	/* BR 1.6.1: no CA, validity of 10 days
					   or less (7 from 2026-03-15), both
					   ends counted */
	int		 crl_partial;	/* a CRLDP with reasons or cRLIssuer */
};

/* Read them; ptr_free() in any case.  0 or -1 ERR_FORMAT. */
int ptr_read(struct span cert, struct ptr *, struct err *);
void ptr_free(struct ptr *);

#endif
