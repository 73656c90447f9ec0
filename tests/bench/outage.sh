#!/bin/bash
# Who reads what after an outage: WORKERS on one PostgreSQL, LOGS that all have
# far to go, every process stopped (SIGSTOP) for longer than a lease and continued
# at once.
#
#   bash tests/bench/outage.sh build/release     # PROGRAM=...: that one instead
#   WORKERS=50 LOGS=50 LEASE=15 REST=1 bash tests/bench/outage.sh build/release
#
# For each moment how many logs each worker has, the most first; behind that how
# many logs were handed on since the moment before.  Three minutes, mostly of waiting.

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin outage "${1:-}"
workers=${WORKERS:-10} logs=${LOGS:-25} lease=${LEASE:-9} rest=${REST:-6}
[ -z "${PROGRAM:-}" ] || cp "$PROGRAM" "$prog"

mkdir "$T/big"
"$obj/tests/rig/biglog" serve --dir "$T/big" --size 2000000 --logs "$logs" \
    >"$T/big.out" 2>"$T/big.err" &
pids+=($!)
wait_for 120 test -s "$T/big.out" || exit 2
rig=$(sed 's/.*"base": *"\([^"]*\)".*/\1/' "$T/big.out")
t_db outage
t_conf all 'watch: [.corp.example]' "worker: {lease: ${lease}s}" \
    'fetch: {max_rate: 200kB/s}'
cv config apply
[ $rc -eq 0 ] || { show; exit 2; }

crew=()
for i in $(seq "$workers"); do
	sed "s#^state_dir:.*#&-$i#" "$conf" > "$T/w$i.yaml"
	"$prog" --config "$T/w$i.yaml" worker --roles ingest --name "w$i" \
	    >>"$T/w$i.log" 2>&1 &
	crew+=($!)
	pids+=($!)
done

handed()
{
	cat "$T"/w*.log | grep -c 'left to another worker'
}

# have WHEN
before=0
have()
{
	local n

	n=$(handed)
	printf '%-24s %s; handed on %d\n' "$1" "$(sql "select string_agg(
	    n::text, ' ' order by n desc) || '; nobody ' || $logs - sum(n) from
	    (select count(w.id) as n from worker o left join work w on
	    w.holder = o.id and w.kind = 'tail' and w.lease_until >= now()
	    group by o.id) x")" $((n - before))
	before=$n
}

each()
{
	local p

	for p in "${crew[@]}"; do
		# shellcheck disable=SC2046
		kill "-$1" $(pids_of "$p") 2>/dev/null
	done
}

wait_sql 60 "$workers|$logs" "select (select count(*) from worker),
    (select count(*) from work where kind = 'tail' and holder is not null)" || {
	have 'not begun'
	tail -n 5 "$T/w1.log" >&2
	exit 2
}
sleep $((3 * lease))
have 'before'
sleep $((rest * lease))
have "after $rest leases at rest"
each STOP
sleep "${STOP:-$((lease + 3))}"
have 'stopped'
each CONT
sleep 1
have 'after 1 s'
sleep 3
have 'after 4 s'
sleep $((lease - 4))
have 'after 1 lease'
sleep "$lease"
have 'after 2 leases'
sleep "$lease"
have 'after 3 leases'
sleep $((rest * lease))
have "after $((3 + rest)) leases"
