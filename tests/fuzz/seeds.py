#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the first inputs of those fuzz targets that the golden files alone do not feed: tests/fuzz/seeds.py"""

import pathlib
import struct
import zlib

import nacl.signing

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
    large, first, last, question = (
        (GOLDEN / "good" / f"{name}.datagram").read_bytes()
        for name in ("announce-signed-large", "part-signed", "part-signed-last", "query-signed-of-one-part")
    )
    yield datagram(large) + later(5000) + b"".join(datagram(one, path=2) + later(20) for one in (question, first, last, first))
    yield b"\x07\x01" * 40 + later(100) + b"\x07\x02" * 40 + later(1000)
    yield b"\x06\x00" + later(300) + b"\x06\x01" + later(300) + b"\x06\x02" + later(3000) + b"\x06\x07" + later(1000)


def seal(sender=0, lane=0, over=0, plain=b"{}"):
    return bytes([0, sender, lane]) + over.to_bytes(2, "little") + len(plain).to_bytes(2, "little") + plain


def come(number):
    return bytes([1, number])


def seal_inputs():
    """Sealed once, and come in order, twice, late, too late, changed, cut, after a new start and another key."""
    yield b"".join(seal(n % 3, n % 2) for n in range(12)) + b"".join(come(n) for n in (*range(12), *range(12)))
    yield b"".join(seal(0, 0, 200) for _ in range(8)) + b"".join(come(n) for n in (7, 6, 1, 0, 5, 7))
    yield b"".join(seal(1, 1, 9000) for _ in range(9)) + b"".join(come(n) for n in (8, 2, 1, 0, 3, 8))
    yield seal(plain=b"") + bytes([2, 0, 5, 0, 1, 2, 0, 28, 0, 128, 2, 0, 44, 0, 1, 3, 0, 44, 0]) + come(0)
    yield seal() + come(0) + b"\x04\x00" + seal() + come(1) + come(0)
    yield b"".join(seal() + come(n) for n in range(3)) + b"\x04\x00" + seal() * 5 + come(7) + come(5) + come(3)
    for rotation in range(5):
        yield seal(2) + b"\x05" + bytes([rotation]) + seal(2) + come(0) + come(1)
    yield b"\x06\x05\x00\x01abcd" + seal() + b"\x07" + come(0) + come(0)


def say(way, text):
    return bytes([way]) + len(text).to_bytes(2, "little") + text


def pass_on(way, length=65535):
    return bytes([2 + way]) + length.to_bytes(2, "little")


def seal_stream_inputs():
    """A question and its answer, in pieces, by each key, and what breaks them."""
    talk = say(0, b"question\n") + pass_on(0) + say(1, b"answer\n" * 20) + pass_on(1, 30) + pass_on(1)
    for key in range(4):
        yield bytes([key]) + talk + talk
    yield b"\x00" + say(0, b"x" * 40000) + pass_on(0, 100) + pass_on(0)
    for change in (b"\x04\x00\x00\x01", b"\x04\x08\x00\x01", b"\x04\x1d\x00\x01", b"\x04\x28\x00\x80"):
        yield b"\x00" + say(0, b"question\n") + change + pass_on(0) + say(1, b"answer")
    yield b"\x00" + say(0, b"twice") + b"\x08" + pass_on(0) + say(1, b"back") + b"\x0b" + pass_on(1)
    yield b"\x00" + say(0, b"before") + b"\x06\x02\x00hi" + pass_on(0)
    for number in range(1, 6):
        yield b"\x00" + bytes([12, number]) + talk


def state_inputs():
    """Files of the state directory, whole and not, and names."""
    key = bytes(nacl.signing.SigningKey(bytes(range(32))))
    key += bytes(nacl.signing.SigningKey(key).verify_key)
    for text in (key.hex() + "\n", key.hex(), key.hex().upper() + "\n", key[:63].hex() + "00\n", "\0" * 129, ""):
        yield b"\x00" + text.encode()
    for text in ("1\n", "1700000000001\n", "9007199254740990\n", "9007199254740991\n", "0\n", "007\n", "-1\n", "5", " 5\n",
                 "18446744073709551617\n", "0" * 253 + "1\n", "0" * 260 + "1\n"):
        yield b"\x01" + text.encode()
    ring = f"home {key[:32].hex()}\nold {key[32:].hex()}\n"
    for text in (ring, ring[:-1], ring.upper(), ring + ring, "", "home\n", f"-a {key[:32].hex()}\n", ring.replace(" ", "  ")):
        yield b"\x02" + text.encode()
    for names in (b"nas", b"kit\0kit+2", b"a b\0a_b", b"..\0.", b"x" * 96 + b"\0" + b"x" * 97, b"\xff\0_", b"\0", b"-"):
        yield b"\x03" + names


def value(what):
    """A value of a row: an integer, a number, a text, bytes or None."""
    if what is None:
        return b"\x00"
    if isinstance(what, int):
        return b"\x01" + what.to_bytes(1, "little", signed=True) if -128 <= what < 128 else b"\x02" + struct.pack("<q", what)
    if isinstance(what, float):
        return b"\x03" + struct.pack("<d", what)
    content = what.encode() if isinstance(what, str) else what
    return (b"\x04" if isinstance(what, str) else b"\x05") + bytes([len(content)]) + content


def row(table, *values):
    return bytes([table]) + b"".join(value(one) for one in values)


def store_inputs():
    """Readings of each kind; rows of each table, right and of other types; bytes that are changed."""
    yield b"\x00" + b"".join(bytes([n % 4, n * 7 % 256, n % 3]) + b"\x01" + struct.pack("<d", n / 4) for n in range(24))
    yield b"\x00" + b"\x00\x05\x00\x02\x01" + b"\x01\x06\x00\x03\x05abcde" + b"\x02\x07\x00\x04\x04abcd" + b"\x03\x08\x00\x00" + bytes(8)
    for number in (-0.0, 5e-324, 1.7976931348623157e308, 9007199254740992.0, 9007199254740994.0, 0.1):
        yield b"\x00" + (b"\x01\x02\x00\x01" + struct.pack("<d", number)) * 3
    now = 1800000000000000
    base = row(0, 1, now, now, now + 9, 1, 2, 3) + row(1, 1, "id", "thermo", 1) + row(2, 5, "a", "t", "Cel", "", 1, 1)
    yield b"\x01" + base + row(3, 1, 5, now, 1, 0, 1.5, None, None, None, None, None, None) + row(4, 1, 5, now // 60000000, 1, 1, 1, 1, 1)
    yield b"\x01" + base + row(5, 1, now, 1, 1, "joined", None, None) + row(5, 1, now, 2, 1, None, None, None)
    for series in (5, "5", 5.0, "50e-1", "5 ", b"5", None, 6):
        yield b"\x01" + base + row(3, 1, series, now, 1, 0, None, 1, None, None, None, None, None)
    for time in (-1, 2**63 - 1, -(2**63), "x", 1e300, str(now), now + 0.5):
        yield b"\x01" + base + row(3, 1, 5, time, 1, 0, None, None, None, "text", None, None, None)
    for delay in (2**63 - 1, -(2**63), None, "x"):
        yield b"\x01" + base + row(3, 1, 5, now, 1, delay, None, None, None, None, b"", 1.0, 2.0)
    for number in (float("inf"), float("-inf"), "x", b"x"):
        yield b"\x01" + base + row(3, 1, 5, now, 1, 0, number, None, None, None, None, number, number)
        yield b"\x01" + base + row(4, 1, 5, now // 60000000, 2**62, 2**62, number, number, number) * 2
    for count in (-1, 2**62, "x", 1000001):
        yield b"\x01" + base + row(4, 1, 5, now // 60000000, count, 1, 1, 1, 1) + row(4, 1, 5, now // 60000000 + 1, count, 1, 1, 1, 1)
    for place in (0, 16, 100, 4096, 4100, 8200, 12300, 20000):
        yield b"\x02" + place.to_bytes(3, "little") + b"\x01"


def deflated(text, window_bits=12):
    deflater = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    return b'{"deflate":true}\n' + deflater.compress(text) + deflater.flush()


def stream_inputs():
    """A request; answers that are deflated, one behind the other, cut short, spoilt, nested, and a trap."""
    table = deflated((GOLDEN / "replies" / "table.lines").read_bytes())
    yield b'{"muster":1,"request":"table"}'
    yield table
    yield table + b'{"end":"done","count":0}\n' + table
    yield table[:-9]
    yield table[:60] + b"?" + table[61:]
    yield deflated(table)
    yield deflated(b'{"peer":{},"lines":0}\n' * 60000)
    yield deflated(b" " * 200000)
    yield deflated((GOLDEN / "replies" / "table.lines").read_bytes() * 20, 15)


def main():
    write("scan", ['{"a":[1,{"b":"\\ud83d\\ude00"}]}', '{"a":1,"\\u0061":2}', "[[[[[[[[[1]]]]]]]]]"])
    write("number", NUMBERS + [bytes([1, 2, 3, 4, 5, 6, 7, 63])])
    write("message", [(GOLDEN / "good").joinpath(sorted(p.name for p in (GOLDEN / "good").iterdir())[0]).read_bytes()])
    write("senml", PACKS)
    write("stream", list(stream_inputs()))
    write("config", CONFIGS)
    write("seal", list(seal_inputs()))
    write("seal_stream", list(seal_stream_inputs()))
    write("state", list(state_inputs()))
    write("store", list(store_inputs()))
    write("node", list(node_inputs()))


if __name__ == "__main__":
    main()
