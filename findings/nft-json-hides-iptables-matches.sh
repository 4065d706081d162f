#!/bin/bash
# SPDX-License-Identifier: MIT
# `nft -j` leaves out the ports of a rule that `nft` itself prints.
#
# Version: nftables 1.0.6 (Debian 12, nftables 1.0.6-2+deb12u2), iptables 1.8.9 (iptables 1.8.9-2)
# Expected: the JSON of a ruleset says what its text says, so a program can find the rule that
# drops its port.
# Behaviour: what iptables-nft has put in as an extension (multiport, pkttype and many more) is
# {"xt": {"type": "match", "name": ...}} without any of its arguments. The text form shows them.
# Output seen, with which this script compares:
#> text: meta l4proto udp udp dport 19796-19829 counter packets 0 bytes 0 drop
#> JSON: {"xt":{"type":"match","name":"multiport"}}
#> text: pkttype multicast counter packets 0 bytes 0 drop
#> JSON: {"xt":{"type":"match","name":"pkttype"}}
#> the JSON names port 19796: no
set -euo pipefail
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download {nftables,libnftables1}=1.0.6-2+deb12u2 \
    {iptables,libxtables12}=1.8.9-2 libnftnl11=1.2.4-2 libmnl0=1.0.4-3 libjansson4=2.14-2
for package in *.deb; do dpkg-deb -x "$package" .; done
LD_LIBRARY_PATH=$(dirname "$PWD"/usr/lib/*/libnftables.so.1)
XTABLES_LIBDIR=$LD_LIBRARY_PATH/xtables
export LD_LIBRARY_PATH XTABLES_LIBDIR PATH=$PWD/usr/sbin:$PATH

timeout --signal=KILL 60 \
    unshare --map-root-user --net bash -euo pipefail -s >seen 2>warnings <<'LAN'
iptables-nft -A INPUT -p udp -m multiport --dports 19796:19829 -j DROP
iptables-nft -A INPUT -m pkttype --pkt-type multicast -j DROP
nft list ruleset | grep drop >text
nft -j list ruleset | grep '^{' >json
python3 - <<'PYTHON'
import json

document = open("json").read()
rules = [entry["rule"] for entry in json.loads(document)["nftables"] if "rule" in entry]
for text, rule in zip(open("text"), rules):
    print("text:", text.strip())
    for part in rule["expr"]:
        if "xt" in part:
            print("JSON:", json.dumps(part, separators=(",", ":")))
print("the JSON names port 19796:", "yes" if "19796" in document else "no")
PYTHON
LAN
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
