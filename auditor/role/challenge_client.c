#include "auditor/role/challenge_client.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "base/err.h"
#include "base/mem.h"

struct challenge_client {
	struct proc	proc;
	int		ready;
	uint64_t	last_id;	/* that was given */
	uint64_t	last_placed;	/* that came back: in order */
	struct buf	out;		/* scratch */
};

/* Queue what is in the scratch buffer. */
static void
post(struct challenge_client *c, enum challenge_msg_type type)
{
	ipc_send(c->proc.ipc, (uint16_t)type, &c->out, NULL, 0);
	mem_wipe(c->out.p, c->out.n);	/* there may be a key in it */
	buf_reset(&c->out);
}

struct challenge_client *
challenge_client_new(const struct challenge_listen *l, uint32_t timeout_ms,
    struct err *e)
{
	struct challenge_client	*c;
	struct challenge_setup	 s;
	struct proc_fd		 fds[2 * LIMIT_CHALLENGE_LISTEN];
	enum challenge_kind	 kind;
	size_t			 i, n = 0;

	memset(&s, 0, sizeof(s));
	s.timeout_ms = timeout_ms;
	for (kind = 0; kind < CHALLENGE_KINDS; kind++) {
		for (i = 0; i < l->n[kind]; i++, n++) {
			fds[n].fd = l->fd[kind][i];
			fds[n].number = CHALLENGE_FD + (int)n;
		}
		s.n[kind] = (uint16_t)l->n[kind];
	}
	c = mem_zero(sizeof(*c));
	if (proc_spawn("challenge", fds, n, &c->proc, e) != 0) {
		free(c);
		return NULL;
	}
	challenge_setup_pack(&c->out, &s);
	post(c, CHALLENGE_SETUP);
	return c;
}

void
challenge_client_free(struct challenge_client *c)
{
	if (c == NULL)
		return;
	proc_free(&c->proc);
	buf_free(&c->out);
	free(c);
}

struct ipc *
challenge_client_ipc(struct challenge_client *c)
{
	return c->proc.ipc;
}

struct proc *
challenge_client_proc(struct challenge_client *c)
{
	return &c->proc;
}

int
challenge_client_listen(struct challenge_client *c,
    const struct challenge_listen *l, struct err *e)
{
	struct challenge_setup	s;
	struct pollfd		p = { ipc_fd(c->proc.ipc), POLLOUT, 0 };
	int			fds[LIMIT_FRAME_FDS], n = 0, rc;
	enum challenge_kind	kind;
	size_t			i;

	memset(&s, 0, sizeof(s));
	for (kind = 0; kind < CHALLENGE_KINDS; kind++) {
		for (i = 0; i < l->n[kind] && n < LIMIT_FRAME_FDS; i++)
			fds[n++] = l->fd[kind][i];
		s.n[kind] = (uint16_t)i;
	}
	challenge_setup_pack(&c->out, &s);
	ipc_send(c->proc.ipc, CHALLENGE_LISTEN, &c->out, fds, n);
	buf_reset(&c->out);
	/* they may be closed by who called */
	while ((rc = ipc_flush(c->proc.ipc, e)) == 1)
		(void)poll(&p, 1, -1);
	return rc;
}

uint64_t
challenge_client_http(struct challenge_client *c,
    const struct challenge_http *h, struct err *e)
{
	struct challenge_http	copy = *h;

	copy.id = c->last_id + 1;
	challenge_http_pack(&c->out, &copy);
	if (challenge_http_read(cur_span(buf_bytes(&c->out)), &copy, e) !=
	    0) {
		buf_reset(&c->out);
		return 0;
	}
	post(c, CHALLENGE_PUT_HTTP);
	return ++c->last_id;
}

uint64_t
challenge_client_tls(struct challenge_client *c,
    const struct challenge_tls *t, struct err *e)
{
	struct challenge_tls	copy = *t;

	copy.id = c->last_id + 1;
	challenge_tls_pack(&c->out, &copy);
	if (challenge_tls_read(cur_span(buf_bytes(&c->out)), &copy, e) != 0) {
		mem_wipe(c->out.p, c->out.n);
		buf_reset(&c->out);
		return 0;
	}
	post(c, CHALLENGE_PUT_TLS);
	return ++c->last_id;
}

void
challenge_client_drop(struct challenge_client *c, enum challenge_kind kind,
    const char *key)
{
	/* What could not be put is not there. */
	if (kind == CHALLENGE_HTTP ? !challenge_token_ok(key) :
	    !challenge_name_ok(key))
		return;
	challenge_drop_pack(&c->out, key);
	post(c, kind == CHALLENGE_HTTP ? CHALLENGE_DROP_HTTP :
	    CHALLENGE_DROP_TLS);
}

void
challenge_client_drop_all(struct challenge_client *c)
{
	post(c, CHALLENGE_DROP_ALL);
}

size_t
challenge_client_pending(const struct challenge_client *c)
{
	return (size_t)(c->last_id - c->last_placed);
}

int
challenge_client_turn(struct challenge_client *c, struct err *e)
{
	if (ipc_flush(c->proc.ipc, e) < 0 || ipc_read(c->proc.ipc, e) != 0)
		return err_prefix(e, "challenge");
	return 0;
}

static int
on_ready(struct challenge_client *c, struct cur k, struct err *e)
{
	if (c->ready || cur_left(&k) != 0)
		return err_set(e, ERR_FORMAT, "challenge: a message that it "
		    "is ready, %s", c->ready ? "once more" :
		    "with something in it");
	c->ready = 1;
	return 0;
}

/* Receipts come in the order of what was put, none twice. */
static int
on_placed(struct challenge_client *c, struct cur k,
    struct challenge_placed *p, struct err *e)
{
	if (challenge_placed_read(k, p, e) != 0)
		return -1;
	if (p->id != c->last_placed + 1 || p->id > c->last_id)
		return err_set(e, ERR_FORMAT, "challenge: a receipt for what "
		    "was not put");
	c->last_placed = p->id;
	return 0;
}

int
challenge_client_next(struct challenge_client *c, struct challenge_note *n,
    struct err *e)
{
	struct ipc_msg	m;
	int		r;

	if (!ipc_next(c->proc.ipc, &m))
		return 0;
	if (m.type < CHALLENGE_READY || m.type > CHALLENGE_HIT ||
	    m.nfds != 0 || (m.type != CHALLENGE_READY && !c->ready))
		return err_set(e, ERR_FORMAT, "challenge: a message of type "
		    "%u, which it does not send now", (unsigned)m.type);
	memset(n, 0, sizeof(*n));
	n->type = (enum challenge_msg_type)m.type;
	if (m.type == CHALLENGE_READY)
		r = on_ready(c, m.body, e);
	else if (m.type == CHALLENGE_PLACED)
		r = on_placed(c, m.body, &n->placed, e);
	else
		r = challenge_hit_read(m.body, &n->hit, e);
	return r == 0 ? 1 : -1;
}
