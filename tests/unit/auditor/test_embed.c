/* takes: 10 */
/*
 * The embedded PostgreSQL lives and dies with its daemon, whoever joins it and
 * whatever is killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>

#include <cmocka.h>

#include "tests/unit/auditor/embed_fixture.h"

static char	*made;		/* a cluster in order, once there is one */

/* A whole folder, with modes and times; exits when it fails. */
static void
copy(const char *from, const char *to)
{
	pid_t	pid = fork();
	int	st;

	if (pid == 0) {
		(void)execlp("cp", "cp", "-a", from, to, (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &st, 0) != pid || st != 0) {
		(void)fprintf(stderr, "cp -a %s %s\n", from, to);
		exit(1);
	}
}

/* For a test that is not about how a cluster comes to be: it is there. */
static int
setup_made(void **arg)
{
	(void)setup(arg);
	if (made != NULL)
		copy(made, state);
	return 0;
}

/* From an empty folder; joined by a command; stopped; there again. */
static void
test_life(void **arg)
{
	struct err	 e = ERR_INIT;
	struct embed	*m, *cmd;
	char		*deep = mem_printf("%s/a/b/", state), pid[40];
	pid_t		 first;

	(void)arg;
	m = own(deep);
	first = embed_pid(m);
	assert_true(first > 0);
	assert_int_equal(embed_owner(m), 1);
	assert_int_equal(embed_poll(m, &e), 0);
	assert_non_null(strstr(embed_bindir(m), "bin"));
	(void)one(embed_conninfo(m), "create table t as select 5 as n");
	assert_int_equal(one(embed_conninfo(m), "select (current_setting("
	    "'fsync') = 'on' and current_setting('full_page_writes') = 'on'"
	    " and current_setting('synchronous_commit') = 'on' and"
	    " current_setting('listen_addresses') = '' and"
	    " current_setting('data_checksums') = 'on')::int"), 1);

	cmd = embed_start(deep, 0, &e);
	assert_non_null(cmd);
	assert_int_equal(embed_pid(cmd), 0);
	assert_int_equal(embed_owner(cmd), 0);
	assert_int_equal(embed_poll(cmd, &e), 0);
	assert_string_equal(embed_bindir(cmd), embed_bindir(m));
	assert_int_equal(one(embed_conninfo(cmd), "select n from t"), 5);
	embed_stop(cmd);
	assert_int_equal(kill(first, 0), 0);

	/* A second daemon: refused, with the name of the first. */
	assert_null(embed_own(deep, 0, &e));
	assert_int_equal(e.code, ERR_TEMP);
	(void)snprintf(pid, sizeof(pid), "process %ld (run)", (long)getpid());
	assert_non_null(strstr(e.msg, pid));

	embed_stop(m);
	assert_int_equal(kill(first, 0), -1);
	m = own(deep);
	assert_int_equal(one(embed_conninfo(m), "select n from t"), 5);
	embed_stop(m);
	embed_stop(NULL);
	made = mem_printf("%s/made", base);
	copy(deep, made);
	free(deep);
}

/*
 * A command that started the cluster does not stop it under another one; the
 * daemon waits for both and then has it for itself.
 */
static void
test_two_commands(void **arg)
{
	struct err	 e = ERR_INIT;
	struct embed	*a, *b;
	pid_t		 pid;
	int		 p[2], st;
	char		 c;

	(void)arg;
	a = embed_start(state, WAIT_S, &e);
	assert_non_null(a);
	assert_int_equal(embed_owner(a), 1);
	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		b = embed_start(state, WAIT_S, NULL);
		if (b == NULL || embed_owner(b) || write(p[1], "j", 1) != 1)
			_exit(1);
		(void)usleep(300000);
		st = one(embed_conninfo(b), "select 1") != 1;
		if (write(p[1], "d", 1) != 1)
			_exit(2);
		embed_stop(b);
		_exit(st);
	}
	assert_int_equal(read(p[0], &c, 1), 1);
	embed_stop(a);
	/* Behind the stop, the other one had done its work. */
	(void)fcntl(p[0], F_SETFL, O_NONBLOCK);
	assert_int_equal(read(p[0], &c, 1), 1);
	assert_int_equal(c, 'd');
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
	(void)close(p[0]);
	(void)close(p[1]);

	/* A daemon that begins meanwhile waits for the command. */
	pid = fork();
	if (pid == 0) {
		a = embed_start(state, WAIT_S, NULL);
		(void)usleep(200000);
		embed_stop(a);
		_exit(a == NULL);
	}
	a = own(state);
	assert_int_equal(one(embed_conninfo(a), "select 1"), 1);
	embed_stop(a);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
}

/* Bring the connection back after a crash; the restart is embed_poll()'s. */
static void
revive(struct embed *m, struct db *db)
{
	struct err	e = ERR_INIT;
	int		i;

	for (i = 0; i < 3000; i++) {
		(void)embed_poll(m, NULL);
		if (embed_pid(m) != 0 && db_reset(db, NULL) == 0)
			return;
		(void)usleep(10000);
	}
	(void)db_reset(db, &e);
	fail_msg("not back in 30 s: %s", e.msg);
}

/* SIGKILL the postmaster five times while we write. */
static void
test_crash(void **arg)
{
	struct err	 e = ERR_INIT;
	struct embed	*m = own(state);
	struct db	*db = db_open(embed_conninfo(m), &e);
	struct db_res	*r;
	int64_t		 next = 0, acked = 0;
	int		 kills = 0, st;
	pid_t		 killer = 0;
	char		*seen = mem_zero(1 << 20);
	size_t		 i;

	(void)arg;
	assert_non_null(db);
	assert_int_equal(db_script(db, "create table w (n bigint)", &e), 0);
	srandom(7);
	while (kills < 5) {
		if (killer == 0) {
			killer = fork();
			if (killer == 0) {
				(void)usleep(20000 + (useconds_t)(random() %
				    50000) * (useconds_t)(kills + 1));
				(void)kill(embed_pid(m), SIGKILL);
				_exit(0);
			}
		}
		if (db_query(db, NULL, NULL, "insert into w values ($1)", "i",
		    next) == 0) {
			seen[next++] = 1;
			acked++;
			continue;
		}
		next++;
		assert_int_equal(waitpid(killer, &st, 0), killer);
		killer = 0;
		kills++;
		revive(m, db);
	}
	assert_true(acked > 0);
	if (db_query(db, &r, &e, "select n, count(*) from w group by n",
	    "") == -1)
		fail_msg("%s", e.msg);
	for (i = 0; i < db_rows(r); i++) {
		assert_int_equal(db_int(r, i, 1), 1);
		seen[db_int(r, i, 0)] = 0;
	}
	for (i = 0; i < (size_t)next; i++)
		if (seen[i])
			fail_msg("row %zu was acknowledged and is lost", i);
	(void)printf("%lld rows acknowledged over 5 kills, 0 lost\n",
	    (long long)acked);
	db_free(r);
	db_close(db);
	embed_stop(m);
	free(seen);
}

/* A server that cannot start is tried again and said; then it comes. */
static void
test_backoff(void **arg)
{
	struct err	 e = ERR_INIT;
	struct embed	*m = own(state);
	struct db	*db = db_open(embed_conninfo(m), &e);
	char		*conf = mem_printf("%s/pg/postgresql.conf", state);
	char		*away = mem_printf("%s/away", state);
	int		 i;

	(void)arg;
	assert_non_null(db);
	assert_int_equal(rename(conf, away), 0);
	assert_int_equal(kill(embed_pid(m), SIGKILL), 0);
	for (i = 0; i < 100; i++) {
		(void)embed_poll(m, NULL);
		(void)usleep(10000);
	}
	assert_int_equal(db_reset(db, NULL), -1);
	assert_int_equal(rename(away, conf), 0);
	revive(m, db);
	db_close(db);
	embed_stop(m);
	free(away);
	free(conf);
}

/* Owners that die at any moment: the next start puts it right. */
static void
test_killed_owner(void **arg)
{
	static const useconds_t	 when[] = { 20000, 100000, 300000, 600000 };
	struct embed		*m;
	size_t			 i;
	pid_t			 pid;
	int			 st;

	(void)arg;
	for (i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
		pid = fork();
		if (pid == 0) {
			m = embed_own(state, WAIT_S, NULL);
			(void)pause();
			_exit(m == NULL);
		}
		(void)usleep(when[i]);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &st, 0), pid);
	}
	m = own(state);
	assert_int_equal(one(embed_conninfo(m), "select 1"), 1);
	embed_stop(m);
}

static int
run(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_commands, setup_made,
		    teardown),
		cmocka_unit_test_setup_teardown(test_crash, setup_made,
		    teardown),
		cmocka_unit_test_setup_teardown(test_backoff, setup_made,
		    teardown),
		cmocka_unit_test_setup_teardown(test_killed_owner, setup,
		    teardown),
	};
	int	st = cmocka_run_group_tests(tests, NULL, NULL);

	free(made);
	return st;
}

int
main(void)
{
	return embed_main("test_embed", 5, run);
}
