#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ocsp/rev.h"

#define NEVER	INT64_MIN

static struct rev_source
crl(enum rev_status status, int required)
{
	struct rev_source	s = { REV_CRL, "http://c.test/1.crl", required,
	    status, NEVER, -1, 1000, NULL, 0 };

	return s;
}

static struct rev_source
ocsp(enum rev_status status, int required)
{
	struct rev_source	s = { REV_OCSP, "http://o.test", required,
	    status, NEVER, -1, 1000, NULL, 0 };

	return s;
}

/* Each status of a required and of another source. */
static void
test_table(void **state)
{
	static const enum rev_status	want[3][3] = {
		/* other:  UNKNOWN      GOOD         REVOKED */
		{ REV_UNKNOWN, REV_UNKNOWN, REV_REVOKED },	/* required: */
		{ REV_GOOD, REV_GOOD, REV_REVOKED },
		{ REV_REVOKED, REV_REVOKED, REV_REVOKED },
	};
	struct rev_source	v[2];
	struct rev		r;
	int			a, b, turn;

	(void)state;
	for (a = 0; a < 3; a++)
		for (b = 0; b < 3; b++)
			for (turn = 0; turn < 2; turn++) {
				v[turn] = crl((enum rev_status)a, 1);
				v[!turn] = ocsp((enum rev_status)b, 0);
				rev_merge(v, 2, turn, &r);
				assert_int_equal(r.status, want[a][b]);
				assert_int_equal(r.disagree, a + b ==
				    REV_GOOD + REV_REVOKED && a != b);
				assert_true(r.why[0] != '\0');
				assert_true(r.source >= 0);
			}
	/* all that are required must say good */
	v[0] = crl(REV_GOOD, 1);
	v[1] = crl(REV_UNKNOWN, 1);
	v[1].refusal = "stale since yesterday";
	rev_merge(v, 2, 0, &r);
	assert_int_equal(r.status, REV_UNKNOWN);
	assert_int_equal(r.source, 1);
	assert_non_null(strstr(r.why, "stale since yesterday"));
}

static void
test_none(void **state)
{
	struct rev_source	s = ocsp(REV_UNKNOWN, 0);
	struct rev		r;

	(void)state;
	rev_merge(NULL, 0, 1, &r);
	assert_int_equal(r.status, REV_NOT_APPLICABLE);
	assert_int_equal(r.source, -1);
	rev_merge(NULL, 0, 0, &r);
	assert_int_equal(r.status, REV_UNKNOWN);
	rev_merge(&s, 1, 0, &r);
	assert_int_equal(r.status, REV_UNKNOWN);
	rev_merge(&s, 1, 1, &r);
	assert_int_equal(r.status, REV_NOT_APPLICABLE);
	s.required = 1;
	rev_merge(&s, 1, 1, &r);
	assert_int_equal(r.status, REV_UNKNOWN);
	/* a short-lived one that is revoked is revoked */
	s.status = REV_REVOKED;
	rev_merge(&s, 1, 1, &r);
	assert_int_equal(r.status, REV_REVOKED);
	s = ocsp(REV_GOOD, 0);
	rev_merge(&s, 1, 0, &r);
	assert_int_equal(r.status, REV_GOOD);
}

/* Reason and date come from the source that says most, and the earliest. */
static void
test_provenance(void **state)
{
	struct rev_source	v[3];
	struct rev		r;

	(void)state;
	v[0] = crl(REV_REVOKED, 1);
	v[0].revoked_at = 200;
	v[0].reason = 4;
	v[1] = ocsp(REV_REVOKED, 0);
	v[1].revoked_at = 100;
	v[2] = crl(REV_REVOKED, 1);
	v[2].revoked_at = 300;
	v[2].reason = 1;
	rev_merge(v, 1, 0, &r);
	assert_int_equal(r.source, 0);
	assert_int_equal(r.reason, 4);
	assert_int_equal(r.stated_at, 200);
	assert_non_null(strstr(r.why, "superseded"));
	assert_non_null(strstr(r.why, "c.test"));
	rev_merge(v, 2, 0, &r);
	assert_int_equal(r.source, 0);
	assert_int_equal(r.reason, 4);
	assert_int_equal(r.stated_at, 100);
	rev_merge(v, 3, 0, &r);
	assert_int_equal(r.source, 2);
	assert_int_equal(r.reason, 1);
	assert_int_equal(r.stated_at, 100);
	/* with equal reasons, the earliest date */
	v[0].reason = v[2].reason = -1;
	rev_merge(v, 3, 0, &r);
	assert_int_equal(r.source, 1);
	assert_int_equal(r.reason, -1);
	v[1].revoked_at = NEVER;
	rev_merge(v, 3, 0, &r);
	assert_int_equal(r.source, 0);
	v[0].revoked_at = v[2].revoked_at = NEVER;
	rev_merge(v, 3, 0, &r);
	assert_int_equal(r.stated_at, NEVER);
	assert_int_equal(r.disagree, 0);
	v[1].status = REV_GOOD;
	rev_merge(v, 3, 0, &r);
	assert_int_equal(r.disagree, 1);
	assert_non_null(strstr(r.why, "o.test"));
}

static void
test_hold(void **state)
{
	struct rev_source	v[2];
	struct rev		r;

	(void)state;
	/* a hold is a revocation, until something final is said */
	v[0] = crl(REV_REVOKED, 1);
	v[0].reason = 6;
	rev_merge(v, 1, 0, &r);
	assert_int_equal(r.status, REV_REVOKED);
	assert_int_equal(r.reason, 6);
	v[1] = ocsp(REV_REVOKED, 0);
	v[1].reason = 5;
	rev_merge(v, 2, 0, &r);
	assert_int_equal(r.reason, 5);
	/* what was taken back is neither revoked nor good */
	v[0].reason = 8;
	rev_merge(v, 1, 0, &r);
	assert_int_equal(r.status, REV_UNKNOWN);
	assert_non_null(strstr(r.why, "removeFromCRL"));
	v[1] = ocsp(REV_GOOD, 1);
	rev_merge(v, 2, 0, &r);
	assert_int_equal(r.status, REV_UNKNOWN);
	assert_int_equal(r.disagree, 0);
	v[0].required = 0;
	rev_merge(v, 2, 0, &r);
	assert_int_equal(r.status, REV_GOOD);
	/* OCSP takes nothing back: the status is what counts (RFC 6960 2.2) */
	v[0] = crl(REV_GOOD, 1);
	v[1] = ocsp(REV_REVOKED, 0);
	v[1].reason = 8;
	rev_merge(v, 2, 0, &r);
	assert_int_equal(r.status, REV_REVOKED);
	assert_int_equal(r.source, 1);
	assert_int_equal(r.disagree, 1);
	rev_merge(v + 1, 1, 0, &r);
	assert_int_equal(r.status, REV_REVOKED);
}

/* A list in parts: one of them has it, and the others are no contradiction. */
static void
test_parts(void **state)
{
	struct rev_source	v[3];
	struct rev		r;

	(void)state;
	v[0] = crl(REV_GOOD, 1);
	v[1] = crl(REV_REVOKED, 1);
	v[0].part = v[1].part = 1;
	rev_merge(v, 2, 0, &r);
	assert_int_equal(r.status, REV_REVOKED);
	assert_int_equal(r.disagree, 0);
	/* another source that says good is one */
	v[2] = ocsp(REV_GOOD, 0);
	rev_merge(v, 3, 0, &r);
	assert_int_equal(r.disagree, 1);
	/* so are all parts together */
	v[2] = ocsp(REV_REVOKED, 0);
	rev_merge(v, 3, 0, &r);
	assert_int_equal(r.disagree, 0);
	v[1] = v[0];
	rev_merge(v, 3, 0, &r);
	assert_int_equal(r.status, REV_REVOKED);
	assert_int_equal(r.disagree, 1);
	v[1].status = REV_UNKNOWN;
	rev_merge(v, 3, 0, &r);
	assert_int_equal(r.disagree, 0);
	/* good only when no part is missing */
	v[2] = v[0];
	rev_merge(v, 3, 0, &r);
	assert_int_equal(r.status, REV_UNKNOWN);
	v[1] = v[0];
	rev_merge(v, 3, 0, &r);
	assert_int_equal(r.status, REV_GOOD);
}

/* A sentence stays one, however long its parts are. */
static void
test_long(void **state)
{
	static char		url[2000], why[2000];
	struct rev_source	v[2];
	struct rev		r;

	(void)state;
	memset(url, 'u', sizeof(url) - 1);
	memset(why, 'w', sizeof(why) - 1);
	v[0] = crl(REV_UNKNOWN, 1);
	v[0].where = url;
	v[0].refusal = why;
	v[1] = ocsp(REV_GOOD, 0);
	v[1].where = url;
	rev_merge(v, 2, 0, &r);
	assert_true(strlen(r.why) < sizeof(r.why));
	v[0].status = REV_REVOKED;
	rev_merge(v, 2, 0, &r);
	assert_int_equal(r.disagree, 1);
	assert_true(strlen(r.why) < sizeof(r.why));
}

static void
test_reasons(void **state)
{
	char	text[8];
	int	i;

	(void)state;
	for (i = 0; i <= 10; i++) {
		(void)snprintf(text, sizeof(text), "%d", i);
		if (i == 7) {
			assert_string_equal(rev_reason_name(i),
			    "unknown reason");
			assert_int_equal(rev_reason_parse(text), -1);
			continue;
		}
		assert_int_equal(rev_reason_parse(text), i);
		assert_int_equal(rev_reason_parse(rev_reason_name(i)), i);
	}
	assert_string_equal(rev_reason_name(1), "keyCompromise");
	assert_string_equal(rev_reason_name(-1), "");
	assert_string_equal(rev_reason_name(-2), "unknown reason");
	assert_string_equal(rev_reason_name(11), "unknown reason");
	assert_int_equal(rev_reason_parse("KEYCOMPROMISE"), 1);
	assert_int_equal(rev_reason_parse("aacompromise"), 10);
	assert_int_equal(rev_reason_parse(""), -1);
	assert_int_equal(rev_reason_parse("-1"), -1);
	assert_int_equal(rev_reason_parse("11"), -1);
	assert_int_equal(rev_reason_parse("1x"), -1);
	assert_int_equal(rev_reason_parse(" 1"), -1);
	assert_int_equal(rev_reason_parse("18446744073709551617"), -1);
	assert_int_equal(rev_reason_parse("unknown reason"), -1);
	assert_string_equal(rev_name(REV_UNKNOWN), "unknown");
	assert_string_equal(rev_name(REV_GOOD), "good");
	assert_string_equal(rev_name(REV_REVOKED), "revoked");
	assert_string_equal(rev_name(REV_NOT_APPLICABLE), "not_applicable");
}

static void
test_change(void **state)
{
	static const struct {
		enum rev_status	 a;
		int		 ra;
		int64_t		 ta;
		enum rev_status	 b;
		int		 rb;
		int64_t		 tb;
		const char	*want;
	} t[] = {
		{ REV_GOOD, -1, NEVER, REV_GOOD, -1, NEVER, NULL },
		{ REV_GOOD, -1, NEVER, REV_UNKNOWN, -1, NEVER, NULL },
		{ REV_GOOD, -1, NEVER, REV_REVOKED, 1, 5, "revoked" },
		{ REV_UNKNOWN, -1, NEVER, REV_REVOKED, 1, 5, "revoked" },
		{ REV_NOT_APPLICABLE, -1, NEVER, REV_REVOKED, 1, 5,
		    "revoked" },
		{ REV_REVOKED, 1, 5, REV_GOOD, -1, NEVER, "unrevoked" },
		{ REV_REVOKED, 1, 5, REV_UNKNOWN, -1, NEVER, NULL },
		{ REV_REVOKED, 1, 5, REV_REVOKED, 1, 5, NULL },
		{ REV_REVOKED, -1, 5, REV_REVOKED, 0, 5, NULL },
		{ REV_REVOKED, 4, 5, REV_REVOKED, 1, 6, "reason" },
		{ REV_REVOKED, 6, 5, REV_REVOKED, -1, 5, "reason" },
		{ REV_REVOKED, 1, 5, REV_REVOKED, 1, 4, "date" },
	};
	struct rev	a, b;
	const char	*got;
	size_t		i;

	(void)state;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		a.status = t[i].a;
		a.reason = t[i].ra;
		a.stated_at = t[i].ta;
		b.status = t[i].b;
		b.reason = t[i].rb;
		b.stated_at = t[i].tb;
		got = rev_change(&a, &b);
		if (t[i].want == NULL)
			assert_null(got);
		else
			assert_string_equal(got, t[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_provenance),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
