#!/bin/bash
# Reading logs: both protocols, from the beginning and from now, exactly the
# matches that were planted, a second run at once, growth, the webhook.
#
#   bash tests/system/30-read.sh build/release
#
# takes: 10

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 30-read "${1:-}"

# --- from the beginning -------------------------------------------------------

t_rig --log rfc --log static,proto=static --log hybrid,hybrid=1 \
    --log rsa,key=rsa,cap=64
t_db begin
t_conf begin 'watch: [.corp.example, exact.example.net, "xn--bcher-kva.example"]'

for l in rfc static hybrid rsa; do
	post "/_rig/$l/fill?n=1500&seed=$RANDOM" >/dev/null
done
# What must match, and what must not.
names=(www.corp.example corp.example '*.corp.example' a.b.c.corp.example
    exact.example.net xn--bcher-kva.example)
near=(notcorp.example corp.example.org www.exact.example.net corp.exampl
    example.net mail.xn--bcher-kva.example)
all=(--submit "$rig/rfc" --submit "$rig/static" --submit "$rig/hybrid"
    --submit "$rig/rsa" --final-submit)
for n in "${names[@]}"; do
	t_issue --name "$n" "${all[@]}" --out "$T/c"
done | sed -n 's/.*"tbs_sha256":"\([0-9a-f]*\)".*/\1/p' | sort > "$T/want"
for n in "${near[@]}"; do
	t_issue --name "$n" "${all[@]}" --out "$T/c" > /dev/null
done
for l in rfc static hybrid rsa; do
	post "/_rig/$l/fill?n=1500&seed=$RANDOM" >/dev/null
done

once
eq "run --once" $rc 0
[ $rc -eq 0 ] || show
eq "entries proven" "$(sql 'select min(size_to), max(size_to), count(*) from log_range')" \
    "$((3000 + 2 * (${#names[@]} + ${#near[@]})))|$((3000 + 2 * (${#names[@]} + ${#near[@]})))|4"
# precertificate and certificate in each of four logs
eq "matches" "$(sql 'select count(*) from entry_match')" $((${#names[@]} * 8))
eq "issuances" "$(sql "select encode(tbs_sha256, 'hex') from issuance order by 1")" \
    "$(cat "$T/want")"
eq "no finding" "$(sql 'select count(*) from finding')" 0
cv matches --json
eq "matches: status" $rc 0
eq "matches: lines" "$(wc -l < "$T/out")" $((${#names[@]} * 8))
eq "matches: hashes" "$(sed -n 's/.*"tbs_sha256":"\([0-9a-f]*\)".*/\1/p' \
    "$T/out" | sort -u)" "$(cat "$T/want")"

once
eq "second run --once" $rc 0
eq "second: nothing new" "$(sql 'select count(*) from entry_match')" \
    $((${#names[@]} * 8))
for l in rfc static hybrid rsa; do
	# the head, and nothing but the head
	get "$rig/_rig/$l/stats" > "$T/stats.$l"
done
once
for l in rfc static hybrid rsa; do
	eq "third run reads no entry of $l" \
	    "$(get "$rig/_rig/$l/stats" | grep -o '"\(get-entries\|data\)":[0-9]*' | sort)" \
	    "$(grep -o '"\(get-entries\|data\)":[0-9]*' "$T/stats.$l" | sort)"
done
t_kill "$rig_pid"
once
eq "logs away" $rc 1

# --- from now, with growth and a webhook -----------------------------------------

rm -rf "$T/rig"
t_rig --log rfc --log static,proto=static
t_sink
for l in rfc static; do
	post "/_rig/$l/fill?n=700&seed=$RANDOM" >/dev/null
	t_issue --name old.corp.example --submit "$rig/$l" --final-submit \
	    --out "$T/c" >/dev/null
	post "/_rig/$l/fill?n=77&seed=$RANDOM" >/dev/null
done
t_db now
from=now poll=1s t_conf now 'watch: [.corp.example]' 'channels:' \
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}" \
    'routes:' '  - {to: [soc]}'
start
ok "both logs start at their end" wait_sql 20 2 \
    'select count(*) from log_range where size_to = 779'
fetches()
{
	for p in $(pids_of "$run_pid"); do
		cat "/proc/$p/comm"
	done | grep -c '^cv-fetch$'
}
eq "logs and webhooks: nobody asks about revocation" "$(fetches)" 2
for l in rfc static; do
	post "/_rig/$l/fill?n=300&seed=$RANDOM" >/dev/null
	t_issue --name "new-$l.corp.example" --submit "$rig/$l" \
	    --final-submit --out "$T/c" >/dev/null
	post "/_rig/$l/fill?n=300&seed=$RANDOM" >/dev/null
done
delivered()
{
	[ "$(grep -c '"status":204' "$sink_log")" -ge "$1" ]
}
ok "two webhooks" wait_for 30 delivered 2
ok "both logs are read to their end" wait_sql 20 2 \
    'select count(*) from log_range where size_to = 1381'
eq "what was there before is not read" \
    "$(sql "select string_agg(distinct name, ' ') from entry_match")" \
    "new-rfc.corp.example new-static.corp.example"
eq "each entry once" "$(sql 'select count(*), count(distinct (log_ref, index)) from entry_match')" '4|4'
eq "findings" "$(sql 'select kind, name, proven from finding order by name')" \
    "certificate.unexpected|new-rfc.corp.example|t
certificate.unexpected|new-static.corp.example|t"
sleep 1
eq "deliveries" "$(grep -c . "$sink_log")" 2
eq "all verified" "$(grep -c '"verified":true' "$sink_log")" 2
stop
eq "SIGTERM ends it in order" $rc 0
eq "the log says no error" "$(grep -c 'error' "$T/run.log")" 0

# A restarted daemon goes on where it was.
post "/_rig/rfc/fill?n=50&seed=9" >/dev/null
once
eq "run --once behind a daemon" "$rc" 0
eq "goes on where it was" "$(sql 'select max(size_to) from log_range')" 1431
t_end
