# SPDX-License-Identifier: MIT
"""Readings and events are kept in a file, come to an end with a full disk, and are looked at and published again."""

import contextlib
import json
import os
import pathlib
import resource
import signal
import sqlite3
import tempfile

import jsonschema

from lab import MUSTER, ROOT, LanTest, main, note
from telemetry import Publisher, await_records, records, value_of


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
        self.await_rows("SELECT 1 FROM readings", 4)
        self.await_rows("SELECT 1 FROM events WHERE event = 'left' AND peer = 'thermo'", 1)
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

    def test_a_quiet_recorder(self):
        """Nothing came for some seconds before its end."""
        result = self.here.run("record", "#", "--db", str(self.file), "--timeout", "3.5")
        self.assertEqual(result.code, 0, result.describe())
        self.assertIn("0 readings and 0 events kept", result.error)
        self.assertEqual(
            self.rows("SELECT event, reason FROM events"), [("recording-began", None), ("recording-ended", "timeout")]
        )

    def test_patterns(self):
        recorder = self.record("kitchen/+", "cellar/#")
        self.publish("kitchen/t 1\nkitchen/t/x 2\ncellar/a/b 3\nattic 4\n")
        self.await_rows("SELECT 1 FROM readings", 2)
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

        def is_heard():
            publisher.send(b'[{"n":"t","v":1}]')
            return self.rows("SELECT 1 FROM readings")

        self.lan.wait_for(is_heard, "it is heard")
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
        self.await_rows("SELECT 1 FROM readings", 3)
        self.finish(recorder)
        self.assertEqual(self.rows("SELECT name FROM readings ORDER BY name"), [("a",), ("b",), ("c",)])
        self.assertEqual(self.rows("PRAGMA integrity_check"), [("ok",)])

    def test_files_that_are_none(self):
        with contextlib.closing(sqlite3.connect(self.file)) as db:
            db.executescript("CREATE TABLE a (b)")
        for arguments, words in (
            (["--db", str(self.file)], "it is a database, but no recording of muster"),
            (["--db", str(self.directory / "missing" / "x.db")], "there is no directory"),
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
        note(recorder.error)

    # Records on a disk of 12 MB, of which a reserve has 4, and prints what the file says then.
    SMALL_DISK = """
        mount -t tmpfs -o size=12m tmpfs "$0" || exit 77
        "$@"
        code=$?
        /usr/bin/python3 - "$0/home.db" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(db.execute("PRAGMA integrity_check").fetchone()[0])
print(*db.execute("SELECT event, reason FROM events WHERE event = 'recording-ended'").fetchone())
print(db.execute("SELECT count(*) FROM readings").fetchone()[0])
END
        exit $code
    """

    def test_a_small_disk(self):
        """The reserve has room for the end."""
        record = (MUSTER, "record", "#", "--db", str(self.file))
        recorder = self.here.start_program("unshare", "--mount", "sh", "-c", self.SMALL_DISK, str(self.directory), *record)
        recorder.await_listening()
        if recorder.done and recorder.code != 1:
            self.skipTest(f"no disk can be mounted here: {recorder.error}")
        publisher = self.there.start("publish", "--topic", "t", "--rate", "10M", "--text")
        for _ in range(400):
            publisher.write(("x" * 900 + "\n") * 50)
            self.lan.pump(0)
        self.lan.wait_for(lambda: recorder.done, "the recorder has ended")
        publisher.stop()
        self.assertEqual(recorder.code, 1, recorder.describe())
        self.assertIn("the disk is full, or a limit of it is reached\n", recorder.error)
        self.assertEqual(recorder.lines[:2], ["ok", "recording-ended disk-full"], recorder.describe())
        self.assertGreater(int(recorder.lines[2]), 1000)
        note(recorder.error)

    # ---- history ----

    BEGIN = 1_800_000_000  # 2027-01-15 08:00:00Z

    def record_readings(self, *more):
        """Ten minutes of kitchen/t, which counts up from 0 each 10 s, and a text."""
        recorder = self.record()
        lines = [f'{{"n":"kitchen/t","u":"Cel","v":{i / 4},"t":{self.BEGIN + 10 * i}}}' for i in range(60)]
        lines += [f'{{"n":"kitchen/note","vs":"a,\\"b\\"","t":{self.BEGIN}.25}}', *more]
        publisher = self.there.start("publish", "--name", "thermo")
        publisher.write(lines[0] + "\n")
        self.await_rows("SELECT 1 FROM readings", 1)  # the recorder hears the topic
        publisher.write("\n".join(lines[1:]) + "\n")
        publisher.close_input()
        self.await_rows("SELECT 1 FROM readings", len(lines))
        publisher.finish()
        self.await_rows("SELECT 1 FROM events WHERE event = 'left'", 1)
        self.finish(recorder)

    def history(self, *arguments, code=0, **environment):
        result = self.here.run("history", *arguments, "--db", str(self.file), TZ="UTC", **environment)
        self.assertEqual(result.code, code, result.describe())
        return result.error if code else result.out

    def test_history(self):
        self.record_readings()
        self.assertEqual(
            self.history("kitchen/t", "--every", "5m"),
            "TIME             MIN   MEAN   MAX COUNT UNIT\n"
            "2027-01-15 08:00   0  3.625  7.25    30 Cel\n"
            "2027-01-15 08:05 7.5 11.125 14.75    30 Cel\n",
        )
        self.assertEqual(
            self.history("kitchen/t", "--every", "15s", "--until", "2027-01-15 08:00:30", "--csv"),
            "time,name,peer,id,unit,min,mean,max,count,stale\n"
            f"2027-01-15T08:00:00.000Z,kitchen/t,thermo,{self.peer_id()},Cel,0,0.125,0.25,2,false\n"
            f"2027-01-15T08:00:15.000Z,kitchen/t,thermo,{self.peer_id()},Cel,0.5,0.5,0.5,1,false\n",
        )
        self.assertEqual(
            self.history("kitchen/t", "--since", "2027-01-15T08:09:30Z", "--senml"),
            "".join(
                f'{{"n":"kitchen/t","u":"Cel","v":{i / 4:g},"t":{self.BEGIN + 10 * i}}}\n' for i in range(57, 60)
            ),
        )
        self.assertEqual(
            self.history("kitchen/#", "--raw", "--csv", "--until", "2027-01-15 08:00:01").splitlines()[1:],
            [
                f"2027-01-15T08:00:00.000Z,kitchen/t,thermo,{self.peer_id()},Cel,number,0,,,false",
                f'2027-01-15T08:00:00.250Z,kitchen/note,thermo,{self.peer_id()},,text,"a,""b""",,,false',
            ],
        )
        document = json.loads(self.history("kitchen/+", "--json", "--every", "1h"))
        jsonschema.validate(document, json.loads((ROOT / "schemas" / "history.schema.json").read_text()))
        self.assertEqual([(series["name"], series["buckets"][0]["count"]) for series in document["series"]],
                         [("kitchen/note", 1), ("kitchen/t", 60)])
        self.assertEqual(document["series"][0]["buckets"][0]["mean"], None)

    def test_days_begin_at_midnight(self):
        """Also behind the day that has 23 hours."""
        midnights = [1774652400, 1774738800, 1774821600, 1774908000]  # 2026-03-28 to 31 in Berlin
        lines = [f'{{"n":"d/t","v":{i},"t":{when + 60}}}' for i, when in enumerate(midnights)]
        lines += [f'{{"n":"d/t","v":{i + 10},"t":{when - 60}}}' for i, when in enumerate(midnights[1:])]
        self.record_readings(*lines)
        result = self.here.run("history", "d/t", "--db", str(self.file), "--every", "1d", TZ="Europe/Berlin")
        rows = [line.split()[:5] for line in result.lines[1:]]
        self.assertEqual(rows, [[f"2026-03-{28 + i}", "00:00", str(i), f"{i + 5 if i < 3 else i}", str(i + 10 if i < 3 else i)] for i in range(4)])

    def test_a_series_that_ended_is_stale(self):
        self.record_readings('{"n":"old/t","v":0,"t":1699999000,"ut":60}', '{"n":"old/t","v":1,"t":1700000000,"ut":60}')
        stale = [series["stale"] for series in json.loads(self.history("#", "--json"))["series"]]
        self.assertEqual(stale, [False, False, True])
        result = self.here.run("history", "old/t", "--db", str(self.file), TZ="UTC")
        fault = "old/t is stale: read last at 2023-11-14 22:13:20, and expected each 60 s"
        self.assertEqual((result.code, result.error), (0, f"muster history: {fault}\n"))
        rows = self.history("old/t", "--every", "10m").splitlines()[1:]
        self.assertEqual(rows, ["2023-11-14 21:50     0    0   0     1 -", "2023-11-14 22:10 !   1    1   1     1 -"])
        rows = self.history("old/t", "--every", "10m", "--csv").splitlines()[1:]
        self.assertEqual([row.rpartition(",")[2] for row in rows], ["false", "true"])
        self.assertEqual(self.history("old/t", "--raw").splitlines(),
                         ["2023-11-14 21:56:40.000  0", "2023-11-14 22:13:20.000! 1"])
        rows = self.history("#", "--raw", "--csv").splitlines()
        stale = [row for row in rows if row.endswith(",true")]
        self.assertEqual((len(stale), stale[0][:36]), (1, "2023-11-14T22:13:20.000Z,old/t,therm"))

    def peer_id(self):
        return self.rows("SELECT id FROM peer WHERE name = 'thermo'")[0][0]

    def test_plots(self):
        self.record_readings()
        lines = self.history("kitchen/t", "--plot", "--every", "1m").splitlines()
        self.assertEqual(lines[0], "kitchen/t (Cel)  thermo", lines)
        self.assertEqual(lines[1], "     14.125┤         █")
        self.assertEqual(lines[10], "      0.625┤▁█████████")
        self.assertEqual(lines[11], "            2027-01-15 08:00 2027-01-15 08:10")
        plain = self.history("kitchen/t", "--plot", LC_ALL="C")
        self.assertTrue(plain.isascii())
        wide = self.here.start("history", "kitchen/t", "--plot", "--db", str(self.file), terminal=(130, 20)).finish()
        self.assertIn("┤", wide.out)
        self.assertGreater(max(len(line) for line in wide.out.splitlines()), 60)
        self.assertLessEqual(max(len(line) for line in wide.out.splitlines()), 130)
        self.assertEqual(self.history("kitchen/note", "--plot", code=4),
                         "muster history: kitchen/note of thermo: no number in that time, so no plot\n")

    def test_events_of_a_peer(self):
        self.record_readings()
        events = [line.split()[2:] for line in self.history("thermo").splitlines()]
        self.assertEqual((events[0], events[-1]), (["joined", "thermo"], ["left", "thermo"]))
        document = json.loads(self.history("thermo", "--json"))
        jsonschema.validate(document, json.loads((ROOT / "schemas" / "history.schema.json").read_text()))
        self.assertEqual(document["events"][0]["event"], "joined")
        self.assertEqual(self.history(self.peer_id(), "--csv").splitlines()[1].split(",")[1:4], ["thermo", self.peer_id(), "joined"])

    def test_a_change_of_a_peer(self):
        recorder = self.record()
        self.there.announce("nas", "--service", "http:80")
        self.await_rows("SELECT 1 FROM events WHERE event = 'joined' AND peer = 'nas'", 1)
        self.assertEqual(self.there.run("update", "--attr", "room=attic", "--service", "smb:445").code, 0)
        self.await_rows("SELECT 1 FROM events WHERE event = 'changed' AND peer = 'nas'", 1)
        self.finish(recorder)
        self.assertRegex(self.history("nas"), r"  changed         nas  \+smb:445 room=attic\n")

    def test_what_is_not_there(self):
        self.record_readings()
        error = f"muster history: {self.file}: "
        self.assertEqual(
            self.history("kitchen/tt", code=4), error + "nothing of 'kitchen/tt' is in it; did you mean 'kitchen/t' or 'kitchen/note'?\n"
        )
        self.assertIn("+ stands for one level", self.history("kitchen/*", code=4))
        self.assertEqual(self.history("attic", code=4), error + "nothing of 'attic' is in it\n")
        self.assertEqual(
            self.history("kitchen/t", "--since", "2028-01-01", code=4),
            error + "no reading of 'kitchen/t' in that time; there are some from 2027-01-15 08:00 to 2027-01-15 08:09\n",
        )
        self.assertEqual(self.history("thermo", "--since", "2100-01-01", code=4),
                         error + "no event of 'thermo' in that time\n")
        self.assertIn("at most 1000000 buckets", self.history("kitchen/t", "--every", "1ms", "--since", "2020-01-01", code=2))
        self.assertIn("a peer has events", self.history("thermo", "--plot", code=2))
        missing = self.here.run("history", "t", "--db", str(self.directory / "missing.db"))
        self.check_refused(missing, "missing.db: No such file or directory")

    def test_texts_of_strangers(self):
        self.record_readings('{"n":"kitchen/evil","vs":"=1+1,\\u001b[31m","t":1.8e9}')
        text = self.history("kitchen/evil", "--raw", "--csv")
        self.assertIn(",text,\"'=1+1,", text)
        self.assertNotIn("\x1b", text + self.history("kitchen/evil", "--raw"))

    def test_a_large_value_is_not_shown(self):
        """Of what fits no datagram a terminal shows the size alone."""
        self.record_readings(json.dumps({"n": "camera/note", "vs": "x" * 2000, "t": 1.8e9}))
        self.assertEqual(self.history("camera/note", "--raw"), "2027-01-15 08:00:00.000  (text, 2000 bytes)\n")
        self.assertIn("x" * 2000, self.history("camera/note", "--raw", "--csv"))

    def test_a_peer_that_is_called_like_a_topic(self):
        recorder = self.record()
        self.publish("thermo 1\n", "--name", "thermo")
        self.await_rows("SELECT 1 FROM readings", 1)
        self.finish(recorder)
        self.assertIn("COUNT", self.history("thermo"))
        self.assertIn("joined", self.history("name:thermo"))
        self.assertEqual(self.history("name:thermo"), self.history("id:" + self.peer_id()))

    # ---- replay ----

    def subscribe(self):
        return self.here.start("subscribe", "#", "--ndjson").await_listening()

    def replay(self, *arguments, code=0):
        process = self.there.start("replay", str(self.file), *arguments)
        process.finish()
        self.assertEqual((process.code, process.out), (code, ""), process.describe())
        return process

    def test_replay(self):
        """Everything is as it was, at another pace and from somebody else."""
        text = '{"n":"kitchen/n","v":9007199254740991,"t":1.8e9}'
        more = ['{"n":"kitchen/on","vb":true,"t":1.8e9}', '{"n":"kitchen/data","vd":"aGkg","t":1.8e9,"s":3,"ut":60}']
        self.record_readings(text, *more)
        subscriber = self.subscribe()
        result = self.replay("--speed", "1000", "--name", "player")
        self.assertEqual(result.error, "muster replay: 64 readings published, 0 refused\n")
        await_records(subscriber, 64)
        came = [record for record in records(subscriber) if record["sample"] != "last"]
        self.assertEqual({record["peer"] for record in came}, {"player"})
        kept = [json.loads(line) for line in self.history("kitchen/#", "--senml").splitlines()]
        labels = ("n", "u", "v", "vs", "vb", "vd", "s", "t", "ut")
        plain = [{label: record[label] for label in labels if label in record} for record in came]
        self.assertEqual(sorted(plain, key=str), sorted(kept, key=str))

    def test_a_part_with_new_times(self):
        self.record_readings()
        subscriber = self.subscribe()
        part = ("--from", "2027-01-15T08:01:00Z", "--to", "2027-01-15T08:02:00Z", "--topic", "+/t")
        self.assertIn(" 6 readings published", self.replay(*part, "--new-times", "--speed", "1000").error)
        await_records(subscriber, 6)
        self.assertEqual([value_of(record) for record in records(subscriber)], [6 / 4 + i / 4 for i in range(6)])
        for record in records(subscriber):
            self.assertNotEqual(int(record["t"]) // 3600, self.BEGIN // 3600)

    def test_an_origin_is_kept(self):
        """What was brought from elsewhere is recorded, printed and played as that."""
        recorder = self.record()
        carried = {"n": "kitchen/t", "v": 21, "t": self.BEGIN, "peer": "site", "id": "0" * 32, "sample": "live"}
        self.publish(json.dumps(carried) + "\n", "--name", "bridge")
        self.publish("door true\n", "--name", "thermo")
        self.await_rows("SELECT 1 FROM readings", 2)
        self.finish(recorder)
        sql = "SELECT name, peer, origin FROM readings ORDER BY name"
        self.assertEqual(self.rows(sql), [("door", "thermo", ""), ("kitchen/t", "bridge", "site")])
        (series,) = self.here.json("history", "kitchen/t", "--db", str(self.file), "--since", "2000-01-01", "--json")["series"]
        self.assertEqual(series["origin"], "site")
        subscriber = self.subscribe()
        self.replay("--new-times")
        got = [(record["n"], record.get("origin")) for record in await_records(subscriber, 2)]
        self.assertEqual(sorted(got), [("door", None), ("kitchen/t", "site")])

    def test_the_pace(self):
        """Twice as slow takes no less than twice the time."""
        recorder = self.record("t")
        publisher = self.there.start("publish", "--topic", "t")
        publisher.write("1\n")
        self.await_rows("SELECT 1 FROM readings", 1)
        publisher.write("2\n")
        self.await_rows("SELECT 1 FROM readings", 2)
        publisher.stop()
        self.finish(recorder)
        ((first,), (second,)) = self.rows("SELECT received_us FROM readings ORDER BY entry")
        subscriber = self.subscribe()
        self.replay("--new-times", "--speed", "0.5")
        one, two = await_records(subscriber, 2)
        # The times are those of publishing, rounded to milliseconds.
        self.assertGreater(two["t"] - one["t"], 2 * (second - first) / 1e6 - 0.01)

    def test_more_topics_than_can_be_played(self):
        self.record_readings()
        with contextlib.closing(sqlite3.connect(self.file)) as db:
            db.executescript(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
                " INSERT INTO series (name, topic, unit, origin, peer, last_slice)"
                " SELECT 'many/' || i, 'many/' || i, '', '', (SELECT min(peer) FROM peer), 1 FROM n"
            )
        self.assertIn("more than 256 topics; --topic takes some of them", self.replay(code=1).error)
        self.assertIn(" 60 readings published", self.replay("--topic", "kitchen/t", "--speed", "1000").error)

    def test_nothing_to_play(self):
        self.record_readings()
        error = f"muster replay: {self.file}: no reading to play"
        self.assertEqual(self.replay("--topic", "attic", code=4).error, error + " of attic\n")
        self.assertEqual(self.replay("--from", "2028-01-01", code=4).error, error + "\n")


main()
