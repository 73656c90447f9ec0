#!/usr/bin/env python3
"""Figures of `make bench` (README tells what each of them means).

    figures.py peers FILE            of what the yardstick's run_all.py wrote
    figures.py yard --forge D ...    certvigil alone on the yardstick's log
    figures.py rig --obj DIR ...     certvigil alone on the rig's log
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from big import figure
from once import Once

SMALL = 256     # entries of a log that shows what a run costs before it reads
FORMS = ("rfc6962", "static")


# A peer: its name, and (form, TLS) -> the goal.
PEERS = {
    "certspotter": {("rfc6962", False): "at least 30, aim 40"},
    "certspotter-new": {("rfc6962", False): "at least 20, aim 32",
                        ("rfc6962", True): "at least 12, aim 19",
                        ("static", False): "at least 8, aim 14",
                        ("static", True): "at least 8, aim 14"},
}


def peers(path, tls):
    """Ratios within each round of the yardstick's comparison."""
    with open(path) as f:
        res = json.load(f)
    wrong = 0

    def cpu(name):
        return [x["cpu_us_per_entry"] for x in res[name]]

    def ratio(a, b):
        return [x / y for x, y in zip(cpu(a), cpu(b))]
    for form in FORMS:
        own, at = form + " certvigil", form + ("_tls" if tls else "")
        figure("certvigil_%s" % at, "us/entry", cpu(own))
        if form + " best" in res:
            figure("certvigil_over_best_%s" % at, "ratio",
                   ratio(own, form + " best"), "" if tls else
                   "goal: at most 2.0, aim 1.4")
            figure("best_%s" % at, "us/entry", cpu(form + " best"))
        figure("certvigil_over_plain_%s" % at, "ratio",
               ratio(own, form + " plain"))
        for peer, goals in PEERS.items():
            if form + " " + peer not in res:
                continue
            goal = goals.get((form, tls))
            figure("%s_over_certvigil_%s" % (peer, at), "ratio",
                   ratio(form + " " + peer, own),
                   "goal: " + goal if goal else "")
            wrong += sum(not x["ok"] for x in res[form + " " + peer])
        figure("certvigil_pss_%s" % at, "MiB",
               [x["peak_rss_mib"] for x in res[own]],
               "goal: at most 100, aim 50")
        for x in res[own]:
            print("oracle_%s: exit %d, missed %d of 540, near misses %d of "
                  "210, unplanted %d" % (at, x["exit"], x["missed"],
                                         x["near_reported"],
                                         x["unplanted_reported"]))
            wrong += not x["ok"]
    return wrong


def watches(run, size, lists, rounds, want):
    """run(form, large log?, list) -> result; one set of figures a form."""
    wrong = 0
    for form in FORMS:
        few, many = lists
        res = {(big, w): [] for big in (0, 1) for w in lists}
        for _ in range(rounds):
            for key in res:
                r = run(form, *key)
                res[key].append(r)
                if r["exit"] != 0 or r["matches"] != want(form, key[0]):
                    wrong += 1
                    print("%s: exit %d, %d matches, not %d: %s" % (
                        form, r["exit"], len(r["matches"]),
                        len(want(form, key[0])), r["stderr"]))

        def cpu(big, w):
            return [x["cpu_s"] for x in res[big, w]]

        def read(w):
            return [b - s for b, s in zip(cpu(1, w), cpu(0, w))]
        figure("run_%s" % form, "us/entry",
               [x * 1e6 / size for x in cpu(1, few)])
        figure("read_%s" % form, "us/entry",
               [x * 1e6 / (size - SMALL) for x in read(few)])
        figure("watches_1M_over_50_run_%s" % form, "ratio",
               [m / f for m, f in zip(cpu(1, many), cpu(1, few))])
        figure("watches_1M_over_50_read_%s" % form, "ratio",
               [m / f for m, f in zip(read(many), read(few))],
               "goal: at most 1.2, aim 1.05")
        figure("load_1M_%s" % form, "s",
               [m - f for m, f in zip(cpu(0, many), cpu(0, few))],
               "goal: at most 2, aim 1")
        for w, n, goal in ((few, "50", "100, aim 50"),
                           (many, "1M", "200, aim 120")):
            figure("pss_%s_watches_%s" % (n, form), "MiB",
                   [x["pss_mib"] for x in res[1, w]],
                   "goal: at most " + goal)
    return wrong


def get(url, body=None):
    return urllib.request.urlopen(url, data=body, timeout=120).read()


def yard(a):
    """The yardstick's log and lists, certvigil alone."""
    base = "http://127.0.0.1:%d" % a.port
    srv = subprocess.Popen([a.logforge, "serve", "-dir", a.forge, "-http",
                            "127.0.0.1:%d" % a.port, "-https",
                            "127.0.0.1:%d" % (a.port + 1)],
                           stderr=subprocess.DEVNULL)
    tmp = tempfile.mkdtemp(prefix="cvbench-")
    os.chmod(tmp, 0o755)
    try:
        for form in FORMS:
            name = "loglist-%s.json" % form
            with open(os.path.join(a.forge, name)) as f:
                text = f.read().replace("http://127.0.0.1:16962", base)
            with open(os.path.join(tmp, name), "w") as f:
                f.write(text)
        with open(os.path.join(a.forge, "oracle.json")) as f:
            planted = [e["index"] for e in json.load(f)["entries"]
                       if e["class"] in ("match", "odd")]
        for _ in range(100):
            try:
                get(base + "/_forge/stats")
                break
            except OSError:
                time.sleep(0.1)
        with open(os.path.join(a.forge, "log.json")) as f:
            info = json.load(f)
        key = info.get("log_id") or info.get("logID") or info.get("id")
        once = Once(a.prog, a.database, a.pin)

        def size(big):
            return a.size if big else SMALL

        def run(form, big, watch):
            get(base + "/_forge/size?n=%d" % size(big))
            return once.run(os.path.join(tmp, "loglist-%s.json" % form),
                            os.path.join(a.forge, watch))
        return watches(run, a.size,
                       ("watch-50.dotted", "watch-1000000.dotted"), a.rounds,
                       lambda form, big: {(key, i) for i in planted
                                          if i < size(big)})
    finally:
        srv.terminate()
        srv.wait()
        shutil.rmtree(tmp)


def rig(a):
    """A log of filler entries with planted certificates, by the rig."""
    tmp = tempfile.mkdtemp(prefix="cvbench-")
    os.chmod(tmp, 0o755)
    bins = os.path.join(a.obj, "tests/rig")
    srv = subprocess.Popen([bins + "/ctlog", "--dir", tmp + "/log",
                            "--interval", "3600000", "--log", "big",
                            "--log", "small"],
                           stdout=subprocess.PIPE, text=True)
    try:
        ready = json.loads(srv.stdout.readline())
        ca = tmp + "/ca"
        subprocess.run([bins + "/ca", "init", ca], check=True,
                       stdout=subprocess.DEVNULL)
        sizes = {"small": SMALL, "big": a.size}
        for log, n in sizes.items():
            adm = "%s/%s/" % (ready["admin"], log)
            get(adm + "fill?n=%d&seed=1" % (n // 2), b"{}")
            for i in range(0, 20, 2):
                subprocess.run(
                    [bins + "/ca", "issue", ca, "--name",
                     "a%d.bench-%d.example" % (i, i), "--out", tmp + "/x",
                     "--submit", ready["base"] + "/" + log,
                     "--final-submit"], check=True,
                    stdout=subprocess.DEVNULL)
            get(adm + "fill?n=%d&seed=2" % (n - n // 2 - 20), b"{}")
            get(adm + "publish", b"{}")
        with open(tmp + "/50", "w") as f:
            f.writelines(".bench-%d.example\n" % i for i in range(50))
        with open(tmp + "/1M", "w") as f:
            f.writelines(".bench-%d.example\n" % i for i in range(1000000))
        ids = {}
        for form in FORMS:
            with open("%s/log/loglist-%s.json" % (tmp, form)) as f:
                doc = json.load(f)
            kind = "logs" if form == "rfc6962" else "tiled_logs"
            for log in sizes:
                one = json.loads(json.dumps(doc))
                one["operators"] = []
                for op in doc["operators"]:
                    mine = [x for x in op[kind]
                            if "/%s/" % log in json.dumps(x)]
                    if mine:
                        ids[log] = mine[0]["log_id"]
                        one["operators"].append(dict(op, **{kind: mine}))
                with open("%s/%s-%s.json" % (tmp, form, log), "w") as f:
                    json.dump(one, f)
        once = Once(os.path.join(a.obj, "certvigil"), a.database, a.pin)
        names = ("small", "big")
        return watches(
            lambda form, big, watch: once.run(
                "%s/%s-%s.json" % (tmp, form, names[big]),
                tmp + "/" + watch), a.size, ("50", "1M"), a.rounds,
            lambda form, big: {(ids[names[big]], sizes[names[big]] // 2 + i)
                               for i in range(20)})
    finally:
        srv.terminate()
        srv.wait()
        shutil.rmtree(tmp)


def main():
    p = argparse.ArgumentParser()
    sub = p.add_subparsers(dest="what", required=True)
    q = sub.add_parser("peers")
    q.add_argument("file")
    q.add_argument("--tls", action="store_true")
    for name in ("yard", "rig"):
        q = sub.add_parser(name)
        q.add_argument("--database", required=True)
        q.add_argument("--rounds", type=int, default=5)
        q.add_argument("--pin")
        if name == "yard":
            q.add_argument("--prog", required=True)
            q.add_argument("--forge", required=True)
            q.add_argument("--logforge", required=True)
            q.add_argument("--size", type=int, default=199936)
            q.add_argument("--port", type=int, default=16982)
        else:
            q.add_argument("--obj", required=True)
            q.add_argument("--size", type=int, default=102400)
    a = p.parse_args()
    wrong = {"peers": lambda: peers(a.file, a.tls), "yard": lambda: yard(a),
             "rig": lambda: rig(a)}[a.what]()
    if wrong:
        print("%s: %d runs were wrong" % (a.what, wrong))
    return 2 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
