#!/bin/bash
# Issuers that certificates name: a path that only a cross-certificate opens is
# found; who lies there opens none, ends in bounded time, and lets nobody wait.
#
#   bash tests/system/92-aia.sh build/release
#
# takes: 12

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 92-aia "${1:-}"

# NAME LIE: each is a CA of its own, which a trusted one has cross-signed.
cat > "$T/table" <<'END'
honest	-
pkcs7	-
garbage	garbage
empty	empty
cutshort truncated
huge	huge_body
chunked	huge_body?mode=chunked
bomb	gzip_bomb?n=64
slow	slow
stall	stall
reset	reset
e404	404
html	html
private	redirect?url=http%3A//10.0.0.1/x.der
loop	redirect_loop
END

t_rig --log elm,operator=Elm --log oak,operator=Oak,proto=static
cas_args="--ports $(wc -l < "$T/table")" ca=anchor t_cas
t_db aia
t_conf aia 'watch: [.corp.example]' \
    "audit: {every: 1h, roots: $T/anchor/root.pem}"
post "/_rig/elm/fill?n=20&seed=1" >/dev/null
once
eq "first read" $rc 0
mapfile -t at < <(grep -o '127\.0\.0\.1:[0-9]*' "$T/cas.out" | sort -u)
i=0
while read -r n lie; do
	ca=$n t_ca
	"$obj/tests/rig/ca" cross "$T/$n" "$T/anchor" --cert int >/dev/null ||
	    fail "ca cross $n"
	post "$cas/_rig/new?ca=$T/$n" >/dev/null
	[ "$n" = pkcs7 ] && form=p7c || form=der
	ca=$n t_cert "$n.corp.example" "$n" --submit "$rig/elm" \
	    --submit "$rig/oak" --final-submit \
	    --aia "http://${at[$((i++))]}/$n/cross-anchor.$form"
	[ "$lie" = - ] || ca=$n cas_lie "${lie%%\?*}" "$(
	    [[ $lie != *\?* ]] || echo "${lie#*\?}")"
done < "$T/table"
# shellcheck disable=SC2046
cv known import $(cut -f1 "$T/table" | sed "s#^\([a-z0-9]*\).*#$T/\1.pem#")
eq "known import" $rc 0

# trusted P: by whom.
trusted()
{
	sql "select program || ' ' || verdict || ' ' || cardinality(path) from
	    chain_verdict where tbs_sha256 = '\\x$(of "$1" tbs_sha256)' and
	    program = 'given' order by verdict limit 1"
}
once
eq "second read" $rc 0
[ $rc -eq 0 ] || show
while read -r n lie; do
	if [ "$lie" = - ]; then
		eq "$n" "$(trusted "$n")" "given trusted 3"
	else
		ok "$n: not trusted" test "$(trusted "$n")" != \
		    "given trusted 3"
	fi
	eq "$n: was looked at" "$(sql "select count(*) from cert_fact where
	    tbs_sha256 = '\\x$(of "$n" tbs_sha256)' and form = 'x509'")" 1
done < "$T/table"
eq "never trusted is nothing to say" "$(sql "select kind, name from finding
    where kind <> 'ct_policy.violated'")" ""
while read -r n lie; do
	ca=$n honest
done < "$T/table"
sql "update cert_fact set judged_at = judged_at - interval '2 days'"
again
eq "a day later" $rc 0
while read -r n lie; do
	eq "$n: honest" "$(trusted "$n")" "given trusted 3"
done < "$T/table"

# --- a loop, and an issuer that is known is not fetched again ------------------------

asked()
{
	get "$cas/_rig/honest/stats" | json_int aia
}
before=$(asked)
ca=honest t_cert more.corp.example more --submit "$rig/elm" \
    --submit "$rig/oak" --final-submit \
    --aia "http://${at[0]}/honest/cross-anchor.der"
once
eq "one more" "$(trusted more)" "given trusted 3"
eq "what is known is not fetched" "$(asked)" "$before"

# Two CAs that have signed each other, each naming the other one.
for n in left right; do
	ca=$n t_ca
done
"$obj/tests/rig/ca" cross "$T/left" "$T/right" \
    --aia "$cas/right/cross-left.der" >/dev/null
"$obj/tests/rig/ca" cross "$T/right" "$T/left" \
    --aia "$cas/left/cross-right.der" >/dev/null
for n in left right; do
	post "$cas/_rig/new?ca=$T/$n" >/dev/null
done
ca=left t_cert loop.corp.example loopy --submit "$rig/elm" \
    --submit "$rig/oak" --final-submit --aia "$cas/left/cross-right.der"
once
eq "a loop ends" $rc 0
eq "and leads nowhere" "$(sql "select count(*) from chain_verdict where
    tbs_sha256 = '\\x$(of loopy tbs_sha256)' and verdict = 'trusted'")" 0
eq "it was looked at" "$(sql "select count(*) from cert_fact where tbs_sha256 =
    '\\x$(of loopy tbs_sha256)'")" 1
t_end
