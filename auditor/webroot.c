#include "auditor/webroot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/role/challenge_msg.h"
#include "base/err.h"

#define DIRS		2
#define TEMP_SIZE	(LIMIT_CHALLENGE_TOKEN + 8)

_Static_assert(TEMP_SIZE < 255, "it is the name of a file");

static const char *const	dirs[DIRS] = {
	".well-known", "acme-challenge"
};

/* Where the file lies, as far as ${depth} directories go, for people. */
static const char *
where(int depth)
{
	static const char *const	paths[DIRS + 1] = {
		"", "/.well-known", "/.well-known/acme-challenge"
	};

	return paths[depth];
}

static int
failed(const char *dir, int depth, const char *what, struct err *e)
{
	switch (errno) {
	case EACCES:
	case EPERM:
	case EROFS:
		return err_set(e, ERR_PERM, "webroot: %s %s%s is not allowed "
		    "(%s): let the user of certvigil write there", what, dir,
		    where(depth), strerror(errno));
	case ELOOP:
	case ENOTDIR:
		return err_set(e, ERR_CONF, "webroot: %s%s is no directory; "
		    "below %s links are not followed", dir, where(depth),
		    dir);
	case ENOENT:
		return err_set(e, ERR_CONF, "webroot: there is no %s%s", dir,
		    where(depth));
	default:
		return err_set(e, ERR_SYS, "webroot: %s %s%s", what, dir,
		    where(depth));
	}
}

/*
 * The directory ${name} in ${at}, made when ${make} and it is missing.  A
 * descriptor, or -1 and errno.  The mask of the process does not count: a web
 * server must get in.
 */
static int
enter(int at, const char *name, int make)
{
	const int	flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int		fd = openat(at, name, flags), saved;

	if (fd != -1 || errno != ENOENT || !make)
		return fd;
	if (mkdirat(at, name, 0755) == -1)
		return errno == EEXIST ? openat(at, name, flags) : -1;
	fd = openat(at, name, flags);
	if (fd == -1)
		return -1;
	if (fchmod(fd, 0755) == 0 && fsync(at) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

/* The directory of the tokens: a descriptor; -1, and errno is still there. */
static int
go(const char *dir, int make, struct err *e)
{
	int	fd, next, depth, saved;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1) {
		saved = errno;
		(void)failed(dir, 0, "opening", e);
		errno = saved;
		return -1;
	}
	for (depth = 0; depth < DIRS; depth++) {
		next = enter(fd, dirs[depth], make);
		saved = errno;
		(void)close(fd);
		errno = saved;
		if (next == -1) {
			(void)failed(dir, depth + 1, "opening or making", e);
			errno = saved;
			return -1;
		}
		fd = next;
	}
	return fd;
}

/* Names begin with a dot, which no token does. */
static void
temp_name(const char *token, char *out)
{
	(void)snprintf(out, TEMP_SIZE, ".%s.new", token);
}

static int
write_all(int fd, const char *text)
{
	size_t	n = strlen(text);
	ssize_t	r;

	while (n != 0) {
		r = write(fd, text, n);
		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return -1;
		text += r;
		n -= (size_t)r;
	}
	return 0;
}

/* A new file with the text, synced: 0, or -1 and errno. */
static int
write_file(int at, const char *name, const char *text)
{
	int	fd, saved;

	if (unlinkat(at, name, 0) == -1 && errno != ENOENT)
		return -1;
	fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0644);
	if (fd == -1)
		return -1;
	if (fchmod(fd, 0644) == 0 && write_all(fd, text) == 0 &&
	    fsync(fd) == 0)
		return close(fd);
	saved = errno;
	(void)close(fd);
	(void)unlinkat(at, name, 0);
	errno = saved;
	return -1;
}

static int
check_token(const char *token, struct err *e)
{
	if (challenge_token_ok(token))
		return 0;
	return err_set(e, ERR_FORMAT, "webroot: the CA's token is no "
	    "base64url of at most %u characters; it becomes no file",
	    LIMIT_CHALLENGE_TOKEN);
}

int
webroot_put(const char *dir, const char *token, const char *keyauth,
    struct err *e)
{
	char	temp[TEMP_SIZE];
	int	at, r = 0;

	if (check_token(token, e) != 0)
		return -1;
	if (!challenge_keyauth_ok(token, keyauth))
		return err_set(e, ERR_FORMAT, "webroot: the key "
		    "authorization is none of the token");
	at = go(dir, 1, e);
	if (at == -1)
		return -1;
	temp_name(token, temp);
	if (write_file(at, temp, keyauth) != 0)
		r = failed(dir, DIRS, "writing into", e);
	else if (renameat(at, temp, at, token) == -1) {
		r = failed(dir, DIRS, "renaming in", e);
		(void)unlinkat(at, temp, 0);
	} else if (fsync(at) == -1)
		r = failed(dir, DIRS, "syncing", e);
	(void)close(at);
	return r;
}

int
webroot_drop(const char *dir, const char *token, struct err *e)
{
	struct err	why = ERR_INIT;
	char		temp[TEMP_SIZE];
	int		at, r = 0;

	if (check_token(token, e) != 0)
		return -1;
	at = go(dir, 0, &why);
	if (at == -1)
		return errno == ENOENT ? 0 : err_set(e, why.code, "%s",
		    why.msg);
	temp_name(token, temp);
	if ((unlinkat(at, temp, 0) == -1 && errno != ENOENT) ||
	    (unlinkat(at, token, 0) == -1 && errno != ENOENT))
		r = failed(dir, DIRS, "removing from", e);
	(void)close(at);
	return r;
}
