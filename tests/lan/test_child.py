# SPDX-License-Identifier: MIT
"""A command that is announced while it lives: when, how it ends, its signals, streams and descriptors."""

import os
import pathlib
import re
import signal

from lab import MUSTER, LanTest, main
from wire import Ear

# Says which of the signals named by its arguments it gets; SIGUSR1 ends it with 5.
CHILD = """
import os, signal, sys
awaited = [signal.SIGUSR1, *(signal.Signals[name] for name in sys.argv[1:])]
signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
print("pid", os.getpid(), flush=True)
while (number := signal.sigwait(awaited)) != signal.SIGUSR1:
    print(signal.Signals(number).name, flush=True)
sys.exit(5)
"""

# A terminal of its own for a command: what comes in is typed, and a Ctrl-C reaches its process group.
TERMINAL = "import pty, os, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"

PYTHON = "/usr/bin/python3"


def is_there(pid):
    """False for a zombie, too: an orphan stays one where the first process does not wait for it."""
    try:
        return not re.search(r"\nState:\s+[ZX]", pathlib.Path(f"/proc/{pid}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return False


class Child(LanTest):
    def setUp(self):
        self.lan = self.lab(2)
        self.here, self.there = self.lan.hosts

    def start(self, *argv):
        return self.here.announce("x", "--", *argv)

    def run_to_end(self, *argv):
        return self.start(*argv).finish()

    def start_child(self, *signals):
        """A process that announces CHILD, and the pid of that."""
        process = self.start(PYTHON, "-c", CHILD, *signals)
        return process, self.pid_of(process)

    def pid_of(self, process):
        return int(process.await_line("pid ").split()[1])

    def await_end(self, pid):
        self.lan.wait_for(lambda: not is_there(pid), "the child has ended")

    # ---- when, and with which code ----

    def test_in_another_pid_namespace(self):
        """It is the first process there, and has no parent that it could name."""
        unshare = ["unshare", "--pid"] if os.geteuid() == 0 else ["unshare", "--user", "--pid"]
        if self.here.start_program(*unshare, "true").finish().code != 0:
            self.skipTest("the kernel refuses namespaces")
        argv = [*unshare, MUSTER, "announce", "--name", "x", "--", "sh", "-c", "echo $$; exit 7"]
        # A leak sanitizer needs a thread, which is not to be had there.
        process = self.here.start_program(*argv, ASAN_OPTIONS="detect_leaks=0").finish()
        self.assertEqual((process.code, process.out), (7, "1\n"), process.describe())

    def test_exit_codes(self):
        for code, argv in (
            (0, ["true"]),
            (1, ["false"]),
            (7, ["sh", "-c", "exit 7"]),
            (124, ["sh", "-c", "exit 124"]),
            (128 + 9, ["sh", "-c", "kill -9 $$"]),
            (128 + 15, ["sh", "-c", "kill $$"]),
            (128 + 6, ["sh", "-c", "ulimit -c 0; kill -ABRT $$"]),
        ):
            result = self.run_to_end(*argv)
            self.assertEqual(result.code, code, result.describe())
            self.assertEqual(result.error.count("\n"), 1, "who it is, and nothing else")

    def test_it_changes_the_muster_that_announces_it(self):
        """Whatever others run here, and come first."""
        self.here.announce("a-first")
        watch = self.there.watch()
        watch.await_event("joined", name="a-first")
        script = f"{MUSTER} update --attr ready=yes && read end"
        process = self.here.start("announce", "--name", "x", "--", "sh", "-c", script)

        def is_ready(name):
            return any(event["attrs"] for _, event in watch.events(name=name))

        self.here.lab.wait_for(lambda: is_ready("x"), "x is changed")
        self.assertFalse(is_ready("a-first"))
        process.write("\n")
        self.assertEqual(process.finish().code, 0)

    def test_announced_while_it_lives(self):
        watch = self.there.watch()
        process, pid = self.start_child()
        watch.await_event("joined", name="x")
        os.kill(pid, signal.SIGUSR1)
        watch.await_event("left", name="x")
        self.assertEqual(process.finish().code, 5)
        self.assertFalse(is_there(pid))

    def test_a_command_that_ends_at_once(self):
        """Too short for anybody to get to know it: but it was said, and so was its end."""
        ear = Ear(self.there)
        self.assertEqual(self.run_to_end("true").code, 0)
        self.lan.wait_for(lambda: ear.messages("bye"), "its end")
        kinds = [header["kind"] for _, header in ear.messages() if header["kind"] in ("announce", "bye")]
        self.assertEqual(kinds[0], "announce")
        self.assertEqual(set(kinds[kinds.index("bye") :]), {"bye"})

    def test_a_command_that_cannot_be_started(self):
        ear = Ear(self.there)
        plain = self.lan.directory / "plain"
        plain.write_text("no program")
        script = self.lan.directory / "script"
        script.write_text("#!/nowhere/interpreter\n")
        script.chmod(0o755)
        for code, argv in (
            (127, ["no-such-command"]),
            (127, ["/no/such/command", "--name", "y"]),
            (127, [str(script)]),
            (126, [str(plain)]),
            (126, ["/"]),
            (126, [str(plain) + "/below"]),
        ):
            # A directory in PATH that must not be searched would turn "not found" into "permission denied".
            result = self.here.run("announce", "--name", "x", "--", *argv, PATH="/usr/bin:/bin")
            self.assertEqual((result.code, result.out), (code, ""), result.describe())
            self.assertEqual(result.error.count("\n"), 1, result.describe())
            self.assertIn(argv[0], result.error)
        self.assertEqual(self.run_to_end("true").code, 0)
        self.lan.wait_for(lambda: ear.messages("announce"), "the announcement")
        said = [header["name"] for _, header in ear.messages("announce")]
        boots = {header["boot"] for _, header in ear.messages("announce")}
        self.assertEqual(set(said), {"x"})
        self.assertEqual(len(boots), 1, "only the last one was announced")

    def test_not_started_when_it_cannot_be_announced(self):
        trace = self.lan.directory / "trace"
        result = self.here.run("--state-dir", "/dev/null/x", "announce", "--name", "x", "--", "touch", str(trace))
        self.assertEqual(result.code, 1, result.describe())
        result = self.here.run("announce", "--bogus", "--", "touch", str(trace))
        self.assertEqual(result.code, 2, result.describe())
        self.assertFalse(trace.exists())

    # ---- words ----

    def test_the_words_of_the_command_are_its_own(self):
        show = ["sh", "-c", 'printf "<%s>" "$@"', "sh"]
        words = ["--help", "-h", "--name", "y", "--", "", "-V", "--port=x"]
        result = self.run_to_end(*show, *words)
        self.assertEqual((result.code, result.out), (0, "".join(f"<{word}>" for word in words)))
        result = self.run_to_end("ls", "--help")
        self.assertIn("ls", result.out.splitlines()[0])
        self.assertNotIn("muster", result.out)

    # ---- signals to muster ----

    def test_signals_are_passed_on(self):
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            process, pid = self.start_child(name)
            process.signal(signal.Signals[name])
            process.await_line(name)
            self.assertIsNone(process.code, "it waits for the child")
            os.kill(pid, signal.SIGUSR1)
            self.assertEqual(process.finish().code, 5)
            self.assertEqual(process.lines.count(name), 1)

    def test_a_signal_that_ends_the_command(self):
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)):
            process = self.start("sh", "-c", "echo pid $$; exec sleep 1000")
            pid = self.pid_of(process)
            process.signal(number)
            self.assertEqual(process.finish().code, code, process.describe())
            self.assertFalse(is_there(pid))

    def test_the_second_signal_kills(self):
        for first in (signal.SIGTERM, signal.SIGINT):
            watch = self.there.watch()
            process, pid = self.start_child("SIGTERM", "SIGINT")
            watch.await_event("joined", name="x")
            process.signal(first)
            process.await_line(first.name)
            self.lan.never(lambda: watch.events("left") or process.code is not None, "it goes on", 0.5)
            process.signal(signal.SIGTERM)
            self.assertEqual(process.finish().code, 128 + 9)
            self.assertFalse(is_there(pid))
            watch.stop()

    def test_a_hangup_does_not_cut_the_bye(self):
        """It comes to all of a terminal that is closed, so that the command may have ended by it already."""
        ear = Ear(self.there)
        process, pid = self.start_child()
        self.lan.wait_for(lambda: ear.messages("announce"), "the announcement")
        os.kill(pid, signal.SIGUSR1)
        self.lan.wait_for(lambda: ear.messages("bye"), "the first bye")
        process.signal(signal.SIGHUP)
        self.assertEqual(process.finish().code, 5)
        self.lan.wait_for(lambda: len(ear.messages("bye")) == 3, "each bye")

    def test_hangups_do_not_kill(self):
        """They mean to reload, as likely as not."""
        process, pid = self.start_child("SIGHUP", "SIGTERM")
        for count in range(1, 4):
            process.signal(signal.SIGHUP)
            self.lan.wait_for(lambda: process.lines.count("SIGHUP") == count, "a hangup")
        process.signal(signal.SIGTERM)
        process.await_line("SIGTERM")
        os.kill(pid, signal.SIGUSR1)
        self.assertEqual(process.finish().code, 5)

    def test_ignored_signals_stay_ignored(self):
        script = 'trap "" HUP INT; exec "$0" announce --name x -- "$@"'
        command = [PYTHON, "-c", CHILD, "SIGTERM"]
        process = self.here.start_program("sh", "-c", script, MUSTER, *command)
        pid = self.pid_of(process)
        process.signal(signal.SIGHUP)
        process.signal(signal.SIGINT)
        os.kill(pid, signal.SIGHUP)
        process.signal(signal.SIGTERM)
        process.await_line("SIGTERM")
        os.kill(pid, signal.SIGUSR1)
        self.assertEqual(process.finish().code, 5)

    # ---- a terminal ----

    def on_terminal(self, *argv):
        return self.here.start_program(PYTHON, "-c", TERMINAL, MUSTER, "announce", "--name", "x", "--", *argv)

    def test_ctrl_c_reaches_the_command_once(self):
        process = self.on_terminal(PYTHON, "-c", CHILD, "SIGINT")
        pid = self.pid_of(process)
        process.write("\x03")
        process.await_line("SIGINT")
        os.kill(pid, signal.SIGUSR1)
        self.assertEqual(process.finish().code, 5, process.describe())
        self.assertEqual(len([line for line in process.lines if "SIGINT" in line]), 1, process.describe())

    def test_ctrl_c_is_passed_on_to_who_left_the_group(self):
        process = self.on_terminal(PYTHON, "-c", f"import os; os.setpgid(0, 0){CHILD}", "SIGINT")
        pid = self.pid_of(process)
        process.write("\x03")
        process.await_line("SIGINT")
        os.kill(pid, signal.SIGUSR1)
        self.assertEqual(process.finish().code, 5, process.describe())

    # ---- nobody is left behind ----

    def test_muster_is_killed(self):
        process, pid = self.start_child()
        process.signal(signal.SIGKILL)
        self.await_end(pid)

    def test_the_command_is_killed(self):
        watch = self.there.watch()
        process, pid = self.start_child()
        watch.await_event("joined", name="x")
        os.kill(pid, signal.SIGKILL)
        watch.await_event("left", name="x")
        self.assertEqual(process.finish().code, 128 + 9)

    def test_a_command_that_is_stopped_is_still_there(self):
        watch = self.there.watch()
        process, pid = self.start_child()
        watch.await_event("joined", name="x")
        os.kill(pid, signal.SIGSTOP)
        self.lan.never(lambda: watch.events("left") or process.code is not None, "it is alive", 0.5)
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGUSR1)
        self.assertEqual(process.finish().code, 5)

    # ---- what it inherits ----

    def test_streams(self):
        text = "".join(f"line {number}\n" for number in range(5000))
        source = self.lan.directory / "source"
        copy = self.lan.directory / "copy"
        source.write_text(text)
        script = 'exec "$0" announce --name x -- sh -c "cat; echo complaint >&2" <"$1" >"$2"'
        result = self.here.start_program("sh", "-c", script, MUSTER, str(source), str(copy)).finish()
        self.assertEqual((result.code, copy.read_text()), (0, text), result.describe())
        self.assertIn("complaint\n", result.error)
        process = self.start("head", "-n", "1")
        process.write("typed\nmore\n")
        self.assertEqual((process.finish().code, process.out), (0, "typed\n"))

    def test_closed_streams_stay_closed(self):
        script = 'exec "$0" announce --name x -- ls /proc/self/fd <&- 2>&-'
        result = self.here.start_program("sh", "-c", script, MUSTER).finish()
        self.assertEqual((result.code, result.out), (0, "0\n1\n"), "0 is the directory that ls reads")

    def test_descriptors(self):
        result = self.run_to_end("ls", "/proc/self/fd")
        self.assertEqual(result.out.split(), ["0", "1", "2", "3"], "3 is the directory that ls reads")
        # What its starter gave to muster was meant for the command: that is how <(...) works.
        script = '"$0" announce --name x -- cat <(echo given)'
        result = self.here.start_program("bash", "-c", script, MUSTER).finish()
        self.assertEqual((result.code, result.out), (0, "given\n"), result.describe())

    def test_signal_dispositions(self):
        result = self.run_to_end("grep", "-E", "Sig(Blk|Ign)", "/proc/self/status")
        self.assertEqual([line.split()[1].strip("0") for line in result.lines], ["", ""], result.out)
        script = 'trap "" HUP PIPE; exec "$0" announce --name x -- grep SigIgn /proc/self/status'
        result = self.here.start_program("sh", "-c", script, MUSTER).finish()
        self.assertEqual(int(result.out.split()[1], 16), 1 << (signal.SIGHUP - 1))

    def test_started_by_who_ignores_its_children(self):
        """How the command ended is still known."""
        ignore = "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nos.execv(sys.argv[1], sys.argv[1:])"
        argv = [PYTHON, "-c", ignore, MUSTER, "announce", "--name", "x", "--", "sh", "-c", "exit 7"]
        result = self.here.start_program(*argv).finish()
        self.assertEqual(result.code, 7, result.describe())


if __name__ == "__main__":
    main()
