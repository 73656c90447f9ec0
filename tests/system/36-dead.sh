#!/bin/bash
# 50 logs of which 10 are dead: 3 refuse connections, 3 swallow them, 3 send a
# byte a second, and of one no tile comes.  The other 40 are not held up: what
# is asserted is that all of them were read to their heads while the slow ones
# still hung in their first request.  The seconds are printed beside those of a
# run without the dead.
#
#   bash tests/system/36-dead.sh build/release
#
# takes: 4

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 36-dead "${1:-}"

now_ms()
{
	echo $(($(date +%s%N) / 1000000))
}

args=()
for k in $(seq 1 40); do
	proto=rfc6962
	[ $((k % 2)) -eq 0 ] || proto=static
	args+=(--log "good$k,proto=$proto,operator=Op$((k % 8))")
done
t_rig "${args[@]}"
for k in $(seq 1 40); do
	post "/_rig/good$k/fill?n=520&seed=$k" >/dev/null
done
get "$rig/loglist.json" > "$T/good.json"	# the other rig writes its own

# a port where connections are accepted by the kernel, and nobody ever reads
python3 -c '
import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(64)
print("{\"port\": %d}" % s.getsockname()[1], flush=True)
time.sleep(600)' > "$T/hole.out" 2>"$T/hole.err" &
pids+=($!)
hole=$(first_line "$T/hole.out" | json_int port)

args=()
for k in 1 2 3; do
	args+=(--log "refused$k" --log "hole$k" --log "slow$k,operator=Op$k")
done
t_rig "${args[@]}" --log notile,proto=static
for l in slow1 slow2 slow3 notile; do
	post "/_rig/$l/fill?n=520&seed=1" >/dev/null
done
for k in 1 2 3; do
	lie "slow$k" slow
done
lie notile stall 'kind=data'

# one list of both rigs, the dead ones at their ports
get "$rig/loglist.json" > "$T/dead.json"
python3 - "$T" "$hole" <<'EOF'
import json, re, sys
folder, hole = sys.argv[1:]
good = json.load(open(folder + "/good.json"))
dead = json.load(open(folder + "/dead.json"))
for o in dead["operators"]:
    o["name"] = "Dead " + o["name"]
    for log in o["logs"] + o.get("tiled_logs", []):
        for key in ("url", "submission_url", "monitoring_url"):
            url = log.get(key, "")
            if "/refused" in url:
                log[key] = re.sub(r":\d+/", ":1/", url)
            elif "/hole" in url:
                log[key] = re.sub(r":\d+/", ":%s/" % hole, url)
both = dict(good, operators=good["operators"] + dead["operators"])
json.dump(good, open(folder + "/only.json", "w"))
json.dump(both, open(folder + "/both.json", "w"))
EOF

# read LIST: until the 40 were read; milliseconds from the first request on
read_good()
{
	local began

	t_db "$1"
	poll=1s t_conf "$1" 'watch: [.corp.example]'
	sed -i "s|^log_list:.*|log_list: {file: $T/$1.json, signature_key: none, apple: none}|" "$conf"
	# left over from a configuration that had Apple's list
	sql "insert into work (kind, subject) values ('loglist', 'apple');
	    insert into finding (kind, subject, dedupe_key, severity)
	    values ('log_list.stale', 'apple', 'log_list.stale|apple|', 'medium')" >/dev/null
	start
	wait_for 20 grep -q 'names watched' "$T/run.log"
	began=$(now_ms)
	ok "$1: the 40 are read" wait_sql 30 40 "select count(*) from
	    log_health h join log l on l.id = h.log_ref
	    where l.url like '%/good%' and h.caught_up_at is not null"
	took=$(($(now_ms) - began))
	eq "$1: nobody asks for Apple's list" "$(sql "select f.state || ' ' ||
	    (select count(*) from work where subject = 'apple') from finding f
	    where subject = 'apple'")" "resolved 0"
}

read_good only
stop
alone=$took
read_good both
eq "the slow ones hung in their first request" "$(sql "select count(*)
    from log l left join log_health h on h.log_ref = l.id
    where l.url ~ '/(hole|slow)' and h.polled_at is null")" 6
eq "no tile came" "$(sql "select count(*) from log l
    join log_health h on h.log_ref = l.id where l.url like '%/notile/' and
    h.head_size = 520 and h.caught_up_at is null")" 1
ok "who refuses is known" wait_sql 10 3 "select count(*) from log_health h
    join log l on l.id = h.log_ref where l.url like '%/refused%' and
    h.failing_since is not null"
eq "there are 50" "$(sql 'select count(*) from log')" 50
echo "40 logs were read in $alone ms alone, in $took ms beside 10 that are dead"
stop
eq "SIGTERM" $rc 0
t_end
