#include "auditor/import_tree.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/mem.h"

/* What open(2) said of it. */
static int
refused(const char *path, struct err *e)
{
	int	sys = errno;

	if (sys == ENOENT || sys == ENOTDIR)
		return err_set(e, ERR_NOENT, "%s: there is no such file",
		    path);
	if (sys == EACCES || sys == EPERM)
		return err_set(e, ERR_PERM, "%s: may not be read", path);
	if (sys == ELOOP)
		return err_set(e, ERR_PERM, "%s: its links go round in a "
		    "circle", path);
	return err_set(e, ERR_SYS, "%s", path);
}

/* Where the thing really is that was opened; NULL: it cannot be said. */
static char *
whereabouts(int fd)
{
	char	link[40], path[PATH_MAX];
	ssize_t	n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	if (n <= 0 || n == (ssize_t)sizeof(path) || path[0] != '/')
		return NULL;
	return mem_dup(path, (size_t)n);
}

int
import_tree_open(struct import_tree *t, const char *dir, struct err *e)
{
	struct stat	st;
	int		fd, rc = 0;

	memset(t, 0, sizeof(*t));
	if ((fd = open(dir, O_PATH | O_CLOEXEC)) == -1)
		return refused(dir, e);
	if (fstat(fd, &st) == -1 || !S_ISDIR(st.st_mode))
		rc = err_set(e, ERR_USAGE, "%s: is no directory", dir);
	else if ((t->root = whereabouts(fd)) == NULL)
		rc = err_set(e, ERR_PERM, "%s: where it is cannot be said "
		    "(is /proc mounted?)", dir);
	(void)close(fd);
	return rc;
}

void
import_tree_close(struct import_tree *t)
{
	free(t->root);
	memset(t, 0, sizeof(*t));
}

/* Below the root: the rest of the path; NULL: outside. */
static const char *
inside(const struct import_tree *t, const char *path)
{
	size_t	n = strlen(t->root);

	if (n == 1)
		return path + 1;
	if (strncmp(path, t->root, n) != 0)
		return NULL;
	return path[n] == '/' ? path + n + 1 : path[n] == '\0' ? path + n :
	    NULL;
}

/*
 * Open it, but only as a place (O_PATH): no device wakes up, no pipe waits.
 * Then see where that is, and only then open it for reading, through what was
 * opened: a link that is changed meanwhile changes nothing.
 */
static int
open_inside(const struct import_tree *t, const char *path, int flags,
    mode_t kind, char **real, struct err *e)
{
	char		*full, *at = NULL, link[40];
	const char	*rest;
	struct stat	 st;
	int		 fd, out = -1;

	full = mem_printf("%s/%s", t->root, path);
	fd = open(full, O_PATH | O_CLOEXEC);
	free(full);
	if (fd == -1)
		return refused(path, e);
	if ((at = whereabouts(fd)) == NULL || (rest = inside(t, at)) == NULL)
		(void)err_set(e, ERR_PERM, "%s: a link leads out of %s: not "
		    "followed", path, t->root);
	else if (fstat(fd, &st) == -1 || (st.st_mode & S_IFMT) != kind)
		(void)err_set(e, kind == S_IFDIR ? ERR_NOENT : ERR_FORMAT,
		    "%s: is no %s", path, kind == S_IFDIR ? "directory" :
		    "regular file");
	else {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		out = open(link, O_RDONLY | O_CLOEXEC | flags);
		if (out == -1)
			(void)refused(path, e);
		else if (real != NULL)
			*real = mem_str(rest);
	}
	free(at);
	(void)close(fd);
	return out;
}

void
import_names_free(struct import_names *v)
{
	size_t	i;

	for (i = 0; i < v->n; i++)
		free(v->v[i]);
	free(v->v);
	memset(v, 0, sizeof(*v));
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
import_tree_list(const struct import_tree *t, const char *path,
    struct import_names *v, char **real, struct err *e)
{
	struct dirent	*d;
	DIR		*dir;
	int		 fd, rc = 0;

	memset(v, 0, sizeof(*v));
	fd = open_inside(t, path, O_DIRECTORY, S_IFDIR, real, e);
	if (fd == -1)
		return -1;
	if ((dir = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return err_set(e, ERR_SYS, "%s", path);
	}
	while (rc == 0 && (d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		if (v->n >= LIMIT_CLIENT_NAMES) {
			rc = err_set(e, ERR_LIMIT, "%s: more than %u files in "
			    "one directory", path, LIMIT_CLIENT_NAMES);
			break;
		}
		v->v = mem_grow(v->v, &v->cap, v->n + 1, sizeof(*v->v));
		v->v[v->n++] = mem_str(d->d_name);
	}
	(void)closedir(dir);
	if (v->n > 1)
		qsort(v->v, v->n, sizeof(*v->v), by_text);
	return rc;
}

int
import_tree_has(const struct import_tree *t, const char *path)
{
	struct stat	 st;
	char		*full = mem_printf("%s/%s", t->root, path);
	int		 rc = lstat(full, &st);

	free(full);
	return rc == 0;
}

int
import_tree_read(struct import_tree *t, const char *path, struct buf *b,
    char **real, struct err *e)
{
	uint8_t	*room;
	size_t	 had = b->n;
	ssize_t	 n;
	int	 fd, rc = 0;

	fd = open_inside(t, path, O_NOCTTY, S_IFREG, real, e);
	if (fd == -1)
		return -1;
	/* A key fits at once: no copy of it stays behind when this grows. */
	(void)buf_room(b, 3 * 8192);
	for (;;) {
		room = buf_room(b, 8192);
		n = read(fd, room, 8192);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			rc = err_set(e, ERR_SYS, "%s", path);
		if (n <= 0)
			break;
		b->n += (size_t)n;
		t->bytes += (size_t)n;
		if (b->n - had > LIMIT_CLIENT_FILE)
			rc = err_set(e, ERR_LIMIT, "%s: larger than %u KB",
			    path, LIMIT_CLIENT_FILE >> 10);
		if (rc == -1)
			break;
	}
	(void)close(fd);
	if (rc == -1 && real != NULL) {
		free(*real);
		*real = NULL;
	}
	return rc;
}
