#ifndef ACME_ARI_H
#define ACME_ARI_H

#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "pki/der.h"

/* Renewal information (RFC 9773). */

/*
 * Append what identifies a certificate (RFC 9773, 4.1), and stands behind the
 * renewalInfo URL and in "replaces": the authority key identifier and the
 * serial number's octets, leading 00 kept, as base64url with a dot between.
 * 0; -1 ERR_FORMAT: unreadable, or no key identifier.
 */
int ari_id(struct span cert, struct buf *out, struct err *);

/*
 * The keyIdentifier of the authority key identifier (RFC 5280, 4.2.1.1), which
 * points into the certificate: 0, or -1 when there is none.
 */
int ari_key_id(const struct der_tbs *, struct span *);

/* An answer (RFC 9773, 4.2). */
struct ari {
	int64_t	 start, end;	/* microseconds; start < end */
	char	*url;		/* explanationURL: printable ASCII, http or
				   https; NULL: none that can be shown */
};

/*
 * Read the answer, at most LIMIT_ARI bytes.  0; -1 ERR_LIMIT, ERR_FORMAT, also
 * when the end is not after the start.  ari_free() in any case.
 */
int ari_read(struct span body, struct ari *, struct err *);
void ari_free(struct ari *);

/* The time in the window that a random number stands for (4.2): from start
   on, before the end.  It is to be chosen once and kept. */
int64_t ari_pick(const struct ari *, uint64_t random);

/* Is all of the window before ${now}?  Then the CA wants the certificate
   renewed at once, and probably revokes it.  1 or 0. */
int ari_past(const struct ari *, int64_t now);

/*
 * Seconds until it is asked again (RFC 9773, 4.3): Retry-After, at least a
 * minute and at most a day; six hours when it is NULL, "" or unreadable.
 */
#define ARI_WAIT_MIN	60
#define ARI_WAIT_MAX	86400
#define ARI_WAIT	21600
int64_t ari_wait(const char *retry_after, int64_t now);

#endif
