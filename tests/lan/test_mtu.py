# SPDX-License-Identifier: MIT
"""Readings and peers where less than 1500 bytes fit an interface: all of them come, also when some are lost."""

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
        """3,000 readings of lengths that fill datagrams differently; returns what came."""
        if percent:
            self.here.lose_incoming(percent)
            self.there.lose_incoming(percent)
        subscriber = self.here.start("subscribe", "#", "--ndjson", "--count", str(READINGS), "--timeout", "60")
        lines = [f"kitchen/note {number:04} {'x' * (1 + number * 37 % 300)}" for number in range(READINGS)]
        publisher = self.there.start("publish", "--name", "thermo")
        publisher.write("\n".join(lines) + "\n")
        publisher.close_input()
        result = subscriber.finish()
        self.assertEqual(publisher.finish().code, 0, publisher.describe())
        self.assertEqual(result.code, 0, result.error)
        found = [value for _, value in readings(result)]
        self.assertEqual(found, [line.split(" ", 1)[1] for line in lines])
        self.assertNotIn("lost", result.error)
        self.assertNotIn("fails", publisher.error)

    def test_all_come(self):
        for mtu in (1500, 1420, 1280):
            for percent in (0, LOST_PERCENT):
                with self.subTest(mtu=mtu, percent=percent):
                    self.lan = self.lab(2)
                    self.here, self.there = self.lan.hosts
                    self.set_mtu(mtu)
                    self.publish_all(percent)
                    note(f"MTU {mtu}, {percent} % lost: {READINGS} of {READINGS} readings")

    def test_a_record_that_does_not_fit(self):
        self.set_mtu(1280)
        publisher = self.there.start("publish", "--name", "thermo")
        publisher.write(f"kitchen/small 1\nkitchen/note {'x' * 1150}\nkitchen/small 2\n")
        publisher.close_input()
        result = publisher.finish()
        self.assertEqual(result.code, 1, result.describe())
        self.assertIn("'kitchen/note': the record does not fit the MTU of this network", result.error)


if __name__ == "__main__":
    main()
