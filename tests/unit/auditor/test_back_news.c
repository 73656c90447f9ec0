#include <unistd.h>

#include "auditor/db/lease.h"
#include "auditor/role/back.h"
#include "base/log.h"
#include "base/mem.h"
#include "tests/unit/auditor/tail_fixture.h"

/* What goes wrong with history, again and again, is logged once. */

static struct back	 back;
static int		 lines;		/* where lines of the log go */

/* Two ranges of history; ours is the first, leased. */
static int
setup(void **state)
{
	char	path[] = "/tmp/cvnews.XXXXXX";

	(void)state;
	sql("truncate backfill, work cascade");
	if (tail_leased(1, "5") == -1)
		return -1;
	lease_free(&t.lease);
	sql("delete from work; insert into backfill (log_ref, size_from, "
	    "size_to, again, step, cut, entries, actor) values (1, 0, 2048, "
	    "false, 1024, 0, 2048, 'test');"
	    "insert into backfill_range (backfill_id, log_ref, size_from, "
	    "size_to, size_done) values (1, 1, 0, 1024, 0), (1, 1, 1024, "
	    "2048, 1024); insert into work (kind, subject) select 'backfill', "
	    "id::text from backfill_range");
	memset(&back, 0, sizeof(back));
	back.range.to = 1024;
	t.back = &back;
	if ((lines = mkstemp(path)) == -1)
		return -1;
	(void)unlink(path);
	log_to(lines);
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	log_to(STDERR_FILENO);
	(void)close(lines);
	lease_free(&t.lease);
	log_row_free(&t.log);
	tail_rate_free(&en);
	return 0;
}

/* Range ${id} is due, and ours. */
static void
claim(int id)
{
	struct lease_ask	ask = { .holder = "h:0", .max = 1,
	    .lease_s = 60 };
	struct err		e = ERR_INIT;
	size_t			n = 0;
	char			text[100];

	(void)snprintf(text, sizeof(text), "update work set due_at = "
	    "case subject when '%d' then now() else 'infinity' end", id);
	sql(text);
	lease_free(&t.lease);
	assert_int_equal(lease_claim(db, &ask, &t.lease, &n, &e), 0);
	assert_int_equal(n, 1);
	t.leased = 1;
}

/* How many lines were logged since the last time. */
static int
said(void)
{
	char	text[4096];
	ssize_t	got = pread(lines, text, sizeof(text), 0), i;
	int	n = 0;

	for (i = 0; i < got; i++)
		n += text[i] == '\n';
	assert_int_equal(ftruncate(lines, 0), 0);
	(void)lseek(lines, 0, SEEK_SET);
	return n;
}

/* Range ${id} fails its proof for good; lines that this gave. */
static int
wrong(int id, const char *why)
{
	claim(id);
	/* it was read twice */
	t.mismatch = 1;
	tail_mismatch(&t, why);
	return said();
}

static int
fails(int id, const char *why)
{
	claim(id);
	tail_end(&t, why);
	return said();
}

static void
proofs(void **state)
{
	(void)state;
	assert_int_equal(wrong(1, "the root is wrong"), 1);
	is("select severity from finding", "critical");
	is("select last_error from work where subject = '1'",
	    "history, entries 0 to 1024: the root is wrong");
	assert_int_equal(wrong(1, "the root is wrong"), 0);
	assert_int_equal(wrong(1, "the root is wrong"), 0);
	/* longer and longer between */
	is("select attempts || (due_at > now() + interval '80 s')::text from "
	    "work where subject = '1'", "3true");
	/* another reason; another range is none */
	assert_int_equal(wrong(1, "the proof is wrong"), 1);
	back.range.to = 2048;
	back.range.done = 1024;
	assert_int_equal(wrong(2, "the proof is wrong"), 0);
	is("select last_error from work where subject = '2'",
	    "history, entries 1024 to 2048: the proof is wrong");
	is("select count(*) from finding", "1");
}

static void
faults(void **state)
{
	(void)state;
	assert_int_equal(fails(1, "timeout: after 30001 ms"), 1);
	assert_int_equal(fails(1, "timeout: after 30002 ms"), 0);
	/* one log: what is wrong with it is said once for all of it */
	assert_int_equal(fails(2, "timeout: after 30003 ms"), 0);
	assert_int_equal(fails(2, "HTTP status 503"), 1);
	assert_int_equal(fails(1, "HTTP status 503"), 0);
	/* it went well in between */
	sql("update work set last_error = null");
	assert_int_equal(fails(1, "HTTP status 503"), 1);
	/* what is said of its head is the tail's */
	tail_rate_begin(&t);
	t.back = NULL;
	assert_int_equal(fails(1, "HTTP status 503"), 1);
}

/* The other range: tries, and does it wait as long as the first? */
static const char	other[] = "select o.attempts || ' ' || case when "
    "o.due_at between m.due_at - interval '10 s' and m.due_at then 'waits' else '' end from work o, work m where "
    "o.subject = '2' and m.subject = '1'";

/* A log that is away is tried once, not once for each of its ranges. */
static void
away(void **state)
{
	(void)state;
	sql("update backfill_range set verified_at = null");
	(void)wrong(1, "the root is wrong");
	/* a wrong proof is that range's */
	is(other, "0 ");
	back.wrong = 0;
	claim(1);
	sql("update work set due_at = now() where subject = '2'");
	tail_end(&t, "timeout");
	is(other, "1 waits");
	is("select last_error from work where subject = '2'", "timeout");
	/* then it is another one that is tried, or one stopped them all */
	is("select subject from work order by due_at, id limit 1", "2");
	/* others go on: it is not the log */
	sql("update work set attempts = 0, due_at = now() where subject = '2';"
	    "update backfill_range set verified_at = now() where id = 2");
	claim(1);
	sql("update work set due_at = now() where subject = '2'");
	tail_end(&t, "timeout");
	is(other, "0 ");
	/* what somebody has is his */
	sql("update backfill_range set verified_at = null");
	claim(1);
	sql("update work set due_at = now(), holder = 'h:1' where "
	    "subject = '2'");
	tail_end(&t, "timeout");
	is(other, "0 ");
	(void)said();
}

/* What backfill list says of it: the error, and whether it waits. */
static void
listed(const char *error, int waits)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;

	assert_int_equal(back_list(db, 0, &r, &e), 0);
	assert_int_equal(db_rows(r), 1);
	assert_string_equal(db_text(r, 0, BACK_ERROR), error);
	assert_int_equal(!db_null(r, 0, BACK_WAITS), waits);
	db_free(r);
}

/* A log that wants us to wait is no fault, and is asked when the time comes. */
static void
held(void **state)
{
	struct fetch_done	d = { .failure = FETCH_OK, .status = 429 };
	int			i;

	(void)state;
	for (i = 0; i < 3; i++) {
		claim(1);
		tail_rate_begin(&t);
		if (i == 0) {
			(void)snprintf(d.retry_after, sizeof(d.retry_after),
			    "600");
			tail_rate_429(&t, &d, 600, 0);
		}
		back.held = 0;
		assert_int_equal(tail_rate_leave(&t), 1);
		assert_int_equal(said(), i == 0);
	}
	is("select attempts || ' ' || round(extract(epoch from due_at - now()) "
	    "/ 10) * 10 from work where subject = '1'", "0 600");
	is("select last_error like 'the log asked us to wait until 20__-%Z "
	    "(Retry-After)' from work where subject = '1'", "t");
	sql("update work set last_error = 'it waits' where subject = '1'");
	listed("it waits", 1);
	sql("update work set due_at = now()");
	listed("", 0);
	claim(1);
	listed("", 0);
	sql("update work set holder = null, lease_until = null, "
	    "due_at = 'infinity' where "
	    "subject = '1'");
	listed("it waits", 0);
	sql("update work set attempts = 0 where subject = '1'");
	/* a fault is said first, and it waits all the same */
	sql("insert into backfill_range (backfill_id, log_ref, size_from, "
	    "size_to, size_done) values (1, 1, 2048, 3072, 2048);"
	    "insert into work (kind, subject, attempts, last_error, due_at) "
	    "select 'backfill', max(id)::text, 1, 'a fault', 'infinity' "
	    "from backfill_range");
	listed("a fault", 1);
	/* the time is over */
	sql("update work set due_at = now() where subject = '1'");
	listed("a fault", 0);
	/* no such lease any more */
	claim(1);
	sql("update work set token = token + 1");
	assert_int_equal(back_held(db, &t.lease, "x", 1, NULL), -1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(proofs, setup, clean),
		cmocka_unit_test_setup_teardown(faults, setup, clean),
		cmocka_unit_test_setup_teardown(held, setup, clean),
		cmocka_unit_test_setup_teardown(away, setup, clean),
	};

	return SQL_TESTS(tests);
}
