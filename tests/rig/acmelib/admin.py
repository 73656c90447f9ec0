"""What tests ask of the CA below /_rig/: arguments in the query string or in
a JSON object, answers in JSON.  README.md has the table."""
import json

from cryptography import x509

from . import ari, orders, revoke
from .pki import PEM, new_key
from .state import (describe_account, describe_authz, describe_cert,
                    describe_order)

# Options that can be set while it runs, and their type.
SETTABLE = {"slow": float, "challenge_seconds": float, "crl_delay": float,
            "crl_seconds": float, "nonce_reject": float, "vantage": int,
            "vantage_miss": int, "authz_reuse": float, "retry_after": int,
            "ari_retry": int, "http_port": int, "tls_port": int,
            "order_seconds": float, "authz_seconds": float, "age": int,
            "reuse_seconds": float, "always_valid": int, "order_reuse": int,
            "no_caa": int, "no_ari": int, "final_submit": int,
            "no_crl": int, "finalize_location": int, "ocsp": int,
            "terms": str, "caa_identity": str, "resolve": str}
LISTS = {"blocklist": str, "challenges": str, "reasons": int,
         "persist_issuer": str, "log": str}


def set_options(ca, args):
    for name, value in args.items():
        if name in SETTABLE:
            setattr(ca.o, name, None if value in (None, "") else
                    SETTABLE[name](value))
        elif name in LISTS:
            if isinstance(value, str):
                value = [v for v in value.split(",") if v]
            setattr(ca.o, name, [LISTS[name](v) for v in value])
        else:
            raise ValueError("set: %r is none of %s" % (
                name, " ".join(sorted(list(SETTABLE) + list(LISTS)))))
    return {"set": sorted(args)}


def find(ca, args):
    """The certificate of `serial` in hex, or the newest of `name`."""
    if "serial" in args:
        return ca.certs[int(args["serial"], 16)]
    return [c for c in ca.certs.values() if args["name"] in [
        i["value"] for i in c.identifiers]][-1]


def issue(ca, args):
    """A certificate that nobody ordered by ACME."""
    names = args["names"]
    names = names.split(",") if isinstance(names, str) else names
    if args.get("csr"):
        key = x509.load_pem_x509_csr(args["csr"].encode()).public_key()
    else:
        key = new_key("p256").public_key()
    c = orders.issue(ca, key, [{"type": "dns", "value": n} for n in names],
                     args.get("profile"))
    return dict(describe_cert(c), pem=c.cert.public_bytes(PEM).decode())


def act(ca, what, args):
    if what == "fault":
        return ca.faults.add(args)
    if what == "honest":
        ca.faults.clear(args.get("fault"))
        return {"faults": ca.faults.list}
    if what == "set":
        return set_options(ca, args)
    if what == "revoke":
        c = find(ca, args)
        revoke.mark(ca, c, int(args.get("reason", 0)), "admin")
        return describe_cert(c)
    if what == "unrevoke":
        c = find(ca, args)
        c.revoked = None
        return describe_cert(c)
    if what == "ari":
        if "name" in args:
            args = dict(args, serial="%x" % find(ca, args).serial)
        return {"certificates": ari.set_window(ca, args)}
    if what == "issue":
        return issue(ca, args)
    if what == "block":
        c = find(ca, args)
        ca.blocked.add(c.spki)
        return describe_cert(c)
    if what == "forget_nonces":
        n = len(ca.nonces)
        ca.nonces.clear()
        return {"forgotten": n}
    if what == "authz":
        a = ca.authzs[args["id"]]
        a.status = args["status"]
        return describe_authz(a)
    if what == "order":
        o = ca.orders[args["id"]]
        o.status = args["status"]
        return describe_order(o)
    raise LookupError(what)


def show(ca, what, args):
    if what == "stats":
        return dict(ca.stats)
    if what == "faults":
        return ca.faults.list
    if what == "cert":
        c = find(ca, args)
        return dict(describe_cert(c), pem=c.cert.public_bytes(PEM).decode())
    tables = {"accounts": (describe_account, ca.accounts),
              "orders": (describe_order, ca.orders),
              "authzs": (describe_authz, ca.authzs),
              "certs": (describe_cert, ca.certs)}
    describe, table = tables[what]
    return [describe(x) for x in list(table.values())]


def answer(ca, method, parts, args, body):
    """(status, object)"""
    what = "/".join(parts)
    try:
        if body:
            args = dict(args, **json.loads(body))
        if what == "issue":             # it may ask a log: without the lock
            return 200, act(ca, what, args)
        with ca.lock:
            return 200, (act if method == "POST" else show)(ca, what, args)
    except (KeyError, IndexError) as why:
        return 404, {"error": "%s: %s is not there" % (what, why)}
    except (LookupError, ValueError, TypeError, OSError) as why:
        return 400, {"error": "%s: %s" % (what, why)}
