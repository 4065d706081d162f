# SPDX-License-Identifier: MIT
"""The Unix socket of a running muster: who may ask by it, which one is asked where several run, and what if it
is stale, silent, mad or gone."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import time

from lab import MUSTER, LanTest, main, note
from test_outputs import SCHEMAS, validator
from wire import Peer, Stream

OTHER = 12345  # a user without a name
BOUND_S = 10.0  # for a command whose muster does not answer as it should
FAST = ("--interval", "100ms")

# Each command that can ask a running muster, and cannot do without the one that --socket names.
ASKING = {
    "peers": ["peers", "--json"],
    "services": ["services"],
    "resolve": ["resolve", "http"],
    "show": ["show", "node"],
    "self": ["show", "--self"],
    "wait": ["wait", "never-there", "--timeout", "30"],
    "watch": ["watch"],
    "update": ["update", "--attr", "a=b"],
}


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class Impostor:
    """Listens where a muster should, and has an answer of its own for whoever asks."""

    def __init__(self, lab, path, answer=None, closes=False):
        """answer None: it says nothing. closes: it ends the connection behind it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lab = lab
        self.asked = 0
        self._answer = answer
        self._closes = closes
        self._connections = set()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(str(path))
        self.socket.listen()
        lab.on_close(self.socket.close)
        lab.on_readable(self.socket, self._accept)

    def _accept(self):
        connection, _ = self.socket.accept()
        connection.setblocking(False)
        self._connections.add(connection)
        self.lab.on_close(connection.close)
        self.lab.on_readable(connection, lambda: self._read(connection))

    def _read(self, connection):
        try:
            data = connection.recv(65536)
        except OSError:
            data = b""
        if data:
            self.asked += 1
            self.say(self._answer or b"")
        if not data or self._closes:
            self.lab.forget(connection)
            self._connections.remove(connection)
            connection.close()

    def say(self, answer):
        for connection in self._connections:
            with contextlib.suppress(OSError):  # it may have gone, or take no more
                connection.sendall(answer)


class Actor(Impostor):
    """Answers each request by its name."""

    def __init__(self, lab, path, answers):
        super().__init__(lab, path)
        self._answers = answers

    def say(self, answer):
        raise NotImplementedError

    def _read(self, connection):
        data = connection.recv(65536)
        if not data:
            self.lab.forget(connection)
            self._connections.remove(connection)
            connection.close()
        for line in data.splitlines():
            connection.sendall(self._answers[json.loads(line)["request"]])


class LocalTest(LanTest):
    HOSTS = 2

    def setUp(self):
        super().setUp()
        self.directory = self.lan.directory / "run"
        self.directory.mkdir()

    def slot(self, name, host=None):
        return (host or self.here).state / name / "socket"

    def node(self, name="node", *arguments, host=None, **environment):
        """A muster that announces, once its socket answers."""
        host = host or self.here
        process = host.start("announce", "--name", name, *arguments, **environment)
        self.answers(self.slot(name, host))
        return process

    def answers(self, path):
        def connects():
            try:
                Stream(self.here, path).close()
            except OSError:
                return False
            return True

        self.lan.wait_for(connects, f"somebody at {path}")

    def asked(self, host=None):
        return (host or self.here).json("show", "--self", "--json")["counters"]["requests"]


class Feeds(LocalTest):
    """A muster that hears a peer of its table, "meter", and one that is gone."""

    METER = "00112233445566778899aabbccddeeff"
    GONE = "b18f47587456f38669826ce18fcdb2aa"

    def setUp(self):
        super().setUp()
        text = (SCHEMAS / "golden" / "replies" / "self.lines").read_text()
        head, rest = text.split("\n", 1)
        own = json.loads(head)
        (feed,) = own["self"]["feeds"]
        own["self"]["feeds"] = [feed, feed | {"id": self.METER, "shard": 3, "streamed": True, "naks": 77}]
        own["self"]["feeds_known"] = 5
        self.path = self.directory / "actor"
        table = (SCHEMAS / "golden" / "replies" / "table.lines").read_bytes().replace(b'"lamp"}', b'"meter"}')
        Actor(self.lan, self.path, {"table": table, "self": (json.dumps(own) + "\n" + rest).encode()})

    def show(self, *arguments):
        result = self.here.run("show", *arguments, "--socket", str(self.path))
        self.assertEqual((result.code, result.error), (0, ""), result.describe())
        return result

    def table(self, *arguments):
        """The cells of the feeds, by heading."""
        lines = self.show(*arguments, "--wide").out.splitlines()
        (at,) = [number for number, line in enumerate(lines) if line.startswith("PUBLISHER")]
        rows = [line for line in lines[at + 1:] if not line.startswith("and ")]
        return [dict(zip(lines[at].split(), row.split(), strict=True)) for row in rows]

    def test_all_of_them(self):
        gone, meter = self.table("--self")
        self.assertEqual(gone, {"PUBLISHER": "id:b18f4758", "SHARD": "14", "BY": "group", "RECEIVED": "995", "AGAIN": "2",
                                "LATE": "1", "REPAIRED": "7", "NAKS": "5", "PENDING": "1", "WIRE": "2", "GONE": "0",
                                "KERNEL": "1", "PROGRAM": "1"})
        self.assertEqual((meter["PUBLISHER"], meter["SHARD"], meter["BY"], meter["NAKS"]), ("meter", "3", "stream", "77"))
        text = self.show("--self").out
        self.assertIn("\nand 3 more\n", text)
        self.assertIn("Published   500 datagrams, 200000 bytes; 12 sent again (2.4%)\n", text)
        self.assertIn("9 naks heard, 3 of them refused\n", text)

    def test_as_json(self):
        telemetry = self.show("--self", "--json").json()["telemetry"]
        self.assertEqual(telemetry["sender"], {"datagrams": 500, "bytes": 200000, "repairs": 12, "repair_bytes": 4800,
                                               "naks": 9, "naks_refused": 3})
        self.assertEqual(telemetry["feeds_known"], 5)
        gone, meter = telemetry["feeds"]
        self.assertEqual((gone["id"], gone["name"], gone["streamed"]), (self.GONE, None, False))
        self.assertEqual(gone["lost"], {"wire": 2, "gone": 0, "kernel": 1, "program": 1})
        self.assertEqual(gone["sent"] - gone["since"] + 1,
                         gone["received"] + gone["pending"] + sum(gone["lost"].values()))
        self.assertEqual((meter["id"], meter["name"], meter["streamed"]), (self.METER, "meter", True))
        for schema, arguments in (("self", ["--self"]), ("peers", [f"id:{self.METER}"])):
            validator(schema).validate(self.show(*arguments, "--json").json())

    def test_those_of_one_peer(self):
        (meter,) = self.table(f"id:{self.METER}")
        self.assertEqual((meter["PUBLISHER"], meter["NAKS"]), ("meter", "77"))
        (peer,) = self.show(f"id:{self.METER}", "--json").json()["peers"]
        self.assertEqual([feed["shard"] for feed in peer["feeds"]], [3])
        other = "id:e6808f33"
        self.assertNotIn("PUBLISHER", self.show(other).out)
        (peer,) = self.show(other, "--json").json()["peers"]
        self.assertEqual(peer["feeds"], [])


class Users(LocalTest):
    def as_other(self, *arguments, **environment):
        argv = ["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups", self.muster, *arguments]
        return self.here.start_program(*argv, HOME="/nonexistent", **environment)

    def require_users(self):
        self.lan.require_isolation()
        users = int(pathlib.Path("/proc/self/uid_map").read_text().split()[2])
        if os.getuid() != 0 or users <= OTHER or shutil.which("setpriv") is None:
            self.skipTest("only root can be somebody else")
        # Where nobody may go, too.
        self.lan.directory.chmod(0o755)
        self.directory.chmod(0o1777)
        self.muster = str(self.directory / "muster")
        shutil.copy(MUSTER, self.muster)

    def test_modes(self):
        old = os.umask(0)
        try:
            self.node()
        finally:
            os.umask(old)
        self.assertEqual(mode(self.slot("node")), 0o600)
        self.assertEqual(mode(self.slot("node").parent), 0o700)
        self.assertEqual(mode(self.here.state), 0o700)

    def test_others_see_nothing_by_default(self):
        self.require_users()
        self.node()
        self.here.state.chmod(0o755)
        self.slot("node").parent.chmod(0o755)  # the mode of the socket itself must do
        for command in ("peers", "self", "update"):
            refusal = self.as_other(*ASKING[command], "--socket", str(self.slot("node"))).finish()
            self.check_refused(refusal, str(self.slot("node")), "permission")
        listing = self.as_other("peers", "--json").finish()  # by listening, then
        self.assertEqual([(row["name"], row["self"]) for row in listing.json()["peers"]], [("node", False)])
        self.assertEqual(listing.error, "")
        self.assertEqual(self.as_other("update", "--attr", "a=b").finish().code, 3)

    def test_a_socket_for_all(self):
        self.require_users()
        path = self.directory / "socket"
        old = os.umask(0o077)
        try:
            self.here.start("announce", "--name", "node", "--socket", str(path))
        finally:
            os.umask(old)
        self.answers(path)
        self.assertEqual(mode(path), 0o666)
        self.here.state.chmod(0o755)  # where pins can't be looked for, no muster that has others is asked
        listing = self.as_other("peers", "--json", "--socket", str(path)).finish()
        self.assertEqual([(row["name"], row["self"]) for row in listing.json()["peers"]], [("node", True)])
        self.assertEqual(self.as_other("show", "--self", "--socket", str(path)).finish().code, 0)
        refusal = self.as_other("update", "--attr", "a=b", "--socket", str(path)).finish()
        self.check_refused(refusal, "only the user that this muster runs as, or root, may do that")
        own = self.here.run("update", "--attr", "a=c", "--socket", str(path))
        self.assertEqual((own.code, own.error), (0, ""))
        (row,) = self.here.peers("--socket", str(path))
        self.assertEqual(row["attrs"], {"a": "c"})

    def test_root_changes_anybodys(self):
        self.require_users()
        path = self.directory / "socket"
        state = self.directory / "state"
        self.as_other("announce", "--name", "node", "--socket", str(path), MUSTER_STATE=str(state))
        self.answers(path)
        for process in (self.here.start("update", "--attr", "root=yes", "--socket", str(path)),
                        self.as_other("update", "--attr", "own=yes", "--socket", str(path))):  # fmt: skip
            process.finish()
            self.assertEqual((process.code, process.error), (0, ""))
        (row,) = self.here.peers("--socket", str(path))
        self.assertEqual(row["attrs"], {"root": "yes", "own": "yes"})


class Places(LocalTest):
    def test_stale_sockets_are_replaced(self):
        path = self.directory / "socket"
        for arguments, place in (((), self.slot("node")), (("--socket", str(path)), path)):
            first = self.here.announce("node", *arguments)
            self.answers(place)
            first.signal(signal.SIGKILL)
            first.finish()
            self.assertTrue(place.is_socket())
            self.assertEqual(self.here.run("update", "--attr", "a=b", *arguments).code, 3)
            second = self.here.announce("node", *arguments)
            self.answers(place)
            self.assertEqual(self.here.run("update", "--attr", "a=b", *arguments).code, 0)
            second.stop()
            self.assertFalse(place.exists())

    def test_a_place_that_is_taken(self):
        path = self.directory / "socket"
        first = self.here.announce("first", "--socket", str(path))
        self.answers(path)
        self.check_refused(self.here.announce("second", "--socket", str(path)).finish(), str(path), "another muster")
        file = self.directory / "file"
        file.write_text("kept")
        self.check_refused(self.here.announce("second", "--socket", str(file)).finish(), str(file), "exists")
        self.assertEqual(file.read_text(), "kept")
        nowhere = str(self.directory / "nowhere" / "socket")
        self.check_refused(self.here.announce("second", "--socket", nowhere).finish(), nowhere, "No such")
        self.check_refused(self.here.announce("second", "--socket", str(self.directory)).finish(), str(self.directory))
        self.assertIsNone(first.code)
        self.answers(path)

    def test_nobody_there(self):
        nowhere = str(self.directory / "nowhere")
        file = self.directory / "file"
        file.write_text("no socket")
        self.node()
        for name, arguments in ASKING.items():
            with self.subTest(command=name):
                code = 3 if name in ("self", "update") else 1
                result = self.here.run(*arguments, "--socket", nowhere)
                self.check_refused(result, nowhere, "no muster listens there", code=code)
                result = self.here.run(*arguments, MUSTER_SOCKET=nowhere)
                self.check_refused(result, nowhere, "no muster listens there", code=code)
                self.check_refused(self.here.run(*arguments, "--socket", str(file)), str(file), code=code)

    def test_another_network(self):
        """A socket can be reached from every network of the machine; what it would tell is of its own."""
        self.lan.require_isolation()
        self.node("node")
        shared = {"MUSTER_STATE": str(self.here.state)}
        (row,) = self.there.run("peers", "--json", **shared).json()["peers"]
        self.assertEqual((row["name"], row["self"]), ("node", False))
        self.assertEqual(self.there.run("update", "--attr", "a=b", **shared).code, 3)
        named = self.there.run("peers", "--json", "--socket", str(self.slot("node")), **shared).json()["peers"]
        self.assertEqual([row["self"] for row in named], [True])

    def test_environment(self):
        path = str(self.directory / "socket")
        self.here.start("announce", "--name", "node", MUSTER_SOCKET=path)
        self.answers(path)
        (row,) = self.here.json("peers", "--json", "--socket", path)["peers"]
        self.assertTrue(row["self"])
        self.assertEqual(self.here.run("update", "--attr", "a=b", MUSTER_SOCKET=path).code, 0)
        elsewhere = str(self.directory / "elsewhere")
        self.assertEqual(self.here.run("peers", "--socket", path, MUSTER_SOCKET=elsewhere).code, 0)

    def test_long_paths(self):
        """Longer than the address of a Unix socket."""
        long = self.directory / ("d" * 100) / ("e" * 100)
        long.mkdir(parents=True)
        path = str(long / "socket")
        node = self.here.announce("node", "--socket", path)
        self.lan.wait_for(lambda: self.here.run("update", "--attr", "a=b", "--socket", path).code == 0, "an answer")
        self.assertEqual(node.stop().code, 0)
        self.assertFalse(os.path.exists(path))


class Choice(LocalTest):
    def test_two_instances(self):
        self.node("one")
        self.here.announce("two", "--instance", "other")
        self.answers(self.slot("other"))
        attrs = {"one": {}, "other": {"a": "b"}}
        self.assertEqual(self.here.run("update", "--instance", "other", "--attr", "a=b").code, 0)
        self.check_refused(self.here.run("update", "--attr", "first=yes"),
                           "more than one muster announce runs here: --instance says which, of one and other")
        self.assertEqual(self.here.run("update", "--instance", "one", "--attr", "first=yes").code, 0)
        attrs["one"]["first"] = "yes"
        for slot, expected in attrs.items():
            (own,) = [row for row in self.here.peers("--socket", str(self.slot(slot))) if row["self"]]
            self.assertEqual(own["attrs"], expected)
        self.check_refused(self.here.run("update", "--instance", "third", "--attr", "a=b"),
                           "as instance third; there is one and other", code=3)
        self.assertEqual([row["name"] for row in self.here.peers() if row["self"]], ["one"])

    def test_publishers_are_no_announces(self):
        self.node("zoo")
        publisher = self.here.start("publish", "--topic", "a")
        self.lan.wait_for(lambda: len([row for row in self.here.peers() if row["name"].endswith("+publish")]) == 1,
                          "the publisher")
        self.assertEqual(self.here.run("update", "--attr", "first=yes").code, 0)
        (own,) = [row for row in self.here.peers("--socket", str(self.slot("zoo"))) if row["self"]]
        self.assertEqual(own["attrs"], {"first": "yes"})
        publisher.stop()

    def test_one_that_is_stuck_may_be_meant(self):
        """It hides nobody, and is not passed over in silence."""
        self.node("one")
        stuck = self.here.announce("two")
        self.answers(self.slot("two"))
        stuck.signal(signal.SIGSTOP)
        changed = self.here.run("update", "--attr", "a=b")
        self.assertEqual((changed.code, changed.error.count("\n")), (0, 1), changed.describe())
        self.assertIn("one was changed; another muster announce here does not answer", changed.error)
        self.assertEqual(self.here.run("update", "--instance", "one", "--attr", "a=b").code, 0)
        stuck.signal(signal.SIGCONT)

    def test_what_is_not_there_is_named(self):
        self.node("one")
        self.check_refused(self.here.run("update", "--remove", "http:99"), "--remove http:99/tcp", "not announce")
        self.check_refused(self.here.run("update", "--remove-attr", "color"), "--remove-attr color", "not announce")

    def test_the_second_of_one_name(self):
        """It says who it is, and is called so."""
        self.node("twin")
        other = self.here.announce("twin")
        self.lan.wait_for(lambda: "this one is the instance twin+2" in other.error, "its instance")
        self.assertEqual(self.here.run("update", "--instance", "twin+2", "--attr", "a=b").code, 0)
        self.lan.wait_for(lambda: {"a": "b"} in [row["attrs"] for row in self.here.peers("twin")], "the first one has heard of it")
        self.answers(self.slot("twin+2"))
        second = str(self.slot("twin+2"))
        self.lan.wait_for(lambda: len({row["id"] for row in self.here.peers("--socket", second)}) == 2, "two ids")

    def test_other_ports_and_interfaces_are_passed_over(self):
        self.lan.require_isolation()
        self.node("a-other-port", "--port", "20500")
        self.node("b-other-interface", "--interface", "lo")
        self.node("c-both", "--interface", "lo", "--interface", "eth0")
        for arguments in (["update", "--attr", "a=b"], ["show", "--self"]):
            self.check_refused(self.here.run(*arguments), "on that port and those interfaces", code=3)
        self.node("d-right", "--service", "http:80")
        (own,) = [row for row in self.here.peers() if row["self"]]
        self.assertEqual(own["name"], "d-right")
        for name, how in {
            "a-other-port": ["--port", "20500"],
            "b-other-interface": ["--interface", "lo"],
            "c-both": ["--interface", "eth0", "--interface", "lo"],
        }.items():
            (own,) = [row for row in self.here.peers(*how) if row["self"]]
            self.assertEqual(own["name"], name)
            self.assertEqual(self.here.run("update", "--attr", "a=b", *how).code, 0)
            for command in ("peers", "show", "watch", "wait"):
                refusal = self.here.run(*ASKING[command], "--socket", str(self.slot(name)))
                self.check_refused(refusal, str(self.slot(name)), "on another port or other interfaces")

    def test_direct(self):
        self.node("node", "--service", "http:80")
        asked = self.asked()
        for arguments in (["peers"], ["services"], ["resolve", "http"], ["show", "node"], ["wait", "http"]):
            result = self.here.run(*arguments, "--direct")
            self.assertEqual(result.code, 0, result.describe())
        watch = self.here.watch("--direct", "--count", "1").finish()
        (event,) = [event for _, event in watch.events()]
        self.assertEqual((event["event"], event["self"]), ("joined", False))
        self.assertEqual(self.asked(), asked + 1)
        self.check_refused(self.here.run("update", "--attr", "a=b", "--direct"), "--direct", code=2)


class Self(LocalTest):
    def test_text_and_json(self):
        peer = Peer(self.there, "peer")
        self.node("node", "--service", "http:80")
        self.lan.wait_for(lambda: self.here.peers("peer"), "the peer")
        shown = self.here.json("show", "--self", "--json")
        self.assertEqual((shown["peers"], shown["port"]), (1, self.lan.port))
        self.assertEqual(
            {s["protocol"] for s in shown["sockets"]}, {"udp", "tcp", "unix"}, json.dumps(shown["sockets"], indent=1)
        )
        for known in shown["sockets"]:
            if known["protocol"] == "udp":
                self.assertGreater(known["buffer_bytes"], 0)
        text = self.here.run("show", "--self")
        self.assertEqual((text.code, text.error), (0, ""))
        for words in ("node", "Received", "Sent", "Streams", "Verified", "SOCKET", "BUFFER", "tcp", "unix"):
            self.assertIn(words, text.out)
        peer.voice.say(b"not JSON\n")
        self.lan.wait_for(lambda: "1 dropped" in self.here.run("show", "--self").out, "what was dropped, and why")

    def test_what_was_published_and_heard(self):
        self.node("node")
        shown = self.here.json("show", "--self", "--json")
        self.assertEqual(shown["telemetry"]["feeds"], [])
        self.assertEqual(set(shown["telemetry"]["sender"].values()), {0})
        text = self.here.run("show", "--self").out
        self.assertIn("Published   0 datagrams, 0 bytes; 0 sent again\n", text)
        self.assertIn("0 naks heard, 0 of them refused\n", text)
        self.assertNotIn("PUBLISHER", text)

    def test_wrong_usage(self):
        for arguments in (
            ["show"],
            ["show", "--self", "node"],
            ["show", "--self", "--direct"],
            ["update"],
            ["update", "--attr", "novalue"],
            ["update", "--service", "http"],
            ["update", "--remove", "http"],
            ["update", "--remove", "http:80,txt.path=/"],
            ["update", "--name", ""],
            ["update", "--attr", "a=b", "operand"],
        ):
            with self.subTest(arguments=arguments):
                result = self.here.run(*arguments)
                self.assertEqual((result.code, result.out), (2, ""), result.describe())
        for arguments in (["show", "--self"], ["update", "--attr", "a=b"]):
            self.check_refused(self.here.run(*arguments), "no muster announce runs here", code=3)

    def test_history(self):
        """What came before the look: suspect and lost peers, and since when."""
        self.lan.require_isolation()
        self.node("node", *FAST)
        victim = self.node("victim", *FAST, "--service", "http:80", host=self.there)

        def in_state(*states):
            return [row for row in self.here.peers("victim") if row["state"] in states]

        self.lan.wait_for(lambda: [r for r in in_state("alive") if r["received"] >= 5], "it is known for a while")
        (before,) = in_state("alive")
        victim.signal(signal.SIGKILL)
        self.lan.wait_for(lambda: in_state("suspect", "lost"), "its silence is noticed")
        (lost,) = self.lan.wait_for(lambda: in_state("lost"), "its loss")
        self.assertGreaterEqual(lost["received"], before["received"])
        self.assertEqual(lost["id"], before["id"])
        self.assertIn("m4", lost["paths"])
        for arguments, code in ((["peers", "--state", "lost"], 0), (["resolve", "http"], 4), (["show", "victim"], 0)):
            self.assertEqual(self.here.run(*arguments).code, code)
        shown = self.here.json("show", "victim", "--json")["peers"][0]
        self.assertTrue(shown["tuples"])
        self.assertEqual(shown["tuples"][0]["source_address"], self.there.address)
        # Who only listens can't know.
        self.assertEqual([row["name"] for row in self.here.peers("--direct")], ["node"])
        self.node("victim", *FAST, host=self.there)
        self.lan.wait_for(lambda: in_state("alive"), "its return")


ANSWERS = {
    "nothing": (None, False),
    "no word": (b"", True),
    "half a line": (b'{"peer":{"id":"00', True),
    "no JSON": (b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
    "no UTF-8": (b'{"end":"\xff"}\n', False),
    "another language": (b'{"result":[]}\n', False),
    "an array": (b"[1]\n", False),
    "no end": (b"a" * 1_000_000, False),
    "too many lines": (b'{"peer":{},"lines":1000000000}\n', False),
    "what was not asked": (b'{"document":{"id":"%s","hash":"%s"},"lines":1}\n{}\n' % (b"0" * 32, b"0" * 64), False),
    "a strange end": (b'{"end":"so it goes","count":0}\n', False),
    "an escape in its words": (b'{"end":"invalid","count":0,"text":"\\u001b[31m\\nred"}\n', False),
    "no place": (b'{"end":"busy","count":0}\n', True),
}


class Impostors(LocalTest):
    def test_mad_ones(self):
        """Named by --socket: an error that says so, in bounded time, and nothing of it raw."""
        slowest = 0.0
        for title, (answer, closes) in ANSWERS.items():
            path = self.directory / title.replace(" ", "-")
            Impostor(self.lan, path, answer, closes)
            started = time.monotonic()
            processes = {name: self.here.start(*how, "--socket", str(path)) for name, how in ASKING.items()}
            for name, process in processes.items():
                with self.subTest(answer=title, command=name):
                    self.check_refused(process.finish(BOUND_S))
                    self.assertNotIn("\x1b", process.error)
            slowest = max(slowest, time.monotonic() - started)
        note(f"the slowest of {len(ANSWERS)} mad answers held a command up for {slowest:.1f} s")

    def test_one_that_never_comes_to_the_point(self):
        path = self.directory / "slow"
        impostor = Impostor(self.lan, path, b'{"end":"done"')
        processes = [self.here.start(*ASKING[name], "--socket", str(path)) for name in ("update", "watch", "self")]

        def dribbles():
            impostor.say(b" ")
            return all(process.done for process in processes)

        self.lan.wait_for(dribbles, "they give up", BOUND_S)
        for process in processes:
            self.check_refused(process, "it does not answer")

    def test_the_next_one_is_asked(self):
        """One in the first slot that is no muster does not hide the muster in the second."""
        Impostor(self.lan, self.slot("a-silent"))
        Impostor(self.lan, self.slot("b-mad"), b"mad\n")
        Impostor(self.lan, self.slot("c-gone"), b"", True)
        Impostor(self.lan, self.slot("d-elsewhere"), b'{"end":"elsewhere","count":0}\n')
        self.node("node")
        (own,) = self.here.peers()
        self.assertTrue(own["self"])
        self.assertEqual(self.here.run("update", "--attr", "a=b").code, 0)

    def test_alone_they_hide_nobody(self):
        """With impostors alone the network is asked, as if there were none."""
        Impostor(self.lan, self.slot("a-silent"))
        Impostor(self.lan, self.slot("b-mad"), b"mad\n")
        self.there.announce("peer", "--service", "http:80")
        ways = (["peers"], ["services"], ["resolve", "http"], ["show", "peer"], ["wait", "http"])
        for process in [self.here.start(*arguments) for arguments in (*ways, ["watch", "--count", "1"])]:
            process.finish(BOUND_S)
            self.assertEqual(process.code, 0, process.describe())
            self.assertIn("the running muster: what it answers makes no sense; the network is asked", process.error)
            self.assertEqual(process.error.count("\n"), 1, process.error)


class Ending(LocalTest):
    def setUp(self):
        super().setUp()
        self.lan.require_isolation()
        self.keeper = self.node("keeper", "--service", "ipp:631")

    def goes_on(self, end):
        log = self.lan.directory / "log"
        log.touch()
        hook = self.lan.script(f'echo "$MUSTER_EVENT $MUSTER_PEER_NAME" >>{log}')
        watch = self.here.watch("--exec", hook)
        watch.await_event("joined", name="keeper")
        end()
        self.keeper.finish()
        self.there.announce("newcomer")
        watch.await_event("joined", name="newcomer")
        self.lan.wait_for(lambda: "joined newcomer" in log.read_text(), "the hook for newcomer")
        self.assertIsNone(watch.code)
        self.assertLessEqual(watch.error.count("\n"), 1)
        watch.stop()
        self.assertEqual(watch.code, 0)
        return watch

    def test_a_watch_after_its_muster_left(self):
        watch = self.goes_on(lambda: self.keeper.signal(signal.SIGTERM))
        note(f"watch said: {watch.error.strip()}")

    def test_a_watch_after_its_muster_was_killed(self):
        watch = self.goes_on(lambda: self.keeper.signal(signal.SIGKILL))
        self.assertIn("it went away; the network is asked instead", watch.error)
        note(f"watch said: {watch.error.strip()}")

    def test_who_left_before_did_not_join(self):
        first = self.here.watch()
        gone = self.there.announce("gone")
        first.await_event("joined", name="gone")
        gone.stop()
        first.await_event("left", name="gone")
        self.there.announce("here")
        second = self.here.watch()
        second.await_event("joined", name="here")
        self.assertEqual(second.events("joined", name="gone"), [])

    def test_a_wait(self):
        wait = self.here.start("wait", "http", "--timeout", "20")
        both = self.here.start("wait", "ipp", "--count", "2", "--timeout", "20")
        stats = Stream(self.here, self.slot("keeper"))

        def connected():
            stats.ask("stats")
            return json.loads(stats.raw.splitlines()[-2])["stats"]["streams_accepted"] >= 3 if stats.end() else 0

        self.lan.wait_for(connected, "both of them have asked")
        self.keeper.signal(signal.SIGKILL)
        self.keeper.finish()
        self.there.announce("newcomer", "--service", "http:80", "--service", "ipp:631")
        self.assertEqual(wait.finish().code, 0)
        # The keeper offers ipp no more: one is not two.
        self.lan.never(lambda: both.done, "it ended", 1.0)
        self.there.announce("third", "--service", "ipp:631")
        self.assertEqual(both.finish().code, 0)

    def test_one_that_is_stopped(self):
        """It holds nobody up for long, and is asked again as soon as it goes on."""
        self.there.announce("peer", "--service", "http:80")
        self.lan.wait_for(lambda: self.here.peers("peer"), "the peer")
        self.keeper.signal(signal.SIGSTOP)
        ways = (["peers", "peer"], ["resolve", "http"], ["wait", "http"], ["watch", "--count", "1"])
        for process in [self.here.start(*arguments) for arguments in ways]:
            process.finish(BOUND_S)
            self.assertEqual(process.code, 0, process.describe())
            self.assertIn("it does not answer", process.error)
        self.check_refused(self.here.run("update", "--attr", "a=b"), "does not answer")
        self.keeper.signal(signal.SIGCONT)
        listing = self.here.run("peers")
        self.assertEqual((listing.code, listing.error), (0, ""))

    def test_a_named_one(self):
        """Who asked for that one by --socket is told that it has ended."""
        watch = self.here.watch("--socket", str(self.slot("keeper")))
        watch.await_event("joined", name="keeper")
        self.keeper.signal(signal.SIGKILL)
        self.assertEqual(watch.finish().code, 1)
        self.assertIn("the running muster: it went away", watch.error)

    def test_its_own_row(self):
        """Nobody hears himself: the row says so, and makes up no path, age or loss."""
        shown = self.here.run("show", "keeper", "--socket", str(self.slot("keeper")))
        self.assertEqual(shown.code, 0, shown.error)
        self.assertIn("Heard       never: it is the muster that was asked", shown.out)
        self.assertNotIn("Messages", shown.out)


if __name__ == "__main__":
    main()
