# The third part of the demo, sourced by tests/demo.sh: certificates of our
# own, ordered by certvigil from a CA that speaks ACME. What it ordered, it
# expects in the logs.

. tests/rig/acme.sh

live=$work/acme-state/live/blog.example

# The serial number of the certificate that a server would load.
deployed()
{
	openssl x509 -in "$live/cert.pem" -noout -serial | sed 's/.*=//'
}

# Does the deployed key belong to the deployed certificate?
key_fits()
{
	[ "$(openssl pkey -in "$live/key.pem" -pubout)" = \
	    "$(openssl x509 -in "$live/cert.pem" -noout -pubkey)" ]
}

# in_logs SERIAL: the logs in which the certificate was found, and proven.
in_logs()
{
	quiet matches --json | python3 -c 'import json, sys
rows = [json.loads(x) for x in sys.stdin]
for log in sorted({r["log"] for r in rows if r["entry_type"] == "x509" and
                   int(r["serial"], 16) == int(sys.argv[1], 16)}):
    print(log)' "$1"
}

both_logs()	{ [ "$(in_logs "$1" | wc -l)" -eq 2 ]; }

# ordered N: so many issuances were silent because they were ordered.
ordered()
{
	[ "$(quiet findings --silenced --json |
	    grep -c 'fulfils expectation')" -eq "$1" ]
}

silent()
{
	[ "$(quiet findings --all --json | grep -c certificate.unexpected)" \
	    -eq 0 ] || die 'what was ordered was announced'
}

acme_demo()
{
	local first second http

	step 'A CA that speaks ACME; certvigil is its client'
	http=$(_acme_port)
	acme_ca "$work/acme" --http --http-port "$http" --no-caa \
	    --resolve 127.0.0.1 --log "$base/fir" --log "$base/ash" \
	    --final-submit || die 'the ACME CA does not start'
	cat > "$work/certvigil.yaml" <<-EOC
	state_dir: $work/acme-state
	contact: https://security.blog.example/
	log_list: {file: $work/audit-log/loglist.json, signature_key: none}
	egress: {allow_private: [127.0.0.0/8]}   # the log, the CA
	poll: 1s
	watch: [.blog.example]
	acme:
	  directory: $ACME_URL
	  ct: true          # what it issues is in the logs
	  challenges: {http-01: {listen: "127.0.0.1:$http"}}
	EOC
	shown < "$work/certvigil.yaml"
	"$obj/certvigil" --config "$work/certvigil.yaml" run \
	    > "$work/run.log" 2>&1 &
	run=$!
	until_true 40 'the logs are read' sh -c "'$obj/certvigil' --config \
	    '$work/certvigil.yaml' coverage >'$work/coverage' 2>&1"
	echo
	say 'This CA looks for http-01 at a port of its own, because 80 may be' \
	    'taken. It sends each certificate to both logs, as a public CA does.'

	step 'One command: account, order, proof of control, certificate'
	cv issue blog.example www.blog.example
	[ $rc -eq 0 ] || die 'nothing was issued'
	printf '   $ ls -l %s/\n' "${live#"$work/"}"
	out=$(ls -l "$live/" | awk 'NR > 1 { print $1, $3, $NF }')
	shown <<< "$out"
	[ "$(wc -l <<< "$out")" -eq 4 ] || die 'files are missing'
	[ "$(stat -c %a "$live/key.pem")" = 600 ] ||
	    die 'others can read the key'
	key_fits || die 'the key does not belong to the certificate'
	good 'four files in a folder of this issuance, behind one link; names,'
	good 'key, chain, SCTs and validity were checked before they got there'

	step 'It appears in both logs, and nobody is woken'
	first=$(deployed)
	until_true 30 'it is proven in both logs' both_logs "$first"
	until_true 10 'it is known as ordered' ordered 1
	cv matches
	cv findings
	cv findings --silenced
	say "The reason: $(quiet findings --silenced --json | python3 -c '
import json, sys
print(json.loads(sys.stdin.readline())["reason"])')."
	silent
	cv managed list
	grep -q 'blog.example .* logged' <<< "$out" || die 'it is not logged'
	good 'silent, because key and names were noted before the CA was asked'
	say 'The CA did the same work as for pay.shop.example above. The' \
	    'difference is that somebody here ordered it.'

	step 'The CA wants it replaced: ARI, RFC 9773'
	acme_admin ari name=blog.example start=-7200 end=-3600 \
	    explanationURL=https://ca.example/incident > "$work/ari" ||
	    die 'the CA did not take that'
	say 'The window that it advises is over since an hour, as before a mass' \
	    'revocation. It is asked every few hours; the demo moves the clock.'
	echo
	quiet db psql -- -Atc 'update managed_certificate set ari_next = now()' \
	    > "$work/ari" || die 'the clock was not moved'
	cv renew
	[ $rc -eq 0 ] || die 'the renewal failed'
	grep -q '^1 renewed, 0 failed' <<< "$out" || die 'nothing was renewed'
	grep -q 'asks for early renewal' <<< "$out" || die 'it is not said why'
	second=$(deployed)
	[ "$second" != "$first" ] || die 'the old one is still there'
	key_fits || die 'the key does not belong to the certificate'
	acme_show orders | grep -q '"replaces": *"' ||
	    die 'the order does not say what it replaces'
	until_true 30 'it is proven in both logs' both_logs "$second"
	until_true 10 'it is known as ordered' ordered 2
	cv findings --all --kind renewal.requested
	grep -q resolved <<< "$out" || die 'that is not over'
	silent
	good 'replaced at once, with a new key; the order names its predecessor;'
	good 'in both logs, and silent'
	cv renew
	grep -q '^0 renewed, 0 failed, 1 not due' <<< "$out" ||
	    die 'that should be enough'

	kill -TERM "$run"
	wait "$run"
	rc=$?
	run=
	[ $rc -eq 0 ] || die "certvigil run ended with status $rc"
}

if ! _acme_python 2>/dev/null || ! command -v openssl >/dev/null; then
	echo
	say 'Left out: certificates of our own, by ACME (python3-cryptography' \
	    'or openssl is not installed).'
else
	acme_demo
fi
