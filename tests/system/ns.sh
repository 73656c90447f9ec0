# For system tests: hosts of their own, as network namespaces on one bridge,
# each with its own names of processes and its own host name.
#
#   . tests/system/lib.sh; . tests/system/ns.sh; t_begin NAME OBJDIR
#   ns_begin || { skip N "$ns_why"; t_end; }
#
#   ns_begin              the bridge, with an address of ours on it; sets $ns_us
#                         (10.x.y.1) and $ns_net (10.x.y.0/24); false where this
#                         is not permitted, with $ns_why.  All is removed when
#                         the script ends
#   ns_host NAME          a host; sets $ns_addr to its address
#   ns_start NAME LOG COMMAND...   runs there in the background, as process 1 of
#                         its own; ns_pid[NAME] is that process, seen from here
#   ns_kill NAME [SIG]    kill -9 (or SIG) of it: with -9 all below it dies, too
#   ns_cut NAME, ns_mend NAME      its cable
#   ns_pg                 a PostgreSQL server of the test's own (t_begin must
#                         have started one) listens on the bridge; t_conninfo
#                         goes there

declare -A ns_pid ns_at
ns_id= ns_us= ns_net= ns_addr= ns_why= ns_n=1

ns_begin()
{
	local i err

	if [ "$(id -u)" -ne 0 ]; then
		ns_why="network namespaces need root"
		return 1
	fi
	ns_id=cv$$
	trap 'ns_end; t_clean' EXIT
	# an address that nobody has
	for i in 1 2 3 4 5 6 7 8 9; do
		ns_us=10.$((RANDOM % 100 + 150)).$((RANDOM % 256)).1
		[ -z "$(ip route get "$ns_us" 2>/dev/null |
		    grep ' dev lo ')" ] && break
	done
	ns_net=${ns_us%.1}.0/24
	if ! err=$(ip link add "$ns_id" type bridge 2>&1 &&
	    ip addr add "$ns_us/24" dev "$ns_id" 2>&1 &&
	    ip link set "$ns_id" up 2>&1 &&
	    ip netns add "$ns_id.t" 2>&1 && ip netns del "$ns_id.t" 2>&1 &&
	    unshare --uts --pid --fork --mount-proc true 2>&1); then
		ns_why="no network namespaces: $err"
		ns_end
		return 1
	fi
}

ns_host()
{
	local ns=$ns_id.$1

	ns_n=$((ns_n + 1))
	ns_addr=${ns_us%.1}.$ns_n
	ns_at[$1]=$ns_id-$ns_n
	ip netns add "$ns" &&
	    ip link add "$ns_id-$ns_n" type veth peer name eth0 netns "$ns" &&
	    ip link set "$ns_id-$ns_n" master "$ns_id" up &&
	    ip -n "$ns" addr add "$ns_addr/24" dev eth0 &&
	    ip -n "$ns" link set eth0 up && ip -n "$ns" link set lo up
}

ns_start()
{
	local host=$1 log=$2 p

	shift 2
	# shellcheck disable=SC2016
	ip netns exec "$ns_id.$host" unshare --uts --pid --fork --kill-child \
	    --mount-proc sh -c 'hostname "$0" && exec "$@"' "$host" "$@" \
	    >>"$log" 2>&1 &
	p=$!
	# unshare waits for its child, which is process 1 there
	until ns_pid[$host]=$(cat "/proc/$p/task/$p/children" 2>/dev/null) &&
	    ns_pid[$host]=${ns_pid[$host]%% *} &&
	    [ -n "${ns_pid[$host]}" ]; do
		kill -0 "$p" 2>/dev/null || return 1
		sleep 0.01
	done
}

ns_kill()
{
	local p=${ns_pid[$1]:-}

	[ -n "$p" ] || return 0
	kill "${2:--9}" "$p" 2>/dev/null
	# it is nobody's that we could wait for: unshare does
	while kill -0 "$p" 2>/dev/null; do
		sleep 0.01
	done
	ns_pid[$1]=
}

ns_cut()
{
	ip link set "${ns_at[$1]}" down
}

ns_mend()
{
	ip link set "${ns_at[$1]}" up
}

ns_end()
{
	local h

	for h in "${!ns_pid[@]}"; do
		ns_kill "$h"
	done
	for h in "${!ns_at[@]}"; do
		ip netns del "$ns_id.$h" 2>/dev/null
	done
	ip link del "$ns_id" 2>/dev/null
}

ns_pg()
{
	echo "listen_addresses = '$ns_us'" \
	    >> "$CERTVIGIL_TEST_PG/data/postgresql.conf"
	echo "host all all $ns_net trust" \
	    >> "$CERTVIGIL_TEST_PG/data/pg_hba.conf"
	(cd / && pg_as "$(pg_bindir)/pg_ctl" -D "$CERTVIGIL_TEST_PG/data" \
	    -l "$CERTVIGIL_TEST_PG/log" -w restart) >/dev/null 2>&1
	CERTVIGIL_TEST_DB="host=$ns_us port=5432 user=certvigil dbname=postgres"
}
