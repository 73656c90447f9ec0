#!/bin/bash
# CAA: record sets as they were, and an issuance judged by what was there long
# enough before it; grants that stand.
#
#   bash tests/system/87-caa.sh build/release
#
# takes: 30

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 87-caa "${1:-}"

t_rig --log elm,operator=Elm --log oak,operator=Oak,proto=static
t_ca
t_dns
t_db caa
{
	echo '"CA Owner","SHA-256 Fingerprint"'
	echo "\"DigiCert\",\"$(openssl x509 -in "$T/ca/int.pem" -outform der |
	    sha256sum | cut -d' ' -f1)\""
} > "$T/ccadb.csv"
t_conf caa 'watch: [.corp.example, .open.example, .ours.example]' \
    "ccadb_csv: $T/ccadb.csv" \
    "audit: {every: 1h, roots: $T/ca/root.pem, resolvers: [\"$dns\"]}"
post "/_rig/elm/fill?n=20&seed=1" >/dev/null

# zone LINE...: the whole zone.
zone()
{
	printf '%s\n' "$@" > "$T/zone.new"
	mv "$T/zone.new" "$T/zone"
}
corp='corp.example 60 CAA 0 issue "letsencrypt.org"'
ours='ours.example 60 CAA 0 issue "digicert.com"'
zone "$corp" "$ours"
once
eq "first read" $rc 0

# set NAME: the last set seen, where, and how many were.
set_of()
{
	sql "select o.found_at || ' ' || coalesce((select string_agg(r->>'tag'
	    || ' ' || (r->>'value'), ', ') from jsonb_array_elements(o.records)
	    r), '-') || ' ' || (select count(*) from caa_observation where name
	    = '$1') from caa_observation o where name = '$1' and error is null
	    order by id desc limit 1"
}
found()
{
	sql "select f.severity || ' ' || f.state || (select
	    coalesce(string_agg(' ' || event || ' ' || n, '' order by event),
	    '') from (select event, count(*) as n from finding_event e where
	    e.finding_id = f.id group by event) x) from finding f where
	    f.kind = '$1' and f.subject = '$2'"
}
eq "a set" "$(set_of corp.example)" "corp.example issue letsencrypt.org 1"
eq "no set" "$(set_of open.example)" " - 1"
again
eq "the same again" "$(set_of corp.example)" \
    "corp.example issue letsencrypt.org 1"
eq "is nothing to say" "$(sql "select kind from finding")" ""

# --- judged by what was there before ---------------------------------------------------

# cert P NAME...: and looked at; verdict P.
cert()
{
	local n names=()

	for n in "${@:2}"; do
		names+=(--name "$n")
	done
	t_issue "${names[@]}" --submit "$rig/elm" --submit "$rig/oak" \
	    --final-submit --out "$T/$1" > "$T/$1.json"
	cv known import "$T/$1.pem"
	again
}
verdict()
{
	sql "select caa || ': ' || coalesce(caa_why, '') from cert_fact where
	    tbs_sha256 = '\\x$(of "$1" tbs_sha256)'"
}
# Time passes: the newest sets are there since so long.
older()
{
	sql "update caa_observation o set first_seen = now() - interval '$1',
	    last_seen = case when exists (select from caa_observation p where
	    p.name = o.name and p.id > o.id) then now() - interval '$1' else
	    last_seen end"
}
older '7 hours'
cert soon www.corp.example
eq "7 hours are too short" "$(verdict soon)" \
    "unknown: the records were not watched for long enough before"
eq "and are no finding" "$(found caa.violated "$(of soon tbs_sha256)")" ""
older '9 hours'
cert bad www.corp.example
eq "8 hours are enough" "$(verdict bad | cut -d: -f1)" violated
eq "and a finding" "$(found caa.violated "$(of bad tbs_sha256)")" \
    "high open opened 1"
cert allowed www.ours.example ours.example
eq "who is named may" "$(verdict allowed | cut -d: -f1)" allowed
cert mixed ours.example x.corp.example
eq "of two names the worse counts" "$(verdict mixed | cut -d: -f1)" violated
cert mixed2 a.corp.example zz.ours.example
eq "in any order" "$(verdict mixed2 | cut -d: -f1)" violated
cert open www.open.example
eq "no records: nothing is violated" "$(found caa.violated \
    "$(of open tbs_sha256)")" ""
again
eq "said once" "$(found caa.violated "$(of bad tbs_sha256)")" \
    "high open opened 1"

# The TTL may be longer than 8 hours; wildcards have their own record.
zone "$corp" 'ours.example 36000 CAA 0 issue "letsencrypt.org"' \
    'ours.example 36000 CAA 0 issuewild ";"'
again
eq "another set" "$(found caa.changed ours.example)" "medium open opened 1"
eq "what it was, and is" "$(sql "select detail->>'before' like
    '%digicert.com%', detail->>'now' like '%letsencrypt.org%' from finding
    where kind = 'caa.changed' and subject = 'ours.example'")" "t|t"
eq "that of the other" "$(found caa.changed corp.example)" ""
older '9 hours'
cert ttl ours.example
eq "9 hours are too short for a TTL of 10" "$(verdict ttl | cut -d: -f1)" \
    unknown
older '11 hours'
cert ttl2 ours.example
eq "11 hours are not" "$(verdict ttl2 | cut -d: -f1)" violated
zone "$corp" 'ours.example 60 CAA 0 issue "digicert.com"' \
    'ours.example 60 CAA 0 issuewild ";"'
again
older '9 hours'
cert wild '*.ours.example'
eq "a wildcard is not for this CA" "$(verdict wild | cut -d: -f1)" violated
cert tame ours.example
eq "the name itself is" "$(verdict tame | cut -d: -f1)" allowed

# Changed between the last look and the issuance: nobody can say.
zone 'corp.example 60 CAA 0 issue "digicert.com"' "$ours"
sql "update caa_observation set last_seen = last_seen - interval
    '10 minutes' where name = 'corp.example'"
cert race corp.example
eq "changed since we looked" "$(verdict race | cut -d: -f1)" unknown
eq "a change is told" "$(found caa.changed corp.example)" \
    "medium open opened 1"

# --- who does not answer changes nothing -----------------------------------------------

before=$(set_of corp.example)
for l in servfail refused formerr drop garbage=100 cut loop id question; do
	zone "$corp" "corp.example ! $l"
	again
	eq "$l: the set stays" "$(set_of corp.example | sed 's/ [0-9]*$//')" \
	    "${before% *}"
	eq "$l: is noted" "$(sql "select error is not null from caa_observation
	    where name = 'corp.example' order by id desc limit 1")" t
done
eq "and nothing is said" "$(found caa.changed corp.example)" \
    "medium open opened 1"

# --- the resolver says that it is validated ---------------------------------------------

zone 'corp.example 60 CAA 0 issue "digicert.com"' "$ours" \
    'corp.example ! ad' 'corp.example ! tc'
again
eq "AD is stored, with who said it" "$(sql "select ad, resolver from
    caa_observation where name = 'corp.example' and error is null order by id
    desc limit 1")" "t|$dns"
eq "of a name without, not" "$(sql "select ad from caa_observation where name =
    'ours.example' and error is null order by id desc limit 1")" f

# --- grants ---------------------------------------------------------------------------------

zone 'corp.example 60 CAA 0 issue "digicert.com"' "$ours" \
    '_validation-persist.corp.example 60 TXT "letsencrypt.org; accounturi=https://acme.example/1; policy=wildcard"'
again
eq "a grant" "$(found grant.unexpected corp.example)" "high open opened 1"
eq "what it grants" "$(sql "select g->>'issuer', g->>'account', g->>'wildcard',
    g->>'until' from finding, jsonb_array_elements(detail->'grants') g where
    kind = 'grant.unexpected'")" \
    "letsencrypt.org|https://acme.example/1|true|"
again
eq "said once" "$(found grant.unexpected corp.example)" "high open opened 1"
zone 'corp.example 60 CAA 0 issue "digicert.com"' "$ours" \
    '_validation-persist.corp.example 60 TXT "v=spf1 -all"'
again
eq "gone" "$(found grant.unexpected corp.example)" \
    "high resolved opened 1 resolved 1"
# of an account that was declared it is expected, of another one it is not
zone 'corp.example 60 CAA 0 issue "digicert.com"' "$ours" \
    '_validation-persist.corp.example 60 TXT "letsencrypt.org; accounturi=https://acme.example/1; policy=wildcard"'
sql "insert into known_account (url, author) values
    ('https://acme.example/1', 'test')"
again
eq "of a known account" "$(found grant.unexpected corp.example)" \
    "high resolved opened 1 resolved 1"
sql "update known_account set removed_at = now()"
again
ok "of one that is not known any more" grep -q "^high open " \
    <(found grant.unexpected corp.example)
t_end
