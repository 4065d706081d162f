#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the first inputs of those fuzz targets that the golden files alone do not feed: tests/fuzz/seeds.py"""

import pathlib

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parents[1] / "schemas" / "golden"
CORPUS = HERE / "corpus"

NUMBERS = ["0", "-0", "1e22", "1e23", "5e-324", "2.2250738585072011e-308", "1.7976931348623157e308", "1e309", "0.1",
           "9007199254740993", "-12.50e-3", "123456789012345678901234567890", "01", "1.", "-", "1e+"]
PACKS = [
    '{"n":"a","u":"Cel","v":21.5}',
    '[{"bn":"room/","bt":1.7e9,"bu":"%RH","n":"a","v":1},{"n":"b","t":-5,"v":2}]',
    '[{"bn":"x","bv":10},{"n":"a","v":1},{"n":"b","vs":"\\u00e9\\"\\\\"},{"n":"c","vb":true},{"n":"d","vd":"aGkgCg"}]',
    '[{"n":"a","s":1e9,"ut":10},{"n":"b","v":1,"unknown":{"a":[1,null]},"t":0}]',
    '{"n":"a","v":1,"must_":1}',
]
CONFIGS = [
    '{"name":"nas","services":[{"type":"http","port":8080,"txt":{"path":"/"}}],"attrs":{"room":"cellar"}}',
    '{"interfaces":["eth0"],"port":19797,"cache":["kitchen/#"],"peers":["nas.example"]}',
    '{"services":[{"type":"http","port":99999}],"unknown":1}',
    "[1,2",
]


def write(name, inputs):
    directory = CORPUS / name
    directory.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(inputs):
        (directory / f"seed-{number:02}").write_bytes(content if isinstance(content, bytes) else content.encode())


def datagram(content, path=0, host=1):
    return bytes([0, path, host]) + len(content).to_bytes(2, "little") + content


def later(milliseconds):
    return b"\x04" + milliseconds.to_bytes(2, "little")


def stream(number, event, content=b""):
    return bytes([5, number, event]) + len(content).to_bytes(2, "little") + content


def node_inputs():
    """Lives of a node: it hears what the golden files say, publishes, is asked, and runs out of memory."""
    good = [file.read_bytes() for file in sorted((GOLDEN / "good").iterdir())]
    data = [file.read_bytes() for file in sorted((GOLDEN / "telemetry").iterdir())]
    requests = [file.read_bytes() for file in sorted((GOLDEN / "requests").iterdir())]
    for begin in range(0, len(good), 12):
        some = list(enumerate(good[begin : begin + 12]))
        yield b"".join(datagram(one) + later(50) for _, one in some) + later(30000)
        yield b"".join(datagram(one, path=2, host=number % 8) for number, one in some) + later(5000)
        yield b"".join(bytes([8, number + 1]) + datagram(one) for number, one in some)
    for begin in range(0, len(data), 12):
        some = data[begin : begin + 12]
        yield datagram(good[0]) + b"".join(datagram(one, path=3 + n % 3) + later(20) for n, one in enumerate(some))
    for number, request in enumerate(requests):
        line = request if request.endswith(b"\n") else request + b"\n"
        yield stream(number % 2 * 6, 0) + stream(number % 2 * 6, 2, line) + later(1000) + stream(number % 2 * 6, 4)
    yield b"\x07\x01" * 40 + later(100) + b"\x07\x02" * 40 + later(1000)
    yield b"\x06\x00" + later(300) + b"\x06\x01" + later(300) + b"\x06\x02" + later(3000) + b"\x06\x07" + later(1000)


def main():
    write("scan", ['{"a":[1,{"b":"\\ud83d\\ude00"}]}', '{"a":1,"\\u0061":2}', "[[[[[[[[[1]]]]]]]]]"])
    write("number", NUMBERS + [bytes([1, 2, 3, 4, 5, 6, 7, 63])])
    write("message", [(GOLDEN / "good").joinpath(sorted(p.name for p in (GOLDEN / "good").iterdir())[0]).read_bytes()])
    write("senml", PACKS)
    write("stream", ['{"muster":1,"request":"table"}'])
    write("config", CONFIGS)
    write("node", list(node_inputs()))


if __name__ == "__main__":
    main()
