"""The keys and certificates of the CA, what it issues, and the SCTs that it
fetches for that (RFC 6962, 3).  With faults: certificates that are wrong."""
import base64
import datetime
import ipaddress
import json
import os
import struct
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import (AuthorityInformationAccessOID,
                                   ExtendedKeyUsageOID, NameOID)

PEM = serialization.Encoding.PEM
DER = serialization.Encoding.DER
SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
DV = x509.ObjectIdentifier("2.23.140.1.2.1")
# What may be wrong with a certificate, on request (fault wrong_cert).
WRONG = ("key", "names", "more_names", "expired", "future", "no_eku",
         "client_eku", "ca", "signature", "no_sct", "bad_sct", "no_crldp",
         "chain", "order", "alone", "html", "empty")


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME,
                                         "Rig ACME"),
                      x509.NameAttribute(NameOID.COMMON_NAME, text)])


def new_key(kind):
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP384R1() if kind == "p384" else
                                   ec.SECP256R1())


def write(path, data, mode=0o644):
    fd = os.open(path + ".tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "wb") as f:
        f.write(data)
    os.rename(path + ".tmp", path)


def key_file(path, kind):
    """The key in a file, made when it is not there."""
    if not os.path.exists(path):
        write(path, new_key(kind).private_bytes(
            PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()), 0o600)
    return serialization.load_pem_private_key(open(path, "rb").read(), None)


def usage(*bits):
    names = ("digital_signature", "content_commitment", "key_encipherment",
             "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{n: n in bits for n in names})


def ca_cert(path, subject, key, issuer=None, issuer_key=None, depth=None):
    """A CA's certificate in a file, made when it is not there."""
    if os.path.exists(path):
        return x509.load_pem_x509_certificate(open(path, "rb").read())
    b = x509.CertificateBuilder().subject_name(subject).issuer_name(
        issuer or subject).public_key(key.public_key()).serial_number(
        x509.random_serial_number()).not_valid_before(
        now() - datetime.timedelta(days=1)).not_valid_after(
        now() + datetime.timedelta(days=3650))
    b = b.add_extension(x509.BasicConstraints(True, depth), True)
    b = b.add_extension(usage("key_cert_sign", "crl_sign",
                              "digital_signature"), True)
    b = b.add_extension(x509.SubjectKeyIdentifier.from_public_key(
        key.public_key()), False)
    if issuer is not None:
        b = b.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                issuer_key.public_key()), False)
    cert = b.sign(issuer_key or key, hashes.SHA256())
    write(path, cert.public_bytes(PEM))
    return cert


def tls_pair(d):
    """Certificate and key files for the CA's own HTTPS, and who signed it."""
    key, root = key_file(d + "/tlsca.key", "p256"), d + "/tlsca.pem"
    ca = ca_cert(root, named("TLS root"), key)
    leaf = key_file(d + "/tls.key", "p256")
    if not os.path.exists(d + "/tls.pem"):
        b = x509.CertificateBuilder().subject_name(named("localhost"))
        b = b.issuer_name(ca.subject).public_key(leaf.public_key())
        b = b.serial_number(x509.random_serial_number()).not_valid_before(
            now() - datetime.timedelta(days=1)).not_valid_after(
            now() + datetime.timedelta(days=365))
        b = b.add_extension(x509.SubjectAlternativeName([
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        b = b.add_extension(x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.SERVER_AUTH]), False)
        b = b.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                key.public_key()), False)
        write(d + "/tls.pem", b.sign(key, hashes.SHA256()).public_bytes(PEM))
    return d + "/tls.pem", d + "/tls.key", root


def submit(log, chain, what="add-pre-chain"):
    """An SCT of a log as bytes of RFC 6962, 3.2."""
    body = json.dumps({"chain": [base64.b64encode(
        c.public_bytes(DER)).decode() for c in chain]}).encode()
    r = urllib.request.Request(log.rstrip("/") + "/ct/v1/" + what, body,
                               {"Content-Type": "application/json"})
    with urllib.request.urlopen(r, timeout=10) as a:
        j = json.loads(a.read())
    ext = base64.b64decode(j["extensions"])
    return bytes([j["sct_version"]]) + base64.b64decode(j["id"]) + \
        struct.pack(">QH", j["timestamp"], len(ext)) + ext + \
        base64.b64decode(j["signature"])


def sct_extension(scts):
    body = b"".join(struct.pack(">H", len(s)) + s for s in scts)
    body = struct.pack(">H", len(body)) + body
    n = len(body)                       # an OCTET STRING
    head = bytes([4, n]) if n < 128 else bytes([4, 0x81, n]) if n < 256 \
        else bytes([4, 0x82]) + struct.pack(">H", n)
    return x509.UnrecognizedExtension(SCT_LIST, head + body)


def break_signature(cert):
    raw = bytearray(cert.public_bytes(DER))
    raw[-1] ^= 1
    return x509.load_der_x509_certificate(bytes(raw))


class Authority:
    """Roots, the intermediate, and one certificate of the latter by each
    root: chain 0 and its alternates."""

    def __init__(self, d, kind, alternates):
        self.key = key_file(d + "/int.key", kind)
        self.chains, subject = [], named("Rig ACME E1")
        for i in range(alternates + 1):
            key = key_file("%s/root-%d.key" % (d, i), kind)
            root = ca_cert("%s/root-%d.pem" % (d, i),
                           named("Rig ACME Root %d" % i), key)
            path = "%s/int%s.pem" % (d, "-%d" % i if i else "")
            self.chains.append((ca_cert(path, subject, self.key,
                                        root.subject, key, 0), root))
        self.cert = self.chains[0][0]
        self.ski = self.cert.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier).value.digest
        self.stray = new_key("p256")

    def build(self, want, wrong):
        """The builder of a certificate, without poison and SCTs.  WANT: key,
        identifiers, cn, serial, start, end, crl, aia, ocsp."""
        ids = want["identifiers"]
        ids = ids[:-1] or [dict(type="dns", value="wrong.example")] \
            if wrong == "names" else ids
        if wrong == "more_names":
            ids = ids + [dict(type="dns", value="more.example")]
        names = [x509.DNSName(i["value"]) if i["type"] == "dns" else
                 x509.IPAddress(ipaddress.ip_address(i["value"]))
                 for i in ids]
        cn = [i["value"] for i in ids if i["type"] == "dns" and
              len(i["value"]) <= 64][:1] if want["cn"] else []
        start, end = want["start"], want["end"]
        shift = {"expired": start - end, "future": end - start}.get(
            wrong, datetime.timedelta(0))
        key = want["key"] if wrong != "key" else self.stray.public_key()
        b = x509.CertificateBuilder().subject_name(x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, c) for c in cn]))
        b = b.issuer_name(self.cert.subject).public_key(key)
        b = b.serial_number(want["serial"]).not_valid_before(start + shift)
        b = b.not_valid_after(end + shift)
        bits = ["digital_signature"]
        if isinstance(key, rsa.RSAPublicKey):
            bits.append("key_encipherment")
        b = b.add_extension(usage(*bits), True)
        eku = {"client_eku": [ExtendedKeyUsageOID.CLIENT_AUTH],
               "no_eku": []}.get(wrong, [ExtendedKeyUsageOID.SERVER_AUTH])
        if eku:
            b = b.add_extension(x509.ExtendedKeyUsage(eku), False)
        b = b.add_extension(x509.BasicConstraints(wrong == "ca", None), True)
        b = b.add_extension(x509.AuthorityKeyIdentifier(
            self.ski, None, None), False)
        access = [x509.AccessDescription(o, x509.UniformResourceIdentifier(u))
                  for o, u in ((AuthorityInformationAccessOID.OCSP,
                                want["ocsp"]),
                               (AuthorityInformationAccessOID.CA_ISSUERS,
                                want["aia"])) if u]
        b = b.add_extension(x509.AuthorityInformationAccess(access), False)
        b = b.add_extension(x509.SubjectAlternativeName(names), not cn)
        b = b.add_extension(x509.CertificatePolicies(
            [x509.PolicyInformation(DV, None)]), False)
        if want["crl"] and wrong != "no_crldp":
            b = b.add_extension(x509.CRLDistributionPoints([
                x509.DistributionPoint([x509.UniformResourceIdentifier(
                    want["crl"])], None, None, None)]), False)
        return b

    def issue(self, want, logs, final_submit=False, wrong=None):
        """(certificate, precertificate or None, [SCT bytes])"""
        b, pre, scts = self.build(want, wrong), None, []
        chain = list(self.chains[0])
        if logs and wrong != "no_sct":
            pre = b.add_extension(x509.PrecertPoison(), True).sign(
                self.key, hashes.SHA256())
            scts = [submit(log, [pre] + chain) for log in logs]
            if wrong == "bad_sct":
                scts[0] = scts[0][:-1] + bytes([scts[0][-1] ^ 1])
            b = b.add_extension(sct_extension(scts), False)
        cert = b.sign(self.key, hashes.SHA256())
        if final_submit:
            for log in logs:
                submit(log, [cert] + chain, "add-chain")
        if wrong == "signature":
            cert = break_signature(cert)
        return cert, pre, scts

    def pem_chain(self, cert, alternate, wrong=None):
        """What the certificate resource serves; None: no such chain."""
        if not 0 <= alternate < len(self.chains):
            return None
        if wrong == "html":
            return b"<!DOCTYPE html><title>Hello</title>\n"
        certs = [cert, self.chains[alternate][0]]
        if alternate:
            certs.append(self.chains[alternate][1])
        if wrong == "chain":
            other = x509.CertificateBuilder().subject_name(
                named("Other")).issuer_name(named("Other")).public_key(
                self.stray.public_key()).serial_number(7).not_valid_before(
                now()).not_valid_after(now() + datetime.timedelta(9)).sign(
                self.stray, hashes.SHA256())
            certs = [cert, other]
        elif wrong == "order":
            certs.reverse()
        elif wrong == "alone":
            certs = [cert]
        elif wrong == "empty":
            certs = []
        return b"\n".join(c.public_bytes(PEM) for c in certs)
