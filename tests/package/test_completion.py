# SPDX-License-Identifier: MIT
"""What bash, zsh and fish offer for muster, asked of real shells.

bash and zsh run on a terminal: a key inserts everything that the shell would offer, another one hands the line to the
test. fish is asked by `complete -C`.
"""

import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import tempfile
import time
import unittest

MUSTER = os.environ["MUSTER"]
PACKAGE = pathlib.Path(os.environ["MUSTER_PACKAGE"])
DEADLINE_S = 30.0

INSERT, HAND_OVER, LIST = "\x0f", "\x07", "\x04"  # Ctrl-O, Ctrl-G, Ctrl-D

BASH = r"""
source "$COMPLETION"
bind 'set enable-bracketed-paste off'
bind '"\C-o": insert-completions'
hand_over() { printf '%s\n' "$READLINE_LINE" >&"$RESULTS"; READLINE_LINE=''; READLINE_POINT=0; }
bind -x '"\C-g": hand_over'
printf 'ready\n' >&"$RESULTS"
"""

ZSH = r"""
fpath=("${COMPLETION:h}" $fpath)
autoload -Uz compinit && compinit -u -D
unsetopt beep
zstyle ':completion:*' completer _complete
insert_all() { _main_complete; compstate[insert]=all; compstate[list]=; }
zle -C insert-all complete-word insert_all
bindkey -e
bindkey '^O' insert-all
hand_over() { print -r -- "$BUFFER" >&$RESULTS; BUFFER=''; }
zle -N hand_over
bindkey '^G' hand_over
print ready >&$RESULTS
"""


FISH = r"""
source "$COMPLETION"
while read -l line
    complete -C $line
    echo
end
"""


class Shell:
    """A shell on a terminal of its own, which has read a script."""

    def __init__(self, argv, script, completion, directory):
        self.results, results = os.pipe()
        self.screen, terminal = pty.openpty()
        path = directory / "script"
        path.write_text(script)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
            "COLUMNS": "1000",
            "COMPLETION": str(completion),
            "RESULTS": str(results),
        }
        self.process = subprocess.Popen(
            argv,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=environment,
            cwd=directory,
            pass_fds=[results],
            start_new_session=True,
        )
        os.close(terminal)
        os.close(results)
        self.shown = ""
        self.type(f" . {path}\n")
        assert self.line() == "ready", self.shown

    def type(self, keys):
        os.write(self.screen, keys.encode())

    def read(self, until_s):
        """Waits for the next line of results and returns it; what the terminal shows is kept."""
        readable, _, _ = select.select([self.results, self.screen], [], [], max(0, until_s - time.monotonic()))
        if self.screen in readable:
            self.shown += os.read(self.screen, 1 << 16).decode(errors="replace")
        if self.results in readable:
            return os.read(self.results, 1 << 16).decode()
        return ""

    def line(self):
        until_s = time.monotonic() + DEADLINE_S
        text = ""
        while not text.endswith("\n"):
            assert time.monotonic() < until_s, f"no answer; the terminal shows:\n{self.shown}"
            text += self.read(until_s)
        return text[:-1]

    def offers(self, typed):
        """The words in the place of the last one that was typed, without what would go on with them."""
        self.shown = ""
        self.type(typed + INSERT + HAND_OVER)
        line = self.line()
        last = typed.rfind(" ") + 1
        assert line.startswith(typed[:last]), (typed, line, self.shown)
        return {word.rstrip("=,/") for word in line[last:].split()}

    def lists(self, typed, text):
        """Waits until the terminal shows this text, when it is asked to list what it offers."""
        self.shown = ""
        self.type(typed + LIST)
        until_s = time.monotonic() + DEADLINE_S
        while text not in self.shown:
            assert time.monotonic() < until_s, f"no '{text}'; the terminal shows:\n{self.shown}"
            self.read(until_s)
        self.type(HAND_OVER)
        self.line()

    def close(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self.results)
        os.close(self.screen)


def help_of(*arguments):
    return subprocess.run([MUSTER, *arguments, "--help"], text=True, capture_output=True, check=True).stdout


def options_of(*arguments):
    """All options that --help lists, long and short."""
    found = re.findall(r"(?m)^  (?:    |(-\w), )(--[a-z0-9-]+)", help_of(*arguments))
    return {option for pair in found for option in pair if option}


COMMANDS = re.findall(r"(?m)^  ([a-z]+) ", help_of().partition("Global options")[0])
COLUMNS = set(re.findall(r"(?m)^  [* ] ([A-Z]+) ", help_of("peers")))
INTERFACES = {path.name for path in pathlib.Path("/sys/class/net").iterdir() if path.is_dir()}

# What is typed, and all that is offered for its last word. "here" is where the shell is.
STORIES = [
    ("muster ", set(COMMANDS)),
    ("muster pe", {"peers"}),
    ("muster --port 1 pe", {"peers"}),
    ("muster --color never --state-dir x pe", {"peers"}),
    ("muster nothing-like-it", {"nothing-like-it"}),
    ("muster --lo", {"--log-level"}),
    ("muster --color ", {"auto", "always", "never"}),
    ("muster --color=al", {"--color=always"}),
    ("muster --log-level w", {"warning"}),
    ("muster --state-dir here/s", {"here/state"}),
    ("muster announce --state-dir here/", {"here/state"}),
    ("muster announce --config here/", {"here/some-file", "here/state"}),
    ("muster announce --port 1 -- cat here/so", {"here/some-file"}),
    ("muster config check here/so", {"here/some-file"}),
    ("muster show here/so", {"here/so"}),
    ("muster help pe", {"peers"}),
    ("muster announce --na", {"--name"}),
    ("muster announce --name pe", {"pe"}),
    ("muster peers --sor", {"--sort"}),
    ("muster peers --so", {"--socket", "--sort"}),
    ("muster peers --sort ", COLUMNS),
    ("muster peers --sort=AG", {"--sort=AGE"}),
    ("muster peers -o ", COLUMNS),
    ("muster peers --columns NA", {"NAME"}),
    ("muster peers --columns NAME,ADD", {"NAME,ADDRESS"}),
    ("muster peers -o +ID,ATT", {"+ID,ATTRS"}),
    ("muster peers -o +AT", {"+ATTRS"}),
    ("muster peers --json --state ", {"alive", "suspect", "lost", "left"}),
    ("muster peers --state alive,sus", {"alive,suspect"}),
    ("muster --interface ", INTERFACES),
    ("muster peers --interface l", {name for name in INTERFACES if name.startswith("l")}),
    ("muster peers --interface=none,lo", {"--interface=none,lo"}),
]


def stories():
    """STORIES, and all options of each command."""
    commands = [[], *([command] for command in COMMANDS)]
    return STORIES + [(" ".join(["muster", *command, "-"]), options_of(*command)) for command in commands]


class Completion(unittest.TestCase):
    def place(self):
        directory = tempfile.TemporaryDirectory(prefix="muster-completion-")
        self.addCleanup(directory.cleanup)
        here = pathlib.Path(directory.name)
        (here / "here" / "state").mkdir(parents=True)
        (here / "here" / "some-file").touch()
        return here

    def shell(self, argv, script, completion):
        shell = Shell(argv, script, completion, self.place())
        self.addCleanup(shell.close)
        return shell

    def check(self, shell):
        for typed, expected in stories():
            with self.subTest(typed=typed):
                self.assertEqual(shell.offers(typed), expected, shell.shown)

    def test_bash(self):
        shell = self.shell(["bash", "--norc", "--noprofile", "-i"], BASH, PACKAGE / "muster.bash")
        self.check(shell)

    def test_an_interface_named_as_a_command(self):
        """Completing bash neither runs it nor puts it on the line so that it would run."""
        script = """
            mount -t sysfs none /sys && ip link add name '$(>run)' type bridge || exit 77
            source "$COMPLETION"
            compopt() { :; }
            COMP_WORDS=(muster --interface '') COMP_CWORD=2
            _muster
            printf '%s\\n' "${COMPREPLY[@]}"
        """
        unshare = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
        environment = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "COMPLETION": str(PACKAGE / "muster.bash")}
        with tempfile.TemporaryDirectory(prefix="muster-completion-") as here:
            argv = [*unshare, "bash", "-c", script]
            shell = subprocess.run(argv, text=True, capture_output=True, cwd=here, env=environment, check=False)
            if shell.returncode == 77 or "unshare" in shell.stderr:
                self.skipTest(shell.stderr)
            self.assertIn("\\$\\(\\>run\\)", shell.stdout.splitlines(), shell.stderr)
            self.assertEqual(os.listdir(here), [])

    def test_zsh(self):
        shell = self.shell(["zsh", "-f", "-i"], ZSH, PACKAGE / "_muster")
        self.check(shell)
        for typed, line in re.findall(r"(?m)^  (?:    |-\w, )(--[a-z0-9-]+)\b.*?  +(.+)$", help_of("peers")):
            shell.lists(f"muster peers {typed[:-1]}", line)
        for command, summary in re.findall(r"(?m)^  ([a-z]+) +(.+)$", help_of().partition("\n\nGlobal")[0]):
            shell.lists(f"muster {command[:-1]}", summary)

    def ask_fish(self, lines):
        """For each line what is offered, as a dictionary of words with their descriptions."""
        here = self.place()
        environment = {"PATH": os.environ["PATH"], "HOME": str(here), "LC_ALL": "C.UTF-8"}
        answers = subprocess.run(
            ["fish", "--no-config", "-c", FISH],
            input="".join(f"{line}\n" for line in lines),
            text=True,
            capture_output=True,
            check=True,
            cwd=here,
            env={**environment, "COMPLETION": str(PACKAGE / "muster.fish")},
        )
        self.assertEqual(answers.stderr, "")
        offered = [{}]
        for line in answers.stdout.splitlines():
            if line:
                word, _, description = line.partition("\t")
                offered[-1][word] = description
            else:
                offered.append({})
        return offered[:-1]

    def test_fish(self):
        typed = [typed for typed, _ in stories()]
        for (line, expected), offered in zip(stories(), self.ask_fish(typed), strict=True):
            with self.subTest(typed=line):
                # fish 4 tells of words, too, that only have the same letters, and shows them if there is no other. Where
                # there is nothing to offer, the word stays as it was typed.
                last = line.rpartition(" ")[2]
                words = {word.rstrip("/") for word in offered if word.startswith(last)}
                self.assertEqual(words or {last}, expected)
        (options, commands) = self.ask_fish(["muster peers --", "muster "])
        for option, line in re.findall(r"(?m)^  (?:    |-\w, )(--[a-z0-9-]+)\b.*?  +(.+)$", help_of("peers")):
            self.assertTrue(options[option].startswith(line), options[option])
        for command, summary in re.findall(r"(?m)^  ([a-z]+) +(.+)$", help_of().partition("\n\nGlobal")[0]):
            self.assertEqual(commands[command], summary)


if __name__ == "__main__":
    unittest.main(verbosity=2)
