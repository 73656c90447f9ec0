"""Orders, authorizations, challenges, finalize, certificates (RFC 8555,
7.4-7.5), profiles, `replaces` (RFC 9773, 5)."""
import datetime
import ipaddress
import os
import re
import secrets
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from . import validate
from .accounts import Res, limited
from .ari import find_cert
from .jose import Problem, malformed
from .pki import now
from .state import Authz, Cert, Order, rfc3339

LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
NAME = re.compile(r"(\*\.)?(%s\.)+%s" % (LABEL, LABEL))
NAMES_MAX = 100


def identifier_fault(ca, i):
    """A Problem, or None when this may be ordered."""
    if not isinstance(i, dict) or set(i) != {"type", "value"}:
        return malformed("identifiers: must have type and value")
    kind, value = i["type"], i["value"]
    if kind == "ip":
        try:
            if str(ipaddress.ip_address(value)) == value:
                return None
        except ValueError:
            pass
        return malformed("identifier: %r is no address in its canonical form "
                         "(RFC 8738, 3)" % value)
    if kind != "dns":
        return Problem("unsupportedIdentifier", "type %r" % kind)
    if not isinstance(value, str) or len(value) > 253 or \
            not NAME.fullmatch(value):
        return malformed("identifier: %r is no domain name" % value)
    for b in ca.o.blocklist:
        if value == b or value.endswith("." + b):
            return Problem("rejectedIdentifier", "%s is refused by policy"
                           % value)
    return None


def read_identifiers(ca, obj):
    ids = obj.get("identifiers")
    if not isinstance(ids, list) or not ids or len(ids) > NAMES_MAX:
        raise malformed("identifiers: must be an array of 1 to %d"
                        % NAMES_MAX)
    out, subs, first = [], [], None
    for i in ids:
        why = identifier_fault(ca, i)
        if why is not None:
            first = first or why
            subs.append(why.document(i))
        elif i not in out:
            out.append(i)
    if len(subs) == 1:
        raise first
    if subs:
        raise Problem(first.kind, "%d identifiers are refused" % len(subs),
                      subproblems=subs)
    return sorted(out, key=lambda i: (i["type"], i["value"]))


def check_replaces(ca, r, text, ids):
    c = find_cert(ca, text)
    if c.account is not r.account:
        raise Problem("unauthorized", "replaces: another account ordered "
                      "that certificate")
    if not any(i in c.identifiers for i in ids):
        raise malformed("replaces: no identifier in common")
    if c.replaced_by is not None and \
            ca.orders[c.replaced_by].state() != "invalid":
        raise Problem("alreadyReplaced", "the certificate was replaced by "
                      "order %s" % c.replaced_by)
    return c


def new_authz(ca, r, i):
    """An authorization for an identifier: a valid one of old, or new."""
    if ca.faults.random.random() * 100 < ca.o.authz_reuse:
        have = [a for a in ca.authzs.values() if a.account is r.account and
                a.identifier == i and a.state() == "valid"]
        if have:
            return have[-1]
    a = Authz(ca.new_id(), r.account, i, time.time() + ca.o.authz_seconds)
    token = secrets.token_urlsafe(32)
    f = ca.faults.tell("token", "newOrder")
    if f:
        token = f.get("mode", "../../../../tmp/$(id)`id`\r\nX: y")
    for kind in validate.types_for(i, ca.o.challenges):
        c = {"type": kind, "id": ca.new_id(), "status": "pending",
             "token": token}
        if kind == "dns-persist-01":
            del c["token"]
            c["accounturi"] = r.account.url
            c["issuer-domain-names"] = list(ca.o.persist_issuer)
            f = ca.faults.tell("persist_names", "newOrder")
            if f:
                c["issuer-domain-names"] = ["i%d.example" % k for k in range(
                    f.get("n", 0))]
        elif ca.faults.tell("no_token", "newOrder"):
            del c["token"]
        a.challenges.append(c)
    f = ca.faults.tell("unknown_challenge", "newOrder")
    if f:
        a.challenges.insert(0, {
            "type": f.get("mode", "quantum-01"), "id": ca.new_id(),
            "status": "pending", "strange": {"nested": [1, None]}})
    ca.authzs[a.id] = a
    return a


def new_order(ca, r):
    obj = r.object()
    if "notBefore" in obj or "notAfter" in obj:
        raise malformed("NotBefore and NotAfter are not supported")
    ids = read_identifiers(ca, obj)
    profile = obj.get("profile")
    if profile is not None and profile not in ca.o.profile:
        raise Problem("invalidProfile", "profile %r is not offered"
                      % profile)
    with ca.lock:
        old = None
        if obj.get("replaces") is not None and not ca.o.no_ari:
            old = check_replaces(ca, r, obj["replaces"], ids)
        for kind, who in (() if old else
                          (("newOrder", r.account.id), ("set", repr(ids)))):
            wait = ca.limits.take(kind, who)
            if wait is not None:
                raise limited("too many new orders (%s)" % kind, wait)
        for o in ca.orders.values() if ca.o.order_reuse and not old else ():
            if o.account is r.account and o.identifiers == ids and \
                    o.profile == profile and \
                    o.state() in ("pending", "ready"):
                return order_answer(ca, r, o, 201)
        o = Order(ca.new_id(), r.account, ids,
                  time.time() + ca.o.order_seconds)
        o.profile = profile
        if old is not None:
            o.replaces, old.replaced_by = obj["replaces"], o.id
        o.authzs = [new_authz(ca, r, i) for i in ids]
        ca.orders[o.id] = o
    return order_answer(ca, r, o, 201)


def order_answer(ca, r, o, status=200):
    out = {"status": o.state(), "expires": rfc3339(o.expires),
           "identifiers": o.identifiers,
           "authorizations": [r.url_of("authz", a.id) for a in o.authzs],
           "finalize": r.url_of("order", o.id) + "/finalize"}
    for name in ("profile", "replaces", "error"):
        if getattr(o, name) is not None:
            out[name] = getattr(o, name)
    if o.status == "valid":
        out["certificate"] = r.url_of("cert", o.cert.token)
    res = Res(status, out)
    if status == 201 or ca.o.finalize_location and r.kind == "finalize":
        res.headers["Location"] = r.url_of("order", o.id)
    if o.status in ("processing", "pending"):
        res.headers.update(ca.retry_header())
    return res


def own(table, r):
    x = table.get(r.parts[1])
    if x is None:
        raise malformed("there is no such %s" % r.kind, 404)
    if x.account is not r.account:
        raise Problem("unauthorized", "this %s is another account's"
                      % r.kind)
    return x


def order(ca, r):
    o = own(ca.orders, r)
    with ca.lock:
        return order_answer(ca, r, o)


def chal_view(r, a, c):
    out = {k: v for k, v in c.items() if k not in ("id", "authz")}
    out["url"] = r.url_of("chall", a.id, c["id"])
    return out


def authz(ca, r):
    a = own(ca.authzs, r)
    with ca.lock:
        if r.jws.payload:
            if r.object() != {"status": "deactivated"}:
                raise malformed("an authorization can only be deactivated")
            if a.state() not in ("pending", "valid"):
                raise malformed("the authorization is " + a.status)
            a.status = "deactivated"
        ident, wild = a.identifier, False
        if ident["value"].startswith("*."):
            ident, wild = dict(ident, value=ident["value"][2:]), True
        out = {"status": a.state(), "identifier": ident,
               "expires": rfc3339(a.expires),
               "challenges": [chal_view(r, a, c) for c in a.challenges if
                              a.status != "valid" or c["status"] == "valid"]}
        if wild:
            out["wildcard"] = True
        res = Res(200, out)
        if a.status == "pending":
            res.headers.update(ca.retry_header())
    return res


def challenge(ca, r):
    a = own(ca.authzs, r)
    c = next((c for c in a.challenges if c["id"] == r.parts[2]), None)
    if c is None:
        raise malformed("there is no such challenge", 404)
    with ca.lock:
        if r.jws.payload:
            if r.object() != {}:
                raise malformed("challenge: payload must be {}")
            if a.state() != "pending" and c["status"] != "valid":
                raise malformed("the authorization is " + a.status)
            if c["type"] not in validate.TYPES:
                raise malformed("challenge: %s is not offered" % c["type"])
            if c["status"] == "pending":
                start_challenge(ca, r, a, c)
        res = Res(200, chal_view(r, a, c))
        res.links.append("<%s>;rel=\"up\"" % r.url_of("authz", a.id))
        if c["status"] == "processing":
            res.headers.update(ca.retry_header())
    return res


def start_challenge(ca, r, a, c):
    c["status"] = "processing"
    c["authz"] = "%s.%s" % (c.get("token"), r.account.print)
    known = dict(type=c["type"], token=c.get("token"), authz=c["authz"],
                 account=r.account.url, issuers=ca.o.persist_issuer)
    threading.Thread(target=run_challenge, daemon=True,
                     args=(ca, a, c, known)).start()


def run_challenge(ca, a, c, known):
    if ca.faults.tell("stuck_authz", "challenge"):
        return
    time.sleep(ca.o.challenge_seconds)
    try:
        why = validate.validate(ca.o, a.identifier, known)
    except Exception as e:              # the order must not wait for ever
        why = Problem("serverInternal", "validation: %r" % e)
    with ca.lock:
        ca.stats["validations"] = ca.stats.get("validations", 0) + 1
        c["validated"] = rfc3339(time.time())
        if a.status != "pending":
            return
        c["status"] = a.status = "invalid" if why else "valid"
        a.method = c["type"]
        if why:
            c["error"] = why.document(a.identifier)
        else:
            a.expires = time.time() + ca.o.reuse_seconds


def read_csr(ca, o, data):
    """The CSR of finalize, when it is exactly what was ordered."""
    try:
        csr = x509.load_der_x509_csr(data)
        key, good = csr.public_key(), csr.is_signature_valid
        exts = csr.extensions
    except ValueError as e:
        raise Problem("badCSR", "CSR: %s" % e) from None
    if not good:
        raise Problem("badCSR", "CSR: the signature does not verify")
    if isinstance(key, rsa.RSAPublicKey):
        fine = key.key_size in (2048, 3072, 4096)
    else:
        fine = isinstance(key, ec.EllipticCurvePublicKey) and \
            key.curve.name in ("secp256r1", "secp384r1")
    if not fine:
        raise Problem("badPublicKey", "CSR: this kind of key is not accepted")
    if ca.is_account_key(key):
        raise Problem("badCSR", "CSR: certificate public key must be "
                      "different than account key")
    if ca.blocked_key(key):
        raise Problem("badPublicKey", "CSR: this key is compromised")
    names = []
    for e in exts:
        if isinstance(e.value, x509.SubjectAlternativeName):
            for n in e.value:
                if isinstance(n, (x509.DNSName, x509.IPAddress)):
                    names.append({"type": "dns" if isinstance(
                        n, x509.DNSName) else "ip", "value": str(n.value)})
                else:
                    raise Problem("badCSR", "CSR: SAN has a %s"
                                  % type(n).__name__)
    cns = [a.value.lower() for a in csr.subject.get_attributes_for_oid(
        x509.oid.NameOID.COMMON_NAME)]
    want = {(i["type"], i["value"]) for i in o.identifiers}
    have = {(i["type"], i["value"].lower()) for i in names}
    if have != want or any(c not in [v for _, v in want] for c in cns):
        raise Problem("badCSR", "CSR: names %s, the order has %s" % (
            " ".join(sorted(v for _, v in have)) or "none",
            " ".join(sorted(v for _, v in want))))
    return key


def finalize(ca, r):
    o = own(ca.orders, r)
    obj = r.object()
    with ca.lock:
        if o.state() != "ready":
            raise Problem("orderNotReady", "the order is " + o.status)
        key = read_csr(ca, o, r.octets(obj, "csr"))
        o.status = "processing"
    try:
        for a in o.authzs:
            validate.caa(ca.o, a.identifier, o.account.url,
                         a.method)
    except Problem as why:
        with ca.lock:
            o.status, o.error = "invalid", why.document()
        raise
    if ca.o.slow or ca.faults.tell("no_processing", "finalize"):
        threading.Thread(target=produce, daemon=True,
                         args=(ca, r, o, key, ca.o.slow or 86400)).start()
    else:
        produce(ca, r, o, key, 0)
    with ca.lock:
        res = order_answer(ca, r, o)
        if o.lost:
            res.status = 0              # the connection is cut
        return res


def new_serial():
    """Half of them have the leading zero octet that RFC 9773, 4.1 keeps."""
    n = 0
    while n >> 120 == 0:
        n = int.from_bytes(os.urandom(16), "big")
    return n


def wanted(ca, key, identifiers, profile):
    """What Authority.issue is to build."""
    p = ca.o.profile.get(profile or ca.o.default_profile)
    serial, start = new_serial(), now() - datetime.timedelta(
        minutes=60, seconds=ca.o.age)
    return dict(key=key, identifiers=identifiers, cn=p["cn"], serial=serial,
                start=start, end=start + datetime.timedelta(
                    seconds=p["seconds"]),
                crl=None if ca.o.no_crl else ca.crl_url(ca.shard(serial)),
                aia=ca.pub + "/int.der",
                ocsp=ca.pub + "/ocsp" if ca.o.ocsp else None)


def issue(ca, key, identifiers, profile=None, order=None):
    f = ca.faults.tell("wrong_cert", "finalize")
    wrong = f.get("mode", "key") if f else None
    if ca.faults.tell("sct_fail", "finalize"):
        raise OSError("the logs do not answer")
    cert, pre, scts = ca.authority.issue(
        wanted(ca, key, identifiers, profile), ca.o.log, ca.o.final_submit,
        wrong)
    c = Cert(cert, pre, order, scts)
    c.identifiers, c.wrong = identifiers, wrong
    ca.add_cert(c)
    return c


def produce(ca, r, o, key, seconds):
    """Issue for an order, which becomes valid; or invalid."""
    time.sleep(seconds)
    try:
        c = issue(ca, key, o.identifiers, o.profile, o)
    except (OSError, ValueError, KeyError) as e:
        with ca.lock:
            o.status, o.error = "invalid", Problem(
                "serverInternal", "issuance failed: %s" % e).document()
        return
    with ca.lock:
        o.cert = c
        if ca.faults.tell("lost_order", "finalize", r.obj):
            o.status, o.lost = "invalid", True
            o.error = Problem("serverInternal", "the order was "
                              "lost").document()
        else:
            o.status = "valid"


def certificate(ca, r):
    c = ca.by_token.get(r.parts[1])
    if c is None:
        raise malformed("there is no such certificate", 404)
    if c.account is not r.account:
        raise Problem("unauthorized", "another account ordered this")
    k = int(r.parts[2]) if len(r.parts) > 2 else 0
    pem = ca.authority.pem_chain(c.cert, k, c.wrong)
    if pem is None:
        raise malformed("there is no such chain", 404)
    res = Res(200, body=pem, ctype="application/pem-certificate-chain")
    for i in range(len(ca.authority.chains)):
        if i != k:
            res.links.append("<%s>;rel=\"alternate\"" % r.url_of(
                "cert", c.token, *([i] if i else [])))
    return res
