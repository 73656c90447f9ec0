#include "auditor/role/acme_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limit.h"
#include "base/sha.h"

#define NAME	"acme.sock"
#define WAITING	64
#define CHUNK	65536u

/*
 * The address, by way of the folder's descriptor: a path may be longer than
 * an address can be.
 */
static int
address(const char *state_dir, struct sockaddr_un *a)
{
	int	dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	(void)snprintf(a->sun_path, sizeof(a->sun_path),
	    "/proc/self/fd/%d/" NAME, dir);
	return dir;
}

static int
dial(const struct sockaddr_un *a)
{
	int	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd != -1 && connect(fd, (const struct sockaddr *)a, sizeof(*a)) ==
	    -1) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

int
acme_sock_connect(const char *state_dir)
{
	struct sockaddr_un	a;
	int			dir = address(state_dir, &a), fd;

	if (dir == -1)
		return -1;
	fd = dial(&a);
	(void)close(dir);
	return fd;
}

static int
listen_at(int dir, const struct sockaddr_un *a, struct err *e)
{
	mode_t	was;
	int	fd, rc;

	fd = dial(a);
	if (fd != -1) {
		(void)close(fd);
		return err_set(e, ERR_TEMP, NAME ": another daemon listens "
		    "there");
	}
	(void)unlinkat(dir, NAME, 0);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	was = umask(0177);
	rc = fd == -1 ? -1 : bind(fd, (const struct sockaddr *)a, sizeof(*a));
	(void)umask(was);
	if (rc == 0 && listen(fd, WAITING) == 0)
		return fd;
	(void)err_set(e, ERR_SYS, NAME);
	if (fd != -1)
		(void)close(fd);
	return -1;
}

int
acme_sock_listen(const char *state_dir, struct err *e)
{
	struct sockaddr_un	a;
	int			dir = address(state_dir, &a), fd;

	if (dir == -1)
		return err_set(e, ERR_SYS, "state_dir %s", state_dir);
	fd = listen_at(dir, &a, e);
	(void)close(dir);
	return fd == -1 ? err_prefix(e, "%s", state_dir) : fd;
}

int
acme_sock_accept(int fd)
{
	struct ucred	c;
	socklen_t	n = sizeof(c);
	int		s = accept4(fd, NULL, NULL, SOCK_CLOEXEC |
			    SOCK_NONBLOCK);

	if (s == -1)
		return -1;
	if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &c, &n) == 0 &&
	    (c.uid == geteuid() || c.uid == 0))
		return s;
	(void)close(s);
	return -1;
}

int
acme_sock_send(int fd, const struct buf *b)
{
	return b->n <= LIMIT_ACME_FRAME && send(fd, b->p, b->n, MSG_NOSIGNAL)
	    == (ssize_t)b->n ? 0 : -1;
}

int
acme_sock_recv(int fd, struct buf *b)
{
	ssize_t	n;

	buf_reset(b);
	/* one byte more: a packet that is too long is seen */
	do
		n = recv(fd, buf_room(b, LIMIT_ACME_FRAME + 1),
		    LIMIT_ACME_FRAME + 1, 0);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		b->n = (size_t)n;
	return n > (ssize_t)LIMIT_ACME_FRAME ? 0 : n > 0 ? 1 : n == 0 ? 0 : -1;
}

int
acme_sock_conf(const struct conf *c, uint8_t out[ACME_MSG_CONF],
    struct err *e)
{
	struct buf	b = BUF_INIT;
	ssize_t		n = 0;
	int		fd;

	memset(out, 0, ACME_MSG_CONF);
	if (c->path == NULL)
		return 0;
	fd = file_open(c->path);
	while (fd != -1 && (n = read(fd, buf_room(&b, CHUNK), CHUNK)) > 0)
		b.n += (size_t)n;
	if (fd == -1 || n == -1)
		(void)err_set(e, ERR_CONF, "%.200s cannot be read", c->path);
	else
		sha_256(out, b.p, b.n);
	if (fd != -1)
		(void)close(fd);
	buf_free(&b);
	return fd == -1 || n == -1 ? -1 : 0;
}
