"""JWS and JWK as ACME wants them (RFC 8555, 6; RFC 7515, 7517, 7518, 7638),
strictly, and the problem documents that refuse what is not so (RFC 7807)."""
import base64
import binascii
import hashlib
import hmac
import json
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

CURVES = {"P-256": (ec.SECP256R1, 32, "ES256", hashes.SHA256),
          "P-384": (ec.SECP384R1, 48, "ES384", hashes.SHA384)}
ALGS = ["RS256", "ES256", "ES384"]
MACS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384,
        "HS512": hashlib.sha512}
RSA_BITS = (2048, 3072, 4096)
STATUS = {"accountDoesNotExist": 400, "alreadyReplaced": 409, "caa": 403,
          "externalAccountRequired": 403, "orderNotReady": 403,
          "rateLimited": 429, "rejectedIdentifier": 403,
          "serverInternal": 500, "unauthorized": 403,
          "userActionRequired": 403}
URN = "urn:ietf:params:acme:error:"


class Problem(Exception):
    """An ACME error (RFC 8555, 6.7) that is to be the answer."""

    def __init__(self, kind, detail, status=None, headers=None, **more):
        super().__init__(detail)
        self.kind, self.detail, self.more = kind, detail, more
        self.status = status or STATUS.get(kind, 400)
        self.headers = headers or {}

    def document(self, identifier=None):
        out = {"type": URN + self.kind, "detail": self.detail,
               "status": self.status}
        if identifier is not None:
            out["identifier"] = identifier
        out.update(self.more)
        return out


def malformed(detail, status=400):
    return Problem("malformed", detail, status)


def b64u(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64u(text, what):
    """Base64url without padding, and nothing but that (RFC 7515, 2)."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise malformed("%s: is no base64url without padding" % what)
    try:
        out = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise malformed("%s: base64url is cut short" % what) from None
    if b64u(out) != text:
        raise malformed("%s: base64url is not canonical" % what)
    return out


def no_twins(pairs):
    out = {}
    for key, value in pairs:
        if key in out:
            raise malformed("JSON: \"%s\" is there twice" % key)
        out[key] = value
    return out


def read_json(data, what):
    """A JSON object without duplicate names."""
    try:
        out = json.loads(data.decode(), object_pairs_hook=no_twins)
    except (ValueError, RecursionError):
        raise malformed("%s: is no JSON" % what) from None
    if not isinstance(out, dict):
        raise malformed("%s: is no JSON object" % what)
    return out


def spki(key):
    return key.public_bytes(serialization.Encoding.DER,
                            serialization.PublicFormat.SubjectPublicKeyInfo)


def number(jwk, name, width=None):
    """An unsigned big-endian integer: minimal, or of this width."""
    raw = unb64u(jwk.get(name), "jwk: " + name)
    if width is not None and len(raw) != width:
        raise Problem("badPublicKey", "jwk: %s has %d octets, must have %d "
                      "(RFC 7518, 6.2.1)" % (name, len(raw), width))
    if width is None and (not raw or raw[0] == 0):
        raise Problem("badPublicKey", "jwk: %s is not minimal (RFC 7518, 2)"
                      % name)
    return int.from_bytes(raw, "big")


def key_of(jwk):
    """The public key of a JWK."""
    if not isinstance(jwk, dict):
        raise malformed("jwk: is no object")
    if any(name in jwk for name in ("d", "p", "q", "k")):
        raise Problem("badPublicKey", "jwk: holds a private key")
    try:
        if jwk.get("kty") == "EC" and jwk.get("crv") in CURVES:
            curve, width = CURVES[jwk["crv"]][:2]
            return ec.EllipticCurvePublicNumbers(
                number(jwk, "x", width), number(jwk, "y", width),
                curve()).public_key()
        if jwk.get("kty") == "RSA":
            n, e = number(jwk, "n"), number(jwk, "e")
            if n.bit_length() not in RSA_BITS or e != 65537:
                raise Problem("badPublicKey", "jwk: RSA of %d bits with "
                              "exponent %d" % (n.bit_length(), e))
            return rsa.RSAPublicNumbers(e, n).public_key()
    except ValueError as why:
        raise Problem("badPublicKey", "jwk: %s" % why) from None
    raise Problem("badPublicKey", "jwk: kty %r, crv %r is not accepted"
                  % (jwk.get("kty"), jwk.get("crv")))


def jwk_of(key):
    """The required members of a public key's JWK (RFC 7638, 3.2)."""
    def octets(n, width=None):
        return b64u(n.to_bytes(width or (n.bit_length() + 7) // 8, "big"))

    num = key.public_numbers()
    if isinstance(key, rsa.RSAPublicKey):
        return {"e": octets(num.e), "kty": "RSA", "n": octets(num.n)}
    for crv, (curve, width, _, _) in CURVES.items():
        if isinstance(key.curve, curve):
            return {"crv": crv, "kty": "EC", "x": octets(num.x, width),
                    "y": octets(num.y, width)}
    raise Problem("badPublicKey", "curve %s" % key.curve.name)


def thumbprint(key):
    text = json.dumps(jwk_of(key), sort_keys=True, separators=(",", ":"))
    return b64u(hashlib.sha256(text.encode()).digest())


def alg_of(key):
    if isinstance(key, rsa.RSAPublicKey):
        return "RS256"
    return CURVES[jwk_of(key)["crv"]][2]


def check_signature(alg, key, data, sig):
    if alg != alg_of(key):
        raise malformed("alg %s is not that of the key" % alg)
    try:
        if alg == "RS256":
            key.verify(sig, data, padding.PKCS1v15(), hashes.SHA256())
            return
        _, width, _, digest = CURVES[jwk_of(key)["crv"]]
        if len(sig) != 2 * width:
            raise malformed("signature: %d octets, must be %d: r and s of "
                            "fixed width (RFC 7518, 3.4)"
                            % (len(sig), 2 * width))
        key.verify(utils.encode_dss_signature(
            int.from_bytes(sig[:width], "big"),
            int.from_bytes(sig[width:], "big")), data, ec.ECDSA(digest()))
    except InvalidSignature:
        raise malformed("signature: does not verify") from None


class Jws:
    """A flattened JWS, taken apart; nothing in it is verified yet."""

    def __init__(self, obj, what="JWS"):
        if set(obj) != {"protected", "payload", "signature"}:
            raise malformed("%s: members must be protected, payload and "
                            "signature" % what)
        self.header = read_json(unb64u(obj["protected"], "protected"),
                                "protected")
        self.payload = unb64u(obj["payload"], "payload")
        self.sig = unb64u(obj["signature"], "signature")
        self.data = ("%s.%s" % (obj["protected"], obj["payload"])).encode()
        self.alg, self.url = self.header.get("alg"), self.header.get("url")
        for name in ("crit", "b64"):
            if name in self.header:
                raise malformed("protected: %s is not understood" % name)

    def check_alg(self, algs=tuple(ALGS)):
        if self.alg not in algs:
            raise Problem("badSignatureAlgorithm", "alg %r is not accepted"
                          % self.alg, algorithms=list(algs))

    def verify(self, key):
        self.check_alg()
        check_signature(self.alg, key, self.data, self.sig)

    def verify_mac(self, secret):
        self.check_alg(tuple(MACS))
        want = hmac.new(secret, self.data, MACS[self.alg]).digest()
        if not hmac.compare_digest(want, self.sig):
            raise Problem("unauthorized", "externalAccountBinding: the MAC "
                          "is not that of kid %s" % self.header.get("kid"))

    def object(self, what="payload"):
        return read_json(self.payload, what)
