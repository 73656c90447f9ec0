#!/bin/bash
# Mass revocation: many of one CA within an hour are one finding, however they
# come, which says how far it is until all of them are replaced.
#
#   bash tests/system/90-campaign.sh build/release
#
# takes: 35

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 90-campaign "${1:-}"

t_rig --log elm,operator=Elm --log oak,operator=Oak,proto=static
t_sink
t_cas
for c in ca2 ca3; do
	ca=$c t_ca
	post "$cas/_rig/new?ca=$T/$c" >/dev/null
done
t_db campaign
t_conf campaign 'watch: [.corp.example]' \
    "audit: {every: 1h, roots: $T/ca/root.pem}" 'channels:' \
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}" \
    'routes:' '  - {to: [soc]}'
post "/_rig/elm/fill?n=20&seed=1" >/dev/null
once
eq "first read" $rc 0

# cert CA P [NAME]: a certificate for NAME.corp.example.
cert()
{
	ca=$1 t_cert "${3:-$2}.corp.example" "$2" --submit "$rig/elm" \
	    --submit "$rig/oak" --final-submit --crl "$cas/$1/crl/full.crl"
}
# many CA P FROM TO
many()
{
	local i

	for ((i = $3; i <= $4; i++)); do
		cert "$1" "$2$i"
	done
}
# away CA P FROM TO: revoked.
away()
{
	local i

	for ((i = $3; i <= $4; i++)); do
		ca=$1 revoke "$2$i" reason=keyCompromise
	done
}
# singles P: how many findings in which state, of P...
singles()
{
	sql "select state || ' ' || count(*) from finding where kind =
	    'certificate.revoked' and name like '$1%' group by state
	    order by state" | paste -sd,
}
# campaign CA: the finding about its CA.
campaign()
{
	sql "select f.severity || ' ' || f.state || (select string_agg(' ' ||
	    event || ' ' || n, '' order by event) from (select event, count(*)
	    as n from finding_event e where e.finding_id = f.id group by event)
	    x) from finding f where f.kind = 'revocation.campaign' and
	    f.subject = '$(of "$1" issuer_spki_sha256)'"
}
progress()
{
	sql "select concat_ws(' ', detail->>'revoked', detail->>'replaced',
	    detail->>'served', detail->>'left') from finding where kind =
	    'revocation.campaign' and subject = '$(of "$1" \
	    issuer_spki_sha256)'"
}
# sent KIND: messages about findings of that kind.
sent()
{
	grep -c "\"kind\\\\*\":\\\\*\"$1" "$sink_log"
}

many ca a 1 13
many ca2 b 1 12
many ca3 c 1 12
cat "$T"/[abc][0-9]*.pem > "$T/all.pem"
cv known import $(ls "$T"/[abc][0-9]*.pem | grep -v chain)
eq "known import" $rc 0
# An endpoint serves one of the first CA.
t_tls "a1,cert=$T/a1.fullchain.pem,key=$T/a1.key"
cv endpoint add "127.0.0.1:$(tls_port a1)"
eq "endpoint add" $rc 0
once
eq "second read" $rc 0
again
eq "all of them are good" "$(sql "select status, count(*) from revocation
    group by status")" "good|37"

# --- twelve at once, five and then seven, nine -------------------------------------------

away ca a 1 12
away ca2 b 1 5
away ca3 c 1 9
# Three more are ordered: they are no news and count for nothing.
for i in 10 11 12; do
	sql "insert into expectation (kind, issuer_spki_sha256, serial,
	    not_before_ms, not_after_ms, origin, author) values ('revocation',
	    '\\x$(of c$i issuer_spki_sha256)', '$(of c$i serial)', 0,
	    extract(epoch from now() + interval '1 day') * 1000, 'cli',
	    'test')"
done
away ca3 c 10 12
again
eq "third read" $rc 0
eq "twelve are one finding" "$(campaign a1)" "critical open opened 1"
eq "and not twelve" "$(singles a)" ""
eq "how far it is" "$(progress a1)" "12 0 1 12"
eq "in words" "$(sql "select reason like
    '12 certificates%: 0 replaced, 1 served, 12 left, %' from finding where kind = 'revocation.campaign'")" t
eq "five are five" "$(singles b)" "open 5"
eq "nine are nine" "$(singles c)" "open 9"
eq "of no campaign" "$(campaign b1)$(campaign c1)" ""
away ca2 b 6 12
again
eq "with seven more" "$(campaign b1)" "critical open opened 1"
eq "the five are part of it" "$(singles b)" "resolved 5"
eq "and are taken back" "$(sql "select event, count(*) from finding_event e
    join finding f on f.id = e.finding_id where f.kind = 'certificate.revoked'
    and f.name like 'b%' group by event order by event" | paste -sd,)" \
    "opened|5,retracted|5"
eq "how far it is" "$(progress b1)" "12 0 0 12"
away ca a 13 13
again
eq "one more is one more" "$(progress a1)" "13 0 1 13"
eq "no finding of its own" "$(singles a)" ""
eq "nothing said again" "$(campaign a1)" "critical open opened 1"
eq "messages: two campaigns" "$(sent revocation.campaign)" 2

key=$(of a1 issuer_spki_sha256)
cv affected --issuer-spki "$key" --json
eq "affected: exit" $rc 0
eq "thirteen are, one is served" "$(python3 -c 'import json, sys
v = [json.loads(l) for l in open(sys.argv[1])]
print(len(v), sum(1 for o in v if o.get("served_at")))' "$T/out")" "13 1"
cv affected --issuer-spki "$key" --csv
eq "as CSV" "$rc $(wc -l < "$T/out")" "0 14"

# --- they are replaced ---------------------------------------------------------------------

for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	cert ca "r$i" "a$i"
done
cv known import $(ls "$T"/r[0-9]*.pem | grep -v chain)
again
eq "twelve of thirteen" "$(progress a1)" "13 12 1 1"
eq "it is open still" "$(campaign a1)" "critical open opened 1"
cert ca r13 a13
cv known import "$T/r13.pem"
again
eq "all, but one is served" "$(progress a1)" "13 13 1 0"
eq "it is open still" "$(campaign a1)" "critical open opened 1"
tls_post "a1/set?cert=$T/r1.fullchain.pem&key=$T/r1.key"
again
again
eq "and served no more" "$(campaign a1)" \
    "critical resolved opened 1 resolved 1"
eq "the other one goes on" "$(campaign b1)" "critical open opened 1"
eq "not one finding of the first CA's certificates" "$(singles a)" ""
t_end
