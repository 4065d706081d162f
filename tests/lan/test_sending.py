# SPDX-License-Identifier: MIT
"""What a node still says when its socket or its queue is full, and what it counts."""

import ipaddress
import itertools
import json
import socket
import struct

from lab import MUSTER, LanTest, main, note
from wire import GROUP, Ear, Voice, encode, new_boot, new_id, new_nonce

IP_PKTINFO = 8  # of Linux


def sockets(host):
    return host.json("show", "--self", "--json")["sockets"]


def unicast_socket(host):
    return sockets(host)[0]


def group_socket(host):
    (known,) = [known for known in sockets(host) if known["address"] == GROUP]
    return known


class Strangers(LanTest):
    """Questions come from addresses that do not answer ARP. The kernel keeps each answer for 3 s, in the send
    buffer and in its table of neighbours, which has 1024 rows for all interfaces."""

    HOSTS = 3
    ISOLATED = True
    ADDRESSES = "10.78.0.0/16"

    def setUp(self):
        super().setUp()
        self.watch = self.here.watch()
        (link,) = json.loads(self.there.start_program("ip", "-json", "link", "show", "eth0").finish().out)
        self.third.ip(
            "link set eth0 arp off",
            f"route add local {self.ADDRESSES} dev lo",
            f"neigh replace {self.there.address} lladdr {link['address']} dev eth0 nud permanent",
        )
        self.voice = Voice(self.third)
        self.strangers = ipaddress.ip_network(self.ADDRESSES).hosts()

    def announce(self, *prefix):
        self.node = self.there.start_program(*prefix, MUSTER, "announce", "--name", "node")
        _, self.joined = self.watch.await_event("joined", name="node")

    def ask(self, count):
        """So many strangers ask the node alone who is there: each is answered by unicast."""
        node = (self.there.address, self.joined["port"])
        for stranger in itertools.islice(self.strangers, count):
            header = {"id": new_id(), "boot": new_boot(), "nonce": new_nonce()}
            question = encode(kind="query", want={}, **header).strip().ljust(1299) + b"\n"
            source = struct.pack("=i4s4s", 0, stranger.packed, bytes(4))  # struct in_pktinfo
            self.voice.socket.sendmsg([question], [(socket.IPPROTO_IP, IP_PKTINFO, source)], 0, node)

    def check_group_hears(self, at_a_time):
        ear = Ear(self.here)

        def has_spoken():
            self.ask(at_a_time)
            return len(ear.messages("alive", id=self.joined["id"])) >= 5

        self.lan.wait_for(has_spoken, "alives during the questions")
        drops = unicast_socket(self.there)["unicast_drops"]
        note(f"{drops} answers were dropped")
        self.assertGreater(drops, 0)
        self.assertEqual(self.watch.events("suspect", "lost"), [])
        self.assertNotIn("fails", self.node.error)

    def test_the_group_hears_a_node_with_a_small_buffer(self):
        self.announce("setpriv", "--bounding-set=-net_admin")
        self.check_group_hears(8)

    def test_the_group_hears_a_node_with_a_large_buffer(self):
        self.announce()
        self.check_group_hears(40)

    def test_peers_are_answered_when_the_strangers_are_gone(self):
        self.announce()
        self.lan.wait_for(
            lambda: self.ask(100) or unicast_socket(self.there)["unicast_drops"] > 0, "a full send buffer"
        )
        self.lan.wait_for(
            lambda: [row for row in self.here.peers("--direct", "node") if "u4" in row["paths"]], "an answer"
        )
        self.lan.wait_for(lambda: unicast_socket(self.there)["unreached"] > 0, "word of what did not arrive")


class Queue(LanTest):
    HOSTS = 2
    ISOLATED = True

    def qdisc(self, *arguments):
        self.assertEqual(self.there.start_program("tc", "qdisc", *arguments).finish().code, 0)

    def test_drops_are_counted(self):
        watch = self.here.watch()
        node = self.there.announce("node", "--interval", "200ms")
        watch.await_event("joined", name="node")
        before = group_socket(self.there)
        self.qdisc("replace", "dev", "eth0", "root", "pfifo", "limit", "0")
        self.lan.wait_for(lambda: group_socket(self.there)["queue_drops"] > 1, "drops of a queue without room")
        watch.await_event("lost", name="node")
        self.qdisc("delete", "dev", "eth0", "root")
        watch.await_event("returned", name="node")
        self.assertEqual(before["queue_drops"], 0)
        self.assertEqual(group_socket(self.there)["failed"], 0)
        self.assertNotIn("fails", node.error)


if __name__ == "__main__":
    main()
