#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static struct {
	char	*path;
	int	 fd;
} kept[FILE_KEPT_MAX];

static size_t nkept;

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

int
file_open(const char *path)
{
	size_t	i;
	int	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd != -1 || errno != EACCES)
		return fd;
	/* the newest one of that name */
	for (i = nkept; i-- > 0;)
		if (strcmp(kept[i].path, path) == 0) {
			fd = fcntl(kept[i].fd, F_DUPFD_CLOEXEC, 0);
			if (fd != -1 && lseek(fd, 0, SEEK_SET) == -1) {
				(void)close(fd);
				fd = -1;
			}
			return fd;
		}
	errno = EACCES;
	return -1;
}
