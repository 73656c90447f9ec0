"""HTTP and HTTPS on loopback: which request is what, the checks that every
signed one must pass (RFC 8555, 6), nonces, faults on the wire."""
import http.server
import json
import socket
import ssl
import time
import urllib.parse

from . import accounts, admin, ari, faults, orders, revoke
from .accounts import Res
from .jose import Jws, Problem, key_of, malformed, read_json, unb64u
from .pki import DER
from .revoked import ocsp_answer, ocsp_request

BODY_MAX = 1 << 20
# kind: (function, which of jwk and kid must have signed)
POSTS = {"newAccount": (accounts.new_account, "jwk"),
         "keyChange": (accounts.key_change, "kid"),
         "account": (accounts.account, "kid"),
         "orders": (accounts.orders, "kid"),
         "newOrder": (orders.new_order, "kid"),
         "order": (orders.order, "kid"),
         "finalize": (orders.finalize, "kid"),
         "authz": (orders.authz, "kid"),
         "challenge": (orders.challenge, "kid"),
         "cert": (orders.certificate, "kid"),
         "revokeCert": (revoke.revoke, "either")}
ONE = {"dir": "directory", "nonce": "newNonce", "new-acct": "newAccount",
       "new-order": "newOrder", "key-change": "keyChange",
       "revoke": "revokeCert", "int.der": "aia", "ocsp": "ocsp"}
TWO = {"acct": "account", "order": "order", "authz": "authz",
       "cert": "cert", "ari": "renewalInfo", "crl": "crl"}


def kind_of(parts):
    """The name of a resource, or None."""
    if parts[0] in ONE and (len(parts) == 1 or parts[0] == "ocsp"):
        return ONE[parts[0]]
    if len(parts) == 2:
        return TWO.get(parts[0])
    if len(parts) == 3:
        return {("acct", "orders"): "orders",
                ("order", "finalize"): "finalize"}.get(
            (parts[0], parts[2])) or {"chall": "challenge",
                                      "cert": "cert"}.get(parts[0])
    return None


class Request:
    """One request; signed ones have jws, key or account, obj."""

    def __init__(self, kind, parts, query, base):
        self.kind, self.parts, self.query, self.base = kind, parts, query, \
            base
        self.account = self.key = self.jws = self.obj = None

    def url_of(self, *parts):
        return "/".join((self.base,) + tuple(str(p) for p in parts))

    def object(self):
        return read_json(self.jws.payload, "payload")

    def octets(self, obj, name):
        return unb64u(obj.get(name), name)


def signed(ca, r, headers, body, want):
    """Check the JWS of a request (6.2-6.5), fill in who signed it."""
    if headers.get("Content-Type") != "application/jose+json":
        raise malformed("Content-Type must be application/jose+json", 415)
    if not headers.get("User-Agent"):
        raise malformed("a User-Agent is needed (RFC 8555, 6.1)")
    r.jws = jws = Jws(read_json(body, "body"))
    jws.check_alg()
    if ("jwk" in jws.header) == ("kid" in jws.header):
        raise malformed("protected: must have exactly one of jwk and kid")
    if want != "either" and want not in jws.header:
        raise malformed("protected: %s must be signed with %s"
                        % (r.kind, want))
    if "jwk" in jws.header:
        r.key = key_of(jws.header["jwk"])
    else:
        # its URL by which name it was made, or by that of this request
        kid = str(jws.header["kid"])
        a = ca.accounts.get(kid.rpartition("/")[2])
        if a is None or kid not in (a.url, r.url_of("acct", a.id)):
            raise Problem("accountDoesNotExist", "kid %s: no such account"
                          % kid)
        r.account, r.key = a, a.key
    jws.verify(r.key)
    ca.use_nonce(jws.header.get("nonce"), r.kind)
    if jws.url != r.full:
        raise Problem("malformed", "protected: url %r, but the request came "
                      "to %r" % (jws.url, r.full))
    if r.account is not None and r.account.status != "valid":
        raise Problem("unauthorized", "the account is " + r.account.status)
    if jws.payload:
        r.obj = r.object()


def directory(ca, r):
    o = ca.o
    meta = {"externalAccountRequired": bool(o.eab) and not o.eab_optional,
            "website": "https://acme.rig.example/"}
    if o.terms:
        meta["termsOfService"] = o.terms
    if o.caa_identity:
        meta["caaIdentities"] = [o.caa_identity]
    if not o.no_profiles:
        meta["profiles"] = {n: p["text"] for n, p in o.profile.items()}
    out = {"newNonce": r.url_of("nonce"), "newAccount": r.url_of("new-acct"),
           "newOrder": r.url_of("new-order"), "meta": meta,
           "keyChange": r.url_of("key-change"),
           "revokeCert": r.url_of("revoke"),
           "Zq3": "https://community.rig.example/unknown-fields"}
    if not o.no_ari:
        out["renewalInfo"] = r.url_of("ari")
    return Res(200, out)


def crl(ca, r):
    name = r.parts[1].partition(".")[0]
    shard = int(name) if name.isdigit() else 0
    if not 1 <= shard <= ca.o.shards or ca.o.no_crl:
        raise malformed("no such CRL", 404)
    drop = ca.faults.tell("crl_drop", "crl")
    reason = ca.faults.tell("crl_reason", "crl")
    with ca.lock:
        certs = [c for c in ca.certs.values() if ca.shard(c.serial) == shard]
        der = ca.lists.crl(shard, ca.crl_url(shard), certs, dict(
            delay=ca.o.crl_delay, seconds=ca.o.crl_seconds,
            time=time.time(), drop=int(drop["serial"], 16) if drop else None,
            reason=reason.get("n", 4) if reason else None))
    return Res(200, body=der, ctype="application/pkix-crl")


def unsigned(ca, r, method, path, body):
    """The resources that nobody signs for."""
    if r.kind == "directory":
        return directory(ca, r)
    if r.kind == "newNonce":
        res = Res(200 if method == "HEAD" else 204, body=b"")
        res.headers["Cache-Control"] = "no-store"
        return res
    if r.kind == "renewalInfo" and not ca.o.no_ari:
        return ari.renewal_info(ca, r)
    if r.kind == "crl":
        return crl(ca, r)
    if r.kind == "aia":
        return Res(200, body=ca.authority.cert.public_bytes(DER),
                   ctype="application/pkix-cert")
    if r.kind == "ocsp" and ca.o.ocsp:
        with ca.lock:
            return Res(200, body=ocsp_answer(
                ca.authority, ocsp_request(method, path, body),
                ca.certs.get), ctype="application/ocsp-response")
    raise malformed("%s: %s is not served" % (method, path), 405)


class Cut(Exception):
    """The connection ends here."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    timeout = 60

    def setup(self):
        if self.server.tls is not None:
            self.request.settimeout(self.timeout)
            self.request = self.server.tls.wrap_socket(self.request,
                                                       server_side=True)
        super().setup()

    def finish(self):
        """Close it: the server closes the socket below TLS only, and a
        Problem that was caught keeps this one alive until the collector
        comes, so that the client of a cut would wait."""
        try:
            super().finish()
        except OSError:
            pass
        self.connection.close()

    def log_message(self, *args):
        pass

    def log_line(self, kind, status, why):
        o = self.server.ca.o
        if o.verbose:
            print("%s %s %s %s %s" % (self.command, self.path, kind, status,
                                      why), file=o.verbose, flush=True)

    def do_GET(self):
        try:
            self.serve()
        except (Cut, OSError):
            self.close_connection = True

    do_POST = do_HEAD = do_PUT = do_DELETE = do_GET

    def serve(self):
        n = int(self.headers.get("Content-Length") or 0)
        if n > BODY_MAX:
            raise Cut
        body = self.rfile.read(n)
        u = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(u.query))
        parts = u.path.strip("/").split("/")
        if parts[0] == "_rig":
            status, obj = admin.answer(self.server.ca, self.command,
                                       parts[1:], query, body)
            self.send(Res(status, obj), None)
            return
        scheme = "http" if self.server.tls is None else "https"
        base = self.server.ca.o.url or "%s://%s" % (
            scheme, self.headers.get("Host", ""))
        r = Request(kind_of(parts), parts, query, base)
        r.full = base + self.path
        self.acme(r, u.path, body)

    def acme(self, r, path, body):
        ca, fault, why = self.server.ca, None, ""
        ca.count(r.kind or "unknown")
        seen = self.peek(body) if r.kind in POSTS else {}
        try:
            if r.kind is None:
                raise malformed("%s: no such resource" % path, 404)
            fault = ca.faults.tell(faults.BEFORE[1:], r.kind, seen)
            res = self.broken(r, fault, seen) if fault else \
                self.real(r, path, body)
        except Problem as e:
            res, why = Res(e.status, e.document(), e.headers,
                           ctype="application/problem+json"), e
        except Cut:
            raise
        except Exception as e:          # a fault of the rig, to be seen
            res, why = Res(500, Problem("serverInternal", repr(
                e)).document(), ctype="application/problem+json"), repr(e)
        self.log_line(r.kind, res.status, why)
        if res.status == 0:
            raise Cut
        self.finish_answer(r, res, seen)

    @staticmethod
    def peek(body):
        """The payload of a request for the selectors of faults, unchecked."""
        try:
            out = json.loads(unb64u(json.loads(body)["payload"], ""))
            return out if isinstance(out, dict) else {}
        except (ValueError, KeyError, TypeError, Problem, RecursionError):
            return {}

    def real(self, r, path, body):
        ca = self.server.ca
        if r.kind not in POSTS:
            return unsigned(ca, r, self.command, path, body)
        if self.command != "POST":
            raise malformed("%s: only POST (RFC 8555, 6.3)" % r.kind, 405)
        function, want = POSTS[r.kind]
        signed(ca, r, self.headers, body, want)
        wait = ca.limits.take("requests", r.account and r.account.id)
        if wait is not None:
            raise accounts.limited("too many requests", wait)
        return function(ca, r)

    def broken(self, r, f, seen):
        name = f["fault"]
        if name == "stall":
            time.sleep(f.get("n", 600))
            raise Cut
        if name == "cut_before":
            raise Cut
        if name == "redirect":
            return Res(302, body=b"", headers={"Location": f.get(
                "url", r.full)})
        if name in ("html", "garbage", "empty", "huge", "deep"):
            ctype, body = faults.body_of(f)
            return Res(f.get("status", 200), body=body, ctype=ctype)
        if name == "problem":
            doc = faults.document(f, seen.get("identifiers", []))
            return Res(doc["status"], doc, faults.retry_after(f),
                       ctype="application/problem+json")
        kind = {"429": "rateLimited", "404": "malformed"}.get(
            name, "serverInternal")
        return Res(int(name), Problem(kind, f.get(
            "detail", "the rig was told to say %s" % name),
            int(name)).document(), faults.retry_after(f),
            ctype="application/problem+json")

    def finish_answer(self, r, res, seen):
        """Headers that every answer has, and the faults of answers."""
        tell = self.server.ca.faults.tell
        if r.kind not in ("crl", "aia", "ocsp"):
            res.links.append("<%s>;rel=\"index\"" % r.url_of("dir"))
            if (self.command == "POST" or r.kind == "newNonce") and \
                    not tell("no_nonce", r.kind, seen):
                f = tell("nonce_text", r.kind, seen)
                res.headers["Replay-Nonce"] = f.get("mode", "a b/c?") if f \
                    else self.server.ca.nonce()
        if tell("no_location", r.kind, seen):
            res.headers.pop("Location", None)
        f = tell("wrong_type", r.kind, seen)
        if f:
            res.ctype = f.get("mode", "text/plain")
        f = tell("replace", r.kind, seen)
        if f:
            res.ctype, res.body = faults.body_of(f)
        f = tell("other_host", r.kind, seen)
        if f and res.obj is not None:
            res.obj = json.loads(json.dumps(res.obj).replace(
                r.base, f.get("url", "http://127.0.0.9:1")))
        f = tell("slow", r.kind, seen)
        if f:
            time.sleep(float(f.get("n", 1)))
        if tell("cut_after", r.kind, seen):
            raise Cut
        self.send(res, tell("cut_mid", r.kind, seen))

    def send(self, res, cut):
        data = res.body if res.body is not None else \
            json.dumps(res.obj).encode()
        self.send_response(res.status)
        for name, value in res.headers.items():
            self.send_header(name, value)
        for link in res.links:
            self.send_header("Link", link)
        if data:
            self.send_header("Content-Type", res.ctype)
        if res.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data if not cut else data[:len(data) // 2])
        self.wfile.flush()
        if cut:
            raise Cut


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, where, ca, pair=None):
        self.ca, self.tls = ca, None
        if pair is not None:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*pair)
        super().__init__(where, Handler)

    def server_bind(self):
        # the one of http.server looks up a name
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        """Clients that go away in the middle are no news."""


assert set(POSTS) | {"directory", "newNonce", "renewalInfo", "crl", "aia",
                     "ocsp"} == set(faults.KINDS)
