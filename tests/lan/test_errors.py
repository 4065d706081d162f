# SPDX-License-Identifier: MIT
"""What can go wrong on a host ends with 1 and one clear line; what was not found has its own exit code."""

import json
import socket

from lab import MUSTER, UNICAST_PORTS, LanTest, main


class Errors(LanTest):
    HOSTS = 2

    def id_of(self, name):
        """Announces, learns the id from another host, and stops."""
        watch = self.there.watch()
        peer = self.here.announce(name)
        _, event = watch.await_event("joined", name=name)
        self.assertEqual(peer.stop().code, 0)
        watch.stop()
        return event["id"]

    # ---- the network ----

    def test_unknown_interface(self):
        """Who only looks says so and ends; who stays waits for it."""
        for command in (["peers"], ["services"], ["resolve", "x"], ["show", "x"], ["topics"]):
            self.check_refused(self.here.run("--interface", "nope0", *command), "no interface to use", "nope0 is not there", code=3)
        for command in (["announce", "--name", "x"], ["watch"], ["wait", "x"], ["subscribe", "#"], ["publish", "x", "1"]):
            process = self.here.start("--interface", "nope0", *command)
            self.lan.wait_for(lambda: "nope0 is not there" in process.error, f"a word of {command}")
            self.assertIn("no interface to use yet", process.error)
        there = self.there.announce("peer")
        self.assertEqual(self.here.run("wait", "peer").code, 0)
        listing = self.here.run("--interface", f"{self.here.interface},nope0", "peers")
        self.assertEqual((listing.code, listing.error.count("\n")), (0, 1), listing.describe())
        self.assertIn("nope0 is left out", listing.error)
        self.assertIsNone(there.code)

    def test_no_usable_interface(self):
        self.lan.require_isolation()
        self.here.ip("link set eth0 down", "link set lo down")
        self.check_refused(self.here.run("peers", MUSTER_INTERFACE=None), "no network", "eth0 is down", code=3)

    def test_the_loopback_is_not_settled_on(self):
        self.lan.require_isolation()
        self.here.ip("link set eth0 down")
        alone = self.here.start("announce", "--name", "alone", MUSTER_INTERFACE=None)
        said = "no network yet: only programs of this machine can hear me"
        self.lan.wait_for(lambda: said in alone.error, "what it lacks")
        listing = self.here.run("peers", MUSTER_INTERFACE=None)
        self.assertEqual(listing.code, 0, listing.describe())
        self.assertIn("alone", listing.out)
        self.assertNotIn("127.0.0.1", listing.out)
        self.check_refused(self.here.run("peers", "--direct", MUSTER_INTERFACE=None), "no network", code=3)
        self.here.start("announce", "--name", "local", MUSTER_INTERFACE="lo")
        self.assertEqual(self.here.run("wait", "local", MUSTER_INTERFACE="lo").code, 0)

    def test_all_unicast_ports_taken(self):
        """It says so and goes on with another port."""
        self.take_unicast_ports()
        watch = self.there.watch()
        peer = self.here.announce("late", "--service", "http:80")
        watch.await_event("joined", name="late")
        warnings = [line for line in peer.error.splitlines() if "port" in line and "taken" in line]
        self.assertEqual(len(warnings), 1, peer.describe())
        self.assertIsNone(peer.code)

    def take_unicast_ports(self):
        for port in range(self.lan.port + 1, self.lan.port + 1 + UNICAST_PORTS):
            taken = self.here.socket(socket.SOCK_DGRAM)
            self.addCleanup(taken.close)
            taken.bind(("", port))

    def test_warnings_of_a_start_that_fails(self):
        """What could be gone on with is not said where nothing goes on."""
        self.take_unicast_ports()
        warned = self.here.run("--log-level", "error", "peers")
        self.assertEqual((warned.code, warned.error.count("\n")), (3, 1), warned.describe())
        warned = self.here.run("peers")
        self.assertEqual((warned.code, warned.error.count("\n")), (3, 2), warned.describe())
        self.assertIn("taken", warned.error)
        blocked = self.lan.directory / "file"
        blocked.write_text("not a directory")
        path = str(blocked / "state")
        self.check_refused(self.here.run("--state-dir", path, "announce", "--name", "x"), path)

    def test_one_unicast_port_taken(self):
        taken = self.here.socket(socket.SOCK_DGRAM)
        self.addCleanup(taken.close)
        taken.bind(("", self.lan.port + 1))
        peer = self.here.announce("second")
        self.assertEqual(self.there.run("wait", "second").code, 0)
        (row,) = self.there.peers()
        self.assertEqual(row["port"], self.lan.port + 2)
        self.assertEqual(peer.error.count("\n"), 1, peer.describe())

    # ---- the state directory ----

    def test_state_directory_that_cannot_be(self):
        blocked = self.lan.directory / "file"
        blocked.write_text("not a directory")
        path = str(blocked / "state")
        self.check_refused(self.here.run("--state-dir", path, "announce", "--name", "x"), path)
        self.check_refused(self.here.run("announce", "--name", "x", MUSTER_STATE=path), path)
        self.assertEqual(self.here.run("peers", MUSTER_STATE=path).code, 3)

    def test_damaged_key(self):
        """It is set aside, said, and replaced only by the next start."""
        before = self.id_of("nas")
        slot = self.here.state / "nas"
        for junk in (b"", b"junk", (slot / "key").read_bytes()[:-2], b"0" * 128 + b"\n", b"\0" * 500):
            (slot / "key").write_bytes(junk)
            self.check_refused(self.here.run("announce", "--name", "nas"), str(slot / "key"), "damaged", "set aside")
            self.assertFalse((slot / "key").exists())
            self.assertIn(junk, [path.read_bytes() for path in slot.glob("key.damaged-*")])
            after = self.id_of("nas")
            self.assertNotEqual(after, before)
            before = after
        self.assertEqual(self.id_of("nas"), before)

    def test_damaged_boot(self):
        self.id_of("nas")
        slot = self.here.state / "nas"
        for junk in (b"", b"-1\n", b"1e9\n", b"9" * 40 + b"\n"):
            (slot / "boot").write_bytes(junk)
            self.check_refused(self.here.run("announce", "--name", "nas"), str(slot / "boot"), "damaged")
            self.id_of("nas")

    def test_the_key_is_private(self):
        self.id_of("nas")
        slot = self.here.state / "nas"
        self.assertEqual(slot.stat().st_mode & 0o777, 0o700)
        for path in slot.iterdir():
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)

    def test_too_big_a_document(self):
        attrs = [argument for number in range(300) for argument in ("--attr", f"a{number}=" + "v" * 250)]
        self.check_refused(self.here.run("announce", "--name", "big", *attrs), "too big")

    # ---- output ----

    def test_output_that_cannot_be_written(self):
        self.there.announce("peer", "--service", "http:80")
        self.assertEqual(self.here.run("wait", "peer").code, 0)
        for command in ("peers", "peers --json", "services --json", "show peer", "--help"):
            script = f'exec "$0" {command} >/dev/full'
            result = self.here.start_program("sh", "-c", script, MUSTER).finish()
            self.check_refused(result)

    def test_a_reader_that_goes_away_ends_a_watch(self):
        self.there.announce("peer")
        script = '"$0" watch --ndjson | head -n 1'
        result = self.here.start_program("sh", "-c", script, MUSTER).finish()
        self.assertIn('"joined"', result.out)
        self.assertEqual(result.error, "")

    # ---- exit codes ----

    def test_nobody(self):
        for command in (["peers"], ["services"], ["topics"], ["show", "x"], ["resolve", "x"]):
            result = self.here.run(*command)
            self.check_refused(result, self.here.interface, "muster doctor", code=3)
        result = self.here.run("peers", "--json")
        self.assertEqual(result.code, 3, result.describe())
        self.assertNotIn(0, json.loads(result.out)["drops"].values())

    def test_no_network(self):
        """--json prints a document all the same, as of nobody who was heard; why is on standard error."""
        self.lan.require_isolation()
        self.here.ip(f"link set {self.here.interface} down")
        for name, *command in (("peers", "peers"), ("services", "services"), ("topics", "topics"), ("peers", "show", "x"), ("rows", "why", "x")):
            result = self.here.run(*command, "--json")
            self.assertEqual((result.code, result.json()[name]), (3, []), result.describe())
            self.assertIn("no network yet", result.error)

    def test_a_firewall_of_this_host_is_suspected(self):
        """Nobody is heard, and not even what this host has sent."""
        self.lan.require_isolation()
        self.here.nft("table ip lab { chain in { type filter hook input priority 0; drop; }; }")
        self.here.use_families(4)
        self.check_refused(self.here.run("peers"), "not even what this host sent", "firewall", "muster doctor", code=3)

    def test_nothing(self):
        self.there.announce("peer", "--service", "http:80")
        self.assertEqual(self.here.run("wait", "peer").code, 0)
        for command in (["peers", "x*"], ["services", "ipp"], ["topics", "#"], ["show", "x"], ["resolve", "ipp"]):
            result = self.here.run(*command)
            self.check_refused(result, code=4)

    def test_timed_out(self):
        for command in (["wait", "x"], ["watch"]):
            result = self.here.run(*command, "--timeout", "0.3")
            self.assertEqual(result.code, 124, result.describe())
            self.assertEqual(result.out, "")
        for command in (["peers"], ["services"], ["topics"], ["show", "x"], ["resolve", "x"]):
            result = self.here.run(*command, "--timeout", "1ms")
            self.check_refused(result, "--timeout", code=124)


if __name__ == "__main__":
    main()
