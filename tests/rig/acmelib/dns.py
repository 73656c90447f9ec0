"""Questions to one name server, as a validating CA asks them, and what is
made of the answers: TXT, addresses, CAA (RFC 8659, RFC 8657)."""
import random
import socket
import struct

from dnsd import pack_name, read_name, recv_all, type_of

from .jose import Problem


def exchange(where, msg, tcp, timeout):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else
                       socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect(where)
        if not tcp:
            s.send(msg)
            return s.recv(65535)
        s.sendall(struct.pack(">H", len(msg)) + msg)
        return recv_all(s, struct.unpack(">H", recv_all(s, 2))[0])


def read_answers(msg, ident):
    """(rcode, truncated, [(owner, type, value)]); values are names of CNAMEs,
    else bytes."""
    got, flags, nq, na = struct.unpack(">4H", msg[:8])
    if got != ident:
        raise ValueError("another id")
    at, out = 12, []
    for _ in range(nq):
        at = read_name(msg, at)[1] + 4
    for _ in range(na):
        owner, at = read_name(msg, at)
        kind, _, _, n = struct.unpack(">HHIH", msg[at:at + 10])
        at += 10
        value = msg[at:at + n] if kind != 5 else \
            read_name(msg, at)[0].lower()
        out.append((owner.lower(), kind, value))
        at += n
    return flags & 15, bool(flags & 0x200), out


class Resolver:
    """Asks the server that was given; every failure is a Problem dns."""

    def __init__(self, where, timeout=2):
        host, port = where.rsplit(":", 1)
        self.where, self.timeout = (host, int(port)), timeout

    def ask(self, name, kind):
        """(rcode, records) of one question."""
        why = "no answer"
        for tcp in (False, False, True):
            ident = random.randrange(65536)
            msg = struct.pack(">6H", ident, 0x100, 1, 0, 0, 1) + \
                pack_name(name) + struct.pack(">HH", type_of(kind), 1) + \
                struct.pack(">BHHIH", 0, 41, 1232, 0, 0)
            try:
                rcode, cut, records = read_answers(exchange(
                    self.where, msg, tcp, self.timeout), ident)
                if not cut:
                    return rcode, records
                why = "truncated"
            except (OSError, ValueError, IndexError, EOFError,
                    struct.error) as e:
                why = str(e) or type(e).__name__
        raise Problem("dns", "DNS: %s %s: %s" % (name, kind, why))

    def find(self, name, kind):
        """The values of a name, CNAMEs followed; [] when there are none."""
        name = name.lower().rstrip(".")
        for _ in range(12):
            rcode, records = self.ask(name, kind)
            if rcode not in (0, 3):
                raise Problem("dns", "DNS: %s %s: rcode %d"
                              % (name, kind, rcode), rcode=rcode)
            start = name
            for _ in records:
                for owner, k, value in records:
                    if owner == name and k == 5 and type_of(kind) != 5:
                        name = value
                        break
            out = [v for owner, k, v in records
                   if owner == name and k == type_of(kind)]
            if out or name == start:
                return out
        raise Problem("dns", "DNS: %s %s: too many CNAMEs" % (name, kind))

    def texts(self, name):
        """Each TXT record, its strings joined."""
        out = []
        for data in self.find(name, "TXT"):
            text, at = b"", 0
            while at < len(data):
                text += data[at + 1:at + 1 + data[at]]
                at += 1 + data[at]
            out.append(text.decode("latin-1"))
        return out

    def addresses(self, name):
        out = [socket.inet_ntop(socket.AF_INET, d)
               for d in self.find(name, "A")]
        out += [socket.inet_ntop(socket.AF_INET6, d)
                for d in self.find(name, "AAAA")]
        if not out:
            raise Problem("dns", "DNS: %s has no address" % name)
        return out


def caa_set(resolver, name):
    """(where, [(flags, tag, value)]) of the closest name that has some.  A
    server that is no resolver refuses what is above its zones: the end."""
    labels = name.split(".")
    for i in range(len(labels)):
        here = ".".join(labels[i:])
        out = []
        try:
            found = resolver.find(here, "CAA")
        except Problem as why:
            if i > 0 and why.more.get("rcode") == 5:
                break
            raise
        for d in found:
            n = d[1]
            out.append((d[0], d[2:2 + n].decode("latin-1").lower(),
                        d[2 + n:].decode("latin-1")))
        if out:
            return here, out
    return None, []


def parameters(text):
    """(issuer, [(tag, value)]) of an issue value or a persist record."""
    first, *rest = [p.strip(" \t") for p in text.split(";")]
    out = []
    for p in rest:
        tag, eq, value = p.partition("=")
        if not p or not eq:
            raise ValueError("parameter \"%s\"" % p)
        out.append((tag.strip(" \t").lower(), value.strip(" \t")))
    return first.lower().rstrip("."), out


def may_issue(value, issuer, account, method):
    """Does an issue value let this account issue by this method?"""
    if not value.strip(" \t;"):
        return False
    try:
        who, params = parameters(value.strip(" \t"))
    except ValueError:
        return False
    tags = dict(params)
    return who == issuer and len(tags) == len(params) and \
        tags.get("accounturi", account) == account and \
        method in [m.strip() for m in tags.get(
            "validationmethods", method).split(",")]


def check_caa(resolver, issuer, identifier, account, method):
    """Raise a Problem caa unless the records allow it."""
    if identifier["type"] != "dns":
        return
    name = identifier["value"]
    wild = name.startswith("*.")
    where, records = caa_set(resolver, name[2:] if wild else name)
    for flags, tag, _ in records:
        if flags & 128 and tag not in ("issue", "issuewild", "iodef",
                                       "issuemail", "contactemail",
                                       "contactphone"):
            raise Problem("caa", "CAA: %s: critical property %s is not "
                          "understood" % (where, tag))
    have = [v for _, tag, v in records if tag == "issue"]
    if wild and any(tag == "issuewild" for _, tag, _ in records):
        have = [v for _, tag, v in records if tag == "issuewild"]
    if have and not any(may_issue(v, issuer, account, method)
                        for v in have):
        raise Problem("caa", "CAA record for %s prevents issuance (%s, "
                      "account %s, method %s)"
                      % (where, issuer, account, method))
