#!/bin/bash
# Logs that lie in pages, tiles and answers: read again, refused, and never a
# finding about the log where a network could have done it; what was not read is
# exit status 1, and nothing is lost.
#
#   bash tests/system/32-lies-bodies.sh build/release
#
# takes: 80

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 32-lies-bodies "${1:-}"

both()
{
	lie_case "$1" "$2" rfc6962 "${@:3}"
	lie_case "$1" "$2" static "${@:3}"
}

M=log.misbehaved
E=kind=get-entries,data

# Tiles: partial ones may go when the full one is there, but no earlier.  The
# case that takes longest is the first.
lie_case "missing partial" later static missing_partial 1 ''
# An entry that is not what the tree says.
both bitflip later 'bitflip?index=350' 2 $M
both "bitflip in ours" later 'bitflip?index=402' 2 $M
# Pages.
lie_case "short page" later rfc6962 'short_page?n=7' 0 ''
lie_case "cap and align" later rfc6962 'cap?n=50 align?n=64' 0 ''
both "empty page, twice" later 'empty_page?times=2' 0 ''
both "oversized page, once" later 'oversized_page?times=1' 0 ''
both "truncated page, once" later 'truncated_page?times=1' 0 ''
both "html page, twice" later "html_page?times=2&$E" 0 ''
both "wrong gzip, once" later 'wrong_gzip?times=1' 0 ''
both "reset, twice" later "reset?times=2&$E" 0 ''
both "gzip bomb, once" later 'gzip_bomb?times=1&n=256' 0 ''
both "wrong content type" later wrong_content_type 0 ''
lie_case "duplicate keys" later rfc6962 duplicate_keys 1 ''
lie_case "odd JSON" later rfc6962 odd_json 0 ''
both "html head" later 'html_page?kind=get-sth,checkpoint' 1 ''
# Status codes.
both "429, seconds" later "429_seconds?n=1&times=2&$E" 0 ''
both "429, date" later "429_date?n=1&times=2&$E" 0 ''
both "429, bare" later "429_bare?times=2&$E" 0 ''
both "500, three times" later "500?times=3&$E" 0 ''
both "503, three times" later "503?times=3&$E" 0 ''
both "500 for ever" later '500?kind=get-sth,checkpoint' 1 ''
both "404 for ever" later '404?kind=get-sth,checkpoint' 1 ''
both "410 for ever" later '410?kind=get-sth,checkpoint' 1 ''
# Front-ends that are behind.
both "lagging entries" later 'lag_entries?times=2' 0 ''
# A hash tile.
lie_case "hash tile" later static tile_bitflip 0 ''
# Issuers: announced without them, once proven.
lie_case "issuer, wrong hash" later static issuer_wrong_hash 0 ''
lie_case "issuer, missing" later static issuer_missing 0 ''
t_end
