# SPDX-License-Identifier: MIT
"""The JSON tokenizer beside Python's reader, made strict: both take or refuse the same of many broken texts."""

import json
import os
import pathlib
import random
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERDICT = os.environ["VERDICT"]
SEED = 8259
TEXTS = 40_000
DEPTH_MAX = 8  # scan.h: SCAN_DEPTH_MAX,
NODES_MAX = 256  # SCAN_NODES_MAX
NUMBER_MAX = 63  # SCAN_NUMBER_BYTES_MAX
SPLICES = [b"\\u0000", b"\\ud800", b"\\ud83d\\ude00", b"\xff", b"\xed\xa0\x80", b"\xc3\xa9", b'"', b"[", b"]", b"{", b"}", b",",
           b"1e5", b"-", b"01", b"null", b"NaN", b" ", b"\x00", b"\xef\xbb\xbf", b"9" * 64, b'"a":1,', b"\\u0061", b"\x0b"]


class Refused(Exception):
    """It is JSON to Python, but not to us."""


def number(text):
    if len(text) > NUMBER_MAX:
        raise Refused
    return 0


def text(value):
    if "\0" in value or any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise Refused
    return value


def refuse(_):
    raise Refused


def pairs(members):
    names = [text(name) for name, _ in members]
    if len(set(names)) != len(names):
        raise Refused
    return dict(members)


def walk(value, depth=0):
    """Counts the values below and including this one."""
    if isinstance(value, str):
        text(value)
    if isinstance(value, (list, dict)):
        if depth + 1 > DEPTH_MAX:
            raise Refused
        return 1 + sum(walk(one, depth + 1) for one in (value.values() if isinstance(value, dict) else value))
    return 1


def takes(content):
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=pairs, parse_int=number, parse_float=number,
                           parse_constant=refuse)
        return walk(value) <= NODES_MAX
    except (Refused, ValueError, RecursionError):
        return False


def broken(chance, content):
    """The text with up to three faults put in; sometimes none."""
    content = bytearray(content)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(content) + 1)
        match chance.randrange(4):
            case 0:
                content[at:at] = chance.choice(SPLICES)
            case 1:
                del content[at : at + chance.randrange(1, 5)]
            case 2:
                content[at : at + 1] = bytes([chance.randrange(256)])
            case 3:
                content[at:at] = content[at : at + chance.randrange(40)]
    return bytes(content)


class Oracle(unittest.TestCase):
    def test_both_say_the_same(self):
        golden = ROOT / "schemas" / "golden"
        files = sorted(file for file in golden.glob("*/*") if file.is_file())
        lines = [line for file in files for line in file.read_bytes().split(b"\n") if 0 < len(line) < 2000]
        chance = random.Random(SEED)
        texts = [broken(chance, chance.choice(lines)) for _ in range(TEXTS)]
        frames = b"".join(len(one).to_bytes(4, "little") + one for one in texts)
        said = subprocess.run([VERDICT], input=frames, stdout=subprocess.PIPE, check=True).stdout.decode().split()
        self.assertEqual(len(said), len(texts))
        taken = 0
        for one, verdict in zip(texts, said):
            self.assertEqual(verdict, "yes" if takes(one) else "no", one)
            taken += verdict == "yes"
        # Both kinds are there, or nothing was compared.
        self.assertGreater(taken, TEXTS / 20)
        self.assertLess(taken, TEXTS * 19 / 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
