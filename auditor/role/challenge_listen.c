#include "auditor/role/challenge_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "auditor/net/netaddr.h"
#include "auditor/net/portowner.h"
#include "base/err.h"

#define BACKLOG		1024
#define SYSTEMD_FIRST	3	/* SD_LISTEN_FDS_START */
#define SYSTEMD_MAX	1024	/* descriptors that are believed */

const char *
challenge_kind_name(enum challenge_kind kind)
{
	return kind == CHALLENGE_HTTP ? "http-01" : "tls-alpn-01";
}

/* Own the socket: 0, or -1 and it is closed. */
static int
keep(struct challenge_listen *l, enum challenge_kind kind, int fd,
    struct err *e)
{
	if (l->n[kind] < LIMIT_CHALLENGE_LISTEN) {
		l->kept[kind][l->n[kind]] = 0;
		l->fd[kind][l->n[kind]++] = fd;
		return 0;
	}
	(void)close(fd);
	return err_set(e, ERR_LIMIT, "%s has more than %d addresses to "
	    "listen at; 0.0.0.0 and [::] stand for all of a machine",
	    challenge_kind_name(kind), LIMIT_CHALLENGE_LISTEN);
}

/* --- where it says --- */

static int
wrong(const char *text, struct err *e)
{
	return err_set(e, ERR_CONF, "`%.80s` is nothing to listen at: write "
	    "an address and a port, such as 0.0.0.0:80, 192.0.2.1:80 or "
	    "[2001:db8::1]:443", text);
}

static int
read_port(const char *s, uint16_t *port)
{
	unsigned	n = 0;
	size_t		i;

	for (i = 0; s[i] >= '0' && s[i] <= '9' && i < 5; i++)
		n = n * 10 + (unsigned)(s[i] - '0');
	if (i == 0 || s[i] != '\0' || s[0] == '0' || n > 65535)
		return -1;
	*port = (uint16_t)n;
	return 0;
}

/* "ADDR:PORT" or "[v6]:PORT" */
static int
read_text(const char *text, struct netaddr *a, uint16_t *port, int *v6)
{
	const char	*colon = strrchr(text, ':'), *from = text;
	char		 host[NETADDR_TEXT];
	size_t		 n;

	*v6 = text[0] == '[';
	if (colon == NULL || read_port(colon + 1, port) != 0)
		return -1;
	n = (size_t)(colon - text);
	if (*v6) {
		if (n < 2 || text[n - 1] != ']')
			return -1;
		from++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(host))
		return -1;
	memcpy(host, from, n);
	host[n] = '\0';
	if ((strchr(host, ':') != NULL) != *v6)
		return -1;
	return netaddr_parse(a, host);
}

static int
failed(enum challenge_kind kind, const char *text, uint16_t port,
    struct err *e)
{
	char	who[128];

	switch (errno) {
	case EADDRINUSE:
		if (portowner_find(port, who, sizeof(who)) != 0)
			memcpy(who, "another program",
			    sizeof("another program"));
		return err_set(e, ERR_NET, "%s cannot listen at %s: the port "
		    "is taken by %s; stop that, let systemd hand the socket "
		    "over, or give another port or a webroot",
		    challenge_kind_name(kind), text, who);
	case EADDRNOTAVAIL:
		return err_set(e, ERR_CONF, "%s cannot listen at %s: this "
		    "machine does not have that address",
		    challenge_kind_name(kind), text);
	case EACCES:
		return err_set(e, ERR_PERM, "%s may not listen at %s: ports "
		    "below 1024 need a systemd socket unit, "
		    "AmbientCapabilities=CAP_NET_BIND_SERVICE, or root",
		    challenge_kind_name(kind), text);
	default:
		return err_set(e, ERR_SYS, "%s cannot listen at %s",
		    challenge_kind_name(kind), text);
	}
}

static int
bound_socket(const struct sockaddr_storage *sa, socklen_t len)
{
	int	fd, on = 1, off = 0, saved;

	fd = socket(sa->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd == -1)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa->ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
		    sizeof(off));
	if (bind(fd, (const struct sockaddr *)sa, len) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

static int
is_listening(int fd)
{
	struct sockaddr_storage	sa;
	socklen_t		len = sizeof(int), salen = sizeof(sa);
	int			on = 0, type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 &&
	    on && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_STREAM &&
	    getsockname(fd, (struct sockaddr *)&sa, &salen) == 0 &&
	    (sa.ss_family == AF_INET || sa.ss_family == AF_INET6);
}

/* Sockets that the supervisor has for us. */
static struct challenge_listen	adopted;

void
challenge_listen_adopt(enum challenge_kind kind, int fd)
{
	if (adopted.n[kind] < LIMIT_CHALLENGE_LISTEN)
		adopted.fd[kind][adopted.n[kind]++] = fd;
}

void
challenge_listen_adopted(const size_t n[CHALLENGE_KINDS], int fd)
{
	enum challenge_kind	kind;
	size_t			i;

	for (kind = 0; kind < CHALLENGE_KINDS; kind++)
		for (i = 0; i < n[kind]; i++, fd++) {
			(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
			challenge_listen_adopt(kind, fd);
		}
}

static int
read_listen(const char *text, struct sockaddr_storage *sa, socklen_t *len,
    uint16_t *port, struct err *e)
{
	struct netaddr	a;
	int		v6;

	if (read_text(text, &a, port, &v6) != 0 || (v6 && netaddr_is4(&a)))
		return wrong(text, e);
	*len = netaddr_sock(&a, *port, sa);
	return 0;
}

/* Is it bound to this address? */
static int
is_at(int fd, const struct sockaddr_storage *sa, socklen_t len)
{
	struct sockaddr_storage	is;
	socklen_t		n = sizeof(is);
	const struct sockaddr_in *a = (const void *)sa, *b = (const void *)&is;
	const struct sockaddr_in6 *a6 = (const void *)sa,
				*b6 = (const void *)&is;

	memset(&is, 0, sizeof(is));
	if (getsockname(fd, (struct sockaddr *)&is, &n) == -1 || n != len ||
	    is.ss_family != sa->ss_family)
		return 0;
	return sa->ss_family == AF_INET ? a->sin_port == b->sin_port &&
	    a->sin_addr.s_addr == b->sin_addr.s_addr :
	    a6->sin6_port == b6->sin6_port &&
	    memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0;
}

/* Copies of those that were adopted for it: how many; -1. */
static int
take_adopted(struct challenge_listen *l, enum challenge_kind kind,
    const struct sockaddr_storage *sa, socklen_t len, struct err *e)
{
	size_t	i;
	int	fd, open, n = 0;

	for (i = 0; i < adopted.n[kind]; i++) {
		fd = adopted.fd[kind][i];
		open = is_listening(fd);
		if (!open && !is_at(fd, sa, len))
			continue;
		fd = fcntl(fd, F_DUPFD_CLOEXEC, SYSTEMD_FIRST);
		if (fd == -1)
			return err_set(e, ERR_SYS, "taking a socket of the "
			    "supervisor");
		if (keep(l, kind, fd, e) == -1)
			return -1;
		l->kept[kind][l->n[kind] - 1] = open != 0;
		n++;
	}
	return n;
}

int
challenge_listen_low(const char *text)
{
	struct netaddr	a;
	uint16_t	port;
	int		v6;

	return read_text(text, &a, &port, &v6) == 0 && port < 1024;
}

int
challenge_listen_bind(struct challenge_listen *l, enum challenge_kind kind,
    const char *text, struct err *e)
{
	struct sockaddr_storage	sa;
	socklen_t		len;
	uint16_t		port;
	int			fd;

	if (read_listen(text, &sa, &len, &port, e) == -1)
		return -1;
	fd = bound_socket(&sa, len);
	return fd != -1 ? keep(l, kind, fd, e) : failed(kind, text, port, e);
}

int
challenge_listen_at(struct challenge_listen *l, enum challenge_kind kind,
    const char *text, struct err *e)
{
	struct sockaddr_storage	sa;
	socklen_t		len;
	uint16_t		port;
	size_t			first = l->n[kind], i;
	int			n, saved;

	if (read_listen(text, &sa, &len, &port, e) == -1)
		return -1;
	n = take_adopted(l, kind, &sa, len, e);
	if (n == -1 || (n == 0 && challenge_listen_bind(l, kind, text, e) ==
	    -1))
		return -1;
	for (i = first; i < l->n[kind]; i++) {
		if (listen(l->fd[kind][i], BACKLOG) == 0)
			continue;
		saved = errno;
		while (l->n[kind] > first)
			(void)close(l->fd[kind][--l->n[kind]]);
		errno = saved;
		return failed(kind, text, port, e);
	}
	return 0;
}

void
challenge_listen_rest(struct challenge_listen *l)
{
	enum challenge_kind	kind;
	size_t			i;

	for (kind = 0; kind < CHALLENGE_KINDS; kind++)
		/* what does not listen would stay shut, also when it does */
		for (i = 0; i < l->n[kind]; i++)
			if (!l->kept[kind][i] && is_listening(l->fd[kind][i]))
				(void)shutdown(l->fd[kind][i], SHUT_RDWR);
}

size_t
challenge_listen_polls(struct pollfd *p, size_t n)
{
	enum challenge_kind	kind;
	size_t			k = 0, i;

	for (kind = 0; kind < CHALLENGE_KINDS; kind++)
		for (i = 0; i < adopted.n[kind] && k < n; i++)
			if (is_listening(adopted.fd[kind][i]))
				p[k++] = (struct pollfd){
				    adopted.fd[kind][i], POLLIN, 0 };
	return k;
}

void
challenge_listen_hang_up(const struct pollfd *p, size_t n)
{
	size_t	i;
	int	fd;

	for (i = 0; i < n; i++) {
		if ((p[i].revents & POLLIN) == 0)
			continue;
		/* its bytes are not looked at: this is no place for them */
		fd = accept4(p[i].fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd != -1)
			(void)close(fd);
	}
}

/* --- what systemd has --- */

/* A number of the environment; -1: none. */
static long
env_number(const char *name)
{
	const char	*s = getenv(name);
	char		*end;
	long		 n;

	if (s == NULL || *s < '0' || *s > '9')
		return -1;
	errno = 0;
	n = strtol(s, &end, 10);
	return errno != 0 || *end != '\0' ? -1 : n;
}

static int
take(struct challenge_listen *l, enum challenge_kind kind, int fd,
    struct err *e)
{
	int	copy;

	if (!is_listening(fd))
		return err_set(e, ERR_CONF, "what systemd gives as %s is no "
		    "listening TCP socket: the socket unit needs "
		    "ListenStream= and Accept=no", challenge_kind_name(kind));
	copy = fcntl(fd, F_DUPFD_CLOEXEC, SYSTEMD_FIRST);
	if (copy == -1)
		return err_set(e, ERR_SYS, "taking a socket of systemd");
	if (keep(l, kind, copy, e) == -1)
		return -1;
	l->kept[kind][l->n[kind] - 1] = 1;
	return 0;
}

/* Take the one whose name is ${name}[n]: 1, 0 it has another name, -1. */
static int
take_named(struct challenge_listen *l, const char *name, size_t n, int fd,
    struct err *e)
{
	enum challenge_kind	 kind;
	const char		*want;

	for (kind = 0; kind < CHALLENGE_KINDS; kind++) {
		want = challenge_kind_name(kind);
		if (strlen(want) == n && memcmp(want, name, n) == 0)
			return take(l, kind, fd, e) == 0 ? 1 : -1;
	}
	return 0;
}

int
challenge_listen_systemd(struct challenge_listen *l, struct err *e)
{
	const char	*names = getenv("LISTEN_FDNAMES");
	long		 i, n = env_number("LISTEN_FDS");
	size_t		 len;
	int		 r, fd, taken = 0;

	if (n <= 0 || n > SYSTEMD_MAX || names == NULL ||
	    env_number("LISTEN_PID") != (long)getpid())
		return 0;
	for (i = 0; i < n; i++) {
		fd = SYSTEMD_FIRST + (int)i;
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		len = strcspn(names, ":");
		r = take_named(l, names, len, fd, e);
		if (r < 0)
			return -1;
		taken += r;
		names += len + (names[len] == ':');
	}
	return taken;
}

void
challenge_listen_close(struct challenge_listen *l)
{
	enum challenge_kind	kind;

	for (kind = 0; kind < CHALLENGE_KINDS; kind++)
		while (l->n[kind] != 0)
			(void)close(l->fd[kind][--l->n[kind]]);
}
