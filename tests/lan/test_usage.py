# SPDX-License-Identifier: MIT
"""Wrong arguments end with 2 and one line that names the argument; --help shows an example."""

import re

from lab import Lab, LanTest, main

COMMANDS = (
    "announce", "peers", "services", "topics", "publish", "subscribe", "show", "resolve", "wait", "watch", "update",
    "config", "key", "help", "doctor", "why", "record", "history", "replay",
)
LONG = "n" * 64

# Arguments, and the words that the complaint must have.
WRONG = [
    (["key", "frobnicate"], ["frobnicate", "new", "retire"]),
    (["key", "list", "home"], ["home"]),
    (["key", "lst"], ["lst", "did you mean 'list'?"]),
    (["key", "new", "--qr"], ["--qr", "expected with show alone"]),
    (["key", "show", "--json"], ["--json", "expected with list alone"]),
    (["key", "list", "--passphrase"], ["--passphrase", "expected with new alone"]),
    (["trust", "forgt", "nas"], ["forgt", "did you mean 'forget'?"]),
    (["trust", "forget", "nas", "--json"], ["--json", "expected with list alone"]),
    (["key", "new", "a b"], ["NAME", "a b"]),
    (["frobnicate"], ["frobnicate", "no such command", "muster --help"]),
    (["pubilsh"], ["did you mean 'publish'?"]),
    (["browse"], ["did you mean 'peers'?"]),
    (["peers", "--jsn"], ["--jsn", "did you mean '--json'?"]),
    (["--frobnicate"], ["--frobnicate"]),
    (["-x"], ["-x"]),
    (["--interface"], ["--interface", "value"]),
    (["--interface", "", "peers"], ["--interface"]),
    (["--interface", "eth0,,eth1", "peers"], ["--interface"]),
    (["--interface", "x" * 129, "peers"], ["--interface"]),
    (["--interface", "eth*,!", "peers"], ["--interface"]),
    (["--port", "0", "peers"], ["--port", "0"]),
    (["--port", "65536", "peers"], ["--port", "65536"]),
    (["--port", "65535", "peers"], ["--port", "65535"]),
    (["--port", "12x", "peers"], ["--port", "12x"]),
    (["--port", "-1", "peers"], ["--port", "-1"]),
    (["--port", "99999999999999999999999", "peers"], ["--port"]),
    (["--state-dir", "", "announce"], ["--state-dir"]),
    (["--color", "sometimes", "peers"], ["--color", "sometimes", "never"]),
    (["--log-level", "loud", "peers"], ["--log-level", "loud", "debug"]),
    (["--version=1"], ["--version"]),
    (["peers", "--frobnicate"], ["--frobnicate"]),
    (["peers", "one", "two"], ["two"]),
    (["peers", ""], ["PATTERN"]),
    (["peers", "--json", "-o", "NAME"], ["-o/--columns", "--json"]),
    (["announce", "--direct"], ["--direct", "publish"]),
    (["peers", "--json=yes"], ["--json"]),
    (["peers", "--sort"], ["--sort"]),
    (["peers", "--sort", "colour"], ["--sort", "colour", "NAME"]),
    (["peers", "--sort", "NAME:up"], ["--sort", "up"]),
    (["peers", "-o", "colour"], ["--columns", "colour"]),
    (["peers", "-o", ""], ["--columns"]),
    (["peers", "-o", "+"], ["--columns"]),
    (["peers", "--state", "dead"], ["--state", "dead", "alive"]),
    (["peers", "--state", "alive,"], ["--state"]),
    (["peers", "--timeout", "soon"], ["--timeout", "soon"]),
    (["peers", "--timeout", "0"], ["--timeout", "0"]),
    (["peers", "--timeout", "-1"], ["--timeout", "-1"]),
    (["peers", "--timeout", "1d"], ["--timeout", "1d"]),
    (["peers", "--timeout", "1e3"], ["--timeout", "1e3"]),
    (["peers", "--timeout", "9999999999"], ["--timeout"]),
    (["record", "#"], ["--db"]),
    (["record", "a b", "--db", "x"], ["PATTERN", "a b"]),
    (["record", "#", "--db", "x", "--max-size", "3M"], ["--max-size", "3M", "6M"]),
    (["record", "#", "--db", "x", "--max-size", "11T"], ["--max-size", "11T"]),
    (["record", "#", "--db", "x", "--keep-days", "0"], ["--keep-days", "0"]),
    (["history", "t"], ["--db"]),
    (["history", "t", "--db", "x", "--since", "yesterday"], ["--since", "yesterday", "1d"]),
    (["history", "t", "--db", "x", "--since", "1h", "--until", "2h"], ["--since", "--until"]),
    (["history", "t", "--db", "x", "--every", "0"], ["--every", "10m"]),
    (["history", "t", "--db", "x", "--csv", "--json"], ["--csv", "--json"]),
    (["replay"], ["FILE"]),
    (["replay", "x", "--speed", "0"], ["--speed", "0.5"]),
    (["replay", "x", "--speed", "nan"], ["--speed", "nan"]),
    (["replay", "x", "--from", "1h", "--to", "2h"], ["--from", "--to"]),
    (["replay", "x", "--topic", "a#"], ["--topic", "a#"]),
    (["wait", "a <"], ["EXPR", "OPERATOR"]),
    (["wait", "a < warm"], ["EXPR", "warm"]),
    (["wait", "a < 5", "--count", "2"], ["--count", "peers"]),
    (["wait", "a < 5", "--gone"], ["--gone", "peers"]),
    (["wait", "nas", "--gone", "--count", "2"], ["--gone", "--count"]),
    (["peers", "id:"], ["PATTERN"]),
    (["peers", "id:xyz"], ["PATTERN", "xyz"]),
    (["services", "type:not_a_type"], ["TYPE", "not_a_type"]),
    (["services", "one", "two"], ["two"]),
    (["services", "--format", "{adress}"], ["--format", "adress", "{address}"]),
    (["services", "--format", "{address"], ["--format"]),
    (["services", "--format", "address}"], ["--format"]),
    (["services", "--format", ""], ["--format"]),
    (["topics", ""], ["PATTERN"]),
    (["topics", "#/a"], ["PATTERN", "#/a"]),
    (["topics", "a", "b+"], ["PATTERN", "b+"]),
    (["topics", *["a"] * 65], ["PATTERN…", "at most 64", "65"]),
    (["topics", "--timeout", "x"], ["--timeout", "x"]),
    (["publish", "t"], ["t", "VALUE", "--topic"]),
    (["publish", "t", ""], ["TOPIC VALUE"]),
    (["publish", "t", "1", "2"], ["2"]),
    (["publish", "--topic", "t", "1"], ["--topic", "standard input"]),
    (["publish", "--topic", "t/#"], ["--topic", "wildcards", "t/#"]),
    (["publish", "kitchen/+", "1"], ["TOPIC", "wildcards"]),
    (["publish", "a b", "1"], ["TOPIC", "spaces"]),
    (["publish", "a\nb", "1"], ["TOPIC", "control"]),
    (["publish", "t" * 128, "1"], ["TOPIC", "127"]),
    (["publish", "-3", "1"], ["TOPIC", "-3"]),
    (["publish", "t", "nan"], ["VALUE", "finite", "nan"]),
    (["publish", "t", '{"x":1}', "--flatten"], ["--flatten", "standard input"]),
    (["publish", "t", "1e+999"], ["VALUE", "finite", "1e+999"]),
    (["publish", "t", "\udcff"], ["VALUE", "UTF-8"]),
    (["publish", "t", "[1]"], ["VALUE", "no record"]),
    (["publish", "t", '{"v":}'], ["VALUE", "no number"]),
    (["publish", "t", '[{"v":1},{"v":NaN}]'], ["VALUE", "no number"]),
    (["publish", "t", "1", "--file", "x"], ["--file", "VALUE"]),
    (["publish", "--file", "x"], ["--file", "TOPIC"]),
    (["publish", "t", "--file", "/nowhere"], ["--file", "/nowhere"]),
    (["publish", "t", "--file", "x", "--csv"], ["--file", "--csv"]),
    (["publish", "t", "1", "--unit", ""], ["--unit"]),
    (["publish", "t", "1", "--unit", LONG], ["--unit", "63"]),
    (["publish", "--rate", "999"], ["--rate", "999", "1M"]),
    (["publish", "--rate", "1001G"], ["--rate", "1001G"]),
    (["publish", "--rate", "k"], ["--rate", "'k'"]),
    (["publish", "--rate", "1K"], ["--rate", "1K"]),
    (["publish", "--rate", "-5"], ["--rate", "-5"]),
    (["publish", "--linger", "60001"], ["--linger", "60001"]),
    (["publish", "--linger", "2m"], ["--linger", "2m"]),
    (["publish", "--linger", "x"], ["--linger", "x"]),
    (["publish", "--name", LONG], ["--name", "63"]),
    (["publish", "--instance", ""], ["--instance"]),
    (["subscribe"], ["PATTERN"]),
    (["subscribe", ""], ["PATTERN"]),
    (["subscribe", "a+"], ["PATTERN", "a+"]),
    (["subscribe", "a", "#/b"], ["PATTERN", "#/b"]),
    (["subscribe", *["a"] * 65], ["PATTERN…", "at most 64", "65"]),
    (["subscribe", "a", "--count", "0"], ["--count", "0"]),
    (["subscribe", "a", "--timeout", "0"], ["--timeout", "0"]),
    (["subscribe", "a", "--since", "x"], ["--since", "x"]),
    (["subscribe", "a", "--since", "5", "--no-last"], ["--no-last", "--since"]),
    (["subscribe", "a", "--senml", "--ndjson"], ["--senml and --ndjson exclude each other"]),
    (["subscribe", "a", "--senml", "--stats"], ["--senml", "--stats"]),
    (["show"], ["PEER"]),
    (["show", ""], ["PEER"]),
    (["show", "one", "two"], ["two"]),
    (["show", f"name:{LONG}"], ["PEER"]),
    (["resolve"], ["TYPE|NAME"]),
    (["resolve", "one", "two"], ["two"]),
    (["resolve", "type:-http"], ["TYPE|NAME", "-http"]),
    (["wait"], ["EXPR"]),
    (["wait", "one", "two"], ["two"]),
    (["wait", "ipp", "--count", "0"], ["--count", "0"]),
    (["wait", "ipp", "--count", "x"], ["--count", "x"]),
    (["wait", "ipp", "--count", "1000001"], ["--count", "1000001"]),
    (["wait", "ipp", "--timeout", "x"], ["--timeout", "x"]),
    (["watch", "one", "two"], ["two"]),
    (["watch", "--event", "gone"], ["--event", "gone", "joined"]),
    (["watch", "--ndjson", "--format", "{name}"], ["--format", "--ndjson"]),
    (["watch", "--count", "0"], ["--count", "0"]),
    (["watch", "--timeout", "x"], ["--timeout", "x"]),
    (["watch", "--exec"], ["--exec", "HOOK"]),
    (["watch", "--exec", ""], ["--exec"]),
    (["watch", "--exec", "true", "--exec-max", "0"], ["--exec-max", "0", "64"]),
    (["watch", "--exec", "true", "--exec-max", "65"], ["--exec-max", "65"]),
    (["watch", "--exec", "true", "--exec-timeout", "0"], ["--exec-timeout", "0"]),
    (["watch", "--exec-max", "2"], ["--exec-max", "only with --exec"]),
    (["watch", "--exec-timeout", "2"], ["--exec-timeout", "only with --exec"]),
    (["peers", "--expect"], ["--expect"]),
    (["peers", "--expect", "0"], ["--expect", "0"]),
    (["peers", "--expect", "x"], ["--expect", "x"]),
    (["help", "frobnicate"], ["frobnicate"]),
    (["help", "peers", "more"], ["more"]),
    (["help", ""], ["COMMAND"]),
    (["announce", "something"], ["something"]),
    (["announce", "something", "--", "true"], ["something", "--"]),
    (["announce", "true", "--help"], ["true", "--"]),
    (["announce", "--name", "--", "true"], ["true", "--"]),
    (["announce", "--"], ["--", "COMMAND"]),
    (["announce", "--", ""], ["--", "COMMAND"]),
    (["announce", "--name", "x", "--bogus", "--", "true"], ["--bogus"]),
    (["announce", "--name", ""], ["--name"]),
    (["announce", "--name", LONG], ["--name", "63"]),
    (["announce", "--name", "\udcff"], ["--name", "UTF-8"]),
    (["announce", "--instance", ""], ["--instance"]),
    (["announce", "--instance", LONG], ["--instance"]),
    (["announce", "--interval", "99ms"], ["--interval", "99ms"]),
    (["announce", "--interval", "25h"], ["--interval", "25h"]),
    (["announce", "--interval", "x"], ["--interval", "x"]),
    (["announce", "--service", ""], ["--service"]),
    (["announce", "--service", "http"], ["--service", "http", "PORT"]),
    (["announce", "--service", "http:"], ["--service"]),
    (["announce", "--service", "http:0"], ["--service", "0", "65535"]),
    (["announce", "--service", "http:65536"], ["--service", "65536"]),
    (["announce", "--service", "http:x"], ["--service", "x"]),
    (["announce", "--service", "http: 80"], ["--service"]),
    (["announce", "--service", "http:80/sctp"], ["--service", "sctp", "udp"]),
    (["announce", "--service", "-http:80"], ["--service", "-http"]),
    (["announce", "--service", "80:80"], ["--service", "80"]),
    (["announce", "--service", "sixteen-letters-:80"], ["--service"]),
    (["announce", "--service", "http:80,"], ["--service"]),
    (["announce", "--service", "http:80,colour=red"], ["--service", "colour"]),
    (["announce", "--service", "http:80,name=a,name=b"], ["--service", "name"]),
    (["announce", "--service", "http:80,txt.=x"], ["--service", "txt"]),
    (["announce", "--service", "http:80,txt.a=1,txt.a=2"], ["--service", "a"]),
    (["announce", "--service", f"http:80,name={LONG}"], ["--service", "63"]),
    (["announce", "--service", "http:80,txt.a=" + "v" * 256], ["--service", "255"]),
    (["announce", "--service", "http:80", "--service", "http:80,name=b"], ["--service", "http"]),
    (["announce", "--attr", "room"], ["--attr", "room", "KEY=VALUE"]),
    (["announce", "--attr", "=attic"], ["--attr"]),
    (["announce", "--attr", f"{LONG}=x"], ["--attr", "63"]),
    (["announce", "--attr", "a=" + "v" * 256], ["--attr", "255"]),
    (["announce", "--attr", "a=1", "--attr", "a=2"], ["--attr", "a"]),
    (["announce", "--config", ""], ["--config"]),
    (["announce", "--config"], ["--config", "value"]),
    (["update"], ["OPTION", "--help"]),
    (["update", "--instance", "x"], ["OPTION", "--help"]),
    (["update", "--attr", "a=b", "--direct"], ["--direct"]),
    (["update", "--attr", "a=b", "--instance", "x", "--socket", "y"], ["--instance", "--socket"]),
    (["update", "--remove", "http"], ["--remove", "TYPE:PORT[/udp] alone", "'http'"]),
    (["update", "--remove", "http:80,name=x"], ["--remove", "TYPE:PORT", "http:80,name=x"]),
    (["update", "--remove", "http:80", "--service", "http:80,name=x"], ["--remove", "http:80/tcp", "--service"]),
    (["update", "--remove-attr", ""], ["--remove-attr"]),
    (["update", "--remove-attr", "a", "--attr", "a=b"], ["--remove-attr", "'a'", "--attr"]),
    (["show", "--self", "x"], ["--self", "PEER"]),
    (["show", "--self", "--direct"], ["--direct", "--self"]),
    (["config"], ["check PATH", "--help"]),
    (["config", "check"], ["check PATH", "--help"]),
    (["config", "frobnicate", "x"], ["frobnicate", "check"]),
    (["config", "chek", "x"], ["chek", "did you mean 'check'?"]),
    (["config", "check", ""], ["check PATH"]),
    (["config", "check", "x", "--json=yes"], ["--json"]),
]

WRONG_ENVIRONMENT = [
    ("MUSTER_PORT", "x"),
    ("MUSTER_PORT", "65536"),
    ("MUSTER_INTERFACE", "eth0,"),
]


class Usage(LanTest):
    @classmethod
    def setUpClass(cls):
        cls.shared = Lab(1)
        (cls.host,) = cls.shared.hosts

    @classmethod
    def tearDownClass(cls):
        cls.shared.close()

    def refused(self, result, words):
        self.check_refused(result, *words, code=2)
        self.assertLess(len(result.error), 400, result.error)

    def test_wrong_arguments(self):
        for arguments, words in WRONG:
            with self.subTest(arguments=arguments):
                self.refused(self.host.run(*arguments), words)

    def test_wrong_environment(self):
        for name, value in WRONG_ENVIRONMENT:
            with self.subTest(name=name, value=value):
                self.refused(self.host.run("peers", **{name: value}), [name])

    def test_options_win_over_the_environment(self):
        result = self.host.run("peers", "--port", "20000", MUSTER_PORT="x")
        self.assertEqual(result.code, 3, result.describe())

    def test_global_options_before_and_after_the_command(self):
        for arguments in (["--port", "20000", "peers"], ["peers", "--port", "20000"]):
            self.assertEqual(self.host.run(*arguments).code, 3)

    def test_help(self):
        for command in COMMANDS:
            for option in ("--help", "-h"):
                result = self.host.run(command, option)
                self.assertEqual((result.code, result.error), (0, ""), result.describe())
                self.assertIn(f"Usage: muster {command}", result.out)
                self.assertRegex(result.out, rf"(?m)^Examples:\n(.*\n)*.*muster {command}")
                for line in result.out.splitlines():
                    self.assertLessEqual(len(line), 80, line)
        result = self.host.run("--help")
        self.assertEqual((result.code, result.error), (0, ""))
        self.assertLessEqual(max(map(len, result.out.splitlines())), 80)
        for command in COMMANDS:
            self.assertRegex(result.out, rf"(?m)^  {command} ")

    def test_muster_alone(self):
        """It lists the commands by what they are for, on one screen."""
        result = self.host.run()
        self.assertEqual((result.code, result.out), (2, ""))
        self.assertLessEqual(result.error.count("\n"), 40)
        groups = re.findall(r"(?m)^(\w+)[^\n]*:\n((?:  .*\n)+)", result.error)
        self.assertEqual([name for name, _ in groups], ["See", "Tell", "Readings", "Other"])
        for command in COMMANDS:
            self.assertRegex(result.error, rf"(?m)^  {command} ")

    def test_help_as_a_command(self):
        for command in COMMANDS:
            self.assertEqual(self.host.run("help", command).out, self.host.run(command, "--help").out)
        self.assertEqual(self.host.run("help").out, self.host.run("--help").out)
        self.assertEqual(self.host.run("--port", "20000", "help").code, 0)

    def test_columns(self):
        result = self.host.run("peers", "--help")
        self.assertIn("paths by which it is heard now, or by which it heard our question", result.out)

    def test_version(self):
        for arguments in (["--version"], ["-V"], ["peers", "--version"]):
            result = self.host.run(*arguments)
            self.assertEqual((result.code, result.error), (0, ""))
            self.assertRegex(result.out, r"^muster \d+\.\d+\.\d+ \((not )?confined( by .*)?\)\n$")


if __name__ == "__main__":
    main()
