# SPDX-License-Identifier: MIT
"""tools/python/muster.py and the real command see, tell and read each other."""

import json
import signal
import subprocess
import unittest

import wire
from lab import ROOT, LanTest, main
from telemetry import readings, records

MODULE = ROOT / "tools" / "python" / "muster.py"
PYTHON = "/usr/bin/python3"  # the one that packages of Debian are for


def has_nacl():
    return subprocess.run([PYTHON, "-c", "import nacl.signing"], capture_output=True, check=False).returncode == 0


WITH_KEY = has_nacl()


class Python(LanTest):
    HOSTS = 2
    ISOLATED = True

    def python(self, host, source, **environment):
        """Runs a program that has imported the module; it prints, and waits for a line of stdin where it reads one."""
        path = self.lan.directory / f"program{len(list(self.lan.directory.glob('program*')))}.py"
        path.write_text(f"import sys\nsys.path.insert(0, {str(MODULE.parent)!r})\nimport muster\n{source}\n")
        return host.start_program(PYTHON, "-B", "-u", str(path), **environment)

    def call(self, host, *arguments, **environment):
        """The module as a command."""
        return host.start_program(PYTHON, "-B", str(MODULE), *arguments, **environment)

    def good(self, process):
        self.assertEqual(process.finish().code, 0, process.describe())
        self.assertEqual(process.error, "", process.describe())
        return process

    def announcer(
        self,
        host,
        text='"pi", services=["http:8080", muster.Service("coap", 5683, "udp", "c", {"a": "b"})]',
        **environment,
    ):
        """Announces until a line of stdin comes."""
        return self.python(
            host,
            f"with muster.announce({text}) as me:\n    print(me.id, flush=True)\n    sys.stdin.readline()",
            **environment,
        )

    def await_rows(self, *names):
        """The muster that runs here has these rows, one of them its own."""

        def has():
            rows = self.here.peers()
            return {row["name"] for row in rows} == set(names) and any(row["self"] for row in rows)

        self.lan.wait_for(has, f"{names} are in the table")

    # ---- it finds ----

    def test_finds_the_command(self):
        there = self.there.announce("nas", "--service", "http:8080,txt.path=/", "--attr", "room=cellar")
        self.here.watch().await_event("joined", name="nas")
        found = self.good(self.call(self.here, "find", "--json", "--direct"))
        (row,) = [json.loads(line) for line in found.lines]
        self.assertEqual((row["name"], row["state"], row["verified"]), ("nas", "alive", WITH_KEY))
        self.assertEqual(row["address"], self.there.address)
        self.assertEqual(
            row["services"], [{"type": "http", "port": 8080, "proto": "tcp", "name": "", "txt": {"path": "/"}, "origin": None, "host": None, "at": []}]
        )
        self.assertEqual(row["attrs"], {"room": "cellar"})
        self.assertTrue({"m4", "b4"} & set(row["paths"]), row)
        self.assertEqual(len(self.here.peers("--direct")), 1)  # the look left no row
        self.assertEqual(self.call(self.here, "find", "--direct", "--service", "ipp").finish().code, 3)
        there.stop()

    def test_asks_the_muster_of_this_machine(self):
        """By its socket: its own row, and who has left, are told too."""
        self.here.announce("me")
        gone = self.there.announce("gone", "--service", "http:1")
        self.await_rows("me", "gone")
        gone.stop()
        self.lan.wait_for(lambda: any(p["state"] == "left" for p in self.here.peers()), "it has left")
        self.here.drop_incoming("")  # so that nothing but the socket can answer
        source = "for p in muster.find(include_gone=True): print(p.name, p.state, p.is_self, p.verified)"
        found = self.good(self.python(self.here, source))
        self.assertEqual(found.lines, ["gone left False True", "me alive True True"])
        self.assertEqual(self.good(self.python(self.here, "print(len(muster.find(service='http')))")).lines, ["0"])

    def test_large_document(self):
        """One whose services fill no datagram is taken by stream, and by the socket."""
        services = [word for port in range(1, 81) for word in ("--service", f"http:{port},name=service-{port}")]
        self.there.announce("big", *services)
        self.here.watch().await_event("joined", name="big")
        source = "(p,) = [p for p in muster.find('big')]\nprint(len(p.services), p.partial)"
        if WITH_KEY:
            self.assertEqual(self.good(self.python(self.here, source)).lines, ["80 False"])
        self.here.announce("local")
        self.lan.wait_for(
            lambda: self.python(self.here, source).finish().lines == ["80 False"], "it is told by the socket"
        )

    def test_ipv6_alone(self):
        for host in (self.here, self.there):
            host.use_families(6)
        self.there.announce("six")
        self.here.watch().await_event("joined", name="six")
        (line,) = self.good(self.call(self.here, "find", "--json", "--direct")).lines
        self.assertEqual(json.loads(line)["address"], f"{self.there.address6}%{self.here.interface}")
        self.announcer(self.here, '"snake"')
        self.there.watch().await_event("joined", name="snake")

    def test_no_network(self):
        result = self.call(self.here, "find", "--direct", MUSTER_INTERFACE="nothing0").finish()
        self.assertEqual(result.code, 1, result.describe())
        self.assertIn("no interface can be used", result.error)

    # ---- it is found ----

    def check_is_listed(self, verified, **environment):
        watch = self.there.watch()
        snake = self.announcer(self.here, **environment)
        _, event = watch.await_event("joined", name="pi")
        self.assertEqual(event["verified"], verified, snake.describe())
        (row,) = self.there.peers()
        self.lan.wait_for(lambda: snake.lines, "its id")
        self.assertEqual(row["id"], snake.lines[0])
        self.assertEqual(
            [(s["type"], s["port"], s["proto"]) for s in row["services"]],
            [("http", 8080, "tcp"), ("coap", 5683, "udp")],
        )
        self.assertEqual(row["services"][1]["txt"], {"a": "b"})
        snake.write("\n")
        watch.await_event("left", name="pi")
        self.assertEqual(self.good(snake).code, 0)
        return snake.lines[0]

    @unittest.skipUnless(WITH_KEY, "there is no PyNaCl")
    def test_is_listed_as_verified(self):
        """And is the same peer after a restart."""
        self.assertEqual(self.check_is_listed(True), self.check_is_listed(True))

    def test_is_listed_without_pynacl(self):
        hidden = self.lan.directory / "hidden"
        hidden.mkdir()
        (hidden / "nacl.py").write_text("raise ImportError('hidden')\n")
        self.check_is_listed(False, PYTHONPATH=str(hidden))

    def test_stays_and_changes(self):
        """Nobody suspects it for longer than it promised; a change is told."""
        watch = self.there.watch()
        snake = self.python(
            self.here,
            "with muster.announce('pi') as me:\n    sys.stdin.readline()\n"
            "    me.update(services=['ipp:631'], attrs={'a': 'b'})\n    sys.stdin.readline()",
        )
        watch.await_event("joined", name="pi")
        snake.write("\n")
        _, event = watch.await_event("changed", name="pi")
        self.assertEqual([service["type"] for service in event["services"]], ["ipp"])
        self.lan.never(lambda: watch.events("suspect", "lost"), "it is suspected", 4.0)

    def test_a_network_that_comes_and_goes(self):
        """It begins without one, and says all again when one comes."""
        watch = self.there.watch()
        self.here.ip("link set eth0 down")
        snake = self.announcer(self.here)
        self.lan.wait_for(lambda: snake.lines, "it runs")
        self.here.ip("link set eth0 up")
        watch.await_event("joined", name="pi")
        self.here.ip("link set eth0 down", "addr flush dev eth0")
        watch.await_event("lost", name="pi")
        self.here.ip("addr add 10.77.0.9/24 dev eth0", "link set eth0 up")
        _, event = watch.await_event("returned", name="pi")
        self.assertEqual(event["address"], "10.77.0.9")

    def test_refuses_what_others_could_not_read(self):
        bad = (
            "'x' * 64",
            "'a', ['HTTP:80']",
            "'a', ['http:80', 'http:80']",
            "'a', [], {'': 'x'}",
            "'a', [], {'a': '\\0'}",
            "'a', [], {'a': '\\ud800'}",
            "'a', [], {str(n): 'x' * 99 for n in range(20)}",
            "'a', port=1",
        )
        source = "".join(
            f"try:\n    muster.announce({arguments})\nexcept muster.InvalidError as error:\n    print(error)\n"
            for arguments in bad
        )
        self.assertEqual(len(self.good(self.python(self.here, source)).lines), len(bad))

    # ---- it watches ----

    def test_watches(self):
        watch = self.call(self.here, "watch", "--json", "--direct")
        other = self.there.announce("nas", "--service", "http:80")
        _, event = self.await_kind(watch, "joined")
        self.assertEqual((event["peer"]["name"], event["peer"]["verified"]), ("nas", WITH_KEY))
        self.there.run("update", "--service", "ipp:631")
        _, event = self.await_kind(watch, "changed")
        self.assertEqual({service["type"] for service in event["peer"]["services"]}, {"http", "ipp"})
        other.stop()
        self.await_kind(watch, "left")
        again = self.there.announce("nas")
        _, event = self.await_kind(watch, "restarted")
        self.assertEqual(event["peer"]["state"], "alive")
        again.signal(signal.SIGKILL)
        self.await_kind(watch, "suspect")
        self.await_kind(watch, "lost")
        watch.signal(signal.SIGTERM)
        self.good(watch)

    def await_kind(self, watch, kind):
        def found():
            return [(line.stamp, json.loads(line)) for line in watch.lines if json.loads(line)["kind"] == kind]

        return self.lan.wait_for(found, f"event {kind} from {watch.name}")[-1]

    def test_watches_by_the_socket(self):
        """Of the muster of this machine, and by itself when that ends."""
        local = self.here.announce("me")
        self.there.announce("nas")
        self.await_rows("me", "nas")
        source = "with muster.watch('nas') as events:\n    for e in events: print(e.kind, e.peer.name, bool(events.counters))"
        watch = self.python(self.here, source)
        watch.await_line("joined nas False")
        local.stop()
        watch.await_line("joined nas True")

    @unittest.skipUnless(WITH_KEY, "there is no PyNaCl")
    def test_watches_by_the_socket_without_a_group_key(self):
        """What began sealed does not go on in the clear."""
        self.here.share_key("home")
        local = self.here.announce("me")
        self.await_rows("me")
        watch = self.python(self.here, "for e in muster.watch(): print(e.kind, e.peer.name)")
        watch.await_line("joined me")
        self.assertEqual(self.here.key("retire", "home").code, 0)
        local.stop()
        self.assertEqual(watch.finish().code, 1)
        self.assertIn("there is no group key any more", watch.error)

    def test_bad_datagrams(self):
        """Each is counted, and none ends anything."""
        source = (
            "with muster.watch(direct=True) as events:\n    print('ready')\n    print(events.get(60).peer.name)\n"
            "    print(events.get(60).peer.name)\n    sys.stdin.readline()\n    print(sorted(events.counters['drops']), events.counters['accepted'])"
        )
        watch = self.python(self.here, source)
        watch.await_line("ready")
        wire.Peer(self.there, "before")
        watch.await_line("before")
        voice, far = wire.Voice(self.there), wire.Voice(self.there, ttl=254)
        bad = sorted((ROOT / "schemas/golden").glob("bad-*/*.datagram"))[::3]
        for path in bad[:200]:
            voice.say(path.read_bytes())
        voice.say(b"\xff" * 1500)
        far.say(wire.encode(kind="bye", id=wire.new_id(), boot=1, seq=1))
        wire.Peer(self.there, "behind")
        watch.await_line("behind")
        watch.write("\n")
        drops = self.good(watch).lines[-1]
        for reason in ("'ttl'", "'syntax'", "'utf8'", "'range'", "'too_long'", "'duplicate'"):
            self.assertIn(reason, drops)

    # ---- readings ----

    def subscriber(self, pattern):
        """A command that subscribes on the other host, and listens already."""
        return self.there.start("subscribe", pattern, "--ndjson").await_listening()

    PUBLISHES = (
        "with muster.announce('pi') as me:\n"
        "    me.publish('lab/climate', -1, name='temperature', unit='Cel')\n"
        "    sys.stdin.readline()\n"
        "    for n in range({count}): me.publish('lab/climate', n, name='temperature')\n"
        "    sys.stdin.readline()"
    )

    def test_publishes(self):
        """What others miss they ask for, and get."""
        count = 300
        subscriber = self.subscriber("lab/#")
        snake = self.python(self.here, self.PUBLISHES.format(count=count))
        self.lan.wait_for(lambda: subscriber.lines, "the first reading")
        self.there.lose_incoming(20)
        snake.write("\n")
        self.lan.wait_for(lambda: len(subscriber.lines) > count, f"{count} readings")
        self.assertEqual(readings(subscriber), [("lab/climate/temperature", n) for n in range(-1, count)])
        self.assertEqual(records(subscriber)[0]["u"], "Cel")
        snake.write("\n")
        self.good(snake)

    def test_late_subscribers_of_it(self):
        """They get the last value of each name by stream, and what was sent lately."""
        live = self.subscriber("lab/#")
        snake = self.python(
            self.here,
            "with muster.announce('pi') as me:\n"
            "    for n in range(3): me.publish('lab/climate', n, name='a', unit='Cel')\n"
            "    me.publish('lab/climate', True, name='b')\n"
            "    me.publish('lab/door', 'shut')\n"
            "    sys.stdin.readline()",
        )
        self.lan.wait_for(lambda: ("lab/door", "shut") in readings(live), "all was sent")
        late = self.there.start("subscribe", "lab/climate/#", "--ndjson")
        wanted = [("lab/climate/a", 2), ("lab/climate/b", True)]
        self.lan.wait_for(lambda: readings(late) == wanted, "last values")
        self.assertEqual({record["sample"] for record in records(late)}, {"last"})
        history = self.there.start("subscribe", "lab/climate/#", "--ndjson", "--since", "1m")
        wanted = [("lab/climate/a", 0), ("lab/climate/a", 1), *wanted]
        self.lan.wait_for(lambda: readings(history) == wanted, "what was sent lately")
        source = "with muster.subscribe('lab/door') as sub:\n    print(next(sub).value)"
        self.assertEqual(self.good(self.python(self.there, source)).lines, ["shut"])
        (row,) = [row for row in self.there.peers() if row["name"] == "pi"]
        to = (self.here.address, row["port"])
        nonsense = wire.Stream(self.there, to).ask(b"nonsense\n")
        self.lan.wait_for(lambda: nonsense.ended, "it is closed")
        self.assertEqual(nonsense.end(), "syntax")
        table = wire.Stream(self.there, to).ask("table")
        self.lan.wait_for(table.end, "the table")
        self.assertEqual(table.end(), "done")
        snake.write("\n")
        self.good(snake)

    def test_publishes_by_the_muster_of_this_machine(self):
        self.here.announce("me")
        self.there.watch().await_event("joined", name="me")
        subscriber = self.subscriber("door/#")
        self.good(self.call(self.here, "publish", "door/open", "true"))
        self.lan.wait_for(lambda: set(readings(subscriber)) == {("door/open", True)}, "the reading")

    def test_publishes_one_value(self):
        subscriber = self.subscriber("door/#")
        self.good(self.call(self.here, "publish", "--direct", "door/open", "21.5", "--unit", "Cel"))
        self.lan.wait_for(lambda: set(readings(subscriber)) == {("door/open", 21.5)}, "the reading")

    SUBSCRIBES = (
        "with muster.subscribe('lab/#') as sub:\n"
        "    print('ready')\n"
        "    for r in sub:\n"
        "        print(r.name, r.value, r.unit, r.is_last)\n"
        "        if r.value == {last}: break\n"
        "    print(dict(sub.lost), sub.faults)"
    )

    def test_subscribes(self):
        """What it misses it asks for, and gets, in order."""
        count = 2000
        subscriber = self.python(self.here, self.SUBSCRIBES.format(last=count - 1))
        subscriber.await_line("ready")
        publisher = self.there.start("publish", "--name", "meter")
        publisher.write('{"n":"lab/power","u":"W","v":0}\n')
        subscriber.await_line("lab/power 0")
        self.here.lose_incoming(20)
        publisher.write("".join(f'{{"n":"lab/power","u":"W","v":{n}}}\n' for n in range(1, count)))
        publisher.close_input()
        self.good(subscriber)
        self.assertEqual(subscriber.lines[1:-1], [f"lab/power {n} W False" for n in range(count)])
        self.assertEqual(subscriber.lines[-1], "{} 0")

    def test_origins(self):
        """What was brought from elsewhere is marked, in both directions."""
        subscriber = self.subscriber("#")
        watch = self.there.watch()
        snake = self.python(
            self.here,
            "printer = muster.Service('ipp', 631, name='Flur', origin='site-b', host='printer', at=('10.20.0.9',))\n"
            "with muster.announce('bridge', services=[printer, 'ipp:631']) as me:\n"
            "    me.publish('lab/brought', 1, origin='site \\x22b\\x22')\n"
            "    me.publish('lab/own', 2)\n"
            "    sys.stdin.readline()",
        )
        _, event = watch.await_event("joined", name="bridge")
        self.assertEqual([service.get("origin") for service in event["services"]], ["site-b", None])
        self.lan.wait_for(lambda: len({record["n"] for record in records(subscriber)}) == 2, "both readings")
        origins = {record["n"]: record.get("origin") for record in records(subscriber)}
        self.assertEqual(origins, {"lab/brought": 'site "b"', "lab/own": None})
        source = (
            "with muster.subscribe('lab/#', timeout=60) as sub:\n    got = [next(sub), next(sub)]\n"
            "print(sorted((one.topic, one.origin, one.peer.topics[0].origin) for one in got))\n"
            "(peer,) = muster.find('bridge')\n"
            "print([service.offerer(peer.name) for service in peer.services], peer.services[0].at)"
        )
        self.assertEqual(
            self.good(self.python(self.there, source)).lines,
            ["[('lab/brought', 'site \"b\"', 'site \"b\"'), ('lab/own', None, 'site \"b\"')]",
             "['printer~site-b', 'bridge'] ('10.20.0.9',)"],
        )
        resolved = self.there.run("resolve", "printer~site-b")
        self.assertEqual(resolved.out, "10.20.0.9:631\n", resolved.describe())
        snake.write("\n")
        self.good(snake)

    def test_late_subscriber(self):
        """It gets the last value, marked."""
        self.there.announce("meter")
        self.here.watch().await_event("joined", name="meter")
        self.there.run("publish", "lab/power", "7")
        source = (
            "with muster.subscribe('lab/#', timeout=60) as sub:\n    r = next(sub)\n"
            "    print(r.name, r.value, r.is_last, r.peer.name)"
        )
        self.assertEqual(self.good(self.python(self.here, source)).lines, ["lab/power 7 True meter"])

    @unittest.skipUnless(WITH_KEY, "there is no PyNaCl")
    def test_a_closed_group(self):
        """It seals and opens: rows, large documents, readings and last values, while the key is changed."""
        self.here.share_key("home", self.there)
        self.there.announce("big", *(word for port in range(1, 81) for word in ("--service", f"http:{port}")))
        self.announcer(self.here)
        watch = self.there.watch()
        self.assertTrue(watch.await_event("joined", name="pi")[1]["verified"])
        watch.await_event("joined", name="big")
        source = "for p in muster.find(direct=True): print(p.name, len(p.services), p.verified)"
        found = lambda **environment: self.good(self.python(self.here, source, **environment)).lines
        self.assertEqual(found(), ["big 80 True", "pi 2 True"])
        self.assertEqual(found(MUSTER_STATE=str(self.lan.directory / "nothing")), [])

        snake = self.python(
            self.here,
            "with muster.announce('sensor') as me:\n"
            "    for line in sys.stdin:\n        me.publish('lab/door', line.strip())",
        )
        snake.write("first\n")
        watch.await_event("joined", name="sensor")
        subscriber = self.there.start("subscribe", "lab/#", "--ndjson")
        self.lan.wait_for(lambda: readings(subscriber) == [("lab/door", "first")], "the last value")
        hears = self.python(self.here, "for r in muster.subscribe('yard/#'): print(r.value, r.is_last)")
        self.there.run("publish", "yard/door", "1")
        hears.await_line("1 ")
        self.here.share_key("next", self.there)
        for verb, name in (("use", "next"), ("retire", "home")):
            for host in (self.here, self.there):
                self.assertEqual(host.key(verb, name).code, 0)
        snake.write("second\n")
        self.lan.wait_for(lambda: readings(subscriber)[-1] == ("lab/door", "second"), "it goes on")
        self.assertEqual(watch.events("suspect", "lost", "left"), [])

    def test_timeout(self):
        source = (
            "with muster.subscribe('#', timeout=0.2) as sub: print(list(sub))\n"
            "with muster.watch(timeout=0.2, direct=True) as events: print(list(events))\n"
            "try:\n    muster.watch(direct=True).get(0.1)\nexcept muster.TimedOut as error:\n    print(error)"
        )
        self.assertEqual(self.good(self.python(self.here, source)).lines, ["[]", "[]", "nothing came in time"])


if __name__ == "__main__":
    main()
