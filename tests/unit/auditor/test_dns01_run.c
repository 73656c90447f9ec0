/* Hook programs that run: what they get, what is kept, how they are ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditor/role/dns01.h"
#include "base/clk.h"
#include "base/limit.h"

#define PRINT	"9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"

static char		 path[64];
static struct dns01_args args;
static struct err	 e;

static const struct dns01_call	call = {
	DNS01_UACME, DNS01_PRESENT, path, "example.org", NULL, "token",
	"token." PRINT, PRINT, NULL, 0, 0, NULL
};

/* Start a shell script with these lines. */
static struct dns01_run *
start(const char *lines, unsigned secs)
{
	struct dns01_run	*r;
	FILE			*f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fprintf(f, "#!/bin/sh\n%s\n", lines) > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0700), 0);
	err_clear(&e);
	assert_int_equal(dns01_make(&call, &args, &e), 0);
	r = dns01_run_start(&args, secs, &e);
	dns01_args_free(&args);
	return r;
}

/* Until it has ended; ${skip} seconds are added to the clock. */
static int
wait_end(struct dns01_run *r, int skip)
{
	int	i, status;

	for (i = 0; i < 6000; i++) {
		if (dns01_run_tick(r, clk_mono() + skip * CLK_SEC, &status))
			return status;
		(void)poll(NULL, 0, 10);
	}
	fail_msg("the program does not end");
	return -1;
}

static void
arguments(void **state)
{
	struct dns01_run	*r;
	const char		*out;

	(void)state;
	(void)setenv("SECRET_OF_OURS", "x", 1);
	(void)setenv("TZ", "UTC", 1);
	r = start("echo \"$*\"; cat; env; ls -l /proc/self/fd >&2; exit 7",
	    0);
	assert_non_null(r);
	assert_int_equal(WEXITSTATUS(wait_end(r, 0)), 7);
	assert_int_equal(dns01_run_pid(r), 0);
	out = dns01_run_output(r);
	assert_memory_equal(out, "begin dns-01 example.org token " PRINT "\n",
	    32 + 43);
	assert_non_null(strstr(out, "\nUACME_METHOD=begin"));
	assert_non_null(strstr(out, "\nTZ=UTC"));
	assert_non_null(strstr(out, "\nPATH="));
	assert_null(strstr(out, "SECRET_OF_OURS"));
	assert_non_null(strstr(dns01_run_errors(r), "0 -> /dev/null"));
	/* ls has a descriptor of its own for the folder: 3. */
	assert_null(strstr(dns01_run_errors(r), " 4 -> "));
	assert_int_equal(dns01_run_late(r), 0);
	dns01_run_free(r);
	dns01_run_free(NULL);
}

/* A session of its own, no more privileges. */
static void
session(void **state)
{
	struct dns01_run	*r;
	char			 want[64];

	(void)state;
	r = start("cut -d' ' -f 5,6 < /proc/$$/stat; "
	    "grep NoNewPrivs /proc/self/status; pwd; echo; echo", 0);
	assert_non_null(r);
	(void)snprintf(want, sizeof(want), "%d %d\nNoNewPrivs:\t1\n/",
	    (int)dns01_run_pid(r), (int)dns01_run_pid(r));
	assert_int_equal(wait_end(r, 0), 0);
	assert_string_equal(dns01_run_output(r), want);
	dns01_run_free(r);
}

/* The first bytes of stdout and the last of stderr. */
static void
bounds(void **state)
{
	struct dns01_run	*r;

	(void)state;
	r = start("printf first; head -c 300000 /dev/zero | tr '\\0' x; "
	    "head -c 300000 /dev/zero | tr '\\0' y >&2; printf last >&2", 0);
	assert_non_null(r);
	assert_int_equal(wait_end(r, 0), 0);
	assert_int_equal(strlen(dns01_run_output(r)), LIMIT_DNS01_OUTPUT);
	assert_memory_equal(dns01_run_output(r), "firstxxx", 8);
	assert_int_equal(strlen(dns01_run_errors(r)), LIMIT_DNS01_OUTPUT);
	assert_string_equal(dns01_run_errors(r) + LIMIT_DNS01_OUTPUT - 8,
	    "yyyylast");
	dns01_run_free(r);
}

/* Does it run?  One that nobody has reaped yet does not. */
static int
runs(pid_t pid)
{
	char	name[64], text[256] = "";
	FILE	*f;
	size_t	n;

	(void)snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	if ((f = fopen(name, "re")) == NULL)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	return n > 0 && strstr(text, ") Z") == NULL;
}

/* The process whose number the program printed is gone. */
static void
gone(const char *text)
{
	pid_t	pid = (pid_t)strtol(text, NULL, 10);
	int	i;

	assert_true(pid > 1);
	for (i = 0; i < 6000 && runs(pid); i++)
		(void)poll(NULL, 0, 10);
	assert_true(i < 6000);
}

/* Killed with its children when its time is up, or nobody waits for it. */
static void
killed(void **state)
{
	struct dns01_run	*r;
	char			 text[32];
	int			 status, i;

	(void)state;
	r = start("sleep 1000 & echo $!; wait", 5);
	assert_non_null(r);
	for (i = 0; i < 6000 && dns01_run_output(r)[0] == '\0'; i++) {
		assert_int_equal(dns01_run_tick(r, clk_mono(), &status), 0);
		(void)poll(NULL, 0, 10);
	}
	status = wait_end(r, 6);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(dns01_run_late(r), 1);
	gone(dns01_run_output(r));
	assert_int_equal(dns01_judge(&call, status, 1, dns01_run_errors(r),
	    &e), DNS01_BROKEN);
	dns01_run_free(r);
	r = start("sleep 1000 & echo $!; wait", 0);
	assert_non_null(r);
	for (i = 0; i < 6000 && dns01_run_output(r)[0] == '\0'; i++) {
		assert_int_equal(dns01_run_tick(r, clk_mono(), &status), 0);
		(void)poll(NULL, 0, 10);
	}
	(void)snprintf(text, sizeof(text), "%s", dns01_run_output(r));
	dns01_run_free(r);
	gone(text);
}

/* Nobody gets more time than LIMIT_DNS01_SECS. */
static void
longest(void **state)
{
	struct dns01_run	*r;
	int			 status;

	(void)state;
	r = start("exec sleep 1000", LIMIT_DNS01_SECS + 100);
	assert_non_null(r);
	assert_int_equal(dns01_run_tick(r, clk_mono() + (LIMIT_DNS01_SECS -
	    60) * CLK_SEC, &status), 0);
	assert_int_equal(dns01_run_late(r), 0);
	assert_true(WIFSIGNALED(wait_end(r, LIMIT_DNS01_SECS)));
	assert_int_equal(dns01_run_late(r), 1);
	dns01_run_free(r);
}

/* A child that lives on does not keep the program's end from us. */
static void
left(void **state)
{
	struct dns01_run	*r;

	(void)state;
	r = start("sleep 1000 & echo $!", 0);
	assert_non_null(r);
	assert_int_equal(wait_end(r, 0), 0);
	assert_true(kill((pid_t)strtol(dns01_run_output(r), NULL, 10),
	    SIGKILL) == 0);
	dns01_run_free(r);
}

static void
reaped(void **state)
{
	struct dns01_run	*r;
	int			 status;

	(void)state;
	r = start("echo x >&2; exit 3", 0);
	assert_non_null(r);
	assert_true(waitpid(dns01_run_pid(r), &status, 0) > 0);
	dns01_run_reaped(r);
	assert_string_equal(dns01_run_errors(r), "x\n");
	assert_int_equal(dns01_run_tick(r, clk_mono(), &status), 0);
	dns01_run_free(r);
	/* Nobody said so: when its time is up, it has failed. */
	r = start("exit 0", 5);
	assert_non_null(r);
	assert_true(waitpid(dns01_run_pid(r), &status, 0) > 0);
	assert_int_equal(dns01_run_tick(r, clk_mono(), &status), 0);
	assert_int_equal(WEXITSTATUS(wait_end(r, 6)), 127);
	dns01_run_free(r);
}

static void
cannot(void **state)
{
	struct dns01_run	*r;

	(void)state;
	(void)unlink(path);
	err_clear(&e);
	assert_int_equal(dns01_make(&call, &args, NULL), 0);
	assert_null(dns01_run_start(&args, 0, &e));
	dns01_args_free(&args);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, path));
	/* It can be called, but is nothing. */
	r = start("", 0);
	assert_non_null(r);
	(void)wait_end(r, 0);
	dns01_run_free(r);
	assert_int_equal(truncate(path, 1), 0);
	err_clear(&e);
	assert_int_equal(dns01_make(&call, &args, NULL), 0);
	r = dns01_run_start(&args, 0, &e);
	dns01_args_free(&args);
	assert_non_null(r);
	assert_int_equal(WEXITSTATUS(wait_end(r, 0)), 127);
	assert_string_equal(dns01_run_errors(r),
	    "the program cannot be executed\n");
	dns01_run_free(r);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(arguments),
		cmocka_unit_test(session),
		cmocka_unit_test(bounds),
		cmocka_unit_test(killed),
		cmocka_unit_test(longest),
		cmocka_unit_test(left),
		cmocka_unit_test(reaped),
		cmocka_unit_test(cannot),
	};
	char			dir[] = "/tmp/cvdns01.XXXXXX";
	int			r;

	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/hook", dir);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	(void)rmdir(dir);
	return r;
}
