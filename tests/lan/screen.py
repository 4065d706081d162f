# SPDX-License-Identifier: MIT
"""muster top in a terminal, by tmux."""

import pathlib
import re
import shutil
import subprocess

from lab import MUSTER

TMUX = shutil.which("tmux")


class Screen:
    """muster top in a terminal of this size."""

    def __init__(self, host, columns, rows, *arguments, **environment):
        self.host = host
        self.lab = host.lab
        self.socket = str(self.lab.directory / f"tmux{id(self)}")
        self.environment = host.environment(**{"TERM": "xterm-256color", "NO_COLOR": None, **environment})
        settings = [f"{name}={value}" for name, value in environment.items()]
        command = ["env", "TERM=tmux-256color", *settings, MUSTER, "top", *map(str, arguments)]
        log = self.lab.directory / f"top{id(self)}.log"
        script = self.lab.script(f'trap : INT; {subprocess.list2cmdline(command)} 2>{log}; echo "code $?"; exec cat')
        self.log = log
        with host.inside():
            self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), script)
        self.lab.on_close(lambda: self.tmux("kill-server"))

    def tmux(self, *arguments):
        argv = [TMUX, "-S", self.socket, *arguments]
        return subprocess.run(argv, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout.decode()

    def text(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    @property
    def lines(self):
        return self.text().split("\n")[:-1]

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def await_text(self, *patterns):
        """Waits for a screen on which all of these are found, and returns its lines."""

        def found():
            lines = self.lines
            text = "\n".join(lines)
            return lines if all(re.search(pattern, text, re.M) for pattern in patterns) else None

        try:
            return self.lab.wait_for(found, f"{patterns} on the screen")
        except AssertionError as missed:
            raise AssertionError(f"{missed}\n{self.text()}\n{self.log.read_text()}") from missed

    def quit(self, key="q"):
        """Its end, with what it left on the screen and on standard error."""
        self.keys(key)
        self.await_text("^code 0$")
        return self.log.read_text()

    @property
    def pid(self):
        """Of muster top."""
        shell = self.tmux("list-panes", "-F", "#{pane_pid}").strip()
        children = pathlib.Path(f"/proc/{shell}/task/{shell}/children").read_text(encoding="ascii").split()
        return int(children[0])
