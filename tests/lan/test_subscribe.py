# SPDX-License-Identifier: MIT
"""Readings are printed as they come, for people and for programs, with what was lost of them."""

import itertools
import json
import os
import signal
import time

from lab import MUSTER, LanTest, main
from telemetry import Publisher, await_records, readings, records, shard_of
from test_outputs import validator

TIME = r"\d\d:\d\d:\d\d\.\d\d\d"


def pack(*numbers, name="t"):
    return json.dumps([{"n": name, "v": number} for number in numbers]).encode()


class Subscribe(LanTest):
    def setUp(self):
        self.lan = self.lab(2)
        self.here, self.there = self.lan.hosts

    def subscribe(self, *arguments):
        """A subscriber that listens already."""
        return self.here.start("subscribe", *arguments).await_listening()

    def publisher(self, name="thermo"):
        """A muster publish that waits for lines."""
        return self.there.start("publish", "--name", name)

    def hear(self, *processes):
        """Writes lines to a publisher until all of these subscribers have printed one."""
        publisher = self.publisher("waker")
        numbers = itertools.count()

        def is_heard():
            publisher.write(f"wake {next(numbers)}\n")
            return all(process.lines for process in processes)

        self.lan.wait_for(is_heard, "each hears it")
        return publisher

    # ---- text ----

    def test_text(self):
        subscriber = self.subscribe("#")
        publisher = self.publisher()
        publisher.write("kitchen/temp 21.5\n")
        line = subscriber.await_line("kitchen/temp")
        self.assertRegex(line, rf"^{TIME}  thermo  kitchen/temp  21.5$")
        publisher.write('{"n":"kitchen/humidity","u":"%RH","v":-7}\n')
        self.assertRegex(subscriber.await_line("humidity"), rf"^{TIME}  thermo  kitchen/humidity    -7 %RH$")
        publisher.write("door wide open\n")
        self.assertRegex(subscriber.await_line("door"), rf"^{TIME}  thermo  door              wide open$")
        self.assertEqual((subscriber.stop().code, subscriber.error), (0, ""))

    def test_text_on_a_terminal(self):
        """Nothing that others say can do anything there."""
        process = self.here.start("subscribe", "#", terminal=(100, 30), TERM="xterm-256color")
        hostile = Publisher(self.there, "evil\x1b[2Jname", "t")
        body = json.dumps([{"n": "t/x", "vs": "a\x1b]0;title\x07\x9b5m\u202e", "u": "\x7f\u200b"}]).encode()

        def shown():
            hostile.send(body)
            return "t/x" in process.out

        self.lan.wait_for(shown, "the reading")
        process.signal(signal.SIGTERM)
        process.finish()
        text = process.raw.decode().replace("\r\n", "")
        self.assertNotRegex(text, "[\x00-\x1f\x7f-\x9f\u202e\u200b]")
        for part in ("evil\\u{001B}[2Jname", "a\\u{001B}]0;title\\u{0007}\\u{009B}5m\\u{202E}", "\\u{007F}\\u{200B}"):
            self.assertIn(part, text)

    def test_two_of_one_name(self):
        subscriber = self.subscribe("#")
        publishers = [self.publisher() for _ in range(2)]
        publishers[0].write("a 1\n")
        subscriber.await_line(" a ")
        publishers[1].write("b 1\n")
        line = subscriber.await_line(" b ")
        self.assertRegex(line, r"  thermo \([0-9a-f]{6}\)  b ")
        publishers[0].write("a 2\n")
        self.assertRegex(subscriber.await_line(" 2"), r"  thermo \([0-9a-f]{6}\)  a ")

    # ---- patterns ----

    def test_patterns(self):
        some = self.subscribe("kitchen/+/temp", "cellar/#", "--ndjson")
        every = self.subscribe("#", "--ndjson")
        publisher = self.publisher()
        publisher.write(
            '[{"bn":"kitchen/oven/","n":"temp","v":1},{"n":"door","v":2}]\n'
            "cellar 3\ncellar/a/b 4\nattic/a 5\nkitchen/temp 6\n"
        )
        await_records(every, 6)
        await_records(some, 3)
        self.assertEqual(sorted(value for _, value in readings(some)), [1, 3, 4])
        self.assertEqual(sorted(value for _, value in readings(every)), [1, 2, 3, 4, 5, 6])

    # ---- JSON and SenML ----

    def test_ndjson(self):
        subscriber = self.subscribe("#", "--ndjson")
        publisher = self.publisher()
        publisher.write('[{"bn":"a/","n":"b","u":"J","v":1.5,"s":2,"ut":60},{"n":"c","vd":"aGkg","t":-60},{"n":"d","s":7}]\n')
        publisher.write('{"n":"a/e","vb":true}\ntext "quoted" \\ \u202e\n')
        found = await_records(subscriber, 5)
        check = validator("reading")
        for record in found:
            check.validate(record)
        by_name = {record["n"]: record for record in found}
        self.assertEqual({k: by_name["a/b"][k] for k in "uvs"}, {"u": "J", "v": 1.5, "s": 2})
        self.assertEqual((by_name["a/b"]["ut"], by_name["a/c"]["vd"], by_name["a/d"]["s"]), (60, "aGkg", 7))
        self.assertEqual(by_name["text"]["vs"], '"quoted" \\ \u202e')
        self.assertNotIn("\u202e", subscriber.out)
        self.assertLess(abs(by_name["a/c"]["t"] - time.time() + 60), 30)

    def test_it_can_be_published_again(self):
        """Who gets these lines reads them as SenML."""
        subscriber = self.subscribe("#", "--ndjson")
        publisher = self.publisher()
        publisher.write('{"n":"a/b","u":"W","v":1.5,"t":-60}\n')
        (first,) = await_records(subscriber, 1)
        again = self.publisher("again")
        again.write(subscriber.lines[0] + "\n")
        second = await_records(subscriber, 2)[1]
        for member in ("n", "u", "v", "t"):
            self.assertEqual(second[member], first[member])
        self.assertEqual(second["peer"], "again")

    def test_senml(self):
        subscriber = self.subscribe("a/#", "--senml")
        publisher = self.publisher()
        publisher.write('[{"n":"a/x","v":1},{"n":"a/y","vs":"\u202e"}]\nb 2\n')
        self.lan.wait_for(lambda: subscriber.lines, "a pack")
        publisher.write("a/z 3\n")
        self.lan.wait_for(lambda: len(subscriber.lines) == 2, "another one")
        names = [record["bn"] for line in subscriber.lines for record in json.loads(line) if "bn" in record]
        self.assertEqual(names, ["a/", "a/z"])
        firsts = [json.loads(line)[0] for line in subscriber.lines]
        self.assertEqual([(record["peer"], record["sample"], len(record["id"])) for record in firsts], [("thermo", "live", 32)] * 2)
        self.assertNotIn("\u202e", subscriber.out)
        self.assertFalse([line for line in subscriber.lines if line.endswith(" ")])

    # ---- the end ----

    def test_count(self):
        for options in ([], ["--ndjson"]):
            subscriber = self.subscribe("#", "--count", "3", *options)
            publisher = self.hear(subscriber)
            publisher.write('[{"n":"a","v":1},{"n":"b","v":2},{"n":"c","v":3},{"n":"d","v":4}]\n' * 3)
            self.lan.wait_for(lambda s=subscriber: s.done, "its end")
            self.assertEqual((subscriber.code, len(subscriber.lines), subscriber.error), (0, 3, ""))
            publisher.stop()

    def test_timeouts(self):
        result = self.here.run("subscribe", "#", "--timeout", "0.5")
        self.assertEqual((result.code, result.out), (4, ""))
        self.assertIn("nothing of '#' was heard; muster topics lists what is published", result.error)
        result = self.here.run("subscribe", "#", "--timeout", "0.5", "--count", "1")
        self.assertEqual((result.code, result.out), (124, ""))
        some, enough = self.subscribe("#", "--timeout", "6"), self.subscribe("#", "--timeout", "6", "--count", "1000")
        self.hear(some, enough)
        self.assertEqual((some.finish().code, enough.finish().code), (0, 124))

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            subscriber = self.subscribe("#", "--ndjson")
            publisher = self.hear(subscriber)
            subscriber.signal(number)
            self.assertEqual((subscriber.finish().code, subscriber.error), (0, ""))
            publisher.stop()

    def test_a_history_that_does_not_come(self):
        self.lan.require_isolation()
        self.there.nft("table ip lab { chain in { type filter hook input priority 0; ip protocol tcp reject with tcp reset; }; }")
        subscriber = self.subscribe("#", "--since", "1m")
        self.hear(subscriber)
        said = "1 publisher did not answer by TCP: what was sent before is not here\n"
        self.lan.wait_for(lambda: said in subscriber.error, "a word of it")
        subscriber.stop()

    def test_a_reader_that_goes_away(self):
        script = '"$0" subscribe "#" --ndjson | head -n 1'
        process = self.here.start_program("sh", "-c", script, MUSTER)
        self.hear(process)
        process.finish()
        self.assertEqual((len(process.lines), process.error), (1, ""))

    def test_output_that_cannot_be_written(self):
        process = self.here.start_program("sh", "-c", 'exec "$0" subscribe "#" > /dev/full', MUSTER)
        publisher = self.publisher()

        def ended():
            publisher.write("t 1\n")
            return process.done

        self.lan.wait_for(ended, "its end")
        self.assertEqual((process.code, process.error.count("\n")), (1, 1), process.describe())

    def test_a_last_line_that_cannot_be_written(self):
        script = 'exec "$0" subscribe "#" --stats --count 1 > /dev/full'
        process = self.here.start_program("sh", "-c", script, MUSTER)
        publisher = self.publisher()

        def ended():
            publisher.write("t 1\n")
            return process.done

        self.lan.wait_for(ended, "its end")
        self.assertEqual((process.code, process.error.count("\n")), (1, 1), process.describe())

    # ---- what is wrong ----

    def test_malformed(self):
        """Said once of each publisher, then counted; all else goes on."""
        text = self.subscribe("#", "--ndjson")
        packs = self.subscribe("#", "--senml")
        stats = self.subscribe("#", "--stats", "--ndjson")
        bad = [Publisher(self.there, name, "t") for name in ("one\x1b", "two")]
        for number, publisher in enumerate(bad, 10):
            quiet, _ = stats.await_event("stats", after=time.monotonic(), records=0)

            def is_heard(number=number, publisher=publisher, quiet=quiet):
                publisher.send(pack(number))
                counts = [event["records"] for stamp, event in stats.events("stats") if stamp > quiet]
                return ("t", number) in readings(text) and f'"v": {number}' in packs.out and any(counts)

            self.lan.wait_for(is_heard, "each of them hears it")
        for publisher in bad:
            for body in (b'[{"n":"t","v":2},{"n":"t","v":}]', b"x", b"\xff", pack(3)):
                publisher.send(body)

        def after():
            """Lines of what was heard before may still be on their way."""
            return sorted(value for _, value in readings(text) if value < 10)

        self.lan.wait_for(lambda: after() == [2, 2, 3, 3], "what is right of them")
        self.lan.wait_for(lambda: stats.events("stats", malformed=6), "they are counted")
        said = "a datagram that is no SenML, at byte 30: no number where one should be; more are only counted"
        lines = [f"muster subscribe: {name}: {said}" for name in ("one\\u{001B}", "two")]
        for process in (text, packs):
            self.lan.wait_for(lambda process=process: sorted(process.error.splitlines()) == lines, "one word of each")
        self.assertNotIn('"v":}', packs.out)

    def test_losses(self):
        """What does not come and is not repaired is said: of whom, how many, and why."""
        text = self.subscribe("#")
        stats = self.subscribe("#", "--stats", "--ndjson")
        publisher = Publisher(self.there, "thermo", "t")

        def heard():
            publisher.send(pack(1))
            return text.lines and stats.events("stats")[-1:] and stats.events("stats")[-1][1]["records"]

        self.lan.wait_for(heard, "it is heard")
        publisher.send(pack(2), skip=3)
        said = "muster subscribe: thermo: 3 datagrams lost: on the wire, and not repaired in time\n"
        self.lan.wait_for(lambda: text.error == said, "the loss is said")
        lost = {"wire": 3, "gone": 0, "kernel": 0, "program": 0}
        self.lan.wait_for(lambda: stats.events("stats", lost=lost), "it is counted")
        self.assertEqual(stats.error, "")

    # ---- measurements ----

    def test_stats(self):
        text = self.subscribe("#", "--stats")
        stats = self.subscribe("#", "--stats", "--ndjson")
        publisher = self.publisher()

        def measured():
            publisher.write("a 1\nb 2\n" * 50)
            return [event for _, event in stats.events("stats") if event["records"]]

        event = self.lan.wait_for(measured, "what came is measured")[-1]
        check = validator("reading")
        for _, line in stats.events():
            check.validate(line)
        self.assertGreater(event["datagrams"], 0)
        self.assertGreaterEqual(event["records"], 2 * event["datagrams"] / 2)
        self.assertGreater(event["bytes"], event["records"])
        self.assertGreaterEqual(event["jitter_ms"], 0)
        self.assertLess(event["clock_difference_ms"]["min"], 10_000)
        self.assertEqual(event["lost"], {"wire": 0, "gone": 0, "kernel": 0, "program": 0})
        line = self.lan.wait_for(lambda: [line for line in text.lines if "jitter" in line], "the same as text")[-1]
        self.assertRegex(
            line,
            rf"^{TIME}  \d+ records/s, \d+ datagrams/s, [\d.]+ k?B/s, jitter [\d.]+ ms, clock difference -?[\d.]+ ms "
            r"\(-?[\d.]+ to -?[\d.]+\), lost 0, repaired 0, pending 0, kernel drops 0$",
        )

    def test_stats_end_with_what_came(self):
        """Even where that was less than a second."""
        for options in (["--count", "1"], ["--timeout", "3.5"]):
            publisher = self.publisher()
            publisher.write("t 1\n")
            self.assertEqual(self.here.run("wait", "t = 1").code, 0)
            stats = self.subscribe("#", "--stats", "--ndjson", *options)
            while not stats.done:
                publisher.write("t 1\n")
                self.lan.pump(0.05)
            self.assertEqual(stats.code, 0)
            self.assertGreater(stats.events("stats")[-1][1]["records"], 0)
            publisher.stop()

    def test_filters(self):
        formatted = self.subscribe("a/t", "--format", "{peer}: {n}={value}", "--count", "2")
        wanted = [["#", "--from", "the*"], ["#", "--where", "+/t > 20"], ["a/#", "--csv", "--count", "2"]]
        processes = [self.subscribe(*arguments, *([] if "--csv" in arguments else ["--ndjson"])) for arguments in wanted]
        publishers = [self.publisher(name) for name in ("thermo", "meter")]
        publishers[0].write("a/t 21\nb/t 19\n")
        publishers[1].write("b/t 25\na/t =1\n")
        named, warm, csv = processes
        self.lan.wait_for(lambda: len(named.lines) == 2 and len(warm.lines) == 2 and csv.done, "all are given theirs")
        self.assertEqual(sorted(readings(named)), [("a/t", 21), ("b/t", 19)])
        self.assertEqual(sorted(readings(warm)), [("a/t", 21), ("b/t", 25)])
        head, *rows = csv.lines
        self.assertEqual(head, "time,name,peer,id,unit,kind,value,sum,origin,stale")
        expected = [["a/t", "meter", "", "text", '"\'=1"', "", "", "false"], ["a/t", "thermo", "", "number", "21", "", "", "false"]]
        self.assertEqual(sorted([row.split(",")[1:3] + row.split(",")[4:] for row in rows]), expected)
        self.assertEqual(sorted(formatted.finish().lines), ["meter: a/t==1", "thermo: a/t=21"])
        result = self.here.run("subscribe", "kitchen/*")
        fault = "+ stands for one level, and # at the end for all that follow, got 'kitchen/*'"
        self.assertEqual((result.code, fault in result.error), (2, True), result.describe())

    def test_stale_readings(self):
        """In each form of output."""
        forms = [[], ["--ndjson"], ["--csv"], ["--format", "{n} {stale}"]]
        processes = [self.subscribe("#", "--count", "2", *form) for form in forms]
        self.publisher().write('{"n":"a/old","v":1,"t":1600000000,"ut":60}\n{"n":"a/new","v":2,"ut":60}\n')
        text, ndjson, csv, formatted = [process.finish().lines for process in processes]
        self.assertEqual([(line[12], line.split()[-2]) for line in text], [("!", "a/old"), (" ", "a/new")])
        self.assertEqual([json.loads(line).get("stale") for line in ndjson], [True, None])
        self.assertEqual([line.rpartition(",")[2] for line in csv], ["stale", "true", "false"])
        self.assertEqual(formatted, ["a/old true", "a/new -"])

    def test_a_publisher_does_not_echo_itself(self):
        listener = self.subscribe("#", "--ndjson")
        bridge = self.there.start("publish", "--name", "bridge")
        publisher = self.here.start("publish", "--name", "thermo")
        publisher.write("a/t 21\n")
        await_records(listener, 1)
        bridge.write(listener.lines[0] + "\n")
        await_records(listener, 2)
        bridge.write(listener.lines[1] + "\na/end 1\n")
        await_records(listener, 3)
        self.assertEqual([(record["peer"], record["n"], record.get("origin")) for record in records(listener)],
                         [("thermo", "a/t", None), ("bridge", "a/t", "thermo"), ("bridge", "a/end", None)])
        fault = "muster publish: 1 reading was passed over: carried on before, or published by this publisher\n"
        self.assertEqual(bridge.stop().error, fault)
        publisher.stop()

    def test_a_ring_of_pipes_carries_each_reading_once(self):
        """Two on each host feed what they hear into publishers again, as lines of JSON, as packs and as CSV."""
        listener = self.subscribe("#", "--ndjson")
        rings = []
        for host, form in ((self.here, ("--ndjson", "")), (self.there, ("--csv", "--csv"))):
            for option, more in (form, ("--senml", "")):
                script = f'"$0" subscribe "#" {option} | exec "$0" publish {more} --name ring{len(rings)}'
                rings.append(host.start_program("sh", "-c", script, MUSTER))
                self.addCleanup(os.killpg, rings[-1].pid, signal.SIGKILL)
        watch = self.here.watch()
        for number in range(len(rings)):
            watch.await_event("joined", name=f"ring{number}")
        publisher = self.here.start("publish", "--name", "thermo")
        publisher.write("a/t 21\n")
        await_records(listener, 5)
        publisher.write("a/t 22\n")
        await_records(listener, 10)
        publisher.write("a/t 23\n")
        await_records(listener, 15)
        got = [(record["v"], record["peer"], record.get("origin")) for record in records(listener)]
        wanted = [(value, f"ring{number}", "thermo") for value in (21, 22, 23) for number in range(4)]
        wanted += [(value, "thermo", None) for value in (21, 22, 23)]
        self.assertEqual(sorted(got, key=str), sorted(wanted, key=str))

    def test_a_topic_has_readings_of_its_own_or_of_others(self):
        listener = self.subscribe("#", "--ndjson")
        publisher = self.here.start("publish", "--name", "thermo")
        publisher.write("a/t 21\n")
        await_records(listener, 1)
        bridge = self.there.start("publish", "--name", "bridge")
        bridge.write('{"n":"a/t","v":5}\n' + listener.lines[0] + "\na/end 1\n")
        await_records(listener, 3)
        result = bridge.stop()
        fault = "muster publish: line 2: topic 'a' has readings of this publisher's own: what 'thermo' published can't be carried on"
        self.assertEqual((result.code, fault in result.error), (1, True), result.describe())

    # ---- late ----

    def test_late_joiners_get_each_record_once_and_in_order(self):
        publisher = self.there.start("publish", "--topic", "a/b")
        joiners = []
        number = 0

        def have_enough():
            nonlocal number
            number += 1
            publisher.write(f"{number}\n")
            if len(joiners) < 12 and number % 4 == 0 and (not joiners or joiners[-1].lines):
                joiners.append(self.subscribe("a/#", "--ndjson", *(["--since", "1m"] if len(joiners) % 2 else [])))
            return len(joiners) == 12 and all(len(joiner.lines) > 20 for joiner in joiners)

        self.lan.wait_for(have_enough, "all have some")
        for joiner in joiners:
            values = [value for _, value in readings(joiner)]
            with_history = "--since" in joiner.describe()
            first = values[0] if with_history else values[1]
            self.assertLess(values[0], values[1])
            self.assertEqual(values[-1] - first, len(values) - (1 if with_history else 2), values)
            self.assertEqual(values, sorted(set(values)))
            live = [record["sample"] != "last" for record in records(joiner)]
            self.assertEqual(live, sorted(live), "last values come before live ones")

    # ---- order ----

    def test_newest_first(self):
        newest = self.subscribe("#", "--newest", "--ndjson")
        ordered = self.subscribe("#", "--ndjson")
        publisher = Publisher(self.there, "thermo", "t")

        def heard():
            publisher.send(pack(0))
            return newest.lines and ordered.lines

        self.lan.wait_for(heard, "it is heard")
        publisher.send(pack(0.5))
        for process in (newest, ordered):
            self.lan.wait_for(lambda process=process: readings(process)[-1] == ("t", 0.5), "the last one before")
        seq = publisher.data_seq
        publisher.send(pack(2), skip=1)
        after = publisher.data_seq
        self.lan.wait_for(lambda: readings(newest)[-1] == ("t", 2), "the newest at once")
        publisher.data_seq = seq
        publisher.send(pack(1))
        publisher.data_seq = after
        self.lan.wait_for(lambda: readings(ordered)[-2:] == [("t", 1), ("t", 2)], "both in order")
        self.lan.wait_for(lambda: readings(newest)[-2:] == [("t", 2), ("t", 1)], "the other one late")
        self.assertTrue(records(newest)[-1]["late"])
        self.assertEqual(shard_of("t"), publisher.shard)


if __name__ == "__main__":
    main()
