#!/bin/bash
# `check`: files and hosts, good and bad and hostile, as words, JSON and for
# monitoring systems; it needs no database and no configuration.
#
#   bash tests/system/88-check.sh build/release
#
# takes: 35

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 88-check "${1:-}"

t_rig --log elm,operator=Elm --log oak,operator=Oak,proto=static \
    --log brief,operator=Elm,mmd=1
t_cas ,shards=1
t_dns
get "$rig/loglist.json" > "$T/list.json"
cat > "$T/check.yaml" <<END
egress: {allow_private: [127.0.0.0/8]}
log_list: {file: $T/list.json, signature_key: none}
audit: {resolvers: ["$dns"]}
END
roots="--roots $T/ca/root.pem"

# check ARG...: without database, state or home, with the configuration above;
# bare ARG...: without that.  Sets $rc, output in $T/out and $T/err.
bare()
{
	(cd "$T" && env -i PATH=/usr/bin:/bin HOME=/nonexistent \
	    ASAN_OPTIONS="${ASAN_OPTIONS:-}" timeout 60 "$prog" "$@") \
	    >"$T/out" 2>"$T/err" </dev/null
	rc=$?
}
check()
{
	bare --config "$T/check.yaml" check "$@"
}

# exit WHAT WANT ARG...
exits()
{
	check "${@:3}"
	eq "$1: exit" $rc "$2"
	[ "$rc" -eq "$2" ] || show 5
}
# json WHAT EXPRESSION WANT: of the JSON object o on the last output.
json()
{
	eq "$1" "$(python3 -c 'import json, sys
o = json.loads(open(sys.argv[1]).readline())
print(eval(sys.argv[2]))' "$T/out" "$2")" "$3"
}
kinds='" ".join(sorted(f["kind"] for f in o["findings"]))'

both="--submit $rig/elm --submit $rig/oak --final-submit"
crl="--crl $cas/ca/crl/full.crl"
ocsp="--ocsp $cas/ca/ocsp"
aia="--aia $cas/ca/issuer.der"
# cert P HOW...
cert()
{
	# shellcheck disable=SC2086
	t_cert "$1.corp.example" "$1" ${*:2}
}

# --- files -------------------------------------------------------------------------

cert good "$both $crl $ocsp $aia"
# shellcheck disable=SC2086
{
exits good 0 $roots "$T/good.fullchain.pem"
eq "in words" "$(head -1 "$T/out")" "$T/good.fullchain.pem: good"
eq "nothing else is said" "$(cat "$T/err")" ""
exits "good, as JSON" 0 --json $roots "$T/good.fullchain.pem"
}
python3 - "$T/out" "$(of good tbs_sha256)" "$(of good cert_sha256)" <<'PY'
import json, sys
want = {
    "": "tbs_sha256 cert_sha256 names chain scts ct_policy revocation findings",
    "chain": "program verdict reason path",
    "scts": "log_id timestamp source status",
    "revocation": "status reason stated_at sources",
}
o = json.loads(open(sys.argv[1]).read())
def has(what, v):
    missing = set(want[what].split()) - set(v)
    assert not missing, (what, missing)
has("", o)
assert o["tbs_sha256"] == sys.argv[2] and o["cert_sha256"] == sys.argv[3]
assert o["names"] == ["good.corp.example"], o["names"]
assert len(o["chain"]) == 1, o["chain"]
for c in o["chain"]:
    has("chain", c)
    assert c["program"] == "given" and c["verdict"] == "trusted", c
    assert len(c["path"]) == 3 and c["path"][0] == sys.argv[3], c
assert len(o["scts"]) == 2
for s in o["scts"]:
    has("scts", s)
    assert s["source"] == "certificate" and s["status"] == "valid", s
    assert isinstance(s["timestamp"], int)
assert set(o["ct_policy"]) == {"chrome", "apple"}
for p in o["ct_policy"].values():
    assert p["compliant"] is True and "reason" in p, p
r = o["revocation"]
has("revocation", r)
assert r["status"] == "good" and r["stated_at"] is None, r
assert sorted(s["kind"] for s in r["sources"]) == ["crl", "ocsp"], r
for s in r["sources"]:
    assert set("kind url status refusal".split()) <= set(s), s
    assert s["status"] == "good" and s["refusal"] == "", s
assert o["findings"] == []
PY
eq "the fields of the contract" $? 0
json "inclusion was proven" '[s["inclusion"] for s in o["scts"]]' \
    "['proved', 'proved']"
# shellcheck disable=SC2086
{
exits "another name" 2 --json $roots --name other.example \
    "$T/good.fullchain.pem"
json "is a mismatch" "$kinds" endpoint.mismatch
exits "its own name" 0 $roots --name good.corp.example "$T/good.fullchain.pem"
exits "no root" 2 --json "$T/good.fullchain.pem"
json "is no trust" "$kinds" chain.untrusted
exits "without the intermediate" 0 --json $roots "$T/good.pem"
json "which AIA names" "$kinds" endpoint.incomplete_chain
exits "before it begins" 2 --json $roots --at 2026-01-01T00:00:00Z --offline \
    "$T/good.fullchain.pem"
json "is not valid" '"chain.untrusted" in [f["kind"] for f in o["findings"]]' \
    True
exits "after its end" 2 --json $roots --at 2028-01-01T00:00:00Z --offline \
    "$T/good.fullchain.pem"
json "is expired" '"endpoint.expiring" in [f["kind"] for f in o["findings"]]' \
    True
openssl x509 -in "$T/good.pem" -outform der -out "$T/good.der"
exits "DER" 0 $roots --intermediates "$T/ca/int.pem" "$T/good.der"
openssl crl2pkcs7 -nocrl -certfile "$T/good.fullchain.pem" -outform der \
    -out "$T/good.p7b"
exits "PKCS #7" 0 $roots "$T/good.p7b"
exits "several: the worst counts" 2 --json $roots "$T/good.fullchain.pem" \
    "$T/ca/int.pem" "$T/good.der"
eq "each on its line" "$(wc -l < "$T/out")" 3
}

# --- without a configuration ---------------------------------------------------------

# Certificates are no friends: what they name on a loopback address is not asked.
# shellcheck disable=SC2086
{
bare check $roots --log-list "$T/list.json" "$T/good.fullchain.pem"
eq "no configuration: exit" $rc 1
ok "nothing private is asked" grep -q 'revocation *unknown' "$T/out"
bare check --offline $roots --log-list "$T/list.json" "$T/good.fullchain.pem"
eq "offline: exit" $rc 1
ok "offline: not asked" grep -q 'not asked: --offline' "$T/out"
get "$cas/ca/crl/full.crl" > "$T/good.crl"
bare check --offline $roots --log-list "$T/list.json" --crl "$T/good.crl" \
    "$T/good.fullchain.pem"
eq "offline, with a CRL: exit" $rc 0
get "$cas/_rig/ca/staple?serial=$(of good serial)" > "$T/good.ocsp"
bare check --offline --json $roots --log-list "$T/list.json" --ocsp \
    "$T/good.ocsp" "$T/good.fullchain.pem"
eq "offline, with an answer: exit" $rc 0
json "the file is the source" '[(s["kind"], s["status"], "file" in s) for s in
    o["revocation"]["sources"]]' "[('ocsp', 'good', True)]"
bare check --offline $roots --crl "$T/good.crl" "$T/good.fullchain.pem"
eq "without a list of logs: exit" $rc 0
bare check --offline www.example.com
eq "offline, a host: exit" $rc 64
}

# --- SCTs ------------------------------------------------------------------------------

cert bad "$both --bad-sct"
cert unknown "$both --unknown-sct"
cert one "--submit $rig/elm --final-submit"
lie brief withhold
cert missing "$both --submit $rig/brief"
post "/_rig/brief/honest" >/dev/null
sleep 1.1
post "/_rig/brief/fill?n=5&seed=1" >/dev/null
post "/_rig/brief/publish" >/dev/null
# shellcheck disable=SC2086
{
exits "a bad SCT" 2 --json $roots "$T/bad.fullchain.pem"
json "is said" "$kinds" \
    "ct_policy.violated ct_policy.violated sct.invalid"
json "of that one" 'sorted(s["status"] for s in o["scts"])' \
    "['bad_signature', 'valid']"
exits "an unknown log" 0 --json $roots "$T/unknown.fullchain.pem"
json "is not bad" 'sorted(s["status"] for s in o["scts"])' \
    "['unknown_log', 'valid', 'valid']"
exits "too few" 2 --json $roots "$T/one.fullchain.pem"
json "is said, for two programs" "$kinds" \
    "ct_policy.violated ct_policy.violated"
exits "a broken promise" 2 --json $roots "$T/missing.fullchain.pem"
json "is said" "$kinds" "sct.not_included"
}

# --- revocation --------------------------------------------------------------------------

cert revoked "$both $crl $ocsp"
revoke revoked reason=keyCompromise
cert byocsp "$both $ocsp"
cert bycrl "$both $crl"
# shellcheck disable=SC2086
{
exits "revoked" 2 --json $roots "$T/revoked.fullchain.pem"
json "is said" "$kinds" "certificate.revoked"
json "with its reason" '(o["revocation"]["status"],
    o["revocation"]["reason"], o["revocation"]["stated_at"] is not None)' \
    "('revoked', 'keyCompromise', True)"
cas_lie contradict "serial=$(of revoked serial)"
exits "by one of two" 2 --json $roots "$T/revoked.fullchain.pem"
json "they contradict each other" "$kinds" \
    "certificate.revoked revocation.disagreement"
honest
get "$cas/ca/crl/full.crl" > "$T/lists.crl"
bare check --offline $roots --crl "$T/lists.crl" "$T/revoked.fullchain.pem"
eq "a CRL that lists it: exit" $rc 2
openssl crl -inform der -in "$T/lists.crl" -out "$T/lists.pem" &&
    bare check --offline $roots --crl "$T/lists.pem" \
    "$T/revoked.fullchain.pem"
eq "the same in PEM: exit" $rc 2
ok "said by it" grep -q 'revoked.*lists.pem\|lists.pem.*revoked' "$T/out"
head -c 300 "$T/lists.pem" > "$T/half.pem"
bare check --offline $roots --crl "$T/half.pem" "$T/revoked.fullchain.pem"
eq "half of it: exit" $rc 1
bare check --offline $roots --crl "$T/lists.crl" --crl "$T/good.crl" \
    "$T/revoked.fullchain.pem"
eq "and one that does not: exit" $rc 2
# The newer one has a later thisUpdate and does not list it.
cas_lie drop "serial=$(of revoked serial)"
get "$cas/ca/crl/full.crl" > "$T/newer.crl"
honest
for order in "newer lists" "lists newer"; do
	set -- $order
	bare check --offline $roots --crl "$T/$1.crl" --crl "$T/$2.crl" \
	    "$T/revoked.fullchain.pem"
	eq "CRLs $order: exit" $rc 2
done
cas_lie stale
get "$cas/ca/crl/full.crl" > "$T/stale.crl"
honest
bare check --offline $roots --crl "$T/stale.crl" "$T/good.fullchain.pem"
eq "a CRL that is stale: exit" $rc 1
bare check --offline $roots --crl "$T/good.crl" --at 2026-12-20T00:00:00Z \
    "$T/good.fullchain.pem"
eq "or is it then: exit" $rc 1
bare check --offline $roots --crl "$T/nothing.crl" "$T/good.fullchain.pem"
eq "a CRL that is not there: exit" $rc 1
bare check --offline $roots --crl "$T/good.ocsp" --ocsp "$T/good.crl" \
    "$T/good.fullchain.pem"
eq "mixed up: exit" $rc 1

# No lie makes it good.
for l in stale future bad_signature wrong_key unknown_critical deep garbage \
    truncated empty no_idp=0 only_ca only_reasons indirect delta big_serial \
    gzip_bomb wrong_gzip reset cut 404 503 html redirect_loop; do
	[ "$l" != no_idp=0 ] || continue
	cas_lie "$l" kind=crl
	exits "CRL, $l" 1 $roots "$T/bycrl.fullchain.pem"
	honest
done
for l in stale future bad_signature wrong_key unknown_critical deep garbage \
    truncated empty wrong_responder no_eku expired_responder no_certs trylater \
    internal_error unauthorized malformed_request wrong_serial wrong_issuer \
    gzip_bomb reset cut 404 503 html redirect_loop; do
	cas_lie "$l" kind=ocsp
	exits "OCSP, $l" 1 $roots "$T/byocsp.fullchain.pem"
	honest
done
cas_lie redirect 'kind=crl&url=http%3A//10.0.0.1/full.crl'
exits "a redirect to a private address" 1 $roots "$T/bycrl.fullchain.pem"
ok "is said" grep -q 'private' "$T/out"
honest
exits "by OCSP" 0 $roots "$T/byocsp.fullchain.pem"
exits "by a CRL" 0 $roots "$T/bycrl.fullchain.pem"
}

# --- for monitoring systems -----------------------------------------------------------------

cert third "$both $crl" --days 90 --age 65
cert sixth "$both $crl" --days 90 --age 80
cert expired "$both $crl" --days 90 --age 91
# plugin WHAT WANT STATE ARG...
plugin()
{
	check --plugin "${@:4}"
	eq "plugin, $1: exit" $rc "$2"
	eq "plugin, $1: one line" "$(wc -l < "$T/out")" 1
	ok "plugin, $1: $3, with figures" grep -Eq \
	    "^CERTVIGIL $3 - .*\| *days_left=-?[0-9]+;" "$T/out"
	[ "$rc" -eq "$2" ] || show 5
}
# shellcheck disable=SC2086
{
plugin good 0 OK $roots "$T/good.fullchain.pem"
plugin "a third is left" 1 WARNING $roots "$T/third.fullchain.pem"
plugin "a sixth is left" 1 WARNING $roots "$T/sixth.fullchain.pem"
plugin expired 2 CRITICAL $roots "$T/expired.fullchain.pem"
plugin revoked 2 CRITICAL $roots "$T/revoked.fullchain.pem"
plugin offline 3 UNKNOWN --offline $roots "$T/good.fullchain.pem"
check --plugin "$T/no/such/file.pem"
eq "plugin, no file: exit" $rc 3
ok "plugin, no file: UNKNOWN" grep -q '^CERTVIGIL UNKNOWN - ' "$T/out"
}

# --- hosts ----------------------------------------------------------------------------------

t_issue --name live.corp.example $both $crl $ocsp --ip 127.0.0.1 \
    --out "$T/live" > "$T/live.json"
t_issue --name quick.corp.example --no-precert --submit "$rig/elm" \
    --submit "$rig/oak" --final-submit --tls-scts "$T/quick.scts" $crl \
    --out "$T/quick" > "$T/quick.json"
get "$cas/_rig/ca/staple?serial=$(of revoked serial)" > "$T/revoked.staple"
ends=()
for n in stall mid reset eof slow garbage plain alert many; do
	ends+=("$n,cert=$T/live.fullchain.pem,key=$T/live.key")
done
t_tls "live,cert=$T/live.fullchain.pem,key=$T/live.key" \
    "none,cert=$T/good.fullchain.pem,key=$T/good.key,chain=none" \
    "quick,cert=$T/quick.fullchain.pem,key=$T/quick.key,scts=$T/quick.scts" \
    "expired,cert=$T/expired.fullchain.pem,key=$T/expired.key" \
    "revoked,cert=$T/revoked.fullchain.pem,key=$T/revoked.key,staple=$T/revoked.staple" \
    "${ends[@]}"
for n in live none quick expired revoked good; do
	echo "$n.corp.example 60 A 127.0.0.1"
done > "$T/zone.new"
mv "$T/zone.new" "$T/zone"
at()
{
	echo "$1.corp.example:$(tls_port "$2")"
}
# shellcheck disable=SC2086
{
exits "a host" 0 --json $roots "$(at live live)"
json "where, and how" 'o["addr"], o["tls_version"]' "('127.0.0.1', 'TLSv1.3')"
ok "it was asked for its name" grep -q '"sni":"live.corp.example"' \
    <(get "$tls/_rig/live/stats")
exits "an address" 0 $roots "127.0.0.1:$(tls_port live)"
exits "another name" 2 $roots --name x.example "127.0.0.1:$(tls_port live)"
exits "no chain" 0 --json $roots "$(at good none)"
json "is said" "$kinds" endpoint.incomplete_chain
exits "SCTs by TLS" 0 --json $roots "$(at quick quick)"
json "are those" '[(s["source"], s["status"]) for s in o["scts"]]' \
    "[('tls', 'valid'), ('tls', 'valid')]"
exits "expired" 2 $roots "$(at expired expired)"
exits "revoked" 2 --json $roots "$(at revoked revoked)"
json "its staple says so too" '"stapled" in str(o["revocation"]["sources"])' \
    True
plugin "a host" 0 OK $roots "$(at live live)"
exits "no such name" 1 $roots nowhere.corp.example
exits "nobody there" 1 $roots 127.0.0.1:1
check --plugin $roots 127.0.0.1:1
eq "plugin, nobody there: exit" $rc 2
ok "plugin, nobody there" grep -q '^CERTVIGIL CRITICAL - ' "$T/out"
for n in stall mid reset eof slow garbage plain alert many; do
	case $n in
	mid)	tls_post "mid/lie?lie=stall&mode=mid" ;;
	many)	tls_post "many/lie?lie=huge_chain" ;;
	*)	tls_post "$n/lie?lie=$n" ;;
	esac
done
# All at once: some let us wait as long as we do.
lied=()
for n in stall mid reset eof slow garbage plain alert many; do
	port=$(tls_port $n)
	(
		check $roots "127.0.0.1:$port"
		echo "$rc" > "$T/lied.$n"
	) &
	lied+=($!)
done
wait "${lied[@]}"
for n in stall mid reset eof slow garbage plain alert many; do
	eq "a host that lies, $n: exit" "$(cat "$T/lied.$n")" 1
done
}

# --- CAA ---------------------------------------------------------------------------------------

printf '%s\n' 'good.corp.example 60 A 127.0.0.1' \
    'corp.example 60 CAA 0 issue "letsencrypt.org"' > "$T/zone.new"
mv "$T/zone.new" "$T/zone"
# shellcheck disable=SC2086
exits "CAA" 0 --json $roots "$T/good.fullchain.pem"
json "was found where it is" 'o["caa"]["at"]' corp.example

# --- what is no certificate ------------------------------------------------------------------

head -c 5000 /dev/urandom > "$T/random"
: > "$T/nothing"
head -c 300 "$T/good.pem" > "$T/cut.pem"
head -c 20000000 /dev/zero > "$T/zeros"
head -c 400 "$T/good.der" > "$T/cut.der"
python3 - "$T" <<'PY'
import sys
d = sys.argv[1]
deep = b"\x05\x00"
for _ in range(30000):
    n = len(deep)
    size = bytes([n]) if n < 128 else b"\x83" + n.to_bytes(3, "big")
    deep = b"\x30" + size + deep
open(d + "/deep.der", "wb").write(deep)
open(d + "/long.der", "wb").write(b"\x30\x84\x7f\xff\xff\xff" + b"\x00" * 100)
PY
for f in random nothing cut.pem cut.der deep.der long.der good.key \
    list.json good.crl; do
	exits "no certificate: $f" 2 --offline "$T/$f"
	[ "$(wc -l < "$T/err")" -eq 1 ] || fail "no certificate: $f: one line"
done
exits "20 MB of nothing" 1 --offline "$T/zeros"
eq "are too many" "$(cat "$T/err")" \
    "certvigil: $T/zeros: larger than 256 KB"
t_issue --name raw.corp.example --raw-san 'ff"<script>' $both \
    --out "$T/raw" >/dev/null 2>&1 ||
    t_issue --name raw.corp.example --raw-san ff00223c $both \
    --out "$T/raw" >/dev/null
# shellcheck disable=SC2086
check --offline --json $roots "$T/raw.fullchain.pem"
ok "odd names: JSON" python3 -m json.tool "$T/out" "$T/pretty"
t_issue --name weak.corp.example --key-type roca $both --out "$T/weak" \
    >/dev/null
# shellcheck disable=SC2086
exits "a weak key" 2 --json --offline $roots "$T/weak.fullchain.pem"
json "is said" '"key.weak" in [f["kind"] for f in o["findings"]]' True

# --- wrong usage -------------------------------------------------------------------------------

check
eq "no target: exit" $rc 64
check --at yesterday "$T/good.pem"
eq "no time: exit" $rc 64
check --roots "$T/nothing/such" "$T/good.pem"
eq "no roots: exit" $rc 1
check "127.0.0.1:70000"
eq "no port: exit" $rc 64
check --log-list "$T/random" "$T/good.pem"
eq "no list of logs: exit" $rc 78
check "$T/no/such/file.pem"
eq "no file: exit" $rc 1
check "$T"
eq "a folder: exit" $rc 1
t_end
