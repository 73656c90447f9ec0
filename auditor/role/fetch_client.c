#include "auditor/role/fetch_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "base/err.h"
#include "base/mem.h"

#define PAGE	4096u

struct arena {
	uint32_t	id;
	uint64_t	size;
	int		fd;	/* owned */
	int		dropped; /* to be closed when all is written */
};

struct fetch_client {
	struct proc	 proc;
	struct arena	*arenas;
	size_t		 n, cap;
	int		*pipes;	/* owned; to be closed when all is written */
	size_t		 npipes, pipes_cap;
	uint32_t	 last_arena;
	uint64_t	 last_id;
	size_t		 pending;
	struct buf	 out;	/* scratch */
};

/* Queue what is in the scratch buffer. */
static void
post(struct fetch_client *c, enum fetch_type type, const int *fds, int nfds)
{
	ipc_send(c->proc.ipc, (uint16_t)type, &c->out, fds, nfds);
	buf_reset(&c->out);
}

/* A descriptor that goes with a message is the process's alone. */
static void
later_close(struct fetch_client *c, int fd)
{
	c->pipes = mem_grow(c->pipes, &c->pipes_cap, c->npipes + 1,
	    sizeof(*c->pipes));
	c->pipes[c->npipes++] = fd;
}

static void
close_pipes(struct fetch_client *c)
{
	while (c->npipes > 0)
		(void)close(c->pipes[--c->npipes]);
}

struct fetch_client *
fetch_client_new(const struct fetch_setup *s, struct err *e)
{
	struct fetch_client	*c = mem_zero(sizeof(*c));

	if (s->meter != 0)
		later_close(c, s->meter);
	if (proc_spawn("fetch", NULL, 0, &c->proc, e) != 0) {
		close_pipes(c);
		free(c->pipes);
		free(c);
		return NULL;
	}
	fetch_setup_pack(&c->out, s);
	post(c, FETCH_SETUP, &s->meter, s->meter != 0);
	return c;
}

void
fetch_client_free(struct fetch_client *c)
{
	size_t	i;

	if (c == NULL)
		return;
	proc_free(&c->proc);
	for (i = 0; i < c->n; i++)
		(void)close(c->arenas[i].fd);
	free(c->arenas);
	close_pipes(c);
	free(c->pipes);
	buf_free(&c->out);
	free(c);
}

struct ipc *
fetch_client_ipc(struct fetch_client *c)
{
	return c->proc.ipc;
}

struct proc *
fetch_client_proc(struct fetch_client *c)
{
	return &c->proc;
}

static struct arena *
arena_find(struct fetch_client *c, uint32_t id)
{
	size_t	i;

	for (i = 0; i < c->n; i++)
		if (c->arenas[i].id == id && !c->arenas[i].dropped)
			return &c->arenas[i];
	return NULL;
}

int
fetch_client_arena(struct fetch_client *c, uint64_t size, uint32_t *arena,
    struct err *e)
{
	struct arena	*a;
	size_t		 i, live = 0;
	int		 fd;

	for (i = 0; i < c->n; i++)
		live += !c->arenas[i].dropped;
	if (size == 0 || size > LIMIT_ARENA || live >= LIMIT_ARENAS)
		return err_set(e, ERR_LIMIT, "an arena of %llu bytes beside "
		    "%zu others: at most %lu bytes and %d arenas are allowed",
		    (unsigned long long)size, live,
		    (unsigned long)LIMIT_ARENA, LIMIT_ARENAS);
	size = (size + PAGE - 1) / PAGE * PAGE;
	fd = memfd_create("certvigil-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		return err_set(e, ERR_SYS, "making shared memory");
	if (ftruncate(fd, (off_t)size) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_SEAL) == -1) {
		(void)err_set(e, ERR_SYS, "making shared memory");
		(void)close(fd);
		return -1;
	}
	c->arenas = mem_grow(c->arenas, &c->cap, c->n + 1,
	    sizeof(*c->arenas));
	a = &c->arenas[c->n++];
	a->id = ++c->last_arena;
	a->size = size;
	a->fd = fd;
	a->dropped = 0;
	buf_u32(&c->out, a->id);
	buf_u64(&c->out, size);
	post(c, FETCH_ARENA, &fd, 1);
	*arena = a->id;
	return fd;
}

void
fetch_client_drop(struct fetch_client *c, uint32_t id)
{
	struct arena	*a = arena_find(c, id);

	if (a == NULL)
		return;
	a->dropped = 1;
	buf_u32(&c->out, id);
	post(c, FETCH_DROP, NULL, 0);
}

uint64_t
fetch_client_get(struct fetch_client *c, const struct fetch_get *g)
{
	struct fetch_get	copy = *g;

	copy.id = ++c->last_id;
	fetch_get_pack(&c->out, &copy);
	post(c, FETCH_GET, NULL, 0);
	c->pending++;
	return copy.id;
}

uint64_t
fetch_client_pipe(struct fetch_client *c, const struct fetch_get *g, int fd)
{
	struct fetch_get	copy = *g;

	copy.id = ++c->last_id;
	copy.arena = 0;
	copy.flags |= FETCH_F_PIPE;
	later_close(c, fd);
	fetch_get_pack(&c->out, &copy);
	post(c, FETCH_GET, &fd, 1);
	c->pending++;
	return copy.id;
}

void
fetch_client_cancel(struct fetch_client *c, uint64_t id)
{
	buf_u64(&c->out, id);
	post(c, FETCH_CANCEL, NULL, 0);
}

void
fetch_client_give(struct fetch_client *c, uint32_t arena, uint64_t offset,
    uint32_t length)
{
	if (length == 0 || arena_find(c, arena) == NULL)
		return;
	buf_u32(&c->out, arena);
	buf_u64(&c->out, offset);
	buf_u32(&c->out, length);
	post(c, FETCH_FREE, NULL, 0);
}

uint64_t
fetch_client_inject(struct fetch_client *c, uint32_t arena,
    struct span bytes)
{
	uint64_t	id = ++c->last_id;

	buf_u64(&c->out, id);
	buf_u32(&c->out, arena);
	buf_vec32(&c->out, bytes.p, bytes.n);
	post(c, FETCH_INJECT, NULL, 0);
	c->pending++;
	return id;
}

size_t
fetch_client_pending(const struct fetch_client *c)
{
	return c->pending;
}

int
fetch_client_turn(struct fetch_client *c, struct err *e)
{
	size_t	i = 0;
	int	r = ipc_flush(c->proc.ipc, e);

	if (r < 0)
		return err_prefix(e, "fetch");
	/* Now nothing that is queued needs the descriptors any more. */
	if (r == 0)
		close_pipes(c);
	while (r == 0 && i < c->n) {
		if (c->arenas[i].dropped) {
			(void)close(c->arenas[i].fd);
			c->arenas[i] = c->arenas[--c->n];
		} else
			i++;
	}
	if (ipc_read(c->proc.ipc, e) != 0)
		return err_prefix(e, "fetch");
	return 0;
}

int
fetch_client_next(struct fetch_client *c, struct fetch_done *d,
    struct err *e)
{
	struct ipc_msg	 m;
	struct arena	*a;

	if (!ipc_next(c->proc.ipc, &m))
		return 0;
	if (m.type != FETCH_DONE || m.nfds != 0)
		return err_set(e, ERR_FORMAT, "fetch: a message of type %u, "
		    "which it does not send", (unsigned)m.type);
	if (fetch_done_read(m.body, d, e) != 0)
		return -1;
	if (d->id == 0 || d->id > c->last_id || c->pending == 0)
		return err_set(e, ERR_FORMAT,
		    "fetch: an answer that nobody asked for");
	c->pending--;
	if (d->arena == 0)
		return 1;
	a = arena_find(c, d->arena);
	/* Answered before it heard of the drop: the bytes are gone. */
	if (a == NULL && d->arena <= c->last_arena) {
		d->offset = 0;
		d->length = 0;
		d->status = 0;
		d->failure = FETCH_CANCELLED;
		return 1;
	}
	if (a == NULL || d->length > a->size ||
	    d->offset > a->size - d->length)
		return err_set(e, ERR_FORMAT,
		    "fetch: an answer outside of its arena");
	return 1;
}
