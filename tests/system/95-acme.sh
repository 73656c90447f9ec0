#!/bin/bash
# Certificates from a real ACME server (Debian's pebble): what is deployed and
# what is not, each refusal with one sentence, and kill -9 at any moment.
#
#   bash tests/system/95-acme.sh build/release
#   SEED=N bash ...                                  the same moments again
#
# takes: 30

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 95-acme "${1:-}"
. tests/rig/acme.sh
. tests/system/acme.sh
count=178
if ! acme_challtestsrv "$T/ch"; then
	skip $count "no pebble-challtestsrv"
	t_end
fi
hp=$(_acme_port) tp=$(_acme_port)
http="http-01: {listen: \"127.0.0.1:$hp\"}"
alpn="tls-alpn-01: {listen: \"127.0.0.1:$tp\"}"

# pebble ARG...: another one, the last one ends.
pebble()
{
	[ ! -d "$T/pb" ] || acme_stop "$T/pb"
	acme_pebble "$T/pb" http="$hp" tls="$tp" dns="$ACME_DNS" "$@"
}
if ! pebble nonces=15 block=blocked.example.org; then
	skip $count "no pebble"
	t_end
fi
t_db acme

# --- an account ---------------------------------------------------------------------

a_conf acme "$http" "$alpn"
cv account show
says "no account" 1 "certvigil account register makes one"
cv account register
eq "register: status" $rc 0
ok "register: says what it agreed to" grep -q "agrees to" "$T/err"
cv account register --json
eq "again: status" $rc 0
acc=$(field account)
cv account show --json
eq "the same account" "$(field account) $(field contact) $(field directory)" \
    "$acc ops@example.org $ACME_URL"
eq "one account" "$(sql 'select count(*) from acme_account')" 1

# --- issue --------------------------------------------------------------------------

cv issue one.example.org --json
eq "issue: status" $rc 0
[ $rc -eq 0 ] || show
eq "issue: names" "$(list_of names)" "one.example.org"
eq "issue: directory" "$(field directory)" "$live/one.example.org"
complete "issue" one.example.org
cert=$live/one.example.org/cert.pem
eq "issue: cert_sha256" "$(field cert_sha256)" \
    "$(openssl x509 -in "$cert" -outform der | sha256sum | cut -d' ' -f1)"
eq "issue: serial" "$(field serial)" "$(openssl x509 -in "$cert" -noout \
    -serial | sed 's/serial=//' | tr A-F a-f)"
eq "issue: not_after" "$(date -u -d "$(field not_after)" +%s)" "$(date -u \
    -d "$(openssl x509 -in "$cert" -noout -enddate | sed 's/.*=//')" +%s)"
eq "issue: tbs_sha256" "$(field tbs_sha256)" "$(tbs_of "$cert")"
eq "issue: order" "$(field order)" "$(sql 'select url from acme_order')"
cv issue shop.example.org www.example.org WWW.example.org bücher.example.org \
    --key rsa2048
eq "several: status" $rc 0
[ $rc -eq 0 ] || show
complete "several" shop.example.org
eq "several: names" "$(sans shop.example.org)" \
    "shop.example.org www.example.org xn--bcher-kva.example.org"
ok "several: an RSA key" grep -q 'rsaEncryption' <(openssl x509 -noout -text \
    -in "$live/shop.example.org/cert.pem")
old=$(readlink "$live/one.example.org")
oldkey=$(spki_of "$live/one.example.org/cert.pem")
cv issue one.example.org
eq "again: status" $rc 0
complete "again" one.example.org
ok "again: another version" test "$old" != "$(readlink "$live/one.example.org")"
ok "again: a new key" test "$oldkey" != \
    "$(spki_of "$live/one.example.org/cert.pem")"
eq "again: the old files stay" "$(ls "$live/$old" | paste -sd' ')" \
    "cert.pem chain.pem fullchain.pem key.pem"
ok "again: no second row" test "$(sql "select count(*) from
    managed_certificate where name = 'one.example.org'")" = 1
cv issue 127.0.0.1
eq "address: status" $rc 0
[ $rc -eq 0 ] || show
complete "address" 127.0.0.1
ok "address: in the certificate" grep -q 'IP Address:127.0.0.1' <(openssl \
    x509 -noout -ext subjectAltName -in "$live/127.0.0.1/cert.pem")
cv issue alpn.example.org --challenge tls-alpn-01
eq "tls-alpn-01: status" $rc 0
[ $rc -eq 0 ] || show
ok "tls-alpn-01: it was it" grep -q "alpn.example.org: tls-alpn-01" "$T/err"
complete "tls-alpn-01" alpn.example.org
cv issue --challenge tls-alpn-01 127.0.0.1
eq "tls-alpn-01 of an address" $rc 0
[ $rc -eq 0 ] || show
mkdir -p "$T/web"
chown "$(stat -c %u "$live")" "$T/web"
python3 -m http.server --bind 127.0.0.1 --directory "$T/web" "$hp" \
    >"$T/web.log" 2>&1 &
web=$!
pids+=($web)
wait_for 10 bash -c ": < /dev/tcp/127.0.0.1/$hp"
a_conf acme "http-01: {webroot: $T/web}"
cv issue web.example.org
eq "webroot: status" $rc 0
[ $rc -eq 0 ] || show
complete "webroot" web.example.org
ok "webroot: it was asked for" grep -q "acme-challenge/.* 200 " "$T/web.log"
eq "webroot: nothing stays" "$(find "$T/web" -type f)" ""
t_kill $web
a_conf acme "$http" "$alpn"
eq "orders are over" "$(sql "select distinct state from acme_order")" valid

# --- managed --------------------------------------------------------------------------

cv managed list
eq "managed list" "$rc $(cut -d' ' -f1 "$T/out" | paste -sd' ')" "0 $(printf \
    '%s ' 127.0.0.1 alpn one shop web | sed 's/[a-z]\+/&.example.org/g; s/ $//')"
cv managed show Shop.Example.Org --json
eq "managed show" "$(list_of names) $(field key) $(field deployed) $(field \
    origin) $(field attempts)" "shop.example.org www.example.org \
xn--bcher-kva.example.org rsa2048 $live/shop.example.org cli 0"
cv managed remove shop.example.org
eq "managed remove" $rc 0
cv managed show shop.example.org
says "removed" 1 "no certificate is managed as shop.example.org"
complete "removed: the files stay" shop.example.org

# --- refusals ---------------------------------------------------------------------------

# refused WHAT STATUS TEXT ARG...: so ends certvigil issue ARG...; nothing is
# deployed, nothing changed, no order is left open.
refused()
{
	local before after

	before=$(state_of)
	cv issue "${@:4}"
	says "$1" "$2" "$3"
	after=$(state_of)
	eq "$1: nothing changed" "$after" "$before"
	eq "$1: no order is open" "$(sql "select count(*) from acme_order
	    where state = 'open'")" 0
}
refused "blocked name" 1 "blocked.example.org" blocked.example.org
cv managed show blocked.example.org --json
ok "blocked name: kept why" grep -q "policy\|blocked" "$T/out"
refused "wildcard by http-01" 78 "wildcards need dns-01" '*.example.org'
refused "no name at all" 64 "usage:"
refused "no name that could be" 64 "under..example" under..example
refused "a key kind that is none" 64 "p256" --key dsa x.example.org
refused "a challenge that is not configured" 78 "dns-01 is not configured" \
    --challenge dns-01 x.example.org
refused "a name that is a path" 64 "../../x" ../../x
orders=$(sql 'select count(*) from acme_order')
refused "dry run" 0 "" --dry-run one.example.org
ok "dry run: says so" grep -q "nothing was ordered" "$T/out"
eq "dry run: no order" "$(sql 'select count(*) from acme_order')" "$orders"
# the CA asks at another port than the one that is listened to
far=$(_acme_port)
a_conf acme "http-01: {listen: \"127.0.0.1:$far\"}"
refused "not reached by the CA" 1 "onnection refused" one.example.org
ok "not reached: what failed is named" grep -q "one.example.org" "$T/err"
cv managed show one.example.org --json
eq "not reached: counted" "$(field attempts)" 1
ok "not reached: kept why" grep -q "onnection refused" "$T/out"
ok "not reached: the old one is valid" grep -q '"not_after":"20' "$T/out"
# somebody else has the port
python3 -m http.server --bind 127.0.0.1 "$far" >/dev/null 2>&1 &
web=$!
pids+=($web)
wait_for 10 bash -c ": < /dev/tcp/127.0.0.1/$far"
refused "port taken" 1 "127.0.0.1:$far" one.example.org
refused "port taken: also when rehearsed" 1 "127.0.0.1:$far" --dry-run \
    one.example.org
t_kill $web
a_conf acme "$http" "$alpn"
cv issue one.example.org
eq "then it goes" $rc 0
complete "then it goes" one.example.org
cv managed show one.example.org --json
eq "then nothing is wrong" "$(field attempts)" 0

# --- the CA -----------------------------------------------------------------------------

tls=$ACME_TLS
ACME_TLS=$T/none.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x \
    -keyout "$T/none.key" -out "$ACME_TLS" 2>/dev/null
a_conf acme "$http"
refused "TLS not trusted" 1 "acme.ca_file" one.example.org
refused "TLS not trusted: rehearsed" 1 "acme.ca_file" --dry-run one.example.org
ACME_TLS=$tls
a_conf acme "$http"
cv account deactivate
eq "deactivate: status" $rc 0
[ $rc -eq 0 ] || show
cv account show
says "deactivate: it is gone" 1 "certvigil account register makes one"
a_conf acme "$http"
cv account register --json
eq "after it: another account" "$rc" 0
[ $rc -eq 0 ] || show
ok "after it: not the same" test "$(field account)" != "$acc"
cv issue one.example.org
eq "after it: issue" $rc 0
[ $rc -eq 0 ] || show
complete "after it" one.example.org
# a CA that lost us
url=$ACME_URL
pebble
sql "update acme_account set directory = '$ACME_URL', url = replace(url,
    '${url%/dir}', '${ACME_URL%/dir}') where directory = '$url'"
a_conf acme "$http"
refused "the CA knows us no longer" 1 "certvigil account register" \
    one.example.org
cv account register --json
eq "it learns to know us again" "$rc $(field status)" "0 registered"
cv account register --json
eq "which is said once" "$rc $(field status)" "0 valid"
cv issue one.example.org
eq "it knows us again: issue" $rc 0
complete "it knows us again" one.example.org
kept=$(readlink "$live/one.example.org")
acme_stop "$T/pb"
refused "CA away" 1 "$ACME_URL" one.example.org
refused "CA away: rehearsed" 1 "$ACME_URL" --dry-run one.example.org
cv account register
eq "the old one stays" "$(readlink "$live/one.example.org")" "$kept"

# --- external accounts --------------------------------------------------------------------

key=$(head -c 32 /dev/urandom | base64 -w0 | tr '+/' '-_' | tr -d =)
pebble eab=kid-1:"$key"
a_conf acme "$http"
cv account register
says "EAB: none given" 78 "eab_kid"
(umask 077; echo "$key" > "$T/eab.key"; echo "AAAA$key" > "$T/bad.key")
a_more="eab_kid: kid-1, eab_key_file: $T/bad.key" a_conf acme "$http"
cv account register
says "EAB: another key" 1 "xternal"
a_conf acme "$http"
cv account register --eab-kid kid-1
says "EAB: half of it" 64 "belong together"
cv account register --eab-kid kid-1 --eab-key-file "$T/absent.key"
says "EAB: no such file" 1 "absent.key"
cv account register --eab-kid kid-1 --eab-key-file "$T/eab.key" \
    --directory "$ACME_URL"
eq "EAB: on the command line: status" $rc 0
cv account show --directory "$ACME_URL/other"
says "another directory" 1 "no account at $ACME_URL/other"
a_more="eab_kid: kid-1, eab_key_file: $T/eab.key" a_conf acme "$http"
cv account register
eq "EAB: status" $rc 0
[ $rc -eq 0 ] || show
cv issue eab.example.org
eq "EAB: issue" $rc 0
complete "EAB" eab.example.org

# --- every second nonce is refused ----------------------------------------------------------

pebble nonces=50
a_conf acme "$http"
n=0
for i in 1 2 3 4 5 6 7 8 9 10; do
	cv issue "n$i.example.org"
	[ $rc -ne 0 ] || n=$((n + 1))
	[ $rc -eq 0 ] || show
done
eq "50 % of nonces refused: all 10 succeed" $n 10
eq "50 %: deployed" "$(ls -d "$live"/n*.example.org | wc -l)" 10

# --- slow validation, several chains, authorizations that are known ---------------------------

# The common name of root N of pebble.
root_cn()
{
	python3 - "$ACME_MANAGEMENT/roots/$1" "$ACME_TLS" <<-'END' |
		import ssl, sys, urllib.request
		tls = ssl.create_default_context(cafile=sys.argv[2])
		print(urllib.request.urlopen(sys.argv[1], context=tls)
		    .read().decode())
	END
	    openssl x509 -noout -subject -nameopt multiline |
	    sed -n 's/ *commonName *= //p'
}

# Who answers for NAME now, as OpenSSL sees it: its certificate to $T/alpn.
alpn_seen()
{
	local i

	for i in $(seq 200); do
		openssl s_client -connect "127.0.0.1:$tp" -alpn acme-tls/1 \
		    -servername "$1" </dev/null >"$T/alpn" 2>/dev/null &&
		    grep -q '^ALPN protocol: acme-tls/1$' "$T/alpn" &&
		    return 0
		sleep 0.05
	done
	return 1
}

pebble reuse=100 alternates=2 sleep=3
a_conf acme "$http" "$alpn"
alpn_seen alpn.example.org &
seer=$!
cv issue alpn.example.org --challenge tls-alpn-01
eq "slow validation: status" $rc 0
[ $rc -eq 0 ] || show
complete "slow validation" alpn.example.org
wait $seer
eq "OpenSSL sees the answer" $? 0
openssl x509 -in "$T/alpn" -noout -text > "$T/alpn.txt" 2>/dev/null
ok "for that name" grep -q 'DNS:alpn.example.org$' "$T/alpn.txt"
ok "with the critical extension" grep -q '1.3.6.1.5.5.7.1.31: critical' \
    "$T/alpn.txt"
cv issue alpn.example.org
eq "its proof is known: status" $rc 0
eq "nothing is placed" "$(grep -c 'alpn.example.org: ' "$T/err")" 0
top=$(root_cn 2)
cv issue chain.example.org --preferred-chain "$top" --challenge http-01
eq "another chain: status" $rc 0
eq "it leads there" "$(openssl crl2pkcs7 -nocrl -certfile \
    "$live/chain.example.org/chain.pem" | openssl pkcs7 -print_certs -noout |
    sed -n 's/^issuer=.*CN = //p' | tail -n 1)" "$top"

# --- keys -------------------------------------------------------------------------------------

pg_dump -d "$db" > "$T/dump.sql" 2>"$T/dump.err"
ok "the dump has the certificates" grep -q n10.example.org "$T/dump.sql"
eq "no key in the database" "$(grep -c "PRIVATE KEY\|$key" "$T/dump.sql")" 0
ok "there are keys" test "$(find "$state/keys" -name '*.key' | wc -l)" -ge 20
eq "keys are for their owner only" "$(find "$state" -type f \( -path '*/keys/*' \
    -o -name key.pem \) ! -perm 600 | wc -l)" 0

# --- elsewhere -----------------------------------------------------------------------------------

a_more="deploy: {dir: $T/served/tls}" a_conf acme "$http"
mkdir "$T/served"
live=$T/served/tls
if [ "$(id -u)" = 0 ]; then
	cv issue else.example.org
	eq "another folder: status" $rc 0
	[ $rc -eq 0 ] || show
	complete "another folder" else.example.org
fi
were=$((passed + failed))
[ "$were" -eq $count ] || fail "$count tests would be skipped, $were were made"
t_end
