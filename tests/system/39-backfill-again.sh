#!/bin/bash
# History from a date on, for a watch that came later, and by a command that is
# killed in the middle: nothing is lost, doubled or paged.
#
#   bash tests/system/39-backfill-again.sh build/release
#
# takes: 12

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 39-backfill-again "${1:-}"

# Requests of a kind that log $1 has had.
asked()
{
	get "$rig/_rig/$1/stats" | sed -n "s/.*\"$2\": *\([0-9]*\).*/\1/p"
}

# A log with history: 2100 entries, three certificates of ours and one of others, 2100 entries.
grow()
{
	post "/_rig/$1/fill?n=2100&seed=1" >/dev/null
	for n in a.corp b.corp c.corp x.other; do
		t_issue --name "$n.example" --submit "$rig/$1" \
		    --final-submit --out "$T/c" >/dev/null
	done
	post "/_rig/$1/fill?n=${2:-2100}&seed=2" >/dev/null
}

ranges()
{
	sql "select string_agg(size_from || '-' || size_to, ' ' order by
	    l.description, size_from) from log_range g join log l on
	    l.id = g.log_ref where l.description like '%$1%'"
}

# --- since a date -------------------------------------------------------------------

t_rig --log rfc,mmd=1 --log static,proto=static,mmd=1 --log slow,cap=16
for l in rfc static; do
	post "/_rig/$l/fill?n=3000&seed=1" >/dev/null
done
sleep 2.5
since=$(date -u +%FT%TZ)
for l in rfc static; do
	grow "$l"
done
t_db since
from=now t_conf since 'watch: [.corp.example]'
once
eq "starts at its end" "$rc $(ranges rfc)" "0 7208-7208"
cv backfill --log all --since "$since" --step 1024
eq "since: status" $rc 0
[ $rc -eq 0 ] || show
for l in rfc static; do
	at=$(ranges $l)
	at=${at%-7208}
	ok "$l: begins where the date does: $at" test "$at" -gt 2400 -a \
	    "$at" -le 3000
done
eq "all of ours" "$(sql 'select count(*) from entry_match')" 12
cv backfill --log all --since "$since"
eq "since: again" "$rc $(sql 'select count(*) from backfill
    where entries_read > 0')" '0 2'

# --- for a watch that came later ------------------------------------------------------

cv watch list --json
eq "covered since then" "$(sed -n 's/.*"covered_from":"\([^"]*\)".*/\1/p' \
    "$T/out")" "$since"
sleep 1
cv watch add .other.example
eq "said: not covered" "$rc $(grep -c 'Not covered: everything before now in 2' \
    "$T/err")" '0 1'
sed -i 's/^watch: \[/&.third.example, /' "$conf"
cv config apply
eq "said of one of the configuration" "$rc $(grep -c 'Not covered' "$T/err")" \
    '0 1'
cv watch add .other.example --backfill tomorrow
eq "no date" "$rc $(grep -c 'backfill: .tomorrow. is neither a date' "$T/err")" '64 1'
cv watch add .other.example --backfill all
eq "entered" "$rc $(grep -c 'logs will be read for it' "$T/err")" '0 1'
cv watch add .late.example --backfill all
eq "a second one: read once for both" "$rc $(sql "select count(*) from backfill
    where state = 'open'")" '0 2'
# a log that says "later" is left alone for a while, and what is to be read stays
lie rfc 429_seconds 'n=1&times=2&kind=get-entries'
for l in rfc static; do
	cv backfill --log $l --again
	eq "$l: again" $rc 0
	[ $rc -eq 0 ] || show
	eq "$l: all of it now" "$(ranges $l)" "0-7208"
done
eq "its matches too, and each once" "$(sql "select string_agg(n || ' ' || c,
    ' ' order by n) from (select substr(name, 3) as n, count(*) as c from
    entry_match group by 1) x")" 'corp.example 12 other.example 4'
eq "nothing is paged" "$(sql 'select count(*) from finding')" 0
eq "all are of the baseline" \
    "$(sql 'select count(*) from entry_match where not baseline')" 0
cv backfill --log rfc --again
eq "nothing is left" "$rc $(grep -c 'nothing is left' "$T/err")" '0 1'

cv watch list --json
eq "covered from the beginning" "$(grep -c '"covered_from":null' "$T/out")" 4
cv coverage --json
eq "coverage says from where on" \
    "$(grep -c '"verified_from":0' "$T/out")" 3

# --- shards ---------------------------------------------------------------------------

post "/_rig/new?log=old,from=2025-01-01T00:00:00Z,to=2026-01-01T00:00:00Z" >/dev/null
post "/_rig/new?log=new,from=2026-01-01T00:00:00Z,to=2027-01-01T00:00:00Z" >/dev/null
post "/_rig/old/fill?n=300&seed=1" >/dev/null
post "/_rig/new/fill?n=300&seed=1" >/dev/null
t_db shards
from=now t_conf shards 'watch: [.corp.example]'
once
cv backfill --log all --not-after 2026-01-01 --no-wait --json
eq "not after: which logs" "$rc $(sql "select string_agg(distinct
    replace(l.description, 'Rig log ', ''), ' ') from backfill b join log l on
    l.id = b.log_ref")" "0 new rfc static"
eq "not after: which ones not" "$(grep -c '"state":"left_out"' "$T/out") $(
    sed -n 's/.*"description":"\([^"]*\)","state":"left_out","not_after_below":"\(.*\)"}/\1 \2/p' \
    "$T/out")" "1 Rig log old 2026-01-01T00:00:00Z"
eq "not after: what was entered" "$(grep -c '"state":"open"' "$T/out")" 3
cv backfill --log new --no-wait
eq "said, with where to look" "$rc $(cat "$T/out")$(grep -c '^1 log will be read.*backfill list' \
    "$T/err")" "0 1"
cv backfill --log old --not-after 2026-01-01
eq "one that is left out" "$rc $(cat "$T/err")" "0 Rig log old: left out, its \
certificates all expire before 2026-01-01T00:00:00Z"
cv backfill cancel 1
eq "cancelled" "$rc $(sql "select state from backfill where id = 1")" \
    '0 cancelled'
cv backfill list --json
eq "list: those that are open" "$(grep -c '"state":"open"' "$T/out")" 2
cv backfill list --all --json
eq "list: all" "$(grep -c '"id":' "$T/out")" 3
cv backfill --log all
eq "the others are read" "$rc $(ranges new) $(ranges old)" '0 0-300 0-300'

# --- killed in the middle -----------------------------------------------------------

grow slow 9000
t_db kill
# slow enough that there is something to kill
from=now t_conf kill 'watch: [.corp.example]' 'fetch: {max_rate: 2MB/s}'
once
"$prog" --config "$conf" backfill --log slow --step 1024 \
    > "$T/kill.out" 2>&1 &
pid=$!
pids+=("$pid")
ok "some of it is read" wait_sql 30 t "select count(*) > 1 from backfill b
    join backfill_range r on r.backfill_id = b.id join log l on
    l.id = b.log_ref where l.description like '%slow%' and size_done = r.size_to"
{ kill -9 "$pid"; wait "$pid"; } 2>/dev/null
ok "and not all" test "$(sql "select state from backfill order by id desc
    limit 1")" = open
done=$(sql 'select entries_read from backfill order by id desc limit 1')
before=$(asked slow get-entries)
from=now t_conf kill 'watch: [.corp.example]'
cv backfill --log slow
eq "goes on: status" "$rc $(ranges slow)" "0 0-11108"
[ $rc -eq 0 ] || show
ok "what was proven is not read again" test \
    $((($(asked slow get-entries) - before) * 16)) -le $((11108 - done + 300))
eq "one back-fill" "$(sql "select count(*) from backfill b join log l on
    l.id = b.log_ref where l.description like '%slow%'")" 1
eq "nothing lost, nothing twice" "$(sql "select count(*) from entry_match m
    join log l on l.id = m.log_ref where l.description like '%slow%'")" 6
# the evidence of the day has it, beside the day of the log itself
mkdir "$T/to"
[ "$(id -u)" -ne 0 ] || chown certvigil "$T/to"
get "$rig/loglist.json" > "$T/list.json"
cv coverage --from "$(sql "select min(verified_at at time zone 'UTC')::date
    from backfill_range")" --evidence "$T/to/day.json"
cv evidence verify "$T/to/day.json" --log-list "$T/list.json"
eq "evidence of the day" $rc 0
[ $rc -eq 0 ] || show
ok "says what was read of history" grep -q \
    'of history, entries 0 to 11108 were read' "$T/out"
ok "and of which log" grep -q 'attested *Rig log [a-z0-9]*: of history' "$T/out"
t_end
