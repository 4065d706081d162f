# SPDX-License-Identifier: MIT
"""Where multicast is filtered broadcast alone is enough, and the other way round."""

import signal

from lab import LanTest, main

MULTICAST = "ip daddr 224.0.0.0/4"
BROADCAST = "ip daddr 255.255.255.255"


class Paths(LanTest):
    def meet_without(self, filtered, path, other):
        lab = self.lab(3)
        lab.require_isolation()
        for host in lab.hosts:
            host.drop_incoming(filtered)
        watches = [host.watch() for host in lab.hosts]
        peers = [host.announce(f"host{host.number}") for host in lab.hosts]
        for watch in watches:
            for host in lab.hosts:
                watch.await_event("joined", name=f"host{host.number}")
        for host in lab.hosts:

            def others(host=host):
                """Nothing had to bring its own."""
                return [row["paths"] for row in host.peers() if not row["self"]]

            def are_heard(others=others):
                rows = others()
                return len(rows) == len(lab.hosts) - 1 and all(path in paths for paths in rows)

            lab.wait_for(are_heard, f"host {host.number} hears all by {path}")
            self.assertFalse([paths for paths in others() if other in paths])
        listing = lab.hosts[0].run("peers")
        self.assertIn(path, listing.out)
        self.assertNotIn(other, listing.out)

        peers[2].signal(signal.SIGTERM)
        peers[1].signal(signal.SIGKILL)
        watches[0].await_event("left", name="host3")
        watches[0].await_event("lost", name="host2")

    def test_broadcast_alone(self):
        self.meet_without(MULTICAST, "b4", "m4")

    def test_multicast_alone(self):
        self.meet_without(BROADCAST, "m4", "b4")

    def test_both_are_shown(self):
        lab = self.lab(2)
        here, there = lab.hosts
        watch = here.watch()
        there.announce("peer")
        watch.await_event("joined", name="peer")
        lab.wait_for(lambda: [row for row in here.peers() if {"m4", "b4"} <= set(row["paths"])], "both paths")


if __name__ == "__main__":
    main()
