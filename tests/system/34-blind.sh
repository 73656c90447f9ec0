#!/bin/bash
# What is not seen: one operator's logs stop, and nothing could hide there; a log
# of a second one falls behind, and a certificate could be in these alone: one
# finding, which goes by itself.  A canary that nobody logs.
#
#   bash tests/system/34-blind.sh build/release
#
# takes: 12

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 34-blind "${1:-}"

t_rig --log a1,operator=A --log a2,operator=A --log b,operator=B \
    --log c,operator=C --log d,operator=C,proto=static
for l in a1 a2 b c d; do
	post "/_rig/$l/fill?n=300&seed=1" >/dev/null
done
t_db blind
poll=1s t_conf blind 'watch: [.corp.example]' \
    'canary: {name: canary.corp.example, within: 30m}'

# One more round: what failed is due again, and nothing is held back.
read_again()
{
	sql "update work set due_at = now(); delete from ask_rate"
	once
}

# Time passes for log $1: $2 ago it was last heard, and what was read was new.
passes()
{
	sql "update log_health set head_at = now() - interval '$2',
	    caught_up_at = now() - interval '$2' where log_ref = (select id
	    from log where description = 'Rig log $1');
	    update tree_head h set timestamp_ms = (extract(epoch from now() -
	    interval '$2') * 1000)::bigint from log l, log_range r where
	    l.description = 'Rig log $1' and h.log_ref = l.id and r.log_ref = l.id and
	    h.tree_size <= r.size_to"
}

# The field $1 of the line of log $2 in coverage --json.
field()
{
	grep "\"description\": *\"Rig log $2\"" "$T/out" |
	    sed -n "s/.*\"$1\": *\\(\"[^\"]*\"\\|[^,}]*\\).*/\\1/p"
}

# Of the way $1 (0 Chrome embedded, 1 Chrome TLS, 2 Apple, 3): field $2.
way()
{
	python3 -c '
import json, sys
w = json.load(open(sys.argv[1]))["worst_case"][int(sys.argv[2])]
print(json.dumps(w.get(sys.argv[3])))' "$T/out" "$1" "$2"
}

finding()
{
	sql "select coalesce(string_agg(kind || ' ' || state || ' ' || severity
	    || ' ' || array_to_string(logs, '+'), ','), '') from finding where
	    kind = 'coverage.blind'"
}

once
eq "first read" $rc 0
cv coverage --blind
eq "nothing is blind" $rc 0
cv --json coverage --blind
eq "margin of Chrome" "$(way 0 margin_logs)" 2
eq "margin of Apple, by TLS" "$(way 3 margin_logs)" 2
sql "update log set added_at = now() - interval '2 days'"

# --- one operator -----------------------------------------------------------------

lie a1 500
post "/_rig/a2/fill?n=300&seed=2" >/dev/null
lie a2 429_seconds 'kind=get-entries&n=3600'
passes a1 '3 hours'
passes a2 '3 hours'
read_again
eq "two logs fail" $rc 1
cv --json coverage
eq "coverage" $rc 1
eq "a1 has nothing more to read" "$(field lag_entries a1)" 0
ok "but its newest head is old" test "$(field lag_seconds a1)" -ge 10800
ok "429 is shown" test "$(field throttled_at a2)" != null
eq "a2 is behind" "$(field lag_entries a2)" 300
ok "as long as its head is old" test "$(field lag_seconds a2)" -ge 10799
eq "c is not" "$(field lag_seconds c)" 0
cv coverage
ok "429 in words" grep -q '; last 429 at 20' "$T/out"
cv coverage --blind
eq "logs are behind, but nothing is hidden" $rc 1
cv --json coverage --blind
eq "Chrome: no" "$(way 0 blind)" false
eq "one more would do" "$(way 0 margin_logs)" 1
eq "Apple: no" "$(way 2 blind)" false
eq "Apple by TLS takes two of one" "$(way 3 blind)" true
eq "no finding" "$(finding)" ""

# --- a second one ------------------------------------------------------------------

lie b 429_seconds 'kind=get-entries&n=3600'
post "/_rig/b/fill?n=300&seed=2" >/dev/null
passes b '2 hours'
read_again
eq "three logs fail" $rc 1
eq "the finding" "$(finding)" "coverage.blind open medium Rig log a1+Rig log a2+Rig log b"
cv coverage --blind
eq "blind" $rc 2
ok "in words" grep -q '^  Chrome, SCTs embedded: a usable .* for 2 h' "$T/out"
ok "no estimate" grep -q '^Estimate: no estimate: 0 issuances' "$T/out"
cv metrics
ok "metrics" grep -q \
    'blind_worst_case_seconds{program="apple",scts="embedded"} 72' "$T/out"
for l in a1 a2 b; do
	post "/_rig/$l/honest" >/dev/null
done
read_again
eq "all is read" $rc 0
eq "it is over" "$(finding)" "coverage.blind resolved medium Rig log a1+Rig log a2+Rig log b"
eq "two events" "$(sql "select string_agg(v.event, ',' order by v.at) from
    finding_event v join finding f on f.id = v.finding_id where f.kind =
    'coverage.blind'")" opened,resolved
cv coverage
eq "coverage is whole" $rc 0

# --- the canary ---------------------------------------------------------------------

canary()
{
	sql "select coalesce(string_agg(state || ' ' || severity, ','), '') from
	    finding where kind = 'canary.missed'"
}

openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/o.key" -out "$T/o.csr" -subj /CN=canary.corp.example \
    -addext 'subjectAltName=DNS:canary.corp.example' 2>/dev/null
cv expect issuance --csr "$T/o.csr" --within 2h
eq "it is ordered" $rc 0
read_again
eq "there is time" "$(canary)" ""
sql "update expectation set added_at = now() - interval '31 minutes'"
read_again
eq "missed" "$(canary)" "open high"
t_issue --csr "$T/o.csr" --name canary.corp.example --submit "$rig/c" \
    --out "$T/o" >/dev/null
read_again
eq "seen" "$(canary)" "resolved high"
eq "and silent" "$(sql "select count(*) from finding where kind =
    'certificate.unexpected'")" 0
t_end
