# SPDX-License-Identifier: MIT
"""Eight hosts that each lose 30 % of what they receive: for a minute nobody is lost and nobody invented."""

import time
from collections import Counter

from lab import LanTest, main, note

HOSTS = 8
LOST_PERCENT = 30
DURING_S = 60
JOIN_DEADLINE_S = 60


class Loss(LanTest):
    def test_thirty_percent(self):
        lab = self.lab(HOSTS)
        lab.require_isolation()
        for host in lab.hosts:
            host.lose_incoming(LOST_PERCENT)
        watches = [host.watch() for host in lab.hosts]
        for host in lab.hosts:
            host.announce(f"host{host.number}")
        everyone = {f"host{host.number}" for host in lab.hosts}

        def all_joined():
            return all({e["name"] for _, e in watch.events("joined")} == everyone for watch in watches)

        started = time.monotonic()
        lab.wait_for(all_joined, "everyone sees everyone", JOIN_DEADLINE_S)
        note(f"{LOST_PERCENT} % lost: everyone saw everyone {time.monotonic() - started:.3f} s after the last start")

        def wrong():
            found = []
            for watch in watches:
                joined = Counter(event["id"] for _, event in watch.events("joined"))
                if len(joined) > HOSTS or max(joined.values()) > 1:
                    found.append((watch.name, joined))
                found += watch.events("lost", "left", "restarted", "conflict")
            return found

        lab.never(wrong, "lost or invented", DURING_S)
        suspected = sum(len(watch.events("suspect")) for watch in watches)
        note(f"{LOST_PERCENT} % lost for {DURING_S} s: nobody lost or invented, {suspected} suspicions dispelled")
        for host in lab.hosts:
            # One look in some may miss a peer whose answers were all lost, but never invents one.
            def lists_everyone():
                names = {row["name"] for row in host.peers()}
                self.assertLessEqual(names, everyone)
                return names == everyone

            lab.wait_for(lists_everyone, f"host{host.number} lists everyone")


if __name__ == "__main__":
    main()
