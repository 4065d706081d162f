# SPDX-License-Identifier: MIT
"""Everything that muster prints as JSON keeps to its schema."""

import json
import signal

import jsonschema

from lab import ROOT, LanTest, main
from wire import Peer

SCHEMAS = ROOT / "schemas"


def validator(name):
    """References are files beside it, and nothing is fetched."""
    store = {path.as_uri(): json.loads(path.read_text()) for path in SCHEMAS.glob("*.schema.json")}
    uri = (SCHEMAS / f"{name}.schema.json").as_uri()
    schema = store[uri]
    jsonschema.Draft202012Validator.check_schema(schema)
    resolver = jsonschema.RefResolver(uri, schema, store=store)
    return jsonschema.Draft202012Validator(schema, resolver=resolver)


class Outputs(LanTest):
    HOSTS = 2

    def populate(self):
        """A peer with much, one with nothing, and two without a key: one of a strange name, and one with topics."""
        watch = self.here.watch("--stats")
        services = ("--service", "http:80,name=A page,txt.path=/", "--service", "coap:5683/udp")
        full = self.there.announce("full", *services, "--attr", "a=b")
        bare = self.there.announce("bare")
        Peer(self.there, "\x1b[31m\u202e", [{"type": "ipp", "proto": "tcp", "port": 631}], {"\n": "\t"})
        topics = [{"name": "power", "unit": "\x1b[31m", "units": {"\n": "\t"}}, {"name": "door"}]
        Peer(self.there, "meter", topics=topics, sent={"5": 1})
        self.lan.wait_for(lambda: len(watch.events("joined")) == 4, "four peers")
        return watch, full, bare

    def check(self, schema, *arguments, codes=(0,)):
        validator(schema).validate(self.here.json(*arguments, codes=codes))

    def test_listings(self):
        self.populate()
        self.check("peers", "peers", "--json")
        self.check("peers", "peers", "--json", "full")
        self.check("peers", "peers", "--json", "no-such-*", codes=(4,))
        self.check("peers", "show", "full", "--json")
        self.check("peers", "show", "no-such-peer", "--json", codes=(4,))
        self.check("services", "services", "--json")
        self.check("services", "services", "gopher", "--json", codes=(4,))
        self.check("services", "resolve", "coap", "--json")
        self.check("services", "resolve", "gopher", "--json", codes=(4,))
        self.check("topics", "topics", "--json")
        self.check("topics", "topics", "--json", "no/such/topic", codes=(4,))
        self.check("doctor", "doctor", "--json", codes=(0, 1))
        self.check("why", "why", "full", "--json")
        self.check("why", "why", "no-such-peer", "--json", codes=(4,))

    def test_self(self):
        self.populate()
        validator("self").validate(self.there.json("show", "--self", "--json"))

    def test_listings_that_were_cut_off(self):
        self.populate()
        self.check("peers", "peers", "--json", "--timeout", "1ms", codes=(0, 124))
        self.check("services", "services", "--json", "--timeout", "1ms", codes=(0, 124))
        self.check("topics", "topics", "--json", "--timeout", "1ms", codes=(0, 124))

    def test_listings_of_nobody(self):
        for command in ("peers", "services", "topics"):
            self.check(command, command, "--json", codes=(3,))

    def test_watch(self):
        watch, full, bare = self.populate()
        self.assertEqual(self.there.run("update", "--instance", "full", "--attr", "a=c").code, 0)
        watch.await_event("changed", name="full")
        bare.signal(signal.SIGKILL)
        watch.await_event("lost", name="bare")
        self.there.announce("bare")
        watch.await_event("restarted", name="bare")
        full.signal(signal.SIGTERM)
        watch.await_event("left", name="full")
        watch.await_event("stats")
        check = validator("watch")
        for _, event in watch.events():
            check.validate(event)

    def test_the_schemas_refuse_what_is_wrong(self):
        self.populate()
        peers = self.here.json("peers", "--json")
        for spoil in (
            lambda document: document.pop("schema"),
            lambda document: document["peers"][0].pop("id"),
            lambda document: document["peers"][0].update(state="dead"),
            lambda document: document["peers"][0].update(port="80"),
        ):
            document = json.loads(json.dumps(peers))
            spoil(document)
            with self.assertRaises(jsonschema.ValidationError):
                validator("peers").validate(document)


if __name__ == "__main__":
    main()
