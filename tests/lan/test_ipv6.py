# SPDX-License-Identifier: MIT
"""Hosts with IPv4, with IPv6 and with both find each other on one link, by what they have in common."""

import pathlib
import signal
import time

from lab import LanTest, main, note
from telemetry import await_records, readings, records

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
        self.here.use_families(4, 6)

    def row(self, host, name, *arguments):
        return next(row for row in host.peers(*arguments) if row["name"] == name)

    def await_row(self, host, name, condition, what):
        """The row of that name, as a running node of the host has it, once it is so."""
        return self.lan.wait_for(
            lambda: next((row for row in host.peers() if row["name"] == name and condition(row)), None), what)


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
        rows = {row["name"]: row for row in both.peers()}
        self.assertEqual(set(rows), {"both", "four", "six"})
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
        row = self.await_row(self.there, "here", lambda row: row["other_address"], "both addresses")
        self.assertEqual((row["address"], row["other_address"]), (self.here.address, self.here.address6))
        self.assertLessEqual({"m4", "m6", "b4"}, set(row["paths"]))

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
            (["--delivery", "multicast"], {"m4", "m6", "u4"}),
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
        self.check_refused(self.there.run("announce", "-6"), "eth0", "family")
        self.check_refused(self.there.run("peers", "-6", MUSTER_INTERFACE=None), "no interface", "family")


class Readings(LanTest):
    HOSTS = 3
    ISOLATED = True

    def publish(self, host):
        publisher = host.start("publish", "--topic", "x/y", "--rate", "2M", "--linger", "0", "--name", "pub")
        subscribers = [other.start("subscribe", "#", "--ndjson") for other in self.lan.hosts if other is not host]
        for subscriber in subscribers:
            subscriber.host.watch().await_event("joined", name="pub")
        return publisher, subscribers

    def check_all(self, publisher, subscribers):
        began = time.monotonic()
        publisher.write("".join(f"{number}\n" for number in range(READINGS)))
        expected = [("x/y", number) for number in range(READINGS)]
        for subscriber in subscribers:
            await_records(subscriber, READINGS)
            self.assertEqual(readings(subscriber), expected)
        kinds = {record["sample"] for subscriber in subscribers for record in records(subscriber)}
        note(f"{READINGS} readings in {time.monotonic() - began:.2f} s: {kinds}")
        return kinds

    def test_ipv6_alone(self):
        for host in self.lan.hosts:
            host.use_families(6)
        self.assertEqual(self.check_all(*self.publish(self.here)), {"live"})

    def test_ipv6_alone_and_loss(self):
        for host in self.lan.hosts:
            host.use_families(6)
        self.there.lose_incoming(10)
        self.third.lose_incoming(10)
        self.assertEqual(self.check_all(*self.publish(self.here)), {"live", "repaired"})

    def test_a_subscriber_of_each_family(self):
        self.here.use_families(4, 6)
        self.third.use_families(6)
        self.assertEqual(self.check_all(*self.publish(self.here)), {"live"})

    def test_who_is_late_asks_by_stream(self):
        for host in self.lan.hosts:
            host.use_families(6)
        publisher, subscribers = self.publish(self.here)
        publisher.write("1\n2\n")
        await_records(subscribers[0], 2)
        late = self.third.start("subscribe", "#", "--ndjson")
        (record,) = await_records(late, 1)
        self.assertEqual((record["v"], record["sample"]), (2, "last"))


if __name__ == "__main__":
    main()
