# SPDX-License-Identifier: MIT
"""Every function that the shell calls outside of itself fails in torture.c, or stands here with the reason why it does
not: a new one has to be looked at. torture.c alone says what is wrapped."""

import os
import pathlib
import re
import subprocess
import unittest

NM = os.environ.get("NM", "nm")
OBJECTS = pathlib.Path(os.environ["OBJECTS"])
TORTURE = pathlib.Path(__file__).resolve().with_name("torture.c")

# What compilers and C libraries put in the place of a name, or beside it.
VARIANTS = re.compile(r"^__isoc\d+_|^__(?=.*_chk$)|_chk$|^__(?=xpg_strerror_r)|_time64$")
OF_COMPILERS = re.compile(r"^_GLOBAL_OFFSET_TABLE_$|^__(asan|ubsan|lsan|sanitizer|gcov|llvm|stack_chk|aeabi|popcount|udiv|umod|div|mod)")

HARMLESS = {
    "computes": """
        __cmsg_nxthdr __ctype_b_loc __errno_location __ctype_tolower_loc __ctype_toupper_loc atoi bsearch dirname exp explicit_bzero floor
        fmax fmin fnmatch frexp gmtime_r htonl htons inet_ntop inet_pton ldexp llround localtime_r log log10 lround mbrtowc
        memchr memcmp memcpy memmem memmove memrchr memset mempcpy nl_langinfo nl_langinfo_l ntohl ntohs pow qsort qsort_r rawmemchr round
        sigaddset sigemptyset sigfillset strcasecmp strcasestr strcat strchr strchrnul strcmp strcpy strcspn strerror strerror_r
        strftime strlen strncasecmp strncmp strncpy strnlen strpbrk strptime strrchr strsignal strspn strstr strtod strtok_r
        strtol strtoll strtoul strtoull timegm mktime trunc uselocale wcrtomb wcwidth""",
    "ends or frees something, and has no result that would help": """
        __assert_fail _exit abort clearerr closedir exit free freeaddrinfo freeifaddrs freelocale""",
    "says what the process has, and can't fail": """
        alarm clock_gettime ferror fileno geteuid getenv getpgid getpgrp getpid isatty time""",
    "prints to a stream: fflush(), fwrite() or fclose() of it fails in the end": """
        __fpurge fprintf fputc fputs printf putc putchar puts snprintf sprintf stderr stdout vfprintf vsnprintf""",
    "reads a stream: a failure is its end, as of a file that is cut": "fgetc fgets fread fscanf sscanf stdin getc readdir readdir64",
    "fails for wrong arguments alone": """
        getopt_long optarg opterr optind optopt sigaction signal sigprocmask unsetenv""",
    "is about a child that is ours until it is waited for": "kill waitid waitpid",
}
LIBRARIES = {
    "cJSON, whose allocations fail in tests of json, wire and input": r"cJSON_",
    "libsodium: fails for wrong bytes, of which other tests have many": r"crypto_|sodium_|randombytes_",
    "zlib, whose allocations fail in tests of wire and exchange": r"(deflate|inflate)",
    "SQLite: files, locks and full disks that fail are in cli.store and cli.archive": r"sqlite3_",
    "libmicrohttpd": r"MHD_",
    "libqrencode and libseccomp: what makes something is wrapped": r"QRcode_|seccomp_",
    "libmnl: what reads and writes is wrapped": r"mnl_(attr|cb|nlmsg)_|mnl_socket_(close|get_portid)$",
    "libsmartcols: what makes something is wrapped": r"scols_",
    "ncurses has no memory of its own to lose, once newterm() has begun": r"""(cbreak|clearok|curs_set|curscr|delscreen|endwin|
        has_colors|init_pair|keypad|newterm|nodelay|noecho|nonl|resizeterm|set_escdelay|start_color|stdscr|use_default_colors|
        waddnstr|wattrset|wget_wch|wmove|wrefresh)$""",
    "libuv: can't fail, or for wrong handles alone": r"""uv_(buf_init|cancel|close|fileno|freeaddrinfo|fs_event_init|hrtime|
        idle_init|idle_start|idle_stop|ip_name|is_active|is_closing|loop_close|now|pipe_init|poll_start|poll_stop|prepare_init|
        prepare_start|process_kill|queue_work|read_stop|run|signal_init|sleep|stop|strerror|timer_\w+|translate_sys_error|unref|
        update_time|walk|version\w*)$""",
}


def symbols(*options):
    objects = OBJECTS.read_text().split()
    text = subprocess.run([NM, "--format=posix", *options, *objects], stdout=subprocess.PIPE, check=True, text=True).stdout
    return {line.split()[0].split("@")[0] for line in text.splitlines() if len(line.split()) > 1}


def wrapped():
    """As tests/CMakeLists.txt finds them."""
    text = re.sub(r"\n +", " ", TORTURE.read_text())
    names = re.findall(r"^WRAP\([^,]*, (\w+),|^WRAP_(?:UV|END)\((\w+),|^int __wrap_([a-z0-9]+)\(", text, re.M)
    return {name for names_ in names for name in names_ if name}


class Calls(unittest.TestCase):
    def test_each_call_fails_or_is_harmless(self):
        called = symbols("--undefined-only") - symbols("--defined-only")
        called = {VARIANTS.sub("", name) for name in called if not OF_COMPILERS.match(name)}
        self.assertIn("malloc", called)
        harmless = {name for names in HARMLESS.values() for name in names.split()}
        library = re.compile("|".join(f"(?:{pattern})" for pattern in LIBRARIES.values()), re.X)
        unknown = sorted(name for name in called - wrapped() - harmless if not library.match(name))
        self.assertEqual(unknown, [], "neither fails in torture.c nor is listed here with a reason")

    def test_nothing_is_both(self):
        harmless = [name for names in HARMLESS.values() for name in names.split()]
        self.assertEqual(len(harmless), len(set(harmless)))
        self.assertEqual(wrapped() & set(harmless), set())


if __name__ == "__main__":
    unittest.main()
