# SPDX-License-Identifier: MIT
"""Peers that break the protocol on purpose: free keys, recordings, forged sources, tables of lies. Who listens keeps the
rows of honest peers, and bounds what it keeps of the others."""

import contextlib
import json
import shutil
import socket
import struct
import time

from lab import LanTest, main, note
from telemetry import await_records, readings, shard_of
from wire import GROUP, Ear, Keyed, Voice, decode, encode, new_boot, new_id

ROWS_OF_AN_ADDRESS_MAX = 1024
FREE_KEYS = 1500
MEMORY_KB_MAX = 100_000  # what they cost a build with sanitizers, some 20 times as much as another
LIES = 2000


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Forger:
    """Datagrams of UDP whose source is any address: by a raw socket."""

    def __init__(self, host):
        self.port = host.lab.port
        self.interface = socket.inet_aton(host.address)
        with host.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        host.lab.on_close(self.socket.close)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, self.interface)

    def say(self, datagram, source, to="224.0.0.254", port=None, ttl=255):
        """source is an (address, port) pair."""
        udp = struct.pack("!HHHH", source[1], port or self.port, 8 + len(datagram), 0)  # without a checksum
        begin = struct.pack("!BBHHHBB", 0x45, 0, 28 + len(datagram), 0, 0, ttl, socket.IPPROTO_UDP)
        ends = socket.inet_aton(source[0]) + socket.inet_aton(to)
        header = begin + struct.pack("!H", checksum(begin + b"\0\0" + ends)) + ends
        self.socket.sendto(header + udp + datagram, (to, 0))


def group_of(topic):
    return f"239.255.77.{16 + shard_of(topic)}"


def part_of(announce, peer_id, address):
    """A row of a table, as if it had been heard from this address."""
    row = {"id": peer_id, "state": "alive", "address": address, "port": 9, "age_ms": 10, "next_ms": 60_000}
    return json.dumps({"peer": row, "lines": announce.count(b"\n")}).encode() + b"\n" + announce


def has_ended(connection):
    """Whether the other side closed it. What it said is read, and forgotten."""
    connection.setblocking(False)
    try:
        return connection.recv(4096) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class HostileTest(LanTest):
    """A victim and a watch on the first host, an honest peer on the second, and the attacker on the third."""

    HOSTS = 3
    ISOLATED = True

    def setUp(self):
        super().setUp()
        self.prepare()
        self.ear = Ear(self.third)
        self.victim = self.here.announce("victim")
        self.watch = self.here.watch("--stats")
        self.peer = self.there.announce("peer", "--service", "http:80")
        self.watch.await_event("joined", name="peer")
        self.lan.wait_for(lambda: self.alive() == ["peer"], "the victim has its row")
        self.row = self.row_of("peer")

    def prepare(self):
        """Before the first of them starts."""

    def rows(self, *arguments):
        """Of others than itself."""
        return [row for row in self.here.peers(*arguments) if row["name"] != "victim"]

    def heard(self, name):
        """The last announce of this name that the third host heard."""

        def announces():
            return [datagram for _, _, datagram in self.ear.heard if decode(datagram).get("name") == name]

        return self.lan.wait_for(announces, f"an announce of {name}")[-1]

    def row_of(self, name):
        (row,) = [row for row in self.rows() if row["name"] == name]
        return row

    def drops(self):
        """The counters of the watch from now on."""
        return self.watch.await_event("stats", after=time.monotonic())[1]["drops"]

    def check_row(self, *members):
        row = self.row_of("peer")
        for member in members:
            self.assertEqual(row[member], self.row[member], member)

    def check_peer(self):
        """Who is honest was never missed, nobody took its place, and whoever asks anew sees it."""
        missed = self.watch.events("lost", "left", "changed", "restarted", "conflict", name="peer")
        self.assertEqual(missed, [])
        self.check_row("id", "address", "services", "boot", "verified")
        for process in (self.victim, self.watch):
            self.assertIsNone(process.code, process.describe())
        self.assertEqual(self.watch.error, "")

    # ---- recordings ----

    def record(self, subscriber):
        """Three readings and a start of the peer, as a third host heard them; then the peer starts anew."""
        door = Ear(self.third, group=group_of("kitchen/door"), port=self.lan.port - 1)
        for value in ("1", "2", "3"):
            self.assertEqual(self.there.run("publish", "--direct", "--name", "door", "kitchen/door", value).code, 0)
        await_records(subscriber, 3)
        self.peer.stop()
        self.watch.await_event("left", name="peer")
        self.lan.wait_for(lambda: len(door.heard) >= 3, "the third host heard the readings, too")
        recording = [datagram for _, _, datagram in self.ear.heard + door.heard]
        stopped = time.monotonic()
        self.peer = self.there.announce("peer", "--service", "http:80")
        self.lan.wait_for(lambda: self.alive() == ["peer"] and self.row_of("peer")["boot"] > self.row["boot"], "a new start")
        self.watch.await_event("restarted", after=stopped, name="peer")
        self.row = self.row_of("peer")
        return recording

    def alive(self):
        return [row["name"] for row in self.rows() if row["state"] == "alive"]

    def check_recording(self, *reasons):
        """All that was heard, from an address of the attacker's and from that of the peer, moves nothing."""
        subscriber = self.here.start("subscribe", "kitchen/#", "--ndjson", "--direct").await_listening()
        recording = self.record(subscriber)
        sources = Forger(self.third), Voice(self.third)
        before, events = self.drops(), self.events()
        for datagram in recording:
            for to, port in ((GROUP, self.lan.port), (group_of("kitchen/door"), self.lan.port - 1)):
                sources[0].say(datagram, (self.row["address"], self.row["port"]), to, port)
                sources[1].say(datagram, to, port)
            self.lan.pump(0.02)

        def dropped():
            drops = self.drops()
            return sum(drops[reason] - before[reason] for reason in reasons) >= len(recording)

        self.lan.wait_for(dropped, f"it is dropped: {reasons}")
        self.assertEqual(self.events(), events)
        self.assertEqual(len(readings(subscriber)), 3)
        self.assertEqual(self.alive(), ["peer"])
        self.check_row("boot", "address", "services")
        note(f"{len(recording)} recorded datagrams, each four times: no event, no row, no reading")

    def events(self):
        return len(self.watch.events("joined", "left", "lost", "changed", "restarted", "conflict"))


class Hostile(HostileTest):
    def test_free_keys(self):
        """Keys cost nothing: each of them proves itself to one host, at one address. A newcomer elsewhere finds room."""
        nonce = decode(self.heard("victim"))["nonce"]
        voices = [Voice(self.third) for _ in range(24)]
        before = self.victim.resident_kb()
        for number in range(FREE_KEYS):
            voices[number % len(voices)].say(Keyed(f"free{number}").announce(re=nonce))
            if number % 25 == 24:
                self.lan.pump(0.05)
        self.there.announce("newcomer")
        self.watch.await_event("joined", name="newcomer")
        self.lan.wait_for(lambda: "newcomer" in [row["name"] for row in self.rows()], "the newcomer finds room")
        free = [row for row in self.rows() if row["name"].startswith("free")]
        self.assertLessEqual(len(free), ROWS_OF_AN_ADDRESS_MAX)
        self.assertGreater(len(free), 0)
        # To the watch nobody proved himself: it asks few at a time, and drops the others.
        drops = self.drops()
        self.assertGreater(drops["table_full"], FREE_KEYS // 2)
        self.assertEqual([event for _, event in self.watch.events("joined") if event["name"].startswith("free")], [])
        more_kb = self.victim.resident_kb() - before
        self.assertLess(more_kb, MEMORY_KB_MAX)
        note(f"{FREE_KEYS} keys at one address: {len(free)} rows and {more_kb} KiB where they proved themselves")
        self.check_peer()

    def test_forged_sources(self):
        """In the peer's name and from its address: words without its signature, and a flood."""
        forger = Forger(self.third)
        source = (self.row["address"], self.row["port"])
        before = self.drops()
        lies = [
            encode(kind="bye", id=self.row["id"], boot=self.row["boot"], seq=10**6),
            encode(kind="bye", id=self.row["id"], boot=self.row["boot"] + 1, seq=1),
            encode(kind="announce", id=self.row["id"], boot=new_boot(), seq=1, rev=9, next_ms=1000, peers=0, name="other"),
            Keyed("other").announce().replace(b'"name":"other"', b'"name":"peer"', 1),
        ]
        for number in range(40):
            forger.say(lies[number % len(lies)], source)
        self.lan.wait_for(lambda: self.drops()["signature"] - before["signature"] >= 20, "they are refused")
        self.check_peer()
        for number in range(2000):
            forger.say(encode(kind="bye", id=new_id(), boot=1, seq=1), source)
            if number % 50 == 49:
                self.lan.pump(0.05)
        self.lan.wait_for(lambda: self.drops()["flood"] - before["flood"] >= 500, "the flood is shed")
        self.lan.wait_for(lambda: self.row_of("peer")["state"] == "alive", "the peer is alive behind it")
        self.check_peer()
        self.assertEqual([row["name"] for row in self.rows()], ["peer"])

    def test_a_recording(self):
        self.check_recording("stale", "unasked", "own", "unknown", "table_full", "signature", "kind", "flood", "format")

    # ---- tables ----

    def serve_lies(self, honest):
        """A peer with a large table, which it gives to each newcomer. The first time a true row has a false address, a
        false row a wrong signature, and others are of keys that nobody has; from then on it does not go on."""
        liar = Keyed("liar")
        voice = Voice(self.third)
        listening = self.third.socket(socket.SOCK_STREAM)
        self.lan.on_close(listening.close)
        listening.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
        listening.bind((self.third.address, 0))
        listening.listen()
        forged = honest.replace(b'"name":"peer"', b'"name":"evil"', 1)
        parts = [part_of(honest, self.row["id"], self.third.address), part_of(forged, self.row["id"], self.third.address)]
        for number in range(LIES):
            invented = Keyed(f"lie{number}")
            parts.append(part_of(invented.announce(), invented.id, self.third.address))
        self.taken = []

        def accept():
            connection, _ = listening.accept()
            self.lan.on_close(connection.close)
            self.taken.append(connection)
            connection.settimeout(1)
            with contextlib.suppress(OSError):  # who has heard enough ends it
                connection.sendall(b"".join(parts) + b'{"end":"done","count":2}\n' if len(self.taken) == 1 else b'{"peer":')

        def answer(datagram, source):
            question = decode(datagram)
            if question.get("kind") == "query" and question.get("table"):
                members = {"seq": None, "re": question["nonce"], "peers": 5000, "stream": listening.getsockname()[1]}
                voice.say(liar.announce(**members), *source)

        self.lan.on_readable(listening, accept)
        Ear(self.third, answer)

    def test_a_table_of_lies(self):
        """What others tell of a peer is a hint, until the peer itself answers."""
        self.serve_lies(self.heard("peer"))
        for number, what in enumerate(("lies", "a table that never ends"), 1):
            name = f"newcomer{number}"
            self.here.announce(name)
            self.lan.wait_for(lambda number=number: len(self.taken) >= number, f"{what}: it is asked for")
            self.lan.wait_for(lambda: all(map(has_ended, self.taken)), f"{what}: enough was heard of it")
            own = ("--socket", str(self.here.state / name / "socket"))

            def answered(own=own):
                return [row for row in self.rows(*own) if row["id"] == self.row["id"] and not row["provisional"]]

            (row,) = self.lan.wait_for(answered, f"{name}: the peer answered itself")
            self.assertEqual((row["address"], row["services"]), (self.row["address"], self.row["services"]))
            names = [row["name"] for row in self.rows(*own)]
            self.assertNotIn("evil", names)
            lies = len([name for name in names if name.startswith("lie")])
            self.assertLessEqual(lies, ROWS_OF_AN_ADDRESS_MAX)
            note(f"{what}: {lies} false rows, all of them marked as hearsay")
        self.check_peer()


class Group(HostileTest):
    def prepare(self):
        """All but the attacker have a key."""
        self.assertEqual(self.here.run("key", "new", "home").code, 0)
        shutil.copytree(self.here.state / "keys", self.there.state / "keys")

    def test_a_recording(self):
        self.check_recording("replay")


if __name__ == "__main__":
    main()
