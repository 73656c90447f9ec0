#include "auditor/role/fetch_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/ipc.h"
#include "base/err.h"
#include "base/mem.h"

#define GUESS	(256u << 10)	/* bytes reserved before anything is known */
#define TRIES	3		/* times a request is put back to the queue */

static struct fetch_job *
job_new(struct fetch_role *r, uint64_t id, struct fetch_slot *slot)
{
	struct fetch_job	*j = mem_zero(sizeof(*j));

	j->role = r;
	j->id = id;
	j->slot = slot;
	j->pipe = -1;
	j->prev = r->tail;
	if (j->prev != NULL)
		j->prev->next = j;
	else
		r->head = j;
	r->tail = j;
	r->njobs++;
	return j;
}

static void
job_free(struct fetch_job *j)
{
	struct fetch_role	*r = j->role;

	if (j->prev != NULL)
		j->prev->next = j->next;
	else
		r->head = j->next;
	if (j->next != NULL)
		j->next->prev = j->prev;
	else
		r->tail = j->prev;
	r->njobs--;
	fetch_pipe_close(j);
	buf_free(&j->request);
	buf_free(&j->inject);
	buf_free(&j->body);
	free(j);
}

/* Give its extent back to the arena. */
static void
release(struct fetch_job *j)
{
	if (j->room == 0)
		return;
	(void)fetch_arena_give(j->slot->arena, j->off);
	j->room = 0;
	j->role->freed = 1;
}

/* Answer and forget. */
static void
answer(struct fetch_job *j, struct fetch_done *d)
{
	struct buf	b = BUF_INIT;

	j->role->freed = 1;
	/* The reader is to see the end before the answer is heard. */
	fetch_pipe_close(j);
	d->id = j->id;
	d->arena = j->slot != NULL ? j->slot->id : 0;
	d->offset = 0;
	d->length = 0;
	if (d->failure != FETCH_OK || j->len == 0)
		release(j);
	else if (j->slot != NULL) {
		/* What was reserved beyond the end is free again. */
		(void)fetch_arena_resize(j->slot->arena, j->off, j->len);
		d->offset = j->off;
		d->length = (uint32_t)j->len;
		j->slot->out++;
	} else
		d->body = buf_bytes(&j->body);
	fetch_done_pack(&b, d);
	ipc_send(j->role->ipc, FETCH_DONE, &b, NULL, 0);
	buf_free(&b);
	job_free(j);
}

/*
 * Room for ${want} bytes in all, or at least ${need}: where it is, or
 * elsewhere, and what is there moves.  0, or -1 when there is none.
 */
static int
make_room(struct fetch_job *j, uint64_t need, uint64_t want)
{
	struct fetch_arena	*a = j->slot->arena;
	uint64_t		 sizes[3], off = 0;
	size_t			 i, n = 2;

	if (j->room >= need)
		return 0;
	sizes[0] = want;
	sizes[1] = need;
	if (j->room != 0) {
		if (fetch_arena_resize(a, j->off, want) == 0) {
			j->room = want;
			return 0;
		}
		/*
		 * Given back first, its own place counts as room; it is the
		 * last resort, and at least that one is found.
		 */
		sizes[n++] = j->room;
		(void)fetch_arena_give(a, j->off);
	}
	for (i = 0; i < n; i++)
		if (fetch_arena_take(a, sizes[i], &off) == 0)
			break;
	if (i == n)
		return -1;
	if (j->len != 0 && off != j->off)
		memmove(fetch_arena_base(a) + off,
		    fetch_arena_base(a) + j->off, (size_t)j->len);
	if (off != j->off || i < 2)
		j->role->freed = 1;
	j->off = off;
	j->room = sizes[i];
	return i < 2 ? 0 : -1;
}

/*
 * Will anybody give room back?  The engine, if it holds extents, or another
 * request that is still moving.
 */
static int
hope(const struct fetch_job *j)
{
	const struct fetch_job	*o;

	if (j->slot->out != 0)
		return 1;
	for (o = j->role->head; o != NULL; o = o->next)
		if (o != j && o->slot == j->slot && o->room != 0 &&
		    !o->stalled)
			return 1;
	return 0;
}

/* Do others have extents in the same arena? */
static int
others(const struct fetch_job *j)
{
	const struct fetch_job	*o;

	for (o = j->role->head; o != NULL; o = o->next)
		if (o != j && o->slot == j->slot && o->room != 0)
			return 1;
	return 0;
}

static enum xfer_sink
on_room(void *arg, size_t n, int64_t left, uint8_t **to, size_t *room)
{
	struct fetch_job	*j = arg;
	uint64_t		 need = j->len + n, want;

	want = left >= 0 ? need + (uint64_t)left : need * 2;
	if (want > j->cap)
		want = j->cap;
	j->resuming = 0;
	/* All of it at once, while there is nothing to be moved. */
	if (j->len == 0 && left > 0)
		(void)make_room(j, want, want);
	if (make_room(j, need, want) != 0) {
		if (!hope(j)) {
			/* All stand still: this one steps back, if it can. */
			j->again = j->repeatable && j->tries < TRIES &&
			    others(j);
			j->least = want;
			return XFER_STOP;
		}
		j->stalled = 1;
		return XFER_WAIT;
	}
	*to = fetch_arena_base(j->slot->arena) + j->off + j->len;
	*room = (size_t)(j->room - j->len);
	return XFER_TOOK;
}

static void
on_wrote(void *arg, size_t n)
{
	struct fetch_job	*j = arg;

	j->len += n;
}

static enum xfer_sink
on_body(void *arg, const uint8_t *p, size_t n, int64_t left)
{
	struct fetch_job	*j = arg;
	enum xfer_sink		 r;
	uint8_t			*to;
	size_t			 room;

	if (j->pipe != -1)
		return fetch_pipe_body(j, p, n);
	if (j->slot == NULL)
		buf_add(&j->body, p, n);
	else if ((r = on_room(j, n, left, &to, &room)) == XFER_TOOK)
		memcpy(to, p, n);
	else
		return r;
	j->len += n;
	return XFER_TOOK;
}

static void
on_done(void *arg, const struct fetch_done *d)
{
	struct fetch_job	*j = arg;
	struct fetch_done	 copy = *d;

	j->xj = NULL;
	j->stalled = j->resuming = 0;
	if (!j->again) {
		fetch_pipe_explain(j, &copy);
		answer(j, &copy);
		return;
	}
	j->again = 0;
	j->tries++;
	j->len = 0;
	release(j);
}

static const struct xfer_ops ops = { on_body, on_room, on_wrote, on_done };

/* Begin: 0, or -1 when there is no room yet. */
static int
start(struct fetch_job *j)
{
	struct fetch_done	d;
	struct fetch_get	g;
	uint64_t		n;

	if (j->is_inject) {
		n = j->inject.n;
		if (n != 0 && make_room(j, n, n) != 0)
			return -1;
		if (n != 0)
			memcpy(fetch_arena_base(j->slot->arena) + j->off,
			    j->inject.p, (size_t)n);
		j->len = n;
		memset(&d, 0, sizeof(d));
		d.status = 200;
		answer(j, &d);
		return 0;
	}
	if (j->slot != NULL && j->cap != 0) {
		n = j->cap < GUESS ? j->cap : GUESS;
		if (n < j->least)
			n = j->least;
		if (make_room(j, n, n) != 0)
			return -1;
	}
	/* It was well formed when it came. */
	(void)fetch_get_read(cur_span(buf_bytes(&j->request)), &g, NULL);
	j->xj = xfer_start(j->role->x, &g, &ops, j);
	return 0;
}

static void
end_with(struct fetch_job *j, enum fetch_failure failure, const char *why)
{
	struct fetch_done	d;

	memset(&d, 0, sizeof(d));
	d.failure = failure;
	(void)snprintf(d.message, sizeof(d.message), "%s", why);
	answer(j, &d);
}

/* It can never start: nobody would make room. */
static void
give_up(struct fetch_job *j)
{
	char	why[64];

	(void)snprintf(why, sizeof(why),
	    "the arena of %llu bytes has no room",
	    (unsigned long long)fetch_arena_size(j->slot->arena));
	end_with(j, FETCH_NO_ROOM, why);
}

/*
 * Does another request come first: one that is under way and lacks room in
 * the same arena, or an older one that waits for it?
 */
static int
after_you(const struct fetch_job *j)
{
	const struct fetch_job	*o;
	int			 older = 1;

	for (o = j->role->head; o != NULL; o = o->next) {
		if (o == j)
			older = 0;
		else if (o->slot == j->slot && (o->stalled || o->resuming ||
		    (older && o->xj == NULL)))
			return 1;
	}
	return 0;
}

static void
start_or_wait(struct fetch_job *j)
{
	if (j->slot != NULL && after_you(j))
		return;
	if (start(j) != 0 && !hope(j))
		give_up(j);
}

void
fetch_job_get(struct fetch_role *r, const struct fetch_get *g,
    struct fetch_slot *slot, struct span frame, int pipe)
{
	struct fetch_job	*j = job_new(r, g->id, slot);

	j->cap = g->cap;
	j->repeatable = strcmp(g->method, "POST") != 0;
	buf_span(&j->request, frame);
	if (pipe != -1) {
		j->pipe = pipe;
		if (r->npipes++ == LIMIT_FETCH_PIPES) {
			end_with(j, FETCH_NO_ROOM, "too many bodies go into "
			    "pipes already");
			return;
		}
	}
	start_or_wait(j);
}

void
fetch_job_inject(struct fetch_role *r, uint64_t id, struct fetch_slot *slot,
    struct span bytes)
{
	struct fetch_job	*j = job_new(r, id, slot);

	j->is_inject = 1;
	buf_span(&j->inject, bytes);
	start_or_wait(j);
}

struct fetch_job *
fetch_job_find(struct fetch_role *r, uint64_t id)
{
	struct fetch_job	*j;

	for (j = r->head; j != NULL; j = j->next)
		if (j->id == id)
			return j;
	return NULL;
}

int
fetch_job_extent(const struct fetch_role *r, const struct fetch_slot *slot,
    uint64_t off)
{
	const struct fetch_job	*j;

	for (j = r->head; j != NULL; j = j->next)
		if (j->slot == slot && j->room != 0 && j->off == off)
			return 1;
	return 0;
}

void
fetch_job_cancel(struct fetch_job *j, const char *why)
{
	if (j->xj != NULL)
		xfer_stop(j->role->x, j->xj);
	j->xj = NULL;
	end_with(j, FETCH_CANCELLED, why);
}

void
fetch_job_pump(struct fetch_role *r)
{
	struct fetch_job	*j, *next;

	if (!r->freed)
		return;
	r->freed = 0;
	for (j = r->head; j != NULL; j = next) {
		next = j->next;
		if (j->stalled) {
			/* It moves again, as far as others can tell. */
			j->stalled = 0;
			j->resuming = 1;
			xfer_resume(r->x, j->xj);
		} else if (j->xj == NULL)
			start_or_wait(j);
	}
}

void
fetch_job_free_all(struct fetch_role *r)
{
	while (r->head != NULL) {
		if (r->head->xj != NULL)
			xfer_stop(r->x, r->head->xj);
		job_free(r->head);
	}
}
