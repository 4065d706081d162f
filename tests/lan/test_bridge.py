# SPDX-License-Identifier: MIT
"""muster bridge: which bridges there are, and running one, whatever that does."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

MUSTER = pathlib.Path(os.environ["MUSTER"])

BRIDGE = """#!/bin/sh
printf '%s|' "$0" "$@"
exit 7
"""


class Bridge(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="muster-bridge-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.muster = self.directory / "bin/muster"
        self.muster.parent.mkdir()
        shutil.copy(MUSTER, self.muster)

    def run_muster(self, *arguments, path=""):
        environment = {**os.environ, "PATH": path}
        return subprocess.run(
            [self.muster, *arguments], text=True, capture_output=True, timeout=60, check=False, env=environment
        )

    def put(self, *directories):
        """Puts a bridge into these directories below that of the test, and returns its paths."""
        paths = [self.directory / directory / "muster-bridge-mqtt" for directory in directories]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(BRIDGE)
            path.chmod(0o755)
        return paths

    def test_none_is_installed(self):
        listing = self.run_muster("bridge")
        self.assertEqual((listing.returncode, listing.stderr), (4, ""))
        for name in ("mqtt", "dnssd"):
            self.assertRegex(listing.stdout, rf"(?m)^{name} .*\n +not installed: package muster-bridge-{name}$")
            absent = self.run_muster("bridge", name)
            self.assertEqual(absent.returncode, 1)
            self.assertEqual(
                absent.stderr, f"muster bridge: {name}: not installed; it comes with the package muster-bridge-{name}\n"
            )

    def test_the_first_that_is_there_runs(self):
        """Beside muster, then where an installation has it, then in PATH; with all arguments, empty ones too."""
        arguments = ("--site", "a b", "", "--help")
        for path in self.put("elsewhere", "libexec/muster", "bin"):
            listing = self.run_muster("bridge", path=f"relative::{self.directory}/elsewhere")
            (found,) = [line.strip() for line in listing.stdout.splitlines() if line.endswith("muster-bridge-mqtt") and "/" in line]
            ran = self.run_muster("bridge", "mqtt", *arguments, path=str(self.directory / "elsewhere"))
            self.assertEqual((listing.returncode, ran.returncode, ran.stderr), (0, 7, ""))
            self.assertEqual(ran.stdout, "|".join((found, *arguments, "")))
        self.assertEqual(pathlib.Path(found).resolve(), path.resolve())

    def test_its_help(self):
        (path,) = self.put("bin")
        helped = self.run_muster("help", "bridge", "mqtt")
        self.assertEqual((helped.returncode, helped.stdout, helped.stderr), (7, f"{path}|--help|", ""))
        for arguments, error in (
            (("help", "bridge", "mqt"), "muster bridge: mqt: no such bridge; did you mean 'mqtt'?"),
            (("help", "bridge", "mqtt", "more"), "muster help: more: expected nothing after COMMAND [BRIDGE]"),
            (("help", "peers", "mqtt"), "muster help: mqtt: expected nothing after COMMAND, see muster help peers"),
        ):
            refused = self.run_muster(*arguments)
            self.assertEqual((refused.returncode, refused.stdout, refused.stderr), (2, "", f"{error}\n"))

    def test_mistakes(self):
        for arguments, error in (
            (("bridge", "mqt"), "muster bridge: mqt: no such bridge; did you mean 'mqtt'?"),
            (("bridge", "../x"), "muster bridge: ../x: no such bridge, see muster bridge"),
            (("--port", "3", "bridge", "mqtt"), "muster bridge: mqtt: expected all options behind it: they are the bridge's"),
            (("bridge", "-4", "mqtt"), "muster bridge: mqtt: expected all options behind it: they are the bridge's"),
            (("mqtt",), "muster: mqtt: no such command; did you mean 'bridge'?"),
        ):
            refused = self.run_muster(*arguments)
            self.assertEqual((refused.returncode, refused.stdout, refused.stderr), (2, "", f"{error}\n"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
