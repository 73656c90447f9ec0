"""Checks of dns.sh (knot or nsd) and of dnsd.py, with its own client and
with kdig where that is installed."""
import json
import os
import shutil
import socket
import subprocess
import time

from checklib import Server, run
from dnsd import ask

HERE = os.path.dirname(os.path.abspath(__file__))


def caa(flags, tag, value):
    return (bytes([flags, len(tag)]) + tag.encode() + value.encode()).hex()


def kdig(port, *args):
    return run("kdig", "@127.0.0.1", "-p", str(port), "+retry=0",
               "+timeout=2", *args)


def check_server(check, skip, d):
    """The real one: zones, changes, and that it goes away."""
    dns = HERE + "/dns.sh"
    r = subprocess.run(["bash", dns, "start", d], capture_output=True,
                       text=True, check=False)
    if r.returncode == 77:
        skip(1, "neither knot nor nsd is installed")
        return
    check(r.returncode == 0, "dns.sh start: " + r.stderr)
    where = "127.0.0.1:%d" % json.loads(r.stdout)["port"]
    for value in ("ca.example", ";"):
        run("bash", dns, "zone", d, "example.com",
            input=b"@ 3600 CAA 0 issue \"%s\"\nwww A 127.0.0.1\n"
            % value.encode())
        a = ask(where, "example.com", "CAA")
        check(a["rcode"] == 0 and a["aa"] and [
            (x["ttl"], x["data"]) for x in a["answers"]] == [
                (3600, caa(0, "issue", value))], "dns.sh zone: %r" % a)
    run("bash", dns, "zone", d, "example.net", input=b"@ TXT hello\n")
    check(ask(where, "example.net", "TXT")["answers"][0]["data"] ==
          b"\5hello".hex(), "dns.sh: another zone")
    check(ask(where, "www.example.com", "A", tcp=True)["answers"][0][
        "data"] == "7f000001", "dns.sh: tcp")
    check(ask(where, "no.example.com", "A")["rcode"] == 3, "dns.sh: name")
    run("bash", dns, "stop", d)
    try:
        ask(where, "example.com", "CAA", timeout=0.5)
        check(False, "dns.sh stop")
    except OSError:
        check(True, "")


ZONE = """# name [ttl] type data
example.com 300 CAA 0 issue "ca.example"
example.com CAA 128 issuewild ";"
www.example.com CNAME other.example.net
other.example.net CAA 0 iodef "mailto:a@b"
deep.sub.example.com A 127.0.0.2
txt.example.com TXT "one" "two"
raw.example.com TYPE257 \\# 4 00016100
ad.example ! ad
www.ad.example CAA 0 issue "x"
tc.example ! tc
tc.example A 127.0.0.1
big.example ! many=100
big.example CAA 0 issue "ca.example"
fail.example ! servfail
drop.example ! drop
id.example ! id
slow.example ! delay=0.3
garbage.example ! garbage=40
cut.example ! cut
cut.example A 127.0.0.1
poison.example ! poison
poison.example A 127.0.0.1
"""


def check_liar(check, d):
    open(d + "/zone", "w").write(ZONE)
    s = Server("/usr/bin/python3", HERE + "/dnsd.py", "--zone", d + "/zone",
               "--log", d + "/queries")
    where = "127.0.0.1:%d" % s.port

    def data(name, kind, **kw):
        return [x["data"] for x in ask(where, name, kind, **kw)["answers"]]

    check(data("example.com", "CAA") == [
        caa(0, "issue", "ca.example"), caa(128, "issuewild", ";")], "caa")
    check(data("www.example.com", "CAA")[1:] == [
        caa(0, "iodef", "mailto:a@b")], "cname")
    check(data("raw.example.com", "CAA") == ["00016100"], "raw")
    check(data("txt.example.com", "TXT") == [b"\3one\3two".hex()], "txt")
    check([ask(where, n, "CAA")["rcode"] for n in (
        "sub.example.com", "none.example.com", "fail.example")] == [0, 3, 2],
          "rcodes")
    check([ask(where, n, "CAA")["ad"] for n in (
        "www.ad.example", "example.com")] == [True, False], "ad")
    for name in ("tc.example", "big.example"):
        kind = "A" if name[0] == "t" else "CAA"
        a, b = ask(where, name, kind), ask(where, name, kind, tcp=True)
        check(a["tc"] and not a["answers"] and not b["tc"] and b["answers"],
              "tc: " + name)
    check(not ask(where, "id.example", "A")["id_ok"], "id")
    check(ask(where, "poison.example", "A")["answers"][0]["name"] ==
          "other.example", "poison")
    start = time.time()
    ask(where, "slow.example", "A")
    check(time.time() - start >= 0.3, "delay")
    for name, why in (("drop.example", socket.timeout),
                      ("cut.example", None)):
        try:
            ask(where, name, "A", timeout=0.5)
            check(False, name)
        except Exception as e:              # whatever bad bytes lead to
            check(why is None or isinstance(e, why), name)
    open(d + "/zone", "w").write("example.com CAA 0 issue \"new.example\"\n")
    check(data("example.com", "CAA") == [caa(0, "issue", "new.example")],
          "the file is read again")
    log = [json.loads(x) for x in open(d + "/queries")]
    check(log[0]["name"] == "example.com" and log[0]["type"] == "CAA" and
          {x["proto"] for x in log} == {"udp", "tcp"}, "log")
    return s


def check_all(check, skip, d):
    os.makedirs(d)
    check_server(check, skip, d + "/real")
    s = check_liar(check, d)
    if shutil.which("kdig") is None:
        skip(1, "kdig is missing")
    else:
        text = kdig(s.port, "example.com", "CAA", "+short")
        check(text.split() == ["0", "issue", '"new.example"'], "kdig")
    check(s.stop() == 0, "dnsd ends well")
