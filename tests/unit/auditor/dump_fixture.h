#ifndef TESTS_UNIT_AUDITOR_DUMP_FIXTURE_H
#define TESTS_UNIT_AUDITOR_DUMP_FIXTURE_H

#include "tests/unit/testdb.h"

/* A database with something in every corner that a restore touches. */
static inline void
dump_fill(struct db *db)
{
	testdb_run(db, "insert into operator (name) values ('o');"
	    "insert into log (log_id, operator_id, description, protocol, url,"
	    " read_url, key, mmd, state, list_source, first_list) values"
	    " ('\\x01', 1, 'l', 'static', 'u', 'u', '\\x02', 86400, 'usable',"
	    " 'chrome', true);"
	    "select entry_partition(1);"
	    "insert into entry (log_ref, index, timestamp_ms, entry_type,"
	    " leaf, leaf_hash) select 1, i, 0, 'x509', '\\x00ff', '\\x01'"
	    " from generate_series(1, 100) i;"
	    "insert into certificate (sha256, not_after, tbs_sha256, form,"
	    " der) values ('\\x01', '2026-12-01', '\\x02', 'x509', '\\x03');"
	    "insert into finding (kind, subject, dedupe_key, severity)"
	    " values ('k', 's', 'd', 'high');"
	    "insert into finding_event (finding_id, event) values"
	    " (1, 'opened');"
	    "insert into delivery (channel, webhook_id, events, state) select"
	    " 'c', gen_random_uuid(), '{}', s from unnest('{pending,sending,"
	    "delivered}'::text[]) s;"
	    "insert into work (kind, subject, holder, lease_until, token)"
	    " values ('log', '1', 'h:1', now() + interval '1 h', 7);"
	    "insert into worker (id, host, pid, version, schema_version,"
	    " roles, last_seen) values ('h:1', 'h', 1, '0', 1, '{}',"
	    " now() - interval '1 h')");
	testdb_run(db,
	    "insert into audit_trail (actor, action) values ('a', '1')");
	testdb_run(db, "insert into audit_trail (actor, action, detail) values"
	    " ('a', '2', '{\"x\": [1, 2]}')");
}

#endif
