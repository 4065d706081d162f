#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The simulator's command: what it prints, how it fails, and that a seed gives the same run each time."""

import os
import re
import subprocess
import unittest

SIM = os.environ["SIM"]
HERE = os.path.dirname(os.path.abspath(__file__))
SMALL = ("--scenario", "restart", "--nodes", "4", "--minutes", "1.5")


def sim(*arguments):
    return subprocess.run([SIM, *arguments], capture_output=True, text=True)


def mutants(*arguments):
    return subprocess.run([os.path.join(HERE, "mutants"), *arguments], capture_output=True, text=True)


def read_readme():
    with open(os.path.join(HERE, "README.md")) as file:
        return file.read()


def hash_of(run):
    return re.search(r"hash ([0-9a-f]{16})", run.stdout)[1]


class Command(unittest.TestCase):
    def test_help_names_options_and_knobs(self):
        run = sim("--help")
        self.assertEqual(run.returncode, 0)
        for option in ("--scenario", "--seed", "--soak", "--trace", "--loss", "--speakers"):
            self.assertIn(option, run.stdout)

    def test_wrong_usage(self):
        for arguments in (
            ("--scenario", "nowhere"),
            ("--seed", "x"),
            ("--loss", "-1"),
            ("--loss", "2"),
            ("--nodes", "1e9"),
            ("--nodes", "1"),
            ("--unknown",),
            ("storm",),
        ):
            with self.subTest(arguments=arguments):
                run = sim(*arguments)
                self.assertEqual(run.returncode, 2)
                self.assertIn("sim --help", run.stderr)

    def test_list_has_each_scenario_once(self):
        lines = sim("--list").stdout.splitlines()
        names = [line.split()[0] for line in lines if not line.startswith(" ")]
        self.assertGreaterEqual(len(names), 40)
        self.assertEqual(len(names), len(set(names)))

    def test_readme_has_each_scenario(self):
        readme = read_readme()
        for line in sim("--list").stdout.splitlines():
            if not line.startswith(" "):
                with self.subTest(scenario=line.split()[0]):
                    self.assertIn(f"| `{line.split()[0]}` |", readme)

    def test_readme_has_each_mutant(self):
        self.assertIn(mutants("--list").stdout, read_readme())

    def test_each_mutant_fits_the_source(self):
        ended = mutants("--check")
        self.assertEqual(ended.returncode, 0, ended.stdout)

    def test_a_seed_gives_the_same_run(self):
        one, again, other = sim(*SMALL, "--seed", "3"), sim(*SMALL, "--seed", "3"), sim(*SMALL, "--seed", "4")
        self.assertEqual(hash_of(one), hash_of(again))
        self.assertNotEqual(hash_of(one), hash_of(other))

    def test_trace_tells_events(self):
        self.assertRegex(sim(*SMALL, "--trace").stdout, r"(?m)^ +\d+\.\d{6} n1 joined n0$")

    def test_a_failure_says_how_to_run_it_again(self):
        run = sim("--scenario", "alternating-unit", "--strict", "--seed", "2", "--nodes", "40", "--minutes", "1")
        if run.returncode == 0:
            self.skipTest("nothing fails")
        self.assertEqual(run.returncode, 1)
        self.assertIn("tools/sim --scenario alternating-unit --seed 2 --nodes 40 --minutes 1", run.stdout)


if __name__ == "__main__":
    unittest.main()
