#ifndef AUDITOR_DB_REV_STORE_H
#define AUDITOR_DB_REV_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"
#include "ocsp/rev.h"

/* Revocation: sources, what each says of which certificate, and the merge. */

struct rev_source_row {
	int64_t		 id;
	int		 is_ocsp;
	char		*url;
	uint8_t		 issuer_spki[32];
	struct buf	 issuer;	/* its certificate, DER; empty: not had */
	char		*fault;		/* of the last check; "" */
	int64_t		 failing_since;	/* INT64_MIN: it is fine */
	char		*number;	/* of the last good CRL; "" */
	int64_t		 this_update;	/* INT64_MIN */
	int64_t		 next_update;
	char		*etag, *last_modified;	/* "" */
	int		 probe;		/* due to be asked about no serial */
};

void rev_source_free(struct rev_source_row *);
int rev_source_load(struct db *, int64_t id, struct rev_source_row *,
    struct err *);

/*
 * Serials of valid certificates that name this CRL: text, and whether it has
 * said something of it before.
 */
int rev_source_serials(struct db *, const struct rev_source_row *,
    struct db_res **, struct err *);

/*
 * Sources that answer and have not said a word yet of a certificate that
 * names them (it came while they were being asked): due now.  Of source
 * ${id}, or of all with 0.  ${r}, unless NULL: their work, "KIND:SUBJECT".
 */
int rev_source_again(struct db *, int64_t id, struct db_res **r,
    struct err *);

/* What a check of a source found; strings borrowed, NULL: as it was. */
struct rev_source_state {
	const char	*state;		/* good, faulty, unreachable */
	const char	*fault;		/* name; "" when good */
	const char	*why;
	int64_t		 this_update, next_update;	/* INT64_MIN: as it was */
	const char	*number;
	struct span	 sha256;
	int64_t		 bytes, entries;		/* -1: as it was */
	const char	*etag, *last_modified;
};

/*
 * Store it; *since becomes failing_since (INT64_MIN when good).  A number and
 * times that went back are not kept.
 */
int rev_source_checked(struct db *, const struct rev_source_row *,
    const struct rev_source_state *, int64_t *since, struct err *);

/* What one source says of one certificate. */
struct rev_word {
	const char	*serial;
	enum rev_status	 status;	/* GOOD, REVOKED, UNKNOWN */
	int		 said;		/* UNKNOWN by the source's own word, and
					   not for want of one that counts */
	int		 reason;
	int64_t		 stated_at;
	const char	*refusal;	/* "" */
	int64_t		 fresh_until;	/* of OCSP; INT64_MIN */
	const char	*form;		/* of raw; NULL: none */
	struct span	 raw;
	struct span	 sha256;
};

/*
 * Note ${n} words of a source: a new row of history where something changed,
 * else last_seen.  UNKNOWN does not undo REVOKED, and for want of a word it
 * does not undo GOOD, which counts as long as it said that it would.  *news
 * (unless NULL) becomes the number of new rows.
 */
int rev_words(struct db *, int64_t source, const uint8_t issuer[32],
    const struct rev_word *, size_t n, int64_t *news, struct err *);

/*
 * What changed by merging anew.  Strings are owned by the list
 * (rev_changes_free()).
 */
struct rev_change_row {
	char		*serial;
	struct rev	 before, after;
	const char	*what;		/* rev_change(); NULL: the status became
					   known, or good, or unknown, or its
					   sentence is another */
	int64_t		 expected;	/* an open expectation; 0: none */
	int64_t		 expected_at;	/* when it was added */
	int64_t		 disagree_since;
};

struct rev_changes {
	struct rev_change_row	*v;
	size_t			 n, cap;
};

/* Which certificates are merged anew. */
struct rev_which {
	const uint8_t		*issuer;	/* 32 bytes */
	int64_t			 source;	/* that they name */
	const struct db_strs	*serials;	/* of these; NULL: all */
};

/*
 * Merge all sources for these certificates, store the status, and list what
 * is not as it was.  In the caller's transaction: two of one issuer wait for
 * each other.
 */
int rev_merge_some(struct db *, const struct rev_which *,
    struct rev_changes *, struct err *);
/* They were looked at, and the source says of all of them what it said. */
int rev_merge_seen(struct db *, const struct rev_which *, struct err *);
/* rev_merge_some() for all that name ${source}. */
int rev_merge_store(struct db *, const uint8_t issuer[32], int64_t source,
    struct rev_changes *, struct err *);
void rev_changes_free(struct rev_changes *);

/* --- OCSP ------------------------------------------------------------------- */

/* Serials of an OCSP source that are due, oldest first.  One text column. */
int rev_ocsp_due(struct db *, int64_t source, size_t max, struct db_res **,
    struct err *);

/* Those that are due and have expired are asked about no more. */
int rev_ocsp_forget(struct db *, int64_t source, struct err *);

/* Asked: due again in so many seconds; tries is 0 after a success. */
int rev_ocsp_asked(struct db *, int64_t source, const struct db_strs *serials,
    int64_t in_s, int ok, struct err *);

/* It was asked about a serial that nobody issued. */
int rev_ocsp_probed(struct db *, int64_t source, struct err *);

#endif
