#!/bin/bash
# Entries that accuse their log: one with a bit changed although every proof
# holds (Yeti2022), found by the SCT that was given for it; one outside the
# log's temporal interval.
#
#   bash tests/system/36-log-entries.sh build/release
#
# takes: 14

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 36-log-entries "${1:-}"

verify()
{
	cv evidence export "$(sql "select id from finding where
	    kind = 'log.misbehaved' and name = '$2'")"
	eq "$1: export" $rc 0
	[ $rc -eq 0 ] || show
	cp "$T/out" "$T/e.json"
	get "$rig/$list" > "$T/list.json"
	cv evidence verify --log-list "$T/list.json" "$T/e.json"
	eq "$1: verify" $rc "$3"
	[ $rc -eq "$3" ] || show 40
}

# The grades of what shows a changed bit.
flipped()
{
	sed -n '/"type": "flipped"/,/}/s/.*"grade": "\(.*\)".*/\1/p' \
	    "$T/e.json" | tr '\n' ' '
}

t_rig --log "a,index=0" --log "b,proto=static" --log honest \
    --log "c,from=2040-01-01T00:00:00Z,to=2041-01-01T00:00:00Z" \
    --log "d,proto=static,mmd=2"
for l in a b; do
	post "/_rig/$l/fill?n=20&seed=3" >/dev/null
	lie $l yeti 'times=1&kind=add-pre-chain'
done
t_issue --name flip.corp.example --submit "$rig/a" --submit "$rig/b" \
    --final-submit --out "$T/flip" > "$T/flip.json"
post "/_rig/honest/fill?n=20&seed=3" >/dev/null
t_db entries
t_conf entries 'watch: [".corp.example"]'
once
eq "all is proven" $rc 0
[ $rc -eq 0 ] || show
once
eq "what was promised is known now" $rc 2
eq "both logs kept another entry" "$(sql "select string_agg(name || ' ' ||
    severity || ' ' || (detail->>'what'), ', ' order by name) from finding
    where kind = 'log.misbehaved'")" \
    "Rig log a critical flip, Rig log b critical flip"
for l in a b; do
	verify "$l: flipped" "Rig log $l" 0
	eq "$l: shows it" "$(flipped)" "transferable "
	# only SCTs of static logs name the index that they are for (index=0: not)
	eq "$l: what would clear it" "$(grep -c get-proof-by-hash "$T/out")" \
	    $([ $l = a ] && echo 1 || echo 0)
	sed 's/"mask": 1/"mask": 2/' "$T/e.json" > "$T/f.json"
	cv evidence verify --log-list "$T/list.json" "$T/f.json"
	eq "$l: changed" $rc 2
	# a file may give a log any name: shown is what the verifier calls it
	sed 's/"Rig log \(.\)"/"Our \1"/' "$T/list.json" > "$T/l.json"
	cv evidence verify --log-list "$T/l.json" "$T/e.json"
	eq "$l: its name" "$rc $(grep -c "Rig log" "$T/out") $(grep -c \
	    "flipped *Our $l: " "$T/out")" "0 0 1"
done
once
eq "said once" $rc 0
eq "one message each" "$(sql "select count(*) from finding f join finding_event v on
    v.finding_id = f.id where f.kind = 'log.misbehaved'")" 2

# Another one is told to whom put the first away, and both can be shown.
cv findings ack "$(sql "select id from finding where name = 'Rig log a' and
    kind = 'log.misbehaved'")" --reason "mail is written"
eq "ack" $rc 0
lie a yeti 'times=1&kind=add-pre-chain'
t_issue --name flop.corp.example --submit "$rig/a" --final-submit \
    --out "$T/flop" > "$T/flop.json"
once
once
eq "another one" "$rc $(sql "select state || ' ' || (select count(*) from
    finding_event where finding_id = f.id and event = 'opened') from finding f
    where kind = 'log.misbehaved' and name = 'Rig log a'")" "2 open 2"
verify "another one" "Rig log a" 0
eq "both are shown" "$(flipped)" "transferable transferable "

# A log took what it says it does not take.
t_issue --name late.corp.example --submit "$rig/c" --out "$T/late" \
    > "$T/late.json"
once
eq "outside the interval" "$rc $(sql "select severity || ' ' ||
    (detail->>'what') from finding where kind = 'log.misbehaved' and
    name = 'Rig log c'")" "0 medium interval"
verify "interval" "Rig log c" 0
ok "interval: has the entry" grep -q '"entry_type"' "$T/e.json"
# The certificate of an entry is right, and the index that it names is not.
post "/_rig/d/fill?n=20&seed=3" >/dev/null
lie d yeti 'times=1&kind=add-pre-chain&byte=99999'
t_issue --name index.corp.example --submit "$rig/d" --final-submit \
    --out "$T/index" > "$T/index.json"
once
d()
{
	sql "select severity || ' ' || (detail->>'what') from finding where
	    kind = 'log.misbehaved' and name = 'Rig log d'"
}
eq "names another index" "$rc $(d)" "0 medium leaf_index"
verify "index" "Rig log d" 0
eq "index: verify says it" "$(grep -c 'although it names index' "$T/out")" 1
sleep 2.1
for i in 1 2 3; do
	post "/_rig/d/publish" >/dev/null
	sql "update work set due_at = now(); update sct set checked_at = null where
	    inclusion in ('pending', 'unchecked')" || fail sql
	once
	[ "$(d)" = "medium leaf_index" ] || break
done
eq "its SCT shows it" "$(d)" "critical flip"
verify "index and SCT" "Rig log d" 0
eq "index and SCT: shows it" "$(flipped)" "transferable "

eq "honest" "$(sql "select count(*) from finding where
    kind = 'log.misbehaved' and name = 'Rig log honest'")" 0
t_end
