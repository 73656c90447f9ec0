#!/bin/bash
# What the CA does behind our back, or does not do: certificates of ours that it
# revokes, revocations that it does not publish, early renewal that it asks for,
# orders that it loses.
#
#   bash tests/system/98-revoked.sh build/release
#
# takes: 40

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 98-revoked "${1:-}"
. tests/rig/acme.sh
. tests/system/acme.sh
hp=$(_acme_port)
t_rig --log one
list=loglist-rfc6962.json
if ! acme_ca "$T/ca" --http --http-port "$hp" --log "$rig/one" \
    --resolve 127.0.0.1 --vantage 1 --no-caa --shards 1; then
	skip 60 "acmeca does not start"
	t_end
fi
t_db revoked
a_conf_more="log_list: {url: $rig/$list, signature_key: none, apple: none}
poll: 1s
start: beginning
watch: [.shop.example]"
http="http-01: {listen: \"127.0.0.1:$hp\"}"
ct=true a_conf revoked "$http"

# look: all that audits is due now
look()
{
	sql "update work set due_at = now() where kind = 'ari'"
	again
	[ $rc = 0 ] || show
}

# gone NAME REASON: revoked behind our back.
gone()
{
	acme_admin revoke "name=$1" "reason=$2" > "$T/said"
}

# about KIND NAME: the finding of that kind.
about()
{
	sql "select state || ' ' || severity from finding where kind = '$1' and
	    name = '$2' order by id desc limit 1"
}

# reason_has WHAT KIND NAME TEXT
reason_has()
{
	eq "$1" "$(sql "select reason like '%$4%' from finding where kind = '$2'
	    and name = '$3' order by id desc limit 1")" t
}

due()
{
	sql "select coalesce(due_why, '') from managed_certificate where name =
	    '$1'"
}

spki()
{
	openssl x509 -in "$live/$1/cert.pem" -noout -pubkey |
	    openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1
}

once
for n in a b c d late; do
	[ $n = late ] || cv --quiet issue $n.shop.example
	eq "issue $n" $rc 0
done
once
eq "all are seen, in silence" "$rc $(sql 'select count(*) from issuance where
    decision = $$silent$$') $(sql 'select count(*) from finding')" '0 4 0'

# --- revoked behind our back --------------------------------------------------------

was=$(sql "select serial from managed_certificate where name =
    'a.shop.example'")
key=$(spki b.shop.example)
cp "$live/b.shop.example/key.pem" "$T/old.pem"
gone a.shop.example 5
gone b.shop.example 1
look
eq "reason 5: a finding" "$(about certificate.revoked a.shop.example)" \
    'open critical'
reason_has "somebody proved control" certificate.revoked a.shop.example \
    'somebody proved control of our names%another one is ordered'
eq "it is due" "$(due a.shop.example)" 'revoked without our order'
cv --json findings list --kind certificate.revoked
ok "what to do" grep -q '"certvigil renew a.shop.example"' "$T/out"
eq "the key is marked" "$(sql "select count(*) from known where trust =
    'compromised' and encode(spki_sha256, 'hex') = '$key'")" 1
cv renew
eq "replaced" "$rc $(grep -c '^2 renewed, 0 failed, 2 not due' "$T/out")" '0 1'
ok "and said why" grep -q 'a.shop.example: revoked without our order' "$T/err"
complete "replaced" a.shop.example
ok "another serial" test "$(sql "select serial from managed_certificate where
    name = 'a.shop.example'")" != "$was"
ok "another key" test "$(spki b.shop.example)" != "$key"
# the key that the CA calls compromised is there again
openssl req -new -key "$T/old.pem" -subj / -out "$T/csr.pem" \
    -addext subjectAltName=DNS:b.shop.example
acme_admin issue names=b.shop.example "csr=$(cat "$T/csr.pem")" > "$T/said"
look
eq "once for one revocation" "$(sql 'select count(*) from acme_replacement')" 2
cv renew
ok "not again" grep -q '^0 renewed' "$T/out"
eq "a successor is deployed" "$(about certificate.revoked a.shop.example)" \
    'open info'

eq "that key in a log again" "$(about key.misused b.shop.example)" \
    'open critical'
eq "by rule 1" "$(sql "select rule from finding where kind = 'key.misused' and
    state = 'open'")" 1

# its successors go the same way: not for ever
sql "insert into acme_replacement (tbs_sha256, managed_id, asked, why) select
    sha256(x::text::bytea), id, true, 'test' from managed_certificate,
    generate_series(1, 2) x where name = 'a.shop.example'"
gone a.shop.example 5
look
eq "the fourth within a day: told" "$(about certificate.revoked \
    a.shop.example)" 'open critical'
reason_has "not replaced" certificate.revoked a.shop.example \
    'not replaced: 3 successors'
eq "not due" "$(due a.shop.example)" ''

# where an alert is all that is wanted
a_more='when_revoked: alert' ct=true a_conf revoked "$http"
gone c.shop.example 4
look
reason_has "alert only" certificate.revoked c.shop.example 'is alert'
eq "alert only: not due" "$(due c.shop.example)" ''
ct=true a_conf revoked "$http"

# --- ordered, and not published -----------------------------------------------------

serial=$(sql "select serial from managed_certificate where name =
    'd.shop.example'")
shift_by()
{
	sql "update expectation set added_at = added_at - interval '$1',
	    not_after_ms = not_after_ms - extract(epoch from interval '$1') *
	    1000 where kind = 'revocation'"
}
acme_fault crl_drop "serial=$serial"
cv --quiet revoke d.shop.example --reason superseded
eq "ordered" $rc 0
shift_by 7h
look
eq "seven hours: a warning" "$(about revocation.not_published \
    d.shop.example)" 'open medium'
shift_by 18h
look
eq "a day: louder" "$(about revocation.not_published d.shop.example)" \
    'open high'
eq "what was decided is" "$(due c.shop.example)" ''
eq "one finding" "$(sql "select count(*) from finding where kind =
    'revocation.not_published'")" 1
acme_honest
acme_admin issue names=x.shop.example > "$T/said"
look
eq "published" "$(about revocation.not_published d.shop.example)" \
    'resolved high'
took=$(sql "select published_s from revocation where serial = '$serial'")
ok "how long that took" test "${took:-0}" -ge 90000 -a "${took:-0}" -lt 91000
cv revocation status "$serial"
ok "revocation status says it" grep -q "published $took s after" "$T/out"
cv certs show "$(sql "select encode(tbs_sha256, 'hex') from managed_certificate
    where name = 'd.shop.example'")"
ok "certs show says it" grep -q "$took s after it was ordered" "$T/out"
cv revoke d.shop.example --reason superseded
ok "revoke says it" grep -q "published  $took s after" "$T/out"
eq "what we ordered is not replaced" "$(due d.shop.example)" ''

# --- what the CA asks for, of a certificate that is not ours --------------------------

x="tbs_sha256 = (select tbs_sha256 from issuance where names =
    '{x.shop.example}')"
eq "its window is known" "$(sql "select end_at > now() and pick_at between
    start_at and end_at and moved_at is null from ari where $x")" t
eq "the CA says when again" "$(sql "select due_at between now() + interval
    '5 hours' and now() + interval '7 hours' from work where kind = 'ari' and
    subject = (select encode(tbs_sha256, 'hex') from ari where $x)")" t
eq "ours are not asked about" "$(sql "select count(*) from ari where
    tbs_sha256 in (select tbs_sha256 from acme_received)")" 0
pick=$(sql "select pick_at from ari where $x")
acme_fault garbage at=renewalInfo
look
eq "nonsense is no answer" "$(sql "select last_error is not null, pick_at =
    '$pick' from ari where $x") $(about renewal.requested x.shop.example)" \
    't|t '
acme_honest
acme_admin ari name=x.shop.example start=-7200 end=-3600 \
    explanationURL=https://ca.example/why retry_after=1 > "$T/said"
look
eq "moved into the past" "$(about renewal.requested x.shop.example)" 'open high'
reason_has "and why" renewal.requested x.shop.example \
    'or will; see https://ca.example/why'
eq "asked once a minute at most" "$(sql "select due_at > now() + interval
    '50 seconds' from work where kind = 'ari' and subject = (select
    encode(tbs_sha256, 'hex') from ari where $x)")" t
gone x.shop.example 4

# --- an order that the CA loses -----------------------------------------------------

acme_fault lost_order times=1
cv issue late.shop.example
eq "lost" $rc 1
look
eq "revoked: the CA asks no more" "$(about renewal.requested x.shop.example)" \
    'resolved high'
eq "found in a log" "$(about certificate.not_received late.shop.example)" \
    'open high'
reason_has "the fix" certificate.not_received late.shop.example \
    '"certvigil renew late.shop.example" fetches it'
ok "it is due, so that run fetches it" test -n "$(due late.shop.example)"
id=$(acme_show orders | python3 -c 'import json, sys
print([o["id"] for o in json.load(sys.stdin) if "late.shop.example" in
    json.dumps(o)][-1])')
acme_admin order "id=$id" status=valid > "$T/said"
cv renew late.shop.example
eq "fetched late" $rc 0
[ $rc -eq 0 ] || show
complete "fetched late" late.shop.example
eq "it is that one" "$(sql "select count(*) from managed_certificate m join
    issuance i using (tbs_sha256) where m.name = 'late.shop.example'")" 1
eq "and no other was made" "$(acme_show certs | grep -o 'late.shop.example' |
    wc -l)" "$(acme_show certs | python3 -c 'import json, sys
print(json.dumps([c for c in json.load(sys.stdin) if "late.shop.example" in
    json.dumps(c)][:1]).count("late.shop.example"))')"
look
eq "received" "$(about certificate.not_received late.shop.example)" \
    'resolved high'

# --- by run itself, which is killed --------------------------------------------------

a_conf_more="$a_conf_more
audit: {every: 1s}" ct=true a_conf revoked "$http"
was=$(sql "select serial from managed_certificate where name =
    'late.shop.example'")
orders=$(sql "select count(*) from acme_order")
gone late.shop.example 4
start
# the revocation may be what is heard first, or that the CA asks
ok "run orders another" wait_sql 20 t \
    "select count(*) > $orders from acme_order"
kill -KILL "$run_pid"
wait "$run_pid" 2>/dev/null
start
ok "run replaces it, whenever it is killed" wait_sql 30 t "select serial <>
    '$was' from managed_certificate where name = 'late.shop.example'"
stop
complete "run replaces it" late.shop.example
# an order whose answer died with the process is nobody's, and never finished
eq "by one" "$(acme_show orders | python3 -c 'import json, sys
print(sum(1 for o in json.load(sys.stdin) if o["status"] == "valid" and
    "late.shop.example" in json.dumps(o)))')" 2

# --- what was silent is listed -------------------------------------------------------

cv findings list --silenced
ok "findings list --silenced" grep -q 'a.shop.example' "$T/out"
cv audit
ok "the audit report lists our orders" grep -q \
    'silent since .*late.shop.example: it fulfils expectation' "$T/out"
t_end
