# SPDX-License-Identifier: MIT
"""Presence, service discovery and readings of sensors on a LAN, without compiled parts.

    import muster

    for peer in muster.find(service="http"):               # who is here, once
        print(peer.name, peer.address, peer.services)

    with muster.watch() as events:                         # who comes and goes
        for event in events:
            print(event.kind, event.peer.name)

    with muster.announce("nas", services=["http:8080"]) as me:   # be seen, until the block ends
        me.publish("nas/load", 0.5)                        # a reading

    with muster.subscribe("kitchen/#", timeout=60) as readings:
        for reading in readings:
            print(reading.name, reading.value, reading.unit)

find(), watch() and publish() ask a muster that runs on this machine (schemas/LOCAL.md). Where none
runs, or with direct=True, they speak the protocol themselves (schemas/PROTOCOL.md), as announce()
and subscribe() always do. With PyNaCl this module signs what it says and verifies what it hears.
Without PyNaCl its own peers have no key, and whatever it hears itself has verified=False.
Where this user has group keys (muster key) they are used here too; that needs PyNaCl.

Names, texts and values come from strangers: safe_text() makes them fit for a terminal.
The interfaces are those of the argument `interfaces`, else of MUSTER_INTERFACE, else all that can
be used: names or patterns with commas between them, `!docker*` denies, `lo` has to be named.
MUSTER_PORT is the port of the control group, MUSTER_SOCKET the socket of the muster to ask.

What a node of the C library does beyond this module: it takes tables by stream in large crowds,
follows publishers by stream where multicast is filtered, keeps last values for others, speaks to
static peers beyond a router, and notices a second holder of its key.

Linux, Python 3.9 or newer.
"""

from __future__ import annotations

import argparse
import base64
import bisect
import collections
import contextlib
import dataclasses
import errno
import fcntl
import fnmatch
import hashlib
import heapq
import ipaddress
import itertools
import json
import logging
import math
import os
import pathlib
import queue
import random
import re
import secrets
import select
import signal
import socket
import struct
import sys
import threading
import time
import unicodedata
import urllib.parse
from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, Union

try:
    import nacl.bindings
    import nacl.exceptions
    import nacl.signing
except ImportError:  # everything works, unsigned and unverified
    nacl = None

__version__ = "0.1.0"
__all__ = [
    "Announcement",
    "Error",
    "Event",
    "InvalidError",
    "LocalError",
    "NetworkError",
    "Peer",
    "Reading",
    "Service",
    "Subscription",
    "TimedOut",
    "Topic",
    "Watch",
    "announce",
    "find",
    "publish",
    "safe_text",
    "subscribe",
    "watch",
]

_log = logging.getLogger("muster")

# ---- constants of PROTOCOL.md, section 10 ----

PORT = 19797
GROUP_V4, GROUP_V6, BROADCAST = "224.0.0.254", "ff02::114", "255.255.255.255"
UNICAST_PORTS = 32
DATAGRAM_BYTES_MAX = 1400
ANNOUNCE_BYTES_MAX = 1200
PART_BYTES_MAX = 600  # of a body
PARTS_MAX = 110
PROOF_BYTES = 400
INTEGER_MAX = 2**53 - 1
MTU_MIN = 1228
SHARDS = 16
COPIES_S = (0.0, 0.25, 1.0)
INTERVAL_MIN_S = 2.0
BUDGET_BPS = 128_000
NONCE_S, NONCE_S_MIN, NONCES = 60.0, 0.25, 12
CROWD_ROWS = 32
SPEAKERS_PER_ADDRESS, UNVERIFIED_SPEAKERS = 8, 64
RUSH = 8
ROWS_MAX, UNVERIFIED_MAX, ROWS_PER_ADDRESS = 16_384, 1024, 1024
INTRODUCTIONS_MAX, INTRODUCTIONS_PER_ADDRESS = 1024, 32
TOMBSTONE_S = 60.0
TABLE_ROWS = 64
ANSWERS_MAX = 256
SEAL_BYTES, SEAL_FRAME_BYTES_MAX, GROUP_KEYS_MAX = 45, 16_384, 8
REPLAY_WINDOWS = (1024, 65_536)  # by lane, and for how many senders
REPLAY_SENDERS = (16_384, 1024)
RATE_BYTES_S, BURST_BYTES = 1_000_000, 16_384
RING_BYTES = 4 * 1024 * 1024
NAK_SEQS_MAX, NAK_RANGES_SENT = 1024, 32
FEEDS_MAX, WINDOW = 1024, 8192
HELD_BYTES_MAX = 16 * 1024 * 1024
THREADS_MAX = 16  # that ask others by stream
GAP_S = 1.0
QUEUE_MAX = 65_536  # events or readings that wait for the program
TIME_MIN, TIME_MAX = 2**28, 2**33


# ---- what can go wrong ----


class Error(Exception):
    """Base of all that this module raises."""


class InvalidError(Error, ValueError):
    """An argument is not what the protocol can say."""


class NetworkError(Error):
    """There is no interface, or no port, that can be used."""


class LocalError(Error):
    """The muster of this machine did not do what it was asked for; `end` says why (PROTOCOL.md,
    section 12), where it answered."""

    def __init__(self, text: str, end: str = ""):
        super().__init__(text)
        self.end = end


class TimedOut(Error, TimeoutError):
    """Nothing came in time."""


class _Drop(Exception):
    """A datagram without effect; the text is the reason of PROTOCOL.md, section 9."""


# ---- what a program sees ----


@dataclasses.dataclass(frozen=True)
class Service:
    """What a peer offers. `type` is a service name of RFC 6335 such as "http". A service with an
    `origin` is not the peer's own: the peer brought it from there, as bridges do, `host` offers it
    (None: the peer does), and it is to be reached at `at` (none: at the peer's address). Who
    carries services on gives them an origin, and carries on none that has one.
    """

    type: str
    port: int
    proto: str = "tcp"
    name: str = ""
    txt: Mapping[str, str] = dataclasses.field(default_factory=dict)
    origin: Optional[str] = None
    host: Optional[str] = None
    at: tuple[str, ...] = ()

    @classmethod
    def of(cls, value: Union["Service", str]) -> "Service":
        """A Service of "http:8080" or "coap:5683/udp"."""
        if isinstance(value, Service):
            return value
        found = (
            re.fullmatch(r"([^:/]+):(\d{1,5})(?:/(tcp|udp))?", value)
            if isinstance(value, str)
            else None
        )
        if not found:
            raise InvalidError(
                f"a service is a Service or a text such as 'http:8080', got {value!r}"
            )
        return cls(found[1], int(found[2]), found[3] or "tcp")

    def offerer(self, peer_name: str) -> str:
        """What it is listed under: its peer's name, or "printer~dnssd" of what was brought."""
        return f"{self.host or peer_name}~{self.origin}" if self.origin else peer_name

    def _key(self) -> tuple[Any, ...]:
        """What it is known by among the services of its peer."""
        more = (self.host, self.name) if self.origin else ()
        return (self.type, self.proto, self.port, self.origin, *more)

    def __str__(self) -> str:
        protocol = "/udp" if self.proto == "udp" else ""
        return f"{self.type}:{self.port}{protocol}" + (f"~{self.origin}" if self.origin else "")


@dataclasses.dataclass(frozen=True)
class Topic:
    """What a peer publishes readings under."""

    name: str
    unit: Optional[str] = None
    units: Mapping[str, str] = dataclasses.field(default_factory=dict)
    origin: Optional[str] = None  # where its readings were brought from; None: they are its own


@dataclasses.dataclass(frozen=True)
class Peer:
    """One row of the table, as it was at one moment. Names and texts are the peer's own."""

    id: str
    name: str
    state: str  # "alive", "suspect", "lost" or "left"
    address: Optional[str]  # with %interface where it is one of the link alone
    port: Optional[int]
    interface: Optional[str]
    services: tuple[Service, ...] = ()
    attrs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    topics: tuple[Topic, ...] = ()
    boot: int = 0
    rev: int = 0
    verified: bool = False  # a key vouches for every word of it
    provisional: bool = False  # passed on by another peer, not heard yet
    partial: bool = False  # its services fill no datagram and have not come
    is_self: bool = False  # of the muster that was asked
    age_s: float = 0.0  # since it was heard
    paths: tuple[str, ...] = ()  # by which it was heard: m4, m6, b4, u4, u6

    def services_of(self, type: str) -> list[Service]:
        """Its services of a type."""
        return [service for service in self.services if service.type == type]


@dataclasses.dataclass(frozen=True)
class Event:
    """What happened to a peer: joined, changed, restarted, suspect, returned, lost or left."""

    kind: str
    peer: Peer


@dataclasses.dataclass(frozen=True)
class Reading:
    """One record of SenML, resolved. `peer` is None where the publisher's row is gone."""

    name: str
    value: Union[float, int, str, bool, bytes, None]
    unit: Optional[str]
    time: float  # seconds since 1970
    sum: Optional[float] = None
    topic: str = ""
    peer_id: str = ""
    peer: Optional[Peer] = None
    is_last: bool = False  # published before the subscription began
    origin: Optional[str] = None  # where the publisher brought it from: it is not carried on again


# Invisible, or able to change how a terminal shows what stands beside them.
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def safe_text(text: str) -> str:
    r"""The text with \u{XXXX} for what could control a terminal, and two backslashes for one."""

    def safe(char: str) -> str:
        if char == "\\":
            return "\\\\"
        code = ord(char)
        is_selector = 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF
        is_unsafe = unicodedata.category(char) in _UNSAFE or is_selector
        return f"\\u{{{code:04X}}}" if is_unsafe else char

    return "".join(map(safe, text))


# ---- JSON, as strict as PROTOCOL.md, sections 2 and 9 ----


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Drop("duplicate")
    return members


def _number(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def check(text: str) -> Any:
        if len(text) > 63:
            raise _Drop("range")
        return read(text)

    return check


def _no_constant(text: str) -> None:
    raise _Drop("syntax")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_number(int),
    parse_float=_number(float),
    parse_constant=_no_constant,
)


def _text_of(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        is_open = error.reason == "unexpected end of data"
        raise _Drop("syntax" if is_open else "utf8") from None


def _is_text(text: str) -> bool:
    """Neither U+0000 nor half a surrogate pair."""
    return "\0" not in text and not any(0xD800 <= ord(char) <= 0xDFFF for char in text)


def _parse(line: bytes, values_max: int = 256) -> Any:
    """A line of JSON by the rules of section 2."""
    text = _text_of(line)
    try:
        parsed = _DECODER.decode(text)
    except RecursionError:
        raise _Drop("depth") from None
    except ValueError:
        raise _Drop("syntax") from None
    _check_tree(parsed, values_max)
    return parsed


def _check_tree(tree: Any, values_max: int) -> None:
    level, count = [tree], 0
    for depth in itertools.count(1):
        count += len(level)
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                if not _is_text(value):
                    raise _Drop("utf8")
            elif isinstance(value, (dict, list)):
                if depth > 8:
                    raise _Drop("depth")
                if isinstance(value, dict):
                    if not all(map(_is_text, value)):
                        raise _Drop("utf8")
                    below.extend(value.values())
                else:
                    below.extend(value)
        if count + len(below) > values_max:
            raise _Drop("nodes")
        if not below:
            return
        level = below


# ---- members: each check raises the reason why a value is none ----

_Check = Callable[[Any], Any]


def _typed(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool) and kind is not bool:
        raise _Drop("type")
    return value


def _range(holds: Any) -> None:
    if not holds:
        raise _Drop("range")


def _integer(low: int, high: int = INTEGER_MAX) -> _Check:
    def check(value: Any) -> int:
        _typed(value, (int, float))
        _range(
            value == value
            and abs(value) != math.inf
            and value == int(value)
            and low <= value <= high
        )
        return int(value)

    return check


def _text(low: int, high: int) -> _Check:
    def check(value: Any) -> str:
        _range(low <= len(_typed(value, str).encode()) <= high)
        return value

    return check


def _matching(pattern: str, high: int = DATAGRAM_BYTES_MAX) -> _Check:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: Any) -> str:
        _range(len(_typed(value, str)) <= high and compiled.fullmatch(value))
        return value

    return check


def _base64(value: Any, size: int, least: Optional[int] = None) -> bytes:
    """Exactly so many bytes, or from `least` on, with padding, the unused last bits zero."""
    with contextlib.suppress(ValueError, UnicodeError):
        data = base64.b64decode(_typed(value, str).encode("ascii"), validate=True)
        is_of_size = (size if least is None else least) <= len(data) <= size
        if is_of_size and base64.b64encode(data).decode() == value:
            return data
    raise _Drop("range")


def _list(check: _Check, low: int = 0, high: int = 1 << 20) -> _Check:
    def check_all(value: Any) -> list[Any]:
        _typed(value, list)
        _range(low <= len(value) <= high)
        return [check(element) for element in value]

    return check_all


def _texts(value: Any, value_min: int = 0, value_max: int = 255) -> dict[str, str]:
    for name, text in _typed(value, dict).items():
        _range(1 <= len(name.encode()) <= 63)
        _text(value_min, value_max)(text)
    return value


def _sent(value: Any) -> dict[int, int]:
    for name in _typed(value, dict):
        _range(re.fullmatch(r"[0-9]|1[0-5]", name, re.ASCII))
    return {int(name): _integer(1)(seq) for name, seq in value.items()}


def _member(members: Mapping[str, Any], name: str, check: _Check, is_required: bool = True) -> Any:
    if name not in members:
        if is_required:
            raise _Drop("missing")
        return None
    return check(members[name])


_id = _matching("[0-9a-f]{32}")
_nonce = _matching("[A-Za-z0-9_-]{8}")
_re = _matching("([A-Za-z0-9_-]{8}){1,128}")
_type = _matching("(?=[0-9-]*[a-z])[a-z0-9]+(-[a-z0-9]+)*", 15)
_topic = _matching("[A-Za-z0-9][A-Za-z0-9:._-]*(/[A-Za-z0-9:._-]+)*", 127)


def _origin(value: Any) -> str:
    _text(1, 64)(value)
    _range(not re.search("[\x00-\x1f\x7f]", value))
    return value


def _reachable(value: Any) -> str:
    """An address that other hosts can have, and that means the same on each link."""
    address = ipaddress.ip_address(_host(value))
    _range(not address.is_loopback and not address.is_multicast and not address.is_unspecified)
    if isinstance(address, ipaddress.IPv4Address):
        _range(address.packed[0] != 0 and value != "255.255.255.255")
    else:
        _range(address not in ipaddress.ip_network("fe80::/10") and address.ipv4_mapped is None)
    return value


def _service(value: Any) -> Service:
    _typed(value, dict)
    name = _member(value, "name", _text(0, 63), False) or ""
    kind = _member(value, "type", _type)
    proto = _member(value, "proto", lambda text: _typed(text, str))
    _range(proto in ("tcp", "udp"))
    port = _member(value, "port", _integer(1, 65535))
    txt = _member(value, "txt", _texts, False) or {}
    if "origin" not in value:
        if {"host", "at"} & set(value):
            raise _Drop("missing")
        return Service(kind, port, proto, name, txt)
    origin = _member(value, "origin", _origin)
    host = _member(value, "host", _text(1, 63), False)
    at = _member(value, "at", _list(_reachable, 1, 4), False) or []
    return Service(kind, port, proto, name, txt, origin, host, tuple(at))


def _rate(value: Any) -> Any:
    _range(0 < _typed(value, (int, float)) <= 1e9)
    return value


def _topic_row(value: Any) -> Topic:
    _typed(value, dict)
    name = _member(value, "name", _topic)
    unit = _member(value, "unit", _text(1, 63), False)
    _member(value, "rate", _rate, False)
    units = _member(value, "units", lambda units: _texts(units, 0, 63), False) or {}
    return Topic(name, unit, units, _member(value, "origin", _origin, False))


def pattern_fault(pattern: str) -> Optional[str]:
    """What is wrong with a pattern of MQTT (5.0, 4.7); None: nothing."""
    if not isinstance(pattern, str) or not 1 <= len(pattern.encode("utf-8", "replace")) <= 255:
        return "a pattern has 1 to 255 bytes"
    levels = pattern.split("/")
    if "#" in levels[:-1]:
        return "# stands at the end of a pattern alone"
    for level in levels:
        if level not in ("+", "#") and not re.fullmatch("[A-Za-z0-9:._-]+", level, re.ASCII):
            return "a level of a pattern is +, # or characters of A-Z a-z 0-9 - : . _"
    return None


def _pattern(value: Any) -> str:
    _range(pattern_fault(_typed(value, str)) is None)
    return value


def pattern_matches(pattern: str, name: str) -> bool:
    """Whether a full name matches a pattern: + stands for one level, # for all that follow."""
    wanted, levels = pattern.split("/"), name.split("/")
    for number, level in enumerate(wanted):
        if level == "#":
            return True
        if number >= len(levels) or level not in ("+", levels[number]):
            return False
    return len(wanted) == len(levels)


def _pattern_may_match(pattern: str, topic: str) -> bool:
    """Whether some record of the topic, or below it, may have a name that matches."""
    for wanted, level in zip(pattern.split("/"), topic.split("/")):
        if wanted == "#":
            return True
        if wanted not in ("+", level):
            return False
    return len(pattern.split("/")) >= len(topic.split("/"))


@dataclasses.dataclass
class _Lists:
    services: list[Service]
    attrs: dict[str, str]
    topics: list[Topic]


def _read_lists(members: Mapping[str, Any]) -> _Lists:
    services = _member(members, "services", _list(_service), False) or []
    _range(len({service._key() for service in services}) == len(services))
    attrs = _member(members, "attrs", _texts, False) or {}
    topics = _member(members, "topics", _list(_topic_row), False) or []
    _range(len({topic.name for topic in topics}) == len(topics))
    _member(members, "caches", _list(_pattern, 0, 16), False)
    return _Lists(services, attrs, topics)


# ---- messages ----


class _Message:
    """One datagram, taken apart: `line` is its header line with the LF, `sig` the signature of
    that.
    """

    def __init__(self, data: bytes):
        self.data = data
        self.line = b""
        self.sig: Optional[bytes] = None
        self.members: dict[str, Any] = {}
        self.kind = self.id = ""
        self.boot = self.rev = self.next_ms = 0
        self.seq: Optional[int] = None
        self.nonces: list[str] = []  # that it repeats
        self.at: Optional[str] = None  # where it left from, as it says
        self.nonce: Optional[str] = None
        self.peers = 0
        self.sent: Optional[dict[int, int]] = None
        self.key: Optional[bytes] = None
        self.size: Optional[int] = None
        self.hash = ""
        self.stream: Optional[int] = None
        self.heard: list[str] = []
        self.hears: list[str] = []
        self.name = ""
        self.lists = _Lists([], {}, [])
        self.of: Optional[list[str]] = None
        self.want: Optional[dict[str, Any]] = None
        self.known: list[str] = []
        self.table = False
        self.probe: Optional[int] = None
        self.gone: list[str] = []


def _look(data: bytes) -> None:
    """The checks before anything is read."""
    if len(data) > DATAGRAM_BYTES_MAX:
        raise _Drop("too_long")
    if not data:
        raise _Drop("truncated")
    if data[0] != ord("{"):
        raise _Drop("sealed" if data[0] == 1 else "format")


def _read_header(line: bytes, kinds: tuple[str, ...]) -> dict[str, Any]:
    members = _parse(line)
    _typed(members, dict)
    version = _member(members, "muster", lambda value: _typed(value, (int, float)))
    if version != 1:
        raise _Drop("version")
    if _member(members, "kind", lambda value: _typed(value, str)) not in kinds:
        raise _Drop("kind")
    _member(members, "id", _id)
    _member(members, "boot", _integer(1))
    return members


def _read_sig(line: bytes) -> bytes:
    members = _parse(line)
    try:
        return _base64(members["sig"], 64)
    except (_Drop, KeyError, TypeError):
        raise _Drop("syntax") from None


def _host(value: Any) -> str:
    """An address as it is written in its shortest form."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, ValueError):
            if socket.inet_ntop(family, socket.inet_pton(family, _typed(value, str))) == value:
                return value
    raise _Drop("range")


def _read_presence(message: _Message) -> None:
    """The members that an announce and an alive share."""
    members = message.members
    if "seq" not in members and "re" not in members:
        raise _Drop("missing")
    message.seq = _member(members, "seq", _integer(1), False)
    nonces = _member(members, "re", _re, False) or ""
    message.nonces = [nonces[at : at + 8] for at in range(0, len(nonces), 8)]
    message.nonce = _member(members, "nonce", _nonce, False)
    message.rev = _member(members, "rev", _integer(1))
    message.next_ms = _member(members, "next_ms", _integer(100, 172_800_000))
    message.peers = _member(members, "peers", _integer(0, 1_000_000))
    message.sent = _member(members, "sent", _sent, False)
    message.at = _member(members, "at", _host, False)


_path_names = _list(_text(1, 15), 0, 8)


def _read_announce(message: _Message) -> None:
    members = message.members
    _read_presence(message)
    message.stream = _member(members, "stream", _integer(1, 65535), False)
    message.heard = _member(members, "heard", _path_names, False) or []
    message.probe = _member(members, "probe", _integer(1, 65535), False)
    message.key = _member(members, "key", lambda value: _base64(value, 32), False)
    message.name = _member(members, "name", _text(1, 63))
    if ("size" in members) != ("hash" in members):
        raise _Drop("missing")
    message.size = _member(members, "size", _integer(1, 65_536), False)
    message.hash = _member(members, "hash", _matching("[0-9a-f]{64}"), False) or ""
    message.lists = _read_lists(members)
    if message.size is not None:
        _range(not {"services", "attrs", "topics", "caches"} & set(members))


def _read_alive(message: _Message) -> None:
    _read_presence(message)
    message.hears = _member(message.members, "hears", _path_names, False) or []
    message.gone = _member(message.members, "gone", _list(_host, 0, 4), False) or []


def _read_bye(message: _Message) -> None:
    message.seq = _member(message.members, "seq", _integer(1))


def _read_want(value: Any) -> dict[str, Any]:
    _typed(value, dict)
    _member(value, "type", _type, False)
    _member(value, "name", _text(1, 128), False)
    return value


def _read_piece(value: Any) -> None:
    _typed(value, dict)
    _member(value, "hash", _matching("[0-9a-f]{64}"))
    _member(value, "number", _integer(1, PARTS_MAX))


def _read_part(message: _Message) -> None:
    _read_piece(message.members)
    _member(message.members, "bytes", lambda value: _base64(value, PART_BYTES_MAX, 1))


def _read_query(message: _Message) -> None:
    members = message.members
    message.nonce = _member(members, "nonce", _nonce)
    if "of" not in members and "want" not in members:
        raise _Drop("missing")
    message.probe = _member(members, "probe", _integer(1, 65535), False)
    message.table = bool(_member(members, "table", lambda value: _typed(value, bool), False))
    _member(members, "count", _integer(1), False)
    _member(members, "said", _integer(1), False)
    message.of = _member(members, "of", _list(_id, 1, 35), False)
    message.want = _member(members, "want", _read_want, False)
    message.known = _member(members, "known", _list(_id, 0, 35), False) or []
    _member(members, "part", _read_piece, False)


_READERS = {
    "announce": _read_announce,
    "alive": _read_alive,
    "bye": _read_bye,
    "query": _read_query,
    "part": _read_part,
}


def decode(data: bytes) -> _Message:
    """A control message; raises _Drop."""
    _look(data)
    if data[-1:] != b"\n":
        raise _Drop("truncated")
    lines = data[:-1].split(b"\n")
    if len(lines) > 2:
        raise _Drop("syntax")
    message = _Message(data)
    message.line = lines[0] + b"\n"
    message.members = _read_header(lines[0], tuple(_READERS))
    message.kind, message.id = message.members["kind"], message.members["id"]
    message.boot = int(message.members["boot"])
    _READERS[message.kind](message)
    if len(lines) == 2:
        message.sig = _read_sig(lines[1])
    if message.kind == "announce":
        if len(data) > ANNOUNCE_BYTES_MAX + 8 * max(0, len(message.nonces) - 1):
            raise _Drop("too_long")
        if (message.key is None) != (message.sig is None):
            raise _Drop("signature")
    return message


@dataclasses.dataclass
class _Signal:
    """A datagram of telemetry."""

    kind: str
    id: str
    boot: int
    shard: int
    topic: str = ""
    origin: Optional[str] = None
    seq: int = 0
    oldest: int = 0
    body: bytes = b""
    of: str = ""
    of_boot: int = 0
    missing: list[list[int]] = dataclasses.field(default_factory=list)


def _pair(value: Any) -> list[int]:
    _typed(value, list)
    _range(len(value) == 2)
    for number in value:
        _range(isinstance(number, (int, float)) and not isinstance(number, bool))
    first, last = map(_integer(1), value)
    _range(first <= last)
    return [first, last]


def decode_signal(data: bytes) -> _Signal:
    """A datagram of the groups of telemetry; raises _Drop."""
    if len(data) > DATAGRAM_BYTES_MAX:
        raise _Drop("too_long")
    if data[-1:] != b"\n":
        raise _Drop("truncated")
    line, _, body = data.partition(b"\n")
    if line[:1] != b"{":
        raise _Drop("syntax")
    members = _read_header(line, ("data", "tail", "nak"))
    signal = _Signal(
        members["kind"],
        members["id"],
        int(members["boot"]),
        _member(members, "shard", _integer(0, 15)),
    )
    if signal.kind == "data":
        signal.topic = _member(members, "topic", _topic)
        signal.origin = _member(members, "origin", _origin, False)
        signal.seq = _member(members, "seq", _integer(1))
        _range(signal.shard == shard_of(signal.topic))
        if not body:
            raise _Drop("truncated")
        signal.body = body
    elif body:
        raise _Drop("syntax")
    elif signal.kind == "tail":
        signal.oldest = _member(members, "oldest", _integer(1))
        signal.seq = _member(members, "seq", _integer(0))
        _range(signal.oldest <= signal.seq + 1)
    else:
        signal.of = _member(members, "of", _id)
        signal.of_boot = _member(members, "of_boot", _integer(1))
        signal.missing = _member(members, "missing", _list(_pair, 1, 64))
    return signal


def shard_of(topic: str) -> int:
    """FNV-1a of the topic, modulo 16."""
    value = 2166136261
    for byte in topic.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value % SHARDS


def _json_line(members: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(
            members, ensure_ascii=False, separators=(",", ":"), allow_nan=False
        ).encode()
    except (TypeError, ValueError) as error:  # UnicodeEncodeError is one
        raise InvalidError(f"this can't be said in JSON: {error}") from None


# ---- keys ----


class _Key:
    """An Ed25519 key that signs, and the id that is made of it."""

    def __init__(self, seed: Optional[bytes] = None):
        self._key = nacl.signing.SigningKey(seed) if seed else nacl.signing.SigningKey.generate()
        self.seed = bytes(self._key)
        self.public = bytes(self._key.verify_key)
        self.id = _id_of_key(self.public)

    def sign(self, line: bytes) -> bytes:
        return self._key.sign(line).signature


def _id_of_key(public: bytes) -> str:
    return hashlib.blake2b(public, digest_size=16).hexdigest()


def _key_holds(message: _Message, key: bytes) -> bool:
    """Whether the key signed the message. Without PyNaCl nobody can tell, and the answer is yes:
    the row is not called verified then.
    """
    if message.sig is None or message.key not in (None, key) or _id_of_key(key) != message.id:
        return False
    if nacl is None:
        return True
    try:
        nacl.signing.VerifyKey(key).verify(message.line, message.sig)
    except (nacl.exceptions.CryptoError, ValueError):
        return False
    return True


class _Identity:
    """Who an announcement is: a key that is kept in a file for its name, or one for this run
    alone. Where another process holds the file the key is a new one too.
    """

    def __init__(self, name: str, directory: Optional[pathlib.Path]):
        self.key: Optional[_Key] = None
        self.id = secrets.token_hex(16)
        self.boot = max(1, time.time_ns() // 1_000_000)
        self._file: Any = None
        if nacl is None:
            return
        kept = self._open(name, directory) if directory else {}
        self.key = _Key(kept.get("seed"))
        self.id = self.key.id
        self.boot = max(self.boot, kept.get("boot", 0) + 1)
        self._keep()

    def _open(self, name: str, directory: pathlib.Path) -> dict[str, Any]:
        path = directory / (urllib.parse.quote(name, safe="") + ".json")
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.fdopen(
                os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "r+"
            )
        except OSError as error:
            raise Error(f"{path}: the key can't be kept (keep_key): {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return {}
        self._file = file
        try:
            kept = json.loads(file.read() or "{}")
            seed, boot = bytes.fromhex(kept["seed"]), int(kept["boot"])
        except (ValueError, KeyError, TypeError):
            return {}
        return {"seed": seed, "boot": boot} if len(seed) == 32 and 0 < boot < INTEGER_MAX else {}

    def _keep(self) -> None:
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(json.dumps({"seed": self.key.seed.hex(), "boot": self.boot}) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _state_home() -> pathlib.Path:
    home = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(home):
        return pathlib.Path(home)
    return pathlib.Path(os.environ.get("HOME") or "/") / ".local" / "state"


def _state_directory() -> pathlib.Path:
    """Where a muster of this user keeps its instances."""
    if os.environ.get("MUSTER_STATE"):
        return pathlib.Path(os.environ["MUSTER_STATE"])
    return pathlib.Path("/var/lib/muster") if os.geteuid() == 0 else _state_home() / "muster"


def _key_directory() -> pathlib.Path:
    directory = _state_directory()
    return directory.with_name(directory.name + "-python")


# ---- closed groups (PROTOCOL.md, "Sealing" and "Sealed streams") ----

_KEY_LINE = re.compile(rb"[A-Za-z0-9._][A-Za-z0-9._-]{0,62} ([0-9a-f]{64})\n")


class _Window:
    """Which datagrams of one start of a sender have come: a bit each, the lowest that of `top`."""

    def __init__(self, size: int):
        self._size = size
        self.start = self.top = self.came = 0

    def has(self, start: int, counter: int) -> bool:
        if start != self.start:
            return start < self.start
        behind = self.top - counter
        return behind >= self._size or (behind >= 0 and self.came >> behind & 1 == 1)

    def record(self, start: int, counter: int) -> None:
        ahead = counter - self.top
        if start != self.start or ahead >= self._size:
            self.start, self.top, self.came = start, counter, 1
        elif ahead > 0:
            self.top = counter
            self.came = (self.came << ahead | 1) & (1 << self._size) - 1
        else:
            self.came |= 1 << -ahead


_NEVER_IN_THE_CLEAR = "and what began sealed never goes on in the clear"


def _stamp_of(path: pathlib.Path) -> Optional[tuple[int, int]]:
    """It is another one when the file was replaced; None: there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _has_group_keys() -> bool:
    try:
        return (_state_directory() / "keys" / "group").stat().st_size > 0
    except OSError:
        return False


class _Group:
    """The group keys of this user, true where there are any: a node seals by the first, and opens
    by all. They are read again when they change, where there were some at the start.
    """

    def __init__(self, node_id: str, boot: int, has_had_keys: bool = False):
        self._path = _state_directory() / "keys" / "group"
        self._stamp: Any = None
        self.keys: dict[bytes, bytes] = {}  # by id
        self._sender = bytes.fromhex(node_id)[:8]
        self._start = boot << 11 | secrets.randbelow(1 << 11)
        self._counters = [0, 0]
        self._windows: tuple[collections.OrderedDict[bytes, _Window], ...] = (
            collections.OrderedDict(),
            collections.OrderedDict(),
        )
        self._read()
        self._is_followed = bool(self)
        if has_had_keys and not self:
            raise Error(f"{self._path}: there is no group key any more, {_NEVER_IN_THE_CLEAR}")
        if self and nacl is None:
            raise Error(f"{self._path}: a closed group needs PyNaCl (python3-nacl)")

    def __bool__(self) -> bool:
        return bool(self.keys)

    @property
    def overhead(self) -> int:
        """Bytes that a datagram is longer for it."""
        return SEAL_BYTES if self else 0

    def _read(self) -> None:
        try:
            file = open(os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb")
        except (FileNotFoundError, NotADirectoryError):
            self.keys = {}
            return
        except OSError as error:
            raise Error(f"{self._path}: {error.strerror}") from None
        with file:
            status = os.fstat(file.fileno())
            self._stamp = (status.st_ino, status.st_mtime_ns)
            if status.st_uid != os.geteuid() or status.st_mode & 0o077:
                raise Error(f"{self._path} is not used: others than its owner may read or write it")
            self.keys = self._parse(file.read(1 << 16))

    def _parse(self, data: bytes) -> dict[bytes, bytes]:
        lines = [_KEY_LINE.fullmatch(line) for line in data.splitlines(True)]
        if len(lines) > GROUP_KEYS_MAX or not all(lines):
            raise Error(f"{self._path} is not used: it is damaged")
        keys = [bytes.fromhex(line[1].decode()) for line in lines if line]
        return {hashlib.blake2b(key, digest_size=32).digest()[:4]: key for key in keys}

    def follow(self) -> None:
        """Looks whether the keys have changed. Bad ones change nothing, nor does none."""
        stamp = _stamp_of(self._path)
        if not self._is_followed or stamp == self._stamp:
            return
        before, self._stamp = self.keys, stamp
        try:
            self._read()
        except Error as error:
            _log.warning("%s", error)
        if not self:
            self.keys = before
            _log.warning("%s: there is no group key any more, %s", self._path, _NEVER_IN_THE_CLEAR)

    # -- datagrams --

    def seal(self, data: bytes, lane: int) -> bytes:
        self._counters[lane] += 1
        numbers = struct.pack("<QQ", self._start, self._counters[lane] | lane << 63)
        key_id, key = next(iter(self.keys.items()))
        nonce = self._sender + numbers
        return (
            b"\x01"
            + key_id
            + nonce
            + nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(data, None, nonce, key)
        )

    def open(self, data: bytes) -> bytes:
        if len(data) > DATAGRAM_BYTES_MAX:
            raise _Drop("too_long")
        if not data:
            raise _Drop("truncated")
        if data[0] != 1:
            raise _Drop("unsealed" if data[0] == ord("{") else "format")
        key = self.keys.get(data[1:5])
        if len(data) < SEAL_BYTES or key is None:
            raise _Drop("sealed")
        sender, start, number = struct.unpack_from("<8sQQ", data, 5)
        lane, counter = number >> 63, number & (1 << 63) - 1
        windows = self._windows[lane]
        window = windows.get(sender) or _Window(REPLAY_WINDOWS[lane])
        is_own = sender == self._sender
        if not is_own and window.has(start, counter):
            raise _Drop("replay")
        try:
            plain = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                data[29:], None, data[5:29], key
            )
        except nacl.exceptions.CryptoError:
            raise _Drop("sealed") from None
        if not is_own:
            window.record(start, counter)
            windows[sender] = window
            windows.move_to_end(sender)
            if len(windows) > REPLAY_SENDERS[lane]:
                windows.popitem(last=False)
        return plain


class _SealedSocket:
    """A TCP connection on which all is sealed, both ways: as a socket, but for what is inside."""

    def __init__(self, sock: socket.socket, group: _Group, has_opened: bool):
        self._sock, self._keys, self._has_opened = sock, group.keys, has_opened
        self._key_id = next(iter(group.keys), b"") if has_opened else b""
        self._opener = b""  # the header of who opened it: answers are bound to it
        self._said: Any = None
        self._heard: Any = None
        self._buffer = bytearray()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def _hello(self) -> bytes:
        if not self._key_id:
            raise ConnectionAbortedError("it was not said by which key")
        self._said = nacl.bindings.crypto_secretstream_xchacha20poly1305_state()
        key = self._keys[self._key_id]
        header = nacl.bindings.crypto_secretstream_xchacha20poly1305_init_push(self._said, key)
        if self._has_opened:
            self._opener = header
        return b"\x01" + self._key_id + header

    def sendall(self, data: bytes) -> None:
        sealed = [self._hello()] if self._said is None else []
        room = SEAL_FRAME_BYTES_MAX - 17
        for at in range(0, len(data), room):
            frame = nacl.bindings.crypto_secretstream_xchacha20poly1305_push(
                self._said, data[at : at + room], None if self._has_opened else self._opener
            )
            sealed += [struct.pack("<H", len(frame)), frame]
        self._sock.sendall(b"".join(sealed))

    def recv(self, size: int) -> bytes:
        while True:
            data = self._sock.recv(size)
            self._buffer += data
            plain = self._open()
            if plain or not data:
                return plain

    def _open(self) -> bytes:
        plain = b""
        if self._heard is None and not self._hear_hello():
            return plain
        while len(self._buffer) >= 2:
            (length,) = struct.unpack_from("<H", self._buffer)
            if not 17 <= length <= SEAL_FRAME_BYTES_MAX:
                raise ConnectionAbortedError("what came is not sealed")
            if len(self._buffer) < 2 + length:
                break
            bound = self._opener if self._has_opened else None
            try:
                text, _ = nacl.bindings.crypto_secretstream_xchacha20poly1305_pull(
                    self._heard, bytes(self._buffer[2 : 2 + length]), bound
                )
            except (nacl.exceptions.CryptoError, RuntimeError):
                raise ConnectionAbortedError("what came does not open") from None
            plain += text
            del self._buffer[: 2 + length]
        return plain

    def _hear_hello(self) -> bool:
        if self._buffer[:1] not in (b"", b"\x01"):
            raise ConnectionAbortedError("what came is not sealed")
        if len(self._buffer) < 29:
            return False
        key_id, header = bytes(self._buffer[1:5]), bytes(self._buffer[5:29])
        if key_id not in self._keys or (self._has_opened and key_id != self._key_id):
            raise ConnectionAbortedError("it is sealed by another key")
        if not self._has_opened:
            self._key_id, self._opener = key_id, header
        self._heard = nacl.bindings.crypto_secretstream_xchacha20poly1305_state()
        nacl.bindings.crypto_secretstream_xchacha20poly1305_init_pull(
            self._heard, header, self._keys[key_id]
        )
        del self._buffer[:29]
        return True


# ---- SenML (RFC 8428), PROTOCOL.md, section 13.5 ----

_BASES = {"bn", "bt", "bu", "bv", "bs", "bver"}
_LABELS = _BASES | {"n", "u", "v", "vs", "vb", "vd", "s", "t", "ut"}
_VALUES = ("v", "vs", "vb", "vd")
_full_name = _matching("[A-Za-z0-9][A-Za-z0-9:._/-]*", 191)
_SPACE = re.compile(r"[ \t\n\r]*")


def _elements(text: str) -> Iterator[Any]:
    """The records of a pack one after the other, so that those before a fault stand."""
    at = _SPACE.match(text).end()
    is_pack = text[at : at + 1] == "["
    at = _SPACE.match(text, at + 1).end() if is_pack else at
    if is_pack and text[at : at + 1] == "]":
        at += 1
    else:
        while True:
            try:
                record, at = _DECODER.raw_decode(text, at)
            except (ValueError, RecursionError):
                raise _Drop("syntax") from None
            yield record
            at = _SPACE.match(text, at).end()
            if not is_pack:
                break
            separator, at = text[at : at + 1], _SPACE.match(text, at + 1).end()
            if separator == "]":
                break
            if separator != ",":
                raise _Drop("syntax")
    if _SPACE.match(text, at).end() != len(text):
        raise _Drop("syntax")


def _finite(value: Any) -> Any:
    _typed(value, (int, float))
    try:
        _range(math.isfinite(value))
    except OverflowError:
        raise _Drop("range") from None
    return value


def _data_value(value: Any) -> bytes:
    text = _typed(value, str)
    with contextlib.suppress(ValueError, UnicodeError):
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        if base64.urlsafe_b64encode(data).decode().rstrip("=") == text:
            return data
    raise _Drop("range")


def _value_of(record: Mapping[str, Any], bases: Mapping[str, Any]) -> tuple[Any, Optional[float]]:
    """The value and the sum of a record."""
    labels = [label for label in _VALUES if label in record]
    _range(len(labels) <= 1)
    total = _finite(record["s"]) if "s" in record else None
    if "bs" in bases:
        total = _finite((total or 0) + bases["bs"])
    value: Any = None
    if labels == ["v"]:
        value = _finite(_finite(record["v"]) + bases.get("bv", 0))
    elif labels == ["vs"]:
        value = _typed(record["vs"], str)
        if not _is_text(value):
            raise _Drop("utf8")
    elif labels == ["vb"]:
        value = _typed(record["vb"], bool)
    elif labels == ["vd"]:
        value = _data_value(record["vd"])
    elif "s" not in record and "bv" in bases:
        value = bases["bv"]
    _range(value is not None or total is not None)
    return value, total


def _read_pack(
    body: bytes, now: float
) -> Iterator[tuple[str, Any, Optional[str], float, Optional[float]]]:
    """(full name, value, unit, time, sum) of each record, up to the first fault, which raises
    _Drop.
    """
    bases: dict[str, Any] = {}
    for record in _elements(_text_of(body)):
        _typed(record, dict)
        _range(
            len(set(record) - _LABELS) <= 128 and not any(label.endswith("_") for label in record)
        )
        if "bver" in record:
            _range(_typed(record["bver"], (int, float)) in (*range(1, 11), 26))
            _range(record["bver"] == bases.setdefault("bver", record["bver"]))
        for label in ("bt", "bv", "bs"):
            if label in record:
                bases[label] = _finite(record[label])
        for label in ("bn", "bu"):
            if label in record:
                bases[label] = _typed(record[label], str)
        labels = set(record) & _LABELS
        if labels and labels <= _BASES:  # no reading
            continue
        name = _full_name(bases.get("bn", "") + _typed(record.get("n", ""), str))
        value, total = _value_of(record, bases)
        unit = _text(0, 63)(record.get("u", bases.get("bu", ""))) or None
        when = _finite(bases.get("bt", 0) + _finite(record.get("t", 0)))
        yield name, value, unit, when if when >= TIME_MIN else now + when, total


def _record_of(
    value: Any, name: str = "", unit: Optional[str] = None, when: Optional[float] = None
) -> dict[str, Any]:
    """A record of SenML for a value of Python."""
    record: dict[str, Any] = {"n": name} if name else {}
    if unit:
        record["u"] = unit
    if isinstance(value, bool):
        record["vb"] = value
    elif isinstance(value, (int, float)):
        try:
            is_finite = math.isfinite(value)
        except OverflowError:
            is_finite = False
        if not is_finite:
            raise InvalidError(f"a reading is a finite number, got {value}")
        record["v"] = value
    elif isinstance(value, str):
        record["vs"] = value
    elif isinstance(value, (bytes, bytearray)):
        record["vd"] = base64.urlsafe_b64encode(value).decode().rstrip("=")
    else:
        raise InvalidError(
            f"a reading is a number, text, bool or bytes, got {type(value).__name__}"
        )
    if when is not None:
        if not TIME_MIN <= when < TIME_MAX:
            raise InvalidError(f"a time lies in 1978 to 2242, got {when}")
        record["t"] = round(when, 6)
    return record


def _pack_of(topic: str, record: Mapping[str, Any]) -> bytes:
    """A pack of one record, with its base name and base time."""
    record = dict(record)
    pack: dict[str, Any] = {"bn": f"{topic}/" if "n" in record else topic}
    if "t" in record:
        pack["bt"] = record.pop("t")
    return _json_line([{**pack, **record}]) + b"\n"


# ---- interfaces and sockets ----

# Of Linux, where Python has no name for them.
_IP_PKTINFO, _IP_RECVTTL, _IP_MULTICAST_ALL = 8, 12, 49
_IPV6_MULTICAST_ALL = 29
_IFF_UP, _IFF_BROADCAST, _IFF_LOOPBACK, _IFF_RUNNING, _IFF_MULTICAST = 0x1, 0x2, 0x8, 0x40, 0x1000
_SIOCGIFFLAGS, _SIOCGIFADDR, _SIOCGIFNETMASK, _SIOCGIFMTU = 0x8913, 0x8915, 0x891B, 0x8921


@dataclasses.dataclass(frozen=True)
class _Interface:
    index: int
    name: str
    kinds: tuple[str, ...]  # of m4, m6, b4
    address: Optional[str]  # of IPv4
    is_loopback: bool
    mtu: int
    broadcast: Optional[str] = None  # address of its network of IPv4


def _addresses_v6() -> dict[int, str]:
    """One address of IPv6 of each interface that can be used: not tentative, not a duplicate."""
    found: dict[int, str] = {}
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/net/if_inet6").read_bytes().splitlines():
            digits, index, _, _, flags, _ = line.split()  # the name may have any bytes
            if not int(flags, 16) & (0x40 | 0x08):
                found.setdefault(int(index, 16), digits.decode("ascii"))
    return found


def _probe(sock: socket.socket, index: int, name: str, with_v6: bool) -> Optional[_Interface]:
    def ask(request: int) -> bytes:
        return fcntl.ioctl(sock, request, struct.pack("40s", os.fsencode(name)))

    try:
        (flags,) = struct.unpack_from("H", ask(_SIOCGIFFLAGS), 16)
        (mtu,) = struct.unpack_from("i", ask(_SIOCGIFMTU), 16)
    except OSError:  # gone
        return None
    address = broadcast = None
    with contextlib.suppress(OSError):
        host, mask = (
            int.from_bytes(ask(one)[20:24], "big") for one in (_SIOCGIFADDR, _SIOCGIFNETMASK)
        )
        address = socket.inet_ntoa(host.to_bytes(4, "big"))
        if mask < 0xFFFFFFFE:
            broadcast = socket.inet_ntoa((host | ~mask & 0xFFFFFFFF).to_bytes(4, "big"))
    is_loopback = bool(flags & _IFF_LOOPBACK)
    kinds = []
    if address and (is_loopback or flags & _IFF_MULTICAST):
        kinds.append("m4")
    if with_v6 and not is_loopback and flags & _IFF_MULTICAST:
        kinds.append("m6")
    if address and (is_loopback or flags & _IFF_BROADCAST):
        kinds.append("b4")
    if not flags & _IFF_UP or not flags & _IFF_RUNNING or mtu < MTU_MIN or not kinds:
        return None
    return _Interface(index, name, tuple(kinds), address, is_loopback, mtu, broadcast)


def _names_of(interfaces: Union[None, str, Iterable[str]]) -> list[str]:
    """The names and patterns that narrow the interfaces; none: all."""
    if interfaces is None:
        interfaces = os.environ.get("MUSTER_INTERFACE", "")
    if isinstance(interfaces, str):
        interfaces = interfaces.split(",")
    return [name.strip() for name in interfaces if name.strip()]


def _is_chosen(name: str, is_loopback: bool, names: list[str]) -> bool:
    allowed = [pattern for pattern in names if not pattern.startswith("!")]
    denied = [pattern[1:] for pattern in names if pattern.startswith("!")]
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in denied):
        return False
    if is_loopback:
        return name in allowed
    return not allowed or any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed)


def _list_interfaces(names: list[str]) -> list[_Interface]:
    """The interfaces to use as they are now."""
    with_v6 = _addresses_v6()
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for index, name in socket.if_nameindex():
            interface = _probe(sock, index, name, index in with_v6)
            if interface and _is_chosen(name, interface.is_loopback, names):
                found.append(interface)
    return found[:32]


def _port_of(port: Optional[int]) -> int:
    text = os.environ.get("MUSTER_PORT", "")
    value = port if port is not None else int(text) if text.isdecimal() else PORT if not text else 0
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not 2 <= value <= 65535 - UNICAST_PORTS
    ):
        raise InvalidError(
            f"the port of the control group is 2 to {65535 - UNICAST_PORTS}, got {port or text!r}"
        )
    return value


_CONTROL = {"m4": GROUP_V4, "m6": GROUP_V6, "b4": BROADCAST}  # where each kind of path leads
_Address = tuple[str, int]  # of a peer; an address of fe80::/10 with %interface


def _is_v6(address: str) -> bool:
    return ":" in address


def _data_group(family: int, shard: int) -> str:
    """The group of a shard; that for naks for -1."""
    return f"ff12::6d75:7374:{16 + shard:x}" if family == 6 else f"239.255.77.{16 + shard}"


@dataclasses.dataclass(frozen=True)
class _Arrival:
    data: bytes
    source: _Address
    interface: int  # index
    path: str
    ttl: int
    group: str  # the destination


class _Sockets:
    """The sockets of one node: one that says everything, and what hears the groups."""

    def __init__(self, port: int, is_observer: bool, group: _Group):
        self.port = port
        self._group = group
        self.interfaces: dict[int, _Interface] = {}
        self.unicast: dict[int, socket.socket] = {}  # by family
        self.unicast_port = 0
        self.groups: dict[tuple[str, int], socket.socket] = {}  # by path kind, of m6 and interface
        self.telemetry: dict[tuple[int, int], socket.socket] = {}  # by (interface, family)
        self._joined: set[tuple[int, int, str]] = set()
        self._open_unicast(is_observer)
        self._mtu_room = DATAGRAM_BYTES_MAX

    # -- opening --

    @staticmethod
    def _socket(family: int) -> socket.socket:
        sock = socket.socket(
            socket.AF_INET6 if family == 6 else socket.AF_INET,
            socket.SOCK_DGRAM | socket.SOCK_CLOEXEC,
        )
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        if family == 6:
            for option in (socket.IPV6_V6ONLY, socket.IPV6_RECVPKTINFO, socket.IPV6_RECVHOPLIMIT):
                sock.setsockopt(socket.IPPROTO_IPV6, option, 1)
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
        else:
            for option, value in ((_IP_PKTINFO, 1), (_IP_RECVTTL, 1), (_IP_MULTICAST_ALL, 0)):
                sock.setsockopt(socket.IPPROTO_IP, option, value)
        return sock

    def _open_unicast(self, is_observer: bool) -> None:
        ports = range(self.port + 1, self.port + 1 + UNICAST_PORTS)
        # An observer leaves the first ports to peers that are asked.
        for port in [*(reversed(ports) if is_observer else ports), 0]:
            try:
                self._bind_unicast(port)
                return
            except OSError as error:
                self._close(self.unicast)
                if error.errno != errno.EADDRINUSE:
                    raise NetworkError(f"no socket can be had: {error.strerror}") from None
        raise NetworkError("no port is free")

    def _bind_unicast(self, port: int) -> None:
        sock = self.unicast[4] = self._socket(4)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for option in (socket.IP_TTL, socket.IP_MULTICAST_TTL):
            sock.setsockopt(socket.IPPROTO_IP, option, 255)
        sock.bind(("0.0.0.0", port))
        self.unicast_port = sock.getsockname()[1]
        try:
            sock = self._socket(6)
        except OSError:  # a kernel without IPv6
            return
        self.unicast[6] = sock
        for option in (socket.IPV6_UNICAST_HOPS, socket.IPV6_MULTICAST_HOPS):
            sock.setsockopt(socket.IPPROTO_IPV6, option, 255)
        sock.bind(("::", self.unicast_port))

    def _hear(self, kind: str, index: int) -> socket.socket:
        # An address of the link alone is bound together with its interface.
        place = (kind, index if kind == "m6" else 0)
        if place not in self.groups:
            sock = self._socket(6 if kind == "m6" else 4)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            address = (_CONTROL[kind], self.port)
            sock.bind((*address, 0, index) if kind == "m6" else address)
            self.groups[place] = sock
        return self.groups[place]

    @staticmethod
    def _membership(sock: socket.socket, group: str, index: int) -> None:
        if _is_v6(group):
            request = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
        else:
            request = struct.pack("=4s4si", socket.inet_aton(group), bytes(4), index)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)

    def use(self, interfaces: list[_Interface]) -> tuple[bool, bool]:
        """Hears and says by these from now on. Whether something changed, and whether it was
        added.
        """
        wanted = {interface.index: interface for interface in interfaces}
        before, self.interfaces = self.interfaces, wanted
        if any(index not in wanted or wanted[index] != one for index, one in before.items()):
            self._close(self.groups)  # a membership may have died with its device
            self._close(self.telemetry)
            self._joined.clear()
        for interface in interfaces:
            for kind in interface.kinds:
                self._join_control(kind, interface)
        rooms = [one.mtu - (48 if "m6" in one.kinds else 28) for one in interfaces]
        self._mtu_room = min([DATAGRAM_BYTES_MAX, *rooms])
        added = any(before.get(index) != interface for index, interface in wanted.items())
        return before != wanted, added

    @property
    def room(self) -> int:
        """The longest datagram that may leave."""
        return self._mtu_room - self._group.overhead

    def _join_control(self, kind: str, interface: _Interface) -> None:
        group = _CONTROL[kind]
        key = (interface.index, 0, group)
        try:
            sock = self._hear(kind, interface.index)
            if kind != "b4" and key not in self._joined:
                self._membership(sock, group, interface.index)
            self._joined.add(key)
        except OSError as error:
            _log.warning("%s: %s can't be heard: %s", interface.name, kind, error.strerror)

    def join_data(self, shards: Iterable[int]) -> None:
        """Hears these shards, and -1 naks, on all interfaces; what was joined stays."""
        for interface in self.interfaces.values():
            for family, kind in ((4, "m4"), (6, "m6")):
                for shard in shards if kind in interface.kinds else ():
                    self._join_data(interface, family, _data_group(family, shard))

    def _join_data(self, interface: _Interface, family: int, group: str) -> None:
        if (interface.index, family, group) in self._joined:
            return
        place = (interface.index, family)
        try:
            if place not in self.telemetry:
                sock = self._socket(family)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind(("::" if family == 6 else "0.0.0.0", self.port - 1))
                self.telemetry[place] = sock
            self._membership(self.telemetry[place], group, interface.index)
            self._joined.add((interface.index, family, group))
        except OSError as error:
            _log.warning("%s: %s can't be heard: %s", interface.name, group, error.strerror)

    # -- sending --

    def send(
        self,
        data: bytes,
        to: _Address,
        interface: Optional[int] = None,
        ttl: Optional[int] = None,
        lane: int = 0,
    ) -> bool:
        """One datagram, by an interface where one is given; lane 1: to a group of telemetry. False
        where the kernel did not take it.
        """
        if self._group:
            data = self._group.seal(data, lane)
        host, _, scope = to[0].partition("%")
        family = 6 if _is_v6(host) else 4
        sock = self.unicast.get(family)
        if sock is None:
            return False
        extra: list[tuple[int, int, bytes]] = []
        try:
            if family == 6:
                index = interface or (socket.if_nametoindex(scope) if scope else 0)
                address: tuple = (host, to[1], 0, index)
                if ttl:
                    extra.append(
                        (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, struct.pack("@i", ttl))
                    )
            else:
                address = (host, to[1])
                if interface:
                    extra.append((socket.IPPROTO_IP, _IP_PKTINFO, self._pktinfo(interface)))
                if ttl:
                    extra.append((socket.IPPROTO_IP, socket.IP_TTL, struct.pack("@i", ttl)))
            sock.sendmsg([data], extra, 0, address)
        except OSError:
            return False
        return True

    def _pktinfo(self, index: int) -> bytes:
        # On the loopback the kernel would take the address of another interface.
        used = self.interfaces.get(index)
        source = used.address if used and used.is_loopback else None
        return struct.pack(
            "@i4s4s", index, socket.inet_aton(source) if source else bytes(4), bytes(4)
        )

    def send_group(self, data: bytes, kinds: Iterable[str] = ("m4", "m6", "b4")) -> bool:
        """To the control group by all paths of these kinds. True when one copy left."""
        sent = False
        for interface in self.interfaces.values():
            for kind in kinds:
                if kind in interface.kinds:
                    sent |= self.send(data, (_CONTROL[kind], self.port), interface.index)
        return sent

    def send_data(self, data: bytes, shard: int, interface: Optional[int] = None) -> bool:
        """Telemetry to a shard, or by -1 to the group for naks: by IPv4 where the interface has
        it.
        """
        sent = False
        for one in self.interfaces.values():
            family = 4 if "m4" in one.kinds else 6 if "m6" in one.kinds else 0
            if family and interface in (None, one.index):
                sent |= self.send(
                    data, (_data_group(family, shard), self.port - 1), one.index, ttl=1, lane=1
                )
        return sent

    # -- receiving --

    def all(self) -> dict[socket.socket, str]:
        """Each socket, and whether it hears "control", "data"."""
        return {
            **{sock: "control" for sock in (*self.unicast.values(), *self.groups.values())},
            **{sock: "data" for sock in self.telemetry.values()},
        }

    def receive(self, sock: socket.socket) -> Optional[_Arrival]:
        """The next datagram of a socket; None: there is none. OSError: an error of an earlier
        send.
        """
        try:
            data, extra, _, source = sock.recvmsg(2048, 256)
        except BlockingIOError:
            return None
        interface, ttl, group = 0, 0, ""
        for level, kind, value in extra:
            if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
                interface = struct.unpack_from("@i", value)[0]
                group = socket.inet_ntoa(value[8:12])
            elif level == socket.IPPROTO_IP and kind == socket.IP_TTL:
                ttl = struct.unpack_from("@i", value)[0]
            elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
                group = socket.inet_ntop(socket.AF_INET6, value[:16])
                interface = struct.unpack_from("@I", value, 16)[0]
            elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_HOPLIMIT:
                ttl = struct.unpack_from("@i", value)[0]
        host = source[0].partition("%")[0]
        if host.startswith("fe80:"):
            host += f"%{self._name_of(interface)}"
        path = {GROUP_V4: "m4", GROUP_V6: "m6", BROADCAST: "b4"}.get(
            group, "u6" if _is_v6(host) else "u4"
        )
        return _Arrival(data, (host, source[1]), interface, path, ttl, group)

    def _name_of(self, index: int) -> str:
        return self.interfaces[index].name if index in self.interfaces else str(index)

    @staticmethod
    def _close(sockets: dict) -> None:
        for sock in sockets.values():
            sock.close()
        sockets.clear()

    def close(self) -> None:
        for sockets in (self.unicast, self.groups, self.telemetry):
            self._close(sockets)


# ---- one peer, or an observer: presence (PROTOCOL.md, sections 5 to 9) ----


class _Bucket:
    def __init__(self, rate: float, burst: float):
        self.rate, self.burst, self.tokens, self.stamp = rate, burst, burst, 0.0

    def take(self, now: float, cost: float = 1.0) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.stamp) * self.rate)
        self.stamp = now
        if self.tokens < cost:
            return False
        self.tokens -= cost
        return True


class _Rates:
    """A bucket for each source, of 1,024 sources."""

    def __init__(self, rate: float, burst: float):
        self._rate, self._burst = rate, burst
        self._buckets: collections.OrderedDict[Any, _Bucket] = collections.OrderedDict()

    def take(self, source: Any, now: float) -> bool:
        bucket = self._buckets.pop(source, None) or _Bucket(self._rate, self._burst)
        self._buckets[source] = bucket
        if len(self._buckets) > 1024:
            self._buckets.popitem(last=False)
        return bucket.take(now)


class _Queue:
    """What waits for a program that iterates."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Any] = queue.Queue(QUEUE_MAX)
        self.dropped = 0

    def put(self, item: Any) -> None:
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self.dropped += 1

    def wake(self) -> None:
        """Whoever waits gets None."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)

    def get(self, timeout: Optional[float]) -> Any:
        """None where nothing comes in time."""
        try:
            item = (
                self._queue.get(timeout=timeout)
                if timeout is None or timeout > 0
                else self._queue.get_nowait()
            )
        except queue.Empty:
            return None
        if item is None:
            self.wake()  # others may wait, too
        return item


class _Row:
    """What is known of a peer."""

    def __init__(self, peer_id: str, now: float):
        self.id = peer_id
        self.state = "alive"
        self.boot = self.rev = self.seq = 0
        self.digest = b""  # of the datagram with that seq
        self.key: Optional[bytes] = None
        self.source: _Address = ("", 0)
        self.interface = 0
        self.interface_name = ""
        self.source_heard = now  # when something came from there
        self.proven: set[_Address] = set()  # from which fresh answers came,
        self.answered: set[_Address] = set()  # and those that came by unicast
        self.since = self.boot_since = self.heard_at = now
        self.deadline = now
        self.period = 2.5
        self.window = collections.deque([True], 64)  # of its last numbers: which came
        self.paths: dict[str, float] = {}
        self.announce: Any = None  # the last _Message that told the document
        self.body: Optional[_Lists] = None
        self.hears: list[str] = []
        self.tries = 0  # questions for it, while it is suspect
        self.asked_at = 0.0  # the last of them
        self.ask_at = 0.0  # the next one
        self.askers: set[str] = set()  # addresses of others whose questions counted
        self.asked_count = 0  # of the last question of this peer that counted
        self.fetches = 0

    @property
    def is_present(self) -> bool:
        return self.state in ("alive", "suspect")

    @property
    def is_verified(self) -> bool:
        return self.key is not None and nacl is not None

    @property
    def lists(self) -> _Lists:
        return self.body or self.announce.lists

    def loss(self) -> float:
        return max(0.005, self.window.count(False) / len(self.window))

    def snapshot(self, now: float) -> Peer:
        lists = self.lists
        return Peer(
            self.id,
            self.announce.name,
            self.state,
            self.source[0],
            self.source[1],
            self.interface_name,
            tuple(lists.services),
            lists.attrs,
            tuple(lists.topics),
            self.boot,
            self.rev,
            self.is_verified,
            partial=self.announce.size is not None and self.body is None,
            age_s=max(0.0, now - self.heard_at),
            paths=tuple(self.paths),
        )


class _Introduction:
    """An id that is asked to prove that it speaks now."""

    def __init__(self, source: _Address, interface: int, now: float, is_signed: bool):
        self.source, self.interface, self.is_signed = source, interface, is_signed
        self.heard_at = now
        self.tries = 0
        self.pause = 3.0


class _Document:
    """What an announcement says of itself."""

    def __init__(
        self,
        name: str,
        services: Iterable[Union[Service, str]],
        attrs: Optional[Mapping[str, str]],
    ):
        self.name = name
        self.services = [Service.of(service) for service in services]
        self.attrs = dict(attrs or {})
        self.topics: dict[str, Topic] = {}

    def members(self) -> dict[str, Any]:
        members: dict[str, Any] = {"name": self.name}
        if self.services:
            members["services"] = [self._service(service) for service in self.services]
        if self.attrs:
            members["attrs"] = self.attrs
        if self.topics:
            members["topics"] = [self._topic(topic) for topic in self.topics.values()]
        return members

    @staticmethod
    def _service(service: Service) -> dict[str, Any]:
        members: dict[str, Any] = {
            "type": service.type,
            "proto": service.proto,
            "port": service.port,
        }
        if service.name:
            members["name"] = service.name
        if service.txt:
            members["txt"] = dict(service.txt)
        for name in ("origin", "host"):
            if getattr(service, name) is not None:
                members[name] = getattr(service, name)
        if service.at:
            members["at"] = list(service.at)
        return members

    @staticmethod
    def _topic(topic: Topic) -> dict[str, Any]:
        members: dict[str, Any] = {"name": topic.name}
        if topic.unit:
            members["unit"] = topic.unit
        if topic.units:
            members["units"] = dict(topic.units)
        if topic.origin is not None:
            members["origin"] = topic.origin
        return members


class _Node:
    """The sockets, the table and a thread that drives both. With a document it announces itself."""

    def __init__(
        self,
        document: Optional[_Document],
        identity: Optional[_Identity],
        interfaces: Union[None, str, Iterable[str]],
        port: Optional[int],
        has_had_keys: bool = False,
    ):
        self.lock = threading.RLock()
        self.names = _names_of(interfaces)
        self.document: Any = document  # a _Document; None: it is an observer
        self.identity = identity or _Identity("", None)
        self.key = self.identity.key if document else None
        self.id, self.boot = self.identity.id, self.identity.boot
        self.group = _Group(self.id, self.boot, has_had_keys)
        self._announce_max = ANNOUNCE_BYTES_MAX - self.group.overhead
        self.seq, self.rev = 0, 1
        self.rows: dict[str, _Row] = {}
        self.introductions: dict[str, _Introduction] = {}
        self.stats: dict[str, Any] = {
            "received": 0,
            "accepted": 0,
            "copies": 0,
            "sent": 0,
            "failed": 0,
            "drops": collections.Counter(),
        }
        self.watchers: list[_Queue] = []
        self.publisher = _Publisher(self)
        self.listener = _Listener(self)
        self.server: Optional[_Server] = None
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._nonces: list[tuple[str, float]] = []  # the last ones, and when each was made
        self._queries = 0
        self._debts: collections.OrderedDict[
            str, float
        ] = collections.OrderedDict()  # 0, or when it was paid
        self._answers: dict[tuple[_Address, Any, Any], list[str]] = {}  # paths of each question
        self._probe_rate = _Bucket(8, 32)
        self._change: Any = None
        self._changes = _Bucket(2, 5)
        self._answer_rate = _Bucket(4, 8)
        self._intro_rate = _Bucket(50, 100)
        self._rates = (_Rates(100, 300), _Rates(2000, 6000))
        self._last_announce = self._last_alive = self._last_nonce = -1000.0
        self._announce_due = math.inf  # that of debts
        self._news: list[float] = []  # times of copies of an announce
        self._promise_end = 0.0
        self.started = self._resumed = time.monotonic()
        self._round: Optional[_Round] = None
        self._is_leaving = self._is_closed = False
        self._calls: collections.deque[Callable[[], None]] = collections.deque()
        self._jobs: collections.deque[Callable[[], None]] = collections.deque(maxlen=ROWS_MAX)
        self._workers = 0
        check_port = _port_of(port)
        if document:
            self._check_document(document, 1)
        self.sockets = _Sockets(check_port, document is None, self.group)
        self._awake, self._alarm = socket.socketpair()
        self._awake.setblocking(False)
        self._alarm.setblocking(False)
        self._interfaces_refresh(is_first=True)
        self._thread = threading.Thread(target=self._run, name="muster", daemon=True)

    def start(self) -> None:
        if self.document:
            self._announce_news()
            self._after(self._interval(), self._on_alive_due)
        self._thread.start()

    # -- time --

    @property
    def now(self) -> float:
        return time.monotonic()

    def _after(self, delay: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (self.now + delay, next(self._count), call))

    def call_soon(self, call: Callable[[], None]) -> None:
        """Calls in the thread of the node; may be used from any thread."""
        self._calls.append(call)
        self.wake()

    def in_background(self, job: Callable[[], None]) -> None:
        """Runs it in one of some threads, in which it may block. Called with the lock."""
        self._jobs.append(job)
        if self._workers < THREADS_MAX:
            threading.Thread(target=self._work, name="muster-stream", daemon=True).start()
            self._workers += 1

    def _work(self) -> None:
        while True:
            with self.lock:
                if not self._jobs or self._is_closed:
                    self._workers -= 1
                    return
                job = self._jobs.popleft()
            try:
                job()
            except Exception:
                _log.exception("a stream failed")

    def wake(self) -> None:
        with contextlib.suppress(OSError):
            self._alarm.send(b"!")

    def _run(self) -> None:
        while not self._is_closed:
            try:
                self._turn()
            except Exception:
                _log.exception("a turn failed")
                time.sleep(0.05)  # so that what stays wrong takes no whole processor

    def _turn(self) -> None:
        with self.lock:
            due = self._timers[0][0] if self._timers else self.now + 60
            sockets = self.sockets.all()
        poll = select.poll()
        for sock in (*sockets, self._awake):
            poll.register(sock, select.POLLIN)
        poll.poll(max(0.0, due - self.now) * 1000)
        late = self.now - due
        with self.lock:
            if self._is_closed:
                return
            if late > 0.5:
                self._forgive(late)
            with contextlib.suppress(BlockingIOError):
                self._awake.recv(4096)
            while self._calls:
                self._calls.popleft()()
            for sock, kind in sockets.items():
                self._read(sock, kind)
            self._fire()

    def _fire(self) -> None:
        now = self.now
        while self._timers and self._timers[0][0] <= now and not self._is_closed:
            heapq.heappop(self._timers)[2]()

    def _forgive(self, late: float) -> None:
        """This process was stopped or starved: what others said may still wait to be read."""
        for row in self.rows.values():
            row.deadline = max(row.deadline, self.now) + row.period + min(5.0, late)

    # -- interfaces --

    def _interfaces_refresh(self, is_first: bool = False) -> None:
        try:
            found = _list_interfaces(self.names)
        except OSError as error:
            if is_first:
                raise NetworkError(f"the interfaces can't be listed: {error.strerror}") from None
            found = list(self.sockets.interfaces.values())  # this process has no descriptor left
        is_changed, is_added = self.sockets.use(found)
        if is_first and not found:
            _log.warning("no interface can be used yet")
        if is_changed and not is_first:
            self.listener.join()
        if is_added and not is_first:
            if self.document and not self._is_leaving:
                self._announce_news()
            self.ask(known=True)
        self.group.follow()
        self._after(1.0, self._interfaces_refresh)

    # -- reading --

    def _read(self, sock: socket.socket, kind: str) -> None:
        for _ in range(256):
            try:
                arrival = self.sockets.receive(sock)
            except OSError:  # an ICMP error, or a socket that was closed meanwhile
                return
            if arrival is None:
                return
            self.stats["received"] += 1
            try:
                if self.group:
                    opened = self.group.open(arrival.data)
                    arrival = dataclasses.replace(arrival, data=opened)
                if kind == "control":
                    self._on_control(arrival)
                else:
                    self.listener.on_arrival(arrival)
            except _Drop as drop:
                if str(drop) == "copy":
                    self.stats["copies"] += 1
                else:
                    self.stats["drops"][str(drop)] += 1
            except Exception:  # a fault of this module must not end it for whoever sends this
                _log.exception("a datagram of %s", arrival.source)
                self.stats["drops"]["fault"] += 1
            else:
                self.stats["accepted"] += 1

    def _admit(self, arrival: _Arrival) -> None:
        _look(arrival.data)
        if arrival.interface not in self.sockets.interfaces:
            raise _Drop("path")
        self.check_source(arrival)
        is_local = _is_loopback(arrival.source[0])
        if arrival.ttl != 255 and not is_local:
            raise _Drop("ttl")
        if not all(
            rate.take(key, self.now)
            for rate, key in zip(self._rates, (arrival.source, arrival.source[0]))
        ):
            raise _Drop("flood")

    def check_source(self, arrival: _Arrival) -> None:
        host, port = arrival.source
        if port == 0 or host in (BROADCAST, "::") or host.startswith(("0.", "ff", "::ffff:")):
            raise _Drop("source")
        if not _is_v6(host) and 224 <= int(host.split(".")[0]) < 240:
            raise _Drop("source")
        if any(host == one.broadcast for one in self.sockets.interfaces.values()):
            raise _Drop("source")
        if _is_loopback(host) and not self.sockets.interfaces[arrival.interface].is_loopback:
            raise _Drop("source")

    def _on_control(self, arrival: _Arrival) -> None:
        self._admit(arrival)
        message = decode(arrival.data)
        if message.id == self.id:
            raise _Drop("own")
        if message.kind == "query":
            self._on_query(message, arrival)
        elif message.kind == "part":
            raise _Drop("unasked")  # bodies are taken by stream alone
        else:
            self._merge(message, arrival)

    # -- nonces --

    def nonce(self) -> str:
        """The one of now."""
        if not self._nonces or self.now - self._nonces[-1][1] > NONCE_S:
            self._make_nonce()
        return self._nonces[-1][0]

    def _make_nonce(self) -> None:
        self._nonces = [*self._nonces[1 - NONCES :], (secrets.token_urlsafe(6), self.now)]

    def _nonce_for(self, row: Optional[_Row]) -> str:
        """One that a recording of an earlier start can't have."""
        nonce = self.nonce()
        if (
            row
            and row.key
            and self._nonces[-1][1] <= row.boot_since
            and self.now - self._nonces[-1][1] >= NONCE_S_MIN
        ):
            self._make_nonce()
            nonce = self._nonces[-1][0]
        return nonce

    def _is_fresh(self, message: _Message, row: Optional[_Row]) -> bool:
        for nonce, made in self._nonces:
            if nonce in message.nonces and self.now - made <= 2 * NONCE_S:
                if (
                    row is None
                    or row.key is None
                    or row.boot == message.boot
                    or made > row.boot_since
                ):
                    return True
        return False

    # -- merging: section 7, rule by rule --

    def _merge(self, message: _Message, arrival: _Arrival) -> None:
        row = self.rows.get(message.id)
        fresh = message.kind != "bye" and self._is_fresh(message, row)
        if message.seq is None and not fresh:
            raise _Drop("unasked")
        if message.at not in (None, arrival.source[0].partition("%")[0]):
            raise _Drop("source")
        if row is None:
            self._merge_unknown(message, arrival, fresh)
            return
        same_start = message.boot == row.boot
        is_older = (
            message.boot < row.boot
            or same_start
            and (
                message.seq <= row.seq
                if message.seq is not None
                else message.kind == "announce" and message.rev < row.rev
            )
        )
        if (
            same_start
            and message.seq is not None
            and message.seq == row.seq
            and _digest(arrival.data) == row.digest
        ):
            self._hear_by(row, message, arrival)
            self._doubt_source(row, message, arrival)
            raise _Drop("copy")
        if message.sig is None and row.key:
            raise _Drop("signature")
        if message.sig and not row.key and not (fresh and message.kind == "announce"):
            self._introduce(message, arrival, "unknown")
        is_exception = self._is_exception(message, row, fresh)
        if is_older and not is_exception:
            if message.boot < row.boot and message.kind != "bye":
                self._introduce(message, arrival, "stale")
            raise _Drop("stale")
        key = row.key or message.key
        if message.sig is not None and not (key and _key_holds(message, key)):
            raise _Drop("signature")
        if message.kind == "bye":
            if not row.is_present or row.key and not same_start:
                raise _Drop("stale")
            self._leave(row)
            return
        if same_start and row.key and row.state == "left":
            raise _Drop("stale")
        if row.key and not fresh and (not same_start or row.state == "lost"):
            self._introduce(message, arrival, "unknown")
        if message.kind == "alive" and not same_start:
            self._introduce(message, arrival, "unknown")
        self._take(row, message, arrival, fresh, same_start, is_older)

    @staticmethod
    def _is_exception(message: _Message, row: _Row, fresh: bool) -> bool:
        """Older announces that are taken all the same."""
        if message.kind != "announce":
            return False
        if fresh and (message.boot < row.boot or message.sig and not row.key):
            return True
        return not row.key and row.state in ("suspect", "lost")

    def _take(
        self,
        row: _Row,
        message: _Message,
        arrival: _Arrival,
        fresh: bool,
        same_start: bool,
        is_older: bool,
    ) -> None:
        event = None
        is_signing_now = message.key is not None and row.key is None
        if message.kind == "announce" and (not same_start or is_older or is_signing_now):
            self._begin(row, message)
            event = "changed" if is_signing_now and same_start else "restarted"
        elif message.kind == "announce" and message.rev > row.rev:
            event = "changed"
        if message.kind == "announce" and (event or row.announce.rev <= message.rev):
            self._keep_document(row, message)
        returned = row.state != "alive" and event != "restarted"
        self._sign_of_life(row, message, arrival, fresh)
        if event:
            self._tell(event, row)
        if returned:
            self._tell("returned", row)
        if message.kind == "alive" and message.rev > row.rev:
            self._introduce(message, arrival, None)
        self.listener.on_presence(row, message)

    def _merge_unknown(self, message: _Message, arrival: _Arrival, fresh: bool) -> None:
        if message.kind == "bye":
            raise _Drop("unknown")
        if message.kind == "alive" or message.key and not fresh:
            self._introduce(message, arrival, "unknown")
        if message.key and not _key_holds(message, message.key):
            raise _Drop("signature")
        if (
            message.key is None
            and message.id in self.introductions
            and self.introductions[message.id].is_signed
        ):
            pass  # the row comes, and the introduction of its holder goes on
        else:
            self.introductions.pop(message.id, None)
        self._make_room(message, arrival)
        row = self.rows[message.id] = _Row(message.id, self.now)
        self._begin(row, message)
        self._keep_document(row, message)
        self._sign_of_life(row, message, arrival, fresh)
        self._after(row.deadline - self.now, lambda: self._check(row))
        self._tell("joined", row)
        self.listener.on_presence(row, message)

    def _make_room(self, message: _Message, arrival: _Arrival) -> None:
        here = [row for row in self.rows.values() if row.source[0] == arrival.source[0]]
        if len(here) >= ROWS_PER_ADDRESS:
            self._evict([row for row in here if not row.is_present or row.key is None])
        if message.key is None:
            unverified = [
                row for row in self.rows.values() if row.key is None and row.state == "alive"
            ]
            if len(unverified) >= UNVERIFIED_MAX:
                self._evict(unverified)
        if len(self.rows) >= ROWS_MAX:
            gone = [row for row in self.rows.values() if not row.is_present]
            self._evict(
                gone or [row for row in self.rows.values() if row.key is None and message.key]
            )

    def _evict(self, rows: list[_Row]) -> None:
        if not rows:
            raise _Drop("table_full")
        del self.rows[min(rows, key=lambda row: row.heard_at).id]

    def _begin(self, row: _Row, message: _Message) -> None:
        """A new row, or a new start of its peer."""
        if message.boot != row.boot:
            row.boot_since = self.now
        row.asked_count = 0
        row.boot, row.seq, row.rev, row.key = (
            message.boot,
            message.seq or 0,
            message.rev,
            message.key,
        )
        row.digest = _digest(message.data) if message.seq else b""
        row.body, row.period, row.state = None, 2.5, "alive"
        row.window = collections.deque([True], 64)

    def _keep_document(self, row: _Row, message: _Message) -> None:
        if row.announce is None or row.announce.hash != message.hash or message.size is None:
            row.body = None
            row.fetches = 0
        row.announce, row.rev = message, message.rev
        if (
            message.size is not None
            and row.body is None
            and message.stream
            and row.key
            and row.fetches == 0
        ):
            row.fetches = 1
            self._after(random.uniform(0, 0.02), lambda: self._fetch(row))

    def _sign_of_life(self, row: _Row, message: _Message, arrival: _Arrival, fresh: bool) -> None:
        now = self.now
        is_settled = self._is_settled(row, arrival, fresh and message.seq is None, fresh)
        if message.seq is not None and message.seq > row.seq:
            missed = message.seq - row.seq - 1 if row.seq else 0
            if missed <= 8:
                row.window.extend([False] * missed)
            row.window.append(True)
        if message.seq is not None:
            row.seq, row.digest = max(row.seq, message.seq), _digest(arrival.data)
        promise = message.next_ms / 1000
        if message.nonces:
            row.period = max(promise, row.period)
        else:
            row.period = max(promise, 2.5) if message.kind == "announce" else promise
        row.heard_at, row.deadline = now, now + promise
        row.state, row.tries = "alive", 0
        if message.kind == "alive":
            row.hears = message.hears
            self._forget_addresses(row, message, arrival)
        if fresh:
            if len(row.proven) < 8:
                row.proven.add(arrival.source)
            if message.seq is None and len(row.answered) < 8:
                row.answered.add(arrival.source)
            if message.kind == "announce" or message.rev <= row.rev:
                self.introductions.pop(row.id, None)
        if is_settled:
            self._move(row, arrival)
        else:
            self._introduce(message, arrival, None)
        self._hear_by(row, message, arrival)
        self._owe(message, row)
        if self._round:
            self._round.on_answer(message)

    def _is_settled(self, row: _Row, arrival: _Arrival, answers: bool, fresh: bool) -> bool:
        """The peer itself is there, for all that is known. Where an answer by unicast left from,
        it says. One to the group may have been passed on by who is faster than the group: then
        the peer is heard where it was, too.
        """
        if not row.key or answers or arrival.source in {row.source, *row.answered}:
            return True
        is_silent = self.now - row.source_heard > row.period
        return is_silent and (fresh or arrival.source in row.proven)

    def _doubt_source(self, row: _Row, message: _Message, arrival: _Arrival) -> None:
        """A copy from another host than the row's, where nobody answered: one of the two is passed
        on.
        """
        host, row_host = arrival.source[0], row.source[0]
        if not row.key or row.source in row.answered or host == row_host:
            return
        if arrival.source in row.answered:
            self._move(row, arrival)
        elif _is_v6(host) == _is_v6(row_host):
            self._introduce(message, arrival, None)

    @staticmethod
    def _forget_addresses(row: _Row, message: _Message, arrival: _Arrival) -> None:
        """The peer has these no more."""
        gone = {host for host in message.gone if host != arrival.source[0].partition("%")[0]}
        row.proven = {one for one in row.proven if one[0].partition("%")[0] not in gone}
        row.answered &= row.proven
        if row.source[0].partition("%")[0] in gone:
            row.paths = {}
            if arrival.source in row.proven:
                row.source = arrival.source

    def _move(self, row: _Row, arrival: _Arrival) -> None:
        is_worse = _is_v6(arrival.source[0]) and row.source[0] and not _is_v6(row.source[0])
        if (
            is_worse
            and self.now - max((row.paths.get(kind, 0) for kind in ("m4", "b4", "u4")), default=0)
            < 60
        ):
            return
        row.source, row.interface = arrival.source, arrival.interface
        row.interface_name = self.sockets._name_of(arrival.interface)

    def _hear_by(self, row: _Row, message: _Message, arrival: _Arrival) -> None:
        for path in {arrival.path, *(message.heard if message.seq is None else ())} & {
            "m4",
            "m6",
            "b4",
            "u4",
            "u6",
        }:
            row.paths[path] = self.now
        if arrival.source == row.source:
            row.source_heard = self.now

    def _leave(self, row: _Row) -> None:
        row.state, row.heard_at = "left", self.now
        self.introductions.pop(row.id, None)
        self._tell("left", row)

    def _tell(self, kind: str, row: _Row) -> None:
        event = Event(kind, row.snapshot(self.now))
        for watcher in self.watchers:
            watcher.put(event)

    # -- suspicion: sections 8.3 and 8.4 --

    def present(self) -> int:
        return sum(row.is_present for row in self.rows.values())

    def _patience(self, row: _Row) -> int:
        wanted = 0.2 / max(1, self._speakers())
        return next((m for m in range(1, 8) if row.loss() ** m <= wanted), 8)

    def _tries_max(self, row: _Row) -> int:
        p = row.loss()
        chance = p ** self._patience(row)
        return next((t for t in range(5, 60) if chance * (1 - (1 - p) ** 2) ** t < 1e-9), 60)

    def _check(self, row: _Row) -> None:
        """The one timer of a row."""
        if self.rows.get(row.id) is not row:
            return
        delay = 1.0
        if row.state == "alive":
            delay = row.deadline + 0.25 + (self._patience(row) - 1) * row.period - self.now
            if delay <= 0 and not self.sockets.interfaces:
                delay = 1.0  # who can't ask can't judge
            elif delay <= 0:
                row.state, row.tries, row.askers = "suspect", 0, set()
                self._tell("suspect", row)
                delay = random.uniform(0, 0.2)
                row.ask_at = self.now + delay
        elif row.state == "suspect":
            delay = row.ask_at - self.now  # later where another peer asked
            if delay <= 0 and row.tries < self._tries_max(row):
                self._ask_suspect(row)
                delay = row.ask_at - self.now
            elif delay <= 0:
                row.state, row.heard_at = "lost", self.now
                self._tell("lost", row)
        elif self.now - row.heard_at >= TOMBSTONE_S:
            del self.rows[row.id]
            return
        self._after(max(delay, 0.001), lambda: self._check(row))

    def _count_question(self, row: _Row) -> None:
        row.tries += 1
        row.asked_at = self.now
        row.ask_at = self.now + 0.15 + random.uniform(0, 0.2)

    def _heed_question(self, message: _Message, asker: _Row) -> None:
        """Another peer asks the group for suspects: that counts as a question of this peer, with
        the conditions of section 8.4, so that not all ask.
        """
        count, said = message.members.get("count", 0), message.members.get("said", 0)
        if message.boot != asker.boot or count <= asker.asked_count or said < asker.seq:
            return
        for row in [self.rows[one] for one in message.of or () if one in self.rows]:
            is_new = row.state == "suspect" and asker.source[0] not in row.askers
            if is_new and self.now - row.asked_at >= 0.1:
                asker.asked_count = count
                row.askers.add(asker.source[0])
                self._count_question(row)

    def _ask_suspect(self, row: _Row) -> None:
        self._count_question(row)
        self.say_query({"of": [row.id]}, nonce=self._nonce_for(row))
        if row.tries > 1 and self.present() <= CROWD_ROWS:
            self.say_query({"of": [row.id]}, to=row, nonce=self._nonce_for(row))

    # -- introductions --

    def _introduce(self, message: _Message, arrival: _Arrival, reason: Optional[str]) -> None:
        """Asks a sender to prove itself, and drops its message for this reason, where there is
        one.
        """
        begun = self.introductions.get(message.id)
        if begun is None:
            of_address = sum(
                one.source[0] == arrival.source[0] for one in self.introductions.values()
            )
            if (
                len(self.introductions) >= INTRODUCTIONS_MAX
                or of_address >= INTRODUCTIONS_PER_ADDRESS
            ):
                if reason:
                    raise _Drop("table_full")
                return
            begun = _Introduction(
                arrival.source, arrival.interface, self.now, message.sig is not None
            )
            self.introductions[message.id] = begun
            self._after(
                self._introduction_wait(message.id),
                lambda: self._ask_introduction(message.id, begun),
            )
        begun.source, begun.interface, begun.heard_at = arrival.source, arrival.interface, self.now
        begun.is_signed = begun.is_signed or message.sig is not None
        if message.sig:
            self._owe(message, None)
        if reason:
            raise _Drop(reason)

    def _window(self) -> float:
        return min(0.5, 0.02 + self.present() / 1000)

    def _introduction_wait(self, peer_id: str) -> float:
        strangers = len(self.introductions)
        if peer_id in self.rows or self.document is None:
            return 0.01 + random.uniform(0, self._window())
        if self.present() + strangers > CROWD_ROWS:
            interval = min(30.0, self._interval_base())
            return 1.5 + interval + random.uniform(0, interval)
        if strangers > RUSH:
            return 0.4 + 0.025 * strangers * (1 + random.random())
        return 0.3 + random.uniform(0, self._window())

    def _ask_introduction(self, peer_id: str, begun: _Introduction) -> None:
        if self.introductions.get(peer_id) is not begun:
            return
        if self.now - begun.heard_at > 60:
            del self.introductions[peer_id]
            return
        by_group = begun.tries % 4 >= 2
        if not self._intro_rate.take(self.now, 4 if by_group else 1):
            self._after(0.1, lambda: self._ask_introduction(peer_id, begun))
            return
        nonce = self._nonce_for(self.rows.get(peer_id))
        self.say_query({"of": [peer_id], "want": {}}, to=None if by_group else begun, nonce=nonce)
        begun.tries += 1
        delay = (
            (0.05, 0.1, 0.15)[begun.tries % 4 - 1]
            if begun.tries % 4
            else begun.pause * random.uniform(0.5, 1)
        )
        if begun.tries % 4 == 0:
            begun.pause = min(300.0, begun.pause * 2)
        self._after(delay, lambda: self._ask_introduction(peer_id, begun))

    # -- saying --

    def _encode(self, members: Mapping[str, Any], pad_to: int = 0) -> bytes:
        header = _json_line(
            {"muster": 1, "kind": members["kind"], "id": self.id, "boot": self.boot, **members}
        )
        sig_bytes = 99 if self.key else 0  # {"sig":"..."} and its LF
        line = header + b" " * (pad_to - len(header) - 1 - sig_bytes) + b"\n"
        if self.key is None:
            return line
        return line + _json_line({"sig": base64.b64encode(self.key.sign(line)).decode()}) + b"\n"

    def _say_group(self, data: bytes, kinds: Iterable[str] = ("m4", "m6", "b4")) -> bool:
        sent = self.sockets.send_group(data, kinds)
        self.stats["sent" if sent else "failed"] += 1
        return sent

    def _say_to(self, data: bytes, to: _Address, interface: int) -> None:
        self.stats["sent" if self.sockets.send(data, to, interface) else "failed"] += 1

    def say_query(
        self, members: Mapping[str, Any], to: Any = None, nonce: Optional[str] = None
    ) -> None:
        """A question to the group, or to what has a source and an interface."""
        self._queries += 1
        asked = {
            "kind": "query",
            "nonce": nonce or self.nonce(),
            "count": self._queries,
            **members,
        }
        if self.seq:
            asked["said"] = self.seq
        pad_to = self._announce_max if "want" in members else PROOF_BYTES if to else 0
        data = self._encode(asked, pad_to)
        if to is None:
            self._say_group(data)
        else:
            self._say_to(data, to.source, to.interface)

    def ask(self, known: bool = False) -> "_Round":
        """Asks everybody, in a round that is already under way or in a new one."""
        if self._round is None:
            self._round = _Round(self, known)
            self._round.ask()
        return self._round

    def round_ended(self) -> None:
        self._round = None

    def _speakers(self) -> int:
        """Rows that count for intervals: who claims to be many must not silence the others."""
        of_address: collections.Counter[str] = collections.Counter()
        unverified = verified = 0
        for row in self.rows.values():
            of_address[row.source[0]] += row.is_present
            if row.is_present and of_address[row.source[0]] <= SPEAKERS_PER_ADDRESS:
                verified += row.key is not None
                unverified += row.key is None
        return verified + min(unverified, UNVERIFIED_SPEAKERS)

    def _interval_base(self) -> float:
        return max(INTERVAL_MIN_S, (self._speakers() + 1) * (300 + 66) * 8 / BUDGET_BPS)

    def _interval(self) -> float:
        base = self._interval_base()
        self._promise_end = self.now + 1.25 * base
        return base * random.uniform(0.75, 1.25)

    def _presence(self) -> dict[str, Any]:
        next_ms = int(max(0.1, self._promise_end - self.now) * 1000)
        return {"rev": self.rev, "next_ms": next_ms, "peers": min(1_000_000, self.present())}

    def serve(self) -> None:
        """Answers streams, as a publisher should. Where the port is taken it does without."""
        if self.server is None:
            with contextlib.suppress(OSError):
                self.server = _Server(self)

    def _document_members(self) -> dict[str, Any]:
        members = self.document.members()
        if self.server is not None:
            members["stream"] = self.sockets.unicast_port
        if self.key:
            members["key"] = base64.b64encode(self.key.public).decode()
        return members

    def _check_document(self, document: _Document, rev: int) -> None:
        """InvalidError unless others can read an announce of this document."""
        longest = INTEGER_MAX
        members: dict[str, Any] = {
            "muster": 1,
            "kind": "announce",
            "id": self.id,
            "boot": self.boot,
            "seq": longest,
            "re": "a" * 8,
            "nonce": "a" * 8,
            "rev": rev,
            "next_ms": 172_800_000,
            "peers": 1_000_000,
            "stream": 65535,
            **document.members(),
        }
        if document.topics:
            members["sent"] = {
                str(shard): longest for shard in {shard_of(name) for name in document.topics}
            }
        line = _json_line(members) + b"\n"
        # With key and signature, and with three paths in `heard`.
        if len(line) + (152 if self.key else 0) + 25 > self._announce_max:
            raise InvalidError(
                f"the document of {document.name!r} does not fit an announcement of "
                f"{self._announce_max} bytes"
            )
        try:
            decode(line)
        except _Drop as drop:
            raise InvalidError(
                f"others could not read the document of {document.name!r}: {drop}"
            ) from None

    def change(self, document: _Document) -> None:
        """Announces another document."""
        with self.lock:
            if self._is_leaving:
                raise Error("this announcement was closed")
            self._check_document(document, self.rev + 1)
            self._change = document
            self._announce_change()
        self.wake()

    @property
    def latest(self) -> Any:
        """The document, with a change that waits to be announced."""
        return self._change or self.document

    @property
    def has_change(self) -> bool:
        """Whether a change waits to be announced: two are in a second, and of those between the
        last.
        """
        return self._change is not None

    def _announce_change(self) -> None:
        if self._change is None or self._is_leaving:
            return
        if not self._changes.take(self.now):
            self._after(0.25, self._announce_change)
            return
        self.document, self._change = self._change, None
        self.rev += 1
        self._announce_news()

    def _announce_news(self) -> None:
        self._news = [self.now + copy for copy in COPIES_S]
        rev = self.rev
        for copy in COPIES_S:
            self._after(copy, lambda: self._say_news(rev))
        if self.rev == 1:
            self.ask()

    def _say_news(self, rev: int) -> None:
        if not self._is_leaving and rev == self.rev:  # a later change is told by copies of its own
            self._say_announce()

    def _sent(self) -> dict[str, Any]:
        """How far the shards of its topics have come."""
        if not self.document.topics:
            return {}
        return {
            "sent": {str(shard): seq for shard, seq in sorted(self.publisher.seqs.items()) if seq}
        }

    def _say_announce(self) -> None:
        """To the group, with as many debts as fit."""
        members = {
            "kind": "announce",
            "seq": self.seq + 1,
            "nonce": self.nonce(),
            **self._presence(),
            **self._sent(),
        }
        document = self._document_members()
        spare = len(self._encode({**members, "re": "a" * 8, **document}))
        nonces = [nonce for nonce, paid_at in self._debts.items() if not paid_at]
        nonces = nonces[: max(0, min(128, 1 + (self.sockets.room - spare) // 8))]
        if nonces:
            members["re"] = "".join(nonces)
        if self._say_group(self._encode({**members, **document})):
            self.seq += 1
        for nonce in nonces:
            self._debts[nonce] = self.now
        self._last_announce, self._announce_due = self.now, math.inf
        if not all(self._debts.values()):
            self._announce_soon(0.1)

    def _announce_soon(self, delay: float) -> None:
        """One announce to the group for all who wait for it."""
        due = max(self.now + delay, self._last_announce + 0.1)
        copies = [copy for copy in self._news if self.now < copy <= due + 0.3]
        if copies or self._announce_due <= due:
            return
        self._announce_due = due
        self._after(due - self.now, self._pay)

    def _pay(self) -> None:
        if self._announce_due <= self.now + 0.001 and not self._is_leaving:
            self._say_announce()

    def _on_alive_due(self) -> None:
        if self._is_leaving:
            return
        self._after(self._interval(), self._on_alive_due)
        self._say_alive()

    def _say_alive(self, nonce: Optional[str] = None) -> None:
        members: dict[str, Any] = {"kind": "alive", "seq": self.seq + 1}
        if nonce:
            members["re"] = nonce
        members.update(self._presence(), **self._sent())
        heard = {
            path
            for row in self.rows.values()
            for path, at in row.paths.items()
            if self.now - at < 60
        }
        if self.now - self.started > 1 and heard & {"m6", "b4"} and "m4" not in heard:
            members["hears"] = sorted(heard & {"m6", "b4"})
        if self.introductions:
            members["nonce"] = self.nonce()
        if self._say_group(self._encode(members), self._alive_kinds(nonce is not None)):
            self.seq += 1
        self._last_alive = self.now

    def _alive_kinds(self, is_answer: bool) -> tuple[str, ...]:
        """Broadcast only where somebody needs it: mostly it brings the same once more."""
        rows = self.rows.values()
        with_newcomer = any(self.now - row.since < 3 for row in rows)
        is_needed = any(row.is_verified and row.is_present and "b4" in row.hears for row in rows)
        everywhere = is_answer or with_newcomer or is_needed or (self.seq + 1) % 8 == 4
        has_other = any({"m4", "m6"} & set(one.kinds) for one in self.sockets.interfaces.values())
        return ("m4", "m6", "b4") if everywhere or not has_other else ("m4", "m6")

    def leave(self) -> None:
        """Says bye three times. Blocks for 200 ms."""
        for number in range(3):
            with self.lock:
                self._is_leaving = True
                self.seq += 1
                self._say_group(self._encode({"kind": "bye", "seq": self.seq}))
            if number < 2:
                time.sleep(0.1)

    # -- answering: section 5 --

    def _owe(self, message: _Message, row: Optional[_Row]) -> None:
        """A proof for the sender of a nonce: of one that is to be introduced, and while this peer
        is new.
        """
        if not self.key or not self.document or message.nonce is None or message.kind == "query":
            return
        if row is not None and self.now - self.started > 10:
            return
        self._add_debt(message.nonce, 0.25)

    def _add_debt(self, nonce: str, delay: float, again: bool = False) -> None:
        """The next announce to the group repeats the nonce: once, or again for one who asks again."""
        paid_at = self._debts.get(nonce, 0.0)
        if not paid_at or again and self.now - paid_at > 0.1:
            self._debts[nonce] = 0.0
            self._announce_soon(delay)
        while len(self._debts) > 1024:
            self._debts.popitem(last=False)

    def _on_query(self, message: _Message, arrival: _Arrival) -> None:
        row = self.rows.get(message.id)
        if row and row.key and not _key_holds(message, row.key):
            raise _Drop("signature")
        if row and row.is_verified and message.want is None and not arrival.path.startswith("u"):
            self._heed_question(message, row)
        if not self.document or self._is_leaving or not self._is_asked(message):
            return
        by_unicast = arrival.path.startswith("u")
        self._check_length(message, by_unicast)
        waiting = self._answers.get((arrival.source, message.nonce, message.probe))
        if waiting is not None:  # a copy of a question
            waiting.extend({arrival.path}.difference(waiting))
        elif message.want is None:
            if by_unicast:
                members = {"kind": "alive", "re": message.nonce, **self._presence()}
                self._say_to(self._encode(members), arrival.source, arrival.interface)
            elif self.now - self._last_alive >= 0.1:
                self._say_alive(message.nonce)
        elif message.probe is not None:
            if self._probe_rate.take(self.now):
                delay = 0.0 if message.of else random.uniform(0, self._window())
                self._answer_later(message, arrival, delay)
        elif message.of is not None and not by_unicast:
            self._add_debt(message.nonce, 0.0, again=True)
        elif message.of is not None:
            self._answer_later(message, arrival, 0.0)
        elif by_unicast or self._answer_rate.take(self.now):
            self._answer_later(message, arrival, random.uniform(0, self._window()))
        else:
            self._add_debt(message.nonce, 0.25, again=True)

    def _is_asked(self, message: _Message) -> bool:
        if message.of is not None and self.id not in message.of or self.id in message.known:
            return False
        want = message.want or {}
        own_name, name, kind = self.document.name, want.get("name"), want.get("type")
        offers = any(
            kind in (None, service.type) and name in (None, service.offerer(own_name))
            for service in self.document.services
        )
        if not offers and (kind is not None or name not in (None, own_name)):
            return False
        is_for_few = message.table and message.want == {} or message.probe is not None
        if is_for_few and message.of is None and self.present() > TABLE_ROWS:
            return random.random() * (self.present() + 1) < 8
        return True

    def _check_length(self, message: _Message, by_unicast: bool) -> None:
        least = PROOF_BYTES if by_unicast else 0
        if message.want is not None:
            longest = self._answer_members(message.nonce, None, ["m4", "m6", "b4"])
            least = len(self._encode(longest))
        if len(message.data) < least:
            raise _Drop("short_question")

    def _answer_later(self, message: _Message, arrival: _Arrival, delay: float) -> None:
        if len(self._answers) >= ANSWERS_MAX:
            raise _Drop("table_full")
        key = (arrival.source, message.nonce, message.probe)
        self._answers[key] = [arrival.path]
        self._after(delay, lambda: self._answer(key, arrival))

    def _answer(self, key: tuple[_Address, Any, Any], arrival: _Arrival) -> None:
        heard = self._answers.pop(key)
        if not self._is_leaving:
            members = self._answer_members(key[1], key[2], heard)
            self._say_to(self._encode(members), arrival.source, arrival.interface)

    def _answer_members(self, nonce: Any, probe: Any, heard: list[str]) -> dict[str, Any]:
        """Of an announce by unicast. That to a probe has the number of the probe for a nonce."""
        own = {"nonce": self.nonce()} if probe is None else {"probe": probe}
        presence = {**self._presence(), **self._sent(), "heard": heard}
        return {"kind": "announce", "re": nonce, **own, **presence, **self._document_members()}

    # -- bodies, by stream --

    def _fetch(self, row: _Row) -> None:
        """Takes the body of a large document from its owner."""
        announce, source = row.announce, row.source

        def keep(lists: Optional[_Lists]) -> None:
            if self.rows.get(row.id) is not row or row.announce.hash != announce.hash:
                return
            if lists is not None:
                row.body = lists
                self._tell("changed", row)
                self.listener.join()
            elif row.fetches < 4:
                row.fetches += 1
                self._after(2.0 * row.fetches, lambda: self._fetch(row))

        def run() -> None:
            lists = None
            try:
                lists = _fetch_body(announce, (source[0], announce.stream), self.group)
            except (Error, OSError, _Drop) as error:
                _log.debug("the body of %s did not come: %s", row.id, error)
            self.call_soon(lambda: keep(lists))

        self.in_background(run)

    # -- the program's side --

    def snapshots(self) -> list[Peer]:
        with self.lock:
            return [row.snapshot(self.now) for row in self.rows.values()]

    def close(self) -> None:
        with self.lock:
            if self._is_closed:
                return
            self._is_closed = True
            self.publisher.room.notify_all()
        self.wake()
        if self.server is not None:
            self.server.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()
        self.sockets.close()
        self._awake.close()
        self._alarm.close()
        self.identity.close()


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _is_loopback(host: str) -> bool:
    return host == "::1" or host.startswith("127.")


class _Round:
    """One question to everybody, until the answers are in: section 5."""

    REPEATS_S = (0.0, 0.25, 0.6, 0.85, 1.1, 1.35, 1.6)
    SURE = 3

    def __init__(self, node: _Node, known: bool):
        self.node = node
        self.known = known
        self.begun = node.now
        self.last_new = node.now
        self.rows = node.present()
        self.asked = 0
        self.peers: Optional[int] = None  # the largest count that others said
        self.done = threading.Event()

    def ask(self) -> None:
        node = self.node
        if self.asked < self.SURE or node.present() < self._expected():
            members: dict[str, Any] = {"want": {}}
            if self.asked or self.known:
                known = [row.id for row in node.rows.values() if row.state == "alive"]
                members["known"] = known[:24]
            node.say_query(members)
        self.asked += 1
        if self.asked < len(self.REPEATS_S):
            node._after(self.begun + self.REPEATS_S[self.asked] - node.now, self._step)
        self._look()

    def _expected(self) -> int:
        if self.peers is None:
            return 0
        return self.peers + (self.node.document is None)  # an observer is in nobody's count

    def on_answer(self, message: _Message) -> None:
        self.peers = max(self.peers or 0, message.peers)
        if self.node.present() > self.rows:
            self.rows, self.last_new = self.node.present(), self.node.now

    def _step(self) -> None:
        if not self.done.is_set():
            self.ask()

    def _look(self) -> None:
        if self.done.is_set():
            return
        node, now = self.node, self.node.now
        window = 0.02 + min(0.5, 0.02 + node.present() / 1000)
        is_whole = now - self.begun >= window and node.present() >= self._expected() > 0
        is_silent = (
            self.asked >= self.SURE
            and node.present() >= self._expected()
            or self.asked == len(self.REPEATS_S)
        )
        is_silent = is_silent and now - max(
            self.last_new, self.begun + self.REPEATS_S[min(self.asked, 7) - 1]
        ) >= max(0.15, window)
        if is_whole or is_silent or now - self.begun >= 2.0:
            node.round_ended()
            self.done.set()
        else:
            node._after(0.01, self._look)


# ---- publishing: PROTOCOL.md, section 13.8 ----


@dataclasses.dataclass(frozen=True)
class _Sent:
    data: bytes
    topic: str
    body: bytes
    at: float


class _Publisher:
    """The data of a node: what waits, what was sent and may be asked for again."""

    TAILS_S = (0.02, 0.08, 0.32, 1.28)

    def __init__(self, node: _Node):
        self.node = node
        self.seqs: dict[int, int] = {}  # by shard, of the last datagram
        # By shard and number: a datagram, its topic and body, and when it was sent.
        self.ring: collections.OrderedDict[tuple[int, int], _Sent] = collections.OrderedDict()
        self.last: dict[str, dict[str, tuple[bytes, float]]] = {}  # by topic and name, as a pack
        self.ring_bytes = 0
        self.oldest: dict[int, int] = {}
        self.last_sent = -1000.0
        self.room = threading.Condition(node.lock)
        self._ready: dict[str, float] = {}  # by topic, when its data may leave
        self._waiting: collections.deque[tuple[str, str, bytes]] = collections.deque()
        self._sent_at: dict[int, float] = {}  # by shard
        self._tailing: set[int] = set()  # shards whose tails are under way
        self._pace = _Bucket(RATE_BYTES_S, BURST_BYTES)
        self._repairs = _Bucket(RATE_BYTES_S, BURST_BYTES)
        self._repaired: dict[tuple[int, int], float] = {}
        self._tailed: dict[int, float] = {}
        self._is_flushing = False

    def add(
        self,
        topic: str,
        record: Mapping[str, Any],
        unit: Optional[str],
        timeout: Optional[float],
        origin: Optional[str],
    ) -> None:
        """Opens the topic where it is new, and sends the record as soon as may be."""
        body = _pack_of(topic, record)
        with self.node.lock:
            self._open(topic, record.get("n"), unit, origin)
            header = self._header(topic, INTEGER_MAX)
            if len(header) + len(body) > self.node.sockets.room:
                raise InvalidError(
                    "a record has room for some 1,200 bytes of name, unit and value together"
                )
            if not self.room.wait_for(
                lambda: len(self._waiting) < 64 or self.node._is_closed, timeout
            ):
                raise TimedOut("what was published before still waits to leave")
            if self.node._is_closed:
                raise Error("this announcement was closed")
            self._waiting.append((topic, record.get("n", ""), body))
            self._flush()
        self.node.wake()

    def _open(
        self, topic: str, name: Optional[str], unit: Optional[str], origin: Optional[str]
    ) -> None:
        """Announces the topic, and the unit of this name, unless both were announced."""
        document = self.node.latest
        if not document.topics:
            self.node.serve()
        known = document.topics.get(topic)
        if known is not None and known.origin != origin:
            raise InvalidError(f"all readings of the topic have the origin {known.origin!r}")
        if known is not None and (
            not unit or not name or name in known.units or len(known.units) >= 64
        ):
            return
        if known is None and len(document.topics) >= 256:
            raise InvalidError("a publisher has 256 topics at most")
        is_new = known is None
        known = known or Topic(topic, unit if unit and not name else None, origin=origin)
        if unit and name:
            known = dataclasses.replace(known, units={**known.units, name: unit})
        changed = _Document(document.name, document.services, document.attrs)
        changed.topics = {**document.topics, topic: known}
        try:
            self.node.change(changed)
        except InvalidError:
            if is_new:
                raise
            return  # a unit that finds no room is in each record all the same
        if is_new:
            # So that listeners know the topic, and this peer where it is new.
            wait = 0.9 if self.node.has_change else 0.3
            self._ready[topic] = max(self.node.now + wait, self.node.started + 0.6)
            self.node.sockets.join_data([-1])

    def samples(self, patterns: list[str], since_s: float) -> list[bytes]:
        """Lines of last values, and of what was sent in that time: section 12, "Samples"."""
        now, lines = self.node.now, []
        recent = [(key, sent) for key, sent in self.ring.items() if now - sent.at <= since_s]
        wanted = {
            topic for topic in self.last if any(_pattern_may_match(p, topic) for p in patterns)
        }
        told = {sent.topic for _, sent in recent} & wanted
        for topic in sorted(wanted - told):
            until = {"until": self.seqs[shard_of(topic)]}
            for body, at in self.last[topic].values():
                lines += self._sample(topic, now - at, body, until)
        passed: dict[int, int] = {}
        for (shard, seq), sent in recent:
            if sent.topic not in wanted:
                passed[shard] = passed.get(shard, 0) + 1
                continue
            more = {"seq": seq}
            if passed.get(shard):
                more["passed"] = passed.pop(shard)
            lines += self._sample(sent.topic, now - sent.at, sent.body, more)
        return lines

    def _sample(self, topic: str, age_s: float, body: bytes, more: dict[str, int]) -> list[bytes]:
        sample = {"id": self.node.id, "boot": self.node.boot, "topic": topic, **more}
        sample.update(self._origin(topic))
        sample["age_ms"] = int(age_s * 1000)
        return [_json_line({"sample": sample, "lines": 1}) + b"\n" + body]

    def _origin(self, topic: str) -> dict[str, Any]:
        """The member of a topic that was brought from elsewhere."""
        known = self.node.latest.topics.get(topic)
        return {"origin": known.origin} if known and known.origin is not None else {}

    def _header(self, topic: str, seq: int) -> bytes:
        return (
            _json_line(
                {
                    "muster": 1,
                    "kind": "data",
                    "id": self.node.id,
                    "boot": self.node.boot,
                    "topic": topic,
                    **self._origin(topic),
                    "shard": shard_of(topic),
                    "seq": seq,
                }
            )
            + b"\n"
        )

    def _flush(self) -> None:
        """Sends what may leave, and comes again for the rest."""
        node = self.node
        while self._waiting:
            topic, name, body = self._waiting[0]
            wait = self._ready[topic] - node.now
            if wait <= 0 and not self._pace.take(node.now, len(body)):
                wait = 0.005
            if wait > 0:
                if not self._is_flushing:
                    self._is_flushing = True
                    node._after(wait, self._flush_again)
                return
            self._waiting.popleft()
            self._send(topic, name, body)
        self.room.notify_all()

    def _flush_again(self) -> None:
        self._is_flushing = False
        self._flush()
        self.room.notify_all()

    def _send(self, topic: str, name: str, body: bytes) -> None:
        shard, now = shard_of(topic), self.node.now
        seq = self.seqs[shard] = self.seqs.get(shard, 0) + 1
        data = self._header(topic, seq) + body
        self.ring[shard, seq] = _Sent(data, topic, body, now)
        self.ring_bytes += len(data)
        while self.ring_bytes > RING_BYTES:
            (old_shard, old_seq), old = self.ring.popitem(last=False)
            self.ring_bytes -= len(old.data)
            self.oldest[old_shard] = old_seq + 1
        values = self.last.setdefault(topic, {})
        if name in values or len(values) < 64:
            values[name] = (body, now)
        self.node.sockets.send_data(data, shard)
        self.last_sent = self._sent_at[shard] = now
        if shard not in self._tailing:
            self._tailing.add(shard)
            self.node._after(self.TAILS_S[0], lambda: self._tail_step(shard, 0))

    def _tail_step(self, shard: int, number: int) -> None:
        """The next tail, unless there was new data since the one before."""
        quiet = self.node.now - self._sent_at[shard]
        if quiet < self.TAILS_S[number] - 0.001:
            number = 0
        else:
            self._tail(shard)
            number += 1
        if number == len(self.TAILS_S):
            self._tailing.discard(shard)
            return
        wait = max(0.001, self.TAILS_S[number] - quiet)
        self.node._after(wait, lambda: self._tail_step(shard, number))

    def _tail(self, shard: int, interface: Optional[int] = None) -> None:
        members = {
            "muster": 1,
            "kind": "tail",
            "id": self.node.id,
            "boot": self.node.boot,
            "shard": shard,
            "oldest": self.oldest.get(shard, 1),
            "seq": self.seqs.get(shard, 0),
        }
        self.node.sockets.send_data(_json_line(members) + b"\n", shard, interface)

    def on_nak(self, nak: _Signal, arrival: _Arrival) -> None:
        """Sends again what is still here, each datagram once in 10 ms, within a rate of its own."""
        now, count = self.node.now, 0
        oldest = self.oldest.get(nak.shard, 1)
        if nak.missing[0][0] < oldest and now - self._tailed.get(nak.shard, -1.0) >= 0.1:
            self._tailed[nak.shard] = now
            self._tail(nak.shard, arrival.interface)
        for first, last in nak.missing:
            for seq in range(max(first, oldest), min(last, self.seqs.get(nak.shard, 0)) + 1):
                key = (nak.shard, seq)
                count += 1
                if count > NAK_SEQS_MAX:
                    return
                if now - self._repaired.get(key, -1.0) >= 0.01 and self._repairs.take(
                    now, len(self.ring[key].data)
                ):
                    if len(self._repaired) > 8192:
                        self._repaired.clear()
                    self._repaired[key] = now
                    self.node.sockets.send_data(self.ring[key].data, nak.shard)

    def drain(self, timeout: float) -> None:
        """Waits until all was sent, and as long as others may ask for what they missed."""
        with self.node.lock:
            self.room.wait_for(lambda: not self._waiting, timeout)
            left = self.last_sent + 1.5 - self.node.now
        if left > 0:
            time.sleep(min(left, timeout))


# ---- listening: sections 13.4, 13.6 and 13.7 ----


class _Feed:
    """One publisher's start in one shard: what came, what is missing, what is held back."""

    def __init__(
        self,
        listener: "_Listener",
        peer_id: str,
        boot: int,
        shard: int,
        first: int,
        interface: int,
    ):
        self.listener, self.id, self.boot, self.shard = listener, peer_id, boot, shard
        self.interface = interface
        self.next = first  # all below were delivered, or are lost
        self.known = first - 1  # the largest that was sent, as far as is known
        self.begun = self.heard_at = listener.node.now
        self.held: dict[int, _Signal] = {}
        self.missing: dict[int, list[float]] = {}  # since when, and when it is asked for
        self.told: Optional[
            tuple[int, float]
        ] = None  # a number below that of others, and when it was said
        self.is_due = False

    def believe(self, seq: int, is_first: bool = False) -> bool:
        ms = (self.listener.node.now - (self.begun if is_first else self.heard_at)) * 1000
        return seq - self.known <= 10_000 * (ms + (1000 if is_first else 1))

    def on_data(self, signal: _Signal) -> None:
        if (
            signal.seq < self.next
            or signal.seq in self.held
            or signal.seq <= self.known
            and signal.seq not in self.missing
        ):
            raise _Drop("copy")
        if not self.believe(signal.seq, self.heard_at == self.begun):
            raise _Drop("range")
        self.heard_at = self.listener.node.now
        self.extend(signal.seq - 1)
        self.known = max(self.known, signal.seq)
        self.missing.pop(signal.seq, None)
        if signal.seq >= self.next:
            self.held[signal.seq] = signal
            self.listener.held_bytes += len(signal.body)
        self.drain()
        while self.held and self.listener.held_bytes > HELD_BYTES_MAX:
            self.lose(min(self.held), "wire")

    def extend(self, seq: int) -> None:
        """All up to seq were sent."""
        if seq <= self.known:
            return
        if seq - self.next >= WINDOW:
            self.lose(seq - WINDOW + 2, "wire")
        now = self.listener.node.now
        ask_at = now + self.listener.backoff()
        for number in range(max(self.known + 1, self.next), seq + 1):
            self.missing[number] = [now, ask_at]
        self.known = seq
        self.step_soon()

    def lose(self, before: int, reason: str) -> None:
        """Whatever is missing below is lost, and what was held back behind it goes on."""
        count = sum(number < before for number in self.missing) + max(
            0, before - max(self.known + 1, self.next)
        )
        self.missing = {number: at for number, at in self.missing.items() if number >= before}
        self.drain(before)
        if count:
            self.listener.lose(self, count, reason)

    def drain(self, before: int = 0) -> None:
        while self.next <= max(self.known, before - 1):
            signal = self.held.pop(self.next, None)
            if signal is not None:
                self.listener.held_bytes -= len(signal.body)
                self.listener.deliver(signal)
            elif self.next in self.missing:
                return
            elif self.next < before and self.next > self.known:
                self.next = before
                self.known = max(self.known, before - 1)
                return
            self.next += 1

    def on_tail(self, signal: _Signal) -> None:
        if signal.seq > self.known and self.believe(signal.seq):
            self.extend(signal.seq)
        if self.missing and min(self.missing) < signal.oldest:
            self.lose(min(signal.oldest, self.known + 1), "gone")

    def on_sent(self, seq: int) -> None:
        """A sign of life tells how far the publisher has come."""
        now = self.listener.node.now
        if seq >= self.known:
            self.told = None
            if self.believe(seq):
                self.extend(seq)
        elif self.told is None or self.told[0] != self.known:
            self.told = (self.known, now)
        elif now - self.told[1] >= 1.0:  # a number that was never sent: somebody forged it
            self.listener.held_bytes -= sum(len(signal.body) for signal in self.held.values())
            self.held, self.missing, self.told = {}, {}, None
            self.next, self.known = seq + 1, seq

    def put_off(self, ranges: list[list[int]]) -> None:
        """Somebody else asked for these."""
        now, ask_at = (
            self.listener.node.now,
            self.listener.node.now + 0.015 + self.listener.backoff(),
        )
        firsts, lasts = zip(*sorted(map(tuple, ranges)))
        lasts = tuple(itertools.accumulate(lasts, max))  # ranges may overlap
        for number, times in self.missing.items():
            at = bisect.bisect_right(firsts, number) - 1
            if at >= 0 and number <= lasts[at] and now - times[0] < random.uniform(0.25, 0.5):
                times[1] = max(times[1], ask_at)

    def step_soon(self) -> None:
        if self.missing and not self.is_due:
            self.is_due = True
            first = min(ask_at for _, ask_at in self.missing.values())
            self.listener.node._after(max(0.001, first - self.listener.node.now), self.step)

    def step(self) -> None:
        self.is_due = False
        now = self.listener.node.now
        late = [number for number, (since, _) in self.missing.items() if now - since >= GAP_S]
        if late:
            self.lose(max(late) + 1, "wire")
        due = sorted(
            number for number, (_, ask_at) in self.missing.items() if ask_at <= now + 0.001
        )
        if due:
            self.ask(due)
        self.step_soon()

    def ask(self, due: list[int]) -> None:
        ranges: list[list[int]] = []
        for number in due:
            if ranges and ranges[-1][1] == number - 1:
                ranges[-1][1] = number
            elif len(ranges) < NAK_RANGES_SENT:
                ranges.append([number, number])
            else:
                break
        again = self.listener.node.now + 0.015 + self.listener.backoff()
        for first, last in ranges:
            for number in range(first, last + 1):
                self.missing[number][1] = again
        self.listener.say_nak(self, ranges)


class _Listener:
    """The subscriptions of a node, and the feeds that they need."""

    def __init__(self, node: _Node):
        self.node = node
        self.subscriptions: list["Subscription"] = []
        self.feeds: dict[tuple[str, int], _Feed] = {}
        self.held_bytes = 0
        self._rates = _Rates(2000, 6000)  # of sources without a feed
        self._sources: set[_Address] = set()  # of feeds
        self._naks = _Bucket(1000, 256)
        self._headers: dict[bytes, _Signal] = {}  # by their bytes before the last colon
        self._peers: dict[str, tuple[Any, Peer]] = {}  # rows as they were told last
        self._asked: dict[str, int] = {}  # whose last values, and the boot of that

    # -- what is wanted --

    def wants(self, topic: str) -> bool:
        return any(sub.wants_topic(topic) for sub in self.subscriptions)

    def _wanted_shards(self, row: _Row) -> set[int]:
        return {shard_of(topic.name) for topic in row.lists.topics if self.wants(topic.name)}

    def join(self) -> None:
        """Hears all that is wanted by now."""
        if self.node.document and self.node.document.topics:
            self.node.sockets.join_data([-1])
        for row in self.node.rows.values() if self.subscriptions else ():
            self._join_row(row)

    def _join_row(self, row: _Row) -> set[int]:
        shards = self._wanted_shards(row)
        if shards:
            self.node.sockets.join_data([-1, *shards])
            self._ask_last(row)
        return shards

    def on_presence(self, row: _Row, message: _Message) -> None:
        """An announce or alive was taken: it may tell of topics, and of what was missed."""
        if not self.subscriptions or message.kind not in ("announce", "alive"):
            return
        shards = self._join_row(row)
        if message.sent is None or message.kind == "alive" and message.seq is None:
            return
        for shard in shards:
            seq = message.sent.get(shard, 0)
            feed = self._feed(row, shard, seq + 1)
            if feed is not None and message.seq is not None:
                feed.on_sent(seq)

    def _feed(self, row: _Row, shard: int, first: int) -> Optional[_Feed]:
        feed = self.feeds.get((row.id, shard))
        if feed is not None and feed.boot < row.boot:
            feed.lose(feed.known + 1, "wire")
            feed = None
        if feed is None:
            if len(self.feeds) >= FEEDS_MAX:
                idle = [key for key, one in self.feeds.items() if self.node.now - one.heard_at > 60]
                if not idle:
                    return None
                del self.feeds[idle[0]]
            feed = self.feeds[row.id, shard] = _Feed(
                self, row.id, row.boot, shard, first, row.interface
            )
        return feed

    # -- what comes --

    def on_arrival(self, arrival: _Arrival) -> None:
        interface = self.node.sockets.interfaces.get(arrival.interface)
        family = 6 if _is_v6(arrival.source[0]) else 4
        if interface is None or f"m{family}" not in interface.kinds:
            raise _Drop("path")
        self.node.check_source(arrival)
        if arrival.source not in self._sources and not self._rates.take(
            arrival.source[0], self.node.now
        ):
            raise _Drop("flood")
        signal = self._read_known(arrival.data) or self._read_new(arrival.data)
        if signal.id == self.node.id:
            raise _Drop("own")
        if arrival.group != _data_group(family, -1 if signal.kind == "nak" else signal.shard):
            raise _Drop("path")
        if signal.kind == "nak":
            self._on_nak(signal, arrival)
            return
        row = self.node.rows.get(signal.id)
        if row is not None and signal.boot < row.boot:
            raise _Drop("stale")
        if row is None or signal.boot != row.boot or not self._is_source(row, arrival):
            raise _Drop("unknown")
        self._on_data(row, signal, arrival)

    def _read_known(self, data: bytes) -> Optional[_Signal]:
        """Data whose header is known by heart, up to the digits of `seq`: nothing is parsed."""
        line, _, body = data.partition(b"\n")
        prefix, colon, digits = line.rpartition(b":")
        known = self._headers.get(prefix)
        digits = digits[:-1]
        if known is None or not digits.isdigit() or digits[:1] == b"0" or len(digits) > 15:
            return None
        if len(data) > DATAGRAM_BYTES_MAX or not body.endswith(b"\n") or not line.endswith(b"}"):
            return None
        return dataclasses.replace(known, seq=int(digits), body=body)

    def _read_new(self, data: bytes) -> _Signal:
        signal = decode_signal(data)
        prefix = data.partition(b"\n")[0].rpartition(b":")[0]
        if signal.kind == "data" and prefix.endswith(b',"seq"'):
            if len(self._headers) >= FEEDS_MAX:
                self._headers.clear()
            self._headers[prefix] = dataclasses.replace(signal, body=b"")
        return signal

    @staticmethod
    def _is_source(row: Optional[_Row], arrival: _Arrival) -> bool:
        return row is not None and (arrival.source == row.source or arrival.source in row.proven)

    def _on_nak(self, nak: _Signal, arrival: _Arrival) -> None:
        if nak.of == self.node.id and nak.of_boot == self.node.boot:
            self.node.publisher.on_nak(nak, arrival)
        feed = self.feeds.get((nak.of, nak.shard))
        if feed is not None and feed.boot == nak.of_boot:
            feed.put_off(nak.missing)

    def _on_data(self, row: _Row, signal: _Signal, arrival: _Arrival) -> None:
        if signal.kind == "tail":
            feed = self.feeds.get((signal.id, signal.shard))
            if feed is not None and feed.boot == signal.boot:
                feed.on_tail(signal)
            return
        if not self.wants(signal.topic) and signal.shard not in self._wanted_shards(row):
            return
        feed = self._feed(row, signal.shard, signal.seq)
        if feed is None:
            raise _Drop("table_full")
        feed.interface = arrival.interface
        if len(self._sources) >= FEEDS_MAX:
            self._sources.clear()
        self._sources.add(arrival.source)
        feed.on_data(signal)

    # -- what is asked for --

    def backoff(self) -> float:
        """RFC 5401, 4.2: in seconds."""
        longest, listeners = 0.020, max(10, self.node.present())
        scale = math.log(listeners) + 1
        y = random.uniform(0, 1) * scale / longest + scale / (longest * (math.exp(scale) - 1))
        return longest / scale * math.log(y * (math.exp(scale) - 1) * longest / scale)

    def say_nak(self, feed: _Feed, ranges: list[list[int]]) -> None:
        if self._naks.take(self.node.now):
            members = {
                "muster": 1,
                "kind": "nak",
                "id": self.node.id,
                "boot": self.node.boot,
                "of": feed.id,
                "of_boot": feed.boot,
                "shard": feed.shard,
                "missing": ranges,
            }
            self.node.sockets.send_data(_json_line(members) + b"\n", -1, feed.interface)

    def _ask_last(self, row: _Row) -> None:
        """Last values by stream, once of each start of a publisher."""
        stream = row.announce.stream
        wants_last = [sub for sub in self.subscriptions if sub.with_last]
        is_sure = row.key is not None or row.proven
        if not stream or not wants_last or not is_sure or self._asked.get(row.id) == row.boot:
            return
        self._asked[row.id] = row.boot
        if len(self._asked) > ROWS_MAX:
            self._asked.clear()
        patterns = sorted({pattern for sub in wants_last for pattern in sub.patterns})
        request = {"request": "samples", "patterns": patterns if len(patterns) <= 64 else ["#"]}
        if len(_json_line(request)) > 1000:
            request["patterns"] = ["#"]
        address, peer_id, boot = (row.source[0], stream), row.id, row.boot

        def run() -> None:
            samples, size = [], 0
            try:
                with _Stream.connect(address, self.node.group) as asked:
                    for part, lines in asked.ask(request, total_s=10.0):
                        samples.append(_read_sample(part, lines))
                        size += 1000 + len(lines[0])
                        if size > HELD_BYTES_MAX:
                            raise LocalError("too many")
            except (Error, OSError, _Drop) as error:
                _log.debug("the last values of %s did not come: %s", peer_id, error)
            self.node.call_soon(lambda: self._take_last(peer_id, boot, samples))

        self.node.in_background(run)

    def _take_last(self, peer_id: str, boot: int, samples: list[tuple[_Signal, float]]) -> None:
        for sample, age in samples:
            if sample.id == peer_id and sample.boot == boot:
                for sub in self.subscriptions:
                    if sub.with_last:
                        sub._take(sample, self._peer(peer_id), time.time() - age, is_last=True)

    # -- what is told --

    def _peer(self, peer_id: str) -> Optional[Peer]:
        row = self.node.rows.get(peer_id)
        if row is None:
            return None
        version = (row.boot, row.rev, row.state, row.source, row.body is None, row.key)
        known = self._peers.get(peer_id)
        if known is None or known[0] != version:
            if len(self._peers) >= FEEDS_MAX:
                self._peers.clear()
            known = self._peers[peer_id] = (version, row.snapshot(self.node.now))
        return known[1]

    def deliver(self, signal: _Signal) -> None:
        if self.wants(signal.topic):
            peer = self._peer(signal.id)
            for sub in self.subscriptions:
                sub._take(signal, peer, time.time())

    def lose(self, feed: _Feed, count: int, reason: str) -> None:
        row = self.node.rows.get(feed.id)
        topics = (
            [topic.name for topic in row.lists.topics if shard_of(topic.name) == feed.shard]
            if row
            else []
        )
        for sub in self.subscriptions:
            if any(map(sub.wants_topic, topics)):
                sub.lost[reason] += count


# ---- streams: PROTOCOL.md, section 12, and LOCAL.md ----

_IP_MINTTL, _IPV6_MINHOPCOUNT = 21, 73
_LINE_BYTES_MAX = 196_608  # the longest of all parts


class _Stream:
    """A connection to a peer by TCP, or to the muster of this machine by its Unix socket."""

    def __init__(self, sock: socket.socket, peer: str):
        self._sock, self._peer = sock, peer
        self._buffer = bytearray()

    @classmethod
    def connect(cls, address: _Address, group: _Group) -> "_Stream":
        host, _, scope = address[0].partition("%")
        if _is_v6(host):
            sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            level, sent, least = socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, _IPV6_MINHOPCOUNT
            to: tuple = (host, address[1], 0, socket.if_nametoindex(scope) if scope else 0)
        else:
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            level, sent, least, to = (
                socket.IPPROTO_IP,
                socket.IP_TTL,
                _IP_MINTTL,
                (host, address[1]),
            )
        try:
            sock.settimeout(1.0)
            sock.setsockopt(level, sent, 255)
            sock.connect(to)
            sock.setsockopt(level, least, 255)  # so that the other is known to be on this link
        except OSError:
            sock.close()
            raise
        used: Any = _SealedSocket(sock, group, True) if group else sock
        return cls(used, f"{address[0]} port {address[1]}")

    @classmethod
    def local(cls, path: str, owners: Optional[set[int]]) -> "_Stream":
        """owners: users whose socket is trusted; None: whoever it is."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            sock.settimeout(2.0)
            sock.connect(path)
            credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            if owners is not None and struct.unpack("3i", credentials)[1] not in owners:
                raise LocalError(f"{path}: another user listens there")
        except BaseException:
            sock.close()
            raise
        return cls(sock, path)

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        self._sock.close()

    def end(self) -> None:
        """Both directions, so that whoever reads goes on."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _line(self, deadline: Optional[float], idle_s: Optional[float]) -> bytes:
        while True:
            line, lf, rest = self._buffer.partition(b"\n")
            if lf:
                self._buffer = rest
                return bytes(line)
            if len(self._buffer) > _LINE_BYTES_MAX:
                raise LocalError(f"{self._peer} sent a line without an end")
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimedOut(f"{self._peer} did not answer in time")
            self._sock.settimeout(
                min((one for one in (left, idle_s) if one is not None), default=None)
            )
            try:
                data = self._sock.recv(1 << 16)
            except socket.timeout:  # in 3.9 no TimeoutError yet
                raise TimedOut(f"{self._peer} did not answer in time") from None
            if not data:
                raise LocalError(f"{self._peer} closed the connection")
            self._buffer += data

    def ask(
        self,
        request: Mapping[str, Any],
        total_s: Optional[float] = None,
        idle_s: Optional[float] = 5.0,
    ) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
        """Each part of the answer with the lines that it passes on. Raises LocalError for a bad
        end.
        """
        deadline = None if total_s is None else time.monotonic() + total_s
        self._sock.sendall(_json_line({"muster": 1, **request}) + b"\n")
        for count in itertools.count():
            try:
                wait_s = idle_s if count else idle_s or 5.0  # a watch begins at once
                part = _typed(_parse(self._line(deadline, wait_s), 16_384), dict)
                if "end" in part:
                    if part["end"] != "done" or part.get("count") != count:
                        end = str(part["end"])
                        raise LocalError(f"{self._peer}: {part.get('text') or end}", end)
                    return
                lines = _member(part, "lines", _integer(1, 3), False) or 0
            except _Drop:
                raise LocalError(f"{self._peer} said what is no answer") from None
            yield part, [self._line(deadline, idle_s) for _ in range(lines)]


class _Server:
    """Answers `table` and `samples` by TCP, each connection in a thread of its own."""

    CONNECTIONS_MAX, PER_ADDRESS, IDLE_S, TOTAL_S = 16, 4, 5.0, 60.0

    def __init__(self, node: _Node):
        self._node = node
        self._lock = threading.Lock()
        self._addresses: list[str] = []  # of the connections
        self._listeners: list[socket.socket] = []
        try:
            for family in node.sockets.unicast:
                self._listeners.append(self._listen(family, node.sockets.unicast_port))
        except OSError:
            self.close()
            raise
        for listener in self._listeners:
            threading.Thread(
                target=self._accept, args=(listener,), name="muster-tcp", daemon=True
            ).start()

    @staticmethod
    def _listen(family: int, port: int) -> socket.socket:
        level, sent, least, kind, host = (
            (
                socket.IPPROTO_IPV6,
                socket.IPV6_UNICAST_HOPS,
                _IPV6_MINHOPCOUNT,
                socket.AF_INET6,
                "::",
            )
            if family == 6
            else (socket.IPPROTO_IP, socket.IP_TTL, _IP_MINTTL, socket.AF_INET, "0.0.0.0")
        )
        sock = socket.socket(kind, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == 6:
                sock.setsockopt(level, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(level, sent, 255)
            sock.setsockopt(level, least, 255)  # connections from beyond a router get no answer
            sock.bind((host, port))
            sock.listen(16)
        except OSError:
            sock.close()
            raise
        return sock

    def close(self) -> None:
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # so that accept() returns
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, source = listener.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    time.sleep(0.1)
                    continue
                if error.errno == errno.ECONNABORTED:
                    continue
                return
            host = source[0].partition("%")[0]
            with self._lock:
                is_free = len(self._addresses) < self.CONNECTIONS_MAX
                is_free = is_free and self._addresses.count(host) < self.PER_ADDRESS
                if is_free:
                    self._addresses.append(host)
            if not is_free:
                with contextlib.suppress(OSError):
                    sock.settimeout(0)
                    if not self._node.group:  # nobody has said by which key it can be told
                        sock.send(self._end("busy", 0))
                sock.close()
                continue
            threading.Thread(target=self._serve, args=(sock, host), daemon=True).start()

    def _serve(self, sock: socket.socket, host: str) -> None:
        try:
            with sock:
                sock.settimeout(self.IDLE_S)
                group = self._node.group
                self._answer_all(_SealedSocket(sock, group, False) if group else sock)
        except OSError:  # gone, or slow
            pass
        except Exception:
            _log.exception("a stream of %s", host)
        finally:
            with self._lock:
                self._addresses.remove(host)

    def _answer_all(self, sock: Any) -> None:
        until = time.monotonic() + self.TOTAL_S
        buffer = b""
        while time.monotonic() < until:
            line, lf, rest = buffer.partition(b"\n")
            if len(line) > 1024:
                sock.sendall(self._end("too_long", 0))
                return
            if lf:
                buffer = rest
                try:
                    answer = self._answer(sock, _typed(_parse(line, 16_384), dict))
                except _Drop as drop:
                    is_line = str(drop) in ("missing", "range", "version", "type")
                    answer = [self._end("invalid" if is_line else "syntax", 0)]
                sock.sendall(b"".join(answer))
                if answer[-1].startswith(b'{"end":"syntax"'):
                    return
                continue
            data = sock.recv(4096)
            if not data:
                return
            buffer += data

    @staticmethod
    def _end(end: str, count: int) -> bytes:
        return _json_line({"end": end, "count": count}) + b"\n"

    def _answer(self, sock: socket.socket, request: dict[str, Any]) -> list[bytes]:
        if _member(request, "muster", lambda value: _typed(value, (int, float))) != 1:
            raise _Drop("version")
        kind = _member(request, "request", lambda value: _typed(value, str))
        if request.get("port", self._node.sockets.port) != self._node.sockets.port:
            return [self._end("elsewhere", 0)]
        if kind == "table":
            parts = self._table(sock)
        elif kind == "samples" and request.get("follow") is not True:
            patterns = _member(request, "patterns", _list(_pattern, 1, 64))
            since_ms = _member(request, "since_ms", _integer(1, 86_400_000), False) or 0
            with self._node.lock:
                parts = self._node.publisher.samples(patterns, since_ms / 1000)
        else:
            return [self._end("not_found" if kind == "document" else "unknown", 0)]
        return [*parts, self._end("done", len(parts))]

    def _table(self, sock: socket.socket) -> list[bytes]:
        """The rows that were heard by the interface of the connection."""
        own, node, parts = sock.getsockname(), self._node, []
        with node.lock:
            used = [one.index for one in node.sockets.interfaces.values() if one.address == own[0]]
            here = used[0] if used else own[3] if len(own) == 4 else 0
            for row in node.rows.values():
                if row.is_present and row.interface == here:
                    peer = {
                        "id": row.id,
                        "state": row.state,
                        "address": row.source[0].partition("%")[0],
                        "port": row.source[1],
                        "age_ms": int((node.now - row.heard_at) * 1000),
                        "next_ms": int((row.deadline - node.now) * 1000),
                    }
                    lines = row.announce.data.count(b"\n")
                    part = _json_line({"peer": peer, "lines": lines}) + b"\n"
                    parts.append(part + row.announce.data)
        return parts


def _read_lists_of(body: bytes) -> _Lists:
    return _read_lists(_typed(_parse(body, 16_384), dict))


def _fetch_body(announce: _Message, address: _Address, group: _Group) -> _Lists:
    with _Stream.connect(address, group) as asked:
        request = {"request": "document", "id": announce.id, "hash": announce.hash}
        for _, lines in asked.ask(request, total_s=10.0, idle_s=1.0):
            body = b"".join(line + b"\n" for line in lines)
            if (
                len(body) != announce.size
                or hashlib.blake2b(body, digest_size=32).hexdigest() != announce.hash
            ):
                raise _Drop("signature")
            return _read_lists_of(body)
    raise LocalError("it has no such document")


def _read_sample(part: Mapping[str, Any], lines: list[bytes]) -> tuple[_Signal, float]:
    sample = _member(part, "sample", lambda value: _typed(value, dict))
    topic = _member(sample, "topic", _topic)
    signal = _Signal(
        "data",
        _member(sample, "id", _id),
        _member(sample, "boot", _integer(1)),
        shard_of(topic),
        topic,
        _member(sample, "origin", _origin, False),
    )
    if len(lines) != 1:
        raise _Drop("syntax")
    signal.body = lines[0]
    return signal, _member(sample, "age_ms", _integer(0)) / 1000


def _local_paths(path: Optional[str]) -> list[tuple[str, Optional[set[int]]]]:
    """Where a muster may listen, and whose socket is trusted there."""
    if path is not None:
        return [(path, None)]
    directory = _state_directory()
    owners = {0, os.geteuid()}
    with contextlib.suppress(OSError):
        owners.add(directory.stat().st_uid)
    try:
        instances = sorted(os.listdir(os.fsencode(directory)))
    except OSError:
        instances = []
    found = [
        os.fsdecode(os.path.join(os.fsencode(directory), name, b"socket")) for name in instances
    ]
    with contextlib.suppress(OSError):
        system_owners = {0, os.geteuid(), os.stat("/run/muster").st_uid}
        return [(place, owners) for place in found[:255]] + [("/run/muster/socket", system_owners)]
    return [(place, owners) for place in found[:255]]


class _Local:
    """The muster that runs on this machine."""

    def __init__(self, interfaces: Union[None, str, Iterable[str]], port: Optional[int]):
        self._stream: Optional[_Stream] = None
        path = os.environ.get("MUSTER_SOCKET") or None
        self._conditions: dict[str, Any] = {"port": _port_of(port)}
        names = _names_of(interfaces)
        if path is None:
            with contextlib.suppress(OSError):
                self._conditions["network"] = os.readlink("/proc/thread-self/ns/net")
        if names:
            chosen = [interface.name for interface in _list_interfaces(names)]
            missing = set(names) - {name for _, name in socket.if_nameindex()}
            exact = [name for name in names if name in missing and not set(name) & set("!*?[")]
            self._conditions["interfaces"] = [*chosen, *exact]
        self._paths = _local_paths(path)

    def ask(
        self, request: Mapping[str, Any], **limits: Any
    ) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
        """The answer of the first muster for which the conditions hold; LocalError where there is
        none.
        """
        for path, owners in self._paths:
            try:
                stream = _Stream.local(path, owners)
            except (OSError, LocalError):
                continue
            with stream:
                self._stream = stream
                answer = stream.ask({**request, **self._conditions}, **limits)
                try:
                    first = next(answer, None)
                except LocalError as error:
                    if error.end == "elsewhere":
                        continue
                    raise
                if first is not None:
                    yield first
                    yield from answer
                return
        raise _NoLocal("no muster runs on this machine")

    def close(self) -> None:
        """Ends an answer that another thread waits for."""
        if self._stream is not None:
            self._stream.end()


class _NoLocal(LocalError):
    pass


def _peer_of_lines(part: Mapping[str, Any], lines: list[bytes]) -> Peer:
    """A row as a running muster tells it."""
    row = _member(part, "peer", lambda value: _typed(value, dict))
    try:
        message = decode(b"".join(line + b"\n" for line in lines[: 1 if len(lines) == 1 else 2]))
        body = lines[2] if len(lines) == 3 else None
    except _Drop:  # an unsigned announce with its body
        message = decode(lines[0] + b"\n")
        body = lines[1]
    lists = _read_lists_of(body) if body else message.lists
    address = _member(row, "address", _text(1, 64), False)
    interface = _member(row, "interface", _text(1, 15), False)
    if address and address.startswith("fe80:") and interface and "%" not in address:
        address += f"%{interface}"
    paths = tuple(_member(row, "paths", _path_names, False) or ())
    age_ms = _member(row, "age_ms", _integer(0), False) or 0
    return Peer(
        message.id,
        message.name,
        _member(row, "state", _text(1, 15)),
        address,
        _member(row, "port", _integer(1, 65535), False),
        interface,
        tuple(lists.services),
        lists.attrs,
        tuple(lists.topics),
        message.boot,
        message.rev,
        row.get("verified") is True,
        row.get("provisional") is True,
        row.get("partial") is True,
        row.get("self") is True,
        age_ms / 1000,
        paths,
    )


# ---- what programs call ----


def _matches(peer: Peer, name: Optional[str], service: Optional[str]) -> bool:
    return (name is None or fnmatch.fnmatchcase(peer.name, name)) and (
        service is None or bool(peer.services_of(service))
    )


def find(
    name: Optional[str] = None,
    *,
    service: Optional[str] = None,
    include_gone: bool = False,
    direct: bool = False,
    interfaces: Union[None, str, Iterable[str]] = None,
    port: Optional[int] = None,
) -> list[Peer]:
    """Who is here, sorted by name: those whose name matches the pattern (fnmatch) `name` and that
    offer a service of this type.

    A muster that runs on this machine answers in milliseconds. With `include_gone` it also tells
    who was lost or has left. Else, or with `direct`, the network is asked: that takes 0.1 to 2 s,
    and leaves no trace on others. NetworkError: there is no network.
    """
    has_keys = _has_group_keys()
    peers = None if direct else _ask_table(interfaces, port)
    if peers is None:
        peers = _look_around(interfaces, port, has_keys)
    wanted = ("alive", "suspect", "lost", "left") if include_gone else ("alive", "suspect")
    found = [peer for peer in peers if peer.state in wanted and _matches(peer, name, service)]
    return sorted(found, key=lambda peer: (peer.name, peer.id))


def _ask_table(
    interfaces: Union[None, str, Iterable[str]], port: Optional[int]
) -> Optional[list[Peer]]:
    """The table of the muster of this machine; None: none runs, or it did not tell all of it."""
    peers = []
    try:
        for part in _Local(interfaces, port).ask({"request": "table"}, total_s=10.0):
            with contextlib.suppress(_Drop, IndexError):  # a row of a later version
                peers.append(_peer_of_lines(*part))
    except (LocalError, TimedOut, OSError):
        return None
    return peers


def _look_around(
    interfaces: Union[None, str, Iterable[str]], port: Optional[int], has_keys: bool
) -> list[Peer]:
    node = _Node(None, None, interfaces, port, has_keys)
    try:
        if not node.sockets.interfaces:
            raise NetworkError(
                "no interface can be used: is the network up, and MUSTER_INTERFACE right?"
            )
        with node.lock:
            asked = node.ask()
        node.start()
        asked.done.wait(5.0)
        deadline = time.monotonic() + 2.0
        while any(peer.partial for peer in node.snapshots()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return node.snapshots()
    finally:
        node.close()


class _Source:
    """An iterator over what comes, with one time for all of it. Close it, or use it in a with
    block.
    """

    def __init__(self, timeout: Optional[float]):
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._is_closed = False

    def _get(self, timeout: Optional[float]) -> Any:
        raise NotImplementedError

    def get(self, timeout: Optional[float] = None) -> Any:
        """The next one; TimedOut where none comes within `timeout` seconds."""
        item = self._get(timeout)
        if item is None:
            raise TimedOut("nothing came in time" if not self._is_closed else "it was closed")
        return item

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        item = None if self._is_closed else self._get(left)
        if item is None:
            raise StopIteration
        return item

    def close(self) -> None:
        self._is_closed = True

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


class Watch(_Source):
    """The events of peers, beginning with `joined` of those that are here. Made by watch()."""

    def __init__(
        self,
        name: Optional[str],
        service: Optional[str],
        timeout: Optional[float],
        direct: bool,
        interfaces: Union[None, str, Iterable[str]],
        port: Optional[int],
    ):
        super().__init__(timeout)
        self._name, self._service = name, service
        self._queue = _Queue()
        self._node: Optional[_Node] = None
        self._local: Optional[_Local] = None
        self._stream: Any = None
        self._fault: Optional[Error] = None
        self._interfaces, self._port = interfaces, port
        self._has_keys = _has_group_keys()
        if direct or not self._watch_local():
            self._watch_network()

    def _watch_local(self) -> bool:
        self._local = _Local(self._interfaces, self._port)
        self._stream = self._local.ask({"request": "watch"}, idle_s=None)
        try:
            first = next(self._stream, None)  # its own row, at least
        except (LocalError, TimedOut, OSError):
            first = None
        if first is None:
            return False
        threading.Thread(target=self._run, args=(first,), name="muster-watch", daemon=True).start()
        return True

    def _run(self, first: Any) -> None:
        """Reads what the muster of this machine tells. When that ends, the network is asked
        instead, and whoever is there joins anew.
        """
        try:
            for part, lines in itertools.chain([first], self._stream):
                with contextlib.suppress(_Drop, IndexError):
                    event = Event(str(part.get("event")), _peer_of_lines(part, lines))
                    self._queue.put(event)
                if self._is_closed:
                    return
        except (Error, OSError, ValueError) as error:
            _log.info("the muster of this machine ended: %s", error)
        if not self._is_closed:
            try:
                self._watch_network()
            except (Error, OSError) as error:
                self._fault = NetworkError(f"the network can't be watched: {error}")
                self._queue.wake()

    def _watch_network(self) -> None:
        node = _Node(None, None, self._interfaces, self._port, self._has_keys)
        node.watchers.append(self._queue)
        with node.lock:
            node.ask()
        node.start()
        self._node = node
        if self._is_closed:  # meanwhile
            node.close()

    @property
    def dropped(self) -> int:
        """Events that there was no room for, because the program did not take them."""
        return self._queue.dropped

    @property
    def counters(self) -> dict[str, Any]:
        """Datagrams that were received, accepted, copies, and dropped by reason; empty where a
        running muster is asked.
        """
        return dict(self._node.stats) if self._node else {}

    def _get(self, timeout: Optional[float]) -> Optional[Event]:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._is_closed:
            event = self._queue.get(None if deadline is None else deadline - time.monotonic())
            if event is None and self._fault is not None:
                raise self._fault
            if event is None or _matches(event.peer, self._name, self._service):
                return event
        return None

    def close(self) -> None:
        """Ends the iteration; may be called from another thread."""
        super().close()
        self._queue.wake()
        if self._local is not None:
            self._local.close()
        if self._node is not None:
            self._node.close()


def watch(
    name: Optional[str] = None,
    *,
    service: Optional[str] = None,
    timeout: Optional[float] = None,
    direct: bool = False,
    interfaces: Union[None, str, Iterable[str]] = None,
    port: Optional[int] = None,
) -> Watch:
    """The events of peers as they happen, of those that `name` and `service` choose as in find().
    The iteration ends after `timeout` seconds, without one never.
    """
    return Watch(name, service, timeout, direct, interfaces, port)


class Announcement:
    """A peer that others see until close(), which says bye. Made by announce()."""

    def __init__(
        self,
        document: _Document,
        identity: _Identity,
        interfaces: Union[None, str, Iterable[str]],
        port: Optional[int],
    ):
        self._node = _Node(document, identity, interfaces, port)
        self._node.start()
        self._is_closed = False

    @property
    def id(self) -> str:
        """Its id: that of the key, where there is one."""
        return self._node.id

    @property
    def is_signed(self) -> bool:
        """Whether others list it as verified: with PyNaCl."""
        return self._node.key is not None

    def update(
        self,
        *,
        name: Optional[str] = None,
        services: Optional[Iterable[Union[Service, str]]] = None,
        attrs: Optional[Mapping[str, str]] = None,
    ) -> None:
        """Announces this from now on. What is None stays."""
        with self._node.lock:
            before = self._node.latest
            after = _Document(
                name or before.name,
                before.services if services is None else services,
                before.attrs if attrs is None else attrs,
            )
            after.topics = before.topics
            self._node.change(after)

    def publish(
        self,
        topic: str,
        value: Union[float, int, str, bool, bytes],
        *,
        name: str = "",
        unit: Optional[str] = None,
        time: Optional[float] = None,
        timeout: Optional[float] = 10.0,
        origin: Optional[str] = None,
    ) -> None:
        """One reading of the topic, or of `name` below it, of `time` (seconds since 1970; without:
        now). A new topic is announced first. Waits while more was published than may leave:
        TimedOut after `timeout`. What was brought from elsewhere has an `origin`, the same for all
        readings of a topic; a reading of others that has one is not to be published again.
        """
        when = _clock() if time is None else time
        record = _record_of(value, name, unit, when)
        self._node.publisher.add(topic, record, unit, timeout, origin)

    def peers(self) -> list[Peer]:
        """Whom it knows, as of now."""
        return self._node.snapshots()

    @property
    def counters(self) -> dict[str, Any]:
        """Datagrams that were received, accepted, copies, and dropped by reason."""
        return dict(self._node.stats)

    def close(self) -> None:
        """Lets others ask for readings that they missed, and says bye: 0.2 to 1.7 s."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._node.publisher.drain(5.0)
            self._node.leave()
        finally:  # Ctrl-C does not wait
            self._node.close()

    def __enter__(self) -> "Announcement":
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def _clock() -> Optional[float]:
    """Now; None where the clock is not set."""
    now = time.time()
    return now if TIME_MIN <= now < TIME_MAX else None


def announce(
    name: Optional[str] = None,
    services: Iterable[Union[Service, str]] = (),
    attrs: Optional[Mapping[str, str]] = None,
    *,
    keep_key: bool = True,
    interfaces: Union[None, str, Iterable[str]] = None,
    port: Optional[int] = None,
) -> Announcement:
    """Announces a peer of this name (without: the host's) until close(), or the end of a with
    block. Services are Service objects or texts such as "http:8080" and "coap:5683/udp".

    With PyNaCl its key is kept, beside the directory in which muster keeps those of its instances,
    so that the peer is the same one after a restart; keep_key=False makes a new one. A second
    announcement of that name, at the same time, gets a key of its own. InvalidError: others could
    not read this.
    """
    name = name or socket.gethostname().partition(".")[0] or "python"
    document = _Document(name, services, attrs)
    identity = _Identity(name, _key_directory() if keep_key else None)
    try:
        return Announcement(document, identity, interfaces, port)
    except BaseException:
        identity.close()
        raise


def publish(
    topic: str,
    value: Union[float, int, str, bool, bytes],
    *,
    name: str = "",
    unit: Optional[str] = None,
    time: Optional[float] = None,
    direct: bool = False,
    interfaces: Union[None, str, Iterable[str]] = None,
    port: Optional[int] = None,
) -> None:
    """One reading. A muster that runs on this machine publishes it at once. Else, or with
    `direct`, this takes some 2 s: until listeners know the topic, and in which they may ask for
    what they missed. Who publishes more than once keeps an announce().
    """
    record = _record_of(value, name, unit, _clock() if time is None else time)
    try:
        _topic(topic)
    except _Drop:
        raise InvalidError(
            f"a topic has levels of A-Z a-z 0-9 - : . _ with slashes between them, got {topic!r}"
        ) from None
    if not direct:
        with contextlib.suppress(_NoLocal):
            for _ in _Local(interfaces, port).ask(
                {"request": "publish", "topic": topic, "record": record}, total_s=10.0
            ):
                pass
            return
    with announce(
        f"{socket.gethostname().partition('.')[0] or 'python'}",
        keep_key=False,
        interfaces=interfaces,
        port=port,
    ) as me:
        me.publish(topic, value, name=name, unit=unit, time=time)


class Subscription(_Source):
    """The readings that match patterns, as they come. Made by subscribe().

    `lost` counts the datagrams that did not come, by reason: "wire" (asked for, and not repaired
    within a second) and "gone" (the publisher keeps them no longer). `faults` counts packs with a
    fault, and values above some 1,200 bytes, which go by TCP and which this module does not fetch.
    """

    def __init__(
        self,
        patterns: tuple[str, ...],
        timeout: Optional[float],
        last: bool,
        interfaces: Union[None, str, Iterable[str]],
        port: Optional[int],
    ):
        super().__init__(timeout)
        for pattern in patterns or ("",):
            fault = pattern_fault(pattern)
            if fault:
                raise InvalidError(f"{fault}, got {pattern!r}")
        if len(patterns) > 64:
            raise InvalidError("a subscription has 64 patterns at most")
        self.patterns = patterns
        self.with_last = last
        self.lost: collections.Counter[str] = collections.Counter()
        self.faults = 0
        self._queue = _Queue()
        self._live: set[tuple[str, str]] = set()  # of which publishers and names something came
        self._node = _Node(None, None, interfaces, port)
        self._node.listener.subscriptions.append(self)
        with self._node.lock:
            self._node.ask()
        self._node.start()

    def wants_topic(self, topic: str) -> bool:
        """Whether a record of the topic may match."""
        return any(_pattern_may_match(pattern, topic) for pattern in self.patterns)

    def _take(
        self, signal: _Signal, peer: Optional[Peer], now: float, is_last: bool = False
    ) -> None:
        try:
            for name, value, unit, when, total in _read_pack(signal.body, now):
                if not any(pattern_matches(pattern, name) for pattern in self.patterns):
                    continue
                if is_last and (signal.id, name) in self._live:
                    continue
                if not is_last and len(self._live) < QUEUE_MAX:
                    self._live.add((signal.id, name))
                unit = unit or self._unit_of(peer, signal.topic, name)
                whose = (signal.topic, signal.id, peer, is_last, signal.origin)
                self._queue.put(Reading(name, value, unit, when, total, *whose))
        except _Drop:
            self.faults += 1

    @staticmethod
    def _unit_of(peer: Optional[Peer], topic: str, name: str) -> Optional[str]:
        """The announced unit."""
        for known in peer.topics if peer else ():
            if known.name == topic:
                return (
                    known.unit if name == topic else known.units.get(name[len(topic) + 1 :]) or None
                )
        return None

    @property
    def dropped(self) -> int:
        """Readings that there was no room for, because the program did not take them."""
        return self._queue.dropped

    @property
    def counters(self) -> dict[str, Any]:
        """Datagrams that were received, accepted, copies, and dropped by reason."""
        return dict(self._node.stats)

    def _get(self, timeout: Optional[float]) -> Optional[Reading]:
        return self._queue.get(0 if self._is_closed else timeout)

    def close(self) -> None:
        """Ends the iteration; may be called from another thread."""
        super().close()
        self._queue.wake()
        self._node.close()


def subscribe(
    *patterns: str,
    timeout: Optional[float] = None,
    last: bool = True,
    interfaces: Union[None, str, Iterable[str]] = None,
    port: Optional[int] = None,
) -> Subscription:
    """The readings whose names match one of the patterns, in the order of each topic. `+` stands
    for one level of a name, `#` for all that follow. First come last values that publishers still
    have (Reading.is_last), unless last=False. The iteration ends after `timeout` seconds, without
    one never.
    """
    return Subscription(patterns, timeout, last, interfaces, port)


# ---- python3 muster.py ----


def _plain(value: Any) -> Any:
    """For JSON."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _print(arguments: argparse.Namespace, value: Any, text: str) -> None:
    print(json.dumps(_plain(value)) if arguments.json else text, flush=True)


def _row_text(peer: Peer) -> str:
    mark = "" if peer.verified else "?"
    services = ",".join(map(str, peer.services)) or "-"
    return f"{safe_text(peer.name)}{mark}\t{peer.state}\t{peer.address or '-'}\t{services}"


def _main_find(arguments: argparse.Namespace) -> int:
    found = find(arguments.name, service=arguments.service, direct=arguments.direct)
    for peer in found:
        _print(arguments, peer, _row_text(peer))
    return 0 if found else 3


def _main_watch(arguments: argparse.Namespace) -> int:
    with watch(
        arguments.name,
        service=arguments.service,
        timeout=arguments.timeout,
        direct=arguments.direct,
    ) as events:
        for event in events:
            _print(arguments, event, f"{event.kind}\t{_row_text(event.peer)}")
    return 0


def _pair_of(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"NAME=VALUE is expected, got {text!r}")
    return name, value


def _main_announce(arguments: argparse.Namespace) -> int:
    with announce(arguments.name, arguments.service or [], dict(arguments.attr or [])) as me:
        print(f"{arguments.name or 'it'} is {me.id}", file=sys.stderr, flush=True)
        threading.Event().wait(arguments.timeout)
    return 0


def _value_of_text(text: str) -> Union[float, int, str, bool]:
    with contextlib.suppress(ValueError):
        value = json.loads(text)
        if isinstance(value, (bool, int, float, str)):
            return value
    return text


def _main_publish(arguments: argparse.Namespace) -> int:
    publish(
        arguments.topic,
        _value_of_text(arguments.value),
        unit=arguments.unit,
        direct=arguments.direct,
    )
    return 0


def _main_subscribe(arguments: argparse.Namespace) -> int:
    with subscribe(*arguments.pattern, timeout=arguments.timeout) as readings:
        for one in readings:
            value = safe_text(one.value) if isinstance(one.value, str) else _plain(one.value)
            _print(arguments, one, f"{one.name}\t{value}\t{safe_text(one.unit or '')}".rstrip())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="muster.py", description="Presence, services and readings on a LAN."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(
        name: str, call: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(call=call)
        made.add_argument("--json", action="store_true", help="one JSON object a line")
        made.add_argument("--direct", action="store_true", help="ask no muster of this machine")
        made.add_argument("--timeout", type=float, metavar="SECONDS", help="end after this time")
        return made

    for name, call, text in (
        ("find", _main_find, "list who is here"),
        ("watch", _main_watch, "tell who comes and goes"),
    ):
        made = command(name, call, text)
        made.add_argument("name", nargs="?", help="pattern of names")
        made.add_argument("--service", metavar="TYPE", help="only peers with such a service")
    made = command("announce", _main_announce, "announce a peer until Ctrl-C")
    made.add_argument("name", nargs="?")
    made.add_argument("--service", action="append", metavar="TYPE:PORT[/udp]")
    made.add_argument("--attr", action="append", type=_pair_of, metavar="NAME=VALUE")
    made = command("publish", _main_publish, "publish one reading")
    made.add_argument("topic")
    made.add_argument("value", help="a number, true, false or text")
    made.add_argument("--unit")
    made = command("subscribe", _main_subscribe, "print readings")
    made.add_argument("pattern", nargs="+")
    return parser


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main(argv: Optional[list[str]] = None) -> int:
    """The command. Returns its exit code: 0 done, 1 error, 3 nobody was found."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    sys.stdout.reconfigure(errors="backslashreplace")  # names are of any script
    try:
        return arguments.call(arguments)
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Error as error:
        print(f"muster.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
