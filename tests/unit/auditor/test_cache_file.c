#include "auditor/role/cache_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

/* One file of many bodies, as a process that died left it. */

#define BODY	(2 * CACHE_FILE_UNIT + 100)	/* three units with its head */

static char	dir[] = "/tmp/cvcache.XXXXXX";
static int	fd = -1;
static char	name[64];

/* A file with one body in it, whose writer is gone; its size. */
static int64_t
leave(void)
{
	static uint8_t		 body[BODY];
	struct cache_file	*f;
	struct cache_body	 b;
	struct err		 e = ERR_INIT;
	struct stat		 st;

	memset(body, 'b', sizeof(body));
	memset(&b, 0, sizeof(b));
	memset(b.name, 7, sizeof(b.name));
	f = cache_file_new(fd, &e);
	assert_non_null(f);
	assert_int_equal(cache_file_put(f, &b, (struct span){ body,
	    sizeof(body) }, 1 << 20, &e), 1);
	(void)snprintf(name, sizeof(name), "%s", cache_file_name(f));
	cache_file_free(f);
	assert_int_equal(fstatat(fd, name, &st, 0), 0);
	return (int64_t)st.st_size;
}

/* Bodies that are found in it, and how many of them can be read. */
static void
look(int *found, int *whole)
{
	struct cache_file	*f;
	struct cache_body	 b;
	struct buf		 out = BUF_INIT;
	uint32_t		 unit = 0;
	int64_t			 size;

	*found = *whole = 0;
	f = cache_file_adopt(fd, name, &size);
	if (f == NULL)
		return;
	memset(&b, 0, sizeof(b));
	while (cache_file_scan(f, &unit, &b)) {
		++*found;
		*whole += cache_file_get(&b, &out) == 0 && out.n == BODY;
		cache_file_remove(&b);
	}
	buf_free(&out);
	cache_file_free(f);
}

/* Cut anywhere, it has nothing that is not all there, and nothing is hurt. */
static void
cut(void **state)
{
	int64_t	size = leave(), at;
	int	found, whole;
	char	path[128];

	(void)state;
	look(&found, &whole);
	assert_int_equal(found, 1);
	assert_int_equal(whole, 1);
	for (at = 0; at < size; at += at % 64 == 0 ? 61 : 3) {
		assert_int_equal(leave(), size);
		(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
		assert_int_equal(truncate(path, at), 0);
		look(&found, &whole);
		/* what is missing may be what fills the last page */
		if (whole != (at >= CACHE_FILE_UNIT + 80 + BODY))
			fail_msg("cut at %lld of %lld: %d found, %d whole",
			    (long long)at, (long long)size, found, whole);
		(void)unlinkat(fd, name, 0);
	}
}

static int
begin(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	return fd == -1 ? -1 : 0;
}

static int
end(void **state)
{
	(void)state;
	(void)close(fd);
	(void)rmdir(dir);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(cut),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
