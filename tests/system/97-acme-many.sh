#!/bin/bash
# The daemon's role `acme`: what is due together is renewed side by side, each
# once; commands hand their orders to it and hear of them; when it is killed,
# or the CA says 429, nothing fails and nothing is ordered twice.
#
#   bash tests/system/97-acme-many.sh build/release
#   LONG=1 bash ...              200 certificates instead of 40

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 97-acme-many "${1:-}"
. tests/rig/acme.sh
. tests/system/acme.sh
many=40
[ -z "${LONG:-}" ] || many=200

t_db many
echo '{"version": "1", "log_list_timestamp": "2026-11-27T00:00:00Z",
    "operators": []}' > "$T/none.json"
a_conf_more="log_list: {file: $T/none.json, signature_key: none}"
a_audit="every: 1h"

# The role's process, and whether it listens.
role()		{ pgrep -P "$run_pid" -f -- --role=acme; }
listens()	{ [ -S "$state/acme.sock" ] && role >/dev/null; }

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

# --- many, from a real CA that refuses one nonce in twenty -----------------------------

hp=$(_acme_port)
if acme_challtestsrv "$T/ch" &&
    acme_pebble "$T/pb" http="$hp" dns="$ACME_DNS" nonces=5; then
	orders()	{ grep -c 'Added order' "$T/pb/pebble.out"; }
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
	stop
else
	skip 4 "python3-cryptography is not installed"
fi
t_end
