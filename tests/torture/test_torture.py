# SPDX-License-Identifier: MIT
"""Each call of the system and of the allocator fails once, at each place in the command that makes one: no command
crashes, leaks, hangs, or ends with an error that it does not name.

A place is tried with the first command that comes by it. TORTURE_EACH=1 tries all places; by default each fifth is."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lan"))

from lab import LanTest, main  # noqa: E402

TORTURED = os.environ["TORTURED"]
EACH = int(os.environ.get("TORTURE_EACH", "5"))
CODES = (0, 1, 2, 3, 4, 124)
DIRECT = ("--direct", "--timeout", "3")
CONFIG = '{"name": "a", "services": [{"type": "http", "port": 80, "txt": {"path": "/"}}], "attrs": {"room": "x"}}'
READINGS = '{"n":"kitchen/door","vb":true}\n[{"bn":"kitchen/","n":"a","v":1},\n{"n":"b","u":"Cel","v":2}]\nkitchen/c 3\n'

# What is typed, and what is given on standard input.
COMMANDS = [
    (("config", "check", "{config}"), ""),
    (("peers", *DIRECT), ""),
    (("peers", "--json"), ""),
    (("peers", "--peer", "10.77.0.1", *DIRECT), ""),
    (("services",), ""),
    (("show", "neighbour"), ""),
    (("show", "--self", "--json"), ""),
    (("resolve", "http"), ""),
    (("topics", *DIRECT), ""),
    (("wait", "http", "--timeout", "3"), ""),
    (("update", "--attr", "load=1"), ""),
    (("publish", "kitchen/door", "true"), ""),
    (("publish", *DIRECT[:1], "--name", "sensors"), READINGS),
    (("subscribe", "kitchen/#", "--count", "1", "--timeout", "3"), ""),
    (("watch", "--exec", "/bin/true", "--timeout", "1"), ""),
    (("record", "#", "--db", "{new}", "--timeout", "1"), ""),
    (("history", "#", "--db", "{old}"), ""),
    (("replay", "{old}", "--speed", "1000"), ""),
    (("announce", "--config", "{config}", "--", "true"), ""),
]


class Torture(LanTest):
    HOSTS = 2

    def setUp(self):
        super().setUp()
        self.config = self.lan.directory / "config.json"
        self.config.write_text(CONFIG)
        self.old = self.lan.directory / "old.db"
        self.there.announce("neighbour", "--service", "http:80", "--cache", "#")
        self.here.announce("self", "--service", "ipp:631")
        self.publisher = self.there.start("publish", "--direct", "--topic", "kitchen/window", "--name", "meter")
        self.publisher.write("1\n")
        result = self.here.run("peers", "--expect", "3", "--timeout", "60")
        self.assertEqual(result.code, 0, result.describe())
        result = self.here.run("record", "#", "--db", str(self.old), "--timeout", "1")
        self.assertIn(result.code, (0, 124), result.describe())

    def torture(self, words, given, number, **environment):
        """Runs the command to its end."""
        new = self.lan.directory / f"new-{number}.db"
        argv = [word.format(config=self.config, old=self.old, new=new) for word in words]
        self.publisher.write("1\n")
        process = self.here.start_program(TORTURED, *argv, **environment)
        process.write(given)
        process.close_input()
        return process.finish()

    def test_each_place_fails_once(self):
        seen = set()
        tried = 0
        for words, given in COMMANDS:
            log = self.lan.directory / "sites"
            log.unlink(missing_ok=True)
            whole = self.torture(words, given, tried, TORTURE_SITES=str(log))
            self.assertIn(whole.code, (0, 124), whole.describe())
            sites = dict(line.split() for line in log.read_text().splitlines())
            for site, name in sites.items():
                if site in seen:
                    continue
                seen.add(site)
                if len(seen) % EACH:
                    continue
                tried += 1
                with self.subTest(command=" ".join(words), call=name, site=site):
                    ended = self.torture(words, given, tried, TORTURE_FAIL=site)
                    self.assertIn(ended.code, CODES, ended.describe())
                    self.assertFalse(ended.code == 1 and not ended.error, ended.describe())
        print(f"# {tried} of {len(seen)} places", flush=True)
        self.assertGreater(tried, 0)


if __name__ == "__main__":
    main()
