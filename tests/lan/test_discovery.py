# SPDX-License-Identifier: MIT
"""Who starts is seen by everyone, what changes is seen by everyone."""

import signal
import time

from lab import MUSTER, LanTest, main, note
from wire import Peer, answered

HOSTS = 8


def name_of(host):
    return f"host{host.number}"


def names(rows):
    return sorted(row["name"] for row in rows)


class Everyone(LanTest):
    def see_everyone(self, lab):
        """All hosts start at once; returns how long after the last start the last host saw the last one."""
        everyone = sorted(name_of(host) for host in lab.hosts)
        watches = [host.watch() for host in lab.hosts]
        for host in lab.hosts:
            host.start("announce", "--name", name_of(host), "--service", f"http:{8000 + host.number}")
        started = time.monotonic()

        def all_joined():
            return all(names(e for _, e in watch.events("joined")) == everyone for watch in watches)

        lab.wait_for(all_joined, "everyone sees everyone")
        return max(watch.events("joined")[-1][0] for watch in watches) - started

    def list_everyone(self, lab):
        """`muster peers --direct` on every host lists every host. Returns how long the slowest took."""
        started = time.monotonic()
        listings = [host.start("peers", "--direct", "--json") for host in lab.hosts]
        for listing in listings:
            listing.finish()
        took = time.monotonic() - started
        for host, listing in zip(lab.hosts, listings):
            self.assertEqual(listing.code, 0, listing.describe())
            rows = listing.json()["peers"]
            self.assertEqual(names(rows), sorted(map(name_of, lab.hosts)), listing.describe())
            for row in rows:
                self.assertEqual((row["state"], row["verified"]), ("alive", True), listing.describe())
                port = 8000 + int(row["name"].removeprefix("host"))
                self.assertEqual([s["port"] for s in row["services"]], [port])
                if lab.isolated:
                    self.assertEqual(row["address"], lab.hosts[port - 8001].address)
                self.assertEqual(row["interface"], host.interface)
        return took

    def test_eight_hosts(self):
        lab = self.lab(HOSTS)
        note(f"8 hosts: everyone saw everyone {self.see_everyone(lab):.3f} s after the last start")
        note(f"8 hosts: the slowest of 8 `muster peers` at once took {self.list_everyone(lab):.3f} s")

    def test_eight_hosts_that_lose_a_tenth(self):
        lab = self.lab(HOSTS)
        lab.require_isolation()
        for host in lab.hosts:
            host.lose_incoming(10)
        note(f"8 hosts, 10 % lost: everyone saw everyone {self.see_everyone(lab):.3f} s after the last start")
        note(f"8 hosts, 10 % lost: the slowest of 8 `muster peers --direct` took {self.list_everyone(lab):.3f} s")

    def test_a_start_proves_itself_to_many(self):
        """One announce to the group repeats the nonces of all that said one."""
        lab = self.lab(2)
        peers = [Peer(lab.hosts[0], f"peer{number}") for number in range(3)]
        lab.hosts[1].start("announce", "--name", "node")

        def announces():
            return [header for _, header in peers[0].ear.messages("announce", name="node")]

        nonces = {peer.nonce for peer in peers}
        # Who starts hears of the others by their answers to its question, and then what they say.
        lab.wait_for(lambda: announces(), "the start")
        for peer in peers:
            peer.announce()
        lab.wait_for(lambda: any(nonces <= set(answered(header)) for header in announces()), "one proof for all")

    def test_listing_right_after_the_start(self):
        """Whoever looks at once, while the others still start, sees them all before long."""
        lab = self.lab(HOSTS)
        everyone = sorted(map(name_of, lab.hosts))
        for host in lab.hosts:
            host.start("announce", "--name", name_of(host))
        started = time.monotonic()
        last = lab.hosts[-1]
        lab.wait_for(lambda: names(last.peers()) == everyone, "everyone listed")
        note(f"8 hosts: `muster peers` was complete {time.monotonic() - started:.3f} s after the last start")


class Change(LanTest):
    def test_a_service_changes(self):
        lab = self.lab(2)
        here, there = lab.hosts
        watch = there.watch()
        here.announce("nas", "--service", "http:8080", "--attr", "room=attic")
        _, joined = watch.await_event("joined", name="nas")
        self.assertEqual([s["port"] for s in joined["services"]], [8080])

        changes = ("--service", "http:8081", "--remove", "http:8080", "--attr", "room=cellar")
        self.assertEqual(here.run("update", *changes).code, 0)
        written = time.monotonic()

        def changed():
            events = watch.events("changed", name="nas")
            return events and [s["port"] for s in events[-1][1]["services"]] == [8081] and events

        stamp, event = lab.wait_for(changed, "the change is seen")[-1]
        note(f"a change was seen after {stamp - written:.3f} s")
        self.assertEqual(event["id"], joined["id"])

        def settled():
            (row,) = there.peers()
            return row["attrs"] == {"room": "cellar"} and [s["port"] for s in row["services"]] == [8081]

        lab.wait_for(settled, "the listing shows the change")
        self.assertFalse(watch.events("joined", "left", "lost", "restarted")[1:])


class Signals(LanTest):
    def test_what_is_ignored_at_the_start_stays_ignored(self):
        """nohup, and the interrupt of a shell that runs it in the background."""
        lab = self.lab(1)
        (host,) = lab.hosts
        watch = host.watch()
        script = 'trap "" HUP INT; exec "$0" announce --name nas'
        peer = host.start_program("sh", "-c", script, MUSTER)
        watch.await_event("joined", name="nas")
        peer.signal(signal.SIGHUP)
        peer.signal(signal.SIGINT)
        for turn in ("1", "2"):  # signals are seen at the end of a turn
            self.assertEqual(host.run("update", "--attr", f"turn={turn}").code, 0)
            watch.await_event("changed", attrs={"turn": turn})
        self.assertIsNone(peer.code)
        self.assertEqual(peer.stop().code, 0)
        watch.await_event("left", name="nas")

    def test_hanging_up_ends_it_otherwise(self):
        lab = self.lab(1)
        (host,) = lab.hosts
        watch = host.watch()
        peer = host.announce("nas")
        watch.await_event("joined", name="nas")
        peer.signal(signal.SIGHUP)
        self.assertEqual(peer.finish().code, 0)


class Finding(LanTest):
    """The questions that scripts ask."""

    HOSTS = 2

    def setUp(self):
        super().setUp()
        watch = self.here.watch()
        self.there.announce("printer", "--service", "ipp:631,name=Upstairs,txt.rp=ipp/print")
        self.there.announce("nas", "--service", "smb:445", "--service", "http:8080")
        for name in ("printer", "nas"):
            watch.await_event("joined", name=name)

    def test_resolve(self):
        by_type = self.here.run("resolve", "ipp")
        self.assertEqual((by_type.code, by_type.out), (0, f"{self.there.address}:631\n"))
        by_name = self.here.run("resolve", "nas")
        self.assertEqual(by_name.code, 0)
        expected = sorted(f"{self.there.address}:{port}" for port in (445, 8080))
        self.assertEqual(sorted(by_name.out.split()), expected)
        self.assertEqual(self.here.run("resolve", "gopher").code, 4)

    def test_services(self):
        rows = self.here.json("services", "--json")["services"]
        self.assertEqual(sorted(row["port"] for row in rows), [445, 631, 8080])
        (printer,) = self.here.json("services", "ipp", "--json")["services"]
        self.assertEqual((printer["name"], printer["txt"]), ("Upstairs", {"rp": "ipp/print"}))
        lines = self.here.run("services", "http", "--format", "{address}:{port}")
        self.assertEqual((lines.code, lines.out), (0, f"{self.there.address}:8080\n"))
        self.assertEqual(self.here.run("services", "gopher").code, 4)

    def test_what_was_brought_from_elsewhere(self):
        """Two bridges bring one printer, which is listed once, under its own name and address."""
        spec = "ipp:631,origin=site-b,host=printer,name=Flur,at=10.20.0.9"
        watch = self.here.watch()
        for name in ("bridge", "bridge2"):
            self.there.announce(name, "--service", spec)
            _, event = watch.await_event("joined", name=name)
            (service,) = event["services"]
            self.assertEqual([service[member] for member in ("origin", "host", "addresses")], ["site-b", "printer", ["10.20.0.9"]])
        rows = self.here.json("services", "ipp", "--json")["services"]
        self.assertEqual([(row.get("host"), row["address"]) for row in rows], [(None, self.there.address), ("printer", "10.20.0.9")])
        self.assertIn("printer~site-b", self.here.run("services", "ipp").out)
        for wanted in ("printer~site-b", "printer~site-b/ipp", "*~site-b", "10.20.0.9"):
            resolved = self.here.run("resolve", wanted)
            self.assertEqual((resolved.code, resolved.out), (0, "10.20.0.9:631\n"), resolved.describe())
        self.assertEqual(self.here.run("resolve", "printer").out, f"{self.there.address}:631\n")
        self.assertEqual(self.here.run("resolve", "bridge").code, 4)
        self.assertEqual(self.here.run("wait", "printer~site-b").code, 0)
        self.assertIn("ipp:631~site-b  of printer  at 10.20.0.9  \"Flur\"", self.here.run("show", "bridge").out)
        self.assertIn("bridge", self.here.run("why", "printer~site-b").out)

    def test_peers_by_pattern(self):
        self.assertEqual(names(self.here.peers("pr*")), ["printer"])
        self.assertEqual(names(self.here.peers()), ["nas", "printer"])
        nothing = self.here.run("peers", "x*")
        self.assertEqual((nothing.code, nothing.error.count("\n")), (4, 1), nothing.describe())

    def test_show(self):
        shown = self.here.json("show", "printer", "--json")
        (peer,) = shown["peers"]
        self.assertEqual(peer["name"], "printer")
        for evidence in peer["tuples"]:
            self.assertEqual(evidence["protocol"], "udp")
            self.assertEqual(evidence["source_address"], self.there.address)
            self.assertEqual(evidence["source_port"], peer["port"])
            self.assertEqual(evidence["interface"], self.here.interface)
            self.assertGreaterEqual(evidence["count"], 1)
        self.assertTrue(peer["tuples"])
        text = self.here.run("show", "printer")
        self.assertEqual(text.code, 0)
        for word in ("printer", peer["id"], "ipp", "631", self.there.address, "Upstairs"):
            self.assertIn(word, text.out)
        self.assertEqual(self.here.run("show", "nobody-of-this-name").code, 4)

    def test_topics(self):
        topics = [
            {"name": "kitchen/climate", "units": {"temperature": "Cel", "humidity": "%RH"}},
            {"name": "power", "unit": "W"},
        ]
        watch = self.here.watch()
        Peer(self.there, "meter", topics=[topics[0], topics[1] | {"units": {}, "weight": 7}], sent={"7": 12})
        _, event = watch.await_event("joined", name="meter")
        self.assertEqual(event["topics"], topics)
        rows = {row["name"]: row["topics"] for row in self.here.peers()}
        self.assertEqual(rows, {"meter": topics, "nas": [], "printer": []})
        (row,) = self.here.json("show", "meter", "--json")["peers"]
        self.assertEqual(row["topics"], topics)
        text = self.here.run("show", "meter").out
        self.assertIn("  Topics      kitchen/climate  temperature=Cel humidity=%RH\n              power  W\n", text)
        self.assertNotIn("Topics", self.here.run("show", "nas").out)

    def test_show_of_two(self):
        """JSON shows both; text names them, and is an error."""
        watch = self.here.watch()
        self.here.announce("nas", "--instance", "other")
        self.lan.wait_for(lambda: len(watch.events("joined", name="nas")) == 2, "two of one name")
        self.lan.wait_for(lambda: len(self.here.peers("nas")) == 2, "the running muster lists both")
        shown = self.here.run("show", "nas", "--json")
        self.assertEqual((shown.code, shown.error), (0, ""), shown.describe())
        rows = shown.json()["peers"]
        self.assertEqual(names(rows), ["nas", "nas"])
        text = self.here.run("show", "nas")
        self.assertEqual((text.code, text.out), (1, ""), text.describe())
        for row in rows:
            self.assertIn(f"id:{row['id']}", text.error)
            self.assertEqual(self.here.run("show", f"id:{row['id']}").code, 0)

    def test_a_look_that_is_cut_off(self):
        """It found nothing yet, which does not mean that nobody is there."""
        for command in (["peers"], ["peers", "x*"], ["services"], ["show", "nas"], ["resolve", "ipp"]):
            for options in ([], ["--json"]):
                result = self.here.run(*command, *options, "--timeout", "1ms")
                found = result.code == 0
                with self.subTest(command=command, options=options):
                    self.assertIn(result.code, (0, 124), result.describe())
                    self.assertEqual(result.error.count("\n"), 1, result.describe())
                    self.assertIn("there may be more" if found else "nothing found so far", result.error)
                    if options:
                        rows = result.json()["services" if command[0] in ("services", "resolve") else "peers"]
                        self.assertEqual(bool(rows), found)

    def test_wait(self):
        self.assertEqual(self.here.run("wait", "ipp", "--timeout", "10").code, 0)
        self.assertEqual(self.here.run("wait", "nas", "--timeout", "10").code, 0)
        waiting = self.here.start("wait", "http", "--count", "2", "--timeout", "15")
        self.there.announce("web", "--service", "http:80")
        self.assertEqual(waiting.finish().code, 0, waiting.describe())
        late = self.here.run("wait", "gopher", "--timeout", "0.5")
        self.assertEqual(late.code, 124, late.describe())

    def test_looking_leaves_no_row(self):
        watch = self.there.watch()
        for name in ("nas", "printer"):
            watch.await_event("joined", name=name)
        self.here.run("peers")
        self.here.run("services")
        self.here.run("show", "nas")
        self.assertEqual(names(self.here.peers()), ["nas", "printer"])
        self.assertEqual(names(e for _, e in watch.events("joined")), ["nas", "printer"])


if __name__ == "__main__":
    main()
