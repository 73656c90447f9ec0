/* An order that another process has taken is that one's: who slept ends nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/role/acme_order.h"
#include "tests/unit/auditor/sql.h"

static struct acme_order	order;
static struct order_row		row;	/* as "a:1" has it */

/* The order of the only certificate, which a:1 drives. */
static int
begin(void **state)
{
	struct err	e = ERR_INIT;

	(void)state;
	sql("truncate acme_account, managed_certificate, acme_order, finding "
	    "restart identity cascade;"
	    "insert into acme_account (directory, url, key_id, thumbprint) "
	    "values ('https://ca/', 'u', 'k', 't');"
	    "insert into managed_certificate (name, names, origin, key_kind, "
	    "directory) values ('a.example', '{a.example}', 'cli', 'p256', "
	    "'https://ca/');"
	    "insert into acme_order (managed_id, account_id, url, state, "
	    "key_id, spki_sha256, key_kind, holder, held_until) values (1, 1, "
	    "'o', 'open', 'k', sha256('k'), 'p256', 'a:1', now())");
	if (order_open(db, 1, "a:1", NULL, &row, &e) != 1)
		fail_msg("%s", e.msg);
	memset(&order, 0, sizeof(order));
	order.db = db;
	order.managed = 1;
	order.want.name = (char *)(uintptr_t)"a.example";
	order.failures = 5;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	order_row_free(&row);
	return 0;
}

static void
ours(void **state)
{
	struct err	e = ERR_INIT;

	(void)state;
	/* its minute is over, and nobody wanted it */
	sql("update acme_order set held_until = now() - interval '1 hour'");
	acme_order_failed(&order, &row, 0, "the CA is away", 0);
	is("select state || coalesce(holder, ' of nobody') from acme_order",
	    "open of nobody");
	is("select attempts || last_error from managed_certificate",
	    "1the CA is away");
	is("select count(*) from finding where kind = 'renewal.failed' and "
	    "state = 'open'", "1");
	order_row_free(&row);
	assert_int_equal(order_open(db, 1, "a:1", NULL, &row, &e), 1);
	acme_order_failed(&order, &row, 1, "it is invalid", 0);
	is("select state || error from acme_order", "failedit is invalid");
	acme_order_failed(&order, NULL, 0, "no account", 0);
	is("select attempts || last_error from managed_certificate",
	    "3no account");
}

/* a:1 sleeps, b:2 goes on. */
static void
taken(void **state)
{
	struct order_row	other;
	struct err		e = ERR_INIT;
	int			over;

	(void)state;
	sql("update acme_order set held_until = now() - interval '1 second'");
	assert_int_equal(order_open(db, 1, "b:2", NULL, &other, &e), 1);
	for (over = 0; over <= 1; over++) {
		acme_order_failed(&order, &row, over, "it took too long", 0);
		is("select state || holder from acme_order", "openb:2");
		is("select attempts from managed_certificate", "0");
		is("select count(*) from finding", "0");
	}
	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(order_check(db, &other, &e), 0);
	assert_int_equal(order_check(db, &row, &e), -1);
	assert_int_equal(e.code, ERR_LEASE);
	db_rollback(db);
	/* and when b:2 has it */
	err_clear(&e);
	assert_int_equal(order_end(db, other.id, "", &e), 0);
	acme_order_failed(&order, &row, 1, "it took too long", 0);
	is("select state from acme_order", "valid");
	is("select attempts from managed_certificate", "0");
	order_row_free(&other);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(ours, begin, end),
		cmocka_unit_test_setup_teardown(taken, begin, end),
	};

	return SQL_TESTS(tests);
}
