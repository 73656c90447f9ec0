#include "auditor/log_find.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "auditor/log_fault.h"
#include "base/limit.h"
#include "tests/unit/auditor/alert_fixture.h"
#include "tests/unit/auditor/evidence_fixture.h"

/* Which entries are told of, and how often. */

#define MS	1767225600000LL

static struct world	w;
static struct log_row	row;
static struct log_look	at;		/* as a tail has it */

static int
setup(void **state)
{
	(void)state;
	world_make(&w);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	log_row_free(&row);
	world_free(&w);
	return 0;
}

static int
clear(void **state)
{
	struct span	id = { w.log_id, 32 }, key = buf_bytes(&w.spki);

	(void)state;
	empty();
	run("truncate log, operator, tree_head, entry, sct restart identity "
	    "cascade; insert into operator (name) values ('Op')");
	OK(db_query(db, NULL, e, "insert into log (log_id, operator_id, "
	    "description, protocol, url, read_url, key, mmd, state, "
	    "list_source, first_list) values ($1, 1, 'Log', 'rfc6962', 'u', "
	    "'u', $2, 86400, 'usable', 'chrome', true)", "bb", &id, &key));
	run("insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict) values (1, 100, '', 1, 'sth', "
	    "'', 'valid')");
	memset(&at, 0, sizeof(at));
	log_row_free(&row);
	OK(log_load(db, 1, &row, e));
	return 0;
}

/*
 * Entry ${i} is, but for a bit, what was promised with an SCT that names
 * index ${named}, or none (-1); *promised is the leaf of it.
 */
static void
wrong(int i, int named, uint8_t promised[32])
{
	uint8_t		ext[8] = { 0, 0, 5, 0, 0, 0, 0, (uint8_t)named };
	uint8_t		hash[32];
	struct entry	en;
	struct buf	b = BUF_INIT;
	struct span	leaf, h = { hash, 32 }, p = { promised, 32 },
			id = { w.log_id, 32 };

	memset(&en, 0, sizeof(en));
	en.timestamp = (uint64_t)(MS + i);
	en.type = ENTRY_X509;
	en.cert = buf_bytes(&w.cert);
	en.ext = (struct span){ ext, named == -1 ? 0 : sizeof(ext) };
	entry_put(&b, &en);
	evidence_leaf_hash(buf_bytes(&b), promised);
	b.p[b.n - 20] ^= 16;
	leaf = buf_bytes(&b);
	evidence_leaf_hash(leaf, hash);
	OK(db_query(db, NULL, e, "insert into entry (log_ref, index, "
	    "timestamp_ms, entry_type, leaf, leaf_hash, malformed, head_id) "
	    "values (1, $1, $2, 'x509', $3, $4, true, 1)", "iibb", (int64_t)i,
	    (int64_t)(MS + i), &leaf, &h));
	OK(db_query(db, NULL, e, "insert into sct (tbs_sha256, log_id, "
	    "timestamp_ms, raw, source, status, leaf_hash, leaf_index) values "
	    "($1, $2, $3, 'raw', 'tls', 'valid', $1, nullif($4, -1))", "bbii",
	    &p, &id, (int64_t)(MS + i), (int64_t)named));
	buf_free(&b);
}

/* One turn: is one found that is new? */
static int
look(void)
{
	int	yes = -1;

	OK(db_begin(db, e));
	OK(log_find_flips(db, &row, &at, &yes, e));
	OK(db_commit(db, e));
	return yes;
}

/* What was told, and what the finding is now. */
#define TOLD	"select (select count(*) from finding_event where event = " \
    "'opened') || ' ' || state || ' ' || substring(reason from " \
    "'entry [0-9]+') || ' ' || (select string_agg(x->>'index', ',') from " \
    "jsonb_array_elements(detail->'flips') x) from finding"

static void
change(const char *to)
{
	OK(db_begin(db, e));
	OK(finding_change(db, number("select id from finding"), to, "me",
	    "seen", e));
	OK(db_commit(db, e));
}

/* The same one is told once, another one to who put the first away. */
static void
again(void **state)
{
	static const char *const	away[] = { "acked", "resolved",
					    "contained", "rejected" };
	uint8_t				h[32];
	char				want[80], list[40] = "3,4";
	int				i;

	(void)state;
	wrong(3, -1, h);
	assert_int_equal(look(), 1);
	assert_int_equal(look(), 0);
	is(TOLD, "1 open entry 3 3");
	/* somebody has to look at this log anyhow */
	wrong(4, -1, h);
	assert_int_equal(look(), 1);
	assert_int_equal(look(), 0);
	is(TOLD, "1 open entry 3 3,4");
	for (i = 0; i < 4; i++) {
		change(away[i]);
		assert_int_equal(look(), 0);
		is("select state from finding", away[i]);
		/* in the middle of history as well as at the end */
		wrong(i == 1 ? 1 : 10 + i, -1, h);
		assert_int_equal(look(), 1);
		assert_int_equal(look(), 0);
		(void)snprintf(list + strlen(list), sizeof(list) -
		    strlen(list), ",%d", i == 1 ? 1 : 10 + i);
		(void)snprintf(want, sizeof(want), "%d open entry %d %s",
		    i + 2, i == 1 ? 1 : 10 + i, list);
		is(TOLD, want);
	}
	/* what this log does is accepted */
	change("accepted");
	wrong(20, -1, h);
	assert_int_equal(look(), 1);
	is("select count(*) || max(state) from finding_event, finding where "
	    "event = 'opened'", "5accepted");
	assert_int_equal(number("select count(*) from finding"), 1);
}

/* What an older version found is known; it had one, without a list. */
static void
older(void **state)
{
	uint8_t	h[32];

	(void)state;
	wrong(3, -1, h);
	assert_int_equal(look(), 1);
	run("update finding set detail = detail - 'flips', state = 'acked'");
	assert_int_equal(look(), 0);
	wrong(5, -1, h);
	assert_int_equal(look(), 1);
	is(TOLD, "2 open entry 5 3,5");
}

/* A log that forked and flips bits: the heads that show the first stay. */
static void
beside(void **state)
{
	uint8_t	h[32];

	(void)state;
	wrong(3, -1, h);
	assert_int_equal(look(), 1);
	run("update finding set detail = '{\"what\": \"fork\", \"head_id\": 7, "
	    "\"other_id\": 8}', reason = 'two trees'");
	assert_int_equal(look(), 1);
	is("select concat_ws(' ', reason, detail->>'what', "
	    "detail->>'head_id', detail->'flip'->>'index', "
	    "detail->'flips'->0->>'index') from finding",
	    "two trees fork 7 3 3");
	assert_int_equal(look(), 0);
	change("acked");
	wrong(4, -1, h);
	assert_int_equal(look(), 1);
	is(TOLD, "2 open entry 4 3,4");
	is("select detail->>'what' || (detail->>'head_id') from finding",
	    "fork7");
	change("resolved");
	wrong(5, -1, h);
	assert_int_equal(look(), 1);
	is("select detail->>'what' || (detail->>'head_id') from finding",
	    "flip1");
}

/* What anybody can check is told behind what only we say, and once. */
static void
graver(void **state)
{
	static const char	events[] = "select string_agg(event, ' ' "
	    "order by event) from finding_event";
	uint8_t			h[32];

	(void)state;
	wrong(3, -1, h);
	assert_int_equal(look(), 1);
	run("update finding set detail = '{\"what\": \"root\", \"head_id\": 7,"
	    " \"faults\": [{\"what\": \"root\", \"head_id\": 7}]}'");
	assert_int_equal(look(), 1);
	is(TOLD, "1 open entry 3 3");
	is(events, "escalated opened");
	wrong(4, -1, h);
	assert_int_equal(look(), 1);
	is(events, "escalated opened");
	is("select detail->>'what' from finding", "root");
}

/* Who accepted what hides nothing has not accepted what does. */
static void
accepted(void **state)
{
	struct log_entry	in = { "interval", "outside", 9, 1 };
	uint8_t			h[32];

	(void)state;
	OK(log_find_entry(db, &row, &in, e));
	change("accepted");
	OK(log_find_entry(db, &row, &in, e));
	is("select severity || ' ' || state from finding", "medium accepted");
	wrong(3, -1, h);
	assert_int_equal(look(), 1);
	is(TOLD, "2 open entry 3 3");
	is("select severity from finding", "critical");
	change("accepted");
	wrong(4, -1, h);
	assert_int_equal(look(), 1);
	is(TOLD, "2 accepted entry 3 3,4");
}

/* A promise that is kept elsewhere is no lie, but where it names the index. */
static void
kept(void **state)
{
	uint8_t		h[32];
	struct span	p = { h, 32 };

	(void)state;
	wrong(3, -1, h);
	OK(db_query(db, NULL, e, "insert into entry (log_ref, index, "
	    "timestamp_ms, entry_type, leaf, leaf_hash, tbs_sha256, head_id) "
	    "values (1, 9, 0, 'x509', '', $1, $1, 1)", "b", &p));
	assert_int_equal(look(), 0);
	run("delete from entry where index = 9; "
	    "update sct set inclusion = 'proved'");
	assert_int_equal(look(), 0);
	run("update sct set inclusion = 'pending'");
	assert_int_equal(look(), 1);
	is("select substring(reason from 'at that index|at [0-9]+ ms') from "
	    "finding", "at 1767225600003 ms");
	(void)clear(state);
	wrong(3, 3, h);
	run("update sct set inclusion = 'proved'");
	assert_int_equal(look(), 1);
	is("select substring(reason from 'at that index|at [0-9]+ ms') from "
	    "finding", "at that index");
}

/*
 * Nothing is wrong with the certificate of an entry, and the SCT for it names
 * that index: the bit may be in its time, or in the index that it names.
 */
static void
promised(void **state)
{
	uint8_t		h[32], none[32] = { 0 };
	struct span	p = { h, 32 };
	int		yes = -1, i;

	(void)state;
	for (i = 3; i < 5; i++) {
		wrong(i, i, h);
		run("update entry set malformed = false, timestamp_ms = 7, "
		    "tbs_sha256 = sha256('x')");
		assert_int_equal(look(), 0);
		OK(db_begin(db, e));
		OK(log_find_promised(db, &row, (struct span){ none, 32 },
		    &yes, e));
		assert_int_equal(yes, 0);
		OK(log_find_promised(db, &row, p, &yes, e));
		assert_int_equal(yes, 1);
		OK(log_find_promised(db, &row, p, &yes, e));
		assert_int_equal(yes, 0);
		OK(db_commit(db, e));
	}
	is(TOLD, "1 open entry 3 3,4");
	/* it names another index, or none */
	run("truncate finding cascade; update sct set leaf_index = 9");
	OK(log_find_promised(db, &row, p, &yes, e));
	assert_int_equal(yes, 0);
	run("update sct set leaf_index = null");
	OK(log_find_promised(db, &row, p, &yes, e));
	assert_int_equal(yes, 0);
}

/* A head that the log does not prove, until it does. */
static void
unproven(void **state)
{
	static const char	now[] = "select coalesce(string_agg(concat_ws("
	    "' ', severity, state, detail->>'what', detail->>'head_id'), ','),"
	    " '') from finding";
	struct log_entry	in = { "interval", "outside", 9, 1 };
	uint8_t			h[32];

	(void)state;
	OK(log_find_unproven(db, &row, 1, "no proof", e));
	is(now, "");
	run("update tree_head set first_seen = now() - interval '25 hours'");
	OK(log_find_unproven(db, &row, 1, "no proof", e));
	OK(log_find_unproven(db, &row, 1, "no proof", e));
	is(now, "medium open unproven 1");
	assert_int_equal(number("select count(*) from finding_event"), 1);
	OK(log_find_proven(db, &row, 2, e));
	is(now, "medium open unproven 1");
	OK(log_find_proven(db, &row, 1, e));
	is(now, "medium resolved unproven 1");
	/* an entry that was wrong before, and that a person has seen */
	OK(log_find_entry(db, &row, &in, e));
	OK(log_find_unproven(db, &row, 1, "no proof", e));
	OK(log_find_proven(db, &row, 1, e));
	is(now, "medium open unproven 1");
	change("resolved");
	OK(log_find_unproven(db, &row, 1, "no proof", e));
	OK(log_find_proven(db, &row, 1, e));
	is(now, "medium resolved unproven 1");
	/* beside what is worse it is not said, and resolves nothing */
	wrong(3, -1, h);
	assert_int_equal(look(), 1);
	OK(log_find_unproven(db, &row, 1, "no proof", e));
	OK(log_find_proven(db, &row, 1, e));
	is(now, "critical open flip 1");
}

/* There is an end to it. */
static void
many(void **state)
{
	uint8_t	h[32];
	int	i;

	(void)state;
	for (i = 0; i < (int)LIMIT_LOG_FLIPS + 3; i++)
		wrong(i, -1, h);
	for (i = 0; look() == 1; i++)
		;
	/* some at a time */
	assert_int_equal(i, LIMIT_LOG_FLIPS / LIMIT_LOG_SEARCH);
	assert_int_equal(number("select jsonb_array_length(detail->'flips') "
	    "from finding"), LIMIT_LOG_FLIPS);
	change("acked");
	assert_int_equal(look(), 0);
	is("select state from finding", "acked");
}

/* What was promised with the SCT of entry ${i} is something else altogether. */
static void
unlike(int i)
{
	uint8_t		h[32];
	struct span	p = { h, 32 };

	wrong(i, -1, h);
	OK(db_query(db, NULL, e, "update sct set leaf_hash = sha256($1) where "
	    "tbs_sha256 = $1", "b", &p));
}

/*
 * Entries that cannot be right and are nothing that was promised, however many
 * somebody signs, hide none behind them; nor are they searched again.
 */
static void
crowd(void **state)
{
	uint8_t	h[32];
	int	i, turns;

	(void)state;
	for (i = 0; i < 70; i++)
		unlike(i);
	wrong(70, -1, h);
	for (turns = 1; look() == 0 && turns < 100; turns++)
		;
	is(TOLD, "1 open entry 70 70");
	assert_in_range(turns, 2, 71 / LIMIT_LOG_SEARCH + 2);
	/* and one in front of them */
	run("delete from entry where index < 60; delete from sct where "
	    "timestamp_ms < 1767225600060");
	for (i = 0; i < 10; i++)
		assert_int_equal(look(), 0);
	wrong(1, -1, h);
	for (turns = 1; look() == 0 && turns < 4; turns++)
		;
	is(TOLD, "1 open entry 70 70,1");
}

/* Another worker: it sees what is committed, and waits for us. */
static pid_t
other(int (*act)(struct db *, struct err *))
{
	pid_t	pid = fork();

	if (pid == 0) {
		struct err	 e = ERR_INIT;
		struct db	*mine = db_open(testdb_info, &e);

		_exit(mine == NULL || db_begin(mine, &e) == -1 ||
		    act(mine, &e) == -1 || db_commit(mine, &e) == -1);
	}
	return pid;
}

/* We commit when it waits, and it goes on. */
static void
in_turn(pid_t pid)
{
	int	status = -1, i;

	assert_true(pid > 0);
	for (i = 0; i < 1000 && number("select count(*) from pg_locks where "
	    "not granted and database = (select oid from pg_database where "
	    "datname = current_database())") == 0; i++)
		(void)usleep(10000);
	OK(db_commit(db, e));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int
flips(struct db *mine, struct err *why)
{
	struct log_look	k = { 0 };
	int		yes = 0;

	return log_find_flips(mine, &row, &k, &yes, why) == 0 && yes ? 0 : -1;
}

static int
proven(struct db *mine, struct err *why)
{
	return log_find_proven(mine, &row, 1, why);
}

/* Two find one each, at the same time: both are kept, and it is told once. */
static void
at_once(void **state)
{
	uint8_t	h[32];
	int	yes = 0;

	(void)state;
	wrong(4, -1, h);
	OK(db_begin(db, e));
	/* that the other does not see */
	run("delete from entry where index = 4");
	wrong(3, -1, h);
	OK(log_find_flips(db, &row, &at, &yes, e));
	assert_int_equal(yes, 1);
	in_turn(other(flips));
	is(TOLD, "1 open entry 3 3,4");
}

/* A head is proven while the log is found to have forked: that stays. */
static void
graver_at_once(void **state)
{
	json_t			*d = json_pack("{ss si si}", "what", "fork",
				    "head_id", 2, "other_id", 3);
	struct log_fault	 f = { w.log_id, "Log", "fork", d };

	(void)state;
	run("update tree_head set first_seen = now() - interval '25 hours'");
	OK(log_find_unproven(db, &row, 1, "no proof", e));
	OK(db_begin(db, e));
	OK(log_fault_open(db, &f, e));
	in_turn(other(proven));
	is("select severity || ' ' || state from finding", "critical open");
	json_decref(d);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test_setup(again, clear),
		cmocka_unit_test_setup(older, clear),
		cmocka_unit_test_setup(beside, clear),
		cmocka_unit_test_setup(graver, clear),
		cmocka_unit_test_setup(accepted, clear),
		cmocka_unit_test_setup(kept, clear),
		cmocka_unit_test_setup(promised, clear),
		cmocka_unit_test_setup(unproven, clear),
		cmocka_unit_test_setup(many, clear),
		cmocka_unit_test_setup(crowd, clear),
		cmocka_unit_test_setup(at_once, clear),
		cmocka_unit_test_setup(graver_at_once, clear),
	};

	return (db = testdb_open()) == NULL ? 0 :
	    sql_end(cmocka_run_group_tests(t, setup, teardown));
}
