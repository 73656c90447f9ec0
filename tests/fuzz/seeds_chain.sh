#!/bin/bash
# Makes the seeds of fuzz_chain, fuzz_roots and fuzz_ccadb anew: paths of a CA
# that lives for this script, root stores of it in each of their forms, and
# records of CRLs.
#
#   bash tests/fuzz/seeds_chain.sh

set -eu
cd "$(dirname "$0")/../.."
out=$PWD/tests/fuzz/corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"/{chain,roots,ccadb}
cd "$work"

# cert NAME ISSUER LINES...: an extension file, a key and a certificate.
cert()
{
	local name=$1 issuer=$2 sign

	shift 2
	printf '%s\n' "$@" > "$name.ext"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj "/CN=$name" -keyout "$name.key" -out "$name.csr" 2>/dev/null
	if [ "$issuer" = self ]; then
		sign=(-signkey "$name.key")
	else
		sign=(-CA "$issuer.pem" -CAkey "$issuer.key" -CAcreateserial)
	fi
	openssl x509 -req -in "$name.csr" "${sign[@]}" -days 3650 \
	    -extfile "$name.ext" -out "$name.pem" 2>/dev/null
	openssl x509 -in "$name.pem" -outform DER -out "$name.der"
}

ca='basicConstraints=critical,CA:TRUE'
usage='keyUsage=critical,keyCertSign'
ski='subjectKeyIdentifier=hash'
aki='authorityKeyIdentifier=keyid'
cert root self "$ca" "$usage" "$ski"
cert ca root "$ca" "$usage" "$ski" "$aki" \
    'nameConstraints=critical,permitted;DNS:example.com,permitted;IP:192.0.2.0/255.255.255.0,excluded;email:.example.org'
cert www.example.com ca "$aki" 'extendedKeyUsage=serverAuth' \
    'keyUsage=digitalSignature' \
    'subjectAltName=DNS:www.example.com,DNS:*.example.com,IP:192.0.2.1,email:a@example.net' \
    'authorityInfoAccess=caIssuers;URI:http://a.example/ca'
cert bare self 'basicConstraints=CA:FALSE'
cat www.example.com.der root.der ca.der > "$out/chain/path"
cat www.example.com.der bare.der > "$out/chain/none"
cat bare.der bare.der > "$out/chain/self"
openssl crl2pkcs7 -nocrl -certfile ca.pem -certfile root.pem -outform DER \
    -out "$out/chain/pkcs7"
openssl crl2pkcs7 -nocrl -certfile ca.pem -out "$out/chain/pkcs7-pem"

cat root.pem bare.pem > "$out/roots/pem"
python3 - "$out/roots" <<'END'
import hashlib, sys
der, pem = open("bare.der", "rb").read(), open("bare.pem").read()
def octal(name, b):
    t = "".join("\\%03o" % c for c in b)
    lines = [t[i:i + 64] for i in range(0, len(t), 64)]
    return name + " MULTILINE_OCTAL\n" + "\n".join(lines) + "\nEND\n"
ids = octal("CKA_ISSUER", b"0\0") + octal("CKA_SERIAL_NUMBER", b"\2\1\5")
open(sys.argv[1] + "/certdata", "w").write("BEGINDATA\n"
    "CKA_CLASS CK_OBJECT_CLASS CKO_CERTIFICATE\n" + ids +
    octal("CKA_VALUE", der) +
    octal("CKA_NSS_SERVER_DISTRUST_AFTER", b"241130235959Z") +
    "CKA_CLASS CK_OBJECT_CLASS CKO_NSS_TRUST\n" + ids +
    "CKA_TRUST_SERVER_AUTH CK_TRUST CKT_NSS_TRUSTED_DELEGATOR\n")
open(sys.argv[1] + "/ccadb", "w").write(
    "SHA-256 Fingerprint,Mozilla Status,Distrust for TLS After Date\n" +
    hashlib.sha256(der).hexdigest() + ",Included,2024.11.30\n\0" +
    'X.509 Certificate (PEM)\n"' + pem + '"\n')
END

cat > "$out/ccadb/records" <<'END'
CA Owner,SHA-256 Fingerprint,Full CRL Issued By This CA,JSON Array of Partitioned CRLs
"Owner, Inc.",0000000000000000000000000000000000000000000000000000000000000000,http://a.example/full.crl,"[""""]"
Other,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,revoked,"[""http:\/\/a.example\/1"", ""ldap://a.example/2"",http://a.example/3]"
END
du -sh "$out/chain" "$out/roots" "$out/ccadb"
