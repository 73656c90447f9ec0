#!/bin/bash
# A log that shows two trees to two observers: neither can see it alone; what
# one was shown is a vantage point of the other, and both heads convince a
# third party.  A vantage point that lies is refused, and no log is blamed.
#
#   bash tests/system/35-split-view.sh build/release
#
# takes: 14

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 35-split-view "${1:-}"

misbehaved()
{
	sql "select coalesce(string_agg(detail->>'what', ' '), '') from finding
	    where kind = 'log.misbehaved'"
}

# The evidence of the only log.misbehaved holds and has this statement.
evidence()
{
	cv evidence export "$(sql "select id from finding where
	    kind = 'log.misbehaved'")"
	eq "$1: export" $rc 0
	[ $rc -eq 0 ] || show
	cp "$T/out" "$T/e.json"
	get "$rig/$list" > "$T/list.json"
	cv evidence verify --log-list "$T/list.json" "$T/e.json"
	eq "$1: verify" $rc 0
	[ $rc -eq 0 ] || show
	ok "$1: shows $2" grep -q "\"$2\"" "$T/e.json"
}

t_rig --log "a" --log "b,proto=static"
for l in a b; do
	post "/_rig/$l/fill?n=300&seed=7" >/dev/null
	lie $l fork 'at=200&mode=split'
done
mkdir -m 777 "$T/gossip"
: > "$T/gossip/heads"

# The second observer sees the second trees, and all is well with them.
t_db second
t_conf second 'watch: [".corp.example"]'
sed -i 's/^contact:.*/contact: second-view@corp.example/' "$conf"
once
eq "the second view" "$rc $(misbehaved)" "0 "
cv log heads --export "$T/gossip/heads"
eq "export" "$rc $(wc -l < "$T/gossip/heads")" "0 2"
[ $rc -eq 0 ] || show

# The first one hears of it: two roots of one size.
t_db first
first=$db
t_conf first 'watch: [".corp.example"]' \
    "vantage: [{name: second, file: $T/gossip/heads}]"
once
eq "the first view" "$rc $(misbehaved)" "2 fork fork"
[ $rc -eq 2 ] || show
sql "delete from finding_event; delete from finding where subject = (select
    encode(log_id, 'base64') from log where protocol = 'static')"
evidence "one size" fork
cv log show 'Rig log a'
ok "log show tells of the source" grep -q '^vantage.*second' "$T/out"

# The first tree has grown: now the log's own proof accuses it.
sql "truncate finding cascade; truncate vantage_head, consistency, log_range,
    coverage_day, tree_head cascade; update work set due_at = now()"
for l in a b; do
	post "/_rig/$l/fill?n=77&seed=9" >/dev/null
done
once
again=$rc
[ -n "$(misbehaved)" ] || once
eq "grown" "$(misbehaved)" "fork fork"
eq "grown: exit" "$((again > rc ? again : rc))" 2
sql "delete from finding_event; delete from finding where subject = (select
    encode(log_id, 'base64') from log where protocol = 'rfc6962')"
evidence "grown" inconsistent
once
eq "said once" "$rc $(sql "select count(*) from finding_event")" "0 0"

# Witnesses: a line that is right is stored and shown, in evidence as well; one
# that is wrong is said, not believed; others are ignored.
vkey=$(python3 - <<'P'
import base64, hashlib
from cryptography.hazmat.primitives.asymmetric.ed25519 import \
    Ed25519PrivateKey as K
from cryptography.hazmat.primitives.serialization import Encoding as E, \
    PublicFormat as F
pub = K.from_private_bytes(hashlib.sha256(b"rig witness").digest()) \
    .public_key().public_bytes(E.Raw, F.Raw)
print("witness.rig+%s+%s" % (hashlib.sha256(b"witness.rig\n\4" + pub)
      .hexdigest()[:8], base64.b64encode(b"\4" + pub).decode()))
P
)
t_db witness
t_conf witness 'watch: [".corp.example"]' \
    "witnesses: [{name: rig, key: \"$vkey\"}]" \
    "vantage: [{name: second, file: $T/gossip/heads}]"
for l in a b; do
	post "/_rig/$l/honest" >/dev/null
done
lie b cosign mode=bad
once
eq "a wrong cosignature" "$(sql 'select valid from cosignature')" f
ok "is said" grep -q 'witness.rig.*wrong' "$T/err"
lie b cosign
lie b extra_signatures
once
eq "a right one" "$(sql 'select witness, valid from cosignature')" \
    "witness.rig|t"
cv log show 'Rig log b'
ok "log show" grep -q '^cosigned.*witness.rig' "$T/out"
sql "delete from finding_event; delete from finding where subject = (select
    encode(log_id, 'base64') from log where protocol = 'rfc6962')"
evidence "cosigned" cosigned

# A source that lies is not believed, and no log is blamed.
t_db liar
python3 - "$T/gossip/heads" > "$T/gossip/wrong" <<'P'
import base64, json, sys
for l in open(sys.argv[1]):
    o = json.loads(l)
    raw = base64.b64decode(o["raw"])
    i = raw.index(b"300")
    o["raw"] = base64.b64encode(raw[:i] + b"301" + raw[i + 3:]).decode()
    print(json.dumps(o))
    o["log_id"] = base64.b64encode(bytes(32)).decode()
    print(json.dumps(o))
    o["raw"] = o["raw"][:-5]
    print(json.dumps(o))
P
echo '{"log_id": 7}' >> "$T/gossip/wrong"
t_conf liar 'watch: [".corp.example"]' \
    "vantage: [{name: liar, file: $T/gossip/wrong}, {name: gone, url: '$rig/nothing/there'}]"
for l in a b; do
	post "/_rig/$l/honest" >/dev/null
done
once
eq "a source that lies" "$rc $(misbehaved)" "0 "
[ $rc -eq 0 ] || show
eq "is refused" "$(sql "select heads < refused and last_error is not null
    from vantage where name = 'liar'")" t
eq "one that is away is said" "$(sql "select failing_since is not null and
    last_error is not null from vantage where name = 'gone'")" t
eq "no other finding" "$(sql 'select count(*) from finding')" 0
t_end
