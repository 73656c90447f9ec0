#!/usr/bin/env python3
"""Check the rig from outside.  usage: selfcheck.py BINDIR TMPDIR
Prints one line a failure and `N passed, N failed, N skipped`."""
import base64
import gzip
import hashlib
import hmac
import json
import os
import shutil
import ssl
import struct
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import zlib
from http.client import HTTPException

from cryptography import x509
from cryptography.hazmat.primitives import serialization

import checkdns
import checkrev
import checktls
from checklib import (Log, Server, consistency_ok, get, http,
                      inclusion_ok, leaf_hash, parse_extra, parse_leaf,
                      parse_tile, post, root_of, run, sha, signature_ok,
                      tile_path, unb64)

BIN, TMP = sys.argv[1], sys.argv[2]
count = {"passed": 0, "failed": 0, "skipped": 0}


def check(ok, what):
    count["passed" if ok else "failed"] += 1
    if not ok:
        print("FAILED: %s" % what)


def skip(n, why):
    count["skipped"] += n
    print("SKIP %d %s" % (n, why))


def ca(*args):
    return json.loads(run(os.path.join(BIN, "ca"), *args) or "{}")


def start_log(d, *args):
    s = Server(os.path.join(BIN, "ctlog"), "--dir", d, "--log",
               "alpha,cap=200", "--log", "beta,key=rsa,proto=static", *args)
    ops = json.load(open(d + "/loglist-rfc6962.json"))["operators"]
    byname = {e["description"].split()[-1]: e for o in ops for e in o["logs"]}
    return s, {n: Log(s, n, e) for n, e in byname.items()}


def check_lists(d):
    for name in ("loglist", "loglist-rfc6962", "loglist-static"):
        text = open("%s/%s.json" % (d, name), "rb").read()
        ops = json.loads(text)["operators"]
        logs = [e for o in ops for k in ("logs", "tiled_logs") for e in o[k]]
        check(len(ops) == 2 and len(logs) == 2, name + ": two of each")
        for e in logs:
            check(unb64(e["log_id"]) == sha(unb64(e["key"])),
                  name + ": log_id")
        out = run("openssl", "dgst", "-sha256", "-verify",
                  d + "/list.pub.pem", "-signature", "%s/%s.sig" % (d, name),
                  "%s/%s.json" % (d, name))
        check("Verified OK" in out, name + ": openssl says " + out)


def check_trees(logs):
    for log in logs.values():
        ents = log.entries()
        hashes = [leaf_hash(e[0]) for e in ents]
        size, _, root, ok = log.sth()
        check(ok, log.url + ": get-sth signature")
        check(size == len(ents) and root == root_of(hashes),
              log.url + ": root of the entries")
        csize, _, croot, cok, origin, _ = log.checkpoint()
        check(cok and (csize, croot) == (size, root) and
              origin == log.origin, log.url + ": checkpoint")
        check_proofs(log, hashes)
        check_tiles(log, ents, hashes)
        for i, (leaf, extra) in enumerate(ents):
            p = parse_leaf(leaf)
            parse_extra(p["kind"], extra)
            want = b"\0\0\5" + i.to_bytes(5, "big")
            if p["ext"] != want:
                check(False, "%s: leaf_index of %d" % (log.url, i))
                break
        else:
            check(True, "")


def check_proofs(log, hashes):
    n = len(hashes)
    sizes = [1, 2, 3, 7, 8, 255, 256, 257, n - 1, n]
    roots = {s: root_of(hashes[:s]) for s in sizes}
    bad = 0
    for s in sizes:
        for i in {0, 1, s // 2, s - 1}:
            if i >= s:
                continue
            j = log.v1("get-proof-by-hash?hash=%s&tree_size=%d" % (
                urllib.parse.quote(base64.b64encode(hashes[i]), safe=""), s))
            e = log.v1("get-entry-and-proof?leaf_index=%d&tree_size=%d" % (
                i, s))
            path = [unb64(h) for h in j["audit_path"]]
            bad += j["leaf_index"] != i or e["audit_path"] != \
                j["audit_path"] or leaf_hash(unb64(e["leaf_input"])) != \
                hashes[i] or not inclusion_ok(hashes[i], i, s, path, roots[s])
        for m in sizes:
            if m > s:
                continue
            j = log.v1("get-sth-consistency?first=%d&second=%d" % (m, s))
            path = [unb64(h) for h in j["consistency"]]
            bad += not consistency_ok(m, s, path, roots[m], roots[s])
    check(bad == 0, "%s: %d proofs are wrong" % (log.url, bad))


def check_tiles(log, ents, hashes):
    level, l, n = hashes, 0, len(hashes)
    bad = 0
    while level:
        for t in range(0, (len(level) + 255) // 256):
            want = level[t * 256:t * 256 + 256]
            st, _, body = http(log.url + tile_path(l, t, len(want)))
            bad += st != 200 or body != b"".join(want)
        level = [root_of(level[i:i + 256])
                 for i in range(0, len(level) - 255, 256)]
        l += 1
    check(bad == 0, "%s: %d hash tiles are wrong" % (log.url, bad))
    got, issuers = [], {}
    for t in range(0, (n + 255) // 256):
        w = min(256, n - t * 256)
        st, h, body = http(log.url + tile_path("data", t, w))
        check(st == 200 and h["Content-Encoding"] == "gzip", "gzip tile")
        got += parse_tile(gzip.decompress(body))
    check([g[0] for g in got] == [e[0] for e in ents],
          log.url + ": leaves of the data tiles")
    for (leaf, extra), (_, pre, fps) in zip(ents, got):
        want, chain = parse_extra(parse_leaf(leaf)["kind"], extra)
        for f in fps:
            if f not in issuers:
                issuers[f] = http("%s/issuer/%s" % (log.url, f.hex()))[2]
        if pre != want or [issuers[f] for f in fps] != chain:
            bad += 1
    check(bad == 0 and all(sha(d) == f for f, d in issuers.items()),
          log.url + ": chains of the data tiles")
    for p in (tile_path(0, n // 256), tile_path("data", n // 256 + 1),
              tile_path(0, 0, 0), "/tile/6/000", "/tile/0/0", "/tile/0/x000",
              "/issuer/" + "0" * 64, "/issuer/xyz"):
        check(http(log.url + p)[0] == 404, log.url + p + ": 404")


def check_certificate(d, logs, name, out, extra):
    """Issue, then verify with other means: chain, SCTs, entries."""
    args = ["issue", d + "/ca", "--name", name, "--name", "*." + name,
            "--ip", "192.0.2.7", "--final-submit", "--out", out]
    for log in logs.values():
        args += ["--submit", log.url]
    j = ca(*args, *extra)
    cert = x509.load_pem_x509_certificate(open(out + ".pem", "rb").read())
    issuer = x509.load_pem_x509_certificate(
        open(out + ".chain.pem", "rb").read())
    text = run("openssl", "verify", "-CAfile", d + "/ca/root.pem",
               "-untrusted", out + ".chain.pem", out + ".pem")
    check(": OK" in text, name + ": openssl verify")
    tbs = cert.tbs_precertificate_bytes
    spki = issuer.public_key().public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo)
    check(j["tbs_sha256"] == sha(tbs).hex() and
          j["issuer_spki_sha256"] == sha(spki).hex(), name + ": summary")
    scts = cert.extensions.get_extension_for_class(
        x509.PrecertificateSignedCertificateTimestamps).value
    check(len(scts) == len(logs), name + ": SCTs")
    for raw in map(unb64, j["scts"]):
        log = [g for g in logs.values() if g.id == raw[1:33]][0]
        ts = struct.unpack(">Q", raw[33:41])[0]
        n = struct.unpack(">H", raw[41:43])[0]
        ext, ds = raw[43:43 + n], raw[43 + n:]
        data = struct.pack(">BBQH", 0, 0, ts, 1) + sha(spki) + \
            len(tbs).to_bytes(3, "big") + tbs + struct.pack(">H", n) + ext
        check(signature_ok(log.key, ds, data), name + ": SCT signature")
        index = int.from_bytes(ext[3:8], "big")
        leaf, _ = log.entries()[index]
        check(leaf == data, name + ": the leaf is what the SCT signs")
    return j, cert


def check_ca(d, logs):
    ca("init", d + "/ca")
    check_certificate(d, logs, "one.example", d + "/one", [])
    check_certificate(d, logs, "two.example", d + "/two",
                      ["--precert-signing-cert", "--key-type", "rsa"])
    j, cert = check_certificate(d, logs, "three.example", d + "/three",
                                ["--same-serial", d + "/one.pem",
                                 "--cn", "three.example"])
    one = x509.load_pem_x509_certificate(open(d + "/one.pem", "rb").read())
    check(cert.serial_number == one.serial_number, "twins")
    ca("issue", d + "/ca", "--name", "bad.example", "--bad-signature",
       "--out", d + "/bad")
    r = subprocess.run(["openssl", "verify", "-CAfile", d + "/ca/root.pem",
                        "-untrusted", d + "/bad.chain.pem", d + "/bad.pem"],
                       capture_output=True, check=False)
    check(r.returncode != 0, "--bad-signature")
    ca("issue", d + "/ca", "--name", "mal.example", "--malformed",
       "--raw-san", "61002e62", "--out", d + "/mal", "--submit",
       logs["alpha"].url)
    mal = x509.load_pem_x509_certificate(open(d + "/mal.pem", "rb").read())
    try:
        mal.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        check(False, "--malformed can be parsed")
    except ValueError:
        check(b"mal.example" in mal.tbs_certificate_bytes, "--malformed")
    n = ca("real", d + "/ca", "--log", logs["beta"].url)["submitted"]
    check(n > 100, "ca real: %d certificates" % n)


def check_head_lies(log):
    size, ts, root, _ = log.sth()
    cases = [
        ("fork", dict(mode="head"), lambda h: h[0] == size and h[2] != root
         and h[3]),
        ("shrink", {}, lambda h: h[0] < size and h[3]),
        ("stale", {}, lambda h: h[3] and
         h[1] < time.time() * 1000 - 86400000),
        ("future_timestamp", {}, lambda h: h[3] and
         h[1] > time.time() * 1000 + 3000000),
        ("backwards_timestamp", {}, lambda h: h[3] and h[1] < ts),
        ("bad_signature", {}, lambda h: h[:3] == (size, ts, root) and
         not h[3]),
        ("wrong_key", {}, lambda h: h[:3] == (size, ts, root) and not h[3]),
    ]
    for name, args, good in cases:
        log.lie(name, **args)
        check(good(log.sth()), name + ": get-sth")
        check(good(log.checkpoint()[:4]), name + ": checkpoint")
        log.honest()
        check(log.sth() == (size, ts, root, True), name + ": over")
    log.lie("shrink", times=1)
    check(log.sth()[0] < size and log.sth()[0] == size, "shrink once")
    log.lie("flap")
    got = {log.sth() for _ in range(4)}
    check(len(got) == 2 and all(h[3] for h in got), "flap")
    log.honest()
    log.lie("extra_signatures")
    h = log.checkpoint()
    check(h[3] and h[5] == 16, "extra_signatures")
    log.honest()
    log.lie("wrong_origin")
    h = log.checkpoint()
    check(h[3] and h[4] != log.origin, "wrong_origin")
    log.lie("wrong_origin", mode="both")
    check(not log.checkpoint()[3], "wrong_origin both")
    log.honest()


def check_fork(log):
    before = log.entries()
    size, _, root, _ = log.sth()
    log.lie("fork", at=size - 3)
    post(log.admin + "/fill?n=5&seed=99")
    fsize, _, froot, ok = log.sth()
    there = log.entries()
    check(ok and fsize == size + 5 and len(there) == fsize and
          froot == root_of([leaf_hash(e[0]) for e in there]) and
          there[:size - 3] == before[:size - 3] and
          there[size - 3][0] != before[size - 3][0], "fork: its own tree")
    log.honest()
    check(log.sth()[:1] == (size,) and log.sth()[2] == root and
          log.entries() == before, "fork: back")


def check_entry_lies(log):
    ents = log.entries()
    n = len(ents)
    u = "%s/ct/v1/get-entries?start=0&end=9" % log.url

    def page(name, **args):
        log.lie(name, **args)
        a = http(u)
        log.honest()
        return a

    log.lie("bitflip", index=4)
    got = log.entries()
    diff = [i for i in range(n) if got[i] != ents[i]]
    tile = parse_tile(gzip.decompress(http(log.url + tile_path(
        "data", 0, min(256, n)))[2]))
    check(diff == [4] and sum(bin(a ^ b).count("1") for a, b in zip(
        got[4][0], ents[4][0])) == 1 and tile[4][0] == got[4][0], "bitflip")
    check(log.sth()[2] == root_of([leaf_hash(e[0]) for e in ents]),
          "bitflip: head")
    log.honest()
    for name, args, want in (("short_page", {}, 1), ("empty_page", {}, 0),
                             ("oversized_page", dict(n=3), 13),
                             ("cap", dict(n=4), 4)):
        check(len(json.loads(page(name, **args)[2])["entries"]) == want, name)
    check(http(log.url + "/ct/v1/get-entries?start=%d&end=%d" % (n, n))[0] ==
          400, "beyond the end")
    st, _, body = page("truncated_page")
    check(st == 200 and body[-1:] != b"}", "truncated_page")
    check(b"<html" in page("html_page")[2], "html_page")
    st, h, _ = page("429_seconds", n=7)
    check(st == 429 and h["Retry-After"] == "7", "429_seconds")
    st, h, _ = page("429_date")
    check(st == 429 and h["Retry-After"].endswith("GMT"), "429_date")
    st, h, _ = page("429_bare")
    check(st == 429 and h["Retry-After"] is None, "429_bare")
    for s in ("500", "503", "404", "410"):
        check(page(s)[0] == int(s), s)
    check(json.loads(page("odd_json")[2])["entries"][0]["leaf_input"] ==
          base64.b64encode(ents[0][0]).decode(), "odd_json")
    check(page("duplicate_keys")[2].count(b'"entries"') == 2, "duplicate")
    check(page("wrong_content_type")[1]["Content-Type"] == "text/plain",
          "wrong_content_type")
    log.lie("lag_entries", n=5)
    check(http(log.url + "/ct/v1/get-entries?start=%d&end=%d" % (
        n - 5, n))[0] == 400 and log.sth()[0] == n, "lag_entries")
    log.honest()
    log.lie("503", times=2, kind="get-entries")
    check([http(u)[0] for _ in range(3)] == [503, 503, 200], "503 twice")
    log.honest()


def check_wire_lies(log):
    u = "%s/ct/v1/get-entries?start=0&end=9" % log.url
    log.lie("gzip_bomb", n=64)
    for url in (u, log.url + tile_path("data", 0)):
        _, h, body = http(url)
        z, total = zlib.decompressobj(31), 0
        while body and not z.eof:
            total += len(z.decompress(body, 1 << 20))
            body = z.unconsumed_tail
        check(h["Content-Encoding"] == "gzip" and z.eof and
              total > 63 << 20, "gzip_bomb")
    log.honest()
    log.lie("wrong_gzip")
    _, h, body = http(u)
    check(h["Content-Encoding"] == "gzip" and body[:1] == b"{", "wrong_gzip")
    log.honest()
    for name in ("stall", "slow", "reset"):
        log.lie(name)
        try:
            http(u, timeout=1)
            check(False, name)
        except (OSError, HTTPException):
            check(True, name)
        log.honest()
    check(http(u)[0] == 200, "honest again")


def check_proof_lies(log):
    size, _, root, _ = log.sth()
    ents = log.entries()
    h0 = leaf_hash(ents[0][0])
    log.lie("consistency_bad")
    j = log.v1("get-sth-consistency?first=5&second=%d" % size)
    check(not consistency_ok(5, size, [unb64(h) for h in j["consistency"]],
                             root_of([leaf_hash(e[0]) for e in ents[:5]]),
                             root), "consistency_bad")
    log.lie("proof_bad")
    j = log.v1("get-entry-and-proof?leaf_index=0&tree_size=%d" % size)
    check(not inclusion_ok(h0, 0, size, [unb64(h) for h in j["audit_path"]],
                           root), "proof_bad")
    log.honest()
    full = log.url + tile_path(0, 0)
    good = http(full)[2]
    log.lie("tile_bitflip")
    check(http(full)[2] != good, "tile_bitflip")
    log.honest()
    part = log.url + tile_path(0, 0, 7)
    log.lie("missing_partial")
    check((http(part)[0], http(full)[0]) == (404, 200), "missing_partial")
    log.honest()
    check(http(part)[2] == good[:7 * 32], "partial of a full tile")
    fp = parse_tile(gzip.decompress(http(log.url + tile_path("data", 0))[2]))[
        0][2][0].hex()
    log.lie("issuer_wrong_hash")
    check(sha(http("%s/issuer/%s" % (log.url, fp))[2]).hex() != fp, "issuer")
    log.honest()
    log.lie("issuer_missing")
    check(http("%s/issuer/%s" % (log.url, fp))[0] == 404, "issuer_missing")
    log.honest()


def check_options(d):
    """Heads by the clock, no leaf_index, forked heads, wrong SCTs."""
    s = Server(os.path.join(BIN, "ctlog"), "--dir", d, "--interval", "100",
               "--log", "delta,index=0,hybrid=1,align=8,mmd=60")
    e = json.load(open(d + "/loglist.json"))["operators"][0]["logs"][0]
    log = Log(s, "delta", e)
    post(log.admin + "/fill?n=40&seed=3")
    check(get(log.admin + "/stats")["pending"] in (0, 40), "pending")
    for _ in range(50):
        if log.sth()[0] == 40:
            break
        time.sleep(0.1)
    ents = log.entries()
    check(len(ents) == 40 and parse_leaf(ents[9][0])["ext"] == b"",
          "a head by the clock, leaves without extension")
    page = log.v1("get-entries?start=3&end=39")["entries"]
    check(len(page) == 5, "align")
    post(log.admin + "/state?state=readonly")
    size, ts, root, _ = log.sth()
    log.lie("fork", mode="alternate")
    got = {log.sth()[::2] for _ in range(4)}
    check(len(got) == 2 and (size, root) in [g[:2] for g in got] and
          len(log.entries()) == 40, "fork alternate")
    log.honest()
    post(log.admin + "/state?state=usable")
    chain = {"chain": [base64.b64encode(parse_leaf(x[0])["cert"]).decode()
                       for x in ents if parse_leaf(x[0])["kind"] == 0][:1]}
    data = [x[0] for x in ents if parse_leaf(x[0])["kind"] == 0][0]
    for lie, want in (("", True), ("bad_signature", False),
                      ("wrong_key", False)):
        if lie:
            log.lie(lie, kind="add-chain,add-pre-chain")
        j = post(log.url + "/ct/v1/add-chain", chain)
        check(signature_ok(log.key, unb64(j["signature"]), data) is want and
              unb64(j["id"]) == log.id, "SCT again, %s" % (lie or "honest"))
        log.honest()
    check_tls(d, s)
    check(s.stop() == 0, "ctlog ends well, third time")


def check_tls(d, server):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:P-256", "-nodes", "-keyout", d + "/t.key", "-out",
        d + "/t.crt", "-subj", "/CN=127.0.0.1", "-addext",
        "subjectAltName=IP:127.0.0.1")
    t = Server(sys.executable, os.path.join(os.path.dirname(
        os.path.abspath(__file__)), "tls.py"), "--to", str(server.port),
        "--cert", d + "/t.crt", "--key", d + "/t.key")
    ctx = ssl.create_default_context(cafile=d + "/t.crt")
    with urllib.request.urlopen("https://127.0.0.1:%d/loglist.json" % t.port,
                                context=ctx, timeout=10) as a:
        check(json.load(a)["operators"][0]["name"] == "Rig One", "tls.py")
    t.stop()


def check_scts(d):
    """Certificates whose SCTs are kept, broken, or of nobody's log."""
    s = Server(os.path.join(BIN, "ctlog"), "--dir", d, "--log", "eps,mmd=5")
    e = json.load(open(d + "/loglist.json"))["operators"][0]["logs"][0]
    check(e["mmd"] == 5, "mmd")
    log = Log(s, "eps", e)
    ca("init", d + "/ca")
    rig = checkrev.Ca(os.path.join(BIN, "ca"), d + "/ca", s)
    kept = checkrev.check_withhold(check, rig, log)
    for scts, name, want in zip(kept, ("kept-back", "promised", "broken"),
                                (True, True, False)):
        cert = checkrev.pem("%s/ca/%s.pem" % (d, name))
        tbs = cert.tbs_precertificate_bytes
        spki = rig.int.public_key().public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo)
        raw = unb64(scts[0])
        n = struct.unpack(">H", raw[41:43])[0]
        data = struct.pack(">BB", 0, 0) + raw[33:41] + b"\0\1" + \
            sha(spki) + len(tbs).to_bytes(3, "big") + tbs + raw[41:43 + n]
        check(signature_ok(log.key, raw[43 + n:], data) is want,
              name + ": SCT")
        seen = any(leaf == data for leaf, _ in log.entries())
        check(seen is (name != "kept-back"), name + ": entry")
    ca("issue", d + "/ca", "--name", "t.example", "--no-precert",
       "--final-submit", "--submit", log.url, "--tls-scts", d + "/list",
       "--out", d + "/t")
    data = open(d + "/list", "rb").read()
    check(len(data) == 2 + int.from_bytes(data[:2], "big") > 100,
          "--tls-scts")
    s.stop()


def check_poison(log):
    n = log.sth()[0]
    for i, what in enumerate(("unknown_type", "garbage", "huge", "deep",
                              "empty", "trailing", "bad_version",
                              "bad_chain")):
        j = post(log.admin + "/poison", dict(what=what, name="p.example"))
        check(j["index"] == n + i, what)
    ents = log.entries()
    check(root_of([leaf_hash(e[0]) for e in ents]) == log.sth()[2],
          "poison: root")
    check(b"p.example" in ents[n + 1][0] and b"p.example" in ents[n + 3][0]
          and len(ents[n + 2][0]) > 16 << 20, "poison: entries")


def check_certspotter(d, log, watch):
    if shutil.which("certspotter") is None:
        skip(1, "certspotter is missing")
        return
    ops = json.load(open(d + "/loglist-rfc6962.json"))
    for o in ops["operators"]:
        o["logs"] = [e for e in o["logs"] if e["url"] == log.url + "/"]
    json.dump(ops, open(d + "/one.json", "w"))
    open(d + "/watch", "w").write("".join(".%s\n" % w for w in watch))
    size = log.sth()[0]
    with open(d + "/spotted", "w+") as out:
        p = subprocess.Popen(["certspotter", "-logs", d + "/one.json",
                              "-watchlist", d + "/watch", "-state_dir",
                              d + "/cs", "-stdout"], stdout=out,
                             stderr=subprocess.DEVNULL,
                             env=dict(os.environ, HOME=d))
        done = 0
        for _ in range(300):
            time.sleep(0.1)
            for top, _, files in os.walk(d + "/cs/logs"):
                if "state.json" in files:
                    try:
                        s = json.load(open(top + "/state.json"))
                        done = (s.get("verified_sth") or {}).get(
                            "tree_size", 0)
                    except ValueError:
                        pass
            if done >= size:
                break
        p.terminate()
        p.wait()
        out.seek(0)
        text = out.read()
    check(done == size, "certspotter verified %d of %d" % (done, size))
    for w in watch:
        check(w in text, "certspotter saw " + w)


def sign(secret, wid, ts, body):
    m = hmac.new(secret, b"%s.%d." % (wid, ts) + body, hashlib.sha256)
    return {"webhook-id": wid.decode(), "webhook-timestamp": str(ts),
            "webhook-signature": "v1,AAAA v1," +
            base64.b64encode(m.digest()).decode()}


def check_sink(d):
    secret = os.urandom(32)
    open(d + "/secret", "w").write(
        "whsec_" + base64.b64encode(secret).decode() + "\n")
    s = Server(os.path.join(BIN, "sink"), "--secret-file", d + "/secret",
               "--log-file", d + "/sink.jsonl")
    body = b'{"type":"test.ping","timestamp":"2026-01-01T00:00:00Z","data":{}}'
    now = int(time.time())
    good = sign(secret, b"id1", now, body)
    hook = s.url + "/webhook"
    cases = [(body, good, 204), (body + b" ", good, 401),
             (body, sign(secret, b"id1", now - 400, body), 401),
             (body, sign(b"x" * 32, b"id1", now, body), 401),
             (b"{}", sign(secret, b"id1", now, b"{}"), 401),
             (body, {}, 401)]
    for b, h, want in cases:
        check(http(hook, b, h)[0] == want, "webhook %d" % want)
    slack = s.url + "/slack/T/B"
    for b, want in (({"text": "a &lt;!channel&gt;"}, 200),
                    ({"text": "<!channel>"}, 400), ({}, 400),
                    ({"blocks": [{"type": "section", "text": {
                        "type": "mrkdwn", "text": "x" * 3000}}]}, 200),
                    ({"blocks": [{"type": "section", "text": {
                        "type": "mrkdwn", "text": "x" * 3001}}]}, 400)):
        check(http(slack, b)[0] == want, "slack %r" % b)
    pd = dict(routing_key="k" * 32, event_action="trigger", dedup_key="d",
              payload=dict(summary="s", source="x", severity="critical"))
    for change, want in (({}, 202), ({"routing_key": "k"}, 400),
                         ({"dedup_key": "d" * 255}, 202),
                         ({"dedup_key": "d" * 256}, 400),
                         ({"event_action": "open"}, 400),
                         ({"payload": dict(pd["payload"], severity="high")},
                          400)):
        check(http(s.url + "/pagerduty", dict(pd, **change))[0] == want,
              "pagerduty %r" % change)
    post(s.url + "/_sink/fail", dict(path="/webhook", times=2, status=429,
                                     retry_after="3"))
    st, h, _ = http(hook, body, good)
    check(st == 429 and h["Retry-After"] == "3", "fail 429")
    check([http(hook, body, good)[0] for _ in range(2)] == [429, 204],
          "fail twice")
    post(s.url + "/_sink/fail", dict(path="/webhook", status="reset"))
    try:
        http(hook, body, good)
        check(False, "reset")
    except OSError:
        check(True, "reset")
    log = get(s.url + "/_sink/log")
    lines = [json.loads(x) for x in open(d + "/sink.jsonl")]
    check(lines == log and len(log) == 21, "sink log: %d" % len(log))
    check(log[0]["verified"] and log[0]["body"] == body.decode() and
          log[0]["webhook_id"] == "id1" and not log[1]["verified"],
          "sink records")
    check(s.stop() == 0, "sink ends well")


def main():
    d = TMP + "/log"
    s, logs = start_log(d, "--sign-list")
    check_lists(d)
    for log in logs.values():
        post(log.admin + "/fill", dict(n=700, seed=5))
    check_ca(TMP, logs)
    check_trees(logs)
    check_certspotter(d, logs["alpha"], ["one.example", "two.example",
                                         "three.example"])
    for log in logs.values():
        check_head_lies(log)
        check_fork(log)
        check_entry_lies(log)
        check_wire_lies(log)
        check_proof_lies(log)
    heads = {n: log.sth()[2] for n, log in logs.items()}
    check(s.stop() == 0, "ctlog ends well")
    s, logs = start_log(d, "--port", str(s.port))
    check({n: log.sth()[2] for n, log in logs.items()} == heads, "restart")
    check_poison(logs["alpha"])
    j = post(logs["beta"].admin + "/state?state=readonly")
    lists = json.load(open(d + "/loglist-static.json"))
    fin = [e["state"]["readonly"]["final_tree_head"] for o in
           lists["operators"] for e in o["tiled_logs"]
           if "readonly" in e["state"]]
    check(len(fin) == 1 and fin[0]["sha256_root_hash"] ==
          j["sha256_root_hash"], "readonly")
    post(s.url + "/_rig/new?log=gamma,hybrid=1")
    post(s.url + "/_rig/gamma/fill?n=300")
    check(http(s.url + "/gamma" + tile_path("data", 0))[0] == 200 and
          http(s.url + "/gamma/checkpoint")[0] == 404 and
          http(s.url + "/gamma" + tile_path("data", 1, 44))[0] == 404,
          "hybrid")
    check(s.stop() == 0, "ctlog ends well again")
    check_options(TMP + "/options")
    check_scts(TMP + "/scts")
    checkrev.check_all(check, BIN, TMP)
    checktls.check_all(check, BIN, TMP + "/tls")
    checkdns.check_all(check, skip, TMP + "/dns")
    check_sink(TMP)


try:
    main()
except (OSError, HTTPException, ValueError, LookupError) as why:
    check(False, "stopped by %r" % why)
print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % count)
sys.exit(count["failed"] != 0)
