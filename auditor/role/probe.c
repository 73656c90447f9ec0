#include "auditor/role/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/probe_job.h"
#include "auditor/sandbox.h"
#include "base/clk.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#define TURN_US		CLK_SEC
#define CONF_MAX	(64u << 10)	/* bytes of resolv.conf */

_Static_assert(PROBE_RESOLVERS == DNSSERVER_MAX, "all of them fit");
_Static_assert(LIMIT_FRAME > 4 * LIMIT_PROBE_BYTES, "an answer is a frame");

static int
bad(struct err *e, const char *what)
{
	return err_set(e, ERR_FORMAT, "the engine sent a bad %s", what);
}

/* A file of the system, or what can be had of it: up to ${cap} + 1 bytes. */
static void
slurp(const char *path, size_t cap, struct buf *b)
{
	ssize_t	n;
	int	fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return;
	while (b->n <= cap) {
		n = read(fd, buf_room(b, cap + 1 - b->n), cap + 1 - b->n);
		if (n <= 0 && !(n == -1 && errno == EINTR))
			break;
		if (n > 0)
			b->n += (size_t)n;
	}
	(void)close(fd);
}

/* Names and resolvers of this machine, before the doors close. */
static int
read_system(struct probe_role *r, const struct probe_setup *s, struct err *e)
{
	struct err	why = ERR_INIT;
	struct buf	b = BUF_INIT;
	struct span	none = { NULL, 0 };
	size_t		i;

	slurp("/etc/hosts", LIMIT_HOSTS_FILE, &b);
	r->hosts = hosts_new(buf_bytes(&b), &why);
	if (r->hosts == NULL) {
		log_warn("/etc/hosts", "%s; it is not used", why.msg);
		r->hosts = hosts_new(none, NULL);
	}
	buf_reset(&b);
	for (i = 0; i < s->nresolvers; i++)
		if (dnsserver_add(&r->servers, s->resolvers[i], e) != 0)
			break;
	if (s->nresolvers == 0) {
		slurp("/etc/resolv.conf", CONF_MAX, &b);
		dnsserver_conf(&r->servers, buf_bytes(&b));
	}
	buf_free(&b);
	return i < s->nresolvers ? -1 : 0;
}

static int
on_setup(struct probe_role *r, struct ipc_msg *m, struct err *e)
{
	struct probe_setup	s;
	size_t			i;

	if (r->tls != NULL)
		return bad(e, "second setup");
	if (probe_setup_read(m->body, &s, e) != 0)
		return -1;
	for (i = 0; i < s.nallow; i++)
		if (egress_parse_allow(&r->egress, s.allow[i], e) != 0)
			return -1;
	if (getrandom(&r->queue.seed, sizeof(r->queue.seed), 0) == -1)
		return err_set(e, ERR_SYS, "making a random number");
	if (read_system(r, &s, e) != 0)
		return -1;
	r->tls = tlsprobe_ctx_new(e);
	if (r->tls == NULL)
		return -1;
	return sandbox_enter(SANDBOX_PROBE, e);
}

static int
on_tls(struct probe_role *r, struct ipc_msg *m, struct err *e)
{
	struct probe_tls	t;

	if (probe_tls_read(m->body, &t, e) != 0)
		return -1;
	if (r->njobs >= LIMIT_PROBES || probe_job_find(r, t.id) != NULL)
		return bad(e, "request");
	probe_job_tls(r, &t);
	return 0;
}

static int
on_dns(struct probe_role *r, struct ipc_msg *m, struct err *e)
{
	struct probe_dns	d;

	if (probe_dns_read(m->body, &d, e) != 0)
		return -1;
	if (r->njobs >= LIMIT_PROBES || probe_job_find(r, d.id) != NULL)
		return bad(e, "question");
	probe_job_dns(r, &d);
	return 0;
}

static int
on_cancel(struct probe_role *r, struct ipc_msg *m, struct err *e)
{
	struct probe_job	*j;
	uint64_t		 id;

	if (cur_u64(&m->body, &id) != 0 || cur_left(&m->body) != 0)
		return bad(e, "cancellation");
	/* None: its last answer is on the way already. */
	j = probe_job_find(r, id);
	if (j != NULL)
		probe_job_cancel(j);
	return 0;
}

static int (*const handlers[])(struct probe_role *, struct ipc_msg *,
    struct err *) = {
	[PROBE_SETUP]	= on_setup,
	[PROBE_TLS]	= on_tls,
	[PROBE_DNS]	= on_dns,
	[PROBE_CANCEL]	= on_cancel,
	[PROBE_SERVED]	= NULL,
	[PROBE_SAID]	= NULL,
};

static int
dispatch(struct probe_role *r, struct ipc_msg *m, struct err *e)
{
	if (m->type > PROBE_SAID || handlers[m->type] == NULL ||
	    m->nfds != 0)
		return bad(e, "message type");
	if (r->tls == NULL && m->type != PROBE_SETUP)
		return bad(e, "first message: it must be the setup");
	return handlers[m->type](r, m, e);
}

/* Wait for sockets, the engine, or what is due first. */
static int
wait_some(struct probe_role *r, struct err *e)
{
	int64_t	left = probe_job_poll(r) - clk_mono();

	if (left > TURN_US)
		left = TURN_US;
	r->fds[0].fd = ipc_fd(r->ipc);
	r->fds[0].events = (short)(POLLIN |
	    (ipc_wants_write(r->ipc) ? POLLOUT : 0));
	r->fds[0].revents = 0;
	/* To the millisecond above: not to wake up for nothing. */
	if (poll(r->fds, 1 + r->nbusy, left <= 0 ? 0 :
	    (int)((left + 999) / 1000)) == -1 && errno != EINTR)
		return err_set(e, ERR_SYS, "waiting");
	return 0;
}

/* Wait, carry on, and read what the engine says: 0, 1 at the end, -1. */
static int
turn(struct probe_role *r, struct err *e)
{
	struct ipc_msg	m;
	int		busy;

	probe_job_pump(r, clk_mono());
	if (ipc_flush(r->ipc, e) < 0 || wait_some(r, e) != 0)
		return -1;
	probe_job_turn(r, clk_mono());
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

static void
on_term(int sig)
{
	(void)sig;
	_exit(0);
}

int
probe_main(void)
{
	struct probe_role	*r = mem_zero(sizeof(*r));
	struct err		 e = ERR_INIT;
	int			 n;

	log_open("probe", log_level());
	proc_enter("probe", 0);
	(void)signal(SIGTERM, on_term);
	r->ipc = ipc_new(PROC_CHANNEL);
	while ((n = turn(r, &e)) == 0)
		;
	if (n < 0)
		log_error(NULL, "%s", e.msg);
	probe_job_free_all(r);
	tlsprobe_ctx_free(r->tls);
	hosts_free(r->hosts);
	egress_free(&r->egress);
	ipc_free(r->ipc);
	free(r);
	return n < 0;
}
