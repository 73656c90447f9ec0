#include "auditor/role/fetch_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/role/cache_file.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

#define UNIT	((off_t)CACHE_FILE_UNIT)
#define HEAD	80

static char	*dir, *sub;

static void
name_of(uint8_t name[32], uint8_t k)
{
	memset(name, k, 32);
}

/* One that knows what others left. */
static struct fetch_cache *
begin(int64_t cap)
{
	struct fetch_cache	*c = fetch_cache_new(sub, cap);

	fetch_cache_look(c);
	return c;
}

static int
has(struct fetch_cache *c, uint8_t k, const char *want, int want_gzip)
{
	struct buf	b = BUF_INIT;
	uint8_t		name[32];
	int		gzip = -1, yes;

	name_of(name, k);
	yes = fetch_cache_get(c, name, &b, &gzip);
	if (yes) {
		assert_int_equal(b.n, strlen(want));
		assert_memory_equal(b.p, want, b.n);
		assert_int_equal(gzip, want_gzip);
	}
	buf_free(&b);
	return yes;
}

static int
put(struct fetch_cache *c, uint8_t k, const char *text, int gzip)
{
	uint8_t	name[32];

	name_of(name, k);
	return fetch_cache_put(c, name, SPAN_STR(text), gzip);
}

static void
drop(struct fetch_cache *c, uint8_t k)
{
	uint8_t	name[32];

	name_of(name, k);
	fetch_cache_remove(c, name);
}

/* A body of ${n} bytes that differs for each ${k}. */
static char *
body(uint8_t k, size_t n)
{
	char	*s = mem_zero(n + 1);
	size_t	 i;

	for (i = 0; i < n; i++)
		s[i] = (char)('!' + (i * 31 + i / 251 + k) % 90);
	return s;
}

/* Files in the folder; the path of the last one, and the bytes of all. */
static int
folder(char path[256], off_t *bytes)
{
	DIR		*d = opendir(sub);
	struct dirent	*x;
	struct stat	 st;
	int		 n = 0;

	*bytes = 0;
	if (d == NULL)
		return 0;
	while ((x = readdir(d)) != NULL) {
		if (x->d_name[0] == '.')
			continue;
		(void)snprintf(path, 256, "%s/%.64s", sub, x->d_name);
		*bytes += stat(path, &st) == 0 ? st.st_size : 0;
		n++;
	}
	(void)closedir(d);
	return n;
}

static int
files(void)
{
	char	path[256];
	off_t	n;

	return folder(path, &n);
}

static off_t
size(void)
{
	char	path[256];
	off_t	n;

	(void)folder(path, &n);
	return n;
}

/* The only one. */
static const char *
file(void)
{
	static char	path[256];
	off_t		n;

	assert_int_equal(folder(path, &n), 1);
	return path;
}

/* Change a byte of the file. */
static void
spoil(off_t at)
{
	int	fd = open(file(), O_RDWR);
	uint8_t	b;

	assert_int_equal(pread(fd, &b, 1, at), 1);
	b ^= 0x10;
	assert_int_equal(pwrite(fd, &b, 1, at), 1);
	(void)close(fd);
}

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

/* Every byte that is changed, and every length, is found. */
static void
damaged(void **state)
{
	static const char	 text[] = "a body of some bytes";
	struct fetch_cache	*c;
	const off_t		 end = HEAD + (off_t)sizeof(text) - 1;
	char			 link[256];
	off_t			 i;

	(void)state;
	for (i = 0; i < end; i++) {
		c = begin(1 << 20);
		assert_int_equal(put(c, 30, text, 0), 1);
		assert_int_equal(put(c, 31, "whole", 0), 1);
		spoil(UNIT + i);
		assert_false(has(c, 30, text, 0));
		fetch_cache_free(c);
		c = begin(1 << 20);
		assert_false(has(c, 30, text, 0));
		assert_true(has(c, 31, "whole", 0));
		drop(c, 31);
		assert_int_equal(put(c, 30, text, 0), 1);
		fetch_cache_free(c);
		assert_int_equal(truncate(file(), UNIT + i), 0);
		c = begin(1 << 20);
		assert_false(has(c, 30, text, 0));
		fetch_cache_free(c);
	}
	/* without its beginning nothing in it counts, and it goes */
	for (i = 0; i < 40; i++) {
		c = begin(1 << 20);
		assert_int_equal(put(c, 30, text, 0), 1);
		fetch_cache_free(c);
		spoil(i);
		c = begin(1 << 20);
		assert_false(has(c, 30, text, 0));
		fetch_cache_free(c);
		assert_int_equal(files(), 0);
	}
	/* a link is followed by nobody */
	(void)snprintf(link, sizeof(link), "%s/pages-0123", sub);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	c = begin(1 << 20);
	assert_int_equal(put(c, 30, text, 0), 1);
	assert_int_equal(files(), 2);
	drop(c, 30);
	fetch_cache_free(c);
	assert_int_equal(files(), 1);
	assert_int_equal(unlink(link), 0);
}

/* What a log serves is not taken for a body of another one. */
static void
forged(void **state)
{
	struct fetch_cache	*c = begin(1 << 20);
	char			*text = body(3, 2 * CACHE_FILE_UNIT);
	int			 fd;

	(void)state;
	assert_int_equal(put(c, 40, "forged", 0), 1);
	fd = open(file(), O_RDONLY);
	/* the second unit of a body is where a head could be */
	assert_int_equal(pread(fd, text + CACHE_FILE_UNIT - HEAD, HEAD + 6,
	    UNIT), HEAD + 6);
	(void)close(fd);
	drop(c, 40);
	fetch_cache_free(c);
	c = begin(1 << 20);
	assert_int_equal(files(), 0);
	assert_int_equal(fetch_cache_put(c, (const uint8_t *)
	    "0123456789abcdef0123456789abcdef", (struct span){
	    (const uint8_t *)text, 2 * CACHE_FILE_UNIT }, 0), 1);
	fetch_cache_free(c);
	spoil(UNIT);
	c = begin(1 << 20);
	assert_false(has(c, 40, "forged", 0));
	fetch_cache_free(c);
	free(text);
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

/* Begin to catch what is logged. */
static FILE *
listen_log(void)
{
	FILE	*f = tmpfile();

	assert_non_null(f);
	log_to(fileno(f));
	return f;
}

/* Lines that were logged; the last one is in ${line}. */
static int
logged(FILE *f, char *line, int n)
{
	int	k = 0;

	log_to(STDERR_FILENO);
	rewind(f);
	while (fgets(line, n, f) != NULL)
		k++;
	(void)fclose(f);
	return k;
}

/* Somebody removes the folder: it is made again. */
static void
removed(void **state)
{
	struct fetch_cache	*c = begin(1 << 20);
	char			 line[512];
	FILE			*f = listen_log();

	(void)state;
	assert_int_equal(put(c, 1, "first", 0), 1);
	assert_int_equal(unlink(file()), 0);
	assert_int_equal(rmdir(sub), 0);
	assert_int_equal(put(c, 2, "second", 0), 1);
	fetch_cache_look(c);
	assert_false(has(c, 1, "", 0));
	assert_int_equal(put(c, 3, "third", 0), 1);
	assert_int_equal(files(), 1);
	fetch_cache_free(c);
	assert_int_equal(logged(f, line, sizeof(line)), 1);
	assert_non_null(strstr(line, "somebody removed"));
	c = begin(1 << 20);
	assert_true(has(c, 3, "third", 0));
	fetch_cache_free(c);
}

/* No folder can be made, or it is none: said once. */
static void
no_folder(void **state)
{
	struct fetch_cache	*c = begin(1 << 20);
	char			 line[512];
	FILE			*f = listen_log();
	int			 fd = open(sub, O_WRONLY | O_CREAT, 0600);

	(void)state;
	(void)close(fd);
	assert_int_equal(put(c, 1, "first", 0), 0);
	assert_int_equal(put(c, 2, "second", 0), 0);
	assert_false(has(c, 1, "", 0));
	fetch_cache_look(c);
	fetch_cache_trim(c);
	fetch_cache_free(c);
	assert_int_equal(logged(f, line, sizeof(line)), 1);
	assert_non_null(strstr(line, "Not a directory"));
	assert_non_null(strstr(line, "downloaded again"));
	assert_int_equal(unlink(sub), 0);
}

/* The disk is full: said once, and what is in it stays. */
static void
full_disk(void **state)
{
	struct fetch_cache	*c = begin(1 << 20);
	struct rlimit		 was, small;
	char			*text = body(9, 100000), line[512];
	FILE			*f = listen_log();

	(void)state;
	assert_int_equal(put(c, 1, "first", 0), 1);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	small.rlim_cur = 50000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(put(c, 2, text, 0), 0);
	assert_int_equal(put(c, 3, "small", 0), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(logged(f, line, sizeof(line)), 1);
	assert_non_null(strstr(line, "File too large"));
	assert_true(has(c, 1, "first", 0));
	assert_int_equal(size(), 2 * UNIT);
	fetch_cache_free(c);
	c = begin(1 << 20);
	assert_true(has(c, 1, "first", 0));
	assert_false(has(c, 2, "", 0));
	assert_int_equal(put(c, 2, text, 0), 1);
	fetch_cache_free(c);
	free(text);
}

static int
setup(void **state)
{
	(void)state;
	dir = mem_str("/tmp/cvcacheXXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	sub = mem_printf("%s/cache", dir);
	return 0;
}

static int
clean(void **state)
{
	char	path[256];
	off_t	n;

	(void)state;
	while (folder(path, &n) > 0 && unlink(path) == 0)
		;
	(void)rmdir(sub);
	if (rmdir(dir) == -1)
		return -1;
	free(sub);
	free(dir);
	return 0;
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, clean)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(keeps),
		TEST(reuses),
		TEST(shared),
		TEST(bounded),
		TEST(damaged),
		TEST(forged),
		TEST(old),
		TEST(single),
		TEST(killed),
		TEST(removed),
		TEST(no_folder),
		TEST(full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
