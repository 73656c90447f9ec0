/* Answers by token: found, replaced, ended, not too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/role/challenge_store.h"
#include "base/limit.h"
#include "base/mem.h"

static struct challenge_store	store;

static int
begin(void **state)
{
	(void)state;
	store.seed = 0x1234567;
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	challenge_store_clear(&store);
	return store.n != 0;
}

static void
put(const char *key, int64_t end)
{
	struct challenge_answer	*a = challenge_store_put(&store, key, end, 0);

	assert_non_null(a);
	assert_null(a->keyauth);
	a->keyauth = mem_str(key);
}

static struct challenge_answer *
find(const char *key, int64_t now)
{
	return challenge_store_find(&store, SPAN_STR(key), now);
}

static void
answers(void **state)
{
	struct challenge_answer	*a;

	(void)state;
	assert_null(find("one", 0));
	put("one", 100);
	put("two", 200);
	assert_int_equal(store.n, 2);
	assert_string_equal(find("one", 99)->keyauth, "one");
	assert_null(find("one", 100));
	assert_non_null(find("two", 199));
	/* Neither a part of it nor more. */
	assert_null(find("on", 0));
	assert_null(find("onee", 0));
	assert_null(find("", 0));
	/* Replaced: emptied, with its hits. */
	a = find("one", 0);
	a->hits = 5;
	put("one", 300);
	assert_int_equal(store.n, 2);
	a = find("one", 299);
	assert_non_null(a);
	assert_int_equal(a->hits, 0);
	challenge_store_drop(&store, "one");
	assert_null(find("one", 0));
	challenge_store_drop(&store, "one");
	assert_int_equal(store.n, 1);
	challenge_store_sweep(&store, 199);
	assert_int_equal(store.n, 1);
	challenge_store_sweep(&store, 200);
	assert_int_equal(store.n, 0);
}

/* As many as there may be and one more; until some have ended. */
static void
limit(void **state)
{
	char	key[32];
	size_t	i;

	(void)state;
	for (i = 0; i < LIMIT_CHALLENGES; i++) {
		(void)snprintf(key, sizeof(key), "t%zu", i);
		put(key, i < 10 ? 50 : 1000);
	}
	assert_int_equal(store.n, LIMIT_CHALLENGES);
	assert_null(challenge_store_put(&store, "more", 1000, 49));
	/* One that is there is replaced all the same. */
	assert_non_null(challenge_store_put(&store, "t9", 50, 49));
	for (i = 0; i < LIMIT_CHALLENGES; i++) {
		(void)snprintf(key, sizeof(key), "t%zu", i);
		assert_non_null(find(key, 49));
	}
	assert_non_null(challenge_store_put(&store, "more", 1000, 50));
	assert_int_equal(store.n, LIMIT_CHALLENGES - 9);
	assert_null(find("t0", 0));
	assert_non_null(find("t10", 999));
	assert_non_null(find("more", 999));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(answers, begin, finish),
		cmocka_unit_test_setup_teardown(limit, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
