#!/bin/bash
# fetch.max_rate holds over all logs and all workers of one machine; where there
# is no room for what they share, that is said, and logs are read all the same.
#
#   bash tests/system/35-rate-cap.sh build/release
#
# takes: 8

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 35-rate-cap "${1:-}"

rate=500000		# bytes a second
logs='a b c d'

now_ms()
{
	echo $(($(date +%s%N) / 1000000))
}

args=()
for l in $logs; do
	args+=(--log "$l")
done
t_rig "${args[@]}" --log t,proto=static
for l in $logs t; do
	post "/_rig/$l/fill?n=300&seed=7" >/dev/null
done
confs=()
for k in 1 2; do
	t_db "cap$k"
	t_conf "cap$k" 'watch: [.corp.example]' "fetch: {max_rate: ${rate}B/s}"
	sed -i "s|^state_dir:.*|state_dir: $T/state|" "$conf"
	confs+=("$conf")
done
began=$(now_ms)
for k in 0 1; do
	"$prog" --config "${confs[k]}" run --once >"$T/$k.log" 2>&1 &
	eval "p$k=$!"
done
wait "$p0"
eq "the first worker" $? 0
wait "$p1"
eq "the second worker" $? 0
took=$(($(now_ms) - began))
bytes=0
for l in $logs t; do
	bytes=$((bytes + $(get "$rig/_rig/$l/stats" | json_int bytes)))
done
ratio=$((bytes * 1000 * 100 / (rate * took)))
echo "$bytes bytes in $took ms: $ratio % of the cap"
ok "enough to tell ($bytes bytes)" test "$bytes" -gt $((4 * rate))
ok "no more than the cap ($ratio %)" test "$ratio" -le 105

# no room for the eight bytes that they share
t_db full
t_conf full 'watch: [.corp.example]' 'fetch: {max_rate: 100MB/s}'
mkdir "$state"
if [ "$(id -u)" -ne 0 ] ||
    ! mount -t tmpfs -o size=64k,mode=0777 cvfull "$state" 2>/dev/null; then
	skip 2 "no right to mount a small file system"
	t_end
fi
trap 'umount -l "$state"; t_clean' EXIT
dd if=/dev/zero of="$state/junk" bs=4k 2>/dev/null
chown certvigil "$state" "$state/junk"
once
eq "a full disk" $rc 0
ok "is said" grep -q 'fetch.meter: No space' "$T/err"
t_end
