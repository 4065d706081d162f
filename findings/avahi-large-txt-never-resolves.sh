#!/bin/bash
# SPDX-License-Identifier: MIT
# Avahi publishes a service that its neighbours can see and never resolve, and says nothing.
#
# Version: Avahi 0.8 (Debian 12, avahi-daemon and avahi-utils 0.8-10+deb12u1)
# Expected: an error when the service is published, or a record that a link of MTU 1500 can carry
# in fragments.
# Behaviour: with 1,421 bytes of TXT the group is established and the name is announced. The
# answer with the TXT record fits no datagram of that interface, so each resolver of the link runs
# into its timeout. On the loopback, with its large MTU, the same service resolves: whoever tries
# it on one host sees it work.
# Output seen, with which this script compares:
#> avahi-publish: Established under name 'large'
#> avahi-publish: Established under name 'small'
#> listed on the link: large small
#> resolved on the link: small
#> resolved on the loopback: large small
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

cat >lan.sh <<'LAN'
# The daemon wants a user and /run of its own: both are there in this mount namespace alone.
mount -t tmpfs tmpfs /run
mkdir /run/dbus /run/avahi-daemon
{ cat /etc/passwd && echo 'avahi:x:0:0::/:/bin/false'; } >passwd
{ cat /etc/group && echo 'avahi:x:0:'; } >group
mount --bind passwd /etc/passwd
mount --bind group /etc/group
ip link set lo up multicast on
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
printf '%s\n' '[server]' 'use-ipv6=no' 'allow-interfaces=one,lo' >avahi.conf
dbus-daemon --config-file=bus.conf --nofork 2>bus.log &
until [[ -S /run/dbus/system_bus_socket ]]; do sleep 0.05; done
avahi-daemon --no-drop-root --no-chroot --no-rlimits --file "$PWD/avahi.conf" 2>avahi.log &
until grep -qs 'Server startup complete' avahi.log; do sleep 0.05; done
LAN
cat >story.sh <<'STORY'
. ./lan.sh
text=$(printf 'x%.0s' {1..200})
small=() large=()
for key in a b c d e f g; do
    [[ $key == g ]] || small+=("$key=$text")
    large+=("$key=$text")
done
avahi-publish --service large _sensor._udp 5683 "${large[@]}" 2>large &
avahi-publish --service small _sensor._udp 5683 "${small[@]}" 2>small &
for name in large small; do
    until grep -qs Established "$name"; do sleep 0.05; done
    echo "avahi-publish: $(grep Established "$name")"
done
# This takes as long as Avahi's own timeout of a resolver.
avahi-browse --resolve --parsable --terminate _sensor._udp >browse 2>browse.log
names() {
    grep "^$1;$2;" browse | cut -d';' -f4 | sort | xargs
}
echo "listed on the link: $(names + one)"
echo "resolved on the link: $(names = one)"
echo "resolved on the loopback: $(names = lo)"
STORY
timeout --signal=KILL 60 \
    unshare --map-root-user --net --mount --pid --fork --kill-child \
    bash -euo pipefail story.sh >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
