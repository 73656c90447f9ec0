"""Checks of casrv and of what ca does with revocation: openssl and
python3-cryptography say what they read in the answers."""
import base64
import csv
import datetime
import gzip
import io
import json
import os
import shutil
import subprocess
import time
import urllib.parse
import zlib
from http.client import HTTPException

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtensionOID as EXT

from checklib import Server, get, http, post, run

DER = serialization.Encoding.DER
STATUS = ocsp.OCSPCertStatus
OUTER = ocsp.OCSPResponseStatus


def pem(path):
    return x509.load_pem_x509_certificate(open(path, "rb").read())


def now():
    return datetime.datetime.utcnow()


def seconds(n):
    return datetime.timedelta(seconds=n)


def signed_by(cert, signature, data):
    try:
        cert.public_key().verify(signature, data, ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False


class Ca:
    """A folder of ca, served by a casrv."""

    def __init__(self, tool, d, server, name=None):
        self.tool, self.dir, self.server = tool, d, server
        self.name = name or os.path.basename(d)
        self.url = "%s/%s" % (server.url, self.name)
        self.admin = "%s/_rig/%s" % (server.url, self.name)
        self.int = pem(d + "/int.pem")
        self.root = pem(d + "/root.pem")

    def issue(self, name, *args):
        out = "%s/%s" % (self.dir, name)
        j = json.loads(run(self.tool, "issue", self.dir, "--name",
                           name + ".example", "--out", out, *args))
        return j, pem(out + ".pem")

    def lie(self, name, **args):
        return post(self.admin + "/lie", dict(args, lie=name))

    def honest(self):
        return post(self.admin + "/honest")

    def request(self, cert, alg=None, nonce=None):
        b = ocsp.OCSPRequestBuilder().add_certificate(
            cert, self.int, alg or hashes.SHA1())
        if nonce:
            b = b.add_extension(x509.OCSPNonce(nonce), False)
        return b.build().public_bytes(DER)

    def ocsp(self, cert, how="GET", alg=None, nonce=None, **kw):
        """(HTTP status, headers, OCSP response or None)"""
        der = self.request(cert, alg, nonce)
        if how == "GET":
            st, h, body = http("%s/ocsp/%s" % (
                self.url, urllib.parse.quote(base64.b64encode(der),
                                             safe="")), **kw)
        else:
            st, h, body = http(self.url + "/ocsp", der, {
                "Content-Type": "application/ocsp-request"}, **kw)
        try:
            return st, h, ocsp.load_der_ocsp_response(body)
        except ValueError:
            return st, h, None

    def status(self, cert, **kw):
        return self.ocsp(cert, **kw)[2].certificate_status

    def crl(self, name="full", headers=None, **kw):
        st, h, body = http("%s/crl/%s.crl" % (self.url, name), None,
                           headers, **kw)
        try:
            return st, h, x509.load_der_x509_crl(body)
        except ValueError:
            return st, h, None


def responder_ok(ca, r):
    """RFC 6960, 4.2.2.2: signed by whom the CA lets sign."""
    c = r.certificates[0] if r.certificates else ca.int
    if not signed_by(c, r.signature, r.tbs_response_bytes):
        return "signature"
    if c == ca.int:
        return "ok"
    if not signed_by(ca.int, c.signature, c.tbs_certificate_bytes):
        return "issuer"
    try:
        eku = c.extensions.get_extension_for_oid(
            EXT.EXTENDED_KEY_USAGE).value
        if x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING not in eku:
            return "eku"
        c.extensions.get_extension_for_oid(EXT.OCSP_NO_CHECK)
    except x509.ExtensionNotFound:
        return "nocheck"
    return "ok" if c.not_valid_after > now() else "expired"


def number(crl):
    return crl.extensions.get_extension_for_oid(
        EXT.CRL_NUMBER).value.crl_number


def idp(crl):
    try:
        return crl.extensions.get_extension_for_oid(
            EXT.ISSUING_DISTRIBUTION_POINT).value
    except x509.ExtensionNotFound:
        return None


def listed(crl, cert):
    return crl.get_revoked_certificate_by_serial_number(
        cert.serial_number) is not None


def check_issue(check, ca):
    """Pointers and flags in certificates."""
    _, c = ca.issue("pointers", "--crl", "http://h/{shard}.crl", "--crl",
                    "http://h/x.crl", "--shards", "16", "--ocsp",
                    "http://o/", "--aia", "http://a/i.der", "--must-staple",
                    "--unknown-sct")
    ext = c.extensions.get_extension_for_oid
    points = [p.full_name[0].value for p in
              ext(EXT.CRL_DISTRIBUTION_POINTS).value]
    check(points == ["http://h/%d.crl" % (c.serial_number % 16 + 1),
                     "http://h/x.crl"], "--crl: %r" % points)
    aia = [(a.access_method._name, a.access_location.value) for a in
           ext(EXT.AUTHORITY_INFORMATION_ACCESS).value]
    check(aia == [("OCSP", "http://o/"), ("caIssuers", "http://a/i.der")],
          "--ocsp, --aia: %r" % aia)
    check(list(ext(EXT.TLS_FEATURE).value) ==
          [x509.TLSFeatureType.status_request], "--must-staple")
    check(len(ext(EXT.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS).value) == 1,
          "--unknown-sct")
    j = json.loads(run(ca.tool, "issue", ca.dir, "--no-san", "--cn", "x",
                       "--out", ca.dir + "/nosan"))
    check("tbs_sha256" in j and not [
        e for e in pem(ca.dir + "/nosan.pem").extensions
        if e.oid == EXT.SUBJECT_ALTERNATIVE_NAME], "--no-san")
    _, c = ca.issue("many", "--sans", "100000")
    check(b"s99999.many.example" in c.public_bytes(DER), "--sans")
    for kind, bits in (("rsa1024", 1024), ("close", 2048), ("roca", 2048)):
        _, c = ca.issue("weak-" + kind, "--key-type", kind)
        check(c.public_key().key_size == bits, kind)
        text = run("openssl", "rsa", "-check", "-noout", "-in",
                   "%s/weak-%s.key" % (ca.dir, kind))
        check("ok" in text, kind + ": openssl rsa -check")
    k = serialization.load_pem_private_key(
        open(ca.dir + "/weak-close.key", "rb").read(), None).private_numbers()
    check(abs(k.p - k.q) < 1 << 32, "close primes")
    k = serialization.load_pem_private_key(
        open(ca.dir + "/weak-roca.key", "rb").read(), None).private_numbers()
    small = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 53, 61, 71, 73, 79, 97]
    check(all(k.public_numbers.n % p in {pow(65537, a, p) for a in range(p)}
              for p in small), "roca: fingerprint")


def check_ocsp(check, ca, cert, other):
    for how in ("GET", "POST"):
        for alg in (hashes.SHA1(), hashes.SHA256()):
            st, h, r = ca.ocsp(cert, how, alg, b"n" * 32)
            check(st == 200 and r.response_status == OUTER.SUCCESSFUL and
                  r.certificate_status == STATUS.GOOD and
                  r.serial_number == cert.serial_number and
                  r.hash_algorithm.name == alg.name and
                  h["Content-Type"] == "application/ocsp-response",
                  "ocsp: %s %s" % (how, alg.name))
            check(responder_ok(ca, r) == "ok", "ocsp: responder")
            check(r.this_update <= now() < r.next_update, "ocsp: times")
            check(r.extensions.get_extension_for_class(
                x509.OCSPNonce).value.nonce == b"n" * 32, "ocsp: nonce")
    one, two = ca.ocsp(cert)[2], ca.ocsp(cert)[2]
    check(one.signature == two.signature, "ocsp: kept")
    text = run("openssl", "ocsp", "-issuer", ca.dir + "/int.pem", "-cert",
               "%s/a.pem" % ca.dir, "-url", ca.url + "/ocsp", "-CAfile",
               ca.dir + "/root.pem", "-verify_other", ca.dir + "/int.pem")
    check(": good" in text, "openssl ocsp: " + text)
    check(ca.status(other) == STATUS.UNKNOWN, "ocsp: unissued")
    for path, data, want in (("/ocsp", b"{}", 400), ("/ocsp/!!", None, 200),
                             ("/ocsp/MAAw", None, 200), ("/ocsp", None, 404),
                             ("/x", None, 404)):
        st, _, body = http(ca.url + path, data)
        check(st == want and (st != 200 or ocsp.load_der_ocsp_response(
            body).response_status == OUTER.MALFORMED_REQUEST),
              "ocsp: bad request " + path)


def check_revocation(check, ca, cert, db):
    """revoke, unrevoke: in OCSP, in both CRLs, at once."""
    shard = cert.serial_number % 4 + 1
    before = number(ca.crl()[2])
    run(ca.tool, "revoke", ca.dir, ca.dir + "/a.pem", "--reason",
        "keyCompromise", "--at", "2026-01-02T03:04:05Z")
    r = ca.ocsp(cert)[2]
    check(r.certificate_status == STATUS.REVOKED and r.revocation_time ==
          datetime.datetime(2026, 1, 2, 3, 4, 5) and r.revocation_reason ==
          x509.ReasonFlags.key_compromise, "revoke: ocsp")
    for name in ("full", str(shard)):
        st, h, crl = ca.crl(name)
        check(st == 200 and h["Content-Type"] == "application/pkix-crl" and
              crl.is_signature_valid(ca.int.public_key()), name + ": crl")
        e = crl.get_revoked_certificate_by_serial_number(cert.serial_number)
        check(e is not None and e.revocation_date == datetime.datetime(
            2026, 1, 2, 3, 4, 5) and e.extensions.get_extension_for_class(
                x509.CRLReason).value.reason ==
              x509.ReasonFlags.key_compromise, name + ": entry")
        check(crl.last_update <= now() < crl.next_update, name + ": times")
        d = idp(crl)
        check((name == "full") == (d is None), name + ": IDP")
        check(d is None or (d.full_name[0].value == "%s/crl/%s.crl" % (
            ca.url, name) and d.only_contains_user_certs), name + ": IDP URI")
    check(number(ca.crl()[2]) > before, "crl: number")
    for k in range(1, 5):
        check(listed(ca.crl(str(k))[2], cert) == (k == shard),
              "crl: shard %d" % k)
    check([ca.crl(k)[0] for k in ("0", "5", "01", "x", "-1")] == [404] * 5,
          "crl: no such shard")
    open(ca.dir + "/f.crl", "wb").write(ca.crl()[2].public_bytes(DER))
    text = subprocess.run(["openssl", "crl", "-inform", "DER", "-in",
                           ca.dir + "/f.crl", "-noout", "-CAfile",
                           ca.dir + "/int.pem"], capture_output=True,
                          check=False).stderr
    check(b"verify OK" in text, "openssl crl: %r" % text)
    run(ca.tool, "unrevoke", ca.dir, "0x%X" % cert.serial_number)
    check(ca.status(cert) == STATUS.GOOD and not listed(ca.crl()[2], cert),
          "unrevoke")
    post(ca.admin + "/revoke", dict(serial="%x" % cert.serial_number,
                                    reason="superseded"))
    check(ca.status(cert) == STATUS.REVOKED and listed(ca.crl()[2], cert),
          "revoke by the server")
    check(len(open(db).read().split("\n")) == 4, "revoked.txt")


def check_caches(check, ca):
    _, h, crl = ca.crl("1")
    st = ca.crl("1", {"If-None-Match": h["ETag"]})[0]
    check(st == 304, "crl: ETag")
    st = ca.crl("1", {"If-Modified-Since": h["Last-Modified"]})[0]
    check(st == 304, "crl: Last-Modified")
    st = ca.crl("1", {"If-None-Match": '"x"', "If-Modified-Since":
                      h["Last-Modified"]})[0]
    check(st == 200, "crl: ETag first")
    check(number(ca.crl("1")[2]) == number(crl), "crl: kept")
    post(ca.admin + "/publish")
    check(number(ca.crl("1")[2]) > number(crl), "crl: publish")
    check(get(ca.admin + "/stats")["not_modified"] == 2, "stats: 304")
    ca.lie("not_modified")
    check(ca.crl("1", {"If-None-Match": '"x"'})[0] == 304 and
          ca.crl("1")[0] == 200, "not_modified")
    ca.honest()


def check_ocsp_lies(check, ca, cert, other):
    def told(name, c=cert, alg=None, nonce=None, **args):
        ca.lie(name, **args)
        r = ca.ocsp(c, alg=alg, nonce=nonce)[2]
        ca.honest()
        return r

    for name, want in (("wrong_responder", "issuer"), ("no_eku", "eku"),
                       ("no_nocheck", "nocheck"), ("no_certs", "signature"),
                       ("expired_responder", "expired"),
                       ("bad_signature", "signature"),
                       ("wrong_key", "signature")):
        got = responder_ok(ca, told(name))
        check(got == want, "%s: %s" % (name, got))
    r = told("stale", n=7200)
    check(r.next_update < now() - seconds(7000), "stale")
    check(told("future").this_update > now() + seconds(3500), "future")
    check(told("no_next_update").next_update is None, "no_next_update")
    for name, want in (("trylater", OUTER.TRY_LATER),
                       ("internal_error", OUTER.INTERNAL_ERROR),
                       ("unauthorized", OUTER.UNAUTHORIZED),
                       ("malformed_request", OUTER.MALFORMED_REQUEST)):
        check(told(name).response_status == want, name)
    check(told("good_for_unknown", other).certificate_status == STATUS.GOOD,
          "good_for_unknown")
    check(told("wrong_serial").serial_number == cert.serial_number ^ 1,
          "wrong_serial")
    good = ca.ocsp(cert)[2].issuer_key_hash
    check(told("wrong_issuer").issuer_key_hash != good, "wrong_issuer")
    check(ca.status(cert) == STATUS.REVOKED, "contradict: revoked")
    r = told("contradict", serial="%x" % cert.serial_number)
    check(r.certificate_status == STATUS.GOOD and listed(ca.crl()[2], cert),
          "contradict")
    r = told("contradict", mode="unknown")
    check(r.certificate_status == STATUS.UNKNOWN, "contradict unknown")
    r = told("sha1", alg=hashes.SHA256())
    check(r.hash_algorithm.name == "sha1", "sha1")
    for mode, want in (("", None), ("wrong", b"m" + b"n" * 30 + b"o")):
        ca.lie("nonce", mode=mode)
        try:
            got = ca.ocsp(cert, nonce=b"m" + b"n" * 31)[2].extensions[
                0].value.nonce
        except IndexError:
            got = None
        check(got == want, "nonce %s: %r" % (mode, got))
        ca.honest()
    ca.lie("many", n=3)
    check(len(list(ca.ocsp(cert)[2].responses)) == 4, "many")
    ca.honest()
    ca.lie("trylater", times=2, kind="ocsp-get")
    got = [ca.ocsp(cert, how)[2].response_status for how in
           ("POST", "GET", "GET", "GET")]
    check(got == [OUTER.SUCCESSFUL, OUTER.TRY_LATER, OUTER.TRY_LATER,
                  OUTER.SUCCESSFUL], "times and kind")
    ca.honest()
    ca.lie("deep", kind="ocsp")
    st, _, r = ca.ocsp(cert)
    check(st == 200 and r is None, "deep")
    ca.honest()
    ca.lie("unknown_critical", kind="ocsp")
    check(b"\x06\x09\x2b\x06\x01\x04\x01\x86\x8d\x1f\x63\x01\x01\xff" in
          ca.ocsp(cert)[2].tbs_response_bytes, "unknown_critical")
    ca.honest()


def check_crl_lies(check, ca, cert):
    shard = cert.serial_number % 4 + 1

    def told(name, which="full", **args):
        ca.lie(name, **args)
        crl = ca.crl(which)[2]
        ca.honest()
        return crl

    key = ca.int.public_key()
    check(told("stale", n=60).next_update < now(), "crl: stale")
    check(told("future").last_update > now(), "crl: future")
    check(told("no_next_update").next_update is None, "crl: no nextUpdate")
    check(not told("bad_signature").is_signature_valid(key), "crl: badsig")
    check(not told("wrong_key").is_signature_valid(key), "crl: wrong_key")
    crl = told("wrong_idp", str(shard))
    check(idp(crl).full_name[0].value.endswith(
        "/%d.crl" % (shard % 4 + 1)) and not listed(crl, cert) and
          crl.is_signature_valid(key), "shard swap")
    crl = told("wrong_idp", str(shard), mode="uri")
    check(idp(crl).full_name[0].value == "%s/crl/%d.crx" % (ca.url, shard)
          and listed(crl, cert), "wrong_idp uri")
    crl = told("no_idp", str(shard))
    check(idp(crl) is None and listed(crl, cert), "no_idp")
    honest = ca.crl()[2]
    crl = told("rewound")
    check(number(crl) < number(honest) and crl.last_update <
          honest.last_update - seconds(80000), "rewound")
    crl = told("rewound", mode="number")
    check(number(crl) < number(honest) and crl.last_update >=
          honest.last_update, "rewound number")
    crl = told("same_number")
    check(number(crl) == number(honest) and crl.signature !=
          honest.signature, "same_number")
    crl = told("drop", serial="%X" % cert.serial_number)
    check(not listed(crl, cert) and crl.is_signature_valid(key) and
          number(crl) > number(honest), "drop")
    check(listed(told("drop", serial="1234"), cert), "drop another")
    ext = told("delta").extensions
    check(ext.get_extension_for_class(x509.DeltaCRLIndicator).critical,
          "delta")
    check(idp(told("indirect")).indirect_crl, "indirect")
    check(idp(told("only_reasons")).only_some_reasons == frozenset(
        [x509.ReasonFlags.key_compromise]), "only_reasons")
    check(idp(told("only_ca")).only_contains_ca_certs, "only_ca")
    check(told("wrong_issuer", kind="crl").issuer != ca.int.subject,
          "crl: wrong_issuer")
    check(len(list(told("no_number").extensions)) == 1, "no_number")
    check(len(told("duplicate")) == 2, "duplicate")
    check(len(told("extra", n=50)) == 51, "extra")
    check(len(told("huge", n=200000)) == 200001, "huge")
    ca.lie("unknown_critical", kind="crl")
    check(any(e.critical for e in ca.crl()[2].extensions), "crl: critical")
    ca.honest()
    ca.lie("big_serial")
    st, _, body = http(ca.url + "/crl/full.crl")
    check(st == 200 and len(body) > 16 << 20 and b"A" * 1000 in body,
          "big_serial")
    ca.honest()
    ca.lie("deep", kind="crl")
    check(b"\x30\x80"[:1] * 1 in http(ca.url + "/crl/full.crl")[2] and
          len(http(ca.url + "/crl/full.crl")[2]) > 200000, "crl: deep")
    ca.honest()
    ca.lie("gzip_bomb", n=64, kind="crl")
    _, h, body = http(ca.url + "/crl/1.crl")
    z, total, start = zlib.decompressobj(31), 0, None
    while body and not z.eof:
        piece = z.decompress(body, 1 << 20)
        start = start or piece[:2]
        total += len(piece)
        body = z.unconsumed_tail
    check(h["Content-Encoding"] == "gzip" and z.eof and total > 63 << 20 and
          start == b"\x30\x84", "crl: gzip_bomb")
    ca.honest()
    for other in range(1, 5):
        ca.lie("404", shard=other, kind="crl")
    check([ca.crl(str(k))[0] for k in range(1, 5)] == [404] * 4 and
          ca.crl()[0] == 200, "404 by shard")
    ca.honest()


def check_wire_lies(check, ca, cert):
    def body(name, path="/crl/full.crl", **args):
        ca.lie(name, **args)
        a = http(ca.url + path)
        ca.honest()
        return a

    size = len(http(ca.url + "/crl/full.crl")[2])
    for s in ("400", "404", "410", "429", "500", "503"):
        st, h, _ = body(s, n=7)
        check(st == int(s) and h["Retry-After"] == "7", s)
    check(body("503", mode="date", n=5)[1]["Retry-After"].endswith("GMT"),
          "Retry-After: date")
    check(b"<html" in body("html")[2], "html")
    check(body("empty")[2] == b"", "empty")
    check(abs(len(body("truncated")[2]) - size // 2) < 4, "truncated")
    check(len(body("garbage", n=77)[2]) == 77, "garbage")
    check(body("wrong_content_type")[1]["Content-Type"] == "text/plain",
          "wrong_content_type")
    _, h, b = body("gzip")
    check(h["Content-Encoding"] == "gzip" and len(gzip.decompress(b)) in
          range(size - 3, size + 4), "gzip")
    check(body("wrong_gzip")[1]["Content-Encoding"] == "gzip", "wrong_gzip")
    check(x509.load_pem_x509_crl(body("pem")[2]).issuer == ca.int.subject,
          "pem")
    check(len(body("deep", "/issuer.der", kind="aia")[2]) > 200000,
          "aia: deep")
    check(len(body("huge_body", n=3)[2]) == 3 << 20, "huge_body")
    _, h, b = body("huge_body", n=3, mode="chunked")
    check(len(b) == 3 << 20 and h["Content-Length"] is None, "chunked")
    check(len(body("huge", "/issuer.der", kind="aia", n=2)[2]) == 2 << 20,
          "aia: huge")
    st, _, b = body("redirect", url=ca.url + "/issuer.der", kind="crl")
    check(st == 200 and b == ca.int.public_bytes(DER), "redirect")
    ca.lie("redirect_loop")
    try:
        check(http(ca.url + "/crl/full.crl")[0] == 302, "redirect_loop")
    except OSError:
        check(True, "redirect_loop")
    ca.honest()
    for name in ("stall", "slow", "reset", "cut"):
        ca.lie(name)
        for path in ("/crl/full.crl", "/issuer.der"):
            try:
                http(ca.url + path, timeout=0.4)
                check(False, name)
            except (OSError, HTTPException):
                check(True, name)
        ca.honest()
    check(http(ca.url + "/crl/full.crl")[0] == 200, "honest again")


def check_listeners(check, ca, cert):
    """Lies of one listener; IDP of the listener that was asked."""
    where = ca.server.info["listeners"]
    check(len(where) == 6, "listeners: %r" % where)
    ca.lie("503", at=where[1])
    ca.lie("404", at=where[5].split(":")[0])
    got = [http("http://%s/%s/crl/1.crl" % (w, ca.name))[0] for w in where]
    check(got == [200, 503, 200, 200, 200, 404], "lies by listener")
    ca.honest()
    crl = x509.load_der_x509_crl(http("http://%s/%s/crl/1.crl" % (
        where[5], ca.name))[2])
    check(idp(crl).full_name[0].value == "http://%s/%s/crl/1.crl" % (
        where[5], ca.name), "IDP by listener")
    check(get(ca.admin + "/stats")["listeners"][where[5]] == 2,
          "stats: listeners")
    j = get(ca.admin + "/stats?serial=%x" % cert.serial_number)
    check(j["asked"] > 10, "stats: serial")
    der = http(ca.admin + "/staple?serial=%x" % cert.serial_number)[2]
    r = ocsp.load_der_ocsp_response(der)
    check(r.serial_number == cert.serial_number and
          responder_ok(ca, r) == "ok", "staple")
    open(ca.dir + "/list", "wb").write(b"\0\5\0\3abc")
    post(ca.admin + "/scts", dict(file=ca.dir + "/list"))
    check(b"\x04\x09\x04\x07\0\5\0\3abc" in ca.ocsp(cert)[2].tbs_response_bytes,
          "scts")
    post(ca.admin + "/scts")


def check_aia(check, ca):
    for name, cert in (("issuer", ca.int), ("int", ca.int),
                       ("root", ca.root)):
        _, h, body = http("%s/%s.der" % (ca.url, name))
        check(body == cert.public_bytes(DER) and h["Content-Type"] ==
              "application/pkix-cert", name + ".der")
    open(ca.dir + "/x.p7c", "wb").write(http(ca.url + "/issuer.p7c")[2])
    text = run("openssl", "pkcs7", "-inform", "DER", "-in",
               ca.dir + "/x.p7c", "-print_certs")
    check(x509.load_pem_x509_certificate(
        text[text.index("-----BEGIN"):].encode()) == ca.int, "issuer.p7c")
    check([http(ca.url + p)[0] for p in ("/none.der", "/../x.der", "/int",
                                         "/int.pem")] == [404] * 4, "no file")


def check_ccadb(check, ca):
    rows = list(csv.DictReader(io.StringIO(
        http(ca.server.url + "/ccadb/records.csv")[2].decode())))
    pems = {r["SHA-256 Fingerprint"]: r["X.509 Certificate (PEM)"]
            for r in csv.DictReader(io.StringIO(
                http(ca.server.url + "/ccadb/pems.csv")[2].decode()))}
    check([r["Certificate Name"] for r in rows] ==
          ["ca1", "ca2", "ca1-root"] and len(pems) == 3, "ccadb: rows")
    for r in rows:
        c = x509.load_pem_x509_certificate(
            pems[r["SHA-256 Fingerprint"]].encode())
        check(c.fingerprint(hashes.SHA256()).hex().upper() ==
              r["SHA-256 Fingerprint"] and base64.b64decode(
                  r["Subject Key Identifier"]) ==
              c.extensions.get_extension_for_class(
                  x509.SubjectKeyIdentifier).value.digest, "ccadb: hash")
    urls = json.loads(rows[0]["JSON Array of Partitioned CRLs"])
    check(len(urls) == 4 and http(urls[3])[0] == 200 and
          rows[0]["CA Owner"] == 'Rig "Inc"' and http(
              rows[1]["Full CRL Issued By This CA"])[0] == 200, "ccadb: CRLs")


def check_cross(check, ca, other):
    run(ca.tool, "cross", ca.dir, other.dir, "--aia", other.url + "/root.der")
    x = pem("%s/cross-%s.pem" % (ca.dir, other.name))
    check(x.subject == ca.root.subject and x.issuer == other.root.subject and
          x.public_key().public_numbers() ==
          ca.root.public_key().public_numbers(), "cross")
    text = run("openssl", "verify", "-CAfile", other.dir + "/root.pem",
               "-untrusted", ca.dir + "/int.pem", "-untrusted",
               "%s/cross-%s.pem" % (ca.dir, other.name), ca.dir + "/a.pem")
    check(": OK" in text, "cross: openssl verify")
    check(http("%s/cross-%s.der" % (ca.url, other.name))[2] ==
          x.public_bytes(DER), "cross.der")


def check_root(check, ca, root):
    """The root's own responder and CRL, direct."""
    check(ca.int.extensions.get_extension_for_oid(
        EXT.CRL_DISTRIBUTION_POINTS) is not None, "init --crl")
    for want in (STATUS.GOOD, STATUS.REVOKED):
        root.int = ca.root
        st, _, r = root.ocsp(ca.int, "POST")
        check(st == 200 and r.certificate_status == want and
              not r.certificates and responder_ok(root, r) == "ok" and
              r.responder_name == ca.root.subject, "root: %s" % want)
        crl = root.crl()[2]
        check(crl.is_signature_valid(ca.root.public_key()) and
              listed(crl, ca.int) == (want == STATUS.REVOKED), "root: crl")
        run(ca.tool, "revoke", ca.dir, ca.dir + "/int.pem", "--reason",
            "cACompromise")


def check_bulk(check, ca):
    urls = ["%s/ocsp" % u for u in ("http://127.0.1.1:1", "http://127.0.1.2:1")]
    open(ca.dir + "/urls", "w").write("\n".join(urls) + "\n")
    run(ca.tool, "bulk", ca.dir, "--n", "500", "--ocsp-list",
        ca.dir + "/urls", "--out", ca.dir + "/bulk.pem", "--serials",
        ca.dir + "/serials", "--name", "n{n}.example")
    text = open(ca.dir + "/bulk.pem").read().split("-----END CERT")
    certs = [x509.load_pem_x509_certificate(
        (t[t.index("-----BEGIN"):] + "-----END CERTIFICATE-----\n").encode())
             for t in text[:-1]]
    check(len(certs) == 500 and
          len({c.serial_number for c in certs}) == 500, "bulk")
    got = [c.extensions.get_extension_for_oid(
        EXT.AUTHORITY_INFORMATION_ACCESS).value[0].access_location.value
           for c in certs]
    check(got == urls * 250, "bulk: responders")
    check(all(signed_by(ca.int, c.signature, c.tbs_certificate_bytes)
              for c in certs), "bulk: signatures")
    check(ca.status(certs[7]) == STATUS.GOOD, "bulk: issued")
    run(ca.tool, "revoke", ca.dir, "--serials", ca.dir + "/serials",
        "--reason", "superseded")
    crl = ca.crl()[2]
    check(all(listed(crl, c) for c in certs) and
          ca.status(certs[499]) == STATUS.REVOKED, "bulk: revoked")


def check_withhold(check, ca, log):
    """An SCT that is good, and no entry; then one that is bad."""
    size = log.sth()[0]
    j, cert = ca.issue("kept-back", "--submit", log.url, "--sct-only")
    sct = cert.extensions.get_extension_for_oid(
        EXT.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS).value[0]
    check(sct.log_id == log.id and log.sth()[0] == size and
          get(log.admin + "/lies")["withhold"]["told"] == 1, "withhold")
    good, _ = ca.issue("promised", "--submit", log.url)
    bad, _ = ca.issue("broken", "--submit", log.url, "--bad-sct")
    check(log.sth()[0] == size + 2, "withhold: over")
    return j["scts"], good["scts"], bad["scts"]


def check_speed(check, ca, cert):
    """That answers come at some speed; no figure is asserted."""
    n, start = 200, time.time()
    check(all(ca.ocsp(cert)[0] == 200 for _ in range(n)), "many requests")
    return n / (time.time() - start)


def check_all(check, bindir, d):
    tool = bindir + "/ca"
    s = Server(bindir + "/casrv", "--ports", "2", "--listen",
               "127.0.1.1-127.0.1.3")
    run(tool, "init", d + "/ca1", "--crl", s.url + "/ca1-root/crl/full.crl",
        "--ocsp", s.url + "/ca1-root/ocsp", "--aia", s.url + "/ca1/root.der")
    run(tool, "init", d + "/ca2", "--name", "Second Trust")
    for spec in ('ca1,shards=4,owner=Rig "Inc"', "ca2,unissued=unauthorized",
                 "ca1,name=ca1-root,issuer=root,ocsp=direct,"
                 "responder_id=name"):
        post(s.url + "/_rig/new", dict(ca="%s/%s" % (d, spec)))
    ca, ca2 = Ca(tool, d + "/ca1", s), Ca(tool, d + "/ca2", s)
    check_issue(check, ca)
    _, cert = ca.issue("a")
    # certificates of which the two do not know
    for one in (ca, ca2):
        shutil.copytree(one.dir, one.dir + "x")
    other, other2 = [Ca(tool, one.dir + "x", s).issue("b")[1]
                     for one in (ca, ca2)]
    check_ocsp(check, ca, cert, other)
    check(ca2.ocsp(other2)[2].response_status == OUTER.UNAUTHORIZED,
          "unissued=unauthorized")
    check(ca.ocsp(other2)[2].response_status == OUTER.UNAUTHORIZED,
          "another issuer")
    check_revocation(check, ca, cert, d + "/ca1/revoked.txt")
    check_caches(check, ca)
    check_ocsp_lies(check, ca, cert, other)
    check_crl_lies(check, ca, cert)
    check_wire_lies(check, ca, cert)
    check_listeners(check, ca, cert)
    check_aia(check, ca)
    check_ccadb(check, ca)
    check_cross(check, ca, ca2)
    check_root(check, ca, Ca(tool, d + "/ca1", s, "ca1-root"))
    check_bulk(check, ca)
    check_speed(check, ca, cert)
    check(s.stop() == 0, "casrv ends well")
