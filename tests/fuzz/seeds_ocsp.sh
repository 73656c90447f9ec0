#!/bin/bash
# The seeds of OCSP answers with their issuer, and of certificates that point
# somewhere, from a CA that lives for this script.  tests/fuzz/seeds.sh runs it.
#
#   bash tests/fuzz/seeds_ocsp.sh

set -eu
cd "$(dirname "$0")/../.."
out=$PWD/tests/fuzz/corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"/{ocsp_said,ptr}

cd "$work"
cat > x.cnf <<'END'
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical,CA:TRUE
[ocsp]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = ignored
[leaf]
crlDistributionPoints = URI:http://c.test/1.crl,URI:ldap://c.test/cn=x,part
authorityInfoAccess = OCSP;URI:http://o.test/,caIssuers;URI:http://i.test/a.crt
tlsfeature = status_request
[part]
fullname = URI:http://c.test/2.crl
CRLissuer = dirName:who
reasons = keyCompromise
[who]
CN = who
END
openssl req -config x.cnf -x509 -extensions ca -subj /CN=seed -days 3650 \
    -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
    -out ca.pem 2>/dev/null
openssl x509 -in ca.pem -outform DER -out ca.der

# issue NAME SECTION KEY-ARGUMENTS...
issue()
{
	openssl req -config x.cnf -subj "/CN=$1" -newkey "${@:3}" -nodes \
	    -keyout "$1.key" -out "$1.csr" 2>/dev/null
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -days 3650 \
	    -set_serial 16 -extfile x.cnf -extensions "$2" -out "$1.pem" \
	    2>/dev/null
}
issue ocsp ocsp ec -pkeyopt ec_paramgen_curve:P-256
issue leaf leaf ec -pkeyopt ec_paramgen_curve:P-384
issue rsa leaf rsa:2048
openssl x509 -in leaf.pem -outform DER -out "$out/ptr/ec"
openssl x509 -in rsa.pem -outform DER -out "$out/ptr/rsa"
printf '# two\n00112233445566778899\naabbccddeeff00112233\n' > "$out/ptr/list"

# What stands in front of an answer: the issuer behind its length.
issuer()
{
	local n

	n=$(stat -c %s ca.der)
	printf "$(printf '\\x%02x\\x%02x' $((n / 256)) $((n % 256)))"
	cat ca.der
}

# answer NAME ARGUMENTS...
answer()
{
	openssl ocsp -index index.txt -CA ca.pem -issuer ca.pem -ndays 3650 \
	    -respout answer.der "${@:2}" > /dev/null 2>&1
	{ issuer; cat answer.der; } > "$out/ocsp_said/$1"
}
end=$(date -u -d '+1 year' +%y%m%d%H%M%SZ)
past=$(date -u -d '-1 day' +%y%m%d%H%M%SZ)
printf 'R\t%s\t%s,keyCompromise\t10\tunknown\t/CN=a\n' "$end" "$past" \
    > index.txt
printf 'V\t%s\t\t11\tunknown\t/CN=b\n' "$end" >> index.txt
direct=(-rsigner ca.pem -rkey ca.key)
answer revoked "${direct[@]}" -serial 16
answer several "${direct[@]}" -sha256 -serial 17 -serial 16 -serial 18
answer delegated -rsigner ocsp.pem -rkey ocsp.key -serial 16
answer by-key -rsigner ocsp.pem -rkey ocsp.key -resp_key_id -serial 17
answer no-certs -rsigner ocsp.pem -rkey ocsp.key -resp_no_certs -serial 16
{ issuer; printf '\x30\x03\x0a\x01\x03'; } > "$out/ocsp_said/try-later"
ls -l "$out/ocsp_said" "$out/ptr"
