set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin zz "${1:-}"
t_rig --log argon2026h2,to=2027-01-01T00:00:00Z,from=2026-07-01T00:00:00Z --log tuscolo,proto=static
database=embedded from=now t_conf new 'watch: [.example.com]'
cat $conf
mkdir -p $T/w; cd $T/w; chmod 777 .
post "/_rig/argon2026h2/fill?n=3000&seed=1" >/dev/null
post "/_rig/tuscolo/fill?n=300&seed=1" >/dev/null
ca=ca
t_issue --name old.example.com --submit "$rig/argon2026h2" --final-submit --out $T/w/old >/dev/null
cd - >/dev/null
once; echo "once $rc"
t_issue --name www.example.com --submit "$rig/argon2026h2" --submit "$rig/tuscolo" --final-submit --out $T/w/new > $T/w/new.json
once
cd $T/w
chmod a+r *; mkdir certs; cp old.pem certs/; cp new.fullchain.pem fullchain.pem
cp new.pem stolen.pem; cp new.pem cert.pem; cp new.pem old2.pem; cp $T/ca/root.pem ca.pem
get "$rig/loglist.json" > log_list.json
get "$rig/argon2026h2/ct/v1/get-sth" > get-sth.json
printf '.a.example\n.b.example\n' > names.txt
sed -n 's/.*"serial": *"\([0-9a-f]*\)".*/\1/p' new.json > ours.txt
tbs=$(sed -n 's/.*"tbs_sha256": *"\([0-9a-f]*\)".*/\1/p' new.json)
isp=$(sed -n 's/.*"issuer_spki_sha256": *"\([0-9a-f]*\)".*/\1/p' new.json)
crt=$(sed -n 's/.*"cert_sha256": *"\([0-9a-f]*\)".*/\1/p' new.json)
cp ours.txt revoked.txt
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -subj / -addext subjectAltName=DNS:shop.example -out shop.csr 2>/dev/null
echo https://x.example/ > slack.url; echo https://x.example/ > soc.url
echo www.example.com > hosts.txt
chmod a+rwX -R .
certvigil() { "$prog" --config "$conf" "$@"; }
run1() {
  echo "\$ $1"
  eval "$1" > out 2> err; local r=$?
  echo "   -> $r; out: $(head -c 260 out | head -3 | tr '\n' '|') err: $(head -c 300 err | tr '\n' '|')"
}
while IFS= read -r l; do [ -z "$l" ] || run1 "$l"; done < /tmp/points-cmds
cd - >/dev/null
t_end
