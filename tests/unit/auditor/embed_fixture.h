#ifndef TESTS_UNIT_AUDITOR_EMBED_FIXTURE_H
#define TESTS_UNIT_AUDITOR_EMBED_FIXTURE_H

/*
 * State folders of the embedded PostgreSQL, and a user that it lets start one;
 * included once, after cmocka.h, everything is static.
 */
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
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

#include "auditor/db/db.h"
#include "auditor/db/embed.h"
#include "auditor/db/embed_place.h"
#include "base/log.h"
#include "base/mem.h"

#define ROOM		(1UL << 30)	/* for some clusters at once */
#define WAIT_S		60	/* longer than any start takes */

static char	*base;		/* all folders are in it */
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

/* main() of such a program, called ${name}, of ${n} tests. */
static int
embed_main(const char *name, int n, int (*run)(void))
{
	pid_t	pid;
	char	*dir;
	int	st = 0;

	(void)unsetenv("RUNTIME_DIRECTORY");
	(void)unsetenv("XDG_RUNTIME_DIR");
	log_open(name, LOG_ERROR);
	dir = embed_place_bindir(0, NULL);
	if (dir == NULL) {
		(void)printf("SKIP %d no PostgreSQL server programs\n", n);
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
			(void)printf("SKIP %d root, and no user postgres\n",
			    n);
			exit(0);
		}
		st = run();
		if (skips != 0)
			(void)printf("SKIP %d no small file system\n", skips);
		free(state);
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

#endif
