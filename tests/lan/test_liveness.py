# SPDX-License-Identifier: MIT
"""Who leaves, dies, stalls and comes back, and how soon the others know."""

import signal
import time

from lab import LanTest, main, note
from wire import Ear

# What the promises of the format allow, and what a busy test machine is forgiven on top.
LEFT_S = 1.0
LOST_S = 3.0
SLACK_S = 2.0


class Liveness(LanTest):
    HOSTS = 3

    def setUp(self):
        super().setUp()
        self.watch = self.here.watch()
        self.peer = self.there.announce("peer", "--service", "http:80")
        self.third.announce("bystander")
        _, self.joined = self.watch.await_event("joined", name="peer")
        self.watch.await_event("joined", name="bystander")

    def state(self):
        return [row["state"] for row in self.here.peers() if row["name"] == "peer"]

    def test_sigterm_is_left(self):
        stopped = self.peer.signal(signal.SIGTERM)
        stamp, event = self.watch.await_event("left", name="peer")
        note(f"left after {stamp - stopped:.3f} s")
        self.assertLessEqual(stamp - stopped, LEFT_S + SLACK_S)
        self.assertEqual(event["id"], self.joined["id"])
        self.assertEqual(self.peer.finish().code, 0)
        self.assertFalse(self.watch.events("suspect", "lost"))
        self.assertEqual(self.watch.events("left", name="bystander"), [])

    def test_sigint_is_left(self):
        self.peer.signal(signal.SIGINT)
        self.watch.await_event("left", name="peer")
        self.assertEqual(self.peer.finish().code, 0)

    def test_sigkill_is_lost(self):
        ear = Ear(self.here)
        self.lan.wait_for(lambda: ear.messages("alive", id=self.joined["id"]), "an alive")
        self.peer.signal(signal.SIGKILL)
        stamp, _ = self.watch.await_event("lost", name="peer")
        promised = ear.promise_end(self.joined["id"])
        note(f"lost {stamp - promised:.3f} s after the end of its promise")
        self.assertGreater(stamp, promised, "a promise that still holds was not believed")
        self.assertLessEqual(stamp - promised, LOST_S + SLACK_S)
        (suspect,) = self.watch.events("suspect", name="peer")
        self.assertLess(suspect[0], stamp)
        self.assertFalse(self.watch.events("suspect", "lost", name="bystander"))

    def test_a_restart_keeps_the_id(self):
        self.peer.signal(signal.SIGKILL)
        self.peer.finish()
        again = self.there.announce("peer", "--service", "http:81")
        _, event = self.watch.await_event("restarted", name="peer")
        self.assertEqual(event["id"], self.joined["id"])
        (row,) = [row for row in self.here.peers() if row["name"] == "peer"]
        self.assertEqual(row["id"], self.joined["id"])
        self.assertEqual([s["port"] for s in row["services"]], [81])
        self.assertIsNone(again.code)

    def test_coming_back_after_leaving(self):
        self.peer.stop()
        self.watch.await_event("left", name="peer")
        before = time.monotonic()
        self.there.announce("peer", "--service", "http:80")

        def back():
            return [e for e in self.watch.events(id=self.joined["id"]) if e[0] > before]

        kinds = [event["event"] for _, event in self.lan.wait_for(back, "it is back")]
        self.assertIn(kinds[0], ("restarted", "returned", "joined"))
        self.lan.wait_for(lambda: self.state() == ["alive"], "listed alive, once")

    def test_a_stalled_peer_returns(self):
        self.peer.signal(signal.SIGSTOP)
        self.watch.await_event("suspect", name="peer")
        self.peer.signal(signal.SIGCONT)
        _, event = self.watch.await_event("returned", name="peer")
        self.assertEqual(event["id"], self.joined["id"])
        self.lan.wait_for(lambda: self.state() == ["alive"], "listed alive")


if __name__ == "__main__":
    main()
