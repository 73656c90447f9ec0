#!/bin/bash
# kill -9 at seeded moments while a certificate is ordered, while it is put in
# its place, and while the account gets another key: what is served is always
# whole, the next try goes on with the same order and the same key, no
# certificate is asked for twice, and the key that the CA knows is never lost.
#
#   bash tests/system/97-acme-kill.sh build/release  20 kills; LONG=1: 200
#   SEED=N bash ...                                  the same moments again
#
# takes: 36

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 97-acme-kill "${1:-}"
. tests/rig/acme.sh
. tests/system/acme.sh
orders=8 deploys=6 rolls=6
[ -z "${LONG:-}" ] || orders=90 deploys=60 rolls=50
count=38
seed=${SEED:-$((0x$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')))}
RANDOM=$((seed % 32768))
echo "seed $seed, kills: $orders, $deploys, $rolls"
hp=$(_acme_port)
if ! acme_ca "$T/ca" --http-port "$hp" --nonce-reject 20 --slow 0.02; then
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

# Once the supervisor is gone nothing of it goes on.
end_all()
{
	local pid=$1

	shift
	kill -9 "$@" 2>/dev/null
	wait_for 20 gone "$@" || broken "kill $k: something does not end"
	wait "$pid" 2>/dev/null
}

broken()
{
	broken=$((broken + 1))
	echo "$*" >> "$T/why"
}

# $1 tenths of a millisecond; without a process, which would take longer.
exec {never}<> <(:)
pause()
{
	[ "$1" = 0 ] || read -rt "$(($1 / 10000)).$(printf %04d \
	    $(($1 % 10000)))" -u "$never"
}

begin()
{
	"$prog" --config "$conf" issue $host >"$T/k.out" 2>"$T/k.err" &
	pid=$!
}

# Whatever was killed: what is served is whole; the next try ends well, goes
# on with what was begun, with its key, and asks for one certificate at most.
next_is_well()
{
	local before after open

	is_complete $host 2>>"$T/why" || broken "kill $k after $at ms"
	open=$(sql "select key_id from acme_order where state = 'open'")
	before=$(certs)
	cv issue $host
	[ $rc = 0 ] || {
		failed_next=$((failed_next + 1))
		echo "after kill $k at $at ms: $(tail -n 1 "$T/err")" >&2
	}
	is_complete $host 2>>"$T/why" || broken "after kill $k"
	[ "$(ls -A "$live/.versions" | grep -c '^\.')" = 0 ] ||
	    broken "after kill $k: $(ls -A "$live/.versions")"
	after=$(certs)
	# at most one for what was interrupted and what followed
	[ $((after - before)) -le 1 ] || second=$((second + 1))
	[ -z "${VERBOSE:-}" ] ||
	    echo "kill $k: $at ms, open \"$open\", certs $before $after"
	if [ -n "$open" ] && [ "$(sql "select count(*) from acme_order where
	    key_id = '$open' and state = 'failed'")" = 0 ]; then
		resumed=$((resumed + 1))
		[ "$(sql "select key_id from managed_certificate")" = "$open" ] ||
		    lost=$((lost + 1))
	fi
}

# --- while it is ordered ------------------------------------------------------------

# How long it takes when nobody interferes: moments are drawn from that.
cv issue $host
eq "undisturbed" $rc 0
[ $rc -eq 0 ] || show
start=$(date +%s%N)
cv issue $host
took=$((($(date +%s%N) - start) / 1000000))
first=$took
broken=0 failed_next=0 lost=0 second=0 hit=0 resumed=0

# The machine is not equally busy all the time: when what is to be interrupted
# is over before the moment comes, moments are drawn closer, and there are more.
enough()
{
	[ $k -gt $orders ] && [ $hit -gt $((orders / 4)) ] &&
	    [ $resumed -gt 0 ]
}

for ((k = 1; k <= 4 * orders; k++)); do
	! enough || break
	begin
	# one in each part of the time that an order takes
	at=$((((k - 1) % orders * took + RANDOM % (took + 1)) / orders))
	pause $((at * 10))
	mapfile -t all < <(below $pid)
	# all of them, or only one
	if [ $((RANDOM % 2)) = 0 ]; then
		end_all $pid "${all[@]}"
	else
		kill -9 "${all[$((RANDOM % ${#all[@]}))]}" 2>/dev/null
		wait_for 20 gone $pid || broken "kill $k: does not end"
		end_all $pid "${all[@]}"
	fi
	if [ -s "$T/k.out" ]; then
		took=$((took * 4 / 5 + 1))
	else
		hit=$((hit + 1))
	fi
	next_is_well
done
took="$first to $took"
echo "took $took ms; interrupted $hit, gone on with $resumed"
ok "some were interrupted" test $hit -gt $((orders / 4))
ok "some were gone on with" test $resumed -gt 0

# --- while it is put in its place ---------------------------------------------------

half=0 done=0 resumed=0
for ((k = 1; k <= deploys; k++)); do
	was=$(readlink "$live/$host")
	begin
	until grep -q 'asking for' "$T/k.err" || gone $pid; do
		:
	done
	mapfile -t all < <(below $pid)
	# from when the folder of the version is made
	for ((i = 1; i < 400000; i++)); do
		set -- "$live/.versions/.$host-"*
		[ ! -e "$1" ] || break
		[ $((i % 500)) != 0 ] || ! gone $pid || break
	done
	# tenths of a millisecond; every other one at once
	at=$((k % 2 * (RANDOM % 40)))
	pause $at
	end_all $pid "${all[@]}"
	compgen -G "$live/.versions/.$host-*" >/dev/null && half=$((half + 1))
	[ "$(readlink "$live/$host")" = "$was" ] || done=$((done + 1))
	next_is_well
done
echo "deploy: half written $half, exchanged $done, gone on with $resumed"
ok "some died before or after the exchange" test $((half + done)) -gt 0
ok "deploy: some were gone on with" test $resumed -gt 0
ok "old versions are kept, not all" test "$(ls "$live/.versions" |
    grep -c "^$host-")" -le 11
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
eq "the newest is served" "$(sql "select encode(cert_sha256, 'hex') from
    managed_certificate")" "$(openssl x509 -in "$live/$host/cert.pem" \
    -outform der | sha256sum | cut -d' ' -f1)"
missing=0
for key in $(sql "select key_id from acme_order"); do
	[ -s "$state/keys/cert/$key.key" ] || missing=$((missing + 1))
done
eq "no key is lost" $missing 0

# --- another key for the account ----------------------------------------------------

thumb()
{
	sql "select thumbprint from acme_account where status = 'valid'"
}

# What the CA has, of all its accounts.
known_there()
{
	get "$ACME_ADMIN/accounts" | grep -o '"thumbprint": *"[^"]*"' |
	    cut -d'"' -f4
}

nexts()
{
	find "$state/keys/account" -name '*.next' | wc -l
}

# $1: how the account's key is of use; "" where it is not.
key_is()
{
	cv --json account show
	get "$ACME_ADMIN/accounts" | grep -o '"crv": *"[^"]*"\|"kty": *"RSA"' |
	    tail -n 1 | sed 's/.*"P-/p/; s/"kty.*/rsa/; s/"//g'
}

for kind in p384 rsa2048 p256; do
	was=$(thumb)
	cv account rollover --key $kind
	eq "rollover to $kind" "$rc $(key_is)" "0 ${kind%2048}"
	[ $rc = 0 ] || show
	ok "it is another one" test "$was" != "$(thumb)"
	eq "which the CA has" "$(known_there)" "$(thumb)"
done
cv account rollover --key p512
eq "a kind that there is not" "$rc $(grep -c 'p256, p384' "$T/err")" '64 1'
acme_fault slow at=keyChange n=0.15
start=$(date +%s%N)
cv account rollover
took=$((($(date +%s%N) - start) / 1000000))
failed_next=0 left=0 rolled=0 differ=0
kinds=(p256 p384 p256 rsa2048)
for ((k = 1; k <= rolls || (left == 0 && k <= 4 * rolls); k++)); do
	was=$(thumb)
	"$prog" --config "$conf" account rollover \
	    --key "${kinds[$((RANDOM % 3))]}" >"$T/k.out" 2>"$T/k.err" &
	pid=$!
	at=$((((k - 1) % rolls * took + RANDOM % (took + 1)) / rolls))
	pause $((at * 10))
	! gone $pid || took=$((took * 4 / 5 + 1))
	mapfile -t all < <(below $pid)
	end_all $pid "${all[@]}"
	left=$((left + $(nexts)))
	# what comes next may be a use of the account, or another rollover
	case $((RANDOM % 3)) in
	0)	cv issue $host ;;
	1)	cv account rollover --key "${kinds[$((RANDOM % 4))]}" ;;
	2)	cv account rollover ;;
	esac
	[ $rc = 0 ] || {
		failed_next=$((failed_next + 1))
		echo "after kill $k at $at ms: $(tail -n 1 "$T/err")" >&2
	}
	[ "$was" = "$(thumb)" ] || rolled=$((rolled + 1))
	[ "$(known_there)" = "$(thumb)" ] || differ=$((differ + 1))
	[ -z "${VERBOSE:-}" ] || echo "kill $k: $at ms, rc $rc"
done
echo "rollover: took $took ms, begun $left, rolled $rolled"
ok "rollover: some were begun" test $left -gt 0
eq "rollover: the next one always succeeds" $failed_next 0
eq "rollover: the CA has the key that is in use" $differ 0
cv account rollover
eq "rollover: nothing is left of them" "$rc $(nexts)" '0 0'
eq "one account" "$(get "$ACME_ADMIN/accounts" | grep -o '"status": *"valid"' |
    wc -l)" 1

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
k=more
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
