# SPDX-License-Identifier: MIT
"""Commands that ask the muster whose Unix socket they are given, and no other."""

import signal

from lab import LanTest, main


class Local(LanTest):
    HOSTS = 1

    def setUp(self):
        super().setUp()
        self.socket = str(self.lan.directory / "socket")
        self.running = self.announce("running", self.socket)

    def announce(self, name, path):
        return self.here.announce(name, "--socket", path)

    def test_a_named_one_is_asked(self):
        for command in (["peers", "--json"], ["show", "running", "--json"]):
            (row,) = self.here.json("--socket", self.socket, *command)["peers"]
            self.assertEqual((row["name"], row["self"]), ("running", True))

    def test_a_named_one_that_is_not_there(self):
        commands = [(1, ["peers"]), (1, ["watch"]), (1, ["wait", "x"])]
        for code, command in [*commands, (3, ["show", "--self"]), (3, ["update", "--attr", "a=b"])]:
            result = self.here.run("--socket", f"{self.socket}.none", *command)
            self.check_refused(result, "socket.none: no muster listens there", code=code)

    def test_none_is_there(self):
        """On that port, or at all."""
        elsewhere = ["--socket", self.socket, "--port", str(self.lan.port + 100)]
        for command in (["show", "--self"], ["update", "--attr", "a=b"]):
            result = self.here.run(*command, *elsewhere)
            self.check_refused(result, "no muster runs here on that port", code=3)
            result = self.here.run(*command, MUSTER_STATE=str(self.lan.directory / "none"))
            self.check_refused(result, "no muster announce runs here\n", code=3)

    def test_a_named_one_on_another_port(self):
        """It is the one that was meant: neither is that silent, nor is the network asked instead."""
        for command in (["peers"], ["watch"], ["wait", "x"], ["resolve", "http"]):
            result = self.here.run("--socket", self.socket, "--port", str(self.lan.port + 100), *command)
            self.check_refused(result, f"{self.socket}: the muster there is on another port")

    def test_hooks_are_finished_when_it_goes_away(self):
        go_on = self.lan.directory / "go-on"
        hook = self.lan.script(f"echo began; while [ ! -e {go_on} ]; do :; done; echo ended")
        self.announce("second", f"{self.socket}2")
        self.assertEqual(self.here.run("--socket", self.socket, "peers", "--expect", "2").code, 0)
        watch = self.here.start("--socket", self.socket, "watch", "--exec", hook)
        watch.await_line("began")
        self.running.stop()
        self.lan.wait_for(lambda: "went away" in watch.error, "the watch notices")
        go_on.touch()
        watch.finish()
        self.assertEqual((watch.code, watch.lines), (1, ["began", "ended"] * 2), watch.describe())

    def test_a_signal_while_hooks_are_finished(self):
        """It ends the process at once, and changes nothing of why it ends."""
        watch = self.here.start("watch", "--exec", self.lan.script("echo began; exec sleep 60"), "--timeout", "1")
        watch.await_line("began")
        self.lan.wait_for(lambda: not watch.has_sockets(), "the watch has left")
        watch.signal(signal.SIGINT)
        self.assertEqual(watch.finish().code, 124, watch.describe())


if __name__ == "__main__":
    main()
