#!/usr/bin/env python3
"""Cosigned checkpoints, from C2SP tlog-cosignature, signed-note and
tlog-checkpoint alone (python3-cryptography): makes
tests/unit/ctlog/made_witness.h.

    python3 tests/unit/ctlog/made_witness.py > tests/unit/ctlog/made_witness.h
"""
import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import \
    Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, \
    PublicFormat

DASH = "\u2014 "
BODY = "log.example/2026\n1234567\n" + base64.b64encode(
    hashlib.sha256(b"root").digest()).decode() + "\n"


class Witness:
    def __init__(self, name, seed):
        self.name = name
        self.key = Ed25519PrivateKey.from_private_bytes(
            hashlib.sha256(seed).digest())
        self.pub = self.key.public_key().public_bytes(
            Encoding.Raw, PublicFormat.Raw)
        self.id = hashlib.sha256(name.encode() + b"\n\x04" +
                                 self.pub).digest()[:4]

    def vkey(self):
        return "%s+%s+%s" % (self.name, self.id.hex(), base64.b64encode(
            b"\x04" + self.pub).decode())

    def line(self, at, body=BODY, head="cosignature/v1\ntime %d\n"):
        sig = self.key.sign(((head % at) + body).encode())
        return DASH + self.name + " " + base64.b64encode(
            self.id + at.to_bytes(8, "big") + sig).decode() + "\n"


def text(name, s):
    print("static const char %s[] =" % name)
    raw = s.encode()
    lines = []
    for part in s.splitlines(keepends=True):
        for i in range(0, len(part), 52):
            lines.append("".join(
                "\\n" if c == "\n" else
                "\\xe2\\x80\\x94\" \"" if c == "\u2014" else
                "\\\"" if c == '"' else c for c in part[i:i + 52]))
    print("\n".join('    "%s"' % x for x in lines) + ";")
    print("/* %d bytes */" % len(raw))


one = Witness("witness.example/w1", b"one")
two = Witness("w2", b"two")
log = DASH + "log.example/2026 AAAAAAAAAAAA\n"
other = DASH + "witness.example/w1 AAAAAAAAAAAA\n"
print("""/* Made by made_witness.py: do not edit. */
#ifndef TESTS_UNIT_CTLOG_MADE_WITNESS_H
#define TESTS_UNIT_CTLOG_MADE_WITNESS_H
""")
text("made_vkey1", one.vkey())
text("made_vkey2", two.vkey())
text("made_both", BODY + "\n" + other + one.line(1700000001) + log +
     two.line(1700000002))
text("made_first", BODY + "\n" + log + one.line(1700000001))
# right key, other bytes: another root, another time, no time line
text("made_other_root", BODY + "\n" + log + one.line(
    1700000001, BODY.replace("1234567", "1234568")))
text("made_no_time", BODY + "\n" + log + one.line(
    1700000001, head="cosignature/v1\ntimes %d\n"))
# the line of the first under the name of the second
text("made_named", BODY + "\n" + log + one.line(1700000001).replace(
    "witness.example/w1", "w2"))
# a bad line before a good one: the good one counts
text("made_again", BODY + "\n" + log + one.line(
    1700000001, BODY + "x") + one.line(1700000003))
print("""
#endif""")
