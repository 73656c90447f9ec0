#!/bin/bash
# Runs all tests on a built tree.
#
#   bash tests/run-tests.sh build/release      what "make test" does
#   LONG=1 ...       the long kill tests too
#   ASAN=1 ...       on a tree built with sanitizers: unit tests, corpora and one
#                    system test
#   ONLY=PATTERN ... only the tests whose name matches (grep -E)
#   JOBS=N ...       so many at once (2; with system tests, which mostly wait, 2
#                    more)
#   LOGS=DIR ...     where the output of each test goes and stays
#
# One line a test: ok, FAIL or skip, name, seconds, those of processors, counts.
# Behind a FAIL come the last 40 lines of its output.  The last line is
# "N passed, N failed, N skipped"; exits 1 when something failed.
#
# Counts.  A cmocka program counts each of its tests; a script counts by its
# last line "N passed, N failed, N skipped", or as one.  A line "SKIP n ..." of
# a program counts as n skipped.  A cmocka test that skips itself and prints
# such a line is counted by the line.

set -u
cd "$(dirname "$0")/.." || exit 1
obj=${1:-build/release}
if [ ! -x "$obj/certvigil" ]; then
	echo "run-tests: $obj/certvigil is missing: run make all" >&2
	exit 1
fi
obj=$(realpath "$obj")
jobs=${JOBS:-2}
own_logs=
if [ -n "${LOGS:-}" ]; then
	logs=$LOGS
	mkdir -p "$logs"
else
	logs=$(mktemp -d /tmp/cvlogs.XXXXXX)
	own_logs=1
fi
export CERTVIGIL_DATA=${CERTVIGIL_DATA:-../shared/data}
export LONG=${LONG:-}
# A child that was killed on purpose leaves no leak report; all else counts.
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

. tests/pg.sh
passed=0 failed=0 skipped=0 failures=()

end()
{
	pg_stop
	[ -z "$own_logs" ] || [ "$failed" -ne 0 ] || rm -rf "$logs"
}
trap end EXIT
trap 'exit 1' INT TERM HUP

# --- one test ---------------------------------------------------------------------

# So long a test may take; who stands still for ever keeps nobody waiting.
# Debian's pebble 2.4.0 can lock itself up when many order at once.
limit=${LONG:+7200}
limit=${limit:-900}

# Run NAME COMMAND... with its output in a file, then its status, seconds, and
# those of processors (of what it waited for: not the database server's).
one()
{
	local log=$logs/${1//\//_}.log began=$SECONDS rc cpu TIMEFORMAT='%U %S'
	local c=("${@:2}")

	[ "$(type -t "$2")" = function ] || c=(timeout -k 10 "$limit" "${c[@]}")
	cpu=$({ time "${c[@]}" >"$log" 2>&1 </dev/null; } 2>&1
	    echo $?)
	rc=${cpu##*$'\n'}
	cpu=$(awk 'NR == 1 { printf "%.0f", $1 + $2 }' <<< "$cpu")
	echo "$rc $((SECONDS - began)) $cpu" > "$log.rc"
}

# Count what a test said: passed failed skipped.
count()
{
	awk -v rc="$2" '
	/^\[ *(OK|  PASSED)? *\] [0-9]+ test\(s\)\./ || /^\[  PASSED  \]/ {
		if (match($0, /[0-9]+ test/))
			ok = substr($0, RSTART) + 0
		cmocka = 1
	}
	/^\[  SKIPPED \] [0-9]+ test/ { cskip = $4 + 0 }
	/^\[  FAILED  \] [0-9]+ test/ { bad = $4 + 0; cmocka = 1 }
	/(^|[^A-Za-z])SKIP [0-9]+/ {
		match($0, /SKIP [0-9]+/)
		lines += substr($0, RSTART + 5) + 0
	}
	/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ {
		script = 1
		sp = $1; sf = $3; ss = $5
	}
	END {
		if (script) {
			p = sp; f = sf; s = ss
		} else if (cmocka) {
			p = ok; f = bad; s = lines > 0 ? lines : cskip
		} else {
			s = lines
			p = rc == 0 && s == 0
		}
		if (rc != 0 && f == 0)
			f = 1
		print p + 0, f + 0, s + 0
	}' "$1"
}

# Take the result of NAME.
result()
{
	local log=$logs/${1//\//_}.log rc secs cpu p f s word=ok

	read -r rc secs cpu < "$log.rc" || { rc=1; secs=0; cpu=0; }
	read -r p f s < <(count "$log" "$rc")
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
	if [ "$f" -ne 0 ]; then
		word=FAIL
		failures+=("$1")
	elif [ "$p" -eq 0 ]; then
		word=skip
	fi
	printf '%-4s %-34s %3d s %3d cpu  %d passed%s%s\n' "$word" "$1" \
	    "$secs" "$cpu" "$p" \
	    "$([ "$f" -eq 0 ] || echo ", $f failed")" \
	    "$([ "$s" -eq 0 ] || echo ", $s skipped")"
	if [ "$f" -ne 0 ]; then
		echo "     exit status $rc, the last lines:"
		tail -n 40 "$log" | sed 's/^/     | /'
	fi
}

# --- all tests, so many at a time ---------------------------------------------------

# Two queues, the longest first: of tests that keep a processor busy, and of
# those that mostly wait.  What waits and what works run side by side.
declare -A of_pid of_kind command weight
work=() waiting=() nwork=0 nwait=0

# add NAME COMMAND... keeps a processor busy; wait_add the same of the others.
# A test says "takes: N" (seconds) in a comment when it is a long one.
add()
{
	queue work "$@"
}

wait_add()
{
	queue waiting "$@"
}

queue()
{
	local -n q=$1
	local f

	if [ -n "${ONLY:-}" ] && ! grep -qE -- "$ONLY" <<< "$2"; then
		return
	fi
	command[$2]=$(printf '%q ' "${@:3}")
	for f in "tests/$2.sh" "tests/$2.c" "${4:-}"; do
		[ -f "$f" ] || continue
		weight[$2]=$(sed -n '1,30s/^[#/ ]*\** *takes: \([0-9]*\).*/\1/p' \
		    "$f" | head -n 1)
		break
	done
	q+=("$2")
}

# The queue with the longest first, else as it was.
longest_first()
{
	local -n q=$1
	local n

	mapfile -t q < <(for n in "${q[@]}"; do
		echo "${weight[$n]:-1} $n"
	done | sort -s -k1,1nr | cut -d' ' -f2-)
}

finish_one()
{
	local pid

	wait -n -p pid
	result "${of_pid[$pid]}"
	case ${of_kind[$pid]} in
	work)	nwork=$((nwork - 1)) ;;
	*)	nwait=$((nwait - 1)) ;;
	esac
	unset "of_pid[$pid]" "of_kind[$pid]"
}

# begin QUEUE: its first test.
begin()
{
	local -n q=$1
	local n=${q[0]} c

	q=("${q[@]:1}")
	eval "c=(${command[$n]})"
	one "$n" "${c[@]}" &
	of_pid[$!]=$n
	of_kind[$!]=$1
	case $1 in
	work)	nwork=$((nwork + 1)) ;;
	*)	nwait=$((nwait + 1)) ;;
	esac
}

# Of what works so many as there are jobs, one of them left to what waits as
# long as there is some; two more in all.
run_all()
{
	longest_first work
	longest_first waiting
	while :; do
		if [ "${#work[@]}" -gt 0 ] && [ "$nwork" -lt $((jobs -
		    (jobs > 1 && nwait + ${#waiting[@]} > 0))) ]; then
			begin work
		elif [ "${#waiting[@]}" -gt 0 ] &&
		    [ $((nwork + nwait)) -lt $((jobs + 2)) ]; then
			begin waiting
		elif [ $((nwork + nwait)) -gt 0 ]; then
			finish_one
		else
			break
		fi
	done
}

# The folders and files that a fuzz target replays.
corpus()
{
	local d

	for d in "tests/fuzz/corpus/$1" "tests/corpus/$1"; do
		[ ! -d "$d" ] || echo "$d"
	done
	case $1 in
	crlscan)	set -- fuzz/openssl/crl crl
			echo tests/fuzz/corpus/revocation ;;
	der)		set -- fuzz/openssl/x509 fuzz/openssl/crl ;;
	entry)		set -- fuzz/openssl/ct sct rfc6962 ;;
	entries)	set -- rfc6962 ;;
	note)		set -- static-ct/checkpoints ;;
	tile)		set -- static-ct/navigli2025h2 ;;
	loglist)	set -- loglist ;;
	scts)		set -- fuzz/openssl/x509 fuzz/openssl/ct sct ;;
	ocsp_said)	set -- ocsp/golang ocsp/zeek-extracted ;;
	ptr)		set -- fuzz/openssl/x509 ;;
	*)		return ;;
	esac
	for d in "$@"; do
		[ ! -d "$CERTVIGIL_DATA/$d" ] || echo "$CERTVIGIL_DATA/$d"
	done
}

lint()
{
	mandoc -Tlint -W warning docs/*.1 docs/*.5
}

# At most 1.5, of the service as it is installed.
security()
{
	local out

	out=$(systemd-analyze security --offline=true --threshold=15 \
	    --no-pager docs/certvigil.service 2>&1)
	local rc=$?

	tail -n 3 <<< "$out"
	return $rc
}

needs()
{
	local what=$1

	shift
	if command -v "$what" >/dev/null 2>&1; then
		"$@"
	else
		echo "SKIP 1 $what is not installed"
	fi
}

# A database of tests is a copy of one that is migrated here.
if ! pg_start; then
	echo "run-tests: without PostgreSQL" >&2
elif pg_template "$obj/certvigil" cv_template "$logs" >"$logs/template" 2>&1
then
	export CERTVIGIL_TEST_TEMPLATE=cv_template
else
	cat "$logs/template" >&2
fi

for t in "$obj"/tests/unit/*/test_*; do
	# an object or a test whose source is gone is no test
	[ -x "$t" ] && [ -e "${t#"$obj"/}.c" ] || continue
	n=${t#"$obj"/tests/}
	add "$n" "$t"
done
for t in "$obj"/tests/conformance/conform_*; do
	[ -x "$t" ] && [ -e "${t#"$obj"/}.c" ] || continue
	add "conformance/$(basename "$t")" "$t"
done
for t in tests/fuzz/fuzz_*.c; do
	t=$(basename "$t" .c)
	mapfile -t dirs < <(corpus "${t#fuzz_}")
	add "replay/${t#fuzz_}" "$obj/tests/fuzz/$t" "${dirs[@]}"
done
if [ -n "${ASAN:-}" ]; then
	wait_add system/30-read bash tests/system/30-read.sh "$obj"
else
	add headers bash tests/headers.sh
	add arrows bash tests/arrows.sh "$obj"
	add style bash tests/style.sh
	add manual needs mandoc lint
	add service needs systemd-analyze security
	wait_add rig bash tests/rig/selfcheck.sh "$obj"
	wait_add rig-big bash tests/rig/checkbig.sh "$obj"
	wait_add rig-acme bash tests/rig/checkacme.sh "$obj"
	for t in tests/system/[0-9]*.sh; do
		wait_add "system/$(basename "$t" .sh)" bash "$t" "$obj"
	done
fi
run_all

if [ "${#failures[@]}" -ne 0 ]; then
	echo "failed: ${failures[*]} (output in $logs)"
fi
if [ $((passed + failed)) -eq 0 ]; then
	echo "run-tests: nothing was tested" >&2
	failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
