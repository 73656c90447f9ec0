/*
 * Requests without a process: all of them are answered and freed, and nothing
 * starts while the engine does not read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/role/probe_job.h"
#include "base/mem.h"
#include "tests/unit/auditor/probing.h"
#include "tests/unit/auditor/nameserver.h"
#include "tests/unit/auditor/endpoint.h"

static struct probe_role	*role;
static struct ipc		*engine;

static int
begin(void **state)
{
	struct span	none = { NULL, 0 };
	int		fds[2];

	(void)state;
	role = mem_zero(sizeof(*role));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds), 0);
	role->ipc = ipc_new(fds[0]);
	engine = ipc_new(fds[1]);
	role->tls = tlsprobe_ctx_new(NULL);
	role->hosts = hosts_new(none, NULL);
	assert_int_equal(egress_parse_allow(&role->egress, "127.0.0.0/8",
	    NULL), 0);
	assert_int_equal(dnsserver_add(&role->servers, ns_text(NS_GOOD),
	    NULL), 0);
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	probe_job_free_all(role);
	assert_int_equal(role->njobs, 0);
	assert_int_equal(role->nbusy, 0);
	assert_int_equal(role->nasks, 0);
	tlsprobe_ctx_free(role->tls);
	hosts_free(role->hosts);
	egress_free(&role->egress);
	ipc_free(role->ipc);
	ipc_free(engine);
	free(role);
	return 0;
}

static void
tls(uint64_t id, const char *host, enum ep kind)
{
	struct probe_tls	t = { id, host, (uint16_t)ep_port[kind],
				    PROBE_PLAIN, "", 0 };

	probe_job_tls(role, &t);
}

static void
dns(uint64_t id, const char *name)
{
	struct probe_dns	d = { id, name, DNS_CAA, 0 };

	probe_job_dns(role, &d);
}

static void
turn(void)
{
	probe_job_pump(role, clk_mono());
	(void)probe_job_poll(role);
	role->fds[0].fd = -1;
	(void)poll(role->fds, 1 + role->nbusy, 50);
	probe_job_turn(role, clk_mono());
	while (ipc_flush(role->ipc, NULL) == 1) {
		struct ipc_msg	m;

		(void)ipc_read(engine, NULL);
		while (ipc_next(engine, &m))
			;
	}
}

static void
answered(void **state)
{
	uint64_t	id = 0;

	(void)state;
	tls(++id, "127.0.0.1", EP_13);
	tls(++id, "three.test", EP_12);
	tls(++id, "10.0.0.1", EP_12);
	tls(++id, "private.test", EP_CLOSE);
	tls(++id, "nx.test", EP_12);
	tls(++id, "bad..name", EP_12);
	dns(++id, "caa.test");
	dns(++id, "big.test");
	dns(++id, "bad..name");
	/* What the policy refuses is answered at once. */
	assert_null(probe_job_find(role, 3));
	assert_int_equal(role->njobs, id - 1);
	while (role->njobs > 0)
		turn();
	assert_int_equal(role->nbusy, 0);
}

/* Cancelled, or forgotten, in whatever state. */
static void
given_up(void **state)
{
	uint64_t	id = 0;
	size_t		i;

	(void)state;
	for (i = 0; i < 6; i++)
		tls(++id, "127.0.0.1", EP_STALL);
	tls(++id, "three.test", EP_STALL);
	tls(++id, "silent.test", EP_STALL);
	dns(++id, "silent.test");
	for (i = 0; i < 20; i++)
		turn();
	tls(++id, "127.0.0.1", EP_STALL);
	tls(++id, "silent.test", EP_STALL);
	dns(++id, "silent.test");
	assert_int_equal(role->njobs, id);
	for (i = 1; i <= id; i += 2)
		probe_job_cancel(probe_job_find(role, i));
	assert_int_equal(role->njobs, id / 2);
	/* The rest is forgotten by finish(). */
}

/* Memory for answers is bounded: who does not read is not asked for more. */
static void
unread(void **state)
{
	struct buf	b = BUF_INIT;

	(void)state;
	(void)buf_room(&b, LIMIT_FRAME);
	memset(b.p, 0, LIMIT_FRAME);
	b.n = LIMIT_FRAME;
	ipc_send(role->ipc, PROBE_SAID, &b, NULL, 0);
	tls(1, "127.0.0.1", EP_13);
	dns(2, "caa.test");
	probe_job_pump(role, clk_mono());
	assert_int_equal(role->nbusy, 0);
	turn();		/* reads it all */
	probe_job_pump(role, clk_mono());
	assert_int_equal(role->nbusy, 2);
	while (role->njobs > 0)
		turn();
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(answered, begin, finish),
		cmocka_unit_test_setup_teardown(given_up, begin, finish),
		cmocka_unit_test_setup_teardown(unread, begin, finish),
	};
	int	r;

	(void)signal(SIGPIPE, SIG_IGN);
	ns_start();
	ep_start();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	ep_stop();
	ns_stop();
	return r;
}
