#!/usr/bin/env python3
"""One issuance by http-01 from one pebble: certvigil, uacme, lego, in turns;
then many renewals by certvigil.

    acme.py --obj build/release --database CONNINFO --directory URL
            --tls-ca PEM --http PORT --dns HOST:PORT [--rounds 5] [--renew 1000] [--trusted]

The server is there already (tests/rig/acme.sh).  Prints seconds of wall time
and the ratios of each round (README.md): certvigil with its daemon running,
and alone.  uacme takes no CA file: it is only
measured with --trusted, where the system trusts the CA.  Exits with 2 when an
issuance failed.
"""
import argparse
import functools
import http.server
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from figures import figure

HOOK = "/usr/share/uacme/uacme.sh"
GOAL = 10


class Failed(Exception):
    pass


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Client:
    """One program; its issue() is what is measured."""
    def __init__(self, a, tmp):
        self.a, self.dir = a, os.path.join(tmp, self.name)
        os.mkdir(self.dir)
        self.env = dict(os.environ)

    def run(self, *args):
        p = subprocess.run(args, capture_output=True, text=True,
                           env=self.env, cwd=self.dir)
        if p.returncode != 0:
            raise Failed("%s: exit status %d\n%s%s" % (
                " ".join(args), p.returncode, p.stdout, p.stderr))

    def ready(self):
        """What a user has done before the first certificate."""

    def before(self):
        """What is there when an issuance begins."""

    def after(self):
        pass

    def timed(self, name):
        """Seconds of one issuance, which must have left a certificate."""
        self.before()
        try:
            began = time.monotonic()
            self.issue(name)
            took = time.monotonic() - began
        finally:
            self.after()
        path = os.path.join(self.dir, self.cert % name)
        text = subprocess.run(
            ["openssl", "x509", "-in", path, "-noout", "-ext",
             "subjectAltName"], capture_output=True, text=True)
        if "DNS:" + name not in text.stdout:
            raise Failed("%s: no certificate for %s in %s" % (
                self.name, name, path))
        return took


class Alone(Client):
    """certvigil without its daemon."""
    name, cert = "certvigil_alone", "state/live/%s/cert.pem"
    more = ""

    def psql(self, text):
        subprocess.run(["psql", "-X", "-q", "-d", self.a.database, "-c",
                        text], check=True)

    def ready(self):
        self.db = "bench_%s_%d" % (self.name, os.getpid())
        self.psql("create database " + self.db)
        self.conf = os.path.join(self.dir, "certvigil.yaml")
        with open(self.conf, "w") as f:
            f.write("""database: "%s"
state_dir: %s/state
contact: https://watcher.example.org/
egress: {allow_private: [127.0.0.0/8]}
audit: {every: 1h, resolvers: ["%s"]}
acme:
  directory: %s
  ca_file: %s
  ct: false
  challenges: {http-01: {listen: "127.0.0.1:%d"}}
%s""" % (re.sub(r"\bdbname=\S+", "", self.a.database) + " dbname=" + self.db,
       self.dir, self.a.dns.replace(":", "@"), self.a.directory, self.a.tls_ca,
       self.a.http, self.more))
        self.prog = os.path.join(self.a.obj, "certvigil")

    def issue(self, name):
        self.run(self.prog, "--config", self.conf, "issue", name)

    def drop(self):
        self.psql("drop database if exists %s with (force)" % self.db)


class Certvigil(Alone):
    """What a user has: the daemon runs, and orders for the command."""
    name = "certvigil"

    def ready(self):
        none = os.path.join(self.dir, "none.json")
        with open(none, "w") as f:
            f.write('{"version": "1", "log_list_timestamp": '
                    '"2026-11-27T00:00:00Z", "operators": []}')
        # what is due is looked for by hand
        self.more = "log_list: {file: %s, signature_key: none}\n" % none
        super().ready()
        self.log = open(os.path.join(self.dir, "run.log"), "w")
        self.daemon = subprocess.Popen(
            [self.prog, "--config", self.conf, "run"], stdout=self.log,
            stderr=self.log)
        sock = os.path.join(self.dir, "state/acme.sock")
        end = time.monotonic() + 30
        while not os.path.exists(sock):
            if time.monotonic() > end:
                raise Failed("certvigil run: no %s" % sock)
            time.sleep(0.05)

    def renewed(self, n):
        """Seconds of n renewals in one go, of certificates that are due."""
        self.run(self.prog, "--config", self.conf, "--quiet", "issue",
                 "many.example")
        self.own("insert into managed_certificate (name, names, origin, "
                 "key_kind, directory) select v, array[v], 'cli', 'p256', "
                 "'%s' from (select 'n' || i || '.many.example' as v from "
                 "generate_series(1, %d) i) s" % (self.a.directory, n))
        for k in ("issued", "renewed"):
            began = time.monotonic()
            p = subprocess.run([self.prog, "--config", self.conf, "renew"],
                               capture_output=True, text=True)
            took = time.monotonic() - began
            if "\n%d renewed, 0 failed" % n not in "\n" + p.stdout:
                raise Failed("renew: exit status %d, %s %s" % (
                    p.returncode, p.stdout[-200:], p.stderr[-2000:]))
            self.own("update managed_certificate set ari_id = null, "
                     "not_before = now() - interval '85 days', not_after = "
                     "now() + interval '5 days' where name like 'n%'")
        return took

    def own(self, text):
        subprocess.run(["psql", "-X", "-q", "-d", re.sub(
            r"\bdbname=\S+", "", self.a.database) + " dbname=" + self.db,
            "-c", text], check=True)

    def drop(self):
        self.daemon.terminate()
        self.daemon.wait()
        self.log.close()
        super().drop()


class Uacme(Client):
    name, cert = "uacme", "%s/cert.pem"

    def ready(self):
        self.web = os.path.join(self.dir, "web")
        known = os.path.join(self.web, ".well-known/acme-challenge")
        os.makedirs(known)
        self.env["UACME_CHALLENGE_PATH"] = known
        self.ua("new", "ops@example.org")

    def ua(self, *args):
        self.run("uacme", "-y", "-t", "EC", "-c", self.dir, "-a",
                 self.a.directory, "-h", HOOK, *args)

    # It has no server of its own: one serves what its hook writes.
    def before(self):
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", self.a.http),
            functools.partial(Quiet, directory=self.web))
        threading.Thread(target=self.server.serve_forever, args=(0.01,),
                         daemon=True).start()

    def after(self):
        self.server.shutdown()
        self.server.server_close()

    def issue(self, name):
        self.ua("issue", name)


class Lego(Client):
    name, cert = "lego", "certificates/%s.crt"

    def ready(self):
        self.env["LEGO_CA_CERTIFICATES"] = self.a.tls_ca

    def issue(self, name):
        self.run("lego", "--server", self.a.directory, "--accept-tos",
                 "--email", "ops@example.org", "--key-type", "ec256",
                 "--path", self.dir, "--http", "--http.port",
                 "127.0.0.1:%d" % self.a.http, "-d", name, "run")


def host(c):
    return c.name.replace("_", "-")


def clients(a, tmp):
    out = [Certvigil(a, tmp), Alone(a, tmp)]
    for k in (Uacme, Lego):
        if shutil.which(k.name) is None:
            print("SKIP 1 bench: %s is not installed" % k.name)
        elif k is Uacme and not a.trusted:
            print("SKIP 1 bench: uacme trusts no CA of ours unless this is "
                  "root")
        elif k is Uacme and not os.path.exists(HOOK):
            print("SKIP 1 bench: there is no %s" % HOOK)
        else:
            out.append(k(a, tmp))
    return out


def show(took):
    for name, v in took.items():
        figure("acme_issue_" + name, "s", v)
    own = took.pop("certvigil")
    for name, v in took.items():
        figure(name + "_over_certvigil", "ratio",
               [x / y for x, y in zip(v, own)],
               "goal: at least %d, daemon running" % GOAL
               if name == "uacme" else "")
        if name != "certvigil_alone":
            figure(name + "_over_certvigil_alone", "ratio",
                   [x / y for x, y in zip(v, took["certvigil_alone"])])


def show_many(n, took, uacme):
    """Of n renewals in all that time; uacme does one after the other."""
    figure("acme_renew_%d" % n, "1/s", [n / took])
    if uacme:
        figure("certvigil_over_uacme_rate", "ratio",
               [n / took * statistics.median(uacme)],
               "goal: at least %d" % GOAL)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--obj", required=True)
    ap.add_argument("--database", required=True)
    ap.add_argument("--directory", required=True)
    ap.add_argument("--tls-ca", required=True)
    ap.add_argument("--http", type=int, required=True)
    ap.add_argument("--dns", required=True, help="the CA's, ADDRESS:PORT")
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--renew", type=int, default=1000)
    ap.add_argument("--trusted", action="store_true")
    a = ap.parse_args()
    a.obj = os.path.abspath(a.obj)
    tmp = tempfile.mkdtemp(prefix="cvbench-")
    os.chmod(tmp, 0o755)
    those, took = [], {}
    try:
        those = clients(a, tmp)
        for c in those:
            c.ready()
            # the account, the schema, what is in no cache yet
            c.timed("first-%s.example" % host(c))
            took[c.name] = []
        for n in range(a.rounds):
            for c in those:
                took[c.name].append(c.timed("r%d-%s.example" % (n, host(c))))
        uacme = took.get("uacme")
        show(took)
        if a.renew > 0:
            show_many(a.renew, those[0].renewed(a.renew), uacme)
    except Failed as why:
        print("WRONG: %s" % why)
        return 2
    finally:
        for c in those:
            if hasattr(c, "db"):
                c.drop()
        shutil.rmtree(tmp)
    return 0


if __name__ == "__main__":
    sys.exit(main())
