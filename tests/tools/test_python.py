# SPDX-License-Identifier: MIT
"""What tools/python/muster.py reads and writes, without a network: golden datagrams, readings, texts, keys."""

import contextlib
import io
import logging
import os
import pathlib
import random
import signal
import socket
import sys
import tempfile
import threading
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "schemas" / "golden"
sys.path.insert(0, str(ROOT / "tools" / "python"))
sys.dont_write_bytecode = True

import muster  # noqa: E402

NOW = 2_000_000_000.0


def reason_of(read, data):
    try:
        read(data)
    except muster._Drop as drop:
        return str(drop)
    return "good"


def records_of(text):
    """What a pack holds up to its first fault, and the reason of that."""
    records = []
    try:
        for record in muster._read_pack(text.encode(), NOW):
            records.append(record)
    except muster._Drop as drop:
        return records, str(drop)
    return records, None


class Golden(unittest.TestCase):
    def check(self, folder, read, is_good):
        paths = sorted((GOLDEN / folder).glob("*.datagram"))
        self.assertGreater(len(paths), 10, folder)
        for path in paths:
            with self.subTest(path.name):
                wanted = "good" if is_good else path.name.partition("--")[0]
                self.assertEqual(reason_of(read, path.read_bytes()), wanted)

    def test_good(self):
        self.check("good", muster.decode, True)
        self.check("telemetry", muster.decode_signal, True)

    def test_bad(self):
        """Each is dropped for the reason in its name."""
        self.check("bad-schema", muster.decode, False)
        self.check("bad-bytes", muster.decode, False)
        self.check("bad-telemetry", muster.decode_signal, False)
        self.check("bad-telemetry-bytes", muster.decode_signal, False)

    def test_bodies(self):
        for path in sorted((GOLDEN / "telemetry").glob("data*.datagram")):
            signal = muster.decode_signal(path.read_bytes())
            with self.subTest(path.name):
                if "1400" not in path.name and "longest" not in path.name and "largest" not in path.name:
                    records, fault = records_of(signal.body.decode())
                    if "reference" in path.name:  # to a value that goes by TCP, which the module does not fetch
                        self.assertEqual((records, fault), ([], "range"))
                    else:
                        self.assertTrue(records and fault is None, (records, fault))

    def test_headers_by_heart(self):
        """A known header is read as a new one is; whatever differs is not known."""
        listener = muster._Listener(None)
        count = 0
        for path in sorted((GOLDEN / "telemetry").glob("data*.datagram")):
            data = path.read_bytes()
            signal = listener._read_new(data)
            known = listener._read_known(data)
            if known is None:
                continue
            count += 1
            self.assertEqual(known, signal, path.name)
            start, _, body = data.partition(b"\n")
            prefix = start.rpartition(b":")[0]
            for seq in (b"05", b"+5", b"5.0", b"1e3", b"-1", b"", b"0", b"9007199254740992", b"5 ", b'"5"', b"5}"):
                self.assertIsNone(listener._read_known(prefix + b":" + seq + b"}\n" + body), (path.name, seq))
            for bad in (start, start + b"\n", data[:-1], data + b" ", data[:-1] + b" " * 1400 + b"\n"):
                self.assertIsNone(listener._read_known(bad), path.name)
        self.assertGreater(count, 5)

    def test_nothing_but_a_drop_is_raised(self):
        """Whatever bytes of good datagrams become."""
        chance = random.Random(7)
        paths = sorted((GOLDEN / "good").glob("*")) + sorted((GOLDEN / "telemetry").glob("*"))
        data = [path.read_bytes() for path in paths]
        for _ in range(4000):
            bad = bytearray(chance.choice(data))
            for _ in range(chance.randint(1, 3)):
                at = chance.randrange(len(bad))
                piece = chance.choice(
                    [b"", b"9", b'"', b"{", b"[", b"\n", b"null", b"1e5", b"-", b"\\ud800", b"\xff", b","]
                )
                bad[at : at + chance.randint(0, 3)] = piece
            reason_of(muster.decode, bytes(bad))
            reason_of(muster.decode_signal, bytes(bad))
            records_of(bytes(bad).decode("latin-1"))

    @unittest.skipUnless(muster.nacl, "there is no PyNaCl")
    def test_signatures(self):
        keys = {key.id: key.public for key in (muster._Key(bytes([n]) * 32) for n in (1, 2))}
        for folder in ("good", "bad-signature"):
            for path in sorted((GOLDEN / folder).glob("*.datagram")):
                try:
                    message = muster.decode(path.read_bytes())
                except muster._Drop as drop:
                    self.assertEqual((folder, str(drop)), ("bad-signature", "signature"), path.name)
                    continue
                if message.sig is not None:
                    key = message.key or keys.get(message.id, b"")
                    holds = muster._key_holds(message, key)
                    self.assertEqual(holds, folder == "good", path.name)


class Readings(unittest.TestCase):
    def test_resolution(self):
        """Bases hold for the records behind them (RFC 8428, 4.6)."""
        pack = (
            '[{"bn":"a/","bt":1700000000,"bu":"W","n":"b","v":1},{"n":"c","t":2,"u":"V","vs":"x"},{"n":"d","vb":true}]'
        )
        self.assertEqual(
            records_of(pack),
            ([("a/b", 1, "W", 1.7e9, None), ("a/c", "x", "V", 1.7e9 + 2, None), ("a/d", True, "W", 1.7e9, None)], None),
        )
        self.assertEqual(records_of('{"n":"a","v":1,"t":-5}'), ([("a", 1, None, NOW - 5, None)], None))
        self.assertEqual(records_of('[{"bv":5},{"n":"a"},{"n":"b","v":2}]')[0][1][1], 7)
        self.assertEqual(records_of('[{"bs":5},{"n":"a","s":1}]')[0], [("a", None, None, NOW, 6)])
        self.assertEqual(records_of("[]"), ([], None))

    def test_faults(self):
        """A fault ends the pack there; the records before it stand."""
        for bad in (
            '{"n":"a"}',
            '{"n":"a","v":1,"vb":true}',
            '{"n":"a","v":1,"must_":0}',
            '{"n":" ","v":1}',
            "nonsense",
            '{"n":"a","v":1,"v":2}',
            '{"n":"a","v":1e999}',
            '{"n":"a","v":NaN}',
            '{"n":"a","bv":1.7e308,"v":1.7e308}',
            '{"n":"a","bs":1.7e308,"s":1.7e308}',
            '{"n":"a","bt":1.7e308,"t":1.7e308,"v":1}',
            '{"n":"a","vd":"="}',
            "1",
        ):
            records, fault = records_of(f'[{{"n":"ok","v":1}},{bad}]')
            self.assertEqual(len(records), 1, bad)
            self.assertIsNotNone(fault, bad)
        for bad in ("", " ", "[", '[{"n":"a","v":1}]]', '[{"n":"a","v":1},]', "[" * 1300):
            self.assertIsNotNone(records_of(bad)[1], bad)

    def test_what_is_written_is_read(self):
        for value in (21.5, 3, True, False, "text \u20ac", b"\0\xff", 1e-300, -0.0):
            pack = muster._pack_of("a/b", muster._record_of(value, "c", "W", 1.8e9))
            self.assertEqual(records_of(pack.decode()), ([("a/b/c", value, "W", 1.8e9, None)], None))
        for value in (float("nan"), float("inf"), 10**400, None, [1]):
            self.assertRaises(muster.InvalidError, muster._record_of, value)

    def test_patterns(self):
        for pattern, name, matches in (
            ("#", "a/b", True),
            ("a/#", "a", True),
            ("a/+", "a/b", True),
            ("a/+", "a", False),
            ("+/b", "a/b", True),
            ("a", "a/b", False),
            ("a/b", "a", False),
        ):
            self.assertEqual(muster.pattern_matches(pattern, name), matches, (pattern, name))
        for pattern in ("", "a/#/b", "a+", "#a", "a//b", "a" * 256, "a b"):
            self.assertIsNotNone(muster.pattern_fault(pattern), pattern)

    def test_shards(self):
        for topic, shard in (("a", 12), ("a/b", 1), ("door", 9), ("kitchen/climate", 15), ("meter:1/power", 5)):
            self.assertEqual(muster.shard_of(topic), shard)


class Replies(unittest.TestCase):
    """Golden answers of streams."""

    def ask(self, name):
        """(part, lines) of each part, and the error that ended it."""
        ours, theirs = socket.socketpair()
        parts = []
        with theirs, muster._Stream(ours, "it") as stream:
            theirs.sendall((GOLDEN / "replies" / name).read_bytes())
            theirs.shutdown(socket.SHUT_WR)
            try:
                for part in stream.ask({"request": "table"}, total_s=5.0):
                    parts.append(part)
            except muster.Error as error:
                return parts, error
        return parts, None

    def test_tables(self):
        for name, count in (("table.lines", 2), ("table-empty.lines", 0)):
            parts, error = self.ask(name)
            self.assertEqual((len(parts), error), (count, None))
        peers = [muster._peer_of_lines(*part) for part in self.ask("table-with-evidence.lines")[0]]
        self.assertTrue(peers and all(peer.name and peer.paths is not None for peer in peers))
        self.assertIn(True, [peer.verified for peer in peers])

    def test_bad_ends(self):
        parts, error = self.ask("watch-cut-off.lines")
        self.assertIsInstance(error, muster.LocalError)
        self.assertEqual({part["event"] for part, _ in parts} - {"joined", "suspect"}, set())
        self.assertNotEqual(self.ask("refused.lines")[1].end, "")

    def test_samples(self):
        samples = [muster._read_sample(*part) for part in self.ask("samples.lines")[0]]
        self.assertEqual([signal.topic for signal, _ in samples], ["kitchen/climate", "kitchen/door"])


class Texts(unittest.TestCase):
    def test_safe_text(self):
        self.assertEqual(muster.safe_text("a\\b\x1b[0m\u202e\u200b"), "a\\\\b\\u{001B}[0m\\u{202E}\\u{200B}")
        self.assertEqual(muster.safe_text("B\u00fcro \u20ac"), "B\u00fcro \u20ac")

    def test_a_terminal_that_is_not_utf8(self):
        peer = muster.Peer("0" * 32, "\u65e5", "alive", None, None, None)
        with mock.patch.object(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii")) as out:
            with mock.patch.object(muster, "find", return_value=[peer]), mock.patch.object(signal, "signal"):
                self.assertEqual(muster.main(["find"]), 0)
            self.assertEqual(out.buffer.getvalue(), b"\\u65e5?\talive\t-\t-\n")

    def test_services(self):
        self.assertEqual(muster.Service.of("coap:5683/udp"), muster.Service("coap", 5683, "udp"))
        self.assertEqual(str(muster.Service.of("http:80")), "http:80")
        for bad in ("http", "http:", "http:x", 80, "http:80/sctp"):
            self.assertRaises(muster.InvalidError, muster.Service.of, bad)

    def test_interfaces(self):
        """Patterns as those of the command: ! denies, and the loopback has to be named."""
        for names, chosen in (
            ([], "eth0 eth1 docker0"),
            (["eth*"], "eth0 eth1"),
            (["!docker*"], "eth0 eth1"),
            (["lo"], "lo"),
            (["l*"], ""),
            (["eth*", "!eth1"], "eth0"),
        ):
            found = [name for name in ("lo", "eth0", "eth1", "docker0") if muster._is_chosen(name, name == "lo", names)]
            self.assertEqual(" ".join(found), chosen, names)

    def test_names_of_interfaces(self):
        """The kernel takes nearly any bytes."""
        line = b"fe800000000000000000000000000001 07 40 20 80 \xc3\xa0\xff\n"
        with mock.patch.object(pathlib.Path, "read_bytes", return_value=line):
            self.assertEqual(list(muster._addresses_v6()), [7])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            self.assertIsNone(muster._probe(sock, 7, "\xe0\udcff", True))


class Endings(unittest.TestCase):
    """What is closed, or fails, ends for whoever waits. No interface is used."""

    def setUp(self):
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    def in_threads(self, call, count=1):
        """The results of threads, which must come to an end."""
        results = []
        threads = [threading.Thread(target=lambda: results.append(call()), daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()

        def finish():
            for thread in threads:
                thread.join(10)
                self.assertFalse(thread.is_alive())
            return results

        return finish

    def test_a_closed_subscription(self):
        """All who wait get an end, and so do later calls."""
        source = muster.subscribe("#", interfaces="none0")
        waiters = self.in_threads(lambda: reason_of_end(source.get), 2)
        source.close()
        self.assertEqual(waiters(), ["it was closed"] * 2)
        self.assertEqual(self.in_threads(lambda: reason_of_end(source.get))(), ["it was closed"])
        self.assertEqual(list(source), [])

    def test_an_end_that_is_interrupted(self):
        me = muster.announce("micro", keep_key=False, interfaces="none0")
        me._node.publisher.drain = self.interrupt
        self.assertRaises(KeyboardInterrupt, me.close)
        self.assertEqual(me._node.sockets.unicast, {})
        self.assertFalse(me._node._thread.is_alive())

    def interrupt(self, _):
        raise KeyboardInterrupt

    def test_readings_after_the_end(self):
        me = muster.announce("micro", keep_key=False, interfaces="none0")
        me.publish("micro/load", 1)
        me._node.leave = lambda: None
        me.close()
        self.assertRaises(muster.Error, me.publish, "micro/load", 2)

    def test_a_watch_that_can_not_go_on(self):
        """The muster of this machine ends, and there is no socket for the network."""
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{directory}/socket")
            listener.listen()
            with mock.patch.dict(os.environ, MUSTER_SOCKET=f"{directory}/socket"):
                made = self.in_threads(lambda: muster.watch(interfaces="none0"))
                asked, _ = listener.accept()
                asked.sendall((GOLDEN / "replies" / "watch-cut-off.lines").read_bytes())
                (source,) = made()
            with mock.patch.object(muster, "_Node", side_effect=OSError(24, "Too many open files")):
                asked.close()
                (error,) = self.in_threads(lambda: self.error_of(list, source))()
            self.assertIsInstance(error, muster.NetworkError)
            self.assertIsInstance(self.in_threads(lambda: self.error_of(source.get))()[0], muster.NetworkError)

    def error_of(self, call, *arguments):
        try:
            return call(*arguments)
        except muster.Error as error:
            return error

    def test_interfaces_that_can_not_be_listed(self):
        """The next second it is tried again."""
        me = muster.announce("micro", keep_key=False, interfaces="none0")
        me._node.leave = lambda: None
        with me, me._node.lock, mock.patch.object(muster, "_list_interfaces", side_effect=OSError(24, "Too many")):
            me._node._timers.clear()
            me._node._interfaces_refresh()
            self.assertEqual(len(me._node._timers), 1)

    # ---- streams ----

    def test_threads_are_bounded(self):
        """A thousand publishers that never answer take some threads."""
        source = muster.subscribe("#", interfaces="none0")
        gate, done = threading.Event(), threading.Semaphore(0)
        with source, source._node.lock:
            for _ in range(100):
                source._node.in_background(lambda: (gate.wait(30), done.release()))
            count = sum(thread.name == "muster-stream" for thread in threading.enumerate())
            self.assertEqual(count, muster.THREADS_MAX)
        source = muster.subscribe("#", interfaces="none0")
        with source:
            gate.set()
            with source._node.lock:
                for _ in range(100):
                    source._node.in_background(done.release)
                source._node.in_background(lambda: 1 / 0)
            for _ in range(100):
                self.assertTrue(done.acquire(timeout=10))

    def test_naks_of_others(self):
        """What others ask for is asked for later; 64 ranges of a nak cost one pass, not 64."""
        passes = []

        class Missing(dict):
            def __iter__(self):
                passes.append(1)
                return super().__iter__()

            def items(self):
                passes.append(1)
                return super().items()

        with muster.subscribe("#", interfaces="none0") as source, source._node.lock:
            feed = muster._Feed(source._node.listener, "0" * 32, 1, 0, 1, 1)
            now = source._node.now
            feed.missing = Missing({number: [now, 0.0] for number in range(1, 100)})
            feed.put_off([[20, 30], [90, 95], [10, 40], [12, 13]] * 16)
            later = [number for number, (_, ask_at) in dict.items(feed.missing) if ask_at > now]
        self.assertEqual(later, [*range(10, 41), *range(90, 96)])
        self.assertEqual(len(passes), 1)

    def test_last_values_without_an_end(self):
        sent = []

        def answer():
            asked, _ = listener.accept()
            asked.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
            head = '{"sample":{"id":"%s","boot":7,"topic":"a","age_ms":1},"lines":1}\n' % ("0" * 32)
            body = '{"n":"a","vs":"%s"}\n' % ("x" * 100_000)
            with asked, contextlib.suppress(OSError):
                while True:
                    asked.sendall((head + body).encode())
                    sent.append(len(head + body))

        with socket.create_server(("127.0.0.1", 0)) as listener, muster.subscribe("#", interfaces="none0") as source:
            listener.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
            finish = self.in_threads(answer)
            row = muster._Row("0" * 32, 0.0)
            row.boot, row.key, row.source = 7, b"key", ("127.0.0.1", 1)
            row.announce = mock.Mock(stream=listener.getsockname()[1])
            with source._node.lock:
                source._node.listener._ask_last(row)
            self.assertEqual(source.get(timeout=30).name, "a")
            finish()
        self.assertLess(sum(sent), 2 * muster.HELD_BYTES_MAX)


def reason_of_end(call):
    try:
        return call()
    except muster.TimedOut as error:
        return str(error)


@unittest.skipUnless(muster.nacl, "there is no PyNaCl")
class Identity(unittest.TestCase):
    def test_a_key_is_kept(self):
        """The same key and a larger boot at each start; one at a time holds it; nobody else may read it."""
        with tempfile.TemporaryDirectory() as directory:
            place = pathlib.Path(directory) / "keys"
            first = muster._Identity("na/s", place)
            other = muster._Identity("na/s", place)
            self.assertNotEqual(other.id, first.id)
            first.close()
            again = muster._Identity("na/s", place)
            self.assertEqual(again.id, first.id)
            self.assertGreater(again.boot, first.boot)
            again.close()
            other.close()
            (file,) = place.iterdir()
            self.assertEqual(file.stat().st_mode & 0o777, 0o600)
            file.write_text("garbage")
            fresh = muster._Identity("na/s", place)
            self.assertNotEqual(fresh.id, first.id)
            fresh.close()


@contextlib.contextmanager
def state_with(*keys, mode=0o600):
    """A state directory with these group keys, each a byte 32 times."""
    with tempfile.TemporaryDirectory() as directory, mock.patch.dict(os.environ, MUSTER_STATE=directory):
        path = pathlib.Path(directory) / "keys" / "group"
        path.parent.mkdir()
        path.write_text("".join(f"key{key} {bytes([key] * 32).hex()}\n" for key in keys))
        path.chmod(mode)
        yield path


@unittest.skipIf(muster.nacl is None, "there is no PyNaCl")
class Groups(unittest.TestCase):
    def group(self, number=7):
        return muster._Group(f"{number:032x}"[::-1], 1_700_000_000_000)

    def test_golden(self):
        with state_with(1):
            for path in sorted((GOLDEN / "sealed").glob("*.datagram")):
                plain = next((GOLDEN / folder / path.name) for folder in ("good", "telemetry")
                             if (GOLDEN / folder / path.name).exists())
                self.assertEqual(self.group().open(path.read_bytes()), plain.read_bytes(), path.name)
            for path in sorted((GOLDEN / "bad-sealed").glob("*.datagram")):
                wanted = path.name.partition("--")[0]
                self.assertEqual(reason_of(self.group().open, path.read_bytes()), wanted, path.name)

    def test_each_comes_once_in_any_order(self):
        with state_with(1):
            sender, receiver = self.group(), self.group(8)
            for lane, size in enumerate(muster.REPLAY_WINDOWS):
                said = [sender.seal(b"%d" % n, lane) for n in range(size + 2)]
                order = [1, 0, *range(2, size), size + 1]
                self.assertEqual([receiver.open(said[n]) for n in order], [b"%d" % n for n in order])
                for n in (0, 1, 2, size, size + 1):  # those that came, or lie behind; one has not
                    self.assertEqual(reason_of(receiver.open, said[n]), "good" if n == size else "replay", n)
            self.assertEqual(sender.open(said[0]), b"0")
            self.assertEqual(sender.open(said[0]), b"0")  # its own, as it hears them
            earlier = muster._Group(f"{7:032x}"[::-1], 1_600_000_000_000)
            self.assertEqual(reason_of(receiver.open, earlier.seal(b"", 0)), "replay")

    def test_keys_change(self):
        with state_with(1) as path:
            old, group = self.group(), self.group(8)
            path.write_text("".join(f"key{key} {bytes([key] * 32).hex()}\n" for key in (2, 1)))
            group.follow()
            self.assertEqual(group.open(old.seal(b"old", 0)), b"old")
            self.assertEqual(reason_of(old.open, group.seal(b"new", 0)), "sealed")
            path.write_text("garbage")
            with self.assertLogs("muster", "WARNING"):
                group.follow()
            self.assertEqual(len(group.keys), 2)

    def test_what_is_sealed_never_goes_on_in_the_clear(self):
        with state_with(1) as path:
            old, group = self.group(), self.group(8)
            for retire in (lambda: path.write_text(""), path.unlink):
                retire()
                with self.assertLogs("muster", "WARNING") as logged:
                    group.follow()
                    group.follow()
                self.assertEqual(len(logged.output), 1, logged.output)
                self.assertIn("no group key any more", logged.output[0])
                self.assertEqual(old.open(group.seal(b"sealed", 0)), b"sealed")
            with self.assertRaisesRegex(muster.Error, "no group key any more"):
                muster._Node(None, None, "lo", None, True)
            self.assertFalse(muster._has_group_keys())

    def test_keys_that_are_not_used(self):
        with state_with(1, mode=0o640), self.assertRaisesRegex(muster.Error, "others than its owner"):
            self.group()
        with state_with(*range(9)), self.assertRaisesRegex(muster.Error, "damaged"):
            self.group()
        with state_with(1), mock.patch.object(muster, "nacl", None):
            self.assertRaisesRegex(muster.Error, "python3-nacl", self.group)
        with state_with():
            self.assertFalse(self.group())

    def test_streams(self):
        """What one side says the other hears, whatever pieces come; other keys and recordings end it."""
        with state_with(1):
            group = self.group()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            asks, answers = muster._SealedSocket(ours, group, True), muster._SealedSocket(theirs, group, False)
            for text in (b"question\n", b"x" * 40_000):
                asks.sendall(text)
                heard = b""
                while len(heard) < len(text):
                    heard += answers.recv(1000)
                self.assertEqual(heard, text)
            answers.sendall(b"answer\n")
            recorded = ours.recv(1000)
        for garbled in (recorded, b"{", b"\x01" + bytes(28), recorded[:29] + b"\x01\x00"):
            ours, theirs = socket.socketpair()
            with ours, theirs:
                asks = muster._SealedSocket(ours, group, True)
                asks.sendall(b"question\n")
                theirs.sendall(garbled)
                self.assertRaises(ConnectionAbortedError, asks.recv, 1000)


if __name__ == "__main__":
    os.environ.pop("MUSTER_INTERFACE", None)
    unittest.main(verbosity=2)
