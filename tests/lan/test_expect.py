# SPDX-License-Identifier: MIT
"""`muster peers --expect N`: a listing that waits for so many, and says when they are fewer."""

import signal

from lab import LanTest, main
from wire import Peer


class Expect(LanTest):
    HOSTS = 2

    def announce(self, *names):
        for name in names:
            self.there.announce(name)
            self.assertEqual(self.here.run("wait", name).code, 0)

    def fewer(self, result, complaint, code=4):
        self.assertEqual(result.code, code, result.describe())
        self.assertEqual(result.error, f"muster peers: {complaint}\n")

    def test_enough(self):
        """All who are there are listed, without waiting for --timeout."""
        self.announce("a", "b", "c")
        for expected in ("1", "3"):
            result = self.here.run("peers", "--expect", expected, "--timeout", "60", deadline_s=20)
            self.assertEqual((result.code, result.error, len(result.lines)), (0, "", 4), result.describe())

    def test_fewer(self):
        self.announce("a", "b")
        result = self.here.run("peers", "--expect", "3", "--timeout", "1")
        self.fewer(result, "expected 3 peers, found 2")
        self.assertEqual(len(result.lines), 3, "they are listed nevertheless")
        result = self.here.run("peers", "--expect", "3", "--timeout", "1", "--json")
        self.fewer(result, "expected 3 peers, found 2")
        self.assertEqual([peer["name"] for peer in result.json()["peers"]], ["a", "b"])

    def test_nobody(self):
        self.fewer(self.here.run("peers", "--expect", "1", "--timeout", "1"), "expected 1 peer, found 0")

    def test_cut_off(self):
        result = self.here.run("peers", "--expect", "2", "--timeout", "1ms", "--json")
        self.fewer(result, "expected 2 peers, found 0 before the answers were in", 124)
        self.assertTrue(result.json()["cut_off"])

    def test_one_that_is_stopped(self):
        """A running muster that does not answer says nothing about who is there."""
        keeper = self.here.announce("keeper")
        keeper.signal(signal.SIGSTOP)
        result = self.here.run("peers", "--expect", "1", "--timeout", "1")
        self.fewer(result, "expected 1 peer, found 0 before the answers were in", 124)
        keeper.signal(signal.SIGCONT)

    def test_it_waits_for_who_is_missing(self):
        self.announce("a")
        look = self.here.start("peers", "--expect", "2", "--timeout", "60")
        self.lan.never(lambda: look.code is not None, "it waits", 1.0)
        self.there.announce("b")
        look.finish()
        self.assertEqual((look.code, look.error, len(look.lines)), (0, "", 3), look.describe())

    def test_only_what_passes_the_filters_counts(self):
        self.announce("node1", "node2", "other")
        result = self.here.run("peers", "node*", "--expect", "3", "--timeout", "1")
        self.fewer(result, "expected 3 peers for 'node*', found 2")
        self.assertEqual(self.here.run("peers", "node*", "--expect", "2").code, 0)
        result = self.here.run("peers", "--state", "left", "--expect", "1", "--timeout", "1")
        self.fewer(result, "expected 1 peer, found 0")

    def test_a_change_while_it_waits(self):
        """One who is heard, and then leaves, is seen in the state that is asked for."""
        peer = Peer(self.there, "a")
        look = self.here.start("peers", "--state", "left", "--expect", "1", "--timeout", "60")
        self.lan.wait_for(lambda: peer.answers, "the look asks")
        self.lan.never(lambda: look.code is not None, "it waits", 1.0)
        peer.leave()
        look.finish()
        self.assertEqual((look.code, len(look.lines)), (0, 2), look.describe())


if __name__ == "__main__":
    main()
