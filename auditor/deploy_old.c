#include "auditor/deploy_old.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/mem.h"

#define STAMP	"dddddddd_dddddd_"	/* 20261127T180000Z */
#define DIGIT	"0123456789"

/* What a version may have. */
static const char *const files[] = {
	"key.pem", "cert.pem", "chain.pem", "fullchain.pem"
};

/* A whole version: its folder's name, and its time and number in that. */
struct old {
	char		*entry;
	const char	*stamp;
};

struct list {
	struct old	*v;
	size_t		 n, cap;
};

void
deploy_old_remove(int dir, const char *folder, int version)
{
	size_t	i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)unlinkat(version, files[i], 0);
	(void)unlinkat(dir, folder, AT_REMOVEDIR);
}

/*
 * Is it "NAME-20261127T180000Z", perhaps with ".1" behind it?  No name has
 * capitals, so that of "a" is none of "a-b".
 */
static int
is_of(const char *s, const char *name)
{
	static const char	stamp[] = STAMP;
	size_t			n = strlen(name), i;

	if (strncmp(s, name, n) != 0 || s[n] != '-')
		return 0;
	s += n + 1;
	for (i = 0; stamp[i] != '\0'; i++)
		if (stamp[i] == 'd' ? s[i] < '0' || s[i] > '9' :
		    s[i] != (i == 8 ? 'T' : 'Z'))
			return 0;
	s += i;
	return *s == '\0' || (s[0] == '.' && s[1] != '\0' &&
	    s[1 + strspn(s + 1, DIGIT)] == '\0');
}

/* The newest first; of one second, the one with the greatest number. */
static int
newer(const void *a, const void *b)
{
	const char	*x = ((const struct old *)a)->stamp;
	const char	*y = ((const struct old *)b)->stamp;
	size_t		 head = sizeof(STAMP) - 1;
	unsigned long	 i, k;
	int		 c = strncmp(y, x, head);

	if (c != 0)
		return c;
	i = x[head] == '.' ? strtoul(x + head + 1, NULL, 10) : 0;
	k = y[head] == '.' ? strtoul(y + head + 1, NULL, 10) : 0;
	return i < k ? 1 : i > k ? -1 : 0;
}

/* One that nobody holds goes. */
static void
drop(int dir, int versions, const char *entry)
{
	char	path[320];
	int	fd;

	fd = openat(versions, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (fd == -1)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && snprintf(path, sizeof(path),
	    DEPLOY_VERSIONS "/%s", entry) < (int)sizeof(path))
		deploy_old_remove(dir, path, fd);
	(void)close(fd);
}

/* The whole versions of a name; those half written go at once. */
static struct list
whole(int dir, int versions, DIR *d, const char *name)
{
	struct list	 l = { NULL, 0, 0 };
	struct dirent	*p;
	char		*s;

	while ((p = readdir(d)) != NULL) {
		if (p->d_name[0] == '.' && is_of(p->d_name + 1, name))
			drop(dir, versions, p->d_name);
		if (!is_of(p->d_name, name))
			continue;
		l.v = mem_grow(l.v, &l.cap, l.n + 1, sizeof(*l.v));
		s = mem_str(p->d_name);
		l.v[l.n++] = (struct old){ s, s + strlen(name) + 1 };
	}
	return l;
}

void
deploy_old_drop(int dir, int versions, const char *name)
{
	struct list	 l;
	char		 served[320];
	ssize_t		 n = readlinkat(dir, name, served,
			    sizeof(served) - 1);
	int		 fd = openat(versions, ".", O_RDONLY | O_DIRECTORY |
			    O_CLOEXEC);
	DIR		*d = fd == -1 ? NULL : fdopendir(fd);
	size_t		 i, kept = 0, head = strlen(DEPLOY_VERSIONS) + 1;

	if (d == NULL || n <= (ssize_t)head) {
		if (d != NULL)
			(void)closedir(d);
		else if (fd != -1)
			(void)close(fd);
		return;
	}
	served[n] = '\0';
	l = whole(dir, versions, d, name);
	(void)closedir(d);
	if (l.n != 0)
		qsort(l.v, l.n, sizeof(*l.v), newer);
	for (i = 0; i < l.n; i++) {
		if (strcmp(l.v[i].entry, served + head) != 0 &&
		    kept++ >= LIMIT_DEPLOY_OLD)
			drop(dir, versions, l.v[i].entry);
		free(l.v[i].entry);
	}
	free(l.v);
}
