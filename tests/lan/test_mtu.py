# SPDX-License-Identifier: MIT
"""Readings and peers where less than 1500 bytes fit an interface: all of them come, also when some are lost."""

import itertools

from lab import LanTest, main, note
from telemetry import readings

READINGS = 3000
LOST_PERCENT = 10


class Mtu(LanTest):
    HOSTS = 2
    ISOLATED = True

    def set_mtu(self, mtu):
        for host in (self.here, self.there):
            host.ip(f"link set eth0 mtu {mtu}")

    def publish_all(self, percent):
        """3,000 readings of lengths that fill datagrams differently, once the subscriber hears the publisher."""
        if percent:
            self.here.lose_incoming(percent)
            self.there.lose_incoming(percent)
        subscriber = self.here.start("subscribe", "kitchen/#", "--ndjson")
        publisher = self.there.start("publish", "--name", "thermo")

        def is_heard():
            publisher.write("kitchen/note ready\n")
            return subscriber.lines

        self.lan.wait_for(is_heard, "the publisher is heard")
        said = [f"{number:04} {'x' * (1 + number * 37 % 300)}" for number in range(READINGS)]
        publisher.write("".join(f"kitchen/note {value}\n" for value in said))
        self.lan.wait_for(lambda: readings(subscriber)[-1][1] == said[-1], "the last one comes")
        found = [value for _, value in readings(subscriber) if value != "ready"]
        self.assertEqual(found, said)
        self.assertNotIn("lost", subscriber.error)
        publisher.close_input()
        self.assertEqual(publisher.finish().code, 0, publisher.describe())
        self.assertNotIn("fails", publisher.error)

    def test_all_come(self):
        for family, mtu, percent in itertools.product((4, 6), (1500, 1420, 1280), (0, LOST_PERCENT)):
            with self.subTest(family=family, mtu=mtu, percent=percent):
                self.lan = self.lab(2)
                self.here, self.there = self.lan.hosts
                self.set_mtu(mtu)
                for host in self.lan.hosts:
                    host.use_families(family)
                self.publish_all(percent)
                note(f"IPv{family}, MTU {mtu}, {percent} % lost: {READINGS} of {READINGS} readings")

    def test_a_record_that_does_not_fit(self):
        """It goes by stream, in its place."""
        self.set_mtu(1280)
        subscriber = self.here.start("subscribe", "kitchen/#", "--ndjson").await_listening()
        publisher = self.there.start("publish", "--name", "thermo")
        publisher.write(f"kitchen/small 1\nkitchen/note {'x' * 1150}\nkitchen/small 2\n")
        publisher.close_input()
        result = publisher.finish()
        self.assertEqual(result.code, 0, result.describe())
        expected = [("kitchen/note", "x" * 1150), ("kitchen/small", 1), ("kitchen/small", 2)]
        self.lan.wait_for(lambda: len(readings(subscriber)) == len(expected), "all of them")
        self.assertEqual(sorted(readings(subscriber), key=str), expected)


if __name__ == "__main__":
    main()
