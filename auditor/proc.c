#include "auditor/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "base/clk.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

#define HIGH		160	/* where descriptors wait for their numbers */
#define FDS_MAX		(FILE_KEPT_MAX + 64)	/* who renews has the most */
#define CLOEXEC_RANGE	4u	/* CLOSE_RANGE_CLOEXEC, Linux 5.11 */

/* What a child sees of our environment. */
static const char *const env_names[] = {
	"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "JOURNAL_STREAM",
	"TERM",
	/* so that the engine reads the same configuration as we do */
	"STATE_DIRECTORY", "XDG_STATE_HOME", "CREDENTIALS_DIRECTORY",
	"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
};

/* The policy is of our choice: SCHED_BATCH. */
static int	batch;

#define ENV_N (sizeof(env_names) / sizeof(env_names[0]))

/* All that the child needs between fork and exec, made before the fork. */
struct launch {
	char		*argv[3];
	char		*env[ENV_N + 1];
	int		 from[FDS_MAX + 1];	/* HIGH or above */
	int		 to[FDS_MAX + 1];
	size_t		 n;
	int		 report;		/* says errno when exec fails */
	pid_t		 parent;
};

void
proc_title(const char *name)
{
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

const char *
proc_role(const char *arg)
{
	size_t	n = sizeof(PROC_ROLE_ARG) - 1;

	if (arg == NULL || strncmp(arg, PROC_ROLE_ARG, n) != 0)
		return NULL;
	return arg + n;
}

void
proc_enter(const char *role, int secret)
{
	struct rlimit	none = { 0, 0 };
	char		title[16];

	(void)snprintf(title, sizeof(title), "cv-%s", role);
	proc_title(title);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	/* they all hold something: a password, a key, hostile bytes */
	(void)setrlimit(RLIMIT_CORE, &none);
	if (secret)
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void
proc_batch(void)
{
	struct sched_param	p = { 0 };

	if (sched_getscheduler(0) == SCHED_OTHER)
		batch = sched_setscheduler(0, SCHED_BATCH, &p) == 0;
}

void
proc_unbatch(void)
{
	struct sched_param	p = { 0 };

	if (batch)
		(void)sched_setscheduler(0, SCHED_OTHER, &p);
}

void
proc_text(int status, char *text, size_t n)
{
	if (text == NULL || n == 0)
		return;
	if (WIFEXITED(status))
		(void)snprintf(text, n, "exit %d", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		(void)snprintf(text, n, "signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		(void)snprintf(text, n, "status %#x", (unsigned)status);
}

/* Let exec close everything but stdin, stdout and stderr. */
static void
close_on_exec(void)
{
	int	fd, max;

	if (syscall(SYS_close_range, 3u, ~0u, CLOEXEC_RANGE) == 0)
		return;
	max = (int)sysconf(_SC_OPEN_MAX);
	if (max < 0 || max > 65536)
		max = 65536;
	for (fd = 3; fd < max; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* The child: never returns. */
static _Noreturn void
child(const struct launch *l)
{
	sigset_t	none;
	size_t		i;
	int		null, saved;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != l->parent)
		_exit(1);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	close_on_exec();
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) == -1)
		goto bad;
	for (i = 0; i < l->n; i++)
		if (dup2(l->from[i], l->to[i]) == -1)
			goto bad;
	(void)execve("/proc/self/exe", l->argv, l->env);
bad:
	saved = errno;
	(void)!write(l->report, &saved, sizeof(saved));
	_exit(127);
}

static int
launch_fds(struct launch *l, int channel, const struct proc_fd *fds, size_t n,
    struct err *e)
{
	size_t	i;

	if (n > FDS_MAX)
		return err_set(e, ERR_LIMIT, "a child gets at most %d "
		    "descriptors", FDS_MAX);
	for (i = 0; i <= n; i++) {
		l->to[i] = i == n ? PROC_CHANNEL : fds[i].number;
		if (l->to[i] < PROC_CHANNEL || l->to[i] >= HIGH ||
		    (i < n && l->to[i] == PROC_CHANNEL))
			return err_set(e, ERR_LIMIT, "%d is no number for a "
			    "child's descriptor", l->to[i]);
		l->from[i] = fcntl(i == n ? channel : fds[i].fd,
		    F_DUPFD_CLOEXEC, HIGH);
		if (l->from[i] == -1)
			return err_set(e, ERR_SYS,
			    "copying a descriptor for a child");
		l->n++;
	}
	return 0;
}

static void
launch_env(struct launch *l)
{
	const char	*v;
	size_t		 i, n = 0;

	for (i = 0; i < ENV_N; i++) {
		v = getenv(env_names[i]);
		if (v != NULL)
			l->env[n++] = mem_printf("%s=%s", env_names[i], v);
	}
	l->env[n] = NULL;
}

static void
launch_free(struct launch *l)
{
	size_t	i;

	for (i = 0; i < l->n; i++)
		if (l->from[i] != -1)
			(void)close(l->from[i]);
	for (i = 0; l->env[i] != NULL; i++)
		free(l->env[i]);
	free(l->argv[1]);
}

/* Wait for exec: 0 when it worked, or -1 with the errno of the child. */
static int
wait_exec(int fd, pid_t pid, const char *role, struct err *e)
{
	int	failed = 0;
	ssize_t	n;

	do {
		n = read(fd, &failed, sizeof(failed));
	} while (n == -1 && errno == EINTR);
	if (n == 0)
		return 0;
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		;
	errno = n == (ssize_t)sizeof(failed) ? failed : EIO;
	return err_set(e, ERR_SYS, "starting the %s process", role);
}

int
proc_spawn(const char *role, const struct proc_fd *fds, size_t n,
    struct proc *out, struct err *e)
{
	struct launch	l;
	char		name[] = "certvigil";
	int		pair[2] = { -1, -1 }, report[2] = { -1, -1 };
	pid_t		pid;

	out->pid = 0;
	out->ipc = NULL;
	memset(&l, 0, sizeof(l));
	l.argv[0] = name;
	l.argv[1] = mem_printf("%s%s", PROC_ROLE_ARG, role);
	l.parent = getpid();
	launch_env(&l);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1 ||
	    pipe2(report, O_CLOEXEC) == -1) {
		(void)err_set(e, ERR_SYS, "starting the %s process", role);
		goto err;
	}
	if (launch_fds(&l, pair[1], fds, n, e) != 0)
		goto err;
	l.report = fcntl(report[1], F_DUPFD_CLOEXEC, HIGH);
	if (l.report == -1 || (pid = fork()) == -1) {
		(void)err_set(e, ERR_SYS, "starting the %s process", role);
		if (l.report != -1)
			(void)close(l.report);
		goto err;
	}
	if (pid == 0)
		child(&l);
	(void)close(l.report);
	(void)close(report[1]);
	report[1] = -1;
	if (wait_exec(report[0], pid, role, e) != 0)
		goto err;
	(void)close(report[0]);
	(void)close(pair[1]);
	launch_free(&l);
	out->pid = pid;
	out->ipc = ipc_new(pair[0]);
	return 0;
err:
	if (report[0] != -1)
		(void)close(report[0]);
	if (report[1] != -1)
		(void)close(report[1]);
	if (pair[0] != -1) {
		(void)close(pair[0]);
		(void)close(pair[1]);
	}
	launch_free(&l);
	return -1;
}

/* waitpid with ${flags}: 1 reaped, 0 not yet. */
static int
reap(struct proc *p, int flags, char *text, size_t n)
{
	int	status = 0;
	pid_t	r;

	if (p->pid == 0)
		return 1;
	do {
		r = waitpid(p->pid, &status, flags);
	} while (r == -1 && errno == EINTR);
	if (r == 0)
		return 0;
	if (r == p->pid)
		proc_text(status, text, n);
	else if (text != NULL && n != 0)
		(void)snprintf(text, n, "gone");
	p->pid = 0;
	return 1;
}

int
proc_reap(struct proc *p, char *text, size_t n)
{
	return reap(p, WNOHANG, text, n);
}

void
proc_kill(struct proc *p, char *text, size_t n)
{
	if (p->pid != 0)
		(void)kill(p->pid, SIGKILL);
	(void)reap(p, 0, text, n);
}

void
proc_stop(struct proc *p, int ms, char *text, size_t n)
{
	int64_t	end = clk_mono() + (int64_t)ms * 1000;

	if (p->pid != 0)
		(void)kill(p->pid, SIGTERM);
	while (!reap(p, WNOHANG, text, n)) {
		if (clk_mono() >= end) {
			proc_kill(p, text, n);
			return;
		}
		(void)poll(NULL, 0, 5);
	}
}

void
proc_free(struct proc *p)
{
	if (p == NULL)
		return;
	proc_kill(p, NULL, 0);
	ipc_free(p->ipc);
	p->ipc = NULL;
}

int
proc_drop(const char *user, struct err *e)
{
	struct passwd	*pw;

	if (geteuid() != 0)
		return 0;
	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL)
		return err_set(e, ERR_CONF, "there is no user \"%s\" to "
		    "switch to; make it with: useradd --system --home-dir "
		    "/var/lib/certvigil --shell /usr/sbin/nologin %s", user,
		    user);
	if (pw->pw_uid == 0 || pw->pw_gid == 0)
		return err_set(e, ERR_CONF, "the user \"%s\" is root; it must "
		    "be a user without rights", user);
	if (initgroups(pw->pw_name, pw->pw_gid) == -1 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1)
		return err_set(e, ERR_SYS, "switching to the user %s", user);
	if (setuid(0) != -1 || seteuid(0) != -1 || setgid(0) != -1)
		return err_set(e, ERR_PERM, "switching to the user %s could "
		    "be undone", user);
	if (setenv("HOME", pw->pw_dir, 1) == -1)
		return err_set(e, ERR_SYS, "setting HOME");
	return 0;
}
