#!/bin/bash
# The yardstick's log (an independent generator and server, with planted matches,
# odd names and near misses) is read in both protocols: exactly what was planted
# is found, twice, the second time without reading anything.
#
#   bash tests/system/80-yardstick.sh build/release
#
# Needs Go and the yardstick's sources: CERTVIGIL_BENCH, else ../shared/bench.

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 80-yardstick "${1:-}"

size=${YARDSTICK_SIZE:-20000}
src=${CERTVIGIL_BENCH:-../shared/bench}/logforge
if ! command -v go >/dev/null || [ ! -f "$src/go.mod" ]; then
	skip 1 "no Go, or no yardstick in $src"
	t_end
fi
cp -r "$src" "$T/src" && chmod -R u+w "$T/src"
# into Go's own cache: its library is most of the work
ok "builds" env -C "$T/src" GOFLAGS=-mod=mod CGO_ENABLED=0 \
    go build -o "$T/logforge" .
mkdir "$T/log"
"$T/logforge" gen -dir "$T/log" -n "$size" >/dev/null 2>&1
chmod -R a+rX "$T/log"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
"$T/logforge" serve -dir "$T/log" -http "127.0.0.1:$port" -https '' \
    2>"$T/serve.err" &
pids+=($!)
ok "serves" wait_for 10 get "http://127.0.0.1:$port/_forge/stats"

# What differs from the oracle: entries missed, near misses, anything else.
judge()
{
	cv matches --json
	python3 - "$T/log/oracle.json" "$T/out" <<'PY'
import json, sys
got = {json.loads(l)["index"] for l in open(sys.argv[2]) if l.strip()}
by = {}
for e in json.load(open(sys.argv[1]))["entries"]:
    by.setdefault(e["class"], set()).add(e["index"])
must = by["match"] | by["odd"]
print("%d of %d, %d near, %d else" % (len(got & must), len(must),
    len(got & by["near"]), len(got - must - by["near"])))
PY
}

for form in rfc6962 static; do
	sed "s#127.0.0.1:16962#127.0.0.1:$port#" "$T/log/loglist-$form.json" \
	    >"$T/$form.json"
	t_db "yard_$form"
	conf=$T/$form.yaml
	cat >"$conf" <<-EOF
	database: "$db"
	state_dir: $T/state-$form
	contact: https://watcher.example.org/
	start: beginning
	log_list: {file: $T/$form.json, signature_key: none}
	watch_file: $T/log/watch-50.dotted
	egress: {allow_private: [127.0.0.0/8]}
	EOF
	once
	eq "$form: exit" $rc 0
	eq "$form: the oracle" "$(judge)" "540 of 540, 0 near, 0 else"
	eq "$form: proven" "$(sql 'select size_to from log_range')" "$size"
	before=$(get "http://127.0.0.1:$port/_forge/stats" |
	    sed 's/.*"entries":\([0-9]*\).*/\1/')
	once
	eq "$form: exit of the second run" $rc 0
	eq "$form: the second run reads no entry" "$(get \
	    "http://127.0.0.1:$port/_forge/stats" |
	    sed 's/.*"entries":\([0-9]*\).*/\1/')" "$before"
	eq "$form: and finds the same" "$(judge)" "540 of 540, 0 near, 0 else"
	eq "$form: no finding" "$(sql 'select count(*) from finding')" 0
done
t_end
