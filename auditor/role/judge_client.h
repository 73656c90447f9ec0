#ifndef AUDITOR_ROLE_JUDGE_CLIENT_H
#define AUDITOR_ROLE_JUDGE_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "auditor/ipc.h"
#include "auditor/role/judge.h"

/*
 * The engine's side of the judges: the template with one watch set, and the
 * judges forked from it.  Forking blocks for about a millisecond; all else
 * only queues.
 */
struct judge_pool;

/* One judge: serves one log. */
struct judge_link {
	struct ipc	*ipc;		/* owned */
	pid_t		 pid;		/* child of the template */
	size_t		 waiting;	/* answers that have not come */
	int64_t		 asked_at;	/* clk_mono of the oldest of them */
};

/*
 * Start a template with the watch image (copied into a sealed memfd); frees
 * ${build}, which must have been ended with ${image}.  NULL and err when it
 * cannot be started or refuses the image.
 */
struct judge_pool *judge_pool_new(struct watch_build *build,
    const struct watch_pieces *image, struct err *);
void judge_pool_free(struct judge_pool *);

/* The image, mapped: patterns by number.  Borrowed. */
const struct watch_set *judge_pool_watches(const struct judge_pool *);

/*
 * Give the template root programs, as judge_roots_pack() wrote them: judges
 * that are forked from now on have them.  0, or -1: ERR_CONF when they are
 * more than a message holds.
 */
int judge_pool_roots(struct judge_pool *, const struct buf *, struct err *);

/*
 * The same for the text of weak keys, which weak_list_read() has taken; n 0:
 * there are none.  0 or -1.
 */
int judge_pool_weak(struct judge_pool *, struct span text, struct err *);

/* The template's process. */
pid_t judge_pool_pid(const struct judge_pool *);

/*
 * Fork a judge for a log, with the arena whose descriptor is given.  NULL
 * when the template is gone: make a new pool.
 */
struct judge_link *judge_fork(struct judge_pool *, int arena, uint64_t size,
    const struct judge_log *, struct err *);

/* Close the socket, so that it ends; ${kill}: at once.  NULL is fine. */
void judge_free(struct judge_link *, int kill);

/* Ask; the answer, a JUDGE_REPLY with this id, comes through judge->ipc. */
void judge_ask_page(struct judge_link *, uint64_t id, int raw,
    const struct judge_page *);
void judge_ask_head(struct judge_link *, uint64_t id,
    const struct judge_ext *);
void judge_ask_proof(struct judge_link *, uint64_t id,
    const struct judge_proof *);
void judge_ask_issuer(struct judge_link *, uint64_t id,
    const struct judge_ext *, const uint8_t fp[32]);
void judge_ask_signed(struct judge_link *, uint64_t id, struct span cert,
    struct span issuer, struct span leaf);
void judge_ask_list(struct judge_link *, uint64_t id,
    const struct judge_list *);

/*
 * A question of judge_audit.h: ${b} is what its pack function wrote.  The
 * descriptors stay the caller's; all is written when it returns.
 */
void judge_ask(struct judge_link *, enum judge_type, uint64_t id,
    const struct buf *, const int *fds, int nfds);
/* The same for JUDGE_TRUST, which is not answered. */
void judge_tell(struct judge_link *, enum judge_type, const struct buf *);

/*
 * The next answer: 1 and *r with the cursor behind its head; 0 none; -1 it
 * talks nonsense and is to be killed.
 */
int judge_next(struct judge_link *, struct judge_reply *, struct cur *);

#endif
