#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the golden datagrams of schemas/golden, the same bytes each time.

    goldens.py --write schemas/golden    (re)write them, and remove what is not among them
    goldens.py --check schemas/golden    exit 1 unless exactly these files are there

good/           every peer must accept these
bad-schema/     JSON lines that the schema refuses, and every peer too
bad-bytes/      what only the bytes show
bad-signature/  well-formed, but the signature does not hold
requests/       lines that every peer with streams must understand
bad-requests/   lines that it must refuse; the end of the answer is the REASON
replies/        whole answers
telemetry/      data, tails and naks that every peer with telemetry must accept
bad-telemetry/        JSON lines that the schema refuses, and every such peer too
bad-telemetry-bytes/  what only the bytes show
sealed/         what opens by a group key of 32 bytes of value 1, to the golden of the same name
bad-sealed/     what a peer with that key drops

A bad one is named after the reason by which it is dropped: REASON--WHAT.datagram (PROTOCOL.md, section 9).
Keys are deterministic: the seed of peer n is 32 bytes of value n."""

import argparse
import base64
import ctypes.util
import hashlib
import json
import pathlib
import sys

SODIUM = ctypes.CDLL(ctypes.util.find_library("sodium"))
if SODIUM.sodium_init() < 0:
    sys.exit("libsodium cannot be initialised")

ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
ANNOUNCE_BYTES_MAX = 1200
DATAGRAM_BYTES_MAX = 1400
WANT_BYTES = 1200  # to which a question for announcements is padded
OF_BYTES = 400     # to which one for alives is padded when it goes to one peer
PART_BYTES = 1100  # to which one for a part of a body is padded
INTEGER_MAX = 2**53 - 1
BOOT = 1767225600000
NONCE = "Q7f0-x_a"
UNSIGNED_ID = "00112233445566778899aabbccddeeff"


class Peer:
    """A peer with the key made from 32 bytes of value n."""

    def __init__(self, n):
        public = ctypes.create_string_buffer(32)
        self._secret = ctypes.create_string_buffer(64)
        SODIUM.crypto_sign_seed_keypair(public, self._secret, bytes([n]) * 32)
        self.key = public.raw
        self.id = id_of_key(self.key)

    def sign(self, line):
        signature = ctypes.create_string_buffer(64)
        SODIUM.crypto_sign_detached(signature, None, line, ctypes.c_ulonglong(len(line)), self._secret)
        return signature.raw


def id_of_key(key):
    return hashlib.blake2b(key, digest_size=16).hexdigest()


def verifies(key, line, signature):
    return SODIUM.crypto_sign_verify_detached(signature, line, ctypes.c_ulonglong(len(line)), key) == 0


def text64(raw):
    return base64.b64encode(raw).decode()


ANNA = Peer(1)
BERT = Peer(2)
PEERS = {peer.id: peer for peer in (ANNA, BERT)}


# ---- messages ----

def header(kind, peer=None):
    return {"muster": 1, "kind": kind, "id": peer.id if peer else UNSIGNED_ID, "boot": BOOT}


def announce(peer=None, seq=1, **members):
    """An announce without optional members; seq=None makes it an answer by unicast."""
    key = {"key": text64(peer.key)} if peer else {}
    base = {"rev": 1, "next_ms": 2500, "peers": 3, "name": "lamp"}
    return header("announce", peer) | numbered(seq, members) | base | members | key


def alive(peer=None, seq=7, **members):
    return header("alive", peer) | numbered(seq, members) | {"rev": 1, "next_ms": 2500, "peers": 3} | members


def bye(peer=None, seq=9, **members):
    return header("bye", peer) | numbered(seq, members) | members


def query(peer=None, **members):
    return header("query", peer) | {"nonce": NONCE} | members


def part_of(body, number, peer=None):
    piece = body[600 * (number - 1):600 * number]
    return header("part", peer) | {"hash": hash_of(body), "number": number, "bytes": text64(piece)}


def numbered(seq, members):
    """seq, re and the order in which they are written."""
    numbers = {} if seq is None else {"seq": seq}
    return numbers | ({"re": members["re"]} if "re" in members else {})


def service(**members):
    return {"type": "http", "proto": "tcp", "port": 8080} | members


def printed(message):
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def line(message, length=0):
    """The header line, padded with spaces to length bytes, LF included."""
    return printed(message).ljust(length - 1) + b"\n"


def signature_line(signature):
    return b'{"sig":"' + text64(signature).encode() + b'"}\n'


SIGNATURE_LINE_BYTES = len(signature_line(bytes(64)))


def signed(message, peer=ANNA, length=0):
    """A signed datagram, padded to length bytes, signature line included."""
    first = line(message, length - SIGNATURE_LINE_BYTES)
    return first + signature_line(peer.sign(first))


def ids(count):
    return [hashlib.blake2b(bytes([n]), digest_size=16).hexdigest() for n in range(count)]


def with_text(message, name, text):
    """The header line with raw bytes as the value of a member that message does not have."""
    return printed(message)[:-1] + b',"' + name + b'":"' + text + b'"}\n'


def with_value(message, raw):
    """The header line with one more member, x, whose value is raw."""
    return printed(message)[:-1] + b',"x":' + raw + b"}\n"


def nested(arrays):
    return b"[" * arrays + b"]" * arrays


def filled(length, make):
    """make(text) with the longest ASCII text that keeps it within length bytes."""
    return make("x" * (length - len(make(""))))


def shard_of(topic):
    """FNV-1a of its bytes (32 bits), modulo 16."""
    number = 2166136261
    for byte in topic.encode():
        number = (number ^ byte) * 16777619 % 2**32
    return number % 16


SERVICES = [
    service(name="status page", txt={"path": "/"}),
    {"type": "ipp", "proto": "tcp", "port": 631, "txt": {"rp": "ipp/print", "color": "yes"}},
    {"type": "coap", "proto": "udp", "port": 5683},
]
ATTRS = {"model": "LP-2", "room": "kitchen"}


TOPICS = [
    {"name": "kitchen/climate", "units": {"temperature": "Cel", "humidity": "%RH"}},
    {"name": "kitchen/power", "unit": "W"},
    {"name": "door"},
]
SENT = {str(shard_of("door")): 7, str(shard_of("kitchen/climate")): 123}

BROUGHT = [
    {"type": "ipp", "proto": "tcp", "port": 631, "name": "Bureau", "txt": {"rp": "printers/bureau"}, "origin": "dnssd",
     "host": "print", "at": ["10.77.0.9", "2001:db8::9"]},
    {"type": "ipp", "proto": "tcp", "port": 631, "name": "Flur", "origin": "dnssd", "host": "print"},
    {"type": "ipp", "proto": "tcp", "port": 631, "origin": "site-b", "host": "nas", "at": ["192.0.2.7"]},
    {"type": "ipp", "proto": "tcp", "port": 631, "origin": "site-b"},
    {"type": "ipp", "proto": "tcp", "port": 631},
]
BROUGHT_TOPICS = [{"name": "site-b/door", "origin": "site-b/nas"}]

CACHES = ["kitchen/#", "+/battery"]
BODY = line({"services": SERVICES, "attrs": ATTRS, "topics": TOPICS})


def hash_of(body):
    return hashlib.blake2b(body, digest_size=32).hexdigest()


# ---- good ----

def good():
    yield from good_announces()
    yield from good_announce_limits()
    yield from good_alives()
    yield "bye-unsigned", line(bye())
    yield "bye-signed", signed(bye(ANNA))
    yield from good_queries()
    yield from good_parts()


def good_announces():
    full = {"services": SERVICES, "attrs": ATTRS}
    answer = {"re": NONCE, "heard": ["m4", "b4"]}
    yield "announce-unsigned-minimal", line(announce())
    yield "announce-unsigned-full", line(announce(**full))
    yield "announce-unsigned-nonce", line(announce(nonce=NONCE))
    yield "announce-unsigned-128-answers", line(announce(re=nonces(128), nonce=NONCE))
    yield "announce-signed-answers", signed(announce(ANNA, seq=4, re=NONCE + nonces(2), nonce="00000000"))
    yield "announce-signed-minimal", signed(announce(ANNA))
    yield "announce-signed-full", signed(announce(ANNA, seq=4, rev=2, name="printer", **full))
    yield "announce-unsigned-answer", line(announce(seq=None, **answer))
    yield "announce-signed-answer", signed(announce(ANNA, seq=None, **answer))
    yield "announce-signed-probe-answer", signed(announce(ANNA, seq=None, **answer, probe=7))
    yield "announce-signed-group-answer", signed(announce(ANNA, seq=5, **answer))
    yield "announce-unsigned-empty-containers", line(
        announce(services=[service(name="", txt={})], attrs={}, heard=[]))
    yield "announce-unsigned-topics", line(announce(sent=SENT, topics=TOPICS))
    yield "announce-signed-topics", signed(announce(ANNA, seq=4, rev=2, sent=SENT, name="meter", **full, topics=TOPICS))
    yield "announce-unsigned-origins", line(announce(services=BROUGHT, topics=BROUGHT_TOPICS))
    yield "announce-signed-origins", signed(announce(ANNA, seq=4, rev=2, name="bridge", services=BROUGHT[:1], topics=BROUGHT_TOPICS))
    yield "announce-unsigned-origin-highest", line(announce(services=[service(
        origin="é" * 31 + "\"\\", host="h" * 63, at=["10.0.0.1", "169.254.1.2", "fd00::1", "64:ff9b::a00:1"])],
        topics=[{"name": "a", "origin": "o" * 64}]))
    yield "announce-unsigned-caches", line(announce(caches=CACHES))
    yield "announce-signed-caches", signed(announce(ANNA, seq=4, rev=2, name="gateway", caches=CACHES))
    yield "announce-unsigned-empty-caches", line(announce(caches=[]))
    yield "announce-unsigned-caches-highest", line(announce(caches=["#"] * 15 + ["+/" * 127 + "+"]))
    yield "announce-unsigned-empty-topics", line(announce(sent={}, topics=[]))
    yield "announce-unsigned-topic-without-unit", line(announce(topics=[{"name": "door", "units": {"open": ""}}]))
    for what, rate in [("slow", 0.001), ("fast", 1e9)]:
        yield f"announce-unsigned-{what}-topic", line(announce(topics=[{"name": "door", "rate": rate}]))
    yield "announce-unsigned-empty-units", line(announce(topics=[{"name": "door", "units": {}, "weight": 1}]))
    yield "announce-unsigned-inner-spaces", json.dumps(announce(**full)).encode() + b"\n"
    yield "announce-unsigned-member-order", line(dict(reversed(announce(**full).items())))
    yield "announce-unsigned-unknown-members", line(
        announce(services=[service(weight=1.5e-3)], heard=["m6", "x"], extra={"a": [None, True, -1]}, Name=7))
    yield "announce-signed-large", signed(announce(ANNA, name="printer", size=len(BODY), hash=hash_of(BODY), stream=19798))
    yield "announce-unsigned-one-port-twice", line(announce(services=[service(), service(proto="udp")]))
    yield "announce-signed-unicode-name", signed(announce(ANNA, name="Küche · 台所 🍳"))
    yield "announce-unsigned-escapes", line(announce()).replace(
        b'"lamp"', rb'"\"\\\/\b\f\n\r\t\u00e9\ud83c\udf73"')
    yield "announce-unsigned-hostile-text", line(
        announce(name="\u202elamp\u200b\x7f\x9b", attrs={"a\ufeff": "\u2028"})).replace(
            b"lamp", rb"\u001b[31mlamp")


def good_announce_limits():
    highest = announce(seq=INTEGER_MAX, rev=INTEGER_MAX, next_ms=172800000, peers=1000000)
    lowest = announce(seq=1, rev=1, next_ms=100, peers=0, name="l")
    yield "announce-unsigned-highest", line(highest | {
        "boot": INTEGER_MAX, "name": "台" * 21, "attrs": {"é" * 31 + "x": "é" * 127 + "x"},
        "services": [service(
            name="n" * 63, type="a-service-name1", port=65535, txt={"t" * 63: "v" * 255})]})
    yield "announce-unsigned-lowest", line(lowest | {
        "boot": 1, "attrs": {"a": ""}, "heard": ["x"], "services": [service(
            name="", type="x", port=1, txt={"t": ""})]})
    yield "announce-unsigned-topics-highest", line(highest | {
        "boot": INTEGER_MAX, "sent": {str(shard): INTEGER_MAX for shard in range(16)}, "topics": [
            {"name": "a/" * 63 + "z", "unit": "u" * 63, "units": {"n" * 63: "u" * 63}}]})
    yield "announce-unsigned-topics-lowest", line(lowest | {
        "sent": {"0": 1}, "topics": [{"name": "0", "unit": "1", "units": {"a": "/"}}, {"name": "A-:._/.-"}]})
    yield "announce-unsigned-8-heard", line(announce(seq=None, re=NONCE, heard=["x" * 15] * 8))
    yield "announce-signed-at", signed(announce(ANNA, seq=None, re=NONCE, at="10.0.0.7"))
    yield "announce-signed-1200-bytes", filled(ANNOUNCE_BYTES_MAX, lambda text: signed(announce(
        ANNA, attrs={str(n): "y" * 200 for n in range(4)} | {"fill": text})))
    yield "announce-unsigned-padded-to-1200-bytes", line(announce(), ANNOUNCE_BYTES_MAX)
    yield "announce-signed-3-answers-1216-bytes", signed(announce(ANNA, re=nonces(3)), length=ANNOUNCE_BYTES_MAX + 16)
    yield "announce-unsigned-128-answers-1400-bytes", line(announce(re=nonces(128)), DATAGRAM_BYTES_MAX)
    yield "announce-unsigned-8-deep", with_value(announce(), nested(7))
    yield "announce-unsigned-256-values", with_value(announce(), b"[" + b"0," * 244 + b"0]")


def good_alives():
    yield "alive-unsigned", line(alive())
    yield "alive-signed", signed(alive(ANNA))
    yield "alive-unsigned-answer", line(alive(seq=None, re=NONCE))
    yield "alive-unsigned-answers", line(alive(re=nonces(128), nonce=NONCE))
    yield "alive-unsigned-sent", line(alive(sent={"11": 7, "5": 123}))
    yield "alive-signed-sent", signed(alive(ANNA, sent=SENT))
    yield "alive-signed-sent-all-shards", signed(alive(ANNA, sent={str(shard): INTEGER_MAX for shard in range(16)}))
    yield "alive-signed-hears", signed(alive(ANNA, hears=["b4"]))
    yield "alive-signed-gone", signed(alive(ANNA, gone=["10.0.0.7", "2001:db8::7"]))
    yield "alive-unsigned-hears-unknown-path", line(alive(hears=["b4", "m9"]))
    yield "alive-signed-answer", signed(alive(ANNA, seq=None, re=NONCE))
    yield "alive-signed-at", signed(alive(ANNA, seq=None, re=NONCE, at="2001:db8::7"))
    yield "alive-signed-group-answer", signed(alive(ANNA, seq=8, re=NONCE))
    yield "alive-signed-padded", signed(alive(ANNA), length=DATAGRAM_BYTES_MAX)
    yield "alive-signed-spaced-signature-line", signed(alive(ANNA)).replace(b'{"sig":', b' { "sig" : ')[:-1] + b" \r\n"
    yield "alive-signed-more-in-signature-line", signed(alive(ANNA))[:-2] + b',"by":"anna"}\n'
    yield "alive-unsigned-63-byte-number", with_value(alive(), b"1" * 63)
    yield "alive-unsigned-unknown-members", line(alive(Kind="bye", SEQ=None, mood={"3": 12}))
    yield "alive-unsigned-cr-before-lf", printed(alive()) + b"\r\n"
    yield "alive-unsigned-tab-before-lf", printed(alive()) + b"\t \n"


def good_queries():
    yield "query-unsigned-want-all", line(query(want={}), WANT_BYTES)
    yield "query-unsigned-want-type", line(query(want={"type": "ipp"}), WANT_BYTES)
    yield "query-unsigned-want-name", line(query(want={"name": "台" * 21}), WANT_BYTES)
    yield "query-unsigned-want-both", line(query(want={"type": "ipp", "name": "printer"}), WANT_BYTES)
    yield "query-unsigned-want-name-with-origin", line(query(want={"name": "n" * 63 + "~" + "o" * 64}), WANT_BYTES)
    yield "query-unsigned-want-unknown-member", line(query(want={"proto": "tcp"}), WANT_BYTES)
    yield "query-unsigned-known", line(query(want={}, known=ids(3)), WANT_BYTES)
    yield "query-unsigned-table", line(query(count=1, want={}, table=True), WANT_BYTES)
    yield "query-unsigned-probe", line(query(want={}, probe=7), WANT_BYTES)
    yield "query-signed-of-one-highest-probe", signed(query(BERT, of=[ANNA.id], want={}, probe=65535), BERT, WANT_BYTES)
    yield "query-unsigned-35-known", line(query(want={}, known=ids(35)))
    yield "query-unsigned-no-known", line(query(want={}, known=[]), WANT_BYTES)
    yield "query-signed-want-all", signed(query(BERT, want={}), BERT, WANT_BYTES)
    yield "query-unsigned-of-one", line(query(of=[ANNA.id]), OF_BYTES)
    yield "query-signed-of-one-want", signed(query(BERT, of=[ANNA.id], want={}), BERT, WANT_BYTES)
    yield "query-signed-of-two", signed(query(BERT, count=17, said=9, of=[ANNA.id, UNSIGNED_ID]), BERT)
    yield "query-unsigned-of-35", line(query(of=ids(35)))
    yield "query-signed-of-33", signed(query(BERT, of=ids(33)), BERT)
    highest = {"count": INTEGER_MAX, "said": INTEGER_MAX}
    yield "query-signed-of-32-highest-count-and-said", signed(query(BERT, **highest, of=ids(32)), BERT)
    yield "query-unsigned-of-35-highest-count-and-said", line(query(**highest, of=ids(35)))
    yield "query-unsigned-lowest-count-and-said", line(query(count=1, said=1, want={}), WANT_BYTES)
    yield "query-signed-count-without-said", signed(query(BERT, count=17, of=[ANNA.id]), BERT)
    yield "query-unsigned-1400-bytes", line(query(want={}), DATAGRAM_BYTES_MAX)


def good_parts():
    full = line({"attrs": {f"{number:03}": "y" * 250 for number in range(252)} | {"fill": "y" * 246}})
    asked = {"hash": hash_of(BODY), "number": 1}
    yield "query-signed-of-one-part", signed(query(BERT, count=17, of=[ANNA.id], part=asked), BERT, PART_BYTES)
    yield "query-unsigned-of-one-last-part", line(query(of=[ANNA.id], part=asked | {"number": 110}), PART_BYTES)
    yield "part-signed", signed(part_of(BODY, 1, ANNA))
    yield "part-signed-whole-highest-boot", signed(part_of(full, 109, ANNA) | {"boot": INTEGER_MAX})
    yield "part-signed-last", signed(part_of(full, 110, ANNA))
    yield "part-unsigned-one-byte", line(part_of(BODY, 1) | {"bytes": "Cg=="})
    yield "part-unsigned-two-bytes", line(part_of(BODY, 1) | {"bytes": "fQo="})


# ---- bad, and the schema sees it ----

INTEGERS = {
    "boot": (1, INTEGER_MAX),
    "seq": (1, INTEGER_MAX),
    "rev": (1, INTEGER_MAX),
    "next_ms": (100, 172800000),
    "peers": (0, 1000000),
    "count": (1, INTEGER_MAX),
    "said": (1, INTEGER_MAX),
    "size": (1, 65536),
    "stream": (1, 65535),
    "probe": (1, 65535),
    "shard": (0, 15),
    "of_boot": (1, INTEGER_MAX),
    "oldest": (1, INTEGER_MAX),
    "number": (1, 110),
}


def bad_schema():
    yield from bad_headers()
    yield from bad_announces()
    yield from bad_services()
    yield from bad_topics()
    yield from bad_caches()
    yield from bad_texts()
    yield from bad_alives()
    yield from bad_byes()
    yield from bad_queries()
    yield from bad_parts()
    yield from bad_signature_lines()


def without(message, member):
    return line({name: value for name, value in message.items() if name != member})


def spelled(number):
    return f"minus-{-number}" if number < 0 else str(number)


def having(message, **members):
    return line(message | members)


def bad_integer(kind, message, member):
    lowest, highest = INTEGERS[member]
    name = f"{kind}-{member}"
    yield f"type--{name}-text", having(message, **{member: str(highest)})
    yield f"range--{name}-{spelled(lowest - 1)}", having(message, **{member: lowest - 1})
    yield f"range--{name}-{highest + 1}", having(message, **{member: highest + 1})


def bad_hex(kind, message, member, digits):
    name = f"{kind}-{member}"
    value = ("0123456789abcdef" * 5)[:digits]
    yield f"type--{name}-number", having(message, **{member: int("1" * 15)})
    yield f"range--{name}-{digits - 1}-digits", having(message, **{member: value[1:]})
    yield f"range--{name}-{digits + 1}-digits", having(message, **{member: value + "0"})
    yield f"range--{name}-upper-case", having(message, **{member: value.upper()})
    yield f"range--{name}-not-hexadecimal", having(message, **{member: "g" + value[1:]})


def nonces(count):
    return "".join(f"{number:08x}" for number in range(count))


def bad_nonces(kind, message, member):
    name = f"{kind}-{member}"
    yield f"type--{name}-number", having(message, **{member: 12345678})
    yield f"type--{name}-array", having(message, **{member: [NONCE]})
    yield f"range--{name}-empty", having(message, **{member: ""})
    yield f"range--{name}-7-characters", having(message, **{member: NONCE[1:]})
    yield f"range--{name}-9-characters", having(message, **{member: NONCE + "0"})
    yield f"range--{name}-plus", having(message, **{member: "+" + NONCE[1:]})
    yield f"range--{name}-padded", having(message, **{member: NONCE[:-1] + "="})


def bad_peer_name(kind, make, longest=63):
    """make(name) puts the name where it belongs."""
    yield f"type--{kind}-name-number", line(make(7))
    yield f"range--{kind}-name-empty", line(make(""))
    yield f"range--{kind}-name-{longest + 1}-bytes", line(make("n" * (longest + 1)))


def bad_types_of_service(make):
    """make(type) puts the type where it belongs."""
    yield "type--announce-service-type-number", line(make(80))
    for what, text in [
        ("empty", ""), ("16-characters", "abcdefghijklmnop"), ("upper-case", "HTTP"), ("underscore", "_http"),
        ("no-letter", "8080"), ("leading-hyphen", "-http"), ("trailing-hyphen", "http-"),
        ("double-hyphen", "a--b"), ("final-lf", "http\n"), ("not-ascii", "häuser"),
    ]:
        yield f"range--announce-service-type-{what}", line(make(text))


def bad_headers():
    for member in ("muster", "kind", "id", "boot"):
        yield f"missing--{member}", without(alive(), member)
    yield "missing--kind-in-other-case", line({"Kind" if name == "kind" else name: value
                                               for name, value in alive().items()})
    yield "missing--all", b"{}\n"
    yield "missing--signature-line-alone", signature_line(bytes(64))
    yield "type--muster-text", having(alive(), muster="1")
    yield "type--muster-null", having(alive(), muster=None)
    for version in (0, 2, -1, 1.5):
        yield f"version--{spelled(version)}", having(alive(), muster=version)
    yield "type--kind-number", having(alive(), kind=1)
    for what, kind in [("unknown", "greeting"), ("empty", ""), ("upper-case", "Alive"), ("longer", "alive2")]:
        yield f"kind--{what}", having(alive(), kind=kind)
    yield from bad_hex("alive", alive(), "id", 32)
    yield from bad_integer("alive", alive(), "boot")
    for what, value in [("null", None), ("true", True), ("array", [1]), ("object", {})]:
        yield f"type--alive-boot-{what}", having(alive(), boot=value)
    yield "range--alive-boot-fraction", having(alive(), boot=1.5)
    yield "range--alive-boot-1e400", line(alive()).replace(str(BOOT).encode(), b"1e400")


def bad_announces():
    message = announce()
    yield "missing--announce-seq-and-re", without(message, "seq")
    for member in ("rev", "next_ms", "peers", "name"):
        yield f"missing--announce-{member}", without(message, member)
    for member in ("seq", "rev", "next_ms", "peers"):
        yield from bad_integer("announce", message, member)
    yield from bad_nonces("announce", message, "re")
    yield from bad_nonces("announce", message, "nonce")
    yield "range--announce-re-129", having(message, re=nonces(129))
    yield from bad_peer_name("announce", lambda name: announce(name=name))
    yield "type--announce-heard-text", having(message, heard="m4")
    yield "type--announce-heard-number-in-it", having(message, heard=["m4", 4])
    yield "range--announce-heard-9", having(message, heard=["m4"] * 9)
    yield "range--announce-heard-empty-text", having(message, heard=[""])
    yield "range--announce-heard-16-bytes", having(message, heard=["x" * 16])
    large = announce(size=300, hash="0" * 64)
    yield "missing--announce-size-without-hash", without(large, "hash")
    yield "missing--announce-hash-without-size", without(large, "size")
    yield "range--announce-size-and-services", having(large, services=[])
    yield "range--announce-size-and-attrs", having(large, attrs={})
    yield "range--announce-size-and-topics", having(large, topics=[])
    yield "range--announce-size-and-caches", having(large, caches=[])
    yield from bad_sent("announce", message)
    for member in ("size", "stream"):
        yield from bad_integer("announce", large, member)
    yield from bad_hex("announce", large, "hash", 64)
    yield from bad_keys()


def bad_keys():
    """Signed, so that the key alone is what is wrong."""
    key = text64(ANNA.key)
    for what, value in [
        ("empty", ""), ("40-characters", key[:40]), ("48-characters", text64(ANNA.key + b"123")),
        ("without-padding", key[:43]), ("url-alphabet", "-_" + key[2:]), ("hexadecimal", ANNA.key.hex()),
        ("loose-last-bits", key[:42] + "B="), ("white-space", " " + key[1:]),
    ]:
        yield f"range--announce-key-{what}", signed(announce(ANNA) | {"key": value})
    yield "type--announce-key-number", signed(announce(ANNA) | {"key": 1})


def bad_services():
    def one(**members):
        return announce(services=[service(**members)])

    yield "type--announce-services-object", having(announce(), services={"http": 80})
    yield "type--announce-services-null", having(announce(), services=None)
    yield "type--announce-service-text", having(announce(), services=["http:80"])
    for member in ("type", "proto", "port"):
        yield f"missing--announce-service-{member}", having(
            announce(), services=[service(), {name: value for name, value in service().items() if name != member}])
    yield from bad_types_of_service(lambda text: one(type=text))
    yield "type--announce-service-proto-number", line(one(proto=6))
    yield "range--announce-service-proto-sctp", line(one(proto="sctp"))
    yield "range--announce-service-proto-upper-case", line(one(proto="TCP"))
    yield "type--announce-service-port-text", line(one(port="80"))
    for port in (0, 65536, -1, 80.5):
        yield f"range--announce-service-port-{spelled(port)}", line(one(port=port))
    yield "type--announce-service-name-null", line(one(name=None))
    yield "range--announce-service-name-64-bytes", line(one(name="n" * 64))
    yield "type--announce-service-origin-number", line(one(origin=7))
    for what, text in [("empty", ""), ("65-bytes", "o" * 65), ("control-character", "a\tb"), ("delete", "a\x7fb")]:
        yield f"range--announce-service-origin-{what}", line(one(origin=text))
    yield "missing--announce-service-origin-beside-host", line(one(host="nas"))
    yield "missing--announce-service-origin-beside-at", line(one(at=["10.0.0.7"]))
    yield "type--announce-service-host-number", line(one(origin="a", host=7))
    for what, text in [("empty", ""), ("64-bytes", "h" * 64)]:
        yield f"range--announce-service-host-{what}", line(one(origin="a", host=text))
    yield "type--announce-service-at-text", line(one(origin="a", at="10.0.0.7"))
    yield "type--announce-service-at-number-in-it", line(one(origin="a", at=[10]))
    yield "range--announce-service-at-empty", line(one(origin="a", at=[]))
    yield "range--announce-service-at-5", line(one(origin="a", at=["10.0.0.7"] * 5))
    for what, address in [("name", "nas.lan"), ("with-port", "10.0.0.7:80"), ("with-scope", "fd00::1%eth0"), ("without-text", "")]:
        yield f"range--announce-service-at-{what}", line(one(origin="a", at=[address]))


def bad_caches():
    yield "type--announce-caches-text", having(announce(), caches="#")
    yield "type--announce-caches-null", having(announce(), caches=None)
    yield "type--announce-caches-number-in-it", having(announce(), caches=["#", 1])
    yield "range--announce-caches-17", having(announce(), caches=["#"] * 17)
    for what, text in [("empty", ""), ("256-bytes", "a" * 256), ("half-level", "a/b+"), ("sharp-first", "#/a"),
                       ("empty-level", "a//b"), ("leading-slash", "/a"), ("space", "a b"), ("final-lf", "a\n")]:
        yield f"range--announce-caches-{what}", having(announce(), caches=[text])


def bad_topics():
    def one(**members):
        return line(announce(topics=[{"name": "door"} | members]))

    yield "type--announce-topics-object", having(announce(), topics={"door": {}})
    yield "type--announce-topics-null", having(announce(), topics=None)
    yield "type--announce-topic-text", having(announce(), topics=["door"])
    yield "missing--announce-topic-name", having(announce(), topics=[{"name": "door"}, {"unit": "Cel"}])
    yield "type--announce-topic-name-number", one(name=7)
    for what, text in [
        ("empty", ""), ("128-bytes", "t" * 128), ("leading-hyphen", "-door"), ("leading-slash", "/door"),
        ("trailing-slash", "door/"), ("empty-level", "door//bell"), ("space", "front door"), ("plus", "door/+"),
        ("number-sign", "door/#"), ("percent", "50%"), ("final-lf", "door\n"), ("not-ascii", "tür"),
    ]:
        yield f"range--announce-topic-name-{what}", one(name=text)
    yield "type--announce-topic-unit-null", one(unit=None)
    yield "range--announce-topic-unit-empty", one(unit="")
    yield "range--announce-topic-unit-64-bytes", one(unit="u" * 64)
    for what, rate in [("zero", 0), ("negative", -1), ("above-highest", 1000000001)]:
        yield f"range--announce-topic-rate-{what}", one(rate=rate)
    yield "type--announce-topic-rate-text", one(rate="1")
    yield "type--announce-topic-units-array", one(units=["Cel"])
    yield "type--announce-topic-units-number-in-it", one(units={"a": 1})
    yield "range--announce-topic-units-empty-name", one(units={"": "Cel"})
    yield "range--announce-topic-units-64-byte-name", one(units={"n" * 64: "Cel"})
    yield "range--announce-topic-units-64-byte-unit", one(units={"a": "u" * 64})
    yield "type--announce-topic-origin-number", one(origin=7)
    for what, text in [("empty", ""), ("65-bytes", "o" * 65), ("control-character", "a\nb")]:
        yield f"range--announce-topic-origin-{what}", one(origin=text)


def bad_sent(kind, message):
    for what, value in [("array", [1]), ("number", 1), ("null", None)]:
        yield f"type--{kind}-sent-{what}", having(message, sent=value)
    yield f"type--{kind}-sent-text-in-it", having(message, sent={"5": "7"})
    for what, shard in [("16", "16"), ("minus-1", "-1"), ("05", "05"), ("empty", ""), ("space", " 5"), ("final-lf", "5\n")]:
        yield f"range--{kind}-sent-shard-{what}", having(message, sent={"5": 7, shard: 7})
    for seq in (0, -1, 1.5, INTEGER_MAX + 1):
        yield f"range--{kind}-sent-seq-{spelled(seq)}", having(message, sent={"5": seq})


def bad_texts():
    places = [("attrs", lambda texts: announce(attrs=texts)),
              ("service-txt", lambda texts: announce(services=[service(txt=texts)]))]
    for place, make in places:
        yield f"type--announce-{place}-array", line(make(["a"]))
        yield f"type--announce-{place}-number-in-it", line(make({"a": 1}))
        yield f"type--announce-{place}-null-in-it", line(make({"a": None}))
        yield f"range--announce-{place}-empty-name", line(make({"": "a"}))
        yield f"range--announce-{place}-64-byte-name", line(make({"n" * 64: "a"}))
        yield f"range--announce-{place}-256-byte-value", line(make({"a": "v" * 256}))


def bad_alives():
    yield "missing--alive-seq-and-re", without(alive(), "seq")
    yield "type--alive-hears-text", having(alive(), hears="b4")
    yield "range--alive-hears-9", having(alive(), hears=["b4"] * 9)
    yield "type--alive-gone-text", having(alive(), gone="10.0.0.7")
    yield "type--alive-gone-number-in-it", having(alive(), gone=[10])
    yield "range--alive-gone-5", having(alive(), gone=["10.0.0.7"] * 5)
    for what, address in [("empty", ""), ("name", "nas"), ("port", "10.0.0.7:1"), ("scope", "fe80::7%eth0")]:
        yield f"range--alive-gone-{what}", having(alive(), gone=[address])
    yield "type--alive-at-array", having(alive(), at=["10.0.0.7"])
    for what, address in [("empty", ""), ("name", "nas"), ("port", "10.0.0.7:1"), ("scope", "fe80::7%eth0")]:
        yield f"range--alive-at-{what}", having(alive(), at=address)
    for member in ("rev", "next_ms", "peers"):
        yield f"missing--alive-{member}", without(alive(), member)
    for member in ("seq", "rev", "next_ms", "peers"):
        yield from bad_integer("alive", alive(), member)
    yield from bad_nonces("alive", alive(), "re")
    yield from bad_nonces("alive", alive(), "nonce")
    yield from bad_sent("alive", alive())


def bad_byes():
    yield "missing--bye-seq", without(bye(), "seq")
    yield "missing--bye-seq-with-re", without(bye(re=NONCE), "seq")
    yield from bad_integer("bye", bye(), "seq")


def bad_queries():
    message = query(want={})
    yield "missing--query-nonce", without(message, "nonce")
    yield "missing--query-of-and-want", line(query(known=ids(1)))
    yield from bad_nonces("query", message, "nonce")
    for member in ("count", "said", "probe"):
        yield from bad_integer("query", message, member)
        yield f"type--query-{member}-null", having(message, **{member: None})
        yield f"range--query-{member}-fraction", having(message, **{member: 1.5})
    yield from bad_ids("of", query(of=ids(1)))
    yield "range--query-of-empty", line(query(of=[]))
    yield from bad_ids("known", message)
    yield "type--query-want-text", line(query(want="ipp"))
    yield "type--query-want-array", line(query(want=["ipp"]))
    yield "type--query-want-null", line(query(want=None))
    yield "type--query-want-type-number", line(query(want={"type": 80}))
    for what, text in [("empty", ""), ("16-characters", "abcdefghijklmnop"), ("upper-case", "IPP")]:
        yield f"range--query-want-type-{what}", line(query(want={"type": text}))
    yield "type--query-table-number", line(query(want={}, table=1))
    yield from bad_peer_name("query-want", lambda name: query(want={"name": name}), 128)


def bad_parts():
    good_part = part_of(BODY, 1)
    for member in ("hash", "number", "bytes"):
        yield f"missing--part-{member}", without(good_part, member)
    yield from bad_hex("part", good_part, "hash", 64)
    yield from bad_integer("part", good_part, "number")
    yield "type--part-bytes-array", having(good_part, bytes=["Cg=="])
    for what, value in [
        ("empty", ""), ("604-bytes", text64(bytes(604))), ("without-padding", "Cg"), ("url-alphabet", "-_-_"), ("white-space", " Cg="),
        ("loose-last-bits", "Ch=="), ("padding-alone", "===="), ("padding-inside", "Cg==Cg=="), ("hexadecimal", "0a0"),
    ]:
        yield f"range--part-bytes-{what}", having(good_part, bytes=value)
    asked = {"hash": hash_of(BODY), "number": 1}
    yield "type--query-part-number", line(query(of=ids(1), part=1))
    yield "type--query-part-null", line(query(of=ids(1), part=None))
    for member in asked:
        yield f"missing--query-part-{member}", line(query(of=ids(1), part={name: value for name, value in asked.items() if name != member}))
    yield "type--query-part-number-text", line(query(of=ids(1), part=asked | {"number": "1"}))
    for number in (0, 111):
        yield f"range--query-part-number-{number}", line(query(of=ids(1), part=asked | {"number": number}))
    yield "range--query-part-hash-63-digits", line(query(of=ids(1), part=asked | {"hash": asked["hash"][1:]}))
    yield "missing--query-part-alone", line(query(part=asked))


def bad_ids(member, message):
    yield f"type--query-{member}-text", having(message, **{member: ids(1)[0]})
    yield f"type--query-{member}-number-in-it", having(message, **{member: [1]})
    yield f"range--query-{member}-36", having(message, **{member: ids(36)})
    yield f"range--query-{member}-31-digits", having(message, **{member: [ids(1)[0][1:]]})
    yield f"range--query-{member}-upper-case", having(message, **{member: ["A" * 32]})


def bad_signature_lines():
    first = line(alive(ANNA))
    good_text = text64(ANNA.sign(first))
    for what, value in [
        ("number", 1), ("empty", ""), ("63-bytes", text64(bytes(63))), ("65-bytes", text64(bytes(65))),
        ("without-padding", good_text[:86]), ("url-alphabet", "-_" + good_text[2:]),
        ("loose-last-bits", good_text[:85] + "B=="), ("hexadecimal", "00" * 64),
    ]:
        yield f"syntax--signature-line-{what}", first + line({"sig": value})
    yield "syntax--signature-line-empty-object", first + b"{}\n"
    yield "syntax--signature-line-other-name", first + line({"Sig": good_text})
    yield "syntax--signature-line-array", first + line([good_text])
    yield "syntax--second-header-line", first + first


# ---- bad, and only the bytes show it ----

def bad_bytes():
    yield from bad_lengths()
    yield from bad_first_bytes()
    yield from bad_grammar()
    yield from bad_lines()
    yield from bad_utf8()
    yield from bad_trees()
    yield from bad_byte_counts()
    yield "range--alive-gone-longer-form", line(alive(gone=["2001:db8:0::7"]))
    yield "signature--announce-with-key-unsigned", line(announce(ANNA))
    yield "signature--announce-signed-without-key", signed(
        {name: value for name, value in announce(ANNA).items() if name != "key"})


def bad_lengths():
    yield "too_long--1401-bytes", line(query(want={}), DATAGRAM_BYTES_MAX + 1)
    yield "too_long--announce-1201-bytes", line(announce(), ANNOUNCE_BYTES_MAX + 1)
    yield "too_long--announce-1201-bytes-signed", signed(announce(ANNA), length=ANNOUNCE_BYTES_MAX + 1)
    yield "too_long--announce-1-answer-1201-bytes", line(announce(re=NONCE), ANNOUNCE_BYTES_MAX + 1)
    yield "too_long--announce-3-answers-1217-bytes", line(announce(re=nonces(3)), ANNOUNCE_BYTES_MAX + 17)
    yield "truncated--empty", b""
    yield "truncated--one-byte", b"{"
    yield "truncated--without-lf", line(alive())[:-1]
    yield "truncated--nul-after-lf", line(alive()) + b"\0"
    yield "truncated--cut-in-header", line(alive())[:60]
    yield "truncated--cut-in-signature", signed(alive(ANNA))[:-20]
    yield "truncated--signature-line-without-lf", signed(alive(ANNA))[:-1]


def bad_first_bytes():
    yield "format--byte-order-mark", b"\xef\xbb\xbf" + line(alive())
    yield "format--leading-space", b" " + line(alive())
    yield "format--leading-lf", b"\n" + line(alive())
    yield "format--array", b"[" + printed(alive()) + b"]\n"
    yield "format--text", b"hello\n"
    yield "format--mdns", bytes.fromhex("0000000000010000000000000469707070045f746370056c6f63616c00000c0001")
    yield "sealed--first-byte-01", b"\x01" + hashlib.shake_256(b"sealed").digest(200)


def bad_grammar():
    text = line(alive())
    yield "syntax--open-object", text[:-2] + b"\n"
    yield "syntax--open-text", line(announce())[:-3] + b"\n"
    yield "syntax--cut-sequence-before-lf", line(announce())[:-3] + b"\xe2\x82\n"
    yield "syntax--over-two-lines", text.replace(b",", b",\n", 1)
    yield "range--64-byte-number", with_value(alive(), b"1" * 64)
    for what, old, new in [
        ("trailing-comma", b"}", b",}"), ("doubled-comma", b',"rev"', b',,"rev"'), ("no-colon", b'"rev":', b'"rev" '),
        ("single-quotes", b'"rev"', b"'rev'"), ("bare-name", b'"rev"', b"rev"), ("number-as-name", b'"rev"', b"1"),
        ("leading-zero", b'"rev":1', b'"rev":01'), ("plus-sign", b'"rev":1', b'"rev":+1'),
        ("point-last", b'"rev":1', b'"rev":1.'), ("point-first", b'"rev":1', b'"rev":.5'),
        ("hexadecimal", b'"rev":1', b'"rev":0x1'), ("open-exponent", b'"rev":1', b'"rev":1e'),
        ("not-a-number", b'"rev":1', b'"rev":NaN'), ("infinity", b'"rev":1', b'"rev":Infinity'),
        ("literal-in-other-case", b'"rev":1', b'"rev":1,"x":True'), ("comment", b'"rev"', b'/**/"rev"'),
        ("vertical-tab", b'"rev"', b'\v"rev"'), ("no-break-space", b'"rev"', b'\xc2\xa0"rev"'),
        ("raw-tab-in-text", b'"alive"', b'"al\tive"'), ("raw-nul-in-text", b'"alive"', b'"alive\0"'),
        ("unknown-escape", b'"alive"', rb'"al\ive"'), ("short-escape", b'"alive"', rb'"\u061live"'),
        ("closed-by-bracket", b"}", b"]"),
    ]:
        assert text.count(old) == 1, what
        yield f"syntax--{what}", text.replace(old, new)


def bad_lines():
    first, second = signed(alive(ANNA)).splitlines(keepends=True)
    yield "syntax--trailing-garbage", first[:-1] + b"x\n"
    yield "syntax--trailing-nul", first[:-1] + b"\0\n"
    yield "syntax--two-objects-on-a-line", first[:-1] + first
    yield "syntax--empty-second-line", first + b"\n"
    yield "syntax--blank-second-line", first + b" \n"
    yield "syntax--garbage-line", first + b"x\n"
    yield "syntax--empty-line-before-signature", first + b"\n" + second
    yield "syntax--empty-line-after-signature", first + second + b"\n"
    yield "syntax--third-line", first + second + first
    yield "syntax--signature-line-twice", first + second + second


def bad_utf8():
    for what, text in [
        ("overlong-slash", b"\xc0\xaf"), ("overlong-nul", b"\xc0\x80"), ("overlong-of-three", b"\xe0\x9f\xbf"),
        ("surrogate", b"\xed\xa0\x80"), ("above-10ffff", b"\xf4\x90\x80\x80"),
        ("five-byte-form", b"\xf8\x88\x80\x80\x80"),
        ("lone-continuation", b"\x80"), ("cut-short", b"\xe2\x82"), ("byte-ff", b"\xff"), ("latin-1", b"K\xfcche"),
        ("escaped-nul", rb"a\u0000b"), ("lone-high-surrogate", rb"\ud83c"), ("lone-low-surrogate", rb"\udf73"),
        ("surrogates-swapped", rb"\udf73\ud83c"), ("high-surrogate-then-letter", rb"\ud83c\u0041"),
    ]:
        yield f"utf8--{what}", with_text(alive(), b"x", text)
    yield "utf8--latin-1-in-name", line(announce()).replace(b"lamp", b"K\xfcche")
    yield "utf8--escaped-nul-in-member-name", with_text(alive(), rb"\u0000", b"")
    yield "utf8--byte-ff-in-member-name", with_text(alive(), b"\xff", b"")


def bad_trees():
    yield "depth--9-arrays-and-objects", with_value(alive(), nested(8))
    yield "depth--9-objects", with_value(alive(), b'{"x":' * 8 + b"0" + b"}" * 8)
    yield "depth--500-arrays", with_value(alive(), nested(500))
    yield "nodes--257-values", with_value(announce(), b"[" + b"0," * 245 + b"0]")
    yield "nodes--257-values-in-objects", with_value(query(want={}), b"[" + b'{"a":0},' * 124 + b"0]")
    yield "duplicate--version", printed(alive())[:-1] + b',"muster":1}\n'
    yield "duplicate--kind", with_text(alive(), b"kind", b"bye")
    yield "duplicate--escaped-name", with_text(announce(), rb"n\u0061me", b"other")
    yield "duplicate--unknown-member", with_value(alive(x=1), b"1")
    yield "duplicate--in-attrs", line(announce(attrs={"a": "1"})).replace(b'{"a":"1"}', b'{"a":"1","a":"1"}')
    yield "duplicate--in-service", line(announce(services=[service()])).replace(b'"port":', b'"port":80,"port":')
    yield "duplicate--in-sent", line(alive(sent=SENT)).replace(b'"15":', b'"9":7,"15":')
    yield "duplicate--in-units", line(announce(topics=TOPICS)).replace(b'{"temperature":', b'{"humidity":"/","temperature":')
    yield "duplicate--in-unknown-object", with_value(alive(), b'[{"a":1,"b":2,"a":3}]')
    yield "duplicate--in-signature-line", signed(alive(ANNA))[:-2] + b',"sig":1}\n'
    yield "duplicate--empty-names", with_value(alive(), b'{"":1,"":2}')


def bad_byte_counts():
    """Text whose characters are few enough for the schema and whose bytes are too many."""
    yield "range--announce-name-64-bytes-32-characters", line(announce(name="é" * 32))
    yield "range--announce-service-name-64-bytes-16-characters", line(
        announce(services=[service(name="🍳" * 16)]))
    yield "range--announce-attrs-64-byte-name-32-characters", line(announce(attrs={"é" * 32: ""}))
    yield "range--announce-attrs-256-byte-value-128-characters", line(announce(attrs={"a": "é" * 128}))
    yield "range--announce-service-txt-256-byte-value-128-characters", line(
        announce(services=[service(txt={"a": "é" * 128})]))
    yield "range--announce-heard-16-bytes-8-characters", line(announce(heard=["é" * 8]))
    yield "range--query-want-name-130-bytes-65-characters", line(query(want={"name": "é" * 65}))
    yield "range--announce-topic-unit-64-bytes-32-characters", line(announce(topics=[{"name": "door", "unit": "é" * 32}]))
    yield "range--announce-topic-units-64-byte-name-32-characters", line(
        announce(topics=[{"name": "door", "units": {"é" * 32: "Cel"}}]))
    yield "range--announce-topic-units-64-byte-unit-32-characters", line(
        announce(topics=[{"name": "door", "units": {"a": "é" * 32}}]))
    yield "range--announce-topic-twice", line(
        announce(topics=[{"name": "door"}, {"name": "bell"}, {"name": "door", "unit": "Cel"}]))
    yield "range--announce-service-twice", line(
        announce(services=[service(name="one"), service(name="two", txt={"path": "/"})]))
    yield "range--announce-service-of-an-origin-twice", line(announce(services=[BROUGHT[0], BROUGHT[0] | {"at": ["10.77.0.8"]}]))
    yield "range--announce-service-origin-66-bytes-33-characters", line(announce(services=[service(origin="é" * 33)]))
    yield "range--announce-service-host-64-bytes-32-characters", line(announce(services=[service(origin="a", host="é" * 32)]))
    yield "range--announce-topic-origin-66-bytes-33-characters", line(announce(topics=[{"name": "door", "origin": "é" * 33}]))
    for what, address in [("unspecified", "0.0.0.0"), ("of-this-network", "0.1.2.3"), ("loopback", "127.0.0.1"),
                          ("multicast", "224.0.0.251"), ("broadcast", "255.255.255.255"), ("leading-zero", "10.0.0.07"),
                          ("byte-256", "10.0.0.256"), ("v6-unspecified", "::"), ("v6-loopback", "::1"), ("v6-multicast", "ff02::fb"),
                          ("v6-of-one-link", "fe80::1"), ("v6-mapped", "::ffff:a00:1"), ("v6-longer-form", "2001:db8:0::7")]:
        yield f"range--announce-service-at-{what}", line(announce(services=[service(origin="a", at=["10.0.0.7", address])]))


# ---- bad, and only the signature shows it ----

def bad_signature():
    yield from forged("announce", announce(ANNA))
    yield from forged("alive", alive(ANNA))
    yield from forged("bye", bye(ANNA))
    yield from forged("query", query(ANNA, want={}))
    yield from forged("part", part_of(BODY, 1, ANNA))
    yield "signature--announce-id-not-of-key", signed(announce(BERT) | {"id": ANNA.id}, BERT)
    yield "signature--announce-key-of-small-order", small_order()
    yield "signature--alive-padding-changed", signed(alive(ANNA), length=300).replace(b" \n", b"\n", 1)
    yield "signature--alive-signed-without-lf", line(alive(ANNA)) + signature_line(ANNA.sign(printed(alive(ANNA))))
    yield "signature--alive-signed-without-padding", line(alive(ANNA), 300) + signature_line(
        ANNA.sign(line(alive(ANNA))))
    yield "signature--alive-s-plus-order", s_plus_order(line(alive(ANNA)))


def forged(kind, message):
    first = line(message)
    signature = ANNA.sign(first)
    yield f"signature--{kind}-all-zero", first + signature_line(bytes(64))
    yield f"signature--{kind}-one-bit", first + signature_line(bytes([signature[0] ^ 1]) + signature[1:])
    yield f"signature--{kind}-of-another", first + signature_line(BERT.sign(first))
    yield f"signature--{kind}-changed-after", first.replace(b'"boot":17', b'"boot":18') + signature_line(signature)


def s_plus_order(first):
    """The second signature that anyone can make of a first where S is not checked to be below the order."""
    signature = ANNA.sign(first)
    s = int.from_bytes(signature[32:], "little") + ED25519_ORDER
    return first + signature_line(signature[:32] + s.to_bytes(32, "little"))


def small_order():
    """The neutral element as key and R, and S = 0, fits every message where small orders are not refused."""
    neutral = bytes([1]) + bytes(31)
    message = announce(ANNA) | {"id": id_of_key(neutral), "key": text64(neutral)}
    return line(message) + signature_line(neutral + bytes(32))


# ---- streams ----

def request(name, **members):
    return {"muster": 1, "request": name} | members


def requests():
    for name in ("table", "watch", "stats", "self"):
        yield name, line(request(name))
    yield "document", line(request("document", id=ANNA.id, hash=hash_of(BODY)))
    yield "table-deflate", line(request("table", deflate=True))
    yield "table-without-a-network", line(request("table", interfaces=[]))
    yield "table-of-certain-interfaces", line(request("table", port=19797, network="net:[4026531840]", interfaces=["eth0", "wlan0"]))
    yield "table-of-a-name", line(request("table") | {"name": "Printer"})
    yield "table-unknown-member", line(request("table", weight=[1, {}]))
    yield "update", line(request("update", set={"name": "printer", "services": SERVICES, "attrs": ATTRS},
                                 remove={"services": [service(port=8081)], "attrs": ["colour"]}))
    yield "update-nothing", line(request("update"))
    yield "samples", line(request("samples", patterns=["kitchen/#", "+/battery"], since_ms=30000, follow=True))
    yield "samples-last", line(request("samples", patterns=["#"]))
    yield "samples-highest", line(request("samples", patterns=["+/" * 127 + "+"] + ["a"] * 63, since_ms=86400000, follow=False))


    yield "publish", line(request("publish", topic="kitchen/climate", record={"n": "temperature", "u": "Cel", "v": 21.5, "t": 1767225600.5}))
    yield "publish-retain", line(request("publish", topic="heating/target", record={"u": "Cel", "v": 21}, retain=True))
    yield "publish-alone", line(request("publish", topic="door", record={"vb": True, "ut": 30}))


def bad_requests():
    yield "syntax--text", b"table\n"
    yield "syntax--empty-line", b"\n"
    yield "syntax--array", b"[]\n"
    yield "syntax--duplicate", line(request("table"))[:-2] + b',"request":"watch"}\n'
    yield "unknown--request", line(request("tables"))
    yield "unknown--in-other-case", line(request("Table"))
    yield "invalid--version-2", having(request("table"), muster=2)
    yield "invalid--without-version", without(request("table"), "muster")
    yield "invalid--without-request", line({"muster": 1})
    yield "invalid--request-number", line(request(1))
    yield "invalid--document-without-hash", line(request("document", id=ANNA.id))
    yield "invalid--document-upper-case", line(request("document", id=ANNA.id.upper(), hash=hash_of(BODY)))
    yield "invalid--port-0", line(request("table", port=0))
    yield "invalid--deflate-number", line(request("table", deflate=1))
    yield "invalid--name-number", line(request("table") | {"name": 1})
    yield "invalid--network-number", line(request("table", network=4026531840))
    yield "invalid--network-64-bytes", line(request("table", network="x" * 64))
    yield "invalid--interfaces-16-bytes", line(request("table", interfaces=["x" * 16]))
    yield "invalid--set-text", line(request("update", set="name"))
    yield "invalid--set-name-number", line(request("update", set={"name": 1}))
    yield "invalid--set-port-0", line(request("update", set={"services": [service(port=0)]}))
    yield "invalid--remove-without-port", line(request("update", remove={"services": [{"type": "http", "proto": "tcp"}]}))
    yield "invalid--samples-without-patterns", line(request("samples"))
    for what, patterns in [("empty", []), ("text", "#"), ("number-in-it", [1]), ("65", ["a"] * 65), ("empty-text", [""]),
                           ("256-bytes", ["a" * 256]), ("half-level", ["a+/b"]), ("sharp-first", ["#/a"]),
                           ("empty-level", ["a//b"]), ("trailing-slash", ["a/"]), ("space", ["a b"])]:
        yield f"invalid--samples-patterns-{what}", line(request("samples", patterns=patterns))
    yield "invalid--samples-since_ms-text", line(request("samples", patterns=["#"], since_ms="1"))
    for since_ms in (0, -1, 1.5, 86400001):
        yield f"invalid--samples-since_ms-{spelled(since_ms)}", line(request("samples", patterns=["#"], since_ms=since_ms))
    yield "invalid--samples-follow-number", line(request("samples", patterns=["#"], follow=1))
    yield "invalid--publish-retain-number", line(request("publish", topic="a", record={"v": 1}, retain=1))
    yield "invalid--publish-without-topic", line(request("publish", record={"v": 1}))
    yield "invalid--publish-without-record", line(request("publish", topic="a"))
    yield "invalid--publish-topic-space", line(request("publish", topic="a b", record={"v": 1}))
    for what, record in [("empty", {}), ("text", "1"), ("two-values", {"v": 1, "vs": "1"}), ("value-text", {"v": "1"})]:
        yield f"invalid--publish-record-{what}", line(request("publish", topic="a", record=record))
    yield "invalid--remove-attrs-object", line(request("update", remove={"attrs": {"room": ""}}))


def part(lines=b"", **members):
    count = {"lines": lines.count(b"\n")} if lines else {}
    return line(members | count) + lines


def end(name, count, **members):
    return line({"end": name, "count": count} | members)


def replies():
    anna, bert = signed(announce(ANNA)), signed(announce(BERT), BERT)
    row = {"state": "alive", "address": "10.77.0.2", "port": 19798, "age_ms": 350, "next_ms": 2150}
    large = signed(announce(ANNA, name="printer", size=len(BODY), hash=hash_of(BODY), stream=19798))
    yield "table", (part(anna, peer={"id": ANNA.id} | row) + part(line(announce()), peer={"id": UNSIGNED_ID} | row)
                    + end("done", 2))
    whole = f'"id":"{ANNA.id}",'.encode()
    yield "table-short", part(anna.replace(whole, b""), peer={"short": True} | row) + end("done", 1)
    yield "table-empty", end("done", 0)
    evidence = {"interface": "eth0", "other_address": "fe80::2", "other_port": 19798, "verified": True, "since_ms": 60000, "loss": 0.0156, "received": 40, "copies": 12,
                "paths": ["m4", "m6", "b4"], "tuples": [{
                    "source_address": "10.77.0.2", "source_port": 19798, "destination_address": "224.0.0.254",
                    "destination_port": 19797, "interface": "eth0", "path": "m4", "count": 52, "age_ms": 350, "loss": 0}]}
    yield "table-with-evidence", part(large + BODY, peer={"id": ANNA.id} | row | evidence) + end("done", 1)
    yield "watch-cut-off", (part(anna, event="joined", peer={"id": ANNA.id} | row)
                            + part(anna, event="suspect", peer={"id": ANNA.id} | row | {"state": "suspect", "next_ms": -260}))
    yield "document", part(BODY, document={"id": ANNA.id, "hash": hash_of(BODY)}) + end("done", 1)
    large_value = line(LARGE)
    yield "document-of-a-value", part(large_value, document={"id": ANNA.id, "hash": hash_of(large_value)}) + end("done", 1)
    climate = b'[{"bn":"kitchen/climate/","bt":1767225600,"n":"temperature","u":"Cel","v":21.5},{"n":"humidity","u":"%RH","v":40}]\n'
    door = b'[{"bn":"kitchen/door","bt":1767225601,"vb":true}]\n'
    told = {"id": ANNA.id, "boot": BOOT}
    yield "samples", (part(climate, sample=told | {"topic": "kitchen/climate", "until": 17, "age_ms": 61000})
                      + part(door, sample={"id": BERT.id, "boot": BOOT, "topic": "kitchen/door", "age_ms": 3600000, "origin": "site-b", "name": "bert"})
                      + end("done", 2))
    yield "samples-since", (part(door, sample=told | {"topic": "kitchen/door", "seq": 7, "age_ms": 25})
                            + part(door, sample=told | {"topic": "kitchen/door", "seq": 12, "passed": 4, "age_ms": 1})
                            + end("done", 2))
    counters = {name: 0 for name in (
        "received", "accepted", "copies", "sent", "questions", "answers", "evicted", "verifications", "outputs_dropped",
        "streams_accepted", "streams_refused", "streams_cut", "requests", "tables", "documents", "fetches_failed",
        "histories_failed", "samples_dropped", "cache_evicted", "feeds_evicted")}
    feed = {"id": BERT.id, "shard": 14, "boot": BOOT, "since": 1, "sent": 1000, "received": 995, "bytes": 398000,
            "duplicates": 2, "reordered": 1, "repaired": 7, "pending": 1, "lost_wire": 2, "lost_gone": 0, "lost_kernel": 1,
            "lost_program": 1, "naks": 5}
    own = {"version": "0.3.0", "key_id": "", "port": 19797, "interval_ms": 2000, "peers": 1,
           "paths": [{"interface": "eth0", "path": "m4"}, {"interface": "eth0", "path": "b4"}],
           "sockets": [{"protocol": "udp", "address": "0.0.0.0", "port": 19796, "interface": "eth0",
                        "buffer_bytes": 8388608, "kernel_drops": 1, "failed": 0, "queue_drops": 2,
                        "unicast_drops": 0, "unreached": 0}],
           "counters": counters | {"received": 1200, "accepted": 1100, "copies": 99, "drops": {"stale": 1}},
           "sender": {"datagrams": 500, "bytes": 200000, "repairs": 12, "repair_bytes": 4800, "naks": 9, "naks_refused": 3},
           "feeds": [feed], "feeds_known": 1, "figures": [{"name": "readings_out", "value": 12}]}
    yield "self", part(anna, self=own, peer={"id": ANNA.id, "state": "alive", "age_ms": 0, "next_ms": 2500,
                                             "verified": True, "self": True, "since_ms": 60000, "loss": 0, "received": 0,
                                             "copies": 0, "paths": [], "tuples": []}) + end("done", 1)
    yield "refused", end("not_found", 0, text="there is no such thing here")
    yield "refused-member", end("invalid", 0, text="a member is wrong", member="hash")
    yield "row-of-a-later-version", part(having(announce(), muster=2), peer={"id": UNSIGNED_ID} | row) + end("done", 1)


# ---- telemetry ----

TOPIC = "kitchen/climate"
RECORDS = [{"bn": TOPIC + "/", "bt": 1767225661.5, "n": "temperature", "u": "Cel", "v": 21.5},
           {"n": "humidity", "u": "%RH", "v": 48}]


def data(topic=TOPIC, seq=124, **members):
    origin = {"origin": members.pop("origin")} if "origin" in members else {}
    return header("data", ANNA) | {"topic": topic} | origin | {"shard": shard_of(topic), "seq": seq} | members


LARGE_TOPIC = "camera/thumbnail"
LARGE = [{"bn": LARGE_TOPIC, "bt": 1767225661.5, "vd": "_9j_4AAQSkZJRgABAQEA" * 100}]


def reference(topic=LARGE_TOPIC):
    """What stands for a value that fits no datagram."""
    value = line(LARGE)
    return [{"size_": len(value), "hash_": hash_of(value), "bn": topic, "bt": LARGE[0]["bt"]}]


def tail(**members):
    return header("tail", ANNA) | {"shard": shard_of(TOPIC), "oldest": 17, "seq": 124} | members


def nak(**members):
    return header("nak", BERT) | {"of": ANNA.id, "of_boot": BOOT, "shard": shard_of(TOPIC),
                                  "missing": [[120, 120], [122, 123]]} | members


def with_body(first, records=RECORDS, length=0):
    """The header line, and the body line padded so that both have length bytes."""
    return first + line(records, length - len(first))


def telemetry():
    yield "data", with_body(line(data()))
    yield "data-padded", with_body(line(data()), length=320)
    yield "data-reference", with_body(line(data(LARGE_TOPIC)), reference())
    yield "data-reference-padded", with_body(line(data(LARGE_TOPIC)), reference(), length=400)
    yield "data-reference-without-time", with_body(line(data(LARGE_TOPIC)), [{k: v for k, v in reference()[0].items() if k != "bt"}])
    yield "data-1400-bytes", with_body(line(data()), length=DATAGRAM_BYTES_MAX)
    yield "data-first", with_body(line(data(seq=1)))
    yield "data-largest-numbers", with_body(line(data(seq=INTEGER_MAX, boot=INTEGER_MAX)))
    yield "data-of-topic-itself", with_body(line(data("kitchen/power")), [{"bn": "kitchen/power", "bt": 1767225661, "u": "W", "v": 1250}])
    yield "data-origin", with_body(line(data("site-b/door", origin="site-b/nas")), [{"bn": "site-b/door", "vb": True}])
    yield "data-origin-longest", with_body(line(data(origin='"\\' * 32)))
    yield "data-longest-topic", with_body(line(data("x" * 127)), [{"bn": "x" * 127, "v": 1}])
    yield "data-every-value", with_body(line(data("door")), [
        {"bn": "door/", "bt": 1767225661.000001, "n": "open", "vb": True}, {"n": "angle", "u": "deg", "v": -0.5, "t": -60},
        {"n": "who", "vs": "K\u00fcche \u2192 Flur"}, {"n": "tag", "vd": "3q2-7w"}, {"n": "energy", "u": "J", "s": 1e6, "ut": 10},
        {"bn": "door", "bt": 1767312061.25, "v": 1e-7, "s": 3}])
    yield "data-without-clock", with_body(line(data("door")), [{"bn": "door", "v": 1}])
    yield "data-other-form-members-sorted", with_body(line(dict(sorted(data().items()))))
    yield "data-other-form-white-space", with_body(b'{ "muster" : 1,\t"kind":"data", "id":"%s", "boot":%d, "seq":124 , "shard":15,"topic":"%s" } \n'
                                              % (ANNA.id.encode(), BOOT, TOPIC.encode()))
    yield "data-other-form-escapes", with_body(line(data()).replace(b"kitchen/climate", rb"kitchen\/\u0063limate"))
    yield "data-other-form-unknown-member-last", with_body(having(data(), weight=[1, {}]))
    yield "data-other-form-name-that-ends-like-seq", with_body(having(data(), **{'"seq': 124}))
    yield "data-other-form-seq-with-point", with_body(line(data()).replace(b'"seq":124', b'"seq":124.0'))
    yield "tail", line(tail())
    yield "tail-nothing-sent", line(tail(oldest=1, seq=0))
    yield "tail-all-gone", line(tail(oldest=125))
    yield "tail-largest", line(tail(oldest=INTEGER_MAX, seq=INTEGER_MAX))
    yield "tail-padded", line(tail(), DATAGRAM_BYTES_MAX)
    yield "nak", line(nak())
    yield "nak-largest", line(nak(missing=[[1, INTEGER_MAX]]))
    yield "nak-32-ranges-of-largest-numbers", line(nak(missing=[[INTEGER_MAX, INTEGER_MAX]] * 32))
    yield "nak-64-ranges", line(nak(missing=[[n, n] for n in range(1, 128, 2)]))
    yield "nak-overlapping-ranges", line(nak(missing=[[5, 9], [7, 12], [5, 9], [1, 6]]))


def bad_telemetry():
    yield "kind--alive", line(alive(ANNA))
    yield "kind--in-other-case", with_body(line(data(kind="Data")))
    yield "version--2", with_body(line(data(muster=2)))
    yield "type--data-topic-number", with_body(line(data() | {"topic": 1}))
    for kind, make in (("data", data), ("tail", tail), ("nak", nak)):
        rest = printed(RECORDS) + b"\n" if kind == "data" else b""
        for member in make():
            yield f"missing--{kind}-{member}", without(make(), member) + rest
        for member in ("boot", "seq", "shard", "oldest", "of_boot"):
            if member in make() and (kind, member) != ("tail", "seq"):
                for name, content in bad_integer(kind, make(), member):
                    yield name, content + rest
        for name, content in bad_hex(f"{kind}-id", make(), "id", 32):
            yield name.replace("id-id", "id"), content + rest
    yield from bad_hex("nak", nak(), "of", 32)
    yield "range--tail-seq-minus-1", line(tail(seq=-1))
    for what, topic in [("empty", ""), ("128-characters", "x" * 128), ("wildcard", "a/+"), ("slash-first", "/a"), ("slash-last", "a/"),
                        ("empty-level", "a//b"), ("space", "a b"), ("not-ascii", "k\u00fcche")]:
        yield f"range--data-topic-{what}", with_body(line(data(topic)), [{"bn": "a", "v": 1}])
    yield "type--data-origin-number", with_body(line(data(origin=1)))
    for what, origin in [("empty", ""), ("65-bytes", "o" * 65), ("control-character", "a\x1f")]:
        yield f"range--data-origin-{what}", with_body(line(data(origin=origin)))
    yield "type--nak-missing-object", line(nak(missing={}))
    yield "range--nak-missing-empty", line(nak(missing=[]))
    yield "range--nak-missing-65", line(nak(missing=[[1, 1]] * 65))
    for what, pair in [("empty", []), ("one", [1]), ("three", [1, 2, 3]), ("zero", [0, 1]), ("beyond-2-53", [1, INTEGER_MAX + 1]),
                       ("text", ["1", "2"]), ("minus", [-2, -1]), ("fraction", [1.5, 2])]:
        yield f"range--nak-missing-pair-{what}", line(nak(missing=[[1, 1], pair]))
    yield "type--nak-missing-number", line(nak(missing=[1, 2]))


def bad_telemetry_bytes():
    first = line(data())
    good = with_body(first)
    yield "too_long--data-1401-bytes", with_body(first, length=DATAGRAM_BYTES_MAX + 1)
    yield "too_long--tail-1401-bytes", line(tail(), DATAGRAM_BYTES_MAX + 1)
    yield "truncated--without-lf", good[:-1]
    yield "truncated--cut-in-header", good[:80]
    yield "truncated--header-alone", first
    yield "truncated--nul-after-lf", good + b"\0"
    yield "syntax--lf-alone", b"\n"
    yield "syntax--not-json", b"hello\n"
    yield "syntax--array", b"[" + printed(tail()) + b"]\n"
    yield "syntax--tail-with-body", with_body(line(tail()))
    yield "syntax--nak-with-signature-line", signed(nak(), BERT)
    yield "syntax--data-seq-leading-zero", good.replace(b'"seq":124', b'"seq":0124')
    yield "syntax--data-seq-plus", good.replace(b'"seq":124', b'"seq":+124')
    yield "syntax--data-garbage-behind-header", good.replace(b"}\n[", b"}x\n[")
    yield "utf8--data-topic", good.replace(b"kitchen", b"k\xfcchen")
    yield "utf8--data-unknown-member", with_text(data(), b"x", b"\xff") + printed(RECORDS) + b"\n"
    yield "depth--data-9", with_value(data(), nested(8)) + printed(RECORDS) + b"\n"
    yield "nodes--data-257-values", with_value(data(), b"[" + b"0," * 247 + b"0]") + printed(RECORDS) + b"\n"
    yield "duplicate--data-seq", having(data()).replace(b'"seq":124', b'"seq":124,"seq":125') + printed(RECORDS) + b"\n"
    yield "duplicate--data-seq-escaped", having(data()).replace(b'"seq":124', rb'"\u0073eq":124,"seq":124') + printed(RECORDS) + b"\n"
    yield "range--data-shard-of-another-topic", with_body(line(data(shard=14)))
    yield "range--data-seq-of-64-digits", good.replace(b'"seq":124', b'"seq":' + b"1" * 64)
    yield "range--tail-oldest-above-seq-plus-1", line(tail(oldest=126))
    yield "range--tail-oldest-2-of-nothing", line(tail(oldest=2, seq=0))
    yield "range--data-origin-66-bytes-33-characters", with_body(line(data(origin="é" * 33)))
    yield "range--nak-first-above-last", line(nak(missing=[[2, 1]]))


# ---- files ----

def sealed_by(key, content, counter=1, lane=0):
    """A datagram that Anna has sealed, of a start whose random part is 77."""
    nonce = (bytes.fromhex(ANNA.id)[:8] + (BOOT * 2048 + 77).to_bytes(8, "little")
             + (lane << 63 | counter).to_bytes(8, "little"))  # fmt: skip
    out = ctypes.create_string_buffer(len(content) + 16)
    SODIUM.crypto_aead_xchacha20poly1305_ietf_encrypt(
        out, None, content, ctypes.c_ulonglong(len(content)), None, ctypes.c_ulonglong(0), None, nonce, key
    )
    return b"\x01" + hashlib.blake2b(key, digest_size=32).digest()[:4] + nonce + out.raw


GROUP_KEY = bytes([1]) * 32


def sealed():
    inside = dict(good())
    yield "announce-signed-minimal", sealed_by(GROUP_KEY, inside["announce-signed-minimal"])
    yield "alive-unsigned", sealed_by(GROUP_KEY, inside["alive-unsigned"], 2**62)
    yield "data", sealed_by(GROUP_KEY, dict(telemetry())["data"], 124, lane=1)


def bad_sealed():
    plain = dict(good())["alive-unsigned"]
    whole = sealed_by(GROUP_KEY, plain)
    yield "unsealed--alive-unsigned", plain
    yield "sealed--other-key", sealed_by(bytes([2]) * 32, plain)
    yield "sealed--tag-changed", whole[:-1] + bytes([whole[-1] ^ 1])
    yield "sealed--counter-changed", whole[:21] + bytes([whole[21] ^ 1]) + whole[22:]
    yield "sealed--key-id-alone", whole[:5]
    yield "sealed--cut", whole[:44]
    yield "too_long--1401-bytes", sealed_by(GROUP_KEY, plain + b" " * (1401 - len(whole)))
    yield "format--first-byte-02", b"\x02" + whole[1:]
    yield "truncated--empty", b""


def make():
    """All goldens: path below the directory to bytes."""
    files = {}
    for folder, suffix, pairs in [
        ("good", "datagram", good()), ("bad-schema", "datagram", bad_schema()), ("bad-bytes", "datagram", bad_bytes()),
        ("bad-signature", "datagram", bad_signature()), ("requests", "lines", requests()),
        ("bad-requests", "lines", bad_requests()), ("replies", "lines", replies()), ("telemetry", "datagram", telemetry()),
        ("bad-telemetry", "datagram", bad_telemetry()), ("bad-telemetry-bytes", "datagram", bad_telemetry_bytes()),
        ("sealed", "datagram", sealed()), ("bad-sealed", "datagram", bad_sealed()),
    ]:
        for name, content in pairs:
            path = f"{folder}/{name}.{suffix}"
            assert path not in files, path
            files[path] = content
    return files


def stored(directory):
    return {path.relative_to(directory).as_posix(): path.read_bytes()
            for path in directory.glob("*/*.*")}


def write(directory):
    files = make()
    for path in stored(directory).keys() - files.keys():
        (directory / path).unlink()
    for path, content in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)


def differences(directory):
    """Paths that are missing, superfluous or have other bytes."""
    files, found = make(), stored(directory)
    return sorted(path for path in files.keys() | found.keys() if files.get(path) != found.get(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", metavar="DIR", type=pathlib.Path)
    action.add_argument("--check", metavar="DIR", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.write:
        write(arguments.write)
        return 0
    wrong = differences(arguments.check)
    for path in wrong:
        print(f"{path}: not what goldens.py makes", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
