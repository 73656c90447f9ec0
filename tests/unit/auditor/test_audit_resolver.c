#include "auditor/role/audit_resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clk.h"
#include "base/log.h"

/* What is said of resolvers that give no answer, and how often. */

#define A	"192.0.2.1"
#define B	"192.0.2.2@5353"

static struct audit_resolvers	r;
static int			fd = -1;

static int
setup(void **state)
{
	(void)state;
	memset(&r, 0, sizeof(r));
	fd = memfd_create("log", MFD_CLOEXEC);
	log_to(fd);
	return fd == -1 ? -1 : 0;
}

static int
clean(void **state)
{
	(void)state;
	log_to(STDERR_FILENO);
	return close(fd);
}

/* All that was said is that; then nothing is. */
static void
says(const char *want)
{
	char	have[4096];
	ssize_t	n = pread(fd, have, sizeof(have) - 1, 0);

	assert_true(n >= 0);
	have[n] = '\0';
	assert_string_equal(have, want);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_true(lseek(fd, 0, SEEK_SET) == 0);
}

static void
miss(const char *who, size_t n, int fresh, int64_t now)
{
	char	why[100];
	size_t	i;

	for (i = 0; i < n; i++) {
		(void)snprintf(why, sizeof(why), "n%zu.example: %s is silent",
		    i, who);
		assert_int_equal(audit_resolver_missed(&r, who, why, fresh,
		    now), 0);
	}
}

static void
down_and_up(void **state)
{
	int64_t	at;

	(void)state;
	assert_true(audit_resolver_turn(&r, 5) == INT64_MAX);
	miss(A, 700, 1, 0);
	miss(B, 1, 1, CLK_SEC);
	at = audit_resolver_turn(&r, CLK_SEC);
	assert_true(at > CLK_SEC && at < 60 * CLK_SEC);
	says("");
	assert_true(audit_resolver_turn(&r, at) == at + CLK_SEC);
	says("t: warning: dns: resolver " A " gives no answers: 700 names "
	    "could not be looked up, the first is n0.example: " A " is silent"
	    "; more are not told\n");
	assert_true(audit_resolver_turn(&r, at + CLK_SEC) == INT64_MAX);
	says("t: warning: dns: resolver " B " gives no answers: 1 name "
	    "could not be looked up, the first is n0.example: " B " is silent"
	    "; more are not told\n");
	/* others, and the same once more: that is known */
	miss(A, 30, 1, 100 * CLK_SEC);
	miss(A, 700, 0, 200 * CLK_SEC);
	assert_true(audit_resolver_turn(&r, 900 * CLK_SEC) == INT64_MAX);
	says("");
	audit_resolver_heard(&r, A);
	says("t: dns: resolver " A " answers again; 1430 questions had no answer\n");
	audit_resolver_heard(&r, A);
	says("");
	/* a second time it is said, too */
	miss(A, 2, 1, 1000 * CLK_SEC);
	(void)audit_resolver_turn(&r, INT64_MAX);
	says("t: warning: dns: resolver " A " gives no answers: 2 names "
	    "could not be looked up, the first is n0.example: " A " is silent"
	    "; more are not told\n");
	audit_resolver_heard(&r, A);
	says("t: dns: resolver " A " answers again; 2 questions had no answer\n");
}

/* A zone whose servers are away is no fault of the resolver. */
static void
one_name(void **state)
{
	(void)state;
	miss(A, 1, 1, 0);
	audit_resolver_heard(&r, A);
	miss(A, 1, 1, 1);
	audit_resolver_heard(&r, A);
	says("");
	(void)audit_resolver_turn(&r, 60 * CLK_SEC);
	says("t: dns: resolver " A " has no answer about 2 names, the first is "
	    "n0.example: " A " is silent\n");
	audit_resolver_heard(&r, A);
	/* tried again, as it is in vain: told already */
	miss(A, 1, 0, 70 * CLK_SEC);
	assert_true(audit_resolver_turn(&r, 600 * CLK_SEC) == INT64_MAX);
	says("");
}

static void
too_many(void **state)
{
	char	who[30];
	int	i;

	(void)state;
	for (i = 0; i <= AUDIT_RESOLVERS; i++) {
		(void)snprintf(who, sizeof(who), "192.0.2.%d", i);
		assert_int_equal(audit_resolver_missed(&r, who, "why", 1, 0),
		    i == AUDIT_RESOLVERS ? -1 : 0);
	}
	audit_resolver_heard(&r, who);
	says("");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(down_and_up, setup, clean),
		cmocka_unit_test_setup_teardown(one_name, setup, clean),
		cmocka_unit_test_setup_teardown(too_many, setup, clean),
	};

	log_open("t", LOG_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
