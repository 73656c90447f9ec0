#!/bin/bash
# run as root renews by http-01 at a port below 1024: it is bound as root,
# listened at only while something is renewed, and issue can have it in
# between; or systemd hands it over.
#
#   bash tests/system/98-ports.sh build/release
#
# Needs root and python3-cryptography (the rig's ACME CA).
#
# takes: 18

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/rig/acme.sh
count=19

# An address of loopback that nobody else uses.
at=127.97.83.29
if [ "$(id -u)" -ne 0 ] || python3 -c "import socket
socket.create_connection(('$at', 80))" 2>/dev/null; then
	echo "SKIP $count 98-ports: needs root, and $at:80 free"
	echo "0 passed, 0 failed, $count skipped"
	exit 0
fi
t_begin 98-ports "${1:-}"
t_db ports
mkdir "$T/ca"
acme_ca "$T/ca" --http --http-port 80 --resolve $at --vantage 1 --no-caa
if [ $? -eq 77 ]; then
	skip $count "python3-cryptography is not installed"
	t_end
fi
echo '{"version": "1", "log_list_timestamp": "2026-11-27T00:00:00Z",
    "operators": []}' > "$T/none.json"
# what only root may read, too
(
	umask 077
	head -c 24 /dev/urandom | base64 > "$T/pass"
)
conf=$T/c.yaml
cat > "$conf" <<END
database: "$db"
state_dir: $T/state
contact: https://watcher.example.org/
egress: {allow_private: [127.0.0.0/8]}
audit: {every: 1s}
log_list: {file: $T/none.json, signature_key: none}
acme:
  directory: $ACME_URL
  ct: false
  key_passphrase_file: $T/pass
  challenges: {http-01: {listen: "$at:80"}}
managed:
  - {names: [kept.example]}
END

connects()
{
	python3 -c "import socket
socket.create_connection(('$at', 80)).close()" 2>/dev/null
}

# Answers or not, what comes of a connection.
hung_up()
{
	python3 -c "import socket
s = socket.create_connection(('$at', 80))
s.settimeout(10)
assert s.recv(1) == b''"
}

there()
{
	sql "select count(*) from managed_certificate where name = '$1' and
	    not_after > now() + interval '80 days'"
}

old()
{
	sql "update managed_certificate set not_before = now() -
	    interval '85 days', not_after = now() + interval '5 days',
	    next_at = now(), attempts = 0" >/dev/null
}

start
wait_for 20 test -e "$T/state/live/kept.example/cert.pem"
eq "run orders at port 80" $? 0
wait_for 10 eval '! connects'
eq "nothing is open afterwards" $? 0
eq "keys are encrypted" "$(grep -L 'BEGIN ENCRYPTED PRIVATE' \
    "$T/state"/keys/*/*.key)" ""
eq "it is not root that runs" "$(ps -o user= -p $run_pid)" certvigil
old
wait_for 20 eval '[ "$(there kept.example)" = 1 ]'
eq "and renews there" $? 0
ok "with no complaint" test "$(grep -c 'cannot listen\|may not' \
    "$T/run.log")" -eq 0
wait_for 10 eval '! connects'
cv issue other.example
eq "issue has the port in between: exit" $rc 0
[ $rc -eq 0 ] || show
old
wait_for 20 eval '[ "$(there kept.example) $(there other.example)" = "1 1" ]'
eq "then run has it again" $? 0

# who else has it
wait_for 10 eval '! connects'
python3 - "$at" <<-'END' &
	import socket, sys, time
	s = socket.socket()
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind((sys.argv[1], 80))
	s.listen()
	time.sleep(60)
END
pids+=($!)
other=$!
wait_for 10 connects
eq "another program takes it" $? 0
old
wait_for 20 grep -q "the port is taken by" "$T/run.log"
eq "which is said" $? 0
kill $other
stop
eq "it ends in order" $rc 0
ok "the old one is served" test -e "$T/state/live/kept.example/cert.pem"

# --- from systemd -----------------------------------------------------------------

if ! command -v systemd-socket-activate setpriv >/dev/null; then
	skip 7 "systemd-socket-activate or setpriv is not installed"
	t_end
fi
# who is not root at any time must be able to read it
chown certvigil "$T/pass"
old
: > "$T/run.log"
systemd-socket-activate -l "$at:80" --fdname=http-01 \
    setpriv --reuid=certvigil --regid=certvigil --init-groups \
    "$prog" --config "$conf" run >>"$T/run.log" 2>&1 &
run_pid=$!
wait_for 10 connects
eq "systemd listens, and starts it" $? 0
wait_for 20 eval '[ "$(there kept.example)" = 1 ]'
eq "as another user than root it renews at port 80" $? 0
[ "$(there kept.example)" = 1 ] || cat "$T/run.log"
ok "with no complaint" test "$(grep -c 'cannot listen\|may not' \
    "$T/run.log")" -eq 0
wait_for 10 hung_up
eq "who comes in between is hung up on" $? 0
old
wait_for 20 eval '[ "$(there kept.example)" = 1 ]'
eq "and again" $? 0
cv issue third.example
eq "issue has that port by the daemon" $rc 0
[ $rc -eq 0 ] || show
stop
eq "it ends in order, too" $rc 0

[ $((passed + failed)) -eq $count ] ||
    fail "$count tests would be skipped, $((passed + failed)) were made"
t_end
