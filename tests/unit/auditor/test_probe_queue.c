/* Whose turn it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/role/probe_job.h"
#include "base/limit.h"
#include "base/mem.h"

#define N	2000

static struct probe_queue	q;
static struct probe_job		*jobs;	/* one for each unit */
static struct probe_unit	*units;

static int
begin(void **state)
{
	size_t	i;

	(void)state;
	memset(&q, 0, sizeof(q));
	q.seed = 42;
	jobs = mem_array(N, sizeof(*jobs));
	units = mem_array(N, sizeof(*units));
	for (i = 0; i < N; i++)
		units[i].job = &jobs[i];
	return 0;
}

static int
finish(void **state)
{
	size_t	i;

	(void)state;
	/* Nothing is left: no peer without a unit. */
	for (i = 0; i < PROBE_PEERS; i++)
		assert_null(q.peers[i]);
	free(jobs);
	free(units);
	return 0;
}

static struct probe_unit *
add(size_t i, const char *addr, uint16_t port)
{
	assert_int_equal(netaddr_parse(&units[i].addr, addr), 0);
	jobs[i].tls.port = port;
	probe_queue_add(&q, &units[i]);
	assert_true(units[i].waits);
	return &units[i];
}

static void
asks(void **state)
{
	size_t	i;

	(void)state;
	assert_null(probe_queue_ask(&q));
	for (i = 0; i < 5; i++) {
		units[i].is_ask = 1;
		probe_queue_add(&q, &units[i]);
	}
	probe_queue_remove(&q, &units[2]);
	probe_queue_remove(&q, &units[4]);
	assert_null(probe_queue_look(&q));
	assert_ptr_equal(probe_queue_ask(&q), &units[0]);
	assert_ptr_equal(probe_queue_ask(&q), &units[1]);
	assert_ptr_equal(probe_queue_ask(&q), &units[3]);
	assert_null(probe_queue_ask(&q));
	assert_false(units[3].waits);
}

/* Four to one address, in turns with others. */
static void
turns(void **state)
{
	struct probe_unit	*u[16];
	size_t			 i;

	(void)state;
	for (i = 0; i < 10; i++)
		(void)add(i, "192.0.2.1", 443);
	for (i = 10; i < 13; i++)
		(void)add(i, "2001:db8::1", 443);
	for (i = 0; (u[i] = probe_queue_look(&q)) != NULL; i++)
		;
	assert_int_equal(i, LIMIT_PROBE_PEER + 3);
	assert_ptr_equal(u[0], &units[0]);
	assert_ptr_equal(u[1], &units[10]);
	assert_ptr_equal(u[2], &units[1]);
	assert_ptr_equal(u[3], &units[11]);
	/* One ends, one more begins. */
	assert_null(probe_queue_done(&q, &units[1], 0));
	assert_ptr_equal(probe_queue_look(&q), &units[4]);
	assert_null(probe_queue_look(&q));
	/* One that waits is taken out. */
	probe_queue_remove(&q, &units[5]);
	assert_null(probe_queue_done(&q, &units[0], 0));
	assert_ptr_equal(probe_queue_look(&q), &units[6]);
	for (i = 7; i < 10; i++)
		probe_queue_remove(&q, &units[i]);
	for (i = 10; i < 13; i++)
		assert_null(probe_queue_done(&q, &units[i], 0));
	for (i = 2; i < 7; i++)
		if (i != 5)
			assert_null(probe_queue_done(&q, &units[i], 0));
}

/* After four timeouts in a row those that wait for the port come back. */
static void
dead(void **state)
{
	struct probe_unit	*u;
	size_t			 i, n = 0;

	(void)state;
	for (i = 0; i < 12; i++)
		(void)add(i, "192.0.2.1", i % 3 == 2 ? 25 : 443);
	/* 0 1 (3) 4, then 6: three late, one not, and four late again. */
	for (i = 0; i < 4; i++)
		assert_ptr_equal(probe_queue_look(&q), &units[i]);
	assert_null(probe_queue_done(&q, &units[0], 1));
	assert_null(probe_queue_done(&q, &units[1], 1));
	assert_null(probe_queue_done(&q, &units[3], 1));
	assert_null(probe_queue_done(&q, &units[2], 1));	/* port 25 */
	for (i = 4; i < 8; i++)
		assert_ptr_equal(probe_queue_look(&q), &units[i]);
	assert_null(probe_queue_done(&q, &units[4], 1));
	assert_null(probe_queue_done(&q, &units[6], 1));
	assert_null(probe_queue_done(&q, &units[7], 1));
	assert_ptr_equal(probe_queue_look(&q), &units[8]);	/* 25 */
	assert_ptr_equal(probe_queue_look(&q), &units[9]);
	u = probe_queue_done(&q, &units[9], 1);
	assert_ptr_equal(u, &units[10]);
	assert_false(u->waits);
	assert_null(u->next);
	/* The other port goes on. */
	assert_ptr_equal(probe_queue_look(&q), &units[11]);
	assert_null(probe_queue_look(&q));
	for (i = 5; i < 12; i += 3)
		assert_null(probe_queue_done(&q, &units[i], 0));
	/* One that answered in between: nobody is given up. */
	for (i = 20; i < 30; i++)
		(void)add(i, "192.0.2.2", 443);
	while (n < 10) {
		u = probe_queue_look(&q);
		assert_non_null(u);
		n++;
		assert_null(probe_queue_done(&q, u, n % 4 != 0));
	}
}

/* Many addresses, in any order: each comes once, none is lost. */
static void
many(void **state)
{
	struct probe_unit	*u;
	char			 addr[64];
	size_t			 i, n = 0;

	(void)state;
	for (i = 0; i < N; i++) {
		(void)snprintf(addr, sizeof(addr), "10.0.%zu.%zu",
		    i % 7, i % 101);
		(void)add(i, addr, 443);
	}
	for (i = 0; i < N; i += 5) {
		probe_queue_remove(&q, &units[i]);
		n++;
	}
	while ((u = probe_queue_look(&q)) != NULL) {
		assert_null(probe_queue_done(&q, u, 0));
		n++;
	}
	assert_int_equal(n, N);
}

/* The addresses of one network, of which only the last byte differs, do not
   share a chain. */
static void
spread(void **state)
{
	struct probe_unit	*u;
	char			 addr[64];
	size_t			 i, k, used;

	(void)state;
	for (k = 0; k < 2; k++) {
		for (i = 0; i < 256; i++) {
			(void)snprintf(addr, sizeof(addr), k == 0 ?
			    "192.0.2.%zu" : "2001:db8::%zx", i);
			(void)add(i, addr, 443);
		}
		used = 0;
		for (i = 0; i < PROBE_PEERS; i++)
			used += q.peers[i] != NULL;
		assert_true(used > 200);
		while ((u = probe_queue_look(&q)) != NULL)
			assert_null(probe_queue_done(&q, u, 0));
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(asks, begin, finish),
		cmocka_unit_test_setup_teardown(turns, begin, finish),
		cmocka_unit_test_setup_teardown(dead, begin, finish),
		cmocka_unit_test_setup_teardown(many, begin, finish),
		cmocka_unit_test_setup_teardown(spread, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
