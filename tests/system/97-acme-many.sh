#!/bin/bash
# The daemon's role `acme`: what is due together is renewed side by side, each
# once; commands hand their orders to it and hear of them; when it is killed,
# or the CA says 429, nothing fails and nothing is ordered twice.
#
#   bash tests/system/97-acme-many.sh build/release
#   LONG=1 bash ...              200 certificates instead of 40, 20 kills
#   SEED=N bash ...              the same moments again

set -u
cd "$(dirname "$0")/../.." || exit 1
# Debian's pebble may lock itself up under many orders. That is no fault of what
# is tested: once more, with another one.
if [ -z "${MANY_TRY:-}" ]; then
	for MANY_TRY in 1 2 3; do
		MANY_TRY=$MANY_TRY bash "$0" "$@"
		rc=$?
		[ $rc -eq 75 ] || exit $rc
	done
	echo "pebble locked itself up three times" >&2
	exit 1
fi
. tests/system/lib.sh
t_begin 97-acme-many "${1:-}"
. tests/rig/acme.sh
. tests/system/acme.sh
many=40 kills=2 turns=0
[ -z "${LONG:-}" ] || many=200 kills=20
seed=${SEED:-$((0x$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')))}
RANDOM=$((seed % 32768))

t_db many
echo '{"version": "1", "log_list_timestamp": "2026-11-27T00:00:00Z",
    "operators": []}' > "$T/none.json"
a_conf_more="log_list: {file: $T/none.json, signature_key: none}"
a_audit="every: 1h"

# The role's process, and whether it listens.
role()		{ pgrep -P "$run_pid" -f -- --role=acme; }
# The file of one that was killed stays: does the role accept there?
listens()
{
	local ino pid

	pid=$(role) && [ -n "$pid" ] || return 1
	for ino in $(awk '$4 == "00010000" && /\/acme\.sock$/ { print $7 }' \
	    /proc/net/unix); do
		[ -z "$(find "/proc/$pid/fd" -lname "socket:\[$ino\]" \
		    2>/dev/null)" ] || return 0
	done
	return 1
}

# Names of a list `managed:` with certificate 1 to $2 of domain $1.
managed()
{
	local i

	echo "managed:"
	for ((i = 1; i <= $2; i++)); do
		echo "  - {names: [n$i.$1]}"
	done
}

# Who ordered a name last: a process id.
holder()
{
	sql "select substring(o.holder from ':([0-9]+)\$') from acme_order o
	    join managed_certificate m on m.id = o.managed_id where m.name =
	    '$1' order by o.id desc limit 1"
}

issued()
{
	sql "select count(*) from managed_certificate where name like '%.$1'
	    and issued_at is not null"
}

# Exit status and last line, without what differs between two orders; @ in what
# is asked for is $1.
verdict()
{
	local me=$1

	shift
	set -- "${@//@/$me}"
	"$prog" --config "$1" "${@:2}" >"$T/out" 2>"$T/err"
	echo "$? $(tail -n 1 "$T/err" | sed "s/\\b$me\\.\\+alike/@.alike/g
	    s/[0-9][0-9TZ:.-]*/N/g; s/[0-9A-Za-z_-]\\{20,\\}/X/g")"
}

# alike WHAT STATUS TEXT ARG...: so it ends by the daemon, and by the command.
alike()
{
	local daemon itself

	daemon=$(verdict one "$conf" "${@:4}")
	itself=$(verdict two "$T/itself.yaml" "${@:4}")
	eq "$1: alike" "$daemon" "$itself"
	ok "$1: says $3" grep -qF -- "$3" <<< "$daemon"
	eq "$1: status" "${daemon%% *}" "$2"
}

# --- many, from a real CA that refuses one nonce in twenty -----------------------------

hp=$(_acme_port)
if acme_challtestsrv "$T/ch" &&
    acme_pebble "$T/pb" http="$hp" dns="$ACME_DNS" nonces=5; then
	orders()	{ grep -c 'Added order' "$T/pb/pebble.out"; }
	certs()		{ grep -c 'Issued certificate serial' "$T/pb/pebble.out"; }
	trap 'echo "pebble locked itself up: once more"; exit 75' USR1
	(
		trap - EXIT INT TERM HUP USR1
		until acme_pebble_locked; do
			sleep 2
		done
		kill -USR1 $$
		# what waits for its answer ends, and then the signal counts
		kill -9 "$(tail -n 1 "$T/pb/pids")"
	) &
	watcher=$!
	pids+=("$watcher")
	a_conf many "http-01: {listen: \"127.0.0.1:$hp\"}"
	managed many.example $many >> "$conf"
	start
	wait_for 60 listens
	eq "the role listens" $? 0
	eq "for its user only" "$(stat -c %a "$state/acme.sock")" 600
	wait_sql 60 t "select count(*) > 0 from acme_order"
	cv issue hand.example
	says "a command meanwhile" 0 ""
	eq "the role ordered it" "$(holder hand.example)" "$(role)"
	eq "for who asked" "$(sql "select count(*) from audit_trail where action
	    = 'certificate.issue' and actor like '%@%'")" 1
	complete "a command" hand.example
	wait_sql 120 $many "select count(*) from managed_certificate where
	    name like '%.many.example' and issued_at is not null"
	eq "all are issued" "$(issued many.example)" $many
	eq "each was ordered once" "$(orders)" $((many + 1))
	eq "no try failed" "$(sql "select count(*) from acme_order where state
	    <> 'valid'")" 0
	complete "one of many" n$many.many.example

	# as if they were old: all at once, by the command's word
	sql "update managed_certificate set ari_id = null, not_before = now() -
	    interval '85 days', not_after = now() + interval '5 days' where
	    name like '%.many.example'" >/dev/null
	cv renew
	eq "renew: exit" $rc 0
	eq "renew: all" "$(tail -n 1 "$T/out")" \
	    "$many renewed, 0 failed, 1 not due"
	eq "renew: each once" "$(orders)" $((2 * many + 1))
	eq "renew: by the role" "$(sql "select count(distinct holder) from
	    acme_order")" 1

	# two of the same
	"$prog" --config "$conf" issue twice.example 2>/dev/null >&2 &
	cv issue twice.example
	wait $!
	other=$?
	ok "two at once: one, or one after the other" \
	    test "$((rc + other))" = 0 -o "$((rc + other))" = 75
	eq "two at once: never both orders open" "$(sql "select count(*) from
	    acme_order where state <> 'valid'")" 0

	# --- killed in the middle --------------------------------------------------

	victim=$(role)
	"$prog" --config "$conf" issue torn.example > "$T/torn" 2>&1 &
	wait_sql 20 1 "select count(*) from acme_order o join
	    managed_certificate m on m.id = o.managed_id where m.name =
	    'torn.example'"
	kill -9 "$victim"
	wait $!
	torn=$?
	ok "killed: 75, or it was done" test $torn = 75 -o $torn = 0
	[ $torn != 75 ] || ok "killed: what to do" grep -q 'run it again' \
	    "$T/torn"
	cv issue torn.example
	says "again" 0 ""
	complete "again" torn.example
	wait_for 30 listens
	cv issue after.example
	says "started again" 0 ""
	eq "by another one" "$(holder after.example)" "$(role)"
	eq "nothing is open" "$(sql "select count(*) from acme_order where
	    state = 'open'")" 0

	# --- killed at any moment, one process of it or another --------------------

	before=$(certs)
	rows=$(sql "select count(*) from acme_order")
	sql "update managed_certificate set ari_id = null, not_before = now() -
	    interval '85 days', not_after = now() + interval '5 days' where
	    name like '%.many.example'" >/dev/null
	"$prog" --config "$conf" renew >/dev/null 2>&1 &
	for ((k = 0; k < kills; k++)); do
		sleep 0.$((RANDOM % 6))$((RANDOM % 10))
		victim=$(role)
		set -- acme sign fetch challenge
		shift $(((k + RANDOM % 2) % 4))
		[ "$1" = acme ] || victim=$(pgrep -P "${victim:-$$}" -f \
		    "role=$1" | head -n 1)
		[ -z "$victim" ] || kill -9 "$victim"
		sleep 0.2
		wait_for 70 listens
	done
	old="not_before < now() - interval '80 days'"
	until is_sql 0 "select count(*) from managed_certificate where $old"
	do
		[ $((turns += 1)) -lt 60 ] || break
		cv renew
		sleep 0.5
	done
	eq "killed (seed $seed): all are renewed" "$(sql "select count(*) from
	    managed_certificate where $old")" 0
	eq "killed: each once" "$(sql "select count(*) - $rows from acme_order
	    where state = 'valid'")" $many
	eq "killed: none failed" "$(sql "select count(*) from acme_order where
	    state <> 'valid'")" 0
	# an order whose answer was lost is unknown here: nothing comes of it
	eq "killed: one certificate each" $(($(certs) - before)) $many
	eq "killed: a key for each" "$(sql "select count(*) - count(distinct
	    key_id) from acme_order")" 0
	half=0
	for ((i = 1; i <= many; i++)); do
		is_complete n$i.many.example || half=$((half + 1))
	done
	eq "killed: all are whole" $half 0

	# --- another configuration ------------------------------------------------------

	sed 's/^contact:.*/contact: other@corp.example/' "$conf" > "$T/o.yaml"
	chmod 644 "$T/o.yaml"
	"$prog" --config "$T/o.yaml" issue other.example > "$T/out" 2>"$T/err"
	eq "not the daemon's configuration: exit" $? 0
	ok "not the daemon's: by itself" test "$(holder other.example)" != \
	    "$(role)"
	cp "$T/o.yaml" "$conf"
	kill -HUP "$run_pid"
	# it is the daemon's once that has read it
	for _ in $(seq 50); do
		cv issue again.example
		[ "$(holder again.example)" != "$(role)" ] || break
		sleep 0.2
	done
	eq "SIGHUP: the daemon has it" "$(holder again.example)" "$(role)"
	stop
	ok "the end: nobody listens" test ! -S "$state/acme.sock" -o \
	    -z "$(pgrep -f "$prog.*role=acme")"
	kill $watcher
	acme_stop "$T/pb"
else
	skip 1 "no pebble"
fi

# --- a CA that asks to wait --------------------------------------------------------------

mkdir "$T/ca"
hp=$(_acme_port)
acme_ca "$T/ca" --http --http-port "$hp" --resolve 127.0.0.1 --vantage 1 \
    --no-caa
if [ $? -ne 77 ]; then
	t_db slow
	acme_fault 429 at=newOrder times=3 n=1
	acme_fault 429 at=authz times=2 n=1
	a_conf slow "http-01: {listen: \"127.0.0.1:$hp\"}"
	managed slow.example 10 >> "$conf"
	start
	wait_sql 90 10 "select count(*) from managed_certificate where
	    issued_at is not null"
	eq "429: all are issued" "$(issued slow.example)" 10
	eq "429: none failed" "$(sql "select coalesce(sum(attempts), 0) from
	    managed_certificate")" 0
	eq "429: each order once" "$(sql "select count(*) from acme_order")" 10
	eq "429: it was said" "$(acme_show faults | python3 -c 'import json, sys
print(sum(f["told"] for f in json.load(sys.stdin)))')" 5

	# --- what fails does so alike, whoever orders it -----------------------

	# another text is another configuration: the daemon refuses it
	{ cat "$conf"; echo '# by itself'; } > "$T/itself.yaml"
	chmod 644 "$T/itself.yaml"
	alike "a challenge there is not" 78 'is not configured' \
	    issue --challenge dns-01 @.alike.example
	alike "a key there is not" 64 'no kind of key' issue --key p521 @.alike.example
	alike "a name that is none" 64 'empty label' issue "@..alike.example"
	alike "a certificate there is not" 1 'no certificate is managed' \
	    renew gone.example
	for t in rejectedIdentifier caa unauthorized; do
		acme_fault problem at=newOrder type=$t status=403
		alike "$t" 1 "($t)" issue "@.alike.example"
		acme_honest
	done
	acme_fault 429 at=newOrder n=7200
	alike "rateLimited" 1 "(rateLimited)" issue "@.alike.example"
	acme_honest
	stop
else
	skip 28 "python3-cryptography is not installed"
fi
t_end
