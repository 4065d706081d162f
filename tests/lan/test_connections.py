# SPDX-License-Identifier: MIT
"""Connections by the thousand, slow ones, silent ones and garbage: the muster that is asked goes on, and
nothing of them stays behind."""

import json
import resource
import signal
import socket
import struct
import time

from lab import LanTest, main, note
from wire import Crowd, Peer, Stream, encode

TABLE = encode(request="table")
AT_ONCE = 1000
OF_ONE_ADDRESS = 8
IN_ALL = 64
ADDRESSES = 10
IN_SEQUENCE = 10_000
WARM_UP = 2_000
GROWN_KB = 1024

# What is sent, and how the answer ends; None: it is closed without a word.
GARBAGE = [
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "syntax"),
    (b"\n", "syntax"),
    (b"\0" * 100 + b"\n", "syntax"),
    (b"\xff\xfe{}\n", "syntax"),
    (b"[" * 20 + b"]" * 20 + b"\n", "syntax"),
    (b'{"muster":1,"request":"table","request":"table"}\n', "syntax"),
    (b'{"muster":1,"request":"\xc0\xaf"}\n', "syntax"),
    (b"a" * 1500, "too_long"),
    (b"{}\n", "invalid"),
    (b"[]\n", "syntax"),
    (b'{"muster":2,"request":"table"}\n', "invalid"),
    (b'{"muster":1,"request":7}\n', "invalid"),
    (b'{"muster":1,"request":"table","port":"a"}\n', "invalid"),
    (b'{"muster":1,"request":"document","id":"0","hash":"0"}\n', "invalid"),
    (b'{"muster":1,"request":"document","id":"%s","hash":"%s"}\n' % (b"0" * 32, b"0" * 64), "not_found"),
    (b'{"muster":1,"request":"coffee"}\n', "unknown"),
    (b'{"muster":1,"request":"table","port":1}\n', "elsewhere"),
    (b'{"muster":1,"request":"table","interfaces":["nowhere"]}\n', "elsewhere"),
    (b'{"muster":1,"request":"update","set":{"name":"mine"}}\n', "forbidden"),
    (b'{"muster":1,"requ', None),
    (b"", None),
]


def allow_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


class Connections(LanTest):
    HOSTS = 3
    ISOLATED = True

    def setUp(self):
        super().setUp()
        allow_descriptors(2 * AT_ONCE)
        # Without a quarantine for freed memory, so that what it holds is what it needs.
        frugal = "exitcode=99:quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
        self.node = self.here.start("announce", "--name", "node", ASAN_OPTIONS=frugal)
        self.watch = self.third.watch()
        _, event = self.watch.await_event("joined", name="node")
        self.port = (self.here.address, event["port"])
        self.path = self.here.state / "node" / "socket"

    def ask(self, request="table", to=None, host=None, **how):
        return Stream(host or self.there, to or self.port, **how).ask(request)

    def figures(self):
        return self.here.json("show", "--self", "--json")["counters"]

    def is_well(self):
        """It hears datagrams, is heard, and answers by stream and by its socket; nobody ever missed it."""
        newcomer = Peer(self.third, f"newcomer at {time.monotonic()}")
        self.lan.wait_for(lambda: self.here.peers(newcomer.document["name"]), "a newcomer")
        stream = self.ask(host=self.third)
        self.lan.wait_for(lambda: stream.ended or stream.end(), "a table")
        self.assertEqual(stream.end(), "done")
        stream.close()
        self.assertFalse(self.watch.events("suspect", "lost", "left", "restarted"), self.watch.describe())
        self.assertIsNone(self.node.code)

    def test_a_thousand_at_once(self):
        before = self.node.descriptors()
        streams = [self.ask() for _ in range(AT_ONCE)]
        self.is_well()
        self.lan.wait_for(lambda: all(s.end() or s.ended for s in streams), "an end for each")
        ends = [stream.end() for stream in streams]
        self.assertGreaterEqual(ends.count("done"), OF_ONE_ADDRESS)
        self.assertGreater(ends.count("busy"), 0)
        note(f"of {AT_ONCE} at once {ends.count('done')} were answered, {ends.count('busy')} told to be too many")
        for stream in streams:
            stream.close()
        self.lan.wait_for(lambda: self.node.descriptors() <= before, "no descriptor is left")
        self.assertGreater(self.figures()["streams_refused"], 0)

    def test_many_addresses(self):
        addresses = [f"10.77.0.{100 + number}" for number in range(ADDRESSES)]
        self.there.ip(*[f"addr add {address}/24 dev eth0" for address in addresses])
        streams = []
        for address in addresses:
            streams += [Stream(self.there, self.port, source=address) for _ in range(OF_ONE_ADDRESS)]
        for stream in streams:
            stream.listen()

        def refused():
            return sum(stream.end() == "busy" for stream in streams) == len(streams) - IN_ALL

        self.lan.wait_for(refused, "all that are too many are told so")
        local = self.ask("self", self.path)
        self.lan.wait_for(local.end, "its socket answers")
        self.assertEqual(local.end(), "done")
        for stream in streams:
            stream.close()
        self.is_well()

    def test_those_who_say_or_take_nothing(self):
        crowd = Crowd(self.third, 500)
        local_watch = self.here.watch()
        crowd.join(local_watch)
        before = self.node.descriptors()
        cut = self.figures()["streams_cut"]
        started = time.monotonic()
        silent = [Stream(self.there, self.port), Stream(self.there, self.path)]
        deaf = [Stream(self.there, self.port, room=4096), Stream(self.there, self.path)]
        for stream in silent:
            stream.listen()
        for stream in deaf:
            for _ in range(4):
                stream.send(TABLE)
        self.lan.wait_for(lambda: self.node.descriptors() == before + len(silent) + len(deaf), "they are in")
        self.lan.wait_for(lambda: all(stream.ended for stream in silent), "the silent ones are cut off")
        note(f"a connection that says nothing ends after {time.monotonic() - started:.1f} s")
        self.lan.wait_for(lambda: self.figures()["streams_cut"] >= cut + 4, "the deaf ones are cut off")
        self.lan.wait_for(lambda: self.node.descriptors() <= before, "no descriptor is left")
        note(f"one that takes nothing ends after {time.monotonic() - started:.1f} s")
        for stream in deaf:  # what they did not take in time is not given later
            stream.listen()
            self.lan.wait_for(lambda stream=stream: stream.ended, "its end")
            self.assertIsNone(stream.end())
        self.is_well()

    def test_watchers_who_do_not_read(self):
        """Events wait for them up to a bound; a muster watch then goes on by itself."""
        watch = self.here.watch()
        watch.await_event("joined", name="node")
        deaf = Stream(self.here, self.path)
        deaf.send("watch")
        crowd = Crowd(self.third, 500)
        crowd.join(self.watch)
        watch.signal(signal.SIGSTOP)

        def cut():
            for number in range(len(crowd.ids)):
                crowd.presence["rev"] += 1
                crowd.announce(number)
            return self.figures()["streams_cut"] >= 2

        self.lan.wait_for(cut, "both are cut off")
        deaf.listen()
        self.lan.wait_for(lambda: deaf.ended, "its end")
        self.assertIsNone(deaf.end())
        note(f"a watcher who does not read was given {len(deaf.raw)} bytes")
        watch.signal(signal.SIGCONT)
        self.lan.wait_for(lambda: "went away" in watch.error, "a word of it")
        newcomer = Peer(self.third, "newcomer")
        watch.await_event("joined", name=newcomer.document["name"])
        self.is_well()

    def test_garbage(self):
        for request, end in GARBAGE:
            for to in (self.port, self.path):
                expected = {"too_long": None, "forbidden": "done"}.get(end, end) if to is self.path else end
                with self.subTest(request=request[:60], to=to):
                    stream = Stream(self.there, to)
                    stream.ask(request)
                    stream.socket.shutdown(socket.SHUT_WR)
                    self.lan.wait_for(lambda stream=stream: stream.ended, "its end")
                    self.assertEqual(stream.end(), expected, stream.raw)
                    stream.close()
        self.here.run("update", "--name", "node")
        self.assertEqual(self.figures()["streams_refused"], 0)
        self.is_well()

    def test_rude_ends(self):
        """Urgent bytes, and connections that are reset at any moment of a request."""
        before = self.node.descriptors()
        reset = struct.pack("ii", 1, 0)
        for length in range(len(TABLE) + 1):
            stream = Stream(self.there, self.port)
            stream.socket.sendall(TABLE[:length])
            stream.socket.send(b"!", socket.MSG_OOB)
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            stream.close()
        self.lan.wait_for(lambda: self.node.descriptors() <= before, "no descriptor is left")
        urgent = self.ask(TABLE)
        urgent.socket.send(b"!", socket.MSG_OOB)
        self.lan.wait_for(urgent.end, "an answer")
        self.assertEqual(urgent.end(), "done")
        urgent.close()
        self.is_well()

    def converse(self, to):
        """One connection, one request, one answer, as fast as it goes."""
        stream = Stream(self.there, to)
        stream.socket.settimeout(5.0)
        stream.send("stats")
        answer = b""
        while b'"end"' not in answer:
            answer += stream.socket.recv(65536)
        self.assertEqual(json.loads(answer.splitlines()[-1])["end"], "done")
        stream.close()

    def test_ten_thousand_in_sequence(self):
        places = (self.port, self.path)
        base = self.node.descriptors()
        for number in range(WARM_UP):
            self.converse(places[number % 2])
        warm_kb = self.node.resident_kb()
        started = time.monotonic()
        for number in range(IN_SEQUENCE):
            self.converse(places[number % 2])
        seconds = time.monotonic() - started
        self.lan.wait_for(lambda: self.node.descriptors() <= base, "no descriptor is left")
        grown_kb = self.node.resident_kb() - warm_kb
        each_us = seconds / IN_SEQUENCE * 1e6
        note(f"{IN_SEQUENCE} connections in sequence, {each_us:.0f} us each: {grown_kb:+} kB resident")
        self.assertLess(grown_kb, GROWN_KB)
        self.is_well()


if __name__ == "__main__":
    main()
