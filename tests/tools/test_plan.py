#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tools/plan: what it foretells is what the simulator measures, and wrong usage is told."""

import os
import re
import subprocess
import unittest


def run(program, *arguments):
    return subprocess.run([os.environ[program], *map(str, arguments)], capture_output=True, text=True)


def plan(*arguments):
    return run("PLAN", *arguments).stdout


def sim(*arguments):
    return run("SIM", *arguments).stdout


def number(pattern, text):
    return float(re.search(pattern, text)[1])


class Plan(unittest.TestCase):
    def test_a_crash_is_noticed_in_time(self):
        told = plan("--peers", 30)
        for seed in (1, 2, 3):
            with self.subTest(seed=seed):
                seen = sim("--scenario", "kill-30", "--minutes", 1.5, "--seed", seed)
                noticed_s = number(r"lost after: .* max (\d+)", seen) / 1000
                self.assertLessEqual(noticed_s, number(r"([\d.]+) s at the latest", told))

    def test_traffic_is_as_foretold(self):
        for peers in (10, 100):
            with self.subTest(peers=peers):
                told = number(r"([\d.]+) kB a peer", plan("--peers", peers))
                seen = sim("--scenario", "joiner-60", "--nodes", peers, "--minutes", 1.5, "--spread-ms", 1000)
                self.assertAlmostEqual(number(r"later: ([\d.]+) kB", seen), told, delta=0.1 * told)

    def test_a_newcomer_knows_all_in_time(self):
        for peers in (20, 60):
            with self.subTest(peers=peers):
                told = number(r"100 % after ([\d.]+) s", plan("--peers", peers))
                seen = sim("--scenario", "joiner-60", "--nodes", peers, "--minutes", 1.1, "--queue", 4096)
                self.assertLessEqual(number(r"had all after ([\d.]+) s", seen), told + 0.02)
        told = number(r"within ([\d.]+) s", plan("--peers", 30, "--loss", 5))
        seen = sim("--scenario", "joiner-60", "--nodes", 30, "--minutes", 1.1, "--loss", 0.05, "--queue", 4096)
        self.assertLessEqual(number(r"had all after ([\d.]+) s", seen), told)

    def test_more_of_anything_is_more(self):
        interval = r"to ([\d.]+) s"
        self.assertGreater(number(interval, plan("--peers", 1000)), number(interval, plan("--peers", 100)))
        self.assertGreater(
            number(interval, plan("--peers", 1000)), number(interval, plan("--peers", 1000, "--budget", 512000))
        )
        latest = r"([\d.]+) s at the latest"
        self.assertGreater(number(latest, plan("--peers", 30, "--loss", 30)), number(latest, plan("--peers", 30)))
        sent = r"by (\d+) kB"
        self.assertGreater(number(sent, plan("--peers", 60, "--document", 1000)), number(sent, plan("--peers", 60)))

    def test_wrong_usage(self):
        for arguments in ((), ("--peers", "x"), ("--peers", 1), ("--peers", 9, "--loss", 91), ("--peers", 9, "more")):
            with self.subTest(arguments=arguments):
                ended = run("PLAN", *arguments)
                self.assertEqual(ended.returncode, 2)
                self.assertIn("plan --help", ended.stderr)

    def test_help(self):
        ended = run("PLAN", "--help")
        self.assertEqual(ended.returncode, 0)
        for option in ("--peers", "--loss", "--document", "--budget", "--interval"):
            self.assertIn(option, ended.stdout)


if __name__ == "__main__":
    unittest.main()
