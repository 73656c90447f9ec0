/* A token as a file below a web server's directory, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditor/webroot.h"
#include "base/err.h"
#include "base/limit.h"

#define TOKEN	"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define KEYAUTH	TOKEN ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define BELOW	"/.well-known/acme-challenge"

static char	top[64];	/* of this test */
static char	root[80];	/* the web server's directory in it */

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static int
begin(void **state)
{
	(void)state;
	(void)snprintf(top, sizeof(top), "/tmp/certvigil-webroot-XXXXXX");
	if (mkdtemp(top) == NULL || chmod(top, 0755) != 0)
		return 1;
	(void)snprintf(root, sizeof(root), "%s/www", top);
	return mkdir(root, 0755);
}

static int
finish(void **state)
{
	(void)state;
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* root and what is below it; static, four at a time. */
static const char *
at(const char *below)
{
	static char	paths[4][512];
	static int	i;

	i = (i + 1) % 4;
	(void)snprintf(paths[i], sizeof(paths[i]), "%s%s", root, below);
	return paths[i];
}

static void
make_file(const char *path, const char *text)
{
	FILE	*f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
expect_file(const char *path, const char *text)
{
	char	got[512];
	size_t	n;
	FILE	*f = fopen(path, "re");

	assert_non_null(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	(void)fclose(f);
	assert_string_equal(got, text);
}

static void
expect_mode(const char *path, mode_t mode)
{
	struct stat	st;

	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, mode);
}

/* How many names there are. */
static size_t
count(const char *path)
{
	struct dirent	*d;
	DIR		*dir = opendir(path);
	size_t		 n = 0;

	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL)
		n += strcmp(d->d_name, ".") != 0 &&
		    strcmp(d->d_name, "..") != 0;
	(void)closedir(dir);
	return n;
}

static void
put(const char *token, const char *keyauth)
{
	struct err	e = ERR_INIT;

	if (webroot_put(root, token, keyauth, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
drop(const char *token)
{
	struct err	e = ERR_INIT;

	if (webroot_drop(root, token, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
refused(const char *token, const char *keyauth, enum err_code code)
{
	struct err	e = ERR_INIT;

	assert_int_equal(webroot_put(root, token, keyauth, &e), -1);
	if (e.code != code)
		fail_msg("%s: %s", err_name(e.code), e.msg);
}

static void
places(void **state)
{
	mode_t	mask = umask(0077);

	(void)state;
	drop(TOKEN);
	assert_int_equal(count(root), 0);
	put(TOKEN, KEYAUTH);
	put("b", "b.x");
	expect_file(at(BELOW "/" TOKEN), KEYAUTH);
	expect_file(at(BELOW "/b"), "b.x");
	/* The web server can read it, whatever our mask is. */
	expect_mode(at("/.well-known"), S_IFDIR | 0755);
	expect_mode(at(BELOW), S_IFDIR | 0755);
	expect_mode(at(BELOW "/" TOKEN), S_IFREG | 0644);
	assert_int_equal(count(at(BELOW)), 2);
	put("b", "b.y");
	expect_file(at(BELOW "/b"), "b.y");
	assert_int_equal(count(at(BELOW)), 2);
	drop("b");
	drop("b");
	drop("never");
	assert_int_equal(count(at(BELOW)), 1);
	expect_file(at(BELOW "/" TOKEN), KEYAUTH);
	drop(TOKEN);
	assert_int_equal(count(at(BELOW)), 0);
	(void)umask(mask);
}

/* What is there already is used, and left as it is. */
static void
shares(void **state)
{
	(void)state;
	assert_int_equal(mkdir(at("/.well-known"), 0750), 0);
	assert_int_equal(mkdir(at(BELOW), 0700), 0);
	make_file(at("/.well-known/security.txt"), "x");
	make_file(at(BELOW "/others"), "o");
	put("b", "b.x");
	expect_mode(at("/.well-known"), S_IFDIR | 0750);
	expect_mode(at(BELOW), S_IFDIR | 0700);
	drop("b");
	expect_file(at(BELOW "/others"), "o");
	expect_file(at("/.well-known/security.txt"), "x");
}

/* The directory itself may be a link: the operator's choice. */
static void
root_link(void **state)
{
	char	link[96];

	(void)state;
	(void)snprintf(link, sizeof(link), "%s/link", top);
	assert_int_equal(symlink(root, link), 0);
	assert_int_equal(webroot_put(link, "b", "b.x", NULL), 0);
	expect_file(at(BELOW "/b"), "b.x");
	assert_int_equal(webroot_drop(link, "b", NULL), 0);
}

/* The CA's token is no path: nothing is made. */
static void
tokens(void **state)
{
	static const char *const	bad[] = {
		"", ".", "..", "../b", "a/b", "/etc/passwd", "a.b", "a\nb",
		"a b", "$(id)", "\xc3\xa4", ".b.new", "a=",
	};
	char				text[LIMIT_CHALLENGE_TOKEN + 2];
	char				auth[LIMIT_CHALLENGE_TOKEN + 8];
	struct err			e = ERR_INIT;
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(auth, sizeof(auth), "%s.x", bad[i]);
		refused(bad[i], auth, ERR_FORMAT);
		err_clear(&e);
		assert_int_equal(webroot_drop(root, bad[i], &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	refused("b", "c.x", ERR_FORMAT);
	refused("b", "b", ERR_FORMAT);
	refused("b", "b.<script>", ERR_FORMAT);
	memset(text, 'a', sizeof(text));
	text[LIMIT_CHALLENGE_TOKEN + 1] = '\0';
	(void)snprintf(auth, sizeof(auth), "%s.x", text);
	refused(text, auth, ERR_FORMAT);
	assert_int_equal(count(root), 0);
	/* As long as one may be. */
	text[LIMIT_CHALLENGE_TOKEN] = '\0';
	(void)snprintf(auth, sizeof(auth), "%s.x", text);
	put(text, auth);
	assert_int_equal(count(at(BELOW)), 1);
	drop(text);
	assert_int_equal(count(at(BELOW)), 0);
}

/* Links below the directory lead nowhere. */
static void
links(void **state)
{
	char	away[96];

	(void)state;
	(void)snprintf(away, sizeof(away), "%s/away", top);
	assert_int_equal(mkdir(away, 0755), 0);
	assert_int_equal(symlink(away, at("/.well-known")), 0);
	refused("b", "b.x", ERR_CONF);
	assert_int_equal(webroot_drop(root, "b", NULL), -1);
	assert_int_equal(count(away), 0);
	assert_int_equal(unlink(at("/.well-known")), 0);
	assert_int_equal(mkdir(at("/.well-known"), 0755), 0);
	assert_int_equal(symlink(away, at(BELOW)), 0);
	refused("b", "b.x", ERR_CONF);
	assert_int_equal(count(away), 0);
	assert_int_equal(unlink(at(BELOW)), 0);
	assert_int_equal(mkdir(at(BELOW), 0755), 0);
	/* A link in place of the file, or of the one being written. */
	(void)snprintf(away, sizeof(away), "%s/away/file", top);
	make_file(away, "keep");
	assert_int_equal(symlink(away, at(BELOW "/b")), 0);
	assert_int_equal(symlink(away, at(BELOW "/.b.new")), 0);
	put("b", "b.x");
	expect_file(away, "keep");
	expect_file(at(BELOW "/b"), "b.x");
	expect_mode(at(BELOW "/b"), S_IFREG | 0644);
	assert_int_equal(unlink(at(BELOW "/b")), 0);
	assert_int_equal(symlink(away, at(BELOW "/b")), 0);
	drop("b");
	expect_file(away, "keep");
	assert_int_equal(count(at(BELOW)), 0);
}

/* What was left by one that was killed is removed. */
static void
left_over(void **state)
{
	(void)state;
	put("a", "a.x");
	make_file(at(BELOW "/.b.new"), "b.");
	drop("b");
	assert_int_equal(count(at(BELOW)), 1);
	make_file(at(BELOW "/.b.new"), "b. and much more than before");
	put("b", "b.x");
	expect_file(at(BELOW "/b"), "b.x");
	assert_int_equal(count(at(BELOW)), 2);
}

static void
in_the_way(void **state)
{
	struct err	e = ERR_INIT;

	(void)state;
	/* The directory of tokens, a token, is something else. */
	assert_int_equal(mkdir(at("/.well-known"), 0755), 0);
	make_file(at(BELOW), "x");
	refused("b", "b.x", ERR_CONF);
	expect_file(at(BELOW), "x");
	assert_int_equal(unlink(at(BELOW)), 0);
	assert_int_equal(mkdir(at(BELOW), 0755), 0);
	assert_int_equal(mkdir(at(BELOW "/b"), 0755), 0);
	refused("b", "b.x", ERR_SYS);
	assert_int_equal(webroot_drop(root, "b", NULL), -1);
	assert_int_equal(count(at(BELOW)), 1);
	/* There is no such directory; it is a file. */
	assert_int_equal(webroot_put(at("/none"), "b", "b.x", &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "/none"));
	assert_int_equal(webroot_drop(at("/none"), "b", NULL), 0);
	make_file(at("/file"), "x");
	err_clear(&e);
	assert_int_equal(webroot_put(at("/file"), "b", "b.x", &e), -1);
	assert_int_equal(e.code, ERR_CONF);
}

/* Another user, who may not write there. */
static void
no_right(void **state)
{
	struct err	e = ERR_INIT;
	int		status = 0;
	pid_t		pid;

	(void)state;
	assert_int_equal(chmod(root, 0555), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
			_exit(1);
		if (webroot_put(root, "b", "b.x", &e) != -1)
			_exit(2);
		_exit(e.code == ERR_PERM && strstr(e.msg, root) != NULL ? 0 :
		    3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(chmod(root, 0755), 0);
	assert_int_equal(count(root), 0);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, begin, finish)
	const struct CMUnitTest	tests[] = {
		T(places), T(shares), T(root_link), T(tokens), T(links),
		T(left_over), T(in_the_way), T(no_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
