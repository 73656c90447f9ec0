#!/bin/bash
# Each header compiles alone, in the strictest mode, under the compiler at
# hand.
#
#   bash tests/headers.sh
#
# Prints each that does not; exits 1 then.

set -u
cd "$(dirname "$0")/.." || exit 1
CC=${CC:-gcc}
flags=(-std=c11 -D_GNU_SOURCE -I. -Wall -Wextra -Wstrict-prototypes
    -Wmissing-prototypes -Werror -fsyntax-only -x c -include)
read -ra libs < <(pkg-config --cflags libcrypto libcurl jansson libpq \
    libdeflate yaml-0.1 libidn2 libpsl libseccomp 2>/dev/null)
n=0 failed=0
while read -r h; do
	n=$((n + 1))
	if ! "$CC" "${libs[@]}" "${flags[@]}" "$h" /dev/null; then
		echo "headers: $h does not compile alone" >&2
		failed=$((failed + 1))
	fi
done < <(find base pki ctlog ocsp acme auditor tests/rig -name '*.h' \
    2>/dev/null | sort)
echo "headers: $n headers, $failed wrong"
[ "$n" -gt 20 ] && [ "$failed" -eq 0 ]
