#!/usr/bin/env python3
"""Check acmeca.py and faultproxy.py from outside, with a client that shares
no code with them.  usage: checkacme.py BINDIR TMPDIR
Prints one line a failure and `N passed, N failed, N skipped`."""
import base64
import json
import os
import sys
import traceback
from http.client import HTTPException

from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils

import checkfaults
import checkissue
import checkvalidate
from acmeclient import (Client, Refused, alg, b64, jwk, jws, new_key,
                        sign)
from acmelib import jose
from acmelib.ari import cert_id
from acmelib.validate import account_label
from acmeresp import Responder
from checklib import Server, post

BIN, TMP = sys.argv[1], sys.argv[2]
HERE = os.path.dirname(os.path.abspath(__file__))
count = {"passed": 0, "failed": 0, "skipped": 0}


def check(ok, what):
    count["passed" if ok else "failed"] += 1
    if not ok:
        print("FAILED: %s" % what)


def refused(kind, what, call, *args, status=None, **kw):
    """The call must be refused with this kind of problem; returns it."""
    try:
        call(*args, **kw)
    except Refused as why:
        check(why.kind == kind and status in (None, why.status),
              "%s: want %s, have %s" % (what, kind, why))
        return why
    check(False, "%s: want %s, was accepted" % (what, kind))
    return None


class Rig:
    """An acmeca with logs, name server and responder."""

    def __init__(self, logs, zone, *args):
        self.check, self.refused = check, refused
        self.resp = Responder(zone)
        self.zone, self.logs = zone, logs
        self.dns = Server("/usr/bin/python3", HERE + "/dnsd.py", "--zone",
                          zone)
        self.ca = self.start(TMP + "/ca", *args)
        self.admin = self.ca.info["admin"]

    def start(self, d, *args):
        return Server(
            "/usr/bin/python3", HERE + "/acmeca.py", "--dir", d,
            "--http-port", str(self.resp.http_port),
            "--tls-port", str(self.resp.tls_port), "--resolve", "127.0.0.1",
            "--dns", "127.0.0.1:%d" % self.dns.port, "--seed", "1",
            "--timeout", "10", *args)

    def client(self, key=None, register=True):
        c = Client(self.ca.info["directory"], self.ca.info["tls_ca"], key)
        if register:
            c.register()
        return c

    def do(self, what, **args):
        return post("%s/%s" % (self.admin, what), args)

    def fault(self, name, **args):
        return self.do("fault", fault=name, **args)

    def honest(self):
        return self.do("honest")


def send(c, body, url=None, ctype="application/jose+json"):
    a = c.raw(url or c.dir["newOrder"], body, ctype)
    if a.status >= 400:
        raise Refused(a)
    return a


def check_jws(rig):
    c = rig.client()
    url, order = c.dir["newOrder"], {"identifiers": [
        {"type": "dns", "value": "jws.example"}]}

    def body(key=c.key, payload=order, **change):
        h = dict({"alg": "ES256", "nonce": c.nonce(), "url": url,
                  "kid": c.kid}, **change)
        return jws(key, {k: v for k, v in h.items() if v is not None},
                   payload)

    check(send(c, body()).status == 201, "jws: good")
    why = refused("malformed", "content type", send, c, body(), status=415,
                  ctype="application/json")
    check(why and "Replay-Nonce" in why.headers and "index" in
          why.headers["Link"] and why.headers["Content-Type"] ==
          "application/problem+json", "headers of a refusal")
    for value in ("none", "HS256", "EdDSA", "ES512", None):
        why = refused("badSignatureAlgorithm", "alg %s" % value, send, c,
                      body(alg=value))
        check(why and why.doc.get("algorithms") == [
            "RS256", "ES256", "ES384"], "algorithms are listed")
    for what, change in (("jwk and kid", dict(jwk=jwk(c.key))),
                         ("no kid", dict(kid=None)),
                         ("jwk for kid", dict(kid=None, jwk=jwk(c.key))),
                         ("crit", dict(crit=["b64"])),
                         ("another url", dict(url=url + "/")),
                         ("no url", dict(url=None)),
                         ("alg of another key", dict(alg="RS256"))):
        refused("malformed", what, send, c, body(**change))
    refused("accountDoesNotExist", "kid", send, c, body(kid=c.kid + "0"))
    refused("malformed", "another key", send, c, body(key=new_key()))
    twice = body()
    send(c, twice)
    refused("badNonce", "nonce again", send, c, twice)
    refused("badNonce", "nonce made up", send, c, body(nonce="AAAA"))
    refused("badNonce", "no nonce", send, c, body(nonce=None))
    check_encoding(c, url, body)


def check_encoding(c, url, body):
    good = body()
    raw = base64.urlsafe_b64decode(good["signature"] + "==")
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"),
                                     int.from_bytes(raw[32:], "big"))
    for what, change in (
            ("DER signature", dict(signature=b64(der))),
            ("padding", dict(payload=good["payload"] + "=")),
            ("standard alphabet", dict(signature="+" +
                                       good["signature"][1:])),
            ("unprotected header", dict(header={"kid": c.kid})),
            ("cut signature", dict(signature=good["signature"][:-8])),
            ("payload changed", dict(payload=b64(b"{}")))):
        refused("malformed", what, send, c, dict(good, **change))
    refused("malformed", "general JSON", send, c, {
        "payload": good["payload"], "signatures": [good]})
    text = json.dumps(good)
    refused("malformed", "a name twice", send, c,
            text[:-1] + ', "payload": ""}')
    h = {"alg": "ES256", "nonce": c.nonce(), "url": url, "kid": c.kid}
    p = b64(json.dumps(h).encode()[:-1] + b', "alg": "ES256"}')
    refused("malformed", "alg twice", send, c, {
        "protected": p, "payload": "", "signature": b64(sign(
            c.key, (p + ".").encode()))})
    refused("malformed", "no object", send, c, body(payload=[1]))
    refused("malformed", "GET", c.get, c.kid, status=405)
    refused("malformed", "nowhere", c.get, c.dir["newOrder"] + "/x/y/z",
            status=404)
    # an x that begins with a zero octet keeps it (RFC 7518, 6.2.1.2)
    while True:
        k = new_key()
        j = jwk(k)
        if base64.urlsafe_b64decode(j["x"] + "=")[0] == 0:
            break
    n = Client(c.dir_url, c.tls_ca, k)
    check(n.register().status == 201, "x with a leading zero")
    short = dict(j, x=b64(base64.urlsafe_b64decode(j["x"] + "=")[1:]))
    for what, bad in (("short x", short), ("not on the curve", dict(
            j, y=j["x"])), ("Ed25519", {"kty": "OKP", "crv": "Ed25519",
                                        "x": j["x"]}),
                      ("private", dict(j, d=j["x"]))):
        refused("badPublicKey", what, send, c, jws(k, {
            "alg": "ES256", "nonce": c.nonce(), "jwk": bad,
            "url": c.dir["newAccount"]}, {}), c.dir["newAccount"])


def check_nonces(c):
    a = c.request("HEAD", c.dir["newNonce"])
    b = c.request("GET", c.dir["newNonce"])
    check((a.status, b.status) == (200, 204) and all(
        x.headers["Cache-Control"] == "no-store" and
        x.headers["Replay-Nonce"] for x in (a, b)), "newNonce")


def check_accounts(rig):
    c = rig.client(register=False)
    check_nonces(c)
    url = c.dir["newAccount"]
    refused("accountDoesNotExist", "onlyReturnExisting", c.post, url,
            {"onlyReturnExisting": True}, key=c.key)
    for kind, contact in (("unsupportedContact", ["tel:1"]),
                          ("invalidContact", ["mailto:a"]),
                          ("invalidContact", ["mailto:a@b.c,d@e.f"]),
                          ("malformed", "mailto:a@b.c")):
        refused(kind, "contact %r" % contact, c.post, url,
                {"contact": contact}, key=c.key)
    a = c.register()
    check(a.status == 201 and a.json()["status"] == "valid" and
          a.json()["contact"] == ["mailto:ops@rig.example"], "new account")
    a = c.post(url, {"onlyReturnExisting": True}, key=c.key)
    check(a.status == 200 and a.headers["Location"] == c.kid, "existing")
    a = c.post(c.kid, {"contact": ["mailto:new@rig.example"]})
    check(a.json()["contact"] == ["mailto:new@rig.example"] and
          c.post(c.kid).json() == a.json(), "contact is changed")
    other = rig.client()
    refused("unauthorized", "another's account", other.post, c.kid)
    for k in (rsa.generate_private_key(65537, 2048),
              ec.generate_private_key(ec.SECP384R1())):
        check(rig.client(k).post(c.dir["newOrder"], {"identifiers": [
            {"type": "dns", "value": "k.example"}]}).status == 201,
            "account key " + alg(k))
    for k in range(4):
        c.order(["o%d.example" % k])
    a = c.post(c.post(c.kid).json()["orders"])
    check(len(a.json()["orders"]) == 3 and "page=1>;rel=\"next\"" in
          "".join(a.headers.get_all("Link")), "orders, three on a page")
    check_rollover(rig, c, other)
    c.post(c.kid, {"status": "deactivated"})
    refused("unauthorized", "deactivated", c.post, c.kid, status=403)
    refused("unauthorized", "deactivated, again", c.post, url, {}, key=c.key)


def check_rollover(rig, c, other):
    url, old, new = c.dir["keyChange"], c.key, new_key()

    def inner(key=new, payload=None, **change):
        h = dict({"alg": "ES256", "jwk": jwk(new), "url": url}, **change)
        return jws(key, h, payload or {"account": c.kid,
                                       "oldKey": jwk(old)})

    for what, body in (
            ("inner nonce", inner(nonce=c.nonce())),
            ("inner kid", inner(kid=c.kid)),
            ("inner url", inner(url=url + "x")),
            ("inner signature", inner(old)),
            ("account", inner(payload={"account": other.kid,
                                       "oldKey": jwk(old)})),
            ("oldKey", inner(payload={"account": c.kid,
                                      "oldKey": jwk(new)}))):
        refused("malformed", "keyChange: " + what, c.post, url, body)
    why = refused("malformed", "keyChange: key in use", c.rollover,
                  other.key, status=409)
    check(why and why.headers["Location"] == other.kid, "whose it is")
    c.rollover(new)
    check(c.post(c.kid).status == 200, "the new key works")
    stale = Client(c.dir_url, c.tls_ca, old)
    stale.kid = c.kid
    refused("malformed", "the old key", stale.post, c.kid)


def check_gates(rig):
    """A CA with EAB and terms; rate limits; by http."""
    secret = os.urandom(32)
    s = rig.start(TMP + "/gates", "--http", "--eab", "kid-1:" + b64(secret),
                  "--terms", "https://ca.example/terms", "--limit",
                  "newOrder=3/3600", "--limit", "set=2/3600", "--limit",
                  "newAccount=1/60", "--limit", "requests=20/60", "--key-type",
                  "rsa", "--alternates", "0")
    c = Client(s.info["directory"])
    meta = c.dir["meta"]
    check(meta["externalAccountRequired"] and meta["termsOfService"] ==
          "https://ca.example/terms" and s.info["tls_ca"] is None, "meta")
    refused("externalAccountRequired", "no EAB", c.register)
    why = refused("userActionRequired", "no terms", c.register,
                  ("kid-1", secret), termsOfServiceAgreed=False)
    check(why and why.doc["instance"] == meta["termsOfService"] and
          "terms-of-service" in why.headers["Link"], "where the terms are")
    refused("unauthorized", "EAB kid", c.register, ("kid-2", secret))
    refused("unauthorized", "EAB MAC", c.register, ("kid-1", b"x"))
    a = c.register(("kid-1", secret))
    check(a.status == 201 and a.json()["externalAccountBinding"], "EAB")
    for names in (["a.example"], ["a.example"]):
        c.order(names)
    why = refused("rateLimited", "same set", c.order, ["a.example"],
                  status=429)
    check(why and 3500 < int(why.headers["Retry-After"]) <= 3600,
          "Retry-After")
    refused("rateLimited", "orders", c.order, ["b.example"], status=429)
    why = refused("rateLimited", "accounts", Client(s.info["directory"]).
                  register, ("kid-1", secret))
    check(why and 0 < int(why.headers["Retry-After"]) <= 60, "Retry-After")
    have = []
    for _ in range(20):
        try:
            have.append(c.post(c.kid).status)
        except Refused as why:
            have.append(why.kind)
    check(have == [200] * have.count(200) + ["rateLimited"] *
          have.count("rateLimited") and 5 < have.count(200) < 20,
          "requests: %r" % have)
    check(s.stop() == 0, "acmeca ends well")


def check_vectors():
    """What the RFCs print: 9773, 4.1; 7638, 3.1; the account's label."""
    check(cert_id(bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4"),
                  0x87654321) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE",
          "certificate identifier")
    check(jose.thumbprint(jose.key_of({
        "kty": "RSA", "e": "AQAB", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbX"
        "Eps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX"
        "jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ"
        "5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5"
        "hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksI"
        "NHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"})) ==
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "thumbprint")
    check(account_label("https://example.com/acme/acct/ExampleAccount") ==
          "_ujmmovf2vn55tgye", "account label")


def main():
    log = Server(BIN + "/ctlog", "--dir", TMP + "/log", "--log", "one",
                 "--log", "two,key=rsa")
    rig = Rig(log, TMP + "/zone", "--log", log.url + "/one", "--log",
              log.url + "/two", "--blocklist", "blocked.example", "--ocsp")
    check_vectors()
    check_jws(rig)
    check_accounts(rig)
    check_gates(rig)
    checkvalidate.check_all(rig)
    checkissue.check_all(rig, TMP)
    checkfaults.check_all(rig, HERE, TMP)
    stats = rig.honest()
    check(stats == {"faults": []}, "honest again")
    for s in (rig.ca, rig.dns, log):
        check(s.stop() == 0, "ends well")


try:
    main()
except (OSError, HTTPException, ValueError, LookupError, Refused) as e:
    traceback.print_exc()
    check(False, "stopped by %r" % e)
print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % count)
sys.exit(count["failed"] != 0)
