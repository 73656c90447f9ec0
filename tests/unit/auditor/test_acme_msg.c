/* What a command and the role say to each other: written, read, and torn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "auditor/role/acme_msg.h"
#include "base/mem.h"

static struct buf	b;
static struct acme_msg	m;

/* Every shorter one, and one byte more, is refused. */
static void
torn(void)
{
	uint8_t	*copy = mem_dup(b.p, b.n + 1);
	size_t	 n;

	for (n = 0; n < b.n; n++)
		assert_int_equal(acme_msg_read((struct span){ copy, n }, &m,
		    NULL), -1);
	copy[b.n] = 0;
	assert_int_equal(acme_msg_read((struct span){ copy, b.n + 1 }, &m,
	    NULL), -1);
	free(copy);
}

static void
got(enum acme_msg_type type)
{
	torn();
	assert_int_equal(acme_msg_read(buf_bytes(&b), &m, NULL), 0);
	assert_int_equal(m.type, type);
}

static void
asked(void **state)
{
	struct acme_msg_issue	i;
	struct acme_msg_renew	r;

	(void)state;
	memset(&i, 0, sizeof(i));
	memset(i.conf, 7, sizeof(i.conf));
	i.author = "ops@host";
	i.name = "a.example";
	i.key = "p256";
	i.chain = "";
	i.names[i.n++] = "a.example";
	i.names[i.n++] = "*.a.example";
	buf_reset(&b);
	acme_msg_issue(&b, &i);
	got(ACME_MSG_ISSUE);
	assert_memory_equal(m.u.issue.conf, i.conf, sizeof(i.conf));
	assert_string_equal(m.u.issue.author, "ops@host");
	assert_string_equal(m.u.issue.name, "a.example");
	assert_null(m.u.issue.challenge);
	assert_string_equal(m.u.issue.key, "p256");
	assert_null(m.u.issue.profile);
	assert_string_equal(m.u.issue.chain, "");
	assert_int_equal(m.u.issue.n, 2);
	assert_string_equal(m.u.issue.names[1], "*.a.example");
	memset(&r, 0, sizeof(r));
	r.author = "x";
	buf_reset(&b);
	acme_msg_renew(&b, &r);
	got(ACME_MSG_RENEW);
	assert_null(m.u.renew.name);
}

static void
answered(void **state)
{
	struct acme_msg_issued	i;
	struct acme_msg_word	w = { "a.example", ERR_NONE, "", "01af", -5 };
	struct acme_msg_renewed	r = { 1, 2, 3, 4 };
	struct acme_msg_failed	f = { ERR_CONF, "because" };

	(void)state;
	memset(&i, 0, sizeof(i));
	memset(i.tbs, 3, 32);
	i.serial = "0a";
	i.not_after = INT64_MAX;
	i.dir = "/d";
	i.order = "";
	i.managed = 77;
	buf_reset(&b);
	acme_msg_issued(&b, &i);
	got(ACME_MSG_ISSUED);
	assert_int_equal(m.u.issued.tbs[31], 3);
	assert_int_equal(m.u.issued.not_after, INT64_MAX);
	assert_int_equal(m.u.issued.managed, 77);
	buf_reset(&b);
	acme_msg_word(&b, &w);
	got(ACME_MSG_WORD);
	assert_int_equal(m.u.word.not_after, -5);
	buf_reset(&b);
	acme_msg_renewed(&b, &r);
	got(ACME_MSG_RENEWED);
	assert_int_equal(m.u.renewed.hooks, 4);
	buf_reset(&b);
	acme_msg_failed(&b, &f);
	got(ACME_MSG_FAILED);
	assert_string_equal(m.u.failed.text, "because");
	buf_reset(&b);
	acme_msg_tell(&b, "http-01");
	got(ACME_MSG_TELL);
	buf_reset(&b);
	acme_msg_refused(&b);
	got(ACME_MSG_REFUSED);
}

/* What has the form of a message, but is none. */
static void
odd(void **state)
{
	struct acme_msg_failed	none = { ERR_NONE, "x" }, past = { ERR_MAX,
				    "x" };
	struct acme_msg_word	w = { "a", ERR_NONE, "", NULL, 0 };
	struct acme_msg_issue	i;
	char			*s;

	(void)state;
	buf_reset(&b);
	acme_msg_failed(&b, &none);
	assert_int_equal(acme_msg_read(buf_bytes(&b), &m, NULL), -1);
	buf_reset(&b);
	acme_msg_failed(&b, &past);
	assert_int_equal(acme_msg_read(buf_bytes(&b), &m, NULL), -1);
	/* renewed, but no certificate */
	buf_reset(&b);
	acme_msg_word(&b, &w);
	assert_int_equal(acme_msg_read(buf_bytes(&b), &m, NULL), -1);
	/* an order for nothing */
	memset(&i, 0, sizeof(i));
	i.author = i.name = i.key = "x";
	buf_reset(&b);
	acme_msg_issue(&b, &i);
	assert_int_equal(acme_msg_read(buf_bytes(&b), &m, NULL), -1);
	/* a zero byte in a text */
	buf_reset(&b);
	acme_msg_tell(&b, "abc");
	b.p[5] = 0;
	assert_int_equal(acme_msg_read(buf_bytes(&b), &m, NULL), -1);
	/* one that is too long is cut, and still one */
	s = mem_zero(100000);
	memset(s, 'x', 99999);
	buf_reset(&b);
	acme_msg_tell(&b, s);
	assert_true(b.n < LIMIT_ACME_FRAME);
	assert_int_equal(acme_msg_read(buf_bytes(&b), &m, NULL), 0);
	free(s);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(asked),
		cmocka_unit_test(answered),
		cmocka_unit_test(odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
