"""The real command in a process of its own, as a person in a terminal has it."""

from __future__ import annotations

import io
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from emulator.batch.processes import kill_marked
from emulator.launch import Emulator, start
from pipelines.cli import main

COMMAND = Path(sys.executable).with_name("intent2batch")
# What points at services of Google, or changes how text is read and written.
STRANGE = ("GOOGLE", "CLOUDSDK", "STORAGE_EMULATOR", "PYTHON", "LC_", "LANG", "COLUMNS", "GEMINI")
MARKER = "INTENT2BATCH_JOURNEY"


@dataclass(frozen=True)
class Ended:
    """How the command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """The last line for the person."""
        return self.err.splitlines()[-1] if self.err else ""


class Terminal:
    """A folder and an environment in which a person runs the command.

    Args:
        folder: where the person is.
        more: variables beside the usual ones.
    """

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.mark = f"{MARKER}={secrets.token_hex(8)}"
        usual = {name: v for name, v in os.environ.items() if not name.startswith(STRANGE)}
        name, value = self.mark.split("=")
        self.environment = {**usual, name: value, **(more or {})}

    def start(
        self,
        *words: str,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int | IO[bytes] = subprocess.PIPE,
        before: Sequence[str] = (),
        more: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start the command and leave it running."""
        return subprocess.Popen(
            [*before, str(COMMAND), *words],
            cwd=self.folder,
            env={**self.environment, **(more or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            encoding="utf-8",
            errors="replace",
        )

    def __call__(
        self,
        *words: str,
        stdin: str | None = None,
        before: Sequence[str] = (),
        more: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run the command to its end."""
        given = subprocess.DEVNULL if stdin is None else subprocess.PIPE
        with self.start(*words, stdin=given, before=before, more=more) as process:
            out, err = process.communicate(stdin, timeout=300)
        return Ended(process.returncode, out, err)

    def within(self, *words: str, stdin: str = "") -> Ended:
        """Run the command to its end in the tests' own process, for tables of many rows.

        It costs none of the 0.3 s in which a process starts. What the command itself starts is a
        process as ever, and carries the mark.
        """
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        code: object = 0
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ.keys() - self.environment.keys():
                patch.delenv(name)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", [COMMAND.name, *words])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
        for stream in (out, err):
            stream.flush()
        told = [stream.buffer.getvalue().decode() for stream in (out, err)]
        assert isinstance(code, int)
        return Ended(code, *told)

    def until(self, process: subprocess.Popen[str], words: str) -> None:
        """Read what the command tells, until it says the words."""
        told = []
        for line in process.stderr:
            told.append(line)
            if words in line:
                return
        raise AssertionError(f"{words!r} was not said:\n{''.join(told)}")

    @property
    def running(self) -> list[str]:
        """The command lines of what still runs of all that was started here."""
        return list(running(self.mark).values())


def running(mark: str) -> dict[int, str]:
    """The processes whose environment holds the words, with their command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    # A process that ended and was not reaped yet has neither.
    return {process: line for process, line in found.items() if line}


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal in an empty folder, without any setting of Google's."""
    (tmp_path / "here").mkdir()
    found = Terminal(tmp_path / "here")
    yield found
    kill_marked(found.mark)


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Stand-ins that the tests of a module share."""
    with start(tmp_path_factory.mktemp("stand-ins")) as emulator:
        yield emulator


@pytest.fixture
def at_stand_ins(tmp_path: Path, stand_ins: Emulator) -> Iterator[Terminal]:
    """A terminal into which the environment of the shared stand-ins was pasted."""
    found = Terminal(tmp_path, stand_ins.environment)
    yield found
    kill_marked(found.mark)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str | bytes], str]:
    """Puts content into a file beside the person's folder and gives its path."""

    def write(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write
