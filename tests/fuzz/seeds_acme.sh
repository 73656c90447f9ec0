#!/bin/bash
# Makes the seeds of fuzz_csr, fuzz_got, fuzz_ari and fuzz_chal anew: requests
# and chains of a CA that lives for this script, and texts.
#
#   bash tests/fuzz/seeds_acme.sh

set -eu
cd "$(dirname "$0")/../.."
out=$PWD/tests/fuzz/corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"/{csr,got,ari,chal}
cd "$work"

p256=(ec -pkeyopt ec_paramgen_curve:P-256)

# csr NAME SUBJECT EXTENSION [KEY...]
csr()
{
	local name=$1 subject=$2 ext=$3

	shift 3
	[ $# -gt 0 ] || set -- "${p256[@]}"
	openssl req -new -newkey "$@" -nodes -subj "$subject" \
	    ${ext:+-addext "$ext"} -keyout "$name.key" -out "$name.csr" \
	    2>/dev/null
}

# seed TARGET NAME TEXT
seed()
{
	printf '%b' "$3" > "$out/$1/$2"
}

names='DNS:www.example.com,DNS:*.Example.com,IP:192.0.2.1,IP:2001:db8::1'
csr names / "subjectAltName=$names"
csr cn /CN=www.example.com 'subjectAltName=DNS:www.example.com'
csr other /CN=other.example 'subjectAltName=DNS:www.example.com'
csr none /CN=www.example.com ''
csr mail / 'subjectAltName=DNS:www.example.com,email:a@example.com'
csr rsa / 'subjectAltName=DNS:www.example.com' rsa:2048
csr p384 / 'subjectAltName=DNS:www.example.com' ec \
    -pkeyopt ec_paramgen_curve:P-384
for n in names cn other none mail rsa p384; do
	openssl req -in $n.csr -outform DER -out "$out/csr/$n"
done
cp names.csr "$out/csr/pem"
seed csr general-names '\x82\x09a.example\x87\x04\xc0\x00\x02\x01\x82\x0b*.a.example'

# cert NAME ISSUER EXTENSIONS...: signs NAME.csr
cert()
{
	local name=$1 issuer=$2 sign

	shift 2
	printf '%s\n' "$@" > ext
	if [ "$issuer" = self ]; then
		sign=(-signkey "$name.key")
	else
		sign=(-CA "$issuer.pem" -CAkey "$issuer.key" -CAcreateserial)
	fi
	openssl x509 -req -in "$name.csr" "${sign[@]}" -days 90 \
	    -extfile ext -out "$name.pem" 2>/dev/null
}

is_ca=(basicConstraints=critical,CA:TRUE subjectKeyIdentifier=hash)
is_leaf=(extendedKeyUsage=serverAuth authorityKeyIdentifier=keyid)
csr root /CN=Root ''
csr ca /CN=CA ''
cert root self "${is_ca[@]}"
cert ca root "${is_ca[@]}" authorityKeyIdentifier=keyid
cert names ca "${is_leaf[@]}" "subjectAltName=$names" \
    crlDistributionPoints=URI:http://c.example/1.crl
cert cn ca "${is_leaf[@]}" subjectAltName=DNS:www.example.com
cert none ca "${is_leaf[@]}"
cat names.pem ca.pem root.pem > "$out/got/chain"
cat cn.pem ca.pem > "$out/got/cn"
cat cn.pem > "$out/got/leaf"
{ cat names.pem; echo; sed 's/$/\r/' ca.pem; } > "$out/got/lines"
cat ca.pem names.pem > "$out/got/order"
cat names.pem root.pem > "$out/got/gap"
cat none.pem ca.pem > "$out/got/no-names"
{ cat cn.pem; echo text; } > "$out/got/text"

for c in names ca root; do
	openssl x509 -in $c.pem -outform DER
done > "$out/got/der"
openssl x509 -in names.pem -outform DER -out "$out/ari/cert"
openssl x509 -in root.pem -outform DER -out "$out/ari/no-key-id"
window='"suggestedWindow":{"start":"2026-01-02T04:00:00Z","end":"2026-01-03T04:00:00.5+01:00"}'
seed ari answer "{$window,\"explanationURL\":\"https://ca.example/why\"}"
seed ari bare "{$window}"
seed ari past '{"suggestedWindow":{"start":"2026-01-03T04:00:00Z","end":"2026-01-02T04:00:00Z"}}'
seed ari date 'Sat, 03 Jan 2026 02:00:00 GMT'
seed ari seconds 21600

me='accounturi=https://ca.example/acme/acct/1'
seed chal persist "ca.example; $me"
seed chal persist-all "CA.example. ; policy=wildcard;\t$me; x-1=; persistUntil=1800000000"
seed chal persist-twice "ca.example; $me; $me"
seed chal persist-end "ca.example; $me;"
seed chal token evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA
seed chal path ../../../../etc/passwd
seed chal wildcard '*.Example.com.'
seed chal ip 2001:DB8::1
