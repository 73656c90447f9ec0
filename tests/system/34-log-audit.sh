#!/bin/bash
# The audit of logs: a head that contradicts one of before is shown by a path
# that convinces a third party; a read-only log that is read to its end may go;
# heads that nothing needs are removed.
#
#   bash tests/system/34-log-audit.sh build/release
#
# takes: 16

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 34-log-audit "${1:-}"

# The evidence of log.misbehaved holds, and has these statements.
evidence()
{
	cv evidence export "$(sql "select id from finding where
	    kind = 'log.misbehaved'")"
	eq "$1: export" $rc 0
	[ $rc -eq 0 ] || show
	cp "$T/out" "$T/e.json"
	get "$rig/$list" > "$T/list.json"
	cv evidence verify --log-list "$T/list.json" "$T/e.json"
	eq "$1: verify" $rc 0
	[ $rc -eq 0 ] || show
	ok "$1: shows $2" grep -q "\"$2\"" "$T/e.json"
	# a digit more of it
	sed 's/"tree_size": \([0-9]\)/"tree_size": 1\1/' "$T/e.json" > "$T/f.json"
	cv evidence verify --log-list "$T/list.json" "$T/f.json"
	eq "$1: changed" $rc 2
}

# What is over is behind nothing, and current in the report.
covered()
{
	sql "update log_health set head_at = now() - interval '7 hours',
	    caught_up_at = now() - interval '7 hours' where log_ref = (select
	    id from log where state = 'readonly')"
	cv coverage
	eq "coverage, $1" $rc 0
	cv audit --format json
	eq "report, $1" "$rc $(grep -c '"current": *false' "$T/out")" "0 0"
}

t_rig --log "a" --log "b,proto=static"
for l in a b; do
	post "/_rig/$l/fill?n=300&seed=7" >/dev/null
done
t_db audit
t_conf audit 'watch: [".corp.example"]'
once
eq "honest" $rc 0
[ $rc -eq 0 ] || show

# The larger tree is another one: its own proof says so.
for l in a b; do
	post "/_rig/$l/fill?n=100&seed=8" >/dev/null
	lie $l fork 'at=299'
	once
	eq "$l: another tree that grew" $rc 2
	eq "$l: what" "$(sql "select detail->>'what' from finding
	    where kind = 'log.misbehaved'")" fork
	evidence "$l, grown" inconsistent
	post "/_rig/$l/honest" >/dev/null
	once
	eq "$l: honest again" $rc 0
	sql "truncate finding cascade"
done

# Two trees of one size, of which no entry is given: the heads are the proof.
# When they are given, the head that is not their tree is marked.
post "/_rig/a/fill?n=50&seed=9" >/dev/null
lie a fork 'mode=alternate&at=430'
lie a 429_seconds 'n=600&kind=get-entries'
once
once
eq "two heads" "$rc $(sql "select detail->>'what' from finding where
    kind = 'log.misbehaved'")" "2 fork"
evidence "two heads" fork
sql "truncate finding cascade"
post "/_rig/a/honest" >/dev/null
sql "update ask_rate set hold_until = null, head_until = null" || fail sql
once
eq "and the entries" "$rc $(sql "select string_agg(distinct consistency, ' '
    order by consistency) from tree_head where log_ref = 1 and tree_size = 450")" \
    "2 conflict proved"
sql "truncate finding cascade"
once
eq "said once" "$rc $(sql 'select count(*) from finding')" "0 0"

# It grew, and its head is older than the one before.
post "/_rig/b/fill?n=10&seed=9" >/dev/null
lie b backwards_timestamp n=3600
once
eq "back in time" "$rc $(sql "select detail->>'what' from finding")" \
    "0 timestamp"
evidence "back in time" head
sql "truncate finding cascade"
post "/_rig/b/honest" >/dev/null
once
eq "and well again" "$rc $(sql 'select count(*) from finding')" "0 0"

# A front-end that is behind makes the log no smaller.
size=$(sql "select head_size from log_health where log_ref = 2")
lie b shrink 'times=1&n=300'
once
eq "a front-end that is behind" "$rc $(sql "select head_size from log_health
    where log_ref = 2") $(sql "select consistency from tree_head where
    log_ref = 2 and tree_size < $size order by last_seen desc limit 1")" \
    "0 $size smaller"

# Nor does one path that is wrong make it a liar.
lie a shrink 'times=1&n=9'
lie a consistency_bad times=1
once
eq "behind, and one wrong path" "$rc $(sql 'select count(*) from finding') $(sql "
    select consistency from tree_head where log_ref = 1
    order by last_seen desc, id desc limit 1")" "0 0 smaller"
[ $rc -eq 0 ] || show
post "/_rig/a/honest" >/dev/null

# A path that is wrong says nothing of a head that waits: it goes on waiting.
waits()
{
	sql "select string_agg(distinct consistency, ' ') from tree_head
	    where log_ref = 1 and tree_size = 300"
}
sql "update tree_head set consistency = 'pending' where log_ref = 1 and
    tree_size = 300" || fail sql
lie a consistency_bad
once
eq "a wrong path" "$rc $(sql 'select count(*) from finding') $(waits)" \
    "0 0 pending"
post "/_rig/a/honest" >/dev/null
once
eq "and the right one" "$rc $(sql 'select count(*) from finding') $(waits)" \
    "0 0 proved"

# Behind one that the log does not prove, others are compared all the same.
sql "update tree_head set consistency = 'pending' where id in (select id from
    tree_head where log_ref = 1 and consistency = 'proved' and tree_size > 0 and
    tree_size < (select max(tree_size) from tree_head where log_ref = 1)
    order by id limit 3)" || fail sql
lie a 404 'times=1&kind=get-sth-consistency'
once
eq "one is not proven" "$rc $(sql 'select count(*) from finding') $(sql "select
    count(*) from tree_head where log_ref = 1 and consistency = 'pending'")" \
    "0 0 1"
post "/_rig/a/honest" >/dev/null
once
eq "until it is" "$(sql "select count(*) from tree_head where log_ref = 1 and
    consistency = 'pending'")" 0

# Read-only: an old head is no fault, and a log that is over may be gone.
post "/_rig/a/state?state=readonly" >/dev/null
once
eq "read-only" "$rc $(sql 'select count(*) from finding')" "0 0"
eq "polls are rare" "$(sql "select due_at > now() + interval '1 hour' from work
    where kind = 'tail' and subject = (select id::text from log where
    state = 'readonly')")" t
covered "hours after the last"
# It shows less than it ended with: that is read, and not all there is.
final()
{
	sql "update log set final_size = final_size + $1 where
	    state = 'readonly'; update log_health set caught_up_at =
	    now() - interval '7 hours'; update work set due_at = now()
	    where kind = 'tail'"
}
final 5
once
eq "final tree not shown" $rc 0
cv --json coverage
eq "final tree not shown: coverage" "$rc $(grep '"lag_entries": *5' "$T/out" |
    grep -c '"behind": *true')" "1 1"
final -5
once
# What it shows is larger than its final tree; or as large, and another one.
final -5
once
eq "beyond its final tree" "$rc $(sql "select detail->>'what' from finding")" \
    "2 final"
sql "truncate finding cascade"
final 5
once
sql "update log set final_root = sha256('another') where state = 'readonly';
    update work set due_at = now() where kind = 'tail'" || fail sql
once
eq "another final tree" "$rc $(sql "select detail->>'what' from finding")" \
    "2 final"
sql "update log set final_root = h.root_hash from tree_head h where
    h.log_ref = log.id and h.tree_size = log.final_size and h.consistency =
    'proved'; truncate finding cascade; update work set due_at = now() where
    kind = 'tail'" || fail sql
once
eq "the right one" "$rc $(sql 'select count(*) from finding')" "0 0"
lie a 500
once
eq "gone" $rc 0
sql "update log_health set failing_since = now() - interval '3 days'
    where failing_since is not null"
once
eq "gone for long" "$rc $(sql 'select count(*) from finding')" "0 0"
covered "when it is gone"
post "/_rig/a/honest" >/dev/null

# A day's heads but one go.
sql "insert into tree_head (log_ref, tree_size, root_hash, timestamp_ms, form,
    raw, verdict, consistency, first_seen, last_seen) select 1, n, 'r', n,
    'sth', 'raw', 'valid', 'proved', now() - interval '5 days',
    now() - interval '5 days' from generate_series(1, 500) n;
    update work set due_at = now() where kind = 'heads'" || fail sql
once
eq "heads of a day" "$(sql "select count(*) from tree_head
    where last_seen < now() - interval '1 day'")" 1
eq "and all is well" $rc 0
t_end
