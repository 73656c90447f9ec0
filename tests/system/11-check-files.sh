#!/bin/bash
# `check --offline` with CRLs of files: what is revoked in any of them is never
# good, whatever the certificate and the CRLs look like.
#
#   bash tests/system/11-check-files.sh build/release
#
# Ends with "N passed, N failed, N skipped"; exits 1 when something failed.

set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prog=$(realpath "${1:-build/release}")/certvigil
passed=0 failed=0 skipped=0
unset CERTVIGIL_CONFIG STATE_DIRECTORY CREDENTIALS_DIRECTORY NO_COLOR
cd "$work" || exit 1

# key NAME
key()
{
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
	    -out "$1.key" 2>/dev/null
}

# leaf NAME SERIAL [EXTENSION]...: NAME.pem with its issuer behind it.
leaf()
{
	printf '%s\n' 'basicConstraints=CA:FALSE' \
	    'keyUsage=critical,digitalSignature' \
	    'extendedKeyUsage=serverAuth' 'authorityKeyIdentifier=keyid' \
	    'subjectAltName=DNS:www.example.com' "${@:3}" > "$1.ext"
	openssl req -new -key leaf.key -subj /CN=www.example.com |
	    openssl x509 -req -CA ca.pem -CAkey ca.key -set_serial "$2" \
	    -days 30 -extfile "$1.ext" > "$1.pem" 2>/dev/null
	cat ca.pem >> "$1.pem"
}

# crl NAME SERIAL [EXTENSION]...: NAME.crl in DER that lists it; "": nothing.
crl()
{
	printf '%s\n' '[ca]' 'default_ca=d' '[d]' 'database=index' \
	    'crlnumber=number' 'default_md=sha256' 'default_crl_days=7' \
	    'crl_extensions=x' '[x]' 'authorityKeyIdentifier=keyid' \
	    "${@:3}" > crl.conf
	: > index
	[ -z "$2" ] || printf 'R\t%s\t%s\t%s\tunknown\t/CN=x\n' \
	    491231000000Z 250101000000Z "$2" > index
	echo 01 > number
	openssl ca -config crl.conf -gencrl -keyfile ca.key -cert ca.pem \
	    2>/dev/null | openssl crl -outform DER > "$1.crl"
}

# says WHAT STATUS LEAF CRL...: the status of revocation in JSON.
says()
{
	local what=$1 want=$2 leaf=$3 args=() c out

	shift 3
	for c; do
		args+=(--crl "$c.crl")
	done
	out=$("$prog" check --offline --json --roots ca.pem "${args[@]}" \
	    "$leaf.pem" | sed -n \
	    's/.*"revocation":{"status":"\([a-z_]*\)".*/\1/p')
	if [ "$out" = "$want" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "check-files: FAIL $what: '$out', not '$want'" >&2
	fi
}

key ca
key leaf
openssl req -x509 -new -key ca.key -subj '/CN=Files CA' -days 365 \
    -addext basicConstraints=critical,CA:TRUE \
    -addext keyUsage=critical,keyCertSign,cRLSign > ca.pem 2>/dev/null

one=http://c.test/1.crl two=http://c.test/2.crl
idp="issuingDistributionPoint=critical,@i
[i]
fullname="

leaf plain 0x123456789abcdef0
crl none ''
crl lists 123456789ABCDEF0
says 'not listed' good plain none
says 'listed' revoked plain lists
says 'listed in one of two' revoked plain none lists

# many files: each of them counts
many=()
for _ in $(seq 40); do
	many+=(none)
done
says 'forty that are silent' good plain "${many[@]}"
says 'the last of many' revoked plain "${many[@]}" lists

# 80 is -128, and 00 80 is 128
leaf minus -0x123456789abcdef0
crl minus -123456789ABCDEF0
says 'a negative one' revoked minus minus
says 'the positive one is another' good minus lists
says 'and the other way' good plain minus

# a part of what the CA has
leaf named 0x123456789abcdef0 "crlDistributionPoints=URI:$two"
crl part1 '' "${idp}URI:$one"
crl both '' "${idp}URI:$one,URI:$two"
crl both_lists 123456789ABCDEF0 "${idp}URI:$one,URI:$two"
crl part_lists 123456789ABCDEF0 "${idp}URI:$one"
says 'a part that it does not name' unknown named part1
says 'the second name of a part' good named both
says 'listed under the second name' revoked named both_lists
says 'a part, and it names none' unknown plain part1
says 'listed in a part, and it names none' revoked plain part_lists

# a pointer that leads nowhere is not none
leaf nowhere 0x123456789abcdef0 'crlDistributionPoints=n
[n]
fullname=dirName:d
[d]
CN=A CRL'
leaf blank 0x123456789abcdef0 'crlDistributionPoints=n
[n]
fullname=URI:http://c.test/1 .crl'
says 'no pointer at all' not_applicable plain
says 'a directory name' unknown nowhere
says 'a URL with a blank' unknown blank

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
