"""Streams between hosts: who may connect, by which way, and what comes by them."""

import json
import os
import socket

from lab import LanTest, main

TABLE = b'{"muster":1,"request":"table"}\n'
REFUSED_S = 1.0


def connect(host, to, port, ttl=255, timeout_s=5.0):
    """A connection as a stranger makes it, or None when nobody answers."""
    stream = host.socket(socket.SOCK_STREAM)
    host.lab.on_close(stream.close)
    stream.settimeout(timeout_s)
    if ttl is not None:
        stream.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    try:
        stream.connect((to, port))
    except TimeoutError:
        return None
    return stream


def ask(stream, request=TABLE):
    """The lines of the answer; none when the connection is closed instead."""
    try:
        stream.sendall(request)
        stream.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: stream.recv(65536), b""))
    except OSError:
        return []
    return [json.loads(line) for line in answer.splitlines()]


def names(lines):
    return sorted(line["name"] for line in lines if line.get("kind") == "announce")


class Streams(LanTest):
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
            return names(ask(connect(three, one.address, row["port"]))) == ["second"]

        lab.wait_for(table, "the table of first, which has second")

    def test_a_router_cannot_be_passed(self):
        lab = self.lab(2)
        lab.require_isolation()
        one, two = lab.hosts
        announcer = one.announce("first")
        (row,) = lab.wait_for(two.peers, "first is there")
        for ttl in (None, 64, 254):
            self.assertIsNone(connect(two, one.address, row["port"], ttl, REFUSED_S), f"TTL {ttl}")
        self.assertEqual(ask(connect(two, one.address, row["port"]))[-1]["end"], "done")
        self.assertIsNone(announcer.code)

    def test_another_interface_is_no_way_in(self):
        lab = self.lab(2)
        lab.require_isolation()
        one, two = lab.hosts
        one.announce("first")
        (row,) = lab.wait_for(two.peers, "first is there")
        self.assertTrue(ask(connect(two, one.address, row["port"])))
        # From now on the way to the same address is another cable, which the node does not use.
        cable = f"link add side0 type veth peer name side1 netns /proc/{os.getpid()}/fd/{two.namespace}"
        one.ip(cable, "addr add 10.78.0.1/24 dev side0", "link set side0 up")
        two.ip(
            "addr add 10.78.0.2/24 dev side1",
            "link set side1 up",
            f"route add {one.address}/32 dev side1 src 10.78.0.2",
        )
        stream = connect(two, one.address, row["port"])
        self.assertEqual(stream.getsockname()[0], "10.78.0.2")
        self.assertEqual(ask(stream), [])

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
