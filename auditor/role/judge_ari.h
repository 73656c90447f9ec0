#ifndef AUDITOR_ROLE_JUDGE_ARI_H
#define AUDITOR_ROLE_JUDGE_ARI_H

#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * JUDGE_ARI: renewal information (RFC 9773), read by a judge.  Of a
 * certificate its identifier, of a CA's answer its window.
 */

enum judge_ari_what { JUDGE_ARI_CERT, JUDGE_ARI_ANSWER };

/* The question. */
void judge_ari_pack(struct buf *, enum judge_ari_what, struct span);

struct judge_ari {
	const char	*id;		/* of a certificate; borrowed */
	int64_t		 start, end;	/* of an answer, microseconds */
	const char	*url;		/* explanationURL, ""; borrowed */
};

/* What follows a reply that is ok: 0 or -1. */
int judge_ari_read(struct cur *, struct judge_ari *);

/* --- inside a judge --- */

struct judge;
int judge_do_ari(struct judge *, struct cur *, uint64_t id, struct err *);

#endif
