# SPDX-License-Identifier: MIT
"""Hosts that start at once: when everyone lists everyone, what that costs, and who is told lost though it lives.

Every program is held back by a shell until all of them start in the same moment. Each is then asked how many it
lists, by a socket that stays open: a listing by its command would cost more than what is measured. muster is asked
for `self` by its Unix socket, Serf for `stats` by its RPC port."""

import os
import pathlib
import re
import shutil
import sys
import time

from lab import MUSTER, Lab
from wire import Stream

COUNTS = (30, 60, 100)
RUNS = 3
LOOPS = 2  # busy ones, in every second run of muster
WATCH_S = 60
QUICK_WATCH_S = 10
DEADLINE_S = 30  # after which the hosts that list all are counted
ASK_EVERY_S = 0.2
POLL_S = 0.02
BAD_EVENTS = ("suspect", "lost", "returned", "conflict")
LOOP = ("sh", "-c", "while :; do :; done")
ARP_LIMIT = pathlib.Path("/proc/sys/net/ipv4/neigh/default/gc_thresh3")


def note(text):
    """For who waits, beside the results."""
    print(f"# {text}", file=sys.stderr, flush=True)


# ---- one host ----


class Member:
    """The program of one host, and when it listed all."""

    def __init__(self, host):
        self.host = host
        self.process = host.hold_program(*self.command())
        self.listed = 0
        self.whole_at = None
        self._stream = None
        self._asked = False
        self._ask_at = 0

    def look(self, now, count):
        """Takes an answer that came, and asks again when it is time."""
        if self._asked and self.is_answer(self._stream.raw):
            self._asked = False
            self.listed = self.parse(self._stream.raw)
            self._stream.raw = b""
            if self.listed >= count:
                self.whole_at = now
                self._stream.close()
        elif self._stream and self._stream.ended:
            self._stream = None
            self._asked = False
        if self.whole_at is None and not self._asked and now >= self._ask_at:
            self._ask_at = now + ASK_EVERY_S
            self._ask()

    def _ask(self):
        try:
            self._stream = self._stream or self.connect()
            self._stream.ask(self.QUESTION)
            self._asked = True
        except OSError:  # it does not listen yet, or is gone
            self._stream = None

    def cpu_s(self):
        """Seconds on a processor, by the scheduler's own count of each thread."""
        threads = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


class Muster(Member):
    NAME = "muster"
    QUESTION = "self"

    def command(self):
        return [MUSTER, "announce", "--name", f"host{self.host.number}", "--service", "http:80"]

    def connect(self):
        return Stream(self.host, self.host.state / f"host{self.host.number}" / "socket")

    @staticmethod
    def is_answer(raw):
        return b'{"end":' in raw and raw.endswith(b"\n")

    @staticmethod
    def parse(raw):
        return int(re.search(rb'"peers":([0-9]+)', raw)[1]) + 1  # itself


class Serf(Member):
    """Its RPC speaks MessagePack: a header {Command, Seq}, and for a handshake a body {Version}."""

    NAME = "serf"
    HANDSHAKE = b"\x82\xa7Command\xa9handshake\xa3Seq\x00\x81\xa7Version\x01"
    QUESTION = b"\x82\xa7Command\xa5stats\xa3Seq\x01"

    def command(self):
        first = self.host.lab.hosts[0]
        join = [] if self.host is first else ["-retry-join", first.address, "-retry-interval", "1s"]
        name = f"host{self.host.number}"
        return ["serf", "agent", "-node", name, "-bind", f"{self.host.address}:7946", "-log-level", "err", *join]

    def connect(self):
        stream = Stream(self.host, ("127.0.0.1", 7373), source="127.0.0.1")
        stream.send(self.HANDSHAKE)
        return stream

    @staticmethod
    def is_answer(raw):
        return re.search(rb"\xa7members[\xa1-\xbf][0-9]+", raw) is not None

    @staticmethod
    def parse(raw):
        return int(re.search(rb"\xa7members[\xa1-\xbf]([0-9]+)", raw)[1])


SYSTEMS = {"muster": Muster, "serf": Serf}


# ---- one run ----


class Run:
    """All hosts of one system, from their common start."""

    def __init__(self, lab, system):
        self.lab = lab
        self.members = [SYSTEMS[system](host) for host in lab.hosts]
        self._sent_before = lab.switched()
        self.started_at = time.monotonic()
        for member in self.members:
            member.process.release()

    def whole(self):
        return sum(member.whole_at is not None for member in self.members)

    def await_whole(self):
        """Looks until everyone lists everyone, or too long."""
        while self.whole() < len(self.members) and time.monotonic() - self.started_at < DEADLINE_S:
            self.lab.pump(POLL_S)
            now = time.monotonic()
            for member in self.members:
                member.look(now, len(self.members))

    def figures(self):
        """Of the time until now."""
        seconds = [member.whole_at - self.started_at for member in self.members if member.whole_at]
        sent_bytes, packets = (now - then for now, then in zip(self.lab.switched(), self._sent_before))
        return {
            "whole": self.whole(),
            "whole_s": max(seconds) if self.whole() == len(self.members) else None,
            "bytes": sent_bytes,
            "packets": packets,
            "cpu_s": sum(member.cpu_s() for member in self.members),
        }

    def watch(self, seconds):
        """What the first host is told of live peers for so long, what all send meanwhile, and the tables then."""
        watch = self.members[0].connect().ask("watch")
        before = self.figures()
        self.lab.never(lambda: False, "", seconds)
        after = self.figures()
        told = [line["event"] for line in watch.lines() if "event" in line]
        watch.close()
        tables = self._tables()
        return {
            "seconds": seconds,
            "events": {event: told.count(event) for event in BAD_EVENTS},
            "bytes": after["bytes"] - before["bytes"],
            "cpu_s": after["cpu_s"] - before["cpu_s"],
            "alive_min": min(table.count(b'"state":"alive"') for table in tables),
            "provisional": sum(table.count(b'"provisional":true') for table in tables),
        }

    def _tables(self):
        """What each host lists."""
        streams = [member.connect().ask("table") for member in self.members]
        self.lab.wait_for(lambda: all(b'\n{"end":' in stream.raw for stream in streams), "the tables")
        return [stream.raw for stream in streams]


def run(system, count, loops, watch_s):
    with Lab(count) as lab:
        lab.require_isolation()
        for host in lab.hosts[:loops]:
            host.start_program(*LOOP)
        crowd = Run(lab, system)
        crowd.await_whole()
        result = {"system": system, "hosts": count, "loops": loops, **crowd.figures()}
        if system == "muster":
            result["after"] = crowd.watch(watch_s)
    return result


# ---- all of them ----


def measure(counts, quick):
    """In turns: whatever else runs on the machine hits each kind of run."""
    arp_limit = int(ARP_LIMIT.read_text()) if ARP_LIMIT.exists() else None  # shown outside of the lab alone
    kinds = [("muster", 0), ("muster", LOOPS)]
    if shutil.which("serf"):
        kinds.append(("serf", 0))
    else:
        note("serf is not installed, and is left out")
    runs = []
    for turn in range(1 if quick else RUNS):
        for count in counts:
            for system, loops in kinds:
                load = os.getloadavg()[0]
                runs.append({**run(system, count, loops, QUICK_WATCH_S if quick else WATCH_S), "load_before": load})
                note(f"turn {turn + 1}: {describe(runs[-1])}")
    return {"arp_limit": arp_limit, "processors": os.cpu_count(), "runs": runs}


def describe(result):
    if result["whole_s"] is None:
        whole = f"{result['whole']} of {result['hosts']} hosts had all after {DEADLINE_S} s"
    else:
        whole = f"all had all after {result['whole_s']:.2f} s"
    line = f"{result['system']}, {result['hosts']} hosts, {result['loops']} busy loops: "
    line += f"{whole}, {result['bytes']} bytes"
    if "after" in result:
        line += f"; then {result['after']}"
    return f"{line} (load {result['load_before']:.1f})"


def spread(values, digits):
    """Minimum, median and maximum."""
    values = sorted(values)
    return "/".join(f"{value:.{digits}f}" for value in (values[0], values[len(values) // 2], values[-1]))


def show(result):
    loads = [run["load_before"] for run in result["runs"]]
    print(f"{result['processors']} processors, load {min(loads):.1f} to {max(loads):.1f} before a run; "
          f"ARP entries: {result['arp_limit'] or 'unknown'} at most (gc_thresh3)")
    print(f"{'':8}{'hosts':>6}{'loops':>6}{'all had all, s':>18}{'MB':>16}{'packets':>20}{'CPU s':>17}")
    kinds = dict.fromkeys((run["system"], run["hosts"], run["loops"]) for run in result["runs"])
    for kind in kinds:
        runs = [run for run in result["runs"] if (run["system"], run["hosts"], run["loops"]) == kind]
        system, hosts, loops = kind
        whole = [run["whole_s"] for run in runs if run["whole_s"] is not None]
        seconds = spread(whole, 2) if len(whole) == len(runs) else f"{len(whole)} of {len(runs)} runs"
        print(f"{system:8}{hosts:6}{loops:6}{seconds:>18}{spread([run['bytes'] / 1e6 for run in runs], 2):>16}"
              f"{spread([run['packets'] for run in runs], 0):>20}{spread([run['cpu_s'] for run in runs], 1):>17}")
        show_after([run["after"] for run in runs if "after" in run], hosts)
    print(f"until all had all, or for {DEADLINE_S} s; min/median/max of {len(result['runs']) // len(kinds)} runs")


def show_after(afters, hosts):
    if not afters:
        return
    events = ", ".join(f"{event} {sum(after['events'][event] for after in afters)}" for event in BAD_EVENTS)
    per_host = [after["bytes"] / hosts / after["seconds"] * 60 / 1e3 for after in afters]
    print(f"{'':8}{afters[0]['seconds']:.0f} s after, told to one host: {events}; a host sent {spread(per_host, 1)} kB "
          f"a minute; fewest rows alive {min(after['alive_min'] for after in afters)}")
