#!/usr/bin/env python3
"""A log of millions against one of 200,000 entries (README): entries a
second, and memory with 50 and with 1,000,000 watches."""
import argparse
import os
import shutil
import sys
import tempfile

from big import Big, figure
from once import Once

START = 256     # entries of a log that shows what a run costs before it reads
FORMS = ("rfc6962", "static")


class Scale:
    def __init__(self, a, tmp):
        self.a, self.wrong = a, 0
        every = ("--every", "20000")
        self.logs = [Big(a.obj, tmp, "s", n, *every, keep=a.keep)
                     for n in (START, a.small, a.big)]
        self.want = [x.want() for x in self.logs]
        self.once = Once(os.path.join(a.obj, "certvigil"), a.database, a.pin,
                         extra="audit: {resolvers: [127.0.0.1@1]}\n")
        for name, n in (("50", 49), ("1M", a.many - 1)):
            with open(os.path.join(tmp, name), "w") as f:
                f.write(".planted.example\n")
                f.writelines(".bench-%d.example\n" % i for i in range(n))
        self.tmp = tmp

    def run(self, form, which, watches):
        log = self.logs[which]
        before = log.cpu()
        r = self.once.run(log.list(form), os.path.join(self.tmp, watches))
        r["server_s"] = log.cpu() - before
        if r["exit"] != 0 or r["matches"] != self.want[which]:
            self.wrong += 1
            print("%s: exit %d, %d matches, not %d: %s" % (
                form, r["exit"], len(r["matches"]), len(self.want[which]),
                r["stderr"]))
        return r

    def rates(self, form):
        """Interleaved: start, small, big."""
        rate, cpu, pss, server = [], [], {1: [], 2: []}, []
        for _ in range(self.a.rounds):
            start, small, big = (self.run(form, i, "50") for i in range(3))
            n = [x.size - START for x in self.logs]
            wall = [r["wall_s"] - start["wall_s"] for r in (small, big)]
            used = [r["cpu_s"] - start["cpu_s"] for r in (small, big)]
            if min(wall) <= 0 or min(used) <= 0:
                wall = used = [1, -1]       # lost in the noise
            rate.append(n[2] / wall[1] / (n[1] / wall[0]))
            cpu.append(used[1] / n[2] / (used[0] / n[1]))
            server.append(big["server_s"] * 1e6 / n[2])
            for i, r in ((1, small), (2, big)):
                pss[i].append(r["pss_mib"])
        figure("rate_big_over_small_%s" % form, "ratio", rate,
               "goal: at least 0.9, aim 1.0")
        figure("cpu_entry_big_over_small_%s" % form, "ratio", cpu)
        for i in (1, 2):
            figure("pss_50_watches_of_%d_%s" % (self.logs[i].size, form),
                   "MiB", pss[i], "goal: at most 100, aim 50")
        figure("biglog_%s" % form, "us/entry", server,
               "the server's own, below what is measured")

    def many(self, form):
        """Memory is steady: once a size."""
        for i in (1, 2):
            r = self.run(form, i, "1M")
            figure("pss_1M_watches_of_%d_%s" % (self.logs[i].size, form),
                   "MiB", [r["pss_mib"]], "goal: at most 200, aim 120")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--obj", required=True)
    p.add_argument("--database", required=True)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--small", type=int, default=200000)
    p.add_argument("--big", type=int, default=10000000)
    p.add_argument("--many", type=int, default=1000000)
    p.add_argument("--pin")
    p.add_argument("--keep", help="folder for the logs' hashes")
    a = p.parse_args()
    tmp = tempfile.mkdtemp(prefix="cvbench-")
    os.chmod(tmp, 0o755)
    s = None
    try:
        s = Scale(a, tmp)
        for form in FORMS:
            s.rates(form)
            s.many(form)
        if s.wrong:
            print("scale: %d runs were wrong" % s.wrong)
        return 2 if s.wrong else 0
    finally:
        for x in s.logs if s else []:
            x.stop()
        shutil.rmtree(tmp, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
