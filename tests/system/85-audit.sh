#!/bin/bash
# Endpoints, certificates, revocation, a mass revocation, the nightly audit:
# over tables that are filled here as the jobs would fill them.
#
#   bash tests/system/85-audit.sh build/release
#
# takes: 20

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 85-audit "${1:-}"

t_rig --log log
t_sink
t_db audit
t_conf audit 'watch: [.corp.example]' 'channels:' \
    "  - {name: soc, kind: webhook, url: \"http://127.0.0.1:$sink/webhook\", secret_file: $T/secret}" \
    'audit: {unreachable_after: 6h, send: [soc, nobody]}'
post "/_rig/log/fill?n=20&seed=1" >/dev/null

# The log is read once, and a report is sent; what follows is over tables that
# the jobs of the audit are kept away from.
once
eq "run --once" $rc 0
cv --quiet audit --deadline 1m
once
ok "the message came" wait_for 20 grep -q audit.report "$sink_log"
ok "and says it" grep -q '0 new (0 declared), 0 open, 0 unchecked, 1/1 logs' \
    "$sink_log"
sql "delete from work; delete from audit_report; delete from delivery"

# --- endpoints -----------------------------------------------------------------------

cv endpoint add WWW.corp.example --owner web
eq "endpoint add" "$rc $(sql "select host, port, owner from endpoint")" \
    '0 www.corp.example|443|web'
eq "its work is due" "$(sql "select kind, subject from work where
    kind = 'endpoint' and due_at <= now()")" 'endpoint|1'
printf 'mail.corp.example:25  # mx\n\n# nothing\n192.0.2.1:8443\n' > "$T/list"
cv endpoint add - < "$T/list"
eq "endpoint add -" "$rc $(cat "$T/err")" '0 2 endpoints added'
cv endpoint add - < "$T/list"
eq "again" "$rc $(cat "$T/err")" \
    '0 0 endpoints added, the others are watched already'
eq "starttls" "$(sql "select starttls from endpoint where port = 25")" smtp
printf 'a.corp.example\n*.corp.example\n' > "$T/list"
cv endpoint add - < "$T/list"
eq "a pattern is none" "$rc $(grep -c 'standard input:2: .*one host' "$T/err")" \
    '64 1'
eq "nothing of it" "$(sql 'select count(*) from endpoint')" 3
cv --json endpoint list
eq "endpoint list" "$(grep -c '"port":25,.*"starttls":"smtp"' "$T/out")" 1
cv endpoint remove mail.corp.example
eq "the port counts" "$rc $(grep -c 'port 25 of that host is' "$T/err")" '1 1'
cv endpoint remove mail.corp.example:25 192.0.2.1:8443
eq "endpoint remove" "$rc $(sql 'select count(*) from endpoint where
    removed_at is null') $(sql "select count(*) from work where
    kind = 'endpoint'")" '0 1 1'
eq "audit trail" "$(sql "select count(*) from audit_trail where action in
    ('endpoint.add', 'endpoint.remove')")" 5

# --- the tables of a night ---------------------------------------------------------------

# A worker is alive, and nothing is due.
alive()
{
	sql "delete from worker; insert into worker (id, host, pid, version,
	    schema_version, roles, last_seen) values ('x:0', 'x', 1, '', 2,
	    '{}', now() + interval '1 hour'); update work set due_at =
	    now() + interval '1 day', lease_until = null"
}
alive
evil='<script>alert(1)</script>=cmd|'\'\'' /C calc'\'\''!A0'
sql "create function hash(text) returns bytea language sql immutable as
    \$\$ select sha256(\$1::bytea) \$\$;
    create function cert(t text, s text, age interval, n text[], d text)
    returns void language sql as \$\$
    insert into issuance (tbs_sha256, issuer_spki_sha256, serial, spki_sha256,
    names, not_before, not_after, issuer_owner, issued, decision, rule,
    rule_reason, first_seen, facts) values (hash(t), hash('ca'), s, hash('k'),
    n, now() - age, now() - age + interval '90 days', 'digicert.com', 'valid',
    d, 3, '', now() - age, '{\"watches\": [{\"owner\": \"web\"}]}');
    insert into certificate (sha256, not_after, tbs_sha256, form, der) values
    (hash('c' || t), now() - age + interval '90 days', hash(t), 'x509',
    '\\x30');
    insert into certificate_name select hash(t), x from unnest(n) x; \$\$;
    select cert('old', '0a01', '30 days', '{www.corp.example}', 'silent'),
    cert('new', '0a02', '1 hour', '{www.corp.example,corp.example}', 'silent'),
    cert('two', '0a03', '30 days', '{mail.corp.example}', 'silent'),
    cert('evil', '0a04', '2 hours', array['$evil'], 'page'),
    cert('base', '0a05', '40 days', '{old.corp.example}', 'baseline');
    insert into known (tbs_sha256, trust, origin, place, author) values
    (hash('two'), 'issuance', 'import',
    '/etc/letsencrypt/live/mail.corp.example/fullchain.pem', 'me');
    insert into cert_fact (tbs_sha256, cert_sha256, form, crl) select
    hash(t), hash('c' || t), 'x509', '{http://crl.example/1.crl}' from
    unnest('{old,new,two}'::text[]) t;
    insert into revocation_source (kind, url, issuer_spki_sha256, state,
    number, this_update, next_update, ok_at, checked_at) values ('crl',
    'http://crl.example/1.crl', hash('ca'), 'good', '0c', now(),
    now() + interval '7 days', now(), now());
    insert into revocation (issuer_spki_sha256, serial, status, reason,
    stated_at, observed_at, why) values (hash('ca'), '0a01', 'revoked', 1,
    '2026-11-20 10:00Z', now() - interval '1 hour', 'the CRL lists it');
    insert into revocation_status (issuer_spki_sha256, serial, source_id,
    status, reason, stated_at) values (hash('ca'), '0a01', 1, 'good', null,
    null), (hash('ca'), '0a01', 1, 'revoked', 1, '2026-11-20 10:00Z');
    insert into endpoint_observation (endpoint_id, addr, cert_sha256,
    tbs_sha256) values (1, '192.0.2.9', hash('cnew'), hash('new'))" >/dev/null
old=$(sql "select encode(hash('old'), 'hex')")

# --- certificates, revocation -----------------------------------------------------------------

cv certs --name .corp.example
eq "certs" "$rc $(grep -c corp.example "$T/out")" '0 4'
cv certs --revoked --json
eq "certs --revoked" "$rc $(grep -c "\"tbs_sha256\":\"$old\"" "$T/out")
$(grep -c '"revocation":{"status":"revoked","reason":"keyCompromise","stated_at":"2026-11-20T10:00:00Z"' "$T/out")" $'0 1\n1'
cv certs list --limit 1
eq "certs --limit" "$(grep -c corp.example "$T/out")" 1
cv certs show "${old:0:10}"
eq "certs show" "$rc $(grep -c 'revocation   revoked, keyCompromise' "$T/out")" \
    '0 1'
cv certs show "$(sql "select encode(hash('cold'), 'hex')")"
eq "certs show, by certificate" "$rc $(grep -c "issuance     $old" "$T/out")" \
    '0 1'
cv certs show 0a01
eq "too short" "$rc $(grep -c 'at least the first 8' "$T/err")" '64 1'
cv certs history "$old"
eq "certs history" "$rc $(grep -c ' revocation  .*: good\| revocation  .*: revoked, keyC\| revoked ' "$T/out")" \
    '0 3'
ok "history is in order" sort -c -s -k1,1 "$T/out"
cv --json certs history "$old"
eq "history --json" "$(grep -c '"event":"valid_until"' "$T/out")" 1
cv certs show "$(sql "select encode(hash('evil'), 'hex')")"
cv revocation sources
eq "revocation sources" "$rc $(grep -c 'crl  .*  3  .*http://crl.example/1.crl' "$T/out")" \
    '0 1'
cv revocation sources --faulty
eq "none is faulty" "$rc $(wc -l < "$T/out")" '0 0'
for what in www.corp.example "$old" 0A:01 0a01; do
	cv revocation status "$what"
	eq "revocation status $what" "$rc $(grep -c '^revoked ' "$T/out") $(grep -c 'crl  http.*: good' "$T/out")" \
	    '0 1 1'
done
cv --json revocation status 0a01
eq "revocation status --json" "$(grep -c '"revocation":{"status":"revoked".*"sources":\[{"kind":"crl".*"changes":\[' "$T/out")" 1
cv revocation status no.such.example
eq "no such" $rc 1

# --- a mass revocation --------------------------------------------------------------------------

printf 'serial,when\n0A01,x\n00:0a:03,x\n0b,x\n' > "$T/serials"
cv affected --serials "$T/serials"
eq "affected" "$rc $(awk '{print $1}' "$T/out" | paste -sd' ')" '0 left served'
eq "how to renew" "$(grep -c 'certbot renew --force-renewal --cert-name mail.corp.example$' "$T/out")" 1
eq "progress" "$(cat "$T/err")" \
    '2 certificates: 1 replaced, 1 served, 1 left (of 3 serial numbers)'
cv affected --serials "$T/serials" --csv
eq "affected --csv" "$rc $(head -1 "$T/out" | cut -c1-15) $(wc -l < "$T/out")" \
    '0 state,served_at 3'
cv affected --issuer-spki "$(sql "select encode(hash('ca'), 'hex')")" --csv
ok "formulas are none" grep -qF "\"<script>alert(1)</script>=cmd|'" "$T/out"
eq "no cell begins with =" "$(grep -c '"=' "$T/out")" 0
cv affected --json --serials - < "$T/serials"
eq "affected --json" "$(grep -c '"replaced":false.*"renew":"certbot' "$T/out")" 1
echo 0g > "$T/serials"
cv affected --serials "$T/serials"
eq "a wrong list" "$rc $(grep -c "serials:1: .0g. is no serial" "$T/err")" '64 1'
printf '0a03\n' > "$T/serials"
cv expect revocation --serials "$T/serials" --by 24h --reason keycompromise
eq "expect revocation" "$rc $(cat "$T/out")" \
    '0 1 revocations are expected, 0 were already'
cv expect revocation --serials "$T/serials" --by 25h
eq "not twice" "$(cat "$T/out")" '0 revocations are expected, 1 were already'
cv expect list
eq "expect list" "$rc $(grep -c 'revocation  open .*serial 0a03 mail.corp.example' "$T/out")" \
    '0 1'
cv affected --serials "$T/serials"
eq "the deadline" "$(cat "$T/err")" \
    '1 certificates: 0 replaced, 0 served, 1 left, 24 h (of 1 serial numbers)'
echo 77 > "$T/serials"
cv expect revocation --serials "$T/serials" --by 24h
eq "whose?" "$rc $(grep -c 'issuer-spki' "$T/err")" '1 1'
cv expect revocation --serials "$T/serials" --by 2020-01-01
eq "it is over" $rc 64

# --- the first night ------------------------------------------------------------------------------

# line WANT: the first line of the report, without its date.
line()
{
	eq "$1: line" "$(head -n 1 "$T/out" | cut -c19-)" "$2"
}
alive
cv audit --fail-on critical --since 2000-01-01
eq "audit: nothing is wrong" $rc 0
line "first night" '4 new (3 declared), 0 open, 0 unchecked, 1/1 logs'
eq "the date" "$(head -c 16 "$T/out")" "audit $(date -u +%F)"
eq "what it says" "$(grep -c '^New certificates: 4$\|^Open: 0$\|^Baseline, not reviewed: 1$\|^Not checked: 0$\|^Coverage: 1$' "$T/out")" 5
ok "hostile text is cleaned" grep -q '<script>' "$T/out"
eq "a channel that is gone" "$(grep -c 'audit.send: .*nobody' "$T/err")" 1
eq "kept" "$(sql "select verdict, first_line = body->>'first_line' from
    audit_report")" '0|t'
eq "in the outbox" "$(sql "select purpose, state, body::json->>'type' from
    delivery")" 'audit|pending|audit'
# --- the second night ---------------------------------------------------------------------------------

sql "insert into finding (kind, subject, dedupe_key, severity, reason) values
    ('certificate.unexpected', 'aa', 'one', 'critical', '$evil'),
    ('endpoint.mismatch', 'www.corp.example:443', 'two', 'high', 'x'),
    ('ct_policy.violated', 'bb', 'three', 'medium', 'y');
    insert into finding_event (finding_id, event) select id, 'opened' from
    finding"
for night in 1 2; do
	for f in text json csv html junit sarif; do
		alive
		cv audit --format $f --since 2000-01-01
		eq "audit, $f" "$rc" 2
		mv "$T/out" "$T/$f$night"
	done
done
alive
cv audit --output "$state/report"
eq "audit --output" "$rc $(wc -c < "$T/out")" '2 0'
eq "the line is said" "$(tail -n 1 "$T/err" | cut -c19-)" \
    '0 new (0 declared), 3 open, 0 unchecked, 1/1 logs'
eq "and written" "$(head -n 1 "$state/report")" "$(tail -n 1 "$T/err")"
cat > "$T/check.py" <<'PY'
import csv, json, re, sys
import xml.etree.ElementTree as et

d = sys.argv[1]

def read(name):
    with open(d + '/' + name, encoding='utf-8', newline='') as f:
        return f.read()

def same(what, a, b):
    if a != b:
        sys.exit('%s: %r, %r' % (what, a, b))

# JSON: the same findings with the same fingerprints
j = [json.loads(read('json%d' % n)) for n in (1, 2)]
prints = [[f['fingerprint'] for f in x['open']['list']] for x in j]
same('fingerprints', prints[0], prints[1])
same('no duplicate', len(set(prints[0])), 3)
same('verdict', j[0]['verdict'], 2)
same('first line', j[0]['first_line'], read('text1').split('\n')[0])

# CSV: whole rows, no formulas
rows = list(csv.reader(read('csv1').splitlines()))
same('columns', {len(r) for r in rows}, {13})
same('formulas', [c for r in rows for c in r if c[:1] in ('=', '+', '-', '@')], [])
same('findings', sum(r[0] == 'open' for r in rows), 3)

# HTML: one file, nothing that acts
h = read('html1')
for bad in ('<script', 'http://', 'https://', '<link', '<iframe', 'javascript:'):
    same(bad, h.count(bad), 0)
same('handlers', re.findall(r'<[^>]*\son\w+=', h), [])
same('policy', h.count("default-src 'none'; style-src 'sha256-"), 1)

# JUnit: counts are true, the names of cases the same
x = [et.fromstring(read('junit%d' % n)) for n in (1, 2)]
same('root', x[0].tag, 'testsuites')
for s in x[0]:
    cases = s.findall('testcase')
    same('tests', int(s.get('tests')), len(cases))
    for k, tag in (('failures', 'failure'), ('errors', 'error'), ('skipped', 'skipped')):
        same(k, int(s.get(k)), sum(c.find(tag) is not None for c in cases))
    same('order', [e.tag for e in s][0], 'properties')
    same('order', [e.tag for e in s][-2:], ['system-out', 'system-err'])
names = [[(c.get('classname'), c.get('name')) for c in t.iter('testcase')] for t in x]
same('names', names[0], names[1])
same('unique', len(set(names[0])), len(names[0]))

# SARIF: what the schema wants of it
s = [json.loads(read('sarif%d' % n)) for n in (1, 2)]
same('version', s[0]['version'], '2.1.0')
run = s[0]['runs'][0]
rules = [r['id'] for r in run['tool']['driver']['rules']]
same('rules', sorted(rules), sorted({'certificate.unexpected', 'endpoint.mismatch', 'ct_policy.violated'}))
for r in run['results']:
    same('rule', rules[r['ruleIndex']], r['ruleId'])
    assert r['level'] in ('error', 'warning', 'note'), r
    assert r['message']['text'], r
    assert re.fullmatch(r'[A-Za-z0-9._~/%-]+', r['locations'][0]['physicalLocation']['artifactLocation']['uri']), r
same('fingerprints', *[[r['partialFingerprints'] for r in t['runs'][0]['results']] for t in s])
same('exit', run['invocations'][0]['exitCode'], 2)
PY
ok "forms" python3 "$T/check.py" "$T"
if command -v xmllint >/dev/null; then
	ok "junit is well-formed" xmllint --noout "$T/junit1"
else
	skip 1 "no xmllint"
fi

# --- what counts ------------------------------------------------------------------------------------------

audit()
{
	alive
	cv audit "$@"
}
cv ack 1
audit --fail-on critical
eq "acked" "$rc" 0
line "acked" '0 new (0 declared), 2 open, 0 unchecked, 1/1 logs'
audit
eq "high" "$rc" 2
sql "update finding set state = 'accepted' where id = 2"
audit
eq "accepted" "$rc" 0
audit --fail-on medium
eq "medium" "$rc" 2
sql "update revocation_source set state = 'unreachable', failing_since =
    now() - interval '5 hours', why = 'timed out'"
audit
eq "not long enough" "$rc" 0
sql "update revocation_source set failing_since = now() - interval '7 hours'"
audit
eq "not checked" "$rc" 1
line "not checked" '0 new (0 declared), 1 open, 1 unchecked, 1/1 logs'
ok "since when" grep -q "^  since $(date -u -d '7 hours ago' +%FT%H).* CRL http://crl.example/1.crl: timed out (3 certificates)" "$T/out"
audit --fail-on medium
eq "2 wins over 1" "$rc" 2

# --- the daemon's work is waited for ------------------------------------------------------------------------

sql "update revocation_source set state = 'good', failing_since = null"
alive
sql "update work set due_at = now() - interval '1 minute' where
    kind = 'endpoint'"
(sleep 3; sql "update work set due_at = now() + interval '1 day'") &
cv audit
wait $!
eq "waited" "$rc $(grep -c 'waiting for the daemon: 1 endpoint' "$T/err")" '0 1'
sql "update work set due_at = now() - interval '1 minute' where
    kind = 'endpoint'"
cv audit --deadline 2s
eq "the deadline" "$rc $(grep -c 'deadline is over, and 1 pieces' "$T/err")" '0 1'
# Without a daemon the work is done here: the log is read again.
sql "delete from worker; delete from work; update endpoint set
    removed_at = now(); delete from revocation_status; delete from cert_fact;
    delete from revocation; delete from revocation_source; delete from
    certificate; delete from certificate_name; delete from issuance"
post "/_rig/log/fill?n=5&seed=2" >/dev/null
sql "insert into work (kind, subject) values ('loglist', 'main'),
    ('tail', (select id::text from log))"
cv --quiet audit --deadline 1m
eq "without a daemon" "$rc $(sql 'select max(size_to) from log_range')" '0 25'
eq "and quiet" "$(grep -c 'names watched' "$T/err")" 0

# --- wrong words ----------------------------------------------------------------------------------------------

for a in '--format pdf' '--fail-on bad' '--since never' '--deadline 5' \
    '--since 2999-01-01' 'now'; do
	cv audit $a
	eq "audit $a" $rc 64
done
cv audit --output /no/such/folder/x
eq "no such folder" "$rc $(grep -c no/such/folder "$T/err")" '1 1'
t_end
