# SPDX-License-Identifier: MIT
"""What long-running commands give up once they run. That they still do what they are for is tested by all other stories:
those run with a filter that ends muster at a system call too many."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

from lab import MUSTER, LanTest, main

CAP_DAC_OVERRIDE = 1 << 1


def threads(pid):
    """What the kernel says of each thread: its names and values."""
    for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        yield dict(re.findall(r"^(\w+):\t(\S+)", status.read_text(encoding="ascii"), re.M))


def has_filter(pid):
    return all(thread["Seccomp"] == "2" for thread in threads(pid))


class Confine(LanTest):
    def setUp(self):
        super().setUp()
        self.lan = self.lab()
        self.here = self.lan.hosts[0]
        parts = subprocess.run([MUSTER, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        if "seccomp" not in parts:
            self.skipTest("this muster or this kernel has no filters of system calls")

    def check_confined(self, process):
        self.lan.wait_for(lambda: has_filter(process.pid), f"{process.name} is confined")
        for thread in threads(process.pid):
            self.assertEqual(thread["NoNewPrivs"], "1", thread)
            self.assertEqual(int(thread["CapEff"], 16) & ~CAP_DAC_OVERRIDE, 0, thread)

    def test_who_runs_for_long_is_confined(self):
        self.here.announce("printer")
        commands = [
            ["announce", "--name", "lamp", "--peer", "lamp.invalid"],  # whose resolver has threads
            ["watch"],
            ["watch", "--direct"],
            ["subscribe", "#"],
            ["record", "#", "--db", str(self.lan.directory / "x.db")],
            ["metrics", "--listen", "0"],
            ["metrics", "--file", str(self.lan.directory / "x.prom"), "--every", "1"],
        ]
        for process in [self.here.start(*command) for command in commands]:
            self.check_confined(process)
            process.signal(signal.SIGTERM)
            self.assertEqual(process.finish().code, 0, process.describe())

    def test_state_is_written_with_the_socket_elsewhere(self):
        """As the service has it."""
        directory = self.lan.directory / "run"
        directory.mkdir()
        socket = str(directory / "socket")
        node = self.here.announce("node", "--socket", socket)
        self.check_confined(node)
        result = self.here.run("publish", "--socket", socket, "heating/target", "21", "--retain")
        self.assertEqual((result.code, result.error), (0, ""), result.describe())
        self.lan.wait_for(lambda: list(self.here.state.glob("**/node/cached")), "the value is on the disk")
        node.stop()
        self.assertNotIn("cached", node.error)

    def test_a_command_that_is_announced_is_not(self):
        """It is the user's own, and had rights before."""
        process = self.here.start("announce", "--name", "lamp", "--", "sleep", "60")
        self.check_confined(process)
        (child,) = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        own = next(threads(os.getpid()))
        for thread in threads(child):
            self.assertEqual({name: thread[name] for name in ("Seccomp", "NoNewPrivs", "CapEff")}, {name: own[name] for name in ("Seccomp", "NoNewPrivs", "CapEff")})

    def test_hooks_may_do_what_the_user_may(self):
        script = self.lan.script(f"grep -E 'Seccomp:|NoNewPrivs' /proc/self/status; echo x > {self.lan.directory}/hook")
        self.here.announce("printer")
        watch = self.here.start("watch", "--exec", script, "--count", "1").finish()
        own = next(threads(os.getpid()))
        self.assertEqual([line.split()[-1] for line in watch.lines], [own["NoNewPrivs"], own["Seccomp"]], watch.describe())
        self.assertTrue((self.lan.directory / "hook").exists())

    def test_no_core_file_has_the_keys(self):
        """The memory of muster is not for other processes of its user, and so not for a core file: /proc shows that by who
        owns what it says of the process."""
        if os.geteuid() != 0 or pathlib.Path("/proc/self/uid_map").read_text(encoding="ascii").split()[2] == "1":
            self.skipTest("needs a second user")
        program = shutil.copy(MUSTER, self.lan.directory)
        self.lan.directory.chmod(0o755)
        process = self.here.start_program("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "wait", "lamp")
        self.lan.wait_for(process.has_sockets, "it looks")
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        self.assertIn("Uid:\t65534\t65534", status)
        self.assertEqual(os.stat(f"/proc/{process.pid}/mem").st_uid, 0)


if __name__ == "__main__":
    main()
