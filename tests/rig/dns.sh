#!/bin/bash
# An authoritative DNS server for tests: Debian's knot, or nsd, on
# 127.0.0.1 and a free port, with everything of it in one folder.
#
#   dns.sh start DIR            starts it: {"port":N,"server":"knotd"}
#   dns.sh zone DIR ORIGIN      a zone's records on stdin (zone file syntax
#                               without SOA and NS, TTL 60), new or changed;
#                               returns when it is served
#   dns.sh stop DIR
#
# A file DIR/keys, before the start, has TSIG keys: lines "NAME ALGORITHM
# SECRET [update [BELOW]]", where update allows the key to change TXT records
# of all zones, BELOW only at that name (relative to the zone) and below it
# (knot only; nsd takes no updates).
#
# Exit 77: neither is installed.  Sourced, the same are dns_start DIR (sets
# DNS_PORT), dns_zone DIR ORIGIN, dns_stop DIR.

_dns_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# The server that there is.
_dns_kind()
{
	local p

	for p in knotd nsd; do
		if PATH=$PATH:/usr/sbin command -v $p >/dev/null; then
			echo $p
			return
		fi
	done
	return 77
}

_dns_ask()
{
	python3 "$_dns_here/dnsd.py" --ask "127.0.0.1:$1" "$2" SOA 2>/dev/null
}

# Knot's sections for the keys of DIR, and the acls of all zones.
_dns_keys()
{
	local name alg secret may below

	[ -e "$1/keys" ] || return 0
	echo "key:"
	while read -r name alg secret may below; do
		printf '  - id: %s\n    algorithm: %s\n    secret: %s\n' \
		    "$name" "$alg" "$secret"
	done < "$1/keys"
	echo "acl:"
	while read -r name alg secret may below; do
		[ "$may" = update ] || continue
		printf '  - id: %s\n    key: %s\n    action: update\n' \
		    "$name" "$name"
		printf '    update-type: [TXT]\n'
		[ -z "$below" ] || printf '    %s: %s\n' update-owner name \
		    update-owner-match sub-or-equal update-owner-name "$below"
	done < "$1/keys"
}

# The acls of all zones: the keys of DIR that may update.
_dns_may()
{
	[ ! -e "$1/keys" ] || awk '
	    $4 == "update" { all = all (n++ ? ", " : "") $1 }
	    END { if (n) printf "    acl: [%s]\n", all }' "$1/keys"
}

# The configuration for all zones of DIR at PORT.
_dns_conf()
{
	local dir=$1 port=$2 kind=$3 z

	if [ "$kind" = knotd ]; then
		cat <<-END
		server:
		    rundir: "$dir"
		    listen: 127.0.0.1@$port
		    udp-workers: 1
		    tcp-workers: 2
		    background-workers: 1
		control:
		    listen: "$dir/ctl"
		database:
		    storage: "$dir"
		log:
		  - target: "$dir/log"
		    any: info
		$(_dns_keys "$dir")
		template:
		  - id: default
		    storage: "$dir"
		    zonefile-sync: -1
		    journal-content: none
		$(_dns_may "$dir")
		zone:
		END
	else
		cat <<-END
		server:
		    ip-address: 127.0.0.1@$port
		    port: $port
		    username: ""
		    zonesdir: "$dir"
		    database: ""
		    pidfile: "$dir/pid"
		    logfile: "$dir/log"
		    xfrdfile: "$dir/xfrd.state"
		    xfrdir: "$dir"
		    zonelistfile: "$dir/zone.list"
		    server-count: 1
		remote-control:
		    control-enable: yes
		    control-interface: "$dir/ctl"
		END
	fi
	for z in "$dir"/*.zone; do
		[ -e "$z" ] || continue
		z=$(basename "$z" .zone)
		if [ "$kind" = knotd ]; then
			printf '  - domain: %s\n    file: "%s/%s.zone"\n' \
			    "$z" "$dir" "$z"
		else
			printf 'zone:\n    name: %s\n    zonefile: %s.zone\n' \
			    "$z" "$z"
		fi
	done
}

dns_start()
{
	local dir kind try i

	mkdir -p "$1" && dir=$(cd "$1" && pwd) || return 1
	kind=$(_dns_kind) || return 77
	[ -e "$dir/rig.invalid.zone" ] || : | _dns_write "$dir" rig.invalid
	for try in 1 2 3 4 5 6 7 8; do
		DNS_PORT=$((20000 + RANDOM % 12000))
		_dns_conf "$dir" "$DNS_PORT" "$kind" > "$dir/conf"
		if [ "$kind" = knotd ]; then
			PATH=$PATH:/usr/sbin knotd -c "$dir/conf" \
			    >"$dir/out" 2>&1 &
		else
			PATH=$PATH:/usr/sbin nsd -d -c "$dir/conf" \
			    >"$dir/out" 2>&1 &
		fi
		echo $! > "$dir/dns.pid"
		for i in $(seq 100); do
			if _dns_ask "$DNS_PORT" rig.invalid |
			    grep -q '"SOA"'; then
				# not somebody else's
				kill -0 "$(cat "$dir/dns.pid")" 2>/dev/null ||
				    break
				echo "$DNS_PORT" > "$dir/dns.port"
				echo "$kind" > "$dir/dns.kind"
				return 0
			fi
			kill -0 "$(cat "$dir/dns.pid")" 2>/dev/null || break
			sleep 0.1
		done
		kill "$(cat "$dir/dns.pid")" 2>/dev/null
	done
	echo "dns: $kind did not start: $(tail -n 3 "$dir/out")" >&2
	return 1
}

# Write DIR/ORIGIN.zone from records on stdin, with a later serial.
_dns_write()
{
	local dir=$1 origin=$2 serial=1

	if [ -e "$dir/$origin.serial" ]; then
		serial=$(($(cat "$dir/$origin.serial") + 1))
	fi
	echo "$serial" > "$dir/$origin.serial"
	{
		printf '$ORIGIN %s.\n$TTL 60\n' "$origin"
		printf '@ SOA ns.rig.invalid. root.rig.invalid. %d 60 60 600 60\n' \
		    "$serial"
		printf '@ NS ns.rig.invalid.\n'
		[ "$origin" != rig.invalid ] || printf 'ns A 127.0.0.1\n'
		cat
	} > "$dir/$origin.tmp"
	mv "$dir/$origin.tmp" "$dir/$origin.zone"
}

dns_zone()
{
	local dir origin=${2%.} want i port kind

	dir=$(cd "$1" && pwd) || return 1
	_dns_write "$dir" "$origin"
	[ -e "$dir/dns.port" ] || return 0
	port=$(cat "$dir/dns.port")
	kind=$(cat "$dir/dns.kind")
	_dns_conf "$dir" "$port" "$kind" > "$dir/conf"
	if [ "$kind" = knotd ]; then
		PATH=$PATH:/usr/sbin knotc -c "$dir/conf" -s "$dir/ctl" \
		    -b reload >"$dir/out" 2>&1
	else
		PATH=$PATH:/usr/sbin nsd-control -c "$dir/conf" reconfig \
		    >"$dir/out" 2>&1 &&
		    PATH=$PATH:/usr/sbin nsd-control -c "$dir/conf" reload \
		    >>"$dir/out" 2>&1
	fi || {
		cat "$dir/out" >&2
		return 1
	}
	# the serial stands in the SOA's data, 20 bytes before its end
	want=$(printf '%08x' "$(cat "$dir/$origin.serial")")
	for i in $(seq 100); do
		if _dns_ask "$port" "$origin" |
		    grep -qE "\"data\": \"[0-9a-f]*${want}[0-9a-f]{32}\""; then
			return 0
		fi
		sleep 0.1
	done
	echo "dns: $origin is not served: $(tail -n 3 "$dir/log")" >&2
	return 1
}

dns_stop()
{
	local dir i pid

	dir=$(cd "$1" && pwd) || return 1
	[ -e "$dir/dns.pid" ] || return 0
	pid=$(cat "$dir/dns.pid")
	kill "$pid" 2>/dev/null
	for i in $(seq 100); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	rm -f "$dir/dns.pid" "$dir/dns.port"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -u
	case ${1:-} in
	start)	dns_start "$2" || exit $?
		printf '{"port":%d,"server":"%s"}\n' "$DNS_PORT" \
		    "$(cat "$2/dns.kind")" ;;
	zone)	dns_zone "$2" "$3" ;;
	stop)	dns_stop "$2" ;;
	*)	sed -n '2,19s/^# \{0,1\}//p' "$0" >&2
		exit 64 ;;
	esac
fi
