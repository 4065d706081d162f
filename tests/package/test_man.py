# SPDX-License-Identifier: MIT
"""A man page for muster and for each command, which render without a warning and say all that --help says; those
of the configuration and the protocol, which say what the schemas and PROTOCOL.md say."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

MUSTER = os.environ["MUSTER"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = pathlib.Path(os.environ["MUSTER_PACKAGE"]) / "man"
OTHER_PAGES = pathlib.Path(os.environ["MUSTER_PACKAGE"]) / "pages"

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


def version():
    """As "muster 0.1.0"."""
    return " ".join(muster("--version").split()[:2])


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
            self.assertIn(version(), render(PAGES / f"{page}.1.gz").splitlines()[-1])

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
            for section in (
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "(GLOBAL )?OPTIONS",
                "EXIT STATUS",
                "EXAMPLES",
                "SEE ALSO",
            ):
                self.assertRegex(rendered, rf"(?m)^{section}$", page)
        whole = render(PAGES / "muster.1.gz")
        for section in ("ENVIRONMENT", "FILES"):
            self.assertRegex(whole, rf"(?m)^{section}$")
        for command in self.commands:
            self.assertIn(f"muster-{command}(1)", whole)


class Others(unittest.TestCase):
    """Written by hand."""

    CONFIG = OTHER_PAGES / "muster.json.5.gz"
    PROTOCOL = OTHER_PAGES / "muster-protocol.7.gz"
    NETWORK = OTHER_PAGES / "muster-network.7.gz"
    READINGS = OTHER_PAGES / "muster-readings.7.gz"
    SECURITY = OTHER_PAGES / "muster-security.7.gz"
    NAMES = OTHER_PAGES / "libnss_muster.8.gz"

    def test_no_warning(self):
        for page in (self.CONFIG, self.PROTOCOL, self.NETWORK, self.READINGS, self.SECURITY, self.NAMES):
            for width in ("78", "400"):
                argv = [MAN, "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)]
                environment = {**ENVIRONMENT, "MAN_DISABLE_SECCOMP": "1", "MANWIDTH": width}
                result = subprocess.run(argv, env=environment, text=True, capture_output=True, check=False)
                self.assertEqual((result.returncode, result.stderr), (0, ""), page)
            self.assertIn(version(), render(page).splitlines()[-1])

    def test_each_threat_has_tests_that_exist(self):
        page = (ROOT / "tools/package/man/muster-security.7.in").read_text(encoding="utf-8")
        threats = re.split(r"(?m)^\.It Sy ", page.partition(".Sh THREATS")[2].partition(".Sh FLOODS")[0])[1:]
        self.assertGreater(len(threats), 15)
        for threat in threats:
            self.assertIn("\nTests: ", threat)
        named = re.findall(r"\b([a-z]+)\.([a-z_]+)/(\w+)", page)
        self.assertGreater(len(named), 60)
        for room, name, test in named:
            files = [path for end in ("c", "py") for path in (ROOT / "tests").glob(f"**/test_{name}.{end}") if room in path.parts]
            found = [path for path in files if re.search(rf"\b(TEST\(|def |void ){test}\b", path.read_text(encoding="utf-8"))]
            self.assertEqual(len(found), 1, f"{room}.{name}/{test}")

    def test_every_member_of_the_configuration(self):
        schema = json.loads((ROOT / "schemas/config.schema.json").read_text())
        members = [*schema["properties"], *schema["$defs"]["service"]["properties"]]
        told = re.findall(r"(?m)^ +([a-z]+) \([a-z ]+\)$", render(self.CONFIG))
        self.assertEqual(sorted(told), sorted(members))

    def test_the_example_is_taken(self):
        text = render(self.CONFIG).partition("\nEXAMPLES\n")[2].partition("\nSEE ALSO\n")[0]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(text)
            file.flush()
            self.assertIn('"smb"', muster("config", "check", "--json", file.name))

    def test_the_example_is_golden(self):
        text = render(self.PROTOCOL).partition("\nEXAMPLES\n")[2].partition("\nSEE ALSO\n")[0]
        example = json.loads(text[text.index("{") :])
        golden = (ROOT / "schemas/golden/good/announce-unsigned-minimal.datagram").read_text()
        self.assertEqual(example, json.loads(golden))

    def test_constants(self):
        """Each of these numbers and addresses is that of PROTOCOL.md, section 10."""
        rows = re.findall(r"(?m)^\| [`*]([a-z0-9_ ]+)[`*] \| ([^|]+) \|", (ROOT / "schemas/PROTOCOL.md").read_text())
        constants = {name: value.strip() for name, value in rows}
        rendered = words(render(self.PROTOCOL))
        for name in (
            "port_default",
            "group_v4",
            "group_v6",
            "broadcast_v4",
            "group_telemetry_v4",
            "group_repair_v4",
            "group_telemetry_v6",
            "group_repair_v6",
            "ttl",
            "datagram_bytes_max",
            "announce_bytes_max",
            "depth",
            "values",
            "name_bytes_max",
            "value_bytes_max",
            "topic_bytes_max",
            "shards",
            "budget_bps",
            "peers_max",
            "unverified_max",
            "rows_per_address",
            "source_rate",
            "source_burst",
            "tries_min",
        ):
            number = constants[name]
            numbers = {number, f"{int(number):,}"} if number.isdecimal() else {number}
            self.assertTrue(any(one in rendered for one in numbers), (name, number))
        port = int(constants["port_default"])
        self.assertIn(f"{port - 1} to {port + int(constants['unicast_ports'])}", rendered)


if __name__ == "__main__":
    unittest.main(verbosity=2)
