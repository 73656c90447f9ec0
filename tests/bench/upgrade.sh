#!/bin/bash
# What the migration to schema 6 costs: ROWS issuances (of 3 names each, facts of
# the size that they have with one watch) in a database of schema 5, on disk, on
# a PostgreSQL as it comes, then `certvigil db migrate`.
#
#   bash tests/bench/upgrade.sh build/release     # ROWS=1000000
#
# Seconds; sizes of the table and of names before and after; the most that the
# server's folder took meanwhile above what it took before.

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
unset CERTVIGIL_TEST_DB
CERTVIGIL_TEST_DB=none t_begin upgrade "${1:-}"
rows=${ROWS:-1000000}
pg_start disk || exit 1
own_pg=1

db=$(t_conninfo upgrade)
admin_sql 'create database upgrade'
sql "create table schema_migration (number int primary key, name text not null,
    sha256 bytea not null, applied_at timestamptz not null default now())"
for f in schema/000[1-5]_*.sql; do
	n=$(basename "$f" .sql)
	"$psql" -AtXq1 -v ON_ERROR_STOP=1 -d "$db" -f "$f" >/dev/null || exit 2
	sql "insert into schema_migration values (${n%%_*}, '$n',
	    decode('$(sha256sum "$f" | cut -d' ' -f1)', 'hex'))"
done

sql "insert into issuance (tbs_sha256, issuer_spki_sha256, serial, spki_sha256,
    key_type, names, issuer, not_before, not_after, issued, logged_at, decision,
    rule, rule_reason, facts, decided_at, said)
    select sha256(('t' || i)::bytea), sha256(('ca' || i % 40)::bytea),
    md5(i::text), sha256(('k' || i)::bytea), 'p256', n,
    'C=ZZ, O=Rig Trust, CN=Rig Trust CA ' || i % 40, t, t + interval '90 days',
    'valid', t, 'baseline', 5, 'its log index lies below the log''s first head '
    'that was verified after its watch was added',
    jsonb_build_object('caa', null, 'served_at', '[]'::jsonb, 'at', t,
    'logged_first', t, 'issued', 'valid', 'proven', true, 'issuer_owner', null,
    'issuer_usual_for', '[]'::jsonb, 'key', 'new', 'key_type', 'p256',
    'source', null, 'expectation', 0, 'known', 0, 'watches', jsonb_build_array(
    jsonb_build_object('id', 1, 'pattern', '.corp.example', 'owner', '',
    'policy', '', 'name', n[1], 'fold', n[1], 'baseline', true)), 'entries',
    jsonb_build_array(jsonb_build_object('log_ref', 1, 'index', i * 7,
    'timestamp_ms', 1795859053977 + i), jsonb_build_object('log_ref', 2,
    'index', i * 5, 'timestamp_ms', 1795859053979 + i)), 'twins', '[]'::jsonb,
    'owners', jsonb_build_array(jsonb_build_object('owner', '', 'decision',
    'baseline', 'rule', 5, 'kind', null, 'severity', null, 'digest_only', false,
    'reason', 'its log index lies below the log''s first head that was verified '
    'after its watch was added', 'policy', '', 'name', n[1], 'baseline', true,
    'issuer_usual', false, 'hold_until', null))), t,
    sha256(('said' || i % 9)::bytea)
    from (select i, now() - i * interval '1 s' as t, array[
    'host' || i || '.corp.example', 'www.host' || i || '.corp.example',
    case when i % 100 = 0 then 'API' else 'api' end || '.host' || i ||
    '.corp.example'] as n from generate_series(1, $rows) i) x" || exit 2
sql "insert into certificate_name (tbs_sha256, name) select tbs_sha256,
    lower(unnest(names)) from issuance; analyze" || exit 2
sql checkpoint

size()
{
	sql "select pg_size_pretty(pg_total_relation_size('issuance')) ||
	    ', names ' || pg_size_pretty(
	    pg_total_relation_size('certificate_name'))"
}
disk()
{
	du -sm "$CERTVIGIL_TEST_PG/data" 2>/dev/null | cut -f1
}

rig=http://127.0.0.1:9 t_conf upgrade
before=$(disk)
echo "rows $rows, before: issuance $(size)"
(
	most=0
	while sleep 0.3; do
		now=$(disk)
		[ "$now" -le "$most" ] || echo $((most = now))
	done
) > "$T/most" &
watch=$!
wal=$(sql "select pg_current_wal_lsn() - '0/0'")
t=$(date +%s%N)
cv db migrate
t=$((($(date +%s%N) - t) / 1000000))
[ $rc -eq 0 ] || show
kill "$watch"
wait "$watch" 2>/dev/null
echo "after: issuance $(size)"
echo "migrate: $t ms; disk meanwhile: $(($(tail -n 1 "$T/most") - before)) MB" \
    "more than the $before MB before; write-ahead log $(sql "select
    ((pg_current_wal_lsn() - '0/0' - $wal) / 1000000)::int") MB"
[ $rc -eq 0 ]
