#!/usr/bin/env python3
"""TLS in front of a server on 127.0.0.1.
usage: tls.py --port P --to PORT --cert FILE --key FILE
Prints {"port":N} when ready; runs until SIGTERM."""
import argparse
import json
import socket
import ssl
import threading


def pump(src, dst):
    try:
        while True:
            data = src.recv(65536)
            if not data:
                break
            dst.sendall(data)
    except OSError:
        pass
    for s in (src, dst):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(raw, ctx, to):
    try:
        tls = ctx.wrap_socket(raw, server_side=True)
        back = socket.create_connection(("127.0.0.1", to))
    except OSError:
        raw.close()
        return
    threading.Thread(target=pump, args=(tls, back), daemon=True).start()
    pump(back, tls)
    tls.close()
    back.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--to", type=int, required=True)
    p.add_argument("--cert", required=True)
    p.add_argument("--key", required=True)
    a = p.parse_args()
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(a.cert, a.key)
    s = socket.create_server(("127.0.0.1", a.port))
    print(json.dumps({"port": s.getsockname()[1]}), flush=True)
    while True:
        raw, _ = s.accept()
        threading.Thread(target=serve, args=(raw, ctx, a.to),
                         daemon=True).start()


if __name__ == "__main__":
    main()
