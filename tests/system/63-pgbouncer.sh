#!/bin/bash
# Everything works through Debian's pgbouncer in transaction mode, with two
# connections to the server for all of us: run --once, run, the commands; hints
# are lost and nobody misses them; the pooler dies and comes back.
#
#   bash tests/system/63-pgbouncer.sh build/release
#
# takes: 20

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
PATH=$PATH:/usr/sbin
if ! command -v pgbouncer >/dev/null; then
	echo "SKIP 1 63-pgbouncer: no pgbouncer: apt-get install pgbouncer"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
t_begin 63-pgbouncer "${1:-}"

# --- a pooler: it refuses root ---------------------------------------------------

pool=$T/pool
mkdir -m 777 "$pool"
cat > "$pool/ini" <<END
[databases]
* = host=${CERTVIGIL_TEST_DB#host=}
[pgbouncer]
listen_addr =
unix_socket_dir = $pool
listen_port = 6432
auth_type = trust
auth_file = $pool/users
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
logfile = $pool/log
END
# the server's folder and port are in the line above as libpq has them
sed -i 's/ user=.*//' "$pool/ini"
echo '"certvigil" ""' > "$pool/users"
chmod a+r "$pool/ini" "$pool/users"

# Without setpriv where we are nobody special already.
as=()
[ "$(id -u)" -ne 0 ] || as=(setpriv "--reuid=$(pg_user)" \
    "--regid=$(id -g "$(pg_user)")" --clear-groups)
pooler()
{
	"${as[@]}" pgbouncer -q "$pool/ini" >"$pool/out" 2>&1 &
	pool_pid=$!
	pids+=("$pool_pid")
	ok "pgbouncer runs" wait_for 10 test -S "$pool/.s.PGSQL.6432"
}
pooler

t_rig --log rfc --log static,proto=static
t_sink
t_db pool
direct=$db
db="host=$pool port=6432 user=certvigil dbname=$dbname"
poll=1s t_conf pool 'watch: [.corp.example]' 'channels:' \
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}" \
    'routes:' '  - {to: [soc]}'
db=$direct

# --- run --once, twice ---------------------------------------------------------

for l in rfc static; do
	post "/_rig/$l/fill?n=600&seed=$RANDOM" >/dev/null
done
t_issue --name first.corp.example --submit "$rig/rfc" --submit "$rig/static" \
    --final-submit --out "$T/c" >/dev/null
# what expired long ago is dropped once a day, as a whole
sql "insert into certificate (sha256, not_after, tbs_sha256, form, der) values
    ('x', '2024-02-03', 'x', 'x509', 'x')"
once
eq "run --once" $rc 0
[ $rc -eq 0 ] || show
eq "retention: dropped" "$(sql "select count(*) from certificate
    where not_after < '2025-01-01'")" 0
ok "retention: said" grep -q 'dropped certificate_2024_01' "$T/err"
# one partition a turn, until a turn finds no more
for _ in $(seq 60); do
	! is_sql 1 "select count(*) from work where kind = 'retain' and
	    due_at > now() + interval '23 hours'" || break
	sql "update work set due_at = now() where kind = 'retain'"
	once
done
eq "and again" $rc 0
eq "retention: again tomorrow" "$(sql "select count(*) from work where
    kind = 'retain' and due_at > now() + interval '23 hours'")" 1
ok "retention: silent" test -z "$(grep -i 'retention' "$T/err")"
eq "matches" "$(sql "select count(*) from entry_match")" 4

# --- run -----------------------------------------------------------------------

start
ok "runs" wait_sql 30 1 "select count(*) from worker"
for i in 1 2 3; do
	t_issue --name "n$i.corp.example" --submit "$rig/rfc" \
	    --submit "$rig/static" --final-submit --out "$T/c" >/dev/null
done
ok "reads" wait_sql 30 16 "select count(*) from entry_match"
ok "delivers" wait_sql 30 3 "select count(*) from delivery
    where state = 'delivered' and purpose = 'finding'"
cv watch add .added.example
eq "watch add" $rc 0
reaches()
{
	grep -q 'names, handed to the judges' "$T/run.log"
}
ok "is seen without a hint" wait_for 20 reaches
t_issue --name x.added.example --submit "$rig/static" --final-submit \
    --out "$T/c" >/dev/null
ok "and matches" wait_sql 20 2 \
    "select count(*) from entry_match where name = 'x.added.example'"
for c in 'findings' 'matches' 'watch list' 'baseline list' 'known list' \
    'channel list' 'worker list' 'config apply' 'db status' 'db migrate' \
    'coverage' 'log list' 'metrics' 'revocation sources' 'certs' 'audit'; do
	# shellcheck disable=SC2086
	cv $c
	case $c in
	audit)	ok "$c" test $rc -le 2 ;;
	*)	eq "$c" $rc 0 ;;
	esac
	[ $rc -le 2 ] || show 3
done
cv db status
ok "db status says it" grep -q 'through a pooler' "$T/out"
# pg_dump sets things for its session, which is everybody's here
cv db backup "$T/x.dump"
eq "db backup is refused" $rc 78
ok "and says what to do" grep -q 'pooler' "$T/err"
ok "no session was changed" test "$(PGOPTIONS='' "$psql" -AtXq -d \
    "host=$pool port=6432 user=certvigil dbname=$dbname" \
    -c 'show search_path')" = '"$user", public'

# --- the pooler dies ---------------------------------------------------------------

kill -9 "$pool_pid"
wait "$pool_pid" 2>/dev/null
rm -f "$pool"/.s.*
t_issue --name back.corp.example --submit "$rig/rfc" --final-submit \
    --out "$T/c" >/dev/null
sleep 1.5
ok "the daemon waits" kill -0 "$run_pid"
pooler
ok "and goes on" wait_sql 30 2 \
    "select count(*) from entry_match where name = 'back.corp.example'"
stop
eq "SIGTERM" $rc 0
eq "each entry once" "$(sql "select count(*) - count(distinct (log_ref, index,
    watch_id)) from entry_match")" 0
eq "one opened event a finding" "$(sql "select count(*) from (select finding_id
    from finding_event where event = 'opened' group by 1
    having count(*) > 1) x")" 0
ok "one at a time, and two for all" test "$(sql "select count(*) from
    pg_stat_activity where datname = current_database() and
    pid <> pg_backend_pid()")" -le 2
t_end
