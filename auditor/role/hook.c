#include "auditor/role/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditor/proc.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

#define NFILES	4	/* descriptors 0, 3, 4, 5 of the program */
#define HIGH	16	/* ours are above those */

struct hook {
	pid_t		pid;		/* 0: reaped */
	pid_t		group;
	int		out;		/* read end */
	int64_t		deadline;
	int		late;
	struct buf	output;
};

/* A descriptor above HIGH to the bytes, at their beginning; -1 fails. */
static int
memory_file(const struct buf *b)
{
	const uint8_t *p;
	size_t n;
	ssize_t k;
	int fd, high;

	if ((fd = memfd_create("message", MFD_CLOEXEC)) == -1)
		return -1;
	p = b->p;
	for (n = b->n; n > 0; n -= (size_t)k, p += k)
		if ((k = write(fd, p, n)) <= 0)
			break;
	high = n > 0 || lseek(fd, 0, SEEK_SET) == -1 ? -1 :
	    fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
	close(fd);
	return high;
}

/* In the child: only calls that are safe after fork. */
static void
become(const char *program, char **env, const int files[NFILES], int out,
    pid_t parent)
{
	static const int place[NFILES] = { 0, 3, 4, 5 };
	static const char cannot[] = "the program cannot be executed\n";
	char *argv[2];
	struct rlimit none = { 0, 0 };
	sigset_t all;
	int i, sig;

	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	proc_unbatch();
	(void)setrlimit(RLIMIT_CORE, &none);
	for (sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)signal(sig, SIG_DFL);
	sigemptyset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	if (dup2(out, 1) == -1 || dup2(out, 2) == -1)
		_exit(126);
	for (i = 0; i < NFILES; i++) {
		if (files[i] == -1)
			(void)close(place[i]);
		else if (dup2(files[i], place[i]) == -1)
			_exit(126);
	}
	(void)close_range(6, ~0U, 0);
	(void)umask(077);
	if (chdir("/") == -1)
		_exit(126);
	argv[0] = (char *)(uintptr_t)program;
	argv[1] = NULL;
	execve(program, argv, env);
	(void)!write(2, cannot, sizeof(cannot) - 1);
	_exit(127);
}

static void
our_env(struct exec_env *env)
{
	static const char *const names[] = { "PATH", "HOME", "LANG", "LC_ALL",
		"TZ" };
	const char *v;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		v = getenv(names[i]);
		if (v == NULL && i == 0)
			v = "/usr/local/bin:/usr/bin:/bin";
		if (v != NULL)
			exec_env_add(env, names[i], v);
	}
}

/* The files that the program gets, and their names in its environment. */
static int
open_files(const struct hook_files *f, struct exec_env *env, int fd[NFILES])
{
	const struct buf *const b[NFILES] = { &f->input, &f->cert, &f->json,
		&f->text };
	static const char *const names[NFILES] = { NULL, "CERT_FILENAME",
		"JSON_FILENAME", "TEXT_FILENAME" };
	char path[32];
	int i;

	for (i = 0; i < NFILES; i++) {
		if (i > 0 && b[i]->n == 0)
			continue;
		if ((fd[i] = memory_file(b[i])) == -1)
			return -1;
		snprintf(path, sizeof(path), "/dev/fd/%d", i + 2);
		if (i > 0)
			exec_env_add(env, names[i], path);
	}
	return 0;
}

struct hook *
hook_start(const char *program, struct exec_env *env,
    const struct hook_files *f, struct err *e)
{
	struct hook *h;
	int fd[NFILES] = { -1, -1, -1, -1 }, out[2] = { -1, -1 };
	pid_t parent;
	int i;

	h = NULL;
	parent = getpid();
	if (access(program, X_OK) == -1) {
		err_set(e, ERR_CONF, "program %s: %s", program,
		    strerror(errno));
		return NULL;
	}
	our_env(env);
	if (open_files(f, env, fd) == -1 || pipe2(out, O_CLOEXEC) == -1 ||
	    (i = fcntl(out[1], F_DUPFD_CLOEXEC, HIGH)) == -1) {
		err_set(e, ERR_SYS, "program %s: descriptors", program);
		goto out;
	}
	close(out[1]);
	out[1] = i;
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
	h = mem_zero(sizeof(*h));
	h->pid = fork();
	if (h->pid == 0)
		become(program, env->v, fd, out[1], parent);
	if (h->pid == -1) {
		err_set(e, ERR_SYS, "program %s: fork", program);
		free(h);
		h = NULL;
		goto out;
	}
	(void)setpgid(h->pid, h->pid);
	h->group = h->pid;
	h->out = out[0];
	out[0] = -1;
	h->deadline = clk_mono() + LIMIT_EXEC_SECS * CLK_SEC;
out:
	for (i = 0; i < NFILES; i++)
		if (fd[i] != -1)
			close(fd[i]);
	if (out[0] != -1)
		close(out[0]);
	if (out[1] != -1)
		close(out[1]);
	return h;
}

pid_t
hook_pid(const struct hook *h)
{
	return h->pid;
}

/* The pipe is emptied so that the program does not wait; little is kept. */
static void
drain(struct hook *h)
{
	char text[4096];
	ssize_t n;
	size_t room;

	while ((n = read(h->out, text, sizeof(text))) > 0) {
		room = h->output.n < LIMIT_BODY_REPLY ?
		    LIMIT_BODY_REPLY - h->output.n : 0;
		buf_add(&h->output, text, (size_t)n < room ? (size_t)n : room);
	}
}

int
hook_tick(struct hook *h, int64_t now, int *status)
{
	pid_t pid;

	drain(h);
	if (h->pid == 0)
		return 0;
	pid = waitpid(h->pid, status, WNOHANG);
	if (pid == h->pid) {
		drain(h);
		h->pid = 0;
		return 1;
	}
	if (pid == -1 && errno == ECHILD) {
		/* Reaped elsewhere, and nobody said how it ended. */
		if (now < h->deadline)
			return 0;
		h->pid = 0;
		*status = 127 << 8;
		return 1;
	}
	if (now >= h->deadline && !h->late) {
		h->late = 1;
		(void)kill(-h->group, SIGKILL);
		(void)kill(h->pid, SIGKILL);
	}
	return 0;
}

const char *
hook_output(struct hook *h)
{
	return buf_text(&h->output);
}

int
hook_late(const struct hook *h)
{
	return h->late;
}

void
hook_reaped(struct hook *h)
{
	drain(h);
	h->pid = 0;
}

void
hook_free(struct hook *h)
{
	if (h == NULL)
		return;
	if (h->pid != 0) {
		(void)kill(-h->group, SIGKILL);
		(void)kill(h->pid, SIGKILL);
		while (waitpid(h->pid, NULL, 0) == -1 && errno == EINTR)
			continue;
	}
	close(h->out);
	buf_free(&h->output);
	free(h);
}
