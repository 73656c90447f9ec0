"""Checks of tlssrv with openssl s_client and Python's ssl."""
import imaplib
import json
import os
import re
import smtplib
import socket
import ssl
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from checklib import Server, get, http, post, run


def client(port, *args, data=""):
    r = subprocess.run(["openssl", "s_client", "-connect",
                        "127.0.0.1:%d" % port, *args], input=data,
                       capture_output=True, text=True, timeout=30,
                       check=False)
    return r.stdout + r.stderr


def served(port, name="www.example", addr="127.0.0.1", **kw):
    """The DER certificate that is served, without verification."""
    ctx = ssl.create_default_context()
    ctx.check_hostname = False
    ctx.verify_mode = ssl.CERT_NONE
    with socket.create_connection((addr, port), timeout=5, **kw) as s:
        with ctx.wrap_socket(s, server_hostname=name) as t:
            return t.getpeercert(True)


def fails(port, timeout=0.5):
    try:
        with socket.create_connection(("127.0.0.1", port),
                                      timeout=timeout) as s:
            with ssl.create_default_context().wrap_socket(
                    s, server_hostname="www.example"):
                return None
    except OSError as why:
        return why


def der(path):
    return x509.load_pem_x509_certificate(
        open(path, "rb").read()).public_bytes(
            serialization.Encoding.DER)


class Tls:
    def __init__(self, server, name):
        self.port = server.info["endpoints"][name]
        self.admin = "%s/_rig/%s" % (server.url, name)

    def lie(self, name, **args):
        return post(self.admin + "/lie", dict(args, lie=name))

    def honest(self):
        return post(self.admin + "/honest")


def check_served(check, s, d):
    a, sni, bare = Tls(s, "a"), Tls(s, "sni"), Tls(s, "bare")
    one, two = der(d + "/one.pem"), der(d + "/two.pem")
    check(served(a.port) == one, "served certificate")
    check(served(s.info["endpoints"]["b"], addr="127.0.0.2") == two and
          s.info["endpoints"]["b"] == a.port, "another address")
    for version in ("-tls1_2", "-tls1_3"):
        text = client(a.port, version, "-status", "-serverinfo", "18",
                      "-msg", "-CAfile", d + "/ca/root.pem", "-servername",
                      "www.example")
        check("Verify return code: 0" in text and
              "OCSP Response Status: successful" in text and
              "Cert Status: good" in text, version + ": staple")
        dump = "".join(re.findall(r"(?m)^    ((?:[0-9a-f]{2} ?)+)$", text))
        check("001200070005000361" in dump.replace(" ", ""),
              version + ": SCTs")
        check(re.findall(r"(?m)^ (\d) s:", text) == ["0", "1"],
              version + ": chain")
    text = client(bare.port, "-status", "-CAfile", d + "/ca/root.pem")
    check("no response sent" in text and "TLSv1.2" in text and
          re.findall(r"(?m)^ (\d) s:", text) == ["0"], "chain=none, tls=1.2")
    check(served(sni.port, "two.example") == two, "sni")
    check("UNRECOGNIZED_NAME" in str(fails(sni.port)).upper().replace(
        " ", "_"), "another sni")
    post(a.admin + "/set", dict(cert=d + "/two.fullchain.pem",
                                key=d + "/two.key", staple="", scts=""))
    check(served(a.port) == two, "set")
    check("no response sent" in client(a.port, "-status"), "set: no staple")
    check(http(a.admin + "/set", dict(cert=d + "/one.pem"))[0] == 400 and
          served(a.port) == two, "set: another key")
    post(a.admin + "/set", dict(cert=d + "/one.fullchain.pem",
                                key=d + "/one.key"))
    # a client of TLS 1.3 is done before the server has read its last word
    for _ in range(20):
        j = get(a.admin + "/stats")
        if j["sni"] == "www.example":
            break
        time.sleep(0.1)
    check(j["handshakes"] >= 6 and j["sni"] == "www.example", "stats: tls")
    out = run("curl", "-s", "--cacert", d + "/ca/root.pem", "--connect-to",
              "one.example:443:127.0.0.1:%d" % a.port,
              "https://one.example/")
    check(out == "ok\n", "http behind it")


def check_tls_lies(check, s):
    a = Tls(s, "a")
    for name in ("stall", "reset", "eof", "garbage", "plain", "alert",
                 "slow"):
        a.lie(name)
        check(fails(a.port) is not None, name)
        a.honest()
    a.lie("stall", mode="mid")
    with socket.create_connection(("127.0.0.1", a.port), timeout=1) as c:
        ctx = ssl.create_default_context()
        i, o = ssl.MemoryBIO(), ssl.MemoryBIO()
        t = ctx.wrap_bio(i, o, server_hostname="x.example")
        try:
            t.do_handshake()
        except ssl.SSLWantReadError:
            c.sendall(o.read())
        check(c.recv(10)[:1] == b"\x16", "stall mid")
    a.honest()
    a.lie("huge_chain", n=300)
    text = client(a.port, "-showcerts")
    check("excessive message size" in text or text.count("-----BEGIN CERT") ==
          302, "huge_chain")
    a.honest()
    a.lie("reset", times=2)
    got = ["certificate" in str(fails(a.port)) for _ in range(3)]
    check(got == [False, False, True], "times")
    a.honest()


def check_mail(check, s, d):
    smtp, imap = Tls(s, "smtp"), Tls(s, "imap")
    ctx = ssl.create_default_context(cafile=d + "/ca/root.pem")
    ctx.check_hostname = False
    with smtplib.SMTP("127.0.0.1", smtp.port, timeout=5) as c:
        check(c.ehlo()[0] == 250 and c.has_extn("starttls") and
              c.starttls(context=ctx)[0] == 220 and c.ehlo()[0] == 250 and
              not c.has_extn("starttls") and c.noop()[0] == 250, "smtp")
    with imaplib.IMAP4("127.0.0.1", imap.port, timeout=5) as c:
        check(c.starttls(ctx)[0] == "OK" and c.noop()[0] == "OK", "imap")
    for name, port in (("smtp", smtp.port), ("imap", imap.port)):
        text = client(port, "-starttls", name, "-CAfile",
                      d + "/ca/root.pem")
        check("Verify return code: 0" in text, name + ": s_client")
    smtp.lie("no_starttls")
    imap.lie("no_starttls")
    with smtplib.SMTP("127.0.0.1", smtp.port, timeout=5) as c:
        c.ehlo()
        check(not c.has_extn("starttls"), "smtp: no_starttls")
    with imaplib.IMAP4("127.0.0.1", imap.port, timeout=5) as c:
        check("STARTTLS" not in c.capabilities, "imap: no_starttls")
    smtp.honest()
    smtp.lie("refuse_starttls")
    with smtplib.SMTP("127.0.0.1", smtp.port, timeout=5) as c:
        c.ehlo()
        check(c.docmd("STARTTLS")[0] == 454, "smtp: refuse_starttls")
    smtp.honest()
    smtp.lie("inject")
    with socket.create_connection(("127.0.0.1", smtp.port), timeout=5) as c:
        c.recv(1000)
        c.sendall(b"EHLO x\r\n")
        time.sleep(0.1)
        c.recv(1000)
        c.sendall(b"STARTTLS\r\n")
        check(b"injected" in c.recv(1000), "smtp: inject")
    smtp.honest()
    smtp.lie("banner", n=5)
    with smtplib.SMTP() as c:
        check(c.connect("127.0.0.1", smtp.port)[1].count(b"much") == 5,
              "smtp: banner")
    smtp.honest()
    smtp.lie("garbage")
    with smtplib.SMTP("127.0.0.1", smtp.port, timeout=5) as c:
        try:
            c.starttls(context=ctx)
            check(False, "smtp: garbage behind STARTTLS")
        except (ssl.SSLError, OSError):
            check(True, "")
    smtp.honest()


def check_all(check, bindir, d):
    os.makedirs(d)
    ca = bindir + "/ca"
    run(ca, "init", d + "/ca")
    c = Server(bindir + "/casrv", "--ca", d + "/ca")
    for name in ("one", "two"):
        j = json.loads(run(ca, "issue", d + "/ca", "--name",
                           name + ".example", "--out", d + "/" + name))
        open("%s/%s.staple" % (d, name), "wb").write(http(
            "%s/_rig/ca/staple?serial=%s" % (c.url, j["serial"]))[2])
    c.stop()
    open(d + "/scts", "wb").write(b"\0\5\0\3abc")
    spec = ",cert=%s/%s.fullchain.pem,key=%s/%s.key"
    one, two = spec % (d, "one", d, "one"), spec % (d, "two", d, "two")
    args = []
    for text in ("a%s,staple=%s/one.staple,scts=%s/scts" % (one, d, d),
                 "b%s,addr=127.0.0.2,port=@a" % two,
                 "bare%s,chain=none,tls=1.2" % one,
                 "sni%s,sni=two.example" % two,
                 "smtp%s,starttls=smtp" % one, "imap%s,starttls=imap" % one):
        args += ["--endpoint", text]
    s = Server(bindir + "/tlssrv", *args)
    check_served(check, s, d)
    check_tls_lies(check, s)
    check_mail(check, s, d)
    j = post(s.url + "/_rig/new", dict(endpoint="late" + two))
    check(served(j["late"]) == der(d + "/two.pem"), "new")
    check(s.stop() == 0, "tlssrv ends well")
