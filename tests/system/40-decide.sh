#!/bin/bash
# What is said about an issuance and what is not: the rules of the manual one
# after the other, the messages of it, what a person can answer.
#
#   bash tests/system/40-decide.sh build/release
#
# takes: 35

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 40-decide "${1:-}"

t_rig --log log
t_sink
t_db decide
# Two CAs whose keys have an owner, one that nobody knows.
ca=ca t_ca
ca=ca2 t_ca
ca=ca3 t_ca
fingerprint()
{
	openssl x509 -in "$1" -outform der | sha256sum | cut -d' ' -f1
}
{
	echo '"CA Owner","SHA-256 Fingerprint"'
	echo "\"DigiCert\",\"$(fingerprint "$T/ca/int.pem")\""
	echo "\"Internet Security Research Group\",\"$(fingerprint "$T/ca2/int.pem")\""
} > "$T/ccadb.csv"
t_conf decide 'watch:' '  - .corp.example' \
    '  - {name: .strict.example, owner: team-s, policy: strict}' \
    '  - {name: .team.example, owner: team-t, policy: strict}' \
    'policies:' \
    '  strict: {issuers: {letsencrypt.org: hold, digicert.com: digest, "*": deny}, hold: 1h}' \
    'sources:' \
    '  - {name: team-t, names: [.team.example], issuers: [letsencrypt.org]}' \
    "ccadb_csv: $T/ccadb.csv" \
    'channels:' \
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}" \
    'routes:' '  - {to: [soc]}'

sent=0
# messages WHAT N: so many more messages than before.
messages()
{
	local n

	n=$(grep -c . "$sink_log")
	eq "$1: messages" $((n - sent)) "$2"
	sent=$n
}
# round WHAT FINDINGS MESSAGES: read; so many findings were opened, so many
# messages sent.
before=0
round()
{
	local n

	once
	eq "$1: run --once" $rc 0
	n=$(sql 'select count(*) from finding')
	eq "$1: findings" $((n - before)) "$2"
	before=$n
	messages "$1" "$3"
}
# The newest finding's columns $1.
newest()
{
	sql "select $1 from finding order by id desc limit 1"
}
issue()
{
	t_issue --submit "$rig/log" --final-submit "$@" > "$T/issued" ||
	    fail "ca issue $*"
	tbs=$(sed -n 's/.*"tbs_sha256":"\([0-9a-f]*\)".*/\1/p' "$T/issued")
}
decision()
{
	eq "$1: decision" "$(sql "select rule, decision from issuance where
	    tbs_sha256 = '\\x$tbs'")" "$2"
}

# --- rule 5: what was there before -----------------------------------------------

post "/_rig/log/fill?n=100&seed=1" >/dev/null
issue --name old.corp.example --out "$T/old"
round baseline 0 0
decision baseline '5|baseline'
cv baseline list --json
eq "baseline list" "$rc $(grep -c "$tbs" "$T/out")" '0 1'
cv baseline list --group-by issuer_owner
eq "baseline by owner" "$rc $(grep -c 'digicert.com' "$T/out")" '0 1'
cv why "$tbs"
ok "why says baseline" grep -qi 'baseline' "$T/out"

# --- rule 8: nobody declared it -----------------------------------------------------

# Precertificate and certificate, both in the log, are one issuance.
ca=ca3 issue --name www.corp.example --out "$T/un"
round unexpected 1 1
eq "unexpected" "$(newest 'kind, severity, state, name, proven, rule')" \
    'certificate.unexpected|critical|open|www.corp.example|t|8'
un=$(newest id)
decision unexpected '8|page'
eq "one event" "$(sql 'select count(*) from finding_event')" 1
ok "webhook verified" grep -q '"verified":true' "$sink_log"
eq "webhook-id is the event" \
    "$(sed -n 's/.*"webhook_id":"\([^"]*\)".*/\1/p' "$sink_log")" \
    "$(sql 'select id from finding_event')"
ok "message names it" grep -q 'www.corp.example' "$sink_log"
ok "message has the commands" grep -q "certvigil accept $un" "$sink_log"
cv why "$un"
eq "why: status" $rc 0
ok "why: names the rule" grep -q '8' "$T/out"
ok "why: says what would silence it" grep -q 'known import\|accept' "$T/out"
cv findings --json
eq "findings --json" "$(grep -c '"kind": *"certificate.unexpected"' "$T/out")" 1
# An owner that is usual for the name lowers it one step.
issue --name old.corp.example --out "$T/c"
round "usual owner" 1 1
eq "usual owner" "$(newest severity)" high
# Nothing is said twice.
round again 0 0

# --- rules 2, 3 and 4: declared -------------------------------------------------------

# A request, ordered: used up by one certificate.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/o.key" -out "$T/o.csr" -subj /CN=o.corp.example \
    -addext 'subjectAltName=DNS:o.corp.example' 2>/dev/null
cv expect issuance --csr "$T/o.csr" --issuer digicert.com --within 1h
eq "expect" $rc 0
issue --csr "$T/o.csr" --name o.corp.example --out "$T/o"
round ordered 0 0
decision ordered '2|silent'
eq "expectation is used up" "$(sql 'select state from expectation')" fulfilled
issue --csr "$T/o.csr" --name o.corp.example --out "$T/o2"
round "ordered twice" 1 1

# Imported: this issuance, then its key within its bounds.
issue --name k.corp.example --out "$T/k"
cv known import "$T/k.fullchain.pem"
eq "known import" $rc 0
round known 0 0
decision known '3|silent'
issue --name k.corp.example --key "$T/k.key" --out "$T/k2"
round "same key" 0 0
decision "same key" '4|silent'
issue --name other.corp.example --key "$T/k.key" --out "$T/k3"
round "same key, other name" 1 1
eq "same key, other name" "$(newest 'kind, severity')" 'key.misused|critical'
# A stolen key.
issue --name s.corp.example --out "$T/s"
cv known import --compromised "$T/s.pem"
eq "known import --compromised" $rc 0
round compromised 1 1
eq "compromised" "$(newest 'kind, severity')" 'key.misused|critical'

# --- answers ---------------------------------------------------------------------------

issue --name a.corp.example --out "$T/a"
round "to be accepted" 1 1
id=$(newest id)
cv ack "$id"
eq "ack" "$rc $(newest state)" '0 acked'
cv accept "$id" --scope key --reason 'an appliance'
eq "accept" "$rc $(newest state)" '0 accepted'
issue --name a.corp.example --key "$T/a.key" --out "$T/a2"
# The acceptance takes back what was announced; nothing else is said.
round "accepted key" 0 1
eq "acceptance" "$(sql "select string_agg(event, ' ' order by at) from
    finding_event where finding_id = $id")" 'opened acked retracted'
cv reject "$un" --reason 'not ours'
eq "reject" "$rc $(sql "select state from finding where id = $un")" '0 rejected'
cv silence --name .quiet.corp.example --for 1h --reason 'load test' \
    --allow-critical
eq "silence" $rc 0
ca=ca3 issue --name x.quiet.corp.example --out "$T/q"
round silenced 1 0
cv findings --silenced --json
ok "silenced is listed" grep -q 'x.quiet.corp.example' "$T/out"
cv resolve "$un" --reason 'revoked, and gone'
eq "resolve" "$rc $(sql "select state from finding where id = $un")" \
    '0 resolved'
once
sent=$(grep -c . "$sink_log")

# --- rules 1, 6 and 7: policies -----------------------------------------------------------

ca=ca3 issue --name x.strict.example --out "$T/c"
round denied 1 1
eq denied "$(newest 'kind, severity, owner')" \
    'certificate.unexpected|critical|team-s'
decision denied '1|deny'
issue --name y.strict.example --out "$T/c"
round digest 1 0
eq digest "$(newest 'kind, severity')" 'certificate.unexpected|low'
ca=ca2 issue --name z.strict.example --out "$T/c"
round "hold, but no source" 1 1
ca=ca2 issue --name a.team.example --out "$T/team"
round held 0 0
decision held '6|hold'
cv known import --source team-t "$T/team.fullchain.pem"
eq "declared by its source" $rc 0
once
decision "declared by its source" '3|silent'
before=$(sql 'select count(*) from finding')
ca=ca2 issue --name b.team.example --out "$T/c"
round "held, not declared" 0 0
sql "update issuance set hold_until = now() - interval '1 minute',
    first_seen = first_seen - interval '2 hours' where decision = 'hold'"
once
eq "the hold ends" "$(newest 'kind, name')" \
    'certificate.unexpected|b.team.example'
before=$(sql 'select count(*) from finding')
sent=$(grep -c . "$sink_log")

# --- what is wrong with a certificate ---------------------------------------------------------

issue --name t.corp.example --out "$T/t"
round "before twins" 1 1
issue --name t.corp.example --same-serial "$T/t.pem" --out "$T/t2"
once
eq twins "$(sql "select count(*) from finding where
    kind = 'certificate.twins'")" 1
before=$(sql 'select count(*) from finding')
sent=$(grep -c . "$sink_log")
issue --name f.corp.example --bad-signature --out "$T/c"
round "bad signature" 1 1
eq "bad signature" "$(newest 'kind, reason')" \
    "$(newest "'certificate.malformed', reason")"
ok "bad signature: reason" grep -q issuer_signature <(newest reason)
issue --name m.corp.example --malformed --out "$T/c"
once
eq malformed "$(sql "select count(distinct subject) > 0 from finding where
    kind = 'certificate.malformed' and reason not like 'issuer_sig%'")" t
# The precertificate signing certificate is not the issuer.
before=$(sql 'select count(*) from finding')
sent=$(grep -c . "$sink_log")
issue --name p.corp.example --precert-signing-cert --out "$T/c"
round "precertificate signing certificate" 1 1
eq "precertificate signing certificate" "$(newest 'kind, name')" \
    'certificate.unexpected|p.corp.example'
eq "every message verified" "$(grep -vc '"verified":true' "$sink_log")" 0
eq "one opened event a finding" "$(sql "select count(*) from (select
    finding_id from finding_event where event = 'opened' group by 1
    having count(*) > 1) x")" 0
t_end
