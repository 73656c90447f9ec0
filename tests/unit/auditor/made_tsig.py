#!/usr/bin/env python3
"""Updates and their answers, signed by RFC 8945, from the specifications
alone: makes tests/unit/auditor/made_tsig.h, and with a folder as argument the
seeds of tests/fuzz/fuzz_dnsupdate.c.

    python3 tests/unit/auditor/made_tsig.py > tests/unit/auditor/made_tsig.h
    python3 tests/unit/auditor/made_tsig.py tests/fuzz/corpus/dnsupdate
"""
import hashlib
import hmac
import os
import struct
import sys

NOW = 1800000000
SECRET = bytes(range(1, 33))
VALUE = b"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
HASH = {"hmac-sha256": hashlib.sha256, "hmac-sha384": hashlib.sha384,
        "hmac-sha512": hashlib.sha512}


def name(text):
    out = b""
    for label in text.split("."):
        out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def rr(owner, rtype, rclass, ttl, data):
    return name(owner) + struct.pack(">HHIH", rtype, rclass, ttl,
                                     len(data)) + data


def txt(value):
    out = b""
    for i in range(0, max(len(value), 1), 255):
        out += bytes([len(value[i:i + 255])]) + value[i:i + 255]
    return out


def update(prereq, records, zone="example.org", ident=0x1234):
    return (struct.pack(">HHHHHH", ident, 5 << 11, 1, len(prereq),
                        len(records), 0) + name(zone) +
            struct.pack(">HH", 6, 1) + b"".join(prereq) + b"".join(records))


def time48(t):
    return struct.pack(">HI", t >> 32, t & 0xffffffff)


def digest(alg, secret, key, before, message, at, fudge, error, other):
    """RFC 8945 4.3: what is hashed."""
    data = before + message + name(key) + struct.pack(">HI", 255, 0)
    data += name(alg) + time48(at) + struct.pack(">HHH", fudge, error,
                                                 len(other)) + other
    return hmac.new(secret, data, HASH[alg]).digest()


def tsig(message, key="certvigil", alg="hmac-sha256", secret=SECRET, at=NOW,
         error=0, other=b"", request=b"", unsigned=False, cut=0, fudge=300,
         spelled=None, rclass=255, ttl=0):
    """The message with its TSIG record; and the MAC."""
    before = struct.pack(">H", len(request)) + request if request else b""
    mac = digest(alg, secret, key, before, message, at, fudge, error, other)
    if unsigned:
        mac = b""
    if cut:
        mac = mac[:cut]
    data = name(alg) + time48(at) + struct.pack(">HH", fudge, len(mac)) + mac
    data += message[:2] + struct.pack(">HH", error, len(other)) + other
    count = struct.unpack(">H", message[10:12])[0] + 1
    return (message[:10] + struct.pack(">H", count) + message[12:] +
            rr(spelled or key, 250, rclass, ttl, data)), mac


def answer(rcode, ident=0x1234):
    """As servers do: the zone section is repeated."""
    return (struct.pack(">HHHHHH", ident, 0x8000 | 5 << 11 | rcode, 1, 0, 0,
                        0) + name("example.org") + struct.pack(">HH", 6, 1))


WHERE = "_acme-challenge.www.example.org"
REQUESTS = {
    "add": update([], [rr(WHERE, 16, 1, 60, txt(VALUE))]),
    "delete": update([], [rr(WHERE, 16, 254, 0, txt(VALUE))]),
    "may": update([], [rr(WHERE, 16, 254, 0,
                          txt(b"certvigil asks whether it may"))]),
    "key": update([rr("example.org", 6, 255, 0, b"")], []),
    "long": update([], [rr(WHERE, 16, 1, 60, txt(b"x" * 600))]),
    "edge": update([], [rr(WHERE, 16, 1, 60, txt(b"x" * 255))]),
}
SIGNED = {}
MAC = {}
for a in HASH:
    SIGNED[a], MAC[a] = tsig(REQUESTS["add"], alg=a)


def answers():
    m = MAC["hmac-sha256"]
    ok = answer(0)
    yield "OK", "ok", tsig(ok, request=m)[0]
    yield "OK", "upper", tsig(ok, request=m, spelled="CertVigil")[0]
    yield "OK", "fudge", tsig(ok, request=m, at=NOW + 300)[0]
    yield "OK", "refused", tsig(answer(5), request=m)[0]
    yield "OK", "bare", tsig(struct.pack(">HHHHHH", 0x1234, 0xa800, 0, 0, 0,
                                         0), request=m)[0]
    yield "LATE", "late", tsig(ok, request=m, at=NOW + 301)[0]
    yield "LATE", "early", tsig(ok, request=m, at=NOW - 301)[0]
    yield "NONE", "none", ok
    yield "BADSIG", "badsig", tsig(answer(9), error=16, unsigned=True)[0]
    yield "BADKEY", "badkey", tsig(answer(9), error=17, unsigned=True,
                                   key="other")[0]
    yield "BADTIME", "badtime", tsig(answer(9), request=m, error=18,
                                     other=time48(NOW + 4000))[0]
    yield "BADTIME", "badtime-bare", tsig(answer(9), request=m, error=18)[0]
    yield "WRONG_MAC", "badtime-forged", tsig(
        answer(9), request=m, error=18, unsigned=True,
        other=time48(NOW + 4000))[0]
    yield "BADTRUNC", "badtrunc", tsig(answer(9), request=m, error=22)[0]
    yield "REFUSED", "error-99", tsig(answer(9), request=m, error=99)[0]
    yield "WRONG_MAC", "secret", tsig(ok, request=m, secret=b"x" * 32)[0]
    yield "WRONG_MAC", "no-request", tsig(ok)[0]
    yield "WRONG_MAC", "other-request", tsig(ok, request=b"y" * 32)[0]
    yield "WRONG_MAC", "cut", tsig(ok, request=m, cut=16)[0]
    yield "WRONG_MAC", "empty", tsig(ok, request=m, unsigned=True)[0]
    yield "OTHER_KEY", "other-key", tsig(ok, request=m, key="another")[0]
    yield "OTHER_KEY", "longer-key", tsig(ok, request=m,
                                          key="certvigil.x")[0]
    yield "OTHER_KEY", "other-alg", tsig(ok, request=m,
                                         alg="hmac-sha512")[0]
    yield "MALFORMED", "class", tsig(ok, request=m, rclass=1)[0]
    yield "MALFORMED", "ttl", tsig(ok, request=m, ttl=1)[0]
    good = tsig(ok, request=m)[0]
    yield "MALFORMED", "trailing", good + b"\0"
    more = bytearray(good)
    more[11] = 2
    yield "MALFORMED", "not-last", bytes(more) + rr("x", 16, 1, 0, b"\1x")
    moved = bytearray(good)
    moved[9], moved[11] = 1, 0
    yield "MALFORMED", "authority", bytes(moved)
    yield "MALFORMED", "half", good[:-7]
    yield "MALFORMED", "nothing", b""


def c_bytes(label, data):
    print("static const uint8_t %s[] = {" % label)
    for i in range(0, len(data), 12):
        print("\t" + " ".join("0x%02x," % c for c in data[i:i + 12]))
    if not data:
        print("\t0")
    print("};")


def ident(text):
    return text.replace("-", "_")


def header():
    print("#ifndef TESTS_UNIT_AUDITOR_MADE_TSIG_H")
    print("#define TESTS_UNIT_AUDITOR_MADE_TSIG_H")
    print("\n/* Made by tests/unit/auditor/made_tsig.py. */")
    print("#include <stddef.h>\n#include <stdint.h>\n")
    print('#include "auditor/net/tsig.h"\n')
    print("#define MADE_NOW\t%dLL" % NOW)
    print('#define MADE_VALUE\t"%s"' % VALUE.decode())
    print('#define MADE_NAME\t"%s"\n' % WHERE)
    c_bytes("made_secret", SECRET)
    for n, m in REQUESTS.items():
        c_bytes("made_" + n, m)
    for n, m in SIGNED.items():
        c_bytes("made_signed_" + ident(n), m)
    for _, n, m in answers():
        c_bytes("made_answer_" + ident(n), m)
    print("\nstatic const struct {\n\tconst char\t\t*name;")
    print("\tenum tsig_verdict\t verdict;\n\tconst uint8_t\t\t*p;")
    print("\tsize_t\t\t\t n;\n} made_answers[] = {")
    for v, n, m in answers():
        print('\t{ "%s", TSIG_%s, made_answer_%s, %d },' % (n, v, ident(n),
                                                         len(m)))
    print("};\n\n#endif")


def seeds(out):
    os.makedirs(out, exist_ok=True)
    others = [
        (0, "account", b'{"username":"a-b","password":"c","subdomain":"d",'
         b'"fulldomain":"d.example"}'),
        (0, "accounts", b'{"example.org":{"username":"a"}}'),
        (0, "updated", b'{"txt":"value"}'),
        (0, "txt", b"\2va\3lue"),
        (0, "server", b"[2001:db8::1]:5353"),
        (0, "server-4", b"192.0.2.1:53"),
    ]
    for _, n, m in list(answers()) + others:
        if m:
            with open(os.path.join(out, n), "wb") as f:
                f.write(m)


if len(sys.argv) > 1:
    seeds(sys.argv[1])
else:
    header()
