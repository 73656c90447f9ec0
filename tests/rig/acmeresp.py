"""The other end of challenges, for checks: answers http-01 and tls-alpn-01
on free ports of 127.0.0.1 and writes the TXT records of dnsd.py's zone."""
import datetime
import hashlib
import http.server
import ipaddress
import os
import socket
import ssl
import tempfile
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from acmeclient import b64, new_key

PEM = serialization.Encoding.PEM


class Http(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        token = self.path.rsplit("/", 1)[-1]
        r = self.server.owner
        with r.lock:
            r.hits.append(self.path)
            if len(r.hits) in r.misses:
                token = ""
        if token in r.redirects:
            self.send_response(302)
            self.send_header("Location", r.redirects[token])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = r.tokens.get(token, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address


def alpn_cert(identifier, authz, critical=True, extra=()):
    """(certificate, key) in PEM, as RFC 8737, 3 wants it."""
    key, now = new_key(), datetime.datetime.utcnow()
    name = x509.IPAddress(ipaddress.ip_address(identifier["value"])) \
        if identifier["type"] == "ip" else x509.DNSName(identifier["value"])
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME,
                                            "challenge")])
    b = x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
    b = b.public_key(key.public_key()).serial_number(1)
    b = b.not_valid_before(now - datetime.timedelta(days=1))
    b = b.not_valid_after(now + datetime.timedelta(days=1))
    b = b.add_extension(x509.SubjectAlternativeName(
        [name] + [x509.DNSName(n) for n in extra]), False)
    b = b.add_extension(x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31"),
        b"\x04\x20" + hashlib.sha256(authz.encode()).digest()), critical)
    return b.sign(key, hashes.SHA256()).public_bytes(PEM), key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Responder:
    def __init__(self, zone=None):
        self.tokens, self.redirects, self.hits = {}, {}, []
        self.misses = set()             # of the hits, which get a 404
        self.contexts, self.zone, self.lock = {}, zone, threading.Lock()
        s = HttpServer(("127.0.0.1", 0), Http)
        s.owner, self.http_port = self, s.server_port
        threading.Thread(target=s.serve_forever, daemon=True).start()
        self.tls = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.tls_port = self.tls.getsockname()[1]
        threading.Thread(target=self.serve_tls, daemon=True).start()
        if zone and not os.path.exists(zone):
            open(zone, "w").close()

    def serve_tls(self):
        while True:
            c, _ = self.tls.accept()
            threading.Thread(target=self.greet, args=(c,),
                             daemon=True).start()

    def greet(self, c):
        first = next(iter(self.contexts.values()), None)
        if first is None:
            c.close()
            return
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.set_alpn_protocols(["acme-tls/1"])

        def pick(sock, name, _):
            if name not in self.contexts:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            sock.context = self.contexts[name]
            return None

        ctx.sni_callback = pick
        try:
            c.settimeout(5)
            with ctx.wrap_socket(c, server_side=True) as t:
                t.recv(1)
        except OSError:
            pass

    def set_alpn(self, name, cert, key):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.set_alpn_protocols(["acme-tls/1"])
        with tempfile.NamedTemporaryFile() as f:
            f.write(cert + key)
            f.flush()
            ctx.load_cert_chain(f.name)
        self.contexts[name] = ctx

    def record(self, name, text):
        with self.lock, open(self.zone, "a") as f:
            print("%s 1 TXT \"%s\"" % (name, text), file=f)

    # what Client.solve calls; C is the challenge

    def place_http(self, client, identifier, c):
        self.tokens[c["token"]] = client.key_authz(c["token"])

    def place_alpn(self, client, identifier, c):
        name = identifier["value"]
        if identifier["type"] == "ip":
            name = ipaddress.ip_address(name).reverse_pointer
        self.set_alpn(name, *alpn_cert(identifier,
                                       client.key_authz(c["token"])))

    def place_dns(self, client, identifier, c):
        self.record("_acme-challenge." + identifier["value"], b64(
            hashlib.sha256(client.key_authz(c["token"]).encode()).digest()))
