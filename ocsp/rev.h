#ifndef OCSP_REV_H
#define OCSP_REV_H

#include <stddef.h>
#include <stdint.h>

/*
 * One revocation status out of what the sources of a certificate say, with
 * provenance.  Pure.  Keyed by issuer key and serial, never by certificate.
 */

enum rev_status {
	REV_UNKNOWN,		/* a required source is silent or faulty */
	REV_GOOD,		/* every required source is fresh, authentic and
				   does not list it */
	REV_REVOKED,		/* any authentic source in scope says so */
	REV_NOT_APPLICABLE	/* short-lived, or names no source */
};

enum rev_kind { REV_CRL, REV_OCSP };

/* One source as it stands. */
struct rev_source {
	enum rev_kind	 kind;
	const char	*where;		/* URL or file; borrowed */
	int		 required;	/* good needs it */
	enum rev_status	 status;	/* of this source alone; UNKNOWN:
					   refused, stale, not asked */
	int64_t		 revoked_at;	/* stated; INT64_MIN: none */
	int		 reason;	/* -1: none */
	int64_t		 seen_at;	/* when it was read; INT64_MIN: never */
	const char	*refusal;	/* why not; "" or NULL: fine */
	int		 part;		/* with others of its kind one list: that
					   it does not list a certificate
					   contradicts none of them */
};

struct rev {
	enum rev_status	 status;
	int		 reason;	/* -1: none */
	int64_t		 stated_at;	/* earliest stated date; INT64_MIN */
	long		 source;	/* that decided; -1: none */
	int		 disagree;	/* one says revoked, a fresh one good */
	char		 why[256];	/* a sentence */
};

/*
 * Merge.  ${none}: the certificate may do without (short-lived, or names
 * neither CRL nor OCSP): then NOT_APPLICABLE when there is no source, or none
 * that is required and none that answers.
 *
 * Of several that revoke, the one with the weightiest reason decides
 * (keyCompromise, another, certificateHold, unspecified, none), then the
 * earliest date.  removeFromCRL takes a hold back: such a source is neither
 * revoked nor good.
 */
void rev_merge(const struct rev_source *, size_t n, int none, struct rev *);

/* "good", "revoked", "unknown", "not_applicable". */
const char *rev_name(enum rev_status);

/* RFC 5280 5.3.1: "keyCompromise", ...; "" for -1, "unknown reason" else. */
const char *rev_reason_name(int);
/* The number of a name ("keyCompromise", any case) or of digits; -1. */
int rev_reason_parse(const char *);

/*
 * What changed between two states of one certificate: "revoked",
 * "unrevoked" (removed before expiry), "reason", "date", or NULL.  UNKNOWN
 * after REVOKED is no change: keep the last state that was known as ${before}.
 */
const char *rev_change(const struct rev *before, const struct rev *after);

#endif
