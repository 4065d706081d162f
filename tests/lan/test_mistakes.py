# SPDX-License-Identifier: MIT
"""Forty mistakes that people make, and the one line that each gets."""

from lab import LanTest, main

FILES = {
    "comma.json": '{"name": "nas",}',
    "typo.json": '{"name": "nas", "typo.json:1:28: servces: unknown, expected schema, name": []}',
    "port.json": '{"name": "nas",\n "services": [{"type": "http", "port": "80"}]}',
    "two.json": '{"name": "nas"} {"name": "attic"}',
}

# What is typed, the exit code, and what the line has to say. "nas" runs here, and "Printer" on another host.
MISTAKES = [
    # commands and options
    ("pears", 2, "no such command; did you mean 'peers'?"),
    ("list", 2, "no such command; did you mean 'peers'?"),
    ("browse", 2, "did you mean 'peers'?"),
    ("lookup http", 2, "did you mean 'resolve'?"),
    ("pub t 1", 2, "did you mean 'publish'?"),
    ("foo", 2, "no such command, see muster --help"),
    ("help key new", 2, "new: expected nothing after COMMAND, see muster help key"),
    ("metrics --output x", 2, "no such option; did you mean '--file'?"),
    ("xyzzy", 2, "no such command, see muster --help"),
    ("peers --jsn", 2, "no such option; did you mean '--json'?"),
    ("peers --state alive,gone", 2, "expected some of alive,suspect,lost,left, got 'alive,gone'"),
    ("peers --json -o NAME", 2, "-o/--columns: expected without --json"),
    ("peers -o NAME,ADRESS", 2, "no such column 'ADRESS', expected one of NAME, STATE, ADDRESS"),
    ("peers --format {nam}", 2, "no such placeholder '{nam}', expected {id}, {name}"),
    ("peers --timeout 5x", 2, "--timeout: expected"),
    ("services --format {host}:{prot}", 2, "no such placeholder '{prot}'"),
    ("announce --direct", 2, "--direct: expected with commands that ask"),
    ("announce http:80", 2, "http:80: expected no argument, did you mean --service http:80?"),
    ("announce --service http", 2, "expected TYPE:PORT[/PROTO]"),
    ("announce --service 80:http", 2, "--service"),
    ("announce --service _http._tcp:80", 2, "--service: expected"),
    ("announce --attr room", 2, "--attr: expected KEY=VALUE"),
    ("announce python3 -m http.server", 2, "python3: expected no argument, or -- before a COMMAND"),
    # names
    ("show priter", 4, "nothing matches 'priter' among 2 peers; did you mean 'Printer'?"),
    ("resolve htpp", 4, "did you mean 'http'?"),
    ("resolve nas/ipp", 4, "nas offers http:80"),
    ("resolve http --name nobody", 4, "nothing matches 'http' of 'nobody' among 2 peers; muster peers lists"),
    ("resolve 10.9.9.9", 4, "muster peers lists who is here"),
    ("show xx", 4, "nothing matches 'xx' among 2 peers; mus"),
    ("peers sensor-*", 4, "nothing matches 'sensor-*' among 2 peers"),
    ("topics kitchen/#", 4, "nothing matches 'kitchen/#' among 2 peers; none of them publishes anything"),
    ("wait priter --timeout 0.2", 124, "0 of 1 alive for 'priter'; did you mean 'Printer'?"),
    ("wait nas --count 2 --timeout 0.2", 124, "timed out: 1 of 2 alive for 'nas'\n"),
    ("peers sen* --expect 3 --timeout 0.2", 4, "expected 3 peers for 'sen*', found 0"),
    # readings
    ("wait kitchen/temp", 2, "expected a reading with an operator, 'kitchen/temp > 5', or name:kitchen/temp"),
    ("publish kitchen/#", 2, "expected a VALUE or --file behind it"),
    ("publish kitchen/# 5", 2, "wildcards"),
    ("subscribe", 2, "PATTERN…: expected an argument"),
    ("subscribe nothing/here --timeout 0.2", 4, "nothing of 'nothing/here' was heard; muster topics lists"),
    ("wait kitchen/*<5", 2, "+ stands for one level"),
    ("replay x.db --topic kitchen/*", 2, "+ stands for one level"),
    ("publish t 21,5 --unit Cel", 2, "expected a number for the unit 'Cel', got '21,5'; a decimal point"),
    ("publish t {\"a\":1}", 2, "--text publishes it as it stands"),
    ("record # --db /nope/x.db", 1, "/nope/x.db: there is no directory /nope"),
    # update and watch
    ("update", 2, "expected something to change, such as --attr KEY=VALUE"),
    ("update --remove http:99", 1, "--remove http:99/tcp: the running muster does not announce it"),
    ("update --instance attic --attr a=b", 3, "no muster announce runs here as instance attic"),
    ("watch --event gone", 2, "expected joined, changed, restarted, suspect, returned, lost, left or conflict, got 'gone'"),
    ("watch --exec ./no-hook", 1, "--exec: './no-hook' can't be run: No such file or directory"),
    # config
    ("config comma.json", 2, "did you mean config check "),
    ("config check", 2, "check PATH: expected a file or a directory"),
    ("config check comma.json", 1, "comma.json:1:16: not JSON: expected no comma before it"),
    ("config check typo.json", 1, "servces"),
    ("config check port.json", 1, "port.json:2:40: services[0].port: expected 1 to 65535, got a text"),
    ("config check two.json", 1, "two.json:1:"),
    ("config check no.json", 1, "no.json: cannot be read: No such file or directory"),
]


class Mistakes(LanTest):
    HOSTS = 2

    def test_each_gets_one_line(self):
        self.here.announce("nas", "--service", "http:80")
        self.there.announce("Printer", "--service", "coap:5683/udp")
        self.assertEqual(self.here.run("peers", "--expect", "2", "--timeout", "20").code, 0)
        for name, text in FILES.items():
            (self.lan.directory / name).write_text(text)
        self.assertGreaterEqual(len(MISTAKES), 40)
        for typed, code, said in MISTAKES:
            with self.subTest(typed=typed):
                arguments = [str(self.lan.directory / word) if word in FILES else word for word in typed.split()]
                result = self.here.run(*arguments)
                self.check_refused(result, said, code=code)
                self.assertTrue(result.error.startswith("muster"), result.error)


if __name__ == "__main__":
    main()
