# SPDX-License-Identifier: MIT
"""Group keys: hosts with one key hear each other alone, and change it while all goes on."""

import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import termios
import unittest

from lab import MUSTER, LanTest, main
from telemetry import await_records


LARGE = 1 << 28  # no mapping of muster's own is as large: the sanitizers' are


def mappings(pid):
    """(begin, end, flags) of what a process can write to."""
    found = []
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, *fields = line.split()
        if re.fullmatch("[0-9a-f]+-[0-9a-f]+", name):
            begin, end = (int(number, 16) for number in name.split("-"))
            is_wanted = fields[0].startswith("rw") and end - begin < LARGE
        elif name == "VmFlags:" and is_wanted:
            found.append((begin, end, fields))
    return found


def flags_of(pid, secret):
    """The flags of each mapping that has these bytes."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for begin, end, flags in mappings(pid):
            memory.seek(begin)
            if secret in memory.read(end - begin):
                found.append(flags)
    return found


def read_qr(drawn, path):
    """What a decoder reads of a code on a terminal, whose characters are two modules each."""
    scale = 4
    modules = [[character in halves for character in line] for line in drawn.splitlines() for halves in ("▀█", "▄█")]
    rows = [bytes(255 * is_light for is_light in row for _ in range(scale)) for row in modules for _ in range(scale)]
    path.write_bytes(b"P5 %d %d 255\n" % (len(rows[0]), len(rows)) + b"".join(rows))
    read = subprocess.run(["zbarimg", "--quiet", "--raw", "--nodbus", path], stdout=subprocess.PIPE, check=True, text=True)
    return read.stdout


class Typed:
    """muster key on a terminal of its own, where somebody types."""

    def __init__(self, host, *arguments):
        self.shown = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(MUSTER, [MUSTER, "key", *arguments], host.environment())

    def await_prompt(self, prompt):
        while prompt not in self.shown:
            self.shown += os.read(self.terminal, 4096)

    def type(self, text):
        os.write(self.terminal, text)

    def is_shown(self):
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def end(self):
        """How it ended, as os.waitstatus_to_exitcode() has it."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)


class Keys(LanTest):
    def key(self, host, *arguments, text="", code=0):
        result = host.key(*arguments, text=text)
        self.assertEqual(result.code, code, result.error)
        return result

    def names(self, host, *arguments):
        return sorted(row["name"] for row in host.peers(*arguments) if row["state"] == "alive")

    def test_a_group(self):
        lan = self.lab(3)
        one, two, three = lan.hosts
        one.share_key("home", two)
        one.announce("first")
        two.announce("second")
        three.announce("third")
        lan.wait_for(lambda: self.names(one) == ["first", "second"], "the group is seen")
        self.assertEqual(self.names(one, "--direct"), ["first", "second"])
        self.assertEqual(self.names(three), ["third"])
        self.assertEqual(self.names(three, "--direct", "--no-key"), ["third"])
        self.assertEqual(self.names(one, "--direct", "--no-key"), ["third"])
        lan.wait_for(lambda: "of a group whose key is not here" in three.run("peers").error, "the sealed ones are heard")
        three.announce("fourth")
        lan.wait_for(lambda: self.names(three) == ["fourth", "third"], "those without a key")
        lan.wait_for(lambda: "another group is here: " in three.run("peers").error, "the group is told of")

        subscriber = two.start("subscribe", "kitchen/#", "--ndjson").await_listening()
        stranger = three.start("subscribe", "kitchen/#", "--ndjson").await_listening()
        self.assertEqual(one.run("publish", "kitchen/door", "true").code, 0)
        await_records(subscriber, 1)
        self.assertEqual(stranger.out, "")

        # The key is changed: added on all, used on all, the old one retired on all.
        watch = two.watch()
        watch.await_event("joined", name="first")
        one.share_key("next", two)
        published = 1
        for verb, name in (("use", "next"), ("retire", "home")):
            for host in (one, two):
                self.key(host, verb, name)
                self.assertEqual(one.run("publish", "kitchen/door", "false").code, 0)
                published += 1
                await_records(subscriber, published)
        self.assertEqual(self.names(two, "--direct"), ["first", "second"])
        self.assertEqual(watch.events("suspect", "lost", "left"), [])
        shown = two.json("show", "--self", "--json")
        ids = {key["name"]: key["key_id"] for key in two.json("key", "list", "--json")["keys"]}
        self.assertEqual(shown["key_id"], ids["next"])
        self.assertIn(f"by the group key {ids['next']}", two.run("show", "--self").out)
        self.assertIsNone(three.json("show", "--self", "--json")["key_id"])
        drops = shown["counters"]["drops"]
        self.assertEqual(drops.get("replay", 0), 0)
        self.assertGreater(drops["unsealed"], 0)

    def test_the_last_key_is_retired(self):
        lan = self.lab(2)
        one, two = lan.hosts
        one.share_key("home", two)
        first = one.announce("first")
        two.announce("second")
        lan.wait_for(lambda: self.names(one) == ["first", "second"], "the group is seen")
        sealed = one.json("show", "--self", "--json")["key_id"]
        self.assertIn("keeps it until a restart", self.key(one, "retire", "home").error)
        lan.wait_for(lambda: "there is no group key any more" in first.error, "it says so")
        self.assertEqual(one.json("show", "--self", "--json")["key_id"], sealed)
        self.assertEqual(self.names(two, "--direct"), ["first", "second"])
        self.assertEqual(self.names(two, "--direct", "--no-key"), [])
        first.stop()
        one.announce("first")
        lan.wait_for(lambda: self.names(two, "--direct", "--no-key") == ["first"], "it starts without a key")

    def test_the_command(self):
        host = self.lab(1).hosts[0]
        none = self.key(host, "list")
        self.assertEqual((none.out, none.error.count("\n")), ("", 1), none.error)
        self.assertIn("there are no keys; muster key new makes one", none.error)
        self.assertEqual(host.json("key", "list", "--json")["keys"], [])
        self.assertIn("seals from the next start on", self.key(host, "new").error)
        self.assertIn("'group' already; another NAME keeps one", self.key(host, "new", code=1).error)
        words = "correct horse battery staple\n"
        self.key(host, "new", "home", "--passphrase", text=words)
        self.assertIn("12 characters", self.key(host, "new", "x", "--passphrase", text="short\n", code=1).error)
        home = self.key(host, "show", "home").out
        self.assertRegex(home, "^[0-9a-f]{64}\n$")
        self.assertIn("'home'", self.key(host, "add", "again", text=home, code=1).error)
        self.assertIn("64 hexadecimal", self.key(host, "add", "again", text="abc\n", code=1).error)
        self.key(host, "use", "home")
        self.key(host, "use", "nothing", code=4)
        self.key(host, "use", code=2)
        self.key(host, "frobnicate", code=2)
        keys = host.json("key", "list", "--json")["keys"]
        self.assertEqual([(key["name"], key["use"]) for key in keys], [("home", "seals"), ("group", "opens")])
        self.key(host, "retire", "home")
        self.key(host, "new", "home", "--passphrase", text=words)
        self.assertEqual(self.key(host, "show", "home").out, home)
        # Keys that others may read are used by nobody, and nothing is said without them.
        path = os.path.join(host.environment()["MUSTER_STATE"], "keys", "group")
        os.chmod(path, 0o644)
        self.check_refused(host.run("announce", "--name", "x"), "others than its owner")
        self.check_refused(host.run("peers", "--direct"), "others than its owner")
        self.assertEqual(host.run("peers", "--direct", "--no-key").code, 3)

    def test_keys_change_while_one_is_typed(self):
        host = self.lab(1).hosts[0]
        typed = Typed(host, "add", "typed")
        typed.await_prompt(b"Key: ")
        self.key(host, "new", "other")
        typed.type(b"12" * 32 + b"\n")
        self.assertEqual(typed.end(), 0)
        self.assertEqual([key["name"] for key in host.json("key", "list", "--json")["keys"]], ["other", "typed"])
        typed = Typed(host, "add", "late")
        typed.await_prompt(b"Key: ")
        late = self.key(host, "new", "late")
        typed.type(b"34" * 32 + b"\n")
        self.assertEqual(typed.end(), 1, late.error)
        self.assertNotIn("3434", self.key(host, "show", "late").out)

    def test_the_terminal_shows_what_is_typed_after_a_signal(self):
        host = self.lab(1).hosts[0]
        interrupts = {signal.SIGINT: lambda: typed.type(b"\x03"), signal.SIGTERM: lambda: os.kill(typed.pid, signal.SIGTERM)}
        for number, interrupt in interrupts.items():
            typed = Typed(host, "new", "--passphrase")
            typed.await_prompt(b"Passphrase: ")
            self.assertFalse(typed.is_shown())
            typed.type(b"correct")
            interrupt()
            os.waitid(os.P_PID, typed.pid, os.WEXITED | os.WNOWAIT)
            self.assertTrue(typed.is_shown())
            self.assertEqual(typed.end(), -number)
        self.assertEqual(self.key(host, "list").out, "")

    @unittest.skipUnless(shutil.which("zbarimg"), "needs zbarimg")
    def test_a_qr_code_is_read(self):
        host = self.lab(1).hosts[0]
        self.key(host, "new")
        drawn = self.key(host, "show", "--qr").out
        self.assertLessEqual(len(drawn.splitlines()), 23)  # of 24 lines of a terminal
        self.assertEqual(read_qr(drawn, host.lab.directory / "code.pgm"), self.key(host, "show").out)
        self.check_refused(host.run("key", "show", "--qr", LC_ALL="C"), "UTF-8")

    def test_keys_lie_in_locked_memory(self):
        """Those of the group, and the identity's: there alone, and not in a core dump."""
        host = self.lab(1).hosts[0]
        self.key(host, "new")
        group = self.key(host, "show").out.strip()
        process = host.announce("keeper")
        identity = (host.state / "keeper" / "key").read_text().strip()[:64]
        try:
            open(f"/proc/{process.pid}/mem", "rb").close()
        except PermissionError:
            self.skipTest("its memory can't be read here")
        is_sanitized = "asan" in pathlib.Path(f"/proc/{process.pid}/maps").read_text()
        for secret in (bytes.fromhex(group), bytes.fromhex(identity)):
            found = flags_of(process.pid, secret)
            self.assertEqual(len(found), 1, found)
            self.assertIn("dd", found[0])
            if not is_sanitized:  # a sanitizer locks nothing
                self.assertIn("lo", found[0])
        for text in (group, identity):
            self.assertEqual(flags_of(process.pid, text.encode()), [])

    def test_without_a_right_to_lock_memory(self):
        host = self.lab(1).hosts[0]
        self.key(host, "new")
        limited = ["sh", "-c", 'ulimit -l 0 && exec "$@"', "sh", MUSTER]
        if os.geteuid() == 0:  # who may lock whatever the limit says
            limited = ["setpriv", "--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock", *limited]
        process = host.start_program(*limited, "announce", "--name", "keeper")
        host.lab.wait_for(lambda: self.names(host) == ["keeper"], "it runs")
        self.assertIn("VmLck:\t       0 kB", pathlib.Path(f"/proc/{process.pid}/status").read_text())
        self.assertRegex(process.stop().error, r"\Amuster announce: keeper is .*\n\Z")


if __name__ == "__main__":
    main()
