#!/usr/bin/env python3
"""From the SCT of an entry to the webhook, in a log that grows (README)."""
import argparse
import base64
import json
import math
import os
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from big import Big


class Receiver:
    """The rig's sink: verifies what it gets, and says when it came."""

    def __init__(self, obj, tmp):
        self.secret = os.path.join(tmp, "secret")
        self.log = os.path.join(tmp, "sink.log")
        with open(self.secret, "w") as f:
            f.write("whsec_%s\n" % base64.b64encode(
                secrets.token_bytes(32)).decode())
        os.chmod(self.secret, 0o644)
        self.p = subprocess.Popen([
            os.path.join(obj, "tests/rig/sink"), "--secret-file", self.secret,
            "--log-file", self.log], stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.p.stdout.readline())["port"]

    def records(self):
        with open(self.log) as f:
            return [json.loads(x) for x in f if x.endswith("\n")]

    def stop(self):
        self.p.terminate()
        self.p.stdout.close()
        self.p.wait()


class Product:
    """certvigil run, with one channel, on a database of its own."""

    def __init__(self, a, tmp, log, sink):
        self.admin, self.name = a.database, "cvbench_lat_%d" % os.getpid()
        db = re.sub(r"\bdbname=\S+", "", a.database) + " dbname=" + self.name
        self.sql("create database " + self.name)
        conf = os.path.join(tmp, "c.yaml")
        with open(conf, "w") as f:
            f.write("database: %s\nstate_dir: %s/state\nstart: now\n"
                    "poll: %ds\nwatch: [.planted.example]\n"
                    "contact: https://bench.example.org/\n"
                    "log_list: {file: %s, signature_key: none}\n"
                    "audit: {resolvers: [127.0.0.1@1]}\n"
                    "egress: {allow_private: [127.0.0.0/8]}\n"
                    "channels:\n  - {name: soc, kind: webhook, url: "
                    "\"http://127.0.0.1:%d/webhook\", secret_file: %s}\n"
                    "routes:\n  - {to: [soc]}\n" % (
                        json.dumps(db), tmp, a.poll, log.list(a.form),
                        sink.port, sink.secret))
        self.cv = [os.path.join(a.obj, "certvigil"), "--config", conf]
        subprocess.run(self.cv + ["db", "migrate"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.said = open(os.path.join(tmp, "run.log"), "w+")
        self.p = subprocess.Popen(self.cv + ["run"], stdout=self.said,
                                  stderr=self.said)

    def sql(self, text):
        subprocess.run(["psql", "-X", "-q", "-d", self.admin, "-c", text],
                       check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def stop(self):
        self.p.terminate()
        rc = self.p.wait(60)
        self.sql("drop database if exists %s with (force)" % self.name)
        self.said.seek(0)
        return rc, self.said.read()


def first_seen(records):
    """When each planted certificate was first told of, by its first name."""
    seen = {}
    for r in records:
        if not r.get("verified"):
            continue
        for name in set(re.findall(r"[a-z2-7]{8}\.planted\.example",
                                   r["body"])):
            seen.setdefault(name, r["received"])
    return seen


def percentile(v, p):
    v = sorted(v)
    return v[min(len(v) - 1, math.ceil(len(v) * p / 100) - 1)]


def measure(log, sink, seconds, warm):
    """Seconds from SCT to webhook of what was planted in the window."""
    time.sleep(warm)
    t0 = time.time()
    time.sleep(seconds)
    t1 = time.time()
    planted = [o for o in log.oracle() if t0 <= o["timestamp"] / 1000 < t1]
    end = time.time() + 60
    while True:
        seen = first_seen(sink.records())
        missed = [o for o in planted if o["names"][0] not in seen]
        if not missed or time.time() > end:
            break
        time.sleep(0.5)
    return [seen[o["names"][0]] - o["timestamp"] / 1000 for o in planted
            if o["names"][0] in seen], len(missed)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--obj", required=True)
    p.add_argument("--database", required=True)
    p.add_argument("--form", choices=("rfc6962", "static"),
                   default="rfc6962")
    p.add_argument("--rate", type=int, default=5000)
    p.add_argument("--poll", type=int, default=2)
    p.add_argument("--seconds", type=int, default=40)
    p.add_argument("--warm", type=int, default=8)
    a = p.parse_args()
    tmp = tempfile.mkdtemp(prefix="cvbench-")
    os.chmod(tmp, 0o755)
    log = Big(a.obj, tmp, "lat", 20000, "--rate", str(a.rate), "--interval",
              "100")
    sink, cv = Receiver(a.obj, tmp), None
    try:
        cv = Product(a, tmp, log, sink)
        v, missed = measure(log, sink, a.seconds, a.warm)
        rc, said = cv.stop()
        cv = None
        if missed or not v or rc != 0:
            print("latency: %d of %d never came, exit %d: %s" % (
                missed, missed + len(v), rc, said[-600:]))
            return 2
        spread = max(v) / min(v) - 1
        for name, x, goal in (
                ("p50", statistics.median(v), ""),
                ("p99", percentile(v, 99), "goal: below %d (poll + 1 s)" % (
                    a.poll + 1))):
            print("%-34s %-9s %9.2f %6.2f  %s" % (
                "sct_to_webhook_%s_%s" % (name, a.form), "s", x, spread,
                goal), flush=True)
        print("# %d planted entries at %d entries a second, poll %d s" % (
            len(v), a.rate, a.poll))
        return 0
    finally:
        if cv:
            cv.stop()
        sink.stop()
        log.stop()
        shutil.rmtree(tmp, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
