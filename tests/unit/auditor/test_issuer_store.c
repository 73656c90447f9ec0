#include "auditor/db/issuer_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/auditor/sql.h"

/* Issuers that two workers find together, each in an order of its own. */

static const uint8_t	key[32] = { 7 };

/* Five of them, from number ${from} on, backwards when ${step} is 4. */
static void
store(int from, int step)
{
	static const char *const	names[] = { "a", "b", "c", "d", "e" };
	struct issuer_in		in[5];
	struct err			e = ERR_INIT;
	int				i;

	for (i = 0; i < 5; i++) {
		in[i].der = SPAN_STR(names[(from + i * step) % 5]);
		in[i].key = key;
		in[i].owner = i == 0 ? "owner" : NULL;
	}
	if (issuer_store_all(db, in, 5, &e) == -1)
		fail_msg("%s", e.msg);
}

/* Whatever the order they come in, they are written in that of the hashes. */
static void
order(void **state)
{
	struct err	e = ERR_INIT;
	int		i;

	(void)state;
	for (i = 0; i < 10; i++) {
		sql("truncate issuer cascade");
		assert_int_equal(db_begin(db, &e), 0);
		store(i % 5, i < 5 ? 1 : 4);
		assert_int_equal(db_commit(db, &e), 0);
		is("select string_agg(sha256::text, ',' order by ctid) = "
		    "string_agg(sha256::text, ',' order by sha256) and "
		    "count(*) = 5 and count(owner) = 1 from issuer", "t");
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(order),
	};

	return SQL_TESTS(tests);
}
