"""The command's own streams and words, whatever the terminal, pipe or disk behind them is like."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from components.errors import WrongUse

# What a write says when there is no room: disk, quota, size limit of a file.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def prepare() -> None:
    """Make the standard streams safe to write to and to read from.

    A stream that was closed by whoever started the command reads as empty, and takes what is
    written to it; else the next file that is opened would get its number. A character that the
    terminal's encoding lacks is written as an escape, in the form that JSON has for it.
    """
    codecs.register_error("json-escape", _escaped)
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            _take_number(number)
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
        if mode == "w":
            stream.reconfigure(errors="json-escape")


def check_words(words: Sequence[str]) -> None:
    """Refuse words that are not text in the encoding of this terminal.

    Raises:
        WrongUse: says which one.
    """
    for number, word in enumerate(words, start=1):
        if any("\ud800" <= character <= "\udfff" for character in word):
            raise WrongUse(
                f"Word {number} of the command is not text in this terminal's encoding "
                f"({sys.getfilesystemencoding()})",
                fix="Set LC_ALL=C.UTF-8, or put the text into a UTF-8 file.",
            )


def tell(line: str) -> None:
    """Write a line for the person, made visible; one who has gone away is told nothing.

    Progress that nobody reads is no reason to drop a job half-way.
    """
    from components.tables.text import visible

    try:
        sys.stderr.write(visible(line) + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        let_go(sys.stderr)


def write_name(text: str) -> None:
    """Write the name of what was just made.

    A pipe that closed or a full disk drops no job half-way: the person is told the name, and the
    command goes on without its standard output.
    """
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        let_go(sys.stdout)
        say(f"cannot write to standard output ({error.strerror}): {text}")


def say(line: str) -> None:
    """Write progress for the person, always as one line."""
    from components.tables.text import one_line

    tell(one_line(line))


def ask() -> Callable[[str], bool] | None:
    """Asks the person yes or no; None where nobody sits at the terminal to answer."""
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        return None

    def asked(question: str) -> bool:
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    return asked


def print_json(value: Any) -> None:
    """Write a result for programs: indented JSON that hides nothing."""
    from components.tables.text import json_text

    sys.stdout.write(json_text(value, indent=2) + "\n")


def let_go(stream: TextIO) -> None:
    """Send what is left in the stream's buffer nowhere; it would fail once more at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def full(error: OSError) -> str:
    """What to say of a disk that is full."""
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}Cannot write: {error.strerror}. Make room, then run the command again."


def _take_number(number: int) -> None:
    """Open the null device under the number of a stream that is closed."""
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (units[at : at + 2].hex() for at in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end
