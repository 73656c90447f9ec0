# What the tests of ACME share; sourced behind lib.sh and tests/rig/acme.sh.
#
#   a_conf NAME CHALLENGE...   writes $T/NAME.yaml for $db, $ACME_URL, $ACME_TLS
#                              and these challenges; sets $conf, $state, $live.
#                              Before: a_more (more of acme:), a_conf_more
#                              (whole lines), a_audit (of audit:), ct (false).  Where there is
#                              $ACME_DNS, that resolver is asked
#   says WHAT STATUS TEXT      the last cv ended so, and its one line on stderr
#                              that is no progress has TEXT
#   field NAME, list_of NAME   of the JSON line in $T/out
#   sans NAME, spki_of FILE, tbs_of FILE    of a certificate
#   complete WHAT NAME         what is deployed is whole, and its key its own
#   state_of                   all that is served, and what is managed

a_conf()
{
	local audit=${a_audit:-}

	[ -z "${ACME_DNS:-}" ] || audit="resolvers:
	    ['127.0.0.1@${ACME_DNS#*:}']${audit:+, $audit}"
	conf=$T/$1.yaml
	state=$T/state-$1
	live=$state/live
	{
		echo "database: \"$db\""
		echo "state_dir: $state"
		echo "contact: test@corp.example"
		echo "egress: {allow_private: [127.0.0.0/8]}"
		[ -z "${a_conf_more:-}" ] || echo "$a_conf_more"
		[ -z "$audit" ] || echo "audit: {$audit}"
		echo "acme:"
		echo "  directory: $ACME_URL"
		[ -z "$ACME_TLS" ] || echo "  ca_file: $ACME_TLS"
		echo "  ct: ${ct:-false}"
		echo "  email: ops@example.org"
		[ -z "${a_more:-}" ] || printf '  %s\n' "${a_more//, /$'\n'  }"
		echo "  challenges:"
		shift
		printf '    %s\n' "$@"
	} > "$conf"
	# the certvigil user reads what it is to trust
	chmod -R a+rX "$T/pb" "$T/ca" 2>/dev/null
}

says()
{
	eq "$1: status" "$rc" "$2"
	if [ -n "$3" ]; then
		ok "$1: says $3" grep -qF -- "$3" "$T/err"
		[ "$2" = 64 ] || eq "$1: one sentence" "$(grep -cv \
		    ': [^ ]*: http-01$\|: [^ ]*: tls-alpn-01$\|warning: \|asking for\|agrees to\|going on' \
		    "$T/err")" 1
	fi
	[ "$rc" = "$2" ] || show
}

field()
{
	sed -n 's/.*"'"$1"'": *"\{0,1\}\([^",}]*\)"\{0,1\}[,}].*/\1/p' \
	    "$T/out"
}

list_of()
{
	sed -n 's/.*"'"$1"'": *\[\([^]]*\)\].*/\1/p' "$T/out" |
	    sed 's/"//g; s/, */ /g'
}

sans()
{
	openssl x509 -in "$live/$1/cert.pem" -noout -ext subjectAltName |
	    sed -n 's/DNS://g; s/^ *//; s/,//gp; 2p' | head -n 1 |
	    tr ' ' '\n' | sort | paste -sd' '
}

spki_of()
{
	openssl x509 -in "$1" -noout -pubkey | sha256sum
}

# SHA-256 of the signed part, with what only certificates have taken out.
tbs_of()
{
	"$prog" inspect --json "$1" 2>/dev/null |
	    sed -n 's/.*"tbs_sha256": *"\([0-9a-f]*\)".*/\1/p' | head -n 1
}

is_complete()
{
	local d=$live/$1 leaf

	[ -L "$d" ] || { echo "no link" >&2; return 1; }
	[ "$(ls "$d/" | paste -sd' ')" = \
	    "cert.pem chain.pem fullchain.pem key.pem" ] ||
	    { echo "files: $(ls "$d/")" >&2; return 1; }
	[ "$(stat -c %a "$d/key.pem")" = 600 ] ||
	    { echo "mode of the key" >&2; return 1; }
	leaf=$(openssl x509 -in "$d/cert.pem" -noout -pubkey) || return 1
	[ "$leaf" = "$(openssl pkey -in "$d/key.pem" -pubout)" ] ||
	    { echo "another key" >&2; return 1; }
	cat "$d/cert.pem" "$d/chain.pem" | cmp - "$d/fullchain.pem" ||
	    return 1
	openssl verify -partial_chain -trusted "$d/chain.pem" "$d/cert.pem" \
	    >/dev/null
}

complete()
{
	ok "$1: $2 is whole, its key matches" is_complete "$2"
}

state_of()
{
	find "$live/" -maxdepth 1 -type l -printf '%f %l\n' | sort
	ls "$live/.versions" | wc -l
	sql "select name, tbs_sha256, key_id, deployed_to from
	    managed_certificate where removed_at is null and issued_at is not
	    null order by 1"
}
