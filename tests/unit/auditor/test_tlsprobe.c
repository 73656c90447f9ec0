/* One connection at a time, without a process: how it waits and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/net/tlsprobe.h"
#include "tests/unit/auditor/probing.h"
#include "tests/unit/auditor/endpoint.h"

static struct tlsprobe_ctx	*ctx;

static struct tlsprobe *
begin(enum ep kind, enum probe_starttls starttls, const char *sni)
{
	struct probe_tls	t = { 0, "", (uint16_t)ep_port[kind],
				    starttls, sni, 1000 };
	struct netaddr		a;

	assert_int_equal(netaddr_parse(&a, "127.0.0.1"), 0);
	return tlsprobe_new(ctx, &a, &t, 5000);
}

/* Until it ends, on a clock that stands still. */
static void
run(struct tlsprobe *t)
{
	struct pollfd	p;

	while (!tlsprobe_turn(t, 5000)) {
		p.fd = tlsprobe_fd(t);
		p.events = tlsprobe_events(t);
		p.revents = 0;
		assert_true(p.fd >= 0);
		assert_int_equal(tlsprobe_when(t), 5000 + 1000000);
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	}
	tlsprobe_served(t, &served);
}

static void
good(void **state)
{
	static const enum ep	kinds[] = { EP_13, EP_12, EP_SMTP, EP_IMAP };
	struct tlsprobe		*t;
	size_t			 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		t = begin(kinds[i], i == 2 ? PROBE_SMTP : i == 3 ?
		    PROBE_IMAP : PROBE_PLAIN, "right.test");
		run(t);
		assert_int_equal(served.ok, 1);
		assert_int_equal(served.nchain, 2);
		assert_int_equal(served.chain[0].n, ep_leaf.n);
		assert_int_equal(tlsprobe_late(t), 0);
		assert_int_equal(tlsprobe_fd(t), -1);
		assert_int_equal(tlsprobe_turn(t, 5000), 1);
		tlsprobe_free(t);
	}
	tlsprobe_free(NULL);
}

static void
late(void **state)
{
	struct tlsprobe	*t;

	(void)state;
	t = begin(EP_STALL, PROBE_PLAIN, "");
	assert_int_equal(tlsprobe_turn(t, 5000 + 999999), 0);
	assert_int_equal(tlsprobe_turn(t, 5000 + 1000000), 1);
	assert_int_equal(tlsprobe_late(t), 1);
	tlsprobe_served(t, &served);
	assert_int_equal(served.ok, 0);
	assert_non_null(strstr(served.message, "within 1000 ms"));
	tlsprobe_free(t);
	/* Given up on the way. */
	t = begin(EP_STALL, PROBE_PLAIN, "");
	assert_int_equal(tlsprobe_turn(t, 5000), 0);
	tlsprobe_free(t);
}

static void
names(void **state)
{
	struct tlsprobe	*t;
	char		 sni[300];

	(void)state;
	memset(sni, 'a', sizeof(sni));
	sni[256] = '\0';
	t = begin(EP_13, PROBE_PLAIN, sni);
	assert_int_equal(tlsprobe_turn(t, 5000), 1);
	tlsprobe_served(t, &served);
	assert_int_equal(served.ok, 0);
	assert_non_null(strstr(served.message, "RFC 6066"));
	assert_int_equal(tlsprobe_late(t), 0);
	tlsprobe_free(t);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(late),
		cmocka_unit_test(names),
	};
	int	r;

	(void)signal(SIGPIPE, SIG_IGN);
	ep_start();
	ctx = tlsprobe_ctx_new(NULL);
	r = ctx == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
	tlsprobe_ctx_free(ctx);
	tlsprobe_ctx_free(NULL);
	ep_stop();
	return r;
}
