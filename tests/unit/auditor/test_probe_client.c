/*
 * The engine's side, with a probe process that was taken over: this program
 * plays it, and the name that it is asked for says how it lies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tests/unit/auditor/probing.h"

/* --- the liar --- */

static void
say_served(struct ipc *c, uint64_t id, int last)
{
	struct probe_served	s;
	struct buf		b = BUF_INIT;

	memset(&s, 0, sizeof(s));
	s.id = id;
	s.last = last;
	(void)snprintf(s.addr, sizeof(s.addr), "192.0.2.1");
	(void)snprintf(s.message, sizeof(s.message), "no");
	probe_served_pack(&b, &s);
	ipc_send(c, PROBE_SERVED, &b, NULL, 0);
	buf_free(&b);
}

static void
say_said(struct ipc *c, uint64_t id)
{
	static struct probe_said	s;
	struct buf			b = BUF_INIT;

	s.id = id;
	s.ok = 1;
	probe_said_pack(&b, &s);
	ipc_send(c, PROBE_SAID, &b, NULL, 0);
	buf_free(&b);
}

static void
lie(struct ipc *c, uint64_t id, const char *how)
{
	struct buf	b = BUF_INIT;
	int		i, fds[2];

	if (strcmp(how, "other") == 0)
		say_served(c, id + 1, 1);
	else if (strcmp(how, "kind") == 0)
		say_said(c, id);
	else if (strcmp(how, "after") == 0) {
		say_served(c, id, 1);
		say_served(c, id, 1);
	} else if (strcmp(how, "many") == 0)
		for (i = 0; i < LIMIT_PROBE_ADDRS + 2; i++)
			say_served(c, id, 0);
	else if (strcmp(how, "all") == 0)
		for (i = 0; i < LIMIT_PROBE_ADDRS + 1; i++)
			say_served(c, id, i == LIMIT_PROBE_ADDRS);
	else if (strcmp(how, "type") == 0)
		ipc_send(c, PROBE_TLS, &b, NULL, 0);
	else if (strcmp(how, "junk") == 0)
		ipc_send(c, PROBE_SERVED, &b, NULL, 0);
	else if (strcmp(how, "fd") == 0 && pipe(fds) == 0)
		ipc_send(c, PROBE_SERVED, &b, fds, 1);
	else if (strcmp(how, "end") == 0)
		_exit(0);
}

static int
liar(void)
{
	struct ipc		*c = ipc_new(PROC_CHANNEL);
	struct ipc_msg		 m;
	struct probe_tls	 t;
	struct probe_dns	 d;

	while (ipc_recv(c, &m, -1, NULL) == 1) {
		if (m.type == PROBE_TLS &&
		    probe_tls_read(m.body, &t, NULL) == 0)
			lie(c, t.id, t.host);
		if (m.type == PROBE_DNS &&
		    probe_dns_read(m.body, &d, NULL) == 0) {
			if (strcmp(d.name, "kind") == 0)
				say_served(c, d.id, 1);
			else
				say_said(c, d.id);
		}
	}
	return 0;
}

/* --- the engine --- */

/* Until the client says -1 (0), or ${n} answers came (their number). */
static size_t
answers(struct probe_client *c, size_t n, struct err *e)
{
	enum probe_type	type;
	struct pollfd	p;
	size_t		came = 0;
	int		r;

	while (came < n) {
		p.fd = ipc_fd(probe_client_ipc(c));
		p.events = (short)(POLLIN |
		    (ipc_wants_write(probe_client_ipc(c)) ? POLLOUT : 0));
		(void)poll(&p, 1, 100);
		if (probe_client_turn(c, e) != 0)
			return 0;
		while ((r = probe_client_next(c, &type, &served, &said, e))
		    == 1)
			came++;
		if (r < 0)
			return 0;
	}
	return came;
}

static struct probe_client *
start(void)
{
	struct probe_setup	s;

	memset(&s, 0, sizeof(s));
	return probe_start(&s);
}

static uint64_t
ask(struct probe_client *c, const char *how)
{
	struct probe_tls	t = { 77, how, 1, PROBE_PLAIN, "", 0 };

	return probe_client_tls(c, &t);
}

static void
lies(void **state)
{
	static const char *const	hows[] = {
		"other", "kind", "after", "many", "type", "junk", "fd",
	};
	struct probe_client		*c;
	struct probe_dns		 d = { 0, "kind", 1, 0 };
	struct err			 e = ERR_INIT;
	size_t				 i;

	(void)state;
	for (i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
		c = start();
		err_clear(&e);
		(void)ask(c, hows[i]);
		assert_int_equal(answers(c, 99, &e), 0);
		if (e.code != ERR_FORMAT)
			fail_msg("%s: %s", hows[i], e.msg);
		probe_client_free(c);
	}
	c = start();
	err_clear(&e);
	(void)probe_client_dns(c, &d);
	assert_int_equal(answers(c, 99, &e), 0);
	assert_int_equal(e.code, ERR_FORMAT);
	probe_client_free(c);
	/* It ends: that is said, and is no format. */
	c = start();
	err_clear(&e);
	(void)ask(c, "end");
	assert_int_equal(answers(c, 99, &e), 0);
	assert_int_equal(e.code, ERR_NOENT);
	probe_client_free(c);
}

static void
honest(void **state)
{
	struct probe_client	*c = start();
	struct probe_dns	 d = { 9, "name", 1, 0 };
	struct err		 e = ERR_INIT;
	uint64_t		 a, b;

	(void)state;
	a = ask(c, "silent");
	b = ask(c, "all");
	assert_int_equal(a, 1);
	assert_int_equal(b, 2);
	assert_int_equal(probe_client_pending(c), 2);
	assert_int_equal(answers(c, LIMIT_PROBE_ADDRS + 1, &e),
	    LIMIT_PROBE_ADDRS + 1);
	assert_int_equal(served.id, b);
	assert_int_equal(served.last, 1);
	assert_int_equal(probe_client_pending(c), 1);
	assert_int_equal(probe_client_dns(c, &d), 3);
	assert_int_equal(answers(c, 1, &e), 1);
	assert_int_equal(said.id, 3);
	assert_int_equal(probe_client_pending(c), 1);
	assert_true(probe_client_proc(c)->pid > 0);
	probe_client_free(c);
	probe_client_free(NULL);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(honest),
		cmocka_unit_test(lies),
	};

	if (argc > 1 && proc_role(argv[1]) != NULL)
		return liar();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
