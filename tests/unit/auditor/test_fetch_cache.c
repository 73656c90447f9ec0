#include "auditor/role/fetch_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static char	*dir, *sub;

static void
name_of(uint8_t name[32], uint8_t k)
{
	memset(name, k, 32);
}

/* The file of name ${k}. */
static char *
file_of(uint8_t k)
{
	char	*path = mem_printf("%s/%064d", sub, 0);
	size_t	 i, n = strlen(sub) + 1;

	for (i = 0; i < 32; i++)
		(void)snprintf(path + n + 2 * i, 3, "%02x", k);
	return path;
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
keeps(void **state)
{
	struct fetch_cache	*c = fetch_cache_new(sub, 1000);
	uint8_t			 name[32];

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
	c = fetch_cache_new(sub, 1000);
	assert_true(has(c, 1, "0123456789", 1));
	assert_int_equal(put(c, 1, "changed", 0), 1);
	assert_true(has(c, 1, "changed", 0));
	name_of(name, 1);
	fetch_cache_remove(c, name);
	fetch_cache_remove(c, name);
	assert_false(has(c, 1, "", 0));
	assert_true(has(c, 2, "x", 0));
	fetch_cache_free(c);
}

/* No more than the bound; what is removed makes room. */
static void
bounded(void **state)
{
	struct fetch_cache	*c = fetch_cache_new(sub, 200);
	uint8_t			 name[32];
	uint8_t			 k;

	(void)state;
	/* 32 bytes of head each */
	for (k = 10; put(c, k, "0123456789012345678", 0); k++)
		;
	assert_int_equal(k, 13);
	name_of(name, 10);
	fetch_cache_remove(c, name);
	assert_int_equal(put(c, 20, "0123456789", 0), 1);
	assert_int_equal(put(c, 21, "0123456789", 0), 1);
	assert_int_equal(put(c, 22, "0123456789", 0), 0);
	fetch_cache_free(c);
	/* who comes later counts what is there */
	c = fetch_cache_new(sub, 200);
	assert_int_equal(put(c, 22, "0123456789", 0), 0);
	fetch_cache_free(c);
}

/* Every byte that is changed, and every length, is found; then it is gone. */
static void
damaged(void **state)
{
	struct fetch_cache	*c = fetch_cache_new(sub, 10000);
	char			*path = file_of(30);
	struct stat		 st;
	off_t			 i;
	int			 fd;
	uint8_t			 b;

	(void)state;
	assert_int_equal(put(c, 30, "a body of some bytes", 0), 1);
	assert_int_equal(stat(path, &st), 0);
	for (i = 0; i < st.st_size; i++) {
		assert_int_equal(put(c, 30, "a body of some bytes", 0), 1);
		fd = open(path, O_RDWR);
		assert_int_equal(pread(fd, &b, 1, i), 1);
		b ^= 0x10;
		assert_int_equal(pwrite(fd, &b, 1, i), 1);
		(void)close(fd);
		assert_false(has(c, 30, "", 0));
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(put(c, 30, "a body of some bytes", 0), 1);
		assert_int_equal(truncate(path, i), 0);
		assert_false(has(c, 30, "", 0));
	}
	/* a link is followed by nobody */
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_false(has(c, 30, "", 0));
	fetch_cache_free(c);
	free(path);
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
	uint8_t	k;
	char	*path;

	(void)state;
	for (k = 0; k < 64; k++) {
		path = file_of(k);
		(void)unlink(path);
		free(path);
	}
	(void)rmdir(sub);
	(void)rmdir(dir);
	free(sub);
	free(dir);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(keeps, setup, clean),
		cmocka_unit_test_setup_teardown(bounded, setup, clean),
		cmocka_unit_test_setup_teardown(damaged, setup, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
