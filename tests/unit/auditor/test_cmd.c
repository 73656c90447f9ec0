#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <pwd.h>
#include <unistd.h>

#include "auditor/cmd/cmd.h"
#include "auditor/conf_table.h"
#include "base/mem.h"

/* What a hostile certificate may say, and what is shown. */
static void
test_clean(void **state)
{
	static const char *const	 t[][2] = {
		{ "", "" }, { "example.com", "example.com" },
		{ "b\xc3\xbc" "cher", "b\xc3\xbc" "cher" },
		{ "a\nb", "a\\x0ab" }, { "\033[2J", "\\x1b[2J" },
		{ "\x7f", "\\x7f" }, { "\r", "\\x0d" },
		{ "\xc2\x9b" "31m", "\\u{9b}31m" },
		{ "\xe2\x80\xae" "moc", "\\u{202e}moc" },
		{ "\xe2\x81\xa6", "\\u{2066}" },
		{ "\xe2\x80\x8b", "\\u{200b}" },
		{ "\xef\xbb\xbf", "\\u{feff}" },
		{ "\xf3\xa0\x81\x81", "\\u{e0041}" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
		/* not UTF-8: overlong, surrogate, cut, too large, stray */
		{ "\xc0\xaf", "\\xc0\\xaf" },
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xc3", "\\xc3" }, { "\xe2\x80", "\\xe2\\x80" },
		{ "\xf0\x9f\x98", "\\xf0\\x9f\\x98" },
		{ "\x80", "\\x80" }, { "\xff", "\\xff" },
	};
	char	*got;
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		got = cmd_clean(t[i][0]);
		assert_string_equal(got, t[i][1]);
		free(got);
	}
}

static void
test_actor(void **state)
{
	const char	*at = strchr(cmd_actor(), '@');

	(void)state;
	assert_non_null(at);
	assert_true(at > cmd_actor() && at[1] != '\0');
	assert_ptr_equal(cmd_actor(), cmd_actor());
}

/* --- the state directory, as root and as another -------------------------- */

static char base[] = "/tmp/test-cmd-XXXXXX";

enum before { NOTHING, EMPTY, FOREIGN, OURS, LINK };

/* In a child, because it changes its user: the code, 0 when it went well. */
static int
become(const char *dir)
{
	struct cmd_ctx	ctx = { 0 };
	struct err	e = ERR_INIT;
	int		status;
	pid_t		pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		ctx.conf = conf_default();
		free(ctx.conf->state_dir);
		ctx.conf->state_dir = mem_str(dir);
		if (cmd_become(&ctx, &e) == 0 &&
		    (geteuid() == 0 || access(dir, W_OK) == -1))
			e.code = ERR_MAX;
		conf_free(ctx.conf);
		conf_secret_forget();
		_exit((int)e.code);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
one_state(enum before b, int want)
{
	char		*dir = mem_printf("%s/s%d", base, b);
	char		*in = mem_printf("%s/%s", dir, b == OURS ? "pg" : "x");
	struct stat	 st;

	if (b != NOTHING)
		assert_int_equal(mkdir(dir, 0755), 0);
	if (b == FOREIGN || b == OURS)
		assert_int_equal(mkdir(in, 0755), 0);
	if (b == LINK) {
		assert_int_equal(rmdir(dir), 0);
		assert_int_equal(symlink("/etc", dir), 0);
	}
	assert_int_equal(become(dir), want);
	if (want == ERR_NONE) {
		assert_int_equal(stat(dir, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		assert_int_not_equal(st.st_uid, 0);
		assert_int_equal(become(dir), ERR_NONE);
	} else if (b == FOREIGN) {
		assert_int_equal(stat(dir, &st), 0);
		assert_int_equal(st.st_uid, 0);
	}
	(void)rmdir(in);
	(void)(b == LINK ? unlink(dir) : rmdir(dir));
	free(in);
	free(dir);
}

static void
test_become(void **state)
{
	(void)state;
	if (geteuid() != 0 || getpwnam("certvigil") == NULL) {
		(void)printf("SKIP 5 test_become: needs root and the "
		    "certvigil user\n");
		return;
	}
	one_state(NOTHING, ERR_NONE);
	one_state(EMPTY, ERR_NONE);
	one_state(OURS, ERR_NONE);
	one_state(FOREIGN, ERR_CONF);
	one_state(LINK, ERR_CONF);
}

/* --- the manual has every key --------------------------------------------- */

static char *
slurp(const char *path)
{
	struct buf	 b = BUF_INIT;
	FILE		*f = fopen(path, "re");
	size_t		 n;

	if (f == NULL)
		fail_msg("%s is missing", path);
	do {
		n = fread(buf_room(&b, 4096), 1, 4096, f);
		b.n += n;
	} while (n > 0);
	b.p[b.n] = '\0';
	(void)fclose(f);
	return (char *)buf_detach(&b, &n);
}

/* The sections of a mapping stand behind each other, in any order. */
static size_t
documented(const struct conf_map *m, const char *manual, size_t depth)
{
	const struct conf_key	*k;
	char			*item;
	size_t			 n = 0;

	for (k = m->keys; k->name != NULL; k++) {
		item = mem_printf("\n.It Ic %s :", k->name);
		if (strcmp(k->name, "action") != 0 &&
		    (k->flags & CONF_F_NAME) == 0) {
			if (strstr(manual, item) == NULL)
				fail_msg("certvigil.yaml.5: no `%s`", k->name);
			n++;
		}
		free(item);
		if (k->map != NULL && depth < 5)
			n += documented(k->map, manual, depth + 1);
	}
	return n;
}

static void
test_manual(void **state)
{
	char	*manual = slurp("docs/certvigil.yaml.5");

	(void)state;
	assert_true(documented(&conf_table, manual, 0) > 50);
	free(manual);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(base) == NULL)
		return -1;
	return chmod(base, 0755);
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(base);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_actor),
		cmocka_unit_test(test_become),
		cmocka_unit_test(test_manual),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
