#!/bin/bash
# SPDX-License-Identifier: MIT
# bonjour-service goes on listing a service whose records expired, and tells nobody.
#
# Version: bonjour-service 1.4.4 with multicast-dns 7.2.5 and dns-packet 5.6.1 (npm)
# Expected (RFC 6762, 10): records live as long as their TTL says. A host that crashed falls out of
# the list when its records were not renewed, with the event "down".
# Behaviour: no timer looks at the TTL. The service is listed until a goodbye comes, which a crash
# never sends. Who calls browser.expire() gets the event, but by the TTL of the PTR record alone: a
# host whose SRV record expired stays, so with the TTLs of RFC 6762 for 75 minutes instead of two.
# Output seen, with which this script compares:
#> SRV 2 s, PTR 2 s: up
#> 5 s later: listed
#> after expire(): down, not listed
#> SRV 2 s, PTR 4500 s: up
#> 5 s later: listed
#> after expire(): listed
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
// Answers on the group as a neighbour does that crashes right after, and looks at the list later.
const dgram = require("dgram");
const { once } = require("events");
const { setTimeout: after } = require("timers/promises");
const { Bonjour } = require("bonjour-service");

const label = (text) => Buffer.from([text.length, ...Buffer.from(text)]);
const labels = (...texts) => Buffer.concat([...texts, ""].map(label));
const number = (value) => Buffer.from([value >> 8, value & 255]);

function record(name, type, ttl, data) {
    const fields = [type, 1, 0, ttl, data.length].map(number);
    return Buffer.concat([name, ...fields, data]);
}

function answer(type, ttls) {
    const pointer = labels(type, "_tcp", "local");
    const name = labels("nas", type, "_tcp", "local");
    const srv = Buffer.concat([number(0), number(0), number(80), labels("nas", "local")]);
    const header = Buffer.concat([0, 0x8400, 0, 2, 0, 0].map(number));
    return Buffer.concat([header, record(pointer, 12, ttls.ptr, name), record(name, 33, ttls.srv, srv)]);
}

async function story(neighbour, type, ttls) {
    const bonjour = new Bonjour({ interface: "127.0.0.1", bind: "0.0.0.0" });
    const browser = bonjour.find({ type });
    const sending = setInterval(() => neighbour.send(answer("_" + type, ttls), 5353, "224.0.0.251"), 100);
    const events = [];
    browser.on("down", () => events.push("down"));
    await once(browser, "up");
    clearInterval(sending);
    const listed = () => [...events, browser.services.length ? "listed" : "not listed"].join(", ");
    console.log(`SRV ${ttls.srv} s, PTR ${ttls.ptr} s: up`);
    await after(5000);
    console.log(`5 s later: ${listed()}`);
    browser.expire();
    console.log(`after expire(): ${listed()}`);
}

async function main() {
    const neighbour = dgram.createSocket("udp4");
    neighbour.bind(0, "127.0.0.1");
    await once(neighbour, "listening");
    neighbour.setMulticastInterface("127.0.0.1");
    await story(neighbour, "http", { srv: 2, ptr: 2 });
    await story(neighbour, "ipp", { srv: 2, ptr: 4500 });
    process.exit(0);
}

main();
JAVASCRIPT
timeout --signal=KILL 60 unshare --map-root-user --net bash -euo pipefail -s >seen <<'LAN'
ip link set lo up
node story.js
LAN
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
