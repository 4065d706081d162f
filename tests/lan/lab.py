# SPDX-License-Identifier: MIT
"""A private LAN for tests: a switch and hosts, each a network namespace that ends with this process.

    with Lab(hosts=2) as lab:
        one, two = lab.hosts
        one.start("announce", "--name", "printer", "--service", "ipp:631")
        watch = two.watch()
        watch.await_event("joined", name="printer")

Root makes the namespaces as root, an ordinary user inside a user namespace. Where the kernel refuses
both, every host is the loopback interface (Lab.isolated is False): stories that need separate hosts
call lab.require_isolation() and are skipped. The test process itself leaves the machine's network
before anything else happens, so that nothing sent here can ever reach it.

Nothing sleeps: whoever waits names a condition and a deadline, and everything that comes in meanwhile
is read and stamped with the monotonic time.
"""

import codecs
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MUSTER = os.environ.get("MUSTER", str(ROOT / "build" / "debug" / "muster"))
SKIPPED = 77  # SKIP_RETURN_CODE of these tests in ctest
PORT = 19797
UNICAST_PORTS = 32

# Generous: it only bounds how long a broken build hangs. What a test measures, it prints.
DEADLINE_S = 60.0
POLL_S = 0.02

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

os.environ["PATH"] = os.environ.get("PATH", "/usr/bin") + ":/usr/sbin:/sbin"


class DeadlineMissed(AssertionError):
    """What was waited for did not happen in time."""


# ---- namespaces ----


def _call(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _isolate():
    """Moves this process into a network of its own, which has nothing but a loopback."""
    try:
        _call(_libc.unshare(_CLONE_NEWNET), "unshare")
    except PermissionError:
        uid, gid = os.getuid(), os.getgid()
        _call(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET), "unshare")
        pathlib.Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        pathlib.Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
        pathlib.Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, stderr=subprocess.DEVNULL)


def _isolation_works():
    """Tries in a child whether the kernel lets us make namespaces, move between them and link them."""
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            _isolate()
            home = _namespace_fd()
            _call(_libc.unshare(_CLONE_NEWNET), "unshare")
            _call(_libc.setns(home, _CLONE_NEWNET), "setns")
            subprocess.run(
                ["ip", "link", "add", "probe0", "type", "veth", "peer", "name", "probe1"],
                check=True,
                stderr=subprocess.DEVNULL,
            )
            code = 0
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _namespace_fd():
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class _Network:
    """This process's own network, entered once; isolated says whether the kernel allowed it."""

    isolated = None
    home = None

    @classmethod
    def enter(cls):
        if cls.isolated is None:
            cls.isolated = _isolation_works()
            if cls.isolated:
                _isolate()
                cls.home = _namespace_fd()
            else:
                print("# the kernel refuses network namespaces: all hosts are the loopback", flush=True)
        return cls.isolated

    @classmethod
    def new(cls):
        """A new network namespace with its loopback up, as a file descriptor that keeps it alive."""
        _call(_libc.unshare(_CLONE_NEWNET), "unshare")
        try:
            return _namespace_fd()
        finally:
            _call(_libc.setns(cls.home, _CLONE_NEWNET), "setns")


# ---- the lab ----


class Lab:
    """A switch with `hosts` hosts, 10.77.0.1 and so on, without IPv6, and all that runs on them."""

    def __init__(self, hosts=1):
        self.isolated = _Network.enter()
        self.port = PORT
        self._selector = selectors.DefaultSelector()
        self._processes = []
        self._scripts = 0
        self._closers = contextlib.ExitStack()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="muster-lan-"))
        self._closers.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self.hosts = []
        self.switch = None
        try:
            if self.isolated:
                self._build(hosts)
            else:
                # Tests that run side by side share the one loopback: each takes ports of its own, below
                # the ephemeral ones.
                self.port = 20000 + os.getpid() % 380 * (UNICAST_PORTS + 1)
                self.hosts = [Host(self, number, None) for number in range(1, hosts + 1)]
        except BaseException:
            self.close()
            raise

    def _build(self, count):
        self.switch = self.namespace()
        self.hosts = [Host(self, number, self.namespace()) for number in range(1, count + 1)]
        self.ip(
            self.switch,
            "link add br0 type bridge forward_delay 0",
            "link set br0 addrgenmode none",
            "link set br0 up",
        )
        self.plug(*self.hosts)
        for host in self.hosts:
            host.ip("link set lo up")

    def plug(self, *hosts):
        """Gives each an eth0 with a cable to the switch."""
        lines = []
        for host in hosts:
            port = f"port{host.number}"
            lines.append(f"link add {port} type veth peer name eth0 netns /proc/{os.getpid()}/fd/{host.namespace}")
            lines.append(f"link set {port} master br0 addrgenmode none")
            lines.append(f"link set {port} up")
        self.ip(self.switch, *lines)
        for host in hosts:
            host.ip(
                "link set eth0 addrgenmode none",
                f"addr add {host.address}/24 brd + dev eth0",
                "link set eth0 up",
                # Programs that know nothing of interfaces send where the default route leads.
                "route add default dev eth0",
            )

    def namespace(self):
        """A new network, as a file descriptor."""
        fd = _Network.new()
        self.on_close(lambda: os.close(fd))
        return fd

    def ip(self, namespace, *lines):
        """Runs lines of ip-batch(8) in a namespace."""
        subprocess.run(
            ["ip", "-batch", "-"],
            input="\n".join(lines),
            text=True,
            check=True,
            preexec_fn=lambda: _enter_namespace(namespace),
        )

    def switched(self):
        """Bytes and packets that the hosts sent into the switch so far, with Ethernet's headers."""
        with _inside(self.switch):
            listed = pathlib.Path("/proc/thread-self/net/dev").read_text(encoding="ascii")
        ports = [line.split() for line in listed.splitlines() if line.lstrip().startswith("port")]
        return [sum(int(port[column]) for port in ports) for column in (1, 2)]

    def join(self, one, name, other, other_name, *options):
        """Joins two hosts by a cable of their own, with an interface of this name at each end."""
        ends = [f"{interface} netns /proc/{os.getpid()}/fd/{host.namespace}" for host, interface in ((one, name), (other, other_name))]
        self.ip(self.switch, f"link add {ends[0]} {' '.join(options)} type veth peer name {ends[1]}")
        for host, interface in ((one, name), (other, other_name)):
            host.ip(f"link set {interface} addrgenmode none")

    def snoop(self, with_querier):
        """The switch sends groups where somebody joined them, and asks who did, or does not ask. What nobody
        asks for is forgotten after two seconds."""
        self.ip(
            self.switch,
            f"link set br0 type bridge mcast_snooping 1 mcast_querier {int(with_querier)} mcast_query_interval 100 "
            "mcast_query_response_interval 50 mcast_membership_interval 200 mcast_querier_interval 200",
        )

    def snooped(self):
        """The groups that the switch knows."""
        listed = subprocess.run(
            ["bridge", "-j", "mdb", "show"],
            stdout=subprocess.PIPE,
            check=True,
            preexec_fn=lambda: _enter_namespace(self.switch),
        )
        return {row["grp"] for known in json.loads(listed.stdout) for row in known["mdb"]}

    def script(self, text):
        """A shell script of this text, as a path."""
        self._scripts += 1
        path = self.directory / f"script{self._scripts}"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    def require_isolation(self):
        if not self.isolated:
            raise unittest.SkipTest("needs hosts of their own, and the kernel refuses namespaces")

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.close(check=failure[0] is None)

    def close(self, check=True):
        """Ends every process and every namespace. Reports what a sanitizer said, unless check is False."""
        complaints = [process.close() for process in self._processes]
        self._closers.close()
        self._selector.close()
        if check and any(complaints):
            raise AssertionError("\n".join(filter(None, complaints)))

    def on_close(self, callback):
        """Calls callback() when the lab ends, the last one first."""
        self._closers.callback(callback)

    def on_readable(self, source, callback):
        """Calls callback() whenever source can be read while somebody waits; undone by forget()."""
        self._selector.register(source, selectors.EVENT_READ, callback)

    def forget(self, source):
        self._selector.unregister(source)

    def pump(self, timeout_s):
        """Reads everything that comes in, once, waiting at most timeout_s for the first of it."""
        for key, _ in self._selector.select(timeout_s):
            key.data()

    def wait_for(self, condition, what, deadline_s=DEADLINE_S):
        """Waits until condition() is true and returns its value; DeadlineMissed, with `what`, if never."""
        end = time.monotonic() + deadline_s
        while True:
            self.pump(0)
            value = condition()
            if value:
                return value
            left = end - time.monotonic()
            if left <= 0:
                raise DeadlineMissed(f"not within {deadline_s} s: {what}\n{self.describe()}")
            self.pump(min(left, POLL_S))

    def never(self, condition, what, during_s):
        """Waits for all of during_s and fails as soon as condition() is true."""
        try:
            value = self.wait_for(condition, "", during_s)
        except DeadlineMissed:
            return
        raise AssertionError(f"{what}: {value}\n{self.describe()}")

    def describe(self):
        return "\n".join(process.describe() for process in self._processes)

    def started(self, process):
        self._processes.append(process)
        return process


def _enter_namespace(namespace):
    """Runs between fork and exec: a child never outlives this process, and lives where it belongs. A shell that
    runs tests in the background has them ignore SIGINT, which children would inherit."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if namespace is not None:
        _call(_libc.setns(namespace, _CLONE_NEWNET), "setns")


@contextlib.contextmanager
def _inside(namespace):
    """This process is in that network in this block."""
    _call(_libc.setns(namespace, _CLONE_NEWNET), "setns")
    try:
        yield
    finally:
        _call(_libc.setns(_Network.home, _CLONE_NEWNET), "setns")


class Host:
    """One host of the lab. namespace is None when it is only the loopback."""

    def __init__(self, lab, number, namespace):
        self.lab = lab
        self.number = number
        self.namespace = namespace
        self.interface = "eth0" if namespace is not None else "lo"
        self.address = f"10.77.0.{number}" if namespace is not None else "127.0.0.1"
        self.address6 = None  # use_families() gives one
        self.state = lab.directory / f"host{number}"

    def environment(self, **extra):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MUSTER")}
        environment.update(
            MUSTER_INTERFACE=self.interface,
            MUSTER_PORT=str(self.lab.port),
            MUSTER_STATE=str(self.state),
            MUSTER_CONFINE="strict",  # a system call that the list of src/program/confine lacks ends muster by SIGSYS
            HOME=str(self.lab.directory),
            LC_ALL="C.UTF-8",
            ASAN_OPTIONS="exitcode=99:detect_leaks=1",
            UBSAN_OPTIONS="halt_on_error=1:exitcode=99:print_stacktrace=1",
        )
        environment.update(extra)
        return {name: value for name, value in environment.items() if value is not None}

    def start_program(self, *argv, terminal=None, **environment):
        """Starts any program on this host. Environment variables set to None are left out."""
        return self.lab.started(Process(self, argv, self.environment(**environment), terminal))

    def start(self, *arguments, **environment):
        """Starts muster with these arguments."""
        return self.start_program(MUSTER, *arguments, **environment)

    def hold_program(self, *argv, **environment):
        """A program that waits for release(): so that many start in the same moment."""
        return self.start_program("sh", "-c", 'read -r go; exec "$@"', "sh", *argv, **environment)

    def run(self, *arguments, deadline_s=DEADLINE_S, **environment):
        """Runs muster with these arguments to its end."""
        return self.start(*arguments, **environment).finish(deadline_s)

    def key(self, *arguments, text=""):
        """Runs `muster key` with these arguments to its end; it reads a text."""
        process = self.start("key", *arguments)
        process.write(text)
        process.close_input()
        return process.finish()

    def share_key(self, name, *others):
        """Makes a group key here and adds it on the others."""
        self.key("new", name)
        for host in others:
            host.key("add", name, text=self.key("show", name).out)

    def announce(self, name, *arguments):
        """Starts muster announce, and waits until it hears the others and can be asked, or has ended. With start()
        several begin at the same time."""
        return self.start("announce", "--name", name, *arguments).await_identity()

    def watch(self, *arguments):
        return self.start("watch", "--ndjson", *arguments)

    def peers(self, *arguments):
        """The rows of `muster peers --json`."""
        return self.json("peers", "--json", *arguments)["peers"]

    def json(self, *arguments, codes=(0, 3, 4)):
        """What muster with these arguments prints, parsed; it ends with one of these codes."""
        finished = self.run(*arguments)
        if finished.code not in codes or not finished.out:
            raise AssertionError(finished.describe())
        return finished.json()

    def ip(self, *lines):
        """Runs lines of ip-batch(8) on this host."""
        self.lab.ip(self.namespace, *lines)

    def use_families(self, *families):
        """Has an address of these families from now on, 4 and 6; a new host has that of IPv4. There is no wait
        for the detection of duplicates."""
        if 6 in families and self.address6 is None:
            self.address6 = f"fe80::{self.number}"
            self.ip(f"addr add {self.address6}/64 dev {self.interface} nodad")
        if 4 not in families:
            self.ip(f"addr flush dev {self.interface} scope global")

    def nft(self, rules):
        """Loads nftables rules into this host."""
        subprocess.run(
            ["nft", "-f", "-"],
            input=rules,
            text=True,
            check=True,
            preexec_fn=lambda: _enter_namespace(self.namespace),
        )

    def nft_list(self, *what):
        """The objects of `nft list` on this host, each as {kind: members}."""
        listed = subprocess.run(
            ["nft", "-j", "list", *what],
            stdout=subprocess.PIPE,
            check=True,
            preexec_fn=lambda: _enter_namespace(self.namespace),
        )
        return json.loads(listed.stdout)["nftables"]

    def drop_incoming(self, match):
        """Drops what matches (an nftables expression) before anybody on this host receives it."""
        ports = f"{PORT - 1}-{PORT + UNICAST_PORTS}"
        self.nft(
            "table inet lab\n"
            "delete table inet lab\n"
            "table inet lab {\n"
            "chain incoming { type filter hook input priority 0;\n"
            f'iifname "{self.interface}" udp dport {ports} {match} drop\n'
            "}\n"
            "}\n"
        )

    def drop_nothing(self):
        """Ends what drop_incoming() began."""
        self.nft("delete table inet lab\n")

    def lose_incoming(self, percent):
        """Loses so many of the received datagrams, each by its own chance."""
        self.drop_incoming(f"numgen random mod 100 < {percent}")

    @contextlib.contextmanager
    def inside(self):
        """Sockets made in this block belong to the host."""
        if self.namespace is None:
            yield
            return
        with _inside(self.namespace):
            yield

    def socket(self, kind=socket.SOCK_DGRAM):
        with self.inside():
            return socket.socket(socket.AF_INET, kind)


# ---- processes ----


def _open_files(pid):
    """What the descriptors of a process, and of all that it started, are open on."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # what ends meanwhile
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                yield os.readlink(f"/proc/{pid}/fd/{descriptor}")
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            yield from _open_files(child)


class Line(str):
    """A line of output with the monotonic time at which it was read."""

    stamp = 0.0


class Process:
    """A program on a host. Its output is read whenever somebody waits."""

    def __init__(self, host, argv, environment, terminal=None):
        """terminal, a (columns, rows) pair, gives it a pseudo-terminal for stdout and stderr."""
        self.lab = host.lab
        self.host = host
        self.argv = argv
        self.out = ""
        self.error = ""
        self.lines = []
        self.raw = b""
        self._rests = {}
        self._decoders = {}  # a read may end inside of a character
        self._events = []
        output = error = subprocess.PIPE
        if terminal:
            master, slave = os.openpty()
            columns, rows = terminal
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            output = error = slave
        self._popen = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=error,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: _enter_namespace(host.namespace),
        )
        self.pid = self._popen.pid
        if terminal:
            os.close(slave)
            self._read_from(open(master, "rb", buffering=0), "out")
        else:
            self._read_from(self._popen.stdout, "out")
            self._read_from(self._popen.stderr, "error")

    def _read_from(self, stream, name):
        os.set_blocking(stream.fileno(), False)
        self._rests[stream] = b""
        self._decoders[stream] = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self.lab.on_readable(stream, lambda: self._read(stream, name))

    def _read(self, stream, name):
        try:
            data = os.read(stream.fileno(), 1 << 16)
        except BlockingIOError:
            return
        except OSError:  # a terminal whose last user is gone
            data = b""
        if not data:
            self._decode(stream, name, data, True)
            self.lab.forget(stream)
            stream.close()
            del self._rests[stream]
            return
        self.raw += data
        self._decode(stream, name, data)
        if name == "out":
            self._split(stream, data)

    def _decode(self, stream, name, data, is_last=False):
        setattr(self, name, getattr(self, name) + self._decoders[stream].decode(data, is_last))

    def _split(self, stream, data):
        *whole, self._rests[stream] = (self._rests[stream] + data).split(b"\n")
        for text in whole:
            line = Line(text.decode("utf-8", "backslashreplace"))
            line.stamp = time.monotonic()
            self.lines.append(line)

    @property
    def code(self):
        """The exit code, negative for a signal; None while it runs."""
        return self._popen.poll()

    @property
    def done(self):
        """True once it has ended and all its output was read."""
        return self.code is not None and not self._rests

    def events(self, *kinds, **members):
        """The (stamp, object) of every JSON line on stdout whose "event" is one of kinds (all, without)
        and that has these members."""
        for line in self.lines[len(self._events) :]:
            self._events.append((line.stamp, json.loads(line)))
        return [
            (stamp, event)
            for stamp, event in self._events
            if (not kinds or event.get("event") in kinds)
            and all(event.get(name) == value for name, value in members.items())
        ]

    def json(self):
        """The one JSON document that it printed."""
        return json.loads(self.out)

    def await_event(self, kind, deadline_s=DEADLINE_S, after=0.0, **members):
        """The first (stamp, object) of such an event read after the stamp `after`."""

        def found():
            return [event for event in self.events(kind, **members) if event[0] > after]

        return self.lab.wait_for(found, f"event {kind} {members} from {self.name}", deadline_s)[0]

    def await_line(self, text, deadline_s=DEADLINE_S):
        """The first line on stdout that contains text."""

        def found():
            return [line for line in self.lines if text in line]

        return self.lab.wait_for(found, f"{text!r} from {self.name}", deadline_s)[0]

    def await_identity(self):
        """Waits until it has said who it is, which it does once its sockets are open, or has ended. Returns self."""
        self.lab.wait_for(lambda: ", unicast port " in self.error or self.done, f"who {self.name} is")
        return self

    def await_listening(self):
        """Waits until it, or a program that it started, hears the group: what others say from now on reaches it. Not for
        what asks a running muster. Returns self."""
        self.lab.wait_for(lambda: self.is_listening() or self.done, f"{self.name} listens")
        return self

    def has_sockets(self):
        """Whether it, or a program that it started, has sockets of any kind."""
        return any(name.startswith("socket:") for name in _open_files(self.pid))

    def is_listening(self):
        """Whether it, or a program that it started, has a socket on the port of the group."""
        try:
            tables = [pathlib.Path(f"/proc/{self.pid}/net/{name}").read_text(encoding="ascii") for name in ("udp", "udp6")]
        except (FileNotFoundError, ProcessLookupError):
            return False
        rows = [line.split() for table in tables for line in table.splitlines()[1:]]
        listening = {f"socket:[{row[9]}]" for row in rows if int(row[1].rsplit(":", 1)[1], 16) == self.lab.port}
        return any(socket in listening for socket in _open_files(self.pid))

    def release(self):
        """Starts what hold_program() holds."""
        self.write("\n")

    def write(self, text):
        """Writes to its stdin."""
        self._popen.stdin.write(text.encode("utf-8", "surrogateescape"))
        self._popen.stdin.flush()

    @property
    def input(self):
        """Its stdin, to be written to by hand."""
        return self._popen.stdin

    def close_input(self):
        """Ends its stdin."""
        self._popen.stdin.close()

    def signal(self, number):
        """Sends a signal and returns the time at which it was sent."""
        self._popen.send_signal(number)
        return time.monotonic()

    def finish(self, deadline_s=DEADLINE_S):
        """Waits for its end. Returns self."""
        self.lab.wait_for(lambda: self.done, f"end of {self.name}", deadline_s)
        complaint = self._complaint()
        if complaint:
            raise AssertionError(complaint)
        return self

    def stop(self, deadline_s=DEADLINE_S):
        """Asks it to end (SIGTERM) and waits for that. Returns self."""
        self.signal(signal.SIGTERM)
        return self.finish(deadline_s)

    def close(self):
        """Ends it by force if need be. Returns what a sanitizer said, or None."""
        if self.code is None:
            self._popen.kill()
            self._popen.wait()
        for stream in list(self._rests):
            while stream in self._rests:
                before = len(self.raw)
                self._read(stream, "error" if stream is self._popen.stderr else "out")
                if stream in self._rests and len(self.raw) == before:
                    self.lab.forget(stream)  # a grandchild still holds the other end
                    stream.close()
                    del self._rests[stream]
        self._popen.stdin.close()
        return self._complaint()

    def _complaint(self):
        if "Sanitizer" in self.error or "runtime error:" in self.error or self.code in (99, -signal.SIGSEGV):
            return self.describe()
        return None

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_kb(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0])

    def children(self):
        return len(pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split())

    @property
    def name(self):
        return f"host {self.host.number}: {' '.join(map(str, self.argv))}"

    def describe(self):
        """All that is known of it, for a failure's message."""
        return (
            f"--- {self.name}\nexit code: {self.code}\nstdout:\n{self.out[-4000:]}\nstderr:\n{self.error[-4000:]}"
        )


# ---- tests ----


class LanTest(unittest.TestCase):
    """A story in a lab of HOSTS hosts, `here`, `there` and `third`; 0: it makes labs of its own. One that is
    ISOLATED needs hosts of their own."""

    HOSTS = 0
    ISOLATED = False

    def setUp(self):
        if self.HOSTS:
            self.lan = self.lab(self.HOSTS)
            self.here, self.there, self.third = (self.lan.hosts + [None, None])[:3]
        if self.ISOLATED:
            self.lan.require_isolation()

    def lab(self, hosts=1):
        lab = Lab(hosts)
        # Closed after the test either way; a sanitizer's report must fail the test too.
        self.addCleanup(lab.close)
        return lab

    def check_refused(self, result, *words, code=1):
        """Ended with this code, nothing on stdout, and one line that has these words."""
        self.assertEqual((result.code, result.out), (code, ""), result.describe())
        self.assertEqual(result.error.count("\n"), 1, result.describe())
        self.assertTrue(result.error.startswith("muster"), result.error)
        for word in words:
            self.assertIn(word, result.error)


def note(text):
    """A measured figure or a remark, for the reader of the log."""
    print(f"# {text}", flush=True)


def main():
    """Runs this file's tests. Ends with 77 when the kernel allowed none of them."""
    if not os.access(MUSTER, os.X_OK):
        sys.exit(f"{MUSTER} is missing: build it, or say in MUSTER where it is")
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun and len(result.skipped) == result.testsRun:
        sys.exit(SKIPPED)
