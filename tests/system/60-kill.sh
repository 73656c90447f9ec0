#!/bin/bash
# kill -9 of any process at random moments, the supervisor and the embedded
# database too, while a log grows: no match is lost, none is doubled, nothing is
# said twice.
#
#   bash tests/system/60-kill.sh build/release       20 kills; LONG=1: 300
#   SEED=N bash ...                                  the same choices again
#
# takes: 25

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 60-kill "${1:-}"

kills=20
[ -z "${LONG:-}" ] || kills=300
seed=${SEED:-$((0x$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')))}
RANDOM=$((seed % 32768))
echo "seed $seed, $kills kills"

t_rig --log rfc --log static,proto=static
t_sink
database=embedded poll=1s t_conf kill 'watch: [.corp.example]' 'channels:' \
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}" \
    'routes:' '  - {to: [soc]}'

# On the embedded database, running or not.
sql()
{
	"$prog" --config "$conf" db psql -AtXq -c "$1" 2>"$T/psql.err"
}

# The supervisor and all below it: "PID NAME" lines.
tree()
{
	local p=$1 c

	# one that has ended and waits for its parent is no victim
	grep -q "^State:.[^Z]" "/proc/$p/status" 2>/dev/null || return
	c=$(tr '\0' ' ' < "/proc/$p/cmdline" 2>/dev/null)
	case $c in
	postgres:*)	c=postgres ;;
	*/postgres*)	c=postmaster ;;
	*)		c=$(cat "/proc/$p/comm") ;;
	esac
	echo "$p $c"
	for c in $(cat "/proc/$p/task/$p/children" 2>/dev/null); do
		tree "$c"
	done
}

test_engine()
{
	tree "$run_pid" | grep -q ' cv-engine$'
}

alive()
{
	kill -0 "$1" 2>/dev/null
}

for l in rfc static; do
	post "/_rig/$l/fill?n=200&seed=$RANDOM" >/dev/null
done
once
eq "first read" $rc 0
[ $rc -eq 0 ] || show
# every issuance from here on is news
start
ok "runs" wait_for 60 test_engine
n=0 supervisors=0
declare -A killed
for ((k = 1; k <= kills; k++)); do
	log=rfc
	[ $((RANDOM % 2)) -eq 0 ] || log=static
	post "/_rig/$log/fill?n=$((RANDOM % 300))&seed=$RANDOM" >/dev/null
	n=$((n + 1))
	t_issue --name "n$n.corp.example" --submit "$rig/$log" \
	    --final-submit --out "$T/c" >/dev/null
	sleep "0.$((RANDOM % 90 + 10))"
	mapfile -t procs < <(tree "$run_pid")
	# PostgreSQL's many processes are hit less often than ours
	if [ $((RANDOM % 4)) -ne 0 ]; then
		mapfile -t procs < <(tree "$run_pid" | grep -v ' post')
	fi
	if [ "${#procs[@]}" -gt 0 ]; then
		victim=${procs[$((RANDOM % ${#procs[@]}))]}
		kill -9 "${victim%% *}" 2>/dev/null
		what=${victim#* }
		killed[$what]=$((${killed[$what]:-0} + 1))
		[ -z "${VERBOSE:-}" ] || echo "kill $k: $victim"
	fi
	if [ "${victim%% *}" = "$run_pid" ] || ! alive "$run_pid"; then
		wait "$run_pid" 2>/dev/null
		supervisors=$((supervisors + 1))
		start
	fi
done
for w in "${!killed[@]}"; do
	echo "killed ${killed[$w]} times: $w"
done | sort
ok "processes of several kinds were hit" test "${#killed[@]}" -ge 3

# Now everything has its turn.
ok "runs again" wait_for 60 test_engine
stop
eq "ends in order" $rc 0
once
eq "run --once behind it all" $rc 0
[ $rc -eq 0 ] || show
once

# What the log holds, against what was found.
ours=$(sql "select string_agg(name, ' ' order by length(name), name) from
    (select distinct name from entry_match) x")
want=$(for ((i = 1; i <= n; i++)); do echo "n$i.corp.example"; done | paste -sd' ')
eq "every name was found" "$ours" "$want"
eq "each entry once: precertificate and certificate" "$(sql 'select count(*),
    count(distinct (log_ref, index)) from entry_match')" \
    "$((2 * n))|$((2 * n))"
eq "a finding each" "$(sql "select count(*), count(distinct name) from finding
    where kind = 'certificate.unexpected'")" "$n|$n"
eq "no other finding" "$(sql "select distinct kind from finding
    where kind <> 'certificate.unexpected'")" ''
eq "opened once each" "$(sql "select count(*), count(distinct finding_id)
    from finding_event where event = 'opened'")" "$n|$n"
eq "one webhook-id a finding" "$(sql "select count(*) from (select e.finding_id
    from delivery d, unnest(d.events) v join finding_event e on e.id = v
    where e.event = 'opened' group by 1
    having count(distinct d.webhook_id) > 1) x")" 0
eq "what arrived has the ids of the events" \
    "$(sed -n 's/.*"webhook_id":"\([^"]*\)".*/\1/p' "$sink_log" | sort -u)" \
    "$(sql "select id from finding_event where event = 'opened'" | sort)"
eq "all of it verified" "$(grep -vc '"verified":true' "$sink_log")" 0
t_end
