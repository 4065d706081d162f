# SPDX-License-Identifier: MIT
"""No control byte of a hostile name reaches the terminal."""

import re
import signal
import unicodedata

from lab import LanTest, main
from wire import Peer

# A colour that muster never uses: it could only come from a peer.
BLINK = "\x1b[5;35m"

HOSTILE = {
    "sequences": f"{BLINK}a\x1b]0;title\x07\x1b[2J\x1bc",
    "c0": "b\x08\x08\rc\nd\te\x0b\x0c\x1f\x7f",
    "c1": "c\x9b5;35m\x90q\x9c\x85\x80\x9f",
    "bidi": "d\u202e\u2066\u200f\u061c\u202a\u2069",
    "invisible": "e\u200b\u2060\ufeff\u00ad\u2028\u2029\u180e",
    "tags": "f\U000e0041\U000e007f\ufe0f\U0001fffe\uffff",
    "format": "g%s%n%1$s\\x1b[5m\\u{1b}",
    "wide": "h\u4e2d\u6587\u0301\u0301\u0301 \U0001f600",
}

# Everyone is here already; the time only bounds how long a failure takes.
WATCH = ["watch", "--count", str(len(HOSTILE)), "--timeout", "15"]

SGR = re.compile("\x1b\\[[0-9;]*m")
UNSAFE = {"Cc", "Cf", "Zl", "Zp", "Cs", "Cn"}


def is_unsafe(character):
    variation = 0xFE00 <= ord(character) <= 0xFE0F
    return character != "\n" and (variation or unicodedata.category(character) in UNSAFE)


class Terminal(LanTest):
    HOSTS = 2

    def setUp(self):
        super().setUp()
        watch = self.here.watch()
        self.peers = []
        for text in HOSTILE.values():
            service = {"type": "http", "proto": "tcp", "port": 80, "name": text, "txt": {text: text}}
            topic = {"name": "topic", "unit": text, "units": {text: text}}
            self.peers.append(Peer(self.there, text, [service], {text: text * 2}, topics=[topic]))
        for text in HOSTILE.values():
            watch.await_event("joined", name=text)

    def show(self, *arguments, columns=100, deadline_s=20.0, end=None, codes=(0,), **environment):
        """Runs muster on a terminal and returns what the terminal was sent."""
        environment = {"TERM": "xterm-256color", "NO_COLOR": None, **environment}
        process = self.here.start(*arguments, terminal=(columns, 50), **environment)
        if end:
            end(process)
        process.finish(deadline_s)
        self.assertIn(process.code, codes, process.describe())
        return process.raw

    def check(self, raw, colour=True):
        text = raw.decode("utf-8").replace("\r\n", "\n")
        self.assertTrue(text.strip(), "nothing was shown")
        self.assertNotIn(BLINK, text)
        if colour:
            text = SGR.sub("", text)
        found = {f"U+{ord(c):04X}" for c in text if is_unsafe(c)}
        self.assertEqual(found, set(), text)
        return text

    def test_listings(self):
        commands = [
            ["peers"],
            ["peers", "--wide", "-o", "+ID,ATTRS"],
            ["peers", "--json"],
            ["services"],
            ["services", "--wide"],
            ["services", "http", "--format", "{name}|{service}|{txt.b}|{address}"],
            ["services", "--json"],
            ["topics"],
            ["topics", "--wide"],
            ["topics", "--json"],
            ["resolve", "http"],
            ["resolve", "http", "--json"],
        ]
        for arguments in commands:
            for columns in (80, 200):
                with self.subTest(arguments=arguments, columns=columns):
                    text = self.check(self.show(*arguments, columns=columns))
                    if "80" not in text:
                        self.assertIn(self.there.address, text)

    def test_names_stay_readable(self):
        text = self.check(self.show("peers", "--wide"))
        for start in "abcdefgh":
            self.assertRegex(text, rf"(?m)^\S*{start}")
        self.assertIn("\u4e2d\u6587", text)
        self.assertEqual(len(self.rows(text)), len(HOSTILE))

    @staticmethod
    def rows(text):
        return [line for line in text.split("\n") if "alive" in line]

    def test_what_is_said_of_one(self):
        """By the commands that look at one peer, at one topic, or at all that is known."""
        for peer in self.peers:
            self.check(self.show("why", f"id:{peer.id}"))
            self.check(self.show("why", f"id:{peer.id}", "--json"))
        self.check(self.show("show", "--self", codes=(0, 3)))
        self.check(self.show("wait", "topic", "--timeout", "1", codes=(0, 2, 124)))
        self.check(self.show("doctor", codes=(0, 1)))
        self.check(self.show("doctor", "--json", codes=(0, 1)))

    def test_show(self):
        for peer in self.peers:
            for arguments in (["--wide"], [], ["--json"]):
                self.check(self.show("show", f"id:{peer.id}", *arguments))

    def test_show_by_a_hostile_name(self):
        for text in HOSTILE.values():
            self.check(self.show("show", f"name:{text}"))
            self.check(self.show("show", f"{text}{text}", codes=(4,)))
            self.check(self.show("resolve", f"name:{text}"))
            self.check(self.show("wait", f"type:{text}", codes=(2,)))
            self.check(self.show("publish", text, "1", codes=(2,)))
            self.check(self.show("subscribe", text, codes=(2,)))
            self.check(self.show("topics", text, codes=(2,)))
            self.check(self.show("peers", "--sort", text, codes=(2,)))
            self.check(self.show(f"-{text}", codes=(2,)))
            self.check(self.show(f"--{text}", codes=(2,)))
            self.check(self.show("peers", f"--{text}=1", codes=(2,)))
            self.check(self.show(text, codes=(2,)))
            self.check(self.show("--interface", text[:9], "peers", codes=(2, 3)))

    def test_watch(self):
        for arguments in (WATCH, [*WATCH, "--stats"], [*WATCH, "--ndjson"]):
            with self.subTest(arguments=arguments):
                text = self.check(self.show(*arguments))
                self.assertEqual(text.count("joined"), len(HOSTILE))

    def test_watch_with_debug_log(self):
        self.check(self.show(*WATCH, "--log-level", "debug"))

    def test_without_colour(self):
        for options, environment in ((["--color", "never"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})):
            for arguments in (["peers"], ["show", f"id:{self.peers[0].id}"], WATCH):
                raw = self.show(*arguments, *options, **environment)
                self.check(raw, colour=False)

    def test_announcing_a_hostile_name(self):
        for text in HOSTILE.values():

            def end(process):
                self.lan.wait_for(lambda: process.lines, "it says who it is")
                process.signal(signal.SIGTERM)

            self.check(self.show("announce", "--name", text, end=end))


if __name__ == "__main__":
    main()
