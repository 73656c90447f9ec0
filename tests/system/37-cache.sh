#!/bin/bash
# A process that is killed in the middle of a log asks for no full tile twice,
# but for those that were under way (at most 16); what is damaged on disk is
# fetched again and never blamed on the log; what is committed is on disk no
# more; files of before, one a tile, are removed.  Nor is an issuer asked for
# twice.
#
#   bash tests/system/37-cache.sh build/release
#
# takes: 9

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 37-cache "${1:-}"

tiles=60
under_way=16

tiles_asked()
{
	get "http://127.0.0.1:$rig_port/_rig/s/stats" | json_int data
}

# where the bodies begin in the file: what is there begins with its secret
bodies()
{
	python3 - "$files"/pages-* <<'END'
import sys
b = open(sys.argv[1], "rb").read()
for off in range(16384, len(b), 16384):
    if b[off:off + 16] == b[16:32]:
        print(off)
END
}

issuers_asked()
{
	get "http://127.0.0.1:$rig_port/_rig/s/stats" | json_int issuer
}

asked()
{
	[ "$(tiles_asked)" -ge "$1" ]
}

port=$(python3 -c 'import socket; s = socket.socket()
s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/k.pem" -out "$T/c.pem" -days 2 -subj /CN=rig \
    -addext 'subjectAltName=DNS:localhost' 2>/dev/null
t_rig --url "https://localhost:$port" --log s,proto=static
t_ca
corp=(--submit "http://127.0.0.1:$rig_port/s" --out "$T/corp")
t_issue --name www.corp.example "${corp[@]}" >/dev/null
post "/_rig/s/fill?n=$((tiles * 256 - 1))&seed=9" >/dev/null
python3 tests/rig/tls.py --port "$port" --to "$rig_port" --cert "$T/c.pem" \
    --key "$T/k.pem" >"$T/tls.out" 2>"$T/tls.err" &
pids+=($!)
first_line "$T/tls.out" >/dev/null
rig=https://localhost:$port

t_db cache
poll=1s t_conf cache 'watch: [.corp.example]' "fetch: {ca_file: $T/c.pem}"
files=$T/state-cache/cache

start
ok "it reads" wait_for 20 asked 30
kill -9 "$run_pid"
wait "$run_pid" 2>/dev/null
run_pid=
sleep 0.3
before=$(tiles_asked)
mapfile -t all < <(bodies)
file=$(ls "$files"/pages-*)
kept=${#all[@]}
eq "nothing is committed so far" "$(sql 'select count(*) from log_range')" 0
ok "what came is on disk ($kept of $before)" \
    test "$kept" -ge $((before - under_way)) -a "$kept" -gt 10
eq "readable by nobody else" "$(stat -c %a "$files")" 700

# one is damaged, one has lost its head, the last one was half written
printf 'XXXX' | dd of="$file" bs=1 seek=$((all[0] + 500)) \
    conv=notrunc 2>/dev/null
dd if=/dev/zero of="$file" bs=1 seek="${all[1]}" count=80 \
    conv=notrunc 2>/dev/null
truncate -s $((all[kept - 1] + 1000)) "$file"
# an older version kept each one in a file
touch "$files/$(printf '%064d' 7)" "$files/spare-3"
chown --reference="$file" "$files"/*
once
eq "the rest is read" $rc 0
eq "all of it" "$(sql 'select size_to from log_range')" $((tiles * 256))
again=$(($(tiles_asked) - tiles))
echo "$before tiles were asked for before, $again twice"
ok "no tile is asked for twice but those under way and the damaged ($again)" \
    test "$again" -le $((under_way + 3))
eq "nobody is blamed" "$(sql 'select count(*) from finding')" 0
eq "what is committed is gone" "$(ls "$files" | wc -l)" 0

# issuers are in the database
eq "an issuer was asked for" "$(issuers_asked)" 1
t_issue --name mail.corp.example "${corp[@]}" >/dev/null
once
eq "both names are known" "$(sql 'select count(*) from entry_match')" 2
eq "its issuer is not asked for again" "$(issuers_asked)" 1
t_end
