#!/usr/bin/env python3
"""10,000 certificates over 50 OCSP responders, healthy and not.

    revocation.py --obj build/release --database CONNINFO [--rounds 5]
                  [--n 10000] [--responders 50]

Certificates of the rig's CA come into a database through the rig's log; then
`run --once` asks about all of them, in turn with every responder well and with
one that never answers and one that answers with one byte a second.  Prints the
ratio of the wall times of each round (README.md).  Exits with 2 when a status
was wrong.
"""
import argparse
import base64
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

from figures import figure

BATCH = 500


def u(n, size):
    return n.to_bytes(size, "big")


def post(url, body=b"{}"):
    with urllib.request.urlopen(url, data=body, timeout=60) as r:
        return json.load(r)


def certificates(path):
    with open(path) as f:
        text = f.read()
    return [ssl.PEM_cert_to_DER_cert(x) for x in re.findall(
        r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text,
        re.S)]


class Rig:
    def __init__(self, obj, tmp, responders):
        self.obj, self.tmp, self.kids = obj, tmp, []
        self.rig = os.path.join(obj, "tests/rig")
        self.ca = os.path.join(tmp, "ca")
        subprocess.run([self.rig + "/ca", "init", self.ca], check=True,
                       stdout=subprocess.DEVNULL)
        self.log = self.server("ctlog", "--dir", os.path.join(tmp, "log"),
                               "--log", "bulk")
        self.cas = self.server("casrv", "--ports", str(responders), "--ca",
                               self.ca)
        self.where = self.cas["listeners"][1:]

    def server(self, name, *args):
        p = subprocess.Popen([os.path.join(self.rig, name)] + list(args),
                             stdout=subprocess.PIPE, text=True)
        self.kids.append(p)
        return json.loads(p.stdout.readline())

    def stop(self):
        for p in self.kids:
            p.terminate()
            p.wait()

    def issue(self, n):
        """N certificates, into the log."""
        urls = os.path.join(self.tmp, "ocsp.txt")
        with open(urls, "w") as f:
            f.writelines("http://%s/ca/ocsp\n" % x for x in self.where)
        out = os.path.join(self.tmp, "bulk.pem")
        subprocess.run([self.rig + "/ca", "bulk", self.ca, "--n", str(n),
                        "--ocsp-list", urls, "--out", out], check=True,
                       stdout=subprocess.DEVNULL)
        chain = [certificates(os.path.join(self.ca, x))[0]
                 for x in ("int.pem", "root.pem")]
        extra = b"".join(u(len(c), 3) + c for c in chain)
        extra = base64.b64encode(u(len(extra), 3) + extra).decode()
        entries = []
        for i, c in enumerate(certificates(out)):
            leaf = b"\0\0" + u(int(time.time() * 1000) + i, 8) + b"\0\0" + \
                u(len(c), 3) + c + b"\0\0"
            entries.append({"leaf_input": base64.b64encode(leaf).decode(),
                            "extra_data": extra})
        for i in range(0, len(entries), BATCH):
            post(self.log["admin"] + "/bulk/add", json.dumps(
                {"entries": entries[i:i + BATCH]}).encode())
        return len(entries)

    def lie(self, lie, where, n=1):
        post("%s/ca/lie?lie=%s&kind=ocsp&n=%d&port=%s" % (
            self.cas["admin"], lie, n, where.rsplit(":", 1)[1]))

    def honest(self):
        post(self.cas["admin"] + "/ca/honest")


class Product:
    def __init__(self, obj, tmp, rig, database):
        self.name = "cvbench_rev_%d" % os.getpid()
        self.admin = database
        self.db = re.sub(r"\bdbname=\S+", "", database) + " dbname=" + \
            self.name
        self.sql("create database " + self.name, self.admin)
        conf = os.path.join(tmp, "c.yaml")
        with open(conf, "w") as f:
            f.write("database: %s\nstate_dir: %s/state\nstart: beginning\n"
                    "contact: https://bench.example.org/\n"
                    "log_list: {file: %s, signature_key: none}\n"
                    "watch: [.bulk.example]\n"
                    "audit: {resolvers: [127.0.0.1@1]}\n"
                    "egress: {allow_private: [127.0.0.0/8]}\n" %
                    (json.dumps(self.db), tmp,
                     os.path.join(tmp, "log/loglist.json")))
        self.cv = [os.path.join(obj, "certvigil"), "--config", conf]

    def sql(self, text, db=None):
        return subprocess.run(
            ["psql", "-AtXq", "-v", "ON_ERROR_STOP=1", "-d", db or self.db,
             "-c", text], check=True, capture_output=True,
            text=True).stdout.strip()

    def once(self):
        t = time.time()
        p = subprocess.run(self.cv + ["run", "--once"], capture_output=True,
                           text=True, timeout=900)
        if p.returncode != 0:
            raise RuntimeError("run --once: %d\n%s" % (p.returncode,
                                                       p.stderr[-1000:]))
        if os.environ.get('VERBOSE'):
            sys.stderr.write(p.stderr[-3000:])
        return time.time() - t

    def again(self):
        """Every certificate is due at its responder, and nothing else."""
        self.sql("update work set due_at = now() + interval '1 day'; "
                 "update ocsp_due set due_at = now(), tries = 0; "
                 "update work set due_at = now(), attempts = 0 "
                 "where kind = 'ocsp'")

    def good(self):
        return int(self.sql("select count(*) from revocation "
                            "where status = 'good'"))

    def drop(self):
        self.sql("drop database if exists %s with (force)" % self.name,
                 self.admin)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--obj", required=True)
    ap.add_argument("--database", required=True)
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--n", type=int, default=10000)
    ap.add_argument("--responders", type=int, default=50)
    a = ap.parse_args()
    tmp = tempfile.mkdtemp(prefix="cvbench-")
    os.chmod(tmp, 0o755)
    rig, cv, wrong = Rig(a.obj, tmp, a.responders), None, 0
    try:
        n = rig.issue(a.n)
        cv = Product(a.obj, tmp, rig, a.database)
        first = cv.once()
        if cv.good() != n:
            print("WRONG: %d of %d are good" % (cv.good(), n))
            print(cv.sql("select refusal, count(*) from revocation_status "
                         "where status <> 'good' group by 1 limit 5"))
            wrong = 2
        print("# %d certificates, %d responders; read, judged and asked for "
              "the first time in %.1f s" % (n, a.responders, first))
        well, ill = [], []
        for _ in range(a.rounds):
            cv.again()
            well.append(cv.once())
            rig.lie("stall", rig.where[0])
            rig.lie("slow", rig.where[1], 1)
            cv.again()
            ill.append(cv.once())
            rig.honest()
        print("# seconds: well", *["%.1f" % t for t in well], "ill",
              *["%.1f" % t for t in ill])
        figure("revocation_asked_per_second", "1/s", [n / t for t in well])
        figure("revocation_ill_over_well", "ratio",
               [y / x for x, y in zip(well, ill)], "goal: at most 1.5")
    finally:
        rig.stop()
        if cv is not None:
            cv.drop()
        subprocess.run(["rm", "-rf", tmp])
    return wrong


if __name__ == "__main__":
    sys.exit(main())
