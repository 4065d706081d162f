#!/bin/bash
# SPDX-License-Identifier: MIT
# Datagrams to one address that nobody has stop a socket's datagrams to everybody else.
#
# Version: Linux 6.18.44
# Expected: a datagram that was "sent" is no longer the sender's. And SIOCOUTQ is, by udp(7), the
# number of data bytes in the local send queue.
# Behaviour: while ARP asks, for about 3 s, the datagrams are charged to the socket, with their
# whole buffers: one of 1 byte counts 832. With a small send buffer, sends to a peer that is there
# fail with EAGAIN in that time, though nothing waits on the way to it.
# Output seen, with which this script compares:
#> SIOCOUTQ after 1 byte to an address that nobody has: more than 500
#> a send to a peer that is there, after 64 such datagrams: EAGAIN
#> from another socket: success
#> the first socket can send again after: 2 to 5 s
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
timeout --signal=KILL 60 unshare --map-root-user --net python3 - <<'PYTHON' |
import errno
import fcntl
import select
import socket
import struct
import subprocess
import time

SIOCOUTQ = 0x5411
ABSENT, PRESENT = ("10.1.0.77", 9), ("10.1.0.2", 9)


def run(command):
    return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout


def send(sender, target):
    try:
        sender.sendto(b"x", target)
        return "success"
    except OSError as error:
        return errno.errorcode[error.errno]


run("ip link add name one type veth peer name two")
run("ip address add 10.1.0.1/24 dev one")
run("ip link set one up")
run("ip link set two up")
run("ip neighbour add 10.1.0.2 lladdr 02:00:00:00:00:02 dev one")
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setblocking(False)
sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other.setblocking(False)

started = time.monotonic()
send(sender, ABSENT)
queued = struct.unpack("i", fcntl.ioctl(sender, SIOCOUTQ, bytes(4)))[0]
print("SIOCOUTQ after 1 byte to an address that nobody has:",
      "more than 500" if queued > 500 else queued)
for _ in range(63):
    send(sender, ABSENT)
print("a send to a peer that is there, after 64 such datagrams:", send(sender, PRESENT))
print("from another socket:", send(other, PRESENT))
select.select([], [sender], [], 20)
waited = time.monotonic() - started
waited_text = "2 to 5 s" if 2 <= waited <= 5 else f"{waited:.1f} s"
print("the first socket can send again after:", waited_text)
PYTHON
    diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen -
