#!/bin/bash
# What a log says about how fast it may be asked is kept, shared and obeyed: a
# log that refuses pages is still asked for its head, also after a restart and
# by another worker; several source addresses take turns; a head that did not
# change costs no body.
#
#   bash tests/system/34-rate.sh build/release
#
# takes: 12

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 34-rate "${1:-}"

# requests LOG KIND, of LOG since the rig began
requests()
{
	get "$rig/_rig/$1/stats" | json_int "$2"
}

more_heads()
{
	[ "$(requests "$1" get-sth)" -gt "$2" ]
}

t_rig --log loud,operator=Loud --log mild,operator=Mild,gzip=1 \
    --log same,operator=Same,etag=1,proto=static
t_db rate
for l in loud mild same; do
	post "/_rig/$l/fill?n=600&seed=1" >/dev/null
done
sources='fetch: {source_addresses: [127.0.0.2, 127.0.0.3, 192.0.2.77]}'
poll=1s t_conf rate 'watch: [.corp.example]'
once
eq "first read" $rc 0
loud=$(get "$rig/_rig/loud/stats" | json_int bytes)
mild=$(get "$rig/_rig/mild/stats" | json_int bytes)
ok "pages come compressed ($mild bytes of $loud)" \
    test "$mild" -lt $((loud * 9 / 10))

# --- pages are refused, heads are not -----------------------------------------------

lie loud 429_seconds 'n=300&kind=get-entries'
post '/_rig/loud/fill?n=600&seed=2' >/dev/null
start
ok "the refusal is known to all" wait_sql 10 2 "select count(*) from ask_rate
    where subject in ('Loud (private)', (select id::text from log
    where url like '%/loud/')) and hold_until > now() + interval '100 s'"
pages=$(requests loud get-entries)
heads=$(requests loud get-sth)
ok "its head is asked as ever" wait_for 10 more_heads loud $((heads + 2))
eq "no page is" "$(requests loud get-entries)" "$pages"
eq "the other operator was not held" "$(sql "select count(*) from ask_rate
    where hold_until is not null and subject like 'Mild%'")" 0
eq "refused at" "$(sql "select count(*) from log_health
    where throttled_at is not null")" 1

# --- another worker, and a restart ------------------------------------------------

kill -9 "$run_pid"
wait "$run_pid" 2>/dev/null
run_pid=
heads=$(requests loud get-sth)
post '/_rig/mild/fill?n=300&seed=3' >/dev/null
start
ok "after a restart the head is asked" \
    wait_for 10 more_heads loud $((heads + 1))
eq "and still no page" "$(requests loud get-entries)" "$pages"
ok "the others are read" wait_sql 10 900 "select size_to from log_range r
    join log l on l.id = r.log_ref where l.url like '%/mild/'"

# --- a head that did not change -----------------------------------------------------

unchanged()
{
	[ "$(get "$rig/_rig/same/stats" | json_int unchanged)" -ge 2 ]
}

ok "an unchanged head has no body" wait_for 10 unchanged
ok "and was seen now" wait_sql 10 1 "select count(*) from tree_head h
    join log l on l.id = h.log_ref where l.url like '%/same/' and
    h.last_seen > now() - interval '3 seconds' and h.tree_size = 600"
post '/_rig/same/fill?n=300&seed=4' >/dev/null
ok "one that did is read" wait_sql 10 900 "select size_to from log_range r
    join log l on l.id = r.log_ref where l.url like '%/same/'"

# --- the head itself is refused -----------------------------------------------------

lie mild 429_seconds 'n=300&kind=get-sth'
ok "the head is left alone" wait_sql 10 1 "select count(*) from ask_rate
    where kind = 'log' and head_until > now() + interval '100 s'"
heads=$(requests mild get-sth)
stop
start
sleep 2.5
eq "also after a restart" "$(requests mild get-sth)" "$heads"
stop

# --- addresses ----------------------------------------------------------------------

t_rig --log loud,operator=Loud --log mild,operator=Mild
t_db rate2
post '/_rig/loud/fill?n=9000&seed=5' >/dev/null
lie loud cap 'n=100'
poll=1s t_conf rate2 'watch: [.corp.example]' "$sources"
once
eq "from two addresses" $rc 0
[ $rc -eq 0 ] || show
ok "one that this machine has not is said" grep -q 'no address 192.0.2.77' \
    "$T/err"
get "$rig/_rig/loud/stats" > "$T/stats"
a=$(sed -n 's/.*"127.0.0.2":\([0-9]*\).*/\1/p' "$T/stats")
b=$(sed -n 's/.*"127.0.0.3":\([0-9]*\).*/\1/p' "$T/stats")
ok "both are used alike (${a:-0} and ${b:-0})" \
    test "${a:-0}" -gt 20 -a "${b:-0}" -gt 20
eq "and no other" "$(grep -c '"127.0.0.1":' "$T/stats")" 0
cv doctor --no-color
ok "doctor says it, too" grep -q 'source .*192.0.2.77' "$T/out"
ok "doctor says what logs cost" grep -Eq \
    '^ok +download +2 logs grow by [0-9.]+ million entries a day' "$T/out"
ok "and what the database takes" grep -Eq '^(ok|warn) +growth +database of' \
    "$T/out"
eq "each has buckets of its own" "$(sql "select string_agg(distinct source,
    ' ') from ask_rate")" '127.0.0.2 127.0.0.3'
t_end
