#ifndef TESTS_UNIT_AUDITOR_BACK_FIXTURE_H
#define TESTS_UNIT_AUDITOR_BACK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auditor/db/back_store.h"
#include "tests/unit/auditor/sql.h"

/* One log of 300,000 entries, and what is wanted of its history. */

static inline int
back_clear(void **state)
{
	(void)state;
	sql("truncate log, operator, tree_head, log_range, log_health, "
	    "backfill, work, watch restart identity cascade;"
	    "insert into operator (name) values ('op');"
	    "insert into log (log_id, operator_id, description, protocol, url,"
	    " read_url, key, mmd, state, list_source, first_list) values"
	    " ('a', 1, 'l', 'rfc6962', 'u', 'u', 'k', 1, 's', 'file', true);"
	    "insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict, consistency) values (1, "
	    "300000, decode(repeat('ab', 32), 'hex'), 5, 'sth', '', 'valid', "
	    "'proved');"
	    "insert into log_health (log_ref, head_id, head_size) values "
	    "(1, 1, 300000)");
	return 0;
}

static inline void
ranges_are(const char *want)
{
	is("select coalesce(string_agg(size_from || '-' || size_to, ' ' "
	    "order by size_from), '') from log_range", want);
}

static inline int64_t
enter(int64_t from, int64_t to, int again, int want_fresh)
{
	struct back_want	w = { .log_ref = 1, .from = from, .to = to,
	    .since = INT64_MIN, .again = again, .step = 65536,
	    .actor = "test" };
	struct err		e = ERR_INIT;
	struct back_ids		ids = { NULL, 0, 0 };
	int64_t			id;
	int			fresh;

	if (db_begin(db, &e) == -1 || back_enter(db, &w, &ids, &fresh, &e)
	    == -1 || db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
	id = ids.n == 0 ? 0 : ids.v[0];
	free(ids.v);
	/* what is of no use is nothing new */
	assert_int_equal(fresh, want_fresh);
	return id;
}

static inline size_t
plan(void)
{
	struct err	e = ERR_INIT;
	size_t		n;

	if (back_plan(db, &n, &e) == -1)
		fail_msg("%s", e.msg);
	return n;
}

#endif
