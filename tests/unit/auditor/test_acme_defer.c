/*
 * A challenge whose placement takes time: by hook programs, one at a time,
 * that succeed, fail, and die with who runs them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/role/acme_defer.h"
#include "tests/unit/auditor/conf_fixture.h"

#define TOKEN	"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define THUMB	"9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"

static struct conf		*conf;
static struct acme_place	*place;

/* A hook with this text, and a place that runs it. */
static void
hook_of(const char *convention, const char *text)
{
	enum challenge_type	 type = CHALLENGE_DNS_01;
	struct buf		 b = BUF_INIT;
	struct err		 e = ERR_INIT;
	char			*path;

	buf_fmt(&b, "#!/bin/sh\n%s\n", text);
	path = spill_text("hook", buf_text(&b));
	assert_int_equal(chmod(path, 0755), 0);
	buf_reset(&b);
	buf_fmt(&b, "acme:\n  challenges: {dns-01: {hook: %s, convention: "
	    "%s, check: none}}\n", path, convention);
	conf = parse(buf_text(&b), &e);
	assert_string_equal(e.msg, "");
	buf_free(&b);
	free(path);
	place = acme_place_new(conf, &type, 1, &e);
	assert_non_null(place);
}

static void
hook(const char *text)
{
	hook_of("dehydrated", text);
}

static int
begin(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/test-conf-XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int
finish(void **state)
{
	acme_place_free(place);
	conf_free(conf);
	place = NULL;
	conf = NULL;
	return folder_remove(state);
}

static struct acme_defer *
challenge(const char *name)
{
	struct flow_place	f;

	memset(&f, 0, sizeof(f));
	f.type = CHALLENGE_DNS_01;
	f.token = TOKEN;
	(void)snprintf(f.ident.text, sizeof(f.ident.text), "%s", name);
	return acme_defer_new(place, &f, THUMB);
}

/* Until it is something else than it is now. */
static enum acme_defer_state
next(struct acme_defer *d, enum acme_defer_state was, struct err *e)
{
	enum acme_defer_state	s = acme_defer_turn(d, e);
	struct pollfd		p = { -1, POLLIN, 0 };
	int			i;

	for (i = 0; i < 600 && s == was; i++) {
		p.fd = acme_defer_fd(d);
		(void)poll(&p, 1, 100);
		s = acme_defer_turn(d, e);
	}
	return s;
}

/* One placed and taken away, by one process: what it knew it knows still. */
static void
placed(void **state)
{
	struct acme_defer	*d;
	struct err		 e = ERR_INIT;

	(void)state;
	hook("[ \"$2\" = a.example ]");
	d = challenge("a.example");
	assert_int_equal(next(d, ACME_DEFER_PUTS, &e), ACME_DEFER_PLACED);
	/* whoever waits to be told holds nobody up */
	assert_int_equal(*acme_place_busy(place), 0);
	acme_defer_drop(d, 0);
	assert_int_equal(next(d, ACME_DEFER_PLACED, &e), ACME_DEFER_DROPS);
	assert_int_equal(next(d, ACME_DEFER_DROPS, &e), ACME_DEFER_GONE);
	assert_string_equal(e.msg, "");
	acme_defer_free(d);
	assert_int_equal(*acme_place_busy(place), 0);
}

/*
 * Certbot's programs may write all records at the last challenge of an order:
 * one before it is looked for when that has been placed.
 */
static void
looked_for_later(void **state)
{
	struct flow_place	 f;
	struct acme_defer	*a, *b;
	struct err		 e = ERR_INIT;

	(void)state;
	hook_of("certbot", "exit 0");
	memset(&f, 0, sizeof(f));
	f.type = CHALLENGE_DNS_01;
	f.token = TOKEN;
	(void)snprintf(f.ident.text, sizeof(f.ident.text), "a.example");
	f.all = &f.ident;
	f.nall = 1;
	f.remaining = 1;
	a = acme_defer_new(place, &f, THUMB);
	f.remaining = 0;
	b = acme_defer_new(place, &f, THUMB);
	assert_int_equal(next(a, ACME_DEFER_PUTS, &e), ACME_DEFER_WRITTEN);
	assert_int_equal(acme_defer_fd(a), -1);
	assert_int_equal(next(b, ACME_DEFER_PUTS, &e), ACME_DEFER_PLACED);
	acme_defer_look(a);
	assert_int_equal(next(a, ACME_DEFER_PUTS, &e), ACME_DEFER_PLACED);
	acme_defer_drop(a, 0);
	assert_int_equal(next(a, ACME_DEFER_PLACED, &e), ACME_DEFER_DROPS);
	assert_int_equal(next(a, ACME_DEFER_DROPS, &e), ACME_DEFER_GONE);
	acme_defer_free(a);
	acme_defer_free(b);
	/* one that is of no use any more is not looked for */
	f.remaining = 1;
	a = acme_defer_new(place, &f, THUMB);
	assert_int_equal(next(a, ACME_DEFER_PUTS, &e), ACME_DEFER_WRITTEN);
	acme_defer_drop(a, 1);
	acme_defer_look(a);
	assert_int_equal(next(a, ACME_DEFER_WRITTEN, &e), ACME_DEFER_DROPS);
	assert_int_equal(next(a, ACME_DEFER_DROPS, &e), ACME_DEFER_GONE);
	acme_defer_free(a);
	assert_string_equal(e.msg, "");
}

/* Programs of users run one after the other. */
static void
one_by_one(void **state)
{
	struct acme_defer	*a, *b;
	struct err		 e = ERR_INIT;
	char			 text[300];

	(void)state;
	(void)snprintf(text, sizeof(text), "[ \"$1\" = deploy_challenge ] || "
	    "exit 0\nwhile [ ! -e %s/go ]; do sleep 0.05; done", folder);
	hook(text);
	a = challenge("a.example");
	b = challenge("b.example");
	assert_int_equal(acme_defer_turn(a, &e), ACME_DEFER_PUTS);
	assert_int_equal(acme_defer_turn(b, &e), ACME_DEFER_PUTS);
	assert_true(acme_defer_fd(a) != -1);
	assert_int_equal(acme_defer_fd(b), -1);
	/* one that was never begun is gone at once */
	acme_defer_drop(b, 1);
	assert_int_equal(acme_defer_turn(b, &e), ACME_DEFER_GONE);
	acme_defer_free(b);
	b = challenge("b.example");
	assert_int_equal(acme_defer_turn(b, &e), ACME_DEFER_PUTS);
	free(spill_text("go", ""));
	assert_int_equal(next(a, ACME_DEFER_PUTS, &e), ACME_DEFER_PLACED);
	assert_int_equal(next(b, ACME_DEFER_PUTS, &e), ACME_DEFER_PLACED);
	assert_string_equal(e.msg, "");
	acme_defer_free(a);
	acme_defer_free(b);
}

/* What the program says is passed on; a death is no word of the program. */
static void
fails(void **state)
{
	struct acme_defer	*d;
	struct err		 e = ERR_INIT;

	(void)state;
	hook("[ \"$2\" != bad.example ] || { echo no >&2; exit 3; }\n"
	    "[ \"$2\" != dead.example ] || kill -9 $PPID\n"
	    "[ \"$1\" = deploy_challenge ] || exit 7");
	d = challenge("bad.example");
	assert_int_equal(next(d, ACME_DEFER_PUTS, &e), ACME_DEFER_FAILED);
	assert_non_null(strstr(e.msg, "ended with status 3"));
	acme_defer_free(d);
	err_clear(&e);
	d = challenge("dead.example");
	assert_int_equal(next(d, ACME_DEFER_PUTS, &e), ACME_DEFER_FAILED);
	assert_int_equal(e.code, ERR_TEMP);
	acme_defer_free(d);
	err_clear(&e);
	d = challenge("a.example");
	assert_int_equal(next(d, ACME_DEFER_PUTS, &e), ACME_DEFER_PLACED);
	acme_defer_drop(d, 0);
	(void)acme_defer_turn(d, &e);
	assert_int_equal(next(d, ACME_DEFER_DROPS, &e), ACME_DEFER_STAYS);
	assert_non_null(strstr(e.msg, "ended with status 7"));
	acme_defer_free(d);
	assert_int_equal(*acme_place_busy(place), 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(placed, begin, finish),
		cmocka_unit_test_setup_teardown(looked_for_later, begin, finish),
		cmocka_unit_test_setup_teardown(one_by_one, begin, finish),
		cmocka_unit_test_setup_teardown(fails, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
