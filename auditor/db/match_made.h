#ifndef AUDITOR_DB_MATCH_MADE_H
#define AUDITOR_DB_MATCH_MADE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/match_put.h"
#include "auditor/decide.h"
#include "base/buf.h"
#include "base/limit.h"

/* What is made of matches before they become rows; strings borrowed. */

struct match_made {
	uint8_t		 fp[LIMIT_CHAIN][32];	/* of the chain */
	size_t		 nfp;
	const char	*owner;			/* of the issuer; "" */
	struct buf	 names;			/* as the text of an array */
	struct buf	 chain;
};

/* Of one match; nothing of one that is malformed. */
void match_made(struct match_made *, const struct judge_match *);
void match_made_free(struct match_made *);

/*
 * The issuances of matches, in the order of tbs_sha256, each once: a certificate
 * and its precertificate are one, as if put in order.
 */
struct match_news {
	struct decide_new	*v;
	size_t			*row;		/* the first match of each */
	size_t			 n;
};
void match_news(struct match_news *, const struct match_made *,
    const struct match_row *, size_t n);
void match_news_free(struct match_news *);

/* A time that PostgreSQL can hold, whatever the certificate says. */
int64_t match_made_time(int64_t);

#endif
