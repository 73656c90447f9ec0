#ifndef OCSP_CRL_H
#define OCSP_CRL_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"

/* Certificate revocation lists, RFC 5280 section 5. */

struct crl_entry {
	char	serial[130];	/* hex, without leading zeros */
	int64_t	at;		/* microseconds */
	int	reason;		/* 5.3.1; -1: none given */
};

struct crl {
	char			*issuer;	/* one line */
	char			 sigalg[64];
	char			 number[130];	/* hex; "": none */
	int			 is_delta;
	int64_t			 this_update;	/* microseconds */
	int64_t			 next_update;	/* INT64_MIN: none (5.1.2.5) */
	size_t			 count;		/* entries in all */
	struct crl_entry	*entries;	/* the first of them */
	size_t			 nentries;
};

/*
 * Read a DER CRL, all of the span, keeping at most ${max} entries.
 * crl_free() it in any case.  0, or -1 ERR_FORMAT.
 */
int crl_read(struct span der, size_t max, struct crl *, struct err *);
void crl_free(struct crl *);

/*
 * Did this key (SubjectPublicKeyInfo) sign it?  1 yes; 0 no, -1 it cannot
 * be checked, each with the error.
 */
int crl_verify(struct span der, struct span spki, struct err *);

#endif
