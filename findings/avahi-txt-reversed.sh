#!/bin/bash
# SPDX-License-Identifier: MIT
# Avahi's clients get the TXT strings of a service in the reverse of the order on the wire.
#
# Version: Avahi 0.8 (Debian 12, avahi-daemon and avahi-utils 0.8-10+deb12u1)
# Expected: the order in which the service was published. It has a meaning: of two strings with
# one key the first one counts (RFC 6763, 6.4).
# Behaviour: the record on the wire has the published order; the resolver hands the strings out
# from the last to the first, so whoever takes the first of two equal keys takes the wrong one.
# Output seen, with which this script compares:
#> avahi-publish: path=/first path=/second paper=A4
#> on the wire: path=/first path=/second paper=A4
#> avahi-browse: paper=A4 path=/second path=/first
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download \
    {avahi-daemon,avahi-utils,libavahi-client3,libavahi-common3,libavahi-core7}=0.8-10+deb12u1 \
    libdaemon0=0.14-7.1 {dbus-daemon,libdbus-1-3}=1.14.10-1~deb12u1
for package in *.deb; do dpkg-deb -x "$package" .; done
LD_LIBRARY_PATH=$(dirname "$PWD"/usr/lib/*/libavahi-core.so.7)
export LD_LIBRARY_PATH PATH=$PWD/usr/bin:$PWD/usr/sbin:$PATH

cat >wire.py <<'PYTHON'
"""Prints the strings of the first TXT record of our service that comes to the group."""
import socket
import struct

listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.settimeout(10)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("224.0.0.251", 5353))
index = socket.if_nametoindex("one")
membership = struct.pack("4s4xi", socket.inet_aton("224.0.0.251"), index)
listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
print("listening", flush=True)
while (start := (packet := listener.recv(9000)).find(b"\x0bpath=/first")) < 0:
    pass
strings = []
for _ in range(3):
    strings.append(packet[start + 1:start + 1 + packet[start]].decode())
    start += 1 + packet[start]
print("on the wire:", *strings)
PYTHON
cat >lan.sh <<'LAN'
# The daemon wants a user and /run of its own: both are there in this mount namespace alone.
mount -t tmpfs tmpfs /run
mkdir /run/dbus /run/avahi-daemon
{ cat /etc/passwd && echo 'avahi:x:0:0::/:/bin/false'; } >passwd
{ cat /etc/group && echo 'avahi:x:0:'; } >group
mount --bind passwd /etc/passwd
mount --bind group /etc/group
ip link add name one type veth peer name two
ip address add 10.1.0.1/24 dev one
ip link set one up
ip link set two up
cat >bus.conf <<'XML'
<busconfig>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
XML
printf '%s\n' '[server]' 'use-ipv6=no' 'allow-interfaces=one' >avahi.conf
dbus-daemon --config-file=bus.conf --nofork 2>bus.log &
until [[ -S /run/dbus/system_bus_socket ]]; do sleep 0.05; done
avahi-daemon --no-drop-root --no-chroot --no-rlimits --file "$PWD/avahi.conf" 2>avahi.log &
until grep -qs 'Server startup complete' avahi.log; do sleep 0.05; done
LAN
cat >story.sh <<'STORY'
. ./lan.sh
python3 wire.py >wire &
wire=$!
until grep -qs listening wire; do sleep 0.05; done
strings=(path=/first path=/second paper=A4)
echo "avahi-publish: ${strings[*]}"
avahi-publish --service printer _ipp._tcp 631 "${strings[@]}" 2>publish.log &
wait "$wire"
grep -v listening wire
avahi-browse --resolve --parsable --terminate _ipp._tcp >browse
echo "avahi-browse: $(grep '^=' browse | cut -d';' -f10 | tr -d '"')"
STORY
timeout --signal=KILL 60 \
    unshare --map-root-user --net --mount --pid --fork --kill-child \
    bash -euo pipefail story.sh >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
