# SPDX-License-Identifier: MIT
"""Interfaces that come, change and go while muster runs, and those that only a look by rtnetlink shows."""

import contextlib
import fcntl
import os
import signal
import socket
import struct
import subprocess
import unittest

from lab import LanTest, main

CYCLES = 100
CABLE = "eth1"  # between here and there
HERE, THERE = "10.78.0.1", "10.78.0.2"
ONLY_MULTICAST = (
    "table ip lab {\nchain incoming {\ntype filter hook input priority 0;\nip daddr 255.255.255.255 udp dport 19797 drop\n}\n}\n"
)


class Interfaces(LanTest):
    HOSTS = 2
    ISOLATED = True

    def setUp(self):
        super().setUp()
        self.here.interface = self.there.interface = None  # all that there are
        for host in (self.here, self.there):
            host.ip("link set eth0 down")

    def plug(self, *options):
        self.lan.join(self.here, CABLE, self.there, CABLE, *options)

    def address(self, host, address):
        host.ip(f"addr add {address}/24 brd + dev {CABLE}", f"link set {CABLE} up")

    def address_both(self):
        self.address(self.here, HERE)
        self.address(self.there, THERE)

    def rows(self, host, name):
        return [row for row in host.run("peers", "--json").json()["peers"] if row["name"] == name and row["state"] == "alive"]

    def await_row(self, host, name, **members):
        def found():
            return [row for row in self.rows(host, name) if all(row.get(key) == value for key, value in members.items())]

        return self.lan.wait_for(found, f"{name} with {members}")[0]

    def start_both(self):
        """Two musters that see one another by the cable. By multicast alone, which shows dead memberships."""
        self.plug()
        self.address_both()
        self.here.nft(ONLY_MULTICAST)
        processes = self.here.announce("here", "--service", "http:80"), self.there.announce("there")
        self.await_row(self.here, "there", interface=CABLE, address=THERE)
        return processes

    def multicasts(self):
        """How many datagrams of `there` came by multicast."""
        (row,) = self.here.json("show", "there", "--json")["peers"]
        return sum(heard["count"] for heard in row["tuples"] if heard["path"] == "m4")

    def await_multicast(self):
        before = self.multicasts()
        self.lan.wait_for(lambda: self.multicasts() > before, "a datagram by multicast")

    def own_row(self):
        rows = self.here.peers("--socket", str(self.here.state / "here" / "socket"))
        (row,) = [row for row in rows if row["self"]]
        return row

    def sockets(self, interface):
        text = self.here.run("show", "--self").out
        return [line for line in text.splitlines() if line.startswith("udp") and interface in line.split()]

    # ---- before the network ----

    def test_started_before_the_network(self):
        """As by DHCP: the cable is there, and the address comes late. All that stay wait for it."""
        self.plug()
        self.address(self.there, THERE)
        self.here.ip(f"link set {CABLE} up")
        self.there.announce("there", "--service", "ipp:631")
        waiting = [
            self.here.announce("here"),
            self.here.start("wait", "ipp", "--direct"),
            self.here.start("watch", "--ndjson", "--direct"),
            self.here.start("subscribe", "#", "--count", "2"),
            self.here.start("publish", "x/y", "7", "--name", "alone"),
        ]
        subscribe = self.there.start("subscribe", "x/#", "--count", "1").await_listening()
        for process in waiting:
            self.lan.wait_for(lambda: "no network yet" in process.error, f"a word of {process.name}")
        self.assertIn("only programs of this machine can hear me", waiting[0].error)
        self.assertEqual(self.own_row()["name"], "here")
        self.lan.never(lambda: any(process.code is not None for process in waiting), "an end", 0.5)
        self.address(self.here, HERE)
        self.await_row(self.there, "here", address=HERE)
        self.assertEqual(waiting[1].finish().code, 0)
        waiting[2].await_event("joined", name="there")
        self.assertEqual(waiting[4].finish().code, 0)
        subscribe.await_line("x/y")
        self.there.run("publish", "z", "1")
        waiting[3].await_line("z")
        self.lan.wait_for(lambda: f"there is a network: {CABLE}" in waiting[0].error, "word of the network")
        self.assertEqual(self.own_row()["address"], HERE)

    def test_published_into_no_network(self):
        publish = self.here.start("publish", "x", "1")
        self.lan.wait_for(lambda: "no network yet" in publish.error, "a word")
        self.assertEqual(publish.stop().code, 1)
        self.assertIn("1 datagram of readings did not leave this host", publish.error)

    def test_an_interface_that_comes_is_the_named_one(self):
        there = self.there.start("--interface", f"{CABLE},lan7", "announce", "--name", "there")
        self.lan.wait_for(lambda: f"{CABLE} is not there" in there.error, "a word")
        here = self.here.start("--interface", "vpn", "announce", "--name", "here")
        self.plug()
        self.address_both()
        self.lan.wait_for(lambda: "vpn is not there" in here.error, "a word")
        self.here.ip(f"link property add dev {CABLE} altname vpn")
        self.await_row(self.here, "there", interface=CABLE)

    def test_a_name_that_is_not_utf8(self):
        """The kernel takes any bytes for a name. Each byte that is not UTF-8 is shown as "?", and answers stay JSON."""
        name = "b\udcffd"  # the byte FF
        self.plug()
        self.address(self.there, THERE)

        def ip(words):
            with self.here.inside():
                subprocess.run(["ip", *words.split()], check=True)

        ip(f"link set {CABLE} name {name}")
        here = self.here.announce("here")
        ip(f"addr add {HERE}/24 brd + dev {name}")
        ip(f"link set {name} up")
        self.lan.wait_for(lambda: "there is a network: b\\xFFd" in here.error, "word of the network")
        self.there.announce("there")
        self.await_row(self.here, "there", interface="b?d")
        self.assertEqual(self.own_row()["interface"], "b?d")
        result = self.here.run("--interface", name, "peers", "--json")
        self.assertEqual((result.error, len(result.json()["peers"])), ("", 2))
        self.assertEqual({socket["interface"] for socket in self.here.json("show", "--self", "--json")["sockets"]}, {None, "b?d"})

    # ---- while it runs ----

    def test_a_life_of_an_interface(self):
        here, there = self.start_both()
        for lines in (
            [f"link set {CABLE} down", f"link set {CABLE} up"],
            [f"link set {CABLE} mtu 1000", f"link set {CABLE} mtu 1500"],
            [f"link set {CABLE} down", f"link set {CABLE} name lan0", "link set lan0 up"],
            ["link set lan0 down", f"link set lan0 name {CABLE}", f"link set {CABLE} up"],
            [f"addr del {HERE}/24 dev {CABLE}", f"addr add {HERE}/24 brd + dev {CABLE}"],
        ):
            with self.subTest(lines[-1]):
                for line in lines:
                    self.here.ip(line)
                self.await_row(self.here, "there", interface=lines[-1].split()[2] if "link set" in lines[-1] else CABLE)
                self.await_multicast()
        self.assertEqual((here.code, there.code), (None, None))

    def test_a_new_address(self):
        """Others and the node itself see it."""
        self.start_both()
        self.await_row(self.there, "here", address=HERE)
        self.here.ip(f"addr del {HERE}/24 dev {CABLE}", f"addr add 10.78.0.7/24 brd + dev {CABLE}")
        self.lan.wait_for(lambda: self.own_row()["address"] == "10.78.0.7", "its own row")
        self.await_row(self.there, "here", address="10.78.0.7")
        resolved = self.here.run("resolve", "http")
        self.assertEqual(resolved.out, "10.78.0.7:80\n", resolved.describe())
        self.await_multicast()

    def test_moved_to_another_namespace_and_back(self):
        self.start_both()
        elsewhere = self.lan.namespace()
        for _ in range(2):
            self.here.ip(f"link set {CABLE} netns /proc/{os.getpid()}/fd/{elsewhere}")
            self.lan.wait_for(lambda: not self.sockets(CABLE), "its end")
            self.lan.ip(elsewhere, f"link set {CABLE} netns /proc/{os.getpid()}/fd/{self.here.namespace}")
            self.address(self.here, HERE)
            self.await_row(self.here, "there", interface=CABLE)
            self.await_multicast()

    def test_made_again_with_the_same_index(self):
        """Neither name nor index tells that the memberships are gone."""
        here, _ = self.start_both()
        with self.here.inside():
            index = socket.if_nametoindex(CABLE)
        much = [f"addr {verb} 10.99.{number // 250}.{number % 250}/32 dev lo" for number in range(2500) for verb in ("add", "del")]
        for what in ("seen", "unseen", "overrun"):
            if what != "seen":  # when it looks, all is as it was
                here.signal(signal.SIGSTOP)
            if what == "overrun":  # nor is it told that the device has died
                self.here.ip(*much)
            self.here.ip(f"link del {CABLE}")
            self.plug("index", str(index))
            self.address_both()
            here.signal(signal.SIGCONT)
            self.await_row(self.here, "there", interface=CABLE)
            self.await_multicast()
        self.assertIsNone(here.code)

    def test_readings_follow(self):
        """What is published meanwhile waits for the network, and comes when that is back."""
        self.plug()
        self.address_both()
        subscribe = self.here.start("subscribe", "x/#")
        publish = self.there.start("publish", "--topic", "x/y")
        publish.write("100\n")
        subscribe.await_line(" 100")
        for value in range(200, 260, 20):
            before = subscribe.descriptors(), publish.descriptors()
            self.here.ip(f"link del {CABLE}")
            self.lan.wait_for(lambda: subscribe.descriptors() < before[0] and publish.descriptors() < before[1], "its end")
            publish.write(f"{value}\n")
            self.plug()
            self.address_both()
            publish.write(f"{value + 1}\n")
            for number in (value, value + 1):
                subscribe.await_line(f" {number}")

    def test_a_hundred_cycles(self):
        """Nothing is left behind: no descriptor, no socket, no row."""
        self.start_both()
        running = self.here.start("--interface", "cycle*", "announce", "--name", "cycles")
        running.await_identity()
        self.assertIn("no interface yet", running.error)
        before = running.descriptors()
        for cycle in range(CYCLES):
            self.here.ip(f"link add cycle{cycle % 3} type veth peer name far", f"addr add 10.79.0.1/24 dev cycle{cycle % 3}",
                         f"link set cycle{cycle % 3} up", "link set far up")
            self.lan.wait_for(lambda: running.descriptors() == before + 2, "two sockets")
            self.here.ip("link del far")
            self.lan.wait_for(lambda: running.descriptors() == before, "none")
        asked = ["--interface", "cycle*", "--socket", str(self.here.state / "cycles" / "socket")]
        told = self.here.run(*asked, "show", "--self")
        self.assertEqual((told.code, told.out.count("cycle")), (0, 1), told.describe())  # its name
        rows = self.here.json(*asked, "peers", "--json")["peers"]
        self.assertLessEqual({row["name"] for row in rows}, {"cycles", "here"})  # the other muster of this host
        self.assertLessEqual(len(rows), 2)

    def test_a_storm_of_changes(self):
        """It puts nothing off."""
        storm = "while ip addr add 10.99.0.1/32 dev lo && ip addr del 10.99.0.1/32 dev lo; do :; done"
        self.here.announce("here")
        self.there.announce("there")
        storms = [self.here.start_program("sh", "-c", storm)]
        self.plug()
        self.address_both()
        self.await_row(self.here, "there", interface=CABLE)
        self.assertIsNone(storms[0].code)

    def test_a_loss_is_told_once_it_lasts(self):
        here, _ = self.start_both()
        for _ in range(3):
            self.here.ip(f"link set {CABLE} down", f"link set {CABLE} up")
            self.await_row(self.here, "there", interface=CABLE)
        self.assertNotIn("no network", here.error)
        self.here.ip(f"link set {CABLE} down")
        said = f"no network any more: only programs of this machine can hear me; eth0 is down; {CABLE} is down"
        self.lan.wait_for(lambda: said in here.error, "a word")
        self.lan.wait_for(lambda: not self.rows(self.here, "there"), "an end of its promise")
        listing = self.here.run("peers", "--json")
        self.assertIn("no network: nobody was heard for ", listing.error)
        self.assertFalse(listing.json()["network"])
        self.here.ip(f"link set {CABLE} up")
        self.lan.wait_for(lambda: f"there is a network: {CABLE}" in here.error, "another")

    def test_counts_outlive_an_interface(self):
        def failed():
            sockets = self.here.json("show", "--self", "--json")["sockets"]
            return max([row["failed"] for row in sockets if row["interface"] == CABLE], default=0)

        self.start_both()
        hook = "chain out { type filter hook output priority 0; udp dport 19797 drop\n}"
        self.here.nft(f"table inet out {{\n{hook}\n}}\n")
        before = self.lan.wait_for(lambda: failed() if failed() > 1 else None, "datagrams that are refused")
        self.here.nft("delete table inet out\n")
        self.here.ip(f"link del {CABLE}")
        self.lan.wait_for(lambda: failed() == 0, "no such interface")
        self.plug()
        self.address_both()
        self.await_row(self.here, "there", interface=CABLE)
        self.assertGreaterEqual(failed(), before)

    # ---- many, and odd ones ----

    def test_the_last_of_many_has_the_route(self):
        """Those with a route come first; what is left out is named, once."""
        lines = []
        for number in range(60):
            if number % 2 == 0:
                lines.append(f"link add other{number} type veth peer name other{number + 1}")
            lines.append(f"addr add 10.{100 + number}.0.1/24 brd + dev other{number}")
        lines += [f"link set other{number} addrgenmode none up" for number in range(60)]
        self.here.ip(*lines)
        self.plug()
        self.address_both()
        self.here.ip(f"route add default via {THERE}")
        here = self.here.announce("here")
        self.there.announce("there")
        self.await_row(self.here, "there", interface=CABLE)
        self.assertEqual(self.own_row()["address"], HERE)
        self.assertEqual(here.error.count("is one too many"), 60 + 1 - 48, here.describe())
        self.here.ip("link set other0 down", "link set other0 up")
        self.await_row(self.here, "there", interface=CABLE)

    def test_too_small_an_mtu_is_named_once(self):
        here, _ = self.start_both()
        self.here.ip(f"link set {CABLE} mtu 1227")
        self.lan.wait_for(lambda: "has an MTU below 1228 bytes" in here.error, "why")
        self.lan.wait_for(lambda: not self.sockets(CABLE), "its end")
        self.here.ip(f"link set {CABLE} promisc on")
        self.here.ip(f"link set {CABLE} promisc off")
        self.here.ip(f"link set {CABLE} mtu 1228")
        self.await_row(self.here, "there", interface=CABLE)
        self.await_multicast()
        self.assertEqual(here.error.count("MTU"), 1, here.describe())

    def test_a_bridge_takes_its_port(self):
        self.start_both()
        self.here.ip("link add br7 type bridge forward_delay 0", "link set br7 addrgenmode none up", f"link set {CABLE} master br7")
        self.lan.wait_for(lambda: not self.sockets(CABLE), "the end of the port")
        self.here.ip(f"addr del {HERE}/24 dev {CABLE}", f"addr add {HERE}/24 brd + dev br7")
        self.await_row(self.here, "there", interface="br7")
        self.await_multicast()
        self.here.ip("link del br7", f"addr add {HERE}/24 brd + dev {CABLE}")
        self.await_row(self.here, "there", interface=CABLE)
        self.await_multicast()

    def test_macvlan(self):
        self.plug()
        self.address(self.there, THERE)
        self.here.ip(f"link set {CABLE} up")
        try:
            self.here.ip(f"link add link {CABLE} name mac0 type macvlan mode bridge")
        except Exception as refusal:
            raise unittest.SkipTest(f"no macvlan: {refusal}") from refusal
        self.here.ip("link set mac0 addrgenmode none", f"addr add {HERE}/24 brd + dev mac0", "link set mac0 up")
        self.here.announce("here")
        self.there.announce("there")
        self.await_row(self.here, "there", interface="mac0")
        self.await_row(self.there, "here", address=HERE)

    def test_tun(self):
        """A tunnel without a hardware address, from point to point, that comes while both run."""
        self.here.announce("here")
        self.there.announce("there")
        self.join_by_tunnel()
        for host, own, other in ((self.here, HERE, THERE), (self.there, THERE, HERE)):
            host.ip(f"addr add {own} peer {other} dev tun0", "link set tun0 up")
        self.await_row(self.here, "there", interface="tun0", address=THERE)
        self.await_row(self.there, "here", interface="tun0", address=HERE)

    def test_a_tunnel_for_unicast_alone(self):
        """As WireGuard's: it is of use to static peers, who are told and heard by it."""
        self.join_by_tunnel()
        for host, own, other in ((self.here, HERE, THERE), (self.there, THERE, HERE)):
            host.ip(f"addr add {own} peer {other} dev tun0", "link set tun0 multicast off", "link set tun0 up")
        alone = self.here.start("announce", "--name", "alone")
        self.lan.wait_for(lambda: "tun0 carries neither multicast nor broadcast" in alone.error, "a word")
        self.assertEqual(alone.stop().code, 0)
        here = self.here.announce("here", "--peer", THERE)
        self.there.announce("there", "--peer", HERE)
        self.await_row(self.here, "there", interface="tun0", address=THERE, paths=["u4"])
        self.await_row(self.there, "here", interface="tun0", address=HERE, paths=["u4"])
        watch = self.there.watch()
        watch.await_event("joined", name="here")
        self.assertEqual(here.stop().code, 0)
        watch.await_event("left", name="here")

    def join_by_tunnel(self):
        ends = []
        for host in (self.here, self.there):
            try:
                with host.inside():
                    ends.append(os.open("/dev/net/tun", os.O_RDWR))
                    fcntl.ioctl(ends[-1], 0x400454CA, struct.pack("16sH", b"tun0", 0x1001))  # TUNSETIFF, IFF_TUN | IFF_NO_PI
            except OSError as refusal:
                raise unittest.SkipTest(f"no tun: {refusal}") from refusal
            host.ip("link set tun0 addrgenmode none")
        self.addCleanup(lambda: [os.close(end) for end in ends])

        def carry(source, target):
            with contextlib.suppress(OSError):  # one that is down takes nothing
                os.write(target, os.read(source, 2048))

        for source, target in (ends, ends[::-1]):
            self.lan.on_readable(source, lambda source=source, target=target: carry(source, target))

    def test_without_the_loopback(self):
        self.here.ip("link set lo down")
        here, _ = self.start_both()
        self.assertIn("the loopback is down: programs of this machine cannot be heard", here.error)
        self.await_row(self.there, "here", address=HERE)

    # ---- chosen ones ----

    def test_patterns(self):
        self.plug()
        self.address_both()
        self.here.ip("link set eth0 up")
        self.there.ip("link set eth0 up")
        self.there.announce("there")
        for names, interface in (("eth*,!eth1", "eth0"), ("!eth0", CABLE), ("*1", CABLE), ("eth?", None)):
            look = ("--interface", names, "peers", "--json")
            self.lan.wait_for(lambda look=look: self.here.run(*look).code == 0, f"somebody on {names}")
            listing = self.here.json(*look)
            self.assertEqual([row["name"] for row in listing["peers"]], ["there"], names)
            if interface:
                self.assertEqual(listing["peers"][0]["interface"], interface, names)
        self.here.start("--interface", "!eth0", "announce", "--name", "here")
        self.await_row(self.there, "here", address=HERE)
        (own,) = [row for row in self.here.json("--interface", "*1", "peers", "--json")["peers"] if row["self"]]
        self.assertEqual(own["address"], HERE)


if __name__ == "__main__":
    main()
