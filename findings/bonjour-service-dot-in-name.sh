#!/bin/bash
# SPDX-License-Identifier: MIT
# bonjour-service files a service under a wrong type when its name has a dot.
#
# Version: bonjour-service 1.4.4 with multicast-dns 7.2.5 and dns-packet 5.6.1 (npm)
# Expected (RFC 6763, 4.1.1): the name of an instance is one label of any text, and dots are
# common in it, as in "nas 2.0".
# Behaviour: the label is joined to the rest by dots and cut at each dot. Name, type and protocol
# of the event "up" come from the wrong parts, without an error.
# Output seen, with which this script compares:
#> instance "nas 2", type http, protocol tcp: found as "nas 2", type http, protocol tcp
#> instance "nas 2.0", type http, protocol tcp: found as "nas 2", type 0, protocol http
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts --cache "$folder/cache" \
    bonjour-service@1.4.4 multicast-dns@7.2.5 dns-packet@5.6.1

cat >story.js <<'JAVASCRIPT'
// Answers on the group as a neighbour does, in the bytes of DNS-SD, and prints what is found.
const dgram = require("dgram");
const { Bonjour } = require("bonjour-service");

const label = (text) => Buffer.from([text.length, ...Buffer.from(text)]);
const labels = (...texts) => Buffer.concat([...texts, ""].map(label));
const number = (value) => Buffer.from([value >> 8, value & 255]);

function record(name, type, data) {
    const fields = [type, 1, 0, 120, data.length].map(number);
    return Buffer.concat([name, ...fields, data]);
}

function answer(instance) {
    const type = labels("_http", "_tcp", "local");
    const name = labels(instance, "_http", "_tcp", "local");
    const srv = Buffer.concat([number(0), number(0), number(80), labels("nas", "local")]);
    const header = Buffer.concat([0, 0x8400, 0, 2, 0, 0].map(number));
    return Buffer.concat([header, record(type, 12, name), record(name, 33, srv)]);
}

const instances = ["nas 2", "nas 2.0"];
const bonjour = new Bonjour({ interface: "127.0.0.1", bind: "0.0.0.0" });
const neighbour = dgram.createSocket("udp4");
const send = () => {
    if (instances.length) neighbour.send(answer(instances[0]), 5353, "224.0.0.251");
};
neighbour.bind(0, "127.0.0.1", () => {
    neighbour.setMulticastInterface("127.0.0.1");
    bonjour.find({ type: "http" }, (service) => {
        console.log(`instance "${instances.shift()}", type http, protocol tcp: found as ` +
            `"${service.name}", type ${service.type}, protocol ${service.protocol}`);
        if (instances.length === 0) process.exit(0);
        send();
    });
    setInterval(send, 100); // until the browser listens
});
JAVASCRIPT
timeout --signal=KILL 60 \
    unshare --map-root-user --net sh -c 'ip link set lo up && exec node story.js' >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
