#!/bin/bash
# Output that finds no room: every command that prints says so, with the cause,
# and no exit status says that all is well; a file that is not whole is none.
#
#   bash tests/system/21-full.sh build/release
#
# takes: 16

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 21-full "${1:-}"

t_rig --log rfc --log static,proto=static
t_db full
t_conf full 'watch: [.corp.example]' 'channels:' \
    '  - {name: soc, kind: webhook, url: "http://127.0.0.1:1/", secret_file: secret}' \
    'routes:' '  - {to: [soc]}'
echo whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0 > "$T/secret"
chmod 644 "$T/secret"
for a in old k; do
	t_issue --name $a.corp.example --submit "$rig/rfc" --final-submit \
	    --out "$T/$a" >/dev/null
done
post '/_rig/rfc/fill?n=40&seed=1' >/dev/null
once
eq "first read" $rc 0
[ $rc -eq 0 ] || show
t_issue --name www.corp.example --submit "$rig/rfc" --submit "$rig/static" \
    --final-submit --out "$T/c" > "$T/c.json"
chmod a+r "$T"/*.pem
once
eq "second read" $rc 0
id=$(sql "select id from finding where kind = 'certificate.unexpected'")
sha=$(of c cert_sha256)
for a in 'expect issuance --csr CSR --within 1h' 'endpoint add 127.0.0.1:1' \
    'source add team --names corp.example --issuers letsencrypt.org' \
    "silence --kind certificate.unexpected --for 1d --allow-critical --reason x" \
    "known import $T/k.pem" 'backfill --log rfc --again --no-wait'; do
	[ "${a%% *}" != expect ] || {
		openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
		    -nodes -keyout "$T/k" -subj /CN=n.corp.example \
		    -addext 'subjectAltName=DNS:n.corp.example' \
		    -out "$T/csr" 2>/dev/null
		chmod a+r "$T/csr"
	}
	# shellcheck disable=SC2086
	cv ${a/CSR/$T/csr}
	eq "$a" $rc 0
done
# rows that only days, a CA or a daemon would make
sql "insert into worker (id, host, pid, version, schema_version, roles)
    values ('h:1', 'h', 1, '0', 1, '{ingest}');
    insert into revocation_source (kind, url, issuer_spki_sha256) values
    ('crl', 'http://127.0.0.1:1/', sha256('i'));
    insert into managed_certificate (name, names, origin, key_kind, directory)
    values ('m.corp.example', '{m.corp.example}', 'cli', 'p256', 'd')" >/dev/null
get "$rig/rfc/ct/v1/get-sth" > "$T/sth.json"
of c serial > "$T/serials"
cv evidence export "$id"
cp "$T/out" "$T/e.json"
get "$rig/loglist.json" > "$T/list.json"
chmod a+r "$T"/*.json "$T/serials"

# --- every command that reads -------------------------------------------------

# What it says, then the same with no room for it.
full()
{
	local was
	cv "$@"
	was=$rc
	if [ ! -s "$T/out" ]; then
		fail "$*: prints nothing: $(head -c 300 "$T/err")"
		return
	fi
	"$prog" --config "$conf" "$@" > /dev/full 2> "$T/err"
	rc=$?
	[ "$was" -ne 0 ] || was=1
	eq "$*" "$rc $(grep -c 'writing to stdout: No space left' "$T/err")" \
	    "$was 1"
}

while read -r a; do
	a=${a//ID/$id} a=${a//SHA/$sha} a=${a//T\//$T/}
	# shellcheck disable=SC2086
	full $a
	case $a in
	inspect*|help*|metrics) ;;
	# shellcheck disable=SC2086
	*) full --json $a ;;
	esac
done <<'L'
version
help
help findings
config check
config show
config show --defaults
doctor
db url
db status
db retention --dry-run
worker list
watch list
known list
source list
expect list
baseline list
baseline list --group-by name
affected --serials T/serials
findings
findings list --all
findings --silenced
findings show ID
why ID
silence list
channel list
route test www.corp.example --kind certificate.unexpected
matches
certs
certs show SHA
certs history SHA
coverage
coverage --blind
coverage --from 2026-01-01
evidence export ID
evidence verify T/e.json --log-list T/list.json
inspect T/sth.json
inspect T/c.pem --json
check --offline T/c.pem
endpoint list
revocation sources
revocation status www.corp.example
log list
log show rfc
log heads
managed list
backfill list --all
metrics
L
# nothing to wait for
sql "delete from revocation_source; delete from worker" >/dev/null
for f in text json csv html; do
	full audit --format $f
done

# A report that did not arrive is not what the next one begins after.
sql 'delete from audit_report' >/dev/null
"$prog" --config "$conf" audit > /dev/full 2> "$T/err"
ok "said" grep -q 'did not arrive' "$T/err"
eq "not kept" "$(sql 'select count(*) from audit_report')" 0
cv audit
eq "kept" "$(sql 'select count(*) from audit_report')" 1

# --- files --------------------------------------------------------------------

# A limit on what is written is a disk that is full.
mkdir "$T/to"
[ "$(id -u)" -ne 0 ] || chown certvigil "$T/to"
while read -r a; do
	a=${a//ID/$id} a=${a//TO/$T/to/x}
	# shellcheck disable=SC2086
	(ulimit -f 1; exec "$prog" --config "$conf" $a) > "$T/out" 2> "$T/err"
	eq "$a" "$? $(grep -c "$T/to/x.*: File too large" "$T/err") $(ls "$T/to")" \
	    '1 1 '
	# what is there already stays as it was
	echo was > "$T/to/x"
	# shellcheck disable=SC2086
	(ulimit -f 1; exec "$prog" --config "$conf" $a) > "$T/out" 2> "$T/err"
	eq "$a, once more" "$(ls "$T/to") $(cat "$T/to/x")" 'x was'
	rm -f "$T/to/x"
	# shellcheck disable=SC2086
	cv ${a/$T\/to\/x/\/dev\/full}
	ok "$a: no file" test $rc -eq 64 -o $rc -eq 77
done <<'L'
evidence export ID --output TO
audit --format html --output TO
db backup TO
L
t_end
