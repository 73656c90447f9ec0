"""A minimal ACME client, which shares no code with the CA of the rig and
none with the product: JWS by python3-cryptography, HTTP by http.client."""
import base64
import hashlib
import hmac
import http.client
import ipaddress
import json
import ssl
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import NameOID

DER = serialization.Encoding.DER
URN = "urn:ietf:params:acme:error:"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def octets(n, width):
    return b64(n.to_bytes(width, "big"))


def jwk(key):
    n = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        return {"kty": "RSA", "e": octets(n.e, 3),
                "n": octets(n.n, key.key_size // 8)}
    width = key.curve.key_size // 8
    return {"kty": "EC", "crv": "P-%d" % key.curve.key_size,
            "x": octets(n.x, width), "y": octets(n.y, width)}


def alg(key):
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else \
        "ES%d" % key.curve.key_size


def sign(key, data):
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    width = key.curve.key_size // 8
    digest = hashes.SHA256() if width == 32 else hashes.SHA384()
    r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def jws(key, header, payload):
    """Flattened; PAYLOAD is an object, or "" for POST-as-GET."""
    p = b64(json.dumps(header).encode())
    body = "" if payload == "" else b64(json.dumps(payload).encode())
    return {"protected": p, "payload": body,
            "signature": b64(sign(key, ("%s.%s" % (p, body)).encode()))}


class Refused(Exception):
    """A problem document."""

    def __init__(self, answer):
        try:
            self.doc = json.loads(answer.body)
        except ValueError:
            self.doc = {"type": "none", "detail": repr(answer.body[:80])}
        super().__init__("%d %s" % (answer.status, self.doc))
        self.status, self.headers = answer.status, answer.headers
        self.kind = self.doc.get("type", "").replace(URN, "")


class Answer:
    def __init__(self, r):
        self.status, self.headers, self.body = r.status, r.headers, r.read()

    def json(self):
        return json.loads(self.body)


class Client:
    """One account; every request by a connection of its own, unless KEEP."""

    def __init__(self, directory, tls_ca=None, key=None, keep=True):
        self.dir_url, self.tls_ca = directory, tls_ca
        self.ctx = ssl.create_default_context(cafile=tls_ca) \
            if tls_ca else None
        self.key, self.kid, self.nonces = key or new_key(), None, []
        self.conns, self.keep, self.retried = {}, keep, 0
        self.dir = self.get(directory).json()

    def request(self, method, url, body=None, headers=None):
        u = urllib.parse.urlsplit(url)
        where = (u.scheme, u.netloc)
        c = self.conns.pop(where, None)
        if c is None:
            c = http.client.HTTPConnection(u.netloc, timeout=15) \
                if u.scheme == "http" else http.client.HTTPSConnection(
                    u.netloc, timeout=15, context=self.ctx)
        path = u.path + ("?" + u.query if u.query else "")
        c.request(method, path, body, dict(
            {"User-Agent": "rig-client"}, **(headers or {})))
        a = Answer(c.getresponse())
        if self.keep:
            self.conns[where] = c
        else:
            c.close()
        if a.headers.get("Replay-Nonce"):
            self.nonces.append(a.headers["Replay-Nonce"])
        return a

    def get(self, url):
        a = self.request("GET", url)
        if a.status >= 400:
            raise Refused(a)
        return a

    def nonce(self):
        if not self.nonces:
            self.request("HEAD", self.dir["newNonce"])
        return self.nonces.pop()

    def raw(self, url, body, ctype="application/jose+json"):
        return self.request("POST", url, body if isinstance(
            body, (str, bytes)) else json.dumps(body),
            {"Content-Type": ctype})

    def post(self, url, payload="", key=None, tries=60, **header):
        """A signed request; badNonce is tried again.  With KEY, by jwk."""
        signer = key or self.key
        for _ in range(tries):
            h = dict({"alg": alg(signer), "nonce": self.nonce(), "url": url},
                     **({"jwk": jwk(signer)} if key or self.kid is None
                        else {"kid": self.kid}), **header)
            a = self.raw(url, jws(signer, h, payload))
            if a.status < 400:
                return a
            why = Refused(a)
            if why.kind != "badNonce":
                break
            self.retried += 1
        raise why

    def register(self, eab=None, **more):
        payload = dict({"termsOfServiceAgreed": True,
                        "contact": ["mailto:ops@rig.example"]}, **more)
        url = self.dir["newAccount"]
        if eab:
            kid, secret = eab
            p = b64(json.dumps({"alg": "HS256", "kid": kid,
                                "url": url}).encode())
            body = b64(json.dumps(jwk(self.key)).encode())
            payload["externalAccountBinding"] = {
                "protected": p, "payload": body, "signature": b64(hmac.new(
                    secret, ("%s.%s" % (p, body)).encode(),
                    hashlib.sha256).digest())}
        a = self.post(url, payload, key=self.key)
        self.kid = a.headers["Location"]
        return a

    def rollover(self, new):
        url = self.dir["keyChange"]
        inner = jws(new, {"alg": alg(new), "jwk": jwk(new), "url": url},
                    {"account": self.kid, "oldKey": jwk(self.key)})
        a = self.post(url, inner)
        self.key = new
        return a

    def thumbprint(self):
        text = json.dumps(jwk(self.key), sort_keys=True,
                          separators=(",", ":"))
        return b64(hashlib.sha256(text.encode()).digest())

    def key_authz(self, token):
        return token + "." + self.thumbprint()

    def order(self, names, **more):
        """(URL, order)"""
        ids = [{"type": kind_of(n), "value": n} for n in names]
        a = self.post(self.dir["newOrder"], dict(identifiers=ids, **more))
        return a.headers["Location"], a.json()

    def wait(self, url, until, seconds=10):
        """Poll until the status is one of these."""
        end = time.monotonic() + seconds
        while True:
            obj = self.post(url).json()
            if obj["status"] in until or time.monotonic() > end:
                return obj
            time.sleep(0.03)

    def solve(self, order, kind, place):
        """Meet every pending authorization; returns them."""
        out = []
        for url in order["authorizations"]:
            a = self.post(url).json()
            if a["status"] == "pending":
                c = next(c for c in a["challenges"] if c["type"] == kind)
                place(self, a["identifier"], c)
                self.post(c["url"], {})
            out.append(url)
        return [self.wait(u, ("valid", "invalid")) for u in out]

    def finalize(self, url, order, csr):
        self.post(order["finalize"], {"csr": b64(csr)})
        return self.wait(url, ("valid", "invalid"))

    def obtain(self, names, kind, place, key=None, **more):
        """(order, PEM chain, key) of a whole issuance."""
        key = key or new_key()
        url, order = self.order(names, **more)
        if order["status"] == "pending":
            self.solve(order, kind, place)
            order = self.wait(url, ("ready", "invalid"))
        if order["status"] == "ready":
            order = self.finalize(url, order, csr_for(names, key))
        if order["status"] != "valid":
            return order, None, key
        return order, self.post(order["certificate"]).body, key

    def revoke(self, der, reason=None, key=None):
        payload = {"certificate": b64(der)}
        if reason is not None:
            payload["reason"] = reason
        return self.post(self.dir["revokeCert"], payload, key=key)


def kind_of(name):
    try:
        ipaddress.ip_address(name)
        return "ip"
    except ValueError:
        return "dns"


def csr_for(names, key, cn=None):
    b = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn else []))
    b = b.add_extension(x509.SubjectAlternativeName([
        x509.DNSName(n) if kind_of(n) == "dns" else
        x509.IPAddress(ipaddress.ip_address(n)) for n in names]), False)
    return b.sign(key, hashes.SHA256()).public_bytes(DER)


def certs_of(pem):
    """The certificates of a PEM chain."""
    end = b"-----END CERTIFICATE-----"
    return [x509.load_pem_x509_certificate(p + end + b"\n")
            for p in pem.split(end)[:-1]]
