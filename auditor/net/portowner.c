#include "auditor/net/portowner.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTENING	0x0au	/* TCP_LISTEN, as /proc/net/tcp writes it */
#define LINES_MAX	100000	/* of /proc/net/tcp: more take too long */

/* A listening socket. */
struct found {
	unsigned long	inode;
	unsigned	uid;
};

/* In one of the kernel's tables: 0 or -1. */
static int
search_table(const char *path, uint16_t port, struct found *f)
{
	FILE		*in = fopen(path, "re");
	char		 line[512];
	unsigned	 at, state;
	int		 n, r = -1;

	if (in == NULL)
		return -1;
	for (n = 0; r != 0 && n < LINES_MAX &&
	    fgets(line, sizeof(line), in) != NULL; n++)
		if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x "
		    "%x %*x:%*x %*x:%*x %*x %u %*u %lu", &at, &state,
		    &f->uid, &f->inode) == 4 && state == LISTENING &&
		    at == port)
			r = 0;
	(void)fclose(in);
	return r;
}

/* Has the process a descriptor of that socket? */
static int
holds(const char *pid, const char *socket)
{
	struct dirent	*d;
	char		 path[64], link[64];
	DIR		*dir;
	ssize_t		 n;
	int		 r = 0;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	while (!r && (d = readdir(dir)) != NULL) {
		n = readlinkat(dirfd(dir), d->d_name, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		r = strcmp(link, socket) == 0;
	}
	(void)closedir(dir);
	return r;
}

/* The name of a process is its own choice. */
static void
say(const char *pid, char *text, size_t size)
{
	char	path[64], name[32];
	ssize_t	n = -1;
	size_t	i;
	int	fd;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = read(fd, name, sizeof(name) - 1);
		(void)close(fd);
	}
	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	for (i = 0; name[i] != '\0'; i++)
		if (name[i] < ' ' || name[i] > '~')
			name[i] = '?';
	(void)snprintf(text, size, "%s (process %.20s)", name[0] != '\0' ?
	    name : "a program", pid);
}

static int
search_processes(unsigned long inode, char *text, size_t size)
{
	struct dirent	*d;
	char		 socket[64];
	DIR		*dir = opendir("/proc");
	int		 r = -1;

	if (dir == NULL)
		return -1;
	(void)snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
	while (r != 0 && (d = readdir(dir)) != NULL)
		if (isdigit((unsigned char)d->d_name[0]) &&
		    holds(d->d_name, socket)) {
			say(d->d_name, text, size);
			r = 0;
		}
	(void)closedir(dir);
	return r;
}

int
portowner_find(uint16_t port, char *text, size_t n)
{
	struct found	 f;
	struct passwd	*pw;

	if (search_table("/proc/net/tcp", port, &f) != 0 &&
	    search_table("/proc/net/tcp6", port, &f) != 0)
		return -1;
	if (search_processes(f.inode, text, n) == 0)
		return 0;
	pw = getpwuid(f.uid);
	if (pw != NULL)
		(void)snprintf(text, n, "a process of the user %.32s",
		    pw->pw_name);
	else
		(void)snprintf(text, n, "a process of the user %u", f.uid);
	return 0;
}
