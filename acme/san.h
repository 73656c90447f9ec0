#ifndef ACME_SAN_H
#define ACME_SAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "pki/name.h"

/*
 * The names of an order, of a request and of a certificate, which must be the
 * same (RFC 8555, 7.4): DNS names in lower case as A-labels, "*." in front of
 * wildcards, and IP addresses as RFC 5952 writes them.
 */
struct san {
	char	**v;	/* sorted, each once; owned */
	size_t	 n;
	size_t	 cap;
};

#define SAN_INIT { NULL, 0, 0 }

/*
 * The canonical form of a name that somebody wrote, U-labels too: 0, or -1
 * ERR_FORMAT and what is wrong.
 */
int san_canon(const char *, char out[NAME_TEXT], struct err *);

/* Of a canonical name: the octets of an address (4 or 16), 0: a DNS name. */
size_t san_ip(const char *, uint8_t out[16]);

/* Is it a wildcard?  1 or 0. */
int san_wild(const char *);

/*
 * Names that somebody wrote.  0; -1 ERR_FORMAT (also: none), ERR_LIMIT above
 * LIMIT_SAN_NAMES.  san_free() in any case.
 */
int san_of(const char *const *names, size_t n, struct san *, struct err *);

/*
 * The body of a GeneralNames (RFC 5280, 4.2.1.6), as der_tbs.san has it:
 * names that ACME can order, and no others.  As san_of().
 */
int san_read(struct span names, struct san *, struct err *);

/* Append GeneralNames, the value of a subjectAltName. */
void san_put(const struct san *, struct buf *);

/* Is the canonical name one of them?  1 or 0. */
int san_has(const struct san *, const char *);

/*
 * Are these the names that were ordered?  0; -1 ERR_VERIFY and the first one
 * that is missing or was not ordered.
 */
int san_same(const struct san *ordered, const struct san *got, struct err *);

/*
 * Is each common name of a subject (a Name, whole) among the names?  CAs look
 * at it, too.  0; -1 ERR_FORMAT.
 */
int san_subject(const struct san *, struct span subject, struct err *);

void san_free(struct san *);

#endif
