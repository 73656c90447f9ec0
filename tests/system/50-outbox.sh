#!/bin/bash
# Messages: retries keep their webhook-id, a receiver that is gone is switched
# off and said through another, none stops another, programs get certspotter's
# variables, replay, what secrets look like from outside.
#
#   bash tests/system/50-outbox.sh build/release
#
# takes: 15

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 50-outbox "${1:-}"

t_rig --log log
t_sink
t_db outbox
mkdir "$T/hook"
chmod 777 "$T/hook"
cat > "$T/on-finding" <<END
#!/bin/sh
env | sort > $T/hook/env.\$\$
cat "\$CERT_FILENAME" > $T/hook/cert.\$\$
cat "\$JSON_FILENAME" > $T/hook/json.\$\$
cat > $T/hook/input.\$\$
: > $T/hook/done.\$\$
END
chmod 755 "$T/on-finding"
printf 'http://127.0.0.1:%d/slack/T0/secret\n' "$sink" > "$T/slack.url"
url=http://127.0.0.1:$sink
poll=1s t_conf outbox 'watch: [.corp.example]' 'channels:' \
    "  - {name: soc, kind: webhook, url: \"$url/webhook/soc\", secret_file: $T/secret}" \
    "  - {name: gone, kind: webhook, url: \"$url/webhook/gone\", secret_file: $T/secret}" \
    "  - {name: dead, kind: webhook, url: \"http://127.0.0.1:1/webhook\", secret_file: $T/secret}" \
    "  - {name: slack, kind: slack, url_file: $T/slack.url}" \
    "  - {name: hook, kind: exec, program: $T/on-finding}" \
    'routes:' '  - {match: {kind: [channel.failed]}, to: [slack]}' \
    '  - {to: [soc, gone, dead, slack, hook]}'
post "/_rig/log/fill?n=20&seed=1" >/dev/null
once
eq "first read" $rc 0

# --- one finding, five channels ----------------------------------------------------

post "$url/_sink/fail" \
    '{"path":"/webhook/soc","times":1,"status":500}' >/dev/null
post "$url/_sink/fail" \
    '{"path":"/webhook/gone","times":-1,"status":410}' >/dev/null
t_issue --name www.corp.example --submit "$rig/log" --out "$T/c" > "$T/issued"
sha=$(sed -n 's/.*"precert_sha256":"\([0-9a-f]*\)".*/\1/p' "$T/issued")
start
# records PATH STATUS: how many such deliveries the sink has seen.
records()
{
	grep "\"path\":\"$1\"" "$sink_log" | grep -c "\"status\":$2"
}
is()
{
	[ "$("${@:2}")" = "$1" ]
}
some()
{
	[ "$("$@")" -gt 0 ]
}
ok "slack is told at once" wait_for 20 some records /slack/T0/secret 200
ok "the program ran" wait_for 20 compgen -G "$T/hook/done.*"
ok "the first attempt fails" wait_for 20 is 1 records /webhook/soc 500
ok "the second arrives" wait_for 30 is 1 records /webhook/soc 204
ids=$(grep '"path":"/webhook/soc"' "$sink_log" |
    sed -n 's/.*"webhook_id":"\([^"]*\)".*/\1/p')
eq "both attempts have one webhook-id" "$(sort <<< "$ids" | uniq -c |
    tr -s ' ')" " 2 $(sql "select id from finding_event order by at limit 1")"
eq "and are both signed rightly" "$(grep '"path":"/webhook/soc"' "$sink_log" |
    grep -c '"verified":true')" 2

# 410: switched off, and its owner hears of it through another channel.
ok "gone is disabled" wait_sql 20 disabled \
    "select state from channel where name = 'gone'"
ok "and that is a finding" wait_sql 20 1 \
    "select count(*) from finding where kind = 'channel.failed'"
ok "told through another channel" wait_for 20 is 2 records \
    /slack/T0/secret 200
eq "one attempt is enough" "$(records /webhook/gone 410)" 1
cv channel list --json
ok "channel list says so" grep -q '"name": *"gone".*disabled' "$T/out"
ok "the dead one is tried again" wait_sql 20 t "select attempts > 0 and
    state = 'pending' from delivery where channel = 'dead' order by id limit 1"

# --- the program's environment -----------------------------------------------------

env=$(cat "$T"/hook/env.*)
has()
{
	ok "program: $1" grep -qE "^$1\$" <<< "$env"
}
has 'EVENT=discovered_cert'
has 'SUMMARY=.*www\.corp\.example.*'
has 'DNS_NAMES=www\.corp\.example'
has "CERT_SHA256=$sha"
has 'CERT_TYPE=precert'
has 'CERT_PARSEABLE=yes'
has 'LOG_URI=.*/log/?'
has 'ENTRY_INDEX=[0-9]+'
has 'WATCH_ITEM=\.corp\.example'
has 'SERIAL=[0-9a-f]+'
has 'NOT_BEFORE=.*'
has 'NOT_AFTER=.*'
has 'PUBKEY_SHA256=[0-9a-f]{64}'
has 'TBS_SHA256=[0-9a-f]{64}'
has 'ISSUER_(DN|PARSE_ERROR)=.*'
has 'CERT_FILENAME=.*'
ok "no secret in the environment" \
    test "$(grep -c "$(cut -d_ -f2 "$T/secret")" <<< "$env")" -eq 0
ok "CERT_FILENAME is PEM" grep -q 'BEGIN CERTIFICATE' "$T"/hook/cert.*
ok "JSON_FILENAME is JSON" python3 -m json.tool "$(ls "$T"/hook/json.*)" /dev/null
ok "it ran as the user of the daemon" \
    test "$(stat -c %u "$T"/hook/done.*)" -eq \
    "$(if [ "$(id -u)" -eq 0 ]; then id -u certvigil; else id -u; fi)"

# --- a receiver that was away for longer -----------------------------------------------

post "$url/_sink/fail" '{"path":"/webhook/soc","times":0}' >/dev/null
t_kill "$sink_pid"
t_issue --name two.corp.example --submit "$rig/log" --final-submit \
    --out "$T/c" > /dev/null
ok "tried while it is away" wait_sql 30 t "select count(*) = 1 from delivery
    where channel = 'soc' and state = 'pending' and attempts > 0"
was=$sink
: > "$T/sink.log"
t_sink --port "$was"
ok "arrives when it is back" wait_for 40 is 1 records /webhook/soc 204
eq "under the id of its event" \
    "$(grep '"path":"/webhook/soc"' "$sink_log" |
    sed -n 's/.*"webhook_id":"\([^"]*\)".*/\1/p')" \
    "$(sql "select e.id from finding_event e join finding f
	on f.id = e.finding_id where f.name = 'two.corp.example'")"

# --- commands beside a running daemon -------------------------------------------------

cv channel test soc
eq "channel test" "$rc" 0
ok "channel test arrives" wait_for 20 is 2 records /webhook/soc 204
cv channel test dead
ok "channel test of a dead one says so" test $rc -ne 0
n=$(sql "select count(*) from delivery where channel = 'soc'")
cv channel replay soc --since 2020-01-01
eq "channel replay" "$rc" 0
ok "replay arrives" wait_for 30 is 4 records /webhook/soc 204
eq "replay has the old ids" "$(grep '"path":"/webhook/soc"' "$sink_log" |
    sed -n 's/.*"webhook_id":"\([^"]*\)".*/\1/p' | sort -u |
    grep -cFf <(sql 'select id from finding_event'))" 2
cv route test www.corp.example --kind certificate.unexpected
eq "route test" $rc 0
for c in soc slack hook; do
	ok "route test names $c" grep -q "$c (" "$T/out"
done
stop
eq "SIGTERM" $rc 0
t_end
