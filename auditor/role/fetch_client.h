#ifndef AUDITOR_ROLE_FETCH_CLIENT_H
#define AUDITOR_ROLE_FETCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/role/fetch.h"

struct err;
struct ipc;
struct proc;

/*
 * The engine's side of a fetch process.  Nothing here blocks: calls queue
 * messages; poll fetch_client_ipc() (ipc_fd, ipc_wants_write), then
 * fetch_client_turn(), then fetch_client_next() until it returns 0.
 */
struct fetch_client;

/*
 * Spawn the process and set it up; NULL and ERR_SYS.  Free also kills it.  The
 * setup's meter is the process's from then on: it is closed here.
 */
struct fetch_client *fetch_client_new(const struct fetch_setup *,
    struct err *);
void fetch_client_free(struct fetch_client *);

struct ipc *fetch_client_ipc(struct fetch_client *);	/* borrowed */
struct proc *fetch_client_proc(struct fetch_client *);	/* borrowed */

/*
 * Make an arena of ${size} bytes (at most LIMIT_ARENA; rounded up to pages),
 * sealed against resizing, and hand it to the process.  Returns its
 * descriptor for the judge, borrowed: it stays open until
 * fetch_client_drop(); *arena is its number.  -1 ERR_SYS or ERR_LIMIT.
 */
int fetch_client_arena(struct fetch_client *, uint64_t size, uint32_t *arena,
    struct err *);

/*
 * Forget an arena: requests into it that are under way end with
 * FETCH_CANCELLED.  Its descriptor is closed (by the next turn).
 */
void fetch_client_drop(struct fetch_client *, uint32_t arena);

/*
 * Start a request; get->id is ignored, the number it got is returned (never
 * 0).  Its FETCH_DONE always comes, unless the process dies.  The arena must
 * not have been dropped.  A request without room in its arena waits until
 * extents are given back: who holds answered extents until an earlier range
 * is there must make the arena larger than all that it holds, or it waits for
 * itself.  At most LIMIT_FETCH_JOBS may be pending.
 */
uint64_t fetch_client_get(struct fetch_client *, const struct fetch_get *);

/*
 * The same with FETCH_F_PIPE: the body is written to ${fd} (a pipe's writing
 * end, which is the process's alone from then on: it is closed here when it
 * was sent) as fast as its reader takes it, decompressed by nobody.  The
 * reader sees the end of file when the body ended or failed; whether it is
 * whole is said by FETCH_DONE, with length 0 and `wire` the bytes of body.
 * Only an answer 200 without a Content-Encoding is written: any other status
 * comes without its body, an encoding is FETCH_PROTOCOL.  Time in which the
 * reader takes nothing counts (FETCH_TIMEOUT); a reader that goes away is
 * FETCH_CANCELLED.  At most LIMIT_FETCH_PIPES may be pending, or it ends with
 * FETCH_NO_ROOM.
 */
uint64_t fetch_client_pipe(struct fetch_client *, const struct fetch_get *,
    int fd);

/* Give up a request: its FETCH_DONE still comes (maybe with an answer). */
void fetch_client_cancel(struct fetch_client *, uint64_t id);

/* Give an extent back, as FETCH_DONE named it; length 0 does nothing. */
void fetch_client_give(struct fetch_client *, uint32_t arena,
    uint64_t offset, uint32_t length);

/*
 * Place bytes in an extent and have them answered as if fetched (status 200):
 * how judges are probed with planted batches.
 */
uint64_t fetch_client_inject(struct fetch_client *, uint32_t arena,
    struct span bytes);

/* Requests whose FETCH_DONE has not come. */
size_t fetch_client_pending(const struct fetch_client *);

/* Write and read what can be: 0, or -1 when the process is gone or broken. */
int fetch_client_turn(struct fetch_client *, struct err *);

/*
 * The next answer: 1 and *done (borrows until the next call), 0 none, -1
 * ERR_FORMAT: the process talks nonsense and is to be killed.  Extents that
 * it names are checked against the size of the arena.
 */
int fetch_client_next(struct fetch_client *, struct fetch_done *,
    struct err *);

#endif
