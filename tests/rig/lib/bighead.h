#ifndef RIG_BIGHEAD_H
#define RIG_BIGHEAD_H

#include <openssl/evp.h>

#include "tests/rig/lib/bigcore.h"

/* Signed heads of logs that have one tree, and their log lists. */

enum { BIGHEADS = 128 };

struct bighead {
	char		 name[64];
	char		*base;		/* http://127.0.0.1:PORT/NAME/ */
	char		*plain;		/* of one that is no static log, too */
	EVP_PKEY	*key;
	uint8_t		 id[32];
	uint64_t	 size, time;	/* what is signed; time 0: nothing */
	struct buf	 sth;		/* get-sth */
	struct buf	 note;		/* checkpoint */
	char		 etag[24];
};

struct bigheads {
	struct bigcore	*core;
	struct bighead	 log[BIGHEADS];
	int		 n;
	long		 refresh;	/* ms until a head is signed again */
	uint64_t	 size;		/* published */
	uint64_t	 root_size;	/* whose root is known */
	uint8_t		 root[32];
};

/*
 * Open ${n} logs: "NAME", "NAME2", ... with their keys in a folder, below a
 * URL.  Those without tiles are below it by BIGHEAD_PLAIN, unless ${hybrid}.
 */
#define BIGHEAD_PLAIN	"rfc6962/"

struct bighead_opts {
	const char	*name;
	int		 n;
	const char	*url;
	int		 hybrid;
};

int bighead_open(struct bigheads *, struct bigcore *,
    const struct bighead_opts *, struct err *);

/* The log of a name; NULL when there is none. */
struct bighead *bighead_find(struct bigheads *, const char *, size_t);

/* See that the head is of the published size, and not old. */
void bighead_fresh(struct bigheads *, struct bighead *);

/*
 * Write loglist-rfc6962.json, loglist-static.json, and loglist.json, which is
 * like the second one when ${tiled}.
 */
int bighead_lists(const struct bigheads *, int, struct err *);

#endif
