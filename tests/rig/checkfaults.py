"""Checks of acmeca.py's faults and of faultproxy.py: each thing that can be
made to go wrong does, in the way that README.md says."""
import json
import os
import time
from http.client import HTTPException

from cryptography import x509

from acmeclient import Client, Refused, b64, certs_of, csr_for, new_key
from checkissue import (SCT_OID, crl_of, logs_of, pem_file, reason_in,
                        scts_of)
from checklib import Server, get, http, parse_leaf, run


def check_wrong(rig, c, d):
    """Each wrong certificate is wrong in the way it says."""
    root = rig.ca.info["roots"][0]

    def verifies(certs):
        try:
            run("openssl", "verify", "-CAfile", root, "-untrusted",
                pem_file(d + "/mid.pem", *certs[1:]),
                pem_file(d + "/leaf.pem", certs[0]))
            return True
        except OSError:
            return False

    def has(cert, cls):
        try:
            return cert.extensions.get_extension_for_class(cls).value
        except x509.ExtensionNotFound:
            return None

    def names(cert):
        return has(cert, x509.SubjectAlternativeName).get_values_for_type(
            x509.DNSName)

    tests = {
        "key": lambda x, k: x[0].public_key().public_numbers() !=
        k.public_key().public_numbers(),
        "names": lambda x, k: names(x[0]) == ["wrong.example"],
        "more_names": lambda x, k: len(names(x[0])) == 2,
        "expired": lambda x, k: not verifies(x),
        "future": lambda x, k: not verifies(x),
        "no_eku": lambda x, k: has(x[0], x509.ExtendedKeyUsage) is None,
        "client_eku": lambda x, k: x509.ExtendedKeyUsage(
            [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]) == has(
                x[0], x509.ExtendedKeyUsage),
        "ca": lambda x, k: has(x[0], x509.BasicConstraints).ca,
        "signature": lambda x, k: not verifies(x),
        "no_sct": lambda x, k: not [
            e for e in x[0].extensions if e.oid == SCT_OID],
        "bad_sct": lambda x, k: len(scts_of(x[0])) == 2,
        "no_crldp": lambda x, k: has(x[0], x509.CRLDistributionPoints) is
        None, "chain": lambda x, k: not verifies(x),
        "order": lambda x, k: has(x[0], x509.BasicConstraints).ca,
        "alone": lambda x, k: len(x) == 1,
        "html": lambda x, k: not x, "empty": lambda x, k: not x}
    for mode, test in tests.items():
        rig.fault("wrong_cert", mode=mode, times=1)
        _, pem, key = c.obtain(["wrong-%s.example" % mode], "http-01",
                               rig.resp.place_http)
        rig.check(test(certs_of(pem), key), "wrong_cert " + mode)


def check_faults(rig, c):
    check, refused = rig.check, rig.refused
    for spec, kind, status in (
            (dict(fault="429", n=7), "rateLimited", 429),
            (dict(fault="503", n=7, mode="date"), "serverInternal", 503),
            (dict(fault="500"), "serverInternal", 500),
            (dict(fault="problem", type="userActionRequired", status=403,
                  detail="pay"), "userActionRequired", 403)):
        rig.do("fault", times=1, at="newOrder", **spec)
        why = refused(kind, "%s" % spec, c.order, ["f.example"],
                      status=status)
        check(("Retry-After" in why.headers) == ("n" in spec), "Retry-After")
        c.order(["f.example"])
    rig.fault("problem", type="alreadyReplaced", status=409, has="replaces",
              sub="caa")
    c.order(["f.example"])
    why = refused("alreadyReplaced", "has=", c.order, ["f.example"],
                  replaces="x")
    check(why.doc["subproblems"][0]["identifier"]["value"] == "f.example",
          "subproblems of a fault")
    rig.honest()
    for name in ("cut_before", "cut_after", "cut_mid", "garbage", "html",
                 "empty", "deep"):
        # a connection that had a problem is cut like any other
        refused("malformed", "no names", c.order, [])
        rig.fault(name, at="newOrder", times=1)
        n = len(get(rig.admin + "/orders"))
        try:
            c.order(["f.example"])
            check(False, name)
        except TimeoutError:
            check(False, name + ": the connection stays open")
            c.conns.clear()
        except (OSError, HTTPException, ValueError,
                RecursionError, LookupError, TypeError):
            c.conns.clear()
            n = len(get(rig.admin + "/orders")) - n
            check(n == (name in ("cut_after", "cut_mid")), "%s: %d orders"
                  % (name, n))
    rig.fault("unknown_challenge", times=1)
    rig.fault("no_token")
    rig.fault("token", mode="../x", times=1)
    order = c.order(["f.example"])[1]
    ch = c.post(order["authorizations"][0]).json()["challenges"]
    check(ch[0]["type"] == "quantum-01" and not any(
        "token" in x for x in ch), "odd challenges")
    rig.honest()
    rig.fault("token", mode="../x", times=1)
    order = c.order(["f.example"])[1]
    check(c.post(order["authorizations"][0]).json()["challenges"][0][
        "token"] == "../x", "hostile token")
    rig.fault("other_host", at="newOrder", url="http://127.0.0.9:1", times=1)
    check(c.order(["f.example"])[1]["finalize"].startswith(
        "http://127.0.0.9:1/"), "other_host")


def check_headers(rig, c):
    """Faults of headers and bodies, one after the other."""
    check, url = rig.check, c.dir["newOrder"]
    body = {"identifiers": [{"type": "dns", "value": "h.example"}]}

    def answer(**spec):
        rig.do("fault", at="newOrder", times=1, **spec)
        return c.post(url, body)

    check("Replay-Nonce" not in answer(fault="no_nonce").headers, "no_nonce")
    check(answer(fault="nonce_text", mode="a b").headers["Replay-Nonce"] ==
          "a b", "nonce_text")
    c.nonces.clear()
    check("Location" not in answer(fault="no_location").headers,
          "no_location")
    check(answer(fault="wrong_type").headers["Content-Type"] == "text/plain",
          "wrong_type")
    a = answer(fault="replace", body="{}", type="text/x")
    check(a.body == b"{}" and a.headers["Content-Type"] == "text/x",
          "replace")
    a = answer(fault="redirect", url="http://127.0.0.9/")
    check(a.status == 302 and a.headers["Location"] == "http://127.0.0.9/",
          "redirect")
    check(len(answer(fault="huge", n=2).body) == 2 << 20, "huge")
    began = time.monotonic()
    check(answer(fault="slow", n="0.2").status == 201 and
          time.monotonic() - began >= 0.2, "slow")
    rig.fault("stall", at="directory", n="0.2", times=1)
    try:
        c.get(c.dir_url)
        check(False, "stall")
    except (OSError, HTTPException):
        c.conns.clear()
    n = c.retried
    rig.fault("badNonce", at="newOrder", times=3)
    c.order(["h.example"])
    check(c.retried == n + 3, "badNonce three times")
    rig.fault("500", at="newOrder", skip=1, times=1)
    c.order(["h.example"])
    rig.refused("serverInternal", "skip", c.order, ["h.example"])
    c.order(["h.example"])
    rig.honest()
    rig.fault("404", percent=0)
    c.order(["h.example"])
    for bad in (dict(fault="nothing"), dict(fault="500", at="nowhere"),
                dict(fault="wrong_cert", mode="nothing")):
        check(http(rig.admin + "/fault", bad)[0] == 400, "%r" % bad)
    check(http(rig.admin + "/set", {"nothing": 1})[0] == 400 and
          http(rig.admin + "/revoke", {"serial": "ff"})[0] == 404 and
          http(rig.admin + "/nothing")[0] == 404, "admin refuses")
    rig.honest()


def check_inside(rig, c):
    """Faults of the CA itself, and what the admin can set."""
    check, place = rig.check, rig.resp.place_http

    def ready(name):
        url, order = c.order([name])
        c.solve(order, "http-01", place)
        return url, order, {"csr": b64(csr_for([name], new_key()))}

    url, order, csr = ready("in1.example")
    rig.fault("sct_fail", times=1)
    have = c.post(order["finalize"], csr).json()
    check(have["status"] == "invalid" and have["error"]["type"].endswith(
        ":serverInternal"), "sct_fail")
    url, order, csr = ready("in2.example")
    rig.fault("no_processing", times=1)
    have = [c.post(order["finalize"], csr).json()["status"],
            c.wait(url, ("valid",), 0.3)["status"]]
    check(have == ["processing"] * 2, "no_processing")
    rig.do("order", id=url.rsplit("/", 1)[1], status="invalid")
    check(c.post(url).json()["status"] == "invalid", "admin: order")
    rig.do("set", finalize_location=1)
    url, order, csr = ready("in3.example")
    check(c.post(order["finalize"], csr).headers["Location"] == url,
          "finalize_location")
    rig.do("set", finalize_location=0)
    rig.fault("persist_names", n=11)
    order = c.order(["in4.example"])[1]
    ch = next(x for x in c.post(order["authorizations"][0]).json()[
        "challenges"] if x["type"] == "dns-persist-01")
    check(len(ch["issuer-domain-names"]) == 11, "persist_names")
    rig.honest()
    rig.do("set", order_reuse=1)
    check(c.order(["in4.example"])[0] == c.order(["in4.example"])[0],
          "order_reuse")
    rig.do("set", order_reuse=0, always_valid=1)
    c.obtain(["in5.example"], "http-01", lambda *_: None)
    rig.do("set", always_valid=0)
    ident = next(a["id"] for a in get(rig.admin + "/authzs")
                 if a["identifier"]["value"] == "in5.example")
    check(rig.do("authz", id=ident, status="revoked")["status"] ==
          "revoked", "admin: authz")
    rig.do("set", no_ari=1)
    check("renewalInfo" not in Client(c.dir_url, c.tls_ca).dir, "no_ari")
    rig.do("set", no_ari=0)
    check(get(rig.admin + "/accounts")[0]["status"] == "valid" and
          get(rig.admin + "/stats")["newOrder"] > 50, "admin: tables")


def check_crl_faults(rig, c, d):
    check, names = rig.check, ["crl.example"]
    _, pem, key = c.obtain(names, "http-01", rig.resp.place_http)
    leaf = certs_of(pem)[0]
    serial = "%x" % leaf.serial_number

    def said():
        return reason_in(crl_of(rig, leaf, d), leaf)

    rig.do("revoke", serial=serial, reason=5)
    check(said() == "cessationOfOperation", "admin: revoke")
    rig.fault("crl_drop", serial=serial)
    check(said() is None, "crl_drop")
    rig.honest()
    rig.fault("crl_reason", n=4)
    check(said() == "superseded", "crl_reason")
    rig.honest()
    rig.do("unrevoke", serial=serial)
    check(said() is None, "admin: unrevoke")
    rig.do("block", serial=serial)
    url, order = c.order(names)
    c.solve(order, "http-01", rig.resp.place_http)
    rig.refused("badPublicKey", "admin: block", c.finalize, url, order,
                csr_for(names, key))


def check_lost(rig, c):
    """Issued and logged, and yet the client never hears of it."""
    rig.fault("lost_order", times=1)
    url, order = c.order(["lost.example"])
    c.solve(order, "http-01", rig.resp.place_http)
    key = new_key()
    try:
        c.post(order["finalize"], {"csr": b64(csr_for(["lost.example"],
                                                      key))})
        rig.check(False, "lost_order: the answer must not come")
    except (OSError, HTTPException):
        c.conns.clear()
    order = c.post(url).json()
    leaf = x509.load_pem_x509_certificate(get(
        rig.admin + "/cert?name=lost.example")["pem"].encode())
    rig.check(order["status"] == "invalid" and "certificate" not in order and
              leaf.public_key().public_numbers() ==
              key.public_key().public_numbers(), "lost_order: %r" % order)
    log = logs_of(rig, os.path.dirname(rig.zone))[0]
    rig.check(leaf.tbs_precertificate_bytes in [
        parse_leaf(x)["cert"] for x, _ in log.entries()], "lost_order: log")
    rig.do("set", nonce_reject=50)
    c.obtain(["half.example"], "http-01", rig.resp.place_http)
    rig.check(c.retried > 0, "half of the nonces are refused")
    rig.do("set", nonce_reject=0)
    rig.do("forget_nonces")
    n = c.retried
    c.post(c.kid)
    rig.check(c.retried > n, "nonces are forgotten")
    made = rig.do("issue", names="foreign.example")
    rig.check(made["account"] is None and made["scts"] == 2, "admin: issue")


def check_proxy(rig, here, d):
    """Each mode at each request of an issuance, and plans with a seed."""
    check, info = rig.check, rig.ca.info
    s = Server("/usr/bin/python3", here + "/faultproxy.py", "--to",
               str(info["port"]), "--to-tls", "--cert", d + "/ca/tls.pem",
               "--key", d + "/ca/tls.key")
    base = "https://localhost:%d" % s.port
    c = Client(base + "/dir", info["tls_ca"])

    def plan(**args):
        return c.request("POST", base + "/_proxy/plan",
                         json.dumps(args)).json()

    plan()
    c.register()
    _, pem, _ = c.obtain(["proxy.example"], "http-01", rig.resp.place_http)
    stats = c.get(base + "/_proxy/stats").json()
    check(len(certs_of(pem)) == 2 and stats["requests"] == stats["passed"] ==
          stats["upstream"] > 8 and c.kid.startswith(base), "proxy passes")
    for mode, made, answered in (("lost", 0, 0), ("before", 1, 0),
                                 ("during", 1, 0), ("after", 1, 1)):
        plan(at={"1": mode}, only="POST")
        n = len(get(rig.admin + "/orders"))
        try:
            c.order(["cut.example"])
            have = 1
        except (OSError, HTTPException):
            have = 0
        c.conns.clear()
        n = len(get(rig.admin + "/orders")) - n
        stats = c.get(base + "/_proxy/stats").json()
        check((n, have, stats[mode]) == (made, answered, 1),
              "proxy, %s: %d made, %d answered" % (mode, n, have))
    cuts = []
    for seed in ("a", "a", "b"):
        plan(seed=seed, rate=40)
        for _ in range(12):
            try:
                c.get(base + "/dir")
            except (OSError, HTTPException, Refused):
                pass
            c.conns.clear()
        cuts.append([x[:2] for x in c.get(
            base + "/_proxy/stats").json()["cuts"]])
    check(cuts[0] == cuts[1] != cuts[2] and cuts[0], "a seed is a plan")
    bad = c.request("POST", base + "/_proxy/plan", '{"modes":"x"}')
    check(bad.status == 400, "proxy: bad mode")
    check(s.stop() == 0, "faultproxy ends well")


def check_all(rig, here, d):
    c = rig.client()
    check_wrong(rig, c, d)
    check_faults(rig, c)
    check_headers(rig, c)
    check_inside(rig, c)
    check_crl_faults(rig, c, d)
    check_lost(rig, c)
    check_proxy(rig, here, d)
