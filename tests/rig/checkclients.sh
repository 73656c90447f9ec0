#!/bin/bash
# Real clients against the ACME servers of the rig: Debian's uacme and lego
# obtain, renew and revoke, from acmeca.py and from pebble, by http-01, dns-01
# on knot and tls-alpn-01.  What is not installed is skipped, and counted.
#
#   checkclients.sh DIR          prints "N passed, N failed, N skipped"

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/rig/acme.sh
mkdir -p "$1" && T=$(cd "$1" && pwd) || exit 1
trap clean EXIT
trap 'exit 1' INT TERM HUP
ACME_ONLY=1			# faster than with all of the system's
have_knot=
known=.well-known/acme-challenge

clean()
{
	acme_stop "$T" "$T"/*
}

have()
{
	PATH=$PATH:/usr/sbin command -v "$1" >/dev/null
}

# Counted in a file, because the streams are processes of their own.
ok()
{
	local what=$1 said=$T/$stream.said.$BASHPID

	shift
	if "$@" >"$said" 2>&1; then
		echo pass >> "$T/$stream.count"
	else
		echo fail >> "$T/$stream.count"
		echo "FAILED: $stream: $what: $(tail -n 4 "$said")"
	fi
}

skip()
{
	echo "skip $1" >> "$T/$stream.count"
	echo "SKIP $1 $stream: $2"
}

# --- the servers --------------------------------------------------------------

start_ca()
{
	local dir=$T/$stream.ca

	http=$(_acme_port)
	tls=$(_acme_port)
	mkdir -p "$T/$stream.web/$known"
	mkdir -p "$dir"
	"$_acme_py" -m http.server "$http" --bind 127.0.0.1 \
	    --directory "$T/$stream.web" >/dev/null 2>&1 &
	echo $! >> "$dir/pids"
	if [ "$1" = pebble ]; then
		acme_pebble "$dir" http="$http" tls="$tls" nonces=5 \
		    reuse=100 ocsp=yes ${have_knot:+dns="$ACME_DNS"}
	else
		acme_ca "$dir" ${plain:+"$plain"} --http-port "$http" --tls-port "$tls" \
		    --resolve 127.0.0.1 --nonce-reject 2 --authz-reuse 100 \
		    --retry-after 1 ${have_knot:+--dns "$ACME_DNS"}
	fi
}

# pebble_root FILE
pebble_root()
{
	"$_acme_py" - "$ACME_MANAGEMENT/roots/0" "$ACME_TLS" "$1" <<-'END'
	import ssl, sys, urllib.request
	url, ca, out = sys.argv[1:]
	with urllib.request.urlopen(url, timeout=10, context=ssl.
	        create_default_context(cafile=ca)) as a:
	    open(out, "wb").write(a.read())
	END
}

verifies()
{
	openssl verify -CAfile "$T/$stream.root" -untrusted "$1" "$1"
}

serial_of()
{
	openssl x509 -in "$1" -noout -serial | sed 's/.*=//'
}

# The certificate in $1 is in a CRL of the CA, which verifies.
in_crl()
{
	local crl=$T/$stream.crl serial

	serial=$(serial_of "$1")
	if [ -n "${ACME_MANAGEMENT:-}" ]; then
		acme_crl "$crl" --cert "$1" --issuer-out "$T/$stream.int"
	else
		cp "$T/$stream.ca/ca/int.pem" "$T/$stream.int"
		"$_acme_py" -c '
import sys, urllib.request
from cryptography import x509
c = x509.load_pem_x509_certificate(open(sys.argv[1], "rb").read())
u = c.extensions.get_extension_for_class(x509.CRLDistributionPoints)
with urllib.request.urlopen(u.value[0].full_name[0].value) as a:
    open(sys.argv[2], "wb").write(a.read())' "$1" "$crl"
	fi || return 1
	openssl crl -inform DER -in "$crl" -noout -CAfile "$T/$stream.int" \
	    2>&1 | grep -q 'verify OK' &&
	    openssl crl -inform DER -in "$crl" -noout -text |
	    grep -q "Serial Number: $serial"
}

# The server of OCSP and CRLs says so, too, of the certificate in $1.
in_rev()
{
	local d=$T/$stream.rev

	openssl ocsp -issuer "$T/$stream.int" -cert "$1" \
	    -url "$ACME_REV/ocsp" -CAfile "$T/$stream.int" -partial_chain \
	    > "$d" 2>&1 || return 1
	cat "$d"
	grep -q 'Response verify OK' "$d" &&
	    grep -q 'Reason: superseded' "$d" || return 1
	"$_acme_py" -c '
import sys, urllib.request
with urllib.request.urlopen(sys.argv[1]) as a:
    open(sys.argv[2], "wb").write(a.read())' "$ACME_REV/crl" "$d"
	openssl crl -inform DER -in "$d" -noout -text |
	    grep -q "Serial Number: $(serial_of "$1")"
}

# --- uacme --------------------------------------------------------------------

write_hook()
{
	cat > "$T/$stream.hook" <<-END
	#!/bin/sh
	# METHOD TYPE IDENT TOKEN AUTH
	[ "\$2" = "\$WANT" ] || exit 1
	update()
	{
		printf 'server 127.0.0.1 %s\nzone %s\nupdate %s\nsend\n' \
		    "${ACME_DNS##*:}" example.org. "\$1" |
		    knsupdate -k "$ACME_TSIG_FILE"
	}
	name="_acme-challenge.\$3. 1 IN TXT \"\$5\""
	case "\$1 \$2" in
	"begin http-01")
		echo "\$5" > "$T/$stream.web/$known/\$4" ;;
	"begin dns-01")
		update "add \$name" ;;
	*" dns-01")
		update "del \$name" ;;
	"begin tls-alpn-01")
		test "\$(echo "auth \$3 \$5" |
		    ualpn -s "$T/$stream.sock")" = OK ;;
	*" tls-alpn-01")
		echo "unauth \$3" | ualpn -s "$T/$stream.sock" ;;
	esac
	END
	chmod 755 "$T/$stream.hook"
}

ua()
{
	local want=$1 trust=()

	shift
	[ -n "$plain" ] || trust=(acme_with_ca "$ACME_TLS")
	WANT=$want "${trust[@]}" uacme -o -y -t EC \
	    -c "$T/$stream.dir" -a "$ACME_URL" -h "$T/$stream.hook" "$@"
}

run_uacme()
{
	local d=$T/$stream.dir n=$stream.example.org first

	ok "account" ua - new ops@example.org
	ok "http-01" ua http-01 issue "$n"
	ok "chain" verifies "$d/$n/cert.pem"
	first=$(serial_of "$d/$n/cert.pem")
	ok "renew" ua http-01 -f issue "$n"
	ok "another one" test "$first" != "$(serial_of "$d/$n/cert.pem")"
	if [ -n "$have_knot" ] && have knsupdate; then
		ok "dns-01" ua dns-01 issue "d-$n" "*.d-$n"
		ok "chain by dns-01" verifies "$d/d-$n/cert.pem"
	else
		skip 2 "dns-01: knot or knsupdate is not installed"
	fi
	if have ualpn; then
		ualpn -b "127.0.0.1@$tls" -c 127.0.0.1@9 -P 0 \
		    -p "$T/$stream.pid" -s "$T/$stream.sock" -S 0600 \
		    >"$T/$stream.ualpn" 2>&1 &
		echo $! >> "$T/$stream.ca/pids"
		for _ in $(seq 50); do
			[ ! -S "$T/$stream.sock" ] || break
			sleep 0.1
		done
		ok "tls-alpn-01" ua tls-alpn-01 issue "t-$n"
		ok "chain by tls-alpn-01" verifies "$d/t-$n/cert.pem"
	else
		skip 2 "tls-alpn-01: ualpn is not installed"
	fi
	ok "rollover" ua - newkey
	ok "revoke" ua - -r 4 revoke "$d/$n/cert.pem"
	# it moves the file away
	ok "in the CRL" in_crl "$(ls "$d/$n"/revoked*.pem)"
	ok "deactivate" ua - deactivate
}

# --- lego ---------------------------------------------------------------------

le()
{
	LEGO_CA_CERTIFICATES=$ACME_TLS lego --server "$ACME_URL" \
	    --accept-tos --email ops@example.org --key-type ec256 \
	    --path "$T/$stream.dir.$1" "${@:2}"
}

run_lego()
{
	local d=$T/$stream.dir n=$stream.example.org first web dns p=()

	web=(--http --http.webroot "$T/$stream.web")
	export RFC2136_NAMESERVER=$ACME_DNS RFC2136_SEQUENCE_INTERVAL=1 \
	    RFC2136_TSIG_ALGORITHM=hmac-sha256. RFC2136_POLLING_INTERVAL=1 \
	    RFC2136_TSIG_KEY=$ACME_TSIG_NAME \
	    RFC2136_TSIG_SECRET=$ACME_TSIG_SECRET
	dns=(--dns rfc2136 --dns.resolvers "$ACME_DNS" --dns.disable-cp)
	# it waits five seconds before it looks: all at once
	ok "http-01" le http "${web[@]}" -d "$n" run &
	p+=($!)
	ok "tls-alpn-01" le tls --tls --tls.port "127.0.0.1:$tls" \
	    -d "t-$n" run &
	p+=($!)
	if [ -n "$have_knot" ]; then
		ok "dns-01" le dns "${dns[@]}" -d "d-$n" run &
		p+=($!)
	else
		skip 2 "dns-01: knot is not installed"
	fi
	wait "${p[@]}"
	ok "chain" verifies "$d.http/certificates/$n.crt"
	ok "chain by tls-alpn-01" verifies "$d.tls/certificates/t-$n.crt"
	[ -z "$have_knot" ] ||
	    ok "chain by dns-01" verifies "$d.dns/certificates/d-$n.crt"
	first=$(serial_of "$d.http/certificates/$n.crt")
	ok "renew" le http "${web[@]}" -d "$n" renew --days 100000 \
	    --no-random-sleep
	ok "another one" test "$first" != \
	    "$(serial_of "$d.http/certificates/$n.crt")"
	cp "$d.http/certificates/$n.crt" "$T/$stream.crt"
	ok "revoke" le http -d "$n" revoke --reason 4
	ok "in the CRL" in_crl "$T/$stream.crt"
	[ -z "${ACME_REV:-}" ] || ok "OCSP" in_rev "$T/$stream.crt"
}

# --- streams ------------------------------------------------------------------

# run CLIENT SERVER: how many checks there are, all in all, is $3.
run()
{
	stream=$1-$2

	if ! have "$1"; then
		skip "$3" "$1 is not installed"
		return
	fi
	if [ "$2" = pebble ] && ! have pebble; then
		skip "$3" "pebble is not installed"
		return
	fi
	# uacme takes no CA file
	plain=
	if [ "$1" = uacme ] && ! acme_with_ca /dev/null true 2>/dev/null; then
		plain=--http
	fi
	if [ "$plain$2" = --httppebble ]; then
		skip "$3" "uacme trusts no CA of ours unless this is root"
		return
	fi
	ok "start" start_ca "$2"
	if [ "$2" = pebble ]; then
		ok "root" pebble_root "$T/$stream.root"
	else
		cp "$T/$stream.ca/ca/root-0.pem" "$T/$stream.root"
	fi
	[ "$1" != uacme ] || write_hook
	"run_$1"
	acme_stop "$T/$stream.ca"
}

stream=servers
ACME_DNS= ACME_TSIG_NAME= ACME_TSIG_SECRET= ACME_TSIG_FILE=
if have knotd; then
	have_knot=1
	ok "knot" acme_knot "$T/knot" example.org
else
	skip 1 "knot is not installed"
fi
if have pebble-challtestsrv; then
	dns=$ACME_DNS
	ok "challtestsrv" acme_challtestsrv "$T/chall"
	ACME_DNS=$dns
else
	skip 1 "pebble-challtestsrv is not installed"
fi
running=()
run uacme acmeca 14 & running+=($!)
run uacme pebble 15 & running+=($!)
run lego acmeca 11 & running+=($!)
run lego pebble 13 & running+=($!)
wait "${running[@]}"
cat "$T"/*.count | awk '
	{ n[$1] += $2 == "" ? 1 : $2 }
	END {
		printf "%d passed, %d failed, %d skipped\n",
		    n["pass"], n["fail"], n["skip"]
		exit n["fail"] != 0
	}'
