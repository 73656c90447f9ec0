#!/bin/bash
# Logs that lie about heads and proofs: which finding that opens, with which
# exit status run --once ends, and that nothing is lost; and what looks like a
# lie but is honest.
#
#   bash tests/system/31-lies-heads.sh build/release
#
# takes: 50

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 31-lies-heads "${1:-}"

both()
{
	lie_case "$1" "$2" rfc6962 "${@:3}"
	lie_case "$1" "$2" static "${@:3}"
}

M=log.misbehaved

# Another tree of the same size, or a continuation of one.
both fork same fork 2 $M
both "fork, heads only" same 'fork?mode=head' 2 $M
both "fork, grown" later 'fork?at=301' 2 $M
# A front-end that is behind tells a smaller head: honest.
both shrink later 'shrink?times=1' 0 ''
both flap later flap 0 ''
# Time.  A head that is older than what is in its tree is wrong as well.
both stale first stale 0 "$M log.stale"
both future same future_timestamp 0 $M
both backwards later backwards_timestamp 0 $M
both "slightly behind" same 'backwards_timestamp?n=60' 0 ''
# Signatures.
both "bad signature" later bad_signature 2 $M
both "bad signature, once" later 'bad_signature?times=1' 0 ''
both "wrong key" later wrong_key 2 $M
lie_case "wrong origin" later static wrong_origin 2 $M
lie_case "wrong origin in both" later static 'wrong_origin?mode=both' 2 $M
lie_case "extra signatures" later static extra_signatures 0 ''
both readonly first state?state=readonly 0 ''
# The right edge of a tree that is followed from now on.
from=now both "start at the end" first 'proof_bad tile_bitflip' 2 $M
from=now lie_case "start at the end, once" first rfc6962 'proof_bad?times=1' \
    0 ''
from=now lie_case "start at the end, once" first static \
    'tile_bitflip?times=1' 0 ''
# To commit on the way needs a proof of consistency: enough matches for that,
# in more pages than come at once.
fill=1500 opts=cap=64 lie_case consistency first rfc6962 consistency_bad 2 $M .
fill=1500 opts=cap=64 lie_case "consistency, once" first rfc6962 \
    'consistency_bad?times=1' 0 '' .
fill=3000 lie_case consistency first static tile_bitflip 2 $M .
fill=3000 lie_case "consistency, once" first static 'tile_bitflip?times=1' \
    0 '' .
t_end
