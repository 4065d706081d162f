# SPDX-License-Identifier: MIT
"""The example programs of the library, on several hosts: what they print, and that they end well."""

import os
import pathlib
import signal
import unittest

from lab import MUSTER, LanTest, main
from wire import Peer

BUILD = pathlib.Path(os.environ.get("MUSTER_BUILD", pathlib.Path(MUSTER).parent))
EXAMPLES = BUILD / "examples"


@unittest.skipUnless((EXAMPLES / "browse").exists(), "the examples are not built")
class Examples(LanTest):
    HOSTS = 3
    ISOLATED = True  # the examples use muster's own ports

    def start(self, host, name, *arguments):
        return host.start_program(str(EXAMPLES / name), *arguments)

    def announce(self, host, name="announce"):
        """The example that announces. Its state goes where root's goes: into a directory of this test's own."""
        hidden = 'mount -t tmpfs tmpfs /var/lib && exec "$0"'
        return host.start_program("unshare", "--mount", "sh", "-c", hidden, str(EXAMPLES / name))

    def interrupt(self, process, number=signal.SIGINT):
        process.signal(number)
        process.finish()
        self.assertEqual((process.code, process.error), (0, ""), process.describe())

    def test_announce_and_browse(self):
        """What one adds, changes and withdraws while it runs, the other is told; a bye ends it all."""
        browse = self.start(self.here, "browse").await_listening()
        announce = self.announce(self.there)
        address = self.there.address
        browse.await_line(f"added example http/tcp {address}:8080")
        browse.await_line(f"added example ipp/tcp {address}:631 paper=A4")
        browse.await_line(f"changed example ipp/tcp {address}:631 paper=none")
        browse.await_line(f"removed example ipp/tcp {address}:631")
        self.interrupt(announce)
        browse.await_line(f"removed example http/tcp {address}:8080")
        self.interrupt(browse)

    def test_announce_is_ended(self):
        """A service manager's way says bye as well."""
        watch = self.here.watch()
        announce = self.announce(self.there)
        watch.await_event("joined", name="example")
        self.interrupt(announce, signal.SIGTERM)
        watch.await_event("left", name="example")

    def test_browse_one_type(self):
        self.there.announce("nas", "--service", "http:80,txt.path=/a b", "--service", "smb:445")
        watch = self.third.watch()
        watch.await_event("joined", name="nas")
        browse = self.start(self.third, "browse", "http")
        browse.await_line(f"added nas http/tcp {self.there.address}:80 path=/a b")
        self.there.announce("web", "--service", "http:8080")
        browse.await_line(f"added web http/tcp {self.there.address}:8080")
        self.assertEqual(len(browse.lines), 2, browse.describe())
        self.interrupt(browse)
        refused = self.start(self.here, "browse", "no such type").finish()
        self.assertEqual((refused.code, refused.out), (1, ""))
        self.assertIn("invalid argument", refused.error)

    def test_nothing_is_printed_raw(self):
        Peer(self.there, "\x1b[31m\u202e", [{"type": "ipp", "proto": "tcp", "port": 631, "txt": {"a": "\t"}}])
        browse = self.start(self.here, "browse")
        browse.await_line(r"added \u{001B}[31m\u{202E} ipp/tcp")
        browse.await_line(r"a=\u{0009}")
        peers = self.start(self.here, "peers").finish()
        self.assertIn(r"\u{001B}[31m\u{202E} alive", peers.out)
        for process in (browse, peers):
            self.assertNotIn(b"\x1b", process.raw)

    def test_lookup(self):
        self.there.announce("nas", "--service", "http:80")
        self.third.announce("web", "--service", "http:8080")
        watch = self.here.watch()
        watch.await_event("joined", name="nas")
        watch.await_event("joined", name="web")
        found = self.start(self.here, "lookup", "http", "web").finish()
        self.assertEqual((found.code, found.out), (0, f"{self.third.address}:8080\n"), found.describe())
        either = self.start(self.here, "lookup", "http").finish()
        self.assertIn(either.out, (f"{self.there.address}:80\n", f"{self.third.address}:8080\n"))
        nobody = self.start(self.here, "lookup", "http", "nobody").finish()
        self.assertEqual((nobody.code, nobody.out), (1, ""))
        self.assertEqual(nobody.error, "lookup: nothing of that kind is there\n")
        refused = self.start(self.here, "lookup", "NO").finish()
        self.assertEqual((refused.code, refused.error), (1, "lookup: invalid argument\n"))
        self.assertEqual(self.start(self.here, "lookup").finish().code, 2)

    def test_peers(self):
        self.there.announce("nas", "--service", "http:80", "--service", "smb:445")
        self.third.announce("bare")
        watch = self.here.watch()
        watch.await_event("joined", name="nas")
        watch.await_event("joined", name="bare")
        listing = self.start(self.here, "peers").finish()
        expected = [f"bare alive {self.third.address}", f"nas alive {self.there.address} http:80 smb:445"]
        self.assertEqual((listing.code, sorted(listing.lines)), (0, expected), listing.describe())

    def test_publish_and_subscribe(self):
        subscribe = self.start(self.here, "subscribe", "example/+/5min")
        publish = self.announce(self.there, "publish")
        subscribe.await_line("example/load/5min ")
        self.assertEqual([line for line in subscribe.lines if "1min" in line], [], subscribe.describe())
        self.interrupt(publish, signal.SIGTERM)
        self.interrupt(subscribe)
        refused = self.start(self.here, "subscribe", "a/#/b").finish()
        self.assertEqual((refused.code, refused.out), (1, ""))
        self.assertIn("#", refused.error)

    def test_no_such_interface(self):
        """It is waited for."""
        for name in ("browse", "peers", "subscribe"):
            waiting = self.here.start_program(str(EXAMPLES / name), MUSTER_INTERFACE="nowhere0")
            self.lan.wait_for(lambda: "nowhere0 is not there" in waiting.error, f"a word of {name}")
            self.assertEqual((waiting.code, waiting.out), (None, ""))


if __name__ == "__main__":
    main()
