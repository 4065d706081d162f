# SPDX-License-Identifier: MIT
"""Stacks of DNS-SD on hosts of the lab: Avahi with a bus of its own, and python3-zeroconf."""

import json
import os
import pathlib
import socket
import struct

import lab

BRIDGE = pathlib.Path(lab.MUSTER).with_name("muster-bridge-dnssd")
AVAHI = "/usr/sbin/avahi-daemon"

BUS = """<busconfig>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/> <allow own="*"/> <allow send_destination="*"/> <allow receive_sender="*"/>
  </policy>
</busconfig>
"""

# A second stack, by the same rules: registers services, and prints what it finds, a line of JSON each.
ZEROCONF = r"""
import asyncio, json, socket, sys, threading
from zeroconf import ServiceBrowser, ServiceInfo, Zeroconf
address, browsed = sys.argv[1], sys.argv[2].split()
zeroconf = Zeroconf(interfaces=[address])
registered = {}
out = threading.Lock()
def say(**line):
    with out:
        print(json.dumps(line), flush=True)
class Listener:
    def add_service(self, zc, kind, name, event="added"):
        info = zc.get_service_info(kind, name, 5000)
        if info is None:
            return say(event="unresolved", type=kind, name=name)
        say(event=event, type=kind, name=name[: -len(kind) - 1], server=info.server, port=info.port,
            addresses=info.parsed_addresses(), txt=info.text.hex())
    def update_service(self, zc, kind, name):
        self.add_service(zc, kind, name, "updated")
    def remove_service(self, zc, kind, name):
        say(event="removed", type=kind, name=name[: -len(kind) - 1])
for kind in browsed:
    ServiceBrowser(zeroconf, kind, Listener())
say(event="ready")
def info_of(kind, name, port, txt, server):
    return ServiceInfo(kind, name + "." + kind, port=port, properties=bytes.fromhex(txt), server=server,
                       addresses=[socket.inet_aton(address)])
for line in sys.stdin:
    order, *values = json.loads(line)
    if order == "register":
        infos = [info_of(*value) for value in values]
        waiting = [asyncio.run_coroutine_threadsafe(zeroconf.async_register_service(info), zeroconf.loop) for info in infos]
        for info, registering in zip(infos, waiting):
            registering.result()
            registered[info.name] = info
    elif order == "unregister":
        for kind, name in values:
            zeroconf.unregister_service(registered.pop(name + "." + kind))
    say(event="done", order=order)
"""


def strings(*items):
    """The bytes of a TXT record, in hexadecimal."""
    return b"".join(bytes([len(item)]) + item for item in items).hex()


def read(text):
    """The strings of a TXT record, in their order."""
    data, items = bytes.fromhex(text), []
    while data:
        items.append(data[1 : 1 + data[0]])
        data = data[1 + data[0] :]
    return items


class Stack:
    """Avahi, and the bus that it is asked by, on one host."""

    def __init__(self, host):
        self.host = host
        self.directory = host.lab.directory / f"avahi{host.number}"
        self.directory.mkdir()
        self.address = f"unix:path={self.directory}/bus"
        (self.directory / "bus.conf").write_text(BUS.format(path=self.directory / "bus"))
        (self.directory / "avahi.conf").write_text(
            f"[server]\nhost-name=host{host.number}\nuse-ipv4=yes\nuse-ipv6=no\nallow-interfaces=eth0\n"
            "ratelimit-burst=0\n[publish]\npublish-workstation=no\n[wide-area]\nenable-wide-area=no\n"
        )
        self.bus = self.avahi = None

    def start_bus(self):
        (self.directory / "bus").unlink(missing_ok=True)
        self.bus = self.host.start_program("dbus-daemon", "--nofork", f"--config-file={self.directory}/bus.conf", "--print-address")
        self.bus.await_line("unix:")

    def start_avahi(self):
        """In a view of the files of its own: it writes below /run, and wants a user, who is the one that runs it here."""
        for file, line in (("passwd", "avahi:x:0:0::/:/bin/false"), ("group", "avahi:x:0:")):
            others = [known for known in pathlib.Path("/etc", file).read_text().splitlines() if not known.startswith("avahi:")]
            (self.directory / file).write_text("\n".join([*others, line, ""]))
        script = self.host.lab.script(
            f"mount --bind {self.directory}/passwd /etc/passwd && mount --bind {self.directory}/group /etc/group && "
            "mount -t tmpfs none /run && mkdir -p /run/avahi-daemon && "
            f"exec {AVAHI} --no-drop-root --no-chroot --no-rlimits --no-proc-title -f {self.directory}/avahi.conf"
        )
        self.avahi = self.host.start_program(
            "unshare", "--mount", "--propagation=private", script, DBUS_SYSTEM_BUS_ADDRESS=self.address
        )
        self.host.lab.wait_for(lambda: "Server startup complete" in self.avahi.error, "Avahi runs")

    def start(self):
        self.start_bus()
        self.start_avahi()
        return self

    def bridge(self, *arguments, **environment):
        """Starts the bridge of this host."""
        return self.host.start_program(str(BRIDGE), *arguments, DBUS_SYSTEM_BUS_ADDRESS=self.address, **environment)


class Zeroconf:
    """python3-zeroconf on one host."""

    def __init__(self, host, *browsed):
        self.process = host.start_program("/usr/bin/python3", "-c", ZEROCONF, host.address, " ".join(browsed))
        self.process.await_event("ready")

    def order(self, *words):
        before = len(self.process.events("done"))
        self.process.write(json.dumps(words) + "\n")
        self.process.lab.wait_for(lambda: len(self.process.events("done")) > before, f"{words[0]} is done")

    def found(self):
        """What is there now, by name."""
        services = {}
        for _, event in self.process.events("added", "updated", "removed"):
            if event["event"] == "removed":
                services.pop(event["name"], None)
            else:
                services[event["name"]] = event
        return services


def ghost(host, name, kind):
    """Says that there is a service, and nothing else of it, as what is left of a host that crashed."""

    def labels(*words):
        return b"".join(bytes([len(word)]) + word.encode() for word in words) + b"\0"

    pointer = labels(name, *kind.split("."), "local")
    record = labels(*kind.split("."), "local") + struct.pack("!HHIH", 12, 1, 4500, len(pointer)) + pointer
    with host.socket() as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(host.address))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", 5353))
        sock.sendto(struct.pack("!6H", 0, 0x8400, 0, 1, 0, 0) + record, ("224.0.0.251", 5353))


def rows(host, instance):
    """The documents that the muster of this instance on this host knows, by name."""
    lines = b""
    path = host.state / instance / "socket"
    host.lab.wait_for(path.exists, "muster runs")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(b'{"muster":1,"request":"table"}\n')
        sock.shutdown(socket.SHUT_WR)
        while data := sock.recv(1 << 16):
            lines += data
    documents, known = {}, None
    for line in map(json.loads, lines.decode().splitlines()):
        if "peer" in line:
            known = line["peer"]["state"] in ("alive", "suspect")
        elif "kind" in line and known:
            documents[line["name"]] = last = line
        elif known and {"services", "attrs"} & set(line):
            last.update(line)
    return documents


def figures(host):
    """What the bridge of this host counts."""
    (path,) = host.state.glob("*dnssd/socket")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(b'{"muster":1,"request":"self"}\n')
        with sock.makefile() as answer:
            listed = json.loads(answer.readline())["self"].get("figures", [])
    return {figure["name"].removeprefix("dnssd_"): figure["value"] for figure in listed}


def brought(host, instance):
    """The services with an origin that are known there, by name; a name that is there twice is an error."""
    services = {}
    for document in rows(host, instance).values():
        for service in document.get("services", []):
            if "origin" in service:
                assert service["name"] not in services, f"twice: {service}"
                services[service["name"]] = service | {"by": document["name"]}
    return services


def missing():
    """Why there can be no such host; None where there can."""
    needed = {"avahi-daemon": AVAHI, "muster-bridge-dnssd": BRIDGE, "dbus-daemon": "/usr/bin/dbus-daemon"}
    lacking = [name for name, path in needed.items() if not os.access(path, os.X_OK)]
    return f"no {', '.join(lacking)}" if lacking else None
