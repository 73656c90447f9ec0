#!/bin/bash
# Requests to the sign process about the keys of ACME, by the keys in
# tests/fuzz/sign_keys.h; tests/fuzz/seeds_more.sh has its other requests.
#
#   bash tests/fuzz/seeds_sign.sh

set -eu
cd "$(dirname "$0")/../.."
out=$PWD/tests/fuzz/corpus/sign
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

# Three PEM texts as C strings: a1, next, c1.
tr -d '\t' < tests/fuzz/sign_keys.h | sed -n 's/^ *"\(.*\)\\n",\{0,1\}$/\1/p' |
    awk -v dir="$work" '/BEGIN/ { n++ } { print > dir "/key" n ".pem" }'
cd "$work"
printf '[req]\ndistinguished_name=dn\nreq_extensions=e\n[dn]\n[e]\n%s\n' \
    'subjectAltName=DNS:example.com' > req.cnf
openssl req -new -key key3.pem -subj / -config req.cnf -outform DER \
    -out csr.der
openssl req -new -key key1.pem -subj / -config req.cnf -outform DER \
    -out csr-account.der
openssl req -x509 -key key3.pem -subj /CN=example.com -days 3650 \
    -outform DER -out cert.der
for i in 1 2; do
	openssl pkey -in "key$i.pem" -pubout -outform DER -out "pub$i.der"
done

python3 - "$out" <<'END'
import base64, json, struct, sys

out = sys.argv[1]
HOSTS, NONCE = b"ca.example other.example", b"oFvnlFP1wIhRlYS2jTaXbA"
URL, KID = b"https://ca.example/acme/do", b"https://ca.example/acct/1"
AUTHORITY = b"authority".ljust(32, b"\0")

def b64(b):
    return base64.urlsafe_b64encode(b).decode().rstrip("=")

def vec(*texts):
    return b"".join(struct.pack(">I", len(t)) + t for t in texts)

def seed(name, type, body):
    with open(f"{out}/{name}", "wb") as f:
        f.write(bytes([type]) + body)

def read(name):
    with open(name, "rb") as f:
        return f.read()

def jwk(name):
    xy = read(name)[-64:]
    return ('{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' %
        (b64(xy[:32]), b64(xy[32:])))

def ask(name, purpose, payload, url=URL, kid=KID, cert=b"", account=b"a1",
    authority=b"", next=0):
    seed("acme-" + name, 10, bytes([purpose, next]) + vec(account, cert,
        HOSTS, url, NONCE, kid, payload, authority))

def member(name, file):
    return json.dumps({name: b64(read(file))}).encode()

def jws(head, body):
    return json.dumps({"protected": b64(head.encode()),
        "payload": b64(body.encode()), "signature": "AAAA"})

off = b'{"status":"deactivated"}'
seed("setup-keys", 1, vec(b"/nowhere", b"", AUTHORITY, b"") + b"\0")
seed("account-new", 6, vec(b"a9", b"p256"))
seed("account", 7, vec(b"a1"))
seed("account-none", 7, vec(b"../a1"))
seed("cert-new", 8, vec(b"c9", b"p384"))
seed("csr", 9, vec(b"c1", b"example.com", b"*.example.com", b"192.0.2.1"))
seed("csr-nothing", 9, vec(b"c1"))
ask("new", 3, b'{"termsOfServiceAgreed":true,'
    b'"contact":["mailto:ops@example.org"]}', kid=b"")
ask("find", 3, b'{"onlyReturnExisting":true}', kid=b"", next=1)
bound = jws('{"alg":"HS256","kid":"k","url":"%s"}' % URL.decode(),
    jwk("pub1.der"))
ask("bound", 3, b'{"externalAccountBinding":%s}' % bound.encode(), kid=b"")
ask("contact", 4, b'{"contact":["mailto:a@b.example"]}', url=KID)
ask("get", 4, b"", url=KID)
ask("close", 5, off, url=KID, authority=AUTHORITY)
ask("close-no", 5, off, url=KID)
inner = jws('{"alg":"ES256","jwk":%s,"url":"%s"}' %
    (jwk("pub2.der"), URL.decode()), '{"account":"%s","oldKey":%s}' %
    (KID.decode(), jwk("pub1.der")))
ask("change", 6, inner.encode(), authority=AUTHORITY)
ask("order", 7, b'{"identifiers":[{"type":"dns","value":"example.com"},'
    b'{"type":"ip","value":"2001:db8::1"}],"profile":"shortlived",'
    b'"notAfter":"2026-12-08T00:00:00Z",'
    b'"replaces":"aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"}')
ask("poll", 8, b"")
ask("authz", 9, b"")
ask("challenge", 10, b"{}")
ask("finalize", 11, member("csr", "csr.der"), cert=b"c1")
ask("finalize-own", 11, member("csr", "csr.der"), authority=AUTHORITY)
ask("finalize-account", 11, member("csr", "csr-account.der"), cert=b"c1")
ask("certificate", 12, b"")
ask("revoke", 13, member("certificate", "cert.der"), authority=AUTHORITY)
ask("revoke-no", 13, member("certificate", "cert.der"))
ask("revoke-key", 14, member("certificate", "cert.der"), kid=b"",
    cert=b"c1", account=b"", authority=AUTHORITY)
ask("authz-close", 15, off)
ask("elsewhere", 8, b"", url=b"https://third.example/")
seed("bind", 11, vec(b"a1", HOSTS, URL, b"HS256", b"kid-1", b"A" * 43))
seed("roll", 12, vec(b"a1", b"p256", HOSTS, URL, KID, AUTHORITY))
seed("rolled", 13, vec(b"a1") + b"\1" + vec(AUTHORITY))
seed("deploy", 14, vec(b"c1") + struct.pack(">III", 0o600, 2**32 - 1,
    2**32 - 1))
seed("import", 15, vec(b"c9"))
seed("drop", 16, vec(b"c1"))
END
echo "seeds: $(find "$out" -type f | wc -l) requests to the sign process"
