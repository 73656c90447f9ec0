#ifndef AUDITOR_IPC_H
#define AUDITOR_IPC_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/limit.h"

struct err;

/*
 * Framed messages between two of our processes, over a SOCK_STREAM unix
 * socket that is not blocking.  A frame is: u32 length of the payload, u16
 * type, u16 number of descriptors, payload.  Descriptors (SCM_RIGHTS) travel
 * with the first byte of their frame.
 *
 * The peer may be hostile (a judge that was taken over): a frame longer than
 * LIMIT_FRAME, more than LIMIT_FRAME_FDS descriptors, or descriptors that no
 * frame announced are ERR_FORMAT or ERR_LIMIT, and the peer is to be killed.
 */
struct ipc;

/* One frame that arrived. */
struct ipc_msg {
	uint16_t	type;
	struct cur	body;	/* borrowed: until the next call on the ipc */
	int		fds[LIMIT_FRAME_FDS];	/* borrowed: see ipc_take_fd */
	int		nfds;
};

/*
 * Take over ${fd} (it is closed by ipc_free()) and make it non-blocking.
 * ipc_free() accepts NULL; what was not flushed is lost, descriptors that
 * arrived and were not taken are closed.
 */
struct ipc *ipc_new(int fd);
void ipc_free(struct ipc *);

/*
 * Queue a frame; ${payload} may be NULL (none).  The payload is copied.
 * Descriptors are neither duplicated nor closed: they must stay open until
 * ipc_flush() has returned 0.  A payload over LIMIT_FRAME or more than
 * LIMIT_FRAME_FDS descriptors are a fault of the caller: the process dies.
 */
void ipc_send(struct ipc *, uint16_t type, const struct buf *payload,
    const int *fds, int nfds);

/* Write what is queued: 0 all of it, 1 it would block, -1 ERR_SYS. */
int ipc_flush(struct ipc *, struct err *);

/*
 * Read what is there: call it when poll() says that there is something, and
 * as long as it does, as the end may be seen only by the next call.  0, or -1: ERR_NOENT at the end of the stream (then
 * ipc_eof() is 1 and frames that were complete can still be had with
 * ipc_next()), ERR_SYS, ERR_LIMIT or ERR_FORMAT for a peer that breaks the
 * form.  Stops early when a few frames are waiting already, so that memory
 * stays bounded: call ipc_next() until it returns 0.
 */
int ipc_read(struct ipc *, struct err *);

/* 1 when the peer has closed its side. */
int ipc_eof(const struct ipc *);

/*
 * The next complete frame: 1 and *msg, or 0 when there is none.  The body is
 * valid until the next call on this ipc; descriptors that were not taken by
 * then are closed.
 */
int ipc_next(struct ipc *, struct ipc_msg *);

/*
 * Own descriptor ${i} of the frame that ipc_next() returned last; -1 when
 * there is none.
 */
int ipc_take_fd(struct ipc *, int i);

/* The descriptor to poll; 1 when frames wait to be written. */
int ipc_fd(const struct ipc *);
int ipc_wants_write(const struct ipc *);

/* Both as poll() wants them.  What it said of it: without anything to read
 * the next ipc_read() does nothing. */
struct pollfd ipc_poll(const struct ipc *);
void ipc_polled(struct ipc *, short revents);

/* Bytes that wait to be written: a sender that runs ahead must look at it. */
size_t ipc_queued(const struct ipc *);

/*
 * Blocking: write what is queued and wait for one frame.  1 and *msg, 0 after
 * ${timeout_ms} (-1: no limit), -1 as ipc_read().
 */
int ipc_recv(struct ipc *, struct ipc_msg *, int timeout_ms, struct err *);

/*
 * Blocking: write a frame of ${type} and all that was queued before it, and
 * wait for the next frame, which must have ${want}: 0 and *msg, or -1
 * (ERR_TEMP after the timeout, ERR_FORMAT for another type).
 */
int ipc_call(struct ipc *, uint16_t type, const struct buf *payload,
    uint16_t want, struct ipc_msg *, int timeout_ms, struct err *);

#endif
