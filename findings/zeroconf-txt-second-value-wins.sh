#!/bin/bash
# SPDX-License-Identifier: MIT
# python-zeroconf reads another value from a TXT record than the rules of DNS-SD say.
#
# Version: python-zeroconf 0.47.3 (Debian 12, python3-zeroconf 0.47.3-1)
# Expected (RFC 6763, 6.4): keys are compared without regard to case, and of several strings with
# one key only the first one counts, also when it is a key without a value.
# Behaviour: keys are told apart by case, so "path" does not find what is written "Path". A key
# without a value is replaced by a later string of the same key.
# Output seen, with which this script compares:
#> python-zeroconf 0.47.3
#> strings Path=/a PATH=/b, property path: None
#> strings Path=/a PATH=/b, number of properties: 2
#> strings tls tls=no, property tls: b'no'
#> strings tls=yes tls=no, property tls: b'yes'
set -euo pipefail
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download python3-zeroconf=0.47.3-1 python3-ifaddr=0.1.7-2 \
    python3-async-timeout=4.0.2-1
for package in *.deb; do dpkg-deb -x "$package" .; done

PYTHONPATH=$PWD/usr/lib/python3/dist-packages python3 - >seen <<'PYTHON'
import zeroconf


def properties(*strings):
    """What a program gets that resolves a service with these TXT strings."""
    record = b"".join(bytes([len(string)]) + string for string in strings)
    kind = "_http._tcp.local."
    return zeroconf.ServiceInfo(kind, "nas." + kind, properties=record).properties


print("python-zeroconf", zeroconf.__version__)
two_cases = properties(b"Path=/a", b"PATH=/b")
print("strings Path=/a PATH=/b, property path:", two_cases.get(b"path"))
print("strings Path=/a PATH=/b, number of properties:", len(two_cases))
print("strings tls tls=no, property tls:", properties(b"tls", b"tls=no")[b"tls"])
print("strings tls=yes tls=no, property tls:", properties(b"tls=yes", b"tls=no")[b"tls"])
PYTHON
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
