#!/bin/bash
# Check the ACME half of the rig: acmeca.py and faultproxy.py with a client of
# our own (checkacme.py); both CAs with Debian's uacme and lego
# (checkclients.sh).  usage: checkacme.sh [build/release]
# takes: 20
set -eu
cd "$(dirname "$0")/../.."
bin=${1:-build/release}/tests/rig
if [ ! -x "$bin/ctlog" ]; then
	echo "checkacme: $bin/ctlog is missing: run make rig" >&2
	exit 1
fi
if ! /usr/bin/python3 -c 'import cryptography' 2>/dev/null; then
	echo "SKIP 1 rig checkacme: python3-cryptography is missing"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export PYTHONDONTWRITEBYTECODE=1
bash tests/rig/checkclients.sh "$dir/clients" >"$dir/clients.said" 2>&1 &
clients=$!
/usr/bin/python3 tests/rig/checkacme.py "$bin" "$dir" \
    >"$dir/acme.said" 2>&1 || :
wait $clients || :
# both end with "N passed, N failed, N skipped", or did not end well
awk '
	/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ {
		p += $1; f += $3; s += $5; ended++
		next
	}
	{ print }
	END {
		if (ended != 2)
			f++
		printf "%d passed, %d failed, %d skipped\n", p, f, s
		exit f != 0
	}' "$dir/acme.said" "$dir/clients.said"
