#!/bin/bash
# What users already run becomes known: the real certbot, uacme, lego,
# dehydrated and acme.sh (where it is installed; else a directory laid out as
# it does) obtain from pebble, and a log shows it.  Without the import each is
# a finding; with it the first day is silent, and so is each renewal that the
# hooks of docs/hooks/ declare.  Another key for the same names is not.
#
#   bash tests/system/99-import.sh build/release
#
# takes: 32

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 99-import "${1:-}"
. tests/rig/acme.sh
count=99
hp=$(_acme_port)
mkdir -p "$T/web/.well-known/acme-challenge"
"$_acme_py" -m http.server "$hp" --bind 127.0.0.1 --directory "$T/web" \
    >/dev/null 2>&1 &
pids+=($!)
if ! acme_challtestsrv "$T/ch" || ! acme_pebble "$T/pb" http="$hp" \
    dns="$ACME_DNS" reuse=100; then
	skip $count "no pebble"
	t_end
fi
t_rig --log log
hooks=$PWD/docs/hooks
chmod -R a+rX "$T"

# --- the clients: each as its users run it --------------------------------------

have()
{
	PATH=$PATH:/usr/sbin command -v "$1" >/dev/null
}

cb()
{
	REQUESTS_CA_BUNDLE=$ACME_TLS certbot "$@" --config-dir "$T/certbot" \
	    --work-dir "$T/cb.work" --logs-dir "$T/cb.log" \
	    --server "$ACME_URL" -n
}

certbot_first()
{
	cb certonly --agree-tos -m ops@example.org --webroot -w "$T/web" \
	    -d cb.example.org -d www.cb.example.org
}

certbot_again()
{
	cb renew --force-renewal --no-random-sleep-on-renew \
	    --deploy-hook "$hooks/certbot"
}

le()
{
	LEGO_CA_CERTIFICATES=$ACME_TLS lego --server "$ACME_URL" \
	    --accept-tos --email ops@example.org --path "$T/lego" \
	    --http --http.webroot "$T/web" -d le.example.org "$@"
}

lego_first()
{
	le run
}

lego_again()
{
	le renew --days 100000 --no-random-sleep --renew-hook "$hooks/lego"
}

write_dehydrated()
{
	cat > "$T/dehydrated.conf" <<-END
	CA=$ACME_URL
	BASEDIR=$T/dehydrated
	WELLKNOWN=$T/web/.well-known/acme-challenge
	CURL_OPTS="--cacert $ACME_TLS"
	PRIVATE_KEY_ROLLOVER=yes
	KEY_ALGO=prime256v1
	ACCOUNT_KEYSIZE=2048
	END
	mkdir -p "$T/dehydrated"
}

de()
{
	dehydrated -f "$T/dehydrated.conf" "$@"
}

dehydrated_first()
{
	write_dehydrated
	de --register --accept-terms && de -c -d de.example.org
}

dehydrated_again()
{
	de -c -x -d de.example.org -k "$hooks/dehydrated"
}

# ua DIR ARG...
ua()
{
	ACME_ONLY=1 acme_with_ca "$ACME_TLS" "${UA:-uacme}" -y -t EC -c "$1" \
	    -a "$ACME_URL" -h "$T/uacme.hook" "${@:2}"
}

uacme_first()
{
	cat > "$T/uacme.hook" <<-END
	#!/bin/sh
	# METHOD TYPE IDENT TOKEN AUTH
	[ "\$1 \$2" != "begin http-01" ] ||
	    echo "\$5" > $T/web/.well-known/acme-challenge/\$4
	[ "\$1" != begin ] || [ "\$2" = http-01 ]
	END
	chmod 755 "$T/uacme.hook"
	ua "$T/uacme" new ops@example.org && ua "$T/uacme" issue ua.example.org
}

uacme_again()
{
	UA=$hooks/uacme ua "$T/uacme" -o -f issue ua.example.org
}

as()
{
	acme.sh --home "$T/acme.sh" --config-home "$T/acme.sh" \
	    --server "$ACME_URL" --ca-bundle "$ACME_TLS" "$@"
}

# another CHAIN KEY NAME: of an account of its own, by the rig's client, with
# the key that is there, if one is; prints the account's URL
another()
{
	PYTHONDONTWRITEBYTECODE=1 "$_acme_py" - tests/rig "$ACME_URL" \
	    "$ACME_TLS" "$T/web/.well-known/acme-challenge" "$@" <<-'END'
	import os, sys
	sys.path.insert(0, sys.argv[1])
	from acmeclient import Client
	from cryptography.hazmat.primitives import serialization as s
	url, tls, web, chain, path, name = sys.argv[2:]
	key = None
	if os.path.exists(path):
	    key = s.load_pem_private_key(open(path, "rb").read(), None)
	def place(c, identifier, challenge):
	    with open(web + "/" + challenge["token"], "w") as f:
	        f.write(c.key_authz(challenge["token"]))
	c = Client(url, tls)
	c.register()
	order, pem, key = c.obtain([name], "http-01", place, key=key)
	with open(chain, "wb") as f:
	    f.write(pem)
	with open(path, "wb") as f:
	    f.write(key.private_bytes(s.Encoding.PEM,
	        s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption()))
	print(c.kid)
	END
}

# What acme.sh would have: an account, a certificate, its key and request.
layout_acmesh()
{
	local n=as.example.org d=$T/acme.sh/as.example.org_ecc url

	mkdir -p "$d" "$T/acme.sh/ca/localhost/dir"
	url=$(another "$d/fullchain.cer" "$d/$n.key" $n) || return
	openssl x509 -in "$d/fullchain.cer" -out "$d/$n.cer"
	sed '1,/-END/d' "$d/fullchain.cer" > "$d/ca.cer"
	openssl req -new -key "$d/$n.key" -subj / -addext \
	    "subjectAltName=DNS:$n" -out "$d/$n.csr" 2>/dev/null
	echo "Le_Domain='$n'" > "$d/$n.conf"
	: > "$T/acme.sh/account.conf"
	# what it has already when it renews is of the first account
	[ -s "$T/acme.sh/ca/localhost/dir/ca.conf" ] ||
	    echo "ACCOUNT_URL='$url'" > "$T/acme.sh/ca/localhost/dir/ca.conf"
}

acme.sh_first()
{
	if have acme.sh; then
		mkdir -p "$T/acme.sh"
		as --register-account -m ops@example.org &&
		    as --issue -w "$T/web" -d as.example.org \
		    --keylength ec-256 --reloadcmd true
	else
		layout_acmesh
	fi
}

acme.sh_again()
{
	local d=$T/acme.sh/as.example.org_ecc

	if have acme.sh; then
		as --install-cert --ecc -d as.example.org \
		    --reloadcmd "$hooks/acme.sh" &&
		    as --renew --ecc --force -d as.example.org
	else
		# as acme.sh calls a reloadcmd
		layout_acmesh && (
			export CERT_PATH=$d/as.example.org.cer \
			    CERT_KEY_PATH=$d/as.example.org.key \
			    CA_CERT_PATH=$d/ca.cer \
			    CERT_FULLCHAIN_PATH=$d/fullchain.cer \
			    Le_Domain=as.example.org
			cd "$d" && eval "$hooks/acme.sh"
		)
	fi
}

newest()
{
	case $1 in
	certbot)	echo "$T/certbot/live/cb.example.org/fullchain.pem" ;;
	lego)		echo "$T/lego/certificates/le.example.org.crt" ;;
	dehydrated)	echo "$T/dehydrated/certs/de.example.org/fullchain.pem" ;;
	uacme)		echo "$T/uacme/ua.example.org/cert.pem" ;;
	acme.sh)	echo "$T/acme.sh/as.example.org_ecc/fullchain.cer" ;;
	esac
}

# Into the log, as the CA does: submit FILE (chain)
submit()
{
	"$_acme_py" - "$1" > "$T/chain" <<-'END'
	import json, re, sys
	pem = open(sys.argv[1]).read()
	print(json.dumps({"pre": False, "chain": [re.sub(r"\s", "", b)
	    for b in re.findall("-----BEGIN CERTIFICATE-----(.*?)-----END",
	    pem, re.S)]}))
	END
	post /_rig/log/add "$(cat "$T/chain")" > "$T/added"
	ok "in the log: ${1#"$T"/}" test -s "$T/added"
	ok "in the log: ${1#"$T"/}: taken" test -z "$(grep '"error"' \
	    "$T/added")"
}

# all WHAT: all clients at once, each has done it
all()
{
	local c p=() i=0

	for c in $clients; do
		"${c}_$1" > "$T/$c.$1.out" 2>&1 &
		p+=($!)
	done
	for c in $clients; do
		if ! wait "${p[$i]}"; then
			fail "$c: $1: $(tail -n 5 "$T/$c.$1.out")"
		else
			passed=$((passed + 1))
		fi
		i=$((i + 1))
	done
}

submit_all()
{
	local c

	for c in $clients; do
		submit "$(newest "$c")"
	done
}

clients=
for c in certbot lego dehydrated acme.sh uacme; do
	if [ $c = uacme ] && ! acme_with_ca /dev/null true 2>/dev/null; then
		skip 11 "uacme trusts no CA of ours unless this is root"
	elif [ $c = acme.sh ] && ! have acme.sh; then
		echo "note: acme.sh is not installed: its directory is" \
		    "laid out by the test"
		clients="$clients $c"
	elif ! have $c; then
		skip 11 "$c is not installed"
	else
		clients="$clients $c"
	fi
done
n=$(wc -w <<< "$clients")

# open WHAT WANT: the names of the findings that are open
open()
{
	eq "$1" "$(sql "select coalesce(string_agg(distinct name, ' ' order by
	    name), '') from finding where state = 'open'")" "$2"
}

# --- the first day ----------------------------------------------------------------

all first
# what a log has before the first read is baseline: read it empty
t_db alone
t_conf alone 'watch: [.example.org]'
once
alone_db=$db alone_conf=$conf
t_db import
t_conf import 'watch: [.example.org]'
once
eq "an empty log" $rc 0
hook_conf=$conf
for c in $clients; do
	cv known import --from "$c" "$T/$c" --host web1 --json
	eq "$c: status" $rc 0
	[ $rc -eq 0 ] || show
	eq "$c: a certificate" "$(json_int certificates < "$T/out" |
	    head -n 1)" 1
	ok "$c: nothing is skipped" grep -q '"skips": *\[\]' "$T/out"
	eq "$c: its lineage" "$(sql "select distinct client || ' ' || host ||
	    ' ' || lineage from known where client = '$c'")" "$c web1 $(
	    basename "$(dirname "$(newest "$c")")" |
	    sed 's/^certificates$/le.example.org/')"
	cv known import --from "$c" "$T/$c" --host web1 --json
	eq "$c: again: no doubles" "$(sql "select count(*) from known where
	    client = '$c' and tbs_sha256 is not null")" 1
done
eq "accounts: all but uacme's" "$(sql "select count(distinct url) from
    known_account")" $((n - $(grep -c uacme <<< "$clients")))
case $clients in
*dehydrated*)
	eq "dehydrated: the next key" "$(sql "select names::text from known
	    where place like '%/privkey.roll.pem' and until is null and
	    tbs_sha256 is null")" '{de.example.org}' ;;
esac
eq "no key is stored" "$(sql 'select * from known' |
    grep -c 'PRIVATE KEY')" 0
cv known list --accounts
eq "known list --accounts" "$rc $(grep -c 'http' "$T/out")" \
    "0 $((n - $(grep -c uacme <<< "$clients")))"
submit_all
once
eq "the first day: status" $rc 0
open "the first day: silent" ""
eq "the first day: all were seen" "$(sql "select count(*) from issuance where
    decision = 'silent' and rule = 3")" "$n"

# without the import, each is a finding
import_db=$db
db=$alone_db conf=$alone_conf
once
eq "without: status" $rc 0
eq "without: each is a finding" "$(sql "select count(distinct subject) from
    finding where kind = 'certificate.unexpected' and state = 'open'")" "$n"
db=$import_db conf=$hook_conf

# --- renewals, declared by the hooks --------------------------------------------------

cat > "$T/hooked" <<-END
#!/bin/sh
exec "$prog" --config "$hook_conf" "\$@"
END
chmod 755 "$T/hooked"
export CERTVIGIL=$T/hooked
all again
submit_all
eq "each hook declared its own" "$(sql "select count(distinct lineage) from known where host
    = '$(uname -n)' and lineage is not null and tbs_sha256 is not null")" "$n"
once
eq "renewals: status" $rc 0
open "renewals: silent" ""
eq "renewals: all were seen" "$(sql "select count(*) from issuance where
    decision = 'silent' and rule in (3, 4)")" $((2 * n))
eq "nothing was ever said" "$(sql 'select count(*) from finding')" 0

# --- an order that is declared before it is made ------------------------------------------

case $clients in
*certbot*)
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$T/csr.key" -subj / -addext \
	    "subjectAltName=DNS:cb.example.org" -out "$T/order.csr" \
	    2>/dev/null
	cv expect issuance --csr "$T/order.csr" --within 1h
	eq "expected: status" $rc 0
	ok "certbot certonly --csr" cb certonly --csr "$T/order.csr" \
	    --webroot -w "$T/web" --cert-path "$T/csr.crt" \
	    --fullchain-path "$T/csr.full" --chain-path "$T/csr.chain" \
	    > "$T/certbot.csr.out" 2>&1
	submit "$T/csr.full"
	once
	open "expected: silent" ""
	eq "expected: by rule 2" "$(sql "select state from expectation")" \
	    fulfilled ;;
*)	skip 6 "certbot is not installed" ;;
esac

# --- what is not ours ---------------------------------------------------------------------

# Another key for the name of a lineage, of another account.
another "$T/other.pem" "$T/other.key" as.example.org > /dev/null
submit "$T/other.pem"
once
open "another key: found" as.example.org
eq "another key: unexpected" "$(sql 'select kind from finding')" \
    certificate.unexpected

# --- what it refuses ------------------------------------------------------------------------

# said WHAT STATUS TEXT
said()
{
	eq "$1: status" $rc "$2"
	ok "$1: says so" grep -qF -- "$3" "$T/err"
}
mkdir -p "$T/empty" "$T/evil/archive/x"
chmod -R a+rX "$T/empty" "$T/evil"
cv known import --from certbot "$T/empty"
said "an empty one" 64 \
    "this is not a certbot directory: no archive/ and no live/ under it"
cv known import --from caddy "$T/empty"
said "another client" 64 "caddy is no client that is known"
cv known import --from certbot -
said "standard input" 64 "--from needs one directory"
cv known import --from certbot "$T/empty" --compromised
said "compromised" 64 "without --from"
cv known import --account https://ca.example/1 "$T/other.pem"
said "account alone" 64 "--account goes with --from"
ln -s "$T/other.pem" "$T/evil/archive/x/cert1.pem"
ln -s /etc/shadow "$T/evil/archive/x/privkey1.pem"
cv known import --from certbot "$T/evil" --account https://ca.example/1
eq "links: status" $rc 1
ok "links: said" grep -q "cert1.pem: a link leads out of" "$T/out"
ok "links: nothing is known of it" grep -q "^imported 0 certificates" "$T/out"
eq "links: the account that was named is" "$(sql "select client from
    known_account where url = 'https://ca.example/1'")" certbot
cv known import "$T/other.pem" --host $'w\xff1' --lineage $'l\xfe' --json
eq "bytes that are no text: status" $rc 0
eq "bytes that are no text: escaped" "$(sql "select host, lineage from known
    where place like '%other.pem'")" 'w\xff1|l\xfe'
cv known remove https://ca.example/1
eq "remove: status" $rc 0
cv known remove https://ca.example/1
said "remove: again" 1 "no account https://ca.example/1 is known"
t_end
