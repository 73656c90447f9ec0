#ifndef RIG_RLOG_H
#define RIG_RLOG_H

#include <pthread.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/err.h"
#include "tests/rig/lib/entry.h"
#include "tests/rig/lib/lie.h"
#include "tests/rig/lib/tree.h"

/*
 * One log: its entries (on disk, read when asked for), its tree, its signed
 * heads, and a second branch for forks.  Every function here wants the log's
 * lock to be held.
 */

struct head {
	uint64_t	 size;
	uint64_t	 timestamp;	/* ms */
	uint8_t		 root[32];
	uint8_t		 sig[640];	/* DigitallySigned */
	size_t		 nsig;
};

struct ent {			/* where an entry lies */
	uint64_t	 off;
	uint32_t	 nleaf, npre, nchain, nraw;
	uint8_t		 file;
	uint8_t		 key[32];
};

struct branch {
	struct ent	*e;
	size_t		 n, cap;
	struct tree	 tree;
	struct head	*heads;		/* all that were published */
	size_t		 nheads, capheads;
};

struct rlog {
	char		 name[64];
	char		 key_type[16];
	char		 proto[16];
	char		 state[16];
	char		 operator[64];
	char		 from[32], to[32];	/* temporal interval, or "" */
	char		 base[192];	/* http://127.0.0.1:PORT/NAME/ */
	long		 mmd;		/* seconds */
	long		 cap, align;
	long		 index, hybrid;
	long		 etag;		/* heads have one */
	long		 gzip;		/* pages are compressed */
	long		 refresh;	/* ms */
	int		 auto_publish;	/* a head with each addition */
	EVP_PKEY	*key, *wrong;
	uint8_t		 id[32];
	pthread_mutex_t	 lock;
	int		 fd[2];		/* entries; those of the fork only */
	uint64_t	 end[2];	/* where the next one goes */
	struct buf	 out;		/* not yet written to fd[file] */
	int		 out_file;
	int		 heads_fd;
	struct branch	 br[2];		/* honest, forked */
	int		 cur;		/* the branch that is served */
	struct lie	 lies[LIE_MAX];
	uint64_t	 requests[KIND_MAX], bytes, entries;
	uint64_t	 peers[256];	/* requests of 127.0.0.x */
	uint64_t	 unchanged;	/* answered 304 */
};

/* Now, in ms. */
uint64_t rlog_now(void);

/* Read "NAME[,opt=value]..." (README.md). */
int rlog_options(struct rlog *, const char *, struct err *);

/* Read or make the log's files in a folder. */
int rlog_open(struct rlog *, const char *, struct err *);

/* Append an entry to the served branch; returns its index. */
uint64_t rlog_append(struct rlog *, const struct entry *);

/* The index that the next leaf carries: -1 when it carries none. */
int64_t rlog_next(const struct rlog *);

/* Write out what was appended, and publish unless heads come by the clock. */
void rlog_done(struct rlog *);

/* Read entry ${i} of the served branch. */
void rlog_read(struct rlog *, uint64_t, struct entry *);

/* The index of an entry with this key, -1 when there is none. */
int64_t rlog_find(const struct rlog *, const uint8_t *);

/* Sign a head over all entries. */
void rlog_publish(struct rlog *);

/* The last published head of the served branch, without lies. */
const struct head *rlog_last(const struct rlog *);

/* How many entries readers may see. */
uint64_t rlog_limit(const struct rlog *);

/* The head for a request of this kind, with all lies told. */
void rlog_head(struct rlog *, enum kind, struct head *);

/* Switch a lie; forks make their branch here. */
int rlog_lie(struct rlog *, enum lie_id, const char *, struct err *);
void rlog_honest(struct rlog *);

#endif
