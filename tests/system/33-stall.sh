#!/bin/bash
# A log that accepts and never answers, one that gives a byte a second, one whose
# bodies are bombs, one that only says "later": none of them delays another log.
#
#   bash tests/system/33-stall.sh build/release
#
# takes: 11

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 33-stall "${1:-}"

bad='stall slow gzip_bomb 429_bare html_page'
args=(--log good --log tiled,proto=static --log half,proto=static --log hung)
for l in $bad; do
	args+=(--log "${l//_/-}" --log "${l//_/-}-tiled,proto=static")
done
t_rig "${args[@]}"
post "/_rig/hung/fill?n=600&seed=1" >/dev/null
t_db stall
poll=1s t_conf stall 'watch: [.corp.example]'
once
eq "first read" $rc 0
for l in $bad; do
	for t in '' -tiled; do
		post "/_rig/${l//_/-}$t/fill?n=600&seed=1" >/dev/null
		lie "${l//_/-}$t" "$l"
	done
done
# These do not come at all, and it is asked for as many as there may be: all of
# these logs are one host.
lie hung stall kind=get-entries
post "/_rig/hung/fill?n=20000&seed=2" >/dev/null
# its head is fine, its pages are not
post "/_rig/half/fill?n=600&seed=1" >/dev/null
lie half 500 kind=data
start
ok "runs" wait_for 30 grep -q 'names watched' "$T/run.log"
for k in 1 2 3; do
	for l in good tiled; do
		post "/_rig/$l/fill?n=300&seed=$k" >/dev/null
		t_issue --name "n$k.corp.example" --submit "$rig/$l" \
		    --final-submit --out "$T/c" >/dev/null
	done
	ok "round $k: the others are read at once" wait_sql 15 4 \
	    "select count(*) from entry_match where name = 'n$k.corp.example'"
done
ok "what holds a turn up is told before it ends" wait_sql 30 t "select
    h.failing_since is null and h.last_error is not null from log_health h
    join log l on l.id = h.log_ref where l.url like '%/half/'"
for k in 1 2; do
	size=$(post "/_rig/hung/fill?n=100&seed=$k" |
	    sed 's/.*"tree_size":\([0-9]*\).*/\1/')
	ok "head $k of a log whose pages do not come" wait_sql 30 t "select
	    h.head_size = $size and coalesce(max(g.size_to), 0) < $size
	    from log_health h join log l on l.id = h.log_ref left join log_range g
	    on g.log_ref = l.id where l.url like '%/hung/' group by h.head_size"
done
eq "no finding about a log" "$(sql "select count(*) from finding
    where kind like 'log.%'")" 0
lie hung fork mode=head
ok "and that it shows two trees of one size" wait_sql 10 fork "select
    detail->>'what' from finding where kind = 'log.misbehaved'"
pss=$(for p in $(pids_of "$run_pid"); do
	cat "/proc/$p/smaps_rollup" 2>/dev/null
done | awk '/^Pss:/ { s += $2 } END { print int(s / 1024) }')
# 512 MiB bombs are not inflated
ok "memory stays small ($pss MB)" test "$pss" -gt 0 -a "$pss" -lt 300
stop
eq "SIGTERM" $rc 0
t_end
