"""A dialogue on a terminal: a pseudo-terminal stands in for it, and somebody types."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.journeys.conftest import COMMAND, Terminal

FIRST = "2 tasks of `test $BATCH_TASK_INDEX -lt 3`, 5 minutes each, e2-standard-2"
# The terminal must control the process, or Ctrl-C is a character and no signal.
OWN_TERMINAL = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
PATIENCE_S = 120  # until a test gives up; nothing waits for so long


class Typist:
    """Types into the command and reads what it shows."""

    def __init__(self, terminal: Terminal, *words: str, **more: str) -> None:
        self.keys, slave = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL, str(COMMAND), *words],
            cwd=terminal.folder,
            env={**terminal.environment, "TERM": "dumb", **more},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)

    def types(self, line: str) -> None:
        """Type a line and press return."""
        self.presses(f"{line}\r")

    def presses(self, keys: str) -> None:
        """Press keys."""
        os.write(self.keys, keys.encode())

    def shows(self, words: str, seconds: float) -> bool:
        """Read until the words are shown, or the time is over, or the terminal closed."""
        until = time.monotonic() + seconds
        while words not in self.seen:
            wait = max(0.0, until - time.monotonic())
            more = self._more() if select.select([self.keys], [], [], wait)[0] else ""
            if not more:
                return False
            self.seen += more
        return True

    def sees(self, words: str) -> str:
        """Read until the words are shown; everything up to them since the last words."""
        assert self.shows(words, PATIENCE_S), f"{words!r} was not shown:\n{self.seen}"
        before, _, self.seen = self.seen.partition(words)
        return before + words

    def interrupts(self, words: str) -> None:
        """Press Ctrl-C until the words are shown.

        Once is not always enough: Python's readline misses a signal that comes just before it
        begins to wait for a key, until the next one. Whoever typed before must have seen it
        shown: Ctrl-C empties the terminal's queue, and a readline that was just told of a key
        there waits for it for ever, whatever signals come.
        """
        for _ in range(int(PATIENCE_S)):
            self.presses("\x03")
            if self.shows(words, 1.0):
                return
        raise AssertionError(f"{words!r} was not shown:\n{self.seen}")

    def ends(self) -> tuple[int, str]:
        """The exit code, and what was shown last."""
        self.shows("\0", PATIENCE_S)  # to the end
        return self.process.wait(PATIENCE_S), self.seen

    def _more(self) -> str:
        try:
            return os.read(self.keys, 65_536).decode("utf-8", "replace")
        except OSError:  # nobody holds the other end any more
            return ""

    def close(self) -> None:
        """Let go of the terminal; whoever still reads from it ends."""
        self.process.kill()
        self.process.wait()
        os.close(self.keys)


@pytest.fixture
def chat(at_stand_ins: Terminal) -> Iterator[Typist]:
    editor = at_stand_ins.folder / "editor.sh"
    editor.write_text('#!/bin/sh\nexec sed -i \'s/"300s"/"240s"/\' "$1"\n')
    editor.chmod(0o755)
    typist = Typist(at_stand_ins, "chat", EDITOR=str(editor))
    yield typist
    typist.close()


def test_a_whole_dialogue(chat: Typist, at_stand_ins: Terminal) -> None:
    chat.sees("> ")
    chat.types(FIRST)
    assert '"2 tasks"' in chat.sees("To submit: project local-project")
    chat.sees("> ")
    chat.types("make it 3 tasks")
    assert '+      "taskCount": 3,' in chat.sees("To submit")
    chat.types("edit")
    assert '+        "maxRunDuration": "240s"' in chat.sees("To submit")
    chat.types("4 tasks")
    chat.sees('"4 tasks"')
    chat.types("undo")
    chat.sees('+      "taskCount": 3,')
    chat.presses("\x1b[A\x1b[A\r")  # the line before the last: 4 tasks
    chat.sees('"4 tasks"')
    chat.types("undo")
    chat.types("name typed")
    chat.sees("name typed\r\n")
    chat.types("dry-run")
    chat.sees('"method": "POST"')
    chat.types("submit")
    chat.sees("succeeded; what each task did")
    chat.sees("> ")
    chat.presses("\x04")
    code, shown = chat.ends()
    assert code == 0
    assert "Left." in shown
    assert "Traceback" not in shown
    job = (at_stand_ins.folder / "runs" / "typed" / "submission.json").read_text()
    group = json.loads(job)["request"]["job"]["taskGroups"][0]
    assert (group["taskCount"], group["taskSpec"]["maxRunDuration"]) == (3, "240s")


@pytest.mark.parametrize(
    ("line", "key", "code"),
    [("half a line", "\x03", 130), ("a script: ```", "\x03", 130), ("a script: ```", "\x04", 0)],
)
def test_ctrl_c_and_ctrl_d_leave_and_submit_nothing(
    chat: Typist, at_stand_ins: Terminal, line: str, key: str, code: int
) -> None:
    chat.sees("> ")
    chat.types(FIRST)
    chat.sees("To submit")
    chat.sees("> ")
    chat.presses(line)
    chat.sees(line)
    if "```" in line:
        chat.presses("\r")
        chat.sees("... ")
    if key == "\x03":
        chat.interrupts("Left")
    else:
        chat.presses(key)
    got, shown = chat.ends()
    assert got == code
    assert "Left; nothing was submitted." in shown
    assert "Traceback" not in shown
    assert not (at_stand_ins.folder / "runs").exists()


def test_ctrl_c_while_a_job_runs_cancels_it_and_goes_on(chat: Typist) -> None:
    chat.sees("> ")
    chat.types("1 task of `sleep 600`, 20 minutes, e2-standard-2")
    chat.sees("To submit")
    chat.types("submit")
    chat.sees("RUNNING")
    chat.presses("\x03")
    chat.sees("The job was cancelled")
    chat.sees("> ")
    chat.types("exit")
    assert chat.ends()[0] == 1
