#ifndef TESTS_UNIT_AUDITOR_TAIL_FIXTURE_H
#define TESTS_UNIT_AUDITOR_TAIL_FIXTURE_H

/* The tail of one log, which has shown a head of 300, leased by us. */

#include "auditor/role/tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/db/log_store.h"
#include "base/clk.h"
#include "tests/unit/auditor/sql.h"

static struct conf	conf;
static struct engine	en;
static struct tail	t;

/* mmd: in seconds; head: its time, in milliseconds, as SQL. */
static inline int
tail_leased(int mmd, const char *head)
{
	struct lease_ask	ask = { .holder = "h:0", .max = 1,
	    .lease_s = 60 };
	struct err		e = ERR_INIT;
	size_t			n = 0;
	char			rows[800];

	sql("truncate log, operator, tree_head, log_health, work, finding, "
	    "ask_rate, ask_worker restart identity cascade");
	(void)snprintf(rows, sizeof(rows), "insert into operator (name) "
	    "values ('op');"
	    "insert into log (log_id, operator_id, description, protocol, url,"
	    " read_url, key, mmd, state, list_source, first_list) values"
	    " (sha256('l'), 1, 'l', 'rfc6962', 'u', 'u', 'k', %d, 's',"
	    " 'file', true);"
	    "insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict) values (1, 300, sha256('r'), "
	    "%s, 'sth', '', 'valid')", mmd, head);
	sql(rows);
	conf.poll = 60;
	memset(&en, 0, sizeof(en));
	en.conf = &conf;
	en.db = db;
	memset(&t, 0, sizeof(t));
	t.en = &en;
	t.stale = t.unreachable = -1;
	t.head_id = 1;
	if (log_load(db, 1, &t.log, &e) == -1 ||
	    lease_add(db, "tail", "1", &e) == -1 ||
	    lease_claim(db, &ask, &t.lease, &n, &e) == -1 || n != 1)
		return -1;
	t.leased = 1;
	return 0;
}

#endif
