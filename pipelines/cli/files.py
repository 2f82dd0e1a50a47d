"""Files that a command reads and writes: local ones, gs:// addresses, - for standard input."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from components.errors import Intent2BatchError, WrongUse


def shown_name(file: str) -> str:
    """The file's name as it is told to people."""
    return "<stdin>" if file == "-" else file


def read_file(file: str) -> bytes:
    """The content of the file.

    Raises:
        WrongUse: there is no such file, or it cannot be read.
    """
    if file == "-":
        return sys.stdin.buffer.read()
    from components.storage.files import read_bytes

    try:
        return read_bytes(file)
    except Intent2BatchError as error:
        raise WrongUse(error.what, where=error.where, fix=error.fix) from error


def write_file(file: str, text: str) -> None:
    """Put the text in place of the file; a link stays a link, and permissions stay.

    Raises:
        WrongUse: the file may not be written.
    """
    from components.storage.files import write_text

    if file.startswith("gs://"):
        write_text(file, text, content_type="application/json")
        return
    target = Path(file).resolve()
    if not os.access(target, os.W_OK):
        raise WrongUse("The file may not be written", where=file, fix="Check its permissions.")
    mode = target.stat().st_mode
    write_text(str(target), text)
    target.chmod(stat.S_IMODE(mode))
