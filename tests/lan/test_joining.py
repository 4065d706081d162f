# SPDX-License-Identifier: MIT
"""Late joiners: who starts where a thousand are already has them all at once, by one table."""

import signal
import time

from lab import LanTest, main, note
from wire import Crowd, Stream, crowd_size

CROWD = 1000
SMALL_CROWD = 100
TABLE_BYTES = 60_000
NEW_S = 10  # who started so lately gives no table to who asks everybody
TCP_PORTS = "19798-19829"


class TcpCounter:
    """Bytes of streams, with their headers, that a host was sent by the musters of others."""

    def __init__(self, host):
        self.host = host
        host.nft(
            "table ip streams {\n"
            "chain incoming { type filter hook input priority 0;\n"
            f'iifname "{host.interface}" tcp sport {TCP_PORTS} counter\n'
            "}\n"
            "}\n"
        )

    def bytes(self):
        rules = [item["rule"] for item in self.host.nft_list("table", "ip", "streams") if "rule" in item]
        return sum(part["counter"]["bytes"] for rule in rules for part in rule["expr"] if "counter" in part)


class TcpQuota:
    """Lets so many bytes of streams leave a host's musters, and drops all after them."""

    def __init__(self, host, kbytes):
        self.host = host
        host.nft(
            "table ip streams {\n"
            f"quota given {{ over {kbytes} kbytes }}\n"
            "chain outgoing { type filter hook output priority 0;\n"
            f"tcp sport {TCP_PORTS} quota name given drop\n"
            "}\n"
            "}\n"
        )

    def is_over(self):
        quotas = [item["quota"] for item in self.host.nft_list("quotas") if "quota" in item]
        return any(quota["used"] >= quota["bytes"] for quota in quotas)  # it counts no further

    def end(self):
        self.host.nft("delete table ip streams\n")


class Joining(LanTest):
    def meet(self, count, hosts=3, **crowd):
        """A crowd at one muster, whose table it is in."""
        self.lan = self.lab(hosts)
        self.lan.require_isolation()
        self.here, self.there, *self.others = self.lan.hosts
        self.keeper = self.here.announce("keeper")
        self.watch = self.here.watch()
        self.watch.await_event("joined", name="keeper")
        self.grow_old()
        self.crowd = Crowd(self.others[-1], count, **crowd)
        self.crowd.join(self.watch)

    def grow_old(self):
        """Waits until whoever runs now is not new any more."""
        started = time.monotonic()
        self.lan.wait_for(lambda: time.monotonic() > started + NEW_S, "nobody is new")

    def socket_of(self, host, instance):
        return self.lan.wait_for(lambda: next(host.state.glob(f"{instance}/socket"), None), f"socket of {instance}")

    def join(self, what, join, count):
        """Prints how long a join took; join() returns its seconds."""
        note(f"{what} had all {count} after {1000 * join():.0f} ms")

    def announces(self):
        """Seconds from the start of a muster announce until its own socket tells of everybody."""
        started = time.monotonic()
        joiner = self.there.announce("joiner")
        stream = Stream(self.there, self.socket_of(self.there, "joiner")).ask("watch")
        self.lan.wait_for(lambda: stream.raw.count(b'"name":"crowd') >= len(self.crowd.ids), "the crowd")
        seconds = time.monotonic() - started
        stream.close()
        joiner.stop()
        return seconds

    def looks(self):
        """Seconds that a look at the network took."""
        started = time.monotonic()
        rows = self.there.peers("--direct")
        seconds = time.monotonic() - started
        self.assertEqual(len(rows), len(self.crowd.ids) + 1)
        self.assertEqual(sum(row["provisional"] for row in rows), len(self.crowd.ids))
        return seconds

    def watches(self):
        started = time.monotonic()
        watch = self.there.watch("--direct")
        self.lan.wait_for(lambda: crowd_size(watch) >= len(self.crowd.ids), "the crowd")
        seconds = watch.lines[-1].stamp - started
        watch.stop()
        return seconds

    def deflates(self):
        """Asks the keeper of the crowd for its table."""
        (row,) = self.there.peers("--direct", "keeper")
        request = b'{"muster":1,"request":"table","deflate":true}\n'
        stream = Stream(self.there, (self.here.address, row["port"])).ask(request)
        lines = self.lan.wait_for(stream.inflated, "a deflated table")
        self.assertEqual(lines[-1], {"end": "done", "count": len(self.crowd.ids)})
        self.assertEqual({line["id"] for line in lines if "kind" in line}, set(self.crowd.ids))

    def test_a_thousand(self):
        self.meet(CROWD)
        counter = TcpCounter(self.there)
        self.join("muster announce", self.announces, CROWD)
        table_bytes = counter.bytes()
        note(f"the table took {table_bytes} bytes")
        self.assertLess(table_bytes, TABLE_BYTES)
        self.assertGreater(table_bytes, CROWD * 20)
        self.join("muster peers --direct", self.looks, CROWD)
        self.join("muster watch --direct", self.watches, CROWD)
        self.assertEqual(len(self.there.peers("--direct", "keeper")), 1)

    def test_a_hundred(self):
        self.meet(SMALL_CROWD)
        self.join("muster announce", self.announces, SMALL_CROWD)
        self.join("muster peers --direct", self.looks, SMALL_CROWD)
        self.join("muster watch --direct", self.watches, SMALL_CROWD)
        self.deflates()

    def test_hearsay_ends_when_heard(self):
        self.meet(SMALL_CROWD)
        self.there.announce("joiner")
        stream = Stream(self.there, self.socket_of(self.there, "joiner")).ask("watch")
        self.lan.wait_for(lambda: stream.raw.count(b'"name":"crowd') >= SMALL_CROWD, "the crowd")
        listing = self.there.run("peers", "crowd*")
        self.assertEqual(sum("crowd" in line and "~" in line for line in listing.lines), SMALL_CROWD)
        self.assertIn(f"{SMALL_CROWD} provisional (~)", listing.error)

        def provisional():
            return {row["name"] for row in self.there.peers("crowd*") if row["provisional"]}

        everybody = {f"crowd{number}" for number in range(SMALL_CROWD)}
        self.assertEqual(provisional(), everybody)
        self.crowd.say("alive", 1)
        self.crowd.announce(2)
        self.lan.wait_for(lambda: provisional() == everybody - {"crowd1", "crowd2"}, "two were heard")
        # What its own datagrams said counts from now on, the address that they came from too.
        (row,) = self.there.peers("crowd1")
        self.assertEqual((row["state"], row["address"], row["received"]), ("alive", self.others[-1].address, 1))
        self.assertFalse([row for row in self.there.peers("keeper") if row["provisional"]])

    def test_hearsay_ends_when_nobody_speaks(self):
        """Then it is lost by itself: others who only told of somebody make nobody ask."""
        self.meet(SMALL_CROWD, next_ms=3000)
        watch = self.there.watch("--direct")
        for event in ("joined", "lost"):
            self.lan.wait_for(lambda event=event: crowd_size(watch, event) == SMALL_CROWD, f"all are {event}")
        self.assertFalse(watch.events("suspect"))
        self.assertTrue(all(event["provisional"] for _, event in watch.events("lost")))

    def test_without_streams(self):
        """Where no TCP passes everybody answers for himself."""
        self.meet(SMALL_CROWD)
        self.crowd.answer(self.others[-1])
        for how in ("drop", "reject with tcp reset"):
            self.there.nft(
                "table ip streams\n"
                "delete table ip streams\n"
                "table ip streams {\n"
                "chain outgoing { type filter hook output priority 0;\n"
                f"tcp dport {TCP_PORTS} {how}\n"
                "}\n"
                "}\n"
            )
            started = time.monotonic()
            rows = self.there.peers("--direct")
            note(f"where streams are stopped by {how}, a look took {1000 * (time.monotonic() - started):.0f} ms")
            self.assertEqual(len(rows), SMALL_CROWD + 1)
            self.assertFalse([row["name"] for row in rows if row["provisional"]])

    def test_the_teller_dies(self):
        """In the middle of its table, and the other one who has it goes on."""
        self.meet(CROWD, hosts=4)
        second, joiner = self.there, self.others[0]
        tellers = {self.here: self.keeper, second: second.announce("second")}
        stream = Stream(second, self.socket_of(second, "second")).ask("watch")
        self.lan.wait_for(lambda: stream.raw.count(b'"name":"crowd') >= CROWD, "the crowd")
        stream.close()
        for number in range(CROWD):  # heard by itself, for hearsay is not passed on
            self.crowd.say("alive", number)
            if number % 50 == 49:

                def heard(number=number):
                    return second.json("show", "--self", "--json")["counters"]["accepted"] > number

                self.lan.wait_for(heard, "alives")
        self.lan.wait_for(lambda: not [row for row in second.peers() if row["provisional"]], "all are heard")
        self.grow_old()
        quotas = {host: TcpQuota(host, 15) for host in tellers}
        joiner.announce("joiner")
        stream = Stream(joiner, self.socket_of(joiner, "joiner")).ask("watch")
        self.lan.wait_for(lambda: b'"name":"crowd' in stream.raw, "the first rows")
        self.lan.wait_for(lambda: any(quota.is_over() for quota in quotas.values()), "the middle of a table")
        (victim,) = [host for host, quota in quotas.items() if quota.is_over()]
        tellers[victim].signal(signal.SIGKILL)
        for host, quota in quotas.items():
            if host is not victim:
                quota.end()
        self.lan.wait_for(lambda: stream.raw.count(b'"name":"crowd') >= CROWD, "the crowd")
        def figures():
            counters = joiner.json("show", "--self", "--json")["counters"]
            return counters["tables"], counters["fetches_failed"]

        self.lan.wait_for(lambda: figures() == (1, 1), "the end of both tables")
        self.assertGreaterEqual(len(joiner.peers("crowd*")), CROWD)


if __name__ == "__main__":
    main()
