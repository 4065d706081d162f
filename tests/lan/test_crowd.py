# SPDX-License-Identifier: MIT
"""Many who start and leave at once, and a copied key: everyone lists everyone, and no live peer is told dead."""

import json
import shutil
import signal
import time

from lab import MUSTER, LanTest, main, note
from wire import Stream

DEADLINE_S = 120.0  # a crowd with sanitizers has two processors, and shares them with other tests
QUIET_S = 6.0  # some intervals, after which an unheard peer is suspect
KILLED = 1
LAST_BOOT = 9_000_000_000_000  # later than any clock of a test machine
STOPPED = 20


class Node:
    """A muster that announces itself, and what its Unix socket tells of its peers."""

    def __init__(self, host, name):
        self.host = host
        self.name = name
        self.process = host.hold_program(MUSTER, "announce", "--name", name)
        self.told = []  # (event, name), oldest first
        self.joined = set()  # names
        self._stream = None
        self._event = None

    def listen(self):
        """Takes what came. The event is one line, and the announce behind it says the name."""
        if self._stream is None:
            path = self.host.state / self.name / "socket"
            if not path.exists():
                return
            try:
                self._stream = Stream(self.host, path).ask("watch")
            except ConnectionRefusedError:  # it is not open yet
                return
        *lines, self._stream.raw = self._stream.raw.split(b"\n")
        for line in lines:
            if line.startswith(b'{"event":'):
                self._event = json.loads(line)["event"]
            elif b'"kind":"announce"' in line:
                name = json.loads(line)["name"]
                self.told.append((self._event, name))
                if self._event == "joined":
                    self.joined.add(name)

    def told_of(self, *events):
        """The names in these events."""
        return {name for event, name in self.told if event in events}


class Crowd(LanTest):
    def gather(self, hosts, nodes_per_host):
        """All nodes start at once, and everyone lists everyone."""
        self.lan = self.lab(hosts)
        self.lan.require_isolation()
        self.nodes = [
            Node(host, f"node{host.number}-{number}") for number in range(nodes_per_host) for host in self.lan.hosts
        ]
        self.names = {node.name for node in self.nodes}
        started = time.monotonic()
        for node in self.nodes:
            node.process.release()
        self.await_told(self.nodes, lambda node: node.joined == self.names, "everyone lists everyone")
        seconds = time.monotonic() - started
        note(f"{len(self.nodes)} nodes on {hosts} hosts: everyone listed everyone after {seconds:.2f} s")

    def await_told(self, nodes, holds, what):
        def all_hold():
            for node in nodes:
                node.listen()
            return all(holds(node) for node in nodes)

        self.lan.wait_for(all_hold, what, DEADLINE_S)

    def check_deaths(self, nodes, lost=frozenset(), left=frozenset(), during_s=QUIET_S):
        """These nodes are told of no other deaths, for so long."""

        def false_deaths():
            found = []
            for node in nodes:
                node.listen()
                false = node.told_of("suspect", "lost") - lost, node.told_of("left") - left
                found += [(node.name, *false)] if any(false) else []
            return found

        self.lan.never(false_deaths, "told of who lives", during_s)

    def test_thirty_hosts(self):
        self.gather(30, 1)
        self.check_deaths(self.nodes)

        killed, alive = self.nodes[:KILLED], self.nodes[KILLED:]
        lost = {node.name for node in killed}
        at = [node.process.signal(signal.SIGKILL) for node in killed]
        self.await_told(alive, lambda node: node.told_of("lost") == lost, "everyone tells the killed one lost")
        note(f"everyone told the killed one lost after {time.monotonic() - at[0]:.2f} s")
        self.check_deaths(alive, lost)

        stopped, alive = alive[:STOPPED], alive[STOPPED:]
        left = {node.name for node in stopped}
        at = [node.process.signal(signal.SIGTERM) for node in stopped]
        self.await_told(alive, lambda node: node.told_of("left") == left, "everyone tells that the stopped ones left")
        note(f"everyone told that {STOPPED} left after {time.monotonic() - at[0]:.2f} s")
        for node in stopped:
            self.assertEqual(node.process.finish(DEADLINE_S).code, 0)
        self.check_deaths(alive, lost, left)

    def test_a_hundred_nodes_on_ten_hosts(self):
        self.gather(10, 10)
        self.check_deaths(self.nodes)


class Clone(LanTest):
    """The state of one host was copied to another."""

    HOSTS = 3
    ISOLATED = True

    def setUp(self):
        super().setUp()
        self.third.announce("bystander")
        self.watch = self.third.watch()
        self.original = self.here.announce("original")
        _, joined = self.watch.await_event("joined", name="original")
        self.id = joined["id"]

    def copy_state(self):
        shutil.copytree(self.here.state, self.there.state, ignore=shutil.ignore_patterns("socket"))

    def check_both(self, one, other):
        """A conflict is told, and everyone lists two, one of them under the id that was copied."""

        def both():
            rows = [
                {(row["id"], row["address"]) for row in host.peers("original") if row["state"] == "alive"}
                for host in self.lan.hosts
            ]
            ids = {peer_id for peer_id, _ in rows[0]}
            addresses = {address for _, address in rows[0]}
            return rows[0] == rows[1] == rows[2] and len(ids) == len(addresses) == 2 and ids

        ids = self.lan.wait_for(both, "everyone lists both")
        self.assertIn(self.id, ids)
        self.lan.wait_for(lambda: "conflict: " in one.error + other.error, "the conflict is told")

    def test_of_a_running_muster(self):
        self.copy_state()
        self.check_both(self.original, self.there.announce("original"))

    def test_of_a_stopped_muster(self):
        self.original.stop()
        self.copy_state()
        first = self.here.announce("original")
        self.watch.await_event("restarted", name="original")
        self.check_both(first, self.there.announce("original"))

    def test_of_one_boot(self):
        """As after the copy of a running machine, or where no clock says a time that is later than the last start."""
        self.original.stop()
        (self.here.state / "original" / "boot").write_text(f"{LAST_BOOT}\n")
        self.copy_state()
        both = [host.hold_program(MUSTER, "announce", "--name", "original") for host in (self.here, self.there)]
        for process in both:
            process.release()
        self.check_both(*both)


if __name__ == "__main__":
    main()
