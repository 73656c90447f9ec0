#!/bin/sh
# Watch the public logs from the source tree, in the foreground.
#
#   make run WATCH=.example.com [CONTACT=you@example.com]
#
# The configuration and the state stay, so that the next run goes on.

set -eu
prog=$1 watch=${2:-} contact=${3:-}
if [ -z "$watch" ]; then
	echo "make run needs the names to watch:" >&2
	echo "  make run WATCH=.example.com CONTACT=you@example.com" >&2
	echo "(.example.com is that name and everything below it; several" \
	    "names in quotes)" >&2
	exit 64
fi
if [ "$(id -u)" -eq 0 ]; then
	dir=/var/lib/certvigil-run
else
	dir=${XDG_STATE_HOME:-${HOME:?}/.local/state}/certvigil-run
fi
conf=$dir/certvigil.yaml

# The same environment for every command of this installation.
unset CERTVIGIL_CONFIG STATE_DIRECTORY
mkdir -p "$dir"
{
	echo "# written by make run; changes are lost"
	echo "state_dir: $dir/state"
	[ -z "$contact" ] || echo "contact: \"$contact\""
	echo "watch:"
	set -f
	for w in $watch; do
		echo "  - \"$w\""
	done
} > "$conf.new"
"$prog" --config "$conf.new" config check >/dev/null
mv "$conf.new" "$conf"

echo "configuration: $conf" >&2
echo "in another terminal: $prog --config $conf findings" >&2
exec "$prog" --config "$conf" run
