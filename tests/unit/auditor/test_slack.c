#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/alert/slack.h"
#include "tests/unit/auditor/message_fixture.h"

/* Every string that Slack would read as its markup. */
static void
check_text(const char *s)
{
	size_t fences;
	const char *p;

	assert_null(strchr(s, '<'));
	assert_null(strchr(s, '>'));
	for (p = s; (p = strchr(p, '&')) != NULL; p++)
		assert_true(strncmp(p, "&amp;", 5) == 0 ||
		    strncmp(p, "&lt;", 4) == 0 || strncmp(p, "&gt;", 4) == 0);
	for (fences = 0, p = s; (p = strchr(p, '`')) != NULL; p++)
		fences++;
	assert_true(fences == 0 || fences == 6);
	if (fences == 6) {
		assert_memory_equal(s, "```\n", 4);
		assert_string_equal(s + strlen(s) - 3, "```");
	}
}

static void
check(const struct message *m, size_t *sections)
{
	struct message_req r;
	json_t *o, *v;
	const char *s;
	size_t i;

	memset(&r, 0, sizeof(r));
	slack_request(m, &r);
	assert_int_equal(r.nheaders, 1);
	o = json_loadb((const char *)r.body.p, r.body.n, 0, NULL);
	assert_non_null(o);
	check_text(message_get(o, "text"));
	assert_true(strlen(message_get(o, "text")) > 0);
	json_array_foreach(json_object_get(o, "blocks"), i, v) {
		assert_string_equal(message_get(v, "type"), "section");
		v = json_object_get(v, "text");
		assert_string_equal(message_get(v, "type"), "mrkdwn");
		s = message_get(v, "text");
		check_text(s);
		assert_true(strlen(s) > 0 &&
		    strlen(s) <= LIMIT_SLACK_SECTION);
	}
	if (sections != NULL)
		*sections = json_array_size(json_object_get(o, "blocks"));
	json_decref(o);
	message_req_free(&r);
}

static void
test_plain(void **state)
{
	struct message m;
	size_t n;

	(void)state;
	m = fixture_message("pay.example.com");
	check(&m, &n);
	assert_int_equal(n, 2);
	message_free(&m);
}

static void
test_hostile(void **state)
{
	struct message m;
	size_t i;

	(void)state;
	for (i = 0; i < FIXTURE_NHOSTILE; i++) {
		m = fixture_hostile_message(i);
		check(&m, NULL);
		message_free(&m);
	}
}

/* Long text of nothing but characters that grow: pieces fit. */
static void
test_long(void **state)
{
	struct message m;
	char *text;
	size_t n, i, k;

	(void)state;
	for (n = 2960; n < 3010; n++) {
		text = malloc(n + 1);
		memset(text, 'a', n);
		text[n] = '\0';
		m = fixture_message("x");
		json_array_clear(m.findings);
		m.purpose = "notice";
		m.data = json_pack("{s:s}", "text", text);
		check(&m, &k);
		assert_int_equal(k, n <= LIMIT_SLACK_SECTION - 16 ? 2 : 3);
		message_free(&m);
		free(text);
	}
	text = malloc(20001);
	memset(text, '&', 20000);
	text[20000] = '\0';
	for (i = 100; i < 20000; i += 777)
		text[i] = '\n';
	m = fixture_message("x");
	json_array_clear(m.findings);
	m.purpose = "notice";
	m.data = json_pack("{s:s}", "text", text);
	check(&m, &k);
	/* Five bytes for each: no part of it is left out. */
	assert_in_range(k, 1 + LIMIT_MESSAGE_TEXT * 5 / LIMIT_SLACK_SECTION,
	    40);
	message_free(&m);
	free(text);
}

static void
test_escape(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	slack_escape(&b, "a&b<c>`d`");
	assert_string_equal(buf_text(&b), "a&amp;b&lt;c&gt;'d'");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
