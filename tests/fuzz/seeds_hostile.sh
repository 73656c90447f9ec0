#!/bin/bash
# Makes the seeds of tests/fuzz/corpus/{acme_reply,acmedns,dnszone}: orders as
# whole answers, accounts of acme-dns, and what resolvers say.
# tests/fuzz/seeds.sh runs it.
#
#   bash tests/fuzz/seeds_hostile.sh

set -eu
cd "$(dirname "$0")/../.."
PYTHONDONTWRITEBYTECODE=1 python3 - <<'END'
import json, os, struct
out = "tests/fuzz/corpus"
ca = "https://ca.example"
token = "DGyRejmCefe7v4NfDGDKfA"

def seed(target, name, body):
    os.makedirs(f"{out}/{target}", exist_ok=True)
    with open(f"{out}/{target}/{name}", "wb") as f:
        f.write(body if isinstance(body, bytes) else body.encode())

# --- acme_reply: headers by \x01, zero, body, zero ---
def said(status, body, location="", retry="", nonce="abc-DEF_123",
         links="", ctype="application/json"):
    head = "\x01".join([str(status), location, retry, nonce, links, ctype])
    return head.encode() + b"\0" + body.encode() + b"\0"

def order(status, **more):
    return json.dumps({"status": status, "identifiers": [
        {"type": "dns", "value": "a.example"}],
        "authorizations": [ca + "/z/1"], "finalize": ca + "/f/1", **more})

def authz(status, kind="http-01"):
    c = {"type": kind, "status": status, "url": ca + "/h/1"}
    if kind == "dns-persist-01":
        c["issuer-domain-names"] = ["ca.example"]
    else:
        c["token"] = token
    return json.dumps({"status": status, "identifier": {
        "type": "dns", "value": "a.example"}, "challenges": [c]})

def problem(kind, **more):
    return json.dumps({"type": "urn:ietf:params:acme:error:" + kind,
                       "detail": "because \x1b[2J", **more})

pem = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
new = said(201, order("pending"), ca + "/o/1")
proved = said(200, authz("valid"))
final = said(200, order("processing"), retry="1")
valid = said(200, order("valid", certificate=ca + "/c/1"))
cert = said(200, pem, ctype="application/pem-certificate-chain", links=
            f'<{ca}/c/2>;rel="alternate"\n<{ca}/dir>;rel="index"')
whole = new + said(200, authz("pending")) + said(200, authz("pending")) + \
    said(200, authz("pending"), retry="5") + proved + \
    said(200, order("ready")) + final + valid + cert + \
    said(200, pem, ctype="application/pem-certificate-chain")
seed("acme_reply", "whole", whole)
seed("acme_reply", "lost", new + b"0\0\0" + proved + b"0\x01x\0\0" + whole)
seed("acme_reply", "busy", said(503, "", retry="Fri, 31 Dec 2026 23:59:59 GMT")
     + said(429, problem("rateLimited"), retry="9999999999") + whole)
seed("acme_reply", "nonce", said(400, problem("badNonce")) * 3 + whole)
seed("acme_reply", "refused", new + said(200, authz("invalid")))
seed("acme_reply", "persist", new + said(200, authz(
    "pending", "dns-persist-01")) * 2 + proved)
seed("acme_reply", "subs", said(403, problem("compound", subproblems=[
    {"type": "x\x07", "detail": "\u202e", "identifier": {
        "type": "dns", "value": "a.example"}}] * 3)))
seed("acme_reply", "elsewhere", said(201, order("pending").replace(
    ca, "https://evil.example"), "https://evil.example/o/1"))
seed("acme_reply", "account", said(201, json.dumps({
    "status": "valid", "contact": ["mailto:a@b.example"],
    "orders": ca + "/l"}), ca + "/a/1"))
seed("acme_reply", "directory", said(200, json.dumps({
    "newNonce": ca + "/n", "newAccount": ca + "/a", "newOrder": ca + "/o",
    "revokeCert": ca + "/r", "meta": {"profiles": {"a": "b"},
    "caaIdentities": ["ca.example"]}})))

# --- acmedns ---
acct = {"username": "eabcdb41-d89f-4580-826f-3e62e9755ef2",
        "password": "pbAXVjlIOE01xbut7YnAbkhMQIkcwoHO0ek2j4Q0",
        "fulldomain": "d420c923.auth.example.org",
        "subdomain": "d420c923", "allowfrom": []}
seed("acmedns", "account", json.dumps(acct))
seed("acmedns", "by-name", json.dumps({"a.example": acct, "b.example": acct}))
value = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
seed("acmedns", "said-200", b"\x32" + json.dumps({"txt": value}).encode())
for status, text in ((400, "bad_txt"), (401, "forbidden"), (500, "db_error")):
    seed("acmedns", f"said-{status}", bytes([status // 4]) +
         json.dumps({"error": text}).encode())

# --- dnszone: which, then length and what is behind the id ---
def name(s):
    return b"".join(bytes([len(x)]) + x.encode() for x in s.split(".")) + \
        b"\0"

def rr(owner, kind, data, ttl=1):
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data

def msg(answers=(), authority=(), flags=0x8580, more=b""):
    body = struct.pack(">HHHHH", flags, 1, len(answers), len(authority), 0) \
        + b"".join(answers) + b"".join(authority) + more
    return struct.pack(">H", len(body)) + body

q = b"\xc0\x0c"
soa = name("ns.example") + name("root.example") + struct.pack(">IIIII",
    1, 60, 60, 600, 1)
negative = msg(authority=[rr(name("a.example"), 6, soa)])
nx = msg(authority=[rr(name("a.example"), 6, soa)], flags=0x8583)
cname = msg([rr(q, 5, name("x.b.example")), rr(name("x.b.example"), 5,
    name("y.b.example"))])
ns = msg([rr(q, 2, name("ns1.b.example")), rr(q, 2, name("ns2.b.example"))])
a = msg([rr(q, 1, bytes([192, 0, 2, 1]))])
aaaa = msg([rr(q, 28, bytes([32, 1, 13, 184] + [0] * 11 + [1]))])
txt = msg([rr(q, 16, b"\x07a value"), rr(q, 16, b"\x07another")])
positive = msg([rr(q, 6, soa)])
for k in (0, 1, 2, 16):
    w = bytes([k])
    seed("dnszone", f"plain-{k}", w + negative + nx + positive + ns + a +
         aaaa + a + aaaa + txt)
    seed("dnszone", f"cname-{k}", w + cname + negative + positive + ns + a +
         aaaa)
    seed("dnszone", f"ring-{k}", w + msg([rr(q, 5, q)]) * 20)
    seed("dnszone", f"txt-{k}", w + txt * 9)
    seed("dnszone", f"servfail-{k}", w + msg(flags=0x8182) * 9)
    seed("dnszone", f"cut-{k}", w + msg(flags=0x8780) * 4)
    seed("dnszone", f"none-{k}", w)
    seed("dnszone", f"raw-{k}", w + struct.pack(">H", 0x8014) + bytes(20) +
         txt)
END
