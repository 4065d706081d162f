# SPDX-License-Identifier: MIT
"""What is published is listed, reading by reading, by whoever is asked."""

import json
import signal
import time

import jsonschema

from lab import ROOT, LanTest, main
from wire import Peer

CLIMATE = {"name": "kitchen/climate", "units": {"temperature": "Cel", "humidity": "%RH"}}
POWER = {"name": "cellar/power", "unit": "W", "units": {"total": "kWh", "meter": ""}, "rate": 2.5}
DOOR = {"name": "door"}


class Topics(LanTest):
    HOSTS = 2

    def rows(self, *arguments):
        """(name, unit, rate, peer) of the text that is printed."""
        result = self.here.run("topics", *arguments)
        self.assertEqual((result.code, result.error), (0, ""), result.describe())
        head, *rows = [line.split() for line in result.lines]
        self.assertEqual(head, ["TOPIC", "UNIT", "RATE", "NAME", "ADDRESS", "IF"])
        self.assertEqual({(*row[4:],) for row in rows}, {(self.there.address, self.here.interface)})
        return [tuple(row[:4]) for row in rows]

    def populate(self):
        Peer(self.there, "thermo", topics=[CLIMATE, DOOR])
        Peer(self.there, "meter", topics=[POWER, CLIMATE | {"units": {"temperature": "K"}}])
        Peer(self.there, "mute")

    ALL = [
        ("cellar/power", "W", "2.5/s", "meter"),
        ("cellar/power/meter", "-", "2.5/s", "meter"),
        ("cellar/power/total", "kWh", "2.5/s", "meter"),
        ("door", "-", "-", "thermo"),
        ("kitchen/climate/humidity", "%RH", "-", "thermo"),
        ("kitchen/climate/temperature", "K", "-", "meter"),
        ("kitchen/climate/temperature", "Cel", "-", "thermo"),
    ]

    def test_all(self):
        self.populate()
        self.assertEqual(self.rows(), self.ALL)

    def test_patterns(self):
        self.populate()
        for patterns, numbers in (
            (["#"], range(7)),
            (["kitchen/#"], (4, 5, 6)),
            (["kitchen/+/temperature"], (5, 6)),
            (["cellar/power"], (0,)),
            (["cellar/power/#"], (0, 1, 2)),
            (["cellar/+/total", "door"], (2, 3)),
            # Nothing is said of what is below the door: anything may be.
            (["+/climate/temperature"], (3, 5, 6)),
            (["cellar/#", "door/+/open"], (0, 1, 2, 3)),
        ):
            with self.subTest(patterns=patterns):
                self.assertEqual(self.rows(*patterns), [self.ALL[number] for number in numbers])

    def test_json(self):
        self.populate()
        document = self.here.json("topics", "--json")
        self.assertEqual(document["schema"], 1)
        found = [
            (row["name"], row["unit"] or "-", f"{row['rate']}/s" if row["rate"] else "-", row["peer"]["name"])
            for row in document["topics"]
        ]
        self.assertEqual(found, self.ALL)
        parts = [(row["topic"], row["record"]) for row in document["topics"]]
        self.assertEqual(parts[:3], [("cellar/power", ""), ("cellar/power", "meter"), ("cellar/power", "total")])

    def test_values(self):
        publisher = self.there.start("publish", "--name", "thermo")
        old, now = (int(time.time()) - age for age in (100, 0))
        for line in (f'{{"n":"a/old","u":"Cel","v":1.25,"t":{old},"ut":10}}', f'{{"n":"a/new","vb":true,"t":{now},"ut":60}}',
                     "door open"):
            publisher.write(line + "\n")
        self.assertEqual(self.here.run("wait", "a/new = true").code, 0)
        self.assertEqual(self.here.run("wait", "door = open").code, 0)
        head, *rows = [line.split() for line in self.here.run("topics", "--values", "--wide").lines]
        self.assertEqual(head[:6], ["TOPIC", "UNIT", "RATE", "VALUE", "AGE", "STALE"])
        self.assertEqual([(row[0], row[1], row[3], row[5]) for row in rows],
                         [("a/new", "-", "true", "no"), ("a/old", "Cel", "1.25", "yes"), ("door", "-", "open", "-")])
        document = self.here.json("topics", "--values", "--json")
        schema = json.loads((ROOT / "schemas" / "topics.schema.json").read_text())
        jsonschema.validate(document, schema)
        self.assertEqual([(row["value"], row["stale"]) for row in document["topics"]], [(True, False), (1.25, True), ("open", None)])
        publisher.stop()

    def test_a_running_muster_is_asked(self):
        self.populate()
        self.here.announce("local")
        for name in ("mute", "thermo", "meter"):
            self.assertEqual(self.here.run("wait", name).code, 0)
        self.assertEqual(self.rows(), self.ALL)

    def test_what_others_keep_is_listed(self):
        self.there.announce("keeper", "--cache", "#")
        self.assertEqual(self.here.run("wait", "keeper").code, 0)
        Peer(self.there, "meter", topics=[POWER])
        for value in (["climate/temperature", "21.5", "--unit", "Cel"], ["door", "true"]):
            result = self.there.run("publish", "--name", "thermo", f"kitchen/{value[0]}", *value[1:])
            self.assertEqual(result.code, 0, result.describe())
        last = self.here.run("subscribe", "kitchen/#", "--count", "2", "--timeout", "10", "--ndjson")
        self.assertEqual(last.code, 0, last.describe())
        self.assertEqual(json.loads(last.lines[0])["peer"], "thermo")  # as the keeper says
        away = "thermo"
        there = [self.there.address, self.here.interface]
        self.assertEqual(
            [line.split() for line in self.here.run("topics").lines[1:]],
            [
                ["cellar/power", "W", "2.5/s", "meter", *there],
                ["cellar/power/meter", "-", "2.5/s", "meter", *there],
                ["cellar/power/total", "kWh", "2.5/s", "meter", *there],
                ["kitchen/climate/temperature", "Cel", "-", away, "-", "-"],
                ["kitchen/door", "-", "-", away, "-", "-"],
            ],
        )
        self.assertEqual([line.split()[0] for line in self.here.run("topics", "+/door").lines[1:]], ["kitchen/door"])
        row = self.here.json("topics", "--json", "+/door")["topics"][0]
        self.assertEqual((row["kept"], row["address"], row["rate"]), (True, None, None))
        self.assertEqual((row["peer"]["name"], row["peer"]["state"]), ("thermo", "lost"))

    def test_what_is_kept_survives_its_keeper(self):
        keeper = self.there.announce("keeper", "--cache", "#")
        self.assertEqual(self.here.run("wait", "keeper").code, 0)
        self.assertEqual(self.there.run("publish", "--direct", "--name", "thermo", "kitchen/door", "true").code, 0)
        last = self.here.run("subscribe", "#", "--count", "1", "--timeout", "10", "--ndjson")
        (file,) = self.there.state.glob("**/keeper")
        self.lan.wait_for((file / "cached").exists, "the file is written while it runs", 30)
        keeper.signal(signal.SIGKILL)
        keeper.finish()
        keeper = self.there.announce("keeper", "--cache", "#")
        again = self.here.run("subscribe", "#", "--count", "1", "--timeout", "10", "--ndjson")
        self.assertEqual(again.code, 0, again.describe())
        one, two = (json.loads(result.lines[0]) for result in (last, again))
        self.assertEqual([one[name] for name in ("n", "vb", "t", "id")], [two[name] for name in ("n", "vb", "t", "id")])
        keeper.stop()
        (file / "cached").write_text("nonsense")  # which is reported, and set aside
        keeper = self.there.announce("keeper", "--cache", "#")
        self.lan.wait_for(lambda: "cached was damaged" in keeper.error, "it says so")
        self.assertEqual([path.read_text() for path in file.glob("cached.damaged-*")], ["nonsense"])

    def test_what_is_kept_of_who_is_there_is_not_listed_twice(self):
        self.there.announce("keeper", "--cache", "#")
        self.assertEqual(self.here.run("wait", "keeper").code, 0)
        thermo = self.there.start("publish", "--name", "thermo", "--topic", "kitchen/climate")
        thermo.write("21.5\n")
        last = self.here.run("subscribe", "#", "--count", "1", "--timeout", "10")
        self.assertEqual(last.code, 0, last.describe())
        self.assertEqual(self.rows(), [("kitchen/climate", "-", "-", "thermo")])

    def test_what_is_kept_of_who_publishes_something_else(self):
        self.there.announce("keeper", "--cache", "#")
        self.assertEqual(self.here.run("wait", "keeper").code, 0)
        self.assertEqual(self.there.run("publish", "--name", "thermo", "kitchen/door", "true").code, 0)
        thermo = self.there.start("publish", "--name", "thermo", "--topic", "kitchen/climate")
        thermo.write("21.5\n")
        last = self.here.run("subscribe", "#", "--count", "2", "--timeout", "10")
        self.assertEqual(last.code, 0, last.describe())
        lines = [line.split() for line in self.here.run("topics").lines[1:]]
        there = [self.there.address, self.here.interface]
        self.assertEqual(
            lines, [["kitchen/climate", "-", "-", "thermo", *there], ["kitchen/door", "-", "-", "thermo", "-", "-"]]
        )

    def test_who_is_known_to_be_away_has_a_name(self):
        local = self.here.announce("local")
        self.there.announce("keeper", "--cache", "kitchen/#")
        watch = self.here.watch()
        watch.await_event("joined", name="keeper")
        self.assertEqual(self.there.run("publish", "--name", "thermo", "kitchen/door", "true").code, 0)
        watch.await_event("left", name="thermo")
        last = self.here.run("subscribe", "kitchen/#", "--count", "1", "--timeout", "10")
        self.assertEqual(last.code, 0, last.describe())
        result = self.here.run("topics")
        self.assertEqual(result.lines[1].split(), ["kitchen/door", "-", "-", "thermo", "-", "-"], result.describe())
        local.signal(signal.SIGTERM)

    def test_nothing(self):
        for options in ([], ["--json"]):
            self.assertEqual(self.here.run("topics", *options).code, 3)
        Peer(self.there, "thermo", topics=[CLIMATE])
        Peer(self.there, "mute")
        result = self.here.run("topics", "cellar/#", "+/x/+")
        self.check_refused(result, "'cellar/# +/x/+'", code=4)
        self.assertEqual(self.here.json("topics", "--json", "cellar/#", codes=(4,))["topics"], [])

    def test_two_of_one_name(self):
        for _ in range(2):
            Peer(self.there, "meter", topics=[DOOR])
        result = self.here.run("topics", "--wide")
        labels = [line.split()[3:5] for line in result.lines[1:]]
        self.assertEqual([label[0] for label in labels], ["meter", "meter"], result.describe())
        self.assertNotEqual(labels[0][1], labels[1][1])

    def test_pattern_that_is_none(self):
        result = self.here.run("topics", "a/#/b")
        self.check_refused(result, "PATTERN: # fills the whole last level of a pattern, got 'a/#/b'", code=2)


if __name__ == "__main__":
    main()
