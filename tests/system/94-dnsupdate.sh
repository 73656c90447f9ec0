#!/bin/bash
# Values for dns-01 in a real name server (Debian's knot): written by RFC 2136
# with TSIG, seen by others, taken away one by one; and each refusal with its
# own sentence.
#
#   bash tests/system/94-dnsupdate.sh build/release

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/rig/dns.sh
name=94-dnsupdate
count=38
drive=$(realpath "${1:-build/release}")/tests/unit/auditor/test_dnssend
passed=0 failed=0

if ! PATH=$PATH:/usr/sbin command -v knotd >/dev/null ||
    ! command -v kdig >/dev/null; then
	echo "SKIP $count $name: knot and knot-dnsutils are not installed"
	echo "0 passed, 0 failed, $count skipped"
	exit 0
fi
T=$(mktemp -d /tmp/cvsys.XXXXXX) || exit 1
trap 'dns_stop "$T/dns" 2>/dev/null; rm -rf "$T"' EXIT
trap 'exit 1' INT TERM HUP

eq()
{
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$name: FAIL $1: have \"$2\", want \"$3\"" >&2
	fi
}

# says WHAT RC PATTERN: the last command ended so, and said so.
says()
{
	eq "$1: status" "$rc" "$2"
	if grep -qF -- "$3" "$T/said"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$name: FAIL $1: \"$(cat "$T/said")\"" >&2
	fi
}

secret()
{
	head -c 32 /dev/urandom | base64
}

mkdir "$T/dns"
{
	echo "certvigil hmac-sha256 $(secret) update"
	echo "large hmac-sha512 $(secret) update"
	echo "small hmac-sha384 $(secret) update _acme-challenge.shop"
	echo "idle hmac-sha256 $(secret)"
} > "$T/dns/keys"
dns_start "$T/dns" || exit 1
dns_zone "$T/dns" example.test <<-'END' || exit 1
	www A 127.0.0.1
	_acme-challenge.alias CNAME _acme-challenge.www
	_acme-challenge.far CNAME _acme-challenge.www.other.test.
	child NS ns.elsewhere.test.
END
at=127.0.0.1:$DNS_PORT
n=_acme-challenge.www.example.test

key()
{
	awk -v k="$1" '$1 == k { print $3 }' "$T/dns/keys"
}

# as KEY ALGORITHM [SECRET-OF]: who signs from here on.
as()
{
	who=$1 alg=$2 sec=$(key "${3:-$1}")
}
clock=0

# update WHAT ZONE NAME VALUE
update()
{
	"$drive" update "${server:-$at}" "$who" "$alg" "$sec" "$clock" "$@" \
	    > "$T/said"
	rc=$?
}

# What another program sees, on one line.
seen()
{
	kdig +short @127.0.0.1 -p "$DNS_PORT" "$1" TXT | sort | tr -d '"\n'
}

# --- two values at one name --------------------------------------------------------------

as certvigil hmac-sha256
update key example.test - -
eq "the key is accepted" "$rc $(cat "$T/said")" "0 ok"
update may example.test $n -
eq "and may do it" "$rc" 0
eq "which changes nothing" "$(seen $n)" ""
update add example.test $n A
eq "a value" "$rc $(seen $n)" "0 A"
as large hmac-sha512
update add example.test $n B
eq "a second one beside it" "$rc $(seen $n)" "0 AB"
update add example.test $n B
eq "the same again changes nothing" "$rc $(seen $n)" "0 AB"
"$drive" check a "$at" "$DNS_PORT" 20000 $n A B > "$T/said"
rc=$?
says "both are seen by us" 0 "ns.rig.invalid (127.0.0.1) shows all values"
as certvigil hmac-sha256
update may example.test $n -
eq "asking for leave takes none away" "$rc $(seen $n)" "0 AB"
update delete example.test $n A
eq "one goes, the other stays" "$rc $(seen $n)" "0 B"
update delete example.test $n A
eq "what is gone can go again" "$rc $(seen $n)" "0 B"
"$drive" check a "$at" "$DNS_PORT" 500 $n A B > "$T/said"
rc=$?
says "one is missed" 1 "shows 1 of 2 values, and 0 others, at $n"

# --- who may not --------------------------------------------------------------------------

as certvigil hmac-sha256 idle
update add example.test $n X
says "another secret" 1 "with another secret (BADSIG)"
as stranger hmac-sha256 idle
update add example.test $n X
says "no such key" 1 'no key "stranger" with hmac-sha256 (BADKEY)'
as small hmac-sha384
update add example.test $n X
says "not its name" 1 "when no acl of the zone lets the key do this"
update may example.test $n X
eq "which can be asked before" "$rc" 1
update add example.test _acme-challenge.shop.example.test X
eq "its name" "$rc $(seen _acme-challenge.shop.example.test)" "0 X"
as certvigil hmac-sha256
clock=4000
update add example.test $n X
says "a wrong clock" 1 "4000 s apart"
clock=0
update add absent.test x.absent.test X
says "no such zone" 1 "not the primary server of zone absent.test (NOTAUTH)"
eq "nothing came of it" "$(seen $n)" B

# --- where it belongs ----------------------------------------------------------------------

# place LOOKUP NAME
place()
{
	"$drive" place "$1" "$at" "$2" > "$T/said"
	rc=$?
}
place - $n
eq "the zone" "$(cat "$T/said")" "$n in example.test"
place "$at" _acme-challenge.alias.example.test
eq "where a CNAME leads" "$(cat "$T/said")" "$n in example.test"
place - _acme-challenge.far.example.test
says "to somebody else" 1 "to _acme-challenge.www.other.test"
place - x.absent.test
says "not here" 1 "no zone in which x.absent.test lies (REFUSED)"
place - x.child.example.test
says "of a child zone" 1 "knows nothing of the name"

# --- nobody there ----------------------------------------------------------------------------

dns_stop "$T/dns"
update add example.test $n X
says "the server is away" 1 "cannot be reached for an update"
"$drive" check a "$at" "$DNS_PORT" 500 $n B > "$T/said"
rc=$?
says "and answers nobody" 1 "cannot be asked"
were=$((passed + failed))
if [ "$were" -ne "$count" ]; then
	failed=$((failed + 1))
	echo "$name: FAIL $count tests would be skipped, $were were made" >&2
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
