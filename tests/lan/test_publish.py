# SPDX-License-Identifier: MIT
"""Values, lines and packs become readings that others get, each once and in order."""

import array
import base64
import ctypes
import fcntl
import json
import os
import re
import signal
import termios
import time

from lab import MUSTER, LanTest, main, note
from telemetry import await_records, readings, records


class PublishTest(LanTest):
    HOSTS = 2

    def subscribe(self, *arguments):
        """A subscriber to everything, which listens already."""
        return self.here.start("subscribe", *(arguments or ["#"]), "--ndjson").await_listening()

    def publish(self, text, *arguments, codes=(0,)):
        """Publishes lines to their end."""
        process = self.there.start("publish", *arguments)
        process.write(text)
        process.close_input()
        process.finish()
        self.assertIn(process.code, codes, process.describe())
        self.assertEqual(process.out, "")
        return process


class Publish(PublishTest):
    # ---- values ----

    def test_one_value(self):
        subscriber = self.subscribe()
        began = time.monotonic()
        result = self.there.run("publish", "kitchen/climate/temperature", "-21.5", "--unit", "Cel", "--name", "thermo")
        self.assertEqual((result.code, result.out, result.error), (0, "", ""))
        note(f"one value: {time.monotonic() - began:.2f} s")
        (record,) = await_records(subscriber, 1)
        self.assertEqual((record["n"], record["u"], record["v"]), ("kitchen/climate/temperature", "Cel", -21.5))
        self.assertEqual((record["peer"], record["sample"]), ("thermo", "live"))
        self.assertLess(abs(record["t"] - time.time()), 60)

    def test_one_value_where_datagrams_are_lost(self):
        self.lan.require_isolation()
        subscriber = self.subscribe()
        for host in self.lan.hosts:
            host.lose_incoming(10)
        for number in range(6):
            result = self.there.run("publish", f"t{number}", str(number))
            self.assertEqual((result.code, result.error), (0, ""))
        self.lan.wait_for(lambda: len(subscriber.lines) == 6, "all of them")
        self.assertEqual(readings(subscriber), [(f"t{number}", number) for number in range(6)])

    def test_kinds_of_values(self):
        values = [("1e+3", 1000), ("true", True), ("007", "007"), ("a b", "a b"), ('{"v":1}', 1), ("-0.5", -0.5)]
        self.check_values([([text], expected) for text, expected in values] + [(["21", "--text"], "21")])

    def check_values(self, values):
        """Publishes values of the command line, all at once, each under a topic of its own."""
        subscriber = self.subscribe()
        processes = [
            self.there.start("publish", f"t{number}", *arguments) for number, (arguments, _) in enumerate(values)
        ]
        for process in processes:
            self.assertEqual(process.finish().code, 0, process.describe())
        await_records(subscriber, len(values))
        expected = [(f"t{number}", value) for number, (_, value) in enumerate(values)]
        self.assertEqual(sorted(readings(subscriber)), expected)
        return subscriber

    def test_a_value_that_fits_no_datagram(self):
        """Of a length that fits just so, and of longer ones: each comes as it was given."""
        lengths = (1100, 1200, 1400, 10_000, 100_000)
        values = [(["x" * length], "x" * length) for length in lengths]
        self.check_values(values)

    def test_blanks(self):
        """On the command line they are a text; of lines those that have nothing else are bad."""
        values = (("   ", "   "), (" a\t", " a\t"), (" 21.5 ", 21.5), (" true", True))
        subscriber = self.check_values([([text], expected) for text, expected in values])
        process = self.publish("1\n\n\r\n  \n 2 \n", "--topic", "lines", codes=(1,))
        self.assertEqual(process.error, "muster publish: line 4: expected a VALUE, got nothing but blanks\n")
        self.lan.wait_for(lambda: readings(subscriber)[-2:] == [("lines", 1), ("lines", 2)], "the lines")

    # ---- lines ----

    LINES = (
        "\ufeffdoor open\n"
        "\n"
        "  kitchen/temp \t 21.5  \r\n"
        '{"n":"cellar/power/total","u":"kWh","v":17}\n'
        '[{"bn":"cellar/","n":"power","u":"W","v":5},{"n":"light","vb":false},{"n":"key","vd":"aGkgCg"}]\n'
        "kitchen/temp 21.6"
    )

    def test_lines(self):
        subscriber = self.subscribe()
        self.publish(self.LINES)
        await_records(subscriber, 7)
        self.assertEqual(
            sorted(readings(subscriber), key=str),
            sorted(
                [
                    ("door", "open"),
                    ("kitchen/temp", 21.5),
                    ("cellar/power/total", 17),
                    ("cellar/power", 5),
                    ("cellar/light", False),
                    ("cellar/key", "aGkgCg"),
                    ("kitchen/temp", 21.6),
                ],
                key=str,
            ),
        )
        units = {record["n"]: record.get("u") for record in records(subscriber)}
        self.assertEqual((units["cellar/power"], units["door"]), ("W", None))

    def test_lines_of_other_programs(self):
        subscriber = self.subscribe()
        self.publish("2020-09-13T12:26:40Z;a/b;21.5\n", "--format", "%s;%t;%v")
        self.publish("time,name,unit,value\n1600000001,a/c,Cel,7\n", "--csv", "--name", "other")
        await_records(subscriber, 2)
        self.assertEqual(sorted((r["n"], r["v"], r.get("u"), r["t"]) for r in records(subscriber)),
                         [("a/b", 21.5, None, 1600000000), ("a/c", 7, "Cel", 1600000001)])
        process = self.publish('{"n":"serial","v":9007199254740993}\n')
        fault = 'line 1: a number beyond 2^53 may lose its last digits; as a text ("vs") it keeps them'
        self.assertEqual(process.error, f"muster publish: {fault}\n")
        process = self.publish("alone\n", "--format", "%t %v", codes=(1,))
        self.assertEqual(process.error, "muster publish: line 1: expected a line such as '%t %v'\n")
        for arguments in (["--format", "%v"], ["--format", "%t %v", "--topic", "a"], ["a", "1", "--csv"]):
            self.assertEqual(self.there.run("publish", *arguments).code, 2, arguments)

    def test_values_of_one_topic(self):
        subscriber = self.subscribe()
        text = '1\n2.5\nopen\n{"n":"a","v":3}\n{"n":"t/x/b","v":4}\n{"v":5}\n'
        self.publish(text, "--topic", "t/x", "--unit", "lx")
        await_records(subscriber, 6)
        expected = [("t/x", 1), ("t/x", 2.5), ("t/x", "open"), ("t/x/a", 3), ("t/x/b", 4), ("t/x", 5)]
        self.assertEqual(readings(subscriber), expected)
        self.assertEqual([record.get("u") for record in records(subscriber)], ["lx", "lx", None, "lx", "lx", "lx"])

    def test_as_they_come(self):
        """What a slow program says is there at once, not with the end of its output."""
        subscriber = self.subscribe()
        process = self.there.start("publish")
        for number in range(3):
            process.write(f"t {number}\n")
            await_records(subscriber, number + 1)
        process.write("t 3")
        process.close_input()
        await_records(subscriber, 4)
        self.assertEqual(process.finish().code, 0)
        self.assertEqual(readings(subscriber), [("t", number) for number in range(4)])

    def test_a_stream_of_senml(self):
        """An array that never ends: its records leave as they come, with or without line ends, and bases hold."""
        subscriber = self.subscribe()
        process = self.there.start("publish")
        process.write('[{"bn":"k/","bu":"Cel","bver":5,"n":"t","v":0}')
        await_records(subscriber, 1)
        for number in range(1, 4):
            process.write(',{"n":"t","v":%d}' % number)
            await_records(subscriber, number + 1)
        process.write(',\n{"bn":"other/"}\n,{"n":"x","v":4}\n')
        await_records(subscriber, 5)
        process.write('{"n":"x","v":NaN}\n{"n":"x","v":5}\n{"bn":"far/","v":}\n{"n":"lost","v":6}\n')
        self.lan.wait_for(lambda: process.error.count("\n") == 2, "both faults")
        process.write(']\nafter 7\n')
        await_records(subscriber, 7)
        process.close_input()
        self.assertEqual(process.finish().code, 1)
        self.assertEqual(readings(subscriber),
                         [("k/t", 0), ("k/t", 1), ("k/t", 2), ("k/t", 3), ("other/x", 4), ("other/x", 5), ("after", 7)])
        self.assertEqual([record.get("u") for record in records(subscriber)], ["Cel"] * 6 + [None])
        self.assertEqual(process.error.splitlines(), [
            "muster publish: line 4: no number where one should be",
            "muster publish: line 6: no number where one should be; "
            "the records behind it are passed over, as its bases are not known",
        ])

    def test_a_stream_that_breaks_off(self):
        """What was whole counts, and so does an array that is longer than a line may be."""
        subscriber = self.subscribe()
        self.publish('[{"bn":"a/","n":"x","v":1},\n{"n":"y","v":2}\n')
        self.publish("[" + ",".join('{"n":"long/x","v":%d%s}' % (n, " " * 1000) for n in range(100)) + "]\n")
        await_records(subscriber, 102)
        found = readings(subscriber)
        self.assertEqual([reading for reading in found if reading[0] != "long/x"], [("a/x", 1), ("a/y", 2)])
        self.assertEqual([reading for reading in found if reading[0] == "long/x"], [("long/x", number) for number in range(100)])

    def test_names_of_lwm2m(self):
        """Below a topic, or below the URN of a device; packs and single records say the same of them."""
        subscriber = self.subscribe()
        packs = self.here.start("subscribe", "#", "--senml").await_listening()
        self.publish('[{"bn":"/3303/0/","bt":1600000000,"n":"5700","u":"Cel","v":21.5},{"n":"5701","vs":"Cel"}]\n'
                     '{"n":"/3/0/9","v":95}\n', "--topic", "node1")
        self.publish('[{"bn":"urn:dev:ow:10e2:/3303/0/","n":"5700","v":1},{"bn":"urn:dev:ow:10e2:","n":"temp","v":2}]\n'
                     '{"n":"/3303/0/5700","v":3}\n', "--name", "other", codes=(1,))
        await_records(subscriber, 5)
        self.assertEqual(sorted(readings(subscriber), key=str), [
            ("node1/3/0/9", 95), ("node1/3303/0/5700", 21.5), ("node1/3303/0/5701", "Cel"),
            ("urn:dev:ow:10e2:/3303/0/5700", 1), ("urn:dev:ow:10e2:temp", 2)])
        self.lan.wait_for(lambda: len(self.resolved(packs)) == 5, "the packs")
        members = ("n", "u", "v", "vs", "t")
        self.assertEqual(sorted(self.resolved(packs), key=str), sorted(
            [{name: record[name] for name in members if name in record} for record in records(subscriber)], key=str))

    def resolved(self, process):
        """The records of packs, by RFC 8428, 4.6, as far as muster writes them."""
        found = []
        for line in process.lines:
            base = {}
            for record in json.loads(line):
                base |= {name: record[name] for name in ("bn", "bt") if name in record}
                record = {"n": base["bn"] + record.get("n", ""), "t": base["bt"] + record.get("t", 0)} | {
                    name: record[name] for name in ("u", "v", "vs") if name in record}
                found.append({name: record[name] for name in ("n", "u", "v", "vs", "t") if name in record})
        return found

    def node(self):
        """A muster that takes values."""
        return self.there.announce("node")

    def last_values(self):
        """What a late joiner is given of the retained topic, until all of it came."""
        last = self.here.run("subscribe", "heating/#", "end", "--count", "2", "--timeout", "10", "--ndjson")
        return {record["n"]: (record.get("v"), record.get("u"), record["t"], record["sample"]) for record in records(last)}

    def test_a_value_is_retained_across_restarts(self):
        node = self.node()

        def publish(*arguments):
            result = self.there.run("publish", *arguments)
            self.assertEqual((result.code, result.error), (0, ""), result.describe())

        publish("heating/target", "20", "--unit", "Cel", "--retain")
        publish("heating/target", "21", "--unit", "Cel", "--retain")
        publish("end", "1")
        before = self.last_values()
        self.assertEqual(before["heating/target"][:2], (21, "Cel"))
        self.lan.wait_for(lambda: b'"v":21' in b"".join(path.read_bytes() for path in self.there.state.glob("**/node/cached")), "it is on the disk")
        node.signal(signal.SIGKILL)
        self.lan.wait_for(lambda: node.done, "its end")
        node = self.node()
        publish("end", "2")
        after = self.last_values()
        self.assertEqual(after["heating/target"][:3], before["heating/target"][:3])
        self.assertEqual(after["heating/target"][3], "last")
        self.assertEqual(self.here.json("topics", "heating/#", "--json")["topics"][0]["unit"], "Cel")
        publish("heating/target", "22", "--unit", "Cel")  # which is not retained
        node.stop()
        self.node()
        publish("end", "3")
        publish("heating/other", "1")
        self.assertEqual(set(self.last_values()), {"heating/other", "end"})

    def test_a_publisher_retains_nothing(self):
        """It ends some time: a value goes to the announce beside it, or is refused."""
        publisher = self.there.start("publish", "--name", "a-publisher")
        publisher.write("a/running 1\n")
        self.lan.wait_for(lambda: self.topics() == {("a/running", None, "a-publisher")}, "it runs")
        result = self.there.run("publish", "heating/target", "21", "--retain")
        self.assertEqual((result.code, "no muster announce of this user" in result.error), (1, True), result.describe())
        node = self.node()
        result = self.there.run("publish", "heating/target", "22", "--retain")
        self.assertEqual((result.code, result.error), (0, ""), result.describe())
        self.lan.wait_for(lambda: ("heating/target", None, "node") in self.topics(), "the announce has it")
        self.assertNotIn(("heating/target", None, "a-publisher"), self.topics())
        publisher.stop()
        for length in (1300, 1401, 60000):
            result = self.there.run("publish", "heating/plan", "x" * length, "--retain")
            self.assertNotEqual(result.code, 0, result.describe())
        self.check_refused(result, "--retain: expected a VALUE that fits one datagram", code=2)
        node.stop()

    def test_nobody_is_there_to_retain_a_value(self):
        result = self.there.run("publish", "a", "1", "--retain")
        self.assertEqual((result.code, "no muster announce of this user" in result.error), (1, True), result.describe())
        for arguments in (["--retain"], ["--retain", "--direct", "a", "1"], ["--retain", "--name", "x", "a", "1"]):
            self.assertEqual(self.there.run("publish", *arguments).code, 2)

    def test_topics_are_announced(self):
        process = self.there.start("publish", "--name", "thermo")
        process.write('kitchen/temp 1\n[{"bn":"cellar/","n":"power","u":"W","v":5}]\n')
        known = {("kitchen/temp", None, "thermo"), ("cellar/power", "W", "thermo")}
        self.lan.wait_for(lambda: self.topics() == known, "its topics are known")
        process.write('{"bn":"cellar/","n":"light","u":"lx","v":5}\n')
        self.lan.wait_for(lambda: ("cellar/light", "lx", "thermo") in self.topics(), "the unit of a new record")
        process.close_input()
        process.finish()
        self.assertEqual(self.here.run("topics").code, 3)

    def topics(self):
        found = self.here.json("topics", "--json")["topics"]
        return {(row["name"], row["unit"], row["peer"]["name"]) for row in found}

    def test_new_topics_lose_nothing(self):
        """The first record of each topic reaches who is there already; those that come together wait together."""
        subscriber = self.subscribe()
        began = time.monotonic()
        self.publish("".join(f"topic{number} {number}\n" for number in range(100)))
        took_s = time.monotonic() - began
        await_records(subscriber, 100)
        self.assertEqual(sorted(value for _, value in readings(subscriber)), list(range(100)))
        note(f"100 topics: {took_s:.2f} s")

    def test_too_many_topics(self):
        process = self.publish("".join(f"topic{number} {number}\n" for number in range(258)), codes=(1,))
        lines = process.error.splitlines()
        self.assertEqual(lines[0], "muster publish: line 257: no room for topic 'topic256': one publisher announces 256 at most")
        self.assertEqual(len(lines), 3)
        self.assertIn("published, but nobody was heard on", lines[2])

    def test_nobody_hears(self):
        """Who publishes is told so, unless somebody is there."""
        silent = self.there.run("publish", "topic", "1")
        self.assertEqual((silent.code, silent.error.count("\n")), (0, 1), silent.describe())
        self.assertIn("published, but nobody was heard on", silent.error)
        self.subscribe()
        self.assertEqual(self.there.run("publish", "topic", "1").error, "")

    # ---- bad lines ----

    BAD = (
        "fine 1\n"
        "nothing\n"
        "kitchen/# 1\n"
        "t nan\n"
        '[{"n":"a","v":1},{"n":"b","v":]\n'
        + "x" * 70_000
        + "\n"
        + "t a\0b\n"
        + "t \udcff\n"
        + "fine 2\n"
    )
    FAULTS = [
        "line 2: expected TOPIC VALUE, got 'nothing'",
        "line 3: a topic has no wildcards: + and # are for patterns",
        "line 4, column 3: expected a finite number, got 'nan'",
        "line 5, column 31: no number where one should be",
        "line 6: expected at most 65536 bytes",
        "line 7, column 4: expected text, got a NUL byte",
        "line 8, column 3: expected UTF-8, got the byte 0xFF",
    ]

    def test_bad_lines(self):
        subscriber = self.subscribe()
        process = self.publish(self.BAD, codes=(1,))
        lines = process.error.splitlines()
        self.assertEqual(lines, [f"muster publish: {fault}" for fault in self.FAULTS])
        await_records(subscriber, 2)
        self.assertEqual(sorted(readings(subscriber)), [("fine", 1), ("fine", 2)])

    def test_other_json(self):
        """It is no SenML, and --flatten is named."""
        for arguments in ([], ["--topic", "z"]):
            process = self.publish('{"temperature":21.5}\n', *arguments, codes=(1,))
            self.assertRegex(process.error, "line 1, column 1: a record without a .*; --flatten makes a reading of each value")

    def test_a_heading_that_lacks_a_column(self):
        """One line says so, whatever follows."""
        publisher = self.here.start("publish", "--csv")
        publisher.write("a,b\n1,2\n3,4\n")
        publisher.close_input()
        publisher.finish()
        self.assertEqual((publisher.code, publisher.error.count("expected a heading")), (1, 1), publisher.describe())

    def test_a_unit_in_the_value(self):
        result = self.here.run("publish", "t", "21.5 Cel")
        self.assertEqual(result.code, 0, result.describe())
        self.assertIn("'21.5 Cel' is published as a text; a number's unit goes into --unit: 21.5 --unit Cel", result.error)
        self.assertNotIn("--unit", self.here.run("publish", "t", "21.5 apples").error)

    def test_on_a_terminal_it_says_what_it_reads(self):
        master, slave = os.openpty()
        publisher = self.here.start_program("sh", "-c", f"exec {MUSTER} publish < {os.ttyname(slave)}")
        os.close(slave)
        said = "reads lines of TOPIC VALUE from the terminal; Ctrl-D ends them"
        self.lan.wait_for(lambda: said in publisher.error, "the line")
        publisher.stop()
        os.close(master)

    def test_strict(self):
        subscriber = self.subscribe()
        process = self.publish(self.BAD, "--strict", codes=(1,))
        self.assertEqual(process.error, f"muster publish: {self.FAULTS[0]}\n")
        await_records(subscriber, 1)
        self.assertEqual(readings(subscriber), [("fine", 1)])

    def test_units_that_nobody_knows(self):
        subscriber = self.subscribe()
        text = '{"n":"t","u":"furlong","v":1}\n' * 3 + '{"n":"t","u":"Cel","v":1}\n{"n":"t","u":"\u202e","v":1}\n'
        process = self.publish(text)
        self.assertEqual(process.error.count("\n"), 2, process.describe())
        self.assertIn("'furlong' is no unit", process.error)
        self.assertIn("'\\u{202E}' is no unit", process.error)
        self.assertEqual([record["u"] for record in await_records(subscriber, 5)][:3], ["furlong"] * 3)

    # ---- other inputs ----

    def test_json(self):
        """Messages of MQTT, and JSON that is flattened."""
        subscriber = self.subscribe()
        message = {"tst": "2026-01-02T03:04:05.500000Z", "topic": "z/sensor", "payload": json.dumps({"on": True, "t": [1, 2]})}
        self.publish(json.dumps(message) + "\n" + json.dumps(message | {"payload": ""}) + "\n", "--flatten")
        self.publish(json.dumps(message | {"topic": "plain", "payload": "a\nb"}) + "\n")
        refused = self.publish(json.dumps(message | {"topic": "a b"}) + "\n", codes=(1,))
        self.assertIn("line 1: a topic has no spaces, got 'a b'", refused.error)
        self.publish('{"load":0.5}\n', "--flatten", "--topic", "nas")
        await_records(subscriber, 5)
        values = {record["n"]: record.get("v", record.get("vb", record.get("vs"))) for record in records(subscriber)}
        expected = {"z/sensor/on": True, "z/sensor/t/0": 1, "z/sensor/t/1": 2, "plain": "a\nb", "nas/load": 0.5}
        self.assertEqual(values, expected)
        self.assertEqual({record["t"] for record in records(subscriber) if "sensor" in record["n"]}, {1767323045.5})

    def test_inputs(self):
        subscriber = self.subscribe()
        path = self.lan.directory / "lines"
        path.write_text("".join(f"t {number}\n" for number in range(1000)))
        for script, code, error in (
            (f'exec "$0" publish < {path}', 0, ""),
            ('exec "$0" publish < /dev/null', 0, ""),
            ('exec "$0" publish <&-', 1, "standard input"),
            (f'exec "$0" publish < {self.lan.directory}', 1, "standard input"),
        ):
            with self.subTest(script=script):
                result = self.there.start_program("sh", "-c", script, MUSTER).finish()
                self.assertEqual(result.code, code, result.describe())
                self.assertIn(error, result.error)
        await_records(subscriber, 1000)
        self.assertEqual([value for _, value in readings(subscriber)], list(range(1000)))

    def test_input_is_left_as_it_was(self):
        """Whoever shares the pipe may wait in it as before."""
        process = self.there.start("publish")
        process.write("t 1\n")
        self.lan.wait_for(lambda: not os.get_blocking(self.reading_end(process)), "it reads without waiting")
        end = self.reading_end(process)
        self.addCleanup(os.close, end)
        process.stop()
        self.assertTrue(os.get_blocking(end))

    def reading_end(self, process):
        """The process's own standard input."""
        pidfd = os.pidfd_open(process.pid)
        self.addCleanup(os.close, pidfd)
        # pidfd_getfd(2), which Python does not wrap.
        return ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, 0, 0)

    # ---- pacing ----

    def test_no_faster_than_the_rate(self):
        """Input waits for the network, and nothing is lost for that."""
        count = 20_000
        text = "".join(f"t {number}\n" for number in range(count))
        subscriber = self.subscribe()
        process = self.there.start("publish", "--rate", "100k")
        began = time.monotonic()
        rest = memoryview(text.encode())
        os.set_blocking(process.input.fileno(), False)
        while rest:
            try:
                rest = rest[os.write(process.input.fileno(), rest) :]
            except BlockingIOError:
                self.lan.pump(0.02)
        process.close_input()
        taken_s = time.monotonic() - began
        process.finish(60)
        took_s = time.monotonic() - began
        await_records(subscriber, count)
        self.assertEqual([value for _, value in readings(subscriber)], list(range(count)))
        note(f"{count} records at 100 kB/s: taken in {taken_s:.1f} s, {took_s:.1f} s in all")
        self.assertGreater(taken_s, 1)
        self.assertEqual((process.code, process.error), (0, ""))

    # ---- the end ----

    def test_what_was_read_leaves(self):
        """Also when the topic is not announced yet."""
        subscriber = self.subscribe("--no-last", "#")
        process = self.there.start("publish", "--topic", "seq")
        process.await_listening()
        process.write("".join(f"{number}\n" for number in range(100)))
        self.lan.wait_for(lambda: self.is_empty(process.input), "it has read all")
        process.signal(signal.SIGTERM)
        process.finish()
        self.assertEqual((process.code, process.error), (0, ""))
        await_records(subscriber, 100)
        self.assertEqual([value for _, value in readings(subscriber)], list(range(100)))

    def is_empty(self, pipe):
        """Nobody has to read more of it."""
        waiting = array.array("i", [0])
        fcntl.ioctl(pipe.fileno(), termios.FIONREAD, waiting)
        return waiting[0] == 0

    def test_what_the_rate_holds_back_is_counted(self):
        """A second signal does not wait."""
        for signals in (1, 2):
            process = self.there.start("publish", "--rate", "1k")
            process.write("".join(f"t {number}\n" for number in range(5_000)))
            self.lan.wait_for(lambda process=process: self.is_empty(process.input), "it has read all")
            for _ in range(signals):
                process.signal(signal.SIGTERM)
            process.finish()
            self.assertEqual(process.code, 1, process.describe())
            self.assertRegex(process.error, "[0-9]+ lines? w.* not published: it was stopped|[0-9]+ datagrams? of readings")

    def test_what_the_system_refuses_is_counted(self):
        self.there.nft(
            "table inet o { chain o { type filter hook output priority 0; ip daddr 239.255.0.0/16 drop; }; }"
        )
        process = self.publish("a/b 5\n", codes=(1,))
        self.assertIn("fails: Operation not permitted", process.error)
        self.assertRegex(process.error, "[0-9]+ datagrams? of readings did not leave this host")

    def test_signals(self):
        """What lingers leaves before the publisher does."""
        subscriber = self.subscribe("--no-last", "#")
        watch = self.here.watch("--direct")
        signals = {"t0": signal.SIGTERM, "t1": signal.SIGINT, "t2": signal.SIGHUP}
        processes = {}
        for name in signals:
            processes[name] = self.there.start("publish", "--name", name, "--linger", "60s")
            watch.await_event("joined", name=name)
            processes[name].write(f"{name} 1\n{name} 2\n")
        self.lan.wait_for(lambda: self.topic_names() == set(signals), "their topics")
        self.lan.never(lambda: subscriber.lines, "what lingers has left", 0.8)
        for name, process in processes.items():
            process.signal(signals[name])
            process.finish()
            self.assertEqual((process.code, process.error), (0, ""))
            watch.await_event("left", name=name)
        await_records(subscriber, 2 * len(signals))

    def topic_names(self):
        return {row["name"] for row in self.here.json("topics", "--json", "--direct")["topics"]}

    # ---- by the muster that runs here ----

    def test_by_a_running_muster(self):
        self.there.announce("keeper")
        subscriber = self.subscribe()
        for arguments in (["a/b", "21.5", "--unit", "Cel"], ["a/b", '{"n":"x","vb":true}'], ["c", "text"]):
            result = self.there.run("publish", *arguments)
            self.assertEqual((result.code, result.out, result.error), (0, "", ""), result.describe())
        # A reading that is new to the subscriber may come as a last value, and live as well.
        self.lan.wait_for(lambda: {record["n"] for record in records(subscriber)} == {"a/b", "a/b/x", "c"}, "all names")
        self.assertEqual({record["peer"] for record in records(subscriber)}, {"keeper"})
        values = {record["n"]: record.get("v", record.get("vb", record.get("vs"))) for record in records(subscriber)}
        self.assertEqual(values, {"a/b": 21.5, "a/b/x": True, "c": "text"})
        late = self.subscribe()
        await_records(late, 3)
        result = self.there.run("publish", "c", "1", "--unit", "furlong")
        self.assertIn("'furlong' is no unit", result.error)

    def test_not_by_a_running_muster(self):
        """Where somebody asks for a peer of its own, or the value is no single record."""
        self.there.announce("keeper")
        subscriber = self.subscribe()
        self.there.run("publish", "a", "1", "--direct", "--name", "own")
        self.there.run("publish", "a", '[{"n":"x","v":2},{"n":"y","v":3}]')
        await_records(subscriber, 3)
        self.assertNotIn("keeper", {record["peer"] for record in records(subscriber)})

    def test_below_an_announced_command(self):
        """Its socket is the other muster's: it keeps out of the way."""
        subscriber = self.subscribe()
        script = 'echo "t $MUSTER_SOCKET" | "$0" publish --name inner'
        result = self.there.run("announce", "--name", "outer", "--", "sh", "-c", script, MUSTER)
        self.assertEqual(result.code, 0, result.describe())
        (record,) = await_records(subscriber, 1)
        self.assertEqual(record["peer"], "inner")
        self.assertIn("/outer/socket", record["vs"])

    def test_two_of_one_name(self):
        subscriber = self.subscribe()
        processes = [self.there.start("publish", "--name", "thermo") for _ in range(2)]
        for process in processes:
            process.write("t 1\n")
        self.lan.wait_for(lambda: len({record["id"] for record in records(subscriber)}) == 2, "both of them")
        for process in processes:
            process.close_input()
            self.assertEqual(process.finish().code, 0)


class LargeValues(PublishTest):
    """Octets of a file, which no datagram holds, are fetched from who published them."""

    OCTETS = bytes(range(256)) * 1600

    def file(self, octets=OCTETS):
        path = self.lan.directory / "thumbnail.jpg"
        path.write_bytes(octets)
        return str(path)

    def check(self, record, octets=OCTETS):
        data = record["vd"]
        self.assertEqual(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)), octets)
        self.assertEqual((record["n"], record["peer"]), ("camera/thumbnail", "camera"))

    def check_group(self):
        """Whoever subscribes before, and whoever comes later, is given the value by the announce that took it."""
        camera = self.there.announce("camera")
        self.lan.wait_for(lambda: "camera is " in camera.error, "it runs")
        subscriber = self.subscribe("camera/#")
        self.lan.wait_for(lambda: self.here.peers("--direct"), "they meet")
        result = self.there.run("publish", "camera/thumbnail", "--file", self.file())
        self.assertEqual((result.code, result.out, result.error), (0, "", ""))
        (record,) = await_records(subscriber, 1)
        self.check(record)
        self.assertEqual(subscriber.error, "")
        late = self.here.start("subscribe", "camera/#", "--ndjson")
        (record,) = await_records(late, 1)
        self.check(record)
        self.assertEqual(record["sample"], "last")
        result = self.there.run("publish", "camera/thumbnail", "--file", self.file(), "--retain")
        self.assertEqual((result.code, result.out), (2, ""))
        self.assertIn("fits one datagram", result.error)

    def test_an_announce_that_takes_it(self):
        self.check_group()

    def test_in_a_closed_group(self):
        self.lan.require_isolation()
        self.there.share_key("home", self.here)
        self.check_group()

    def test_a_publisher_of_its_own(self):
        """It stays until those that want the value have it."""
        subscriber = self.subscribe("camera/#")
        other = self.subscribe("kitchen/#")
        publisher = self.there.start("publish", "camera/thumbnail", "--file", "-", "--name", "camera")
        publisher.input.write(self.OCTETS)
        publisher.close_input()
        self.assertEqual(publisher.finish().code, 0, publisher.describe())
        (record,) = await_records(subscriber, 1)
        self.check(record)
        self.assertEqual(other.lines, [])

    def test_where_tcp_is_closed(self):
        """The loss is said once, and what comes behind it is given."""
        self.lan.require_isolation()
        camera = self.there.announce("camera")
        self.lan.wait_for(lambda: "camera is " in camera.error, "it runs")
        subscriber = self.subscribe("camera/#")
        self.lan.wait_for(lambda: self.here.peers("--direct"), "they meet")
        self.assertEqual(self.there.run("publish", "camera/thumbnail", "20").code, 0)
        await_records(subscriber, 1)  # so its group is heard
        self.there.nft("table inet lab { chain incoming { type filter hook input priority 0; meta l4proto tcp drop; }; }")
        for arguments in (["--file", self.file()], ["21"]):
            self.assertEqual(self.there.run("publish", "camera/thumbnail", *arguments).code, 0)
        self.assertEqual([record["v"] for record in await_records(subscriber, 2)], [20, 21])
        self.lan.wait_for(lambda: "could not be fetched" in subscriber.error, "the loss is said")
        self.assertEqual(subscriber.error.count("could not be fetched"), 1)

    def test_lines_of_senml(self):
        """What one subscriber prints another publisher takes; each value comes in its place."""
        subscriber = self.subscribe("b/#")
        data = ["A" * length for length in (4, 5000, 8, 60_000)]
        self.publish("".join('[{"n":"b/c","v":1},{"n":"b/c","vd":"%s"}]\n' % text for text in data))
        expected = [reading for text in data for reading in (("b/c", 1), ("b/c", text))]
        self.lan.wait_for(lambda: len(readings(subscriber)) == len(expected), "all of them")
        self.assertEqual(readings(subscriber), expected)

    def test_octets_come_out_as_they_went_in(self):
        """Readings that have none are passed over. What was recorded is published again."""
        path, database = self.lan.directory / "received.jpg", str(self.lan.directory / "camera.db")
        script = 'exec "$0" subscribe camera/# --octets --count 1 --timeout 30 > "$1"'
        receiver = self.here.start_program("sh", "-c", script, MUSTER, str(path)).await_listening()
        recorder = self.here.start("record", "camera/#", "--db", database).await_listening()
        for arguments in (["21"], ["--file", self.file()]):
            result = self.there.run("publish", "camera/thumbnail", *arguments, "--name", "camera")
            self.assertEqual(result.code, 0, result.describe())
        self.assertEqual(receiver.finish().code, 0, receiver.describe())
        self.assertEqual(path.read_bytes(), self.OCTETS)
        recorder.stop()
        (record,) = [json.loads(line) for line in self.here.run("history", "camera/#", "--db", database, "--senml").out.splitlines()][1:]
        self.assertEqual(len(record["vd"]), (len(self.OCTETS) * 4 + 2) // 3)
        shown = self.here.run("history", "camera/#", "--db", database, "--raw").out.splitlines()[1]
        self.assertTrue(shown.endswith(f"  (data, {len(self.OCTETS)} bytes)"), shown[:200])
        subscriber = self.subscribe("camera/#")
        replay = self.there.run("replay", database, "--speed", "1000")
        self.assertEqual(replay.code, 0, replay.describe())
        self.lan.wait_for(lambda: len(records(subscriber)) >= 2, "both are published again")
        self.assertEqual(records(subscriber)[1]["vd"], record["vd"])

    def test_too_large_a_file(self):
        for octets, expected in ((b"x" * (1 << 20), 0), (b"x" * ((1 << 20) + 1), 2)):
            result = self.there.run("publish", "camera/thumbnail", "--file", self.file(octets), "--name", "camera")
            self.assertEqual(result.code, expected, result.describe())
        self.assertIn("1048576 bytes", result.error)
        result = self.there.run("publish", "camera/thumbnail", "--file", "/nowhere")
        self.assertEqual((result.code, result.error), (2, "muster publish: --file: '/nowhere': No such file or directory\n"))


if __name__ == "__main__":
    main()
