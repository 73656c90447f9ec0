#!/bin/bash
# certvigil issue with dns-01: a real CA (pebble) validates against a real name
# server (knot), whose records are written by RFC 2136 and by hook programs;
# and what is said when they cannot be.
#
#   bash tests/system/96-dns01.sh build/release
#
# takes: 15

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/rig/acme.sh
count=62

for p in knotd knsupdate kdig pebble openssl; do
	PATH=$PATH:/usr/sbin command -v $p >/dev/null && continue
	echo "SKIP $count 96-dns01: $p is not installed"
	echo "0 passed, 0 failed, $count skipped"
	exit 0
done
t_begin 96-dns01 "${1:-}"
printf '_acme-challenge.alias CNAME _acme-challenge.www\n' > "$T/more"
acme_knot "$T/knot" "example.org=$T/more" || exit 1
acme_pebble "$T/pebble" "dns=$ACME_DNS" || exit 1
# the user certvigil enters no folder that it need not
cp "$ACME_TLS" "$T/roots.pem"
echo "$ACME_TSIG_SECRET" > "$T/tsig"
(
	umask 077
	cp "$T/tsig" "$T/root.tsig"
)
head -c 32 /dev/urandom | base64 > "$T/other.tsig"
echo "not base64" > "$T/odd.tsig"
cp "$ACME_TSIG_FILE" "$T/key"
chmod 644 "$T/roots.pem" "$T"/*.tsig "$T/key"
chmod 600 "$T/root.tsig"
at=127.0.0.1@${ACME_DNS#*:}
t_db dns01

# dns01 NAME LINE...: a configuration with these below dns-01; all share one
# account.
dns01()
{
	conf=$T/$1.yaml
	state=$T/state
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
		    http-01: {webroot: $T/www}
		END
		printf '%s\n' "${@:2}"
	} > "$conf"
}

# The configuration for updates at SERVER with the secret FILE.
rfc2136()
{
	dns01 "$1" "    dns-01:" \
	    "      rfc2136: {server: \"$2\", key_name: $ACME_TSIG_NAME, secret_file: $3}" \
	    "      check: ${check:-resolvers}" "      resolvers: [$at]"
}

# The configuration for hook PROGRAM of a convention.
hook()
{
	dns01 "$1" "    dns-01:" "      hook: $2" "      convention: $3" \
	    "      check: resolvers" "      resolvers: [$at]"
}

# The values that another program sees, on one line.
seen()
{
	kdig +short @127.0.0.1 -p "${ACME_DNS#*:}" "_acme-challenge.$1" TXT |
	    grep '^"' | sort | tr -d '"' | tr '\n' ' '
}

# How many certificates the CA has made.
made()
{
	grep -c 'Issued certificate' "$T/pebble/pebble.out"
}

# issued WHAT NAME WANT: it went well, and is there with these names.
issued()
{
	eq "$1: exit" $rc 0
	[ $rc -eq 0 ] || show 15
	eq "$1: names" "$(openssl x509 -noout -ext subjectAltName \
	    -in "$state/live/$2/cert.pem" | grep -o 'DNS:[^,]*' | sort |
	    tr '\n' ' ')" "$3"
	eq "$1: no record is left" "$(seen "$2")" "${left:-}"
}

# refused WHAT NAME PATTERN: one sentence, and nothing came of it.
refused()
{
	eq "$1: exit" $rc 1
	ok "$1: what is said" grep -q -- "$3" "$T/err"
	eq "$1: one sentence" "$(wc -l < "$T/err")" 1
	eq "$1: no certificate" "$(made)" "$before"
	eq "$1: nothing is deployed" "$(find "$state/live" -name "$2*")" ""
	eq "$1: no record is left" "$(seen "$2")" ""
	grep -q -- "$3" "$T/err" || show 15
	[ -z "${VERBOSE:-}" ] || cat "$T/err"
}

mkdir "$T/www"
printf '#!/bin/sh\n%s\n' "PATH=\$PATH:/usr/sbin
change()
{
	printf 'server 127.0.0.1 ${ACME_DNS#*:}\nzone example.org.\nupdate %s\nsend\n' \"\$1\" |
	    knsupdate -k $T/key
}" > "$T/change"

# --- by RFC 2136 ------------------------------------------------------------------

# as root, a secret that only root may read
secret=$T/tsig
[ "$(id -u)" -ne 0 ] || secret=$T/root.tsig
rfc2136 good "$at" "$secret"
cv config check
eq "the configuration" $rc 0
[ $rc -eq 0 ] || show 15
cv account register
eq "an account" $rc 0
[ $rc -eq 0 ] || show 15
knsupdate -k "$T/key" <<-END
	server 127.0.0.1 ${ACME_DNS#*:}
	zone example.org.
	update add _acme-challenge.example.org. 1 TXT "of somebody else"
	send
END
left="of somebody else "
cv issue example.org '*.example.org' --challenge dns-01
issued "a name and its wildcard" example.org "DNS:*.example.org DNS:example.org "
left=
cv issue '*.www.example.org'
eq "a wildcard alone chooses dns-01" $rc 0
ok "and says so" grep -q "www.example.org: dns-01" "$T/err"
eq "www: no record is left" "$(seen www.example.org)" ""
cv issue alias.example.org --challenge dns-01
issued "where a CNAME leads" alias.example.org "DNS:alias.example.org "
check=none rfc2136 unseen "$at" "$T/tsig"
cv issue blind.example.org --challenge dns-01
issued "without a look" blind.example.org "DNS:blind.example.org "

# --- by hooks ---------------------------------------------------------------------

{
	cat "$T/change"
	cat <<-END
	[ "\$2" = dns-01 ] && [ "\$UACME_METHOD" = "\$1" ] || exit 1
	echo "\$1 \$3" >> $T/called
	case \$1 in
	begin)	change "add _acme-challenge.\$3. 1 TXT \$5" ;;
	done|failed)
		change "del _acme-challenge.\$3. TXT \$5" ;;
	*)	exit 1 ;;
	esac
	END
} > "$T/uacme"
{
	cat "$T/change"
	cat <<-'END'
	case $1 in
	present) change "add $2 1 TXT $3" ;;
	cleanup) change "del $2 TXT $3" ;;
	*)	exit 1 ;;
	esac
	END
} > "$T/lego"
{
	cat "$T/change"
	cat <<-'END'
	case $1 in
	deploy_challenge)
		change "add _acme-challenge.$2. 1 TXT $4"
		echo "the API key has expired" >&2
		exit 1 ;;
	clean_challenge)
		change "del _acme-challenge.$2. TXT $4" ;;
	esac
	END
} > "$T/fails"
: > "$T/called"
chmod 666 "$T/called"
chmod 755 "$T/uacme" "$T/lego" "$T/fails"

hook uacme "$T/uacme" uacme
cv issue u.example.org '*.u.example.org' --challenge dns-01
issued "uacme" u.example.org "DNS:*.u.example.org DNS:u.example.org "
eq "uacme: how it was called" "$(sort "$T/called" | tr '\n' ' ')" \
    "begin u.example.org begin u.example.org done u.example.org done u.example.org "
rm -f "$T/called"
hook lego "$T/lego" lego
cv issue l.example.org '*.l.example.org' --challenge dns-01
issued "lego" l.example.org "DNS:*.l.example.org DNS:l.example.org "
cv issue alias.example.org --challenge dns-01
issued "lego: where a CNAME leads" alias.example.org "DNS:alias.example.org "

# one that stays behind is said, and stops nothing
{
	cat "$T/change"
	cat <<-'END'
	[ "$1" != deploy_challenge ] ||
	    change "add _acme-challenge.$2. 1 TXT $4"
	[ "$1" = deploy_challenge ] || exit 7
	END
} > "$T/keeps"
# one during which certvigil dies
{
	cat "$T/change"
	cat <<-'END'
	change "add _acme-challenge.$2. 1 TXT $4"
	kill -KILL $PPID
	END
} > "$T/kills"
# one that only says what it does
cat > "$T/idle" <<-END
	#!/bin/sh
	echo "\$1" >> $T/called
END
chmod 755 "$T/keeps" "$T/kills" "$T/idle"
hook keeps "$T/keeps" dehydrated
cv issue k.example.org --challenge dns-01
eq "a hook that does not clean up: exit" $rc 0
ok "and what is said" grep -q "k.example.org: what was placed for dns-01 is \
still there: .* ended with status 7" "$T/err"
hook kills "$T/kills" dehydrated
(cv issue x.example.org --challenge dns-01) 2>/dev/null
eq "a death" "$(seen x.example.org | wc -w)" 1
rfc2136 again "$at" "$T/tsig"
cv issue x.example.org --challenge dns-01
ok "is survived" grep -q "going on with the order" "$T/err"
issued "after it" x.example.org "DNS:x.example.org "

# --- what cannot be -----------------------------------------------------------------

before=$(made)
rfc2136 wrong "$at" "$T/other.tsig"
cv --quiet issue a.example.org '*.a.example.org' --challenge dns-01
refused "another secret" a.example.org "with another secret (BADSIG)"
rfc2136 odd "$at" "$T/odd.tsig"
cv --quiet issue b.example.org --challenge dns-01
refused "a secret that is none" b.example.org "is not base64; write only"
rfc2136 away "127.0.0.1@$(_acme_port)" "$T/tsig"
cv --quiet issue c.example.org --challenge dns-01
refused "the server is away" c.example.org "rfc2136: .*127.0.0.1"
hook fails "$T/fails" dehydrated
cv --quiet issue d.example.org --challenge dns-01
refused "a hook that fails" d.example.org \
    "ended with status 1: the API key has expired"
dns01 idle "    dns-01:" "      hook: $T/idle" "      check: none"
: > "$T/called"
chmod 666 "$T/called"
cv --quiet issue e.example.org --challenge dns-01
refused "a hook that does nothing" e.example.org "No TXT records found"
eq "is told that it failed" "$(tr '\n' ' ' < "$T/called")" "begin failed "

[ $((passed + failed)) -eq $count ] ||
    fail "$count tests would be skipped, $((passed + failed)) were made"
t_end
