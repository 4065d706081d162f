#!/bin/bash
# SPDX-License-Identifier: MIT
# A firewall rule that drops every second packet drops runs of datagrams when the sender uses GSO.
#
# Version: nftables 1.0.6 (Debian 12, nftables 1.0.6-2+deb12u2), Linux 6.18.44
# Expected: `numgen inc mod 2 0 drop`, the usual way to make loss for a test, takes every second
# datagram, however these were handed to the kernel.
# Behaviour: the hook sees a batch of UDP_SEGMENT as one packet. It drops ten datagrams in a row
# and passes the next ten, so repair and loss figures are tried with losses that no wire has.
# Output seen, with which this script compares:
#> nftables v1.0.6 (Lester Gooch #5)
#> 40 datagrams, one a send, arrive: .1.3.5.7.9.1.3.5.7.9.1.3.5.7.9.1.3.5.7.9
#> 40 datagrams, ten a send, arrive: ..........0123456789..........0123456789
#> packets that the rule counted: 22
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download {nftables,libnftables1}=1.0.6-2+deb12u2 \
    libnftnl11=1.2.4-2 libmnl0=1.0.4-3 libjansson4=2.14-2 libxtables12=1.8.9-2
for package in *.deb; do dpkg-deb -x "$package" .; done
LD_LIBRARY_PATH=$(dirname "$PWD"/usr/lib/*/libnftables.so.1)
export LD_LIBRARY_PATH PATH=$PWD/usr/sbin:$PATH

timeout --signal=KILL 60 unshare --map-root-user --net python3 - >seen <<'PYTHON'
import re
import socket
import subprocess

UDP_SEGMENT = 103


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def arrived(batch):
    """Sends 40 numbered datagrams; returns the last digit of each that came, a dot for others."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if batch > 1:
        sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 100)
    for first in range(0, 40, batch):
        payload = b"".join(bytes([number]) * 100 for number in range(first, first + batch))
        sender.sendto(payload, receiver.getsockname())
    numbers = set()
    while True:
        try:
            numbers.add(receiver.recv(2000)[0])
        except BlockingIOError:
            return "".join(str(number % 10) if number in numbers else "." for number in range(40))


run("ip", "link", "set", "lo", "up")
run("nft", "add table ip loss; add chain ip loss in { type filter hook input priority 0; };"
    "add rule ip loss in udp dport 5000 numgen inc mod 2 0 counter drop")
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.setblocking(False)
receiver.bind(("127.0.0.1", 5000))
print(run("nft", "--version").strip())
print("40 datagrams, one a send, arrive:", arrived(1))
print("40 datagrams, ten a send, arrive:", arrived(10))
counted = re.search(r"counter packets (\d+)", run("nft", "list", "ruleset"))[1]
print("packets that the rule counted:", counted)
PYTHON
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
