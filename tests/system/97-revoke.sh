#!/bin/bash
# Revocations that we order, and another key for the account: against pebble,
# and against the rig's CA, whose CRL shows them.
#
#   SEED=N bash tests/system/97-revoke.sh build/release
#
# takes: 20

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/rig/acme.sh
t_begin 97-revoke "${1:-}"
RANDOM=${SEED:=$$}
http=$(_acme_port)

# conf NAME: a client of the CA that was started last, with a state of its own.
conf()
{
	conf=$T/$1.yaml state=$T/state-$1
	cat > "$conf" <<-END
	database: "$db"
	state_dir: $state
	contact: test@corp.example
	start: beginning
	poll: 10s
	log_list: {url: $rig/$list, signature_key: none, apple: none}
	egress: {allow_private: [127.0.0.0/8]}
	watch: [.corp.example]
	acme:
	  directory: $ACME_URL
	  ca_file: $ACME_TLS
	  ct: ${ct:-false}
	  challenges: {http-01: {listen: "127.0.0.1:$http"}}
	END
	chmod a+rx "${ACME_TLS%/*}" && chmod a+r "$ACME_TLS"
}

# use NAME: that client again.
use()
{
	conf=$T/$1.yaml state=$T/state-$1
	db=$(sed -n 's/^database: "\(.*\)"/\1/p' "$conf")
}

# said WHAT RC PATTERN: the last command ended so, with one line on stderr
# that has the pattern.
said()
{
	eq "$1" "$rc $(wc -l < "$T/err") $(grep -c -- "$3" "$T/err")" "$2 1 1"
	[ "$rc" = "$2" ] || show
}

done_ok()
{
	eq "$1" "$rc" 0
	[ "$rc" -eq 0 ] || show
}

issue()
{
	cv --quiet issue "$@"
	done_ok "issue $1"
}

field()
{
	sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\)\"\{0,1\}[,}].*/\1/p" "$T/out"
}

open_expectations()
{
	sql "select coalesce(string_agg(coalesce(reason_code::text, '-'), ' '
	    order by id), '') from expectation where kind = 'revocation' and
	    state = 'open'"
}

thumb()
{
	sql "select thumbprint from acme_account where status = 'valid'"
}

audited()
{
	sql "select count(*) from audit_trail where action = '$1'"
}

# Whatever was cut off: the next commands end it, and orders go on.
alive()
{
	local was

	was=$(thumb)
	cv account rollover
	done_ok "$1: rollover"
	ok "$1: another key" test "$(thumb)" != "$was"
	eq "$1: no key is left over" "$(find "$state/keys" -name '*next*' |
	    wc -l)" 0
	issue "$2"
}

# --- pebble ---------------------------------------------------------------------

pebble_part()
{
	local i took began sha

	conf pebble
	cv --quiet account register
	done_ok "account register"
	cv revoke x.corp.example
	said "nothing of that name" 1 'managed as x.corp.example'
	for i in a b c d; do
		issue $i.corp.example
	done
	cv revoke a.corp.example --reason 9
	said "a reason that the CA takes not" 64 'reason 9: this CA takes it'
	cv revoke a.corp.example --reason angry
	said "a reason that is none" 64 'none of RFC 5280'
	cv revoke a.corp.example --with certificate-key --reason superseded
	said "the key has one reason" 64 'published as key compromise'
	cv revoke --with friends a.corp.example
	said "with whom" 64 'neither account nor'
	cv revoke a.corp.example --dry-run --reason superseded
	eq "--dry-run" "$rc $(grep -c 'would be revoked' "$T/out") $(
	    open_expectations) $(audited certificate.revoke)" '0 1  0'

	cv --json --quiet revoke a.corp.example --reason superseded
	eq "by name" "$rc $(field reason) $(field reason_published) $(field \
	    already) $(field cert_sha256)" "0 superseded superseded false $(
	    openssl x509 -in "$state/live/a.corp.example/cert.pem" -outform \
	    DER | sha256sum | cut -d' ' -f1)"
	i=$(field expectation)
	cv --json expect list
	eq "expect list" "$(grep -c "\"id\": *$i,.*\"kind\": *\"revocation\".*\"reason_code\": *4" \
	    "$T/out")" 1
	eq "its issuer" "$(sql "select encode(issuer_spki_sha256, 'hex') from
	    expectation where id = $i")" "$(openssl x509 -pubkey -noout -in \
	    "$state/live/a.corp.example/chain.pem" | openssl pkey -pubin \
	    -outform DER | sha256sum | cut -d' ' -f1)"
	cv revoke a.corp.example --reason superseded
	eq "twice" "$rc $(grep -c 'revoked already' "$T/out") $(
	    open_expectations)" '0 1 4'
	cv --quiet revoke "$state/live/b.corp.example/fullchain.pem"
	eq "by file" "$rc $(grep -c ': revoked' "$T/out") $(
	    open_expectations)" '0 1 4 0'
	sha=$(sql "select encode(tbs_sha256, 'hex') from managed_certificate
	    where name = 'c.corp.example'")
	cv --quiet revoke "$sha" --reason 5
	eq "by hash" "$rc $(open_expectations)" '0 4 0 5'
	cv revoke "${sha//[0-9]/a}"
	said "a hash of nothing" 1 'no certificate .* is known'
	cv --quiet revoke d.corp.example --with certificate-key
	eq "by its key" "$rc $(open_expectations)" '0 4 0 5 1'
	eq "the key is marked" "$(sql "select count(*) from known k join
	    acme_order o on o.spki_sha256 = k.spki_sha256 join
	    managed_certificate m on m.id = o.managed_id where m.name =
	    'd.corp.example' and k.trust = 'compromised'")" 1
	eq "audit trail" "$(audited certificate.revoke)" 5

	# what is somebody else's
	t_db other
	conf other
	issue other.corp.example
	cp -L "$state/live/other.corp.example/fullchain.pem" "$T/other.pem"
	use pebble
	cv revoke "$T/other.pem" --reason superseded
	said "of somebody else" 1 "certvigil: "
	eq "is not expected" "$(open_expectations)" '4 0 5 1'
	cv revoke "$T/other.pem" --with certificate-key
	said "its key is not here" 1 'we did not order it'

	# another key
	cp -a "$state" "$T/state-old"
	began=$(date +%s%N)
	alive rollover e.corp.example
	cv --json account show
	eq "account show" "$(field thumbprint)" "$(thumb)"
	sed "s|^state_dir: .*|state_dir: $T/state-old|" "$conf" > "$T/old.yaml"
	conf=$T/old.yaml cv issue f.corp.example
	said "the old key is refused" 2 'newest copy'
	sql "update acme_account set thumbprint = (select detail->>'thumbprint'
	    from audit_trail where action = 'account.rollover' order by id
	    desc limit 1)" >/dev/null
	took=$((($(date +%s%N) - began) / 2000000))
	for i in 1 2 3 4 5; do
		"$prog" --config "$conf" account rollover >"$T/out" 2>&1 &
		sleep "$(printf '0.%03d' $((RANDOM % (took < 900 ? took :
		    900) + 20)))"
		kill -KILL $! 2>/dev/null
		wait $! 2>/dev/null
		alive "killed ($SEED/$i)" k$i.corp.example
	done
}

# --- the rig's CA -----------------------------------------------------------------

on_crl()
{
	local url

	for url in $(sed 's/.*"crls": *\[\([^]]*\)\].*/\1/; s/[",]/ /g' \
	    "$T/ca/acmeca.out"); do
		curl -s "$url" | openssl crl -inform DER -noout -text
	done | grep -i -A4 "Serial Number: 0*$1\$"
}

serial()
{
	sql "select serial from managed_certificate where name = '$1'"
}

ca_part()
{
	local was tbs

	conf ca
	issue a.corp.example
	issue b.corp.example
	issue c.corp.example
	openssl req -new -key "$state/live/a.corp.example/key.pem" -subj / \
	    -addext subjectAltName=DNS:z.corp.example > "$T/z.csr"
	acme_admin issue names=z.corp.example "csr=$(cat "$T/z.csr")" \
	    > "$T/z.json" || fail "acmeca: issue"
	acme_admin issue names=y.corp.example > "$T/y.json" ||
	    fail "acmeca: issue"
	once
	eq "all are in the log" "$rc $(sql 'select count(*) from issuance')" \
	    '0 5'
	cv revoke a.corp.example --reason keyCompromise
	eq "key compromise: not alone" "$rc $(open_expectations) $(grep -c \
	    '1 more certificate has this key.*--yes' "$T/err")" '64  1'
	eq "what else has the key" "$(grep -c \
	    'same key is in .*z.corp.example' "$T/err")" 1
	cv revoke a.corp.example --reason keyCompromise --dry-run
	eq "key compromise: the plan" "$rc $(open_expectations) $(grep -c \
	    'would be revoked' "$T/out")" '0  2'
	cv revoke a.corp.example --reason keyCompromise --yes
	eq "key compromise" "$rc $(open_expectations) $(grep -c \
	    ': revoked$' "$T/out")" '0 1 1 2'
	ok "the CRL shows it" grep -q 'Key Compromise' \
	    <(on_crl "$(serial a.corp.example)")
	ok "and the other" grep -q 'Key Compromise' <(on_crl "$(sql "select
	    serial from issuance where names = '{z.corp.example}'")")
	tbs=$(sql "select encode(tbs_sha256, 'hex') from issuance where names =
	    '{y.corp.example}'")
	cv revoke "$tbs" --reason superseded
	said "nobody ordered it" 1 'certvigil: '
	eq "and it is not expected" "$(open_expectations)" '1 1'
	eq "both are announced, by their key" "$(sql "select string_agg(name,
	    ' ' order by name) from finding where kind = 'key.misused' and
	    state = 'open'")" 'a.corp.example z.corp.example'
	acme_fault cut_before at=revokeCert
	cv revoke b.corp.example --reason superseded
	said "no answer" 1 'stays expected'
	eq "stays expected" "$(open_expectations)" '1 1 4'
	acme_honest
	cv --quiet revoke b.corp.example --reason 5
	eq "asked again" "$rc $(open_expectations)" '0 1 1 5'
	acme_fault 429 at=revokeCert
	cv revoke c.corp.example
	said "too often" 1 'rate'
	eq "is taken back" "$(open_expectations)" '1 1 5'
	acme_honest
	again
	eq "fulfilled by the CRL" "$rc $(open_expectations) $(sql "select
	    string_agg(reason::text, ' ' order by reason) from revocation where
	    expected is not null")" '0  1 1 5'
	eq "no alarm" "$(sql "select count(*) from finding where kind =
	    'certificate.revoked'")" 0

	# a key that lies elsewhere: what our account ordered with it
	openssl req -new -newkey rsa:2048 -nodes -keyout "$T/g.key" -subj / \
	    -addext subjectAltName=DNS:g.corp.example -out "$T/g.csr" 2>/dev/null
	issue g.corp.example --csr "$T/g.csr"
	issue g.corp.example --csr "$T/g.csr"
	cv revoke g.corp.example --with certificate-key --yes
	eq "its key is elsewhere" "$rc $(grep -c 'its key is not here: we' \
	    "$T/err")" '1 1'
	cv revoke g.corp.example --reason keyCompromise --yes
	eq "by the account, both" "$rc $(open_expectations) $(grep -c \
	    ': revoked$' "$T/out") $(grep -c 'by the account' "$T/err")" \
	    '0 1 1 2 1'

	# another key, and each way to lose the answer
	acme_fault cut_mid at=keyChange times=1
	was=$(thumb)
	cv account rollover
	done_ok "the answer was lost"
	ok "another key all the same" test "$(thumb)" != "$was"
	acme_honest
	acme_fault cut_before at=keyChange
	was=$(thumb)
	cv account rollover
	eq "the request was lost" "$rc $(thumb)" "1 $was"
	acme_honest
	acme_fault problem at=keyChange type=badPublicKey status=400
	cv account rollover
	eq "the CA refuses" "$rc $(thumb) $(grep -c 'stays as it is' \
	    "$T/err")" "1 $was 1"
	acme_honest
	acme_fault slow at=keyChange n=5
	"$prog" --config "$conf" account rollover >"$T/out" 2>&1 &
	wait_for 5 eval 'acme_show stats | grep -q keyChange'
	sleep 0.5
	kill -KILL $!
	wait $! 2>/dev/null
	acme_honest
	issue d.corp.example
	ok "killed while the answer was under way" test "$(thumb)" != "$was"
	alive "and again" e.corp.example
}

rig='' list=''
if ! command -v pebble >/dev/null || ! command -v pebble-challtestsrv \
    >/dev/null || ! _acme_python 2>/dev/null; then
	skip 90 "pebble, pebble-challtestsrv or python3-cryptography is missing"
else
	rig=http://127.0.0.1:9 list=none
	acme_challtestsrv "$T/dns" && acme_pebble "$T/pebble" "http=$http" \
	    "dns=$ACME_DNS" nonces=10 || exit 1
	t_db revoke
	pebble_part
	acme_stop "$T/pebble" "$T/dns"
fi
if ! _acme_python 2>/dev/null || ! command -v curl >/dev/null; then
	skip 40 "python3-cryptography or curl is missing"
else
	list=loglist.json
	t_rig --log log
	acme_ca "$T/ca" --log "$rig/log" --http-port "$http" --resolve \
	    127.0.0.1 --no-caa --shards 2 || exit 1
	t_db revokeca
	ct=true ca_part
	acme_stop "$T/ca"
fi
t_end
