#!/bin/bash
# CRLs that lie, each under a URL of its own: what is wrong with the source is
# said, only when it is so twice, and is over when it is over; no lie makes a
# certificate good, and no source waits for another.
#
#   bash tests/system/82-crl-lies.sh build/release
#
# takes: 40

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 82-crl-lies "${1:-}"

# NAME LIE[?ARGS] FAULT GOOD REVOKED AGAIN: told before the CRL was ever read:
# the fault (or "unreachable", "-": none), the status of a certificate that is
# not in it, of one that is.  AGAIN: the fault when it was good in between;
# skip: it would only take time.
cat > "$T/table" <<'END'
honest     -                          -            good    revoked -
edge       stale?times=1              -            good    revoked -
stale      stale                      stale        unknown revoked stale
future     future                     future       unknown revoked future
noend      no_next_update             stale        unknown revoked stale
badsig     bad_signature              bad_signature unknown unknown bad_signature
wrongkey   wrong_key                  bad_signature unknown unknown bad_signature
critical   unknown_critical           critical     unknown unknown critical
deep       deep                       too_large    unknown unknown too_large
garbage    garbage                    malformed    unknown unknown malformed
cutshort   truncated                  malformed    unknown unknown malformed
empty      empty                      malformed    unknown unknown malformed
swap       wrong_idp?mode=swap        wrong_scope  unknown unknown wrong_scope
uri        wrong_idp?mode=uri         wrong_scope  unknown unknown wrong_scope
case       wrong_idp?mode=case        wrong_scope  unknown unknown wrong_scope
onlyca     only_ca                    partial      unknown revoked partial
reasons    only_reasons               partial      unknown revoked partial
indirect   indirect                   indirect     unknown unknown indirect
delta      delta                      delta        unknown revoked delta
rewound    rewound                    -            good    revoked rewound
number     rewound?mode=number        -            good    revoked rewound
time       rewound?mode=time          -            good    revoked rewound
nonumber   no_number                  unnumbered   unknown revoked rewound
twice      duplicate                  -            good    revoked -
extra      extra                      -            good    revoked -
huge       huge?n=200000                       -            good    revoked -
serial     big_serial                 too_large    unknown unknown too_large
unchanged  not_modified               -            good    revoked -
bomb       gzip_bomb?n=64                  unreachable  unknown unknown unreachable
gzip       gzip                       unreachable  unknown unknown unreachable
nogzip     wrong_gzip                 unreachable  unknown unknown unreachable
slow       slow                       unreachable  unknown unknown skip
stall      stall                      unreachable  unknown unknown skip
reset      reset                      unreachable  unknown unknown unreachable
cut        cut                        unreachable  unknown unknown unreachable
e404       404                        unreachable  unknown unknown unreachable
e410       410                        unreachable  unknown unknown unreachable
e429       429?n=1                    unreachable  unknown unknown unreachable
e503       503?n=1&mode=date          unreachable  unknown unknown unreachable
html       html                       malformed    unknown unknown malformed
type       wrong_content_type         -            good    revoked -
private    redirect?url=http%3A//10.0.0.1/full.crl unreachable unknown unknown unreachable
file       redirect?url=file%3A///etc/passwd unreachable unknown unknown unreachable
loop       redirect_loop              unreachable  unknown unknown unreachable
zeros      huge_body?n=257            unreachable  unknown unknown unreachable
chunked    huge_body?n=64&mode=chunked malformed   unknown unknown malformed
END

t_rig --log elm,operator=Elm --log oak,operator=Oak
cas_args="--ports $(wc -l < "$T/table")" t_cas
t_db crllies
t_conf crllies 'watch: [.corp.example]' \
    "audit: {every: 1h, roots: $T/ca/root.pem}"


post "/_rig/elm/fill?n=20&seed=1" >/dev/null
once
eq "first read" $rc 0
# Each has a port of its own: limits are those of a host.
mapfile -t at < <(grep -o '127\.0\.0\.1:[0-9]*' "$T/cas.out" | sort -u)
i=0
while read -r n lie _; do
	url=http://${at[$((i++))]}/$n/crl
	post "$cas/_rig/new?ca=$T/ca,name=$n,shards=2" >/dev/null
	for p in good bad; do
		t_cert "$p.$n.corp.example" "$n.$p" \
		    --submit "$rig/elm" --submit "$rig/oak" --final-submit \
		    --crl "$url/{shard}.crl" --shards 2
	done
	revoke "$n.bad" 'reason=superseded&at=-172800' >/dev/null
done < "$T/table"
cat "$T"/*.good.pem "$T"/*.bad.pem > "$T/all.pem"
cv known import "$T/all.pem"
eq "known import" $rc 0

# Tell all lies, but those for which AGAIN says $1.
lies()
{
	local n lie again rest

	while read -r n lie _ _ _ again; do
		[ "$lie" != - ] && [ "$again" != "${1:-}" ] || continue
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

# Read what the database has: $fault of each source, and whether the finding
# about it is as it should be, and $status of each serial.
declare -A fault status
look()
{
	local a b

	fault=()
	while IFS='|' read -r a b; do
		fault[$a]=${fault[$a]:+${fault[$a]}, }$b
	done < <(sql "select distinct substring(url, '/([^/]*)/crl/'),
	    coalesce(fault, '-') || case when (state in ('good', 'new')) <>
	    (fault is null) or (state = 'unreachable') <> (coalesce(fault, '')
	    = 'unreachable') then ' but ' || state else '' end || case when
	    (select count(*) from finding f where f.subject = s.url and f.kind
	    = 'revocation.source_faulty' and f.state = 'open') = (case when
	    coalesce(fault, 'unreachable') = 'unreachable' then 0 else 1 end)
	    then '' else ' finding?' end from revocation_source s")
	while IFS='|' read -r a b; do
		status[$a]=$b
	done < <(sql "select serial, status from revocation")
}

others()
{
	sql "select kind, name, reason from finding where kind <>
	    'revocation.source_faulty' order by id limit 3"
}

# --- from the first look on --------------------------------------------------------

lies
once
eq "they are lied to" $rc 0
[ $rc -eq 0 ] || show
look
while read -r n lie bad good revoked _; do
	eq "$n: fault" "${fault[$n]}" "$bad"
	eq "$n: one that is not revoked" "${status[$(of "$n.good" serial)]}" "$good"
	eq "$n: one that is" "${status[$(of "$n.bad" serial)]}" "$revoked"
done < "$T/table"
eq "of certificates there is nothing to say" "$(others)" ""

truth
again
eq "they are told the truth" $rc 0
look
while read -r n rest; do
	eq "$n: good again" "${fault[$n]}" -
	eq "$n: one that is not revoked" "${status[$(of "$n.good" serial)]}" good
	eq "$n: one that is" "${status[$(of "$n.bad" serial)]}" revoked
done < "$T/table"
eq "each is resolved, once" "$(sql "select distinct f.state, count(*) from
    finding f join finding_event e on e.finding_id = f.id where
    f.kind = 'revocation.source_faulty' group by f.id, f.state")" "resolved|2"
eq "what was revoked before is no news" "$(others)" ""

# --- and when it was good before -----------------------------------------------------

while read -r n _; do
	post "$cas/_rig/$n/publish" >/dev/null
done < "$T/table"
lies skip
again
look
while read -r n lie bad good revoked again; do
	[ "$again" != skip ] || continue
	eq "$n: fault, later" "${fault[$n]}" "$again"
	eq "$n: revoked it stays" "${status[$(of "$n.bad" serial)]}" revoked
	eq "$n: what it said counts until it ends" \
	    "${status[$(of "$n.good" serial)]}" good
done < "$T/table"
eq "nothing else is said" "$(others)" ""

# --- an entry that vanishes, and a server that is away for long -------------------------------------------------------------

truth
n=honest
ca=e404 cas_lie 404
revoke honest.good reason=keyCompromise
ca=$n cas_lie drop "serial=$(of honest.bad serial)"
again
look
eq "honest: revoked" "${status[$(of honest.good serial)]}" revoked
eq "honest: not listed any more" "${status[$(of honest.bad serial)]}" good
eq "two things to say" "$(sql "select kind || ' ' || name || ' ' || state from
    finding where kind <> 'revocation.source_faulty' order by kind" |
    paste -sd,)" \
    "certificate.revoked good.honest.corp.example open,revocation.disagreement bad.honest.corp.example open"
eq "an hour away is nothing to say" "$(sql "select count(*) from finding
    where subject like '%/e404/%' and state = 'open'")" 0
sql "update revocation_source set failing_since = failing_since - interval
    '6 hours' where url like '%/e404/%'"
ca=$n honest
again
look
eq "listed again" "${status[$(of honest.bad serial)]}" revoked
eq "the first is over" "$(sql "select state from finding where kind =
    'revocation.disagreement'")" resolved
eq "6 hours away are" "$(sql "select distinct severity, reason from finding
    where subject like '%/e404/%' and state = 'open'")" "medium|CRL: HTTP 404"
eq "no other source is at fault" "$(sql "select url, fault from
    revocation_source where state <> 'good' and url not like '%/e404/%'")" ""
t_end
