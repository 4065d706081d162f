# SPDX-License-Identifier: MIT
"""One publisher, many subscribers: how many datagrams and records a second reach them all, at what cost and how
late, beside what the kernel allows and what others do; what is lost and what it costs at each pace; and what loss
costs."""

import math
import shutil
import time
import typing

from field import Field, Machine, RunFailed, System, note
from lab import Lab

FLOOR_GSO = "raw GSO/GRO"
FLOOR_PLAIN = "raw sendto/recvfrom"
FULL = 1400
LOSS_MAX = 0.001  # at a rate that holds
PACE_MIN = 0.9  # of the messages a second that were asked for
READING = 40  # bytes of a record with a number
FULL_DATAGRAMS = "full datagrams, 40-byte records"

WORKLOADS = {
    "200 bytes": [
        System(FLOOR_GSO, "raw", 200, "gso", "gso", is_datagrams=True),
        System(FLOOR_PLAIN, "raw", 200, "one", "one", is_datagrams=True),
        System("muster, datagrams", "muster", 200, "datagram", "view", counts_datagrams=True),
        System(f"{FLOOR_GSO}, IPv6", "raw", 200, "gso", "gso", is_datagrams=True, is_v6=True),
        System("muster, datagrams, IPv6", "muster", 200, "datagram", "view", counts_datagrams=True, is_v6=True),
        System("muster, datagrams, parsed", "muster", 200, "datagram", "record"),
        System("muster, messages", "muster", 200, "message", "view", counts_datagrams=True),
        System("muster, messages, parsed", "muster", 200, "message", "record"),
        System("LCM", "lcm", 200, is_datagrams=True),
        System("CycloneDDS, WriteBatch", "dds", 200, "batch"),
        System("ZeroMQ", "zmq", 200),
        System("Mosquitto", "mqtt", 200),
    ],
    FULL_DATAGRAMS: [
        System(FLOOR_GSO, "raw", FULL, "gso", "gso", is_datagrams=True, records=FULL // READING),
        System(FLOOR_PLAIN, "raw", FULL, "one", "one", is_datagrams=True, records=FULL // READING),
        System("muster, one text each", "muster", FULL, "datagram", "view", counts_datagrams=True),
        System("muster, records", "muster", READING, "number", "view", counts_datagrams=True),
        System("muster, records, parsed", "muster", READING, "number", "record"),
        System("CycloneDDS, WriteBatch", "dds", READING, "batch"),
        System("ZeroMQ", "zmq", READING),
    ],
}

SEALED = {
    "200 bytes": [
        System("muster", "muster", 200, "datagram", "view", counts_datagrams=True),
        System("muster, sealed", "muster", 200, "datagram", "view", counts_datagrams=True, is_sealed=True),
    ],
    "full datagrams": [
        System("muster", "muster", FULL, "datagram", "view", counts_datagrams=True),
        System("muster, sealed", "muster", FULL, "datagram", "view", counts_datagrams=True, is_sealed=True),
    ],
}

GSO, PLAIN, MUSTER, GSO6, MUSTER6, *_ = WORKLOADS["200 bytes"]
FAMILIES = [GSO, GSO6, MUSTER, MUSTER6]
FAMILIES_TURNS = 9
BEFORE = "muster before"
PACE_FIRST = 20e3  # messages a second
LATENCY_OTHERS = [
    System("LCM", "lcm", 200),
    System("CycloneDDS", "dds", 200, "each"),
    System("ZeroMQ", "zmq", 200),
    System("Mosquitto", "mqtt", 200),
]
LATENCY_RATE = 1000

LOSSY = System("muster", "muster", FULL, "datagram-plain", "view", counts_datagrams=True)
LOSSY_SUBSCRIBERS = 8
LOSSY_RATE = 1000
LOSSES = (0, 1, 10)  # percent


class Plan(typing.NamedTuple):
    """How much of it."""

    subscribers: tuple
    seconds: float  # of a run in a search or on a curve
    steps: int
    turns: int  # at most
    turns_s: float  # no further turn when it might end later
    curve_subscribers: tuple
    curve_turns: int
    curve_step: float  # one pace by the pace before
    pairs: int  # of latencies
    pairs_others: int
    latency_s: float
    loss_turns: int
    loss_s: float


WHOLE = Plan((1, 4, 16), 0.8, 5, 5, 1080, (1, 4, 16), 3, 2, 9, 3, 2.0, 3, 5.0)
QUICK = Plan((1, 4), 0.2, 3, 1, 0, (1, 4, 16), 1, 4, 1, 1, 0.5, 1, 1.0)


def attempt(field, system, *arguments, **options):
    """A run's figures, or None with a note."""
    try:
        return field.run(system, *arguments, **options)
    except RunFailed as failure:
        note(f"{system.name}: {failure}")
        return None


# ---- rates ----


def describe_rate(run):
    if run is None:
        return "no rate holds"
    datagrams = f"{run['datagrams_s']:.0f} datagrams/s, " if "datagrams_s" in run else ""
    return f"{datagrams}{run['records_s']:.0f} records/s"


def holds(run, rate):
    return run is not None and run["loss"] < LOSS_MAX and run["messages_s"] > PACE_MIN * rate


def bisect(field, system, plan, low, high, steps):
    """The best run at rates between the two; None when none holds."""
    best = None
    for _ in range(steps):
        rate = math.sqrt(low * high)
        run = attempt(field, system, rate, plan.seconds)
        if holds(run, rate):
            best, low = run, rate
        else:
            high = rate
    return best


def highest(field, system, plan, before):
    """The run at the highest rate that holds. before, the same of an earlier turn, spares half of the search."""
    if before is not None and not before["is_blast"]:
        rate = before["messages_s"]
        best = bisect(field, system, plan, rate / 1.5, rate * 1.5, plan.steps - 2)
        return best and {"is_blast": False, **best}
    blast = attempt(field, system, 0, plan.seconds)
    if blast is None or holds(blast, 0):
        return blast and {"is_blast": True, **blast}
    rate = blast["messages_s"]
    delivered = rate * (1 - blast["loss"])
    best = bisect(field, system, plan, min(rate / 20, delivered / 5), min(rate, delivered * 8), plan.steps)
    return best and {"is_blast": False, **best}


def measure_turn(machine, plan, rows):
    """Adds a run to each row."""
    for count in plan.subscribers:
        with Lab(count + 2) as lab:
            field = Field(lab, machine)
            for row in rows:
                if row["subscribers"] == count:
                    before = next(filter(None, row["runs"]), None)
                    run = highest(field, row["what"], plan, before)
                    row["runs"].append(run)
                    note(f"{count} subscribers, {row['system']}: {describe_rate(run)}")


def measure_rates(machine, plan, workloads, left_out=()):
    rows = [
        {"workload": workload, "subscribers": count, "system": system.name, "what": system, "runs": []}
        for workload, systems in workloads.items()
        for count in plan.subscribers
        for system in systems
        if system.name not in left_out
    ]
    began = time.monotonic()
    for turn in range(plan.turns):
        spent_s = time.monotonic() - began
        if turn > 0 and spent_s * (turn + 1) / turn > plan.turns_s:
            break
        measure_turn(machine, plan, rows)
    for row in rows:
        del row["what"]
    return rows


# ---- curves ----


def point(run):
    """What a pace came to: CPU time is that of one process for each datagram that reached a subscriber."""
    received = [subscriber["received"] for subscriber in run["subscribers"]]
    return {
        "datagrams_s": run["datagrams_s"],
        "loss": run["loss"],
        "publisher_us": run["publisher"]["cpu_us"] * len(received) / sum(received),
        "subscriber_us": sum(subscriber["cpu_us"] for subscriber in run["subscribers"]) / sum(received),
    }


def measure_pace(field, plan, systems, rate):
    """A point, or None, of each system, one after the other; rate 0: as many as go."""
    runs = {system.name: attempt(field, system, rate, plan.seconds) for system in systems}
    return {name: run and point(run) for name, run in runs.items()}


def paces(plan, top):
    """Of whoever reached so many as the highest."""
    rate = PACE_FIRST
    while rate < PACE_MIN * top:
        yield rate
        rate *= plan.curve_step


def measure_curves(machine, plan, systems):
    rows = []
    for count in plan.curve_subscribers:
        with Lab(count + 2) as lab:
            field = Field(lab, machine)
            highest_turns = [measure_pace(field, plan, systems, 0) for _ in range(plan.curve_turns)]
            top = max((found["datagrams_s"] for turn in highest_turns for found in turn.values() if found), default=0)
            turns = {
                rate: [measure_pace(field, plan, systems, rate) for _ in range(plan.curve_turns)]
                for rate in paces(plan, top)
            }
        for rate, found in [*turns.items(), (0, highest_turns)]:
            points = {system.name: [turn[system.name] for turn in found] for system in systems}
            rows.append({"subscribers": count, "asked_s": rate, "systems": points})
        note(f"{count} subscribers: each pace is measured")
    return rows


# ---- latency ----


def measure_latency(machine, plan, left_out):
    """Runs at a low rate, in turns: of muster and the plain pair as pairs, of the others now and then."""
    rows = []
    for count in plan.subscribers:
        systems = [PLAIN, MUSTER, *(s for s in LATENCY_OTHERS if s.name not in left_out)]
        runs = {system.name: [] for system in systems}
        with Lab(count + 2) as lab:
            field = Field(lab, machine)
            for pair in range(plan.pairs):
                for system in systems[: 2 if pair >= plan.pairs_others else None]:
                    runs[system.name].append(attempt(field, system, LATENCY_RATE, plan.latency_s, is_timed=True))
        rows += [{"subscribers": count, "system": name, "runs": found} for name, found in runs.items()]
        note(f"{count} subscribers: latencies are measured")
    return rows


# ---- loss ----


def measure_loss(machine, plan):
    """Full datagrams at a steady pace, without GSO: nftables drops a whole batch at once."""
    rows = [{"loss_percent": percent, "subscribers": LOSSY_SUBSCRIBERS, "runs": []} for percent in LOSSES]
    with Lab(LOSSY_SUBSCRIBERS + 2) as lab:
        field = Field(lab, machine)
        for _ in range(plan.loss_turns):
            for row in rows:
                field.lose(row["loss_percent"])
                run = attempt(field, LOSSY, LOSSY_RATE, plan.loss_s, is_timed=True, patience_ms=3000)
                row["runs"].append(run and with_repair(run))
    note(f"{LOSSY_SUBSCRIBERS} subscribers: loss is measured")
    return rows


def with_repair(run):
    sent = run["publisher"]
    return {
        **run,
        "missing": sum(sent["datagrams"] - s["received"] for s in run["subscribers"]),
        "bytes_ratio": (sent["bytes"] + sent["repair_bytes"]) / sent["bytes"],
        "pace": run["paced_s"] / LOSSY_RATE,
    }


# ---- all of it ----


def skipped(machine):
    """Names of what can't be measured here, and why."""
    systems = [*LATENCY_OTHERS, *(system for workload in WORKLOADS.values() for system in workload)]
    reasons = {system.name: machine.missing(system) for system in systems}
    return {name: why for name, why in reasons.items() if why is not None}


def measure_against(programs, before, is_quick):
    """The curves alone, with those of another build beside them."""
    plan = QUICK if is_quick else WHOLE._replace(curve_turns=5)
    systems = [GSO, MUSTER, MUSTER._replace(name=BEFORE, programs=before)]
    return {"skipped": {}, "curves": measure_curves(Machine(programs), plan, systems)}


def measure_sealed(programs, is_quick):
    """The rates alone of what is sealed and what is not, one after the other."""
    return {"skipped": {}, "sealed": measure_rates(Machine(programs), QUICK if is_quick else WHOLE, SEALED)}


def measure_families(programs, is_quick):
    """As many as go by IPv4 and by IPv6, one after the other; of the raw pair, too."""
    machine = Machine(programs)
    plan = QUICK if is_quick else WHOLE
    rows = []
    for count in WHOLE.subscribers:
        with Lab(count + 2) as lab:
            field = Field(lab, machine)
            turns = [measure_pace(field, plan, FAMILIES, 0) for _ in range(1 if is_quick else FAMILIES_TURNS)]
        rows.append({"subscribers": count, "systems": {s.name: [turn[s.name] for turn in turns] for s in FAMILIES}})
        note(f"{count} subscribers: both families are measured")
    return {"skipped": {}, "families": rows}


def measure(programs, is_quick):
    machine = Machine(programs)
    plan = QUICK if is_quick else WHOLE
    left_out = skipped(machine)
    has_nft = shutil.which("nft") is not None
    if not has_nft:
        left_out["loss"] = "there is no nft"
    for name, why in left_out.items():
        note(f"{name} is skipped: {why}")
    return {
        "skipped": left_out,
        "curves": measure_curves(machine, plan, [GSO, MUSTER]),
        "rates": measure_rates(machine, plan, WORKLOADS, left_out),
        "latency": measure_latency(machine, plan, left_out),
        "loss": measure_loss(machine, plan) if has_nft else [],
    }
