#!/usr/bin/env python3
"""An ACME CA for tests, with everything that a large one does and Debian's
pebble does not: ARI, profiles, revocation by other accounts, rate limits,
CAA, dns-persist-01, CRLs, and SCTs of local logs in what it issues.

usage: acmeca.py --dir DIR [--http] [--port P] [options]

Prints one JSON line when it is ready and runs until SIGTERM.  What it knows
of accounts, orders and certificates is lost then; its keys stay in DIR.
README.md has the options, the admin requests below /_rig/ and the faults;
acmelib/ has the parts."""
import argparse
import base64
import json
import os
import signal
import sys
import threading

from acmelib import pki, validate
from acmelib.dns import Resolver
from acmelib.server import Server
from acmelib.state import State

PROFILES = ["classic:the default:90d,cn", "tlsserver:without CN:45d",
            "shortlived:six days:160h"]
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def profiles(specs):
    """NAME:TEXT:LIFE[,cn], LIFE such as 90d, 160h, 60s."""
    out = {}
    for s in specs:
        name, text, rest = s.split(":")
        life, *more = rest.split(",")
        out[name] = dict(text=text, cn="cn" in more,
                         seconds=int(life[:-1]) * UNITS[life[-1]])
    return out


def secrets(specs):
    """KID:KEY with the key in base64url, padded or not."""
    out = {}
    for s in specs:
        kid, _, key = s.partition(":")
        out[kid] = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    return out


def options():
    p = argparse.ArgumentParser()
    a = p.add_argument
    a("--dir", required=True)
    a("--http", action="store_true")
    a("--port", type=int, default=0)
    a("--pub-port", type=int, default=0)
    a("--url")
    a("--verbose", action="store_true")
    a("--seed")
    # what it offers
    a("--key-type", choices=("p256", "p384", "rsa"), default="p256")
    a("--alternates", type=int, default=1)
    a("--challenges", default=",".join(validate.TYPES))
    a("--profile", action="append")
    a("--no-profiles", action="store_true")
    a("--terms")
    a("--eab", action="append", default=[])
    a("--eab-optional", action="store_true")
    a("--no-ari", action="store_true")
    a("--ari-retry", type=int, default=21600)
    a("--reasons", default="0,1,4,5")
    a("--blocklist", default="")
    a("--caa-identity", default="acme.rig.example")
    a("--persist-issuer", default="acme.rig.example")
    # how it behaves
    a("--slow", type=float, default=0)
    a("--challenge-seconds", type=float, default=0)
    a("--retry-after", type=int)
    a("--finalize-location", action="store_true")
    a("--nonce-reject", type=float, default=0)
    a("--authz-reuse", type=float, default=0)
    a("--order-reuse", action="store_true")
    a("--order-seconds", type=float, default=7 * 86400)
    a("--authz-seconds", type=float, default=7 * 86400)
    a("--reuse-seconds", type=float, default=30 * 86400)
    a("--limit", action="append", default=[])
    # validation
    a("--http-port", type=int, default=80)
    a("--tls-port", type=int, default=443)
    a("--dns")
    a("--resolve")
    a("--timeout", type=float, default=3)
    a("--vantage", type=int, default=3)
    a("--vantage-miss", type=int, default=0)
    a("--always-valid", action="store_true")
    a("--no-caa", action="store_true")
    # what it issues
    a("--log", action="append", default=[])
    a("--final-submit", action="store_true")
    a("--age", type=int, default=0)
    a("--no-crl", action="store_true")
    a("--shards", type=int, default=4)
    a("--crl-delay", type=float, default=0)
    a("--crl-seconds", type=float, default=7 * 86400)
    a("--ocsp", action="store_true")
    o = p.parse_args()
    o.profile = profiles(o.profile or PROFILES)
    o.default_profile = next(iter(o.profile))
    o.eab = secrets(o.eab)
    o.resolver = Resolver(o.dns) if o.dns else None
    o.verbose = sys.stderr if o.verbose else None
    for name in ("challenges", "blocklist", "persist_issuer"):
        setattr(o, name, [v for v in getattr(o, name).split(",") if v])
    o.reasons = [int(r) for r in o.reasons.split(",")]
    return o


def main():
    o = options()
    os.makedirs(o.dir, exist_ok=True)
    o.dir = os.path.abspath(o.dir)
    ca = State(o)
    cert, key, tls_root = pki.tls_pair(o.dir)
    pub = Server(("127.0.0.1", o.pub_port), ca)
    acme = Server(("127.0.0.1", o.port), ca,
                  None if o.http else (cert, key))
    ca.pub = "http://127.0.0.1:%d" % pub.server_port
    base = o.url or ("http://127.0.0.1:%d" if o.http else
                     "https://localhost:%d") % acme.server_port
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    for s in (pub, acme):
        threading.Thread(target=s.serve_forever, daemon=True).start()
    print(json.dumps({
        "port": acme.server_port, "base": base, "directory": base + "/dir",
        "pub": ca.pub, "admin": ca.pub + "/_rig",
        "tls_ca": None if o.http else tls_root,
        "roots": ["%s/root-%d.pem" % (o.dir, i)
                  for i in range(o.alternates + 1)],
        "issuer": o.dir + "/int.pem",
        "crls": [ca.crl_url(k + 1) for k in range(o.shards)]}), flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
