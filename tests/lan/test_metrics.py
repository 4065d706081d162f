# SPDX-License-Identifier: MIT
"""muster metrics: what Prometheus and node_exporter make of it."""

import contextlib
import http.client
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import unittest

import exposition
from lab import ROOT, LanTest, main
from wire import Peer

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
EXPORTER = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
HOSTILE = 'a"b\\c\nd\u202e\x1b[31m'


def has_metrics():
    """A build without libmicrohttpd has no such command."""
    build = pathlib.Path(os.environ.get("MUSTER_BUILD", ROOT / "build" / "debug"))
    return "MUSTER_METRICS:BOOL=OFF" not in (build / "CMakeCache.txt").read_text()


@unittest.skipUnless(has_metrics(), "this build has no muster metrics")
class Metrics(LanTest):
    HOSTS = 2

    def populate(self):
        """A peer that announces, and a strange one."""
        self.nas = self.here.announce("nas")
        self.there.announce("full", "--service", "http:80")
        self.strange = Peer(self.there, HOSTILE, topics=[{"name": "door", "rate": 0.5}], sent={"5": 1})
        self.lan.wait_for(lambda: len(self.here.peers("--socket", self.socket("nas"))) == 3, "three rows")
        heard = re.compile('muster_peer_path_loss_ratio.*name="full",.*path="m4"')
        self.lan.wait_for(lambda: heard.search(self.here.run("metrics").out), "a path")

    def socket(self, name):
        return str(self.here.state / name / "socket")

    def check(self, families, suffix="_total"):
        value = exposition.value
        self.assertEqual(value(families, "muster_peers", state="alive"), 2)
        self.assertEqual(value(families, "muster_peers", state="lost"), 0)
        self.assertEqual(value(families, "muster_peer_path_loss_ratio", name="full", path="m4"), 0)
        self.assertEqual(value(families, "muster_topic_readings_per_second", name=HOSTILE, topic="door"), 0.5)
        self.assertGreater(value(families, "muster_received_datagrams" + suffix), 0)
        self.assertEqual(value(families, "muster_dropped_datagrams" + suffix, reason="ttl"), 0)
        for family in families.values():
            for series in family.samples:
                self.assertEqual(dict(series)["node"], "nas")
                self.assertEqual(len(dict(series)["node_id"]), 32)

    def test_standard_output(self):
        self.populate()
        text = self.here.run("metrics").out
        self.check(exposition.parse_text(text))
        self.check(exposition.parse_openmetrics(self.here.run("metrics", "--openmetrics").out), "")
        if shutil.which("promtool"):
            subprocess.run(["promtool", "check", "metrics"], input=text, text=True, check=True)

    def test_nobody_runs(self):
        self.check_refused(self.here.run("metrics"), "no muster announce runs here", code=3)
        path = self.lan.directory / "muster.prom"
        self.check_refused(self.here.run("metrics", "--file", path), "no muster announce runs here", code=3)
        self.assertFalse(path.exists())

    def test_usage(self):
        for arguments, words in (
            (["--every", "5"], "--every: expected only with --file"),
            (["--listen", "0.0.0.0:9797"], "expected an address of the loopback"),
            (["--listen", "70000"], "expected a port"),
            (["--listen", "1", "--file", "x"], "--listen: expected without --file"),
            (["--file", "x", "--openmetrics"], "--openmetrics: expected without --file"),
            (["--direct"], "--direct: expected without"),
        ):
            result = self.here.run("metrics", *arguments)
            self.assertEqual((result.code, result.out), (2, ""), result.describe())
            self.assertIn(words, result.error)
        result = self.here.run("metrics", "--file", "/proc/x/y")
        self.assertEqual(result.code, 3, result.describe())
        self.here.announce("nas")
        result = self.here.run("metrics", "--file", "/proc/x/y")
        self.check_refused(result, "/proc/x/y: No such file or directory")

    # ---- HTTP ----

    def listen(self, *arguments):
        process = self.here.start("metrics", "--listen", "127.0.0.1:0", *arguments)
        url = process.await_line("http://127.0.0.1:")
        return process, int(url.split(":")[2].split("/")[0])

    def connect(self, port):
        with self.here.inside():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.connect()
            return connection

    def ask(self, connection, path="/metrics", method="GET", **headers):
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read().decode("utf-8")

    def get(self, port, *arguments, **headers):
        with contextlib.closing(self.connect(port)) as connection:
            return self.ask(connection, *arguments, **headers)

    def test_scrapes(self):
        self.populate()
        process, port = self.listen()
        answer, text = self.get(port)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        self.check(exposition.parse_text(text))
        answer, text = self.get(port, Accept=OPENMETRICS)
        self.assertEqual(
            answer.headers["Content-Type"], "application/openmetrics-text; version=1.0.0; charset=utf-8"
        )
        self.check(exposition.parse_openmetrics(text), "")
        for path, method, status in (("/", "GET", 404), ("/metrics", "POST", 405), ("/metrics", "HEAD", 200)):
            answer, text = self.get(port, path, method)
            self.assertEqual(answer.status, status)
        self.assertEqual(text, "")
        self.assertEqual(self.get(port, Host=f"localhost:{port}")[0].status, 200)
        answer, text = self.get(port, Host=f"evil.example:{port}")
        self.assertEqual((answer.status, text), (403, "Host: expected localhost or its address\n"))
        process.signal(signal.SIGTERM)
        self.assertEqual(process.finish().code, 0)

    def test_a_muster_that_comes_and_goes(self):
        process, port = self.listen()
        answer, text = self.get(port)
        self.assertEqual((answer.status, text), (503, "no muster announce runs here\n"))
        nas = self.here.announce("nas")
        self.lan.wait_for(lambda: self.get(port)[0].status == 200, "an answer")
        nas.stop()
        self.assertEqual(self.get(port)[0].status, 503)
        self.here.announce("nas")
        self.lan.wait_for(lambda: self.get(port)[0].status == 200, "an answer once more")
        process.stop()

    def test_a_muster_that_hangs(self):
        """Who asks is told so; then the next answer is there."""
        nas = self.here.announce("nas")
        process, port = self.listen()
        self.lan.wait_for(lambda: self.get(port)[0].status == 200, "an answer")
        nas.signal(signal.SIGSTOP)
        answer, text = self.get(port)
        self.assertEqual(answer.status, 503)
        self.assertIn("does not answer", text)
        nas.signal(signal.SIGCONT)
        self.lan.wait_for(lambda: self.get(port)[0].status == 200, "an answer once more")
        process.stop()

    def test_a_file_again_and_again(self):
        """What fails is said once, until it has worked again."""
        path = self.lan.directory / "muster.prom"
        writer = self.here.start("metrics", "--file", path, "--every", "50ms")
        self.lan.wait_for(lambda: "no muster announce runs here" in writer.error, "a complaint")
        nas = self.here.announce("nas")
        self.lan.wait_for(path.exists, "a file")
        seen = path.stat().st_mtime_ns
        self.lan.wait_for(lambda: path.stat().st_mtime_ns > seen, "another file")
        nas.stop()
        self.lan.wait_for(lambda: writer.error.count("\n") == 2, "another complaint")
        self.assertTrue(exposition.parse_text(path.read_text()))
        self.assertEqual(writer.stop().code, 0)
        self.assertEqual(writer.error.count("\n"), 2, writer.error)
        self.assertEqual([file.name for file in self.lan.directory.glob(".muster.prom*")], [])

    def test_many_scrapes_at_a_time(self):
        """Those that wait together get one answer; who comes when all connections are taken does no harm."""
        self.here.announce("nas")
        process, port = self.listen()
        self.lan.wait_for(lambda: self.get(port)[0].status == 200, "an answer")
        before = process.descriptors()
        many = [self.connect(port) for _ in range(40)]
        for connection in many[:8]:
            connection.request("GET", "/metrics")
        for connection in many[:8]:
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            exposition.parse_text(answer.read().decode("utf-8"))
        self.assertLess(process.descriptors(), before + 24)
        for connection in many:
            connection.close()
        self.lan.wait_for(lambda: process.descriptors() <= before, "closed connections")
        self.assertEqual(self.get(port)[0].status, 200)
        process.stop()

    def test_clients_that_never_ask(self):
        """They send a byte now and then, on all connections: their turn ends, and who asks is answered."""
        self.here.announce("nas")
        process, port = self.listen()
        self.lan.wait_for(lambda: self.get(port)[0].status == 200, "an answer")
        slow = [self.connect(port) for _ in range(16)]
        asker = self.connect(port)
        asker.request("GET", "/metrics")

        def answered():
            for connection in slow:
                with contextlib.suppress(ConnectionError):
                    connection.sock.send(b"G")
            return select.select([asker.sock], [], [], 0)[0]

        self.lan.wait_for(answered, "an answer to the one who asks")
        self.assertEqual(asker.getresponse().status, 200)
        for connection in (*slow, asker):
            connection.close()
        process.stop()

    def test_the_port_is_taken(self):
        process, port = self.listen()
        result = self.here.run("metrics", "--listen", str(port))
        self.check_refused(result, f"127.0.0.1 port {port}: Address already in use")
        process.stop()

    # ---- node_exporter ----

    @unittest.skipUnless(EXPORTER, "needs prometheus-node-exporter")
    def test_node_exporter(self):
        """Two instances of one host are collected together, and every series of both is there."""
        self.populate()
        self.here.announce("second")
        folder = self.lan.directory / "textfiles"
        folder.mkdir()
        writers = [
            self.here.start("metrics", "--file", folder / f"{name}.prom", "--every", "100ms", "--socket", self.socket(name))
            for name in ("nas", "second")
        ]
        self.lan.wait_for(lambda: len(list(folder.glob("*.prom"))) == 2, "two files")
        self.assertEqual([path for path in folder.iterdir() if path.suffix == ".prom" and not path.stat().st_size], [])
        exporter = self.here.start_program(
            EXPORTER,
            "--collector.disable-defaults",
            "--collector.textfile",
            f"--collector.textfile.directory={folder}",
            "--web.listen-address=127.0.0.1:9100",
        )

        def scrape():
            try:
                return self.get(9100)[1]
            except ConnectionRefusedError:
                return None

        self.lan.wait_for(scrape, "node_exporter")
        for writer in writers:
            writer.stop()
        text = scrape()
        self.assertIn("node_textfile_scrape_error 0", text)
        seen = {line.split(" ")[0] for line in text.splitlines() if line.startswith("muster_")}
        written = set()
        for path in folder.glob("*.prom"):
            written |= self.canonical(path.read_text())
        self.assertEqual(len(seen), len(written))
        self.assertEqual({line.split("{")[0] for line in seen}, {name for name, _ in written})
        exporter.stop()

    def canonical(self, text):
        families = exposition.parse_text(text)
        return {(name, series) for name, family in families.items() for series in family.samples}


if __name__ == "__main__":
    main()
