#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""muster doctor: networks that are broken in one way each, side by side, and networks that are not. The doctor is
told nothing of what was done.

DOCTOR_RUNS says how many healthy networks are examined (5)."""

import os
import shutil
import socket
import tempfile
import time

from lab import MUSTER, Host, LanTest, main, note
from wire import Peer

IS_ROOT = os.getuid() == 0  # before this process enters a namespace
HEALTHY = int(os.environ.get("DOCTOR_RUNS", "5"))
TOGETHER = 8  # networks that are examined at the same time: a doctor mostly waits
GROUP_MAC = "01:00:5e:00:00:fe"
GROUP6_MAC = "33:33:00:00:01:14"
DUAL = (4, 6)
LOCK = os.path.join(tempfile.gettempdir(), f"muster-doctor-{os.getuid()}.lock") # of iptables, also for users


def run(host, *argv):
    """Runs a program on a host to its end."""
    finished = host.start_program(*argv, XTABLES_LOCKFILE=LOCK).finish()
    if finished.code != 0:
        raise AssertionError(finished.describe())
    return finished.out


def filter_input(host, rules, policy="accept"):
    host.nft(f"table inet wall {{ chain input {{ type filter hook input priority 0; policy {policy};\n{rules}\n}}\n}}\n")


def filter_switch(lan, rules):
    chain = f"table bridge wall {{ chain forward {{ type filter hook forward priority 0;\n{rules}\n}}\n}}\n"
    Host(lan, 0, lan.switch).nft(chain)


# ---- what breaks a network: each takes the lab, and may return what the doctor's environment has besides, or a
# condition that the doctor waits for ----


def healthy(lan):
    pass


def healthy_dual(lan):
    pass


def crowded(lan):
    """A muster and a script on this host, a second interface, a peer of IPv4 alone, and a device that only speaks."""
    here, there = lan.hosts
    here.announce("here", "--service", "ssh:22")
    there.announce("old", "-4")
    lan.join(here, "eth1", there, "eth1")
    here.ip("addr add 10.78.0.1/24 brd + dev eth1", "link set eth1 up")
    there.ip("addr add 10.78.0.2/24 brd + dev eth1", "link set eth1 up")
    Peer(there, "lamp")


def walled(lan):
    """A firewall as the README says it."""
    rules = ("ct state established,related accept\niifname lo accept\nicmpv6 type { 1-4, 128-143 } accept\n"
             "meta l4proto { tcp, udp } th dport 19796-19829 accept\n"
             "ip saddr 10.99.0.0/16 drop\nudp dport 5353 drop\ntcp dport 22 drop")
    for host in lan.hosts:
        filter_input(host, rules, policy="drop")


def walled_elsewhere(lan):
    """A firewall that knows the addresses of this network, and closes an interface that muster does not use."""
    lan.join(lan.hosts[0], "eth1", lan.hosts[1], "eth1")
    lan.hosts[0].ip("addr add 10.78.0.1/24 brd + dev eth1", "link set eth1 up", "addr add fd00::1/64 dev eth0 nodad")
    filter_input(lan.hosts[0], "iifname eth1 drop\niifname lo accept\nip saddr 10.77.0.0/24 accept\n"
                 "ip6 saddr fe80::/10 accept", policy="drop")
    return {"MUSTER_INTERFACE": "eth0"}


def ula_bridge(lan):
    """It asks once a second; what it asks counts for something after a while."""
    lan.ip(lan.switch, "addr add fd00::1/64 dev br0 nodad",
           "link set br0 type bridge mcast_startup_query_interval 100 mcast_startup_query_count 30")
    lan.snoop(with_querier=True)
    queries = r"awk '/InGroupMembQueries/ {print $2}' /proc/net/dev_snmp6/eth0"
    return lambda: int(run(lan.hosts[0], "sh", "-c", queries)) >= 16


def no_multicast_route6(lan):
    run(lan.hosts[0], "ip", "-6", "route", "del", "multicast", "ff00::/8", "dev", "eth0", "table", "local")


def duplicate_address(lan):
    here, there = lan.hosts
    there.ip("addr add fe80::99/64 dev eth0 nodad")
    here.ip("addr add fe80::99/64 dev eth0")
    lan.wait_for(lambda: "dadfailed" in run(here, "ip", "-6", "addr", "show", "dev", "eth0"), "the duplicate")


def legacy_drop(lan):
    run(lan.hosts[0], "iptables-legacy", "-A", "INPUT", "-p", "udp", "--dport", "19797", "-j", "DROP")


def multiport_drop(lan):
    run(lan.hosts[0], "iptables-nft", "-A", "INPUT", "-p", "udp", "-m", "multiport", "--dports", "19796:19829",
        "-j", "DROP")


def drop_in(lan):
    filter_input(lan.hosts[0], "udp dport 19796-19829 drop")


def drop_set_in(lan):
    lan.hosts[0].nft("table ip wall { set ports { type inet_service; elements = { 53, 19797 }; }\n"
                     "chain input { type filter hook input priority 0; meta l4proto udp jump udp_in; }\n"
                     "chain udp_in { udp dport @ports drop; }\n}\n")


def drop_out(lan):
    lan.hosts[0].nft("table inet wall { chain output { type filter hook output priority 0;\n"
                     "udp dport 19797 drop; }\n}\n")


def default_deny(lan):
    filter_input(lan.hosts[0], "ct state established,related accept\niifname lo accept\nicmp type echo-request accept",
                 policy="drop")


def deny_by(lan, iptables):
    run(lan.hosts[0], iptables, "-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT")
    run(lan.hosts[0], iptables, "-P", "INPUT", "DROP")


def legacy_default_deny(lan):
    deny_by(lan, "iptables-legacy")


def nft_default_deny(lan):
    """As ufw's rules are: what iptables-nft writes, nft shows as opaque."""
    deny_by(lan, "iptables-nft")


def tcp_closed(lan):
    filter_input(lan.hosts[1], "tcp dport 1024-65535 drop")


def small_mtu(lan):
    lan.ip(lan.switch, "link set port2 mtu 1300")


def tiny_mtu(lan):
    lan.ip(lan.switch, "link set port1 mtu 900")


def own_mtu(lan):
    lan.hosts[0].ip("link set eth0 mtu 600")


def multicast_off(lan):
    lan.hosts[0].ip("link set eth0 multicast off")


def other_subnet(lan):
    lan.hosts[1].ip("addr flush dev eth0", "addr add 10.9.0.11/24 dev eth0")


def loopback_down(lan):
    lan.hosts[0].ip("link set lo down")


def port_taken(lan):
    taker = lan.hosts[0].socket(socket.SOCK_DGRAM)
    taker.bind(("", 19797))
    lan.on_close(taker.close)


def deaf_peer(lan):
    filter_input(lan.hosts[1], "udp dport 19796-19829 drop")


def deaf_here(lan):
    filter_switch(lan, f"oifname port1 ether daddr {GROUP_MAC} drop\noifname port1 ip daddr 255.255.255.255 drop")


def group_filtered(lan):
    filter_switch(lan, f"ether daddr {GROUP_MAC} drop")


def broadcast_filtered(lan):
    filter_switch(lan, "ip daddr 255.255.255.255 drop")


def group6_filtered(lan):
    filter_switch(lan, f"ether daddr {GROUP6_MAC} drop")


def no_address(lan):
    lan.hosts[0].ip("addr flush dev eth0")


def interface_down(lan):
    lan.hosts[0].ip("link set eth0 down")


def no_carrier(lan):
    lan.ip(lan.switch, "link set port1 down")


def no_route(lan):
    lan.hosts[0].ip("route flush dev eth0")


def asymmetric(lan):
    here = lan.hosts[0]
    here.ip("link add away0 type veth peer name away1", "link set away0 addrgenmode none", "link set away0 up",
            "link set away1 addrgenmode none", "link set away1 up", "route replace 10.77.0.0/24 dev away0")
    run(here, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/eth0/rp_filter")


def state_unwritable(lan):
    return {"MUSTER_STATE": "/proc/nowhere"}


def denied(lan):
    return {"MUSTER_INTERFACE": "!eth0"}


def other_group(lan):
    assert lan.hosts[1].run("key", "new").code == 0


def no_group(lan):
    assert lan.hosts[0].run("key", "new").code == 0


BROKEN = [
    (no_multicast_route6, {"ipv6.no_multicast_route"}, DUAL),
    (duplicate_address, {"ipv6.duplicate"}, (4,)),
    (legacy_drop, {"firewall.rule"}, (4,)),
    (multiport_drop, {"firewall.likely"}, (4,)),
    (drop_in, {"firewall.rule"}, (4,)),
    (drop_set_in, {"firewall.rule"}, (4,)),
    (drop_out, {"firewall.rule"}, DUAL),
    (default_deny, {"firewall.stateful"}, (4,)),
    (legacy_default_deny, {"firewall.stateful"}, (4,)),
    (nft_default_deny, {"firewall.stateful"}, (4,)),
    (tcp_closed, {"tcp.closed"}, (4,)),
    (small_mtu, {"mtu.small"}, (4,)),
    (small_mtu, {"mtu.small"}, DUAL),
    (tiny_mtu, {"mtu.tiny"}, (4,)),
    (own_mtu, {"interface.mtu"}, (4,)),
    (multicast_off, {"interface.no_multicast"}, (4,)),
    (other_subnet, {"peer.subnet"}, (4,)),
    (loopback_down, {"loopback.down"}, (4,)),
    (port_taken, {"port.taken"}, (4,)),
    (deaf_peer, {"peer.silent"}, (4,)),
    (deaf_here, {"path.m4", "path.b4"}, (4,)),
    (group_filtered, {"path.m4"}, (4,)),
    (broadcast_filtered, {"path.b4"}, (4,)),
    (group6_filtered, {"path.m6"}, DUAL),
    (no_address, {"interface.no_address"}, (4,)),
    (interface_down, {"interface.down"}, (4,)),
    (no_carrier, {"interface.down"}, (4,)),
    (no_route, {"route.missing"}, (4,)),
    (asymmetric, {"route.rp_filter"}, (4,)),
    (state_unwritable, {"state.unwritable"}, (4,)),
    (denied, {"interface.denied"}, (4,)),
    (ula_bridge, {"mld.querier"}, DUAL),
    (other_group, {"group.other"}, (4,)),
    (no_group, {"group.none"}, (4,)),
]
NEEDS = {legacy_drop: "iptables-legacy", legacy_default_deny: "iptables-legacy", multiport_drop: "iptables-nft",
         nft_default_deny: "iptables-nft"}


class Examination:
    """One network with one muster on another host, and a doctor."""

    def __init__(self, test, spoil, families):
        self.spoil = spoil
        self.lan = test.lab(2)
        self.lan.require_isolation()
        here, there = self.lan.hosts
        for host in self.lan.hosts:
            host.use_families(*families)
        extra = spoil(self.lan)
        self.is_ready = extra if callable(extra) else None
        self.environment = {"MUSTER_INTERFACE": None, **({} if callable(extra) else extra or {})}
        # Who does not answer is known when it speaks.
        self.peer = there.announce("there", "--service", "http:80", "--interval", "1s")

    def start(self):
        if self.is_ready:
            self.lan.wait_for(self.is_ready, self.spoil.__name__)
        self.began = time.monotonic()
        self.doctor = self.lan.hosts[0].start("doctor", "--json", **self.environment)

    def finish(self):
        """The ids of the verdicts."""
        self.doctor.finish()
        found = self.doctor.json()
        self.code = self.doctor.code
        self.took_s = self.doctor.lines[-1].stamp - self.began
        self.verdicts = found["verdicts"]
        for peer in found["peers"]:
            for name, path in peer["paths"].items():
                assert path["reached"] <= path["asked"], (name, peer)
            assert peer["long"]["heard"] <= peer["long"]["sent"], peer
        return {verdict["id"] for verdict in self.verdicts}

    def describe(self):
        return f"{self.spoil.__name__}: {self.doctor.out}\n{self.doctor.error}"


class Doctor(LanTest):
    def examine(self, networks):
        """Examines networks, some at a time; each is (spoil, expected, families)."""
        wrong = []
        all_of_them = [(Examination(self, spoil, families), expected)
                       for spoil, expected, families in reversed(networks)][::-1] # what takes time comes last
        for start in range(0, len(networks), TOGETHER):
            batch = all_of_them[start:start + TOGETHER]
            for examination, _ in batch:
                examination.start()
            for examination, expected in batch:
                found = examination.finish()
                if found != expected or examination.code != (1 if expected else 0):
                    wrong.append((sorted(expected), sorted(found), examination.describe()))
                note(f"{examination.spoil.__name__}: {', '.join(sorted(found)) or 'nothing'} "
                     f"({examination.took_s:.1f} s)")
        return wrong

    def can_use(self, program):
        """Whether a program of iptables works here (None: none is needed)."""
        if program is None:
            return True
        if not shutil.which(program):
            return False
        host = self.lab(1).hosts[0]
        return host.start_program(program, "-L", XTABLES_LOCKFILE=LOCK).finish().code == 0

    def test_each_cause_is_named(self):
        networks = [network for network in BROKEN if self.can_use(NEEDS.get(network[0]))]
        wrong = self.examine(networks)
        self.assertEqual(wrong, [], "\n".join(f"{expected} != {found}\n{text}" for expected, found, text in wrong))

    def test_a_healthy_network_has_no_verdict(self):
        kinds = [(healthy, set(), (4,)), (healthy_dual, set(), DUAL), (crowded, set(), DUAL), (walled, set(), DUAL),
                 (walled_elsewhere, set(), DUAL)]
        wrong = self.examine([kinds[i % 5] for i in range(HEALTHY)])
        self.assertEqual(wrong, [], "\n".join(text for _, _, text in wrong))

    def test_who_fell_silent_is_named(self):
        """What the muster that runs here knows: it is no somebody else, and it remembers who was here."""
        lan = self.lab(2)
        lan.require_isolation()
        here, there = lan.hosts
        here.announce("here")
        there.announce("thermo", "--interval", "1s")
        lan.wait_for(lambda: here.run("why", "thermo").code == 0, "a row")
        there.ip("link set eth0 down")
        lan.wait_for(lambda: "is lost" in here.run("why", "thermo").out, "the loss")
        doctor = here.run("doctor")
        self.assertEqual(doctor.code, 1, doctor.out)
        self.assertIn("thermo (10.77.0.2) was here until", doctor.out)
        here.ip("link set eth0 down")
        lan.wait_for(lambda: "this host has no network" in here.run("why", "thermo").out, "the cause")
        here.ip("link set eth0 up")
        self.assertNotIn("Nothing is wrong", doctor.out)
        self.assertNotIn("is the loopback", doctor.out)
        alone = here.run("doctor", "--direct")
        self.assertIn("Nothing is wrong here, but nobody else was heard", alone.out)

    def test_an_ordinary_user_sees_a_stateful_firewall(self):
        """Who may not read the rules knows by what is missing, and says what was not seen."""
        if not IS_ROOT:
            self.skipTest("needs root, to be somebody else")
        lan = self.lab(2)
        lan.require_isolation()
        here, there = lan.hosts
        default_deny(lan)
        there.announce("there")
        doctor = here.start_program("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", MUSTER, "doctor",
                                    "--json", MUSTER_INTERFACE=None, MUSTER_STATE="/tmp").finish()
        found = doctor.json()
        self.assertEqual([verdict["id"] for verdict in found["verdicts"]], ["firewall.stateful"], doctor.out)
        self.assertTrue(found["verdicts"][0]["certain"])
        self.assertIn("nft was not allowed", " ".join(found["unseen"]))


class Why(LanTest):
    HOSTS = 2

    def test_a_row_has_its_reason(self):
        self.here.announce("here")
        there = self.there.announce("there")
        self.lan.wait_for(lambda: self.here.run("why", "there").code == 0, "a row")
        said = self.here.run("why", "there").out
        for words in ("there is alive: it was heard", "Rule", "Changes", "PATH"):
            self.assertIn(words, said)
        there.stop()
        self.lan.wait_for(lambda: "has left" in self.here.run("why", "there").out, "the bye")
        self.assertIn("is the muster that was asked", self.here.run("why", "here").out)

    def test_who_is_in_no_table_may_be_heard(self):
        self.lan.require_isolation()
        deaf_peer(self.lan)
        self.there.announce("there")
        self.here.announce("here")
        said = self.lan.wait_for(lambda: self.deaf_answer(), "the peer to be heard")
        self.assertIn("muster doctor", said)
        missing = self.here.run("why", "nobody")
        self.assertEqual(missing.code, 4)
        self.assertIn("nobody is not in the table: it is not heard now", missing.out)

    def test_who_is_in_another_table_answers(self):
        self.lan.require_isolation()
        self.there.announce("there")
        self.here.announce("here", "--interface", "lo")
        asked = self.lan.wait_for(lambda: self.answer("there", "but answers now"), "the peer to answer")
        self.assertIn("other interfaces", asked)
        self.assertNotIn("does not answer", asked)

    def answer(self, peer, words):
        asked = self.here.run("why", peer, MUSTER_INTERFACE=None)
        return asked.code == 4 and words in asked.out and asked.out

    def deaf_answer(self):
        asked = self.here.run("why", "10.77.0.2")
        return asked.code == 4 and "is heard, but does not answer" in asked.out and asked.out


if __name__ == "__main__":
    main()
