#!/bin/sh
# Install what was built.
#
#   sh tests/install.sh PROGRAM DESTDIR PREFIX SYSCONFDIR UNITDIR

set -eu
if [ $# -ne 5 ]; then
	echo "usage: sh tests/install.sh PROGRAM DESTDIR PREFIX SYSCONFDIR" \
	    "UNITDIR" >&2
	exit 64
fi
prog=$1 dest=$2 prefix=$3 sysconf=$4 units=$5

# A file, with the place of the program, to a place below DESTDIR.
place()
{
	mkdir -p "$(dirname "$dest$2")"
	sed "s|/usr/local/bin/|$prefix/bin/|g" "$1" > "$dest$2.new"
	chmod 644 "$dest$2.new"
	mv -f "$dest$2.new" "$dest$2"
}

mkdir -p "$dest$prefix/bin"
install -m 755 "$prog" "$dest$prefix/bin/certvigil"
place docs/certvigil.1 "$prefix/share/man/man1/certvigil.1"
place docs/certvigil.yaml.5 "$prefix/share/man/man5/certvigil.yaml.5"
place docs/certvigil.yaml "$prefix/share/doc/certvigil/certvigil.yaml"
place docs/certvigil.service "$units/certvigil.service"
place docs/certvigil-worker.service "$units/certvigil-worker.service"
place docs/certvigil-acme.socket "$units/certvigil-acme.socket"
place docs/certvigil-audit.service "$units/certvigil-audit.service"
place docs/certvigil-audit.timer "$units/certvigil-audit.timer"
place docs/certvigil.sysusers "$prefix/lib/sysusers.d/certvigil.conf"
for hook in certbot lego acme.sh dehydrated uacme; do
	place docs/hooks/$hook "$prefix/share/doc/certvigil/hooks/$hook"
	chmod 755 "$dest$prefix/share/doc/certvigil/hooks/$hook"
done

# A configuration that is there belongs to the operator: never touched, and
# none is put there, so that `certvigil init` can write it.
mkdir -p "$dest$sysconf/certvigil"

if [ -z "$dest" ]; then
	echo "installed; next:"
	getent passwd certvigil >/dev/null ||
	    echo "  useradd --system --home-dir /var/lib/certvigil" \
		"--shell /usr/sbin/nologin certvigil"
	echo "  certvigil init --watch .example.com"
	echo "  systemctl enable --now certvigil certvigil-audit.timer"
fi
