# SPDX-License-Identifier: MIT
"""Bad datagrams of every kind are counted, each by its reason, and change nothing."""

import itertools
import json
import time
from collections import Counter

from lab import ROOT, LanTest, main, note
from wire import DATAGRAM_BYTES_MAX, Ear, Peer, Voice, encode, new_boot, new_id, new_nonce

GOLDEN = ROOT / "schemas" / "golden"
PER_SECOND = 1000
DURING_S = 5
# One source may send 100 a second: so many of them together send garbage that is looked at, not only shed.
VOICES = 16


def golden():
    """The (reason, datagram) of every golden datagram whose badness needs no context."""
    paths = sorted(GOLDEN.glob("bad-bytes/*.datagram")) + sorted(GOLDEN.glob("bad-schema/*.datagram"))
    return [(path.name.split("--")[0], path.read_bytes()) for path in paths]


def pace(lab, count, act):
    """Calls act(number) PER_SECOND times a second, evenly, while all that comes in is read."""
    start = time.monotonic()
    done = 0
    while done < count:
        due = min(count, int((time.monotonic() - start) * PER_SECOND) + 1)
        for number in range(done, due):
            act(number)
        done = due
        lab.pump(0.005)


class Garbage(LanTest):
    HOSTS = 3

    def setUp(self):
        super().setUp()
        self.ear = Ear(self.here)
        self.watch = self.here.watch("--stats")
        self.peers = [self.there.announce("peer", "--service", "http:80")]
        self.peers.append(self.third.announce("other", "--attr", "a=b"))
        for name in ("peer", "other"):
            self.watch.await_event("joined", name=name)
        self.stranger = Peer(self.third, "stranger", [{"type": "ipp", "proto": "tcp", "port": 631}])
        self.watch.await_event("joined", name="stranger")
        self.stranger.alive()
        self.before = self.rows()
        self.drops_before = self.drops()
        self.voices = [Voice(self.third) for _ in range(VOICES)]

    def rows(self):
        def row(peer):
            return (peer["id"], peer["name"], peer["state"], peer["services"], peer["attrs"], peer["boot"])

        return sorted(map(row, self.here.peers()))

    def drops(self):
        """The watch's drop counters, as printed from now on."""
        _, stats = self.watch.await_event("stats", after=time.monotonic())
        self.assertEqual(
            stats["received"], stats["accepted"] + stats["copies"] + sum(stats["drops"].values())
        )
        return Counter(stats["drops"])

    def await_drops(self, expected):
        """Waits until each of these reasons was counted so often more than at the start."""

        def missing():
            stats = self.watch.events("stats")[-1][1]["drops"]
            got = {reason: stats[reason] - self.drops_before[reason] for reason in expected}
            return {reason: (got[reason], count) for reason, count in expected.items() if got[reason] < count}

        try:
            self.lan.wait_for(lambda: not missing(), "all counted")
        except AssertionError as error:
            raise AssertionError(f"counted and sent: {missing()}\n{error}") from None

    def check_nothing_changed(self):
        self.assertEqual(self.rows(), self.before)
        self.assertEqual(len(self.watch.events("joined")), 3)
        self.assertEqual(
            self.watch.events("changed", "restarted", "suspect", "returned", "lost", "left", "conflict"), []
        )
        for process in [self.watch, *self.peers]:
            self.assertIsNone(process.code, process.describe())
        self.assertEqual(self.watch.error, "")

    def in_context(self):
        """(reason, datagram) of what is well-formed and bad only here and now."""
        announces = [d for _, _, d in self.ear.heard if b'"name":"peer"' in d and b'"seq"' in d]
        # Of those without a signature, which only looks have, the watch's came first.
        questions = [d for _, _, d in self.ear.heard if b'"query"' in d and b'"sig"' not in d]
        header, signature, _ = announces[-1].split(b"\n")
        forged = json.loads(header)
        forged["seq"] += 1000
        forged["name"] = "forged"
        own = json.loads(questions[0].split(b"\n")[0])
        unsigned = {name: value for name, value in forged.items() if name != "key"}
        stranger = self.stranger
        return [
            ("signature", json.dumps(forged).encode() + b"\n" + signature + b"\n"),
            ("signature", encode(**unsigned)),
            ("own", encode(**{**own, "nonce": new_nonce()})),
            ("stale", stranger.encode("alive", seq=1, **stranger.presence)),
            ("stale", encode(kind="bye", id=stranger.id, boot=stranger.boot - 1, seq=99)),
            ("unasked", stranger.encode("alive", re=new_nonce(), **stranger.presence)),
            ("unknown", encode(kind="bye", id=new_id(), boot=new_boot(), seq=1)),
        ]

    def test_each_kind_is_counted(self):
        kinds = golden() + self.in_context()
        oversize = encode(kind="bye", id=new_id(), boot=1, seq=1, pad="x" * DATAGRAM_BYTES_MAX)
        kinds += [("too_long", oversize), ("too_long", oversize.replace(b"xx", b"x" * 40))]
        needed = {"too_long", "truncated", "utf8", "syntax", "depth", "duplicate", "type", "range", "kind"}
        needed |= {"missing", "version", "signature", "stale", "own", "format", "sealed", "nodes"}
        self.assertLessEqual(needed, {reason for reason, _ in kinds})

        def say(number):
            # Each kind by itself from every voice in turn: the same source never twice in a second.
            voice = self.voices[number % VOICES]
            voice.say(kinds[number // 2][1])

        pace(self.lan, 2 * len(kinds), say)
        Voice(self.third, ttl=64).say(encode(kind="bye", id=new_id(), boot=1, seq=1))
        expected = Counter(reason for reason, _ in kinds)
        self.await_drops({"ttl": 1, **{reason: 2 * count for reason, count in expected.items()}})
        self.check_nothing_changed()

    def test_a_thousand_a_second(self):
        kinds = golden() + self.in_context()
        sent = Counter()
        turns = itertools.cycle(kinds)

        def say(number):
            reason, datagram = next(turns)
            self.voices[number % VOICES].say(datagram)
            sent[reason] += 1

        pace(self.lan, PER_SECOND * DURING_S, say)
        self.await_drops(sent)
        note(f"{sum(sent.values())} bad datagrams in {DURING_S} s: each counted by its reason")
        self.check_nothing_changed()

    def test_one_flood(self):
        """One source sends ten times what it may: it is shed, and its neighbours on the same host are heard."""
        other = self.voices[1]
        datagram = encode(kind="future", id=new_id(), boot=1)
        pace(self.lan, PER_SECOND * DURING_S, lambda _: self.voices[0].say(datagram))
        other.say(datagram)

        def counted():
            flood = Counter(self.watch.events("stats")[-1][1]["drops"]) - self.drops_before
            return flood if flood["flood"] + flood["kind"] >= PER_SECOND * DURING_S + 1 else None

        flood = self.lan.wait_for(counted, "all are counted")
        total = flood["flood"] + flood["kind"]
        self.assertGreater(flood["flood"], total // 2)
        note(f"one source: {total} sent, {flood['flood']} shed before they were looked at")
        self.check_nothing_changed()


if __name__ == "__main__":
    main()
