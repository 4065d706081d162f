# SPDX-License-Identifier: MIT
"""Strict parsers of what Prometheus reads: the text format 0.0.4 and OpenMetrics 1.0, each by its own rules."""

import collections
import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")
ESCAPE = re.compile(r"\\(.)")

Family = collections.namedtuple("Family", "kind help samples")


class Bad(AssertionError):
    """A line that the format does not allow."""


def _need(condition, line, why):
    if not condition:
        raise Bad(f"{why}: {line!r}")


def _unescape(text):
    return ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], text)


def _labels(text, line):
    labels = {}
    while text:
        found = LABEL.match(text)
        _need(found, line, "no label")
        name = found[1]
        _need(name not in labels and not name.startswith("__"), line, f"label {name}")
        labels[name] = _unescape(found[2])
        text = text[found.end() :]
        if text:
            _need(text[0] == "," and len(text) > 1, line, "labels")
            text = text[1:]
    return labels


def _sample(line):
    """(name, labels, value); a timestamp or anything else behind the value is refused."""
    found = NAME.match(line)
    _need(found, line, "no name")
    rest = line[found.end() :]
    labels = {}
    if rest.startswith("{"):
        end = re.match(r'\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}', rest)
        _need(end, line, "labels without an end")
        labels = _labels(end[0][1:-1], line)
        rest = rest[end.end() :]
    _need(rest.startswith(" ") and NUMBER.fullmatch(rest[1:]), line, "value")
    value = float(rest[1:])
    _need(math.isfinite(value), line, "value")
    return found[0], labels, value


class _Parser:
    def __init__(self, kinds, help_escapes):
        self.families = {}
        self.current = None
        self.kinds = kinds
        self.help_escapes = help_escapes
        self.seen = set()

    def describe(self, line):
        """Returns True when it was HELP; HELP comes first, and TYPE behind it."""
        found = re.fullmatch(r"# (HELP|TYPE) (\S+) (.+)", line)
        _need(found and NAME.fullmatch(found[2]), line, "comment")
        what, name, text = found.groups()
        if what == "HELP":
            _need(name not in self.families, line, "family twice")
            _need(re.fullmatch(rf"(?:[^\\]|\\[{self.help_escapes}])+", text), line, "escape")
            self.families[name] = Family(None, _unescape(text), {})
            self.current = name
        else:
            _need(name == self.current and self.families[name].kind is None, line, "TYPE apart from its HELP")
            _need(text in self.kinds, line, "type")
            self.families[name] = self.families[name]._replace(kind=text)

    def add(self, line, sample_name):
        name, labels, value = _sample(line)
        _need(self.current and self.families[self.current].kind, line, "sample without a TYPE")
        family = self.families[self.current]
        _need(name == sample_name(self.current, family.kind), line, f"no sample of {self.current}")
        # A label that is empty counts as one that is not there.
        key = (name, frozenset((label, text) for label, text in labels.items() if text))
        _need(key not in self.seen, line, "series twice")
        self.seen.add(key)
        _need(family.kind != "counter" or value >= 0, line, "counter below 0")
        family.samples[key[1]] = value


def parse_text(text):
    """{family: Family} of the text format 0.0.4; samples are {frozenset of (label, value): value}."""
    _need(text.endswith("\n"), text[-40:], "no LF at the end")
    parser = _Parser({"counter", "gauge"}, r"\\n")
    for line in text[:-1].split("\n"):
        _need(line, line, "empty line")
        if line.startswith("#"):
            parser.describe(line)
        else:
            parser.add(line, lambda name, kind: name)
    for name, family in parser.families.items():
        # promtool's rule, and the only thing that tells a counter from a gauge in a query.
        _need(name.endswith("_total") == (family.kind == "counter"), name, "name of a counter")
    return parser.families


def parse_openmetrics(text):
    """The same of OpenMetrics 1.0; families bear names without _total and _info."""
    _need(text.endswith("\n# EOF\n"), text[-40:], "no EOF at the end")
    parser = _Parser({"counter", "gauge", "info"}, r'\\n"')
    suffix = {"counter": "_total", "info": "_info", "gauge": ""}
    for line in text[: -len("# EOF\n") - 1].split("\n"):
        _need(line, line, "empty line")
        if line.startswith("#"):
            parser.describe(line)
        else:
            parser.add(line, lambda name, kind: name + suffix[kind])
    for name, family in parser.families.items():
        _need(not name.endswith(("_total", "_info", "_created", "_bucket", "_count", "_sum")), name, "name")
        _need(family.kind != "info" or set(family.samples.values()) == {1.0}, name, "value of an info")
    return parser.families


def value(families, family, /, **labels):
    """The one sample of a family that has these labels."""
    found = [
        number for series, number in families[family].samples.items() if set(labels.items()) <= set(series)
    ]
    if len(found) != 1:
        raise AssertionError(f"{family} {labels}: {len(found)} series")
    return found[0]
