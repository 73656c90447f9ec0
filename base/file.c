#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/mem.h"

static struct {
	char	*path;
	int	 fd;
} kept[FILE_KEPT_MAX];

static size_t nkept;

/* Is the path, or a part of it, the user's? */
static int
owned(const char *path, uid_t user)
{
	struct stat	 st;
	char		*copy = mem_str(path), *p;
	int		 theirs;

	theirs = lstat(copy, &st) == 0 && st.st_uid == user;
	while (!theirs && (p = strrchr(copy, '/')) != NULL && p != copy) {
		*p = '\0';
		theirs = lstat(copy, &st) == 0 && st.st_uid == user;
	}
	free(copy);
	return theirs;
}

int
file_theirs(const char *path, uid_t user)
{
	char	*real;
	int	 theirs;

	if (owned(path, user))
		return 1;
	/* not there: there is nothing to be opened either */
	if ((real = realpath(path, NULL)) == NULL)
		return 0;
	theirs = owned(real, user);
	free(real);
	return theirs;
}

void
file_adopt(const char *path, int fd)
{
	if (nkept == FILE_KEPT_MAX)
		return;
	kept[nkept].path = mem_str(path);
	kept[nkept++].fd = fd;
}

void
file_keep(const char *path)
{
	int	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd != -1 && nkept < FILE_KEPT_MAX)
		file_adopt(path, fd);
	else if (fd != -1)
		(void)close(fd);
}

const char *
file_kept(size_t i, int *fd)
{
	if (i >= nkept)
		return NULL;
	*fd = kept[i].fd;
	return kept[i].path;
}

void
file_close_others(int from)
{
	size_t	i;
	int	next;

	/* the next that is kept, until none is left: they are few */
	for (;;) {
		next = -1;
		for (i = 0; i < nkept; i++)
			if (kept[i].fd >= from && (next == -1 || kept[i].fd <
			    next))
				next = kept[i].fd;
		if (next == -1)
			break;
		if (next > from)
			(void)close_range((unsigned)from, (unsigned)next - 1,
			    0);
		from = next + 1;
	}
	(void)close_range((unsigned)from, ~0u, 0);
}

/*
 * The bytes behind ${fd} in a file of our own: its offset is shared with the
 * other processes that were given it, and they may read at the same time.
 */
static int
copy(int fd)
{
	char	 buf[16384];
	off_t	 at = 0;
	ssize_t	 n = 0;
	int	 out = memfd_create("cv-file", MFD_CLOEXEC);

	if (out == -1)
		return -1;
	/* readers refuse what is larger than the largest that any takes */
	while (at <= (off_t)LIMIT_WATCH_FILE &&
	    (n = pread(fd, buf, sizeof(buf), at)) > 0) {
		if (write(out, buf, (size_t)n) != n) {
			n = -1;
			break;
		}
		at += n;
	}
	if (n == -1 || lseek(out, 0, SEEK_SET) == -1) {
		(void)close(out);
		return -1;
	}
	return out;
}

int
file_open(const char *path)
{
	size_t	i;
	int	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd != -1 || errno != EACCES)
		return fd;
	/* the newest one of that name */
	for (i = nkept; i-- > 0;)
		if (strcmp(kept[i].path, path) == 0)
			return copy(kept[i].fd);
	errno = EACCES;
	return -1;
}

int
file_sync_dir(const char *dir)
{
	int	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int	rc, error;

	if (fd == -1)
		return -1;
	rc = fsync(fd);
	error = errno;
	(void)close(fd);
	errno = error;
	return rc;
}
