#!/bin/bash
# The file system of the embedded database is full while logs are read: it is
# said before and while it is so, the daemon waits, and when there is room it
# goes on: nothing lost, nothing doubled, nothing said twice.
#
#   bash tests/system/63-disk-full.sh build/release
#
# takes: 25

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 63-disk-full "${1:-}"

t_rig --log rfc --log static,proto=static
t_sink
database=embedded poll=1s t_conf full 'watch: [.corp.example]' 'channels:' \
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}" \
    'routes:' '  - {to: [soc]}'
mkdir "$state"
if [ "$(id -u)" -ne 0 ] ||
    ! mount -t tmpfs -o size=160m,mode=0755 cvfull "$state" 2>/dev/null; then
	skip 1 "no right to mount a small file system"
	t_end
fi
# the server must have ended before
trap 'stop; umount -l "$state"; t_clean' EXIT

sql()
{
	"$prog" --config "$conf" db psql -AtXq -c "$1" 2>"$T/psql.err"
}
says()
{
	grep -qi "$1" "$T/run.log"
}

for l in rfc static; do
	post "/_rig/$l/fill?n=200&seed=$RANDOM" >/dev/null
done
once
eq "first read" $rc 0
[ $rc -eq 0 ] || show
start
ok "runs" wait_for 60 test -e "$state/pg/postmaster.pid"
ok "that room is short is said" wait_sql 30 open \
    "select state from finding where kind = 'database.low_space'"

# --- full, by somebody else's file and what is read ------------------------------------

n=0
grow()
{
	local log=rfc

	[ $((n % 2)) -eq 0 ] || log=static
	n=$((n + 1))
	t_issue --name "n$n.corp.example" --submit "$rig/$log" \
	    --final-submit --out "$T/c" >/dev/null
	post "/_rig/$log/fill?n=100&seed=$n" >/dev/null
}
dd if=/dev/zero of="$state/ballast" bs=64k 2>/dev/null
for _ in $(seq 12); do
	grow
done
ok "full: said" wait_for 60 says 'no space left'
# no room for the server's own log, either: it panics
sql "select pg_logical_emit_message(false, 'x', repeat('y', 1000000))
    from generate_series(1, 100)" >/dev/null
ok "full: the server went down" grep -qE 'PANIC|closed the connection' \
    "$state/pg.log" "$T/psql.err"
for _ in $(seq 6); do
	grow
done
sleep 3
ok "full: the daemon stays" kill -0 "$run_pid"
ok "full: it says it once a second at most" test \
    "$(tail -n +1 "$T/run.log" | wc -l)" -lt 200

# --- room ----------------------------------------------------------------------------------

mount -o remount,size=2g "$state"
ok "room: everything is read" wait_sql 90 $((2 * n)) \
    "select count(*) from entry_match"
ok "room: and said" wait_sql 60 "$n" "select count(distinct d.webhook_id)
    from delivery d join finding f on f.id = d.findings[1]
    where d.state = 'delivered' and f.kind = 'certificate.unexpected'"
stop
eq "SIGTERM" $rc 0
# it looks every ten minutes, and at its start
start
ok "room: is said" wait_sql 30 resolved \
    "select state from finding where kind = 'database.low_space'"
stop
eq "each once" "$(sql "select count(*), count(distinct (log_ref, index))
    from entry_match")" "$((2 * n))|$((2 * n))"
eq "a finding each" "$(sql "select count(*), count(distinct name) from finding
    where kind = 'certificate.unexpected'")" "$n|$n"
eq "opened once each" "$(sql "select count(*), count(distinct e.finding_id)
    from finding_event e join finding f on f.id = e.finding_id where
    e.event = 'opened' and f.kind = 'certificate.unexpected'")" "$n|$n"
eq "no other finding" "$(sql "select distinct kind from finding where kind not in
    ('certificate.unexpected', 'database.low_space')")" ''
eq "all that arrived verified" "$(grep -vc '"verified":true' "$sink_log")" 0
t_end
