#!/usr/bin/env python3
"""CPU of `certvigil check --offline FILE.pem`, beyond the root store.

    check.py --obj build/release [--rounds 15]

A certificate of the rig's CA with SCTs of two logs is checked with its root,
CRL and OCSP answer at hand, and the same with the system's root store; the
difference is the store.  Exits with 2 when a check did not end as it must.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import urllib.request

from figures import figure


def cpu(args, want):
    """ms of CPU of one run, all its processes together."""
    a = resource.getrusage(resource.RUSAGE_CHILDREN)
    p = subprocess.run(args, capture_output=True, text=True)
    b = resource.getrusage(resource.RUSAGE_CHILDREN)
    if p.returncode != want:
        sys.exit("%s: exit status %d, not %d\n%s%s" % (
            " ".join(args), p.returncode, want, p.stdout, p.stderr))
    return 1000 * (b.ru_utime - a.ru_utime + b.ru_stime - a.ru_stime)


def server(kids, *args):
    p = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
    kids.append(p)
    return json.loads(p.stdout.readline())


def made(rig, tmp, kids):
    """FILE.pem, its root, CRL and log list."""
    def ca(*args):
        subprocess.run([rig + "/ca", *args], check=True,
                       stdout=subprocess.DEVNULL)
    dir = os.path.join(tmp, "ca")
    ca("init", dir)
    log = server(kids, rig + "/ctlog", "--dir", tmp + "/log", "--log",
                 "fir,operator=Fir", "--log", "ash,operator=Ash")
    url = server(kids, rig + "/casrv", "--ca", dir)["base"] + "/ca"
    ca("issue", dir, "--name", "www.bench.example", "--out", tmp + "/leaf",
       "--crl", url + "/crl/full.crl", "--submit", log["base"] + "/fir",
       "--submit", log["base"] + "/ash")
    with urllib.request.urlopen(url + "/crl/full.crl", timeout=60) as r, \
            open(tmp + "/full.crl", "wb") as f:
        f.write(r.read())
    return [tmp + "/leaf.fullchain.pem", "--log-list",
            tmp + "/log/loglist.json", "--crl", tmp + "/full.crl"]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--obj", required=True)
    a.add_argument("--rounds", type=int, default=15)
    a = a.parse_args()
    kids = []
    with tempfile.TemporaryDirectory(prefix="cvbench.") as tmp:
        try:
            args = made(os.path.join(a.obj, "tests/rig"), tmp, kids)
        finally:
            for p in kids:
                p.terminate()
                p.wait()
        # no configuration of this machine counts
        os.environ["XDG_CONFIG_HOME"] = tmp
        run = [os.path.join(a.obj, "certvigil"), "check", "--offline"] + args
        one, all_ = [], []
        for _ in range(a.rounds):
            one.append(cpu(run + ["--roots", tmp + "/ca/root.pem"], 0))
            # its root is none of the system's
            all_.append(cpu(run, 2))
    figure("check_offline", "ms", one, "goal: under 50")
    figure("check_offline_system_roots", "ms", all_)


if __name__ == "__main__":
    sys.exit(main())
