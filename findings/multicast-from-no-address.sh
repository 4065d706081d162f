#!/bin/bash
# SPDX-License-Identifier: MIT
# Multicast leaves an interface without an IPv4 address, and a neighbour receives it from 0.0.0.0.
#
# Version: Linux 6.18.44
# Expected: an error from the send (ENETUNREACH or EADDRNOTAVAIL), since nobody can answer
# 0.0.0.0.
# Behaviour: IP_MULTICAST_IF takes the interface by its index and the send succeeds. A group of
# 224.0.0.x arrives, so that a list of peers by source address gets a row for 0.0.0.0. Any other
# group leaves, too, but the kernel of the neighbour drops it because of its source.
# Output seen, with which this script compares:
#> IPv4 addresses of the sender's interface: 0
#> send of 5 bytes to 239.9.9.9: 5
#> send of 5 bytes to 224.0.0.254: 5
#> the neighbour received from 0.0.0.0, to 239.9.9.9: 0 datagrams
#> the neighbour received from 0.0.0.0, to 224.0.0.254: 1 datagram
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
timeout --signal=KILL 60 unshare --map-root-user --net python3 - <<'PYTHON' |
import ctypes
import json
import os
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
GROUPS, PORT = ("239.9.9.9", "224.0.0.254"), 7000


def run(command):
    return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout


def neighbour(channel):
    """A host of its own, which joins both groups and tells from whom it heard on each."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    channel.send(b"interface, please")
    channel.recv(1)
    run("ip link set two up")
    run("ip address add 10.1.0.2/24 dev two")
    listeners = {}
    for group in GROUPS:
        listeners[group] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listeners[group].settimeout(2)
        listeners[group].bind((group, PORT))
        membership = struct.pack("4s4xi", socket.inet_aton(group), socket.if_nametoindex("two"))
        listeners[group].setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    channel.send(b"listening")
    sources = {}
    for group in reversed(GROUPS):  # after the one sent last, the other one is there or never
        try:
            sources[group] = listeners[group].recvfrom(100)[1][0]
        except TimeoutError:
            sources[group] = None
    channel.send(json.dumps(sources).encode())


ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
child = os.fork()
if child == 0:
    neighbour(theirs)
    os._exit(0)
theirs.close()
ours.recv(100)
run("ip link add name one type veth peer name two")
run("ip link set one up")
run(f"ip link set two netns {child}")
ours.send(b"x")
ours.recv(100)

addresses = [entry for entry in json.loads(run("ip -j -4 address show dev one")) if entry]
print("IPv4 addresses of the sender's interface:", len(addresses))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
interface = struct.pack("8xi", socket.if_nametoindex("one"))
sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
for group in GROUPS:
    print(f"send of 5 bytes to {group}:", sender.sendto(b"hello", (group, PORT)))
for group, source in sorted(json.loads(ours.recv(1000)).items(), reverse=True):
    count = "1 datagram" if source == "0.0.0.0" else "0 datagrams"
    print(f"the neighbour received from 0.0.0.0, to {group}: {count}")
os.waitpid(child, 0)
PYTHON
    diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen -
