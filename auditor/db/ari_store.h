#ifndef AUDITOR_DB_ARI_STORE_H
#define AUDITOR_DB_ARI_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * When CAs want certificates to be renewed that are not ours (RFC 9773): who
 * is asked about which of them, and what they said.
 */

/*
 * Where the CA of a directory says that it is asked, and for whom it issues
 * (its CAA identity; NULL: not said).
 */
int ari_store_place(struct db *, const char *directory, const char *owner,
    const char *url, struct err *);

/*
 * Where else: the URL of a CA, which is named by its owner or by the hash of
 * its key in hex.  "none": it is not asked.  The first that fits counts; what
 * the directories say stands between ${first} and ${last}.
 */
struct ari_places {
	struct db_strs	first_issuer, first_url;	/* of equal length */
	struct db_strs	last_issuer, last_url;
};

/*
 * Work for all that can be asked about: valid certificates of watched names,
 * but those that we ordered, that are revoked or that were replaced.  What
 * the baseline has begins in the course of ${every_s} seconds.
 */
int ari_store_plan(struct db *, const struct ari_places *, int64_t every_s,
    struct err *);

/* A certificate that is to be asked about; strings and spans are the result's. */
struct ari_ask {
	struct db_res	*r;		/* ari_ask_free() */
	struct span	 tbs, der;
	const char	*place;		/* NULL: nobody is to be asked */
	const char	*id;		/* as in ari_id(); NULL: not known */
	int64_t		 not_before, not_after;
	int64_t		 start, end, pick;	/* as before; INT64_MIN */
	int64_t		 moved_at;		/* INT64_MIN: it was not */
};

/* 1; 0: it is not to be asked about any more; -1.  Free in any case. */
int ari_store_ask(struct db *, const char *tbs_hex, const struct ari_places *,
    struct ari_ask *, struct err *);
void ari_ask_free(struct ari_ask *);

/* The certificate's identifier; NULL: it has none, and is left alone. */
int ari_store_id(struct db *, const struct span *tbs, const char *id,
    struct err *);

/* The window of start, end and pick; since moved_at it is in the past. */
int ari_store_said(struct db *, const struct ari_ask *, const char *url,
    struct err *);
/* No answer that counts; what was, stays. */
int ari_store_error(struct db *, const struct span *tbs, const char *why,
    struct err *);

/*
 * Findings renewal.requested that are over, as the certificate is revoked,
 * replaced or expired: subject, reason.  *res: db_free().
 */
int ari_store_over(struct db *, struct db_res **res, struct err *);

#endif
