#!/bin/bash
# A primary dies by kill -9 while logs are read, its streaming replica is
# promoted, and the daemon goes on by itself: behind HAProxy, which finds the
# primary by asking; then with two hosts in the connection string.  Commits wait
# for the replica (synchronous_standby_names): nothing is lost, nothing doubled.
# And a primary that takes no writes any more is noticed.
#
#   bash tests/system/63-failover.sh build/release
#
# takes: 35

set -u
cd "$(dirname "$0")/../.." || exit 1
# Servers of our own.
unset CERTVIGIL_TEST_DB CERTVIGIL_TEST_PG
. tests/system/lib.sh
PATH=$PATH:/usr/sbin
t_begin 63-failover "${1:-}"
bin=$(pg_bindir)

# --- two servers: a and b ---------------------------------------------------------

# at SERVER SQL: asked of that one.
at()
{
	"$psql" -AtXq -d "host=$1 user=certvigil dbname=${dbname:-postgres}" \
	    -c "$2"
}

ctl()
{
	(cd / && pg_as "$bin/pg_ctl" -D "$1/data" -l "$1/log" -w "${@:2}") \
	    >/dev/null 2>&1
}

# The machine dies: all processes of this server at once.
crash()
{
	local p

	p=$(head -n 1 "$1/data/postmaster.pid")
	kill -9 "$p" $(cat "/proc/$p/task/$p/children") 2>/dev/null
}

# replica OF NEW: a streaming replica, for which commits wait from now on.
replica()
{
	rm -rf "${2:?}/data"
	(cd / && pg_as "$bin/pg_basebackup" -D "$2/data" -c fast -R \
	    -d "host=$1 user=certvigil application_name=replica") || exit 1
	sed -i "s#^unix_socket_directories.*#unix_socket_directories = '$2'#" \
	    "$2/data/postgresql.conf"
	ctl "$2" start
	at "$1" "alter system set synchronous_standby_names = 'replica'"
	at "$1" "select pg_reload_conf()" >/dev/null
	wait_for 20 streams "$1"
}
streams()
{
	[ "$(at "$1" "select sync_state from pg_stat_replication")" = sync ]
}

a=$CERTVIGIL_TEST_PG
b=$T/b
mkdir "$b"
[ "$(id -u)" -ne 0 ] || chown "$(pg_user)" "$b"
cat >> "$a/data/postgresql.conf" <<-END
	wal_level = replica
	max_wal_senders = 4
	synchronous_commit = on
END
ctl "$a" -m fast restart
t_rig --log rfc --log static,proto=static
t_sink
t_db failover
ok "a replica" replica "$a" "$b"

promote()
{
	at "$1" "alter system reset synchronous_standby_names"
	ctl "$1" promote
}

# --- the daemon, and what is planted ---------------------------------------------------

channel=('channels:'
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}"
    'routes:' '  - {to: [soc]}')
n=0

# Entries, with a certificate for us among them.
grow()
{
	local log=rfc

	[ $((n % 2)) -eq 0 ] || log=static
	n=$((n + 1))
	post "/_rig/$log/fill?n=${1:-400}&seed=$n" >/dev/null
	t_issue --name "n$n.corp.example" --submit "$rig/$log" \
	    --final-submit --out "$T/c" >/dev/null
	post "/_rig/$log/fill?n=${1:-400}&seed=1$n" >/dev/null
}

# all WHAT SERVER: everything that was planted is found there, once.
all()
{
	ok "$1: everything is read" wait_for 60 found "$2"
	ok "$1: and said" wait_for 60 told "$2"
	eq "$1: each once" "$(at "$2" "select count(*), count(distinct
	    (log_ref, index)) from entry_match")" "$((2 * n))|$((2 * n))"
	eq "$1: a finding each" "$(at "$2" "select count(*), count(distinct
	    name) from finding")" "$n|$n"
	eq "$1: opened once each" "$(at "$2" "select count(*), count(distinct
	    finding_id) from finding_event where event = 'opened'")" "$n|$n"
	eq "$1: what arrived has the ids of the events" \
	    "$(sed -n 's/.*"webhook_id":"\([^"]*\)".*/\1/p' "$sink_log" |
	    sort -u)" "$(at "$2" "select id from finding_event
	    where event = 'opened'" | sort)"
}
found()
{
	[ "$(at "$1" "select count(*) from entry_match")" = $((2 * n)) ]
}
told()
{
	[ "$(at "$1" "select count(distinct d.webhook_id) from delivery d
	    where d.state = 'delivered'")" = "$n" ]
}
says()
{
	grep -q "$1" "$T/run.log"
}
# Part of what was planted is there, and not all of it.
under_way()
{
	[ "$(at "$1" "select coalesce(sum(size_to), 0) from log_range")" \
	    -gt "$2" ]
}

# --- HAProxy in front ---------------------------------------------------------------

if ! command -v haproxy >/dev/null; then
	skip 9 "no haproxy: apt-get install haproxy"
else
	python3 tests/rig/pgprimary.py "$psql" \
	    "host=$a user=certvigil dbname=postgres" \
	    "host=$b user=certvigil dbname=postgres" \
	    > "$T/primary.out" 2>"$T/primary.err" &
	pids+=($!)
	read -r pa pb < <(first_line "$T/primary.out" | tr -dc '0-9, ' |
	    tr -d ',')
	front=$(python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	cat > "$T/haproxy.cfg" <<-END
		defaults
		  mode tcp
		  timeout connect 2s
		  timeout client 1h
		  timeout server 1h
		  timeout check 2s
		listen certvigil
		  bind 127.0.0.1:$front
		  option httpchk GET /primary
		  http-check expect status 200
		  default-server inter 300ms fall 2 rise 1 on-marked-down shutdown-sessions
		  server a unix@$a/.s.PGSQL.5432 check addr 127.0.0.1 port $pa
		  server b unix@$b/.s.PGSQL.5432 check addr 127.0.0.1 port $pb
	END
	haproxy -db -f "$T/haproxy.cfg" >"$T/haproxy.log" 2>&1 &
	pids+=($!)
	db="host=127.0.0.1 port=$front user=certvigil dbname=$dbname"
	poll=1s t_conf front 'watch: [.corp.example]' "${channel[@]}"
	# it takes every server for good until its checks have said otherwise
	ok "haproxy finds the primary" wait_for 10 grep -q 'Server certvigil/b is DOWN' \
	    "$T/haproxy.log"
	once
	eq "first read" $rc 0
	start
	for _ in 1 2 3 4; do grow; done
	ok "reads" wait_for 30 under_way "$a" 500
	for _ in 1 2 3 4; do grow 1000; done
	crash "$a"
	grow
	sleep 1
	promote "$b"
	grow
	all "behind haproxy" "$b"
	ok "it said so" says 'tried each second'
	stop
	eq "SIGTERM" $rc 0
	ok "the old one is a replica now" replica "$b" "$a"
	now=$b other=$a
fi

# --- two hosts in the connection string -----------------------------------------------

now=${now:-$a} other=${other:-$b}
db="host=$a,$b user=certvigil dbname=$dbname"
poll=1s t_conf two 'watch: [.corp.example]' "${channel[@]}"
: > "$T/run.log"
once
eq "two hosts: read" $rc 0
[ $rc -eq 0 ] || show
start
for _ in 1 2; do grow 1000; done
crash "$now"
grow
sleep 1
ok "two hosts: the daemon waits, and says why" wait_for 10 says 'takes no writes.*promote it'
promote "$other"
grow
all "two hosts" "$other"

# --- a primary that takes no writes any more -------------------------------------------

: > "$T/run.log"
at "$other" "alter system set default_transaction_read_only = on"
at "$other" "select pg_reload_conf()" >/dev/null
ok "read-only: noticed" wait_for 20 says 'takes no writes.*promote it'
ok "read-only: the daemon stays" kill -0 "$run_pid"
eq "read-only: it waits, one line a second" "$(sleep 2
    lines=$(wc -l < "$T/run.log"); echo $((lines > 12)))" 0
cv findings
eq "read-only: a command" $rc 69
ok "read-only: says so" grep -q 'a standby, or a primary that was one' \
    "$T/err"
PGOPTIONS='-c default_transaction_read_only=off' at "$other" \
    "alter system reset default_transaction_read_only"
at "$other" "select pg_reload_conf()" >/dev/null
grow
all "writable again" "$other"
stop
eq "SIGTERM again" $rc 0
ctl "$other" -m immediate stop
t_end
