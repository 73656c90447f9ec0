"""Renewal information (RFC 9773)."""
import calendar
import re
import time

from .accounts import Res
from .jose import Problem, b64u, malformed, unb64u
from .state import rfc3339


def cert_id(aki, serial):
    """4.1: the serial as the octets of its DER, a leading zero kept."""
    n = serial.bit_length() // 8 + 1
    return "%s.%s" % (b64u(aki), b64u(serial.to_bytes(n, "big")))


def find_cert(ca, text):
    if not isinstance(text, str) or text.count(".") != 1:
        raise malformed("certificate identifier: must be AKI.SERIAL")
    aki, serial = (unb64u(p, "certificate identifier")
                   for p in text.split("."))
    c = ca.certs.get(int.from_bytes(serial, "big"))
    if c is None or text != cert_id(ca.authority.ski, c.serial):
        raise Problem("malformed", "certificate identifier %s (%s): no such "
                      "certificate" % (text[:80], aki.hex()[:40]), 404)
    return c


def window(c):
    """[start, end] in seconds: what was set, or when most of it is over."""
    if c.ari is not None:
        return c.ari
    now = time.time()
    if c.revoked is not None:
        return dict(start=now - 3600, end=now - 1800)
    start = calendar.timegm(c.cert.not_valid_before.timetuple())
    end = calendar.timegm(c.cert.not_valid_after.timetuple())
    life = end - start
    middle = start + life * (1 / 2 if life < 10 * 86400 else 2 / 3)
    return dict(start=middle - life / 100, end=middle + life / 100)


def renewal_info(ca, r):
    c = find_cert(ca, r.parts[1])
    w = window(c)
    out = {"suggestedWindow": {"start": rfc3339(w["start"]),
                               "end": rfc3339(w["end"])}}
    if w.get("explanationURL"):
        out["explanationURL"] = w["explanationURL"]
    retry = w.get("retry_after", ca.o.ari_retry)
    return Res(200, out, {} if retry is None else
               {"Retry-After": str(retry)})


def read_time(text):
    """Seconds since 1970 of RFC 3339, or of "-SECONDS" and "+SECONDS" from
    now."""
    text = str(text)
    if re.fullmatch(r"[+-][0-9]+", text):
        return time.time() + int(text)
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def set_window(ca, args):
    """By the admin: for one serial, or for all certificates."""
    serial = args.get("serial")
    certs = list(ca.certs.values()) if serial in (None, "all") else \
        [ca.certs[int(serial, 16)]]
    for c in certs:
        if args.get("start") is None:
            c.ari = None
            continue
        c.ari = dict(start=read_time(args["start"]),
                     end=read_time(args["end"]),
                     explanationURL=args.get("explanationURL"))
        if "retry_after" in args:
            c.ari["retry_after"] = args["retry_after"]
    return len(certs)
