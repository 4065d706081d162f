# SPDX-License-Identifier: MIT
"""Runs a program in a terminal and types: typist.py [PATTERN KEYS]... -- PROGRAM [ARGUMENT]...

Types KEYS when PATTERN (a regular expression) was written. After DEADLINE_S the program gets SIGTERM. Prints what it
wrote, and ends as it did; with 124 when that signal ended it."""

import codecs
import os
import pty
import re
import select
import signal
import sys
import time

DEADLINE_S = 15


def follow(terminal, child, script):
    """Reads until the terminal is closed. Returns what came."""
    written, since = "", ""
    end = time.monotonic() + DEADLINE_S
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while True:
        if script and re.search(script[0][0], since):
            os.write(terminal, script.pop(0)[1].encode())
            since = ""
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            os.kill(child, signal.SIGTERM)
            end += DEADLINE_S
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:  # nobody has the other end any more
            return written
        text = decoder.decode(data)
        written, since = written + text, since + text


def main():
    end = sys.argv.index("--")
    keys = [text.encode().decode("unicode_escape") for text in sys.argv[2:end:2]]
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(sys.argv[end + 1], sys.argv[end + 1 :])
    written = follow(terminal, child, list(zip(sys.argv[1:end:2], keys)))
    print(ascii(written))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.exit(124 if code == -signal.SIGTERM else code)


if __name__ == "__main__":
    main()
