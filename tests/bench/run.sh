#!/bin/bash
# The figures of the README, as ratios taken within one run:
#
#   make bench       (bash tests/bench/run.sh build/release)
#   make bench-peers (the same with SECTIONS=newest)
#
#   ROUNDS=5         rounds, in which everything runs once, one after another
#   SIZE=200000      entries of the yardstick's log
#   SMALL=200000 BIG=10000000 MANY=1000000
#                    entries of the rig's large logs, and watches
#   LATENCY=40       seconds for which SCT to webhook is looked at
#   POLL=2           seconds: the poll interval of that
#   CERT_N=1000      certificates that are renewed in one go
#   SECTIONS="..."   only these: steps crl judges store lease rig scale latency
#                    acme yard; newest (not of make bench)
#   CERTVIGIL_BENCH  the yardstick (default ../shared/bench)
#   BENCH_KEEP=DIR   keep the logs there for the next time
#
# One line a figure: name, unit, median, spread (max / min - 1), the goal.
# tests/bench/README.md says what is measured.  Exits with 2 when a run was
# wrong (an entry missed, too many matches), never because of a number.

set -u
cd "$(dirname "$0")/../.." || exit 1
obj=$(cd "${1:-build/release}" && pwd) || exit 1
rounds=${ROUNDS:-5} size=${SIZE:-200000}
sections=${SECTIONS:-steps crl judges store lease rig scale latency acme yard}
yard=${CERTVIGIL_BENCH:-../shared/bench}
# The one place that says which certspotter is the newest.
spotter=v0.24.2
status=0
export no_proxy=127.0.0.1 PYTHONDONTWRITEBYTECODE=1
[ -z "${BENCH_KEEP:-}" ] || mkdir -p "$BENCH_KEEP" || exit 1

work=$(mktemp -d "${TMPDIR:-/tmp}/cvbench.XXXX") || exit 1
chmod 755 "$work"
. tests/pg.sh
. tests/rig/acme.sh
trap 'acme_stop "$work/pebble" "$work/chall"; pg_stop; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

skip()	{ echo "SKIP 1 bench: $*"; }
wanted() { [[ " $sections " == *" $1 "* ]]; }
# The last core for the server, the first for who is measured.
pin=()
[ "$(nproc)" -lt 2 ] || pin=(--pin 0)

# What needs no database.
if wanted steps; then
	echo "# steps of the hot path alone"
	for b in bench_hot bench_page bench_sct; do
		"$obj/tests/bench/$b" || status=2
	done
fi
if wanted crl; then
	echo "# one pass over a CRL of 1,000,000 entries"
	"$obj/tests/bench/bench_crl" || status=2
fi
if wanted judges; then
	echo "# two judges against one, fed from memory, $rounds rounds"
	"$obj/tests/bench/bench_judges" "$rounds" || status=2
fi

pg_start || { skip "no PostgreSQL: nothing is read"; exit 1; }

store()
{
	"$obj/tests/bench/bench_store" "$CERTVIGIL_TEST_DB" "$rounds" "$@" \
	    2>"$work/store.err" || { status=2; cat "$work/store.err" >&2; }
}
if wanted store; then
	echo "# matches stored, a server that keeps what it commits, on" \
	    "$(stat -f -c %T "${TMPDIR:-/tmp}"), $rounds rounds"
	quick=$CERTVIGIL_TEST_DB quick_pg=$CERTVIGIL_TEST_PG
	if pg_start disk; then
		store
		pg_stop
	else
		status=2
	fi
	export CERTVIGIL_TEST_DB=$quick CERTVIGIL_TEST_PG=$quick_pg
	echo "# matches stored, the server of the run (no fsync), $rounds rounds"
	store _nosync
fi

if wanted lease; then
	echo "# what PostgreSQL takes: claims and commits a second, N connections"
	"$obj/tests/bench/bench_lease" 2>"$work/lease.err" ||
	    { status=2; cat "$work/lease.err" >&2; }
fi

# --- the rig's logs ---------------------------------------------------------------

if ! [ -x "$obj/tests/rig/ctlog" ] || ! [ -x "$obj/tests/rig/biglog" ]; then
	skip "the rig is not built: make rig"
	sections=" ${sections} "
	for s in rig scale latency; do
		sections=${sections/ $s / }
	done
fi
if wanted rig; then
	echo "# the rig's log, $rounds rounds"
	python3 tests/bench/figures.py rig --obj "$obj" --rounds "$rounds" \
	    --database "$CERTVIGIL_TEST_DB" ${pin[@]+"${pin[@]}"} || status=2

	echo "# one certificate, offline"
	python3 tests/bench/check.py --obj "$obj" || status=2

	echo "# 10,000 certificates over 50 responders, $rounds rounds"
	python3 tests/bench/revocation.py --obj "$obj" --rounds "$rounds" \
	    --database "$CERTVIGIL_TEST_DB" || status=2
fi
if wanted scale; then
	echo "# ${BIG:-10000000} entries against ${SMALL:-200000}, $rounds rounds"
	python3 tests/bench/scale.py --obj "$obj" --rounds "$rounds" \
	    --small "${SMALL:-200000}" --big "${BIG:-10000000}" \
	    --many "${MANY:-1000000}" ${BENCH_KEEP:+--keep "$BENCH_KEEP"} \
	    --database "$CERTVIGIL_TEST_DB" ${pin[@]+"${pin[@]}"} || status=2
fi
if wanted latency; then
	echo "# from SCT to webhook, a log that grows by 5,000 entries a second"
	for form in rfc6962 static; do
		python3 tests/bench/latency.py --obj "$obj" --form $form \
		    --seconds "${LATENCY:-40}" --poll "${POLL:-2}" \
		    --database "$CERTVIGIL_TEST_DB" || status=2
	done
fi

# --- a CA ----------------------------------------------------------------------

acme()
{
	local http args trust=()

	http=$(_acme_port)
	acme_challtestsrv "$work/chall" && acme_pebble "$work/pebble" \
	    http="$http" dns="$ACME_DNS" || return
	args=(--obj "$obj" --rounds "$rounds" --renew "${CERT_N:-1000}" --http "$http" --database
	    "$CERTVIGIL_TEST_DB" --directory "$ACME_URL" --tls-ca "$ACME_TLS" --dns "$ACME_DNS")
	# everybody trusts this CA alone, so that nobody reads a large bundle
	if acme_with_ca "$ACME_TLS" true 2>/dev/null; then
		trust=(env ACME_ONLY=1 bash -c '. tests/rig/acme.sh
		    acme_with_ca "$@"' acme "$ACME_TLS")
		args+=(--trusted)
	fi
	${trust[@]+"${trust[@]}"} python3 tests/bench/acme.py "${args[@]}"
}
if wanted acme; then
	echo "# one issuance by http-01 from one pebble, $rounds rounds; renewals in one go"
	acme
	case $? in
	0)	;;
	77)	skip "no pebble: nothing is issued" ;;
	*)	status=2 ;;
	esac
	acme_stop "$work/pebble" "$work/chall"
fi

# --- the yardstick -------------------------------------------------------------

wanted yard || wanted newest || exit $status

missing=
for p in go gcc g++ taskset psql; do
	command -v $p >/dev/null || missing="$missing $p"
done
if [ ! -d "$yard/logforge" ]; then
	skip "no yardstick in $yard (CERTVIGIL_BENCH)"
	exit $status
elif [ -n "$missing" ]; then
	skip "the yardstick needs$missing"
	exit $status
fi

# The yardstick is copied, nothing is written into it.
cp -r "$yard" "$work/yard" && chmod -R u+w "$work/yard"
build()
{
	(cd "$work/yard/logforge" && go build -o build/logforge .) &&
	    make -s -C "$work/yard/limit" build/pipeline
}
if ! build > "$work/build.log" 2>&1; then
	skip "the yardstick does not build: $(tail -n 1 "$work/build.log")"
	exit $status
fi
forge=${BENCH_KEEP:-$work/log}
logforge=$work/yard/logforge/build/logforge
mkdir -p "$forge"
chmod 755 "$forge"
# A head that is older than a day is stale.
if [ -z "$(find "$forge" -name oracle.json -mmin -1200)" ]; then
	"$logforge" gen -dir "$forge" -n "$size" >/dev/null &&
	    "$logforge" watchgen -dir "$forge" -n 1000000 >/dev/null || exit 1
	chmod -R a+rX "$forge"
fi
# certspotter waits five minutes for a partial tile.
size=$((size / 256 * 256))

if wanted yard; then
	echo "# the yardstick's log of $size entries, watches 50 and 1,000,000"
	python3 tests/bench/figures.py yard --prog "$obj/certvigil" \
	    --forge "$forge" --logforge "$logforge" --rounds "$rounds" \
	    --size "$size" --database "$CERTVIGIL_TEST_DB" \
	    ${pin[@]+"${pin[@]}"} || status=2
fi

# The floor needs AVX-512 VBMI and dies without; the rest is compared all the same.
if ! grep -qwE 'avx512_?vbmi' /proc/cpuinfo; then
	skip "the yardstick's floor needs AVX-512 VBMI: no certvigil_over_best"
	sed -i 's/("fetch", "best", "plain")/("fetch", "plain")/
	    s/" best"/" plain"/' "$work/yard/run_all.py"
fi

# compare [--tls]: everybody on the yardstick's log.
compare()
{
	if python3 "$work/yard/run_all.py" --dir "$forge" --logforge \
	    "$logforge" --build "$work/yard/limit/build" --rounds "$rounds" \
	    --size "$size" --no-naive ${peer[@]+"${peer[@]}"} --certvigil \
	    "$obj/certvigil" --database "$CERTVIGIL_TEST_DB" --json \
	    "$work/peers.json" "$@"; then
		python3 tests/bench/figures.py peers "$work/peers.json" \
		    "$@" || status=2
	else
		status=2
	fi
}

# The newest certspotter, by Go's module proxy, in a folder of its own.
newest()
{
	local go=$work/go

	(
		export GOPATH=$go GOCACHE=$work/gocache GOFLAGS=-modcacherw \
		    GOTOOLCHAIN=local GOENV=off
		timeout 300 go mod download \
		    "software.sslmate.com/src/certspotter@$spotter" &&
		    cd "$go/pkg/mod/software.sslmate.com/src/certspotter@$spotter" &&
		    timeout 600 go build -o "$work/certspotter-new" \
		    ./cmd/certspotter
	) >"$work/spotter.log" 2>&1
}

peer=()
if command -v certspotter >/dev/null; then
	peer=(--certspotter certspotter)
else
	skip "certspotter is not installed"
fi
if wanted yard; then
	echo "# the yardstick's comparison, $rounds rounds"
	compare
fi
if wanted newest; then
	if newest; then
		peer+=(--certspotter "$work/certspotter-new:static")
		echo "# certspotter-new is $spotter"
	else
		skip "certspotter $spotter: $(tail -n 1 "$work/spotter.log")"
	fi
	echo "# the yardstick's comparison with peers, $rounds rounds"
	compare
	echo "# the same over TLS, $rounds rounds"
	compare --tls
fi
exit $status
