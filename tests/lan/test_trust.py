# SPDX-License-Identifier: MIT
"""Trust: who is listed, and names that are pinned to keys."""

import json
import signal
import stat

from lab import LanTest, main
from wire import Voice, encode, new_boot, new_id


class Trust(LanTest):
    def names(self, host, *arguments):
        return sorted(row["name"] for row in host.peers(*arguments) if row["state"] == "alive")

    def trust(self, host, *arguments, code=0):
        result = host.run("trust", *arguments)
        self.assertEqual(result.code, code, result.error)
        return result

    def test_a_pinned_name_is_for_its_key(self):
        lan = self.lab(3)
        one, two, three = lan.hosts
        one.announce("nas", "--service", "smb:445")
        here = two.announce("here")
        lan.wait_for(lambda: self.names(two) == ["here", "nas"], "all are there")
        self.trust(two, "pin", "nobody", code=4)
        self.trust(two, "pin", "nas")
        pins = json.loads(self.trust(two, "list", "--json").out)["pins"]
        (nas,) = [row for row in one.peers() if row["name"] == "nas"]
        self.assertEqual(pins, [{"name": "nas", "id": nas["id"]}])
        self.trust(two, "pin", "nas", nas["id"])
        self.trust(two, "pin", "nas", new_id(), code=1)
        self.assertEqual(self.names(two, "--trust", "pinned"), ["nas"])
        here.stop()

        here = two.announce("here")  # with a pin
        watch = two.watch()
        watch.await_event("joined", name="nas")
        three.announce("nas", "--service", "smb:445")
        _, conflict = watch.await_event("conflict", name="nas")
        self.assertNotEqual(conflict["id"], nas["id"])
        lan.wait_for(lambda: "than that name is pinned to" in here.error, "the announce says so")
        self.assertEqual([row["id"] for row in two.peers() if row["name"] == "nas"], [nas["id"]])
        self.assertEqual([row["id"] for row in two.peers("--direct") if row["name"] == "nas"], [nas["id"]])
        addresses = two.run("resolve", "nas/smb").out.splitlines()
        self.assertEqual(addresses, [f"{one.address}:445"])
        lan.wait_for(lambda: self.names(three) == ["here", "nas", "nas"], "who pinned nothing has both")

        self.trust(two, "forget", "nas")
        self.trust(two, "forget", "nas", code=4)
        lan.wait_for(lambda: self.names(two) == ["here", "nas", "nas"], "both are listed")

    def test_who_is_hidden_is_named(self):
        lan = self.lab(2)
        one, two = lan.hosts
        one.announce("nas", "--service", "smb:445")
        lan.wait_for(lambda: self.names(two) == ["nas"], "it is there")
        (nas,) = two.peers()
        self.assertIn("its name is pinned to none", two.run("why", "nas").out)
        self.assertNotIn("is hidden", two.run("doctor").out)
        pinned = new_id()
        self.trust(two, "pin", "nas", pinned)
        why = two.run("why", "nas")
        self.assertEqual(why.code, 4)
        for words in ("is heard, but hidden: its name is pinned to another key", pinned, nas["id"], "muster trust forget"):
            self.assertIn(words, why.out)
        verdicts = two.json("doctor", "--json", codes=(1,))["verdicts"]
        (verdict,) = [verdict for verdict in verdicts if verdict["id"] == "trust.pin"]
        self.assertIn(pinned, verdict["evidence"])
        self.assertIn(f"muster trust pin NAME {nas['id']}", verdict["fix"])
        self.trust(two, "forget", "nas")
        self.trust(two, "pin", "nas", nas["id"])
        self.assertIn("its name is pinned to that key", two.run("why", "nas").out)
        other = two.run("why", "nas", "--trust", "pinned")
        self.assertEqual(other.code, 0)

    def test_a_running_muster_with_other_pins(self):
        """As the service has them: it is not asked who is there."""
        lan = self.lab(2)
        one, two = lan.hosts
        socket = str(lan.directory / "socket")
        two.start("announce", "--name", "here", "--state-dir", str(lan.directory / "service"), "--socket", socket)
        one.announce("nas", "--service", "smb:666")
        lan.wait_for(lambda: two.run("show", "--socket", socket, "--self").code == 0, "the service answers")
        lan.wait_for(lambda: "nas" in self.names(two, "--socket", socket), "the impostor is listed")
        self.trust(two, "pin", "nas", new_id())
        self.assertEqual(self.names(two, "--socket", socket), ["here"])
        self.assertEqual(two.run("resolve", "--socket", socket, "nas/smb").code, 4)
        self.assertEqual(two.run("wait", "--socket", socket, "nas", "--timeout", "1").code, 124)
        watch = two.watch("--socket", socket)
        watch.await_event("conflict", name="nas")
        self.assertEqual(watch.events("joined", name="nas"), [])
        self.assertEqual(two.run("show", "--socket", socket, "--self").code, 0)
        (file,) = two.state.glob("**/keys/trusted")
        file.write_text("nas\n")
        self.assertEqual(two.run("peers", "--socket", socket).code, 1)

    def test_a_running_muster_that_trusts_fewer(self):
        """muster why names that, and whom it hides can be pinned."""
        lan = self.lab(2)
        one, two = lan.hosts
        two.announce("here", "--trust", "pinned")
        one.announce("nas")
        lan.wait_for(lambda: self.names(two, "--direct") == ["here", "nas"], "it is there")
        self.assertEqual(self.names(two), ["here"])
        why = two.run("why", "nas")
        self.assertEqual(why.code, 4)
        self.assertIn("ask again, or with --direct", why.out)
        self.assertIn("may use other interfaces, or not trust it", why.out)
        self.trust(two, "--trust", "pinned", "pin", "nas")

    def test_who_is_gone_is_not_pinned(self):
        lan = self.lab(2)
        one, two = lan.hosts
        two.announce("here")
        gone = one.announce("nas")
        lan.wait_for(lambda: self.names(two) == ["here", "nas"], "it is there")
        gone.stop()
        lan.wait_for(lambda: self.names(two) == ["here"], "its bye is heard")
        self.assertIn("nas", [row["name"] for row in two.peers()])
        self.trust(two, "pin", "nas", code=4)
        one.announce("nas", "--state-dir", str(lan.directory / "other"))
        lan.wait_for(lambda: self.names(two) == ["here", "nas"], "another one is there")
        (nas,) = [row for row in two.peers() if row["name"] == "nas" and row["state"] == "alive"]
        self.trust(two, "pin", "nas")
        self.assertEqual(json.loads(self.trust(two, "list", "--json").out)["pins"], [{"name": "nas", "id": nas["id"]}])

    def test_pins_change_while_one_is_looked_up(self):
        lan = self.lab(2)
        one, two = lan.hosts
        one.announce("nas")
        lan.wait_for(lambda: "nas" in self.names(two), "it is there")
        pin = two.start("trust", "pin", "nas")
        lan.wait_for(lambda: pin.has_sockets() or pin.done, "it looks")
        pin.signal(signal.SIGSTOP)
        if not pin.has_sockets():  # it may change the pins already, and others wait for that
            pin.signal(signal.SIGCONT)
        self.trust(two, "pin", "lamp", new_id())
        pin.signal(signal.SIGCONT)
        self.assertEqual(pin.finish().code, 0, pin.describe())
        pins = json.loads(self.trust(two, "list", "--json").out)["pins"]
        self.assertEqual({row["name"] for row in pins}, {"lamp", "nas"})

    def test_the_unsigned(self):
        lan = self.lab(2)
        one, two = lan.hosts
        one.announce("nas", "--service", "http:80")
        two.announce("here")
        lan.wait_for(lambda: self.names(two) == ["here", "nas"], "all are there")
        voice = Voice(one)
        service = [{"type": "http", "proto": "tcp", "port": 80}]
        header = {"id": new_id(), "boot": new_boot(), "rev": 1, "next_ms": 600_000, "peers": 0}
        voice.say(encode(kind="announce", seq=1, name="micro", services=service, **header))
        lan.wait_for(lambda: self.names(two) == ["here", "micro", "nas"], "the unsigned one is listed")
        self.assertEqual(two.run("resolve", "micro/http", "--verified").code, 4)
        self.assertEqual(two.run("resolve", "http", "--verified").out, f"{one.address}:80\n")
        self.assertEqual(two.run("services", "http", "--verified", "--format", "{name}").out, "nas\n")
        self.assertEqual(self.names(two, "--trust", "signed"), ["here", "nas"])

    def test_what_is_no_pin(self):
        lan = self.lab(1)
        (one,) = lan.hosts
        for arguments in ((), ("pin",), ("list", "x"), ("forget",), ("pin", "a\x1b", new_id()), ("pin", "a", "x"), ("lend",)):
            self.trust(one, *arguments, code=2)
        none = self.trust(one, "list")
        self.assertEqual((none.out, none.error.count("\n")), ("", 1), none.error)
        self.assertIn("no name is pinned; muster trust pin NAME pins one", none.error)
        self.assertEqual(one.json("trust", "list", "--json")["pins"], [])
        self.trust(one, "pin", "two words", new_id())
        (file,) = one.state.glob("**/keys/trusted")
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        file.write_text("nas\n")
        damaged = one.run("trust", "list")
        self.assertEqual(damaged.code, 1)
        self.assertIn("keys/trusted is not used: it is damaged", damaged.error)
        self.assertEqual(one.run("peers", "--direct").code, 1)


if __name__ == "__main__":
    main()
