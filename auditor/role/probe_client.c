#include "auditor/role/probe_client.h"

#include <stdlib.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "base/err.h"
#include "base/mem.h"

/* A request whose last answer has not come. */
struct request {
	uint64_t	id;
	enum probe_type	want;		/* PROBE_SERVED or PROBE_SAID */
	unsigned	came;
};

struct probe_client {
	struct proc	 proc;
	struct request	*v;		/* owned */
	size_t		 n, cap;
	uint64_t	 last_id;
	struct buf	 out;		/* scratch */
};

/* Queue what is in the scratch buffer. */
static void
post(struct probe_client *c, enum probe_type type)
{
	ipc_send(c->proc.ipc, (uint16_t)type, &c->out, NULL, 0);
	buf_reset(&c->out);
}

struct probe_client *
probe_client_new(const struct probe_setup *s, struct err *e)
{
	struct probe_client	*c = mem_zero(sizeof(*c));

	if (proc_spawn("probe", NULL, 0, &c->proc, e) != 0) {
		free(c);
		return NULL;
	}
	probe_setup_pack(&c->out, s);
	post(c, PROBE_SETUP);
	return c;
}

void
probe_client_free(struct probe_client *c)
{
	if (c == NULL)
		return;
	proc_free(&c->proc);
	free(c->v);
	buf_free(&c->out);
	free(c);
}

struct ipc *
probe_client_ipc(struct probe_client *c)
{
	return c->proc.ipc;
}

struct proc *
probe_client_proc(struct probe_client *c)
{
	return &c->proc;
}

static uint64_t
remember(struct probe_client *c, enum probe_type want)
{
	struct request	*r;

	c->v = mem_grow(c->v, &c->cap, c->n + 1, sizeof(*c->v));
	r = &c->v[c->n++];
	r->id = ++c->last_id;
	r->want = want;
	r->came = 0;
	return r->id;
}

uint64_t
probe_client_tls(struct probe_client *c, const struct probe_tls *t)
{
	struct probe_tls	copy = *t;

	copy.id = remember(c, PROBE_SERVED);
	probe_tls_pack(&c->out, &copy);
	post(c, PROBE_TLS);
	return copy.id;
}

uint64_t
probe_client_dns(struct probe_client *c, const struct probe_dns *d)
{
	struct probe_dns	copy = *d;

	copy.id = remember(c, PROBE_SAID);
	probe_dns_pack(&c->out, &copy);
	post(c, PROBE_DNS);
	return copy.id;
}

void
probe_client_cancel(struct probe_client *c, uint64_t id)
{
	buf_u64(&c->out, id);
	post(c, PROBE_CANCEL);
}

size_t
probe_client_pending(const struct probe_client *c)
{
	return c->n;
}

int
probe_client_turn(struct probe_client *c, struct err *e)
{
	if (ipc_flush(c->proc.ipc, e) < 0 || ipc_read(c->proc.ipc, e) != 0)
		return err_prefix(e, "probe");
	return 0;
}

/* An answer to ${id}: 0, or -1 when nobody asked, or it is one too many. */
static int
account(struct probe_client *c, uint64_t id, enum probe_type type, int last)
{
	struct request	*r;
	size_t		 i;

	for (i = 0; i < c->n; i++)
		if (c->v[i].id == id)
			break;
	if (i == c->n)
		return -1;
	r = &c->v[i];
	/* One an address, and one that says that it was cancelled. */
	if (r->want != type || ++r->came > LIMIT_PROBE_ADDRS + 1)
		return -1;
	if (last)
		c->v[i] = c->v[--c->n];
	return 0;
}

int
probe_client_next(struct probe_client *c, enum probe_type *type,
    struct probe_served *served, struct probe_said *said, struct err *e)
{
	struct ipc_msg	m;
	uint64_t	id;
	int		last = 1;

	if (!ipc_next(c->proc.ipc, &m))
		return 0;
	if ((m.type != PROBE_SERVED && m.type != PROBE_SAID) || m.nfds != 0)
		return err_set(e, ERR_FORMAT, "probe: a message of type %u, "
		    "which it does not send", (unsigned)m.type);
	*type = (enum probe_type)m.type;
	if (m.type == PROBE_SERVED) {
		if (probe_served_read(m.body, served, e) != 0)
			return -1;
		id = served->id;
		last = served->last;
	} else {
		if (probe_said_read(m.body, said, e) != 0)
			return -1;
		id = said->id;
	}
	if (account(c, id, *type, last) != 0)
		return err_set(e, ERR_FORMAT,
		    "probe: an answer that nobody asked for");
	return 1;
}
