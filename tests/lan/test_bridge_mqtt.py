# SPDX-License-Identifier: MIT
"""muster bridge mqtt with a real broker: two LANs, between them a router that passes no multicast, and the broker on
it."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import jsonschema

from lab import MUSTER, LanTest, main
from telemetry import readings, records

BRIDGE = str(pathlib.Path(MUSTER).with_name("muster-bridge-mqtt"))
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
PORT = 1883
VERSION = "$SYS/broker/version"


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
        """mosquitto_sub, which prints an object a message and is subscribed already: what the broker retains comes in
        the order of the filters, and the last one is always there."""
        filters = [word for topic in (*topics, VERSION) for word in ("-t", topic)]
        process = self.host.start_program("mosquitto_sub", "-V", "5", "-q", "1", "-F", "%j", *filters)
        process.await_line(VERSION)
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
        subscribe = self.there.start("subscribe", "--ndjson", "west/#").await_listening()
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

        def figures():
            return self.there.json("show", "--self", "--json", *of_bridge)["figures"]

        name = f"{os.uname().nodename.partition('.')[0]}-mqtt"
        of_bridge = ("--socket", str(self.there.state / name / "socket"))
        self.lan.wait_for(lambda: figures()["readings_in"] == count, "all are counted")
        self.assertEqual((figures()["connected"], figures()["readings_lost"], figures()["readings_refused"]), (1, 0, 0))
        metrics = self.there.run("metrics", *of_bridge).out
        self.assertRegex(metrics, rf'(?m)^muster_program_figure{{node="{name}".*name="readings_in"}} {count}$')
        self.assertIn(f"readings_in {count}", self.there.run("show", "--self", *of_bridge).out)

        (service,) = self.lan.wait_for(lambda: self.there.json("services", "http", "--json")["services"], "the service")
        self.assertEqual((service["name"], service["origin"], service["port"]), ("Stairs", "west", 80))
        # What was brought here is not carried on: the broker has nothing of it as the site east.
        topics = broker.listen("muster/#")
        topics.await_line("kitchen/count")
        self.lan.wait_for(lambda: broker.messages(topics, "muster/east/$bridges"), "what there is")
        self.assertEqual([topic for topic, _ in broker.messages(topics, "muster/east") if "kitchen" in topic], [])


class Twins(Sites):
    def test_one_carries(self):
        """Of two bridges of a site the one with the lower id carries, each reading once; the other one takes its place,
        and goes on where it was."""
        broker = Broker(self.router)
        listener = broker.listen("muster/#")
        publisher = self.here.start("publish", "--topic", "kitchen/count")
        subscribe = self.there.start("subscribe", "--ndjson", "west/#").await_listening()
        self.here.announce("thermo", "--service", "http:80")
        far = self.bridge(self.there, "east", "--in", "#", "--out", "#", "--no-peers")
        twins = [self.bridge(self.here, "west", "--out", "#", "--in", "#", name=name) for name in ("one", "two")]
        self.await_error(far, "carries for")

        def roles():
            return sorted("another" if "another bridge" in twin.error.splitlines()[-1] else "carries"
                          for twin in twins if "carries for" in twin.error)  # fmt: skip

        self.lan.wait_for(lambda: roles() == ["another", "carries"], "one carries")
        count = 0

        def publish_some():
            nonlocal count
            publisher.write("".join(f"{number}\n" for number in range(count, count + 20)))
            count += 20
            self.lan.wait_for(lambda: len(records(subscribe)) >= count, f"{count} readings")

        publish_some()
        (first,) = [twin for twin in twins if "another bridge" not in twin.error.splitlines()[-1]]
        (second,) = [twin for twin in twins if twin is not first]
        first.signal(signal.SIGKILL)
        self.lan.wait_for(lambda: "carries for the site west" in second.error.splitlines()[-1], "it takes over")
        publish_some()
        self.assertEqual([value for _, value in readings(subscribe)], list(range(count)))

        def told():
            return [json.loads(payload)[0]["v"] for topic, payload in broker.messages(listener, "muster/west")
                    if topic.endswith("/kitchen/count")]  # fmt: skip

        self.lan.wait_for(lambda: len(told()) >= count, "the listener has all")
        self.assertEqual(told(), list(range(count)))
        self.assertEqual(self.there.json("services", "http", "--json")["services"], [])  # by --no-peers
        # What came from here is not carried back by the other site.
        self.assertEqual([topic for topic, _ in broker.messages(listener, "muster/east") if "count" in topic], [])


# Of https://www.home-assistant.io/integrations/sensor.mqtt/ and binary_sensor.mqtt: what muster says of it.
ENTITY = {
    "type": "object",
    "required": ["name", "unique_id", "state_topic", "availability", "device", "origin", "value_template"],
    "properties": {
        "name": {"type": "string"},
        "unique_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
        "object_id": {"type": "string", "pattern": "^[a-z0-9_]+$"},
        "state_topic": {"type": "string"},
        "value_template": {"type": "string", "pattern": "^{{.*}}$"},
        "unit_of_measurement": {"type": "string"},
        "device_class": {"enum": ["temperature", "humidity"]},
        "state_class": {"enum": ["measurement", "total", "total_increasing"]},
        "availability": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["topic"],
                "properties": {"topic": {"type": "string"}, "value_template": {"type": "string"}},
                "additionalProperties": False,
            },
        },
        "availability_mode": {"enum": ["all", "any", "latest"]},
        "device": {
            "type": "object",
            "required": ["identifiers", "name"],
            "properties": {"identifiers": {"type": "array", "items": {"type": "string"}}, "name": {"type": "string"}},
            "additionalProperties": False,
        },
        "origin": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "sw_version": {"type": "string"}},
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}


class HomeAssistant(Sites):
    def test_discovery(self):
        """Each reading becomes an entity of its peer, which is there while the peer and the bridge are."""
        broker = Broker(self.router)
        listener = broker.listen("#")
        bridge = self.bridge(self.here, "west", "--out", "#", "--home-assistant", "--payload", "json")
        self.await_error(bridge, "carries for")
        thermo = self.here.announce("thermo")
        self.here.run("publish", "--unit", "Cel", "kitchen/temperature", "21.5")
        self.here.run("publish", "kitchen/door", "true")

        def entities():
            found = broker.messages(listener, "homeassistant/")
            return {json.loads(payload)["state_topic"]: (topic, json.loads(payload)) for topic, payload in found}

        below = "muster/west/thermo/kitchen"
        self.lan.wait_for(lambda: len(entities()) == 2, "two entities")
        for topic, entity in entities().values():
            jsonschema.validate(entity, ENTITY)
            self.assertRegex(topic, r"^homeassistant/(binary_)?sensor/[A-Za-z0-9_-]+/config$")
        topic, entity = entities()[f"{below}/temperature"]
        self.assertIn("/sensor/", topic)
        self.assertEqual((entity["unit_of_measurement"], entity["device_class"]), ("°C", "temperature"))
        self.assertEqual(entity["device"]["name"], "thermo")
        self.assertIn("/binary_sensor/", entities()[f"{below}/door"][0])

        def newest(topic):
            found = [payload for told, payload in broker.messages(listener, topic) if told == topic]
            return json.loads(found[-1]) if found and found[-1] else None

        (peer, own) = [place["topic"] for place in entity["availability"]]
        self.lan.wait_for(lambda: (newest(f"{below}/temperature") or {}).get("value") == 21.5, "the temperature")
        self.lan.wait_for(lambda: (newest(peer) or {}).get("state") == "alive", "the peer is there")
        thermo.signal(signal.SIGTERM)
        self.lan.wait_for(lambda: newest(peer)["state"] not in ("alive", "suspect"), "the peer has left")
        self.lan.wait_for(lambda: (newest(own) or {}).get("state") == "online", "the bridge is there")
        bridge.signal(signal.SIGKILL)
        self.lan.wait_for(lambda: newest(own)["state"] == "offline", "the last will")


class Mistakes(Sites):
    def test_refused(self):
        """A wrong password, an unknown host and a port where nobody is are said, and tried again; a file that is not there
        ends it."""
        passwords = self.lan.directory / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "me", "right"], check=True)
        passwords.chmod(0o600)
        Broker(self.router, "allow_anonymous false", f"password_file {passwords}")
        password = self.lan.directory / "password"
        password.write_text("wrong\n")
        login = ("--user", "me", "--password-file", str(password))
        for options, words in (
            (login, "the broker refused: "),
            (("--broker", "nowhere.invalid"), "nowhere.invalid:1883: "),
            (("--broker", f"{self.here.broker}:1"), f"{self.here.broker}:1: connection refused"),
        ):
            process = self.bridge(self.here, "west", *options)
            self.await_error(process, words)
            self.await_error(process, "tried again until it answers")
            self.assertEqual(process.error.count("no readings are carried, but peers and services alone; --out and --in say which"), 1)
            self.assertEqual(process.stop().code, 0)
        password.write_text("right\n")
        self.await_error(self.bridge(self.here, "west", *login), "connected to")

    def test_a_name_with_several_addresses(self):
        """All addresses of the broker's name are tried: nobody is at the first one, the nearest."""
        Broker(self.router)
        hosts = self.lan.directory / "hosts"
        hosts.write_text(f"127.0.0.1 broker.test\n{self.here.broker} broker.test\n")
        bridge = (MUSTER, "bridge", "mqtt", "--site", "west", "--broker", "broker.test")
        command = 'mount --bind "$0" /etc/hosts && exec "$@"'
        process = self.here.start_program("unshare", "--mount", "sh", "-c", command, str(hosts), *bridge)
        self.await_error(process, "connected to broker.test")
        self.assertNotIn("refused", process.error)

    def test_tls(self):
        """The broker is known by its certificate, and the bridge by its own; a certificate of others is refused."""

        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=self.lan.directory, check=True, capture_output=True)

        def make(name, *options):
            openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key",
                    "-out", f"{name}.csr", "-subj", f"/CN={name}")  # fmt: skip
            openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.crt", "-days", "2", *options)
            return [str(self.lan.directory / f"{name}.{ending}") for ending in ("crt", "key")]

        extensions = self.lan.directory / "extensions"
        extensions.write_text(f"subjectAltName=IP:{self.here.broker},IP:127.0.0.1\n")
        authority, authority_key = make("authority", "-signkey", "authority.key")
        other, _ = make("other", "-signkey", "other.key")
        by = ("-CA", authority, "-CAkey", authority_key, "-CAcreateserial", "-extfile", str(extensions))
        (certificate, key), (client, client_key) = make("broker", *by), make("client", *by)
        Broker(self.router, f"cafile {authority}", f"certfile {certificate}", f"keyfile {key}", "require_certificate true",
               "use_identity_as_username true")  # fmt: skip
        login = ("--broker", f"{self.here.broker}:{PORT}", "--cert", client, "--key", client_key)
        self.await_error(self.bridge(self.here, "west", *login, "--cafile", other), "tried again until it answers")
        self.await_error(self.bridge(self.here, "west", *login, "--cafile", authority, name="known"), "connected to")

    def test_an_old_broker(self):
        """One that refuses MQTT 5 (CONNACK of MQTT 3.1.1, 3.2.2.3) is asked again by MQTT 3.1.1. It gives nothing back,
        which is said, and readings are carried all the same."""
        listener = self.router.socket(socket.SOCK_STREAM)
        listener.bind(("0.0.0.0", PORT))
        listener.listen()
        self.lan.on_close(listener.close)
        levels = []

        def answer(connection):
            said = connection.recv(4096)
            if said[:1] == b"\x10":  # CONNECT; the level stands behind the name, "MQTT"
                levels.append(said[said.index(b"MQTT") + 4])
                connection.sendall(b"\x20\x02\x00" + (b"\x01" if levels[-1] == 5 else b"\x00"))
            if not said or levels[-1] == 5:
                self.lan.forget(connection)
                connection.close()

        def accept():
            connection, _ = listener.accept()
            self.lan.on_readable(connection, lambda: answer(connection))
            self.lan.on_close(connection.close)

        self.lan.on_readable(listener, accept)
        bridge = self.bridge(self.here, "west")
        self.await_error(bridge, "it speaks no MQTT 5, MQTT 3.1.1 is tried")
        self.await_error(bridge, "connected to")
        self.assertEqual(levels, [5, 4])
        self.await_error(bridge, "is this user allowed to read there?")
        self.await_error(bridge, "carries for the site west")

    def test_wrong_usage(self):
        config = self.lan.directory / "bridge.json"
        config.write_text('{"site": "west",\n "broker": "10.0.0.1", "payload": "xml"}')
        needed = ("--site", "west", "--broker", "10.0.0.1")
        for arguments, code, words in (
            (("--site", "west"), 2, "--broker: expected"),
            (("--broker", "10.0.0.1"), 2, "--site: expected"),
            (("--site", "West", "--broker", "10.0.0.1"), 2, "expected 1 to 63 of a-z 0-9 -"),
            ((*needed, "--prefix", "a/#"), 2, "no + or #"),
            ((*needed, "--out", "a/#/b"), 2, "--out: "),
            ((*needed, "--no-peers"), 2, "nothing is left to carry"),
            ((*needed, "--home-assistant", "--in", "#"), 2, "--home-assistant: expected with --out"),
            ((*needed, "--brokr", "x"), 2, "did you mean '--broker'?"),
            ((*needed, "--payload", "jsn"), 2, "did you mean 'json'?"),
            ((*needed, "--cert", "/nowhere"), 2, "together with --key"),
            ((*needed, "--cafile", "/nowhere/ca"), 1, "--cafile: /nowhere/ca: No such file"),
            ((*needed, "--password-file", "/nowhere/p"), 2, "--password-file: expected together with --user"),
            ((*needed, "--user", "me", "--password-file", "/nowhere/p"), 1, "--password-file: /nowhere/p: No such file"),
            (("--config", str(config)), 2, f'{config}:2:35: payload: expected senml, json or value, got \'xml\''),
            (("--config", "/nowhere.json"), 2, "/nowhere.json: cannot be read"),
        ):
            with self.subTest(arguments=arguments):
                result = self.here.start_program(MUSTER, "bridge", "mqtt", *arguments).finish()
                self.check_refused(result, words, code=code)

    def test_a_dry_run_says_what_would_be_carried(self):
        """It connects to nobody, and nobody learns of it."""
        self.here.announce("thermo", "--service", "http:80")
        watch = self.here.watch()
        watch.await_event("joined", name="thermo")
        run = self.here.start_program(MUSTER, "bridge", "mqtt", "--site", "west", "--out", "#", "--dry-run", "--payload", "value")
        run.await_line("muster/west/$peers/")
        self.assertNotIn("no readings are carried", run.error)
        self.here.run("publish", "kitchen/temperature", "21.5")
        self.assertEqual(run.await_line("temperature"), "muster/west/thermo/kitchen/temperature 21.5")
        self.assertEqual(run.stop().code, 0)
        self.assertEqual({event["name"] for _, event in watch.events("joined")}, {"thermo"})


if __name__ == "__main__":
    main()
