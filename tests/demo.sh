#!/bin/bash
# The main job, end to end, on this machine alone:
#
#   make demo        (bash tests/demo.sh build/release)
#
# A local CT log in both protocols, real certificates in it, a CA, a receiver
# of webhooks that is not our code, and certvigil on its embedded PostgreSQL.
# Ends with 0 only when every step showed what it must.

set -u
cd "$(dirname "$0")/.." || exit 1
obj=$(cd "${1:-build/release}" && pwd) || exit 1
for p in certvigil tests/rig/ctlog tests/rig/ca tests/rig/casrv \
    tests/rig/tlssrv tests/rig/sink; do
	if [ ! -x "$obj/$p" ]; then
		echo "demo: $obj/$p is not there: make all rig" >&2
		exit 1
	fi
done
unset CERTVIGIL_CONFIG STATE_DIRECTORY CREDENTIALS_DIRECTORY
export NO_COLOR=1 no_proxy=127.0.0.1
[ -n "${CERTVIGIL_DATA:-}" ] || CERTVIGIL_DATA=../shared/data
export CERTVIGIL_DATA

work=$(mktemp -d "${TMPDIR:-/tmp}/cvdemo.XXXX") || exit 1
chmod 755 "$work"
pids=() run=

cleanup()
{
	local p
	trap - EXIT INT TERM
	if [ -n "$run" ]; then
		kill "$run" 2>/dev/null
		wait "$run" 2>/dev/null
	fi
	for p in ${pids[@]+"${pids[@]}"}; do
		kill "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# --- how things are shown -----------------------------------------------------

start=$SECONDS steps=0

step()	{ steps=$((steps + 1)); printf '\n%d. %s\n\n' $steps "$*"; }
say()	{ printf '%s\n' "$*" | fold -s -w 76 | sed 's/^/   /; s/ *$//'; }
good()	{ printf '   [ok] %s\n' "$*"; }

# What a program printed: wide tables drawn together, long lines wrapped.
shown()
{
	python3 -c 'import itertools, re, sys, textwrap
def cells(line):
    return re.split(r"(?<=\S) {2,}", line.rstrip())
lines = sys.stdin.read().splitlines()
wide = max(map(len, lines), default=0) > 74
for n, block in itertools.groupby(lines, lambda x: len(cells(x))):
    rows = [cells(x) for x in block]
    fit = [max(map(len, col)) for col in zip(*rows)] if wide else []
    for row in rows:
        line = "  ".join(c.ljust(w) for c, w in zip(row, fit)) if n > 2 \
            and wide else "%-12s %s" % tuple(row) if n == 2 else \
            "  ".join(row)
        pad = re.match(" *", line).group() + "    "
        for x in textwrap.wrap(line.rstrip(), 74, subsequent_indent=pad,
            break_long_words=False, break_on_hyphens=False) or [""]:
            print("     " + x)'
}

die()
{
	printf '\n   [FAILED] %s\n' "$*" >&2
	if [ -s "$work/run.log" ]; then
		echo "   the last lines of certvigil run:" >&2
		tail -n 15 "$work/run.log" | sed 's/^/     /' >&2
	fi
	exit 1
}

# Words as a user would type them.
typed()
{
	local w
	for w; do
		case $w in
		*[!A-Za-z0-9_./:=,@%+-]*) printf " '%s'" "$w" ;;
		*)	printf ' %s' "$w" ;;
		esac
	done
}

# Show a command, run it, show what it prints; its output stays in $out.
cv()
{
	printf '   $ certvigil%s\n' "$(typed "$@")"
	out=$(cd "$work" && "$obj/certvigil" --config certvigil.yaml "$@" 2>&1)
	rc=$?
	[ -z "$out" ] ||
	    printf '%s\n' "$out" | sed '/^  detail$/,$d' | shown
}

quiet()	{ "$obj/certvigil" --config "$work/certvigil.yaml" "$@" 2>/dev/null; }

# until_true SECONDS WHAT COMMAND...
until_true()
{
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		[ $SECONDS -lt $end ] || die "waited in vain until $what"
		if [ -n "$run" ] && ! kill -0 "$run" 2>/dev/null; then
			die "certvigil run ended"
		fi
		sleep 0.3
	done
}

# field FILE NAME: a value of a one-line JSON object.
field()
{
	python3 -c 'import json, sys
print(json.loads(open(sys.argv[1]).readline())[sys.argv[2]])' "$1" "$2"
}

# server NAME PROGRAM ARGUMENT...: started, its ready line in $work/NAME.json.
server()
{
	local name=$1
	shift
	"$@" > "$work/$name.json" 2> "$work/$name.err" &
	pids+=($!)
	until_true 10 "$name listens" test -s "$work/$name.json"
}

# Ask the log for something (tests/rig/README.md); its answer on stdout.
admin()
{
	python3 -c 'import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], data=b"{}",
    timeout=10).read().decode())' "$adm/$1"
}

# Both logs sign a head over all that was submitted to them: $size entries.
publish()
{
	admin elm/publish > "$work/head" && admin oak/publish > "$work/head" ||
	    die 'the rig did not answer'
	size=$(field "$work/head" tree_size)
}

sizes()
{
	quiet coverage --json | python3 -c 'import json, sys
print(*sorted(json.loads(x)["verified_size"] or 0 for x in sys.stdin))'
}

proven()	{ [ "$(sizes)" = "$1 $1" ]; }

# What arrived at the receiver, as "KIND STATE-OF-SIGNATURE" lines.
hooks()
{
	python3 - "$work/hooks" "$@" <<-'END'
	import json, sys
	for line in open(sys.argv[1]):
	    r = json.loads(line)
	    for d in [json.loads(r["body"])["data"]]:
	        for f in d.get("findings", [d]):
	            if len(sys.argv) < 3 or f.get("kind") == sys.argv[2]:
	                print(f.get("kind"), r["verified"], r["webhook_id"])
	END
}

arrived()	{ [ "$(hooks "$1" | wc -l)" -ge 1 ]; }

# --- the demo ---------------------------------------------------------------

step 'A certificate transparency log, and a CA, on this machine'
server log "$obj/tests/rig/ctlog" --dir "$work/log" --port 0 \
    --interval 3600000 --log elm,operator=Elm \
    --log oak,operator=Oak,proto=static
base=$(field "$work/log.json" base) adm=$(field "$work/log.json" admin)
logs=(--submit "$base/elm" --submit "$base/oak" --final-submit)
"$obj/tests/rig/ca" init "$work/ca" --name 'Demo CA' >/dev/null ||
    die 'the CA could not be made'
n=$("$obj/tests/rig/ca" real "$work/ca" --log "$base/elm" --log "$base/oak" |
    tr -dc 0-9)
[ "${n:-0}" -gt 0 ] || die 'no certificates in /etc/ssl/certs'
"$obj/tests/rig/ca" issue "$work/ca" --name old.shop.example --age 40 \
    --out "$work/old" "${logs[@]}" >/dev/null || die 'nothing was issued'
publish
say "Log \"elm\" is read as RFC 6962 (JSON), log \"oak\" as static-ct-api" \
    "(tiles). Each has $((size - 2)) real certificates of real CAs, and one" \
    "for old.shop.example that was there before anybody watched."

step 'Somebody who owns shop.example, with the smallest configuration'
printf 'whsec_%s\n' "$(head -c 32 /dev/urandom | base64)" > "$work/soc.secret"
: > "$work/hooks"
server sink "$obj/tests/rig/sink" --secret-file "$work/soc.secret" \
    --log-file "$work/hooks"
sink=$(field "$work/sink.json" port)
cat > "$work/certvigil.yaml" <<EOC
state_dir: $work/state
contact: https://security.shop.example/
log_list: {file: $work/log/loglist.json, signature_key: none}
egress: {allow_private: [127.0.0.0/8]}   # the log and the receiver are here
start: beginning
poll: 1s
watch: [.shop.example]
channels:
  - {name: soc, kind: webhook, url: "http://127.0.0.1:$sink/webhook",
     secret_file: $work/soc.secret}
routes:
  - {to: [soc]}
EOC
shown < "$work/certvigil.yaml"
echo
cv config check
[ $rc -eq 0 ] || die 'the configuration is wrong'

step 'certvigil run, in the background, on its own PostgreSQL'
"$obj/certvigil" --config "$work/certvigil.yaml" run > "$work/run.log" 2>&1 &
run=$!
until_true 40 "both logs are proven to $size entries" proven "$size"
cv coverage
cv findings
cv baseline list
[ "$(quiet findings --json | wc -l)" -eq 0 ] || die 'that should be silent'
grep -q old.shop.example <<< "$out" || die 'the baseline is not listed'
[ ! -s "$work/hooks" ] || die 'a message was sent'
good "$size entries of each log hashed up to the root that it signed;"
good 'what was there before is listed, and nobody was woken'

step 'A certificate that was declared'
"$obj/tests/rig/ca" issue "$work/ca" --name www.shop.example \
    --out "$work/www" "${logs[@]}" >/dev/null || die 'nothing was issued'
cv known import www.fullchain.pem
[ $rc -eq 0 ] || die 'the import failed'
publish
until_true 20 "both logs are proven to $size entries" proven "$size"
sleep 1
cv matches
grep -q www.shop.example <<< "$out" || die 'it was not matched'
[ "$(quiet findings --json | wc -l)" -eq 0 ] || die 'that should be silent'
[ ! -s "$work/hooks" ] || die 'a message was sent'
good 'seen in both logs, and silent: it is known'

step 'A certificate that nobody declared'
say 'The same CA now issues for pay.shop.example. Nobody here ordered that.'
echo
"$obj/tests/rig/ca" issue "$work/ca" --name pay.shop.example \
    --out "$work/pay" "${logs[@]}" >/dev/null || die 'nothing was issued'
publish
until_true 20 'the webhook arrives' arrived certificate.unexpected
until_true 20 "both logs are proven to $size entries" proven "$size"
say 'What the receiver got (not our code; it checks as Standard Webhooks 1.0' \
    'says):'
echo
python3 - "$work/hooks" <<'END' | shown
import json, sys
r = json.loads(open(sys.argv[1]).readline())
h = {k.lower(): v for k, v in r["headers"].items()}
for k in ("webhook-id", "webhook-timestamp", "webhook-signature"):
    print("%s: %s" % (k, h.get(k)))
print()
b = json.loads(r["body"])
d = b["data"]
f = d.get("findings", [d])[0]
print("type %s, at %s" % (b["type"], b["timestamp"]))
for k in ("kind", "severity", "name", "watch", "reason", "rule",
          "issuer_owner", "key_status", "caa", "served_at", "proven",
          "logs"):
    if f.get(k) not in (None, "", []):
        print("%s: %s" % (k, json.dumps(f[k])))
for x in f.get("next", []):
    print("next: " + x)
END
echo
[ "$(hooks certificate.unexpected | wc -l)" -eq 1 ] ||
    die 'more than one message about one certificate'
hooks certificate.unexpected | grep -q ' True ' ||
    die 'the signature is wrong'
good 'signature verified by the receiver'
good 'four log entries (two logs; precertificate and certificate), one message'

step 'What is known about it, and why it was announced'
id=$(quiet findings --json | python3 -c 'import json, sys
print(json.loads(sys.stdin.readline())["id"])')
cv findings
cv findings show "$id"
grep -q pay.shop.example <<< "$out" || die 'it is not shown'
cv why "$id"
[ $rc -eq 0 ] || die 'it is not explained'

step 'The proof, for somebody who does not believe us'
mkdir "$work/evidence"
chmod 777 "$work/evidence"
cv evidence export "$id" --output evidence/finding.json
[ $rc -eq 0 ] || die 'no evidence was written'
cv evidence verify --log-list log/loglist.json evidence/finding.json
[ $rc -eq 0 ] || die 'the evidence does not verify'
good 'certificate, leaf, inclusion proof, signed head: verified with the'
good 'keys of a log list, not with what the file itself says'
python3 - "$work/evidence/finding.json" "$work/evidence/forged.json" <<'END'
import re, sys
s = open(sys.argv[1]).read()
i = re.search(r'"index": ?(\d+)', s)
open(sys.argv[2], "w").write(s[:i.start(1)] + str(int(i.group(1)) + 1) +
                             s[i.end(1):])
END
quiet evidence verify --log-list "$work/log/loglist.json" \
    "$work/evidence/forged.json" >/dev/null
[ $? -eq 2 ] || die 'a forged file verifies'
good 'the same file with one number changed is refused'

step 'A log that lies'
say 'Log "elm" now serves one entry with one bit flipped; its heads and' \
    'proofs stay valid. This happened to a real log (Yeti 2022).'
echo
for ask in 'fill?n=40&seed=7' "lie?lie=bitflip&index=$((size + 20))" publish
do
	admin "elm/$ask" > "$work/head" || die 'the rig did not answer'
done
until_true 30 'the lie is found' arrived log.misbehaved
cv findings --kind log.misbehaved
id=$(quiet findings --kind log.misbehaved --json | python3 -c 'import json, sys
print(json.loads(sys.stdin.readline())["id"])')
cv findings show "$id"
grep -q log.misbehaved <<< "$out" || die 'there is no finding'
hooks log.misbehaved | grep -q ' True ' || die 'the signature is wrong'
[ "$(hooks certificate.unexpected | wc -l)" -eq 1 ] ||
    die 'more than one message about one certificate'
good 'found, announced; nothing of what that log said was believed'
cv coverage

kill -TERM "$run"
wait "$run"
rc=$?
run=
[ $rc -eq 0 ] || die "certvigil run ended with status $rc"

. tests/demo_audit.sh
. tests/demo_acme.sh

printf '\nAll of it was as it must be (%d steps, %d s).\n' $steps \
    $((SECONDS - start))
