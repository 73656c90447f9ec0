#!/bin/bash
# Run every fuzz target for some seconds with its corpus:
#
#   make fuzz FUZZ_SECS=60     (bash tests/fuzz/run.sh build/fuzz 60)
#
# Seeds are tests/fuzz/corpus/TARGET, tests/corpus/TARGET, and what
# $CERTVIGIL_DATA (default ../shared/data) has of the kind.  What is found new
# stays in DIR/corpus/TARGET; a crash in DIR/crashes/TARGET-*, to be replayed
# with `make unit fuzzers` and build/release/tests/fuzz/TARGET FILE.
#
# Ends with "N targets, N crashes, N seeds"; exits 1 when something crashed.

set -u
cd "$(dirname "$0")/../.." || exit 1
dir=${1:-build/fuzz} secs=${2:-60}
data=${CERTVIGIL_DATA:-../shared/data}
jobs=${FUZZ_JOBS:-$(nproc)}
case $secs in
''|*[!0-9]*|0)
	echo "usage: bash tests/fuzz/run.sh DIR SECONDS" >&2
	exit 64 ;;
esac

# Folders and files of others that look like what a target reads; libFuzzer
# takes what is new to it and leaves the rest.
seeds()
{
	case $1 in
	der)	echo "$data/fuzz/openssl/x509" "$data/certs/zlint" ;;
	entry)	echo "$data/rfc6962" "$data/fuzz/openssl/ct" ;;
	entries) echo "$data/rfc6962" ;;
	loglist) echo "$data/loglist" ;;
	note)	echo "$data/static-ct" ;;
	tile)	echo "$data/static-ct" ;;
	inspect) echo "$data/static-ct" "$data/rfc6962" "$data/sct" ;;
	scts)	echo "$data/fuzz/openssl/x509" "$data/fuzz/openssl/ct" \
		    "$data/sct" ;;
	ocsp_said) echo "$data/ocsp" ;;
	ptr)	echo "$data/fuzz/openssl/x509" ;;
	crlscan) echo "$data/fuzz/openssl/crl" "$data/crl" \
		    tests/fuzz/corpus/revocation ;;
	revocation) echo "$data/fuzz/openssl/crl" "$data/crl" "$data/ocsp" ;;
	esac
}

targets=() crashes=0 total=0
for f in "$dir"/tests/fuzz/fuzz_*; do
	case $f in
	*.o|*.d) ;;
	*)	[ ! -x "$f" ] || targets+=("$f") ;;
	esac
done
if [ ${#targets[@]} -eq 0 ]; then
	echo "fuzz: no targets in $dir/tests/fuzz: make fuzz builds them" >&2
	exit 1
fi
mkdir -p "$dir/crashes"

# one TARGET: its lines go to a file, so that targets can run side by side.
one()
{
	local bin=$1 name in=() d
	name=${bin##*/fuzz_}
	mkdir -p "$dir/corpus/$name"
	for d in "tests/fuzz/corpus/$name" "tests/corpus/$name" $(seeds "$name")
	do
		[ ! -d "$d" ] || in+=("$d")
	done
	[ ${#in[@]} -gt 0 ] || printf '0' > "$dir/corpus/$name/seed"
	"$bin" -max_total_time="$secs" -timeout=10 -rss_limit_mb=2048 \
	    -max_len=65536 -print_final_stats=1 -verbosity=1 \
	    -artifact_prefix="$dir/crashes/$name-" "$dir/corpus/$name" \
	    ${in[@]+"${in[@]}"} > "$dir/$name.log" 2>&1
	echo $? > "$dir/$name.rc"
}

for t in "${targets[@]}"; do
	rm -f "$dir/${t##*/fuzz_}.rc"
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	one "$t" &
done
wait

for t in "${targets[@]}"; do
	name=${t##*/fuzz_}
	rc=$(cat "$dir/$name.rc" 2>/dev/null || echo none)
	seen=$(sed -n 's/.*seed corpus: files: \([0-9]*\).*/\1/p' \
	    "$dir/$name.log" | head -n 1)
	units=$(sed -n 's/^stat::number_of_executed_units: *//p' \
	    "$dir/$name.log")
	cov=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$dir/$name.log" |
	    tail -n 1)
	total=$((total + ${seen:-0}))
	if [ "$rc" = 0 ]; then
		printf 'ok    %-10s %9s runs, %5s edges, %4s seeds\n' "$name" \
		    "${units:-0}" "${cov:-?}" "${seen:-0}"
	else
		crashes=$((crashes + 1))
		printf 'CRASH %-10s status %s, %s\n' "$name" "$rc" \
		    "$(grep -m 1 -oE 'SUMMARY: .*|Test unit written.*' \
		    "$dir/$name.log")"
		ls "$dir/crashes/$name-"* 2>/dev/null | sed 's/^/        /'
	fi
done
echo "fuzz: ${#targets[@]} targets, $crashes crashes, $total seeds"
[ $crashes -eq 0 ]
