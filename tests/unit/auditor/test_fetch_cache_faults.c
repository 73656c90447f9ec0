/*
 * Files of the cache that somebody or something changed, and folders that
 * cannot be written: no body is another one, and the rest goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/log.h"
#include "tests/unit/auditor/cache_fixture.h"

#define HEAD	80

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

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(damaged),
		TEST(forged),
		TEST(removed),
		TEST(no_folder),
		TEST(full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
