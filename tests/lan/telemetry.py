# SPDX-License-Identifier: MIT
"""Readings as tests look at them: what a subscriber printed, and publishers that say whatever they are told to."""

import json
import socket

from wire import Peer, encode

SHARDS = 16
FNV_OFFSET, FNV_PRIME = 2166136261, 16777619


def shard_of(topic):
    value = FNV_OFFSET
    for byte in topic.encode():
        value = (value ^ byte) * FNV_PRIME & 0xFFFFFFFF
    return value % SHARDS


def records(process):
    """The records that muster subscribe --ndjson printed so far."""
    return [json.loads(line) for line in process.lines if not line.startswith('{"event"')]


def value_of(record):
    return next((record[label] for label in ("v", "vb", "vs", "vd") if label in record), None)


def readings(process):
    """The same as (full name, value)."""
    return [(record["n"], value_of(record)) for record in records(process)]


def await_records(process, count):
    """Waits until so many were printed, and returns them."""
    lab = process.lab
    lab.wait_for(lambda: len(process.lines) >= count, f"{count} lines of {process.name}, not {len(process.lines)}")
    return records(process)


class Publisher(Peer):
    """An unsigned peer of one topic, which sends data by hand."""

    def __init__(self, host, name, topic):
        self.topic = topic
        self.shard = shard_of(topic)
        self.data_seq = 0
        super().__init__(host, name, topics=[{"name": topic}])
        self.voice.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)

    def send(self, body, skip=0):
        """Sends bytes as the body of the next datagram, or of one that leaves out `skip` before it."""
        self.data_seq += 1 + skip
        members = {"topic": self.topic, "shard": self.shard, "seq": self.data_seq}
        header = encode(kind="data", id=self.id, boot=self.boot, **members)
        group = f"239.255.77.{16 + self.shard}"
        self.voice.say(header + body + b"\n", to=group, port=self.voice.port - 1)
