#include "tests/unit/ctlog/data.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clk.h"
#include "ctlog/blind.h"

/*
 * Logs are written as a line: "0u3600" is one of operator 0, usable, that lags
 * by 3,600 seconds.  States:
 *
 *   u usable  s static usable  q qualified  r read-only  x retired  p pending
 *   j rejected  - unstated
 *
 * "/A..B" behind it is its interval in days from now.  Read-only and retired
 * ones became so a day ago, those in capitals ten minutes ago.
 */
#define MAX	24
#define NOW	"2026-11-27"
#define H	3600

static struct blind_log	logs[MAX];
static char		operators[10][8];

static int64_t
day(const char *text)
{
	int64_t	t;

	assert_int_equal(clk_parse(text, &t), 0);
	return t;
}

static enum loglist_state
state_of(char c)
{
	switch (c) {
	case 'q':
		return LOGLIST_QUALIFIED;
	case 'r':
	case 'R':
		return LOGLIST_READONLY;
	case 'x':
	case 'X':
		return LOGLIST_RETIRED;
	case 'p':
		return LOGLIST_PENDING;
	case 'j':
		return LOGLIST_REJECTED;
	case '-':
		return LOGLIST_UNSTATED;
	default:
		return LOGLIST_USABLE;
	}
}

static size_t
parse(const char *line, int64_t now)
{
	struct blind_log	*l;
	const char		*p = line;
	char			*end;
	size_t			 n = 0;

	memset(logs, 0, sizeof(logs));
	while (*p != '\0') {
		assert_true(n < MAX);
		l = &logs[n++];
		(void)snprintf(operators[*p - '0'], 8, "op %c", *p);
		l->operator = operators[*p - '0'];
		l->protocol = p[1] == 's' ? LOGLIST_STATIC : LOGLIST_RFC6962;
		l->state = state_of(p[1]);
		l->state_at = now - (p[1] == 'R' || p[1] == 'X' ? 600 :
		    86400) * CLK_SEC;
		l->lag = strtol(p + 2, &end, 10);
		if (*end == '/') {
			l->has_interval = 1;
			l->start = now + strtol(end + 1, &end, 10) * 86400 *
			    CLK_SEC;
			l->end = now + strtol(end + 2, &end, 10) * 86400 *
			    CLK_SEC;
		}
		p = end + (*end == ' ');
	}
	return n;
}

static const struct {
	enum policy_program	 program;
	enum policy_kind	 kind;
	const char		*logs;
	int64_t			 seconds;
	int			 margin;	/* at an hour */
	const char		*set;		/* numbers of the example */
} cases[] = {
#define CH POLICY_CHROME
#define AP POLICY_APPLE
#define EM POLICY_EMBEDDED
#define TL POLICY_TLS
	/* Nothing is behind. */
	{ CH, EM, "", 0, -1, "" },
	{ CH, EM, "0u0 1u0 2u0", 0, 2, "" },
	{ AP, EM, "0u0 1u0 2u0", 0, 2, "" },
	{ CH, EM, "0u0 0u0 0u0", 0, -1, "" },
	/* One log, and all logs of one operator: Chrome wants two. */
	{ CH, EM, "0u7200 1u0 2u0", 0, 1, "" },
	{ CH, EM, "0u7200 0u7200 0u7200 1u0", 0, 1, "" },
	{ AP, EM, "0u7200 0u7200 1u0", 0, 1, "" },
	{ CH, TL, "0u7200 0u7200 1u0", 0, 1, "" },
	/* Apple counts two of one operator by TLS. */
	{ AP, TL, "0u7200 0u7200 1u0", 7200, 0, "0 1" },
	{ AP, TL, "0u7200 1u0", 0, 1, "" },
	/* Two operators: as long as the second of them. */
	{ CH, EM, "0u7200 1u9000 2u0", 7200, 0, "0 1" },
	{ CH, EM, "0u60 1u9000 2u5000", 5000, 0, "1 2" },
	{ CH, EM, "0u3599 1u9000 2u0", 3599, 1, "0 1" },
	{ CH, EM, "0u3600 1u9000 2u0", 3600, 0, "0 1" },
	{ AP, EM, "0u7200 1u9000 2u0", 7200, 0, "0 1" },
	{ CH, TL, "0u7200 1u9000 2u0", 7200, 0, "0 1" },
	{ CH, EM, "0q7200 1u9000 2u0", 7200, 0, "0 1" },
	/* The example has none that can be spared. */
	{ CH, EM, "0u9000 0u9000 0u9000 1u9000", 9000, 0, "2 3" },
	/* Static logs: enough for Chrome, Apple wants one of RFC 6962. */
	{ CH, EM, "0s7200 1s7200 2u0", 7200, 0, "0 1" },
	{ AP, EM, "0s7200 1s7200 2u0", 0, 1, "" },
	{ AP, EM, "0s7200 1s7200 2s0", 0, -1, "" },
	{ AP, EM, "0s7200 1s9000 1u5000", 5000, 0, "0 2" },
	{ AP, TL, "0s7200 0s7200", 0, -1, "" },
	{ AP, TL, "0s7200 0u7200", 7200, 0, "0 1" },
	/* States that never count. */
	{ CH, EM, "0p7200 1j7200 2-7200", 0, -1, "" },
	{ CH, EM, "0u7200 1p7200", 0, -1, "" },
	/* What a read-only log took still counts; it lags from before. */
	{ CH, EM, "0u90000 1r90000", 90000, 0, "0 1" },
	{ CH, EM, "0u90000 1r7200", 0, -1, "" },
	{ CH, TL, "0u90000 1r90000", 90000, 0, "0 1" },
	/* A retired one in a certificate, beside one that is not. */
	{ CH, EM, "0u90000 1x90000", 90000, 0, "0 1" },
	{ CH, EM, "0x90000 1x90000", 0, -1, "" },
	{ CH, EM, "0u90000 1x7200", 0, -1, "" },
	{ CH, TL, "0u90000 1x90000", 0, -1, "" },
	{ AP, EM, "0u90000 1x90000", 90000, 0, "0 1" },
	/*
	 * Chrome asks when the oldest SCT of the others is of, which is of
	 * what was not seen; Apple does not.
	 */
	{ CH, EM, "0u7200 1x90000", 0, -1, "" },
	{ AP, EM, "0u7200 1x90000", 7200, 0, "0 1" },
	{ CH, EM, "0u7200 0r90000 1x95000", 90000, 0, "1 2" },
	{ CH, EM, "0u86400 1x90000", 0, -1, "" },
	{ CH, EM, "0u86401 1x90000", 86401, 0, "0 1" },
	/* Shards: both must take certificates that end on one day. */
	{ CH, EM, "0u7200/-20..40 1u7200/40..200 2u0/-20..200", 0, 1, "" },
	{ CH, EM, "0u7200/-20..41 1u7200/40..200", 7200, 0, "0 1" },
	{ CH, EM, "0u7200/-20..41 1u7200", 7200, 0, "0 1" },
	/* Shards of the past, and of later than any certificate ends. */
	{ CH, EM, "0u7200/-90..0 1u7200/-90..0", 0, -1, "" },
	{ CH, EM, "0u7200/400..500 1u7200/400..500", 0, -1, "" },
	/* A lifetime of more than 180 days takes three. */
	{ CH, EM, "0u7200/180..360 1u7200/180..360 2u0/180..360", 0, 1, "" },
	{ CH, EM, "0u7200/180..360 1u7200/180..360 1u7200/180..360", 7200, 0,
	  "0 1 2" },
	{ CH, EM, "0u7200/179..360 1u7200/179..360", 7200, 0, "0 1" },
	{ AP, EM, "0u7200/180..360 0u7200/180..360 0u7200/180..360 "
	  "1u0/180..360", 0, 1, "" },
	{ AP, EM, "0u7200/180..360 0u7200/180..360 1u7200/180..360", 7200, 0,
	  "0 1 2" },
	/* By TLS two suffice for any lifetime. */
	{ CH, TL, "0u7200/180..360 1u7200/180..360", 7200, 0, "0 1" },
	/* How many more: one shard is nearer to it than another. */
	{ CH, EM, "0u0/0..50 1u0/0..50 0u7200/50..100 1u0/50..100", 0, 1,
	  "" },
	{ CH, EM, "0u0/190..360 1u0/190..360 2u0/190..360 3u0/190..360", 0,
	  3, "" },
	/* One that takes no more cannot fall behind; one beside it can. */
	{ CH, EM, "0r0 0u0 1u7200", 0, 1, "" },
	{ CH, EM, "0x0 0u0 1u7200", 0, 1, "" },
	{ CH, EM, "0r0 0x0 1u7200", 0, -1, "" },
	/* What it did not show of its last minutes grows old all the same. */
	{ CH, EM, "0R1200 1u7200", 1200, 1, "0 1" },
	{ CH, EM, "0X1200 1u7200", 1200, 1, "0 1" },
	{ CH, EM, "0X1200 1u0", 0, 2, "" },
	{ CH, EM, "0X1200 0u0 1X7200", 0, 1, "" },
	{ AP, EM, "0s0 0u0 1s7200", 0, 1, "" },
	{ AP, EM, "0u0 0s0 1s7200", 0, 1, "" },
	/* It became so just when the lag began. */
	{ CH, EM, "0u90000 1r86400", 0, -1, "" },
	{ CH, EM, "0u90000 1r86401", 86401, 0, "0 1" },
};

static void
table(void **state)
{
	struct blind_verdict	v;
	struct buf		set = BUF_INIT;
	int64_t			now = day(NOW);
	size_t			i, j, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = parse(cases[i].logs, now);
		blind_judge(cases[i].program, cases[i].kind, logs, n, now, H,
		    &v);
		buf_reset(&set);
		for (j = 0; j < v.n; j++)
			buf_fmt(&set, "%s%zu", j > 0 ? " " : "", v.set[j]);
		if (v.seconds != cases[i].seconds ||
		    v.margin != cases[i].margin ||
		    strcmp(buf_text(&set), cases[i].set) != 0)
			fail_msg("case %zu (%s): %lld s, margin %d, set %s",
			    i, cases[i].logs, (long long)v.seconds, v.margin,
			    buf_text(&set));
	}
	buf_free(&set);
	(void)printf("%zu cases of blindness\n", i);
}

/* The window of notAfter is that of the logs of the example. */
static void
window(void **state)
{
	struct blind_verdict	v;
	int64_t			now = day(NOW), d = 86400 * CLK_SEC;

	(void)state;
	blind_judge(CH, EM, logs, parse("0u7200/-20..60 1u7200/40..200 2u0",
	    now), now, H, &v);
	assert_int_equal(v.from, now + 40 * d);
	assert_int_equal(v.to, now + 60 * d);
	blind_judge(CH, EM, logs, parse("0u7200 1u7200", now), now, H, &v);
	assert_int_equal(v.from, now);
	assert_int_equal(v.to, now + 180 * d);
	blind_judge(CH, TL, logs, parse("0u7200 1u7200", now), now, H, &v);
	assert_int_equal(v.to, now + 398 * d);
}

/* Chrome wanted an RFC 6962 log until 2026-04-15. */
static void
dated(void **state)
{
	struct blind_verdict	v;
	int64_t			at = day("2026-04-14");

	(void)state;
	blind_judge(CH, EM, logs, parse("0s7200 1s7200", at), at, H, &v);
	assert_int_equal(v.seconds, 0);
	at = day("2026-04-15");
	blind_judge(CH, EM, logs, parse("0s7200 1s7200", at), at, H, &v);
	assert_int_equal(v.seconds, 7200);
}

/*
 * The verdict and policy_judge() agree: a certificate with SCTs of all logs
 * that are blind is compliant when, and only when, the worst case is true.
 */
static void
agrees(void **state)
{
	static const char	states[] = "usqrx";
	struct loglist_log	pool[6];
	struct scts_one		one[6];
	struct loglist		list = { .timestamp = 0 };
	struct scts		s = { .v = one, .logs = &list };
	struct policy_verdict	want;
	struct blind_verdict	v;
	enum policy_program	p;
	int64_t			now = day(NOW);
	size_t			i, k, n, yes = 0, no = 0;
	struct buf		line = BUF_INIT;

	(void)state;
	srand(7);
	for (k = 0; k < 4000; k++) {
		n = (size_t)rand() % 6 + 1;
		buf_reset(&line);
		for (i = 0; i < n; i++)
			buf_fmt(&line, "%s%d%c%d", i > 0 ? " " : "",
			    rand() % 3, states[rand() % 5],
			    rand() % 2 * 100000);
		assert_int_equal(parse(buf_text(&line), now), n);
		memset(pool, 0, sizeof(pool));
		memset(one, 0, sizeof(one));
		for (s.n = i = 0; i < n; i++) {
			pool[i].operator = (char *)(uintptr_t)logs[i].operator;
			pool[i].protocol = logs[i].protocol;
			pool[i].state = logs[i].state;
			pool[i].state_at = logs[i].state_at;
			if (logs[i].lag == 0)
				continue;
			one[s.n].log = &pool[i];
			one[s.n].status = SCTS_VALID;
			one[s.n].source = SCTS_CERT;
			one[s.n++].timestamp = (uint64_t)(now / 1000 -
			    100000 * 1000LL);
		}
		p = k % 2 == 0 ? CH : AP;
		policy_judge(p, &s, now - 100000 * CLK_SEC, now + 50 * 86400 *
		    CLK_SEC, now, &want);
		blind_judge(p, EM, logs, n, now, H, &v);
		if ((want.compliant == 1) != (v.seconds == 100000))
			fail_msg("%s: %s; %lld s", buf_text(&line), want.reason,
			    (long long)v.seconds);
		yes += want.compliant == 1;
		no += want.compliant != 1;
	}
	buf_free(&line);
	assert_true(yes > 500 && no > 500);
	(void)printf("%zu sets suffice, %zu do not\n", yes, no);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(window),
		cmocka_unit_test(dated),
		cmocka_unit_test(agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
