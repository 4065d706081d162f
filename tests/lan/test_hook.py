# SPDX-License-Identifier: MIT
"""Programs that `muster watch --exec` runs: what they are told, how many at a time, and what if they misbehave."""

import json
import os
import pathlib
import re
import signal

import jsonschema

from lab import ROOT, LanTest, main, note
from wire import Peer

# Sanitizers keep freed memory for a while; to see growth they must not.
FRUGAL = {"ASAN_OPTIONS": "exitcode=99:detect_leaks=1:quarantine_size_mb=0:thread_local_quarantine_size_kb=0"}

RUNS = 2000
PEERS = 16

VARIABLES = {
    "MUSTER_PEER_NAME": "name",
    "MUSTER_PEER_ID": "id",
    "MUSTER_PEER_STATE": "state",
    "MUSTER_PEER_ADDRESS": "address",
    "MUSTER_PEER_INTERFACE": "interface",
    "MUSTER_EVENT": "event",
}


class Changing(Peer):
    """A peer that can say something new, whose event is `changed`."""

    def change(self):
        self.presence["rev"] += 1
        self.document["attrs"] = {"count": str(self.presence["rev"])}
        self.announce()


class Hook(LanTest):
    HOSTS = 2

    def watch(self, text, *arguments, **environment):
        return self.here.start("watch", "--exec", self.lan.script(text), *arguments, **environment)

    def peers(self, count):
        return [Changing(self.there, f"peer{number}") for number in range(count)]

    def await_lines(self, process, count, deadline_s=60.0):
        self.lan.wait_for(lambda: len(process.lines) >= count, f"{count} lines", deadline_s)

    def complaints(self, process):
        return process.error.splitlines()

    # ---- what a hook is told ----

    def test_environment_and_input(self):
        """As --ndjson prints it; and the configuration of muster itself is left alone."""
        names = ["plain", "a b\n$(touch /tmp/x)`'\"; \\", "\u202e\x1b[31m", "=", "-n"]
        schema = ROOT / "schemas" / "watch.schema.json"
        check = jsonschema.Draft202012Validator(json.loads(schema.read_text()))
        dump = "import json, os, sys; print(json.dumps([dict(os.environ), sys.stdin.read(), sys.argv[1:]]))"
        told = {"MUSTER_EVENT": "outer", "MUSTER_PEER_NAME": "outer", "MUSTER_PEER_OTHER": "kept"}
        watch = self.watch(f"/usr/bin/python3 -c '{dump}'", "--count", str(len(names)), **told)
        for name in names:
            Peer(self.there, name)
        watch.finish()
        self.assertEqual((watch.code, watch.error), (0, ""), watch.describe())
        heard = set()
        for line in watch.lines:
            environment, text, arguments = json.loads(line)
            self.assertEqual((text.count("\n"), text[-1], arguments), (1, "\n", []))
            event = json.loads(text)
            check.validate(event)
            for variable, member in VARIABLES.items():
                self.assertEqual(environment[variable], event[member])
            self.assertEqual(environment["MUSTER_PEER_PORT"], str(event["port"]))
            self.assertEqual(environment["MUSTER_PEER_VERIFIED"], "0")
            self.assertEqual(environment["MUSTER_INTERFACE"], self.here.interface)
            self.assertEqual(environment["MUSTER_PEER_OTHER"], "kept")
            heard.add(event["name"])
        self.assertEqual(heard, set(names))

    def test_verified(self):
        watch = self.watch("echo $MUSTER_PEER_VERIFIED", "--count", "1")
        self.there.announce("signed")
        self.assertEqual(watch.finish().out, "1\n")

    def test_a_name_in_path(self):
        directory, name = os.path.split(self.lan.script("echo found"))
        path = f"{directory}:{os.environ['PATH']}"
        watch = self.here.start("watch", "--exec", name, "--count", "1", PATH=path)
        self.peers(1)
        self.assertEqual(watch.finish().out, "found\n")

    def test_what_is_printed(self):
        """The hook stands for the lines of text; --ndjson and --stats are printed if asked for."""
        quiet = self.watch("true", "--count", "1")
        both = self.watch("true", "--count", "1", "--ndjson")
        self.peers(1)
        self.assertEqual(quiet.finish().out, "")
        both.finish()
        self.assertEqual([event["event"] for _, event in both.events()], ["joined"])

    def test_what_it_inherits(self):
        watch = self.watch("ls /proc/self/fd; grep -hE 'Sig(Blk|Ign)' /proc/self/status", "--count", "1")
        self.peers(1)
        watch.finish()
        descriptors, masks = watch.lines[:-2], watch.lines[-2:]
        self.assertEqual(descriptors, ["0", "1", "2", "3"], "3 is the directory that ls reads")
        self.assertEqual([line.split()[1].strip("0") for line in masks], ["", ""])

    # ---- how many at a time ----

    def depths(self, process):
        """How many hooks ran after each start and end."""
        depth = 0
        for line in process.lines:
            depth += 1 if line == "start" else -1
            yield depth

    def test_overlap(self):
        for most in (1, 3):
            arguments = ["--exec-max", str(most)] if most > 1 else []
            watch = self.watch("echo start; sleep 0.1; echo end", "--count", "8", *arguments)
            peers = self.peers(8)
            watch.finish()
            depths = list(self.depths(watch))
            self.assertEqual((len(depths), depths[-1], max(depths)), (16, 0, most), watch.describe())
            for peer in peers:
                peer.leave()

    def test_order(self):
        watch = self.watch('read line; echo "$line"', "--count", "41")
        (peer,) = self.peers(1)
        self.await_lines(watch, 1)
        for _ in range(40):
            before = len(watch.lines)
            peer.change()
            self.await_lines(watch, before + 1)
        watch.finish()
        revisions = [event["rev"] for _, event in watch.events()]
        self.assertEqual(revisions, list(range(1, 42)))

    def test_too_many_wait(self):
        """The oldest are dropped, and counted."""
        go = self.lan.directory / "go"
        log = self.lan.directory / "log"
        text = f'while [ ! -e {go} ]; do sleep 0.05; done; read line; echo "$line" >>{log}'
        watch = self.watch(text, "--ndjson", "--exec-max", "2", "--exec-timeout", "600")
        peers = self.peers(PEERS)
        self.await_lines(watch, PEERS)
        while len(watch.lines) < 1024 + 3 * PEERS:
            before = len(watch.lines)
            for peer in peers:
                peer.change()
            self.await_lines(watch, before + PEERS)
        self.lan.wait_for(lambda: "dropped" in watch.error, "it is said")
        go.touch()
        self.assertEqual(watch.stop(60).code, 0, watch.describe())
        dropped = sum(int(number) for number in re.findall(r"too slow, (\d+) events? dropped\n", watch.error))
        self.assertEqual(watch.error.count("\n"), watch.error.count("dropped\n"), watch.describe())
        ran = [json.loads(line) for line in log.read_text().splitlines()]
        events = [event for _, event in watch.events()]
        self.assertEqual(len(ran), 1024 + 2)
        self.assertEqual(len(ran) + dropped, len(events))
        kept = events[:2] + events[-1024:]  # those that ran at once, and the newest
        self.assertEqual({json.dumps(event) for event in ran}, {json.dumps(event) for event in kept})

    # ---- hooks that misbehave ----

    def test_failures_are_said(self):
        for text, words in (
            ("exit 3", "exit code 3"),
            ("ulimit -c 0; kill -SEGV $$", "signal 11"),
            ("exec /no/such/program 2>/dev/null", "exit code 127"),
        ):
            watch = self.watch(text, "--count", "2")
            peers = self.peers(2)
            watch.finish()
            self.assertEqual(watch.code, 0)
            lines = self.complaints(watch)
            self.assertEqual(len(lines), 2, watch.describe())
            for number, line in enumerate(sorted(lines)):
                self.assertIn(f"joined peer{number}: {words}", line)
            for peer in peers:
                peer.leave()

    def test_a_hook_that_is_not_there(self):
        plain = self.lan.directory / "plain"
        plain.write_text("no program")
        for hook in ("no-such-hook", "./no-such-hook", "/no/such/hook", str(plain), "/"):
            self.check_refused(self.here.run("watch", "--exec", hook), "--exec", f"'{hook}' can't be run: ")

    def test_a_hook_that_goes_away(self):
        hook = self.lan.directory / "hook"
        hook.write_text("#!/bin/sh\n")
        hook.chmod(0o755)
        watch = self.here.start("watch", "--exec", str(hook), "--count", "3", "--ndjson")
        first = self.peers(1)
        self.lan.wait_for(lambda: len(watch.lines) == 1, "the first event")
        hook.unlink()
        peers = self.peers(2)
        watch.finish()
        self.assertEqual((watch.code, len(watch.lines)), (0, 3))
        lines = self.complaints(watch)
        self.assertGreaterEqual(len(lines), 1, watch.describe())
        for line in lines:
            self.assertRegex(line, f"{re.escape(str(hook))} for joined peer[01]: cannot be started: ")
        for peer in [*first, *peers]:
            peer.leave()

    def test_a_hostile_name_in_a_complaint(self):
        watch = self.watch("exit 1", "--count", "1")
        Peer(self.there, "\x1b[31m\n")
        watch.finish()
        self.assertEqual(watch.error.count("\n"), 1)
        self.assertIn("\\u{001B}[31m", watch.error)

    def test_a_hook_that_does_not_read(self):
        """Nor does it take notice of its input in any other way."""
        services = [{"type": f"t{n}", "proto": "tcp", "port": 1, "name": "\u202e" * 5} for n in range(8)]
        watch = self.watch("exec <&-; echo done", "--count", "5")
        for number in range(5):
            Peer(self.there, f"peer{number}", services)
        watch.finish()
        self.assertEqual((watch.code, watch.out, watch.error), (0, "done\n" * 5, ""))

    def test_a_hook_that_hangs(self):
        """It is ended, and the next one has its turn."""
        watch = self.watch("echo $$; exec sleep 1000", "--exec-timeout", "2")
        self.peers(2)
        self.lan.wait_for(lambda: watch.error.count("took too long") == 2, "it is said")
        self.assertEqual(watch.stop().code, 0)
        self.assertEqual(len(watch.lines), 2)
        self.assertEqual(len(self.complaints(watch)), 2, "its end by our signal is not said once more")

    def test_a_hook_that_ignores_sigterm(self):
        """It and all of its group are killed."""
        text = "trap '' TERM; sleep 1000 & echo $! $$; wait"
        watch = self.watch(text, "--exec-timeout", "2", "--count", "1")
        self.peers(1)
        self.await_lines(watch, 1)
        pids = watch.lines[0].split()
        watch.finish()
        self.assertEqual(watch.code, 0)
        for pid in pids:
            self.lan.wait_for(lambda: self.is_dead(pid), "it is dead")

    def test_what_a_hook_that_hung_left(self):
        """The hook obeys, a child of its group does not: that is killed."""
        text = "(trap '' TERM; exec sleep 1000) & echo $!; exec sleep 1000"
        watch = self.watch(text, "--exec-timeout", "2", "--count", "1")
        self.peers(1)
        self.await_lines(watch, 1)
        watch.finish()
        self.lan.wait_for(lambda: self.is_dead(watch.lines[0]), "it is dead")

    def test_a_hook_that_leaves_its_group(self):
        """It is killed nevertheless, and so the watch ends."""
        leave = "os.setpgid(0, os.getpgid(os.getppid())); signal.signal(signal.SIGTERM, signal.SIG_IGN)"
        stay = "print(os.getpid(), flush=True); signal.pause()"
        text = f"exec /usr/bin/python3 -c 'import os, signal; {leave}; {stay}'"
        watch = self.watch(text, "--exec-timeout", "2", "--count", "1")
        self.peers(1)
        watch.finish()
        self.assertEqual(watch.code, 0)
        self.assertTrue(self.is_dead(watch.lines[0]))

    @staticmethod
    def is_dead(pid):
        try:
            return re.search(r"\nState:\s+[ZX]", pathlib.Path(f"/proc/{pid}/status").read_text())
        except OSError:
            return True

    # ---- the end ----

    def test_running_and_waiting_hooks_are_finished(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            go = self.lan.directory / f"go{number}"
            watch = self.watch(f"while [ ! -e {go} ]; do sleep 0.05; done; echo ran", "--ndjson")
            peers = self.peers(5)
            self.await_lines(watch, 5)
            watch.signal(number)
            self.lan.never(lambda: watch.code is not None, "it waits for its hooks", 0.5)
            go.touch()
            watch.finish()
            self.assertEqual((watch.code, watch.lines[5:], watch.error), (0, ["ran"] * 5, ""))
            for peer in peers:
                peer.leave()

    def test_the_end_has_a_bound(self):
        watch = self.watch("echo start; exec sleep 1000", "--exec-timeout", "2", "--exec-max", "2", "--count", "6")
        self.peers(6)
        watch.finish()
        self.assertEqual(watch.code, 0)
        ended = watch.error.count("took too long, ended\n")
        self.assertIn(ended, (2, 3, 4), "those that ran, and perhaps those whose turn came with the end")
        self.assertIn(f"too slow, {6 - ended} events dropped\n", watch.error)

    def test_a_second_signal_ends_at_once(self):
        watch = self.watch("echo $$; exec sleep 1000")
        self.peers(2)
        self.await_lines(watch, 1)
        watch.signal(signal.SIGTERM)
        self.lan.wait_for(lambda: not watch.has_sockets(), "it has left, and waits for its hooks")
        self.assertIsNone(watch.code, watch.describe())
        watch.signal(signal.SIGTERM)
        self.lan.wait_for(lambda: watch.code is not None, "its end")
        self.lan.wait_for(lambda: self.is_dead(watch.lines[0]), "the hook has ended, too")

    def test_muster_is_killed(self):
        watch = self.watch("echo $$; exec sleep 1000")
        self.peers(1)
        self.await_lines(watch, 1)
        watch.signal(signal.SIGKILL)
        self.lan.wait_for(lambda: self.is_dead(watch.lines[0]), "the hook has ended, too")

    # ---- nothing grows ----

    def run_hooks(self, watch, peers, count):
        while len(watch.lines) < count:
            before = len(watch.lines)
            for peer in peers:
                peer.change()
            self.await_lines(watch, before + len(peers))

    def test_nothing_grows(self):
        runs = int(os.environ.get("HOOK_RUNS", RUNS))
        watch = self.watch("echo x", "--exec-max", "2", **FRUGAL)
        peers = self.peers(PEERS)
        self.await_lines(watch, PEERS)
        self.run_hooks(watch, peers, runs // 4)
        self.lan.wait_for(lambda: watch.children() == 0, "all hooks have ended")
        before = watch.descriptors(), watch.resident_kb()
        self.run_hooks(watch, peers, runs)
        self.lan.wait_for(lambda: watch.children() == 0, "all hooks have ended, and none is a zombie")
        after = watch.descriptors(), watch.resident_kb()
        note(f"after {runs // 4} and {runs} hooks: {before[0]}, {after[0]} descriptors; {before[1]}, {after[1]} kB")
        self.assertEqual(after[0], before[0])
        self.assertLess((after[1] - before[1]) / (runs - runs // 4), 0.7, "kB a hook, which has more than that")
        self.assertEqual((watch.stop().code, watch.error), (0, ""))


if __name__ == "__main__":
    main()
