#!/bin/bash
# The seeds that need no rig: revocation lists and OCSP responses of a CA that
# lives for this script, requests to the sign process, changes to an image of
# watches, and files for inspect.  tests/fuzz/seeds.sh runs it.
#
# corpus/evidence/export is what tests/system/70-evidence.sh exports, the
# others there what tests/unit/auditor/test_evidence_audit.c does.
#
#   bash tests/fuzz/seeds_more.sh

set -eu
cd "$(dirname "$0")/../.."
out=$PWD/tests/fuzz/corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"/{crlscan,revocation,inspect,sign,watch,probe_msg,dnsask,starttls}

cd "$work"
cat > ca.cnf <<'END'
[ca]
default_ca = us
[us]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = 7
crl_extensions = ext
[ext]
authorityKeyIdentifier = keyid
END
printf 01 > crlnumber
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=seed -days 30 -keyout ca.key -out ca.pem 2>/dev/null
end=$(date -u -d '+1 year' +%y%m%d%H%M%SZ)
past=$(date -u -d '-1 day' +%y%m%d%H%M%SZ)
: > index.txt
openssl ca -config ca.cnf -gencrl -keyfile ca.key -cert ca.pem -out e.pem \
    2>/dev/null
printf 'R\t%s\t%s,keyCompromise\t0A\tunknown\t/CN=a\n' "$end" "$past" \
    > index.txt
printf 'R\t%s\t%s\t0B\tunknown\t/CN=b\n' "$end" "$past" >> index.txt
printf 'V\t%s\t\t0C\tunknown\t/CN=c\n' "$end" >> index.txt
openssl ca -config ca.cnf -gencrl -keyfile ca.key -cert ca.pem -out f.pem \
    2>/dev/null
openssl crl -in e.pem -outform DER -out "$out/revocation/crl-empty"
openssl crl -in f.pem -outform DER -out "$out/revocation/crl"
# other forms of a CRL: a partition, a delta, version 1, other algorithms
cat >> ca.cnf <<'END'
[part]
issuingDistributionPoint = critical,@idp
[idp]
fullname = URI:http://example.com/crl.1.der
onlyuser = TRUE
[delta]
deltaCRL = critical,ASN1:INTEGER:1
END
one()
{
	local name=$1

	shift
	openssl ca -config ca.cnf -gencrl -out c.pem "$@" 2>/dev/null
	openssl crl -in c.pem -outform DER -out "$out/crlscan/$name"
}
us=(-keyfile ca.key -cert ca.pem)
one part "${us[@]}" -crlexts part
one delta "${us[@]}" -crlexts delta
sed '/^crl_extensions/d; /^crlnumber/d' ca.cnf > v1.cnf
openssl ca -config v1.cnf -gencrl "${us[@]}" -out c.pem 2>/dev/null
openssl crl -in c.pem -outform DER -out "$out/crlscan/version-1"
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=seed -days 30 \
    -keyout rsa.key -out rsa.pem 2>/dev/null
one pss -keyfile rsa.key -cert rsa.pem -sigopt rsa_padding_mode:pss \
    -sigopt rsa_pss_saltlen:32
openssl req -x509 -newkey ed25519 -nodes -subj /CN=seed -days 30 \
    -keyout ed.key -out ed.pem 2>/dev/null
sed -i 's/^default_md.*/default_md = null/' ca.cnf
one ed25519 -keyfile ed.key -cert ed.pem
sed -i 's/^default_md.*/default_md = sha256/' ca.cnf

for n in 10 11 12 13; do
	openssl ocsp -index index.txt -rsigner ca.pem -rkey ca.key -CA ca.pem \
	    -issuer ca.pem -serial $n -ndays 1 \
	    -respout "$out/revocation/ocsp-$n" > /dev/null 2>&1
done
# unauthorized, RFC 6960 2.3
printf '\x30\x03\x0a\x01\x06' > "$out/revocation/ocsp-refused"

cp "$out/revocation/crl" "$out/revocation/ocsp-10" "$out/inspect"
cp ca.pem "$out/inspect/pem"
for f in note/checkpoint entries/sth entries/page-one loglist/rig \
    der/precert-1; do
	[ ! -f "$out/$f" ] || cp "$out/$f" "$out/inspect/${f#*/}"
done

python3 - "$out" <<'END'
import json, struct, sys, time
out = sys.argv[1]

def vec(*texts):
    return b"".join(struct.pack(">I", len(t)) + t for t in texts)

def seed(target, name, body):
    with open(f"{out}/{target}/{name}", "wb") as f:
        f.write(body)

uuid = b"0b6f1f0e-0000-4000-8000-000000000001"
body = json.dumps({"type": "test.ping", "timestamp": "2026-01-01T00:00:00Z",
    "data": {}}).encode()
seed("sign", "setup", b"\x01" + vec(b"/nowhere"))
seed("sign", "secret", b"\x02" + vec(b"soc", b"whsec_" + b"A" * 32, b""))
seed("sign", "webhook", b"\x03" + vec(b"soc", uuid) +
    struct.pack(">Q", int(time.time())) + vec(body))
seed("sign", "statement", b"\x04" +
    vec(b'{"type":"certvigil.statement.bundle","sha256":"00"}'))
seed("sign", "other", b"\x04" + vec(b'{"type":"x"}'))
for i, where in enumerate((8, 12, 16, 20, 24, 40, 100, 5000, 9000)):
    seed("crlscan", f"image-{i}", b"S" + struct.pack(">HB", where, 1))
seed("watch", "good", b"\0")
for i, where in enumerate((0, 8, 16, 32, 64, 100, 200, 300)):
    seed("watch", f"changed-{i}", b"\0" + struct.pack(">HB", where, 255))
seed("watch", "raw", b"\1" + bytes(400))

def text(t):
    return struct.pack(">I", len(t) + 1) + t + b"\0"

def rr(owner, type, ttl, data):
    return owner + struct.pack(">HHIH", type, 1, ttl, len(data)) + data

seed("probe_msg", "setup", b"\0" + struct.pack(">H", 1) +
    text(b"127.0.0.0/8") + struct.pack(">H", 1) + text(b"127.0.0.1@53"))
seed("probe_msg", "tls", b"\1" + struct.pack(">Q", 1) + text(b"a.example") +
    struct.pack(">HB", 443, 1) + text(b"a.example") + struct.pack(">I", 9))
seed("probe_msg", "served", b"\2" + struct.pack(">QB", 1, 1) +
    text(b"192.0.2.1") + b"\1" + text(b"") + text(b"") + text(b"TLSv1.3") +
    struct.pack(">H", 2) + vec(b"leaf", b"issuer", b"staple", b"scts") +
    bytes(8))
seed("probe_msg", "dns", b"\3" + struct.pack(">Q", 1) + text(b"a.example") +
    struct.pack(">HI", 257, 0))
seed("probe_msg", "said", b"\4" + struct.pack(">QB", 1, 1) + text(b"") +
    struct.pack(">HBI", 0, 1, 300) + text(b"192.0.2.1") +
    struct.pack(">H", 1) + text(b"a.example") + struct.pack(">I", 300) +
    vec(b"\0\5issueca.example"))

name = b"\3www\7example\3com\0"

def answer(type, flags, an=(), ns=(), ar=()):
    return (struct.pack(">HHHHHHH", type, 0x1234, flags, 1, len(an), len(ns),
        len(ar)) + name + struct.pack(">HH", type, 1) + b"".join(an) +
        b"".join(ns) + b"".join(ar))

soa = b"\xc0\x10\4root\xc0\x10" + struct.pack(">5I", 1, 2, 3, 4, 600)
opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)
seed("dnsask", "caa", answer(257, 0x81a0, [rr(b"\xc0\x0c", 257, 300,
    b"\0\5issueca.example")], ar=[opt]))
seed("dnsask", "cname", answer(1, 0x8180, [rr(b"\xc0\x0c", 5, 60,
    b"\1b\xc0\x10"), rr(b"\1b\xc0\x10", 1, 60, bytes(4))]))
seed("dnsask", "mx", answer(15, 0x8180, [rr(b"\xc0\x0c", 15, 60,
    b"\0\12\2mx\xc0\x10")]))
seed("dnsask", "none", answer(16, 0x8183, ns=[rr(b"\xc0\x10", 6, 9, soa)]))
seed("dnsask", "hosts", b"\0\1127.0.0.1 www.example.com # x\n::1 a b\n")
seed("dnsask", "resolv", b"\0\1nameserver 192.0.2.1\nnameserver ::1\n")
seed("starttls", "smtp", b"\1\xff220 mx\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n")
seed("starttls", "imap", b"\0\4* OK hi\r\n* x\r\na OK\r\n")
seed("starttls", "chain", b"\1\1\0\0\x0d\0\0\4leaf\0\0\3top")
seed("starttls", "chain13", b"\2\1\0\0\0\x11\0\0\4leaf\0\0\0\0\3top\0\0")
END

# parts of a CRL as they are stored, from what evidence has of them
python3 - "$out" << 'END'
import base64, json, os, struct, sys

out = sys.argv[1]
os.makedirs(f"{out}/crlparts", exist_ok=True)
file = json.load(open(f"{out}/evidence/revoked"))
for s in file["statements"]:
    if s["type"] != "crl_parts":
        continue
    b = lambda v: base64.b64decode(v)
    vec = lambda v: struct.pack(">I", len(v)) + v
    issuer, digest = b(s["issuer"]), bytes.fromhex(s["digest"])
    entry = b(s["serials"][0].get("raw", ""))
    for name, e in (("listed", entry), ("not-listed", b"")):
        open(f"{out}/crlparts/{name}", "wb").write(
            struct.pack(">H", len(issuer)) + issuer +
            struct.pack(">BQQ", 1, 290, 2) + bytes(32) +
            bytes([len(digest)]) + digest + vec(b(s["header"])) + vec(e) +
            vec(b(s["tail"])))
END
