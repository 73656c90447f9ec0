#!/bin/bash
# Check biglog, the server of large logs, with code that shares nothing with
# it.  usage: checkbig.sh [build/release]
# takes: 11
set -eu
cd "$(dirname "$0")/../.."
bin=${1:-build/release}/tests/rig
if [ ! -x "$bin/biglog" ]; then
	echo "checkbig: $bin/biglog is missing: run make rig" >&2
	exit 1
fi
if ! /usr/bin/python3 -c 'import cryptography' 2>/dev/null; then
	echo "SKIP 1 rig checkbig: python3-cryptography is missing"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/rig/checkbig.py "$bin" "$dir"
