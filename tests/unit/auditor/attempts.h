#ifndef TESTS_UNIT_AUDITOR_ATTEMPTS_H
#define TESTS_UNIT_AUDITOR_ATTEMPTS_H

/* What a process may try to do in its sandbox, for test_sandbox.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditor/sandbox.h"
#include "base/err.h"

static char	dir[] = "/tmp/certvigil-sandbox-XXXXXX";
static char	put[] = "/tmp/certvigil-put-XXXXXX";
static int	put_fd;		/* the folder ${put}, open */
static int	other_fd;	/* /tmp, open */
static int	pair[2];
static int	shared;		/* a memfd with "shared" in it */
static int	listening;	/* a TCP socket, not blocking */
static pid_t	parent;

/* Attempts: 0 when it worked, else errno. */

static int
keep(int fd)
{
	if (fd == -1)
		return errno;
	(void)close(fd);
	return 0;
}

static int
open_passwd(void)
{
	return keep(open("/etc/passwd", O_RDONLY));
}

static int
open_home(void)
{
	return keep(open("/root", O_RDONLY));
}

static int
open_parent_memory(void)
{
	char	path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)parent);
	return keep(open(path, O_RDONLY));
}

static int
write_tmp(void)
{
	return keep(open("/tmp/certvigil-must-not-be", O_WRONLY | O_CREAT,
	    0600));
}

static int
append_etc(void)
{
	return keep(open("/etc/hosts", O_WRONLY | O_APPEND));
}

static int
write_dir(void)
{
	char	path[128], to[160], got[3] = "";
	int	fd;

	(void)snprintf(path, sizeof(path), "%s/key.new", dir);
	(void)snprintf(to, sizeof(to), "%s/key", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd == -1)
		return errno;
	if (write(fd, "key", 3) != 3 || fsync(fd) != 0)
		return errno;
	(void)close(fd);
	if (rename(path, to) != 0)
		return errno;
	fd = open(to, O_RDONLY);
	if (fd == -1)
		return errno;
	if (read(fd, got, 3) != 3 || memcmp(got, "key", 3) != 0)
		return EIO;
	(void)close(fd);
	return unlink(to) != 0 ? errno : 0;
}

/* A file is made, written, given a mode, synced, and removed again. */
static int
put_in(int folder, const char *name)
{
	int	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW, 0600);

	if (fd == -1)
		return errno;
	if (write(fd, "key", 3) != 3 || fchmod(fd, 0640) != 0 ||
	    fchown(fd, (uid_t)-1, getegid()) != 0 || fsync(fd) != 0 ||
	    fsync(folder) != 0)
		return errno;
	(void)close(fd);
	return unlinkat(folder, name, 0) != 0 ? errno : 0;
}

static int
put_file(void)
{
	return put_in(put_fd, "key.pem");
}

static int
put_elsewhere(void)
{
	return put_in(other_fd, "certvigil-must-not-be-either");
}

static int
read_put(void)
{
	return keep(openat(put_fd, "there", O_RDONLY));
}

static int
inet_socket(void)
{
	return keep(socket(AF_INET, SOCK_STREAM, 0));
}

static int
inet6_datagram(void)
{
	return keep(socket(AF_INET6, SOCK_DGRAM, 0));
}

static int
unix_socket(void)
{
	return keep(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int
packet_socket(void)
{
	return keep(socket(AF_PACKET, SOCK_RAW, 0));
}

static int
unix_datagram_pair(void)
{
	int	fds[2];

	return socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) != 0 ? errno : 0;
}

/* Bind to a port of 127.0.0.2 (0: any), as who comes from it does. */
static inline int
bind_port(uint16_t port)
{
	struct sockaddr_in	a;
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons(port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	if (fd == -1)
		return errno;
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? 0 : errno;
}

static inline int
bind_any(void)
{
	return bind_port(0);
}

static inline int
bind_known(void)
{
	return bind_port(47123);
}

static int
listen_tcp(void)
{
	struct sockaddr_in	a;
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1)
		return errno;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, 1) != 0)
		return errno;
	return 0;
}

/* For what accepts: -1 when it cannot be had. */
static inline int
listen_somewhere(void)
{
	struct sockaddr_in	a;
	int			fd = socket(AF_INET, SOCK_STREAM |
				    SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, 8) != 0)
		return -1;
	return fd;
}

/* Nobody connects: EAGAIN says that it might have been accepted. */
static int
accept_one(void)
{
	int	fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

	return fd == -1 && errno == EAGAIN ? 0 : keep(fd);
}

static int
exec_true(void)
{
	char	name[] = "true", *argv[] = { name, NULL };

	(void)execve("/bin/true", argv, NULL);
	return errno;
}

static int
kill_parent(void)
{
	return kill(parent, 0) != 0 ? errno : 0;
}

static int
trace_parent(void)
{
	return ptrace(PTRACE_ATTACH, parent, NULL, NULL) != 0 ? errno : 0;
}

static int
read_parent(void)
{
	char		c;
	struct iovec	v = { &c, 1 };

	return process_vm_readv(parent, &v, 1, &v, 1, 0) < 0 ? errno : 0;
}

static int
own_signals(void)
{
	/* F_SETOWN would have the kernel signal another process for us. */
	return fcntl(pair[0], F_SETOWN, parent) != 0 ? errno : 0;
}

static int
type_ahead(void)
{
	char	c = 'x';

	/* On a terminal this would type a command for its owner. */
	if (ioctl(STDERR_FILENO, TIOCSTI, &c) != 0)
		return errno == EPERM ? EPERM : ENOTTY;
	return 0;
}

static int
map_code(void)
{
	void	*p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int
make_code(void)
{
	void	*p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 0;
	return mprotect(p, 4096, PROT_READ | PROT_EXEC) != 0 ? errno : 0;
}

static int
fork_once(void)
{
	pid_t	pid = fork();
	int	status;

	if (pid == 0)
		_exit(7);
	if (pid == -1)
		return errno;
	if (waitpid(pid, &status, 0) != pid)
		return errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : EIO;
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
thread_once(void)
{
	pthread_t	t;
	int		r = pthread_create(&t, NULL, nothing, NULL);

	return r != 0 ? r : pthread_join(t, NULL);
}

static int
new_user_space(void)
{
	return syscall(SYS_unshare, 0x10000000) != 0 ? errno : 0;
}

static int
map_shared(void)
{
	char	*p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, shared, 0);
	int	 r;

	if (p == MAP_FAILED)
		return errno;
	r = memcmp(p, "shared", 6) == 0 ? 0 : EIO;
	(void)munmap(p, 4096);
	return r;
}

static int
talk(void)
{
	char	c = 0;

	if (write(pair[0], "a", 1) != 1 ||
	    send(pair[0], "b", 1, MSG_NOSIGNAL) != 1)
		return errno;
	if (read(pair[1], &c, 1) != 1 || c != 'a')
		return EIO;
	if (recv(pair[1], &c, 1, 0) != 1 || c != 'b')
		return EIO;
	return 0;
}

static int
digest(void)
{
	unsigned char	out[EVP_MAX_MD_SIZE];
	unsigned	n = 0;

	if (EVP_Digest("abc", 3, out, &n, EVP_sha256(), NULL) != 1)
		return EIO;
	if (n != 32 || out[0] != 0xba || out[31] != 0xad)
		return EIO;
	return EVP_Digest("abc", 3, out, &n, EVP_sha384(), NULL) == 1 ? 0 :
	    EIO;
}

static int
memory(void)
{
	char	*p = malloc(32u << 20), *q;

	if (p == NULL)
		return ENOMEM;
	memset(p, 1, 32u << 20);
	q = realloc(p, 48u << 20);
	free(q != NULL ? q : p);
	return q == NULL ? ENOMEM : 0;
}

static int
resolve(void)
{
	struct addrinfo	*ai = NULL;
	int		 r = getaddrinfo("localhost", "443", NULL, &ai);

	if (ai != NULL)
		freeaddrinfo(ai);
	return r != 0 ? EHOSTUNREACH : 0;
}

static int
no_core(void)
{
	struct rlimit	r;

	if (getrlimit(RLIMIT_CORE, &r) != 0)
		return errno;
	return r.rlim_max == 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ?
	    0 : EIO;
}

/* A judge is forked from its template and goes further. */
static int
judge_of_template(void)
{
	struct err	e = ERR_INIT;
	int		status;
	pid_t		pid = fork();

	if (pid == 0) {
		if (sandbox_enter(SANDBOX_JUDGE, &e) != 0)
			_exit(1);
		if (fork_once() == 0 || kill_parent() == 0)
			_exit(2);
		if (digest() != 0 || talk() != 0 || map_shared() != 0)
			_exit(3);
		for (;;)
			(void)poll(NULL, 0, 1000);
	}
	if (pid == -1)
		return errno;
	(void)poll(NULL, 0, 20);
	if (kill(pid, SIGKILL) != 0)
		return errno;
	if (waitpid(pid, &status, 0) != pid)
		return errno;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 :
	    100 + WEXITSTATUS(status);
}

#endif
