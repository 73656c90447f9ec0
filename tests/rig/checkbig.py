"""Checks of biglog, by code that shares nothing with it: usage
checkbig.py BINDIR DIR.  Every root, proof, tile and certificate is looked at
from outside; what must match is computed from the names that were served."""
import base64
import gzip
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse

import checklib as c
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

SIZE, EVERY, DOMAIN = 5000, 512, "planted.example"
passed = failed = 0


def ok(what, good, more=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print("FAIL biglog: %s %s" % (what, more))


class Big(c.Log):
    def __init__(self, server, name, path):
        with open(path) as f:
            ops = json.load(f)["operators"]
        logs = [x for o in ops for x in o["logs"] + o["tiled_logs"]]
        super().__init__(server, name, [x for x in logs if x.get(
            "url", x.get("monitoring_url")).endswith("/%s/" % name)][0])
        self.rig = server.url + "/_rig/"

    def tile(self, level, n, width=256):
        status, head, body = c.http(self.url + c.tile_path(level, n, width))
        if status != 200:
            raise OSError("%s %s %s: %d" % (level, n, width, status))
        if head.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)     # its CRC-32, too
        return body


def names_of(entry):
    """The names in an entry, by way of a whole certificate."""
    leaf, pre, _ = entry
    return x509.load_der_x509_certificate(
        pre or c.parse_leaf(leaf)["cert"]).extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


POISON = bytes.fromhex("3013060a2b06010401d6790204030101ff04020500")


def unpoisoned(tbs):
    """RFC 6962, 3.2: the TBSCertificate without the poison extension."""
    at = tbs.index(POISON)
    b = bytearray(tbs[:at] + tbs[at + len(POISON):])
    exts = tbs.index(b"\xa3\x82")
    for head in (0, exts, exts + 4):     # all of them longer than 255 bytes
        n = int.from_bytes(b[head + 2:head + 4], "big") - len(POISON)
        b[head + 2:head + 4] = n.to_bytes(2, "big")
    return bytes(b)


def both_forms(log):
    """The entries of all data tiles, after comparing them with get-entries."""
    entries = log.entries()
    tiles = []
    for n in range(0, SIZE, 256):
        tiles += c.parse_tile(log.tile("data", n // 256, min(256, SIZE - n)))
    ok("leaves are the same in both forms", [e[0] for e in entries] ==
       [t[0] for t in tiles])
    same = len(entries) == len(tiles) == SIZE
    for (leaf, extra), (_, pre, fps) in zip(entries, tiles):
        p, chain = c.parse_extra(c.parse_leaf(leaf)["kind"], extra)
        same = same and p == pre and [c.sha(x) for x in chain] == fps
    ok("precertificates and chains are the same in both forms", same)
    return tiles


def tree(log, tiles):
    h = [c.leaf_hash(t[0]) for t in tiles]
    size, _, root, good = log.sth()
    ok("get-sth: size and signature", good and size == SIZE, size)
    ok("get-sth: root of the entries", root == c.root_of(h))
    size, _, root2, good, origin, _ = log.checkpoint()
    ok("checkpoint", good and size == SIZE and root2 == root and
       origin == log.origin)
    ok("hash tiles of level 0", b"".join(
        log.tile(0, n // 256, min(256, SIZE - n)) for n in
        range(0, SIZE, 256)) == b"".join(h))
    top = [c.root_of(h[n:n + 256]) for n in range(0, SIZE - 255, 256)]
    ok("the hash tile of level 1", log.tile(1, 0, len(top)) == b"".join(top))
    for a, b in ((1, SIZE), (256, 512), (255, 4097), (2048, SIZE),
                 (4999, SIZE), (300, 300), (1, 2), (3, 7)):
        p = [c.unb64(x) for x in log.v1(
            "get-sth-consistency?first=%d&second=%d" % (a, b))["consistency"]]
        ok("consistency of %d and %d" % (a, b), c.consistency_ok(
            a, b, p, c.root_of(h[:a]), c.root_of(h[:b])))
    for i, n in ((0, SIZE), (SIZE - 1, SIZE), (255, 256), (256, 257),
                 (1234, 4096), (0, 1), (4097, 4999)):
        j = log.v1("get-proof-by-hash?tree_size=%d&hash=%s" % (
            n, urllib.parse.quote(base64.b64encode(h[i]), safe="")))
        ok("proof of %d in %d" % (i, n), j["leaf_index"] == i and
           c.inclusion_ok(h[i], i, n, [c.unb64(x) for x in j["audit_path"]],
                          c.root_of(h[:n])))
    status = c.http(log.url + "/ct/v1/get-proof-by-hash?tree_size=4096&hash=" +
                    urllib.parse.quote(base64.b64encode(h[4096])))[0]
    ok("no proof of what is not in the tree", status == 404, status)


def entries(log, tiles):
    at, serials, seen, last = [], set(), set(), 0
    sizes, pres = 0, 0
    for i, (leaf, pre, fps) in enumerate(tiles):
        e = c.parse_leaf(leaf)
        at.append(e["ext"] == b"\0\0\5" + i.to_bytes(5, "big"))
        ok_time = e["ts"] >= last
        last = e["ts"]
        at[-1] = at[-1] and ok_time and e["kind"] == (pre is not None)
        cert = pre or e["cert"]
        sizes += len(cert)
        pres += pre is not None
        x = x509.load_der_x509_certificate(cert)
        serials.add(x.serial_number)
        seen.add(names_of((leaf, pre, fps))[0])
    ok("indices and times of all entries", all(at))
    ok("serials are distinct", len(serials) == SIZE, len(serials))
    ok("names are distinct", len(seen) == SIZE, len(seen))
    ok("size of certificates", 900 < sizes / SIZE < 1500, sizes / SIZE)
    ok("precertificates", 0.55 < pres / SIZE < 0.65, pres / SIZE)


def oracle(log, tiles, told):
    want = {o["index"]: o for o in told if o["class"] == "match"}
    near = {o["index"]: o for o in told if o["class"] == "near"}
    match = {i for i, t in enumerate(tiles) if any(
        n == DOMAIN or n.endswith("." + DOMAIN) for n in names_of(t))}
    ok("the oracle has what is below the domain", match == set(want) and
       len(match) == (SIZE + EVERY - 1) // EVERY and 0 in match,
       (sorted(match), sorted(want)))
    alike = {i for i, t in enumerate(tiles) if i not in match and any(
        n.endswith(DOMAIN) for n in names_of(t))}
    ok("and the near misses", alike == set(near), (alike, set(near)))
    kinds = set()
    for i in sorted(match):
        leaf, pre, fps = tiles[i]
        e = c.parse_leaf(leaf)
        x = x509.load_der_x509_certificate(pre or e["cert"])
        status, _, der = c.http("%s/issuer/%s" % (log.url, fps[0].hex()))
        ca = x509.load_der_x509_certificate(der)
        ca.public_key().verify(x.signature, x.tbs_certificate_bytes,
                               padding.PKCS1v15(), hashes.SHA256())
        kinds.add(pre is not None)
        o = want[i]
        ok("entry %d is as told" % i, status == 200 and c.sha(der) == fps[0]
           and x.issuer == ca.subject and o["names"] == names_of(tiles[i]) and
           int(o["serial"], 16) == x.serial_number and
           o["timestamp"] == e["ts"] and
           o["type"] == ("precert" if pre else "x509"))
        if pre:
            ok("the precertificate of %d fits its leaf" % i,
               unpoisoned(x.tbs_certificate_bytes) == e["cert"] and
               e["key_hash"] ==
               c.sha(ca.public_key().public_bytes(
                   c.serialization.Encoding.DER,
                   c.serialization.PublicFormat.SubjectPublicKeyInfo)))
    ok("both kinds are planted", kinds == {True, False}, kinds)


def pages(log):
    """How get-entries cuts, and that no page is hurt by those before it."""
    def page(a, b):
        return c.get("%s/ct/v1/get-entries?start=%d&end=%d" % (
            log.url, a, b))["entries"]
    first = page(0, 255)
    ok("a page ends at a multiple of 256", len(page(200, 1000)) == 56)
    ok("a page in the middle", page(100, 119) == first[100:120])
    page(3072, 3327)        # another one in the same memory
    ok("the first page again", page(0, 255) == first)
    for q in ("start=9&end=8", "start=%d&end=%d" % (SIZE, SIZE), "start=x"):
        ok("get-entries?" + q, c.http(
            log.url + "/ct/v1/get-entries?" + q)[0] == 400)


def plain(server, log):
    """The one of loglist-rfc6962.json has the same heads, and no tiles."""
    url = server.url + "/rfc6962/big"
    ok("the log without tiles", c.get(url + "/ct/v1/get-sth") ==
       log.v1("get-sth") and [c.http(url + p)[0] for p in (
           "/tile/data/000", "/tile/0/000", "/checkpoint",
           "/ct/v1/get-roots")] == [404, 404, 404, 200])


def etag(log):
    _, head, _ = c.http(log.url + "/checkpoint")
    status = c.http(log.url + "/checkpoint", None, {
        "If-None-Match": head["ETag"]})[0]
    ok("304 for the checkpoint that one has", status == 304, status)


def growth(server, log, h):
    root = log.sth()[2]
    c.get(log.rig + "rate?n=2000")
    time.sleep(1.5)
    c.get(log.rig + "rate?n=0")
    size, now, root2, good = log.sth()
    ok("it grows", good and SIZE < size < SIZE + 40000, size)
    p = [c.unb64(x) for x in log.v1("get-sth-consistency?first=%d&second=%d" % (
        SIZE, size))["consistency"]]
    ok("consistently", c.consistency_ok(SIZE, size, p, root, root2))
    last = [c.parse_leaf(c.unb64(e["leaf_input"])) for e in c.get(
        "%s/ct/v1/get-entries?start=%d&end=%d" % (
            log.url, SIZE, size))["entries"]]
    ok("entries carry the time when they were added", all(
        now - 10000 < e["ts"] <= now for e in last))
    c.get(log.rig + "size?n=%d" % (size + 3000))
    ok("by so many at once", log.sth()[0] == size + 3000)
    tail = []
    for n in range(SIZE // 256, (size + 3000) // 256 + 1):
        w = min(256, size + 3000 - n * 256)
        if w > 0:
            tail += c.parse_tile(log.tile("data", n, w))
    ok("root of it all", log.sth()[2] == c.root_of(
        h[:SIZE // 256 * 256] + [c.leaf_hash(t[0]) for t in tail]))
    told = [json.loads(x) for x in c.http(
        log.rig + "oracle?from=%d" % SIZE)[2].splitlines()]
    ok("planted ones appear", len(told) > 3 and all(
        names_of(tail[o["index"] - SIZE // 256 * 256]) == o["names"]
        for o in told))


def drip(log):
    """What comes of the body of get-roots within two seconds and a half."""
    host, port = log.url.split("/")[2].split(":")
    with socket.create_connection((host, int(port))) as k:
        k.sendall(b"GET /big/ct/v1/get-roots HTTP/1.1\r\n\r\n")
        k.settimeout(0.1)
        end, got = time.time() + 2.5, b""
        while time.time() < end:
            try:
                got += k.recv(4096)
            except OSError:
                pass
    return got.partition(b"\r\n\r\n")[2]


def faults(log):
    def fault(text):
        c.get(log.rig + "fault?fault=" + text)
    fault("429&rate=2&retry=7&match=get-sth")
    got = [c.http(log.url + "/ct/v1/get-sth") for _ in range(8)]
    ok("429 above two a second", [g[0] for g in got].count(429) >= 4 and
       [g[1].get("Retry-After") for g in got if g[0] == 429][0] == "7")
    c.get(log.rig + "honest")
    fault("stall&match=/tile/data/003&times=1")
    try:
        c.http(log.url + "/tile/data/003", timeout=1)
        ok("a tile that never comes", False)
    except OSError:
        ok("a tile that never comes", True)
    ok("the others do", len(log.tile("data", 4)) > 100000)
    fault("slow&match=get-roots")
    ok("a byte a second", 1 <= len(drip(log)) <= 4)
    fault("503&match=consistency")
    ok("503", c.http(log.url + "/ct/v1/get-sth-consistency?first=1&second=2")
       [0] == 503)
    c.get(log.rig + "honest")
    stats = c.get(log.rig + "stats")
    ok("stats", stats["logs"]["big"]["get-sth"] > 8 and
       stats["entries"] >= 2 * SIZE and stats["user_s"] > 0)


def variants(bin_dir, d):
    """TLS, several logs, a hybrid one; pages that are not aligned."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "9", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", d + "/t.key", "-out", d + "/t.crt"],
                   check=True, stderr=subprocess.DEVNULL)
    s = c.Server(bin_dir + "/biglog", "serve", "--dir", d + "/b", "--size",
                 "3000", "--every", "1024", "--domain", "x.test", "--logs",
                 "3", "--hybrid", "--cap", "1000", "--align", "0", "--cert",
                 d + "/t.crt", "--key", d + "/t.key")
    log, third = (Big(s, n, d + "/b/loglist.json") for n in ("big", "big3"))
    page = log.v1("get-entries?start=100&end=2999")["entries"]
    ok("pages of 1,000 that begin anywhere", len(page) == 1000)
    ok("each log has its key", third.sth()[3] and log.sth()[3] and
       log.id != third.id)
    ok("a hybrid log has no checkpoint, hash tiles or partial tiles",
       [c.http(log.url + p)[0] for p in (
           "/checkpoint", "/tile/0/000", "/tile/data/011.p/184",
           "/tile/data/000")] == [404, 404, 404, 200])
    tls = "https://127.0.0.1:%d" % s.info["tls_port"]
    got = c.run("curl", "-sS", "--cacert", d + "/t.crt", tls +
                "/big/ct/v1/get-entries?start=100&end=2999", tls +
                "/big/ct/v1/get-entries?start=100&end=2999")
    ok("the same over TLS, twice on one connection", [
        json.loads(x + "]}")["entries"] for x in got.split("]}")[:2]] ==
       [page, page] and s.info["base"] == tls)
    ok("ends when told to", s.stop() == 0)


def main(bin_dir, d):
    d += "/big"
    os.mkdir(d)
    args = ["--dir", d + "/a", "--size", str(SIZE), "--every", str(EVERY)]
    told = [json.loads(x) for x in c.run(
        bin_dir + "/biglog", "oracle", *args, "--near").splitlines()]
    server = c.Server(bin_dir + "/biglog", "serve", *args)
    log = Big(server, "big", d + "/a/loglist-static.json")
    tiles = both_forms(log)
    h = [c.leaf_hash(t[0]) for t in tiles]
    tree(log, tiles)
    entries(log, tiles)
    oracle(log, tiles, told)
    pages(log)
    etag(log)
    plain(server, log)
    root = log.sth()[2]
    growth(server, log, h)
    faults(log)
    server.stop()
    server = c.Server(bin_dir + "/biglog", "serve", *args)
    ok("the same tree when it is started again",
       Big(server, "big", d + "/a/loglist.json").sth()[2] == root)
    server.stop()
    variants(bin_dir, d)
    r = subprocess.run([bin_dir + "/biglog", "serve", *args, "--seed", "7"],
                       capture_output=True, text=True, check=False)
    ok("another seed wants another folder", r.returncode == 64 and
       "another" in r.stderr, r.stderr)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
