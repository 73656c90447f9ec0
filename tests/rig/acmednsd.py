#!/usr/bin/env python3
"""An acme-dns server: its HTTP interface, with dnsd.py as its name server.

usage: acmednsd.py --zone FILE --base FILE [--domain auth.rig.example]
                   [--port P] [--fail FILE]

--zone is the file that dnsd.py serves: the lines of --base, and the values of
the accounts.  --fail: while that file is there, its first word is the status
that an update gets.  Prints {"port":N} when ready and runs until SIGTERM."""
import argparse
import json
import os
import re
import secrets
import signal
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WHY = {401: "forbidden", 400: "bad_txt", 500: "db_error"}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, o):
        super().__init__(("127.0.0.1", o.port), Handler)
        self.o, self.lock, self.accounts = o, threading.Lock(), {}
        self.write()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        """Write the zone anew when its base is another one."""
        was = os.stat(self.o.base).st_mtime_ns
        while True:
            time.sleep(0.05)
            now = os.stat(self.o.base).st_mtime_ns
            if now != was:
                was = now
                with self.lock:
                    self.write()

    def write(self):
        with open(self.o.base) as f:
            text = f.read()
        for a in self.accounts.values():
            for v in a["values"]:
                text += '%s 1 TXT "%s"\n' % (a["fulldomain"], v)
        with open(self.o.zone + ".new", "w") as f:
            f.write(text)
        os.rename(self.o.zone + ".new", self.o.zone)

    def register(self):
        sub = str(uuid.uuid4())
        a = {"username": str(uuid.uuid4()),
             "password": secrets.token_urlsafe(30), "subdomain": sub,
             "fulldomain": "%s.%s" % (sub, self.o.domain), "allowfrom": []}
        with self.lock:
            self.accounts[a["username"]] = dict(a, values=[])
        return 201, a

    def update(self, user, key, body):
        if os.path.exists(self.o.fail):
            with open(self.o.fail) as f:
                code = int(f.read().split()[0])
            return code, {"error": WHY.get(code, "error")}
        with self.lock:
            a = self.accounts.get(user)
            if a is None or a["password"] != key or \
                    a["subdomain"] != body.get("subdomain"):
                return 401, {"error": "forbidden"}
            txt = body.get("txt")
            if not isinstance(txt, str) or \
                    not re.fullmatch(r"[A-Za-z0-9_-]{43}", txt):
                return 400, {"error": "bad_txt"}
            if txt not in a["values"]:
                a["values"] = (a["values"] + [txt])[-2:]
            self.write()
            return 200, {"txt": txt}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        n = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(n, 4096))
        if self.path == "/register":
            code, out = self.server.register()
        elif self.path == "/update":
            try:
                body = json.loads(body)
            except ValueError:
                body = {}
            code, out = self.server.update(self.headers.get("X-Api-User"),
                                           self.headers.get("X-Api-Key"),
                                           body)
        else:
            code, out = 404, {"error": "not_found"}
        out = json.dumps(out).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    def log_message(self, *args):
        pass


def main():
    p = argparse.ArgumentParser(add_help=False)
    p.add_argument("--zone", required=True)
    p.add_argument("--base", required=True)
    p.add_argument("--domain", default="auth.rig.example")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--fail", default="")
    s = Server(p.parse_args())
    signal.signal(signal.SIGTERM, lambda *a: sys.exit(0))
    print(json.dumps({"port": s.server_address[1]}), flush=True)
    s.serve_forever()


if __name__ == "__main__":
    main()
