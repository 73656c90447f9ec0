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
	/* another reason, and another range */
	assert_int_equal(wrong(1, "the proof is wrong"), 1);
	back.range.to = 2048;
	back.range.done = 1024;
	assert_int_equal(wrong(2, "the proof is wrong"), 1);
	assert_int_equal(wrong(2, "the proof is wrong"), 0);
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
	t.back = NULL;
	assert_int_equal(fails(1, "HTTP status 503"), 1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(proofs, setup, clean),
		cmocka_unit_test_setup_teardown(faults, setup, clean),
	};

	return SQL_TESTS(tests);
}
