# SPDX-License-Identifier: MIT
"""What others say is never taken for another line, column or event: one record is one line, whatever is in it."""

import csv
import io
import json

from lab import LanTest, main
from telemetry import Publisher
from wire import Peer

# Each of these would be one more record, column or event if it were printed as it is.
TEXTS = [
    'x\nkitchen/door true',
    'x\r\n{"n":"kitchen/door","vb":true}',
    '"},{"n":"kitchen/door","v":1,"x":"',
    'a,b,"c\n1,2,3',
    '=1+1',
    '{"event":"left","name":"nas"}',
    'x\u2028y\u0085z\x1ey',
]


class Injection(LanTest):
    def setUp(self):
        super().setUp()
        self.lan = self.lab(2)
        self.here, self.there = self.lan.hosts

    def finish(self, process):
        """Its output, which ends with a whole line."""
        self.assertEqual(process.finish().code, 0, process.describe())
        out = process.out
        self.assertTrue(out.endswith("\n"), process.describe())
        return out

    def check_rows(self, text, count):
        """CSV of a heading and so many rows, all of the same columns; no cell is a formula."""
        rows = list(csv.reader(io.StringIO(text, newline="")))
        self.assertEqual({len(row) for row in rows}, {len(rows[0])}, text)
        self.assertEqual(len(rows), 1 + count, text)
        self.assertFalse([cell for row in rows for cell in row if cell.startswith("=")])

    def test_one_record_is_one_line(self):
        ways = {"text": [], "ndjson": ["--ndjson"], "csv": ["--csv"], "format": ["--format", "{peer}|{n}|{value}|{u}"]}
        count = len(TEXTS)
        subscribers = {way: self.here.start("subscribe", "#", *options, "--count", str(count)) for way, options in ways.items()}
        database = str(self.lan.directory / "x.db")
        recorder = self.here.start("record", "#", "--db", database)
        publishers = [Publisher(self.there, f"thermo {text}", "t") for text in TEXTS]

        def send():
            for publisher, text in zip(publishers, TEXTS):
                publisher.send(json.dumps([{"n": "t/x", "vs": text, "u": text[:8]}]).encode())

        def all_are_done():
            send()
            return all(process.code is not None for process in subscribers.values())

        def kept():
            """The records of the recording, once there are some of each publisher."""
            send()
            lines = self.here.run("history", "t/x", "--db", database, "--senml").out.split("\n")[:-1]
            return lines if {json.loads(line)["vs"] for line in lines} == set(TEXTS) else None

        self.lan.wait_for(all_are_done, "all readings came")
        self.lan.wait_for(kept, "all are kept")
        out = {way: self.finish(process) for way, process in subscribers.items()}
        for way in ("text", "ndjson", "format"):
            self.assertEqual(out[way].count("\n"), count, out[way])
        for line in out["ndjson"].split("\n")[:-1]:
            self.assertIn(json.loads(line)["vs"], TEXTS)
        self.check_rows(out["csv"], count)
        recorder.stop()
        self.check_rows(self.here.run("history", "t/x", "--db", database, "--raw", "--csv").out, len(kept()))

    def test_one_peer_is_one_line(self):
        watch = self.here.watch()
        for text in TEXTS:
            Peer(self.there, text, [{"type": "http", "proto": "tcp", "port": 80, "name": text, "txt": {"a": text}}], {"k": text})
        for text in TEXTS:
            watch.await_event("joined", name=text)
        count = ["--count", str(len(TEXTS)), "--timeout", "15"]
        for options in ([], ["--ndjson"], ["--format", "{name} {address}"]):
            out = self.finish(self.here.start("watch", *options, *count))
            self.assertEqual(out.count("\n"), len(TEXTS), out)
        for command in (["peers", "--format", "{name}|{attrs.k}"], ["services", "http", "--format", "{name}|{service}|{txt.a}"]):
            listing = self.finish(self.here.start(*command, "--direct"))
            self.assertEqual(listing.count("\n"), len(TEXTS), listing)


if __name__ == "__main__":
    main()
