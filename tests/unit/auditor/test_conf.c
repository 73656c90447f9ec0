#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/conf.h"
#include "auditor/conf_show.h"
#include "base/limit.h"
#include "base/mem.h"
#include "tests/unit/auditor/conf_fixture.h"

#define CORPUS "tests/corpus/conf"

/* --- files ---------------------------------------------------------------- */

static void
slurp(const char *path, struct buf *b)
{
	FILE	*f = fopen(path, "re");
	size_t	 n;

	if (f == NULL)
		fail_msg("%s is missing", path);
	do {
		n = fread(buf_room(b, 4096), 1, 4096, f);
		b->n += n;
	} while (n > 0);
	b->p[b->n] = '\0';
	(void)fclose(f);
}

/* --- the corpus ----------------------------------------------------------- */

static char *
shown(struct conf *c)
{
	struct conf	*d = conf_default();
	struct buf	 b = BUF_INIT;

	/* The default depends on the machine. */
	if (strcmp(c->contact, d->contact) == 0) {
		free(c->contact);
		c->contact = mem_str("root@HOSTNAME");
	}
	conf_free(d);
	conf_show_yaml(c, &b);
	return (char *)buf_detach(&b, &(size_t){ 0 });
}

/* The same message for every version of the program. */
static char *
any_version(const char *text)
{
	static const char	 own[] = "(" CERTVIGIL_VERSION ")";
	const char		*at = strstr(text, own);

	if (at == NULL)
		return mem_str(text);
	return mem_printf("%.*s(VERSION)%s", (int)(at - text), text,
	    at + strlen(own));
}

/* What is shown must read back as the same. */
static void
round_trip(const char *name, const char *text)
{
	struct err	 e = ERR_INIT;
	struct conf	*c = parse(text, &e);
	char		*again;

	if (c == NULL)
		fail_msg("%s: what was shown is refused: %s\n%s", name, e.msg,
		    text);
	again = shown(c);
	assert_string_equal(again, text);
	free(again);
	conf_free(c);
}

static void
one_case(const char *name)
{
	char		*in = mem_printf(CORPUS "/%s/input.yaml", name);
	char		*want = mem_printf(CORPUS "/%s/want", name);
	char		*got, *raw;
	struct buf	 text = BUF_INIT, expect = BUF_INIT;
	struct err	 e = ERR_INIT;
	struct conf	*c;

	slurp(in, &text);
	c = conf_parse(buf_text(&text), text.n, "input.yaml", &e);
	if (c != NULL) {
		got = shown(c);
	} else {
		raw = mem_printf("%s %s\n", err_name(e.code), e.msg);
		got = any_version(raw);
		free(raw);
	}
	slurp(want, &expect);
	if ((c != NULL) != (strncmp(name, "ok-", 3) == 0))
		fail_msg("%s: %s", name, got);
	if (strcmp(got, buf_text(&expect)) != 0)
		fail_msg("%s: got\n%s\nwant\n%s", name, got,
		    buf_text(&expect));
	if (c != NULL)
		round_trip(name, got);
	else
		assert_true(e.code == ERR_CONF || e.code == ERR_LIMIT);
	free(got);
	conf_free(c);
	buf_free(&text);
	buf_free(&expect);
	free(in);
	free(want);
}

static void
test_corpus(void **state)
{
	struct dirent	**list = NULL;
	int		  i, n, done = 0;

	(void)state;
	n = scandir(CORPUS, &list, NULL, alphasort);
	assert_true(n > 2);
	for (i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.') {
			one_case(list[i]->d_name);
			done++;
		}
		free(list[i]);
	}
	free(list);
	assert_true(done >= 90);
}

/* Every prefix of a good file is taken or refused, never anything else. */
static void
test_prefixes(void **state)
{
	struct buf	 text = BUF_INIT;
	struct conf	*c;
	struct err	 e;
	char		*copy;
	size_t		 n, good = 0;

	(void)state;
	slurp(CORPUS "/ok-contract/input.yaml", &text);
	for (n = 0; n <= text.n; n++) {
		memset(&e, 0, sizeof(e));
		copy = mem_dup(text.p, n);
		c = conf_parse(copy, n, NULL, &e);
		assert_true((c == NULL) == (e.code != ERR_NONE));
		good += c != NULL;
		conf_free(c);
		free(copy);
	}
	assert_true(good > 10 && good < text.n);
	buf_free(&text);
}

/* --- values --------------------------------------------------------------- */

static void
test_defaults(void **state)
{
	struct conf	*c = conf_default();

	(void)state;
	assert_null(c->path);
	assert_string_equal(c->database, "embedded");
	assert_string_equal(c->state_dir, "/state");
	assert_string_equal(c->log_list_url, "default");
	assert_string_equal(c->apple_list_url, "default");
	assert_string_equal(c->log_list_key, "builtin");
	assert_null(c->log_list_file);
	assert_int_equal(c->poll, 60);
	assert_int_equal(c->start_now, 1);
	assert_int_equal(c->workers, 0);
	assert_int_equal(c->fetch_max_rate, 0);
	assert_int_equal(c->heartbeat_every, 60);
	assert_null(c->digest_at);
	assert_int_equal(c->nwatch, 0);
	conf_free(c);
	conf_free(NULL);
}

static void
test_contract(void **state)
{
	struct buf			 text = BUF_INIT;
	struct err			 e = ERR_INIT;
	const struct conf_policy	*p;
	struct conf			*c;

	(void)state;
	slurp(CORPUS "/ok-contract/input.yaml", &text);
	c = conf_parse(buf_text(&text), text.n, "/etc/cv/c.yaml", &e);
	assert_non_null(c);
	assert_int_equal(c->fetch_max_rate, 20000000);
	assert_string_equal(c->fetch_ca_file, "/etc/cv/extra.pem");
	assert_string_equal(c->watch_file, "/etc/cv/watch.txt");
	assert_int_equal(c->nwatch, 2);
	assert_string_equal(c->watch[0].name, ".example.com");
	assert_string_equal(c->watch[0].owner, "");
	assert_string_equal(c->watch[1].policy, "strict");
	assert_string_equal(c->watch[1].exclude.v[0], "dev.shop.example");
	p = conf_policy(c, "strict");
	assert_non_null(p);
	assert_int_equal(p->nissuers, 3);
	assert_string_equal(p->issuers[2].owner, "*");
	assert_int_equal(p->issuers[0].action, CONF_HOLD);
	assert_int_equal(p->issuers[1].action, CONF_DIGEST);
	assert_int_equal(p->issuers[2].action, CONF_PAGE);
	assert_int_equal(p->hold, 1800);
	assert_int_equal(p->key_types.n, 3);
	assert_null(conf_policy(c, "lax"));
	assert_null(conf_policy(c, NULL));
	assert_true(c->sources[0].until == INT64_C(1811894399999999));
	assert_string_equal(c->channels[0].url_file, "/etc/cv/soc.url");
	assert_null(c->channels[0].url);
	assert_string_equal(c->channels[3].program,
	    "/usr/local/bin/on-finding");
	assert_int_equal(c->routes[0].group_wait, 60);
	assert_string_equal(c->routes[0].owner, "team-b");
	assert_int_equal(c->routes[1].severity.n, 0);
	assert_int_equal(c->routes[1].group_wait, 0);
	assert_string_equal(c->digest_at, "08:00");
	conf_free(c);
	buf_free(&text);
}

struct value {
	const char	*text;
	int64_t		 want;	/* -1: refused */
};

static void
test_durations(void **state)
{
	static const struct value	 t[] = {
		{ "0s", 0 }, { "60s", 60 }, { "30m", 1800 }, { "6h", 21600 },
		{ "1d", 86400 }, { "30d", 2592000 }, { "2592000s", 2592000 },
		{ "2592001s", -1 }, { "31d", -1 }, { "", -1 }, { "1", -1 },
		{ "s", -1 }, { "1S", -1 }, { "1w", -1 }, { "1h30m", -1 },
		{ " 1s", -1 }, { "+1s", -1 }, { "1.5h", -1 },
		{ "9223372036854775807s", -1 }, { "9223372036854775808d", -1 },
	};
	struct conf	*c;
	char		*text;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		text = mem_printf("policies: {p: {hold: \"%s\"}}\n",
		    t[i].text);
		c = parse(text, NULL);
		if ((c == NULL) != (t[i].want == -1))
			fail_msg("`%s`", t[i].text);
		if (c != NULL)
			assert_int_equal(c->policies[0].hold, t[i].want);
		conf_free(c);
		free(text);
	}
}

static void
test_rates(void **state)
{
	static const struct value	 t[] = {
		{ "none", 0 }, { "1000B/s", 1000 }, { "999B/s", -1 },
		{ "1KB/s", 1000 }, { "1kB/s", 1000 }, { "20MB/s", 20000000 },
		{ "100GB/s", INT64_C(100000000000) }, { "101GB/s", -1 },
		{ "20MB", -1 }, { "20mb/s", -1 }, { "1000", -1 },
	};
	struct conf	*c;
	char		*text;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		text = mem_printf("fetch: {max_rate: %s}\n", t[i].text);
		c = parse(text, NULL);
		if ((c == NULL) != (t[i].want == -1))
			fail_msg("`%s`", t[i].text);
		if (c != NULL)
			assert_true(c->fetch_max_rate == t[i].want);
		conf_free(c);
		free(text);
	}
}

/* --- caps: at the limit, and one more ------------------------------------- */

static struct conf *
filled(const char *before, char fill, size_t n, const char *after,
    struct err *e)
{
	struct buf	 b = BUF_INIT;
	struct conf	*c;

	buf_str(&b, before);
	memset(buf_room(&b, n), fill, n);
	b.n += n;
	buf_str(&b, after);
	c = conf_parse((const char *)b.p, b.n, NULL, e);
	buf_free(&b);
	return c;
}

static void
test_cap_file(void **state)
{
	struct err	 e = ERR_INIT;
	struct conf	*c;

	(void)state;
	c = filled("#", 'x', LIMIT_CONF_FILE - 2, "\n", &e);
	assert_non_null(c);
	conf_free(c);
	assert_null(filled("#", 'x', LIMIT_CONF_FILE - 1, "\n", &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
test_cap_text(void **state)
{
	struct err	 e = ERR_INIT;
	struct conf	*c;

	(void)state;
	c = filled("ccadb_csv: ", 'x', LIMIT_CONF_TEXT, "\n", &e);
	assert_non_null(c);
	conf_free(c);
	assert_null(filled("ccadb_csv: ", 'x', LIMIT_CONF_TEXT + 1, "\n",
	    &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
test_cap_depth(void **state)
{
	struct err	 e = ERR_INIT;

	(void)state;
	/* The root mapping is one level. */
	assert_null(filled("watch: ", '[', LIMIT_CONF_DEPTH - 1, "", &e));
	assert_int_equal(e.code, ERR_CONF);
	err_clear(&e);
	assert_null(filled("watch: ", '[', LIMIT_CONF_DEPTH, "", &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
test_cap_items(void **state)
{
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;
	struct conf	*c;
	size_t		 i;

	(void)state;
	buf_str(&b, "watch:\n");
	for (i = 0; i < LIMIT_CONF_ITEMS; i++)
		buf_fmt(&b, "- w%zu.example\n", i);
	c = parse(buf_text(&b), &e);
	assert_non_null(c);
	assert_int_equal(c->nwatch, LIMIT_CONF_ITEMS);
	conf_free(c);
	buf_str(&b, "- one.more.example\n");
	assert_null(parse(buf_text(&b), &e));
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&b);
}

/* --- where it is looked for ----------------------------------------------- */

static void
test_load(void **state)
{
	struct err	 e = ERR_INIT;
	struct conf	*c;
	char		*path, *place;

	(void)state;
	path = spill_text("load.yaml", "watch_file: w.txt\n");
	c = conf_load(path, &e);
	assert_non_null(c);
	assert_string_equal(c->path, path);
	place = mem_printf("%s/w.txt", folder);
	assert_string_equal(c->watch_file, place);
	conf_free(c);
	free(place);

	assert_int_equal(setenv("CERTVIGIL_CONFIG", path, 1), 0);
	c = conf_load(NULL, &e);
	assert_non_null(c);
	assert_string_equal(c->path, path);
	conf_free(c);
	place = conf_place(NULL);
	assert_string_equal(place, path);
	free(place);
	place = conf_place("/x/y.yaml");
	assert_string_equal(place, "/x/y.yaml");
	free(place);

	assert_int_equal(unlink(path), 0);
	assert_null(conf_load(NULL, &e));
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, path));
	err_clear(&e);
	assert_null(conf_load(folder, &e));
	assert_int_equal(e.code, ERR_CONF);
	assert_int_equal(unsetenv("CERTVIGIL_CONFIG"), 0);
	free(path);
}

static void
test_search(void **state)
{
	struct err	 e = ERR_INIT;
	struct conf	*c;
	char		*path, *dir;

	(void)state;
	if (access("/etc/certvigil/certvigil.yaml", F_OK) == 0) {
		(void)printf("SKIP 1 test_search: this machine has its own "
		    "configuration\n");
		return;
	}
	assert_int_equal(setenv("XDG_CONFIG_HOME", folder, 1), 0);
	c = conf_load(NULL, &e);
	assert_non_null(c);
	assert_null(c->path);
	conf_free(c);
	dir = mem_printf("%s/certvigil", folder);
	assert_int_equal(mkdir(dir, 0700), 0);
	path = spill_text("certvigil/certvigil.yaml", "poll: 30s\n");
	c = conf_load(NULL, &e);
	assert_non_null(c);
	assert_int_equal(c->poll, 30);
	conf_free(c);
	free(path);
	path = spill_text("certvigil/certvigil.yaml", "pol: 30s\n");
	assert_null(conf_load(NULL, &e));
	assert_int_equal(e.code, ERR_CONF);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
	free(dir);
	free(path);
}

static void
test_state_dir(void **state)
{
	struct conf	*c;

	(void)state;
	assert_int_equal(setenv("STATE_DIRECTORY", "/a/b:/c", 1), 0);
	c = conf_default();
	assert_string_equal(c->state_dir, "/a/b");
	conf_free(c);
	assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
	assert_int_equal(setenv("XDG_STATE_HOME", "/xdg", 1), 0);
	c = conf_default();
	assert_string_equal(c->state_dir, geteuid() == 0 ?
	    "/var/lib/certvigil" : "/xdg/certvigil");
	conf_free(c);
	assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
	assert_int_equal(setenv("STATE_DIRECTORY", "/state", 1), 0);
}

/* --- documents ----------------------------------------------------------- */

/* The key list is YAML that is taken, comments and all. */
static void
test_keys(void **state)
{
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;
	struct conf	*c;

	(void)state;
	conf_show_keys(&b);
	c = parse(buf_text(&b), &e);
	if (c == NULL)
		fail_msg("%s\n%s", e.msg, buf_text(&b));
	assert_int_equal(c->poll, 60);
	assert_non_null(strstr(buf_text(&b), "# "));
	assert_non_null(strstr(buf_text(&b), "routing_key_file"));
	conf_free(c);
	buf_free(&b);
}

static void
test_example(void **state)
{
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;
	struct conf	*c;

	(void)state;
	slurp("docs/certvigil.yaml", &b);
	c = parse(buf_text(&b), &e);
	if (c == NULL)
		fail_msg("docs/certvigil.yaml: %s", e.msg);
	conf_free(c);
	buf_free(&b);
}

static int
setup(void **state)
{
	(void)state;
	(void)unsetenv("CERTVIGIL_CONFIG");
	return setenv("STATE_DIRECTORY", "/state", 1) == 0 &&
	    mkdtemp(folder) != NULL ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_contract),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_cap_file),
		cmocka_unit_test(test_cap_text),
		cmocka_unit_test(test_cap_depth),
		cmocka_unit_test(test_cap_items),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_state_dir),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_example),
	};

	return cmocka_run_group_tests(tests, setup, folder_remove);
}
