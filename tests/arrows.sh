#!/bin/bash
# Which way includes go: base <- pki <- ctlog, ocsp, acme <- auditor.  Reads the
# compiler's dependency files below OBJDIR, and the #include lines for libraries
# (dependency files leave system headers out).
#
#   bash tests/arrows.sh build/release
#
# Prints each wrong arrow; exits 1 when there is one.

set -u
cd "$(dirname "$0")/.." || exit 1
obj=${1:-build/release}

# arrows DIR: lines "FILE must not include HEADER" from the .d files below DIR.
arrows()
{
	find "$1" -name '*.d' -printf '%P\n' | sort | while read -r d; do
		sed -e 's/\\$//' "$1/$d" | tr -s ' \t' '\n\n' |
		    sed "s|^|${d%.d} |"
	done | awk '
	BEGIN {
		up["base"] = " base "
		up["pki"] = " pki base "
		up["ctlog"] = " ctlog pki base "
		up["ocsp"] = " ocsp pki base "
		up["acme"] = " acme pki base "
		up["auditor"] = " auditor ctlog ocsp acme pki base "
		up["rig"] = " base "
	}
	NF == 2 && $2 !~ /:$/ && $2 ~ /\.h$/ {
		split($1, f, "/")
		split($2, h, "/")
		from = f[1]
		to = h[1]
		if (from == "tests" && f[2] == "rig") {
			from = "rig"
			if (to == "tests" && h[2] == "rig")
				next
		} else if (from == "tests" && f[2] == "unit") {
			from = f[3]
			if (to == "tests")
				next
		}
		# the rig is linked with base, and unit tests with their layer
		if (!(from in up) || !(to in up || to == "tests"))
			next
		if (index(up[from], " " to " ") == 0)
			print $1 ".c must not include " $2
	}'
}

# only LIBRARY HEADER-PATTERN ALLOWED-PATH-PATTERN
only()
{
	grep -rlE "^#[[:space:]]*include <($2)" --include='*.[ch]' \
	    base pki ctlog ocsp acme auditor 2>/dev/null |
	    grep -vE "^($3)" | sed "s/\$/ must not include $1/"
}

# The check itself is checked: a wrong arrow must be seen.
plant=$(mktemp -d)
trap 'rm -rf "$plant"' EXIT
mkdir -p "$plant/pki" "$plant/ctlog" "$plant/tests/rig"
echo 'pki/a.o: pki/a.c ctlog/sth.h \
 base/err.h' > "$plant/pki/a.d"
echo 'ctlog/b.o: ctlog/b.c pki/der.h ocsp/rev.h' > "$plant/ctlog/b.d"
echo 'tests/rig/c.o: tests/rig/c.c tests/rig/lib/x.h pki/der.h' \
    > "$plant/tests/rig/c.d"
if [ "$(arrows "$plant" | wc -l)" -ne 3 ]; then
	echo "arrows: the check does not see wrong arrows" >&2
	exit 1
fi

n=$(find "$obj" -name '*.d' | wc -l)
if [ "$n" -lt 20 ]; then
	echo "arrows: $obj has $n dependency files: build first" >&2
	exit 1
fi
wrong=$(
	arrows "$obj"
	only libpq 'libpq|postgresql/|pg_config' 'auditor/db/'
	only libcurl 'curl/' 'auditor/net/xfer[a-z_]*\.[ch]'
	only jansson 'jansson' '(ctlog|acme|auditor)/'
	only OpenSSL 'openssl/' '(pki|ctlog|ocsp|acme|auditor)/'
)
if [ -n "$wrong" ]; then
	echo "$wrong" >&2
	exit 1
fi
echo "arrows: $n files, none wrong"
