/* What is decided of a certificate, by what is known of its kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limit.h"
#include "tests/unit/auditor/decide_fixture.h"

static void
unexpected(void **state)
{
	struct decide_match m[2];

	(void)state;
	issuance(&www);
	m[0] = match(1, 5, 1, 0);
	decide(1, m, 1, 0);
	DECISION(1, "page 8");
	FINDINGS(1, "certificate.unexpected  critical open");
	IS("select logged_at is null from issuance", "t");
	IS("select proven from finding", "f");
	IS("select count(*) from finding_event", "1");
	/* The proof says nothing, neither do final certificate and re-reads. */
	decide(1, m, 1, 1);
	m[1] = match(2, 9, 1, 0);
	decide(1, m, 2, 1);
	IS("select logged_at is not null from issuance", "t");
	IS("select proven from finding", "t");
	IS("select count(*) from finding_event", "1");
	IS("select array_to_string(logs, ',') from finding",
	    "log one,log two");
	IS("select jsonb_array_length(facts::jsonb->'entries') from issuance", "2");
	IS("select detail->>'names_count' from finding", "1");
	/* A person resolves it: reading it again does not open it. */
	sql("update finding set state = 'resolved'");
	decide(1, m, 2, 1);
	FINDINGS(1, "certificate.unexpected  critical resolved");
	IS("select count(*) from finding_event", "1");
}

static void
usual(void **state)
{
	struct iss		b = { 2, 2, 200, "0b", "{WWW.shop.example}",
				    "ca.example", "valid" };
	struct iss		c = { 3, 3, 201, "0c", "{www.shop.example}",
				    "other.example", "valid" };
	struct decide_match	m = match(1, 5, 1, 1);

	(void)state;
	issuance(&www);
	decide(1, &m, 1, 1);
	DECISION(1, "baseline 5");
	FINDINGS(1, "");
	/* The baseline makes its issuer usual for the name, no other one. */
	issuance(&b);
	m = match(1, 6, 1, 0);
	decide(2, &m, 1, 1);
	FINDINGS(2, "certificate.unexpected  high open");
	issuance(&c);
	m = match(1, 7, 1, 0);
	decide(3, &m, 1, 1);
	FINDINGS(3, "certificate.unexpected  critical open");
	/* So does unproven history, with a wildcard for it too. */
	clean(NULL);
	know(-1, -1, "*.shop.example", "ca.example", INT64_MIN, "seed");
	issuance(&www);
	m = match(1, 5, 1, 0);
	decide(1, &m, 1, 1);
	FINDINGS(1, "certificate.unexpected  high open");
	DECISION(1, "page 8");
}

static void
early(void **state)
{
	struct iss		x = www;
	struct decide_match	m = match(1, 5, 1, 0);

	(void)state;
	x.issued = "unchecked";
	issuance(&x);
	decide(1, &m, 1, 0);
	IS("select decision is null from issuance", "t");
	decide(1, &m, 1, 1);
	FINDINGS(1, "certificate.unexpected  critical open");
	clean(NULL);
	x.issued = "invalid";
	issuance(&x);
	know(1, -1, NULL, NULL, INT64_MIN, "issuance");
	decide(1, &m, 1, 0);
	FINDINGS(1, "");
	decide(1, &m, 1, 1);
	DECISION(1, "malformed 0");
	FINDINGS(1, "certificate.malformed  high open");
	IS("select reason from finding", "issuer_signature");
	/* The issuer's signature turns out to be right after all. */
	sql("delete from known; update issuance set issued = 'valid'");
	decide(1, &m, 1, 1);
	FINDINGS(1, "certificate.malformed  high resolved, "
	    "certificate.unexpected  critical open");
}

static void
owners(void **state)
{
	struct decide_match m[2];

	(void)state;
	/* team-b holds it, the others are paged; its hold still ends. */
	sql("insert into source (name, names, issuers, origin) values"
	    " ('b', '{.shop.example}', '{ca.example}', 'cli')");
	issuance(&www);
	m[0] = match(1, 5, 2, 0);
	m[1] = match(1, 5, 1, 0);
	decide(1, m, 2, 1);
	DECISION(1, "page 8");
	FINDINGS(1, "certificate.unexpected  critical open");
	IS("select hold_until is not null from issuance", "t");
	sql("update issuance set first_seen = first_seen - interval '2 min',"
	    " hold_until = hold_until - interval '2 min'");
	assert_int_equal(decide_holds(db, &conf, NULL, NULL), 0);
	FINDINGS(1, "certificate.unexpected  critical open, "
	    "certificate.unexpected team-b critical open");
	/* Digest only lowers. */
	clean(NULL);
	{
		struct iss x = { 4, 4, 200, "0d", "{www.old.example}",
		    "ca.example", "valid" };

		issuance(&x);
	}
	m[0] = match(1, 8, 4, 0);
	decide(4, m, 1, 1);
	DECISION(4, "digest 7");
	FINDINGS(4, "certificate.unexpected  low open");
	IS("select digest_only from finding", "t");
}

static void
baseline(void **state)
{
	struct decide_match m[2];

	(void)state;
	issuance(&www);
	/* One watch says baseline, the other one of this owner does not. */
	m[0] = match(1, 5, 1, 1);
	m[1] = match(1, 5, 3, 0);
	decide(1, m, 2, 1);
	DECISION(1, "page 8");
	/* A later sight above the first head does not make it new. */
	clean(NULL);
	issuance(&www);
	m[0] = match(1, 5, 1, 1);
	decide(1, m, 1, 1);
	DECISION(1, "baseline 5");
	m[0] = match(2, 999, 1, 0);
	decide(1, m, 1, 1);
	DECISION(1, "baseline 5");
	FINDINGS(1, "");
	/* News of one log stay so when another, that was away, has it as well. */
	clean(NULL);
	issuance(&www);
	m[0] = match(1, 999, 1, 0);
	decide(1, m, 1, 1);
	DECISION(1, "page 8");
	m[0] = match(2, 5, 1, 1);
	m[0].there_at = INT64_MAX - 1;
	decide(1, m, 1, 1);
	DECISION(1, "page 8");
	IS("select facts::jsonb->'watches'->0 ? 'late_s' from issuance", "f");
	/* A head that had it before is another matter. */
	m[0].there_at = INT64_MIN;
	m[0].late_s = 90;
	decide(1, m, 1, 1);
	DECISION(1, "baseline 5");
	IS("select facts::jsonb->'watches'->0->>'late_s' from issuance", "90");
	clean(NULL);
	issuance(&www);
	m[0] = match(1, 5, 1, 1);
	decide(1, m, 1, 1);
	/* Accepted, then rejected: the newer word counts. */
	know(1, -1, NULL, NULL, INT64_MIN, "issuance");
	declared(1, 0, 1);
	DECISION(1, "silent 3");
	know(1, -1, NULL, NULL, INT64_MIN, "rejected");
	declared(1, 1, 1);
	DECISION(1, "page 5");
	FINDINGS(1, "certificate.unexpected  critical open");
}

static void
twins(void **state)
{
	struct iss		b = www;
	struct decide_match	m = match(1, 5, 1, 0);

	(void)state;
	issuance(&www);
	decide(1, &m, 1, 1);
	IS("select count(*) from finding where kind = 'certificate.twins'",
	    "0");
	b.tbs = 2;
	b.issued = "invalid";
	issuance(&b);
	decide(2, &m, 1, 1);
	IS("select count(*) from finding where kind = 'certificate.twins'",
	    "0");
	sql("update issuance set issued = 'valid'");
	decide(2, &m, 1, 1);
	decide(1, &m, 1, 1);
	IS("select severity || ' ' || right(subject, 3) || ' ' || count(*)"
	    " over () from finding where kind = 'certificate.twins'",
	    "high :0a 1");
	sql("update finding set state = 'resolved'");
	decide(1, &m, 1, 1);
	decide(2, &m, 1, 1);
	IS("select count(*) from finding where state <> 'resolved'", "0");
}

static void
removed_watch(void **state)
{
	struct decide_match	m = match(1, 5, 2, 0);
	size_t			n;

	(void)state;
	sql("insert into source (name, names, issuers, origin) values"
	    " ('b', '{.shop.example}', '{ca.example}', 'cli')");
	issuance(&www);
	decide(1, &m, 1, 1);
	sql("update watch set removed_at = now(); update issuance set"
	    " first_seen = first_seen - interval '2 min',"
	    " hold_until = hold_until - interval '2 min'");
	assert_int_equal(decide_holds(db, &conf, &n, NULL), 0);
	assert_int_equal(n, 1);
	FINDINGS(1, "");
}

/* What a hostile certificate can make large stays bounded. */
static void
large(void **state)
{
	struct buf		 names = BUF_INIT;
	struct decide_match	*m;
	struct iss		 x = www;
	size_t			 i, n = LIMIT_DECIDE_WATCHES + 1;
	char			 want[32];

	(void)state;
	m = mem_array(n, sizeof(*m));
	buf_str(&names, "{");
	for (i = 0; i < n; i++) {
		buf_fmt(&names, "%sn%zu.shop.example", i > 0 ? "," : "", i);
		m[i] = match(1, (int64_t)i, 1, 0);
		m[i].watch_id = (int64_t)i + 1;
	}
	buf_str(&names, "}");
	x.names = buf_text(&names);
	issuance(&x);
	decide(1, m, n, 1);
	snprintf(want, sizeof(want), "%d %d %d", LIMIT_DECIDE_WATCHES,
	    LIMIT_DECIDE_ENTRIES, LIMIT_DETAIL_NAMES);
	IS("select concat_ws(' ', jsonb_array_length(facts::jsonb->'watches'),"
	    " jsonb_array_length(facts::jsonb->'entries'), (select"
	    " jsonb_array_length(detail->'names') from finding))"
	    " from issuance", want);
	IS("select detail->>'names_more' from finding", "975");
	free(m);
	buf_free(&names);
}

/* A page of matches of the baseline: one answer each. */
static void
many(void **state)
{
	struct err		e = ERR_INIT;
	struct decide_match	m;
	int			i;

	(void)state;
	assert_int_equal(db_begin(db, &e), 0);
	for (i = 0; i < 250; i++) {
		struct iss x = { i, i, 255, "", "{www.shop.example}",
		    "ca.example", "valid" };
		struct span s;
		char serial[8];

		snprintf(serial, sizeof(serial), "%02x", i);
		x.serial = serial;
		issuance(&x);
		m = match(1, i, 1, 1);
		s = tbs(i);
		if (decide_issuance(db, &conf, &s, &m, 1, 1, &e) == -1)
			fail_msg("%s", e.msg);
	}
	assert_int_equal(db_commit(db, &e), 0);
	IS("select count(*) from issuance where decision = 'baseline'",
	    "250");
}

static void
nothing(void **state)
{
	struct err	e = ERR_INIT;
	struct span	s = tbs(9);

	(void)state;
	assert_int_equal(decide_again(db, &conf, &s, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	issuance(&(struct iss){ 9, 9, 200, "09", "{x.example}", NULL,
	    "valid" });
	err_clear(&e);
	assert_int_equal(decide_again(db, &conf, &s, &e), 0);
	IS("select decision is null from issuance", "t");
}

/*
 * Many at once: what is quiet counts for what is not, in whatever order they
 * come; an order is used up once; twins and owners as alone.
 */
static void
together(void **state)
{
	static const struct iss	rows[] = {
		{ 1, 1, 200, "01", "{www.shop.example}", "ca.example", "valid" },
		{ 2, 2, 200, "02", "{www.shop.example}", "ca.example", "valid" },
		{ 3, 3, 201, "03", "{www.shop.example}", "o.example", "valid" },
		{ 4, 4, 202, "04", "{www.pay.example}", "ca.example", "valid" },
		{ 5, 4, 202, "05", "{www.pay.example}", "ca.example", "valid" },
		{ 6, 6, 203, "06", "{www.pay.example}", "x.example", "valid" },
		{ 7, 7, 203, "06", "{www.pay.example}", "x.example", "valid" },
		{ 8, 8, 203, "08", "{www.pay.example}", "x.example",
		    "unchecked" },
	};
	struct decide_match	m[8][2];
	struct decide_one	v[8];
	struct err		e = ERR_INIT;
	size_t			i, pass;

	(void)state;
	for (i = 0; i < 8; i++) {
		issuance(&rows[i]);
		m[i][0] = match(1, (int64_t)i, i < 3 ? 1 : 3, i == 1);
		m[i][1] = match(1, (int64_t)i, 2, 0);
		/* the third has two owners */
		v[i] = (struct decide_one){ tbs(rows[i].tbs), m[i],
		    i == 2 ? 2 : 1, 0 };
	}
	expects(4, "www.pay.example", "ca.example", NOW_MS - 1000,
	    NOW_MS + 1000);
	/* before the proof, what is not checked waits; and then again */
	for (pass = 0; pass < 3; pass++) {
		if (db_begin(db, &e) == -1 || decide_all(db, &conf, v, 8,
		    pass > 0, &e) == -1 || db_commit(db, &e) == -1)
			fail_msg("%s", e.msg);
		/* the first of them is usual by the second, the baseline */
		DECISION(1, "page 8");
		FINDINGS(1, "certificate.unexpected  high open");
		DECISION(2, "baseline 5");
		FINDINGS(2, "");
		FINDINGS(3, "certificate.unexpected  critical open, "
		    "certificate.unexpected team-b critical open");
		DECISION(4, "silent 2");
		FINDINGS(4, "");
		/* and so is the CA of the order, when it is used up */
		FINDINGS(5, "certificate.unexpected  high open");
		FINDINGS(6, "certificate.unexpected  critical open");
		FINDINGS(7, "certificate.unexpected  critical open");
		IS("select count(*) from finding where kind = "
		    "'certificate.twins'", "1");
		FINDINGS(8, pass == 0 ? "" :
		    "certificate.unexpected  critical open");
		IS("select count(*) from finding_event where event <> "
		    "'opened'", "0");
		IS("select (select count(*) from finding_event) - (select "
		    "count(*) from finding)", "0");
		IS("select bool_and(proven)::text from finding",
		    pass == 0 ? "false" : "true");
	}
	IS("select count(*) from expectation where state = 'fulfilled'", "1");
}

static int
run(void)
{
#define T(f) cmocka_unit_test_setup(f, clean)
	const struct CMUnitTest tests[] = {
		T(unexpected), T(usual), T(early), T(owners), T(baseline),
		T(twins), T(removed_watch), T(large), T(many), T(nothing),
		T(together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
	return deciding_main(run);
}
