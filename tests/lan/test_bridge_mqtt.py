# SPDX-License-Identifier: MIT
"""muster bridge mqtt with a real broker: two LANs, between them a router that passes no multicast, and the broker on
it."""

import json
import os
import pathlib
import shutil
import signal
import socket
import unittest

from lab import MUSTER, LanTest, main
from telemetry import readings, records

BRIDGE = str(pathlib.Path(MUSTER).with_name("muster-bridge-mqtt"))
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
PORT = 1883


class Broker:
    """mosquitto on a host. What it knows outlives it, but for what was published in the last seconds."""

    def __init__(self, host, *lines):
        self.host = host
        self.lan = host.lab
        self.config = self.lan.directory / "mosquitto.conf"
        lines = ("allow_anonymous true", f"listener {PORT} 0.0.0.0", *lines)
        self.config.write_text("\n".join(("user root", *lines)) + "\n")
        self.start()

    def start(self):
        self.process = self.host.start_program(MOSQUITTO, "-c", str(self.config))
        self.lan.wait_for(self.answers, "the broker")

    def answers(self):
        with self.host.socket(socket.SOCK_STREAM) as probe:
            return probe.connect_ex(("127.0.0.1", PORT)) == 0

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.lan.wait_for(lambda: self.process.code is not None, "its end")

    def listen(self, *topics):
        """mosquitto_sub, which prints an object a message."""
        filters = [word for topic in topics for word in ("-t", topic)]
        process = self.host.start_program("mosquitto_sub", "-V", "5", "-q", "1", "-F", "%j", *filters)
        return process

    def messages(self, process, topic=""):
        """What it printed, as (topic, payload), below this topic."""
        found = [json.loads(line) for line in process.lines]
        return [(message["topic"], message["payload"]) for message in found if message["topic"].startswith(topic)]


class Sites(LanTest):
    """`here` is a LAN of its own, and `there` another; each has one host, with several programs on it."""

    HOSTS = 3
    ISOLATED = True

    def setUp(self):
        super().setUp()
        if MOSQUITTO is None or not os.access(BRIDGE, os.X_OK):
            self.skipTest("there is no mosquitto, or this build has no muster-bridge-mqtt")
        self.here, self.router, self.there = self.lan.hosts
        for number, host, name in ((1, self.here, "west"), (2, self.there, "east")):
            self.lan.join(host, name, self.router, name)
            host.ip("link set eth0 down", "link set lo up")
            self.router.ip(f"addr add 10.78.{number}.254/24 dev {name}", f"link set {name} up")
            host.ip(f"addr add 10.78.{number}.1/24 brd + dev {name}", f"link set {name} up")
            self.lan.wait_for(lambda host=host, name=name: self.is_up(host, name), "a carrier")
            host.interface = name
            host.address = f"10.78.{number}.1"
            host.broker = f"10.78.{number}.254"
        self.router.ip("link set lo up")

    def is_up(self, host, name):
        (link,) = json.loads(host.start_program("ip", "-json", "link", "show", name).finish().out)
        return link["operstate"] == "UP"

    def bridge(self, host, site, *options, name=None):
        arguments = ("--site", site, "--broker", host.broker, *options)
        if name:
            arguments += ("--name", name)
        return host.start_program(MUSTER, "bridge", "mqtt", *arguments)

    def await_error(self, process, text):
        self.lan.wait_for(lambda: text in process.error, f"{text!r} from {process.name}")


class Crossing(Sites):
    def test_once_and_in_order(self):
        """Readings cross once, in order, while the broker is killed, and then the bridge; the services of the other site
        are listed with it."""
        broker = Broker(self.router)
        self.here.announce("thermo", "--service", "http:80,name=Stairs,txt.path=/")
        publisher = self.here.start("publish", "--topic", "kitchen/count")
        out = ("--out", "kitchen/#")
        bridge = self.bridge(self.here, "west", *out)
        far = self.bridge(self.there, "east", "--in", "kitchen/#", "--out", "kitchen/#")
        subscribe = self.there.start("subscribe", "--ndjson", "west/#")
        count = 0

        def publish(more):
            nonlocal count
            publisher.write("".join(f"{number}\n" for number in range(count, count + more)))
            count += more

        def arrived():
            return [int(value) for _, value in readings(subscribe)]

        def await_all(what):
            self.lan.wait_for(lambda: len(arrived()) >= count, f"{what}: {count} readings, not {len(arrived())}")

        self.await_error(bridge, "carries for")
        self.await_error(far, "carries for")
        publish(10)
        await_all("the beginning")
        broker.kill()
        publish(500)
        self.await_error(bridge, "tried again until it answers")
        publish(1500)
        broker.start()
        await_all("after the broker was killed")
        publish(10)
        await_all("before the bridge is killed")
        bridge.signal(signal.SIGKILL)
        self.lan.wait_for(lambda: bridge.code is not None, "its end")
        publish(20)
        self.bridge(self.here, "west", *out)
        await_all("after the bridge was killed")
        self.assertEqual(arrived(), list(range(count)))
        names = {name for name, _ in readings(subscribe)}
        self.assertEqual(len(names), 1, names)
        self.assertRegex(names.pop(), r"^west/[^/]+/kitchen/count$")

        (service,) = self.lan.wait_for(lambda: self.there.json("services", "http", "--json")["services"], "the service")
        self.assertEqual((service["name"], service["origin"], service["port"]), ("Stairs", "west", 80))
        # What was brought here is not carried on: the broker has nothing of it as the site east.
        topics = broker.listen("muster/#")
        topics.await_line("kitchen/count")
        self.lan.wait_for(lambda: broker.messages(topics, "muster/east/$bridges"), "what there is")
        self.assertEqual([topic for topic, _ in broker.messages(topics, "muster/east") if "kitchen" in topic], [])


if __name__ == "__main__":
    main()
