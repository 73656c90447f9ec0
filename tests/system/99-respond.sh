#!/bin/bash
# respond: what another account obtained for our names is found in a log,
# planned against, revoked by our own account, and contained once the CRL
# shows it.
#
#   bash tests/system/99-respond.sh build/release
#
# Needs python3-cryptography (the rig's ACME CA).
#
# takes: 20

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/rig/acme.sh
t_begin 99-respond "${1:-}"

if ! _acme_python 2>/dev/null; then
	skip 50 "python3-cryptography is not installed"
	t_end
fi
http=$(_acme_port)
mkdir "$T/ca"
t_rig --log log
acme_ca "$T/ca" --log "$rig/log" --http --http-port "$http" --resolve \
    127.0.0.1 --vantage 1 --no-caa --shards 2 || exit 1
t_dns
t_db respond

conf()
{
	t_conf "$1" 'watch: [.corp.example]' \
	    "audit: {resolvers: [\"$dns\"]}" 'acme:' \
	    "  directory: $ACME_URL" \
	    "  challenges: {http-01: {listen: \"127.0.0.1:$http\"}}" "${@:2}"
	state=$T/state
	sed -i "s|^state_dir:.*|state_dir: $state|" "$conf"
}

# zone LINE...: all that the DNS knows
zone()
{
	printf '%s\n' {a,b,c,d,m,live,n{1..26}}.corp.example\ 60\ A\ 127.0.0.1 "$@" \
	    > "$T/zone.new"
	mv "$T/zone.new" "$T/zone"
}

# key FILE NAME: a key and a request
key()
{
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$T/$1.key" -subj / -addext "subjectAltName=DNS:$2" \
	    -out "$T/$1.csr" 2>/dev/null
}

# of another account, not ours: theirs NAMES FILE [CSR]
theirs()
{
	acme_admin issue "names=$1" ${3:+"csr=$3"} > "$T/$2.json" || fail "acmeca: issue $1"
	sed -n 's/.*"pem": *"\([^"]*\)".*/\1/p' "$T/$2.json" |
	    sed 's/\\n/\n/g' > "$T/$2.pem"
}

finding()
{
	sql "select f.$2 from finding f join issuance i on f.subject =
	    encode(i.tbs_sha256, 'hex') where f.kind =
	    'certificate.unexpected' and i.names @> '{$1}'"
}

expectations()
{
	sql "select coalesce(string_agg(reason_code || ' ' || state, ','
	    order by id), '') from expectation where kind = 'revocation'"
}

# said WHAT RC PATTERN: the last command ended so and said so.
said()
{
	eq "$1" "$rc $(cat "$T/out" "$T/err" | tr '\n' ' ' |
	    grep -c -- "$3")" "$2 1"
	[ "$rc" = "$2" ] || show
}

revoked()
{
	acme_show certs | python3 -c '
import json, sys
print(sum(1 for c in json.load(sys.stdin) if c.get("revoked")))'
}

zone
conf one
post "/_rig/log/fill?n=5&seed=1" >/dev/null
once
eq "first read" $rc 0
theirs a.corp.example,b.corp.example two
theirs c.corp.example,elsewhere.example mixed
theirs '*.corp.example' wild
theirs d.corp.example served
theirs "$(seq -f n%g.corp.example -s, 26)" many
key lost m.corp.example
key live live.corp.example
theirs live.corp.example live "$(cat "$T/live.csr")"
theirs live.corp.example live2 "$(cat "$T/live.csr")"
cv known import --compromised "$T/lost.csr"
eq "a key that was lost" $rc 0
theirs m.corp.example lost "$(cat "$T/lost.csr")"
once
eq "they are read" "$rc $(sql "select count(*) from finding where kind =
    'certificate.unexpected' and state = 'open'")" "0 7"
a=$(finding a.corp.example id) c=$(finding c.corp.example id)
w=$(finding '"*.corp.example"' id) d=$(finding d.corp.example id)
m=$(sql "select id from finding where kind = 'key.misused'")

# --- the plan ---------------------------------------------------------------------

cv respond "$a"
said "the plan" 0 'names  *a.corp.example: http-01  *b.corp.example: http-01'
said "none serves it" 0 'served by  *none of our endpoints, none of its names'
said "nor could be asked" 0 'not seen  *a.corp.example:443: .*b.corp.example:443: '
said "CAA first" 0 'a.corp.example. IN CAA 0 issue "acme.rig.example; accounturi=URL-OF-OUR-ACCOUNT; validationmethods=http-01"'
said "there is none" 0 'there now  *a.corp.example: there are no records'
said "certbot" 0 "certbot certonly .*-d 'a.corp.example' -d 'b.corp.example'"
said "certbot's port" 0 "--standalone .* --http-01-port $http "
said "lego" 0 "lego --accept-tos --server .*--http.port '127.0.0.1:$http' --domains 'a.corp.example' .* run"
said "next" 0 "certvigil respond $a --yes"
ok "nothing is missing" eval '! grep -q "^missing" "$T/out"'
said "how long they may order" 0 'counts at this CA until 20.* days, Baseline Requirements'
cv respond "$a" --dry-run --json
eq "as JSON" "$rc $(python3 -c 'import json, sys
o = json.load(open(sys.argv[1]))
print(o["finding"], o["missing"], [n["name"] for n in o["names"]],
    o["served"], o["ca"])' "$T/out")" \
    "0 $a [] ['a.corp.example', 'b.corp.example'] [] unknown"
cv respond "$c"
said "a foreign name" 0 'missing  *elsewhere.example is not watched'
cv respond "$w"
said "a wildcard" 0 'can prove \*.corp.example (a wildcard needs dns-01)'
eq "a plan changes nothing" "$(expectations) $(revoked) $(acme_show orders |
    tr -d ' \n')" " 0 []"

# --- what is refused --------------------------------------------------------------

cv respond
said "no finding" 64 'one finding is needed'
cv respond "$a" --yes --report
said "two at once" 64 'exclude each other'
cv respond "$a" --yes --reason keyCompromise
said "another reason" 64 'only who has its key'
cv respond "$a" --yes --reason superseded
said "another reason" 64 'superseded. is not possible'
cv respond 4711
said "no such finding" 1 'no finding 4711'
cv respond x
said "no number" 64 'not the number of a finding'
sql "insert into finding (kind, subject, dedupe_key, severity) values
    ('log.stale', 'x', 'x', 'low')"
cv respond "$(sql "select id from finding where kind = 'log.stale'")"
said "about a log" 64 'not answered by a revocation'
sql "insert into finding (kind, subject, dedupe_key, severity) values
    ('certificate.revoked', 'x', 'y', 'critical')"
cv respond "$(sql "select id from finding where kind = 'certificate.revoked'")"
said "about a revocation" 64 'is revoked already: certvigil issue orders another'
sql "delete from finding where kind = 'certificate.revoked'"
sql "update finding set issuer_owner = 'digicert.com' where id = $c"
cv respond "$c"
said "another CA" 0 'issued by digicert.com, which is not the CA of'
sql "update finding set issuer_owner = null where id = $c"
cv respond "$c" --yes
said "a foreign name" 1 'nothing is done: elsewhere.example is not watched'
cv respond "$w" --yes
said "a wildcard" 1 'nothing is done: .*dns-01'
sql "with e as (insert into endpoint (host, port, origin) values
    ('d.corp.example', 443, 'cli') returning id) insert into
    endpoint_observation (endpoint_id, addr, tbs_sha256) select e.id,
    '192.0.2.1', i.tbs_sha256 from e, issuance i
    where i.names = '{d.corp.example}'"
cv respond "$d"
said "who serves it" 0 'served by  *d.corp.example:443'
cv respond "$d" --yes
said "not what is served" 77 'd.corp.example:443 serves it'
l=$(sql "select min(f.id) from finding f join issuance i on f.subject =
    encode(i.tbs_sha256, 'hex') where i.names = '{live.corp.example}'")
t_tls "live.corp.example,cert=$T/live.pem,key=$T/live.key"
cv endpoint add "live.corp.example:$(tls_port live.corp.example)"
cv respond "$l"
said "who serves it at this moment" 0 \
    "served by  *live.corp.example:[0-9]* at .*--although-served"
said "another one with its key" 0 'same key  *live.corp.example, serial .*: finding'
cv respond "$l" --yes
said "nor this" 77 'live.corp.example:[0-9]* serves it'
eq "nothing was done" "$(expectations) $(revoked) $(acme_show orders |
    tr -d ' \n')" " 0 []"

# --- the deed -----------------------------------------------------------------------

cv --json respond "$a" --yes
eq "--yes" "$rc $(sed -n 's/.*"reason": *"\([^"]*\)".*/\1/p' "$T/out")" \
    "0 cessationOfOperation"
[ $rc -eq 0 ] || show
eq "expected" "$(expectations)" "5 open"
eq "the CA has revoked one" "$(revoked)" 1
eq "an order that was never finalized" "$(acme_show orders | python3 -c '
import json, sys
print([o["status"] for o in json.load(sys.stdin)])')" "['ready']"
eq "no other certificate" "$(acme_show certs | grep -o '"serial"' | wc -l)" 8
eq "with its order" "$(sql "select detail->'orders'->>0 like 'http%' from
    audit_trail where action = 'finding.respond' order by id limit 1")" t
eq "nothing is left to go on with" "$(sql "select count(*) from
    respond_flow")" 0
eq "still open" "$(finding a.corp.example state)" open
eq "audited" "$(sql "select string_agg(action, ' ' order by id) from
    audit_trail where action like 'finding.respond%'")" \
    "finding.respond finding.respond.result"
ok "its challenges are gone" eval "! ss -ltn 2>/dev/null | grep -q ':$http '"
cv respond "$a" --yes
said "again" 0 'was revoked already'
again
eq "read again" $rc 0
eq "the CRL shows it: contained" "$(finding a.corp.example state)" contained
eq "as expected" "$(sql "select count(*) from finding where kind =
    'certificate.revoked'")" 0
cv respond "$a" --yes
said "once more" 0 'was revoked already, as its CA says; it is contained'

# --- killed in the middle, more names than one order takes ------------------------

n=$(finding n1.corp.example id)
orders()
{
	acme_show orders | grep -o '"identifiers"' | wc -l
}
had=$(orders)
acme_fault stall at=authz n=60
"$prog" --config "$conf" respond "$n" --yes >"$T/out" 2>&1 &
pid=$!
wait_sql 20 1 "select count(*) from respond_flow where
    position('/order/' in convert_from(state, 'UTF8')) > 0" ||
    fail "an order is stored"
kill -9 $pid
wait $pid 2>/dev/null
acme_honest
cv respond "$n" --yes
said "again" 0 'finding .*: revoked'
eq "the same order, and one for the last name" "$(($(orders) - had))" 2
eq "nothing is left" "$(sql "select count(*) from respond_flow")" 0

# --- CAA ----------------------------------------------------------------------

account=$(sql "select url from acme_account")
zone 'corp.example 60 CAA 0 issue "acme.rig.example"' "d.corp.example 60 CAA 0 issue \"acme.rig.example; accounturi=$account; validationmethods=http-01\""
cv respond "$d"
said "bound already" 0 'but CAA does *not let it order.*d.corp.example: bound to our account already'
cv respond "$l"
said "open to any account" 0 'live.corp.example: any account at this CA may order: replace *corp.example. IN CAA 0 issue "acme.rig.example"'
other=${account%/*}/of-certbot
sql "insert into known_account (url, client, author) values
    ('$other', 'certbot', 't'), ('https://elsewhere.example/1', 'lego', 't')"
cv respond "$l"
said "what certbot has may go on" 0 "IN CAA 0 issue \"acme.rig.example; accounturi=$other\""
said "of another CA" 0 'left out  *https://elsewhere.example/1 is known, but not what'
zone 'corp.example 60 CAA 0 issue "other.example"' 'd.corp.example 60 SERVFAIL'
cv respond "$l"
said "closed to us, too" 0 'missing  *live.corp.example: .*CAA.*live.corp.example: our account may not order either'
had=$(orders)
cv respond "$l" --yes --although-served
said "so nothing is asked for" 1 'nothing is done: live.corp.example: .*CAA'
eq "and nothing ordered" "$(orders)" "$had"
zone

# --- two people -----------------------------------------------------------------------

conf two 'respond: {approvals: 2}'
cv respond "$d"
said "somebody else" 0 "approval  *somebody else runs: certvigil respond $d"
cv respond "$d" --yes --although-served
said "one is not enough" 77 'respond.approvals is 2'
cv respond "$d" --approve
said "--approve" 0 'approved by'
cv respond "$d" --yes --although-served
said "not by the same" 77 'respond.approvals is 2'
sql "update respond_approval set author = split_part(author, '@', 1) ||
    '@elsewhere'"
cv respond "$d" --yes --although-served
said "nor from another host" 77 'respond.approvals is 2'
sql "update respond_approval set author = 'second@office', tbs_sha256 =
    sha256('')"
cv respond "$d" --yes --although-served
said "nor of another certificate" 77 'respond.approvals is 2'
sql "update respond_approval set tbs_sha256 = i.tbs_sha256, added_at = now() -
    interval '2 days' from issuance i where i.names = '{d.corp.example}'"
cv respond "$d" --yes --although-served
said "for a day" 77 'respond.approvals is 2'
if [ "$(id -u)" -eq 0 ]; then
	sql "delete from respond_approval"
	SUDO_USER=second cv respond "$d" --approve
	said "by somebody else" 0 'serial .* is approved by second@'
else
	sql "update respond_approval set added_at = now()"
fi
acme_fault problem at=revokeCert type=serverInternal status=500
cv respond "$d" --yes --although-served
said "the CA fails" 1 'stays expected'
acme_honest
acme_fault problem at=revokeCert type=unauthorized status=403
sql "delete from expectation where state = 'open'"
cv respond "$d" --yes --although-served
said "the CA refuses" 1 'unauthorized'
eq "which is not expected" "$(sql "select state from expectation where
    kind = 'revocation' order by id desc limit 1")" cancelled
acme_honest
cv respond "$d" --yes --although-served
said "by two" 0 'finding .*: revoked'
eq "the CA has revoked it" "$(revoked)" 3
eq "audited with the second" "$(sql "select split_part(
    detail->'approved_by'->>0, '@', 1) from audit_trail where action =
    'finding.respond' order by id desc limit 1")" second
eq "who approved that certificate" "$(sql "select count(*) from audit_trail a
    join issuance i on a.detail->>'tbs_sha256' = encode(i.tbs_sha256, 'hex')
    where a.action = 'finding.respond.approve' and i.names =
    '{d.corp.example}'" | sed 's/[12]/yes/')" yes

# --- the report -------------------------------------------------------------------------

cv respond "$c" --report
said "--report" 0 'Serial: .*c.corp.example (ours).*elsewhere.example'
said "its clock" 0 'revocation within 24 hours .*4.9.1.1'
said "its evidence" 0 'entry [0-9]* (precert), .*inclusion proven'
eq "its certificate" "$(openssl x509 -in "$T/out" -outform DER | sha256sum |
    cut -d' ' -f1)" "$(sed -n 's/^SHA-256: *\([0-9a-f]*\).*/\1/p' "$T/out")"
ok "and nothing but our names" eval '! grep -q "elsewhere.example (ours)" "$T/out"'
sql "update finding set ca_contact = 'https://ca.example/report' where
    id = $m"
cv respond "$m" --report
said "a compromised key" 0 'To: *https://ca.example/report .*4.9.1.1 (3).*Key *Compromise.*within 24 hours .*Reason: *keyCompromise'
chmod 777 "$T"
cv respond "$c" --report --output "$T/report"
eq "into a file" "$rc $(grep -c '(5): evidence' "$T/report")" "0 1"
ok "which names its evidence" grep -q "the file $T/report.evidence.json" "$T/report"
cv evidence verify "$T/report.evidence.json" --log-list "$T/rig/$list"
eq "that verifies" $rc 0
[ $rc -eq 0 ] || show
cv respond "$c" --report
sed -n '/^{/,$p' "$T/out" > "$T/inline.json"
cv evidence verify "$T/inline.json" --log-list "$T/rig/$list"
eq "as the one in the report does" $rc 0
eq "audited" "$(sql "select count(*) from audit_trail where action =
    'finding.respond.report'")" 4
conf one
cv respond "$m" --yes
said "key.misused" 0 'finding .*: revoked'
cv respond "$l" --yes --although-served --same-key
eq "with all of its key" "$rc $(revoked)" "0 6"
[ $rc -eq 0 ] || show
again
eq "is contained, too" "$rc $(sql "select state from finding where
    id = $m")" "0 contained"
eq "so are those of one key" "$(sql "select string_agg(f.state, ' ') from
    finding f join issuance i on f.subject = encode(i.tbs_sha256, 'hex')
    where i.names = '{live.corp.example}'")" "contained contained"
acme_stop "$T/ca"
cv respond "$c"
said "the CA is away" 1 'missing .*does not answer.*CAA 0 issue'
t_end
