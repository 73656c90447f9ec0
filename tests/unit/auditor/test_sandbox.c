/*
 * Each attempt runs in a child of its own that has entered the sandbox: what
 * must not work has to fail or to kill the child, what must work has to work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limit.h"
#include "tests/unit/auditor/attempts.h"

#define J	(1u << SANDBOX_JUDGE)
#define T	(1u << SANDBOX_JUDGE_TEMPLATE)
#define F	(1u << SANDBOX_FETCH)
#define S	(1u << SANDBOX_SIGN)
#define P	(1u << SANDBOX_PROBE)
#define H	(1u << SANDBOX_CHALLENGE)
#define ALL	(J | T | F | S | P | H)

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
	{ "put a file into the other one", put_file, S, 0, 0 },
	{ "read a file there", read_put, 0, 0, 1 },
	{ "put a file into an open folder", put_elsewhere, 0, 0, 1 },
	{ "inet socket", inet_socket, F | P, 0, 0 },
	{ "inet6 datagram socket", inet6_datagram, F | P, 0, 0 },
	{ "unix socket", unix_socket, 0, 0, 0 },
	{ "unix datagram pair", unix_datagram_pair, 0, 0, 0 },
	{ "packet socket", packet_socket, 0, 0, 0 },
	{ "come from an address", bind_any, F, 0, 0 },
	{ "come from a known port", bind_known, 0, 0, 4 },
	{ "listen", listen_tcp, 0, 0, 4 },
	{ "accept", accept_one, H, 0, 0 },
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
	{ "judge of template", judge_of_template, T, J | F | S | P | H, 0 },
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
	struct sandbox_dirs	dirs = { NULL, NULL };
	struct err		e = ERR_INIT;
	int			status = 0, r;
	pid_t			pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (kind == SANDBOX_SIGN) {
			dirs.keep = dir;
			dirs.put = put;
		}
		if (sandbox_enter_dirs(kind, &dirs, &e) != 0) {
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

static void
probe(void **state)
{
	(void)state;
	run_kind(SANDBOX_PROBE);
}

static void
challenge(void **state)
{
	(void)state;
	run_kind(SANDBOX_CHALLENGE);
}

/* The attempts do work outside: else their refusal proves nothing. */
static void
outside(void **state)
{
	static const char *const	names[] = {
		"open /etc/passwd", "write in its directory", "inet socket",
		"unix socket", "unix datagram pair", "come from an address",
		"come from a known port", "listen", "accept",
		"exec",
		"put a file into the other one", "read a file there",
		"put a file into an open folder",
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
report(void **state)
{
	struct sandbox_report	r;

	(void)state;
	sandbox_probe(&r);
	assert_int_equal(r.seccomp, 1);
	assert_true(r.landlock >= 0);
	print_message("landlock ABI %d\n", r.landlock);
}

/* Enter with these directories, in a child: does the error name /nowhere? */
static int
refused(const struct sandbox_dirs *dirs)
{
	struct err	e = ERR_INIT;
	int		status;
	pid_t		pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(sandbox_enter_dirs(SANDBOX_SIGN, dirs, &e) == -1 &&
		    strstr(e.msg, "/nowhere/at/all") != NULL ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A signing directory that is not there is said, not ignored. */
static void
no_directory(void **state)
{
	const struct sandbox_dirs	keep = { "/nowhere/at/all", put };
	const struct sandbox_dirs	other = { dir, "/nowhere/at/all" };
	struct sandbox_report	r;

	(void)state;
	sandbox_probe(&r);
	if (r.landlock == 0) {
		print_message("SKIP 1 no landlock\n");
		return;
	}
	assert_true(refused(&keep));
	assert_true(refused(&other));
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
		cmocka_unit_test(probe),
		cmocka_unit_test(challenge),
		cmocka_unit_test(data_limit),
		cmocka_unit_test(report),
		cmocka_unit_test(no_directory),
	};
	int	r;

	parent = getpid();
	if (mkdtemp(dir) == NULL || mkdtemp(put) == NULL ||
	    (put_fd = open(put, O_RDONLY | O_DIRECTORY)) == -1 ||
	    (other_fd = open("/tmp", O_RDONLY | O_DIRECTORY)) == -1 ||
	    close(openat(put_fd, "there", O_WRONLY | O_CREAT, 0600)) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 1;
	listening = listen_somewhere();
	shared = memfd_create("shared", MFD_CLOEXEC);
	if (listening == -1 || shared == -1 || write(shared, "shared", 6) != 6 ||
	    ftruncate(shared, 4096) != 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlinkat(put_fd, "there", 0);
	(void)rmdir(put);
	(void)rmdir(dir);
	return r;
}
