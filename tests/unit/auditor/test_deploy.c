#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/deploy.h"
#include "base/clk.h"
#include "base/limit.h"

#define NOW	INT64_C(1795802400000000)	/* 2026-11-27T18:00:00Z */

static char	dir[] = "/tmp/cvdeploy.XXXXXX";
static char	live[64];

static void
put(struct deploy *d, const char *file, const char *text, int secret)
{
	struct err	e = ERR_INIT;

	if (deploy_file(d, file, (struct span){ (const uint8_t *)text,
	    strlen(text) }, secret, &e) == -1)
		fail_msg("%s", e.msg);
}

/* What DIR/live/${path} has. */
static void
is(const char *path, const char *want)
{
	char	 name[256], got[64] = "";
	FILE	*f;

	(void)snprintf(name, sizeof(name), "%s/%s", live, path);
	f = fopen(name, "r");
	if (f == NULL)
		fail_msg("%s: %s", name, strerror(errno));
	got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
	(void)fclose(f);
	assert_string_equal(got, want);
}

static void
begin(struct deploy *d)
{
	struct err	e = ERR_INIT;

	if (deploy_begin(d, live, "_.example.com", NOW, &e) == -1)
		fail_msg("%s", e.msg);
}

static void
names(void **state)
{
	static const struct { const char *in, *want; } t[] = {
		{ "example.com", "example.com" },
		{ "*.example.com", "_.example.com" },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
		{ "192.0.2.1", "192.0.2.1" }, { "2001:db8::1", "2001:db8::1" },
		{ "", NULL }, { "*.", NULL }, { "..", NULL }, { ".a", NULL },
		{ "a/b", NULL }, { "a b", NULL }, { "A", NULL },
		{ "*.*.a", NULL },
	};
	char	out[272];
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct err	e = ERR_INIT;

		assert_int_equal(deploy_name(t[i].in, out, sizeof(out), &e),
		    t[i].want != NULL ? 0 : -1);
		if (t[i].want != NULL)
			assert_string_equal(out, t[i].want);
	}
	assert_int_equal(deploy_name("example.com", out, 11, NULL), -1);
}

/* A new version is seen whole, and the old one stays until then. */
static void
exchange(void **state)
{
	struct deploy	d, f;
	struct err	e = ERR_INIT;
	struct stat	st;
	char		path[512];

	(void)state;
	begin(&d);
	put(&d, "key.pem", "key 1", 1);
	put(&d, "cert.pem", "cert 1", 0);
	assert_int_equal(fstatat(d.version, "key.pem", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(deploy_commit(&d, &e), 0);
	deploy_end(&d);
	is("_.example.com/cert.pem", "cert 1");

	/* the second in the same second */
	begin(&f);
	put(&f, "key.pem", "key 2", 1);
	is("_.example.com/cert.pem", "cert 1");
	(void)snprintf(path, sizeof(path), "%s/%s", live, f.folder);
	deploy_end(&f);
	is("_.example.com/key.pem", "key 1");
	assert_int_equal(stat(path, &st), -1);

	begin(&f);
	put(&f, "key.pem", "key 3", 1);
	put(&f, "cert.pem", "cert 3", 0);
	assert_int_equal(deploy_file(&f, "cert.pem", (struct span){ NULL, 0 },
	    0, NULL), -1);
	assert_int_equal(deploy_commit(&f, &e), 0);
	deploy_end(&f);
	is("_.example.com/cert.pem", "cert 3");
	is("_.example.com/key.pem", "key 3");
	is(".versions/_.example.com-20261127T180000Z/cert.pem", "cert 1");
}

/* What is not ours to replace is left, and the old version is served. */
static void
refused(void **state)
{
	struct deploy	d;
	struct err	e = ERR_INIT;
	char		path[512];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/taken", live);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(deploy_begin(&d, live, "taken", NOW, &e), 0);
	put(&d, "cert.pem", "cert", 0);
	assert_int_equal(deploy_commit(&d, &e), -1);
	assert_non_null(strstr(e.msg, "taken"));
	deploy_end(&d);
	err_clear(&e);
	(void)snprintf(path, sizeof(path), "%s/none/live", live);
	assert_int_equal(deploy_begin(&d, path, "a", NOW, &e), -1);
	assert_non_null(strstr(e.msg, path));
}

/* One whole version as of ${sec} seconds later. */
static void
one(const char *name, int sec, const char *text)
{
	struct deploy	d;
	struct err	e = ERR_INIT;

	if (deploy_begin(&d, live, name, NOW + sec * CLK_SEC, &e) == -1)
		fail_msg("%s", e.msg);
	put(&d, "key.pem", text, 1);
	put(&d, "fullchain.pem", text, 0);
	if (deploy_commit(&d, &e) == -1)
		fail_msg("%s", e.msg);
	deploy_end(&d);
}

static int
exists(const char *path)
{
	struct stat	st;
	char		name[1024];

	(void)snprintf(name, sizeof(name), "%s/%s", live, path);
	return lstat(name, &st) == 0;
}

/* A file or (without a text) a folder, as somebody else left it. */
static void
leave(const char *path, const char *text)
{
	char	 name[1024];
	FILE	*f;

	(void)snprintf(name, sizeof(name), "%s/%s", live, path);
	if (text == NULL) {
		assert_int_equal(mkdir(name, 0700), 0);
		return;
	}
	f = fopen(name, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

/* What a killed process left half written goes with the next version. */
static void
leftovers(void **state)
{
	static const char *const	gone[] = {
		".versions/.left-20261127T175959Z",
		".versions/.left-20261127T175959Z.1",
		".versions/.left-20261128T000000Z",
	};
	static const char *const	stay[] = {
		".versions/.left-over-20261127T175959Z",
		".versions/.left-20261127T175959",
		".versions/.left-20261127T175959Z.",
		".versions/.left-20261127T175959Z.x",
		".versions/.left-2026112XT175959Z",
		".versions/.lef-20261127T175959Z",
		".versions/left-over-20261127T175959Z",
	};
	char	path[512];
	size_t	i;

	(void)state;
	one("left", 0, "1");
	for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		leave(gone[i], NULL);
		(void)snprintf(path, sizeof(path), "%s/key.pem", gone[i]);
		leave(path, "half a k");
	}
	for (i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		leave(stay[i], NULL);
	leave(".left.new", "the link was half made");
	/* another name's deployment is no matter of it */
	one("other", 0, "1");
	for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		assert_true(exists(gone[i]));
	one("left", 1, "2");
	for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		if (exists(gone[i]))
			fail_msg("%s is still there", gone[i]);
	for (i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		if (!exists(stay[i]))
			fail_msg("%s is gone", stay[i]);
	assert_false(exists(".left.new"));
	is("left/key.pem", "2");
	is("other/key.pem", "1");
}

/* What somebody is writing is no leftover, and what is strange stays. */
static void
held(void **state)
{
	struct deploy	d;
	struct err	e = ERR_INIT;
	char		folder[512];

	(void)state;
	assert_int_equal(deploy_begin(&d, live, "held", NOW, &e), 0);
	put(&d, "key.pem", "slow", 1);
	(void)snprintf(folder, sizeof(folder), "%s", d.folder);
	leave(".versions/.held-20261127T170000Z", NULL);
	leave(".versions/.held-20261127T170000Z/notes", "by hand");
	one("held", 0, "quick");
	assert_true(exists(folder));
	assert_true(exists(".versions/.held-20261127T170000Z/notes"));
	is("held/key.pem", "quick");
	put(&d, "fullchain.pem", "slow", 0);
	assert_int_equal(deploy_commit(&d, &e), 0);
	deploy_end(&d);
	is("held/key.pem", "slow");
	is("held/fullchain.pem", "slow");
	is(".versions/held-20261127T180000Z/key.pem", "quick");
	assert_false(exists(folder));
}

/* As many old ones as the limit says, the newest, beside the one served. */
static void
kept(void **state)
{
	char	path[512], text[16];
	int	i, n = (int)LIMIT_DEPLOY_OLD + 3;

	(void)state;
	one("a-kept", 0, "another name");
	for (i = 0; i < n; i++) {
		(void)snprintf(text, sizeof(text), "%d", i);
		/* eleven in one second: .10 is newer than .9 */
		one("a", i < n - 2 ? 0 : i, text);
	}
	is("a/key.pem", text);
	for (i = 0; i < n; i++) {
		if (i == 0)
			(void)snprintf(path, sizeof(path),
			    ".versions/a-20261127T180000Z");
		else if (i < n - 2)
			(void)snprintf(path, sizeof(path),
			    ".versions/a-20261127T180000Z.%d", i);
		else
			(void)snprintf(path, sizeof(path),
			    ".versions/a-20261127T1800%02dZ", i);
		assert_int_equal(exists(path), i >= n - 1 -
		    (int)LIMIT_DEPLOY_OLD);
	}
	is("a-kept/key.pem", "another name");
	/* time went back: the one that is served stays, though the oldest */
	one("a", -3600, "back");
	is("a/key.pem", "back");
	one("a", -3500, "again");
	is("a/key.pem", "again");
	assert_false(exists(".versions/a-20261127T170000Z"));
}

/* 25 versions, each with the number of who made it in both files. */
static void
deploy_many(int who)
{
	struct deploy	d;
	struct err	e = ERR_INIT;
	char		text[2] = { (char)('0' + who), '\0' };
	int		k;

	for (k = 0; k < 25; k++) {
		if (deploy_begin(&d, live, "crowd", NOW + k * CLK_SEC, &e) ==
		    -1 || deploy_file(&d, "key.pem", SPAN_STR(text), 1, &e) ==
		    -1 || deploy_file(&d, "fullchain.pem", SPAN_STR(text), 0,
		    &e) == -1 || deploy_commit(&d, &e) == -1) {
			fprintf(stderr, "%s\n", e.msg);
			_exit(1);
		}
		deploy_end(&d);
	}
	_exit(0);
}

static int
byte_of(int at, const char *file)
{
	char	c = 0;
	int	fd = openat(at, file, O_RDONLY);

	if (fd != -1 && read(fd, &c, 1) != 1)
		c = '?';
	if (fd != -1)
		(void)close(fd);
	return c;
}

/* Some processes at once: each ends well, and what is served is whole. */
static void
crowd(void **state)
{
	char	path[512];
	pid_t	pid[4];
	int	i, st, left = 4, fd, key, full, looks = 0;

	(void)state;
	one("crowd", 0, "x");
	(void)snprintf(path, sizeof(path), "%s/crowd", live);
	for (i = 0; i < 4; i++) {
		pid[i] = fork();
		assert_int_not_equal(pid[i], -1);
		if (pid[i] == 0)
			deploy_many(i);
	}
	for (; left != 0; looks++) {
		fd = open(path, O_RDONLY | O_DIRECTORY);
		if (fd == -1)	/* the same, between link and folder */
			fd = open(path, O_RDONLY | O_DIRECTORY);
		if (fd == -1)
			fail_msg("%s: %s", path, strerror(errno));
		full = byte_of(fd, "fullchain.pem");
		key = byte_of(fd, "key.pem");
		/* 0: eleven versions younger by now, and taken away */
		if (key != 0 && full != 0)
			assert_int_equal(key, full);
		(void)close(fd);
		if (waitpid(-1, &st, WNOHANG) > 0) {
			assert_int_equal(st, 0);
			left--;
		}
	}
	assert_true(looks > 4);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_not_equal(byte_of(fd, "key.pem"), 0);
	assert_int_equal(byte_of(fd, "key.pem"), byte_of(fd,
	    "fullchain.pem"));
	(void)close(fd);
}

static int
make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(live, sizeof(live), "%s/live", dir);
	return 0;
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int
drop_dir(void **state)
{
	(void)state;
	return nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(exchange),
		cmocka_unit_test(refused),
		cmocka_unit_test(leftovers),
		cmocka_unit_test(held),
		cmocka_unit_test(kept),
		cmocka_unit_test(crowd),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
