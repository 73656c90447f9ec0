#ifndef AUDITOR_ROLE_CHALLENGE_CLIENT_H
#define AUDITOR_ROLE_CHALLENGE_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/role/challenge_listen.h"
#include "auditor/role/challenge_msg.h"

struct err;
struct ipc;
struct proc;

/*
 * The engine's side of a challenge process; nothing here blocks.  Poll
 * challenge_client_ipc(), then challenge_client_turn(), then
 * challenge_client_next() until it returns 0.
 *
 * A CA may be told to look only after CHALLENGE_PLACED: before, its question
 * might overtake the answer.
 */
struct challenge_client;

/* What the process said. */
struct challenge_note {
	enum challenge_msg_type	type;	/* READY, PLACED or HIT */
	struct challenge_placed	placed;
	struct challenge_hit	hit;
};

/*
 * Start one that listens at those sockets (borrowed for the call; they stay
 * open here).  ${timeout_ms}: for a connection, 0: 10 s.
 */
struct challenge_client *challenge_client_new(const struct challenge_listen *,
    uint32_t timeout_ms, struct err *);
void challenge_client_free(struct challenge_client *);	/* also ends it */

struct ipc *challenge_client_ipc(struct challenge_client *);	/* borrowed */
struct proc *challenge_client_proc(struct challenge_client *);	/* borrowed */

/*
 * Listen at those (borrowed, at most LIMIT_FRAME_FDS) instead of what there
 * was; at none, when there are none in it.  0, or -1: the process is gone.
 */
int challenge_client_listen(struct challenge_client *,
    const struct challenge_listen *, struct err *);

/*
 * Put an answer; the id of the struct is ignored, the one it got is returned
 * (and comes back in PLACED).  0: ERR_FORMAT, it is not well formed (see
 * challenge_msg.h), and nothing was sent.
 */
uint64_t challenge_client_http(struct challenge_client *,
    const struct challenge_http *, struct err *);
uint64_t challenge_client_tls(struct challenge_client *,
    const struct challenge_tls *, struct err *);

/* Take one back, by token or name; all of them.  What is not there is fine. */
void challenge_client_drop(struct challenge_client *, enum challenge_kind,
    const char *key);
void challenge_client_drop_all(struct challenge_client *);

/* Puts whose PLACED has not come. */
size_t challenge_client_pending(const struct challenge_client *);

/* Write and read what can be: 0, or -1 when the process is gone or broken. */
int challenge_client_turn(struct challenge_client *, struct err *);

/*
 * The next note: 1, 0 none, -1 ERR_FORMAT: it talks nonsense and is to be
 * ended.
 */
int challenge_client_next(struct challenge_client *, struct challenge_note *,
    struct err *);

#endif
