#!/bin/bash
# The seeds of what the challenge process reads: its messages, requests for
# http-01, hellos for tls-alpn-01.  tests/fuzz/seeds.sh runs it.
#
#   bash tests/fuzz/seeds_challenge.sh

set -eu
cd "$(dirname "$0")/../.."
PYTHONDONTWRITEBYTECODE=1 python3 - <<'END'
import os, ssl, struct

out = "tests/fuzz/corpus"

def seed(target, name, body):
    os.makedirs(f"{out}/{target}", exist_ok=True)
    with open(f"{out}/{target}/{name}", "wb") as f:
        f.write(body)

def text(s):
    return struct.pack(">I", len(s) + 1) + s + b"\0"

def vec(s):
    return struct.pack(">I", len(s)) + s

token, name = b"evaGxfADs6pSRb2L", b"www.example.com"
seed("challenge_msg", "setup", b"\0" + struct.pack(">HHI", 1, 2, 5000))
seed("challenge_msg", "http", b"\1" + struct.pack(">Q", 1) + text(token) +
    text(token + b".9jg46WB3rR") + struct.pack(">I", 600))
seed("challenge_msg", "tls", b"\2" + struct.pack(">Q", 2) + text(name) +
    vec(b"certificate") + vec(b"key") + struct.pack(">I", 600))
seed("challenge_msg", "placed", b"\3" + struct.pack(">QB", 1, 1) + text(b""))
seed("challenge_msg", "refused", b"\3" + struct.pack(">QB", 1, 0) +
    text(b"there are too many"))
seed("challenge_msg", "hit", b"\4\0" + text(token) + text(b"2001:db8::1") +
    struct.pack(">QI", 1 << 50, 3))
seed("challenge_msg", "hit-tls", b"\4\1" + text(name) + text(b"192.0.2.1") +
    struct.pack(">QI", 1, 0))
seed("challenge_msg", "drop-http", b"\5" + text(token))
seed("challenge_msg", "drop-tls", b"\6" + text(name))

path = b"/.well-known/acme-challenge/token"
rest = b" HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: x\r\n\r\n"
seed("challenge_http", "get", b"GET " + path + rest)
seed("challenge_http", "head", b"\r\nHEAD " + path + b" HTTP/1.0\r\n\r\n")
seed("challenge_http", "url", b"GET http://a" + path + rest)
seed("challenge_http", "post", b"POST " + path + rest[:-2] +
    b"Content-Length: 3\r\n\r\nabc")
seed("challenge_http", "chunked", b"GET / HTTP/1.1\r\nHost: a\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n")
seed("challenge_http", "h2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
seed("challenge_http", "long", b"GET / HTTP/1.1\r\nX: " + b"x" * 4000)

def hello(version, alpn, host):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    c.minimum_version = c.maximum_version = version
    if alpn:
        c.set_alpn_protocols(alpn)
    i, o = ssl.MemoryBIO(), ssl.MemoryBIO()
    s = c.wrap_bio(i, o, server_hostname=host)
    try:
        s.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return o.read()

for v, n in ((ssl.TLSVersion.TLSv1_2, "12"), (ssl.TLSVersion.TLSv1_3, "13")):
    good = hello(v, ["acme-tls/1"], "www.example.com")
    seed("challenge_tls", f"good-{n}", b"\x20" + good)
    seed("challenge_tls", f"rest-{n}", b"\xff" + good +
        bytes.fromhex("140303000101") + b"\x16\x03\x03\0\x28" + bytes(40))
    seed("challenge_tls", f"name-{n}", b"\0" +
        hello(v, ["acme-tls/1"], "a.example"))
    seed("challenge_tls", f"no-name-{n}", b"\0" +
        hello(v, ["acme-tls/1"], None))
    seed("challenge_tls", f"alpn-{n}", b"\0" +
        hello(v, ["h2", "acme-tls/1"], "www.example.com"))
seed("challenge_tls", "http", b"\0" + b"GET / HTTP/1.1\r\n\r\n")
END
