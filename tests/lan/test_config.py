# SPDX-License-Identifier: MIT
"""Announcing from config files: what they say together, what is said of bad ones, reloading, and what a
service manager is told meanwhile."""

import json
import os
import signal
import socket

import jsonschema

from lab import ROOT, LanTest, main
from wire import Crowd

SCHEMA = json.loads((ROOT / "schemas" / "config.schema.json").read_text())

# What a file holds, and what is said of it behind its name. The schema says the same of each.
BAD = [
    ("[]", ":1:1: expected an object, got an array"),
    ('{\n  "nam": "nas"\n}', ":2:10: nam: unknown, expected schema, name,"),
    ('{"schema": 2}', ":1:12: schema: expected 1"),
    ('{"name": ""}', ":1:10: name: expected a name that is not empty"),
    ('{"name": 7}', ":1:10: name: expected a text, got a number"),
    ('{"name": "%s"}' % ("n" * 64), ":1:10: name: expected a name of at most 63 bytes, got 64"),
    ('{"instance": ""}', ":1:14: instance: expected a name that is not empty"),
    ('{"scope": "world"}', ":1:11: scope: expected link or site, got 'world'"),
    ('{"scope": "site", "ttl": 0}', ":1:26: ttl: expected 1 to 255, got 0"),
    ('{"scope": "link", "ttl": 4}', ":1:26: ttl: expected with scope site alone"),
    ('{"interval": 2}', ":1:14: interval: expected a text, got a number"),
    ('{"interval": "soon"}', ":1:14: interval: expected a time from 100ms to 24h"),
    ('{"interfaces": "eth0"}', ":1:16: interfaces: expected an array, got a text"),
    ('{"interfaces": []}', ":1:16: interfaces: expected 1 to 32 interfaces, got 0"),
    ('{"interfaces": ["eth0", ""]}', ":1:25: interfaces[1]: expected an interface such as"),
    ('{"port": 0}', ":1:10: port: expected 1 to 65503, got 0"),
    ('{"port": 65504}', ":1:10: port: expected 1 to 65503, got 65504"),
    ('{"services": {}}', ":1:14: services: expected an array, got an object"),
    ('{"services": [{"port": 80}]}', ":1:15: services[0]: expected a type and a port"),
    ('{"services": [{"type": "a_b", "port": 80}]}', ":1:24: services[0].type: expected a service type"),
    (
        '{\n "services": [\n  {"type": "http", "port": 80},\n  {"type": "x", "port": 70000}\n ]\n}',
        ":4:25: services[1].port: expected 1 to 65535, got 70000",
    ),
    ('{"services": [{"type": "a", "port": 1, "proto": "sctp"}]}', ":1:49: services[0].proto: expected tcp or udp"),
    ('{"services": [{"type": "a", "port": 1, "text": {}}]}', ":1:48: services[0].text: unknown"),
    ('{"services": [{"type": "a", "port": 1, "txt": {"": "b"}}]}', ": expected a txt key that is not empty"),
    ('{"services": [{"type": "a", "port": 1, "txt": {"b": 1}}]}', ":1:53: services[0].txt.b: expected a text"),
    ('{"attrs": {"room": 1}}', ":1:20: attrs.room: expected a text, got a number"),
    ('{"attrs": {"%s": ""}}' % ("k" * 64), ": expected an attribute's key of at most 63 bytes, got 64"),
    ('{"attrs": {"room": "%s"}}' % ("v" * 256), ":1:20: attrs.room: expected an attribute's value of at most 255"),
]

# The same, where a schema has no say.
BAD_BYTES = [
    ("", ":1:1: the text ends inside the value"),
    ('{\n  "name": "nas",\n}', ":3:1: not JSON"),
    ('{"name": "nas"} # a comment', ":1:17: not JSON"),
    ('{"attrs": {"a": "1", "a": "2"}}', ":1:22: a name that is there twice"),
    ('{"name": "\\u0000"}', ":1:11: an escape that no text may hold"),
    ('{"interval": "99ms"}', ":1:14: interval: expected a time from 100ms to 24h"),
    ('{"name": "%s"}' % ("ü" * 32), ":1:10: name: expected a name of at most 63 bytes, got 64"),
    (
        '{"services": [{"type": "a", "port": 1},\n{"type": "A", "port": 1}]}',
        ":2:1: services[1]: expected each type, port and protocol only once, a:1/tcp is at ",
    ),
    (" " * (256 * 1024 + 1), ": expected at most 256 KiB"),
]

GOOD = [
    "{}",
    '{"schema": 1, "name": "nas", "instance": "i", "interval": "1.5m", "interfaces": ["eth0"], "scope": "site", "ttl": 255, "port": 65503}',
    '{"services": [], "attrs": {}}',
    '{"services": [{"type": "HTTP", "port": 1}, {"type": "http", "port": 1, "proto": "udp"}]}',
    '{"services": [{"type": "a", "port": 65535, "name": "", "txt": {"a": ""}}], "attrs": {"a": ""}}',
]


def http(port, **members):
    return {"type": "http", "port": port, **members}


class Manager:
    """A service manager's end of NOTIFY_SOCKET: the messages that came, each a list of lines."""

    def __init__(self, host, name):
        with host.inside():  # abstract names belong to a network namespace
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.messages = []
        host.lab.on_close(self.socket.close)
        host.lab.on_readable(self.socket, self._read)
        self.lab = host.lab

    def _read(self):
        self.messages.append(self.socket.recv(4096).decode().splitlines())

    def await_message(self, *lines, after=0):
        """The index behind the first message that has these lines, from the index `after` on."""

        def found():
            for index in range(after, len(self.messages)):
                if all(any(l.startswith(line) for l in self.messages[index]) for line in lines):
                    return index + 1
            return None

        return self.lab.wait_for(found, f"{lines} in {self.messages}")


class ConfigTest(LanTest):
    HOSTS = 2

    def setUp(self):
        super().setUp()
        self.directory = self.lan.directory / "conf.d"
        self.directory.mkdir()

    def write(self, name, content):
        """Writes a file, replaced as a whole, and returns its path."""
        path = self.directory / name
        text = content if isinstance(content, str) else json.dumps(content)
        temporary = path.with_suffix(".new")
        temporary.write_text(text)
        os.replace(temporary, path)
        return str(path)

    def says(self, process, text):
        self.lan.wait_for(lambda: text in process.error, f"{text!r} on stderr of {process.name}")

    def fails(self, result, *words):
        self.assertEqual(result.code, 1, result.describe())
        self.assertEqual(result.out, "")
        for word in words:
            self.assertIn(word, result.error)


class Announcing(ConfigTest):
    def test_a_file(self):
        services = [http(8080, name="Front, door", txt={"path": "/"}), {"type": "coap", "port": 5683, "proto": "udp"}]
        path = self.write("nas.json", {"name": "nas", "services": services, "attrs": {"room": "cellar"}})
        watch = self.there.watch()
        process = self.here.start("announce", "--config", path)
        _, event = watch.await_event("joined", name="nas")
        self.assertEqual(event["attrs"], {"room": "cellar"})
        self.assertEqual([s["type"] for s in event["services"]], ["http", "coap"])
        self.assertEqual(event["services"][0]["name"], "Front, door")
        self.assertEqual(event["services"][0]["txt"], {"path": "/"})
        self.assertEqual(process.stop().code, 0)

    def test_a_directory_and_options(self):
        self.write("10.json", {"name": "ten", "services": [http(10)], "attrs": {"a": "1"}})
        self.write("9.json", {"name": "nine", "services": [http(9)]})
        self.write(".hidden.json", "bad")
        self.write("README", "bad")
        single = self.write("single.conf", {"attrs": {"b": "2"}})
        watch = self.there.watch()
        self.here.start("announce", "--config", single, "--config", str(self.directory), "--service", "ipp:631")
        _, event = watch.await_event("joined", name="nine")
        self.assertEqual([s["port"] for s in event["services"]], [10, 9, 631])
        self.assertEqual(event["attrs"], {"b": "2", "a": "1"})
        self.here.start("announce", "--config", str(self.directory), "--name", "option", "--attr", "c=3")
        _, event = watch.await_event("joined", name="option")
        self.assertEqual(event["attrs"], {"a": "1", "c": "3"})

    def test_nothing_said(self):
        """An empty directory, and the host's name."""
        watch = self.there.watch()
        self.here.start("announce", "--config", str(self.directory), "--attr", "a=b")
        _, event = watch.await_event("joined", attrs={"a": "b"})
        self.assertEqual(event["name"], socket.gethostname().split(".")[0])

    def test_what_a_start_sets(self):
        self.lan.require_isolation()
        content = {"name": "n", "instance": "i", "interval": "7s", "interfaces": ["eth0"], "port": 20000}
        path = self.write("start.json", content)
        watch = self.there.start("watch", "--ndjson", "--port", "20000")
        bare = {"MUSTER_PORT": None, "MUSTER_INTERFACE": None}
        process = self.here.start("announce", "--config", path, **bare)
        _, event = watch.await_event("joined", name="n")
        self.assertTrue((self.here.state / "i").is_dir())
        self.assertGreater(event["next_ms"], 5000)
        self.assertEqual(process.stop().code, 0)

        watch = self.there.start("watch", "--ndjson", "--port", "20100")
        self.here.start("announce", "--config", path, "--port", "20100", "--instance", "j", **bare)
        watch.await_event("joined", name="n")
        self.assertTrue((self.here.state / "j").is_dir())
        process = self.here.start("announce", "--config", self.write("no.json", {"interfaces": ["nope0"]}), **bare)
        self.says(process, "nope0 is not there")

    def test_an_empty_directory(self):
        result = self.here.run("config", "check", str(self.directory))
        self.assertEqual((result.code, result.error), (0, f"muster config: {self.directory}: there is no *.json in it\n"))

    def test_twice(self):
        first = self.write("1.json", {"services": [http(80)], "attrs": {"room": "attic"}})
        second = self.write("2.json", '{\n"services": [{"type": "HTTP", "port": 80}],\n"attrs": {"room": "attic"}}')
        result = self.here.run("announce", "--name", "n", "--config", str(self.directory))
        self.fails(
            result,
            f"{second}:2:14: services[0]: expected each type, port and protocol only once, http:80/tcp is at "
            f"{first}:1:15: services[0] too",
            f"{second}:3:19: attrs.room: expected each attribute only once, it is at {first}:1:",
        )
        result = self.here.run("announce", "--config", first, "--service", "http:80", "--attr", "room=x")
        self.fails(result, f"--service: expected each type", f"{first}:1:15: services[0]", "--attr: expected each")

    def test_files_that_will_not_do(self):
        none = str(self.directory / "none.json")
        self.fails(self.here.run("announce", "--config", none), f"{none}: cannot be read: No such file")
        self.fails(self.here.run("announce", "--config", "/dev/null"), "/dev/null: expected a file")
        path = self.write("open.json", {})
        os.chmod(path, 0o666)
        self.fails(self.here.run("announce", "--config", str(self.directory)), f"{path}: everybody may write")
        result = self.here.run("announce", "--config", "")
        self.assertEqual(result.code, 2, result.describe())

    def test_bad_files(self):
        for content, words in BAD + BAD_BYTES:
            with self.subTest(content[:60]):
                path = self.write("bad.json", content)
                result = self.here.run("announce", "--name", "n", "--config", path)
                self.fails(result)
                self.assertTrue(result.error.startswith(f"muster announce: {path}:"), result.error)
                self.assertIn(words, result.error)
                self.assertEqual(result.error.count("\n"), 1, result.error)

    def test_nothing_raw_is_printed(self):
        path = self.write("bad.json", '{"na\\u001b[31mme\\u202e": 1, "name": "\\u001b[31m", "port": 0}')
        result = self.here.run("announce", "--config", path)
        self.fails(result, "\\u{001B}[31mme\\u{202E}: unknown")
        self.assertNotIn("\x1b", result.error)


class Checking(ConfigTest):
    def test_right(self):
        self.write("1.json", {"name": "nas", "services": [http(80, name="W", txt={"a": "b"})], "port": 20000})
        self.write("2.json", {"interval": "1.5s", "instance": "i", "interfaces": ["eth0"], "attrs": {"c": "d"}})
        result = self.here.run("config", "check", str(self.directory))
        self.assertEqual((result.code, result.error), (0, ""), result.describe())
        words = ("1.json", "2.json", "nas", "http:80 name=W a=b", "1.5s", "eth0", "20000", "c=d")
        for word in words:
            self.assertIn(word, result.out)

    def test_json_is_a_config(self):
        first = self.write("1.json", {"name": "nas", "services": [http(80), http(81)], "port": 20000})
        second = self.write("2.json", {"interval": "1.5s", "instance": "i", "interfaces": ["eth0"], "attrs": {"c": ""}})
        printed = self.here.run("config", "check", "--json", first, second)
        self.assertEqual((printed.code, printed.error), (0, ""), printed.describe())
        jsonschema.Draft202012Validator(SCHEMA).validate(printed.json())
        self.assertEqual([s["port"] for s in printed.json()["services"]], [80, 81])
        again = self.here.run("config", "check", "--json", self.write("merged.json", printed.out))
        self.assertEqual(again.out, printed.out)

    def test_nothing_said(self):
        result = self.here.run("config", "check", str(self.directory), "--json")
        self.assertEqual(result.json()["name"], socket.gethostname().split(".")[0])

    def test_wrong(self):
        first = self.write("1.json", '{"name": 1,\n"port": 0}')
        second = self.write("2.json", "{")
        result = self.here.run("config", "check", str(self.directory), "/nonexistent")
        self.fails(result, f"{first}:1:10: name:", f"{first}:2:9: port:", f"{second}:1:2: ", "/nonexistent: ")
        self.assertEqual(result.error.count("\n"), 4, result.error)

    def test_too_big_an_announcement(self):
        path = self.write("big.json", {"attrs": {f"a{number}": "v" * 200 for number in range(400)}})
        self.fails(self.here.run("config", "check", path), "too big to announce")
        self.fails(self.here.run("announce", "--name", "n", "--config", path), "too big to announce")

    def test_more_than_a_datagram_holds(self):
        path = self.write("large.json", {"services": [http(port) for port in range(1, 201)]})
        self.assertEqual(self.here.run("config", "check", path).code, 0)

    def test_schema_and_code_agree(self):
        validator = jsonschema.Draft202012Validator(SCHEMA)
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        for content, good in [(content, False) for content, _ in BAD] + [(content, True) for content in GOOD]:
            with self.subTest(content[:60]):
                self.assertEqual(validator.is_valid(json.loads(content)), good)
                result = self.here.run("config", "check", self.write("file.json", content))
                self.assertEqual(result.code, 0 if good else 1, result.describe())


class Reloading(ConfigTest):
    def start(self, content, *arguments):
        self.path = self.write("10.json", content)
        self.watch = self.there.watch()
        self.there.announce("neighbour")
        process = self.here.start("announce", "--config", str(self.directory), *arguments)
        self.watch.await_event("joined", name=content["name"])
        return process

    def reload(self, process):
        """Sends SIGHUP and waits for its outcome, which is returned."""
        before = len(process.error)
        process.signal(signal.SIGHUP)
        outcome = lambda: [l for l in process.error[before:].splitlines(True) if "reloaded" in l and l.endswith("\n")]
        self.lan.wait_for(outcome, f"the end of a reload of {process.name}")
        return process.error[before:]

    def changes(self):
        return self.watch.events("changed", "restarted", "left", "lost", "suspect")

    def test_one_change(self):
        process = self.start({"name": "nas", "services": [http(80), http(81)], "attrs": {"a": "1"}})
        self.write("10.json", {"name": "nas2", "services": [http(81), http(82)], "attrs": {"a": "2", "b": "1"}})
        self.write("20.json", {"services": [http(83)]})
        said = self.reload(process)
        self.assertEqual(said, "muster announce: reloaded\n")
        _, event = self.watch.await_event("changed")
        self.assertEqual([s["port"] for s in event["services"]], [81, 82, 83])
        self.assertEqual((event["name"], event["attrs"]), ("nas2", {"a": "2", "b": "1"}))
        # What comes later of that change would be here by the next one.
        (self.directory / "20.json").unlink()
        self.reload(process)
        self.lan.wait_for(lambda: len(self.changes()) == 2, "the second change")
        events = [event for _, event in self.changes()]
        self.assertEqual([(e["event"], len(e["services"])) for e in events], [("changed", 3), ("changed", 2)])
        self.assertEqual(process.stop().code, 0)

    def test_bad_files(self):
        process = self.start({"name": "nas", "services": [http(80)]}, "--attr", "x=y")
        self.write("20.json", '{\n"services": [{"type": "http", "port": 80}]}')
        self.write("30.json", '{"nam": 1}')
        said = self.reload(process)
        self.assertIn("20.json:2:14: services[0]: expected each type", said)
        self.assertIn("30.json:1:9: nam: unknown", said)
        self.assertIn("not reloaded: what was announced stays", said)
        self.write("20.json", {"attrs": {"x": "z"}})
        (self.directory / "30.json").unlink()
        self.assertIn("--attr: expected each attribute only once", self.reload(process))
        self.write("20.json", {"attrs": {f"a{number}": "v" * 200 for number in range(400)}})
        self.assertIn("too big to announce", self.reload(process))
        self.write("20.json", {"attrs": {"good": "again"}})
        self.assertEqual(self.reload(process), "muster announce: reloaded\n")
        _, event = self.watch.await_event("changed")
        self.assertEqual(event["attrs"], {"good": "again", "x": "y"})
        self.assertEqual(len(self.changes()), 1)

    def test_nothing_new(self):
        process = self.start({"name": "nas", "services": [http(80)]})
        self.assertIn("nothing has changed", self.reload(process))
        self.lan.never(self.changes, "an event of no change", 0.5)

    def test_what_waits_for_a_restart(self):
        process = self.start({"name": "nas", "port": self.lan.port})
        content = {"name": "nas", "instance": "i", "interval": "1m", "interfaces": ["nope0"], "port": 1}
        self.write("10.json", {**content, "attrs": {"a": "b"}})
        said = self.reload(process)
        for member in ("instance", "interval"):
            self.assertIn(f"{member}: cannot change while this runs", said)
        for member in ("interfaces", "port"):  # the environment says those
            self.assertNotIn(f"{member}: ", said)
        self.watch.await_event("changed", attrs={"a": "b"})

    def test_ports_and_interfaces_wait_too(self):
        self.lan.require_isolation()
        path = self.write("10.json", {"name": "nas", "port": self.lan.port, "interfaces": ["eth0"]})
        process = self.here.start("announce", "--config", path, MUSTER_PORT=None, MUSTER_INTERFACE=None)
        self.says(process, "nas is ")
        self.write("10.json", {"name": "nas", "port": 1, "interfaces": ["eth0", "eth1"]})
        said = self.reload(process)
        for member in ("interfaces", "port"):
            self.assertIn(f"{member}: cannot change while this runs", said)

    def test_without_a_config_it_ends(self):
        watch = self.there.watch()
        process = self.here.announce("plain")
        watch.await_event("joined", name="plain")
        process.signal(signal.SIGHUP)
        self.assertEqual(process.finish().code, 0)
        watch.await_event("left", name="plain")

    def test_while_others_chatter(self):
        """Nothing is missed of a crowd that speaks at every moment of a reload."""
        process = self.start({"name": "nas", "attrs": {"n": "0"}})
        crowd = Crowd(self.there, 50, of_one_port=5)
        crowd.join(self.watch)
        spoken = 1
        for number in range(1, 6):
            self.write("10.json", {"name": "nas", "attrs": {"n": str(number)}})
            process.signal(signal.SIGHUP)

            def is_changed(number=number):
                return self.watch.events("changed", name="nas", attrs={"n": str(number)})

            for _ in range(10):
                spoken += 1
                for member in range(len(crowd.ids)):
                    crowd.say("alive", member)
            self.lan.wait_for(is_changed, f"change {number}")

        def figures():
            return {(row["state"], row["received"], row["loss"]) for row in self.here.peers("crowd*")}

        self.lan.wait_for(lambda: figures() == {("alive", spoken, 0)}, f"{spoken} messages of each")
        self.assertEqual([event["name"] for _, event in self.changes()], ["nas"] * 5)

    def test_many_signals(self):
        """None of them is one too many, the last files count, and it still ends well."""
        process = self.start({"name": "nas"})
        for number in range(20):
            self.write("10.json", {"name": "nas", "attrs": {"n": str(number)}})
            process.signal(signal.SIGHUP)
        self.watch.await_event("changed", attrs={"n": "19"})
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGHUP)
        self.assertEqual(process.finish().code, 0)
        self.watch.await_event("left", name="nas")


class Notifying(ConfigTest):
    def story(self, name):
        manager = Manager(self.here, name)
        path = self.write("nas.json", {"name": "nas"})
        watch = self.there.watch()
        process = self.here.start("announce", "--config", path, NOTIFY_SOCKET=name, WATCHDOG_USEC="200000")
        at = manager.await_message("READY=1")
        self.assertEqual(manager.messages[0], ["READY=1"])
        watch.await_event("joined", name="nas")
        manager.await_message("WATCHDOG=1")
        self.there.announce("neighbour")
        at = manager.await_message("STATUS=nas, 1 peer is here", after=at)
        self.write("nas.json", {"name": "nas2"})
        process.signal(signal.SIGHUP)
        at = manager.await_message("RELOADING=1", "MONOTONIC_USEC=", after=at)
        at = manager.await_message("READY=1", after=at)
        at = manager.await_message("STATUS=nas2, 1 peer is here", after=at)
        self.write("nas.json", "bad")
        process.signal(signal.SIGHUP)
        at = manager.await_message("RELOADING=1", after=at)
        at = manager.await_message("READY=1", after=at)
        process.signal(signal.SIGTERM)
        at = manager.await_message("STOPPING=1", after=at)
        self.assertEqual(process.finish().code, 0)
        later = [message for message in manager.messages[at:] if message != ["WATCHDOG=1"]]
        self.assertEqual(later, [])

    def test_a_path(self):
        self.story(str(self.lan.directory / "notify"))

    def test_an_abstract_name(self):
        self.story(f"@muster-lan-{os.getpid()}")

    def test_a_name_that_changed(self):
        """muster update changes what is announced: the status does not say what was."""
        path = str(self.lan.directory / "notify")
        manager = Manager(self.here, path)
        self.here.start("announce", "--name", "old", NOTIFY_SOCKET=path)
        at = manager.await_message("STATUS=old, 0 peers are here")
        self.assertEqual(self.here.run("update", "--name", "new").code, 0)
        self.there.announce("neighbour")
        manager.await_message("STATUS=1 peer is here", after=at)

    def test_a_watchdog_of_somebody_else(self):
        manager = Manager(self.here, str(self.lan.directory / "notify"))
        extra = {"NOTIFY_SOCKET": str(self.lan.directory / "notify"), "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
        process = self.here.start("announce", "--name", "nas", **extra)
        manager.await_message("STATUS=")
        process.stop()
        manager.await_message("STOPPING=1")
        self.assertNotIn(["WATCHDOG=1"], manager.messages)

    def test_a_start_that_fails_is_never_ready(self):
        manager = Manager(self.here, str(self.lan.directory / "notify"))
        path = self.write("bad.json", "bad")
        result = self.here.run("announce", "--config", path, NOTIFY_SOCKET=str(self.lan.directory / "notify"))
        self.fails(result, f"{path}:1:1: not JSON")
        self.assertEqual(manager.messages, [])

    def test_nobody_listens(self):
        """Neither a socket that is gone nor one that nobody reads holds it up."""
        gone = self.here.start("announce", "--name", "gone", NOTIFY_SOCKET=str(self.lan.directory / "none"))
        path = str(self.lan.directory / "full")
        deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(deaf.close)
        deaf.bind(path)
        full = self.here.start("announce", "--name", "full", NOTIFY_SOCKET=path, WATCHDOG_USEC="2000")
        for process, name in ((gone, "gone"), (full, "full")):
            self.assertEqual(self.there.run("wait", name).code, 0)
            self.assertEqual(process.stop().code, 0, process.describe())


if __name__ == "__main__":
    main()
