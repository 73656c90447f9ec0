/*
 * Bodies that were fetched are there for who asks again, in another process
 * too, and take no more room than they may.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/clk.h"
#include "tests/unit/auditor/cache_fixture.h"

static void
keeps(void **state)
{
	struct fetch_cache	*c = begin(1 << 20);

	(void)state;
	assert_false(has(c, 1, "", 0));
	/* asking makes no folder */
	assert_int_equal(access(sub, F_OK), -1);
	assert_int_equal(put(c, 1, "0123456789", 1), 1);
	assert_int_equal(put(c, 2, "x", 0), 1);
	assert_int_equal(put(c, 3, "", 0), 0);
	assert_true(has(c, 1, "0123456789", 1));
	assert_true(has(c, 2, "x", 0));
	fetch_cache_free(c);
	/* another process finds it */
	c = begin(1 << 20);
	assert_true(has(c, 1, "0123456789", 1));
	assert_int_equal(put(c, 1, "changed", 0), 1);
	assert_true(has(c, 1, "changed", 0));
	drop(c, 1);
	drop(c, 1);
	assert_false(has(c, 1, "", 0));
	assert_true(has(c, 2, "x", 0));
	fetch_cache_free(c);
	/* what was removed stays away, and what is empty is no more */
	c = begin(1 << 20);
	assert_false(has(c, 1, "", 0));
	assert_true(has(c, 2, "x", 0));
	assert_int_equal(files(), 1);
	drop(c, 2);
	fetch_cache_trim(c);
	assert_int_equal(files(), 0);
	assert_int_equal(put(c, 4, "on it goes", 0), 1);
	assert_int_equal(files(), 1);
	drop(c, 4);
	fetch_cache_free(c);
	assert_int_equal(files(), 0);
}

/* Of all lengths, in places that were used before, over and over. */
static void
reuses(void **state)
{
	static const size_t	 length[] = { 1, 4016, 4017, 16304, 16305,
		16384, 40000, 200000, 1000 };
	struct fetch_cache	*c = begin(1 << 20);
	char			*text[9] = { NULL };
	off_t			 most = 0;
	unsigned		 i, k, round;

	(void)state;
	for (round = 0; round < 50; round++) {
		k = (round * 5) % 9;
		for (i = 0; i < 4; i++, k = (k + 1) % 9) {
			free(text[k]);
			text[k] = body((uint8_t)(round + k), length[k]);
			assert_int_equal(put(c, (uint8_t)k, text[k], 0), 1);
		}
		if (round % 7 == 6) {
			/* it died, and another one goes on */
			fetch_cache_free(c);
			c = begin(1 << 20);
		}
		for (k = 0; k < 9; k++)
			if (text[k] != NULL)
				assert_true(has(c, (uint8_t)k, text[k], 0));
		if (round == 20)
			most = size();
	}
	assert_true(most > 0 && size() <= most + 20 * UNIT);
	for (k = 0; k < 9; k++) {
		drop(c, (uint8_t)k);
		free(text[k]);
	}
	fetch_cache_free(c);
}

/* What a process left that died is there for all that live. */
static void
shared(void **state)
{
	struct fetch_cache	*dead = begin(1 << 20), *a, *b;

	(void)state;
	a = begin(1 << 20);
	b = begin(1 << 20);
	assert_int_equal(put(dead, 1, "one", 0), 1);
	assert_int_equal(put(dead, 2, "two", 0), 1);
	assert_int_equal(put(dead, 3, "three", 0), 1);
	assert_int_equal(put(b, 4, "four", 0), 1);
	fetch_cache_look(a);
	/* so far they are of the living */
	assert_false(has(a, 1, "", 0));
	assert_false(has(a, 4, "", 0));
	fetch_cache_free(dead);
	fetch_cache_look(a);
	fetch_cache_look(b);
	assert_true(has(a, 1, "one", 0));
	assert_true(has(b, 1, "one", 0));
	assert_true(has(b, 2, "two", 0));
	drop(a, 1);
	assert_false(has(b, 1, "", 0));
	drop(b, 2);
	assert_int_equal(files(), 2);
	/* the last one is used by a, which learns that b used another */
	drop(a, 3);
	assert_int_equal(files(), 2);
	fetch_cache_look(a);
	assert_int_equal(files(), 1);
	assert_false(has(a, 2, "", 0));
	assert_false(has(b, 3, "", 0));
	fetch_cache_look(b);
	assert_true(has(b, 4, "four", 0));
	drop(b, 4);
	fetch_cache_free(a);
	fetch_cache_free(b);
	assert_int_equal(files(), 0);
}

/* No more than the bound; what is removed makes room. */
static void
bounded(void **state)
{
	struct fetch_cache	*c = begin(5 * UNIT), *other;
	char			*two = body(1, 20000);
	uint8_t			 k;

	(void)state;
	/* the first unit is the file's own */
	for (k = 10; put(c, k, "0123456789", 0); k++)
		;
	assert_int_equal(k, 14);
	drop(c, 11);
	assert_int_equal(put(c, 20, two, 0), 0);
	drop(c, 12);
	assert_int_equal(put(c, 20, two, 0), 1);
	assert_int_equal(put(c, 21, "0123456789", 0), 0);
	assert_true(size() <= 5 * UNIT);
	/* who comes while it lives counts what it has */
	other = begin(6 * UNIT);
	assert_false(has(other, 20, "", 0));
	assert_int_equal(put(other, 22, "0123456789", 0), 0);
	fetch_cache_free(other);
	drop(c, 20);
	drop(c, 13);
	fetch_cache_trim(c);
	assert_int_equal(size(), 2 * UNIT);
	fetch_cache_free(c);
	/* who comes later counts what is there */
	c = begin(2 * UNIT);
	assert_int_equal(put(c, 22, "0123456789", 0), 0);
	assert_true(has(c, 10, "0123456789", 0));
	fetch_cache_free(c);
	free(two);
}

/* What nobody came back for in a day is no more. */
static void
old(void **state)
{
	struct fetch_cache	*c = begin(1 << 20);
	int64_t			 now = 1800000000 * CLK_SEC;

	(void)state;
	clk_fix(now);
	assert_int_equal(put(c, 1, "first", 0), 1);
	clk_fix(now + 80000 * CLK_SEC);
	assert_int_equal(put(c, 2, "second", 0), 1);
	fetch_cache_free(c);
	clk_fix(now + 90000 * CLK_SEC);
	c = begin(1 << 20);
	assert_false(has(c, 1, "", 0));
	assert_true(has(c, 2, "second", 0));
	clk_fix(now + 170000 * CLK_SEC);
	fetch_cache_look(c);
	assert_false(has(c, 2, "", 0));
	fetch_cache_free(c);
	assert_int_equal(files(), 0);
	clk_fix(0);
}

/* Files of one body each, as there were before, are removed; others are not. */
static void
single(void **state)
{
	static const char *const	names[] = { "spare-17",
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
		".new", "pages-none-of-ours", "README" };
	char				*path;
	size_t				 i;
	int				 fd;

	(void)state;
	assert_int_equal(mkdir(sub, 0700), 0);
	for (i = 0; i < 5; i++) {
		path = mem_printf("%s/%s", sub, names[i]);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		assert_int_equal(write(fd, "certvigil body 1", 16), 16);
		(void)close(fd);
		free(path);
	}
	fetch_cache_free(begin(1 << 20));
	assert_int_equal(files(), 1);
	path = mem_printf("%s/README", sub);
	assert_int_equal(unlink(path), 0);
	free(path);
}

/*
 * Processes that are killed at any moment, while another one lives: what is
 * found is what they put, and most of it is found.
 */
static void
killed(void **state)
{
	struct fetch_cache	*alive = begin(64 << 20), *c;
	char			*text = body(7, 150000);
	unsigned		 round, found;
	pid_t			 pid;
	uint8_t			 k, got;
	int			 fd[2];

	(void)state;
	assert_int_equal(put(alive, 200, "of the living", 0), 1);
	for (round = 0; round < 20; round++) {
		assert_int_equal(pipe(fd), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			c = begin(64 << 20);
			for (k = 0;; k = (uint8_t)((k + 1) % 100)) {
				if (!put(c, k, text, 1))
					_exit(1);
				if (write(fd[1], &k, 1) != 1)
					_exit(1);
			}
		}
		(void)close(fd[1]);
		for (k = 0; k < 30 + round; k++)
			assert_int_equal(read(fd[0], &got, 1), 1);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		(void)close(fd[0]);
		c = begin(64 << 20);
		for (found = 0, k = 0; k < 100; k++)
			found += has(c, k, text, 1) != 0;
		/* one may be half written over */
		assert_true(found >= 29);
		assert_false(has(c, 200, "", 0));
		fetch_cache_free(c);
	}
	assert_true(has(alive, 200, "of the living", 0));
	fetch_cache_look(alive);
	for (found = 0, k = 0; k < 100; k++) {
		found += has(alive, k, text, 1) != 0;
		drop(alive, k);
	}
	assert_true(found >= 29);
	/* what was left behind went when it was empty */
	assert_int_equal(files(), 1);
	drop(alive, 200);
	fetch_cache_free(alive);
	assert_int_equal(files(), 0);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(keeps),
		TEST(reuses),
		TEST(shared),
		TEST(bounded),
		TEST(old),
		TEST(single),
		TEST(killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
