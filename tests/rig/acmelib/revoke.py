"""revokeCert (RFC 8555, 7.6), the way a large CA does it: whose request it
is decides the reason that is published."""
import time

from .accounts import Res
from .jose import Problem, malformed, spki


def mark(ca, c, reason, by):
    c.revoked = (time.time(), reason, by)
    ca.count("revocations")


def authorized_for(ca, account, identifiers):
    """Has the account a valid authorization for every one of them?"""
    have = [a.identifier for a in ca.authzs.values()
            if a.account is account and a.state() == "valid"]
    return all(i in have for i in identifiers)


def by_key(ca, c):
    """The key itself signed: it is compromised, and with it every
    certificate that has it."""
    if c.revoked is not None and c.revoked[1] == 1:
        raise Problem("alreadyRevoked", "the certificate is revoked")
    ca.blocked.add(c.spki)
    for other in ca.certs.values():
        if other.spki == c.spki and (other.revoked is None or
                                     other.revoked[1] != 1):
            mark(ca, other, 1, "certificate key")


def revoke(ca, r):
    obj = r.object()
    der, reason = r.octets(obj, "certificate"), obj.get("reason", 0)
    if isinstance(reason, bool) or reason not in ca.o.reasons:
        raise Problem("badRevocationReason", "reason %r: allowed are %s" % (
            reason, " ".join(map(str, ca.o.reasons))))
    with ca.lock:
        c = next((c for c in ca.certs.values() if c.der == der or
                  c.pre is not None and c.pre_der() == der), None)
        if c is None:
            raise malformed("no certificate of this CA", 404)
        if r.account is None:
            if spki(r.key) != c.spki:
                raise Problem("unauthorized", "the key is not that of the "
                              "certificate")
            by_key(ca, c)
            return Res(200, body=b"")
        if c.account is not r.account:
            if not authorized_for(ca, r.account, c.identifiers):
                raise Problem("unauthorized", "the account has no "
                              "authorization for all names of the "
                              "certificate")
            reason = 5
        if c.revoked is not None:
            raise Problem("alreadyRevoked", "the certificate is revoked")
        mark(ca, c, reason, r.account.url)
    return Res(200, body=b"")
