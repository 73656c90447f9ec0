#include "auditor/role/engine_claim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/role/engine_role.h"
#include "auditor/role/engine_slot.h"
#include "auditor/role/engine_start.h"
#include "auditor/role/engine_wait.h"
#include "auditor/role/lists.h"
#include "auditor/role/tail.h"
#include "auditor/role/vantage.h"
#include "base/clk.h"
#include "base/mem.h"
#include "tests/unit/auditor/sql.h"

/* Which work an engine begins, which it leaves, and what it notices by itself. */

static struct conf	conf;
static struct engine	en;
static char		begun[200];	/* sources that were read, in order */
static struct lease	has;		/* the one that is being read */

/* --- what reads a source: this program --------------------------------------- */

struct vantage *
vantage_new(struct engine *e)
{
	(void)e;
	return NULL;
}

void
vantage_free(struct vantage *v)
{
	(void)v;
}

int
vantage_busy(const struct vantage *v)
{
	(void)v;
	return has.subject != NULL;
}

void
vantage_begin(struct vantage *v, struct lease *l)
{
	(void)v;
	has = *l;
	memset(l, 0, sizeof(*l));
	(void)snprintf(begun + strlen(begun), sizeof(begun) - strlen(begun),
	    "%s ", has.subject);
}

int
vantage_fetched(struct vantage *v, const struct fetch_done *d)
{
	(void)v;
	(void)d;
	return 0;
}

void
vantage_judge(struct vantage *v)
{
	(void)v;
}

struct ipc *
vantage_ipc(const struct vantage *v)
{
	(void)v;
	return NULL;
}

/* --- the engine ---------------------------------------------------------------- */

static int
begin(void **state)
{
	static struct conf_vantage	one[1];

	(void)state;
	sql("truncate work, worker, vantage restart identity cascade;"
	    "insert into worker (id, host, pid, version, schema_version, roles,"
	    " instance) values ('here:0', 'here', 1, '', 5, '{ingest}', "
	    "'one')");
	memset(&conf, 0, sizeof(conf));
	one[0].name = (char *)(uintptr_t)"ours";
	one[0].file = (char *)(uintptr_t)"/nothing/there";
	conf.vantage = one;
	conf.nvantage = 1;
	conf.worker_lease = 30;
	memset(&en, 0, sizeof(en));
	en.conf = &conf;
	en.db = db;
	en.roles = ROLE_INGEST;
	(void)snprintf(en.holder, sizeof(en.holder), "here:0");
	(void)snprintf(en.instance, sizeof(en.instance), "one");
	en.lists = lists_new(&en);
	begun[0] = '\0';
	return 0;
}

static int
end(void **state)
{
	(void)state;
	lease_free(&has);
	lists_free(en.lists);
	return 0;
}

/* What is due now is looked at until nothing is. */
static void
turns(void)
{
	int	i;

	for (i = 0; i < 5; i++) {
		en.claim_at = 0;
		engine_claim(&en, clk_mono());
		if (has.subject != NULL)
			assert_int_equal(lease_done(db, &has, 300, NULL), 0);
		lease_free(&has);
	}
}

/* One that another host has, which came first, is no fault and not put off. */
static void
elsewhere(void **state)
{
	(void)state;
	sql("insert into vantage (name, url) values ('theirs', 'f'), ('ours', 'f');"
	    "insert into work (kind, subject, due_at) values ('vantage', "
	    "'theirs', now() - interval '1 hour'), ('vantage', 'ours', now() - "
	    "interval '1 minute')");
	turns();
	assert_string_equal(begun, "ours ");
	is("select count(*) from vantage where last_error is not null or "
	    "failing_since is not null", "0");
	is("select holder is null and attempts = 0 and due_at < now() + "
	    "interval '2 seconds' from work where subject = 'theirs'", "t");
	/* the host that has it gets it */
	conf.vantage[0].name = (char *)(uintptr_t)"theirs";
	sql("update work set due_at = now() - interval '1 second' where "
	    "subject = 'theirs'");
	turns();
	assert_string_equal(begun, "ours theirs ");
}

/* A host without any source claims none. */
static void
none(void **state)
{
	(void)state;
	conf.nvantage = 0;
	sql("insert into work (kind, subject, due_at) values ('vantage', "
	    "'theirs', now() - interval '1 hour')");
	turns();
	assert_string_equal(begun, "");
	is("select token = 0 and holder is null from work", "t");
}

/* ${n} logs that are read since so long; to free. */
static struct tail **
reads(size_t n, int64_t since_us)
{
	struct lease_ask	 ask = { .holder = "here:0", .max = n,
	    .lease_s = 30 };
	struct lease		 l[16];
	struct tail		**t = mem_array(n, sizeof(*t));
	size_t			 got, i;

	assert_int_equal(lease_claim(db, &ask, l, &got, NULL), 0);
	assert_int_equal(got, n);
	for (i = 0; i < n; i++) {
		t[i] = mem_zero(sizeof(*t[i]));
		t[i]->en = &en;
		t[i]->last = &t[i]->pages;
		t[i]->log.description = mem_str("a log");
		t[i]->lease = l[i];
		t[i]->leased = 1;
		t[i]->state = TAIL_READ;
		t[i]->turned = clk_mono() - since_us;
		t[i]->fresh = (i + 5) % n;
	}
	en.tails = t;
	en.ntails = n;
	return t;
}

static void
reads_free(struct tail **t)
{
	size_t	i;

	for (i = 0; i < en.ntails; i++)
		tail_free(t[i]);
	free(t);
	en.tails = NULL;
	en.ntails = 0;
}

/*
 * What is above our part goes at once to one that reads, the logs of which
 * least is lost first; not what has only begun.
 */
static void
part(void **state)
{
	static const int64_t	since[] = { 0, 60 * CLK_SEC };
	struct tail		**t;
	int64_t			 now;
	size_t			 i, k, n;

	(void)state;
	for (k = 0; k < 2; k++) {
		sql("truncate work; delete from worker where id <> 'here:0';"
		    "update worker set last_seen = now();"
		    "insert into worker (id, host, pid, version, "
		    "schema_version, roles) values ('there:0', 'there', 1, '', "
		    "5, '{ingest}');"
		    "insert into work (kind, subject) select 'tail', "
		    "i::text from generate_series(1, 9) i");
		t = reads(9, since[k]);
		sql("insert into work (kind, subject, holder, lease_until) "
		    "values ('tail', '10', 'there:0', now() + interval '30 s')");
		en.share_at = en.claim_at = 0;
		now = clk_mono();
		engine_claim(&en, now);
		for (i = n = 0; i < en.ntails; i++) {
			n += t[i]->leased == 0;
			assert_int_equal(t[i]->leased == 0, k == 1 &&
			    t[i]->fresh < 4);
		}
		assert_int_equal(n, k == 0 ? 0 : 4);
		/* there may be more soon */
		assert_true(en.share_at < now + 5 * CLK_SEC);
		is("select count(*) from work where holder = 'here:0'",
		    k == 0 ? "9" : "5");
		/* what was left to another is not taken back at once */
		en.claim_at = 0;
		engine_claim(&en, now + CLK_SEC);
		is("select count(*) from work where holder is null",
		    k == 0 ? "0" : "4");
		reads_free(t);
	}
	/* nothing is above our part: as often as ever */
	en.share_at = en.claim_at = 0;
	engine_claim(&en, now);
	assert_true(en.share_at > now + 5 * CLK_SEC);
}

/* One that only reads history has no part of the logs. */
static void
history(void **state)
{
	(void)state;
	en.roles = ROLE_INGEST | ROLE_NOTIFY;
	en.once = ENGINE_HISTORY;
	engine_slot_name(&en, "there");
	assert_int_equal(engine_slot_enter(&en, NULL, NULL), 0);
	is("select roles from worker where host <> 'here'",
	    "{backfill,notify}");
}

/*
 * The database's clock was set back by an hour: at the next heartbeat what it
 * has planned is as near as it was.
 */
static void
set_back(void **state)
{
	(void)state;
	sql("update worker set last_seen = now() + interval '1 hour'; "
	    "insert into work (kind, subject, due_at) values ('tail', '1', "
	    "now() + interval '61 minutes')");
	en.beat_at = clk_mono();
	en.claim_at = INT64_MAX;
	engine_beat(&en, NULL, clk_mono());
	is("select due_at between now() + interval '50 seconds' and now() + "
	    "interval '70 seconds' from work", "t");
	is("select last_seen <= now() from worker", "t");
	assert_int_equal(en.claim_at, 0);
	/* and no second time */
	en.beat_at = clk_mono();
	engine_beat(&en, NULL, clk_mono());
	is("select due_at > now() + interval '50 seconds' from work", "t");
}

/* That the database is away is said once, and again when it was there. */
static void
away(void **state)
{
	static const char *const	 names[] = { "log a", "log b" };
	char				 text[2048];
	size_t				 i, k, n;
	FILE				*f = tmpfile();
	int				 old = dup(STDERR_FILENO);

	(void)state;
	assert_non_null(f);
	assert_int_not_equal(dup2(fileno(f), STDERR_FILENO), -1);
	engine_fault(&en, "log a", "there 1");
	engine_fault(&en, "log b", "there 2");
	for (k = 0; k < 2; k++) {
		(void)db_query(en.db, NULL, NULL, "select "
		    "pg_terminate_backend(pg_backend_pid())", "");
		for (i = 0; i < 6; i++)
			engine_fault(&en, names[i % 2], "gone");
		engine_away(&en, NULL);
		en.say_at = 0;
		if (!db_alive(en.db))
			(void)usleep(1100000);
		engine_away(&en, NULL);
		assert_true(db_alive(en.db));
	}
	assert_int_not_equal(dup2(old, STDERR_FILENO), -1);
	(void)close(old);
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	assert_non_null(strstr(text, "there 1"));
	assert_non_null(strstr(text, "there 2"));
	for (i = 0; strstr(text, "gone") != NULL; i++)
		*strstr(text, "gone") = '-';
	assert_int_equal(i, 2);
}

/*
 * Hints can be lost: whatever changes what is matched has another mark, and
 * nothing else has.
 */
static void
marks(void **state)
{
	static const struct {
		const char	*sql;
		int		 other;
	} t[] = {
		{ "select 1", 0 },
		{ "insert into watch (pattern, origin) values ('a.example', "
		  "'cli'), ('.b.example', 'config')", 1 },
		{ "update watch set exclude = '{x.b.example}' where pattern = "
		  "'.b.example'", 1 },
		{ "update watch set exclude = '{x.b.example,y.b.example}' where "
		  "pattern = '.b.example'", 1 },
		{ "update watch set policy = 'strict'", 0 },
		{ "update watch set exclude = '{}' where pattern = "
		  "'.b.example'", 1 },
		{ "update watch set removed_at = now() where pattern = "
		  "'a.example'", 1 },
		{ "insert into watch_file (body, sha256, items) values ('x', "
		  "'y', 1)", 1 },
		{ "insert into setting (key, value) values ('k', '1')", 1 },
		{ "insert into setting (key, value, set_at) values ('l', '1', "
		  "now() - interval '1 hour')", 1 },
		{ "update setting set value = '2', set_at = now() - "
		  "interval '2 hours' where key = 'l'", 1 },
		{ "select 1", 0 },
	};
	char	before[sizeof(en.watch_mark)] = "";
	size_t	i;

	(void)state;
	sql("truncate watch, watch_file, setting restart identity cascade");
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		sql(t[i].sql);
		/* as at its start: nothing is read again */
		en.watch_mark[0] = '\0';
		assert_int_equal(engine_marked(&en, NULL), 0);
		if (i != 0 && t[i].other != (strcmp(before, en.watch_mark) !=
		    0))
			fail_msg("%s: %s, before %s", t[i].sql, en.watch_mark,
			    before);
		assert_true(strlen(en.watch_mark) < sizeof(before) - 1);
		memcpy(before, en.watch_mark, sizeof(before));
	}
	sql("truncate watch, watch_file, setting restart identity cascade");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(elsewhere, begin, end),
		cmocka_unit_test_setup_teardown(none, begin, end),
		cmocka_unit_test_setup_teardown(part, begin, end),
		cmocka_unit_test_setup_teardown(history, begin, end),
		cmocka_unit_test_setup_teardown(set_back, begin, end),
		cmocka_unit_test_setup_teardown(marks, begin, end),
		cmocka_unit_test_setup_teardown(away, begin, end),
	};

	return SQL_TESTS(tests);
}
