#!/bin/bash
# kill -9 at seeded moments while a certificate is ordered: what is served is
# always whole, the next try goes on with the same order and the same key, and
# no certificate is asked for twice.
#
#   bash tests/system/97-acme-kill.sh build/release  20 kills; LONG=1: 200
#   SEED=N bash ...                                  the same moments again

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 97-acme-kill "${1:-}"
. tests/rig/acme.sh
. tests/system/acme.sh
kills=20
[ -z "${LONG:-}" ] || kills=200
count=21
seed=${SEED:-$((0x$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')))}
RANDOM=$((seed % 32768))
echo "seed $seed, $kills kills"
hp=$(_acme_port)
if ! acme_ca "$T/ca" --http-port "$hp" --nonce-reject 20 --slow 0.05; then
	skip $count "acmeca does not start"
	t_end
fi
t_db kill
a_conf kill "http-01: {listen: \"127.0.0.1:$hp\"}"
host=kill.example

# The supervisor and what it started, and their number on one line.
below()
{
	local p

	echo "$1"
	for p in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		below "$p"
	done
}

gone()
{
	local p

	for p; do
		! grep -qs '^State:.[^Z]' "/proc/$p/status" || return 1
	done
}

# How many certificates the CA has made.
certs()
{
	get "$ACME_ADMIN/certs" | grep -o '"serial"' | wc -l
}

# How long it takes when nobody interferes: moments are drawn from that.
cv issue $host
eq "undisturbed" $rc 0
[ $rc -eq 0 ] || show
begin=$(date +%s%N)
cv issue $host
took=$((($(date +%s%N) - begin) / 1000000))
made=2 broken=0 failed_next=0 lost=0 second=0 hit=0 resumed=0
for ((k = 1; k <= kills; k++)); do
	"$prog" --config "$conf" issue $host >"$T/k.out" 2>"$T/k.err" &
	pid=$!
	at=$((RANDOM % (took + 1)))
	sleep "$((at / 1000)).$(printf %03d $((at % 1000)))"
	mapfile -t all < <(below $pid)
	# all of them, or only one
	if [ $((RANDOM % 2)) = 0 ]; then
		kill -9 "${all[@]}" 2>/dev/null
		wait_for 5 gone "${all[@]}"
		wait $pid 2>/dev/null
	else
		kill -9 "${all[$((RANDOM % ${#all[@]}))]}" 2>/dev/null
		wait_for 20 gone $pid || {
			echo "kill $k: does not end" >> "$T/why"
			broken=$((broken + 1))
			kill -9 "${all[@]}" 2>/dev/null
		}
		wait $pid 2>/dev/null
	fi
	r=$?
	[ $r = 0 ] && [ -s "$T/k.out" ] || hit=$((hit + 1))
	is_complete $host 2>>"$T/why" || {
		broken=$((broken + 1))
		echo "kill $k after $at ms" >> "$T/why"
	}
	before=$(certs)
	open=$(sql "select key_id from acme_order where state = 'open'")
	cv issue $host
	[ $rc = 0 ] || {
		failed_next=$((failed_next + 1))
		echo "after kill $k at $at ms: $(tail -n 1 "$T/err")" >&2
	}
	is_complete $host 2>>"$T/why" || broken=$((broken + 1))
	after=$(certs)
	# at most one for what was interrupted and what followed
	[ $((after - before)) -le 1 ] || second=$((second + 1))
	if [ -n "$open" ] && [ "$(sql "select count(*) from acme_order where
	    key_id = '$open' and state = 'failed'")" = 0 ]; then
		resumed=$((resumed + 1))
		[ "$(sql "select key_id from managed_certificate")" = "$open" ] ||
		    lost=$((lost + 1))
	fi
	[ -z "${VERBOSE:-}" ] ||
	    echo "kill $k: $at ms, rc $r, open \"$open\", certs $before $after"
done
echo "took $took ms; interrupted $hit, gone on with $resumed"
ok "some were interrupted" test $hit -gt $((kills / 4))
ok "some were gone on with" test $resumed -gt 0
eq "what is served is always whole" $broken 0
[ $broken = 0 ] || cat "$T/why" >&2
eq "the next one always succeeds" $failed_next 0
eq "never a second certificate" $second 0
eq "gone on with the same key" $lost 0
eq "no order is open" "$(sql "select count(*) from acme_order where state =
    'open'")" 0
# whose challenge process died cannot be validated any more
eq "none failed but by that" "$(sql "select coalesce(string_agg(distinct error,
    '; '), '') from acme_order where state = 'failed' and error not like
    '%http-01%' and error not like '%validat%'")" ''
eq "as many certificates as orders that were finished" "$(certs)" \
    "$(sql "select count(*) from acme_order where state = 'valid'")"
eq "each order once" "$(sql "select count(*) - count(distinct url) from
    acme_order")" 0
eq "each key in one certificate" "$(sql "select count(*) - count(distinct
    key_id) from acme_order")" 0
eq "finalized at the CA: those, no others" "$(get "$ACME_ADMIN/orders" |
    grep -o '"status": *"valid"' | wc -l)" "$(certs)"
eq "one account" "$(get "$ACME_ADMIN/accounts" | grep -o '"status": *"valid"' |
    wc -l)" 1
eq "the newest is served" "$(sql "select encode(cert_sha256, 'hex') from
    managed_certificate")" "$(openssl x509 -in "$live/$host/cert.pem" \
    -outform der | sha256sum | cut -d' ' -f1)"
missing=0
for key in $(sql "select key_id from acme_order"); do
	[ -s "$state/keys/cert/$key.key" ] || missing=$((missing + 1))
done
eq "no key is lost" $missing 0

# --- two at once, and something else than what is under way ----------------------------

acme_admin set challenge_seconds=3 >/dev/null
"$prog" --config "$conf" issue two.example >"$T/k.out" 2>"$T/k.err" &
pid=$!
wait_for 10 grep -q 'two.example: http-01' "$T/k.err"
a_conf kill2 "http-01: {listen: \"127.0.0.1:$(_acme_port)\"}"
sed -i "s|^state_dir:.*|state_dir: $T/state-kill|" "$conf"
live=$T/state-kill/live
cv issue two.example
eq "two at once: try again" $rc 75
wait $pid
eq "two at once: the first is done" $? 0
complete "two at once" two.example
a_conf kill "http-01: {listen: \"127.0.0.1:$hp\"}"
"$prog" --config "$conf" issue more.example >"$T/k.out" 2>"$T/k.err" &
pid=$!
wait_for 10 grep -q 'more.example: http-01' "$T/k.err"
mapfile -t all < <(below $pid)
kill -9 "${all[@]}" 2>/dev/null
wait $pid 2>/dev/null
wait_for 5 gone "${all[@]}"
acme_admin set challenge_seconds=0 >/dev/null
cv issue more.example also.more.example
eq "other names: status" $rc 0
[ $rc -eq 0 ] || show
eq "other names: they are in it" "$(sans more.example)" \
    "also.more.example more.example"
were=$((passed + failed))
[ "$were" -eq $count ] || fail "$count tests would be skipped, $were were made"
t_end
