#!/bin/bash
# SPDX-License-Identifier: MIT
# A socket bound to an IPv6 address goes on sending from it after the address was removed.
#
# Version: Linux 6.18.44
# Expected: an error, as for IPv4, so that the program sees that its address is gone.
# Behaviour: sends to a group and to a neighbour succeed and carry the removed address as their
# source. No answer can arrive. A socket bound to an IPv4 address is refused: ENETUNREACH.
# Output seen, with which this script compares:
#> addresses left: 10.1.0.9 fd00:1::9
#> IPv6 to a group: on the wire from fd00:1::1
#> IPv6 to a neighbour: on the wire from fd00:1::1
#> IPv4 to a group: ENETUNREACH
#> IPv4 to a neighbour: ENETUNREACH
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
timeout --signal=KILL 60 unshare --map-root-user --net python3 - <<'PYTHON' |
import errno
import json
import socket
import struct
import subprocess

ETH_P_ALL = 3


def run(command):
    return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout


def report(name, sender, target):
    """Sends once and prints the source address that the other end of the pair saw."""
    marker = name.encode()
    try:
        sender.sendto(marker, target)
    except OSError as error:
        print(f"{name}: {errno.errorcode[error.errno]}")
        return
    while not (packet := wire.recv(2048)).endswith(marker):
        pass
    if packet[0] >> 4 == 6:
        source = socket.inet_ntop(socket.AF_INET6, packet[8:24])
    else:
        source = socket.inet_ntoa(packet[12:16])
    print(f"{name}: on the wire from {source}")


run("ip link add name one type veth peer name two")
run("ip link set one up")
run("ip link set two up")
for host in (1, 9):
    run(f"ip address add fd00:1::{host}/64 dev one nodad")
    run(f"ip address add 10.1.0.{host}/24 dev one")
for neighbour in ("fd00:1::7", "10.1.0.7"):
    run(f"ip neighbour add {neighbour} lladdr 02:00:00:00:00:02 dev one")
while "ff00::/8 dev one" not in run("ip -6 route show table local type multicast"):
    pass  # the kernel adds this route when the link has a carrier
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
wire.bind(("two", ETH_P_ALL))
wire.settimeout(2)

index = socket.if_nametoindex("one")
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.bind(("fd00:1::1", 0))
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.bind(("10.1.0.1", 0))
four.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("8xi", index))
run("ip address delete fd00:1::1/64 dev one")
run("ip address delete 10.1.0.1/24 dev one")
run("ip address replace 10.1.0.9/24 dev one")  # went with the first address, as a secondary one

addresses = json.loads(run("ip -j address show dev one scope global"))[0]["addr_info"]
print("addresses left:", *(address["local"] for address in addresses if "local" in address))
report("IPv6 to a group", six, ("ff12::99", 9, 0, index))
report("IPv6 to a neighbour", six, ("fd00:1::7", 9))
report("IPv4 to a group", four, ("239.9.9.9", 9))
report("IPv4 to a neighbour", four, ("10.1.0.7", 9))
PYTHON
    diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen -
