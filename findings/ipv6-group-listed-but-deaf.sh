#!/bin/bash
# SPDX-License-Identifier: MIT
# `ip maddress` lists an IPv6 group on an interface that can't hear it.
#
# Version: iproute2 6.1.0 (Debian 12, iproute2 6.1.0-3), Linux 6.18.44
# Expected: whoever asks why a host is deaf looks at its memberships, and a group listed there is
# heard.
# Behaviour: without the route ff00::/8 in the table "local" of that interface (lost by a flush of
# that table, or not yet there just after a link came up) every datagram to the group is dropped
# as Ip6InNoRoutes. The list does not change. IPv4 needs no such route.
# Output seen, with which this script compares:
#> ip utility, iproute2-6.1.0, libbpf 1.1.2
#> with ff00::/8: listed, heard, Ip6InNoRoutes stays
#> without ff00::/8: listed, deaf, Ip6InNoRoutes grows
#> with ff00::/8 again: listed, heard, Ip6InNoRoutes stays
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download iproute2=6.1.0-3 libelf1=0.188-2.1 \
    libbpf1=1:1.1.2-0+deb12u1 libmnl0=1.0.4-3 libbsd0=0.11.7-2 libmd0=1.0.4-2
for package in *.deb; do dpkg-deb -x "$package" .; done
LD_LIBRARY_PATH=$(dirname "$PWD"/usr/lib/*/libbpf.so.1)
export LD_LIBRARY_PATH PATH=$PWD/bin:$PATH

timeout --signal=KILL 60 unshare --map-root-user --net python3 - >seen <<'PYTHON'
import socket
import struct
import subprocess

GROUP, PORT = "ff12::99", 7000


def run(command):
    return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout


def drops():
    with open("/proc/net/snmp6") as counters:
        return next(int(line.split()[1]) for line in counters if line.startswith("Ip6InNoRoutes"))


def report(name):
    before = drops()
    listed = "listed" if GROUP in run("ip maddress show dev two") else "not listed"
    sender.sendto(b"x", (GROUP, PORT, 0, socket.if_nametoindex("one")))
    try:
        listener.recv(16)
        heard = "heard"
    except TimeoutError:
        heard = "deaf"
    change = "grows" if drops() > before else "stays"
    print(f"{name}: {listed}, {heard}, Ip6InNoRoutes {change}")


run("ip link add name one type veth peer name two")
for host, interface in enumerate(("one", "two"), 1):
    run(f"ip link set {interface} up")
    run(f"ip address add fd00:1::{host}/64 dev {interface} nodad")
while run("ip -6 route show table local type multicast").count("ff00::/8") < 2:
    pass  # the kernel adds these routes when the links have a carrier
listener = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
listener.settimeout(0.5)
listener.bind(("::", PORT))
index = struct.pack("i", socket.if_nametoindex("two"))
membership = socket.inet_pton(socket.AF_INET6, GROUP) + index
listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)

print(run("ip -V").strip())
report("with ff00::/8")
run("ip -6 route delete multicast ff00::/8 dev two table local")
report("without ff00::/8")
run("ip -6 route add multicast ff00::/8 dev two table local")
report("with ff00::/8 again")
PYTHON
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
