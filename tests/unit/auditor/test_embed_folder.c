/*
 * Folders in which the embedded PostgreSQL is to be: with what others left in
 * them, that cannot be used, that are full, and where its socket is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limit.h"
#include "tests/unit/auditor/embed_fixture.h"

static void
expect(const char *dir, enum err_code code, const char *words)
{
	struct err	 e = ERR_INIT;
	struct embed	*m = embed_start(dir, 0, &e);

	assert_null(m);
	if (e.code != code || strstr(e.msg, words) == NULL)
		fail_msg("%s: %s", err_name(e.code), e.msg);
	assert_null(strchr(e.msg, '\n'));
}

static void
put(const char *name, const char *text)
{
	char	*path = mem_printf("%s/%s", state, name);
	FILE	*f = fopen(path, "w");

	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
	free(path);
}

static void
test_leftovers(void **arg)
{
	struct embed	*m;
	char		 text[600];
	struct stat	 st;

	(void)arg;
	/* An initdb that was killed. */
	assert_int_equal(mkdir(state, 0700), 0);
	(void)snprintf(text, sizeof(text), "%s/pg.new", state);
	assert_int_equal(mkdir(text, 0700), 0);
	put("pg.new/PG_VERSION", "15\n");
	m = own(state);
	assert_int_equal(stat(text, &st), -1);
	embed_stop(m);
	/* A pid file whose number another process has now: this one. */
	(void)snprintf(text, sizeof(text), "%ld\n%s/pg\n1\n5432\n/tmp\n\n\n"
	    "ready\n", (long)getpid(), state);
	put("pg/postmaster.pid", text);
	m = own(state);
	embed_stop(m);
	/* A pid file of a process that is gone. */
	(void)snprintf(text, sizeof(text), "4194303\n%s/pg\n", state);
	put("pg/postmaster.pid", text);
	m = own(state);
	embed_stop(m);
	/* A mode that PostgreSQL does not take. */
	(void)snprintf(text, sizeof(text), "%s/pg", state);
	assert_int_equal(chmod(text, 0755), 0);
	m = own(state);
	assert_int_equal(stat(text, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	embed_stop(m);
	/* A newer PostgreSQL's data; a folder that is not ours. */
	put("pg/PG_VERSION", "99\n");
	expect(state, ERR_CONF, "made by PostgreSQL 99");
	put("pg/PG_VERSION", "15\n");
	(void)snprintf(text, sizeof(text), "%s/pg/certvigil.cluster", state);
	assert_int_equal(unlink(text), 0);
	expect(state, ERR_CONF, "no cluster that certvigil made");
}

static void
test_folders(void **arg)
{
	char	*closed = mem_printf("%s/closed", state);
	char	*below = mem_printf("%s/closed/in/here", state);
	char	*words = mem_printf("cannot enter %s (mode 0600", closed);

	(void)arg;
	assert_int_equal(mkdir(state, 0700), 0);
	assert_int_equal(mkdir(closed, 0700), 0);
	assert_int_equal(chmod(closed, 0600), 0);
	expect(below, ERR_PERM, words);
	assert_int_equal(chmod(closed, 0500), 0);
	expect(closed, ERR_PERM, "cannot write");
	expect(below, ERR_PERM, "cannot make");
	assert_int_equal(chmod(closed, 0700), 0);
	put("file", "x");
	free(below);
	below = mem_printf("%s/file/x", state);
	expect(below, ERR_CONF, "is no folder");
	expect("", ERR_CONF, "empty");
	free(words);
	free(below);
	free(closed);
}

/* The socket's path at the limit stays in the state directory. */
static void
test_socket(void **arg)
{
	static const char	 tail[] = "/run-01234567/.s.PGSQL.5432";
	struct err		 e = ERR_INIT;
	struct embed		*m;
	char			*dir, *sock, *runtime;
	size_t			 n;

	(void)arg;
	assert_int_equal(mkdir(state, 0700), 0);
	for (n = LIMIT_SOCKET_PATH; n <= LIMIT_SOCKET_PATH + 1; n++) {
		dir = mem_zero(n);
		(void)snprintf(dir, n, "%s/", state);
		memset(dir + strlen(dir), 'x',
		    n - strlen(tail) - strlen(dir));
		assert_int_equal(strlen(dir) + strlen(tail), n);
		assert_int_equal(mkdir(dir, 0700), 0);
		sock = embed_place_socket(dir, &e);
		assert_non_null(sock);
		assert_int_equal(strncmp(sock, dir, strlen(dir)) == 0,
		    n == LIMIT_SOCKET_PATH);
		if (n > LIMIT_SOCKET_PATH) {
			/* Somebody else's folder there is not used. */
			assert_int_equal(rmdir(sock), 0);
			assert_int_equal(symlink(state, sock), 0);
			assert_null(embed_place_socket(dir, &e));
			assert_int_equal(e.code, ERR_CONF);
			assert_int_equal(unlink(sock), 0);
			m = own(dir);
			assert_int_equal(one(embed_conninfo(m), "select 1"),
			    1);
			embed_stop(m);
			assert_int_equal(access(sock, F_OK), -1);
		}
		free(sock);
		free(dir);
	}
	/* What the system gives comes first. */
	runtime = mem_printf("%s/runtime:/tmp", state);
	assert_int_equal(setenv("RUNTIME_DIRECTORY", runtime, 1), 0);
	*strchr(runtime, ':') = '\0';
	assert_int_equal(mkdir(runtime, 0755), 0);
	sock = embed_place_socket(state, &e);
	assert_non_null(sock);
	assert_memory_equal(sock, runtime, strlen(runtime));
	assert_int_equal(unsetenv("RUNTIME_DIRECTORY"), 0);
	free(sock);
	free(runtime);
}

static void
test_disk_full(void **arg)
{
	(void)arg;
	if (small == NULL) {
		skips++;
		return;
	}
	expect(small, ERR_DB, "No space left on device");
}

static int
run(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(test_leftovers, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_folders, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
	return embed_main("test_embed_folder", 4, run);
}
