#include "auditor/role/fetch.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/net/xfer.h"
#include "auditor/proc.h"
#include "auditor/role/fetch_job.h"
#include "auditor/sandbox.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#define STACK	(512u << 10)	/* of the resolver's threads */
#define TURN_MS	1000

static struct fetch_slot *
slot_find(struct fetch_role *r, uint32_t id)
{
	size_t	i;

	for (i = 0; i < r->nslots; i++)
		if (r->slots[i]->id == id)
			return r->slots[i];
	return NULL;
}

static int
bad(struct err *e, const char *what)
{
	return err_set(e, ERR_FORMAT, "the engine sent a bad %s", what);
}

/* The last moment for files and libraries: then the doors close. */
static int
on_setup(struct fetch_role *r, struct ipc_msg *m, struct err *e)
{
	struct fetch_setup	s;

	if (r->x != NULL || m->nfds > 1)
		return bad(e, "second setup");
	if (fetch_setup_read(m->body, &s, e) != 0)
		return -1;
	r->x = xfer_new(&s, m->nfds == 1 ? m->fds[0] : -1, e);
	if (r->x == NULL)
		return -1;
	return sandbox_enter(SANDBOX_FETCH, e);
}

static int
on_arena(struct fetch_role *r, struct ipc_msg *m, struct err *e)
{
	struct fetch_slot	*s;
	struct fetch_arena	*a;
	uint32_t		 id;
	uint64_t		 size;

	if (cur_u32(&m->body, &id) != 0 || cur_u64(&m->body, &size) != 0 ||
	    cur_left(&m->body) != 0 || m->nfds != 1 || id == 0 ||
	    slot_find(r, id) != NULL || r->nslots >= LIMIT_ARENAS)
		return bad(e, "arena");
	a = fetch_arena_new(m->fds[0], size, e);
	if (a == NULL)
		return -1;
	s = mem_zero(sizeof(*s));
	s->id = id;
	s->arena = a;
	r->slots[r->nslots++] = s;
	return 0;
}

static int
on_drop(struct fetch_role *r, struct ipc_msg *m, struct err *e)
{
	struct fetch_slot	*s;
	struct fetch_job	*j, *next;
	uint32_t		 id;
	size_t			 i;

	if (cur_u32(&m->body, &id) != 0 || cur_left(&m->body) != 0 ||
	    (s = slot_find(r, id)) == NULL)
		return bad(e, "drop");
	for (j = r->head; j != NULL; j = next) {
		next = j->next;
		if (j->slot == s)
			fetch_job_cancel(j, "the arena was dropped");
	}
	for (i = 0; r->slots[i] != s; i++)
		;
	r->slots[i] = r->slots[--r->nslots];
	fetch_arena_free(s->arena);
	free(s);
	return 0;
}

static int
on_get(struct fetch_role *r, struct ipc_msg *m, struct err *e)
{
	struct fetch_get	 g;
	struct fetch_slot	*s = NULL;
	int			 pipe = -1;

	if (fetch_get_read(m->body, &g, e) != 0)
		return -1;
	if (m->nfds != ((g.flags & FETCH_F_PIPE) != 0) || (m->nfds == 1 &&
	    fetch_pipe_prepare(m->fds[0]) != 0))
		return bad(e, "request: a pipe is missing or too much");
	if (g.arena != 0 && (s = slot_find(r, g.arena)) == NULL)
		return bad(e, "request: there is no such arena");
	if (fetch_job_find(r, g.id) != NULL || r->njobs >= LIMIT_FETCH_JOBS)
		return bad(e, "request: its number is in use, or too many");
	if (m->nfds == 1)
		pipe = ipc_take_fd(r->ipc, 0);
	fetch_job_get(r, &g, s, cur_rest(&m->body), pipe);
	return 0;
}

static int
on_inject(struct fetch_role *r, struct ipc_msg *m, struct err *e)
{
	struct fetch_slot	*s;
	struct cur		 bytes;
	uint64_t		 id;
	uint32_t		 arena;

	if (cur_u64(&m->body, &id) != 0 || id == 0 ||
	    cur_u32(&m->body, &arena) != 0 ||
	    cur_vec32(&m->body, &bytes) != 0 || cur_left(&m->body) != 0 ||
	    (s = slot_find(r, arena)) == NULL ||
	    fetch_job_find(r, id) != NULL || r->njobs >= LIMIT_FETCH_JOBS)
		return bad(e, "injection");
	fetch_job_inject(r, id, s, cur_rest(&bytes));
	return 0;
}

static int
on_cancel(struct fetch_role *r, struct ipc_msg *m, struct err *e)
{
	struct fetch_job	*j;
	uint64_t		 id;

	if (cur_u64(&m->body, &id) != 0 || cur_left(&m->body) != 0)
		return bad(e, "cancellation");
	/* None: its answer is on the way already. */
	j = fetch_job_find(r, id);
	if (j != NULL)
		fetch_job_cancel(j, "cancelled");
	return 0;
}

static int
on_free(struct fetch_role *r, struct ipc_msg *m, struct err *e)
{
	struct fetch_slot	*s;
	uint32_t		 arena, length;
	uint64_t		 off;

	if (cur_u32(&m->body, &arena) != 0 || cur_u64(&m->body, &off) != 0 ||
	    cur_u32(&m->body, &length) != 0 || cur_left(&m->body) != 0)
		return bad(e, "extent");
	s = slot_find(r, arena);
	if (s == NULL || s->out == 0 ||
	    fetch_job_extent(r, s, off) ||
	    fetch_arena_give(s->arena, off) != 0)
		return bad(e, "extent: it is not the engine's");
	s->out--;
	r->freed = 1;
	return 0;
}

static int (*const handlers[])(struct fetch_role *, struct ipc_msg *,
    struct err *) = {
	[FETCH_SETUP]	= on_setup,
	[FETCH_ARENA]	= on_arena,
	[FETCH_DROP]	= on_drop,
	[FETCH_GET]	= on_get,
	[FETCH_CANCEL]	= on_cancel,
	[FETCH_FREE]	= on_free,
	[FETCH_INJECT]	= on_inject,
	[FETCH_DONE]	= NULL,
};

static int
dispatch(struct fetch_role *r, struct ipc_msg *m, struct err *e)
{
	if (m->type > FETCH_DONE || handlers[m->type] == NULL)
		return bad(e, "message type");
	if (r->x == NULL && m->type != FETCH_SETUP)
		return bad(e, "first message: it must be the setup");
	return handlers[m->type](r, m, e);
}

/* Wait, and read what the engine says: 0, 1 at the end, -1. */
static int
turn(struct fetch_role *r, struct err *e)
{
	struct pollfd	p[XFER_EXTRA];
	struct ipc_msg	m;
	size_t		pipes;
	int		busy = 0;

	p[0].fd = ipc_fd(r->ipc);
	p[0].events = POLLIN;
	p[0].revents = 0;
	fetch_job_pump(r);
	if (ipc_flush(r->ipc, e) < 0)
		return -1;
	if (ipc_wants_write(r->ipc))
		p[0].events |= POLLOUT;
	if (r->x != NULL) {
		pipes = fetch_pipe_polls(r, p + 1);
		if (xfer_turn(r->x, p, 1 + pipes, TURN_MS, e) != 0)
			return -1;
		fetch_pipe_polled(r, p + 1, pipes);
	} else if (poll(p, 1, TURN_MS) < 0)
		p[0].revents = 0;
	if ((p[0].revents & ~POLLOUT) != 0 && ipc_read(r->ipc, e) != 0 &&
	    !ipc_eof(r->ipc))
		return -1;
	if (ipc_eof(r->ipc))
		return 1;
	/* Frames wait when a read stopped early: take them all. */
	do {
		busy = ipc_next(r->ipc, &m);
		if (busy && dispatch(r, &m, e) != 0)
			return -1;
	} while (busy);
	return 0;
}

static void
on_term(int sig)
{
	(void)sig;
	_exit(0);
}

/* Threads of 8 MB each would soon be more than the sandbox allows. */
static void
small_stacks(void)
{
	pthread_attr_t	a;

	if (pthread_attr_init(&a) != 0)
		return;
	if (pthread_attr_setstacksize(&a, STACK) == 0)
		(void)pthread_setattr_default_np(&a);
	(void)pthread_attr_destroy(&a);
}

int
fetch_main(void)
{
	struct fetch_role	r;
	struct err		e = ERR_INIT;
	int			n;

	memset(&r, 0, sizeof(r));
	log_open("fetch", log_level());
	proc_enter("fetch", 0);
	(void)signal(SIGTERM, on_term);
	small_stacks();
	r.ipc = ipc_new(PROC_CHANNEL);
	while ((n = turn(&r, &e)) == 0)
		;
	if (n < 0)
		log_error(NULL, "%s", e.msg);
	fetch_job_free_all(&r);
	xfer_free(r.x);
	while (r.nslots > 0) {
		fetch_arena_free(r.slots[--r.nslots]->arena);
		free(r.slots[r.nslots]);
	}
	ipc_free(r.ipc);
	return n < 0;
}
