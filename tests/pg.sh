#!/bin/sh
# A throw-away PostgreSQL server for tests, on a unix socket, trust, no fsync.
# With "disk" one as it comes: on disk (TMPDIR), and it keeps what it commits.
#
#   eval "$(sh tests/pg.sh start [disk])"   # exports CERTVIGIL_TEST_DB (a connection
#                                    # string) and CERTVIGIL_TEST_PG (its folder)
#   sh tests/pg.sh stop              # stops the one of CERTVIGIL_TEST_PG
#   . tests/pg.sh                    # or: the functions pg_start [disk], pg_stop
#                                    # and pg_template PROGRAM NAME FOLDER: a
#                                    # database that certvigil has migrated
#
# PostgreSQL refuses root, so as root it runs as user certvigil or postgres.
# Without PostgreSQL: a line on stderr, nothing exported, exit 1.

pg_user()
{
	if [ "$(id -u)" -ne 0 ]; then
		id -un
	elif id -u postgres >/dev/null 2>&1; then
		echo postgres
	else
		echo certvigil
	fi
}

# Run a command as the user that PostgreSQL runs as.
pg_as()
{
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid="$(pg_user)" --regid="$(id -g "$(pg_user)")" \
		    --init-groups -- env HOME=/tmp "$@"
	else
		"$@"
	fi
}

# The newest folder with server programs.
pg_bindir()
{
	for d in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null |
	    sort -t/ -k5 -rn) "$(pg_config --bindir 2>/dev/null)"; do
		if [ -x "$d/initdb" ] && [ -x "$d/postgres" ]; then
			echo "$d"
			return 0
		fi
	done
	return 1
}

# Where its folder goes: in memory when there is room (a database is some three
# hundred files, of which tests make many), else on disk.
pg_home()
{
	if [ "$1" = disk ]; then
		echo "${TMPDIR:-/tmp}"
		return
	fi
	kb=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
	if [ "${kb:-0}" -gt 3000000 ] && [ -w /dev/shm ]; then
		echo /dev/shm
	else
		echo /tmp
	fi
}

# What a server for tests does not do.
pg_quick()
{
	cat <<-END
		shared_buffers = 32MB
		fsync = off
		synchronous_commit = off
		full_page_writes = off
		jit = off
		autovacuum = off
		max_wal_senders = 0
		wal_level = minimal
	END
}

# Start one; sets and exports CERTVIGIL_TEST_DB and CERTVIGIL_TEST_PG.
pg_start()
{
	pg_quick='--no-sync --wal-segsize=1'
	[ "${1:-}" != disk ] || pg_quick=
	pg_bin=$(pg_bindir) || {
		echo "pg.sh: no PostgreSQL server: apt-get install postgresql" >&2
		return 1
	}
	if [ "$(id -u)" -eq 0 ] && ! id -u "$(pg_user)" >/dev/null 2>&1; then
		echo "pg.sh: as root, user postgres or certvigil is needed" >&2
		return 1
	fi
	CERTVIGIL_TEST_PG=$(mktemp -d "$(pg_home "${1:-}")/cvpg.XXXXXX") || return 1
	chmod 755 "$CERTVIGIL_TEST_PG"
	[ "$(id -u)" -ne 0 ] || chown "$(pg_user)" "$CERTVIGIL_TEST_PG"
	pg_log=$CERTVIGIL_TEST_PG/log
	if ! (cd / && pg_as "$pg_bin/initdb" -D "$CERTVIGIL_TEST_PG/data" \
	    -U certvigil -A trust -E UTF8 --locale=C.UTF-8 --no-instructions \
	    $pg_quick) \
	    >"$CERTVIGIL_TEST_PG/initdb" 2>&1; then
		cat "$CERTVIGIL_TEST_PG/initdb" >&2
		rm -rf "$CERTVIGIL_TEST_PG"
		return 1
	fi
	cat >>"$CERTVIGIL_TEST_PG/data/postgresql.conf" <<-END
		listen_addresses = ''
		unix_socket_directories = '$CERTVIGIL_TEST_PG'
		max_connections = 100
	END
	[ -z "$pg_quick" ] || pg_quick >>"$CERTVIGIL_TEST_PG/data/postgresql.conf"
	if ! (cd / && pg_as "$pg_bin/pg_ctl" -D "$CERTVIGIL_TEST_PG/data" \
	    -l "$pg_log" -w -t 60 start) >/dev/null 2>&1; then
		cat "$pg_log" >&2
		rm -rf "$CERTVIGIL_TEST_PG"
		return 1
	fi
	CERTVIGIL_TEST_DB="host=$CERTVIGIL_TEST_PG port=5432 user=certvigil dbname=postgres"
	export CERTVIGIL_TEST_DB CERTVIGIL_TEST_PG
}

# The database NAME, migrated by PROGRAM, whose files go to FOLDER; nobody is
# connected to it, so that others can be made as its copies.
pg_template()
{
	"$(pg_bindir)/psql" -AtXq -d "$CERTVIGIL_TEST_DB" \
	    -c "create database $2" || return 1
	printf 'database: "%s dbname=%s"\nstate_dir: %s\n' \
	    "$CERTVIGIL_TEST_DB" "$2" "$3/$2" > "$3/$2.yaml"
	"$1" --config "$3/$2.yaml" db migrate
}

# Stop it and remove its folder.
pg_stop()
{
	case "${CERTVIGIL_TEST_PG:-}" in
	/*/cvpg.??????) ;;
	*)	return 0 ;;
	esac
	if [ -d "$CERTVIGIL_TEST_PG/data" ]; then
		(cd / && pg_as "$(pg_bindir)/pg_ctl" \
		    -D "$CERTVIGIL_TEST_PG/data" -m immediate -w stop) \
		    >/dev/null 2>&1
	fi
	rm -rf "$CERTVIGIL_TEST_PG"
	unset CERTVIGIL_TEST_DB CERTVIGIL_TEST_PG
}

case "${0##*/}" in
pg.sh)
	case "${1:-}" in
	start)
		pg_start "${2:-}" || exit 1
		echo "export CERTVIGIL_TEST_DB='$CERTVIGIL_TEST_DB'"
		echo "export CERTVIGIL_TEST_PG='$CERTVIGIL_TEST_PG'"
		;;
	stop)
		pg_stop
		;;
	*)
		echo "usage: eval \"\$(sh tests/pg.sh start [disk])\"; sh tests/pg.sh stop" >&2
		exit 64
		;;
	esac
	;;
esac
