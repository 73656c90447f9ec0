#!/bin/bash
# respond to a wildcard: its names are proven with records on a real name
# server, and what a response that was killed had placed there is taken away by
# the next one, which goes on with the same order.
#
#   bash tests/system/99-respond-dns.sh build/release
#
# Needs python3-cryptography (the rig's ACME CA), knot.

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/rig/acme.sh
t_begin 99-respond-dns "${1:-}"

if ! _acme_python 2>/dev/null || ! _acme_need knotd 2>/dev/null; then
	skip 8 "python3-cryptography or knot is not installed"
	t_end
fi
http=$(_acme_port)
mkdir "$T/ca"
t_rig --log log
acme_knot "$T/knot" corp.example example || exit 1
echo "$ACME_TSIG_SECRET" > "$T/tsig"
acme_ca "$T/ca" --log "$rig/log" --http --http-port "$http" --dns \
    "$ACME_DNS" --vantage 1 --no-caa || exit 1
t_db respond-dns
t_conf dns 'watch: [.corp.example]' \
    "audit: {resolvers: [\"${ACME_DNS/:/@}\"]}" 'acme:' \
    "  directory: $ACME_URL" '  challenges:' \
    "    http-01: {listen: \"127.0.0.1:$http\"}" '    dns-01:' \
    "      rfc2136: {server: \"${ACME_DNS/:/@}\", key_name: $ACME_TSIG_NAME, secret_file: $T/tsig}" \
    '      check: none'
post "/_rig/log/fill?n=5&seed=1" >/dev/null
once
eq "first read" $rc 0
acme_admin issue 'names=*.corp.example,corp.example,a.corp.example' \
    > "$T/theirs" || fail "acmeca: issue"
once
eq "it is read" "$rc $(sql "select count(*) from finding where kind =
    'certificate.unexpected'")" "0 1"
id=$(sql "select id from finding where kind = 'certificate.unexpected'")

# The records that are there: their number.
placed()
{
	"$_acme_py" tests/rig/dnsd.py --ask "$ACME_DNS" \
	    _acme-challenge.corp.example TXT | grep -o '"TXT"' | wc -l
}
is_placed()	{ [ "$(placed)" = 1 ]; }

cv respond "$id"
eq "the plan" "$rc $(grep -c '\*.corp.example: dns-01' "$T/out") $(grep -c \
    'IN CAA 0 issuewild .*validationmethods=dns-01"' "$T/out")" "0 1 1"
acme_fault stall at=challenge n=60
"$prog" --config "$conf" respond "$id" --yes >"$T/out" 2>&1 &
pid=$!
ok "a record is placed" wait_for 20 is_placed
ok "an order is stored" wait_sql 20 1 "select count(*) from respond_flow
    where position('/order/' in convert_from(state, 'UTF8')) > 0"
kill -9 $pid
wait $pid 2>/dev/null
acme_honest
cv respond "$id" --yes
eq "again" "$rc $(grep -c ': revoked' "$T/out")" "0 1"
[ $rc -eq 0 ] || show
eq "in the same order" "$(acme_show orders | grep -o '"identifiers"' |
    wc -l)" 1
eq "nothing is left in the zone, nor of the order" "$(placed) $(sql "select
    count(*) from respond_flow")" "0 0"
t_end
