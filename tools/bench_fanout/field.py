# SPDX-License-Identifier: MIT
"""A publisher and its subscribers on hosts of their own, and one run of them at a time."""

import os
import pathlib
import shutil
import statistics
import sys
import time
import typing

from lab import DeadlineMissed

IDLE_S = 0.15
IDLE_SHARE = 0.06
IDLE_WAIT_S = 2  # at most before a run
IDLE_WAITS_S = 120  # at most before all of them
START_S = 10
DRAIN_S = 25  # longer than the programs wait themselves
DDS_CONFIGURATION = (
    '<CycloneDDS><Domain><General><Interfaces><NetworkInterface name="eth0"/></Interfaces></General>'
    '<Internal><SocketReceiveBufferSize min="4MB"/><WriteBatch>{batch}</WriteBatch></Internal></Domain></CycloneDDS>'
)
BROKER_CONFIGURATION = "listener 1883 0.0.0.0\nallow_anonymous true\nuser root\nset_tcp_nodelay true\n"


class System(typing.NamedTuple):
    """What is measured: a program, how both of its ends work, and what it sends."""

    name: str
    program: str
    bytes: int
    publish: str = ""
    subscribe: str = ""
    counts_datagrams: bool = False  # its subscribers do; else they count messages
    records: int = 1  # a message
    is_datagrams: bool = False  # a datagram for each message, in programs that don't say how many they sent
    programs: pathlib.Path | None = None  # of another build
    is_v6: bool = False  # by IPv6 alone
    is_sealed: bool = False  # by a group key


class RunFailed(Exception):
    """A run that came to no figures."""


def note(text):
    """For who waits, beside the results."""
    print(f"# {text}", file=sys.stderr, flush=True)


# ---- the machine ----


class Machine:
    """Where the programs are, and how busy the machine is besides."""

    def __init__(self, programs):
        self.programs = programs
        self.patience_s = IDLE_WAITS_S

    def missing(self, system):
        """Why a system can't be measured here, or None."""
        if not self.program(system).exists():
            return "its development package is not installed"
        if system.program == "mqtt" and not shutil.which("mosquitto"):
            return "there is no mosquitto"
        return None

    def program(self, system):
        return (system.programs or self.programs) / f"fanout_{system.program}"

    def await_idle(self):
        """Waits until next to nothing was done for a moment, or for as long as is reasonable."""
        began = time.monotonic()
        while not self._is_idle():
            if time.monotonic() - began > min(IDLE_WAIT_S, self.patience_s):
                note("the machine is busy with something else, too")
                break
        self.patience_s -= time.monotonic() - began

    @staticmethod
    def _is_idle():
        busy, began = busy_s(), time.monotonic()
        time.sleep(IDLE_S)
        return (busy_s() - busy) / (time.monotonic() - began) / os.cpu_count() < IDLE_SHARE


def busy_s():
    ticks = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(ticks[:8]) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def cpu_us(process):
    return int(pathlib.Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1000


# ---- a run ----


class Field:
    """One publisher, so many subscribers, and a broker whose host is plugged in only for who needs it: each
    plugged port costs whoever sends to all."""

    def __init__(self, lab, machine):
        """Takes the lab's hosts: the first publishes, the last is the broker's."""
        lab.require_isolation()
        self.lab = lab
        self.machine = machine
        self.publisher, *self.subscribers, self.broker_host = lab.hosts
        for host in lab.hosts:
            host.use_families(4, 6)
        self.broker = None
        self.broker_host.ip("link set eth0 down")

    def lose(self, percent):
        """Loses so much of all that comes in, at each subscriber by its own chance."""
        for host in self.subscribers:
            host.nft(
                "table ip bench\n"
                "delete table ip bench\n"
                "table ip bench {\n"
                "chain incoming { type filter hook input priority 0;\n"
                f'iifname "eth0" numgen random mod 1000 < {percent * 10:.0f} drop\n'
                "}\n"
                "}\n"
            )

    def run(self, system, rate, seconds, is_timed=False, patience_ms=300):
        """The figures of one run at a rate of messages; 0: as many as go. RunFailed."""
        run = Run(self, system)
        try:
            self._plug_broker(system)
            self.machine.await_idle()
            run.start(rate, seconds, is_timed, patience_ms)
            run.go()
            return run.finish(seconds)
        finally:
            run.close()

    def _plug_broker(self, system):
        wanted = system.program == "mqtt"
        self.broker_host.ip(f"link set eth0 {'up' if wanted else 'down'}")
        if wanted and self.broker is None:
            configuration = self.lab.directory / "mosquitto.conf"
            configuration.write_text(BROKER_CONFIGURATION, encoding="ascii")
            self.broker = self.broker_host.start_program("mosquitto", "-c", str(configuration))
            self.lab.wait_for(lambda: "running" in self.broker.error, "the broker runs", START_S)

    def start(self, host, system, *arguments, address, **environment):
        if system.program == "dds":
            batches = str(system.publish == "batch").lower()
            environment["CYCLONEDDS_URI"] = DDS_CONFIGURATION.format(batch=batches)
        sealed = ["-k"] if system.is_sealed else []
        program = str(self.machine.program(system))
        return host.start_program(program, *arguments, "-s", str(system.bytes), "-a", address, *sealed, **environment)


class Run:
    """Its processes, from their start to their figures."""

    def __init__(self, field, system):
        self.field = field
        self.system = system
        self.subscribers = []
        self.publisher = None
        self.broker_us = 0

    def start(self, rate, seconds, is_timed, patience_ms):
        """Returns when every subscriber has heard of the publisher."""
        field, system = self.field, self.system
        central = {"mqtt": field.broker_host, "zmq": field.publisher}.get(system.program)
        timed = ["-l"] if is_timed else []
        for host in field.subscribers:
            mode = ["subscribe", "-m", system.subscribe, "-p", str(patience_ms), *timed]
            self.subscribers.append(field.start(host, system, *mode, address=self._address(central or host)))
        mode = ["publish", "-m", system.publish, "-r", str(rate), "-t", str(seconds)]
        self.publisher = field.start(field.publisher, system, *mode, address=self._address(central or field.publisher))
        self._await(lambda: all(s.events("ready") for s in self.subscribers), "all subscribers are ready", START_S)

    def _address(self, host):
        return f"{host.address6}%eth0" if self.system.is_v6 else host.address

    def check(self):
        """RunFailed when one of its processes did."""
        for process in (self.publisher, *self.subscribers):
            if process.code:
                raise RunFailed(process.error.strip() or f"{process.name} ended with {process.code}")

    def _await(self, condition, what, deadline_s):
        def holds():
            self.check()
            return condition()

        try:
            self.field.lab.wait_for(holds, what, deadline_s)
        except DeadlineMissed as missed:
            raise RunFailed(str(missed).splitlines()[0]) from None

    def go(self):
        """Lets the publisher begin."""
        if self.system.program == "mqtt":
            self.broker_us = -cpu_us(self.field.broker)
        self.publisher.write("go\n")

    def finish(self, seconds):
        """Sees it to its end, which is due in so many seconds. Returns its figures."""
        self._await(lambda: self.publisher.events("sent"), "all is sent", seconds + DRAIN_S)
        _, sent = self.publisher.events("sent")[0]
        expected = sent["datagrams"] if self.system.counts_datagrams else sent["sent"]
        for subscriber in self.subscribers:
            subscriber.write(f"sent {expected}\n")
        self._await(lambda: all(s.events("done") for s in self.subscribers), "subscribers are done", DRAIN_S)
        self.publisher.write("end\n")
        self._await(lambda: self.publisher.events("done"), "the publisher is done", DRAIN_S)
        if self.system.program == "mqtt":
            self.broker_us += cpu_us(self.field.broker)
        done = [subscriber.events("done")[0][1] for subscriber in self.subscribers]
        return self._figures(sent, expected, self.publisher.events("done")[0][1], done)

    def _figures(self, sent, expected, end, done):
        system = self.system
        if not sent["sent"] or not all(d["received"] for d in done):
            raise RunFailed("nothing arrived")
        disordered = sum(d["disordered"] for d in done)
        if system.program == "muster" and disordered:
            raise RunFailed(f"{disordered} out of the publisher's order")
        messages = sent["sent"]
        datagrams = sent.get("datagrams", messages if system.is_datagrams else None)
        span_s = max(sent["seconds"], *(d["seconds"] for d in done))
        shares = [d["received"] / expected for d in done]
        cpu = end["cpu_us"] + sum(d["cpu_us"] for d in done) + self.broker_us
        figures = {
            "messages_s": messages / span_s,
            "paced_s": messages / sent["seconds"],
            "records_s": messages * system.records / span_s,
            "loss": 1 - min(shares),
            "disordered": disordered,
            "cpu_us_per_record": cpu / (sum(shares) * messages * system.records),
            "publisher": end,
            "subscribers": done,
        }
        if datagrams:
            figures["datagrams_s"] = datagrams / span_s
            figures["cpu_us_per_datagram"] = cpu / (sum(shares) * datagrams)
        if "p50_us" in done[0]:
            figures["p50_us"] = statistics.median(d["p50_us"] for d in done)
            figures["p99_us"] = max(d["p99_us"] for d in done)
            figures["max_us"] = max(d["max_us"] for d in done)
        return figures

    def close(self):
        for process in (self.publisher, *self.subscribers):
            if process is not None:
                process.close()
