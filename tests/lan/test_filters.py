# SPDX-License-Identifier: MIT
"""Firewalls and switches that let only a part through: what is seen all the same, and what is said of the rest."""

import signal

from lab import LanTest, main
from telemetry import readings

GROUPS = "ip daddr { 224.0.0.0/4, 255.255.255.255 }"
SERVICES = 100


def no_tcp(verdict, more=""):
    """Nothing of TCP comes in; what this host begins is answered."""
    return (
        "table inet lab { chain in { type filter hook input priority 0; ct state established accept;"
        f" meta l4proto tcp iifname eth0 {verdict}; {more} }}; }}"
    )


NO_TCP_AT_ALL = (
    "table inet lab { chain in { type filter hook input priority 0; meta l4proto tcp iifname eth0 drop; };"
    " chain out { type filter hook output priority 0; meta l4proto tcp oifname eth0 drop; }; }"
)


class Filters(LanTest):
    HOSTS = 3
    ISOLATED = True

    def offer_many(self, host):
        """A document that fits no datagram."""
        services = [f"http:{1000 + i},txt.path=/some/path/{i}" for i in range(SERVICES)]
        return host.announce("many", *(word for spec in services for word in ("--service", spec)))

    def row(self, host, name):
        return next((row for row in host.peers() if row["name"] == name), None)

    def await_row(self, host, name, condition, what):
        self.lan.wait_for(lambda: condition(self.row(host, name)), what)

    def test_tcp_is_closed(self):
        """And no part comes by UDP: the row is marked, and each listing says once why its services lack."""
        self.here.nft(no_tcp("drop", "udp length > 1000 drop;"))
        self.offer_many(self.here)
        self.there.announce("bee")
        self.await_row(self.there, "many", lambda row: row and row["partial"], "the row is partial")
        listing = self.there.run("peers")
        (line,) = [line for line in listing.lines if line.startswith("many")]
        self.assertIn("alive!", line)
        self.assertIn("1 partial (!): what it offers is too long for a datagram", listing.error)
        resolved = self.there.run("resolve", "many")
        self.assertEqual(resolved.code, 4, resolved.describe())
        self.assertEqual(resolved.error.count("the services of many have come neither by TCP nor by UDP"), 1)

    def test_tcp_is_closed_and_another_has_it(self):
        self.offer_many(self.here)
        self.third.announce("witness")
        self.await_row(self.third, "many", lambda row: row and len(row["services"]) == SERVICES, "it is fetched")
        self.here.nft(no_tcp("drop"))
        self.there.announce("bee")
        self.await_row(self.there, "many", lambda row: row and len(row["services"]) == SERVICES, "from the witness")
        self.assertFalse(self.row(self.there, "many")["partial"])

    def have_in_parts(self, rules, *families):
        """No stream to or from the host that offers much: its services come by datagrams."""
        for host in self.lan.hosts:
            host.use_families(*families)
        self.here.nft(rules)
        self.offer_many(self.here)
        bee = self.there.announce("bee")
        self.lan.wait_for(lambda: "bee is" in bee.error, "the asker runs")
        self.await_row(self.there, "many", lambda row: row and not row["partial"], "its services come in parts")
        self.assertEqual(len(self.row(self.there, "many")["services"]), SERVICES)
        self.assertGreaterEqual(self.there.json("show", "--self", "--json")["counters"]["fetches_failed"], 3)

    def test_tcp_is_dropped_both_ways(self):
        self.have_in_parts(NO_TCP_AT_ALL, 4)

    def test_tcp_is_rejected(self):
        self.have_in_parts(no_tcp("reject with tcp reset"), 4)

    def test_tcp_is_dropped_by_ipv6(self):
        for host in self.lan.hosts:
            host.ip(f"link set {host.interface} mtu 1280")
        self.have_in_parts(NO_TCP_AT_ALL, 6)

    def test_unicast_alone(self):
        """On one link one side has to name the other."""
        for host in (self.here, self.there):
            host.drop_incoming(GROUPS)
        self.there.announce("far")
        watch = self.there.watch()
        near = self.here.start("announce", "--name", "near", "--peer", self.there.address)
        watch.await_event("joined", name="near")
        self.await_row(self.here, "far", lambda row: row and row["paths"] == ["u4"], "heard by unicast alone")
        near.signal(signal.SIGKILL)
        watch.await_event("lost", name="near")

    def test_deaf_to_groups(self):
        """Who hears no group asks, is answered by unicast, and loses nobody who is there."""
        self.there.drop_incoming(GROUPS)
        near = self.here.announce("near")
        self.there.announce("deaf")
        watch = self.there.watch()
        self.await_row(self.here, "deaf", lambda row: row and row["state"] == "alive", "the deaf one is heard")
        self.await_row(self.there, "near", lambda row: row and row["state"] == "alive", "and hears")
        age = self.row(self.there, "near")["since_ms"]
        self.await_row(self.there, "near", lambda row: row["since_ms"] > age + 10_000, "it stays")
        self.assertEqual(watch.events("suspect", "lost"), [])
        near.signal(signal.SIGKILL)
        self.await_row(self.there, "near", lambda row: row["state"] == "lost", "its death is noticed")

    def test_a_switch_that_nobody_asks(self):
        """A snooping switch whose querier has gone forgets the groups: data comes all the same."""
        self.lan.snoop(with_querier=True)
        subscriber = self.here.start("subscribe", "#", "--ndjson")
        publisher = self.there.start("publish", "--name", "thermo")
        said = 0

        def say_until(condition, what):
            nonlocal said

            def step():
                nonlocal said
                said += 1
                publisher.write(f"kitchen/temperature {said}\n")
                return condition()

            self.lan.wait_for(step, what)

        say_until(lambda: subscriber.lines, "data comes")
        say_until(lambda: self.lan.snooped() & {f"239.255.77.{n}" for n in range(15, 32)}, "the switch knows")
        self.lan.snoop(with_querier=False)
        say_until(lambda: not self.lan.snooped() & {f"239.255.77.{n}" for n in range(15, 32)}, "it forgets")
        last = said + 50
        say_until(lambda: said >= last, "more is said")
        self.lan.wait_for(lambda: readings(subscriber)[-1][1] == said, "the last one comes")
        values = [value for _, value in readings(subscriber)]
        self.assertEqual(values, list(range(values[0], said + 1)))


if __name__ == "__main__":
    main()
