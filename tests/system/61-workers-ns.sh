#!/bin/bash
# Three hosts with a worker each, a database and two logs that all reach: work
# is shared, and kill -9 of any host at random moments loses nothing and doubles
# nothing.
#
#   bash tests/system/61-workers-ns.sh build/release  20 kills; LONG=1: 200
#   SEED=N bash ...                                   the same choices again
#
# takes: 30

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/system/ns.sh
unset CERTVIGIL_TEST_DB
t_begin 61-workers-ns "${1:-}"
ns_begin || {
	skip 1 "$ns_why"
	t_end
}
kills=20
[ -z "${LONG:-}" ] || kills=200
seed=${SEED:-$((0x$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')))}
RANDOM=$((seed % 32768))
echo "seed $seed, $kills kills"

ns_pg
t_db workers
port=$((RANDOM % 20000 + 30000))
t_rig --port $port --listen "$ns_us" --url "http://$ns_us:$port" \
    --log rfc --log static,proto=static
[ -n "$rig_port" ] || exit 1
t_sink --listen "$ns_us"
poll=1s t_conf main 'worker: {lease: 2s}' 'watch: [.corp.example]' 'channels:' \
    "  - {name: soc, kind: webhook, url: \"http://$ns_us:$sink/webhook\", secret_file: $T/secret}" \
    'routes:' '  - {to: [soc]}'
sed -i "s|^log_list:.*|log_list: {url: http://$ns_us:$port/$list, signature_key: none, apple: none}|
    s|allow_private:.*|allow_private: [\"$ns_net\"]}|" "$conf"
for l in rfc static; do
	post "/_rig/$l/fill?n=200&seed=$RANDOM" >/dev/null
done
once
eq "first read" $rc 0
[ $rc -eq 0 ] || show

# a host's own configuration: no watches, no channels
for h in 1 2 3; do
	ns_host w$h
	sed "s|^state_dir:.*|state_dir: $T/state-w$h|
	    /^watch:/d; /^channels:/,\$d" "$conf" > "$T/w$h.yaml"
done

work()
{
	ns_start "$1" "$T/$1.log" "$prog" --config "$T/$1.yaml" worker \
	    --roles ingest,audit,notify
}

# --- shared ------------------------------------------------------------------------

# two logs that take a while: each is another worker's
for l in rfc static; do
	lie $l short_page n=2
	lie $l slow 'n=2000&kind=data'
	post "/_rig/$l/fill?n=3000&seed=$RANDOM" >/dev/null
done
work w1
holders="select count(distinct holder) from work where kind = 'tail'
    and lease_until > now()"
ok "one worker has both" wait_sql 20 '1|2' "select count(distinct holder),
    count(*) from work where kind = 'tail' and lease_until > now()"
work w2
work w3
ok "three workers" wait_sql 20 3 "select count(distinct host) from worker where
    state = 'working'"
ok "the second leaves it one" wait_sql 20 2 "$holders"
# the cable of the host that reads the slow one is pulled
reader="select w.host from work k join worker w on w.id = k.holder
    where k.kind = 'tail' and k.lease_until > now() and k.subject =
    (select id::text from log where url like '%/static/%')"
cut=$(sql "$reader")
ns_cut "$cut"
ok "a host that is cut off loses its log to another" wait_sql 20 t \
    "select ($reader) <> '$cut'"
ns_mend "$cut"
for l in rfc static; do
	post "/_rig/$l/honest" >/dev/null
done
eq "watches of the configuration stay: a worker syncs nothing" \
    "$(sql "select count(*) from watch where removed_at is null")" 1

# --- killed ------------------------------------------------------------------------

n=0
for ((k = 1; k <= kills; k++)); do
	log=rfc
	[ $((RANDOM % 2)) -eq 0 ] || log=static
	post "/_rig/$log/fill?n=$((RANDOM % 300))&seed=$RANDOM" >/dev/null
	n=$((n + 1))
	t_issue --name "n$n.corp.example" --submit "http://127.0.0.1:$port/$log" \
	    --final-submit --out "$T/c" >/dev/null
	sleep "0.$((RANDOM % 40 + 10))"
	h=w$((RANDOM % 3 + 1))
	ns_kill $h
	[ -z "${VERBOSE:-}" ] || echo "kill $k: $h"
	work $h
done
ok "everything is found" wait_sql 60 $((2 * n)) \
    "select count(*) from entry_match"
ok "and said" wait_sql 60 "$n" "select count(*) from delivery
    where state = 'delivered'"

# --- what the logs hold, against what was found ---------------------------------------

ours=$(sql "select string_agg(name, ' ' order by length(name), name) from
    (select distinct name from entry_match) x")
want=$(for ((i = 1; i <= n; i++)); do echo "n$i.corp.example"; done | paste -sd' ')
eq "every name" "$ours" "$want"
eq "each entry once: precertificate and certificate" "$(sql 'select count(*),
    count(distinct (log_ref, index)) from entry_match')" \
    "$((2 * n))|$((2 * n))"
eq "a finding each" "$(sql "select count(*), count(distinct name) from finding
    where kind = 'certificate.unexpected'")" "$n|$n"
eq "no other finding" "$(sql "select distinct kind from finding
    where kind <> 'certificate.unexpected'")" ''
eq "one delivery a finding" "$(sql "select count(*), count(distinct webhook_id)
    from delivery")" "$n|$n"
eq "what arrived has the ids of the events" \
    "$(sed -n 's/.*"webhook_id":"\([^"]*\)".*/\1/p' "$sink_log" | sort -u)" \
    "$(sql "select id from finding_event where event = 'opened'" | sort)"
eq "all of it verified" "$(grep -vc '"verified":true' "$sink_log")" 0
for l in rfc static; do
	ok "$l: verified to its head" wait_sql 30 t "select r.size_to =
	    (select max(tree_size) from tree_head h where h.log_ref = l.id)
	    from log l join log_range r on r.log_ref = l.id
	    where l.url like '%/$l/'"
done
# a deliberate stop frees what it has, and its row; those that were killed have
# been dead for a while
ok "three live" wait_sql 20 3 "select count(*) from worker where
    last_seen > now() - interval '2 s'"
# a claim is younger than the heartbeat before it
ok "the dead have nothing" wait_sql 10 0 "select count(*) from work where
    lease_until > now() and holder in (select id from worker where
    last_seen <= now() - interval '2 s')"
for h in 1 2 3; do
	ns_kill w$h -TERM
done
eq "their rows are gone" "$(sql "select count(*) from worker where
    last_seen > now() - interval '2 s'")" 0
eq "no lease is left" "$(sql "select count(*) from work
    where lease_until > now() and holder in (select id from worker)")" 0
t_end
