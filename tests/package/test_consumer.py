# SPDX-License-Identifier: MIT
"""The installed library is found and used from outside of this tree: by pkg-config and by CMake, the shared one
and the archive; each public header stands alone, in C and in C++."""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lan"))

from lab import MUSTER, ROOT, LanTest, main  # noqa: E402

BUILD = pathlib.Path(os.environ.get("MUSTER_BUILD", pathlib.Path(MUSTER).parent))
CMAKE = os.environ.get("CMAKE", "cmake")
CC = shlex.split(os.environ.get("CC", "cc"))
CXX = shlex.split(os.environ.get("CXX", "c++"))
# uv.h needs more than ISO C shows.
FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-D_GNU_SOURCE"]

CMAKE_LISTS = """
cmake_minimum_required(VERSION 3.25)
project(consumer C)
find_package(muster 0.1 REQUIRED)
add_executable(shared browse.c)
target_link_libraries(shared muster::muster)
add_executable(static browse.c)
target_link_libraries(static muster::static)
"""


def run(*command, **environment):
    """What the command printed; fails with it unless the command succeeds."""
    finished = subprocess.run(
        command, env={**os.environ, **environment}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if finished.returncode != 0:
        raise AssertionError(f"{shlex.join(map(str, command))}\n{finished.stdout}")
    return finished.stdout


class Consumer(LanTest):
    def setUp(self):
        self.lan = self.lab(2)
        self.lan.require_isolation()
        self.prefix = self.lan.directory / "prefix"
        self.work = self.lan.directory / "work"
        self.work.mkdir()
        run(CMAKE, "--install", BUILD, "--prefix", self.prefix)
        (pc,) = self.prefix.rglob("muster.pc")
        self.libraries = pc.parent.parent
        self.pkg_config_path = str(pc.parent)
        # A library with sanitizers inside wants a program with them.
        archive = self.libraries / "libmuster.a"
        self.sanitize = ["-fsanitize=address,undefined"] if b"__asan_" in archive.read_bytes() else []

    def pkg_config(self, *arguments):
        path = ":".join(filter(None, [self.pkg_config_path, os.environ.get("PKG_CONFIG_PATH")]))
        return run("pkg-config", *arguments, "muster", PKG_CONFIG_PATH=path).split()

    def check(self, program):
        """The program, on one host, follows what another one announces."""
        here, there = self.lan.hosts
        browse = here.start_program(str(program), "http", LD_LIBRARY_PATH=str(self.libraries))
        announce = there.announce("nas", "--service", "http:80")
        browse.await_line(f"added nas http/tcp {there.address}:80")
        announce.stop()
        browse.await_line("removed nas")
        browse.signal(2)
        browse.finish()
        self.assertEqual((browse.code, browse.error), (0, ""), browse.describe())

    def test_pkg_config(self):
        source = shutil.copy(ROOT / "tools/examples/browse.c", self.work)
        compile_flags = [*FLAGS, *self.sanitize, *self.pkg_config("--cflags")]
        self.assertEqual(self.pkg_config("--modversion"), [run(MUSTER, "--version").split()[1]])
        run(*CC, *compile_flags, source, *self.pkg_config("--libs"), "-o", self.work / "shared")
        archive = ["-l:libmuster.a" if x == "-lmuster" else x for x in self.pkg_config("--static", "--libs")]
        run(*CC, *compile_flags, source, *archive, "-o", self.work / "static")
        self.assertIn("libmuster.so.0.1]", run("readelf", "-d", self.work / "shared"))
        self.assertNotIn("libmuster", run("readelf", "-d", self.work / "static"))
        self.check(self.work / "shared")
        self.check(self.work / "static")

    def test_cmake(self):
        shutil.copy(ROOT / "tools/examples/browse.c", self.work)
        (self.work / "CMakeLists.txt").write_text(CMAKE_LISTS)
        build = self.work / "build"
        flags = f"-DCMAKE_C_FLAGS={shlex.join(self.sanitize)}"
        compiler = f"-DCMAKE_C_COMPILER={CC[0]}"
        run(CMAKE, "-S", self.work, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}", compiler, flags)
        run(CMAKE, "--build", build)
        self.check(build / "shared")
        self.check(build / "static")

    def test_headers(self):
        headers = sorted((self.prefix / "include/muster").glob("*.h"))
        self.assertEqual([header.name for header in headers], ["core.h", "error.h", "muster.h", "telemetry.h"])
        includes = self.pkg_config("--cflags")
        for header in headers:
            source = self.work / "alone.c"
            source.write_text(2 * f"#include <muster/{header.name}>\n")
            run(*CC, *FLAGS, "-std=c11", *includes, "-fsyntax-only", source)
            run(*CXX, *FLAGS, "-std=c++11", "-x", "c++", *includes, "-fsyntax-only", source)


if __name__ == "__main__":
    main()
