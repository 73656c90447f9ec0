#!/bin/bash
# Makes the seeds of tests/fuzz/corpus/acme_*: answers of a CA in the forms of
# RFC 8555, problems, and whole orders as answers one behind the other.
# tests/fuzz/seeds.sh runs it.
#
#   bash tests/fuzz/seeds_flow.sh

set -eu
cd "$(dirname "$0")/../.."
PYTHONDONTWRITEBYTECODE=1 python3 - <<'END'
import json, os
out = "tests/fuzz/corpus"
ca = "https://ca.example"
urn = "urn:ietf:params:acme:error:"
token = "DGyRejmCefe7v4NfDGDKfA"

def seed(target, name, body):
    os.makedirs(f"{out}/{target}", exist_ok=True)
    with open(f"{out}/{target}/{name}", "wb") as f:
        f.write(body if isinstance(body, bytes) else body.encode())

def order(status, names=("a.example",), **more):
    return json.dumps({"status": status, "identifiers": [
        {"type": "ip" if n[0].isdigit() else "dns", "value": n}
        for n in names], "authorizations": [
        f"{ca}/z/{i}" for i in range(len(names))],
        "finalize": ca + "/f/1", **more})

def challenge(kind, status="pending", **more):
    return {"type": kind, "status": status, "url": f"{ca}/h/{kind}",
            "token": token, **more}

def authz(status, *challenges, name="a.example", **more):
    return json.dumps({"status": status, "identifier": {
        "type": "dns", "value": name}, "challenges": list(challenges),
        **more})

def problem(kind, **more):
    return {"type": urn + kind, "detail": "because", **more}

three = ("a.example", "*.a.example", "192.0.2.1")
for status in "pending", "ready", "processing", "invalid":
    seed("acme_order", "order-" + status, order(status, three,
         expires="2026-01-20T14:09:07.99Z", profile="short"))
seed("acme_order", "order-valid",
     order("valid", certificate=ca + "/c/1"))
seed("acme_order", "order-failed", order("invalid", error=problem("caa")))
seed("acme_order", "authz-pending", authz("pending", challenge("http-01"),
     challenge("dns-01"), challenge("tls-alpn-01", "processing"),
     challenge("dns-account-01"), {"type": "unknown-01"},
     {"type": "dns-persist-01", "status": "pending", "url": ca + "/h/p",
      "accounturi": ca + "/a/1", "issuer-domain-names": ["ca.example"]}))
seed("acme_order", "authz-wildcard", authz("valid", challenge("dns-01",
     "valid"), wildcard=True))
seed("acme_order", "authz-invalid", authz("invalid", challenge("http-01",
     "invalid", error=problem("dns"))))
seed("acme_order", "directory", json.dumps({
     "newNonce": ca + "/n", "newAccount": ca + "/a", "newOrder": ca + "/o",
     "revokeCert": ca + "/r", "keyChange": ca + "/k",
     "renewalInfo": ca + "/i", "meta": {"termsOfService": ca + "/t",
     "caaIdentities": ["ca.example"], "externalAccountRequired": True,
     "profiles": {"short": "six days"}}}))
seed("acme_order", "account", json.dumps({"status": "valid",
     "contact": ["mailto:ops@a.example"], "orders": ca + "/orders"}))
seed("acme_order", "links", f"<{ca}/d>;rel=\"index\"\n<{ca}/c/2>;"
     f"rel=\"alternate\", <{ca}/c/3>; title=\"x\"; rel=\"up alternate\"\n")

seed("acme_problem", "plain", json.dumps(problem("rateLimited")))
seed("acme_problem", "action", json.dumps(problem("userActionRequired",
     instance=ca + "/terms")))
seed("acme_problem", "unknown", json.dumps({"type": "urn:x:y", "status": 403}))
seed("acme_problem", "subproblems", json.dumps(problem("compound",
     subproblems=[problem("caa", identifier={"type": "dns",
     "value": n}) for n in three])))
seed("acme_problem", "escapes", json.dumps({"detail":
     "\x1b[2J\u202e\x00\u2028\x7f \u00e4", "subproblems": [7, None, {}]}))
seed("acme_problem", "no-json", "<html>busy</html>")

# The letter in front chooses the status as in fuzz_acme_flow.c: '2' is 200,
# '3' 201, '4' 400, '5' 403, '6' 404, '7' 409, '8' 429, '9' 500, '0' none.
def status(n):
    table = [200, 201, 400, 403, 404, 409, 429, 500, 0, 302]
    return next(c for c in map(chr, range(48, 123))
                if table[ord(c) % 10] == n)

def flow(name, *answers, state=""):
    parts = [state] + [status(s) + body for s, body in answers]
    seed("acme_flow", name, "\0".join(parts))

pem = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
new = (201, order("pending"))
open_ = (200, authz("pending", challenge("http-01"), challenge("dns-01")))
good = (200, authz("valid", challenge("http-01", "valid")))
ready = (200, order("ready"))
work = (200, order("processing"))
done = (200, order("valid", certificate=ca + "/c/1"))
cert = (200, pem)
nonce = (400, json.dumps(problem("badNonce")))
lost = (0, "")
flow("straight", new, open_, (200, "{}"), good, ready, work, done, cert,
     cert)
flow("reused", (201, order("ready")), done, cert, (404, ""))
flow("nonces", nonce, new, nonce, open_, nonce, (200, "{}"), nonce, good,
     nonce, ready, nonce, work, nonce, done, nonce, cert, nonce, cert)
flow("lost", lost, new, lost, open_, lost, open_, (500, ""), open_,
     (200, "{}"), lost, good, lost, ready, lost, ready, work, lost, done,
     lost, cert, lost, lost, lost)
flow("replaced", (409, json.dumps(problem("alreadyReplaced"))), new, good,
     ready, (403, json.dumps(problem("orderNotReady"))), done, cert, cert)
flow("invalid", new, open_, (400, json.dumps(problem("malformed"))),
     (200, authz("invalid", challenge("http-01", "invalid",
      error=problem("connection")))))
flow("why", new, good, (200, order("invalid")), (200, authz("invalid",
     challenge("dns-01", "invalid", error=problem("dns")))))
flow("limited", (429, json.dumps(problem("rateLimited"))), new)

def stored(state, **more):
    return json.dumps({"version": 1, "state": state,
        "new_order": ca + "/o", "want": {"names": ["a.example"],
        "challenges": ["http-01", "dns-01"], "profile_required": 0,
        "not_after": 0, "deadline": 1780003600000000, "poll": 100000,
        "alternates": 1}, "order": ca + "/o/1", "finalize": ca + "/f/1",
        "finalizes": 0, "maybe": 0, "authorizations": [{
        "url": ca + "/z/0", "status": 1, "name": "a.example", "type": 1,
        "token": token, "declined": 0, "place": 2, "told": 1}],
        "end": {"chains": [], "picked": 0, "again": 0, "not_before": 0},
        **more})

for i in range(1, 14):
    flow(f"stored-{i:02}", (200, order("pending")), open_, open_,
         (200, "{}"), good, ready, work, done, cert, state=stored(i,
         csr="MII", end={"chains": [pem], "picked": 0, "again": 1,
         "not_before": 7, "why": "x", "problem": problem("caa")}))
END
