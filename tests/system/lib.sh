# For system tests: the real program, a PostgreSQL server, the rig.
#
#   cd to the repository; . tests/system/lib.sh; t_begin NAME OBJDIR
#
# t_begin makes a folder $T that other users reach, copies the program there
# ($prog), takes the server of $CERTVIGIL_TEST_DB or starts one, and sees that
# all is ended and removed when the script ends.
#
#   t_db NAME             a database of its own with the schema in it; sets $db
#   t_rig ARG...          the lying log server, with these arguments behind
#                         --dir; sets $rig (http://127.0.0.1:PORT), $rig_pid
#   t_ca                  makes the CA $T/$ca (ca), once
#   t_issue ARG...        ca issue $T/$ca ARG...; prints the JSON line
#   t_cas [OPTIONS]       CRLs and OCSP of CA $T/$ca, with these options
#                         behind its DIR (",shards=2") and $cas_args before;
#                         sets $cas (http://127.0.0.1:PORT), $cas_pid
#   t_cert NAME P ARG...  t_issue for NAME into $T/P.* and $T/P.json
#   of P FIELD            a field of $T/P.json, such as serial
#   revoke P [ARGS]       by casrv: reason=R&at=T
#   cas_lie NAME [ARGS]   as lie, for casrv
#   honest                casrv lies no more
#   t_tls NAME,OPT...     TLS endpoints; sets $tls (http://127.0.0.1:PORT)
#   tls_port NAME         the port of one
#   tls_post NAME/WHAT    to its admin
#   t_dns                 a name server of $T/zone (lines as dnsd.py has them);
#                         sets $dns (127.0.0.1@PORT)
#   t_sink ARG...         the receiver; sets $sink (port), $sink_pid, $sink_log;
#                         its secret is $T/secret
#   t_conf NAME [LINE...] writes $T/NAME.yaml for $db, $rig and $list
#                         (loglist.json), with the lines behind; sets $conf
#   post PATH [BODY]      POST to the rig (PATH from /_rig on, or a whole URL);
#                         prints the body of the answer
#   get URL               the same with GET
#   lie LOG NAME [ARGS]   post /_rig/LOG/lie?lie=NAME&ARGS
#   cv ARG...             certvigil --config $conf ARG...; sets $rc, leaves its
#                         output in $T/out and $T/err
#   once                  cv run --once
#   again                 everything that audits is due at once, and once
#   start, stop           certvigil run in the background; $run_pid, log in
#                         $T/run.log
#   sql QUERY             on $db; rows on lines, columns parted by |
#   wait_sql SECS WANT QUERY, wait_for SECS COMMAND...   asked again until it
#                         is so; false when the time is over
#   eq WHAT HAVE WANT     counts a pass or a failure; a failure shows both
#   ok WHAT COMMAND...    the same with a command that must succeed
#   skip N WHY            prints "SKIP N ..." and counts
#   t_end                 prints "N passed, N failed, N skipped", exits
#
# As root, certvigil runs as root (and becomes the user certvigil by itself).

. tests/pg.sh

passed=0 failed=0 skipped=0 own_pg= pids=() T= run_pid= rc=0
rig= rig_pid= cas= cas_pid= tls= dns= sink= sink_pid= sink_log= db= conf= list=loglist.json
template= cases=() psql=psql

t_begin()
{
	name=$1
	obj=$(realpath "${2:-build/release}")
	unset CERTVIGIL_CONFIG STATE_DIRECTORY CREDENTIALS_DIRECTORY NO_COLOR \
	    RUNTIME_DIRECTORY XDG_RUNTIME_DIR
	if ! pg_bindir >/dev/null; then
		echo "SKIP 1 $name: no PostgreSQL server programs"
		echo "0 passed, 0 failed, 1 skipped"
		exit 0
	fi
	# the one in PATH is Debian's wrapper in Perl, which costs four times as much
	psql=$(pg_bindir)/psql
	T=$(mktemp -d /tmp/cvsys.XXXXXX) || exit 1
	trap t_clean EXIT
	trap 'exit 1' INT TERM HUP
	chmod 755 "$T"
	cp "$obj/certvigil" "$T/certvigil" || exit 1
	prog=$T/certvigil
	if [ -z "${CERTVIGIL_TEST_DB:-}" ]; then
		pg_start || exit 1
		own_pg=1
	fi
}

t_clean()
{
	local p

	[ -z "$run_pid" ] || stop
	for p in "${pids[@]}"; do
		kill "$p" 2>/dev/null && wait "$p" 2>/dev/null
	done
	[ -z "$own_pg" ] || pg_stop
	if [ "$failed" -ne 0 ] && [ -n "${KEEP:-}" ]; then
		echo "kept: $T" >&2
	else
		rm -rf "$T"
	fi
}

t_end()
{
	cases_end
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
	exit
}

# Wait for the cases of lie_case; one without counts has failed.
cases_end()
{
	local i p f

	[ "${#cases[@]}" -eq 0 ] || wait
	for i in "${!cases[@]}"; do
		if read -r p f 2>/dev/null < "$T/$((i + 1))/counts"; then
			passed=$((passed + p))
			failed=$((failed + f))
		else
			fail "${cases[$i]}: did not end"
		fi
	done
}

# --- counting -----------------------------------------------------------------

fail()
{
	failed=$((failed + 1))
	echo "$name: FAIL $*" >&2
}

eq()
{
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		fail "$1: have \"$2\", want \"$3\""
	fi
}

ok()
{
	if "${@:2}"; then
		passed=$((passed + 1))
	else
		fail "$1"
	fi
}

skip()
{
	skipped=$((skipped + $1))
	echo "SKIP $1 $name: ${*:2}"
}

# What the last command printed, for a failure that is not clear.
show()
{
	tail -n "${1:-15}" "$T/out" "$T/err" >&2
}

# --- the database ---------------------------------------------------------------

# The connection string of database $1 on the server.
t_conninfo()
{
	sed "s/dbname=[^ ]*/dbname=$1/" <<< "$CERTVIGIL_TEST_DB"
}

admin_sql()
{
	"$psql" -AtXq -d "$CERTVIGIL_TEST_DB" -c "$1"
}

# Databases are copies of one that was migrated once: that of the runner, on its
# server, or one of our own.
t_template()
{
	[ -z "$template" ] || return 0
	if [ -z "$own_pg" ] && [ -n "${CERTVIGIL_TEST_TEMPLATE:-}" ]; then
		template=$CERTVIGIL_TEST_TEMPLATE
		return 0
	fi
	template=cv_template_$$
	if ! pg_template "$prog" "$template" "$T" >"$T/out" 2>"$T/err"; then
		show
		exit 1
	fi
}

t_db()
{
	t_template
	dbname=cv_${1//-/_}_$$
	admin_sql "drop database if exists $dbname with (force)" 2>/dev/null
	admin_sql "create database $dbname template $template" || exit 1
	db=$(t_conninfo "$dbname")
}

sql()
{
	"$psql" -AtXq -v ON_ERROR_STOP=1 -d "$db" -c "$1"
}

# --- waiting --------------------------------------------------------------------

wait_for()
{
	local until=$(($(date +%s%N) / 1000000 + $1 * 1000))

	shift
	until "$@" >/dev/null 2>&1; do
		[ $(($(date +%s%N) / 1000000)) -lt "$until" ] || return 1
		sleep 0.1
	done
}

is_sql()
{
	[ "$(sql "$2")" = "$1" ]
}

wait_sql()
{
	wait_for "$1" is_sql "$2" "$3"
}

# --- servers --------------------------------------------------------------------

# The first line of a file, as soon as it is there.
first_line()
{
	wait_for 10 test -s "$1" || {
		echo "$name: nothing in $1" >&2
		cat "${1%.*}.err" >&2
		exit 1
	}
	head -n 1 "$1"
}

json_int()
{
	sed -n "s/.*\"$1\": *\\([0-9]*\\).*/\\1/p"
}

t_rig()
{
	mkdir -p "$T/rig"
	rm -f "$T/rig.out"
	"$obj/tests/rig/ctlog" --dir "$T/rig" "$@" \
	    >"$T/rig.out" 2>"$T/rig.err" &
	rig_pid=$!
	pids+=("$rig_pid")
	rig_port=$(first_line "$T/rig.out" | json_int port)
	rig=http://127.0.0.1:$rig_port
}

t_ca()
{
	[ -d "$T/${ca:-ca}" ] ||
	    "$obj/tests/rig/ca" init "$T/${ca:-ca}" >/dev/null || exit 1
}

t_issue()
{
	t_ca
	"$obj/tests/rig/ca" issue "$T/${ca:-ca}" "$@"
}

t_cas()
{
	t_ca
	rm -f "$T/cas.out"
	# shellcheck disable=SC2086
	"$obj/tests/rig/casrv" ${cas_args:-} --ca "$T/${ca:-ca}$*" \
	    >"$T/cas.out" 2>"$T/cas.err" &
	cas_pid=$!
	pids+=("$cas_pid")
	cas=http://127.0.0.1:$(first_line "$T/cas.out" | json_int port)
}

t_cert()
{
	t_issue --name "$1" --out "$T/$2" "${@:3}" > "$T/$2.json" ||
	    fail "ca issue $*"
}

of()
{
	sed -n "s/.*\"$2\": *\"\([0-9a-f]*\)\".*/\1/p" "$T/$1.json"
}

# POST to casrv that must not be refused.
cas_post()
{
	post "$cas/_rig/${ca:-ca}/$1" > "$T/cas.said"
	if grep -q '"error"' "$T/cas.said"; then
		fail "casrv: $1: $(cat "$T/cas.said")"
	fi
}

revoke()
{
	cas_post "revoke?serial=$(of "$1" serial)${2:+&$2}"
}

cas_lie()
{
	cas_post "lie?lie=$1${2:+&$2}"
}

honest()
{
	cas_post honest
}

t_tls()
{
	local e opts=()

	for e; do
		opts+=(--endpoint "$e")
	done
	rm -f "$T/tls.out"
	"$obj/tests/rig/tlssrv" "${opts[@]}" >"$T/tls.out" 2>"$T/tls.err" &
	pids+=($!)
	tls=http://127.0.0.1:$(first_line "$T/tls.out" |
	    sed 's/"endpoints".*//' | json_int port)
}

tls_port()
{
	get "$tls/_rig/endpoints" | sed 's/.*"endpoints"//' | json_int "$1"
}

tls_post()
{
	post "$tls/_rig/$1" > "$T/tls.said"
	if grep -q '"error"' "$T/tls.said"; then
		fail "tlssrv: $1: $(cat "$T/tls.said")"
	fi
}

t_dns()
{
	[ -e "$T/zone" ] || : > "$T/zone"
	python3 tests/rig/dnsd.py --zone "$T/zone" --log "$T/dns.log" \
	    >"$T/dns.out" 2>"$T/dns.err" &
	pids+=($!)
	dns=127.0.0.1@$(first_line "$T/dns.out" | json_int port)
}

t_sink()
{
	sink_log=$T/sink.log
	: > "$sink_log"
	if [ ! -e "$T/secret" ]; then
		printf 'whsec_%s\n' "$(head -c 32 /dev/urandom | base64)" \
		    > "$T/secret"
	fi
	rm -f "$T/sink.out"
	"$obj/tests/rig/sink" --secret-file "$T/secret" --log-file "$sink_log" \
	    "$@" >"$T/sink.out" 2>"$T/sink.err" &
	sink_pid=$!
	pids+=("$sink_pid")
	sink=$(first_line "$T/sink.out" | json_int port)
}

# End a server of ours before its time.
t_kill()
{
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# http METHOD URL [BODY]: the body of the answer.
http()
{
	local host=${2#http://} path

	path=/${host#*/}
	host=${host%%/*}
	exec 9<>"/dev/tcp/${host%:*}/${host#*:}" || return 1
	printf '%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' \
	    "$1" "$path" "$host" "${#3}" "$3" >&9
	sed '1,/^\r$/d' <&9
	exec 9>&- 9<&-
}

post()
{
	case $1 in
	http:*)	http POST "$1" "${2:-}" ;;
	*)	http POST "$rig$1" "${2:-}" ;;
	esac
}

get()
{
	http GET "$1" ""
}

lie()
{
	post "/_rig/$1/lie?lie=$2${3:+&$3}" > "$T/lie"
	if grep -q '"error"' "$T/lie"; then
		fail "rig: lie $2: $(cat "$T/lie")"
	fi
}

# --- the program ----------------------------------------------------------------

t_conf()
{
	conf=$T/$1.yaml
	state=$T/state-$1
	{
		echo "database: ${database:-\"$db\"}"
		echo "state_dir: $state"
		echo "log_list: {url: $rig/$list, signature_key: none, apple: none}"
		echo "contact: test@corp.example"
		echo "poll: ${poll:-10s}"
		echo "start: ${from:-beginning}"
		echo "egress: {allow_private: [127.0.0.0/8]}"
		shift
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} > "$conf"
}

cv()
{
	"$prog" --config "$conf" "$@" >"$T/out" 2>"$T/err"
	rc=$?
}

once()
{
	cv run --once
}

again()
{
	sql "update work set due_at = now() where kind in ('sweep', 'cert',
	    'crl', 'ocsp', 'incl', 'endpoint', 'caa');
	    update ocsp_due set due_at = now();
	    update sct set checked_at = checked_at - interval '1 day'" ||
	    fail "sql"
	once
}

start()
{
	"$prog" --config "$conf" run "$@" >>"$T/run.log" 2>&1 &
	run_pid=$!
}

# A process and all below it, one number a line.
pids_of()
{
	local c

	echo "$1"
	for c in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		pids_of "$c"
	done
}

stop()
{
	[ -n "$run_pid" ] || return 0
	kill "$run_pid" 2>/dev/null
	wait "$run_pid" 2>/dev/null
	rc=$?
	run_pid=
}

# --- logs that lie ----------------------------------------------------------------

# lie_case NAME WHEN PROTO LIES EXIT FINDINGS [WATCH]
#
# Three at a time, each in a process of its own, since a case mostly waits; t_end
# waits for them and counts.  A log of its own with one certificate for us.  WHEN: "first", the lies are told
# from the first read on; "later", it is read, grows with another certificate for
# us, then the lies begin; "same", it does not grow.  LIES: name?args, parted by
# blanks; "-" for none, state?state=S for a state of the log.  EXIT: of run --once while it lies.  FINDINGS: the kinds
# log.* that this opens, parted by blanks.  Behind that it is honest again, and
# everything that was planted must have been found, once.
#
# Settings before the call: fill (entries, 300), opts (of the log), from.
lie_case()
{
	t_template
	while [ "$(jobs -pr | wc -l)" -ge 3 ]; do
		wait -n
	done
	cases+=("$1 ($3)")
	lie_apart "$@" &
	pids+=($!)
}

# Its own folder and database; its counts go to $T/N/counts.
lie_apart()
{
	trap - EXIT
	trap 't_kill "$rig_pid"; exit 1' INT TERM HUP
	passed=0 failed=0 skipped=0 pids=()
	T=$T/${#cases[@]}
	mkdir -m 755 "$T"
	t_db "lie${#cases[@]}"
	lie_told "$@"
	admin_sql "drop database $dbname with (force)"
	echo "$passed $failed" > "$T/counts"
}

lie_told()
{
	local what="$1 ($3)" when=$2 l have want=2 began=$SECONDS
	local watch=${7:-.corp.example}

	t_rig --log "log,proto=$3${opts:+,$opts}"
	t_conf lie "watch: [\"$watch\"]"
	post "/_rig/log/fill?n=${fill:-300}&seed=$RANDOM" >/dev/null
	t_issue --name one.corp.example --submit "$rig/log" --final-submit \
	    --out "$T/c" >/dev/null
	if [ "$when" != first ]; then
		once
		eq "$what: honest at first" $rc 0
		[ $rc -eq 0 ] || show
	fi
	if [ "$when" = later ]; then
		post "/_rig/log/fill?n=100&seed=$RANDOM" >/dev/null
		t_issue --name two.corp.example --submit "$rig/log" \
		    --final-submit --out "$T/c" >/dev/null
		want=4
	fi
	for l in $4; do
		case $l in
		-)	continue ;;
		state*)	post "/_rig/log/$l" >/dev/null; continue ;;
		esac
		lie log "${l%%\?*}" "$(
		    [[ $l != *\?* ]] || echo "${l#*\?}")"
	done
	once
	have=$rc
	eq "$what: exit" "$have" "$5"
	[ "$have" -eq "$5" ] || show
	have=$(sql "select coalesce(string_agg(kind, ' ' order by kind), '')
	    from finding where kind not like 'certificate.%'")
	eq "$what: findings" "$have" "$6"
	[ "$have" = "$6" ] || show
	post "/_rig/log/honest" >/dev/null
	once
	eq "$what: exit when honest again" $rc 0
	[ $rc -eq 0 ] || show
	eq "$what: what is over is resolved" "$(sql "select count(*) from
	    finding where kind in ('log.stale', 'log.unreachable') and
	    state <> 'resolved'")" 0
	if [ "$watch" = .corp.example ] && [ "${from:-}" != now ]; then
		eq "$what: matches, and each once" "$(sql 'select count(*),
		    count(distinct index) from entry_match')" "$want|$want"
		eq "$what: no false finding" "$(sql "select count(*) from
		    finding where kind like 'certificate.%'")" $((want / 2 - 1))
	fi
	t_kill "$rig_pid"
	[ -z "${VERBOSE:-}" ] || echo "$what: $((SECONDS - began)) s"
}
