# SPDX-License-Identifier: MIT
"""What the sockets of a node hear and say, and what they don't: seen from the other side of the wire."""

import json
import pathlib
import socket
import struct

from lab import PORT, LanTest, main
from wire import GROUP, Voice, encode, new_boot, new_id

ETH_P_IP = 0x0800
OTHER_GROUP = "224.0.0.99"


def checksum(header):
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def frame(source, destination, payload):
    """An Ethernet frame to the group's address, with a datagram of any source."""
    udp = struct.pack(">HHHH", 19798, PORT, 8 + len(payload), 0) + payload
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 255, socket.IPPROTO_UDP, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))  # fmt: skip
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    group = bytes([0x01, 0x00, 0x5E]) + socket.inet_aton(destination)[1:]
    return group + bytes([2, 0, 0, 0, 0, 9]) + struct.pack(">H", ETH_P_IP) + header + udp


class Sockets(LanTest):
    HOSTS = 2
    ISOLATED = True

    def announce(self, name, *arguments, **environment):
        return self.here.start("announce", "--name", name, *arguments, **environment).await_identity()

    def drops(self):
        return self.here.json("peers", "--json")["drops"]

    def await_drop(self, reason, count=1):
        self.lan.wait_for(lambda: self.drops()[reason] >= count, f"{count} dropped as {reason}")

    def packet_socket(self, host, interface):
        with host.inside():
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        self.lan.on_close(opened.close)
        opened.bind((interface, ETH_P_IP))
        return opened

    def second_interface(self):
        """eth1 of this host; what it sends shows at far1, its other end, which nobody else uses."""
        self.here.ip(
            "link add eth1 type veth peer name far1",
            "link set eth1 addrgenmode none",
            "link set far1 addrgenmode none",
            "addr add 10.79.0.1/24 brd + dev eth1",
            "link set far1 up",
            "link set eth1 up",
        )

    def frames(self, interface):
        with self.here.inside():
            path = pathlib.Path("/proc/thread-self/net/dev").read_text(encoding="ascii")
        (line,) = [line for line in path.splitlines() if line.lstrip().startswith(f"{interface}:")]
        return int(line.split(":")[1].split()[1])

    def test_groups_of_others(self):
        """Another program of this machine joins a group: the node hears nothing of it, whatever the port."""
        node = self.announce("node", "--cache", "#")
        port = PORT + 1  # of its unicast socket
        with self.here.inside():
            other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.lan.on_close(other.close)
        member = struct.pack("4s4s", socket.inet_aton(OTHER_GROUP), socket.inet_aton(self.here.address))
        other.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        other.bind((OTHER_GROUP, 0))
        voice = Voice(self.there)
        for to in (PORT - 1, PORT, port):
            voice.say(b"hello\n", to=OTHER_GROUP, port=to)
        voice.say(b"hello\n", to=OTHER_GROUP, port=other.getsockname()[1])
        self.lan.on_readable(other, lambda: other.recv(100) and heard.append(1))
        heard = []
        self.lan.wait_for(lambda: heard, "the other program hears its group")
        self.lan.forget(other)
        voice.say(b"hello\n")
        self.await_drop("format")
        drops = self.drops()
        self.assertEqual((drops["format"], drops.get("path", 0)), (1, 0))
        self.assertEqual(node.stop().code, 0)

    def test_sources_that_are_none(self):
        """Whoever has no address sends from 0.0.0.0, which the kernel lets through."""
        self.announce("node")
        raw = self.packet_socket(self.there, "eth0")
        header = {"boot": new_boot(), "rev": 1, "next_ms": 60000, "peers": 0}
        sources = ("0.0.0.0", "0.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.77.0.77")
        for number, source in enumerate(sources):
            said = encode(kind="announce", id=new_id(), seq=1, name=f"from-{number}", **header)
            raw.send(frame(source, GROUP, said))
        rows = self.lan.wait_for(
            lambda: [row["name"] for row in self.here.peers() if row["name"].startswith("from-")], "the last one"
        )
        self.assertEqual(rows, ["from-5"])
        self.assertGreaterEqual(self.drops()["source"], 1)

    def test_what_passed_a_router(self):
        self.announce("node")
        voice = Voice(self.there, ttl=64)
        voice.say(encode(kind="bye", id=new_id(), boot=1, seq=1))
        voice.say(encode(kind="bye", id=new_id(), boot=1, seq=1), to=self.here.address, port=PORT + 1)
        self.await_drop("ttl", 2)

    def test_an_interface_that_is_not_used_carries_nothing(self):
        self.second_interface()
        watch = self.there.watch()
        self.announce("node", MUSTER_INTERFACE="eth0")
        watch.await_event("joined", name="node")
        self.assertEqual(self.frames("far1"), 0)

    def test_the_interface_that_is_asked_for(self):
        self.second_interface()
        seen = self.packet_socket(self.here, "far1")
        here_sent = self.lan.switched()[1]
        node = self.announce("node", "--interval", "200ms", MUSTER_INTERFACE="eth1")
        heard = []
        self.lan.on_readable(seen, lambda: heard.append(seen.recv(2000)))
        self.lan.wait_for(lambda: len(heard) >= 20, "frames of eth1")
        self.lan.forget(seen)
        # Those of IGMP aside, all are from the address of eth1.
        sources = {socket.inet_ntoa(frame[26:30]) for frame in heard if frame[23] == socket.IPPROTO_UDP}
        self.assertEqual(sources, {"10.79.0.1"})
        self.assertEqual(self.lan.switched()[1], here_sent)
        self.assertEqual(node.stop().code, 0)

    def test_an_interface_that_fails_holds_up_nothing(self):
        self.second_interface()
        self.here.nft("table ip lab { chain out { type filter hook output priority 0; oifname eth1 drop; }; }")
        self.there.announce("other")
        node = self.announce("node", "--interval", "200ms", MUSTER_INTERFACE="eth1,eth0")
        (row,) = self.lan.wait_for(
            lambda: [row for row in self.there.peers("node") if row["received"] >= 20], "many of its messages"
        )
        self.assertEqual(row["loss"], 0)
        self.assertEqual(node.error.count("sending by eth1 (m4) fails: Operation not permitted"), 1)
        shown = self.here.run("show", "--self", "--json", MUSTER_INTERFACE="eth1,eth0")
        sockets = json.loads(shown.out)["sockets"]
        failed = {known["interface"]: known["failed"] for known in sockets if known["address"] == GROUP}
        self.assertGreater(failed["eth1"], 0)
        self.assertEqual(failed["eth0"], 0)

    def test_the_port_is_taken(self):
        """By a program that does not share it."""
        taken = self.here.socket()
        self.lan.on_close(taken.close)
        taken.bind(("0.0.0.0", PORT))
        result = self.here.run("announce", "--name", "node")
        self.assertEqual(result.code, 1, result.describe())
        self.assertIn(f"port {PORT}: Address already in use", result.error)
        # Who only looks is answered by unicast.
        self.there.announce("there")
        self.lan.wait_for(lambda: self.here.run("peers", "there").code == 0, "the answer")
        self.assertEqual(self.here.run("peers", "there").error, "")


if __name__ == "__main__":
    main()
