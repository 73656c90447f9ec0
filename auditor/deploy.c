#include "auditor/deploy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auditor/deploy_old.h"
#include "base/clk.h"

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
stamp(int64_t us, char out[DEPLOY_WHEN])
{
	time_t		t = (time_t)(us / CLK_SEC);
	struct tm	tm;

	(void)gmtime_r(&t, &tm);
	(void)strftime(out, DEPLOY_WHEN, "%Y%m%dT%H%M%SZ", &tm);
}

/*
 * Open the folder that was made, and hold it: who finds it free takes it for
 * one that a dead process has left.  1; 0 somebody took it away before; -1.
 */
static int
hold(struct deploy *d)
{
	struct stat	is, st;
	int		locked;

	d->version = openat(d->dir, d->folder, O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);
	if (d->version == -1)
		return errno == ENOENT ? 0 : -1;
	locked = flock(d->version, LOCK_EX) == 0;
	if (locked && fstat(d->version, &is) == 0 &&
	    fstatat(d->dir, d->folder, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == is.st_dev && st.st_ino == is.st_ino)
		return 1;
	/* a folder without locks cannot be told from what the dead left */
	(void)close(d->version);
	d->version = -1;
	return locked ? 0 : -1;
}

int
deploy_begin(struct deploy *d, const char *dir, const char *name, int64_t now,
    struct err *e)
{
	int	versions, tries;

	*d = (struct deploy)DEPLOY_INIT;
	stamp(now, d->when);
	(void)snprintf(d->name, sizeof(d->name), "%s", name);
	d->dir = folder(AT_FDCWD, dir, e);
	versions = d->dir == -1 ? -1 : folder(d->dir, DEPLOY_VERSIONS, e);
	if (versions == -1) {
		deploy_end(d);
		return -1;
	}
	(void)close(versions);
	/* two in one second are two */
	for (tries = 0; tries < 100; tries++) {
		if (snprintf(d->folder, sizeof(d->folder), tries == 0 ?
		    DEPLOY_VERSIONS "/.%s-%s" : DEPLOY_VERSIONS "/.%s-%s.%d",
		    name, d->when, tries) >= (int)sizeof(d->folder))
			break;
		if (mkdirat(d->dir, d->folder, 0700) == -1) {
			if (errno != EEXIST)
				break;
		} else if (hold(d) != 0)
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

/* Its name as a whole version, which nobody else has. */
static int
whole(struct deploy *d, char to[320])
{
	int	tries;

	for (tries = 0; tries < 100; tries++) {
		if (snprintf(to, 320, tries == 0 ? DEPLOY_VERSIONS "/%s-%s" :
		    DEPLOY_VERSIONS "/%s-%s.%d", d->name, d->when, tries) >=
		    320) {
			errno = ENAMETOOLONG;
			return -1;
		}
		if (renameat(d->dir, d->folder, d->dir, to) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY)
			return -1;
	}
	return -1;
}

/* Under the lock of the folder of versions. */
static int
commit(struct deploy *d, int versions, struct err *e)
{
	char	tmp[sizeof(d->name) + 8], to[sizeof(d->folder)];

	if (whole(d, to) == -1)
		return err_set(e, ERR_SYS, "deploy: renaming %s", d->folder);
	memcpy(d->folder, to, sizeof(to));
	(void)snprintf(tmp, sizeof(tmp), ".%s.new", d->name);
	(void)unlinkat(d->dir, tmp, 0);
	/* the version's name is there before what points at it */
	if (fsync(versions) == -1 || symlinkat(d->folder, d->dir, tmp) == -1
	    || renameat(d->dir, tmp, d->dir, d->name) == -1) {
		(void)err_set(e, ERR_SYS, "deploy: the link %s", d->name);
		(void)unlinkat(d->dir, tmp, 0);
		return -1;
	}
	/* it is served: not to be taken away, whatever comes */
	d->folder[0] = '\0';
	if (fsync(d->dir) == -1)
		return err_set(e, ERR_SYS, "deploy: syncing what %s is in",
		    d->name);
	return 0;
}

int
deploy_commit(struct deploy *d, struct err *e)
{
	int	versions, rc;

	if (fsync(d->version) == -1)
		return err_set(e, ERR_SYS, "deploy: syncing %s", d->folder);
	versions = openat(d->dir, DEPLOY_VERSIONS, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC);
	if (versions == -1 || flock(versions, LOCK_EX) == -1)
		rc = err_set(e, ERR_SYS, "deploy: locking " DEPLOY_VERSIONS);
	else
		rc = commit(d, versions, e);
	if (rc == 0)
		deploy_old_drop(d->dir, versions, d->name);
	if (versions != -1)
		(void)close(versions);
	return rc;
}

void
deploy_end(struct deploy *d)
{
	if (d->dir != -1 && d->version != -1 && d->folder[0] != '\0')
		deploy_old_remove(d->dir, d->folder, d->version);
	if (d->version != -1)
		(void)close(d->version);
	if (d->dir != -1)
		(void)close(d->dir);
	*d = (struct deploy)DEPLOY_INIT;
}
