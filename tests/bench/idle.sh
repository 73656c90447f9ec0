#!/bin/bash
# What a worker costs that has nothing to read: connections, transactions a
# second on the database, memory (PSS) and CPU of its processes; with 1 and 3
# workers, over SECONDS_ of quiet.
#
#   bash tests/bench/idle.sh build/release
#
# One line a figure: name, unit, value.

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin idle "${1:-}"
span=${SECONDS_:-20}

t_rig --log rfc --log static,proto=static
t_db idle
poll=60s t_conf idle 'watch: [.corp.example]'
post "/_rig/rfc/fill?n=1000&seed=1" >/dev/null
once
[ $rc -eq 0 ] || { show; exit 2; }

# The pids of a process and all below it.
below()
{
	local p

	echo "$1"
	for p in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		below "$p"
	done
}

workers=()
# Sums over all of them: kB of PSS; ticks of CPU.
pss()
{
	local w p

	for w in "${workers[@]}"; do
		for p in $(below "$w"); do
			cat "/proc/$p/smaps_rollup" 2>/dev/null
		done
	done | awk '/^Pss:/ { n += $2 } END { print n + 0 }'
}
ticks()
{
	local w p

	for w in "${workers[@]}"; do
		for p in $(below "$w"); do
			cat "/proc/$p/stat" 2>/dev/null
		done
	done | sed 's/.*) //' | awk '{ n += $12 + $13 } END { print n + 0 }'
}
xacts()
{
	sql "select xact_commit + xact_rollback from pg_stat_database
	    where datname = current_database()"
}

measure()
{
	local n=${#workers[@]} x t

	wait_sql 60 "$n" "select count(*) from worker" || exit 2
	sleep 5
	x=$(xacts) t=$(ticks)
	sleep "$span"
	t=$(($(ticks) - t)) x=$(($(xacts) - x))
	printf '%-34s %-9s %9.1f\n' "worker_connections_$n" each \
	    "$(sql "select (count(*) - 1)::float8 / $n from pg_stat_activity
	    where datname = current_database()")"
	awk -v x="$x" -v t="$t" -v s="$span" -v n="$n" -v k="$(pss)" \
	    -v hz="$(getconf CLK_TCK)" 'BEGIN {
		f = "%-34s %-9s %9.2f\n"
		printf f, "worker_transactions_" n, "each/s", x / s / n
		printf f, "worker_pss_" n, "MB each", k / 1024 / n
		printf f, "worker_cpu_" n, "% each", t / hz / s / n * 100
	}'
}

"$prog" --config "$conf" run >"$T/run.log" 2>&1 &
workers+=($!)
pids+=($!)
measure
for i in 2 3; do
	sed "s#^state_dir:.*#&-$i#" "$conf" > "$T/idle$i.yaml"
	"$prog" --config "$T/idle$i.yaml" worker --name "host$i" \
	    >"$T/worker$i.log" 2>&1 &
	workers+=($!)
	pids+=($!)
done
measure
