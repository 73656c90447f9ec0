#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/role/audit_memo.h"
#include "base/clk.h"
#include "base/err.h"

#define CAA	257
#define HOUR	(3600 * CLK_SEC)

/* Static: it has room for all records of an answer. */
static struct probe_said	said, got;

/* An answer with one record of ${n} bytes; 0: there is none. */
static const struct probe_said *
answer(uint32_t ttl, size_t n)
{
	static uint8_t	bytes[4096];

	memset(&said, 0, sizeof(said));
	said.id = 7;
	said.ok = 1;
	said.ttl = ttl;
	said.rcode = n == 0 ? 3 : 0;
	(void)snprintf(said.resolver, sizeof(said.resolver), "192.0.2.53");
	if (n == 0)
		return &said;
	memset(bytes, 'a', sizeof(bytes));
	said.n = 1;
	said.rr[0].owner = "example.com";
	said.rr[0].ttl = ttl;
	said.rr[0].rdata = (struct span){ bytes, n };
	return &said;
}

static int
knows(const struct audit_memo *m, const char *name, uint16_t type, int64_t now)
{
	const struct buf	*b = audit_memo_find(m, name, type, now);
	struct err		 e = ERR_INIT;

	if (b == NULL)
		return 0;
	assert_int_equal(probe_said_read(cur_span(buf_bytes(b)), &got, &e), 0);
	return 1;
}

static void
what_was_said(void **state)
{
	struct audit_memo	*m = calloc(1, sizeof(*m));

	(void)state;
	assert_false(knows(m, "example.com", CAA, 0));
	audit_memo_add(m, "example.com", CAA, answer(30, 20), 0, HOUR);
	audit_memo_add(m, "www.example.com", CAA, answer(30, 0), 0, HOUR);
	assert_true(knows(m, "example.com", CAA, 1));
	assert_int_equal(got.n, 1);
	assert_int_equal(got.rr[0].rdata.n, 20);
	assert_string_equal(got.resolver, "192.0.2.53");
	assert_true(knows(m, "www.example.com", CAA, 1));
	assert_int_equal(got.rcode, 3);
	assert_false(knows(m, "example.com", 16, 1));
	assert_false(knows(m, "com", CAA, 1));
	/* the newest word counts */
	audit_memo_add(m, "example.com", CAA, answer(30, 21), 2, HOUR);
	assert_true(knows(m, "example.com", CAA, 3));
	assert_int_equal(got.rr[0].rdata.n, 21);
	audit_memo_free(m);
	assert_false(knows(m, "example.com", CAA, 3));
	free(m);
}

/* As long as a resolver would, within bounds, and never longer than is asked. */
static void
how_long(void **state)
{
	static const struct {
		uint32_t	ttl;
		int64_t		most;
		int64_t		want;	/* microseconds */
	} t[] = {
		{ 0, HOUR, 5 * CLK_SEC }, { 4, HOUR, 5 * CLK_SEC },
		{ 6, HOUR, 6 * CLK_SEC }, { 60, HOUR, 60 * CLK_SEC },
		{ 61, HOUR, 60 * CLK_SEC }, { UINT32_MAX, HOUR, 60 * CLK_SEC },
		{ 0, CLK_SEC / 2, CLK_SEC / 2 }, { 60, CLK_SEC, CLK_SEC },
		{ 60, 0, 0 },
	};
	struct audit_memo	*m = calloc(1, sizeof(*m));
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		audit_memo_add(m, "a.example", CAA, answer(t[i].ttl, 0), 100,
		    t[i].most);
		assert_int_equal(knows(m, "a.example", CAA, 99 + t[i].want),
		    1);
		assert_int_equal(knows(m, "a.example", CAA, 100 + t[i].want),
		    0);
	}
	audit_memo_free(m);
	free(m);
}

/* The resolver's silence is nothing to remember; large answers are not kept. */
static void
what_is_not_kept(void **state)
{
	struct audit_memo	*m = calloc(1, sizeof(*m));
	struct buf		 b = BUF_INIT;
	size_t			 around;

	(void)state;
	said.ok = 0;
	audit_memo_add(m, "a.example", CAA, &said, 0, HOUR);
	assert_false(knows(m, "a.example", CAA, 1));
	probe_said_pack(&b, answer(30, 1));
	around = b.n - 1;
	buf_free(&b);
	audit_memo_add(m, "a.example", CAA,
	    answer(30, LIMIT_AUDIT_MEMO_BYTES - around + 1), 0, HOUR);
	assert_false(knows(m, "a.example", CAA, 1));
	audit_memo_add(m, "a.example", CAA,
	    answer(30, LIMIT_AUDIT_MEMO_BYTES - around), 0, HOUR);
	assert_true(knows(m, "a.example", CAA, 1));
	audit_memo_free(m);
	free(m);
}

static void
the_oldest_go(void **state)
{
	struct audit_memo	*m = calloc(1, sizeof(*m));
	char			 name[32];
	size_t			 i;

	(void)state;
	for (i = 0; i <= LIMIT_AUDIT_MEMO; i++) {
		assert_int_equal(knows(m, "n0.example", CAA, 1), i != 0);
		(void)snprintf(name, sizeof(name), "n%zu.example", i);
		audit_memo_add(m, name, CAA, answer(30, 0), 0, HOUR);
	}
	assert_false(knows(m, "n0.example", CAA, 1));
	assert_true(knows(m, "n1.example", CAA, 1));
	assert_true(knows(m, name, CAA, 1));
	audit_memo_free(m);
	free(m);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(what_was_said),
		cmocka_unit_test(how_long),
		cmocka_unit_test(what_is_not_kept),
		cmocka_unit_test(the_oldest_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
