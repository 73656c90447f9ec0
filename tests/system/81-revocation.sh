#!/bin/bash
# Revocation: what CRL and OCSP say becomes one status with provenance and
# history; only what nobody here ordered is news, once.
#
#   bash tests/system/81-revocation.sh build/release
#
# takes: 35

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 81-revocation "${1:-}"

t_rig --log elm,operator=Elm --log oak,operator=Oak,proto=static
t_cas
t_db revocation
t_conf revocation 'watch: [.corp.example]' \
    "audit: {every: 1h, roots: $T/ca/root.pem}"
crl="--crl $cas/ca/crl/full.crl" ocsp="--ocsp $cas/ca/ocsp"

post "/_rig/elm/fill?n=20&seed=1" >/dev/null
once
eq "first read" $rc 0

# cert P HOW...: P.corp.example, in both logs.
cert()
{
	# shellcheck disable=SC2086
	t_cert "$1.corp.example" "$1" --submit "$rig/elm" \
	    --submit "$rig/oak" --final-submit ${*:2}
}

# ours P...: declared, so that the certificate itself is no news.
ours()
{
	local p

	for p; do
		cv known import "$T/$p.pem"
		eq "known import $p" $rc 0
	done
}

# of each P: status, reason, in the database.
status()
{
	sql "select status || coalesce(' ' || reason, '') || case when
	    disagree_since is null then '' else ' disputed' end
	    from revocation where serial = '$(of "$1" serial)'"
}

# finding KIND P: state, severity and how often each event of it.
finding()
{
	sql "select f.state, f.severity, (select string_agg(event || ' ' || n,
	    ', ' order by event) from (select event, count(*) as n from
	    finding_event e where e.finding_id = f.id group by event) x)
	    from finding f where f.kind = '$1' and f.subject like
	    '%:$(of "$2" serial)'"
}

# words P: what each source said of it, in order.
words()
{
	sql "select s.kind || ' ' || string_agg(w.status || coalesce(' ' ||
	    w.reason, ''), ', ' order by w.id) from revocation_status w
	    join revocation_source s on s.id = w.source_id where
	    w.serial = '$(of "$1" serial)' group by s.kind order by s.kind" |
	    paste -sd';'
}

for p in good both reason5 ordered back held disputed; do
	cert $p "$crl" "$ocsp"
done
cert bycrl "$crl"
cert byocsp "$ocsp"
cert nobody "$crl" "$ocsp"	# nobody declares it
cert before "$crl" "$ocsp"	# revoked before it is seen
cert late "$crl" "$ocsp"
cert nothing
revoke before 'reason=superseded&at=-86400'
ours good both reason5 ordered back held disputed bycrl byocsp before late
once
eq "first look" $rc 0
[ $rc -eq 0 ] || show
for p in good both bycrl byocsp nobody; do
	eq "$p is good" "$(status $p)" good
done
eq "no URL: nothing to ask" "$(status nothing)" ""
eq "revoked before we saw it" "$(status before)" "revoked 4"
eq "which is history, not news" "$(finding certificate.revoked before)" ""
eq "one page for what nobody declared" "$(sql "select count(*) from finding
    where kind = 'certificate.unexpected' and state = 'open'")" 2
eq "and nothing else" "$(sql "select kind, reason from finding where kind
    <> 'certificate.unexpected'")" ""

# --- an unexpected revocation ---------------------------------------------------

cas_lie contradict "serial=$(of disputed serial)"
for p in bycrl byocsp both nobody disputed; do
	revoke $p reason=keyCompromise
done
revoke reason5 reason=cessationOfOperation
again
eq "second look" $rc 0
eq "revoked, as only the CRL says" "$(status bycrl)" "revoked 1"
eq "revoked, as only OCSP says" "$(status byocsp)" "revoked 1"
eq "revoked, as both say" "$(status both)" "revoked 1"
for p in bycrl byocsp both; do
	eq "$p: one finding" "$(finding certificate.revoked $p)" \
	    "open|critical|opened 1"
done
# provenance P
provenance()
{
	sql "select string_agg(s->>'kind', ' ' order by s->>'kind') from
	    finding f, jsonb_array_elements(f.detail->'sources') s where
	    f.kind = 'certificate.revoked' and f.subject like
	    '%:$(of "$1" serial)'"
}
eq "its provenance" "$(provenance bycrl)" "crl"
eq "its provenance" "$(provenance byocsp)" "ocsp"
eq "both provenances" "$(provenance both)" "crl ocsp"
eq "both with hash and date" "$(sql "select count(*) from finding f,
    jsonb_array_elements(f.detail->'sources') s where f.kind =
    'certificate.revoked' and f.subject like '%:$(of both serial)' and
    s->>'sha256' ~ '^[0-9a-f]{64}$' and s->>'stated_at' is not null and
    s->>'first_seen' is not null")" 2
eq "evidence of each word is kept" "$(sql "select string_agg(form, ' ' order
    by form) from revocation_status where serial = '$(of both serial)' and
    status = 'revoked' and length(raw) > 100")" "crl ocsp"
eq "history" "$(words both)" "crl good, revoked 1;ocsp good, revoked 1"
eq "somebody proved control of our names" "$(sql "select reason like
    '%somebody proved control of our names%' from finding where kind =
    'certificate.revoked' and subject like '%:$(of reason5 serial)'")" t
eq "of the others that is not said" "$(sql "select count(*) from finding
    where reason like '%proved control%'")" 1
eq "what nobody declared is contained" "$(sql "select state from finding
    where kind = 'certificate.unexpected' and subject = '$(of nobody \
    tbs_sha256)'")" contained
eq "and that is no second finding" "$(finding certificate.revoked nobody)" ""
again
eq "seen again, nothing is said again" "$(finding certificate.revoked both)" \
    "open|critical|opened 1"
eq "nor written again" "$(words both)" \
    "crl good, revoked 1;ocsp good, revoked 1"

# --- sources that contradict each other ------------------------------------------

eq "revoked, although OCSP says good" "$(status disputed)" \
    "revoked 1 disputed"
eq "that may be an hour's delay" \
    "$(finding revocation.disagreement disputed)" ""
sql "update revocation set disagree_since = disagree_since - interval
    '25 hours' where serial = '$(of disputed serial)'"
again
eq "but not a day's" "$(finding revocation.disagreement disputed)" \
    "open|high|opened 1"
cas_post "lie?lie=contradict&serial=$(of disputed serial)&on=0"
again
eq "they agree" "$(status disputed)" "revoked 1"
eq "which is said once" "$(finding revocation.disagreement disputed)" \
    "resolved|high|opened 1, resolved 1"
eq "and it stays revoked" "$(finding certificate.revoked disputed)" \
    "open|critical|opened 1"

# --- a revocation that we ordered --------------------------------------------------

# order P BY: revoked at the latest BY.
order()
{
	of "$1" serial > "$T/serials"
	cv expect revocation --serials "$T/serials" --by "$2"
	eq "expect revocation $1" $rc 0
	[ $rc -eq 0 ] || show
}
order ordered 24h
order late 24h
sql "update expectation set not_after_ms = extract(epoch from now() - interval
    '1 minute') * 1000 where serial = '$(of late serial)'"
revoke ordered reason=superseded
again
eq "it is revoked" "$(status ordered)" "revoked 4"
eq "as ordered" "$(sql "select state from expectation where serial =
    '$(of ordered serial)'")" fulfilled
eq "which is known of the revocation" "$(sql "select count(*) from revocation
    r join expectation e on e.id = r.expected where r.serial =
    '$(of ordered serial)' and published_s >= 0")" 1
eq "and silent" "$(finding certificate.revoked ordered)" ""
eq "ordered, and not to be seen" "$(finding revocation.not_published late)" \
    "open|high|opened 1"
eq "of the other one, nothing" "$(finding revocation.not_published ordered)" ""
revoke late reason=superseded
again
eq "it is there at last" "$(finding revocation.not_published late)" \
    "resolved|high|opened 1, resolved 1"
eq "and no surprise" "$(finding certificate.revoked late)" ""

# --- revoked no more ------------------------------------------------------------------

revoke back reason=keyCompromise
revoke held reason=certificateHold
again
eq "one is revoked" "$(finding certificate.revoked back)" \
    "open|critical|opened 1"
eq "one is on hold" "$(status held)" "revoked 6"
cas_post "unrevoke?serial=$(of back serial)"
cas_post "unrevoke?serial=$(of held serial)"
again
eq "not any more" "$(status back)" good
eq "the hold is over" "$(status held)" good
eq "the finding is gone" "$(finding certificate.revoked back)" \
    "resolved|critical|opened 1, resolved 1"
eq "with the hold" "$(finding certificate.revoked held)" \
    "resolved|critical|opened 1, resolved 1"
eq "an entry may not vanish" "$(finding revocation.disagreement back)" \
    "open|high|opened 1"
eq "a hold may" "$(finding revocation.disagreement held)" ""
eq "history has it all" "$(words back)" \
    "crl good, revoked 1, good;ocsp good, revoked 1, good"

# --- a date that moves, a reason that is raised ---------------------------------------

revoke ordered 'reason=keyCompromise&at=2026-01-31T00:00:00Z'
again
eq "the reason was raised" "$(status ordered)" "revoked 1"
eq "the date moved back" "$(sql "select stated_at = '2026-01-31T00:00:00Z'
    from revocation where serial = '$(of ordered serial)'")" t
eq "history" "$(words ordered)" \
    "crl good, revoked 4, revoked 1;ocsp good, revoked 4, revoked 1"

# --- a CRL that stays as it is ----------------------------------------------------------

unchanged()
{
	get "$cas/_rig/slow/stats" | json_int not_modified
}
post "$cas/_rig/new?ca=$T/ca,name=slow,crl_every=3600" >/dev/null
slow="--crl $cas/slow/crl/full.crl"
cert first "$slow"
ours first
again
eq "a source that is new is asked in the same run" "$(status first)" good
again
eq "not fetched twice: 304" "$(unchanged)" 1
eq "it is good still" "$(status first)" good
cert second "$slow"
ours second
again
eq "of one that was not looked for the same CRL speaks, in the same run" \
    "$(status second)" good
revoke second reason=keyCompromise
again
eq "nobody can know yet" "$(status second)" good
post "$cas/_rig/slow/publish" >/dev/null
again
eq "now it is known" "$(status second)" "revoked 1"
eq "of the other one too" "$(status first)" good
n=$(unchanged)
again
eq "304" "$(unchanged)" $((n + 1))
eq "revoked it stays" "$(status second)" "revoked 1"

# --- commands ----------------------------------------------------------------------------

cv revocation status "$(of both serial)" --json
eq "revocation status: exit" $rc 0
eq "what it says" "$(python3 -c 'import json, sys
o = json.loads(open(sys.argv[1]).readline())
print(o["revocation"]["status"], o["serial"])' "$T/out")" "revoked $(of both serial)"
cv revocation status 04:AB:12:CD
eq "no such serial number" "$rc $(grep -c 'no certificate of 04:AB:12:CD' \
    "$T/err")" '1 1'
cv revocation status www.nowhere.example
eq "of what is not known: exit" $rc 1
cv revocation sources --json
eq "revocation sources: exit" $rc 0
eq "each on its line" "$(wc -l < "$T/out")" \
    "$(sql "select count(*) from revocation_source")"
eq "no source is faulty" "$(sql "select kind, state, fault, why from
    revocation_source where state <> 'good'")" ""
t_end
