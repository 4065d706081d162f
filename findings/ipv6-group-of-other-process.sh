#!/bin/bash
# SPDX-License-Identifier: MIT
# An IPv6 socket hears a group on an interface where only another process joined it, whatever it
# asks.
#
# Version: Linux 6.18.44
# Expected: with IPV6_MULTICAST_ALL off a socket hears what it joined, on the interface it joined,
# as an IPv4 socket does with IP_MULTICAST_ALL off.
# Behaviour: the option looks at the group alone and not at the interface. As soon as any process
# joins the same group on another interface, the datagrams of that network come in, too. Only
# IPV6_PKTINFO tells them apart.
# Output seen, with which this script compares:
#> IPv6, joined on two, sent on the network of four: nothing
#> IPv6, the same, after another socket joined on four: a datagram from four
#> IPv4, joined on two, sent on the network of four: nothing
#> IPv4, the same, after another socket joined on four: nothing
#> IPv4, joined on two, sent on the network of two: a datagram from two
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
timeout --signal=KILL 60 unshare --map-root-user --net python3 - <<'PYTHON' |
import socket
import struct
import subprocess

IP_PKTINFO, IP_MULTICAST_ALL, IPV6_MULTICAST_ALL = 8, 49, 29
GROUP4, GROUP6, PORT = "239.9.9.9", "ff12::99", 7000


def run(command):
    return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout


def request(family, interface):
    index = socket.if_nametoindex(interface)
    if family == socket.AF_INET6:
        return socket.inet_pton(family, GROUP6) + struct.pack("i", index)
    return socket.inet_aton(GROUP4) + bytes(4) + struct.pack("i", index)


def join(who, interface):
    if who.family == socket.AF_INET6:
        who.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request(who.family, interface))
    else:
        who.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request(who.family, interface))


def listener(family, interface):
    who = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        who.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        who.setsockopt(socket.IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0)
        who.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        who.bind(("::", PORT))
    else:
        who.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        who.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        who.bind(("", PORT))
    who.settimeout(0.5)
    join(who, interface)
    return who


def send(family, interface):
    """Sends to the group from one end of a pair; the listener is at the other end."""
    index = socket.if_nametoindex(interface)
    sender = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        sender.sendto(b"x", (GROUP6, PORT, 0, index))
    else:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request(family, interface))
        sender.sendto(b"x", (GROUP4, PORT))


def heard(who):
    try:
        _, control, _, _ = who.recvmsg(100, 256)
    except TimeoutError:
        return "nothing"
    value = control[0][2]
    index = struct.unpack_from("i", value, 16 if who.family == socket.AF_INET6 else 0)[0]
    return "a datagram from " + socket.if_indextoname(index)


# Two networks, one - two and three - four: listeners are at two and four, senders at one, three.
run("ip link add name one type veth peer name two")
run("ip link add name three type veth peer name four")
for number, interface in enumerate(("one", "two", "three", "four"), 1):
    for name, value in (("rp_filter", 0), ("accept_local", 1)):
        for scope in ("all", interface):
            with open(f"/proc/sys/net/ipv4/conf/{scope}/{name}", "w") as file:
                file.write(str(value))
    run(f"ip link set {interface} up")
    run(f"ip address add fd00:{number}::1/64 dev {interface} nodad")
    run(f"ip address add 10.{number}.0.1/24 dev {interface}")
while run("ip -6 route show table local type multicast").count("ff00::/8") < 4:
    pass  # the kernel adds these routes when the links have a carrier

for name, family in (("IPv6", socket.AF_INET6), ("IPv4", socket.AF_INET)):
    ours = listener(family, "two")
    send(family, "three")
    print(f"{name}, joined on two, sent on the network of four: {heard(ours)}")
    other = socket.socket(family, socket.SOCK_DGRAM)
    join(other, "four")
    send(family, "three")
    print(f"{name}, the same, after another socket joined on four: {heard(ours)}")
send(socket.AF_INET, "one")
print(f"IPv4, joined on two, sent on the network of two: {heard(ours)}")
PYTHON
    diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen -
