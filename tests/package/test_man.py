# SPDX-License-Identifier: MIT
"""A man page for muster and for each command, which render without a warning and say all that --help says."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

MUSTER = os.environ["MUSTER"]
PAGES = pathlib.Path(os.environ["MUSTER_PACKAGE"]) / "man"

# Minimal images of Ubuntu have something else by the name of man.
MAN = shutil.which("man.REAL") or "man"

# A terminal so wide that no line is broken, and nothing that the reader's environment could change.
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANWIDTH": "400"}


def run(*argv):
    # Where man may not sandbox itself, it would refuse to run.
    environment = {**ENVIRONMENT, "MAN_DISABLE_SECCOMP": "1"}
    result = subprocess.run(argv, env=environment, text=True, capture_output=True, timeout=60, check=False)
    assert result.returncode == 0 and result.stderr == "", f"{argv}: {result.returncode} {result.stderr}"
    return result.stdout


def muster(*arguments):
    return run(MUSTER, *arguments)


def render(page):
    return run(MAN, "--no-hyphenation", "--no-justification", "-E", "UTF-8", "-l", str(page))


def words(text):
    return " ".join(text.split())


class Man(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.commands = re.findall(r"(?m)^  ([a-z]+) ", muster("--help").partition("Global options")[0])
        cls.pages = {"muster": [], **{f"muster-{command}": [command] for command in cls.commands}}

    def test_every_command_has_a_page(self):
        self.assertGreater(len(self.commands), 5)
        self.assertEqual({path.name for path in PAGES.iterdir()}, {f"{page}.1.gz" for page in self.pages})

    def test_no_warning(self):
        for page in self.pages:
            run(MAN, "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(PAGES / f"{page}.1.gz"))

    def test_version(self):
        for page in self.pages:
            self.assertIn(muster("--version").strip(), render(PAGES / f"{page}.1.gz").splitlines()[-1])

    def test_says_what_help_says(self):
        """Each column of each line of --help is in the page, letter for letter: dots, quotes, backslashes."""
        for page, arguments in self.pages.items():
            rendered = words(render(PAGES / f"{page}.1.gz"))
            lines = muster(*arguments, "--help").splitlines()
            for line in lines:
                if line.startswith("See ") or re.fullmatch(r"[A-Z][a-z ,]+:", line):
                    continue  # a heading
                for text in re.split(r" {2,}", line.removeprefix("Usage: ").strip()):
                    for part in re.split(r"(?<=^\d) |(?<=^\d{3}) ", text):
                        self.assertIn(words(part), rendered, f"{page}: {line}")

    def test_sections(self):
        for page in self.pages:
            rendered = render(PAGES / f"{page}.1.gz")
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "(GLOBAL )?OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"):
                self.assertRegex(rendered, rf"(?m)^{section}$", page)
        whole = render(PAGES / "muster.1.gz")
        for section in ("ENVIRONMENT", "FILES"):
            self.assertRegex(whole, rf"(?m)^{section}$")
        for command in self.commands:
            self.assertIn(f"muster-{command}(1)", whole)


if __name__ == "__main__":
    unittest.main(verbosity=2)
