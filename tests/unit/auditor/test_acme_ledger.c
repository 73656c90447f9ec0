/* Rate limits, by what the ledger says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/db/acme_ledger.h"
#include "auditor/role/acme_preflight_part.h"
#include "base/clk.h"
#include "tests/unit/testdb.h"

#define LE	"https://acme-v02.api.letsencrypt.org/directory"

static struct db		*db;
static struct acme_account_row	 account;
static struct err		 e;

/*
 * One account at Let's Encrypt and one elsewhere; a certificate that is kept
 * for each name; all times are long before now.
 */
static int
clean(void **state)
{
	(void)state;
	err_clear(&e);
	testdb_run(db, "truncate acme_account, managed_certificate, "
	    "acme_order, acme_received restart identity cascade;"
	    "insert into acme_account (directory, url, key_id, thumbprint) "
	    "values ('" LE "', 'u', 'k', 't'), ('https://x/', 'v', 'k', 't');"
	    "insert into managed_certificate (name, names, origin, key_kind, "
	    "directory) select 'w' || i || '.example.co.uk', array['w' || i "
	    "|| '.example.co.uk'], 'cli', 'p256', '" LE "' from "
	    "generate_series(1, 400) i");
	account.id = 1;
	return 0;
}

/* ${n} orders, of certificates 1, 2, ..., so long ago. */
static void
orders(int n, const char *ago, const char *state, const char *more)
{
	char	sql[1200];

	(void)snprintf(sql, sizeof(sql), "insert into acme_order (managed_id, "
	    "account_id, url, state, added_at, changed_at, error, flow) "
	    "select i, 1, 'o' || i, '%s', now() - interval '%s', now() - "
	    "interval '%s', %s from generate_series(1, %d) i", state, ago,
	    ago, more, n);
	testdb_run(db, sql);
}

/* ${n} certificates for such names; %d is their number. */
static void
received(int n, const char *ago, const char *names)
{
	char	sql[1200];

	(void)snprintf(sql, sizeof(sql), "insert into acme_received "
	    "(tbs_sha256, order_id, names, serial, not_after, der, "
	    "received_at) select sha256((random() || i::text)::bytea), (select "
	    "min(id) from acme_order), %s, 's', now(), '', now() - interval "
	    "'%s' from generate_series(1, %d) i", names, ago, n);
	testdb_run(db, sql);
}

/* The one check that is not just "within", or the only one. */
static struct acme_check
check(struct acme_checks *c, const char *name, int replaces)
{
	struct acme_preflight_ask	a;

	memset(&a, 0, sizeof(a));
	a.db = db;
	a.directory = LE;
	a.account = &account;
	a.managed = 1;
	a.names = (struct db_strs){ &name, 1 };
	a.replaces = replaces;
	assert_int_equal(acme_rate_check(&a, c, &e), 0);
	assert_int_equal(c->n, 1);
	return c->v[0];
}

/* Says so, with such a text, and (hours) when it is possible again. */
static void
expect(const char *name, int replaces, enum acme_says says, const char *text,
    double hours)
{
	struct acme_checks	c = { NULL, 0, 0 };
	struct acme_check	k = check(&c, name, replaces);
	double			h = (double)(k.until - clk_wall()) / 3.6e9;

	if (k.says != says || strstr(k.sentence, text) == NULL)
		fail_msg("%s: %s: %s", name, acme_says_name(k.says),
		    k.sentence);
	/* "N of the M ..." is a warning */
	assert_int_equal(k.warn, says == ACME_SAYS_OK && *text >= '0' &&
	    *text <= '9');
	if (says != ACME_SAYS_WRONG)
		assert_int_equal(k.until, 0);
	else if (h < hours - 0.1 || h > hours + 0.1)
		fail_msg("%s: again in %f h: %s", name, h, k.sentence);
	acme_checks_free(&c);
}

static void
test_orders(void **state)
{
	(void)state;
	expect("a.test", 0, ACME_SAYS_OK, "within", 0);
	orders(239, "2 hours", "failed", "'x', '{}'::jsonb");
	orders(400, "4 hours", "failed", "'x', '{}'::jsonb");
	expect("a.test", 0, ACME_SAYS_OK, "within", 0);
	orders(1, "1 hour", "failed", "'x', '{}'::jsonb");
	expect("a.test", 0, ACME_SAYS_OK, "240 of the 300 new orders of an "
	    "account that the CA allows in 3 h are used up", 0);
	orders(60, "1 hour", "failed", "'x', '{}'::jsonb");
	expect("a.test", 0, ACME_SAYS_WRONG, "allows 300 new orders of an "
	    "account in 3 h, and we have had them: it is possible again from",
	    1);
	/* at the time that the CA asks for it, all are exempt */
	expect("a.test", 1, ACME_SAYS_OK, "not limited", 0);
	/* what was never put counts for nothing */
	testdb_run(db, "update acme_order set url = null");
	expect("a.test", 0, ACME_SAYS_OK, "within", 0);
	testdb_run(db, "update acme_order set url = 'o', flow = "
	    "'{\"want\": {\"replaces\": \"x.y\"}}'");
	expect("a.test", 0, ACME_SAYS_OK, "within", 0);
}

static void
test_renewals(void **state)
{
	(void)state;
	/* all of these have been had before: renewals */
	orders(350, "90 days", "valid", "null, '{}'::jsonb");
	orders(350, "1 hour", "valid", "null, '{}'::jsonb");
	expect("a.test", 0, ACME_SAYS_OK, "within", 0);
}

static void
test_domain(void **state)
{
	(void)state;
	orders(1, "90 days", "valid", "null, '{}'::jsonb");
	received(39, "5 days", "array['a.test', 'w' || i || "
	    "'.example.co.uk']");
	received(60, "8 days", "array['o' || i || '.example.co.uk']");
	received(60, "1 day", "array['o' || i || '.other.co.uk']");
	received(60, "1 day", "array['o' || i || '.notexample.co.uk']");
	/* the same again: renewals */
	received(39, "1 day", "array['w' || i || '.example.co.uk', "
	    "'a.test']");
	expect("new.example.co.uk", 0, ACME_SAYS_OK, "within", 0);
	received(1, "2 days", "array['example.co.uk']");
	expect("new.example.co.uk", 0, ACME_SAYS_OK, "40 of the 50 "
	    "certificates of a registered domain that the CA allows in 7 "
	    "days", 0);
	received(10, "3 days", "array['*.y' || i || '.example.co.uk']");
	expect("new.example.co.uk", 0, ACME_SAYS_WRONG, "allows 50 "
	    "certificates of a registered domain", 48);
	expect("*.example.co.uk", 0, ACME_SAYS_WRONG, "registered domain",
	    48);
	expect("new.other.test", 0, ACME_SAYS_OK, "within", 0);
	/* one that we have had is a renewal */
	expect("example.co.uk", 0, ACME_SAYS_OK, "within", 0);
	/* at another CA */
	testdb_run(db, "update acme_order set account_id = 2");
	expect("new.example.co.uk", 0, ACME_SAYS_OK, "within", 0);
}

static void
test_exact(void **state)
{
	(void)state;
	orders(1, "90 days", "valid", "null, '{}'::jsonb");
	received(3, "3 days", "array['a.test']");
	received(9, "3 days", "array['a.test', 'b.test']");
	expect("a.test", 0, ACME_SAYS_OK, "within", 0);
	received(1, "2 days", "array['a.test']");
	expect("a.test", 0, ACME_SAYS_OK, "4 of the 5 certificates with "
	    "exactly these names", 0);
	received(1, "1 day", "array['a.test']");
	expect("a.test", 0, ACME_SAYS_WRONG, "exactly these names in 7 days",
	    96);
}

static void
test_failed(void **state)
{
	static const char	*told = "'for \"w1.example.co.uk\": no', "
	    "'{\"authorizations\": [{\"name\": \"w1.example.co.uk\", "
	    "\"told\": 1, \"status\": 1}]}'::jsonb";
	int			 i;

	(void)state;
	orders(1, "61 minutes", "failed", told);
	for (i = 0; i < 4; i++)
		orders(1, "30 minutes", "failed", told);
	expect("w1.example.co.uk", 0, ACME_SAYS_OK, "4 of the 5 failed "
	    "validations of a name that the CA allows in 1 h", 0);
	orders(1, "20 minutes", "failed", told);
	expect("w1.example.co.uk", 0, ACME_SAYS_WRONG, "failed validations",
	    0.5);
	expect("w2.example.co.uk", 0, ACME_SAYS_OK, "within", 0);
	/* the CA was not asked to look, or saw it */
	testdb_run(db, "update acme_order set flow = replace(flow::text, "
	    "'\"told\": 1', '\"told\": 0')::jsonb where id % 2 = 0");
	expect("w1.example.co.uk", 0, ACME_SAYS_OK, "within", 0);
}

/* What the CA itself said counts, whoever it is. */
static void
test_wait(void **state)
{
	(void)state;
	testdb_run(db, "update managed_certificate set next_at = now() + "
	    "interval '2 hours', last_error = 'the CA limits the rate "
	    "(rateLimited): \"too many\"' where id = 1");
	expect("a.test", 1, ACME_SAYS_WRONG, "the CA wants us to wait: the CA "
	    "limits the rate (rateLimited): \"too many\"", 2);
	testdb_run(db, "update managed_certificate set next_at = now() - "
	    "interval '1 second' where id = 1");
	expect("a.test", 1, ACME_SAYS_OK, "not limited", 0);
	testdb_run(db, "update managed_certificate set next_at = now() + "
	    "interval '2 hours', last_error = 'no route' where id = 1");
	expect("a.test", 1, ACME_SAYS_OK, "not limited", 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_orders, clean),
		cmocka_unit_test_setup(test_renewals, clean),
		cmocka_unit_test_setup(test_domain, clean),
		cmocka_unit_test_setup(test_exact, clean),
		cmocka_unit_test_setup(test_failed, clean),
		cmocka_unit_test_setup(test_wait, clean),
	};
	int rc;

	if ((db = testdb_open()) == NULL)
		return 0;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	testdb_close(db);
	return rc;
}
