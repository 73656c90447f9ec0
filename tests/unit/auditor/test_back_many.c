#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/auditor/back_fixture.h"

/* Many workers on the history of one log, and commands beside them. */

#define OLD	(200 * 256)	/* entries before the tail began */
#define NEW	(300 * 256)	/* and where it ends */

/* The frontier of a tree of ${to}, as bytes that name it. */
static void
tree(struct merkle_range *r, uint64_t to)
{
	merkle_start(r, 0);
	r->to = to;
	r->n = merkle_count(0, to);
	memset(r->hash, (int)(to / 256 % 251), sizeof(r->hash));
}

/* One commit of [from, to): of the tail, or of range ${b}; 0 or 1. */
static int
commit(struct db *d, int64_t from, uint64_t to, const struct back_range *b)
{
	struct merkle_range	 r;
	struct range_in		 in;
	struct err		 e = ERR_INIT;
	uint8_t			 root[32] = { 9 }, set[32] = { 7 };
	int			 rc;

	tree(&r, to);
	memset(&in, 0, sizeof(in));
	in.log_ref = 1;
	in.from = from;
	in.frontier = &r;
	in.root = root;
	in.head_id = 1;
	in.watch_set = in.log_list = set;
	in.has_entries = 1;
	in.proof = SPAN_STR("proof");
	rc = db_begin(d, &e);
	if (rc == 0)
		rc = b != NULL ? back_store(d, b, &in, &e) :
		    range_store(d, &in, &e);
	if (rc == 0 && (rc = db_sync(d, &e)) == 0 &&
	    (rc = head_mark(d, 1, "proved", &e)) == 0)
		rc = db_commit(d, &e);
	if (rc == 0)
		return 0;
	(void)fprintf(stderr, "%lld to %llu: %s\n", (long long)from,
	    (unsigned long long)to, e.msg);
	return 1;
}

/* Worker ${k} of the back-fill: every third range, in four commits each. */
static int
back_worker(struct db *d, int k)
{
	struct back_range	b;
	struct db_res		*r = NULL;
	struct err		 e = ERR_INIT;
	uint64_t		 at, to;
	size_t			 i;
	int			 bad = 0;

	if (db_query(d, &r, &e, "select id from backfill_range where "
	    "id % 3 = $1 order by id % 7, id", "i", (int64_t)k) == -1)
		return 1;
	for (i = 0; i < db_rows(r) && !bad; i++) {
		if (back_load(d, db_int(r, i, 0), &b, &e) == -1)
			return 1;
		for (at = b.from; at < b.to && !bad; at = to) {
			to = at + (b.to - b.from + 3) / 4;
			to = to < b.to ? to : b.to;
			bad = commit(d, (int64_t)at, to, &b);
		}
	}
	db_free(r);
	return bad;
}

/* The tail goes on with where its range began when it was loaded. */
static int
tail_worker(struct db *d)
{
	uint64_t	to;
	int		bad = 0;

	for (to = OLD + 256; to <= NEW && !bad; to += 256)
		bad = commit(d, OLD, to, NULL);
	return bad;
}

/*
 * Three workers read the history of a log, and one is its tail, which knows
 * nothing of them: nothing is lost, nobody waits for another in a circle.
 */
static void
together(void **state)
{
	struct db	*mine;
	struct merkle_range r;
	pid_t		 pid[4];
	int		 i, st, bad = 0;
	char		 text[200];

	(void)state;
	assert_int_equal(commit(db, OLD, OLD, NULL), 0);
	(void)enter(0, OLD, 0, 1);
	sql("update backfill set step = 1024");
	while (plan() != 0)
		continue;
	for (i = 0; i < 4; i++) {
		pid[i] = fork();
		assert_int_not_equal(pid[i], -1);
		if (pid[i] != 0)
			continue;
		mine = db_open(testdb_info, NULL);
		_exit(mine == NULL || (i == 3 ? tail_worker(mine) :
		    back_worker(mine, i)));
	}
	for (i = 0; i < 4; i++) {
		assert_int_equal(waitpid(pid[i], &st, 0), pid[i]);
		bad |= st;
	}
	assert_int_equal(bad, 0);
	(void)snprintf(text, sizeof(text), "0-%d", NEW);
	ranges_are(text);
	/* its end is the tail's, and the day has what the tail read */
	tree(&r, NEW);
	(void)snprintf(text, sizeof(text), "select encode(frontier, 'hex') = "
	    "repeat('%02x', %zu) from log_range", r.hash[0][0],
	    (size_t)r.n * 32);
	is(text, "t");
	(void)snprintf(text, sizeof(text), "select (size_from = %d and "
	    "size_to = %d)::text from coverage_day", OLD, NEW);
	is(text, "true");
	(void)snprintf(text, sizeof(text), "select (entries_read = %d and "
	    "not exists (select from backfill_range where size_done < "
	    "size_to))::text from backfill", OLD);
	is(text, "true");
	sql("truncate work");
	assert_int_equal(plan(), 0);
	is("select state from backfill", "done");
}

/* A child cancels back-fill ${id}; back when it waits for what we hold. */
static pid_t
cancel_behind(int64_t id)
{
	struct db	*mine;
	pid_t		 pid = fork();
	int		 i;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		mine = db_open(testdb_info, NULL);
		_exit(mine == NULL || db_begin(mine, NULL) == -1 ||
		    back_cancel(mine, id, NULL) == -1 ||
		    db_commit(mine, NULL) == -1);
	}
	for (i = 0; i < 1000 && number("select count(*) from pg_locks where "
	    "not granted") == 0; i++)
		(void)usleep(10000);
	assert_true(i < 1000);
	return pid;
}

/*
 * What is cancelled while a worker commits a range of it, or cuts more: both
 * go through, and nothing is left that nobody reads.
 */
static void
cancelling(void **state)
{
	struct err	e = ERR_INIT;
	int64_t		id;
	pid_t		pid;
	int		st = -1;

	(void)state;
	id = enter(0, 200000, 0, 1);
	assert_true(plan() != 0);
	/* as lease_check() and back_store() do */
	assert_int_equal(db_begin(db, &e), 0);
	sql("select from work where subject = '1' for update");
	pid = cancel_behind(id);
	sql("update backfill_range set size_done = size_from + 256 where "
	    "id = 1; update backfill set entries_read = 256");
	assert_int_equal(db_commit(db, &e), 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
	is("select state || entries_read from backfill", "cancelled256");
	assert_int_equal(number("select count(*) from work"), 0);
	is("select size_to - size_from from backfill_range", "256");
	/* as cut() does */
	id = enter(0, 100000, 0, 1);
	assert_int_equal(db_begin(db, &e), 0);
	sql("select from backfill where state = 'open' for update");
	sql("insert into backfill_range (backfill_id, log_ref, size_from, "
	    "size_to, size_done) values (2, 1, 0, 9, 0);"
	    "insert into work (kind, subject) select 'backfill', max(id)::text "
	    "from backfill_range");
	pid = cancel_behind(id);
	assert_int_equal(db_commit(db, &e), 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
	assert_int_equal(number("select count(*) from work"), 0);
	assert_int_equal(number("select count(*) from backfill_range where "
	    "size_done < size_to"), 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(together, back_clear),
		cmocka_unit_test_setup(cancelling, back_clear),
	};

	return SQL_TESTS(tests);
}
