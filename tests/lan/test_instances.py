# SPDX-License-Identifier: MIT
"""Two musters on one host are two peers, and each stays who it is."""

from lab import LanTest, main


class Instances(LanTest):
    def meet(self, watch, count):
        """The ids of the first so many that joined."""

        def joined():
            return len(watch.events("joined")) >= count and watch.events("joined")

        return [event["id"] for _, event in watch.lab.wait_for(joined, f"{count} peers")]

    def test_two_names(self):
        lab = self.lab(2)
        here, there = lab.hosts
        there.announce("red")
        there.announce("blue")
        for host in (here, there):
            ids = self.meet(host.watch(), 2)
            self.assertEqual(len(set(ids)), 2)
        rows = here.peers()
        self.assertEqual(sorted(row["name"] for row in rows), ["blue", "red"])
        self.assertEqual(len({(row["address"], row["port"]) for row in rows}), 2)

    def test_one_name(self):
        lab = self.lab(2)
        here, there = lab.hosts
        watch = here.watch()
        first = there.announce("twin")
        first_id = self.meet(watch, 1)[0]
        second = there.announce("twin")
        ids = self.meet(watch, 2)
        self.assertEqual(len(set(ids)), 2)
        self.assertEqual({path.name for path in there.state.iterdir()}, {"twin", "twin+2"})

        # A listing tells them apart by the first digits of their ids.
        listing = here.run("peers")
        for peer_id in ids:
            self.assertRegex(listing.out, rf"twin \({peer_id[:4]}")
        ambiguous = here.run("show", "twin")
        self.assertEqual(ambiguous.code, 1, ambiguous.describe())
        for peer_id in ids:
            self.assertIn(peer_id, ambiguous.error)
            self.assertEqual(here.run("show", f"id:{peer_id}").code, 0)

        # Both keep their slots, and so their ids, when they start again in the same order.
        first.stop()
        second.stop()
        there.announce("twin")
        watch.await_event("restarted", id=first_id)
        there.announce("twin")
        watch.await_event("restarted", id=[i for i in ids if i != first_id][0])

    def test_one_instance_is_held(self):
        lab = self.lab(1)
        (host,) = lab.hosts
        watch = host.watch()
        host.announce("one", "--instance", "shared")
        watch.await_event("joined", name="one")
        second = host.announce("two", "--instance", "shared").finish()
        self.assertEqual((second.code, second.error.count("\n")), (1, 1), second.describe())


if __name__ == "__main__":
    main()
