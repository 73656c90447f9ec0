#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/db/embed_place.h"
#include "base/err.h"

/* A state directory that nobody can write, whoever it belongs to. */
static int
read_only(const char *dir)
{
	struct err	 e = ERR_INIT;
	char		*real;

	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", dir, "tmpfs", MS_RDONLY, "") == -1)
		return 77;
	real = embed_place_state(dir, &e);
	if (real != NULL || e.code != ERR_CONF ||
	    strstr(e.msg, "is read-only") == NULL ||
	    strstr(e.msg, dir) == NULL) {
		(void)fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	return 0;
}

static void
test_read_only(void **state)
{
	char	dir[] = "/tmp/cvplace.XXXXXX";
	int	status;
	pid_t	pid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	pid = fork();
	if (pid == 0)
		_exit(read_only(dir));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(rmdir(dir), 0);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		(void)printf("SKIP 1 no mounts: needs root\n");
		return;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
