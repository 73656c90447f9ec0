#!/bin/bash
# `certvigil worker`: what it refuses, that it takes what the database says and
# puts nothing there, who delivers what, one that sleeps through its leases, two
# hosts of one name, another schema, a database that is away.
#
#   LONG=1: the database is away for two minutes, not for five seconds
#
# takes: 45

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
unset CERTVIGIL_TEST_DB
t_begin 61-workers "${1:-}"

away=5
[ -z "${LONG:-}" ] || away=120

pg()
{
	(cd / && pg_as "$(pg_bindir)/pg_ctl" -D "$CERTVIGIL_TEST_PG/data" \
	    -l "$CERTVIGIL_TEST_PG/log" -w "$@") >/dev/null 2>&1
}

# worker_start NAME ARG...: with $T/NAME.yaml, log in $T/NAME.log
declare -A wpid
worker_start()
{
	local w=$1

	shift
	"$prog" --config "$T/$w.yaml" worker "$@" >>"$T/$w.log" 2>&1 &
	wpid[$w]=$!
	pids+=($!)
}

worker_stop()
{
	kill "${wpid[$1]}" 2>/dev/null
	wait "${wpid[$1]}" 2>/dev/null
	rc=$?
}

said()
{
	grep -q "$2" "$T/$1.log"
}

# A configuration NAME as the first one, without what is synchronised.
other()
{
	sed "s|^state_dir:.*|state_dir: $T/state-$1|
	    /^watch:/d; /^policies:/d; /^channels:/,\$d" "$conf" > "$T/$1.yaml"
}

# --- what it refuses ------------------------------------------------------------------

t_rig --log rfc --log static,proto=static
t_sink
database=embedded t_conf embedded 'watch: [.corp.example]'
cv worker
eq "an embedded database" $rc 78
ok "says what it needs" grep -q "cannot be shared: a worker needs" "$T/err"
cv worker --roles ingest,cook
eq "no role" $rc 64
ok "says which are" grep -q "\`cook\` is no role" "$T/err"
cv worker --name 'a:b'
eq "no name" $rc 64
cv worker lost
eq "no command" $rc 64

# --- it takes what the database says ------------------------------------------------------

t_db workers
poll=1h t_conf main 'worker: {lease: 1s}' 'watch: [{name: .corp.example, policy: strict}]' \
    'policies: {strict: {issuers: {"*": deny}}}' 'channels:' \
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}" \
    "  - {name: far, kind: webhook, url: \"http://127.0.0.1:$sink/webhook/far\", secret_file: \"credential:far\"}" \
    'routes:' '  - {to: [soc, far]}'
mkdir "$T/creds"
cp "$T/secret" "$T/creds/far"
chmod -R a+rX "$T/creds"
for l in rfc static; do
	post "/_rig/$l/fill?n=200&seed=1" >/dev/null
done
once
eq "first read" $rc 0
[ $rc -eq 0 ] || show
configured="select md5(string_agg(t, '' order by t)) from (
    select watch::text as t from watch union all select channel::text from
    channel union all select route::text from route union all
    select setting::text from setting) x"
before=$(sql "$configured")
for w in a b c d; do
	other $w
done
echo 'watch: [.another.example]' >> "$T/b.yaml"
worker_start a
worker_start b
ok "two workers of one host" wait_sql 20 2 "select count(*) from worker where
    roles = '{ingest,audit}' and state = 'working'"
t_issue --name one.corp.example --submit "$rig/rfc" --final-submit \
    --out "$T/c" >/dev/null
sql "update work set due_at = now() where kind = 'tail'"
ok "the policy of the database decides" wait_sql 20 "1|1" "select rule, count(*)
    from finding where name = 'one.corp.example' group by 1"
eq "nothing was synchronised" "$(sql "$configured")" "$before"
echo 'policies: {lax: {issuers: {"*": digest}}}' >> "$T/b.yaml"
kill -HUP "${wpid[b]}"
ok "it reads its file again" wait_for 20 said b "configuration read"
eq "nothing was, again" "$(sql "$configured")" "$before"
cv worker list
eq "list" "$(grep -c 'alive.*ingest,audit' "$T/out")" 2
eq "no role delivers" "$(sql "select count(*) from delivery
    where state <> 'pending' or attempts <> 0")" 0

# --- a channel whose secret is elsewhere ---------------------------------------------------

# d has the credential, c, which comes later, has not
CREDENTIALS_DIRECTORY=$T/creds worker_start d --roles notify
ok "one delivers" wait_sql 20 2 "select count(*) from delivery where
    state = 'delivered'"
worker_start c --roles notify
ok "the other leaves it to that one" wait_for 20 said c "left to another worker"
t_issue --name both.corp.example --submit "$rig/rfc" --final-submit \
    --out "$T/c" >/dev/null
sql "update work set due_at = now() where kind = 'tail'"
ok "all is delivered" wait_sql 20 4 "select count(*) from delivery where
    state = 'delivered'"
eq "by who can" "$(sql "select max(attempts) from delivery")" 1
worker_stop d
t_issue --name two.corp.example --submit "$rig/rfc" --final-submit \
    --out "$T/c" >/dev/null
sql "update work set due_at = now() where kind = 'tail'"
ok "alone it tries, and says what fails" wait_sql 30 1 "select count(*) from
    delivery where channel = 'far' and last_error like '%credential%'"
ok "and delivers the rest" wait_sql 20 3 "select count(*) from delivery where
    channel = 'soc' and state = 'delivered'"
worker_stop c
eq "SIGTERM" $rc 0

# --- one that sleeps ------------------------------------------------------------------------

rfc="kind = 'tail' and subject = (select id::text from log where
    url like '%/rfc/%')"
lie rfc slow 'n=100&kind=get-entries'
post "/_rig/rfc/fill?n=300&seed=2" >/dev/null
t_issue --name three.corp.example --submit "$rig/rfc" --final-submit \
    --out "$T/c" >/dev/null
sql "update work set due_at = now() where $rfc"
ok "somebody reads" wait_sql 20 1 "select count(*) from work where $rfc and
    lease_until > now()"
sleep 1
holder=$(sql "select holder from work where $rfc")
engine=$(sql "select pid from worker where id = '$holder'")
w=a
pids_of "${wpid[a]}" | grep -qx "$engine" || w=b
mapfile -t asleep < <(pids_of "${wpid[$w]}")
kill -STOP "${asleep[@]}" 2>/dev/null
post "/_rig/rfc/honest" >/dev/null
ok "another has it after a lease, and finds what is there" wait_sql 20 2 \
    "select count(*) from entry_match where name = 'three.corp.example'"
ok "and is done" wait_sql 10 1 "select count(*) from work where $rfc and
    holder is null and due_at > now() + interval '30 minutes'"
results="select md5(string_agg(t, '' order by t)) from (
    select log_range::text as t from log_range union all
    select entry_match::text from entry_match union all
    select tree_head::text from tree_head union all
    select log_health::text from log_health union all
    select finding_event::text from finding_event union all
    select delivery::text from delivery union all
    select coverage_day::text from coverage_day union all
    select work::text from work where kind = 'tail') x"
sleep 8
before=$(sql "$results")
kill -CONT "${asleep[@]}" 2>/dev/null
ok "it knows that it slept" wait_for 20 said $w "slept longer than its leases"
sleep 3
eq "and changes nothing" "$(sql "$results")" "$before"
other=b
[ $w = b ] && other=a
worker_stop $other
eq "a stop frees leases at once" "$(sql "select count(*) from work where
    lease_until > now() and holder not in (select id from worker)")" 0
t_issue --name four.corp.example --submit "$rig/rfc" --final-submit \
    --out "$T/c" >/dev/null
sql "update work set due_at = now() where $rfc"
ok "it goes on" wait_sql 20 2 "select count(*) from entry_match where
    name = 'four.corp.example'"

# --- keys ------------------------------------------------------------------------------------

# Has worker $1 a process of this name?
has()
{
	local p

	for p in $(pids_of "${wpid[$1]}"); do
		[ "$(cat "/proc/$p/comm" 2>/dev/null)" != "$2" ] || return 0
	done
	return 1
}

other s
echo 'acme: {challenges: {dns-01: {hook: /bin/true}}}' >> "$T/s.yaml"
ok "without the role, nothing orders" test -z "$(has $w cv-acme && echo acme)"
worker_start s --roles sign
ok "sign orders" wait_for 20 has s cv-acme
ok "and follows no log" wait_sql 20 1 "select count(*) from worker w where
    roles = '{sign}' and state = 'working' and not exists (select from work
    where holder = w.id)"
worker_stop s

# --- names ------------------------------------------------------------------------------------

worker_start $other --name alpha
ok "--name" wait_sql 20 1 "select count(*) from worker where id = 'alpha:0'"
if [ "$(id -u)" -eq 0 ] && unshare --pid --fork --mount-proc true 2>/dev/null; then
	other e
	unshare --pid --fork --kill-child --mount-proc "$prog" \
	    --config "$T/e.yaml" worker >"$T/e.log" 2>&1 &
	e=$!
	host=$(hostname)
	ok "a container of the same name has a slot of its own" wait_sql 20 2 \
	    "select count(*) from worker where host = '$host' and
	    id like '$host:%' and state = 'working'"
	sleep 3
	ok "and nobody is thrown out" test "$(grep -c 'lost its slot' \
	    "$T/$w.log" "$T/e.log" | cut -d: -f2 | paste -sd+ | bc)" -eq 0
	# unshare itself hears nothing
	# shellcheck disable=SC2046
	kill $(cat "/proc/$e/task/$e/children")
	wait "$e" 2>/dev/null
else
	skip 2 "no namespaces of processes"
fi

ok "who has nothing to read says it once" test \
    "$(grep -c 'nothing to read' "$T/$w.log")" -le 1

# --- another schema -------------------------------------------------------------------------------

sql "insert into schema_migration (number, name, sha256) values (9999,
    'of_a_later_release', '\\x00'); notify certvigil_change"
ok "the schema is a later one: all wait" wait_sql 10 2 "select count(*) from
    worker where state = 'waiting' and note like '%schema 9999%'"
ok "and say so" said $w "waits until a newer certvigil"
t_issue --name five.corp.example --submit "$rig/rfc" --final-submit \
    --out "$T/c" >/dev/null
sql "update work set due_at = now() where $rfc"
sleep 2
eq "nothing is claimed" "$(sql "select count(*) from work where
    holder is not null")" 0
sql "delete from schema_migration where number = 9999"
ok "they go on" wait_sql 20 2 "select count(*) from entry_match where
    name = 'five.corp.example'"

# --- a database that is away ------------------------------------------------------------------------

rss()
{
	local p sum=0 kb

	for p in $(pids_of "${wpid[$w]}"); do
		kb=$(awk '/^VmRSS/ { print $2 }' "/proc/$p/status" 2>/dev/null)
		sum=$((sum + ${kb:-0}))
	done
	echo $sum
}

pg -m fast stop
sleep 2
first=$(rss)
# who listens in its place counts the attempts of two workers
python3 - "$CERTVIGIL_TEST_PG/.s.PGSQL.5432" "$away" > "$T/attempts" <<-'END' &
	import os, socket, sys, time
	s = socket.socket(socket.AF_UNIX)
	s.bind(sys.argv[1])
	os.chmod(sys.argv[1], 0o777)
	s.listen(50)
	end = time.time() + int(sys.argv[2])
	n = 0
	while time.time() < end:
	    s.settimeout(max(0.01, end - time.time()))
	    try:
	        s.accept()[0].close()
	        n += 1
	    except socket.timeout:
	        pass
	os.unlink(sys.argv[1])
	print(n)
END
counter=$!
ok "it is said" wait_for 10 said $w "tried each second"
wait $counter
n=$(cat "$T/attempts")
ok "one attempt a second, and each worker tries ($n)" \
    test "$n" -ge 2 -a "$n" -le $((2 * away + 2))
last=$(rss)
ok "memory stays as it is ($first KB, $last KB)" \
    test "$last" -le $((first + first / 20 + 1024))
for v in f g; do
	other $v
	worker_start $v
done
ok "two that start now wait" wait_for 10 said f "tried each second"
ok "and say so" wait_for 10 said g "tried each second"
pg start
ok "all go on" wait_sql 30 4 "select count(*) from worker where
    state = 'working' and last_seen > now() - interval '2 seconds'"
t_issue --name six.corp.example --submit "$rig/static" --final-submit \
    --out "$T/c" >/dev/null
sql "update work set due_at = now() where kind = 'tail'"
ok "and read" wait_sql 20 2 "select count(*) from entry_match where
    name = 'six.corp.example'"

# --- a database without a schema ------------------------------------------------------------------------

admin_sql "create database cv_empty_$$"
db=$(t_conninfo cv_empty_$$) t_conf late 'watch: [.corp.example]'
worker_start late
ok "it waits for the schema" wait_for 20 said late "needs schema"
eq "and makes none" "$("$psql" -AtXq -d "$(t_conninfo cv_empty_$$)" \
    -c "select to_regclass('work') is null")" t
eq "a wait is no error in the server's log" "$(grep -c \
    'ERROR:  relation "[a-z_]*" does not exist' "$CERTVIGIL_TEST_PG/log")" 0
cv db migrate
ok "and begins when it is there" wait_for 20 said late "worker .*names watched"
t_end
