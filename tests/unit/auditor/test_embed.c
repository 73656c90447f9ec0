/* takes: 10 */
#include "auditor/db/embed.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/db/db.h"
#include "auditor/db/embed_place.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

#define ROOM		(1UL << 30)	/* for some clusters at once */
#define WAIT_S		60	/* longer than any start takes */

static char	*base;		/* all folders are in it */
static char	*made;		/* a cluster in order, once there is one */
static char	*state;		/* of the test that runs */
static char	*small;		/* a full file system, or NULL */
static int	 skips;

static int
drop(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
setup(void **arg)
{
	static int	n;

	(void)arg;
	free(state);
	state = mem_printf("%s/s%d", base, n++);
	return 0;
}

static int
teardown(void **arg)
{
	(void)arg;
	(void)nftw(state, drop, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

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

static struct embed *
own(const char *dir)
{
	struct err	 e = ERR_INIT;
	struct embed	*m = embed_own(dir, WAIT_S, &e);

	if (m == NULL)
		fail_msg("%s", e.msg);
	return m;
}

static int64_t
one(const char *conninfo, const char *sql)
{
	struct err	 e = ERR_INIT;
	struct db	*db = db_open(conninfo, &e);
	struct db_res	*r = NULL;
	int64_t		 v;

	if (db == NULL || db_query(db, &r, &e, sql, "") == -1)
		fail_msg("%s: %s", sql, e.msg);
	v = db_rows(r) == 0 ? -1 : db_int(r, 0, 0);
	db_free(r);
	db_close(db);
	return v;
}

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

/* --- with other users, as root only --------------------------------------- */

/* In a child, as ${uid}: 0 when embed_start() says ${words}. */
static int
refused_as(uid_t uid, const char *words)
{
	struct err	e = ERR_INIT;
	pid_t		pid = fork();
	int		st;

	if (pid == 0) {
		if (uid != 0 && setuid(uid) == -1)
			_exit(2);
		if (embed_start(base, 0, &e) != NULL)
			_exit(3);
		if (e.code != ERR_CONF || strstr(e.msg, words) == NULL)
			_exit(4);
		_exit(0);
	}
	(void)waitpid(pid, &st, 0);
	return st;
}

static struct passwd *
somebody(void)
{
	struct passwd	*pw = getpwnam("postgres");

	return pw != NULL ? pw : getpwnam("certvigil");
}

/* As root: what root sees, and then become somebody else.  -1: skip. */
static int
leave_root(void)
{
	struct passwd	*pw = somebody();

	if (refused_as(0, "root") != 0 || refused_as(54321, "54321") != 0) {
		(void)fprintf(stderr, "root or a uid without entry\n");
		exit(1);
	}
	if (pw == NULL)
		return -1;
	small = mem_printf("%s/small", base);
	if (mkdir(small, 0700) == -1 || mount("none", small, "tmpfs", 0,
	    "size=16m,mode=0777") == -1) {
		free(small);
		small = NULL;
	}
	if (chown(base, pw->pw_uid, pw->pw_gid) == -1 ||
	    setgroups(0, NULL) == -1 || setgid(pw->pw_gid) == -1 ||
	    setuid(pw->pw_uid) == -1 || setenv("HOME", "/tmp", 1) == -1 ||
	    prctl(PR_SET_DUMPABLE, 1) == -1)
		return -1;
	return 0;
}

/* In memory, where a cluster that is told to be durable does not wait. */
static int
roomy(const char *dir)
{
	struct statvfs	v;

	return access(dir, W_OK) == 0 && statvfs(dir, &v) == 0 &&
	    v.f_bavail * v.f_frsize > ROOM;
}

int
main(void)
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
		cmocka_unit_test_setup_teardown(test_leftovers, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_folders, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup,
		    teardown),
	};
	pid_t	pid;
	char	*dir;
	int	st = 0;

	(void)unsetenv("RUNTIME_DIRECTORY");
	(void)unsetenv("XDG_RUNTIME_DIR");
	log_open("test_embed", LOG_ERROR);
	dir = embed_place_bindir(0, NULL);
	if (dir == NULL) {
		(void)printf("SKIP 9 no PostgreSQL server programs\n");
		return 0;
	}
	free(dir);
	base = mem_printf("%s/cvembed.XXXXXX", roomy("/dev/shm") ?
	    "/dev/shm" : "/tmp");
	if (mkdtemp(base) == NULL || chmod(base, 0755) == -1)
		return 1;
	/* In a child, so that root can clean up behind it. */
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && leave_root() == -1) {
			(void)printf("SKIP 9 root, and no user postgres\n");
			exit(0);
		}
		st = cmocka_run_group_tests(tests, NULL, NULL);
		if (skips != 0)
			(void)printf("SKIP %d no small file system\n", skips);
		free(state);
		free(made);
		free(small);
		exit(st);
	}
	(void)waitpid(pid, &st, 0);
	dir = mem_printf("%s/small", base);
	(void)umount(dir);
	free(dir);
	(void)nftw(base, drop, 16, FTW_DEPTH | FTW_PHYS);
	free(base);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 1;
}
