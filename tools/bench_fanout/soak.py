# SPDX-License-Identifier: MIT
"""One publisher and two subscribers of many records for long: do memory or open files grow?"""

import os
import pathlib
import time

from field import Field, Machine, Run, System
from lab import Lab

RATE = 50000  # records a second
SUBSCRIBERS = 2
SETTLED_S = 30  # what grows until then is tables and buffers that fill
SAMPLE_S = 1.0
PATIENCE_MS = 3000
SOAKED = System("muster", "muster", 40, "number", "record")


def sample(process):
    """Resident kB and open files."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]), len(os.listdir(f"/proc/{process.pid}/fd"))


def watch(run, seconds):
    """Seconds since it began, and a sample of each process, by the second."""
    began = time.monotonic()
    samples = []
    while time.monotonic() - began < seconds - SAMPLE_S:
        run.field.lab.never(lambda: False, "", SAMPLE_S)
        run.check()
        samples.append((time.monotonic() - began, [sample(p) for p in (run.publisher, *run.subscribers)]))
    return samples


def growth(samples, place, settled_s):
    settled = [found[place] for second, found in samples if second >= settled_s]
    (rss_kb, fds), (rss_end_kb, fds_end) = settled[0], settled[-1]
    return {
        "process": "publisher" if place == 0 else f"subscriber {place}",
        "rss_kb": rss_kb,
        "rss_growth_kb": rss_end_kb - rss_kb,
        "rss_max_kb": max(rss for rss, _ in settled),
        "fds": fds,
        "fds_growth": fds_end - fds,
    }


def measure(programs, seconds):
    settled_s = min(SETTLED_S, seconds / 3)
    with Lab(SUBSCRIBERS + 2) as lab:
        run = Run(Field(lab, Machine(programs)), SOAKED)
        try:
            run.start(RATE, seconds, False, PATIENCE_MS)
            run.go()
            samples = watch(run, seconds)
            figures = run.finish(seconds)
        finally:
            run.close()
    processes = [growth(samples, place, settled_s) for place in range(1 + SUBSCRIBERS)]
    return {"seconds": seconds, "settled_s": settled_s, "processes": processes, **figures}


def show(result):
    print(f"{result['seconds']} s, 1 publisher of {result['records_s']:.0f} records/s, {SUBSCRIBERS} subscribers that "
          f"read each: {100 * result['loss']:.3g} % lost, {result['disordered']} out of order; after the first "
          f"{result['settled_s']:.0f} s:")
    for row in result["processes"]:
        print(f"  {row['process']:14} resident {row['rss_kb']} kB, grew by {row['rss_growth_kb']} kB, at most "
              f"{row['rss_max_kb']} kB; {row['fds']} open files, grew by {row['fds_growth']}")
