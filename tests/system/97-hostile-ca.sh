#!/bin/bash
# A CA that is the enemy: whatever it sends, certvigil ends with status 1 and
# one clean sentence, deploys nothing, writes nothing elsewhere, runs nothing,
# and programs of the operator's are told nothing that it chose but a token
# that was checked.  Named after the advisories of reference/ecosystem.md 7.1
# where there is one; tests/unit/acme/test_hostile*.c has the small ones.
#
#   bash tests/system/97-hostile-ca.sh build/release
#
# With LONG=1 also a byte a second, which takes half a minute.
#
# takes: 14

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 97-hostile-ca "${1:-}"
. tests/rig/acme.sh
. tests/system/acme.sh
count=158
hp=$(_acme_port)
if ! acme_ca "$T/ca" --http-port "$hp"; then
	skip $count "acmeca does not start"
	t_end
fi
t_db hostile
mkdir "$T/seen" "$T/cwd"
chmod 777 "$T/seen" "$T/cwd"
# what programs of ours are told
cat > "$T/hook" <<-END
	#!/bin/sh
	{ printf '%s\\n' "\$0" "\$@"; env; echo; } >> $T/seen/hook
	exit 0
END
chmod 755 "$T/hook"
a_more="deploy: {hook: $T/hook}"
a_conf hostile "http-01: {listen: \"127.0.0.1:$hp\"}" \
    "dns-01: {hook: $T/hook, convention: uacme, check: none}"
host=hostile.example
mark=$T/seen/pwned
# as a shell, as a path, as a format, as a terminal would have it
shell="\$(touch $mark)\`touch $mark\`;touch $mark|touch $mark&"
esc='\u001b[2J\u001b]0;pwned\u0007\r\n\u202epwned %s%n%99d'

# What the CA does from now on, in JSON.
fault()
{
	local said

	said=$(http POST "$ACME_ADMIN/fault" "$1")
	case $said in
	*'"error"'*) fail "acmeca: $said" ;;
	esac
}

honest_again()
{
	http POST "$ACME_ADMIN/honest" '{}' >/dev/null
}

# Nothing of what the CA tried has happened.
unharmed()
{
	[ ! -e "$mark" ] || { echo "it ran" >&2; return 1; }
	[ -z "$(ls -A "$T/cwd")" ] || { ls -A "$T/cwd" >&2; return 1; }
	[ ! -e "$live/$host" ] || { echo "deployed" >&2; return 1; }
	! ls -A "$live/.versions" 2>/dev/null | grep . >&2 || return 1
	! grep -q 'pwned\|touch' "$T/seen/hook" 2>/dev/null || {
		grep 'pwned\|touch' "$T/seen/hook" >&2
		return 1
	}
}

# hostile WHAT TEXT FAULT...: the order fails cleanly, and says TEXT
hostile()
{
	local what=$1 text=$2 f

	shift 2
	for f; do
		fault "$f"
	done
	# shellcheck disable=SC2086
	(cd "$T/cwd" && exec timeout 60 "$prog" --config "$conf" --quiet \
	    ${command:-issue $host}) >"$T/out" 2>"$T/err"
	rc=$?
	honest_again
	eq "$what: exit status, lines" "$rc $(wc -l < "$T/err")" "1 1"
	ok "$what: says $text" grep -q -- "$text" "$T/err"
	ok "$what: cleanly" clean
	ok "$what: nothing happened" unharmed
	[ -z "${VERBOSE:-}" ] || cut -c1-300 "$T/err"
}

# No byte that a terminal would obey, and no more than a screen.
clean()
{
	! LC_ALL=C grep -q '[^ -~'$'\xa0'-$'\xff'']' "$T/err" &&
	    [ "$(wc -c < "$T/err")" -lt 9000 ]
}

# Its arguments are words of its convention, a name, a token and a value.
unharmed_hook()
{
	grep -qx hook.example "$T/seen/hook" || return 1
	! grep -v '^[A-Za-z_][A-Za-z_0-9]*=' "$T/seen/hook" |
	    grep -vx "$T/hook\|\|begin\|done\|failed\|dns-01\|hook.example\|[A-Za-z0-9_-]\{22,128\}" >&2 &&
	    ! grep -q pwned "$T/seen/hook"
}

evil=http://evil.example:1/x
cv --quiet account register
eq "register" $rc 0
[ $rc = 0 ] || { show; t_end; }

# --- what is sent ----------------------------------------------------------------------

hostile "uacme 2023: a path as token" 'token: must be' \
    '{"fault":"token","mode":"../../../../../../'"$mark"'"}'
hostile "acme.sh 2023: commands as token" 'token: must be' \
    '{"fault":"token","mode":"'"${shell//\`/}"'aaaaaaaaaaaaaaaaaaaaaa"}'
hostile "no token" 'token: is missing' '{"fault":"no_token"}'
hostile "acme.sh 2023: commands in the problem" 'rejectedIdentifier' \
    '{"fault":"problem","at":"newOrder","type":"rejectedIdentifier",
    "sub":"caa","detail":"'"$esc"'"}'
hostile "a type that is text" 'the CA' \
    '{"fault":"problem","at":"newOrder","type":"x:'"$esc"'","detail":"'"$esc"'"}'
for at in newOrder authz finalize; do
	hostile "Lemur: the URLs of $at lead elsewhere" 'sends us to' \
	    '{"fault":"other_host","at":"'$at'","url":"'$evil'"}'
done
command="account register" hostile "Lemur: those of the directory" \
    'sends us to' '{"fault":"other_host","at":"directory","url":"'$evil'"}'
hostile "Lemur: checked when it is read again" 'sends us to' \
    '{"fault":"set","at":"order,finalize","member":"finalize","value":"\"'$evil'\""}'
hostile "the certificate elsewhere" 'sends us to' \
    '{"fault":"set","at":"order,finalize","member":"certificate",
    "value":"\"'$evil'\""}' \
    '{"fault":"set","at":"order,finalize","member":"status","value":"\"valid\""}'
hostile "the order's Location elsewhere" 'sends us to' \
    '{"fault":"header","at":"newOrder","name":"Location","text":"'$evil'"}'
for at in newOrder authz finalize; do
	hostile "a redirect of $at" '302' \
	    '{"fault":"redirect","at":"'$at'","url":"'$evil'"}'
done
hostile "another name in the order" 'was not ordered' \
    '{"fault":"set","at":"newOrder","member":"identifiers","value":
    "[{\"type\":\"dns\",\"value\":\"evil.example\"}]"}'
hostile "an authorization of another name" 'was not ordered' \
    '{"fault":"set","at":"authz","member":"identifier","value":
    "{\"type\":\"dns\",\"value\":\"evil.example\"}"}'
hostile "a status that there is not" 'status: is none' \
    '{"fault":"set","at":"newOrder","member":"status","value":"\"\\u001b[2J\\r\\npwned\""}'
hostile "the same member twice" 'no JSON' \
    '{"fault":"replace","at":"newOrder","body":
    "{\"status\":\"pending\",\"status\":\"valid\"}"}'
for f in html garbage empty deep; do
	hostile "newOrder: $f" 'cannot be used' \
	    '{"fault":"'$f'","at":"newOrder","status":201}'
done

# --- how it is sent --------------------------------------------------------------------

command="account register"
for f in html garbage empty deep huge; do
	hostile "directory: $f" 'acme.directory\|more than\|too' \
	    '{"fault":"'$f'","at":"directory"}'
done
hostile "directory: a bomb" 'acme.directory\|more than\|too' \
    '{"fault":"gzip","at":"directory","n":256}'
hostile "directory: a redirect" '302' \
    '{"fault":"redirect","at":"directory","url":"'$evil'"}'
hostile "a nonce with a line in it" 'nonce' \
    '{"fault":"nonce_text","at":"newNonce","mode":"abc\r\nX-Evil: pwned"}' \
    '{"fault":"no_nonce"}'
hostile "a nonce of 100 kB" 'nonce' '{"fault":"header","at":"newNonce",
    "name":"Replay-Nonce","n":100000}' '{"fault":"no_nonce"}'
if [ -n "${LONG:-}" ]; then
	hostile "a byte a second" 'timeout' \
	    '{"fault":"drip","at":"directory","n":1}'
	count=$((count + 4))
fi
command=

# a name of its own: what it says is kept to for the next tries of that name
command="issue limited.example" hostile "no more today" \
    'rateLimited.*not before' '{"fault":"429","at":"newOrder","n":99999999}'
cv --quiet issue limited.example
says "nor asked again today" 75 'rateLimited'

hostile "a certificate of 10,000" 'is no PEM\|more than\|too' \
    '{"fault":"long","at":"cert","n":10000}'

hostile "chains without end" 'header lines' \
    '{"fault":"links","at":"cert","n":10000}'

# what goes on does so in spite of it, with as many requests as are due
fault '{"fault":"links","at":"cert","n":200}'
before=$(acme_show stats | grep -o '"cert": *[0-9]*' | grep -o '[0-9]*$')
(cd "$T/cwd" && exec timeout 60 "$prog" --config "$conf" --quiet issue $host \
    --preferred-chain 'Nobody') >"$T/out" 2>"$T/err"
eq "many chains: it is issued" $? 0
[ ! -s "$T/err" ] || show
honest_again
after=$(acme_show stats | grep -o '"cert": *[0-9]*' | grep -o '[0-9]*$')
ok "many chains: few are fetched" test $((after - ${before:-0})) -le 9
complete "in the end" $host
ok "the hook ran" grep -q CERTVIGIL "$T/seen/hook"

# a program that places records is told a name, a token and a value, or nothing
acme_admin set always_valid=1 no_caa=1 >/dev/null
: > "$T/seen/hook"
fault '{"fault":"token","mode":"'"${shell//\`/}"'aaaaaaaaaaaaaaaaaaaaaa"}'
cv --quiet issue hook.example --challenge dns-01
says "acme.sh 2023: commands for a hook" 1 'token: must be'
ok "it is not run" test ! -s "$T/seen/hook"
honest_again
fault '{"fault":"header","at":"authz","name":"Link","text":"<x>;pwned"}'
fault '{"fault":"set","at":"authz,order","member":"pwned","value":"\"pwned\""}'
cv --quiet issue hook.example --challenge dns-01
eq "by a hook" $rc 0
[ $rc = 0 ] || show
ok "the hook is told no more" unharmed_hook
honest_again

# another server than it says it is
ACME_PAIR=$T/other
mkdir "$T/other.d"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests/rig "$_acme_py" -c '
import sys
from acmelib.pki import tls_pair
tls_pair(sys.argv[1])' "$T/other.d"
ACME_TLS=$T/other.d/tlsca.pem
chmod -R a+rX "$T/other.d"
a_conf tls "http-01: {listen: \"127.0.0.1:$hp\"}"
command="account register" hostile "TLS of somebody else" 'acme.ca_file'
t_end
