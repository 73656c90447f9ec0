/* A store of keys whose process dies at any moment. */
#include "tests/unit/auditor/sign_store_fixture.h"

/* --- crashes: killed before and after every system call --- */

/* What the child does; the key that it has made is written to ${fd}. */
static void
roll_over(int fd)
{
	struct sign_store	*s = sign_store_open(dir, NULL, NULL);
	uint8_t			 spki[32];
	EVP_PKEY		*key;

	if (s == NULL || sign_store_make(s, next, "p256", &key, NULL) == -1 ||
	    pkey_spki_sha256(key, spki, NULL) == -1 ||
	    write(fd, spki, 32) != 32 ||
	    sign_store_commit(s, "a1", NULL) == -1)
		_exit(1);
}

static void
give_up(int fd)
{
	struct sign_store	*s = sign_store_open(dir, NULL, NULL);
	EVP_PKEY		*key;

	(void)fd;
	if (s == NULL || sign_store_make(s, next, "p256", &key, NULL) == -1 ||
	    sign_store_drop(s, next, NULL) == -1)
		_exit(1);
}

static void
encrypt(int fd)
{
	struct sign_store	*s = sign_store_open(dir, PASS, NULL);

	(void)fd;
	if (s == NULL || sign_store_get(s, account, NULL) == NULL)
		_exit(1);
}

/*
 * Let it run to its ${n}th stop at a system call and kill it there: 0; or to
 * its end, when it stops less often: the number of its stops.  -1: this
 * machine lets nobody be traced.
 */
static int
killed_at(void (*run)(int), int n, int fd)
{
	int	status = 0, i;
	pid_t	pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(2);
		(void)raise(SIGSTOP);
		run(fd);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (i = 0; i <= n && WIFSTOPPED(status); i++) {
		if (i == n)
			(void)kill(pid, SIGKILL);
		else if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == -1)
			fail();
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	if (WIFSIGNALED(status))
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		return -1;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return i;
}

/* After a crash: which keys are there, and what the CA may know. */
static void
check_after(const char *passphrase, const uint8_t old[32], int fd)
{
	struct sign_store	*s = opened(passphrase);
	uint8_t			 told[32], has[32], will[32];
	ssize_t			 n = read(fd, told, 32);

	public_of(s, account, has);
	public_of(s, next, will);
	/* the account's key is never gone, and is one of the two */
	if (memcmp(has, old, 32) != 0) {
		assert_int_equal(n, 32);
		assert_memory_equal(has, told, 32);
	}
	/* once told of the next one, the CA may know it: it is there */
	if (n == 32)
		assert_true(memcmp(has, told, 32) == 0 ||
		    memcmp(will, told, 32) == 0);
	/* nothing half done: what is there is a key, and there is no more */
	if (sign_store_have(s, "a1") == SIGN_HAS_KEY)
		assert_int_equal(files_in("keys/account"), 1);
	else {
		assert_int_equal(files_in("keys/account"), 2);
		assert_int_not_equal(will[0] | will[1] | will[2], 0);
	}
	sign_store_free(s);
}

/* Kill it at each of its last ${last} stops. */
static void
crash(void (*run)(int), const char *passphrase, int last)
{
	struct sign_store	*s = opened(NULL);
	struct buf		 text = BUF_INIT;
	uint8_t			 old[32];
	int			 fds[2], n, stops;

	made(s, account, "p256", old);
	sign_store_free(s);
	slurp("keys/account/a1.key", &text);
	n = open("/dev/null", O_WRONLY | O_CLOEXEC);
	stops = killed_at(run, INT32_MAX, n);
	close(n);
	if (stops == -1) {
		print_message("SKIP 1 kills at each system call need ptrace\n");
		pkey_wipe(&text);
		return;
	}
	/* locks, writes, syncs, renames: not fewer than these */
	assert_true(stops > 60);
	for (n = stops > last ? stops - last : 0; n < stops; n++) {
		(void)unlink(at("keys/account/a1.key.next"));
		spit("keys/account/a1.key", text.p, text.n);
		assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
		(void)killed_at(run, n, fds[1]);
		check_after(passphrase, old, fds[0]);
		close(fds[0]);
		close(fds[1]);
	}
	pkey_wipe(&text);
}

static void
test_crash_roll(void **state)
{
	(void)state;
	crash(roll_over, NULL, INT32_MAX);
}

static void
test_crash_give_up(void **state)
{
	(void)state;
	crash(give_up, NULL, INT32_MAX);
}

static void
test_crash_encrypt(void **state)
{
	(void)state;
	/* all from its temporary file on; what is before costs much time */
	crash(encrypt, PASS, 44);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_crash_roll),
		T(test_crash_give_up),
		T(test_crash_encrypt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
