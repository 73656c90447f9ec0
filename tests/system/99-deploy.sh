#!/bin/bash
# What happens once a certificate is deployed: the hook of acme.deploy.hook is
# run, and again until it succeeds; the certificate is there all the same.
# Which of several chains is deployed.
#
#   bash tests/system/99-deploy.sh build/release
#
# Needs python3-cryptography (the rig's ACME CA).
#
# takes: 20

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
. tests/rig/acme.sh
t_begin 99-deploy "${1:-}"

t_db deploy
port=$(_acme_port)
mkdir "$T/ca"
mkdir -m 1777 "$T/seen"

acme_ca "$T/ca" --http --http-port "$port" --resolve 127.0.0.1 \
    --vantage 1 --no-caa --alternates 2
if [ $? -eq 77 ]; then
	skip 1 "python3-cryptography is not installed"
	t_end
fi
conf=$T/c.yaml
cat > "$conf" <<END
database: "$db"
state_dir: $T/state
contact: https://watcher.example.org/
egress: {allow_private: [127.0.0.0/8]}
acme:
  directory: $ACME_URL
  ct: false
  challenges: {http-01: {listen: "127.0.0.1:$port"}}
  deploy: {hook: $T/hook}
END

# The hook: notes what it got; fails when there is $T/seen/fail.
cat > "$T/hook" <<END
#!/bin/sh
/usr/bin/env > $T/seen/env
ls /proc/self/fd > $T/seen/fd
echo "\$# arguments" >> $T/seen/args
echo run >> $T/seen/runs
/usr/bin/openssl x509 -in "\$CERTVIGIL_DIRECTORY/cert.pem" -noout -serial |
    sed 's/.*=//' > $T/seen/serial
if [ -e $T/seen/fail ]; then
	echo first >&2
	printf 'no \\033[31mreload\\n' >&2
	exit 3
fi
END
chmod 755 "$T/hook"

runs()
{
	wc -l < "$T/seen/runs" | tr -d ' '
}

# What the hook got as variable $1.
got()
{
	sed -n "s/^$1=//p" "$T/seen/env"
}

# A column of the managed certificate of $1.
col()
{
	sql "select $2 from managed_certificate where name = '$1'"
}

state()
{
	sql "select severity || ' ' || state from finding
	    where kind = 'deploy.failed' and subject = '$1'"
}

live=$T/state/live

# --- it succeeds ------------------------------------------------------------------

SECRET=x cv issue a.example www.a.example
eq "issue: exit" $rc 0
eq "run once" "$(runs)" 1
eq "no argument" "$(cat "$T/seen/args")" "0 arguments"
eq "the name" "$(got CERTVIGIL_NAME)" a.example
eq "the names" "$(got CERTVIGIL_NAMES)" "a.example www.a.example"
eq "the folder" "$(got CERTVIGIL_DIRECTORY)" "$live/a.example"
eq "certbot's folder" "$(got RENEWED_LINEAGE)" "$live/a.example"
eq "certbot's names" "$(got RENEWED_DOMAINS)" "a.example www.a.example"
eq "the serial" "$(got CERTVIGIL_SERIAL)" "$(col a.example serial)"
ok "the end" test -n "$(got CERTVIGIL_NOT_AFTER)"
ok "the new certificate was there" test \
    "$(openssl x509 -in "$live/a.example/cert.pem" -noout -serial |
    sed 's/.*=//')" = "$(cat "$T/seen/serial")"
eq "nothing else of our environment" "$(cut -d= -f1 "$T/seen/env" |
    grep -vxE 'PATH|HOME|LANG|TZ|PWD|OLDPWD|SHLVL|_|CERTVIGIL_(NAMES?|DIRECTORY|SERIAL|NOT_AFTER)|RENEWED_(LINEAGE|DOMAINS)')" ""
eq "no descriptor of ours" "$(grep -cvxE '[0-3]' "$T/seen/fd")" 0
eq "nothing is left to do" "$(col a.example "hook_at is null and
    hook_error is null and hook_attempts = 0")" t
eq "no finding" "$(state a.example)" ""

# --- it fails ---------------------------------------------------------------------

touch "$T/seen/fail"
cv issue b.example
eq "failed: exit" $rc 1
ok "in one sentence" grep -qF "b.example is deployed, but deploy hook \
$T/hook ended with status 3: no " "$T/err"
eq "nothing of it reaches the terminal" "$(tr -d '\n\t -~' < "$T/err" |
    wc -c)" 0
ok "deployed all the same" test -s "$live/b.example/fullchain.pem"
eq "with its key" "$(openssl pkey -in "$live/b.example/key.pem" -pubout)" \
    "$(openssl x509 -in "$live/b.example/cert.pem" -noout -pubkey)"
eq "a finding" "$(state b.example)" "high open"
eq "counted" "$(col b.example hook_attempts)" 1
eq "no failed renewal" "$(col b.example attempts)" 0
cv managed show b.example
ok "shown" grep -q 'hook_error .*ended with status 3' "$T/out"

was=$(runs)
cv renew
eq "it waits: exit" $rc 0
eq "not run" "$(runs)" "$was"
again="update managed_certificate set hook_at = now() where name ="
sql "$again 'b.example'" >/dev/null
cv renew --dry-run
eq "a rehearsal runs nothing" "$(runs)" "$was"
cv renew
eq "failed again: exit" $rc 1
eq "run" "$(runs)" $((was + 1))
eq "two in a row" "$(col b.example hook_attempts)" 2
ok "waits longer" test "$(col b.example \
    "hook_at > now() + interval '8 minutes'")" = t
eq "one finding, once" "$(sql "select count(*) from finding f join
    finding_event v on v.finding_id = f.id where f.kind = 'deploy.failed'")" 1

rm "$T/seen/fail"
sql "$again 'b.example'" >/dev/null
cv renew
eq "it succeeds: exit" $rc 0
eq "resolved" "$(state b.example)" "high resolved"
eq "nothing is left" "$(col b.example "hook_at is null and hook_error is null
    and hook_attempts = 0")" t

# --- a renewal, a program that is not there, none ------------------------------------

touch "$T/seen/fail"
cv renew a.example
eq "renewed, the hook failed: exit" $rc 1
ok "both are said" grep -q '1 renewed, 0 failed' "$T/out"
eq "a finding" "$(state a.example)" "high open"
mv "$T/hook" "$T/hook.away"
sql "$again 'a.example'" >/dev/null
cv renew
eq "no program: exit" $rc 1
ok "said" grep -q "deploy hook $T/hook: No such file" "$T/err"
mv "$T/hook.away" "$T/hook"

# --- chains -----------------------------------------------------------------------------

rm "$T/seen/fail"

# The common name of the issuer of the last certificate that is deployed.
top()
{
	tac "$live/$1/fullchain.pem" | awk '{ print } /BEGIN/ { exit }' | tac |
	    openssl x509 -noout -issuer | sed 's/.*CN *= *//'
}

cv issue c.example
eq "the CA's choice" "$(top c.example)" "Rig ACME Root 0"
cv issue --preferred-chain "rig ACME Root 2" c.example
eq "another one: exit" $rc 0
eq "another one" "$(top c.example)" "Rig ACME Root 2"
ok "its certificates fit" openssl verify -CAfile "$T/ca/ca/root-2.pem" \
    -untrusted "$live/c.example/chain.pem" "$live/c.example/cert.pem" > "$T/said"
cv renew c.example
eq "kept by a renewal: exit" $rc 0
eq "kept" "$(top c.example)" "Rig ACME Root 2"
cv issue --preferred-chain "Rig ACME Root" c.example
eq "none of that name: exit" $rc 0
ok "is said" grep -q 'none of 3 chains leads to Rig ACME Root:' "$T/err"
eq "the CA's choice" "$(top c.example)" "Rig ACME Root 0"

# --- a request made elsewhere --------------------------------------------------------------

request()
{
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$T/$1.key" -out "$T/$1.csr" -subj / \
	    -addext "subjectAltName=DNS:$1,DNS:www.$1" 2>/dev/null
}

request d.example
was=$(runs)
cv issue --csr "$T/d.csr" 2>/dev/null
eq "no such file: exit" $rc 1
cv issue --csr "$T/d.example.csr" --key p384
eq "a key of its own: exit" $rc 64
cv issue --csr "$T/d.example.csr" other.example
eq "another name: exit" $rc 64
cv issue --csr "$T/d.example.csr"
eq "by a request: exit" $rc 0
eq "its key" "$(openssl pkey -in "$T/d.example.key" -pubout)" \
    "$(openssl x509 -in "$live/d.example/cert.pem" -noout -pubkey)"
eq "no key is deployed" "$(ls "$live/d.example/" | tr '\n' ' ')" \
    "cert.pem chain.pem fullchain.pem "
eq "both names" "$(col d.example "array_to_string(names, ' ')")" \
    "d.example www.d.example"
eq "the hook is run" "$(runs)" $((was + 1))
was=$(openssl x509 -in "$live/d.example/cert.pem" -noout -serial)
cv renew --dry-run d.example
eq "a rehearsal knows: exit" $rc 1
cv renew d.example
eq "cannot be renewed: exit" $rc 1
ok "said" grep -q 'd.example: its key is not kept here' "$T/err"
eq "counted" "$(col d.example attempts)" 1
eq "it stays" "$(openssl x509 -in "$live/d.example/cert.pem" -noout \
    -serial)" "$was"
# an order for another key that was cut off is not gone on with
sql "insert into acme_order (managed_id, account_id, key_id, spki_sha256)
    select id, (select max(id) from acme_account), 'cert-x', sha256('x')
    from managed_certificate where name = 'd.example'" >/dev/null
cv issue --csr "$T/d.example.csr"
eq "after one of another key: exit" $rc 0
eq "that one is over" "$(sql "select state || ' ' || error from acme_order
    where key_id = 'cert-x'")" "failed another key is wanted"
cv issue --csr "$T/d.example.csr" www.d.example
eq "named by hand: exit" $rc 0
ok "there" test -s "$live/www.d.example/cert.pem"
# one that is not managed any more is nobody's fault
touch "$T/seen/fail"
cv issue --csr "$T/d.example.csr" www.d.example
eq "a finding" "$(state www.d.example)" "high open"
cv managed remove www.d.example
eq "resolved" "$(state www.d.example)" "high resolved"
rm "$T/seen/fail"
cv issue d.example
eq "with a key of ours again: exit" $rc 0
ok "it is deployed" test -s "$live/d.example/key.pem"

# --- by run, while the CA is away ------------------------------------------------------

acme_stop "$T/ca"
cat >> "$conf" <<END
audit: {every: 1s}
log_list: {file: $T/none.json, signature_key: none}
END
echo '{"version": "1", "log_list_timestamp": "2026-11-27T00:00:00Z",
    "operators": []}' > "$T/none.json"
sql "$again 'a.example'" >/dev/null
start
wait_sql 20 t "select hook_at is null from managed_certificate
    where name = 'a.example'"
eq "the daemon runs it" $? 0
stop
eq "resolved" "$(state a.example)" "high resolved"

# one that is not configured any more is over
sql "update managed_certificate set hook_at = now(), hook_error = 'x',
    hook_attempts = 1 where name = 'a.example'" >/dev/null
sed -i '/deploy:/d' "$conf"
was=$(runs)
cv renew
eq "not run" "$(runs)" "$was"
eq "over" "$(col a.example "hook_at is null and hook_error is null")" t
t_end
