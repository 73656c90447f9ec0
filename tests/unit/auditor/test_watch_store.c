#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/conf.h"
#include "auditor/db/watch_store.h"
#include "base/limit.h"
#include "tests/unit/auditor/sql.h"

static char		 file[64];

static void
write_file(const char *text, size_t n)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static int
clean(void **state)
{
	(void)state;
	sql("truncate watch, watch_file, entry_match, tree_head, log, operator"
	    " restart identity cascade");
	return 0;
}

/* A configuration of these watches ("name owner policy exclude"). */
static void
configure(struct conf *c, struct conf_watch *w, size_t n, const char *wf)
{
	memset(c, 0, sizeof(*c));
	c->watch = w;
	c->nwatch = n;
	c->watch_file = (char *)(uintptr_t)wf;
}

/* The first ${max} rows of one pattern; how many. */
static int
resolve_one(const char *pattern, struct watch_row *rows, size_t max)
{
	struct watch_rows	w;
	struct err		e = ERR_INIT;
	size_t			i;

	assert_int_equal(watch_resolve(db, &pattern, 1, &w, &e), 0);
	for (i = 0; i < w.n && i < max; i++) {
		rows[i] = w.v[i];
		memset(&w.v[i], 0, sizeof(w.v[i]));
	}
	watch_rows_free(&w, 1);
	return (int)i;
}

/* Sync in a transaction: the difference, or the error; static. */
static const char *
sync_with(const struct conf *c, enum err_code want)
{
	static char	out[2000];
	struct buf	diff = BUF_INIT;
	struct err	e = ERR_INIT;
	int		rc;

	assert_int_equal(db_begin(db, &e), 0);
	rc = watch_sync(db, c, &diff, &e);
	if (rc == 0)
		rc = db_commit(db, &e);
	else
		db_rollback(db);
	if (e.code != want)
		fail_msg("code %d: %s", e.code, e.msg);
	assert_int_equal(rc, want == ERR_NONE ? 0 : -1);
	snprintf(out, sizeof(out), "%s", rc == 0 ? buf_text(&diff) : e.msg);
	buf_free(&diff);
	return out;
}

#define LIVE "select coalesce(string_agg(pattern || '/' || owner || '/' ||" \
	" policy || '/' || origin, ' ' order by pattern, owner), '') from" \
	" watch where removed_at is null"

static char w_a[] = "A.Example", w_b[] = ".b.example", w_u[] =
    "m\xc3\xbcller.example", none[] = "", own[] = "team", pol[] = "strict",
    ex[] = "dev.b.example";
static char *exv[] = { ex };

static void
sync_config(void **state)
{
	struct conf		c;
	struct conf_watch	w[] = {
		{ w_a, none, none, { NULL, 0 } },
		{ w_b, own, none, { NULL, 0 } },
		{ w_u, none, none, { NULL, 0 } },
	};

	(void)state;
	configure(&c, w, 3, NULL);
	assert_string_equal(sync_with(&c, ERR_NONE), "+ watch a.example\n"
	    "+ watch .b.example of team\n+ watch xn--mller-kva.example\n");
	is(LIVE, ".b.example/team//config a.example///config "
	    "xn--mller-kva.example///config");
	assert_string_equal(sync_with(&c, ERR_NONE), "");
	/* A change keeps id and added_at. */
	sql("update watch set added_at = '2020-01-01Z'");
	w[1].policy = pol;
	w[1].exclude.v = exv;
	w[1].exclude.n = 1;
	assert_string_equal(sync_with(&c, ERR_NONE),
	    "~ watch .b.example of team\n");
	is("select id || ' ' || extract(year from added_at) || ' ' ||"
	    " array_to_string(exclude, ',') from watch where owner = 'team'",
	    "2 2020 dev.b.example");
	/* What is gone is removed, and is back as a new watch. */
	configure(&c, w, 2, NULL);
	assert_string_equal(sync_with(&c, ERR_NONE),
	    "- watch xn--mller-kva.example\n");
	configure(&c, w, 3, NULL);
	assert_string_equal(sync_with(&c, ERR_NONE),
	    "+ watch xn--mller-kva.example\n");
	/* None at all is a mistake: nothing is removed. */
	configure(&c, w, 0, NULL);
	assert_non_null(strstr(sync_with(&c, ERR_CONF), "3 watches of before"
	    " stay"));
	is("select count(*) from watch where removed_at is null", "3");
	/* A fault anywhere changes nothing. */
	w[2].name = own;
	w[1].name = (char *)(uintptr_t)"not a name";
	configure(&c, w, 3, NULL);
	sync_with(&c, ERR_CONF);
	w[1].name = w_b;
	w[2].name = w_u;
	is("select count(*) from watch where removed_at is null", "3");
}

static void
cli(void **state)
{
	struct conf		c;
	struct conf_watch	cw[] = { { w_a, none, none, { NULL, 0 } } };
	struct watch_new	w = { "C.example.", NULL, NULL, NULL, 0 };
	struct err		e = ERR_INIT;

	(void)state;
	assert_int_equal(watch_add(db, &w, &e), 1);
	assert_int_equal(watch_add(db, &w, &e), 0);
	w.owner = "x";
	assert_int_equal(watch_add(db, &w, &e), 1);
	w.policy = "strict";
	assert_int_equal(watch_add(db, &w, &e), 1);
	is(LIVE, "c.example///cli c.example/x/strict/cli");
	/* The configuration's sync leaves them; one that it names is its. */
	cw[0].name = (char *)(uintptr_t)"c.example";
	configure(&c, cw, 1, NULL);
	sync_with(&c, ERR_NONE);
	is(LIVE, "c.example///config c.example/x/strict/cli");
	assert_int_equal(watch_remove(db, "c.example", NULL, &e), 1);
	is(LIVE, "c.example///config");
	assert_int_equal(watch_remove(db, "c.example", NULL, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_non_null(strstr(e.msg, "configuration"));
	err_clear(&e);
	assert_int_equal(watch_remove(db, "d.example", NULL, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	err_clear(&e);
	/* The same as configured is fine, other settings are not. */
	w.owner = w.policy = NULL;
	assert_int_equal(watch_add(db, &w, &e), 0);
	w.policy = "strict";
	assert_int_equal(watch_add(db, &w, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	err_clear(&e);
	w.name = "a b";
	assert_int_equal(watch_add(db, &w, &e), -1);
}

static void
from_file(void **state)
{
	static const char	 v1[] = "# ours\r\n.File.example  # x\r\n\r\n"
				    "m\xc3\xbcller.example\n192.0.2.7";
	static const char	 v2[] = ".file.example\nother.example\n";
	struct conf		 c;
	struct watch_row	 rows[4];
	struct watch_build	*b;
	struct err		 e = ERR_INIT;

	(void)state;
	configure(&c, NULL, 0, file);
	write_file(v1, sizeof(v1) - 1);
	assert_non_null(strstr(sync_with(&c, ERR_NONE), "+ watch_file"));
	assert_string_equal(sync_with(&c, ERR_NONE), "");
	is("select items || ' ' || count(*) over () from watch_file", "3 1");
	is("select count(*) from watch", "0");
	/* A first match makes the row. */
	sql("update watch_file set loaded_at = '2020-01-01Z'");
	assert_int_equal(resolve_one("xn--mller-kva.example", rows, 4), 1);
	assert_string_equal(rows[0].origin, "file");
	assert_string_equal(rows[0].owner, "");
	assert_int_equal(rows[0].added_at, 1577836800000000LL);
	watch_row_free(rows, 1);
	assert_int_equal(resolve_one("192.0.2.7", rows, 0), 0);
	/* No part of a line is an item. */
	assert_int_equal(resolve_one("file.example", rows, 4), 0);
	assert_int_equal(resolve_one("example", rows, 4), 0);
	/* A new version: what is gone is removed, what stays is as old. */
	write_file(v2, sizeof(v2) - 1);
	assert_non_null(strstr(sync_with(&c, ERR_NONE), "~ watch_file"));
	is(LIVE, "");
	assert_int_equal(resolve_one(".file.example", rows, 4), 1);
	assert_int_equal(rows[0].added_at, 1577836800000000LL);
	watch_row_free(rows, 1);
	assert_int_equal(resolve_one("xn--mller-kva.example", rows, 4), 0);
	/* It comes back: it is new since then. */
	write_file(v1, sizeof(v1) - 1);
	sync_with(&c, ERR_NONE);
	sql("update watch_file set loaded_at = '2021-01-01Z' where id = 3");
	assert_int_equal(resolve_one("xn--mller-kva.example", rows, 4), 1);
	assert_int_equal(rows[0].added_at, 1609459200000000LL);
	watch_row_free(rows, 1);
	/* An owner has the pattern too: the item of the file is nobody's. */
	sql("insert into watch (pattern, owner, origin) values ('192.0.2.7',"
	    " 'net', 'cli')");
	assert_int_equal(resolve_one("192.0.2.7", rows, 4), 2);
	watch_row_free(rows, 2);
	sql("update watch set removed_at = now() where pattern ="
	    " '192.0.2.7' and owner = ''");
	assert_int_equal(resolve_one("192.0.2.7", rows, 4), 2);
	watch_row_free(rows, 2);
	/* It is removed in the file only. */
	assert_int_equal(watch_remove(db, ".file.example", NULL, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_non_null(strstr(e.msg, "watch_file"));
	err_clear(&e);
	/* The image has file and rows. */
	b = watch_build_new();
	assert_int_equal(watch_load(db, &c, b, &e), 0);
	assert_int_equal(watch_build_count(b), 3);
	watch_build_free(b);
	/* Empty, unreadable, wrong: the old state stays. */
	write_file("# nothing\n", 10);
	assert_non_null(strstr(sync_with(&c, ERR_CONF), "names no watch"));
	write_file("ok.example\nnot a name\n", 22);
	assert_non_null(strstr(sync_with(&c, ERR_CONF), ":2"));
	unlink(file);
	sync_with(&c, ERR_SYS);
	is("select max(id) from watch_file", "3");
	/* Taken out of the configuration: that is meant. */
	configure(&c, NULL, 0, NULL);
	assert_non_null(strstr(sync_with(&c, ERR_NONE), "- watch_file"));
	is(LIVE, "192.0.2.7/net//cli");
	assert_string_equal(sync_with(&c, ERR_NONE), "");
}

/* Many items are one row, and are found. */
static void
large_file(void **state)
{
	struct buf		 t = BUF_INIT;
	struct conf		 c;
	static const char	*some[] = { ".n7.example", ".nn.example",
				    ".n99999.example", ".n1.example" };
	struct watch_row	 rows[1];
	struct watch_rows	 w[4];
	struct err		 e = ERR_INIT;
	int			 i;

	(void)state;
	for (i = 0; i < 100000; i++)
		buf_fmt(&t, ".n%d.example\n", i);
	write_file(buf_text(&t), t.n);
	configure(&c, NULL, 0, file);
	sync_with(&c, ERR_NONE);
	is("select count(*) || ' ' || max(items) from watch_file",
	    "1 100000");
	is("select count(*) from watch", "0");
	assert_int_equal(resolve_one(".n99999.example", rows, 1), 1);
	watch_row_free(rows, 1);
	assert_int_equal(resolve_one(".n100000.example", rows, 1), 0);
	/* Many at once, in any order. */
	assert_int_equal(watch_resolve(db, some, 4, w, &e), 0);
	assert_int_equal(w[0].n + w[1].n + w[2].n + w[3].n, 3);
	assert_string_equal(w[0].v[0].pattern, some[0]);
	assert_string_equal(w[2].v[0].pattern, some[2]);
	assert_string_equal(w[3].v[0].pattern, some[3]);
	watch_rows_free(w, 4);
	is("select count(*) from watch", "3");
	/* The cap, and one more byte. */
	buf_reset(&t);
	while (t.n < LIMIT_WATCH_FILE - 1024)
		buf_str(&t, "# a comment that has exactly sixty-four bytes of"
		    " text, counted\n");
	buf_str(&t, "a.example\n#");
	while (t.n < LIMIT_WATCH_FILE)
		buf_str(&t, "x");
	write_file(buf_text(&t), t.n);
	sync_with(&c, ERR_NONE);
	buf_str(&t, "x");
	write_file(buf_text(&t), t.n);
	sync_with(&c, ERR_LIMIT);
	buf_free(&t);
	unlink(file);
}

static void
baseline(void **state)
{
	static const struct {
		int	log;
		int64_t	added, index;
		int	want;
	} t[] = {
		/* Head 1 (size 100) was last seen at 1000 s, head 2 at 2000. */
		{ 1, 500, 99, 1 }, { 1, 500, 100, 0 }, { 1, 500, 0, 1 },
		{ 1, 1000, 99, 1 }, { 1, 1000, 100, 0 },
		{ 1, 1001, 100, 1 }, { 1, 1001, 199, 1 },
		{ 1, 1001, 200, 0 }, { 1, 2001, 1000000, 1 },
		/* A bad head proves nothing. */
		{ 2, 500, 99, 1 }, { 2, 500, 5000, 1 },
		/* A log that appears behind the watch has no baseline. */
		{ 3, 500, 0, 0 }, { 3, 2999, 0, 0 }, { 9, 500, 0, 0 },
		{ 3, 3000, 0, 0 }, { 3, 3001, 99, 1 }, { 3, 3001, 100, 0 },
		{ 3, 5000, 0, 1 },
		/* Nor does one that is not of its tree, however large. */
		{ 4, 500, 99, 1 }, { 4, 500, 100, 0 }, { 4, 1001, 5000, 1 },
	};
	struct watch_base	*b = watch_base_new();
	struct err		 e = ERR_INIT;
	size_t			 i, pass;
	int64_t			 at;
	int			 is_base;

	(void)state;
	sql("insert into operator (name) values ('op');"
	    "insert into log (log_id, operator_id, description, protocol, url,"
	    " read_url, key, mmd, state, list_source, first_list) values"
	    " ('a', 1, 'l', 'rfc6962', 'u', 'u', 'k', 1, 's', 'file', true),"
	    " ('b', 1, 'l', 'rfc6962', 'u', 'u', 'k', 1, 's', 'file', true),"
	    " ('c', 1, 'l', 'rfc6962', 'u', 'u', 'k', 1, 's', 'file', false),"
	    " ('d', 1, 'l', 'rfc6962', 'u', 'u', 'k', 1, 's', 'file', true);"
	    "insert into tree_head (log_ref, tree_size, root_hash,"
	    " timestamp_ms, form, raw, verdict, last_seen) values"
	    " (1, 100, 'r', 1, 'sth', '', 'valid', to_timestamp(1000)),"
	    " (1, 150, 'r', 1, 'sth', '', 'bad_signature',"
	    "  to_timestamp(1500)),"
	    " (1, 200, 'r', 1, 'sth', '', 'valid', to_timestamp(2000)),"
	    " (2, 100, 'r', 1, 'sth', '', 'malformed', to_timestamp(1000)),"
	    " (3, 100, 'r', 1, 'sth', '', 'valid', to_timestamp(4000)),"
	    " (4, 1000000, 'x', 1, 'sth', '', 'valid', to_timestamp(2000)),"
	    " (4, 100, 'r', 1, 'sth', '', 'valid', to_timestamp(1000));"
	    "update tree_head set consistency = 'conflict' where root_hash ="
	    " 'x';"
	    "update log set added_at = to_timestamp(3000) where id = 3");
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
			assert_int_equal(watch_baseline(db, t[i].log,
			    t[i].added * 1000000, t[i].index, &is_base, &e),
			    0);
			if (is_base != t[i].want)
				fail_msg("row %zu", i);
			assert_int_equal(watch_base_get(b, db, t[i].log,
			    t[i].added * 1000000, t[i].index, &is_base, &at,
			    &e), 0);
			if (is_base != t[i].want)
				fail_msg("row %zu, remembered", i);
		}
	/* What can still change is not remembered. */
	sql("update tree_head set last_seen = to_timestamp(3000) where"
	    " tree_size = 200");
	assert_int_equal(watch_base_get(b, db, 1, 2001000000, 1000000,
	    &is_base, &at, &e), 0);
	assert_int_equal(is_base, 0);
	watch_base_free(b);
}

/* Rows with their exclusions reach the matching. */
static void
load(void **state)
{
	struct watch_build	*b = watch_build_new();
	struct watch_set	 set;
	struct watch_hit	 hit[2];
	struct buf		 image = BUF_INIT;
	struct err		 e = ERR_INIT;

	(void)state;
	sql("insert into watch (pattern, owner, exclude, origin) values"
	    " ('.b.example', '', '{dev.b.example}', 'cli'),"
	    " ('.gone.example', '', '{}', 'cli');"
	    "update watch set removed_at = now() where pattern ="
	    " '.gone.example'");
	assert_int_equal(watch_load(db, NULL, b, &e), 0);
	watch_build_done(b, &image);
	assert_int_equal(watch_open(&set, image.p, image.n, &e), 0);
	assert_int_equal(watch_name(&set, "x.b.example", hit, 2), 1);
	assert_int_equal(watch_name(&set, "dev.b.example", hit, 2), 0);
	assert_int_equal(watch_name(&set, "gone.example", hit, 2), 0);
	buf_free(&image);
}

/* The set of watch_sync_load(): its hash, and how many. */
static size_t
sync_loaded(const struct conf *c, uint8_t sum[32])
{
	struct watch_build	*b;
	struct watch_pieces	 o;
	struct err		 e = ERR_INIT;
	size_t			 n;

	assert_int_equal(db_begin(db, &e), 0);
	if (watch_sync_load(db, c, NULL, &b, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(db_commit(db, &e), 0);
	n = watch_build_count(b);
	watch_build_end(b, &o);
	memcpy(sum, o.sha256, 32);
	watch_build_free(b);
	return n;
}

/*
 * What was read from the file is what the database gives afterwards: a file
 * of several portions, with doubles, and a last line without newline.
 */
static void
load_both(void **state)
{
	struct conf_watch	 w = { .name = (char *)(uintptr_t)"a.example" };
	struct watch_build	*b;
	struct watch_pieces	 o;
	struct buf		 t = BUF_INIT;
	struct conf		 c;
	struct err		 e = ERR_INIT;
	uint8_t			 first[32], again[32];
	unsigned		 i;

	(void)state;
	for (i = 0; t.n < 700000; i++)
		buf_fmt(&t, "%sName%u.Example%s", i % 2 ? "." : "", i,
		    i % 3 ? "\n" : " # c\r\nname0.example\n");
	buf_str(&t, "192.0.2.0/24\nlast.example");
	write_file(buf_text(&t), t.n);
	buf_free(&t);
	configure(&c, &w, 1, file);
	assert_int_equal(sync_loaded(&c, first), i + 3);
	assert_int_equal(sync_loaded(&c, again), i + 3);
	assert_memory_equal(first, again, 32);
	b = watch_build_new();
	assert_int_equal(watch_load(db, &c, b, &e), 0);
	assert_int_equal(watch_build_count(b), i + 3);
	watch_build_end(b, &o);
	assert_memory_equal(first, o.sha256, 32);
	watch_build_free(b);
	/* a wrong line far behind says where, and the set of before stays */
	write_file("a.example\nx..y\n", 15);
	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(watch_sync_load(db, &c, NULL, &b, &e), -1);
	assert_null(b);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, ":2: "));
	db_rollback(db);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup(f, clean)
	const struct CMUnitTest tests[] = {
		T(sync_config), T(cli), T(from_file), T(large_file),
		T(baseline), T(load), T(load_both),
	};
	int rc;

	if ((db = testdb_open()) == NULL)
		return 0;
	snprintf(file, sizeof(file), "/tmp/cv-watch-%ld", (long)getpid());
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	testdb_close(db);
	return rc;
}
