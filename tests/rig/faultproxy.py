#!/usr/bin/env python3
"""A proxy between a client and an HTTP or HTTPS server on loopback that cuts
requests: by a plan with a seed, or each at a given place.

usage: faultproxy.py --to PORT [--to-tls] [--cert FILE --key FILE]
           [--port P] [--seed S] [--rate PERCENT] [--modes M,...]
           [--at N:MODE,...] [--only METHOD] [--log FILE]

With --cert it speaks TLS to the client.  The Host header is passed on, so
that a server that makes its URLs of it points back here.  Modes:

    lost     the request is read and never passed on
    before   passed on; no byte of the answer comes back
    during   half of the answer comes back: half of its body, if it has one
    after    all of it comes back, then the connection is closed

{"port":N} when ready; GET /_proxy/stats; POST /_proxy/plan {"seed","rate",
"modes","at","only"} sets a plan and counts from 0 again."""
import argparse
import http.client
import http.server
import json
import os
import random
import signal
import socket
import ssl
import threading

MODES = ("lost", "before", "during", "after")
HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")


class Plan:
    """Which request is cut, and how; and what happened."""

    def __init__(self, log=None):
        self.lock, self.log = threading.Lock(), log
        self.set({})

    def set(self, args):
        modes = args.get("modes", ",".join(MODES))
        modes = modes.split(",") if isinstance(modes, str) else modes
        at = args.get("at") or {}
        if isinstance(at, str):
            at = dict(p.split(":") for p in at.split(","))
        at = {int(k): v for k, v in at.items()}
        for m in list(modes) + list(at.values()):
            if m not in MODES:
                raise ValueError("mode %r is none of %s"
                                 % (m, " ".join(MODES)))
        with self.lock:
            self.modes, self.at, self.only = modes, at, args.get("only")
            self.rate = float(args.get("rate", 0))
            self.random = random.Random(args.get("seed"))
            self.count = dict(requests=0, passed=0, lost=0, before=0,
                              during=0, after=0, upstream=0, failed=0)
            self.cuts = []

    def next(self, method, path):
        """The mode of this request, or None."""
        with self.lock:
            if self.only and method != self.only:
                return None
            self.count["requests"] += 1
            n = self.count["requests"]
            # always as many random numbers, so that a seed is a plan
            dice, mode = self.random.random() * 100, \
                self.random.choice(self.modes)
            mode = self.at.get(n) if self.at else \
                mode if dice < self.rate else None
            self.count[mode or "passed"] += 1
            if mode:
                self.cuts.append([n, mode, method, path])
            if self.log:
                print(json.dumps([n, mode, method, path]), file=self.log,
                      flush=True)
            return mode

    def add(self, what):
        with self.lock:
            self.count[what] += 1

    def stats(self):
        with self.lock:
            return dict(self.count, cuts=list(self.cuts))


class Cut(Exception):
    pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def setup(self):
        if self.server.tls is not None:
            self.request.settimeout(self.timeout)
            self.request = self.server.tls.wrap_socket(self.request,
                                                       server_side=True)
        super().setup()

    def log_message(self, *args):
        pass

    def do_GET(self):
        try:
            body = self.rfile.read(int(self.headers.get("Content-Length")
                                       or 0))
            if self.path.startswith("/_proxy/"):
                self.admin(body)
            else:
                self.pass_on(body)
        except (Cut, OSError):
            self.close_connection = True

    do_POST = do_HEAD = do_PUT = do_DELETE = do_GET

    def admin(self, body):
        status, plan = 200, self.server.plan
        try:
            if self.path == "/_proxy/plan":
                plan.set(json.loads(body or b"{}"))
            out = plan.stats()
        except (ValueError, AttributeError) as why:
            status, out = 400, {"error": str(why)}
        self.reply(status, [("Content-Type", "application/json")],
                   json.dumps(out).encode(), None)

    def pass_on(self, body):
        plan = self.server.plan
        mode = plan.next(self.command, self.path)
        if mode == "lost":
            raise Cut
        try:
            status, headers, data = self.ask(body)
        except (OSError, http.client.HTTPException):
            plan.add("failed")
            raise Cut from None
        plan.add("upstream")
        if mode == "before":
            raise Cut
        self.reply(status, headers, data, mode)

    def ask(self, body):
        """The whole answer of the server behind."""
        o = self.server.o
        if o.to_tls:
            ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
            c = http.client.HTTPSConnection("127.0.0.1", o.to, timeout=60,
                                            context=ctx)
        else:
            c = http.client.HTTPConnection("127.0.0.1", o.to, timeout=60)
        try:
            c.putrequest(self.command, self.path, skip_host=True,
                         skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP:
                    c.putheader(name, value)
            if self.command == "POST":
                c.putheader("Content-Length", str(len(body)))
            c.putheader("Connection", "close")
            c.endheaders(body or None)
            r = c.getresponse()
            return r.status, [h for h in r.getheaders()
                              if h[0].lower() not in HOP], r.read()
        finally:
            c.close()

    def reply(self, status, headers, data, mode):
        out = ["HTTP/1.1 %d %s" % (status, http.client.responses.get(
            status, ""))] + ["%s: %s" % h for h in headers]
        if status != 204:
            out.append("Content-Length: %d" % len(data))
        raw = ("\r\n".join(out) + "\r\n\r\n").encode("latin-1")
        half = len(raw) // 2 if not data else len(raw) + len(data) // 2
        if self.command != "HEAD":
            raw += data
        self.wfile.write(raw[:half] if mode == "during" else raw)
        if mode in ("during", "after"):
            raise Cut


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address

    def handle_error(self, request, client_address):
        """Clients that go away in the middle are no news."""


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--to", type=int, required=True)
    p.add_argument("--to-tls", action="store_true")
    p.add_argument("--cert")
    p.add_argument("--key")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--log")
    for name in ("--seed", "--rate", "--modes", "--at", "--only"):
        p.add_argument(name)
    o = p.parse_args()
    s = Server(("127.0.0.1", o.port), Handler)
    s.o, s.tls = o, None
    s.plan = Plan(open(o.log, "a") if o.log else None)
    s.plan.set({k: v for k, v in vars(o).items() if v is not None and
                k in ("seed", "rate", "modes", "at", "only")})
    if o.cert:
        s.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        s.tls.load_cert_chain(o.cert, o.key)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(json.dumps({"port": s.server_port}), flush=True)
    s.serve_forever()


if __name__ == "__main__":
    main()
