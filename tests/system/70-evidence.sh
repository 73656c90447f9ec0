#!/bin/bash
# Evidence: exported for a finding, verified without network, database and
# configuration; every field that is changed is noticed; the keys come from the
# one who verifies.
#
#   bash tests/system/70-evidence.sh build/release
#
# takes: 12

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 70-evidence "${1:-}"

verify()
{
	(cd "$T" && env -i PATH=/usr/bin:/bin HOME="$T" \
	    ASAN_OPTIONS="${ASAN_OPTIONS:-}" "$prog" evidence verify "$@") \
	    >"$T/out" 2>"$T/err"
}

t_rig --log rfc --log static,proto=static
t_db evidence
t_conf evidence 'watch: [.corp.example]'
for l in rfc static; do
	post "/_rig/$l/fill?n=300&seed=1" >/dev/null
done
once
eq "first read" $rc 0
t_issue --name www.corp.example --submit "$rig/rfc" --submit "$rig/static" \
    --final-submit --out "$T/c" >/dev/null
for l in rfc static; do
	post "/_rig/$l/fill?n=77&seed=2" >/dev/null
done
once
eq "second read" $rc 0
id=$(sql 'select id from finding')
get "$rig/loglist.json" > "$T/list.json"
cv evidence export "$id"
eq "export" $rc 0
[ $rc -eq 0 ] || show
cp "$T/out" "$T/e.json"
# To a file, in a folder that the user of the program may write.
mkdir "$T/to"
[ "$(id -u)" -ne 0 ] || chown certvigil "$T/to"
cv evidence export "$id" --output "$T/to/e.json"
eq "export --output" $rc 0
verify "$T/to/e.json" --log-list "$T/list.json"
eq "verify what --output wrote" $? 0
ok "is JSON" python3 -m json.tool "$T/e.json" "$T/pretty"
chmod 644 "$T/e.json"
verify "$T/e.json" --log-list "$T/list.json"
eq "verify" $? 0
[ -s "$T/err" ] && show
# Pretty-printed it is the same file.
verify "$T/pretty" --log-list "$T/list.json"
eq "verify, written anew" $? 0
# A list that has not these logs: their statements cannot be judged.
(
	mkdir "$T/rig2"
	"$obj/tests/rig/ctlog" --dir "$T/rig2" --log rfc > "$T/rig2.out" &
	echo $! > "$T/rig2.pid"
	wait
) &
ok "another log" wait_for 10 test -s "$T/rig2.out"
get "http://127.0.0.1:$(first_line "$T/rig2.out" | json_int port)/loglist.json" \
    > "$T/list2.json"
kill "$(cat "$T/rig2.pid")"
verify "$T/e.json" --log-list "$T/list2.json"
eq "verify with the keys of other logs" $? 1

# Each value of the file changed, each member left out, one at a time.
cat > "$T/change.py" <<'END'
import base64, copy, json, sys
doc = json.load(open(sys.argv[1]))
out = sys.argv[2]
n = 0

def write(d, what):
    global n
    json.dump(d, open(f"{out}/{n:04d}.json", "w"))
    open(f"{out}/names", "a").write(f"{n:04d} {what}\n")
    n += 1

def flip(v):
    if isinstance(v, bool):
        return not v
    if isinstance(v, int):
        return v + 1
    if v is None:
        return "x"
    if v == "":
        return "x"
    # the first character: a canonical base64 stays one
    c = v[len(v) // 2]
    r = "B" if c == "A" else "A" if not c.islower() and not c.isdigit() \
        else {"a": "b"}.get(c, "a") if c.islower() else \
        {"1": "2"}.get(c, "1")
    return v[:len(v) // 2] + r + v[len(v) // 2 + 1:]

def at(d, path):
    for p in path:
        d = d[p]
    return d

def walk(v, path):
    if isinstance(v, dict):
        for k in v:
            d = copy.deepcopy(doc)
            del at(d, path)[k]
            write(d, f"without {'.'.join(map(str, path + [k]))}")
            walk(v[k], path + [k])
        d = copy.deepcopy(doc)
        at(d, path)["extra"] = 1
        write(d, f"one more in {'.'.join(map(str, path))}")
    elif isinstance(v, list):
        for i, x in enumerate(v):
            walk(x, path + [i])
    else:
        d = copy.deepcopy(doc)
        at(d, path[:-1])[path[-1]] = flip(v)
        write(d, f"changed {'.'.join(map(str, path))}")

walk(doc, [])
END
mkdir "$T/changed"
chmod 755 "$T/changed"
python3 "$T/change.py" "$T/e.json" "$T/changed"
n=0 accepted=
while read -r file what; do
	verify "$T/changed/$file.json" --log-list "$T/list.json"
	case $? in
	0)	accepted="$accepted $what;" ;;
	1|2)	n=$((n + 1)) ;;
	*)	accepted="$accepted $what: exit status;" ;;
	esac
done < "$T/changed/names"
eq "each change is noticed" "$accepted" ''
ok "there were many ($n)" test "$n" -gt 100
# Twins hold; of a certificate that its issuer did not sign, only the entry.
t_issue --name tw.corp.example --submit "$rig/rfc" --out "$T/tw1" >/dev/null
t_issue --name tw.corp.example --submit "$rig/rfc" --out "$T/tw2" \
    --same-serial "$T/tw1.pem" >/dev/null
t_issue --name bad.corp.example --submit "$rig/rfc" --out "$T/bad" \
    --bad-signature >/dev/null
once
eq "twins, and a bad signature" $rc 0
for k in twins malformed; do
	cv evidence export "$(sql "select id from finding where
	    kind = 'certificate.$k'")"
	eq "export: $k" $rc 0
	cp "$T/out" "$T/$k.json"
	verify "$T/$k.json" --log-list "$T/list.json"
	eq "verify: $k" "$? $(grep -c ^invalid "$T/out")" \
	    "$([ $k = twins ]; echo $?) 0"
done
# A lie that was caught: two heads of one size.
lie rfc fork
once
eq "fork" $rc 2
fork=$(sql "select id from finding where kind = 'log.misbehaved'")
cv evidence export "$fork"
eq "export of a fork" $rc 0
[ $rc -eq 0 ] || show
cp "$T/out" "$T/f.json"
verify "$T/f.json" --log-list "$T/list.json"
eq "verify of a fork" $? 0
[ -s "$T/err" ] && show
t_end
