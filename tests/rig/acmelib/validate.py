"""Validation of challenges for real: http-01, dns-01 (RFC 8555, 8), tls-alpn-01
(RFC 8737), IP addresses (RFC 8738), dns-account-01, dns-persist-01; each from
several vantage points: one try, and when it passes several more at once."""
import base64
import concurrent.futures
import hashlib
import http.client
import ipaddress
import socket
import ssl
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from .dns import check_caa, parameters
from .jose import Problem, b64u

ACME_ID = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
BODY_MAX = 4096
TYPES = ("http-01", "dns-01", "tls-alpn-01", "dns-account-01",
         "dns-persist-01")


def base_name(identifier):
    name = identifier["value"]
    return name[2:] if name.startswith("*.") else name


def types_for(identifier, offered):
    """Which challenges there can be for an identifier."""
    if identifier["type"] == "ip":
        can = ("http-01", "tls-alpn-01")
    elif identifier["value"].startswith("*."):
        can = ("dns-01", "dns-account-01", "dns-persist-01")
    else:
        can = TYPES
    return [t for t in offered if t in can]


def addresses(o, host):
    """Where a name is: --resolve, or what the DNS server says."""
    try:
        return [str(ipaddress.ip_address(host.strip("[]")))]
    except ValueError:
        pass
    if o.resolve or o.resolver is None:
        return [o.resolve or "127.0.0.1"]
    return o.resolver.addresses(host)


def port_of(o, scheme, port):
    """The rig's port for 80 and 443; others must be one of these."""
    port = port or {"http": 80, "https": 443}[scheme]
    port = {80: o.http_port, 443: o.tls_port}.get(port, port)
    if port not in (o.http_port, o.tls_port):
        raise Problem("connection", "Invalid port %d" % port)
    return port


def connect(o, host, port):
    why = None
    for a in addresses(o, host):
        try:
            return socket.create_connection((a, port), o.timeout)
        except OSError as e:
            why = e
    raise Problem("connection", "%s port %d: %s" % (host, port, why))


def fetch(o, scheme, host, port, path):
    """(status, location, body) of a GET; certificates are not looked at."""
    with connect(o, host, port_of(o, scheme, port)) as s:
        try:
            if scheme == "https":
                ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
                s = ctx.wrap_socket(s, server_hostname=host.strip("[]"))
            s.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: rig-va\r\n"
                       "Accept: */*\r\nConnection: close\r\n\r\n"
                       % (path, host)).encode())
            r = http.client.HTTPResponse(s, method="GET")
            r.begin()
            return r.status, r.getheader("Location"), r.read(BODY_MAX + 1)
        except (OSError, http.client.HTTPException) as e:
            raise Problem("connection", "%s: %s" % (host, e or
                                                    type(e).__name__)) \
                from None


def http_01(o, identifier, chal):
    host = identifier["value"]
    if ":" in host:
        host = "[%s]" % host
    scheme, port = "http", None
    path = "/.well-known/acme-challenge/" + chal["token"]
    for _ in range(11):
        status, location, body = fetch(o, scheme, host, port, path)
        if status not in (301, 302, 303, 307, 308):
            break
        u = urllib.parse.urlsplit(urllib.parse.urljoin(
            "%s://%s%s%s" % (scheme, host, ":%d" % port if port else "",
                             path), location or ""))
        scheme, host, port = u.scheme, u.hostname or "", u.port
        path = u.path + ("?" + u.query if u.query else "")
        if scheme not in ("http", "https"):
            raise Problem("connection", "redirect to scheme %r" % scheme)
    else:
        raise Problem("connection", "too many redirects")
    where = "http://%s/.well-known/acme-challenge/%s" % (
        identifier["value"], chal["token"])
    if status != 200:
        raise Problem("unauthorized", "Invalid response from %s: %d"
                      % (where, status))
    if body.rstrip() != chal["authz"].encode():
        raise Problem("unauthorized", "The key authorization file from the "
                      "server did not match this challenge: %s: %r"
                      % (where, body[:100].decode("latin-1")))


def digest_of(chal):
    return hashlib.sha256(chal["authz"].encode()).digest()


def check_text(o, name, want):
    have = o.resolver.texts(name)
    if not have:
        raise Problem("unauthorized", "No TXT record found at " + name)
    if want not in have:
        raise Problem("unauthorized", "Incorrect TXT record %r found at %s"
                      % (have[0], name))


def dns_01(o, identifier, chal):
    check_text(o, "_acme-challenge." + base_name(identifier),
               b64u(digest_of(chal)))


def account_label(url):
    return "_" + base64.b32encode(hashlib.sha256(
        url.encode()).digest()[:10]).decode().lower()


def dns_account_01(o, identifier, chal):
    check_text(o, "%s._acme-challenge.%s" % (
        account_label(chal["account"]), base_name(identifier)),
        b64u(digest_of(chal)))


def persist_fault(text, issuers, account, wild):
    """Why a persist record gives no leave, or None."""
    try:
        who, params = parameters(text)
    except ValueError as why:
        return "malformed: %s" % why
    tags = dict(params)
    if len(tags) != len(params):
        return "malformed: a parameter is there twice"
    if who not in issuers:
        return "issuer %s" % who
    if tags.get("accounturi") != account:
        return "accounturi %s" % tags.get("accounturi")
    if wild and tags.get("policy", "").lower() != "wildcard":
        return "policy does not include wildcards"
    until = tags.get("persistuntil")
    if until is not None and (not until.isdigit() or
                              int(until) < time.time()):
        return "persistUntil %s" % until
    return None


def dns_persist_01(o, identifier, chal):
    name = "_validation-persist." + base_name(identifier)
    faults = [persist_fault(t, chal["issuers"], chal["account"],
                            identifier["value"].startswith("*."))
              for t in o.resolver.texts(name)]
    if None not in faults:
        bad = [f for f in faults if f.startswith("malformed")]
        raise Problem("malformed" if bad else "unauthorized", "%s: %s" % (
            name, (bad or faults or ["no record"])[0]))


def alpn_names(cert):
    san = cert.extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value
    return [(type(n), n.value) for n in san]


def tls_alpn_01(o, identifier, chal):
    value, ip = identifier["value"], identifier["type"] == "ip"
    sni = ipaddress.ip_address(value).reverse_pointer if ip else value
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    ctx.minimum_version = ssl.TLSVersion.TLSv1_2
    ctx.set_alpn_protocols(["acme-tls/1"])
    with connect(o, value, o.tls_port) as s:
        try:
            with ctx.wrap_socket(s, server_hostname=sni) as t:
                alpn = t.selected_alpn_protocol()
                cert = x509.load_der_x509_certificate(t.getpeercert(True))
        except (OSError, ValueError) as e:
            raise Problem("tls", "%s: %s" % (value, e)) from None
    if alpn != "acme-tls/1":
        raise Problem("unauthorized", "%s: protocol acme-tls/1 was not "
                      "selected" % value)
    want = (x509.IPAddress, ipaddress.ip_address(value)) if ip else \
        (x509.DNSName, value)
    try:
        ext = cert.extensions.get_extension_for_oid(ACME_ID)
        names = alpn_names(cert)
    except (x509.ExtensionNotFound, ValueError) as e:
        raise Problem("unauthorized", "%s: %s" % (value, e)) from None
    if names != [want] or cert.issuer != cert.subject:
        raise Problem("unauthorized", "%s: must be self-signed for exactly "
                      "this name, is for %r" % (value, names))
    if not ext.critical or ext.value.value != b"\4\x20" + digest_of(chal):
        raise Problem("unauthorized", "%s: acmeIdentifier is not critical, "
                      "or not that of this challenge" % value)
    if not isinstance(cert.signature_hash_algorithm, hashes.SHA256):
        raise Problem("unauthorized", "%s: signature without SHA-256" % value)


CHECKS = {"http-01": http_01, "dns-01": dns_01, "tls-alpn-01": tls_alpn_01,
          "dns-account-01": dns_account_01, "dns-persist-01": dns_persist_01}


def attempt(o, identifier, chal):
    """One vantage point: None, or the Problem."""
    try:
        if chal["type"].startswith("dns-") and o.resolver is None:
            raise Problem("dns", "acmeca: needs --dns for %s" % chal["type"])
        CHECKS[chal["type"]](o, identifier, chal)
    except Problem as why:
        return why
    return None


def validate(o, identifier, chal):
    """None when the challenge is met, else the Problem.  CHAL: type, token,
    authz (key authorization), account (its URL), issuers; O: the options
    with resolver, resolve, http_port, tls_port, timeout, vantage,
    vantage_miss, caa_identity, always_valid."""
    if o.always_valid:
        return None
    whys = [attempt(o, identifier, chal)]
    if whys[0] is None and o.vantage > 1:
        with concurrent.futures.ThreadPoolExecutor(o.vantage - 1) as pool:
            whys += pool.map(lambda _: attempt(o, identifier, chal),
                             range(o.vantage - 1))
    missed = [w for w in whys if w is not None]
    if missed and (whys[0] is not None or len(missed) > o.vantage_miss):
        if whys[0] is None:
            missed[0].detail = "During secondary validation: " + \
                missed[0].detail
        return missed[0]
    try:
        caa(o, identifier, chal["account"], chal["type"])
    except Problem as why:
        return why
    return None


def caa(o, identifier, account, method):
    if o.resolver is not None and o.caa_identity and not o.no_caa:
        check_caa(o.resolver, o.caa_identity, identifier, account, method)
