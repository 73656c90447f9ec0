#!/bin/bash
# Makes the seeds of tests/fuzz/corpus anew, with the rig (keys are random, so
# bytes differ from time to time): answers of its log, certificates of its CA,
# frames and cursors.
#
#   bash tests/fuzz/seeds.sh build/release

set -eu
cd "$(dirname "$0")/../.."
bin=${1:-build/release}/tests/rig
work=$(mktemp -d)
"$bin/ctlog" --dir "$work/log" --log a --log b,proto=static > "$work/out" &
pid=$!
trap 'kill $pid; rm -rf "$work"' EXIT
while [ ! -s "$work/out" ]; do sleep 0.05; done
"$bin/ca" init "$work/ca" > /dev/null
PYTHONDONTWRITEBYTECODE=1 python3 - "$work" "$bin" <<'END'
import base64, json, os, struct, subprocess, sys, urllib.request
work, bin = sys.argv[1:]
base = json.loads(open(work + "/out").readline())["base"]
out = "tests/fuzz/corpus"

def get(path, data=None):
    return urllib.request.urlopen(base + path, data).read()

def seed(target, name, body):
    os.makedirs(f"{out}/{target}", exist_ok=True)
    with open(f"{out}/{target}/{name}", "wb") as f:
        f.write(body)

def issue(n, *args):
    subprocess.run([bin + "/ca", "issue", work + "/ca", "--out",
        f"{work}/c{n}", "--submit", base + "/a", "--submit", base + "/b",
        "--final-submit", *args], check=True, stdout=subprocess.DEVNULL)
    pem = open(f"{work}/c{n}.pem").read().split("-----")[2]
    return base64.b64decode("".join(pem.split()))

certs = [
    issue(0, "--name", "www.example.com"),
    issue(1, "--name", "*.example.com", "--name", "example.com",
        "--ip", "192.0.2.1", "--key-type", "rsa"),
    issue(2, "--name", "x.example", "--raw-san", "772e00ff2e6578616d706c65"),
    issue(3, "--name", "m.example", "--malformed"),
]
for i, c in enumerate(certs):
    seed("der", f"cert-{i}", c)
    seed("der", f"precert-{i}", open(f"{work}/c{i}.precert.der", "rb").read())
for what in ("unknown_type", "garbage", "empty", "trailing", "bad_version",
        "bad_chain"):
    get(f"/_rig/a/poison?what={what}&name=p.example&n=300", b"")
page = get("/a/ct/v1/get-entries?start=0&end=13")
seed("entries", "page", page)
seed("entries", "page-one", get("/a/ct/v1/get-entries?start=0&end=0"))
seed("entries", "empty", b'{"entries":[]}')
for i, e in enumerate(json.loads(page)["entries"]):
    seed("entry", f"leaf-{i}", base64.b64decode(e["leaf_input"]))
    seed("entry", f"extra-{i}", base64.b64decode(e["extra_data"]))
seed("entries", "sth", get("/a/ct/v1/get-sth"))
seed("entries", "consistency",
    get("/a/ct/v1/get-sth-consistency?first=3&second=10"))
seed("loglist", "rig", get("/loglist.json"))
seed("loglist", "rig-static", get("/loglist-static.json"))
seed("note", "checkpoint", get("/b/checkpoint"))
get("/_rig/b/lie?lie=extra_signatures", b"")
seed("note", "checkpoint-signatures", get("/b/checkpoint"))
size = int(get("/b/checkpoint").split(b"\n")[1])
tile = get(f"/b/tile/data/000.p/{size}")
if tile[:2] == b"\x1f\x8b":
    seed("tile", "gzip", bytes([0x80 | size]) + tile)
    import gzip
    tile = gzip.decompress(tile)
seed("tile", "plain", bytes([size]) + tile)
seed("tile", "cut", bytes([size]) + tile[:len(tile) // 2])
seed("tile", "wide", bytes([size + 1]) + tile)
for i, ops in enumerate((b"\x00\x01\x02\x03", b"\x89\x89\x8a\x8b",
        b"\x06\x07\x08\x0c", bytes(range(13)))):
    seed("cur", f"ops-{i}", ops + bytes(range(3 * len(ops))))

def frame(type, body, nfds=0, length=None):
    n = len(body) if length is None else length
    return struct.pack(">IHH", n, type, nfds) + body
seed("ipc", "one", frame(1, b"hello"))
seed("ipc", "two", frame(1, b"") + frame(2, bytes(64)))
seed("ipc", "cut", frame(3, bytes(10), length=11))
seed("ipc", "long", frame(3, bytes(10), length=0xffffffff))
# each reader of judges' messages: nothing, counts of 1, counts of all
for k in range(10):
    seed("judge", f"zeros-{k}", bytes([k]) + bytes(600))
    seed("judge", f"ones-{k}", bytes([k]) + struct.pack(">I", 1) * 200)
    seed("judge", f"full-{k}", bytes([k]) + b"\xff" * 64)
seed("ipc", "descriptors", frame(4, bytes(10), nfds=3))
def text(s):
    return struct.pack(">I", len(s) + 1) + s + b"\0"
# FETCH_GET (4) into a pipe, FETCH_DONE (8) of it
seed("ipc", "fetch-get", frame(4, struct.pack(">QIIIIII", 1, 0, 1 << 28,
    60000, 5000, 100, 0x18) + text(b"GET") + text(b"http://ca.example/1.crl") +
    struct.pack(">H", 1) + text(b"If-None-Match: x") + struct.pack(">I", 0)))
seed("ipc", "fetch-done", frame(8, struct.pack(">QBH", 1, 0, 200) +
    b"".join(text(t) for t in (b"", b"", b"", b"x", b"",
    b"application/pkix-crl", b"", b"/2.crl", b"", b"", b"http://ca.example/2.crl",
    b"192.0.2.1")) + struct.pack(">IQII", 0, 0, 0, 0) +
    struct.pack(">QQ", 700, 900)))
END
bash tests/fuzz/seeds_more.sh
bash tests/fuzz/seeds_sct.sh
bash tests/fuzz/seeds_ocsp.sh
bash tests/fuzz/seeds_acme.sh
bash tests/fuzz/seeds_flow.sh
bash tests/fuzz/seeds_hostile.sh
bash tests/fuzz/seeds_challenge.sh
bash tests/fuzz/seeds_sign.sh
python3 tests/unit/auditor/made_tsig.py tests/fuzz/corpus/dnsupdate
# the messages of the auditor to its judges, from their unit test
mkdir -p tests/fuzz/corpus/judge_said
SAID_SEEDS=tests/fuzz/corpus/judge_said \
    "$(dirname "$bin")/unit/auditor/test_judge_said_wire" > /dev/null
du -sh tests/fuzz/corpus
