#!/bin/bash
# History: what lies before the place where a log began to be followed is read
# by many, each range once, proven on its own, and nothing of it is paged.
#
#   bash tests/system/34-backfill.sh build/release
#
# takes: 12

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 34-backfill "${1:-}"

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
t_end
