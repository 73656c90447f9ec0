#!/bin/bash
# A proxy between certvigil and a CA cuts one request of an order before,
# during and after its answer, one at a time: the order is done or fails with
# one sentence, the next try goes on with it, one certificate is made, and no
# key is without an order.  The same for an account's registration, another
# key for it, and a revocation.
#
#   bash tests/system/97-acme-cut.sh build/release   some, by a seed; LONG=1: all
#   SEED=N bash ...                                  the same ones again
#
# takes: 16

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 97-acme-cut "${1:-}"
. tests/rig/acme.sh
. tests/system/acme.sh
seed=${SEED:-$((0x$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')))}
RANDOM=$((seed % 32768))
count=18
modes=(lost before during after)
if ! _acme_need pebble pebble-challtestsrv || ! _acme_python; then
	skip $count "pebble or python3-cryptography is missing"
	t_end
fi
hp=$(_acme_port)

# The next plan of the proxy; counts from 0 again.
plan()
{
	curl -sk -d "{\"at\":\"$1\"}" "$ACME_PROXY/plan" >/dev/null ||
	    fail "the proxy takes no plan"
}

stat_of()
{
	curl -sk "$ACME_PROXY/stats" | json_int "$1"
}

bad()
{
	wrong=$((wrong + 1))
	[ $wrong -gt 8 ] || {
		echo "$part: request $n $mode: $*: $(cat "$T/err")" >&2
		curl -sk "$ACME_PROXY/stats" | grep -o '"cuts".*' >&2
	}
}

# The last command ended well without a word, or with one sentence.
ended()
{
	local lines

	lines=$(wc -l < "$T/err")
	case $rc in
	0)	[ "$lines" = 0 ] || bad "says $lines lines" ;;
	1)	failures=$((failures + 1))
		[ "$lines" = 1 ] || bad "says $lines lines" ;;
	*)	bad "exit $rc" ;;
	esac
	! grep -q 'ERROR\|Sanitizer' "$T/err" || bad "a fault of ours"
}

# each PART N COUNT: request and mode, one a line: all of them with LONG, else
# as many of them, by the seed.
each()
{
	local i m

	for ((i = 1; i <= $1; i++)); do
		for m in "${modes[@]}"; do
			echo "$RANDOM $i $m"
		done
	done | if [ -n "${LONG:-}" ]; then cat; else sort -n | head -n "$2"; fi
}

# How many requests a command makes when nobody interferes.
requests()
{
	plan 999999:lost
	cv --quiet "$@"
	[ $rc = 0 ] || { fail "$part: undisturbed"; show; }
	total=$(stat_of requests)
}

part_end()
{
	echo "$part: $total requests, $cuts cuts, $failures failed cleanly," \
	    "$resumed gone on with"
	ok "$part: something was cut" test $cuts -gt 0
	eq "$part: nothing was wrong" $wrong 0
}

part_begin()
{
	part=$1 wrong=0 cuts=0 failures=0 resumed=0
}

# --- orders ---------------------------------------------------------------------------

# orders SAMPLES NAME...: of the CA that certs() counts for.
orders()
{
	local samples=$1 before url open list

	shift
	requests issue "$@"
	list=$(each "$total" "$samples")
	while read -r _ n mode; do
		plan "$n:$mode"
		before=$(certs)
		cv --quiet issue "$@"
		ended
		cuts=$((cuts + $(stat_of "$mode")))
		[ $rc = 0 ] || {
			open=$(sql "select url from acme_order where state =
			    'open'")
			plan 999999:lost
			cv --quiet issue "$@"
			[ $rc = 0 ] || bad "the next one fails"
			url=$(sql "select url from acme_order where state =
			    'valid' order by id desc limit 1")
			[ -z "$open" ] || [ "$open" = "$url" ] ||
			    bad "not gone on with $open"
			[ -z "$open" ] || resumed=$((resumed + 1))
		}
		[ $(($(certs) - before)) = 1 ] ||
		    bad "$(($(certs) - before)) certificates"
		is_complete "$1" 2>>"$T/err" || bad "not whole"
	done <<< "$list"
	part_end
	eq "$part: no key without an order, no order without its key" \
	    "$(cd "$state/keys/cert" && ls | sed 's/\.key$//' | sort)" \
	    "$(sql "select key_id from acme_order order by key_id collate \"C\"")"
	eq "$part: as many certificates as orders" "$(certs)" "$(sql "select
	    count(*) from acme_order where state = 'valid'")"
	eq "$part: no order is open" "$(sql "select count(*) from acme_order
	    where state = 'open'")" 0
}

# --- accounts -------------------------------------------------------------------------

accounts()
{
	get "$ACME_ADMIN/accounts" | grep -o '"status": *"valid"' | wc -l
}

registrations()
{
	local before list

	a_conf reg0 "http-01: {listen: \"127.0.0.1:$hp\"}"
	requests account register
	list=$(each "$total" "$1")
	while read -r _ n mode; do
		sql "delete from acme_account" >/dev/null
		a_conf "reg$n$mode" "http-01: {listen: \"127.0.0.1:$hp\"}"
		before=$(accounts)
		plan "$n:$mode"
		cv --quiet account register
		ended
		cuts=$((cuts + $(stat_of "$mode")))
		[ $rc = 0 ] || {
			plan 999999:lost
			cv --quiet account register
			[ $rc = 0 ] || bad "the next one fails"
		}
		[ $(($(accounts) - before)) = 1 ] ||
		    bad "$(($(accounts) - before)) accounts"
		eq "$part: one key" "$(ls "$state/keys/account" | wc -l)" 1
	done <<< "$list"
	part_end
}

rollovers()
{
	local list was

	requests account rollover
	list=$(each "$total" "$1")
	while read -r _ n mode; do
		was=$(sql "select thumbprint from acme_account")
		plan "$n:$mode"
		cv --quiet account rollover --key p384
		ended
		cuts=$((cuts + $(stat_of "$mode")))
		plan 999999:lost
		[ $rc = 0 ] || {
			cv --quiet account rollover --key p256
			[ $rc = 0 ] || bad "the next one fails"
		}
		ended
		[ "$was" != "$(sql "select thumbprint from acme_account")" ] ||
		    bad "the same key"
		get "$ACME_ADMIN/accounts" | grep -qF -- "$(sql "select thumbprint
		    from acme_account")" || bad "the CA has another key"
		[ "$(ls "$state/keys/account" | grep -c next)" = 0 ] ||
		    bad "a next key is left"
	done <<< "$list"
	part_end
}

revocations()
{
	local list k=0

	plan 999999:lost
	cv --quiet issue r0.example
	requests revoke r0.example --reason superseded
	list=$(each "$total" "$1")
	while read -r _ n mode; do
		k=$((k + 1))
		plan 999999:lost
		cv --quiet issue r$k.example
		[ $rc = 0 ] || bad "no certificate to revoke"
		plan "$n:$mode"
		cv --quiet revoke r$k.example --reason superseded
		ended
		cuts=$((cuts + $(stat_of "$mode")))
		[ $rc = 0 ] || {
			plan 999999:lost
			cv --quiet revoke r$k.example --reason superseded
			[ $rc = 0 ] || bad "the next one fails"
			ended
		}
		acme_show cert name=r$k.example | grep -q '"revoked": *{' ||
		    bad "it is not revoked"
	done <<< "$list"
	part_end
}

# --- the rig's CA ---------------------------------------------------------------------

echo "seed $seed"
certs()
{
	get "$ACME_ADMIN/certs" | grep -o '"serial"' | wc -l
}

acme_ca "$T/ca" --http-port "$hp" --slow 0.01 || exit 1
acme_proxy "$T/ca" || exit 1
t_db cut
a_conf cut "http-01: {listen: \"127.0.0.1:$hp\"}"
part_begin "acmeca"
orders 7 cut.example
if [ -n "${LONG:-}" ]; then
	part_begin "acmeca, three names"
	t_db cut3
	a_conf cut3 "http-01: {listen: \"127.0.0.1:$hp\"}"
	wasted=$(certs)
	eval "certs() { echo \$((\$(get \"\$ACME_ADMIN/certs\" |
	    grep -o '\"serial\"' | wc -l) - $wasted)); }"
	orders 999 a.cut.example b.cut.example c.cut.example
fi
t_db cutacct
part_begin "register"
registrations 2
part_begin "rollover"
a_conf cutacct "http-01: {listen: \"127.0.0.1:$hp\"}"
sql "delete from acme_account" >/dev/null
cv --quiet account register
rollovers 3
part_begin "revoke"
revocations 2
acme_stop "$T/ca"

# --- pebble ---------------------------------------------------------------------------

certs()
{
	grep -c 'Issued certificate serial' "$T/pb/pebble.out"
}

acme_challtestsrv "$T/dns" &&
    acme_pebble "$T/pb" "http=$hp" "dns=$ACME_DNS" || exit 1
acme_proxy "$T/pb" || exit 1
t_db pebble
a_conf pebble "http-01: {listen: \"127.0.0.1:$hp\"}"
part_begin "pebble"
orders 4 cut.example
t_end
