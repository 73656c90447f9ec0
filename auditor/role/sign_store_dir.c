#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/role/sign_store_part.h"
#include "base/limit.h"
#include "base/mem.h"

/* A folder that is ours alone, made when it is not there. */
static int
open_dir(int at, const char *name, const char *path, struct err *e)
{
	struct stat st;
	int fd;

	if (mkdirat(at, name, 0700) == -1 && errno != EEXIST)
		return err_set(e, ERR_SYS, "%s cannot be made", path);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return err_set(e, ERR_SYS, "%s", path);
	if (fstat(fd, &st) == -1)
		err_set(e, ERR_SYS, "%s", path);
	else if (st.st_uid != geteuid())
		err_set(e, ERR_PERM, "%s belongs to user %lu: keys are only "
		    "kept in a folder of our own", path,
		    (unsigned long)st.st_uid);
	else if ((st.st_mode & 077) != 0)
		err_set(e, ERR_PERM, "%s: others may open the folder of the "
		    "keys; \"chmod 700 %s\" makes it ours alone", path, path);
	else
		return fd;
	close(fd);
	return -1;
}

int
sign_store_lock(const struct sign_store *s, enum sign_place place,
    struct err *e)
{
	int rc;

	while ((rc = flock(s->dir[place], LOCK_EX)) == -1 && errno == EINTR)
		;
	if (rc == -1)
		return err_set(e, ERR_SYS, "locking %s", s->path[place]);
	return 0;
}

void
sign_store_unlock(const struct sign_store *s, enum sign_place place)
{
	(void)flock(s->dir[place], LOCK_UN);
}

int
sign_store_write(int fd, struct span b)
{
	ssize_t k;

	while (b.n > 0) {
		if ((k = write(fd, b.p, b.n)) == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		b.p += k;
		b.n -= (size_t)k;
	}
	return fsync(fd);
}

void
sign_store_wipe(int fd)
{
	static const uint8_t zeros[4096];
	struct stat st;
	off_t n;

	if (fstat(fd, &st) == -1 || lseek(fd, 0, SEEK_SET) == -1)
		return;
	for (n = st.st_size; n > 0; n -= (off_t)sizeof(zeros))
		if (sign_store_write(fd, (struct span){ zeros,
		    n < (off_t)sizeof(zeros) ? (size_t)n : sizeof(zeros) }) ==
		    -1)
			return;
}

/* What a process that died left: a name that begins with a dot, locked. */
static int
sweep(const struct sign_store *s, enum sign_place place, struct err *e)
{
	struct dirent *d;
	DIR *list;
	int fd;

	fd = openat(s->dir[place], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (list = fdopendir(fd)) == NULL) {
		err_set(e, ERR_SYS, "%s", s->path[place]);
		if (fd != -1)
			close(fd);
		return -1;
	}
	while ((d = readdir(list)) != NULL) {
		if (d->d_name[0] != SIGN_STORE_TMP[0] ||
		    strcmp(d->d_name, ".") == 0 ||
		    strcmp(d->d_name, "..") == 0)
			continue;
		fd = openat(s->dir[place], d->d_name, O_WRONLY | O_NOFOLLOW |
		    O_CLOEXEC | O_NONBLOCK);
		if (fd != -1) {
			sign_store_wipe(fd);
			close(fd);
		}
		(void)unlinkat(s->dir[place], d->d_name, 0);
	}
	closedir(list);
	return 0;
}

int
sign_store_places(struct sign_store *s, const char *state_dir, struct err *e)
{
	static const char *const names[] = { "account", "cert" };
	char *path;
	int i, keys, rc;

	path = mem_printf("%s/keys", state_dir);
	keys = open_dir(AT_FDCWD, path, path, e);
	rc = keys == -1 ? -1 : 0;
	for (i = 0; i < SIGN_PLACES && rc == 0; i++) {
		s->path[i] = mem_printf("%s/%s", path, names[i]);
		s->dir[i] = open_dir(keys, names[i], s->path[i], e);
		if (s->dir[i] == -1 ||
		    sign_store_lock(s, (enum sign_place)i, e) == -1) {
			rc = -1;
			break;
		}
		rc = sweep(s, (enum sign_place)i, e);
		sign_store_unlock(s, (enum sign_place)i);
	}
	if (keys != -1) {
		if (rc == 0 && fsync(keys) == -1)
			rc = err_set(e, ERR_SYS, "%s", path);
		close(keys);
	}
	free(path);
	return rc;
}

int
sign_store_file(const struct sign_store *s, enum sign_place place,
    const char *name, struct stat *st, struct err *e)
{
	const char *dir;
	int fd;

	dir = s->path[place];
	fd = openat(s->dir[place], name, O_RDWR | O_NOFOLLOW | O_CLOEXEC |
	    O_NONBLOCK);
	if (fd == -1 && errno == ENOENT)
		return err_set(e, ERR_NOENT, "there is no key %s/%s", dir,
		    name);
	if (fd == -1 && errno == ELOOP)
		return err_set(e, ERR_PERM, "%s/%s is a symbolic link: keys "
		    "are files of their own; put the file itself there", dir,
		    name);
	if (fd == -1)
		return err_set(e, ERR_SYS, "%s/%s", dir, name);
	if (fstat(fd, st) == -1)
		err_set(e, ERR_SYS, "%s/%s", dir, name);
	else if (!S_ISREG(st->st_mode))
		err_set(e, ERR_PERM, "%s/%s is no file", dir, name);
	else if (st->st_uid != geteuid())
		err_set(e, ERR_PERM, "%s/%s belongs to user %lu, not to us",
		    dir, name, (unsigned long)st->st_uid);
	else if ((st->st_mode & 077) != 0)
		err_set(e, ERR_PERM, "others may read the key %s/%s; \"chmod "
		    "600\" makes it ours alone, but ask who has read it", dir,
		    name);
	else if (st->st_nlink != 1)
		err_set(e, ERR_PERM, "%s/%s has a second name (hard link); "
		    "remove it", dir, name);
	else
		return fd;
	close(fd);
	return -1;
}

int
sign_store_read(int fd, struct buf *out)
{
	uint8_t *p;
	ssize_t n;

	p = buf_room(out, LIMIT_PKEY_PEM + 1);
	while (out->n <= LIMIT_PKEY_PEM) {
		n = read(fd, p + out->n, LIMIT_PKEY_PEM + 1 - out->n);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			return 0;
		out->n += (size_t)n;
	}
	errno = EFBIG;
	return -1;
}
