#!/bin/bash
# renew: what is due by its age or by the CA's word is ordered again, the rest
# is left; what fails waits; the old certificate stays until the new one is
# there.
#
#   bash tests/system/98-renew.sh build/release
#
# Needs python3-cryptography (the rig's ACME CA).
#
# takes: 12

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/rig/acme.sh
t_begin 98-renew "${1:-}"

t_db renew
port=$(_acme_port)
mkdir "$T/ca"

acme_ca "$T/ca" --http --http-port "$port" --resolve 127.0.0.1 \
    --vantage 1 --no-caa
if [ $? -eq 77 ]; then
	skip 1 "python3-cryptography is not installed"
	t_end
fi
conf=$T/c.yaml
cat > "$conf" <<END
database: "$db"
state_dir: $T/state
contact: https://watcher.example.org/
egress: {allow_private: [127.0.0.0/8]}
acme:
  directory: $ACME_URL
  ct: false
  challenges: {http-01: {listen: "127.0.0.1:$port"}}
managed:
  - {names: [kept.example, www.kept.example]}
END

# Serial that is served as NAME.
serial()
{
	openssl x509 -in "$T/state/live/$1/cert.pem" -noout -serial |
	    sed 's/.*=//'
}

# Orders that said which certificate they replace.
replacing()
{
	acme_show orders | python3 -c 'import json, sys
print(sum(1 for o in json.load(sys.stdin) if o.get("replaces")))'
}

# Does the deployed key belong to the deployed certificate?
fits()
{
	local d=$T/state/live/$1

	[ "$(openssl pkey -in "$d/key.pem" -pubout)" = \
	    "$(openssl x509 -in "$d/cert.pem" -noout -pubkey)" ]
}

renewed()
{
	sed -n 's/^\([0-9]* renewed, [0-9]* failed, [0-9]* not due\)$/\1/p' \
	    "$T/out"
}

cv renew --dry-run
eq "never issued is due: exit" $rc 0
ok "and named" grep -q '^kept.example: would be renewed' "$T/out"
ok "nothing is ordered" test ! -e "$T/state/live/kept.example"
cv renew
eq "the first one: exit" $rc 0
eq "one" "$(renewed)" "1 renewed, 0 failed, 0 not due"
ok "its key fits" fits kept.example
cv renew
eq "not due: exit" $rc 0
eq "not due" "$(renewed)" "0 renewed, 0 failed, 1 not due"

# --- the same key again, where that is asked for ------------------------------------------

key_of()	{ openssl x509 -in "$T/state/live/$1/cert.pem" -noout -pubkey; }

cv issue reuse.example --reuse-key
eq "the first one has a new key: exit" $rc 0
key=$(key_of reuse.example) was=$(serial reuse.example)
cv renew reuse.example
ok "another certificate" test "$(serial reuse.example)" != "$was"
eq "the same key" "$(key_of reuse.example)" "$key"
ok "it fits" fits reuse.example
cv issue reuse.example --reuse-key --key rsa2048
ok "not one of another kind" test "$(key_of reuse.example)" != "$key"
key=$(key_of reuse.example)
cp "$T/state/live/reuse.example/cert.pem" "$T/stolen.pem"
chmod 644 "$T/stolen.pem"
cv known import --compromised "$T/stolen.pem"
eq "it is stolen: exit" $rc 0
cv renew reuse.example
eq "renewed: exit" $rc 0
ok "not one that is compromised" test "$(key_of reuse.example)" != "$key"
key=$(key_of kept.example)
cv renew kept.example
ok "a new one where it is not" test "$(key_of kept.example)" != "$key"
cv managed remove reuse.example

# --- a profile that must be there ---------------------------------------------------------

cv issue p.example --profile tlsserver --require-profile
eq "a profile that there is: exit" $rc 0
cv issue q.example --profile nosuch --require-profile
eq "one that there is not: exit" $rc 78
ok "is named" grep -q nosuch "$T/err"
ok "nothing is ordered without it" test ! -e "$T/state/live/q.example"
cv issue q.example --profile nosuch
eq "a preferred one: exit" $rc 0
for n in p q; do
	cv managed remove $n.example
done
cv managed remove q.example

# --- by age -----------------------------------------------------------------------

cv issue hand.example
eq "by hand: exit" $rc 0
was=$(serial hand.example)
# without advice: two thirds of 90 days are over
sql "update managed_certificate set not_before = now() - interval '61 days',
    not_after = now() + interval '29 days', ari_id = null
    where name = 'hand.example'" >/dev/null
cv renew
eq "by its age: exit" $rc 0
eq "one of two" "$(renewed)" "1 renewed, 0 failed, 1 not due"
ok "another one is served" test "$(serial hand.example)" != "$was"
ok "its key fits" fits hand.example

# --- by the CA's word ---------------------------------------------------------------

acme_admin ari start=2026-01-01T00:00:00Z end=2026-01-02T00:00:00Z \
    explanationURL=https://ca.example/why name=kept.example > "$T/said"
was=$(serial kept.example)
cv renew
eq "asked a moment ago, so not yet" "$(renewed)" "0 renewed, 0 failed, 2 not due"
sql "update managed_certificate set ari_next = now()" >/dev/null
before=$(replacing)
cv renew
eq "moved into the past: exit" $rc 0
eq "due" "$(renewed)" "1 renewed, 0 failed, 1 not due"
ok "it is said" grep -q 'kept.example: the CA asks for early renewal' "$T/err"
ok "another one is served" test "$(serial kept.example)" != "$was"
eq "that was news, and is over" "$(sql "select state from finding where
    kind = 'renewal.requested' and name = 'kept.example'")" resolved
eq "the order says which one it replaces" "$(replacing)" $((before + 1))

# a time in the window is chosen once
acme_admin ari start=2035-01-01T00:00:00Z end=2036-01-01T00:00:00Z \
    > "$T/said"
sql "update managed_certificate set ari_next = now()" >/dev/null
cv renew
pick="select string_agg(ari_pick::text, ' ' order by name)
    from managed_certificate"
was=$(sql "$pick")
sql "update managed_certificate set ari_next = now()" >/dev/null
cv renew
eq "the same time" "$(sql "$pick")" "$was"
eq "in the window" "$(sql "select bool_and(ari_pick between '2035-01-01' and
    '2036-01-01') from managed_certificate")" t
sql "update managed_certificate set not_before = now() - interval '85 days',
    not_after = now() + interval '5 days' where name = 'hand.example'" \
    >/dev/null
cv renew
eq "advice does not let it expire" "$(renewed)" \
    "1 renewed, 0 failed, 1 not due"

# --- by run itself -----------------------------------------------------------------------

cat >> "$conf" <<END
audit: {every: 1s}
log_list: {file: $T/none.json, signature_key: none}
END
echo '{"version": "1", "log_list_timestamp": "2026-11-27T00:00:00Z",
    "operators": []}' > "$T/none.json"
was=$(serial kept.example)
sql "update managed_certificate set not_before = now() - interval '85 days',
    not_after = now() + interval '5 days' where name = 'kept.example'" \
    >/dev/null
start
wait_sql 20 t "select not_after > now() + interval '80 days'
    from managed_certificate where name = 'kept.example'"
eq "the daemon renews" $? 0
wait_for 5 fits kept.example
ok "another one is served" test "$(serial kept.example)" != "$was"
stop
ok "said once" test "$(grep -c 'kept.example: renewed' "$T/run.log")" -eq 1

# --- failures -------------------------------------------------------------------------

was=$(serial kept.example)
acme_stop "$T/ca"
cv renew kept.example
eq "the CA is away: exit" $rc 1
eq "the old one is served" "$(serial kept.example)" "$was"
ok "its key fits" fits kept.example
cv renew kept.example
eq "twice is no news" "$(sql "select count(*) from finding where
    kind = 'renewal.failed'")" 0
for n in 3 4; do
	cv renew kept.example
done
eq "the third time it is" "$(sql "select severity || ' ' || state from finding
    where kind = 'renewal.failed' and subject = 'kept.example'")" "high open"
ok "and waits" test "$(sql "select next_at > now() + interval '90 minutes'
    from managed_certificate where name = 'kept.example'")" = t
cv renew nobody.example
eq "no such certificate: exit" $rc 1
cv renew a.example b.example
eq "two names: exit" $rc 64
t_end
