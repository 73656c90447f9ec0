#!/bin/bash
# An entry that kills each process that takes it apart: it costs exactly itself.
# The program is built with judges that die of an entry that says so.
#
#   bash tests/system/62-judge.sh build/release

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 62-judge "${1:-}"
if [ ! -x "$obj/certvigil-killable" ]; then
	skip 1 "$obj/certvigil-killable is not built"
	t_end
fi
cp "$obj/certvigil-killable" "$T/killable"
prog=$T/killable

t_rig --log rfc --log static,proto=static --log other \
    --log long
t_db judge
t_conf judge 'watch: [.corp.example]'
want=0
for l in rfc static; do
	for i in 1 2 3; do
		post "/_rig/$l/fill?n=150&seed=$i" >/dev/null
		t_issue --name "before$i.corp.example" --submit "$rig/$l" \
		    --final-submit --out "$T/c" >/dev/null
		[ $i -ne 2 ] || post "/_rig/$l/poison?what=garbage&name=certvigil-kill-judge.corp.example" \
		    >/dev/null
		t_issue --name "after$i.corp.example" --submit "$rig/$l" \
		    --out "$T/c" >/dev/null
		want=$((want + 3))
	done
done
post "/_rig/other/fill?n=300&seed=4" >/dev/null
t_issue --name other.corp.example --submit "$rig/other" --out "$T/c" >/dev/null
want=$((want + 1))

once
eq "run --once" $rc 0
[ $rc -eq 0 ] || show 30
eq "judges died" "$(grep -c 'judge [0-9]* died' "$T/err" | sed 's/^[1-9].*/yes/')" yes
eq "everything is proven" "$(sql 'select string_agg(size_to::text, chr(32)
    order by size_to) from log_range')" "0 301 460 460"
eq "all others are found" "$(sql "select count(*) from entry_match m
    join entry e using (log_ref, index) where not e.malformed")" $want
eq "the entry is kept raw, once in each log" "$(sql "select count(*),
    count(distinct log_ref), bool_and(leaf is not null) from entry
    where malformed")" '2|2|t'
eq "at its place" "$(sql "select distinct index from entry where malformed")" 305
eq "of the baseline, so not said" "$(sql "select count(*) from finding
    where kind = 'certificate.malformed'")" 0
eq "nothing else is said" "$(sql "select count(*) from finding
    where kind <> 'certificate.malformed'")" 0
once
eq "a second run is quiet" "$rc $(grep -c died "$T/err")" '0 0'
post "/_rig/other/poison?what=garbage&name=certvigil-kill-judge2.corp.example" \
    >/dev/null
once
eq "a new one" $rc 0
eq "is said, for it has a name of ours in it" "$(sql "select severity, watch
    from finding where kind = 'certificate.malformed'")" 'high|.corp.example'

# --- a log that is far behind has a judge a core: each takes only its own along

for i in 1 2 3 4; do
	post "/_rig/long/fill?n=5000&seed=$i" >/dev/null
	post "/_rig/long/poison?what=garbage&name=certvigil-kill-judge$i.corp.example" \
	    >/dev/null
	t_issue --name "long$i.corp.example" --submit "$rig/long" --out "$T/c" \
	    >/dev/null
done
post "/_rig/long/fill?n=5000&seed=5" >/dev/null
once
eq "run --once on a long log" $rc 0
[ $rc -eq 0 ] || show 30
eq "all of it is proven" "$(sql 'select max(size_to) from log_range')" 25008
eq "what matches is found, once" "$(sql "select count(*), count(distinct
    (log_ref, index)) from entry where index >= 5000 and not malformed")" '4|4'
eq "what kills is kept raw, once" "$(sql "select count(*), count(distinct
    (log_ref, index)) from entry where index >= 5000 and malformed")" '4|4'
t_end
