#!/bin/bash
# A CA that takes requests and never answers: who waits is told of it after ten
# seconds, by a command that orders itself, by one whose order the daemon has,
# and where the directory is not answered.
#
#   bash tests/system/97-acme-silent.sh build/release
#   LONG=1 bash ...              until they give up (two minutes): 75, nothing
#                                is lost, and the same command goes on
#
# takes: 13

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 97-acme-silent "${1:-}"
. tests/rig/acme.sh
. tests/system/acme.sh
if ! acme_ca "$T/ca" --always-valid; then
	skip 8 "acmeca does not start"
	t_end
fi
t_db silent
echo '{"version": "1", "log_list_timestamp": "2026-11-27T00:00:00Z",
    "operators": []}' > "$T/none.json"
a_conf_more="log_list: {file: $T/none.json, signature_key: none}"
a_conf silent "http-01: {listen: \"127.0.0.1:$(_acme_port)\"}"
# the daemon leaves to a command what has another configuration
for w in itself directory renew; do
	sed "s/\(listen: \"127.0.0.1:\)[0-9]*/\1$(_acme_port)/" "$conf" \
	    > "$T/$w.yaml"
done

begin()
{
	"$prog" --config "$1" "${@:3}" > "$T/$2.out" 2> "$T/$2.err" &
	echo $! > "$T/$2.pid"
}

told()
{
	grep -q 'the CA has not answered since 20.*Z.* waited for until' \
	    "$T/$1.err"
}

# ended NAME: it gave up, and said so once
ended()
{
	wait "$(cat "$T/$1.pid")"
	eq "$1: exit status" $? 75
	ok "$1: says what it is" grep -q "$2" "$T/$1.err"
}

cv --quiet account register
eq "register" $rc 0
start
wait_for 20 test -S "$state/acme.sock"
eq "the daemon listens" $? 0
acme_fault stall at=newOrder n=600
begin "$T/itself.yaml" itself issue itself.example
begin "$conf" daemon issue daemon.example
wait_sql 10 2 "select count(*) from acme_order"
eq "both have ordered" $? 0
acme_fault stall at=directory n=600
begin "$T/directory.yaml" directory issue later.example
begin "$T/renew.yaml" renew renew itself.example
for w in itself daemon directory renew; do
	ok "$w: told within some ten seconds" wait_for 15 told $w
done
eq "by the daemon" "$(sql "select count(*) from acme_order where holder like
    '%:' || '$(pgrep -P "$run_pid" -f -- --role=acme)'")" 1

if [ -n "${LONG:-}" ]; then
	ended directory '/dir.*: timeout'
	ended renew '/dir.*: timeout'
	for w in itself daemon; do
		ended $w 'what was begun is kept, try again'
	done
	acme_honest
	for w in itself daemon; do
		cv issue $w.example
		says "$w, again" 0 ""
		complete "$w, again" $w.example
	done
else
	for w in itself daemon directory renew; do
		kill "$(cat "$T/$w.pid")"
		wait "$(cat "$T/$w.pid")"
	done 2>/dev/null
fi
stop
t_end
