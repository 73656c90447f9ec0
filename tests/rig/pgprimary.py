#!/usr/bin/env python3
"""Says over HTTP whether a PostgreSQL server is a primary, for HAProxy.

usage: pgprimary.py PSQL CONNINFO...

One port for each connection string, on 127.0.0.1; the first line of output is
{"ports": [...]}.  GET: 200 where the server takes writes, else 503.
"""
import http.server
import json
import subprocess
import sys
import threading


def handler(psql, conninfo):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            done = subprocess.run(
                [psql, "-AtXqw", "-d", conninfo + " connect_timeout=2", "-c",
                 "show transaction_read_only"],
                capture_output=True, check=False)
            self.send_response(200 if done.stdout == b"off\n" else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    return Handler


def main():
    psql = sys.argv[1]
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                               handler(psql, c))
               for c in sys.argv[2:]]
    print(json.dumps({"ports": [s.server_port for s in servers]}), flush=True)
    for s in servers[1:]:
        threading.Thread(target=s.serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    main()
