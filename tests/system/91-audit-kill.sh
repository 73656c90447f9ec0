#!/bin/bash
# kill -9 of the processes that audit, the database that goes and comes, two
# daemons on one database, while certificates are revoked and endpoints change:
# nothing is lost, nothing is written or said twice.
#
#   bash tests/system/91-audit-kill.sh build/release    15 rounds; LONG=1: 60
#   SEED=N bash ...                                     the same choices again
#
# takes: 40

set -u
cd "$(dirname "$0")/../.." || exit 1
# A server of our own: it is stopped and started.
unset CERTVIGIL_TEST_DB CERTVIGIL_TEST_PG
. tests/system/lib.sh
t_begin 91-audit-kill "${1:-}"

ncas=3 each=5
[ -z "${LONG:-}" ] || ncas=12
rounds=$((ncas * each))
seed=${SEED:-$((0x$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')))}
RANDOM=$((seed % 32768))
echo "seed $seed, $rounds rounds"

t_rig --log elm,operator=Elm --log oak,operator=Oak,proto=static
t_sink
ca=ca1 t_cas
for ((c = 2; c <= ncas; c++)); do
	ca=ca$c t_ca
	post "$cas/_rig/new?ca=$T/ca$c" >/dev/null
done
t_dns
t_db auditkill
conf_lines=('watch: [.corp.example]'
    "audit: {every: 1s, roots: $T/ca1/root.pem, resolvers: [\"$dns\"]}"
    'channels:'
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}"
    'routes:' '  - {to: [soc]}')
poll=1s t_conf second "${conf_lines[@]}"
second=$conf
poll=1s t_conf first "${conf_lines[@]}"
post "/_rig/elm/fill?n=20&seed=1" >/dev/null
once
eq "first read" $rc 0

# Of each CA, so many are revoked and two are not: fewer than a campaign.
for ((c = 1; c <= ncas; c++)); do
	for ((i = 1; i <= each + 2; i++)); do
		ca=ca$c t_cert "c$c-$i.corp.example" "c$c-$i" \
		    --submit "$rig/elm" --submit "$rig/oak" --final-submit \
		    --crl "$cas/ca$c/crl/full.crl" --ocsp "$cas/ca$c/ocsp"
	done
done
# shellcheck disable=SC2046
cv known import $(ls "$T"/c[0-9]*-*.pem | grep -v chain)
eq "known import" $rc 0
for e in x y z; do
	echo "$e.corp.example 60 A 127.0.0.1"
	ca=ca1 t_cert "$e.corp.example" "$e" --submit "$rig/elm" \
	    --submit "$rig/oak" --final-submit
	ca=ca1 t_cert "$e.corp.example" "$e.unlogged"
done > "$T/zone"
cv known import "$T"/[xyz].pem
t_tls "x,cert=$T/x.fullchain.pem,key=$T/x.key" \
    "y,cert=$T/y.fullchain.pem,key=$T/y.key" \
    "z,cert=$T/z.fullchain.pem,key=$T/z.key"
for e in x y z; do
	cv endpoint add "$e.corp.example:$(tls_port $e)"
	eq "endpoint add $e" $rc 0
done
once
eq "second read" $rc 0
again
eq "all are good" "$(sql "select status, count(*) from revocation group by
    status")" "good|$((ncas * (each + 2)))"
eq "nothing to say" "$(sql "select kind, reason from finding")" ""

tree()
{
	local p=$1 c

	grep -q "^State:.[^Z]" "/proc/$p/status" 2>/dev/null || return
	echo "$p $(cat "/proc/$p/comm")"
	for c in $(cat "/proc/$p/task/$p/children" 2>/dev/null); do
		tree "$c"
	done
}
engines()
{
	sql "select count(*) from worker where last_seen > now() - interval
	    '5 seconds'"
}
pg()
{
	(cd / && pg_as "$(pg_bindir)/pg_ctl" -D "$CERTVIGIL_TEST_PG/data" \
	    -l "$CERTVIGIL_TEST_PG/log" -w "$@") >/dev/null 2>&1
}

# A daemon has all of its processes.
whole()
{
	local p

	for p in $run_pid $second_pid; do
		! tree "$p" | grep -q cv-probe || return 0
	done
	return 1
}

# What loses a process ends whole, and each time waits longer before it begins
# again: where both wait, the first is begun anew, as who runs it would.
come()
{
	wait_for 2 whole && return
	stop
	[ $rc -eq 0 ] || fail "what waits to begin again ends in order: $rc"
	start
	wait_for 10 whole || fail "a daemon that was begun anew is not whole"
}

# --- rounds: something changes, something is killed ----------------------------------

second_pid=
start
declare -A killed
k=0
for ((i = 1; i <= each; i++)); do
	for ((c = 1; c <= ncas; c++)); do
		k=$((k + 1))
		ca=ca$c revoke "c$c-$i" reason=superseded
		[ $((k % 5)) -ne 2 ] || for e in x y z; do
			tls_post "$e/set?cert=$T/$e.unlogged.fullchain.pem&key=$T/$e.unlogged.key"
		done
		if [ $k -eq $((rounds / 3)) ]; then
			# another daemon on the same database
			"$prog" --config "$second" run >>"$T/second.log" 2>&1 &
			second_pid=$!
			pids+=("$second_pid")
		fi
		if [ $k -eq $((rounds / 2)) ]; then
			pg -m immediate stop
			sleep 1
			pg start
		fi
		come
		sleep "0.$((RANDOM % 90 + 10))"
		mapfile -t procs < <(for p in $run_pid $second_pid; do
			tree "$p" | sed 1d
		done)
		# the processes that audit are hit more often than the engine
		if [ $((RANDOM % 4)) -ne 0 ]; then
			mapfile -t procs < <(printf '%s\n' "${procs[@]}" |
			    grep -v cv-engine)
		fi
		[ "${#procs[@]}" -gt 0 ] || continue
		victim=${procs[$((RANDOM % ${#procs[@]}))]}
		[ -n "$victim" ] || continue
		kill -9 "${victim%% *}" 2>/dev/null
		what=${victim#* }
		killed[$what]=$((${killed[$what]:-0} + 1))
	done
done
for w in "${!killed[@]}"; do
	echo "killed ${killed[$w]} times: $w"
done | sort
ok "processes of several kinds were hit" test "${#killed[@]}" -ge 2

# --- and all is as if nothing had been --------------------------------------------------

come
ok "every revocation is seen" wait_sql 60 $rounds \
    "select count(*) from revocation where status = 'revoked'"
ok "by both sources" wait_sql 60 $((2 * rounds)) \
    "select count(*) from revocation_status where status = 'revoked'"
ok "and every endpoint" wait_sql 60 3 "select count(*) from finding where
    kind = 'endpoint.unlogged_certificate'"
ok "and said" wait_sql 60 0 "select count(*) from delivery where state in
    ('pending', 'sending')"
kill "$second_pid"
wait "$second_pid"
eq "the second ends in order" $? 0
stop
eq "the first ends in order" $rc 0
again
eq "run --once behind it all" $rc 0
[ $rc -eq 0 ] || show
eq "history, once each" "$(sql "select w, count(*) from (select string_agg(
    status, ' ' order by id) as w from revocation_status group by serial,
    source_id) x group by w order by w" | paste -sd,)" \
    "good|$((4 * ncas)),good revoked|$((2 * rounds))"
eq "a finding each, with both provenances" "$(sql "select count(*),
    count(distinct subject), min(jsonb_array_length(detail->'sources')),
    min(severity), min(state) from finding where kind =
    'certificate.revoked'")" "$rounds|$rounds|2|critical|open"
eq "opened once each" "$(sql "select count(*), count(distinct finding_id) from
    finding_event where event = 'opened'")" \
    "$(sql "select count(*), count(*) from finding")"
eq "no other finding" "$(sql "select kind, count(*) from finding where kind not
    in ('certificate.revoked', 'ct_policy.violated') group by kind")" \
    "endpoint.unlogged_certificate|3"
eq "what endpoints served, once each" "$(sql "select count(*) from
    endpoint_observation where cert_sha256 is not null group by endpoint_id" |
    paste -sd,)" "2,2,2"
eq "what arrived has the ids of the events" \
    "$(sed -n 's/.*"webhook_id":"\([^"]*\)".*/\1/p' "$sink_log" | sort -u)" \
    "$(sql "select id from finding_event" | sort)"
eq "no lease is held" "$(sql "select count(*) from work where holder is not
    null")" 0
eq "no SCT is lost" "$(sql "select distinct status, inclusion from sct")" \
    "valid|proved"
t_end
