/* One question at a time, without a process: how it waits and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/net/dnsask.h"
#include "tests/unit/auditor/probing.h"
#include "tests/unit/auditor/nameserver.h"

static struct dnsservers	servers;

static void
use(int a, int b)
{
	memset(&servers, 0, sizeof(servers));
	assert_int_equal(dnsserver_add(&servers, ns_text(a), NULL), 0);
	if (b >= 0)
		assert_int_equal(dnsserver_add(&servers, ns_text(b), NULL),
		    0);
}

/* Until it ends, on a clock that jumps to what is due when nothing comes. */
static void
run(struct dnsask *a, int64_t now, int wait_ms)
{
	struct pollfd	p;
	int		i;

	for (i = 0; i < 100 && !dnsask_turn(a, now); i++) {
		p.fd = dnsask_fd(a);
		p.events = dnsask_events(a);
		assert_true(p.fd >= 0);
		assert_true(dnsask_when(a) > now);
		if (poll(&p, 1, wait_ms) == 0)
			now = dnsask_when(a);
	}
	assert_true(i < 100);
	dnsask_said(a, &said);
}

static void
good(void **state)
{
	struct dnsask	*a;

	(void)state;
	use(NS_GOOD, -1);
	a = dnsask_new(&servers, "caa.test", DNS_CAA, 0, 1000);
	assert_int_equal(dnsask_when(a), 1000 + 1000000);
	run(a, 1000, WAIT_MS);
	assert_int_equal(said.ok, 1);
	assert_int_equal(said.n, 1);
	dnsask_free(a);
	a = dnsask_new(&servers, "big.test", DNS_TXT, 0, 1000);
	run(a, 1000, WAIT_MS);
	assert_int_equal(said.n, 250);
	dnsask_free(a);
	/* Given up on the way. */
	a = dnsask_new(&servers, "silent.test", DNS_TXT, 0, 1000);
	assert_int_equal(dnsask_turn(a, 1000), 0);
	dnsask_free(a);
	dnsask_free(NULL);
}

/* Two tries each; the silent one is asked last from then on, for a while. */
static void
silent(void **state)
{
	struct dnsask	*a;
	int64_t		 now = 1000;

	(void)state;
	use(NS_SILENT, NS_GOOD);
	a = dnsask_new(&servers, "caa.test", DNS_CAA, 8000, now);
	assert_int_equal(dnsask_when(a), now + 1000000);
	assert_int_equal(dnsask_turn(a, now + 999999), 0);
	assert_int_equal(dnsask_when(a), now + 1000000);
	assert_int_equal(servers.v[0].down, 0);
	assert_int_equal(dnsask_turn(a, now + 1000000), 0);
	assert_int_equal(dnsask_when(a), now + 4000000);
	assert_int_equal(dnsask_turn(a, now + 4000000), 0);
	assert_true(servers.v[0].down > now + 4000000);
	run(a, now + 4000000, WAIT_MS);
	assert_int_equal(said.ok, 1);
	assert_string_equal(said.resolver, ns_text(NS_GOOD));
	dnsask_free(a);
	a = dnsask_new(&servers, "caa.test", DNS_CAA, 8000, now);
	run(a, now, WAIT_MS);
	assert_string_equal(said.resolver, ns_text(NS_GOOD));
	dnsask_free(a);
	/* All are silent: it ends when its time is up, not later. */
	use(NS_SILENT, NS_SILENT);
	a = dnsask_new(&servers, "caa.test", DNS_CAA, 1000, now);
	run(a, now, 0);
	assert_int_equal(said.ok, 0);
	assert_non_null(strstr(said.message, "did not answer"));
	dnsask_free(a);
}

/* ${n} questions at once, none of which is answered; the time then. */
static int64_t
unanswered(const char *name, int n, int64_t now)
{
	struct dnsask	*a[16];
	int		 i;

	assert_true(n <= 16);
	for (i = 0; i < n; i++)
		a[i] = dnsask_new(&servers, name, DNS_TXT, 1000, now);
	for (now += 500000; n > 0; now += 500000)
		for (i = 0; i < n;)
			if (dnsask_turn(a[i], now)) {
				dnsask_free(a[i]);
				a[i] = a[--n];
			} else
				i++;
	return now;
}

/* Is it asked now? */
static int
asks(int64_t now)
{
	struct dnsask	*a = dnsask_new(&servers, "caa.test", DNS_CAA, 1000,
			    now);
	int		 r = dnsask_fd(a) != -1;

	if (!r) {
		assert_int_equal(dnsask_when(a), 0);
		assert_int_equal(dnsask_turn(a, now), 1);
		dnsask_said(a, &said);
		assert_int_equal(said.ok, 0);
		assert_non_null(strstr(said.message, "did not answer"));
		assert_string_equal(said.resolver, ns_text(NS_SILENT));
	}
	dnsask_free(a);
	return r;
}

/* One that answers nothing at all is not asked about each name, for a while. */
static void
gone(void **state)
{
	struct dnsask	*a;
	int64_t		 now = 1000, then;
	int		 i;

	(void)state;
	use(NS_SILENT, -1);
	now = unanswered("a.test", 7, now);
	assert_int_equal(asks(now), 1);
	now = unanswered("b.test", 1, now);
	/* two questions a second are asked all the same */
	assert_int_equal(asks(now), 1);
	assert_int_equal(asks(now), 1);
	assert_int_equal(asks(now), 0);
	assert_int_equal(asks(now + 999999), 0);
	assert_int_equal(asks(now + 1000000), 1);
	assert_int_equal(asks(now + 1000000), 1);
	assert_int_equal(asks(now + 1000000), 0);
	/* then it has another chance, as many names as there are */
	then = servers.v[0].down;
	servers.asked = 2;
	servers.again = then;
	assert_int_equal(asks(then - 1), 0);
	assert_int_equal(asks(then), 1);
	assert_int_equal(asks(then), 1);
	now = unanswered("c.test", 2, then);
	assert_int_equal(asks(now), 1);
	assert_int_equal(asks(now), 1);
	assert_int_equal(asks(now), 0);
	/* of several it is the last that did not, asked or not */
	use(NS_SILENT, NS_SILENT);
	servers.v[1] = servers.v[0];
	(void)snprintf(servers.v[1].text, sizeof(servers.v[1].text), "last");
	servers.v[0].silent = servers.v[1].silent = 8;
	servers.v[0].down = servers.v[1].down = INT64_MAX;
	servers.asked = 1;
	servers.again = now + 1;
	for (i = 0; i < 2; i++) {
		a = dnsask_new(&servers, "d.test", DNS_TXT, 5000, now);
		assert_int_equal(dnsask_fd(a) != -1, i == 0);
		run(a, now, 0);
		assert_string_equal(said.resolver, "last");
		assert_string_equal(said.message, "last did not answer");
		dnsask_free(a);
	}
	/* nobody else is to be asked either */
	use(NS_SILENT, NS_GOOD);
	servers.v[0].silent = 100;
	servers.v[0].down = now + 1;
	assert_int_equal(asks(now), 1);
}

/* Names of a zone that is dead are no sign that the resolver is. */
static void
dead_zone(void **state)
{
	struct dnsask	*a, *b;
	int64_t		 now = 1000;
	int		 i;

	(void)state;
	use(NS_GOOD, -1);
	for (i = 0; i < 12; i++) {
		a = dnsask_new(&servers, "silent.test", DNS_TXT, 1000, now);
		now++;
		b = dnsask_new(&servers, "caa.test", DNS_CAA, 1000, now);
		run(b, now, WAIT_MS);
		assert_int_equal(said.ok, 1);
		dnsask_free(b);
		assert_int_equal(dnsask_turn(a, now + 500000), 0);
		now += 1000000;
		assert_int_equal(dnsask_turn(a, now), 1);
		dnsask_free(a);
		assert_true(servers.v[0].down > now);
		assert_int_equal(servers.v[0].silent, 0);
	}
	/* twelve of them and nothing else: it is taken for silent */
	now = unanswered("silent.test", 12, now);
	assert_int_equal(servers.v[0].silent, 12);
	/* until it says something: who is asked next finds out, not later */
	a = dnsask_new(&servers, "caa.test", DNS_CAA, 1000, now);
	run(a, now, WAIT_MS);
	assert_int_equal(said.ok, 1);
	dnsask_free(a);
	assert_int_equal(servers.v[0].silent, 0);
}

/* Where CNAMEs led, and whose zone it is that has nothing. */
static void
places(void **state)
{
	static const struct {
		const char	*name;
		int		 direct;
		const char	*owner, *soa;
	} v[] = {
		{ "caa.test", 0, "caa.test", "" },
		{ "chain.test", 0, "c.test", "" },
		{ "NX.test", 0, "nx.test", "test" },
		{ "lame.test", 0, "lame.test", "" },
		{ "alone.test", 1, "elsewhere.test", "" },
		{ "alone.test", 0, "alone.test", "" },
	};
	struct dnsask	*a;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		use(NS_GOOD, -1);
		servers.direct = v[i].direct;
		a = dnsask_new(&servers, v[i].name, DNS_CAA, 0, 1000);
		run(a, 1000, WAIT_MS);
		assert_int_equal(said.ok, i < 3 || v[i].direct);
		assert_string_equal(dnsask_owner(a), v[i].owner);
		assert_string_equal(dnsask_soa(a), v[i].soa);
		dnsask_free(a);
	}
}

static void
no_name(void **state)
{
	struct dnsask	*a;

	(void)state;
	use(NS_GOOD, NS_SILENT);
	a = dnsask_new(&servers, "a..b", DNS_CAA, 1000, 5);
	assert_int_equal(dnsask_fd(a), -1);
	assert_int_equal(dnsask_when(a), 0);
	assert_int_equal(dnsask_turn(a, 5), 1);
	dnsask_said(a, &said);
	assert_int_equal(said.ok, 0);
	assert_non_null(strstr(said.message, "no name"));
	dnsask_free(a);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(silent),
		cmocka_unit_test(gone),
		cmocka_unit_test(dead_zone),
		cmocka_unit_test(places),
		cmocka_unit_test(no_name),
	};
	int	r;

	ns_start();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	ns_stop();
	return r;
}
