# SPDX-License-Identifier: MIT
"""Runs a program under what a unit says of system calls, memory, sockets and capabilities, without systemd:

    confine.py UNIT PROGRAM [ARGUMENT…]

What the unit forbids fails as it would there. The file system is not confined.
"""

import ctypes
import errno
import os
import pathlib
import re
import socket
import subprocess
import sys

import seccomp

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_PROT_WRITE, _PROT_EXEC = 2, 4
_CLONE_NAMESPACES = 0x7E020080


def settings(unit):
    """Each assignment of a unit file, in order."""
    for line in pathlib.Path(unit).read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            yield name, value


def system_calls(name):
    """The calls that a name of a filter stands for: itself, or all in a set."""
    if not name.startswith("@"):
        return {name}
    # The socket of the service manager is the program's. systemd-analyze 257 waits at it for ever.
    environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
    listing = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], text=True, capture_output=True, check=True, env=environment
    ).stdout.splitlines()
    found = set()
    for line in listing[1:]:
        word = re.sub(r"\x1b\[[0-9;]*m", "", line).strip()  # systemd-analyze 255 colours sets in pipes, too
        if word and not word.startswith("#"):
            found |= system_calls(word)
    return found


def allowed(unit):
    calls = set()
    for name, value in settings(unit):
        if name == "SystemCallFilter" and value.startswith("~"):
            calls -= set().union(*map(system_calls, value[1:].split()))
        elif name == "SystemCallFilter":
            calls |= set().union(*map(system_calls, value.split()))
    return calls


def load_filter(unit):
    values = dict(settings(unit))
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))

    def allow(call, *conditions):
        try:
            rules.add_rule(seccomp.ALLOW, call, *conditions)
        except (RuntimeError, ValueError, OSError):
            assert not conditions, call  # a call of another machine, or one that libseccomp is too old for

    calls = allowed(unit)
    if values["RestrictNamespaces"] == "yes":
        calls -= {"clone", "clone3", "setns", "unshare"}
        rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
        allow("clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_NAMESPACES, 0))
    if values["LockPersonality"] == "yes":
        calls -= {"personality"}
    if values["MemoryDenyWriteExecute"] == "yes":
        calls -= {"mmap", "mprotect", "pkey_mprotect"}
        for protection in (0, _PROT_WRITE, _PROT_EXEC):
            allow("mmap", seccomp.Arg(2, seccomp.MASKED_EQ, _PROT_WRITE | _PROT_EXEC, protection))
        allow("mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, _PROT_EXEC, 0))
    calls -= {"socket"}
    for family in values["RestrictAddressFamilies"].split():
        allow("socket", seccomp.Arg(0, seccomp.EQ, int(getattr(socket, family))))
    for call in calls:
        allow(call)
    rules.load()


def drop_capabilities(unit):
    libc = ctypes.CDLL(None, use_errno=True)
    if dict(settings(unit))["CapabilityBoundingSet"] == "":
        capability = 0
        while libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
            capability += 1
    assert libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0


def main():
    unit, *argv = sys.argv[1:]
    drop_capabilities(unit)
    load_filter(unit)
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main()
