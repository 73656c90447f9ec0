# The third part of the demo, sourced by tests/demo.sh: the loop closed through
# ACME. What certvigil orders, it expects in the logs; what somebody else
# obtains, it finds there and has revoked; what is revoked without its order,
# it replaces.

. tests/rig/acme.sh

live=$work/acme-state/live

# The serial number of the certificate that a server would load.
deployed()
{
	openssl x509 -in "$live/$1/cert.pem" -noout -serial | sed 's/.*=//'
}

# Does the deployed key belong to the deployed certificate?
key_fits()
{
	[ "$(openssl pkey -in "$live/$1/key.pem" -pubout)" = \
	    "$(openssl x509 -in "$live/$1/cert.pem" -noout -pubkey)" ]
}

# Is it found, and proven, in both logs?
both_logs()
{
	[ "$(quiet matches --json | python3 -c 'import json, sys
rows = [json.loads(x) for x in sys.stdin]
print(len({r["log"] for r in rows if r["entry_type"] == "x509" and
           int(r["serial"], 16) == int(sys.argv[1], 16)}))' "$1")" = 2 ]
}

# ordered N: so many issuances were silent because they were ordered.
ordered()
{
	[ "$(quiet findings --silenced --json |
	    grep -c 'fulfils expectation')" -eq "$1" ]
}

# alarms N: so many certificates were announced.
alarms()
{
	[ "$(quiet findings --all --json | grep -c certificate.unexpected)" \
	    -eq "$1" ]
}

# state ID: of a finding
state_is()
{
	[ "$(quiet findings show "$1" --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["state"])')" = "$2" ]
}

replaced()
{
	[ "$(deployed "$1")" != "$2" ]
}

ready()	{ quiet coverage > "$work/coverage"; }

# --- the set-up -----------------------------------------------------------------

acme_servers()
{
	step 'A CA that speaks ACME, a name server, and certvigil as their client'
	acme_knot "$work/knot" blog.example example || die 'no name server'
	(umask 022; echo "$ACME_TSIG_SECRET" > "$work/tsig.key")
	http=$(_acme_port)
	acme_ca "$work/acme" --http --http-port "$http" --dns "$ACME_DNS" \
	    --no-caa --log "$base/fir" --log "$base/ash" --final-submit \
	    --shards 1 || die 'the ACME CA does not start'
	cat > "$work/certvigil.yaml" <<-EOC
	state_dir: $work/acme-state
	contact: https://security.blog.example/
	log_list: {file: $work/audit-log/loglist.json, signature_key: none}
	egress: {allow_private: [127.0.0.0/8]}   # the logs, the CA
	poll: 1s
	watch: [.blog.example]
	audit: {every: 1s, resolvers: ["${ACME_DNS/:/@}"]}
	acme:
	  directory: $ACME_URL
	  ct: true          # what it issues is in the logs
	  challenges:
	    http-01: {listen: "127.0.0.1:$http"}
	    dns-01:
	      rfc2136: {server: "${ACME_DNS/:/@}", key_name: $ACME_TSIG_NAME,
	                secret_file: $work/tsig.key}
	      check: none   # there is one server, and it is asked at once
	EOC
	shown < "$work/certvigil.yaml"
	"$obj/certvigil" --config "$work/certvigil.yaml" run \
	    > "$work/run.log" 2>&1 &
	run=$!
	until_true 40 'the logs are read' ready
	echo
	say 'The CA is ours, because pebble, the usual test server, has neither' \
	    'CRLs nor logs, and does not let another account revoke. It sends' \
	    'each certificate to both logs, as a public CA does. The name' \
	    "server is Debian's knot; it takes updates that are signed (TSIG)." \
	    'The CA looks for http-01 at a port of its own: 80 may be taken.'
}

# --- ours ---------------------------------------------------------------------------

by_http()
{
	step 'A certificate by http-01: one command'
	cv issue blog.example www.blog.example --challenge http-01
	[ $rc -eq 0 ] || die 'nothing was issued'
	printf '   $ ls -l acme-state/live/blog.example/\n'
	out=$(ls -l "$live/blog.example/" | awk 'NR > 1 { print $1, $3, $NF }')
	shown <<< "$out"
	[ "$(wc -l <<< "$out")" -eq 4 ] || die 'files are missing'
	[ "$(stat -c %a "$live/blog.example/key.pem")" = 600 ] ||
	    die 'others can read the key'
	key_fits blog.example ||
	    die 'the key does not belong to the certificate'
	good 'account, order, proof of control, certificate; names, key, chain,'
	good 'SCTs and validity were checked before it got there'
}

by_dns()
{
	step 'A wildcard by dns-01: the same, with records in the DNS'
	cv issue shop.blog.example '*.shop.blog.example' --challenge dns-01
	[ $rc -eq 0 ] || die 'nothing was issued'
	key_fits shop.blog.example ||
	    die 'the key does not belong to the certificate'
	say 'The name server took these records, signed with our TSIG key, and' \
	    'took them away again; its log:'
	out=$(sed -n 's/^[^ ]* info: //p' "$work/knot/knot.log" |
	    grep -i 'ddns')
	tail -n 4 <<< "$out" | shown
	[ -n "$out" ] || die 'the name server saw no update'
	"$_acme_py" tests/rig/dnsd.py --ask "$ACME_DNS" \
	    _acme-challenge.shop.blog.example TXT > "$work/txt"
	! grep -q '"TXT"' "$work/txt" || die 'a record is still there'
	good 'issued, and nothing is left in the zone'
}

silence()
{
	step 'Both appear in both logs, and nobody is woken'
	until_true 30 'the first is in both logs' both_logs \
	    "$(deployed blog.example)"
	until_true 30 'the second is in both logs' both_logs \
	    "$(deployed shop.blog.example)"
	until_true 10 'they are known as ordered' ordered 2
	cv findings
	cv findings --silenced
	say "The reason: $(quiet findings --silenced --json | python3 -c '
import json, sys
print(json.loads(sys.stdin.readline())["reason"])')."
	alarms 0 || die 'what was ordered was announced'
	cv managed list
	[ "$(grep -c ' logged' <<< "$out")" -eq 2 ] || die 'one is not logged'
	good 'silent, because key and names were noted before the CA was asked'
}

# said LINES: what certvigil run said since then of our names.
said()
{
	say 'What certvigil run says of it:'
	out=$(tail -n +$(($1 + 1)) "$work/run.log" | grep 'blog\.example')
	shown <<< "$out"
	grep -q 'blog.example: renewed' <<< "$out" || die 'it is not said'
}

early()
{
	local first second lines

	step 'The CA wants one replaced: ARI, RFC 9773'
	first=$(deployed blog.example)
	lines=$(wc -l < "$work/run.log")
	acme_admin ari name=blog.example start=-7200 end=-3600 \
	    explanationURL=https://ca.example/incident > "$work/ari" ||
	    die 'the CA did not take that'
	say 'The window that it advises is over since an hour, as before a mass' \
	    'revocation. It is asked every few hours; the demo moves the clock.' \
	    'Nobody types anything.'
	echo
	quiet db psql -- -Atc 'update managed_certificate set ari_next = now()' \
	    > "$work/ari" || die 'the clock was not moved'
	until_true 40 'another one is deployed' replaced blog.example "$first"
	second=$(deployed blog.example)
	key_fits blog.example ||
	    die 'the key does not belong to the certificate'
	acme_show orders | grep -q '"replaces": *"' ||
	    die 'the order does not say what it replaces'
	until_true 30 'it is in both logs' both_logs "$second"
	until_true 10 'it is known as ordered' ordered 3
	said "$lines"
	alarms 0 || die 'what was ordered was announced'
	cv findings --all --kind renewal.requested
	grep -q resolved <<< "$out" || die 'that is not over'
	good 'replaced, with a new key; the order names its predecessor; silent'
}

# --- not ours ---------------------------------------------------------------------------

# A certificate for www.blog.example from another account.
intruder()
{
	if command -v lego > /dev/null; then
		printf '   $ lego --server ... --http --domains %s run\n' \
		    www.blog.example
		lego --server "$ACME_URL" --accept-tos --email x@evil.example \
		    --path "$work/lego" --http --http.port "127.0.0.1:$http" \
		    --domains www.blog.example run > "$work/lego.log" 2>&1 &&
		    tail -n 1 "$work/lego.log" | cut -d' ' -f3- | shown
		return
	fi
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests/rig "$_acme_py" - \
	    "$ACME_URL" "$http" <<-'END' | shown
	import http.server, sys, threading
	import acmeclient
	said = {}
	class Answer(http.server.BaseHTTPRequestHandler):
	    def do_GET(self):
	        self.send_response(200)
	        self.end_headers()
	        self.wfile.write(said[self.path.split("/")[-1]].encode())
	    def log_message(self, *args):
	        pass
	web = http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Answer)
	threading.Thread(target=web.serve_forever, daemon=True).start()
	c = acmeclient.Client(sys.argv[1])
	c.register()
	def place(client, identifier, ch):
	    said[ch["token"]] = client.key_authz(ch["token"])
	c.obtain(["www.blog.example"], "http-01", place)
	print("another client: www.blog.example: issued")
	END
	return "${PIPESTATUS[0]}"
}

unexpected()
{
	step 'Another account obtains one for the same name'
	say 'Somebody could write to the web server for a minute, and that is' \
	    'all that it takes. The CA did nothing wrong, and no client of ours' \
	    'knows of it:'
	echo
	intruder || die 'the other account got nothing'
	until_true 30 'it is found in a log' alarms 1
	until_true 10 'the finding can be read' finding \
	    certificate.unexpected www.blog.example
	cv findings show "$id"
	grep -q 'respond' <<< "$out" || die 'it is not said what to do'
	good 'found in CT and announced: nobody here ordered that key'

	step 'What can be done about it'
	cv respond "$id"
	[ $rc -eq 0 ] || die 'there is no plan'
	grep -q 'www.blog.example: http-01' <<< "$out" ||
	    die 'the plan does not say how to prove it'
	grep -q "next *certvigil respond $id --yes" <<< "$out" ||
	    die 'something is missing'
	good 'nobody serves it, so nothing breaks; its name can be proven by us'
}

answer()
{
	local before after

	step 'It is revoked, and the CRL shows it'
	before=$(acme_show certs | grep -o '"serial"' | wc -l)
	cv respond "$id" --yes
	[ $rc -eq 0 ] || die 'it was not revoked'
	after=$(acme_show certs | grep -o '"serial"' | wc -l)
	[ "$before" -eq "$after" ] || die 'a certificate was issued for that'
	until_true 40 'the CRL shows it' state_is "$id" contained
	cv revocation status "$(quiet findings show "$id" --json |
	    python3 -c 'import json, sys
print(json.load(sys.stdin)["subject"])')"
	grep -qi 'revoked' <<< "$out" || die 'no source says so'
	cv findings --all --kind certificate.unexpected
	grep -q contained <<< "$out" || die 'it is not contained'
	cv expect list --all
	grep -q 'fulfilled' <<< "$out" || die 'the revocation was not expected'
	good 'our account proved the name, ordered nothing, and had it revoked;'
	good 'the finding is contained because the CA publishes it, not before'
	cv resolve "$id" --reason 'web server cleaned, CAA bound to our account'
	[ $rc -eq 0 ] || die 'it cannot be closed'
	good 'and a person closes it'
}

# --- ours, revoked behind our back ------------------------------------------------------

behind()
{
	local first lines

	step 'One of ours is revoked behind our back, and replaced'
	first=$(deployed blog.example)
	say 'Another account that proves control of the names may have ours' \
	    'revoked, too. Here the CA does it (reason 5); nobody tells us.'
	echo
	lines=$(wc -l < "$work/run.log")
	acme_admin revoke serial="$first" reason=5 > "$work/revoke" ||
	    die 'the CA did not revoke it'
	until_true 40 'the CRL shows it' finding certificate.revoked \
	    blog.example
	cv findings show "$id"
	grep -q 'CRITICAL' <<< "$out" || die 'that is critical'
	until_true 40 'another one is deployed' replaced blog.example "$first"
	key_fits blog.example ||
	    die 'the key does not belong to the certificate'
	said "$lines"
	until_true 30 'the new one is in both logs' both_logs \
	    "$(deployed blog.example)"
	until_true 10 'it is known as ordered' ordered 4
	alarms 1 || die 'what was ordered was announced'
	cv managed list
	good 'certvigil run read the CRL, told it, ordered another one with a'
	good 'new key and deployed it; that one is in both logs, silent'
}

acme_demo()
{
	local http

	acme_servers
	by_http
	by_dns
	silence
	early
	unexpected
	answer
	behind

	kill -TERM "$run"
	wait "$run"
	rc=$?
	run=
	[ $rc -eq 0 ] || die "certvigil run ended with status $rc"
}

if ! _acme_python 2>/dev/null || ! command -v openssl >/dev/null ||
    ! _acme_need knotd 2>/dev/null; then
	echo
	say 'Left out: the loop through ACME (python3-cryptography, openssl or' \
	    'knot is not installed).'
else
	acme_demo
fi
