#!/bin/bash
# SPDX-License-Identifier: MIT
# A UDP send says that all is well while the host's own queue drops the datagram.
#
# Version: Linux 6.18.44
# Expected: ENOBUFS from the send, since the kernel knows at that moment that the datagram is
# gone.
# Behaviour: 100 sends of 1,000 bytes into a full queue (tbf, 8 kbit/s) all return 1,000, and at
# most a few leave. Only a socket with IP_RECVERR, an option for ICMP errors, is told: ENOBUFS.
# Output seen, with which this script compares:
#> sends of an ordinary socket that said success: 100 of 100
#> of these dropped by the queue: more than 95
#> sends of a socket with IP_RECVERR: ENOBUFS 100 of 100
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
timeout --signal=KILL 60 unshare --map-root-user --net python3 - <<'PYTHON' |
import errno
import json
import socket
import subprocess

IP_RECVERR = 11


def run(command):
    return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout


def dropped():
    return json.loads(run("tc -s -j qdisc show dev one"))[0]["drops"]


run("ip link add name one type veth peer name two")
run("ip address add 10.0.0.1/24 dev one")
run("ip link set one up")
run("ip link set two up")
run("ip neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev one")
run("tc qdisc add dev one root tbf rate 8kbit burst 1600 limit 1600")

ordinary = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
before = dropped()
success = sum(ordinary.sendto(bytes(1000), ("10.0.0.2", 9)) == 1000 for _ in range(100))
print(f"sends of an ordinary socket that said success: {success} of 100")
print("of these dropped by the queue:", "more than 95" if dropped() - before > 95 else "fewer")

told = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
told.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
errors = 0
for _ in range(100):
    try:
        told.sendto(bytes(1000), ("10.0.0.2", 9))
    except OSError as error:
        errors += error.errno == errno.ENOBUFS
print(f"sends of a socket with IP_RECVERR: ENOBUFS {errors} of 100")
PYTHON
    diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen -
