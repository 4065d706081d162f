# SPDX-License-Identifier: MIT
"""muster compiles without a warning and links by compilers and options that other builds use; in directories with spaces in
their names. What a compiler or its libraries are missing for is skipped. Builds are kept for the next run."""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import unittest

BUILD = pathlib.Path(os.environ["MUSTER_BUILD"])
ROOT = pathlib.Path(__file__).resolve().parents[2]
CMAKE = os.environ.get("CMAKE", "cmake")
NOT_SOURCE = shutil.ignore_patterns(".git", "build", "__pycache__")
SKIPPED = 77  # SKIP_RETURN_CODE of this test in ctest

# What musl has no headers of: those of libraries, and the kernel's.
NOT_OF_MUSL = ["cjson", "sodium", "sodium.h", "uthash.h", "utlist.h", "uv", "uv.h", "libmnl", "libsmartcols", "qrencode.h", "sqlite3.h", "microhttpd.h", "ncurses_dll.h", "curses.h", "unctrl.h", "seccomp.h", "seccomp-syscalls.h", "mosquitto.h", "mqtt_protocol.h", "avahi-client", "avahi-common", "zlib.h", "zconf.h", "linux", "asm-generic"]


def attempt(*command, **environment):
    return subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def run(*command, **environment):
    """Runs it to a good end, and returns what it printed."""
    finished = attempt(*command, **environment)
    assert finished.returncode == 0, f"{shlex.join(map(str, command))}\n{finished.stdout}"
    return finished.stdout


class Toolchains(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = BUILD / "tool chains"
        cls.source = cls.directory / "source"
        shutil.rmtree(cls.source, ignore_errors=True)
        shutil.copytree(ROOT, cls.source, ignore=NOT_SOURCE)

    def require(self, compiler, *flags):
        """The path of a compiler that makes programs which run here."""
        path = shutil.which(compiler)
        if path is None:
            self.skipTest(f"there is no {compiler}")
        source, program = self.directory / "program.c", self.directory / "program"
        source.write_text("#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n")
        tried = attempt(path, *flags, source, "-o", program)
        if tried.returncode == 0:
            tried = attempt(program)
        if tried.returncode != 0:
            self.skipTest(f"{compiler} {shlex.join(flags)} makes no program that runs: {tried.stdout}")
        return path

    def configure(self, name, compiler, *flags, options=(), **environment):
        build = self.directory / name
        toolchain = [f"-DCMAKE_C_COMPILER={compiler}", f"-DCMAKE_C_FLAGS={shlex.join(flags)}"]
        strict = ["-DCMAKE_BUILD_TYPE=None", "-DMUSTER_WERROR=ON", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
        run(CMAKE, "-S", self.source, "-B", build, *toolchain, *strict, *options, **environment)
        return build

    def check(self, name, compiler, *flags, **environment):
        """It links and runs. The archive has code, and no names for others but the library's own."""
        build = self.configure(name, self.require(compiler, *flags), *flags, **environment)
        run(CMAKE, "--build", build, "--parallel", "2", "--target", "muster", "muster_shared")
        self.assertRegex(run(build / "muster", "--version"), "^muster [0-9]")
        names = [line.split()[-1] for line in run("nm", "--defined-only", "--extern-only", build / "muster.o").splitlines()]
        self.assertIn("muster_open", names)
        self.assertEqual([name for name in names if not name.startswith("muster_")], [])

    def test_gcc_with_slim_lto(self):
        self.check("slim lto", "gcc", "-O0", "-flto")

    def test_gcc_with_fat_lto(self):
        self.check("fat lto", "gcc", "-O0", "-flto", "-ffat-lto-objects")

    def test_clang_with_lto(self):
        self.check("clang lto", "clang", "-O0", "-flto")

    def test_i386(self):
        configs = "/usr/lib/i386-linux-gnu/pkgconfig"
        self.require("gcc", "-m32")
        if not all(os.path.exists(f"{configs}/{name}.pc") for name in ("libuv", "sqlite3", "libmicrohttpd", "libqrencode", "ncursesw", "libseccomp")):
            self.skipTest("there are no libraries of i386")
        self.check("i386", "gcc", "-O0", "-m32", PKG_CONFIG_LIBDIR=f"{configs}:/usr/share/pkgconfig")

    def test_for_another_machine(self):
        """Nothing that is built is run, where no emulator was named."""
        for emulator, runs in (("", False), ("env", True)):
            cross = ["-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_CROSSCOMPILING_EMULATOR={emulator}"]
            build = self.configure(f"cross {emulator}", self.require("gcc"), options=cross)
            targets = run(CMAKE, "--build", build, "--target", "help")
            self.assertEqual("make_man" in targets, runs)

    def test_musl(self):
        """All sources compile. There are no libraries for musl to link with."""
        compiler = self.require("musl-gcc")
        headers = self.directory / "headers beside musl"
        shutil.rmtree(headers, ignore_errors=True)
        headers.mkdir()
        machine = run(compiler, "-print-multiarch").strip()
        for name in NOT_OF_MUSL:
            of_machine = pathlib.Path("/usr/include", machine, name)
            (headers / name).symlink_to(of_machine if of_machine.exists() else f"/usr/include/{name}")
        (headers / "asm").symlink_to(f"/usr/include/{machine}/asm")
        build = self.configure("musl", compiler, "-isystem", str(headers))
        for entry in json.loads((build / "compile_commands.json").read_text()):
            if entry["file"].startswith(str(self.source / "src")):
                # pkg-config names the directory of glibc's headers, which CMake takes for needed here.
                command = entry["command"].replace(" -isystem /usr/include ", " ")
                run(*shlex.split(command), "-fsyntax-only")


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    if program.result.testsRun == len(program.result.skipped):
        raise SystemExit(SKIPPED)
    raise SystemExit(not program.result.wasSuccessful())
