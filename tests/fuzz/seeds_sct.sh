#!/bin/bash
# The seeds of what judges SCTs, inclusion and CAA: a certificate with an SCT
# list, such a list, answers of a log, records.  tests/fuzz/seeds.sh runs it.
#
#   bash tests/fuzz/seeds_sct.sh

set -eu
cd "$(dirname "$0")/../.."
out=$PWD/tests/fuzz/corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"/{scts,incl,caa}

# One SCT with leaf_index, one without, each with a signature that is none.
sct=$(python3 - <<'END'
import struct
def sct(id, ext):
    sig = bytes.fromhex("3006020101020101")
    s = b"\0" + bytes([id]) * 32 + struct.pack(">QH", 1780000000000,
        len(ext)) + ext + b"\4\3" + struct.pack(">H", len(sig)) + sig
    return struct.pack(">H", len(s)) + s
items = sct(1, bytes.fromhex("0000050000000102")) + sct(2, b"") + \
    sct(3, b"AAAFAAAAAQI=")
print((struct.pack(">H", len(items)) + items).hex())
END
)
printf '%s' "$sct" | xxd -r -p > "$out/scts/list"
cat > "$work/c.cnf" <<END
[req]
distinguished_name = dn
x509_extensions = ext
[dn]
[ext]
subjectAltName = DNS:x.example
1.3.6.1.4.1.11129.2.4.2 = ASN1:FORMAT:HEX,OCTETSTRING:$sct
END
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=seed -days 90 -config "$work/c.cnf" -keyout "$work/k.pem" \
    -outform DER -out "$out/scts/cert" 2>/dev/null

python3 - "$out" <<'END'
import base64, hashlib, json, struct, sys
out = sys.argv[1]

def seed(target, name, body):
    with open(f"{out}/{target}/{name}", "wb") as f:
        f.write(body)

def node(l, r):
    return hashlib.sha256(b"\1" + l + r).digest()

leaves = [hashlib.sha256(bytes([i])).digest() for i in range(2)]
root = node(*leaves)
head = struct.pack("<Q", 1) + leaves[1] + root
seed("incl", "static", b"\xc2" + head + b"".join(leaves))
seed("incl", "static-other", b"\xc2" + struct.pack("<Q", 1) + bytes(32) +
    root + b"".join(leaves))
seed("incl", "static-large", b"\xc6" + head + bytes(8192) * 4)
seed("incl", "proof", b"\x42" + head + json.dumps({"leaf_index": 1,
    "audit_path": [base64.b64encode(leaves[0]).decode()]}).encode())
seed("incl", "absent", b"\x42" + head + b" not found")

def rr(flags, tag, value):
    r = bytes([flags, len(tag)]) + tag + value
    return bytes([len(r)]) + r

seed("caa", "set", rr(0, b"issue", b"ca.example; accounturi=u") +
    rr(128, b"issuewild", b";") + rr(0, b"iodef", b"mailto:a@example") +
    rr(128, b"tbs", b"x") + rr(0, b"issue",
    b"ca.example; validationmethods=dns-01,http-01") + b"\1\0")
text = b"ca.example; accounturi=https://a/1; policy=wildcard; persistUntil=9"
seed("caa", "grant", bytes([len(text)]) + text)
END
