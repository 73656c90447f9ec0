#!/usr/bin/env python3
"""A DNS server that can lie, on UDP and TCP; and a client.

usage: dnsd.py --zone FILE [--port P] [--addr 127.0.0.1] [--log FILE]
       dnsd.py --ask ADDRESS:PORT NAME TYPE [--tcp] [--dnssec]

The server prints {"port":N} when ready and runs until SIGTERM.  README.md
says what stands in FILE, which is read again whenever it changes."""
import argparse
import json
import os
import random
import re
import signal
import socket
import socketserver
import struct
import sys
import threading
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16,
         "AAAA": 28, "OPT": 41, "DS": 43, "DNSKEY": 48, "TLSA": 52,
         "ANY": 255, "CAA": 257}
NAMES = {n: t for t, n in TYPES.items()}
RCODES = {"formerr": 1, "servfail": 2, "nxdomain": 3, "notimp": 4,
          "refused": 5}
AA, TC, RD, RA, AD, CD = 0x400, 0x200, 0x100, 0x80, 0x20, 0x10


def type_of(text):
    text = text.upper()
    return TYPES[text] if text in TYPES else int(text[4:])


def type_name(n):
    return NAMES.get(n, "TYPE%d" % n)


def canon(name):
    return name.lower().rstrip(".")


def pack_name(name):
    out = b""
    for label in canon(name).split("."):
        raw = label.encode()
        if raw:
            out += bytes([len(raw)]) + raw
    return out + b"\0"


def read_name(msg, at):
    """(name, offset behind it); follows pointers (RFC 1035, 4.1.4)."""
    labels, end = [], None
    for _ in range(128):
        n = msg[at]
        if n >= 0xc0:
            end = at + 2 if end is None else end
            at = struct.unpack(">H", msg[at:at + 2])[0] & 0x3fff
        elif n == 0:
            return ".".join(labels), at + 1 if end is None else end
        else:
            labels.append(msg[at + 1:at + 1 + n].decode("latin-1"))
            at += 1 + n
    raise ValueError("name without end")


def strings(text):
    """Character strings, in quotes or not, as bytes."""
    return [(a or b).encode().decode("unicode_escape").encode("latin-1")
            for a, b in re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', text)]


def pack_data(kind, text):
    """The RDATA of a record's text."""
    word = text.split()
    if word and word[0] == "\\#":               # RFC 3597, 5
        return bytes.fromhex("".join(word[2:]))
    if kind == "A":
        return socket.inet_aton(text)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, text)
    if kind in ("CNAME", "NS"):
        return pack_name(text)
    if kind == "MX":
        return struct.pack(">H", int(word[0])) + pack_name(word[1])
    if kind == "TXT":
        return b"".join(bytes([len(part)]) + part for s in strings(text)
                        for part in [s[i:i + 255] for i in
                                     range(0, len(s) or 1, 255)])
    if kind == "CAA":                           # RFC 8659, 4.1
        flags, tag, value = text.split(None, 2)
        return bytes([int(flags), len(tag)]) + tag.encode() + \
            strings(value)[0]
    raise ValueError("%s: write it as \\# LENGTH HEX" % kind)


def soa_data():
    return pack_name("ns.rig.example") + pack_name("root.rig.example") + \
        struct.pack(">5I", int(time.time()), 3600, 600, 86400, 60)


class Zone:
    """The file: records, and lies by name."""

    def __init__(self, path):
        self.path, self.stamp, self.lock = path, None, threading.Lock()
        self.records, self.lies = {}, {}
        self.refresh()

    def refresh(self):
        with self.lock:
            st = os.stat(self.path)
            stamp = (st.st_mtime_ns, st.st_size, st.st_ino)
            if stamp != self.stamp:
                self.read()
                self.stamp = stamp

    def read(self):
        records, lies = {}, {}
        for number, line in enumerate(open(self.path), 1):
            word = line.split(None, 2)
            if not word or word[0].startswith("#"):
                continue
            try:
                name = canon(word[0])
                if word[1] == "!":
                    lies.setdefault(name, {}).update(
                        w.partition("=")[::2] for w in word[2].split())
                    continue
                ttl = 60
                if word[1].isdigit():
                    ttl = int(word[1])
                    word = [name] + word[2].split(None, 1)
                kind = word[1].upper()
                records.setdefault(name, {}).setdefault(
                    type_of(kind), []).append(
                        (ttl, pack_data(kind, word[2].strip())))
            except (ValueError, IndexError, OSError) as why:
                print("dnsd: %s:%d: %s" % (self.path, number, why),
                      file=sys.stderr)
        self.records, self.lies = records, lies

    def lies_of(self, name):
        """Those of the name, or of the nearest one above it."""
        labels = canon(name).split(".")
        for i in range(len(labels) + 1):
            lies = self.lies.get(".".join(labels[i:]))
            if lies is not None:
                return lies
        return {}

    def exists(self, name):
        return name in self.records or any(
            n.endswith("." + name) for n in self.records)

    def find(self, name, kind):
        """(answer records, rcode): CNAMEs are followed."""
        out, name = [], canon(name)
        for _ in range(16):
            here = self.records.get(name, {})
            if kind in here or 5 not in here:
                out += [(name, kind, ttl, data) for ttl, data in
                        here.get(kind, [])]
                return out, 0 if self.exists(name) else 3
            ttl, data = here[5][0]
            out.append((name, 5, ttl, data))
            name = read_name(data, 0)[0]
        return out, 0


class Query:
    def __init__(self, msg):
        self.id, self.flags, count = struct.unpack(">HHH", msg[:6])
        self.name, at = read_name(msg, 12)
        self.type = struct.unpack(">H", msg[at:at + 2])[0]
        if count != 1:
            raise ValueError("questions: %d" % count)
        self.question = msg[12:at + 4]
        self.size, self.edns, self.do = 512, False, False
        at += 4
        rest = sum(struct.unpack(">HHH", msg[6:12]))
        for _ in range(rest):
            _, at = read_name(msg, at)
            kind, size, ttl, n = struct.unpack(">HHIH", msg[at:at + 10])
            if kind == 41:
                self.edns, self.do = True, bool(ttl & 0x8000)
                self.size = max(512, size)
            at += 10 + n


def pack_record(name, kind, ttl, data):
    return pack_name(name) + struct.pack(">HHIH", kind, 1, ttl,
                                         len(data)) + data


def answer(zone, q, tcp):
    """The message, or None; with the lies of the name."""
    lies = zone.lies_of(q.name)
    if "delay" in lies:
        time.sleep(float(lies["delay"]))
    if "drop" in lies or ("droptcp" in lies and tcp):
        return None
    if "garbage" in lies:
        return os.urandom(int(lies["garbage"] or 100))
    records, rcode = zone.find(q.name, q.type)
    for name, code in RCODES.items():
        if name in lies:
            records, rcode = [], code
    flags = 0x8000 | q.flags & (RD | CD) | RA | rcode
    flags |= 0 if "noaa" in lies else AA
    flags |= AD if "ad" in lies else 0
    if "poison" in lies:                # of a name that nobody asked for
        records = [("other.example", k, t, d) for _, k, t, d in records]
    if "many" in lies:
        records = records * int(lies["many"])
    body = b"".join(pack_record(*r) for r in records)
    if "loop" in lies:                  # a name that points to itself
        at = 12 + len(q.question)
        body = struct.pack(">HHHIH", 0xc000 | at, q.type, 1, 60, 0)
        records = [None]
    authority, count = b"", 0
    if not records and rcode in (0, 3):
        apex = ".".join(canon(q.name).split(".")[-2:])
        authority, count = pack_record(apex, 6, 60, soa_data()), 1
    opt = struct.pack(">BHHIH", 0, 41, 1232, 0x8000 if q.do else 0, 0) \
        if q.edns else b""
    size = 12 + len(q.question) + len(body) + len(authority) + len(opt)
    question = q.question
    if "question" in lies:
        question = pack_name("other.example") + q.question[-4:]
    if not tcp and ("tc" in lies or size > q.size):
        flags, body, records, authority, count = flags | TC, b"", [], b"", 0
    ident = q.id ^ 1 if "id" in lies else q.id
    msg = struct.pack(">6H", ident, flags, 1, len(records), count,
                      len(opt) > 0) + question + body + authority + opt
    return msg[:len(msg) // 2] if "cut" in lies else msg


class Handler(socketserver.BaseRequestHandler):
    def respond(self, msg, tcp):
        s = self.server
        try:
            q = Query(msg)
        except (ValueError, IndexError, struct.error):
            return msg[:2] + b"\x80\x01" + bytes(8)
        s.zone.refresh()
        if s.log:
            with s.zone.lock, open(s.log, "a") as f:
                print(json.dumps(dict(
                    name=q.name, type=type_name(q.type),
                    proto="tcp" if tcp else "udp", edns=q.edns, do=q.do,
                    time=time.time())), file=f)
        return answer(s.zone, q, tcp)


class Udp(Handler):
    def handle(self):
        msg, sock = self.request
        out = self.respond(msg, False)
        if out is not None:
            sock.sendto(out, self.client_address)


class Tcp(Handler):
    def handle(self):
        try:
            while True:
                head = recv_all(self.request, 2)
                msg = recv_all(self.request, struct.unpack(">H", head)[0])
                out = self.respond(msg, True)
                if out is None:
                    time.sleep(60)
                    return
                self.request.sendall(struct.pack(">H", len(out)) + out)
        except (OSError, EOFError):
            pass


def recv_all(s, n):
    out = b""
    while len(out) < n:
        piece = s.recv(n - len(out))
        if not piece:
            raise EOFError
        out += piece
    return out


class UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True
    max_packet_size = 65535


class TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def serve(a):
    zone = Zone(a.zone)
    for _ in range(50):
        udp = UdpServer((a.addr, a.port), Udp)
        port = udp.server_address[1]
        try:
            tcp = TcpServer((a.addr, port), Tcp)
            break
        except OSError:
            udp.server_close()
            if a.port:
                raise
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    for s in (udp, tcp):
        s.zone, s.log = zone, a.log
        threading.Thread(target=s.serve_forever, daemon=True).start()
    print(json.dumps({"port": port}), flush=True)
    signal.pause()


def ask(where, name, kind, tcp=False, dnssec=False, timeout=5):
    """The answer of a server, as a dict."""
    addr, port = where.rsplit(":", 1)
    ident = random.randrange(65536)
    msg = struct.pack(">6H", ident, RD | AD, 1, 0, 0, 1) + \
        pack_name(name) + struct.pack(">HH", type_of(kind), 1) + \
        struct.pack(">BHHIH", 0, 41, 1232, 0x8000 if dnssec else 0, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else
                       socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect((addr, int(port)))
        if tcp:
            s.sendall(struct.pack(">H", len(msg)) + msg)
            msg = recv_all(s, struct.unpack(">H", recv_all(s, 2))[0])
        else:
            s.send(msg)
            msg = s.recv(65535)
    got, flags, nq, na = struct.unpack(">4H", msg[:8])
    at, answers = 12, []
    for _ in range(nq):
        at = read_name(msg, at)[1] + 4
    for _ in range(na):
        owner, at = read_name(msg, at)
        k, _, ttl, n = struct.unpack(">HHIH", msg[at:at + 10])
        answers.append(dict(name=owner, type=type_name(k), ttl=ttl,
                            data=msg[at + 10:at + 10 + n].hex()))
        at += 10 + n
    return dict(rcode=flags & 15, aa=bool(flags & AA), tc=bool(flags & TC),
                ad=bool(flags & AD), id_ok=got == ident, answers=answers)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--zone")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--addr", default="127.0.0.1")
    p.add_argument("--log")
    p.add_argument("--ask", nargs=3)
    p.add_argument("--tcp", action="store_true")
    p.add_argument("--dnssec", action="store_true")
    a = p.parse_args()
    if a.ask:
        print(json.dumps(ask(*a.ask, tcp=a.tcp, dnssec=a.dnssec)))
    elif a.zone:
        serve(a)
    else:
        p.error("needs --zone or --ask")


if __name__ == "__main__":
    main()
