#ifndef ACME_ORDER_H
#define ACME_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "acme/problem.h"
#include "acme/url.h"
#include "base/cur.h"
#include "base/err.h"
#include "pki/name.h"

/* Orders (RFC 8555 7.1.3, 7.4): what is sent, and what comes back. */

/* --- identifiers (RFC 8555 9.7.7, RFC 8738) --- */

struct order_ident {
	int	ip;		/* an address, else a DNS name */
	int	wildcard;	/* it is ordered with "*." in front */
	char	text[NAME_TEXT];	/* lower case A-labels without "*.", or
					   an address as in RFC 5952 */
};

/*
 * What an operator wrote (any case, U-labels, "*.example.com", an address
 * with or without brackets) as an identifier.  0 or -1 ERR_FORMAT.
 */
int order_ident(const char *, struct order_ident *, struct err *);

/* As it is ordered, with "*.": written to ${out}; returns out. */
#define ORDER_TEXT (NAME_TEXT + 2)
char *order_text(const struct order_ident *, char out[ORDER_TEXT]);

/*
 * Read {"type","value"} of a CA, a value with "*." being a wildcard.  0 or -1
 * ERR_FORMAT: a type that is neither "dns" nor "ip", or no such value.
 */
int order_ident_read(const json_t *, struct order_ident *, struct err *);

/* Where ${id} is among ${n}, or -1. */
long order_find(const struct order_ident *, size_t n,
    const struct order_ident *id);

/* --- what is sent --- */

struct order_want {
	const struct order_ident *ident;	/* borrowed */
	size_t		 n;
	const char	*profile;	/* or NULL */
	const char	*replaces;	/* RFC 9773 5, a certID, or NULL */
	int64_t		 not_after;	/* wall clock, us; 0: the CA's choice */
};

/* The payload of newOrder; owned: free() it. */
char *order_new(const struct order_want *);

/*
 * The payload of finalize from a CSR in base64url; owned.  NULL with
 * ERR_FORMAT or ERR_LIMIT (LIMIT_ACME_CSR).
 */
char *order_finalize(const char *csr, struct err *);

/* --- what comes back --- */

/* Stored: never changed, only added to. */
enum order_status {
	ORDER_PENDING		= 1,
	ORDER_READY		= 2,
	ORDER_PROCESSING	= 3,
	ORDER_VALID		= 4,
	ORDER_INVALID		= 5
};

struct order {
	enum order_status	 status;
	int64_t			 expires;	/* wall clock, us; 0: unsaid */
	char			**authz;	/* URLs, each once */
	size_t			 nauthz;
	char			*finalize;
	char			*certificate;	/* NULL until valid */
	char			*profile;	/* or NULL */
	int			 failed;	/* error is filled in */
	struct problem		 error;
};

/*
 * Read an order.  Its identifiers must be those that were ordered, in any
 * order; its URLs must fit the pin; finalize must be there, one to
 * LIMIT_ACME_NAMES authorizations, and a certificate once it is valid.  0 or
 * -1 (ERR_FORMAT, ERR_LIMIT, ERR_PERM); order_free() in any case.
 */
int order_read(struct order *, struct span body,
    const struct order_want *, const struct url_pin *, struct err *);
void order_free(struct order *);

#endif
