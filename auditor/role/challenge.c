#include "auditor/role/challenge.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/challenge_conn.h"
#include "auditor/sandbox.h"
#include "base/clk.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#define TURN_US		CLK_SEC
#define SWEEP_US	(10 * CLK_SEC)

static int
bad(struct err *e, const char *what)
{
	return err_set(e, ERR_FORMAT, "the engine sent a bad %s", what);
}

/* --- the setup --- */

/* What we were given to listen at; it may not make us wait. */
static int
take_one(struct challenge_role *r, int fd, struct err *e)
{
	socklen_t	len = sizeof(int);
	int		flags, on = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == -1 || !on)
		return bad(e, "descriptor: it is not listening");
	flags = fcntl(fd, F_GETFL);
	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return err_set(e, ERR_SYS, "setting up listening");
	r->listen[r->nlisten++] = fd;
	return 0;
}

static int
take_listening(struct challenge_role *r, const struct challenge_setup *s,
    struct err *e)
{
	int	i, n = s->n[CHALLENGE_HTTP] + s->n[CHALLENGE_TLS];

	r->nhttp = s->n[CHALLENGE_HTTP];
	for (i = 0; i < n; i++)
		if (take_one(r, CHALLENGE_FD + i, e) == -1)
			return -1;
	return 0;
}

/* Other ones, or none, from now on; connections go on. */
static int
on_listen(struct challenge_role *r, struct ipc_msg *m, struct err *e)
{
	struct challenge_setup	s;
	int			i, n = m->nfds;

	if (challenge_setup_read(m->body, &s, e) != 0)
		return -1;
	if (n != s.n[CHALLENGE_HTTP] + s.n[CHALLENGE_TLS])
		return bad(e, "number of sockets");
	while (r->nlisten > 0)
		(void)close(r->listen[--r->nlisten]);
	r->nhttp = s.n[CHALLENGE_HTTP];
	r->moved = 1;
	r->pause = 0;
	for (i = 0; i < n; i++)
		if (take_one(r, ipc_take_fd(r->ipc, i), e) == -1)
			return -1;
	return 0;
}

static int
on_setup(struct challenge_role *r, struct ipc_msg *m, struct err *e)
{
	struct challenge_setup	s;
	size_t			i;

	if (r->ready)
		return bad(e, "second setup");
	if (challenge_setup_read(m->body, &s, e) != 0 ||
	    take_listening(r, &s, e) != 0)
		return -1;
	r->timeout_ms = s.timeout_ms != 0 ? s.timeout_ms : CHALLENGE_MS;
	for (i = 0; i < CHALLENGE_KINDS; i++)
		if (getrandom(&r->stores[i].seed, sizeof(r->stores[i].seed),
		    0) == -1)
			return err_set(e, ERR_SYS, "making a random number");
	r->tlsd = challenge_tlsd_new(&r->stores[CHALLENGE_TLS], e);
	if (r->tlsd == NULL || sandbox_enter(SANDBOX_CHALLENGE, e) != 0)
		return -1;
	r->ready = 1;
	ipc_send(r->ipc, CHALLENGE_READY, NULL, NULL, 0);
	return 0;
}

/* --- answers --- */

static void
send_placed(struct challenge_role *r, uint64_t id, const struct err *why)
{
	struct challenge_placed	p;
	struct buf		b = BUF_INIT;

	memset(&p, 0, sizeof(p));
	p.id = id;
	p.ok = why == NULL;
	if (why != NULL)
		(void)snprintf(p.message, sizeof(p.message), "%.255s",
		    why->msg);
	challenge_placed_pack(&b, &p);
	ipc_send(r->ipc, CHALLENGE_PLACED, &b, NULL, 0);
	buf_free(&b);
}

static int
on_put_http(struct challenge_role *r, struct ipc_msg *m, struct err *e)
{
	struct challenge_http	 h;
	struct challenge_answer	*a;
	struct err		 why = ERR_INIT;
	int64_t			 now = clk_mono();

	if (challenge_http_read(m->body, &h, e) != 0)
		return -1;
	a = challenge_store_put(&r->stores[CHALLENGE_HTTP], h.token,
	    now + h.secs * CLK_SEC, now);
	if (a != NULL)
		a->keyauth = mem_str(h.keyauth);
	else
		(void)err_set(&why, ERR_LIMIT, "there are %d answers "
		    "already; drop those that are done", LIMIT_CHALLENGES);
	send_placed(r, h.id, a != NULL ? NULL : &why);
	return 0;
}

static int
on_put_tls(struct challenge_role *r, struct ipc_msg *m, struct err *e)
{
	struct challenge_tls	t;
	struct err		why = ERR_INIT;
	int64_t			now = clk_mono();
	int			put;

	if (challenge_tls_read(m->body, &t, e) != 0)
		return -1;
	put = challenge_tlsd_put(r->tlsd, &t, now + t.secs * CLK_SEC, now,
	    &why);
	send_placed(r, t.id, put == 0 ? NULL : &why);
	return 0;
}

static int
drop_one(struct challenge_role *r, struct ipc_msg *m,
    enum challenge_kind kind, struct err *e)
{
	const char	*key;

	if (challenge_drop_read(m->body, kind, &key, e) != 0)
		return -1;
	challenge_store_drop(&r->stores[kind], key);
	return 0;
}

static int
on_drop_http(struct challenge_role *r, struct ipc_msg *m, struct err *e)
{
	return drop_one(r, m, CHALLENGE_HTTP, e);
}

static int
on_drop_tls(struct challenge_role *r, struct ipc_msg *m, struct err *e)
{
	return drop_one(r, m, CHALLENGE_TLS, e);
}

static int
on_drop_all(struct challenge_role *r, struct ipc_msg *m, struct err *e)
{
	if (cur_left(&m->body) != 0)
		return bad(e, "message that drops all");
	challenge_store_clear(&r->stores[CHALLENGE_HTTP]);
	challenge_store_clear(&r->stores[CHALLENGE_TLS]);
	return 0;
}

static int (*const handlers[])(struct challenge_role *, struct ipc_msg *,
    struct err *) = {
	[CHALLENGE_SETUP]	= on_setup,
	[CHALLENGE_PUT_HTTP]	= on_put_http,
	[CHALLENGE_PUT_TLS]	= on_put_tls,
	[CHALLENGE_DROP_HTTP]	= on_drop_http,
	[CHALLENGE_DROP_TLS]	= on_drop_tls,
	[CHALLENGE_DROP_ALL]	= on_drop_all,
	[CHALLENGE_READY]	= NULL,
	[CHALLENGE_PLACED]	= NULL,
	[CHALLENGE_HIT]		= NULL,
	[CHALLENGE_LISTEN]	= on_listen,
};

static int
dispatch(struct challenge_role *r, struct ipc_msg *m, struct err *e)
{
	if (m->type > CHALLENGE_LISTEN || handlers[m->type] == NULL ||
	    (m->nfds != 0 && m->type != CHALLENGE_LISTEN))
		return bad(e, "message type");
	if (!r->ready && m->type != CHALLENGE_SETUP)
		return bad(e, "first message: it must be the setup");
	return handlers[m->type](r, m, e);
}

/* --- the loop --- */

/* Wait for clients, the engine, or what is due first. */
static int
wait_some(struct challenge_role *r, int64_t now, struct err *e)
{
	int64_t	left = challenge_conn_poll(r) - now;
	size_t	i;

	if (left > TURN_US)
		left = TURN_US;
	if (r->pause > now && left > r->pause - now)
		left = r->pause - now;
	r->fds[0].fd = ipc_fd(r->ipc);
	r->fds[0].events = (short)(POLLIN |
	    (ipc_wants_write(r->ipc) ? POLLOUT : 0));
	r->fds[0].revents = 0;
	for (i = 0; i < r->nlisten; i++) {
		/* what hangs up is said whatever is asked for */
		r->fds[1 + i].fd = r->pause > now ? -1 : r->listen[i];
		r->fds[1 + i].events = POLLIN;
		r->fds[1 + i].revents = 0;
	}
	/* To the millisecond above: not to wake up for nothing. */
	if (poll(r->fds, challenge_conn_base(r) + r->nconns, left <= 0 ? 0 :
	    (int)((left + 999) / 1000)) == -1) {
		if (errno != EINTR)
			return err_set(e, ERR_SYS, "waiting");
		for (i = 0; i < challenge_conn_base(r) + r->nconns; i++)
			r->fds[i].revents = 0;
	}
	return 0;
}

/* What the engine says: 0, 1 at the end, -1. */
static int
hear(struct challenge_role *r, struct err *e)
{
	struct ipc_msg	m;
	int		busy;

	if ((r->fds[0].revents & ~POLLOUT) != 0 && ipc_read(r->ipc, e) != 0 &&
	    !ipc_eof(r->ipc))
		return -1;
	if (ipc_eof(r->ipc))
		return 1;
	do {
		busy = ipc_next(r->ipc, &m);
		if (busy && dispatch(r, &m, e) != 0)
			return -1;
	} while (busy);
	return 0;
}

/* The engine first: who asks for what it has put is to be given it. */
static int
turn(struct challenge_role *r, struct err *e)
{
	int64_t	now = clk_mono();
	size_t	i, n = r->nlisten;
	int	end;

	if (ipc_flush(r->ipc, e) < 0 || wait_some(r, now, e) != 0)
		return -1;
	r->moved = 0;
	end = hear(r, e);
	if (end != 0)
		return end;
	if (r->moved)
		return 0;	/* what was waited for is not what there is */
	now = clk_mono();
	challenge_conn_turn(r, now);
	for (i = 0; i < n; i++)
		if (r->fds[1 + i].revents != 0)
			challenge_conn_accept(r, i, now);
	if (now - r->swept >= SWEEP_US) {
		r->swept = now;
		challenge_store_sweep(&r->stores[CHALLENGE_HTTP], now);
		challenge_store_sweep(&r->stores[CHALLENGE_TLS], now);
	}
	return 0;
}

static void
on_term(int sig)
{
	(void)sig;
	_exit(0);
}

int
challenge_main(void)
{
	struct challenge_role	*r = mem_zero(sizeof(*r));
	struct err		 e = ERR_INIT;
	int			 n;

	log_open("challenge", log_level());
	proc_enter("challenge", 1);
	(void)signal(SIGTERM, on_term);
	r->ipc = ipc_new(PROC_CHANNEL);
	while ((n = turn(r, &e)) == 0)
		;
	if (n < 0)
		log_error(NULL, "%s", e.msg);
	challenge_conn_free_all(r);
	challenge_store_clear(&r->stores[CHALLENGE_HTTP]);
	challenge_store_clear(&r->stores[CHALLENGE_TLS]);
	challenge_tlsd_free(r->tlsd);
	ipc_free(r->ipc);
	free(r);
	return n < 0;
}
