# SPDX-License-Identifier: MIT
"""Readings and events are kept in a file, come to an end with a full disk, and are looked at and published again."""

import contextlib
import os
import pathlib
import resource
import signal
import sqlite3
import tempfile

from lab import LanTest, main, note
from telemetry import Publisher


class Recording(LanTest):
    HOSTS = 2

    def setUp(self):
        super().setUp()
        directory = tempfile.TemporaryDirectory(prefix="muster-record-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.file = self.directory / "home.db"

    def record(self, *arguments):
        """A recorder of everything, which listens already."""
        began = "SELECT 1 FROM events WHERE event = 'recording-began'"
        before = len(self.rows(began))
        process = self.here.start("record", *(arguments or ["#"]), "--db", str(self.file))
        self.lan.wait_for(lambda: process.done or len(self.rows(began)) > before, "it records")
        return process

    def rows(self, sql):
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as db:
                return db.execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            self.assertRegex(str(error), "unable to open|no such table|locked")  # it is being made
            return []

    def await_rows(self, sql, count):
        self.lan.wait_for(lambda: len(self.rows(sql)) >= count, f"{count} rows of {sql}")
        return self.rows(sql)

    def finish(self, process, code=0):
        process.signal(signal.SIGTERM)
        process.finish()
        self.assertEqual(process.code, code, process.describe())
        return process

    def publish(self, text, *arguments):
        process = self.there.start("publish", *arguments)
        process.write(text)
        process.close_input()
        process.finish()
        self.assertEqual(process.code, 0, process.describe())

    # ---- record ----

    def test_readings_are_kept(self):
        recorder = self.record()
        text = '{"n":"kitchen/t","u":"Cel","v":21.5,"t":1.8e9}\nkitchen/door true\nkitchen/note 007\nkitchen/n 5\n'
        self.publish(text, "--name", "thermo")
        self.finish(recorder)
        self.assertRegex(recorder.error, r"record: 4 readings and \d+ events kept in .*home\.db \([\d.]+ kB\); 0 datagrams lost")
        self.assertEqual(sorted(path.name for path in self.directory.iterdir()), ["home.db"])
        sql = "SELECT name, peer, topic, number, integer, boolean, text, unit, kind FROM readings ORDER BY name"
        self.assertEqual(
            self.rows(sql),
            [
                ("kitchen/door", "thermo", "kitchen/door", None, None, 1, None, "", "boolean"),
                ("kitchen/n", "thermo", "kitchen/n", 5, 5, None, None, "", "number"),
                ("kitchen/note", "thermo", "kitchen/note", None, None, None, "007", "", "text"),
                ("kitchen/t", "thermo", "kitchen", 21.5, None, None, None, "Cel", "number"),
            ],
        )
        self.assertEqual(self.rows("SELECT time FROM readings WHERE name = 'kitchen/t'"), [("2027-01-15 08:00:00.000",)])
        events = [event for (event,) in self.rows("SELECT event FROM events WHERE peer = 'thermo' ORDER BY entry")]
        self.assertEqual((events[0], events[-1]), ("joined", "left"))
        self.assertEqual(
            self.rows("SELECT event, reason FROM events WHERE peer IS NULL"),
            [("recording-began", None), ("recording-ended", "signal")],
        )

    def test_patterns(self):
        recorder = self.record("kitchen/+", "cellar/#")
        self.publish("kitchen/t 1\nkitchen/t/x 2\ncellar/a/b 3\nattic 4\n")
        self.finish(recorder)
        self.assertEqual(self.rows("SELECT name FROM readings ORDER BY name"), [("cellar/a/b",), ("kitchen/t",)])

    def test_last_values_are_kept_once(self):
        publisher = self.there.start("publish", "--topic", "t", "--name", "thermo")
        publisher.write("1\n")
        for _ in range(2):
            recorder = self.record()
            self.await_rows("SELECT 1 FROM readings", 1)
            self.await_rows("SELECT 1 FROM events WHERE event = 'joined' AND peer = 'thermo'", 1)
            self.finish(recorder)
        self.assertEqual(self.rows("SELECT name, number FROM readings"), [("t", 1)])
        publisher.stop()

    def test_losses_are_kept(self):
        """Somebody leaves out datagrams that nobody can repair."""
        recorder = self.record()
        publisher = Publisher(self.there, "thermo", "t")
        self.await_rows("SELECT 1 FROM events WHERE peer = 'thermo'", 1)
        publisher.send(b'[{"n":"t","v":1}]')
        self.await_rows("SELECT 1 FROM readings", 1)
        publisher.send(b'[{"n":"t","v":2}]', skip=3)
        sql = "SELECT peer, reason, count FROM events WHERE event = 'datagrams-lost'"
        self.assertEqual(self.await_rows(sql, 1), [("thermo", "wire", 3)])
        self.finish(recorder)
        self.assertIn("; 3 datagrams lost, 0 readings dropped\n", recorder.error)

    def test_a_second_recorder(self):
        recorder = self.record()
        result = self.here.run("record", "#", "--db", str(self.file))
        self.assertEqual(result.code, 1)
        self.assertEqual(result.error, f"muster record: {self.file}: another muster record writes to it\n")
        self.finish(recorder)

    def test_a_killed_recorder(self):
        recorder = self.record()
        self.publish("a 1\nb 2\n")
        self.await_rows("SELECT 1 FROM readings", 2)
        os.kill(recorder.pid, signal.SIGKILL)
        recorder.finish()
        recorder = self.record()
        self.publish("c 3\n")
        self.finish(recorder)
        self.assertEqual(self.rows("SELECT name FROM readings ORDER BY name"), [("a",), ("b",), ("c",)])
        self.assertEqual(self.rows("PRAGMA integrity_check"), [("ok",)])

    def test_files_that_are_none(self):
        with contextlib.closing(sqlite3.connect(self.file)) as db:
            db.executescript("CREATE TABLE a (b)")
        for arguments, words in (
            (["--db", str(self.file)], "it is a database, but no recording of muster"),
            (["--db", str(self.directory / "missing" / "x.db")], "No such file or directory"),
        ):
            result = self.here.run("record", "#", *arguments)
            self.assertEqual(result.code, 1, result.describe())
            self.assertIn(words, result.error)

    def test_a_full_disk(self):
        """Whatever came until then is kept."""
        recorder = self.record()
        resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE, (1_200_000, resource.RLIM_INFINITY))
        publisher = self.there.start("publish", "--topic", "t", "--rate", "10M", "--text")
        line = "x" * 900 + "\n"
        for _ in range(40):
            publisher.write(line * 50)
        self.lan.wait_for(lambda: recorder.done, "the recorder has ended")
        publisher.stop()
        self.assertEqual(recorder.code, 1, recorder.describe())
        self.assertIn(f"{self.file}: the disk is full, or a limit of it is reached\n", recorder.error)
        self.assertEqual(self.rows("PRAGMA integrity_check"), [("ok",)])
        self.assertGreater(self.rows("SELECT count(*) FROM readings")[0][0], 100)
        self.assertEqual(self.rows("SELECT reason FROM events WHERE event = 'recording-ended'"), [("disk-full",)])
        note(recorder.error)


main()
