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
 * libcurl.  Pages of logs are read without it once it has connected
 * (xfer_page.c).  The egress policy is enforced on each connection that is opened
 * and again on each that is reused, and for each redirect of those requests
 * that follow them; no proxy but the one configured, no decompression,
 * certificates always verified.
 *
 * Requests wait for a connection of their host in a queue of that host, and
 * hosts take turns: a host that is slow or dead holds up nobody else.  So do
 * the parties of a host, each of which has a few connections for itself.  When
 * all connections of a host in a row ended without an answer, and none ever
 * had one, what waits for it ends in the same way at once.  (Over HTTP/2 many
 * share one connection: those do not wait.)
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
	/*
	 * Instead, for some of those with an arena: where at least ${n} bytes
	 * of the body can be written, ${left} more being announced (or -1):
	 * *to and *room; and that ${n} were, before room is asked for again.
	 */
	enum xfer_sink	(*room)(void *arg, size_t n, int64_t left,
			    uint8_t **to, size_t *room);
	void		(*wrote)(void *arg, size_t n);
	/* The end; the job is freed after it. */
	void		(*done)(void *arg, const struct fetch_done *);
};

/*
 * Make one for the setup (copied); NULL and ERR_CONF (PEM, network).  ${meter}
 * is what all processes of this machine share (meter.h; borrowed), or -1.
 */
struct xfer *xfer_new(const struct fetch_setup *, int meter, struct err *);
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

/* Descriptors that one turn can wait for: the channel and all pipes. */
#define XFER_EXTRA	(1 + LIMIT_FETCH_PIPES)

/*
 * One turn: wait for sockets, or for the ${n} of ${extra} (at most
 * XFER_EXTRA; revents are filled in), at most ${timeout_ms}, and carry on.
 * 0, or -1 ERR_SYS.
 */
int xfer_turn(struct xfer *, struct pollfd *extra, size_t n, int timeout_ms,
    struct err *);

#endif
