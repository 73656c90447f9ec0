#!/bin/bash
# Check the rig with things that are not ours: python3-cryptography, openssl,
# certspotter.  usage: selfcheck.sh [build/release]
# takes: 25
set -eu
cd "$(dirname "$0")/../.."
bin=${1:-build/release}/tests/rig
for p in ctlog ca casrv tlssrv sink; do
	if [ ! -x "$bin/$p" ]; then
		echo "selfcheck: $bin/$p is missing: run make rig" >&2
		exit 1
	fi
done
if ! /usr/bin/python3 -c 'import cryptography' 2>/dev/null; then
	echo "SKIP 1 rig selfcheck: python3-cryptography is missing"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/rig/selfcheck.py "$bin" "$dir"
