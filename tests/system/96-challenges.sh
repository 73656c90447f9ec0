#!/bin/bash
# certvigil issue with what else proves a name in the DNS: acme-dns behind a
# CNAME, dns-account-01, dns-persist-01 (kept by a person, or placed), the
# modes of `check`, hooks of certbot for an order of several names; a CA
# (pebble, acmeca) validates each.  What cannot be is one sentence, and the
# next challenge that is configured is tried.
#
#   bash tests/system/96-challenges.sh build/release
#
# takes: 14

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/rig/acme.sh
count=70

for p in knotd knsupdate kdig pebble openssl curl; do
	PATH=$PATH:/usr/sbin command -v $p >/dev/null && continue
	echo "SKIP $count 96-challenges: $p is not installed"
	echo "0 passed, 0 failed, $count skipped"
	exit 0
done
if ! "$_acme_py" -c 'import cryptography' 2>/dev/null; then
	echo "SKIP $count 96-challenges: python3-cryptography is not installed"
	echo "0 passed, 0 failed, $count skipped"
	exit 0
fi
t_begin 96-challenges "${1:-}"
t_db chal

# conf NAME LINE...: a configuration with these below challenges
conf()
{
	conf=$T/$1.yaml
	{
		cat <<-END
		database: "$db"
		state_dir: $state
		contact: test@corp.example
		egress: {allow_private: [127.0.0.0/8]}
		acme:
		  directory: $ACME_URL
		  ca_file: $T/roots.pem
		  ct: false
		  email: ops@example.org
		  challenges:
		END
		printf '    %s\n' "${@:2}"
	} > "$conf"
}

roots()
{
	cp "$ACME_TLS" "$T/roots.pem"
	chmod 644 "$T/roots.pem"
}

# issued WHAT NAME WANT: it went well, and is there with these names.
issued()
{
	eq "$1: exit" $rc 0
	[ $rc -eq 0 ] || show 15
	eq "$1: names" "$(openssl x509 -noout -ext subjectAltName \
	    -in "$state/live/$2/cert.pem" | grep -o 'DNS:[^,]*' | sort |
	    tr '\n' ' ')" "$3"
}

# refused WHAT NAME TEXT: exit 1, one sentence, nothing is deployed.
refused()
{
	eq "$1: exit" $rc 1
	ok "$1: what is said" grep -qF -- "$3" "$T/err"
	eq "$1: one sentence" "$(wc -l < "$T/err")" 1
	eq "$1: nothing is deployed" "$(find "$state/live" -name "$2*" \
	    2>/dev/null)" ""
	grep -qF -- "$3" "$T/err" || show 15
}

# --- acme-dns ---------------------------------------------------------------------

state=$T/state-a
cat > "$T/base" <<-END
	example.org A 127.0.0.1
	none.example.org A 127.0.0.1
	_acme-challenge.none.example.org CNAME elsewhere.rig.example
	lost.example.org A 127.0.0.1
END
acme_acmedns "$T/ad" "$T/base" || exit 1
acme_pebble "$T/pebble" "dns=$ACME_DNS" || exit 1
roots
account=$(curl -sf -X POST "$ACME_ACMEDNS/register")
full=$(echo "$account" | _acme_field fulldomain)
printf '{"example.org": %s, "none.example.org": %s}\n' "$account" "$account" \
    > "$T/storage"
chmod 600 "$T/storage"
[ "$(id -u)" -eq 0 ] || chmod 644 "$T/storage"
at=127.0.0.1@${ACME_DNS#*:}
mkdir "$T/www"
way="acme_dns: {url: \"$ACME_ACMEDNS\", storage_file: $T/storage}"
conf acmedns "dns-01:" "  $way" "  check: [\"$at\"]" \
    "  resolvers: [\"$at\"]"
cv config check
eq "acme-dns: the configuration" $rc 0
[ $rc -eq 0 ] || show 15
cv --quiet issue example.org
refused "no CNAME" example.org \
    "make the record: _acme-challenge.example.org. CNAME $full."
echo "_acme-challenge.example.org CNAME $full" >> "$T/base"
cv --quiet issue none.example.org
refused "another CNAME" none.example.org "does not lead to the acme-dns account"
cv --quiet issue lost.example.org
refused "no account" lost.example.org \
    "curl -X POST $ACME_ACMEDNS/register"
for what in 401:allowfrom 500:"its log says why" 400:"cannot use"; do
	echo "${what%%:*}" > "$T/ad/fail"
	conf "fail${what%%:*}" "dns-01:" "  $way" "  check: none"
	cv --quiet issue example.org
	refused "acme-dns says ${what%%:*}" example.org "${what#*:}"
done
rm "$T/ad/fail"
# another server of the same zone, which is asked by nobody but us
_acme_python_server "$T/ad2" dnsd --zone "$T/ad/zone" --log "$T/ad2/log"
at2=127.0.0.1@$(_acme_field port < "$T/ad2/dnsd.out")
conf acmedns "dns-01:" "  $way" "  check: [\"$at2\"]" \
    "  resolvers: [\"$at\"]"
cv issue example.org '*.example.org'
issued "acme-dns" example.org "DNS:*.example.org DNS:example.org "
ok "looked for at the resolver of check" grep -q "_acme-challenge.*TXT" \
    "$T/ad2/log"
acme_stop "$T/ad2"
acme_stop "$T/pebble"
acme_stop "$T/ad"

# --- dns-account-01 and dns-persist-01 ----------------------------------------------

state=$T/state-b
t_db chal2
acme_knot "$T/knot" example.org example.net || exit 1
acme_ca "$T/ca" --dns "$ACME_DNS" --resolve 127.0.0.1 --no-caa || exit 1
roots
at=127.0.0.1@${ACME_DNS#*:}
echo "$ACME_TSIG_SECRET" > "$T/tsig"
chmod 644 "$T/tsig"
update="rfc2136: {server: \"$at\", key_name: $ACME_TSIG_NAME, secret_file: $T/tsig}"
look="resolvers: [\"$at\"]"

seen()
{
	kdig +short @127.0.0.1 -p "${ACME_DNS#*:}" "$1" TXT | tr '\n' ' '
}

conf account "dns-01:" "  $update" "  check: resolvers" "  $look" \
    "dns-account-01: {}"
cv issue a.example.org '*.a.example.org' --challenge dns-account-01
issued "dns-account-01" a.example.org "DNS:*.a.example.org DNS:a.example.org "
ok "by that" grep -q "a.example.org: dns-account-01" "$T/err"
eq "at another name" "$(seen _acme-challenge.a.example.org)" ""
cv --quiet issue b.example.org --challenge dns-persist-01
eq "dns-persist-01, which is not configured: exit" $rc 78

conf persist "dns-01: {check: none, $look}" "dns-persist-01: {}"
cv --quiet issue b.example.org --challenge dns-persist-01
refused "no grant" b.example.org "make the record: \
_validation-persist.b.example.org. IN TXT \"acme.rig.example; accounturi="
grant=$(sed -n 's/.* IN TXT "\(.*\)"$/\1/p' "$T/err")
# as a person does it, who was told
put()
{
	printf 'server 127.0.0.1 %s\nzone %s.\nupdate %s\nsend\n' \
	    "${ACME_DNS#*:}" "${2:-example.org}" "$1" |
	    PATH=$PATH:/usr/sbin knsupdate -k "$ACME_TSIG_FILE"
}
put "add _validation-persist.b.example.org. 1 TXT \"${grant/accounturi=/accounturi=x}\""
cv --quiet issue b.example.org --challenge dns-persist-01
refused "a grant to another" b.example.org "the record is for another account"
put "del _validation-persist.b.example.org. TXT"
put "add _validation-persist.b.example.org. 1 TXT \"$grant\""
cv issue b.example.org --challenge dns-persist-01
issued "dns-persist-01" b.example.org "DNS:b.example.org "
cv --quiet issue '*.b.example.org' --challenge dns-persist-01
refused "a grant without the wildcard" '\*.b.example' "policy=wildcard"

conf placed "dns-01:" "  $update" "  check: resolvers" "  $look" \
    "dns-persist-01: {place: dns-01, until: 2037-06-01}"
cv issue c.example.org '*.c.example.org' --challenge dns-persist-01
issued "dns-persist-01, placed" c.example.org \
    "DNS:*.c.example.org DNS:c.example.org "
eq "one record for both, which stays" \
    "$(seen _validation-persist.c.example.org)" \
    "\"${grant%%; *}; ${grant#*; }; policy=wildcard; persistUntil=2127513599\" "

# --- what is next, and where it is looked for -----------------------------------------

conf next "dns-01:" "  $update" "  check: resolvers" "  $look" \
    "dns-persist-01: {}"
cv issue d.example.org
issued "the next challenge" d.example.org "DNS:d.example.org "
ok "after the first" grep -q "d.example.org: dns-persist-01" "$T/err"
ok "is tried" grep -q "d.example.org: dns-01" "$T/err"

conf blind "dns-01:" "  $update" "  check: none" "  $look"
cv issue f.example.org
issued "check: none" f.example.org "DNS:f.example.org "

# --- certbot's hooks --------------------------------------------------------------------

cat > "$T/certbot" <<-END
	#!/bin/sh
	PATH=\$PATH:/usr/sbin
	echo "\$CERTBOT_DOMAIN \$CERTBOT_REMAINING_CHALLENGES \
	\$CERTBOT_ALL_DOMAINS \$CERTBOT_ALL_IDENTIFIERS \
	\${CERTBOT_AUTH_OUTPUT:-none}" | tr -s '\t ' ' ' >> $T/called
	what=add ttl=1
	[ -z "\${CERTBOT_AUTH_OUTPUT+x}" ] || what=del ttl=
	echo "\$what _acme-challenge.\$CERTBOT_DOMAIN. \$ttl TXT" \
	    "\$CERTBOT_VALIDATION" | sed 's/^/update /' >> $T/batch
	# it acts at the last one, as many do
	[ "\$CERTBOT_REMAINING_CHALLENGES" = 0 ] || { echo kept; exit 0; }
	{
		printf 'server 127.0.0.1 ${ACME_DNS#*:}\nzone example.org.\n'
		cat $T/batch
		echo send
	} | knsupdate -k $T/key
	rm $T/batch
	echo done
END
chmod 755 "$T/certbot"
cp "$ACME_TSIG_FILE" "$T/key"
chmod 644 "$T/key"
chmod 777 "$T"
: > "$T/called"
chmod 666 "$T/called"
conf certbot "dns-01:" "  hook: $T/certbot" "  convention: certbot" \
    "  check: resolvers" "  $look"
cv issue g.example.org '*.g.example.org' h.example.org
issued "certbot" g.example.org \
    "DNS:*.g.example.org DNS:g.example.org DNS:h.example.org "
all=$(awk 'NR == 1 { print $3 }' "$T/called")
eq "all names, without the wildcard" "$(echo "$all" | tr ',' '\n' | sort |
    tr '\n' ' ')" "g.example.org g.example.org h.example.org "
eq "the same as identifiers, each time" "$(cut -d' ' -f3,4 "$T/called" |
    sort -u)" "$all $all"
eq "how many are left" "$(awk '{ print $2, $5 }' "$T/called" | head -n 3 |
    tail -n 1)" "0 none"

# --- passphrase ---------------------------------------------------------------------------

plain()
{
	grep -l 'BEGIN PRIVATE KEY' "$state"/keys/*/*.key | wc -l
}

ok "keys are plain" [ "$(plain)" -gt 3 ]
(
	umask 077
	head -c 24 /dev/urandom | base64 > "$T/pass"
	echo other > "$T/pass2"
)
[ "$(id -u)" -eq 0 ] || chmod 644 "$T/pass" "$T/pass2"
keyed()
{
	conf keyed "dns-01:" "  $update" "  check: none"
	sed -i "s|^acme:|acme:\n  key_passphrase_file: $1|" "$conf"
}
keyed "$T/pass"
cv issue i.example.org
issued "with a passphrase" i.example.org "DNS:i.example.org "
eq "all are encrypted" "$(plain)" 0
eq "what is deployed is not" "$(head -n 1 "$state/live/i.example.org/key.pem")" \
    "-----BEGIN PRIVATE KEY-----"
keyed "$T/pass2"
cv --quiet issue j.example.org
eq "another passphrase: exit" $rc 78
ok "is said" grep -q "another passphrase than that of acme.key_passphrase_file" \
    "$T/err"
keyed "$T/nothing"
cv --quiet issue j.example.org
eq "no file: exit" $rc 78
ok "is said, too" grep -q "acme.key_passphrase_file: .*No such file" "$T/err"

[ $((passed + failed)) -eq $count ] ||
    fail "$count tests would be skipped, $((passed + failed)) were made"
t_end
