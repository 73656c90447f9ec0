#!/bin/bash
# OCSP responders that lie, each under a URL of its own: what is wrong is said of
# the responder, when it is so twice, and is over when it is over; no lie makes a
# certificate good, and nobody waits for another.
#
#   bash tests/system/83-ocsp-lies.sh build/release
#
# takes: 45

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 83-ocsp-lies "${1:-}"

# NAME LIE[?ARGS] FAULT GOOD REVOKED: told before the responder was ever asked:
# its fault ("outer" and "unreachable" become a finding with time), the status of
# a certificate that is good, of one that is revoked.
cat > "$T/table" <<'END'
honest     -                     -                 good    revoked
stale      stale                 stale             unknown revoked
future     future                future            unknown revoked
noend      no_next_update        no_next_update    good    revoked
badsig     bad_signature         signature         unknown unknown
wrongkey   wrong_key             signature         unknown unknown
critical   unknown_critical      malformed         unknown unknown
deep       deep?n=10000          malformed         unknown unknown
deeper     deep                  unreachable       unknown unknown
garbage    garbage               malformed         unknown unknown
cutshort   truncated             malformed         unknown unknown
empty      empty                 malformed         unknown unknown
stranger   wrong_responder       responder         unknown unknown
noeku      no_eku                responder         unknown unknown
expired    expired_responder     responder         unknown unknown
nocerts    no_certs              responder         unknown unknown
nonocheck  no_nocheck            no_nocheck        good    revoked
allgood    good_for_unknown      good_for_unissued good    revoked
later      trylater              outer             unknown unknown
internal   internal_error        outer             unknown unknown
unauth     unauthorized          outer             unknown unknown
malreq     malformed_request     outer             unknown unknown
serial     wrong_serial          absent            unknown unknown
issuer     wrong_issuer          absent            unknown unknown
unknown    contradict?mode=unknown -               unknown unknown
nononce    nonce                 -                 good    revoked
othernonce nonce?mode=wrong      -                 good    revoked
sha1       sha1                  -                 good    revoked
many       many                  -                 good    revoked
gzip       gzip                  malformed         unknown unknown
bomb       gzip_bomb?n=16        unreachable       unknown unknown
slow       slow                  unreachable       unknown unknown
stall      stall                 unreachable       unknown unknown
reset      reset                 unreachable       unknown unknown
cut        cut                   unreachable       unknown unknown
e404       404                   unreachable       unknown unknown
e429       429?n=1               unreachable       unknown unknown
e500       500                   unreachable       unknown unknown
html       html                  malformed         unknown unknown
type       wrong_content_type    -                 good    revoked
private    redirect?url=http%3A//10.0.0.1/ocsp unreachable unknown unknown
loop       redirect_loop         unreachable       unknown unknown
huge       huge_body?n=64        unreachable       unknown unknown
chunked    huge_body?n=64&mode=chunked unreachable unknown unknown
END

t_rig --log elm,operator=Elm --log oak,operator=Oak
cas_args="--ports $(wc -l < "$T/table")" t_cas
t_db ocsplies
t_conf ocsplies 'watch: [.corp.example]' \
    "audit: {every: 1h, roots: $T/ca/root.pem}"
post "/_rig/elm/fill?n=20&seed=1" >/dev/null
once
eq "first read" $rc 0
mapfile -t at < <(grep -o '127\.0\.0\.1:[0-9]*' "$T/cas.out" | sort -u)
i=0
while read -r n lie _; do
	url=http://${at[$((i++))]}/$n/ocsp
	# the certificate of a delegated responder is new, and an old answer
	# would be older
	[ "$n" = stale ] && how=direct || how=delegated
	post "$cas/_rig/new?ca=$T/ca,name=$n,ocsp=$how" >/dev/null
	for p in good bad; do
		t_cert "$p.$n.corp.example" "$n.$p" \
		    --submit "$rig/elm" --submit "$rig/oak" --final-submit \
		    --ocsp "$url"
	done
	revoke "$n.bad" 'reason=superseded&at=-172800' >/dev/null
done < "$T/table"
cat "$T"/*.good.pem "$T"/*.bad.pem > "$T/all.pem"
cv known import "$T/all.pem"
eq "known import" $rc 0

lies()
{
	local n lie rest

	while read -r n lie rest; do
		[ "$lie" != - ] || continue
		rest=
		[[ $lie != *\?* ]] || rest=${lie#*\?}
		ca=$n cas_lie "${lie%%\?*}" "$rest"
	done < "$T/table"
}

truth()
{
	local n rest

	while read -r n rest; do
		ca=$n honest
	done < "$T/table"
}

# Read what the database has: $fault and $found (open findings) of each
# responder, and $status of each serial.
declare -A fault found status
look()
{
	local a b c

	fault=() found=() status=()
	while IFS='|' read -r a b c; do
		fault[$a]=$b found[$a]=$c
	done < <(sql "select substring(url, '/([^/]*)/ocsp'),
	    coalesce(fault, '-') || case when (state = 'good') <>
	    (fault is null) or (state = 'unreachable') <> (coalesce(fault, '')
	    = 'unreachable') then ' but ' || state else '' end,
	    (select count(*) from finding f where f.subject = s.url and f.kind
	    = 'revocation.source_faulty' and f.state = 'open')
	    from revocation_source s")
	while IFS='|' read -r a b; do
		status[$a]=$b
	done < <(sql "select serial, status from revocation")
}

others()
{
	sql "select kind, name, reason from finding where kind <>
	    'revocation.source_faulty' order by id limit 3"
}

# --- from the first question on ------------------------------------------------------

lies
once
eq "they are lied to" $rc 0
[ $rc -eq 0 ] || show
look
while read -r n lie bad good revoked; do
	eq "$n: fault" "${fault[$n]}" "$bad"
	eq "$n: one that is good" "${status[$(of "$n.good" serial)]}" "$good"
	eq "$n: one that is revoked" "${status[$(of "$n.bad" serial)]}" \
	    "$revoked"
	eq "$n: once is nothing to say" "${found[$n]}" 0
done < "$T/table"
eq "of certificates there is nothing to say" "$(others)" ""
again
look
while read -r n lie bad good revoked; do
	case $bad in
	-|outer|unreachable)	want=0 ;;
	*)			want=1 ;;
	esac
	eq "$n: fault, again" "${fault[$n]}" "$bad"
	eq "$n: twice is" "${found[$n]}" $want
	eq "$n: still $good" "${status[$(of "$n.good" serial)]}" "$good"
done < "$T/table"

# tryLater for more than a day, no answer for more than 6 hours.
sql "update revocation_source set failing_since = failing_since - case when
    fault = 'outer' then interval '23 hours' else interval '5 hours' end
    where fault in ('outer', 'unreachable')"
again
eq "not long enough" "$(sql "select count(*) from finding f join
    revocation_source s on s.url = f.subject where s.fault in ('outer',
    'unreachable')")" 0
sql "update revocation_source set failing_since = failing_since - interval
    '61 minutes' where fault in ('outer', 'unreachable')"
again
look
while read -r n lie bad good revoked; do
	[ "$bad" = - ] && want=0 || want=1
	eq "$n: long enough" "${found[$n]}" $want
done < "$T/table"

truth
again
eq "they are told the truth" $rc 0
look
while read -r n lie bad good revoked; do
	eq "$n: in order again" "${fault[$n]}" -
	eq "$n: one that is good" "${status[$(of "$n.good" serial)]}" good
	eq "$n: one that is revoked" "${status[$(of "$n.bad" serial)]}" \
	    revoked
done < "$T/table"
eq "each is resolved, once" "$(sql "select distinct f.state, count(*) from
    finding f join finding_event e on e.finding_id = f.id where
    f.kind = 'revocation.source_faulty' group by f.id, f.state")" "resolved|2"
eq "what was revoked before is no news" "$(others)" ""

# --- and when it was good before -------------------------------------------------------

sql "update revocation_source set probed_at = null"	# which is daily
lies
again
look
while read -r n lie bad good revoked; do
	want=good
	[ "$n" != unknown ] || want=unknown
	eq "$n: fault, later" "${fault[$n]}" "$bad"
	eq "$n: what it said counts until it ends" \
	    "${status[$(of "$n.good" serial)]}" $want
	eq "$n: revoked it stays" "${status[$(of "$n.bad" serial)]}" revoked
done < "$T/table"
eq "nothing else is said" "$(others)" ""
sql "update revocation_status set fresh_until = now() - interval '1 minute'
    where status = 'good'"
again
look
while read -r n lie bad good revoked; do
	[ "$n" != allgood ] || continue
	eq "$n: and then no more" "${status[$(of "$n.good" serial)]}" "$good"
done < "$T/table"
t_end
