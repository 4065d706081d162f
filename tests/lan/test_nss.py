# SPDX-License-Identifier: MIT
"""libnss_muster: real programs resolve NAME.muster by glibc, on hosts with an /etc/nsswitch.conf of their own."""

import json
import os
import pathlib
import re
import shlex
import socket
import subprocess
import sys

import lab

LIBRARY = pathlib.Path(os.environ.get("MUSTER_BUILD", lab.ROOT / "build" / "debug")) / "libnss_muster.so.2"
SOURCES = "files muster [NOTFOUND=return] dns"

# Prints a JSON list of what each call gives: its addresses, or the name of the error.
RESOLVE = """
import ctypes, errno, json, socket, sys, threading
libc = ctypes.CDLL(None)
muster = ctypes.CDLL("libnss_muster.so.2")
libc.gethostbyname.restype = ctypes.c_void_p
libc.__h_errno_location.restype = ctypes.POINTER(ctypes.c_int)
def ask(family, name):
    # On a machine with much else to do 50 ms may pass before anybody answers: then a program tries again.
    # glibc says EAI_AGAIN to who asks for both families alone, and to others that there is no such name.
    tries = int(sys.argv[3])
    for number in range(tries):
        answer = ask_once(family, name)
        is_temporary = answer == "EAI_AGAIN" or (family != "AF_UNSPEC" and answer in ("EAI_NONAME", "not found") and number < 5)
        if not is_temporary:
            break
    return answer
def ask_once(family, name):
    try:
        if family == "gethostbyname":
            if libc.gethostbyname(name.encode()):
                return "found"
            return "EAI_AGAIN" if libc.__h_errno_location()[0] == 2 else "not found"
        if family == "small":
            error, other = ctypes.c_int(), ctypes.c_int()
            status = muster._nss_muster_gethostbyname2_r(
                name.encode(), socket.AF_INET, bytes(64), bytes(64), ctypes.c_size_t(40), ctypes.byref(error), ctypes.byref(other)
            )
            return [status, errno.errorcode[error.value], other.value]
        found = socket.getaddrinfo(name.encode(), 80, getattr(socket, family), socket.SOCK_STREAM)
        scopes = ["%" + socket.if_indextoname(entry[4][3]) if any(entry[4][3:]) else "" for entry in found]
        return [entry[4][0] + scope for entry, scope in zip(found, scopes)]
    except socket.gaierror as error:
        return next(name for name in dir(socket) if name.startswith("EAI_") and getattr(socket, name) == error.errno)
calls, threads = json.loads(sys.argv[1]), int(sys.argv[2])
answers = [[None] * len(calls) for _ in range(threads)]
def run(number):
    for i, call in enumerate(calls):
        answers[number][i] = ask(*call)
running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
for thread in running: thread.start()
for thread in running: thread.join()
assert all(a == answers[0] for a in answers), answers
print(json.dumps(answers[0]))
"""


def sanitizers():
    """What a program that is built without them has to load first."""
    listed = subprocess.run(["ldd", LIBRARY], stdout=subprocess.PIPE, text=True, check=True).stdout
    return ":".join(re.findall(r"=> (\S*lib(?:asan|ubsan)\S*)", listed))


@lab.unittest.skipUnless(LIBRARY.exists(), "the library was not built")
class Nss(lab.LanTest):
    HOSTS = 2
    ISOLATED = True

    def start(self, host, *argv):
        """Starts a program whose machine has the library, and this host's muster as root's."""
        root = self.lan.directory / f"root{host.number}"
        root.mkdir(exist_ok=True)
        host.state.mkdir(exist_ok=True)
        (root / "run").mkdir(exist_ok=True)
        (root / "nsswitch.conf").write_text(f"passwd: files\nhosts: {SOURCES}\n")
        (root / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        binds = [(root / "nsswitch.conf", "/etc/nsswitch.conf"), (root / "resolv.conf", "/etc/resolv.conf")]
        lines = [f"mount --bind {source} $(readlink -f {target})" for source, target in binds]
        for source, directory in ((host.state, "/var/lib/muster"), (root / "run", "/run/muster")):
            lines.append(f"mount -t tmpfs none {pathlib.Path(directory).parent}")
            lines.append(f"mkdir {directory} && mount --bind {source} {directory}")
        script = self.lan.script("set -e\n" + "\n".join(lines) + f"\nexec env LD_PRELOAD={sanitizers()} {shlex.join(argv)}")
        environment = {"LD_LIBRARY_PATH": str(LIBRARY.parent), "ASAN_OPTIONS": "exitcode=99:detect_leaks=0"}
        return host.start_program("unshare", "--mount", "--propagation=private", script, **environment)

    def resolve(self, *calls, threads=1, tries=100):
        """What each (family, name) gives on this host, tried again so often while it says EAI_AGAIN."""
        argv = ("/usr/bin/python3", "-c", RESOLVE, json.dumps(calls), str(threads), str(tries))
        ended = self.start(self.here, *argv).finish()
        self.assertEqual(ended.code, 0, ended.describe())
        return ended.json()

    def announce(self, host, name):
        host.announce(name)
        self.lan.wait_for(lambda: name in [peer["name"] for peer in self.here.peers()], f"{name} is listed")

    def test_names(self):
        for host in self.lan.hosts:
            host.use_families(4, 6)
        self.announce(self.here, "me")
        names = ["nas", "Nas 2", "a.b", "x" * 63, 'k"\\ü']
        for name in names:
            self.announce(self.there, name)
        self.lan.wait_for(lambda: all(peer["other_address"] for peer in self.here.peers()), "both families of each")
        calls = [("AF_INET", f"{name}.muster") for name in names]
        self.assertEqual(self.resolve(*calls), [["10.77.0.2"]] * len(names))
        here = (
            (("AF_INET", "me.muster"), ["10.77.0.1"]),  # this host itself
            (("AF_INET", "NAS.Muster"), ["10.77.0.2"]),
            (("AF_INET", "nas.muster."), ["10.77.0.2"]),
            (("AF_INET", "nas.muster.."), "EAI_NONAME"),
            (("AF_INET6", "nas.muster"), "EAI_NODATA"),  # without its interface the address is of no use
            (("gethostbyname", "nas.muster"), "found"),
            (("gethostbyname", "none.muster"), "not found"),
            (("AF_UNSPEC", "127.0.0.1"), ["127.0.0.1"]),
            (("small", "nas.muster"), [-2, "ERANGE", -1]),  # TRYAGAIN and NETDB_INTERNAL: with more room, please
        )
        self.assertEqual(self.resolve(*[call for call, _ in here]), [answer for _, answer in here])
        (both,) = self.resolve(("AF_UNSPEC", "nas.muster"))
        self.assertEqual(sorted(both), ["10.77.0.2", "fe80::2%eth0"])
        for database, answer in (("ahostsv4", ["10.77.0.2", "STREAM", "nas.muster"]), ("hosts", ["10.77.0.2", "nas.muster"])):

            def is_listed():
                return self.start(self.here, "getent", database, "nas.muster").finish().out.split()[: len(answer)] == answer

            self.lan.wait_for(is_listed, f"getent {database} has it")
        many = self.resolve(*[("AF_UNSPEC", "nas.muster"), ("AF_INET", "none.muster")] * 10, threads=8)
        self.assertEqual(many, [both, "EAI_NONAME"] * 10)

    def test_nothing_leaks(self):
        """What ends in .muster is never asked of DNS: no such peer, no muster, and one that says nothing."""
        server = self.here.socket()
        self.lan.on_close(server.close)
        server.bind(("127.0.0.1", 53))
        server.setblocking(False)
        calls = [("AF_UNSPEC", name) for name in ("none.muster", ".muster", "x" * 64 + ".muster", "MUSTER.muster.")]

        def asked():
            names = []
            while True:
                try:
                    names.append(server.recv(512)[13:].partition(b"\0")[0].replace(b"\7", b"."))
                except BlockingIOError:
                    return names

        self.assertEqual(self.resolve(*calls), ["EAI_NONAME"] * len(calls))  # no muster runs
        self.announce(self.here, "me")
        self.assertEqual(self.resolve(*calls, ("gethostbyname", "none.muster")), ["EAI_NONAME"] * len(calls) + ["not found"])
        listener = socket.socket(socket.AF_UNIX)
        self.lan.on_close(listener.close)
        listener.bind(str(self.here.state / "me" / "hung"))
        listener.listen(0)
        os.replace(self.here.state / "me" / "hung", self.here.state / "me" / "socket")
        # By the first it is accepted without an answer, and by then its queue is full.
        self.assertEqual(self.resolve(*calls[:1] * 3, tries=1), ["EAI_AGAIN"] * 3)
        self.assertEqual(asked(), [])
        self.resolve(("AF_INET", "muster.example"), ("AF_INET", "nasXmuster"), tries=1)
        self.assertEqual({name.partition(b".")[0] for name in asked()}, {b"muster", b"\nnasXmuster"[1:]})

    def test_the_machines_muster(self):
        """/run/muster/socket is asked where the user has none, or none that knows the name."""
        self.announce(self.there, "nas")
        (self.lan.directory / "root1" / "run").mkdir(parents=True)
        self.here.start("announce", "--name", "me", "--socket", str(self.lan.directory / "root1" / "run" / "socket"), MUSTER_STATE=str(self.lan.directory / "service"))
        self.lan.wait_for(lambda: self.resolve(("AF_INET", "nas.muster")) == [["10.77.0.2"]], "it is found")
        listener = socket.socket(socket.AF_UNIX)
        self.lan.on_close(listener.close)
        (self.here.state / "hung").mkdir()
        listener.bind(str(self.here.state / "hung" / "socket"))
        listener.listen(8)
        self.assertEqual(self.resolve(("AF_INET", "nas.muster")), [["10.77.0.2"]])


if __name__ == "__main__":
    lab.main()
