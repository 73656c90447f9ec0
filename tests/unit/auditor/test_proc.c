/* Roles of this very program are spawned: what do they inherit? */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "base/err.h"
#include "base/file.h"

#define WAIT_MS 20000

extern char	**environ;

/* --- roles --- */

/* Says all that it can see of what it was given, one thing a line. */
static int
report_main(void)
{
	struct ipc	*c = ipc_new(PROC_CHANNEL);
	struct buf	 b = BUF_INIT;
	struct dirent	*d;
	DIR		*dir;
	char		 name[17] = "", link[64], target[256];
	size_t		 i;
	ssize_t		 n;
	int		 sig = 0, fd;

	proc_enter("report", 1);
	(void)prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0);
	(void)prctl(PR_GET_NAME, name, 0, 0, 0);
	buf_fmt(&b, "deathsig %d\ntitle %s\ndumpable %d\npolicy %d\n", sig,
	    name, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), sched_getscheduler(0));
	for (i = 0; environ[i] != NULL; i++)
		buf_fmt(&b, "env %s\n", environ[i]);
	dir = opendir("/proc/self/fd");
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		fd = (int)strtol(d->d_name, NULL, 10);
		if (d->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		buf_fmt(&b, "fd %d %s\n", fd, target);
	}
	if (dir != NULL)
		(void)closedir(dir);
	ipc_send(c, 1, &b, NULL, 0);
	buf_free(&b);
	while (ipc_flush(c, NULL) == 1)
		(void)poll(NULL, 0, 1);
	ipc_free(c);
	return 5;
}

/* Waits for the end of its channel, deaf to SIGTERM if so told. */
static _Noreturn int
deaf_main(void)
{
	(void)signal(SIGTERM, SIG_IGN);
	(void)!write(PROC_CHANNEL, "\0\0\0\0\0\1\0\0", 8);
	for (;;)
		(void)pause();
}

static _Noreturn int
sleep_main(void)
{
	(void)!write(PROC_CHANNEL, "\0\0\0\0\0\1\0\0", 8);
	for (;;)
		(void)pause();
}

/* Spawns a sleeper, says its pid and waits to be killed. */
static int
parent_main(void)
{
	struct ipc	*c = ipc_new(PROC_CHANNEL);
	struct proc	 p;
	struct buf	 b = BUF_INIT;
	struct ipc_msg	 m;

	if (proc_spawn("sleep", NULL, 0, &p, NULL) != 0 ||
	    ipc_recv(p.ipc, &m, WAIT_MS, NULL) != 1)
		return 1;
	buf_u32(&b, (uint32_t)p.pid);
	ipc_send(c, 1, &b, NULL, 0);
	buf_free(&b);
	while (ipc_flush(c, NULL) == 1)
		(void)poll(NULL, 0, 1);
	for (;;)
		(void)pause();
}

/* --- tests --- */

static void
start(const char *role, struct proc *p, struct ipc_msg *m)
{
	struct err	e = ERR_INIT;

	assert_int_equal(proc_spawn(role, NULL, 0, p, &e), 0);
	assert_true(p->pid > 0);
	assert_int_equal(ipc_recv(p->ipc, m, WAIT_MS, &e), 1);
}

static int
has(const struct ipc_msg *m, const char *text)
{
	return memmem(m->body.p, cur_left(&m->body), text, strlen(text)) !=
	    NULL;
}

static int
lines(const struct ipc_msg *m, const char *head)
{
	const char	*p = (const char *)m->body.p, *end;
	int		 n = 0;

	end = (const char *)m->body.end;
	while (p < end) {
		n += strncmp(p, head, strlen(head)) == 0;
		p = memchr(p, '\n', (size_t)(end - p));
		if (p++ == NULL)
			break;
	}
	return n;
}

static void
wait_end(struct proc *p, const char *want)
{
	char	how[64];

	while (!proc_reap(p, how, sizeof(how)))
		(void)poll(NULL, 0, 2);
	assert_string_equal(how, want);
	assert_int_equal(p->pid, 0);
}

static void
inherits_nothing(void **state)
{
	struct proc	p;
	struct ipc_msg	m;
	int		secret = open("/etc/passwd", O_RDONLY), high;

	(void)state;
	/* Without FD_CLOEXEC, low and high. */
	high = fcntl(secret, F_DUPFD, 200);
	assert_int_equal(setenv("DATABASE_PASSWORD", "secret", 1), 0);
	assert_int_equal(setenv("LD_LIBRARY_PATH", "/nowhere", 1), 0);
	assert_int_equal(setenv("http_proxy", "http://evil.example", 1), 0);
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	start("report", &p, &m);
	assert_false(has(&m, "secret"));
	assert_false(has(&m, "LD_LIBRARY_PATH"));
	assert_false(has(&m, "http_proxy"));
	assert_true(has(&m, "env TZ=UTC\n"));
	assert_true(has(&m, "env PATH="));
	assert_true(has(&m, "deathsig 9\n"));
	assert_true(has(&m, "title cv-report\n"));
	assert_true(has(&m, "dumpable 0\n"));
	assert_true(has(&m, "fd 0 /dev/null\n"));
	assert_true(has(&m, "fd 3 socket:"));
	assert_int_equal(lines(&m, "fd "), 4);
	wait_end(&p, "exit 5");
	proc_free(&p);
	(void)close(secret);
	(void)close(high);
	assert_int_equal(unsetenv("LD_LIBRARY_PATH"), 0);
	assert_int_equal(unsetenv("http_proxy"), 0);
}

/* Descriptors by number, also when the numbers cross. */
static void
given_descriptors(void **state)
{
	struct proc	p;
	char		want[64];
	struct proc_fd	fds[2];
	struct ipc_msg	m;
	struct err	e = ERR_INIT;
	int		zero = open("/dev/zero", O_RDONLY | O_CLOEXEC),
			full = open("/dev/full", O_RDONLY | O_CLOEXEC),
			a = fcntl(zero, F_DUPFD_CLOEXEC, 10),
			b = fcntl(full, F_DUPFD_CLOEXEC, 10);

	(void)state;
	assert_true(a > 3 && b > 3);
	fds[0].fd = a;
	fds[0].number = b;
	fds[1].fd = b;
	fds[1].number = a;
	assert_int_equal(proc_spawn("report", fds, 2, &p, &e), 0);
	assert_int_equal(ipc_recv(p.ipc, &m, WAIT_MS, &e), 1);
	assert_int_equal(lines(&m, "fd "), 6);
	(void)snprintf(want, sizeof(want), "fd %d /dev/full\n", a);
	assert_true(has(&m, want));
	(void)snprintf(want, sizeof(want), "fd %d /dev/zero\n", b);
	assert_true(has(&m, want));
	wait_end(&p, "exit 5");
	proc_free(&p);
	(void)close(a);
	(void)close(b);
	(void)close(zero);
	(void)close(full);
}

/* As many as there may be: files of root and ports, and one more. */
static void
many_descriptors(void **state)
{
	struct proc	p;
	struct proc_fd	fds[FILE_KEPT_MAX + 64 + 1];
	struct ipc_msg	m;
	struct err	e = ERR_INIT;
	size_t		i, n = FILE_KEPT_MAX + 64;
	int		zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	(void)state;
	for (i = 0; i <= n; i++) {
		fds[i].fd = zero;
		fds[i].number = 16 + (int)i;
	}
	assert_int_equal(proc_spawn("report", fds, n, &p, &e), 0);
	assert_int_equal(ipc_recv(p.ipc, &m, WAIT_MS, &e), 1);
	assert_int_equal(lines(&m, "fd "), 4 + (int)n);
	wait_end(&p, "exit 5");
	proc_free(&p);
	assert_int_equal(proc_spawn("report", fds, n + 1, &p, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	(void)close(zero);
}

static void
bad_descriptors(void **state)
{
	static const struct proc_fd	rows[] = {
		{ 0, 0 }, { 0, 2 }, { 0, 3 }, { 0, 160 }, { 0, -1 },
		{ 9999, 4 }, { -1, 4 },
	};
	struct proc			p;
	struct err			e;
	size_t				i;
	int				before, after;

	(void)state;
	before = dup(0);
	(void)close(before);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e = (struct err)ERR_INIT;
		assert_int_equal(proc_spawn("report", &rows[i], 1, &p, &e),
		    -1);
		assert_int_not_equal(e.code, ERR_NONE);
		assert_int_equal(p.pid, 0);
		assert_null(p.ipc);
	}
	after = dup(0);
	(void)close(after);
	assert_int_equal(before, after);
}

static void
killing(void **state)
{
	struct proc	p;
	struct ipc_msg	m;
	char		how[64];

	(void)state;
	start("sleep", &p, &m);
	assert_int_equal(proc_reap(&p, how, sizeof(how)), 0);
	proc_stop(&p, WAIT_MS, how, sizeof(how));
	assert_string_equal(how, "signal 15 (Terminated)");
	assert_int_equal(proc_reap(&p, how, sizeof(how)), 1);
	proc_free(&p);
	start("deaf", &p, &m);
	proc_stop(&p, 50, how, sizeof(how));
	assert_string_equal(how, "signal 9 (Killed)");
	proc_free(&p);
	start("sleep", &p, &m);
	proc_kill(&p, how, sizeof(how));
	assert_string_equal(how, "signal 9 (Killed)");
	proc_kill(&p, NULL, 0);
	proc_free(&p);
	start("sleep", &p, &m);
	proc_free(&p);
	assert_int_equal(p.pid, 0);
	proc_free(NULL);
}

/* kill -9 of the parent takes the child along. */
static void
no_orphans(void **state)
{
	struct proc	p;
	struct ipc_msg	m;
	uint32_t	pid = 0;
	char		path[64];
	int		i;

	(void)state;
	start("parent", &p, &m);
	assert_int_equal(cur_u32(&m.body, &pid), 0);
	assert_int_equal(kill((pid_t)pid, 0), 0);
	proc_kill(&p, NULL, 0);
	proc_free(&p);
	/* Gone, or a zombie that init has not fetched: it has no exe then. */
	(void)snprintf(path, sizeof(path), "/proc/%u/exe", (unsigned)pid);
	for (i = 0; i < 2000; i++) {
		char	c;

		if (readlink(path, &c, 1) == -1)
			return;
		(void)poll(NULL, 0, 10);
	}
	fail_msg("the child survived its parent");
}

static void
texts(void **state)
{
	char	text[64];

	(void)state;
	proc_text(0, text, sizeof(text));
	assert_string_equal(text, "exit 0");
	proc_text(3 << 8, text, sizeof(text));
	assert_string_equal(text, "exit 3");
	proc_text(SIGSEGV, text, sizeof(text));
	assert_string_equal(text, "signal 11 (Segmentation fault)");
	proc_text(0, NULL, 0);
	assert_string_equal(proc_role("--role=judge"), "judge");
	assert_string_equal(proc_role("--role="), "");
	assert_null(proc_role("--rolejudge"));
	assert_null(proc_role("run"));
	assert_null(proc_role(NULL));
}

/* In a child: what proc_drop() says, and what we are afterwards. */
static int
drop_in_child(const char *user, enum err_code want)
{
	struct err	e = ERR_INIT;
	struct passwd	*pw = getpwnam(user);
	gid_t		groups[64];
	int		status, i, n;
	pid_t		pid = fork();

	if (pid == 0) {
		if (proc_drop(user, &e) != 0) {
			if (want == ERR_CONF && e.code == want &&
			    strstr(e.msg, user) != NULL)
				_exit(0);
			_exit(1);
		}
		if (want != ERR_NONE || pw == NULL || getuid() !=
		    pw->pw_uid || getgid() != pw->pw_gid)
			_exit(2);
		if (setuid(0) == 0 || setgid(0) == 0)
			_exit(3);
		n = getgroups(64, groups);
		for (i = 0; i < n; i++)
			if (groups[i] == 0)
				_exit(4);
		if (strcmp(getenv("HOME"), pw->pw_dir) != 0)
			_exit(5);
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
dropping(void **state)
{
	struct err	e = ERR_INIT;

	(void)state;
	if (geteuid() != 0) {
		assert_int_equal(proc_drop("nobody", &e), 0);
		print_message("SKIP 3 switching users needs root\n");
		return;
	}
	assert_int_equal(drop_in_child("nobody", ERR_NONE), 0);
	assert_int_equal(drop_in_child("no-such-user-here", ERR_CONF), 0);
	assert_int_equal(drop_in_child("root", ERR_CONF), 0);
	assert_int_equal(proc_drop("no-such-user-here", &e), -1);
	assert_non_null(strstr(e.msg, "useradd --system --home-dir "
	    "/var/lib/certvigil --shell /usr/sbin/nologin "));
}

/* Which policy a child of ours has. */
static int
policy_of_child(int policy)
{
	struct proc	p;
	struct ipc_msg	m;
	char		want[32];
	int		is;

	(void)snprintf(want, sizeof(want), "policy %d\n", policy);
	start("report", &p, &m);
	is = has(&m, want);
	wait_end(&p, "exit 5");
	proc_free(&p);
	return is;
}

/* In a child, which is what the policy of this program must not become. */
static int
batch_in_child(int before, int with)
{
	struct sched_param	none = { 0 };

	if (sched_setscheduler(0, before, &none) == -1)
		return 1;
	proc_batch();
	if (sched_getscheduler(0) != with || !policy_of_child(with))
		return 2;
	proc_unbatch();
	return sched_getscheduler(0) != before ? 3 : 0;
}

/* Children that work have it, programs of others not; what was chosen stays. */
static void
batches(void **state)
{
	static const int	rows[][2] = {
		{ SCHED_OTHER, SCHED_BATCH }, { SCHED_BATCH, SCHED_BATCH },
		{ SCHED_IDLE, SCHED_IDLE },
	};
	size_t			i;
	int			status;
	pid_t			pid;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((pid = fork()) == 0)
			_exit(batch_in_child(rows[i][0], rows[i][1]));
		assert_true(waitpid(pid, &status, 0) == pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

int
main(int argc, char **argv)
{
	static const struct {
		const char	*role;
		int		(*run)(void);
	} roles[] = {
		{ "report", report_main }, { "sleep", sleep_main },
		{ "deaf", deaf_main }, { "parent", parent_main },
	};
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(inherits_nothing),
		cmocka_unit_test(given_descriptors),
		cmocka_unit_test(many_descriptors),
		cmocka_unit_test(bad_descriptors),
		cmocka_unit_test(killing),
		cmocka_unit_test(no_orphans),
		cmocka_unit_test(texts),
		cmocka_unit_test(dropping),
		cmocka_unit_test(batches),
	};
	const char	*role = argc > 1 ? proc_role(argv[1]) : NULL;
	size_t		 i;

	for (i = 0; role != NULL && i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(role, roles[i].role) == 0)
			return roles[i].run();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
