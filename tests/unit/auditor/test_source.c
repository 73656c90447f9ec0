#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/conf.h"
#include "auditor/db/source.h"
#include "base/buf.h"
#include "tests/unit/auditor/sql.h"

static char name_b[] = "team-b", name_c[] = "team-c", shop[] = ".Shop.Example.",
    pay[] = "pay.example", bad[] = "not a name", le[] = "letsencrypt.org";
static char *names[] = { shop, pay }, *wrong[] = { bad }, *issuers[] = { le };

static int
clean(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	return db_script(db, "truncate source", &e);
}

static struct source
source(char *name, size_t nnames)
{
	struct source s;

	memset(&s, 0, sizeof(s));
	s.name = name;
	s.names = names;
	s.nnames = nnames;
	s.issuers = issuers;
	s.nissuers = 1;
	s.until = INT64_MIN;
	return s;
}

static void
cli(void **state)
{
	struct source	s = source(name_b, 1), got, *v;
	struct err	e = ERR_INIT;
	size_t		n;

	(void)state;
	assert_int_equal(source_add(db, &s, &e), 1);
	assert_int_equal(source_add(db, &s, &e), 0);
	s.nnames = 2;
	s.until = 1800000000000000LL;
	assert_int_equal(source_add(db, &s, &e), 1);
	assert_int_equal(source_add(db, &s, &e), 0);
	s.until = INT64_MIN;
	assert_int_equal(source_add(db, &s, &e), 1);
	assert_int_equal(source_get(db, "team-b", &got, &e), 0);
	assert_int_equal(got.nnames, 2);
	assert_string_equal(got.names[0], ".shop.example");
	assert_string_equal(got.origin, "cli");
	assert_true(got.until == INT64_MIN);
	source_free(&got, 1);
	assert_int_equal(source_get(db, "x", &got, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	assert_non_null(strstr(e.msg, "team-b"));
	err_clear(&e);
	s.nnames = 0;
	assert_int_equal(source_add(db, &s, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	err_clear(&e);
	s.nnames = 1;
	s.names = wrong;
	assert_int_equal(source_add(db, &s, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	err_clear(&e);
	assert_int_equal(source_remove(db, "x", &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	err_clear(&e);
	assert_int_equal(source_remove(db, "team-b", &e), 0);
	assert_int_equal(source_list(db, &v, &n, &e), 0);
	assert_int_equal(n, 0);
	free(v);
	assert_int_equal(source_get(db, "x", &got, &e), -1);
}

static void
sync_conf(void **state)
{
	struct conf_source	cs[] = {
		{ name_b, { names, 1 }, { issuers, 1 }, INT64_MIN },
		{ name_c, { names, 2 }, { issuers, 1 }, 5000000 },
	};
	struct source		s = source(name_b, 1);
	struct conf		c;
	struct buf		d = BUF_INIT;
	struct err		e = ERR_INIT;

	(void)state;
	memset(&c, 0, sizeof(c));
	c.sources = cs;
	c.nsources = 2;
	/* One of the command line becomes one of the configuration. */
	assert_int_equal(source_add(db, &s, &e), 1);
	assert_int_equal(source_sync(db, &c, &d, &e), 0);
	assert_string_equal(buf_text(&d), "~ source team-b\n"
	    "+ source team-c\n");
	buf_reset(&d);
	assert_int_equal(source_sync(db, &c, &d, &e), 0);
	assert_string_equal(buf_text(&d), "");
	assert_int_equal(source_add(db, &s, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	err_clear(&e);
	assert_int_equal(source_remove(db, "team-b", &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	err_clear(&e);
	/* What is gone there is gone; what the command line has stays. */
	s.name = pay;
	assert_int_equal(source_add(db, &s, &e), 1);
	c.nsources = 1;
	assert_int_equal(source_sync(db, &c, &d, &e), 0);
	assert_string_equal(buf_text(&d), "- source team-c\n");
	c.nsources = 0;
	buf_reset(&d);
	assert_int_equal(source_sync(db, &c, &d, &e), 0);
	assert_string_equal(buf_text(&d), "- source team-b\n");
	assert_int_equal(source_remove(db, "pay.example", &e), 0);
	/* A name that is none. */
	cs[0].names.v = wrong;
	c.nsources = 1;
	assert_int_equal(source_sync(db, &c, NULL, &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "team-b"));
	buf_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(cli, clean),
		cmocka_unit_test_setup(sync_conf, clean),
	};

	return SQL_TESTS(tests);
}
