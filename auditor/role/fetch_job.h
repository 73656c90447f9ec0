#ifndef AUDITOR_ROLE_FETCH_JOB_H
#define AUDITOR_ROLE_FETCH_JOB_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/net/xfer.h"
#include "auditor/role/fetch.h"
#include "auditor/role/fetch_arena.h"
#include "base/buf.h"

struct ipc;
struct pollfd;

/* Private to fetch*.c: requests and where their bodies go. */

/* An arena that the engine handed over. */
struct fetch_slot {
	uint32_t		 id;
	struct fetch_arena	*arena;		/* owned */
	size_t			 out;		/* extents the engine holds */
};

/* The process. */
struct fetch_role {
	struct ipc		*ipc;		/* owned */
	struct xfer		*x;		/* owned; NULL before SETUP */
	struct fetch_slot	*slots[LIMIT_ARENAS];	/* owned */
	size_t			 nslots;
	struct fetch_job	*head, *tail;	/* in order of arrival */
	size_t			 njobs;
	size_t			 npipes;	/* of them that write a pipe */
	int			 freed;		/* room was given back */
};

/* A request from FETCH_GET or FETCH_INJECT to FETCH_DONE. */
struct fetch_job {
	struct fetch_role	*role;		/* borrowed */
	struct fetch_job	*prev, *next;
	uint64_t		 id;
	struct fetch_slot	*slot;		/* borrowed; NULL: inline */
	struct buf		 request;	/* FETCH_GET as it came */
	struct buf		 inject;	/* to be placed: FETCH_INJECT */
	int			 is_inject;
	struct xfer_job		*xj;		/* borrowed; under way */
	int			 stalled;	/* under way, no room */
	int			 resuming;	/* was, and tries again */
	int			 repeatable;	/* GET or HEAD */
	int			 again;		/* goes back to the queue */
	unsigned		 tries;		/* times it was */
	uint64_t		 least;		/* room it is known to need */
	uint64_t		 cap;
	uint64_t		 off;		/* its extent, when room > 0 */
	uint64_t		 room;
	uint64_t		 len;		/* bytes written */
	int			 pipe;		/* owned; -1: none */
	size_t			 ahead;		/* written of what is offered */
	int			 full;		/* its reader is behind */
	int			 gone;		/* its reader went away */
	struct buf		 body;		/* inline */
};

/*
 * Take on a request; it starts when its arena has room.  ${frame} is the
 * FETCH_GET as it came (kept until it starts), or the bytes to inject;
 * ${pipe} (owned from then on) is where its body goes, or -1.
 */
void fetch_job_get(struct fetch_role *, const struct fetch_get *,
    struct fetch_slot *, struct span frame, int pipe);
void fetch_job_inject(struct fetch_role *, uint64_t id, struct fetch_slot *,
    struct span bytes);

/* The job with that id, or NULL. */
struct fetch_job *fetch_job_find(struct fetch_role *, uint64_t id);

/* 1 when the extent at ${off} belongs to a job (and not to the engine). */
int fetch_job_extent(const struct fetch_role *, const struct fetch_slot *,
    uint64_t off);

/* End a job with FETCH_CANCELLED; its extent is free again. */
void fetch_job_cancel(struct fetch_job *, const char *why);

/* Start and resume what has room now. */
void fetch_job_pump(struct fetch_role *);

/* Forget all of them without a word. */
void fetch_job_free_all(struct fetch_role *);

/* --- fetch_pipe.c --- */

#define FETCH_PIPE_GONE	"the reader of the body went away"

/* Make a descriptor that came non-blocking: 0, -1 when it is no pipe. */
int fetch_pipe_prepare(int fd);

/* Write what is offered, as an xfer_ops.body does. */
enum xfer_sink fetch_pipe_body(struct fetch_job *, const uint8_t *, size_t);

/* What ended it, when that was the reader. */
void fetch_pipe_explain(const struct fetch_job *, struct fetch_done *);

void fetch_pipe_close(struct fetch_job *);

/* Fill in ${p}[LIMIT_FETCH_PIPES]: how many; and use what poll() made of it. */
size_t fetch_pipe_polls(const struct fetch_role *, struct pollfd *p);
void fetch_pipe_polled(struct fetch_role *, const struct pollfd *, size_t n);

#endif
