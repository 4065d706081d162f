# SPDX-License-Identifier: MIT
"""Datagrams of the wire format made and read by hand, without libmuster, well-formed or not."""

import base64
import hashlib
import json
import secrets
import socket
import time
import zlib

import nacl.signing

GROUP = "224.0.0.254"
BROADCAST = "255.255.255.255"
DATAGRAM_BYTES_MAX = 1400
NONCE_CHARS = 8


def new_id():
    return secrets.token_hex(16)


def new_boot():
    return time.time_ns() // 1_000_000


def new_nonce():
    return secrets.token_urlsafe(6)


def answered(header):
    """The nonces that a message repeats."""
    text = header.get("re", "")
    return [text[at : at + NONCE_CHARS] for at in range(0, len(text), NONCE_CHARS)]


def encode(**header):
    """One unsigned message of version 1: its header line."""
    header = {"muster": 1, **header}
    return json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def decode(datagram):
    """The header of a datagram, empty when it is none."""
    try:
        header = json.loads(datagram.split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


class Voice:
    """A socket on a host that says whatever it is told to. Its address is the host's, its port any."""

    def __init__(self, host, ttl=255):
        self.port = host.lab.port
        self.socket = host.socket()
        host.lab.on_close(self.socket.close)
        self.socket.bind((host.address, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(host.address))
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)

    def say(self, datagram, to=GROUP, port=None):
        self.socket.sendto(datagram, (to, port or self.port))


class Crowd:
    """Many unsigned peers with one mouth: each announces itself once, promises to speak again much later,
    and answers nobody, unless answer() is called."""

    def __init__(self, host, count, next_ms=600_000, of_one_port=50):
        """of_one_port of them send from one port: what it sends beyond 300 datagrams at once is a flood."""
        self.lab = host.lab
        self.presence = {"boot": new_boot(), "rev": 1, "next_ms": next_ms, "peers": 0}
        self.ids = [new_id() for _ in range(count)]
        self.seqs = dict.fromkeys(self.ids, 0)
        self.voices = [Voice(host) for _ in range(0, count, of_one_port)]

    def say(self, kind, number, **members):
        peer_id = self.ids[number]
        self.seqs[peer_id] += 1
        header = {"id": peer_id, "seq": self.seqs[peer_id], **self.presence, **members}
        self._voice(number).say(encode(kind=kind, **header))

    def _voice(self, number):
        return self.voices[number % len(self.voices)]

    def document(self, number):
        service = {"type": "http", "proto": "tcp", "port": 8080, "name": f"status of {number}", "txt": {"path": "/"}}
        return {"name": f"crowd{number}", "services": [service], "attrs": {"room": "kitchen"}}

    def announce(self, number):
        self.say("announce", number, **self.document(number))

    def answer(self, host):
        """From now on all answer questions for everybody, except those that leave it to a few."""
        Ear(host, self._answer)

    def _answer(self, datagram, source):
        question = decode(datagram)
        if question.get("want") != {} or question.get("table"):
            return
        for number, peer_id in enumerate(self.ids):
            if peer_id not in question.get("known", ()):
                header = {"id": peer_id, "re": question["nonce"], **self.presence, **self.document(number)}
                self._voice(number).say(encode(kind="announce", **header), *source)

    def join(self, watch, at_a_time=50):
        """Everybody announces, no faster than watch, a watch on any host, sees them join."""
        for number in range(len(self.ids)):
            self.announce(number)
            if (number + 1) % at_a_time == 0 or number + 1 == len(self.ids):
                self.lab.wait_for(lambda: crowd_size(watch) > number, f"{number + 1} of the crowd")


def crowd_size(watch, event="joined"):
    """How many of a crowd joined, or came to another event, as a watch saw it."""
    return sum(line.startswith(f'{{"event":"{event}"') and '"name":"crowd' in line for line in watch.lines)


class Ear:
    """All that the group says, as heard on one host: (stamp, source, datagram), in order."""

    def __init__(self, host, on_datagram=None, group=GROUP, port=None):
        """on_datagram(datagram, source), when given, is told of each at once."""
        self.lab = host.lab
        self.heard = []
        self._on_datagram = on_datagram
        self.socket = host.socket()
        self.lab.on_close(self.socket.close)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((group, port or host.lab.port))
        membership = socket.inet_aton(group) + socket.inet_aton(host.address)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        self.lab.on_readable(self.socket, self._read)

    def _read(self):
        try:
            while True:
                datagram, source = self.socket.recvfrom(1 << 16)
                self.heard.append((time.monotonic(), source, datagram))
                if self._on_datagram:
                    self._on_datagram(datagram, source)
        except BlockingIOError:
            pass

    def messages(self, kind=None, **members):
        """The (stamp, header) of what was heard and has these members."""
        found = []
        for stamp, _, datagram in self.heard:
            header = decode(datagram)
            if kind in (None, header.get("kind")) and all(header.get(n) == v for n, v in members.items()):
                found.append((stamp, header))
        return found

    def promise_end(self, peer_id):
        """The time by which this peer promised to speak again, by the last that it said of it."""
        promises = [(stamp, h) for stamp, h in self.messages(id=peer_id) if "next_ms" in h]
        stamp, header = promises[-1]
        return stamp + header["next_ms"] / 1000


class Peer:
    """An unsigned peer: it announces, promises to speak again much later, and answers whoever asks. Its
    document may break any rule. It says a nonce, so that others prove themselves to it."""

    def __init__(self, host, name, services=(), attrs=None, next_ms=600_000, **members):
        """members: more of the document, such as topics."""
        self.lab = host.lab
        self.id = new_id()
        self.boot = new_boot()
        self.seq = 0
        self.nonce = new_nonce()
        self.answers = 0  # to questions
        self.has_left = False
        self.presence = {"rev": 1, "next_ms": next_ms, "peers": 0}
        self.document = {"name": name, "services": list(services), "attrs": attrs or {}} | members
        self.voice = Voice(host)
        self.lab.on_readable(self.voice.socket, self._read)
        self.ear = Ear(host, self._answer)
        self.announce()

    def encode(self, kind, **members):
        return encode(kind=kind, id=self.id, boot=self.boot, **members)

    def announce(self):
        self.seq += 1
        members = {"seq": self.seq, "nonce": self.nonce, **self.presence, **self.document}
        self.voice.say(self.encode("announce", **members))

    def alive(self):
        self.seq += 1
        self.voice.say(self.encode("alive", seq=self.seq, **self.presence))

    def leave(self):
        self.seq += 1
        self.voice.say(self.encode("bye", seq=self.seq))
        self.has_left = True

    def _read(self):
        self._answer(*self.voice.socket.recvfrom(1 << 16))

    def _answer(self, datagram, source):
        question = decode(datagram)
        nonce, asked = question.get("nonce"), question.get("of", [self.id])
        if question.get("kind") != "query" or not isinstance(nonce, str) or not isinstance(asked, list):
            return
        if self.id not in asked or self.has_left:
            return
        self.answers += 1
        if "want" in question:
            self.voice.say(self.encode("announce", re=nonce, **self.presence, **self.document), *source)
        else:
            self.voice.say(self.encode("alive", re=nonce, **self.presence), *source)


class Keyed:
    """A peer with a key of its own, which signs what it says. It has no socket: it makes datagrams."""

    def __init__(self, name, **document):
        self.secret = nacl.signing.SigningKey.generate()
        self.key = self.secret.verify_key.encode()
        self.id = hashlib.blake2b(self.key, digest_size=16).hexdigest()
        self.boot = new_boot()
        self.seq = 0
        self.document = {"name": name} | document

    def sign(self, kind, **members):
        line = encode(kind=kind, id=self.id, boot=self.boot, **members)
        signature = base64.b64encode(self.secret.sign(line).signature).decode()
        return line + json.dumps({"sig": signature}, separators=(",", ":")).encode() + b"\n"

    def announce(self, **members):
        """To the group; with seq=None an answer by unicast."""
        self.seq += 1
        numbered = {"seq": self.seq} | members
        if numbered["seq"] is None:
            del numbered["seq"]
        presence = {"rev": 1, "next_ms": 600_000, "peers": 0, "key": base64.b64encode(self.key).decode()}
        return self.sign("announce", **presence | numbered, **self.document)


class Stream:
    """A connection to a muster, by TCP as a program on `host` makes it or, to a path, by its Unix socket:
    what was asked and the lines that came, whenever somebody waits."""

    def __init__(self, host, to, timeout_s=5.0, ttl=255, source=None, room=None):
        """to is an (address, port) pair or a path; source an address of the host; room the bytes that its
        kernel may hold unread. OSError where nobody takes the connection in time."""
        self.lab = host.lab
        if isinstance(to, tuple):
            self.socket = host.socket(socket.SOCK_STREAM)
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            self.socket.bind((source or host.address, 0))
            if room:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            to = str(to)
        self.raw = b""
        self.ended = False  # the other side sends nothing more
        self._listens = False
        self.lab.on_close(self.close)
        try:
            self.socket.settimeout(timeout_s)
            self.socket.connect(to)
        except OSError:
            self.socket.close()
            raise
        self.socket.setblocking(False)

    def ask(self, request):
        """Sends a request, or any bytes, and reads from now on. Returns self."""
        self.send(request)
        self.listen()
        return self

    def send(self, request):
        """Sends a request, or any bytes, and reads nothing."""
        line = request if isinstance(request, bytes) else encode(request=request)
        self.socket.sendall(line)

    def listen(self):
        if not self._listens:
            self._listens = True
            self.lab.on_readable(self.socket, self._read)

    def _read(self):
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:  # cut off
            data = b""
        self.raw += data
        if not data:
            self.ended = True
            self._forget()

    def _forget(self):
        if self._listens:
            self._listens = False
            self.lab.forget(self.socket)

    def lines(self):
        """The whole lines that came."""
        return [json.loads(line) for line in self.raw.split(b"\n")[:-1]]

    def inflated(self):
        """The lines of an answer that came deflated; None while it has not ended."""
        head, _, deflated = self.raw.partition(b"\n")
        inflater = zlib.decompressobj(wbits=12)
        clear = inflater.decompress(deflated)
        if not inflater.eof:
            return None
        assert json.loads(head) == {"deflate": True} and not inflater.unused_data
        return [json.loads(line) for line in clear.split(b"\n")[:-1]]

    def names(self):
        return [line["name"] for line in self.lines() if line.get("kind") == "announce"]

    def end(self):
        """How the answer ended; None while it has not."""
        ends = [line["end"] for line in self.lines() if "end" in line]
        return ends[-1] if ends else None

    def close(self):
        self._forget()
        self.socket.close()
