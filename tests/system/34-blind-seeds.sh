#!/bin/bash
# What is not seen, against a second opinion: random logs, lists and lags, and
# loops over sets of logs by the texts of the policies (tests/rig/blind.py).
#
#   bash tests/system/34-blind-seeds.sh build/release    # LONG=1: 1,000 seeds
#
# takes: 5

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 34-blind-seeds "${1:-}"
seeds=50
[ -z "${LONG:-}" ] || seeds=1000

t_db seeds
printf 'database: "%s"\nstate_dir: %s\n' "$db" "$T/state" > "$T/seeds.yaml"
PATH=$(dirname "$psql"):$PATH
if python3 tests/rig/blind.py "$db" "$prog" "$T/seeds.yaml" 0 \
    "$seeds" >"$T/out" 2>"$T/err"; then
	ok "as by the texts" true
else
	show 40
	fail "coverage --blind says what it should not"
fi
t_end
