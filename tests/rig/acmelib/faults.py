"""What goes wrong on request.

A fault is {"fault":NAME, "at":KIND, "times":K, "has":FIELD, "n":N, "mode":M,
...}: told K times (default for ever) to requests of this KIND (default any)
whose payload has this FIELD (default any).  README.md has the table."""
import gzip
import json
import random
import threading
import time

from .jose import URN
from .pki import WRONG

KINDS = ("directory", "newNonce", "newAccount", "account", "orders",
         "keyChange", "newOrder", "order", "authz", "challenge", "finalize",
         "cert", "revokeCert", "renewalInfo", "crl", "aia", "ocsp")
# Those that are told on the wire, before or instead of the real answer.
BEFORE = ("badNonce", "429", "500", "503", "problem", "html", "garbage",
          "empty", "huge", "deep", "redirect", "stall", "cut_before", "404")
# Those that change the real answer.
AFTER = ("cut_after", "cut_mid", "no_nonce", "nonce_text", "no_location",
         "slow", "wrong_type", "other_host", "replace", "set", "header",
         "links", "long", "gzip", "drip")
# Those that the CA itself looks for.
INSIDE = ("lost_order", "wrong_cert", "no_processing", "stuck_authz",
          "unknown_challenge", "token", "no_token", "persist_names",
          "crl_drop", "crl_reason", "sct_fail")


class Faults:
    def __init__(self, seed):
        self.list, self.lock = [], threading.Lock()
        self.random = random.Random(seed)

    def add(self, spec):
        name = spec.get("fault")
        if name not in BEFORE + AFTER + INSIDE:
            raise ValueError("fault: %r is none of %s" % (
                name, " ".join(BEFORE + AFTER + INSIDE)))
        at = spec.get("at")
        for k in at.split(",") if at else ():
            if k not in KINDS:
                raise ValueError("at: %r is none of %s"
                                 % (k, " ".join(KINDS)))
        if name == "wrong_cert" and spec.get("mode", "key") not in WRONG:
            raise ValueError("mode: %r is none of %s"
                             % (spec["mode"], " ".join(WRONG)))
        spec = dict(spec, told=0)
        for field in ("times", "n", "skip", "status"):
            if field in spec:
                text = str(spec[field])
                spec[field] = float(text) if "." in text else int(text)
        with self.lock:
            self.list.append(spec)
        return spec

    def clear(self, name=None):
        with self.lock:
            self.list = [f for f in self.list
                         if name is not None and f["fault"] != name]

    def tell(self, name, kind=None, payload=None):
        """The fault of this name, if it is to be told now; counts it.  NAME
        may be several."""
        names = (name,) if isinstance(name, str) else name
        with self.lock:
            for f in self.list:
                if f["fault"] not in names:
                    continue
                if f.get("at") and kind not in f["at"].split(","):
                    continue
                if f.get("has") and f["has"] not in (payload or {}):
                    continue
                if f.get("skip", 0) > 0:
                    f["skip"] -= 1
                    continue
                if f.get("times", -1) == 0:
                    continue
                if self.random.random() * 100 >= float(f.get("percent",
                                                             100)):
                    continue
                f["times"] = f.get("times", -1) - (f.get("times", -1) > 0)
                f["told"] += 1
                return dict(f)
        return None


def retry_after(fault, default=None):
    """The header of a fault: seconds, or a date with mode=date."""
    n = fault.get("n", default)
    if n is None:
        return {}
    if fault.get("mode") == "date":
        return {"Retry-After": time.strftime(
            "%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + n))}
    return {"Retry-After": str(n)}


def document(fault, identifiers):
    """The problem document that fault "problem" describes."""
    out = {"type": fault.get("type", "serverInternal"),
           "detail": fault.get("detail", "the rig was told to say so")}
    if ":" not in out["type"]:
        out["type"] = URN + out["type"]
    out["status"] = fault.get("status", 400)
    if fault.get("sub"):
        out["subproblems"] = [dict(
            type=URN + fault["sub"], detail="the rig says this of %s"
            % i["value"], identifier=i) for i in identifiers]
    return out


def body_of(fault):
    """(content type, bytes) of the faults that answer with nonsense."""
    name, n = fault["fault"], fault.get("n")
    if name == "html":
        return "text/html", b"<!DOCTYPE html><title>Hello</title>\n"
    if name == "garbage":
        return "application/json", random.randbytes(n or 500)
    if name == "huge":
        return "application/json", b" " * ((n or 64) << 20)
    if name == "deep":
        return "application/json", b"[" * (n or 200000)
    if name == "replace":
        return fault.get("type", "application/json"), \
            fault.get("body", "").encode()
    return "application/json", b""


def spoil(f, res, full):
    """Change the answer as the faults set, header, links, long, gzip say."""
    name, n = f["fault"], int(f.get("n", 1))
    if name == "set" and isinstance(res.obj, dict):
        res.obj = dict(res.obj, **{f["member"]: json.loads(f["value"])})
    if name == "header":
        res.headers[f["name"]] = f.get("text", "x") * n
    if name == "links":
        res.links += ["<%s/%d>;rel=\"alternate\"" % (full, i)
                      for i in range(n)]
    if name == "long" and res.body is not None:
        res.body = res.body * n
    if name == "gzip":
        res.body = gzip.compress(b" " * (n << 20))
        res.headers["Content-Encoding"] = "gzip"


class Limits:
    """Sliding windows: KIND=N/SECONDS, for each account or set of names."""

    def __init__(self, specs):
        self.of, self.seen, self.lock = {}, {}, threading.Lock()
        for s in specs:
            kind, _, rest = s.partition("=")
            n, _, seconds = rest.partition("/")
            self.of[kind] = (int(n), float(seconds or 3600))

    def take(self, kind, who):
        """None, or in how many seconds it is free again."""
        if kind not in self.of:
            return None
        n, seconds = self.of[kind]
        now = time.monotonic()
        with self.lock:
            seen = [t for t in self.seen.get((kind, who), ())
                    if t > now - seconds]
            if len(seen) >= n:
                self.seen[kind, who] = seen
                return max(1, int(seen[0] + seconds - now + 0.999))
            self.seen[kind, who] = seen + [now]
        return None
