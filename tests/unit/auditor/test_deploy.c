#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/deploy.h"

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
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
