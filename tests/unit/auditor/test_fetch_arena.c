/* Bodies in arenas: in parallel, without room, injected, cancelled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tests/unit/auditor/fetching.h"

#define ARENA	(1u << 20)

/* Ask for the plain page, to see that the process is well. */
static void
still_well(void)
{
	struct fetch_done	d;

	fetch(client, url_of("/plain"), &d);
	assert_int_equal(d.status, 200);
}

static void
two_in_parallel(void **state)
{
	struct err		e = ERR_INIT;
	struct fetch_get	g;
	struct fetch_done	d[2];
	uint32_t		arena;
	uint8_t			*p;
	int			fd = fetch_client_arena(client, ARENA, &arena,
				    &e), i, j;

	(void)state;
	assert_true(fd >= 0);
	p = mmap(NULL, ARENA, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	get_of(&g, url_of("/bytes/300000"), arena);
	(void)fetch_client_get(client, &g);
	get_of(&g, url_of("/chunks/200000"), arena);
	(void)fetch_client_get(client, &g);
	for (i = 0; i < 2; i++) {
		next(client, &d[i]);
		assert_int_equal(d[i].failure, FETCH_OK);
		assert_int_equal(d[i].arena, arena);
		assert_int_equal(d[i].body.n, 0);
	}
	assert_int_equal(d[0].length + d[1].length, 500000);
	/* Extents do not overlap, and hold what was served. */
	i = d[0].offset < d[1].offset ? 0 : 1;
	assert_true(d[i].offset + d[i].length <= d[1 - i].offset);
	for (i = 0; i < 2; i++)
		for (j = 0; j < (int)d[i].length; j++)
			assert_int_equal(p[d[i].offset + (unsigned)j],
			    d[i].length == 200000 ? 'c' :
			    'a' + j % 4096 % 26);
	for (i = 0; i < 2; i++)
		fetch_client_give(client, arena, d[i].offset, d[i].length);
	/* All is free again: one body that needs nearly all of it. */
	get_of(&g, url_of("/bytes/1000000"), arena);
	g.cap = ARENA;
	(void)fetch_client_get(client, &g);
	next(client, &d[0]);
	assert_int_equal(d[0].failure, FETCH_OK);
	assert_int_equal(d[0].length, 1000000);
	assert_int_equal(d[0].offset, 0);
	fetch_client_give(client, arena, d[0].offset, d[0].length);
	(void)munmap(p, ARENA);
	fetch_client_drop(client, arena);
}

/* No room: the request waits until an extent is given back. */
static void
waits_for_room(void **state)
{
	struct err		e = ERR_INIT;
	struct fetch_get	g;
	struct fetch_done	d[8], last;
	uint32_t		arena;
	int			i, n;

	(void)state;
	assert_true(fetch_client_arena(client, ARENA, &arena, &e) >= 0);
	/* Five fill it, two have to wait. */
	get_of(&g, url_of("/bytes/200000"), arena);
	g.cap = 200000;
	for (i = 0; i < 7; i++)
		(void)fetch_client_get(client, &g);
	for (n = 0; n < 5; n++) {
		next(client, &d[n]);
		assert_int_equal(d[n].failure, FETCH_OK);
	}
	assert_int_equal(fetch_client_pending(client), 2);
	/* One that does not need the arena passes. */
	fetch(client, url_of("/plain"), &last);
	assert_int_equal(last.status, 200);
	assert_int_equal(fetch_client_pending(client), 2);
	for (i = 0; i < 2; i++) {
		fetch_client_give(client, arena, d[i].offset, d[i].length);
		next(client, &last);
		assert_int_equal(last.failure, FETCH_OK);
		assert_int_equal(last.length, 200000);
		assert_int_equal(last.offset, d[i].offset);
	}
	fetch_client_drop(client, arena);
	still_well();
}

/* A body that can never fit ends with no_room, also of unknown length. */
static void
no_room(void **state)
{
	static const char *const	paths[] = { "/bytes/1100000",
	    "/chunks/1100000" };
	struct err			e = ERR_INIT;
	struct fetch_get		g;
	struct fetch_done		d;
	uint32_t			arena;
	size_t				i;

	(void)state;
	assert_true(fetch_client_arena(client, ARENA, &arena, &e) >= 0);
	for (i = 0; i < 2; i++) {
		get_of(&g, url_of(paths[i]), arena);
		g.cap = 2 * ARENA;
		(void)fetch_client_get(client, &g);
		next(client, &d);
		assert_int_equal(d.failure, FETCH_NO_ROOM);
		assert_int_equal(d.length, 0);
	}
	/* Many of unknown length, which all grow into each other's way. */
	for (i = 0; i < 12; i++) {
		get_of(&g, url_of(i % 2 == 0 ? "/chunks/500000" :
		    "/bytes/400000"), arena);
		(void)fetch_client_get(client, &g);
	}
	for (i = 0; i < 12; i++) {
		next(client, &d);
		assert_int_equal(d.failure, FETCH_OK);
		fetch_client_give(client, arena, d.offset, d.length);
	}
	get_of(&g, url_of("/bytes/1000000"), arena);
	g.cap = ARENA;
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_int_equal(d.failure, FETCH_OK);
}

static void
inject(void **state)
{
	struct err		e = ERR_INIT;
	struct fetch_done	d;
	struct span		s = SPAN_STR("planted bytes");
	uint32_t		arena;
	uint64_t		id;
	uint8_t			*p;
	int			fd = fetch_client_arena(client, ARENA, &arena,
				    &e);

	(void)state;
	assert_true(fd >= 0);
	id = fetch_client_inject(client, arena, s);
	next(client, &d);
	assert_int_equal(d.id, id);
	assert_int_equal(d.status, 200);
	assert_int_equal(d.length, s.n);
	p = mmap(NULL, ARENA, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	assert_memory_equal(p + d.offset, s.p, s.n);
	(void)munmap(p, ARENA);
	fetch_client_give(client, arena, d.offset, d.length);
	s.n = 0;
	(void)fetch_client_inject(client, arena, s);
	next(client, &d);
	assert_int_equal(d.status, 200);
	assert_int_equal(d.length, 0);
}

static void
cancel(void **state)
{
	struct err		e = ERR_INIT;
	struct fetch_get	g;
	struct fetch_done	d;
	uint32_t		arena;
	uint64_t		id;

	(void)state;
	assert_true(fetch_client_arena(client, ARENA, &arena, &e) >= 0);
	get_of(&g, url_of("/hang"), arena);
	id = fetch_client_get(client, &g);
	fetch_client_cancel(client, id);
	next(client, &d);
	assert_int_equal(d.id, id);
	assert_int_equal(d.failure, FETCH_CANCELLED);
	/* Unknown, or answered long ago: nothing comes, nothing breaks. */
	fetch_client_cancel(client, id);
	fetch_client_cancel(client, 4711);
	/* An arena that is dropped ends what goes into it. */
	id = fetch_client_get(client, &g);
	fetch_client_drop(client, arena);
	next(client, &d);
	assert_int_equal(d.id, id);
	assert_int_equal(d.failure, FETCH_CANCELLED);
	still_well();
}

static int
run(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(two_in_parallel, begin,
		    finish),
		cmocka_unit_test_setup_teardown(waits_for_room, begin,
		    finish),
		cmocka_unit_test_setup_teardown(no_room, begin, finish),
		cmocka_unit_test_setup_teardown(inject, begin, finish),
		cmocka_unit_test_setup_teardown(cancel, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(int argc, char **argv)
{
	return fetching_main(argc, argv, run);
}
