# SPDX-License-Identifier: MIT
"""The Debian packages: built by their preset, checked by lintian, installed, run, removed and purged."""

import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lan"))

import confine  # noqa: E402
import lab  # noqa: E402
import seccomp  # noqa: E402
from test_bridge_mqtt import Broker  # noqa: E402

EXPOSURE_MAX = 15  # tenths, as systemd-analyze wants them
PACKAGES = ("libmuster-dev", "libmuster0.1", "libnss-muster", "muster", "muster-bridge-dnssd", "muster-bridge-mqtt", "python3-muster")
BRIDGES = ("muster-bridge-dnssd", "muster-bridge-mqtt")


def run(*argv, **options):
    """Runs a program to its end, which is to be a good one, and returns what it printed."""
    result = subprocess.run(
        list(map(str, argv)),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        **options,
    )
    assert result.returncode == 0, f"{shlex.join(map(str, argv))}: {result.returncode}\n{result.stdout}"
    return result.stdout


class Machine:
    """A directory that dpkg takes for a machine on which nothing else is installed."""

    def __init__(self, root):
        self.root = root
        database = root / "var" / "lib" / "dpkg"
        for directory in ("info", "updates", "triggers"):
            (database / directory).mkdir(parents=True)
        for file in ("status", "available"):
            (database / file).touch()

    def dpkg(self, *arguments):
        # Only root may own files of others; fakeroot makes an ordinary user believe it did. Scripts run
        # outside and are told in DPKG_ROOT where they are meant to work. No part of a package is left out,
        # whatever this machine's own dpkg leaves out.
        fake = [] if os.geteuid() == 0 else ["fakeroot"]
        force = "--force-not-root,bad-path,depends,script-chrootless,confold"
        return run(
            *fake,
            "dpkg",
            f"--root={self.root}",
            force,
            "--log=/dev/null",
            "--path-include=*",
            *arguments,
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
        )

    def status(self, package):
        text = (self.root / "var" / "lib" / "dpkg" / "status").read_text()
        found = re.search(rf"(?m)^Package: {package}\nStatus: (.*)$", text)
        return found[1] if found else None


class Deb(lab.LanTest):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="muster-deb-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.build()
        cls.debs = {path.name.partition("_")[0]: path for path in cls.directory.glob("*.deb")}
        cls.machine = Machine(cls.directory / "machine")
        cls.machine.dpkg("--install", *(cls.debs[package] for package in ("muster", *BRIDGES)))
        cls.root = cls.machine.root
        cls.unit, *cls.bridge_units = (cls.root / f"usr/lib/systemd/system/{package}.service" for package in ("muster", *BRIDGES))
        # CPack has the library's scripts call ldconfig: they are not run here.
        cls.libraries = cls.directory / "libraries"
        for package in ("libmuster0.1", "libmuster-dev"):
            run("dpkg-deb", "--extract", cls.debs[package], cls.libraries)

    @classmethod
    def build(cls):
        build = cls.directory / "build"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CMAKE_")}
        environment["CMAKE_BUILD_PARALLEL_LEVEL"] = "2"
        if "CMAKE_C_COMPILER_LAUNCHER" in os.environ:
            environment["CMAKE_C_COMPILER_LAUNCHER"] = os.environ["CMAKE_C_COMPILER_LAUNCHER"]
        # What the builder's umask is must not show in the packages.
        options = {"cwd": ROOT, "env": environment, "umask": 0o077}
        run("cmake", "--preset", "deb", "-B", build, **options)
        run("cmake", "--build", build, **options)
        run("cpack", "--config", build / "CPackConfig.cmake", "-B", cls.directory, **options)

    def test_lintian(self):
        self.assertEqual(sorted(self.debs), sorted(PACKAGES))
        print(run("lintian", "--fail-on", "error,warning", *self.debs.values()))

    def test_version(self):
        version = run(self.root / "usr/bin/muster", "--version").split()[1]
        for deb in self.debs.values():
            self.assertTrue(run("dpkg-deb", "--field", deb, "Version").startswith(f"{version}-"))

    def test_man(self):
        man = shutil.which("man.REAL") or "man"  # in minimal images of Ubuntu
        environment = {**os.environ, "MAN_DISABLE_SECCOMP": "1"}
        pages = self.root / "usr/share/man"
        for page in pages.glob("man*/*.gz"):
            name, section, _ = page.name.rsplit(".", 2)
            self.assertIn(name, run(man, "-M", pages, section, name, env=environment))
        for page, places in (("muster.json", ["conf.d"]), ("muster-protocol", ["PROTOCOL.md", "LOCAL.md", "schemas"])):
            text = run(man, "-M", pages, page, env={**environment, "MANWIDTH": "200"})
            for place in places:
                (path,) = set(re.findall(rf"(?m)^ +(/(?:etc|usr)\S*{place})/?$", text))
                self.assertTrue((self.root / path.lstrip("/")).exists(), path)

    def test_python(self):
        """Debian's Python finds the module, which is there for every machine, and is of this version."""
        self.assertEqual(run("dpkg-deb", "--field", self.debs["python3-muster"], "Architecture").strip(), "all")
        machine = self.directory / "python"
        run("dpkg-deb", "--extract", self.debs["python3-muster"], machine)
        modules = machine / "usr/lib/python3/dist-packages"
        command = ["/usr/bin/python3", "-B", "-m", "muster", "--version"]
        version = run(*command, env={"PYTHONPATH": str(modules)}, cwd=machine).strip()
        self.assertEqual(["muster", version], run(self.root / "usr/bin/muster", "--version").split()[:2])

    def test_completion_is_found(self):
        bash = self.root / "usr/share/bash-completion/completions/muster"
        self.assertIn("_muster", run("bash", "-c", f"source {bash} && complete -p muster"))
        zsh = self.root / "usr/share/zsh/vendor-completions"
        script = f"fpath=({zsh} $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[muster]"
        self.assertEqual(run("zsh", "-f", "-c", script).strip(), "_muster")

    def test_library(self):
        """A program builds and runs with what the packages of the library hold."""
        program = self.directory / "program"
        source = self.directory / "program.c"
        source.write_text(
            "#include <muster/muster.h>\n#include <stdio.h>\n"
            "int main(void) { return puts(muster_version()) < 0; }\n"
        )
        (directory,) = (self.libraries / "usr/lib").iterdir()
        for archive in ([], ["-static-libgcc", directory / "libmuster.a", "-luv", "-lcjson", "-lmnl", "-lsodium", "-lz", "-lm"]):
            flags = archive or ["-L", directory, "-lmuster", f"-Wl,-rpath,{directory}"]
            run("cc", "-I", self.libraries / "usr/include", source, "-o", program, *flags)
            self.assertIn(f"muster {run(program).strip()}", run(self.root / "usr/bin/muster", "--version"))
        for file in directory.glob("pkgconfig/*.pc"):
            environment = {**os.environ, "PKG_CONFIG_PATH": str(file.parent)}
            self.assertIn("-lmuster", run("pkg-config", "--cflags", "--libs", file.stem, env=environment))

    def test_config(self):
        """What a new machine announces by, until its owner says more, is what muster takes."""
        etc = self.root / "etc/muster"
        run(self.root / "usr/bin/muster", "config", "check", etc / "muster.json", etc / "conf.d")

    def test_exposure(self):
        argv = ["systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE_MAX}"]
        for unit in (self.unit, *self.bridge_units):
            lab.note(run(*argv, unit).strip().splitlines()[-1])

    def test_unit_is_right(self):
        """systemd understands every line. The command it names is the installed one, the page is there."""
        for unit in (self.unit, *self.bridge_units):
            with self.subTest(unit=unit.name):
                self.check_unit(self.directory / unit.name, unit.read_text())

    def check_unit(self, unit, text):
        (command,) = re.findall(r"(?m)^ExecStart=(\S+)", text)
        installed = self.root / command.lstrip("/")
        self.assertTrue(os.access(installed, os.X_OK), installed)
        unit.write_text(text.replace(f"ExecStart={command}", f"ExecStart={installed}"))
        complaints = run("systemd-analyze", "verify", "--man=no", unit)  # about units of this machine, too
        self.assertNotIn("muster", complaints)
        (page,) = re.findall(r"(?m)^Documentation=man:(.*)\((\d)\)$", text)
        self.assertTrue((self.root / f"usr/share/man/man{page[1]}/{page[0]}.{page[1]}.gz").exists())

    def test_state_of_its_own(self):
        """The service's user gets a directory that nobody else uses, root's muster announce neither."""
        values = dict(confine.settings(self.unit))
        directory = f"/var/lib/{values['StateDirectory']}"
        self.assertEqual(values["Environment"], f"MUSTER_STATE={directory}")
        files = " ".join(run(self.root / "usr/bin/muster", "--help").partition("\nFiles:\n")[2].split())
        self.assertIn("/var/lib/muster the same of root;", files)
        self.assertIn(f" {directory} of muster.service", files)

    def service_arguments(self, run_directory):
        """What the unit starts muster with, for the places of this test."""
        (line,) = re.findall(r"(?m)^ExecStart=\S+ announce (.*)$", self.unit.read_text())
        line = line.replace("/etc/", f"{self.root}/etc/").replace("/run/muster", str(run_directory))
        known = run(self.root / "usr/bin/muster", "announce", "--help")
        words = line.split()
        pairs = [pair for pair in zip(words[::2], words[1::2]) if f" {pair[0]} " in known]
        return [word for pair in pairs for word in pair]

    def test_a_confined_one_is_seen(self):
        """Under all that the unit forbids, one that announces itself is found with its service."""
        lan = self.lab(2)
        here, there = lan.hosts
        muster = str(self.root / "usr/bin/muster")
        confined = [sys.executable, confine.__file__, str(self.unit), muster, "announce"]
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        lan.on_close(manager.close)
        manager.bind(str(lan.directory / "manager"))
        manager.settimeout(lab.DEADLINE_S)
        arguments = self.service_arguments(lan.directory)
        lab.note(f"confined: announce {' '.join(arguments)}")
        arguments += ["--name", "boxed", "--service", "http:80"]
        process = there.start_program(*confined, *arguments, NOTIFY_SOCKET=manager.getsockname())
        lan.wait_for(lambda: "boxed is" in process.error or process.code is not None, "it announces itself")
        self.assertIsNone(process.code, process.describe())
        self.assertIn(b"READY=1", manager.recv(4096).splitlines())

        def is_listed():
            listing = here.start_program(muster, "peers", "boxed", "-o", "NAME,SERVICES").finish()
            return "boxed http:80" in " ".join(listing.out.split())

        lan.wait_for(is_listed, "it is listed with its service")
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        for line in ("NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000"):
            self.assertIn(line, status)
        self.assertEqual(process.stop().code, 0, process.describe())

    def test_the_unit_allows_what_the_command_leaves_itself(self):
        """And each name in the list of the command is a call of some machine: others would be passed over in silence."""
        source = (ROOT / "src/program/confine/calls.c").read_text(encoding="utf-8")
        (own,) = re.findall(r"allowed\[\] = \{(.*?)\};", source, re.S)
        conditions = re.findall(r'^    \{"(\w+)", (?:IS|HAS)', source, re.M)
        names = set(re.findall(r'"(\w+)"', own)) | set(conditions)
        self.assertGreater(len(names), 100)
        machines = [seccomp.Arch(getattr(seccomp.Arch, name)) for name in ("X86", "X86_64", "ARM", "AARCH64")]
        unknown = [name for name in names if all(seccomp.resolve_syscall(machine, name) == -1 for machine in machines)]
        self.assertEqual(unknown, [])
        of_recordings = {"fchown", "fchown32"}  # by SQLite, for root
        self.assertEqual(sorted(names - confine.allowed(self.unit) - of_recordings), [])

    def test_a_confined_bridge_connects(self):
        """Under all that its unit forbids, the bridge that muster finds where it is installed has its queue, its peer and
        its broker."""
        lan = self.lab(2)
        here, there = lan.hosts
        Broker(here)
        (unit,) = [unit for unit in self.bridge_units if "mqtt" in unit.name]
        config = lan.directory / "bridge.json"
        config.write_text(f'{{"site": "west", "broker": "{here.address}", "out": "#"}}')
        confined = [sys.executable, confine.__file__, str(unit), str(self.root / "usr/bin/muster"), "bridge", "mqtt"]
        process = there.start_program(*confined, "--config", str(config))
        lan.wait_for(lambda: "carries for" in process.error or process.code is not None, "it carries")
        self.assertIsNone(process.code, process.describe())
        self.assertEqual(process.stop().code, 0, process.describe())

    def test_confinement_holds(self):
        """What the test above trusts in: a call that the unit forbids does fail."""
        forbidden = (
            "import os, socket\n"
            "for call in (lambda: socket.socket(socket.AF_ALG), lambda: os.chown('/dev/null', 0, 0), "
            "lambda: __import__('mmap').mmap(-1, 4096, prot=7)):\n"
            "    try:\n        call()\n    except PermissionError:\n        print('refused')\n"
        )
        output = run(sys.executable, confine.__file__, self.unit, sys.executable, "-c", forbidden)
        self.assertEqual(output.split(), ["refused"] * 3)

    def test_installed_again_by_cmake(self):
        """cmake --install puts the configuration where none is, and leaves one alone that is there."""
        root = self.directory / "by-cmake"
        config = root / "etc/muster/muster.json"
        for text in ("", '{"name": "mine"}\n'):
            if text:
                config.write_text(text)
            run("cmake", "--install", self.directory / "build", env={**os.environ, "DESTDIR": str(root)})
            self.assertTrue((root / "usr/bin/muster").exists())
            self.assertIn(text, config.read_text())

    @staticmethod
    def links(root):
        """What systemd would start, or not, also where it leads nowhere (which a pattern alone finds)."""
        return [path for path in root.rglob("*.service") if path.is_symlink()]

    def test_life(self):
        """Installed again, removed, purged: the configuration is its owner's until the end."""
        machine = Machine(self.directory / "other")
        root = machine.root
        machine.dpkg("--install", self.debs["muster"])
        self.assertEqual(machine.status("muster"), "install ok installed")
        self.assertEqual(self.links(root), [], "it is enabled, and nobody asked for that")
        config = root / "etc/muster/muster.json"
        config.write_text('{"name": "mine"}\n')
        for state in ("muster", "muster-service", "private/muster-service"):
            (root / "var/lib" / state).mkdir(parents=True)
        machine.dpkg("--install", self.debs["muster"])
        self.assertIn("mine", config.read_text())
        self.assertEqual(self.links(root), [])
        link = root / "etc/systemd/system/multi-user.target.wants/muster.service"
        link.parent.mkdir(parents=True)
        link.symlink_to("/usr/lib/systemd/system/muster.service")  # as systemctl enable does
        machine.dpkg("--install", self.debs["muster"])
        self.assertEqual(self.links(root), [link])
        machine.dpkg("--remove", "muster")
        self.assertTrue(config.exists() and (root / "var/lib/muster").exists())
        self.assertFalse((root / "usr/bin/muster").exists())
        machine.dpkg("--purge", "muster")
        self.assertIn(machine.status("muster"), (None, "purge ok not-installed"))
        left = [path for path in root.rglob("*muster*") if "/var/lib/dpkg/" not in str(path)]
        self.assertEqual(left, [])


if __name__ == "__main__":
    lab.main()
