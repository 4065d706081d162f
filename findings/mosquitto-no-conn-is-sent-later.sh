#!/bin/bash
# SPDX-License-Identifier: MIT
# mosquitto_publish says MOSQ_ERR_NO_CONN and sends the message later all the same.
#
# Version: Mosquitto 2.0.11 (Debian 12, libmosquitto1 and mosquitto 2.0.11-1.2+deb12u2)
# Expected: an error means that the library has not taken the message, so the program keeps it and
# tries again.
# Behaviour: at QoS 1 the library keeps the message too, and after the connection both are
# delivered. At QoS 0 the same error does mean that the message is gone.
# Output seen, with which this script compares:
#> libmosquitto 2.0.11
#> before the connection, QoS 0 "a": The client is not currently connected.
#> before the connection, QoS 1 "b": The client is not currently connected.
#> connected, QoS 1 "b" again: No error.
#> a subscriber receives: b b end
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download \
    {mosquitto,mosquitto-clients,libmosquitto1,libmosquitto-dev}=2.0.11-1.2+deb12u2 \
    libcjson1=1.7.15-1+deb12u4 libdlt2=2.18.8-6 libwebsockets17=4.1.6-3 libev4=1:4.33-1 \
    libuv1=1.44.2-1+deb12u1 libwrap0=7.6.q-32
for package in *.deb; do dpkg-deb -x "$package" .; done
LD_LIBRARY_PATH=$(dirname "$PWD"/usr/lib/*/libmosquitto.so.1)
export LD_LIBRARY_PATH PATH=$PWD/usr/bin:$PWD/usr/sbin:$PATH

cat >publish.c <<'C'
#include <mosquitto.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int acknowledged;

static void on_publish(struct mosquitto *client, void *context, int message) {
    (void)client, (void)context, (void)message;
    acknowledged++;
}

static void publish(struct mosquitto *client, const char *when, const char *text, int qos) {
    int error = mosquitto_publish(client, NULL, "t", (int)strlen(text), text, qos, false);
    if (when != NULL) {
        printf("%s: %s\n", when, mosquitto_strerror(error));
    }
}

int main(void) {
    int major, minor, revision;
    mosquitto_lib_version(&major, &minor, &revision);
    printf("libmosquitto %d.%d.%d\n", major, minor, revision);
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new("publisher", true, NULL);
    mosquitto_publish_callback_set(client, on_publish);
    publish(client, "before the connection, QoS 0 \"a\"", "a", 0);
    publish(client, "before the connection, QoS 1 \"b\"", "b", 1);
    if (mosquitto_connect(client, "127.0.0.1", 1883, 60) != MOSQ_ERR_SUCCESS) {
        return 1;
    }
    publish(client, "connected, QoS 1 \"b\" again", "b", 1);
    for (int turn = 0; turn < 500 && acknowledged < 2; turn++) {
        mosquitto_loop(client, 20, 1);
    }
    publish(client, NULL, "end", 1);
    for (int turn = 0; turn < 500 && acknowledged < 3; turn++) {
        mosquitto_loop(client, 20, 1);
    }
    mosquitto_destroy(client);
    mosquitto_lib_cleanup();
    return 0;
}
C
cc -I usr/include publish.c -L "$LD_LIBRARY_PATH" -lmosquitto -o publish
printf '%s\n' 'user root' 'listener 1883 127.0.0.1' 'allow_anonymous true' >broker.conf

timeout --signal=KILL 60 \
    unshare --map-root-user --net --pid --fork --kill-child bash -euo pipefail -s >seen <<'LAN'
ip link set lo up
mosquitto -c broker.conf 2>broker.log &
until mosquitto_pub -t started -n 2>client.log; do sleep 0.05; done
mkfifo received
timeout 20 mosquitto_sub -F '%t %p' -t t -t ready >received &
exec 3<received
# The subscription stands when the subscriber hears what others publish.
until read -r -t 0.1 topic <&3; do mosquitto_pub -t ready -m x; done
./publish
echo -n 'a subscriber receives:'
while read -r -t 20 topic text <&3; do
    [[ $topic == t ]] || continue
    echo -n " $text"
    [[ $text != end ]] || break
done
echo
LAN
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
