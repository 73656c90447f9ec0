#ifndef TESTS_UNIT_AUDITOR_LOOP_FIXTURE_H
#define TESTS_UNIT_AUDITOR_LOOP_FIXTURE_H

/* Orders, what was received for them, and what logs show. */

#include "auditor/loop_find.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "auditor/conf.h"
#include "auditor/db/loop_store.h"
#include "auditor/decide.h"
#include "auditor/rev_find.h"
#include "base/limit.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"
#include "tests/unit/ctlog/made_sct.h"

/* Our own orders, and what the logs show of them. */

#define FINDINGS "select coalesce(string_agg(kind || ' ' || state || ' ' || " \
	"severity || ' ' || owner, ',' order by kind, owner, id), '') from " \
	"finding"
#define EVENTS	"select coalesce(string_agg(v.event, ',' order by v.at, " \
	"v.event), '') from finding_event v"
#define LOGGED	"certificate.not_logged "
#define LOST	"certificate.not_received "

/* Milliseconds, ${x} SQL of an interval ago. */
#define AGO(x)	"(extract(epoch from now() - interval '" x "') * 1000)::bigint"

/*
 * ours(T, NAMES): received three days ago with SCTs of logs 1 and 2 (hash
 * 01, 02), and expected.  read_to(LOG, AGE): a head of that age, read from the beginning.
 */
static const char functions[] =
    "create or replace function ours(t text, n text[]) returns void "
    "language sql as $$ insert into acme_received (tbs_sha256, order_id, "
    "names, serial, not_after, der, received_at) values (hash(t), 1, n, "
    "'01', now() + interval '80 days', '\\x30', now() - interval '3 days');"
    "insert into expectation (kind, spki_sha256, not_before_ms, "
    "not_after_ms, state, origin, author) values ('issuance', hash('b9'), "
    "0, 0, 'fulfilled', 'acme', 'me');"
    "update acme_order set expectation = coalesce(expectation, (select "
    "max(id) from expectation)) where id = 1;"
    "insert into acme_promise select hash(t), decode(repeat(l, 32), 'hex'), "
    AGO("3 days") " from unnest(array['01', '02']) l; $$;"
    "create or replace function read_to(l int, age interval) returns void "
    "language sql as $$ with h as (insert into tree_head (log_ref, "
    "tree_size, root_hash, timestamp_ms, form, raw, verdict) select l, "
    "coalesce(max(tree_size), 90) + 10, hash('cc'), (extract(epoch from "
    "now() - age) * 1000)::bigint, 'sth', 'raw', 'valid' from tree_head "
    "where log_ref = l returning id, tree_size) insert into log_range "
    "(log_ref, size_from, size_to, frontier, root_hash, head_id) select l, "
    "0, tree_size, '', hash('cc'), id from h on conflict (log_ref, "
    "size_from) do update set size_to = excluded.size_to, head_id = "
    "excluded.head_id; $$;";

/* Without policies. */
static struct conf	conf;

static inline int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(functions);
	sql(audit_truncate);
	sql("truncate acme_account, managed_certificate, acme_order, "
	    "acme_received, acme_promise, watch restart identity cascade;"
	    "insert into operator (name) values ('op');"
	    "insert into log (log_id, operator_id, description, protocol, url, "
	    "read_url, key, mmd, state, list_source, first_list) values "
	    "(hash('01'), 1, 'log one', 'rfc6962', 'u', 'u', 'k', 86400, "
	    "'usable', 'file', true), (hash('02'), 1, 'log two', 'static', "
	    "'u', 'u', 'k', 86400, 'usable', 'file', true);"
	    "insert into watch (pattern, owner, origin, added_at) values "
	    "('.example', 'web', 'cli', now() - interval '9 days'), "
	    "('a.example', 'mail', 'cli', now() - interval '9 days'), "
	    "('b.example', 'other', 'cli', now() - interval '9 days');"
	    "insert into acme_account (directory, url, key_id, thumbprint) "
	    "values ('d', 'u', 'k', 't');"
	    "insert into managed_certificate (name, names, origin, key_kind, "
	    "directory) values ('a.example', '{a.example}', 'cli', 'p256', "
	    "'d');"
	    "insert into acme_order (managed_id, account_id, state, "
	    "spki_sha256, added_at) values (1, 1, 'valid', hash('bb'), now() - "
	    "interval '3 days')");
	memset(&conf, 0, sizeof(conf));
	return 0;
}

static inline void
begin(void)
{
	struct err	e = ERR_INIT;

	if (db_begin(db, &e) == -1)
		fail_msg("%s", e.msg);
}

static inline void
commit(void)
{
	struct err	e = ERR_INIT;

	if (db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
}

static inline void
sweep(void)
{
	struct err	e = ERR_INIT;

	begin();
	if (loop_find_time(db, &conf, &e) == -1)
		fail_msg("%s", e.msg);
	commit();
}

#endif
