#!/bin/bash
# The database commands on an embedded cluster and on a server: status, psql,
# url, migrate, backup, restore; commands side by side; an owner that is
# killed; what must be refused, with its exit status and words.
#
# usage: bash tests/system/20-db.sh build/release
#
# takes: 15
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/pg.sh

prog=$(realpath "${1:-build/release}")/certvigil
if ! pg_bindir >/dev/null; then
	echo "SKIP 1 no PostgreSQL server programs"
	exit 0
fi
tmp=$(mktemp -d /tmp/cvdb.XXXXXX)
chmod 755 "$tmp"
[ "$(id -u)" -ne 0 ] || chown "$(pg_user)" "$tmp"
cp "$prog" "$tmp/certvigil"
unset RUNTIME_DIRECTORY XDG_RUNTIME_DIR STATE_DIRECTORY

end()
{
	pg_stop
	rm -rf "$tmp"
}
trap end EXIT

die()
{
	echo "20-db: $*" >&2
	for f in "$tmp/out" "$tmp/err" "$tmp/state/pg.log"; do
		[ ! -s "$f" ] || { echo "--- $f"; tail -20 "$f"; } >&2
	done
	exit 1
}

# cv CONFIG ARG...: run it; $out, $err, $rc.
cv()
{
	pg_as "$tmp/certvigil" --config "$tmp/$1.yaml" "${@:2}" \
	    >"$tmp/out" 2>"$tmp/err"
	rc=$?
	out=$(cat "$tmp/out")
	err=$(cat "$tmp/err")
}

# ok CONFIG ARG...: the same, must exit 0.
ok()
{
	cv "$@"
	[ $rc -eq 0 ] || die "$*: exit $rc"
}

# bad STATUS WORDS CONFIG ARG...: must exit with it and say that, in one line.
bad()
{
	cv "${@:3}"
	[ $rc -eq "$1" ] || die "${*:3}: exit $rc, not $1"
	grep -qF -- "$2" "$tmp/err" || die "${*:3}: does not say: $2"
	! grep -q geheim "$tmp/out" "$tmp/err" || die "${*:3}: password shown"
}

conf()
{
	printf 'contact: test@example.org\nstate_dir: %s\n%s\n' "$2" \
	    "${3:-}" >"$tmp/$1.yaml"
}

# Wait until a command owns the cluster and it is ready; $owner is its number.
wait_owner()
{
	for _ in $(seq 200); do
		owner=$(sed -n 's/^process \([0-9]*\) .*/\1/p' \
		    "$tmp/state/pg.lock")
		if [ -d "/proc/${owner:-0}" ] &&
		    grep -qs ready "$tmp/state/pg/postmaster.pid"; then
			return 0
		fi
		sleep 0.05
	done
	die "no owner"
}

# --- embedded

conf a "$tmp/state"
ok a db status --json
[[ $out == *'"mode":"embedded"'*'"schema":0'* ]] || die "status of an empty one"
ok a db migrate --plan
[[ $out == "would apply 0001_init"* ]] || die "plan"
ok a db migrate
[[ $out == "applied 0001_init"* ]] || die "migrate"
ok a db migrate
[ -z "$out" ] || die "a second migrate had something to do"
ok a db status
[[ $out == *"PostgreSQL"*"started for this command"* ]] || die "status"
[[ $out == *"rows not counted yet"* ]] || die "a table that nobody counted"
ok a db retention --dry-run --json
[ -z "$out" ] || [[ $out == '{"dry_run":true,"text":"would '* ]] || die "retention"
ok a db psql -Atc "insert into operator (name) values ('kept') returning id"
[[ $out == 1* ]] || die "psql"
cv a db psql -Atc 'nonsense'
[ $rc -eq 1 ] || die "psql's exit status is not passed on: $rc"
ok a db backup "$tmp/a.dump"
[[ $err == *"not in it: the keys and secrets in $tmp/state"* ]] ||
    die "backup does not say what it leaves out"
[ "$(stat -c %a "$tmp/a.dump")" = 600 ] || die "mode of the backup"

# Data of its own: refused, then replaced.
ok a db psql -c "insert into watch (pattern, origin) values ('x.example', 'cli')"
bad 64 "has data already" a db restore "$tmp/a.dump"
ok a db restore "$tmp/a.dump" --replace --hold-deliveries --json
[[ $out == *'"audit_trail_ok":true'* ]] || die "restore"
ok a db psql -Atc "select (select count(*) from watch),
    (select count(*) from operator), (select action from audit_trail)"
[ "$out" = "0|1|db.restore" ] || die "after the restore: $out"
head -c 300 "$tmp/a.dump" >"$tmp/cut.dump"
chmod 644 "$tmp/cut.dump"
bad 2 "nothing was changed: it is broken" a db restore "$tmp/cut.dump" --replace
ok a db psql -Atc "select count(*) from operator"
[ "$out" = 1 ] || die "a broken backup took data away"

# Side by side: the second joins, the first waits for it, both see the end.
pg_as "$tmp/certvigil" --config "$tmp/a.yaml" db psql -Atc \
    'select pg_sleep(3)' >/dev/null 2>"$tmp/err1" &
first=$!
wait_owner
ok a db status --json
[[ $out == *'"running":true'* ]] || die "the second did not join"
ok a db url
[ "$(pg_as psql "$out" -Atc 'select 7')" = 7 ] || die "psql with db url"
ok a worker list --json
[ -z "$out" ] || die "workers without run: $out"
wait $first || die "the first of two: $(cat "$tmp/err1")"

# An owner that is killed: its server goes down, the next command comes up.
pg_as "$tmp/certvigil" --config "$tmp/a.yaml" db psql -Atc \
    'select pg_sleep(30)' >/dev/null 2>&1 &
wait_owner
kill -9 "$owner" || die "no owner"
wait 2>/dev/null
ok a db psql -Atc 'select count(*) from operator'
[ "$out" = 1 ] || die "after the owner was killed: $out"

# --- refused

mkdir "$tmp/closed"
chmod 700 "$tmp/closed"
if [ "$(id -u)" -eq 0 ]; then
	conf closed "$tmp/closed/x/y"
	bad 77 "$tmp/closed" closed db status
else
	echo "SKIP 1 a closed folder needs root"
fi
conf away "$tmp/away" "database: host=/nonexistent user=u"
bad 69 "no connection" away db status
conf wrong "$tmp/away" "database: host=/nonexistent what"
bad 78 "malformed" wrong db status
conf secret "$tmp/away" "database: host=/nonexistent password=geheim"
bad 78 "password" secret db status
bad 64 "usage" a db
bad 64 "usage" a db restore
bad 64 "usage" a db frobnicate

# --- a server

if pg_start; then
	psql -q "$CERTVIGIL_TEST_DB" -c 'create database one' \
	    -c 'create database two' || die "databases"
	conf one "$tmp/s1" "database: $CERTVIGIL_TEST_DB dbname=one"
	conf two "$tmp/s2" "database: $CERTVIGIL_TEST_DB dbname=two"
	ok one db migrate
	ok one db psql -c "insert into operator (name) values ('moved')"
	ok one db backup "$tmp/one.dump"
	ok two db restore "$tmp/one.dump"
	ok two db psql -Atc "select name from operator"
	[ "$out" = moved ] || die "server to server"
	ok two db status --json
	[[ $out == *'"mode":"server"'* ]] || die "mode of a server"
	# A row of the audit trail was changed before the backup.
	psql -q "${CERTVIGIL_TEST_DB% *} dbname=two" \
	    -c "alter table audit_trail disable trigger all" \
	    -c "update audit_trail set actor = 'nobody' where id = 1" ||
	    die "change the audit trail"
	ok two db backup "$tmp/two.dump"
	bad 2 "broken at row 1" one db restore "$tmp/two.dump" --replace
fi
echo "20-db: ok"
