/*
 * Each attempt runs in a child of its own that has entered the sandbox: what
 * must not work has to fail or to kill the child, what must work has to work.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
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
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/proc.h"
#include "auditor/sandbox.h"
#include "base/err.h"
#include "base/limit.h"

#define J	(1u << SANDBOX_JUDGE)
#define T	(1u << SANDBOX_JUDGE_TEMPLATE)
#define F	(1u << SANDBOX_FETCH)
#define S	(1u << SANDBOX_SIGN)
#define ALL	(J | T | F | S)

static char	dir[] = "/tmp/certvigil-sandbox-XXXXXX";
static int	pair[2];
static int	shared;		/* a memfd with "shared" in it */
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
	char	*p = malloc(32u << 20);

	if (p == NULL)
		return ENOMEM;
	memset(p, 1, 32u << 20);
	p = realloc(p, 48u << 20);
	free(p);
	return p == NULL ? ENOMEM : 0;
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

struct attempt {
	const char	*name;
	int		(*run)(void);
	unsigned	 allowed;	/* kinds for which it must work */
	unsigned	 either;	/* kinds for which it does not matter */
	int		 needs_landlock;	/* ABI that refuses it */
};

static const struct attempt attempts[] = {
	{ "open /etc/passwd", open_passwd, F, 0, 1 },
	{ "open /root", open_home, 0, 0, 1 },
	{ "open memory of the parent", open_parent_memory, 0, 0, 1 },
	{ "write /tmp", write_tmp, 0, 0, 1 },
	{ "append to /etc/hosts", append_etc, 0, 0, 1 },
	{ "write in its directory", write_dir, S, 0, 0 },
	{ "inet socket", inet_socket, F, 0, 0 },
	{ "inet6 datagram socket", inet6_datagram, F, 0, 0 },
	{ "unix socket", unix_socket, 0, 0, 0 },
	{ "unix datagram pair", unix_datagram_pair, 0, 0, 0 },
	{ "packet socket", packet_socket, 0, 0, 0 },
	{ "listen", listen_tcp, 0, 0, 4 },
	{ "exec", exec_true, 0, 0, 0 },
	{ "signal the parent", kill_parent, 0, 0, 6 },
	{ "trace the parent", trace_parent, 0, 0, 0 },
	{ "read memory of the parent", read_parent, 0, 0, 0 },
	{ "signals by F_SETOWN", own_signals, 0, 0, 0 },
	{ "type on the terminal", type_ahead, 0, 0, 0 },
	{ "map writable code", map_code, 0, 0, 0 },
	{ "make data code", make_code, 0, 0, 0 },
	{ "fork", fork_once, T, 0, 0 },
	{ "thread", thread_once, F, 0, 0 },
	{ "new user name space", new_user_space, 0, 0, 0 },
	{ "judge of template", judge_of_template, T, J | F | S, 0 },
	{ "map shared memory", map_shared, ALL, 0, 0 },
	{ "talk on a pair", talk, ALL, 0, 0 },
	{ "digest", digest, ALL, 0, 0 },
	{ "memory", memory, ALL, 0, 0 },
	{ "resolve localhost", resolve, F, 0, 0 },
	{ "no core, not dumpable", no_core, ALL, 0, 0 },
};

/* Under the sanitizer these are not closed. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static int
excused(const struct attempt *a)
{
	return SANITIZED && (a->run == map_code || a->run == make_code ||
	    a->run == own_signals);
}

/* Run it in a sandboxed child: 1 worked, 0 refused, -1 no sandbox. */
static int
try_it(const struct attempt *a, enum sandbox_kind kind)
{
	struct err	e = ERR_INIT;
	int		status = 0, r;
	pid_t		pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (sandbox_enter_dir(kind, kind == SANDBOX_SIGN ? dir : NULL,
		    &e) != 0) {
			(void)fprintf(stderr, "%s\n", e.msg);
			_exit(99);
		}
		r = a->run();
		if (r != 0 && getenv("SANDBOX_SAY") != NULL)
			(void)fprintf(stderr, "kind %d: %s: %s\n", (int)kind,
			    a->name, strerror(r));
		_exit(r != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
run_kind(enum sandbox_kind kind)
{
	struct sandbox_report	 rep;
	const struct attempt	*a;
	size_t			 i;
	int			 got, want, bad = 0;

	sandbox_probe(&rep);
	for (i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		a = &attempts[i];
		if (a->either & (1u << kind) || excused(a))
			continue;
		/* The judge's filter is tight without landlock. */
		if (rep.landlock < a->needs_landlock &&
		    (kind == SANDBOX_FETCH || kind == SANDBOX_SIGN))
			continue;
		want = (a->allowed & (1u << kind)) != 0;
		/* A template must kill judges: without scopes, all. */
		if (a->run == kill_parent && rep.landlock < 6 &&
		    kind == SANDBOX_JUDGE_TEMPLATE)
			continue;
		got = try_it(a, kind);
		if (got == want)
			continue;
		print_message("kind %d: %s: %s\n", (int)kind, a->name,
		    got < 0 ? "no sandbox" : got ? "worked" : "refused");
		bad++;
	}
	assert_int_equal(bad, 0);
}

static void
judge(void **state)
{
	(void)state;
	run_kind(SANDBOX_JUDGE);
}

static void
template(void **state)
{
	(void)state;
	run_kind(SANDBOX_JUDGE_TEMPLATE);
}

static void
fetch(void **state)
{
	(void)state;
	run_kind(SANDBOX_FETCH);
}

static void
sign(void **state)
{
	(void)state;
	run_kind(SANDBOX_SIGN);
}

/* The attempts do work outside: else their refusal proves nothing. */
static void
outside(void **state)
{
	static const char *const	names[] = {
		"open /etc/passwd", "write in its directory", "inet socket",
		"unix socket", "unix datagram pair", "listen", "exec",
		"signal the parent", "signals by F_SETOWN",
		"map writable code", "make data code", "fork", "thread",
		"resolve localhost", "digest", "talk on a pair",
	};
	size_t				i, j;
	int				status;
	pid_t				pid;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (j = 0; strcmp(attempts[j].name, names[i]) != 0; j++)
			;
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(attempts[j].run());
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			print_message("%s\n", names[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* More private memory than allowed is refused, not granted. */
static void
data_limit(void **state)
{
	struct err	e = ERR_INIT;
	void *volatile	p;	/* or the compiler leaves malloc out */
	int		status;
	pid_t		pid;

	(void)state;
	if (SANITIZED) {
		print_message("SKIP 1 memory limits under the sanitizer\n");
		return;
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (sandbox_enter(SANDBOX_JUDGE, &e) != 0)
			_exit(1);
		p = malloc((size_t)LIMIT_DATA_JUDGE);
		_exit(p != NULL ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
probe(void **state)
{
	struct sandbox_report	r;

	(void)state;
	sandbox_probe(&r);
	assert_int_equal(r.seccomp, 1);
	assert_true(r.landlock >= 0);
	print_message("landlock ABI %d\n", r.landlock);
}

/* A signing directory that is not there is said, not ignored. */
static void
no_directory(void **state)
{
	struct sandbox_report	r;
	struct err		e = ERR_INIT;
	int			status;
	pid_t			pid;

	(void)state;
	sandbox_probe(&r);
	if (r.landlock == 0) {
		print_message("SKIP 1 no landlock\n");
		return;
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(sandbox_enter_dir(SANDBOX_SIGN, "/nowhere/at/all", &e)
		    == -1 && strstr(e.msg, "/nowhere/at/all") != NULL ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(outside),
		cmocka_unit_test(judge),
		cmocka_unit_test(template),
		cmocka_unit_test(fetch),
		cmocka_unit_test(sign),
		cmocka_unit_test(data_limit),
		cmocka_unit_test(probe),
		cmocka_unit_test(no_directory),
	};
	int	r;

	parent = getpid();
	if (mkdtemp(dir) == NULL ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 1;
	shared = memfd_create("shared", MFD_CLOEXEC);
	if (shared == -1 || write(shared, "shared", 6) != 6 ||
	    ftruncate(shared, 4096) != 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(dir);
	return r;
}
