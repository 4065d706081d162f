# SPDX-License-Identifier: MIT
"""tools/rooms finds what it is for: each fault is put into a house of four files, which is sound without it."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPILER = sys.argv.pop() if len(sys.argv) > 1 else "cc"

SOUND = {
    "low/a.h": "int a_value(void);\n",
    "low/a.c": '#include "a.h"\nint a_value(void) { return 1; }\n',
    "low/b.h": "int b_value(void);\n",
    "low/b.c": '#include "b.h"\n#include "a.h"\nint b_value(void) { return a_value(); }\n',
    "high/c.h": "int c_value(void);\nint muster_value(void);\n",
    "high/c.c": '#include "c.h"\n#include "b.h"\n'
                "int c_value(void) { return b_value(); }\nint muster_value(void) { return 2; }\n",
    "high/e.c": '#include "c.h"\nint muster_other(void);\nint muster_other(void) { return c_value(); }\n',
    "top/d.c": "int muster_value(void);\nint main(void) { return muster_value(); }\n",
}


def look_at(files):
    """Builds the files as cmake lays objects out, and lets tools/rooms look: its exit code and complaints."""
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        rooms = {"low": "low", "high": "high low", "top": "top"}
        for name, text in files.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text)
        for source in root.rglob("*.c"):
            room = source.parent.name
            out = root / "CMakeFiles" / f"{room}.dir" / room
            out.mkdir(parents=True, exist_ok=True)
            subprocess.run([COMPILER, "-c", f"-I{root}/low", f"-I{root}/high", source, "-o", out / f"{source.name}.o"],
                           check=True)
        (root / "rooms.txt").write_text("".join(f"{names}:{root / room}:{'portable' if room == 'low' else ''}\n" for room, names in rooms.items()))
        run = subprocess.run([ROOT / "tools" / "rooms", root], capture_output=True, text=True)
        return run.returncode, run.stderr


class Rooms(unittest.TestCase):
    def assert_fault(self, changed, expected):
        code, complaints = look_at({**SOUND, **changed})
        self.assertEqual(code, 1)
        self.assertIn(expected, complaints)

    def test_a_sound_house_passes(self):
        self.assertEqual(look_at(SOUND), (0, ""))

    def test_two_files_that_call_each_other(self):
        self.assert_fault({"low/a.c": "int b_value(void);\nint a_value(void);\nint a_value(void) { return b_value(); }\n"},
                          "objects use each other: a.c -> b.c (b_value); b.c -> a.c (a_value)")

    def test_a_call_to_a_room_above(self):
        self.assert_fault({"low/a.c": "int c_value(void);\nint a_value(void);\nint a_value(void) { return c_value(); }\n"},
                          "a.c of low uses c_value() of high")

    def test_a_public_call_to_a_room_above(self):
        self.assert_fault(
            {"low/a.c": "int muster_value(void);\nint a_value(void);\nint a_value(void) { return muster_value(); }\n"},
            "a.c of low uses muster_value() of high")

    def test_an_include_of_a_room_above(self):
        self.assert_fault({"low/a.h": '#include "c.h"\nint a_value(void);\n'}, "a.h of low includes c.h of high")

    def test_a_portable_room_that_includes_a_socket(self):
        self.assert_fault({"low/a.h": "#include <sys/socket.h>\nint a_value(void);\n"},
                          "a.h of low includes sys/socket.h, which is not portable")
        self.assertEqual(look_at({**SOUND, "high/c.h": "#include <sys/socket.h>\n" + SOUND["high/c.h"]}), (0, ""))

    def test_a_name_that_is_for_its_own_file(self):
        self.assert_fault({"low/a.c": SOUND["low/a.c"] + "int a_other(void);\nint a_other(void) { return 2; }\n"},
                          "a.c of low alone uses a_other, which is not static")

    def test_headers_that_include_each_other(self):
        self.assert_fault({"low/a.h": '#pragma once\n#include "b.h"\nint a_value(void);\n',
                           "low/b.h": '#pragma once\n#include "a.h"\nint b_value(void);\n'},
                          "headers include each other: a.h b.h")

    def test_no_build_is_no_pass(self):
        with tempfile.TemporaryDirectory() as directory:
            run = subprocess.run([ROOT / "tools" / "rooms", directory], capture_output=True, text=True)
        self.assertEqual(run.returncode, 2)
        self.assertIn("was not configured by cmake", run.stderr)


if __name__ == "__main__":
    unittest.main()
