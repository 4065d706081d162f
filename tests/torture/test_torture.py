# SPDX-License-Identifier: MIT
"""Each call of the system and of the allocator fails once, at each place in the command that makes one: no command
crashes, leaks, hangs, or ends with an error that it does not name.

A place is tried with the first command that comes by it. TORTURE_EACH=5 tries each fifth alone."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lan"))

from lab import MUSTER, LanTest, main, note  # noqa: E402

TORTURED = os.environ["TORTURED"]
EACH = int(os.environ.get("TORTURE_EACH", "1"))
AT_ONCE = 6
BY_CHANCE_MAX = 10  # places that a command comes by in most runs, and not in this one
CODES = (0, 1, 2, 3, 4, 124)
DIRECT = ("--direct", "--timeout", "3")
CONFIG = '{"name": "a", "services": [{"type": "http", "port": 80, "txt": {"path": "/"}}], "attrs": {"room": "x"}}'
READINGS = '{"n":"kitchen/door","vb":true}\n[{"bn":"kitchen/","n":"a","v":1},\n{"n":"b","u":"Cel","v":2}]\nkitchen/c 3\n'
SPOKEN = 'kitchen/window 1\n{"n":"kitchen/note","vs":"a\\u0007, \\"b\\""}\n'
KEY = "00112233445566778899aabbccddeeff" * 2 + "\n"
UNTIL = 'timeout --foreground --preserve-status -s TERM 3 "$0"'
TYPE = f"python3 {pathlib.Path(__file__).resolve().with_name('typist.py')}"
SCRAPE = """
"$0" metrics --listen {port} & scraped=$!
while kill -0 $scraped 2>/dev/null && ! python3 -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:{port}/metrics').read()" \
    2>/dev/null; do :; done
kill $scraped; wait $scraped"""

# What is typed, or a line for the shell where the command ends by a signal or needs a terminal; and what is given on
# standard input.
COMMANDS = [
    (("help", "peers"), ""),
    (("config", "check", "{config}"), ""),
    (("peers", *DIRECT), ""),
    (("peers", "--json"), ""),
    (("peers", "--format", "{{name}} {{address}}", "--sort", "AGE"), ""),
    (("peers", "--peer", "10.77.0.1", *DIRECT), ""),
    (("peers", "-6", "--timeout", "1"), ""),
    (("services",), ""),
    (("services", "--json", *DIRECT), ""),
    (("show", "neighbour"), ""),
    (("show", "--self", "--json"), ""),
    (("resolve", "http"), ""),
    (("resolve", "nobody"), ""),
    (("topics", *DIRECT), ""),
    (("wait", "http", "--timeout", "3"), ""),
    (("wait", "kitchen/window > 0", "--timeout", "3"), ""),
    (("update", "--attr", "load=1"), ""),
    (("why", "neighbour"), ""),
    (("why", "nobody", "--json", "--timeout", "1"), ""),
    (("doctor",), ""),
    (("doctor", "--json"), ""),
    (("publish", "kitchen/door", "true"), ""),
    (("publish", *DIRECT[:1], "--name", "sensors"), READINGS),
    (("publish", "kitchen/file", "--file", "{config}", "--name", "files", *DIRECT[:1]), ""),
    (("publish", "--csv", "--direct", "--name", "table"), "time,kitchen/a\n1800000000,2\n"),
    (("publish", "--format", "%t %v", "--name", "lines"), "kitchen/a 2\n"),
    (("publish", "--flatten", "--topic", "kitchen", "--name", "flat"), '{{"a":{{"b":[1,true,"x"]}}}}\n'),
    (("subscribe", "kitchen/#", "--count", "1", "--timeout", "3"), ""),
    (("subscribe", "kitchen/#", "--stats", "--timeout", "2"), ""),
    (("subscribe", "kitchen/#", "--format", "{{n}} {{v}}", "--since", "10s", "--timeout", "2"), ""),
    (("subscribe", "kitchen/#", "--where", "kitchen/+ > 0", "--count", "1", "--timeout", "3", "--csv"), ""),
    (("watch", "--exec", "/bin/true", "--timeout", "1"), ""),
    (("watch", "--format", "{{event}} {{name}}", "--stats", "--timeout", "2", *DIRECT[:1]), ""),
    (("record", "#", "--db", "{new}", "--timeout", "1"), ""),
    (("history", "#", "--db", "{old}"), ""),
    (("history", "kitchen/window", "--db", "{old}", "--plot"), ""),
    (("history", "kitchen/window", "--db", "{old}", "--raw", "--senml"), ""),
    (("history", "name:meter", "--db", "{old}", "--json"), ""),
    (("history", "nothing", "--db", "{old}"), ""),
    (("replay", "{old}", "--speed", "1000"), ""),
    (("metrics",), ""),
    (("metrics", "--file", "{new}", "--openmetrics"), ""),
    (f"{UNTIL} metrics --file {{new}} --every 1s", ""),
    (SCRAPE, ""),
    (("key", "new", "home", "--state-dir", "{state}"), ""),
    (("key", "new", "words", "--passphrase", "--state-dir", "{state}"), "correct horse battery staple\n"),
    (("key", "add", "other", "--state-dir", "{state}"), KEY),
    (("key", "list", "--state-dir", "{keys}"), ""),
    (("key", "list", "--json", "--state-dir", "{keys}"), ""),
    (("key", "show", "--state-dir", "{keys}"), ""),
    (("key", "use", "first", "--state-dir", "{keys}"), ""),
    (("peers", "--state-dir", "{keys}", *DIRECT), ""),
    (("announce", "--config", "{config}", "--", "true"), ""),
    (f"for start in 1 2; do {UNTIL} announce --name kept --state-dir {{new}} --cache '#'; done", ""),
    (f"{UNTIL} announce --name sealed --state-dir {{keys}} --cache '#'", ""),
    (f"{UNTIL} announce --name full --socket {{new}} --service http:80,name=x,txt.path=/ --service ipp:631 --attr a=b", ""),
    (f"NOTIFY_SOCKET=@nobody {UNTIL} announce --name told --state-dir {{used}}", ""),
    (f"{UNTIL} announce --name damaged --state-dir {{damaged}}", ""),
    (("bridge", "nothing"), ""),
    (f"PATH={pathlib.Path(MUSTER).parent}:$PATH; \"$0\" bridge mqtt --help", ""),
    (("trust", "pin", "neighbour", "--state-dir", "{state}"), ""),
    (("trust", "pin", "other", "00112233445566778899aabbccddeeff", "--state-dir", "{used}"), ""),
    (("trust", "list", "--state-dir", "{used}"), ""),
    (("trust", "forget", "pinned", "--state-dir", "{used}"), ""),
    (f"{UNTIL} announce --name host --service http:80,host=x,origin=x,at=10.77.0.9", ""),
    ("LC_ALL=C \"$0\" peers --json", ""),
    (("key", "show", "--qr", "--state-dir", "{keys}"), ""),
    ("unset MUSTER_STATE; \"$0\" peers --json", ""),
    ("unset MUSTER_STATE HOME; \"$0\" peers --json", ""),
    (("peers", "--socket", "{socket}"), ""),
    (("peers", "--peer", "localhost", *DIRECT), ""),
    (("peers", "--peer", "fe80::1%lo", *DIRECT), ""),
    (("peers", "--help"), ""),
    (("topics",), ""),
    (("subscribe", "kitchen/note", "--count", "1", "--timeout", "3"), ""),
    (("subscribe", "kitchen/note", "--octets", "--count", "1", "--timeout", "3"), ""),
    (("history", "kitchen/note", "--db", "{old}", "--raw", "--csv"), ""),
    (("config", "check", "{configs}"), ""),
    (("config", "check", "{missing}"), ""),
    (("help",), ""),
    (("--version",), ""),
    ((), ""),
    (("announce", "--help"), ""),
    (("update", "--help"), ""),
    (("watch", "--help"), ""),
    (("wait", "neighbour", "--gone", "--timeout", "1"), ""),
    (("history", "#", "--db", "{missing}"), ""),
    (("history", "#", "--db", "{old}", "--csv"), ""),
    (("update", "--service", "http:81,txt.a=b", "--attr", "room=x"), ""),
    (("watch", "--timeout", "2", "--ndjson"), ""),
    (f"{TYPE} neighbour '\\r' alive q '' q -- \"$0\" top", ""),
    (f"{TYPE} -- \"$0\" peers --columns +ATTRS,ID", ""),
    (f"{TYPE} Passphrase 'correct horse battery\\n' Again 'correct horse battery\\n' -- \"$0\" key new words --passphrase --state-dir {{new}}", ""),
]


# Calls of the shell that no command comes by here, and why. All others are tried.
NOT_REACHED = {
    "undoes what was begun before another call failed": """
        cli/ask/hook.c open_input: close
        cli/ask/hook.c open_input: memfd_create
        cli/ask/spawn.c fork_child: write
        cli/top/screen.c hide_stderr: close
        program/config_file.c config_file_read: close
        cli/metrics/replace.c replace_file: unlink
        cli/store/reserve.c open_locked: close
        cli/store/reserve.c reserve_open: close
        cli/top/details.c start: close
        uv/net/doorbell.c doorbell_open: close
        uv/net/doorbell.c doorbell_open: setsockopt
        uv/net/listener.c check_unused: close
        uv/net/listener.c listener_open_local: close
        uv/net/stream.c stream_start: close
        uv/net/stream_table.c accept_one: close
        uv/net/stream_table.c entry_add: close
        uv/net/unix_address.c unix_address_connect: close
        uv/node/local.c connect_path: close
        uv/node/local.c connection_open: close
        uv/node/wake.c timer_open: close
        uv/node/wake.c wake_start: close
        uv/state/slot.c slot_draft_publish: unlinkat
        uv/state/slot.c slot_draft_write: unlinkat
        uv/state/slot.c slot_draft_write_bytes: unlinkat
        uv/state/slot.c slot_file_read: close""",
    "the network, a clock or a disk would have to change meanwhile": """
        uv/net/links.c past_keep: realloc
        cli/command/top/top.c on_keys: read
        program/ending.c on_untaken: poll
        program/ending.c on_untaken: write
        cli/metrics/scrape.c end_turns: shutdown
        cli/store/reserve.c reserve_reduce: ftruncate64
        uv/net/doorbell.c on_ready: recv
        uv/net/network.c datagram_hold: malloc
        uv/net/socket.c error_read: recvmsg
        uv/net/socket.c socket_take_errors: getsockopt
        uv/net/stream.c check_connection: poll
        uv/node/wake.c on_readable: read
        cli/view/changes.c changes_find: calloc
        cli/view/changes.c changes_find: fclose
        cli/view/changes.c changes_find: open_memstream""",
    "a host with IPv6, or one that may not read its own files": """
        cli/doctor/facts_proc.c read_arp_full: fclose
        cli/doctor/neighbours.c neighbours_ping: sendto
        cli/doctor/neighbours.c neighbours_ping: socket
        cli/doctor/neighbours.c neighbours_read_arp: fclose
        cli/doctor/neighbours.c neighbours_read_arp: fopen64
        cli/store/database.c open_unchanging: fclose
        cli/store/database.c open_unchanging: fopen64
        uv/net/tcp.c packet_options: getsockopt
        uv/node/static_names.c follow_scope: if_nametoindex
        uv/node/static_names.c read_address: if_nametoindex""",
    "a resolver that stays silent": """
        program/ending.c ending_exit: fflush""",
    "the home of a user: all hosts of a lab are root's": """
        uv/state/state.c state_directory: asprintf""",
    "programs call the library so, and no command does": """
        uv/node/browse.c add: malloc
        uv/node/browse.c known_add: calloc
        uv/node/browse.c known_add: malloc""",
    "bridges alone read a file of options": """
        program/config_file.c config_file_number_text: malloc""",
    "a descriptor that is closed: then main() ends at once": """
        program/process.c hold_standard_streams: fcntl64
        program/process.c hold_standard_streams: open64""",
}


def all_places():
    """The calls that stand in the program: {offset behind the call: name}."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", TORTURED], stdout=subprocess.PIPE, check=True, text=True).stdout
    found = re.finditer(r"call\S*\s+[0-9a-f]+ <__wrap_(\w+)>\n(?:\n[0-9a-f]+ <.*\n)?\s*([0-9a-f]+):", text)
    return {match[2]: match[1] for match in found}


def of_shell(sites):
    """Those of uv/, cli/ and program/, with the function that each is in. Allocations of the core fail in tests of its own."""
    asked = "".join(f"0x{site}\n" for site in sites)
    lines = subprocess.run(["addr2line", "-f", "-e", TORTURED], input=asked, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    places = {}
    for site, function, place in zip(sites, lines[::2], lines[1::2]):
        match = re.search(r"/src/((?:uv|cli|program)/\S+\.c):", place)
        if match:
            places[site] = f"{match[1]} {function}"
    return places


class Torture(LanTest):
    HOSTS = 2
    ISOLATED = True

    def setUp(self):
        super().setUp()
        self.number = 0
        self.config = self.lan.directory / "config.json"
        self.config.write_text(CONFIG)
        self.old = self.lan.directory / "old.db"
        self.keys = self.lan.directory / "keys"
        configs = self.lan.directory / "configs"
        configs.mkdir()
        (configs / "a.json").write_text(CONFIG)
        self.there.announce("neighbour", "--service", "http:80", "--cache", "#")
        self.here.announce("self", "--service", "ipp:631", "--cache", "#")
        self.publisher = self.there.start("publish", "--direct", "--name", "meter")
        self.publisher.write(SPOKEN)
        for number in range(2):
            result = self.here.run("key", "new", ("first", "second")[number], "--state-dir", str(self.keys))
            self.assertEqual(result.code, 0, result.describe())
        result = self.here.run("peers", "--expect", "3", "--timeout", "60")
        self.assertEqual(result.code, 0, result.describe())
        self.key = (self.here.state / "self" / "key").read_text()
        recorder = self.here.start("record", "#", "--db", str(self.old))
        self.lan.wait_for(lambda: self.here.run("history", "kitchen/window", "--db", str(self.old)).code == 0, "a recording")
        self.assertEqual(recorder.stop().code, 0, recorder.describe())

    def begin(self, words, given, **environment):
        """Starts the command, with files and ports of its own."""
        self.number += 1
        place = self.lan.directory / f"run{self.number}"
        names = {"config": self.config, "old": self.old, "keys": self.keys, "new": place, "state": f"{place}.d"}
        names |= {"port": 20000 + self.number, "configs": self.config.with_name("configs"), "missing": f"{place}.none"}
        names |= {"used": self.used(place, "told"), "damaged": self.used(place, "damaged"), "socket": self.socket()}
        (names["damaged"] / "damaged" / "key").write_text("no key")
        if isinstance(words, str):
            argv = ["sh", "-c", words.format(**names), TORTURED]
        else:
            argv = [TORTURED, *(word.format(**names) for word in words)]
        self.publisher.write(SPOKEN)
        process = self.here.start_program(*argv, TERM="xterm", **environment)
        process.write(given)
        process.close_input()
        return process

    def used(self, place, name):
        """A state directory of a muster that was killed: with a key, and a socket where nobody listens."""
        slot = place.with_suffix(f".{name}") / name
        slot.mkdir(0o700, parents=True)
        (slot.parent).chmod(0o700)
        (slot / "key").write_text(self.key)
        (slot / "boot").write_text("5\n")
        (slot / "key").chmod(0o600)
        (slot / "boot").chmod(0o600)
        pins = slot.parent / "keys" / "trusted"
        pins.parent.mkdir(0o700)
        pins.write_text("00112233445566778899aabbccddeeff pinned\n")
        pins.chmod(0o600)
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(slot / "socket"))
        return slot.parent

    def socket(self):
        """Of the muster that runs on the host."""
        return self.here.state / "self" / "socket"

    def places(self, words, given):
        """The places that the command comes by."""
        log = self.lan.directory / f"sites{self.number}"
        whole = self.begin(words, given, TORTURE_SITES=str(log)).finish()
        self.assertIn(whole.code, CODES, whole.describe())
        return dict(line.split() for line in log.read_text().splitlines())

    def check(self, command, places):
        """Runs the command once for each of these places, which fails in it."""
        runs = [(site, name, self.begin(*command, TORTURE_FAIL=site)) for site, name in places]
        for site, name, run in runs:
            with self.subTest(command=command[0], call=name, site=site):
                ended = run.finish()
                self.assertIn(ended.code, CODES, ended.describe())
                self.assertFalse(ended.code == 1 and not ended.error + ended.out, ended.describe())

    def test_each_place_fails_once(self):
        every = all_places()
        seen = {}
        tried = 0
        for command in COMMANDS:
            new = [(site, name) for site, name in self.places(*command).items() if site not in seen]
            chosen = [place for number, place in enumerate(new, len(seen) + 1) if number % EACH == 0]
            seen.update(new)
            tried += len(chosen)
            for begin in range(0, len(chosen), AT_ONCE):
                self.check(command, chosen[begin : begin + AT_ONCE])
        every.update(seen)  # and calls by a pointer
        places = of_shell(list({**every, **seen}))
        missed = {site: place for site, place in places.items() if site not in seen}
        note(f"{tried} places tried; the shell has {len(places)}, of which commands come by {len(places) - len(missed)}")
        known = {line.strip() for lines in NOT_REACHED.values() for line in lines.splitlines()}
        # Compilers make fwrite() of fputs(), and nobody looks at the result of that.
        calls = {f"{place}: {every[site]}" for site, place in missed.items() if every[site] != "fwrite"}
        unknown = sorted(calls - known)
        for place in unknown:
            note(f"no command came by {place}")
        self.assertLessEqual(len(unknown), BY_CHANCE_MAX, "a new place needs a command, or a reason in NOT_REACHED")


if __name__ == "__main__":
    main()
