#ifndef TESTS_UNIT_AUDITOR_SIGN_FIXTURE_H
#define TESTS_UNIT_AUDITOR_SIGN_FIXTURE_H

/* A state directory of its own for each test of the sign process's keys. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

static char	dir[64];

static inline int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/signXXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static inline int
remove_one(const char *path, const struct stat *st, int what, struct FTW *w)
{
	(void)st;
	(void)what;
	(void)w;
	return remove(path);
}

static inline int
teardown(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of something below the state directory; the last four are good. */
static const char *
at(const char *name)
{
	static char	path[4][256];
	static unsigned	n;

	n = (n + 1) % 4;
	(void)snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

/* The mode of it; 0: not there. */
static inline unsigned
mode_of(const char *name)
{
	struct stat	st;

	return lstat(at(name), &st) == -1 ? 0 : st.st_mode & 07777;
}

/* All of a file, or nothing. */
static inline void
slurp(const char *name, struct buf *out)
{
	char	 part[4096];
	size_t	 n;
	FILE	*f = fopen(at(name), "re");

	buf_reset(out);
	if (f == NULL)
		return;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(out, part, n);
	(void)fclose(f);
}

static inline void
spit(const char *name, const void *p, size_t n)
{
	int	fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);

	if (fd == -1 || write(fd, p, n) != (ssize_t)n || close(fd) != 0)
		abort();
}

#endif
