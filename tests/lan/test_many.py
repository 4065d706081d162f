# SPDX-License-Identifier: MIT
"""Many services of one host: no datagram carries them, and everybody has them whole, fetched once."""

import json

from lab import LanTest, main

SERVICES = 200
FIRST_PORT = 1000


def service(number):
    return {
        "type": f"type{number % 10}",
        "proto": "tcp" if number % 3 else "udp",
        "port": FIRST_PORT + number,
        "name": f"service {number}",
        "txt": {"path": f"/{number}", "note": "ä" * 20},
    }


def sort_key(offer):
    return offer["port"]


class Many(LanTest):
    HOSTS = 3
    ISOLATED = True

    def setUp(self):
        super().setUp()
        self.others = [self.there, self.third]
        self.offered = [service(number) for number in range(SERVICES)]
        config = self.lan.directory / "many.json"
        config.write_text(json.dumps({"name": "many", "services": self.offered}))
        self.listeners = [host.announce(f"listener{host.number}") for host in self.others]
        self.watches = [host.watch() for host in self.others]
        for watch, host in zip(self.watches, self.others):
            watch.await_event("joined", name=f"listener{host.number}")
        self.many = self.here.start("announce", "--config", str(config))

    def await_all(self):
        """Every watch tells of all that is offered now, and of nothing else."""
        for watch in self.watches:

            def is_told(watch=watch):
                events = watch.events(name="many")
                return events and sorted(events[-1][1]["services"], key=sort_key) == self.offered

            self.lan.wait_for(is_told, "what is offered")

    def check_listings(self):
        for host in self.others:
            rows = host.json("services", "--json")["services"]
            members = ("type", "proto", "port", "name", "txt")
            listed = [{name: row[name] for name in members} for row in rows]
            self.assertEqual(sorted(listed, key=sort_key), self.offered)
            self.assertEqual({row["address"] for row in rows}, {self.here.address})
            of_type = [s["port"] for s in self.offered if s["type"] == "type7"]
            resolved = host.run("resolve", "type7")
            ports = [int(line.rsplit(":", 1)[1]) for line in resolved.lines]
            self.assertEqual(sorted(ports), of_type, resolved.describe())

    def fetched(self):
        return [host.json("show", "--self", "--json")["counters"]["documents"] for host in self.others]

    def test_seen_and_changed(self):
        self.await_all()
        self.check_listings()
        self.assertEqual(self.fetched(), [1, 1])

        gone, moved = self.offered[7], self.offered[17]
        added = {"type": "type7", "proto": "tcp", "port": 9000, "name": "", "txt": {"path": "/new"}}
        moved["txt"] = {"path": "/moved"}
        proto = {"tcp": "", "udp": "/udp"}
        moved_spec = f"{moved['type']}:{moved['port']}{proto[moved['proto']]},name={moved['name']},txt.path=/moved"
        gone_spec = f"{gone['type']}:{gone['port']}{proto[gone['proto']]}"
        update = self.here.run(
            "update", "--remove", gone_spec, "--service", moved_spec, "--service", "type7:9000,txt.path=/new"
        )
        self.assertEqual((update.code, update.out, update.error), (0, "", ""), update.describe())
        self.offered = [s for s in self.offered if s is not gone] + [added]
        self.await_all()
        self.check_listings()
        self.assertEqual(self.fetched(), [2, 2])
        for watch in self.watches:
            events = [event for _, event in watch.events(name="many")]
            self.assertEqual([event["event"] for event in events], ["joined", "changed", "changed"])
            self.assertEqual([event["partial"] for event in events], [True, False, False])

    def test_looking_without_a_muster(self):
        """Who only looks fetches them too, whole, and at once."""
        self.await_all()
        self.others.append(self.here)
        for listener in self.listeners:
            listener.stop()
        self.check_listings()
        for host in self.others[:2]:
            watch = host.watch("--direct", "--count", "2", "--timeout", "10").finish()
            whole = [event for _, event in watch.events() if len(event["services"]) == SERVICES]
            self.assertTrue(whole, watch.describe())

    def test_shrinks_into_a_datagram(self):
        """What fits an announcement again needs no stream."""
        self.await_all()
        kept = self.offered[:3]
        removals = []
        for gone in self.offered[3:]:
            removals += ["--remove", f"{gone['type']}:{gone['port']}{'/udp' if gone['proto'] == 'udp' else ''}"]
        self.assertEqual(self.here.run("update", *removals).code, 0)
        self.offered = kept
        self.await_all()
        self.assertEqual(self.fetched(), [1, 1])


if __name__ == "__main__":
    main()
