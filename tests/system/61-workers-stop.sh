#!/bin/bash
# A worker that is stopped in the middle of a transaction, for ten leases: what
# it had is done by another, and it changes nothing of that when it wakes up.
# Heads and entries of both kinds of logs, history, certificates, revocation,
# CAA, endpoints, findings, deliveries: whatever writes into one of the tables.
#
#   bash tests/system/61-workers-stop.sh build/release    one table, by the seed
#   LONG=1: each of them
#   SEED=N bash ...                                       the same choice again
#
# takes: 13

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 61-workers-stop "${1:-}"

tables=(log_range tree_head entry_match issuance finding finding_event delivery
    log_list log_health coverage_day certificate sct chain_verdict
    revocation_source revocation_status ocsp_due caa_observation
    endpoint_observation expectation backfill backfill_range ask_rate work)
seed=${SEED:-$((0x$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')))}
RANDOM=$((seed % 32768))
[ -n "${LONG:-}" ] || tables=("${tables[RANDOM % ${#tables[@]}]}")
echo "seed $seed: ${tables[*]}"

# --- a world in which there is something of each kind ------------------------------

t_rig --log elm,operator=Elm --log oak,operator=Oak,proto=static
t_sink
ca=ca1 t_cas
ca=ca1
t_dns
t_db stop
from=now poll=1h t_conf stop 'watch: [.corp.example]' 'worker: {lease: 1s}' \
    "audit: {every: 1s, roots: $T/$ca/root.pem, resolvers: [\"$dns\"]}" \
    'channels:' \
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}" \
    'routes:' '  - {to: [soc]}'
post "/_rig/elm/fill?n=300&seed=1" >/dev/null
post "/_rig/oak/fill?n=300&seed=2" >/dev/null
once
eq "the first read" $rc 0
to=(--submit "$rig/elm" --submit "$rig/oak" --final-submit
    --crl "$cas/$ca/crl/full.crl" --ocsp "$cas/$ca/ocsp")
for ((i = 1; i <= ${#tables[@]}; i++)); do
	t_cert "c$i.corp.example" "c$i" "${to[@]}"
done
t_cert x.corp.example x "${to[@]}"
t_cert x.corp.example y "${to[@]}"
echo "x.corp.example 60 A 127.0.0.1" > "$T/zone"
cv known import "$T"/c[0-9]*.fullchain.pem "$T"/[xy].fullchain.pem
eq "known import" $rc 0
t_tls "x,cert=$T/x.fullchain.pem,key=$T/x.key"
cv endpoint add "x.corp.example:$(tls_port x)"
once
eq "the second" $rc 0
[ $rc -eq 0 ] || show

# A session that is named in it is slow behind what it writes into the table.
sql "create table slow (tab text, pid int); grant select on slow to public;
    create function slow() returns trigger language plpgsql as \$\$ begin
    if exists (select from slow where tab = tg_table_name and
    pid = pg_backend_pid()) then perform pg_sleep(1); end if;
    return null; end \$\$"
for t in "${tables[@]}"; do
	sql "create trigger zz after insert or update or delete on $t
	    for each statement execute function slow()"
done

# --- helpers -------------------------------------------------------------------------

declare -A wpid
worker_start()
{
	sed "s|^state_dir:.*|state_dir: $T/state-$1|" "$conf" > "$T/$1.yaml"
	"$prog" --config "$T/$1.yaml" worker --name "$1" >>"$T/$1.log" 2>&1 &
	wpid[$1]=$!
	pids+=($!)
}

worker_stop()
{
	kill "${wpid[$1]}" 2>/dev/null
	wait "${wpid[$1]}" 2>/dev/null
	rc=$?
}

below()
{
	local p

	echo "$1"
	for p in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		below "$p"
	done
}

# What was found and done: all but who works, and how fast.
results()
{
	local t

	for t in $(sql "select relname from pg_class where relnamespace =
	    'public'::regnamespace and relkind in ('r', 'p') and not
	    relispartition and relname not in ('worker', 'ask_worker',
	    'ask_rate', 'slow') order by 1"); do
		echo "select '$t', count(*), md5(coalesce(string_agg(x::text,
		    '|' order by x::text), '')) from $t x;"
	done > "$T/results.sql"
	"$psql" -AtXq -v ON_ERROR_STOP=1 -d "$db" -f "$T/results.sql"
}

# Something new of each kind, for round $1, which is about table $2, and all of
# it due.
provoke()
{
	local which=xy

	t_cert "n$1.corp.example" "n$1" "${to[@]}"
	post "/_rig/elm/fill?n=100&seed=$RANDOM" >/dev/null
	post "/_rig/oak/fill?n=100&seed=$RANDOM" >/dev/null
	revoke "c$1" reason=superseded
	which=${which:$(($1 % 2)):1}
	tls_post "x/set?cert=$T/$which.fullchain.pem&key=$T/$which.key"
	printf '%s\n' "x.corp.example 60 A 127.0.0.1" \
	    "corp.example 60 CAA 0 issue \"n$1.example\"" > "$T/zone"
	[[ $2 != backfill* ]] || cv backfill --log all --again --no-wait
	sql "update work set due_at = now(); update ocsp_due set due_at = now()"
}

sleeps()
{
	is_sql PgSleep "select wait_event from pg_stat_activity where
	    pid = $session"
}

# --- a is stopped behind what it wrote, b does it, a wakes up ---------------------------

k=0
for t in "${tables[@]}"; do
	k=$((k + 1))
	sessions=$(sql "select coalesce(max(backend_start), '-infinity') from
	    pg_stat_activity where datname = current_database()")
	worker_start a
	ok "$t: a works" wait_sql 20 1 "select count(*) from worker where
	    id like 'a:%' and state = 'working'"
	session=$(sql "select pid from pg_stat_activity where datname =
	    current_database() and application_name <> 'psql' and
	    backend_start > '$sessions' order by backend_start limit 1")
	sql "insert into slow values ('$t', $session)"
	provoke $k "$t"
	ok "$t: is written by a" wait_for 20 sleeps
	mapfile -t asleep < <(below "${wpid[a]}")
	kill -STOP "${asleep[@]}" 2>/dev/null
	sql "delete from slow"
	worker_start b
	sleep 10
	ok "$t: b has done all of it" wait_sql 30 0 "select count(*) from work
	    where holder is not null and holder not like 'b:%'"
	worker_stop b
	eq "$t: b ends in order" $rc 0
	sql "update work set due_at = now() + interval '1 day';
	    update ocsp_due set due_at = now() + interval '1 day'"
	results > "$T/before"
	kill -CONT "${asleep[@]}" 2>/dev/null
	ok "$t: a knows that it slept" wait_for 20 grep -q 'goes on$' \
	    "$T/a.log"
	sleep 1
	results > "$T/after"
	eq "$t: and changes nothing" "$(diff "$T/before" "$T/after")" ""
	worker_stop a
	eq "$t: a ends in order" $rc 0
	: > "$T/a.log"
done

# --- nothing is there twice ----------------------------------------------------------------

again
eq "run --once behind it all" $rc 0
eq "each finding was opened once" "$(sql "select count(*) from (select from
    finding_event where event = 'opened' group by finding_id
    having count(*) > 1) x")" 0
eq "each entry is there once" "$(sql "select count(*) - count(distinct (log_ref,
    index, watch_id)) from entry_match")" 0
eq "each revocation, too" "$(sql "select count(*) from (select from
    revocation_status group by serial, source_id, status
    having count(*) > 1) x")" 0
t_end
