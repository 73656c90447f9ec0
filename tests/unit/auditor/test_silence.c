#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/alert/message.h"
#include "auditor/db/silence.h"
#include "base/clk.h"
#include "tests/unit/auditor/alert_fixture.h"

static struct silence
a_silence(void)
{
	struct silence s;

	memset(&s, 0, sizeof(s));
	s.until = clk_wall() + 3600 * CLK_SEC;
	s.author = "ann";
	s.reason = "ticket";
	return s;
}

static void
test_mutes(void **state)
{
	static const struct {
		const char	*kind;
		const char	*name;
		const char	*owner;
		const char	*severity;
		int		 allow;
		int		 muted;
	} t[] = {
		{ "certificate.unexpected", NULL, NULL, "high", 0, 1 },
		{ "log.stale", NULL, NULL, "high", 0, 0 },
		{ NULL, ".example.com", NULL, "high", 0, 1 },
		{ NULL, "pay.example.com", NULL, "high", 0, 1 },
		{ NULL, "other.example.com", NULL, "high", 0, 0 },
		{ NULL, NULL, "team-b", "high", 0, 1 },
		{ NULL, NULL, "team-c", "high", 0, 0 },
		{ "certificate.unexpected", "pay.example.com", "team-b",
		    "high", 0, 1 },
		{ "certificate.unexpected", "pay.example.com", "team-c",
		    "high", 0, 0 },
		{ NULL, NULL, "team-b", "critical", 0, 0 },
		{ NULL, NULL, "team-b", "critical", 1, 1 },
	};
	struct finding f = a_finding("aa");
	struct silence s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		empty();
		add_channel("soc", "webhook");
		s = a_silence();
		s.kind = t[i].kind;
		s.name = t[i].name;
		s.owner = t[i].owner;
		s.allow_critical = t[i].allow;
		OK(silence_add(db, &s, NULL, e));
		f.severity = t[i].severity;
		opened(&f, 1);
		if (pending("soc") != !t[i].muted)
			fail_msg("row %zu", i);
		assert_int_equal(number("select count(*) from finding_event "
		    "where muted_by is not null"), t[i].muted);
	}
}

static void
test_one_finding(void **state)
{
	struct finding f = a_finding("aa");
	struct silence s = a_silence();
	int64_t id;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	id = opened(&f, 1);
	s.finding_id = id;
	OK(silence_add(db, &s, NULL, e));
	run("update finding set severity = 'low'");
	opened(&f, 1);		/* escalated, but muted */
	assert_int_equal(pending("soc"), 1);
	/* Louder than a silence that does not cover critical. */
	f.severity = "critical";
	opened(&f, 1);
	assert_int_equal(pending("soc"), 2);
}

/* An end in time, or by hand, sends nothing that was muted. */
static void
test_ends(void **state)
{
	struct finding f = a_finding("aa");
	struct silence s = a_silence();
	json_t *a;
	int64_t id;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	s.owner = "team-b";
	OK(silence_add(db, &s, &id, e));
	opened(&f, 1);
	OK(silence_end(db, id, e));
	FAILS(ERR_NOENT, silence_end(db, id, e));
	FAILS(ERR_NOENT, silence_end(db, 99999, e));
	assert_int_equal(pending("soc"), 0);
	f.subject = "ab";
	opened(&f, 1);
	assert_int_equal(pending("soc"), 1);
	OK(silence_add(db, &s, &id, e));
	run("update silence set until = now() - interval '1 s' where "
	    "ended_at is null");
	f.subject = "ac";
	opened(&f, 1);
	assert_int_equal(pending("soc"), 2);
	a = silence_list(db, 1, NULL);
	assert_int_equal(json_array_size(a), 0);
	json_decref(a);
	a = silence_list(db, 0, NULL);
	assert_int_equal(json_array_size(a), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(a,
	    0), "muted")), 1);
	json_decref(a);
}

/* A muted finding is resolved without a word to those who heard nothing. */
static void
test_muted_resolve(void **state)
{
	struct finding f = a_finding("log1");
	struct silence s = a_silence();

	(void)state;
	empty();
	add_channel("soc", "webhook");
	s.kind = "log.stale";
	OK(silence_add(db, &s, NULL, e));
	f.kind = "log.stale";
	opened(&f, 1);
	OK(finding_resolve(db, f.kind, f.subject, f.owner, "fine", e));
	assert_int_equal(number("select count(*) from delivery"), 0);
}

static void
test_refused(void **state)
{
	struct silence s;

	(void)state;
	empty();
	s = a_silence();
	FAILS(ERR_USAGE, silence_add(db, &s, NULL, e));
	s.kind = "log.stale";
	s.reason = "";
	FAILS(ERR_USAGE, silence_add(db, &s, NULL, e));
	s.reason = NULL;
	FAILS(ERR_USAGE, silence_add(db, &s, NULL, e));
	s = a_silence();
	s.kind = "log.stale";
	s.until = clk_wall() - 1;
	FAILS(ERR_USAGE, silence_add(db, &s, NULL, e));
	s = a_silence();
	s.finding_id = 4242;
	FAILS(ERR_NOENT, silence_add(db, &s, NULL, e));
	s = a_silence();
	s.name = "no such name!";
	assert_int_equal(silence_add(db, &s, NULL, NULL), -1);
	assert_int_equal(number("select count(*) from silence"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mutes),
		cmocka_unit_test(test_one_finding),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_muted_resolve),
		cmocka_unit_test(test_refused),
	};

	return SQL_TESTS(tests);
}
