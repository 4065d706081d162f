#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Holds the schemas, the golden datagrams and PROTOCOL.md together."""

import contextlib
import ipaddress
import json
import pathlib
import re
import sys
import unittest

import jsonschema

sys.dont_write_bytecode = True  # the source tree stays as it is
import goldens

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
GOLDEN = SCHEMAS / "golden"
KINDS = ("announce", "alive", "bye", "query", "part")
SHARED = ("header", "signature")
STREAM = ("body", "request", "reply")
TELEMETRY = ("data", "tail", "nak")
BODIES = ("senml",)
DROP = re.compile(r'^\s*X\([A-Z0-9_]+, "([a-z0-9_]+)", "([^"]*)"\)', re.MULTILINE)
DROP_ROW = re.compile(r"^\| `([a-z0-9_]+)` \| (.*?) \|", re.MULTILINE)
CONSTANT = re.compile(r"^#define MUSTER_([A-Z0-9_]+) +(.*?) *(?:/\*.*)?$", re.MULTILINE)
CONSTANT_ROW = re.compile(r"^\| `([a-z0-9_]+)` \| ([^|]+) \|", re.MULTILINE)
# Bounds of this implementation that no other peer can see.
INTERNAL = {"paths_max", "queries_max", "datagrams_max", "events_max", "stream_chunk_bytes", "batches", "rows_retry_ms", "buckets"}
SHARD_ROW = re.compile(r"^\| `([^`]+)` \| `([0-9a-f]{8})` \| (\d+) \|$", re.MULTILINE)
EXAMPLE = re.compile(r"^`((?:good|requests|replies|telemetry)/[a-z0-9-]+\.(?:datagram|lines))`.*?\n\n```\n(.*?)```$", re.MULTILINE | re.DOTALL)


def load_schemas():
    return {name: json.loads((SCHEMAS / f"{name}.schema.json").read_text())
            for name in KINDS + SHARED + STREAM + TELEMETRY + BODIES}


def validators():
    """One validator a schema; references are files beside it, and nothing is fetched."""
    schemas = load_schemas()
    store = {(SCHEMAS / f"{name}.schema.json").as_uri(): schema for name, schema in schemas.items()}
    return {
        name: jsonschema.Draft202012Validator(schema, resolver=jsonschema.RefResolver(
            (SCHEMAS / f"{name}.schema.json").as_uri(), schema, store=store))
        for name, schema in schemas.items()}


def drops():
    """Every drop reason of the C header with its meaning, in order."""
    header = (ROOT / "src/include/muster/core.h").read_text()
    table = header[header.index("#define MUSTER_DROPS(X)"):]
    return DROP.findall(table[:table.index("enum muster_drop")])


def constants(*paths):
    """Every constant of these headers with its value, a number or a list of them, by its name in lower case."""
    known = {}
    for path in paths:
        for name, text in CONSTANT.findall((ROOT / "src" / path).read_text()):
            text = text.replace("{", "[").replace("}", "]").replace("MUSTER_", "")
            with contextlib.suppress(SyntaxError, NameError, TypeError):  # no number: a macro of another kind
                known[name] = eval(text, {}, known)
    return {name.lower(): value for name, value in known.items()}


def written_constants(text):
    """The same of the tables of a document: `1,000`, `0, 250, 1000`, `224.0.0.254`, `ff02::1` are values."""
    values = {}
    for name, value in CONSTANT_ROW.findall(text):
        if "::" in value:
            values[name] = list(ipaddress.ip_address(value).packed)
            continue
        parts = value.split(".") if value.count(".") == 3 else value.split(", ")
        numbers = [float(part.replace(",", "")) for part in parts]
        values[name] = numbers if len(numbers) > 1 else numbers[0]
    return values


def files(folder):
    paths = sorted((GOLDEN / folder).glob("*.*"))
    assert paths, folder
    return paths


def lines(path):
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def limit_of(datagram):
    """The bytes that it may have: an announce grows by 8 for each nonce in `re` behind the first."""
    if b'"kind":"announce"' not in datagram:
        return goldens.DATAGRAM_BYTES_MAX
    answers = re.search(rb'"re":"([^"]*)"', datagram)
    more = max(0, len(answers[1]) - len(goldens.NONCE)) if answers else 0
    return min(goldens.ANNOUNCE_BYTES_MAX + more, goldens.DATAGRAM_BYTES_MAX)


def properties(schema):
    """Every (name, subschema) of a member, at any depth."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).items()
        for part in schema.values():
            yield from properties(part)


class Schemas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.validators = validators()

    def accepts(self, messages):
        """A header line of a known kind, then at most a signature line."""
        header, rest = messages[0], messages[1:]
        kind = header.get("kind")
        if kind not in KINDS:
            return any(self.validators[name].is_valid(header) for name in KINDS)
        return (self.validators[kind].is_valid(header) and len(rest) <= 1
                and all(self.validators["signature"].is_valid(line) for line in rest))

    def test_schemas_are_valid(self):
        for name, schema in load_schemas().items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_every_member_is_described(self):
        schemas = load_schemas()
        for name, schema in schemas.items():
            for member, subschema in properties(schema):
                with self.subTest(f"{name}: {member}"):
                    target = subschema
                    while "description" not in target:
                        file, _, pointer = target["$ref"].partition("#/$defs/")
                        target = schemas[file.split(".")[0] if file else name]["$defs"][pointer]
                    self.assertTrue(target["description"])

    def test_good_datagrams_are_accepted(self):
        for path in files("good"):
            with self.subTest(path.name):
                self.assertTrue(self.accepts(lines(path)))

    def test_bad_lines_are_refused(self):
        for path in files("bad-schema"):
            with self.subTest(path.name):
                self.assertFalse(self.accepts(lines(path)))

    def test_what_only_the_signature_shows_is_accepted(self):
        for path in files("bad-signature"):
            with self.subTest(path.name):
                self.assertTrue(self.accepts(lines(path)))

    def accepts_telemetry(self, header):
        """Of data the body is not looked at: nor does a receiver."""
        kind = header.get("kind")
        if kind not in TELEMETRY:
            return any(self.validators[name].is_valid(header) for name in TELEMETRY)
        return self.validators[kind].is_valid(header)

    def test_telemetry(self):
        for path in files("telemetry"):
            header, *bodies = lines(path)
            with self.subTest(path.name):
                self.assertTrue(self.accepts_telemetry(header))
                self.assertEqual(len(bodies), 1 if header["kind"] == "data" else 0)
                for body in bodies:
                    self.validators["senml"].validate(body)
        for path in files("bad-telemetry"):
            with self.subTest(path.name):
                self.assertFalse(self.accepts_telemetry(lines(path)[0]))

    def test_requests(self):
        for path in files("requests"):
            with self.subTest(path.name):
                self.assertTrue(self.validators["request"].is_valid(*lines(path)))
        for path in files("bad-requests"):
            if not path.name.startswith("syntax--"):
                with self.subTest(path.name):
                    self.assertFalse(self.validators["request"].is_valid(*lines(path)))

    def test_replies(self):
        for path in files("replies"):
            rest = lines(path)
            while rest:
                head, rest = rest[0], rest[1:]
                with self.subTest(path.name, head=head):
                    self.validators["reply"].validate(head)
                    followers, rest = rest[:head.get("lines", 0)], rest[head.get("lines", 0):]
                    self.assertEqual(len(followers), head.get("lines", 0))
                    if "sample" in head:
                        self.assertIsInstance(followers.pop(), list)
                    elif "document" in head or len(followers) == 3:
                        body = followers.pop()
                        self.validators["senml" if isinstance(body, list) else "body"].validate(body)

    def test_ends_are_those_of_the_code(self):
        source = (ROOT / "src/core/wire/request.h").read_text()
        ends = re.findall(r'^    X\([A-Z_]+, "([a-z_]+)",', source, re.MULTILINE)
        self.assertEqual(load_schemas()["reply"]["properties"]["end"]["enum"], ends)
        table = (SCHEMAS / "PROTOCOL.md").read_text()
        table = table[table.index("### Ends"):]
        self.assertEqual([name for name, _ in DROP_ROW.findall(table[:table.index("\n#", 1)])], ends)


class Goldens(unittest.TestCase):
    def test_stored_files_are_what_the_generator_makes(self):
        self.assertEqual(goldens.differences(GOLDEN), [])

    def test_every_kind_is_there_signed_and_unsigned(self):
        names = [path.name for path in files("good")]
        for kind in KINDS:
            for trust in ("signed", "unsigned"):
                with self.subTest(f"{kind}-{trust}"):
                    self.assertTrue(any(name.startswith(f"{kind}-{trust}") for name in names))

    def test_only_the_too_long_are_too_long(self):
        for folder in ("good", "bad-schema", "bad-bytes", "bad-signature", "telemetry", "bad-telemetry", "bad-telemetry-bytes"):
            for path in files(folder):
                content = path.read_bytes()
                with self.subTest(path.name):
                    self.assertEqual(len(content) > limit_of(content), path.name.startswith("too_long--"))

    def test_reasons_are_drop_reasons(self):
        reasons = {name for name, _ in drops()}
        for folder in ("bad-schema", "bad-bytes", "bad-signature", "bad-telemetry", "bad-telemetry-bytes", "bad-sealed"):
            for path in files(folder):
                with self.subTest(path.name):
                    self.assertIn(path.name.split("--")[0], reasons)

    def test_signatures_hold_and_do_not(self):
        for path in files("good") + files("bad-signature"):
            header, lf, rest = path.read_bytes().partition(b"\n")
            if rest:
                with self.subTest(path.name):
                    self.assertEqual(self.signature_holds(header + lf, rest), path.parent.name == "good")

    def signature_holds(self, header, rest):
        message = json.loads(header)
        known = goldens.PEERS.get(message["id"])
        key = goldens.base64.b64decode(message["key"]) if "key" in message else known.key
        signature = goldens.base64.b64decode(json.loads(rest)["sig"])
        return goldens.id_of_key(key) == message["id"] and goldens.verifies(key, header, signature)


class Protocol(unittest.TestCase):
    def setUp(self):
        self.text = (SCHEMAS / "PROTOCOL.md").read_text()
        self.local = (SCHEMAS / "LOCAL.md").read_text()

    def test_examples_are_goldens(self):
        examples = EXAMPLE.findall(self.text) + EXAMPLE.findall(self.local)
        self.assertGreaterEqual(len(examples), len(KINDS))
        for name, example in examples:
            with self.subTest(name):
                golden = (GOLDEN / name).read_text()
                self.assertEqual([line.rstrip(" ") for line in golden.splitlines()], example.splitlines())

    def test_shards_are_those_of_the_generator(self):
        table = self.text[self.text.index("### 13.1"):self.text.index("### 13.2")]
        rows = SHARD_ROW.findall(table)
        self.assertGreaterEqual(len(rows), 5)
        for topic, number, shard in rows:
            with self.subTest(topic):
                self.assertEqual((int(number, 16) % 16, int(shard)), (goldens.shard_of(topic),) * 2)

    def test_drop_table_is_that_of_the_header(self):
        table = self.text[self.text.index("### Drop reasons"):]
        self.assertEqual(DROP_ROW.findall(table[:table.index("\n#", 1)]), drops())

    def test_every_member_is_described(self):
        text = self.text + self.local
        for name, schema in load_schemas().items():
            for member, _ in properties(schema):
                with self.subTest(f"{name}: {member}"):
                    self.assertTrue(f"`{member}`" in text or f"`.{member}`" in text)

    def test_constants_are_those_of_the_headers(self):
        limits = "core/base/limit.h"
        known = constants("include/muster/core.h", "include/muster/telemetry.h", limits)
        tables = self.text[self.text.index("\n## 10. "):self.text.index("\n## 11. ")]
        written = written_constants(tables + self.local[self.local.index("\n## Constants"):])
        for name, value in written.items():
            with self.subTest(name):
                self.assertEqual(value, known[name])
        self.assertEqual(set(constants(limits)) - set(written), INTERNAL)


if __name__ == "__main__":
    unittest.main()
