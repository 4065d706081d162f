# SPDX-License-Identifier: MIT
"""Hosts with IPv4, with IPv6 and with both find each other on one link, by what they have in common."""

import contextlib
import pathlib
import signal
import socket
import struct
import time

from lab import PORT, LanTest, main, note
from telemetry import await_records, readings, records

GROUP = "ff02::114"
READINGS = 3000


def families_of(row):
    """The addresses of a row, those of each family."""
    addresses = [address for address in (row["address"], row["other_address"]) if address is not None]
    return {6 if ":" in address else 4: address for address in addresses}


class DualTest(LanTest):
    """`here` has both families, the others begin with IPv4."""

    HOSTS = 3
    ISOLATED = True

    def setUp(self):
        super().setUp()
        self.heard = []
        self.here.use_families(4, 6)

    def row(self, host, name, *arguments):
        return next(row for row in host.peers(*arguments) if row["name"] == name)

    def await_row(self, host, name, condition, what, *arguments):
        """The row of that name, as a running node of the host has it, once it is so."""
        return self.lan.wait_for(
            lambda: next((row for row in host.peers(*arguments) if row["name"] == name and condition(row)), None), what)


class Families(DualTest):
    def test_ipv6_alone(self):
        for host in (self.here, self.there):
            host.use_families(6)
        self.here.announce("printer", "--service", "ipp:631")
        self.there.watch().await_event("joined", name="printer")
        row = self.row(self.there, "printer")
        self.assertEqual((row["address"], row["other_address"]), (self.here.address6, None))
        self.assertEqual((row["interface"], set(row["paths"])), ("eth0", {"m6", "u6"}))
        self.assertTrue(row["verified"])

    def test_a_large_document_comes_by_stream(self):
        for host in (self.here, self.there):
            host.use_families(6)
        attrs = {f"key{number}": "x" * 200 for number in range(20)}
        self.here.announce("large", *[word for key, value in attrs.items() for word in ("--attr", f"{key}={value}")])
        self.there.watch().await_event("joined", name="large")
        self.await_row(self.there, "large", lambda row: row["attrs"] == attrs, "its attributes", "--direct")

    def test_both_beside_one_of_each(self):
        """Each hears whom it can; the death of a host with both is noticed by both others."""
        four, both, six = self.there, self.here, self.third
        six.use_families(6)
        watches = {host: host.watch() for host in (four, six)}
        dying = both.announce("both")
        four.announce("four")
        six.announce("six")
        for host, watch in watches.items():
            watch.await_event("joined", name="both")
        self.lan.wait_for(lambda: {row["name"] for row in both.peers()} == {"both", "four", "six"}, "the one with both lists all")
        rows = {row["name"]: row for row in both.peers()}
        self.assertEqual(families_of(rows["both"]), {4: both.address, 6: both.address6})
        self.assertEqual(families_of(rows["four"]), {4: four.address})
        self.assertEqual(families_of(rows["six"]), {6: six.address6})
        self.assertNotIn("six", {row["name"] for row in four.peers()})
        dying.signal(signal.SIGKILL)
        for watch in watches.values():
            watch.await_event("lost", name="both")

    def test_a_row_has_both_addresses(self):
        self.there.use_families(4, 6)
        self.here.announce("here")
        self.there.announce("there")
        row = self.await_row(self.there, "here", lambda row: row["other_address"] and {"m4", "m6", "b4"} <= set(row["paths"]), "both addresses, by all paths")
        self.assertEqual((row["address"], row["other_address"]), (self.here.address, self.here.address6))
        addresses = f"{row['address']}:{row['port']}, [{row['other_address']}]:{row['port']} on eth0"
        self.assertIn(f"Address     {addresses}", self.there.run("show", "here").out)
        row = self.row(self.there, "here", "--direct")
        self.assertEqual((row["address"], row["other_address"]), (self.here.address, self.here.address6), "in one look")

    def test_ipv4_is_filtered(self):
        """Where a switch swallows what goes to many by IPv4, IPv6 does."""
        self.there.use_families(4, 6)
        for host in (self.here, self.there):
            host.drop_incoming("ip daddr { 224.0.0.254, 255.255.255.255, 239.0.0.0/8 }")
        dying = self.here.announce("here")
        watch = self.there.watch()
        watch.await_event("joined", name="here")
        self.assertEqual(self.row(self.there, "here")["paths"][0], "m6")
        dying.signal(signal.SIGKILL)
        watch.await_event("lost", name="here")

    def test_who_is_heard(self):
        """What passed a router is dropped and counted; what comes by an interface that is not in use is not heard,
        although another program joined the group there."""
        self.there.use_families(4, 6)
        self.here.ip("link add spare type veth peer name end", "link set end up", "link set spare up",
                     "addr add fe80::99/64 dev spare nodad")
        self.here.announce("here", "-6")
        watch = self.there.watch("-6")
        watch.await_event("joined", name="here")
        other = self.group_socket(self.here, "spare", join=True)
        unheard = self.group_socket(self.here, "spare")
        for hops in (64, 255):
            self.say(unheard, hops)
        self.lan.wait_for(lambda: len(self.received(other)) == 2, "the other program hears both")
        self.say(self.group_socket(self.there, "eth0"), 64)
        counters = self.lan.wait_for(lambda: self.counters(self.here, "ttl"), "the drop is counted")
        self.assertEqual(counters["drops"]["ttl"], 1)
        self.assertEqual(counters["drops"]["missing"], 0)

    def counters(self, host, drop=None):
        """What its running node counted; with a drop, None before the first of these."""
        counters = host.json("show", "--self", "--json")["counters"]
        return counters if drop is None or counters["drops"][drop] else None

    def group_socket(self, host, interface, join=False):
        with host.inside():
            made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            index = socket.if_nametoindex(interface)
            self.addCleanup(made.close)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            if join:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                group = socket.inet_pton(socket.AF_INET6, GROUP)
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + struct.pack("@I", index))
                made.bind((GROUP, PORT, 0, index))
                made.setblocking(False)
        return made

    def say(self, sender, hops):
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, hops)
        sender.sendto(b'{"muster":1}\n', (GROUP, PORT))

    def received(self, listener):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard.append(listener.recv(2048))
        return self.heard

    def test_unicast_has_no_way_back(self):
        """One host has an address of the link alone, the other one of a prefix alone: the group carries answers."""
        for host, address in ((self.here, "fe80::1/64"), (self.there, "fd00::2/64")):
            host.ip("addr flush dev eth0", f"addr add {address} dev eth0 nodad")
        announcers = self.here.announce("here"), self.there.announce("there")
        self.await_row(self.there, "here", lambda row: row["state"] == "alive", "here is heard")
        row = self.await_row(self.here, "there", lambda row: row["state"] == "alive", "there is heard")
        self.assertEqual((row["address"], row["paths"]), ("fd00::2", ["m6"]))
        self.assertEqual(self.row(self.here, "there", "--direct")["paths"], ["m6"])
        for announcer in announcers:  # no answer was lost for want of a route
            self.assertNotIn("fails", announcer.error, announcer.describe())


class Options(DualTest):
    """What is asked for is used, and nothing else."""

    def paths(self, host, *arguments):
        return set(self.row(host, "here", *arguments)["paths"])

    def test_kinds(self):
        self.there.use_families(4, 6)
        self.here.announce("here", "--service", "ipp:631")
        for options, paths in (
            (["-4"], {"m4", "b4", "u4"}),
            (["-6"], {"m6", "u6"}),
            (["--delivery", "multicast"], {"m4", "m6", "u4", "u6"}),
            (["--delivery", "broadcast"], {"b4", "u4"}),
            (["-6", "--delivery", "multicast"], {"m6", "u6"}),
        ):
            with self.subTest(options=options):
                self.assertEqual(self.paths(self.there, *options), paths)
        for options, printed in ((["-4"], f"{self.here.address}:631"), ([], f"{self.here.address}:631"),
                                 (["-6"], f"[{self.here.address6}%eth0]:631")):
            with self.subTest(options=options):
                self.assertEqual(self.there.run("resolve", "ipp", *options).out, printed + "\n")

    def test_a_node_of_one_family(self):
        self.there.use_families(4, 6)
        self.here.announce("here", "-6")
        self.assertEqual(families_of(self.row(self.there, "here")), {6: self.here.address6})
        self.assertEqual(self.there.run("resolve", "here", "-4").code, 3)
        with self.here.inside():
            sockets = pathlib.Path("/proc/thread-self/net/udp").read_text(encoding="ascii").splitlines()
        self.assertEqual(sockets[1:], [])

    def test_what_is_not_there(self):
        """It may come: who stays waits for it."""
        waiting = self.there.start("announce", "-6", "--name", "there")
        self.lan.wait_for(lambda: "eth0 has no path of the family" in waiting.error, "a word")
        self.check_refused(self.there.run("peers", "-6", "--direct", MUSTER_INTERFACE=None), "no network", "family", code=3)
        self.here.announce("here")
        self.there.use_families(6)
        self.assertEqual(families_of(self.await_row(self.here, "there", lambda row: True, "the row")), {6: self.there.address6})


class Readings(LanTest):
    HOSTS = 3
    ISOLATED = True

    def publish(self, host, rate="2M"):
        """A publisher, and subscribers to which its first reading came."""
        subscribers = [other.start("subscribe", "#", "--ndjson").await_listening() for other in self.lan.hosts if other is not host]
        publisher = host.start("publish", "--topic", "x/y", "--rate", rate, "--linger", "0", "--name", "pub")
        publisher.write("0\n")
        for subscriber in subscribers:
            await_records(subscriber, 1)
        return publisher, subscribers

    def check_all(self, publisher, subscribers):
        began = time.monotonic()
        publisher.write("".join(f"{number}\n" for number in range(1, READINGS)))
        expected = [("x/y", number) for number in range(READINGS)]
        for subscriber in subscribers:
            await_records(subscriber, READINGS)
            self.assertEqual(readings(subscriber), expected)
        kinds = {record["sample"] for subscriber in subscribers for record in records(subscriber)[1:]}
        note(f"{READINGS} readings in {time.monotonic() - began:.2f} s: {kinds}")
        return kinds

    def test_ipv6_alone(self):
        for host in self.lan.hosts:
            host.use_families(6)
        self.assertEqual(self.check_all(*self.publish(self.here)), {"live"})

    def test_ipv6_alone_and_loss(self):
        for host in self.lan.hosts:
            host.use_families(6)
        self.here.ip("link set eth0 gso_max_segs 1")  # else nftables drops few batches, and each as one
        self.there.lose_incoming(10)
        self.third.lose_incoming(10)
        # A batch that leaves at once is lost as one: slower, there are many.
        self.assertEqual(self.check_all(*self.publish(self.here, "200k")), {"live", "repaired"})

    def test_a_subscriber_of_each_family(self):
        self.here.use_families(4, 6)
        self.third.use_families(6)
        self.assertEqual(self.check_all(*self.publish(self.here)), {"live"})

    def test_who_is_late_asks_by_stream(self):
        for host in self.lan.hosts:
            host.use_families(6)
        publisher, subscribers = self.publish(self.here)
        publisher.write("1\n2\n")
        await_records(subscribers[0], 3)
        late = self.third.start("subscribe", "#", "--ndjson")
        (record,) = await_records(late, 1)
        self.assertEqual((record["v"], record["sample"]), (2, "last"))


if __name__ == "__main__":
    main()
