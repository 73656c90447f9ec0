#ifndef TESTS_UNIT_AUDITOR_CACHE_FIXTURE_H
#define TESTS_UNIT_AUDITOR_CACHE_FIXTURE_H

/*
 * A folder for caches of bodies that were fetched, and what is in it; included
 * once, after cmocka.h, everything is static.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/role/cache_file.h"
#include "auditor/role/fetch_cache.h"
#include "base/mem.h"

#define UNIT	((off_t)CACHE_FILE_UNIT)

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

#endif
