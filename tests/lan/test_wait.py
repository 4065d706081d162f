# SPDX-License-Identifier: MIT
"""Peers that go, and readings that become what they should be, are waited for."""

import json
import os
import signal
import time

from lab import LanTest, main


class Wait(LanTest):
    HOSTS = 2

    def check_gone(self, *direct):
        peer = self.there.announce("nas")
        self.assertEqual(self.here.run("wait", "nas").code, 0)
        waiting = self.here.start("wait", "--gone", "nas", "--timeout", "60", *direct)
        late = self.here.run("wait", "--gone", "nas", "--timeout", "1", *direct)
        self.assertEqual((late.code, late.error), (124, "muster wait: timed out: 1 still here for 'nas'\n"))
        self.assertFalse(waiting.done, waiting.describe())
        peer.signal(signal.SIGTERM)
        peer.finish()
        self.assertEqual(waiting.finish().code, 0, waiting.describe())
        again = self.here.run("wait", "--gone", "nas", *direct)
        self.assertEqual((again.code, again.out, again.error), (0, "", ""), again.describe())

    def test_a_peer_leaves(self):
        self.check_gone()

    def test_a_peer_leaves_and_a_running_muster_is_asked(self):
        self.here.announce("here")
        self.assertEqual(self.here.run("wait", "here").code, 0)
        self.check_gone()

    def test_a_peer_is_lost(self):
        peer = self.there.announce("printer", "--service", "ipp:631")
        self.assertEqual(self.here.run("wait", "ipp").code, 0)
        waiting = self.here.start("wait", "--gone", "type:ipp", "--timeout", "60")
        self.lan.never(lambda: waiting.done, "it waits", 0.5)
        os.kill(peer.pid, signal.SIGKILL)
        peer.finish()
        self.assertEqual(waiting.finish().code, 0, waiting.describe())

    def test_a_reading(self):
        publisher = self.there.start("publish", "--topic", "kitchen/t")
        waiting = self.here.start("wait", "kitchen/t < 5", "--timeout", "60")
        publisher.write("21\n")
        self.assertEqual(self.here.run("wait", "kitchen/t = 21").code, 0)
        late = self.here.run("wait", "kitchen/t < 5", "--timeout", "3")
        self.assertEqual(
            (late.code, late.error), (124, "muster wait: timed out: 1 reading came, and none for 'kitchen/t < 5'\n")
        )
        self.assertFalse(waiting.done, waiting.describe())
        publisher.write("4.5\n")
        self.assertEqual(waiting.finish().code, 0, waiting.describe())
        # It is so already.
        self.assertEqual(self.here.run("wait", "+/t<=4.5").code, 0)
        publisher.stop()

    def test_a_stale_reading_does_not_count(self):
        publisher = self.there.start("publish")
        publisher.write(json.dumps({"n": "kitchen/t", "v": 4, "t": time.time() - 100, "ut": 60}) + "\n")
        self.assertEqual(self.here.run("subscribe", "kitchen/t", "--count", "1").code, 0)
        late = self.here.run("wait", "kitchen/t < 5", "--timeout", "3")
        fault = "muster wait: timed out: 1 reading came, and none for 'kitchen/t < 5' but what is stale\n"
        self.assertEqual((late.code, late.error), (124, fault))
        publisher.write(json.dumps({"n": "kitchen/t", "v": 3, "t": time.time(), "ut": 60}) + "\n")
        self.assertEqual(self.here.run("wait", "kitchen/t < 5").code, 0)
        publisher.stop()


main()
