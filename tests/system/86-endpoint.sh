#!/bin/bash
# Endpoints: what each address serves is compared with what logs have shown,
# what is revoked, what is newer; a finding ends when the endpoint serves
# something better, and nobody waits for one that is dead or lies.
#
#   bash tests/system/86-endpoint.sh build/release
#
# takes: 50

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 86-endpoint "${1:-}"

t_rig --log elm,operator=Elm --log oak,operator=Oak,proto=static
t_cas
t_dns
t_db endpoint
t_conf endpoint 'watch: [.corp.example]' \
    "audit: {every: 1h, roots: $T/ca/root.pem, resolvers: [\"$dns\"]}"
post "/_rig/elm/fill?n=20&seed=1" >/dev/null
once
eq "first read" $rc 0

both="--submit $rig/elm --submit $rig/oak --final-submit"
# cert NAME P HOW...: a certificate for NAME.corp.example in $T/P.*
cert()
{
	# shellcheck disable=SC2086
	t_cert "$1.corp.example" "$2" --aia "$cas/ca/issuer.der" \
	    --crl "$cas/ca/crl/full.crl" ${*:3}
}

# NAME STARTTLS-OPTIONS: each has a good certificate NAME.new, and another one
# that is wrong in its way.
names="good unlogged known mismatch third sixth expired incomplete revoked
 renewed smtp imap staple muststaple two"
for n in $names; do
	cert $n $n.new $both
	echo "$n.corp.example 60 A 127.0.0.1"
done > "$T/zone.new"
echo "two.corp.example 60 A 127.0.0.2" >> "$T/zone.new"
for n in stall mid reset eof slow garbage plain alert many inject nostart \
    refuse banner closed nowhere; do
	[ $n = nowhere ] || echo "$n.corp.example 60 A 127.0.0.1"
done >> "$T/zone.new"
mv "$T/zone.new" "$T/zone"

cert unlogged unlogged
cert known known
cert other mismatch $both
cert third third $both --days 90 --age 65
cert sixth sixth $both --days 90 --age 80
cert expired expired $both --days 90 --age 91
cert incomplete incomplete $both
cert revoked revoked $both
cert renewed renewed $both --days 90 --age 70
cert smtp smtp
cert imap imap
cert staple staple $both --ocsp "$cas/ca/ocsp"
cert muststaple muststaple $both --must-staple --ocsp "$cas/ca/ocsp"
cert two two
cat "$T"/*.new.pem "$T"/{known,third,sixth,incomplete,renewed}.pem \
    "$T"/{revoked,staple,muststaple,mismatch}.pem > "$T/all.pem"
cv known import "$T/all.pem"
eq "known import" $rc 0

ends=()
for n in $names; do
	p=$n opt=
	case $n in
	good)	p=good.new ;;
	incomplete) opt=,chain=none ;;
	smtp|imap) opt=,starttls=$n ;;
	two)	p=two.new ;;
	esac
	ends+=("$n,cert=$T/$p.fullchain.pem,key=$T/$p.key$opt")
done
ends+=("second,cert=$T/two.fullchain.pem,key=$T/two.key,addr=127.0.0.2,port=@two")
t_tls "${ends[@]}"
for n in $names; do
	case $n in
	smtp|imap) cv endpoint add "$n.corp.example:$(tls_port $n)" --starttls $n ;;
	*)	cv endpoint add "$n.corp.example:$(tls_port $n)" --owner "team-$n" ;;
	esac
	eq "endpoint add $n" $rc 0
done
once
eq "first look" $rc 0
[ $rc -eq 0 ] || show

# found NAME: kind, severity, state and events of findings about the endpoint
found()
{
	sql "select f.kind || ' ' || f.severity || ' ' || f.state || (select
	    coalesce(string_agg(' ' || event || ' ' || n, '' order by event),
	    '') from (select event, count(*) as n from finding_event e where
	    e.finding_id = f.id group by event) x) from finding f where
	    f.subject like '$1.corp.example:%' order by f.kind" | paste -sd,
}
say()
{
	eq "$1: $2" "$(found "$2")" "$3"
}
opened="open opened 1" ended="resolved opened 1 resolved 1"
unlogged="endpoint.unlogged_certificate critical"
# What is wrong with each of them.
wrong()
{
	case $1 in
	unlogged|smtp|imap|two) echo "$unlogged" ;;
	mismatch)	echo "endpoint.mismatch high" ;;
	third)		echo "endpoint.expiring medium" ;;
	sixth)		echo "endpoint.expiring high" ;;
	expired)	echo "endpoint.expiring critical" ;;
	incomplete)	echo "endpoint.incomplete_chain medium" ;;
	muststaple)	echo "revocation.source_faulty medium" ;;
	renewed)	echo "endpoint.expiring medium" ;;
	esac
}

for n in $names; do
	w=$(wrong $n)
	say "first look" $n "${w:+$w $opened}"
done
eq "a finding has the owner of its endpoint" "$(sql "select owner from finding
    where subject like 'mismatch.corp.example:%'")" team-mismatch
eq "and what is served" "$(sql "select detail->>'serial' from finding where
    subject like 'mismatch.corp.example:%'")" "$(of mismatch serial)"
eq "the address that is wrong is named" "$(sql "select reason like
    '127.0.0.2 serves%' from finding where subject like
    'two.corp.example:%'")" t
eq "two addresses were looked at" "$(sql "select string_agg(distinct addr, ' '
    order by addr) from endpoint_observation o join endpoint e on e.id =
    o.endpoint_id where host = 'two.corp.example'")" "127.0.0.1 127.0.0.2"
ok "the name was asked for" grep -q '"sni":"good.corp.example"' \
    <(get "$tls/_rig/good/stats")
eq "what is served is kept" "$(sql "select count(*) from served_certificate
    where tbs_sha256 = '\\x$(of unlogged tbs_sha256)'")" 1
again
eq "second look" $rc 0
for n in $names; do
	w=$(wrong $n)
	say "second look" $n "${w:+$w $opened}"
done
eq "an observation is kept once" "$(sql "select max(n) from (select count(*) as
    n from endpoint_observation group by endpoint_id, addr) x")" 1

# --- what time and others bring -------------------------------------------------------

revoke revoked reason=superseded
revoke staple reason=superseded
get "$cas/_rig/ca/staple?serial=$(of staple serial)" > "$T/bad.staple"
tls_post "staple/set?staple=$T/bad.staple"
get "$cas/_rig/ca/staple?serial=$(of muststaple serial)" > "$T/good.staple"
tls_post "muststaple/set?staple=$T/good.staple"
# Its successor is there for four days.
sql "update issuance set first_seen = first_seen - interval '4 days' where
    tbs_sha256 = '\\x$(of renewed.new tbs_sha256)'"
again
eq "third look" $rc 0
again
say "it serves what is revoked" revoked \
    "endpoint.old_certificate critical $opened"
eq "which the revocation's finding says too" "$(sql "select distinct
    severity, reason like '%; it is served still', detail->>'served' from finding where kind =
    'certificate.revoked' and subject like '%:$(of revoked serial)'")" \
    "critical|t|true"
say "its own staple says revoked" staple \
    "endpoint.old_certificate critical $opened"
say "a staple is there" muststaple "revocation.source_faulty medium $ended"
say "the old one, four days after its renewal" renewed "endpoint.expiring\
 medium $opened,endpoint.old_certificate medium $opened"

# --- they are mended ----------------------------------------------------------------------

for n in $names; do
	case $n in
	good)	continue ;;
	two)	tls_post "second/set?cert=$T/$n.new.fullchain.pem&key=$T/$n.new.key" ;;
	incomplete) tls_post "$n/set?chain=full" ;;
	*)	tls_post "$n/set?cert=$T/$n.new.fullchain.pem&key=$T/$n.new.key&staple=" ;;
	esac
done
again
eq "fourth look" $rc 0
for n in $names; do
	w=$(wrong $n)
	say mended $n "$(case $n in
	    renewed) echo "$w $ended,endpoint.old_certificate medium $ended" ;;
	    revoked|staple) echo "endpoint.old_certificate critical $ended" ;;
	    *) echo "${w:+$w $ended}" ;;
	    esac)"
done

# --- revoked, and its successor is served ------------------------------------------------

cert good good2 $both
cv known import "$T/good2.pem"
again
tls_post "good/set?cert=$T/good2.fullchain.pem&key=$T/good2.key"
again
revoke good.new reason=superseded
again
eq "no alarm" "$(sql "select distinct severity, state, digest_only, reason like
    '%; a successor is served' from finding where kind = 'certificate.revoked'
    and subject like '%:$(of good.new serial)'")" "info|open|t|t"
say "and the endpoint is fine" good ""

# --- who is dead, or lies ------------------------------------------------------------------

lies="stall mid reset eof slow garbage plain alert many inject nostart refuse
 banner"
for n in $lies; do
	case $n in
	inject|nostart|refuse|banner) opt=,starttls=smtp ;;
	*)	opt= ;;
	esac
	post "$tls/_rig/new?endpoint=$n,cert=$T/good2.fullchain.pem,key=$T/good2.key$opt" \
	    >/dev/null
	case $n in
	mid)	tls_post "mid/lie?lie=stall&mode=mid" ;;
	many)	tls_post "many/lie?lie=huge_chain" ;;
	nostart) tls_post "nostart/lie?lie=no_starttls" ;;
	refuse)	tls_post "refuse/lie?lie=refuse_starttls" ;;
	*)	tls_post "$n/lie?lie=$n" ;;
	esac
	cv endpoint add "$n.corp.example:$(tls_port $n)" \
	    ${opt:+--starttls smtp}
	eq "endpoint add $n" $rc 0
done
# Nobody listens there; there is no such name; a private address.
cv endpoint add "closed.corp.example:1"
cv endpoint add "nowhere.corp.example:443"
echo "private.corp.example 60 A 10.0.0.1" >> "$T/zone"
cv endpoint add "private.corp.example:443"
tls_post "unlogged/set?cert=$T/unlogged.fullchain.pem&key=$T/unlogged.key"
again
eq "among the dead" $rc 0
say "among the dead" unlogged "$unlogged open opened 2 resolved 1"
say "among the dead" good ""
for n in $lies closed nowhere private; do
	say "nothing is said" $n ""
	eq "$n: is not counted as good" "$(sql "select failing_since is not null
	    and length(last_error) > 5 and ok_at is null from endpoint where
	    host = '$n.corp.example'")" t
done
tls_post "unlogged/lie?lie=reset"
again
say "who does not answer takes nothing back" unlogged \
    "$unlogged open opened 2 resolved 1"
cv endpoint remove "unlogged.corp.example:$(tls_port unlogged)"
eq "endpoint remove" $rc 0
again
say "who is removed, does" unlogged "$unlogged resolved opened 2 resolved 2"
t_end
