# SPDX-License-Identifier: MIT
"""A site of two networks, between which a router passes multicast on, as the kernel's own routing does."""

import json
import pathlib
import socket
import struct

from lab import LanTest, main

WEST, EAST = 0, 1  # interfaces of the router, by their numbers in its tables
INIT, ADD_INTERFACE, ADD_ROUTE = 200, 202, 204  # of linux/mroute.h and linux/mroute6.h alike


class Site(LanTest):
    def setUp(self):
        super().setUp()
        self.lan = self.lab(3)
        self.lan.require_isolation()
        self.here, self.router, self.there = self.lan.hosts
        for number, host, name in ((1, self.here, "west"), (2, self.there, "east")):
            self.lan.join(host, name, self.router, name)
            host.ip("link set eth0 down", "link set lo up")
            self.router.ip(f"addr add 10.78.{number}.254/24 dev {name}", f"addr add fd0{number}::fe/64 dev {name} nodad",
                           f"link set {name} up")  # fmt: skip
            host.ip(f"addr add 10.78.{number}.1/24 brd + dev {name}", f"addr add fd0{number}::1/64 dev {name} nodad",
                    f"addr add fe80::{number}/64 dev {name} nodad", f"link set {name} up")  # fmt: skip
            host.interface = None
            self.lan.wait_for(lambda host=host, name=name: self.is_up(host, name), "a carrier")
            host.ip(f"route add default via 10.78.{number}.254", f"route add ::/0 via fd0{number}::fe")
        self.route()

    def is_up(self, host, name):
        (link,) = json.loads(host.start_program("ip", "-json", "link", "show", name).finish().out)
        return link["operstate"] == "UP"

    def route(self):
        """Passes the groups of muster on, from either host to the other side."""
        with self.router.inside():
            for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
                pathlib.Path("/proc/sys/net", name).write_text("1", encoding="ascii")
            four = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
            six = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            self.addCleanup(four.close)
            self.addCleanup(six.close)
            four.setsockopt(socket.IPPROTO_IP, INIT, 1)
            six.setsockopt(socket.IPPROTO_IPV6, INIT, 1)
            for number, name in ((WEST, "west"), (EAST, "east")):
                index = socket.if_nametoindex(name)
                four.setsockopt(socket.IPPROTO_IP, ADD_INTERFACE, struct.pack("=HBBIi4x", number, 8, 1, 0, index))
                six.setsockopt(socket.IPPROTO_IPV6, ADD_INTERFACE, struct.pack("=HBBHxxI", number, 0, 1, index, 0))
        for number, source in ((WEST, 1), (EAST, 2)):
            for group in ["239.255.77.14", *(f"239.255.77.{last}" for last in range(15, 32))]:
                self.pass_on(four, f"10.78.{source}.1", group, number)
            for group in ["ff05::114", *(f"ff15::6d75:7374:{last:x}" for last in range(15, 32))]:
                self.pass_on6(six, f"fd0{source}::1", group, number)

    def pass_on(self, table, source, group, number):
        least_ttls = bytes(1 if other != number and other < 2 else 0 for other in range(32))
        route = socket.inet_aton(source) + socket.inet_aton(group) + struct.pack("=H", number) + least_ttls
        table.setsockopt(socket.IPPROTO_IP, ADD_ROUTE, route + bytes(18))

    def pass_on6(self, table, source, group, number):
        ends = [struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, ip), 0) for ip in (source, group)]
        to = 1 << (1 - number)
        table.setsockopt(socket.IPPROTO_IPV6, ADD_ROUTE, b"".join(ends) + struct.pack("=HxxI28x", number, to))

    def row(self, host, name, *options):
        rows = [row for row in host.peers(*options) if row["name"] == name]
        return rows[0] if rows else None

    def check_meeting(self, address, path, *options):
        site = (*options, "--scope", "site", "--ttl", "4")
        attrs = {f"key{number}": "x" * 200 for number in range(20)}  # come by stream
        config = self.lan.directory / "site.json"
        config.write_text('{"scope": "site", "ttl": 4}', encoding="ascii")
        here = self.here.start(*options, "announce", "--name", "here", "--config", config,
                               *(word for key, value in attrs.items() for word in ("--attr", f"{key}={value}")))  # fmt: skip
        self.there.start(*site, "announce", "--name", "there")
        row = self.lan.wait_for(lambda: (row := self.row(self.there, "here")) and row["attrs"] and path in row["paths"] and row, "here is seen, whole")
        self.assertEqual((row["state"], row["verified"], row["address"], row["attrs"]), ("alive", True, address, attrs))
        self.assertIn("what passed routers is taken", here.error)
        subscribe = self.there.start(*site, "subscribe", "x/#", "--count", "1")
        self.assertEqual(self.here.run("publish", "x/y", "7").code, 0)
        subscribe.await_line("x/y")
        self.assertIn("here", self.there.run(*site, "peers").out)
        self.assertEqual(here.stop().code, 0)
        self.lan.wait_for(lambda: self.row(self.there, "here")["state"] == "left", "the bye")

    def test_ipv4(self):
        self.check_meeting("10.78.1.1", "m4", "-4")

    def test_ipv6(self):
        self.check_meeting("fd01::1", "m6", "-6")

    def test_a_ttl_of_one_passes_no_router(self):
        site = ("--scope", "site", "--ttl", "1")
        self.here.start(*site, "announce", "--name", "here").await_identity()
        self.assertEqual(self.there.run(*site, "peers").code, 3)

    def test_the_link_alone(self):
        """What is of the link passes no router."""
        self.here.announce("here")
        self.assertEqual(self.there.run("peers").code, 3)
        self.check_refused(self.there.run("--ttl", "3", "peers"), "--ttl: expected with --scope site alone", code=2)


if __name__ == "__main__":
    main()
