#ifndef PKI_CHAIN_BUILD_H
#define PKI_CHAIN_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/limit.h"
#include "pki/chain.h"
#include "pki/chain_cert.h"

/* A path: leaf, at most LIMIT_CHAIN_DEPTH intermediates, root. */
#define CHAIN_PATH_MAX	(LIMIT_CHAIN_DEPTH + 2)

struct chain_found {
	uint32_t	at[CHAIN_PATH_MAX];	/* into chain_search.certs */
	size_t		n;
};

/* A signature that was verified. */
struct chain_sig {
	uint32_t	cert, issuer;		/* into chain_search.certs */
	int		good;
};

/* The search for paths: all certificates, and what was found. */
struct chain_search {
	struct chain_cert	*certs;		/* owned; the leaf is first */
	size_t			 ncerts;
	uint32_t		*by_subject;	/* all but the leaf, sorted */
	size_t			 nsubjects;
	struct chain_sig	 sigs[LIMIT_CHAIN_SIGS];
	size_t			 nsigs;
	size_t			 tries;
	struct chain_found	*found;		/* owned */
	size_t			 nfound;
	size_t			 names;	/* comparisons that are left */
	int			 exhausted;
};

/*
 * Find the paths from the leaf to roots of any program, likely ones first;
 * it ends at the budgets.  0, or -1 ERR_FORMAT when the leaf cannot be read;
 * chain_search_free() in any case.
 */
int chain_search(struct chain_search *, const struct chain_in *,
    struct err *);
void chain_search_free(struct chain_search *);

#endif
