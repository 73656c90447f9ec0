#include "auditor/deploy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"

#define VERSIONS	".versions"

/* What a version may have; also what is taken away again. */
static const char *const files[] = {
	"key.pem", "cert.pem", "chain.pem", "fullchain.pem"
};

int
deploy_name(const char *first, char *out, size_t cap, struct err *e)
{
	const char	*s = first, *p;
	int		 n;

	if (strncmp(first, "*.", 2) == 0)
		s = first + 2;
	for (p = s; *p != '\0'; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
		    *p == '-' || *p == '_' || *p == ':' ||
		    (*p == '.' && p != s)))
			return err_set(e, ERR_USAGE, "%.80s: no name for a "
			    "folder", first);
	n = snprintf(out, cap, "%s%s", s != first ? "_." : "", s);
	if (p == s || n < 0 || (size_t)n >= cap)
		return err_set(e, ERR_USAGE, "%.80s: no name for a folder",
		    first);
	return 0;
}

/* Open a folder below ${at}, made when it is not there; -1. */
static int
folder(int at, const char *path, struct err *e)
{
	int	fd;

	if (mkdirat(at, path, 0755) == -1 && errno != EEXIST)
		return err_set(e, ERR_SYS, "deploy: making %s", path);
	fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return err_set(e, ERR_SYS, "deploy: opening %s", path);
	return fd;
}

static void
stamp(int64_t us, char out[32])
{
	time_t		t = (time_t)(us / CLK_SEC);
	struct tm	tm;

	(void)gmtime_r(&t, &tm);
	(void)strftime(out, 32, "%Y%m%dT%H%M%SZ", &tm);
}

int
deploy_begin(struct deploy *d, const char *dir, const char *name, int64_t now,
    struct err *e)
{
	char	when[32];
	int	versions, tries;

	*d = (struct deploy)DEPLOY_INIT;
	stamp(now, when);
	(void)snprintf(d->name, sizeof(d->name), "%s", name);
	d->dir = folder(AT_FDCWD, dir, e);
	versions = d->dir == -1 ? -1 : folder(d->dir, VERSIONS, e);
	if (versions == -1) {
		deploy_end(d);
		return -1;
	}
	(void)close(versions);
	/* two in one second are two */
	for (tries = 0; tries < 100; tries++) {
		if (snprintf(d->folder, sizeof(d->folder), tries == 0 ?
		    VERSIONS "/%s-%s" : VERSIONS "/%s-%s.%d", name, when,
		    tries) >= (int)sizeof(d->folder))
			break;
		if (mkdirat(d->dir, d->folder, 0700) == 0) {
			d->version = openat(d->dir, d->folder, O_RDONLY |
			    O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			break;
		}
		if (errno != EEXIST)
			break;
	}
	if (d->version != -1)
		return 0;
	(void)err_set(e, ERR_SYS, "deploy: making %s/%s", dir, d->folder);
	d->folder[0] = '\0';
	deploy_end(d);
	return -1;
}

int
deploy_file(struct deploy *d, const char *file, struct span bytes, int secret,
    struct err *e)
{
	size_t	done = 0;
	ssize_t	n = 0;
	int	fd, rc = 0;

	fd = openat(d->version, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
	    | O_CLOEXEC, secret ? 0600 : 0644);
	if (fd == -1)
		return err_set(e, ERR_SYS, "deploy: making %s/%s", d->folder,
		    file);
	for (; done < bytes.n; done += (size_t)n)
		if ((n = write(fd, bytes.p + done, bytes.n - done)) <= 0)
			break;
	if (done < bytes.n || fsync(fd) == -1)
		rc = err_set(e, ERR_SYS, "deploy: writing %s/%s", d->folder,
		    file);
	(void)close(fd);
	return rc;
}

/* The names in DIR and in its folder of versions outlast the machine. */
static int
sync_below(int dir)
{
	int	fd = openat(dir, VERSIONS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int	rc = fd == -1 || fsync(fd) == -1 || fsync(dir) == -1 ? -1 : 0;

	if (fd != -1)
		(void)close(fd);
	return rc;
}

int
deploy_commit(struct deploy *d, struct err *e)
{
	char	tmp[sizeof(d->name) + 8];

	(void)snprintf(tmp, sizeof(tmp), ".%s.new", d->name);
	if (fsync(d->version) == -1)
		return err_set(e, ERR_SYS, "deploy: syncing %s", d->folder);
	(void)unlinkat(d->dir, tmp, 0);
	if (symlinkat(d->folder, d->dir, tmp) == -1 ||
	    renameat(d->dir, tmp, d->dir, d->name) == -1)
		return err_set(e, ERR_SYS, "deploy: the link %s", d->name);
	/* it is served: not to be taken away, whatever comes */
	d->folder[0] = '\0';
	if (sync_below(d->dir) == -1)
		return err_set(e, ERR_SYS, "deploy: syncing what %s is in",
		    d->name);
	return 0;
}

void
deploy_end(struct deploy *d)
{
	size_t	i;

	if (d->version != -1 && d->folder[0] != '\0')
		for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			(void)unlinkat(d->version, files[i], 0);
	if (d->version != -1)
		(void)close(d->version);
	if (d->dir != -1 && d->folder[0] != '\0')
		(void)unlinkat(d->dir, d->folder, AT_REMOVEDIR);
	if (d->dir != -1)
		(void)close(d->dir);
	*d = (struct deploy)DEPLOY_INIT;
}
