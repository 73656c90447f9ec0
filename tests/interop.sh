#!/bin/bash
# The newest pebble, built by Go from its module proxy, has what Debian's lacks:
# renewal information (RFC 9773), `replaces` and alreadyReplaced, profiles,
# dns-account-01, dns-persist-01, Retry-After, and refuses who has no
# User-Agent.  Nothing but its own folder below build/ is written to.
#
#   make interop     (bash tests/interop.sh build/release)
#
# Where Go or its proxy is not there, one line says how much was skipped.

# The one place that says which.
pebble=v2.10.3
module=github.com/letsencrypt/pebble/v2
need=1.25

set -u
cd "$(dirname "$0")/.." || exit 1
. tests/system/lib.sh
. tests/rig/acme.sh
count=28
bin=$PWD/build/interop/$pebble

give_up()
{
	echo "SKIP $count interop: $*"
	echo "0 passed, 0 failed, $count skipped"
	exit 0
}

# Is the Go that is here as new as pebble's go.mod asks for?
new_enough()
{
	local have

	have=$(go env GOVERSION 2>/dev/null | sed 's/^go//')
	[ -n "$have" ] && printf '%s\n%s\n' "$need" "$have" | sort -V -C
}

if [ ! -x "$bin/pebble" ]; then
	command -v go >/dev/null || give_up "go is not installed"
	new_enough || give_up "$(go version) is older than $need"
	mkdir -p "$bin" || exit 1
	(
		export GOPATH=$PWD/build/interop/go GOBIN=$bin \
		    GOCACHE=$PWD/build/interop/cache GOFLAGS=-modcacherw \
		    GOTOOLCHAIN=local GOENV=off
		cd / && timeout 900 go install "$module/cmd/pebble@$pebble" \
		    "$module/cmd/pebble-challtestsrv@$pebble"
	) >"$bin/log" 2>&1 || {
		why=$(tail -n 1 "$bin/log")
		rm -rf "$bin"
		give_up "pebble $pebble cannot be built: $why"
	}
fi
PATH=$bin:$PATH
for p in knotd openssl; do
	PATH=$PATH:/usr/sbin command -v $p >/dev/null ||
	    give_up "$p is not installed"
done
t_begin interop "${1:-}"
. tests/system/acme.sh
hp=$(_acme_port)
acme_knot "$T/knot" example.org || exit 1
acme_pebble "$T/pb" "http=$hp" "dns=$ACME_DNS" nonces=20 profiles=yes \
    retry=1 sleep=2 || exit 1
pebble_port=$ACME_PORT management=$ACME_MANAGEMENT
acme_proxy "$T/pb" || exit 1
echo "$ACME_TSIG_SECRET" > "$T/tsig"
chmod 644 "$T/tsig"
t_db interop
rfc2136="rfc2136: {server: \"127.0.0.1@${ACME_DNS#*:}\", key_name: $ACME_TSIG_NAME, secret_file: $T/tsig}"
a_conf interop "http-01: {listen: \"127.0.0.1:$hp\"}" \
    "dns-01: {$rfc2136, check: none}"

# what the proxy saw of a kind of request
asked()
{
	grep -c "\"POST\", \"/$1" "$T/pb/proxy.log"
}

cert_days()
{
	local end

	end=$(openssl x509 -in "$live/$1/cert.pem" -noout -enddate)
	echo $((($(date -d "${end#*=}" +%s) - $(date +%s)) / 86400))
}

done_ok()
{
	eq "$1" "$rc" 0
	[ "$rc" = 0 ] || show
}

# --- orders, Retry-After, User-Agent -----------------------------------------------------

cv issue www.example.org --profile default
done_ok "http-01"
complete "http-01" www.example.org
eq "90 days" "$(cert_days www.example.org)" 89
# validation sleeps for up to 2 s; without Retry-After it is asked at 0.1 s, 0.3 s, ...
ok "Retry-After: few looks" test "$(asked authZ)" -le 6
eq "who has no User-Agent is refused" "$(curl -s -A '' --cacert "$ACME_TLS" \
    "https://localhost:$pebble_port/dir" | grep -c 'User-Agent')" 1
cv issue dns.example.org '*.dns.example.org' --challenge dns-01
done_ok "dns-01, base and wildcard"
cv account rollover --key p384
done_ok "another key for the account"

# --- profiles ----------------------------------------------------------------------------

cv issue short.example.org --profile shortlived
done_ok "a profile"
eq "six days" "$(cert_days short.example.org)" 5
cv issue other.example.org --profile nosuch
done_ok "a profile that is not offered is only preferred"

# --- renewal information ---------------------------------------------------------------

# The CA's answer of renewalInfo for what is served as $1.
renewal_info()
{
	"$_acme_py" -c 'import json, sys
print(json.dumps({"Certificate": open(sys.argv[1]).read(),
    "ARIResponse": sys.argv[2]}))' "$live/$1/cert.pem" "$2" |
	    curl -s --cacert "$ACME_TLS" --data-binary @- -o "$T/set" \
	    -w '%{http_code}' "$management/set-renewal-info/"
}

window()
{
	printf '{"suggestedWindow":{"start":"%s","end":"%s"},"explanationURL":"https://localhost/why"}' \
	    "$1" "$2"
}

serial()
{
	sql "select serial from managed_certificate where name = '$1'"
}

look_again()
{
	sql "update managed_certificate set ari_next = now()" >/dev/null
}

was=$(serial www.example.org)
look_again
cv renew www.example.org --dry-run
done_ok "renewal information: read"
cv renew
eq "not due" "$rc $(serial www.example.org)" "0 $was"
eq "it is the CA's window" "$(sql "select ari_start is not null or ari_pick is
    not null from managed_certificate where name = 'www.example.org'")" t
old=$(sql "select ari_id from managed_certificate where name =
    'www.example.org'")
eq "a window in the past is set" "$(renewal_info www.example.org \
    "$(window 2026-01-01T00:00:00Z 2026-01-02T00:00:00Z)")" 200
look_again
cv renew
done_ok "due by the CA's word"
ok "another certificate" test "$(serial www.example.org)" != "$was"
ok "it is said" grep -q 'www.example.org: the CA asks for early renewal' \
    "$T/err"
eq "the order replaces the old one" "$(grep -c 'already has a replacement' \
    "$T/pb/pebble.out")" 0
was=$(serial www.example.org)
eq "what is no JSON is set" "$(renewal_info www.example.org '{"sugg')" 200
look_again
cv renew
eq "what is no JSON changes nothing" "$rc $(serial www.example.org)" "0 $was"
# once more for the one that is replaced: 409, then without
sql "update managed_certificate set ari_id = '$old' where name =
    'www.example.org'" >/dev/null
orders=$(asked order-plz)
eq "a window in the past again" "$(renewal_info www.example.org \
    "$(window 2026-01-01T00:00:00Z 2026-01-02T00:00:00Z)")" 200
sql "update managed_certificate set next_at = now(), not_before = now() -
    interval '80 days', not_after = now() + interval '9 days' where name =
    'www.example.org'" >/dev/null
cv renew
done_ok "alreadyReplaced: renewed all the same"
ok "another one again" test "$(serial www.example.org)" != "$was"
ok "asked twice at least" test $(($(asked order-plz) - orders)) -ge 2

# --- challenges that Debian's does not have -----------------------------------------------

a_conf interop "dns-01: {$rfc2136, check: none}" "dns-account-01: {}" \
    "dns-persist-01: {place: dns-01}"
for type in dns-account-01 dns-persist-01; do
	cv issue "$type.example.org" "*.$type.example.org" --challenge $type
	case $rc in
	64 | 78)
		skip 2 "this certvigil has no $type" ;;
	*)
		done_ok "$type"
		complete "$type" "$type.example.org" ;;
	esac
done
t_end
