# SPDX-License-Identifier: MIT
"""muster bridge dnssd beside real stacks of DNS-SD: Avahi with its own bus on each host, and python3-zeroconf."""

import json
import signal
import time

import dnssd
import lab

HTTP, IPP = "_http._tcp.local.", "_ipp._tcp.local."
LONG = "a name of sixty-three bytes: all blanks and dots of it. counted"


class Base(lab.LanTest):
    ISOLATED = True

    def wait(self, condition, what):
        return self.lan.wait_for(condition, what)

    def attrs(self):
        """The bridge's own, by which it says what it carries."""
        named = dnssd.rows(self.here, "nas")
        return next((document["attrs"] for name, document in named.items() if name.endswith("dnssd") and "attrs" in document), {})


@lab.unittest.skipIf(dnssd.missing(), dnssd.missing())
class Dnssd(Base):
    HOSTS = 2

    def test_out(self):
        dnssd_here = dnssd.Stack(self.here).start()
        found = dnssd.Zeroconf(self.there, HTTP, IPP)
        services = (
            f"http:8080,name={LONG}",
            "http:8081,name=Wéb a.b,txt.path=/,txt.empty=,txt.a b=c",
            "http:8082,name=Wéb a.b",
            f"ipp:631,txt.é=no key,txt.note={'ü' * 127}",
            "ipp:632,name=much," + ",".join(f"txt.key{i}={'x' * 190}" for i in range(8)),
        )
        options = [word for service in services for word in ("--service", service)]
        nas = self.here.announce("nas", *options)
        self.there.announce("other", "--service", "http:80")
        bridge = dnssd_here.bridge()
        self.wait(lambda: len(found.found()) == 5, "all are found")
        known = found.found()
        identity = nas.error.split(" is ")[1].split()[0].encode()
        second = next(name for name in known if name.startswith("Wéb a.b") and name != "Wéb a.b")
        self.assertEqual(set(known), {LONG, "Wéb a.b", second, "nas", "much"})
        self.assertEqual({(entry["server"], *entry["addresses"]) for entry in known.values()}, {("host1.local.", "10.77.0.1")})
        self.assertEqual({known["Wéb a.b"]["port"], known[second]["port"]}, {8081, 8082})
        (web,) = (entry for entry in known.values() if entry["port"] == 8081)
        self.assertEqual(dnssd.read(web["txt"]), [b"muster-id=" + identity, b"path=/", b"empty=", b"a b=c"])
        # Names that no key can have are left out; what is too long is cut off behind a whole character.
        cut = [b"muster-id=" + identity, b"note=" + ("ü" * 125).encode(), b"muster-cut"]
        self.assertEqual(dnssd.read(known["nas"]["txt"]), cut)
        self.assertLessEqual(len(bytes.fromhex(known["much"]["txt"])), 1300)
        self.assertEqual(dnssd.read(known["much"]["txt"])[-1], b"muster-cut")
        self.wait(lambda: "muster-cut" in bridge.error, "it says so")
        self.assertEqual(bridge.error.count("muster-cut"), 1, bridge.error)
        counts = {"services_out": 5, "txt_shortened": 2, "renamed": 1, "connected": 1}
        self.wait(lambda: counts.items() <= dnssd.figures(self.here).items(), "it counts them")
        self.assertEqual(dnssd.brought(self.here, "nas"), {}, "what it carries out comes in")

        self.here.run("update", "--instance", "nas", "--service", "http:8081,name=Wéb a.b,txt.path=/new", "--remove", "ipp:632")
        self.wait(lambda: b"path=/new" in dnssd.read(found.found()["Wéb a.b"]["txt"]), "its txt changes")
        self.wait(lambda: "much" not in found.found(), "one is withdrawn")
        found.order("register", [HTTP, "taken", 80, "", "prn.local."])
        self.here.run("update", "--instance", "nas", "--service", "http:8083,name=taken")
        self.wait(lambda: found.found().get("taken #2", {}).get("port") == 8083, "another host has the name")
        nas.signal(signal.SIGKILL)
        self.wait(lambda: set(found.found()) == {"taken"}, "all are gone with their peer")
        self.assertEqual(bridge.stop().code, 0, bridge.describe())

    def test_in(self):
        stack = dnssd.Stack(self.here).start()
        other = dnssd.Stack(self.there).start()
        self.here.announce("nas")
        stack.bridge()
        found = dnssd.Zeroconf(self.there)
        dnssd.ghost(self.there, "Ghost", "_http._tcp")
        hostile = dnssd.strings(
            b"", b"=value", b"rp=a", b"RP=b", b"flag", b"empty=", b"nul=\0x", b"bytes=\xff\xfe", b"k" * 64 + b"=long", b"eq=a=b", b"\xc3\xa9=1"
        )
        many = dnssd.strings(*(b"k%d=%d" % (i, i) for i in range(200)))
        found.order(
            "register",
            [IPP, "Printer one", 631, hostile, "prn.local."],
            [HTTP, LONG.replace(".", "-"), 80, many, "prn.local."],
            [HTTP, "of a peer", 81, dnssd.strings(b"Muster-ID=" + b"0" * 32), "prn.local."],
        )
        dotted = self.there.start_program(
            "avahi-publish", "-s", "A. dotted name.", "_http._tcp", "8080", "path=/", DBUS_SYSTEM_BUS_ADDRESS=other.address
        )
        names = {"Printer one", LONG.replace(".", "-"), "A. dotted name."}
        self.wait(lambda: set(dnssd.brought(self.here, "nas")) == names, "all are brought")
        services = dnssd.brought(self.here, "nas")
        at = {"origin": "dnssd", "at": ["10.77.0.2"], "proto": "tcp"}
        printer = {"rp": "a", "flag": "true", "empty": "", "eq": "a=b", "é": "1"}
        self.assertLessEqual(
            (at | {"type": "ipp", "port": 631, "host": "prn", "txt": printer}).items(), services["Printer one"].items()
        )
        self.assertLessEqual((at | {"host": "host2", "txt": {"path": "/"}}).items(), services["A. dotted name."].items())
        self.assertEqual(len(services[LONG.replace(".", "-")]["txt"]), 64)
        self.assertRegex(self.there.run("services", "ipp").out, r"prn~dnssd .*10\.77\.0\.2")
        self.assertEqual(self.there.run("resolve", "prn~dnssd/ipp").out, "10.77.0.2:631\n")
        self.wait(lambda: self.attrs().get("listed, not resolved") == "Ghost._http._tcp", "what has no SRV is told")
        found.order("unregister", [IPP, "Printer one"])
        dotted.stop()
        self.wait(lambda: set(dnssd.brought(self.here, "nas")) == names - {"Printer one", "A. dotted name."}, "two are gone")

    def test_avahi_comes_and_goes(self):
        stack = dnssd.Stack(self.here)
        found = dnssd.Zeroconf(self.there, HTTP)
        found.order("register", [IPP, "Printer", 631, "", "prn.local."])
        self.here.announce("nas", "--service", "http:8080")
        bridge = stack.bridge()
        self.wait(lambda: "tried again" in bridge.error, "there is no bus")
        for restart in (stack.start, lambda: (stack.avahi.signal(signal.SIGKILL), self.wait(lambda: stack.avahi.done, "it is gone"), stack.start_avahi())):
            restart()
            self.wait(lambda: "nas" in found.found(), "it is registered")
            self.wait(lambda: "Printer" in dnssd.brought(self.here, "nas"), "it is brought")
            self.wait(lambda: self.attrs().get("avahi") == "connected", "it says so")
        stack.bus.signal(signal.SIGKILL)
        self.wait(lambda: self.attrs()["avahi"] != "connected", "the bus is gone")
        self.wait(lambda: not dnssd.brought(self.here, "nas"), "and what came by it")
        stack.avahi.close()
        stack.start()
        self.wait(lambda: "Printer" in dnssd.brought(self.here, "nas"), "it is brought again")
        renamed = self.here.start_program("avahi-set-host-name", "renamed", DBUS_SYSTEM_BUS_ADDRESS=stack.address).finish()
        self.assertEqual(renamed.code, 0, renamed.describe())
        self.wait(lambda: found.found().get("nas", {}).get("server") == "renamed.local.", "the host has another name")
        self.assertEqual(bridge.stop().code, 0, bridge.describe())

    def test_dry_run(self):
        stack = dnssd.Stack(self.here).start()
        found = dnssd.Zeroconf(self.there, HTTP)
        found.order("register", [IPP, "Printer", 631, "", "prn.local."])
        self.here.announce("nas", "--service", "http:8080")
        config = self.lan.directory / "config.json"
        config.write_text('{"type": ["ipp", "http"], "for": "self", "dry-run": true}')
        tried = stack.bridge("--config", str(config)).finish()
        self.assertEqual(
            tried.out, "out  nas._http._tcp.local  port 8080\nin   prn~dnssd  ipp:631/tcp  Printer\n", tried.describe()
        )
        self.assertEqual(found.found(), {})
        self.assertNotIn("dnssd", str(dnssd.rows(self.here, "nas")))

    def test_a_dry_run_without_avahi(self):
        """It lists what goes out, says what it can't know, and does not go on trying."""
        self.here.announce("nas", "--service", "http:8080")
        tried = dnssd.Stack(self.here).bridge("--dry-run").finish()
        self.assertEqual((tried.code, tried.out), (3, "out  nas._http._tcp.local  port 8080\n"), tried.describe())
        self.assertRegex(tried.error, r"\Amuster bridge dnssd: Avahi was not reached \(.+\): what goes out is listed, what comes in is not known\n\Z")


@lab.unittest.skipIf(dnssd.missing(), dnssd.missing())
class Bridges(Base):
    HOSTS = 3

    def test_one_of_two_carries(self):
        """Nothing is there twice, whatever two bridges could carry; when the one is gone the other one does."""
        stacks = [dnssd.Stack(host).start() for host in (self.here, self.there)]
        found = dnssd.Zeroconf(self.third, HTTP)
        found.order("register", [IPP, "Printer", 631, "", "prn.local."])
        for host, name in ((self.here, "one"), (self.there, "two"), (self.third, "three")):
            host.announce(name, "--service", f"http:80,name=web of {name}")
        bridges = {name: stack.bridge("--for", "all", "--name", name) for name, stack in zip(("a-dnssd", "b-dnssd"), stacks)}
        names = {"web of one", "web of two", "web of three"}

        def is_settled():
            return set(dnssd.rows(self.third, "three")) >= set(bridges) and set(dnssd.brought(self.third, "three")) == {"Printer"}

        self.wait(is_settled, "one brings it")
        self.wait(lambda: set(found.found()) == names, "each is registered once")
        self.assertEqual(found.found()["web of three"]["addresses"], ["10.77.0.3"])
        leader = dnssd.brought(self.third, "three")["Printer"]["by"]
        bridges.pop(leader).stop()
        (other,) = bridges
        self.wait(lambda: dnssd.brought(self.third, "three").get("Printer", {}).get("by") == other, "the other one brings it")
        self.wait(lambda: set(found.found()) == names, "all are registered")


@lab.unittest.skipIf(dnssd.missing(), dnssd.missing())
class Many(Base):
    HOSTS = 2
    COUNT = 300

    def test_many(self):
        stack = dnssd.Stack(self.here).start()
        found = dnssd.Zeroconf(self.there)
        self.here.announce("nas")
        bridge = stack.bridge()
        self.wait(lambda: len(dnssd.rows(self.here, "nas")) == 2, "it runs")
        registered = [[HTTP, f"service {i:03}", 1000 + i, dnssd.strings(b"path=/%d" % i), "many.local."] for i in range(self.COUNT)]
        found.order("register", *registered)
        begin = time.monotonic()
        self.wait(lambda: len(dnssd.brought(self.here, "nas")) == self.COUNT, "all are brought")
        lab.note(f"{self.COUNT} services were brought {time.monotonic() - begin:.1f} s after their registration")
        big = dnssd.strings(*(b"k%d=" % i + b"x" * 200 for i in range(5)))
        found.order("register", *([IPP, f"big {i:03}", 1000 + i, big, "many.local."] for i in range(50)))
        self.wait(lambda: "no room for" in self.attrs(), "not all of them fit")
        self.assertIn("are not carried in: there is no room", bridge.error)
        known = len(dnssd.brought(self.here, "nas"))
        self.assertGreater(known, self.COUNT / 2)

        def are_counted():
            counts = dnssd.figures(self.here)
            return counts["services_in"] + counts["services_no_room"] == self.COUNT + 50

        self.wait(are_counted, "each is counted")


if __name__ == "__main__":
    lab.main()
