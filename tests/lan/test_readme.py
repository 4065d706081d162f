# SPDX-License-Identifier: MIT
"""What README.md shows is so: its programs compile and run, its commands work, its screens are what they print."""

import os
import pathlib
import re
import shlex
import shutil
import unittest

from lab import MUSTER, ROOT, LanTest, main
from telemetry import readings

README = ROOT / "README.md"
BUILD = pathlib.Path(os.environ.get("MUSTER_BUILD", pathlib.Path(MUSTER).parent))
LIBRARIES = shlex.split(os.environ.get("MUSTER_LIBRARIES", "-luv -lcjson -lmnl -lsodium -lz -lm"))
# Other tests do what these lines do: install, run demo and tests, and look at a screen.
ELSEWHERE = ("./tools/", "tools/setup", "cmake ", "sudo ", "muster top")
LINES_MAX = 170
STOPPED = 124  # of timeout(1): the command went on until then


def blocks(language):
    """The fenced blocks of README.md in this language; screens have none."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def commands():
    """The lines of README.md's shell blocks that this test can run, without their comments."""
    lines = [line.partition("   #")[0].strip() for text in blocks("sh") for line in text.splitlines()]
    return [line for line in lines if not line.startswith(ELSEWHERE)]


def shape(line):
    """A line of a screen without what differs from run to run: digits, the width of columns, and the mark of a reading that
    was asked for, since its publisher was not known yet when it came."""
    return " ".join(re.sub(r"\d+(\.\d+)?", "0", line).replace(":0~ ", ":0 ").split())


@unittest.skipUnless(README.exists(), "there is no README.md")
class Readme(LanTest):
    HOSTS = 4
    ISOLATED = True  # these programs use whatever network there is: not the machine's own

    def gather(self):
        """The LAN of README.md."""
        thermo, printer, nas, laptop = self.lan.hosts
        thermo.announce("thermo", "--service", "coap:5683/udp")
        printer.announce("printer", "--service", "ipp:631")
        nas.announce("nas", "--service", "smb:445", "--service", "http:8080")
        laptop.announce("laptop")
        result = laptop.run("peers", "--expect", "4", "--timeout", "60")
        self.assertEqual(result.code, 0, result.describe())
        return thermo, nas, laptop

    def on_shell(self, host, line, seconds):
        """Starts this line, as somebody types it, where a program ./on-event is, with Ctrl-C after so many seconds."""
        hook = self.lan.directory / "on-event"
        hook.write_text("#!/bin/sh\nexit 0\n")
        hook.chmod(0o755)
        path = f"{pathlib.Path(MUSTER).parent}:{os.environ['PATH']}"
        shell = ["bash", "-c", f"cd {self.lan.directory} && {line}"]
        return host.start_program("timeout", "--signal", "INT", "--kill-after", "60", seconds, *shell, PATH=path)

    def test_it_is_short(self):
        self.assertLessEqual(len(README.read_text().splitlines()), LINES_MAX)

    def test_screens(self):
        """Each screen is what its command prints on that LAN."""
        thermo, nas, laptop = self.gather()
        for screen in blocks(""):
            command, *lines = screen.splitlines()
            with self.subTest(command=command):
                process = self.on_shell(laptop, command.removeprefix("$ "), "60")
                if "subscribe" in command:
                    process.await_listening()
                    climate = thermo.start("publish", "--name", "thermo")
                    climate.write('[{"bn":"kitchen/climate/","n":"temperature","u":"Cel","v":21.5},'
                                  '{"n":"humidity","u":"%RH","v":48}]\n')
                    nas.run("publish", "kitchen/door", "true", "--name", "meter", "--direct")
                wanted = sorted(shape(line) for line in lines)
                self.lan.wait_for(
                    lambda: sorted(shape(line) for line in process.out.splitlines()) == wanted
                    or process.code is not None,
                    "the screen of README.md",
                )
                self.assertEqual(sorted(shape(line) for line in process.out.splitlines()), wanted)
                process.close()

    def test_commands(self):
        """Each line works: it ends well, or goes on until it is stopped."""
        thermo, nas, laptop = self.gather()
        thermo.start("publish", "--topic", "kitchen/climate/temperature").write("4\n")
        served = pathlib.Path(self.lan.directory) / "served"
        served.mkdir()
        nas.start_program("python3", "-m", "http.server", "8080", "--directory", str(served))
        for line in commands():
            programs = re.findall(r"(?:^|\| |&& |\$\()(\w+)", line)
            if any(shutil.which(program) is None for program in programs if program not in ("muster", "while")):
                continue  # it is not on this machine, and is not ours
            with self.subTest(line=line):
                ended = self.on_shell(laptop, line, "3").finish()
                self.assertIn(ended.code, (0, STOPPED), ended.describe())


@unittest.skipUnless(README.exists(), "there is no README.md")
class Programs(LanTest):
    HOSTS = 2
    ISOLATED = True

    def compile(self, source):
        path = self.lan.directory / "program.c"
        path.write_text(source)
        program = self.lan.directory / "program"
        archive = BUILD / "libmuster.a"
        flags = []
        if b"__asan_" in archive.read_bytes():
            flags = ["-fsanitize=address,undefined"]
        flags += ["-std=c11", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"]
        command = [os.environ.get("CC", "cc"), *flags, f"-I{ROOT}/src/include", str(path), "-o", str(program)]
        compiler = self.here.start_program(*command, str(archive), *LIBRARIES).finish(120)
        self.assertEqual(compiler.code, 0, compiler.describe())
        self.assertEqual(compiler.error, "")
        return str(program)

    def test_python_program(self):
        """It is a peer, lists the printer, publishes, and says bye at its end."""
        (source,) = blocks("python")
        script = self.lan.directory / "peer.py"
        script.write_text(source)
        watch = self.here.watch()
        subscriber = self.here.start("subscribe", "micro/#", "--ndjson").await_listening()
        self.here.announce("printer", "--service", "ipp:631")
        watch.await_event("joined", name="printer")
        process = self.there.start_program("/usr/bin/python3", "-Bu", str(script), PYTHONPATH=str(ROOT / "tools/python"))
        process.await_line(f"printer {self.here.address}")
        _, event = watch.await_event("joined", name="micro")
        self.assertEqual(event["services"][0]["port"], 8080)
        self.lan.wait_for(lambda: set(readings(subscriber)) == {("micro/temperature", 21.5)}, "its reading")
        watch.await_event("left", name="micro")
        self.assertEqual(process.finish().code, 0, process.describe())

    def test_c_program(self):
        """It waits for a web server, prints it, and ends."""
        (source,) = blocks("c")
        program = self.compile(source)
        process = self.there.start_program(program, terminal=(100, 40))
        self.here.announce("web", "--service", "http:80")
        self.lan.wait_for(lambda: process.code is not None, "it ends")
        self.assertEqual((process.code, process.out.strip()), (0, "added web:80"), process.describe())


if __name__ == "__main__":
    main()
