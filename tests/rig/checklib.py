"""What selfcheck.py needs: starting the rig, HTTP, Merkle trees and RFC 6962
structures written anew in Python, so that the rig in C is checked by
something that shares no code with it."""
import atexit
import base64
import hashlib
import json
import os
import signal
import struct
import subprocess
import urllib.error
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa


class Server:
    """A program of the rig that prints one JSON line when it is ready."""

    def __init__(self, *cmd):
        self.p = subprocess.Popen(cmd, stdout=subprocess.PIPE, text=True)
        atexit.register(self.end)
        self.info = json.loads(self.p.stdout.readline())
        self.port = self.info["port"]
        self.url = "http://127.0.0.1:%d" % self.port

    def end(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        self.p.stdout.close()
        return self.p.wait(20)


def http(url, data=None, headers=None, timeout=10):
    """(status, headers, body) of a GET or POST; never raises for a status."""
    if data is not None and not isinstance(data, bytes):
        data = json.dumps(data).encode()
    r = urllib.request.Request(url, data, headers or {})
    try:
        with urllib.request.urlopen(r, timeout=timeout) as a:
            return a.status, a.headers, a.read()
    except urllib.error.HTTPError as a:
        return a.code, a.headers, a.read()


def get(url):
    status, _, body = http(url)
    if status != 200:
        raise OSError("%s: %d %r" % (url, status, body[:200]))
    return json.loads(body)


def post(url, data=None):
    status, _, body = http(url, data if data is not None else b"")
    if status != 200:
        raise OSError("%s: %d %r" % (url, status, body[:200]))
    return json.loads(body)


def sha(b):
    return hashlib.sha256(b).digest()


def leaf_hash(b):
    return sha(b"\0" + b)


def node(left, right):
    return sha(b"\1" + left + right)


def root_of(h):
    """RFC 6962, 2.1, bottom up: level by level, odd ones carried."""
    if not h:
        return sha(b"")
    while len(h) > 1:
        h = [node(h[i], h[i + 1]) if i + 1 < len(h) else h[i]
             for i in range(0, len(h), 2)]
    return h[0]


def inclusion_ok(leaf, index, size, path, root):
    """RFC 9162, 2.1.3.2."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            r = node(r, p)
        fn >>= 1
        sn >>= 1
    return sn == 0 and r == root


def consistency_ok(first, second, path, root1, root2):
    """RFC 9162, 2.1.4.2."""
    path = list(path)
    if first == second:
        return not path and root1 == root2
    if first & (first - 1) == 0:
        path.insert(0, root1)
    if not path:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            sr = node(sr, c)
        fn >>= 1
        sn >>= 1
    return fr == root1 and sr == root2 and sn == 0


def unb64(s):
    return base64.b64decode(s, validate=True)


def signature_ok(spki, ds, data):
    """A DigitallySigned over data by the key of a SubjectPublicKeyInfo."""
    key = serialization.load_der_public_key(spki)
    hash_alg, sig_alg, n = struct.unpack(">BBH", ds[:4])
    if hash_alg != 4 or n != len(ds) - 4:
        return False
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and sig_alg == 3:
            key.verify(ds[4:], data, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey) and sig_alg == 1:
            key.verify(ds[4:], data, padding.PKCS1v15(), hashes.SHA256())
        else:
            return False
    except InvalidSignature:
        return False
    return True


def head_bytes(timestamp, size, root):
    return struct.pack(">BBQQ", 0, 1, timestamp, size) + root


class Log:
    """One log of the rig, seen from outside."""

    def __init__(self, server, name, entry):
        self.url = "%s/%s" % (server.url, name)
        self.admin = "%s/_rig/%s" % (server.url, name)
        self.origin = entry.get("url", entry.get("submission_url"))
        self.origin = self.origin.split("://")[1].rstrip("/")
        self.key = unb64(entry["key"])
        self.id = unb64(entry["log_id"])

    def v1(self, what):
        return get(self.url + "/ct/v1/" + what)

    def lie(self, name, **args):
        return post(self.admin + "/lie", dict(args, lie=name))

    def honest(self):
        return post(self.admin + "/honest")

    def sth(self):
        """(size, timestamp, root, is the signature right)"""
        j = self.v1("get-sth")
        root = unb64(j["sha256_root_hash"])
        data = head_bytes(j["timestamp"], j["tree_size"], root)
        ok = signature_ok(self.key, unb64(j["tree_head_signature"]), data)
        return j["tree_size"], j["timestamp"], root, ok

    def checkpoint(self):
        """The same out of the checkpoint; also its origin, signatures."""
        _, _, body = http(self.url + "/checkpoint")
        text, sigs = body.decode().split("\n\n")
        origin, size, root = text.split("\n")
        want = sha(self.origin.encode() + b"\n\x05" + self.id)[:4]
        ok, timestamp = False, 0
        lines = sigs.rstrip("\n").split("\n")
        for line in lines:
            dash, name, blob = line.split(" ")
            blob = unb64(blob)
            if dash != "\u2014":
                raise ValueError(line)
            if name != self.origin or blob[:4] != want:
                continue
            timestamp = struct.unpack(">Q", blob[4:12])[0]
            ok = signature_ok(self.key, blob[12:], head_bytes(
                timestamp, int(size), unb64(root)))
        return int(size), timestamp, unb64(root), ok, origin, len(lines)

    def entries(self):
        """All entries as (leaf_input, extra_data)."""
        size = self.v1("get-sth")["tree_size"]
        out = []
        while len(out) < size:
            page = self.v1("get-entries?start=%d&end=%d" % (
                len(out), size - 1))["entries"]
            out += [(unb64(e["leaf_input"]), unb64(e["extra_data"]))
                    for e in page]
        return out


def vec(b, at, width):
    n = int.from_bytes(b[at:at + width], "big")
    end = at + width + n
    if end > len(b):
        raise ValueError("length %d of %d" % (n, len(b)))
    return b[at + width:end], end


def parse_leaf(leaf):
    """dict of timestamp, type, key_hash, cert, extensions."""
    if leaf[:2] != b"\0\0":
        raise ValueError("version")
    ts, kind = struct.unpack(">QH", leaf[2:12])
    at, key_hash = 12, None
    if kind == 1:
        key_hash, at = leaf[12:44], 44
    cert, at = vec(leaf, at, 3)
    ext, at = vec(leaf, at, 2)
    if at != len(leaf) or kind > 1:
        raise ValueError("rest")
    return dict(ts=ts, kind=kind, key_hash=key_hash, cert=cert, ext=ext)


def parse_extra(kind, extra):
    """(precertificate or None, [issuer DER])"""
    at, pre, out = 0, None, []
    if kind == 1:
        pre, at = vec(extra, 0, 3)
    chain, at = vec(extra, at, 3)
    if at != len(extra):
        raise ValueError("rest")
    at = 0
    while at < len(chain):
        c, at = vec(chain, at, 3)
        out.append(c)
    return pre, out


def parse_tile(data):
    """[(leaf_input, precertificate or None, [fingerprint])]"""
    out, at = [], 0
    while at < len(data):
        start = at
        kind = struct.unpack(">H", data[at + 8:at + 10])[0]
        at += 10 + (32 if kind == 1 else 0)
        _, at = vec(data, at, 3)
        _, at = vec(data, at, 2)
        leaf, pre = b"\0\0" + data[start:at], None
        if kind == 1:
            pre, at = vec(data, at, 3)
        fps, at = vec(data, at, 2)
        out.append((leaf, pre, [fps[i:i + 32]
                                for i in range(0, len(fps), 32)]))
    return out


def tile_path(level, n, width=256):
    s = "%03d" % (n % 1000)
    n //= 1000
    while n:
        s = "x%03d/%s" % (n % 1000, s)
        n //= 1000
    p = "" if width == 256 else ".p/%d" % width
    return "/tile/%s/%s%s" % (level, s, p)


def run(*cmd, **kw):
    r = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       check=False, **kw)
    if r.returncode != 0:
        raise OSError("%s: %d %s" % (os.path.basename(cmd[0]), r.returncode,
                                     r.stderr.decode()))
    return r.stdout.decode()
