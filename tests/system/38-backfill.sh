#!/bin/bash
# History: what lies before the place where a log began to be followed is read
# by many, each range once, proven on its own, and nothing of it is paged.
#
#   bash tests/system/38-backfill.sh build/release
#
# takes: 20

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 38-backfill "${1:-}"

# Requests of a kind that log $1 has had.
asked()
{
	get "$rig/_rig/$1/stats" | sed -n "s/.*\"$2\": *\([0-9]*\).*/\1/p"
}

# A log with history: 2100 entries, three certificates of ours, 2100 entries.
grow()
{
	post "/_rig/$1/fill?n=2100&seed=1" >/dev/null
	for n in a b c; do
		t_issue --name "$n.corp.example" --submit "$rig/$1" \
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

# --- without a daemon, every protocol -------------------------------------------

t_rig --log rfc --log static,proto=static --log hybrid,hybrid=1 \
    --log rsa,key=rsa,cap=64
logs='rfc static hybrid rsa'
for l in $logs; do
	grow "$l"
done
t_db back
from=now t_conf back 'watch: [.corp.example]'
once
eq "starts at its end" "$rc $(ranges rfc)" "0 4206-4206"
cv backfill --log all --step 1024
eq "status" $rc 0
[ $rc -eq 0 ] || show 40
for l in $logs; do
	eq "$l: read from the beginning" "$(ranges $l)" "0-4206"
done
eq "matches, and each once" "$(sql 'select count(*),
    count(distinct (log_ref, index)) from entry_match')" "24|24"
eq "all are of the baseline" \
    "$(sql 'select count(*) from entry_match where baseline')" 24
eq "and nothing is paged" "$(sql 'select count(*) from finding')" 0
cv baseline list --json
eq "the baseline lists them" "$rc $(grep -c . "$T/out")" "0 12"
eq "ranges of the static log" "$(sql "select string_agg(size_from || '-' ||
    size_to, ' ' order by r.id) from backfill_range r join log l on
    l.id = r.log_ref where l.description like '%static%'")" \
    "3072-4206 2304-3072 1280-2304 0-1280"
for l in $logs; do
	case $l in
	static|hybrid)	kind=data ;;
	*)		kind=get-entries ;;
	esac
	eval "n_$l=$(asked "$l" "$kind")"
done
cv backfill --log all --step 1024
eq "again: nothing is left" "$rc $(grep -c 'nothing is left' "$T/err")" '0 4'
once
eq "the tail goes on where it was" "$rc $(ranges rfc)" "0 0-4206"
post "/_rig/rfc/fill?n=100&seed=3" >/dev/null
once
eq "and the range grows at its end" "$rc $(ranges rfc)" "0 0-4306"

# --- what is asked for badly -------------------------------------------------------

said()
{
	local what=$1 want=$2 text=$3

	shift 3
	cv backfill "$@"
	eq "$what: status" $rc "$want"
	eq "$what: one line" "$(grep -c . "$T/err") $(grep -c "$text" \
	    "$T/err")" "1 1"
	[ "$(grep -c "$text" "$T/err")" -eq 1 ] || show
}
said "a name that is nearly right" 1 "nearest is .Rig log rfc." --log "Rig log rcf"
said "a name that fits none" 1 'there is no log .qqq' --log qqq
said "a name that fits many" 64 'fits 4 logs' --log rig
said "a range beyond the tree" 64 '4306 entries: --range 0-9999 reaches' \
    --log rfc --range 0-9999
said "a range that is none" 64 'is no range' --log rfc --range 9-3
said "the future" 64 'is in the future' --log rfc --since 2099-01-01
said "a date that is none" 64 'never. is no date' --log rfc --since never
said "another step" 64 'multiples of 256' --log rfc --step 1000
cv backfill cancel 99
eq "cancel: none" "$rc $(grep -c 'no back-fill 99' "$T/err")" '1 1'
cv backfill cancel 1
eq "cancel: over" "$rc $(grep -c 'it is done' "$T/err")" '64 1'
t_kill "$rig_pid"

# --- two workers of a daemon, one killed --------------------------------------------

rm -rf "$T/rig"
t_rig --log rfc --log static,proto=static
for l in rfc static; do
	grow "$l" 9000
done
t_db two
from=now poll=1s t_conf two 'watch: [.corp.example]'
start --workers 2
ok "both logs start at their end" wait_sql 20 2 \
    'select count(*) from log_range where size_to = 11106'
entries_rfc=$(asked rfc get-entries) data_static=$(asked static data)
cv backfill --log all --step 1024
eq "followed: status" $rc 0
[ $rc -eq 0 ] || show
eq "followed: all is proven" "$(ranges rfc) $(ranges static)" '0-11106 0-11106'
eq "each entry once" "$(sql 'select count(*), count(distinct (log_ref, index))
    from entry_match')" '12|12'
# 256 a page, and one more where a range ends within one
eq "each tile once" "$(($(asked static data) - data_static))" 44
ok "each page once" test $(($(asked rfc get-entries) - entries_rfc)) -le 64
eq "both workers read" "$(sql 'select count(distinct worker) from
    backfill_range')" 2
stop

# --- wrong bytes in the middle ---------------------------------------------------

for l in rfc static; do
	post "/_rig/new?log=bad$l,proto=${l/#rfc/rfc6962}" >/dev/null
	grow "bad$l"
done
t_db bad
from=now t_conf bad 'watch: [.corp.example]'
once
# told once: it is read anew, and nobody hears of it
lie badrfc consistency_bad 'times=1'
lie badstatic tile_bitflip 'times=1'
for l in badrfc badstatic; do
	cv backfill --log $l --range 3072-4206
	eq "$l: a proof is wrong once" \
	    "$rc $(ranges $l) $(grep -c 'reading again' "$T/err")" \
	    '0 3072-4206 1'
done
eq "no finding" "$(sql "select count(*) from finding")" 0
for l in badrfc badstatic; do
	lie $l bitflip 'index=1500'
done
for l in badrfc badstatic; do
	cv backfill --log $l --step 1024
	eq "$l: status" $rc 2
	eq "$l: all but that range is proven" "$(ranges $l)" \
	    '0-1280 2304-4206'
	ok "$l: said" grep -q 'history, entries 1280 to 2304' "$T/err"
done
eq "a finding a log" "$(sql "select kind, severity, count(*) from finding
    where kind = 'log.misbehaved' group by 1, 2")" 'log.misbehaved|critical|2'
cv backfill --log badrfc
eq "it stays open" "$rc $(ranges badrfc)" '2 0-1280 2304-4206'
eq "and is said once" "$(sql "select count(*) from finding where
    kind = 'log.misbehaved'")" 2
# beside a daemon, too, it is not waited for without end
echo 'worker: {lease: 1s}' >> "$conf"
start
ok "a daemon" wait_sql 20 1 "select count(*) from worker where last_seen >
    now() - interval '1 second'"
cv backfill --log badrfc
eq "beside a daemon: it stays open" "$rc $(ranges badrfc)" '2 0-1280 2304-4206'
ok "and who goes on is said" grep -q 'The daemon goes on with it' "$T/err"
eq "its log says nothing new" "$(grep -c 'misbehaves\|reading again' \
    "$T/run.log")" 0
stop
# a log that wants us to wait for longer than that is waited for
t_db held
from=now poll=1s t_conf held 'watch: [.corp.example]' 'worker: {lease: 1s}'
start
ok "a daemon again" wait_sql 20 4 'select count(*) from log_range'
lie static 429_seconds 'n=6&times=1&kind=data'
cv backfill --log 'Rig log static' --step 1024
eq "held: it is followed to its end" "$rc $(ranges 'log static')" '0 0-11106'
[ $rc -eq 0 ] || show
ok "held: until when is said" grep -q \
    'static: the log asked us to wait until 2.*Z (Retry-After)' "$T/err"
eq "held: once in the log" "$(grep -c 'asked us to wait' "$T/run.log")" 1
stop
for l in badrfc badstatic; do
	post "/_rig/$l/honest" >/dev/null
done
cv backfill --log badrfc
eq "honest again" "$rc $(ranges badrfc)" '0 0-4206'
cv backfill --log badstatic
eq "honest again" "$rc $(ranges badstatic)" '0 0-4206'

t_end
