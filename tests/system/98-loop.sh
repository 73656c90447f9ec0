#!/bin/bash
# The loop: what we order is expected in the logs, and found there in silence;
# what somebody else obtains for the same names is not, nor is our key elsewhere.
#
#   bash tests/system/98-loop.sh build/release
#
# takes: 27

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 98-loop "${1:-}"
. tests/rig/acme.sh
. tests/system/acme.sh
count=63
hp=$(_acme_port)
t_rig --log one --log two
list=loglist-rfc6962.json
if ! acme_ca "$T/ca" --http-port "$hp" --log "$rig/one" --log "$rig/two" \
    --final-submit; then
	skip $count "acmeca does not start"
	t_end
fi
t_db loop
a_conf_more="log_list: {url: $rig/$list, signature_key: none, apple: none}
poll: 1s
start: beginning
watch: [.shop.example]"
ct=true a_conf loop "http-01: {listen: \"127.0.0.1:$hp\"}"
# both logs are there before anything is ordered
once
eq "first read" $rc 0
[ $rc -eq 0 ] || show

# findings WHAT WANT: those that are open, by kind and severity
findings()
{
	eq "$1: findings" "$(sql "select coalesce(string_agg(kind || ' ' ||
	    severity || ' ' || name, ', ' order by id), '') from finding
	    where state = 'open'")" "$2"
}

# --- ordered --------------------------------------------------------------------------

cv issue www.shop.example shop.example --json
eq "issue: status" $rc 0
[ $rc -eq 0 ] || show
complete "issue" www.shop.example
tbs=$(field tbs_sha256)
serial=$(field serial)
cv managed show www.shop.example --json
eq "not yet logged" "$(field logged)" false
eq "expected: open, for these names" "$(sql "select state, names from
    expectation")" 'open|{shop.example,www.shop.example}'
cv expect list
eq "expect list" "$rc $(grep -c 'www.shop.example' "$T/out")" '0 1'
once
eq "read: status" $rc 0
[ $rc -eq 0 ] || show
findings "ordered" ""
eq "found in both logs" "$(sql "select count(distinct log_ref) from
    entry_match")" 2
eq "decided by rule 2" "$(sql "select rule, decision from issuance where
    tbs_sha256 = '\\x$tbs'")" '2|silent'
eq "the expectation is used up" "$(sql "select state, encode(tbs_sha256,
    'hex') from expectation")" "fulfilled|$tbs"
cv findings list --silenced
eq "silenced: status" $rc 0
ok "silenced: it is listed" grep -q "www.shop.example\|shop.example" "$T/out"
cv why "$tbs"
ok "why: as ordered" grep -qi "order" "$T/out"
cv managed show www.shop.example --json
eq "logged now" "$(field logged)" true
cv managed show www.shop.example
ok "says logged" grep -q "  logged" "$T/out"

# --- again: one expectation, one certificate ---------------------------------------------

cv issue www.shop.example shop.example --json
eq "again: status" $rc 0
ok "again: another" test "$(field tbs_sha256)" != "$tbs"
again=$(field tbs_sha256)
once
eq "again: read" $rc 0
findings "again" ""
eq "again: an expectation each" "$(sql "select count(*), count(distinct
    spki_sha256), count(distinct tbs_sha256) from expectation where state =
    'fulfilled'")" '2|2|2'
eq "again: rule 2" "$(sql "select rule from issuance where tbs_sha256 =
    '\\x$again'")" 2

# --- somebody else -----------------------------------------------------------------------

# Another account, at the same CA, proves control of our name.
cat > "$T/other.py" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from acmeclient import Client
c = Client(sys.argv[2], sys.argv[3] or None)
c.register()
order, pem, _ = c.obtain([sys.argv[4]], "http-01", lambda *a: None)
print(order["status"])
open(sys.argv[5], "wb").write(pem or b"")
END
acme_admin set always_valid=1 >/dev/null
eq "another account" "$(PYTHONDONTWRITEBYTECODE=1 "$_acme_py" "$T/other.py" \
    tests/rig "$ACME_URL" "$ACME_TLS" www.shop.example "$T/other.pem")" valid
acme_admin set always_valid=0 >/dev/null
once
eq "another account: read" $rc 0
eq "another account: unexpected" "$(sql "select kind, name, rule from finding
    where state = 'open'")" 'certificate.unexpected|www.shop.example|8'
ok "another account: critical or high" grep -qx 'critical\|high' \
    <(sql "select severity from finding")
un=$(sql "select id from finding")
eq "another account: it is that one" "$(sql "select subject from finding")" \
    "$(tbs_of "$T/other.pem")"
cv why "$un"
ok "another account: why" grep -q "order\|expect" "$T/out"

# --- our key elsewhere ----------------------------------------------------------------------

# Our own key, in a certificate for our name that nobody ordered.
openssl req -new -key "$live/www.shop.example/key.pem" -subj / \
    -addext "subjectAltName=DNS:www.shop.example" -out "$T/csr.pem" 2>/dev/null
acme_admin issue names=www.shop.example csr="$(cat "$T/csr.pem")" > "$T/stolen"
ok "our key: issued" grep -q '"pem"' "$T/stolen"
once
eq "our key: read" $rc 0
eq "our key: not silent" "$(sql "select count(*) from finding where state =
    'open' and id > $un and kind in ('certificate.unexpected', 'key.misused')
    and severity in ('critical', 'high')")" 1
# ... and in one for a name that was never ours with that key
acme_admin issue names=pay.shop.example csr="$(cat "$T/csr.pem")" >/dev/null
once
eq "our key for another name: not silent" "$(sql "select count(*) from finding
    where state = 'open' and name = 'pay.shop.example' and kind in
    ('certificate.unexpected', 'key.misused') and severity in ('critical',
    'high')")" 1

# --- what is not deployed ------------------------------------------------------------------------

n=$(sql 'select count(*) from finding')
for mode in key names more_names expired no_eku ca signature no_sct no_crldp \
    alone html empty; do
	before=$(state_of)
	acme_fault wrong_cert mode=$mode
	cv issue www.shop.example shop.example
	ok "wrong_cert $mode: refused" test $rc = 1 -o $rc = 2
	eq "wrong_cert $mode: not deployed" "$(state_of)" "$before"
	acme_honest
done
cv issue www.shop.example shop.example
eq "an honest one: status" $rc 0
complete "an honest one" www.shop.example
# a CA of which nothing is expected in a log
ct=false a_conf loop "http-01: {listen: \"127.0.0.1:$hp\"}"
n=$(sql 'select count(*) from expectation')
cv issue staging.shop.example
eq "ct: false: status" $rc 0
eq "ct: false: nothing is expected" "$(sql 'select count(*) from expectation')" \
    "$n"
cv managed list
eq "ct: false: managed list" "$(grep -c '^staging.shop.example .* ct: no' \
    "$T/out") $(grep -c 'ct: no' "$T/out")" '1 1'
cv managed show staging.shop.example
ok "ct: false: managed show" grep -q '^  ct  *no: ' "$T/out"
cv managed show www.shop.example --json
eq "ct: true: managed show" "$(field ct)" true
were=$((passed + failed))
[ "$were" -eq $count ] || fail "$count tests would be skipped, $were were made"
t_end
