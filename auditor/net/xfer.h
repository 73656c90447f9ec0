#ifndef AUDITOR_NET_XFER_H
#define AUDITOR_NET_XFER_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/net/egress.h"
#include "auditor/role/fetch.h"

struct err;
struct pollfd;

/*
 * HTTP by libcurl's multi interface; xfer*.c are the only files that know
 * libcurl.  The egress policy is enforced on each connection that is opened
 * and again on each that is reused; no redirects, no proxy but the one
 * configured, no decompression, certificates always verified.
 */
struct xfer;
struct xfer_job;

/* What a sink says about bytes that it is offered. */
enum xfer_sink {
	XFER_TOOK,	/* taken */
	XFER_WAIT,	/* no room: offer them again after xfer_resume() */
	XFER_STOP	/* give the request up; done->failure says why */
};

struct xfer_ops {
	/* ${n} bytes of the body; ${left} more are announced, or -1. */
	enum xfer_sink	(*body)(void *arg, const uint8_t *, size_t n,
			    int64_t left);
	/* The end; the job is freed after it. */
	void		(*done)(void *arg, const struct fetch_done *);
};

/* Make one for the setup (copied); NULL and ERR_CONF (PEM, network). */
struct xfer *xfer_new(const struct fetch_setup *, struct err *);
void xfer_free(struct xfer *);

/*
 * Start a request (copied).  The ops are called from xfer_turn() only, with
 * ${arg}; done comes exactly once, unless xfer_stop() was called.  A request
 * that the policy refuses also comes back through done.
 */
struct xfer_job *xfer_start(struct xfer *, const struct fetch_get *,
    const struct xfer_ops *, void *arg);

/* End a request without a word; the job is freed.  Not from within ops. */
void xfer_stop(struct xfer *, struct xfer_job *);

/* Offer the bytes of a job that said XFER_WAIT again. */
void xfer_resume(struct xfer *, struct xfer_job *);

/*
 * One turn: wait for sockets, or for ${extra} (may be NULL; its revents is
 * filled in), at most ${timeout_ms}, and carry on.  0, or -1 ERR_SYS.
 */
int xfer_turn(struct xfer *, struct pollfd *extra, int timeout_ms,
    struct err *);

#endif
