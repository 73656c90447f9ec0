#!/usr/bin/env python3
"""A CRL for what Debian's pebble issued, signed with pebble's own
intermediate key, which its management port hands out.

usage: pebblecrl.py --management https://localhost:P --tls-ca FILE
           (--out FILE | --serve [--port P])
           [--cert PEM]... [--serial HEX]... [--revoke HEX:REASON]...
           [--url URL] [--hours 24] [--pem] [--issuer-out FILE]

Of each certificate and serial pebble is asked whether it is revoked; with
--revoke a serial is, whatever pebble says.  --url goes into a critical
issuing distribution point.  The CRL number is the time in milliseconds.
Prints {"number","revoked":{SERIAL:REASON},"issuer_serial"}.

--serve answers over HTTP what pebble says at that moment: OCSP at /ocsp, the
CRL at /crl, the issuer at /issuer.der.  The CRL is about the serials that were
given, asked for by OCSP, or told by POST /_rig/serial?serial=HEX (&reason=N:
revoked, whatever pebble says).  Prints {"port":N}."""
import argparse
import datetime
import http.server
import json
import os
import signal
import ssl
import time
import types
import urllib.error
import urllib.parse
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from acmelib.pki import DER, PEM, write
from acmelib.revoked import REASONS, ocsp_answer, ocsp_request


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

    def ask(self, serial):
        """(certificate, (seconds, reason) when it is revoked, else None);
        None: pebble does not know it."""
        try:
            j = json.loads(self.get("/cert-status-by-serial/%x" % serial))
        except urllib.error.HTTPError:
            return None
        cert = x509.load_pem_x509_certificate(j["Certificate"].encode())
        if j["Status"] != "Revoked":
            return cert, None
        # "2026-01-31 12:00:00.123 +0000 UTC"
        when = datetime.datetime.strptime(
            j["RevokedAt"][:19] + "+0000", "%Y-%m-%d %H:%M:%S%z")
        return cert, (when.timestamp(), int(j.get("Reason") or 0))

    def revoked(self, serial):
        """(seconds, reason) of a serial, or None."""
        found = self.ask(serial)
        if found is None:
            raise SystemExit("pebblecrl: serial %x: pebble does not know it"
                             % serial)
        return found[1]


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


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def revoked(self, serial):
        """What the server was told, else what pebble says."""
        s = self.server
        if serial in s.told:
            return s.told[serial]
        return (s.management.ask(serial) or (None, None))[1]

    def find(self, serial):
        s = self.server
        found = s.management.ask(serial)
        if found is None:
            return None
        s.serials.add(serial)
        return types.SimpleNamespace(cert=found[0],
                                     revoked=self.revoked(serial))

    def do_GET(self):
        s, body = self.server, self.rfile.read(int(self.headers.get(
            "Content-Length") or 0))
        u = urllib.parse.urlsplit(self.path)
        args = dict(urllib.parse.parse_qsl(u.query))
        status, ctype, out = 200, "application/pkix-crl", b""
        if u.path == "/crl":
            revoked = {n: r for n in list(s.serials)
                       for r in [self.revoked(n)] if r}
            out = build(s.authority.cert, s.authority.key, revoked, s.o.url,
                        s.o.hours)[0].public_bytes(DER)
        elif u.path == "/ocsp" or u.path.startswith("/ocsp/"):
            ctype = "application/ocsp-response"
            out = ocsp_answer(s.authority, ocsp_request(
                self.command, self.path, body), self.find)
        elif u.path == "/issuer.der":
            ctype, out = "application/pkix-cert", \
                s.authority.cert.public_bytes(DER)
        elif u.path == "/_rig/serial":
            ctype, out = "application/json", b"{}"
            serial = int(args["serial"], 16)
            s.serials.add(serial)
            if "reason" in args:
                s.told[serial] = (time.time(), int(args["reason"]))
        else:
            status = 404
        self.send_response(status)
        self.send_header("Content-Type", ctype)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    do_POST = do_GET


def serve(o, m, serials, told):
    s = http.server.ThreadingHTTPServer(("127.0.0.1", o.port), Handler)
    s.daemon_threads, s.o, s.management = True, o, m
    s.serials, s.told = set(serials) | set(told), told
    cert, key = m.issuer()
    s.authority = types.SimpleNamespace(cert=cert, key=key)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(json.dumps({"port": s.server_port}), flush=True)
    s.serve_forever()


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--management", required=True)
    p.add_argument("--tls-ca", required=True)
    p.add_argument("--out")
    p.add_argument("--serve", action="store_true")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--cert", action="append", default=[])
    p.add_argument("--serial", action="append", default=[])
    p.add_argument("--revoke", action="append", default=[])
    p.add_argument("--url")
    p.add_argument("--hours", type=float, default=24)
    p.add_argument("--pem", action="store_true")
    p.add_argument("--issuer-out")
    o = p.parse_args()
    if bool(o.out) == o.serve:
        p.error("needs --out or --serve")
    return o


def main():
    o = options()
    m = Management(o.management, o.tls_ca)
    serials = [int(s, 16) for s in o.serial]
    for path in o.cert:
        serials.append(x509.load_pem_x509_certificate(
            open(path, "rb").read()).serial_number)
    told = {}
    for r in o.revoke:
        serial, _, reason = r.partition(":")
        told[int(serial, 16)] = (time.time(), int(reason or 0))
    if o.serve:
        serve(o, m, serials, told)
    cert, key = m.issuer()
    revoked = {s: r for s in serials for r in [m.revoked(s)] if r}
    revoked.update(told)
    crl, number = build(cert, key, revoked, o.url, o.hours)
    write(o.out, crl.public_bytes(PEM if o.pem else DER))
    if o.issuer_out:
        write(o.issuer_out, cert.public_bytes(PEM))
    print(json.dumps({"number": number, "issuer_serial":
                      "%x" % cert.serial_number, "revoked": {
                          "%x" % s: r[1] for s, r in revoked.items()}}))


if __name__ == "__main__":
    main()
