# SPDX-License-Identifier: MIT
"""Readings through muster bridge mqtt to a broker on another host, beside a bare publisher of the same payloads and
beside a pipe of two commands; and a million readings that wait for a broker that is away."""

import os
import time

from lab import Lab

TOPICS = 10
COUNT = 200_000
PIPE_COUNT = 20_000
QUEUED = 1_000_000
AWAY_S = 300
RUNS = 3
CHUNK = 2000
CONFIG = "allow_anonymous true\nlistener 1883 0.0.0.0\nmax_queued_messages 0\nuser root\n"


def start_broker(host):
    config = host.lab.directory / "mosquitto.conf"
    config.write_text(CONFIG)
    broker = host.start_program("/usr/sbin/mosquitto", "-c", str(config))
    host.lab.wait_for(lambda: "running" in broker.error, "the broker")
    return broker


def lines(first, count):
    return "".join(
        f'{{"n":"bench/t{number % TOPICS}","u":"Cel","v":{number % 100}.5}}\n' for number in range(first, first + count)
    )


def count_at_broker(host, topic, count):
    """Ends when so many messages have come."""
    process = host.start_program("sh", "-c", f"exec mosquitto_sub -t '{topic}' -C {count} -F x >/dev/null; :")
    time.sleep(0.5)  # it has subscribed
    return process


def feed(lab, publisher, count, rate_s=None):
    """Writes readings; while somebody reads what others say."""
    began, first = time.monotonic(), 0
    while first < count:
        more = min(CHUNK, count - first)
        publisher.write(lines(first, more))
        first += more
        lab.pump(0)
        while rate_s and first > (time.monotonic() - began) * rate_s:
            lab.pump(0.005)


def measure_bare(lab, here, there, program):
    counter = count_at_broker(there, "muster/bare/#", COUNT)
    began = time.monotonic()
    here.start_program(str(program), there.address, str(COUNT), str(TOPICS))
    lab.wait_for(lambda: counter.code is not None, "all messages", 300)
    return COUNT / (time.monotonic() - began)


def start_bridge(lab, here, there, *options):
    bridge = here.start("bridge", "mqtt", "--site", "west", "--broker", there.address, "--out", "bench/#", "--no-peers", *options)
    lab.wait_for(lambda: "carries for" in bridge.error, "the bridge carries")
    return bridge


def measure_bridge(lab, here, there):
    bridge = start_bridge(lab, here, there)
    publisher = here.start("publish", "--name", "thermo", "--rate", "1000M")
    counter = count_at_broker(there, "muster/west/thermo/bench/#", COUNT)
    began = time.monotonic()
    feed(lab, publisher, COUNT)
    lab.wait_for(lambda: counter.code is not None, f"all messages\n{bridge.error}", 300)
    rate = COUNT / (time.monotonic() - began)
    publisher.close_input()
    publisher.finish()
    bridge.stop()
    return rate


def measure_pipe(lab, here, there):
    command = f"\"$0\" subscribe --ndjson 'bench/#' | mosquitto_pub -h {there.address} -t pipe -q 1 -l"
    pipe = here.start_program("sh", "-c", command, os.environ["MUSTER"])
    publisher = here.start("publish", "--name", "thermo", "--rate", "1000M")
    counter = count_at_broker(there, "pipe", PIPE_COUNT)
    began = time.monotonic()
    feed(lab, publisher, PIPE_COUNT)
    lab.wait_for(lambda: counter.code is not None, f"all messages\n{pipe.error}", 300)
    rate = PIPE_COUNT / (time.monotonic() - began)
    publisher.close_input()
    publisher.finish()
    return rate


def measure_queue():
    """A million readings come in while the broker is away: the bridge's memory, and what arrives."""
    with Lab(2) as lab:
        here, there = lab.hosts
        broker = start_broker(there)
        bridge = start_bridge(lab, here, there, "--queue", str(2 * QUEUED))
        publisher = here.start("publish", "--name", "thermo", "--rate", "1000M")
        counter = count_at_broker(there, "muster/west/thermo/bench/#", 10)
        feed(lab, publisher, 10)
        lab.wait_for(lambda: counter.code is not None, "the first")
        broker.signal(9)
        lab.wait_for(lambda: broker.code is not None, "its end")
        peak_kb, began = 0, time.monotonic()
        for part in range(100):
            feed(lab, publisher, QUEUED // 100, QUEUED / AWAY_S)
            peak_kb = max(peak_kb, bridge.resident_kb())
        away_s = time.monotonic() - began
        broker = start_broker(there)
        listener = there.start_program("sh", "-c", f"mosquitto_sub -q 1 -V 5 -i count -c -t 'muster/west/thermo/bench/#' -C {QUEUED} "
                                       "| grep -o '\"ref\":\"[^\"]*\"' | sort | uniq -c | awk '{n++; d += $1 - 1} END {print n, d}'")  # fmt: skip
        began = time.monotonic()
        lab.wait_for(lambda: (peak_kb := bridge.resident_kb()) and listener.code is not None, f"all of them\n{bridge.error}", 900)
        drain_s = time.monotonic() - began
        peak_kb = max(peak_kb, bridge.resident_kb())
        different, double = map(int, listener.out.split())
        return {
            "readings": QUEUED, "away_s": away_s, "peak_mb": peak_kb / 1024, "drain_s": drain_s,
            "arrived": different, "double": double, "said": bridge.error.count("are lost"),
        }  # fmt: skip


def measure(program, quick):
    rates = {"bare": [], "bridge": [], "pipe": []}
    for _ in range(RUNS):
        with Lab(2) as lab:
            here, there = lab.hosts
            start_broker(there)
            rates["bare"].append(measure_bare(lab, here, there, program))
            rates["bridge"].append(measure_bridge(lab, here, there))
            rates["pipe"].append(measure_pipe(lab, here, there))
    return {"topics": TOPICS, "rates": rates, "queue": None if quick else measure_queue()}


def show(result):
    middle = {name: sorted(rates)[len(rates) // 2] for name, rates in result["rates"].items()}
    for name, rates in result["rates"].items():
        print(f"{name:8}{middle[name]:10.0f} readings/s  ({', '.join(f'{rate:.0f}' for rate in rates)})")
    print(f"the bridge carries {middle['bridge'] / middle['bare']:.2f} x a bare publisher, {middle['bridge'] / middle['pipe']:.1f} x the pipe")
    queue = result["queue"]
    if queue:
        print(f"{queue['readings']} readings while the broker is away for {queue['away_s']:.0f} s: {queue['peak_mb']:.1f} MB resident at most, "
              f"{queue['arrived']} arrived {queue['drain_s']:.0f} s after it was back, {queue['double']} of them twice")
