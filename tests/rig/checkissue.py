"""Checks of what acmeca.py issues and revokes: SCTs against the keys of the
logs, chains and CRLs by openssl, renewal information."""
import base64
import calendar
import json
import struct
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp

from acmeclient import DER, b64, certs_of, csr_for, new_key
from checklib import Log, get, http, run, sha, signature_ok

PEM = serialization.Encoding.PEM
SCT_OID = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def logs_of(rig, d):
    ops = json.load(open(d + "/log/loglist-rfc6962.json"))["operators"]
    return [Log(rig.logs, e["description"].split()[-1], e)
            for o in ops for e in o["logs"]]


def scts_of(cert):
    """[(log id, timestamp, extensions, DigitallySigned)], from the DER."""
    raw = cert.extensions.get_extension_for_oid(SCT_OID)
    der = raw.value.public_bytes() if hasattr(raw.value, "public_bytes") \
        else raw.value.value
    at = 2 if der[1] < 128 else 2 + (der[1] & 127)
    body, out = der[at:], []
    at = 2
    while at < len(body):
        n = struct.unpack(">H", body[at:at + 2])[0]
        s = body[at + 2:at + 2 + n]
        m = struct.unpack(">H", s[41:43])[0]
        out.append((s[1:33], s[33:41], s[43:43 + m], s[43 + m:]))
        at += 2 + n
    return out


def check_scts(rig, logs, cert, issuer):
    """Each verifies, and the log has the precertificate's entry."""
    check, scts = rig.check, scts_of(cert)
    check(len(scts) == 2 and {s[0] for s in scts} == {log.id for log in logs},
          "SCTs of both logs")
    tbs = cert.tbs_precertificate_bytes
    key_hash = sha(issuer.public_key().public_bytes(
        DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    for log_id, stamp, ext, sig in scts:
        log = next(x for x in logs if x.id == log_id)
        data = b"\0\0" + stamp + b"\0\1" + key_hash + struct.pack(
            ">I", len(tbs))[1:] + tbs + struct.pack(">H", len(ext)) + ext
        check(signature_ok(log.key, sig, data), "SCT of " + log.url)
        check(data in [leaf for leaf, _ in log.entries()],
              "entry in " + log.url)


def pem_file(path, *certs):
    with open(path, "wb") as f:
        f.write(b"".join(c.public_bytes(PEM) for c in certs))
    return path


def check_chain(rig, c, d):
    """A certificate by each profile; its contents and chains."""
    check, info = rig.check, rig.ca.info
    names = ["*.cert.example", "cert.example"]
    order, pem, key = c.obtain(names, "dns-01", rig.resp.place_dns)
    leaf, issuer = certs_of(pem)
    a = c.post(order["certificate"])
    check(a.headers["Content-Type"] == "application/pem-certificate-chain",
          "type of the chain")
    links = [x for x in a.headers.get_all("Link") if "alternate" in x]
    other = certs_of(c.post(links[0].split(">")[0][1:]).body)
    check(len(links) == 1 and len(other) == 3 and other[0] == leaf and
          other[1].public_key() != leaf.public_key() and
          other[1].issuer != issuer.issuer, "alternate chain")
    for root, mid in ((info["roots"][0], issuer), (info["roots"][1],
                                                   other[1])):
        out = run("openssl", "verify", "-x509_strict", "-purpose",
                  "sslserver", "-CAfile", root, "-untrusted",
                  pem_file(d + "/mid.pem", mid),
                  pem_file(d + "/leaf.pem", leaf))
        check(out.endswith("OK\n"), "openssl verify: " + out)
    ext = leaf.extensions
    crl = ext.get_extension_for_class(x509.CRLDistributionPoints).value[0]
    aia = {x.access_method._name: x.access_location.value for x in
           ext.get_extension_for_class(
               x509.AuthorityInformationAccess).value}
    san = ext.get_extension_for_class(x509.SubjectAlternativeName).value
    check(sorted(san.get_values_for_type(x509.DNSName)) == names and
          crl.full_name[0].value in info["crls"] and
          http(aia["caIssuers"])[2] == issuer.public_bytes(DER),
          "SAN, CRLDP, AIA")
    check(leaf.public_key().public_numbers() ==
          key.public_key().public_numbers(), "key of the certificate")
    check_scts(rig, logs_of(rig, d), leaf, issuer)
    for profile, days in (("tlsserver", 45), ("shortlived", 6)):
        order, pem, _ = c.obtain([profile + ".example"], "http-01",
                                 rig.resp.place_http, profile=profile)
        leaf = certs_of(pem)[0]
        check(order["profile"] == profile and (
            leaf.not_valid_after - leaf.not_valid_before).days == days and
            not leaf.subject.get_attributes_for_oid(
                x509.oid.NameOID.COMMON_NAME), "profile " + profile)
    check(set(c.dir["meta"]["profiles"]) == {"classic", "tlsserver",
                                             "shortlived"}, "profiles")
    rig.refused("invalidProfile", "profile", c.order, ["x.example"],
                profile="gold")


def check_orders(rig, c):
    refused, check = rig.refused, rig.check
    refused("malformed", "no identifiers", c.order, [])
    refused("malformed", "a name", c.order, ["under..example"])
    refused("malformed", "upper case", c.order, ["Upper.example"])
    refused("malformed", "two stars", c.order, ["*.*.example"])
    refused("malformed", "address", c.order, ["2001:DB8::1"])
    refused("unsupportedIdentifier", "type", c.post, c.dir["newOrder"],
            {"identifiers": [{"type": "email", "value": "a@b.c"}]})
    refused("rejectedIdentifier", "blocked", c.order,
            ["www.blocked.example"], status=403)
    why = refused("rejectedIdentifier", "two are blocked", c.order,
                  ["blocked.example", "fine.example", "a.blocked.example"])
    check(why and [s["identifier"]["value"] for s in
                   why.doc["subproblems"]] == [
        "blocked.example", "a.blocked.example"], "subproblems")
    refused("malformed", "notAfter", c.order, ["x.example"],
            notAfter="2030-01-01T00:00:00Z")
    url, order = c.order(["o1.example", "o2.example", "o1.example"])
    check(len(order["identifiers"]) == 2, "a name twice")
    key = new_key()
    refused("orderNotReady", "too early", c.finalize, url, order,
            csr_for(["o1.example", "o2.example"], key), status=403)
    refused("unauthorized", "another account's order", rig.client().post,
            url)
    c.solve(order, "http-01", rig.resp.place_http)
    good = csr_for(["o1.example", "o2.example"], key)
    broken = good[:-1] + bytes([good[-1] ^ 1])
    weak = rsa.generate_private_key(65537, 1024)
    for kind, what, csr in (
            ("badCSR", "no CSR", b"x"), ("badCSR", "signature", broken),
            ("badCSR", "name missing", csr_for(["o1.example"], key)),
            ("badCSR", "name too many", csr_for(
                ["o1.example", "o2.example", "o3.example"], key)),
            ("badCSR", "CN", csr_for(["o1.example", "o2.example"], key,
                                     "o3.example")),
            ("badCSR", "account key", csr_for(
                ["o1.example", "o2.example"], c.key)),
            ("badPublicKey", "RSA 1024", csr_for(
                ["o1.example", "o2.example"], weak)),
            ("badPublicKey", "P-521", csr_for(
                ["o1.example", "o2.example"],
                ec.generate_private_key(ec.SECP521R1())))):
        refused(kind, "finalize: " + what, c.finalize, url, order, csr)
    rig.do("set", slow=1, retry_after=2)
    a = c.post(order["finalize"], {"csr": b64(good)})
    check(a.json()["status"] == "processing" and a.headers["Retry-After"] ==
          "2" and "certificate" not in a.json() and "Location" not in
          a.headers, "processing")
    check(c.wait(url, ("valid",))["status"] == "valid", "slow finalize")
    rig.do("set", slow=0, retry_after=None)
    refused("orderNotReady", "again", c.finalize, url, order, good)
    url, order = c.order(["o4.example"])
    c.post(order["authorizations"][0], {"status": "deactivated"})
    order = c.post(url).json()
    check(order["status"] == "invalid" and order["error"]["identifier"][
        "value"] == "o4.example", "deactivated authorization")
    rig.do("set", authz_reuse=100)
    c.obtain(["o5.example"], "http-01", rig.resp.place_http)
    check(c.order(["o5.example"])[1]["status"] == "ready", "authz reuse")
    rig.do("set", authz_reuse=0, order_seconds=0.2)
    url, order = c.order(["o6.example"])
    check(c.wait(url, ("invalid",))["status"] == "invalid", "order expires")
    rig.do("set", order_seconds=600)


def shard_url(leaf):
    return leaf.extensions.get_extension_for_class(
        x509.CRLDistributionPoints).value[0].full_name[0].value


def crl_of(rig, leaf, d):
    """The CRL of a certificate, checked by openssl."""
    url = shard_url(leaf)
    der = http(url)[2]
    with open(d + "/crl.der", "wb") as f:
        f.write(der)
    run("openssl", "crl", "-inform", "DER", "-in", d + "/crl.der", "-noout",
        "-CAfile", rig.ca.info["issuer"])
    crl = x509.load_der_x509_crl(der)
    idp = crl.extensions.get_extension_for_class(
        x509.IssuingDistributionPoint)
    rig.check(idp.critical and idp.value.only_contains_user_certs and
              idp.value.full_name[0].value == url and
              crl.is_signature_valid(x509.load_pem_x509_certificate(
                  open(rig.ca.info["issuer"], "rb").read()).public_key()),
              "CRL: " + url)
    return crl


def reason_in(crl, leaf):
    """None: not revoked; else the reason's name, "" without one."""
    e = crl.get_revoked_certificate_by_serial_number(leaf.serial_number)
    if e is None:
        return None
    try:
        return e.extensions.get_extension_for_class(
            x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        return ""


def number_of(crl):
    return crl.extensions.get_extension_for_class(
        x509.CRLNumber).value.crl_number


def ocsp_status(rig, leaf, issuer):
    req = ocsp.OCSPRequestBuilder().add_certificate(
        leaf, issuer, hashes.SHA1()).build().public_bytes(DER)
    url = rig.ca.info["pub"] + "/ocsp"
    a = ocsp.load_der_ocsp_response(http(url, req)[2])
    b = ocsp.load_der_ocsp_response(http(
        url + "/" + base64.b64encode(req).decode().replace("/", "%2F"))[2])
    issuer.public_key().verify(a.signature, a.tbs_response_bytes,
                               ec.ECDSA(hashes.SHA256()))
    rig.check(a.certificate_status == b.certificate_status, "OCSP by GET")
    return a.certificate_status.name


def check_revoke(rig, c, d):
    refused, check, place = rig.refused, rig.check, rig.resp.place_http
    _, pem, _ = c.obtain(["r1.example"], "http-01", place)
    leaf, issuer = certs_of(pem)
    der, other = leaf.public_bytes(DER), rig.client()
    before = crl_of(rig, leaf, d)
    check(reason_in(before, leaf) is None and
          ocsp_status(rig, leaf, issuer) == "GOOD", "not revoked")
    refused("badRevocationReason", "reason 6", c.revoke, der, 6)
    refused("badRevocationReason", "reason true", c.revoke, der, True)
    refused("malformed", "not ours", c.revoke, issuer.public_bytes(DER), 1,
            status=404)
    refused("unauthorized", "another key", other.revoke, der, key=new_key())
    refused("unauthorized", "another account", other.revoke, der, 4,
            status=403)
    rig.do("set", crl_delay=3600)
    check(c.revoke(der, 4).body == b"", "by the account")
    check(reason_in(crl_of(rig, leaf, d), leaf) is None, "not yet in the CRL")
    rig.do("set", crl_delay=0.2)
    end = time.monotonic() + 10
    while reason_in(crl_of(rig, leaf, d), leaf) is None and \
            time.monotonic() < end:
        time.sleep(0.1)
    crl = crl_of(rig, leaf, d)
    check(reason_in(crl, leaf) == "superseded" and number_of(crl) >
          number_of(before) and ocsp_status(rig, leaf, issuer) == "REVOKED",
          "in the CRL")
    refused("alreadyRevoked", "twice", c.revoke, der, 4, status=400)
    rig.do("set", crl_delay=0)
    # by another account that proves control of all names
    _, pem, _ = c.obtain(["r2.example", "*.r2.example"], "dns-01",
                         rig.resp.place_dns)
    leaf = certs_of(pem)[0]
    for names, fine in ((["r2.example"], False), (["*.r2.example"], True)):
        other.solve(other.order(names)[1], "dns-01", rig.resp.place_dns)
        if fine:
            other.revoke(leaf.public_bytes(DER), 1)
        else:
            refused("unauthorized", "not for all names", other.revoke,
                    leaf.public_bytes(DER), 5)
    check(reason_in(crl_of(rig, leaf, d), leaf) ==
          "cessationOfOperation", "by another account")
    check_compromise(rig, c, other, d)


def check_compromise(rig, c, other, d):
    key, certs = new_key(), []
    for k, who in enumerate((c, other)):
        _, pem, _ = who.obtain(["k%d.example" % k], "http-01",
                               rig.resp.place_http, key)
        certs.append(certs_of(pem)[0])
    c.revoke(certs[0].public_bytes(DER), 0)
    rig.check(reason_in(crl_of(rig, certs[0], d), certs[0]) == "",
              "reason 0 has no entry")
    stranger = rig.client(register=False)
    stranger.revoke(certs[0].public_bytes(DER), 4, key=key)
    for leaf in certs:
        rig.check(reason_in(crl_of(rig, leaf, d), leaf) == "keyCompromise",
                  "all with that key")
    rig.refused("alreadyRevoked", "by key, twice", stranger.revoke,
                certs[0].public_bytes(DER), key=key)
    url, order = c.order(["k2.example"])
    c.solve(order, "http-01", rig.resp.place_http)
    rig.refused("badPublicKey", "the key is blocked", c.finalize, url, order,
                csr_for(["k2.example"], key))
    rig.refused("badPublicKey", "not even for an account", rig.client, key)


def cert_id(leaf):
    aki = leaf.extensions.get_extension_for_class(
        x509.AuthorityKeyIdentifier).value.key_identifier
    n = leaf.serial_number
    return b64(aki) + "." + b64(n.to_bytes(n.bit_length() // 8 + 1, "big"))


def window(c, leaf):
    a = c.get(c.dir["renewalInfo"] + "/" + cert_id(leaf))
    w = a.json()["suggestedWindow"]
    return [calendar.timegm(time.strptime(w[k], "%Y-%m-%dT%H:%M:%SZ"))
            for k in ("start", "end")], a


def check_ari(rig, c):
    check, refused, place = rig.check, rig.refused, rig.resp.place_http
    seen, good = set(), True
    while len(seen) < 2:                # with and without a leading zero
        _, pem, _ = c.obtain(["ari.example"], "http-01", place)
        leaf = certs_of(pem)[0]
        seen.add(leaf.serial_number.bit_length() % 8 == 0)
        (start, end), a = window(c, leaf)
        middle = calendar.timegm(leaf.not_valid_before.timetuple()) + \
            60 * 86400
        good &= start < middle < end and a.headers["Retry-After"] == "21600"
    check(good, "ARI window")
    refused("malformed", "no such certificate", c.get,
            c.dir["renewalInfo"] + "/AAAA.AAAA", status=404)
    refused("malformed", "without the zero", c.get, c.dir["renewalInfo"] +
            "/" + cert_id(leaf) + "=")
    rig.do("ari", name="ari.example", start="-7200", end="-3600",
           explanationURL="https://ca.example/why", retry_after=60)
    (start, end), a = window(c, leaf)
    check(end < time.time() and a.json()["explanationURL"] ==
          "https://ca.example/why" and a.headers["Retry-After"] == "60",
          "ARI window in the past")
    ident = cert_id(leaf)
    refused("malformed", "replaces: other names", c.order, ["b.example"],
            replaces=ident)
    refused("unauthorized", "replaces: other account", rig.client().order,
            ["ari.example"], replaces=ident)
    refused("malformed", "replaces: no such", c.order, ["ari.example"],
            replaces="AAAA.AAAA", status=404)
    url, order = c.order(["ari.example"], replaces=ident)
    check(order["replaces"] == ident, "replaces is told back")
    refused("alreadyReplaced", "replaces: twice", c.order, ["ari.example"],
            replaces=ident, status=409)
    c.post(order["authorizations"][0], {"status": "deactivated"})
    check(c.post(url).json()["status"] == "invalid" and c.order(
        ["ari.example"], replaces=ident)[1]["replaces"] == ident,
        "an invalid order replaces nothing")
    rig.do("ari")
    rig.do("revoke", name="ari.example", reason=1)
    check(window(c, leaf)[0][1] < time.time() and get(
        rig.admin + "/cert?name=ari.example")["revoked"]["by"] == "admin",
        "behind the account's back")


def check_all(rig, d):
    c = rig.client()
    check_chain(rig, c, d)
    check_orders(rig, c)
    check_revoke(rig, c, d)
    check_ari(rig, c)
