# SPDX-License-Identifier: MIT
"""A name means one row: in upper or lower case, as a pattern, by its address, and the living before those that are gone."""

import signal

from lab import LanTest, main


class Names(LanTest):
    HOSTS = 2

    def test_ways_to_name_a_peer(self):
        self.here.announce("nas", "--service", "http:80", "--service", "smb:445")
        self.there.announce("Printer", "--service", "http:8080")
        self.assertEqual(self.here.run("peers", "PRINT*", "--expect", "1", "--timeout", "20").code, 0)
        for asked in ("nas", "NAS", "n?s", "name:nas"):
            self.assertEqual(self.there.run("wait", asked).code, 0)
            self.assertEqual(self.there.run("show", asked).out.split("\n")[0], "nas")
        self.assertEqual(self.there.run("show", self.here.address).out.split("\n")[0], "nas")
        for asked in (["nas/http"], ["NAS/HTTP"], ["http", "--name", "nas"], ["http", "--name", "n*"]):
            self.assertEqual(self.there.run("resolve", *asked).out, f"{self.here.address}:80\n", asked)
        self.assertEqual(self.there.run("resolve", self.there.address).out, f"{self.there.address}:8080\n")
        self.assertEqual([row["name"] for row in self.here.peers("PRINT*")], ["Printer"])
        self.assertEqual([row["name"] for row in self.here.peers(self.there.address)], ["Printer"])
        self.assertIn("smb", self.there.run("services", "nas").out)
        listing = self.there.run("resolve", "nas/ipp")
        self.check_refused(listing, "'nas/ipp' among 2 peers", "nas offers http:80, smb:445", code=4)
        self.check_refused(self.there.run("resolve", "priter"), "did you mean 'Printer'?", code=4)

    def test_the_living_come_first(self):
        keeper = self.here.announce("keeper")
        self.assertEqual(self.here.run("wait", "keeper").code, 0)
        first = self.there.announce("nas", "--service", "http:80")
        self.assertEqual(self.here.run("wait", "nas").code, 0)
        self.assertEqual(first.stop().code, 0)
        self.assertEqual(self.here.run("wait", "--gone", "nas").code, 0)
        self.check_refused(self.here.run("resolve", "nas"), "among 1 peer, and 1 that is gone", "nas has left", code=4)
        self.assertIn("left", self.here.run("show", "nas").out)
        self.there.announce("nas", "--instance", "another", "--service", "http:81")
        self.assertEqual(self.here.run("wait", "nas").code, 0)
        shown = self.here.run("show", "nas")
        self.assertEqual((shown.code, shown.error.count("\n")), (0, 1), shown.describe())
        self.assertIn("http:81", shown.out)
        self.assertIn("'nas' means 1 more that is gone", shown.error)
        self.assertIsNone(keeper.code)

    def test_a_publisher_beside_an_announce_is_another_name(self):
        self.here.start("announce")
        watch = self.there.watch()
        _, event = watch.await_event("joined")
        self.here.start("publish", "--topic", "t")
        watch.await_event("joined", name=f"{event['name']}+publish")

    def test_a_watch_of_some(self):
        """Of some peers, some events, and with what changed; also when that takes away what was asked for."""
        format = "{event} {name} {changes}"
        of_type = self.there.start("watch", "http", "--format", format)
        of_event = self.there.start("watch", "nas", "--event", "joined,left", "--format", format)
        lines = self.there.start("watch", "NA?")
        self.there.announce("other", "--service", "smb:445")
        peer = self.here.announce("nas", "--service", "http:80", "--attr", "room=cellar")
        for watch, line in ((of_type, "joined nas -"), (of_event, "joined nas -"), (lines, "http:80")):
            self.lan.wait_for(lambda: line in watch.out, f"it is there: {line}")
        change = ["--remove", "http:80", "--service", "ipp:631", "--attr", "room=attic", "--remove-attr", "no"]
        self.assertEqual(self.here.run("update", *change[:-2]).code, 0)
        self.lan.wait_for(lambda: "changed nas -http:80,+ipp:631,room=attic" in of_type.out, "the change")
        self.lan.wait_for(lambda: "-http:80 +ipp:631 room=attic" in lines.out, "the change in a line")
        peer.stop()
        self.lan.wait_for(lambda: of_event.out == "joined nas -\nleft nas -\n", "that it has left")
        self.assertNotIn("other", of_type.out + lines.out)

    def test_who_is_alone_is_told(self):
        self.here.announce("nas")
        alone = self.here.run("peers")
        self.assertEqual((alone.code, alone.error.count("\n")), (0, 1), alone.describe())
        self.assertIn("nobody else was heard on", alone.error)
        self.there.announce("other")
        self.assertEqual(self.here.run("wait", "other").code, 0)
        self.assertEqual(self.here.run("peers").error, "")

    def test_a_quick_restart_keeps_its_identity(self):
        """The muster that is ending still holds the key when the next one starts."""
        first = self.there.announce("nas")
        watch = self.here.watch()
        _, event = watch.await_event("joined", name="nas")
        first.signal(signal.SIGSTOP)
        second = self.there.start("announce", "--name", "nas")
        self.lan.never(lambda: second.error or second.done, "it took another instance", 0.5)
        first.signal(signal.SIGKILL)
        watch.await_event("restarted", id=event["id"])
        self.assertNotIn("+2", second.error)


if __name__ == "__main__":
    main()
