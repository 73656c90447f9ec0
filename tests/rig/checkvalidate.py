"""Checks of acmeca.py's challenges and CAA: what must be accepted and, for
each way to be wrong, that it is refused, with the right problem."""
import base64
import hashlib
import time

from acmeclient import b64
from acmeresp import alpn_cert


def one(rig, c, name, kind, place, **more):
    """Order a name, meet its challenge; returns (authz, challenge, order)."""
    url, order = c.order([name], **more)
    a = c.solve(order, kind, place)[0]
    chal = next(x for x in a["challenges"] if x["type"] == kind)
    return a, chal, c.post(url).json()


def fails(rig, c, name, kind, place, want, what):
    a, chal, order = one(rig, c, name, kind, place)
    have = chal.get("error", {}).get("type", "").rsplit(":", 1)[-1]
    rig.check(a["status"] == "invalid" and have == want and
              order["status"] == "invalid" and order["error"]["type"] ==
              chal["error"]["type"], "%s: want %s, have %s %s" % (
                  what, want, a["status"], chal.get("error")))


def passes(rig, c, name, kind, place, what):
    a, chal, order = one(rig, c, name, kind, place)
    rig.check(a["status"] == "valid" and "validated" in chal and
              order["status"] == "ready" and len(a["challenges"]) == 1,
              "%s: %s" % (what, chal))


def check_http(rig, c):
    r = rig.resp
    passes(rig, c, "h1.example", "http-01", r.place_http, "http-01")
    rig.check(len(r.hits) == 3, "three vantage points: %r" % r.hits)
    passes(rig, c, "127.0.0.1", "http-01", r.place_http, "http-01, IP")
    for miss, hit, fine in ((0, 2, False), (1, 2, True), (1, 1, False)):
        rig.do("set", vantage_miss=miss)
        r.hits.clear()
        r.misses = {hit}
        if fine:
            passes(rig, c, "h4.example", "http-01", r.place_http,
                   "one vantage point misses")
        else:
            fails(rig, c, "h4.example", "http-01", r.place_http,
                  "unauthorized", "vantage point %d misses" % hit)
        rig.check(len(r.hits) == (1 if hit == 1 else 3), "vantage points")
    rig.do("set", vantage_miss=0)
    r.misses = set()
    for want, what, place in (
            ("unauthorized", "404", lambda c, i, x: None),
            ("unauthorized", "another key", lambda c, i, x: r.tokens.update(
                {x["token"]: x["token"] + "." + "A" * 43})),
            ("connection", "redirect to another port", lambda c, i, x:
             r.redirects.update({x["token"]: "http://h2.example:9/x"})),
            ("connection", "redirect for ever", lambda c, i, x:
             r.redirects.update({x["token"]: "/.well-known/acme-challenge/"
                                 + x["token"]})),
            ("connection", "redirect to ftp", lambda c, i, x:
             r.redirects.update({x["token"]: "ftp://h2.example/"}))):
        fails(rig, c, "h2.example", "http-01", place, want, "http-01, "
              + what)

    def moved(client, i, x):
        r.redirects[x["token"]] = "http://other.example/moved-" + x["token"]
        r.tokens["moved-" + x["token"]] = client.key_authz(x["token"]) + "\n"

    passes(rig, c, "h3.example", "http-01", moved, "http-01, redirect")


def check_dns(rig, c):
    r = rig.resp
    passes(rig, c, "d1.example", "dns-01", r.place_dns, "dns-01")
    passes(rig, c, "*.d2.example", "dns-01", r.place_dns, "dns-01, wildcard")

    def wrong(client, i, x):
        r.record("_acme-challenge." + i["value"],
                 client.key_authz(x["token"]))

    fails(rig, c, "d3.example", "dns-01", wrong, "unauthorized",
          "dns-01, not hashed")
    fails(rig, c, "d4.example", "dns-01", lambda *_: None, "unauthorized",
          "dns-01, no record")
    with open(rig.zone, "a") as f:
        print("d5.example ! servfail\n_acme-challenge.d6.example CNAME "
              "_acme-challenge.d6.elsewhere.example", file=f)
    fails(rig, c, "d5.example", "dns-01", r.place_dns, "dns",
          "dns-01, servfail")

    def elsewhere(client, i, x):
        r.place_dns(client, {"value": "d6.elsewhere.example"}, x)

    passes(rig, c, "d6.example", "dns-01", elsewhere, "dns-01, CNAME")

    def account(client, i, x):
        label = base64.b32encode(hashlib.sha256(
            client.kid.encode()).digest()[:10]).decode().lower()
        r.record("_%s._acme-challenge.%s" % (label, i["value"]), b64(
            hashlib.sha256(client.key_authz(x["token"]).encode()).digest()))

    passes(rig, c, "d7.example", "dns-account-01", account, "dns-account-01")
    fails(rig, c, "d8.example", "dns-account-01", r.place_dns,
          "unauthorized", "dns-account-01, without label")


def check_persist(rig, c):
    seen = []

    def put(text):
        def place(client, i, x):
            seen.append(x)
            rig.resp.record("_validation-persist." + i["value"],
                            text.replace("ACCT", client.kid))
        return place

    for k, text in enumerate((
            "acme.rig.example; accounturi=ACCT",
            "ACME.rig.example.;AccountURI=ACCT;  x=y",
            "acme.rig.example; accounturi=ACCT; persistUntil=%d"
            % (time.time() + 99),
            "acme.rig.example; accounturi=ACCT; policy=Wildcard")):
        passes(rig, c, "%sp%d.example" % ("*." if k == 3 else "", k),
               "dns-persist-01", put(text), "persist %r" % text)
    for k, (want, text) in enumerate((
            ("unauthorized", "ca.example; accounturi=ACCT"),
            ("unauthorized", "acme.rig.example; accounturi=ACCT/"),
            ("unauthorized", "acme.rig.example"),
            ("unauthorized", "acme.rig.example; accounturi=ACCT; "
             "persistUntil=%d" % (time.time() - 99)),
            ("malformed", "acme.rig.example; accounturi=ACCT;"),
            ("malformed", "acme.rig.example; accounturi=ACCT; policy"),
            ("malformed", "acme.rig.example; accounturi=ACCT; "
             "ACCOUNTURI=ACCT"),
            ("unauthorized", "acme.rig.example; accounturi=ACCT"))):
        fails(rig, c, "%sq%d.example" % ("*." if k == 7 else "", k),
              "dns-persist-01", put(text), want, "persist %r" % text)
    rig.check("token" not in seen[0] and seen[0]["accounturi"] == c.kid and
              seen[0]["issuer-domain-names"] == ["acme.rig.example"],
              "persist: %r" % seen[0])


def check_alpn(rig, c):
    r = rig.resp
    passes(rig, c, "t1.example", "tls-alpn-01", r.place_alpn, "tls-alpn-01")
    passes(rig, c, "127.0.0.1", "tls-alpn-01", r.place_alpn,
           "tls-alpn-01, IP")
    for k, (want, args) in enumerate((
            ("unauthorized", dict(critical=False)),
            ("unauthorized", dict(extra=["more.example"])),
            ("unauthorized", dict(authz="x.y")))):
        def place(client, i, x):
            a = dict({"authz": client.key_authz(x["token"])}, **args)
            r.set_alpn(i["value"], *alpn_cert(i, **a))

        fails(rig, c, "t2%d.example" % k, "tls-alpn-01", place, want,
              "tls-alpn-01, %s" % list(args))
    fails(rig, c, "t3.example", "tls-alpn-01", lambda *_: None, "tls",
          "tls-alpn-01, unknown name")
    rig.do("set", tls_port=1)
    fails(rig, c, "t4.example", "tls-alpn-01", r.place_alpn, "connection",
          "tls-alpn-01, nothing listens")
    rig.do("set", tls_port=r.tls_port)


def check_caa(rig, c):
    me = "acme.rig.example"
    with open(rig.zone, "a") as f:
        for k, text in enumerate((
                '0 issue "%s"' % me,
                '0 issue "%s; accounturi=%s"' % (me, c.kid),
                '0 issue "%s; validationmethods=dns-01,http-01"' % me,
                '0 issuewild ";"', '128 issue "%s"' % me,
                '0 iodef "mailto:a@b.example"')):
            print("y%d.example CAA %s" % (k, text), file=f)
        for k, text in enumerate((
                '0 issue ";"', '0 issue "ca.example"',
                '0 issue "%s; accounturi=%s0"' % (me, c.kid),
                '0 issue "%s; validationmethods=dns-01"' % me,
                '128 strange "x"')):
            print("n%d.example CAA %s" % (k, text), file=f)
        print('wild.example CAA 0 issue "%s"\nwild.example CAA 0 issuewild '
              '";"\nbroken.example ! servfail' % me, file=f)
    for k in range(6):
        passes(rig, c, "www.y%d.example" % k, "http-01", rig.resp.place_http,
               "CAA y%d" % k)
    for k in range(5):
        fails(rig, c, "www.n%d.example" % k, "http-01", rig.resp.place_http,
              "caa", "CAA n%d" % k)
    fails(rig, c, "*.wild.example", "dns-01", rig.resp.place_dns, "caa",
          "CAA issuewild")
    fails(rig, c, "broken.example", "http-01", rig.resp.place_http, "dns",
          "CAA servfail")


def check_offer(rig, c):
    """Which challenges there are, and their states."""
    def types(name):
        _, order = c.order([name])
        a = c.post(order["authorizations"][0]).json()
        return a, sorted(x["type"] for x in a["challenges"])

    a, have = types("offer.example")
    rig.check(have == ["dns-01", "dns-account-01", "dns-persist-01",
                       "http-01", "tls-alpn-01"], "offer: %r" % have)
    a, have = types("*.offer.example")
    rig.check(have == ["dns-01", "dns-account-01", "dns-persist-01"] and
              a["wildcard"] is True and a["identifier"]["value"] ==
              "offer.example", "offer for a wildcard: %r" % a)
    rig.check(types("2001:db8::1")[1] == ["http-01", "tls-alpn-01"],
              "offer for an address")
    rig.do("set", challenge_seconds=0.3, retry_after=3)
    rig.fault("stuck_authz", times=1)
    _, order = c.order(["slow.example"])
    url = order["authorizations"][0]
    x = next(x for x in c.post(url).json()["challenges"]
             if x["type"] == "http-01")
    rig.resp.place_http(c, None, x)
    rig.refused("malformed", "a payload that is not {}", c.post, x["url"],
                {"keyAuthorization": "x"})
    rig.check(c.post(x["url"]).json()["status"] == "pending",
              "POST-as-GET starts nothing")
    b = c.post(x["url"], {})
    rig.check(b.json()["status"] == "processing" and
              b.headers["Retry-After"] == "3" and
              c.post(url).headers["Retry-After"] == "3", "processing")
    passes(rig, c, "slower.example", "http-01", rig.resp.place_http,
           "slow validation")
    rig.do("set", challenge_seconds=0, retry_after=None)


def check_all(rig):
    c = rig.client()
    check_http(rig, c)
    check_dns(rig, c)
    check_persist(rig, c)
    check_alpn(rig, c)
    check_caa(rig, c)
    check_offer(rig, c)
