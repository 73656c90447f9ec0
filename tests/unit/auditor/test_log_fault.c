#include "auditor/log_fault.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/limit.h"
#include "tests/unit/auditor/alert_fixture.h"

/* Which faults of a log are told, and what is kept of each. */

static const uint8_t	id[32] = { 7 };

static int
clear(void **state)
{
	(void)state;
	empty();
	return 0;
}

/* ${format}: members beside what. */
static void
fault(const char *what, const char *more)
{
	char			 text[400], why[60];
	struct log_fault	 f = { .log_id = id, .name = "Log",
				    .reason = why };
	json_t			*d;

	(void)snprintf(text, sizeof(text), "{\"what\": \"%s\"%s}", what, more);
	(void)snprintf(why, sizeof(why), "%s%.40s", what, more);
	assert_non_null(d = json_loads(text, 0, NULL));
	f.detail = d;
	OK(db_begin(db, e));
	OK(log_fault_open(db, &f, e));
	OK(db_commit(db, e));
	json_decref(d);
}

static void
change(const char *to)
{
	OK(db_begin(db, e));
	OK(finding_change(db, number("select id from finding"), to, "me",
	    "seen", e));
	OK(db_commit(db, e));
}

#define HEADS(a, b)	", \"head_id\": " #a ", \"other_id\": " #b
#define PATH(a, b)	", \"head_id\": " #a ", \"inconsistent\": " \
	"{\"head_id\": " #b ", \"other_id\": " #a ", \"path\": \"p\"}"
#define ALONE(a)	", \"head_id\": " #a

/* How often it was told, its state, what it is about, and what is kept. */
#define TOLD	"select (select count(*) from finding_event where event = " \
    "'opened') || ' ' || state || ' ' || (detail->>'what') || ' ' || " \
    "(detail->>'head_id') || ':' || (select string_agg(' ' || " \
    "(x->>'what') || (x->>'head_id'), '' order by n) from " \
    "jsonb_array_elements(detail->'faults') with ordinality f (x, n)) " \
    "from finding"

/* Each kind once, whatever was done with those before. */
static void
kinds(void **state)
{
	static const char *const	away[] = { "acked", "contained",
					    "rejected" };
	char				want[80];
	int				i;

	(void)state;
	for (i = 0; i < 3; i++) {
		(void)clear(state);
		fault("root", ALONE(1));
		is(TOLD, "1 open root 1: root1");
		/* somebody has to look at this log anyhow: it is kept */
		fault("signature", ALONE(2));
		is(TOLD, "1 open root 1: root1 signature2");
		change(away[i]);
		fault("root", ALONE(1));
		fault("root", ALONE(3));
		fault("signature", ALONE(2));
		(void)snprintf(want, sizeof(want), "1 %s root 1: root1 "
		    "signature2 root3", away[i]);
		is(TOLD, want);
		fault("fork", HEADS(4, 5));
		is(TOLD, "2 open fork 4: root1 signature2 root3 fork4");
		is("select reason || (detail->>'other_id') from finding",
		    "fork" HEADS(4, 5) "5");
		change(away[i]);
		fault("fork", HEADS(5, 4));
		fault("fork", HEADS(8, 9));
		/* of what anybody can see, that we say it is nothing new */
		fault("fork", ALONE(4));
		is("select state from finding", away[i]);
		/* another proof of it, by a path */
		fault("fork", PATH(6, 7));
		is(TOLD, "3 open fork 6: root1 signature2 root3 fork4 fork8 "
		    "fork4 fork6");
		change(away[i]);
		/* with the next head that comes */
		fault("fork", PATH(6, 10));
		is("select state || ' ' || jsonb_array_length("
		    "detail->'faults') from finding", i == 0 ? "acked 7" :
		    i == 1 ? "contained 7" : "rejected 7");
	}
	assert_int_equal(number("select count(*) from finding"), 1);
}

/* What anybody can check is told behind what only we say, and once. */
static void
graver(void **state)
{
	(void)state;
	fault("signature", ALONE(1));
	fault("root", ALONE(2));
	fault("fork", ALONE(3));
	is(TOLD, "1 open signature 1: signature1 root2 fork3");
	fault("fork", HEADS(4, 5));
	is("select reason from finding", "fork" HEADS(4, 5));
	is("select string_agg(event, ' ' order by event) from finding_event",
	    "escalated opened");
	fault("fork", HEADS(4, 5));
	fault("fork", PATH(6, 7));
	fault("final", ALONE(8));
	is(TOLD, "1 open fork 4: signature1 root2 fork3 fork4 fork6 final8");
	assert_int_equal(number("select count(*) from finding_event"), 2);
}

/* What was signed stays signed: whoever resolved it has seen that. */
static void
resolved(void **state)
{
	(void)state;
	fault("fork", HEADS(4, 5));
	change("resolved");
	fault("fork", HEADS(4, 5));
	fault("fork", HEADS(5, 4));
	is(TOLD, "1 resolved fork 4: fork4");
	fault("fork", HEADS(4, 6));
	is(TOLD, "2 open fork 4: fork4 fork4");
	change("resolved");
	fault("fork", PATH(4, 6));
	is(TOLD, "3 open fork 4: fork4 fork4 fork4");
	change("resolved");
	fault("fork", PATH(4, 8));
	is("select state from finding", "resolved");
	/* that its signatures are wrong was over, and is not */
	fault("signature", ALONE(4));
	change("resolved");
	fault("signature", ALONE(4));
	is(TOLD, "5 open signature 4: fork4 fork4 fork4 signature4");
}

/* What is legitimate is not told, and kept. */
static void
accepted(void **state)
{
	(void)state;
	fault("root", ALONE(1));
	change("accepted");
	fault("fork", HEADS(4, 5));
	is(TOLD, "1 accepted root 1: root1 fork4");
}

/* There is an end to what is kept; what is told is kept. */
static void
many(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 3; i++) {
		fault("fork", HEADS(1, 2));
		fault("fork", HEADS(3, 4));
		fault("fork", HEADS(5, 6));
		fault("fork", HEADS(7, 8));
		fault("fork", HEADS(9, 10));
		fault("root", ALONE(1));
	}
	assert_int_equal(LIMIT_LOG_FAULTS, 4);
	is(TOLD, "1 open fork 1: fork1 fork3 fork5 fork7 root1");
	change("resolved");
	fault("fork", HEADS(9, 10));
	is(TOLD, "2 open fork 9: fork1 fork3 fork5 fork9 root1");
}

/* One behind what is not critical, or what entries showed. */
static void
behind(void **state)
{
	(void)state;
	fault("root", ALONE(1));
	run("update finding set severity = 'medium', state = 'acked', detail ="
	    " '{\"what\": \"interval\", \"head_id\": 3, \"outside\": "
	    "{\"index\": 9}}'");
	fault("fork", HEADS(4, 5));
	is(TOLD, "2 open fork 4: fork4");
	is("select severity || (detail->'outside'->>'index') from finding",
	    "critical9");
	change("acked");
	run("update finding set detail = '{\"what\": \"flip\", \"head_id\": 3, "
	    "\"flips\": [{\"index\": 8}], \"flip\": {\"index\": 8}}'");
	fault("fork", HEADS(4, 5));
	is(TOLD, "3 open fork 4: fork4");
	is("select (detail->'flips'->0->>'index') || (detail->'flip'->>"
	    "'index') from finding", "88");
}

/* What an older version found: it kept the last one only. */
static void
older(void **state)
{
	(void)state;
	fault("fork", HEADS(4, 5));
	change("acked");
	run("update finding set detail = detail - 'faults'");
	fault("fork", HEADS(4, 5));
	is(TOLD, "1 acked fork 4: fork4");
	fault("root", ALONE(6));
	is(TOLD, "2 open root 6: fork4 root6");
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test_setup(kinds, clear),
		cmocka_unit_test_setup(graver, clear),
		cmocka_unit_test_setup(resolved, clear),
		cmocka_unit_test_setup(accepted, clear),
		cmocka_unit_test_setup(many, clear),
		cmocka_unit_test_setup(behind, clear),
		cmocka_unit_test_setup(older, clear),
	};

	return SQL_TESTS(t);
}
