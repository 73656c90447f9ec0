#!/bin/bash
# Before an order is spent: CAA, where the name leads, silence of the DNS, each
# with one sentence and no order at the CA.  And what comes back: a certificate
# that is not what was ordered, or whose SCTs do not verify, is not deployed.
#
#   bash tests/system/95-preflight.sh build/release
#
# takes: 16

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 95-preflight "${1:-}"
. tests/rig/acme.sh
. tests/system/acme.sh
count=133
hp=$(_acme_port)
t_rig --log one --log two
list=loglist-rfc6962.json
cat > "$T/zone" <<END
shop.example A 127.0.0.1
www.shop.example A 127.0.0.1
other.example CAA 0 issue "ca.example"
www.other.example A 127.0.0.1
wild.example CAA 0 issue "acme.rig.example"
wild.example CAA 0 issuewild ";"
wild.example A 127.0.0.1
account.example CAA 0 issue "acme.rig.example; accounturi=https://ca.example/1"
account.example A 127.0.0.1
method.example CAA 0 issue "acme.rig.example; validationmethods=dns-01"
method.example A 127.0.0.1
future.example CAA 128 tbs "unknown"
future.example A 127.0.0.1
ours.example CAA 0 issue "ca.example"
ours.example CAA 0 issue "acme.rig.example; validationmethods=http-01,dns-01"
ours.example A 127.0.0.1
broken.example A 127.0.0.1
sub.broken.example ! servfail
sub.broken.example A 127.0.0.1
far.example A 127.0.0.79
END
t_dns
ACME_DNS=127.0.0.1:${dns#*@}
if ! acme_ca "$T/ca" --http-port "$hp" --dns "$ACME_DNS" --resolve 127.0.0.1 \
    --log "$rig/one" --log "$rig/two"; then
	skip $count "acmeca does not start"
	t_end
fi
t_db preflight
a_conf_more="log_list: {url: $rig/$list, signature_key: none, apple: none}
poll: 1s
start: beginning"
http="http-01: {listen: \"127.0.0.1:$hp\"}"
ct=true a_conf pre "$http"

orders()
{
	acme_show orders | grep -o '"id"' | wc -l
}

# stopped WHAT STATUS TEXT ARG...: so ends certvigil issue ARG..., and the CA
# has not heard of it.
stopped()
{
	local before after

	before=$(state_of)
	n=$(orders)
	cv issue "${@:4}"
	says "$1" "$2" "$3"
	eq "$1: nothing was ordered" "$(orders)" "$n"
	after=$(state_of)
	eq "$1: nothing changed" "$after" "$before"
}

# --- logs that are not known yet --------------------------------------------------

cv issue www.shop.example
eq "logs unknown: deployed" $rc 0
[ $rc -eq 0 ] || show
ok "logs unknown: a warning" grep -q "warning: its SCTs are of logs" "$T/err"
complete "logs unknown" www.shop.example
once
eq "the list of logs is read" $rc 0
cv issue www.shop.example shop.example
eq "logs known: status" $rc 0
[ $rc -eq 0 ] || show
eq "logs known: no warning" "$(grep -c warning "$T/err")" 0
complete "logs known" www.shop.example

# --- rehearsed ------------------------------------------------------------------------

n=$(orders)
cv issue --dry-run www.shop.example shop.example
eq "dry run: status" $rc 0
[ $rc -eq 0 ] || show
eq "dry run: a line a check" "$(awk '$1 == "ok" { print $2, $3 }' "$T/out" |
    sort | paste -sd' ')" "budget the caa shop.example: caa \
www.shop.example: reach shop.example: reach www.shop.example:"
ok "dry run: where it leads" grep -q "127.0.0.1 port $hp leads here" "$T/out"
cv issue --dry-run --json www.other.example
says "dry run: a wrong one" 1 "CAA forbids acme.rig.example"
eq "dry run: JSON" "$(grep -c '"says": *"\(ok\|wrong\)"' "$T/out") $(grep \
    '"check": *"caa"' "$T/out" | grep -c '"says": *"wrong"')" "3 1"
eq "dry run: nothing was ordered" "$(orders)" "$n"

# --- CAA ------------------------------------------------------------------------------

stopped "another CA" 1 '0 issue "ca.example" at other.example' \
    www.other.example
ok "another CA: what to write" grep -qF \
    'other.example. CAA 0 issue "acme.rig.example"' "$T/err"
cv managed show www.other.example --json
eq "another CA: counted" "$(field attempts)" 1
ok "another CA: kept why" grep -q "CAA forbids" "$T/out"
stopped "another account" 1 "does not allow it with this account or method" \
    account.example
ok "another account: what to write" grep -q \
    "account.example. CAA 0 issue .*accounturi=https://.*=http-01" "$T/err"
stopped "another method" 1 "does not allow it with this account or method" \
    method.example
stopped "what nobody knows" 1 "take that record away" future.example
cv issue ours.example
eq "ours: status" $rc 0
[ $rc -eq 0 ] || show
complete "ours" ours.example
# a CA would refuse it; ours is told not to look
acme_admin set no_caa=1 >/dev/null
n=$(orders)
cv issue sub.broken.example
eq "SERVFAIL stops nothing" "$rc $(orders)" "0 $((n + 1))"
[ $rc -eq 0 ] || show
ok "SERVFAIL: said" grep -q "warning: pre-flight: .*SERVFAIL" "$T/err"
complete "SERVFAIL" sub.broken.example
echo '. ! drop' >> "$T/zone"
cv issue www.shop.example
eq "silence stops nothing" $rc 0
[ $rc -eq 0 ] || show
ok "silence: said" grep -q "warning: pre-flight: .*CAA records of" "$T/err"
sed -i '$d' "$T/zone"
acme_admin set no_caa=0 >/dev/null

# --- a renewal ------------------------------------------------------------------------

cp "$T/zone" "$T/zone.good"
echo 'shop.example CAA 0 issue "ca.example"' >> "$T/zone"
kept=$(readlink "$live/www.shop.example")
n=$(orders)
for i in 1 2 3; do
	cv renew www.shop.example
	says "renewal $i" 1 '0 issue "ca.example" at shop.example'
done
eq "renewal: the CA has not heard of it" "$(orders)" "$n"
eq "renewal: counted, and tried again" "$(sql "select attempts, next_at >
    now() + interval '1 hour' from managed_certificate where
    name = 'www.shop.example' and removed_at is null")" "3|t"
eq "renewal: a finding from the third on" "$(sql "select state, severity from
    finding where kind = 'renewal.failed' and name = 'www.shop.example'")" \
    "open|high"
eq "renewal: the old one stays" "$(readlink "$live/www.shop.example")" "$kept"
mv "$T/zone.good" "$T/zone"
cv renew www.shop.example
eq "renewal: then it goes" $rc 0
[ $rc -eq 0 ] || show
eq "renewal: the finding is over" "$(sql "select state from finding where
    kind = 'renewal.failed'")" resolved

# --- a DNS server that takes updates -----------------------------------------------------

# may SECRET ARG...: rehearse with that secret
may()
{
	(umask 077; echo "$1" > "$T/tsig")
	ct=true a_conf pre "dns-01: {rfc2136: {server: 127.0.0.1@${ACME_DNS#*:}, \
key_name: ${key:-$ACME_TSIG_NAME}, secret_file: $T/tsig}, check: none}"
	chmod 644 "$T/tsig"
	cv issue --dry-run "${@:2}"
}
resolver=$ACME_DNS
if PATH=$PATH:/usr/sbin command -v knotd >/dev/null &&
    acme_knot "$T/knot" example.org; then
	may "$ACME_TSIG_SECRET" a.example.org '*.example.org'
	eq "update: allowed" "$rc $(grep -c '^  ok *update' "$T/out")" "0 2"
	[ $rc -eq 0 ] || show
	may "$(head -c 32 /dev/urandom | base64)" a.example.org
	eq "update: another secret" "$rc $(grep -c '^  wrong *update.*BADSIG' \
	    "$T/out")" "1 1"
	key=nobody may "$ACME_TSIG_SECRET" a.example.org
	eq "update: another key" "$rc $(grep -c '^  wrong *update.*BADKEY' \
	    "$T/out")" "1 1"
	may "$ACME_TSIG_SECRET" a.example.net
	eq "update: a zone that it has not" "$rc $(grep -c \
	    '^  wrong *update.*a.example.net' "$T/out")" "1 1"
	acme_stop "$T/knot"
	may "$ACME_TSIG_SECRET" a.example.org
	eq "update: the server is away" "$rc $(grep -c '^  wrong *update' \
	    "$T/out")" "1 1"
else
	skip 5 "knotd is not installed"
	count=$((count - 5))
fi
ACME_DNS=$resolver
ct=true a_conf pre "$http"

# --- where a name leads ------------------------------------------------------------------

n=$(orders)
cv issue --dry-run far.example
eq "behind another port: cannot tell" "$rc $(grep -c \
    '^  cannot tell *reach.*127.0.0.79' "$T/out")" "0 1"
ip=127.0.0.78
python3 - $ip <<'END' && priv=yes || priv=no
import socket, sys
socket.socket().bind((sys.argv[1], 80))
END
if [ $priv = yes ]; then
	ct=true a_conf pre "http-01: {listen: \"$ip:80\"}"
	stopped "leads elsewhere" 1 "127.0.0.79 refuses connections to port 80" \
	    far.example
else
	skip 6 "port 80 is not ours"
	count=$((count - 6))
fi
ct=true a_conf pre "$http"

# --- the CA says no -----------------------------------------------------------------------

for t in rejectedIdentifier unauthorized userActionRequired caa; do
	acme_fault problem at=newOrder type=$t sub=$t status=403 \
	    detail="not today"
	cv issue "$t.shop.example"
	says "$t" 1 "($t): \"not today\""
	ok "$t: the subproblem" grep -qi "for \"$t.shop.example\" ($t)" "$T/err"
	acme_honest
done
acme_fault 429 at=newOrder n=7200
cv issue limited.shop.example
says "rateLimited" 1 "(rateLimited)"
ok "rateLimited: until when" grep -q "not before 20" "$T/err"
acme_honest
for i in 1 2; do
	stopped "rateLimited: not asked again $i" 75 "nothing was ordered: \
the CA wants us to wait: the CA limits the rate" \
	    limited.shop.example
done
cv issue --dry-run limited.shop.example
eq "rateLimited: rehearsed" "$rc $(grep -c '^  wrong *budget' "$T/out")" "75 1"
sql "update managed_certificate set next_at = now() where
    name = 'limited.shop.example'"
cv issue limited.shop.example
eq "rateLimited: over" $rc 0
[ $rc -eq 0 ] || show

# --- what comes back ----------------------------------------------------------------------

# the other modes: 98-loop
for mode in bad_sct client_eku future chain order; do
	before=$(state_of)
	acme_fault wrong_cert mode=$mode
	cv issue www.shop.example shop.example
	ok "wrong_cert $mode: refused" test $rc = 1 -o $rc = 2
	ok "wrong_cert $mode: so it says" grep -q \
	    "what the CA sent is not deployed" "$T/err"
	eq "wrong_cert $mode: not deployed" "$(state_of)" "$before"
	eq "wrong_cert $mode: the order is over" "$(sql "select count(*) from
	    acme_order where state = 'open'")" 0
	eq "wrong_cert $mode: nothing half written" "$(find "$live" -name \
	    '*.new' -o -name '*.tmp' | wc -l)" 0
	acme_honest
	[ $mode != bad_sct ] || ok "bad_sct: the log is named" grep -q \
	    "the SCT of log .* does not verify" "$T/err"
done
eq "bad_sct: a finding, with the certificate" "$(sql "select kind, severity,
    name, detail->>'certificate' like 'MII%' from finding
    where kind = 'sct.invalid'")" 'sct.invalid|high|www.shop.example|t'
cv issue www.shop.example shop.example
eq "an honest one: status" $rc 0
complete "an honest one" www.shop.example
were=$((passed + failed))
[ "$were" -eq $count ] || fail "$count tests would be skipped, $were were made"
t_end
