# SPDX-License-Identifier: MIT
"""Peers that are named by their addresses, because a router is between: seen both ways, and lost when they die."""

import contextlib
import pathlib
import signal
import socket

from lab import MUSTER, LanTest, main


class Routed(LanTest):
    def setUp(self):
        super().setUp()
        self.lan = self.lab(3)
        self.lan.require_isolation()
        self.here, self.router, self.there = self.lan.hosts
        # A second network behind the router: all are on one switch, but neither hears the other's groups.
        self.router.ip("addr add 10.78.0.1/24 dev eth0")
        self.there.ip("route flush dev eth0", "addr flush dev eth0", "addr add 10.78.0.3/24 brd + dev eth0",
                      "route add default via 10.78.0.1")  # fmt: skip
        self.there.address = "10.78.0.3"
        self.here.ip("route replace default via 10.77.0.2")
        settings = {"ip_forward": "1", "conf/all/send_redirects": "0", "conf/eth0/send_redirects": "0"}
        with self.router.inside():
            for name, value in settings.items():
                pathlib.Path("/proc/sys/net/ipv4", name).write_text(value, encoding="ascii")
        for host in (self.here, self.there):
            host.drop_incoming("ip ttl 255")  # what passed no router

    def row(self, host, name):
        rows = [row for row in host.peers() if row["name"] == name]
        return rows[0] if rows else None

    def check_seen(self, host, name, address):
        row = self.lan.wait_for(lambda: self.row(host, name), f"{name} is seen")
        self.assertEqual((row["state"], row["verified"], row["address"]), ("alive", True, address))
        self.assertEqual(row["paths"], ["u4"])

    def test_both_ways(self):
        watch = None
        near = self.here.announce("near", "--peer", "10.78.0.3")
        far = self.there.announce("far", "--peer", "10.77.0.1:19798")
        watch = self.here.watch()
        self.check_seen(self.here, "far", "10.78.0.3")
        self.check_seen(self.there, "near", "10.77.0.1")
        self.assertEqual(self.here.run("update", "--attr", "load=high").code, 0)
        self.lan.wait_for(lambda: self.row(self.there, "near")["attrs"] == {"load": "high"}, "the change is told")
        far.signal(signal.SIGKILL)
        watch.await_event("lost", name="far")
        self.there.announce("far", "--peer", "10.77.0.1")
        watch.await_event("restarted", name="far")
        self.assertEqual(near.stop().code, 0)
        self.lan.wait_for(lambda: self.row(self.there, "near")["state"] == "left", "the bye is told")

    def test_a_large_document(self):
        """It comes by TCP, which passes the router between those that name each other, and between nobody else."""
        attrs = {f"key{number}": "x" * 200 for number in range(20)}
        words = [word for key, value in attrs.items() for word in ("--attr", f"{key}={value}")]
        self.there.announce("far", "--peer", "10.77.0.1", *words)
        self.here.announce("near", "--peer", "10.78.0.3")
        self.lan.wait_for(lambda: (row := self.row(self.here, "far")) and row["attrs"] == attrs, "its attributes")
        for cookies in ("1", "2"):  # 2: the kernel keeps nothing of a handshake, as in a flood of them
            with self.there.inside():
                pathlib.Path("/proc/sys/net/ipv4/tcp_syncookies").write_text(cookies, encoding="ascii")
            self.check_stranger()

    def check_stranger(self):
        with self.router.inside():  # on the link of both, but no peer of theirs: with a TTL of 64, as from afar
            stranger = socket.create_connection(("10.78.0.3", 19798))
        self.addCleanup(stranger.close)
        stranger.settimeout(30)
        with contextlib.suppress(ConnectionError):
            stranger.sendall(b'{"muster":1,"request":"table"}\n')
            self.assertEqual(stranger.recv(1), b"", "nothing is answered")

    def test_a_look(self):
        """A command that looks asks the named peer, and no muster of its own machine."""
        self.there.announce("far", "--peer", "10.77.0.1")
        listing = self.here.run("peers", "--peer", "10.78.0.3")
        self.assertEqual(listing.code, 0, listing.describe())
        self.assertIn("far", listing.out)
        self.assertIn("u4", listing.out)

    def test_one_side_alone(self):
        """Who is not named is not heard through a router. The drop is counted, and who asks says so."""
        said = "peer 10.78.0.3 does not answer at UDP port 19798: it does not run, a firewall"
        self.there.announce("far")
        near = self.here.announce("near", "--peer", "10.78.0.3")
        self.lan.wait_for(lambda: self.drops(self.there, "ttl") > 0, "its questions are dropped")
        self.assertIsNone(self.row(self.there, "near"))
        self.assertIsNone(self.row(self.here, "far"))
        look = self.here.run("peers", "--peer", "10.78.0.3")
        self.assertEqual(look.code, 3, look.describe())
        self.assertIn(said, look.error)
        self.lan.wait_for(lambda: said in near.error, "it is told")
        self.assertEqual(near.error.count(said), 1)

    def drops(self, host, reason):
        return host.json("peers", "--json")["drops"][reason]

    def test_a_name(self):
        """A name that comes to be known later is resolved then, and the peer is asked."""
        hosts = self.lan.directory / "hosts"
        hosts.write_text("127.0.0.1 localhost\n")
        self.there.announce("far", "--peer", "10.77.0.1")
        mount = 'mount --bind "$0" /etc/hosts && exec "$@"'
        near = self.here.start_program(
            "unshare", "-m", "sh", "-c", mount, str(hosts),
            MUSTER, "announce", "--name", "near", "--peer", "far.example")  # fmt: skip
        self.lan.wait_for(lambda: "peer far.example can't be resolved" in near.error, "a warning")
        self.assertIsNone(self.row(self.here, "far"))
        hosts.write_text("127.0.0.1 localhost\n10.78.0.3 far.example\n")
        self.check_seen(self.here, "far", "10.78.0.3")
        self.assertEqual(near.error.count("can't be resolved"), 1)

    def test_the_end_waits_for_no_resolver(self):
        """Who asks one that does not answer says bye and ends all the same, long before the question does."""
        settings = self.lan.directory / "resolv.conf"
        settings.write_text("nameserver 10.77.0.2\noptions timeout:30 attempts:5\n")
        mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        with contextlib.closing(self.router.socket()) as resolver:
            resolver.bind(("10.77.0.2", 53))
            resolver.setblocking(False)

            def is_asked():
                with contextlib.suppress(BlockingIOError):
                    return b"example" in resolver.recv(1500)

            def start(*command):
                process = self.here.start_program(
                    "unshare", "-m", "sh", "-c", mount, str(settings), MUSTER, *command, "--peer", "far.example")  # fmt: skip
                self.lan.wait_for(is_asked, "the resolver is asked")
                return process

            near = start("announce", "--name", "near")
            self.lan.wait_for(lambda: "near is" in near.error, "near runs")
            self.assertEqual(near.stop().code, 0)
            self.assertIn("firewall", start("doctor").finish().out)

    def test_what_names_no_peer(self):
        for text, reason in (("fd00::1", "stands in brackets"), ("far:0", "a port is"), ("224.0.0.1", "no host"),
                             ("[fe80::1]", "needs its interface")):  # fmt: skip
            self.check_refused(self.here.run("peers", "--peer", text), reason, code=2)


if __name__ == "__main__":
    main()
