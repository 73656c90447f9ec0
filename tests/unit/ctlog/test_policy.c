#include "tests/unit/ctlog/data.h"

#include "base/clk.h"
#include "ctlog/policy.h"

/*
 * Certificates are written as a line of SCTs: "c0u" is an embedded SCT
 * (c certificate, t TLS, o OCSP) of operator 0, of a usable log.  A second
 * one of the same operator and state is of another log unless it ends in '='.
 *
 *   u usable  q qualified  r read-only  x retired  p unstated  s static usable
 *   T test log  ! bad signature  ? unknown log
 */
#define MAX 16

static struct loglist_log	pool[MAX];
static struct scts_one		one[MAX];
static struct loglist		list;
static struct scts		scts;
static char			operators[10][16];

static int64_t
day(const char *text)
{
	int64_t	t;

	assert_int_equal(clk_parse(text, &t), 0);
	return t;
}

/* Retired logs were retired then; SCTs are dated as said. */
#define RETIRED "2026-02-01"

static void
fill(struct loglist_log *l, char what, int operator)
{
	l->operator = operators[operator];
	l->description = operators[operator];
	l->protocol = what == 's' ? LOGLIST_STATIC : LOGLIST_RFC6962;
	l->state = what == 'q' ? LOGLIST_QUALIFIED : what == 'r' ?
	    LOGLIST_READONLY : what == 'x' ? LOGLIST_RETIRED : what == 'p' ?
	    LOGLIST_UNSTATED : LOGLIST_USABLE;
	l->state_at = what == 'x' ? day(RETIRED) : 1;
	l->is_test = what == 'T';
}

static void
parse(const char *line, const char *sct_day)
{
	const char	*p;

	memset(pool, 0, sizeof(pool));
	memset(one, 0, sizeof(one));
	memset(&scts, 0, sizeof(scts));
	memset(&list, 0, sizeof(list));
	scts.v = one;
	scts.logs = &list;
	for (p = line; *p != '\0'; p += *p == ' ') {
		one[scts.n].source = p[0] == 'c' ? SCTS_CERT : p[0] == 't' ?
		    SCTS_TLS : SCTS_OCSP;
		one[scts.n].status = p[2] == '!' ? SCTS_BAD_SIGNATURE :
		    p[2] == '?' ? SCTS_UNKNOWN_LOG : SCTS_VALID;
		one[scts.n].timestamp = (uint64_t)day(sct_day) / 1000;
		one[scts.n].log = &pool[scts.n];
		(void)snprintf(operators[p[1] - '0'], 16, "op %c", p[1]);
		fill(&pool[scts.n], p[2], p[1] - '0');
		if (p[2] == '?')
			one[scts.n].log = NULL;
		p += 3;
		if (*p == '=') {
			one[scts.n].log = one[scts.n - 1].log;
			p++;
		}
		scts.n++;
	}
}

/* From, and seconds from there to notAfter: 90, 180 and so on days. */
#define D(n) ((n) * 86400LL)

static const struct {
	enum policy_program	 program;
	const char		*scts;
	const char		*from;
	int64_t			 seconds;
	const char		*at;
	int			 want;
	const char		*why;
} cases[] = {
#define CH POLICY_CHROME
#define AP POLICY_APPLE
	/* Chrome: how many, of how many operators. */
	{ CH, "c0u c1u", "2026-01-01", D(90), "2026-02-02", 1, "embedded" },
	{ CH, "c0u", "2026-01-01", D(90), "2026-02-02", 0, "2 SCTs" },
	{ CH, "", "2026-01-01", D(90), "2026-02-02", 0, "2 SCTs" },
	{ CH, "c0u c0u", "2026-01-01", D(90), "2026-02-02", 0,
	  "2 operators" },
	{ CH, "c0u c0u=", "2026-01-01", D(90), "2026-02-02", 0, "2 SCTs" },
	{ CH, "c0u c1u c1u=", "2026-01-01", D(90), "2026-02-02", 1, "2 of" },
	{ CH, "c0u c1!", "2026-01-01", D(90), "2026-02-02", 0,
	  "1 bad_signature" },
	{ CH, "c0u c1?", "2026-01-01", D(90), "2026-02-02", 0,
	  "1 unknown_log" },
	{ CH, "c0u c1T", "2026-01-01", D(90), "2026-02-02", 0,
	  "1 of test logs" },
	/* The lifetime: Chrome does not count the second of notAfter. */
	{ CH, "c0u c1u", "2026-01-01", D(180), "2026-02-02", 1, "180 days" },
	{ CH, "c0u c1u", "2026-01-01", D(180) + 1, "2026-02-02", 0,
	  "3 SCTs of distinct logs are needed embedded for 181 days" },
	{ CH, "c0u c1u c1u", "2026-01-01", D(398), "2026-02-02", 1, "" },
	{ CH, "c0u c1u c1u", "2026-01-01", D(800), "2026-02-02", 1, "" },
	/* The state of the logs at the check. */
	{ CH, "c0q c1r", "2026-01-01", D(90), "2026-02-02", 1, "" },
	{ CH, "c0x c1u", "2026-01-01", D(90), "2026-02-02", 1, "" },
	{ CH, "c0x c1x", "2026-01-01", D(90), "2026-02-02", 0,
	  "no SCT embedded is of a log that counts now" },
	{ CH, "c0p c1u", "2026-01-01", D(90), "2026-02-02", -1,
	  "does not say the state" },
	/* From when on there are rules. */
	{ CH, "c0u c1u", "2022-04-15", D(90), "2022-05-01", 1, "" },
	{ CH, "c0u c1u", "2022-04-14", D(90), "2022-05-01", -1, "no rule" },
	{ CH, "", "2022-04-14", D(90), "2022-05-01", -1, "no rule" },
	/* An RFC 6962 log was wanted for a while. */
	{ CH, "c0s c1s", "2025-02-01", D(90), "2025-02-27", 1, "" },
	{ CH, "c0s c1s", "2025-02-01", D(90), "2025-02-28", 0,
	  "RFC 6962 log is needed until 2026-04-15" },
	{ CH, "c0s c1s", "2026-04-01", D(90), "2026-04-14", 0, "RFC 6962" },
	{ CH, "c0s c1s", "2026-04-01", D(90), "2026-04-15", 1, "" },
	{ CH, "c0s c1u", "2026-04-01", D(90), "2026-04-14", 1, "" },
	/* By TLS, and by OCSP until Chrome 148. */
	{ CH, "t0u t1u", "2026-01-01", D(90), "2026-05-05", 1, "by TLS" },
	{ CH, "t0u t1u", "2026-01-01", D(300), "2026-05-05", 1, "by TLS" },
	{ CH, "t0u", "2026-01-01", D(90), "2026-05-05", 0, "2 SCTs" },
	{ CH, "t0u t0u", "2026-01-01", D(90), "2026-05-05", 0,
	  "2 operators are needed by TLS" },
	{ CH, "t0u t1x", "2026-01-01", D(90), "2026-05-05", 0, "2 SCTs" },
	{ CH, "c0u t1u", "2026-01-01", D(90), "2026-05-05", 0, "2 SCTs" },
	{ CH, "c0u t0u t1u", "2026-01-01", D(90), "2026-05-05", 1, "" },
	{ CH, "o0u o1u", "2026-01-01", D(90), "2026-05-04", 1, "by TLS" },
	{ CH, "o0u o1u", "2026-01-01", D(90), "2026-05-05", 0, "2 SCTs" },
	{ CH, "t0u o1u", "2026-01-01", D(90), "2026-05-04", 1, "" },
	{ CH, "t0s t1s", "2026-01-01", D(90), "2026-04-14", 0, "RFC 6962" },
	{ CH, "t0s t1s", "2026-01-01", D(90), "2026-04-15", 1, "" },
	/* Apple: at most so many of one operator, an RFC 6962 log. */
	{ AP, "c0u c1u", "2026-01-01", D(90), "2026-02-02", 1, "embedded" },
	{ AP, "c0u c0u", "2026-01-01", D(90), "2026-02-02", 0,
	  "1 of 1 operators, at most 1" },
	{ AP, "c0u c0u c1u", "2026-01-01", D(90), "2026-02-02", 1, "" },
	{ AP, "c0u c0u c1u", "2026-01-01", D(300), "2026-02-02", 1, "" },
	{ AP, "c0u c0u c0u", "2026-01-01", D(300), "2026-02-02", 0,
	  "3 SCTs" },
	{ AP, "c0u c1u", "2026-01-01", D(300), "2026-02-02", 0, "3 SCTs" },
	{ AP, "c0u c1u", "2026-01-01", D(180) - 1, "2026-02-02", 1,
	  "180 days" },
	{ AP, "c0u c1u", "2026-01-01", D(180), "2026-02-02", 0,
	  "181 days" },
	{ AP, "c0u c1u c2u", "2026-01-01", D(398) - 1, "2026-02-02", 1, "" },
	{ AP, "c0u c1u c2u", "2026-01-01", D(398), "2026-02-02", -1,
	  "no rule" },
	{ AP, "c0s c1s", "2026-01-01", D(90), "2026-11-02", 0, "RFC 6962" },
	{ AP, "c0s c1u", "2026-01-01", D(90), "2026-11-02", 1, "" },
	{ AP, "c0x c1u", "2026-01-01", D(90), "2026-02-02", 1, "" },
	{ AP, "c0x c1x", "2026-01-01", D(90), "2026-02-02", 0, "counts now" },
	{ AP, "c0u c1u", "2021-04-21", D(90), "2026-02-02", 1, "" },
	{ AP, "c0u c1u", "2021-04-20", D(90), "2026-02-02", -1, "no rule" },
	{ AP, "t0u t0u", "2026-01-01", D(90), "2026-11-02", 1, "by TLS" },
	{ AP, "o0u o0u", "2026-01-01", D(90), "2026-11-02", 1, "by TLS" },
	{ AP, "c0u t0u", "2026-01-01", D(90), "2026-11-02", 1, "by TLS" },
	{ AP, "c0u t0u=", "2026-01-01", D(90), "2026-11-02", 0, "2 SCTs" },
	{ AP, "c0x t1u", "2026-01-01", D(300), "2026-11-02", 0, "" },
	{ AP, "t0u t1u", "2021-04-20", D(90), "2026-11-02", 1, "" },
};

static void
table(void **state)
{
	struct policy_verdict	v;
	int64_t			from;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(cases[i].scts, "2026-01-15");
		from = day(cases[i].from);
		policy_judge(cases[i].program, &scts, from, from +
		    cases[i].seconds * CLK_SEC, day(cases[i].at), &v);
		if (v.compliant != cases[i].want ||
		    strstr(v.reason, cases[i].why) == NULL)
			fail_msg("case %zu (%s): %d %s", i, cases[i].scts,
			    v.compliant, v.reason);
	}
	printf("%zu cases of the CT policies\n", i);
}

static int
judge(enum policy_program p, const char *at, struct policy_verdict *v)
{
	int64_t	from = day("2026-01-01");

	policy_judge(p, &scts, from, from + D(90) * CLK_SEC, day(at), v);
	return v->compliant;
}

/*
 * A log that was retired counts for SCTs before, and in Chrome only when an
 * SCT of a log that is not retired is older than that, too.
 */
static void
retired(void **state)
{
	struct policy_verdict	v;

	(void)state;
	parse("c0x c1u", "2026-01-31");
	assert_int_equal(judge(POLICY_CHROME, "2026-03-01", &v), 1);
	one[1].timestamp = (uint64_t)day(RETIRED) / 1000 - 1;
	assert_int_equal(judge(POLICY_CHROME, "2026-03-01", &v), 1);
	one[1].timestamp++;
	assert_int_equal(judge(POLICY_CHROME, "2026-03-01", &v), 0);
	assert_int_equal(judge(POLICY_APPLE, "2026-03-01", &v), 1);
	/* What scts_read() has not counted stays so. */
	one[0].status = SCTS_NOT_COUNTED;
	assert_int_equal(judge(POLICY_APPLE, "2026-03-01", &v), 0);
	assert_non_null(strstr(v.reason, "1 not_counted"));
}

/* Whose the log was when the SCT was made. */
static void
former(void **state)
{
	struct loglist_former	f[2] = { { operators[3], 0 },
				    { operators[1], 0 } };
	struct policy_verdict	v;

	(void)state;
	parse("c0u c1u c3u", "2026-01-15");
	scts.n = 2;
	/* Until the 15th the log of 0 was 1's, and before the 10th 3's. */
	f[0].until = day("2026-01-10");
	f[1].until = day("2026-01-15");
	pool[0].former = f;
	pool[0].nformer = 2;
	assert_int_equal(judge(POLICY_CHROME, "2026-02-01", &v), 1);
	one[0].timestamp--;
	assert_int_equal(judge(POLICY_CHROME, "2026-02-01", &v), 0);
	assert_non_null(strstr(v.reason, "2 operators"));
	one[0].timestamp = (uint64_t)day("2026-01-09") / 1000;
	assert_int_equal(judge(POLICY_CHROME, "2026-02-01", &v), 1);
	/* In whatever order the list has them. */
	f[0] = f[1];
	f[1].name = operators[3];
	f[1].until = day("2026-01-10");
	assert_int_equal(judge(POLICY_CHROME, "2026-02-01", &v), 1);
	one[0].timestamp = (uint64_t)day("2026-01-10") / 1000;
	assert_int_equal(judge(POLICY_CHROME, "2026-02-01", &v), 0);
}

/* A list of 70 days: nothing is enforced, and a refusal may be its fault. */
static void
timely(void **state)
{
	struct policy_verdict	v;

	(void)state;
	parse("c0u c1u", "2026-01-15");
	list.timestamp = day("2026-01-01");
	assert_int_equal(judge(POLICY_CHROME, "2026-03-11", &v), 1);
	assert_null(strstr(v.reason, "old"));
	assert_int_equal(judge(POLICY_CHROME, "2026-03-12", &v), 1);
	assert_non_null(strstr(v.reason, "is 70 days old: with one of 70"));
	assert_int_equal(judge(POLICY_APPLE, "2026-03-12", &v), 1);
	assert_null(strstr(v.reason, "old"));
	parse("c0u c1?", "2026-01-15");
	list.timestamp = day("2026-01-01");
	assert_int_equal(judge(POLICY_CHROME, "2026-03-11", &v), 0);
	assert_int_equal(judge(POLICY_CHROME, "2026-03-12", &v), -1);
	assert_int_equal(judge(POLICY_APPLE, "2026-03-12", &v), 0);
	/* Without an SCT no list helps. */
	parse("", "2026-01-15");
	list.timestamp = day("2026-01-01");
	assert_int_equal(judge(POLICY_CHROME, "2026-03-12", &v), 0);
}

static void
unjudged(void **state)
{
	struct policy_verdict	v;

	(void)state;
	parse("c0u c1u", "2026-01-15");
	scts.logs = NULL;
	assert_int_equal(judge(POLICY_CHROME, "2026-02-01", &v), -1);
	assert_non_null(strstr(v.reason, "no log list"));
	/* The issuer is missing: nothing embedded could be verified. */
	parse("c0u c1u", "2026-01-15");
	scts.issuer = -1;
	one[0].status = one[1].status = SCTS_NOT_COUNTED;
	assert_int_equal(judge(POLICY_CHROME, "2026-02-01", &v), -1);
	assert_non_null(strstr(v.reason, "issuer"));
	/* That does not matter where those of TLS suffice. */
	parse("c0u t0u t1u", "2026-01-15");
	scts.issuer = -1;
	one[0].status = SCTS_NOT_COUNTED;
	assert_int_equal(judge(POLICY_CHROME, "2026-02-01", &v), 1);
	parse("", "2026-01-15");
	(void)snprintf(scts.reason, sizeof(scts.reason), "certificate: x");
	assert_int_equal(judge(POLICY_CHROME, "2026-02-01", &v), 0);
	assert_non_null(strstr(v.reason, "; certificate: x"));
}

static void
data(void **state)
{
	const struct policy_rule	*r;
	int64_t				 from, until;
	size_t				 i, n, per[POLICY_PROGRAMS] = { 0 };

	(void)state;
	r = policy_rules(&n);
	for (i = 0; i < n; i++) {
		from = INT64_MIN;
		until = INT64_MAX;
		assert_true(r[i].program < POLICY_PROGRAMS &&
		    r[i].kind < POLICY_KINDS);
		assert_non_null(r[i].source);
		if (r[i].from != NULL)
			assert_int_equal(clk_parse(r[i].from, &from), 0);
		if (r[i].until != NULL)
			assert_int_equal(clk_parse(r[i].until, &until), 0);
		assert_true(from < until);
		per[r[i].program]++;
	}
	assert_true(per[POLICY_CHROME] > 0 && per[POLICY_APPLE] > 0);
	assert_string_equal(policy_name(POLICY_CHROME), "chrome");
	assert_string_equal(policy_name(POLICY_APPLE), "apple");
	assert_int_equal(policy_days(0, D(90) * CLK_SEC, 0), 90);
	assert_int_equal(policy_days(0, D(90) * CLK_SEC, 1), 91);
	assert_int_equal(policy_days(0, (D(90) - 1) * CLK_SEC, 1), 90);
	assert_int_equal(policy_days(5, 0, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(retired),
		cmocka_unit_test(former),
		cmocka_unit_test(timely),
		cmocka_unit_test(unjudged),
		cmocka_unit_test(data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
