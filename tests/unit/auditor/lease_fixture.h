#ifndef TESTS_UNIT_AUDITOR_LEASE_FIXTURE_H
#define TESTS_UNIT_AUDITOR_LEASE_FIXTURE_H

/*
 * Work for two that take it, for the programs that test leases; included once,
 * after cmocka.h, everything is static.
 */
#include "auditor/db/lease.h"
#include "tests/unit/testdb.h"

/* Two workers, each with a connection of its own. */
static struct db	*a, *b;

#define NEED_DB()	do { if (a == NULL) return; } while (0)

static size_t
claim(struct db *d, const char *holder, size_t max, struct lease *out)
{
	struct lease_ask	ask = { .holder = holder, .max = max,
	    .lease_s = 60 };
	struct err		e = ERR_INIT;
	size_t			n;

	if (lease_claim(d, &ask, out, &n, &e) == -1)
		fail_msg("%s", e.msg);
	return n;
}

static inline void
free_all(struct lease *l, size_t n)
{
	while (n > 0)
		lease_free(&l[--n]);
}

static int
setup(void **state)
{
	(void)state;
	if (a != NULL)
		testdb_run(a, "truncate work, worker, delivery");
	return 0;
}

/* main() of such a program. */
static int
lease_main(int (*run)(void))
{
	int	ret;

	a = testdb_open();
	b = a == NULL ? NULL : testdb_again();
	ret = run();
	db_close(b);
	testdb_close(a);
	return ret;
}

#endif
