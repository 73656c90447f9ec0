#!/bin/bash
# `db move`: an embedded database goes to a server, with deliveries pending; it is
# killed on its way and run again; the old one refuses from then on, the new one
# goes on where the old one ended, and nothing is said twice.  What is refused.
#
#   bash tests/system/63-db-move.sh build/release    6 kills; LONG=1: 60
#
# takes: 20

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 63-db-move "${1:-}"

kills=6
[ -z "${LONG:-}" ] || kills=60
seed=${SEED:-$((0x$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')))}
RANDOM=$((seed % 32768))
echo "seed $seed, $kills kills"

t_rig --log rfc --log static,proto=static
t_sink
channel()
{
	channel=('channels:'
	    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}"
	    'routes:' '  - {to: [soc]}')
}
channel
database=embedded poll=1s t_conf old 'watch: [.corp.example]' "${channel[@]}"
old=$conf oldstate=$state

# --- what there is to move -------------------------------------------------------

for l in rfc static; do
	post "/_rig/$l/fill?n=300&seed=$RANDOM" >/dev/null
done
once
eq "first read" $rc 0
[ $rc -eq 0 ] || show
for i in 1 2 3; do
	t_issue --name "n$i.corp.example" --submit "$rig/rfc" \
	    --submit "$rig/static" --final-submit --out "$T/c" >/dev/null
done
once
eq "said before" "$(grep -c . "$sink_log")" 3
# three more, whose receiver is away
t_kill "$sink_pid"
for i in 4 5 6; do
	t_issue --name "n$i.corp.example" --submit "$rig/rfc" \
	    --submit "$rig/static" --final-submit --out "$T/c" >/dev/null
done
once
told=$("$prog" --config "$conf" db psql -AtXqc "select state, count(*) from
    delivery group by 1 order by 1" 2>/dev/null | tr '\n' ' ')
eq "delivered and pending" "$told" "delivered|3 pending|3 "

# --- refused ------------------------------------------------------------------------

# bad STATUS WORDS ARG...
bad()
{
	cv db move "${@:3}"
	eq "move ${*:3}: exit" $rc "$1"
	ok "move ${*:3}: says $2" grep -q -- "$2" "$T/err"
}
dbname=cv_move_$$
admin_sql "create database $dbname"
admin_sql "create database ${dbname}_x"
db=$(t_conninfo "$dbname")
bad 64 'needs the connection string'
bad 64 'back to the embedded' embedded
bad 78 'no database' nonsense
bad 78 'password' "$db password=geheim"
bad 69 'no connection' 'host=/nonexistent dbname=x'
"$psql" -qX -d "$(t_conninfo "${dbname}_x")" -c 'create table log (theirs int)'
bad 64 'not ours' "$(t_conninfo "${dbname}_x")"
admin_sql "drop database ${dbname}_x"
admin_sql "create database ${dbname}_x encoding sql_ascii locale 'C' template template0"
bad 78 'UTF8' "$(t_conninfo "${dbname}_x")"
admin_sql "drop database ${dbname}_x"
t_template
admin_sql "create database ${dbname}_x template $template"
"$psql" -qX -d "$(t_conninfo "${dbname}_x")" -c "insert into operator (name)
    values ('x'); insert into watch (pattern, origin) values ('x.example', 'cli')"
bad 64 'has data already' "$(t_conninfo "${dbname}_x")"
admin_sql "drop database ${dbname}_x"
start
ok "runs" wait_for 60 test -e "$state/pg/postmaster.pid"
sleep 1
bad 75 'stop `certvigil run`' "$db"
stop

# --- killed on its way, and again ------------------------------------------------------

now=$(date +%s%N)
cv db backup "$T/x.dump"
took=$((($(date +%s%N) - now) / 1000000))
whole=0
for ((k = 0; k < kills; k++)); do
	"$prog" --config "$conf" db move "$db" >"$T/out" 2>"$T/err" &
	mover=$!
	sleep "$(awk "BEGIN { print $((RANDOM % (2 * took + 400))) / 1000 }")"
	kill -9 $mover 2>/dev/null
	# it was faster: all back, and again
	if wait $mover 2>/dev/null; then
		whole=$((whole + 1))
		cv db psql -c 'delete from database_move'
		admin_sql "drop database $dbname with (force)"
		admin_sql "create database $dbname"
	fi
	wait_for 20 test ! -e "$state/pg/postmaster.pid"
	[ -z "${VERBOSE:-}" ] || { echo "kill $k:"; cat "$T/err"; }
done
echo "$whole of them were not killed in time"
cv db move "$db" --json
eq "moved at last" $rc 0
[ $rc -eq 0 ] || show
ok "says where" grep -qF "\"database\":\"$db\"" "$T/out"
cv db move "$db"
eq "and again: nothing to do" $rc 0
ok "says what to write" grep -qFx "database: \"$db\"" "$T/out"
# killed between the two marks: neither is worked on, the next try ends it
sql "insert into database_move (state, peer, author)
    values ('incoming', 'embedded', 'test');
    alter table audit_trail disable trigger user;
    delete from audit_trail where action = 'db.move';
    alter table audit_trail enable trigger user"
poll=1s t_conf new 'watch: [.corp.example]' "${channel[@]}"
once
eq "one that has not arrived" $rc 78
ok "says so" grep -q 'is not complete' "$T/err"
conf=$old state=$oldstate
cv db move "$db"
eq "arrives" $rc 0
ok "compared before" grep -q 'the same on both sides' "$T/out"
ok "nothing is left over" test -z "$(find "$oldstate" -name 'move.dump*')"

# --- the old one refuses -----------------------------------------------------------------

for c in 'run --once' 'findings' 'watch add .x.example'; do
	# shellcheck disable=SC2086
	cv $c
	eq "$c on the old one" $rc 78
	ok "$c: says where it is" grep -qF "$db" "$T/err"
done
"$prog" --config "$conf" run >"$T/out" 2>"$T/err"
eq "a daemon on the old one" $? 78
cv db status
ok "its status: says where it is" grep -qF "was moved: write \`database: \"$db" \
    "$T/out"
cv --json db status
ok "and in JSON" grep -q '"move":"moved"' "$T/out"
cv db psql -c "insert into worker (id, host, pid, version, schema_version, roles)
    values ('x', 'x', 1, 'x', 1, '{}')"
ok "the old one takes no worker of any version" grep -q 'was moved to' "$T/err"
cv db move "$(t_conninfo postgres)"
eq "not to a second place" $rc 78

# --- the new one goes on -------------------------------------------------------------------

mv "$sink_log" "$T/before.log"
t_sink
channel
poll=1s t_conf new 'watch: [.corp.example]' "${channel[@]}"
eq "no mark" "$(sql 'select count(*) from database_move')" 0
eq "what was there" "$(sql "select count(*) from entry_match")" 24
t_issue --name n7.corp.example --submit "$rig/rfc" --submit "$rig/static" \
    --final-submit --out "$T/c" >/dev/null
sql "update delivery set due_at = now() where state = 'pending';
    update channel set state = 'active', failing_since = null"
once
eq "read on" $rc 0
[ $rc -eq 0 ] || show
eq "matches" "$(sql "select count(*) from entry_match")" 28
cat "$T/before.log" >> "$sink_log"
ids()
{
	sed -n 's/.*"webhook_id":"\([^"]*\)".*/\1/p' "$sink_log" | sort
}
eq "said once each" "$(ids)" "$(sql "select id from finding_event
    where event = 'opened'" | sort)"
eq "all seven" "$(ids | wc -l)" 7
admin_sql "drop database $dbname with (force)"
t_end
