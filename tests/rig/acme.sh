# Servers for ACME tests, to be sourced by bash.  Each has a folder of its own,
# listens on free ports of 127.0.0.1, and is ended by acme_stop DIR (all that
# were started there).  A function returns 77, and says so on stderr, when its
# program is not installed; 1 when the server does not start.
#
#   acme_ca DIR [ARG...]        acmeca.py; sets ACME_URL (directory), ACME_TLS
#                               (PEM to be trusted, empty with --http),
#                               ACME_ADMIN (http://.../_rig), ACME_PORT
#   acme_fault NAME [K=V]...    a fault of acmeca; acme_honest stops all
#   acme_admin WHAT [K=V]...    POST to its admin; acme_show WHAT [K=V]...: GET
#   acme_proxy DIR [ARG...]     faultproxy.py before the last CA or pebble
#                               started; sets ACME_URL, ACME_PROXY to its own
#   acme_pebble DIR [K=V]...    Debian's pebble; sets ACME_URL, ACME_TLS,
#                               ACME_PORT, ACME_MANAGEMENT (URL).  K: http, tls
#                               (validation ports, 5002 and 5001), dns
#                               (HOST:PORT), eab (KID:KEY, several), nonces
#                               (percent rejected, 0), reuse (percent of
#                               authz reuse, 0), alternates (0), sleep (s),
#                               block (name), days (certificates), retry (s,
#                               Retry-After) and profiles (yes: shortlived),
#                               both of pebble 2.7 and later, ocsp (yes:
#                               AIA points to ACME_REV/ocsp, which answers, and
#                               ACME_REV/crl is a CRL: pebblecrl.py --serve)
#   acme_challtestsrv DIR [K=V] pebble-challtestsrv; sets ACME_DNS (HOST:PORT),
#                               ACME_CHALL (management URL).  K: http (port of
#                               its own http-01 server; none)
#   acme_knot DIR ZONE...       knot; takes TXT updates below each zone, signed
#                               with TSIG; sets ACME_DNS, ACME_TSIG_NAME,
#                               ACME_TSIG_SECRET (base64, hmac-sha256),
#                               ACME_TSIG_FILE (for knsupdate -k, nsupdate -k).
#                               Every name in it is at 127.0.0.1.  NAME=FILE:
#                               with the records of FILE, too
#   acme_acmedns DIR BASE       acmednsd.py and the dnsd.py that it writes to,
#                               with the records of BASE (which may be written
#                               anew); sets ACME_DNS (HOST:PORT), ACME_ACMEDNS
#                               (URL); DIR/fail: the status that updates get
#   acme_crl OUT [ARG...]       a CRL for pebble's certificates (pebblecrl.py)
#   acme_with_ca FILE CMD...    CMD with FILE among the trusted roots, in a
#                               mount namespace of its own (root only): for
#                               programs that take no CA file, such as uacme.
#                               With ACME_ONLY set, it is the only one
#
# Where tests/system/lib.sh is, its t_clean ends them, too.

_acme_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
_acme_py=/usr/bin/python3
[ -x "$_acme_py" ] || _acme_py=python3

_acme_need()
{
	local p

	for p; do
		PATH=$PATH:/usr/sbin command -v "$p" >/dev/null || {
			echo "acme: $p is not installed" >&2
			return 77
		}
	done
}

# Server $2 of folder $1 is to be ended.
_acme_pid()
{
	echo "$2" >> "$1/pids"
	if declare -p pids >/dev/null 2>&1; then
		pids+=("$2")
	fi
}

_acme_python()
{
	"$_acme_py" -c 'import cryptography' 2>/dev/null || {
		echo "acme: python3-cryptography is not installed" >&2
		return 77
	}
}

# A port that was free a moment ago, for servers that cannot take 0.
_acme_port()
{
	"$_acme_py" -c '
import socket
s = [socket.socket(socket.AF_INET, k) for k in (1, 2)]
while True:
    s[0].bind(("127.0.0.1", 0))
    try:
        s[1].bind(s[0].getsockname())
        break
    except OSError:
        s[0].close()
        s[0] = socket.socket()
print(s[0].getsockname()[1])'
}

# The first line that server number $2 of folder $1 prints.
_acme_line()
{
	local i

	for i in $(seq 150); do
		[ ! -s "$1/$2.out" ] || break
		kill -0 "$3" 2>/dev/null || break
		sleep 0.1
	done
	if [ ! -s "$1/$2.out" ]; then
		echo "acme: $2 did not start: $(tail -n 3 "$1/$2.err")" >&2
		return 1
	fi
	head -n 1 "$1/$2.out"
}

_acme_field()
{
	sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\)\"\{0,1\}[,}].*/\1/p"
}

# Start Python server $2 in folder $1: prints its first line.
_acme_python_server()
{
	local dir=$1 name=$2 pid

	_acme_python || return
	mkdir -p "$dir"
	rm -f "$dir/$name.out"
	PYTHONDONTWRITEBYTECODE=1 "$_acme_py" "$_acme_here/$name.py" "${@:3}" \
	    >"$dir/$name.out" 2>"$dir/$name.err" &
	pid=$!
	_acme_pid "$dir" $pid
	_acme_line "$dir" "$name" $pid >/dev/null
}

acme_ca()
{
	local dir=$1

	_acme_python_server "$dir" acmeca --dir "$dir/ca" "${@:2}" || return
	ACME_URL=$(_acme_field directory < "$dir/acmeca.out")
	ACME_PORT=$(_acme_field port < "$dir/acmeca.out")
	ACME_ADMIN=$(_acme_field admin < "$dir/acmeca.out")
	ACME_TLS=$(_acme_field tls_ca < "$dir/acmeca.out")
	ACME_PAIR=$dir/ca/tls
	[ "$ACME_TLS" != null ] && [ -n "$ACME_TLS" ] || ACME_TLS= ACME_PAIR=
}

# POST or GET ($1) of $2 with K=V as JSON or query string.
_acme_ask()
{
	"$_acme_py" - "$ACME_ADMIN" "$@" <<-'END'
	import json, sys, urllib.error, urllib.parse, urllib.request
	admin, method, what, *args = sys.argv[1:]
	args = dict(a.split("=", 1) for a in args)
	url, body = admin + "/" + what, None
	if method == "POST":
	    body = json.dumps(args).encode()
	else:
	    url += "?" + urllib.parse.urlencode(args)
	try:
	    with urllib.request.urlopen(urllib.request.Request(
	            url, body), timeout=20) as a:
	        print(a.read().decode())
	except urllib.error.HTTPError as why:
	    sys.exit("acme: %s: %s" % (what, why.read().decode()))
	END
}

acme_admin()
{
	_acme_ask POST "$@"
}

acme_show()
{
	_acme_ask GET "$@"
}

acme_fault()
{
	_acme_ask POST fault "fault=$1" "${@:2}" >/dev/null
}

acme_honest()
{
	_acme_ask POST honest >/dev/null
}

acme_proxy()
{
	local dir=$1 tls=() scheme=http

	if [ -n "$ACME_PAIR" ]; then
		tls=(--to-tls --cert "$ACME_PAIR.pem" --key "$ACME_PAIR.key")
		scheme=https
	fi
	_acme_python_server "$dir" faultproxy --to "$ACME_PORT" "${tls[@]}" \
	    --log "$dir/proxy.log" "${@:2}" || return
	ACME_PROXY_PORT=$(_acme_field port < "$dir/faultproxy.out")
	ACME_PROXY=$scheme://localhost:$ACME_PROXY_PORT/_proxy
	ACME_URL=$scheme://localhost:$ACME_PROXY_PORT/${ACME_URL##*/}
}

# --- pebble -------------------------------------------------------------------

# A TLS root and a certificate for localhost: $1/tlsca.pem, $1/tls.{pem,key}.
_acme_tls()
{
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$_acme_here "$_acme_py" -c '
import sys
from acmelib.pki import tls_pair
tls_pair(sys.argv[1])' "$1"
}

_acme_pebble_conf()
{
	local e sep=

	cat <<-END
	{"pebble": {
	  "listenAddress": "127.0.0.1:$ACME_PORT",
	  "managementListenAddress": "127.0.0.1:$management",
	  "certificate": "$dir/tls.pem", "privateKey": "$dir/tls.key",
	  "httpPort": $http, "tlsPort": $tls,
	  "ocspResponderURL": "${ocsp:+http://127.0.0.1:$ocsp/ocsp}",
	  "domainBlocklist": [${block:+\"$block\"}],
	  ${days:+\"certificateValidityPeriod\": $((days * 86400)),}
	  ${retry:+\"retryAfter\": {\"authz\": $retry, \"order\": $retry\},}
	  ${profiles:+\"profiles\": {
	    \"default\": {\"description\": \"\", \"validityPeriod\": 7776000\},
	    \"shortlived\": {\"description\": \"\", \"validityPeriod\": 518400\}
	  \},}
	  "externalAccountBindingRequired": $([ ${#eab[@]} -eq 0 ] &&
	      echo false || echo true),
	  "externalAccountMACKeys": {
	END
	for e in "${eab[@]}"; do
		printf '%s"%s": "%s"' "$sep" "${e%%:*}" "${e#*:}"
		sep=,
	done
	echo '}}}'
}

# What answers for pebble whether a certificate is revoked.
_acme_rev()
{
	ACME_REV=
	[ -n "$ocsp" ] || return 0
	_acme_python_server "$dir" pebblecrl --serve --port "$ocsp" \
	    --management "$ACME_MANAGEMENT" --tls-ca "$ACME_TLS" || return
	ACME_REV=http://127.0.0.1:$ocsp
}

acme_pebble()
{
	local dir k management try i pid http=5002 tls=5001 dns= eab=() ocsp=
	local nonces=0 reuse=0 alternates=0 sleep= block= days= retry= profiles=

	_acme_need pebble || return
	_acme_python || return
	mkdir -p "$1" && dir=$(cd "$1" && pwd) || return 1
	for k in "${@:2}"; do
		case ${k%%=*} in
		http)	http=${k#*=} ;;
		tls)	tls=${k#*=} ;;
		dns)	dns=${k#*=} ;;
		eab)	eab+=("${k#*=}") ;;
		ocsp)	ocsp=$(_acme_port) ;;
		nonces)	nonces=${k#*=} ;;
		reuse)	reuse=${k#*=} ;;
		alternates) alternates=${k#*=} ;;
		sleep)	sleep=${k#*=} ;;
		block)	block=${k#*=} ;;
		days)	days=${k#*=} ;;
		retry)	retry=${k#*=} ;;
		profiles) profiles=${k#*=} ;;
		*)	echo "acme_pebble: $k is no option" >&2
			return 64 ;;
		esac
	done
	_acme_tls "$dir"
	ACME_TLS=$dir/tlsca.pem ACME_PAIR=$dir/tls
	for try in 1 2 3 4; do
		ACME_PORT=$(_acme_port)
		management=$(_acme_port)
		_acme_pebble_conf > "$dir/pebble.json"
		(
			[ -n "$sleep" ] || export PEBBLE_VA_NOSLEEP=1
			export PEBBLE_VA_SLEEPTIME=$sleep \
			    PEBBLE_WFE_NONCEREJECT=$nonces \
			    PEBBLE_AUTHZREUSE=$reuse \
			    PEBBLE_ALTERNATE_ROOTS=$alternates
			exec pebble -config "$dir/pebble.json" \
			    ${dns:+-dnsserver "$dns"}
		) >"$dir/pebble.out" 2>&1 &
		pid=$!
		_acme_pid "$dir" $pid
		for i in $(seq 150); do
			# it says so before it listens
			if grep -q 'ACME directory available' \
			    "$dir/pebble.out" && (exec 3<>"/dev/tcp/127.0.0.1/$ACME_PORT") \
			    2>/dev/null; then
				ACME_URL=https://localhost:$ACME_PORT/dir
				ACME_MANAGEMENT=https://localhost:$management
				_acme_rev
				return
			fi
			kill -0 $pid 2>/dev/null || break
			sleep 0.1
		done
	done
	echo "acme: pebble did not start: $(tail -n 3 "$dir/pebble.out")" >&2
	return 1
}

# Whether the last pebble has locked itself up: 2.4.0 does when one request
# adds an order while another looks for an authorization to use again (its own
# stack dump says FindValidAuthorization and AddOrder), and answers none after.
acme_pebble_locked()
{
	local i

	for i in 1 2 3; do
		! curl -sk -m 10 -o /dev/null \
		    "$ACME_MANAGEMENT/cert-status-by-serial/1" || return 1
	done
}

acme_challtestsrv()
{
	local dir k http= try i pid port management

	_acme_need pebble-challtestsrv || return
	mkdir -p "$1" && dir=$(cd "$1" && pwd) || return 1
	for k in "${@:2}"; do
		case $k in
		http=*)	http=127.0.0.1:${k#*=} ;;
		*)	echo "acme_challtestsrv: $k is no option" >&2
			return 64 ;;
		esac
	done
	for try in 1 2 3 4; do
		port=$(_acme_port)
		management=$(_acme_port)
		pebble-challtestsrv -defaultIPv6 "" -dns01 "127.0.0.1:$port" \
		    -http01 "$http" -https01 "" -tlsalpn01 "" \
		    -management "127.0.0.1:$management" \
		    >"$dir/chall.out" 2>&1 &
		pid=$!
		_acme_pid "$dir" $pid
		for i in $(seq 100); do
			kill -0 $pid 2>/dev/null || break
			if "$_acme_py" "$_acme_here/dnsd.py" --ask \
			    "127.0.0.1:$port" rig.invalid A 2>/dev/null |
			    grep -q 7f000001; then
				ACME_DNS=127.0.0.1:$port
				ACME_CHALL=http://127.0.0.1:$management
				return 0
			fi
			sleep 0.1
		done
	done
	echo "acme: pebble-challtestsrv did not start:" \
	    "$(tail -n 3 "$dir/chall.out")" >&2
	return 1
}

acme_acmedns()
{
	: > "$1.zone"
	mkdir -p "$1" && mv "$1.zone" "$1/zone"
	_acme_python_server "$1" dnsd --zone "$1/zone" || return
	ACME_DNS=127.0.0.1:$(_acme_field port < "$1/dnsd.out")
	_acme_python_server "$1" acmednsd --zone "$1/zone" --base "$2" \
	    --fail "$1/fail" || return
	ACME_ACMEDNS=http://127.0.0.1:$(_acme_field port < "$1/acmednsd.out")
}

acme_crl()
{
	PYTHONDONTWRITEBYTECODE=1 "$_acme_py" "$_acme_here/pebblecrl.py" \
	    --management "$ACME_MANAGEMENT" --tls-ca "$ACME_TLS" --out "$@"
}

# --- a name server that takes updates -----------------------------------------

_acme_knot_conf()
{
	local z

	cat <<-END
	server:
	    rundir: "$dir"
	    listen: 127.0.0.1@$port
	    udp-workers: 1
	    tcp-workers: 2
	    background-workers: 1
	control:
	    listen: "$dir/ctl"
	database:
	    storage: "$dir"
	log:
	  - target: "$dir/knot.log"
	    any: info
	key:
	  - id: $ACME_TSIG_NAME
	    algorithm: hmac-sha256
	    secret: $ACME_TSIG_SECRET
	acl:
	  - id: txt
	    key: $ACME_TSIG_NAME
	    action: update
	    update-type: [TXT]
	    update-owner: name
	    update-owner-match: sub
	    update-owner-name: [$(printf '"%s.",' "${@%%=*}" | sed 's/,$//')]
	template:
	  - id: default
	    storage: "$dir"
	    zonefile-sync: -1
	    zonefile-load: whole
	    journal-content: none
	    acl: txt
	zone:
	END
	for z in "${@%%=*}"; do
		printf '  - domain: %s\n    file: "%s/%s.zone"\n' \
		    "$z" "$dir" "$z"
	done
}

acme_knot()
{
	local dir z zones=("${@:2}") port try i pid

	_acme_need knotd || return
	mkdir -p "$1" && dir=$(cd "$1" && pwd) || return 1
	ACME_TSIG_NAME=certvigil-acme
	ACME_TSIG_SECRET=$(head -c 32 /dev/urandom | base64)
	ACME_TSIG_FILE=$dir/tsig.key
	(
		umask 077
		echo "hmac-sha256:$ACME_TSIG_NAME:$ACME_TSIG_SECRET" \
		    > "$ACME_TSIG_FILE"
	)
	for z in "${zones[@]}"; do
		{
			printf '$ORIGIN %s.\n$TTL 1\n' "${z%%=*}"
			echo '@ SOA ns root 1 60 60 600 1'
			printf '@ NS ns\nns A 127.0.0.1\n@ A 127.0.0.1\n'
			echo '* A 127.0.0.1'
			case $z in
			*=*)	cat "${z#*=}" ;;
			esac
		} > "$dir/${z%%=*}.zone"
	done
	for try in 1 2 3 4; do
		port=$(_acme_port)
		_acme_knot_conf "${zones[@]}" > "$dir/knot.conf"
		PATH=$PATH:/usr/sbin knotd -c "$dir/knot.conf" \
		    >"$dir/knot.out" 2>&1 &
		pid=$!
		_acme_pid "$dir" $pid
		for i in $(seq 100); do
			kill -0 $pid 2>/dev/null || break
			if "$_acme_py" "$_acme_here/dnsd.py" --ask \
			    "127.0.0.1:$port" "${zones[0]%%=*}" SOA \
			    2>/dev/null | grep -q '"SOA"'; then
				ACME_DNS=127.0.0.1:$port
				return 0
			fi
			sleep 0.1
		done
		kill $pid 2>/dev/null
	done
	echo "acme: knotd did not start: $(tail -n 3 "$dir/knot.out")" >&2
	return 1
}

# --- the rest -----------------------------------------------------------------

acme_with_ca()
{
	local bundle=${SYSTEM_CA_BUNDLE:-/etc/ssl/certs/ca-certificates.crt}

	if [ "$(id -u)" -ne 0 ] || [ ! -e "$bundle" ] ||
	    ! unshare -m true 2>/dev/null; then
		echo "acme: needs root, mount namespaces and ca-certificates" \
		    "to trust a CA" >&2
		return 77
	fi
	# shellcheck disable=SC2016
	ACME_ONLY=${ACME_ONLY:+/dev/null} unshare -m bash -c '
		f=$(mktemp) && cat "$2" ${ACME_ONLY:-"$1"} > "$f" &&
		    mount --bind "$f" "$1" && rm -f "$f" || exit 77
		shift 2
		exec "$@"' acme_with_ca "$bundle" "$@"
}

# End what was started in these folders.
acme_stop()
{
	local dir p i

	for dir; do
		[ -e "$dir/pids" ] || continue
		while read -r p; do
			kill "$p" 2>/dev/null
		done < "$dir/pids"
		while read -r p; do
			for i in $(seq 50); do
				kill -0 "$p" 2>/dev/null || break
				sleep 0.1
			done
			kill -KILL "$p" 2>/dev/null
			wait "$p" 2>/dev/null
		done < "$dir/pids"
		rm -f "$dir/pids"
	done
}
