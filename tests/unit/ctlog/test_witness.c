/* Cosignatures against those that made_witness.py computed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ctlog/witness.h"
#include "tests/unit/ctlog/made_witness.h"

static struct witness	one, two;

static int
setup(void **state)
{
	struct err	e = ERR_INIT;

	(void)state;
	assert_int_equal(witness_read(made_vkey1, &one, &e), 0);
	assert_int_equal(witness_read(made_vkey2, &two, &e), 0);
	return 0;
}

static enum witness_verdict
check(const char *note, const struct witness *w, uint64_t *at)
{
	size_t			 n = strlen(note);
	char			*copy = mem_str(note);
	enum witness_verdict	 v;

	*at = 0;
	v = witness_check((struct span){ (const uint8_t *)copy, n }, w, at);
	free(copy);
	return v;
}

static void
good(void **state)
{
	uint64_t	at;

	(void)state;
	assert_string_equal(one.name, "witness.example/w1");
	assert_int_equal(check(made_both, &one, &at), WITNESS_GOOD);
	assert_int_equal(at, 1700000001);
	assert_int_equal(check(made_both, &two, &at), WITNESS_GOOD);
	assert_int_equal(at, 1700000002);
	assert_int_equal(check(made_first, &one, &at), WITNESS_GOOD);
	assert_int_equal(check(made_first, &two, &at), WITNESS_NONE);
	assert_int_equal(check(made_again, &one, &at), WITNESS_GOOD);
	assert_int_equal(at, 1700000003);
}

static void
bad(void **state)
{
	uint64_t	at;

	(void)state;
	assert_int_equal(check(made_other_root, &one, &at), WITNESS_BAD);
	assert_int_equal(at, 0);
	assert_int_equal(check(made_no_time, &one, &at), WITNESS_BAD);
	/* another's line under its name has another key id */
	assert_int_equal(check(made_named, &two, &at), WITNESS_NONE);
	assert_int_equal(check(made_named, &one, &at), WITNESS_NONE);
	assert_int_equal(check("", &one, &at), WITNESS_NONE);
	assert_int_equal(check("a\n\n", &one, &at), WITNESS_NONE);
}

/* So many lines are looked at, and no more. */
static void
many(void **state)
{
	const char	*mine = strstr(made_first, "\xe2\x80\x94 witness");
	struct buf	 b = BUF_INIT;
	uint64_t	 at;
	unsigned	 i, n;

	(void)state;
	assert_non_null(mine);
	for (n = LIMIT_NOTE_SIGS - 1; n <= LIMIT_NOTE_SIGS; n++) {
		buf_reset(&b);
		buf_add(&b, made_first, (size_t)(strstr(made_first, "\n\n") + 2 -
		    made_first));
		for (i = 0; i < n; i++)
			buf_str(&b, "\xe2\x80\x94 other.example AAAAAAA=\n");
		buf_add(&b, mine, (size_t)(strchr(mine, '\n') + 1 - mine));
		assert_int_equal(check(buf_text(&b), &one, &at),
		    n < LIMIT_NOTE_SIGS ? WITNESS_GOOD : WITNESS_NONE);
	}
	buf_free(&b);
}

/* Every byte of text and line changed: never good. */
static void
flipped(void **state)
{
	char		*copy;
	size_t		 i, n = strlen(made_first), changed = 0;
	const char	*log = strstr(made_first, "\xe2\x80\x94 log");
	uint64_t	 at;

	(void)state;
	for (i = 0; i < n; i++) {
		/* the log's own line is not of the witness */
		if (made_first + i >= log && made_first + i <
		    strchr(log, '\n') + 1)
			continue;
		copy = mem_str(made_first);
		copy[i] ^= 1;
		assert_int_not_equal(witness_check((struct span){
		    (const uint8_t *)copy, n }, &one, &at), WITNESS_GOOD);
		free(copy);
		copy = mem_str(made_first);
		assert_int_not_equal(witness_check((struct span){
		    (const uint8_t *)copy, i }, &one, &at), WITNESS_GOOD);
		free(copy);
		changed++;
	}
	assert_true(changed > 180);
}

static void
vkeys(void **state)
{
	static const char *const wrong[] = { "", "a", "+", "a+b", "a+b+c",
	    "a+00000000+", "a+00000000+BA==", "w2+00000000+", NULL };
	struct witness	 w;
	struct err	 e = ERR_INIT;
	char		*copy;
	size_t		 i, n = strlen(made_vkey1);

	(void)state;
	for (i = 0; wrong[i] != NULL; i++)
		assert_int_equal(witness_read(wrong[i], &w, NULL), -1);
	for (i = 0; i < n; i++) {
		copy = mem_str(made_vkey1);
		copy[i] ^= 1;
		assert_int_equal(witness_read(copy, &w, NULL), -1);
		copy[i] ^= 1;
		copy[i] = '\0';
		assert_int_equal(witness_read(copy, &w, NULL), -1);
		free(copy);
	}
	/* ML-DSA cannot be checked, and is said to be so */
	assert_int_equal(witness_read("w+00000000+BgAA", &w, &e), -1);
	assert_non_null(strstr(e.msg, "0x06"));
	copy = mem_array(WITNESS_NAME_MAX + 1, 1);
	memset(copy, 'a', WITNESS_NAME_MAX);
	assert_int_equal(witness_make(&w, copy, one.key, NULL), -1);
	copy[WITNESS_NAME_MAX - 1] = '\0';
	assert_int_equal(witness_make(&w, copy, one.key, NULL), 0);
	free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(many),
		cmocka_unit_test(flipped),
		cmocka_unit_test(vkeys),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
