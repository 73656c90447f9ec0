#include "auditor/role/dns01.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

#define HIGH	16	/* our descriptors are above those of the program */

struct dns01_run {
	pid_t		pid;		/* 0: reaped */
	pid_t		group;
	int		fd[2];		/* read ends of stdout, stderr */
	int64_t		deadline;
	int		late;
	struct buf	output, errors;
};

/* In the child: only calls that are safe after fork. */
static void
become(const struct dns01_args *a, const int fd[3], pid_t parent)
{
	static const char	cannot[] = "the program cannot be executed\n";
	struct rlimit		none = { 0, 0 };
	sigset_t		all;
	int			i, sig;

	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	for (sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)signal(sig, SIG_DFL);
	sigemptyset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	for (i = 0; i < 3; i++)
		if (dup2(fd[i], i) == -1)
			_exit(126);
	(void)close_range(3, ~0U, 0);
	(void)umask(077);
	if (chdir("/") == -1)
		_exit(126);
	execve(a->v[0], a->v, a->env.v);
	(void)!write(2, cannot, sizeof(cannot) - 1);
	_exit(127);
}

static void
our_env(struct exec_env *env)
{
	static const char *const	names[] = { "PATH", "HOME", "LANG",
		"TZ" };
	const char			*v;
	size_t				 i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		v = getenv(names[i]);
		if (v == NULL && i == 0)
			v = "/usr/local/bin:/usr/bin:/bin";
		if (v != NULL)
			exec_env_add(env, names[i], v);
	}
}

/* Replace a descriptor by one above HIGH; 0 or -1. */
static int
lift(int *fd)
{
	int	high = fcntl(*fd, F_DUPFD_CLOEXEC, HIGH);

	if (high == -1)
		return -1;
	(void)close(*fd);
	*fd = high;
	return 0;
}

static void
close_all(int *fd, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (fd[i] != -1)
			(void)close(fd[i]);
}

/* The program's three in fd[0..2], our read ends in fd[3..4]; 0 or -1. */
static int
open_all(int fd[5])
{
	int	p[2], i;

	if ((fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) == -1 ||
	    lift(&fd[0]) != 0)
		return -1;
	for (i = 1; i < 3; i++) {
		if (pipe2(p, O_CLOEXEC) == -1)
			return -1;
		fd[i + 2] = p[0];
		fd[i] = p[1];
		if (lift(&fd[i]) != 0 || lift(&fd[i + 2]) != 0 ||
		    fcntl(fd[i + 2], F_SETFL, O_NONBLOCK) == -1)
			return -1;
	}
	return 0;
}

struct dns01_run *
dns01_run_start(struct dns01_args *a, unsigned secs, struct err *e)
{
	struct dns01_run	*r;
	int			 fd[5] = { -1, -1, -1, -1, -1 };
	pid_t			 parent = getpid(), pid;

	if (access(a->v[0], X_OK) == -1) {
		(void)err_set(e, ERR_CONF, "hook %.300s: %s", a->v[0],
		    strerror(errno));
		return NULL;
	}
	our_env(&a->env);
	if (open_all(fd) != 0) {
		(void)err_set(e, ERR_SYS, "hook %.300s: descriptors", a->v[0]);
		close_all(fd, 5);
		return NULL;
	}
	pid = fork();
	if (pid == 0)
		become(a, fd, parent);
	if (pid == -1) {
		(void)err_set(e, ERR_SYS, "hook %.300s: fork", a->v[0]);
		close_all(fd, 5);
		return NULL;
	}
	close_all(fd, 3);
	r = mem_zero(sizeof(*r));
	r->pid = r->group = pid;
	r->fd[0] = fd[3];
	r->fd[1] = fd[4];
	if (secs == 0 || secs > LIMIT_DNS01_SECS)
		secs = LIMIT_DNS01_SECS;
	r->deadline = clk_mono() + secs * CLK_SEC;
	return r;
}

pid_t
dns01_run_pid(const struct dns01_run *r)
{
	return r->pid;
}

/* Keep the last ${cap} bytes of a buffer. */
static void
keep_last(struct buf *b, size_t cap)
{
	if (b->n <= cap)
		return;
	memmove(b->p, b->p + b->n - cap, cap + 1);
	b->n = cap;
}

/* The pipes are emptied so that the program does not wait; little is kept. */
static void
drain(struct dns01_run *r)
{
	char	text[4096];
	size_t	room;
	ssize_t	n;
	int	left = 256;	/* somebody who only prints stops nobody */

	while (left-- > 0 && (n = read(r->fd[0], text, sizeof(text))) > 0) {
		room = LIMIT_DNS01_OUTPUT - r->output.n;
		buf_add(&r->output, text, (size_t)n < room ? (size_t)n : room);
	}
	while (left-- > 0 && (n = read(r->fd[1], text, sizeof(text))) > 0) {
		buf_add(&r->errors, text, (size_t)n);
		keep_last(&r->errors, LIMIT_DNS01_OUTPUT);
	}
}

static void
kill_all(const struct dns01_run *r)
{
	(void)kill(-r->group, SIGKILL);
	(void)kill(r->pid, SIGKILL);
}

int
dns01_run_tick(struct dns01_run *r, int64_t now, int *status)
{
	pid_t	pid;

	drain(r);
	if (r->pid == 0)
		return 0;
	pid = waitpid(r->pid, status, WNOHANG);
	if (pid == r->pid) {
		drain(r);
		r->pid = 0;
		return 1;
	}
	if (pid == -1 && errno == ECHILD) {
		/* Reaped elsewhere, and nobody said how it ended. */
		if (now < r->deadline)
			return 0;
		r->pid = 0;
		*status = 127 << 8;
		return 1;
	}
	if (now >= r->deadline && !r->late) {
		r->late = 1;
		kill_all(r);
	}
	return 0;
}

void
dns01_run_reaped(struct dns01_run *r)
{
	drain(r);
	r->pid = 0;
}

const char *
dns01_run_output(struct dns01_run *r)
{
	while (r->output.n > 0 && r->output.p[r->output.n - 1] == '\n')
		r->output.p[--r->output.n] = '\0';
	return buf_text(&r->output);
}

const char *
dns01_run_errors(struct dns01_run *r)
{
	return buf_text(&r->errors);
}

int
dns01_run_late(const struct dns01_run *r)
{
	return r->late;
}

void
dns01_run_free(struct dns01_run *r)
{
	if (r == NULL)
		return;
	if (r->pid != 0) {
		kill_all(r);
		while (waitpid(r->pid, NULL, 0) == -1 && errno == EINTR)
			continue;
	}
	close_all(r->fd, 2);
	buf_free(&r->output);
	buf_free(&r->errors);
	free(r);
}
