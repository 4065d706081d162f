#!/bin/bash
# SPDX-License-Identifier: MIT
# A membership ends when its interface is made anew, and the socket can neither hear nor join
# again.
#
# Version: Linux 6.18.44
# Expected: a program that watches interfaces by index, name and "up" sees whether its membership
# lives; and a join of a group that the socket does not hear succeeds.
# Behaviour: an interface that is deleted and made again with the same index and name (as a
# tunnel, a container link or a USB adapter may be) has no members. The socket keeps its dead
# membership, and IP_ADD_MEMBERSHIP says EADDRINUSE. It hears again after IP_DROP_MEMBERSHIP and a
# new join, or when any other socket joins.
# Output seen, with which this script compares:
#> before: heard
#> index 77 and name before and after: the same
#> after: deaf
#> joining again: EADDRINUSE, and still deaf
#> leaving and joining: heard
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
timeout --signal=KILL 60 unshare --map-root-user --net python3 - <<'PYTHON' |
import errno
import socket
import struct
import subprocess

GROUP = "224.0.0.254"
INDEX = 77


def run(command):
    return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout


def make_interface():
    run(f"ip link add name one index {INDEX} type veth peer name two")
    run("ip address add 10.1.0.1/24 dev one")
    run("ip link set one up")
    run("ip link set two up")


def heard():
    """Whether the socket hears what this host sends to the group (multicast loops back)."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("8xi", INDEX))
    sender.sendto(b"x", (GROUP, 7000))
    try:
        listener.recv(16)
        return "heard"
    except TimeoutError:
        return "deaf"


make_interface()
membership = struct.pack("4s4xi", socket.inet_aton(GROUP), INDEX)
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.settimeout(0.5)
listener.bind(("", 7000))
listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
print("before:", heard())
run("ip link delete one")
make_interface()
same = socket.if_nametoindex("one") == INDEX
print(f"index {INDEX} and name before and after:", "the same" if same else "others")
print("after:", heard())
try:
    listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    result = "success"
except OSError as error:
    result = errno.errorcode[error.errno]
print(f"joining again: {result}, and still {heard()}")
listener.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, membership)
listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
print("leaving and joining:", heard())
PYTHON
    diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen -
