#include "auditor/role/tail.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "auditor/db/log_store.h"
#include "base/clk.h"
#include "tests/unit/auditor/sql.h"

/*
 * A tail whose lease another worker has: what it still wants to say is about
 * what was true when it slept, and changes nothing.
 */

static struct conf	conf;
static struct engine	en;
static struct tail	t;

static int
setup(void **state)
{
	struct lease_ask	ask = { .holder = "h:0", .max = 1,
	    .lease_s = 60 };
	struct err		e = ERR_INIT;
	size_t			n = 0;

	(void)state;
	sql("truncate log, operator, tree_head, log_health, work, finding "
	    "restart identity cascade;"
	    "insert into operator (name) values ('op');"
	    "insert into log (log_id, operator_id, description, protocol, url,"
	    " read_url, key, mmd, state, list_source, first_list) values"
	    " (sha256('l'), 1, 'l', 'rfc6962', 'u', 'u', 'k', 1, 's', 'file',"
	    " true);"
	    "insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict) values (1, 300, sha256('r'), "
	    "5, 'sth', '', 'valid')");
	conf.poll = 60;
	memset(&en, 0, sizeof(en));
	en.conf = &conf;
	en.db = db;
	memset(&t, 0, sizeof(t));
	t.en = &en;
	t.stale = t.unreachable = -1;
	t.head_id = 1;
	t.head.tree_size = 300;
	t.head.timestamp_ms = 5;
	if (log_load(db, 1, &t.log, &e) == -1 ||
	    lease_add(db, "tail", "1", &e) == -1 ||
	    lease_claim(db, &ask, &t.lease, &n, &e) == -1 || n != 1)
		return -1;
	t.leased = 1;
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	lease_free(&t.lease);
	log_row_free(&t.log);
	watch_base_free(t.en->base);
	t.en->base = NULL;
	return 0;
}

/* Everything that a tail says outside of its commits. */
static void
say(void)
{
	struct fetch_done	d = { .id = 7, .failure = FETCH_OK,
	    .status = 200 };

	t.log.failing_since = INT64_MIN;
	tail_health(&t, NULL);
	tail_fresh(&t);
	t.log.failing_since = clk_wall() - 86400 * CLK_SEC;
	tail_health(&t, "no answer");
	tail_misbehaved(&t, "root", "it is wrong");
	tail_head_mark(&t, 1, "conflict");
	t.hybrid_fetch = d.id;
	assert_int_equal(tail_hybrid_fetched(&t, &d), 1);
}

static const char	said[] = "select concat_ws(' ', (select string_agg("
    "kind, ' ' order by kind) from finding), (select last_error from "
    "log_health), (select consistency from tree_head), (select hybrid from "
    "log))";

static void
ours(void **state)
{
	(void)state;
	say();
	is(said, "log.misbehaved log.stale log.unreachable no answer "
	    "conflict t");
}

static void
lost(void **state)
{
	(void)state;
	sql("update work set token = token + 1, holder = 'h:1'");
	say();
	is(said, "pending");
}

/* Ten leases later, and nobody has taken it. */
static void
over(void **state)
{
	(void)state;
	sql("update work set lease_until = now() - interval '10 minutes'");
	say();
	is(said, "pending");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ours, setup, clean),
		cmocka_unit_test_setup_teardown(lost, setup, clean),
		cmocka_unit_test_setup_teardown(over, setup, clean),
	};

	return SQL_TESTS(tests);
}
