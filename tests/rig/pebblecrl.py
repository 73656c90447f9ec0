#!/usr/bin/env python3
"""A CRL for what Debian's pebble issued, signed with pebble's own
intermediate key, which its management port hands out.

usage: pebblecrl.py --management https://127.0.0.1:P --tls-ca FILE --out FILE
           [--cert PEM]... [--serial HEX]... [--revoke HEX:REASON]...
           [--url URL] [--hours 24] [--pem] [--issuer-out FILE]

Of each certificate and serial pebble is asked whether it is revoked; with
--revoke a serial is, whatever pebble says.  --url goes into a critical
issuing distribution point.  The CRL number is the time in milliseconds.
Prints {"number","revoked":{SERIAL:REASON},"issuer_serial"}."""
import argparse
import datetime
import json
import ssl
import time
import urllib.error
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from acmelib.pki import DER, PEM, write
from acmelib.revoked import REASONS


class Management:
    def __init__(self, url, tls_ca):
        self.url = url.rstrip("/")
        self.ctx = ssl.create_default_context(cafile=tls_ca)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10,
                                    context=self.ctx) as a:
            return a.read()

    def issuer(self):
        cert = x509.load_pem_x509_certificate(self.get("/intermediates/0"))
        key = serialization.load_pem_private_key(
            self.get("/intermediate-keys/0"), None)
        return cert, key

    def revoked(self, serial):
        """(seconds, reason) of a serial, or None."""
        text = "%x" % serial
        try:
            j = json.loads(self.get("/cert-status-by-serial/" + text))
        except urllib.error.HTTPError as why:
            raise SystemExit("pebblecrl: serial %s: pebble says %d" % (
                text, why.code)) from None
        if j["Status"] != "Revoked":
            return None
        return time.time(), int(j.get("Reason") or 0)


def build(cert, key, revoked, url, hours):
    """(CRL, its number)"""
    now, number = datetime.datetime.utcnow(), int(time.time() * 1000)
    b = x509.CertificateRevocationListBuilder().issuer_name(cert.subject)
    b = b.last_update(now).next_update(
        now + datetime.timedelta(hours=hours))
    b = b.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
            cert.extensions.get_extension_for_class(
                x509.SubjectKeyIdentifier).value), False)
    b = b.add_extension(x509.CRLNumber(number), False)
    if url:
        b = b.add_extension(x509.IssuingDistributionPoint(
            [x509.UniformResourceIdentifier(url)], None, True, False, None,
            False, False), True)
    for serial, (when, reason) in sorted(revoked.items()):
        r = x509.RevokedCertificateBuilder().serial_number(
            serial).revocation_date(datetime.datetime.utcfromtimestamp(
                int(when)))
        if REASONS.get(reason) is not None:
            r = r.add_extension(x509.CRLReason(REASONS[reason]), False)
        b = b.add_revoked_certificate(r.build())
    return b.sign(key, hashes.SHA256()), number


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--management", required=True)
    p.add_argument("--tls-ca", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--cert", action="append", default=[])
    p.add_argument("--serial", action="append", default=[])
    p.add_argument("--revoke", action="append", default=[])
    p.add_argument("--url")
    p.add_argument("--hours", type=float, default=24)
    p.add_argument("--pem", action="store_true")
    p.add_argument("--issuer-out")
    o = p.parse_args()
    m = Management(o.management, o.tls_ca)
    cert, key = m.issuer()
    serials = [int(s, 16) for s in o.serial]
    for path in o.cert:
        serials.append(x509.load_pem_x509_certificate(
            open(path, "rb").read()).serial_number)
    revoked = {s: r for s in serials for r in [m.revoked(s)] if r}
    for r in o.revoke:
        serial, _, reason = r.partition(":")
        revoked[int(serial, 16)] = (time.time(), int(reason or 0))
    crl, number = build(cert, key, revoked, o.url, o.hours)
    write(o.out, crl.public_bytes(PEM if o.pem else DER))
    if o.issuer_out:
        write(o.issuer_out, cert.public_bytes(PEM))
    print(json.dumps({"number": number, "issuer_serial":
                      "%x" % cert.serial_number, "revoked": {
                          "%x" % s: r[1] for s, r in revoked.items()}}))


if __name__ == "__main__":
    main()
