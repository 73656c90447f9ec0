"""What the CA knows: accounts, orders, authorizations, certificates, nonces.
All of it is in memory; one lock for all."""
import hashlib
import os
import secrets
import threading
import time

from .faults import Faults, Limits
from .jose import Problem, b64u, jwk_of, spki, thumbprint
from .pki import DER, Authority
from .revoked import Lists

NONCES = 100000


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Account:
    def __init__(self, ident, key, url):
        self.id, self.url, self.status = ident, url, "valid"
        self.contact, self.terms, self.eab = [], False, None
        self.made = time.time()
        self.set_key(key)

    def set_key(self, key):
        self.key, self.print = key, thumbprint(key)
        self.spki = spki(key)


class Authz:
    def __init__(self, ident, account, identifier, expires):
        self.id, self.account, self.identifier = ident, account, identifier
        self.status, self.expires, self.challenges = "pending", expires, []
        self.polls, self.method = 0, None

    def state(self):
        """The status now, which time may have changed."""
        if self.status in ("pending", "valid") and \
                time.time() >= self.expires:
            self.status = "invalid" if self.status == "pending" else \
                "expired"
        return self.status

    def problem(self):
        return next((c["error"] for c in self.challenges if "error" in c),
                    None)


class Order:
    def __init__(self, ident, account, identifiers, expires):
        self.id, self.account, self.identifiers = ident, account, identifiers
        self.status, self.expires, self.authzs = "pending", expires, []
        self.profile = self.replaces = self.error = self.cert = None
        self.lost = False

    def state(self):
        """RFC 8555, 7.1.6: what follows from the authorizations."""
        if self.status not in ("pending", "ready"):
            return self.status
        states = [a.state() for a in self.authzs]
        if all(s == "valid" for s in states):
            self.status = "ready"
        elif any(s not in ("pending", "valid") for s in states):
            self.fail()
        else:
            self.status = "pending"
        if time.time() >= self.expires and self.status != "invalid":
            self.status = "invalid"
            self.error = Problem("malformed", "order has expired").document()
        return self.status

    def fail(self):
        bad = [a for a in self.authzs if a.status not in ("valid",
                                                          "pending")]
        subs = [dict(a.problem() or Problem(
            "unauthorized", "authorization is %s" % a.status).document(),
            identifier=a.identifier) for a in bad]
        self.status = "invalid"
        self.error = dict(subs[0]) if len(subs) == 1 else Problem(
            "compound", "Some identifiers could not be validated",
            403, subproblems=subs).document()


class Cert:
    def __init__(self, cert, pre, order, scts):
        self.cert, self.pre, self.order, self.scts = cert, pre, order, scts
        self.serial, self.der = cert.serial_number, cert.public_bytes(DER)
        self.account = order.account if order else None
        self.revoked = None             # (time, reason, by)
        self.spki = spki(cert.public_key())
        self.ari, self.replaced_by, self.wrong = None, None, None
        self.identifiers, self.token = [], secrets.token_urlsafe(12)

    def pre_der(self):
        return self.pre.public_bytes(DER)


class State:
    def __init__(self, o):
        self.o, self.lock = o, threading.RLock()
        self.authority = Authority(o.dir, o.key_type, o.alternates)
        self.lists = Lists(self.authority)
        self.faults, self.limits = Faults(o.seed), Limits(o.limit)
        self.accounts, self.orders, self.authzs = {}, {}, {}
        self.certs, self.by_token, self.blocked = {}, {}, set()
        self.nonces, self.stats, self.counter = {}, {}, 0
        self.pub = ""

    def new_id(self):
        """Opaque, and in no order that means something."""
        with self.lock:
            self.counter += 1
            return "%d%s" % (self.counter, secrets.token_hex(4))

    def count(self, what, n=1):
        with self.lock:
            self.stats[what] = self.stats.get(what, 0) + n

    def nonce(self):
        n = b64u(os.urandom(16))
        with self.lock:
            self.nonces[n] = True
            while len(self.nonces) > NONCES:
                self.nonces.pop(next(iter(self.nonces)))
        return n

    def use_nonce(self, nonce, kind):
        """Takes a nonce out; a Problem when it is none of ours."""
        with self.lock:
            good = self.nonces.pop(nonce, False) if isinstance(
                nonce, str) else False
        if not good or self.faults.random.random() * 100 < \
                self.o.nonce_reject or self.faults.tell("badNonce", kind):
            self.count("badNonce")
            raise Problem("badNonce", "JWS has an invalid anti-replay nonce")

    def account_of_key(self, key):
        mark = thumbprint(key)
        return next((a for a in self.accounts.values()
                     if a.print == mark), None)

    def add_cert(self, c):
        with self.lock:
            self.certs[c.serial] = c
            self.by_token[c.token] = c

    def shard(self, serial):
        return serial % self.o.shards + 1

    def crl_url(self, shard):
        return "%s/crl/%d.crl" % (self.pub, shard)

    def retry_header(self):
        return {} if self.o.retry_after is None else \
            {"Retry-After": str(self.o.retry_after)}

    def blocked_key(self, key):
        data = spki(key)
        return data in self.blocked

    def is_account_key(self, key):
        data = spki(key)
        return any(a.spki == data for a in self.accounts.values())


def describe_account(a):
    return dict(id=a.id, url=a.url, status=a.status, contact=a.contact,
                thumbprint=a.print, jwk=jwk_of(a.key), eab=a.eab,
                terms=a.terms)


def describe_authz(a):
    return dict(id=a.id, account=a.account.url, status=a.state(),
                identifier=a.identifier, method=a.method,
                challenges=[{k: v for k, v in c.items() if k != "authz"}
                            for c in a.challenges])


def describe_order(r):
    return dict(id=r.id, account=r.account.url, status=r.state(),
                identifiers=r.identifiers, profile=r.profile,
                replaces=r.replaces, error=r.error, lost=r.lost,
                authzs=[a.id for a in r.authzs],
                serial="%x" % r.cert.serial if r.cert else None)


def describe_cert(c):
    return dict(
        serial="%x" % c.serial, identifiers=c.identifiers,
        account=c.account.url if c.account else None,
        order=c.order.id if c.order else None, wrong=c.wrong,
        scts=len(c.scts), spki_sha256=hash_hex(c.spki),
        cert_sha256=hash_hex(c.der), replaced_by=c.replaced_by,
        revoked=dict(time=c.revoked[0], reason=c.revoked[1],
                     by=c.revoked[2]) if c.revoked else None)


def hash_hex(data):
    return hashlib.sha256(data).hexdigest()
