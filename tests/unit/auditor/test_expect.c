#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/db/expect.h"
#include "tests/unit/auditor/sql.h"

static uint8_t		 key[32], one[32], two[32];

static int64_t
add(int64_t from, int64_t to)
{
	static const char	*names[] = { "a.example", "b.example" };
	struct expect		 x;
	struct err		 e = ERR_INIT;
	int64_t			 id = 0;

	memset(&x, 0, sizeof(x));
	x.spki.p = key;
	x.spki.n = sizeof(key);
	x.names.v = names;
	x.names.n = 2;
	x.not_before_ms = from;
	x.not_after_ms = to;
	x.origin = "cli";
	x.author = "t";
	if (expect_add(db, &x, &id, &e) == -1)
		fail_msg("%s", e.msg);
	return id;
}

static int
clean(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	return db_script(db, "truncate expectation restart identity cascade", &e);
}

static void
used_once(void **state)
{
	struct span	a = { one, 32 }, b = { two, 32 };
	struct db_res	*r = NULL;
	struct err	e = ERR_INIT;
	int64_t		id = add(0, INT64_C(1) << 50);

	(void)state;
	assert_int_equal(expect_list(db, 0, &r, &e), 0);
	assert_int_equal(db_rows(r), 1);
	assert_string_equal(db_text(r, 0, EXPECT_STATE), "open");
	db_free(r);
	assert_int_equal(expect_use(db, id, &a, &e), 1);
	assert_int_equal(expect_use(db, id, &b, &e), 0);
	assert_int_equal(expect_use(db, id, &a, &e), 0);
	assert_int_equal(expect_use(db, id + 1, &a, &e), 0);
	is("select state || get_byte(tbs_sha256, 0) from expectation",
	    "fulfilled1");
	assert_int_equal(expect_cancel(db, id, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	r = NULL;
	assert_int_equal(expect_list(db, 0, &r, &e), 0);
	assert_int_equal(db_rows(r), 0);
	db_free(r);
}

/* Two workers want the same one: the second waits, and does not get it. */
static void
race(void **state)
{
	struct db	*other = testdb_again();
	struct span	 a = { one, 32 }, b = { two, 32 };
	struct err	 e = ERR_INIT;
	int64_t		 id = add(0, INT64_C(1) << 50);

	(void)state;
	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(expect_use(db, id, &a, &e), 1);
	/* The row is locked: the other one would wait for us. */
	assert_int_equal(db_begin(other, &e), 0);
	assert_int_equal(db_query(other, NULL, &e, "set local lock_timeout ="
	    " '50ms'", ""), 0);
	assert_int_equal(expect_use(other, id, &b, &e), -1);
	db_rollback(other);
	assert_int_equal(db_commit(db, &e), 0);
	err_clear(&e);
	assert_int_equal(expect_use(other, id, &b, &e), 0);
	/* A transaction that fails leaves it open. */
	id = add(0, INT64_C(1) << 50);
	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(expect_use(db, id, &a, &e), 1);
	db_rollback(db);
	assert_int_equal(expect_use(other, id, &b, &e), 1);
	db_close(other);
}

static void
ends(void **state)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	size_t		 n;
	int64_t		 id;

	(void)state;
	/* Its time is over: it shows as expired, and waits for late logs. */
	id = add(0, 1);
	is("update expectation set not_after_ms = extract(epoch from now() -"
	    " interval '6 days 23 hours') * 1000 returning state", "open");
	assert_int_equal(expect_list(db, 1, &r, &e), 0);
	assert_string_equal(db_text(r, 0, EXPECT_STATE), "expired");
	db_free(r);
	r = NULL;
	assert_int_equal(expect_list(db, 0, &r, &e), 0);
	assert_int_equal(db_rows(r), 0);
	db_free(r);
	assert_int_equal(expect_sweep(db, &n, &e), 0);
	assert_int_equal(n, 0);
	is("update expectation set not_after_ms = extract(epoch from now() -"
	    " interval '7 days 1 hour') * 1000 returning state", "open");
	assert_int_equal(expect_sweep(db, &n, &e), 0);
	assert_int_equal(n, 1);
	is("select state from expectation", "expired");
	assert_int_equal(expect_cancel(db, id, &e), -1);
	id = add(0, 1);
	err_clear(&e);
	assert_int_equal(expect_cancel(db, id, &e), 0);
	is("select string_agg(state, ',' order by id) from expectation",
	    "expired,cancelled");
}

/* --- revocations --- */

static int
add_revocations(const char *list, const uint8_t *issuer, int64_t by_ms,
    size_t n[2], struct err *e)
{
	struct serials			s = { NULL, NULL, 0, 0, 0 };
	struct expect_revocation	x = { &s, { issuer, 32 }, by_ms, 1,
	    "me" };
	int				rc;

	if (issuer == NULL)
		x.issuer.n = 0;
	assert_int_equal(serials_read(&s, list, strlen(list), "f", e), 0);
	rc = expect_revocation_add(db, &x, &n[0], &n[1], e);
	serials_free(&s);
	return rc;
}

#define LATER	(INT64_C(1) << 50)

static void
revocations(void **state)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	size_t		 n[2];

	(void)state;
	sql("truncate issuance cascade; insert into issuance (tbs_sha256, "
	    "issuer_spki_sha256, serial, spki_sha256, names, not_before, "
	    "not_after, issuer_owner) select sha256(n::text::bytea), "
	    "decode(repeat(k, 32), 'hex'), s, '', array[s || '.example', "
	    "n::text], now(), now(), 'digicert.com' from (values "
	    "(1, '09', '0a'), (2, '09', '0b'), (3, '02', '0b'), "
	    "(4, '09', '0c'), (5, '09', '0c')) v (n, k, s)");
	/* nobody knows it; two know it */
	assert_int_equal(add_revocations("0a\n77\n78\n", NULL, LATER, n, &e),
	    -1);
	assert_int_equal(e.code, ERR_NOENT);
	assert_non_null(strstr(e.msg, "77 is known (and 1 others)"));
	err_clear(&e);
	assert_int_equal(add_revocations("0a\n0b\n", NULL, LATER, n, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_non_null(strstr(e.msg, "0b was used by 2 issuers"));
	err_clear(&e);
	is("select count(*)::text from expectation", "0");
	/* twins of one issuer are one */
	assert_int_equal(add_revocations("0A\n0a\n0c\n", NULL, LATER, n, &e),
	    0);
	assert_int_equal(n[0], 2);
	assert_int_equal(n[1], 0);
	is("select string_agg(kind || serial || get_byte(issuer_spki_sha256, "
	    "0) || reason_code || names[1] || issuer_owner || state, ' ' "
	    "order by id) from expectation", "revocation0a910a.example"
	    "digicert.comopen revocation0c910c.exampledigicert.comopen");
	/* again, with another end: not twice */
	assert_int_equal(add_revocations("0a\n", NULL, LATER + 5, n, &e), 0);
	assert_int_equal(n[0], 0);
	assert_int_equal(n[1], 1);
	is("select (not_after_ms - (1::bigint << 50))::text from expectation "
	    "where serial = '0a'", "5");
	/* the issuer decides; what nobody knows is fine with one */
	assert_int_equal(add_revocations("0b\n77\n", key, LATER, n, &e), 0);
	assert_int_equal(n[0], 2);
	assert_int_equal(add_revocations("020202020202020202020202020202020202"
	    "0202020202020202020202020202:0b\n", key, LATER, n, &e), 0);
	assert_int_equal(n[0], 1);
	/* late ones stay open, and say so; issuance expectations do not */
	sql("update expectation set not_after_ms = 1 where serial = '0a'");
	(void)add(0, 1);
	assert_int_equal(expect_list(db, 0, &r, &e), 0);
	assert_int_equal(db_rows(r), 5);
	assert_string_equal(db_text(r, 0, EXPECT_SERIAL), "0a");
	assert_string_equal(db_text(r, 0, EXPECT_STATE), "open");
	assert_true(db_bool(r, 0, EXPECT_OVERDUE));
	assert_false(db_bool(r, 1, EXPECT_OVERDUE));
	db_free(r);
	assert_int_equal(expect_sweep(db, n, &e), 0);
	is("select state from expectation where serial = '0a'", "open");
	assert_int_equal(expect_cancel(db, 1, &e), 0);
	is("select state from expectation where serial = '0a'", "cancelled");
	/* another one may be ordered then */
	assert_int_equal(add_revocations("0a\n", NULL, LATER, n, &e), 0);
	assert_int_equal(n[0], 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(used_once, clean),
		cmocka_unit_test_setup(race, clean),
		cmocka_unit_test_setup(ends, clean),
		cmocka_unit_test_setup(revocations, clean),
	};
	int rc;

	memset(key, 9, sizeof(key));
	memset(one, 1, sizeof(one));
	memset(two, 2, sizeof(two));
	if ((db = testdb_open()) == NULL)
		return 0;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	testdb_close(db);
	return rc;
}
