# SPDX-License-Identifier: MIT
"""The programs that README.md shows compile and run as they stand."""

import os
import pathlib
import re
import shlex
import signal
import unittest

from lab import MUSTER, ROOT, LanTest, main
from telemetry import readings

README = ROOT / "README.md"
BUILD = pathlib.Path(os.environ.get("MUSTER_BUILD", pathlib.Path(MUSTER).parent))
LIBRARIES = shlex.split(os.environ.get("MUSTER_LIBRARIES", "-luv -lcjson -lmnl -lsodium -lm"))
BLOCK = "^```{language}\n(.*?)^```$"


def first_block(language):
    """The first fenced block of README.md in this language."""
    found = re.search(BLOCK.format(language=language), README.read_text(), re.MULTILINE | re.DOTALL)
    if not found:
        raise AssertionError(f"README.md has no block of {language}")
    return found[1]


@unittest.skipUnless(README.exists(), "there is no README.md")
class Readme(LanTest):
    HOSTS = 2
    ISOLATED = True  # these programs use whatever network there is: not the machine's own

    def test_python_peer(self):
        """The script announces itself, finds, publishes and subscribes, and says bye when it stops."""
        script = self.lan.directory / "peer.py"
        script.write_text(first_block("python"))
        watch = self.here.watch()
        subscriber = self.here.start("subscribe", "micro/#", "--ndjson")
        self.here.announce("printer", "--service", "ipp:631")
        watch.await_event("joined", name="printer")
        process = self.there.start_program("/usr/bin/python3", "-Bu", str(script), PYTHONPATH=str(ROOT / "tools/python"))
        _, event = watch.await_event("joined", name="micro")
        self.assertEqual((event["services"][0]["port"], event["attrs"]), (8080, {"room": "cellar"}))
        process.await_line(f"printer {self.here.address}")
        self.lan.wait_for(lambda: set(readings(subscriber)) == {("micro/temperature", 21.5)}, "its reading")
        self.here.run("publish", "kitchen/door", "true")
        process.await_line("kitchen/door True None")
        process.signal(signal.SIGINT)
        watch.await_event("left", name="micro")

    def test_config_file(self):
        path = self.lan.directory / "config.json"
        path.write_text(first_block("json"))
        result = self.here.run("config", "check", str(path))
        self.assertEqual((result.code, result.error), (0, ""), result.describe())

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

    def test_c_program(self):
        program = self.compile(first_block("c"))
        watch = self.here.watch()
        self.here.announce("neighbour", "--service", "http:80")
        watch.await_event("joined", name="neighbour")
        # Its state goes where root's goes by default: into a directory of this test's own.
        hidden = 'mount -t tmpfs tmpfs /var/lib && exec "$0"'
        process = self.there.start_program("unshare", "--mount", "sh", "-c", hidden, program, terminal=(100, 40))

        def works():
            seen = [e for _, e in watch.events("joined") if e["name"] != "neighbour"]
            return seen or "neighbour" in process.out

        self.lan.wait_for(works, "it is seen, or sees")
        self.assertIsNone(process.code, process.describe())
        process.signal(signal.SIGTERM)
        self.lan.wait_for(lambda: process.code is not None, "it ends")


if __name__ == "__main__":
    main()
