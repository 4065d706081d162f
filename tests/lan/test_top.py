# SPDX-License-Identifier: MIT
"""muster top on terminals of several sizes, by tmux."""

import os
import pathlib
import re
import unittest

from lab import ROOT, LanTest, main
from screen import TMUX, Screen
from wire import Peer

HOSTILE = "evil\x1b[5;35m\u202e"
SGR = re.compile("\x1b\\[([0-9;]*)m")


def has_top():
    """A build without ncurses has no such command."""
    build = pathlib.Path(os.environ.get("MUSTER_BUILD", ROOT / "build" / "debug"))
    return "MUSTER_TOP:BOOL=OFF" not in (build / "CMakeCache.txt").read_text()


@unittest.skipUnless(TMUX and has_top(), "needs tmux, and a muster with top")
class Top(LanTest):
    HOSTS = 2

    def announce_here(self, *arguments):
        """A muster that can be asked already, and its socket."""
        return self.here.announce("nas", *arguments), self.here.state / "nas" / "socket"

    def populate(self):
        self.announce_here("--service", "http:80")
        self.printer = self.there.announce("printer", "--service", "ipp:631")
        self.there.announce("日本語プリンター", "--service", "ipp:631")
        Peer(self.there, HOSTILE, [{"type": "http", "proto": "tcp", "port": 80, "name": HOSTILE}], topics=[{"name": "door", "unit": HOSTILE}])
        self.thermo = self.there.start("publish", "--name", "thermo")
        self.say(20, 40)
        self.lan.wait_for(lambda: len([row for row in self.here.peers() if row["state"] == "alive"]) == 5, "five peers")

    def say(self, temperature, humidity):
        self.thermo.write(
            f'{{"n":"kitchen/climate/temperature","u":"Cel","v":{temperature}}}\n'
            f'{{"n":"kitchen/climate/humidity","u":"%RH","v":{humidity}}}\n'
        )

    def test_80x24(self):
        self.populate()
        screen = Screen(self.here, 80, 24)
        lines = screen.await_text(
            r"^ muster  nas on eth0 +4 alive  [0-9:]{8}$",
            r"^nas +alive +\S+ +eth0 +- +- -$",
            r"^printer +alive +10\.77\.0\.2 +eth0 +\S+ +0% m4,b4$",
            r"^thermo +alive +10\.77\.0\.2 +eth0",
            r"^日本語プリンター +alive",
            r"^evil\\u\{001B\}\[5;35m\\u\{202E\}? ?\S* +alive\?",
            r"^kitchen/climate/temperature +20 Cel +\S+ .+ thermo$",
            r"^kitchen/climate/humidity +40 %RH",
        )
        self.assertEqual(len(lines), 24)
        self.say(30, 50)
        screen.await_text(r"temperature +30 Cel +\S+ [▁▂▃▄▅▆▇█]+ +thermo$", r"humidity +50 %RH")
        self.printer.stop()
        screen.await_text(r"^[0-9:]{8} left +printer +10\.77\.0\.2$", r"^printer +left ", "3 alive  1 left")
        self.assertNotIn("\x1b[5", screen.text("-e"))
        self.assertEqual(screen.quit(), "")

    def test_a_changed_group_key(self):
        """Readings are heard by a node of its own beside the running muster: it changes the key, too."""
        self.here.share_key("home", self.there)
        self.announce_here()
        self.thermo = self.there.start("publish", "--name", "thermo")
        self.say(20, 40)
        screen = Screen(self.here, 80, 24)
        screen.await_text(r"^kitchen/climate/temperature +20 Cel")
        self.here.share_key("next", self.there)
        for verb, name in (("use", "next"), ("retire", "home")):
            for host in (self.here, self.there):
                self.assertEqual(host.key(verb, name).code, 0)
        self.say(30, 50)
        screen.await_text(r"^kitchen/climate/temperature +30 Cel")
        screen.quit()

    def test_60x20(self):
        """What does not fit is left out, the least needed first, and no line wraps."""
        self.populate()
        screen = Screen(self.here, 60, 20)
        lines = screen.await_text(r"^printer +alive +\S+ +0% m4", r"^kitchen/climate/\S*… +20 Cel +\S+ [▁▂▃▄▅▆▇█]+$")
        self.assertEqual(len(lines), 20)
        self.assertEqual(lines[1].split(), ["NAME+", "STATE", "AGE", "LOSS", "PATHS"])
        self.assertEqual(lines[-1], "q quit  Tab topics  s sort  r reverse  / filter  Enter why")
        screen.quit()

    def test_resizing(self):
        self.populate()
        screen = Screen(self.here, 80, 24)
        screen.await_text("^printer +alive")
        screen.resize(200, 50)
        lines = screen.await_text(r"^printer +alive +10\.77\.0\.2 +eth0 +\S+ +0% m4,b4 +ipp:631$")
        self.assertEqual(len(lines), 50)
        screen.resize(30, 8)
        screen.await_text("^too small$")
        screen.resize(80, 24)
        lines = screen.await_text("^printer +alive", "^q quit")
        self.assertTrue(lines[23].startswith("q quit"))
        screen.quit("C-c")

    def test_keys(self):
        self.populate()
        screen = Screen(self.here, 80, 24)
        screen.await_text("^NAME\\+", "^printer +alive")
        screen.keys("s")
        screen.await_text("^NAME +STATE\\+")
        screen.keys("r")
        screen.await_text("^NAME +STATE-")
        screen.keys("/", "pri")
        lines = screen.await_text("^filter: pri_", "^printer +alive", "^no readings that the filter lets through")
        self.assertNotIn("thermo", "\n".join(lines[:8]))
        screen.keys("Enter", "Enter")
        screen.await_text("^ muster why printer", "^printer is ")
        screen.keys("Escape")
        screen.await_text("^filter: pri ", "^printer +alive")
        screen.keys("Escape")
        screen.await_text("^thermo +alive", "^q quit  Tab topics")
        screen.keys("Tab", "/", "temp", "Enter", "Enter")
        screen.await_text("^ muster why thermo")
        self.assertEqual(screen.quit(), "")
        screen = Screen(self.here, 80, 24, "--sort", "state")
        screen.await_text("^NAME +STATE\\+", "^printer +alive")
        self.assertEqual(self.there.run("update", "--instance", "printer", "--attr", "room=attic").code, 0)
        screen.await_text("^[0-9:]{8} changed +printer +room=attic$")

    def test_colours(self):
        self.populate()
        screen = Screen(self.here, 80, 24)
        screen.await_text("^printer +alive")
        colours = {code for codes in SGR.findall(screen.text("-e")) for code in codes.split(";")}
        self.assertIn("32", colours)
        screen.quit()
        screen = Screen(self.here, 80, 24, NO_COLOR="1")
        screen.await_text("^printer +alive")
        colours = {code for codes in SGR.findall(screen.text("-e")) for code in codes.split(";")}
        self.assertFalse(colours & {str(code) for code in range(30, 38)}, colours)
        screen.quit()

    def test_the_running_muster_ends(self):
        """Then the network is listened to; what is complained of is said at the end."""
        nas, _ = self.announce_here()
        self.there.announce("printer")
        screen = Screen(self.here, 80, 24)
        screen.await_text("^ muster  nas ", "^printer +alive")
        nas.stop()
        screen.await_text(r"^ muster  \(listening\) on eth0", "^printer +alive")
        self.assertIn("the network is asked instead", screen.quit())

    def test_the_running_muster_ends_without_a_group_key(self):
        """What began sealed does not go on in the clear, but says why."""
        self.here.share_key("home", self.there)
        nas, _ = self.announce_here()
        screen = Screen(self.here, 80, 24)
        screen.await_text("^ muster  nas ")
        self.assertEqual(self.here.key("retire", "home").code, 0)
        nas.stop()
        screen.await_text("^code 1$")
        self.assertIn("there is no group key any more", screen.log.read_text())

    def test_the_muster_that_is_meant_ends(self):
        """Where a socket is named no other is asked: the terminal is given back, and an error says why."""
        nas, socket = self.announce_here()
        screen = Screen(self.here, 80, 24, "--socket", socket)
        screen.await_text("^ muster  nas ")
        nas.stop()
        screen.await_text("^code 1$")
        self.assertIn("the running muster", screen.log.read_text())

    def test_alone(self):
        screen = Screen(self.here, 80, 24)
        screen.await_text(r"^ muster  \(listening\) on eth0 +0 alive", "^no peers$", "^no readings$")
        self.there.announce("printer")
        screen.await_text("^printer +alive", "^[0-9:]{8} joined +printer")
        screen.quit()

    def test_no_terminal(self):
        self.check_refused(self.here.run("top", "--sort", "x"), "expected NAME, STATE, ADDRESS, AGE or LOSS", code=2)
        self.check_refused(self.here.run("top"), "needs a terminal", "muster peers", "muster watch")

    def test_a_terminal_of_no_known_type(self):
        # ncurses leaks what it had begun.
        options = {"ASAN_OPTIONS": "exitcode=99:detect_leaks=0"}
        screen = Screen(self.here, 80, 24, TERM="no-such-terminal", **options)
        screen.await_text("^code 1$")
        self.assertEqual(screen.log.read_text(), "muster top: TERM: no terminal of type 'no-such-terminal' is known here\n")


if __name__ == "__main__":
    main()
