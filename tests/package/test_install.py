# SPDX-License-Identifier: MIT
"""What `cmake --install` puts where, the way back, what firewalls are told, and the source package."""

import configparser
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lan"))

from lab import PORT, ROOT, UNICAST_PORTS  # noqa: E402

BUILD = pathlib.Path(os.environ["MUSTER_BUILD"])
CMAKE = os.environ.get("CMAKE", "cmake")
NOT_SOURCE = {".git", "build", "__pycache__"}


def run(*command, **environment):
    """Runs it to a good end, and returns what it printed."""
    finished = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert finished.returncode == 0, f"{shlex.join(map(str, command))}\n{finished.stdout}"
    return finished.stdout


def files_of(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


class Place(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="muster-install-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)


class Install(Place):
    """The prefix of BUILD is /usr/local, so that DESTDIR stands for a machine."""

    def setUp(self):
        super().setUp()
        self.install()
        self.local = self.directory / "usr/local"
        self.config = self.local / "etc/muster/muster.json"

    def install(self):
        run(CMAKE, "--install", BUILD, DESTDIR=str(self.directory))

    def uninstall(self):
        return run(CMAKE, "--build", BUILD, "--target", "uninstall", DESTDIR=str(self.directory))

    def test_nothing_is_for_debian(self):
        files = files_of(self.local)
        self.assertEqual({file for file in files_of(self.directory) if not file.startswith("usr/local/")}, set())
        for word in ("lintian", "Debian", "copyright", "changelog.gz", "doc/libmuster"):
            self.assertEqual([file for file in files if word in file], [])
        for file in ("LICENSE", "README.md", "CHANGELOG.md"):
            self.assertEqual((self.local / "share/doc/muster" / file).read_bytes(), (ROOT / file).read_bytes())
        self.assertIn("share/doc/muster/examples/announce.c", files)

    def test_the_soname_has_the_minor_version(self):
        (library,) = self.local.rglob("libmuster.so.*.*.*")
        version = library.name.removeprefix("libmuster.so.")
        soname = library.name.rpartition(".")[0] if version.startswith("0.") else f"libmuster.so.{version.split('.')[0]}"
        self.assertIn(f"[{soname}]", run("readelf", "--dynamic", library))
        self.assertEqual(os.readlink(library.parent / soname), library.name)

    def test_uninstall(self):
        foreign = self.local / "share/doc/other"
        foreign.parent.mkdir(exist_ok=True, parents=True)
        foreign.touch()
        self.install()  # again: the configuration is there already
        self.uninstall()
        self.assertEqual(files_of(self.directory), {"usr/local/share/doc/other"})
        self.assertEqual([path for path in self.directory.rglob("*muster*")], [])

    def test_uninstall_leaves_what_its_owner_wrote(self):
        self.config.write_text('{"name": "mine"}\n')
        (self.config.parent / "conf.d/printer.json").write_text("{}\n")
        self.assertIn(str(self.config), self.uninstall())
        self.assertEqual(
            files_of(self.directory), {"usr/local/etc/muster/muster.json", "usr/local/etc/muster/conf.d/printer.json"}
        )

    def test_firewalls_open_the_ports_of_muster(self):
        first, last = PORT - 1, PORT + UNICAST_PORTS  # of readings; of the last unicast socket
        service = xml.etree.ElementTree.parse(self.local / "lib/firewalld/services/muster.xml").getroot()
        self.assertEqual(service.tag, "service")
        ports = {(port.get("protocol"), port.get("port")) for port in service.findall("port")}
        self.assertEqual(ports, {("udp", f"{first}-{last}"), ("tcp", f"{first}-{last}")})
        profile = configparser.ConfigParser()
        profile.read(self.local / "etc/ufw/applications.d/muster")
        self.assertEqual(profile["muster"]["ports"], f"{first}:{last}/udp|{first}:{last}/tcp")
        readme = (ROOT / "README.md").read_text()
        self.assertIn(f"{first} to {last}", readme)


class Source(Place):
    def test_source_package(self):
        """All of this tree but what was built in it and its history, also when a directory above it is named build."""
        config = BUILD / "CPackSourceConfig.cmake"
        run("cpack", "-G", "TGZ", "--config", config, "-B", self.directory)
        (package,) = self.directory.glob("*.tar.gz")
        with tarfile.open(package) as archive:
            packed = {member.name.partition("/")[2] for member in archive.getmembers() if not member.isdir()}
        tree = {file for file in files_of(ROOT) if not NOT_SOURCE.intersection(pathlib.Path(file).parts)}
        self.assertEqual(packed, tree)


if __name__ == "__main__":
    unittest.main(verbosity=2)
