#!/bin/bash
# The database goes away and comes back while the daemon runs; what happens
# without one, with a wrong configuration, with two daemons, with a reload.
#
#   bash tests/system/61-database.sh build/release
#
# takes: 35

set -u
cd "$(dirname "$0")/../.." || exit 1
# A server of our own: it is stopped and started.
unset CERTVIGIL_TEST_DB CERTVIGIL_TEST_PG
. tests/system/lib.sh
t_begin 61-database "${1:-}"

t_rig --log rfc --log static,proto=static
t_sink
t_db away
poll=1s t_conf away 'watch: [.corp.example]' 'channels:' \
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}" \
    'routes:' '  - {to: [soc]}'
post "/_rig/rfc/fill?n=100&seed=1" >/dev/null
once
eq "first read" $rc 0

pg()
{
	(cd / && pg_as "$(pg_bindir)/pg_ctl" -D "$CERTVIGIL_TEST_PG/data" \
	    -l "$CERTVIGIL_TEST_PG/log" -w "$@") >/dev/null 2>&1
}

# --- the server is stopped under a running daemon ------------------------------------

start
ok "runs" wait_sql 30 1 "select count(*) from worker"
for how in fast immediate; do
	pg -m $how stop
	post "/_rig/rfc/fill?n=100&seed=2" >/dev/null
	t_issue --name "$how.corp.example" --submit "$rig/rfc" \
	    --submit "$rig/static" --final-submit --out "$T/c" >/dev/null
	sleep 2
	ok "$how: the daemon stays" kill -0 "$run_pid"
	pg start
	ok "$how: it goes on" wait_sql 60 4 \
	    "select count(*) from entry_match where name = '$how.corp.example'"
	ok "$how: and says it" wait_sql 30 1 "select count(*) from delivery d
	    join finding f on f.id = d.findings[1]
	    where d.state = 'delivered' and f.name = '$how.corp.example'"
done
# A connection that is cut.
sql "select pg_terminate_backend(pid) from pg_stat_activity
    where pid <> pg_backend_pid() and datname = current_database()" >/dev/null
t_issue --name cut.corp.example --submit "$rig/rfc" --final-submit \
    --out "$T/c" >/dev/null
ok "a connection that is cut" wait_sql 60 2 \
    "select count(*) from entry_match where name = 'cut.corp.example'"

# --- commands beside it, and a reload ---------------------------------------------------

for c in 'findings' 'matches' 'watch list' 'baseline list' 'known list' \
    'channel list' 'source list' 'expect list' 'silence list' 'worker list' \
    'config show' 'db status' 'coverage' 'log list' 'metrics'; do
	# shellcheck disable=SC2086
	cv $c
	eq "$c while it runs" $rc 0
	[ $rc -eq 0 ] || show 3
done
cv watch add .added.example
eq "watch add" $rc 0
reaches()
{
	grep -q 'names, handed to the judges' "$T/run.log"
}
ok "watch add reaches the judges" wait_for 20 reaches
t_issue --name x.added.example --submit "$rig/static" --final-submit \
    --out "$T/c" >/dev/null
ok "and matches" wait_sql 20 2 \
    "select count(*) from entry_match where name = 'x.added.example'"
cp "$conf" "$T/good.yaml"
echo 'wach: [.broken.example]' >> "$conf"
kill -HUP "$run_pid"
says()
{
	grep -q "$1" "$T/run.log"
}
ok "a broken configuration is refused" wait_for 20 says \
    'the old configuration stays'
ok "and says where" says 'wach'
t_issue --name y.corp.example --submit "$rig/static" --final-submit \
    --out "$T/c" >/dev/null
ok "the old one goes on" wait_sql 20 2 \
    "select count(*) from entry_match where name = 'y.corp.example'"
sed 's/^watch: .*/watch: [.corp.example, .reload.example]/' "$T/good.yaml" \
    > "$conf"
kill -HUP "$run_pid"
ok "a good one is taken" wait_sql 20 1 \
    "select count(*) from watch where pattern = '.reload.example'"
t_issue --name z.reload.example --submit "$rig/static" --final-submit \
    --out "$T/c" >/dev/null
ok "and its names match" wait_sql 20 2 \
    "select count(*) from entry_match where name = 'z.reload.example'"
stop
eq "SIGTERM" $rc 0
eq "one opened event a finding" "$(sql "select count(*) from (select finding_id
    from finding_event where event = 'opened' group by 1
    having count(*) > 1) x")" 0
eq "each entry once" "$(sql "select count(*) - count(distinct (log_ref, index,
    watch_id)) from entry_match")" 0

# --- no database, wrong configuration --------------------------------------------------

pg -m fast stop
once
eq "--once without a database" $rc 69
eq "one line says so" "$(grep -vc warning "$T/err")" 1
cv findings
eq "a command without a database" $rc 69
echo 'database: 7seas' > "$T/odd.yaml"
for bad in 'poll: 0s' 'wach: [a.example]' 'watch: [a..example]' 'poll: 1x'; do
	{ grep -v '^watch\|^poll' "$T/good.yaml"; echo "$bad"; } > "$T/bad.yaml"
	"$prog" --config "$T/bad.yaml" run --once >"$T/out" 2>"$T/err"
	eq "$bad: exit" $? 78
	ok "$bad: says where" grep -q 'bad.yaml:[0-9]*:[0-9]*' "$T/err"
done
"$prog" --config "$T/none.yaml" run --once >"$T/out" 2>"$T/err"
eq "no such configuration" $? 78
cv run --onze
eq "wrong usage" $rc 64
# The daemon waits for a database that is not there yet.
conf=$T/good.yaml
start
sleep 1.5
ok "run waits for the database" kill -0 "$run_pid"
pg start
ok "and starts when it comes" wait_sql 30 1 "select count(*) from worker
    where last_seen > now() - interval '10 seconds'"
stop
eq "SIGTERM again" $rc 0

# --- a state that another daemon holds -------------------------------------------------------

database=embedded t_conf embedded 'watch: [.corp.example]'
start
ok "embedded from an empty directory" wait_for 60 test -e \
    "$state/pg/postmaster.pid"
sleep 2
"$prog" --config "$conf" run >"$T/out" 2>"$T/err"
second=$?
ok "a second daemon ends" test $second -ne 0
ok "and says who holds it" grep -qE "process [0-9]+|pid [0-9]+" "$T/err"
cv watch list
eq "a command beside it" $rc 0
stop
eq "embedded: SIGTERM" $rc 0
ok "and its server has ended" test ! -e "$state/pg/postmaster.pid"
cv watch list
eq "a command without the daemon" $rc 0
t_end
