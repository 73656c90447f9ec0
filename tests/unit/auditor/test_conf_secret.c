#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/conf.h"
#include "base/limit.h"
#include "base/mem.h"
#include "tests/unit/auditor/conf_fixture.h"

struct secret {
	const char	*data;
	size_t		 n;
	const char	*want;	/* NULL: refused */
};

static void
test_secret(void **state)
{
	static const struct secret	 t[] = {
		{ "whsec_x", 7, "whsec_x" }, { "a\n", 2, "a" },
		{ "a\r\n\n", 4, "a" }, { "a\nb\n", 4, "a\nb" },
		{ " a ", 3, " a " }, { "", 0, NULL }, { "\n", 1, NULL },
		{ "a\0b", 3, NULL },
	};
	struct err	 e;
	char		*path, *got;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memset(&e, 0, sizeof(e));
		path = spill("secret", t[i].data, t[i].n);
		got = conf_secret(path, &e);
		if (t[i].want == NULL) {
			assert_null(got);
			assert_int_equal(e.code, ERR_CONF);
		} else {
			assert_non_null(got);
			assert_string_equal(got, t[i].want);
		}
		free(got);
		free(path);
	}
	assert_null(conf_secret(folder, NULL));
	assert_null(conf_secret("/nonexistent/secret", NULL));
}

static void
test_secret_cap(void **state)
{
	char	*big = mem_zero(LIMIT_CONF_SECRET + 1), *path, *got;

	(void)state;
	memset(big, 'x', LIMIT_CONF_SECRET + 1);
	path = spill("big", big, LIMIT_CONF_SECRET);
	got = conf_secret(path, NULL);
	assert_non_null(got);
	assert_int_equal(strlen(got), LIMIT_CONF_SECRET);
	free(got);
	free(path);
	path = spill("big", big, LIMIT_CONF_SECRET + 1);
	assert_null(conf_secret(path, NULL));
	free(path);
	free(big);
}

static void
test_credential(void **state)
{
	static const char *const	 bad[] = {
		"credential:", "credential:../x", "credential:a/b",
		"credential:.", "credential:missing",
	};
	struct err	 e = ERR_INIT;
	char		*path, *got;
	size_t		 i;

	(void)state;
	path = spill_text("hook", "text\n");
	assert_null(conf_secret("credential:hook", &e));
	assert_non_null(strstr(e.msg, "LoadCredential=hook"));
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
	got = conf_secret("credential:hook", NULL);
	assert_non_null(got);
	assert_string_equal(got, "text");
	free(got);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_null(conf_secret(bad[i], &e));
		assert_int_equal(e.code, ERR_CONF);
	}
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	free(path);
}

/* Whose secrets are kept: not only those of channels. */
static void
test_preload_dns(void **state)
{
	struct buf	 text = BUF_INIT;
	struct conf	*c;
	char		*path = spill_text("tsig", "abcd\n"), *got;

	(void)state;
	buf_fmt(&text, "acme:\n  challenges:\n    dns-01:\n      rfc2136: "
	    "{server: 192.0.2.1, key_name: a, secret_file: %s}\n", path);
	c = parse(buf_text(&text), NULL);
	assert_non_null(c);
	conf_secret_preload(c, (uid_t)-1);
	assert_int_equal(unlink(path), 0);
	got = conf_secret(path, NULL);
	assert_string_equal(got, "abcd");
	free(got);
	conf_secret_forget();
	conf_free(c);
	buf_free(&text);
	free(path);
}

/* What root read stays, a file that can be read is newer. */
static void
test_preload(void **state)
{
	struct buf	 packed = BUF_INIT, text = BUF_INIT;
	struct conf	*c;
	struct err	 e = ERR_INIT;
	char		*path, *got;
	size_t		 n;

	(void)state;
	path = spill_text("soc.secret", "one");
	buf_fmt(&text, "channels:\n  - {name: a, kind: webhook, "
	    "url_file: %s/none, secret_file: %s}\n", folder, path);
	c = parse(buf_text(&text), &e);
	assert_non_null(c);
	/* who may exchange it can read it: nothing is kept */
	conf_secret_preload(c, getuid());
	conf_secret_pack(&packed);
	assert_int_equal(packed.n, 0);
	conf_secret_preload(c, (uid_t)-1);
	free(spill_text("soc.secret", "two"));
	got = conf_secret(path, NULL);
	assert_string_equal(got, "two");
	free(got);
	assert_int_equal(unlink(path), 0);
	got = conf_secret(path, NULL);
	assert_string_equal(got, "one");
	free(got);

	conf_secret_pack(&packed);
	conf_secret_forget();
	assert_null(conf_secret(path, NULL));
	for (n = 1; n < packed.n; n++) {
		err_clear(&e);
		assert_int_equal(conf_secret_unpack(cur_of(packed.p, n), &e),
		    -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	assert_null(conf_secret(path, NULL));
	assert_int_equal(conf_secret_unpack(cur_of(packed.p, packed.n),
	    NULL), 0);
	got = conf_secret(path, NULL);
	assert_string_equal(got, "one");
	free(got);
	assert_int_equal(conf_secret_unpack(cur_of(packed.p, packed.n),
	    NULL), 0);
	conf_secret_forget();
	conf_free(c);
	buf_free(&packed);
	buf_free(&text);
	free(path);
}

static int
setup(void **state)
{
	(void)state;
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_secret_cap),
		cmocka_unit_test(test_credential),
		cmocka_unit_test(test_preload),
		cmocka_unit_test(test_preload_dns),
	};

	return cmocka_run_group_tests(tests, setup, folder_remove);
}
