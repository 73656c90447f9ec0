#ifndef CTLOG_RFC6962_H
#define CTLOG_RFC6962_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "base/http.h"
#include "ctlog/merkle.h"

/*
 * The read calls of RFC 6962 section 4, requests and answers, but for
 * get-sth (sth.h) and the answer of get-entries (page.h).  A ${base} ends
 * with a slash.  Requests return -1 when the URL is too long or the numbers
 * make no request.
 */

struct rfc6962_proof {
	uint64_t	leaf_index;	/* of an inclusion proof */
	size_t		n;
	uint8_t		path[MERKLE_PROOF][32];
};

/* 4.6: entries ${start} to ${end}, both inclusive. */
int rfc6962_entries(const char *base, uint64_t start, uint64_t end,
    struct http_req *);
/* 4.4: 0 < first < second. */
int rfc6962_consistency(const char *base, uint64_t first, uint64_t second,
    struct http_req *);
/* 4.5: by leaf hash. */
int rfc6962_inclusion(const char *base, const uint8_t hash[32],
    uint64_t size, struct http_req *);
/* 4.8: index < size. */
int rfc6962_entry(const char *base, uint64_t index, uint64_t size,
    struct http_req *);

/* The answers to the last three: form only, nothing is verified. */
int rfc6962_read_consistency(struct span body, struct rfc6962_proof *,
    struct err *);
int rfc6962_read_inclusion(struct span body, struct rfc6962_proof *,
    struct err *);
/*
 * leaf_index of the proof is 0: the answer does not say it.  The leaf and
 * extra_data are appended to ${leaf} and ${extra}.
 */
int rfc6962_read_entry(struct span body, struct buf *leaf, struct buf *extra,
    struct rfc6962_proof *, struct err *);

#endif
