#!/bin/sh
# The Debian packages that certvigil needs (12 and 13), by what is to be done:
#
#   sh tests/deps.sh build|run|test|fuzz|bench|all
#
# Silent and fast when everything is there.  Installs with apt-get, through
# sudo when not root.  As root, run and test also make the certvigil user.

set -u
mode=${1:-}

build="gcc make pkgconf libssl-dev libcurl4-openssl-dev libjansson-dev
	libpq-dev libdeflate-dev libyaml-dev libidn2-dev libpsl-dev
	libseccomp-dev"
run="ca-certificates"
test="libcmocka-dev python3 python3-cryptography mandoc systemd openssl
	zlib1g-dev"
# Without these some tests are skipped, and say so.
extra="universal-ctags certspotter knot knot-dnsutils pebble uacme lego certbot
	dehydrated pgbouncer haproxy iproute2"
fuzz=

server=0 user=0 want= nice=
case $mode in
build)	want=$build ;;
run)	want="$build $run" server=1 user=1 ;;
test)	want="$build $run $test" nice=$extra server=1 user=1 ;;
fuzz)	want=$build fuzz=1 ;;
bench)	want="$build $run $test" nice=$extra server=1 user=1 ;;
all)	want="$build $run $test" nice=$extra fuzz=1 server=1 user=1 ;;
*)	echo "usage: sh tests/deps.sh build|run|test|fuzz|bench|all" >&2
	exit 64 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "deps: this is no Debian; needed are: $want" | tr -s '\n\t ' ' ' >&2
	echo >&2
	exit 0
fi

# Those of the arguments that are not installed, on one line.
missing()
{
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
	    awk -v want="$*" '
		$1 == "installed" { have[$2] = 1 }
		END {
			n = split(want, w)
			for (i = 1; i <= n; i++)
				if (!(w[i] in have))
					printf "%s ", w[i]
		}'
}

# shellcheck disable=SC2086
need=$(missing $want)
# shellcheck disable=SC2086
[ -z "$nice" ] || nice=$(missing $nice)
# Any version will do, also one that is not the default of the release.
if [ "$server" = 1 ] && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
then
	need="$need postgresql"
fi
fuzzers=
if [ -n "$fuzz" ] && ! command -v clang-14 >/dev/null 2>&1; then
	fuzzers=1
fi

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		echo "deps: no permission; run as root: $*" >&2
		return 77
	fi
}

install()
{
	echo "deps: apt-get install $*" >&2
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
	    --no-install-recommends "$@" >&2
}

if [ -n "$need$nice$fuzzers" ]; then
	as_root apt-get update -qq >&2 ||
	    echo "deps: the package lists are old; going on with them" >&2
fi
if [ -n "$need" ]; then
	# shellcheck disable=SC2086
	install $need || {
		echo "deps: these could not be installed: $need" >&2
		exit 1
	}
fi
# Install what brings a service that nobody asked for: it is not started, now
# or at the next boot.
install_quietly()
{
	policy=/usr/sbin/policy-rc.d ours=
	if [ ! -e "$policy" ] && printf '#!/bin/sh\nexit 101\n' |
	    as_root tee "$policy" >/dev/null; then
		ours=1
		as_root chmod 755 "$policy"
	fi
	install "$@"
	rc=$?
	[ -z "$ours" ] || as_root rm -f "$policy"
	for unit in knot pgbouncer haproxy certbot.timer; do
		case " $* " in
		*" ${unit%.timer} "*)
			! command -v systemctl >/dev/null 2>&1 ||
			    as_root systemctl --quiet disable "$unit" \
			    2>/dev/null ;;
		esac
	done
	return $rc
}

if [ -n "$nice" ]; then
	# shellcheck disable=SC2086
	install_quietly $nice ||
	    echo "deps: going on without $nice: some tests are skipped" >&2
fi
if [ -n "$fuzzers" ]; then
	install clang-14 libclang-rt-14-dev || install clang || {
		echo "deps: clang could not be installed" >&2
		exit 1
	}
fi

if [ "$user" = 1 ] && [ "$(id -u)" -eq 0 ] &&
    ! getent passwd certvigil >/dev/null; then
	echo "deps: making the system user certvigil" >&2
	useradd --system --home-dir /var/lib/certvigil \
	    --shell /usr/sbin/nologin certvigil || exit 1
fi
exit 0
