# SPDX-License-Identifier: MIT
"""Readings reach those that multicast does not reach: who comes late, who is kept from it, and who asks for a sensor
that sleeps or has gone."""

import json
import re

from lab import LanTest, main
from telemetry import readings


class Reach(LanTest):
    HOSTS = 3

    def publish(self, *lines, name="thermo"):
        """A muster publish that has published these lines, and waits for more."""
        publisher = self.there.start("publish", "--name", name)
        witness = self.there.start("subscribe", "#", "--ndjson")
        for count, line in enumerate(lines, 1):
            publisher.write(line + "\n")
            self.lan.wait_for(lambda count=count: len(set(readings(witness))) >= count, line)
        witness.stop()
        return publisher

    def samples(self, result):
        return [json.loads(line) for line in result.lines]

    def assert_all_told(self, subscriber, number):
        """Each value before this one came once and in order, but for those that were said to be lost."""
        values = [sample["v"] for sample in self.samples(subscriber)]
        lost = sum(int(count) for count in re.findall(r"(\d+) datagrams? lost", subscriber.error))
        self.assertEqual(values, sorted(set(values)), subscriber.describe())
        self.assertEqual(len(values) + lost, number - 1, subscriber.describe())

    def test_last_values(self):
        """Who comes late has the last value of each topic before the next one is published."""
        publisher = self.publish("kitchen/temperature 20", "kitchen/temperature 21.5", "kitchen/door true")
        late = self.here.start("subscribe", "kitchen/#", "--ndjson", "--count", "2", "--timeout", "20").finish()
        self.assertEqual(late.code, 0, late.describe())
        found = sorted((s["n"], s.get("v", s.get("vb")), s["sample"]) for s in self.samples(late))
        self.assertEqual(found, [("kitchen/door", True, "last"), ("kitchen/temperature", 21.5, "last")])
        publisher.write("kitchen/temperature 22\n")
        none = self.here.start("subscribe", "kitchen/#", "--no-last", "--timeout", "0.5").finish()
        self.assertEqual((none.code, none.out), (4, ""), none.describe())

    def test_since(self):
        """All that was sent of late comes, in order."""
        self.publish(*(f"kitchen/temperature {number}" for number in range(10)))
        since = self.here.start("subscribe", "#", "--since", "60s", "--ndjson", "--count", "10", "--timeout", "20")
        self.assertEqual([sample["v"] for sample in self.samples(since.finish())], list(range(10)), since.describe())

    def test_a_keeper(self):
        """What a sensor said last is there when it has gone."""
        keeper = self.third.start("announce", "--name", "keeper", "--cache", "kitchen/#")
        watch = self.there.watch()
        watch.await_event("joined", name="keeper")
        publisher = self.publish("kitchen/temperature 21.5", "cellar/temperature 12")
        publisher.close_input()
        self.assertEqual(publisher.finish().code, 0)
        found = self.here.start("subscribe", "#", "--ndjson", "--count", "1", "--timeout", "20").finish()
        self.assertEqual([(s["n"], s["v"], s["sample"]) for s in self.samples(found)],
                         [("kitchen/temperature", 21.5, "last")], found.describe())  # fmt: skip
        self.assertIn("kitchen/#", self.here.run("show", "keeper").out)
        self.assertEqual(keeper.stop().code, 0)

    def test_filtered_multicast(self):
        """Where the groups of telemetry don't come through, a stream brings it, and that is said."""
        self.lan.require_isolation()
        self.here.drop_incoming("ip daddr 239.0.0.0/8")
        publisher = self.publish("kitchen/temperature 1")
        subscriber = self.here.start("subscribe", "#", "--ndjson")
        subscriber.await_line('"v":1,')
        number = 2

        def publish_until(word):
            def is_said():
                nonlocal number
                publisher.write(f"kitchen/temperature {number}\n")
                number += 1
                return word in subscriber.error

            self.lan.wait_for(is_said, word)

        publish_until("multicast")
        subscriber.await_line(f'"v":{number - 1},')
        self.assertIn("thermo: multicast does not come through: its data is read by a stream", subscriber.error)
        self.assert_all_told(subscriber, number)
        self.here.drop_nothing()
        publish_until("again")
        subscriber.await_line(f'"v":{number - 1},')
        self.assert_all_told(subscriber, number)
        self.assertEqual(subscriber.stop().code, 0)


if __name__ == "__main__":
    main()
