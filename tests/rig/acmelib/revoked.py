"""CRLs in shards and OCSP answers (RFC 5280, 5; RFC 6960) of what was
issued.  A revocation is in the CRL so many seconds after it was made."""
import base64
import datetime
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp

from .pki import DER, now

REASONS = {0: None, 1: x509.ReasonFlags.key_compromise,
           2: x509.ReasonFlags.ca_compromise,
           3: x509.ReasonFlags.affiliation_changed,
           4: x509.ReasonFlags.superseded,
           5: x509.ReasonFlags.cessation_of_operation,
           6: x509.ReasonFlags.certificate_hold,
           8: x509.ReasonFlags.remove_from_crl,
           9: x509.ReasonFlags.privilege_withdrawn,
           10: x509.ReasonFlags.aa_compromise}


def stamp(seconds):
    return datetime.datetime.utcfromtimestamp(int(seconds))


class Lists:
    """The CRLs of one CA; a CRL stays as it is until it must change."""

    def __init__(self, authority):
        self.authority, self.made = authority, {}

    def crl(self, k, url, certs, opts):
        """DER of shard K.  CERTS: those of the shard; OPTS: delay, seconds
        of validity, time, and what is left out or told wrongly."""
        entries = {}
        for c in certs:
            if c.revoked is not None and not c.serial == opts["drop"] and \
                    c.revoked[0] + opts["delay"] <= opts["time"]:
                entries[c.serial] = (int(c.revoked[0]), c.revoked[1]
                                     if opts["reason"] is None
                                     else opts["reason"])
        old = self.made.get(k)
        if old and old["entries"] == entries and \
                opts["time"] < old["time"] + opts["seconds"] / 2:
            return old["der"]
        number = max(int(opts["time"] * 1000), old["number"] + 1 if old
                     else 0)
        b = x509.CertificateRevocationListBuilder().issuer_name(
            self.authority.cert.subject)
        b = b.last_update(stamp(opts["time"])).next_update(
            stamp(opts["time"] + opts["seconds"]))
        b = b.add_extension(x509.AuthorityKeyIdentifier(
            self.authority.ski, None, None), False)
        b = b.add_extension(x509.CRLNumber(number), False)
        b = b.add_extension(x509.IssuingDistributionPoint(
            [x509.UniformResourceIdentifier(url)], None, True, False, None,
            False, False), True)
        for serial, (when, reason) in sorted(entries.items()):
            r = x509.RevokedCertificateBuilder().serial_number(
                serial).revocation_date(stamp(when))
            if REASONS.get(reason) is not None:
                r = r.add_extension(x509.CRLReason(REASONS[reason]), False)
            b = b.add_revoked_certificate(r.build())
        der = b.sign(self.authority.key, hashes.SHA256()).public_bytes(DER)
        self.made[k] = dict(entries=entries, time=opts["time"],
                            number=number, der=der)
        return der


def ocsp_request(method, path, body):
    """The bytes of a request: POST, or GET with base64 in the path."""
    if method == "POST":
        return body
    return base64.b64decode(urllib.parse.unquote(path.partition(
        "/ocsp/")[2]))


def ocsp_answer(authority, data, find, hours=96):
    """DER of an answer.  FIND gives the certificate of a serial, or None."""
    try:
        q = ocsp.load_der_ocsp_request(data)
    except ValueError:
        return ocsp.OCSPResponseBuilder.build_unsuccessful(
            ocsp.OCSPResponseStatus.MALFORMED_REQUEST).public_bytes(DER)
    c = find(q.serial_number)
    if c is None:
        return ocsp.OCSPResponseBuilder.build_unsuccessful(
            ocsp.OCSPResponseStatus.UNAUTHORIZED).public_bytes(DER)
    revoked = c.revoked
    b = ocsp.OCSPResponseBuilder().add_response(
        cert=c.cert, issuer=authority.cert, algorithm=q.hash_algorithm,
        cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else
        ocsp.OCSPCertStatus.GOOD, this_update=now(),
        next_update=now() + datetime.timedelta(hours=hours),
        revocation_time=stamp(revoked[0]) if revoked else None,
        revocation_reason=REASONS.get(revoked[1]) if revoked else None)
    b = b.responder_id(ocsp.OCSPResponderEncoding.HASH, authority.cert)
    return b.sign(authority.key, hashes.SHA256()).public_bytes(DER)
