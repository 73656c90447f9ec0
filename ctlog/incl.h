#ifndef CTLOG_INCL_H
#define CTLOG_INCL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "base/http.h"
#include "ctlog/merkle.h"
#include "ctlog/tile.h"

/*
 * Is the entry that an SCT promises in the log?  RFC 6962: get-proof-by-hash.
 * static-ct-api: the leaf_index of the SCT, the data tile's leaf is not
 * needed: level-0 hash and path from hash tiles.  A state machine without
 * sockets: plain data that can be packed; it says what to ask next and reads
 * the answers.
 */
enum incl_state {
	INCL_ASK,		/* requests in ask[0 .. nask) are to be made */
	INCL_PROVED,		/* path[0 .. npath) proves index in the tree */
	INCL_ABSENT,		/* the log has another entry there, or says that
				   it has none */
	INCL_REFUSED		/* the answer is of no use; why says it */
};

struct incl {
	enum incl_state	 state;
	int		 is_static;
	char		 base[1024];	/* read URL, ends with a slash */
	uint8_t		 leaf_hash[32];
	int64_t		 leaf_index;	/* static: from the SCT */
	uint64_t	 size;		/* of a head that was verified */
	uint8_t		 root[32];
	size_t		 nask;
	struct tile	 tile[TILE_SET_MAX];	/* static: which tiles */
	struct http_req	 one;		/* RFC 6962: the request */
	uint64_t	 index;		/* proved: where it is */
	size_t		 npath;
	uint8_t		 path[MERKLE_PROOF][32];
	uint8_t		 other[32];	/* absent, static: the leaf hash that
					   is there, proven by path; zero when
					   the tree is too small */
	int		 misled;	/* refused: the answers do not lead to
					   the root that the log signed */
	char		 why[200];
};

/*
 * Begin for the log read at ${base}.  -1 when there is nothing to ask, state
 * says why: ABSENT by an index >= size; REFUSED with a static log's SCT
 * without leaf_index, or a URL that is too long.
 */
int incl_start(struct incl *, int is_static, const char *base,
    const uint8_t leaf_hash[32], int64_t leaf_index, uint64_t size,
    const uint8_t root[32]);

/* Request ${i} of the nask. */
int incl_request(const struct incl *, size_t i, struct http_req *);

/*
 * The answers, in the order of the requests (status is HTTP's: a get-proof-
 * by-hash that is 404 or 400 means that there is no such leaf, unless the
 * log says that it has no tree of that size yet).  Sets state.  ASK again:
 * partial tiles were gone (404, 410) and full ones are asked for, each once;
 * all nask are to be made anew.  Hashes that do not lead to the signed root are
 * REFUSED with misled set: a log that misbehaves.
 */
void incl_read(struct incl *, const int *status, const struct span *body,
    size_t n);

#endif
