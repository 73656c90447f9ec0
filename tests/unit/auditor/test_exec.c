#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditor/alert/exec.h"
#include "auditor/role/hook.h"
#include "auditor/role/notify_build.h"
#include "base/clk.h"
#include "base/mem.h"
#include "tests/unit/auditor/message_fixture.h"

static char	dir[64];

static const char *
get(const struct exec_env *env, const char *name)
{
	size_t i, n;

	n = strlen(name);
	for (i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, n) == 0 && env->v[i][n] == '=')
			return env->v[i] + n + 1;
	return NULL;
}

static struct exec_cert
a_cert(void)
{
	struct exec_cert c = EXEC_CERT_INIT;

	c.log_uri = mem_str("https://log.example/");
	c.index = 77;
	c.cert_type = mem_str("precert");
	c.leaf_hash = mem_str("/w==");
	c.cert_sha256 = mem_str("bb");
	c.spki_sha256 = mem_str("cc");
	c.serial = mem_str("0a");
	c.not_before = 1675136846LL * CLK_SEC;
	c.not_after = 1706240846LL * CLK_SEC;
	c.names = json_pack("[s,s,s]", "pay.example.com", "*.example.com",
	    "192.0.2.7");
	buf_str(&c.pem, "PEM\n");
	return c;
}

/* The values of certspotter-script(8)'s example, where they are known. */
static void
test_certspotter(void **state)
{
	static const char *const want[][2] = {
		{ "EVENT", "discovered_cert" },
		{ "WATCH_ITEM", ".example.com" },
		{ "LOG_URI", "https://log.example/" },
		{ "ENTRY_INDEX", "77" }, { "TBS_SHA256", FIXTURE_TBS },
		{ "CERT_SHA256", "bb" }, { "PUBKEY_SHA256", "cc" },
		{ "SERIAL", "0a" }, { "CERT_TYPE", "precert" },
		{ "CERT_PARSEABLE", "yes" },
		{ "NOT_BEFORE", "2023-01-31 03:47:26 +0000 UTC" },
		{ "NOT_BEFORE_UNIXTIME", "1675136846" },
		{ "NOT_BEFORE_RFC3339", "2023-01-31T03:47:26Z" },
		{ "NOT_AFTER", "2024-01-26 03:47:26 +0000 UTC" },
		{ "NOT_AFTER_UNIXTIME", "1706240846" },
		{ "NOT_AFTER_RFC3339", "2024-01-26T03:47:26Z" },
		{ "DNS_NAMES", "pay.example.com,*.example.com,192.0.2.7" },
		{ "CERTVIGIL_ID", FIXTURE_ID },
		{ "CERTVIGIL_FINDING", "12" },
		{ "CERTVIGIL_SEVERITY", "critical" },
		{ "CERTVIGIL_EVENT", "opened" },
	};
	struct exec_env env = { NULL, 0, 0 };
	struct exec_cert c;
	struct message m;
	size_t i;

	(void)state;
	m = fixture_message("pay.example.com");
	c = a_cert();
	exec_env_fill(&env, &m, &c);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_non_null(get(&env, want[i][0]));
		assert_string_equal(get(&env, want[i][0]), want[i][1]);
	}
	assert_non_null(strstr(get(&env, "SUMMARY"), "pay.example.com"));
	/* One of the two, as there. */
	assert_null(get(&env, "SUBJECT_DN"));
	assert_non_null(get(&env, "SUBJECT_PARSE_ERROR"));
	exec_env_free(&env);
	json_object_set_new(json_object_get(json_array_get(m.findings, 0),
	    "detail"), "subject", json_string("CN=pay.example.com"));
	exec_env_fill(&env, &m, &c);
	assert_string_equal(get(&env, "SUBJECT_DN"), "CN=pay.example.com");
	assert_null(get(&env, "SUBJECT_PARSE_ERROR"));
	exec_env_free(&env);
	exec_cert_free(&c);
	message_free(&m);
}

static void
test_events(void **state)
{
	static const char *const t[][3] = {
		{ "certificate.malformed", "opened", "malformed_cert" },
		{ "certificate.twins", "opened", "discovered_cert" },
		{ "key.misused", "escalated", "discovered_cert" },
		{ "log.unreachable", "opened", "error" },
		{ "certificate.unexpected", "retracted", "retracted" },
		{ "log.unreachable", "resolved", "resolved" },
	};
	struct exec_env env = { NULL, 0, 0 };
	struct message m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		m = fixture_message("x.example");
		json_object_set_new(json_array_get(m.findings, 0), "kind",
		    json_string(t[i][0]));
		m.event = t[i][1];
		exec_env_fill(&env, &m, NULL);
		assert_string_equal(get(&env, "EVENT"), t[i][2]);
		assert_null(get(&env, "LOG_URI"));
		exec_env_free(&env);
		message_free(&m);
	}
	m = fixture_message("x.example");
	json_array_clear(m.findings);
	m.purpose = "test";
	m.event = NULL;
	exec_env_fill(&env, &m, NULL);
	assert_string_equal(get(&env, "EVENT"), "test");
	exec_env_free(&env);
	message_free(&m);
}

/* One string a variable, no control bytes, no name that we did not choose. */
static void
test_hostile(void **state)
{
	struct exec_env env = { NULL, 0, 0 };
	struct exec_cert c;
	struct message m;
	const char *p;
	size_t i, k;

	(void)state;
	for (i = 0; i < FIXTURE_NHOSTILE; i++) {
		m = fixture_hostile_message(i);
		c = a_cert();
		json_array_append_new(c.names,
		    json_string_nocheck(fixture_hostile[i]));
		exec_env_fill(&env, &m, &c);
		for (k = 0; k < env.n; k++) {
			assert_true(strspn(env.v[k],
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
			    (size_t)(strchr(env.v[k], '=') - env.v[k]));
			for (p = env.v[k]; *p != '\0'; p++)
				if ((unsigned char)*p < 0x20 || *p == 0x7f)
					fail_msg("control byte: %s",
					    env.v[k]);
		}
		exec_env_free(&env);
		exec_cert_free(&c);
		message_free(&m);
	}
}

/* A list stays the list that it is; a value ends between characters. */
static void
test_split(void **state)
{
	struct exec_env env = { NULL, 0, 0 };
	struct exec_cert c = a_cert();
	struct message m = fixture_hostile_message(0);
	struct buf b = BUF_INIT;
	const char *v;

	(void)state;
	json_decref(c.names);
	c.names = json_pack("[s,s]", "a.example,evil.example", "b.example");
	exec_env_fill(&env, &m, &c);
	assert_string_equal(get(&env, "DNS_NAMES"),
	    "a.example\\x2cevil.example,b.example");
	/* four bytes a character, and the limit inside of one */
	buf_str(&b, "x");
	while (b.n <= LIMIT_EXEC_VAR)
		buf_str(&b, "\xf0\x9f\x98\x80");
	exec_env_add(&env, "LONG", buf_text(&b));
	v = get(&env, "LONG");
	assert_int_equal(strlen(v) % 4, 1);
	assert_in_range(strlen(v), LIMIT_EXEC_VAR - 4, LIMIT_EXEC_VAR);
	buf_free(&b);
	exec_env_free(&env);
	exec_cert_free(&c);
	message_free(&m);
}

static void
test_long(void **state)
{
	struct exec_env env = { NULL, 0, 0 };
	char *text;

	(void)state;
	text = mem_zero(LIMIT_EXEC_VAR + 2);
	memset(text, 'x', LIMIT_EXEC_VAR);
	exec_env_add(&env, "A", text);
	text[LIMIT_EXEC_VAR] = 'x';
	exec_env_add(&env, "B", text);
	assert_int_equal(strlen(get(&env, "A")), LIMIT_EXEC_VAR);
	assert_int_equal(strlen(get(&env, "B")), LIMIT_EXEC_VAR);
	free(text);
	exec_env_free(&env);
}

static void
test_json(void **state)
{
	struct exec_cert c;
	struct message m;
	struct buf b = BUF_INIT;
	json_t *o;

	(void)state;
	m = fixture_message("pay.example.com");
	c = a_cert();
	exec_json(&m, &c, &b);
	o = json_loadb((const char *)b.p, b.n, 0, NULL);
	assert_string_equal(message_get(o, "tbs_sha256"), FIXTURE_TBS);
	assert_string_equal(message_get(o, "pubkey_sha256"), "cc");
	assert_int_equal(json_array_size(json_object_get(o, "dns_names")), 2);
	assert_int_equal(json_array_size(json_object_get(o, "ip_addresses")),
	    1);
	assert_string_equal(message_get(o, "not_before"),
	    "2023-01-31T03:47:26Z");
	json_decref(o);
	buf_free(&b);
	exec_cert_free(&c);
	message_free(&m);
}

/* --- programs that are run ---------------------------------------------- */

static char *
script(const char *body)
{
	char *path;
	FILE *f;

	path = mem_printf("%s/hook", dir);
	f = fopen(path, "w");
	fprintf(f, "#!/bin/sh\n%s\n", body);
	fclose(f);
	chmod(path, 0755);
	return path;
}

/* Run it for the fixture's message; the output is to be freed. */
static char *
run(const char *body, int *status, int *late)
{
	struct exec_env env = { NULL, 0, 0 };
	struct hook_files f = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT };
	struct err e = ERR_INIT;
	struct exec_cert c;
	struct message m;
	struct hook *h;
	char *path, *out;
	int64_t now;
	int i;

	path = script(body);
	m = fixture_message("pay.example.com");
	c = a_cert();
	notify_build_hook(&m, &c, &env, &f);
	h = hook_start(path, &env, &f, &e);
	if (h == NULL)
		fail_msg("%s", e.msg);
	now = clk_mono();
	for (i = 0; i < 3000; i++) {
		if (hook_tick(h, now, status))
			break;
		(void)poll(NULL, 0, 10);
		/* Time does not pass unless it is asked for. */
		if (late != NULL && i == 5)
			now += (LIMIT_EXEC_SECS + 1) * CLK_SEC;
	}
	assert_int_not_equal(i, 3000);
	if (late != NULL)
		*late = hook_late(h);
	out = mem_str(hook_output(h));
	hook_free(h);
	buf_free(&f.input);
	buf_free(&f.cert);
	buf_free(&f.json);
	buf_free(&f.text);
	exec_env_free(&env);
	exec_cert_free(&c);
	message_free(&m);
	unlink(path);
	free(path);
	return out;
}

static void
test_program(void **state)
{
	char *out;
	int status;

	(void)state;
	setenv("CERTVIGIL_LEAK", "secret", 1);
	out = run("echo \"$EVENT $SUMMARY\"; cat; cat $CERT_FILENAME "
	    "$JSON_FILENAME $TEXT_FILENAME; cat $CERT_FILENAME; "
	    "echo L=$CERTVIGIL_LEAK", &status, NULL);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_memory_equal(out, "discovered_cert CRITICAL", 24);
	assert_non_null(strstr(out, "{\"type\":\"finding.opened\""));
	assert_non_null(strstr(out, "\"pubkey_sha256\""));
	assert_non_null(strstr(out, "certvigil accept 12"));
	assert_non_null(strstr(out, "PEM\nL=\n"));
	free(out);
}

/* Nothing of ours is open in it, and it can gain no privileges. */
static void
test_bare(void **state)
{
	char *out;
	int status, fd;

	(void)state;
	fd = dup(2);
	out = run("ls /proc/self/fd | tr '\\n' ' '; "
	    "grep NoNewPrivs /proc/self/status; pwd; umask", &status, NULL);
	/* 0 1 2, the three files, and what ls has opened itself. */
	assert_memory_equal(out, "0 1 2 3 4 5 6 ", 14);
	assert_non_null(strstr(out, "NoNewPrivs:\t1\n/\n0077\n"));
	free(out);
	close(fd);
}

static void
test_fails(void **state)
{
	struct exec_env env = { NULL, 0, 0 };
	struct hook_files f = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT };
	struct err e = ERR_INIT;
	char *out;
	int status;

	(void)state;
	out = run("echo no >&2; exit 3", &status, NULL);
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_string_equal(out, "no\n");
	free(out);
	assert_null(hook_start("/nonexistent/hook", &env, &f, &e));
	assert_int_equal(e.code, ERR_CONF);
	exec_env_free(&env);
}

/* Much output does not stop it, and is not kept. */
static void
test_loud(void **state)
{
	char *out;
	int status;

	(void)state;
	out = run("i=0; while [ $i -lt 20000 ]; do echo "
	    "0123456789abcdef; i=$((i + 1)); done", &status, NULL);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(strlen(out), LIMIT_BODY_REPLY);
	free(out);
}

/* Its time is up: it is killed with what it has started. */
static void
test_late(void **state)
{
	char *out;
	int status, late;

	(void)state;
	out = run("sleep 600 & sleep 600", &status, &late);
	assert_true(late);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certspotter),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_fails),
		cmocka_unit_test(test_loud),
		cmocka_unit_test(test_late),
	};
	int rc;

	snprintf(dir, sizeof(dir), "/tmp/hookXXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(dir);
	return rc;
}
