#include "auditor/db/match_store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/decide_say.h"
#include "tests/unit/auditor/matching.h"

/* What nobody needs to hear of: it is stored with what was decided about it. */

#define OLD	40

/* The logs were as large as they are when the watch was added. */
static void
baseline(void)
{
	sql("update log set first_list = true;"
	    "insert into log (log_id, operator_id, description, protocol, "
	    "url, read_url, key, mmd, state, list_source, first_list, "
	    "watched) values ('\\x02', 1, 'log 2', 'rfc6962', 'u', 'u', "
	    "'\\x02', 86400, 'usable', 'chrome', true, true);"
	    "insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict, consistency) select n, 1000, "
	    "'\\x01', 1, 'sth', '', 'valid', 'proved' from "
	    "generate_series(1, 2) n");
}

/* What each rule said of all that is stored, with what was left out. */
static void
said(size_t n)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	json_t		*v, *x;
	char		*s;
	size_t		 i;

	if (db_query(db, &r, &e, "select (select body from rule_said r where "
	    "r.id = said limit 1), encode(tbs_sha256, 'hex'), "
	    "facts::jsonb->'owners'->0->>'name' from issuance", "") == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(db_rows(r), n);
	for (i = 0; i < n; i++) {
		assert_null(strstr(db_text(r, i, 0), db_text(r, i, 1)));
		assert_null(strstr(db_text(r, i, 0), db_text(r, i, 2)));
		s = decide_said(db_text(r, i, 0), db_text(r, i, 1),
		    db_text(r, i, 2));
		v = json_loads(s, 0, NULL);
		free(s);
		assert_int_equal(json_array_size(v), 1);
		assert_int_equal(json_array_size(json_array_get(v, 0)), 8);
		x = json_array_get(json_array_get(v, 0), 3);
		assert_non_null(strstr(json_string_value(json_object_get(x,
		    "silent")), db_text(r, i, 1)));
		x = json_array_get(json_array_get(v, 0), 7);
		assert_non_null(strstr(json_string_value(json_object_get(x,
		    "why")), db_text(r, i, 2)));
		json_decref(v);
	}
	db_free(r);
}

/*
 * What is stored as decided, by two workers at once: the second meets rows that
 * were not there when it looked, and adds its entries to what is decided.
 */
static void
lost_race(void **state)
{
	static struct worker		 w[2];
	static char			 serial[OLD][8], host[OLD][24];
	static const char		*own[OLD];
	const struct judge_match	*v[OLD];
	struct match_in			 in = { .db = db, .conf = &conf,
	    .watches = &set, .base = base, .log_ref = 1, .log_name = "log",
	    .head_id = 7, .proof_size = 1000 };
	struct err			 e = ERR_INIT;
	pthread_t			 t;
	size_t				 i, k;

	(void)state;
	NEED_DB();
	baseline();
	for (i = 0; i < OLD; i++) {
		snprintf(serial[i], sizeof(serial[i]), "%02zx", i + 1);
		snprintf(host[i], sizeof(host[i]), "h%zu.a.example", i);
		own[i] = host[i];
		for (k = 0; k < 2; k++) {
			w[k].m[i] = match(i);
			w[k].m[i].tbs_sha256[0] = (uint8_t)(i * 101);
			w[k].m[i].serial = serial[i];
			/* nobody is to wait for its issuer */
			w[k].m[i].nchain = 0;
			w[k].m[i].names = w[k].m[i].hit_name = &own[i];
			w[k].m[i].cert_sha256[0] = (uint8_t)i;
			w[k].m[i].cert_sha256[31] = (uint8_t)k;
		}
		v[i] = &w[0].m[i];
	}
	w[1].db = testdb_again();
	w[1].log = 2;
	w[1].n = OLD;
	w[1].once = 1;
	if (db_begin(db, &e) == -1 || match_store(&in, v, OLD, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(pthread_create(&t, NULL, work, &w[1]), 0);
	while (number("select count(*) from pg_locks where not granted") == 0)
		usleep(1000);
	if (db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(pthread_join(t, NULL), 0);
	db_close(w[1].db);
	if (w[1].rc != 0)
		fail_msg("%s", w[1].e.msg);
	assert_int_equal(COUNT("issuance where decision = 'baseline' and "
	    "logged_at is not null and jsonb_array_length(facts::jsonb->'entries') "
	    "= 2"), OLD);
	assert_int_equal(COUNT("entry"), 2 * OLD);
	assert_int_equal(COUNT("entry_match where baseline"), 2 * OLD);
	assert_int_equal(COUNT("certificate"), 2 * OLD);
	assert_int_equal(COUNT("certificate_name"), OLD);
	assert_int_equal(COUNT("finding"), 0);
	assert_int_equal(number("select count(distinct id) from rule_said"),
	    1);
	said(OLD);
}

/* A name twice, and one that is looked for in another form. */
static void
names_twice(void **state)
{
	static const char	*odd[] = { "WWW.a.example", "b.a.example",
	    "b.a.example", "www.a.example" };
	struct judge_match	m;
	int			i;

	(void)state;
	NEED_DB();
	baseline();
	for (i = 0; i < 2; i++) {
		m = match((uint64_t)i);
		m.names = odd;
		m.nnames = 4;
		STORE(m, 1);
		assert_int_equal(COUNT("certificate_name"), 3);
		assert_int_equal(COUNT("issuance where decision = "
		    "'baseline' and cardinality(names) = 4"), 1);
		assert_int_equal(COUNT("certificate"), 1);
		assert_int_equal(COUNT("entry"), i + 1);
	}
}

/*
 * A precertificate and its certificate that come together are one: what the CA
 * signed counts, whoever of them shows it, and both are among the entries.
 */
static void
pair(void **state)
{
	struct judge_match		 m[2];
	const struct judge_match	*v[2] = { &m[0], &m[1] };
	struct match_in			 in;
	struct err			 e = ERR_INIT;
	int				 signed_one;

	NEED_DB();
	for (signed_one = 0; signed_one < 2; signed_one++) {
		(void)clear(state);
		sql("truncate known cascade; insert into known (tbs_sha256, "
		    "trust, origin, author) values (decode(repeat('01', 32), "
		    "'hex'), 'issuance', 'cli', 'x')");
		m[0] = match(5);
		m[0].type = ENTRY_PRECERT;
		m[1] = match(6);
		m[1].cert_sha256[0] = 9;
		m[!signed_one].issued = -1;
		m[!signed_one].owner = "";
		in = (struct match_in){ .db = db, .conf = &conf,
		    .watches = &set, .base = base, .log_ref = 1,
		    .log_name = "log", .head_id = 7, .proof_size = 1000 };
		if (db_begin(db, &e) == -1 || match_store(&in, v, 2, &e) == -1
		    || db_commit(db, &e) == -1)
			fail_msg("%s", e.msg);
		assert_int_equal(COUNT("issuance where decision = 'silent' "
		    "and rule = 3 and issued = 'valid' and issuer_owner = "
		    "'ca.example' and logged_at is not null"), 1);
		is("select string_agg(x->>'index', ' ') from issuance, "
		    "jsonb_array_elements(facts::jsonb->'entries') x", "5 6");
		assert_int_equal(COUNT("issuance"), 1);
		assert_int_equal(COUNT("entry"), 2);
		assert_int_equal(COUNT("certificate"), 2);
		assert_int_equal(COUNT("finding"), 0);
	}
	sql("truncate known cascade");
}

/* What makes an issuance known, and what looks as if it did. */
static void
known_or_not(void **state)
{
	static const struct {
		const char	*tbs, *key, *trust, *removed, *want;
	} t[] = {
		{ "01", NULL, "issuance", NULL, "silent 3" },
		{ NULL, "03", "key", NULL, "silent 4" },
		/* taken back */
		{ "01", NULL, "issuance", "now()", "page 8" },
		{ NULL, "03", "key", "now()", "page 8" },
		/* seeds only show what is usual */
		{ "01", NULL, "seed", NULL, "page 8" },
		{ NULL, "03", "seed", NULL, "page 8" },
		/* of others */
		{ "02", NULL, "issuance", NULL, "page 8" },
		{ NULL, "04", "key", NULL, "page 8" },
	};
	static const struct {
		const char	*tbs, *name, *owner, *want;
	} u[] = {
		{ "02", "www.a.example", "ca.example", "high" },
		{ "02", "*.a.example", "ca.example", "high" },
		{ "01", "www.a.example", "ca.example", "critical" },
		{ "02", "www.a.example", "other.example", "critical" },
		{ "02", "x.a.example", "ca.example", "critical" },
	};
	struct judge_match	m;
	char			text[400];
	size_t			i;

	NEED_DB();
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)clear(state);
		(void)snprintf(text, sizeof(text), "truncate known cascade; "
		    "insert into known (tbs_sha256, spki_sha256, trust, "
		    "origin, author, removed_at) values (decode(repeat("
		    "nullif('%s', ''), 32), 'hex'), decode(repeat("
		    "nullif('%s', ''), 32), 'hex'), '%s', 'cli', 'x', %s)",
		    t[i].tbs != NULL ? t[i].tbs : "", t[i].key != NULL ?
		    t[i].key : "", t[i].trust, t[i].removed != NULL ?
		    t[i].removed : "null");
		sql(text);
		m = match(5);
		STORE(m, 1);
		is("select decision || ' ' || rule from issuance", t[i].want);
		assert_int_equal(COUNT("finding"), t[i].want[0] == 'p');
	}
	/* what makes a CA usual: not this very one, nor what another CA did */
	for (i = 0; i < sizeof(u) / sizeof(u[0]); i++) {
		(void)clear(state);
		(void)snprintf(text, sizeof(text), "truncate known cascade; "
		    "insert into known (tbs_sha256, names, issuer_owner, "
		    "trust, origin, author) values (decode(repeat('%s', 32), "
		    "'hex'), '{%s}', '%s', 'seed', 'cli', 'x')", u[i].tbs,
		    u[i].name, u[i].owner);
		sql(text);
		m = match(5);
		STORE(m, 1);
		is("select severity from finding", u[i].want);
	}
	sql("truncate known cascade");
}

/*
 * An order is good for one certificate: whoever finds that another one has
 * used it up in the same moment asks the rules again.
 */
static void
used_up(void **state)
{
	struct judge_match	m;
	int			lost;

	NEED_DB();
	sql("create or replace function too_late() returns trigger language "
	    "plpgsql as $$ begin return null; end $$");
	for (lost = 0; lost < 2; lost++) {
		(void)clear(state);
		sql("truncate expectation, known cascade; insert into "
		    "expectation (kind, spki_sha256, names, issuer_owner, "
		    "not_before_ms, not_after_ms, origin, author) values "
		    "('issuance', decode(repeat('03', 32), 'hex'), "
		    "'{www.a.example}', 'ca.example', 1780000000000, "
		    "1795000000000, 'cli', 'x')");
		/* as if the row that we saw open were another's by now */
		if (lost)
			sql("create trigger too_late before update on "
			    "expectation for each row execute function "
			    "too_late()");
		m = match(5);
		STORE(m, 1);
		is("select decision || ' ' || rule from issuance", lost ?
		    "page 8" : "silent 2");
		assert_int_equal(COUNT("finding"), lost);
	}
	sql("drop trigger too_late on expectation; truncate expectation "
	    "cascade");
}

/* Twins: what nobody has signed for sure is none. */
static void
twins(void **state)
{
	struct judge_match	a, b;

	(void)state;
	NEED_DB();
	a = match(5);
	a.issued = -1;
	STORE(a, 1);
	b = match(6);
	memset(b.tbs_sha256, 7, 32);
	memset(b.cert_sha256, 8, 32);
	STORE(b, 1);
	assert_int_equal(COUNT("finding where kind = 'certificate.twins'"),
	    0);
	/* now it is known that the CA has signed both, if not whose it is */
	a.issued = 1;
	a.owner = "";
	STORE(a, 1);
	assert_int_equal(COUNT("issuance where issuer_owner = 'ca.example'"),
	    2);
	assert_int_equal(COUNT("finding where kind = 'certificate.twins'"),
	    1);
	/* and it stays so, whoever cannot say it later */
	a.issued = 0;
	STORE(a, 1);
	assert_int_equal(COUNT("issuance where issued = 'valid'"), 2);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test_setup(lost_race, clear),
		cmocka_unit_test_setup(names_twice, clear),
		cmocka_unit_test_setup(pair, clear),
		cmocka_unit_test_setup(known_or_not, clear),
		cmocka_unit_test_setup(used_up, clear),
		cmocka_unit_test_setup(twins, clear),
	};

	return cmocka_run_group_tests(t, setup, teardown);
}
