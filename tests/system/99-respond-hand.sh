#!/bin/bash
# What respond prints for certbot and lego, run as it stands: the order fails
# because of its last name, and the certificate is revoked all the same.
#
#   LONG=1 bash tests/system/99-respond-hand.sh build/release
#
# Needs python3-cryptography (the rig's ACME CA), certbot, lego.

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/rig/acme.sh
t_begin 99-respond-hand "${1:-}"

if [ -z "${LONG:-}" ]; then
	skip 8 "takes a quarter of a minute; LONG=1 runs it"
	t_end
fi
if ! _acme_python 2>/dev/null || ! _acme_need certbot lego 2>/dev/null; then
	skip 8 "python3-cryptography, certbot or lego is not installed"
	t_end
fi
http=$(_acme_port)
mkdir "$T/ca"
t_rig --log log
t_dns
printf '%s\n' {a,b}.corp.example\ 60\ A\ 127.0.0.1 > "$T/zone"
acme_ca "$T/ca" --log "$rig/log" --http --http-port "$http" --dns \
    "${dns/@/:}" --vantage 1 --no-caa --shards 2 || exit 1
t_db hand
t_conf hand 'watch: [.corp.example]' "audit: {resolvers: [\"$dns\"]}" \
    'acme:' "  directory: $ACME_URL" \
    "  challenges: {http-01: {listen: \"127.0.0.1:$http\"}}"
post "/_rig/log/fill?n=5&seed=1" >/dev/null
once
eq "first read" $rc 0
for f in certbot lego; do
	acme_admin issue names=a.corp.example,b.corp.example > "$T/$f.json" ||
	    fail "acmeca: issue"
done
once
eq "they are read" "$rc $(sql "select count(*) from finding")" "0 2"

# Certbot's questions are answered by its configuration.
mkdir -p "$T/letsencrypt" "$T/hand"
printf '%s\n' 'non-interactive = true' 'agree-tos = true' \
    'register-unsafely-without-email = true' "config-dir = $T/certbot" \
    "work-dir = $T/certbot" "logs-dir = $T/certbot" \
    > "$T/letsencrypt/cli.ini"
export XDG_CONFIG_HOME=$T

revoked()
{
	acme_show cert "serial=$1" | grep -c '"revoked": *{'
}

# by PROGRAM FINDING: what the plan says for it, line by line
by()
{
	local serial certs n

	serial=$(sql "select i.serial from finding f join issuance i on
	    f.subject = encode(i.tbs_sha256, 'hex') where f.id = $2")
	certs=$(acme_show certs | grep -o '"serial"' | wc -l)
	cv respond "$2" --report
	sed -n '/BEGIN CERT/,/END CERT/p' "$T/out" > "$T/hand/bad.pem"
	cv --json respond "$2"
	python3 -c 'import json, sys
print("\n".join(json.load(open(sys.argv[1]))[sys.argv[2]]))' "$T/out" "$1" \
	    > "$T/hand/$1.sh"
	n=$(wc -l < "$T/hand/$1.sh")
	(cd "$T/hand" && head -n 1 "$1.sh" | bash) > "$T/out" 2> "$T/err"
	ok "$1: the order fails" [ $? -ne 0 ]
	(cd "$T/hand" && tail -n $((n - 1)) "$1.sh" | bash -e) > "$T/out" \
	    2> "$T/err"
	eq "$1: the rest does not" $? 0
	eq "$1: it is revoked, and none was issued" "$(revoked "$serial") $((
	    $(acme_show certs | grep -o '"serial"' | wc -l) - certs))" "1 0"
	[ "$(revoked "$serial")" = 1 ] || show
}

by certbot 1
by lego 2
t_end
