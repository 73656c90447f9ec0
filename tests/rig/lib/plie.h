#ifndef RIG_PLIE_H
#define RIG_PLIE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * The lies of a publisher of revocation (casrv; README.md has the table):
 * what, to which kind of request, at which listener, about which serial or
 * CRL shard, how often.  The same lie may be told of several of these.
 */

enum pkind { PKIND_GET, PKIND_POST, PKIND_CRL, PKIND_AIA, PKIND_MAX };

enum plie_id {
	/* of OCSP and CRL */
	PLIE_STALE, PLIE_FUTURE, PLIE_NONEXT, PLIE_BADSIG, PLIE_WRONGKEY,
	PLIE_CRITICAL, PLIE_GARBAGE, PLIE_DEEP, PLIE_TRUNCATED,
	/* of OCSP */
	PLIE_RESPONDER, PLIE_NOEKU, PLIE_NONOCHECK, PLIE_EXPIRED,
	PLIE_NOCERTS, PLIE_GOOD, PLIE_TRYLATER, PLIE_INTERNAL, PLIE_UNAUTH,
	PLIE_MALFORMED, PLIE_SERIAL, PLIE_ISSUER, PLIE_CONTRADICT,
	PLIE_NONCE, PLIE_SHA1, PLIE_MANY,
	/* of CRLs */
	PLIE_WRONGIDP, PLIE_NOIDP, PLIE_REWOUND, PLIE_DROP, PLIE_EXTRA,
	PLIE_DUP, PLIE_DELTA, PLIE_INDIRECT, PLIE_REASONS, PLIE_ONLYCA,
	PLIE_NONUMBER, PLIE_SAMENUMBER, PLIE_HUGE, PLIE_BIGSERIAL,
	PLIE_BOMB,
	/* of HTTP */
	PLIE_SLOW, PLIE_STALL, PLIE_RESET, PLIE_CUT, PLIE_HTML, PLIE_EMPTY,
	PLIE_304, PLIE_400, PLIE_404, PLIE_410, PLIE_429, PLIE_500, PLIE_503,
	PLIE_REDIRECT, PLIE_LOOP, PLIE_BODY, PLIE_GZIP, PLIE_WRONGGZIP,
	PLIE_TYPE, PLIE_PEM, PLIE_MAX
};

struct plie {
	enum plie_id	 id;
	uint32_t	 kinds;		/* bit set of enum pkind */
	int		 at;		/* listener, -1: any */
	int		 shard;		/* -1: any, 0: the full CRL */
	char		 serial[44];	/* "": any */
	int64_t		 n;		/* its number */
	int64_t		 times;		/* still to be told; -1: for ever */
	char		 mode[32];
	char		 url[512];
	uint64_t	 told;
};

struct plies {
	struct plie	*l;
	size_t		 n, cap;
};

/* What a request is about. */
struct pask {
	enum pkind	 kind;
	int		 at;
	int		 shard;		/* CRL; -1 else */
	const char	*serial;	/* OCSP; NULL else */
};

/* The name of a kind, as in the README and the statistics. */
const char *pkind_name(enum pkind);

/*
 * Set or end a lie by its arguments in query string form: lie, on, n, times,
 * mode, kind, serial, shard, url; ${at} is its listener (-1: any).
 */
int plie_set(struct plies *, const char *, int, struct err *);

/* The lie that is to be told now, counted, or NULL; valid till the next. */
struct plie *plie_tell(struct plies *, enum plie_id, const struct pask *);

/* The same without counting. */
struct plie *plie_is(struct plies *, enum plie_id, const struct pask *);

/* Append all as a JSON array. */
void plie_list(const struct plies *, struct buf *);

#endif
