# SPDX-License-Identifier: MIT
"""Streams between hosts: who may connect, by which way, and what comes by them."""

import os

from lab import LanTest, main
from wire import Stream

REFUSED_S = 1.0


class Streams(LanTest):
    def table(self, host, to, port):
        """A stream by which a table came."""
        stream = Stream(host, (to, port)).ask("table")
        host.lab.wait_for(lambda: stream.ended or stream.end(), "the end of it")
        return stream

    def test_table_of_another_host(self):
        lab = self.lab(3)
        lab.require_isolation()
        one, two, three = lab.hosts
        watch = one.watch()
        one.announce("first")
        two.announce("second")
        for name in ("first", "second"):
            watch.await_event("joined", name=name)
        (row,) = [row for row in three.peers() if row["name"] == "first"]

        def table():
            return self.table(three, one.address, row["port"]).names() == ["second"]

        lab.wait_for(table, "the table of first, which has second")

    def test_a_router_cannot_be_passed(self):
        lab = self.lab(2)
        lab.require_isolation()
        one, two = lab.hosts
        announcer = one.announce("first")
        (row,) = lab.wait_for(two.peers, "first is there")
        for ttl in (64, 254):
            with self.assertRaises(OSError, msg=f"TTL {ttl}"):
                Stream(two, (one.address, row["port"]), ttl=ttl, timeout_s=REFUSED_S)
        self.assertEqual(self.table(two, one.address, row["port"]).end(), "done")
        self.assertIsNone(announcer.code)

    def test_another_interface_is_no_way_in(self):
        lab = self.lab(2)
        lab.require_isolation()
        one, two = lab.hosts
        one.announce("first")
        (row,) = lab.wait_for(two.peers, "first is there")
        self.assertEqual(self.table(two, one.address, row["port"]).end(), "done")
        # From now on the way to the same address is another cable, which the node does not use.
        cable = f"link add side0 type veth peer name side1 netns /proc/{os.getpid()}/fd/{two.namespace}"
        one.ip(cable, "addr add 10.78.0.1/24 dev side0", "link set side0 up")
        two.ip(
            "addr add 10.78.0.2/24 dev side1",
            "link set side1 up",
            f"route add {one.address}/32 dev side1 src 10.78.0.2",
        )
        stream = Stream(two, (one.address, row["port"]), source="10.78.0.2").ask("table")
        lab.wait_for(lambda: stream.ended, "it is closed")
        self.assertEqual(stream.raw, b"")

    def large(self, host, name):
        """Announces what no datagram can carry."""
        value = "x" * 200
        attrs = [argument for number in range(50) for argument in ("--attr", f"a{number}={value}")]
        return host.announce(name, *attrs)

    def test_large_documents(self):
        lab = self.lab(2)
        one, two = lab.hosts
        large = self.large(one, "large")
        beside = one.watch()
        beyond = two.watch()
        for watch in (beside, beyond):

            def is_whole(watch=watch):
                return any(len(event["attrs"]) == 50 for _, event in watch.events(name="large"))

            lab.wait_for(is_whole, "its whole document")
        for host in lab.hosts:
            (row,) = [row for row in host.peers() if row["name"] == "large"]
            self.assertEqual(len(row["attrs"]), 50)
        self.assertIsNone(large.code)


if __name__ == "__main__":
    main()
