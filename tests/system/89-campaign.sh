#!/bin/bash
# Mass revocation: many of one CA within an hour are one finding, however they
# come, with how far it is, until all of them are replaced.
#
#   bash tests/system/89-campaign.sh build/release

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 89-campaign "${1:-}"

t_rig --log elm,operator=Elm --log oak,operator=Oak,proto=static
t_sink
t_cas
ca=ca2 t_ca
ca=ca3 t_ca
post "$cas/_rig/new?ca=$T/ca2" >/dev/null
post "$cas/_rig/new?ca=$T/ca3" >/dev/null
t_db campaign
t_conf campaign 'watch: [.corp.example]' \
    "audit: {every: 1h, roots: $T/ca/root.pem}" 'channels:' \
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}" \
    'routes:' '  - {to: [soc]}'
post "/_rig/elm/fill?n=20&seed=1" >/dev/null
once
eq "first read" $rc 0

# certs CA P N: P1 to PN, of CA, declared.
certs()
{
	local i

	for ((i = 1; i <= $3; i++)); do
		ca=$1 t_cert "$2$i.corp.example" "$2$i" --submit "$rig/elm" \
		    --submit "$rig/oak" --final-submit \
		    --crl "$cas/$1/crl/full.crl"
	done
	cat "$T/$2"*.fullchain.pem > "$T/all.pem"
	cv known import "$T/$2"[0-9]*.pem >/dev/null 2>&1
}
ours()
{
	cv known import "$@"
	eq "known import" $rc 0
}
certs ca a 12
certs ca2 b 12
certs ca3 c 9
t_end
