#!/bin/bash
# The command framework, end to end: options, exit statuses, init, config,
# doctor, the service file, the manual, make install.
#
#   bash tests/system/10-commands.sh build/release
#
# Ends with "N passed, N failed, N skipped"; exits 1 when something failed.
#
# takes: 15

set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
# Where other users reach it too.
cp "${1:-build/release}/certvigil" "$work/certvigil" || exit 1
prog=$work/certvigil
passed=0 failed=0 skipped=0
unset CERTVIGIL_CONFIG STATE_DIRECTORY CREDENTIALS_DIRECTORY NO_COLOR

ok()	{ passed=$((passed + 1)); }
bad()	{ failed=$((failed + 1)); echo "commands: FAIL $*" >&2; }
skip()	{ skipped=$((skipped + $1)); echo "SKIP $1 10-commands: ${*:2}"; }

# expect STATUS PATTERN COMMAND...: the status, and a line of what is printed.
expect()
{
	local want=$1 pattern=$2 out rc
	shift 2
	out=$("$@" 2>&1)
	rc=$?
	if [ $rc -ne "$want" ]; then
		bad "$*: exit $rc, not $want: $out"
	elif ! grep -qE -- "$pattern" <<< "$out"; then
		bad "$*: no '$pattern' in: $out"
	else
		ok
	fi
}

# --- the command line ---------------------------------------------------------

version=$(cat VERSION)
expect 0 "^certvigil $version\$" "$prog" --version
expect 0 "^certvigil $version\$" "$prog" version
expect 0 "\"version\":\"$version\"" "$prog" version --json
expect 0 '^  init ' "$prog" help
expect 0 '^usage: certvigil init' "$prog" help init
expect 0 '^usage: certvigil init' "$prog" init --help
expect 0 '^usage: certvigil init' "$prog" --help init
expect 0 '^usage: certvigil config' "$prog" config -h
expect 64 'a command is needed' "$prog"
expect 64 'did you mean `config`' "$prog" confg
expect 64 'there is no command `xyzzy`' "$prog" xyzzy
expect 64 'there is no option `--jsno`' "$prog" --jsno version
expect 64 '--config needs a file' "$prog" version --config
expect 64 '--config needs a file' "$prog" --config= version
expect 64 'too much' "$prog" version 1
expect 64 'there is no `chek`' "$prog" config chek
expect 64 'apply: `--defaults` is not known' "$prog" config apply --defaults
expect 64 'there is no role' "$prog" --role=king
expect 1 'writing to stdout' bash -c "'$prog' help > /dev/full"
expect 1 'writing to stdout: No space' bash -c "'$prog' config show --defaults > /dev/full"
expect 1 'writing to stdout: Bad file' bash -c "'$prog' version >&-"
# A reader that has enough is no error.
expect 0 '' bash -c "'$prog' config show --defaults | true; exit \${PIPESTATUS[0]}"

# Every command of the table is in the manual, and explains itself.
for c in $("$prog" help | sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p' |
    grep -v certvigil); do
	if grep -qE "^\.It Ic $c( |\$)" docs/certvigil.1; then
		ok
	else
		bad "docs/certvigil.1 has no \`$c\`"
	fi
	expect 0 "^usage: certvigil $c" "$prog" help "$c"
done

# --- the configuration --------------------------------------------------------

expect 0 'certvigil.yaml: ok' "$prog" config check --config docs/certvigil.yaml
expect 0 '"ok":true' "$prog" --config=docs/certvigil.yaml config check --json
expect 0 'slack-ops' "$prog" config show --config docs/certvigil.yaml
expect 78 'there is no such file' "$prog" --config "$work/none" config check
printf 'wach: [.example.com]\n' > "$work/bad.yaml"
expect 78 'bad.yaml:1:1: key `wach`.*did you mean `watch`' \
    "$prog" --config "$work/bad.yaml" config check
expect 78 'bad.yaml:1:1' env CERTVIGIL_CONFIG="$work/bad.yaml" "$prog" \
    config check
expect 2 'fail +config +.*bad.yaml:1:1' "$prog" --config "$work/bad.yaml" \
    doctor
"$prog" config show --defaults > "$work/defaults.yaml"
expect 0 ok "$prog" --config "$work/defaults.yaml" config check
printf 'watch_file: %s/watch.txt\n' "$work" > "$work/file.yaml"
printf 'a.example\na..b\n' > "$work/watch.txt"
expect 78 'watch.txt:2: ' "$prog" --config "$work/file.yaml" config check
rm "$work/watch.txt"
expect 0 'file.yaml: ok' "$prog" --config "$work/file.yaml" config check
printf 'routes:\n  - {to: [nobody]}\n' > "$work/route.yaml"
expect 0 'channel `nobody` is not in this file' \
    "$prog" --config "$work/route.yaml" config check

# --- init, as an ordinary user and as root ----------------------------------------

if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
	skip 23 "PostgreSQL is not installed"
else
	as=()
	if [ "$(id -u)" -eq 0 ]; then
		as=(setpriv --reuid=games --regid=games --clear-groups)
		mkdir "$work/home"
		chown games "$work/home"
	else
		mkdir "$work/home"
	fi
	user=("${as[@]}" env -i PATH="$PATH" HOME="$work/home"
	    ASAN_OPTIONS="${ASAN_OPTIONS:-}" "$prog")
	conf=$work/home/.config/certvigil/certvigil.yaml
	cd "$work/home" || exit 1
	expect 64 'write ".example.com"' "${user[@]}" init --watch '*.example.com'
	expect 64 'is no contact' "${user[@]}" init --contact nobody
	expect 64 '--watch needs a value' "${user[@]}" init --watch
	expect 0 '^ok +download +no log is known yet; .* 195 GB .* 795 GB' \
	    "${user[@]}" doctor --no-color
	expect 0 "^configuration +$conf\$" "${user[@]}" init \
	    --watch .example.com --watch bücher.example --contact a@corp.example
	expect 0 'contact: a@corp.example' "${user[@]}" config show
	cp "$conf" "$work/before"
	expect 0 'was there already' "${user[@]}" init
	expect 78 'was there already' "${user[@]}" init --watch .other.example
	if cmp -s "$conf" "$work/before"; then ok; else bad "init wrote"; fi
	mode=$(stat -c %a "$work/home/.local/state/certvigil")
	if [ "$mode" = 700 ]; then ok; else bad "state_dir has $mode"; fi
	expect 0 'nothing changes' "${user[@]}" config apply
	expect 64 'certvigil: --from: `x` is no date' "${user[@]}" \
	    coverage --from x
	expect 64 'certvigil: --for: `x` is no duration' "${user[@]}" \
	    silence --name a.example --for x --reason r
	printf 'sources:\n  - {name: team-b, names: [.b.example], issuers: [ca.example]}\n' >> "$conf"
	expect 0 '^\+ source team-b' "${user[@]}" config apply --dry-run
	expect 0 '"change":"\+ source team-b"' "${user[@]}" config apply --json
	expect 0 'nothing changes' "${user[@]}" config apply
	cp "$conf" "$work/before"
	printf 'poll: 30s\npolicies: {s: {issuers: {ca.example: deny}}}\n' >> "$conf"
	expect 0 '^~ poll 30s, was 60s' "${user[@]}" config apply --dry-run
	expect 0 '^\+ policies .*"ca.example": "deny"' "${user[@]}" config apply
	cp "$work/before" "$conf"
	expect 0 '^- policies' "${user[@]}" config apply
	printf 'routes:\n  - {to: [nobody]}\n' >> "$conf"
	expect 78 'no channel .nobody' "${user[@]}" config apply
	expect 0 'xn--bcher-kva.example' "${user[@]}" watch list
	expect 0 '^ok +database +reachable' "${user[@]}" doctor --no-color
	expect 0 '"check":"database","status":"ok"' "${user[@]}" doctor --json
	expect 0 '^ok +canary +none; canary.name' "${user[@]}" doctor --no-color
	cp "$conf" "$work/before"
	printf 'canary: {name: c.example.com}\n' >> "$conf"
	expect 0 '"check":"canary","status":"warn".*"watched":true' \
	    "${user[@]}" doctor --json
	expect 0 'c.example.com is watched, not managed.* certvigil issue c.exa' \
	    "${user[@]}" doctor --no-color
	cp "$work/before" "$conf"
	expect 0 '^ok +download +no log is known yet; .* 195 GB .* 795 GB .* 18 to 74' \
	    "${user[@]}" doctor --no-color
	printf 'pol: 1s\n' > "$conf"
	expect 78 'did you mean `poll`' "${user[@]}" watch list
	printf 'database: "host=%s dbname=x"\n' "$work" > "$conf"
	expect 69 '' "${user[@]}" watch list
	cd - >/dev/null || exit 1
fi

if [ "$(id -u)" -ne 0 ] || ! getent passwd certvigil >/dev/null; then
	skip 4 "root and the certvigil user are needed"
elif ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
	root=$work/root
	mkdir "$root"
	printf 'state_dir: %s/state\n' "$root" > "$root/c.yaml"
	expect 0 'embedded, schema' "$prog" --config "$root/c.yaml" init
	owner=$(stat -c %U:%a "$root/state")
	if [ "$owner" = certvigil:700 ]; then ok; else bad "owner $owner"; fi
	expect 0 "id $(id -u certvigil)" "$prog" --config "$root/c.yaml" doctor
	mkdir "$root/other"
	touch "$root/other/file"
	printf 'state_dir: %s/other\n' "$root" > "$root/c.yaml"
	expect 78 'is not empty' "$prog" --config "$root/c.yaml" watch list
fi

# --- service, manual, install -----------------------------------------------------

if command -v systemd-analyze >/dev/null; then
	expect 0 'exposure level' systemd-analyze security --offline=true \
	    --threshold=15 docs/certvigil.service
	expect 0 'exposure level' systemd-analyze security --offline=true \
	    --threshold=15 docs/certvigil-worker.service
	expect 0 'exposure level' systemd-analyze security --offline=true \
	    --threshold=15 docs/certvigil-audit.service
	sed "s|/usr/local/bin/certvigil|$prog|" docs/certvigil-audit.service \
	    > "$work/certvigil-audit.service"
	cp docs/certvigil-audit.timer "$work"
	expect 0 '' systemd-analyze verify --man=no \
	    "$work/certvigil-audit.service" "$work/certvigil-audit.timer"
	sed "s|/usr/local/bin/certvigil|$prog|" docs/certvigil.service \
	    > "$work/certvigil.service"
	cp docs/certvigil-acme.socket "$work"
	expect 0 '' systemd-analyze verify --man=no \
	    "$work/certvigil-acme.socket"
else
	skip 5 "systemd-analyze is not installed"
fi
if command -v mandoc >/dev/null; then
	expect 0 '' mandoc -Tlint -W warning docs/certvigil.1 \
	    docs/certvigil.yaml.5
else
	skip 1 "mandoc is not installed"
fi
expect 64 usage sh tests/install.sh
expect 0 '' sh tests/install.sh "$prog" "$work/dest" /usr /etc /lib/systemd/system
for f in usr/bin/certvigil usr/share/man/man1/certvigil.1 \
    usr/share/man/man5/certvigil.yaml.5 lib/systemd/system/certvigil.service \
    usr/share/doc/certvigil/certvigil.yaml usr/lib/sysusers.d/certvigil.conf \
    usr/share/doc/certvigil/hooks/certbot \
    lib/systemd/system/certvigil-worker.service \
    lib/systemd/system/certvigil-audit.service \
    lib/systemd/system/certvigil-audit.timer \
    lib/systemd/system/certvigil-acme.socket
do
	if [ -s "$work/dest/$f" ]; then ok; else bad "install: no $f"; fi
done
expect 0 '^ExecStart=/usr/bin/certvigil run$' cat \
    "$work/dest/lib/systemd/system/certvigil.service"
expect 64 'make run WATCH=' sh tests/run.sh "$prog" "" ""
expect 64 'usage' sh tests/deps.sh

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
