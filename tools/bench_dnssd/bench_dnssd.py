# SPDX-License-Identifier: MIT
"""How soon `muster bridge dnssd` carries a service, one and many, both ways, and what it costs while nothing happens."""

import pathlib
import time

import dnssd
import lab

RUNS = 7
MANY = 300
IDLE_S = 30
HTTP = "_http._tcp.local."


def cpu_s(process):
    return int(pathlib.Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9


def took(network, condition, what):
    began = time.monotonic()
    network.wait_for(condition, what)
    return time.monotonic() - began


def measure():
    """The other stack of DNS-SD is python3-zeroconf. A time begins when the registration is done, or when the command
    that changes what is offered has ended, and ends when a listing there has the service."""
    missing = dnssd.missing()
    if missing:
        return {"missing": missing}
    with lab.Lab(3) as network:
        here, there, third = network.hosts
        stack = dnssd.Stack(here).start()
        other = dnssd.Zeroconf(there)
        here.announce("nas")
        bridge = stack.bridge()
        network.wait_for(lambda: len(dnssd.rows(here, "nas")) == 2, "the bridge runs")
        result = {"in": [], "out": []}
        other.order("register", *([HTTP, f"service {i}", 1000 + i, dnssd.strings(b"path=/"), "other.local."] for i in range(MANY)))
        result["many_in"] = took(network, lambda: len(dnssd.brought(here, "nas")) == MANY, "all are brought")
        finder = dnssd.Zeroconf(third, HTTP)
        for number in range(RUNS):
            other.order("register", [HTTP, f"in {number}", 80, "", "other.local."])
            result["in"].append(took(network, lambda: f"in {number}" in dnssd.brought(here, "nas"), "it is brought"))
            here.run("update", "--instance", "nas", "--service", f"http:{8000 + number},name=out {number}")
            result["out"].append(took(network, lambda: f"out {number}" in finder.found(), "it is found"))
        finder.process.close()
        services = [word for i in range(MANY) for word in ("--service", f"http:{10000 + i},name=many {i}")]
        finder = dnssd.Zeroconf(third, HTTP)
        here.announce("many", *services)
        result["many_out"] = took(network, lambda: sum(name.startswith("many ") for name in finder.found()) == MANY, "all are found")
        finder.process.close()
        network.never(lambda: False, "", 10)
        before = [cpu_s(process) for process in (bridge, stack.avahi)]
        network.never(lambda: False, "", IDLE_S)
        after = [cpu_s(process) for process in (bridge, stack.avahi)]
        result["idle_percent"] = [100 * (b - a) / IDLE_S for a, b in zip(before, after)]
        result["resident_kb"] = bridge.resident_kb()
    return result


def show(result):
    if "missing" in result:
        print(f"left out: {result['missing']}")
        return
    for way in ("in", "out"):
        low, middle, high = (sorted(result[way])[i] for i in (0, RUNS // 2, -1))
        print(f"one service {way}: {low:.2f}/{middle:.2f}/{high:.2f} s; {MANY}: {result[f'many_{way}']:.1f} s")
    print(f"idle with {MANY} each way: {result['idle_percent'][0]:.2f} % of a core, {result['resident_kb'] / 1024:.1f} MB; "
          f"Avahi {result['idle_percent'][1]:.2f} %")
