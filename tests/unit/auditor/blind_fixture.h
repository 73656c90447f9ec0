#ifndef TESTS_UNIT_AUDITOR_BLIND_FIXTURE_H
#define TESTS_UNIT_AUDITOR_BLIND_FIXTURE_H

/* Logs that are read or behind, for tests of what is not seen. */

#include "auditor/blind_find.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

/*
 * mk(ID, OPERATOR): a usable log, known for 9 days, read up to its head of 100
 * just now.  hd(ID, SIZE, AGE): a head of that age.  behind(ID, AGE): it has
 * read 100 of 200 entries, and the head of 100 is that old.
 */
static const char functions[] =
    "create or replace function ago(interval) returns bigint language sql as "
    "$$ select (extract(epoch from now() - $1) * 1000)::bigint $$;"
    "create or replace function hd(l int, s bigint, age interval) returns "
    "bigint language sql as $$ insert into tree_head (log_ref, tree_size, "
    "root_hash, timestamp_ms, form, raw, verdict) values (l, s, hash('cc'), "
    "ago(age), 'sth', 'raw', 'valid') returning id $$;"
    "create or replace function mk(i int, op text) returns void language sql "
    "as $$ insert into operator (name) values (op) on conflict do nothing;"
    "insert into log (log_id, operator_id, description, protocol, url, "
    "read_url, key, mmd, state, list_source, first_list, added_at) select "
    "hash('0' || i), o.id, 'log ' || i, 'rfc6962', 'u', 'u', 'k', 86400, "
    "'usable', 'file', true, now() - interval '9 days' from operator o "
    "where name = op;"
    "insert into log_health (log_ref, head_size, head_ms, head_at, "
    "progress_at, caught_up_at) values (i, 100, ago('0'), now(), now(), "
    "now()); insert into log_range (log_ref, size_from, size_to, frontier, "
    "root_hash, head_id) values (i, 0, 100, '', '', hd(i, 100, '0')) $$;"
    "create or replace function behind(i int, age interval) returns void "
    "language sql as $$ delete from tree_head where log_ref = i and not "
    "exists (select from log_range where head_id = id); update tree_head set "
    "timestamp_ms = ago(age) where log_ref = i; update log_health set "
    "head_size = 200, caught_up_at = now() - age, progress_at = now() where "
    "log_ref = i; select hd(i, 200, '0') $$;";

static inline int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(functions);
	sql(audit_truncate);
	sql("select mk(1, 'one'), mk(2, 'two'), mk(3, 'three'), "
	    "mk(4, 'one')");
	return 0;
}

#define FINDINGS "select coalesce(string_agg(kind || ' ' || state || ' ' || " \
	"severity || ' ' || array_to_string(logs, '+'), ','), '') from finding"
#define EVENTS	"select coalesce(string_agg(v.event, ',' order by v.at, " \
	"v.id), '') from finding_event v"

static inline void
sweep(int64_t settle)
{
	struct err	e = ERR_INIT;

	if (db_begin(db, &e) == -1 || blind_find_time(db, 60, settle, &e)
	    == -1 || db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
}

#endif
