#!/bin/bash
# SPDX-License-Identifier: MIT
# Mosquitto gives a retained message to every member of a shared subscription.
#
# Version: Mosquitto 2.0.11 (Debian 12, mosquitto and mosquitto-clients 2.0.11-1.2+deb12u2)
# Expected (MQTT 5, 4.8.2): a shared subscription hands each message to one member, and a session
# that subscribes to it is sent no retained messages.
# Behaviour: each member is sent the retained message when it subscribes. Two bridges that share a
# subscription so that nothing is carried twice carry each retained value twice.
# Output seen, with which this script compares:
#> member one: retained live
#> member two: retained
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download {mosquitto,mosquitto-clients,libmosquitto1}=2.0.11-1.2+deb12u2 \
    libcjson1=1.7.15-1+deb12u4 libdlt2=2.18.8-6 libwebsockets17=4.1.6-3 libev4=1:4.33-1 \
    libuv1=1.44.2-1+deb12u1 libwrap0=7.6.q-32
for package in *.deb; do dpkg-deb -x "$package" .; done
LD_LIBRARY_PATH=$(dirname "$PWD"/usr/lib/*/libmosquitto.so.1)
export LD_LIBRARY_PATH PATH=$PWD/usr/bin:$PWD/usr/sbin:$PATH
printf '%s\n' 'user root' 'listener 1883 127.0.0.1' 'allow_anonymous true' >broker.conf

timeout --signal=KILL 60 \
    unshare --map-root-user --net --pid --fork --kill-child bash -euo pipefail -s >seen <<'LAN'
ip link set lo up
mosquitto -c broker.conf 2>broker.log &
until mosquitto_pub -t started -n 2>client.log; do sleep 0.05; done
mosquitto_pub -q 1 -r -t state -m retained
for member in one two; do
    # The end comes by a subscription of its own.
    stdbuf -oL mosquitto_sub -V 5 -q 1 -i "$member" -t '$share/group/state' -t end -F %p >"$member" &
    until grep -qs . "$member"; do sleep 0.05; done
done
mosquitto_pub -q 1 -t state -m live
mosquitto_pub -q 1 -t end -m end
for member in one two; do
    until grep -qs end "$member"; do sleep 0.05; done
done
# Which of the two gets it is the broker's choice: the one with more is called one.
for member in $(wc -l one two | sort -rn | awk '$2 != "total" { print $2 }'); do
    echo "$(grep -v end "$member" | xargs)"
done | awk '{ print "member " (NR == 1 ? "one" : "two") ": " $0 }'
LAN
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
