"""Accounts (RFC 8555, 7.3): made, found, changed, rolled over, ended."""
import re

from .jose import Jws, Problem, key_of, malformed, spki
from .state import Account

PLAIN = r"[^@\s?,]+@[^@\s?,]+\.[^@\s?,]+"


class Res:
    """An answer; OBJ becomes JSON."""

    def __init__(self, status=200, obj=None, headers=None, body=None,
                 ctype="application/json"):
        self.status, self.obj, self.body = status, obj, body
        self.headers, self.ctype = dict(headers or {}), ctype
        self.links = []


def view(r, a):
    out = {"status": a.status, "orders": "%s/orders" % r.url_of("acct", a.id)}
    if a.contact:
        out["contact"] = a.contact
    if a.terms:
        out["termsOfServiceAgreed"] = True
    if a.eab:
        out["externalAccountBinding"] = a.eab[1]
    return out


def contacts(obj):
    out = obj.get("contact", [])
    if not isinstance(out, list):
        raise malformed("contact: is no array")
    for c in out:
        if not isinstance(c, str) or not c.startswith("mailto:"):
            raise Problem("unsupportedContact", "contact %r: only mailto is "
                          "supported" % c)
        if not re.fullmatch(PLAIN, c[7:]):
            raise Problem("invalidContact", "contact %r: must be one plain "
                          "address" % c)
    return out


def external(ca, r, obj):
    """The binding of the payload (7.3.4), or None: (kid, JWS)."""
    binding = obj.get("externalAccountBinding")
    if binding is None:
        if ca.o.eab and not ca.o.eab_optional:
            raise Problem("externalAccountRequired",
                          "newAccount needs an externalAccountBinding")
        return None
    if not isinstance(binding, dict):
        raise malformed("externalAccountBinding: is no object")
    jws = Jws(binding, "externalAccountBinding")
    if "nonce" in jws.header or "jwk" in jws.header:
        raise malformed("externalAccountBinding: must have no nonce and no "
                        "jwk")
    if jws.url != r.jws.url:
        raise malformed("externalAccountBinding: url %r is not that of "
                        "newAccount" % jws.url)
    secret = ca.o.eab.get(jws.header.get("kid"))
    if secret is None:
        raise Problem("unauthorized", "externalAccountBinding: unknown kid "
                      "%r" % jws.header.get("kid"))
    jws.verify_mac(secret)
    if spki(key_of(jws.object("externalAccountBinding"))) != spki(r.key):
        raise malformed("externalAccountBinding: payload is not the key of "
                        "the account")
    return jws.header["kid"], binding


def new_account(ca, r):
    obj = r.object()
    with ca.lock:
        a = ca.account_of_key(r.key)
        if a is not None:
            if a.status != "valid":
                raise Problem("unauthorized", "the account is " + a.status)
            return Res(200, view(r, a), {"Location": r.url_of("acct", a.id)})
        if obj.get("onlyReturnExisting"):
            raise Problem("accountDoesNotExist", "no account has this key")
        if ca.blocked_key(r.key):
            raise Problem("badPublicKey", "this key is compromised")
        if ca.o.terms and obj.get("termsOfServiceAgreed") is not True:
            raise Problem("userActionRequired", "the terms of service must "
                          "be agreed to: %s" % ca.o.terms, headers={
                              "Link": "<%s>;rel=\"terms-of-service\""
                              % ca.o.terms}, instance=ca.o.terms)
        eab, contact = external(ca, r, obj), contacts(obj)
        wait = ca.limits.take("newAccount", "all")
        if wait is not None:
            raise limited("too many new accounts", wait)
        ident = ca.new_id()
        a = Account(ident, r.key, r.url_of("acct", ident))
        a.contact, a.eab = contact, eab
        a.terms = obj.get("termsOfServiceAgreed") is True
        ca.accounts[ident] = a
    return Res(201, view(r, a), {"Location": a.url})


def limited(detail, seconds):
    return Problem("rateLimited", "%s: retry after %d s" % (detail, seconds),
                   headers={"Retry-After": str(seconds)})


def own(ca, r):
    """The account of the URL, which must be the one that asks."""
    a = ca.accounts.get(r.parts[1])
    if a is None or a is not r.account:
        raise Problem("unauthorized", "this is not your account")
    return a


def account(ca, r):
    a = own(ca, r)
    if r.jws.payload:
        obj = r.object()
        with ca.lock:
            status = obj.get("status", "valid")
            if status not in ("valid", "deactivated"):
                raise malformed("status: %r" % status)
            if status == "deactivated":
                a.status = status
                for n in ca.authzs.values():
                    if n.account is a and n.state() == "pending":
                        n.status = "deactivated"
            elif "contact" in obj:
                a.contact = contacts(obj)
            a.terms = a.terms or obj.get("termsOfServiceAgreed") is True
    return Res(200, view(r, a))


def orders(ca, r):
    """The list of orders (7.1.2.1), three on a page."""
    a = own(ca, r)
    have = [o.id for o in ca.orders.values() if o.account is a and
            o.state() != "invalid"]
    page = int(r.query.get("page", "0"))
    res = Res(200, {"orders": [r.url_of("order", i)
                               for i in have[page * 3:page * 3 + 3]]})
    if len(have) > page * 3 + 3:
        res.links.append("<%s?page=%d>;rel=\"next\"" % (
            r.url_of("acct", a.id) + "/orders", page + 1))
    return res


def key_change(ca, r):
    """7.3.5: the new key signs, inside, what the old key signs outside."""
    inner = Jws(r.object(), "inner JWS")
    if "jwk" not in inner.header or "kid" in inner.header or \
            "nonce" in inner.header:
        raise malformed("inner JWS: must have jwk, no kid and no nonce")
    if inner.url != r.jws.url:
        raise malformed("inner JWS: url %r differs from the outer one"
                        % inner.url)
    new = key_of(inner.header["jwk"])
    inner.verify(new)
    obj = inner.object("inner payload")
    if obj.get("account") != r.jws.header["kid"]:
        raise malformed("inner payload: account is not the outer kid")
    with ca.lock:
        if spki(key_of(obj.get("oldKey"))) != r.account.spki:
            raise malformed("inner payload: oldKey is not the account's key")
        if ca.blocked_key(new):
            raise Problem("badPublicKey", "the new key is compromised")
        other = ca.account_of_key(new)
        if other is not None:
            raise Problem("malformed", "the new key is in use", 409,
                          {"Location": r.url_of("acct", other.id)})
        r.account.set_key(new)
    return Res(200, view(r, r.account))
