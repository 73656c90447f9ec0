#!/bin/bash
# SCTs: each is judged and followed into its log, of both protocols and all
# three ways in which a certificate brings it; a promise that a log does not keep
# is said with a head that proves it.
#
#   bash tests/system/84-sct.sh build/release
#
# takes: 15

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 84-sct "${1:-}"

t_rig --log elm,operator=Elm --log oak,operator=Oak,proto=static \
    --log brief,operator=Elm,mmd=2 --log swift,operator=Oak,proto=static,mmd=2
t_cas
t_db sct
t_conf sct 'watch: [.corp.example]' \
    "audit: {every: 1h, roots: $T/ca/root.pem}"
for l in elm oak brief swift; do
	post "/_rig/$l/fill?n=20&seed=1" >/dev/null
done
once
eq "first read" $rc 0

both="--submit $rig/elm --submit $rig/oak --final-submit"
# cert P HOW...
cert()
{
	# shellcheck disable=SC2086
	t_cert "$1.corp.example" "$1" ${*:2}
}

# scts P: each SCT by its log's name: status, inclusion.
scts()
{
	sql "select coalesce(l.description, '?') || ' ' || s.source || ' ' ||
	    s.status || ' ' || s.inclusion from sct s left join log l on
	    l.log_id = s.log_id where s.tbs_sha256 = '\\x$(of "$1" tbs_sha256)'
	    order by 1" | paste -sd, | sed 's/ log / /g'
}

# found P: findings about it, but that nobody declared it.
found()
{
	sql "select kind || ' ' || severity || ' ' || state from finding where
	    subject = '$(of "$1" tbs_sha256)' and kind <>
	    'certificate.unexpected' order by kind" | paste -sd,
}

cert plain "$both"
cert bad "$both" --bad-sct
cert unknown "$both" --unknown-sct
cert single --submit "$rig/elm" --final-submit
cert presigned "$both" --precert-signing-cert
cert twin1 "$both"
cert twin2 "$both" --same-serial "$T/twin1.pem"
cert none --no-precert --submit "$rig/elm" --final-submit
once
eq "second read" $rc 0
[ $rc -eq 0 ] || show
good="valid proved"
eq "SCTs, and their entries" "$(scts plain)" \
    "Rig elm certificate $good,Rig oak certificate $good"
eq "with index, proof and head" "$(sql "select count(*) from sct where
    tbs_sha256 = '\\x$(of plain tbs_sha256)' and entry_index >= 0 and
    length(proof) % 32 = 0 and proof_size > entry_index and head_id is not
    null")" 2
eq "nothing to say" "$(found plain)" ""
eq "CT policies" "$(sql "select program, compliant from ct_verdict where
    tbs_sha256 = '\\x$(of plain tbs_sha256)' order by program" |
    paste -sd,)" "apple|t,chrome|t"
eq "a bad SCT" "$(scts bad)" "Rig elm certificate bad_signature none,Rig\
 oak certificate $good"
eq "is said, and counts for no policy" "$(found bad)" \
    "ct_policy.violated medium open,sct.invalid high open"
eq "one of a log that is not known" "$(scts unknown)" "? certificate\
 unknown_log none,Rig elm certificate $good,Rig oak certificate $good"
eq "is not bad" "$(found unknown)" ""
eq "one log is too few" "$(found single)" "ct_policy.violated medium open"
eq "a precertificate signing certificate" "$(scts presigned)" \
    "Rig elm certificate $good,Rig oak certificate $good"
eq "is forbidden since March 2026" "$(sql "select reason like
    '%Precertificate Signing%' from finding where kind = 'ct_policy.violated' and subject =
    '$(of presigned tbs_sha256)'")" t
eq "which its facts say" "$(sql "select presigned from cert_fact where
    tbs_sha256 = '\\x$(of presigned tbs_sha256)'")" t
eq "twins" "$(sql "select count(*), min(severity) from finding where kind =
    'certificate.twins'")" "1|high"

# --- promises that are not kept --------------------------------------------------------

# The entry comes to the other logs, and so to us.
lie brief withhold
lie swift withhold
cert broken "$both" --submit "$rig/brief"
cert tiled "$both" --submit "$rig/swift"
once
eq "the time is not over" "$(scts broken)" "Rig brief certificate valid\
 pending,Rig elm certificate $good,Rig oak certificate $good"
eq "and it is known when" "$(sql "select extract(epoch from due_at) * 1000 -
    timestamp_ms from sct where inclusion = 'pending'" | sed 's/[.]0*$//' |
    paste -sd,)" "2000,2000"
sleep 2.5
for l in brief swift; do
	post "/_rig/$l/fill?n=5&seed=2" >/dev/null
	post "/_rig/$l/publish" >/dev/null
done
again
eq "missing once may be a lagging front-end" "$(found broken)$(found tiled)" ""
eq "which is noted" "$(sql "select distinct inclusion, last_error like
    'absent: %' from sct where inclusion <> 'proved' and status = 'valid'")" \
    "unchecked|t"
# A log that is gone has no leaf at all: that is no promise that was broken.
lie brief 404
again
eq "a log that is gone" "$(found broken)" ""
post "/_rig/brief/honest" >/dev/null
again
for p in broken tiled; do
	eq "$p: missing twice is a broken promise" "$(found $p)" \
	    "sct.not_included critical open"
	eq "$p: by a head that is younger than its time" "$(sql "select
	    h.timestamp_ms >= s.timestamp_ms + 2000 and h.verdict = 'valid'
	    and h.timestamp_ms = (f.detail->>'head_timestamp')::bigint and
	    h.tree_size = (f.detail->>'tree_size')::bigint and
	    s.timestamp_ms = (f.detail->>'sct_timestamp')::bigint
	    from finding f join sct s on encode(s.tbs_sha256, 'hex') = f.subject
	    join tree_head h on h.id = (f.detail->>'head_id')::bigint where
	    f.kind = 'sct.not_included' and f.subject = '$(of $p tbs_sha256)'
	    and s.inclusion = 'violated'")" t
done
again
eq "said once" "$(sql "select distinct count(*) from finding f join
    finding_event e on e.finding_id = f.id where kind = 'sct.not_included'
    group by f.id")" 1

# --- what no log that we read has shown: the log is asked --------------------------------

# A name that nobody watches; the SCTs come embedded, by TLS and by OCSP.
post "/_rig/brief/honest" >/dev/null
post "/_rig/swift/honest" >/dev/null
quick="--submit $rig/brief --submit $rig/swift"
t_issue --name other.example --ip 127.0.0.1 $quick --out "$T/embedded" \
    > "$T/embedded.json"
t_issue --name other.example --ip 127.0.0.1 --no-precert $quick \
    --final-submit --tls-scts "$T/tls.scts" \
    --out "$T/bytls" > "$T/bytls.json"
t_issue --name other.example --ip 127.0.0.1 --no-precert $quick \
    --final-submit --tls-scts "$T/ocsp.scts" \
    --ocsp "$cas/ca/ocsp" --out "$T/byocsp" > "$T/byocsp.json"
post "$cas/_rig/ca/scts?file=$T/ocsp.scts" >/dev/null
get "$cas/_rig/ca/staple?serial=$(of byocsp serial)" > "$T/staple"
post "$cas/_rig/ca/scts" >/dev/null
for l in brief swift; do
	post "/_rig/$l/publish" >/dev/null
done
t_tls "embedded,cert=$T/embedded.fullchain.pem,key=$T/embedded.key" \
    "bytls,cert=$T/bytls.fullchain.pem,key=$T/bytls.key,scts=$T/tls.scts" \
    "byocsp,cert=$T/byocsp.fullchain.pem,key=$T/byocsp.key,staple=$T/staple"
for p in embedded bytls byocsp; do
	cv endpoint add "127.0.0.1:$(tls_port $p)"
	eq "endpoint add $p" $rc 0
done
once
eq "they are served" $rc 0
eq "embedded" "$(scts embedded)" "Rig brief certificate valid pending,Rig\
 swift certificate valid pending"
eq "by TLS" "$(scts bytls)" "Rig brief tls valid pending,Rig swift tls valid\
 pending"
eq "by OCSP" "$(scts byocsp)" "Rig brief ocsp valid pending,Rig swift ocsp\
 valid pending"
eq "what is promised is awaited" "$(sql "select kind, reason from finding where
    kind = 'endpoint.unlogged_certificate'")" ""
sleep 2.1
for l in brief swift; do
	post "/_rig/$l/publish" >/dev/null
done
again
eq "embedded: both logs have it" "$(scts embedded)" "Rig brief certificate\
 $good,Rig swift certificate $good"
eq "by TLS: both logs have it" "$(scts bytls)" "Rig brief tls $good,Rig\
 swift tls $good"
eq "by OCSP: both logs have it" "$(scts byocsp)" "Rig brief ocsp $good,Rig\
 swift ocsp $good"
eq "nothing to say" "$(found embedded)$(found bytls)$(sql "select kind, reason
    from finding where kind = 'endpoint.unlogged_certificate'")" ""
eq "by OCSP they count for Apple alone" "$(sql "select program, compliant from
    ct_verdict where tbs_sha256 = '\\x$(of byocsp tbs_sha256)' order by
    program" | paste -sd,) $(found byocsp)" \
    "apple|t,chrome|f ct_policy.violated medium open"
eq "no log misbehaved but by its promises" "$(sql "select count(*) from finding
    where kind like 'log.%'")" 0
t_end
