# The second half of the demo, sourced by tests/demo.sh: what is known of each
# certificate, and whether it is still good.

# Wait for a finding of that kind about that name; $id is its number.
finding()
{
	id=$(quiet findings --kind "$1" --json | python3 -c 'import json, sys
for x in sys.stdin:
    f = json.loads(x)
    if f["state"] == "open" and sys.argv[1] in (f["name"], ""):
        print(f["id"])
        break' "${2:-}")
	[ -n "$id" ]
}

# A value of the newest certificate NAME.
of()	{ field "$work/$1.json" "$2"; }

# issue NAME ARGUMENT...: a certificate for NAME.shop.example, declared.
issue()
{
	"$obj/tests/rig/ca" issue "$work/ca" --name "$1.shop.example" \
	    --out "$work/$1" --crl "$ca/crl/full.crl" --ocsp "$ca/ocsp" \
	    --aia "$ca/issuer.der" "${@:2}" > "$work/$1.json" ||
	    die 'nothing was issued'
	quiet known import "$work/$1.fullchain.pem" >/dev/null ||
	    die 'the import failed'
}

# The lie of a rig, told at its admin address.
lie()	{ python3 -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1], data=b"{}", timeout=10).read()' "$1"; }

step 'A second log, a CA that revokes, an endpoint; certvigil starts anew'
audit_start=$(date -u +%Y-%m-%dT%H:%M:%SZ)
server audit-log "$obj/tests/rig/ctlog" --dir "$work/audit-log" --port 0 \
    --log fir,operator=Fir --log ash,operator=Ash,proto=static,mmd=5
base=$(field "$work/audit-log.json" base) adm=$(field "$work/audit-log.json" admin)
server casrv "$obj/tests/rig/casrv" --ca "$work/ca"
ca=$(field "$work/casrv.json" base)/ca cadm=$(field "$work/casrv.json" admin)/ca
logs=(--submit "$base/fir" --submit "$base/ash" --final-submit)
cat > "$work/certvigil.yaml" <<EOC
state_dir: $work/audit-state
contact: https://security.shop.example/
log_list: {file: $work/audit-log/loglist.json, signature_key: none}
egress: {allow_private: [127.0.0.0/8]}   # the log, the CA, the endpoint
start: beginning
poll: 1s
watch: [.shop.example]
audit: {every: 1s, roots: $work/ca/root.pem, resolvers: [127.0.0.1@1]}
EOC
shown < "$work/certvigil.yaml"
"$obj/certvigil" --config "$work/certvigil.yaml" run > "$work/run.log" 2>&1 &
run=$!
until_true 40 'the database is there' quiet coverage
issue www "${logs[@]}"
until_true 40 'it was looked at' sh -c "'$obj/certvigil' --config \
    '$work/certvigil.yaml' revocation status www.shop.example 2>/dev/null |
    grep -q good"
cv revocation status www.shop.example
good 'not revoked, says each source; the CRL was fetched once, through a pipe'

step 'One certificate without any database'
cv check www.fullchain.pem --roots ca/root.pem
[ $rc -eq 0 ] || die 'it is not good'
server tls "$obj/tests/rig/tlssrv" \
    --endpoint "www,cert=$work/www.fullchain.pem,key=$work/www.key"
port=$(python3 -c 'import json, sys
print(json.loads(open(sys.argv[1]).readline())["endpoints"]["www"])' \
    "$work/tls.json")
cv check --plugin "127.0.0.1:$port" --name www.shop.example --roots ca/root.pem
[ $rc -eq 0 ] || die 'the endpoint is not good'
good 'a file and a live endpoint: chain, SCTs, their inclusion, OCSP, CRL'

step 'A certificate with an SCT that does not verify'
issue bad "${logs[@]}" --bad-sct
until_true 40 'sct.invalid is found' finding sct.invalid bad.shop.example
cv findings show "$id"

step 'A certificate that its log promised to include, and did not'
lie "$adm/ash/lie?lie=withhold"
issue late "${logs[@]}"
lie "$adm/ash/honest"
say 'Log "ash" has an MMD of five seconds. A head that is younger, asked twice:'
echo
until_true 60 'sct.not_included is found' finding sct.not_included \
    late.shop.example
cv findings show "$id"
cv evidence export "$id" --output evidence/late.json
[ $rc -eq 0 ] || die 'no evidence was written'
cv evidence verify --log-list audit-log/loglist.json evidence/late.json
[ $rc -eq 0 ] || die 'the evidence does not verify'
good 'the SCT and the head are the log'\''s own words, that it is not there is'
good 'attested by us'

step 'A revocation that nobody here ordered'
lie "$cadm/revoke?serial=$(of www serial)&reason=keyCompromise"
both()
{
	finding certificate.revoked www.shop.example &&
	    quiet findings show "$id" --json | python3 -c 'import json, sys
f = json.load(sys.stdin)
sys.exit(len(f["detail"].get("sources", [])) != 2)'
}
until_true 40 'both sources say so' both
cv findings show "$id"
[ "$(quiet findings --kind certificate.revoked --json | wc -l)" -eq 1 ] ||
    die 'more than one finding about one certificate'
good 'one finding, two provenances: CRL and OCSP'

step 'Sources that contradict each other'
issue odd "${logs[@]}"
lie "$cadm/lie?lie=contradict&serial=$(of odd serial)"
lie "$cadm/revoke?serial=$(of odd serial)&reason=superseded"
until_true 40 'the CRL says so' finding certificate.revoked odd.shop.example
cv revocation status odd.shop.example
say 'That is a finding when it lasts for a day; the demo moves the clock.'
echo
until_true 20 'the disagreement is noted' sh -c "'$obj/certvigil' --config \
    '$work/certvigil.yaml' db psql -- -Atc \"update revocation set \
    disagree_since = now() - interval '25 hours' where disagree_since is not \
    null returning 1\" 2>/dev/null | grep -q 1"
until_true 40 'revocation.disagreement is found' \
    finding revocation.disagreement odd.shop.example
cv findings --kind revocation.disagreement

step 'An endpoint that serves a certificate which no log knows'
"$obj/tests/rig/ca" issue "$work/ca" --name pay.shop.example --no-precert \
    --out "$work/pay" > "$work/pay.json" || die 'nothing was issued'
lie "$(field "$work/tls.json" admin)/www/set?cert=$work/pay.fullchain.pem&key=$work/pay.key"
cv endpoint add "127.0.0.1:$port"
until_true 40 'it is found' finding endpoint.unlogged_certificate
cv findings --kind endpoint.unlogged_certificate

step 'A mass revocation'
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	issue "m$i" "${logs[@]}"
done
seen()
{
	[ "$(quiet revocation status --json 2>/dev/null |
	    grep -c '"good"')" -ge 12 ]
}
until_true 60 'all twelve are known to be good' seen
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	echo "$(of "m$i" serial)"
done > "$work/serials"
"$obj/tests/rig/ca" revoke "$work/ca" --serials "$work/serials" \
    --reason cessationOfOperation >/dev/null || die 'the CA does not revoke'
until_true 40 'the campaign is found' finding revocation.campaign
cv findings --kind revocation.campaign
singles=$(quiet findings --kind certificate.revoked --json | python3 -c '
import json, sys
print(sum(json.loads(x)["name"].startswith("m") and
          json.loads(x)["state"] == "open" for x in sys.stdin))')
[ "$singles" -eq 0 ] || die "$singles findings beside the campaign"
cv affected --serials serials
good 'twelve revocations, one finding'

step 'The nightly report'
cv audit --format html --output evidence/audit.html
[ $rc -eq 2 ] || die 'open findings must fail it'
grep -q '</html>' "$work/evidence/audit.html" || die 'there is no report'
[ -z "${DEMO_KEEP:-}" ] || cp "$work/evidence/audit.html" "$DEMO_KEEP"
good 'as HTML, one file that needs nothing else (DEMO_KEEP=FILE keeps it)'
echo
cv audit --since "$audit_start"
[ $rc -eq 2 ] || die 'open findings must fail it'
grep -q '^audit 2.* new (.* declared), .* open' <<< "$out" ||
    die 'the first line is not as it must be'

kill -TERM "$run"
wait "$run"
rc=$?
run=
[ $rc -eq 0 ] || die "certvigil run ended with status $rc"
