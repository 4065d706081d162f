# SPDX-License-Identifier: MIT
"""What fanout.py measured, for people."""

import statistics

from fanout import BEFORE, FAMILIES, FULL_DATAGRAMS, LATENCY_RATE, LOSSY_RATE, MUSTER, PLAIN, WORKLOADS


def spread(values, scale=1.0):
    """Smallest, median and largest; "-" where there are none."""
    known = sorted(scale * value for value in values if value is not None)
    if not known:
        return "-"
    return "/".join(brief(value) for value in three(known))


def brief(value):
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def three(known):
    return (known[0], statistics.median(known), known[-1]) if len(known) > 1 else known


def of(runs, member):
    return [run and run.get(member) for run in runs]


def ratios(runs, others, member):
    """Of runs taken one after the other."""
    pairs = zip(of(runs, member), of(others, member))
    return [mine / other for mine, other in pairs if mine is not None and other]


def crowd(count):
    return "1 subscriber" if count == 1 else f"{count} subscribers"


def show_rates(rows):
    for workload in WORKLOADS:
        for count in sorted({row["subscribers"] for row in rows}):
            block = [row for row in rows if row["workload"] == workload and row["subscribers"] == count]
            print(f"{workload}, {crowd(count)}, less than 0.1 % lost at each")
            print(f"{'':28}{'datagrams/s, k':>20}{'records/s, k':>20}{'us/datagram':>14}{'us/record':>12}"
                  f"{'x GSO':>8}{'x plain':>9}")
            for row in block:
                show_rate(row, block[0], block[1])


def show_rate(row, gso, plain):
    """CPU time is that of all processes together for what one of them got. Ratios are of datagrams where all of
    them are full, else of records."""
    runs = row["runs"]
    compares_datagrams = row["workload"] == FULL_DATAGRAMS and any(of(runs, "datagrams_s"))
    member = "datagrams_s" if compares_datagrams else "records_s"
    print(f"  {row['system']:26}"
          f"{spread(of(runs, 'datagrams_s'), 1e-3):>20}"
          f"{spread(of(runs, 'records_s'), 1e-3):>20}"
          f"{middle(of(runs, 'cpu_us_per_datagram')):>14}"
          f"{middle(of(runs, 'cpu_us_per_record')):>12}"
          f"{middle(ratios(runs, gso['runs'], member)):>8}"
          f"{middle(ratios(runs, plain['runs'], member)):>9}")


def show_sealed(rows):
    for clear, sealed in zip(rows[::2], rows[1::2]):
        print(f"{clear['workload']}, {crowd(clear['subscribers'])}: {spread(of(clear['runs'], 'datagrams_s'), 1e-3)} k "
              f"datagrams/s, sealed {spread(of(sealed['runs'], 'datagrams_s'), 1e-3)}: "
              f"{middle(ratios(sealed['runs'], clear['runs'], 'datagrams_s'))} x, "
              f"CPU time {middle(ratios(sealed['runs'], clear['runs'], 'cpu_us_per_datagram'))} x, medians of pairs")


def show_families(rows):
    for row in rows:
        systems = row["systems"]
        for v4, v6 in zip(FAMILIES[::2], FAMILIES[1::2]):
            mine, other = systems[v6.name], systems[v4.name]
            print(f"{crowd(row['subscribers'])}, {v4.name}: {spread(of(other, 'datagrams_s'), 1e-3)} k datagrams/s, IPv6 "
                  f"{spread(of(mine, 'datagrams_s'), 1e-3)}: {middle(ratios(mine, other, 'datagrams_s'))} x; CPU time of "
                  f"the publisher {middle(ratios(mine, other, 'publisher_us'))} x, "
                  f"of a subscriber {middle(ratios(mine, other, 'subscriber_us'))} x, medians of pairs; "
                  f"lost at most {100 * max(filter(None.__ne__, of(other + mine, 'loss')), default=0):.2g} %")


def middle(values):
    known = [value for value in values if value is not None]
    return brief(statistics.median(known)) if known else "-"


def show_curves(rows):
    """Of several turns the middle one, and the worst loss. A pace that a system did not keep up with is shown by what it
    came to."""
    for count in sorted({row["subscribers"] for row in rows}):
        block = [row for row in rows if row["subscribers"] == count]
        systems = list(block[0]["systems"])
        print(f"each pace, datagrams of 200 bytes, {crowd(count)}; us: CPU time for each datagram delivered")
        print(f"{'':14}" + "".join(f"{name:^44}" for name in systems))
        print(f"{'asked, k/s':>14}" + f"{'sent, k/s':>11}{'lost, %':>9}{'publ., us':>12}{'subscr., us':>12}" * len(systems))
        for row in block:
            asked = f"{row['asked_s'] / 1e3:.0f}" if row["asked_s"] else "as many as go"
            print(f"{asked:>14}" + "".join(show_point(points) for points in row["systems"].values()))
        if BEFORE in systems:
            show_against(block)


def show_against(block):
    """Medians, over all turns at all paces, of what the two builds came to one after the other."""
    pairs = [
        pair
        for row in block
        for pair in zip(row["systems"][MUSTER.name], row["systems"][BEFORE])
        if all(pair)
    ]
    for what, cost in (
        ("delivered", lambda point: point["datagrams_s"] * (1 - point["loss"])),
        ("CPU time, publisher", lambda point: point["publisher_us"]),
        ("CPU time, subscriber", lambda point: point["subscriber_us"]),
    ):
        found = [cost(now) / cost(before) for now, before in pairs if cost(before)]
        print(f"now by before, {what}: {spread(found)} of {len(found)} pairs")


def show_point(points):
    found = [point for point in points if point]
    lost = brief(max(100 * point["loss"] for point in found)) if found else "-"
    sent = [point["datagrams_s"] / 1e3 for point in found]
    return f"{middle(sent):>11}{lost:>9}{middle(of(points, 'publisher_us')):>12}{middle(of(points, 'subscriber_us')):>12}"


def show_latency(rows):
    for count in sorted({row["subscribers"] for row in rows}):
        block = {row["system"]: row["runs"] for row in rows if row["subscribers"] == count}
        print(f"one way at {LATENCY_RATE} messages/s of 200 bytes, {crowd(count)}")
        print(f"{'':28}{'median p50, us':>20}{'worst p99, us':>20}{'p99 x plain, median of pairs':>32}")
        for name, runs in block.items():
            pairs = ratios(runs, block[PLAIN.name], "p99_us")
            print(f"  {name:26}{spread(of(runs, 'p50_us')):>20}{spread(of(runs, 'p99_us')):>20}"
                  f"{f'{middle(pairs)} of {len(pairs)}':>32}")


def show_loss(rows):
    base = next((row["runs"] for row in rows if row["loss_percent"] == 0), [])
    for row in rows:
        runs = row["runs"]
        added = [run["p99_us"] - other["p99_us"] for run, other in zip(runs, base) if run and other]
        print(f"{crowd(row['subscribers'])}, {row['loss_percent']:2} % lost at each, {LOSSY_RATE} full "
              f"datagrams/s: missing {spread(of(runs, 'missing'))}, sent {spread(of(runs, 'bytes_ratio'))} x the "
              f"bytes, p99 in order {spread(of(runs, 'p99_us'), 1e-3)} ms, added {spread(added, 1e-3)} ms, "
              f"pace {spread(of(runs, 'pace'))}")


def show(result):
    for name, why in result["skipped"].items():
        print(f"{name} is skipped: {why}")
    parts = {"sealed": show_sealed, "families": show_families, "curves": show_curves, "rates": show_rates, "latency": show_latency, "loss": show_loss}
    for part, show_part in parts.items():
        if part in result:
            show_part(result[part])
